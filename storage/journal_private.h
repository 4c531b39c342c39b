/* journal_private.h - the parts of the journal among themselves */
#ifndef STORAGE_JOURNAL_PRIVATE_H
#define STORAGE_JOURNAL_PRIVATE_H

#include "base/safeguard.h"
#include "storage/journal.h"

/*
 *	journal.c		object, reading on, applying entries
 *	journal_call.c		calls on its connection, directories
 *	journal_fetch.c		reading entries, many at once
 *	journal_load.c		cold: newest checkpoint and tail; the short way
 *	journal_commit.c	appending one entry, unknown outcomes
 *	journal_redo.c		a server that forgot: redo and fork
 *	journal_known.c		txids of the past
 *	journal_manifest.c	the text of a published checkpoint
 *	journal_seg.c		segments: reading
 *	journal_ckpt.c		checkpoints: writing and publishing
 *	journal_collect.c	what may go
 *	journal_task.c		what runs in the background
 *	journal_check.c		check and doctor
 *	journal_repair.c	superseding one that cannot be read
 *
 * Connections.  Every conclusion about a journal is drawn on one connection of
 * lane COMMIT, j->conn: all its calls there are pinned to it.  On another one
 * journal_connect() does the redo first.
 */

#define JOURNAL_TRIES 6	    /* of reading, when answers are lost */
#define JOURNAL_RETRY_MS 20 /* first pause between them, then doubled */
#define JOURNAL_RETRY_MAX_MS 1000
#define JOURNAL_COMMIT_MS 30000 /* a commit's time without a deadline */
#define JOURNAL_GIVEUP_MS 10000 /* and for settling it afterwards */
#define JOURNAL_WINDOW 32	/* calls under way at once */
#define JOURNAL_DIR_MAX 1000000 /* names in log/ or seg/ */
#define JOURNAL_MANIFEST_MAX (1U << 20)
#define JOURNAL_SEGS_MAX 64
#define JOURNAL_SEG_MAX (1ULL << 36)  /* bytes; larger is damage */
#define JOURNAL_READ_MAX (128U << 20) /* of a segment read whole */
#define JOURNAL_KIND_MAX 16

/* The bytes of an entry seen on a connection, until a reply comes on it 60 s
 * later. Heap. */
struct journal_kept {
	struct journal_kept *next;
	uint64_t seq, conn, seen_ms;
	struct txid txid, prev;
	struct str text;
	struct str ops; /* of seg/<txid>.rec */
	bool counted;	/* it had no effect: a known, voided or stale one */
};

/* An entry as it is read, in the arena. */
struct journal_in {
	uint64_t seq;
	struct share_fh fh;
	struct str text, ops;
	struct record rec;
	struct err *err;	    /* ERR_NOENT, ERR_CORRUPT, ERR_FORMAT */
	bool rec_gone;		    /* seg/<txid>.rec is not there */
	struct share_attr dir_attr; /* of log/, with the LOOKUP */
	bool dir_attr_ok;
	struct journal_call *c;
};

/* txid vector, ascending by number; KNOWN_VOID marks a voided one. */
#define KNOWN_VOID (1ULL << 63)
#define KNOWN_ROW_BYTES 24
struct known_row {
	uint64_t seq; /* of the entry, or of the one that voided it */
	struct txid txid;
};
struct known {
	struct known_row *rows;
	size_t n, size;
	uint32_t *index;
	size_t index_size;
};

struct manifest {
	struct journal_ckpt ckpt;
	uint64_t token, forget_at, forgot;
	struct str text; /* as published, or as in its file */
	struct str file; /* its name in seg/, if it has one */
};

/* READDIR(ckpt). */
struct journal_name {
	uint64_t seq;
	struct share_fh fh; /* n == 0: not given */
};
struct journal_ckpts {
	struct journal_name *v; /* descending */
	unsigned n;
	uint64_t top;
	bool purged;
};

struct journal_segfh {
	char *name;
	struct share_fh fh;
};

enum journal_mode {
	JOURNAL_COLD,
	JOURNAL_BLIND, /* only the head is known */
	JOURNAL_LOADED
};

struct journal {
	const struct journal_env *env;
	struct store *st;
	struct share *share;
	struct sched *sched;
	const struct journal_client *client;
	void *arg;
	char *label;
	struct share_fh dir, log, ckpt, seg;
	bool have_dirs;
	struct task_mutex lock;

	enum journal_mode mode;
	uint64_t load_gen; /* rises when the state is replaced */
	uint64_t head, peek_head;
	struct txid head_txid;
	struct share_fh head_fh; /* n == 0: not known */
	char *head_totals;	 /* blind only */
	bool head_ours, head_counted;
	struct known known;
	uint64_t token, forget_at, forgot;
	bool purged;
	enum err_code ro_code; /* ERR_NONE: writable */
	char *ro_text;
	uint64_t ro_seq; /* the entry that was reported */

	/* the connection, and what must be there on the next */
	uint64_t conn;
	struct journal_kept *kept, *kept_tail; /* ascending */
	bool redoing; /* kept entries are looked at: none may go */
	struct journal_kept *again; /* of a fork: to be appended again */
	bool fork_open, fork_told;  /* to be told; the client's entry is in */
	unsigned load_depth;
	bool appending;

	/* log/ as it was when ckpt/ was last read */
	struct share_attr log_attr;
	bool log_attr_ok;
	uint64_t ckpt_top, ckpt_older;
	/* an older checkpoint that waits for its collection, seen when */
	uint64_t collect_seq, collect_seen_ms;
	uint64_t ckpt_bad; /* could not be read: a new one is due */
	uint64_t collected;

	/* the checkpoint loaded or last saved; own arena */
	struct arena *base_arena;
	struct manifest base;
	uint64_t known_base_upto;
	struct journal_segfh segfh[JOURNAL_SEGS_MAX];
	unsigned segfh_n;

	/* orphans among the .rec files: unknown since */
	struct journal_orphan *orphans;

	/* background */
	struct timer timer;
	unsigned bg_running;
	bool saving;
	uint64_t ckpt_wanted; /* by our commit of this number */
	uint64_t bg_not_before_ms;
	struct task_cond bg_cond;
	uint64_t last_entry_ms;
};

/* -- journal_call.c, journal.c */
may_yield void journal_lock(struct task *t, struct journal *j);
void journal_unlock(struct task *t, struct journal *j);

/* A call of lane COMMIT on j->conn; lives on until journal_wait(). */
struct journal_call {
	struct share_op op;
	uint64_t sent_ms;
};
void journal_call_init(const struct journal *j, struct journal_call *c,
    enum share_proc proc, const struct share_fh *fh);
void journal_send(struct task *t, struct journal *j, struct journal_call *c);
/* ERR_CONN also when it was answered on another connection. */
may_yield must_check struct err *journal_wait(struct task *t, struct journal *j,
    struct journal_call *c);
may_yield must_check struct err *journal_call(struct task *t, struct journal *j,
    struct journal_call *c);
/* Whether e is worth another try of reading; pauses. */
may_yield bool journal_retry(struct task *t, struct journal *j,
    const struct err *e, unsigned *tries);
may_yield must_check struct err *journal_dirs(struct task *t,
    struct journal *j);
/* On the present connection, after the redo if it is a new one. */
may_yield must_check struct err *journal_connect(struct task *t,
    struct journal *j);
/* The names of the READDIR c, which was sent: the rest of it too. */
may_yield must_check struct err *journal_wait_names(struct task *t,
    struct journal *j, struct journal_call *c, struct share_dirent **first_r);
may_yield must_check struct err *journal_wait_ckpts(struct task *t,
    struct journal *j, struct journal_call *c, struct journal_ckpts *k_r);
may_yield must_check struct err *journal_read_ckpts(struct task *t,
    struct journal *j, struct journal_ckpts *k_r);
must_check struct err *journal_purged_err(struct task *t);
bool journal_attr_same(const struct share_attr *a, const struct share_attr *b);

/* Entry in is head + 1, read by the reader's rule, its prev_txid fits.
 * ERR_CORRUPT, ERR_FORMAT: not applied, read-only now. */
must_check struct err *journal_apply(struct task *t, struct journal *j,
    const struct journal_in *in, bool ours);
/* Warm: from the head on; first may be what was read of head + 1. */
may_yield must_check struct err *journal_advance(struct task *t,
    struct journal *j, const struct journal_in *first);
/* By load or advance; tries again. */
may_yield must_check struct err *journal_sync(struct task *t,
    struct journal *j);
void journal_set_readonly(struct task *t, struct journal *j, enum err_code code,
    uint64_t seq, const char *text);
void journal_keep(struct journal *j, uint64_t seq, const struct txid *txid,
    const struct txid *prev, struct str text, struct str ops, bool counted);
void journal_kept_free(struct journal_kept **list);
void journal_totals(struct task *t, struct journal *j, struct str ops,
    struct buf *out);
void journal_cold(struct journal *j);
void journal_note_ckpts(struct journal *j, const struct journal_ckpts *k);

/* -- journal_fetch.c: entries by number, results per entry in its err.  Every
 * _send is followed by its _wait, which waits for all. */
void journal_fetch_lookup_send(struct task *t, struct journal *j,
    struct journal_in *v, unsigned n);
may_yield must_check struct err *journal_fetch_lookup_wait(struct task *t,
    struct journal *j, struct journal_in *v, unsigned n);
void journal_fetch_read_send(struct task *t, struct journal *j,
    struct journal_in *v, unsigned n);
may_yield must_check struct err *journal_fetch_read_wait(struct task *t,
    struct journal *j, struct journal_in *v, unsigned n);
/* The operations that are not in the link. */
may_yield must_check struct err *journal_fetch_recs(struct task *t,
    struct journal *j, struct journal_in *v, unsigned n);
/* All of that, in windows: the links, and also the operations. */
may_yield must_check struct err *journal_fetch_links(struct task *t,
    struct journal *j, struct journal_in *v, unsigned n);
may_yield must_check struct err *journal_fetch(struct task *t,
    struct journal *j, struct journal_in *v, unsigned n);

/* -- journal_load.c */
may_yield must_check struct err *journal_load(struct task *t,
    struct journal *j);

/* -- journal_redo.c */
may_yield must_check struct err *journal_redo(struct task *t,
    struct journal *j);
may_yield must_check struct err *journal_fork(struct task *t, struct journal *j,
    const char *why);
/* Append what a fork left behind. Lock held. */
may_yield must_check struct err *journal_append_again(struct task *t,
    struct journal *j);

/* -- journal_commit.c: with the lock held */
may_yield must_check struct err *journal_commit_locked(struct task *t,
    struct journal *j, struct journal_tx *tx);
/* All that was executed before is durable. ERR_CONN: begin again. */
may_yield must_check struct err *journal_barrier(struct task *t,
    struct journal *j);
may_yield must_check struct err *journal_put_rec(struct task *t,
    struct journal *j, const struct txid *txid, struct str ops);

/* -- journal_known.c */
void known_clear(struct known *k);
void known_add(struct known *k, uint64_t seq, const struct txid *x);
/* Row's seq with its mark, 0: not there. */
uint64_t known_find(const struct known *k, const struct txid *x);
/* The txid of entry seq, NULL: not known. */
const struct txid *known_at(const struct known *k, uint64_t seq);
void known_forget(struct known *k, uint64_t upto);
/* Rows above `from` as bytes of a segment. */
void known_write(const struct known *k, uint64_t from, struct buf *b);
/* Append a segment's rows above forgot; false: not such a segment. */
bool known_read(struct known *k, struct str data, uint64_t forgot,
    uint64_t upto);

/* -- journal_manifest.c */
void manifest_format(struct buf *b, const struct manifest *m);
must_check struct err *manifest_parse(struct arena *a, struct str text,
    struct manifest *m_r);
/* "@<bytes>:<sha256>:<name>" */
struct manifest_ref {
	uint64_t bytes;
	unsigned char sha256[32];
	struct str name;
};
void manifest_ref_format(struct buf *b, const struct manifest_ref *r);
bool manifest_ref_parse(struct str text, struct manifest_ref *r_r);
/* <16 digits>-<16 hex>.<kind> */
bool seg_name_parse(struct str name, uint64_t *seq_r, struct str *kind_r);

/* -- journal_seg.c */
/* The manifest behind a link's text. ERR_CORRUPT, ERR_FORMAT, ERR_NOENT. */
may_yield must_check struct err *journal_manifest(struct task *t,
    struct journal *j, struct str link, struct manifest *m_r);
/* The txids that checkpoint m knows. */
may_yield must_check struct err *journal_seg_known(struct task *t,
    struct journal *j, const struct manifest *m, struct known *k_r);
/* Handles of m's segments, in as few calls as there can be. */
struct journal_lookups;
struct journal_lookups *journal_segs_send(struct task *t, struct journal *j,
    const struct manifest *m);
may_yield must_check struct err *journal_segs_wait(struct task *t,
    struct journal *j, struct journal_lookups *l);
/* Reading whole segments: begun (what is known already), and ended. */
struct seg_run;
may_yield must_check struct err *seg_run_begin(struct task *t,
    struct journal *j, const struct journal_seg *segs, unsigned n,
    struct arena *a, struct seg_run **r_r);
may_yield must_check struct err *seg_run_end(struct task *t, struct seg_run **r,
    struct str *data_r);
/* The journal's own segments, picked from m. */
unsigned journal_known_segs(struct task *t, const struct manifest *m,
    struct journal_seg **segs_r);
/* Their content as rows; false: damaged. */
bool journal_known_load(const struct manifest *m,
    const struct journal_seg *segs, const struct str *data, unsigned n,
    struct known *k, uint64_t *base_upto_r);
void journal_segfh_clear(struct journal *j);
void journal_segfh_add(struct journal *j, struct str name,
    const struct share_fh *fh);
const struct share_fh *journal_segfh_find(const struct journal *j,
    struct str name);
void journal_set_base(struct journal *j, const struct manifest *m,
    uint64_t known_base_upto);

/* -- journal_collect.c, journal_ckpt.c, journal_task.c */
may_yield must_check struct err *journal_collect(struct task *t,
    struct journal *j);
/* Note the older checkpoint, unless one is waiting already. */
void journal_collect_next(struct journal *j);
bool journal_collect_is_due(const struct journal *j);
may_yield must_check struct err *journal_checkpoint(struct task *t,
    struct journal *j, bool force);
bool journal_ckpt_is_due(const struct journal *j);
void journal_orphans_free(struct journal *j);
/* A commit was made here; and: start or time what is due. */
void journal_committed(struct journal *j, uint64_t seq);
void journal_arm(struct journal *j);

#endif
