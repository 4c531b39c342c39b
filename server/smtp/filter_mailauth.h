/* filter_mailauth.h - whether a message is from whom it says it is */
#ifndef SERVER_SMTP_FILTER_MAILAUTH_H
#define SERVER_SMTP_FILTER_MAILAUTH_H

#include "server/smtp/filter.h"

/*
 * SPF of the envelope's sender, DKIM's signatures, DMARC of From, and whether
 * the client's address has a name that leads back to it.  What came of them is
 * said in an Authentication-Results field, whose end is known when the body has
 * been seen; fields that claim to be ours are removed.
 *
 * Only DMARC's policy is obeyed (setting dmarc.enforce): reject is 550 5.7.1
 * (RFC 7489, 10.3), quarantine the Junk folder.  A domain of ours may say less
 * for its recipients (shoalctl domain set --dmarc); of a message's recipients
 * the mildest decides, since there is one answer for all.  SPF alone refuses
 * nothing: forwarded mail fails it.  What DNS could not tell now refuses
 * nothing either.
 *
 * A header that is longer than what is examined (headers.h) may have another
 * From behind that: such a message goes to Junk.
 */
extern const struct filter filter_mailauth;

#endif
