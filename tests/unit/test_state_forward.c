/* test_state_forward.c - accounts whose mail goes elsewhere, too */
#include "storage/state_alias.h"
#include "storage/state_audit.h"
#include "storage/state_forward.h"
#include "storage/state_identity.h"
#include "storage/state_setting.h"
#include "tests/unit/state_rig.h"

static may_yield_unchecked struct state *
with_accounts(struct task *t, struct cluster *c)
{
	struct state *st = node_open(t, c, 0);

	assert_ok(add_domain(t, st, "x.org"));
	assert_ok(add_account(t, st, "a@x.org"));
	assert_ok(add_account(t, st, "b@x.org"));
	assert_ok(add_account(t, st, "c@x.org"));
	return st;
}

/* "b@x.org r@far.example": targets; at the end "+": and kept. */
static may_yield_unchecked struct err *
forward(struct task *t, struct state *st, const char *address, const char *text)
{
	struct state_forward f = { .n = 0 };
	struct str targets[STATE_FORWARDS_MAX + 2], rest = str_c(text), word;

	while (str_split(&rest, ' ', &word))
		if (str_eq_c(word, "+"))
			f.keep = true;
		else
			targets[f.n++] = word;
	f.targets = targets;
	return state_forward_set(t, st, "test", str_c(address), &f);
}

static may_yield_unchecked void
expect_text(struct task *t, struct state *st, const char *address,
    const char *to, bool plain, const char *file, int line)
{
	struct state_recipient *list;
	struct buf b;
	struct err *e;
	unsigned n, i;
	bool foreign;

	e = (plain ? state_resolve_plain : state_resolve)(task_arena(t), st,
	    str_c(address), &list, &n, &foreign);
	buf_init(&b, task_arena(t), 8192);
	if (e != NULL)
		buf_c(&b, err_name(e->code));
	for (i = 0; i < n; i++)
		buf_fmt(&b, "%s" STR_FMT "%s%s%s" STR_FMT "%s", i ? " " : "",
		    STR_ARG(list[i].address),
		    list[i].account_id.n > 0 ? "" : "*",
		    list[i].copy ? "=" : "", list[i].via.n > 0 ? "<" : "",
		    STR_ARG(list[i].via), list[i].forward ? "!" : "");
	if (strcmp(buf_cstr(&b), to) == 0)
		return;
	print_error("%s:%d: %s leads to \"%s\", not \"%s\"\n", file, line,
	    address, buf_cstr(&b), to);
	_fail(file, line);
}
#define expect(t, st, address, to)                                             \
	expect_text((t), (st), (address), (to), false, __FILE__, __LINE__)

TEST(test_forward_sets)
{
	struct state *st = with_accounts(t, c);
	struct arena *a = task_arena(t);
	struct state_audit_row *row;
	struct state_forward f;
	unsigned n;

	assert_ok(state_forward_find(a, st, STR("a@x.org"), &f));
	assert_int_equal(f.n, 0);
	assert_true(f.keep);
	assert_ok(forward(t, st, "A@X.org", "B@x.org r@far.example b@X.ORG"));
	assert_ok(state_forward_find(a, st, STR("a@x.org"), &f));
	assert_int_equal(f.n, 2);
	assert_true(str_eq_c(f.targets[0], "b@x.org"));
	assert_true(str_eq_c(f.targets[1], "r@far.example"));
	assert_false(f.keep);
	assert_ok(state_audit_find(a, st,
	    &(struct state_audit_query){ .object = STR("a@x.org"), .max = 1 },
	    &row, &n));
	assert_true(str_eq_c(row->what, "account.forward"));
	assert_true(str_eq_c(row->detail, "b@x.org r@far.example"));
	assert_ok(forward(t, st, "a@x.org", "r@far.example +"));
	assert_ok(state_forward_find(a, st, STR("a@x.org"), &f));
	assert_int_equal(f.n, 1);
	assert_true(f.keep);
	/* without targets there is nothing that would not keep it */
	assert_ok(forward(t, st, "a@x.org", ""));
	assert_ok(state_forward_find(a, st, STR("a@x.org"), &f));
	assert_int_equal(f.n, 0);
	assert_true(f.keep);
	assert_err(state_forward_find(a, st, STR("no@x.org"), &f),
	    ERR_NOTFOUND);
	assert_same(t, st, node_open(t, c, 1));
}

TEST(test_forward_refuses)
{
	static const struct {
		const char *address, *targets;
		enum err_code code;
	} rows[] = {
		{ "a@x.org", "a@x.org +", ERR_INVALID },
		{ "a@x.org", "A@X.org r@far.example", ERR_INVALID },
		{ "a@x.org", "@far.example", ERR_INVALID },
		{ "a@x.org", "nobody", ERR_INVALID },
		{ "a@x.org", "a+tag@x.org", ERR_INVALID }, /* but itself */
		{ "a@x.org", "nobody@x.org", ERR_INVALID },
		{ "a@x.org", "also-a@x.org", ERR_INVALID },
		{ "a@x.org",
		    "1@y.org 2@y.org 3@y.org 4@y.org 5@y.org 6@y.org 7@y.org"
		    " 8@y.org 9@y.org 10@y.org 11@y.org",
		    ERR_INVALID },
		{ "no@x.org", "r@far.example", ERR_NOTFOUND },
		{ "also-a@x.org", "r@far.example", ERR_NOTFOUND },
	};
	struct state *st = with_accounts(t, c);
	uint64_t seq;
	size_t i;

	assert_ok(state_alias_add(t, st, "test", STR("also-a@x.org"),
	    STR("a@x.org")));
	seq = state_seq(st);
	for (i = 0; i < countof(rows); i++)
		if (err_code(forward(t, st, rows[i].address,
			rows[i].targets)) != rows[i].code)
			fail_msg("row %zu", i);
	assert_int_equal(state_seq(st), seq);
	expect(t, st, "a@x.org", "a@x.org");
	/* kept: whatever the targets are, somebody has it */
	assert_ok(forward(t, st, "a@x.org", "nobody@x.org a+tag@x.org +"));
	expect(t, st, "a@x.org", "a@x.org");
	assert_same(t, st, node_open(t, c, 1));
}

TEST(test_forward_resolves)
{
	struct state *st = with_accounts(t, c);

	assert_ok(
	    state_alias_add(t, st, "test", STR("al@x.org"), STR("a@x.org")));
	assert_ok(forward(t, st, "a@x.org", "r@far.example"));
	expect(t, st, "a@x.org", "r@far.example*<a@x.org!");
	expect(t, st, "a+tag@x.org", "r@far.example*<a@x.org!");
	expect(t, st, "al@x.org", "r@far.example*<a@x.org!");
	assert_ok(forward(t, st, "a@x.org", "r@far.example b@x.org +"));
	expect(t, st, "al@x.org",
	    "a@x.org=<al@x.org b@x.org<a@x.org! r@far.example*<a@x.org!");
	expect_text(t, st, "al@x.org", "a@x.org<al@x.org", true, __FILE__,
	    __LINE__);
	/* further, and round */
	assert_ok(forward(t, st, "b@x.org", "c@x.org s@far.example"));
	expect(t, st, "a@x.org",
	    "a@x.org= c@x.org<b@x.org! s@far.example*<b@x.org!"
	    " r@far.example*<a@x.org!");
	assert_ok(forward(t, st, "c@x.org", "a@x.org +"));
	expect(t, st, "c@x.org",
	    "c@x.org= a@x.org=<c@x.org! s@far.example*<b@x.org!"
	    " r@far.example*<a@x.org!");
	/* of those who hold each other's mail one would have to keep it */
	assert_ok(forward(t, st, "b@x.org", "a@x.org"));
	assert_ok(forward(t, st, "c@x.org", "b@x.org"));
	assert_err(forward(t, st, "a@x.org", "c@x.org"), ERR_INVALID);
	assert_ok(forward(t, st, "a@x.org", "c@x.org +"));
	expect(t, st, "c@x.org", "a@x.org<b@x.org!");
	assert_same(t, st, node_open(t, c, 1));
}

/* What is met on the way stays the account's. */
TEST(test_forward_by_alias)
{
	struct state *st = with_accounts(t, c);

	assert_ok(
	    state_alias_add(t, st, "test", STR("al@x.org"), STR("b@x.org")));
	assert_ok(state_alias_add(t, st, "test", STR("al@x.org"),
	    STR("r@far.example")));
	assert_ok(forward(t, st, "a@x.org", "al@x.org"));
	expect(t, st, "a@x.org", "b@x.org<a@x.org! r@far.example*<a@x.org!");
	assert_ok(state_setting_set(t, st, "test", STR("domain.postmaster"),
	    STR("c@x.org")));
	assert_ok(forward(t, st, "a@x.org", "postmaster@x.org al@x.org +"));
	expect(t, st, "a@x.org",
	    "a@x.org= b@x.org<a@x.org! r@far.example*<a@x.org!"
	    " c@x.org<a@x.org!");
	/* who is asked for by that himself is not forwarded to */
	expect(t, st, "al@x.org", "b@x.org<al@x.org r@far.example*<al@x.org");
	assert_same(t, st, node_open(t, c, 1));
}

static may_yield_unchecked void
group(struct task *t, struct state *st, const char *address, const char *one,
    const char *two)
{
	assert_ok(state_group_add(t, st, "test", str_c(address), STR(""),
	    STR("anyone")));
	assert_ok(state_group_member(t, st, "test", str_c(address), str_c(one),
	    true));
	assert_ok(state_group_member(t, st, "test", str_c(address), str_c(two),
	    true));
}

/* None of its targets is there: the account's mail is kept, not bounced. */
TEST(test_forward_without_targets)
{
	struct state *st = with_accounts(t, c);
	struct state_account gone;

	group(t, st, "g@x.org", "a@x.org", "c@x.org");
	group(t, st, "h@x.org", "b@x.org", "a@x.org");
	assert_ok(forward(t, st, "c@x.org", "a@x.org"));
	assert_ok(forward(t, st, "a@x.org", "b@x.org"));
	assert_ok(state_account_remove(t, st, "test", STR("b@x.org"), &gone));
	expect(t, st, "a@x.org", "a@x.org");
	expect(t, st, "a+tag@x.org", "a@x.org");
	expect(t, st, "c@x.org", "a@x.org<c@x.org!");
	expect(t, st, "g@x.org", "a@x.org<g@x.org");
	assert_ok(state_account_undelete(t, st, "test", gone.id, NULL));
	expect(t, st, "a@x.org", "b@x.org<a@x.org!");
	/* who gets it anyway need not be led to by it */
	assert_ok(forward(t, st, "a@x.org", "b+tag@x.org"));
	expect(t, st, "h@x.org", "b@x.org<a@x.org!");
	group(t, st, "k@x.org", "b@x.org", "c@x.org");
	assert_ok(forward(t, st, "c@x.org", "b+tag@x.org"));
	expect(t, st, "k@x.org", "b@x.org<k@x.org");
	assert_ok(add_domain(t, st, "y.org"));
	assert_ok(add_account(t, st, "d@y.org"));
	assert_ok(forward(t, st, "a@x.org", "d@y.org"));
	assert_ok(state_domain_suspend(t, st, "test", STR("y.org"), true));
	expect(t, st, "a@x.org", "a@x.org");
	assert_ok(state_domain_suspend(t, st, "test", STR("y.org"), false));
	expect(t, st, "a@x.org", "d@y.org<a@x.org!");
	/* what is left leads round */
	assert_ok(forward(t, st, "a@x.org", "c@x.org"));
	assert_ok(forward(t, st, "b@x.org", ""));
	assert_ok(forward(t, st, "c@x.org", "a@x.org b@x.org"));
	expect(t, st, "a@x.org", "b@x.org<c@x.org!");
	assert_ok(state_account_remove(t, st, "test", STR("b@x.org"), &gone));
	expect(t, st, "a@x.org", "a@x.org");
	expect(t, st, "c@x.org", "c@x.org");
	expect(t, st, "g@x.org", "a@x.org<g@x.org");
	assert_same(t, st, node_open(t, c, 1));
}

/* An alias with as many targets as there may be; or a group, also of others. */
static may_yield_unchecked void
many(struct task *t, struct state *st, const char *address, bool is_group,
    const char *others)
{
	struct str *list = arena_array(task_arena(t), STATE_TARGETS_MAX,
		       sizeof(*list)),
		   rest = str_c(others), word;
	struct state_alias_put p = { .group = is_group,
		.add = true,
		.targets = list };

	while (str_split(&rest, ' ', &word))
		list[p.n++] = word;
	while (p.n < STATE_TARGETS_MAX) {
		list[p.n] =
		    str_c(arena_printf(task_arena(t), "r%u@far.example", p.n));
		p.n++;
	}
	assert_ok(state_alias_put(t, st, "test", str_c(address), &p));
}

/* What one forwards to too many keeps nobody else from his mail. */
TEST(test_forward_too_many)
{
	struct state *st = with_accounts(t, c);
	struct state_recipient *list;
	bool foreign;
	unsigned n;

	group(t, st, "g@x.org", "a@x.org", "c@x.org");
	many(t, st, "many@x.org", false, "");
	/* c is met before it is too much, and has to be met again */
	assert_ok(forward(t, st, "a@x.org", "c@x.org many@x.org +"));
	expect(t, st, "g@x.org", "a@x.org<g@x.org c@x.org<g@x.org");
	expect(t, st, "a@x.org", "a@x.org");
	assert_err(forward(t, st, "a@x.org", "c@x.org many@x.org"),
	    ERR_INVALID);
	assert_ok(forward(t, st, "a@x.org", "b@x.org"));
	assert_ok(forward(t, st, "b@x.org", "many@x.org"));
	assert_ok(state_alias_add(t, st, "test", STR("more@x.org"),
	    STR("s@far.example")));
	assert_ok(forward(t, st, "b@x.org", "many@x.org more@x.org +"));
	expect(t, st, "a@x.org", "b@x.org<a@x.org!");
	/* a full group has room for what its members forward */
	many(t, st, "full@x.org", true, "a@x.org b@x.org c@x.org");
	assert_ok(forward(t, st, "a@x.org", "s@far.example t@far.example +"));
	assert_ok(state_resolve(task_arena(t), st, STR("full@x.org"), &list, &n,
	    &foreign));
	assert_int_equal(n, STATE_TARGETS_MAX + 2);
	assert_same(t, st, node_open(t, c, 1));
}

TEST(test_forward_too_far)
{
	struct state *st = with_accounts(t, c);
	unsigned i;

	for (i = 1; i <= STATE_RESOLVE_DEPTH + 1; i++) {
		struct str to = i == 1 ? STR("b@x.org")
				       : str_c(arena_printf(task_arena(t),
					     "al%u@x.org", i - 1));

		assert_ok(state_alias_add(t, st, "test",
		    str_c(arena_printf(task_arena(t), "al%u@x.org", i)), to));
	}
	group(t, st, "g@x.org", "a@x.org", "c@x.org");
	assert_ok(forward(t, st, "a@x.org", "al7@x.org"));
	expect(t, st, "a@x.org", "b@x.org<a@x.org!");
	expect(t, st, "g@x.org", "a@x.org<g@x.org c@x.org<g@x.org");
	assert_ok(forward(t, st, "a@x.org", "al9@x.org +"));
	expect(t, st, "a@x.org", "a@x.org");
	assert_err(forward(t, st, "a@x.org", "al9@x.org"), ERR_INVALID);
	assert_same(t, st, node_open(t, c, 1));
}

TEST(test_forward_groups)
{
	struct state *st = with_accounts(t, c);
	struct state_recipient *list;
	bool foreign, closed;
	unsigned n;

	assert_ok(state_group_add(t, st, "test", STR("g@x.org"), STR(""),
	    STR("members")));
	assert_ok(state_group_member(t, st, "test", STR("g@x.org"),
	    STR("a@x.org"), true));
	assert_ok(forward(t, st, "a@x.org", "r@far.example b@x.org"));
	expect(t, st, "g@x.org", "b@x.org<a@x.org! r@far.example*<a@x.org!");
	/* who forwards is a member all the same; where to, is not */
	assert_ok(state_resolve_from(task_arena(t), st, STR("g@x.org"),
	    STR("a@x.org"), &list, &n, &foreign, &closed));
	assert_err(state_resolve_from(task_arena(t), st, STR("g@x.org"),
		       STR("b@x.org"), &list, &n, &foreign, &closed),
	    ERR_DENIED);
	assert_true(closed);
	/* forwarding into a group opens it to nobody */
	assert_ok(forward(t, st, "c@x.org", "g@x.org"));
	assert_err(state_resolve_from(task_arena(t), st, STR("c@x.org"),
		       STR("b@x.org"), &list, &n, &foreign, &closed),
	    ERR_DENIED);
	assert_same(t, st, node_open(t, c, 1));
}

/* What others forward to me is not mine to write as. */
TEST(test_forward_is_no_identity)
{
	struct state *st = with_accounts(t, c);
	struct state_account b;
	bool yes;

	assert_ok(forward(t, st, "a@x.org", "b@x.org"));
	assert_ok(state_account_find(task_arena(t), st, STR("b@x.org"), &b));
	assert_ok(
	    state_may_send_as(task_arena(t), st, b.id, STR("a@x.org"), &yes));
	assert_false(yes);
	assert_ok(state_account_find(task_arena(t), st, STR("a@x.org"), &b));
	assert_ok(
	    state_may_send_as(task_arena(t), st, b.id, STR("a@x.org"), &yes));
	assert_true(yes);
}

TEST(test_forward_ends)
{
	struct state *st = with_accounts(t, c);
	struct state_account gone;
	struct state_forward f;

	assert_ok(forward(t, st, "a@x.org", "r@far.example"));
	assert_ok(forward(t, st, "c@x.org", "a@x.org r@far.example"));
	/* suspended: kept, and nothing else */
	assert_ok(state_account_suspend(t, st, "test", STR("a@x.org"), true));
	expect(t, st, "a@x.org", "a@x.org");
	assert_ok(state_account_suspend(t, st, "test", STR("a@x.org"), false));
	expect(t, st, "a@x.org", "r@far.example*<a@x.org!");
	/* removed: nobody; back: as it was */
	assert_ok(state_account_remove(t, st, "test", STR("a@x.org"), &gone));
	expect(t, st, "a@x.org", "notfound");
	expect(t, st, "c@x.org", "r@far.example*<c@x.org!");
	assert_ok(state_account_undelete(t, st, "test", gone.id, NULL));
	expect(t, st, "a@x.org", "r@far.example*<a@x.org!");
	/* purged: its own and those to it */
	assert_ok(state_account_remove(t, st, "test", STR("a@x.org"), &gone));
	assert_ok(state_account_purge(t, st, "test", gone.id, true));
	assert_ok(state_forward_find(task_arena(t), st, STR("c@x.org"), &f));
	assert_int_equal(f.n, 1);
	assert_ok(add_account(t, st, "a@x.org"));
	expect(t, st, "a@x.org", "a@x.org");
	assert_same(t, st, node_open(t, c, 1));
}

/* A share of the third schema: read as empty, written later. */
TEST(test_forward_old_schema)
{
	struct state_account gone;
	struct state_forward f;
	struct state *st;

	c->node[0].conf.schema_max = STATE_CONSOLE_SCHEMA - 1;
	assert_int_equal(system(arena_printf(task_arena(t), "rm -r %s/state",
			     c->share_dir)),
	    0);
	assert_ok(state_create(t, &c->node[0].conf));
	c->node[0].conf.schema_max = 0;
	st = with_accounts(t, c);
	assert_int_equal(state_schema(st), STATE_CONSOLE_SCHEMA - 1);
	assert_err(forward(t, st, "a@x.org", "b@x.org"), ERR_CONFLICT);
	assert_ok(state_forward_find(task_arena(t), st, STR("a@x.org"), &f));
	assert_true(f.n == 0 && f.keep);
	expect(t, st, "a@x.org", "a@x.org");
	assert_ok(state_account_remove(t, st, "test", STR("b@x.org"), &gone));
	assert_ok(state_account_purge(t, st, "test", gone.id, true));
	assert_ok(state_schema_raise(t, st, STATE_SCHEMA));
	assert_ok(forward(t, st, "a@x.org", "c@x.org"));
	expect(t, st, "a@x.org", "c@x.org<a@x.org!");
	assert_same(t, st, node_open(t, c, 1));
}

#define RUN(fn)                                                                \
	cmocka_unit_test_setup_teardown(fn, cluster_setup, cluster_teardown)
int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_forward_sets),
		RUN(test_forward_refuses),
		RUN(test_forward_resolves),
		RUN(test_forward_by_alias),
		RUN(test_forward_without_targets),
		RUN(test_forward_too_many),
		RUN(test_forward_too_far),
		RUN(test_forward_groups),
		RUN(test_forward_is_no_identity),
		RUN(test_forward_ends),
		RUN(test_forward_old_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
