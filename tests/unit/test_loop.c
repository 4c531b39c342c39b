/* test_loop.c - the loop and the offload pool, in real time */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/loop.h"
#include "base/offload.h"

struct fixture {
	struct loop *l;
	struct watch *w;
	int fds[2];
	unsigned fired, signals;
	bool done;
	struct task *task;
	struct offload *o;
	pthread_t loop_thread;
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->l = loop_new(&clock_system, &rnd_system);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     f->fds),
	    0);
	f->loop_thread = pthread_self();
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	offload_free(&f->o);
	watch_free(&f->w);
	loop_free(&f->l);
	assert_null(f->l);
	close(f->fds[0]);
	close(f->fds[1]);
	free(f);
	return 0;
}

static may_yield void
sleeps(struct task *t, void *arg)
{
	uint64_t before_ms = task_now_ms(t), *ms = arg;

	task_sleep_ms(t, *ms);
	*ms = task_now_ms(t) - before_ms;
}

static void
test_sleep(void **state)
{
	static const uint64_t wanted[] = { 0, 1, 5, 30, 5 };
	struct fixture *f = *state;
	uint64_t ms[countof(wanted)];

	for (size_t i = 0; i < countof(wanted); i++) {
		ms[i] = wanted[i];
		task_start(loop_sched(f->l), "sleeps", sleeps, &ms[i]);
	}
	loop_run(f->l, true);
	for (size_t i = 0; i < countof(wanted); i++)
		test_row(i, ms[i] >= wanted[i] && ms[i] < 10000);
	/* nothing to do: at once */
	loop_run(f->l, true);
}

static may_yield void
sleeps_forever(struct task *t, void *arg)
{
	(void)arg;
	task_sleep_ms(t, UINT64_MAX);
}

static void
test_run_task(void **state)
{
	struct fixture *f = *state;
	uint64_t ms = 3;

	task_start(loop_sched(f->l), "background", sleeps_forever, NULL);
	loop_run_task(f->l, "only", sleeps, &ms);
	assert_true(ms >= 3);
	assert_int_equal(sched_task_count(loop_sched(f->l)), 1);
	sched_abandon(loop_sched(f->l));
}

static may_yield void
stops(struct task *t, void *arg)
{
	struct fixture *f = arg;

	task_yield(t);
	loop_stop(f->l);
}

static void
test_stop(void **state)
{
	struct fixture *f = *state;

	task_start(loop_sched(f->l), "stops", stops, f);
	loop_run(f->l, false);
	task_start(loop_sched(f->l), "stops", stops, f);
	loop_run(f->l, false);
}

static void
readable(struct watch *w, int fd, int events, void *arg)
{
	struct fixture *f = arg;
	char c;

	assert_int_equal(events, WATCH_READ);
	assert_int_equal(read(fd, &c, 1), 1);
	f->fired++;
	if (c != 'q')
		return;
	/* its own end, in its own callback */
	assert_ptr_equal(w, f->w);
	watch_free(&f->w);
	f->done = true;
	task_wake(f->task);
}

static may_yield void
writes(struct task *t, void *arg)
{
	struct fixture *f = arg;

	f->task = t;
	watch_set(f->w, WATCH_READ);
	assert_int_equal(write(f->fds[1], "abcq", 4), 4);
	task_wait(t, &f->done);
}

static void
test_read(void **state)
{
	struct fixture *f = *state;

	f->w = watch_new(f->l, f->fds[0], readable, f);
	task_start(loop_sched(f->l), "writes", writes, f);
	loop_run(f->l, true);
	assert_int_equal(f->fired, 4); /* level-triggered */
	assert_null(f->w);
}

static void
either(struct watch *w, int fd, int events, void *arg)
{
	struct fixture *f = arg;

	(void)fd;
	f->fired++;
	if (f->fired == 1) { /* full house: both at once */
		assert_int_equal(events, WATCH_READ | WATCH_WRITE);
		watch_set(w, WATCH_WRITE);
	} else if (f->fired == 2) {
		assert_int_equal(events, WATCH_WRITE);
		watch_set(w, WATCH_READ);
	} else {
		assert_int_equal(events, WATCH_READ);
		watch_set(w, 0);
		loop_stop(f->l);
	}
}

static void
test_both(void **state)
{
	struct fixture *f = *state;

	f->w = watch_new(f->l, f->fds[0], either, f);
	watch_set(f->w, WATCH_READ | WATCH_WRITE);
	watch_set(f->w, WATCH_READ | WATCH_WRITE);
	assert_int_equal(write(f->fds[1], "x", 1), 1);
	loop_run(f->l, false);
	assert_int_equal(f->fired, 3);
	/* switched off, nothing comes any more */
	task_start(loop_sched(f->l), "stops", stops, f);
	loop_run(f->l, false);
	assert_int_equal(f->fired, 3);
}

static void
signalled(int signum, void *arg)
{
	struct fixture *f = arg;

	assert_int_equal(signum, SIGUSR1);
	if (++f->signals == 2)
		loop_stop(f->l);
	else
		raise(SIGUSR1);
}

static void
test_signal(void **state)
{
	struct fixture *f = *state;

	loop_signal(f->l, SIGUSR1, signalled, f);
	raise(SIGUSR1);
	loop_run(f->l, false);
	assert_int_equal(f->signals, 2);
}

struct job {
	struct fixture *f;
	unsigned in, out;
	bool elsewhere;
};

static void
blocking_square(void *arg)
{
	struct job *j = arg;
	sigset_t mask;

	j->out = j->in * j->in;
	j->elsewhere = !pthread_equal(pthread_self(), j->f->loop_thread);
	if (j->elsewhere) {
		pthread_sigmask(SIG_SETMASK, NULL, &mask);
		j->elsewhere = sigismember(&mask, SIGTERM) == 1;
	}
}

static may_yield void
offloads(struct task *t, void *arg)
{
	struct job *j = arg;

	for (int i = 0; i < 10; i++) {
		j->out = 0;
		offload_run(t, j->f->o, blocking_square, j);
		assert_int_equal(j->out, j->in * j->in);
	}
}

static void
submitted(void *arg)
{
	struct job *j = arg;

	assert_true(pthread_equal(pthread_self(), j->f->loop_thread));
	j->f->fired++;
}

static void
test_offload(void **state)
{
	struct fixture *f = *state;

	/* none: in the caller */
	for (unsigned threads = 0; threads <= 4; threads += 2) {
		struct job jobs[50];

		f->o = offload_new(f->l, threads);
		for (unsigned i = 0; i < countof(jobs); i++) {
			jobs[i] = (struct job){ .f = f, .in = i };
			task_start(loop_sched(f->l), "offloads", offloads,
			    &jobs[i]);
		}
		loop_run(f->l, true);
		for (unsigned i = 0; i < countof(jobs); i++)
			test_row(i, jobs[i].elsewhere == (threads > 0));
		/* what is under way when the pool ends is called back */
		f->fired = 0;
		for (unsigned i = 0; i < countof(jobs); i++)
			offload_submit(f->o, blocking_square, submitted,
			    &jobs[i]);
		offload_free(&f->o);
		assert_int_equal(f->fired, countof(jobs));
	}
}

static void
test_offload_without_loop(void **state)
{
	struct fixture *f = *state;
	struct job j = { .f = f, .in = 7 };

	f->o = offload_new(NULL, 4);
	offload_submit(f->o, blocking_square, submitted, &j);
	assert_int_equal(j.out, 49);
	assert_int_equal(f->fired, 1);
	offload_free(&f->o);
	offload_free(&f->o);
}

static void
die_watched(void *arg)
{
	struct fixture *f = arg;

	watch_new(f->l, f->fds[0], either, f);
	loop_free(&f->l);
}

static may_yield void
runs_loop(struct task *t, void *arg)
{
	struct fixture *f = arg;

	(void)t;
	loop_run(f->l, true);
}

static void
die_nested(void *arg)
{
	struct fixture *f = arg;

	task_start(loop_sched(f->l), "nested", runs_loop, f);
	loop_run(f->l, true);
}

static void
test_accused(void **state)
{
	test_aborts(die_watched, *state, "a loop is freed under 1 watches");
	test_aborts(die_nested, *state, "task nested is entered twice");
}

#define loop_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		loop_test(test_sleep),
		loop_test(test_run_task),
		loop_test(test_stop),
		loop_test(test_read),
		loop_test(test_both),
		loop_test(test_signal),
		loop_test(test_offload),
		loop_test(test_offload_without_loop),
		loop_test(test_accused),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
