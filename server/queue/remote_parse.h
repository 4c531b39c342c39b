/* remote_parse.h - what a host says to us, and how things are said to it */
#ifndef SERVER_QUEUE_REMOTE_PARSE_H
#define SERVER_QUEUE_REMOTE_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "server/queue/remote.h"

/*
 * Pure: no I/O.  A host is a stranger like a client: its lines are bounded, and
 * what it said is made printable ASCII (RFC 3464 can carry nothing else) before
 * anybody sees it.
 */
#define REMOTE_LINE_MAX 2048 /* RFC 5321, 4.5.3.1.5 says 512 */
#define REMOTE_LINES_MAX 100 /* of one reply */
#define REMOTE_TEXT_MAX 1024 /* that are kept of one reply */

/* --- replies: RFC 5321, 4.2; RFC 2034 --- */

struct remote_reader {
	struct remote_reply reply; /* whole with REMOTE_DONE */
	/* private */
	struct arena *arena;
	struct buf text;
	unsigned lines;
};
enum remote_step { REMOTE_MORE, REMOTE_DONE, REMOTE_MALFORMED };

void remote_reader_init(struct remote_reader *r, struct arena *a);
/* A line without its end; *text_r: what follows the code, as it came. */
enum remote_step remote_reader_line(struct remote_reader *r, struct str line,
    struct str *text_r);

/* "5.1.1" and a blank or the end: the code and how much of s that is; 0: none.
 * Only of the class that the reply has (RFC 2034, 4). */
size_t remote_enhanced(struct str s, unsigned code, char enhanced_r[12]);

/* --- EHLO: RFC 5321, 4.1.1.1 --- */

struct remote_ext {
	bool pipelining, size, body8, utf8, dsn, starttls;
	bool auth_plain, auth_login;
	uint64_t size_max; /* 0: not said */
	/* RFC 9422; 0: not said */
	uint32_t rcpt_max, mail_max;
};
/* One line behind the first. */
void remote_ext_line(struct remote_ext *x, struct str line);

/* --- what we say --- */

/* RFC 3461, 4. */
void remote_xtext(struct buf *b, struct str s);
/* Fit for <...>: printable, no brackets, not too long. */
bool remote_is_path(struct str s);
/* Printable ASCII; everything else becomes "?". */
void remote_printable(struct buf *b, struct str s);

/*
 * A message on its way out: the line end is CRLF whatever it was, for no bare
 * CR or LF may be sent (RFC 5321, 2.3.8; who is laxer than the next host lets
 * one sender speak in another's name), and lines that begin with a dot get one
 * more.  It may be cut anywhere.
 */
#define REMOTE_STUFF_OUT(n) (2 * (n))
struct remote_stuff {
	bool begun; /* the line has a byte */
	bool cr;    /* the last byte */
};
void remote_stuff_add(struct remote_stuff *s, struct str in, struct buf *out);
/* The last line's end, and the dot. */
void remote_stuff_end(struct remote_stuff *s, struct buf *out);

#endif
