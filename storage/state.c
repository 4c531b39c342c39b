/* state.c - the replicated state: opening, following, changing, rebuilding */
#include "storage/state.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "base/log.h"
#include "storage/state_private.h"

#define STATE_SECRET_LABEL "shoal state secret"
#define STATE_DIR "state"
#define STATE_REBUILD_TRIES 3

/* --- opening --- */

static void
state_ident_init(struct state_ident *id, const struct state_conf *c)
{
	static const char digits[] = "0123456789abcdef";
	unsigned i;

	for (i = 0; i < 16; i++) {
		id->share[2 * i] = digits[c->store->uuid[i] >> 4];
		id->share[2 * i + 1] = digits[c->store->uuid[i] & 15];
	}
	id->share[32] = '\0';
	clusterkey_id(&c->key, id->key);
	id->synchronous = c->synchronous != NULL ? c->synchronous : "NORMAL";
	id->schema_max = c->schema_max != 0 ? c->schema_max : STATE_SCHEMA;
	id->extra_steps = c->extra_steps;
}

static struct state *
state_alloc(const struct state_conf *c)
{
	struct state *st = xcalloc(1, sizeof(*st));

	st->conf = *c;
	if (c->local != NULL)
		st->conf.local = xstrdup(c->local);
	if (c->synchronous != NULL)
		st->conf.synchronous = xstrdup(c->synchronous);
	state_ident_init(&st->ident, &st->conf);
	st->env = (struct journal_env){ .store = c->store,
		.no_background = c->no_background,
		.offload = c->offload,
		.ckpt_every = c->ckpt_every };
	st->feed = (struct state_feed){ .st = st, .keep = true };
	clusterkey_derive(&c->key, STATE_SECRET_LABEL, st->secret_key);
	task_mutex_init(&st->rebuild);
	return st;
}

void
state_close(struct state **st)
{
	struct state *x = *st;

	*st = NULL;
	if (x == NULL)
		return;
	journal_free(&x->j);
	if (x->fresh != NULL) { /* its task was abandoned */
		state_feed_end(x->fresh);
		free(x->fresh);
	}
	state_feed_end(&x->feed);
	state_replica_free(&x->r, false);
	free(x->journal_text);
	crypto_wipe(x->secret_key, sizeof(x->secret_key));
	clusterkey_wipe(&x->conf.key);
	free((char *)x->conf.local);
	free((char *)x->conf.synchronous);
	free(x);
}

/* The replica on disk, or a new, empty one. */
static struct err *
state_open_replica(struct task *t, struct state *st)
{
	struct arena *a = task_arena(t);
	struct state_replica *r;
	struct err *e;

	if (st->conf.local != NULL) {
		e = state_replica_open(a, &st->ident, st->conf.local,
		    st->conf.check_at_open, &st->r);
		if (e == NULL) {
			state_replica_sweep(st->conf.local, task_wall_s(t));
			return NULL;
		}
		if (st->conf.replica_only)
			return e;
		if (!err_is(e, ERR_NOENT))
			log_warn(t, "local replica of the state dropped",
			    LOG_ERR(e));
	}
	e = state_replica_new(a, &st->ident, st->conf.local,
	    sched_rnd(task_sched(t)), &r);
	return e != NULL ? e : state_install(a, st, r);
}

static may_yield struct err *
state_open_journal(struct task *t, struct state *st)
{
	struct err *e;

	if (st->j != NULL)
		return NULL;
	e = share_walk(t, st->conf.store->share, SHARE_LANE_COMMIT,
	    STR(STATE_DIR), &st->dir, NULL);
	if (e != NULL)
		return e;
	if (st->j != NULL) /* by another task, meanwhile */
		return NULL;
	st->j = journal_new(&st->env, &st->dir, STATE_DIR, &state_feed_client,
	    &st->feed);
	st->feed.j = st->j;
	return NULL;
}

/* What there is locally will do until the share is back. */
static bool
state_open_may_stale(const struct state *st, const struct err *e)
{
	return share_err_is_temporary(e) && st->r->schema > 0 &&
	       st->feed.broken == NULL;
}

static may_yield struct err *
state_open_any(struct task *t, const struct state_conf *c, struct state **st_r,
    bool *stale_r)
{
	struct state *st = state_alloc(c);
	struct err *e;

	*st_r = NULL;
	*stale_r = false;
	e = state_open_replica(t, st);
	if (e == NULL)
		e = state_refresh(t, st);
	if (e != NULL && st->r != NULL && state_open_may_stale(st, e)) {
		*stale_r = true;
		e = NULL;
	}
	if (e == NULL && st->feed.fatal == ERR_DENIED)
		e = state_readonly(task_arena(t), st);
	if (e != NULL)
		state_close(&st);
	*st_r = st;
	return e;
}

struct err *
state_open(struct task *t, const struct state_conf *c, struct state **st_r,
    bool *stale_r)
{
	struct arena *a = task_arena(t);
	struct err *e;
	bool stale;

	e = state_open_any(t, c, st_r, &stale);
	if (stale_r != NULL)
		*stale_r = stale;
	if (e != NULL || (*st_r)->r->schema > 0)
		return e;
	e = state_readonly(a, *st_r);
	if (e == NULL)
		e = err_new(a, ERR_NOENT,
		    "the share has no state: its initialisation was not "
		    "finished, repeat it",
		    NULL);
	state_close(st_r);
	return e;
}

struct err *
state_create(struct task *t, const struct state_conf *c)
{
	struct state_conf conf = *c;
	struct state *st;
	struct share_fh dir;
	struct err *e;
	bool stale;

	conf.no_background = true;
	e = share_mkdir_path(t, c->store->share, SHARE_LANE_ADMIN,
	    STR(STATE_DIR), &dir);
	if (e == NULL)
		e = journal_mkdirs(t, c->store, &dir);
	if (e == NULL)
		e = state_open_any(t, &conf, &st, &stale);
	if (e != NULL)
		return e;
	if (stale)
		e = err_new(task_arena(t), ERR_UNAVAIL,
		    "the share cannot be reached", NULL);
	else
		e = state_schema_raise(t, st, st->ident.schema_max);
	state_close(&st);
	return e;
}

/* --- replicas --- */

struct err *
state_install(struct arena *a, struct state *st, struct state_replica *r)
{
	struct err *e;

	e = state_replica_publish(a, r, st->r);
	if (e != NULL) {
		state_replica_free(&r, true);
		return e;
	}
	state_replica_free(&st->r, false);
	st->r = r;
	return NULL;
}

struct err *
state_follow(struct arena *a, struct state *st)
{
	struct state_replica *r;
	struct err *e;

	if (!state_replica_is_replaced(st->r))
		return NULL;
	e = state_replica_open(a, &st->ident, st->conf.local, false, &r);
	if (e != NULL)
		return e;
	state_replica_free(&st->r, false);
	st->r = r;
	return NULL;
}

struct err *
state_read_begin(struct arena *a, struct state *st, struct state_db **db_r)
{
	struct err *e;

	invariant(!st->reading);
	e = state_follow(a, st);
	if (e == NULL)
		e = state_replica_reader(a, st->r, db_r);
	if (e == NULL)
		e = state_exec(*db_r, a, "BEGIN");
	st->reading = e == NULL;
	return e;
}

void
state_read_end(struct state *st)
{
	struct state_db *db = st->r->local != NULL ? &st->r->ro : &st->r->rw;

	invariant(st->reading);
	st->reading = false;
	sqlite3_exec(db->h, "COMMIT", NULL, NULL, NULL);
	if (db->damaged && !st->stuck)
		state_feed_break(&st->feed, "reading found damage");
}

/* Read all of the journal into a new replica. */
static may_yield struct err *
state_rebuild_read(struct task *t, struct state *st, struct state_feed *f)
{
	struct journal_env env = st->env;
	struct err *e;

	env.no_background = true;
	e = state_replica_new(task_arena(t), &st->ident, st->conf.local,
	    sched_rnd(task_sched(t)), &f->r);
	if (e != NULL)
		return e;
	f->own = journal_new(&env, &st->dir, STATE_DIR, &state_feed_client, f);
	f->j = f->own;
	e = journal_refresh(t, f->own);
	journal_settle(t, f->own);
	journal_free(&f->own);
	if (f->fatal != ERR_NONE)
		return NULL; /* up to the entry before */
	return e != NULL ? e : f->local;
}

/* It failed on a replica that was made from the journal alone. */
static void
state_rebuild_stick(struct task *t, struct state *st, struct state_feed *f)
{
	st->stuck = true;
	st->feed.fatal = f->fatal;
	free((char *)st->feed.fatal_text);
	st->feed.fatal_text = f->fatal_text;
	f->fatal_text = NULL;
	log_alarm(t, "state is read-only on this node",
	    LOG_U64("seq", st->r->seq), LOG_C("why", st->feed.fatal_text));
}

static may_yield struct err *
state_rebuild_run(struct task *t, struct state *st)
{
	struct state_feed *f = xcalloc(1, sizeof(*f));
	struct err *e;

	*f = (struct state_feed){ .st = st, .fresh = true };
	st->fresh = f;
	e = state_rebuild_read(t, st, f);
	if (e == NULL) {
		e = state_install(task_arena(t), st, f->r);
		f->r = NULL;
	}
	if (e == NULL && f->fatal != ERR_NONE) {
		state_rebuild_stick(t, st, f);
	} else if (e == NULL && st->r->seq >= st->feed.given) {
		st->rebuilds++;
		log_info(t, "state replica rebuilt", LOG_U64("seq", st->r->seq),
		    LOG_C("why", st->feed.broken));
		state_feed_clear(&st->feed);
	} /* else entries came meanwhile: still broken, again */
	state_feed_end(f);
	free(f);
	st->fresh = NULL;
	return e;
}

static may_yield struct err *
state_rebuild(struct task *t, struct state *st)
{
	struct err *e = NULL;

	unsigned tries;

	task_lock(t, &st->rebuild);
	for (tries = 0; tries < STATE_REBUILD_TRIES && e == NULL &&
			st->feed.broken != NULL && !st->stuck;
	     tries++)
		e = state_rebuild_run(t, st);
	task_unlock(t, &st->rebuild);
	return e;
}

/* Remember why the journal goes no further. */
static void
state_refresh_readonly(struct task *t, struct state *st)
{
	struct err *e = journal_readonly(t, st->j);

	st->journal_code = err_code(e);
	free(st->journal_text);
	st->journal_text = e != NULL ? xstrdup(e->text) : NULL;
}

/* The directory's handle leads nowhere: walk again. */
static may_yield struct err *
state_refresh_walk(struct task *t, struct state *st)
{
	struct err *e;

	e = share_walk(t, st->conf.store->share, SHARE_LANE_COMMIT,
	    STR(STATE_DIR), &st->dir, NULL);
	if (e != NULL)
		return e;
	journal_set_dir(st->j, &st->dir);
	return journal_refresh(t, st->j);
}

/* What the replica was at before the journal was asked must be there: all of
 * it was read from the journal once. */
static may_yield struct err *
state_refresh_journal(struct task *t, struct state *st)
{
	struct arena *a = task_arena(t);
	uint64_t before;
	struct err *e;

	e = state_follow(a, st);
	if (e == NULL)
		e = state_replica_meta(a, st->r, &st->r->rw);
	if (e != NULL && !st->stuck)
		state_feed_break(&st->feed, e->text);
	before = st->r->seq;
	e = journal_refresh(t, st->j);
	if (err_is(e, ERR_STALE))
		e = state_refresh_walk(t, st);
	if (e != NULL && st->feed.fatal == ERR_NONE)
		return e;
	state_refresh_readonly(t, st);
	if (before > journal_head(st->j) && st->feed.fatal == ERR_NONE)
		state_feed_break(&st->feed, "it is ahead of the journal");
	return NULL;
}

struct err *
state_refresh(struct task *t, struct state *st)
{
	struct arena *a = task_arena(t);
	struct err *e;

	if (st->conf.replica_only) {
		e = state_follow(a, st);
		return e != NULL ? e : state_replica_meta(a, st->r, &st->r->rw);
	}
	e = state_open_journal(t, st);
	if (e == NULL)
		e = state_refresh_journal(t, st);
	if (e == NULL && st->feed.broken != NULL && !st->stuck)
		e = state_rebuild(t, st);
	return e;
}

struct err *
state_maintain(struct task *t, struct state *st, bool force)
{
	struct err *e;

	e = state_refresh(t, st);
	return e != NULL ? e : journal_maintain(t, st->j, force);
}

void
state_settle(struct task *t, struct state *st)
{
	if (st->j != NULL)
		journal_settle(t, st->j);
}

/* --- what it is --- */

uint64_t
state_seq(const struct state *st)
{
	return st->r->seq;
}

uint32_t
state_schema(const struct state *st)
{
	return st->r->schema;
}

struct err *
state_readonly(struct arena *a, const struct state *st)
{
	if (st->feed.fatal != ERR_NONE)
		return err_new(a, st->feed.fatal, st->feed.fatal_text, NULL);
	if (st->journal_code != ERR_NONE)
		return err_new(a, st->journal_code, st->journal_text, NULL);
	if (st->conf.replica_only)
		return err_new(a, ERR_READONLY,
		    "this process only reads the state", NULL);
	return NULL;
}

struct store *
state_store(const struct state *st)
{
	return st->conf.store;
}

struct offload *
state_offload(const struct state *st)
{
	return st->conf.offload;
}

const struct clusterkey *
state_key(const struct state *st)
{
	return &st->conf.key;
}

struct journal *
state_journal(const struct state *st)
{
	return st->j;
}

/* --- secrets --- */

static struct str
state_secret_ad(struct arena *a, const char *column, struct str id)
{
	return str_c(arena_printf(a, "%s." STR_FMT, column, STR_ARG(id)));
}

struct str
state_seal(struct state_tx *x, const char *column, struct str id,
    struct str clear)
{
	if (clear.n == 0)
		return STR_NONE;
	return crypto_seal(x->a, x->st->secret_key,
	    state_secret_ad(x->a, column, id), clear, x->rnd);
}

struct err *
state_unseal(struct arena *a, const struct state *st, const char *column,
    struct str id, struct str sealed, struct str *clear_r)
{
	*clear_r = STR_NONE;
	if (sealed.n == 0)
		return NULL;
	return crypto_open(a, st->secret_key, state_secret_ad(a, column, id),
	    sealed, clear_r);
}
