/* test_share_posix.c - every call on a local directory, and what it refuses */
#include "tests/unit/share_rig.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/loop.h"
#include "base/offload.h"

#define LANE SHARE_LANE_COMMIT
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

TEST(test_files)
{
	const struct share_fh *root = share_root(r->share);
	struct share_attr attr;
	struct share_fh fh, fh2;
	uint32_t count;
	char data[20];
	bool eof;
	uint64_t v1, v2;

	assert_ok(share_create(t, r->share, LANE, root, STR("a"), &fh));
	assert_ok(
	    share_write(t, r->share, LANE, &fh, 0, "hello", 5, true, &v1));
	/* UNCHECKED: a second time is harmless and keeps the bytes */
	assert_ok(share_create(t, r->share, LANE, root, STR("a"), &fh2));
	assert_memory_equal(&fh, &fh2, sizeof(fh));
	assert_ok(
	    share_write(t, r->share, LANE, &fh, 5, " you", 4, false, &v2));
	assert_true(v1 == v2);
	assert_ok(share_commit(t, r->share, LANE, &fh, &v2));
	assert_true(v1 == v2);
	assert_ok(share_lookup(t, r->share, LANE, root, STR("a"), &fh2, &attr));
	assert_int_equal(attr.type, SHARE_REG);
	assert_int_equal(attr.size, 9);
	assert_int_equal(attr.mode, 0600);
	assert_int_equal(attr.nlink, 1);
	assert_ok(share_read(t, r->share, LANE, &fh, 0, data, 5, &count, &eof));
	assert_int_equal(count, 5);
	assert_false(eof);
	assert_ok(
	    share_read(t, r->share, LANE, &fh, 6, data, 20, &count, &eof));
	assert_int_equal(count, 3);
	assert_true(eof);
	assert_memory_equal(data, "you", 3);
	assert_ok(share_link(t, r->share, LANE, &fh, root, STR("b")));
	assert_err(share_link(t, r->share, LANE, &fh, root, STR("b")),
	    ERR_EXIST);
	assert_ok(share_getattr(t, r->share, LANE, &fh, &attr));
	assert_int_equal(attr.nlink, 2);
	assert_ok(
	    share_rename(t, r->share, LANE, root, STR("b"), root, STR("c")));
	assert_err(share_lookup(t, r->share, LANE, root, STR("b"), &fh2, NULL),
	    ERR_NOENT);
	assert_ok(share_remove(t, r->share, LANE, root, STR("a")));
	assert_err(share_getattr(t, r->share, LANE, &fh, &attr), ERR_STALE);
	assert_err(share_remove(t, r->share, LANE, root, STR("a")), ERR_NOENT);
}

TEST(test_symlinks)
{
	const struct share_fh *root = share_root(r->share);
	char text[SHARE_SYMLINK_MAX + 1];
	struct share_fh fh;
	struct str got;
	uint64_t conn = 0;

	memset(text, 'x', sizeof(text));
	assert_ok(share_symlink(t, r->share, LANE, root, STR("1"),
	    str_of(text, SHARE_SYMLINK_MAX), &fh, &conn));
	assert_int_equal(conn, share_conn(r->share, LANE));
	assert_ok(share_readlink(t, r->share, LANE, &fh, &got));
	assert_int_equal(got.n, SHARE_SYMLINK_MAX);
	assert_memory_equal(got.p, text, got.n);
	assert_err(share_symlink(t, r->share, LANE, root, STR("1"),
		       STR("other"), NULL, NULL),
	    ERR_EXIST);
	assert_err(share_symlink(t, r->share, LANE, root, STR("2"),
		       str_of(text, SHARE_SYMLINK_MAX + 1), NULL, NULL),
	    ERR_INVALID);
}

TEST(test_directories)
{
	const struct share_fh *root = share_root(r->share);
	struct share_attr attr, before;
	struct share_dirent *e;
	struct share_fh d, f;
	unsigned n = 0;

	assert_ok(share_mkdir(t, r->share, LANE, root, STR("d"), &d));
	assert_err(share_mkdir(t, r->share, LANE, root, STR("d"), &d),
	    ERR_EXIST);
	assert_ok(share_readdir(t, r->share, LANE, &d, 10, &e, &before));
	assert_null(e);
	for (int i = 0; i < 200; i++) {
		char name[20];

		snprintf(name, sizeof(name), "f%d", i);
		assert_ok(share_create(t, r->share, LANE, &d, str_c(name), &f));
	}
	assert_ok(share_readdirplus(t, r->share, LANE, &d, 200, &e, &attr));
	assert_true(attr.mtime_ns >= before.mtime_ns);
	for (; e != NULL; e = e->next, n++) {
		struct share_attr a;

		assert_non_null(e->fh);
		assert_ok(share_getattr(t, r->share, LANE, e->fh, &a));
		assert_true(a.fileid == e->fileid);
	}
	assert_int_equal(n, 200);
	assert_err(share_readdir(t, r->share, LANE, &d, 199, &e, NULL),
	    ERR_LIMIT);
	assert_err(share_rmdir(t, r->share, LANE, root, STR("d")),
	    ERR_NOTEMPTY);
	assert_err(share_readdir(t, r->share, LANE, &f, 10, &e, NULL),
	    ERR_NOTDIR);
	for (int i = 0; i < 200; i++) {
		char name[20];

		snprintf(name, sizeof(name), "f%d", i);
		assert_ok(share_remove(t, r->share, LANE, &d, str_c(name)));
	}
	assert_ok(share_rmdir(t, r->share, LANE, root, STR("d")));
	assert_err(share_readdir(t, r->share, LANE, &d, 10, &e, NULL),
	    ERR_STALE);
}

TEST(test_fsstat)
{
	struct share_fsstat st;

	assert_ok(share_fsstat(t, r->share, LANE, &st));
	assert_true(st.total_bytes >= st.free_bytes && st.total_bytes > 0);
}

/* A handle must not come to mean what was later put under its path. */
TEST(test_stale)
{
	const struct share_fh *root = share_root(r->share);
	struct share_attr attr;
	struct share_fh d, f;

	assert_ok(share_mkdir_path(t, r->share, LANE, STR("x/y"), &d));
	assert_ok(share_create(t, r->share, LANE, &d, STR("f"), &f));
	assert_int_equal(rename(path(r, "x/y"), "share-test-moved"), 0);
	assert_err(share_getattr(t, r->share, LANE, &f, &attr), ERR_STALE);
	assert_ok(share_mkdir_path(t, r->share, LANE, STR("x/y"), NULL));
	assert_int_equal(close(open(path(r, "x/y/f"), O_CREAT | O_RDWR, 0600)),
	    0);
	assert_err(share_getattr(t, r->share, LANE, &f, &attr), ERR_STALE);
	assert_err(share_getattr(t, r->share, LANE, &d, &attr), ERR_STALE);
	assert_err(share_create(t, r->share, LANE, &d, STR("g"), &f),
	    ERR_STALE);
	assert_int_equal(unlink("share-test-moved/f"), 0);
	assert_int_equal(rmdir("share-test-moved"), 0);
	assert_ok(share_getattr(t, r->share, LANE, root, &attr));
}

/* Whatever lies in the tree, nothing leads out of it. */
TEST(test_escape)
{
	static const char *const names[] = { "", ".", "..", "a/b", "/etc",
		"../x" };
	const struct share_fh *root = share_root(r->share);
	struct share_attr attr;
	struct share_fh fh, sub;
	char text[10];
	uint32_t n;

	for (unsigned i = 0; i < countof(names); i++)
		assert_err(share_lookup(t, r->share, LANE, root,
			       str_c(names[i]), &fh, NULL),
		    ERR_INVALID);
	assert_err(share_lookup(t, r->share, LANE, root, str_of("a\0b", 3), &fh,
		       NULL),
	    ERR_INVALID);
	assert_int_equal(symlink("/etc", path(r, "out")), 0);
	assert_ok(
	    share_lookup(t, r->share, LANE, root, STR("out"), &fh, &attr));
	assert_int_equal(attr.type, SHARE_LNK);
	assert_err(share_lookup(t, r->share, LANE, &fh, STR("passwd"), &sub,
		       NULL),
	    ERR_NOTDIR);
	assert_err(share_create(t, r->share, LANE, root, STR("out"), &sub),
	    ERR_EXIST);
	assert_err(share_read(t, r->share, LANE, &fh, 0, text, 5, &n, NULL),
	    ERR_INVALID);
	assert_int_equal(mkfifo(path(r, "fifo"), 0600), 0);
	assert_ok(
	    share_lookup(t, r->share, LANE, root, STR("fifo"), &fh, &attr));
	assert_int_equal(attr.type, SHARE_OTHER);
	assert_err(share_read(t, r->share, LANE, &fh, 0, text, 5, &n, NULL),
	    ERR_INVALID);
	/* a directory swapped for a symlink after its handle was taken */
	assert_ok(share_mkdir(t, r->share, LANE, root, STR("d"), &fh));
	assert_int_equal(rmdir(path(r, "d")), 0);
	assert_int_equal(symlink("/", path(r, "d")), 0);
	assert_err(share_lookup(t, r->share, LANE, &fh, STR("etc"), &sub, NULL),
	    ERR_STALE);
}

TEST(test_pin)
{
	struct share_op op = { .proc = SHARE_GETATTR,
		.fh = *share_root(r->share),
		.pin = 99 };

	share_start(t, r->share, &op);
	assert_err(share_finish(t, &op), ERR_CONN);
	assert_int_equal(op.conn, 0);
	op.pin = share_conn(r->share, LANE);
	share_start(t, r->share, &op);
	assert_ok(share_finish(t, &op));
	assert_int_equal(op.conn, op.pin);
}

static void
test_network_fs(void **state)
{
	(void)state;
	assert_true(share_posix_is_network(0x6969));
	assert_true(share_posix_is_network(0xff534d42));
	assert_true(share_posix_is_network(0xffffffffff534d42));
	assert_false(share_posix_is_network(0xef53));
	assert_false(share_posix_is_network(0x01021994));
}

/* With threads: many calls at once, and a share closed while some run. */
struct pooled {
	struct share *share;
	struct share_op ops[40];
	struct share_fh fh;
};

static may_yield_unchecked void
pooled_task(struct task *t, void *arg)
{
	struct pooled *p = arg;
	struct share_fh fh;
	char names[40][16];

	for (int i = 0; i < 40; i++) {
		snprintf(names[i], sizeof(names[i]), "n%d", i);
		p->ops[i] = (struct share_op){ .proc = SHARE_CREATE,
			.fh = *share_root(p->share),
			.name = str_c(names[i]),
			.mode = 0600 };
		share_start(t, p->share, &p->ops[i]);
	}
	for (int i = 0; i < 40; i++)
		assert_ok(share_finish(t, &p->ops[i]));
	for (int i = 0; i < 40; i++)
		assert_ok(share_lookup(t, p->share, LANE, share_root(p->share),
		    str_c(names[i]), &fh, NULL));
	for (int i = 0; i < 40; i++) {
		p->ops[i] = (struct share_op){ .proc = SHARE_REMOVE,
			.fh = *share_root(p->share),
			.name = str_c(names[i]) };
		share_start(t, p->share, &p->ops[i]);
	}
	share_close(&p->share);
	for (int i = 0; i < 40; i++)
		assert_err(share_finish(t, &p->ops[i]), ERR_UNKNOWN);
}

static void
test_pool(void **state)
{
	struct rig *r = *state;
	struct loop *l = loop_new(&clock_system, &rnd_system);
	struct offload *o = offload_new(l, 3);
	struct arena *a = arena_new(0);
	struct pooled *p = xcalloc(1, sizeof(*p));

	assert_ok(share_posix_open(a, loop_sched(l), o, r->dir, &p->share));
	loop_run_task(l, "pooled", pooled_task, p);
	offload_free(&o);
	loop_free(&l);
	arena_free(&a);
	free(p);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = { T(test_files), T(test_symlinks),
		T(test_directories), T(test_fsstat), T(test_stale),
		T(test_escape), T(test_pin), T(test_pool),
		cmocka_unit_test(test_network_fs) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
