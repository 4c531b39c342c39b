/* plan.c - faults at chosen calls, where chance alone would seldom strike */
#include "sim.h"

#include <stdlib.h>

/*
 * A seed draws a few of these: "when the k-th SYMLINK in a ckpt directory has
 * executed, its node stalls for eleven minutes".
 */
enum plan_action {
	PLAN_CRASH,
	PLAN_PAUSE,
	PLAN_FORGET, /* the server crashes and forgets */
	PLAN_RESTART,
	PLAN_LATE,
	PLAN_STALL,
	PLAN_DEAF, /* executed, the reply lost, and the node stalls */
	PLAN_TWICE,
	PLAN_LOSE_REPLY,
	PLAN_FALSE_ERROR,
	PLAN_ACTIONS
};

static const char *const plan_names[PLAN_ACTIONS] = { "crash", "pause",
	"server forgets", "server restarts", "late", "stall before sending",
	"stall, reply lost", "twice", "reply lost", "false error" };

struct plan_item {
	enum sim_moment moment;
	enum share_proc proc; /* SHARE_PROCS: any */
	const char *dir;      /* last part of the directory's path */
	unsigned countdown;
	enum plan_action action;
	uint64_t us;
};

#define PLAN_ITEMS 8
struct sim_plan {
	struct plan_item items[PLAN_ITEMS];
	unsigned count;
	/* to be done before the next step */
	struct sim_node *crash;
	uint64_t crash_us;
	bool forget, restart;
};

static const struct {
	enum share_proc proc;
	const char *dir;
} plan_calls[] = {
	{ SHARE_SYMLINK, "log" },
	{ SHARE_SYMLINK, "log" },
	{ SHARE_SYMLINK, "log" },
	{ SHARE_SYMLINK, "ckpt" },
	{ SHARE_READDIR, "ckpt" },
	{ SHARE_READDIR, "log" },
	{ SHARE_REMOVE, "log" },
	{ SHARE_REMOVE, "ckpt" },
	{ SHARE_REMOVE, "seg" },
	{ SHARE_LOOKUP, "log" },
	{ SHARE_CREATE, NULL },
	{ SHARE_WRITE, NULL },
	{ SHARE_LINK, NULL },
	{ SHARE_RENAME, NULL },
	{ SHARE_REMOVE, NULL },
	{ SHARE_GETATTR, NULL },
};

/* Which action makes sense when. */
static bool
plan_fits(const struct sim_world *w, const struct plan_item *it)
{
	switch (it->action) {
	case PLAN_LATE:
	case PLAN_STALL:
	case PLAN_TWICE:
		return it->moment == SIM_SUBMIT;
	case PLAN_DEAF:
	case PLAN_LOSE_REPLY:
	case PLAN_FALSE_ERROR:
		return it->moment == SIM_EXECUTED;
	case PLAN_FORGET:
		return w->conf.lazy;
	case PLAN_CRASH:
		return !w->conf.lying;
	default:
		return true;
	}
}

/* Long enough for others to make two checkpoints and to collect. */
static void
plan_draw_hole(struct sim_world *w, struct plan_item *it)
{
	static const struct plan_item kinds[] = {
		{ SIM_SUBMIT, SHARE_SYMLINK, "log", 0, PLAN_STALL, 0 },
		{ SIM_SUBMIT, SHARE_SYMLINK, "log", 0, PLAN_STALL, 0 },
		{ SIM_SUBMIT, SHARE_SYMLINK, "log", 0, PLAN_LATE, 0 },
		{ SIM_SUBMIT, SHARE_SYMLINK, "log", 0, PLAN_LATE, 0 },
		{ SIM_EXECUTED, SHARE_SYMLINK, "log", 0, PLAN_DEAF, 0 },
		{ SIM_EXECUTED, SHARE_SYMLINK, "log", 0, PLAN_DEAF, 0 },
		{ SIM_SUBMIT, SHARE_SYMLINK, "ckpt", 0, PLAN_LATE, 0 },
		{ SIM_SUBMIT, SHARE_LOOKUP, "log", 0, PLAN_STALL, 0 },
		{ SIM_REPLIED, SHARE_READDIR, "ckpt", 0, PLAN_PAUSE, 0 },
		{ SIM_SUBMIT, SHARE_REMOVE, "log", 0, PLAN_LATE, 0 },
	};

	*it = kinds[sim_below(w, countof(kinds))];
	it->us = 12 * SIM_MINUTE + sim_below(w, 15 * SIM_MINUTE);
	it->countdown = 1 + (unsigned)sim_below(w, 40);
}

static void
plan_draw_any(struct sim_world *w, struct plan_item *it)
{
	unsigned call = (unsigned)sim_below(w, countof(plan_calls));

	do {
		it->moment = (enum sim_moment)sim_below(w, 3);
		it->action = (enum plan_action)sim_below(w, PLAN_ACTIONS);
	} while (!plan_fits(w, it));
	it->proc = plan_calls[call].proc;
	it->dir = plan_calls[call].dir;
	it->us = sim_interval(w);
	it->countdown = 1 + (unsigned)sim_below(w, 40);
	if (sim_below(w, 3) > 0)
		return;
	/* Any call at all, early or late in the run. */
	it->proc = SHARE_PROCS;
	it->dir = NULL;
	it->countdown = 1 + (unsigned)sim_below(w, 1500);
}

void
sim_plan_draw(struct sim_world *w)
{
	struct sim_plan *p = xcalloc(1, sizeof(*p));

	w->plan = p;
	p->count = (unsigned)sim_below(w, PLAN_ITEMS + 1);
	if (w->conf.holes)
		p->count = PLAN_ITEMS;
	if (w->conf.drift)
		p->count = 0;
	for (unsigned i = 0; i < p->count; i++) {
		if (w->conf.holes && sim_below(w, 5) > 0)
			plan_draw_hole(w, &p->items[i]);
		else
			plan_draw_any(w, &p->items[i]);
	}
}

static bool
plan_is_in(struct sim_world *w, const struct plan_item *it,
    const struct share_op *op)
{
	const struct share_fh *fh = op->proc == SHARE_LINK ? &op->to : &op->fh;
	struct str path, dir;

	if (it->dir == NULL)
		return true;
	path = str_c(tree_path(w->tree, tree_object_of_fh(fh)));
	dir = str_c(it->dir);
	return str_ends(path, dir) && path.n > dir.n &&
	       path.p[path.n - dir.n - 1] == '/';
}

static enum sim_verdict
plan_strike(struct sim_node *n, const struct plan_item *it)
{
	struct sim_world *w = n->w;
	struct sim_plan *p = w->plan;

	sim_say(w, n, "(plan: %s at a chosen call)", plan_names[it->action]);
	switch (it->action) {
	case PLAN_CRASH:
		p->crash = n;
		p->crash_us = it->us;
		return SIM_GO_ON;
	case PLAN_PAUSE:
		sim_pause(n, it->us, false);
		return SIM_GO_ON;
	case PLAN_FORGET:
		p->forget = true;
		return SIM_GO_ON;
	case PLAN_RESTART:
		p->restart = true;
		return SIM_GO_ON;
	case PLAN_LATE:
		return SIM_LATE;
	case PLAN_STALL:
		sim_pause(n, it->us + 1, false);
		return SIM_STALL;
	case PLAN_DEAF:
		sim_pause(n, it->us, false);
		return SIM_LOSE_REPLY;
	case PLAN_TWICE:
		return SIM_TWICE;
	case PLAN_LOSE_REPLY:
		return SIM_LOSE_REPLY;
	default:
		return SIM_FALSE_ERROR;
	}
}

/* Faults that befall the entries of leases only: others go on looking, on
 * connections that last. */
static enum sim_verdict
plan_lease(struct sim_world *w, enum sim_moment m, const struct share_op *op,
    uint64_t *us_r)
{
	if (op->proc != SHARE_SYMLINK || w->conf.lease_deaf == 0 ||
	    strncmp(tree_path(w->tree, tree_object_of_fh(&op->fh)), "nodes/",
		6) != 0)
		return SIM_GO_ON;
	if (m == SIM_EXECUTED && sim_chance(w, w->conf.lease_deaf))
		return SIM_LOSE_REPLY;
	if (m != SIM_SUBMIT || !sim_chance(w, w->conf.lease_late))
		return SIM_GO_ON;
	*us_r = sim_below(w, SIM_MINUTE);
	return SIM_LATE;
}

enum sim_verdict
sim_plan_ask(struct sim_node *n, enum sim_moment m, const struct share_op *op,
    uint64_t *us_r)
{
	struct sim_world *w = n->w;
	enum sim_verdict v = SIM_GO_ON;

	if (w->phase != SIM_RUN || w->plan == NULL || !n->up)
		return v;
	v = plan_lease(w, m, op, us_r);
	for (unsigned i = 0; i < w->plan->count; i++) {
		struct plan_item *it = &w->plan->items[i];

		if (it->countdown == 0 || it->moment != m ||
		    (it->proc != op->proc && it->proc != SHARE_PROCS) ||
		    !plan_is_in(w, it, op))
			continue;
		if (--it->countdown != 0)
			continue;
		v = plan_strike(n, it);
		if (us_r != NULL)
			*us_r = it->us;
	}
	return v;
}

void
sim_plan_act(struct sim_world *w)
{
	struct sim_plan *p = w->plan;

	if (p == NULL)
		return;
	if (p->crash != NULL)
		sim_crash(p->crash, p->crash_us);
	p->crash = NULL;
	if (p->forget || p->restart)
		sim_server_restart(w, p->forget, sim_below(w, 3 * SIM_SECOND));
	p->forget = p->restart = false;
}
