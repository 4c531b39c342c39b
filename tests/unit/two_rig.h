/* two_rig.h - worker 0 of one node, and the lease of another */
#ifndef TESTS_UNIT_TWO_RIG_H
#define TESTS_UNIT_TWO_RIG_H

#include "locking/lease.h"
#include "server/cluster/board.h"
#include "server/net/counts.h"
#include "server/worker_private.h"
#include "storage/state_node.h"

#define node member
#define node_open member_open
#include "tests/unit/state_rig.h"
#undef node
#undef node_open

/* Two nodes: worker 0 of one, and the lease of the other. */
struct two {
	struct core core;
	struct conf conf;
	struct node *id, *other_id;
	struct lease *other;
	struct board_run *run;
	uint64_t counters; /* what the other says */
};

static inline void
two_info(void *arg, struct lease_info *info_r)
{
	worker_lease_info(arg, info_r);
}

static inline void
two_other_info(void *arg, struct lease_info *info_r)
{
	struct two *w = arg;

	*info_r = (struct lease_info){ .name = STR("n2"),
		.version = STR("0.2"),
		.format = STATE_SCHEMA,
		.ready = LEASE_READY,
		.sessions = 3,
		.counted = true };
	for (unsigned i = 0; i < LEASE_COUNTERS; i++)
		info_r->counters[i] = w->counters;
}

static inline void
two_refused(void *arg, const char *sentence)
{
	(void)arg;
	fail_msg("%s", sentence);
}

static const struct lease_client two_client = { .info = two_info,
	.refused = two_refused };
static const struct lease_client two_other_client = { .info = two_other_info,
	.refused = two_refused };

static inline may_yield_unchecked struct two *
two_start(struct task *t, struct cluster *c)
{
	struct two *x = arena_new_obj(task_arena(t), struct two);
	struct worker *w = &x->core.w;
	struct node_local local = node_local_dir(c->member[0].local),
			  other = node_local_dir(c->member[1].local);
	struct state_node row = { .name = STR("n1") };

	x->conf.node = "n1";
	x->conf.cluster.address = "";
	assert_ok(node_open(task_arena(t), &local, &c->rig.rnd, &x->id));
	assert_ok(node_open(task_arena(t), &other, &c->rig.rnd, &x->other_id));
	w->workers = 1;
	w->node_id = node_id(x->id);
	w->conf = &x->conf;
	w->sched = c->rig.sched;
	w->store = c->member[0].store;
	w->state = member_open(t, c, 0);
	w->counts = counts_new(1);
	counts_join(w->counts, 0);
	w->board = board_new();
	w->lease = lease_new(w->store, x->id, &two_client, w);
	w->nodes = nodes_new(w->store, w->lease);
	x->other =
	    lease_new(c->member[1].store, x->other_id, &two_other_client, x);
	assert_ok(lease_acquire(t, w->lease));
	assert_ok(lease_acquire(t, x->other));
	row.id = str_c(node_id(x->id));
	assert_ok(state_node_put(t, w->state, "test", &row));
	row = (struct state_node){ .name = STR("n2"),
		.id = str_c(node_id(x->other_id)) };
	assert_ok(state_node_put(t, w->state, "test", &row));
	nodes_watch(w->nodes);
	x->run = board_run_new(w);
	return x;
}

static inline may_yield_unchecked void
two_stop(struct task *t, struct two *x)
{
	struct worker *w = &x->core.w;

	/* nobody wants it any more, and one that reads is done */
	task_sleep_ms(t, BOARD_WANTED_MS + BOARD_FAST_MS);
	board_run_free(&x->run);
	nodes_watch_stop(t, w->nodes);
	lease_release(t, w->lease);
	if (x->other != NULL)
		lease_release(t, x->other);
	nodes_free(&w->nodes);
	lease_free(&w->lease);
	lease_free(&x->other);
	board_free(&w->board);
	counts_free(&w->counts);
	node_close(&x->id);
	node_close(&x->other_id);
}

#endif
