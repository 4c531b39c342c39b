/* remote.h - SMTP spoken as a client: one session with one host */
#ifndef SERVER_QUEUE_REMOTE_H
#define SERVER_QUEUE_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/task.h"
#include "server/net/addr.h"

/*
 * RFC 5321 with PIPELINING, SIZE, 8BITMIME, SMTPUTF8, DSN (RFC 3461),
 * ENHANCEDSTATUSCODES, STARTTLS (opportunistic, RFC 7435, unless the target
 * demands it) and AUTH PLAIN or LOGIN for smart hosts (over TLS only).  The
 * same code speaks LMTP to nobody: local delivery is ours.
 *
 * A session serves several messages (RSET is not needed between them) until it
 * is closed, gets too old, or breaks.  Every wait has a limit of RFC 5321,
 * 4.5.3.2, and of the task's deadline; reply lines and their number are
 * bounded.  Replies of code 0 are ours: no answer, or none that makes sense.
 *
 * What the host cannot take it is not sent: 552 5.3.4 larger than SIZE, 554
 * 5.6.3 8-bit without 8BITMIME (nothing is converted), 553 5.6.7 without
 * SMTPUTF8.
 *
 * Who fails when: before MAIL a failure concerns the host (try the next MX);
 * from MAIL on it is the answer of that host about the message or a recipient.
 * A connection that breaks after the final dot was sent and before the reply is
 * an unknown outcome: counted as temporary, so that it may arrive twice.
 */
struct remote;
struct worker;

#define REMOTE_CONNECT_MS 30000
#define REMOTE_MESSAGES_MAX 100 /* of one session */
#define REMOTE_IDLE_MS 5000	/* kept for another message */

enum remote_tls {
	REMOTE_TLS_MAY,	   /* if offered, whatever the certificate */
	REMOTE_TLS_MUST,   /* encrypted, whatever the certificate */
	REMOTE_TLS_VERIFY, /* and the certificate is name's, by a known CA */
	REMOTE_TLS_NEVER,
	REMOTE_TLS_IMPLICIT /* port 465: from the first byte; verified */
};

struct remote_target {
	struct str host;      /* name, for SNI, the certificate and logs */
	struct net_addr addr; /* with port */
	const struct net_addr *source; /* own address to come from; or NULL */
	enum remote_tls tls;
	struct str user, password; /* AUTH; empty: none */
	struct str hello;	   /* EHLO's argument */
};

/* What a command was answered.  code 0: no answer; text says why. */
struct remote_reply {
	unsigned code;
	char enhanced[12]; /* "5.1.1", or "" */
	struct str text;   /* lines joined by blanks, printable; in the arena */
};

/* ERR_UNAVAIL with *why_r: this host cannot be used now (4xx greeting, refused,
 * time-out, no TLS where it must be, AUTH refused: whoever mends the password
 * has lost no mail).  ERR_DENIED: 5xx greeting or EHLO.  REMOTE_TLS_MAY: after
 * a handshake that failed, once more without TLS.  transcript, or NULL: what
 * was said until it failed is added; after success remote_send() tells it. */
may_yield must_check struct err *remote_open(struct task *t, struct worker *w,
    const struct remote_target *target, struct remote **r_r,
    struct remote_reply *why_r, struct buf *transcript);
/* QUIT, without waiting for much. */
may_yield void remote_close(struct task *t, struct remote **r);
/* Whether another message may be tried on it. */
bool remote_is_usable(const struct remote *r);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384 verified", "... not verified (self-signed
 * certificate)", or "" for plain text. */
const char *remote_tls_text(const struct remote *r);

struct remote_rcpt {
	struct str address, original; /* ORCPT's xtext source, or empty */
	unsigned notify;	      /* enum queue_notify */
	/* out */
	struct remote_reply reply; /* final: of RCPT, or of the end of data */
	bool dsn_passed;	   /* taken, and the host takes over NOTIFY */
};

struct remote_mail {
	struct str from;
	uint64_t bytes; /* of prefix and body */
	bool utf8, body8;
	struct str envid;
	int ret; /* 0, QUEUE_FULL, QUEUE_HDRS */
	struct remote_rcpt *rcpts;
	unsigned rcpt_n;
	struct str prefix; /* header fields put on top (DKIM-Signature) */
	/* The message: *n_r == 0 at its end.  Dots are stuffed here, and every
	 * line end becomes CRLF. */
	struct err *(*read)(struct task *t, void *arg, void *into, size_t n,
	    size_t *n_r);
	void *arg;
	/* out */
	bool unknown; /* broke between the final dot and its reply */
};
/*
 * One transaction.  Every recipient's reply is set, whatever happened; an error
 * is only returned for our own failures (the message could not be read).
 * transcript: the dialogue without secrets and message, that of the opening
 * before the first one's; at most REMOTE_TRANSCRIPT_MAX bytes; or NULL.
 */
#define REMOTE_TRANSCRIPT_MAX 16384
may_yield must_check struct err *remote_send(struct task *t, struct remote *r,
    struct remote_mail *m, struct buf *transcript);

#endif
