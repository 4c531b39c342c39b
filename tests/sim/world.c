/* world.c - time, nodes, and which of all possible things happens next */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

/* A run that needs more of these is stuck. */
#define WORLD_STEPS_MAX 3000000
#define WORLD_END_US (90 * SIM_MINUTE)

/* Events: a binary heap by time; equal times by a drawn number. */

static bool
world_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void
world_put(struct sim_world *w, unsigned i, struct sim_event *ev)
{
	w->heap[i] = ev;
	ev->slot = i + 1;
}

static void
world_sift(struct sim_world *w, unsigned i)
{
	struct sim_event *ev = w->heap[i];

	while (i > 0 && world_before(ev, w->heap[(i - 1) / 2])) {
		world_put(w, i, w->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	for (;;) {
		unsigned kid = 2 * i + 1;

		if (kid >= w->heap_count)
			break;
		if (kid + 1 < w->heap_count &&
		    world_before(w->heap[kid + 1], w->heap[kid]))
			kid++;
		if (!world_before(w->heap[kid], ev))
			break;
		world_put(w, i, w->heap[kid]);
		i = kid;
	}
	world_put(w, i, ev);
}

void
sim_at(struct sim_world *w, struct sim_event *ev, uint64_t at_us,
    void (*fn)(struct sim_event *ev))
{
	sim_cancel(w, ev);
	if (w->heap_count == w->heap_size) {
		w->heap_size = w->heap_size == 0 ? 256 : w->heap_size * 2;
		w->heap = xrealloc(w->heap, w->heap_size, sizeof(*w->heap));
	}
	ev->at_us = at_us < w->now_us ? w->now_us : at_us;
	ev->order = rnd_u64(&w->rnd);
	ev->fn = fn;
	w->heap[w->heap_count] = ev;
	ev->slot = ++w->heap_count;
	world_sift(w, ev->slot - 1);
}

void
sim_cancel(struct sim_world *w, struct sim_event *ev)
{
	unsigned i = ev->slot;
	struct sim_event *last;

	if (i == 0)
		return;
	ev->slot = 0;
	last = w->heap[--w->heap_count];
	if (last == ev)
		return;
	world_put(w, i - 1, last);
	world_sift(w, i - 1);
}

uint64_t
sim_about(struct sim_world *w, uint64_t mean)
{
	/* Near enough to exponential: a few short ones, some long. */
	uint64_t a = sim_below(w, 1000) + 1, b = sim_below(w, 1000) + 1;

	return mean == 0 ? 0 : (mean / 1000 * a * b / 250) + 1;
}

uint64_t
sim_interval(struct sim_world *w)
{
	static const uint64_t about[] = { 5 * SIM_MS, 200 * SIM_MS,
		2 * SIM_SECOND, 11 * SIM_SECOND, 16 * SIM_SECOND,
		35 * SIM_SECOND, 62 * SIM_SECOND, 3 * SIM_MINUTE,
		11 * SIM_MINUTE, 15 * SIM_MINUTE };
	uint64_t us = about[sim_below(w, countof(about))];

	return us / 2 + sim_below(w, us / 2 + 1);
}

/* Clocks. */

uint64_t
sim_boot_us(const struct sim_node *n)
{
	uint64_t since = n->w->now_us - n->base_us;

	if (n->clock_stands)
		return n->base_boot_us;
	return n->base_boot_us +
	       (uint64_t)((unsigned __int128)since * n->rate_ppm / 1000000);
}

static uint64_t
world_boot_ms(void *arg)
{
	return sim_boot_us(arg) / 1000;
}

/* 2027-01-15, and on at the speed of this world's calendars. */
#define WORLD_EPOCH_S 1800000000ULL

uint64_t
sim_server_ns(const struct sim_world *w)
{
	return WORLD_EPOCH_S * 1000000000 +
	       w->now_us * 1000 * w->conf.wall_speed;
}

static int64_t
world_wall_s(void *arg)
{
	const struct sim_node *n = arg;

	/* Calendars differ by up to a minute, and may be in a hurry. */
	return (int64_t)(sim_server_ns(n->w) / 1000000000 + n->id * 17 % 60);
}

/* When, in the world's time, the node's clock will show boot_ms. */
static uint64_t
world_time_of(const struct sim_node *n, uint64_t boot_ms)
{
	uint64_t boot_us = boot_ms * 1000, now = sim_boot_us(n), us;

	if (boot_us <= now)
		return n->w->now_us;
	us = (uint64_t)((unsigned __int128)(boot_us - now) * 1000000 /
			n->rate_ppm) +
	     2;
	return n->w->now_us + us;
}

static void
world_clock_set(struct sim_node *n, uint64_t rate_ppm, bool stands)
{
	uint64_t boot = sim_boot_us(n);

	n->base_us = n->w->now_us;
	n->base_boot_us = boot;
	n->rate_ppm = rate_ppm;
	n->clock_stands = stands;
}

/* Processes. */

struct world_client {
	struct sim_node *n;
	task_fn fn;
	void *arg;
};

static may_yield_unchecked void
world_client_run(struct task *t, void *arg)
{
	struct world_client c = *(struct world_client *)arg;

	free(arg);
	c.fn(t, c.arg);
	c.n->clients--;
}

struct task *
sim_client(struct sim_node *n, const char *name, task_fn fn, void *arg)
{
	struct world_client *c = xcalloc(1, sizeof(*c));

	*c = (struct world_client){ .n = n, .fn = fn, .arg = arg };
	n->clients++;
	return task_start(n->sched, name, world_client_run, c);
}

static void
world_boot(struct sim_node *n)
{
	struct sim_world *w = n->w;

	n->up = true;
	n->life++;
	n->clients = 0;
	n->clock = (struct clock){ .boot_ms = world_boot_ms,
		.wall_s = world_wall_s,
		.arg = n };
	rnd_seed(&n->seeded, rnd_u64(&w->rnd));
	n->rnd = rnd_of_seeded(&n->seeded);
	n->sched = sched_new(&n->clock, &n->rnd);
	sched_set_log_name(n->sched, n->name, 0);
	n->share = sim_net_new(n, &n->net);
	sim_say(w, n, "starts (life %u)", n->life);
}

static void
world_restart(struct sim_event *ev)
{
	struct sim_node *n =
	    (struct sim_node *)((char *)ev - offsetof(struct sim_node, wake));

	world_boot(n);
	n->w->workload->boot(n);
}

void
sim_crash(struct sim_node *n, uint64_t down_us)
{
	struct sim_world *w = n->w;

	if (!n->up)
		return;
	sim_say(w, n, "CRASHES");
	n->up = false;
	sim_net_abandon(n->net);
	w->workload->crash(n);
	sched_abandon(n->sched);
	sched_free(&n->sched);
	n->app = NULL;
	n->share = NULL;
	n->net = NULL;
	n->clients = 0;
	if (n->paused) {
		n->paused = false;
		world_clock_set(n, n->rate_ppm, false);
	}
	/* Now and then the machine went down, not just the process. */
	if (sim_below(w, 3) == 0) {
		snprintf(n->boot_id, sizeof(n->boot_id), "boot-%u-%llu", n->id,
		    (unsigned long long)rnd_u64(&w->rnd) >> 16);
		world_clock_set(n, n->rate_ppm, false);
		n->base_boot_us = sim_below(w, 100) * SIM_SECOND;
	}
	sim_at(w, &n->wake, w->now_us + down_us, world_restart);
}

static void
world_resume(struct sim_event *ev)
{
	struct sim_node *n =
	    (struct sim_node *)((char *)ev - offsetof(struct sim_node, wake));

	sim_say(n->w, n, "goes on");
	world_clock_set(n, n->rate_ppm, false);
	n->paused = false;
	sim_net_resume(n);
}

void
sim_pause(struct sim_node *n, uint64_t us, bool clock_stands)
{
	struct sim_world *w = n->w;

	if (!n->up || n->paused)
		return;
	sim_say(w, n, "PAUSES for %llu ms%s", (unsigned long long)us / 1000,
	    clock_stands ? ", its clock stands" : "");
	n->paused = true;
	if (clock_stands) {
		world_clock_set(n, n->rate_ppm, true);
		w->clock_stops++;
	}
	sim_at(w, &n->wake, w->now_us + us, world_resume);
}

/* One step. */

enum world_kind { WORLD_TASK, WORLD_TIMERS, WORLD_EVENT };

struct world_choice {
	enum world_kind kind;
	struct sim_node *n;
};

static uint64_t
world_next_timer(const struct sim_node *n)
{
	uint64_t ms = sched_next_timer_ms(n->sched);

	return ms == UINT64_MAX ? UINT64_MAX : world_time_of(n, ms);
}

static unsigned
world_choices(struct sim_world *w, struct world_choice *c, uint64_t *next_r)
{
	unsigned count = 0;
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < w->conf.nodes; i++) {
		struct sim_node *n = &w->nodes[i];
		uint64_t at;

		if (!n->up || n->paused)
			continue;
		if (sched_ready(n->sched))
			c[count++] = (struct world_choice){ WORLD_TASK, n };
		at = world_next_timer(n);
		if (at <= w->now_us)
			c[count++] = (struct world_choice){ WORLD_TIMERS, n };
		else if (at < next)
			next = at;
	}
	if (w->heap_count > 0 && w->heap[0]->at_us <= w->now_us)
		c[count++] = (struct world_choice){ WORLD_EVENT, NULL };
	else if (w->heap_count > 0 && w->heap[0]->at_us < next)
		next = w->heap[0]->at_us;
	*next_r = next;
	return count;
}

static void
world_do(struct sim_world *w, const struct world_choice *c)
{
	struct sim_event *ev;
	unsigned ready;

	switch (c->kind) {
	case WORLD_TASK:
		ready = sched_ready_count(c->n->sched);
		sched_run_nth(c->n->sched, (unsigned)sim_below(w, ready));
		break;
	case WORLD_TIMERS:
		sched_run_timers(c->n->sched);
		break;
	case WORLD_EVENT:
		ev = w->heap[0];
		sim_cancel(w, ev);
		ev->fn(ev);
	}
}

/* False: nothing will ever happen any more. */
static bool
world_step(struct sim_world *w)
{
	struct world_choice c[2 * SIM_NODES_MAX + 1];
	uint64_t next;
	unsigned count, pick;

	sim_plan_act(w);
	if (++w->steps > WORLD_STEPS_MAX)
		sim_fail(w, "no end after %u steps", WORLD_STEPS_MAX);
	count = world_choices(w, c, &next);
	if (count == 0) {
		if (next == UINT64_MAX)
			return false;
		w->now_us = next;
		return true;
	}
	pick = (unsigned)sim_below(w, count);
	sim_mix(w, w->now_us * 8 + pick);
	world_do(w, &c[pick]);
	if (w->workload->watch != NULL && w->phase != SIM_SETUP)
		w->workload->watch(w);
	return true;
}

static unsigned
world_clients(const struct sim_world *w)
{
	unsigned count = 0;

	for (unsigned i = 0; i < w->conf.nodes; i++)
		count += w->nodes[i].clients;
	return count;
}

static bool
world_all_up(const struct sim_world *w)
{
	for (unsigned i = 0; i < w->conf.nodes; i++)
		if (!w->nodes[i].up || w->nodes[i].paused)
			return false;
	return w->server_up;
}

/* Until no client is left and everybody is there. */
static void
world_until_calm(struct sim_world *w, const char *what)
{
	uint64_t end = w->now_us + WORLD_END_US;

	while (world_clients(w) > 0 || !world_all_up(w)) {
		if (w->now_us > end)
			sim_fail(w, "%s: %u tasks hang after %llu minutes",
			    what, world_clients(w), WORLD_END_US / SIM_MINUTE);
		if (!world_step(w))
			sim_fail(w, "%s: %u tasks wait for nothing", what,
			    world_clients(w));
	}
}

static may_yield_unchecked void
world_setup_run(struct task *t, void *arg)
{
	struct sim_node *n = arg;

	n->w->workload->setup(t, n);
}

static may_yield_unchecked void
world_final_run(struct task *t, void *arg)
{
	struct sim_node *n = arg;

	n->w->workload->final(t, n, n->pass);
}

static void
world_nodes_init(struct sim_world *w)
{
	for (unsigned i = 0; i < w->conf.nodes; i++) {
		struct sim_node *n = &w->nodes[i];

		n->w = w;
		n->id = i;
		snprintf(n->name, sizeof(n->name), "n%u", i + 1);
		n->rate_ppm = 850000 + sim_below(w, 300001);
		if (w->conf.drift)
			n->rate_ppm = i % 2 == 0 ? 850000 : 1150000;
		n->base_boot_us = sim_below(w, 10000) * SIM_SECOND;
		snprintf(n->boot_id, sizeof(n->boot_id), "boot-%u", i);
		world_boot(n);
	}
}

/* The process that set the share up is not the one that runs. */
static void
world_forget_setup(struct sim_node *n)
{
	sim_net_abandon(n->net);
	sched_abandon(n->sched);
	sched_free(&n->sched);
	n->app = NULL;
	n->life = 0;
	world_boot(n);
}

void
sim_run(struct sim_world *w)
{
	rnd_seed(&w->seeded, w->seed);
	w->rnd = rnd_of_seeded(&w->seeded);
	sim_conf_draw(w, &w->conf);
	if (w->workload->conf != NULL)
		w->workload->conf(w, &w->conf);
	w->tree = tree_new(&w->rnd, w->conf.lazy ? TREE_LAZY : TREE_HONEST,
	    w->conf.coarse ? 4000000ULL * w->conf.wall_speed : 1, w->conf.page);
	w->server_up = true;
	world_nodes_init(w);
	sim_client(&w->nodes[0], "setup", world_setup_run, &w->nodes[0]);
	world_until_calm(w, "setup");
	tree_sync(w->tree);
	world_forget_setup(&w->nodes[0]);

	w->phase = SIM_RUN;
	for (unsigned i = 0; i < w->conf.nodes; i++)
		w->workload->boot(&w->nodes[i]);
	sim_chaos_begin(w);
	uint64_t end = w->now_us + w->conf.run_us;
	while (w->now_us < end && (world_clients(w) > 0 || !world_all_up(w)) &&
	       world_step(w))
		;
	w->phase = SIM_END;
	w->stopping = true;
	sim_chaos_end(w);
	world_until_calm(w, "at the end");

	w->phase = SIM_CHECK;
	for (unsigned i = 0; i < 2 * w->conf.nodes; i++) {
		struct sim_node *n = &w->nodes[i % w->conf.nodes];

		n->pass = i / w->conf.nodes;
		sim_client(n, "final", world_final_run, n);
		world_until_calm(w, "final");
	}
	w->workload->check(w);
}
