/* w_share.c - workload: plain calls of the share; proves the model itself */
#include "simstore.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * Every node puts files of random names, competes for exclusive names, links,
 * renames and removes.  An omniscient observer knows what was acknowledged.
 * What must hold here is what share.h promises, nothing more.
 */
#define WS_SLOTS 40
#define WS_FILES 200

struct ws_file {
	char name[40];
	char content[64];
	unsigned n;
	bool acked, removing;
};

struct ws_world {
	/* Who was told that the slot is his: node + 1. */
	unsigned winner[WS_SLOTS];
	unsigned forgot_at[WS_SLOTS];
	bool durable[WS_SLOTS];
	struct ws_file files[WS_FILES];
	unsigned files_n;
	struct share_fh dir, slots;
};

struct ws_proc {
	struct store st;
};

static struct ws_world *
ws_world(const struct sim_node *n)
{
	return n->w->app;
}

static may_yield_unchecked void
ws_setup(struct task *t, struct sim_node *n)
{
	struct ws_world *ww = xcalloc(1, sizeof(*ww));
	struct err *e;

	n->w->app = ww;
	sim_store_setup(t, n, "barrier");
	e = share_mkdir_path(t, n->share, SHARE_LANE_ADMIN, STR("a/files"),
	    &ww->dir);
	if (e == NULL)
		e = share_mkdir_path(t, n->share, SHARE_LANE_ADMIN,
		    STR("a/log"), &ww->slots);
	if (e != NULL)
		sim_fail(n->w, "setup: %s", e->text);
}

static may_yield void
ws_put(struct task *t, struct sim_node *n)
{
	struct ws_world *ww = ws_world(n);
	struct ws_file *f;
	struct err *e;

	if (ww->files_n == WS_FILES)
		return;
	f = &ww->files[ww->files_n++];
	snprintf(f->name, sizeof(f->name), "f%u-%llx", ww->files_n,
	    (unsigned long long)rnd_u64(&n->rnd));
	f->n = 1 + (unsigned)rnd_below(&n->rnd, sizeof(f->content));
	n->rnd.fill(n->rnd.arg, f->content, f->n);
	e = share_put(t, n->share, SHARE_LANE_BULK, &ww->dir, str_c(f->name),
	    f->content, f->n, NULL);
	if (e != NULL)
		return;
	sim_say(n->w, n, "%s is put", f->name);
	f->acked = true;
}

static may_yield void
ws_slot(struct task *t, struct sim_node *n)
{
	struct ws_world *ww = ws_world(n);
	unsigned k = (unsigned)rnd_below(&n->rnd, WS_SLOTS);
	unsigned forgot = n->w->forgot;
	uint64_t conn;
	char name[8];
	struct err *e;

	snprintf(name, sizeof(name), "%04u", k);
	e = share_symlink(t, n->share, SHARE_LANE_COMMIT, &ww->slots,
	    str_c(name), str_c(n->name), NULL, &conn);
	if (e != NULL)
		return;
	if (!ww->durable[k] && rnd_below(&n->rnd, 2) == 0 &&
	    barrier_wait(t, ((struct ws_proc *)n->app)->st.barrier, conn) ==
		NULL) {
		/* Whatever the server forgets from here on. */
		sim_say(n->w, n, "%s is behind a barrier", name);
		if (!tree_name_is_durable(n->w->tree,
			tree_object_of_fh(&ww->slots), str_c(name)))
			sim_fail(n->w, "%s is not durable after a barrier",
			    name);
		ww->durable[k] = true;
	}
	if (forgot != n->w->forgot)
		return;
	if (ww->winner[k] != 0 && ww->forgot_at[k] == forgot)
		sim_fail(n->w, "slot %u was won by n%u and by %s", k,
		    ww->winner[k], n->name);
	ww->winner[k] = n->id + 1;
	ww->forgot_at[k] = forgot;
}

/* What was put is read as it was put. */
static may_yield void
ws_get(struct task *t, struct sim_node *n)
{
	struct ws_world *ww = ws_world(n);
	struct arena_mark m = arena_mark(task_arena(t));
	struct ws_file *f;
	struct str data;
	struct err *e;

	if (ww->files_n == 0)
		return;
	f = &ww->files[rnd_below(&n->rnd, ww->files_n)];
	if (!f->acked || f->removing)
		return;
	e = share_get(t, n->share, SHARE_LANE_BULK, &ww->dir, str_c(f->name),
	    1000, task_arena(t), &data);
	if (err_is(e, ERR_NOENT) && !f->removing)
		sim_fail(n->w, "%s is gone", f->name);
	if (e == NULL && !str_eq(data, str_of(f->content, f->n)))
		sim_fail(n->w, "%s has another content", f->name);
	arena_rewind(task_arena(t), m);
}

static may_yield void
ws_remove(struct task *t, struct sim_node *n)
{
	struct ws_world *ww = ws_world(n);
	struct ws_file *f;

	if (ww->files_n == 0)
		return;
	f = &ww->files[rnd_below(&n->rnd, ww->files_n)];
	if (!f->acked)
		return;
	f->removing = true;
	err_ignore(share_remove_quiet(t, n->share, SHARE_LANE_ADMIN, &ww->dir,
	    str_c(f->name)));
}

/* A whole listing shows what was there before and is there after. */
static may_yield void
ws_list(struct task *t, struct sim_node *n)
{
	struct ws_world *ww = ws_world(n);
	struct arena_mark m = arena_mark(task_arena(t));
	struct share_dirent *d;
	unsigned i = 0, from = (unsigned)rnd_below(&n->rnd, WS_FILES);
	bool was = false;

	if (ww->files_n > 0) {
		i = from % ww->files_n;
		was = ww->files[i].acked && !ww->files[i].removing;
	}
	if (share_readdir(t, n->share, SHARE_LANE_ADMIN, &ww->dir, 10000, &d,
		NULL) != NULL ||
	    !was || ww->files[i].removing)
		return;
	for (; d != NULL; d = d->next)
		if (str_eq_c(d->name, ww->files[i].name))
			was = false;
	if (was)
		sim_fail(n->w, "%s is not listed", ww->files[i].name);
	arena_rewind(task_arena(t), m);
}

static may_yield_unchecked void
ws_client(struct task *t, void *arg)
{
	static void (*const does[])(struct task * t,
	    struct sim_node * n) = { ws_put, ws_put, ws_slot, ws_slot, ws_get,
		ws_remove, ws_list };
	struct sim_node *n = arg;

	for (int i = 0; i < 60 && !n->w->stopping; i++) {
		does[rnd_below(&n->rnd, countof(does))](t, n);
		task_sleep_ms(t, rnd_below(&n->rnd, 3000));
	}
}

static void
ws_boot(struct sim_node *n)
{
	struct ws_proc *p = xcalloc(1, sizeof(*p));

	n->app = p;
	sim_store_init(n, &p->st);
	if (n->life > 6)
		return;
	sim_client(n, "client", ws_client, n);
	sim_client(n, "client", ws_client, n);
}

static void
ws_crash(struct sim_node *n)
{
	(void)n;
}

static may_yield_unchecked void
ws_final(struct task *t, struct sim_node *n, unsigned pass)
{
	(void)pass;
	ws_list(t, n);
}

static void
ws_check(struct sim_world *w)
{
	struct ws_world *ww = w->app;
	uint64_t dir = tree_find(w->tree, "a/files");

	for (unsigned i = 0; i < WS_SLOTS; i++) {
		char name[8];

		snprintf(name, sizeof(name), "%04u", i);
		if (ww->durable[i] &&
		    tree_child(w->tree, tree_find(w->tree, "a/log"),
			str_c(name)) == 0)
			sim_fail(w, "%s was behind a barrier and is gone",
			    name);
	}

	for (unsigned i = 0; i < ww->files_n; i++) {
		struct ws_file *f = &ww->files[i];
		uint64_t o = tree_child(w->tree, dir, str_c(f->name));

		if (!f->acked || f->removing)
			continue;
		if (o == 0)
			sim_fail(w, "%s was put and is not there", f->name);
		if (!str_eq(tree_content(w->tree, o), str_of(f->content, f->n)))
			sim_fail(w, "%s has another content", f->name);
	}
}

const struct sim_workload workload_share = {
	.name = "share",
	.about = "plain calls: proves the simulated server",
	.weight = 1,
	.setup = ws_setup,
	.boot = ws_boot,
	.crash = ws_crash,
	.final = ws_final,
	.check = ws_check,
};
