/* deliver_private.h - a message on its way, inside deliver*.c */
#ifndef SERVER_SMTP_DELIVER_PRIVATE_H
#define SERVER_SMTP_DELIVER_PRIVATE_H

#include "server/smtp/deliver.h"
#include "server/smtp/smtp_scan.h"
#include "storage/account.h"
#include "storage/message.h"
#include "storage/state_alias.h"

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
	struct smtp_scan scan;
	/* its beginning, kept back until it is known what it is */
	char start[SMTP_START_BYTES];
	size_t start_n;
	bool started;
	bool begun, scanning;
	uint64_t bytes, max_bytes, hops_max;
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

#endif
