/* wj.h - the journal workload among its parts */
#ifndef SIM_WJ_H
#define SIM_WJ_H

#include "sim.h"
#include "storage/journal.h"

/*
 * A small client of the journal: rows that name files, tombstones, jobs with
 * one outcome each.  Its operations:
 *
 *	a,name[,source]	a row; its file was written, or linked from source's
 *	x,name		the row becomes a tombstone
 *	o,job		the job's outcome (under a token)
 *	p,text		padding: makes the record a file of its own
 *
 * A name is <txid>-0 of the entry that adds it.
 */
#define WJ_NAME (TXID_HEX + 3)
#define WJ_JOBS 64

struct wj_row {
	char name[WJ_NAME], source[WJ_NAME];
	uint64_t seq, gone; /* entries that made it and removed it */
};

struct wj_entry {
	uint64_t seq;
	struct txid txid;
};

/* One replica. */
struct wj_state {
	struct sim_node *n;
	struct journal *j;
	struct wj_row *rows;
	unsigned rows_n, rows_size;
	/* every entry that took effect, in order */
	struct wj_entry *entries;
	unsigned entries_n, entries_size;
	uint64_t jobs[WJ_JOBS]; /* entry with the outcome */
	uint64_t forgotten;
	/* checkpoints: a base, and the ops of entries since */
	struct buf delta;
	unsigned delta_n;
	uint64_t base_seq;
	struct journal_seg base; /* strings on the heap; kind.n == 0: none */
	bool save_base;
	struct str save_text;
	bool blind; /* the object is only used without its state */
};

extern const struct journal_client wj_client;
void wj_state_init(struct wj_state *s, struct sim_node *n);
/* The whole state as text; to compare, and to save. */
void wj_state_dump(const struct wj_state *s, struct buf *b);
/* NULL: neither row nor tombstone. */
const struct wj_row *wj_row(const struct wj_state *s, const char *name);

/* The omniscient side. */
enum wj_status { WJ_OPEN, WJ_ACKED, WJ_REFUSED, WJ_UNKNOWN };
struct wj_tx {
	struct txid txid;
	enum wj_status status;
	const char *what;
	char name[WJ_NAME]; /* of the row it adds or removes */
	bool spooled;	    /* acknowledged before it was committed */
	bool held;
};

struct wj_world {
	struct share_fh dir, log, msg;
	uint64_t log_o, ckpt_o, msg_o;
	/* which txid entry n has, since it was made */
	struct wj_dec {
		struct txid txid;
		uint64_t object, at_us;
		bool set;
	} * dec;
	uint64_t dec_size, top;
	struct wj_tx *txs;
	unsigned txs_n, txs_size;
	/* locks that the journal's jobs are under */
	uint64_t token;
	unsigned holder;
	unsigned forks;
	char *dump[SIM_NODES_MAX];
	uint64_t heads[SIM_NODES_MAX];
};

static inline struct wj_world *
wj_world(const struct sim_node *n)
{
	return n->w->app;
}

struct wj_world *wj_world_new(struct sim_world *w);
void wj_world_watch(struct sim_world *w);
/* Entries that are there already are history. */
void wj_world_catch_up(struct sim_world *w);
/* Index of a new transaction. */
unsigned wj_tx_new(struct sim_world *w, const struct txid *x, const char *what,
    const char *name);
void wj_acked(struct sim_node *n, unsigned tx);
void wj_refused(struct sim_node *n, unsigned tx, const struct err *e);
/* A replica applies an entry. */
void wj_applied(struct wj_state *s, const struct journal_entry *e);
/* The newest entry that is older than this, 0: none. */
uint64_t wj_older_than(const struct sim_world *w, uint64_t us);
bool wj_in_history(const struct wj_world *ww, const struct txid *x);
/* Directories, observer. */
void wj_setup(struct task *t, struct sim_node *n);
/* At the end: the replica is whole, and comes before the judge. */
may_yield void wj_finish(struct task *t, struct sim_node *n,
    struct wj_state *s);
void wj_check(struct sim_world *w);

#endif
