/* mailstore.h - the accounts one worker has open */
#ifndef STORAGE_MAILSTORE_H
#define STORAGE_MAILSTORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/task.h"
#include "storage/journal.h"
#include "storage/segcache.h"

/*
 * One per worker.  There is at most one struct account per id in it (account.h
 * opens them); accounts nobody holds stay open as a cache, least recently used
 * go first, and none goes before its journal allows (journal_may_close).  The
 * cache is bounded in accounts and in rows; what is in use always stays.
 */
struct mailstore;

#define MAILSTORE_ACCOUNTS 256	  /* kept open without users */
#define MAILSTORE_ROWS 2000000	  /* of all accounts; about 100 bytes each */
#define MAILSTORE_KEEP_DAYS 30	  /* tombstones: undelete and QRESYNC */
#define MAILSTORE_ORPHAN_HOURS 24 /* before a file without a row is voided */

struct mailstore_conf {
	struct store *store;	/* outlives the mailstore */
	struct segcache *cache; /* or NULL */
	unsigned accounts;	/* 0: MAILSTORE_ACCOUNTS */
	unsigned keep_days;	/* 0: MAILSTORE_KEEP_DAYS */
	unsigned orphan_hours;	/* 0: MAILSTORE_ORPHAN_HOURS */
	uint32_t ckpt_every;	/* 0: JOURNAL_CKPT_EVERY */
	bool no_background;	/* checkpoints only by account_maintain() */
	/*
	 * Optional: an entry of ours was committed as number seq of the
	 * account (others' entries, which are only applied, are not told).
	 * Must not yield.
	 */
	void (*committed)(void *arg, struct str account_id, uint64_t seq);
	/*
	 * Optional: whether the share is so full that no message may be
	 * written (ERR_NOSPC), so that removing still works.
	 */
	bool (*full)(void *arg);
	void *arg;
};

struct mailstore *mailstore_new(const struct mailstore_conf *c);
/* Waits for background work of all accounts and frees everything; nobody may
 * hold an account any more. */
may_yield void mailstore_close(struct task *t, struct mailstore **ms);
/* Drops it where it stands, without a call (a node's crash in a test); tasks
 * must have been abandoned. */
void mailstore_drop(struct mailstore **ms);

struct store *mailstore_store(const struct mailstore *ms);
const struct mailstore_conf *mailstore_config(const struct mailstore *ms);
/* From now on; 0: MAILSTORE_KEEP_DAYS. */
void mailstore_set_keep_days(struct mailstore *ms, unsigned days);
unsigned mailstore_open_count(const struct mailstore *ms);

/* All account ids that have a directory, sorted; for check and doctor. */
may_yield must_check struct err *mailstore_list(struct task *t,
    struct mailstore *ms, struct str **ids_r, unsigned *n_r);

/*
 * Ballast: a file that is given up when the share is full, so that removing
 * mail, which needs an entry, still works.  ensure: make it if missing and the
 * share has ten times as much free (share init, maintenance); release: remove
 * it; *freed_r whether there was one.
 */
#define MAILSTORE_BALLAST_BYTES (4U << 20)
may_yield must_check struct err *mailstore_ballast_ensure(struct task *t,
    struct mailstore *ms);
may_yield must_check struct err *mailstore_ballast_release(struct task *t,
    struct share *s, bool *freed_r);
/* Whether a commit failed with e for want of room.  Where not even a NOOP finds
 * room its outcome stays unknown: then the share is asked. */
may_yield bool mailstore_share_is_full(struct task *t, struct share *s,
    const struct err *e);

#endif
