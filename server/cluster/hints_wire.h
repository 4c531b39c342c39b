/* hints_wire.h - what hints look like on the wire */
#ifndef SERVER_CLUSTER_HINTS_WIRE_H
#define SERVER_CLUSTER_HINTS_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * A datagram, little endian, at most HINTS_BYTES:
 *
 *	magic	"SHH1"
 *	node	8 bytes: the sender's id
 *	session	8 bytes: the first of its lease's session
 *	counter	8 bytes: rises by one a datagram
 *	items
 *	mac	16 bytes: the first of HMAC-SHA-256 of all before, under the
 *		key derived from the cluster key with HINTS_LABEL
 *
 *	item	type (1), length of body (1), body
 *	'a'	account: entry number (8), id (2..64)
 *	's'	state: entry number (8)
 *	'f'	failed logins: key (8), points (1)	counts.h
 *	't'	tally: key (8), how many (2)	counts.h
 *	'q'	queue: entry number (8; 0: its holder gave it back), bucket (1)
 *	'l'	alive: nothing; sent every HINTS_ALIVE_MS
 *
 * Items of another type, or of a length that does not fit, are skipped: they
 * are a newer version's.  Between workers of a node the items travel alone.
 */
#define HINTS_BYTES 1200 /* fits any path's MTU */
#define HINTS_LABEL "shoal hints"
#define HINTS_HEAD_BYTES 28
#define HINTS_MAC_BYTES 16
#define HINTS_ID_BYTES 8
#define HINTS_BUCKETS 64 /* QUEUE_BUCKETS */
#define HINTS_ITEM_MAX (2 + 8 + 64)

struct hints_head {
	unsigned char node[HINTS_ID_BYTES], session[HINTS_ID_BYTES];
	uint64_t counter;
};

enum hint_type {
	HINT_NONE = 0,
	HINT_ACCOUNT = 'a',
	HINT_STATE = 's',
	HINT_FAILURE = 'f',
	HINT_TALLY = 't',
	HINT_QUEUE = 'q',
	HINT_ALIVE = 'l'
};
#define HINT_TALLY_MAX 65535
struct hint {
	enum hint_type type;
	struct str id;	 /* account */
	uint64_t number; /* entry, or key */
	/* failure: 1..255; tally: 1..HINT_TALLY_MAX; queue: the bucket */
	unsigned points;
};

void hints_wire_begin(struct buf *b, const struct hints_head *h);
void hint_put(struct buf *b, const struct hint *i);
void hints_wire_end(struct buf *b, const unsigned char key[32]);

/* false: not one of ours. items_r points into the datagram. */
bool hints_wire_open(struct str datagram, const unsigned char key[32],
    struct hints_head *h_r, struct str *items_r);
/* The next item; HINT_NONE for one to be skipped.  false: no more. */
bool hint_next(struct str *items, struct hint *i_r);

/*
 * Replays: a counter is taken once, and not if it is HINTS_WINDOW or more below
 * the highest.
 */
#define HINTS_WINDOW 64
struct hints_window {
	uint64_t top, seen; /* bit n: top - n */
};
bool hints_window_take(struct hints_window *w, uint64_t counter);

#endif
