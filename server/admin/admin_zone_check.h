/* admin_zone_check.h - whether the DNS has the records a domain needs */
#ifndef SERVER_ADMIN_ADMIN_ZONE_CHECK_H
#define SERVER_ADMIN_ADMIN_ZONE_CHECK_H

#include "base/task.h"
#include "server/admin/admin_zone.h"
#include "server/dns/dns.h"

/*
 * Records are compared by what they mean: MX, SRV and CNAME by their fields;
 * SPF without regard to case and blanks, and there must be one; DKIM by the
 * key (and there must be one record); DMARC tag by tag; other texts as they
 * are.  A text of another kind (somebody's verification) is none of ours.
 *
 *	ok		it is there
 *	missing		nothing of that kind is
 *	different	something else is: found says what
 *	unknown		the DNS does not say at the moment
 */
enum admin_zone_status {
	ADMIN_ZONE_UNCHECKED,
	ADMIN_ZONE_OK,
	ADMIN_ZONE_MISSING,
	ADMIN_ZONE_DIFFERENT,
	ADMIN_ZONE_UNKNOWN
};
const char *admin_zone_status_name(enum admin_zone_status s);

#define ADMIN_ZONE_FOUND_MAX 8	    /* of one record, */
#define ADMIN_ZONE_FOUND_BYTES 1024 /* each cut there */
struct admin_zone_seen {
	enum admin_zone_status status;
	/* What is there of that name, type and kind, as in a zone file, TXT
	 * without quotes. */
	struct str *found;
	unsigned n;
};

/* All of them at once, in ADMIN_ZONE_CHECK_MS at most: what is not answered by
 * then is unknown.  seen_r: one for each; what they have is in t's arena. */
#define ADMIN_ZONE_CHECK_MS 5000
may_yield void admin_zone_check(struct task *t, struct dns *d,
    const struct admin_zone_record *list, unsigned n,
    struct admin_zone_seen *seen_r);

/* One record and the answer to its question.  Pure. */
void admin_zone_compare(struct arena *a, const struct admin_zone_record *r,
    const struct dns_answer *answer, struct admin_zone_seen *seen_r);

#endif
