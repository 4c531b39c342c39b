/* master_worker.c - starting workers, and what to do when they end */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/channel.h"
#include "server/master_private.h"
#include "server/notify.h"
#include "server/worker_run.h"

static void
master_child_close(struct master *m, unsigned i)
{
	close(m->signal_fd);
	for (unsigned k = 0; k < m->workers_n; k++) {
		struct master_worker *w = &m->workers[k];

		/* Its own master's end too; siblings' pairs are worker 0's and
		 * each one's own. */
		if (w->channel >= 0)
			close(w->channel);
		if (k > 0 && i != 0)
			close(w->sibling[0]);
		if (k > 0 && i != k)
			close(w->sibling[1]);
	}
}

noreturn_fn static void
master_child(struct master *m, unsigned i, int channel, pid_t master)
{
	struct worker_start s = { .index = i,
		.workers = m->workers_n,
		.conf = m->conf,
		.counts = m->counts,
		.board = m->board,
		.underway = m->underway,
		.log = m->log,
		.channel = channel,
		.sibling = i > 0 ? m->workers[i].sibling[1] : -1,
		.master = master };
	int *siblings = xcalloc(m->workers_n, sizeof(*siblings));
	struct worker_socket *sockets =
	    xcalloc((size_t)m->sockets_n + 1, sizeof(*sockets));

	master_child_close(m, i);
	sigprocmask(SIG_SETMASK, &m->old_signals, NULL);
	for (unsigned k = 1; i == 0 && k < m->workers_n; k++)
		siblings[k - 1] = m->workers[k].sibling[0];
	s.siblings = siblings;
	s.siblings_n = i == 0 ? m->workers_n - 1 : 0;
	for (unsigned k = 0; k < m->sockets_n; k++) {
		sockets[k].text = m->sockets[k].text;
		sockets[k].fd = m->sockets[k].fd;
	}
	s.sockets = sockets;
	s.sockets_n = m->sockets_n;
	worker_run(&s);
}

static void
master_worker_retry(struct master *m, struct master_worker *w)
{
	uint64_t now = master_now_ms();

	if (w->backoff_ms == 0 || now - w->started_ms >= MASTER_STABLE_MS)
		w->backoff_ms = MASTER_BACKOFF_MS;
	else if (w->backoff_ms < MASTER_BACKOFF_MAX_MS / 2)
		w->backoff_ms *= 2;
	else
		w->backoff_ms = MASTER_BACKOFF_MAX_MS;
	w->start_at_ms = now + w->backoff_ms;
	(void)m;
}

void
master_worker_start(struct master *m, unsigned i)
{
	struct master_worker *w = &m->workers[i];
	pid_t master = getpid(), pid;
	int pair[2];

	w->started_ms = master_now_ms();
	if (!channel_pair(pair)) {
		log_error(NULL, "worker not started", LOG_U64("index", i),
		    LOG_C("why", strerror(errno)));
		master_worker_retry(m, w);
		return;
	}
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		master_child(m, i, pair[1], master);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		log_error(NULL, "worker not started", LOG_U64("index", i),
		    LOG_C("why", strerror(errno)));
		master_worker_retry(m, w);
		return;
	}
	w->pid = pid;
	w->channel = pair[0];
	w->up = w->told_finish = w->reloading = false;
	w->pings = 0;
}

static void
master_worker_ended(struct master *m, unsigned i, int status)
{
	struct master_worker *w = &m->workers[i];

	master_worker_read(m, i); /* its last words */
	if (w->channel >= 0)
		close(w->channel);
	w->channel = -1;
	w->pid = 0;
	w->reloading = false;
	master_reload_done(m);
	if (m->phase != MASTER_RUNNING)
		return;
	master_worker_retry(m, w);
	log_error(NULL, "worker ended", LOG_U64("index", i),
	    LOG_C(WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit"),
	    LOG_U64("number",
		(uint64_t)(WIFSIGNALED(status) ? WTERMSIG(status)
					       : WEXITSTATUS(status))),
	    LOG_U64("restart_ms", w->backoff_ms));
}

void
master_worker_reap(struct master *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i < m->workers_n; i++)
			if (m->workers[i].pid == pid)
				master_worker_ended(m, i, status);
}

static void
master_refused(struct master *m, struct str sentence)
{
	if (m->phase == MASTER_KILLING)
		return;
	/* On a terminal, or in the unit's log, it has to be seen. */
	log_error(NULL, "this node does not run", LOG_STR("why", sentence));
	notify("STATUS=refused: " STR_FMT, STR_ARG(sentence));
	m->phase = MASTER_KILLING;
	m->status = 1;
	master_workers_kill(m, SIGKILL);
}

static void
master_worker_up(struct master *m)
{
	for (unsigned i = 0; i < m->workers_n; i++)
		if (!m->workers[i].up)
			return;
	if (m->ready)
		return;
	m->ready = true;
	notify("READY=1");
}

void
master_worker_read(struct master *m, unsigned i)
{
	struct master_worker *w = &m->workers[i];
	struct channel_msg msg;
	enum channel_got got = CHANNEL_GONE;

	while (w->channel >= 0 &&
	       (got = channel_recv(w->channel, &msg)) == CHANNEL_MSG) {
		for (unsigned k = 0; k < msg.fds_n; k++)
			close(msg.fds[k]);
		if (msg.type == CHANNEL_REFUSED) {
			master_refused(m, str_of(msg.data, msg.n));
		} else if (msg.type == CHANNEL_UP) {
			w->up = true;
			master_worker_up(m);
		} else if (msg.type == CHANNEL_PONG) {
			w->pings = 0;
		} else if (msg.type == CHANNEL_TAKEN) {
			w->reloading = false;
			master_reload_done(m);
		} else if (msg.type == CHANNEL_STATUS) {
			notify("STATUS=" STR_FMT,
			    STR_ARG(str_of(msg.data, msg.n)));
		}
	}
	/* It is about to be reaped. */
	if (got == CHANNEL_GONE && w->channel >= 0) {
		close(w->channel);
		w->channel = -1;
	}
}

unsigned
master_workers_alive(const struct master *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->workers_n; i++)
		n += m->workers[i].pid > 0;
	return n;
}

/* Pings are counted, not time: the machine may have slept. */
void
master_workers_ping(struct master *m)
{
	for (unsigned i = 0; i < m->workers_n; i++) {
		struct master_worker *w = &m->workers[i];

		if (w->pid == 0 || w->channel < 0)
			continue;
		if (w->pings >= MASTER_PINGS_MAX) {
			log_error(NULL, "worker hangs", LOG_U64("index", i),
			    LOG_U64("seconds",
				w->pings * MASTER_PING_MS / 1000));
			kill(w->pid, SIGKILL);
			continue;
		}
		w->pings++;
		(void)channel_send(w->channel, CHANNEL_PING, NULL, 0, NULL, 0);
	}
}

void
master_workers_kill(struct master *m, int signum)
{
	for (unsigned i = 0; i < m->workers_n; i++)
		if (m->workers[i].pid > 0)
			kill(m->workers[i].pid, signum);
}

void
master_workers_tell(struct master *m, int type, const void *p, size_t n,
    const int *fds, unsigned fds_n)
{
	for (unsigned i = 0; i < m->workers_n; i++)
		if (m->workers[i].channel >= 0 &&
		    !channel_send(m->workers[i].channel,
			(enum channel_type)type, p, n, fds, fds_n)) {
			/* It does not read: it would miss a reload. */
			log_error(NULL, "worker does not answer",
			    LOG_U64("index", i));
			kill(m->workers[i].pid, SIGKILL);
		}
}

/* The last one gives the lease back when the others are gone. */
static void
master_workers_finish(struct master *m)
{
	struct master_worker *first = &m->workers[0];

	if (first->pid == 0 || first->told_finish ||
	    master_workers_alive(m) > 1)
		return;
	first->told_finish = true;
	if (first->channel >= 0)
		channel_send(first->channel, CHANNEL_FINISH, NULL, 0, NULL, 0);
}

uint64_t
master_workers_tick(struct master *m)
{
	uint64_t now = master_now_ms(), next = UINT64_MAX;

	if (m->phase == MASTER_DRAINING)
		master_workers_finish(m);
	for (unsigned i = 0; i < m->workers_n; i++) {
		struct master_worker *w = &m->workers[i];

		if (m->phase != MASTER_RUNNING || w->pid > 0)
			continue;
		if (now >= w->start_at_ms)
			master_worker_start(m, i);
		if (w->pid == 0 && w->start_at_ms < next)
			next = w->start_at_ms;
	}
	return next;
}
