/* may_yield_good.c - clang accepts this: every caller is marked */
#include "base/task.h"

static may_yield void
naps(struct task *t)
{
	task_sleep_ms(t, 1);
	task_yield(t);
}

static may_yield void
is_task(struct task *t, void *arg)
{
	(void)arg;
	naps(t);
}

void start(struct sched *s);
void
start(struct sched *s)
{
	task_start(s, "good", is_task, NULL);
}
