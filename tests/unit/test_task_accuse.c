/* test_task_accuse.c - what the runtime accuses, naming the task */
#include "tests/unit/test.h"

#include "base/task.h"

static struct task_mutex mutex;

static void
run(task_fn first, task_fn second)
{
	struct sched *s = sched_new(&clock_system, &rnd_system);

	task_mutex_init(&mutex);
	task_start(s, "culprit", first, s);
	if (second != NULL)
		task_start(s, "victim", second, s);
	while (sched_task_count(s) > 0) {
		while (sched_run_one(s))
			continue;
		sched_run_timers(s);
	}
	sched_free(&s);
}

static may_yield void
enters_twice(struct task *t, void *arg)
{
	(void)t;
	sched_run_one(arg);
}

static may_yield void
runs_timers(struct task *t, void *arg)
{
	(void)t;
	sched_run_timers(arg);
}

static may_yield void
ends_holding(struct task *t, void *arg)
{
	(void)arg;
	task_hold(t, "lease queue/7");
}

static may_yield void
ends_locked(struct task *t, void *arg)
{
	(void)arg;
	task_lock(t, &mutex);
}

static may_yield void
locks_twice(struct task *t, void *arg)
{
	(void)arg;
	task_lock(t, &mutex);
	task_lock(t, &mutex);
}

static may_yield void
unlocks_other(struct task *t, void *arg)
{
	(void)arg;
	task_unlock(t, &mutex);
}

static may_yield void
unholds(struct task *t, void *arg)
{
	(void)arg;
	task_unhold(t, "the moon");
}

static may_yield void
abandons(struct task *t, void *arg)
{
	(void)t;
	sched_abandon(arg);
}

/* The victim's pointer, kept and used by another task. */
static struct task *victim;

static may_yield void
is_victim(struct task *t, void *arg)
{
	(void)arg;
	victim = t;
	task_sleep_ms(t, 1000000);
}

static may_yield void
yields_for_other(struct task *t, void *arg)
{
	(void)arg;
	while (victim == NULL)
		task_yield(t);
	task_yield(victim);
}

static may_yield_unchecked void
yields_to_nobody(struct timer *tm, void *arg)
{
	(void)tm, (void)arg;
	task_yield(victim);
}

static may_yield void
sets_bad_timer(struct task *t, void *arg)
{
	static struct timer tm;

	victim = t;
	timer_set(arg, &tm, 0, yields_to_nobody, NULL);
	task_sleep_ms(t, 1000000);
}

static void
die(void *arg)
{
	task_fn *fns = arg;

	run(fns[0], fns[1]);
}

static void
test_accusations(void **state)
{
	static const struct {
		task_fn fns[2];
		const char *says;
	} rows[] = {
		{ { enters_twice, NULL },
		    "task culprit is entered twice: it runs tasks" },
		{ { runs_timers, NULL },
		    "task culprit is entered twice: it runs timers" },
		{ { ends_holding, NULL },
		    "task culprit ends while it holds lease queue/7" },
		{ { ends_locked, NULL },
		    "task culprit ends while it holds a mutex" },
		{ { locks_twice, NULL },
		    "task culprit locks twice a mutex that it owns" },
		{ { unlocks_other, NULL },
		    "task culprit unlocks a mutex of nobody" },
		{ { unholds, NULL }, "task culprit gives back the moon" },
		{ { abandons, NULL }, "task culprit abandons the scheduler" },
		{ { yields_for_other, is_victim },
		    "task victim yields outside itself: task culprit runs" },
		{ { sets_bad_timer, NULL },
		    "task culprit yields outside itself: nobody runs" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++)
		test_aborts(die, (void *)rows[i].fns, rows[i].says);
}

static may_yield void
sleeps(struct task *t, void *arg)
{
	(void)arg;
	task_sleep_ms(t, 1000000);
}

static void
die_freed(void *arg)
{
	struct sched *s = sched_new(&clock_system, &rnd_system);

	(void)arg;
	task_start(s, "unfinished", sleeps, NULL);
	sched_run_one(s);
	sched_free(&s);
}

static void
die_nth(void *arg)
{
	struct sched *s = sched_new(&clock_system, &rnd_system);

	(void)arg;
	sched_run_nth(s, 0);
}

static void
test_driver(void **state)
{
	(void)state;
	test_aborts(die_freed, NULL,
	    "freed while task unfinished has not ended");
	test_aborts(die_nth, NULL, "task 0 of 0 ready ones");
}

/* Below the stack lies a page that nobody may touch. */
static may_yield void
overflows(struct task *t, void *arg)
{
	volatile char *p = __builtin_frame_address(0);

	(void)t, (void)arg;
	for (;; p -= 1024)
		*p = 1;
}

static void
test_guard(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		/* cmocka's handler would run on the stack that is full */
		signal(SIGSEGV, SIG_DFL);
		run(overflows, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accusations),
		cmocka_unit_test(test_driver),
		cmocka_unit_test(test_guard),
	};

	return cmocka_run_group_tests_name("task_accuse", tests, NULL, NULL);
}
