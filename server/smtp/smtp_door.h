/* smtp_door.h - what strangers at port 25 have to be like */
#ifndef SERVER_SMTP_SMTP_DOOR_H
#define SERVER_SMTP_SMTP_DOOR_H

#include "server/smtp/smtp.h"

/*
 * For clients of `smtp` listeners who are none of us (net.exempt, loopback,
 * Unix sockets); LMTP and submission have doors of their own.
 *
 * - HELO: whoever calls himself by our name or our address lies.
 * - MAIL: at most smtp.rate_per_client messages a minute; 421, so that other
 *   connections of the same client are not answered for hours.
 * - With smtp.require_reverse_dns the client's address needs a name that leads
 *   back to it (RFC 8601, 2.7.3).
 *
 * On a `fallback` listener, in addition: the client waits longer for the
 * greeting (who does not wait is no mail server), reverse DNS is required, the
 * sender's domain must take mail (an MX that is not null, or an address), and a
 * quarter of the messages are taken.  The connection's listener decides, so
 * that one node with two addresses is both.
 *
 * What DNS cannot tell now is no reason: the client is let in.
 */
#define SMTP_DOOR_WAIT_MS 2000 /* before the greeting, fallback */
#define SMTP_DOOR_DNS_MS 15000
#define SMTP_DOOR_FALLBACK_SHARE 4

/* Whether this client is to be looked at. */
bool smtp_door_is_stranger(const struct smtp_session *s);
bool smtp_door_is_fallback(const struct smtp_session *s);
/* 250 or the refusal. */
struct smtp_reply smtp_door_hello(struct task *t, const struct smtp_session *s,
    struct str name);
may_yield must_check struct smtp_reply smtp_door_mail(struct task *t,
    struct smtp_session *s, const struct smtp_path *from);

#endif
