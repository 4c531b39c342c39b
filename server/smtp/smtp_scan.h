/* smtp_scan.h - what delivery wants to know of a header while it streams by */
#ifndef SERVER_SMTP_SMTP_SCAN_H
#define SERVER_SMTP_SMTP_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/*
 * Counts Received and Delivered-To fields, hands each Delivered-To to a
 * function, keeps the Message-ID for the log.  A piece may end anywhere; only
 * the first SMTP_SCAN_BYTES are looked at, a message is stored whatever its
 * header is like.  Needs 600 bytes, no others.
 */
#define SMTP_SCAN_BYTES (256 * 1024)
#define SMTP_SCAN_VALUE 340 /* of a value; an address has 320 at most */

struct smtp_scan {
	/* Optional: the value, unfolded and without blanks around. */
	void (*delivered_to)(void *arg, struct str value);
	void *arg;
	/* out */
	unsigned received, delivered;
	char message_id[200]; /* "" until seen; cut off if longer */
	/* private */
	int state, field;
	size_t seen;
	char name[16], value[SMTP_SCAN_VALUE];
	size_t name_n, value_n;
};

void smtp_scan_init(struct smtp_scan *s);
/* Whether the header goes on: else no more need be fed. */
bool smtp_scan_feed(struct smtp_scan *s, struct str piece);

/*
 * What has to stand between fields put on top of a message and its first line:
 * "" if that begins a field (or is empty, so that there are none), an empty
 * line if it is body already, or would continue what is above it (a sender
 * could add to our Received); mbox's "From " line, which some send along,
 * becomes a field. NULL: that cannot be seen from so few bytes.
 */
#define SMTP_START_BYTES 128 /* no field has so long a name */
const char *smtp_scan_start(struct str start);

#endif
