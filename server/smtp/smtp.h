/* smtp.h - what every SMTP and LMTP command sees */
#ifndef SERVER_SMTP_SMTP_H
#define SERVER_SMTP_SMTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/task.h"
#include "server/net/conn.h"
#include "server/smtp/deliver.h"
#include "server/smtp/smtp_parse.h"
#include "server/worker.h"

/*
 * RFC 5321 and, from the same code, LMTP (RFC 2033) and submission (RFC 6409);
 * what differs is one row of a table (struct smtp_kind).  A command is one
 * descriptor; smtp_commands.c lists them.  smtp_session.c reads a line, finds
 * the descriptor, runs it in the connection's task and writes the reply it
 * returns: one place for replies, for counting errors, for closing.
 *
 * Between commands a session is this struct and, within a transaction, a struct
 * deliver.  While a message is being transferred (between the chunks of BDAT
 * too) the connection keeps its task, because what has been written must be
 * taken back if the client disappears.
 */
enum smtp_state {
	SMTP_NEW = 1,	  /* not greeted yet: nothing may come */
	SMTP_STRANGE = 2, /* no EHLO yet, or not since STARTTLS */
	SMTP_IDLE = 4,
	SMTP_MAIL = 8,	  /* there is a transaction (deliver) */
	SMTP_CHUNKS = 16, /* ... of which BDAT brought a part */
	SMTP_ENDED = 32
};

/* How the protocols differ. */
struct smtp_kind {
	const char *name;     /* in the greeting */
	const char *protocol; /* in logs of logins */
	const char *hello;    /* "EHLO": what greets */
	bool lmtp;
	/* One answer for each recipient after DATA (RFC 2033, 4.2). */
	bool apart;
	/* Whoever connects is one of us: unknown recipients are no sign of a
	 * guesser, messages of a session are not counted. */
	bool trusted;
	bool dsn; /* offers DSN (RFC 3461), if there is a queue */
	/* Mail of our own users: AUTH comes before MAIL. */
	bool submission;
	/* How long nothing may come before the greeting. */
	uint32_t wait_ms;
};

/* Idle commands (NOOP, RSET, VRFY, ...) of a stranger; more are errors. */
#define SMTP_JUNK_MAX 100
/* Lines over smtp_line_max(); the last closes. */
#define SMTP_LONG_MAX 3
/* AUTH and what answers its challenges (RFC 4954, 4: 12288 with CRLF). */
#define SMTP_AUTH_LINE 12286
/* Failed logins of one session; the last closes. */
#define SMTP_LOGIN_FAILURES 3
/* A reply to whoever is beyond half of smtp.errors_max. */
#define SMTP_SLOW_MS 1000
/* What the input buffer grows to for a message. */
#define SMTP_PIECE_BYTES 65536

struct smtp_session {
	struct conn *c;
	struct worker *w;
	const struct smtp_kind *kind;
	enum smtp_state state;
	char *hello;   /* name the client gave itself, or NULL */
	bool extended; /* EHLO or LHLO, not HELO */
	/* Who has logged in; NULL: nobody. */
	char *account, *address, *app; /* app: password's id, or "" */
	uint64_t generation;	       /* of the account, as it logged in */
	unsigned login_failures;
	bool draining;
	unsigned errors, junk, long_lines;
	unsigned counted;  /* recipients, smtp_allow.c */
	uint64_t messages; /* begun, for limits and ids */
	uint64_t line_by;  /* when the next line must be complete */
	struct deliver *deliver;
	struct smtp_message *message;	/* while one is transferred */
	struct smtp_dialogue *dialogue; /* smtp_dialogue.h */
};

/* NULL text: the handler has written its reply already. */
struct smtp_reply {
	unsigned code;
	const char *enhanced, *text; /* "5.1.1"; NULL: none */
	enum {
		SMTP_CLOSE = 1,	   /* end after this */
		SMTP_CRIME = 2,	   /* counts as an error */
		SMTP_BLAMELESS = 4 /* 5xx, but does not */
	} flags;
};

struct smtp_cmd {
	struct smtp_session *s;
	const struct smtp_command *command; /* NULL: no such */
	struct str verb, args;		    /* in the task's arena */
};

struct smtp_command {
	const char *name;
	unsigned states; /* in which it may come */
	enum {
		SMTP_JUNK = 1, /* brings no mail nearer */
		SMTP_ONLY_SMTP = 2,
		SMTP_ONLY_LMTP = 4,
		SMTP_NO_ARGS = 8,
		SMTP_ONLY_SUBMISSION = 16,
		SMTP_SECRET = 32 /* its parameters are not for the log */
	} flags;
	const char *help;
	struct smtp_reply (*run)(struct task *t, struct smtp_cmd *cmd);
};
extern const struct smtp_command *const smtp_commands[]; /* ends with NULL */

/* --- replies (smtp_reply.c) --- */
struct smtp_reply smtp_reply_syntax(enum smtp_syntax bad, bool rcpt);
struct smtp_reply smtp_reply_verdict(enum deliver_verdict v, bool rcpt);
/* "550 5.1.1 no such mailbox\r\n" and statistics. */
may_yield void smtp_put(struct task *t, struct smtp_session *s,
    const struct smtp_reply *r);
/* One log line for what was refused: a command's parameters, or a recipient.
 */
void smtp_log_refused(struct task *t, const struct smtp_session *s,
    struct str verb, struct str what, const struct smtp_reply *r);

/* --- session (smtp_session.c) --- */
/* End of the transaction, wherever it stood; a message that was being
 * transferred is taken back. */
may_yield void smtp_drop(struct task *t, struct smtp_session *s);
/* How long a client may think, now. */
uint32_t smtp_timeout_ms(const struct smtp_session *s);
/* Room for a line of smtp_line_max(). */
void smtp_set_input_max(struct smtp_session *s);
/* Whoever this is, he is one of us. */
bool smtp_is_trusted(const struct smtp_session *s);
/* A bare LF ends a line: programs of our own users' machines write such. */
bool smtp_bare_lf_is_fine(const struct smtp_session *s);
/* Whether the command is one of this protocol's. */
bool smtp_has_command(const struct smtp_session *s,
    const struct smtp_command *c);
/* Whether what DSN asks for can be done, and is: a stranger's sender may be
 * forged, and would be told of what he never sent. */
bool smtp_offers_dsn(const struct smtp_session *s);

/* --- what an account may submit (smtp_allow.c) --- */
/* One more message, one more recipient: else 450. Nobody's are not counted. */
struct smtp_reply smtp_allow_message(struct task *t,
    const struct smtp_session *s);
struct smtp_reply smtp_allow_rcpt(struct task *t, const struct smtp_session *s);
/* It was accepted: counted as being on its way, until ... */
void smtp_allow_begin(struct smtp_session *s);
/* ... the transaction ends; sent: for good. */
void smtp_allow_end(struct task *t, struct smtp_session *s);
void smtp_allow_drop(struct smtp_session *s);

/* --- messages (smtp_message.c): what DATA and BDAT share --- */
/* Of the transaction, which has a recipient.  dots: DATA. */
may_yield void smtp_message_begin(struct task *t, struct smtp_session *s,
    bool dots);
/*
 * Bytes from the client to the accounts: DATA's to their end, BDAT's as many as
 * size says.  An error: the connection is of no use any more.
 */
may_yield must_check struct err *smtp_message_read(struct task *t,
    struct smtp_session *s, uint64_t size);
/* So many bytes to nobody. */
may_yield must_check struct err *smtp_message_drain(struct task *t,
    struct smtp_session *s, uint64_t size);
/* Commit; the reply (apart: written already).  The transaction is still
 * there. */
may_yield must_check struct smtp_reply smtp_message_end(struct task *t,
    struct smtp_session *s);
void smtp_message_free(struct smtp_message **m);
/* What the client is told who lost the connection in the middle. */
may_yield must_check struct smtp_reply smtp_message_lost(struct task *t,
    struct smtp_session *s, const struct err *e);

extern const struct protocol smtp_protocol, lmtp_protocol, submission_protocol,
    submissions_protocol;

#endif
