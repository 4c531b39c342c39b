/* test_state_audit.c - what one looks for in the audit, and who may see what */
#include "storage/state_audit.h"
#include "storage/state_private.h"
#include "tests/unit/test.h"
#include "tests/unit/state_rig.h"

struct made {
	const char *who, *what, *object;
};
/* oldest first; in the order of digits below */
static const struct made made[] = {
	{ "ctl:root", "domain.add", "x.org" },
	{ "ctl:root", "settings.set", "trace.keep" },
	{ "admin:Eve", "account.add", "u@x.org" },
	{ "admin:Eve", "account.add", "u@y.org" },
	{ "ctl:root", "group.add", "g@sub.x.org" },
	{ "ctl:root", "dkim.add", "s1._domainkey.x.org" },
	{ "ctl:root", "tls.add", "x.org" },
	{ "ctl:root", "admin.add", "eve@x.org" },
	{ "ctl:root", "totp.set", "u@x.org" },
	{ "user:u@x.org", "app-password.add", "u@x.org" },
};

static struct err *
made_run(struct state_tx *x, void *arg)
{
	const struct made *m = arg;

	return state_audit(x, m->what, str_c(m->object), STR_NONE);
}

static const struct {
	const char *object, *who, *what, *domain, *found; /* newest first */
} rows[] = {
	{ "", "", "", "", "9876543210" },
	{ "U@X", "", "", "", "982" },
	{ "", "EVE", "", "", "32" },
	{ "", "", "account", "", "32" },
	{ "", "", "ccount", "", "" },
	{ "x.org", "ctl:", "", "", "876540" },
	{ "", "", "", "x.org", "9520" },
	{ "", "", "", "y.org", "3" },
	{ "", "", "domain", "x.org", "0" },
	{ "", "", "admin", "x.org", "" },
	{ "%", "", "", "", "" },
	{ "_", "", "", "", "5" },
	{ "", "", "", "org", "" },
	{ "", "", "", "@x.org", "" },
	{ "", "", "", "sub.x.org", "4" },
};

TEST(test_find)
{
	struct state *st = node_open(t, c, 0);
	struct arena *a = task_arena(t);
	struct state_audit_row *list;
	unsigned n;

	/* several a second: they stay in order */
	for (size_t i = 0; i < countof(made); i++) {
		c->rig.now += 300;
		assert_ok(state_change(t, st, made[i].who, made_run,
		    (void *)(uintptr_t)&made[i]));
	}
	for (size_t i = 0; i < countof(rows); i++) {
		struct state_audit_query q = { .object = str_c(rows[i].object),
			.who = str_c(rows[i].who),
			.what = str_c(rows[i].what),
			.domain = str_c(rows[i].domain),
			.max = 100 };
		char found[countof(made) + 1] = "";

		assert_ok(state_audit_find(a, st, &q, &list, &n));
		for (unsigned k = 0; k < n; k++)
			for (size_t m = 0; m < countof(made); m++)
				if (str_eq_c(list[k].what, made[m].what) &&
				    str_eq_c(list[k].object, made[m].object))
					found[k] = (char)('0' + m);
		test_row_str(i, str_c(found), str_c(rows[i].found));
	}
}

/* In pages. */
TEST(test_pages)
{
	struct state *st = node_open(t, c, 0);
	struct state_audit_query q = { .domain = STR("x.org"), .max = 2 };
	struct state_audit_row *list;
	unsigned n;

	for (size_t i = 0; i < countof(made); i++) {
		c->rig.now += 1000;
		assert_ok(state_change(t, st, made[i].who, made_run,
		    (void *)(uintptr_t)&made[i]));
	}
	assert_ok(state_audit_find(task_arena(t), st, &q, &list, &n));
	assert_int_equal(n, 2);
	q.before = list[1].id;
	assert_ok(state_audit_find(task_arena(t), st, &q, &list, &n));
	assert_int_equal(n, 2);
	assert_true(str_eq_c(list[1].what, "domain.add"));
	q.before = list[1].id;
	assert_ok(state_audit_find(task_arena(t), st, &q, &list, &n));
	assert_int_equal(n, 0);
}

/* In steps: the same, and the end of each is said. */
TEST(test_steps)
{
	struct state *st = node_open(t, c, 0);
	struct arena *a = task_arena(t);
	struct state_audit_row *list;
	char found[countof(made) + 1] = "";
	unsigned n, k = 0, steps = 0;

	for (size_t i = 0; i < countof(made); i++) {
		c->rig.now += 1000;
		assert_ok(state_change(t, st, made[i].who, made_run,
		    (void *)(uintptr_t)&made[i]));
	}
	for (struct state_audit_query q = { .domain = STR("x.org"),
					    .max = 100,
					    .step = 3 };
	     ; q.before = q.looked) {
		assert_ok(state_audit_find(a, st, &q, &list, &n));
		for (unsigned i = 0; i < n; i++)
			for (size_t m = 0; m < countof(made); m++)
				if (str_eq_c(list[i].what, made[m].what) &&
				    str_eq_c(list[i].object, made[m].object))
					found[k++] = (char)('0' + m);
		steps++;
		if (q.looked.p == NULL)
			break;
	}
	assert_string_equal(found, "9520");
	assert_int_equal(steps, countof(made) / 3 + 1);
}

static struct state_audit_row
newest(struct task *t, struct state *st)
{
	struct state_audit_query q = { .max = 1 };
	struct state_audit_row *list;
	unsigned n;

	assert_ok(state_audit_find(task_arena(t), st, &q, &list, &n));
	assert_int_equal(n, 1);
	return list[0];
}

/* An order is a row of its own, of the whole and of no domain. */
TEST(test_orders)
{
	struct state *st = node_open(t, c, 0);
	struct state_audit_query q = { .domain = STR("x.org"), .max = 10 };
	struct arena *a = task_arena(t);
	struct state_audit_row *list, row;
	uint64_t before = state_seq(st);
	char *much = arena_alloc(a, 2 * STATE_AUDIT_MAX);
	unsigned n;

	assert_ok(state_audit_order(t, st, "admin:eve", "queue.remove",
	    STR("u@x.org"), STR("1 message")));
	assert_int_equal(state_seq(st), before + 1);
	row = newest(t, st);
	assert_true(str_eq_c(row.who, "admin:eve"));
	assert_true(str_eq_c(row.what, "queue.remove"));
	assert_true(str_eq_c(row.object, "u@x.org"));
	assert_true(str_eq_c(row.detail, "1 message"));
	c->rig.now += 1000;
	assert_ok(state_audit_order(t, st, "ctl:root", "node.invite",
	    STR("x.org"), STR_NONE));
	assert_ok(state_audit_find(a, st, &q, &list, &n));
	assert_int_equal(n, 0);
	/* the same twice is ordered twice */
	assert_ok(state_audit_order(t, st, "ctl:root", "node.invite",
	    STR("x.org"), STR_NONE));
	q.domain = STR_NONE;
	assert_ok(state_audit_find(a, st, &q, &list, &n));
	assert_int_equal(n, 3);
	/* whatever was typed */
	c->rig.now += 1000;
	memset(much, 0xc3, 2 * STATE_AUDIT_MAX);
	assert_ok(state_audit_order(t, st, "ctl:root", "queue.hold",
	    STR("a\xff"), str_of(much, 2 * STATE_AUDIT_MAX)));
	row = newest(t, st);
	assert_true(str_eq_c(row.object, "a\xef\xbf\xbd"));
	assert_int_equal(row.detail.n, 3 * STATE_AUDIT_MAX);
}

/* Who cannot write says so, and there is no row. */
TEST(test_orders_refused)
{
	struct state *st = node_open(t, c, 0), *reader;
	uint64_t before = state_seq(st);

	c->node[1].conf.replica_only = true;
	c->node[1].conf.local = c->node[0].local;
	reader = node_open(t, c, 1);
	assert_err(state_audit_order(t, reader, "admin:eve", "queue.remove",
		       STR("07-0"), STR_NONE),
	    ERR_READONLY);
	assert_ok(state_refresh(t, st));
	assert_int_equal(state_seq(st), before);
}

#define RUN(name)                                                              \
	cmocka_unit_test_setup_teardown(name, cluster_setup, cluster_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_find),
		RUN(test_pages),
		RUN(test_steps),
		RUN(test_orders),
		RUN(test_orders_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
