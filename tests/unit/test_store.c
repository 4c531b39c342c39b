/* test_store.c - making, opening, refusing and checking a share; barriers */
#include "tests/unit/share_rig.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "storage/share/share_id.h"
#include "storage/share/share_private.h"
#include "storage/share/store.h"

#define TEST(name)                                                             \
	static may_yield_unchecked void name##_task(struct task *t,            \
	    struct rig *r);                                                    \
	static void name(void **state)                                         \
	{                                                                      \
		rig_run(*state, name##_task);                                  \
	}                                                                      \
	static void name##_task(struct task *t, struct rig *r)

static char *
path(struct rig *r, const char *name)
{
	static char p[200];

	snprintf(p, sizeof(p), "%s/%s", r->dir, name);
	return p;
}

static void
put(struct rig *r, const char *name, const char *text)
{
	FILE *f = fopen(path(r, name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Over the rig's directory again: store_open_share takes a share over. */
static struct share *
again(struct rig *r)
{
	struct arena *a = arena_new(0);
	struct share *s;

	assert_ok(share_posix_open(a, r->sched, NULL, r->dir, &s));
	arena_free(&a);
	return s;
}

static may_yield_unchecked void
assert_refused(struct task *t, struct rig *r, const unsigned char *uuid,
    enum err_code code, const char *words)
{
	struct store *st = NULL;
	struct err *e = store_open_share(t, again(r), uuid, &st);

	assert_err(e, code);
	assert_null(st);
	if (strstr(e->text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", e->text, words);
}

TEST(test_init_open)
{
	unsigned char uuid[16], other[16] = { 1 };
	struct store *st;
	struct share_attr attr;

	assert_refused(t, r, NULL, ERR_FOREIGN, "is empty");
	assert_int_equal(mkdir(path(r, "lost+found"), 0700), 0);
	assert_refused(t, r, NULL, ERR_FOREIGN, "is empty");
	assert_ok(store_init(t, r->share, BARRIER_REPLY, uuid));
	assert_ok(store_open_share(t, again(r), NULL, &st));
	assert_memory_equal(st->uuid, uuid, 16);
	assert_int_equal(st->profile, BARRIER_REPLY);
	assert_ok(share_walk(t, st->share, SHARE_LANE_ADMIN, STR("accounts"),
	    NULL, &attr));
	assert_int_equal(attr.type, SHARE_DIR);
	store_close(&st);
	assert_ok(store_open_share(t, again(r), uuid, &st));
	store_close(&st);
	assert_refused(t, r, other, ERR_FOREIGN, "another share");
	assert_err(store_init(t, r->share, BARRIER_REPLY, uuid), ERR_DUPLICATE);
}

TEST(test_foreign)
{
	unsigned char uuid[16];

	put(r, "letters.txt", "x");
	assert_refused(t, r, NULL, ERR_FOREIGN, "letters.txt");
	assert_err(store_init(t, r->share, BARRIER_WRITE, uuid), ERR_NOTEMPTY);
	assert_int_equal(unlink(path(r, "letters.txt")), 0);
	put(r, "SHOAL", "something else\n");
	assert_refused(t, r, NULL, ERR_FOREIGN, "not that of a share");
	put(r, "SHOAL", "shoal-share 1\nuuid 01234567\n");
	assert_refused(t, r, NULL, ERR_CORRUPT, "damaged");
	put(r, "SHOAL",
	    "shoal-share 99\nuuid 01234567-89ab-cdef-0123-456789abcdef\n");
	assert_refused(t, r, NULL, ERR_FORMAT, "newer version");
	assert_err(store_init(t, r->share, BARRIER_WRITE, uuid), ERR_DUPLICATE);
}

/* A killed init is no obstacle to the next. */
TEST(test_init_resumed)
{
	unsigned char uuid[16];

	for (unsigned nth = 1;; nth++) {
		struct share_fault_rule rule = { SHARE_FAULT_ANY_PROC,
			SHARE_FAULT_ANY_LANE, NULL, nth, SHARE_FAULT_ALWAYS,
			SHARE_FAULT_BEFORE, ERR_ACCESS, 0, 0, false, false };
		struct err *e;

		share_fault_set(r->fault, &rule, 1);
		e = store_init(t, r->share, BARRIER_WRITE, uuid);
		if (e == NULL)
			break;
		share_fault_set(r->fault, NULL, 0);
		if (access(path(r, "SHOAL"), F_OK) == 0)
			break; /* all that counts was done */
	}
	share_fault_set(r->fault, NULL, 0);
	{
		struct store *st;

		assert_ok(store_open_share(t, again(r), NULL, &st));
		store_close(&st);
	}
}

/* Replies that are lost do no harm. */
TEST(test_init_lost_replies)
{
	struct share_fault_rule rules[] = {
		{ SHARE_LINK, SHARE_FAULT_ANY_LANE, NULL, 1, 1,
		    SHARE_FAULT_LOST, ERR_NONE, 0, 0, false, false },
		{ SHARE_MKDIR, SHARE_FAULT_ANY_LANE, NULL, 1, 2,
		    SHARE_FAULT_LOST, ERR_NONE, 0, 0, false, false },
		{ SHARE_CREATE, SHARE_FAULT_ANY_LANE, NULL, 1, 1,
		    SHARE_FAULT_LOST, ERR_NONE, 0, 0, false, false },
		{ SHARE_WRITE, SHARE_FAULT_ANY_LANE, NULL, 1, 1,
		    SHARE_FAULT_SHORT, ERR_NONE, 7, 0, false, false },
	};
	unsigned char uuid[16];
	struct store *st;

	share_fault_set(r->fault, rules, countof(rules));
	assert_ok(store_init(t, r->share, BARRIER_WRITE, uuid));
	for (unsigned i = 0; i < countof(rules); i++)
		assert_true(share_fault_hits(r->fault, i) > 0);
	assert_ok(store_open_share(t, again(r), uuid, &st));
	store_close(&st);
}

TEST(test_read_only)
{
	static const struct {
		enum err_code code;
		const char *words;
	} cases[] = { { ERR_ROFS, "read-only" }, { ERR_ACCESS, "squash" } };
	unsigned char uuid[16];

	assert_ok(store_init(t, r->share, BARRIER_WRITE, uuid));
	for (unsigned i = 0; i < countof(cases); i++) {
		struct share_fault_rule rule = { SHARE_CREATE,
			SHARE_FAULT_ANY_LANE, NULL, 1, SHARE_FAULT_ALWAYS,
			SHARE_FAULT_BEFORE, cases[i].code, 0, 0, false, false };
		struct share *f = share_fault_new(r->sched, again(r));
		struct store *st;
		struct err *e;

		share_fault_set(f, &rule, 1);
		e = store_open_share(t, f, NULL, &st);
		assert_err(e, cases[i].code);
		assert_non_null(strstr(e->text, cases[i].words));
	}
	{
		/* a full share opens: removing mail is the way out */
		struct share_fault_rule rule = { SHARE_CREATE,
			SHARE_FAULT_ANY_LANE, NULL, 1, SHARE_FAULT_ALWAYS,
			SHARE_FAULT_BEFORE, ERR_NOSPC, 0, 0, false, false };
		struct share *f = share_fault_new(r->sched, again(r));
		struct store *st;

		share_fault_set(f, &rule, 1);
		assert_ok(store_open_share(t, f, NULL, &st));
		store_close(&st);
	}
}

static const struct store_finding *
finding(const struct store_finding *f, const char *name)
{
	for (; f != NULL; f = f->next)
		if (strcmp(f->name, name) == 0)
			return f;
	fail_msg("no finding \"%s\"", name);
	return NULL;
}

TEST(test_check)
{
	static const struct {
		struct share_fault_rule rule;
		const char *finding, *words;
	} cases[] = {
		{ { SHARE_SYMLINK, SHARE_FAULT_ANY_LANE, "0", 2, 1,
		      SHARE_FAULT_BEFORE, ERR_NONE, 0, 0, false, false },
		    "exclusive symlink", "overwrite each other" },
		{ { SHARE_SYMLINK, SHARE_FAULT_ANY_LANE, "long", 1, 1,
		      SHARE_FAULT_BEFORE, ERR_NAMETOOLONG, 0, 0, false, false },
		    "long symlink", "1000 bytes" },
		{ { SHARE_LINK, SHARE_FAULT_ANY_LANE, NULL, 1, 1,
		      SHARE_FAULT_BEFORE, ERR_INVALID, 0, 0, false, false },
		    "hard link", "cannot be made" },
		{ { SHARE_GETATTR, SHARE_FAULT_ANY_LANE, NULL, 3, 1,
		      SHARE_FAULT_BEFORE, ERR_STALE, 0, 0, false, false },
		    "file handles", "survive" },
		{ { SHARE_WRITE, SHARE_FAULT_ANY_LANE, NULL, 12, 9,
		      SHARE_FAULT_DELAY, ERR_NONE, 0, 2000, false, false },
		    "latency", "slow" },
	};
	struct store_finding *f;
	struct share_dirent *d;
	bool ok;

	assert_ok(store_check(t, r->share, &f, &ok));
	for (const struct store_finding *i = f; i != NULL; i = i->next) {
		assert_non_null(i->text);
		/* A small disk under the tests is no failure of ours. */
		if (!i->ok && strcmp(i->name, "space") != 0)
			fail_msg("%s: %s", i->name, i->text);
	}
	for (unsigned i = 0; i < countof(cases); i++) {
		share_fault_set(r->fault, &cases[i].rule, 1);
		assert_ok(store_check(t, r->share, &f, &ok));
		assert_false(ok);
		assert_false(finding(f, cases[i].finding)->ok);
		if (strstr(finding(f, cases[i].finding)->text,
			cases[i].words) == NULL)
			fail_msg("%s: %s", cases[i].finding,
			    finding(f, cases[i].finding)->text);
	}
	share_fault_set(r->fault, NULL, 0);
	/* nothing is left behind */
	assert_ok(share_readdir(t, r->share, SHARE_LANE_ADMIN,
	    share_root(r->share), 10, &d, NULL));
	assert_null(d);
}

static void
test_id(void **state)
{
	struct arena *a = arena_new(0);
	struct share_id id = { 1, { 1, 2, 3, 0xfe }, BARRIER_REPLY,
		1700000000 };
	struct share_id back;
	struct str text = share_id_format(a, &id);

	(void)state;
	assert_true(str_eq_c(text,
	    "shoal-share 1\nuuid 010203fe-0000-0000-0000-000000000000\n"
	    "durability reply\ncreated 2023-11-14T22:13:20Z\n"));
	assert_ok(share_id_parse(a, text, &back));
	assert_memory_equal(back.uuid, id.uuid, 16);
	assert_int_equal(back.profile, BARRIER_REPLY);
	assert_true(back.created_s == id.created_s);
	/* cut anywhere, it never passes as whole */
	for (size_t n = 0;
	     n < text.n - strlen("created 2023-11-14T22:13:20Z\n"); n++)
		assert_non_null(share_id_parse(a, str_sub(text, 0, n), &back));
	arena_free(&a);
}

/* Barriers need a backend whose replies do not mean durable. */
struct batch {
	struct task *t;
	struct barrier *b;
	struct share *s;
	unsigned left;
	enum err_code code[20];
	unsigned n;
};

static may_yield_unchecked void
batch_one(struct task *t, void *arg)
{
	struct batch *b = arg;
	unsigned i = b->n++;

	b->code[i] = err_code(
	    barrier_wait(t, b->b, share_conn(b->s, SHARE_LANE_COMMIT)));
	if (--b->left == 0)
		task_wake(b->t);
}

static may_yield_unchecked void
batch_run(struct task *t, struct rig *r, struct batch *b)
{
	b->t = t;
	b->s = r->share;
	b->n = 0;
	b->left = 20;
	for (unsigned i = 0; i < 20; i++)
		task_start(r->sched, "one", batch_one, b);
	while (b->left > 0)
		task_sleep_ms(t, 10);
}

TEST(test_barrier)
{
	struct share_fault_rule delay = { SHARE_WRITE, SHARE_FAULT_ANY_LANE,
		NULL, 1, SHARE_FAULT_ALWAYS, SHARE_FAULT_DELAY, ERR_NONE, 0, 50,
		false, false };
	struct share_fault_rule lost = { SHARE_WRITE, SHARE_FAULT_ANY_LANE,
		NULL, 1, 1, SHARE_FAULT_LOST, ERR_NONE, 0, 0, true, false };
	struct share_fault_rule full = { SHARE_WRITE, SHARE_FAULT_ANY_LANE,
		NULL, 1, 1, SHARE_FAULT_BEFORE, ERR_NOSPC, 0, 0, false, false };
	struct share_fault_rule stale = { SHARE_WRITE, SHARE_FAULT_ANY_LANE,
		NULL, 1, 1, SHARE_FAULT_BEFORE, ERR_STALE, 0, 0, false, false };
	struct share_counts c;
	struct batch b = { .b = NULL };
	uint64_t conn;

	r->share->durable = false;
	b.b = barrier_new(r->sched, r->share, BARRIER_WRITE);
	conn = share_conn(r->share, SHARE_LANE_COMMIT);
	assert_ok(barrier_wait(t, b.b, conn));
	assert_err(barrier_wait(t, b.b, conn + 7), ERR_CONN);
	/* a LINK and its barrier; the name may be there from an earlier try */
	struct share_fh file;
	assert_ok(share_put(t, r->share, SHARE_LANE_BULK, share_root(r->share),
	    STR("file"), "x", 1, &file));
	for (int i = 0; i < 2; i++)
		assert_ok(barrier_link(t, r->share, b.b, &file,
		    share_root(r->share), STR("link")));
	assert_ok(barrier_link(t, r->share, NULL, &file, share_root(r->share),
	    STR("link")));
	/* the first is sent at once, the second serves all who wait then */
	share_fault_set(r->fault, &delay, 1);
	share_count_reset(r->share);
	batch_run(t, r, &b);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(b.code[i], ERR_NONE);
	share_count_get(r->share, &c);
	assert_int_equal(c.calls[SHARE_WRITE], 2);
	/* an unknown outcome on a connection that is gone */
	share_fault_set(r->fault, &lost, 1);
	assert_err(barrier_wait(t, b.b, conn), ERR_UNKNOWN);
	assert_err(barrier_wait(t, b.b, conn), ERR_CONN);
	conn = share_conn(r->share, SHARE_LANE_COMMIT);
	assert_ok(barrier_wait(t, b.b, conn));
	/* a full disk, a file that was swept */
	share_fault_set(r->fault, &full, 1);
	share_count_reset(r->share);
	assert_ok(barrier_wait(t, b.b, conn));
	share_count_get(r->share, &c);
	assert_int_equal(c.calls[SHARE_COMMIT], 1);
	share_fault_set(r->fault, &stale, 1);
	assert_ok(barrier_wait(t, b.b, conn));
	/* kept ready: one round trip */
	task_sleep_ms(t, 1000);
	share_fault_set(r->fault, NULL, 0);
	share_count_reset(r->share);
	assert_ok(barrier_wait(t, b.b, conn));
	share_count_get(r->share, &c);
	assert_int_equal(c.serial, 1);
	barrier_free(&b.b);
	/* replies that mean durable need none */
	b.b = barrier_new(r->sched, r->share, BARRIER_REPLY);
	share_count_reset(r->share);
	assert_ok(barrier_wait(t, b.b, conn));
	share_count_get(r->share, &c);
	assert_int_equal(c.total, 0);
	barrier_free(&b.b);
}

/* Closed in the middle: waiters and the background task end, nothing is used
 * afterwards (ASan tells). */
TEST(test_barrier_closed)
{
	struct share_fault_rule slow = { SHARE_FAULT_ANY_PROC,
		SHARE_FAULT_ANY_LANE, NULL, 1, SHARE_FAULT_ALWAYS,
		SHARE_FAULT_DELAY, ERR_NONE, 0, 20, false, false };

	for (unsigned ms = 0; ms < 400; ms += 7) {
		struct share *f = share_fault_new(r->sched, again(r));
		struct batch b = { .s = f, .left = 5, .t = t };

		f->durable = false;
		share_fault_set(f, &slow, 1);
		b.b = barrier_new(r->sched, f, BARRIER_WRITE);
		for (unsigned i = 0; i < 5; i++) {
			task_start(r->sched, "one", batch_one, &b);
			task_sleep_ms(t, 3);
		}
		task_sleep_ms(t, ms);
		barrier_free(&b.b);
		share_close(&f);
		while (b.left > 0)
			task_sleep_ms(t, 1);
	}
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = { T(test_init_open), T(test_foreign),
		T(test_init_resumed), T(test_init_lost_replies),
		T(test_read_only), T(test_check), T(test_barrier),
		T(test_barrier_closed), cmocka_unit_test(test_id) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
