/* envelope.h - the ENVELOPE of RFC 3501 and RFC 9051 */
#ifndef MIME_ENVELOPE_H
#define MIME_ENVELOPE_H

#include "base/arena.h"
#include "base/str.h"
#include "mime/address.h"

/*
 * Strings are unfolded and not decoded; STR_NONE for a field that is absent
 * (NIL).  A field that stands twice: the first counts; addresses of all of them
 * are joined, as if they stood in one field, so that nothing can hide in the
 * second.  sender and reply_to are from's list when they have no address of
 * their own (RFC 9051, 7.5.2).
 */
struct mime_envelope {
	struct str date, subject;
	struct mime_addr *from, *sender, *reply_to, *to, *cc, *bcc;
	struct str in_reply_to, message_id;
};

/* Never fails.  *addresses is what may still be made; it is reduced.  Strings
 * point into headers or the arena. */
struct mime_envelope *mime_envelope_parse(struct arena *a, struct str headers,
    unsigned *addresses);

#endif
