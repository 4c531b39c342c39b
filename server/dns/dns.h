/* dns.h - the Domain Name System, asked without waiting in the loop */
#ifndef SERVER_DNS_DNS_H
#define SERVER_DNS_DNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/task.h"
#include "server/net/addr.h"

/*
 * libunbound (dns*.c is its only door) on the worker's event loop: caching,
 * validating.  Names are given and returned in presentation format, lower case
 * A-labels without the last dot.  A query never fails as an error: what came of
 * it is the answer's status, since every caller has to tell "there is none"
 * (RFC 2308) from "not known now".  Names that are asked for may have any bytes
 * in their labels (no escapes); one that cannot be is DNS_NO_DOMAIN.
 *
 * Everything is bounded: DNS_QUERY_MS a query, DNS_RECORDS_MAX records of an
 * answer (more are left out), 65535 bytes of one.
 */
struct conf;
struct dns;
struct loop;
struct worker;

#define DNS_QUERY_MS 15000
#define DNS_RECORDS_MAX 256

enum dns_type { /* RFC 1035, 3596, 2782 */
	DNS_A = 1,
	DNS_CNAME = 5,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33
};

enum dns_status {
	DNS_FOUND,
	DNS_NO_DATA,   /* the name exists, without records of that type */
	DNS_NO_DOMAIN, /* NXDOMAIN */
	DNS_TEMP,      /* SERVFAIL, time-out: not known now */
	DNS_BOGUS      /* DNSSEC says that it was tampered with: as TEMP */
};

struct dns_answer {
	enum dns_status status;
	bool secure; /* validated */
	uint32_t ttl_s;
	struct str *rdata; /* wire format, in the answer's order */
	unsigned n;
	const char *why; /* for logs, of TEMP and BOGUS */
};

/* Uses the worker's loop and, whenever it is asked, its configuration.  Costs
 * nothing before the first question. */
struct dns *dns_new(struct worker *w);
/* The same for a program that is no worker: *conf (its dns {}) is looked at
 * whenever something is asked. */
struct dns *dns_new_for(struct loop *loop, const struct conf *const *conf);
void dns_free(struct dns **d);

/* Everything in the task's arena. */
may_yield void dns_query(struct task *t, struct dns *d, struct str name,
    enum dns_type type, struct dns_answer *a_r);

/* "MX 0 ." alone is null_r (RFC 7505).  Sorted by preference, equals in random
 * order (RFC 5321, 5.1).  DNS_FOUND with none: there are records, but none that
 * leads anywhere; the domain's address is no way then (5.1). */
struct dns_mx {
	uint16_t preference;
	struct str host;
};
may_yield enum dns_status dns_mx(struct task *t, struct dns *d,
    struct str domain, struct dns_mx **list_r, unsigned *n_r, bool *null_r);

/* A and AAAA, asked at once: IPv6 first, then IPv4, each in random order.  TEMP
 * only if neither is known. */
may_yield enum dns_status dns_addresses(struct task *t, struct dns *d,
    struct str host, struct net_addr **list_r, unsigned *n_r);

/* Each record's strings joined (RFC 7208, 3.3; RFC 6376, 3.6.2.2). */
may_yield enum dns_status dns_txt(struct task *t, struct dns *d,
    struct str name, struct str **list_r, unsigned *n_r);

/* Names of an address; and the first of them that has it as an address (RFC
 * 8601, 2.7.3 iprev): verified_r, else empty. At most DNS_PTR_MAX are looked
 * at. */
#define DNS_PTR_MAX 10
may_yield enum dns_status dns_ptr(struct task *t, struct dns *d,
    const struct net_addr *ad, struct str **names_r, unsigned *n_r);
may_yield enum dns_status dns_iprev(struct task *t, struct dns *d,
    const struct net_addr *ad, struct str *verified_r);

#endif
