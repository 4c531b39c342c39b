/* journal.h - an append-only, numbered log on the share */
#ifndef STORAGE_JOURNAL_H
#define STORAGE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/offload.h"
#include "base/task.h"
#include "storage/record.h"
#include "storage/share/store.h"

/*
 * The only way anything shared changes (DESIGN 5).  A journal is a directory:
 *
 *	log/<seq>	entries (record.h), symbolic links made exclusively
 *	ckpt/<seq>	published checkpoints, symbolic links; the text is the
 *			manifest, or "@<bytes>:<sha256>:<name>": a file in seg/
 *	seg/		immutable files: <txid>.rec, and
 *			<seq>-<random>.<kind>, written for checkpoint seq
 *
 * Entry N+1 is committed by one SYMLINK: compare-and-swap, without locks or
 * clocks.  This module knows records, commit, verification, unknown outcomes,
 * reading, checkpoints, collection, redo after a server that forgot.  What
 * entries mean is its client's business, which replays them.
 *
 * Journal state (part of every checkpoint): head and its txid; the txids of
 * entries since the newest FORGET, with their numbers; the voided txids; the
 * highest CLAIM token.  An entry whose txid is known already, or voided, or
 * whose token is stale, is counted but not given to the client.
 *
 * One object per journal and worker.  Tasks of the worker may use it at the
 * same time; commits and reading are serialised inside.
 */
struct journal;

/* Numbers from DESIGN 5. */
#define JOURNAL_CKPT_EVERY 128
#define JOURNAL_CKPT_IDLE_MS (10 * 60 * 1000)
#define JOURNAL_COLLECT_MS (10 * 60 * 1000) /* after the older was seen */
#define JOURNAL_KEEP_MS (60 * 1000) /* bytes of entries, per connection */
#define JOURNAL_KEEP_CKPT 2
#define JOURNAL_SEG_SLACK 4 /* base is rewritten when deltas > base / this */

/* What all journals of a worker share. */
struct journal_env {
	struct store *store;
	struct segcache *cache;	 /* NULL: no cache on local disk */
	bool no_background;	 /* caller runs journal_maintain itself */
	uint32_t ckpt_every;	 /* 0: JOURNAL_CKPT_EVERY */
	struct offload *offload; /* for ckpt_add_file; NULL: at once */
};

struct journal_entry {
	uint64_t seq;
	struct txid txid, prev;
	struct str ops, totals;
};

/* One segment of a checkpoint, as the manifest names it. */
struct journal_seg {
	struct str kind; /* "txid" is the journal's own */
	struct str name; /* in seg/ */
	struct str arg;	 /* the client's, without blanks; may be "-" */
	uint64_t bytes;
	unsigned char sha256[32];
};

struct journal_ckpt {
	uint64_t seq;
	struct txid txid;
	struct str arg; /* the client's line, without blanks: small state */
	const struct journal_seg *segs;
	unsigned seg_count;
};

struct ckpt_writer;

/* The client: replays entries into its state.  Members marked (Y) may yield;
 * they are called with the journal locked, so they must not call it back except
 * for journal_seg_*. */
struct journal_client {
	const char *name; /* for logs: "account" */
	/* State as before entry 1. */
	void (*reset)(void *arg);
	/* (Y) State as of this checkpoint.  What others see must change in one
	 * turn, at the end: the entries after the checkpoint are applied before
	 * anybody else runs, so that the state never goes back. */
	struct err *(
	    *load)(struct task *t, void *arg, const struct journal_ckpt *c);
	/* Never yields. ERR_CORRUPT or ERR_FORMAT make the journal read-only at
	 * the entry before; nothing may have been changed then. */
	struct err *(
	    *apply)(struct task *t, void *arg, const struct journal_entry *e);
	/* Totals after ops on top of the present state ("-": none). Never
	 * yields. */
	void (*totals)(void *arg, struct str ops, struct buf *out);
	/* (Y) Optional, unlocked: gather what save will need. */
	struct err *(*prepare)(struct task *t, void *arg);
	/* (Y) Describe a checkpoint of exactly the present state. */
	struct err *(*save)(struct task *t, void *arg, struct ckpt_writer *w);
	/* Optional: the checkpoint that save described was published. */
	void (*saved)(void *arg, const struct journal_ckpt *c);
	/* (Y) Optional: before an entry is re-created or appended again: make
	 * sure of the files its ops name (link again from the source).  ops_r:
	 * the ops to append, without those whose files are gone (empty: none);
	 * *whole_r whether nothing had to be left out.  A verbatim re-creation
	 * needs *whole_r. */
	struct err *(*refile)(struct task *t, void *arg,
	    const struct journal_entry *e, struct buf *ops_r, bool *whole_r);
	/* Optional: ops of the entry that tells clients that history forked
	 * (accounts: new UIDVALIDITYs). */
	void (*forked)(struct task *t, void *arg, struct buf *ops_r);
	/* Optional: another node's or our entries were applied. */
	void (*changed)(void *arg);
};

/*
 * dir is the journal's directory. Does no call when `created`, which says that
 * log/, ckpt/ and seg/ handles are to be looked up at first use otherwise.
 * Owns nothing of the client; env and client must outlive it.
 */
struct journal *journal_new(const struct journal_env *env,
    const struct share_fh *dir, const char *label,
    const struct journal_client *client, void *arg);
/* Kept bytes are dropped, and nothing may run in the background any more
 * (journal_settle, or the scheduler was abandoned): a node closes a journal no
 * sooner than JOURNAL_KEEP_MS after its last entry (journal_may_close). */
void journal_free(struct journal **j);
/* The directory's handle was ERR_STALE and has been found again. */
void journal_set_dir(struct journal *j, const struct share_fh *dir);
bool journal_may_close(const struct journal *j);
/* We have removed its directories: nothing of it is kept, or done, any more. */
void journal_removed(struct journal *j);
/* Make log/, ckpt/, seg/ in dir (idempotent). */
may_yield must_check struct err *journal_mkdirs(struct task *t,
    struct store *st, const struct share_fh *dir);

/*
 * Bring the state to the head by the reader's rule: cold: newest checkpoint and
 * tail; warm: one LOOKUP when nothing is new.  Does the redo first if the
 * connection is new.  ERR_NOENT: there is no such journal (no log directory).
 */
may_yield must_check struct err *journal_refresh(struct task *t,
    struct journal *j);
/*
 * Cold reader's short way: the head's number, txid and totals without replaying
 * (DESIGN 12: deliver, cold account).  No effect on a journal already loaded
 * but to report its head; in a cold one commits may then be made without the
 * client's state (totals come from head_totals; see tx.blind).
 */
may_yield must_check struct err *journal_peek(struct task *t, struct journal *j,
    struct journal_entry *head_r);

/*
 * What a journal that was peeked at, or loaded, a while ago is at now: a blind
 * one does not read what came in between.  Commits that were begun before then
 * need the whole state: only while none is under way.
 */
may_yield must_check struct err *journal_peek_again(struct task *t,
    struct journal *j);

bool journal_is_loaded(const struct journal *j);
uint64_t journal_head(const struct journal *j);
const struct txid *journal_head_txid(const struct journal *j);
uint64_t journal_token(const struct journal *j);     /* highest CLAIM */
uint64_t journal_forgotten(const struct journal *j); /* F's seq */
/* Number of the entry with this txid, 0 if not known (or forgotten). */
uint64_t journal_find(const struct journal *j, const struct txid *x);
bool journal_is_voided(const struct journal *j, const struct txid *x);
/* NULL, or why it is read-only here (ERR_FORMAT, ERR_CORRUPT). */
must_check struct err *journal_readonly(struct task *t,
    const struct journal *j);

/*
 * A transaction.  txid is drawn once by the caller (file names carry it), begun
 * is journal_head() when it was drawn (0: not known, the journal was cold: held
 * if the journal ever forgot anything; so refresh or peek first).
 * compose() is called for every attempt with the state at the head, and writes
 * the ops (without totals); it may refuse (ERR_CLOSED, ERR_OVERQUOTA, ...),
 * which ends the commit with that error.  It must not yield.  token != 0: an
 * outcome under a lock; ERR_LOST if a higher CLAIM is known.
 */
struct journal_tx {
	struct txid txid;
	uint64_t begun;
	uint64_t token;
	bool resumed; /* an earlier object, perhaps of another process, may
		       * have sent this txid: no "no" without a VOID */
	bool claim;   /* the entry is CLAIM token (compose may be NULL) */
	struct err *(*compose)(struct task *t, void *arg, struct buf *ops);
	void *arg;
	/* blind commit after journal_peek: compose gets the head's totals here
	 * and totals() of the client is not asked: compose_blind writes both */
	struct err *(*compose_blind)(struct task *t, void *arg,
	    const struct journal_entry *head, struct buf *ops,
	    struct buf *totals);
	/* the journal's: a number whose outcome is unknown; the connection of
	 * a sending that may yet turn up (0: none) */
	uint64_t open, sent_conn;
	/* out */
	uint64_t seq_r;
	bool maybe_r; /* with ERR_HELD: something was sent */
};
void journal_tx_init(struct task *t, struct journal *j, struct journal_tx *tx);

/*
 * NULL: committed, verified, durable by the store's profile; applied here too
 * (not in a blind journal).  Verdict errors (nothing happened, files may be
 * removed): compose's own, ERR_HELD (but with maybe_r it may have happened,
 * long ago, and files stay), ERR_VOIDED, ERR_LOST, ERR_READONLY,
 * ERR_NOSPC/ERR_DQUOT after the slot was taken by a verified NOOP or another's
 * entry; ERR_CONFLICT: given up at the deadline, in the same way.  ERR_UNKNOWN,
 * ERR_TIMEOUT, ERR_UNAVAIL, ERR_CONN, ERR_IO: the outcome is not known; files
 * must stay; the same txid may be committed again later (with the same tx).
 * Repeats until the task's deadline (none: 30 s).
 */
may_yield must_check struct err *journal_commit(struct task *t,
    struct journal *j, struct journal_tx *tx);
/* Whether the error proves that the txid is not, and will never be, in. */
bool journal_err_is_verdict(const struct err *e);

/* Checkpoint and collect if due, as background tasks would (or, force, now). */
may_yield must_check struct err *journal_maintain(struct task *t,
    struct journal *j, bool force);
/* Wait until no background task of this journal runs. */
may_yield void journal_settle(struct task *t, struct journal *j);

/* For save(): a new segment from bytes (copied), from a local file (read and
 * unlinked when written), or one kept from the checkpoint that was loaded or
 * last saved. */
void ckpt_arg(struct ckpt_writer *w, struct str arg);
void ckpt_add(struct ckpt_writer *w, const char *kind, struct str arg,
    struct str bytes);
void ckpt_add_file(struct ckpt_writer *w, const char *kind, struct str arg,
    const char *path);
void ckpt_keep(struct ckpt_writer *w, const struct journal_seg *seg);

/* Read segments, whole and verified by hash (ERR_CORRUPT), all at once: data_r
 * has n elements, in the arena. Through the cache if there is one. */
may_yield must_check struct err *journal_seg_read(struct task *t,
    struct journal *j, const struct journal_seg *segs, unsigned n,
    struct arena *a, struct str *data_r);
/* A range, not verified (its user has checksums of its own). */
may_yield must_check struct err *journal_seg_range(struct task *t,
    struct journal *j, const struct journal_seg *seg, uint64_t offset,
    void *into, uint32_t n, uint32_t *count_r);

/* For check and doctor: every entry and checkpoint that is there, verified. */
struct journal_problem {
	const char *text;
	bool fatal; /* data is missing, not just untidy */
	struct journal_problem *next;
};
may_yield must_check struct err *journal_check(struct task *t,
    struct journal *j, struct journal_problem **first_r);

/*
 * Repair (account rebuild).  The greatest number in log/ or ckpt/; and: end a
 * history that cannot be read.  The client's present state is published as a
 * checkpoint above every name there is, on an entry that follows none: nodes
 * that still knew the old history reload.  Everything begun before is held.
 * What the client kept of older checkpoints must not be used by save().
 */
may_yield must_check struct err *journal_repair_top(struct task *t,
    struct journal *j, uint64_t *top_r);
may_yield must_check struct err *journal_supersede(struct task *t,
    struct journal *j, uint64_t *seq_r);

#endif
