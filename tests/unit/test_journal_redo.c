/* test_journal_redo.c - a server that forgot: redo, fork, append again */
#include "tests/unit/journal_rig.h"

#define assert_same(a, b)                                                      \
	assert_true(str_eq(buf_str(&(a)->words), buf_str(&(b)->words)))

/* The server comes back: everybody's connection is a new one. */
static may_yield_unchecked void
crash_now(struct task *t, struct rig *r)
{
	const struct share_fault_rule rule = { .proc = SHARE_FSSTAT,
		.lane = SHARE_FAULT_ANY_LANE,
		.kind = SHARE_FAULT_BEFORE,
		.code = ERR_UNKNOWN,
		.reconnect = true };
	struct share_fsstat st;

	share_fault_set(r->fault, &rule, 1);
	err_ignore(share_fsstat(t, r->share, SHARE_LANE_ADMIN, &st));
	share_fault_set(r->fault, NULL, 0);
}

/* Lost entries come back verbatim, from who committed or read them. */
TEST(test_redo)
{
	struct jnode *a, *b;
	struct txid head;

	make(t, r, &a, &b);
	assert_ok(jnode_commit(t, a, "one"));
	assert_ok(jnode_commit(t, a, "two"));
	assert_ok(jnode_commit(t, a, "three"));
	assert_ok(journal_refresh(t, b->j));
	head = *journal_head_txid(a->j);
	rig_lose(r, "log", 3);
	rig_lose(r, "log", 2);
	crash_now(t, r);
	assert_ok(journal_refresh(t, b->j)); /* the reader redoes */
	assert_true(rig_has(r, "log", 2) && rig_has(r, "log", 3));
	assert_true(txid_eq(journal_head_txid(b->j), &head));
	assert_true(b->refiled >= 2);
	assert_ok(journal_refresh(t, a->j));
	assert_ok(jnode_commit(t, a, "four"));
	assert_ok(journal_refresh(t, b->j));
	assert_words(b, "one two three four");
	assert_same(a, b);
	assert_int_equal(a->forked + b->forked, 0);
	jnode_free(&a);
	jnode_free(&b);
}

/* A commit does it, too, before it sends. */
TEST(test_redo_by_commit)
{
	struct jnode *a, *b;

	make(t, r, &a, &b);
	assert_ok(jnode_commit(t, a, "one"));
	assert_ok(jnode_commit(t, a, "two"));
	rig_lose(r, "log", 2);
	crash_now(t, r);
	assert_ok(jnode_commit(t, a, "three"));
	assert_ok(journal_refresh(t, b->j));
	assert_words(b, "one two three");
	jnode_free(&a);
	jnode_free(&b);
}

/* Another was faster: his entry stands where ours was.  Ours is appended. */
TEST(test_fork)
{
	struct jnode *a, *b, *c;
	uint64_t alarms = log_count(LOG_ALARM_);

	make(t, r, &a, &b);
	c = jnode_new(r, r->share);
	assert_ok(jnode_commit(t, a, "one"));
	assert_ok(journal_refresh(t, c->j));
	assert_ok(jnode_commit(t, a, "two"));
	assert_ok(jnode_commit(t, a, "three"));
	rig_lose(r, "log", 3);
	rig_lose(r, "log", 2);
	crash_now(t, r);
	assert_ok(jnode_commit(t, c, "other"));
	assert_ok(journal_refresh(t, a->j));
	assert_int_equal(a->forked, 1);
	assert_true(log_count(LOG_ALARM_) > alarms);
	assert_words(a, "one other two three");
	assert_ok(journal_refresh(t, c->j));
	assert_ok(journal_refresh(t, b->j));
	assert_same(a, b);
	assert_same(a, c);
	/* number 3 is what tells the clients */
	assert_int_equal(journal_head(b->j), 5);
	jnode_free(&a);
	jnode_free(&b);
	jnode_free(&c);
}

/* Two nodes have the lost entry: it comes back once. */
TEST(test_fork_two)
{
	struct jnode *a, *b, *c;

	make(t, r, &a, &b);
	c = jnode_new(r, r->share);
	assert_ok(jnode_commit(t, a, "one"));
	assert_ok(journal_refresh(t, c->j));
	assert_ok(jnode_commit(t, a, "two"));
	assert_ok(journal_refresh(t, b->j));
	rig_lose(r, "log", 2);
	crash_now(t, r);
	assert_ok(jnode_commit(t, c, "other"));
	assert_ok(jnode_commit(t, b, "three"));
	assert_ok(journal_refresh(t, a->j));
	assert_ok(journal_refresh(t, b->j));
	assert_words(b, "one other two three");
	assert_same(a, b);
	jnode_free(&a);
	jnode_free(&b);
	jnode_free(&c);
}

/* 60 s on one connection, and an answer: the bytes are dropped.  If the head
 * is gone then, nobody can bring it back here: fork, with an alarm. */
TEST(test_aged)
{
	struct jnode *a, *b;

	make(t, r, &a, &b);
	assert_ok(jnode_commit(t, a, "one"));
	assert_ok(jnode_commit(t, a, "two"));
	assert_false(journal_may_close(a->j));
	task_sleep_ms(t, JOURNAL_KEEP_MS);
	assert_ok(journal_refresh(t, a->j));
	assert_true(journal_may_close(a->j));
	rig_lose(r, "log", 2);
	crash_now(t, r);
	assert_ok(journal_refresh(t, a->j));
	assert_int_equal(a->forked, 1);
	assert_words(a, "one");
	/* the same, but the connection is another when 60 s are over */
	assert_ok(jnode_commit(t, a, "three"));
	task_sleep_ms(t, JOURNAL_KEEP_MS);
	rig_lose(r, "log", journal_head(a->j));
	crash_now(t, r);
	assert_ok(journal_refresh(t, a->j));
	assert_int_equal(a->forked, 1);
	assert_ok(journal_refresh(t, b->j));
	assert_words(b, "one three");
	jnode_free(&a);
	jnode_free(&b);
}

/* BELOW: a checkpoint that does not know the entry. */
TEST(test_below_checkpoint)
{
	struct jnode *a, *b, *c;

	make(t, r, &a, &b);
	c = jnode_new(r, r->share);
	assert_ok(jnode_commit(t, a, "one"));
	assert_ok(journal_refresh(t, c->j));
	assert_ok(jnode_commit(t, a, "two"));
	rig_lose(r, "log", 2);
	crash_now(t, r);
	assert_ok(jnode_commit(t, c, "other"));
	assert_ok(jnode_commit(t, c, "more"));
	assert_ok(journal_maintain(t, c->j, true));
	assert_ok(journal_refresh(t, a->j));
	assert_words(a, "one other more two");
	assert_ok(journal_refresh(t, b->j));
	assert_same(a, b);
	jnode_free(&a);
	jnode_free(&b);
	jnode_free(&c);
}

/* ... and one that does. */
TEST(test_below_checkpoint_good)
{
	struct jnode *a, *b;

	make(t, r, &a, &b);
	assert_ok(jnode_commit(t, a, "one"));
	assert_ok(jnode_commit(t, a, "two"));
	assert_ok(journal_refresh(t, b->j));
	assert_ok(jnode_commit(t, b, "three"));
	assert_ok(journal_maintain(t, b->j, true));
	crash_now(t, r);
	assert_ok(journal_refresh(t, a->j));
	assert_words(a, "one two three");
	assert_int_equal(a->forked + b->forked, 0);
	jnode_free(&a);
	jnode_free(&b);
}

/* A file of the lost entry is gone: not verbatim, but what is left. */
TEST(test_files_gone)
{
	struct jnode *a, *b;

	make(t, r, &a, &b);
	assert_ok(jnode_commit(t, a, "one"));
	assert_ok(jnode_commit(t, a, "gone"));
	assert_ok(jnode_commit(t, a, "three"));
	rig_lose(r, "log", 3);
	rig_lose(r, "log", 2);
	a->files_gone = true;
	crash_now(t, r);
	assert_ok(journal_refresh(t, a->j));
	assert_words(a, "one three");
	assert_int_equal(a->forked, 1);
	assert_ok(journal_refresh(t, b->j));
	assert_same(a, b);
	jnode_free(&a);
	jnode_free(&b);
}

/* A long record comes back with its file. */
TEST(test_redo_long)
{
	struct jnode *a, *b;
	char *word = arena_alloc(task_arena(t), 5001), cmd[100];

	make(t, r, &a, &b);
	memset(word, 'w', 5000);
	assert_ok(jnode_commit(t, a, "one"));
	assert_ok(jnode_commit(t, a, word));
	rig_lose(r, "log", 2);
	snprintf(cmd, sizeof(cmd), "rm -f '%s'/seg/*.rec", r->dir);
	assert_int_equal(system(cmd), 0);
	crash_now(t, r);
	assert_ok(journal_refresh(t, a->j));
	assert_ok(journal_refresh(t, b->j));
	assert_same(a, b);
	assert_int_equal(b->n, 2);
	jnode_free(&a);
	jnode_free(&b);
}

/* The redo itself is disturbed, at every call, in every way. */
TEST(test_redo_faults)
{
	static const struct share_fault_rule kinds[] = {
		{ .kind = SHARE_FAULT_LOST, .reconnect = true },
		{ .kind = SHARE_FAULT_LOST },
		{ .kind = SHARE_FAULT_BEFORE,
		    .code = ERR_UNKNOWN,
		    .reconnect = true },
		{ .kind = SHARE_FAULT_BEFORE, .code = ERR_STALE },
		{ .kind = SHARE_FAULT_LATE, .delay_ms = 2000 },
		{ .kind = SHARE_FAULT_TWICE },
	};
	struct share_fault_rule rule;
	struct jnode *a, *b;
	uint64_t head;
	char word[20];
	size_t i;
	int nth;

	make(t, r, &a, &b);
	for (i = 0; i < countof(kinds); i++) {
		for (nth = 1; nth <= 14; nth++) {
			snprintf(word, sizeof(word), "w%zu-%d", i, nth);
			assert_ok(jnode_commit(t, a, word));
			assert_ok(jnode_commit(t, a, "x"));
			assert_ok(journal_refresh(t, b->j));
			head = journal_head(a->j);
			rig_lose(r, "log", head);
			rig_lose(r, "log", head - 1);
			crash_now(t, r);
			rule = kinds[i];
			rule.proc = SHARE_FAULT_ANY_PROC;
			rule.lane = SHARE_FAULT_ANY_LANE;
			rule.nth = (uint32_t)nth;
			share_fault_set(r->fault, &rule, 1);
			assert_ok(journal_refresh(t, a->j));
			share_fault_set(r->fault, NULL, 0);
			assert_ok(journal_refresh(t, b->j));
			assert_same(a, b);
			assert_int_equal(journal_head(b->j), head);
		}
	}
	assert_int_equal(a->forked + b->forked, 0);
	jnode_free(&a);
	jnode_free(&b);
}

/* STALE once is no proof that the head is gone. */
TEST(test_stale)
{
	const struct share_fault_rule rule = { .proc = SHARE_READLINK,
		.lane = SHARE_FAULT_ANY_LANE,
		.kind = SHARE_FAULT_BEFORE,
		.code = ERR_STALE };
	struct jnode *a, *b;

	make(t, r, &a, &b);
	assert_ok(jnode_commit(t, a, "one"));
	crash_now(t, r);
	share_fault_set(r->fault, &rule, 1);
	assert_ok(jnode_commit(t, a, "two"));
	assert_int_equal(a->forked, 0);
	assert_int_equal(share_fault_hits(r->fault, 0), 1);
	share_fault_set(r->fault, NULL, 0);
	assert_ok(journal_refresh(t, b->j));
	assert_words(b, "one two");
	jnode_free(&a);
	jnode_free(&b);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		T(test_redo),
		T(test_redo_by_commit),
		T(test_fork),
		T(test_fork_two),
		T(test_aged),
		T(test_below_checkpoint),
		T(test_below_checkpoint_good),
		T(test_files_gone),
		T(test_redo_long),
		T(test_redo_faults),
		T(test_stale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
