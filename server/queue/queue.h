/* queue.h - the node's part in delivering the cluster's queue */
#ifndef SERVER_QUEUE_QUEUE_H
#define SERVER_QUEUE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/task.h"

/*
 * Worker 0 of every node that sends (conf: send) asks for the locks
 * "queue-<bucket>" of the buckets there are, until it has its share of them
 * (buckets / sending nodes that live, rounded up) or nobody else asks for the
 * rest.  It claims each (lock_claim), replays it, and delivers from it: by
 * destination (domain, or smart host), QUEUE_PER_DESTINATION transactions at
 * once, QUEUE_AT_ONCE in all, with sessions that are used again.
 *
 * Recipients here (a DSN's sender, a group's members) are delivered from the
 * queue, too, under a txid that follows from message and recipient: whoever
 * repeats it after a crash finds it there.
 */
struct queue;
struct worker;

/* NULL while the node does not send. Worker 0, after locks and nodes. */
struct queue *queue_new(struct worker *w);
/* Hand the locks back, transactions in flight may end until the task's
 * deadline. */
may_yield void queue_stop(struct task *t, struct queue *q);
void queue_free(struct queue **q);

/* Any worker, after its commit: that bucket is at this entry. Tells the holder,
 * here or elsewhere (hints). */
void queue_tell(struct worker *w, unsigned bucket, uint64_t seq);
/* Worker 0: a hint came. */
void queue_hint(struct worker *w, unsigned bucket, uint64_t seq);
/* Where a message that is accepted now is best put: a bucket this node holds,
 * else any. */
unsigned queue_bucket_for(struct worker *w);

#endif
