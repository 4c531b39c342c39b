/* test_state_alias.c - aliases and groups as a whole, searched, by target */
#include "storage/state_alias.h"
#include "tests/unit/state_rig.h"

static may_yield_unchecked struct state *
with_domains(struct task *t, struct cluster *c)
{
	struct state *st = node_open(t, c, 0);

	assert_ok(add_domain(t, st, "x.org"));
	assert_ok(add_domain(t, st, "y.org"));
	assert_ok(add_account(t, st, "a@x.org"));
	return st;
}

/* text: targets with blanks between; NULL: as they were. */
static may_yield_unchecked struct err *
put(struct task *t, struct state *st, const char *address, bool group, bool add,
    const char *text)
{
	struct state_alias_put p = { .group = group, .add = add };
	struct str list[20], rest = str_c(text != NULL ? text : "");

	while (p.n < countof(list) && str_split(&rest, ' ', &list[p.n]))
		p.n++;
	p.targets = text != NULL ? list : NULL;
	return state_alias_put(t, st, "test", str_c(address), &p);
}

static may_yield_unchecked void
is(struct task *t, struct state *st, const char *address, const char *want)
{
	struct state_alias al;
	struct buf b;

	buf_init(&b, task_arena(t), 8192);
	assert_ok(state_alias_find(task_arena(t), st, str_c(address), &al));
	for (unsigned i = 0; i < al.n; i++)
		buf_fmt(&b, "%s" STR_FMT, i > 0 ? " " : "",
		    STR_ARG(al.targets[i]));
	assert_string_equal(buf_cstr(&b), want);
}

TEST(test_put_alias)
{
	static const struct {
		const char *address, *targets;
		bool add;
		enum err_code code;
	} rows[] = {
		{ "al@x.org", "b@far.example", true, ERR_DUPLICATE },
		{ "a@x.org", "b@far.example", true, ERR_DUPLICATE },
		{ "g@x.org", "b@far.example", true, ERR_DUPLICATE },
		{ "g@x.org", "b@far.example", false, ERR_NOTFOUND },
		{ "no@x.org", "b@far.example", false, ERR_NOTFOUND },
		{ "no@x.org", "", true, ERR_INVALID },
		{ "no@x.org", NULL, true, ERR_INVALID },
		{ "al@x.org", "", false, ERR_INVALID },
		{ "al@x.org", "AL@x.org", false, ERR_INVALID },
		{ "al@x.org", "word", false, ERR_INVALID },
		{ "al@z.org", "b@far.example", true, ERR_NOTFOUND },
	};
	struct state *st = with_domains(t, c);
	uint64_t seq;

	assert_ok(put(t, st, "g@x.org", true, true, "a@x.org"));
	assert_ok(put(t, st, "AL@x.org", false, true,
	    "A@x.org b@far.example a@X.ORG"));
	is(t, st, "al@x.org", "a@x.org b@far.example");
	assert_ok(put(t, st, "al@x.org", false, false, "c@far.example"));
	is(t, st, "al@x.org", "c@far.example");
	assert_ok(put(t, st, "@y.org", false, true, "a@x.org"));
	is(t, st, "@y.org", "a@x.org");
	seq = state_seq(st);
	for (size_t i = 0; i < countof(rows); i++)
		if (err_code(put(t, st, rows[i].address, false, rows[i].add,
			rows[i].targets)) != rows[i].code)
			fail_msg("row %zu", i);
	assert_int_equal(state_seq(st), seq);
	assert_same(t, st, node_open(t, c, 1));
}

TEST(test_put_group)
{
	struct state_alias_put p = { .group = true };
	struct str name = STR("Us"), who = STR("members"), bad = STR("all");
	struct state *st = with_domains(t, c);
	struct state_alias al;

	assert_ok(put(t, st, "g@x.org", true, true, NULL));
	assert_ok(state_alias_find(task_arena(t), st, STR("g@x.org"), &al));
	assert_true(al.group && al.n == 0 && str_eq_c(al.posters, "anyone"));
	p.name = &name;
	p.posters = &who;
	assert_ok(state_alias_put(t, st, "test", STR("g@x.org"), &p));
	assert_ok(put(t, st, "g@x.org", true, false, "a@x.org b@y.org"));
	assert_ok(state_alias_find(task_arena(t), st, STR("g@x.org"), &al));
	assert_true(al.n == 2 && str_eq(al.name, name));
	assert_true(str_eq(al.posters, who));
	/* a group may be empty */
	assert_ok(put(t, st, "g@x.org", true, false, ""));
	is(t, st, "g@x.org", "");
	p.posters = &bad;
	assert_err(state_alias_put(t, st, "test", STR("g@x.org"), &p),
	    ERR_INVALID);
	p.posters = NULL;
	assert_err(state_alias_put(t, st, "test", STR("@x.org"), &p),
	    ERR_INVALID);
	assert_err(put(t, st, "g@x.org", true, true, ""), ERR_DUPLICATE);
	assert_same(t, st, node_open(t, c, 1));
}

static may_yield_unchecked void
finds(struct task *t, struct state *st, bool groups, const char *domain,
    const char *search, const char *after, const char *want)
{
	struct state_alias *list;
	struct buf b;
	unsigned n;

	buf_init(&b, task_arena(t), 8192);
	assert_ok(state_alias_search(task_arena(t), st, groups, str_c(domain),
	    str_c(search), str_c(after), 2, &list, &n));
	for (unsigned i = 0; i < n; i++)
		buf_fmt(&b, "%s" STR_FMT, i > 0 ? " " : "",
		    STR_ARG(list[i].address));
	assert_string_equal(buf_cstr(&b), want);
}

TEST(test_search)
{
	struct state *st = with_domains(t, c);
	struct str *list;
	unsigned n;

	assert_ok(put(t, st, "info@x.org", false, true, "a@x.org"));
	assert_ok(put(t, st, "info@y.org", false, true, "a@x.org"));
	assert_ok(put(t, st, "in_fo@x.org", false, true, "b@x.org"));
	assert_ok(put(t, st, "sales@x.org", true, true, "a@x.org info@x.org"));
	finds(t, st, false, "", "", "", "in_fo@x.org info@x.org");
	finds(t, st, false, "", "", "info@x.org", "info@y.org");
	finds(t, st, false, "", "INFO", "", "info@x.org info@y.org");
	finds(t, st, false, "", "n_f", "", "in_fo@x.org");
	finds(t, st, false, "", "%", "", "");
	finds(t, st, false, "Y.org", "fo", "", "info@y.org");
	finds(t, st, true, "", "ale", "", "sales@x.org");
	finds(t, st, true, "y.org", "ale", "", "");
	assert_ok(state_alias_naming(task_arena(t), st, false, STR("A@x.org"),
	    &list, &n));
	assert_int_equal(n, 2);
	assert_true(str_eq_c(list[0], "info@x.org"));
	assert_ok(state_alias_naming(task_arena(t), st, true, STR("a@x.org"),
	    &list, &n));
	assert_int_equal(n, 1);
	assert_true(str_eq_c(list[0], "sales@x.org"));
	assert_ok(state_alias_naming(task_arena(t), st, true, STR("b@x.org"),
	    &list, &n));
	assert_int_equal(n, 0);
	assert_err(state_alias_naming(task_arena(t), st, true, STR("word"),
		       &list, &n),
	    ERR_INVALID);
}

#define RUN(fn)                                                                \
	cmocka_unit_test_setup_teardown(fn, cluster_setup, cluster_teardown)
int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_put_alias),
		RUN(test_put_group),
		RUN(test_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
