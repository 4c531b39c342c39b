/* net_rig.h - a worker with one listener, and clients that talk to it */
#ifndef TESTS_UNIT_NET_RIG_H
#define TESTS_UNIT_NET_RIG_H

#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/loop.h"
#include "server/net/counts.h"
#include "server/net/listener.h"
#include "server/worker.h"

/*
 * The clock is the system's plus what the test adds.  Clients are tasks of the
 * same loop that look at their sockets every millisecond; what they wait for
 * comes, or the test fails, within RIG_PATIENCE_MS of real time.
 */
#define RIG_PATIENCE_MS 20000

struct net_rig {
	struct worker w;
	struct conf conf;
	struct conf_listener lc;
	struct listener *l;
	struct arena *arena;
	struct sockaddr_storage sa;
	socklen_t sa_n;
	struct clock clock;
	uint64_t ahead_ms;
	int64_t ahead_days, ahead_s; /* of the wall clock */
	uint64_t setting[STATE_SETTINGS];
	const char *exempt;
	bool hide_ports; /* not to be told: they differ from run to run */
	bool spoken;
	/* what the protocol saw */
	unsigned opened, closed, timeouts, kicks, drains;
	struct conn *last;
	enum err_code last_code;
	void (*script)(struct task *t, struct net_rig *r);
};

/* What the worker has of core in the server. */
uint64_t
worker_setting(const struct worker *w, enum state_setting id)
{
	return ((const struct net_rig *)w)->setting[id];
}

struct str
worker_setting_text(const struct worker *w, enum state_setting id)
{
	(void)id;
	return str_c(((const struct net_rig *)w)->exempt);
}

const char *
worker_hostname(const struct worker *w)
{
	(void)w;
	return "mx.example.org";
}

static uint64_t
rig_boot_ms(void *arg)
{
	struct net_rig *r = arg;

	return clock_system.boot_ms(clock_system.arg) + r->ahead_ms;
}

static inline int64_t
rig_wall_s(void *arg)
{
	struct net_rig *r = arg;

	return clock_system.wall_s(clock_system.arg) + r->ahead_days * 86400 +
	       r->ahead_s;
}

static inline struct net_rig *
rig_new(void)
{
	struct net_rig *r = xcalloc(1, sizeof(*r));

	/* what fails inside a task cannot jump out of it */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	r->arena = arena_new(0);
	r->clock = (struct clock){ rig_boot_ms, rig_wall_s, r };
	r->conf.node = "n1";
	r->w.conf = &r->conf;
	r->w.index = 0;
	r->w.workers = 1;
	r->w.loop = loop_new(&r->clock, &rnd_system);
	r->w.sched = loop_sched(r->w.loop);
	r->w.counts = counts_new(2);
	counts_join(r->w.counts, 0);
	r->setting[STATE_NET_CONNECTIONS] = 65536;
	r->setting[STATE_NET_PER_CLIENT] = 50;
	r->setting[STATE_NET_PER_CLIENT_IMAP] = 200;
	r->setting[STATE_NET_RATE_PER_CLIENT] = 300;
	r->setting[STATE_NET_TLS_HANDSHAKE] = 10;
	r->setting[STATE_NET_PROXY_HEADER] = 5;
	r->exempt = "127.0.0.0/8 ::1";
	return r;
}

static inline void
rig_network(struct net_rig *r, const char *text, struct net_network **list,
    unsigned *n)
{
	*list = arena_new_obj(r->arena, struct net_network);
	*n = 1;
	assert_null(net_network_parse(r->arena, str_c(text), *list));
}

static inline void
rig_listen(struct net_rig *r, const struct protocol *p, const char *address)
{
	struct net_listen *ad = arena_new_obj(r->arena, struct net_listen);
	struct err *e;
	int fd;

	assert_null(net_listen_parse(r->arena, str_c(address), ad));
	r->lc.name = "test";
	r->lc.protocol = p->name;
	r->lc.addresses = ad;
	r->lc.addresses_n = 1;
	e = listener_bind(r->arena, &r->lc, 0, &fd);
	if (e != NULL)
		fail_msg("%s", e->text);
	r->sa_n = sizeof(r->sa);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&r->sa, &r->sa_n),
	    0);
	r->l = listener_new(&r->w, &r->lc, p, fd);
}

static inline void
rig_free(struct net_rig *r)
{
	listener_free(&r->l);
	conn_abort_all(&r->w);
	loop_run(r->w.loop, true);
	assert_int_equal(conn_count(&r->w), 0);
	assert_int_equal(r->opened, r->closed);
	for (unsigned s = STAT_CONN_SMTP; s <= STAT_CONN_OTHER; s++)
		assert_int_equal(stat_sum(r->w.counts, (enum stat_id)s), 0);
	conns_free(&r->w.conns);
	counts_free(&r->w.counts);
	loop_free(&r->w.loop);
	arena_free(&r->arena);
	free(r);
}

static inline may_yield_unchecked void
rig_script_main(struct task *t, void *arg)
{
	struct net_rig *r = arg;

	r->script(t, r);
}

static inline void
rig_run(struct net_rig *r, void (*script)(struct task *t, struct net_rig *r))
{
	r->script = script;
	loop_run_task(r->w.loop, "script", rig_script_main, r);
}

/* --- clients --- */

static inline int
rig_connect(struct net_rig *r)
{
	int fd = socket(r->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	/* the listener's backlog takes it, blocking or not */
	assert_int_equal(connect(fd, (struct sockaddr *)&r->sa, r->sa_n), 0);
	return fd;
}

static inline void
rig_send(int fd, const void *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), n);
}

static inline void
rig_puts(int fd, const char *s)
{
	rig_send(fd, s, strlen(s));
}

/* Let the loop turn until *flag reaches at least want. */
static inline may_yield void
rig_await(struct task *t, const unsigned *flag, unsigned want)
{
	uint64_t limit = clock_system.boot_ms(NULL) + RIG_PATIENCE_MS;

	while (*flag < want) {
		if (clock_system.boot_ms(NULL) > limit)
			fail_msg("waited in vain: %u where %u should be", *flag,
			    want);
		task_sleep_ms(t, 1);
	}
}

/* What has been sent is read, and what follows is done: so many turns of the loop,
 * however late each of them is. */
static inline may_yield void
rig_turns(struct task *t, unsigned n)
{
	while (n-- > 0)
		task_sleep_ms(t, 1);
}

/* The next byte or bytes; 0 at the end, -1 after a reset. */
static inline may_yield ssize_t
rig_recv(struct task *t, int fd, void *p, size_t n)
{
	uint64_t limit = clock_system.boot_ms(NULL) + RIG_PATIENCE_MS;
	ssize_t got;

	for (;;) {
		got = recv(fd, p, n, MSG_DONTWAIT);
		if (got >= 0 || errno != EAGAIN)
			return got;
		if (clock_system.boot_ms(NULL) > limit)
			fail_msg("nothing comes");
		task_sleep_ms(t, 1);
	}
}

static inline may_yield void
rig_expect(struct task *t, int fd, const char *want)
{
	char got[1024];
	size_t n = 0, want_n = strlen(want);
	ssize_t part;

	assert_true(want_n < sizeof(got));
	while (n < want_n && (part = rig_recv(t, fd, got + n, want_n - n)) > 0)
		n += (size_t)part;
	got[n] = '\0';
	assert_string_equal(got, want);
}

static inline may_yield void
rig_expect_end(struct task *t, int fd)
{
	char c;

	assert_int_equal(rig_recv(t, fd, &c, 1), 0);
	close(fd);
}

#endif
