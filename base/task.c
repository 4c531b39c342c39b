/* task.c - coroutines and the scheduler they run on */
#include "base/task.h"

#include <stdlib.h>

#include "base/asan.h"
#include "base/task_private.h"
#include "base/timer.h"

/* Stacks kept for the next tasks; more are given back to the system. */
#define SCHED_SPARE_STACKS 32

/* ASan's redzones make frames about three times as large. */
#define SCHED_STACK_BYTES (TASK_STACK_BYTES * (ASAN_ON ? 4 : 1))

#ifdef __clang__
/* Never read: it is the name under which clang tracks may_yield. */
struct task_role task_role;
#endif

struct sched {
	const struct clock *clock;
	const struct rnd *rnd;
	struct task *running;
	struct task *tasks; /* all of them */
	unsigned task_n;
	struct task *ready_first, *ready_last;
	unsigned ready_n;
	struct timer_heap timers;
	struct task_stack *spare[SCHED_SPARE_STACKS];
	unsigned spare_n;
	void (*on_change)(void *arg);
	void *on_change_arg;
	char *log_node;
	int log_worker;
};

struct sched *
sched_new(const struct clock *c, const struct rnd *r)
{
	struct sched *s = xcalloc(1, sizeof(*s));

	s->clock = c;
	s->rnd = r;
	return s;
}

static void
sched_changed(struct sched *s)
{
	if (s->on_change != NULL)
		s->on_change(s->on_change_arg);
}

static struct task_stack *
sched_stack_get(struct sched *s)
{
	struct task_stack *stack;

	if (s->spare_n > 0)
		return s->spare[--s->spare_n];
	stack = task_stack_new(SCHED_STACK_BYTES);
	if (stack == NULL)
		panic("no memory for another task stack, %u tasks run",
		    s->task_n);
	return stack;
}

static void
sched_stack_put(struct sched *s, struct task_stack *stack)
{
	if (s->spare_n < SCHED_SPARE_STACKS)
		s->spare[s->spare_n++] = stack;
	else
		task_stack_free(&stack);
}

static void
task_free(struct task *t)
{
	struct sched *s = t->sched;

	if (t->prev != NULL)
		t->prev->next = t->next;
	else
		s->tasks = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	s->task_n--;
	arena_free(&t->arena);
	free(t->held);
	free(t);
}

void
sched_abandon(struct sched *s)
{
	if (s->running != NULL)
		panic("task %s abandons the scheduler it runs on",
		    s->running->name);
	while (s->tasks != NULL) {
		task_stack_free(&s->tasks->stack);
		task_free(s->tasks);
	}
	s->ready_first = s->ready_last = NULL;
	s->ready_n = 0;
	timer_heap_clear(&s->timers);
}

void
sched_free(struct sched **s)
{
	if (*s == NULL)
		return;
	if ((*s)->tasks != NULL)
		panic("a scheduler is freed while task %s has not ended",
		    (*s)->tasks->name);
	while ((*s)->spare_n > 0)
		task_stack_free(&(*s)->spare[--(*s)->spare_n]);
	timer_heap_free(&(*s)->timers);
	free((*s)->log_node);
	free(*s);
	*s = NULL;
}

bool
sched_ready(const struct sched *s)
{
	return s->ready_n > 0;
}

unsigned
sched_ready_count(const struct sched *s)
{
	return s->ready_n;
}

unsigned
sched_task_count(const struct sched *s)
{
	return s->task_n;
}

static void
sched_ready_add(struct task *t)
{
	struct sched *s = t->sched;

	t->state = TASK_READY;
	t->ready_next = NULL;
	t->ready_prev = s->ready_last;
	if (s->ready_last != NULL)
		s->ready_last->ready_next = t;
	else
		s->ready_first = t;
	s->ready_last = t;
	s->ready_n++;
	sched_changed(s);
}

static void
sched_ready_remove(struct task *t)
{
	struct sched *s = t->sched;

	if (t->ready_prev != NULL)
		t->ready_prev->ready_next = t->ready_next;
	else
		s->ready_first = t->ready_next;
	if (t->ready_next != NULL)
		t->ready_next->ready_prev = t->ready_prev;
	else
		s->ready_last = t->ready_prev;
	t->ready_prev = t->ready_next = NULL;
	s->ready_n--;
}

/* The bottom of every task's stack.  t->fn may yield: clang does not look
 * through the pointer, and this is where the role begins. */
static void
task_main(void *arg)
{
	struct task *t = arg;

	t->fn(t, t->arg);
	if (t->held_n > 0)
		panic("task %s ends while it holds %s", t->name,
		    t->held[t->held_n - 1]);
}

static void
sched_outside(const struct sched *s, const char *what)
{
	if (s->running != NULL)
		panic("task %s is entered twice: it %s of its own scheduler",
		    s->running->name, what);
}

static void
sched_run(struct task *t)
{
	struct sched *s = t->sched;
	bool ended;

	sched_ready_remove(t);
	t->state = TASK_RUNNING;
	if (t->stack == NULL)
		t->stack = sched_stack_get(s);
	s->running = t;
	ended = task_stack_enter(t->stack, task_main, t);
	s->running = NULL;
	if (ended) {
		sched_stack_put(s, t->stack);
		task_free(t);
	}
}

bool
sched_run_one(struct sched *s)
{
	sched_outside(s, "runs tasks");
	if (s->ready_first == NULL)
		return false;
	sched_run(s->ready_first);
	return true;
}

void
sched_run_nth(struct sched *s, unsigned i)
{
	struct task *t = s->ready_first;

	sched_outside(s, "runs tasks");
	if (i >= s->ready_n)
		panic("task %u of %u ready ones", i, s->ready_n);
	while (i-- > 0)
		t = t->ready_next;
	sched_run(t);
}

uint64_t
sched_next_timer_ms(const struct sched *s)
{
	return timer_heap_next_ms(&s->timers);
}

void
sched_run_timers(struct sched *s)
{
	sched_outside(s, "runs timers");
	if (timer_heap_run(&s->timers, sched_now_ms(s)))
		sched_changed(s);
}

void
timer_set(struct sched *s, struct timer *tm, uint64_t in_ms,
    void (*fn)(struct timer *tm, void *arg), void *arg)
{
	uint64_t next_ms = timer_heap_next_ms(&s->timers);

	tm->fn = fn;
	tm->arg = arg;
	if (__builtin_add_overflow(sched_now_ms(s), in_ms, &tm->at_ms))
		tm->at_ms = UINT64_MAX;
	timer_heap_put(&s->timers, tm);
	if (timer_heap_next_ms(&s->timers) != next_ms)
		sched_changed(s);
}

void
timer_cancel(struct sched *s, struct timer *tm)
{
	uint64_t next_ms = timer_heap_next_ms(&s->timers);

	timer_heap_remove(&s->timers, tm);
	if (timer_heap_next_ms(&s->timers) != next_ms)
		sched_changed(s);
}

void
sched_on_change(struct sched *s, void (*fn)(void *arg), void *arg)
{
	s->on_change = fn;
	s->on_change_arg = arg;
}

uint64_t
sched_now_ms(const struct sched *s)
{
	return s->clock->boot_ms(s->clock->arg);
}

int64_t
sched_wall_s(const struct sched *s)
{
	return s->clock->wall_s(s->clock->arg);
}

int64_t
sched_wall_ms(const struct sched *s)
{
	if (s->clock->wall_s == clock_system.wall_s)
		return clock_system_wall_ms();
	return sched_wall_s(s) * 1000;
}

const struct rnd *
sched_rnd(const struct sched *s)
{
	return s->rnd;
}

void
sched_set_log_name(struct sched *s, const char *node, int worker)
{
	free(s->log_node);
	s->log_node = node == NULL ? NULL : xstrdup(node);
	s->log_worker = worker;
}

const char *
sched_log_node(const struct sched *s)
{
	return s->log_node;
}

int
sched_log_worker(const struct sched *s)
{
	return s->log_worker;
}

struct task *
task_start(struct sched *s, const char *name, task_fn fn, void *arg)
{
	struct task *t = xcalloc(1, sizeof(*t));

	t->sched = s;
	t->name = name;
	t->fn = fn;
	t->arg = arg;
	t->arena = arena_new(0);
	t->next = s->tasks;
	if (s->tasks != NULL)
		s->tasks->prev = t;
	s->tasks = t;
	s->task_n++;
	sched_ready_add(t);
	return t;
}

void
task_leave(struct task *t)
{
	struct task *running = t->sched->running;

	if (running != t)
		panic("task %s yields outside itself: %s%s runs", t->name,
		    running == NULL ? "nobody" : "task ",
		    running == NULL ? "" : running->name);
	/* task_yield is ready already. */
	if (t->state == TASK_RUNNING)
		t->state = TASK_WAITING;
	task_stack_leave(t->stack);
}

void
task_wake(struct task *t)
{
	/* A running task sees what was done before it waits. */
	if (t->state == TASK_WAITING)
		sched_ready_add(t);
}

void
task_yield(struct task *t)
{
	if (t->sched->running == t)
		sched_ready_add(t);
	task_leave(t);
}

struct sched *
task_sched(const struct task *t)
{
	return t->sched;
}

struct arena *
task_arena(struct task *t)
{
	return t->arena;
}

const char *
task_name(const struct task *t)
{
	return t->name;
}

void
task_random(struct task *t, void *p, size_t n)
{
	t->sched->rnd->fill(t->sched->rnd->arg, p, n);
}
