/* dsn.h - delivery status notifications (RFC 3461, 3464, 6522, 6533) */
#ifndef SERVER_QUEUE_DSN_H
#define SERVER_QUEUE_DSN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "storage/queue.h"

/*
 * multipart/report of three parts: a text for people, message/delivery-status
 * with one block a recipient, and the message's header, or all of it (RET=FULL,
 * something failed, and at most DSN_FULL_MAX bytes).  From MAILER-DAEMON at our
 * host, to be sent with the null reverse-path, Auto-Submitted: auto-replied.
 *
 * RFC 6533: where an address of it, or the header, is UTF-8 the parts are
 * message/global-delivery-status, message/global-headers, message/global, and
 * the DSN itself needs SMTPUTF8.
 *
 * One DSN tells of all recipients that one transaction settled.  Nobody is told
 * of a DSN of ours, or of a message with the null reverse-path.
 *
 * A recipient that an address of ours stands for (queue_rcpt.via) is called by
 * that address: who forwards his mail has not told the sender whereto.
 */
#define DSN_FULL_MAX (256U << 10)  /* of a message that is returned whole */
#define DSN_HEADER_MAX (64U << 10) /* of a header; cut off at a line */
#define DSN_RCPTS_MAX 1000	   /* told of in one DSN */
#define DSN_BYTES_MAX (4U << 20)
#define DSN_UNIQUE 32 /* digits of struct dsn.unique */

enum dsn_action { DSN_FAILED, DSN_DELAYED, DSN_DELIVERED, DSN_RELAYED };

struct dsn_rcpt {
	const struct queue_rcpt *rcpt; /* addresses, notify */
	enum dsn_action action;
	struct str answer; /* as answer.h has it */
	int64_t tried_s;   /* 0: never */
	int64_t until_s;   /* DELAYED: when we give up */
};

struct dsn {
	struct str host;   /* ours */
	struct str unique; /* hex digits: boundary, Message-ID */
	const struct queue_message *m;
	int64_t now_s;
	const struct dsn_rcpt *rcpts;
	unsigned n;
	struct str original; /* the message, or as much as there is of it */
};

/* Whether the sender is to be told that (RFC 3461, 4.1). */
bool dsn_is_wanted(const struct queue_message *m, const struct queue_rcpt *r,
    enum dsn_action action);
/* How much of the message dsn_write() wants to have. */
uint64_t dsn_original_bytes(const struct queue_message *m,
    const struct dsn_rcpt *rcpts, unsigned n);
/*
 * The whole message with CRLF; *flags_r: enum queue_flags for its row.  rcpts
 * are those that dsn_is_wanted() was true for, at least one.  b's limit is
 * DSN_BYTES_MAX.
 */
void dsn_write(struct buf *b, const struct dsn *d, unsigned *flags_r);

/* The header: up to and without the empty line, whole lines only. */
struct str dsn_header(struct str message);

#endif
