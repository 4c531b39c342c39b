/* part_private.h - from a header block to the fields of a part */
#ifndef MIME_PART_PRIVATE_H
#define MIME_PART_PRIVATE_H

#include "base/arena.h"
#include "base/str.h"
#include "mime/part.h"

/* What a message may still use of its limits. */
struct mime_budget {
	const struct mime_limits *limits;
	size_t header_bytes;
	unsigned addresses, parts;
};

/*
 * Fill in everything of part but offsets, lines and links; kind is what the
 * fields ask for.  boundary_r: STR_NONE unless kind is MIME_MULTIPART.  block
 * need not stay.  digest: the parent is a multipart/digest.
 */
void mime_part_header(struct arena *a, struct mime_part *part, struct str block,
    struct mime_budget *budget, bool digest, struct str *boundary_r);

/* A leaf whose content nobody looks into. */
void mime_part_opaque(struct mime_part *part);

#endif
