/* task_switch.c - stacks, and going to and fro between them */

/* FORTIFY takes a longjmp to another stack for an attack and aborts (measured,
 * glibc 2.36): this file alone does without. */
#undef _FORTIFY_SOURCE

#include "base/task_switch.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/asan.h"
#include "base/err.h"

#ifdef HAVE_VALGRIND_VALGRIND_H
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(low, high) 0
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#endif

#if ASAN_ON
#include <sanitizer/common_interface_defs.h>
#define switch_start __sanitizer_start_switch_fiber
#define switch_finish __sanitizer_finish_switch_fiber
#else
#define switch_start(fake, low, n) ((void)(fake), (void)(low), (void)(n))
#define switch_finish(fake, low, n) ((void)(fake), (void)(low), (void)(n))
#endif

struct task_stack {
	char *map; /* the guard page, then the stack */
	size_t guard_bytes, bytes;
	ucontext_t first; /* for the first entry */
	sigjmp_buf here;  /* where the function on the stack left */
	sigjmp_buf there; /* whoever entered */
	void (*fn)(void *arg);
	void *arg;
	enum { STACK_NEW, STACK_INSIDE, STACK_LEFT, STACK_DONE } state;
	unsigned valgrind_id;
	/* ASan: its shadow of both sides, and the bounds of the other one */
	void *here_fake, *there_fake;
	const void *there_low;
	size_t there_bytes;
};

/* Back to whoever entered; returns at the next entry. */
static void
task_stack_back(struct task_stack *s, bool done)
{
	s->state = done ? STACK_DONE : STACK_LEFT;
	s->here_fake = NULL;
	if (sigsetjmp(s->here, 0) == 0) {
		/* NULL: nothing on this stack is looked at again. */
		switch_start(done ? NULL : &s->here_fake, s->there_low,
		    s->there_bytes);
		siglongjmp(s->there, 1);
	}
	switch_finish(s->here_fake, &s->there_low, &s->there_bytes);
}

/* makecontext passes ints only. */
static void
task_stack_first(unsigned high, unsigned low)
{
	struct task_stack *s =
	    (struct task_stack *)((uintptr_t)high << 32 | (uintptr_t)low);

	switch_finish(NULL, &s->there_low, &s->there_bytes);
	for (;;) {
		s->fn(s->arg);
		task_stack_back(s, true);
	}
}

struct task_stack *
task_stack_new(size_t bytes)
{
	struct task_stack *s = xcalloc(1, sizeof(*s));
	uintptr_t self = (uintptr_t)s;

	s->guard_bytes = (size_t)sysconf(_SC_PAGESIZE);
	s->bytes = bytes;
	s->map = mmap(NULL, s->guard_bytes + bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (s->map == MAP_FAILED) {
		free(s);
		return NULL;
	}
	if (mprotect(s->map, s->guard_bytes, PROT_NONE) != 0 ||
	    getcontext(&s->first) != 0) {
		munmap(s->map, s->guard_bytes + bytes);
		free(s);
		return NULL;
	}
	s->first.uc_stack.ss_sp = s->map + s->guard_bytes;
	s->first.uc_stack.ss_size = bytes;
	s->first.uc_link = NULL;
	makecontext(&s->first, (void (*)(void))task_stack_first, 2,
	    (unsigned)(self >> 32), (unsigned)self);
	s->valgrind_id = VALGRIND_STACK_REGISTER(s->map + s->guard_bytes,
	    s->map + s->guard_bytes + bytes);
	return s;
}

void
task_stack_free(struct task_stack **s)
{
	if (*s == NULL)
		return;
	invariant((*s)->state != STACK_INSIDE);
	VALGRIND_STACK_DEREGISTER((*s)->valgrind_id);
	/* The next mapping at this address must not inherit our poison. */
	ASAN_UNPOISON((*s)->map, (*s)->guard_bytes + (*s)->bytes);
	munmap((*s)->map, (*s)->guard_bytes + (*s)->bytes);
	free(*s);
	*s = NULL;
}

bool
task_stack_enter(struct task_stack *s, void (*fn)(void *arg), void *arg)
{
	bool is_new = s->state == STACK_NEW;

	invariant(s->state != STACK_INSIDE);
	if (s->state != STACK_LEFT) {
		s->fn = fn;
		s->arg = arg;
	}
	s->state = STACK_INSIDE;
	if (sigsetjmp(s->there, 0) == 0) {
		switch_start(&s->there_fake, s->map + s->guard_bytes, s->bytes);
		if (is_new)
			setcontext(&s->first);
		else
			siglongjmp(s->here, 1);
		panic("setcontext returned");
	}
	switch_finish(s->there_fake, NULL, NULL);
	return s->state == STACK_DONE;
}

void
task_stack_leave(struct task_stack *s)
{
	invariant(s->state == STACK_INSIDE);
	task_stack_back(s, false);
}
