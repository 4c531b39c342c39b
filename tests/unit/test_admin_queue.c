/* test_admin_queue.c - the queue as administrators see it */
#include "queue_rig.h"

#include "server/admin/admin_queue_private.h"
#include "server/net/counts.h"
#include "server/worker.h"
#include "storage/state_audit.h"
#include "storage/state_private.h"
#include "tests/unit/test.h"

/* --- filters --- */

static struct queue_rcpt rcpts[] = {
	{ .address = STR("Bob@Y.org"),
	    .state = QUEUE_WAITING,
	    .answer = STR("mx.y.org: 451 Greylisted") },
	{ .address = STR("carol@z.org"),
	    .state = QUEUE_DELIVERED,
	    .answer = STR("fine") },
	{ .address = STR("fwd@far.net"),
	    .via = STR("list@v.org"),
	    .state = QUEUE_FAILED },
};
static const struct queue_message message = { .id = STR("03-0123456789ab-0"),
	.from = STR("alice@x.org"),
	.arrived_s = 100,
	.rcpts = rcpts,
	.rcpt_n = 3 };

static void
test_filters(void **state)
{
	static const struct {
		struct admin_queue_filter f;
		bool matches;
	} v[] = {
		{ { .state = ADMIN_QUEUE_ANY }, true },
		{ { .state = ADMIN_QUEUE_WAITING }, true },
		{ { .state = ADMIN_QUEUE_HELD }, false },
		{ { .domain = STR("y.ORG") }, true },
		{ { .domain = STR("org") }, false },
		{ { .domain = STR(".org") }, false },
		{ { .domain = STR("z.org") }, false }, /* does not wait */
		{ { .domain = STR("bob@y.org") }, false },
		{ { .from = STR("ALICE@x.org") }, true },
		{ { .from = STR("lice@x.org") }, false },
		{ { .from = STR("@x.org") }, true },
		{ { .from = STR("@org") }, false },
		{ { .from = STR("@") }, false },
		{ { .from = STR("<>") }, false },
		{ { .search = STR("greyLISTED") }, true },
		{ { .search = STR("456789AB") }, true },
		{ { .search = STR("bob@") }, true },
		{ { .search = STR("carol") }, false }, /* it went */
		{ { .search = STR("alice@x.orgs") }, false },
		{ { .within = STR("X.org") }, true },
		{ { .within = STR("z.org") }, true },
		{ { .within = STR("v.org") }, true }, /* stands for it */
		{ { .within = STR("far.net") }, true },
		{ { .within = STR("w.org") }, false },
		{ { .within = STR("rg") }, false },
		{ { .within = STR("x.org"), .domain = STR("z.org") }, false },
		{ { .within = STR("x.org"), .domain = STR("y.org") }, true },
		{ { .within = STR("y.org"), .search = STR("bob@") }, true },
		/* whom else it is for */
		{ { .within = STR("z.org"), .domain = STR("y.org") }, false },
		{ { .within = STR("z.org"), .search = STR("bob@") }, false },
		{ { .within = STR("z.org"), .search = STR("grey") }, false },
		{ { .has_after = true, .after_s = 99 }, true },
		{ { .has_after = true, .after_s = 101 }, false },
		{ { .has_after = true,
		      .after_s = 100,
		      .after_id = STR("03-0123456789aa-9") },
		    true },
		{ { .has_after = true,
		      .after_s = 100,
		      .after_id = STR("03-0123456789ab-0") },
		    false },
	};
	struct queue_message bounce = message;
	struct admin_queue_filter null = { .from = STR("<>") };

	(void)state;
	for (size_t i = 0; i < countof(v); i++)
		if (admin_queue_matches(&message, &v[i].f) != v[i].matches)
			fail_msg("row %zu", i);
	bounce.from = STR_NONE;
	assert_true(admin_queue_matches(&bounce, &null));
	null.from = STR("@x.org");
	assert_false(admin_queue_matches(&bounce, &null));
}

static void
test_sum(void **state)
{
	struct queue_rcpt list[] = {
		{ .address = STR("a@y.org"),
		    .state = QUEUE_WAITING,
		    .tries = 2,
		    .tried_s = 50,
		    .next_s = 900 },
		{ .address = STR("b@y.org"),
		    .state = QUEUE_DELIVERED,
		    .tries = 9,
		    .tried_s = 99 },
		{ .address = STR("c@y.org"),
		    .state = QUEUE_WAITING,
		    .tries = 1,
		    .tried_s = 60,
		    .next_s = 800 },
		{ .address = STR("d@y.org"),
		    .state = QUEUE_WAITING,
		    .next_s = QUEUE_NOW },
	};
	struct queue_message m = { .rcpts = list, .rcpt_n = 3 };
	struct arena *a = arena_new(0);
	struct admin_queue_sum s;

	(void)state;
	admin_queue_sum(a, &m, STR_NONE, &s);
	assert_int_equal(s.waiting, 2);
	assert_int_equal(s.tries, 2);
	assert_int_equal(s.next_s, 800);
	assert_ptr_equal(s.last, &list[2]);
	assert_true(str_eq_c(s.addresses[1], "c@y.org"));
	/* of mail from elsewhere his own */
	list[2].address = STR("c@z.org");
	admin_queue_sum(a, &m, STR("z.org"), &s);
	assert_int_equal(s.waiting, 1);
	assert_int_equal(s.tries, 1);
	assert_true(str_eq_c(s.addresses[0], "c@z.org"));
	/* "now" is no time of 1970 */
	m.rcpt_n = 4;
	admin_queue_sum(a, &m, STR_NONE, &s);
	assert_int_equal(s.next_s, 0);
	m.rcpt_n = 0;
	admin_queue_sum(a, &m, STR_NONE, &s);
	assert_int_equal(s.next_s, 0);
	assert_null(s.last);
	arena_free(&a);
}

/* --- a worker's --- */

struct rigged {
	struct worker w;
	struct admin ad;
};

static void
rigged(struct arig *r, struct rigged *x)
{
	*x = (struct rigged){ .w = { .workers = 1 } };
	x->w.queue_store = qrig_store(r, 0);
	x->w.counts = counts_new(1);
	counts_join(x->w.counts, 0);
	x->ad = (struct admin){ .store = r->node[0].store, .worker = &x->w };
}

static void
unrig(struct rigged *x)
{
	counts_free(&x->w.counts);
	free(x->w.admin_queue);
}

static uint64_t
calls(struct arig *r)
{
	struct share_counts c;

	share_count_get(r->node[0].share, &c);
	return c.total;
}

/* Messages of another node: three a bucket, two at a time. */
static may_yield_unchecked void
fill(struct task *t, struct arig *r, unsigned buckets)
{
	for (unsigned k = 0; k < 3; k++)
		for (unsigned b = 0; b < buckets; b++)
			qrig_accept(t, r, 1, b, 1 + b % 2, TEXT);
}

/* Pages of every size are the whole, in order, each message once. */
ARIG_CASE(pages)
{
	const struct queue_message **all, **page;
	struct admin_queue_filter none = { .state = ADMIN_QUEUE_ANY };
	struct admin_queue *q;
	unsigned n, total, got;
	struct rigged x;

	rigged(r, &x);
	fill(t, r, 10);
	assert_ok(admin_queue_open(t, &x.ad, &q));
	assert_ok(admin_queue_look(t, q));
	n = admin_queue_pick(task_arena(t), q, &none, UINT32_MAX, &all, &total);
	assert_int_equal(n, 30);
	assert_int_equal(total, 30);
	for (unsigned i = 1; i < n; i++)
		assert_true(all[i - 1]->arrived_s < all[i]->arrived_s ||
			    str_cmp(all[i - 1]->id, all[i]->id) < 0);
	for (unsigned size = 1; size <= 31; size++) {
		struct admin_queue_filter f = none;

		got = 0;
		do {
			n = admin_queue_pick(task_arena(t), q, &f, size, &page,
			    &total);
			for (unsigned i = 0; i < n; i++)
				assert_ptr_equal(page[i], all[got + i]);
			got += n;
			assert_int_equal(total, 30 - got + n);
			if (n > 0)
				f = (struct admin_queue_filter){ .has_after =
								     true,
					.after_s = page[n - 1]->arrived_s,
					.after_id = page[n - 1]->id };
		} while (n == size);
		assert_int_equal(got, 30);
	}
	n = admin_queue_pick(task_arena(t), q, &none, 0, &page, &total);
	assert_int_equal(n, 0);
	assert_int_equal(total, 30);
	unrig(&x);
}

struct looker {
	struct admin_queue *q;
	unsigned left;
};

static may_yield_unchecked void
look_main(struct task *t, void *arg)
{
	struct looker *k = arg;

	assert_ok(admin_queue_look(t, k->q));
	k->left--;
}

/* Many who ask cost no more than one; and what is not new is one call a
 * bucket. */
ARIG_CASE(budget)
{
	struct looker k = { .left = 5 };
	uint64_t before;
	struct rigged x;

	rigged(r, &x);
	fill(t, r, 64);
	assert_ok(admin_queue_open(t, &x.ad, &k.q));
	assert_ok(admin_queue_look(t, k.q));
	before = calls(r);
	assert_ok(admin_queue_look(t, k.q));
	assert_int_equal(calls(r), before);
	task_sleep_ms(t, ADMIN_QUEUE_FRESH_MS + 1);
	for (unsigned i = 0; i < 5; i++)
		task_start(r->sched, "look", look_main, &k);
	while (k.left > 0)
		task_yield(t);
	print_message("64 buckets, nothing new: %llu calls\n",
	    (unsigned long long)(calls(r) - before));
	assert_true(calls(r) - before <= 65);
	unrig(&x);
}

/* Found, ordered about; the others of the node look again. */
ARIG_CASE(orders)
{
	struct queue_message m;
	const struct queue_message *row;
	struct admin_queue *q;
	uint64_t word;
	struct rigged x;
	struct str text;
	bool cut;

	rigged(r, &x);
	m = qrig_accept(t, r, 1, 7, 2, TEXT);
	assert_ok(admin_queue_open(t, &x.ad, &q));
	assert_ok(admin_queue_find(t, q, m.id, false, &row));
	assert_int_equal(row->rcpt_n, 2);
	assert_ok(admin_queue_find(t, q, str_sub(m.id, 0, 8), true, &row));
	assert_err(admin_queue_find(t, q, str_sub(m.id, 0, 8), false, &row),
	    ERR_NOTFOUND);
	for (unsigned i = 0; i < 4; i++) {
		static const char *const bad[] = { "", "x", "07-", "08-0" };

		assert_err(admin_queue_find(t, q, str_c(bad[i]), false, &row),
		    ERR_NOTFOUND);
		assert_null(row);
	}
	assert_ok(admin_queue_look(t, q));
	word = counts_word(x.w.counts, COUNTS_QUEUE_ORDERS);
	assert_ok(admin_queue_order(t, q, 7, &m.txid, 0, QUEUE_ORDER_HOLD));
	assert_int_not_equal(counts_word(x.w.counts, COUNTS_QUEUE_ORDERS),
	    word);
	assert_ok(admin_queue_find(t, q, m.id, false, &row));
	assert_true(row->held);
	/* another worker's order */
	assert_ok(admin_queue_look(t, q));
	word = calls(r);
	counts_word_set(x.w.counts, COUNTS_QUEUE_ORDERS, 77);
	assert_ok(admin_queue_look(t, q));
	assert_true(calls(r) > word);
	row = queue_message_copy(task_arena(t), row);
	assert_ok(admin_queue_text(t, q, row, 1000, 2, &text, &cut));
	assert_true(str_ends(text, STR("\r\n\r\nbo")) && cut);
	assert_ok(admin_queue_text(t, q, row, 1000, 1000, &text, &cut));
	assert_true(str_eq(text, TEXT) && !cut);
	assert_ok(admin_queue_text(t, q, row, 10, 1000, &text, &cut));
	assert_true(str_eq(text, str_sub(TEXT, 0, 10)) && cut);
	assert_ok(admin_queue_order(t, q, 7, &m.txid, 0, QUEUE_ORDER_REMOVE));
	assert_err(admin_queue_find(t, q, m.id, false, &row), ERR_NOTFOUND);
	assert_err(admin_queue_order(t, q, 7, &m.txid, 0, QUEUE_ORDER_HOLD),
	    ERR_NOTFOUND);
	unrig(&x);
}

/* --- what is noted --- */

static may_yield_unchecked struct state *
noted_state(struct task *t, struct arig *r)
{
	struct state_conf conf = { .store = r->node[0].store,
		.no_background = true };
	struct state *st;

	clusterkey_make(&r->rnd, &conf.key);
	assert_ok(state_create(t, &conf));
	assert_ok(state_open(t, &conf, &st, NULL));
	return st;
}

/* One row, whatever was ordered; the first ids, and how many there were. */
ARIG_CASE(noted)
{
	static const struct {
		enum queue_order o;
		unsigned n;
		const char *how, *what, *detail;
	} v[] = {
		{ QUEUE_ORDER_REMOVE, 1, "", "queue.remove", "1 message" },
		{ QUEUE_ORDER_HOLD, 3, "", "queue.hold", "3 messages" },
		{ QUEUE_ORDER_RETRY, 20, "--all", "queue.retry",
		    "20 messages, --all" },
		{ QUEUE_ORDER_RELEASE, 25, "--held", "queue.release",
		    "25 messages, --held" },
	};
	struct admin ad = { .state = noted_state(t, r), .by = "admin:eve" };
	struct arena *a = task_arena(t);
	struct str ids[25];
	struct buf all;

	for (unsigned i = 0; i < countof(ids); i++)
		ids[i] = str_c(arena_printf(a, "%02u-0123456789ab-0", i));
	for (size_t i = 0; i < countof(v); i++) {
		struct state_audit_row *row;
		uint64_t before = state_seq(ad.state);
		unsigned n;

		r->now += 1000;
		assert_ok(admin_queue_note(t, &ad, v[i].o, ids, v[i].n,
		    str_c(v[i].how)));
		test_row(i, state_seq(ad.state) == before + 1);
		assert_ok(state_audit_find(a, ad.state,
		    &(struct state_audit_query){ .max = 1 }, &row, &n));
		test_row_str(i, row->who, STR("admin:eve"));
		test_row_str(i, row->what, str_c(v[i].what));
		test_row_str(i, row->detail, str_c(v[i].detail));
		buf_init(&all, a, 1000);
		for (unsigned k = 0; k < v[i].n && k < ADMIN_QUEUE_NAMED; k++)
			buf_fmt(&all, "%s" STR_FMT, k > 0 ? " " : "",
			    STR_ARG(ids[k]));
		test_row_str(i, row->object, buf_str(&all));
	}
	/* the longest there are */
	for (unsigned i = 0; i < countof(ids); i++)
		ids[i] = STR("07-0123456789ab-1234567890123");
	assert_ok(admin_queue_note(t, &ad, QUEUE_ORDER_HOLD, ids, countof(ids),
	    STR_NONE));
	state_close(&ad.state);
}

ARIG_CASE(not_noted)
{
	struct admin ad = { .state = noted_state(t, r), .by = "admin:eve" };
	struct str id = STR("07-0123456789ab-0");
	uint64_t before = state_seq(ad.state);
	struct err *e;

	ad.state->conf.replica_only = true;
	e = admin_queue_note(t, &ad, QUEUE_ORDER_REMOVE, &id, 1, STR_NONE);
	assert_err(e, ERR_READONLY);
	assert_non_null(strstr(e->text, "nothing was ordered"));
	ad.state->conf.replica_only = false;
	assert_ok(state_refresh(t, ad.state));
	assert_int_equal(state_seq(ad.state), before);
	state_close(&ad.state);
}

static void
test_words(void **state)
{
	static const char *const words[] = { "hold", "release", "retry",
		"remove" };
	enum queue_order o;

	(void)state;
	for (unsigned i = 0; i < countof(words); i++) {
		assert_true(admin_queue_order_parse(str_c(words[i]), &o));
		assert_int_equal(o, i);
	}
	assert_false(admin_queue_order_parse(STR("Hold"), &o));
	assert_false(admin_queue_order_parse(STR(""), &o));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_words),
		QRIG_TEST(pages),
		QRIG_TEST(budget),
		QRIG_TEST(orders),
		QRIG_TEST(noted),
		QRIG_TEST(not_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
