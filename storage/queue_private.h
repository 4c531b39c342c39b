/* queue_private.h - the parts of the queue among themselves */
#ifndef STORAGE_QUEUE_PRIVATE_H
#define STORAGE_QUEUE_PRIVATE_H

#include "base/safeguard.h"
#include "storage/queue.h"
#include "storage/queue_state.h"

/*
 *	queue.c			the store, its buckets, looking
 *	queue_client.c		what a bucket tells its journal
 *	queue_commit.c		one entry
 *	queue_file.c		message files
 *	queue_write.c		a message comes in
 *	queue_outcome.c		outcomes with their DSNs, orders
 *	queue_maintain.c	forgetting, orphans
 *	queue_ops.c		the language of entries
 *	queue_state.c		replaying it
 *	queue_ckpt.c		checkpoints
 */
#define QUEUE_HANDLES 8	   /* of message files, kept for reading on */
#define QUEUE_LOOK_MS 5000 /* older heads are looked at before they are used */
#define QUEUE_FINISHED 256 /* names of rows that are no more */

struct queue_handle {
	struct queue_name name;
	struct share_fh fh; /* n == 0: none */
};

struct queue_bucket {
	struct queue_store *qs;
	unsigned number;
	char label[16]; /* "queue-07" */
	char name[QUEUE_BUCKET_NAME + 1];
	struct task_mutex lock; /* of its directories */
	bool located, have_msg;
	struct share_fh dir, msg;
	struct journal *journal;
	struct queue_bucket_state state;
	bool reset_due; /* the journal begins from nothing */
	struct queue_handle handles[QUEUE_HANDLES];
	unsigned handle_next;
	/* Rows that went lately: their files are gone for a reason. */
	struct queue_name *finished;
	unsigned finished_n, finished_next;
	bool swept;
	uint64_t swept_ms;
	unsigned writers;   /* messages that come in */
	uint64_t looked_ms; /* the head was seen then */
};

struct queue_store {
	struct queue_conf conf;
	struct journal_env jenv;
	struct queue_bucket *buckets[QUEUE_BUCKETS];
	struct share_fh root; /* queue/ */
	bool have_root;
};

static inline struct share *
queue_share(const struct queue_bucket *b)
{
	return b->qs->conf.store->share;
}

/* -- queue.c */
struct queue_bucket *queue_bucket_get(struct queue_store *qs, unsigned number);
/* Directories and journal; made if `make` says so, else ERR_NOENT. */
may_yield must_check struct err *queue_bucket_locate(struct task *t,
    struct queue_bucket *b, bool make);
/* A directory was replaced under our handles: walk again. */
may_yield must_check struct err *queue_bucket_relocate(struct task *t,
    struct queue_bucket *b);
may_yield must_check struct err *queue_bucket_msg(struct task *t,
    struct queue_bucket *b, bool make, struct share_fh *fh_r);
/* Located and made, its head is known: commits may be made. */
may_yield must_check struct err *queue_bucket_ready(struct task *t,
    struct queue_bucket *b);

/* -- queue_client.c */
extern const struct journal_client queue_client;
void queue_state_drop(struct queue_bucket *b);

/* -- queue_commit.c */
struct queue_tx {
	struct queue_bucket *b;
	struct journal_tx tx;
	struct err *(
	    *compose)(struct task *t, struct queue_tx *x, struct buf *ops);
	/* Optional: from the head's totals alone. */
	struct err *(*compose_blind)(struct task *t, struct queue_tx *x,
	    const struct queue_totals *before, struct buf *ops,
	    struct buf *totals);
	bool nothing; /* compose: there is nothing to do */
	bool load;    /* compose_blind: cannot be told from the totals */
	bool removes; /* may use the last room on the share */
	void *arg;
};
void queue_tx_init(struct task *t, struct queue_bucket *b, struct queue_tx *x);
/* Under another txid: the first one is voided or held (nothing happened). */
void queue_tx_again(struct task *t, struct queue_tx *x);
/* As journal_commit; NULL with seq_r == 0: there was nothing to do. */
may_yield must_check struct err *queue_commit(struct task *t,
    struct queue_tx *x);

/* -- queue_file.c */
may_yield must_check struct err *queue_file_lookup(struct task *t,
    struct queue_bucket *b, const struct queue_name *name,
    struct share_fh *fh_r, struct share_attr *attr_r);
/* What cannot be removed now is an orphan: the sweep finds it. */
may_yield void queue_file_remove(struct task *t, struct queue_bucket *b,
    const struct queue_name *name);

/* -- queue_write.c */
/* ERR_INVALID, ERR_LIMIT: this cannot be written into an entry. */
must_check struct err *queue_message_check(struct arena *a,
    const struct queue_message *m);

#endif
