/* queue.h - the node's part in delivering the cluster's queue */
#ifndef SERVER_QUEUE_QUEUE_H
#define SERVER_QUEUE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/task.h"

/*
 * Worker 0 of every node that sends (conf: send; the lease says so) asks for
 * the locks "queue-<bucket>" of those buckets that are its own: which they are
 * follows from the leases of the nodes that send and live (schedule_owner).  It
 * claims each (lock_claim), replays it, and delivers from it: by destination
 * (the recipient's domain), queue.per_destination sessions at once,
 * queue.at_once in all, with sessions that are used again.  A bucket that is
 * another's is handed over when what is in flight has ended.
 *
 * Recipients here (a DSN's sender, a group's members) are delivered from the
 * queue, too, under a txid that follows from message and recipient: whoever
 * repeats it after a crash finds it there.
 */
struct queue;
struct worker;

/* NULL: the node does not send. Worker 0, after locks, nodes, queue_store. */
struct queue *queue_new(struct worker *w);
/* Deliveries are in flight; NULL has none. */
bool queue_is_sending(const struct queue *q);
/* Hand the locks back, transactions in flight may end until the task's
 * deadline. */
may_yield void queue_stop(struct task *t, struct queue *q);
void queue_free(struct queue **q);

/* Any worker, after its commit: that bucket is at this entry. Tells the holder,
 * here or elsewhere (hints). */
void queue_tell(struct worker *w, unsigned bucket, uint64_t seq);
/* Worker 0: a hint came.  seq 0: its holder has given the bucket back. */
void queue_hint(struct worker *w, unsigned bucket, uint64_t seq);
/* Where a message that is accepted now is best put: one of this node's own
 * buckets; any if it does not send. */
unsigned queue_bucket_for(struct worker *w);

#endif
