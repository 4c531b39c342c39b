/* dns_private.h - for who answers questions: libunbound, or a test's table */
#ifndef SERVER_DNS_PRIVATE_H
#define SERVER_DNS_PRIVATE_H

#include "server/dns/dns.h"

/*
 * dns.c asks and waits; a backend answers.  ask() may answer at once, or later
 * from the loop, outside any task: dns_ask_done() copies what it was given.
 */
struct dns_wait;

struct dns_ask {
	/* "mail.example.org" as it was asked, lower case, and fit to be read
	 * as presentation format */
	struct str name;
	const char *text;
	enum dns_type type;
	struct dns_answer answer;
	/* dns.c's own */
	struct arena *arena;
	struct dns_wait *wait;
	bool done;
	/* the backend's own */
	void *backend;
	int id;
};

struct dns_backend {
	void (*ask)(struct dns *d, struct dns_ask *q);
	/* Asked, not answered; dns_ask_done() is not called any more. */
	void (*cancel)(struct dns *d, struct dns_ask *q);
	void (*free)(struct dns *d);
};

struct dns {
	const struct dns_backend *backend;
	struct sched *sched;
	unsigned open; /* asked, not answered */
};

/* status and ttl; rdata is added before: only the first DNS_RECORDS_MAX. */
void dns_ask_rdata(struct dns_ask *q, const void *p, size_t n);
void dns_ask_done(struct dns *d, struct dns_ask *q, enum dns_status status,
    const char *why);

#endif
