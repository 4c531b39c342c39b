/* admin_queue.h - the queue of the whole cluster, as administrators see it */
#ifndef SERVER_ADMIN_ADMIN_QUEUE_H
#define SERVER_ADMIN_ADMIN_QUEUE_H

#include "server/admin/admin.h"
#include "storage/queue.h"

/*
 * Straight from the share, whichever node holds which bucket.  Orders are
 * entries like any other: the holder is told, or sees them with its next look.
 *
 * A worker keeps the buckets open between requests.  To look at all of them is
 * one call each when nothing is new, and is done at most every
 * ADMIN_QUEUE_FRESH_MS, however many ask; an order on the same node ends that.
 * One message is looked at in its bucket, which is asked for what is new.
 */
#define ADMIN_QUEUE_FRESH_MS 3000

struct admin_queue;

/* Opens nothing yet.  A worker's is its own and stays; shoalctl's is closed. */
must_check struct err *admin_queue_open(struct task *t, const struct admin *ad,
    struct admin_queue **q_r);
may_yield void admin_queue_close(struct task *t, struct admin_queue **q);
/* All buckets, as they are now or were a moment ago. */
may_yield must_check struct err *admin_queue_look(struct task *t,
    struct admin_queue *q);

/* --- which messages --- */

enum admin_queue_state {
	ADMIN_QUEUE_ANY,
	ADMIN_QUEUE_WAITING,
	ADMIN_QUEUE_HELD
};
struct admin_queue_filter { /* what is empty does not count */
	enum admin_queue_state state;
	struct str domain; /* a recipient there waits */
	struct str from;   /* its sender; "@domain": anybody there; "<>" */
	/* in its id, an address of it or the answer to a recipient that waits,
	 * in any case (ASCII) */
	struct str search;
	struct str within; /* sender or a recipient, whatever became of it, is
			    * of this domain */
	/* Only what is listed behind this one. */
	bool has_after;
	int64_t after_s;
	struct str after_id;
};
/*
 * Whether who looks after that domain (empty: all) sees a recipient: of mail
 * from elsewhere only his own; whom else it is for, in secret perhaps, is none
 * of his business.  Filters and sums know of no others.
 */
bool admin_queue_shows(const struct queue_message *m,
    const struct queue_rcpt *r, struct str within);
bool admin_queue_matches(const struct queue_message *m,
    const struct admin_queue_filter *f);
/* Whether the address is of that domain, written in any case. */
bool admin_queue_is_at(struct str address, struct str domain);

/*
 * The first `most` that match, oldest first (arrived, id), of what was looked
 * at; *all_r, unless NULL: how many there are.  Rows stay where they are until
 * the task yields.
 */
unsigned admin_queue_pick(struct arena *a, const struct admin_queue *q,
    const struct admin_queue_filter *f, unsigned most,
    const struct queue_message ***list_r, unsigned *all_r);

/*
 * The message of an id, or (part) of any beginning that no other has, its
 * bucket asked for what is new.  Valid until the task yields.  ERR_NOTFOUND;
 * ERR_INVALID: several.
 */
may_yield must_check struct err *admin_queue_find(struct task *t,
    struct admin_queue *q, struct str id, bool part,
    const struct queue_message **m_r);

/* --- what there is to say --- */

/* About all recipients that wait and that he sees. */
struct admin_queue_sum {
	unsigned waiting;
	uint32_t tries;
	int64_t next_s;		       /* the first; 0: now */
	const struct queue_rcpt *last; /* tried last; NULL: none was */
	struct str *addresses;
};
void admin_queue_sum(struct arena *a, const struct queue_message *m,
    struct str within, struct admin_queue_sum *s_r);
/* When a recipient is tried next; 0: now, or never again. */
int64_t admin_queue_next_s(const struct queue_rcpt *r);
/* "waiting", "delivered", "failed", "removed". */
const char *admin_queue_rcpt_state(enum queue_state s);

/* Up to n bytes of the message from there; short only at the end. */
may_yield must_check struct err *admin_queue_read(struct task *t,
    struct admin_queue *q, const struct queue_message *m, uint64_t offset,
    void *into, uint32_t n, uint32_t *count_r);
/* The header, as far as it has header_max bytes, and of the body at most
 * body_max.  m: a copy.  *cut_r: there is more. */
may_yield must_check struct err *admin_queue_text(struct task *t,
    struct admin_queue *q, const struct queue_message *m, size_t header_max,
    size_t body_max, struct str *text_r, bool *cut_r);

/* --- orders --- */

/*
 * Before one is given: a row of the audit, however many messages it is for.
 * Without it nothing may be ordered.  ids: theirs, or, where whoever asks has
 * them from somewhere, what may be some; n >= 1.  how: by what they were found
 * ("from @example.org"); empty: they were named.  Fails as state_change(), with
 * a sentence that says that nothing was ordered.
 */
#define ADMIN_QUEUE_NAMED 20 /* ids that a row has at most */
may_yield must_check struct err *admin_queue_note(struct task *t,
    const struct admin *ad, enum queue_order o, const struct str *ids,
    unsigned n, struct str how);
/* ERR_NOTFOUND: it is not in the queue any more. */
may_yield must_check struct err *admin_queue_order(struct task *t,
    struct admin_queue *q, unsigned bucket, const struct txid *txid,
    unsigned ordinal, enum queue_order o);
/* "hold", "release", "retry", "remove". */
bool admin_queue_order_parse(struct str word, enum queue_order *o_r);

#endif
