/* state_audit.h - who changed what, when */
#ifndef STORAGE_STATE_AUDIT_H
#define STORAGE_STATE_AUDIT_H

#include "storage/state.h"

/* Written by every business function in the entry of its change. */
struct state_audit_row {
	struct str id;	   /* sorts by time */
	int64_t at;	   /* wall seconds of the node that did it */
	struct str who;	   /* "ctl:root" */
	struct str what;   /* "account.add" */
	struct str object; /* "alice@example.org" */
	struct str detail; /* never a secret */
};

/*
 * An order that changes nothing of the state (to the queue, an invitation of a
 * node) is noted before it is given, in an entry of its own: what could not be
 * noted is not done.  A row therefore says what was ordered; that it was done
 * too is in the log and in the trace.  what: "queue.hold"; of object and detail
 * at most STATE_AUDIT_MAX bytes each, made readable.  Fails as state_change().
 */
#define STATE_AUDIT_MAX 1000
may_yield must_check struct err *state_audit_order(struct task *t,
    struct state *st, const char *by, const char *what, struct str object,
    struct str detail);

/*
 * Newest first, at most max.  What is empty does not count; ASCII case does not
 * either.  A domain's are those of what is in it: the domain itself, its
 * accounts, aliases, groups, identities and keys, but not administrators,
 * tokens, certificates or nodes that happen to be called like it, nor orders.
 */
struct state_audit_query {
	struct str object; /* a part of it */
	struct str who;	   /* a part of it */
	struct str what;   /* how it begins */
	struct str domain; /* lower case A-labels */
	struct str before; /* an id: only those older than it */
	unsigned max;
	/* No more rows than so many are looked at (0: all): a year's are many.
	 * looked, out: the oldest that was, in the arena; p NULL: there is no
	 * older one, or max were found. */
	unsigned step;
	struct str looked;
};
must_check struct err *state_audit_find(struct arena *a, struct state *st,
    struct state_audit_query *q, struct state_audit_row **list_r,
    unsigned *n_r);
/* Remove rows older than the setting audit.keep, at most max in one entry. */
may_yield must_check struct err *state_audit_trim(struct task *t,
    struct state *st, unsigned max, unsigned *removed_r);

#endif
