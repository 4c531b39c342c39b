/* imap_body.h - sections of a message: BODY[1.2.HEADER] and its kin */
#ifndef SERVER_IMAP_IMAP_BODY_H
#define SERVER_IMAP_IMAP_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "mime/pack.h"
#include "mime/part.h"

/*
 * section       = "[" [section-spec] "]"
 * section-spec  = section-msgtext / (section-part ["." section-text])
 * section-part  = nz-number *("." nz-number)
 * section-text  = section-msgtext / "MIME"		RFC 3501, 9
 *
 * Every message has a part 1: of one that is no multipart it is the message's
 * own body.  HEADER and TEXT belong to messages only: behind part numbers, to
 * an embedded one; MIME is any part's header.  What does not exist is NIL.
 */
enum imap_section_what {
	IMAP_SECTION_ALL, /* BODY[], or the content of a part */
	IMAP_SECTION_HEADER,
	IMAP_SECTION_FIELDS,	 /* HEADER.FIELDS */
	IMAP_SECTION_FIELDS_NOT, /* HEADER.FIELDS.NOT */
	IMAP_SECTION_TEXT,
	IMAP_SECTION_MIME
};

/* Fields are answered from so much of a header, and searched in it; what is
 * behind is unseen (as in mime_limits).  The other sections are exact, however
 * long. */
#define IMAP_HEADER_BYTES (256U << 10)

struct imap_section {
	struct str label; /* as the answer calls it: "BODY[TEXT]<0>" */
	enum imap_section_what what;
	uint32_t *part; /* numbers */
	unsigned parts;
	struct str *fields;
	unsigned fields_n;
	bool partial;
	uint32_t from, count; /* <from.count> */
	bool peek;
};

/* Bytes of the file: to be given as they are, or (fields) to be picked from. */
struct imap_range64 {
	uint64_t from, to;
};

/* Does one need the tree, or is it enough to know where the header ends? */
static inline bool
imap_section_needs_tree(const struct imap_section *s)
{
	return s->parts > 0;
}
static inline bool
imap_section_is_fields(const struct imap_section *s)
{
	return s->what == IMAP_SECTION_FIELDS ||
	       s->what == IMAP_SECTION_FIELDS_NOT;
}

/*
 * Where the section lies; false: there is none (NIL).  A root without children
 * does for sections without numbers.
 */
bool imap_section_find(const struct mime_part *root,
    const struct imap_section *s, struct imap_range64 *r_r);

/* Can it be answered from a pack's headers? */
bool imap_section_in_pack(const struct imap_section *s,
    const struct mime_packed *p);

/* The fields of header that the section asks for, and the blank line. */
void imap_section_fields(struct buf *b, const struct imap_section *s,
    struct str header);

/* Apply <from.count> to a length: the bytes from *from_r on. */
uint64_t imap_section_clip(const struct imap_section *s, uint64_t bytes,
    uint64_t *from_r);

#endif
