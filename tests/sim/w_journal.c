/* w_journal.c - workload: one journal, and everybody writes to it */
#include "wj.h"
#include "simstore.h"

#include <stdio.h>
#include <stdlib.h>

#define WJ_SPOOL 16

/* A delivery accepted while the share was away: on the node's own disk. */
struct wj_spooled {
	bool used;
	struct txid txid;
	uint64_t begun;
	unsigned tx;
};

/* What survives a crash of the process. */
struct wj_disk {
	struct wj_spooled spool[WJ_SPOOL];
};

struct wj_proc {
	struct store st;
	struct journal_env env;
	struct wj_state state;
	bool draining, working;
	uint64_t token; /* of the lock, while we think it is ours */
};

static struct wj_proc *
wj_proc(const struct sim_node *n)
{
	return n->app;
}

/*
 * Profiles: "holes", writers stall while others make checkpoints and collect;
 * "forget", the server forgets often; "old", long enough for FORGET; "plain".
 * "lying" is not in the mix: a server whose replies are said to be durable and
 * are not, so that nodes must remember for it.  Deliveries survive that; links
 * and claims are more than such a server can be asked for.
 */
static void
w_journal_conf(struct sim_world *w, struct sim_conf *c)
{
	static const char *const profiles[] = { "plain", "plain", "holes",
		"holes", "forget", "old" };

	if (w->profile == NULL)
		w->profile = profiles[sim_below(w, countof(profiles))];
	/* Collection needs ten minutes. */
	c->run_us = 20 * SIM_MINUTE + sim_below(w, 40 * SIM_MINUTE);
	if (strcmp(w->profile, "holes") == 0) {
		c->holes = true;
		c->remove_lost = 3000;
		c->crash_mean = 0;
		c->restart_mean = c->forget_mean = 0;
		c->run_us = 45 * SIM_MINUTE + sim_below(w, 30 * SIM_MINUTE);
	} else if (strcmp(w->profile, "forget") == 0) {
		c->barrier = c->lazy = true;
		c->forget_mean = 20 * SIM_SECOND + sim_below(w, SIM_MINUTE);
		c->sync_mean = 30 * SIM_SECOND + sim_below(w, SIM_MINUTE);
		c->run_us = 10 * SIM_MINUTE + sim_below(w, 10 * SIM_MINUTE);
	} else if (strcmp(w->profile, "lying") == 0) {
		/* It syncs within half a minute; no node dies meanwhile. */
		c->lying = c->lazy = true;
		c->barrier = false;
		c->crash_mean = c->restart_mean = 0;
		c->forget_mean = 30 * SIM_SECOND + sim_below(w, SIM_MINUTE);
		c->sync_mean = 5 * SIM_SECOND;
		c->run_us = 10 * SIM_MINUTE + sim_below(w, 10 * SIM_MINUTE);
	} else if (strcmp(w->profile, "old") == 0) {
		c->run_us = 60 * SIM_MINUTE + sim_below(w, 60 * SIM_MINUTE);
	}
}

may_yield_unchecked void
wj_setup(struct task *t, struct sim_node *n)
{
	struct wj_world *ww = wj_world_new(n->w);
	struct store st = { .share = n->share, .sched = n->sched };
	struct err *e;

	sim_store_setup(t, n, "barrier");
	e = share_mkdir_path(t, n->share, SHARE_LANE_ADMIN, STR("j/msg"),
	    &ww->msg);
	if (e == NULL)
		e = share_walk(t, n->share, SHARE_LANE_ADMIN, STR("j"),
		    &ww->dir, NULL);
	if (e == NULL)
		e = journal_mkdirs(t, &st, &ww->dir);
	if (e != NULL)
		sim_fail(n->w, "setup: %s", e->text);
	ww->log_o = tree_find(n->w->tree, "j/log");
	ww->ckpt_o = tree_find(n->w->tree, "j/ckpt");
	ww->msg_o = tree_find(n->w->tree, "j/msg");
	wj_world_watch(n->w);
}

/* Transactions. */

struct wj_compose {
	char letter;
	const char *name, *source;
	uint64_t number;
	unsigned padding;
	struct txid txid;
};

static struct err *
wj_compose(struct task *t, void *arg, struct buf *ops)
{
	struct wj_compose *c = arg;

	(void)t;
	if (c->padding > 0) {
		char text[2000];

		memset(text, 'p', sizeof(text));
		record_op(ops, 'p');
		record_text(ops, str_of(text, c->padding));
	}
	record_op(ops, c->letter);
	switch (c->letter) {
	case 'a':
		record_text(ops, str_c(c->name));
		if (c->source != NULL)
			record_text(ops, str_c(c->source));
		break;
	case 'x':
		record_text(ops, str_c(c->name));
		break;
	case 'D':
		record_txid(ops, &c->txid);
		break;
	default:
		record_u64(ops, c->number);
	}
	return NULL;
}

static void
wj_begin(struct task *t, struct sim_node *n, struct journal_tx *tx,
    struct wj_compose *c)
{
	journal_tx_init(t, wj_proc(n)->state.j, tx);
	if (c != NULL)
		tx->compose = wj_compose;
	tx->arg = c;
}

static void
wj_name_of(const struct txid *x, char name_r[WJ_NAME])
{
	txid_hex(x, name_r);
	memcpy(name_r + TXID_HEX, "-0", 3);
}

/* Commit, and tell the observer. */
static may_yield must_check struct err *
wj_commit(struct task *t, struct sim_node *n, struct journal_tx *tx, unsigned i)
{
	struct wj_proc *p = wj_proc(n);
	struct err *e;

	if (rnd_below(&n->rnd, 4) == 0)
		task_set_deadline(t,
		    task_now_ms(t) + 500 + rnd_below(&n->rnd, 30000));
	e = journal_commit(t, p->state.j, tx);
	task_set_deadline(t, 0);
	if (e == NULL)
		wj_acked(n, i);
	else if (journal_err_is_verdict(e))
		wj_refused(n, i, e);
	else
		wj_world(n)->txs[i].status = WJ_UNKNOWN;
	return e;
}

/* Until the outcome is known, or the world ends: after which a commit must
 * come to a verdict. */
static may_yield must_check struct err *
wj_commit_settle(struct task *t, struct sim_node *n, struct journal_tx *tx,
    unsigned i)
{
	struct err *e;

	for (unsigned tries = 0;; tries++) {
		e = wj_commit(t, n, tx, i);
		if (e == NULL || journal_err_is_verdict(e))
			return e;
		if (!n->w->stopping && rnd_below(&n->rnd, 6) == 0)
			return e;
		if (tries > 200)
			sim_fail(n->w, "%s: a commit has no end: %s", n->name,
			    e->text);
		task_sleep_ms(t, 100 + rnd_below(&n->rnd, 20000));
	}
}

static may_yield void
wj_remove_file(struct task *t, struct sim_node *n, const char *name)
{
	err_ignore(share_remove_quiet(t, n->share, SHARE_LANE_ADMIN,
	    &wj_world(n)->msg, str_c(name)));
}

static void
wj_spool(struct sim_node *n, const struct journal_tx *tx, unsigned i)
{
	struct wj_disk *d = n->kept;

	for (unsigned k = 0; k < WJ_SPOOL; k++) {
		if (d->spool[k].used)
			continue;
		d->spool[k] = (struct wj_spooled){ .used = true,
			.txid = tx->txid,
			.begun = tx->begun,
			.tx = i };
		wj_world(n)->txs[i].spooled = true;
		sim_say(n->w, n, "%s is spooled", wj_world(n)->txs[i].name);
		return;
	}
}

/* Write the file, commit the row. */
static may_yield void
wj_deliver(struct task *t, struct sim_node *n)
{
	struct wj_compose c = { .letter = 'a' };
	struct journal_tx tx;
	char name[WJ_NAME];
	struct err *e;
	unsigned i;

	wj_begin(t, n, &tx, &c);
	wj_name_of(&tx.txid, name);
	c.name = name;
	if (rnd_below(&n->rnd, 5) == 0)
		c.padding = 1000 + (unsigned)rnd_below(&n->rnd, 1000);
	i = wj_tx_new(n->w, &tx.txid, "delivery", name);
	if (n->w->phase == SIM_RUN && rnd_below(&n->rnd, 12) == 0) {
		/* The share was away the whole time. */
		wj_spool(n, &tx, i);
		return;
	}
	e = share_put(t, n->share, SHARE_LANE_BULK, &wj_world(n)->msg,
	    str_c(name), name, strlen(name), NULL);
	if (e != NULL) {
		/* An orphan, perhaps. */
		wj_world(n)->txs[i].status = WJ_REFUSED;
		return;
	}
	if (rnd_below(&n->rnd, 6) == 0)
		task_sleep_ms(t, sim_interval(n->w) / 1000);
	e = wj_commit_settle(t, n, &tx, i);
	if (e == NULL || err_is(e, ERR_HELD))
		return;
	if (journal_err_is_verdict(e))
		wj_remove_file(t, n, name);
	else
		wj_spool(n, &tx, i);
}

/* Whether the record is settled; *again_r: under a new txid. */
static may_yield bool
wj_drain_one(struct task *t, struct sim_node *n, struct wj_spooled *s,
    bool *again_r)
{
	struct wj_compose c = { .letter = 'a' };
	struct journal_tx tx;
	char name[WJ_NAME];
	struct err *e;

	e = journal_refresh(t, wj_proc(n)->state.j);
	/* Nothing was sent yet: it begins now, and that is written down. */
	if (e == NULL && s->begun == 0)
		s->begun = journal_head(wj_proc(n)->state.j);
	wj_begin(t, n, &tx, &c);
	tx.txid = s->txid;
	tx.begun = s->begun;
	tx.resumed = true;
	wj_name_of(&tx.txid, name);
	c.name = name;
	/* Committed before, and maybe removed since: the commit finds its txid
	 * and only makes sure that the entry is durable. */
	if (e == NULL && journal_find(wj_proc(n)->state.j, &tx.txid) == 0)
		e = share_put(t, n->share, SHARE_LANE_BULK, &wj_world(n)->msg,
		    str_c(name), name, strlen(name), NULL);
	if (e != NULL)
		return false;
	e = wj_commit(t, n, &tx, s->tx);
	if (e != NULL && !journal_err_is_verdict(e))
		return false;
	*again_r = err_is(e, ERR_VOIDED);
	/* Held: an earlier attempt may have been committed and forgotten. */
	if (e != NULL && !err_is(e, ERR_HELD))
		wj_remove_file(t, n, name);
	return true;
}

static may_yield void
wj_drain(struct task *t, struct sim_node *n)
{
	struct wj_disk *d = n->kept;
	struct wj_proc *p = wj_proc(n);
	struct wj_spooled *s = &d->spool[rnd_below(&n->rnd, WJ_SPOOL)];
	struct journal_tx tx;
	char name[WJ_NAME];
	bool again = false;

	if (!s->used || p->draining)
		return;
	p->draining = true;
	if (wj_drain_one(t, n, s, &again))
		s->used = false;
	p->draining = false;
	if (!again)
		return;
	/* VOID never means "delivered": again, under a new txid. */
	wj_begin(t, n, &tx, NULL);
	wj_name_of(&tx.txid, name);
	wj_spool(n, &tx, wj_tx_new(n->w, &tx.txid, "delivery", name));
}

/* A row that is there, as far as this replica knows; or NULL. */
static const struct wj_row *
wj_any_row(struct sim_node *n, bool gone)
{
	struct wj_state *s = &wj_proc(n)->state;
	unsigned from;

	if (s->rows_n == 0)
		return NULL;
	from = (unsigned)rnd_below(&n->rnd, s->rows_n);
	for (unsigned i = 0; i < s->rows_n; i++) {
		const struct wj_row *row = &s->rows[(from + i) % s->rows_n];

		if ((row->gone != 0) == gone)
			return row;
	}
	return NULL;
}

static may_yield void
wj_copy(struct task *t, struct sim_node *n)
{
	const struct wj_row *row = wj_any_row(n, rnd_below(&n->rnd, 4) == 0);
	struct wj_compose c = { .letter = 'a' };
	struct journal_tx tx;
	char name[WJ_NAME], source[WJ_NAME];
	struct share_fh fh;
	struct err *e;
	unsigned i;

	if (row == NULL)
		return;
	memcpy(source, row->name, WJ_NAME);
	wj_begin(t, n, &tx, &c);
	wj_name_of(&tx.txid, name);
	c.name = name;
	c.source = source;
	i = wj_tx_new(n->w, &tx.txid, "copy", name);
	wj_world(n)->txs[i].status = WJ_REFUSED;
	e = share_lookup(t, n->share, SHARE_LANE_BULK, &wj_world(n)->msg,
	    str_c(source), &fh, NULL);
	/* What the record refers to is durable first. */
	if (e == NULL)
		e = barrier_link(t, n->share, wj_proc(n)->st.barrier, &fh,
		    &wj_world(n)->msg, str_c(name));
	if (e != NULL && !err_is(e, ERR_EXIST))
		return;
	wj_world(n)->txs[i].status = WJ_OPEN;
	e = wj_commit_settle(t, n, &tx, i);
	if (e != NULL && journal_err_is_verdict(e) && !err_is(e, ERR_HELD))
		wj_remove_file(t, n, name);
}

static may_yield void
wj_remove(struct task *t, struct sim_node *n)
{
	const struct wj_row *row = wj_any_row(n, false);
	struct wj_compose c = { .letter = 'x' };
	struct journal_tx tx;
	char name[WJ_NAME];

	if (row == NULL)
		return;
	memcpy(name, row->name, WJ_NAME);
	c.name = name;
	wj_begin(t, n, &tx, &c);
	err_ignore(wj_commit_settle(t, n, &tx,
	    wj_tx_new(n->w, &tx.txid, "removal", name)));
}

/* The grace is over: the file of a tombstone goes. */
static may_yield void
wj_bury(struct task *t, struct sim_node *n)
{
	const struct wj_row *row = wj_any_row(n, true);
	char name[WJ_NAME];

	/* A grace is longer than a server can lie. */
	if (row == NULL || n->w->conf.lying)
		return;
	memcpy(name, row->name, WJ_NAME);
	wj_remove_file(t, n, name);
}

/* Files that no row and no tombstone names: VOID first. */
static may_yield void
wj_sweep(struct task *t, struct sim_node *n)
{
	struct wj_proc *p = wj_proc(n);
	struct share_dirent *d;
	unsigned skip;

	/* Orphans are a day old before they are swept. */
	if (n->w->conf.lying ||
	    share_readdir(t, n->share, SHARE_LANE_ADMIN, &wj_world(n)->msg,
		100000, &d, NULL) != NULL)
		return;
	if (journal_refresh(t, p->state.j) != NULL)
		return;
	skip = (unsigned)rnd_below(&n->rnd, 4);
	for (; d != NULL; d = d->next) {
		struct wj_compose c = { .letter = 'D' };
		struct journal_tx tx;
		char name[WJ_NAME];
		struct err *e;

		if (d->name.n != WJ_NAME - 1 ||
		    !txid_parse(str_sub(d->name, 0, TXID_HEX), &c.txid))
			continue;
		memcpy(name, d->name.p, d->name.n);
		name[d->name.n] = '\0';
		if (wj_row(&p->state, name) != NULL || skip-- > 0)
			continue;
		sim_say(n->w, n, "finds the orphan %s", name);
		wj_begin(t, n, &tx, &c);
		e = wj_commit(t, n, &tx,
		    wj_tx_new(n->w, &tx.txid, "void", NULL));
		/* Committed meanwhile after all? Then the VOID was nothing. */
		if (e == NULL && wj_row(&p->state, name) == NULL)
			wj_remove_file(t, n, name);
		return;
	}
}

static may_yield void
wj_forget(struct task *t, struct sim_node *n)
{
	struct wj_proc *p = wj_proc(n);
	struct wj_state *s = &p->state;
	struct wj_compose c = { .letter = 'F' };
	struct journal_tx tx;

	if (journal_refresh(t, s->j) != NULL)
		return;
	/* What no stalled node can have in its hands any more. */
	c.number = wj_older_than(n->w,
	    n->w->conf.holes ? 30 * SIM_MINUTE : 17 * SIM_MINUTE);
	if (c.number == 0 || c.number <= journal_forgotten(s->j))
		return;
	/* Files of tombstones first: nothing names them afterwards. */
	for (unsigned i = 0; i < s->rows_n; i++) {
		char name[WJ_NAME];

		if (s->rows[i].gone == 0 || s->rows[i].gone > c.number)
			continue;
		memcpy(name, s->rows[i].name, WJ_NAME);
		if (share_remove_quiet(t, n->share, SHARE_LANE_ADMIN,
			&wj_world(n)->msg, str_c(name)) != NULL)
			return;
	}
	wj_begin(t, n, &tx, &c);
	err_ignore(
	    wj_commit(t, n, &tx, wj_tx_new(n->w, &tx.txid, "forget", NULL)));
}

/*
 * A lock as DESIGN 7 has it, with tokens from heaven: the holder before may not
 * know yet that he is none.
 */
static may_yield void
wj_jobs_do(struct task *t, struct sim_node *n)
{
	struct wj_proc *p = wj_proc(n);
	struct journal_tx tx;
	struct wj_compose c = { .letter = 'o' };
	struct err *e;

	if (p->token == 0 || p->token != wj_world(n)->token) {
		p->token = ++wj_world(n)->token;
		wj_begin(t, n, &tx, NULL);
		tx.claim = true;
		tx.token = p->token;
		e = wj_commit(t, n, &tx,
		    wj_tx_new(n->w, &tx.txid, "claim", NULL));
		if (e != NULL) {
			p->token = 0;
			return;
		}
	}
	for (unsigned i = 0; i < WJ_JOBS; i++) {
		/* while it is loaded again the state says nothing */
		if (!journal_is_loaded(p->state.j))
			return;
		if (p->state.jobs[i] != 0)
			continue;
		/* The job itself; it may take long. */
		task_sleep_ms(t, rnd_below(&n->rnd, 4) == 0
				     ? sim_interval(n->w) / 1000
				     : rnd_below(&n->rnd, 300));
		c.number = i;
		wj_begin(t, n, &tx, &c);
		tx.token = p->token;
		e = wj_commit(t, n, &tx,
		    wj_tx_new(n->w, &tx.txid, "outcome", NULL));
		/* Unknown: a new claim tells. */
		if (e != NULL)
			p->token = 0;
		return;
	}
}

static may_yield void
wj_jobs(struct task *t, struct sim_node *n)
{
	struct wj_proc *p = wj_proc(n);

	if (p->working)
		return;
	p->working = true;
	wj_jobs_do(t, n);
	p->working = false;
}

static may_yield void
wj_maintain(struct task *t, struct sim_node *n)
{
	err_ignore(journal_maintain(t, wj_proc(n)->state.j,
	    rnd_below(&n->rnd, 3) == 0));
}

static may_yield void
wj_refresh(struct task *t, struct sim_node *n)
{
	err_ignore(journal_refresh(t, wj_proc(n)->state.j));
}

/* What a row names can be read. */
static may_yield void
wj_read(struct task *t, struct sim_node *n)
{
	struct wj_state *s = &wj_proc(n)->state;
	const struct wj_row *row;
	char name[WJ_NAME];
	struct str data;
	struct err *e;

	if (journal_refresh(t, s->j) != NULL)
		return;
	row = wj_any_row(n, false);
	if (row == NULL)
		return;
	memcpy(name, row->name, WJ_NAME);
	e = share_get(t, n->share, SHARE_LANE_BULK, &wj_world(n)->msg,
	    str_c(name), 1000, task_arena(t), &data);
	if (!err_is(e, ERR_NOENT) || journal_refresh(t, s->j) != NULL)
		return;
	row = wj_row(s, name);
	if (row != NULL && row->gone == 0 && n->w->forgot == 0)
		sim_fail(n->w, "%s: row %s has no file", n->name, name);
}

/* A second, cold object, as a process that knows nothing has it. */
static may_yield void
wj_peek(struct task *t, struct sim_node *n)
{
	struct wj_proc *p = wj_proc(n);
	struct journal_env env = p->env;
	struct wj_state *s = xcalloc(1, sizeof(*s));
	struct journal_entry head = { 0 };
	struct buf totals;
	struct err *e;

	env.no_background = true;
	wj_state_init(s, n);
	s->blind = true;
	s->j = journal_new(&env, &wj_world(n)->dir, "peek", &wj_client, s);
	e = journal_peek(t, s->j, &head);
	if (e == NULL && head.seq > 0 && !str_eq_c(head.totals, "-") &&
	    journal_refresh(t, s->j) == NULL &&
	    journal_head(s->j) == head.seq) {
		buf_init(&totals, task_arena(t), 1000);
		wj_client.totals(s, STR_NONE, &totals);
		if (!str_eq(buf_str(&totals), head.totals) && n->w->forgot == 0)
			sim_fail(n->w,
			    "entry %llu has totals " STR_FMT ", not " STR_FMT,
			    (unsigned long long)head.seq, STR_ARG(head.totals),
			    STR_ARG(buf_str(&totals)));
	}
	/* It may be closed when nothing is kept any more: wait for that. */
	while (!journal_may_close(s->j)) {
		task_sleep_ms(t, 30000);
		err_ignore(journal_refresh(t, s->j));
	}
	journal_free(&s->j);
}

static const struct {
	void (*run)(struct task *t, struct sim_node *n);
	unsigned weight;
} wj_does[] = {
	{ wj_deliver, 10 },
	{ wj_drain, 3 },
	{ wj_copy, 3 },
	{ wj_remove, 3 },
	{ wj_bury, 2 },
	{ wj_sweep, 2 },
	{ wj_forget, 2 },
	{ wj_jobs, 3 },
	{ wj_maintain, 2 },
	{ wj_refresh, 3 },
	{ wj_read, 2 },
	{ wj_peek, 1 },
};

static may_yield_unchecked void
wj_do(struct task *t, struct sim_node *n)
{
	struct arena_mark m = arena_mark(task_arena(t));
	unsigned total = 0, at;

	for (unsigned i = 0; i < countof(wj_does); i++)
		total += wj_does[i].weight;
	at = (unsigned)rnd_below(&n->rnd, total);
	for (unsigned i = 0;; i++) {
		if (at < wj_does[i].weight) {
			wj_does[i].run(t, n);
			break;
		}
		at -= wj_does[i].weight;
	}
	arena_rewind(task_arena(t), m);
}

static may_yield_unchecked void
wj_client_task(struct task *t, void *arg)
{
	struct sim_node *n = arg;
	unsigned most = 10 + (unsigned)rnd_below(&n->rnd, 30);

	for (unsigned i = 0; i < most && !n->w->stopping; i++) {
		wj_do(t, n);
		if (rnd_below(&n->rnd, 8) == 0)
			task_sleep_ms(t, sim_interval(n->w) / 1000);
		else
			task_sleep_ms(t, rnd_below(&n->rnd, 2000));
	}
}

static void
w_journal_boot(struct sim_node *n)
{
	struct wj_proc *p = xcalloc(1, sizeof(*p));

	n->app = p;
	if (n->kept == NULL)
		n->kept = xcalloc(1, sizeof(struct wj_disk));
	sim_store_init(n, &p->st);
	p->env.store = &p->st;
	p->env.ckpt_every = 4 + (uint32_t)(n->w->seed % 3) * 6;
	wj_state_init(&p->state, n);
	p->state.j =
	    journal_new(&p->env, &wj_world(n)->dir, "j", &wj_client, &p->state);
	if (n->life > 8)
		return;
	sim_client(n, "client", wj_client_task, n);
	sim_client(n, "client", wj_client_task, n);
}

static void
w_journal_crash(struct sim_node *n)
{
	(void)n;
}

static may_yield_unchecked void
w_journal_final(struct task *t, struct sim_node *n, unsigned pass)
{
	struct wj_proc *p = wj_proc(n);
	struct wj_disk *d = n->kept;

	for (unsigned i = 0; pass == 0 && i < 4000; i++)
		wj_drain(t, n);
	for (unsigned i = 0; pass == 0 && i < WJ_SPOOL; i++)
		if (d->spool[i].used)
			sim_fail(n->w, "%s: the spool cannot be drained",
			    n->name);
	if (pass == 0) {
		wj_deliver(t, n);
		journal_settle(t, p->state.j);
		return;
	}
	wj_finish(t, n, &p->state);
}

const struct sim_workload workload_journal = {
	.name = "journal",
	.about = "one journal, written by everybody",
	.weight = 7,
	.conf = w_journal_conf,
	.setup = wj_setup,
	.boot = w_journal_boot,
	.crash = w_journal_crash,
	.final = w_journal_final,
	.check = wj_check,
};
