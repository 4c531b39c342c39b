/* state_change.c - making one entry */
#include "storage/state_private.h"

#include "base/log.h"

struct state_change {
	struct state *st;
	struct task *task;
	struct state_tx x;
	const struct txid *txid;
	state_fn fn;
	void *arg;
	uint32_t schema; /* raise to this instead of running fn */
	bool nothing;	 /* nothing was changed */
	bool again;	 /* our replica must catch up first */
};

static struct err *
state_change_again(struct state_change *c, struct arena *a, const char *why)
{
	c->again = true;
	return err_new(a, ERR_CONFLICT, "the local replica must catch up", "%s",
	    why);
}

/* Inside a transaction: is the replica exactly at the journal's head? */
static struct err *
state_change_at_head(struct state_change *c, struct arena *a)
{
	struct state *st = c->st;
	struct err *e;

	e = state_replica_meta(a, st->r, &st->r->rw);
	if (e != NULL)
		return e;
	if (st->r->seq < st->feed.given)
		state_feed_break(&st->feed, "entries are missing");
	if (st->feed.broken != NULL)
		return state_change_again(c, a, st->feed.broken);
	if (st->r->seq > journal_head(st->j))
		return state_change_again(c, a, "ahead of the journal");
	return NULL;
}

static struct err *
state_change_record(struct state_change *c, struct arena *a,
    struct state_op *op)
{
	struct state_replica *r = c->st->r;
	struct err *e;

	e = state_exec(&r->rw, a, "BEGIN IMMEDIATE");
	if (e != NULL)
		return e;
	e = state_change_at_head(c, a);
	if (e == NULL)
		e = state_expect_check(c->task, c->st, &r->rw, a);
	if (e == NULL)
		e = state_replica_record(r, &c->x, c->fn, c->arg,
		    &op->changeset);
	if (sqlite3_get_autocommit(r->rw.h) == 0)
		err_ignore(state_exec(&r->rw, a, "ROLLBACK")); /* open: works */
	if (e == NULL && op->changeset.n == 0) {
		c->nothing = true;
		return err_new(a, ERR_CONFLICT, "nothing was changed", NULL);
	}
	if (e == NULL)
		e = state_replica_trial(a, r, op->changeset);
	return e;
}

static struct err *
state_change_compose(struct task *t, void *arg, struct buf *ops)
{
	struct state_change *c = arg;
	struct arena *a = task_arena(t);
	struct state_op op = { .kind = STATE_OP_CHANGESET };
	struct err *e;

	c->again = c->nothing = false;
	e = state_follow(a, c->st);
	if (e != NULL)
		return e;
	c->x.db = &c->st->r->rw;
	c->x.now_s = task_wall_s(t);
	if (c->schema == 0) {
		e = state_change_record(c, a, &op);
		op.schema = c->st->r->schema;
	} else {
		op.kind = STATE_OP_SCHEMA;
		op.schema = c->schema;
		e = state_change_at_head(c, a);
		c->nothing = c->st->r->schema >= c->schema;
		if (e == NULL && c->nothing)
			e = err_new(a, ERR_CONFLICT, "nothing was changed",
			    NULL);
	}
	if (e != NULL)
		return e;
	state_ops_write(ops, a, &c->st->conf.key, c->txid, &op);
	if (!buf_ok(ops))
		return err_new(a, ERR_LIMIT,
		    "too much is changed at once: make it in parts", NULL);
	return NULL;
}

static struct err *
state_change_refused(struct arena *a, const struct state *st)
{
	struct err *e = state_readonly(a, st);

	if (e == NULL)
		return NULL;
	return err_new(a, ERR_READONLY,
	    arena_printf(a, "the state is read-only on this node: %s", e->text),
	    NULL);
}

static may_yield struct err *
state_change_once(struct task *t, struct state_change *c)
{
	struct journal_tx tx;
	struct err *e;

	e = state_refresh(t, c->st);
	if (e == NULL)
		e = state_change_refused(task_arena(t), c->st);
	if (e != NULL)
		return e;
	journal_tx_init(t, c->st->j, &tx);
	tx.compose = state_change_compose;
	tx.arg = c;
	c->txid = &tx.txid;
	e = journal_commit(t, c->st->j, &tx);
	if (c->nothing && err_is(e, ERR_CONFLICT)) {
		c->again = false;
		return NULL;
	}
	if (e != NULL)
		return e;
	c->again = false;
	/* Committed; that our own replica took it badly is its own affair. */
	if (c->st->feed.broken != NULL && !c->st->stuck) {
		e = state_refresh(t, c->st);
		if (e != NULL)
			log_warn(t, "state replica could not be rebuilt",
			    LOG_ERR(e));
	}
	return NULL;
}

static may_yield struct err *
state_change_run(struct task *t, struct state_change *c)
{
	struct state *st = c->st;
	struct err *e = NULL;
	unsigned tries;

	c->task = t;
	c->x.st = st;
	c->x.a = task_arena(t);
	c->x.rnd = sched_rnd(task_sched(t));
	for (tries = 0; tries < STATE_CHANGE_TRIES; tries++) {
		c->again = c->nothing = false;
		e = state_change_once(t, c);
		if (e == NULL || !c->again)
			break;
		if (tries > 2)
			task_sleep_ms(t, 1 + rnd_below(c->x.rnd, 50));
	}
	return e;
}

static struct err *
state_change_needs(struct state_tx *x, uint32_t schema)
{
	return state_schema(x->st) >= schema
		   ? NULL
		   : err_new(x->a, ERR_CONFLICT,
			 "some node is too old for this: upgrade all nodes",
			 NULL);
}

struct err *
state_sending_check(struct state_tx *x)
{
	return state_change_needs(x, STATE_SENDING_SCHEMA);
}

struct err *
state_console_check(struct state_tx *x)
{
	return state_change_needs(x, STATE_CONSOLE_SCHEMA);
}

struct err *
state_change(struct task *t, struct state *st, const char *by, state_fn fn,
    void *arg)
{
	struct state_change c = { .st = st, .fn = fn, .arg = arg };
	struct err *e;

	c.x.by = by;
	e = state_change_run(t, &c);
	if (e == NULL && !c.nothing)
		state_expect_met(t, st);
	return e;
}

struct err *
state_schema_raise(struct task *t, struct state *st, uint32_t all_know)
{
	struct err *e;
	uint32_t to;

	e = state_refresh(t, st);
	to = all_know < st->ident.schema_max ? all_know : st->ident.schema_max;
	while (e == NULL && st->r->schema < to) {
		struct state_change c = { .st = st,
			.schema = st->r->schema + 1 };

		e = state_change_run(t, &c);
	}
	return e;
}
