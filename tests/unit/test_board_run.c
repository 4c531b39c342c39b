/* test_board_run.c - worker 0 writes down how the nodes are */
#include "tests/unit/two_rig.h"

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
