/* test_queue_trouble.c - the share, a lock, a file, an entry: what goes wrong
 * while the queue is delivered */
#include "tests/unit/queue_run_rig.h"

#include "storage/account_private.h"

/*
 * The share does not answer while a message is being sent: the lease ends, the
 * message is broken off before its end, and is sent when there is a lease
 * again: by then the bucket has another token.
 */
TEST(test_lease_lost)
{
	struct worker *w = runner_start(t, c, 0);

	hosts.slow_ms = 40000;
	put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.opened == 1);
	share_goes_away();
	task_sleep_ms(t, 50000);
	assert_false(lease_is_valid(w->lease));
	assert_int_equal(hosts.sent, 0);
	assert_int_equal(hosts.open, 0);
	hosts.slow_ms = 0;
	share_fault_set(faulty, NULL, 0);
	WAIT(t, 3 * MINUTE_MS, hosts.sent == 1);
	WAIT(t, 5000, queued(t, w) == 0);
	assert_string_equal(hosts.last, "b@y.org");
	runner_stop(t, w);
}

/* It goes away when the host has taken the message: the lock is lost, but as
 * nobody has claimed the bucket, what the host said counts. */
TEST(test_lock_lost)
{
	struct worker *w = runner_start(t, c, 0);

	hosts.then_away = true;
	put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.sent == 1);
	task_sleep_ms(t, MINUTE_MS);
	assert_false(lease_is_valid(w->lease));
	hosts.then_away = false;
	share_fault_set(faulty, NULL, 0);
	WAIT(t, 3 * MINUTE_MS, queue_is_held(w->queue, 3));
	task_sleep_ms(t, MINUTE_MS);
	assert_int_equal(queued(t, w), 0);
	assert_int_equal(hosts.sent, 1);
	runner_stop(t, w);
}

/* Told of a bucket that is lost, while its last message still is on its way:
 * nothing spins. */
TEST(test_hint_lost)
{
	struct worker *w = runner_start(t, c, 0);

	hosts.slow_ms = 5 * MINUTE_MS;
	put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.opened == 1);
	share_goes_away();
	task_sleep_ms(t, MINUTE_MS);
	share_fault_set(faulty, NULL, 0);
	WAIT(t, 3 * MINUTE_MS, lease_is_valid(w->lease));
	queue_hint(w, 3, 1000);
	task_sleep_ms(t, 10000);
	assert_int_equal(hosts.open, 1);
	hosts.slow_ms = 0;
	WAIT(t, 10 * MINUTE_MS, queued(t, w) == 0);
	assert_int_equal(hosts.sent, 1);
	runner_stop(t, w);
}

/* The file is gone: no more often than any other message that has to wait, and
 * the end is a bounce. */
TEST(test_damaged)
{
	struct worker *w = runner_start(t, c, 0);
	const char *to[] = { "b@y.org", "c@y.org" };
	const struct queue_message *now;
	struct queue_bucket *b;
	struct queue_message m;
	struct str dsn;
	unsigned n;

	assert_ok(add_domain(t, w->state, "x.org"));
	ours(t, w, "a@x.org");
	set(t, w, "queue.lifetime", "1h");
	hosts.down = true;
	m = put_to(t, w, 3, "a@x.org", to, 2, 0);
	WAIT(t, 5000, hosts.opened == 1);
	task_sleep_ms(t, 1000);
	assert_ok(queue_bucket_open(t, eyes, 3, &b));
	queue_file_remove(t, b, &(struct queue_name){ m.txid, m.ordinal });
	hosts.down = false;
	assert_ok(queue_order(t, b, &m.txid, m.ordinal, QUEUE_ORDER_RETRY));
	task_sleep_ms(t, MINUTE_MS);
	now = row(t, w, &m);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(now->rcpts[i].tries, 2);
		assert_true(str_eq_c(now->rcpts[i].answer,
		    "4.3.0 the message cannot be read"));
	}
	assert_int_equal(hosts.opened, 2);
	WAIT(t, 2 * HOUR_MS, queued(t, w) == 0);
	assert_int_equal(hosts.sent, 0);
	dsn = inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 1);
	assert_true(has(dsn, "Final-Recipient: rfc822; c@y.org\r\n"));
	runner_stop(t, w);
}

static struct err *
newer_compose(struct task *t, void *arg, struct buf *ops)
{
	(void)t;
	(void)arg;
	buf_c(ops, "z,1");
	return NULL;
}

/* A newer version's entry: what cannot be written down is not sent, and the
 * bucket is another's. */
TEST(test_newer)
{
	struct worker *w = runner_start(t, c, 0);
	struct journal_tx tx;
	struct queue_bucket *b;
	struct err *e;

	/* while one is on its way */
	hosts.slow_ms = 3000;
	put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 2000, hosts.opened == 1);
	put(t, w, 3, "a@x.org", "b@z.org");
	assert_ok(queue_bucket_open(t, eyes, 3, &b));
	journal_tx_init(t, queue_bucket_journal(b), &tx);
	tx.compose = newer_compose;
	e = journal_commit(t, queue_bucket_journal(b), &tx);
	assert_non_null(e);
	task_sleep_ms(t, MINUTE_MS);
	assert_false(queue_is_held(w->queue, 3));
	assert_true(hosts.sent <= 2);
	hosts.slow_ms = 0;
	task_sleep_ms(t, HOUR_MS);
	assert_true(hosts.sent <= 2);
	/* others are not concerned */
	put(t, w, 4, "a@x.org", "d@y.org");
	WAIT(t, 5000, hosts.sent == 3);
	runner_stop(t, w);
}

/* No room for a bounce: rather tried again. */
TEST(test_full)
{
	static const struct share_fault_rule full = { .proc = SHARE_WRITE,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_BEFORE,
		.code = ERR_NOSPC };
	struct worker *w = runner_start(t, c, 0);
	const struct queue_message *now;
	struct queue_message m;
	unsigned n;

	assert_ok(add_domain(t, w->state, "x.org"));
	ours(t, w, "a@x.org");
	hosts.code = 450;
	m = put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.sent == 1);
	hosts.code = 550;
	share_fault_set(faulty, &full, 1);
	WAIT(t, HOUR_MS, hosts.sent == 2);
	task_sleep_ms(t, 10000);
	assert_true(share_fault_hits(faulty, 0) > 0);
	now = row(t, w, &m);
	assert_int_equal(now->rcpts[0].state, QUEUE_WAITING);
	assert_int_equal(now->rcpts[0].tries, 2);
	assert_int_equal(now->rcpts[0].code, 550);
	assert_false(queue_is_run(w->queue,
	    &(struct dest_job){ m.bucket, m.ordinal, m.txid },
	    dests_find(w->queue->dests, STR("y.org"))));
	share_fault_set(faulty, NULL, 0);
	WAIT(t, HOUR_MS, queued(t, w) == 0);
	assert_int_equal(hosts.sent, 3);
	assert_true(has(inbox(t, w, "a@x.org", &n), "550 so it is"));
	assert_int_equal(n, 1);
	runner_stop(t, w);
}

static struct err *
void_compose(struct task *t, void *arg, struct buf *ops)
{
	(void)t;
	record_op(ops, 'D');
	record_txid(ops, arg);
	return NULL;
}

/* What a mailbox was to get it under was voided: it gets it all the same. */
TEST(test_voided)
{
	struct worker *w = runner_start(t, c, 0);
	struct state_recipient who = { .address = STR("b@x.org") };
	struct state_account ac;
	struct account *acc;
	struct journal_tx tx;
	struct queue_message m;
	struct txid x;
	unsigned n;

	assert_ok(add_domain(t, w->state, "x.org"));
	ours(t, w, "b@x.org");
	w->draining = true;
	task_sleep_ms(t, 2000);
	m = put(t, w, 3, "a@y.org", "b@x.org");
	assert_ok(
	    state_account_find(task_arena(t), w->state, who.address, &ac));
	assert_ok(account_open(t, w->mail, ac.id, &acc));
	who.account_id = ac.id;
	x = queue_local_txid(&m, &who, 0);
	journal_tx_init(t, acc->journal, &tx);
	tx.compose = void_compose;
	tx.arg = &x;
	assert_ok(journal_commit(t, acc->journal, &tx));
	account_close(&acc);
	w->draining = false;
	WAIT(t, 10000, queued(t, w) == 0);
	inbox(t, w, "b@x.org", &n);
	assert_int_equal(n, 1);
	assert_int_equal(hosts.sent, 0);
	runner_stop(t, w);
}

int
main(void)
{
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, cluster_setup, cluster_teardown)
	const struct CMUnitTest tests[] = {
		T(test_lease_lost),
		T(test_lock_lost),
		T(test_hint_lost),
		T(test_damaged),
		T(test_newer),
		T(test_full),
		T(test_voided),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
