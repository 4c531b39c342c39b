/* conf.c - what kind of world a seed gets */
#include "sim.h"

/*
 * Not everything at once: a seed draws which kinds of faults it has, and how
 * often they come.  Many seeds with few kinds find more than few with all.
 */
static unsigned
conf_rate(struct sim_world *w, unsigned most)
{
	switch (sim_below(w, 4)) {
	case 0:
		return 1 + (unsigned)sim_below(w, most);
	case 1:
		return 1 + (unsigned)sim_below(w, most / 10 + 1);
	default:
		return 0;
	}
}

static uint64_t
conf_mean(struct sim_world *w, uint64_t least)
{
	switch (sim_below(w, 4)) {
	case 0:
		return least + sim_below(w, least);
	case 1:
		return 8 * least + sim_below(w, 8 * least);
	default:
		return 0;
	}
}

void
sim_conf_draw(struct sim_world *w, struct sim_conf *c)
{
	static const uint64_t delays[] = { 300, 2000, 30 * SIM_MS };
	static const unsigned pages[] = { 3, 8, 64, 1000 };

	*c = (struct sim_conf){
		.nodes = 3 + (unsigned)sim_below(w, 2),
		.barrier = sim_below(w, 3) > 0,
		.coarse = sim_below(w, 3) == 0,
		.bare = sim_below(w, 4) == 0,
		.page = pages[sim_below(w, countof(pages))],
		.delay_us = delays[sim_below(w, countof(delays))],
		.lost = conf_rate(w, 300),
		.reply_lost = conf_rate(w, 500),
		.late = conf_rate(w, 200),
		.twice = conf_rate(w, 300),
		.false_error = conf_rate(w, 300),
		.io = conf_rate(w, 200),
		.stale = conf_rate(w, 100),
		.partial = conf_rate(w, 2000),
		.jukebox = conf_rate(w, 100),
		.crash_mean = conf_mean(w, 20 * SIM_SECOND),
		.pause_mean = conf_mean(w, 20 * SIM_SECOND),
		.restart_mean = conf_mean(w, 60 * SIM_SECOND),
		.forget_mean = conf_mean(w, 60 * SIM_SECOND),
		.full_mean = conf_mean(w, 60 * SIM_SECOND),
		.break_mean = conf_mean(w, 10 * SIM_SECOND),
		.cut_mean = conf_mean(w, 40 * SIM_SECOND),
		.sync_mean = 5 * SIM_SECOND + sim_below(w, 30 * SIM_SECOND),
		.wall_speed = 1,
		.stop_clocks = sim_below(w, 8) == 0,
		.run_us = 4 * SIM_MINUTE + sim_below(w, 40 * SIM_MINUTE),
	};
	/* With `reply` the server must do what RFC 1813 demands. */
	c->lazy = c->barrier;
	if (!c->lazy && c->forget_mean != 0) {
		c->restart_mean = c->forget_mean;
		c->forget_mean = 0;
	}
}
