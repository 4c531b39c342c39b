/* pop3_stuff.h - a message on its way out: dots stuffed, TOP cut */
#ifndef SERVER_POP3_POP3_STUFF_H
#define SERVER_POP3_POP3_STUFF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * RFC 1939, 3: a line that begins with a dot gets one more; the end is a line
 * with a single dot.  Messages have CRLF; a bare LF (what an APPEND may have
 * brought) becomes CRLF, because clients end lines, and the message, at "LF .
 * LF".  A last line without its end gets one.
 */
struct pop3_stuff {
	uint64_t lines_left; /* of the body; UINT64_MAX: all */
	bool in_body, line_begun, cr, done;
};

void pop3_stuff_init(struct pop3_stuff *s, uint64_t body_lines);
/* Out grows to at most twice the input. s->done: the rest is not wanted. */
void pop3_stuff_add(struct pop3_stuff *s, struct str in, struct buf *out);
/* The last line's end, and ".". */
void pop3_stuff_end(struct pop3_stuff *s, struct buf *out);

#endif
