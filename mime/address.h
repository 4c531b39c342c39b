/* address.h - address lists of RFC 5322, as IMAP's ENVELOPE shows them */
#ifndef MIME_ADDRESS_H
#define MIME_ADDRESS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/*
 * Groups, comments, quoted strings, obsolete routes and dots in phrases are
 * understood, bytes from 0x80 are letters (RFC 6532).  What is not an address
 * still yields one, so that people see it: without @ the host is empty, words
 * without address are the mailbox.  One pass, no recursion.
 *
 *	Mary <mary@example.org>		name Mary, mailbox mary, host
 *example.org mary@example.org (Mary)		the same
 *	<@a,@b:mary@example.org>	adl "@a,@b"
 *	team: mary@example.org;		GROUP with mailbox team, MAILBOX,
 *GROUP_END
 */
enum mime_addr_kind { MIME_ADDR_MAILBOX, MIME_ADDR_GROUP, MIME_ADDR_GROUP_END };

struct mime_addr {
	struct mime_addr *next;
	enum mime_addr_kind kind;
	/* Without quoting; encoded words stay (word.h).  p == NULL is NIL:
	 * name and adl where there is none, host of MIME_ADDR_GROUP, all four
	 * of MIME_ADDR_GROUP_END. */
	struct str name, adl, mailbox, host;
};

/*
 * value may be folded.  Stops when *left addresses were made, and reduces it;
 * a group that was begun is always ended.  NULL: no address.
 */
struct mime_addr *mime_addr_parse(struct arena *a, struct str value,
    unsigned *left);

/* mailbox@host, the mailbox quoted where RFC 5322 needs it. */
void mime_addr_spec(struct buf *out, const struct mime_addr *addr);

#endif
