/* w_state.c - workload: replicas of the state on every node */
#include "wj.h"
#include "simstore.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/state.h"
#include "storage/state_account.h"
#include "storage/state_domain.h"
#include "storage/state_route.h"

/*
 * Every node adds domains and accounts, changes quotas, removes and brings
 * back.  In every other world the share is of the schema before, and some nodes
 * are, too, until they start again: whoever gets to it raises it to what all
 * know; what only the newest has (routes) is refused until then.  Replicas are
 * SQLite databases, in memory or in a directory of the node's (which is damaged
 * now and then, as disks are).
 */
#define WS_ITEMS 400
#define WS_CONTESTED 4

enum ws_status { WST_OPEN, WST_ACKED, WST_REFUSED, WST_UNKNOWN };

struct ws_item {
	bool domain, route;
	char address[64], id[STATE_ID_CHARS + 1];
	enum ws_status status;
	bool removal_tried, removal_acked;
	uint64_t quota_tried, quota_acked;
	unsigned owner; /* only this node changes its quota */
	bool busy;
};

struct ws_world {
	struct clusterkey key;
	struct ws_item items[WS_ITEMS];
	unsigned items_n;
	bool disks;
	uint32_t knows[SIM_NODES_MAX]; /* schema, of this or the next life */
	bool old;		       /* schema of the share at first */
	unsigned char digest[SIM_NODES_MAX][32];
	uint64_t seq[SIM_NODES_MAX];
};

struct ws_proc {
	struct store st;
	struct state *state;
	char dir[100];
};

static struct ws_world *
wst_world(const struct sim_node *n)
{
	return n->w->app2;
}

static struct ws_proc *
wst_proc(const struct sim_node *n)
{
	return n->app;
}

static void
w_state_conf(struct sim_world *w, struct sim_conf *c)
{
	c->run_us = 10 * SIM_MINUTE + sim_below(w, 30 * SIM_MINUTE);
}

static void
wst_conf(struct sim_node *n, struct store *st, const char *dir,
    struct state_conf *c_r)
{
	*c_r = (struct state_conf){ .store = st,
		.local = dir,
		.key = wst_world(n)->key,
		.synchronous = "OFF",
		.check_at_open = true,
		.schema_max = wst_world(n)->knows[n->id],
		.ckpt_every = 4 + (uint32_t)(n->w->seed % 3) * 6 };
}

static may_yield_unchecked void
w_state_setup(struct task *t, struct sim_node *n)
{
	struct ws_world *sw = xcalloc(1, sizeof(*sw));
	struct wj_world *ww = wj_world_new(n->w);
	struct state_conf c;
	struct store st;
	struct state *s;
	struct state_domain d = { .name = STR("example.org") };
	struct err *e;

	n->w->app2 = sw;
	clusterkey_make(&n->rnd, &sw->key);
	sw->disks = sim_below(n->w, 2) == 0;
	sw->old = sim_below(n->w, 2) == 0;
	sim_store_setup(t, n, "state barrier");
	sim_store_init(n, &st);
	wst_conf(n, &st, NULL, &c);
	c.schema_max = sw->old ? STATE_SCHEMA - 1 : STATE_SCHEMA;
	e = state_create(t, &c);
	if (e == NULL)
		e = state_open(t, &c, &s, NULL);
	if (e == NULL)
		e = state_domain_add(t, s, "sim", &d);
	if (e != NULL)
		sim_fail(n->w, "setup: %s (%s)", e->text,
		    e->detail ? e->detail : "");
	state_settle(t, s);
	state_close(&s);
	barrier_free(&st.barrier);
	/* The observer begins here: what is there is history. */
	ww->log_o = tree_find(n->w->tree, "state/log");
	ww->ckpt_o = tree_find(n->w->tree, "state/ckpt");
	wj_world_catch_up(n->w);
	wj_world_watch(n->w);
}

static struct ws_item *
wst_item_new(struct sim_node *n, bool domain)
{
	struct ws_world *sw = wst_world(n);
	struct ws_item *it;

	if (sw->items_n == WS_ITEMS)
		return NULL;
	it = &sw->items[sw->items_n++];
	it->domain = domain;
	it->owner = n->id;
	return it;
}

static enum ws_status
wst_status(const struct err *e)
{
	/* A refusal of the business function, which saw the head. */
	if (e == NULL)
		return WST_ACKED;
	if (err_is(e, ERR_DUPLICATE) || err_is(e, ERR_NOTFOUND) ||
	    err_is(e, ERR_INVALID) || err_is(e, ERR_LIMIT) ||
	    err_is(e, ERR_CONFLICT))
		return WST_REFUSED;
	return journal_err_is_verdict(e) ? WST_REFUSED : WST_UNKNOWN;
}

static may_yield void
wst_add_domain(struct task *t, struct sim_node *n, struct state *s)
{
	struct ws_item *it = wst_item_new(n, true);
	struct state_domain d = { 0 };
	struct err *e;

	if (it == NULL)
		return;
	snprintf(it->address, sizeof(it->address), "d%u.example",
	    wst_world(n)->items_n);
	d.name = str_c(it->address);
	e = state_domain_add(t, s, "sim", &d);
	it->status = wst_status(e);
	sim_say(n->w, n, "adds domain %s: %s", it->address,
	    err_name(err_code(e)));
}

static may_yield void
wst_add_account(struct task *t, struct sim_node *n, struct state *s)
{
	struct ws_item *it = wst_item_new(n, false);
	struct state_account_new a = { 0 };
	struct err *e;

	if (it == NULL)
		return;
	/* Some addresses are wanted by everybody. */
	if (rnd_below(&n->rnd, 3) == 0)
		snprintf(it->address, sizeof(it->address),
		    "wanted%u@example.org",
		    (unsigned)rnd_below(&n->rnd, WS_CONTESTED));
	else
		snprintf(it->address, sizeof(it->address), "u%u@example.org",
		    wst_world(n)->items_n);
	state_account_id(&n->rnd, it->id);
	a.address = str_c(it->address);
	a.id_r = str_c(it->id);
	a.name = STR("Somebody");
	e = state_account_add(t, s, "sim", &a, 1);
	it->status = wst_status(e);
	sim_say(n->w, n, "adds %s: %s", it->address, err_name(err_code(e)));
}

/* As the cluster's jobs do. */
static may_yield void
wst_raise(struct task *t, struct sim_node *n, struct state *s)
{
	uint32_t all = STATE_SCHEMA, from = state_schema(s);
	struct err *e;

	for (unsigned i = 0; i < n->w->conf.nodes; i++)
		if (wst_world(n)->knows[i] < all)
			all = wst_world(n)->knows[i];
	if (all <= from)
		return;
	e = state_schema_raise(t, s, all);
	sim_say(n->w, n, "raises the schema %u to %u: %s", from, all,
	    err_name(err_code(e)));
}

static may_yield void
wst_add_route(struct task *t, struct sim_node *n, struct state *s)
{
	struct ws_item *it = wst_item_new(n, true);
	struct state_route r = { .hosts = STR("relay.example:587"),
		.tls = STATE_ROUTE_VERIFY,
		.user = STR("us"),
		.password = STR("secret") };
	struct err *e;

	if (it == NULL)
		return;
	it->route = true;
	snprintf(it->address, sizeof(it->address), "r%u.example",
	    wst_world(n)->items_n);
	r.pattern = str_c(it->address);
	e = state_route_set(t, s, "sim", &r);
	it->status = wst_status(e);
	sim_say(n->w, n, "routes %s: %s", it->address, err_name(err_code(e)));
}

/* Rows of before the raise, changed. */
static may_yield void
wst_rules(struct task *t, struct sim_node *n, struct state *s)
{
	struct state_domain d = { .rules.message_max =
				      rnd_below(&n->rnd, 1000) };
	struct err *e = state_domain_set(t, s, "sim", STR("example.org"), &d,
	    STATE_DOMAIN_MESSAGE_MAX);

	sim_say(n->w, n, "sets the domain's rules: %s", err_name(err_code(e)));
}

/* An account of ours that was acknowledged and is not being changed. */
static struct ws_item *
wst_any(struct sim_node *n)
{
	struct ws_world *sw = wst_world(n);
	unsigned from;

	if (sw->items_n == 0)
		return NULL;
	from = (unsigned)rnd_below(&n->rnd, sw->items_n);
	for (unsigned i = 0; i < sw->items_n; i++) {
		struct ws_item *it = &sw->items[(from + i) % sw->items_n];

		if (!it->domain && it->status == WST_ACKED && !it->busy &&
		    !it->removal_tried && it->owner == n->id)
			return it;
	}
	return NULL;
}

static may_yield void
wst_quota(struct task *t, struct sim_node *n, struct state *s)
{
	struct ws_item *it = wst_any(n);
	struct err *e;

	if (it == NULL)
		return;
	it->busy = true;
	it->quota_tried++;
	e = state_account_quota(t, s, "sim", str_c(it->address),
	    it->quota_tried, 0);
	if (e == NULL)
		it->quota_acked = it->quota_tried;
	sim_say(n->w, n, "sets quota %llu of %s: %s",
	    (unsigned long long)it->quota_tried, it->address,
	    err_name(err_code(e)));
	it->busy = false;
}

static may_yield void
wst_remove(struct task *t, struct sim_node *n, struct state *s)
{
	struct ws_item *it = wst_any(n);
	struct err *e;

	if (it == NULL)
		return;
	it->removal_tried = true;
	e = state_account_remove(t, s, "sim", str_c(it->address), NULL);
	it->removal_acked = e == NULL;
	sim_say(n->w, n, "removes %s: %s", it->address, err_name(err_code(e)));
}

static may_yield void
wst_look(struct task *t, struct sim_node *n, struct state *s)
{
	struct ws_item *it = wst_any(n);
	struct state_account a;
	struct err *e = state_refresh(t, s);

	if (it == NULL || e != NULL || it->removal_tried ||
	    it->status != WST_ACKED)
		return;
	e = state_account_find(task_arena(t), s, str_c(it->address), &a);
	if (err_is(e, ERR_NOTFOUND) && n->w->forgot == 0)
		sim_fail(n->w, "%s: %s is not there", n->name, it->address);
}

static may_yield void
wst_maintain(struct task *t, struct sim_node *n, struct state *s)
{
	err_ignore(state_maintain(t, s, rnd_below(&n->rnd, 3) == 0));
}

static may_yield_unchecked void
wst_do(struct task *t, struct sim_node *n)
{
	static void (*const does[])(struct task * t, struct sim_node * n,
	    struct state * s) = { wst_add_domain, wst_add_account,
		wst_add_account, wst_add_account, wst_quota, wst_quota,
		wst_remove, wst_look, wst_maintain, wst_raise, wst_add_route,
		wst_rules };
	struct arena_mark m = arena_mark(task_arena(t));

	does[rnd_below(&n->rnd, countof(does))](t, n, wst_proc(n)->state);
	arena_rewind(task_arena(t), m);
}

static may_yield_unchecked void
wst_client(struct task *t, void *arg)
{
	struct sim_node *n = arg;
	unsigned most = 6 + (unsigned)rnd_below(&n->rnd, 14);

	for (unsigned i = 0; i < most && !n->w->stopping; i++) {
		wst_do(t, n);
		if (rnd_below(&n->rnd, 6) == 0)
			task_sleep_ms(t, sim_interval(n->w) / 1000);
		else
			task_sleep_ms(t, rnd_below(&n->rnd, 4000));
	}
}

/* Bytes on the disk rot. */
static void
wst_damage(struct sim_node *n, const char *dir)
{
	char path[140];
	struct stat st;
	unsigned char junk[64];
	int fd;

	snprintf(path, sizeof(path), "%s/state.db", dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	/* Not single bits, which only a check of all indexes would find. */
	if (fstat(fd, &st) == 0 && st.st_size > 3 * 4096) {
		n->rnd.fill(n->rnd.arg, junk, sizeof(junk));
		if (rnd_below(&n->rnd, 2) == 0 &&
		    ftruncate(fd, st.st_size / 2) != 0)
			sim_fail(n->w, "%s: cannot be damaged", path);
		for (off_t at = 4096; at < st.st_size; at += 4096)
			if (pwrite(fd, junk, sizeof(junk), at) < 0)
				break;
		sim_say(n->w, n, "its state.db is damaged");
	}
	close(fd);
}

static may_yield_unchecked void
wst_main(struct task *t, void *arg)
{
	struct sim_node *n = arg;
	struct ws_proc *p = wst_proc(n);
	struct state_conf c;
	bool stale;

	wst_conf(n, &p->st, p->dir[0] ? p->dir : NULL, &c);
	for (unsigned tries = 0;; tries++) {
		struct err *e = state_open(t, &c, &p->state, &stale);

		if (e == NULL)
			break;
		sim_say(n->w, n, "cannot open the state: %s (%s)", e->text,
		    e->detail ? e->detail : "");
		if (tries > 500)
			sim_fail(n->w, "%s cannot open the state: %s (%s)",
			    n->name, e->text, e->detail ? e->detail : "");
		task_sleep_ms(t, 2000);
	}
	if (n->life > 6)
		return;
	sim_client(n, "client", wst_client, n);
	if (rnd_below(&n->rnd, 2) == 0)
		sim_client(n, "client", wst_client, n);
}

static void
w_state_boot(struct sim_node *n)
{
	struct ws_proc *p = xcalloc(1, sizeof(*p));

	n->app = p;
	/* Nobody goes back to an older version. */
	if (!wst_world(n)->old || rnd_below(&n->rnd, 4) != 0)
		wst_world(n)->knows[n->id] = STATE_SCHEMA;
	else if (wst_world(n)->knows[n->id] == 0)
		wst_world(n)->knows[n->id] = STATE_SCHEMA - 1;
	sim_store_init(n, &p->st);
	if (wst_world(n)->disks) {
		snprintf(p->dir, sizeof(p->dir), "%s/%s", n->w->local, n->name);
		if (mkdir(p->dir, 0700) == 0)
			sim_say(n->w, n, "has a new disk");
		else if (n->life > 1 && rnd_below(&n->rnd, 4) == 0)
			wst_damage(n, p->dir);
	}
	sim_client(n, "main", wst_main, n);
}

static void
w_state_crash(struct sim_node *n)
{
	struct ws_proc *p = n->app;

	/* SQLite's files are closed as by the death of the process; what it
	 * was writing stays as it is. */
	if (p != NULL && p->state != NULL)
		p->state = NULL;
}

static void
wst_judge(struct sim_node *n, struct state *s, struct arena *a)
{
	struct ws_world *sw = wst_world(n);

	for (unsigned i = 0; i < sw->items_n; i++) {
		struct ws_item *it = &sw->items[i];
		struct state_domain d;
		struct state_account acc;
		struct state_route r;
		struct err *e;
		bool there;

		if (it->route)
			e = state_route_get(a, s, str_c(it->address), &r);
		else if (it->domain)
			e = state_domain_find(a, s, str_c(it->address), &d);
		else
			e = state_account_get(a, s, str_c(it->id), &acc);
		there = e == NULL;
		if (e != NULL && !err_is(e, ERR_NOTFOUND))
			sim_fail(n->w, "%s: %s", it->address, e->text);
		if (it->status == WST_ACKED && !there)
			sim_fail(n->w, "%s was acknowledged and is LOST",
			    it->address);
		if (it->status == WST_REFUSED && there)
			sim_fail(n->w, "%s was refused and is there",
			    it->address);
		if (it->domain || !there)
			continue;
		if (it->removal_acked && acc.status != STATE_ACCOUNT_REMOVED)
			sim_fail(n->w, "the removal of %s is undone",
			    it->address);
		if (!it->removal_tried && acc.status != STATE_ACCOUNT_ACTIVE)
			sim_fail(n->w, "%s is removed, but nobody did it",
			    it->address);
		if (it->quota_tried > 0 &&
		    (acc.quota_bytes < it->quota_acked ||
			acc.quota_bytes > it->quota_tried))
			sim_fail(n->w, "quota of %s: %llu, was set to %llu",
			    it->address, (unsigned long long)acc.quota_bytes,
			    (unsigned long long)it->quota_acked);
	}
}

/* A new node reads a snapshot and the tail, and is equal to the others. */
static may_yield void
wst_join(struct task *t, struct sim_node *n)
{
	struct ws_proc *p = wst_proc(n);
	unsigned char mine[32], joined[32];
	struct state_conf c;
	struct state *s;
	struct err *e;

	wst_conf(n, &p->st, NULL, &c);
	c.no_background = true;
	e = state_open(t, &c, &s, NULL);
	if (e == NULL)
		e = state_digest(task_arena(t), s, joined);
	if (e == NULL)
		e = state_digest(task_arena(t), p->state, mine);
	if (e != NULL)
		sim_fail(n->w, "%s: join: %s (%s)", n->name, e->text,
		    e->detail ? e->detail : "");
	if (memcmp(mine, joined, 32) != 0)
		sim_fail(n->w, "%s: a new node joins with another state",
		    n->name);
	state_settle(t, s);
	state_close(&s);
}

static may_yield_unchecked void
w_state_final(struct task *t, struct sim_node *n, unsigned pass)
{
	struct ws_proc *p = wst_proc(n);
	struct ws_world *sw = wst_world(n);
	struct state_problem *problem;
	struct err *e;

	if (pass == 0) {
		for (int i = 0; i < 3; i++)
			wst_add_account(t, n, p->state);
		state_settle(t, p->state);
		return;
	}
	e = state_refresh(t, p->state);
	if (e == NULL)
		e = state_readonly(task_arena(t), p->state);
	if (e == NULL)
		e = state_check(task_arena(t), p->state, &problem);
	if (e == NULL)
		e = state_digest(task_arena(t), p->state, sw->digest[n->id]);
	if (e != NULL)
		sim_fail(n->w, "%s: at the end: %s (%s)", n->name, e->text,
		    e->detail ? e->detail : "");
	if (problem != NULL)
		sim_fail(n->w, "%s: check: %s", n->name, problem->text);
	sw->seq[n->id] = state_seq(p->state);
	wst_judge(n, p->state, task_arena(t));
	if (n->id == 0)
		wst_join(t, n);
}

static void
w_state_check(struct sim_world *w)
{
	struct ws_world *sw = w->app2;

	for (unsigned i = 1; i < w->conf.nodes; i++) {
		if (sw->seq[i] != sw->seq[0])
			sim_fail(w, "n1 is at %llu, n%u at %llu",
			    (unsigned long long)sw->seq[0], i + 1,
			    (unsigned long long)sw->seq[i]);
		if (memcmp(sw->digest[i], sw->digest[0], 32) != 0)
			sim_fail(w, "replicas of n1 and n%u differ", i + 1);
	}
}

const struct sim_workload workload_state = {
	.name = "state",
	.about = "replicas of the state on every node",
	.weight = 3,
	.wants_disk = true,
	.conf = w_state_conf,
	.setup = w_state_setup,
	.boot = w_state_boot,
	.crash = w_state_crash,
	.final = w_state_final,
	.check = w_state_check,
};
