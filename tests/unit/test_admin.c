/* test_admin.c - changes made by a worker that is not the first */
#include "server/admin/admin.h"

#include <stdlib.h>

#include "server/net/counts.h"
#include "server/worker_private.h"
#include "storage/state_private.h"

#define node member
#define node_open member_open
#include "tests/unit/state_rig.h"
#undef node
#undef node_open

/* Worker 1 of a node without processes: worker 0 is the rig's state. */
struct second {
	struct core core;
	struct conf conf;
};

static may_yield_unchecked struct worker *
second_open(struct task *t, struct cluster *c)
{
	struct second *s = arena_new_obj(task_arena(t), struct second);
	struct state_conf conf = c->member[0].conf;
	struct worker *w = &s->core.w;

	task_cond_init(&s->core.state_kick);
	s->conf.local = c->member[0].local;
	w->index = 1;
	w->workers = 2;
	w->conf = &s->conf;
	w->sched = c->rig.sched;
	w->store = c->member[0].store;
	conf.replica_only = true;
	assert_ok(state_open(t, &conf, &w->state, NULL));
	return w;
}

static void
second_close(struct worker *w)
{
	admin_worker_end(w);
	assert_null(w->writer);
	state_close(&w->state);
}

static const struct share_fault_rule away = { .proc = SHARE_FAULT_ANY_PROC,
	.lane = SHARE_FAULT_ANY_LANE,
	.times = SHARE_FAULT_ALWAYS,
	.kind = SHARE_FAULT_BEFORE,
	.code = ERR_UNAVAIL };

TEST(test_second_worker)
{
	struct state *first = member_open(t, c, 0);
	struct worker *w = second_open(t, c);
	struct admin ad;

	admin_reader(w, "admin:eve", &ad);
	assert_ptr_equal(ad.state, w->state);
	assert_err(add_domain(t, ad.state, "no.org"), ERR_READONLY);
	assert_null(w->writer);
	assert_ok(admin_of_worker(t, w, "admin:eve", &ad));
	assert_ptr_not_equal(ad.state, w->state);
	assert_string_equal(ad.by, "admin:eve");
	assert_ok(add_domain(t, ad.state, "one.org"));
	/* what it had opened did not look yet */
	assert_int_not_equal(state_seq(w->state), state_seq(ad.state));
	admin_changed(t, &ad);
	assert_int_equal(state_seq(w->state), state_seq(ad.state));
	assert_true(core_of(w)->state_kicked);
	assert_int_equal(count_domains(t, w->state), 1);
	assert_ok(state_refresh(t, first));
	assert_int_equal(count_domains(t, first), 1);
	/* both change, in turn, on one replica; another node sees all */
	assert_ok(add_domain(t, first, "two.org"));
	assert_ok(admin_of_worker(t, w, "admin:eve", &ad));
	assert_err(add_domain(t, ad.state, "two.org"), ERR_DUPLICATE);
	assert_ok(add_domain(t, ad.state, "three.org"));
	assert_ok(add_domain(t, first, "four.org"));
	assert_same(t, first, ad.state);
	assert_same(t, first, member_open(t, c, 1));
	second_close(w);
}

/* Worker 0 has one state only. */
TEST(test_first_worker)
{
	struct worker *w = second_open(t, c);
	struct admin ad;

	w->index = 0;
	assert_ok(admin_of_worker(t, w, "admin:eve", &ad));
	assert_ptr_equal(ad.state, w->state);
	assert_null(w->writer);
	admin_changed(t, &ad);
	second_close(w);
}

struct opener {
	struct worker *w;
	struct state *st;
	unsigned *left;
};

static may_yield_unchecked void
opener_main(struct task *t, void *arg)
{
	struct opener *o = arg;
	struct admin ad;

	assert_ok(admin_of_worker(t, o->w, "test", &ad));
	o->st = ad.state;
	(*o->left)--;
}

/* However many begin at once, one state is opened. */
TEST(test_opened_once)
{
	static const struct share_fault_rule slow = { .proc =
							  SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_DELAY,
		.delay_ms = 3 };
	struct state *first = member_open(t, c, 0);
	struct worker *w = second_open(t, c);
	struct opener o[5];
	unsigned left = countof(o);

	share_fault_set(c->member[0].fault, &slow, 1);
	for (unsigned i = 0; i < countof(o); i++) {
		o[i] = (struct opener){ .w = w, .left = &left };
		task_start(c->rig.sched, "opener", opener_main, &o[i]);
	}
	while (left > 0)
		task_sleep_ms(t, 5);
	share_fault_set(c->member[0].fault, NULL, 0);
	for (unsigned i = 0; i < countof(o); i++)
		assert_ptr_equal(o[i].st, o[0].st);
	assert_ptr_not_equal(o[0].st, first);
	second_close(w);
}

TEST(test_share_away)
{
	struct state *first = member_open(t, c, 0);
	struct worker *w = second_open(t, c);
	struct admin ad;
	unsigned before;

	assert_ok(add_domain(t, first, "one.org"));
	assert_ok(state_refresh(t, w->state));
	share_fault_set(c->member[0].fault, &away, 1);
	task_set_deadline(t, task_now_ms(t) + 2000);
	assert_err(admin_of_worker(t, w, "test", &ad), ERR_UNAVAIL);
	/* good for looking */
	assert_ptr_equal(ad.state, w->state);
	assert_int_equal(count_domains(t, ad.state), 1);
	task_set_deadline(t, 0);
	share_fault_set(c->member[0].fault, NULL, 0);
	assert_ok(admin_of_worker(t, w, "test", &ad));
	assert_ok(add_domain(t, ad.state, "two.org"));
	/* worker 0 says so: nobody asks, and waits, for himself */
	w->counts = counts_new(2);
	counts_word_set(w->counts, COUNTS_READY_AT, task_now_ms(t));
	counts_word_set(w->counts, COUNTS_LEASE_AGE_MS, 20000);
	before = share_fault_calls(c->member[0].fault);
	assert_err(admin_of_worker(t, w, "test", &ad), ERR_UNAVAIL);
	assert_ptr_equal(ad.state, w->state);
	assert_int_equal(share_fault_calls(c->member[0].fault), before);
	counts_word_set(w->counts, COUNTS_LEASE_AGE_MS, 2000);
	assert_ok(admin_of_worker(t, w, "test", &ad));
	counts_free(&w->counts);
	/* not opened at all yet */
	second_close(w);
	w->state = NULL;
	assert_err(admin_of_worker(t, w, "test", &ad), ERR_UNAVAIL);
}

/* --- many at once --- */

struct each {
	unsigned begun, running, most, fail_at;
	bool done[20];
};

static may_yield_unchecked struct err *
each_run(struct task *t, void *arg, unsigned i)
{
	struct each *x = arg;

	x->begun++;
	x->running++;
	if (x->running > x->most)
		x->most = x->running;
	task_sleep_ms(t, 1 + i % 3);
	x->running--;
	x->done[i] = true;
	if (i != x->fail_at)
		return NULL;
	return err_new(task_arena(t), ERR_NOTFOUND, "no such thing", "%u", i);
}

TEST(test_each)
{
	struct each x = { .fail_at = countof(x.done) };
	struct err *e;

	(void)c;
	assert_ok(admin_each(t, countof(x.done), 4, each_run, &x));
	assert_int_equal(x.begun, countof(x.done));
	assert_int_equal(x.most, 4);
	for (unsigned i = 0; i < countof(x.done); i++)
		assert_true(x.done[i]);
	assert_ok(admin_each(t, 0, 4, each_run, &x));
	assert_int_equal(x.begun, countof(x.done));
	x = (struct each){ .fail_at = 5 };
	e = admin_each(t, countof(x.done), 3, each_run, &x);
	assert_err(e, ERR_NOTFOUND);
	assert_string_equal(e->text, "no such thing");
	assert_string_equal(e->detail, "5");
	assert_true(x.begun >= 6 && x.begun < 10);
	assert_int_equal(x.running, 0);
}

#define RUN(name)                                                              \
	cmocka_unit_test_setup_teardown(name, cluster_setup, cluster_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_second_worker),
		RUN(test_first_worker),
		RUN(test_opened_once),
		RUN(test_share_away),
		RUN(test_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
