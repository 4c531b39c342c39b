/* clientconf.h - what mail programs are told so that they set themselves up */
#ifndef SERVER_HTTP_CLIENTCONF_H
#define SERVER_HTTP_CLIENTCONF_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/*
 * Two documents say the same: Mozilla's autoconfig 1.1 (Thunderbird, K-9,
 * Evolution, Kontact) and Microsoft's Autodiscover for POP and IMAP (Outlook,
 * [MS-OXDSCLI] 2.2.4).  Pure: no I/O.
 *
 * The ports are those of IANA whatever a node listens on, since clients meet
 * the balancer, not the node.
 */
#define CLIENTCONF_BYTES_MAX 16384
#define CLIENTCONF_ADDRESS_MAX 320

enum clientconf_service { /* in the order of preference */
	CLIENTCONF_IMAPS = 1,
	CLIENTCONF_IMAP = 2,
	CLIENTCONF_POP3S = 4,
	CLIENTCONF_POP3 = 8,
	CLIENTCONF_SUBMISSIONS = 16,
	CLIENTCONF_SUBMISSION = 32
};
/* 0: the protocol (net/conn.h) is nothing for mail programs. */
unsigned clientconf_service_of(const char *protocol);

struct clientconf {
	struct str host;    /* the service's name */
	struct str domain;  /* of the address */
	struct str address; /* empty: the program fills it in */
	unsigned services;  /* enum clientconf_service */
};

void clientconf_mozilla(struct buf *b, const struct clientconf *c);
void clientconf_autodiscover(struct buf *b, const struct clientconf *c);
/* An Autodiscover answer that says no; code: 500 no such address, 600 not a
 * request. */
void clientconf_autodiscover_error(struct buf *b, unsigned code,
    const char *text);
/*
 * The address asked for in an Autodiscover request: the text of its
 * EMailAddress element, whatever its prefix, with the five entities of XML
 * decoded.  No parser of XML: nothing else in the request is looked at.
 */
bool clientconf_autodiscover_address(struct arena *a, struct str body,
    struct str *address_r);

#endif
