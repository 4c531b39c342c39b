/* test_state_schema.c - a share of an older schema, and retention by domain */
#include "storage/state_private.h"
#include "tests/unit/state_rig.h"

/* A share that the first version made: opened, read, and raised. */
TEST(test_first_schema)
{
	int64_t junk = 7 * 86400, trash = 0;
	struct state_domain d;
	struct state *a, *old;
	unsigned i;

	for (i = 0; i < 3; i++)
		c->node[i].conf.schema_max = 1;
	assert_int_equal(system(arena_printf(task_arena(t), "rm -r %s/state",
			     c->share_dir)),
	    0);
	assert_ok(state_create(t, &c->node[2].conf));
	old = node_open(t, c, 2);
	assert_int_equal(state_schema(old), 1);
	assert_ok(add_domain(t, old, "x.org"));
	assert_ok(state_maintain(t, old, true));
	c->node[0].conf.schema_max = c->node[1].conf.schema_max = 0;
	a = node_open(t, c, 0);
	assert_int_equal(state_schema(a), 1);
	assert_ok(state_domain_find(task_arena(t), a, STR("x.org"), &d));
	assert_int_equal(d.junk_keep, STATE_KEEP_DEFAULT);
	assert_int_equal(d.trash_keep, STATE_KEEP_DEFAULT);
	assert_ok(add_domain(t, a, "y.org"));
	assert_err(state_domain_keep(t, a, "test", STR("x.org"), &junk, NULL),
	    ERR_CONFLICT);
	/* the old node goes on as long as nobody raises */
	assert_ok(add_domain(t, old, "z.org"));
	assert_ok(state_schema_raise(t, a, 1));
	assert_int_equal(state_schema(a), 1);
	assert_ok(state_schema_raise(t, a, STATE_SCHEMA));
	assert_int_equal(state_schema(a), STATE_SCHEMA);
	assert_ok(state_domain_keep(t, a, "test", STR("X.org"), &junk, &trash));
	assert_ok(add_domain(t, a, "later.org"));
	assert_same(t, a, node_open(t, c, 1)); /* snapshot of 1, then entries */
	assert_ok(
	    state_domain_find(task_arena(t), c->node[1].st, STR("x.org"), &d));
	assert_int_equal(d.junk_keep, junk);
	assert_int_equal(d.trash_keep, 0);
	assert_ok(state_domain_find(task_arena(t), a, STR("later.org"), &d));
	assert_int_equal(d.junk_keep, STATE_KEEP_DEFAULT);
	/* rows of before, changed by the other node */
	assert_ok(state_domain_keep(t, c->node[1].st, "test", STR("y.org"),
	    NULL, &junk));
	assert_ok(
	    state_domain_suspend(t, c->node[1].st, "test", STR("z.org"), true));
	assert_same(t, a, c->node[1].st);
	assert_ok(state_maintain(t, a, true));
	/* the old node reads what it has */
	assert_ok(state_refresh(t, old));
	assert_err(state_readonly(task_arena(t), old), ERR_FORMAT);
	assert_int_equal(count_domains(t, old), 3);
}

TEST(test_domain_keep)
{
	int64_t bad = STATE_KEEP_MAX + 1, junk = -2;
	struct state *a = node_open(t, c, 0);

	assert_ok(add_domain(t, a, "x.org"));
	assert_err(state_domain_keep(t, a, "test", STR("x.org"), &bad, NULL),
	    ERR_INVALID);
	assert_err(state_domain_keep(t, a, "test", STR("x.org"), &junk, NULL),
	    ERR_INVALID);
	junk = 1;
	assert_err(state_domain_keep(t, a, "test", STR("no.org"), &junk, NULL),
	    ERR_NOTFOUND);
	assert_ok(state_domain_keep(t, a, "test", STR("x.org"), &junk, &junk));
}

int
main(void)
{
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, cluster_setup, cluster_teardown)
	const struct CMUnitTest tests[] = {
		T(test_first_schema),
		T(test_domain_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
