/* share_count.h - a wrapper that counts calls and serial round trips */
#ifndef STORAGE_SHARE_SHARE_COUNT_H
#define STORAGE_SHARE_SHARE_COUNT_H

#include "storage/share/share.h"

/*
 * Operation budgets (DESIGN 12) are asserted with this: counts do not depend on
 * the machine.  `serial` is the length of the longest chain of calls of which
 * each began after the one before it had ended: the round trips somebody waits
 * for.  It is taken over all calls of the share, so nothing else should be
 * under way while one action is measured.
 */
struct share_counts {
	uint64_t total;
	uint64_t calls[SHARE_PROCS];
	uint64_t lane_calls[SHARE_LANES];
	uint64_t failed; /* no answer, or an error that is no
			  * verdict (not NOENT, EXIST) */
	uint64_t bytes_read, bytes_written;
	unsigned serial;
	unsigned under_way; /* now; the most at once since the reset: */
	unsigned most_under_way;
};

/* Takes inner over: closing the wrapper closes it. */
struct share *share_count_new(struct share *inner);
void share_count_reset(struct share *s);
void share_count_get(const struct share *s, struct share_counts *c_r);

/* "lookup", "getattr", ...: for messages. */
const char *share_proc_name(enum share_proc p);

#endif
