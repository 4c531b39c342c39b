/* conn.c - one client connection: its life and its events */
#include "server/net/conn_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

/* How much of what the peer still sends is read away in one go. */
#define CONN_LINGER_READS 8

static void conn_fired(struct watch *watch, int fd, int events, void *arg);
static void conn_timer_fired(struct timer *tm, void *arg);

static void
conn_link(struct conn *c)
{
	struct conns *all = conns_get(c->w);

	c->next = all->first;
	if (c->next != NULL)
		c->next->prev = c;
	all->first = c;
	all->n++;
}

static void
conn_unlink(struct conn *c)
{
	struct conns *all = c->w->conns;

	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		all->first = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	all->n--;
}

struct conn *
conn_new(struct listener *l, int fd, const struct net_addr *peer)
{
	struct worker *w = listener_worker(l);
	char id[128];
	int n = snprintf(id, sizeof(id), "%.64s-%u-%06llu", w->conf->node,
	    w->index, (unsigned long long)++conns_get(w)->number);
	struct conn *c = xcalloc(1, sizeof(*c) + (size_t)n + 1);
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t ss_n = sizeof(ss);

	memcpy(c->id, id, (size_t)n + 1);
	c->w = w;
	c->p = listener_protocol(l);
	c->l = listener_ref(l);
	c->fd = fd;
	c->peer = *peer;
	if (getsockname(fd, (struct sockaddr *)&ss, &ss_n) == 0)
		net_addr_of_sockaddr((struct sockaddr *)&ss, &c->local);
	c->in_max = CONN_INPUT_BYTES;
	c->began_ms = c->idle_at = conn_now_ms(c);
	c->idle_ms = c->p->start_timeout_ms;
	c->watch = watch_new(w->loop, fd, conn_fired, c);
	conn_link(c);
	conn_gauge(c, 1);
	return c;
}

/* The session has been closed, or there never was one. */
static void
conn_free(struct conn *c)
{
	invariant(c->task == NULL && c->opened == c->closed);
	conn_count_out(c);
	conn_gauge(c, -1);
	conn_unlink(c);
	timer_cancel(loop_sched(c->w->loop), &c->timer);
	tls_conn_free(&c->tls);
	watch_free(&c->watch);
	close(c->fd);
	listener_unref(&c->l);
	free(c->in);
	free(c->out);
	free(c);
}

/* At at_ms or before. */
static void
conn_timer(struct conn *c, uint64_t at_ms)
{
	uint64_t now_ms = conn_now_ms(c);

	if (at_ms == UINT64_MAX ||
	    (c->timer.slot != 0 && c->timer.at_ms <= at_ms))
		return;
	timer_set(loop_sched(c->w->loop), &c->timer,
	    at_ms > now_ms ? at_ms - now_ms : 0, conn_timer_fired, c);
}

/* When something has to happen in OPEN without a task. */
static uint64_t
conn_rest_limit(const struct conn *c)
{
	uint64_t at = UINT64_MAX;

	if (c->out_n > 0)
		at = c->out_at + CONN_WRITE_TIMEOUT_MS;
	else if (c->idle_ms > 0)
		at = c->idle_at + c->idle_ms;
	if (c->deadline_at > 0 && c->deadline_at < at)
		at = c->deadline_at;
	return at;
}

/* In OPEN, without a task: wait for whatever comes next. */
static void
conn_rest(struct conn *c)
{
	conn_release(c);
	/* A client that does not take its answers gets no further. */
	if (c->out_n > 0)
		watch_set(c->watch, WATCH_WRITE);
	else
		watch_set(c->watch, conn_has_room(c) ? WATCH_READ : 0);
	conn_timer(c, conn_rest_limit(c));
}

void
conn_enter(struct conn *c, enum conn_state state, uint64_t limit_ms)
{
	c->state = state;
	c->limit_at = conn_now_ms(c) + limit_ms;
	watch_set(c->watch, state == CONN_ENDING ? WATCH_WRITE : WATCH_READ);
	conn_timer(c, c->limit_at);
}

static bool
conn_is_over(const struct conn *c)
{
	/* Who cannot be answered is gone, whatever is left of what he sent: with
	 * a full buffer nothing would ever wake this connection. */
	return c->ending || c->in_code != 0 || c->out_dead;
}

static may_yield void
conn_event(struct task *t, struct conn *c)
{
	unsigned events = c->pending;

	c->pending = 0;
	if ((events & CONN_EVENT_TIMEOUT) && c->deadline_at <= conn_now_ms(c))
		c->deadline_at = 0; /* said once */
	c->p->event(t, c, events);
	if (events & ~(unsigned)CONN_EVENT_KICK)
		c->idle_at = conn_now_ms(c);
}

/* A connection's task: as long as there is something to do. */
static may_yield void
conn_main(struct task *t, void *arg)
{
	struct conn *c = arg;

	task_set_log(t, c->id, NULL);
	if (!c->opened && !c->ending) {
		c->opened = true;
		c->p->open(t, c);
		c->idle_at = conn_now_ms(c);
	}
	for (;;) {
		/* What came before the end is still looked at. */
		if (c->ending || (c->in_code != 0 && c->pending == 0))
			break;
		if (c->pending != 0)
			conn_event(t, c);
		else if (c->tls != NULL && tls_conn_is_pending(c->tls) &&
			 conn_pull(c) > 0)
			c->pending |= CONN_EVENT_INPUT;
		else
			break;
	}
	conn_push(c);
	c->task = NULL;
	if (!conn_is_over(c)) {
		conn_rest(c);
		return;
	}
	/* close() runs outside any task: from the timer. */
	watch_set(c->watch, 0);
	timer_set(loop_sched(c->w->loop), &c->timer, 0, conn_timer_fired, c);
}

void
conn_run(struct conn *c)
{
	if (c->task == NULL)
		c->task = task_start(loop_sched(c->w->loop), c->p->name,
		    conn_main, c);
}

/* Everything is out: say so, and wait for the peer to have seen it. */
static void
conn_linger(struct conn *c)
{
	/* A close_notify says that all was said. */
	if (c->tls != NULL && !c->out_dead)
		tls_conn_bye(c->tls);
	/* The peer has ended and all it sent was read: nothing can be lost. */
	if (c->out_dead || c->eof || shutdown(c->fd, SHUT_WR) != 0) {
		conn_free(c);
		return;
	}
	tls_conn_free(&c->tls);
	conn_enter(c, CONN_LINGER, CONN_LINGER_MS);
}

void
conn_finish(struct conn *c)
{
	c->ending = true;
	if (c->opened && !c->closed) {
		c->closed = true;
		c->p->close(c);
		c->session = NULL;
	}
	conn_push(c);
	c->in_n = 0;
	conn_release(c);
	if (c->out_n > 0)
		conn_enter(c, CONN_ENDING, CONN_WRITE_TIMEOUT_MS);
	else
		conn_linger(c);
}

void
conn_abort(struct conn *c)
{
	c->ending = c->out_dead = true;
	c->out_n = 0;
	if (c->in_code == 0)
		c->in_code = ERR_UNAVAIL;
	if (c->task == NULL)
		conn_finish(c);
	else if (c->waiting != 0) {
		c->woken = true;
		task_wake(c->task);
	}
}

static void
conn_open_ready(struct conn *c)
{
	if (c->out_n > 0) {
		conn_push(c);
		if (c->out_dead)
			conn_finish(c);
		else
			conn_rest(c);
		return;
	}
	if (conn_pull(c) > 0) {
		c->idle_at = conn_now_ms(c);
		c->pending |= CONN_EVENT_INPUT;
		conn_run(c);
	} else if (c->in_code != 0)
		conn_finish(c);
	else
		conn_rest(c);
}

static void
conn_ending_ready(struct conn *c)
{
	conn_push(c);
	if (c->out_n == 0)
		conn_linger(c);
}

/* What comes now is nobody's: never TLS again, never looked at. */
static void
conn_linger_ready(struct conn *c)
{
	char away[4096];
	ssize_t got = 0;

	for (int i = 0; i < CONN_LINGER_READS; i++) {
		got = recv(c->fd, away, sizeof(away), 0);
		if (got <= 0)
			break;
	}
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		conn_free(c);
}

static void
conn_fired(struct watch *watch, int fd, int events, void *arg)
{
	static void (*const ready[])(struct conn * c) = {
		[CONN_PROXY] = conn_start_ready,
		[CONN_HANDSHAKE] = conn_start_ready,
		[CONN_OPEN] = conn_open_ready,
		[CONN_ENDING] = conn_ending_ready,
		[CONN_LINGER] = conn_linger_ready,
	};
	struct conn *c = arg;

	(void)fd;
	if (c->task == NULL)
		ready[c->state](c);
	else if (c->waiting & events) {
		c->woken = true;
		task_wake(c->task);
	} else /* Nobody waits for it now; the next wait asks again. */
		watch_set(watch, 0);
}

/* Too late in OPEN: for the client to take its answers, or to speak. */
static void
conn_open_late(struct conn *c)
{
	if (conn_is_over(c)) /* conn_main left it to the timer */
		conn_finish(c);
	else if (c->out_n > 0 &&
		 c->out_at + CONN_WRITE_TIMEOUT_MS <= conn_now_ms(c))
		conn_abort(c);
	else {
		c->pending |= CONN_EVENT_TIMEOUT;
		conn_run(c);
	}
}

static void
conn_timer_fired(struct timer *tm, void *arg)
{
	struct conn *c = arg;
	uint64_t at;

	(void)tm;
	if (c->task != NULL) {
		if (c->waiting != 0) {
			c->woken = true;
			task_wake(c->task);
		}
		return;
	}
	at = c->state != CONN_OPEN ? c->limit_at
	     : conn_is_over(c)	   ? 0
				   : conn_rest_limit(c);
	if (at > conn_now_ms(c))
		conn_timer(c, at);
	else if (c->state == CONN_OPEN)
		conn_open_late(c);
	else if (c->state == CONN_PROXY || c->state == CONN_HANDSHAKE)
		conn_start_late(c);
	else {
		c->out_dead = true;
		conn_free(c);
	}
}

may_yield void
conn_wait(struct task *t, struct conn *c, int events, uint64_t limit_at)
{
	invariant(c->task == t);
	c->woken = false;
	c->waiting = (uint8_t)events;
	watch_set(c->watch, events);
	conn_timer(c, limit_at);
	task_wait(t, &c->woken);
	c->waiting = 0;
}

struct worker *
conn_worker(const struct conn *c)
{
	return c->w;
}

const struct protocol *
conn_protocol(const struct conn *c)
{
	return c->p;
}

const struct conf_listener *
conn_listener(const struct conn *c)
{
	return listener_conf(c->l);
}

const struct net_addr *
conn_peer(const struct conn *c)
{
	return &c->peer;
}

const struct net_addr *
conn_local(const struct conn *c)
{
	return &c->local;
}

const char *
conn_id(const struct conn *c)
{
	return c->id;
}

uint64_t
conn_began_ms(const struct conn *c)
{
	return c->began_ms;
}

void *
conn_session(const struct conn *c)
{
	return c->session;
}

void
conn_set_session(struct conn *c, void *session)
{
	c->session = session;
}

bool
conn_has_spoken(const struct conn *c)
{
	return c->spoken;
}

void
conn_set_idle_timeout(struct conn *c, uint32_t ms)
{
	c->idle_ms = ms;
}

void
conn_set_deadline(struct conn *c, uint64_t at_ms)
{
	c->deadline_at = at_ms;
}

void
conn_set_floor(struct conn *c, uint32_t bytes_per_s)
{
	c->floor = bytes_per_s;
	c->floor_bytes = c->floor_waited_ms = 0;
}

void
conn_end(struct conn *c)
{
	c->ending = true;
	/* A task sees it when it returns; without one, end from the timer. */
	if (c->task == NULL && c->state == CONN_OPEN)
		timer_set(loop_sched(c->w->loop), &c->timer, 0,
		    conn_timer_fired, c);
}

bool
conn_is_ending(const struct conn *c)
{
	/* A peer that has only ended its side still wants its answers. */
	return c->ending || c->out_dead;
}

void
conn_kick(struct conn *c)
{
	if (c->closed || c->ending)
		return;
	c->pending |= CONN_EVENT_KICK;
	if (c->state == CONN_OPEN)
		conn_run(c);
}

unsigned
conn_count(const struct worker *w)
{
	return w->conns == NULL ? 0 : w->conns->n;
}

unsigned
conn_drain(struct worker *w, const struct protocol *p, unsigned max)
{
	unsigned n = 0;

	if (w->conns == NULL)
		return 0;
	for (struct conn *c = w->conns->first; c != NULL && n < max;
	     c = c->next) {
		if (c->told || c->closed || (p != NULL && c->p != p))
			continue;
		c->told = true;
		c->pending |= CONN_EVENT_DRAIN;
		if (c->state == CONN_OPEN)
			conn_run(c);
		n++;
	}
	return n;
}

void
conn_abort_all(struct worker *w)
{
	struct conn *c, *next;

	if (w->conns == NULL)
		return;
	for (c = w->conns->first; c != NULL; c = next) {
		next = c->next;
		conn_abort(c);
	}
}
