/* lex.h - the lexical tokens that all structured header fields share */
#ifndef MIME_LEX_H
#define MIME_LEX_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/*
 * RFC 5322, 3.2 and 4.1; RFC 2045, 5.1.  A scanner cuts what it read off the
 * front of *in.  Nothing fails: a comment or quoted string that is not closed
 * runs to the end, a backslash at the very end stands for itself, control
 * characters count as blanks.  No recursion, one pass.
 */

/* SP, HTAB, CR, LF and other controls. */
static inline bool
mime_lex_is_blank(char c)
{
	return (unsigned char)c <= ' ' || c == 127;
}
/* atext, and any byte from 0x80 (RFC 6532). */
bool mime_lex_is_atext(char c);
/* token of RFC 2045: also without tspecials. */
bool mime_lex_is_token(char c);

/* Blanks and comments.  True if there were any.  The text of the last comment
 * goes into *comment, if that is not NULL, replacing what it held. */
bool mime_lex_cfws(struct str *in, struct buf *comment);
/* *in begins with '(' or '"': its text, without quoting, is added to *out,
 * unless that is NULL.  Line ends inside vanish (folding); other controls
 * become SP. */
void mime_lex_comment(struct str *in, struct buf *out);
void mime_lex_quoted(struct str *in, struct buf *out);
/* The longest run of characters for which is() holds. */
struct str mime_lex_span(struct str *in, bool (*is)(char c));

/* Copy with ASCII letters in lower case. */
struct str mime_lex_lower(struct arena *a, struct str s);

#endif
