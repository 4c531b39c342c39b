/* test_queue.c - the queue on the share: accepting, outcomes, orders */
#include "queue_rig.h"

static void
count(struct arig *r, unsigned node)
{
	/* as over a wire: what is sent together ends together */
	static const struct share_fault_rule wire = { .proc =
							  SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_DELAY,
		.delay_ms = 1 };

	share_fault_set(r->node[node].fault, &wire, 1);
	share_count_reset(r->node[node].share);
}

#define counted(r, node, name, trips, calls)                                   \
	counted_at((r), (node), (name), (trips), (calls), __FILE__, __LINE__)
static void
counted_at(struct arig *r, unsigned node, const char *name, unsigned trips,
    unsigned calls, const char *file, int line)
{
	struct share_counts c;

	share_count_get(r->node[node].share, &c);
	print_message("%-32s %2u of %2u trips, %3llu of %3u calls\n", name,
	    c.serial, trips, (unsigned long long)c.total, calls);
	share_fault_set(r->node[node].fault, NULL, 0);
	if (c.serial > trips || c.total > calls) {
		print_error("%s:%d: over budget: %s\n", file, line, name);
		_fail(file, line);
	}
}

/* Profile `reply`, handles warm.  A number may fall, never rise. */
ARIG_CASE(test_budget)
{
	struct queue_message m = qrig_accept(t, r, 0, 7, 1, TEXT), m2;
	struct queue_outcome o = later(0);
	struct queue_dsn d = dsn(t);
	struct queue_bucket *b;
	char into[1000];
	uint64_t mask;
	uint32_t n;

	count(r, 0);
	m2 = qrig_accept(t, r, 0, 7, 1, TEXT);
	counted(r, 0, "accept, warm bucket", 4, 5);
	qrig_accept(t, r, 1, 7, 1, TEXT);
	task_sleep_ms(t, QUEUE_LOOK_MS);
	for (unsigned i = 0; i < 20; i++)
		qrig_accept(t, r, 0, 7, 1, TEXT);
	count(r, 1);
	qrig_accept(t, r, 1, 7, 1, TEXT);
	counted(r, 1, "accept, others used the bucket", 7, 8);
	assert_false(
	    journal_is_loaded(queue_bucket_get(qrig_store(r, 1), 7)->journal));
	qrig_crash(t, r, 1);
	count(r, 1);
	qrig_accept(t, r, 1, 7, 1, TEXT);
	counted(r, 1, "accept, cold bucket", 11, 14);
	assert_false(
	    journal_is_loaded(queue_bucket_get(qrig_store(r, 1), 7)->journal));

	b = qrig_bucket(t, r, 0, 7);
	qrig_claim(t, b, 1);
	/* the first look after a commit may ask for checkpoints too */
	assert_ok(queue_bucket_refresh(t, b));
	count(r, 0);
	assert_ok(queue_bucket_refresh(t, b));
	counted(r, 0, "look, nothing new", 1, 1);
	count(r, 0);
	assert_ok(queue_read(t, b, &m, 0, into, sizeof(into), &n));
	counted(r, 0, "read a small message", 2, 2);
	assert_int_equal(n, TEXT.n);
	count(r, 0);
	assert_ok(queue_read(t, b, &m, 10, into, sizeof(into), &n));
	counted(r, 0, "read on", 1, 1);
	count(r, 0);
	assert_ok(outcome(t, b, 1, &m, &o, 1, NULL, 0));
	counted(r, 0, "outcome: later", 2, 3);
	o = delivered(0);
	count(r, 0);
	assert_ok(outcome(t, b, 1, &m, &o, 1, NULL, 0));
	counted(r, 0, "outcome: delivered, the last", 3, 4);
	o = failed(0);
	count(r, 0);
	assert_ok(outcome(t, b, 1, &m2, &o, 1, &d, 1));
	counted(r, 0, "outcome: failed, with a DSN", 5, 6);
	count(r, 1);
	assert_ok(queue_buckets(t, qrig_store(r, 1), &mask));
	counted(r, 1, "which buckets there are", 1, 1);
	assert_int_equal(mask, 1ULL << 7);
	arig_assert_quiet(r);
}

ARIG_CASE(test_accept)
{
	struct queue_message m = qrig_accept(t, r, 0, 3, 2, TEXT);
	struct queue_bucket *b = qrig_bucket(t, r, 1, 3), *none;
	const struct queue_message *row;
	struct str hex;
	char into[1000];
	unsigned bucket;
	uint32_t n;
	bool one;

	assert_err(queue_bucket_open(t, qrig_store(r, 1), 4, &none), ERR_NOENT);
	assert_int_equal(queue_bucket_count(b), 1);
	row = queue_bucket_nth(b, 0);
	assert_null(queue_bucket_nth(b, 1));
	assert_true(txid_eq(&row->txid, &m.txid));
	assert_true(str_eq(row->from, m.from));
	assert_true(str_eq(row->envid, m.envid));
	assert_true(str_eq(row->account, m.account));
	assert_true(str_eq(row->trace, m.trace));
	assert_int_equal(row->rcpt_n, 2);
	assert_true(str_eq_c(row->rcpts[1].address, "r2@example.net"));
	assert_int_equal(row->rcpts[1].notify, QUEUE_NOTIFY_FAILURE);
	assert_int_equal(row->rcpts[1].state, QUEUE_WAITING);
	assert_int_equal(row->flags, QUEUE_8BIT);
	assert_int_equal(row->arrived_s, task_wall_s(t));
	assert_true(str_eq(row->id, m.id));
	assert_true(queue_id_parse(m.id, &bucket, &hex));
	assert_int_equal(bucket, 3);
	assert_ptr_equal(queue_bucket_match(b, hex, &one), row);
	assert_ptr_equal(queue_bucket_match(b, str_sub(hex, 0, 4), &one), row);
	qrig_accept(t, r, 0, 3, 1, TEXT);
	assert_ok(queue_bucket_refresh(t, b));
	assert_null(queue_bucket_match(b, STR_NONE, &one));
	assert_false(one);
	assert_null(queue_bucket_match(b, STR("zz"), &one));
	assert_true(one);
	row = queue_bucket_find(b, &m.txid, 0);
	assert_ok(queue_read(t, b, row, 0, into, sizeof(into), &n));
	assert_true(str_eq(str_of(into, n), TEXT));
	row = queue_bucket_find(b, &m.txid, 0);
	assert_ok(queue_read(t, b, row, TEXT.n, into, 10, &n));
	assert_int_equal(n, 0);
	assert_int_equal(((struct qrig *)r->arg)->told, 2);
	qrig_same(t, r, 3);
	arig_assert_quiet(r);
}

/* What cannot be written is refused, and leaves no file. */
ARIG_CASE(test_refused)
{
	struct queue_message m = qrig_message(t, 1);
	struct queue_bucket *b;
	struct queue_writer *w;
	struct txid txid;
	uint64_t place;

	qrig_accept(t, r, 0, 3, 1, TEXT);
	b = qrig_bucket(t, r, 0, 3);
	for (unsigned i = 0; i < 4; i++) {
		m = qrig_message(t, 1);
		if (i == 0)
			m.rcpt_n = 0;
		if (i == 1)
			m.from = STR("a\n@example.org");
		if (i == 2)
			m.rcpts[0].address = STR_NONE;
		if (i == 3)
			m.rcpts[0].via =
			    str_of(arena_alloc(task_arena(t), 1025), 1025);
		assert_ok(queue_writer_begin(t, qrig_store(r, 0), 3, &w));
		txid = *queue_writer_txid(w);
		assert_ok(queue_writer_add(t, w, "x", 1));
		assert_err(queue_writer_commit(t, &w, &m), ERR_INVALID);
		assert_null(w);
		assert_false(qrig_has_file(t, b, &txid, 0));
	}
	assert_ok(queue_writer_begin(t, qrig_store(r, 0), QUEUE_BUCKETS, &w));
	assert_ok(queue_writer_reserve(t, w, 10, &place));
	assert_err(queue_writer_fill(t, w, place + 1, STR("x")), ERR_LIMIT);
	assert_err(queue_writer_fill(t, w, place, STR("12345678901")),
	    ERR_LIMIT);
	queue_writer_abort(t, &w);
	assert_null(w);
	queue_writer_abort(t, &w);
	assert_int_equal(queue_bucket_count(b), 1);
}

/* Room for a header field whose last word is known at the end. */
ARIG_CASE(test_reserve)
{
	static const size_t sizes[] = { 10, 300000, 700000 };

	for (unsigned i = 0; i < countof(sizes); i++) {
		struct queue_message m = qrig_message(t, 1);
		char *body = arena_alloc(task_arena(t), sizes[i]);
		char into[40];
		struct queue_bucket *b;
		struct queue_writer *w;
		uint64_t place, second;
		uint32_t n;

		memset(body, 'b', sizes[i]);
		assert_ok(queue_writer_begin(t, qrig_store(r, 0), 9, &w));
		assert_ok(queue_writer_add(t, w, "ab", 2));
		assert_ok(queue_writer_reserve(t, w, 8, &place));
		assert_ok(queue_writer_reserve(t, w, 4, &second));
		assert_int_equal(queue_writer_bytes(w), 14);
		assert_ok(queue_writer_add(t, w, body, sizes[i]));
		assert_ok(queue_writer_fill(t, w, place, STR("late")));
		assert_ok(queue_writer_commit(t, &w, &m));
		b = qrig_bucket(t, r, 1, 9);
		assert_ok(queue_read(t, b, &m, 0, into, 16, &n));
		assert_int_equal(n, 16);
		assert_memory_equal(into, "ablate        bb", 16);
	}
}

ARIG_CASE(test_outcomes)
{
	struct queue_message m = qrig_accept(t, r, 0, 5, 4, TEXT);
	struct queue_outcome o[4] = { delivered(0), later(1), failed(2),
		delivered(0) };
	struct queue_dsn d[2] = { dsn(t), dsn(t) };
	struct queue_bucket *b = qrig_bucket(t, r, 1, 5);
	const struct queue_message *row;
	uint64_t head;

	assert_err(outcome(t, b, 0, &m, o, 3, NULL, 0), ERR_INVALID);
	qrig_claim(t, b, 4);
	o[0].answer = STR("two\r\nlines");
	assert_ok(outcome(t, b, 4, &m, o, 3, d, 2));
	row = queue_bucket_find(b, &m.txid, 0);
	assert_int_equal(row->rcpts[0].state, QUEUE_DELIVERED);
	assert_true(str_eq_c(row->rcpts[0].answer, "two  lines"));
	assert_int_equal(row->rcpts[1].state, QUEUE_WAITING);
	assert_int_equal(row->rcpts[1].tries, 1);
	assert_int_equal(row->rcpts[1].next_s, 1763758800);
	assert_int_equal(row->rcpts[1].code, 451);
	assert_true(str_eq_c(row->rcpts[1].node, "n1"));
	assert_int_equal(row->rcpts[2].state, QUEUE_FAILED);
	assert_int_equal(row->rcpts[3].tries, 0);
	assert_int_equal(row->seq, journal_head(b->journal));
	/* two DSNs came with it */
	assert_int_equal(queue_bucket_count(b), 3);
	row = queue_bucket_nth(b, 2);
	assert_int_equal(row->ordinal, 2);
	assert_int_equal(row->flags, QUEUE_BOUNCE);
	assert_int_equal(row->from.n, 0);
	assert_true(qrig_has_file(t, b, &row->txid, 1));
	assert_true(qrig_has_file(t, b, &row->txid, 2));
	/* said again: nothing, and no more DSNs */
	head = journal_head(b->journal);
	assert_err(outcome(t, b, 4, &m, o, 1, d, 2), ERR_NOTFOUND);
	assert_int_equal(journal_head(b->journal), head);
	o[0] = failed(0);
	o[1] = later(1);
	assert_ok(outcome(t, b, 4, &m, o, 2, d, 1));
	assert_int_equal(queue_bucket_count(b), 3);
	row = queue_bucket_find(b, &m.txid, 0);
	assert_int_equal(row->rcpts[0].state, QUEUE_DELIVERED);
	/* the delay is told once */
	o[0] = later(1);
	o[0].delay_told = true;
	assert_ok(outcome(t, b, 4, &m, o, 1, d, 1));
	assert_int_equal(queue_bucket_count(b), 4);
	assert_ok(outcome(t, b, 4, &m, o, 1, d, 1));
	assert_int_equal(queue_bucket_count(b), 4);
	row = queue_bucket_find(b, &m.txid, 0);
	assert_true(row->rcpts[1].delay_told);
	o[0].rcpt = 4;
	assert_err(outcome(t, b, 4, &m, o, 1, d, 1), ERR_INVALID);
	/* the last one */
	qrig_same(t, r, 5);
	b = qrig_bucket(t, r, 1, 5);
	o[0] = failed(1);
	o[1] = delivered(3);
	assert_ok(outcome(t, b, 4, &m, o, 2, NULL, 0));
	assert_null(queue_bucket_find(b, &m.txid, 0));
	assert_false(qrig_has_file(t, b, &m.txid, 0));
	assert_err(outcome(t, b, 4, &m, o, 2, d, 1), ERR_NOTFOUND);
	assert_int_equal(queue_bucket_count(b), 3);
	qrig_same(t, r, 5);
	arig_assert_quiet(r);
}

/* Without a file the message is not simply gone. */
ARIG_CASE(test_missing)
{
	struct queue_message m = qrig_accept(t, r, 0, 5, 1, TEXT);
	struct queue_message m2 = qrig_accept(t, r, 0, 5, 1, TEXT);
	struct queue_bucket *a = qrig_bucket(t, r, 0, 5),
			    *b = qrig_bucket(t, r, 1, 5);
	struct queue_name name = { m2.txid, 0 };
	char into[10];
	uint32_t n;

	assert_ok(queue_order(t, a, &m.txid, 0, QUEUE_ORDER_REMOVE));
	assert_err(queue_read(t, b, &m, 0, into, 10, &n), ERR_NOTFOUND);
	queue_file_remove(t, a, &name);
	assert_err(queue_read(t, b, &m2, 0, into, 10, &n), ERR_CORRUPT);
	m2.bytes++;
	assert_err(queue_read(t, a, &m2, 0, into, 10, &n), ERR_CORRUPT);
}

/* The lock went to another: whatever the old holder says is nothing. */
ARIG_CASE(test_takeover)
{
	struct queue_message m = qrig_accept(t, r, 0, 5, 2, TEXT);
	struct queue_outcome o = failed(0);
	struct queue_dsn d = dsn(t);
	struct queue_bucket *a = qrig_bucket(t, r, 0, 5),
			    *b = qrig_bucket(t, r, 1, 5);
	struct journal_tx tx;

	qrig_claim(t, a, 10);
	assert_ok(queue_bucket_refresh(t, b));
	qrig_claim(t, b, 11);
	/* a has not seen it yet */
	assert_err(outcome(t, a, 10, &m, &o, 1, &d, 1), ERR_LOST);
	assert_int_equal(queue_bucket_count(a), 1);
	assert_err(queue_maintain(t, a, 10), ERR_NONE);
	assert_ok(outcome(t, b, 11, &m, &o, 1, &d, 1));
	assert_err(outcome(t, a, 10, &m, &o, 1, &d, 1), ERR_LOST);
	assert_ok(queue_bucket_refresh(t, a));
	assert_int_equal(queue_bucket_count(a), 2);
	/* not even if it were in the journal */
	journal_tx_init(t, a->journal, &tx);
	assert_int_equal(journal_token(a->journal), 11);
	qrig_same(t, r, 5);
	/* orders have no token */
	assert_ok(queue_order(t, a, &m.txid, 0, QUEUE_ORDER_REMOVE));
	qrig_same(t, r, 5);
	arig_assert_quiet(r);
}

/* 5,000 recipients, in one entry beside the log. */
ARIG_CASE(test_many)
{
	struct queue_message m = qrig_accept(t, r, 0, 5, QUEUE_RCPTS_MAX, TEXT);
	struct queue_outcome *o =
	    arena_array(task_arena(t), QUEUE_RCPTS_MAX, sizeof(*o));
	struct queue_bucket *b = qrig_bucket(t, r, 1, 5);
	struct queue_message more = qrig_message(t, QUEUE_RCPTS_MAX + 1);
	struct queue_writer *w;
	const struct queue_message *row;

	qrig_claim(t, b, 1);
	row = queue_bucket_find(b, &m.txid, 0);
	assert_int_equal(row->rcpt_n, QUEUE_RCPTS_MAX);
	assert_true(str_eq_c(row->rcpts[4999].address, "r5000@example.net"));
	for (unsigned i = 0; i < QUEUE_RCPTS_MAX; i++)
		o[i] = i % 3 == 0 ? later(i) : delivered(i);
	assert_ok(outcome(t, b, 1, &m, o, QUEUE_RCPTS_MAX, NULL, 0));
	row = queue_bucket_find(b, &m.txid, 0);
	for (unsigned i = 0; i < QUEUE_RCPTS_MAX; i++)
		assert_int_equal(row->rcpts[i].state,
		    i % 3 == 0 ? QUEUE_WAITING : QUEUE_DELIVERED);
	assert_ok(journal_maintain(t, b->journal, true));
	qrig_same(t, r, 5);
	b = qrig_bucket(t, r, 1, 5);
	for (unsigned i = 0; i < QUEUE_RCPTS_MAX; i++)
		o[i] = delivered(i);
	assert_ok(outcome(t, b, 1, &m, o, QUEUE_RCPTS_MAX, NULL, 0));
	assert_int_equal(queue_bucket_count(b), 0);
	qrig_same(t, r, 5);
	assert_ok(queue_writer_begin(t, qrig_store(r, 0), 3, &w));
	assert_err(queue_writer_commit(t, &w, &more), ERR_LIMIT);
}

ARIG_CASE(test_orders)
{
	struct queue_message m = qrig_accept(t, r, 0, 5, 2, TEXT);
	struct queue_bucket *a = qrig_bucket(t, r, 0, 5),
			    *b = qrig_bucket(t, r, 1, 5);
	struct queue_outcome o[2] = { later(0), delivered(1) };
	uint64_t head;

	qrig_claim(t, a, 1);
	assert_ok(queue_order(t, b, &m.txid, 0, QUEUE_ORDER_HOLD));
	head = journal_head(b->journal);
	assert_ok(queue_order(t, b, &m.txid, 0, QUEUE_ORDER_HOLD));
	assert_int_equal(journal_head(b->journal), head);
	assert_ok(outcome(t, a, 1, &m, o, 2, NULL, 0));
	assert_true(queue_bucket_find(a, &m.txid, 0)->held);
	assert_ok(queue_order(t, b, &m.txid, 0, QUEUE_ORDER_RETRY));
	assert_int_equal(queue_bucket_find(b, &m.txid, 0)->rcpts[0].next_s, 0);
	assert_true(queue_bucket_find(b, &m.txid, 0)->held);
	head = journal_head(b->journal);
	assert_ok(queue_order(t, b, &m.txid, 0, QUEUE_ORDER_RETRY));
	assert_int_equal(journal_head(b->journal), head);
	assert_ok(queue_order(t, b, &m.txid, 0, QUEUE_ORDER_RELEASE));
	assert_false(queue_bucket_find(b, &m.txid, 0)->held);
	qrig_same(t, r, 5);
	b = qrig_bucket(t, r, 1, 5);
	assert_ok(queue_order(t, b, &m.txid, 0, QUEUE_ORDER_REMOVE));
	assert_false(qrig_has_file(t, a, &m.txid, 0));
	for (unsigned i = QUEUE_ORDER_HOLD; i <= QUEUE_ORDER_REMOVE; i++)
		assert_err(queue_order(t, a, &m.txid, 0, i), ERR_NOTFOUND);
	assert_err(outcome(t, a, 1, &m, o, 1, NULL, 0), ERR_NOTFOUND);
	qrig_same(t, r, 5);
	arig_assert_quiet(r);
}

/* Two nodes at once; every answer that is lost on the way. */
struct racer {
	struct arig *r;
	unsigned node, left;
	bool done;
	struct task_cond *cond;
};

static may_yield_unchecked void
racer_run(struct task *t, void *arg)
{
	struct racer *x = arg;

	for (; x->left > 0; x->left--) {
		struct arena_mark mark = arena_mark(task_arena(t));

		qrig_accept(t, x->r, x->node, 5, 1, TEXT);
		arena_rewind(task_arena(t), mark);
	}
	x->done = true;
	task_cond_broadcast(x->cond);
}

ARIG_CASE(test_race)
{
	struct share_fault_rule lost = { .proc = SHARE_SYMLINK,
		.lane = SHARE_FAULT_ANY_LANE,
		.nth = 3,
		.times = 2,
		.kind = SHARE_FAULT_LOST };
	struct racer x[4];
	struct task_cond cond;

	task_cond_init(&cond);
	share_fault_set(r->node[0].fault, &lost, 1);
	for (unsigned i = 0; i < 4; i++) {
		x[i] = (struct racer){ r, i % 2, 20, false, &cond };
		task_start(r->sched, "racer", racer_run, &x[i]);
	}
	for (unsigned i = 0; i < 4; i++)
		while (!x[i].done)
			task_cond_wait(t, &cond, UINT64_MAX);
	assert_int_equal(queue_bucket_count(qrig_bucket(t, r, 0, 5)), 80);
	qrig_same(t, r, 5);
}

/* Every single call of accepting and of an outcome gets lost once: there is
 * still one message, then one DSN, and no file too many. */
ARIG_CASE(test_lost)
{
	struct queue_bucket *b;

	qrig_accept(t, r, 0, 5, 1, TEXT);
	b = qrig_bucket(t, r, 0, 5);
	qrig_claim(t, b, 1);
	for (unsigned nth = 1;; nth++) {
		struct share_fault_rule lost = { .proc = SHARE_FAULT_ANY_PROC,
			.lane = SHARE_FAULT_ANY_LANE,
			.nth = nth,
			.kind = SHARE_FAULT_LOST };
		unsigned before = queue_bucket_count(b), hits;
		struct queue_outcome o = failed(0);
		struct queue_dsn d = dsn(t);
		struct queue_message m;

		share_fault_set(r->node[0].fault, &lost, 1);
		m = qrig_accept(t, r, 0, 5, 1, TEXT);
		assert_int_equal(queue_bucket_count(b), before + 1);
		assert_ok(outcome(t, b, 1, &m, &o, 1, &d, 1));
		hits = share_fault_hits(r->node[0].fault, 0);
		share_fault_set(r->node[0].fault, NULL, 0);
		assert_int_equal(queue_bucket_count(b), before + 1);
		assert_int_equal(queue_bucket_nth(b, before)->flags &
				     QUEUE_BOUNCE,
		    QUEUE_BOUNCE);
		if (hits == 0)
			break;
	}
	qrig_same(t, r, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		QRIG_TEST(test_budget),
		QRIG_TEST(test_accept),
		QRIG_TEST(test_refused),
		QRIG_TEST(test_reserve),
		QRIG_TEST(test_outcomes),
		QRIG_TEST(test_missing),
		QRIG_TEST(test_takeover),
		QRIG_TEST(test_many),
		QRIG_TEST(test_orders),
		QRIG_TEST(test_race),
		QRIG_TEST(test_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
