/* task_wait.c - what tasks wait for, hold and carry */
#include <stdlib.h>
#include <string.h>

#include "base/task_private.h"

void
task_wait(struct task *t, const bool *done)
{
	while (!*done)
		task_leave(t);
}

struct task_limit {
	struct task *task;
	bool over;
};

static void
task_timer_over(struct timer *tm, void *arg)
{
	struct task_limit *limit = arg;

	(void)tm;
	limit->over = true;
	task_wake(limit->task);
}

void
task_sleep_ms(struct task *t, uint64_t ms)
{
	struct task_limit limit = { .task = t };
	struct timer tm = { 0 };

	timer_set(t->sched, &tm, ms, task_timer_over, &limit);
	task_wait(t, &limit.over);
}

void
task_set_deadline(struct task *t, uint64_t at_ms)
{
	t->deadline_ms = at_ms;
}

uint64_t
task_deadline(const struct task *t)
{
	return t->deadline_ms;
}

struct err *
task_check(struct task *t)
{
	if (t->deadline_ms == 0 || task_now_ms(t) < t->deadline_ms)
		return NULL;
	return err_new(t->arena, ERR_TIMEOUT, "the time allowed is over",
	    "task %s", t->name);
}

void
task_hold(struct task *t, const char *name)
{
	if (t->held_n == t->held_size) {
		t->held_size = t->held_size == 0 ? 4 : t->held_size * 2;
		t->held = xrealloc(t->held, t->held_size, sizeof(t->held[0]));
	}
	t->held[t->held_n++] = name;
}

void
task_unhold(struct task *t, const char *name)
{
	unsigned i = t->held_n;

	while (i > 0 && strcmp(t->held[i - 1], name) != 0)
		i--;
	if (i == 0)
		panic("task %s gives back %s, which it does not hold", t->name,
		    name);
	memmove(&t->held[i - 1], &t->held[i],
	    (t->held_n - i) * sizeof(t->held[0]));
	t->held_n--;
}

/* A task stands in one line at a time. */
static struct task_waiter *
task_queue(struct task *t, struct task_waiter ***last)
{
	struct task_waiter *w = &t->waiter;

	*w = (struct task_waiter){ .task = t };
	**last = w;
	*last = &w->next;
	return w;
}

static const char task_mutex_name[] = "a mutex";

void
task_mutex_init(struct task_mutex *m)
{
	m->owner = NULL;
	m->first = NULL;
	m->last = &m->first;
}

void
task_lock(struct task *t, struct task_mutex *m)
{
	struct task_waiter *w;

	if (m->owner == t)
		panic("task %s locks twice a mutex that it owns", t->name);
	if (m->owner == NULL) {
		m->owner = t;
		task_hold(t, task_mutex_name);
		return;
	}
	w = task_queue(t, &m->last);
	task_wait(t, &w->done);
}

/* The mutex goes to the next in line at once: nobody overtakes. */
void
task_unlock(struct task *t, struct task_mutex *m)
{
	struct task_waiter *w = m->first;

	if (m->owner != t)
		panic("task %s unlocks a mutex of %s%s", t->name,
		    m->owner == NULL ? "nobody" : "task ",
		    m->owner == NULL ? "" : m->owner->name);
	task_unhold(t, task_mutex_name);
	m->owner = NULL;
	if (w == NULL)
		return;
	m->first = w->next;
	if (m->first == NULL)
		m->last = &m->first;
	m->owner = w->task;
	task_hold(w->task, task_mutex_name);
	w->done = true;
	task_wake(w->task);
}

void
task_cond_init(struct task_cond *c)
{
	c->first = NULL;
	c->last = &c->first;
}

static void
task_cond_remove(struct task_cond *c, struct task_waiter *w)
{
	struct task_waiter **at = &c->first;

	while (*at != NULL && *at != w)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	*at = w->next;
	if (w->next == NULL)
		c->last = at;
}

bool
task_cond_wait(struct task *t, struct task_cond *c, uint64_t at_ms)
{
	uint64_t now_ms = task_now_ms(t);
	struct task_limit limit = { .task = t };
	struct task_waiter *w;
	struct timer tm = { 0 };

	if (at_ms <= now_ms)
		return false;
	w = task_queue(t, &c->last);
	if (at_ms != UINT64_MAX)
		timer_set(t->sched, &tm, at_ms - now_ms, task_timer_over,
		    &limit);
	while (!w->done && !limit.over)
		task_leave(t);
	timer_cancel(t->sched, &tm);
	if (!w->done)
		task_cond_remove(c, w);
	return w->done;
}

void
task_cond_broadcast(struct task_cond *c)
{
	struct task_waiter *w = c->first, *next;

	task_cond_init(c);
	for (; w != NULL; w = next) {
		next = w->next;
		w->done = true;
		task_wake(w->task);
	}
}

void
task_set_log(struct task *t, const char *session, const char *account)
{
	t->log_session = session;
	t->log_account = account;
}

const char *
task_log_session(const struct task *t)
{
	return t->log_session;
}

const char *
task_log_account(const struct task *t)
{
	return t->log_account;
}
