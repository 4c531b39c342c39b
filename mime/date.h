/* date.h - the date-time of RFC 5322 */
#ifndef MIME_DATE_H
#define MIME_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct mime_date {
	int64_t epoch_s;
	/* East of Greenwich. */
	int zone_minutes;
	/* false: "-0000", a military letter, or none (RFC 5322, 3.3 and 4.3);
	 * then epoch_s takes the time as UTC. */
	bool zone_known;
};

/*
 *	date-time = [ day-of-week "," ] day month year time zone
 *
 * with comments, folding, obsolete years and zones, full month names,
 * "12-Mar-2020" and the order of asctime(3) accepted.  The day of the week is
 * not compared.  Text behind the zone is ignored.  False if there is no date.
 */
bool mime_date_parse(struct str s, struct mime_date *date_r);
/* "Sun, 22 Nov 2026 00:10:00 +0000" */
void mime_date_write(struct buf *b, int64_t epoch_s);

#endif
