/* queue_tell.c - a bucket has something new: who ought to know */
#include "server/cluster/hints.h"
#include "server/net/counts.h"
#include "server/queue/queue_private.h"

_Static_assert(QUEUE_BUCKETS == 64, "counts and hints have so many");

void
queue_tell(struct worker *w, unsigned bucket, uint64_t seq)
{
	/* what the holder did itself nobody else need know */
	if (w->queue == NULL || w->queue->hold[bucket].lock == NULL)
		hints_bucket(w->hints, bucket, seq);
	queue_hint(w, bucket, seq);
}

void
queue_hint(struct worker *w, unsigned bucket, uint64_t seq)
{
	struct queue *q = w->queue;
	struct queue_hold *h;

	if (q == NULL || bucket >= QUEUE_BUCKETS)
		return;
	h = &q->hold[bucket];
	h->exists = true;
	/* our own entries are applied already */
	if (h->lock != NULL && h->b != NULL && seq > 0 &&
	    seq <= journal_head(queue_bucket_journal(h->b))) {
		queue_kick(q);
		return;
	}
	if (seq == 0) { /* it is free */
		if (h->lock != NULL)
			return;
		h->ask_ms = 0;
		h->told = true;
	}
	h->kick = true;
	task_cond_broadcast(&q->kick);
}

/*
 * A worker keeps to a few of the buckets that its node holds: it has them open,
 * with a head that hardly anybody else moves, and an ADD costs its five calls.
 */
#define QUEUE_BUCKETS_OF_WORKER 4

static unsigned
queue_nth_bucket(uint64_t mask, unsigned n)
{
	for (unsigned b = 0; b < QUEUE_BUCKETS; b++)
		if ((mask >> b & 1) != 0 && n-- == 0)
			return b;
	return 0;
}

unsigned
queue_bucket_for(struct worker *w)
{
	uint64_t mask = counts_word(w->counts, COUNTS_QUEUE_OWN);
	unsigned n = 0, place, first;

	if (mask == 0) /* others deliver it */
		mask = UINT64_MAX;
	for (uint64_t m = mask; m != 0; m &= m - 1)
		n++;
	/* nodes that hold none begin at different places */
	first = (unsigned)(str_hash(str_c(w->conf->node)) % QUEUE_BUCKETS);
	place = w->index * QUEUE_BUCKETS_OF_WORKER +
		(unsigned)rnd_below(sched_rnd(w->sched),
		    QUEUE_BUCKETS_OF_WORKER);
	return queue_nth_bucket(mask, (first + place) % n);
}
