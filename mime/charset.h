/* charset.h - to UTF-8; the only door to iconv */
#ifndef MIME_CHARSET_H
#define MIME_CHARSET_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * Only charsets of a table reach iconv, under the name the table gives: what a
 * message claims never chooses which of the C library's converters runs
 * (several had memory errors), nor smuggles in a "//" suffix.  Following the
 * web's practice (WHATWG Encoding) a name stands for the superset that is
 * really meant: iso-8859-1 is windows-1252, gb2312 is gb18030, shift_jis is
 * cp932. us-ascii is read as UTF-8.
 *
 * Output is always valid UTF-8; what cannot be converted becomes U+FFFD.
 */
bool mime_charset_is_known(struct str name);

/* Adds in to *out.  False, with nothing added, if the charset is unknown. */
bool mime_charset_to_utf8(struct str charset, struct str in, struct buf *out);

/* The same piece by piece.  NULL if the charset is unknown. */
struct mime_charset;
struct mime_charset *mime_charset_new(struct str name);
void mime_charset_feed(struct mime_charset *c, struct str in, struct buf *out);
/* A character cut off at the end becomes U+FFFD. */
void mime_charset_finish(struct mime_charset *c, struct buf *out);
void mime_charset_free(struct mime_charset **c);

/* Copy; every maximal invalid piece becomes one U+FFFD. */
void mime_utf8_clean(struct str in, struct buf *out);

#endif
