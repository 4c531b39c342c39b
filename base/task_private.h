/* task_private.h - what task.c and task_wait.c share */
#ifndef BASE_TASK_PRIVATE_H
#define BASE_TASK_PRIVATE_H

#include "base/task.h"
#include "base/task_switch.h"

/*
 *	       task_start
 *		   |
 *		   v	 sched_run_*
 *	  +---> READY ------------> RUNNING ----> gone (fn has returned)
 *	  |				|
 *	  +------- WAITING <------------+
 *	task_wake	   task_wait
 */
enum task_state { TASK_READY, TASK_RUNNING, TASK_WAITING };

/* In line at a mutex or a condition. */
struct task_waiter {
	struct task *task;
	struct task_waiter *next;
	bool done;
};

struct task {
	struct sched *sched;
	const char *name;
	task_fn fn;
	void *arg;
	enum task_state state;
	struct arena *arena;
	struct task_stack *stack; /* NULL until the task runs first */
	struct task *prev, *next; /* all tasks of the scheduler */
	struct task *ready_prev, *ready_next;
	struct task_waiter waiter;
	uint64_t deadline_ms;
	const char **held;
	unsigned held_n, held_size;
	const char *log_session, *log_account;
};

/* Leave the task; back when somebody has woken it.  Accuses whoever is not the
 * running task. */
may_yield void task_leave(struct task *t);

#endif
