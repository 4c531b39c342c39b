/* queue.h - mail for elsewhere: 64 buckets on the share, taken by any node */
#ifndef STORAGE_QUEUE_H
#define STORAGE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/task.h"
#include "storage/journal.h"

/*
 *	queue/<bucket>/		00 to 63: log/ ckpt/ seg/ of a journal
 *	queue/<bucket>/msg/	the messages, <txid>-<ordinal>
 *
 * A message is one immutable file (RFC 5322 with CRLF, our Received on top) and
 * one ADD in its bucket's journal, which names sender and recipients: durable
 * and complete with that entry, whoever made it.  Any node adds to any bucket,
 * without a lock.  What became of recipients is written by the holder of the
 * lock "queue-<bucket>" alone, with its fencing token (locking/lock.h): a dead
 * holder's outcomes are ignored.  Administrators' orders (hold, release, retry,
 * remove) are entries without a token: they only say what shall be done, and
 * replay makes sense of them whatever the holder did meanwhile.
 *
 * An outcome and the DSNs that follow from it are one entry, so that there is
 * exactly one, whoever dies when.  A message whose last recipient is done is a
 * row no more; its file is removed then.  Files that no row names are voided
 * and removed by queue_maintain (DESIGN 6).
 *
 * A bucket nobody has ever used costs nothing: its directories are made with
 * the first ADD.
 */
#define QUEUE_BUCKETS 64
#define QUEUE_RCPTS_MAX 5000 /* of one message */
#define QUEUE_ANSWER_MAX 512 /* bytes of a remote answer that are kept */
#define QUEUE_ADDRESS_MAX 1024
#define QUEUE_BUCKET_NAME 2

struct queue_store;  /* all buckets one worker has open */
struct queue_bucket; /* one of them */

enum queue_notify { /* RFC 3461, 4.1; 0: not said */
	QUEUE_NOTIFY_NEVER = 1,
	QUEUE_NOTIFY_SUCCESS = 2,
	QUEUE_NOTIFY_FAILURE = 4,
	QUEUE_NOTIFY_DELAY = 8
};

enum queue_state {
	QUEUE_WAITING,
	QUEUE_DELIVERED, /* or relayed */
	QUEUE_FAILED,
	QUEUE_REMOVED /* by an administrator */
};

struct queue_rcpt {
	struct str address;  /* as it will be said in RCPT */
	struct str original; /* ORCPT, "rfc822;alice@example.org", or empty */
	struct str via;	     /* address of ours that stands for it: the sender
			      * is rewritten (SRS) on its way out; or empty.
			      * The address itself: an account's copy of what
			      * it forwards, which is not forwarded again */
	unsigned notify;     /* enum queue_notify */
	/* what became of it */
	enum queue_state state;
	bool delay_told; /* a DSN said that it is late */
	uint32_t tries;
	/* Wall seconds.  tried_s 0: never.  next_s 0: at once, QUEUE_NOW: at
	 * once though never tried yet, as an order says. */
	int64_t tried_s, next_s;
	unsigned code;	   /* of the last answer: 250, 451; 0: none */
	struct str answer; /* "mx1.example.net: 451 4.7.1 try later" */
	struct str node;   /* name of the node that tried last */
};

#define QUEUE_NOW 1
/* "Now", said by an administrator: not even its destination's failures make it
 * wait.  For as long as no try has been made since. */
static inline bool
queue_rcpt_is_forced(const struct queue_rcpt *r)
{
	return r->tries > 0 ? r->next_s == 0 : r->next_s == QUEUE_NOW;
}

enum queue_flags {
	QUEUE_UTF8 = 1,	   /* SMTPUTF8 is needed (RFC 6531) */
	QUEUE_8BIT = 2,	   /* it has bytes above 127 (8BITMIME) */
	QUEUE_FULL = 4,	   /* RET=FULL (RFC 3461, 4.3) */
	QUEUE_HDRS = 8,	   /* RET=HDRS */
	QUEUE_BOUNCE = 16, /* a DSN of ours: it never makes another */
	QUEUE_JUNK = 32	   /* for accounts here: into their folder \Junk */
};

struct queue_message {
	struct txid txid;
	unsigned ordinal; /* of its entry */
	unsigned bucket;
	uint64_t bytes;
	int64_t arrived_s;
	unsigned flags;
	bool held;
	struct str from;    /* reverse-path; empty: null */
	struct str envid;   /* ENVID, or empty */
	struct str account; /* id of who submitted it, or empty */
	struct str id;	    /* what people call it: queue_id_format() */
	struct str trace;   /* id of the SMTP transaction it came in by */
	struct queue_rcpt *rcpts;
	unsigned rcpt_n;
	uint64_t seq; /* entry that changed it last */
};

/* "<2 digits bucket>-<12 hex of the txid>-<ordinal>": short enough to read out
 * loud.  queue_bucket_match accepts it, or any unique beginning. */
#define QUEUE_ID_MAX 24

#define QUEUE_KEEP_HOURS 72
#define QUEUE_ORPHAN_HOURS 24 /* before a file without a row is voided */

struct queue_conf {
	struct store *store; /* outlives it */
	struct segcache *cache;
	bool no_background;
	uint32_t ckpt_every;   /* 0: JOURNAL_CKPT_EVERY */
	unsigned keep_hours;   /* txids are known; 0: QUEUE_KEEP_HOURS */
	unsigned orphan_hours; /* 0: QUEUE_ORPHAN_HOURS */
	/* Optional: an entry of ours was committed. Must not yield. */
	void (*committed)(void *arg, unsigned bucket, uint64_t seq);
	/* Optional: as in mailstore.h: no room for messages. */
	bool (*full)(void *arg);
	void *arg;
};
struct queue_store *queue_store_new(const struct queue_conf *c);
may_yield void queue_store_close(struct task *t, struct queue_store **qs);

/* --- bringing in: any worker of any node --- */

struct queue_writer;
/* bucket: where it shall go; QUEUE_BUCKETS: any. */
may_yield must_check struct err *queue_writer_begin(struct task *t,
    struct queue_store *qs, unsigned bucket, struct queue_writer **w_r);
may_yield must_check struct err *queue_writer_add(struct task *t,
    struct queue_writer *w, const void *p, size_t n);
uint64_t queue_writer_bytes(const struct queue_writer *w);
/* The entry's txid, before and after the commit. */
const struct txid *queue_writer_txid(const struct queue_writer *w);
/*
 * Keep n bytes of room here, filled with blanks; and fill them before the
 * commit (shorter text: blanks stay behind it).  For header fields whose last
 * word is known at the end of the message.  Only among the first
 * SHARE_ONE_WRITE_MAX bytes can be filled (ERR_LIMIT).
 */
may_yield must_check struct err *queue_writer_reserve(struct task *t,
    struct queue_writer *w, size_t n, uint64_t *place_r);
may_yield must_check struct err *queue_writer_fill(struct task *t,
    struct queue_writer *w, uint64_t place, struct str text);
/*
 * Make the file durable and commit.  m: from, flags, envid, account, trace,
 * arrived_s, rcpts (address, original, via, notify) as the caller has them; id,
 * txid, bucket, bytes are filled in.  Errors as journal_commit: a verdict, or
 * the outcome is unknown (451).  Frees the writer in every case.
 */
may_yield must_check struct err *queue_writer_commit(struct task *t,
    struct queue_writer **w, struct queue_message *m);
may_yield void queue_writer_abort(struct task *t, struct queue_writer **w);

/* --- looking: any worker, any node, shoalctl --- */

/* Which buckets there are (bit i of *mask_r). */
may_yield must_check struct err *queue_buckets(struct task *t,
    struct queue_store *qs, uint64_t *mask_r);
/* ERR_NOENT: nobody has used it yet. One object a bucket: owned by the store.
 */
may_yield must_check struct err *queue_bucket_open(struct task *t,
    struct queue_store *qs, unsigned bucket, struct queue_bucket **b_r);
/* Apply what is new. */
may_yield must_check struct err *queue_bucket_refresh(struct task *t,
    struct queue_bucket *b);
struct journal *queue_bucket_journal(struct queue_bucket *b);
unsigned queue_bucket_number(const struct queue_bucket *b);
/* Rows, in the order of arrival; valid until the task yields. */
unsigned queue_bucket_count(const struct queue_bucket *b);
const struct queue_message *queue_bucket_nth(const struct queue_bucket *b,
    unsigned i);
const struct queue_message *queue_bucket_find(const struct queue_bucket *b,
    const struct txid *txid, unsigned ordinal);
/* A copy, deep, in the arena. */
struct queue_message *queue_message_copy(struct arena *a,
    const struct queue_message *m);
void queue_id_format(const struct queue_message *m, char id_r[QUEUE_ID_MAX]);
/* The bucket, and what is behind it. */
bool queue_id_parse(struct str id, unsigned *bucket_r, struct str *rest_r);
/* The row whose id is, or alone begins with, the bucket's number and rest.
 * NULL: none; *one_r false: several. */
const struct queue_message *queue_bucket_match(const struct queue_bucket *b,
    struct str rest, bool *one_r);

/* The message's bytes; short only at the end.  ERR_NOTFOUND: it is not in the
 * queue any more.  ERR_CORRUPT: it is, but its file is not there, or not the
 * one that was written. */
may_yield must_check struct err *queue_read(struct task *t,
    struct queue_bucket *b, const struct queue_message *m, uint64_t offset,
    void *into, uint32_t n, uint32_t *count_r);

/* --- outcomes: the holder of the lock --- */

struct queue_outcome {
	unsigned rcpt; /* place in the message's list */
	enum queue_state state;
	bool delay_told;
	int64_t tried_s; /* as before: no new try, only news of it */
	int64_t next_s;
	unsigned code;
	struct str answer; /* cut at QUEUE_ANSWER_MAX */
};
/* A DSN to be queued by the same entry, in this bucket. */
struct queue_dsn {
	struct str bytes;	/* the whole message */
	struct queue_message m; /* as for queue_writer_commit */
};
/*
 * One entry: what became of some recipients of one message, and the DSNs.
 * token: of the lock, after lock_claim() of this bucket's journal.  The
 * message's file is removed if that was its last recipient.
 *
 * Outcomes of recipients that do not wait any more are left out, and DSNs come
 * only with an outcome that decides something: another state than waiting, or
 * that the recipient was told of the delay for the first time.  So whoever does
 * not know whether it was committed may say the same again.
 *
 * ERR_LOST: a higher token is known.  ERR_NOTFOUND: it is a row no more, or
 * none of these recipients waits.  Other errors as journal_commit.
 */
may_yield must_check struct err *queue_outcomes(struct task *t,
    struct queue_bucket *b, uint64_t token, struct str node,
    const struct txid *txid, unsigned ordinal, const struct queue_outcome *o,
    unsigned n, const struct queue_dsn *dsns, unsigned dsn_n);
/* Checkpoint, FORGET, files that no row names. */
may_yield must_check struct err *queue_maintain(struct task *t,
    struct queue_bucket *b, uint64_t token);

/* --- orders: anybody --- */

enum queue_order {
	QUEUE_ORDER_HOLD,
	QUEUE_ORDER_RELEASE,
	QUEUE_ORDER_RETRY, /* now */
	QUEUE_ORDER_REMOVE /* without a DSN */
};
may_yield must_check struct err *queue_order(struct task *t,
    struct queue_bucket *b, const struct txid *txid, unsigned ordinal,
    enum queue_order o);

#endif
