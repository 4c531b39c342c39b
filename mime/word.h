/* word.h - encoded words of RFC 2047, decoded for people to read */
#ifndef MIME_WORD_H
#define MIME_WORD_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/*
 * Adds text to *out as valid UTF-8.  Blanks between encoded words vanish; words
 * in a row of the same charset (but UTF-7, 16 and 32) are joined before
 * conversion, since many senders cut characters in two.  A word in an unknown
 * charset stays as it is; bytes that are no UTF-8 become U+FFFD; NUL, CR and
 * LF, also decoded ones, become SP.  text is unfolded.  One pass.  The result
 * may be four times as long as text; a limit of *out below that can cut a
 * character.
 */
void mime_word_decode(struct buf *out, struct str text);

/* The same for the value of a field: unfolded first, and returned. */
struct str mime_word_text(struct arena *a, struct str value);

#endif
