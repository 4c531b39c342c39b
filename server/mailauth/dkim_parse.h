/* dkim_parse.h - what a DKIM-Signature and a key record say */
#ifndef SERVER_MAILAUTH_DKIM_PARSE_H
#define SERVER_MAILAUTH_DKIM_PARSE_H

#include "base/crypto_pk.h"
#include "server/mailauth/dkim_private.h"
#include "server/mailauth/tags.h"

/* A DKIM-Signature field, taken apart (RFC 6376, 3.5). */
struct dkim_parsed {
	enum crypto_pk_kind kind;
	const char *algorithm;
	enum dkim_canon header, body;
	/* in lower case A-labels; of identity its domain */
	struct str domain, selector, identity;
	struct str names;		       /* h= */
	struct str body_hash, signature;       /* decoded */
	struct str b_start;
	uint64_t limit; /* l=, or UINT64_MAX */
	/* the field with nothing for b= */
	struct mime_field own;
};
/*
 * DKIM_NONE: it can be verified.  Else the result, and why; domain, selector
 * and algorithm are then set as far as they are good.
 */
enum dkim_result dkim_parse_signature(struct arena *a,
    const struct mime_field *f, int64_t wall_s, struct dkim_parsed *p_r,
    const char **why_r);

/*
 * A key record (3.6.1) for that signature.  The result as above; key_r is the
 * caller's to free.
 */
enum dkim_result dkim_parse_key(struct arena *a, struct str record,
    const struct dkim_parsed *p, struct crypto_pk **key_r, bool *testing_r,
    const char **why_r);

/* dot-separated labels of letters, digits, "-" and "_" (also A-labels). */
bool dkim_is_domain(struct str s);

#endif
