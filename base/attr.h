/* attr.h - function attributes the whole tree uses */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

/*
 * may_yield marks a function that may switch to another coroutine.  Such a
 * function takes struct task * first; after every call of one the world may
 * have changed.  clang checks it (-Wthread-safety) with one global capability
 * that only task entry points hold; gcc sees nothing.  clang ignores the mark
 * on function pointers (measured, clang 14), so vtable members that may yield
 * are called only from annotated wrappers.
 */
#ifdef __clang__
struct __attribute__((capability("coroutine"))) task_role {
	int unused;
};
extern struct task_role task_role;
#define may_yield __attribute__((requires_capability(task_role)))
#define may_yield_unchecked __attribute__((no_thread_safety_analysis))
#else
#define may_yield
#define may_yield_unchecked
#endif

#define must_check __attribute__((warn_unused_result))
#define printf_like(f, a) __attribute__((format(printf, f, a)))
#define noreturn_fn __attribute__((noreturn))

#define countof(a) (sizeof(a) / sizeof((a)[0]))

#endif
