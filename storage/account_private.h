/* account_private.h - inside an open account; for storage/ only */
#ifndef STORAGE_ACCOUNT_PRIVATE_H
#define STORAGE_ACCOUNT_PRIVATE_H

#include "storage/account_ckpt.h"
#include "storage/account_state.h"
#include "storage/envseg.h"
#include "storage/message.h"

#define ACCOUNT_MONTH_HANDLES 16
#define ACCOUNT_DIR_MAX 1000000 /* names of one month directory we list */

struct account_month {
	uint16_t month;
	struct share_fh fh;
};

/* Copy of a journal_seg with strings of its own. */
struct account_seg {
	bool there;
	struct journal_seg seg;
};

struct account_env_row {
	uint32_t folder, uid;
	struct message_name name;
};

/* What save() decided, until saved() says that it was published; entries may be
 * applied in between. */
struct account_staged {
	bool active;
	struct account_ckpt_bases bases;
	unsigned gone; /* removed rows known when it was described */
	/* rows that got a place in the env segment this checkpoint adds */
	struct account_env_row *env_rows;
	unsigned env_n;
};

/* Merged bytes of the last `count` env segments, read by prepare(). */
struct account_merge {
	unsigned count;
	uint32_t start, end;
	char *bytes; /* of places start..end */
};

struct account {
	struct mailstore *ms;
	char *id;
	unsigned refs;
	uint64_t used; /* for the least recently used */
	bool located;
	bool detached;		/* handle stale or purged: not given out */
	struct task_mutex lock; /* locating */
	struct task_mutex month_lock;
	struct share_fh dir, msg;
	bool have_msg;
	struct account_month months[ACCOUNT_MONTH_HANDLES];
	unsigned month_n, month_next;

	struct journal *journal; /* NULL until located */
	struct account_state state;
	bool reset_due; /* before the next entry, unless loaded */
	struct account_ckpt_bases bases;
	struct account_seg rows_seg, tomb_seg;
	struct envs envs;
	struct account_staged staged;
	struct account_merge merge;

	/* head's totals, for a blind account */
	bool have_totals;
	struct account_totals totals;

	struct account_watch *watches;
	unsigned background;
	struct task_cond idle;
	uint64_t quota_head; /* head of the last published usage */
};

/* mailstore.c */

/* One more reference; an object without I/O behind it. */
struct account *mailstore_get(struct mailstore *ms, struct str id);
void mailstore_put(struct account *acc);
/* Handle of accounts/<xx>. fresh: what is known is not to be trusted. */
may_yield must_check struct err *mailstore_shelf(struct task *t,
    struct mailstore *ms, struct str id, bool fresh, struct share_fh *fh_r);
/* Handle of accounts/<xx>/<id>, for who needs no journal: one call, no object.
 * ERR_INVALID: no account's id; ERR_NOENT. */
may_yield must_check struct err *mailstore_account_dir(struct task *t,
    struct mailstore *ms, struct str id, struct share_fh *dir_r);
const struct journal_env *mailstore_journal_env(const struct mailstore *ms);
struct share *mailstore_share(const struct mailstore *ms);
struct sched *mailstore_sched(const struct mailstore *ms);
/* Packs of all accounts together. */
bool mailstore_pend_room(const struct mailstore *ms, size_t n);

/* LOOKUP; one without an answer is sent again. */
may_yield must_check struct err *mailstore_lookup(struct task *t,
    struct mailstore *ms, enum share_lane lane, const struct share_fh *dir,
    struct str name, struct share_fh *fh_r, struct share_attr *attr_r);

/* account.c */

extern const struct journal_client account_client; /* account_client.c */
/* Before the first entry of another history. */
void account_state_drop(struct account *acc);
struct account *account_new(struct mailstore *ms, struct str id);
void account_free(struct account *acc);
may_yield must_check struct err *account_locate(struct task *t,
    struct account *acc);
/* Its handle was ERR_STALE. */
may_yield must_check struct err *account_relocate(struct task *t,
    struct account *acc);
/* For changes: open, and loaded. */
may_yield must_check struct err *account_loaded(struct task *t,
    struct account *acc);
must_check struct err *account_writable(struct arena *a,
    const struct account *acc);
/* Handle of msg/<yyyymm>; create: make it if missing. */
may_yield must_check struct err *account_month_dir(struct task *t,
    struct account *acc, uint16_t month, bool create, struct share_fh *fh_r);
/* A handle was refused: look again. */
void account_month_forget(struct account *acc);
/* fn in a task of its own, counted for account_settle. */
void account_background(struct account *acc, const char *name,
    void (*fn)(struct task *t, struct account *acc));
void account_seg_set(struct account_seg *s, const struct journal_seg *seg);
void account_seg_clear(struct account_seg *s);

/* CREATEs of the folders of a new account that are missing. */
void account_default_folders(struct task *t, const struct account_state *s,
    struct buf *ops);

/* account_salvage.c */

/* Fills an empty state with what a damaged journal still says. */
may_yield must_check struct err *account_salvage(struct task *t,
    struct account *acc, struct account_state *state);

/* folder.c */

bool folder_is_below(struct str name, struct str above);

/* account_commit.c */

struct account_tx {
	struct journal_tx tx;
	struct account *acc;
	/* Writes the ops (record_op adds separators); never yields. May refuse,
	 * or set nothing: no entry is needed. */
	struct err *(
	    *compose)(struct task *t, struct account_tx *x, struct buf *ops);
	struct err *(*compose_blind)(struct task *t, struct account_tx *x,
	    const struct journal_entry *head, struct buf *ops,
	    struct buf *totals);
	void *arg;
	bool when_closed; /* allowed in a closed account */
	bool removes;	  /* must work on a full share */
	bool nothing;
	bool load; /* compose_blind needs the whole state */
};
void account_tx_init(struct task *t, struct account *acc, struct account_tx *x);

/* account_maintain.c: whether ages can be told here; false (logged): our clock
 * is ahead of the share's. */
may_yield must_check struct err *account_clock_is_sane(struct task *t,
    struct account *acc, bool *sane_r);
/* An entry that says what day it is, if the newest does not. */
may_yield must_check struct err *account_mark(struct task *t,
    struct account *acc);
/* NULL also for nothing (then seq_r is 0). */
may_yield must_check struct err *account_commit(struct task *t,
    struct account_tx *x);

/* account_env.c */

may_yield must_check struct err *account_env_prepare(struct task *t,
    struct account *acc);
/* The pack of a message's bytes as they come in. */
may_yield must_check struct err *account_env_parse(struct task *t,
    struct account *acc, const struct message *m, struct arena *a,
    struct str *pack_r);
void account_env_pend(struct account *acc, const struct message_name *name,
    struct str pack);
/* For save(): new places for what is pending; adds segments to w. */
void account_env_save(struct task *t, struct account *acc,
    struct ckpt_writer *w, uint64_t seq);
void account_env_unstage(struct account *acc);

/* message_write.c */

/* Keywords as operations write them, with blanks between; ERR_INVALID. */
must_check struct err *message_words_check(struct arena *a,
    const struct str *keywords, unsigned n, struct str *words_r);

/* message_file.c */

may_yield must_check struct err *message_lookup(struct task *t,
    struct account *acc, const struct message_name *name, struct share_fh *fh_r,
    struct share_attr *attr_r);
/* LINK file (known by handle) to name in acc; made again from its bytes where
 * links are impossible. */
may_yield must_check struct err *message_link(struct task *t,
    struct account *acc, const struct share_fh *file,
    const struct message_name *name);
may_yield must_check struct err *message_unlink(struct task *t,
    struct account *acc, const struct message_name *name);
/* Walks to the source an ADD names: in acc, or in another account. */
may_yield must_check struct err *message_source_lookup(struct task *t,
    struct account *acc, struct str source, struct share_fh *fh_r);

#endif
