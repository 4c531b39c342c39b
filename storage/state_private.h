/* state_private.h - for state*.c only: connections, queries, replicas */
#ifndef STORAGE_STATE_PRIVATE_H
#define STORAGE_STATE_PRIVATE_H

#include <sqlite3.h>

#include "storage/journal.h"
#include "storage/state.h"
#include "storage/state_ops.h"

/* A connection.  damaged: SQLite said that the file is not a sound database. */
struct state_db {
	sqlite3 *h;
	bool damaged;
};

/*
 * One statement, sticky error:
 *
 *	state_q_begin(&q, db, a, "SELECT .. WHERE name = ? AND n > ?", "ti",
 *	    name, (int64_t)n);
 *	while (state_q_row(&q))
 *		x = state_q_str(&q, 0);
 *	return state_q_end(&q);
 *
 * types, one letter per parameter: t struct str as text, b struct str as blob,
 * i int64_t, u uint64_t (ERR_LIMIT above INT64_MAX), n NULL (no argument).
 */
struct state_q {
	sqlite3_stmt *s;
	struct state_db *db;
	struct arena *a;
	const struct state *st; /* while state_q_list() reads */
	struct err *err;
	bool done;
};
void state_q_begin(struct state_q *q, struct state_db *db, struct arena *a,
    const char *sql, const char *types, ...);
bool state_q_row(struct state_q *q);
must_check struct err *state_q_end(struct state_q *q);
struct str state_q_str(struct state_q *q, int col); /* copied; blobs too */
int64_t state_q_i64(struct state_q *q, int col);
uint64_t state_q_u64(struct state_q *q, int col); /* negative: 0 */
/* A statement without rows. */
must_check struct err *state_run(struct state_db *db, struct arena *a,
    const char *sql, const char *types, ...);
/* Whether the last statement, which went well, changed or removed a row. */
bool state_did(const struct state_db *db);
/* Whether there is a row. */
must_check struct err *state_exists(struct state_db *db, struct arena *a,
    bool *yes_r, const char *sql, const char *types, ...);
/* First column of the first row, 0 if there is none. */
must_check struct err *state_number(struct state_db *db, struct arena *a,
    int64_t *n_r, const char *sql, const char *types, ...);
must_check struct err *state_exec(struct state_db *db, struct arena *a,
    const char *sql);
/* err for a result code of db. */
must_check struct err *state_db_err(struct state_db *db, struct arena *a,
    int rc);

/* What a business function works with. */
struct state_tx {
	struct state *st;
	struct state_db *db;
	struct arena *a;
	const char *by;
	int64_t now_s;
	const struct rnd *rnd;
};

/* Reading: *db_r is inside one read transaction until state_read_end. */
must_check struct err *state_read_begin(struct arena *a, struct state *st,
    struct state_db **db_r);
void state_read_end(struct state *st);

/* state_audit.c */
must_check struct err *state_audit(struct state_tx *x, const char *what,
    struct str object, struct str detail);
/* STATE_ID_CHARS random base32 characters. */
struct str state_random_id(struct arena *a, const struct rnd *r);

/* Secret columns. Sealing nothing gives nothing. */
struct str state_seal(struct state_tx *x, const char *column, struct str id,
    struct str clear);
must_check struct err *state_unseal(struct arena *a, const struct state *st,
    const char *column, struct str id, struct str sealed, struct str *clear_r);

/* Arrays that grow in an arena. */
void *state_list_add(struct arena *a, void *list, unsigned *n, size_t size);

/*
 * How rows become such an array: read fills in a row of size bytes, and leaves
 * in q->err what it could not; q->st is the state, whose secrets it may open.
 */
struct state_rows {
	size_t size;
	void (*read)(struct state_q *q, void *row);
	uint32_t schema; /* for state_list(): there are none below it */
};
extern const struct state_rows state_rows_str; /* struct str: column 0 */
/* All rows of q, which ends here.  list_r: a struct x **. */
must_check struct err *state_q_list(struct state_q *q, const struct state *st,
    const struct state_rows *rows, void *list_r, unsigned *n_r);
/* Of one statement, in a read of its own. */
must_check struct err *state_list(struct arena *a, struct state *st,
    const struct state_rows *rows, void *list_r, unsigned *n_r, const char *sql,
    const char *types, ...);

/* Inside a transaction, for composing business functions. */
must_check struct err *state_domain_get_in(struct state_db *db, struct arena *a,
    struct str name, bool *suspended_r, uint64_t *quota_default_r,
    uint64_t *accounts_max_r);
struct state_domain_rules;
must_check struct err *state_domain_rules_in(struct state_db *db,
    struct arena *a, const struct state *st, struct str name,
    struct state_domain_rules *r_r);
/* ERR_DUPLICATE with a sentence if anything has this address. */
must_check struct err *state_address_is_free(struct state_db *db,
    struct arena *a, struct str address);
/* Number and text of a setting on any connection. */
must_check struct err *state_setting_get_in(struct state_db *db,
    struct arena *a, int id, uint64_t *number_r, struct str *text_r,
    bool *is_default_r);
/* Setting as number; the default if it cannot be read. */
uint64_t state_setting_u64_in(struct state_db *db, struct arena *a, int id);

/* state_key.c: the row, without an audit; id, created are filled in. */
struct state_cluster_key;
must_check struct err *state_key_insert(struct state_tx *x,
    struct state_cluster_key *k);
/* Activate, or retire. */
must_check struct err *state_key_stage(struct state_tx *x, struct str id,
    bool active);
/* state_change.c: ERR_CONFLICT with a sentence below STATE_SENDING_SCHEMA, and
 * below STATE_CONSOLE_SCHEMA. */
must_check struct err *state_sending_check(struct state_tx *x);
must_check struct err *state_console_check(struct state_tx *x);
/* Where the generation of a new row begins: at random, so that sessions of
 * somebody who had its name before are not sessions of this one. */
int64_t state_generation(struct state_tx *x);

/* state_admin.c: an account's address is given up, a domain removed; who
 * administrated as that, or only that, does no more, and nor do his tokens.
 * ERR_CONFLICT: it is the last administrator of role system. */
must_check struct err *state_admin_account_goes(struct state_tx *x,
    struct str address);
must_check struct err *state_admin_domain_goes(struct state_tx *x,
    struct str domain);
/* state_admin_invite.c: who made them, or who administrates as an account of
 * the domain, could not make them any more. */
must_check struct err *state_admin_invites_end(struct state_tx *x,
    struct str login);
must_check struct err *state_admin_invites_end_domain(struct state_tx *x,
    struct str domain);

/* state_tag.c, inside the transaction: is what this task expects still so?
 * ERR_CONFLICT.  state_expect_met: the change was made. */
must_check struct err *state_expect_check(struct task *t, struct state *st,
    struct state_db *db, struct arena *a);
void state_expect_met(struct task *t, struct state *st);
/* state_route.c: a pattern in its one form. */
must_check struct err *state_route_pattern(struct arena *a, struct str in,
    struct str *pattern_r);

/* state_schema.c: statements that raise the schema to version 1, 2, ... */
extern const char *const state_schema_steps[STATE_SCHEMA];
/* Local tables of every replica. */
extern const char state_schema_local[];

/* --- replicas (state_replica.c) --- */

struct state_replica {
	struct state_db rw, ro; /* ro.h opened when first needed */
	char *local;		/* directory; NULL: in memory */
	char name[40];		/* file in it: state.<random>.db */
	uint64_t seq;		/* meta, as last read */
	struct txid txid;
	uint32_t schema;
	uint64_t sum; /* state_sum.c */
};

/* What all replicas of one state have in common. */
struct state_ident {
	char share[33]; /* UUID */
	char key[CLUSTERKEY_ID_CHARS + 1];
	const char *synchronous;
	uint32_t schema_max;
	const char *const *extra_steps; /* above STATE_SCHEMA (tests) */
};

/*
 * Files: <local>/state.db is a symbolic link to state.<random>.db, so that a
 * replica is replaced by one rename and its -wal and -shm, which SQLite finds
 * by the name of the link's target, are never taken for another's.  Processes
 * that still have the old one open read it until they look again.
 */
must_check struct err *state_replica_new(struct arena *a,
    const struct state_ident *id, const char *local, const struct rnd *rnd,
    struct state_replica **r_r);
/* ERR_NOENT; ERR_FOREIGN: of another share or key; ERR_CORRUPT. */
must_check struct err *state_replica_open(struct arena *a,
    const struct state_ident *id, const char *local, bool check,
    struct state_replica **r_r);
/* From the bytes of a snapshot; checked. */
must_check struct err *state_replica_restore(struct arena *a,
    const struct state_ident *id, const char *local, const struct rnd *rnd,
    struct str bytes, struct state_replica **r_r);
/* Make r what state.db names; old's files (may be NULL) are removed. */
must_check struct err *state_replica_publish(struct arena *a,
    struct state_replica *r, const struct state_replica *old);
/* Closes; remove: its files go, too (one that was never published). */
void state_replica_free(struct state_replica **r, bool remove);
/* Whether state.db names another file now. */
bool state_replica_is_replaced(const struct state_replica *r);
must_check struct err *state_replica_reader(struct arena *a,
    struct state_replica *r, struct state_db **db_r);
/* Reads seq, txid, schema through db into r. */
must_check struct err *state_replica_meta(struct arena *a,
    struct state_replica *r, struct state_db *db);
must_check struct err *state_replica_txid_at(struct arena *a,
    struct state_replica *r, uint64_t seq, struct txid *x_r);
must_check struct err *state_replica_has_txid(struct arena *a,
    struct state_replica *r, const struct txid *x, bool *yes_r);
/* Remove left-over files that nothing names, an hour after their last write. */
void state_replica_sweep(const char *local, int64_t wall_s);

/* state_apply.c.  ERR_CONFLICT: the entry does not fit the replica; ERR_FORMAT:
 * a schema we do not know; anything else is the local file's fault.  Nothing
 * was changed on error. low: everything between it and seq said nothing. */
must_check struct err *state_replica_apply(struct arena *a,
    struct state_replica *r, const struct state_ident *id, uint64_t low,
    uint64_t seq, const struct txid *txid, const struct state_op *op);
/* state_sum.c: over all replicated values; what a changeset adds to it. */
uint64_t state_sum_changeset(struct str changeset);
must_check struct err *state_sum_all(struct state_db *db, struct arena *a,
    uint64_t *sum_r);

/* Apply and roll back. */
must_check struct err *state_replica_trial(struct arena *a,
    struct state_replica *r, struct str changeset);
/* Inside a transaction: run fn under a session; changeset_r in the arena
 * (empty: nothing changed). Rolled back in any case. */
must_check struct err *state_replica_record(struct state_replica *r,
    struct state_tx *x, state_fn fn, void *arg, struct str *changeset_r);

/* A snapshot: VACUUM INTO a new file beside the replica (in memory: bytes).
 * blocking_: with a connection of its own. */
struct state_snapshot {
	const char *from, *to; /* files; from NULL: in memory */
	sqlite3 *memory;
	struct err *err; /* of arena, which is the job's own */
	struct arena *arena;
	struct str bytes; /* in memory */
	uint64_t seq;
	uint32_t schema;
	unsigned char sha256[32];
};
void blocking_state_snapshot(void *arg);
char *state_replica_temp(struct arena *a, const char *local,
    const struct rnd *rnd, const char *suffix);

/* --- the journal's client (state_feed.c) --- */

/*
 * Entries come in order, but those that say nothing (NOOPs, repeated txids) may
 * be missing; `given` is the last that came.  The replica's own number may be
 * higher (another process of the node applied more) or, when something is
 * wrong, lower.
 */
struct state_feed {
	struct state *st;
	struct journal *j;
	struct state_replica *r; /* NULL: the state's own */
	struct journal *own;	 /* being rebuilt: the journal it is read by */
	struct arena *big;	 /* a snapshot that comes or goes */
	uint64_t given;
	bool keep;  /* the first load may keep what the replica holds */
	bool fresh; /* being rebuilt: an entry that fails now is fatal */
	const char *broken;	/* heap; why the replica must be rebuilt */
	enum err_code fatal;	/* why the journal was stopped, if by us */
	const char *fatal_text; /* heap */
	struct err *local;	/* fresh: the local file failed */
};
extern const struct journal_client state_feed_client;
void state_feed_break(struct state_feed *f, const char *why);
void state_feed_clear(struct state_feed *f);
/* Frees what the feed owns, wherever its task was abandoned. */
void state_feed_end(struct state_feed *f);

struct state {
	struct state_conf conf;
	struct state_ident ident;
	struct journal_env env;
	struct journal *j; /* NULL until the share was seen */
	struct share_fh dir;
	struct state_replica *r;
	struct state_feed feed;
	struct state_feed *fresh;   /* while it is being rebuilt */
	enum err_code journal_code; /* why the journal stopped, if it did */
	char *journal_text;
	struct task_mutex rebuild;
	bool reading;
	bool stuck; /* rebuilt, and it failed again: read-only */
	struct state_expect *expects; /* of tasks, state_tag.h */
	unsigned char secret_key[32];
	uint64_t rebuilds; /* for tests and metrics */
};
/* Follow a replica that another process put in place. */
must_check struct err *state_follow(struct arena *a, struct state *st);
/* Put r in the place of the state's replica. */
must_check struct err *state_install(struct arena *a, struct state *st,
    struct state_replica *r);

#endif
