/* slot.h - a little log on the share without checkpoints: leases and locks */
#ifndef LOCKING_SLOT_H
#define LOCKING_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/task.h"
#include "storage/record.h"
#include "storage/share/store.h"

/*
 * <dir>/log/<seq> are symbolic links made exclusively, their texts records
 * (record.h).  Every entry is complete in itself, so only the newest counts:
 *
 *  - The head is the greatest name of READDIR(log).  It is never found by
 *    LOOKUP H+1: old names are swept, and a late request may fill the hole.
 *  - Entry H+1 is committed by SYMLINK.  After OK, or EEXIST with our txid, a
 *    READDIR(log) sent afterwards on the same connection must show our entry as
 *    the greatest; else nothing was won.
 *  - Any other answer is unknown: identical bytes are sent again.  What counts
 *    for a term is the *first* sending.
 *  - Names below head - SLOT_KEEP may be swept SLOT_SWEEP_MS after they were
 *    seen, in any order.
 *
 * A server that forgot leaves gaps or an older head: gaps mean nothing here,
 * and a head is believed only for the connection it was seen on.  What must not
 * be forgotten is written with slot_op.durable: SYMLINK, then the store's
 * barrier, then the READDIR, whose connection proves that one server did all
 * three.
 *
 * One object per log and process; its calls are serialised inside.  All calls
 * travel on SHARE_LANE_LEASE, sweeping on SHARE_LANE_ADMIN.
 */
struct slot;

#define SLOT_KEEP 16		       /* DESIGN 7 */
#define SLOT_SWEEP_MS (10 * 60 * 1000) /* DESIGN 7 */
#define SLOT_MARK_MS (60 * 1000)       /* grain of "seen ten minutes ago" */
#define SLOT_RETRY_MS 500	       /* pause before identical bytes again */
#define SLOT_MINE 128 /* own txids remembered: > 10 min of leases */

/* path is the log's directory below the root ("nodes/<id>"), copied. */
struct slot *slot_new(struct store *st, const char *path);
/* Nobody may be inside. */
void slot_free(struct slot **s);
const char *slot_path(const struct slot *s);

/* What is known of the head; valid until the next call of a yielding function
 * on the same slot. */
struct slot_head {
	uint64_t seq; /* 0: no entry (or no log) */
	bool read;    /* txid and ops are those of seq */
	bool mine;    /* this process wrote it */
	struct txid txid;
	struct str ops;
	struct err *bad;     /* not a record: ERR_CORRUPT, ERR_FORMAT */
	uint64_t conn;	     /* connection that showed it */
	uint64_t since_ms;   /* our time when the first reply on that
			      * connection that showed it was seen */
	uint64_t asked_ms;   /* our time when the newest READDIR that showed
			      * it was sent */
	uint64_t changed_ms; /* our time when it was last seen to change */
	uint64_t moves;	     /* how often it was */
	uint64_t rises;	     /* how often to a number never seen before: a
			      * server that forgets makes none */
};
const struct slot_head *slot_head(const struct slot *s);

/*
 * READDIR(log) and, if want_text and the head's text is not known on this
 * connection, LOOKUP and READLINK of the head.  A log that does not exist is an
 * empty one.  On errors the head stays what it was (its times too).
 */
may_yield must_check struct err *slot_poll(struct task *t, struct slot *s,
    bool want_text);

/*
 * Time the head has provably stood still: from the reply that showed it first
 * to the sending of the newest READDIR that showed it, all on one connection.
 */
uint64_t slot_still_ms(const struct slot *s);

enum slot_outcome {
	SLOT_WON, /* ours is the head, verified */
	SLOT_LOST /* the slot is another's, or ours is not the greatest:
		   * the head was read again (with text if possible) */
};

struct slot_op {
	struct str ops;
	bool durable; /* barrier before the verdict */
	/* out */
	enum slot_outcome outcome_r;
	uint64_t seq_r;
	struct txid txid_r;
	uint64_t first_ms_r; /* first sending of the bytes that won */
	uint64_t conn_r;     /* connection of SYMLINK and verification */
};

/*
 * Append at the known head + 1 (polled before if the head is not known).
 * Repeats identical bytes over unknown outcomes until the task's deadline, then
 * returns the error: the attempt may have been, or may yet be, executed.  It is
 * settled as soon as a later poll or append shows a head at or above its number
 * (op.seq_r, set then too).
 */
may_yield must_check struct err *slot_append(struct task *t, struct slot *s,
    struct slot_op *op);
/* Whether this process wrote an entry of that txid lately. */
bool slot_is_mine(const struct slot *s, const struct txid *x);

/* Remove at most max (and 8) names that may go, all at once; *removed_r how
 * many. Failures are nothing: the next sweep sees the same names. */
may_yield void slot_sweep(struct task *t, struct slot *s, unsigned max,
    unsigned *removed_r);

#endif
