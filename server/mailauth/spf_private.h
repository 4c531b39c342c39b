/* spf_private.h - SPF's records and macros, without the network */
#ifndef SERVER_MAILAUTH_SPF_PRIVATE_H
#define SERVER_MAILAUTH_SPF_PRIVATE_H

#include "base/buf.h"
#include "server/mailauth/spf.h"

#define SPF_DOMAIN_MAX 253
/* A record is a few hundred bytes long; TCP would bring one of 64 KiB, for each
 * of the look-ups. */
#define SPF_TERMS_MAX 512
/* of what a macro may grow to before it is cut to a domain (7.3) */
#define SPF_EXPANDED_MAX 8192
#define SPF_EXPLANATION_MAX 400 /* fits into a reply's line */

enum spf_mechanism {
	SPF_ALL,
	SPF_INCLUDE,
	SPF_A,
	SPF_MX,
	SPF_PTR,
	SPF_IP4,
	SPF_IP6,
	SPF_EXISTS
};

struct spf_term {
	enum spf_mechanism mechanism;
	enum spf_result result; /* of a match: the qualifier */
	struct str spec;	/* domain-spec; empty: the domain itself */
	struct net_network net; /* ip4, ip6 */
	unsigned bits4, bits6;	/* a, mx */
};
struct spf_record {
	struct spf_term *terms;
	unsigned n;
	struct str redirect, explain; /* domain-specs; empty: none */
};
/* "v=spf1", alone or with a blank behind it (4.5). */
bool spf_is_record(struct str text);
/* NULL, or what is wrong with it: the whole is looked at before anything is
 * looked up (4.6). */
const char *spf_parse(struct arena *a, struct str text, struct spf_record *r_r);

/* ---- macros (7) */

/* domain-spec: it ends in a top label or a macro (7.1). */
bool spf_macro_is_domain(struct str spec);
/* macro-string of other modifiers; explain-string, with blanks and c, r, t. */
bool spf_macro_is_string(struct str s);
bool spf_macro_is_explain(struct str s);
/* Whether %{p} is in it: whoever expands it needs the client's name. */
bool spf_macro_needs_p(struct str s);

struct spf_macro {
	struct str local, sender_domain, helo, domain, p, receiver;
	const struct net_addr *ip;
	int64_t wall_s;
};
/* s is good; over its limit *out remembers it. */
void spf_macro_expand(struct buf *out, const struct spf_macro *m, struct str s);

/* The address is in the network of that many bits around base. */
bool spf_within(const struct net_addr *ip, const struct net_addr *base,
    unsigned bits);

#endif
