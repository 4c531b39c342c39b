/* dmarc_private.h - what needs no network of DMARC */
#ifndef SERVER_MAILAUTH_DMARC_PRIVATE_H
#define SERVER_MAILAUTH_DMARC_PRIVATE_H

#include "server/mailauth/dmarc.h"

/* What a policy record says (RFC 7489, 6.3). */
struct dmarc_record {
	enum dmarc_policy policy, sub; /* p=, sp= (else as p=) */
	bool strict_dkim, strict_spf;
	unsigned percent;
};
/* "v=DMARC1" and then ";" or the end. */
bool dmarc_is_record(struct str text);
/* NULL, or why it does not count (6.6.3, 6). */
const char *dmarc_parse(struct str text, struct dmarc_record *r_r);

/* The one domain of From, in lower case A-labels.  NULL, or why there is
 * none (6.6.1); *several_r: there are more. */
const char *dmarc_from(struct arena *a, struct str header, struct str *domain_r,
    bool *several_r);

#endif
