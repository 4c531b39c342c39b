/* authres.h - Authentication-Results (RFC 8601) */
#ifndef SERVER_MAILAUTH_AUTHRES_H
#define SERVER_MAILAUTH_AUTHRES_H

#include "base/buf.h"
#include "server/mailauth/dkim.h"
#include "server/mailauth/dmarc.h"
#include "server/mailauth/spf.h"

/*
 * The field is written when the header is complete, into room kept for it, and
 * once more at the end: the text only becomes shorter or stays as long, since
 * every result that may yet change ("pass" to "fail") has as many letters.
 */
#define AUTHRES_MAX 8192

struct authres {
	struct str id;	 /* authserv-id: our host name */
	struct str auth; /* login of who authenticated (smtp.auth); or empty */
	const struct spf *spf;		/* NULL: not looked at */
	const struct dkim_verify *dkim; /* NULL: not looked at */
	const struct dmarc *dmarc;
	const char *iprev; /* "pass", "fail", "temperror"; NULL */
	struct str iprev_name;
	struct net_addr peer;
};
/* The whole field with CRLF, folded. */
void authres_write(struct buf *b, const struct authres *r);
/* Who says so in an Authentication-Results field: its authserv-id, lower case,
 * A-labels; empty: it is another field. */
struct str authres_field_id(struct arena *a, struct str field);
/*
 * Whether a header field (name, colon and value, unfolded or not) is an
 * Authentication-Results that claims to be ours: it is removed (RFC 8601, 5).
 */
bool authres_is_forged(struct str field, struct str id);

#endif
