/* part.h - what a message looks like: the tree of its parts, and the limits */
#ifndef MIME_PART_H
#define MIME_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "mime/address.h"
#include "mime/envelope.h"
#include "mime/param.h"

/*
 * A message is a tree of parts.  The root is the message itself.  A multipart
 * has one or more children; a message/rfc822 (or message/global) has exactly
 * one: the message inside, whose header begins where its parent's body begins.
 * Everything else is a leaf.
 *
 * Offsets count bytes of the stored file from 0:
 *
 *	header_start	first byte of the part's header
 *	body_start	first byte after the header and its blank line
 *	body_end	first byte after the body
 *
 * header_start <= body_start <= body_end, and a child lies within its parent's
 * body.  The line end in front of a boundary delimiter belongs to the delimiter
 * (RFC 2046, 5.1.1), so it is not part of the body before it.
 *
 * Strings of the tree are unfolded, hold no NUL, CR or LF, and keep RFC 2047
 * and RFC 2231 encodings as they were written: that is what BODYSTRUCTURE and
 * ENVELOPE return.  word.h and param.h decode.  A field that is absent is
 * STR_NONE (p == NULL, IMAP's NIL); one that is there but empty has p != NULL.
 * Type, subtype, encoding, disposition and parameter names are lower case.
 */

/*
 * Limits on what is parsed.  Past a limit a message is stored and shown all the
 * same, only in less detail.  Defaults in MIME_LIMITS_DEFAULT.
 */
struct mime_limits {
	/* Bytes of one header that are looked at; fields behind are unseen. */
	size_t header_bytes;
	/* Bytes of header fields kept, all headers of a message together; the
	 * headers behind are not looked at. */
	size_t header_total_bytes;
	/* Levels of parts; the root is level 1.  What would need one more is a
	 * leaf, marked MIME_PART_OPAQUE. */
	unsigned depth;
	/* Parts of a message; the last one takes in what follows it. */
	unsigned parts;
	/* Parameters of one field. */
	unsigned params;
	/* Addresses in the envelopes of a message. */
	unsigned addresses;
	/* Longest boundary that is honoured; RFC 2046 allows 70. */
	unsigned boundary_bytes;
};

#define MIME_LIMITS_DEFAULT                                                    \
	{                                                                      \
		.header_bytes = 256 << 10, .header_total_bytes = 1 << 20,      \
		.depth = 100, .parts = 10000, .params = 128,                   \
		.addresses = 10000, .boundary_bytes = 256                      \
	}
extern const struct mime_limits mime_limits_default;

enum mime_kind { MIME_LEAF, MIME_MULTIPART, MIME_MESSAGE };

enum {
	/* Shown as application/octet-stream, its own structure not followed: a
	 * limit was reached, a multipart has no usable boundary or no part, or
	 * an embedded message is itself base64 or quoted-printable. */
	MIME_PART_OPAQUE = 1,
	/* No usable Content-Type: type and parameters are the default's. */
	MIME_PART_DEFAULT_TYPE = 2,
	/* header_bytes or header_total_bytes was reached: for exact header
	 * fields read the file. */
	MIME_PART_HEADER_CAPPED = 4,
};

struct mime_part {
	struct mime_part *parent, *next, *children;

	enum mime_kind kind;
	unsigned flags;
	uint64_t header_start, body_start, body_end;
	/* Line feeds in the body; what BODYSTRUCTURE gives as lines. */
	uint64_t lines;

	struct str type, subtype;
	struct mime_params params;
	struct str id, description, encoding, md5;
	struct str disposition;
	struct mime_params disposition_params;
	struct str *language;
	unsigned languages;
	struct str location;

	/*
	 * The root and the child of a MIME_MESSAGE only.  headers holds whole
	 * header fields, byte for byte, in the order of the message: those of
	 * fields.h, the root's more than an embedded message's.
	 */
	struct str headers;
	struct mime_envelope *envelope;
};

/* body_end - body_start: the size in octets, in its transfer encoding. */
static inline uint64_t
mime_part_octets(const struct mime_part *p)
{
	return p->body_end - p->body_start;
}

/* The next part in the order of the file (pre-order); NULL after the last. */
const struct mime_part *mime_part_next(const struct mime_part *p);

/* True for the root and for the message inside a MIME_MESSAGE. */
static inline bool
mime_part_is_message(const struct mime_part *p)
{
	return p->parent == NULL || p->parent->kind == MIME_MESSAGE;
}

#endif
