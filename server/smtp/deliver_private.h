/* deliver_private.h - a message on its way, inside deliver*.c */
#ifndef SERVER_SMTP_DELIVER_PRIVATE_H
#define SERVER_SMTP_DELIVER_PRIVATE_H

#include "base/buf.h"
#include "server/smtp/deliver.h"
#include "storage/account.h"
#include "storage/message.h"
#include "storage/queue.h"
#include "storage/state_alias.h"

#define DELIVER_MESSAGE_ID_MAX 200 /* of what is logged */

/* What the client wants to know of a recipient (RFC 3461). */
struct deliver_dsn {
	unsigned notify;     /* enum smtp_notify */
	struct str original; /* ORCPT, decoded; or empty */
};

struct deliver_account {
	struct account *acc;
	struct str id, address; /* normalised: for Delivered-To */
	struct str via;		/* state_alias.h */
	struct str rcpt;	/* by which it was reached first */
	struct deliver_dsn dsn; /* and what was asked for there */
	bool copy;		/* kept of what is forwarded */
	bool loop;		/* it had this message before */
	enum deliver_verdict verdict;
};

/* A recipient in another cluster. */
struct deliver_elsewhere {
	struct str address, via; /* queue.h */
	bool forward;		 /* via is an account's, which forwards */
	bool loop;		 /* via had this message before */
	struct deliver_dsn dsn;
};

struct deliver_rcpt {
	struct str mailbox;	/* as the client wrote it */
	struct str normalised;	/* or empty */
	unsigned *accounts, n;	/* places in deliver.accounts */
	unsigned *away, away_n; /* and in deliver.elsewhere */
};

struct deliver {
	struct worker *w;
	struct arena *arena; /* of the transaction */
	struct smtp_path from;
	bool utf8;
	bool eight; /* bytes above 127 were put into the queue */
	enum smtp_ret ret;
	struct str envid; /* decoded */
	struct filter_client client;
	uint64_t declared; /* SIZE; 0: not said */
	uint64_t most;	   /* bytes, as the domains have it; 0: as all */
	struct deliver_rcpt *rcpts;
	unsigned rcpt_n, rcpt_size;
	struct deliver_account *accounts;
	unsigned account_n, account_size;
	struct deliver_elsewhere *elsewhere;
	unsigned elsewhere_n, elsewhere_size;
	bool success; /* one of them is to be told of */
	/* while the message comes: one of the two (deliver_sink.c) */
	struct message_writer *writer;
	struct queue_writer *queued;
	struct filter_msg filter;
	struct str id, queue_id;
	struct str trace; /* our fields */
	struct buf head;  /* its beginning, until the header is complete */
	bool begun, headed;
	struct str message_id; /* or empty; cut off if it is long */
	uint64_t bytes, max_bytes;
	uint64_t began_ms;
	enum deliver_verdict verdict;
};

/*
 * deliver_address.c: who an address stands for, by the state alone.  The list
 * is in the task's arena; account_id DELIVER_HOLD_ID is the account of that
 * name.
 */
struct deliver_found {
	struct state_recipient *list;
	unsigned n;
	struct str normalised;
};
enum deliver_verdict deliver_find(struct arena *a, const struct deliver *d,
    const struct smtp_path *to, int64_t wall_s, struct deliver_found *f_r);

/* The largest message that the domain takes or sends; 0: as the setting says,
 * or it is not ours. */
uint64_t deliver_domain_max(struct arena *a, struct worker *w,
    struct str domain);

/* deliver_sink.c: where the bytes go, mailbox or queue */
bool deliver_is_by_queue(const struct deliver *d);
may_yield must_check struct err *deliver_sink_begin(struct task *t,
    struct deliver *d);
bool deliver_sink_is_open(const struct deliver *d);
may_yield must_check struct err *deliver_sink_add(struct task *t,
    struct deliver *d, const void *p, size_t n);
may_yield must_check struct err *deliver_sink_reserve(struct task *t,
    struct deliver *d, size_t n, uint64_t *place_r);
may_yield must_check struct err *deliver_sink_fill(struct task *t,
    struct deliver *d, uint64_t place, struct str text);
may_yield void deliver_sink_abort(struct task *t, struct deliver *d);

/* deliver_queue.c: one entry for all recipients */
may_yield must_check enum deliver_verdict deliver_commit_queue(struct task *t,
    struct deliver *d);

/* deliver_write.c */
enum deliver_verdict deliver_verdict_of(const struct err *e);
/* Nothing, if the message is refused already. */
may_yield void deliver_write(struct task *t, struct deliver *d, const void *p,
    size_t n);
/* What the filters say now, applied. */
void deliver_filtered(struct deliver *d);

/*
 * deliver_header.c: the header is gathered in memory until it is complete, then
 * goes through the steps (header_step.h) and is written.  gather takes of piece
 * what it wants; how much that was.
 */
may_yield must_check size_t deliver_gather(struct task *t, struct deliver *d,
    struct str piece);
/* It will not become longer. */
may_yield void deliver_header(struct task *t, struct deliver *d);

#endif
