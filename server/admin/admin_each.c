/* admin_each.c - many of the same, side by side */
#include "server/admin/admin.h"

struct admin_each {
	struct err *(*fn)(struct task *t, void *arg, unsigned i);
	void *arg;
	unsigned n, next, running;
	struct task *caller; /* waits for all */
	struct task_cond ended;
	struct err *first; /* in the caller's arena */
};

static may_yield void
admin_each_main(struct task *t, void *arg)
{
	struct admin_each *x = arg;
	struct err *e;

	task_set_deadline(t, task_deadline(x->caller));
	task_set_log(t, task_log_session(x->caller),
	    task_log_account(x->caller));
	while (x->next < x->n && x->first == NULL) {
		struct arena_mark mark = arena_mark(task_arena(t));

		e = x->fn(t, x->arg, x->next++);
		if (e != NULL && x->first == NULL)
			x->first =
			    err_new(task_arena(x->caller), e->code, e->text,
				e->detail != NULL ? "%s" : NULL, e->detail);
		arena_rewind(task_arena(t), mark);
	}
	x->running--;
	task_cond_broadcast(&x->ended);
}

struct err *
admin_each(struct task *t, unsigned n, unsigned width,
    struct err *(*fn)(struct task *t, void *arg, unsigned i), void *arg)
{
	struct admin_each x = { .fn = fn, .arg = arg, .n = n, .caller = t };

	task_cond_init(&x.ended);
	invariant(width > 0);
	for (; x.running < width && x.running < n; x.running++)
		task_start(task_sched(t), "each", admin_each_main, &x);
	while (x.running > 0)
		(void)task_cond_wait(t, &x.ended, UINT64_MAX);
	return x.first;
}
