/* test_segcache.c - immutable segments on the node's own disk */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/crypto.h"
#include "storage/segcache.h"
#include "tests/unit/share_rig.h"

#define TEST(name)                                                             \
	static may_yield_unchecked void name##_task(struct task *t,            \
	    struct rig *r);                                                    \
	static void name(void **state)                                         \
	{                                                                      \
		rig_run(*state, name##_task);                                  \
	}                                                                      \
	static may_yield_unchecked void name##_task(struct task *t,            \
	    struct rig *r)

struct piece {
	unsigned char sha[32];
	struct str data;
};

static struct piece
piece(struct task *t, char fill, size_t n)
{
	char *p = arena_alloc(task_arena(t), n + 1);
	struct piece x;

	memset(p, fill, n);
	x.data = str_of(p, n);
	crypto_sha256(p, n, x.sha);
	return x;
}

static may_yield_unchecked bool
has(struct task *t, struct segcache *c, const struct piece *x)
{
	struct str got;

	if (!segcache_get(t, c, x->sha, x->data.n, task_arena(t), &got))
		return false;
	assert_true(str_eq(got, x->data));
	return true;
}

static uint64_t
disk_bytes(const char *dir)
{
	char cmd[200];
	uint64_t n = 0;
	FILE *f;

	snprintf(cmd, sizeof(cmd),
	    "find '%s' -type f -printf '%%s\\n' | awk '{n += $1} END "
	    "{print n + 0}'",
	    dir);
	f = popen(cmd, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu", &n), 1);
	pclose(f);
	return n;
}

TEST(test_put_get)
{
	struct segcache *c = segcache_new(NULL, r->dir, 1 << 20);
	struct piece a = piece(t, 'a', 1000), b = piece(t, 'b', 0);
	struct piece big = piece(t, 'c', 1 << 19);
	struct str got;

	assert_false(has(t, c, &a));
	segcache_put(t, c, a.sha, a.data);
	segcache_put(t, c, b.sha, b.data);
	assert_true(has(t, c, &a));
	assert_true(has(t, c, &b));
	/* another size is another thing */
	assert_false(segcache_get(t, c, a.sha, 999, task_arena(t), &got));
	assert_false(
	    segcache_get(t, c, a.sha, UINT64_MAX, task_arena(t), &got));
	/* one that would drive all others out is not taken */
	segcache_put(t, c, big.sha, big.data);
	assert_false(has(t, c, &big));
	segcache_free(&c);
	/* it outlives the process */
	c = segcache_new(NULL, r->dir, 1 << 20);
	segcache_put(t, c, a.sha, a.data);
	assert_true(has(t, c, &a));
	segcache_free(&c);
}

/* What does not have its hash is a miss, and goes. */
TEST(test_damage)
{
	struct segcache *c = segcache_new(NULL, r->dir, 1 << 20);
	struct piece a = piece(t, 'a', 1000);
	char cmd[200];

	segcache_put(t, c, a.sha, a.data);
	snprintf(cmd, sizeof(cmd),
	    "for f in '%s'/*/*; do printf X | dd of=$f bs=1 seek=5 "
	    "conv=notrunc 2>/dev/null; done",
	    r->dir);
	assert_int_equal(system(cmd), 0);
	assert_false(has(t, c, &a));
	assert_int_equal(disk_bytes(r->dir), 0);
	segcache_put(t, c, a.sha, a.data);
	assert_true(has(t, c, &a));
	segcache_free(&c);
}

/* Past the limit the oldest used go first. */
TEST(test_limit)
{
	struct segcache *c = segcache_new(NULL, r->dir, 10000);
	struct piece p[20];
	int i;

	for (i = 0; i < 20; i++) {
		p[i] = piece(t, (char)('a' + i), 1000);
		segcache_put(t, c, p[i].sha, p[i].data);
		/* the first is always in use */
		usleep(2000);
		assert_true(has(t, c, &p[0]));
		assert_true(disk_bytes(r->dir) <= 10000);
	}
	assert_true(has(t, c, &p[19]));
	assert_false(has(t, c, &p[1]));
	segcache_free(&c);
}

/* No directory, no disk: a miss, never an error. */
TEST(test_nowhere)
{
	struct segcache *c = segcache_new(NULL, "/proc/none", 10000);
	struct piece a = piece(t, 'a', 1000);

	(void)r;
	segcache_put(t, c, a.sha, a.data);
	assert_false(has(t, c, &a));
	segcache_free(&c);
	segcache_free(&c);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		T(test_put_get),
		T(test_damage),
		T(test_limit),
		T(test_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
