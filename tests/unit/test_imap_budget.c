/* test_imap_budget.c - calls that IMAP commands take (DESIGN 12), and their
 * time
 */
#include "imap_rig.h"

#include <time.h>

#include "storage/account_private.h"

static void
count(struct arig *r, unsigned node)
{
	static const struct share_fault_rule wire = { .proc =
							  SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_DELAY,
		.delay_ms = 1 };

	share_fault_set(r->node[node].fault, &wire, 1);
	share_count_reset(r->node[node].share);
}

static void
counted(struct arig *r, unsigned node, const char *name, unsigned trips,
    unsigned calls)
{
	struct share_counts c;

	share_count_get(r->node[node].share, &c);
	print_message("%-34s %2u of %2u trips, %3llu of %3u calls\n", name,
	    c.serial, trips, (unsigned long long)c.total, calls);
	share_fault_set(r->node[node].fault, NULL, 0);
	if (c.serial > trips || c.total > calls)
		fail_msg("over budget: %s", name);
}

static unsigned
lines(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < said.n; i++)
		n += said.p[i] == '\n';
	return n;
}

static may_yield_unchecked struct account *
thousand(struct task *t, struct arig *r)
{
	struct account_maintain m = { .force = true };
	struct account *a;
	bool made;

	assert_ok(account_create(t, r->node[0].ms, STR("abcdef"), &made, &a));
	for (unsigned i = 1; i <= 1000; i++) {
		struct arena_mark mark = arena_mark(task_arena(t));

		arig_deliver(t, a, "INBOX", i);
		if (i % 250 == 0)
			assert_ok(account_maintain(t, a, &m));
		arena_rewind(task_arena(t), mark);
	}
	return a;
}

ARIG_CASE(test_budget)
{
	struct account *a = thousand(t, r), *b;

	assert_ok(account_open(t, r->node[1].ms, STR("abcdef"), &b));
	select_inbox(t, b);
	count(r, 1);
	assert_ok(run(t, &cmd_fetch, " 1:* (FLAGS INTERNALDATE RFC822.SIZE)"));
	counted(r, 1, "FETCH 1000 FLAGS", 0, 0);
	assert_int_equal(lines(), 1000);
	count(r, 1);
	assert_ok(run(t, &cmd_fetch, " 1:* (UID ENVELOPE BODYSTRUCTURE)"));
	counted(r, 1, "FETCH 1000 ENVELOPE", 1, 1);
	assert_int_equal(lines(), 1000);
	count(r, 1);
	assert_ok(run(t, &cmd_fetch,
	    " 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Subject Date "
	    "Message-ID References Content-Type X-Priority)])"));
	counted(r, 1, "FETCH 1000 HEADER.FIELDS", 1, 1);
	count(r, 1);
	assert_ok(run(t, &cmd_fetch, " 7 (UID FLAGS BODY.PEEK[])"));
	/* the month's directory is found once */
	counted(r, 1, "FETCH one body, first", 4, 4);
	count(r, 1);
	assert_ok(run(t, &cmd_fetch, " 8 (UID FLAGS BODY.PEEK[])"));
	counted(r, 1, "FETCH one body", 2, 2);
	count(r, 1);
	assert_ok(run(t, &cmd_fetch, " 9 (BODY.PEEK[HEADER] BODY.PEEK[1])"));
	counted(r, 1, "FETCH header and part of one", 2, 2);
	count(r, 1);
	assert_ok(run(t, &cmd_fetch, " 9 (ENVELOPE BODYSTRUCTURE BODY[TEXT])"));
	counted(r, 1, "the same with envelope, \\Seen", 4, 5);
	count(r, 1);
	assert_ok(run(t, &cmd_store, " 1:* +FLAGS (\\Seen \\Flagged)"));
	counted(r, 1, "STORE, 1000 messages", 2, 3);
	count(r, 1);
	assert_ok(run(t, &cmd_search, " SUBJECT nowhere SEEN"));
	counted(r, 1, "SEARCH SUBJECT in 1000", 1, 1);
	count(r, 1);
	assert_ok(run(t, &cmd_search, " UNSEEN TEXT nowhere"));
	counted(r, 1, "SEARCH TEXT, none is UNSEEN", 0, 0);
	account_close(&a);
	account_close(&b);
}

/* --- time --- */

static struct err *
huge_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	(void)t;
	(void)x;
	for (unsigned i = 0; i < 10000; i++) {
		struct account_op op = {
			.letter = 'a',
			.folder = ACCOUNT_INBOX,
			.bytes = 10000 + i,
			.time = 1763757888 + i,
			.flags = i % 3 == 0 ? MESSAGE_SEEN : 0,
			.name = { .ordinal = (uint16_t)i, .month = 670 },
		};

		account_op_write(ops, &op);
	}
	return NULL;
}

static double
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* Shown, and far from what anybody would wait for: a sanitizer may be on. */
static may_yield_unchecked void
timed(struct task *t, const struct imap_command *command, const char *args)
{
	struct arena_mark mark = arena_mark(task_arena(t));
	double began = now_ms();

	assert_ok(run(t, command, args));
	began = now_ms() - began;
	print_message("%-34s %7.1f ms, %zu KiB\n", args, began, said.n / 1024);
	assert_true(began < 20000);
	arena_rewind(task_arena(t), mark);
}

ARIG_CASE(test_hundred_thousand)
{
	struct account *a;
	bool made;

	assert_ok(account_create(t, r->node[0].ms, STR("abcdef"), &made, &a));
	for (unsigned i = 0; i < 10; i++) {
		struct account_tx x;

		account_tx_init(t, a, &x);
		x.compose = huge_compose;
		assert_ok(account_commit(t, &x));
	}
	select_inbox(t, a);
	assert_int_equal(session.view.n, 100000);
	share_count_reset(r->node[0].share);
	timed(t, &cmd_fetch, " 1:* (FLAGS)");
	assert_int_equal(lines(), 100000);
	timed(t, &cmd_fetch, " 1:* (UID FLAGS)");
	timed(t, &cmd_fetch, " 1:* FAST");
	timed(t, &cmd_search, " UNSEEN");
	timed(t, &cmd_search, " OR SEEN (LARGER 5000 SINCE 1-Jan-2020)");
	counted(r, 0, "all of these", 0, 0);
	timed(t, &cmd_store, " 1:* +FLAGS.SILENT (\\Seen)");
	account_close(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ARIG_TEST(test_budget),
		ARIG_TEST(test_hundred_thousand),
	};
	int failed;

	log_set_level(LOG_ERROR_);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&said);
	return failed;
}
