/* account.h - one mailbox owner: one journal, its folders and messages */
#ifndef STORAGE_ACCOUNT_H
#define STORAGE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/task.h"
#include "storage/account_ops.h"
#include "storage/mailstore.h"

/*
 *	accounts/<xx>/<id>/log/ ckpt/ seg/	the journal
 *	                  /msg/<yyyymm>/<txid>-<ordinal>	messages
 *	                  /quota		published usage (quota.h)
 * xx: the first two characters of id.
 *
 * The journal's replayed state is in memory while the account is open: folders
 * (folder.h) and rows of messages (message.h).  Reading it costs nothing and
 * never yields; account_refresh() brings it to the head.  What the accessors
 * return points into that state and holds until the caller's next yield.
 * Changes are functions that do the file work and commit one entry; when they
 * return NULL the change is durable and already in the state here.
 *
 * Errors of every change: ERR_CLOSED (550), ERR_OVERQUOTA, ERR_LIMIT,
 * ERR_INVALID, ERR_NOTFOUND, ERR_DUPLICATE, ERR_READONLY/ERR_FORMAT/ERR_CORRUPT
 * are verdicts: nothing happened.  Others are temporary, and what
 * journal_err_is_verdict() denies may have happened.
 *
 * An account opened blind (for delivery) has read only the journal's head: it
 * has no folders or rows (account_is_loaded() is false), but messages can be
 * delivered into INBOX and its usage is known.
 */
struct account;

/* 2 to 64 of [0-9a-z-]; the first two name the directory above. */
#define ACCOUNT_ID_MAX 64
bool account_id_is_valid(struct str id);

/*
 * Make the directories and commit entry 1 (INBOX, Drafts, Sent, Junk, Trash and
 * Archive, subscribed).  May be repeated after any error; an account that is
 * there already is opened as it is (*made_r false).
 */
may_yield must_check struct err *account_create(struct task *t,
    struct mailstore *ms, struct str id, bool *made_r, struct account **acc_r);
/*
 * ERR_NOTFOUND: there is no such account (purged ones included).  A closed
 * account opens, to be looked at and reopened.
 */
may_yield must_check struct err *account_open(struct task *t,
    struct mailstore *ms, struct str id, struct account **acc_r);
/* Enough for delivery; makes no entry's content of folders and rows. */
may_yield must_check struct err *account_open_blind(struct task *t,
    struct mailstore *ms, struct str id, struct account **acc_r);
/* One more reference, to be closed too. */
struct account *account_ref(struct account *acc);
/* Gives the reference back; the object may stay open in the mailstore. */
void account_close(struct account **acc);

/* Bring the state to the head (of a blind account: load it). */
may_yield must_check struct err *account_refresh(struct task *t,
    struct account *acc);

struct str account_id(const struct account *acc);
struct mailstore *account_mailstore(const struct account *acc);
bool account_is_loaded(const struct account *acc);
bool account_is_closed(const struct account *acc); /* or purged */
bool account_is_purged(const struct account *acc);
uint64_t account_head(const struct account *acc);
/* Highest entry number whose tombstones are forgotten: QRESYNC from below it
 * must send everything. */
uint64_t account_forgotten(const struct account *acc);
/*
 * Highest entry number of which is known that it was made age_s or longer
 * before now_s (wall seconds); 0: none.  Known from the mark that the first
 * entry of a day carries: to a day for the last month, to about a sixth of the
 * age for what is older, always too young rather than too old.
 */
uint64_t account_entry_older(const struct account *acc, uint64_t age_s,
    int64_t now_s);
uint64_t account_bytes(const struct account *acc);
uint64_t account_messages(const struct account *acc);

/*
 * Tell fn whenever entries were applied (ours or others'); outside any
 * guarantee of task; it must only note it.  One watcher per session.
 */
struct account_watch {
	void (*fn)(void *arg);
	void *arg;
	struct account_watch *next, **prev;
};
void account_watch_add(struct account *acc, struct account_watch *w);
void account_watch_remove(struct account_watch *w);

/* A hint said that the account is at entry `head`: whether a refresh is due. */
bool account_hint(struct account *acc, uint64_t head);

/* CLOSED (idempotent), REOPENED (ERR_CLOSED after PURGED). */
may_yield must_check struct err *account_shut(struct task *t,
    struct account *acc);
may_yield must_check struct err *account_reopen(struct task *t,
    struct account *acc);
/*
 * After the grace: commit PURGED, publish ckpt/9999999999999999, remove
 * everything else, then log/, ckpt/ last.  The account must be closed
 * (ERR_CONFLICT).  May be repeated until it returns NULL; a second call finds
 * nothing (NULL).
 */
may_yield must_check struct err *account_purge(struct task *t,
    struct mailstore *ms, struct str id);

/*
 * Maintenance, by worker 0 or an administrator's command: checkpoint and
 * collection if due (force: now), quota file, FORGET of what is older than
 * keep_days (files of its tombstones are removed first), VOID and removal of
 * orphans older than orphan_hours (only if sweep: it reads msg/).
 */
struct account_maintain {
	bool force, sweep;
	bool young; /* orphans of any age: nothing is being delivered */
	/* out */
	unsigned files_removed, orphans_voided;
	uint64_t forgotten_r;
};
may_yield must_check struct err *account_maintain(struct task *t,
    struct account *acc, struct account_maintain *m);
/* Wait until nothing runs in the background for this account. */
may_yield void account_settle(struct task *t, struct account *acc);

/*
 * Check: the journal (journal_check), every row's file with its size, files
 * that no row or tombstone names (not fatal), usage and counts recomputed, and
 * env records.  deep: read every message too (not only its attributes).
 */
struct account_problem {
	const char *text; /* a sentence, in plain words */
	bool fatal;	  /* mail or order is damaged, not just untidy */
	struct account_problem *next;
};
struct account_check {
	bool deep;
	/* out */
	struct account_problem *first_r;
	unsigned fatal_r, untidy_r;
	uint64_t messages_r, bytes_r, orphans_r;
};
may_yield must_check struct err *account_check(struct task *t,
    struct account *acc, struct account_check *c);

/*
 * Rebuild from the plain files: what checkpoint and entries still say decides
 * folder and flags; files that nothing names (and are older than a day, or all
 * with `young`) come into the folder "Recovered"; rows whose file is gone go.
 * A journal that can be read keeps UIDs and gets one entry.  One that cannot is
 * superseded by a checkpoint above every name in log/; then every folder gets a
 * new UIDVALIDITY.  Repeatable.
 */
struct account_rebuild {
	bool young;
	/* out */
	unsigned kept_r, recovered_r, lost_r;
	bool uidvalidity_changed_r;
};
may_yield must_check struct err *account_rebuild(struct task *t,
    struct mailstore *ms, struct str id, struct account_rebuild *r);

#endif
