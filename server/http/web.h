/* web.h - HTTPS: what browsers and mail programs ask of a node */
#ifndef SERVER_HTTP_WEB_H
#define SERVER_HTTP_WEB_H

#include "server/net/conn.h"

/*
 * Protocol "https".  Pages are rows of one table; the console's files are
 * another (static.h).  A request for a host that is
 * none of ours is answered 421 (RFC 9110, 15.5.20): a name that somebody else
 * points at us gets nothing.  Ours are this node's host name, the setting
 * client.host, and of every domain D here: D, autoconfig.D, autodiscover.D;
 * what the setting console.hosts lists, the loopback's names, and the address
 * of the connection.  Paths below /api/v1 are server/api's.
 *
 * Mail programs that know nothing but an address ask for
 *
 *	https://autoconfig.D/mail/config-v1.1.xml?emailaddress=A
 *	https://D/.well-known/autoconfig/mail/config-v1.1.xml
 *	https://autodiscover.D/autodiscover/autodiscover.xml	(POST)
 *
 * and are answered for every address in a domain of ours, whether there is such
 * an account or not: nobody learns who exists.  What is offered is what this
 * node listens with.
 */
#define WEB_BODY_MAX (64U << 10)

extern const struct protocol https_protocol;

#endif
