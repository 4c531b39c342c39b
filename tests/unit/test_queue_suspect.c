/* test_queue_suspect.c - messages that an earlier worker 0 died at */
#include "server/queue/underway.h"
#include "tests/unit/queue_run_rig.h"

static struct dest_job
job_of(const struct queue_message *m)
{
	return (struct dest_job){ .bucket = m->bucket,
		.ordinal = m->ordinal,
		.txid = m->txid };
}

static unsigned
left(const struct underway *u)
{
	struct dest_job j;
	enum underway_mark mark;
	unsigned at = 0, n = 0;

	while (underway_next(u, &at, &j, &mark))
		n++;
	return n;
}

static void
was_at(struct underway *u, const struct queue_message *m)
{
	struct dest_job j = job_of(m);

	(void)underway_begin(u, &j, str_hash(STR("y.org")));
}

/* Once, and it is at all of them again: who comes next finds suspects. */
static void
died_at(struct underway *u, const struct queue_message *m, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		was_at(u, &m[i]);
	underway_join(u);
	for (unsigned i = 0; i < n; i++)
		was_at(u, &m[i]);
}

/* Alone in the end: who comes next finds it guilty. */
static void
was_tried(struct underway *u, const struct queue_message *m)
{
	died_at(u, m, 1);
	underway_join(u);
	was_at(u, m);
}

/* A node that has messages, and a worker 0 that was at none of them yet. */
static may_yield_unchecked struct worker *
dead_worker(struct task *t, struct cluster *c, unsigned i)
{
	struct worker *w = runner_start(t, c, i);

	queue_stop(t, w->queue);
	queue_free(&w->queue);
	w->underway = underway_new();
	underway_join(w->underway);
	return w;
}

static may_yield_unchecked void
stop(struct task *t, struct worker *w)
{
	struct underway *u = w->underway;

	runner_stop(t, w);
	/* an orderly end leaves nothing */
	underway_join(u);
	assert_int_equal(left(u), 0);
	underway_free(&u);
}

/* So many deliveries; what came of them is written, and it stops in order. */
static may_yield_unchecked void
try_once(struct task *t, struct worker *w, unsigned sent)
{
	w->queue = queue_new(w);
	WAIT(t, 10000, hosts.sent == sent);
	task_sleep_ms(t, 2000);
	queue_stop(t, w->queue);
	queue_free(&w->queue);
}

static may_yield_unchecked void
order(struct task *t, const struct queue_message *m, enum queue_order o)
{
	struct queue_bucket *b;

	assert_ok(queue_bucket_open(t, eyes, m->bucket, &b));
	assert_ok(queue_order(t, b, &m->txid, m->ordinal, o));
}

/* Never two of them at once; others beside them. */
TEST(test_one_at_a_time)
{
	struct worker *w = dead_worker(t, c, 0);
	struct queue_message m[3];

	for (unsigned i = 0; i < 3; i++)
		m[i] = put(t, w, 3 + i, "a@x.org", "b@y.org");
	died_at(w->underway, m, 3);
	put(t, w, 6, "a@x.org", "c@y.org");
	hosts.slow_ms = 20000;
	w->queue = queue_new(w);
	assert_int_equal(left(w->underway), 3);
	WAIT(t, 10000, hosts.open == 2);
	task_sleep_ms(t, 9000);
	assert_int_equal(hosts.open, 2);
	WAIT(t, 2 * MINUTE_MS, hosts.sent == 4);
	assert_int_equal(hosts.most, 2);
	WAIT(t, 5000, queued(t, w) == 0);
	assert_int_equal(left(w->underway), 0);
	stop(t, w);
}

/* What it died at once, it is at again as if nothing had been. */
TEST(test_once)
{
	struct worker *w = dead_worker(t, c, 0);
	struct queue_message m;

	for (unsigned i = 0; i < 3; i++) {
		m = put(t, w, 3 + i, "a@x.org", "b@y.org");
		was_at(w->underway, &m);
	}
	hosts.slow_ms = 20000;
	w->queue = queue_new(w);
	assert_int_equal(left(w->underway), 3);
	WAIT(t, 10000, hosts.open == 3);
	assert_int_equal(left(w->underway), 0);
	WAIT(t, MINUTE_MS, hosts.sent == 3);
	WAIT(t, 5000, queued(t, w) == 0);
	stop(t, w);
}

/* More than a destination has jobs at once: nothing spins meanwhile. */
TEST(test_many)
{
	struct worker *w = dead_worker(t, c, 0);
	struct queue_message m[DEST_JOBS + 10];

	for (unsigned i = 0; i < countof(m); i++)
		m[i] = put(t, w, 3, "a@x.org", "b@y.org");
	died_at(w->underway, m, countof(m));
	hosts.slow_ms = 1000;
	w->queue = queue_new(w);
	WAIT(t, 2 * MINUTE_MS, queued(t, w) == 0);
	assert_int_equal(hosts.sent, countof(m));
	assert_int_equal(hosts.most, 1);
	stop(t, w);
}

/* Several destinations of one message: neither. */
TEST(test_one_message)
{
	struct worker *w = dead_worker(t, c, 0);
	const char *to[] = { "b@y.org", "b@z.org", "b@w.org" };
	struct queue_message m = put_to(t, w, 3, "a@x.org", to, 3, 0);

	died_at(w->underway, &m, 1);
	hosts.slow_ms = 20000;
	w->queue = queue_new(w);
	WAIT(t, 10000, hosts.open == 1);
	task_sleep_ms(t, 9000);
	assert_int_equal(hosts.open, 1);
	WAIT(t, 2 * MINUTE_MS, hosts.sent == 3);
	WAIT(t, 5000, queued(t, w) == 0);
	stop(t, w);
}

/* At its third death it was at this one, and at another for the first time. */
TEST(test_held)
{
	struct worker *w = dead_worker(t, c, 0);
	struct queue_message m[3];
	const struct queue_message *now;

	for (unsigned i = 0; i < 3; i++)
		m[i] = put(t, w, 3, "a@x.org", "b@y.org");
	died_at(w->underway, m, 2);
	underway_join(w->underway);
	was_at(w->underway, &m[1]);
	was_at(w->underway, &m[2]);
	w->queue = queue_new(w);
	WAIT(t, 10000, hosts.sent == 2);
	task_sleep_ms(t, MINUTE_MS);
	assert_int_equal(hosts.sent, 2);
	assert_int_equal(queued(t, w), 1);
	now = row(t, w, &m[1]);
	assert_non_null(now);
	assert_true(now->held);
	assert_true(str_eq_c(now->rcpts[0].answer,
	    "4.3.0 the delivery worker crashed three times while it was at "
	    "this "
	    "message; held: look at it, then release or remove it"));
	assert_true(str_eq_c(now->rcpts[0].node, "n1"));
	assert_int_equal(now->rcpts[0].tries, 1);
	assert_int_equal(left(w->underway), 0);
	/* it is as any other again */
	order(t, &m[1], QUEUE_ORDER_RELEASE);
	WAIT(t, 15000, hosts.sent == 3);
	WAIT(t, 5000, queued(t, w) == 0);
	stop(t, w);
}

/* Worker 0 died when the outcome was written, over what it did then. */
TEST(test_none_due)
{
	struct worker *w = dead_worker(t, c, 0);
	const char *to[] = { "b@y.org", "b@z.org" };
	struct queue_message m = put_to(t, w, 3, "a@x.org", to, 2, 0);
	const struct queue_message *now;

	hosts.code = 451;
	hosts.special = "b@z.org";
	hosts.special_code = 250;
	try_once(t, w, 2);
	was_tried(w->underway, &m);
	w->queue = queue_new(w);
	WAIT(t, 10000, (now = row(t, w, &m)) != NULL && now->held);
	assert_true(has(now->rcpts[0].answer, "crashed three times"));
	assert_true(now->rcpts[0].next_s > task_wall_s(t));
	assert_false(has(now->rcpts[1].answer, "crashed three times"));
	assert_int_equal(now->rcpts[1].state, QUEUE_DELIVERED);
	assert_int_equal(hosts.sent, 2);
	stop(t, w);
}

/* The reason is with who was due; the other's answer stays. */
TEST(test_one_due)
{
	struct worker *w = dead_worker(t, c, 0);
	const char *to[] = { "b@y.org", "b@z.org" };
	struct queue_message m = put_to(t, w, 3, "a@x.org", to, 2, 0);
	const struct queue_message *now;
	unsigned first;
	int64_t at_s[2];

	hosts.code = 451;
	try_once(t, w, 2);
	now = row(t, w, &m);
	for (unsigned i = 0; i < 2; i++)
		at_s[i] = now->rcpts[i].next_s;
	first = at_s[0] < at_s[1] ? 0 : 1;
	/* up to an eighth later or sooner: not by chance, the seed is fixed */
	assert_true(at_s[1 - first] - at_s[first] > 3);
	task_sleep_ms(t, (uint64_t)(at_s[first] - task_wall_s(t)) * 1000);
	was_tried(w->underway, &m);
	w->queue = queue_new(w);
	WAIT(t, 2000, (now = row(t, w, &m)) != NULL && now->held);
	assert_true(has(now->rcpts[first].answer, "crashed three times"));
	assert_int_equal(now->rcpts[first].tries, 2);
	assert_true(
	    str_eq_c(now->rcpts[1 - first].answer, "mx.y.org: 451 so it is"));
	assert_int_equal(now->rcpts[1 - first].tries, 1);
	assert_int_equal(now->rcpts[1 - first].next_s, at_s[1 - first]);
	stop(t, w);
}

/* Until the hold can be written nobody tries it. */
TEST(test_hold_fails)
{
	struct worker *w = dead_worker(t, c, 0);
	struct queue_message m = put(t, w, 3, "a@x.org", "b@y.org");
	const struct queue_message *now;

	hosts.code = 451;
	w->queue = queue_new(w);
	WAIT(t, 10000, hosts.sent == 1);
	task_sleep_ms(t, 2000);
	hosts.code = 250;
	was_tried(w->underway, &m);
	underway_join(w->underway);
	share_goes_away();
	order(t, &m, QUEUE_ORDER_RETRY);
	task_sleep_ms(t, 8000);
	now = row(t, w, &m);
	assert_false(now->held);
	assert_int_equal(left(w->underway), 1);
	share_fault_set(faulty, NULL, 0);
	WAIT(t, MINUTE_MS, (now = row(t, w, &m)) != NULL && now->held);
	assert_true(has(now->rcpts[0].answer, "crashed three times"));
	assert_int_equal(hosts.sent, 1);
	order(t, &m, QUEUE_ORDER_RELEASE);
	WAIT(t, 15000, hosts.sent == 2);
	WAIT(t, 5000, queued(t, w) == 0);
	stop(t, w);
}

/* What is no more, and what another node delivers now; not what waits for its
 * bucket. */
TEST(test_forgotten)
{
	struct worker *w = dead_worker(t, c, 0), *other;
	struct queue_message gone[3];
	unsigned ours = 0, theirs = 0, used;
	uint64_t own;

	w->queue = queue_new(w);
	other = runner_start(t, c, 1);
	WAIT(t, 3 * MINUTE_MS,
	    (own = counts_word(w->counts, COUNTS_QUEUE_OWN)) != 0 &&
		own != UINT64_MAX);
	while ((own >> theirs & 1) != 0)
		theirs++;
	while ((own >> ours & 1) == 0)
		ours++;
	used = ours + 1;
	while ((own >> used & 1) == 0)
		used++;
	put(t, w, used, "a@x.org", "b@y.org");
	WAIT(t, 10000, hosts.sent == 1);
	WAIT(t, 5000, queued(t, w) == 0);
	gone[0] = (struct queue_message){ .bucket = theirs, .txid = { "x" } };
	gone[1] = (struct queue_message){ .bucket = used, .txid = { "x" } };
	gone[2] = (struct queue_message){ .bucket = ours, .txid = { "x" } };
	for (unsigned i = 0; i < countof(gone); i++)
		was_at(w->underway, &gone[i]);
	underway_join(w->underway);
	assert_int_equal(left(w->underway), 3);
	WAIT(t, 10000, left(w->underway) == 1);
	task_sleep_ms(t, 10000);
	assert_int_equal(left(w->underway), 1);
	/* it comes into use, without that message */
	put(t, w, ours, "a@x.org", "b@y.org");
	WAIT(t, 10000, hosts.sent == 2);
	assert_int_equal(left(w->underway), 0);
	runner_stop(t, other);
	stop(t, w);
}

int
main(void)
{
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, cluster_setup, cluster_teardown)
	const struct CMUnitTest tests[] = {
		T(test_one_at_a_time),
		T(test_once),
		T(test_many),
		T(test_one_message),
		T(test_held),
		T(test_none_due),
		T(test_one_due),
		T(test_hold_fails),
		T(test_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
