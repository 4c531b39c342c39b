/* test_queue_run.c - nodes that deliver the queue, hosts replaced */
#include "storage/state_forward.h"
#include "tests/unit/queue_run_rig.h"

/* --- tests --- */

TEST(test_relay)
{
	struct worker *w = runner_start(t, c, 0);
	const char *many[] = { "b@y.org", "c@y.org", "d@Y.org" };
	unsigned n;

	put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.sent == 1);
	assert_string_equal(hosts.from, "a@x.org");
	assert_string_equal(hosts.last, "b@y.org");
	assert_int_equal(hosts.bytes, 41);
	WAIT(t, 1000, queued(t, w) == 0);
	/* one transaction for those of one destination, the session is kept */
	put_to(t, w, 3, "a@x.org", many, 3, 0);
	WAIT(t, 1000, queued(t, w) == 0);
	assert_int_equal(hosts.sent, 2);
	assert_int_equal(hosts.rcpts, 4);
	assert_int_equal(hosts.opened, 1);
	task_sleep_ms(t, REMOTE_IDLE_MS + 1000);
	assert_int_equal(hosts.open, 0);
	n = (unsigned)stat_sum(w->counts, STAT_RELAYED);
	assert_int_equal(n, 4);
	assert_int_equal(stat_sum(w->counts, STAT_QUEUE_MESSAGES), 0);
	runner_stop(t, w);
}

/* Deferred, again, and again: then it goes. */
TEST(test_deferred)
{
	struct worker *w = runner_start(t, c, 0);
	const struct queue_message *now;
	struct queue_message m;

	hosts.code = 451;
	m = put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.sent == 1);
	task_sleep_ms(t, 2 * MINUTE_MS);
	assert_int_equal(hosts.sent, 1);
	now = row(t, w, &m);
	assert_int_equal(now->rcpts[0].tries, 1);
	assert_int_equal(now->rcpts[0].code, 451);
	assert_true(str_eq_c(now->rcpts[0].answer, "mx.y.org: 451 so it is"));
	WAIT(t, 5 * MINUTE_MS, hosts.sent == 2);
	/* a message that is refused for now is nothing against the host */
	put(t, w, 3, "a@x.org", "c@y.org");
	WAIT(t, 2000, hosts.sent == 3);
	hosts.code = 250;
	WAIT(t, 30 * MINUTE_MS, queued(t, w) == 0);
	assert_int_equal(hosts.sent, 5);
	runner_stop(t, w);
}

/* One DSN, whoever failed, to a mailbox here. */
TEST(test_failed)
{
	struct worker *w = runner_start(t, c, 0);
	const char *to[] = { "b@y.org", "c@y.org", "d@y.org" };
	struct str dsn;
	unsigned n;

	assert_ok(add_domain(t, w->state, "x.org"));
	ours(t, w, "a@x.org");
	hosts.code = 550;
	hosts.special = "d@y.org";
	hosts.special_code = 250;
	put_to(t, w, 3, "a@x.org", to, 3, 0);
	WAIT(t, 10000, queued(t, w) == 0);
	dsn = inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 1);
	assert_true(has(dsn, "Return-Path: <>\r\nDelivered-To: a@x.org\r\n"));
	assert_true(has(dsn, "Final-Recipient: rfc822; b@y.org\r\n"));
	assert_true(has(dsn, "Final-Recipient: rfc822; c@y.org\r\n"));
	assert_false(has(dsn, "d@y.org"));
	assert_true(has(dsn, "Diagnostic-Code: smtp; 550 so it is\r\n"));
	assert_true(has(dsn, "Subject: hello\r\n"));
	assert_int_equal(hosts.sent, 1);
	/* a bounce of a bounce, and one that nobody asked for */
	put(t, w, 3, "", "b@y.org");
	put_to(t, w, 3, "a@x.org", to, 1, QUEUE_NOTIFY_NEVER);
	WAIT(t, 10000, queued(t, w) == 0);
	assert_int_equal(hosts.sent, 3);
	/* the sender is nobody: the DSN fails, and that is the end */
	put(t, w, 3, "nobody@x.org", "b@y.org");
	WAIT(t, 10000, queued(t, w) == 0);
	/* a way that leads back to us */
	hosts.loops = true;
	task_sleep_ms(t, REMOTE_IDLE_MS + 1000);
	put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 10000, queued(t, w) == 0);
	dsn = inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 2);
	assert_true(has(dsn, "Status: 5.4.6\r\n"));
	runner_stop(t, w);
}

/* Success is told if asked for: by us, unless the next host does. */
TEST(test_success)
{
	struct worker *w = runner_start(t, c, 0);
	const char *to = "b@y.org", *here = "b@x.org";
	struct str dsn;
	unsigned n;

	assert_ok(add_domain(t, w->state, "x.org"));
	ours(t, w, "a@x.org");
	ours(t, w, "b@x.org");
	hosts.dsn = true;
	put_to(t, w, 3, "a@x.org", &to, 1, QUEUE_NOTIFY_SUCCESS);
	WAIT(t, 10000, queued(t, w) == 0);
	inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 0);
	hosts.dsn = false;
	put_to(t, w, 3, "a@x.org", &to, 1, QUEUE_NOTIFY_SUCCESS);
	WAIT(t, 10000, queued(t, w) == 0);
	dsn = inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 1);
	assert_true(has(dsn, "Action: relayed\r\n"));
	put_to(t, w, 3, "a@x.org", &here, 1, QUEUE_NOTIFY_SUCCESS);
	WAIT(t, 10000, queued(t, w) == 0);
	dsn = inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 2);
	assert_true(has(dsn, "Action: delivered\r\n"));
	inbox(t, w, "b@x.org", &n);
	assert_int_equal(n, 1);
	runner_stop(t, w);
}

/* A destination that is down is asked once, not once a message; its senders are
 * told of the delay, once; in the end of the failure. */
TEST(test_down)
{
	struct worker *w = runner_start(t, c, 0);
	struct str dsn;
	unsigned n;

	assert_ok(add_domain(t, w->state, "x.org"));
	ours(t, w, "a@x.org");
	set(t, w, "queue.delay_notice", "1h");
	set(t, w, "queue.lifetime", "4h");
	hosts.down = true;
	for (unsigned i = 0; i < 5; i++)
		put(t, w, i % 2, "a@x.org", "b@y.org");
	task_sleep_ms(t, 3 * MINUTE_MS);
	/* those of the two buckets that were first, at most */
	assert_true(hosts.opened >= 1 && hosts.opened <= 5);
	n = hosts.opened;
	put(t, w, 2, "a@x.org", "c@y.org");
	task_sleep_ms(t, MINUTE_MS / 2);
	assert_int_equal(hosts.opened, n);
	/* another destination is not concerned */
	put(t, w, 2, "a@x.org", "c@z.org");
	WAIT(t, 5000, hosts.opened == n + 1);
	task_sleep_ms(t, HOUR_MS + HOUR_MS / 10);
	dsn = inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 7);
	assert_true(has(dsn, "Action: delayed\r\n"));
	task_sleep_ms(t, 2 * HOUR_MS);
	inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 7);
	assert_int_equal(queued(t, w), 7);
	task_sleep_ms(t, 2 * HOUR_MS);
	assert_int_equal(queued(t, w), 0);
	dsn = inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 14);
	assert_true(has(dsn, "Action: failed\r\n"));
	runner_stop(t, w);
}

/* Late and due at once: a try and the telling are one after the other. */
TEST(test_late)
{
	struct worker *w = runner_start(t, c, 0);
	struct queue_rcpt r = { .address = STR("b@y.org") };
	struct queue_message m = { .from = STR("a@x.org"),
		.rcpts = &r,
		.rcpt_n = 1 };
	struct queue_writer *qw;
	unsigned n;

	assert_ok(add_domain(t, w->state, "x.org"));
	ours(t, w, "a@x.org");
	set(t, w, "queue.delay_notice", "1h");
	hosts.code = 451;
	hosts.slow_ms = 5000;
	task_sleep_ms(t, 2 * HOUR_MS);
	m.arrived_s = task_wall_s(t) - 5400;
	assert_ok(queue_writer_begin(t, w->queue_store, 3, &qw));
	assert_ok(queue_writer_add(t, qw, "\r\n", 2));
	assert_ok(queue_writer_commit(t, &qw, &m));
	WAIT(t, 5000, hosts.opened == 1);
	task_sleep_ms(t, 2500);
	assert_int_equal(hosts.sent, 0);
	assert_false(row(t, w, &m)->rcpts[0].delay_told);
	hosts.slow_ms = 0;
	WAIT(t, 10000, row(t, w, &m)->rcpts[0].delay_told);
	task_sleep_ms(t, 5000);
	assert_int_equal(row(t, w, &m)->rcpts[0].tries, 1);
	assert_int_equal(hosts.sent, 1);
	inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 1);
	runner_stop(t, w);
}

/* A host that breaks off over one message takes the next. */
TEST(test_break_off)
{
	struct worker *w = runner_start(t, c, 0);
	struct queue_message m;

	hosts.break_off = true;
	m = put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.sent == 1);
	task_sleep_ms(t, 2000);
	assert_int_not_equal(row(t, w, &m)->rcpts[0].code, 0);
	hosts.break_off = false;
	put(t, w, 3, "a@x.org", "c@y.org");
	WAIT(t, 5000, hosts.sent == 2);
	WAIT(t, 1000, queued(t, w) == 1);
	runner_stop(t, w);
}

TEST(test_orders)
{
	struct worker *w = runner_start(t, c, 0);
	struct queue_bucket *b;
	struct queue_message m;

	hosts.down = true;
	m = put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.opened == 1);
	assert_ok(queue_bucket_open(t, eyes, 3, &b));
	task_sleep_ms(t, 1000);
	hosts.down = false;
	/* now, whatever the destination did */
	assert_ok(queue_order(t, b, &m.txid, m.ordinal, QUEUE_ORDER_RETRY));
	WAIT(t, QUEUE_BUSY_MS + 1000, queued(t, w) == 0);
	hosts.down = true;
	task_sleep_ms(t, REMOTE_IDLE_MS + 1000);
	m = put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.opened == 3);
	task_sleep_ms(t, 1000);
	assert_ok(queue_order(t, b, &m.txid, m.ordinal, QUEUE_ORDER_HOLD));
	hosts.down = false;
	task_sleep_ms(t, HOUR_MS);
	assert_int_equal(queued(t, w), 1);
	assert_int_equal(hosts.sent, 1);
	assert_ok(queue_order(t, b, &m.txid, m.ordinal, QUEUE_ORDER_RELEASE));
	WAIT(t, QUEUE_BUSY_MS + 1000, queued(t, w) == 0);
	hosts.down = true;
	task_sleep_ms(t, REMOTE_IDLE_MS + 1000);
	m = put(t, w, 3, "a@x.org", "b@y.org");
	task_sleep_ms(t, 2000);
	assert_ok(queue_order(t, b, &m.txid, m.ordinal, QUEUE_ORDER_REMOVE));
	assert_int_equal(queued(t, w), 0);
	runner_stop(t, w);
}

/* One that waits because others failed was never tried: "now" is for it, too,
 * and once. */
TEST(test_retry_first)
{
	struct worker *w = runner_start(t, c, 0);
	struct queue_message m, other;
	struct queue_bucket *b;
	unsigned opened;

	hosts.down = true;
	put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.opened == 1);
	task_sleep_ms(t, 1000);
	m = put(t, w, 3, "a@x.org", "c@y.org");
	other = put(t, w, 3, "a@x.org", "d@y.org");
	task_sleep_ms(t, MINUTE_MS);
	assert_int_equal(hosts.opened, 1);
	assert_int_equal(row(t, w, &m)->rcpts[0].tries, 0);
	assert_ok(queue_bucket_open(t, eyes, 3, &b));
	assert_ok(queue_bucket_refresh(t, b));
	assert_ok(queue_order(t, b, &m.txid, m.ordinal, QUEUE_ORDER_RETRY));
	WAIT(t, QUEUE_BUSY_MS + 1000, hosts.opened == 2);
	WAIT(t, 1000, row(t, w, &m)->rcpts[0].tries == 1);
	opened = hosts.opened;
	task_sleep_ms(t, MINUTE_MS);
	assert_int_equal(hosts.opened, opened);
	assert_int_equal(row(t, w, &other)->rcpts[0].tries, 0);
	/* and what it finds out is good for all that were not tried */
	hosts.down = false;
	assert_ok(queue_order(t, b, &m.txid, m.ordinal, QUEUE_ORDER_RETRY));
	WAIT(t, QUEUE_BUSY_MS + 2000, queued(t, w) == 1);
	runner_stop(t, w);
}

/* Many messages of one destination: no more sessions than the setting says. */
TEST(test_limits)
{
	struct worker *w = runner_start(t, c, 0);

	set(t, w, "queue.per_destination", "3");
	hosts.slow_ms = 500;
	for (unsigned i = 0; i < 100; i++)
		put(t, w, i % 4, "a@x.org", "b@y.org");
	WAIT(t, 60000, hosts.sent == 100);
	WAIT(t, 5000, queued(t, w) == 0);
	assert_int_equal(hosts.most, 3);
	assert_int_equal(hosts.rcpts, 100);
	assert_true(hosts.opened <= 6);
	runner_stop(t, w);
}

/* Here: an alias, a group with somebody elsewhere, nobody. */
TEST(test_local)
{
	struct worker *w = runner_start(t, c, 0);
	const char *to[] = { "all@x.org", "b@x.org", "none@x.org" };
	const char *roles[] = { "Postmaster@x.org", "postmaster", "nobody" };
	struct account *acc;
	unsigned n, roled = 0;
	struct str got;

	assert_ok(add_domain(t, w->state, "x.org"));
	ours(t, w, "a@x.org");
	ours(t, w, "b@x.org");
	assert_ok(state_alias_add(t, w->state, "test", STR("all@x.org"),
	    STR("a@x.org")));
	assert_ok(state_alias_add(t, w->state, "test", STR("all@x.org"),
	    STR("b@x.org")));
	assert_ok(state_alias_add(t, w->state, "test", STR("all@x.org"),
	    STR("c@y.org")));
	put_to(t, w, 3, "a@x.org", to, 3, 0);
	WAIT(t, 10000, queued(t, w) == 0);
	/* reached twice, delivered once; and the bounce for nobody */
	inbox(t, w, "b@x.org", &n);
	assert_int_equal(n, 1);
	got = inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 2);
	assert_true(has(got, "none@x.org\r\nAction: failed\r\n"));
	assert_int_equal(hosts.sent, 1);
	assert_string_equal(hosts.last, "c@y.org");
	/* whom nobody reads: kept, one for each address, as their headers
	 * differ; no address at all: the sender is told */
	put_to(t, w, 3, "a@x.org", roles, 3, 0);
	WAIT(t, 10000, queued(t, w) == 0);
	assert_ok(account_open(t, w->mail, STR("postmaster"), &acc));
	assert_int_equal(folder_by_name(acc, STR("INBOX"))->messages, 2);
	for (unsigned i = 1; i <= 2; i++) {
		assert_ok(message_read_all(t, acc,
		    folder_by_name(acc, STR("INBOX"))->id, i, 1000,
		    task_arena(t), &got));
		assert_true(str_ends(got, STR("\r\n\r\nbody\r\n")));
		roled += has(got, "Delivered-To: Postmaster@x.org\r\n");
	}
	assert_int_equal(roled, 1);
	account_close(&acc);
	got = inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 3);
	assert_true(has(got, "Final-Recipient: rfc822; nobody\r\n"));
	assert_true(has(got, "Status: 5.1.3\r\n"));
	runner_stop(t, w);
}

/* One of two has no room: the other, whom it has filled, has got it. */
TEST(test_again)
{
	struct worker *w = runner_start(t, c, 0);
	struct str a = STR("a@x.org"), b = STR("b@x.org");
	unsigned n;

	assert_ok(add_domain(t, w->state, "x.org"));
	ours(t, w, "a@x.org");
	ours(t, w, "b@x.org");
	assert_ok(state_alias_add(t, w->state, "test", STR("all@x.org"), a));
	assert_ok(state_alias_add(t, w->state, "test", STR("all@x.org"), b));
	assert_ok(state_account_quota(t, w->state, "test", a, 0, 1));
	assert_ok(state_account_quota(t, w->state, "test", b, 0, 1));
	put(t, w, 3, "c@y.org", "b@x.org");
	WAIT(t, 10000, queued(t, w) == 0);
	put(t, w, 3, "c@y.org", "all@x.org");
	task_sleep_ms(t, 10000);
	inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 1);
	assert_int_equal(queued(t, w), 1);
	assert_ok(state_account_quota(t, w->state, "test", b, 0, 2));
	WAIT(t, HOUR_MS, queued(t, w) == 0);
	inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 1);
	inbox(t, w, "b@x.org", &n);
	assert_int_equal(n, 2);
	/* both have it, and nobody is told of anything */
	assert_int_equal(hosts.sent, 0);
	runner_stop(t, w);
}

/* The copy that deliver_queue.c queues for an account that forwards. */
static may_yield_unchecked void
put_copy(struct task *t, struct worker *w, const char *to)
{
	struct queue_rcpt rcpt = { .address = str_c(to), .via = str_c(to) };
	struct queue_message m = { .from = STR("c@y.org"),
		.arrived_s = task_wall_s(t),
		.rcpts = &rcpt,
		.rcpt_n = 1 };
	struct queue_writer *qw;

	assert_ok(queue_writer_begin(t, w->queue_store, 3, &qw));
	assert_ok(queue_writer_add(t, qw, "\r\n", 2));
	assert_ok(queue_writer_commit(t, &qw, &m));
}

/* An account that forwards: what comes for it, as bounces do, goes on; the copy
 * of what went on before does not; and a full mailbox keeps nothing back. */
TEST(test_forwarding)
{
	struct worker *w = runner_start(t, c, 0);
	struct str to = STR("b@y.org");
	struct state_forward f = { &to, 1, true };
	unsigned n;

	assert_ok(add_domain(t, w->state, "x.org"));
	ours(t, w, "a@x.org");
	assert_ok(state_forward_set(t, w->state, "test", STR("a@x.org"), &f));
	put(t, w, 3, "", "a@x.org");
	WAIT(t, 10000, queued(t, w) == 0);
	inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 1);
	assert_int_equal(hosts.sent, 1);
	assert_string_equal(hosts.last, "b@y.org");
	put_copy(t, w, "a@x.org");
	WAIT(t, 10000, queued(t, w) == 0);
	task_sleep_ms(t, 10000);
	inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 2);
	assert_int_equal(hosts.sent, 1);
	assert_ok(
	    state_account_quota(t, w->state, "test", STR("a@x.org"), 0, 2));
	put(t, w, 3, "", "a@x.org");
	WAIT(t, 10000, queued(t, w) == 0);
	inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 2);
	assert_int_equal(hosts.sent, 2);
	/* full since the message went on: nobody waits, and nobody is told */
	put_copy(t, w, "a@x.org");
	WAIT(t, 10000, queued(t, w) == 0);
	task_sleep_ms(t, 10000);
	inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 2);
	assert_int_equal(hosts.sent, 2);
	runner_stop(t, w);
}

/* Each forwards to the other, and both are full: somebody has to have it. */
TEST(test_forwarding_full)
{
	struct worker *w = runner_start(t, c, 0);
	struct str a = STR("a@x.org"), b = STR("b@x.org");
	struct state_forward to_a = { &a, 1, true }, to_b = { &b, 1, true };
	unsigned n;

	assert_ok(add_domain(t, w->state, "x.org"));
	ours(t, w, "a@x.org");
	ours(t, w, "b@x.org");
	assert_ok(state_account_quota(t, w->state, "test", a, 0, 1));
	assert_ok(state_account_quota(t, w->state, "test", b, 0, 1));
	put(t, w, 3, "c@y.org", "a@x.org");
	put(t, w, 3, "c@y.org", "b@x.org");
	WAIT(t, 10000, queued(t, w) == 0);
	assert_ok(state_forward_set(t, w->state, "test", a, &to_b));
	assert_ok(state_forward_set(t, w->state, "test", b, &to_a));
	put(t, w, 3, "c@y.org", "a@x.org");
	task_sleep_ms(t, 10000);
	assert_int_equal(queued(t, w), 1);
	assert_ok(state_account_quota(t, w->state, "test", b, 0, 2));
	WAIT(t, HOUR_MS, queued(t, w) == 0);
	inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 1);
	inbox(t, w, "b@x.org", &n);
	assert_int_equal(n, 2);
	assert_int_equal(hosts.sent, 0);
	runner_stop(t, w);
}

/* Signed is what somebody of ours wrote, with the keys of the From's domain. */
TEST(test_sign)
{
	static const struct {
		const char *header, *from;
	} rows[] = {
		{ "A: b\r\nFrom: x@y\r\nC: d\r\n", " x@y\r\n" },
		{ "from:\r\n x@y\r\nC: d\r\n", "\r\n x@y\r\n" },
		{ "A: b\r\n From: x@y\r\n", "" },
		{ "Fro", "" },
		{ "From:", "" },
		{ "", "" },
	};
	struct worker *w = runner_start(t, c, 0);
	struct state_dkim_key k = { .domain = STR("x.org"),
		.selector = STR("s1"),
		.algorithm = STR("ed25519"),
		.stage = STATE_DKIM_ACTIVE };
	struct queue_message m = { .bytes = 41 };
	struct str pem, prefix, again;

	for (unsigned i = 0; i < countof(rows); i++)
		test_row_str(i, queue_sign_from(str_c(rows[i].header)),
		    str_c(rows[i].from));
	assert_ok(add_domain(t, w->state, "x.org"));
	assert_ok(blocking_dkim_key_new(task_arena(t), "ed25519", &pem,
	    &k.public_part));
	assert_ok(state_dkim_add(t, w->state, "test", &k, pem));
	hosts.down = true;
	m = put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.opened == 1);
	task_sleep_ms(t, 1000);
	assert_ok(queue_sign(t, w->queue, &m, &prefix));
	assert_int_equal(prefix.n, 0);
	m.account = STR("someone");
	assert_ok(queue_sign(t, w->queue, &m, &prefix));
	assert_true(str_starts(prefix, STR("DKIM-Signature: ")));
	assert_true(has(prefix, "d=x.org") && has(prefix, "s=s1"));
	assert_true(str_ends(prefix, STR("\r\n")));
	/* somebody else's domain in From, from an account without that name */
	m.from = STR("a@y.org");
	assert_ok(queue_sign(t, w->queue, &m, &again));
	assert_int_equal(again.n, 0);
	m.account = STR_NONE;
	m.flags = QUEUE_BOUNCE;
	assert_ok(queue_sign(t, w->queue, &m, &again));
	/* with the key that was read before */
	assert_true(str_eq(again, prefix));
	assert_non_null(w->queue->keys[0].pk);
	assert_null(w->queue->keys[1].pk);
	runner_stop(t, w);
}

static unsigned
held(const struct worker *w)
{
	unsigned n = 0;

	for (unsigned b = 0; b < QUEUE_BUCKETS; b++)
		n += queue_is_held(w->queue, b);
	return n;
}

/* Each has its own part; who drains hands over; who comes gets his. */
TEST(test_two)
{
	struct worker *w1 = runner_start(t, c, 0), *w2;
	unsigned n;

	hosts.down = true;
	for (unsigned b = 0; b < QUEUE_BUCKETS; b++)
		put(t, w1, b, "a@x.org",
		    arena_printf(task_arena(t), "b@y%u.org", b));
	WAIT(t, 10000, held(w1) == QUEUE_BUCKETS);
	w2 = runner_start(t, c, 1);
	hosts.down = true;
	/* seen, and kept no longer than QUEUE_LEAST_MS */
	WAIT(t, 3 * MINUTE_MS,
	    held(w2) >= QUEUE_BUCKETS / 4 &&
		held(w1) + held(w2) == QUEUE_BUCKETS);
	n = held(w2);
	task_sleep_ms(t, 10 * MINUTE_MS);
	assert_int_equal(held(w2), n);
	assert_int_equal(held(w1), QUEUE_BUCKETS - n);
	/* the back-off came along: whose bucket it is makes no more attempts */
	n = hosts.opened;
	w2->draining = true;
	lease_renew_soon(w2->lease);
	task_sleep_ms(t, 3000);
	assert_int_equal(held(w2), 0);
	WAIT(t, MINUTE_MS, held(w1) == QUEUE_BUCKETS);
	assert_true(hosts.opened - n < QUEUE_BUCKETS / 2);
	runner_stop(t, w2);
	runner_stop(t, w1);
}

/*
 * What a message costs its holder (docs/outgoing-mail.md), told by a hint of
 * another node, whose calls are not counted: 5 to find its entry, 2 for the
 * file, 5 for the outcome, 1 to remove the file.
 */
TEST(test_budget)
{
	struct worker *w = runner_start(t, c, 0), other = { .workers = 1 };
	struct share_counts before, after;
	struct queue_message m;
	uint64_t calls, background;

	other.queue_store = eyes;
	put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.sent == 1);
	task_sleep_ms(t, 1000);
	share_count_get(counting, &before);
	for (unsigned i = 0; i < 20; i++) {
		m = put(t, &other, 3, "a@x.org", "b@y.org");
		queue_hint(w, 3, m.seq != 0 ? m.seq : 1000 + i);
		WAIT(t, 2000, hosts.sent == 2 + i);
		task_sleep_ms(t, 100);
	}
	share_count_get(counting, &after);
	calls = after.total - before.total;
	WAIT(t, 2000, queued(t, w) == 0);
	/* as long again, without mail */
	share_count_get(counting, &before);
	task_sleep_ms(t, 20 * 160);
	share_count_get(counting, &after);
	background = after.total - before.total;
	print_message("calls of 20 messages: %llu, of as much time: %llu\n",
	    (unsigned long long)calls, (unsigned long long)background);
	assert_true(calls - background <= 20 * 13);
	runner_stop(t, w);
}

/*
 * What an idle node costs: it holds every bucket, nothing happens, and no hints
 * tell that nothing does.  What is asked for without a queue is taken off.
 */
TEST(test_idle)
{
	struct worker *w = runner_start(t, c, 0);
	struct share_counts before, after;
	uint64_t with, without;

	for (unsigned b = 0; b < QUEUE_BUCKETS; b++)
		put(t, w, b, "a@x.org", "b@y.org");
	WAIT(t, 60000, queued(t, w) == 0);
	assert_int_equal(held(w), QUEUE_BUCKETS);
	task_sleep_ms(t, 30 * MINUTE_MS);
	share_count_get(counting, &before);
	task_sleep_ms(t, 10 * MINUTE_MS);
	share_count_get(counting, &after);
	with = after.total - before.total;
	queue_stop(t, w->queue);
	share_count_get(counting, &before);
	task_sleep_ms(t, 10 * MINUTE_MS);
	share_count_get(counting, &after);
	without = after.total - before.total;
	print_message("calls in 10 minutes: %llu, without queue %llu\n",
	    (unsigned long long)with, (unsigned long long)without);
	/* 0.5 a second for one bucket after another, and the list */
	assert_true(with - without >= 64 && with - without <= 330);
	runner_stop(t, w);
}

int
main(void)
{
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, cluster_setup, cluster_teardown)
	const struct CMUnitTest tests[] = {
		T(test_relay),
		T(test_deferred),
		T(test_failed),
		T(test_success),
		T(test_down),
		T(test_late),
		T(test_break_off),
		T(test_orders),
		T(test_retry_first),
		T(test_limits),
		T(test_local),
		T(test_again),
		T(test_forwarding),
		T(test_forwarding_full),
		T(test_sign),
		T(test_two),
		T(test_budget),
		T(test_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
