/* queue_ops.h - the language of a queue bucket's entries */
#ifndef STORAGE_QUEUE_OPS_H
#define STORAGE_QUEUE_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/queue.h"
#include "storage/record.h"
#include "storage/uidset.h"

/*
 * The operations of format 1 (record.h has the frame and the operations C, D,
 * F, N, T that all journals share).  They are independent of the state they
 * meet: one that does not fit (no such message, a recipient that is done) is
 * nothing.  One that cannot be read makes the journal read-only at the entry
 * before it.
 *
 *	name	<txid>-<ordinal>, ordinal decimal 0..QUEUE_ORDINAL_MAX: the
 *		message, and its file in msg/
 *	places	of recipients in their message's list, from 1: "1:3.7"
 *	letters	of a set, in the order given, or nothing
 *	time	unix time, decimal
 *	text	percent-encoded; no control characters
 *
 * Messages:
 *	a,ordinal,bytes,time,letters,from,envid,account,trace
 *		ADD the file msg/<this entry's txid>-<ordinal>.  letters: U
 *		SMTPUTF8, 8 8BITMIME, F RET=FULL, H RET=HDRS, B a DSN of ours,
 *		J for accounts here it is junk.  An ordinal above 0 is a DSN
 *		that follows from the outcomes before it in this entry: nothing,
 *		if of those none decided anything.
 *	r,letters,address,original,via
 *		one more recipient of the ADD before it; letters (NOTIFY): N
 *		NEVER, S SUCCESS, F FAILURE, D DELAY
 *	o,name,places,state,letters,time,time,code,node,answer
 *		OUTCOME of a try: state is one letter, W still waiting, D
 *		delivered, F failed, R removed; letters: L it was told that it
 *		is late; when it was tried, when it is tried next.  Counts one
 *		try, by that node, unless it was tried then already.  Nothing
 *		for a recipient that does not wait.  The outcome
 *		decides something if the state is not W, or for the first L.  A
 *		message of whose recipients none waits is a row no more.
 * Orders:
 *	h,name	HOLD	g,name	RELEASE
 *	y,name	RETRY: who waits is tried at once
 *	x,name	REMOVE: a row no more
 * The bucket:
 *	i,time	mark: this entry was made about then.  In the first entry of
 *		QUEUE_MARK_S; FORGET goes by these.
 *
 * Totals: messages,bytes
 */
#define QUEUE_ORDINAL_MAX 65535
#define QUEUE_TEXT_MAX 1024 /* of any text */
#define QUEUE_NODE_MAX 255

/* A message's name: 32 digits, '-', up to 5 digits. */
#define QUEUE_NAME_MAX (TXID_HEX + 1 + 5)
struct queue_name {
	struct txid txid;
	unsigned ordinal;
};
bool queue_name_eq(const struct queue_name *a, const struct queue_name *b);
void queue_name_format(const struct queue_name *m,
    char out_r[QUEUE_NAME_MAX + 1]);
bool queue_name_parse(struct str s, struct queue_name *m_r);

/* One operation, read. */
struct queue_op {
	char letter;
	struct queue_name name; /* a: the txid is the entry's */
	/* a: bytes, arrived_s, flags, from, envid, account, trace, and the
	 * recipients of the r behind it */
	struct queue_message m;
	/* o */
	struct uidset places;
	enum queue_state state;
	bool told;
	int64_t tried_s, next_s;
	unsigned code;
	struct str node, answer;
	/* i: time; F: seq */
	uint64_t value;
};

/*
 * All operations of an entry with this txid; the journal's own are left out but
 * F.  Nothing yields.  ERR_CORRUPT: malformed; ERR_FORMAT: unknown letter.
 */
must_check struct err *queue_ops_parse(struct arena *a, struct str ops,
    const struct txid *txid, struct queue_op **ops_r, unsigned *n_r);
/* One operation (of a: with its recipients) in its canonical form. */
void queue_op_write(struct buf *b, const struct queue_op *op);
/* Whether the text may be in an entry: no control characters, not too long. */
bool queue_text_is_valid(struct str s, size_t max);

struct queue_totals {
	uint64_t messages, bytes;
};
void queue_totals_format(struct buf *b, const struct queue_totals *tt);
bool queue_totals_parse(struct str s, struct queue_totals *tt_r);

#endif
