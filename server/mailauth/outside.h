/* outside.h - what the world sees of who sends mail from here */
#ifndef SERVER_MAILAUTH_OUTSIDE_H
#define SERVER_MAILAUTH_OUTSIDE_H

#include <stdbool.h>

#include "base/str.h"
#include "base/task.h"
#include "server/dns/dns.h"
#include "server/net/addr.h"

/*
 * A receiver trusts mail by what the DNS says: of the address that it comes
 * from (PTR, and the name's address), of the HELO name, of the sender's domain
 * (MX, SPF, DKIM, DMARC).  Each question here is a row: what was found, in
 * plain words, and the records that would make it right.  Only the DNS is
 * asked; what ought to be there is given.
 */
enum outside_state {
	OUTSIDE_OK,
	OUTSIDE_WARNING, /* some receivers may mind */
	OUTSIDE_WRONG,
	OUTSIDE_UNKNOWN /* the DNS does not say at the moment */
};
const char *outside_state_name(enum outside_state s);

struct outside_row {
	const char *check; /* "ptr", "helo", "mx", "spf", "dkim", "dmarc" */
	struct str subject;
	enum outside_state state;
	struct str found;
	/* Wanted: name's records of that type; none: n == 0.  As in a zone
	 * file, TXT without quotes. */
	struct str name;
	const char *type;
	struct str *data;
	unsigned n;
};

struct outside {
	struct dns *dns;
	struct str helo;
	const struct net_addr *addresses; /* mail comes from these */
	unsigned addresses_n;
	/* out, in the task's arena */
	struct outside_row *rows;
	unsigned n, size;
};

enum outside_key_stage {
	OUTSIDE_KEY_NEW, /* not used before it is published */
	OUTSIDE_KEY_ACTIVE,
	OUTSIDE_KEY_RETIRED /* still needed for mail that is under way */
};
struct outside_key {
	enum outside_key_stage stage;
	struct str selector, algorithm, public_part;
};

struct outside_domain {
	struct str name;	 /* lower case A-labels */
	const struct str *hosts; /* that take its mail; none: not known */
	unsigned hosts_n;
	struct str spf, dmarc; /* the records it ought to have; or empty */
	const struct outside_key *keys;
	unsigned keys_n;
};

/* Nobody outside sees such an address: RFC 1918, 4193, 6598, loopback, link
 * local. */
bool outside_is_private(const struct net_addr *ad);

/* PTR and back, the HELO name and its SPF record. */
may_yield void outside_check_node(struct task *t, struct outside *o);
/* MX, SPF for each address, DKIM, DMARC. */
may_yield void outside_check_domain(struct task *t, struct outside *o,
    const struct outside_domain *d);

#endif
