/* admin_zone.h - the DNS records a mail domain needs */
#ifndef SERVER_ADMIN_ADMIN_ZONE_H
#define SERVER_ADMIN_ADMIN_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* Pure: what is known goes in, records come out, in the order they are shown.
 */
struct admin_zone_key { /* one DKIM key */
	struct str selector, record;
};

struct admin_zone_conf {
	struct str domain;	 /* A-labels */
	const struct str *hosts; /* of the nodes, A-labels */
	unsigned hosts_n;
	const struct admin_zone_key *keys;
	unsigned keys_n;
	/* where clients go, the balancer; empty: to the hosts */
	struct str client;
	struct str spf, dmarc; /* whole records; empty: none */
	/* Which services clients may find by SRV (RFC 6186, 8314). */
	bool submissions, submission, imaps, imap, pop3s, pop3;
	bool autoconfig; /* there is a listener that answers for set-up */
};

struct admin_zone_record {
	struct str name;  /* without the last dot */
	const char *type; /* "MX", "TXT", "SRV", "CNAME" */
	struct str data;  /* as in a zone file; of TXT without quotes */
};

void admin_zone_build(struct arena *a, const struct admin_zone_conf *c,
    struct admin_zone_record **list_r, unsigned *n_r);
/* The record's line of a zone file, without its end: TXT in strings of at most
 * 255 bytes (RFC 1035, 3.3), escaped. */
struct str admin_zone_line(struct arena *a, const struct admin_zone_record *r);

#endif
