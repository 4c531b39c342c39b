/* imap_batch.h - the messages of a command, in portions */
#ifndef SERVER_IMAP_IMAP_BATCH_H
#define SERVER_IMAP_IMAP_BATCH_H

#include "server/imap/imap.h"

/*
 * Walks the view's messages whose UIDs are in a set, in order, and copies their
 * rows.  A message that the account has no more is made of its tombstone, if
 * that has a file still (removed); else it is counted as gone.
 *
 * Portions are bounded in messages and in bytes of envelope data, as far as
 * that is known.
 */
#define IMAP_BATCH 1000
#define IMAP_BATCH_BYTES (2UL << 20)

/* One message; its envelope data if asked for. */
struct imap_one {
	struct message m; /* a copy: rows move */
	uint32_t seq;
	bool removed; /* m is made of a tombstone: no keywords */
	struct str pack;
};

struct imap_batch {
	struct imap_session *s;
	struct account *acc;
	const struct uidset *uids;
	uint64_t since; /* only rows with a higher MODSEQ; 0: all there is */
	struct imap_one *list;
	uint32_t n;
	uint32_t gone; /* so far */
	/* where we are: range of uids, index of the view, and probably of the
	 * folder */
	uint32_t range, at, row;
	bool inside;
	/* copies, by UID, as of that entry; heap */
	struct tombstone *tombs;
	unsigned tombs_n;
	uint64_t tombs_head;
};

void imap_batch_init(struct imap_batch *b, struct task *t,
    struct imap_session *s, struct account *acc, const struct uidset *uids);
void imap_batch_free(struct imap_batch *b);
/* The next portion; false at the end.  Does not yield. */
bool imap_batch_next(struct task *t, struct imap_batch *b);
/* Envelope data of the portion. */
may_yield must_check struct err *imap_batch_packs(struct task *t,
    struct imap_batch *b);

#endif
