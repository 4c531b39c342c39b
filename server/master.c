/* master.c - the process that binds, starts workers and keeps them alive */
#include "server/master.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "server/channel.h"
#include "server/cluster/board.h"
#include "server/master_private.h"
#include "server/notify.h"
#include "server/privs.h"
#include "server/queue/underway.h"

uint64_t
master_now_ms(void)
{
	return clock_system.boot_ms(NULL);
}

/* --- signals --- */

static void
master_signals(struct master *m)
{
	static const int all[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD };

	sigemptyset(&m->signals);
	for (unsigned i = 0; i < countof(all); i++)
		sigaddset(&m->signals, all[i]);
	sigprocmask(SIG_BLOCK, &m->signals, &m->old_signals);
	m->signal_fd = signalfd(-1, &m->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (m->signal_fd < 0)
		panic("signalfd: %s", strerror(errno));
	signal(SIGPIPE, SIG_IGN);
}

static void
master_drain(struct master *m)
{
	log_info(NULL, "stopping",
	    LOG_U64("drain_timeout_s", m->conf->drain_timeout_s));
	notify("STOPPING=1\nSTATUS=sessions are finishing");
	m->phase = MASTER_DRAINING;
	m->deadline_ms = master_now_ms() + MASTER_STOP_MS +
			 (uint64_t)m->conf->drain_timeout_s * 1000;
	/* Nobody gets in any more: whoever tries is told so at once. */
	master_sockets_install(m, xcalloc(1, sizeof(*m->sockets)), 0);
	master_workers_tell(m, CHANNEL_DRAIN, NULL, 0, NULL, 0);
}

static void
master_terminate(struct master *m)
{
	if (m->phase == MASTER_RUNNING) {
		master_drain(m);
		return;
	}
	m->phase = MASTER_KILLING;
	master_workers_kill(m, SIGKILL);
}

static void
master_signal(struct master *m, uint32_t signum)
{
	switch (signum) {
	case SIGTERM:
	case SIGINT:
		master_terminate(m);
		break;
	case SIGHUP:
		if (m->phase == MASTER_RUNNING)
			master_reload(m);
		break;
	case SIGUSR1:
		master_reopen_log(m);
		break;
	case SIGCHLD:
		master_worker_reap(m);
		break;
	default:
		break;
	}
}

static void
master_read_signals(struct master *m)
{
	struct signalfd_siginfo si;

	while (read(m->signal_fd, &si, sizeof(si)) == sizeof(si))
		master_signal(m, si.ssi_signo);
}

/* --- waiting --- */

static uint64_t
master_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What is due; when the next is. */
static uint64_t
master_tick(struct master *m)
{
	uint64_t now = master_now_ms(), next = master_workers_tick(m);

	if (m->phase == MASTER_DRAINING && now >= m->deadline_ms) {
		log_warn(NULL, "sessions cut off",
		    LOG_U64("workers", master_workers_alive(m)));
		m->phase = MASTER_KILLING;
		master_workers_kill(m, SIGKILL);
	}
	if (m->phase == MASTER_DRAINING)
		next = master_min(next, m->deadline_ms);
	if (m->phase == MASTER_RUNNING && now >= m->files_at_ms) {
		m->files_at_ms = now + MASTER_FILES_MS;
		if (master_files_changed(m))
			master_reload(m);
	}
	if (m->phase == MASTER_RUNNING && m->conf->certificates_n > 0)
		next = master_min(next, m->files_at_ms);
	if (now >= m->ping_at_ms) {
		m->ping_at_ms = now + MASTER_PING_MS;
		master_workers_ping(m);
	}
	next = master_min(next, m->ping_at_ms);
	if (m->watchdog_ms > 0 && now >= m->watchdog_at_ms) {
		m->watchdog_at_ms = now + m->watchdog_ms;
		notify("WATCHDOG=1");
	}
	return m->watchdog_ms > 0 ? master_min(next, m->watchdog_at_ms) : next;
}

static void
master_wait(struct master *m, struct pollfd *p, uint64_t until_ms)
{
	uint64_t now = master_now_ms();
	/* Not for ever: the boot clock may have slept. */
	uint64_t ms = until_ms == UINT64_MAX ? 60000
		      : until_ms > now	     ? until_ms - now
					     : 0;

	p[0] = (struct pollfd){ m->signal_fd, POLLIN, 0 };
	for (unsigned i = 0; i < m->workers_n; i++)
		p[i + 1] = (struct pollfd){ m->workers[i].channel, POLLIN, 0 };
	if (poll(p, m->workers_n + 1, ms > 60000 ? 60000 : (int)ms) <= 0)
		return;
	for (unsigned i = 0; i < m->workers_n; i++)
		if (p[i + 1].revents != 0)
			master_worker_read(m, i);
	if (p[0].revents != 0)
		master_read_signals(m);
}

static void
master_loop(struct master *m)
{
	struct pollfd *p = xcalloc((size_t)m->workers_n + 1, sizeof(*p));

	for (;;) {
		uint64_t next = master_tick(m);

		if (m->phase != MASTER_RUNNING && master_workers_alive(m) == 0)
			break;
		master_wait(m, p, next);
	}
	free(p);
}

/* --- beginning and end --- */

static struct err *
master_begin(struct arena *a, struct master *m)
{
	struct master_socket *list;
	struct err *e =
	    privs_make_local(a, m->conf->local, m->conf->user, m->conf->group);
	unsigned n;
	int fd = -1;

	if (e == NULL)
		e = logfile_open(a, m->conf, &fd);
	if (e == NULL)
		e = master_sockets_make(a, m, m->conf, &list, &n);
	if (e != NULL)
		return e;
	master_sockets_install(m, list, n);
	logfile_use(&m->log, m->conf, fd);
	m->workers_n = m->conf->workers;
	m->workers = xcalloc(m->workers_n, sizeof(*m->workers));
	m->counts = counts_new(m->workers_n);
	m->board = board_new();
	m->underway = underway_new();
	for (unsigned i = 0; i < m->workers_n; i++) {
		m->workers[i].channel = -1;
		if (i > 0 && !channel_pair(m->workers[i].sibling))
			return err_errno(a, errno, "no socket pair");
	}
	return NULL;
}

static void
master_say_started(const struct master *m)
{
	log_info(NULL, "started", LOG_C("version", PACKAGE_VERSION),
	    LOG_C("node", m->conf->node), LOG_U64("workers", m->workers_n),
	    LOG_U64("sockets", m->sockets_n), LOG_C("share", m->conf->share));
	if (geteuid() == 0 && strcmp(m->conf->user, "root") == 0)
		log_warn(NULL, "workers run as root: name another user");
}

int
master_run(const char *file, struct conf *c)
{
	struct master m = { .file = file, .conf = c, .log = LOGFILE_NONE };
	struct arena *a = arena_new(0);
	struct err *e;

	privs_raise_files();
	e = master_begin(a, &m);
	if (e != NULL) {
		fprintf(stderr, "shoald: %s%s%s%s\n", e->text,
		    e->detail ? " (" : "", e->detail ? e->detail : "",
		    e->detail ? ")" : "");
		return 1;
	}
	arena_free(&a);
	master_signals(&m);
	m.watchdog_ms = notify_watchdog_ms();
	(void)master_files_changed(&m);
	m.files_at_ms = master_now_ms() + MASTER_FILES_MS;
	master_say_started(&m);
	master_loop(&m);
	log_info(NULL, "stopped", LOG_U64("status", (uint64_t)m.status));
	return m.status;
}
