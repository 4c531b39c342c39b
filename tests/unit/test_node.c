/* test_node.c - the identity in a real local directory */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "locking/node.h"

struct dir {
	char path[64];
	struct arena *a;
};

static int
setup(void **state)
{
	struct dir *d = xcalloc(1, sizeof(*d));

	snprintf(d->path, sizeof(d->path), "node-test.XXXXXX");
	assert_non_null(mkdtemp(d->path));
	d->a = arena_new(0);
	*state = d;
	return 0;
}

static int
teardown(void **state)
{
	struct dir *d = *state;
	char cmd[200];

	snprintf(cmd, sizeof(cmd), "rm -rf '%s' '%s.copy'", d->path, d->path);
	assert_int_equal(system(cmd), 0);
	arena_free(&d->a);
	free(d);
	return 0;
}

static enum err_code
opened(struct dir *d, const char *path, struct node **n_r)
{
	struct node_local l = node_local_dir(path);
	struct err *e = node_open(d->a, &l, &rnd_system, n_r);

	if (e != NULL)
		assert_true(e->text[0] != '\0');
	return err_code(e);
}

static const char *
file(struct dir *d, const char *name)
{
	return arena_printf(d->a, "%s/%s", d->path, name);
}

static void
put(struct dir *d, const char *name, const char *text)
{
	FILE *f = fopen(file(d, name), "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void
test_open(void **state)
{
	struct dir *d = *state;
	struct node *n, *m;
	struct stat st;
	char *id;

	assert_int_equal(opened(d, d->path, &n), ERR_NONE);
	assert_true(node_id_is_valid(str_c(node_id(n))));
	assert_int_equal(strlen(node_boot_id(n)), 36);
	id = arena_strdup(d->a, node_id(n));
	assert_int_equal(stat(file(d, NODE_LOCK_FILE), &st), 0);
	assert_true(node_lock_dev(n) == st.st_dev);
	assert_true(node_lock_ino(n) == st.st_ino);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* a second process on the same directory */
	assert_int_equal(opened(d, d->path, &m), ERR_CONFLICT);
	/* the same identity ever after */
	node_close(&n);
	assert_null(n);
	node_close(&n);
	assert_int_equal(opened(d, d->path, &n), ERR_NONE);
	assert_string_equal(node_id(n), id);
	node_close(&n);
}

/* A copy has the id, but not the lock. */
static void
test_copy(void **state)
{
	struct dir *d = *state;
	char *copy = arena_printf(d->a, "%s.copy", d->path);
	struct node *n, *m;

	assert_int_equal(opened(d, d->path, &n), ERR_NONE);
	assert_int_equal(system(arena_printf(d->a, "cp -a '%s' '%s'", d->path,
			     copy)),
	    0);
	assert_int_equal(opened(d, copy, &m), ERR_NONE);
	assert_string_equal(node_id(n), node_id(m));
	assert_true(node_lock_ino(n) != node_lock_ino(m));
	node_close(&n);
	node_close(&m);
}

/* The lock file replaced under a running process: the lock follows the file,
 * and with it the proof of death. */
static void
test_replaced(void **state)
{
	struct dir *d = *state;
	struct node *n, *m;

	assert_int_equal(opened(d, d->path, &n), ERR_NONE);
	assert_int_equal(unlink(file(d, NODE_LOCK_FILE)), 0);
	assert_int_equal(opened(d, d->path, &m), ERR_NONE);
	assert_true(node_lock_ino(n) != node_lock_ino(m));
	node_close(&n);
	node_close(&m);
}

static void
test_damage(void **state)
{
	static const char *const bad[] = { "", "shoal-node 1\n",
		"shoal-node 1\nid 0123456789abcde\n",
		"shoal-node 1\nid 0123456789abcdeg\n",
		"shoal-node 1\nid 0123456789abcdef",
		"shoal-node 1\nid 0123456789abcdef\n\n",
		"shoal-node 2\nid 0123456789abcdef\n" };
	struct dir *d = *state;
	struct node *n;

	for (unsigned i = 0; i < countof(bad); i++) {
		put(d, NODE_ID_FILE, bad[i]);
		if (opened(d, d->path, &n) != ERR_CORRUPT)
			fail_msg("text %u", i);
	}
	put(d, NODE_ID_FILE, "shoal-node 1\nid 0123456789abcdef\n");
	assert_int_equal(opened(d, d->path, &n), ERR_NONE);
	assert_string_equal(node_id(n), "0123456789abcdef");
	node_close(&n);
	/* something else in the place of the files */
	assert_int_equal(unlink(file(d, NODE_LOCK_FILE)), 0);
	assert_int_equal(symlink(NODE_ID_FILE, file(d, NODE_LOCK_FILE)), 0);
	assert_true(opened(d, d->path, &n) != ERR_NONE);
	assert_int_equal(unlink(file(d, NODE_LOCK_FILE)), 0);
	assert_int_equal(unlink(file(d, NODE_ID_FILE)), 0);
	assert_int_equal(mkdir(file(d, NODE_ID_FILE), 0700), 0);
	assert_true(opened(d, d->path, &n) != ERR_NONE);
	assert_true(opened(d, file(d, "nowhere"), &n) == ERR_NOENT);
}

static void
test_ids(void **state)
{
	(void)state;
	assert_true(node_id_is_valid(STR("0123456789abcdef")));
	assert_false(node_id_is_valid(STR("0123456789ABCDEF")));
	assert_false(node_id_is_valid(STR("0123456789abcde")));
	assert_false(node_id_is_valid(STR("invite-012345678")));
	assert_false(node_id_is_valid(STR("../../../../etc/")));
	assert_false(node_id_is_valid(STR("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
