/* state_feed.c - the journal's client: entries and snapshots into a replica */
#include "storage/state_private.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"

static struct state_replica *
state_feed_replica(struct state_feed *f)
{
	return f->r != NULL ? f->r : f->st->r;
}

void
state_feed_break(struct state_feed *f, const char *why)
{
	if (f->broken == NULL)
		f->broken = xstrdup(why);
}

void
state_feed_clear(struct state_feed *f)
{
	free((char *)f->broken);
	free((char *)f->fatal_text);
	f->broken = f->fatal_text = NULL;
	f->fatal = ERR_NONE;
}

void
state_feed_end(struct state_feed *f)
{
	journal_free(&f->own);
	state_replica_free(&f->r, true);
	arena_free(&f->big);
	state_feed_clear(f);
}

static struct err *
state_feed_fatal(struct state_feed *f, struct err *e)
{
	if (f->fatal == ERR_NONE) {
		f->fatal = e->code;
		f->fatal_text = xstrdup(e->text);
	}
	return e;
}

/* r in the place of what the feed writes to. */
static struct err *
state_feed_put(struct arena *a, struct state_feed *f, struct state_replica *r)
{
	if (f->r == NULL)
		return state_install(a, f->st, r);
	state_replica_free(&f->r, true);
	f->r = r;
	return NULL;
}

static void
state_feed_reset(void *arg)
{
	struct state_feed *f = arg;
	struct state_replica *r;
	struct arena *a;
	struct err *e;

	f->given = 0;
	if (f->keep) {
		/* Entries it has already are skipped, and compared. */
		f->keep = false;
		return;
	}
	if (state_feed_replica(f)->seq == 0)
		return;
	a = arena_new(0);
	e = state_replica_new(a, &f->st->ident, f->st->conf.local,
	    sched_rnd(f->st->conf.store->sched), &r);
	if (e == NULL)
		e = state_feed_put(a, f, r);
	if (e != NULL)
		state_feed_break(f, e->text);
	arena_free(&a);
}

/*
 * Whether what is there already is at, or beyond, this checkpoint: at first, or
 * because another process of the node went on while we did not look.  (After a
 * fork nothing is kept: then we were given entries beyond the checkpoint.)
 */
static bool
state_feed_may_keep(struct state_feed *f, struct arena *a,
    const struct journal_ckpt *c)
{
	struct state_replica *r;
	struct txid x;

	if ((!f->keep && f->given >= c->seq) || f->broken != NULL ||
	    (f->r == NULL && state_follow(a, f->st) != NULL))
		return false;
	r = state_feed_replica(f);
	if (state_replica_meta(a, r, &r->rw) != NULL || r->seq < c->seq)
		return false;
	/* An older entry than those remembered has no txid to compare; the
	 * tail has. */
	return state_replica_txid_at(a, r, c->seq, &x) == NULL &&
	       (txid_is_zero(&x) || txid_eq(&x, &c->txid));
}

/* The one segment that is ours (others are the journal's own). */
static const struct journal_seg *
state_feed_seg(const struct journal_ckpt *c)
{
	const struct journal_seg *db = NULL;
	unsigned i;

	for (i = 0; i < c->seg_count; i++) {
		if (str_eq_c(c->segs[i].kind, "txid"))
			continue;
		if (db != NULL || !str_eq_c(c->segs[i].kind, "db"))
			return NULL;
		db = &c->segs[i];
	}
	return db;
}

static may_yield struct err *
state_feed_restore(struct task *t, struct state_feed *f, struct arena *big,
    const struct journal_ckpt *c)
{
	const struct journal_seg *db = state_feed_seg(c);
	struct arena *a = task_arena(t);
	struct state_replica *r;
	struct str bytes;
	uint32_t schema;
	struct err *e;

	if (db == NULL)
		return err_new(a, ERR_FORMAT,
		    "the snapshot of the state is of a newer version", NULL);
	e = state_snapshot_check(a, &f->st->conf.key, c->arg, c->segs[0].sha256,
	    &schema);
	if (e != NULL)
		return e;
	if (schema > f->st->ident.schema_max)
		return err_newf(a, ERR_FORMAT,
		    "the state's schema was raised to %u, this program knows "
		    "%u: upgrade it",
		    schema, f->st->ident.schema_max);
	if (db->bytes > STATE_SNAPSHOT_MAX_BYTES)
		return err_new(a, ERR_LIMIT,
		    "the snapshot of the state is too large", NULL);
	e = journal_seg_read(t, f->j, db, 1, big, &bytes);
	if (e != NULL)
		return e;
	e = state_replica_restore(a, &f->st->ident, f->st->conf.local,
	    sched_rnd(task_sched(t)), bytes, &r);
	if (e == NULL && r->seq > c->seq) {
		state_replica_free(&r, true);
		e = err_new(a, ERR_CORRUPT,
		    "the snapshot of the state is damaged",
		    "it is ahead of its checkpoint");
	}
	if (e == NULL)
		e = state_feed_put(a, f, r);
	return e;
}

static may_yield_unchecked struct err *
state_feed_load(struct task *t, void *arg, const struct journal_ckpt *c)
{
	struct state_feed *f = arg;
	uint64_t given = c->seq;
	struct err *e = NULL;

	if (!state_feed_may_keep(f, task_arena(t), c)) {
		arena_free(&f->big);
		f->big = arena_new(STATE_SNAPSHOT_MAX_BYTES + 65536);
		e = state_feed_restore(t, f, f->big, c);
		arena_free(&f->big);
		/* What lies between said nothing, to nobody. */
		given = state_feed_replica(f)->seq;
	}
	if (e != NULL)
		return err_is(e, ERR_DENIED) || err_is(e, ERR_FORMAT)
			   ? state_feed_fatal(f, e)
			   : e;
	f->keep = false;
	f->given = given;
	return NULL;
}

/* Once: the journal tries the entry again at every poll. */
static void
state_feed_alarm(struct task *t, struct state_feed *f, uint64_t seq,
    struct err *e)
{
	if (f->fatal != ERR_NONE)
		return;
	log_alarm(t, "state entry refused", LOG_U64("seq", seq), LOG_ERR(e));
}

/* The entry does not fit our replica: whose fault is it? */
static struct err *
state_feed_failed(struct task *t, struct state_feed *f, uint64_t seq,
    struct err *e)
{
	struct arena *a = task_arena(t);

	if (err_is(e, ERR_FORMAT)) {
		state_feed_alarm(t, f, seq, e);
		return state_feed_fatal(f, e);
	}
	if (f->fresh && err_is(e, ERR_CONFLICT)) {
		/* Not the replica's: it was made from the journal alone. */
		state_feed_alarm(t, f, seq, e);
		return state_feed_fatal(f,
		    err_new(a, ERR_CORRUPT,
			"an entry of the state cannot be applied", "%s",
			e->detail));
	}
	if (f->fresh) {
		f->local = e;
		return NULL;
	}
	log_warn(t, "state replica is to be rebuilt", LOG_U64("seq", seq),
	    LOG_ERR(e));
	state_feed_break(f, e->text);
	return NULL;
}

static struct err *
state_feed_apply(struct task *t, void *arg, const struct journal_entry *en)
{
	struct state_feed *f = arg;
	struct state_replica *r = state_feed_replica(f);
	struct arena *a = task_arena(t);
	struct state_op op = { .kind = STATE_OP_NONE };
	struct err *e = NULL;

	/* Broken: whoever builds it again reads it all again. */
	if (f->broken != NULL || f->local != NULL || r->seq > en->seq) {
		f->given = en->seq;
		return NULL;
	}
	/* What the replica holds was verified when it was applied. */
	if (r->seq < en->seq)
		e = state_ops_read(a, &f->st->conf.key, &en->txid, en->ops,
		    &op);
	if (e != NULL) {
		state_feed_alarm(t, f, en->seq, e);
		state_feed_fatal(f, e);
		return err_is(e, ERR_FORMAT)
			   ? e
			   : err_new(a, ERR_CORRUPT, e->text, "%s",
				 e->detail ? e->detail : "");
	}
	e = state_replica_apply(a, r, &f->st->ident, f->given, en->seq,
	    &en->txid, &op);
	if (e != NULL)
		e = state_feed_failed(t, f, en->seq, e);
	if (e == NULL)
		f->given = en->seq;
	return e;
}

static void
state_feed_totals(void *arg, struct str ops, struct buf *out)
{
	(void)arg;
	(void)ops;
	buf_char(out, '-');
}

/* The snapshot must be of exactly the journal's present state: not ahead of it
 * (another process of the node applied more) and not behind. */
static struct err *
state_feed_exact(struct arena *a, struct state_feed *f, uint64_t seq)
{
	if (seq >= f->given && seq <= journal_head(f->j))
		return NULL;
	return err_new(a, ERR_CONFLICT,
	    "the replica is not at the journal's head",
	    "replica %llu, journal %llu", (unsigned long long)seq,
	    (unsigned long long)f->given);
}

static may_yield struct err *
state_feed_snapshot(struct task *t, struct state_feed *f,
    struct state_snapshot *s)
{
	struct arena *a = task_arena(t);
	struct state_replica *r = state_feed_replica(f);

	arena_free(&f->big);
	f->big = s->arena = arena_new(STATE_SNAPSHOT_MAX_BYTES + 65536);
	if (r->local == NULL) {
		s->memory = r->rw.h;
		blocking_state_snapshot(s);
		return s->err;
	}
	s->from = arena_printf(a, "%s/%s", r->local, r->name);
	s->to = state_replica_temp(a, r->local, sched_rnd(task_sched(t)),
	    "snapshot");
	if (f->st->conf.offload == NULL)
		blocking_state_snapshot(s);
	else
		offload_run(t, f->st->conf.offload, blocking_state_snapshot, s);
	return s->err;
}

static void
state_feed_describe(struct arena *a, struct state_feed *f,
    const struct state_snapshot *s, struct ckpt_writer *w)
{
	struct buf arg;

	buf_init(&arg, a, 256);
	state_snapshot_arg(&arg, &f->st->conf.key, s->schema, s->sha256);
	ckpt_arg(w, buf_str(&arg));
	if (s->to != NULL)
		ckpt_add_file(w, "db", STR("-"), s->to);
	else
		ckpt_add(w, "db", STR("-"), s->bytes);
}

static may_yield_unchecked struct err *
state_feed_save(struct task *t, void *arg, struct ckpt_writer *w)
{
	struct state_snapshot s = { .from = NULL };
	struct state_feed *f = arg;
	struct arena *a = task_arena(t);
	struct err *e;

	if (f->broken != NULL || f->st->stuck)
		return err_new(a, ERR_READONLY,
		    "the local replica is not sound", NULL);
	e = state_feed_snapshot(t, f, &s);
	if (e == NULL)
		e = state_feed_exact(a, f, s.seq);
	else
		e = err_new(a, e->code, e->text, "%s",
		    e->detail ? e->detail : "");
	if (e == NULL)
		state_feed_describe(a, f, &s, w);
	else if (s.to != NULL)
		unlink(s.to);
	arena_free(&f->big);
	return e;
}

/*
 * Re-created verbatim: our replica has applied it.  Appended again after a
 * fork: only if it still applies to what history became; else it is left out,
 * and the journal says so.
 */
static may_yield_unchecked struct err *
state_feed_refile(struct task *t, void *arg, const struct journal_entry *en,
    struct buf *ops_r, bool *whole_r)
{
	struct state_feed *f = arg;
	struct state_replica *r = state_feed_replica(f);
	struct arena *a = task_arena(t);
	struct state_op op;
	bool known = false;
	struct err *e;

	*whole_r = false;
	if (f->broken == NULL) {
		e = state_replica_has_txid(a, r, &en->txid, &known);
		if (e != NULL)
			return e;
	}
	e = state_ops_read(a, &f->st->conf.key, &en->txid, en->ops, &op);
	if (e == NULL && !known && f->broken == NULL &&
	    op.kind == STATE_OP_CHANGESET)
		e = op.schema != r->schema
			? err_new(a, ERR_CONFLICT, "another schema", NULL)
			: state_replica_trial(a, r, op.changeset);
	if (e != NULL) {
		log_alarm(t, "change of the state is lost",
		    LOG_U64("seq", en->seq), LOG_ERR(e));
		return NULL;
	}
	*whole_r = true;
	buf_str_add(ops_r, en->ops);
	return NULL;
}

static void
state_feed_changed(void *arg)
{
	struct state_feed *f = arg;

	if (f->r == NULL && f->st->conf.changed != NULL)
		f->st->conf.changed(f->st->conf.arg);
}

const struct journal_client state_feed_client = {
	.name = "state",
	.reset = state_feed_reset,
	.load = state_feed_load,
	.apply = state_feed_apply,
	.totals = state_feed_totals,
	.save = state_feed_save,
	.refile = state_feed_refile,
	.changed = state_feed_changed,
};
