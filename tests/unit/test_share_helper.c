/* test_share_helper.c - put, get, stream, mkdir -p under faults; the wrappers
 */
#include "tests/unit/share_rig.h"

#define LANE SHARE_LANE_BULK
#define TEST(name)                                                             \
	static may_yield_unchecked void name##_task(struct task *t,            \
	    struct rig *r);                                                    \
	static void name(void **state)                                         \
	{                                                                      \
		rig_run(*state, name##_task);                                  \
	}                                                                      \
	static void name##_task(struct task *t, struct rig *r)

static const size_t sizes[] = { 0, 1, 4096, SHARE_ONE_WRITE_MAX,
	SHARE_ONE_WRITE_MAX + 1, 3 * SHARE_ONE_WRITE_MAX + 77,
	5 * SHARE_READ_MAX + 3 };

static may_yield_unchecked void
assert_file(struct task *t, struct rig *r, const char *name, const void *data,
    size_t n)
{
	struct str back;

	assert_ok(share_get(t, r->share, LANE, share_root(r->share),
	    str_c(name), n, task_arena(t), &back));
	assert_int_equal(back.n, n);
	assert_memory_equal(back.p, data, n);
}

/* Calls and round trips of DESIGN 12. */
TEST(test_put_get)
{
	const struct share_fh *root = share_root(r->share);
	size_t max = sizes[countof(sizes) - 1];
	char *data = arena_alloc(task_arena(t), max);

	task_random(t, data, max);
	for (unsigned i = 0; i < countof(sizes); i++) {
		size_t n = sizes[i];
		uint64_t parts =
		    (n + SHARE_ONE_WRITE_MAX - 1) / SHARE_ONE_WRITE_MAX;
		struct share_counts c;

		share_count_reset(r->share);
		assert_ok(share_put(t, r->share, LANE, root, STR("f"), data, n,
		    NULL));
		share_count_get(r->share, &c);
		assert_int_equal(c.bytes_written, n);
		if (n <= SHARE_ONE_WRITE_MAX) {
			assert_int_equal(c.total, 2);
			assert_int_equal(c.serial, 2);
		} else {
			assert_int_equal(c.total, parts + 2);
		}
		share_count_reset(r->share);
		assert_file(t, r, "f", data, n);
		share_count_get(r->share, &c);
		assert_int_equal(c.calls[SHARE_LOOKUP], 1);
		assert_int_equal(c.bytes_read, n);
		if (n > 0)
			assert_err(share_get(t, r->share, LANE, root, STR("f"),
				       n - 1, task_arena(t),
				       &(struct str){ 0 }),
			    ERR_LIMIT);
		assert_ok(
		    share_remove_quiet(t, r->share, LANE, root, STR("f")));
		assert_ok(
		    share_remove_quiet(t, r->share, LANE, root, STR("f")));
	}
}

/*
 * Every call of a put goes wrong once, in every way that is not a verdict: the
 * file is whole at the end, or it failed and says so.
 */
static may_yield_unchecked void
put_under(struct task *t, struct rig *r, size_t n, const char *data,
    enum share_fault_kind kind, enum err_code code)
{
	struct share_fault_rule rule = { .proc = SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.kind = kind,
		.code = code,
		.length = 1000,
		.delay_ms = 30,
		.reconnect = code != ERR_IO };
	unsigned calls;

	share_fault_set(r->fault, NULL, 0);
	assert_ok(share_put(t, r->share, LANE, share_root(r->share), STR("f"),
	    data, n, NULL));
	calls = share_fault_calls(r->fault);
	for (rule.nth = 1; rule.nth <= calls; rule.nth++) {
		struct arena_mark m = arena_mark(task_arena(t));

		assert_ok(share_remove_quiet(t, r->share, LANE,
		    share_root(r->share), STR("f")));
		share_fault_set(r->fault, &rule, 1);
		assert_ok(share_put(t, r->share, LANE, share_root(r->share),
		    STR("f"), data, n, NULL));
		assert_int_equal(share_fault_hits(r->fault, 0), 1);
		share_fault_set(r->fault, NULL, 0);
		assert_file(t, r, "f", data, n);
		arena_rewind(task_arena(t), m);
	}
	assert_ok(share_remove_quiet(t, r->share, LANE, share_root(r->share),
	    STR("f")));
}

static const struct {
	enum share_fault_kind kind;
	enum err_code code;
} fault_kinds[] = {
	{ SHARE_FAULT_BEFORE, ERR_UNKNOWN },
	{ SHARE_FAULT_BEFORE, ERR_CONN },
	{ SHARE_FAULT_BEFORE, ERR_IO },
	{ SHARE_FAULT_AFTER, ERR_IO },
	{ SHARE_FAULT_LOST, ERR_UNKNOWN },
	{ SHARE_FAULT_TWICE, ERR_NONE },
	{ SHARE_FAULT_SHORT, ERR_NONE },
	{ SHARE_FAULT_DELAY, ERR_NONE },
	{ SHARE_FAULT_LATE, ERR_UNKNOWN },
};

TEST(test_put_faults)
{
	size_t n = 2 * SHARE_ONE_WRITE_MAX + 5;
	char *data = arena_alloc(task_arena(t), n);

	task_random(t, data, n);
	for (unsigned i = 0; i < countof(fault_kinds); i++) {
		put_under(t, r, 5000, data, fault_kinds[i].kind,
		    fault_kinds[i].code);
		put_under(t, r, n, data, fault_kinds[i].kind,
		    fault_kinds[i].code);
	}
}

/* Verdicts are not repeated. */
TEST(test_put_verdicts)
{
	static const enum err_code codes[] = { ERR_NOSPC, ERR_DQUOT, ERR_ROFS,
		ERR_ACCESS, ERR_UNAVAIL, ERR_FOREIGN };

	for (unsigned i = 0; i < countof(codes); i++) {
		struct share_fault_rule rule = { SHARE_WRITE,
			SHARE_FAULT_ANY_LANE, NULL, 1, SHARE_FAULT_ALWAYS,
			SHARE_FAULT_BEFORE, codes[i], 0, 0, false, false };

		share_fault_set(r->fault, &rule, 1);
		assert_err(share_put(t, r->share, LANE, share_root(r->share),
			       STR("f"), "x", 1, NULL),
		    codes[i]);
		assert_int_equal(share_fault_hits(r->fault, 0), 1);
	}
	/* and what never gets better ends */
	{
		struct share_fault_rule rule = { SHARE_WRITE,
			SHARE_FAULT_ANY_LANE, NULL, 1, SHARE_FAULT_ALWAYS,
			SHARE_FAULT_LOST, ERR_NONE, 0, 0, false, false };

		share_fault_set(r->fault, &rule, 1);
		assert_err(share_put(t, r->share, LANE, share_root(r->share),
			       STR("f"), "x", 1, NULL),
		    ERR_UNKNOWN);
		assert_int_equal(share_fault_hits(r->fault, 0),
		    SHARE_PUT_TRIES);
		/* the deadline ends it sooner */
		share_fault_set(r->fault, &rule, 1);
		task_set_deadline(t, task_now_ms(t));
		assert_err(share_put(t, r->share, LANE, share_root(r->share),
			       STR("f"), "x", 1, NULL),
		    ERR_UNKNOWN);
		assert_int_equal(share_fault_hits(r->fault, 0), 1);
		task_set_deadline(t, 0);
	}
}

/* A server that restarts between WRITEs has forgotten the first ones. */
TEST(test_verifier)
{
	size_t n = 3 * SHARE_ONE_WRITE_MAX;
	char *data = arena_alloc(task_arena(t), n);
	struct share_fault_rule rule = { SHARE_FAULT_ANY_PROC,
		SHARE_FAULT_ANY_LANE, NULL, 1, 1, SHARE_FAULT_DELAY, ERR_NONE,
		0, 0, true, true };
	struct share_stream *st;

	/* put writes everything again; CREATE 1, WRITE 2-4, COMMIT 5 */
	for (rule.nth = 2; rule.nth <= 5; rule.nth++) {
		struct share_counts c;

		share_fault_set(r->fault, &rule, 1);
		share_count_reset(r->share);
		assert_ok(share_put(t, r->share, LANE, share_root(r->share),
		    STR("f"), data, n, NULL));
		share_count_get(r->share, &c);
		/* the first WRITE's verifier is nobody's but its own */
		if (rule.nth > 2)
			assert_int_equal(c.calls[SHARE_CREATE], 2);
	}
	/* a stream cannot, unless nothing was sent before */
	for (rule.nth = 2; rule.nth <= 5; rule.nth++) {
		struct err *e;

		share_fault_set(r->fault, &rule, 1);
		assert_ok(share_stream_open(t, r->share, LANE,
		    share_root(r->share), STR("s"), &st));
		e = share_stream_add(t, st, data, n);
		if (e != NULL) {
			assert_err(e, ERR_UNKNOWN);
			share_stream_abort(&st);
			continue;
		}
		e = share_stream_close(t, &st, NULL, NULL);
		assert_err(e, rule.nth == 2 ? ERR_NONE : ERR_UNKNOWN);
		assert_null(st);
	}
}

TEST(test_stream)
{
	size_t max = sizes[countof(sizes) - 1];
	char *data = arena_alloc(task_arena(t), max);
	static const size_t steps[] = { 1000, 65536, SHARE_ONE_WRITE_MAX,
		2 * SHARE_READ_MAX };

	task_random(t, data, max);
	for (unsigned i = 0; i < countof(sizes); i++)
		for (unsigned k = 0; k < countof(steps); k++) {
			struct share_stream *st;
			struct share_counts c;
			uint64_t size;
			struct share_fh fh;

			share_count_reset(r->share);
			assert_ok(share_stream_open(t, r->share, LANE,
			    share_root(r->share), STR("s"), &st));
			for (size_t at = 0; at < sizes[i]; at += steps[k]) {
				size_t n = sizes[i] - at;

				assert_ok(share_stream_add(t, st, data + at,
				    n < steps[k] ? n : steps[k]));
			}
			assert_ok(share_stream_close(t, &st, &fh, &size));
			assert_int_equal(size, sizes[i]);
			share_count_get(r->share, &c);
			/* never more than CREATE and one WRITE at once */
			assert_true(c.most_under_way <= 2);
			if (sizes[i] <= SHARE_ONE_WRITE_MAX)
				assert_int_equal(c.total, 2);
			assert_file(t, r, "s", data, sizes[i]);
			assert_ok(share_remove_quiet(t, r->share, LANE,
			    share_root(r->share), STR("s")));
		}
}

TEST(test_stream_faults)
{
	size_t n = 2 * SHARE_ONE_WRITE_MAX + 5;
	char *data = arena_alloc(task_arena(t), n);

	task_random(t, data, n);
	for (unsigned i = 0; i < countof(fault_kinds); i++) {
		struct share_fault_rule rule = { .proc = SHARE_FAULT_ANY_PROC,
			.lane = SHARE_FAULT_ANY_LANE,
			.kind = fault_kinds[i].kind,
			.code = fault_kinds[i].code,
			.length = 1000,
			.delay_ms = 30 };

		for (rule.nth = 1; rule.nth <= 5; rule.nth++) {
			struct share_stream *st;

			share_fault_set(r->fault, &rule, 1);
			assert_ok(share_stream_open(t, r->share, LANE,
			    share_root(r->share), STR("s"), &st));
			assert_ok(share_stream_add(t, st, data, n));
			assert_ok(share_stream_close(t, &st, NULL, NULL));
			assert_int_equal(share_fault_hits(r->fault, 0), 1);
			share_fault_set(r->fault, NULL, 0);
			assert_file(t, r, "s", data, n);
			assert_ok(share_remove_quiet(t, r->share, LANE,
			    share_root(r->share), STR("s")));
		}
	}
}

/* Bytes among the first can be changed until the end, and it costs nothing. */
TEST(test_stream_patch)
{
	size_t one = SHARE_ONE_WRITE_MAX, max = 3 * one + 100;
	char *data = arena_alloc(task_arena(t), max);
	static const struct {
		size_t n;	/* added before */
		size_t rest;	/* and after */
		size_t at, len; /* patched in between */
		enum err_code code;
		unsigned writes;
	} table[] = {
		{ 100, 0, 0, 10, ERR_NONE, 1 },
		{ 100, 900, 90, 10, ERR_NONE, 1 },
		{ 100, 900, 91, 10, ERR_LIMIT, 1 },
		{ 100, 900, 101, 0, ERR_LIMIT, 1 },
		{ SHARE_ONE_WRITE_MAX, 0, 0, SHARE_ONE_WRITE_MAX, ERR_NONE, 1 },
		{ SHARE_ONE_WRITE_MAX + 1, 0, 0, 10, ERR_NONE, 2 },
		{ SHARE_ONE_WRITE_MAX + 100, 0, SHARE_ONE_WRITE_MAX - 5, 5,
		    ERR_NONE, 2 },
		{ SHARE_ONE_WRITE_MAX + 100, 0, SHARE_ONE_WRITE_MAX - 5, 6,
		    ERR_LIMIT, 2 },
		{ 2 * SHARE_ONE_WRITE_MAX + 5, SHARE_ONE_WRITE_MAX, 0,
		    SHARE_ONE_WRITE_MAX, ERR_NONE, 4 },
		{ 2 * SHARE_ONE_WRITE_MAX + 5, 0, SHARE_ONE_WRITE_MAX, 1,
		    ERR_LIMIT, 3 },
	};

	for (unsigned i = 0; i < countof(table); i++) {
		size_t all = table[i].n + table[i].rest;
		char *patch = arena_alloc(task_arena(t), max);
		struct share_stream *st;
		struct share_counts c;

		task_random(t, data, max);
		task_random(t, patch, max);
		share_count_reset(r->share);
		assert_ok(share_stream_open(t, r->share, LANE,
		    share_root(r->share), STR("s"), &st));
		assert_ok(share_stream_add(t, st, data, table[i].n));
		assert_err(share_stream_patch(t, st, table[i].at, patch,
			       table[i].len),
		    table[i].code);
		assert_ok(
		    share_stream_add(t, st, data + table[i].n, table[i].rest));
		assert_ok(share_stream_close(t, &st, NULL, NULL));
		if (table[i].code == ERR_NONE)
			memcpy(data + table[i].at, patch, table[i].len);
		assert_file(t, r, "s", data, all);
		share_count_get(r->share, &c);
		if (c.calls[SHARE_WRITE] != table[i].writes)
			fail_msg("case %u: %u writes", i,
			    (unsigned)c.calls[SHARE_WRITE]);
		assert_ok(share_remove_quiet(t, r->share, LANE,
		    share_root(r->share), STR("s")));
	}
}

/* Aborted while its calls are under way; the task may even end first. */
TEST(test_stream_abort)
{
	struct share_fault_rule slow = { SHARE_FAULT_ANY_PROC,
		SHARE_FAULT_ANY_LANE, NULL, 1, SHARE_FAULT_ALWAYS,
		SHARE_FAULT_DELAY, ERR_NONE, 0, 500, false, false };
	char *data = arena_alloc(task_arena(t), 3 * SHARE_ONE_WRITE_MAX);

	share_fault_set(r->fault, &slow, 1);
	for (size_t n = 0; n <= 3; n++) {
		struct share_stream *st;

		assert_ok(share_stream_open(t, r->share, LANE,
		    share_root(r->share), STR("s"), &st));
		assert_ok(
		    share_stream_add(t, st, data, n * SHARE_ONE_WRITE_MAX));
		share_stream_abort(&st);
		assert_null(st);
	}
	share_stream_abort(&(struct share_stream *){ NULL });
}

TEST(test_mkdir_path)
{
	struct share_fault_rule rule = { .proc = SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE };
	struct share_attr attr;
	struct share_counts c;
	struct share_fh a, b;

	share_count_reset(r->share);
	assert_ok(share_mkdir_path(t, r->share, LANE, STR("a/b//c/"), &a));
	share_count_get(r->share, &c);
	assert_int_equal(c.total, 6);
	assert_ok(share_walk(t, r->share, LANE, STR("/a/b/c"), &b, &attr));
	assert_memory_equal(a.data, b.data, a.n);
	assert_int_equal(attr.type, SHARE_DIR);
	assert_ok(share_mkdir_path(t, r->share, LANE, STR("a/b/c"), NULL));
	assert_ok(share_walk(t, r->share, LANE, STR(""), &b, &attr));
	assert_int_equal(attr.type, SHARE_DIR);
	assert_err(share_walk(t, r->share, LANE, STR("a/x/c"), &b, NULL),
	    ERR_NOENT);
	assert_ok(share_create(t, r->share, LANE, &a, STR("f"), NULL));
	assert_err(share_mkdir_path(t, r->share, LANE, STR("a/b/c/f/g"), &a),
	    ERR_NOTDIR);
	for (unsigned i = 0; i < countof(fault_kinds); i++)
		for (rule.nth = 1; rule.nth <= 6; rule.nth++) {
			char path[30];

			rule.kind = fault_kinds[i].kind;
			rule.code = fault_kinds[i].code;
			snprintf(path, sizeof(path), "t%u/%u/x", i, rule.nth);
			share_fault_set(r->fault, &rule, 1);
			assert_ok(share_mkdir_path(t, r->share, LANE,
			    str_c(path), NULL));
		}
}

/* Depth of causality, not number of calls. */
TEST(test_count)
{
	struct share_op ops[3];
	struct share_counts c;
	struct share_attr attr;

	share_count_reset(r->share);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 3; i++) {
			ops[i] = (struct share_op){ .proc = SHARE_GETATTR,
				.lane = SHARE_LANE_LEASE,
				.fh = *share_root(r->share) };
		}
		/* posix without threads ends each at once; fault keeps them
		 * under way */
		share_fault_set(r->fault,
		    &(struct share_fault_rule){ .proc = SHARE_GETATTR,
			.lane = SHARE_FAULT_ANY_LANE,
			.times = SHARE_FAULT_ALWAYS,
			.kind = SHARE_FAULT_DELAY,
			.delay_ms = 5 },
		    1);
		for (int i = 0; i < 3; i++)
			share_start(t, r->share, &ops[i]);
		for (int i = 0; i < 3; i++)
			assert_ok(share_finish(t, &ops[i]));
	}
	share_fault_set(r->fault, NULL, 0);
	assert_err(share_lookup(t, r->share, LANE, share_root(r->share),
		       STR("x"), &(struct share_fh){ 0 }, &attr),
	    ERR_NOENT);
	share_count_get(r->share, &c);
	assert_int_equal(c.total, 7);
	assert_int_equal(c.serial, 3);
	assert_int_equal(c.calls[SHARE_GETATTR], 6);
	assert_int_equal(c.lane_calls[SHARE_LANE_LEASE], 6);
	assert_int_equal(c.lane_calls[LANE], 1);
	assert_int_equal(c.failed, 0);
	assert_int_equal(c.most_under_way, 3);
	assert_int_equal(c.under_way, 0);
	share_count_reset(r->share);
	share_count_get(r->share, &c);
	assert_int_equal(c.total, 0);
}

/* What each kind of fault does to an exclusive SYMLINK. */
TEST(test_fault_kinds)
{
	static const struct {
		struct share_fault_rule rule;
		enum err_code first, second;
	} cases[] = {
		{ { .kind = SHARE_FAULT_BEFORE, .code = ERR_IO }, ERR_IO,
		    ERR_NONE },
		{ { .kind = SHARE_FAULT_AFTER, .code = ERR_IO }, ERR_IO,
		    ERR_EXIST },
		{ { .kind = SHARE_FAULT_LOST }, ERR_UNKNOWN, ERR_EXIST },
		{ { .kind = SHARE_FAULT_TWICE }, ERR_EXIST, ERR_EXIST },
		{ { .kind = SHARE_FAULT_DELAY, .delay_ms = 100 }, ERR_NONE,
		    ERR_EXIST },
		/* executed only after the second one was */
		{ { .kind = SHARE_FAULT_LATE, .delay_ms = 100 }, ERR_UNKNOWN,
		    ERR_NONE },
		{ { .kind = SHARE_FAULT_BEFORE, .code = ERR_NONE }, ERR_NONE,
		    ERR_NONE },
	};

	for (unsigned i = 0; i < countof(cases); i++) {
		struct share_fault_rule rule = cases[i].rule;
		uint64_t conn = share_conn(r->share, LANE), sent;
		char name[10];
		struct err *e;

		rule.proc = SHARE_SYMLINK;
		rule.lane = SHARE_FAULT_ANY_LANE;
		rule.name = "n";
		rule.reconnect = i == 2;
		snprintf(name, sizeof(name), "n%u", i);
		share_fault_set(r->fault, &rule, 1);
		e = share_symlink(t, r->share, LANE, share_root(r->share),
		    str_c(name), STR("x"), NULL, &sent);
		assert_err(e, cases[i].first);
		assert_int_equal(sent, conn);
		e = share_symlink(t, r->share, LANE, share_root(r->share),
		    str_c(name), STR("x"), NULL, &sent);
		assert_err(e, cases[i].second);
		assert_int_equal(sent, conn + (i == 2));
		task_sleep_ms(t, 200);
	}
}

/* A directory that changes while it is listed is listed again. */
TEST(test_readdir_again)
{
	struct share_fault_rule rule = { SHARE_READDIR, SHARE_FAULT_ANY_LANE,
		NULL, 1, 2, SHARE_FAULT_BEFORE, ERR_CONFLICT, 0, 0, false,
		false };
	struct share_dirent *d;

	assert_ok(share_mkdir_path(t, r->share, LANE, STR("a"), NULL));
	share_fault_set(r->fault, &rule, 1);
	assert_ok(share_readdir(t, r->share, LANE, share_root(r->share), 10, &d,
	    NULL));
	assert_true(str_eq(d->name, STR("a")));
	assert_int_equal(share_fault_hits(r->fault, 0), 2);
}

static void
test_predicates(void **state)
{
	static const struct {
		enum err_code code;
		bool unknown, temporary;
	} cases[] = { { ERR_UNKNOWN, true, true }, { ERR_IO, true, true },
		{ ERR_UNAVAIL, false, true }, { ERR_CONN, false, true },
		{ ERR_NOSPC, false, true }, { ERR_DQUOT, false, true },
		{ ERR_EXIST, false, false }, { ERR_NOENT, false, false },
		{ ERR_FOREIGN, false, false }, { ERR_STALE, false, false } };

	(void)state;
	assert_false(share_err_is_unknown(NULL));
	assert_false(share_err_is_temporary(NULL));
	for (unsigned i = 0; i < countof(cases); i++) {
		struct err e = { cases[i].code, "", NULL };

		assert_int_equal(share_err_is_unknown(&e), cases[i].unknown);
		assert_int_equal(share_err_is_temporary(&e),
		    cases[i].temporary);
	}
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = { T(test_put_get), T(test_put_faults),
		T(test_put_verdicts), T(test_verifier), T(test_stream),
		T(test_stream_faults), T(test_stream_patch),
		T(test_stream_abort), T(test_mkdir_path), T(test_count),
		T(test_fault_kinds), T(test_readdir_again),
		cmocka_unit_test(test_predicates) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
