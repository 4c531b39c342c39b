/* test_board_run.c - worker 0 writes down how the nodes are */
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

static void
two_info(void *arg, struct lease_info *info_r)
{
	worker_lease_info(arg, info_r);
}

static void
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

static void
two_refused(void *arg, const char *sentence)
{
	(void)arg;
	fail_msg("%s", sentence);
}

static const struct lease_client two_client = { .info = two_info,
	.refused = two_refused };
static const struct lease_client two_other_client = { .info = two_other_info,
	.refused = two_refused };

static may_yield_unchecked struct two *
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

static may_yield_unchecked void
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

/* The other's, or our own. */
static struct board_view
two_see(struct task *t, struct two *x, bool self)
{
	struct board_view v;
	const char *id = node_id(self ? x->id : x->other_id);

	if (!board_find(x->core.w.board, task_arena(t), task_now_ms(t),
		str_c(id), &v))
		fail_msg("%s is not on the board", id);
	assert_int_equal(v.node.self, self);
	return v;
}

TEST(test_seen)
{
	struct two *x = two_start(t, c);
	struct worker *w = &x->core.w;
	struct board_view v;

	/* at once: ourselves; a while later: the other */
	task_sleep_ms(t, 1);
	v = two_see(t, x, true);
	assert_true(v.node.life == NODE_ALIVE && v.node.moved);
	assert_true(str_eq_c(v.node.info.name, "n1"));
	assert_true(txid_eq(&v.node.session, lease_session(w->lease)));
	task_sleep_ms(t, 25000);
	v = two_see(t, x, false);
	assert_true(v.node.life == NODE_ALIVE && v.node.moved && v.node.read);
	assert_true(str_eq_c(v.node.info.name, "n2"));
	assert_true(str_eq_c(v.node.info.version, "0.2"));
	assert_true(txid_eq(&v.node.session, lease_session(x->other)));
	assert_int_equal(v.node.info.sessions, 3);
	/* a removed one is not shown, unless it lives */
	assert_ok(state_node_remove(t, w->state, "test", STR("n2")));
	task_sleep_ms(t, 25000);
	v = two_see(t, x, false);
	lease_release(t, x->other);
	lease_free(&x->other);
	task_sleep_ms(t, 25000);
	assert_false(board_find(w->board, task_arena(t), task_now_ms(t),
	    str_c(node_id(x->other_id)), &v));
	two_stop(t, x);
}

/* Nobody looks: no call more than nodes_watch() makes.  Somebody does: what a
 * node says is here within two ticks. */
TEST(test_wanted)
{
	struct two *x = two_start(t, c);
	struct worker *w = &x->core.w;
	struct board_view v;
	unsigned idle, looked;
	uint64_t until;

	task_sleep_ms(t, 100000);
	share_fault_set(c->member[0].fault, NULL, 0);
	task_sleep_ms(t, 60000);
	idle = share_fault_calls(c->member[0].fault);
	/* our lease 12 times, the other's twice with text, the list once */
	assert_true(idle < 12 * 4 + 30);
	share_fault_set(c->member[0].fault, NULL, 0);
	until = task_now_ms(t) + 60000;
	while (task_now_ms(t) < until) {
		board_want(w->board, task_now_ms(t));
		task_sleep_ms(t, 1000);
	}
	looked = share_fault_calls(c->member[0].fault);
	assert_true(looked > idle + 60);
	v = two_see(t, x, false);
	assert_true(v.node.age_ms <= LEASE_RENEW_MS + BOARD_FAST_MS + 1000);
	/* and no more, soon after the last who looked */
	task_sleep_ms(t, BOARD_WANTED_MS + BOARD_FAST_MS);
	share_fault_set(c->member[0].fault, NULL, 0);
	task_sleep_ms(t, 60000);
	assert_true(share_fault_calls(c->member[0].fault) <= idle + 5);
	two_stop(t, x);
}

TEST(test_rates)
{
	struct two *x = two_start(t, c);
	struct worker *w = &x->core.w;
	struct board_sample *s;
	struct board_view v;
	unsigned n, rated = 0;

	/* one login a second here, ten of everything there */
	for (unsigned i = 0; i < 300; i++) {
		stat_add(w->counts, STAT_LOGINS, 1);
		x->counters += 10;
		board_want(w->board, task_now_ms(t));
		task_sleep_ms(t, 1000);
	}
	v = two_see(t, x, true);
	assert_true(v.rated);
	assert_true(v.rates[LEASE_LOGINS] > 0.9 && v.rates[LEASE_LOGINS] < 1.1);
	assert_true(v.rates[LEASE_RELAYED] == 0);
	v = two_see(t, x, false);
	assert_true(v.rated);
	for (unsigned i = 0; i < LEASE_COUNTERS; i++)
		assert_true(v.rates[i] > 8 && v.rates[i] < 12);
	n = board_history(w->board, task_arena(t), task_wall_s(t),
	    str_c(node_id(x->other_id)), &s);
	assert_in_range(n, 9, 11);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(s[i].sessions, 3);
		rated += s[i].rated;
		if (s[i].rated)
			assert_true(s[i].rates[LEASE_DEFERRED] > 8 &&
				    s[i].rates[LEASE_DEFERRED] < 12);
	}
	assert_true(rated >= 8);
	/* it starts again: nothing was done in the negative */
	x->counters = 0;
	lease_renew_soon(x->other);
	board_want(w->board, task_now_ms(t));
	task_sleep_ms(t, BOARD_FAST_MS + 1000);
	v = two_see(t, x, false);
	assert_false(v.rated);
	two_stop(t, x);
}

/* Nobody looks, and rates are there all the same: between two texts. */
TEST(test_rates_idle)
{
	struct two *x = two_start(t, c);
	struct worker *w = &x->core.w;
	struct board_sample *s;
	unsigned n, rated = 0;

	for (unsigned i = 0; i < 600; i++) {
		x->counters += 10;
		task_sleep_ms(t, 1000);
	}
	assert_true(two_see(t, x, false).rated);
	n = board_history(w->board, task_arena(t), task_wall_s(t),
	    str_c(node_id(x->other_id)), &s);
	assert_in_range(n, 18, 21);
	for (unsigned i = 0; i < n; i++)
		if (s[i].rated) {
			rated++;
			assert_true(s[i].rates[LEASE_LOGINS] > 7 &&
				    s[i].rates[LEASE_LOGINS] < 13);
		}
	assert_true(rated + 3 >= n);
	two_stop(t, x);
}

/* A node that died, and a share that is away: no sign of life is invented. */
TEST(test_gone)
{
	static const struct share_fault_rule away = { .proc =
							  SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_BEFORE,
		.code = ERR_UNAVAIL };
	struct two *x = two_start(t, c);
	struct board_view v;

	task_sleep_ms(t, 40000);
	assert_true(two_see(t, x, false).node.moved);
	share_fault_set(c->member[0].fault, &away, 1);
	task_sleep_ms(t, 60000);
	v = two_see(t, x, false);
	assert_true(v.node.life == NODE_ALIVE && !v.node.moved);
	v = two_see(t, x, true);
	assert_false(v.node.moved);
	share_fault_set(c->member[0].fault, NULL, 0);
	task_sleep_ms(t, 40000);
	assert_true(two_see(t, x, false).node.moved);
	assert_true(two_see(t, x, true).node.moved);
	/* the other's share is away: it is dead to us */
	share_fault_set(c->member[1].fault, &away, 1);
	task_sleep_ms(t, 60000);
	assert_int_equal(two_see(t, x, false).node.life, NODE_ENDED);
	share_fault_set(c->member[1].fault, NULL, 0);
	two_stop(t, x);
}

#define RUN(name)                                                              \
	cmocka_unit_test_setup_teardown(name, cluster_setup, cluster_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_seen),
		RUN(test_wanted),
		RUN(test_rates),
		RUN(test_rates_idle),
		RUN(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
