/* dns_rdata.h - names and records as they are on the wire (RFC 1035, 3.3) */
#ifndef SERVER_DNS_RDATA_H
#define SERVER_DNS_RDATA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "server/net/addr.h"

/*
 * What comes from the network: false for what is no such record.  Names are
 * lower case without the last dot, the root is empty; one with anything but
 * letters, digits, '-', '_' and '/' is no name of anything that we would talk
 * to or write into a header, and false.
 */
#define DNS_NAME_MAX 253

bool dns_rdata_name(struct arena *a, struct str rdata, struct str *name_r);
bool dns_rdata_mx(struct arena *a, struct str rdata, uint16_t *preference_r,
    struct str *host_r);
struct dns_srv {
	uint16_t priority, weight, port;
	struct str host; /* empty: the service is not offered (RFC 2782) */
};
bool dns_rdata_srv(struct arena *a, struct str rdata, struct dns_srv *srv_r);
/* The strings joined. */
bool dns_rdata_txt(struct arena *a, struct str rdata, struct str *text_r);
bool dns_rdata_address(struct str rdata, bool ip6, struct net_addr *ad_r);

/*
 * The name as presentation format, for who asks: any byte may be in a label
 * (SPF's macros make such names), lower case, at most one dot at the end.
 * false: no name (an empty or too long label, too long altogether).
 */
bool dns_name_text(struct arena *a, struct str name, struct str *name_r,
    const char **text_r);
/* "4.3.2.1.in-addr.arpa"; false: no IP address. */
bool dns_name_reverse(struct arena *a, const struct net_addr *ad,
    struct str *name_r);
/* The other way round, for tests and tools; the name is lower case. */
bool dns_name_wire(struct str name, struct buf *b);

#endif
