/* queue_private.h - what the files of queue.h share */
#ifndef SERVER_QUEUE_QUEUE_PRIVATE_H
#define SERVER_QUEUE_QUEUE_PRIVATE_H

#include "locking/lock.h"
#include "server/queue/queue.h"
#include "server/queue/schedule.h"
#include "server/worker.h"
#include "storage/queue.h"

#define QUEUE_TICK_MS 1000
/* One held bucket after another is looked at, hints or not: what nobody told of
 * is found after 64 of these at most.  Fast where hints do not work. */
#define QUEUE_POLL_MS 8000
#define QUEUE_POLL_FAST_MS 2000
/* Those that have rows, besides: orders come without hints. */
#define QUEUE_BUSY_MS 5000
/* Which buckets there are, and one that is not ours, whether it is free. */
#define QUEUE_LIST_MS 60000
#define QUEUE_ASK_MS 5000     /* for one that should be ours */
#define QUEUE_LEAST_MS 60000  /* kept, before it goes to its owner */
#define QUEUE_CALL_MS 10000   /* lock, claim, replay of one bucket */
#define QUEUE_SETTLE_MS 20000 /* one attempt to write an outcome */
#define QUEUE_LOST_MS 600000  /* attempts at it, once the lock is lost */
#define QUEUE_PAUSE_MS 5000   /* of a bucket whose files cannot be read */
#define QUEUE_MAINTAIN_MS 600000
#define QUEUE_CODE_OURS 450 /* kept where no host gave one */
#define QUEUE_TX_RCPTS 100  /* of one transaction (RFC 5321, 4.5.3.1.8) */

/* A bucket, as this node sees it. */
struct queue_hold {
	struct lock *lock; /* NULL: not held */
	struct queue_bucket *b;
	uint64_t token;
	bool exists, giving, told;
	bool sick;	  /* could not be taken: not asked at every hint */
	bool kick;	  /* a hint: look at it, or ask for it, now */
	bool again;	  /* jobs were left out for want of room */
	unsigned running; /* jobs */
	uint64_t seq;	  /* jobs were gathered at this entry */
	int64_t due_s;	  /* and nothing is due before */
	uint64_t polled_ms, held_ms, ask_ms, pause_ms;
	uint64_t maintain_ms, maintain_seq;
};

/* A message and a destination that somebody is at. */
struct queue_run {
	struct dest_job job;
	const struct dest *dest; /* NULL: it is told that it is late */
	unsigned place;		 /* underway.h */
	struct queue_run *next;
};

/* A private key, by the hash of its PEM. */
struct queue_key {
	unsigned char hash[32];
	struct crypto_pk *pk; /* NULL: none */
};
#define QUEUE_KEYS 16

struct queue {
	struct worker *w;
	struct queue_hold hold[QUEUE_BUCKETS];
	struct dests *dests;
	struct dest *listed; /* those with jobs */
	struct queue_run *runs;
	unsigned running, busy; /* tasks; those that do not wait idly */
	bool stop, ended, over;
	bool gather; /* a job ended, something became known */
	struct task_cond kick, done;
	uint64_t list_ms, poll_ms, suspect_ms;
	unsigned poll_at, rows;
	uint64_t gathered_ms;
	struct dest_job late[DEST_JOBS];
	unsigned late_n;
	struct queue_key keys[QUEUE_KEYS]; /* used lately */
	unsigned key_next;
	bool late_running;
};

/* queue.c */
void queue_kick(struct queue *q);
void queue_schedule(const struct queue *q, struct schedule *s_r);
/* Whether this node takes part, now. */
bool queue_may_run(const struct queue *q);
bool queue_is_held(const struct queue *q, unsigned bucket);
/* Whether a held bucket still may be delivered from. */
bool queue_goes_on(const struct queue *q, unsigned bucket);

/* queue_hold.c: locks */
may_yield void queue_hold_all(struct task *t, struct queue *q);
/* Those whose jobs have ended; true: none is left. */
may_yield bool queue_hold_give(struct task *t, struct queue *q);
may_yield void queue_hold_look(struct task *t, struct queue *q);

/* queue_gather.c: what is due */
void queue_gather(struct queue *q);
/* Milliseconds until it is worth while: not for every message that is done. */
uint64_t queue_gather_early_ms(const struct queue *q);
/* Milliseconds until something is. */
uint64_t queue_gather_wait_ms(const struct queue *q);
bool queue_is_run(const struct queue *q, const struct dest_job *j,
    const struct dest *d);
/* With any destination, or telling that it is late: that says again what the
 * last try said, so there must be no other meanwhile. */
bool queue_is_busy(const struct queue *q, const struct dest_job *j);
void queue_run_begin(struct queue *q, struct queue_run *r);
void queue_run_end(struct queue *q, struct queue_run *r);
/* The recipients of m that d serves and that are due: their places. */
unsigned queue_due(const struct queue_message *m, const struct dest *d,
    int64_t now_s, unsigned *places, unsigned max);

/* queue_suspect.c: what worker 0 died at (underway.h) */
/* Before anything else: what an earlier life left. */
void queue_suspects_join(struct queue *q);
/* Hold the guilty, forget those that are no more, or another's. */
may_yield void queue_suspects_look(struct task *t, struct queue *q);
/* Told apart from the other jobs of its message. */
uint64_t queue_suspect_dest(const struct dest *d);

/* queue_settle.c: what came of recipients */
struct queue_verdict {
	unsigned rcpt; /* place in the message */
	enum queue_state state;
	bool relayed, dsn_passed; /* DELIVERED: by a host, that takes NOTIFY */
	bool host_failed;	  /* nobody answered: the host's fault */
	bool at_once;		  /* the next transaction may have it */
	struct str answer;	  /* answer.h */
};
/*
 * One entry with them and the DSNs that follow, repeated until it is known to
 * be written or the bucket is another's.  told: for the trace, or NULL.
 */
struct queue_told {
	struct str host, tls, log; /* log: the dialogue */
};
may_yield void queue_settle(struct task *t, struct queue *q,
    const struct queue_message *m, const struct queue_verdict *v, unsigned n,
    struct dest *d, const struct queue_told *told);
/* Tell the sender of a message that recipients are late. */
may_yield void queue_settle_late(struct task *t, struct queue *q,
    const struct queue_message *m);

void queue_verdict_all(struct queue_verdict *v, const unsigned *places,
    unsigned n, enum queue_state state, bool host_failed, struct str answer);

/* queue_trace.c */
void queue_trace_relay(struct task *t, const struct queue *q,
    const struct queue_message *m, const struct queue_outcome *o, unsigned n,
    const struct queue_told *told);
/* verdict: what the sender is told of. */
void queue_trace_bounce(struct task *t, const struct queue *q,
    const struct queue_message *m, const char *verdict);

/* queue_send.c: a task of one destination; it frees the sender */
struct queue_sender {
	struct queue *q;
	struct dest *d;
	struct remote *r;	      /* NULL: no session */
	char host[SCHEDULE_DEST_MAX]; /* it is with */
};
may_yield void queue_send_main(struct task *t, void *sender);

/* queue_open.c: a session with one of the destination's hosts */
struct queue_failure {
	enum queue_state state;
	bool host_failed;
	struct str host, answer, log; /* log: what was said with the hosts */
};
may_yield bool queue_open(struct task *t, struct queue_sender *s,
    struct queue_failure *why_r);

/* queue_sign.c: DKIM-Signature fields to be put on top, or nothing */
may_yield must_check struct err *queue_sign(struct task *t, struct queue *q,
    const struct queue_message *m, struct str *prefix_r);
struct str queue_sign_from(struct str header);
void queue_sign_forget(struct queue *q);

/* queue_local.c: to mailboxes */
struct state_recipient;
/* The nth txid for this message in that account. */
struct txid queue_local_txid(const struct queue_message *m,
    const struct state_recipient *who, unsigned nth);
may_yield void queue_local(struct task *t, struct queue *q,
    const struct queue_message *m, struct dest *d, const unsigned *places,
    unsigned n);

#endif
