/* header.h - header fields: find, iterate, unfold */
#ifndef MIME_HEADER_H
#define MIME_HEADER_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/*
 *	struct mime_header h = mime_header_of(block);
 *	struct mime_field f;
 *
 *	while (mime_header_next(&h, &f))
 *		...
 *
 * A block is what stands between header_start and body_start of a part, or the
 * whole message: iteration ends at the blank line, at the end, or at the first
 * line that cannot be a header field (there the body begins, as the parser sees
 * it too).  Lines end in CRLF or LF.  An mbox "From " line in front, and
 * continuation lines with nothing to continue, are passed over.  Blanks before
 * the colon are accepted (RFC 5322, 4.5).
 */
struct mime_header {
	struct str rest;
	bool first;
};

struct mime_field {
	struct str name;  /* as written, without blanks or colon */
	struct str value; /* after the colon, folded as written, without the
			   * last line end */
	struct str whole; /* name to last line end: the exact bytes */
};

struct mime_header mime_header_of(struct str block);
bool mime_header_next(struct mime_header *h, struct mime_field *f_r);
/* The first field of that name (any case); false if there is none. */
bool mime_header_find(struct str block, const char *name,
    struct mime_field *f_r);
/* Bytes of the header including the blank line that ends it. */
size_t mime_header_bytes(struct str message);

/*
 * The value on one line: line ends removed, other NULs and CRs turned into SP,
 * blanks around it trimmed.  Points into value if nothing had to change, else
 * into the arena.  p is never NULL.
 */
struct str mime_header_unfold(struct arena *a, struct str value);

/*
 * What one line of a header is, decided byte by byte, so that a line may be of
 * any length and arrive in any pieces.
 */
enum mime_line {
	MIME_LINE_START,    /* nothing seen */
	MIME_LINE_CR,	    /* a CR */
	MIME_LINE_NAME,	    /* name so far */
	MIME_LINE_NAME_END, /* blanks after the name */
	/* verdicts */
	MIME_LINE_FIELD, /* name and colon */
	MIME_LINE_MORE,	 /* continuation */
	MIME_LINE_BLANK, /* the end of the header */
	MIME_LINE_BAD,	 /* not a header line */
};
/* The line so far was state, this is its next piece. */
enum mime_line mime_line_step(enum mime_line state, struct str piece);
/* Does the first line of a block look like mbox's? */
bool mime_line_is_mbox(struct str line);

#endif
