/* w_lease.c - workload: leases, locks, claims, and clones of a node */
#include "wj.h"
#include "simlocal.h"
#include "simstore.h"

#include <stdio.h>
#include <stdlib.h>

#include "locking/lease.h"
#include "locking/lock.h"
#include "locking/nodes.h"

/*
 * Every node keeps its lease; tasks take locks.  One lock protects a journal of
 * jobs: its holder claims, decides from what it replayed, acts, and commits the
 * outcome under its token.  In some worlds the last node is a copy of the
 * first one's local directory.
 */
#define WL_LOCKS 3
static const char *const wl_locks[WL_LOCKS] = { "jobs", "queue-1", "queue-2" };

struct wl_proc {
	struct store st;
	struct journal_env env;
	struct wj_state state;
	struct node *node;
	struct lease *lease;
	struct nodes *nodes;
	struct locks *locks;
	struct lock *held[WL_LOCKS];
	bool busy[WL_LOCKS];
	bool opened, refused;
};

struct wl_world {
	uint64_t token[WL_LOCKS]; /* highest ever handed out */
	bool clone;
	unsigned acquired;
};

static struct wl_proc *
wl_proc(const struct sim_node *n)
{
	return n->app;
}

static struct wl_world *
wl_world(const struct sim_world *w)
{
	return w->app2;
}

static void
wl_info(void *arg, struct lease_info *info_r)
{
	const struct sim_node *n = arg;

	*info_r = (struct lease_info){ .name = str_c(n->name),
		.version = STR("sim"),
		.format = 1,
		.ready = LEASE_READY };
}

static void
wl_changed(void *arg, bool held)
{
	const struct sim_node *n = arg;

	sim_say(n->w, n, held ? "its session begins" : "its session ended");
}

static void
wl_refused(void *arg, const char *sentence)
{
	struct sim_node *n = arg;

	sim_say(n->w, n, "REFUSED: %s", sentence);
	wl_proc(n)->refused = true;
	if (!wl_world(n->w)->clone)
		sim_fail(n->w, "%s is refused, but nobody else is it: %s",
		    n->name, sentence);
}

static const struct lease_client wl_lease_client = {
	.info = wl_info,
	.changed = wl_changed,
	.refused = wl_refused,
};

/* Entries of leases are confirmed long after they were sent first, if at all,
 * and all else works. */
static void
wl_conf_late(struct sim_conf *c)
{
	c->lease_deaf = 6000;
	c->lease_late = 3000;
	c->reply_lost = c->lost = c->late = c->twice = c->false_error = 0;
	c->io = c->jukebox = c->stale = 0;
	c->crash_mean = c->restart_mean = c->forget_mean = c->break_mean = 0;
	c->full_mean = c->pause_mean = 0;
	c->stop_clocks = false;
	c->run_us = 20 * SIM_MINUTE;
}

static void
w_lease_conf(struct sim_world *w, struct sim_conf *c)
{
	c->run_us = 5 * SIM_MINUTE + sim_below(w, 20 * SIM_MINUTE);
	if (w->profile == NULL && sim_below(w, 6) == 0)
		w->profile = "late";
	if (w->profile != NULL && strcmp(w->profile, "late") == 0) {
		wl_conf_late(c);
		return;
	}
	if (w->profile == NULL && sim_below(w, 3) > 0)
		return;
	/* What leases are about: being cut off, or deaf, for about a term. */
	c->cut_mean = 30 * SIM_SECOND;
	c->crash_mean = c->restart_mean = c->forget_mean = 0;
	c->lost = c->late = 0;
	if (w->profile == NULL && sim_below(w, 2) == 0)
		return;
	c->drift = true;
	c->stop_clocks = false;
	c->pause_mean = c->full_mean = c->break_mean = 0;
	c->delay_us = 2000;
	c->io = c->stale = c->false_error = c->jukebox = 0;
	c->twice = c->reply_lost = 0;
	c->run_us = 20 * SIM_MINUTE;
}

static may_yield_unchecked void
w_lease_setup(struct task *t, struct sim_node *n)
{
	struct wl_world *lw = xcalloc(1, sizeof(*lw));

	wj_setup(t, n);
	n->w->app2 = lw;
	lw->clone = sim_below(n->w, 5) == 0;
	sim_store_setup(t, n, "nodes locks");
}

/* Called after every step: nobody may believe what another believes too. */
static void
w_lease_watch(struct sim_world *w)
{
	/* Where a clock stands, only tokens can help. */
	if (w->clock_stops > 0)
		return;
	for (unsigned k = 0; k < WL_LOCKS; k++) {
		struct sim_node *holder = NULL;

		for (unsigned i = 0; i < w->conf.nodes; i++) {
			struct sim_node *n = &w->nodes[i];
			struct wl_proc *p = n->app;

			if (!n->up || p == NULL || p->held[k] == NULL ||
			    !lock_is_held(p->held[k]))
				continue;
			if (holder != NULL)
				sim_fail(w, "%s and %s both hold lock %s",
				    holder->name, n->name, wl_locks[k]);
			holder = n;
		}
	}
	if (!wl_world(w)->clone)
		return;
	struct sim_node *a = &w->nodes[0], *b = &w->nodes[w->conf.nodes - 1];
	struct wl_proc *pa = a->app, *pb = b->app;
	if (a->up && b->up && pa != NULL && pb != NULL && pa->opened &&
	    pb->opened && lease_is_valid(pa->lease) &&
	    lease_is_valid(pb->lease))
		sim_fail(w, "%s and its copy %s both have a valid session",
		    a->name, b->name);
}

static void
wl_taken(struct sim_node *n, unsigned k)
{
	struct wl_proc *p = wl_proc(n);
	struct wl_world *lw = wl_world(n->w);
	uint64_t token = lock_token(p->held[k]);

	sim_say(n->w, n, "takes lock %s with token %llu", wl_locks[k],
	    (unsigned long long)token);
	lw->acquired++;
	if (token <= lw->token[k])
		sim_fail(n->w, "%s takes %s with token %llu, after %llu",
		    n->name, wl_locks[k], (unsigned long long)token,
		    (unsigned long long)lw->token[k]);
	lw->token[k] = token;
}

static may_yield void
wl_release(struct task *t, struct sim_node *n, unsigned k)
{
	struct wl_proc *p = wl_proc(n);
	struct lock *lock = p->held[k];

	/* Released is released, for the observer too. */
	p->held[k] = NULL;
	sim_say(n->w, n, "releases lock %s", wl_locks[k]);
	lock_release(t, &lock);
}

static struct err *
wl_compose(struct task *t, void *arg, struct buf *ops)
{
	(void)t;
	record_op(ops, 'o');
	record_u64(ops, *(const uint64_t *)arg);
	return NULL;
}

/* Under lock "jobs": claim, decide, act, say so. */
static may_yield void
wl_jobs(struct task *t, struct sim_node *n)
{
	struct wl_proc *p = wl_proc(n);
	struct journal_tx tx;
	uint64_t job;
	unsigned i;
	struct err *e = lock_claim(t, p->held[0], p->state.j);

	if (e != NULL)
		return;
	for (job = 0; job < WJ_JOBS; job++) {
		if (p->state.jobs[job] != 0)
			continue;
		/* The act itself, which may take too long. */
		task_sleep_ms(t, rnd_below(&n->rnd, 3) == 0
				     ? sim_interval(n->w) / 1000
				     : rnd_below(&n->rnd, 2000));
		journal_tx_init(t, p->state.j, &tx);
		tx.compose = wl_compose;
		tx.arg = &job;
		tx.token = lock_token(p->held[0]);
		i = wj_tx_new(n->w, &tx.txid, "outcome", NULL);
		e = journal_commit(t, p->state.j, &tx);
		if (e == NULL)
			wj_acked(n, i);
		else if (journal_err_is_verdict(e))
			wj_refused(n, i, e);
		else
			wj_world(n)->txs[i].status = WJ_UNKNOWN;
		if (e != NULL || rnd_below(&n->rnd, 3) == 0 || n->w->stopping)
			return;
	}
}

static may_yield void
wl_hold(struct task *t, struct sim_node *n, unsigned k)
{
	struct wl_proc *p = wl_proc(n);
	struct err *e;

	if (p->busy[k])
		return;
	p->busy[k] = true;
	if (rnd_below(&n->rnd, 2) == 0) {
		e = lock_try(t, p->locks, str_c(wl_locks[k]), &p->held[k]);
	} else {
		task_set_deadline(t,
		    task_now_ms(t) + 1000 + rnd_below(&n->rnd, 60000));
		e = lock_acquire(t, p->locks, str_c(wl_locks[k]), &p->held[k]);
		task_set_deadline(t, 0);
	}
	if (e != NULL || p->held[k] == NULL) {
		p->held[k] = NULL;
		p->busy[k] = false;
		return;
	}
	wl_taken(n, k);
	if (k == 0)
		wl_jobs(t, n);
	else
		task_sleep_ms(t, sim_interval(n->w) / 1000);
	err_ignore(lock_check(t, p->held[k]));
	wl_release(t, n, k);
	p->busy[k] = false;
}

static may_yield_unchecked void
wl_client(struct task *t, void *arg)
{
	struct sim_node *n = arg;
	struct wl_proc *p = wl_proc(n);

	for (int i = 0; i < 30 && !n->w->stopping && !p->refused; i++) {
		struct arena_mark m = arena_mark(task_arena(t));

		wl_hold(t, n, (unsigned)rnd_below(&n->rnd, WL_LOCKS));
		arena_rewind(task_arena(t), m);
		task_sleep_ms(t, rnd_below(&n->rnd, 6000));
	}
}

/* The lease first; then everything else. */
static may_yield_unchecked void
wl_main(struct task *t, void *arg)
{
	struct sim_node *n = arg;
	struct wl_proc *p = wl_proc(n);

	for (;;) {
		struct err *e = lease_acquire(t, p->lease);

		if (e == NULL)
			break;
		if (p->refused || err_is(e, ERR_DUPLICATE))
			return;
		task_sleep_ms(t, 1000);
	}
	sim_client(n, "client", wl_client, n);
	sim_client(n, "client", wl_client, n);
}

static void
wl_copy_disk(struct sim_node *n)
{
	struct sim_world *w = n->w;
	struct sim_disk *d = n->kept, *from = w->nodes[0].kept;

	if (wl_world(w)->clone && n->id == w->conf.nodes - 1 && from != NULL &&
	    from->id_n > 0) {
		memcpy(d->id, from->id, from->id_n);
		d->id_n = from->id_n;
	}
}

static void
w_lease_boot(struct sim_node *n)
{
	struct wl_proc *p = xcalloc(1, sizeof(*p));
	struct node_local local = sim_local(n);
	struct arena *a = arena_new(0);

	n->app = p;
	if (n->kept == NULL) {
		sim_disk(n);
		wl_copy_disk(n);
	}
	sim_store_init(n, &p->st);
	p->env.store = &p->st;
	p->env.ckpt_every = 6;
	wj_state_init(&p->state, n);
	p->state.j =
	    journal_new(&p->env, &wj_world(n)->dir, "j", &wj_client, &p->state);
	struct err *e = node_open(a, &local, &n->rnd, &p->node);
	if (e != NULL)
		sim_fail(n->w, "%s: node_open: %s", n->name, e->text);
	p->lease = lease_new(&p->st, p->node, &wl_lease_client, n);
	p->nodes = nodes_new(&p->st, p->lease);
	p->locks = locks_new(&p->st, p->lease, p->nodes);
	nodes_watch(p->nodes);
	p->opened = true;
	arena_free(&a);
	sim_client(n, "main", wl_main, n);
}

/* Everybody gets everything, in turn; and then nothing is held. */
static may_yield_unchecked void
w_lease_final(struct task *t, struct sim_node *n, unsigned pass)
{
	struct wl_proc *p = wl_proc(n);
	struct lock_view *v;
	struct err *e;

	if (pass == 1) {
		wj_finish(t, n, &p->state);
		return;
	}
	if (p->refused)
		return;
	for (unsigned k = 0; k < WL_LOCKS; k++) {
		task_set_deadline(t, task_now_ms(t) + 5 * 60000);
		do { /* a slow share may cost a session even now */
			e = lease_acquire(t, p->lease);
			if (err_is(e, ERR_DUPLICATE))
				return;
			if (e == NULL)
				e = lock_acquire(t, p->locks,
				    str_c(wl_locks[k]), &p->held[k]);
		} while (err_is(e, ERR_LOST));
		task_set_deadline(t, 0);
		if (e != NULL)
			sim_fail(n->w, "%s cannot take %s at the end: %s",
			    n->name, wl_locks[k], e->text);
		wl_taken(n, k);
		if (k == 0)
			wl_jobs(t, n);
		wl_release(t, n, k);
	}
	locks_settle(t, p->locks);
	do
		e = lock_list(t, &p->st, p->nodes, &v);
	while (share_err_is_temporary(e)); /* from before all was calm */
	if (e != NULL)
		sim_fail(n->w, "%s: lock list: %s", n->name, e->text);
	/* Of a session that ended meanwhile, a lock may be left: anyone can
	 * take it. */
	for (; v != NULL; v = v->next)
		if (v->state == LOCK_UNREADABLE ||
		    (v->state == LOCK_HELD &&
			lease_is_session(p->lease, &v->session)))
			sim_fail(n->w, "lock %s is not free at the end",
			    v->resource);
}

const struct sim_workload workload_lease = {
	.name = "lease",
	.about = "leases, locks, claims and copied identities",
	.weight = 3,
	.conf = w_lease_conf,
	.setup = w_lease_setup,
	.boot = w_lease_boot,
	.crash = sim_local_died,
	.watch = w_lease_watch,
	.final = w_lease_final,
	.check = wj_check,
};
