/* remote_private.h - inside sessions with other hosts: for remote*.c only */
#ifndef SERVER_QUEUE_REMOTE_PRIVATE_H
#define SERVER_QUEUE_REMOTE_PRIVATE_H

#include "server/net/dial.h"
#include "server/queue/remote.h"
#include "server/queue/remote_parse.h"
#include "server/worker.h"

/* RFC 5321, 4.5.3.2: how long to wait for what. */
#define REMOTE_GREETING_MS 300000 /* also EHLO, AUTH, RSET */
#define REMOTE_MAIL_MS 300000	  /* also RCPT */
#define REMOTE_DATA_MS 120000	  /* 354 */
#define REMOTE_BLOCK_MS 180000	  /* of the message */
#define REMOTE_DOT_MS 600000	  /* the host may take long to store it */
/* Ours. */
#define REMOTE_TLS_MS 60000
#define REMOTE_QUIT_MS 2000
#define REMOTE_LAST_WORDS_MS 2000 /* of a host that has closed on us */
/* MAIL and all RCPT together: whoever takes minutes for each of many keeps
 * others waiting, too. */
#define REMOTE_ENVELOPE_MS 900000
/* A host that takes less than this many bytes a second (behind a grace of
 * REMOTE_DOT_MS) keeps others waiting. */
#define REMOTE_RATE 1000

#define REMOTE_COMMAND_MAX 16384
#define REMOTE_OPENING_MAX 4096 /* of the transcript */

/* What a host must not say after us: the password, and as AUTH has it. */
enum {
	REMOTE_SECRET_PLAIN,
	REMOTE_SECRET_LOGIN,
	REMOTE_SECRET_CLEAR,
	REMOTE_SECRETS
};
/* So much of one in a row is too much. */
#define REMOTE_SECRET_PART 6

struct remote {
	struct worker *w;
	struct arena *arena; /* of the target's copy */
	struct remote_target target;
	const char *name; /* as TLS has it */
	struct str secrets[REMOTE_SECRETS];
	struct dial *dial;
	struct remote_ext ext;
	const char *tls_text;

	struct buf line; /* the command that is being made */
	struct buf opening;
	struct buf *transcript; /* NULL: nobody wants it */
	bool cut;		/* it was full */

	unsigned messages;
	uint64_t used_at;
	bool broken; /* nothing more can be asked */
	bool dirty;  /* a transaction was left in the middle: RSET first */
};

/* --- remote_io.c --- */
/* A command is made in the buffer that this gives, without CRLF ... */
struct buf *remote_line(struct remote *r);
/* ... and said with this: gathered, not sent.  shown: what stands in the
 * transcript for it; NULL: itself. */
may_yield void remote_say(struct task *t, struct remote *r, const char *shown);
/*
 * Send what was said, wait for one reply.  code 0 (no answer, or none that can
 * be understood) and 421: the session is broken.  x, or NULL: extensions.
 */
may_yield void remote_hear(struct task *t, struct remote *r, uint32_t ms,
    struct remote_ext *x, struct remote_reply *reply_r);
/* One command, one reply. */
may_yield void remote_ask(struct task *t, struct remote *r, const char *shown,
    uint32_t ms, struct remote_reply *reply_r);
/* A line of our own in the transcript. */
void remote_note(struct remote *r, const char *fmt, ...) printf_like(2, 3);
/* A reply of our own: enhanced "" and code 0: none. */
void remote_reply_set(struct arena *a, struct remote_reply *reply,
    unsigned code, const char *enhanced, const char *fmt, ...)
    printf_like(5, 6);

#endif
