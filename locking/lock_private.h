/* lock_private.h - what the files of lock.h share */
#ifndef LOCKING_LOCK_PRIVATE_H
#define LOCKING_LOCK_PRIVATE_H

#include "locking/lock.h"

/* One entry; texts live in the arena of who read it. */
struct lock_entry {
	bool release;
	struct str node;
	struct txid session;
	int64_t wall_s;
};

void lock_entry_format(struct buf *b, const struct lock_entry *e);
/* The head's; ERR_CORRUPT, ERR_FORMAT. h->seq > 0. */
must_check struct err *lock_entry_read(struct arena *a,
    const struct slot_head *h, struct lock_entry *e_r);

/* Never held again; returns ERR_LOST. */
must_check struct err *lock_lost(struct task *t, struct lock *k);

/* Of a resource, which is a directory's name too. */
bool lock_name_is_valid(struct str s);

#endif
