/* wq.h - the queue workload among its parts */
#ifndef SIM_WQ_H
#define SIM_WQ_H

#include "sim.h"
#include "locking/lease.h"
#include "locking/lock.h"
#include "locking/nodes.h"
#include "storage/queue_ckpt.h"
#include "storage/queue_private.h"

#define WQ_BUCKETS 2
#define WQ_RCPTS 3

struct wq_proc {
	struct store st;
	struct queue_store *qs;
	struct node *node;
	struct lease *lease;
	struct nodes *nodes;
	struct locks *locks;
	bool busy[WQ_BUCKETS]; /* a task of this node is about its lock */
};

enum wq_status { WQ_OPEN, WQ_ACKED, WQ_REFUSED, WQ_UNKNOWN };

/* What the receiver says to a recipient. */
enum wq_fate { WQ_TAKES, WQ_REFUSES, WQ_LATER_TAKES, WQ_LATER_REFUSES };

struct wq_rcpt {
	enum wq_fate fate;
	unsigned later;	 /* answers of 451 that are still to come */
	unsigned copies; /* that the receiver took */
	unsigned attempts;
	unsigned lost;	     /* attempts whose outcome was not acknowledged */
	uint64_t done_token; /* of the final outcome acknowledged, 0: none */
	bool told_acked;     /* that of a delay was, with a DSN */
};

/* A message that was accepted, or tried; a DSN is one too. */
struct wq_mail {
	unsigned tag;
	struct txid txid;
	unsigned ordinal, bucket;
	enum wq_status status;
	unsigned rcpt_n;
	struct wq_rcpt rcpts[WQ_RCPTS];
	bool seen;		/* as a row */
	bool removing, removed; /* by an order: begun, acknowledged */
	bool kept;		/* came when all was over: nobody sends it */
	bool finished; /* an outcome that was its last was acknowledged */
	/* DSN: what it is about */
	bool dsn, delay;
	unsigned of;	   /* tag */
	unsigned of_rcpts; /* bits */
};

struct wq_book {
	unsigned tags;
	struct wq_mail *mails;
	unsigned n, size;
	uint64_t token[WQ_BUCKETS];   /* highest that was handed out */
	uint64_t claimed[WQ_BUCKETS]; /* highest whose claim returned */
	unsigned dsns, sent, zombies;
	struct buf dump[WQ_BUCKETS]; /* of the first node that told */
};

static inline struct wq_book *
wq_book(const struct sim_world *w)
{
	return w->app;
}

static inline struct wq_proc *
wq_proc(const struct sim_node *n)
{
	return n->app;
}

static inline struct wq_mail *
wq_mail(const struct sim_node *n, unsigned i)
{
	return &wq_book(n->w)->mails[i];
}

/* w_queue.c */
extern const unsigned wq_buckets[WQ_BUCKETS];
extern const char *const wq_locks[WQ_BUCKETS];
/* One message comes in; returns its index in the book. */
may_yield unsigned wq_accept(struct task *t, struct sim_node *n);
may_yield must_check struct err *wq_refresh(struct task *t, struct sim_node *n,
    struct queue_bucket *b);
/* The lock of bucket k was taken. */
void wq_taken(struct sim_node *n, unsigned k, const struct lock *lock);
/* What the holder does: claim, then send what is due. */
may_yield must_check struct err *wq_hold(struct task *t, struct sim_node *n,
    struct queue_bucket *b, unsigned k, struct lock *lock, unsigned rounds);

/* wq_end.c: in turn, all nodes; twice */
may_yield_unchecked void wq_final(struct task *t, struct sim_node *n,
    unsigned pass);

/* wq_book.c */
/* Index of a new message; they move when others come. */
unsigned wq_mail_new(struct sim_world *w, unsigned tag, unsigned rcpts);
unsigned wq_accepted(struct sim_node *n, unsigned mail,
    const struct queue_message *m, const struct err *e);
/* The message of a row; made if it is a DSN seen for the first time. */
unsigned wq_mail_of_row(struct sim_node *n, const struct queue_message *m);
/* All of a replica that was refreshed; what was acknowledged before `begun`
 * (wq_snapshot) must be there, what was removed or finished must not. */
struct wq_snapshot;
struct wq_snapshot *wq_snapshot(struct task *t, struct sim_node *n);
void wq_observe(struct sim_node *n, struct queue_bucket *b,
    const struct wq_snapshot *s);
/* The holder with this token begins to send to a recipient. */
void wq_attempt(struct sim_node *n, unsigned mail, unsigned rcpt,
    uint64_t token);
void wq_check(struct sim_world *w);

#endif
