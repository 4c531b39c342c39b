/* test_clusterkey.c - the key's file, and the directory it lies in */
#include <sys/stat.h>
#include <sys/wait.h>

#include "storage/clusterkey.h"
#include "storage/localdir.h"
#include "tests/unit/share_rig.h"

static const unsigned char uuid1[16] = { 1, 2, 3 }, uuid2[16] = { 4 };

#define TEST(name)                                                             \
	static void name##_run(struct arena *a, struct rig *r);                \
	static may_yield_unchecked void name##_task(struct task *t,            \
	    struct rig *r)                                                     \
	{                                                                      \
		name##_run(task_arena(t), r);                                  \
	}                                                                      \
	static void name(void **state)                                         \
	{                                                                      \
		rig_run(*state, name##_task);                                  \
	}                                                                      \
	static void name##_run(struct arena *a, struct rig *r)

TEST(test_store_and_load)
{
	unsigned char uuid[16];
	struct clusterkey k, k2, got;
	struct stat sb;
	char *path;

	clusterkey_make(&r->rnd, &k);
	clusterkey_make(&r->rnd, &k2);
	assert_err(clusterkey_load(a, r->dir, uuid1, &got, NULL), ERR_NOENT);
	assert_ok(clusterkey_store(a, r->dir, uuid1, &k));
	path = arena_printf(a, "%s/cluster.key", r->dir);
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0600);
	assert_ok(clusterkey_load(a, r->dir, uuid1, &got, NULL));
	assert_memory_equal(got.key, k.key, 32);
	assert_ok(clusterkey_load(a, r->dir, NULL, &got, uuid));
	assert_memory_equal(uuid, uuid1, 16);
	/* the very same is fine, anything else is not */
	assert_ok(clusterkey_store(a, r->dir, uuid1, &k));
	assert_err(clusterkey_store(a, r->dir, uuid1, &k2), ERR_EXIST);
	assert_err(clusterkey_store(a, r->dir, uuid2, &k), ERR_EXIST);
	assert_err(clusterkey_load(a, r->dir, uuid2, &got, NULL), ERR_FOREIGN);
}

TEST(test_refused)
{
	struct clusterkey k, got;
	struct str text;
	size_t i;
	char *path;

	clusterkey_make(&r->rnd, &k);
	assert_ok(clusterkey_store(a, r->dir, uuid1, &k));
	path = arena_printf(a, "%s/cluster.key", r->dir);
	assert_int_equal(chmod(path, 0640), 0);
	assert_err(clusterkey_load(a, r->dir, uuid1, &got, NULL), ERR_DENIED);
	assert_int_equal(chmod(path, 0600), 0);
	/* every flipped bit, every truncation is seen */
	assert_ok(localdir_get(a, r->dir, "cluster.key", 4096, &text));
	for (i = 0; i < text.n; i++) {
		char *bad = arena_memdup(a, text.p, text.n);

		bad[i] ^= 1;
		assert_ok(
		    localdir_put(a, r->dir, "cluster.key", bad, text.n, false));
		assert_non_null(clusterkey_load(a, r->dir, uuid1, &got, NULL));
		assert_ok(
		    localdir_put(a, r->dir, "cluster.key", text.p, i, false));
		if (i < text.n - 1)
			assert_err(clusterkey_load(a, r->dir, uuid1, &got,
				       NULL),
			    ERR_CORRUPT);
	}
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_err(clusterkey_load(a, r->dir, uuid1, &got, NULL), ERR_DENIED);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_err(clusterkey_load(a, r->dir, uuid1, &got, NULL), ERR_DENIED);
}

TEST(test_derived)
{
	char id1[17], id2[17];
	unsigned char d1[32], d2[32];
	struct clusterkey k, k2;

	(void)a;
	clusterkey_make(&r->rnd, &k);
	clusterkey_make(&r->rnd, &k2);
	clusterkey_id(&k, id1);
	clusterkey_id(&k2, id2);
	assert_string_not_equal(id1, id2);
	assert_int_equal(strlen(id1), 16);
	clusterkey_derive(&k, "one", d1);
	clusterkey_derive(&k, "two", d2);
	assert_memory_not_equal(d1, d2, 32);
	clusterkey_derive(&k2, "one", d2);
	assert_memory_not_equal(d1, d2, 32);
	assert_memory_not_equal(d1, k.key, 32);
}

TEST(test_localdir)
{
	struct str text;
	struct stat sb;
	char *dir, *file;

	dir = arena_printf(a, "%s/local", r->dir);
	assert_err(localdir_check(a, dir, false), ERR_NOENT);
	assert_ok(localdir_check(a, dir, true));
	assert_ok(localdir_check(a, dir, true));
	assert_int_equal(stat(dir, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0700);
	assert_int_equal(chmod(dir, 0770), 0);
	assert_err(localdir_check(a, dir, true), ERR_DENIED);
	file = arena_printf(a, "%s/file", r->dir);
	fclose(fopen(file, "w"));
	assert_err(localdir_check(a, file, false), ERR_NOTDIR);
	assert_ok(localdir_put(a, r->dir, "x", "abc", 3, true));
	assert_err(localdir_put(a, r->dir, "x", "def", 3, true), ERR_EXIST);
	assert_ok(localdir_get(a, r->dir, "x", 3, &text));
	assert_true(str_eq_c(text, "abc"));
	assert_ok(localdir_put(a, r->dir, "x", "defg", 4, false));
	assert_err(localdir_get(a, r->dir, "x", 3, &text), ERR_LIMIT);
	assert_err(localdir_get(a, r->dir, "y", 3, &text), ERR_NOENT);
}

/* A child, because there is no way back. */
TEST(test_become_owner)
{
	char *dir = arena_printf(a, "%s/owned", r->dir);
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	assert_ok(localdir_check(a, dir, true));
	assert_int_equal(chown(dir, 12345, 23456), 0);
	pid = fork();
	if (pid == 0) {
		if (localdir_become_owner(a, dir) != NULL)
			_exit(1);
		_exit(geteuid() == 12345 && getegid() == 23456 &&
			      getuid() == 12345
			  ? 0
			  : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		T(test_store_and_load),
		T(test_refused),
		T(test_derived),
		T(test_localdir),
		T(test_become_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
