/* share_fault.h - a wrapper that makes chosen calls go wrong */
#ifndef STORAGE_SHARE_SHARE_FAULT_H
#define STORAGE_SHARE_SHARE_FAULT_H

#include "storage/share/share.h"

/*
 * Tests hand in a table of rules; each call is offered to them in order and the
 * first that fires decides.  To try every call of an action: run it once, ask
 * share_fault_calls(), then run it with nth = 1 ... that number.
 */
enum share_fault_kind {
	SHARE_FAULT_BEFORE,	/* not executed, answered with `code` (ERR_NONE:
				 * a server that lies) */
	SHARE_FAULT_AFTER,	/* executed, answered with `code` all the same */
	SHARE_FAULT_LOST,	/* executed, answered ERR_UNKNOWN */
	SHARE_FAULT_LATE,	/* ERR_UNKNOWN at once, executed delay_ms later */
	SHARE_FAULT_TWICE,	/* executed twice, the second answer counts */
	SHARE_FAULT_SHORT,	/* READ, WRITE: of at most `length` bytes */
	SHARE_FAULT_DELAY	/* executed, answered delay_ms later */
};

#define SHARE_FAULT_ANY_PROC SHARE_PROCS
#define SHARE_FAULT_ANY_LANE SHARE_LANES
#define SHARE_FAULT_ALWAYS UINT32_MAX

struct share_fault_rule {
	/* which calls: procedure, lane, and how name (or to_name) begins */
	enum share_proc proc;
	enum share_lane lane;
	const char *name;	/* NULL: any */
	uint32_t nth;		/* from which matching call on; 0 is 1 */
	uint32_t times;		/* how many of them; 0 is 1 */
	/* what */
	enum share_fault_kind kind;
	enum err_code code;
	uint32_t length;
	uint64_t delay_ms;
	bool reconnect;		/* all connection numbers rise, too */
	bool new_verf;		/* the write verifier is another one from
				 * this answer on */
};

/* Takes inner over: closing the wrapper closes it. */
struct share *share_fault_new(struct sched *sc, struct share *inner);
/* Replace the rules (copied); all counts start at 0. n == 0: no faults. */
void share_fault_set(struct share *s, const struct share_fault_rule *rules,
    unsigned n);
/* How often rule i fired; all calls since share_fault_set. */
unsigned share_fault_hits(const struct share *s, unsigned i);
unsigned share_fault_calls(const struct share *s);

#endif
