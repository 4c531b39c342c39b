/* imap_envelope.h - ENVELOPE as FETCH sends it */
#ifndef SERVER_IMAP_IMAP_ENVELOPE_H
#define SERVER_IMAP_IMAP_ENVELOPE_H

#include "base/buf.h"
#include "mime/envelope.h"

/*
 * envelope = "(" date SP subject SP from SP sender SP reply-to SP to SP cc SP
 *            bcc SP in-reply-to SP message-id ")"	RFC 3501, 9
 *
 * A mailbox without a host has the host "": NIL would make it a group.  NULL
 * (no header was kept) gives ten times NIL.
 */
void imap_envelope_put(struct buf *b, const struct mime_envelope *e);

#endif
