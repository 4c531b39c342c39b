/* share_rig.h - a scheduler with a clock of its own, and a scratch share */
#ifndef TESTS_UNIT_SHARE_RIG_H
#define TESTS_UNIT_SHARE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/task.h"
#include "storage/share/share_count.h"
#include "storage/share/share_fault.h"
#include "storage/share/share_posix.h"

/*
 * Time stands still while a task runs and jumps to the next timer when none
 * can: timeouts and pauses cost nothing.  The share is posix in a scratch
 * directory, under fault, under count.
 */
struct rig {
	struct sched *sched;
	struct rnd_seeded seed;
	struct rnd rnd;
	struct clock clock;
	uint64_t now;
	char dir[64];
	struct share *share, *fault;
	void (*fn)(struct task *t, struct rig *r);
	bool done;
	void *arg;
};

static inline uint64_t
rig_now(void *arg)
{
	return ((struct rig *)arg)->now;
}

static inline int64_t
rig_wall(void *arg)
{
	return (int64_t)(((struct rig *)arg)->now / 1000);
}

static inline void
rig_task(struct task *t, void *arg)
{
	struct rig *r = arg;

	r->fn(t, r);
	r->done = true;
}

static inline void
rig_turn(struct rig *r)
{
	if (sched_run_one(r->sched))
		return;
	assert_true(sched_next_timer_ms(r->sched) != UINT64_MAX);
	r->now = sched_next_timer_ms(r->sched);
	sched_run_timers(r->sched);
}

/* Run fn as a task to its end, then whatever it left behind. */
static inline void
rig_run(struct rig *r, void (*fn)(struct task *t, struct rig *r))
{
	r->fn = fn;
	r->done = false;
	task_start(r->sched, "test", rig_task, r);
	while (!r->done || sched_task_count(r->sched) > 0)
		rig_turn(r);
}

static inline void
rig_open(struct rig *r)
{
	struct arena *a = arena_new(0);
	struct share *posix;

	*r = (struct rig){ .now = 1000000 };
	r->clock = (struct clock){ rig_now, rig_wall, r };
	rnd_seed(&r->seed, 1);
	r->rnd = rnd_of_seeded(&r->seed);
	r->sched = sched_new(&r->clock, &r->rnd);
	snprintf(r->dir, sizeof(r->dir), "share-test.XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	assert_null(share_posix_open(a, r->sched, NULL, r->dir, &posix));
	r->fault = share_fault_new(r->sched, posix);
	r->share = share_count_new(r->fault);
	arena_free(&a);
}

static inline void
rig_close(struct rig *r)
{
	char cmd[100];

	if (!r->done && sched_task_count(r->sched) > 0)
		return; /* an assertion jumped out of the task: let it be told
			 */
	share_close(&r->share);
	while (sched_ready(r->sched))
		sched_run_one(r->sched);
	sched_free(&r->sched);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", r->dir);
	assert_int_equal(system(cmd), 0);
}

static inline int
rig_setup(void **state)
{
	*state = xcalloc(1, sizeof(struct rig));
	rig_open(*state);
	return 0;
}

static inline int
rig_teardown(void **state)
{
	rig_close(*state);
	free(*state);
	return 0;
}

#define assert_ok(e) rig_assert_code((e), ERR_NONE, __FILE__, __LINE__)
#define assert_err(e, c) rig_assert_code((e), (c), __FILE__, __LINE__)
static inline void
rig_assert_code(struct err *e, enum err_code code, const char *file, int line)
{
	if (err_code(e) != code) {
		print_error("%s:%d: %s expected, got %s: %s (%s)\n", file, line,
		    err_name(code), err_name(err_code(e)),
		    e != NULL ? e->text : "success",
		    e != NULL && e->detail != NULL ? e->detail : "");
		_fail(file, line);
	}
}

#endif
