/* deliver_private.h - a message on its way, inside deliver*.c */
#ifndef SERVER_SMTP_DELIVER_PRIVATE_H
#define SERVER_SMTP_DELIVER_PRIVATE_H

#include "base/buf.h"
#include "server/smtp/deliver.h"
#include "storage/account.h"
#include "storage/message.h"
#include "storage/state_alias.h"

#define DELIVER_MESSAGE_ID_MAX 200 /* of what is logged */

struct deliver_account {
	struct account *acc;
	struct str id, address; /* normalised: for Delivered-To */
	struct str rcpt;	/* by which it was reached first */
	bool loop;		/* it had this message before */
	enum deliver_verdict verdict;
};

struct deliver_rcpt {
	struct str mailbox;    /* as the client wrote it */
	struct str normalised; /* or empty */
	unsigned *accounts, n; /* places in deliver.accounts */
};

struct deliver {
	struct worker *w;
	struct arena *arena; /* of the transaction */
	struct smtp_path from;
	bool utf8;
	uint64_t declared; /* SIZE; 0: not said */
	struct deliver_rcpt *rcpts;
	unsigned rcpt_n, rcpt_size;
	struct deliver_account *accounts;
	unsigned account_n, account_size;
	/* while the message comes */
	struct message_writer *writer;
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
enum deliver_verdict deliver_find(struct arena *a, struct worker *w,
    const struct smtp_path *to, struct deliver_found *f_r);

/* deliver_write.c */
enum deliver_verdict deliver_verdict_of(const struct err *e);
/* Nothing, if the message is refused already. */
may_yield void deliver_write(struct task *t, struct deliver *d, const void *p,
    size_t n);

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
