/* state.h - domains, accounts, settings, keys, nodes: one replica per node */
#ifndef STORAGE_STATE_H
#define STORAGE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/offload.h"
#include "base/task.h"
#include "storage/clusterkey.h"
#include "storage/share/store.h"

/*
 * What administrators decide lives in a SQLite database of which every node has
 * a replica on its own disk, <local>/state.db, fed by one journal, state/
 * (DESIGN 8).  Reading is local and never yields, so a node can authenticate
 * and check recipients while the share is away.  SQLite never opens a file on
 * the share.
 *
 * A change is a business function that is run on the replica under a session;
 * what it changed is taken as a changeset, rolled back, tried, committed to the
 * journal as the next entry (state_ops.h draws it) and then applied like every
 * other replica does it, in one transaction that tests and sets the replica's
 * entry number.  Whoever loses the race for the entry applies the winner's and
 * runs the function again: it must write nothing outside the transaction but
 * results that the last run overwrites.  Checks made in the function are exact.
 *
 * The replica is a cache.  Several processes of a node (workers, shoalctl) may
 * have it open; each has a struct state of its own.  A damaged one, or one that
 * does not fit the journal, is built again from the newest snapshot and the
 * tail, in a new file that is renamed over the old one.  An entry that cannot
 * be applied to such a fresh replica either makes the state read-only here,
 * with an alarm; reading goes on with what is there.
 *
 * Snapshots (VACUUM INTO) are the journal's checkpoints.  They are ordinary
 * databases: sqlite3 opens them.  Secret columns are sealed with the cluster
 * key.
 *
 * Business functions by noun: state_domain.h, state_account.h, state_alias.h
 * (groups too), state_admin.h, state_node.h, state_setting.h, state_key.h
 * (certificates too), state_dkim.h, state_srs.h, state_route.h,
 * state_identity.h, state_audit.h.  They take who does it for the audit table
 * ("ctl:root", "admin:eve"): by.
 */
struct state;
struct state_tx; /* a change being made: state_private.h */

/*
 * Newest schema this program knows; see state_schema_raise().  It is what a
 * node says as its format in its lease (lease_info.format).
 *	1 the first; 2 retention of Junk and Trash, by domain; 3 sending: rules
 *	of domains, routes, identities, stages of keys; 4 the console:
 *	administrators' invitations, tokens, ended sessions; forwarding
 */
#define STATE_SCHEMA 4
#define STATE_SENDING_SCHEMA 3
#define STATE_CONSOLE_SCHEMA 4
/* Snapshots above this are refused before they are read. */
#define STATE_SNAPSHOT_MAX_BYTES (2ULL << 30)
/* How often state_change runs the function again for lost races. */
#define STATE_CHANGE_TRIES 100

struct state_conf {
	struct store *store;
	struct offload *offload; /* NULL: what blocks runs at once */
	const char *local;	 /* directory of state.db; NULL: in memory, for
				  * the simulation: lost when closed */
	struct clusterkey key;
	const char *synchronous; /* PRAGMA; NULL: "NORMAL" */
	/* PRAGMA integrity_check and the sum over all values: some seconds per
	 * 100 MB. */
	bool check_at_open;
	bool no_background;  /* caller runs state_maintain itself */
	uint32_t ckpt_every; /* 0: JOURNAL_CKPT_EVERY */
	/* 0: STATE_SCHEMA (tests: a node of another version) */
	uint32_t schema_max;
	const char *const *extra_steps; /* SQL for those above STATE_SCHEMA */
	/* Only read what another process of the node keeps up to date: no
	 * changes, no calls. */
	bool replica_only;
	/* Optional: entries were applied; settings may have changed. Must not
	 * yield. */
	void (*changed)(void *arg);
	void *arg;
};

/* At share init: make state/'s directories and commit the first schema.
 * Harmless when repeated or raced. */
may_yield must_check struct err *state_create(struct task *t,
    const struct state_conf *c);
/*
 * Open the replica and bring it to the journal's head; without one, or with a
 * damaged one, join: snapshot and tail.  ERR_DENIED: the cluster key is not
 * this cluster's.  When the share is away and there is a sound replica it is
 * opened as it is and *stale_r (may be NULL) is true; state_refresh catches up.
 * conf's strings are copied; store and offload must outlive the state.
 */
may_yield must_check struct err *state_open(struct task *t,
    const struct state_conf *c, struct state **st_r, bool *stale_r);
/* Does no calls and never yields.  No task may be inside, and nothing run in
 * the background (state_settle), unless the scheduler was abandoned. */
void state_close(struct state **st);

/* Apply what is new (one LOOKUP when nothing is); rebuilds if needed. */
may_yield must_check struct err *state_refresh(struct task *t,
    struct state *st);
/* Checkpoint and collect if due (or, force, now). */
may_yield must_check struct err *state_maintain(struct task *t,
    struct state *st, bool force);
/* Wait for background tasks of the journal. */
may_yield void state_settle(struct task *t, struct state *st);

/* Entry number the replica is at. */
uint64_t state_seq(const struct state *st);
/* Schema the replica is at. */
uint32_t state_schema(const struct state *st);
/* NULL, or why it is read-only here (ERR_FORMAT, ERR_CORRUPT, ERR_DENIED). */
must_check struct err *state_readonly(struct arena *a, const struct state *st);
struct store *state_store(const struct state *st);
struct offload *state_offload(const struct state *st);
const struct clusterkey *state_key(const struct state *st);
struct journal *state_journal(const struct state *st);

/*
 * Run fn as described above.  NULL: committed and applied here (or fn changed
 * nothing, then nothing was committed).  fn's own error ends it: nothing
 * happened.  ERR_CONFLICT: the changeset does not apply to the very state it
 * was made from (two UNIQUE values swapped), it was refused.  ERR_READONLY;
 * ERR_UNKNOWN, ERR_TIMEOUT, ERR_UNAVAIL as journal_commit: ask again before
 * repeating.  fn must not yield.
 */
typedef struct err *(*state_fn)(struct state_tx *x, void *arg);
may_yield must_check struct err *state_change(struct task *t, struct state *st,
    const char *by, state_fn fn, void *arg);

/* Raise the cluster's schema, step by step, to at most `all_know`: the lowest
 * version that every live node says it knows (lease records). */
may_yield must_check struct err *state_schema_raise(struct task *t,
    struct state *st, uint32_t all_know);

/*
 * Digest of all replicated rows: equal on replicas at the same entry (the
 * simulation's invariant).  state_check: PRAGMA integrity_check and the rules
 * between tables (every account's domain exists, ...), one sentence each.
 */
must_check struct err *state_digest(struct arena *a, struct state *st,
    unsigned char sha256_r[32]);
struct state_problem {
	const char *text;
	struct state_problem *next;
};
must_check struct err *state_check(struct arena *a, struct state *st,
    struct state_problem **first_r);

#endif
