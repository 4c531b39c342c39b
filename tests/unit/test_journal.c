/* test_journal.c - commit, reading, budgets, unknown outcomes */
#include "tests/unit/journal_rig.h"

TEST(test_commit)
{
	struct jnode *a, *b;

	make(t, r, &a, &b);
	assert_ok(jnode_commit(t, a, "one"));
	assert_ok(jnode_commit(t, a, "two"));
	assert_words(a, "one two");
	assert_ok(journal_refresh(t, b->j));
	assert_words(b, "one two");
	assert_int_equal(journal_head(b->j), 2);
	assert_true(txid_eq(journal_head_txid(a->j), journal_head_txid(b->j)));
	/* b wins, a loses the race and comes after it */
	assert_ok(jnode_commit(t, b, "three"));
	assert_ok(jnode_commit(t, a, "four"));
	assert_words(a, "one two three four");
	assert_ok(journal_refresh(t, b->j));
	assert_words(b, "one two three four");
	jnode_free(&a);
	jnode_free(&b);
}

TEST(test_no_journal)
{
	struct jnode *a = jnode_new(r, r->share);
	struct journal_entry head;

	assert_err(journal_refresh(t, a->j), ERR_NOENT);
	assert_err(journal_peek(t, a->j, &head), ERR_NOENT);
	assert_err(jnode_commit(t, a, "x"), ERR_NOENT);
	jnode_free(&a);
}

/* DESIGN 12, profile reply, warm handles. */
TEST(test_budget_commit)
{
	struct jnode *a, *b;

	make(t, r, &a, &b);
	assert_ok(jnode_commit(t, a, "one"));
	measure(r);
	assert_ok(jnode_commit(t, a, "two"));
	assert_counts(r, 2, 3);
	jnode_free(&a);
	jnode_free(&b);
}

TEST(test_budget_refresh)
{
	struct jnode *a, *b;

	make(t, r, &a, &b);
	assert_ok(jnode_commit(t, a, "one"));
	assert_ok(journal_refresh(t, b->j));
	measure(r);
	assert_ok(journal_refresh(t, b->j));
	assert_counts(r, 1, 1);
	/* one new entry: LOOKUP, READLINK beside the next LOOKUPs, rule */
	assert_ok(jnode_commit(t, a, "two"));
	measure(r);
	assert_ok(journal_refresh(t, b->j));
	assert_counts(r, 3, 7);
	measure(r);
	assert_ok(journal_refresh(t, b->j));
	assert_counts(r, 1, 1);
	jnode_free(&a);
	jnode_free(&b);
}

TEST(test_budget_blind)
{
	struct journal_entry head;
	struct journal_tx tx;
	struct jnode *a, *b;

	make(t, r, &a, &b);
	assert_ok(jnode_commit(t, a, "one"));
	assert_ok(jnode_commit(t, a, "two"));
	measure(r);
	assert_ok(journal_peek(t, b->j, &head));
	assert_counts(r, 4, 6);
	assert_int_equal(head.seq, 2);
	assert_true(str_eq_c(head.totals, "n=2"));
	assert_false(journal_is_loaded(b->j));
	measure(r);
	journal_tx_init(t, b->j, &tx);
	assert_ok(jnode_commit_tx(t, b, &tx, "three"));
	assert_counts(r, 2, 3);
	assert_int_equal(tx.seq_r, 3);
	/* a blind node that loses the race goes on from the totals it read */
	assert_ok(jnode_commit(t, a, "four"));
	assert_ok(jnode_commit(t, b, "five"));
	assert_false(journal_is_loaded(b->j));
	assert_ok(journal_peek(t, b->j, &head));
	assert_true(str_eq_c(head.totals, "n=5"));
	assert_ok(journal_refresh(t, b->j));
	assert_words(b, "one two three four five");
	jnode_free(&a);
	jnode_free(&b);
}

/* A record that does not fit the link. */
TEST(test_long)
{
	struct jnode *a, *b;
	char *word = arena_alloc(task_arena(t), 300001);
	char want[30];

	make(t, r, &a, &b);
	memset(word, 'w', 300000);
	assert_ok(jnode_commit(t, a, word));
	assert_ok(jnode_commit(t, a, "end"));
	assert_ok(journal_refresh(t, b->j));
	assert_true(str_eq(buf_str(&a->words), buf_str(&b->words)));
	snprintf(want, sizeof(want), "%u", b->n);
	assert_string_equal(want, "2");
	/* too long for any entry */
	word = arena_alloc(task_arena(t), RECORD_OPS_MAX + 2);
	memset(word, 'w', RECORD_OPS_MAX + 1);
	assert_err(jnode_commit(t, a, word), ERR_LIMIT);
	jnode_free(&a);
	jnode_free(&b);
}

/* Many entries behind: windows, more than one turn. */
TEST(test_far_behind)
{
	struct jnode *a, *b, *c;
	char word[20];
	int i;

	make(t, r, &a, &b);
	c = jnode_new(r, r->share);
	assert_ok(jnode_commit(t, a, "first"));
	assert_ok(journal_refresh(t, b->j));
	for (i = 0; i < 600; i++) {
		snprintf(word, sizeof(word), "w%d", i);
		assert_ok(jnode_commit(t, a, word));
	}
	assert_ok(journal_refresh(t, b->j));
	assert_true(str_eq(buf_str(&a->words), buf_str(&b->words)));
	assert_ok(journal_refresh(t, c->j));
	assert_true(str_eq(buf_str(&a->words), buf_str(&c->words)));
	jnode_free(&a);
	jnode_free(&b);
	jnode_free(&c);
}

/* A refusal counts only on the state as it is. */
TEST(test_refuse)
{
	struct jnode *a, *b;

	make(t, r, &a, &b);
	assert_ok(jnode_commit(t, a, "one"));
	assert_ok(jnode_commit(t, b, "two"));
	a->refuse = true;
	assert_err(jnode_commit(t, a, "three"), ERR_OVERQUOTA);
	assert_words(a, "one two");
	jnode_free(&a);
	jnode_free(&b);
}

struct tag {
	uint64_t forget;
	const struct txid *voided;
};

static struct err *
tag_compose(struct task *t, void *arg, struct buf *ops)
{
	struct tag *g = arg;

	(void)t;
	if (g->forget != 0) {
		record_op(ops, 'F');
		record_u64(ops, g->forget);
	}
	if (g->voided != NULL) {
		record_op(ops, 'D');
		record_txid(ops, g->voided);
	}
	return NULL;
}

static may_yield_unchecked struct err *
tag_commit(struct task *t, struct jnode *n, struct tag g)
{
	struct journal_tx tx;

	journal_tx_init(t, n->j, &tx);
	tx.compose = tag_compose;
	tx.arg = &g;
	return journal_commit(t, n->j, &tx);
}

/* The same txid twice is one entry's worth. */
TEST(test_duplicate)
{
	struct journal_tx tx, again;
	struct jnode *a, *b;

	make(t, r, &a, &b);
	assert_ok(journal_refresh(t, a->j));
	assert_ok(journal_refresh(t, b->j));
	journal_tx_init(t, a->j, &tx);
	again = tx;
	assert_ok(jnode_commit_tx(t, a, &tx, "one"));
	assert_ok(jnode_commit(t, a, "two"));
	assert_ok(jnode_commit_tx(t, a, &again, "one"));
	assert_int_equal(again.seq_r, 1);
	again.seq_r = 0;
	assert_ok(jnode_commit_tx(t, b, &again, "one"));
	assert_int_equal(again.seq_r, 1);
	assert_words(b, "one");
	assert_ok(journal_refresh(t, b->j));
	assert_words(b, "one two");
	assert_int_equal(journal_find(b->j, &tx.txid), 1);
	jnode_free(&a);
	jnode_free(&b);
}

TEST(test_forget_and_void)
{
	struct journal_tx held, voided, late;
	struct jnode *a, *b;

	make(t, r, &a, &b);
	assert_ok(jnode_commit(t, a, "one"));
	journal_tx_init(t, a->j, &held);
	journal_tx_init(t, a->j, &voided);
	assert_ok(tag_commit(t, a, (struct tag){ 1, NULL }));
	assert_int_equal(journal_forgotten(a->j), 1);
	assert_err(jnode_commit_tx(t, a, &held, "old"), ERR_HELD);
	/* a cold journal does not know what was forgotten since */
	assert_err(tag_commit(t, b, (struct tag){ 0, &voided.txid }),
	    ERR_HELD);
	journal_tx_init(t, a->j, &late);
	voided.begun = late.begun;
	assert_ok(tag_commit(t, b, (struct tag){ 0, &voided.txid }));
	/* b's VOID is met while a commits */
	assert_err(jnode_commit_tx(t, a, &voided, "void"), ERR_VOIDED);
	assert_true(journal_is_voided(a->j, &voided.txid));
	assert_ok(jnode_commit_tx(t, a, &late, "two"));
	assert_words(a, "one two");
	/* VOID of what is committed means nothing */
	assert_ok(tag_commit(t, b, (struct tag){ 0, &late.txid }));
	assert_false(journal_is_voided(b->j, &late.txid));
	assert_words(b, "one two");
	/* and all that survives a checkpoint */
	assert_ok(journal_maintain(t, b->j, true));
	jnode_restart(b);
	assert_ok(journal_refresh(t, b->j));
	assert_words(b, "one two");
	assert_true(journal_is_voided(b->j, &voided.txid));
	assert_int_equal(journal_find(b->j, &late.txid), 4);
	assert_err(jnode_commit_tx(t, b, &held, "old"), ERR_HELD);
	assert_false(held.maybe_r);
	/* VOID does not say "begin again" of what may have been in */
	assert_ok(tag_commit(t, b, (struct tag){ 0, &held.txid }));
	assert_err(jnode_commit_tx(t, b, &held, "old"), ERR_HELD);
	/* neither may what is known no more be taken for a no */
	held.sent_conn = 1;
	assert_err(jnode_commit_tx(t, b, &held, "old"), ERR_HELD);
	assert_true(held.maybe_r);
	jnode_free(&a);
	jnode_free(&b);
}

TEST(test_claim)
{
	struct journal_tx tx;
	struct jnode *a, *b;

	make(t, r, &a, &b);
	journal_tx_init(t, a->j, &tx);
	tx.token = 1;
	tx.claim = true;
	assert_ok(journal_commit(t, a->j, &tx));
	journal_tx_init(t, a->j, &tx);
	tx.token = 1;
	assert_ok(jnode_commit_tx(t, a, &tx, "one"));
	journal_tx_init(t, b->j, &tx);
	tx.token = 2;
	tx.claim = true;
	assert_ok(journal_commit(t, b->j, &tx));
	/* a is a zombie now */
	journal_tx_init(t, a->j, &tx);
	tx.token = 1;
	assert_err(jnode_commit_tx(t, a, &tx, "two"), ERR_LOST);
	assert_int_equal(journal_token(a->j), 2);
	assert_words(a, "one");
	jnode_free(&a);
	jnode_free(&b);
}

/* -- answers that are lost, late, double, wrong ------------------------- */

/* Every call of a commit in turn goes wrong in every way: the word is there
 * exactly once when the commit says so, and on both nodes. */
TEST(test_faults)
{
	static const struct share_fault_rule kinds[] = {
		{ .kind = SHARE_FAULT_LOST },
		{ .kind = SHARE_FAULT_LOST, .reconnect = true },
		{ .kind = SHARE_FAULT_BEFORE, .code = ERR_UNKNOWN },
		{ .kind = SHARE_FAULT_BEFORE,
		    .code = ERR_UNKNOWN,
		    .reconnect = true },
		{ .kind = SHARE_FAULT_BEFORE, .code = ERR_IO },
		{ .kind = SHARE_FAULT_AFTER, .code = ERR_IO },
		{ .kind = SHARE_FAULT_BEFORE, .code = ERR_STALE },
		{ .kind = SHARE_FAULT_AFTER, .code = ERR_NOSPC },
		{ .kind = SHARE_FAULT_BEFORE, .code = ERR_NOSPC },
		{ .kind = SHARE_FAULT_TWICE },
		{ .kind = SHARE_FAULT_TWICE, .reconnect = true },
		{ .kind = SHARE_FAULT_LATE, .delay_ms = 5 },
		{ .kind = SHARE_FAULT_LATE, .delay_ms = 5000 },
		{ .kind = SHARE_FAULT_DELAY, .delay_ms = 500 },
	};
	struct share_fault_rule rule;
	char word[40], want[4000] = "first";
	struct jnode *a, *b;
	size_t i;
	int nth;

	make(t, r, &a, &b);
	assert_ok(jnode_commit(t, a, "first"));
	for (i = 0; i < countof(kinds); i++) {
		for (nth = 1; nth <= 4; nth++) {
			rule = kinds[i];
			rule.proc = SHARE_FAULT_ANY_PROC;
			rule.lane = SHARE_FAULT_ANY_LANE;
			rule.nth = (uint32_t)nth;
			share_fault_set(r->fault, &rule, 1);
			snprintf(word, sizeof(word), "w%zu-%d", i, nth);
			assert_ok(jnode_commit(t, a, word));
			share_fault_set(r->fault, NULL, 0);
			strcat(strcat(want, " "), word);
			assert_words(a, want);
			assert_ok(journal_refresh(t, b->j));
			assert_words(b, want);
		}
	}
	jnode_free(&a);
	jnode_free(&b);
}

/* The share hangs past the deadline: nothing is acknowledged, the number is
 * occupied, and a late request finds it taken. */
TEST(test_give_up)
{
	const struct share_fault_rule rule = { .proc = SHARE_SYMLINK,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = 1000,
		.kind = SHARE_FAULT_LATE,
		.delay_ms = 100000 };
	struct share_fault_rule once = rule;
	struct journal_tx tx;
	struct jnode *a, *b;
	struct err *e;

	make(t, r, &a, &b);
	assert_ok(jnode_commit(t, a, "one"));
	/* not even the NOOP gets through */
	share_fault_set(r->fault, &rule, 1);
	task_set_deadline(t, task_now_ms(t) + 1000);
	journal_tx_init(t, a->j, &tx);
	e = jnode_commit_tx(t, a, &tx, "two");
	assert_err(e, ERR_UNKNOWN);
	assert_false(journal_err_is_verdict(e));
	assert_int_equal(tx.open, 2);
	/* the same again, and it is committed */
	share_fault_set(r->fault, NULL, 0);
	task_set_deadline(t, 0);
	assert_ok(jnode_commit_tx(t, a, &tx, "two"));
	assert_int_equal(tx.open, 0);
	task_sleep_ms(t, 200000);
	assert_ok(journal_refresh(t, b->j));
	assert_words(b, "one two");
	/* refused after an unknown outcome: NOOP first */
	once.times = 10;
	once.delay_ms = 200000;
	share_fault_set(r->fault, &once, 1);
	task_set_deadline(t, task_now_ms(t) + 1000);
	journal_tx_init(t, a->j, &tx);
	e = jnode_commit_tx(t, a, &tx, "three");
	if (e != NULL && journal_err_is_verdict(e)) {
		task_set_deadline(t, 0);
		task_sleep_ms(t, 400000);
		assert_ok(journal_refresh(t, b->j));
		assert_words(b, "one two");
	}
	share_fault_set(r->fault, NULL, 0);
	jnode_free(&a);
	jnode_free(&b);
}

/* The answer comes back after the deadline: the NOOP takes the number. */
TEST(test_give_up_noop)
{
	const struct share_fault_rule rule = { .proc = SHARE_SYMLINK,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = 3,
		.kind = SHARE_FAULT_LATE,
		.delay_ms = 60000 };
	struct journal_tx tx;
	struct jnode *a, *b;
	struct err *e;

	make(t, r, &a, &b);
	assert_ok(jnode_commit(t, a, "one"));
	share_fault_set(r->fault, &rule, 1);
	task_set_deadline(t, task_now_ms(t) + 20);
	journal_tx_init(t, a->j, &tx);
	e = jnode_commit_tx(t, a, &tx, "two");
	assert_err(e, ERR_CONFLICT);
	assert_true(journal_err_is_verdict(e));
	assert_int_equal(journal_head(a->j), 2);
	/* whoever has ours, from a server that forgot it, cannot bring it back
	 */
	assert_true(journal_is_voided(a->j, &tx.txid));
	task_set_deadline(t, 0);
	task_sleep_ms(t, 100000);
	assert_ok(jnode_commit(t, b, "three"));
	assert_words(b, "one three");
	assert_ok(journal_refresh(t, a->j));
	assert_words(a, "one three");
	share_fault_set(r->fault, NULL, 0);
	jnode_free(&a);
	jnode_free(&b);
}

/* A full share: unknown, until another's entry is seen in the number. */
TEST(test_no_space)
{
	const struct share_fault_rule rule = { .proc = SHARE_SYMLINK,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_BEFORE,
		.code = ERR_NOSPC };
	const struct share_fault_rule some = { .proc = SHARE_SYMLINK,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = 3,
		.kind = SHARE_FAULT_BEFORE,
		.code = ERR_DQUOT };
	struct jnode *a, *b;
	struct journal_tx tx;

	make(t, r, &a, &b);
	assert_ok(jnode_commit(t, a, "one"));
	share_fault_set(r->fault, &rule, 1);
	journal_tx_init(t, a->j, &tx);
	assert_err(jnode_commit_tx(t, a, &tx, "two"), ERR_UNKNOWN);
	share_fault_set(r->fault, NULL, 0);
	assert_ok(jnode_commit(t, b, "other"));
	assert_ok(jnode_commit_tx(t, a, &tx, "two"));
	assert_words(a, "one other two");
	/* the NOOP finds room: a verdict */
	share_fault_set(r->fault, &some, 1);
	assert_err(jnode_commit(t, a, "three"), ERR_DQUOT);
	share_fault_set(r->fault, NULL, 0);
	assert_ok(journal_refresh(t, b->j));
	assert_words(b, "one other two");
	assert_int_equal(journal_head(b->j), 4);
	jnode_free(&a);
	jnode_free(&b);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		T(test_commit),
		T(test_no_journal),
		T(test_budget_commit),
		T(test_budget_refresh),
		T(test_budget_blind),
		T(test_long),
		T(test_far_behind),
		T(test_refuse),
		T(test_duplicate),
		T(test_forget_and_void),
		T(test_claim),
		T(test_faults),
		T(test_give_up),
		T(test_give_up_noop),
		T(test_no_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
