/* timer.c - the timers of a scheduler, earliest first */
#include "base/timer.h"

#include <stdlib.h>

struct timer_entry {
	uint64_t at_ms, seq;
	struct timer *tm;
};

static bool
timer_is_before(const struct timer_entry *a, const struct timer_entry *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->seq < b->seq;
}

static void
timer_place(struct timer_heap *h, unsigned i, struct timer_entry e)
{
	h->e[i] = e;
	e.tm->slot = i + 1;
}

static void
timer_up(struct timer_heap *h, unsigned i, struct timer_entry e)
{
	while (i > 0 && timer_is_before(&e, &h->e[(i - 1) / 2])) {
		timer_place(h, i, h->e[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	timer_place(h, i, e);
}

static void
timer_down(struct timer_heap *h, unsigned i, struct timer_entry e)
{
	for (;;) {
		unsigned child = 2 * i + 1;

		if (child + 1 < h->n &&
		    timer_is_before(&h->e[child + 1], &h->e[child]))
			child++;
		if (child >= h->n || !timer_is_before(&h->e[child], &e))
			break;
		timer_place(h, i, h->e[child]);
		i = child;
	}
	timer_place(h, i, e);
}

uint64_t
timer_heap_next_ms(const struct timer_heap *h)
{
	return h->n == 0 ? UINT64_MAX : h->e[0].at_ms;
}

void
timer_heap_put(struct timer_heap *h, struct timer *tm)
{
	timer_heap_remove(h, tm);
	if (h->n == h->size) {
		h->size = h->size == 0 ? 16 : h->size * 2;
		h->e = xrealloc(h->e, h->size, sizeof(h->e[0]));
	}
	h->n++;
	timer_up(h, h->n - 1, (struct timer_entry){ tm->at_ms, h->seq++, tm });
}

void
timer_heap_remove(struct timer_heap *h, struct timer *tm)
{
	unsigned i = tm->slot - 1;
	struct timer_entry last;

	if (tm->slot == 0)
		return;
	invariant(i < h->n && h->e[i].tm == tm);
	tm->slot = 0;
	last = h->e[--h->n];
	if (i == h->n)
		return;
	if (i > 0 && timer_is_before(&last, &h->e[(i - 1) / 2]))
		timer_up(h, i, last);
	else
		timer_down(h, i, last);
}

bool
timer_heap_run(struct timer_heap *h, uint64_t now_ms)
{
	uint64_t seq = h->seq;
	bool fired = false;

	while (h->n > 0 && h->e[0].at_ms <= now_ms && h->e[0].seq < seq) {
		struct timer *tm = h->e[0].tm;

		timer_heap_remove(h, tm);
		fired = true;
		tm->fn(tm, tm->arg);
	}
	return fired;
}

void
timer_heap_clear(struct timer_heap *h)
{
	h->n = 0;
}

void
timer_heap_free(struct timer_heap *h)
{
	free(h->e);
	*h = (struct timer_heap){ 0 };
}
