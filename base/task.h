/* task.h - coroutines, timers and the scheduler they run on */
#ifndef BASE_TASK_H
#define BASE_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/rnd.h"

/*
 * A task is one stackful coroutine: one command, one delivery, one background
 * step.  All tasks of a worker run on one scheduler in one thread; a task runs
 * until it yields.  Stacks have guard pages and are known to ASan.  Switching
 * is QEMU's pattern: ucontext once per stack, then sigsetjmp/siglongjmp.
 *
 * The scheduler does not wait for anything itself: a driver (loop.h with
 * libevent, or the simulation) runs ready tasks and due timers and knows when
 * there will be something to do.
 *
 * The runtime accuses and aborts, naming the task: entered twice, yielding
 * outside a task, a task that ends with a held thing (task_hold).
 */
struct sched;
struct task;

#define TASK_STACK_BYTES (256 * 1024)	/* plus one guard page below */

struct sched *sched_new(const struct clock *c, const struct rnd *r);
/* All tasks must have ended, unless sched_abandon() was called: then stacks and
 * arenas of unfinished tasks are dropped where they stand (the simulation's
 * crash of a node). */
void sched_free(struct sched **s);
void sched_abandon(struct sched *s);

/* The driver's side. */
bool sched_ready(const struct sched *s);	/* a task could run now */
bool sched_run_one(struct sched *s);		/* oldest ready task; false: none */
/* The simulation's choice: run the i-th ready task, 0 <= i < sched_ready_count. */
unsigned sched_ready_count(const struct sched *s);
void sched_run_nth(struct sched *s, unsigned i);
/* boot_ms of the earliest timer, UINT64_MAX for none. */
uint64_t sched_next_timer_ms(const struct sched *s);
/* Fire all timers due now; their callbacks run outside any task. */
void sched_run_timers(struct sched *s);
/* Called whenever a task becomes ready or the earliest timer changes. */
void sched_on_change(struct sched *s, void (*fn)(void *arg), void *arg);
unsigned sched_task_count(const struct sched *s);

uint64_t sched_now_ms(const struct sched *s);
int64_t sched_wall_s(const struct sched *s);
/* The same with milliseconds where the clock is the system's, else .000. */
int64_t sched_wall_ms(const struct sched *s);
const struct rnd *sched_rnd(const struct sched *s);
/* What log lines of this scheduler's tasks carry: node name, worker. */
void sched_set_log_name(struct sched *s, const char *node, int worker);
const char *sched_log_node(const struct sched *s);
int sched_log_worker(const struct sched *s);

/* Timers: embedded, callback outside any task. */
struct timer {
	uint64_t at_ms;
	void (*fn)(struct timer *tm, void *arg);
	void *arg;
	unsigned slot;	/* heap position + 1; 0: not set */
};
void timer_set(struct sched *s, struct timer *tm, uint64_t in_ms,
    void (*fn)(struct timer *tm, void *arg), void *arg);
void timer_cancel(struct sched *s, struct timer *tm);

/* fn runs in the new task at the scheduler's next turn.  The task frees itself
 * (stack, arena) when fn returns. name is not copied. */
typedef void (*task_fn)(struct task *t, void *arg);
struct task *task_start(struct sched *s, const char *name, task_fn fn,
    void *arg);

struct sched *task_sched(const struct task *t);
struct arena *task_arena(struct task *t);
const char *task_name(const struct task *t);
static inline uint64_t
task_now_ms(const struct task *t)
{
	return sched_now_ms(task_sched(t));
}
static inline int64_t
task_wall_s(const struct task *t)
{
	return sched_wall_s(task_sched(t));
}
void task_random(struct task *t, void *p, size_t n);

/*
 * Await, written once: submit something whose callback sets *done and calls
 * task_wake(), then task_wait(t, &done).  Spurious wakes are absorbed.  The
 * callback copies what it was given and never enters the coroutine: task_wake
 * only queues the task for the next turn.
 */
may_yield void task_wait(struct task *t, const bool *done);
void task_wake(struct task *t);
/* Back of the ready queue. */
may_yield void task_yield(struct task *t);
may_yield void task_sleep_ms(struct task *t, uint64_t ms);

/* Deadline on boot_ms, 0 for none: not enforced by the runtime, asked by loops
 * that retry.  NULL, or ERR_TIMEOUT. */
void task_set_deadline(struct task *t, uint64_t at_ms);
uint64_t task_deadline(const struct task *t);
must_check struct err *task_check(struct task *t);

/* Things a task must not end with (leases, journal locks, tx). name is what the
 * accusation prints. */
void task_hold(struct task *t, const char *name);
void task_unhold(struct task *t, const char *name);

/* FIFO mutual exclusion between tasks of one scheduler (never across
 * processes).  Counted as held by the task. */
struct task_mutex {
	struct task *owner;
	struct task_waiter *first, **last;
};
void task_mutex_init(struct task_mutex *m);
may_yield void task_lock(struct task *t, struct task_mutex *m);
void task_unlock(struct task *t, struct task_mutex *m);

/* Wait until somebody signals (no memory of past signals) or until at_ms;
 * false on timeout.  at_ms UINT64_MAX: no limit. */
struct task_cond {
	struct task_waiter *first, **last;
};
void task_cond_init(struct task_cond *c);
may_yield bool task_cond_wait(struct task *t, struct task_cond *c,
    uint64_t at_ms);
void task_cond_broadcast(struct task_cond *c);

/* Fields added to every log line of the task (session, account); not copied. */
void task_set_log(struct task *t, const char *session, const char *account);
const char *task_log_session(const struct task *t);
const char *task_log_account(const struct task *t);

#endif
