/* task_switch.h - stacks, and going to and fro between them; for task.c alone
 */
#ifndef BASE_TASK_SWITCH_H
#define BASE_TASK_SWITCH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A stack of its own for one function at a time.  ucontext makes the first
 * entry; every later switch is sigsetjmp and siglongjmp without signal masks,
 * thus without system calls (QEMU's pattern).  Once the function has returned
 * the stack may be entered with another one.
 *
 *	low address    guard page, no access
 *	...            bytes of stack, growing down
 *	high address
 *
 * ASan and valgrind are told about every stack and every switch.
 */
struct task_stack;

/* bytes is a multiple of the page size; NULL when the system has no more. */
struct task_stack *task_stack_new(size_t bytes);
/* Whatever stands on it is dropped. */
void task_stack_free(struct task_stack **s);

/* Start fn(arg), or, if it left, go on where it left (fn, arg are then not
 * looked at).  True when fn has returned, false when it left. */
bool task_stack_enter(struct task_stack *s, void (*fn)(void *arg), void *arg);
/* Called on the stack: back to whoever entered it. */
void task_stack_leave(struct task_stack *s);

#endif
