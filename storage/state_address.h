/* state_address.h - the one form of an address, a domain, a login name */
#ifndef STORAGE_STATE_ADDRESS_H
#define STORAGE_STATE_ADDRESS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/*
 * local@domain: the local part is a dot-atom (RFC 5321, 6531 for UTF-8) that is
 * NFC-normalised and case-folded; the domain is IDNA2008 A-labels in lower
 * case.  Quoted local parts are unquoted if what is inside is a dot-atom, else
 * refused.  Local part <= 64, domain <= 253 octets.
 */
struct state_address {
	struct str full, local, domain; /* local, domain are parts of full */
};
must_check struct err *state_address_parse(struct arena *a, struct str in,
    struct state_address *ad_r);
/* Also "@domain" (the catch-all). */
must_check struct err *state_address_parse_any(struct arena *a, struct str in,
    struct state_address *ad_r);
must_check struct err *state_domain_parse(struct arena *a, struct str in,
    struct str *name_r);
/* An administrator's or a node's name: one word of letters, digits, "-._@". */
must_check struct err *state_word_parse(struct arena *a, struct str in,
    struct str *word_r);

#endif
