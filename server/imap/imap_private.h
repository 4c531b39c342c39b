/* imap_private.h - the session's own parts: reading, running, answering */
#ifndef SERVER_IMAP_IMAP_PRIVATE_H
#define SERVER_IMAP_IMAP_PRIVATE_H

#include "server/imap/imap.h"

/* A client that began a command finishes it within this (APPEND's message,
 * which its handler reads, has the idle timeout and the byte floor). */
#define IMAP_COMMAND_TIMEOUT_MS (5 * 60 * 1000)
#define IMAP_FLOOR_BYTES_PER_S 100 /* of a streamed literal */
/* A literal that does not wait (RFC 7888, LITERAL-). */
#define IMAP_LITERAL_MINUS 4096
/* What is refused but on its way is read up to here, then the connection ends.
 */
#define IMAP_DRAIN_MAX (1U << 20)
#define IMAP_ERRORS_STRANGER 3
/* Commands that came together and are run in one go: then the answers have to
 * be taken, and other events (drain, the end of the client) get a hearing. */
#define IMAP_BURST 32
/* "* OK Still here" in IDLE: keeps NAT and balancers from forgetting us. */
#define IMAP_ALIVE_MS (2 * 60 * 1000)

/* --- imap_read.c: a whole command --- */

/*
 * One command with its literals, as imap_in wants it; asks for literals that
 * wait.  Limits: imap.line_max, literal_max, literals_max, literals_total_max;
 * before login imap.line_max_stranger for all together.
 */
struct imap_reader {
	struct imap_session *s;
	struct buf text; /* heap: holds passwords, wiped */
	/* what the lines, what one literal, what all may have */
	size_t line_max, literal_max, literals_max;
	unsigned count_max;
	/* so far */
	size_t line_bytes, literal_bytes;
	unsigned count;
	/* too long or malformed: the sentence; the rest is read and dropped */
	const char *refused;
	const char *refused_code;
	char tail[24]; /* end of the line that is dropped */
	size_t tail_n;
	bool drop_line; /* since this line */
	/* result: ends with a literal that the handler reads */
	bool streams, sync;
	uint64_t literal;
};

enum imap_read {
	IMAP_READ_COMMAND,
	IMAP_READ_REFUSED, /* r->refused; the tag is in r->text */
	IMAP_READ_CLOSE,   /* r->refused; and no more of it can be understood */
	IMAP_READ_GONE	   /* the connection is dead, or timed out */
};
void imap_reader_init(struct imap_reader *r, struct imap_session *s);
void imap_reader_free(struct imap_reader *r);
may_yield enum imap_read imap_reader_command(struct task *t,
    struct imap_reader *r);
/* One line of at most max bytes that is no command: AUTHENTICATE, DONE.
 * ERR_LIMIT; else as conn_fill. Valid until imap_reader_free(). */
may_yield must_check struct err *imap_reader_line(struct task *t,
    struct imap_reader *r, size_t max, struct str *line_r);
/* Drops n bytes. */
may_yield must_check struct err *imap_read_drop(struct task *t, struct conn *c,
    uint64_t n);

/* What the handler left of its literal. */
may_yield void imap_streamed_discard(struct task *t, struct imap_cmd *cmd);

/* --- imap_run.c: one command --- */
may_yield void imap_run(struct task *t, struct imap_session *s);
/* The tagged line of a command that ended with e. */
may_yield void imap_answer(struct task *t, struct imap_cmd *cmd,
    const char *name, struct err *e);
/* Counts a bad command; too many: BYE. */
may_yield void imap_error_count(struct task *t, struct imap_session *s);

/* --- imap_session.c --- */
/* "* BYE text" and the end. */
may_yield void imap_bye(struct task *t, struct imap_session *s,
    const char *text);
/* The login is right: counted, state IMAP_USER. ERR_LIMIT. */
must_check struct err *imap_session_login(struct task *t, struct imap_cmd *cmd,
    const struct auth_login *l);
/* Look at the state if it moved: false, and BYE, if this session must not go
 * on. */
may_yield bool imap_session_recheck(struct task *t, struct imap_session *s);

/* --- cmd_idle.c --- */
/* While s->idle: what is new, or the client's DONE. */
may_yield void imap_idle_event(struct task *t, struct imap_session *s,
    unsigned events);
void imap_idle_stop(struct imap_session *s);

/* --- imap_capability.c --- */
/* "IMAP4rev1 LITERAL- ...": what this connection can now. */
void imap_capability_put(struct buf *b, const struct imap_session *s);

/* --- the view --- */
/* Select f (no yield); the account is loaded. */
void imap_view_open(struct imap_session *s, const struct folder *f,
    bool readonly);
void imap_view_close(struct imap_session *s);
/* FLAGS and PERMANENTFLAGS. */
void imap_view_put_words(struct buf *b, const struct account *acc,
    bool readonly);

/* --- imap_match.c: LIST patterns --- */
/* *steps goes down by what it cost; at 0 nothing matches any more. */
bool imap_match(struct str pattern, struct str name, uint64_t *steps);

#endif
