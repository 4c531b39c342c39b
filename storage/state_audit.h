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

/* Newest first, before `before` (an id; empty: from the newest), at most max;
 * object empty: all. */
must_check struct err *state_audit_list(struct arena *a, struct state *st,
    struct str object, struct str before, unsigned max,
    struct state_audit_row **list_r, unsigned *n_r);
/* Remove rows older than the setting audit.keep, at most max in one entry. */
may_yield must_check struct err *state_audit_trim(struct task *t,
    struct state *st, unsigned max, unsigned *removed_r);

#endif
