/* admin_queue_private.h - what the files of admin_queue.h share */
#ifndef SERVER_ADMIN_ADMIN_QUEUE_PRIVATE_H
#define SERVER_ADMIN_ADMIN_QUEUE_PRIVATE_H

#include "server/admin/admin_queue.h"

struct admin_queue {
	struct queue_store *qs;
	bool own; /* qs is */
	struct worker *worker;
	struct queue_bucket *buckets[QUEUE_BUCKETS]; /* NULL: not there */
	uint64_t mask;
	/* when all were looked at, and the node's orders then */
	bool looked, looking;
	uint64_t looked_ms, orders;
	struct task_cond done;
};

#endif
