/* utf8.h - one character of UTF-8 at a time (RFC 3629) */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * What needs tables (normal forms, case) is in unicode.h; this needs none.
 * Overlong forms, surrogates and what lies beyond U+10FFFF are no characters.
 */

/* Bytes of the first character of s, 0 if there is none there. */
size_t utf8_get(struct str s, uint32_t *c_r);
bool utf8_is_valid(struct str s);
/* Append s, U+FFFD in the place of each byte that begins no character. */
void utf8_readable(struct buf *b, struct str s);

#endif
