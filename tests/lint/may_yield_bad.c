/* may_yield_bad.c - clang refuses each of these: the caller is not marked */
#include "base/offload.h"
#include "base/task.h"

#if BAD == 1
void calls_base(struct task *t);
void
calls_base(struct task *t)
{
	task_yield(t);
}
#elif BAD == 2
static may_yield void
naps(struct task *t)
{
	task_sleep_ms(t, 1);
}

void calls_own(struct task *t);
void
calls_own(struct task *t)
{
	naps(t);
}
#else
void in_callback(struct timer *tm, void *arg);
void
in_callback(struct timer *tm, void *arg)
{
	(void)tm;
	offload_run(arg, NULL, NULL, NULL);
}
#endif
