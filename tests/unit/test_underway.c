/* test_underway.c - what worker 0 was at, whenever it dies */
#include "server/queue/underway.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"

#define KILLS 60

/* All of it follows from n. */
static struct dest_job
job(unsigned n)
{
	struct dest_job j = { .bucket = n % QUEUE_BUCKETS, .ordinal = n };

	memset(&j.txid, (int)(n % 251) + 1, sizeof(j.txid));
	return j;
}

static unsigned
begin(struct underway *u, unsigned n, uint64_t dest)
{
	const struct dest_job j = job(n);

	return underway_begin(u, &j, dest);
}

static bool
may_begin(const struct underway *u, unsigned n)
{
	const struct dest_job j = job(n);

	return underway_may_begin(u, &j);
}

/* How many wait that are marked so, each whole. */
static unsigned
count(const struct underway *u, enum underway_mark wanted)
{
	struct dest_job j, want;
	enum underway_mark mark;
	unsigned at = 0, n = 0;

	while (underway_next(u, &at, &j, &mark)) {
		want = job(j.ordinal);
		assert_int_equal(j.bucket, want.bucket);
		assert_true(txid_eq(&j.txid, &want.txid));
		n += mark == wanted;
	}
	return n;
}

static void
expect(const struct underway *u, unsigned left, unsigned suspect,
    unsigned guilty)
{
	assert_int_equal(count(u, UNDERWAY_LEFT), left);
	assert_int_equal(count(u, UNDERWAY_SUSPECT), suspect);
	assert_int_equal(count(u, UNDERWAY_GUILTY), guilty);
}

static void
test_ends_in_order(void **state)
{
	struct underway *u = underway_new();
	unsigned a, b;

	(void)state;
	underway_join(u);
	a = begin(u, 1, 7);
	b = begin(u, 2, 7);
	assert_int_not_equal(a, b);
	/* those that run are nothing special, nor is their message */
	expect(u, 0, 0, 0);
	assert_true(may_begin(u, 1));
	assert_false(underway_end(u, a));
	assert_false(underway_end(u, b));
	underway_join(u);
	expect(u, 0, 0, 0);
	underway_free(&u);
	assert_null(u);
	underway_free(&u);
}

/* What was left by one death is tried as ever, at once. */
static void
test_left(void **state)
{
	struct underway *u = underway_new();
	unsigned a, b;

	(void)state;
	underway_join(u);
	begin(u, 1, 7);
	begin(u, 2, 7);
	underway_end(u, begin(u, 3, 7));
	underway_join(u);
	expect(u, 2, 0, 0);
	a = begin(u, 1, 7);
	assert_true(may_begin(u, 2));
	b = begin(u, 2, 7);
	assert_int_not_equal(a, b);
	assert_true(may_begin(u, 1) && may_begin(u, 3));
	expect(u, 0, 0, 0);
	assert_false(underway_end(u, a));
	/* another life's end, before it is begun with, is nothing against it */
	underway_end(u, b);
	begin(u, 4, 7);
	underway_join(u);
	underway_join(u);
	expect(u, 1, 0, 0);
	assert_false(underway_end(u, begin(u, 4, 7)));
	underway_join(u);
	expect(u, 0, 0, 0);
	underway_free(&u);
}

/* In the middle of these it dies twice. */
static void
die_twice(struct underway *u, unsigned a, unsigned b)
{
	underway_join(u);
	begin(u, a, 7);
	begin(u, b, 7);
	underway_join(u);
	begin(u, a, 7);
	begin(u, b, 7);
	underway_join(u);
}

static void
test_suspects(void **state)
{
	struct underway *u = underway_new();
	unsigned a;

	(void)state;
	die_twice(u, 1, 2);
	expect(u, 0, 2, 0);
	/* one at a time, others as usual */
	assert_true(may_begin(u, 1) && may_begin(u, 2) && may_begin(u, 3));
	a = begin(u, 1, 7);
	assert_false(may_begin(u, 1) || may_begin(u, 2));
	assert_true(may_begin(u, 3));
	assert_false(underway_end(u, begin(u, 3, 7)));
	assert_true(underway_end(u, a));
	assert_true(may_begin(u, 1) && may_begin(u, 2));
	expect(u, 0, 1, 0);
	/* another life's end, before it was tried, is nothing against it */
	underway_join(u);
	underway_join(u);
	expect(u, 0, 1, 0);
	assert_true(underway_end(u, begin(u, 2, 7)));
	underway_join(u);
	expect(u, 0, 0, 0);
	underway_free(&u);
}

/* Whoever was tried, and nobody else. */
static void
test_guilty(void **state)
{
	struct underway *u = underway_new();
	struct dest_job j = job(2);

	(void)state;
	die_twice(u, 1, 2);
	begin(u, 4, 7);
	begin(u, 2, 7);
	underway_join(u);
	expect(u, 1, 1, 1);
	assert_false(may_begin(u, 2));
	assert_true(may_begin(u, 1) && may_begin(u, 4));
	/* until it is held, whoever dies meanwhile */
	underway_end(u, begin(u, 4, 7));
	underway_join(u);
	expect(u, 0, 1, 1);
	underway_forget(u, &j);
	expect(u, 0, 1, 0);
	/* released: as any other */
	assert_false(underway_end(u, begin(u, 2, 7)));
	underway_free(&u);
}

/* Jobs of one message: what another of them did not die of one may. */
static void
test_destinations(void **state)
{
	struct underway *u = underway_new();
	struct dest_job j = job(1);

	(void)state;
	underway_join(u);
	begin(u, 1, 7);
	begin(u, 1, 8);
	underway_join(u);
	expect(u, 2, 0, 0);
	/* one that was not under way counts as well */
	begin(u, 1, 9);
	underway_join(u);
	expect(u, 2, 1, 0);
	assert_true(underway_end(u, begin(u, 1, 9)));
	expect(u, 2, 0, 0);
	begin(u, 1, 7);
	begin(u, 1, 8);
	underway_join(u);
	expect(u, 0, 2, 0);
	assert_true(underway_end(u, begin(u, 1, 9)));
	assert_true(underway_end(u, begin(u, 1, 7)));
	expect(u, 0, 1, 0);
	begin(u, 1, 9);
	underway_join(u);
	expect(u, 0, 1, 1);
	assert_false(may_begin(u, 1));
	underway_forget(u, &j);
	expect(u, 0, 0, 0);
	assert_true(may_begin(u, 1));
	underway_free(&u);
}

static void
test_full(void **state)
{
	struct underway *u = underway_new();
	unsigned last = UNDERWAY_NONE;

	(void)state;
	underway_join(u);
	for (unsigned i = 0; i < UNDERWAY_JOBS; i++) {
		last = begin(u, i, 7);
		assert_true(last < UNDERWAY_JOBS);
	}
	assert_int_equal(begin(u, 5000, 7), UNDERWAY_NONE);
	assert_false(underway_end(u, UNDERWAY_NONE));
	underway_end(u, last);
	assert_int_equal(begin(u, 5001, 7), last);
	underway_join(u);
	expect(u, UNDERWAY_JOBS, 0, 0);
	/* what was left has its place already */
	assert_int_equal(begin(u, 5001, 7), last);
	underway_join(u);
	expect(u, UNDERWAY_JOBS - 1, 1, 0);
	assert_int_equal(begin(u, 5001, 7), last);
	assert_true(underway_end(u, last));
	underway_free(&u);
}

static void
test_none(void **state)
{
	(void)state;
	underway_join(NULL);
	assert_true(may_begin(NULL, 1));
	assert_int_equal(begin(NULL, 1, 7), UNDERWAY_NONE);
	assert_false(underway_end(NULL, UNDERWAY_NONE));
	expect(NULL, 0, 0, 0);
}

/* --- worker 0 really dies, anywhere --- */

static void
works(struct underway *u)
{
	unsigned place[8], n = 0;

	for (unsigned i = 0; i < countof(place); i++)
		place[i] = begin(u, n++, 7);
	for (;;) {
		underway_end(u, place[n % countof(place)]);
		place[n % countof(place)] = begin(u, n, 7);
		n++;
	}
}

static void
joins(struct underway *u)
{
	for (;;)
		underway_join(u);
}

/* Killed once it is at it. */
static void
killed(struct underway *u, void (*fn)(struct underway *u), unsigned us)
{
	int ready[2], status;
	char c = 'x';
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		underway_join(u);
		(void)!write(ready[1], &c, 1);
		fn(u);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	usleep(us);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	close(ready[0]);
	close(ready[1]);
}

static void
test_killed(void **state)
{
	(void)state;
	for (unsigned i = 0; i < KILLS; i++) {
		struct underway *u = underway_new();
		unsigned left;

		killed(u, works, i * 37 % 500);
		underway_join(u);
		left = count(u, UNDERWAY_LEFT);
		assert_true(left <= 8);
		expect(u, left, 0, 0);
		/* nobody is tried yet: however often it dies */
		killed(u, joins, i * 37 % 500);
		underway_join(u);
		expect(u, left, 0, 0);
		underway_free(&u);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends_in_order),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_suspects),
		cmocka_unit_test(test_guilty),
		cmocka_unit_test(test_destinations),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
