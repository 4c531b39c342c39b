/* account_rig.h - two nodes over one scratch share, for tests of accounts */
#ifndef TESTS_UNIT_ACCOUNT_RIG_H
#define TESTS_UNIT_ACCOUNT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/task.h"
#include "storage/account.h"
#include "storage/folder.h"
#include "storage/message.h"
#include "storage/share/share_count.h"
#include "storage/share/share_fault.h"
#include "storage/share/share_posix.h"

/*
 * One scheduler whose clock stands still while a task runs; each node has a
 * share object (posix, faults, counts), a store and a mailstore of its own.
 */
#define ARIG_NODES 2

struct arig_node {
	struct share *share, *fault;
	struct store *store;
	struct mailstore *ms;
};

struct arig {
	struct sched *sched;
	struct rnd_seeded seed;
	struct rnd rnd;
	struct clock clock;
	uint64_t now;
	int64_t wall; /* at now == 0 */
	char dir[64];
	struct arig_node node[ARIG_NODES];
	struct mailstore_conf conf; /* store is filled in */
	void (*fn)(struct task *t, struct arig *r);
	bool done;
	uint64_t warned;
	uint64_t slept;	/* now, when the real clock last moved for sure */
	void *arg;
};

#define assert_ok(e) arig_assert_code((e), ERR_NONE, __FILE__, __LINE__)
#define assert_err(e, c) arig_assert_code((e), (c), __FILE__, __LINE__)
static inline void
arig_assert_code(struct err *e, enum err_code code, const char *file, int line)
{
	if (err_code(e) != code) {
		print_error("%s:%d: %s expected, got %s: %s (%s)\n", file, line,
		    err_name(code), err_name(err_code(e)),
		    e != NULL ? e->text : "success",
		    e != NULL && e->detail != NULL ? e->detail : "");
		_fail(file, line);
	}
}

static inline uint64_t
arig_now(void *arg)
{
	return ((struct arig *)arg)->now;
}

static inline int64_t
arig_wall(void *arg)
{
	struct arig *r = arg;

	return r->wall + (int64_t)(r->now / 1000);
}

static inline void
arig_task(struct task *t, void *arg)
{
	struct arig *r = arg;

	r->fn(t, r);
	r->done = true;
}

static inline void
arig_turn(struct arig *r)
{
	if (sched_run_one(r->sched))
		return;
	assert_true(sched_next_timer_ms(r->sched) != UINT64_MAX);
	/* the share's attributes come from the real clock, which is coarse:
	 * minutes must not pass within one tick of it */
	if (sched_next_timer_ms(r->sched) > r->slept + 60000) {
		usleep(10000);
		r->slept = sched_next_timer_ms(r->sched);
	}
	r->now = sched_next_timer_ms(r->sched);
	sched_run_timers(r->sched);
}

/* Run fn as a task to its end, and whatever it left behind. */
static inline void
arig_run(struct arig *r, void (*fn)(struct task *t, struct arig *r))
{
	r->fn = fn;
	r->done = false;
	task_start(r->sched, "test", arig_task, r);
	while (!r->done || sched_task_count(r->sched) > 0)
		arig_turn(r);
}

static inline void may_yield_unchecked
arig_open_node(struct task *t, struct arig *r, struct arig_node *n)
{
	struct share *posix;

	assert_ok(
	    share_posix_open(task_arena(t), r->sched, NULL, r->dir, &posix));
	n->fault = share_fault_new(r->sched, posix);
	n->share = share_count_new(n->fault);
	assert_ok(store_open_share(t, n->share, NULL, &n->store));
	r->conf.store = n->store;
	n->ms = mailstore_new(&r->conf);
}

static inline void may_yield_unchecked
arig_open_task(struct task *t, struct arig *r)
{
	unsigned char uuid[16];
	struct share *posix;

	assert_ok(
	    share_posix_open(task_arena(t), r->sched, NULL, r->dir, &posix));
	assert_ok(store_init(t, posix, BARRIER_REPLY, uuid));
	share_close(&posix);
	for (unsigned i = 0; i < ARIG_NODES; i++)
		arig_open_node(t, r, &r->node[i]);
}

static inline void
arig_open(struct arig *r)
{
	const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : ".";

	r->now = 1000000;
	r->wall = 1763757888;
	r->clock = (struct clock){ arig_now, arig_wall, r };
	rnd_seed(&r->seed, 1);
	r->rnd = rnd_of_seeded(&r->seed);
	r->sched = sched_new(&r->clock, &r->rnd);
	snprintf(r->dir, sizeof(r->dir), "%s/account-test.XXXXXX", tmp);
	assert_non_null(mkdtemp(r->dir));
	arig_run(r, arig_open_task);
	r->warned = log_count(LOG_WARN_) + log_count(LOG_ERROR_) +
		    log_count(LOG_ALARM_);
}

static inline void may_yield_unchecked
arig_close_task(struct task *t, struct arig *r)
{
	for (unsigned i = 0; i < ARIG_NODES; i++) {
		mailstore_close(t, &r->node[i].ms);
		store_close(&r->node[i].store);
	}
}

/* A node starts again: what it had in memory is gone.  (What it was doing in
 * the background comes to its end: both nodes share a scheduler.  The
 * simulation kills nodes at every step.) */
static inline void may_yield_unchecked
arig_crash(struct task *t, struct arig *r, unsigned i)
{
	mailstore_close(t, &r->node[i].ms);
	r->conf.store = r->node[i].store;
	r->node[i].ms = mailstore_new(&r->conf);
}

static inline void
arig_close(struct arig *r)
{
	char cmd[100];

	arig_run(r, arig_close_task);
	while (sched_ready(r->sched))
		sched_run_one(r->sched);
	sched_free(&r->sched);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", r->dir);
	assert_int_equal(system(cmd), 0);
}

static inline int
arig_setup(void **state)
{
	struct arig *r = xcalloc(1, sizeof(*r));

	r->conf.no_background = true;
	arig_open(r);
	*state = r;
	return 0;
}

static inline int
arig_teardown(void **state)
{
	arig_close(*state);
	free(*state);
	return 0;
}

/* Nothing was worth a warning since the rig was set up. */
static inline void
arig_assert_quiet(const struct arig *r)
{
	assert_int_equal(r->warned, log_count(LOG_WARN_) +
					log_count(LOG_ERROR_) +
					log_count(LOG_ALARM_));
}

static inline void may_yield_unchecked
arig_check(struct task *t, struct account *acc)
{
	struct account_check c = { .deep = true };

	assert_ok(account_check(t, acc, &c));
	for (struct account_problem *p = c.first_r; p != NULL; p = p->next)
		if (p->fatal)
			print_error("%s: %s\n", account_id(acc).p, p->text);
	assert_int_equal(c.fatal_r, 0);
}

/* A message as a string, and a delivery of it. */
static inline struct str
arig_message(struct task *t, unsigned n, size_t body)
{
	struct buf b;

	buf_init(&b, task_arena(t), 64 << 20);
	buf_fmt(&b,
	    "From: sender%u@example.org\r\nTo: alice@example.org\r\n"
	    "Subject: message %u\r\nMessage-ID: <%u@example.org>\r\n"
	    "Date: Fri, 21 Nov 2025 20:44:48 +0000\r\n\r\n",
	    n, n, n);
	for (size_t i = 0; i < body; i += 64)
		buf_c(&b,
		    "0123456789012345678901234567890123456789012345678901234"
		    "5678901\r\n");
	return buf_str(&b);
}

static inline struct message_place may_yield_unchecked
arig_deliver(struct task *t, struct account *acc, const char *folder,
    unsigned n)
{
	struct message_target tg = { .acc = acc, .folder = str_c(folder) };

	assert_ok(message_deliver(t, arig_message(t, n, n % 7 * 100), &tg, 1));
	assert_ok(tg.err_r);
	return tg.place_r;
}

#define ARIG_TEST(fn)                                                          \
	cmocka_unit_test_setup_teardown(fn##_test, arig_setup, arig_teardown)
/* static void fn(struct task *t, struct arig *r) as a cmocka test */
#define ARIG_CASE(fn)                                                          \
	static void fn(struct task *t, struct arig *r);                        \
	static void fn##_test(void **state)                                    \
	{                                                                      \
		arig_run(*state, fn);                                          \
	}                                                                      \
	static may_yield_unchecked void fn(struct task *t, struct arig *r)

#endif
