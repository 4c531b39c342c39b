/* test_journal_ckpt.c - checkpoints, collection, damage, the background */
#include <dirent.h>
#include <fcntl.h>

#include "tests/unit/journal_rig.h"

static may_yield_unchecked void
commit_n(struct task *t, struct jnode *n, unsigned count)
{
	char word[20];
	unsigned i;

	for (i = 0; i < count; i++) {
		snprintf(word, sizeof(word), "w%llu",
		    (unsigned long long)journal_head(n->j) + 1);
		assert_ok(jnode_commit(t, n, word));
	}
}

static unsigned
count_names(struct rig *r, const char *dir, const char *suffix)
{
	struct dirent *d;
	unsigned n = 0;
	DIR *dp;

	dp = opendir(rig_path(r, "%s", dir));
	assert_non_null(dp);
	while ((d = readdir(dp)) != NULL)
		if (d->d_name[0] != '.' &&
		    str_ends(str_c(d->d_name), str_c(suffix)))
			n++;
	closedir(dp);
	return n;
}

#define assert_same(a, b)                                                      \
	assert_true(str_eq(buf_str(&(a)->words), buf_str(&(b)->words)))

TEST(test_checkpoint)
{
	struct jnode *a, *b;

	make(t, r, &a, &b);
	commit_n(t, a, 10);
	assert_ok(journal_maintain(t, a->j, true));
	assert_true(rig_has(r, "ckpt", 10));
	/* nothing new: nothing to do */
	assert_ok(journal_maintain(t, a->j, true));
	assert_int_equal(count_names(r, "ckpt", ""), 1);
	assert_ok(journal_refresh(t, b->j));
	assert_same(a, b);
	assert_int_equal(b->loads, 1);
	commit_n(t, a, 3);
	jnode_restart(b);
	/* directories, names, links, handles, READs of the journal's and of
	 * the client's segments; three entries of tail */
	measure(r);
	assert_ok(journal_refresh(t, b->j));
	assert_counts(r, 6, 3 + 2 + 4 + 5 + 3);
	assert_same(a, b);
	/* and what was loaded is as good as what was applied */
	commit_n(t, b, 3);
	assert_ok(journal_refresh(t, a->j));
	assert_same(a, b);
	jnode_free(&a);
	jnode_free(&b);
}

/* The older checkpoint's entries, old names and segments go; the rest stays
 * readable for everyone. */
TEST(test_collect)
{
	struct jnode *a, *b, *c;

	make(t, r, &a, &b);
	c = jnode_new(r, r->share);
	commit_n(t, a, 5);
	assert_ok(journal_refresh(t, b->j));
	assert_ok(journal_maintain(t, a->j, true));
	commit_n(t, a, 5);
	assert_ok(journal_maintain(t, a->j, true));
	task_sleep_ms(t, 60000);
	commit_n(t, a, 5);
	assert_ok(journal_maintain(t, a->j, true));
	commit_n(t, c, 2);
	assert_int_equal(count_names(r, "log", ""), 17);
	task_sleep_ms(t, JOURNAL_COLLECT_MS - 60001);
	assert_ok(journal_maintain(t, a->j, false));
	assert_int_equal(count_names(r, "log", ""), 17);
	/* 5 was the first older one: it waited ten minutes, 10 did not */
	task_sleep_ms(t, 1);
	assert_ok(journal_maintain(t, a->j, false));
	assert_false(rig_has(r, "log", 5));
	assert_true(rig_has(r, "log", 6));
	task_sleep_ms(t, JOURNAL_COLLECT_MS);
	assert_ok(journal_maintain(t, a->j, false));
	assert_false(rig_has(r, "log", 10));
	assert_true(rig_has(r, "log", 11));
	assert_false(rig_has(r, "ckpt", 5));
	assert_true(rig_has(r, "ckpt", 10));
	assert_true(rig_has(r, "ckpt", 15));
	assert_int_equal(count_names(r, "seg", ".words"), 2);
	/* b stands at 5: its next number is a hole */
	assert_ok(jnode_commit(t, b, "b"));
	assert_int_equal(journal_head(b->j), 18);
	assert_ok(journal_refresh(t, a->j));
	assert_same(a, b);
	jnode_restart(c);
	assert_ok(journal_refresh(t, c->j));
	assert_same(a, c);
	/* what b created in the hole is collected with the next */
	assert_true(rig_has(r, "log", 6));
	assert_ok(journal_maintain(t, a->j, true));
	task_sleep_ms(t, JOURNAL_COLLECT_MS);
	assert_ok(journal_maintain(t, a->j, false));
	assert_false(rig_has(r, "log", 6));
	assert_int_equal(count_names(r, "log", ""), 3);
	assert_int_equal(count_names(r, "ckpt", ""), 2);
	jnode_free(&a);
	jnode_free(&b);
	jnode_free(&c);
}

/* A reader that finds an entry in a hole does not apply it. */
TEST(test_reader_rule)
{
	struct jnode *a, *b;
	char name[SEQ_DIGITS + 1];

	make(t, r, &a, &b);
	commit_n(t, a, 2);
	assert_ok(journal_refresh(t, b->j));
	commit_n(t, a, 2);
	assert_ok(journal_maintain(t, a->j, true));
	commit_n(t, a, 2);
	assert_ok(journal_maintain(t, a->j, true));
	task_sleep_ms(t, JOURNAL_COLLECT_MS);
	assert_ok(journal_maintain(t, a->j, false));
	assert_false(rig_has(r, "log", 3));
	/* somebody's late request, with b's head as its predecessor */
	struct record rec = { .seq = 3,
		.format = RECORD_FORMAT,
		.ops = STR("a,ghost"),
		.totals = STR("n=3"),
		.txid = { "0123456789abcde" },
		.prev = *journal_head_txid(b->j) };
	struct buf text;
	buf_init(&text, task_arena(t), 1000);
	record_format(&text, &rec);
	seq_name(3, name);
	assert_int_equal(symlink(buf_cstr(&text), rig_path(r, "log/%s", name)),
	    0);
	assert_ok(journal_refresh(t, b->j));
	assert_same(a, b);
	assert_int_equal(journal_head(b->j), 6);
	jnode_free(&a);
	jnode_free(&b);
}

/* Every call of a checkpoint goes wrong in every way: afterwards the journal
 * can be read cold, and the next checkpoint is made. */
TEST(test_ckpt_faults)
{
	static const struct share_fault_rule kinds[] = {
		{ .kind = SHARE_FAULT_LOST, .reconnect = true },
		{ .kind = SHARE_FAULT_LOST },
		{ .kind = SHARE_FAULT_BEFORE, .code = ERR_UNKNOWN },
		{ .kind = SHARE_FAULT_BEFORE, .code = ERR_NOSPC },
		{ .kind = SHARE_FAULT_AFTER, .code = ERR_NOSPC },
		{ .kind = SHARE_FAULT_BEFORE, .code = ERR_STALE },
		{ .kind = SHARE_FAULT_TWICE },
		{ .kind = SHARE_FAULT_LATE, .delay_ms = 3000 },
		{ .kind = SHARE_FAULT_SHORT, .length = 7 },
	};
	struct share_fault_rule rule;
	struct journal_problem *p;
	struct jnode *a, *b;
	uint64_t seq;
	size_t i;
	int nth;

	make(t, r, &a, &b);
	for (i = 0; i < countof(kinds); i++) {
		for (nth = 1; nth <= 16; nth++) {
			commit_n(t, a, 2);
			rule = kinds[i];
			rule.proc = SHARE_FAULT_ANY_PROC;
			rule.lane = SHARE_FAULT_ANY_LANE;
			rule.nth = (uint32_t)nth;
			share_fault_set(r->fault, &rule, 1);
			err_ignore(journal_maintain(t, a->j, true));
			share_fault_set(r->fault, NULL, 0);
			jnode_restart(b);
			assert_ok(journal_refresh(t, b->j));
			assert_same(a, b);
			assert_ok(journal_maintain(t, a->j, true));
			seq = journal_head(a->j);
			assert_true(rig_has(r, "ckpt", seq));
			task_sleep_ms(t, JOURNAL_COLLECT_MS);
			assert_ok(journal_maintain(t, a->j, false));
		}
	}
	assert_ok(journal_check(t, b->j, &p));
	for (; p != NULL; p = p->next)
		if (p->fatal)
			fail_msg("%s", p->text);
	jnode_free(&a);
	jnode_free(&b);
}

/* And every call of a collection. */
TEST(test_collect_faults)
{
	static const struct share_fault_rule kinds[] = {
		{ .kind = SHARE_FAULT_LOST, .reconnect = true },
		{ .kind = SHARE_FAULT_BEFORE, .code = ERR_UNKNOWN },
		{ .kind = SHARE_FAULT_BEFORE, .code = ERR_STALE },
		{ .kind = SHARE_FAULT_LATE, .delay_ms = 3000 },
	};
	struct share_fault_rule rule;
	struct jnode *a, *b;
	size_t i;
	int nth;

	make(t, r, &a, &b);
	for (i = 0; i < countof(kinds); i++) {
		for (nth = 1; nth <= 20; nth++) {
			commit_n(t, a, 2);
			assert_ok(journal_maintain(t, a->j, true));
			commit_n(t, a, 1);
			task_sleep_ms(t, JOURNAL_COLLECT_MS);
			rule = kinds[i];
			rule.proc = SHARE_FAULT_ANY_PROC;
			rule.lane = SHARE_FAULT_ANY_LANE;
			rule.nth = (uint32_t)nth;
			share_fault_set(r->fault, &rule, 1);
			err_ignore(journal_maintain(t, a->j, false));
			share_fault_set(r->fault, NULL, 0);
			assert_ok(journal_refresh(t, b->j));
			assert_same(a, b);
			jnode_restart(b);
			assert_ok(journal_refresh(t, b->j));
			assert_same(a, b);
		}
	}
	jnode_free(&a);
	jnode_free(&b);
}

/* -- txids of the past -------------------------------------------------- */

/* Known txids go through base and delta, many checkpoints long. */
TEST(test_known)
{
	struct txid all[400];
	struct journal_tx tx;
	struct jnode *a, *b;
	unsigned i;

	make(t, r, &a, &b);
	assert_ok(journal_refresh(t, a->j));
	for (i = 0; i < countof(all); i++) {
		journal_tx_init(t, a->j, &tx);
		all[i] = tx.txid;
		assert_ok(jnode_commit_tx(t, a, &tx, "w"));
		if (i % 7 == 3)
			assert_ok(journal_maintain(t, a->j, true));
		if (i % 100 == 50)
			jnode_restart(a), assert_ok(journal_refresh(t, a->j));
	}
	jnode_restart(b);
	assert_ok(journal_refresh(t, b->j));
	for (i = 0; i < countof(all); i++)
		assert_int_equal(journal_find(b->j, &all[i]), i + 1);
	assert_same(a, b);
	jnode_free(&a);
	jnode_free(&b);
}

/* -- damage ------------------------------------------------------------- */

static void
spoil(struct rig *r, const char *dir, const char *prefix, const char *suffix)
{
	struct dirent *d;
	DIR *dp;
	int fd;

	dp = opendir(rig_path(r, "%s", dir));
	while ((d = readdir(dp)) != NULL) {
		if (!str_starts(str_c(d->d_name), str_c(prefix)) ||
		    !str_ends(str_c(d->d_name), str_c(suffix)))
			continue;
		fd = open(rig_path(r, "%s/%s", dir, d->d_name), O_WRONLY);
		assert_true(fd >= 0);
		assert_int_equal(pwrite(fd, "X", 1, 1), 1);
		close(fd);
	}
	closedir(dp);
}

static void
relink(struct rig *r, const char *dir, uint64_t seq, const char *text)
{
	char name[SEQ_DIGITS + 1];

	seq_name(seq, name);
	unlink(rig_path(r, "%s/%s", dir, name));
	assert_int_equal(symlink(text, rig_path(r, "%s/%s", dir, name)), 0);
}

TEST(test_damaged_checkpoint)
{
	struct journal_problem *p;
	struct jnode *a, *b;

	make(t, r, &a, &b);
	commit_n(t, a, 4);
	assert_ok(journal_maintain(t, a->j, true));
	commit_n(t, a, 4);
	assert_ok(journal_maintain(t, a->j, true));
	commit_n(t, a, 2);
	spoil(r, "seg", "0000000000000008-", ".words");
	assert_ok(journal_refresh(t, b->j));
	assert_same(a, b);
	assert_ok(journal_check(t, b->j, &p));
	assert_true(p != NULL && p->fatal);
	/* a new one is due at once, and then all is well */
	assert_ok(journal_maintain(t, b->j, false));
	assert_true(rig_has(r, "ckpt", 10));
	jnode_restart(a);
	assert_ok(journal_refresh(t, a->j));
	assert_same(a, b);
	/* the newest two are bad: the third, while log/ reaches back */
	relink(r, "ckpt", 10, "1 x");
	jnode_restart(a);
	assert_ok(journal_refresh(t, a->j));
	assert_same(a, b);
	/* hostile ones, and no way round them */
	rig_lose(r, "log", 1);
	relink(r, "ckpt", 8, "@");
	relink(r, "ckpt", 4, "@1:2:3");
	jnode_restart(a);
	assert_err(journal_refresh(t, a->j), ERR_CORRUPT);
	relink(r, "ckpt", 10,
	    "@18446744073709551615:00:0000000000000010-0.words");
	assert_err(journal_refresh(t, a->j), ERR_CORRUPT);
	assert_err(jnode_commit(t, a, "x"), ERR_CORRUPT);
	jnode_free(&a);
	jnode_free(&b);
}

TEST(test_damaged_entry)
{
	struct journal_problem *p;
	struct jnode *a, *b;
	struct err *e;

	make(t, r, &a, &b);
	commit_n(t, a, 3);
	assert_ok(journal_refresh(t, b->j));
	relink(r, "log", 4, "nonsense");
	assert_ok(journal_refresh(t, b->j));
	assert_err(journal_readonly(t, b->j), ERR_CORRUPT);
	e = jnode_commit(t, b, "x");
	assert_err(e, ERR_READONLY);
	assert_ok(journal_check(t, b->j, &p));
	assert_true(p != NULL && p->fatal);
	jnode_restart(b);
	assert_ok(journal_refresh(t, b->j));
	assert_same(a, b);
	assert_err(journal_readonly(t, b->j), ERR_CORRUPT);
	/* repaired by hand */
	rig_lose(r, "log", 4);
	assert_ok(jnode_commit(t, a, "four"));
	assert_ok(journal_refresh(t, b->j));
	assert_ok(journal_readonly(t, b->j));
	assert_same(a, b);
	/* a hole */
	commit_n(t, a, 2);
	rig_lose(r, "log", 5);
	jnode_restart(b);
	assert_ok(journal_refresh(t, b->j));
	assert_int_equal(journal_head(b->j), 4);
	assert_err(journal_readonly(t, b->j), ERR_CORRUPT);
	jnode_free(&a);
	jnode_free(&b);
}

/* The newest entry is never removed: without it nothing can be verified. */
TEST(test_head_missing)
{
	struct jnode *a, *b;

	make(t, r, &a, &b);
	commit_n(t, a, 3);
	assert_ok(journal_maintain(t, a->j, true));
	rig_lose(r, "log", 3);
	assert_ok(journal_refresh(t, b->j));
	assert_same(a, b);
	assert_err(jnode_commit(t, b, "x"), ERR_READONLY);
	jnode_free(&a);
	jnode_free(&b);
}

/* What a newer version wrote is left alone. */
TEST(test_newer)
{
	struct jnode *a, *b;
	struct record rec = { .seq = 2, .format = 2, .txid = { "x" } };
	struct buf text;

	make(t, r, &a, &b);
	commit_n(t, a, 1);
	rec.prev = *journal_head_txid(a->j);
	buf_init(&text, task_arena(t), 1000);
	record_format(&text, &rec);
	relink(r, "log", 2, buf_cstr(&text));
	assert_err(jnode_commit(t, a, "x"), ERR_READONLY);
	assert_err(journal_readonly(t, a->j), ERR_FORMAT);
	assert_ok(journal_refresh(t, b->j));
	assert_same(a, b);
	assert_err(jnode_commit(t, b, "x"), ERR_READONLY);
	jnode_free(&a);
	jnode_free(&b);
}

TEST(test_purged)
{
	struct journal_entry head;
	struct jnode *a, *b;
	struct err *e;

	make(t, r, &a, &b);
	commit_n(t, a, 2);
	relink(r, "ckpt", RECORD_SEQ_MAX, "purged");
	e = jnode_commit(t, a, "x");
	assert_err(e, ERR_CLOSED);
	assert_true(journal_err_is_verdict(e));
	assert_err(journal_refresh(t, b->j), ERR_CLOSED);
	/* the short way looks at the head alone; what follows is refused */
	err_ignore(journal_peek(t, b->j, &head));
	assert_err(jnode_commit(t, b, "y"), ERR_CLOSED);
	jnode_free(&a);
	jnode_free(&b);
}

/* -- .rec files, background ---------------------------------------------- */

TEST(test_rec_files)
{
	struct jnode *a, *b;
	char *word = arena_alloc(task_arena(t), 5001);
	int fd, i;

	make(t, r, &a, &b);
	memset(word, 'w', 5000);
	assert_ok(jnode_commit(t, a, word));
	assert_int_equal(count_names(r, "seg", ".rec"), 1);
	/* of somebody who died before the SYMLINK */
	fd = open(rig_path(r, "seg/%s", "00112233445566778899aabbccddeeff.rec"),
	    O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	for (i = 0; i < 3; i++) {
		commit_n(t, a, 1);
		assert_ok(journal_maintain(t, a->j, true));
		task_sleep_ms(t, JOURNAL_COLLECT_MS);
		assert_ok(journal_maintain(t, a->j, false));
	}
	/* the entry's went with it; the orphan only after VOID */
	assert_int_equal(count_names(r, "seg", ".rec"), 1);
	task_sleep_ms(t, 3600 * 1000);
	for (i = 0; i < 2; i++) {
		commit_n(t, a, 1);
		assert_ok(journal_maintain(t, a->j, true));
		task_sleep_ms(t, JOURNAL_COLLECT_MS);
		assert_ok(journal_maintain(t, a->j, false));
	}
	assert_int_equal(count_names(r, "seg", ".rec"), 0);
	struct txid x;
	assert_true(txid_parse(STR("00112233445566778899aabbccddeeff"), &x));
	assert_true(journal_is_voided(a->j, &x));
	assert_ok(journal_refresh(t, b->j));
	assert_same(a, b);
	jnode_free(&a);
	jnode_free(&b);
}

/* By itself: after each 8th entry, after ten idle minutes, and what is old
 * goes. */
TEST(test_background)
{
	struct jnode *a, *b;

	make(t, r, &a, &b);
	a->env.no_background = false;
	a->env.ckpt_every = 8;
	commit_n(t, a, 8);
	journal_settle(t, a->j);
	assert_true(rig_has(r, "ckpt", 8));
	commit_n(t, a, 3);
	task_sleep_ms(t, 61 * 1000);
	journal_settle(t, a->j);
	assert_true(journal_may_close(a->j));
	task_sleep_ms(t, JOURNAL_CKPT_IDLE_MS);
	journal_settle(t, a->j);
	assert_true(rig_has(r, "ckpt", 11));
	task_sleep_ms(t, JOURNAL_COLLECT_MS + 60000);
	journal_settle(t, a->j);
	assert_false(rig_has(r, "log", 8));
	assert_true(rig_has(r, "log", 9));
	assert_true(rig_has(r, "log", 11));
	assert_ok(journal_refresh(t, b->j));
	assert_same(a, b);
	jnode_free(&a);
	jnode_free(&b);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		T(test_checkpoint),
		T(test_collect),
		T(test_reader_rule),
		T(test_ckpt_faults),
		T(test_collect_faults),
		T(test_known),
		T(test_damaged_checkpoint),
		T(test_damaged_entry),
		T(test_head_missing),
		T(test_newer),
		T(test_purged),
		T(test_rec_files),
		T(test_background),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
