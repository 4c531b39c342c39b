/* test_task.c - coroutines, timers and the scheduler they run on */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/task.h"

/* A clock that stands where the test puts it. */
struct world {
	uint64_t now_ms;
	struct clock clock;
	struct rnd_seeded seeded;
	struct rnd rnd;
	struct sched *s;
	struct buf said;
	struct task *task[4];
	struct task_mutex mutex;
	struct task_cond cond;
	bool done;
	uint64_t until_ms;
	unsigned changes;
};

static uint64_t
world_boot_ms(void *arg)
{
	return ((struct world *)arg)->now_ms;
}

static int64_t
world_wall_s(void *arg)
{
	return 1000000 + (int64_t)((struct world *)arg)->now_ms / 1000;
}

static void
world_changed(void *arg)
{
	((struct world *)arg)->changes++;
}

static int
world_setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->clock = (struct clock){ world_boot_ms, world_wall_s, w };
	w->now_ms = 5000;
	rnd_seed(&w->seeded, 1);
	w->rnd = rnd_of_seeded(&w->seeded);
	w->s = sched_new(&w->clock, &w->rnd);
	sched_on_change(w->s, world_changed, w);
	buf_init(&w->said, NULL, 100000);
	task_mutex_init(&w->mutex);
	task_cond_init(&w->cond);
	*state = w;
	return 0;
}

static int
world_teardown(void **state)
{
	struct world *w = *state;

	sched_free(&w->s);
	assert_null(w->s);
	buf_free(&w->said);
	free(w);
	return 0;
}

/* All that can happen now, and all that time brings. */
static void
world_run(struct world *w)
{
	for (;;) {
		while (sched_run_one(w->s))
			continue;
		if (sched_next_timer_ms(w->s) == UINT64_MAX)
			return;
		if (sched_next_timer_ms(w->s) > w->now_ms)
			w->now_ms = sched_next_timer_ms(w->s);
		sched_run_timers(w->s);
	}
}

static void
world_wants(struct world *w, const char *said)
{
	assert_string_equal(buf_cstr(&w->said), said);
	buf_clear(&w->said);
}

static may_yield void
yielder(struct task *t, void *arg)
{
	struct world *w = arg;

	for (int i = 0; i < 3; i++) {
		buf_fmt(&w->said, "%s%d ", task_name(t), i);
		task_yield(t);
	}
}

static void
test_turns(void **state)
{
	struct world *w = *state;

	task_start(w->s, "a", yielder, w);
	task_start(w->s, "b", yielder, w);
	world_wants(w, "");
	assert_true(w->changes >= 2);
	assert_true(sched_ready(w->s));
	assert_int_equal(sched_ready_count(w->s), 2);
	assert_int_equal(sched_task_count(w->s), 2);
	world_run(w);
	world_wants(w, "a0 b0 a1 b1 a2 b2 ");
	assert_false(sched_ready(w->s));
	assert_false(sched_run_one(w->s));
	assert_int_equal(sched_task_count(w->s), 0);
}

static void
test_nth(void **state)
{
	struct world *w = *state;

	task_start(w->s, "a", yielder, w);
	task_start(w->s, "b", yielder, w);
	task_start(w->s, "c", yielder, w);
	sched_run_nth(w->s, 2);
	sched_run_nth(w->s, 1);
	sched_run_nth(w->s, 1);
	sched_run_nth(w->s, 0);
	world_wants(w, "c0 b0 c1 a0 ");
	world_run(w);
	world_wants(w, "b1 c2 a1 b2 a2 ");
}

static may_yield void
sleeper(struct task *t, void *arg)
{
	struct world *w = arg;
	uint64_t ms = rnd_below(sched_rnd(task_sched(t)), 1000);

	for (int i = 0; i < 5; i++) {
		uint64_t before_ms = task_now_ms(t);

		task_sleep_ms(t, ms);
		assert_true(task_now_ms(t) == before_ms + ms);
	}
	buf_char(&w->said, '.');
}

static void
test_sleep(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 100; i++)
		task_start(w->s, "sleeper", sleeper, w);
	world_run(w);
	assert_int_equal(w->said.n, 100);
	assert_int_equal(task_wall_s(task_start(w->s, "x", yielder, w)),
	    1000000 + (int64_t)w->now_ms / 1000);
	world_run(w);
}

static may_yield void
waiter(struct task *t, void *arg)
{
	struct world *w = arg;

	task_wait(t, &w->done);
	buf_c(&w->said, "done");
}

static void
test_wait(void **state)
{
	struct world *w = *state;
	struct task *t = task_start(w->s, "waiter", waiter, w);

	world_run(w);
	for (int i = 0; i < 3; i++) { /* spurious ones are absorbed */
		task_wake(t);
		task_wake(t);
		assert_int_equal(sched_ready_count(w->s), 1);
		world_run(w);
		world_wants(w, "");
	}
	w->done = true;
	task_wake(t);
	world_wants(w, "");
	world_run(w);
	world_wants(w, "done");
	/* done before it waits: no switch at all */
	task_start(w->s, "waiter", waiter, w);
	assert_true(sched_run_one(w->s));
	world_wants(w, "done");
}

/* Stacks carry what lies on them, deep down too, from switch to switch. */
static may_yield uint64_t
deep(struct task *t, unsigned depth)
{
	volatile unsigned char local[200];
	uint64_t sum = 0;

	memset((void *)local, (int)(depth & 0xff), sizeof(local));
	if (depth > 0)
		sum = deep(t, depth - 1);
	task_yield(t);
	for (size_t i = 0; i < sizeof(local); i++)
		sum += local[i];
	return sum;
}

static may_yield void
diver(struct task *t, void *arg)
{
	struct world *w = arg;
	uint64_t want = 0, depth = 0;

	task_random(t, &depth, 1);
	for (uint64_t i = 0; i <= depth; i++)
		want += 200 * i;
	assert_true(deep(t, (unsigned)depth) == want);
	assert_non_null(arena_alloc(task_arena(t), 100));
	buf_char(&w->said, '.');
}

static void
test_stacks(void **state)
{
	struct world *w = *state;

	/* more than are kept for re-use, and re-used ones */
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 100; i++)
			task_start(w->s, "diver", diver, w);
		world_run(w);
		assert_int_equal(w->said.n, 100);
		buf_clear(&w->said);
	}
}

static may_yield void
starter(struct task *t, void *arg)
{
	struct world *w = arg;

	task_start(task_sched(t), "child", yielder, w);
	buf_c(&w->said, "parent ");
	task_yield(t);
	buf_c(&w->said, "again ");
}

static void
test_start_inside(void **state)
{
	struct world *w = *state;

	task_start(w->s, "parent", starter, w);
	world_run(w);
	world_wants(w, "parent child0 again child1 child2 ");
}

static may_yield void
locker(struct task *t, void *arg)
{
	struct world *w = arg;

	task_lock(t, &w->mutex);
	buf_fmt(&w->said, "%s( ", task_name(t));
	task_yield(t);
	task_sleep_ms(t, 10);
	buf_fmt(&w->said, ")%s ", task_name(t));
	task_unlock(t, &w->mutex);
	/* who comes again stands at the end of the line */
	if (*task_name(t) == 'a') {
		task_lock(t, &w->mutex);
		buf_c(&w->said, "a! ");
		task_unlock(t, &w->mutex);
	}
}

static void
test_mutex(void **state)
{
	struct world *w = *state;

	task_start(w->s, "a", locker, w);
	task_start(w->s, "b", locker, w);
	task_start(w->s, "c", locker, w);
	world_run(w);
	world_wants(w, "a( )a b( )b c( )c a! ");
	assert_null(w->mutex.owner);
	task_start(w->s, "b", locker, w);
	world_run(w);
	world_wants(w, "b( )b ");
}

static may_yield void
cond_waiter(struct task *t, void *arg)
{
	struct world *w = arg;
	bool signalled = task_cond_wait(t, &w->cond, w->until_ms);

	buf_fmt(&w->said, "%s%s ", task_name(t), signalled ? "+" : "-");
}

static void
test_cond(void **state)
{
	struct world *w = *state;

	/* in the past: at once */
	w->until_ms = w->now_ms;
	task_start(w->s, "past", cond_waiter, w);
	assert_true(sched_run_one(w->s));
	world_wants(w, "past- ");
	/* a signal nobody waits for is forgotten */
	task_cond_broadcast(&w->cond);
	w->until_ms = w->now_ms + 100;
	task_start(w->s, "late", cond_waiter, w);
	world_run(w);
	world_wants(w, "late- ");
	assert_null(w->cond.first);
	/* all who wait, in their order; no limit */
	w->until_ms = UINT64_MAX;
	task_start(w->s, "a", cond_waiter, w);
	task_start(w->s, "b", cond_waiter, w);
	world_run(w);
	world_wants(w, "");
	assert_true(sched_next_timer_ms(w->s) == UINT64_MAX);
	task_cond_broadcast(&w->cond);
	world_run(w);
	world_wants(w, "a+ b+ ");
}

/* Those who give up leave the line, wherever they stand. */
static void
test_cond_leave(void **state)
{
	struct world *w = *state;

	for (unsigned gone = 0; gone < 8; gone++) {
		for (unsigned i = 0; i < 3; i++) {
			static const char *const names[] = { "a", "b", "c" };

			w->until_ms =
			    w->now_ms + (gone >> i & 1 ? 100 : 100000);
			task_start(w->s, names[i], cond_waiter, w);
			sched_run_one(w->s);
		}
		w->now_ms += 200;
		sched_run_timers(w->s);
		while (sched_run_one(w->s))
			continue;
		task_cond_broadcast(&w->cond);
		task_cond_broadcast(&w->cond);
		while (sched_run_one(w->s))
			continue;
		test_row(gone, sched_task_count(w->s) == 0);
		test_row(gone, sched_next_timer_ms(w->s) == UINT64_MAX);
		test_row(gone, w->said.n == 9);
		for (unsigned i = 0; i < 3; i++) {
			char want[4] = { (char)('a' + i),
				gone >> i & 1 ? '-' : '+', ' ', '\0' };

			test_row(gone,
			    strstr(buf_cstr(&w->said), want) != NULL);
		}
		buf_clear(&w->said);
	}
}

static may_yield void
deadliner(struct task *t, void *arg)
{
	struct world *w = arg;

	assert_null(task_check(t));
	assert_true(task_deadline(t) == 0);
	task_set_deadline(t, task_now_ms(t) + 10);
	assert_true(task_deadline(t) == w->now_ms + 10);
	task_sleep_ms(t, 9);
	assert_null(task_check(t));
	task_sleep_ms(t, 1);
	assert_true(err_is(task_check(t), ERR_TIMEOUT));
	task_set_deadline(t, 0);
	assert_null(task_check(t));
	task_set_log(t, "session", "account");
	assert_string_equal(task_log_session(t), "session");
	assert_string_equal(task_log_account(t), "account");
	task_hold(t, "one");
	task_hold(t, "two");
	task_hold(t, "one");
	task_unhold(t, "one");
	task_unhold(t, "two");
	task_unhold(t, "one");
	buf_c(&w->said, "ok");
}

static void
test_carried(void **state)
{
	struct world *w = *state;

	task_start(w->s, "deadliner", deadliner, w);
	world_run(w);
	world_wants(w, "ok");
	sched_set_log_name(w->s, "n1", 3);
	sched_set_log_name(w->s, "n2", 4);
	assert_string_equal(sched_log_node(w->s), "n2");
	assert_int_equal(sched_log_worker(w->s), 4);
}

/* The simulation's crash: nothing of the tasks goes on, nothing leaks. */
static void
test_abandon(void **state)
{
	struct world *w = *state;

	w->until_ms = UINT64_MAX;
	task_start(w->s, "a", sleeper, w);
	task_start(w->s, "b", cond_waiter, w);
	task_start(w->s, "c", locker, w);
	task_start(w->s, "d", locker, w);
	task_start(w->s, "e", diver, w);
	for (int i = 0; i < 20; i++)
		sched_run_one(w->s);
	task_start(w->s, "never ran", yielder, w);
	buf_clear(&w->said);
	sched_abandon(w->s);
	assert_int_equal(sched_task_count(w->s), 0);
	assert_false(sched_ready(w->s));
	assert_true(sched_next_timer_ms(w->s) == UINT64_MAX);
	world_wants(w, "");
}

struct ticks {
	struct world *w;
	struct timer tm[200];
	uint64_t last_ms;
	unsigned fired, again;
};

static void
tick(struct timer *tm, void *arg)
{
	struct ticks *k = arg;

	assert_int_equal(tm->slot, 0);
	assert_true(tm->at_ms <= k->w->now_ms);
	assert_true(tm->at_ms >= k->last_ms);
	k->last_ms = tm->at_ms;
	k->fired++;
}

/* Against a plain list: set, set anew and cancel at random. */
static void
test_timers(void **state)
{
	struct world *w = *state;
	struct ticks *k = xcalloc(1, sizeof(*k));

	k->w = w;
	for (int i = 0; i < 20000; i++) {
		struct timer *tm = &k->tm[rnd_below(&w->rnd, 200)];
		uint64_t least_ms = UINT64_MAX;
		unsigned set = 0, due = 0;

		if (rnd_below(&w->rnd, 3) == 0)
			timer_cancel(w->s, tm);
		else
			timer_set(w->s, tm, rnd_below(&w->rnd, 500), tick, k);
		w->now_ms += rnd_below(&w->rnd, 4);
		for (int j = 0; j < 200; j++) {
			if (k->tm[j].slot == 0)
				continue;
			set++;
			due += k->tm[j].at_ms <= w->now_ms;
			if (k->tm[j].at_ms < least_ms)
				least_ms = k->tm[j].at_ms;
		}
		test_row(i, sched_next_timer_ms(w->s) == least_ms);
		k->fired = 0;
		k->last_ms = 0;
		sched_run_timers(w->s);
		test_row(i, k->fired == due);
		test_row(i,
		    (set == due) == (sched_next_timer_ms(w->s) == UINT64_MAX));
	}
	sched_abandon(w->s);
	free(k);
}

static void
tick_again(struct timer *tm, void *arg)
{
	struct ticks *k = arg;

	k->again++;
	timer_set(k->w->s, tm, 0, tick_again, k);
}

static void
tick_name(struct timer *tm, void *arg)
{
	struct ticks *k = arg;

	buf_char(&k->w->said, (char)('a' + (tm - k->tm)));
}

/* Equal times in the order of setting; who sets himself anew waits for the
 * next turn; a time beyond all times is one. */
static void
test_timer_edges(void **state)
{
	struct world *w = *state;
	struct ticks *k = xcalloc(1, sizeof(*k));

	k->w = w;
	timer_set(w->s, &k->tm[0], UINT64_MAX, tick, k);
	assert_true(k->tm[0].at_ms == UINT64_MAX);
	timer_cancel(w->s, &k->tm[0]);
	timer_cancel(w->s, &k->tm[0]);
	for (int i = 0; i < 10; i++)
		timer_set(w->s, &k->tm[i], 7, tick_name, k);
	w->now_ms += 7;
	sched_run_timers(w->s);
	world_wants(w, "abcdefghij");
	w->changes = 0;
	timer_set(w->s, &k->tm[0], 0, tick_again, k);
	assert_int_equal(w->changes, 1);
	for (unsigned i = 1; i <= 3; i++) {
		sched_run_timers(w->s);
		assert_int_equal(k->again, i);
	}
	timer_cancel(w->s, &k->tm[0]);
	free(k);
}

#define world_test(fn)                                                         \
	cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_turns),
		world_test(test_nth),
		world_test(test_sleep),
		world_test(test_wait),
		world_test(test_stacks),
		world_test(test_start_inside),
		world_test(test_mutex),
		world_test(test_cond),
		world_test(test_cond_leave),
		world_test(test_carried),
		world_test(test_abandon),
		world_test(test_timers),
		world_test(test_timer_edges),
	};

	return cmocka_run_group_tests_name("task", tests, NULL, NULL);
}
