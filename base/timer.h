/* timer.h - the timers of a scheduler, earliest first; for task.c alone */
#ifndef BASE_TIMER_H
#define BASE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/task.h"

/*
 * A binary heap.  Timers due at the same millisecond fire in the order in which
 * they were set: a simulation replays exactly.  Timers belong to their owners;
 * their slot is the heap position + 1, 0 while not set.
 */
struct timer_heap {
	struct timer_entry *e;
	unsigned n, size;
	uint64_t seq;
};

/* UINT64_MAX for none. */
uint64_t timer_heap_next_ms(const struct timer_heap *h);
/* tm->at_ms is filled in; set anew if it was set. */
void timer_heap_put(struct timer_heap *h, struct timer *tm);
void timer_heap_remove(struct timer_heap *h, struct timer *tm);
/* Fire what is due; not what the callbacks set.  True if anything fired. */
bool timer_heap_run(struct timer_heap *h, uint64_t now_ms);
/* Forget all timers without touching them: their owners may be gone. */
void timer_heap_clear(struct timer_heap *h);
void timer_heap_free(struct timer_heap *h);

#endif
