/* chaos.c - what goes wrong with nodes and the server, now and then */
#include "sim.h"

static const char *const chaos_names[] = { "crash", "pause", "restart", "cut",
	"forget", "full", "break", "sync" };
enum {
	CHAOS_CRASH,
	CHAOS_PAUSE,
	CHAOS_RESTART,
	CHAOS_CUT,
	CHAOS_FORGET,
	CHAOS_FULL,
	CHAOS_BREAK,
	CHAOS_SYNC,
	CHAOS_KINDS
};

static uint64_t
chaos_mean(const struct sim_world *w, unsigned kind)
{
	const uint64_t means[CHAOS_KINDS] = { w->conf.crash_mean,
		w->conf.pause_mean, w->conf.restart_mean, w->conf.cut_mean,
		w->conf.forget_mean, w->conf.full_mean, w->conf.break_mean,
		w->conf.sync_mean };

	_Static_assert(countof(chaos_names) == CHAOS_KINDS, "names");
	return means[kind];
}

static struct sim_node *
chaos_node(struct sim_world *w)
{
	return &w->nodes[sim_below(w, w->conf.nodes)];
}

static void
chaos_server_back(struct sim_event *ev)
{
	struct sim_world *w =
	    (struct sim_world *)((char *)ev -
				 offsetof(struct sim_world, server_back));

	w->server_up = true;
	sim_say(w, NULL, "the server is back");
}

void
sim_server_restart(struct sim_world *w, bool lose, uint64_t down_us)
{
	if (!w->server_up)
		return;
	sim_say(w, NULL, "THE SERVER CRASHES%s",
	    lose ? " and forgets what it did not sync" : "");
	w->epoch++;
	w->forgot += lose;
	w->server_up = false;
	tree_restart(w->tree, lose);
	for (unsigned i = 0; i < w->conf.nodes; i++)
		if (w->nodes[i].up)
			sim_net_server_restarted(w->nodes[i].net);
	sim_at(w, &w->server_back, w->now_us + down_us, chaos_server_back);
}

/* Behind living connections; the verifier tells. */
void
sim_server_forget(struct sim_world *w)
{
	if (!w->server_up)
		return;
	sim_say(w, NULL, "THE SERVER FORGETS behind living connections");
	w->forgot++;
	tree_restart(w->tree, true);
}

static void
chaos_space(struct sim_event *ev)
{
	struct sim_world *w =
	    (struct sim_world *)((char *)ev -
				 offsetof(struct sim_world, full_end));

	sim_say(w, NULL, "there is space again");
	tree_set_full(w->tree, ERR_NONE);
}

static void
chaos_cut_again(struct sim_event *ev)
{
	struct sim_node *n =
	    (struct sim_node *)((char *)ev -
				offsetof(struct sim_node, cut_again));

	n->cut_us = n->w->now_us + 25 * SIM_SECOND;
	n->deaf = false;
	sim_say(n->w, n, "is cut off the share for 25 s");
}

static void
chaos_do(struct sim_world *w, unsigned kind)
{
	switch (kind) {
	case CHAOS_CRASH:
		sim_crash(chaos_node(w), sim_interval(w));
		break;
	case CHAOS_PAUSE:
		sim_pause(chaos_node(w), sim_interval(w),
		    w->conf.stop_clocks && sim_below(w, 3) == 0);
		break;
	case CHAOS_RESTART:
		sim_server_restart(w, false, sim_about(w, 5 * SIM_SECOND));
		break;
	case CHAOS_CUT: {
		struct sim_node *n = chaos_node(w);
		uint64_t us = 5 * SIM_SECOND + sim_below(w, 35 * SIM_SECOND);

		n->cut_us = w->now_us + us;
		n->deaf = sim_below(w, 2) == 0;
		n->reset = sim_below(w, 2) == 0;
		/* Deaf, a moment in which a reply gets through, cut off. */
		if (w->conf.drift) {
			us = 11 * SIM_SECOND + sim_below(w, 9 * SIM_SECOND);
			n->cut_us = w->now_us + us;
			n->deaf = n->reset = true;
			sim_at(w, &n->cut_again,
			    n->cut_us + 500 * SIM_MS +
				sim_below(w, 3 * SIM_SECOND),
			    chaos_cut_again);
		}
		sim_say(w, n, "is %s for %llu s",
		    n->deaf ? "deaf" : "cut off the share",
		    (unsigned long long)(us / SIM_SECOND));
		break;
	}
	case CHAOS_FORGET:
		if (w->conf.kept_conn && sim_below(w, 2) == 0)
			sim_server_forget(w);
		else
			sim_server_restart(w, true,
			    sim_about(w, 5 * SIM_SECOND));
		break;
	case CHAOS_FULL:
		sim_say(w, NULL, "the share is full");
		tree_set_full(w->tree,
		    sim_below(w, 2) == 0 ? ERR_NOSPC : ERR_DQUOT);
		sim_at(w, &w->full_end,
		    w->now_us + sim_about(w, 20 * SIM_SECOND), chaos_space);
		break;
	case CHAOS_BREAK: {
		struct sim_node *n = chaos_node(w);

		if (n->up)
			sim_net_break(n->net);
		break;
	}
	case CHAOS_SYNC:
		tree_sync(w->tree);
		break;
	}
}

static void
chaos_fire(struct sim_event *ev)
{
	struct sim_chaos *c = (struct sim_chaos *)ev;
	struct sim_world *w = c->w;

	chaos_do(w, c->kind);
	sim_at(w, ev, w->now_us + sim_about(w, chaos_mean(w, c->kind)),
	    chaos_fire);
}

void
sim_chaos_begin(struct sim_world *w)
{
	for (unsigned i = 0; i < CHAOS_KINDS; i++) {
		uint64_t mean = chaos_mean(w, i);

		w->chaos[i].w = w;
		w->chaos[i].kind = i;
		if (mean == 0)
			continue;
		sim_say(w, NULL, "%s about every %llu s", chaos_names[i],
		    (unsigned long long)(mean / SIM_SECOND));
		sim_at(w, &w->chaos[i].ev, w->now_us + sim_about(w, mean),
		    chaos_fire);
	}
	sim_plan_draw(w);
}

/* Everybody comes back; nothing more goes wrong. */
void
sim_chaos_end(struct sim_world *w)
{
	sim_say(w, NULL, "nothing more goes wrong");
	for (unsigned i = 0; i < CHAOS_KINDS; i++)
		sim_cancel(w, &w->chaos[i].ev);
	tree_set_full(w->tree, ERR_NONE);
	for (unsigned i = 0; i < w->conf.nodes; i++) {
		w->nodes[i].cut_us = 0;
		sim_cancel(w, &w->nodes[i].cut_again);
	}
	for (unsigned i = 0; i < w->conf.nodes; i++) {
		struct sim_event *wake = &w->nodes[i].wake;

		if (wake->slot != 0 &&
		    wake->at_us > w->now_us + 30 * SIM_SECOND)
			sim_at(w, wake,
			    w->now_us + sim_below(w, 30 * SIM_SECOND),
			    wake->fn);
	}
}
