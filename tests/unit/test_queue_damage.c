/* test_queue_damage.c - the queue's checkpoints, left-overs, forgetting, damage
 */
#include "queue_rig.h"

ARIG_CASE(test_checkpoint)
{
	struct queue_bucket *b;
	struct queue_outcome o = later(0);

	for (unsigned i = 0; i < 40; i++) {
		struct queue_message m =
		    qrig_accept(t, r, 0, 5, 1 + i % 3, TEXT);

		b = qrig_bucket(t, r, 0, 5);
		if (i == 0)
			qrig_claim(t, b, 1);
		if (i % 4 == 1)
			assert_ok(outcome(t, b, 1, &m, &o, 1, NULL, 0));
		if (i % 4 == 2)
			assert_ok(
			    queue_order(t, b, &m.txid, 0, QUEUE_ORDER_HOLD));
		if (i % 4 == 3)
			assert_ok(
			    queue_order(t, b, &m.txid, 0, QUEUE_ORDER_REMOVE));
		if (i % 10 == 9) {
			assert_ok(journal_maintain(t, b->journal, true));
			qrig_same(t, r, 5);
		}
	}
	assert_int_equal(queue_bucket_count(b), 30);
	/* not even the journal's state is lost */
	qrig_crash(t, r, 0);
	b = qrig_bucket(t, r, 0, 5);
	assert_int_equal(journal_token(b->journal), 1);
	arig_assert_quiet(r);
}

/* Files without a row: voided after a day; whoever is so slow begins again. */
ARIG_CASE(test_orphans)
{
	struct queue_message m = qrig_accept(t, r, 0, 5, 1, TEXT), slow;
	struct queue_bucket *b = qrig_bucket(t, r, 1, 5);
	struct queue_writer *w, *lost;
	struct txid txid;

	qrig_claim(t, b, 1);
	slow = qrig_message(t, 1);
	assert_ok(queue_writer_begin(t, qrig_store(r, 0), 5, &w));
	txid = *queue_writer_txid(w);
	assert_ok(queue_writer_begin(t, qrig_store(r, 0), 5, &lost));
	task_sleep_ms(t, 1000);
	/* too young */
	assert_ok(queue_maintain(t, b, 1));
	assert_true(qrig_has_file(t, b, &txid, 0));
	((struct qrig *)r->arg)->qs[1]->conf.orphan_hours = 0;
	task_sleep_ms(t, 2 * 60 * 60 * 1000);
	assert_ok(queue_maintain(t, b, 1));
	assert_false(qrig_has_file(t, b, &txid, 0));
	assert_true(qrig_has_file(t, b, &m.txid, 0));
	assert_true(journal_is_voided(b->journal, &txid));
	assert_ok(queue_writer_add(t, w, TEXT.p, TEXT.n));
	assert_err(queue_writer_commit(t, &w, &slow), ERR_STALE);
	assert_int_equal(queue_bucket_count(b), 1);
	queue_writer_abort(t, &lost);
	qrig_same(t, r, 5);
}

/* Days pass: txids are forgotten; a writer that began before takes a new name.
 */
ARIG_CASE(test_forget)
{
	struct queue_message m = qrig_accept(t, r, 0, 5, 1, TEXT), slow;
	struct queue_bucket *a = qrig_bucket(t, r, 0, 5), *b;
	struct queue_outcome o = later(0);
	struct queue_writer *w;
	struct txid first;

	qrig_claim(t, a, 1);
	assert_ok(queue_writer_begin(t, qrig_store(r, 1), 5, &w));
	first = *queue_writer_txid(w);
	assert_ok(queue_writer_add(t, w, TEXT.p, TEXT.n));
	for (unsigned i = 0; i < 20; i++) {
		task_sleep_ms(t, 6 * 60 * 60 * 1000 + 1000);
		assert_ok(outcome(t, a, 1, &m, &o, 1, NULL, 0));
	}
	assert_int_equal(a->state.mark_n, 21);
	assert_true(journal_find(a->journal, &m.txid) != 0);
	arig_assert_quiet(r);
	/* not by a clock that is ahead of the share's */
	r->wall += 100LL * 365 * 86400;
	assert_ok(queue_maintain(t, a, 1));
	assert_int_equal(journal_forgotten(a->journal), 0);
	r->wall -= 100LL * 365 * 86400;
	assert_ok(queue_maintain(t, a, 1));
	assert_true(journal_forgotten(a->journal) > 5);
	assert_int_equal(journal_find(a->journal, &m.txid), 0);
	assert_non_null(queue_bucket_find(a, &m.txid, 0));

	slow = qrig_message(t, 1);
	b = qrig_bucket(t, r, 1, 5);
	assert_ok(queue_writer_commit(t, &w, &slow));
	assert_false(txid_eq(&slow.txid, &first));
	assert_int_equal(queue_bucket_count(b), 2);
	assert_false(qrig_has_file(t, b, &first, 0));
	assert_true(qrig_has_file(t, b, &slow.txid, 0));
	assert_ok(journal_maintain(t, b->journal, true));
	qrig_same(t, r, 5);
}

/* The holder forgets while an outcome of its own is on its way, and while
 * others take messages in: nothing is refused for that. */
static may_yield_unchecked void
forgetter(struct task *t, void *arg)
{
	struct queue_bucket *b = arg;

	task_sleep_ms(t, 100);
	assert_ok(queue_maintain(t, b, 1));
}

ARIG_CASE(test_forget_meanwhile)
{
	static const struct share_fault_rule slow = { .proc = SHARE_WRITE,
		.lane = SHARE_LANE_BULK,
		.times = 1,
		.kind = SHARE_FAULT_DELAY,
		.delay_ms = 5000 };
	struct queue_message m = qrig_accept(t, r, 0, 5, 2, TEXT);
	struct queue_bucket *a = qrig_bucket(t, r, 0, 5);
	struct queue_outcome o = later(1);
	struct queue_dsn d = dsn(t);

	qrig_accept(t, r, 1, 5, 1, TEXT);
	assert_ok(queue_bucket_refresh(t, a));
	qrig_claim(t, a, 1);
	for (unsigned i = 0; i < 20; i++) {
		task_sleep_ms(t, 6 * 60 * 60 * 1000 + 1000);
		assert_ok(outcome(t, a, 1, &m, &o, 1, NULL, 0));
	}
	share_fault_set(r->node[0].fault, &slow, 1);
	task_start(r->sched, "forgetter", forgetter, a);
	o = failed(0);
	assert_ok(outcome(t, a, 1, &m, &o, 1, &d, 1));
	assert_int_equal(share_fault_hits(r->node[0].fault, 0), 1);
	assert_true(journal_forgotten(a->journal) > 5);
	assert_int_equal(queue_bucket_count(a), 3);
	/* blind, and its head is from before the FORGET */
	qrig_accept(t, r, 1, 5, 1, TEXT);
	assert_false(
	    journal_is_loaded(queue_bucket_get(qrig_store(r, 1), 5)->journal));
	qrig_same(t, r, 5);
	arig_assert_quiet(r);
}

/* --- a server that forgot --- */

/* Entries from `from` up to the head are gone, as after a power cut. */
static may_yield_unchecked void
forget_entries(struct task *t, struct arig *r, struct queue_bucket *b,
    uint64_t from)
{
	for (uint64_t seq = journal_head(b->journal); seq >= from; seq--) {
		char name[SEQ_DIGITS + 1];

		seq_name(seq, name);
		assert_int_equal(unlink(arena_printf(task_arena(t),
				     "%s/queue/05/log/%s", r->dir, name)),
		    0);
	}
}

/*
 * ADD, and the outcome that was its end and brought a DSN, are forgotten both;
 * the message's file is gone.  Both come back, in their places or behind
 * another's entry: the message is still done with, and there is one DSN.
 */
static may_yield_unchecked void
forgot(struct task *t, struct arig *r, bool fork)
{
	struct queue_message m;
	struct queue_outcome o = failed(0);
	struct queue_dsn d = dsn(t);
	struct queue_bucket *a, *b;
	uint64_t from;

	qrig_accept(t, r, 0, 5, 1, TEXT);
	a = qrig_bucket(t, r, 0, 5);
	qrig_claim(t, a, 1);
	from = journal_head(a->journal) + 1;
	m = qrig_accept(t, r, 0, 5, 1, TEXT);
	assert_ok(outcome(t, a, 1, &m, &o, 1, &d, 1));
	assert_int_equal(queue_bucket_count(a), 2);
	assert_false(qrig_has_file(t, a, &m.txid, 0));
	forget_entries(t, r, a, from);
	if (fork)
		qrig_accept(t, r, 1, 5, 1, TEXT);
	share_reconnect(r->node[0].share);
	assert_ok(queue_bucket_refresh(t, a));
	assert_int_equal(queue_bucket_count(a), fork ? 3 : 2);
	assert_null(queue_bucket_find(a, &m.txid, 0));
	b = qrig_bucket(t, r, 1, 5);
	assert_true(str_eq(qrig_dump(t, a), qrig_dump(t, b)));
	assert_int_equal(queue_bucket_nth(b, fork ? 2 : 1)->flags &
			     QUEUE_BOUNCE,
	    QUEUE_BOUNCE);
	qrig_same(t, r, 5);
}

ARIG_CASE(test_forgot)
{
	forgot(t, r, false);
}

ARIG_CASE(test_forgot_fork)
{
	forgot(t, r, true);
}

/* A message whose file the server lost, too, does not come back. */
ARIG_CASE(test_forgot_file)
{
	struct queue_message m;
	struct queue_bucket *a;
	struct queue_name name;

	qrig_accept(t, r, 0, 5, 1, TEXT);
	m = qrig_accept(t, r, 0, 5, 3, TEXT);
	a = qrig_bucket(t, r, 0, 5);
	name = (struct queue_name){ m.txid, 0 };
	forget_entries(t, r, a, 2);
	queue_file_remove(t, a, &name);
	share_reconnect(r->node[0].share);
	assert_ok(queue_bucket_refresh(t, a));
	assert_int_equal(queue_bucket_count(a), 1);
	assert_true(log_count(LOG_ALARM_) > 0);
	qrig_same(t, r, 5);
}

/* --- entries and checkpoints that cannot be read --- */

static struct err *
newer_compose(struct task *t, void *arg, struct buf *ops)
{
	(void)t;
	buf_c(ops, arg);
	return NULL;
}

/* What a newer version wrote, or a bad disk: everything before it is there, and
 * nothing is written any more. */
ARIG_CASE(test_unreadable)
{
	static char newer[] = "z,1";
	struct queue_message m = qrig_accept(t, r, 0, 5, 1, TEXT), m2;
	struct queue_bucket *a = qrig_bucket(t, r, 0, 5), *b;
	struct queue_outcome o = later(0);
	struct queue_writer *w;
	struct journal_tx tx;
	char into[100];
	uint32_t n;

	qrig_claim(t, a, 1);
	journal_tx_init(t, a->journal, &tx);
	tx.compose = newer_compose;
	tx.arg = newer;
	err_ignore(journal_commit(t, a->journal, &tx)); /* read-only now */
	b = qrig_bucket(t, r, 1, 5);
	assert_int_equal(queue_bucket_count(b), 1);
	assert_err(outcome(t, b, 1, &m, &o, 1, NULL, 0), ERR_READONLY);
	assert_err(queue_order(t, b, &m.txid, 0, QUEUE_ORDER_HOLD),
	    ERR_READONLY);
	m2 = qrig_message(t, 1);
	assert_ok(queue_writer_begin(t, qrig_store(r, 1), 5, &w));
	assert_ok(queue_writer_add(t, w, "x", 1));
	assert_err(queue_writer_commit(t, &w, &m2), ERR_READONLY);
	assert_false(qrig_has_file(t, b, &m2.txid, 0));
	assert_ok(queue_read(t, b, &m, 0, into, sizeof(into), &n));
	assert_true(str_eq(str_of(into, n), TEXT));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		QRIG_TEST(test_checkpoint),
		QRIG_TEST(test_orphans),
		QRIG_TEST(test_forget),
		QRIG_TEST(test_forget_meanwhile),
		QRIG_TEST(test_forgot),
		QRIG_TEST(test_forgot_fork),
		QRIG_TEST(test_forgot_file),
		QRIG_TEST(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
