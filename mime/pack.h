/* pack.h - envelope, body structure and common headers as a few hundred bytes
 */
#ifndef MIME_PACK_H
#define MIME_PACK_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "mime/part.h"

/*
 * What the env segment holds of a message, so that a listing opens no message
 * file.  It is a cache of what the parser says: whoever finds it missing,
 * damaged or without the detail he needs parses the file.  The caller frames
 * and checksums it; unpacking takes nothing for granted all the same.
 *
 * Layout, version 1.  "number" is an unsigned LEB128 of at most 10 bytes, least
 * significant seven bits first, 0x80 set on all bytes but the last.  "text" is
 *a number t followed by t - 1 bytes; t == 0 is an absent text (NIL).
 *
 *	byte	version			1
 *	byte	has			0x01 headers, 0x02 structure
 *	byte	field set		of the root's headers (fields.h)
 *	part	the root
 *
 * and a part is
 *
 *	byte	kind and flags		low two bits: 0 leaf, 1 multipart,
 *					2 message/rfc822 or message/global;
 *					0x04 opaque, 0x08 default type,
 *					0x10 header capped (part.h);
 *					0x20 "more" is present
 *	number	gap			header_start, counted from the parent's
 *					body_start (first child), from the
 *					body_end of the part before (other
 *					children), or from 0 (root)
 *	number	header octets		body_start - header_start
 *	number	body octets		body_end - body_start
 *	number	lines
 *	text	type, subtype		two texts, lower case
 *	text	encoding		lower case
 *	params				of the type
 *	more				if 0x20:
 *		text	id, description, md5, disposition
 *		params			of the disposition
 *		text	location
 *		number	languages, then as many texts
 *	text	headers			only of the root (absent without 0x01)
 *					and of the child of a message: whole
 *					header fields as they stand in the file
 *	number	children		only of a multipart
 *	parts				the children; a message has one
 *
 * where params are a number and as many pairs of texts: name (lower case,
 * RFC 2231 suffix included) and value (not decoded).  Without "structure" the
 * root is alone, whatever its kind, and has no number of children.  The
 * envelopes are not stored: they are made from headers (envelope.h).  Nothing
 * follows the root.
 */
#define MIME_PACK_VERSION 1

/* Beyond this a message is packed without structure, then without headers. */
#define MIME_PACK_LIMIT_DEFAULT (64 << 10)

struct mime_packed {
	struct mime_part *root;
	/* false: root->headers is STR_NONE and root->envelope NULL. */
	bool has_headers;
	/* false: only the root is there. */
	bool has_structure;
	unsigned field_set;
};

/* At most limit_bytes (0: the default, and never less than
 * MIME_PACK_LEAST_BYTES). */
#define MIME_PACK_LEAST_BYTES 96
struct str mime_pack(struct arena *a, const struct mime_part *root,
    size_t limit_bytes);

/*
 * ERR_CORRUPT, ERR_FORMAT for a newer version, or ERR_LIMIT.  Limits (NULL: the
 * default)
 * bound what damaged input can make us allocate.  The tree points into in.
 */
must_check struct err *mime_unpack(struct arena *a, struct str in,
    const struct mime_limits *limits, struct mime_packed *packed_r);

/*
 * Can HEADER.FIELDS be answered for this field from root->headers, be it there
 * or not?  Otherwise the file has to be read.
 */
bool mime_packed_knows(const struct mime_packed *p, struct str field_name);

#endif
