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

unsigned
queue_bucket_for(struct worker *w)
{
	uint64_t mask = counts_word(w->counts, COUNTS_QUEUE_OWN);
	unsigned skip, n = 0;

	for (uint64_t m = mask; m != 0; m &= m - 1)
		n++;
	if (n == 0)
		return (unsigned)rnd_below(sched_rnd(w->sched), QUEUE_BUCKETS);
	skip = (unsigned)rnd_below(sched_rnd(w->sched), n);
	for (unsigned b = 0; b < QUEUE_BUCKETS; b++)
		if ((mask >> b & 1) != 0 && skip-- == 0)
			return b;
	return 0;
}
