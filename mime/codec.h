/* codec.h - content transfer encodings, decoded piece by piece */
#ifndef MIME_CODEC_H
#define MIME_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

enum mime_encoding {
	MIME_IDENTITY, /* 7bit, 8bit, binary */
	MIME_QUOTED_PRINTABLE,
	MIME_BASE64,
	MIME_ENCODING_UNKNOWN, /* bytes are passed through */
};

/* Of a Content-Transfer-Encoding; none (p == NULL) is MIME_IDENTITY. */
enum mime_encoding mime_encoding_of(struct str name);

/*
 * Never fails: characters that are no base64 are passed over, base64 ends at
 * its padding (RFC 2045, 6.8), "=XY" that is no quoted-printable stays as it
 * is.  damaged says afterwards that something was not as it should be.  The
 * struct is the caller's and needs no freeing.
 */
#define MIME_CODEC_HOLD 80
struct mime_codec {
	enum mime_encoding encoding;
	bool damaged, ended;
	unsigned bits, count;	    /* base64 */
	char hold[MIME_CODEC_HOLD]; /* quoted-printable: "=", blanks */
	unsigned held;
};

void mime_codec_init(struct mime_codec *c, enum mime_encoding encoding);
/* Adds at most in.n + MIME_CODEC_HOLD bytes. */
void mime_codec_feed(struct mime_codec *c, struct str in, struct buf *out);
void mime_codec_finish(struct mime_codec *c, struct buf *out);

/* Value of a hexadecimal digit, or -1. */
int mime_codec_hex(char c);

#endif
