/* imap_structure.h - BODY and BODYSTRUCTURE as FETCH sends them */
#ifndef SERVER_IMAP_IMAP_STRUCTURE_H
#define SERVER_IMAP_IMAP_STRUCTURE_H

#include <stdbool.h>

#include "base/buf.h"
#include "mime/part.h"

/*
 * RFC 3501, 7.4.2.  extended: BODYSTRUCTURE, with MD5, disposition, language
 * and location.  root must have its structure (mime_packed.has_structure).
 *
 * A message/global is given as a basic part: IMAP4rev1's grammar has envelope
 * and body only for message/rfc822, and a client that follows it would stumble.
 * Its sections can be fetched all the same.
 */
void imap_structure_put(struct buf *b, const struct mime_part *root,
    bool extended);

#endif
