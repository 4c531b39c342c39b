/* test_state_tag.c - versions of objects, and changes that expect one */
#include "storage/state_admin.h"
#include "storage/state_alias.h"
#include "storage/state_dkim.h"
#include "storage/state_identity.h"
#include "storage/state_key.h"
#include "storage/state_node.h"
#include "storage/state_private.h"
#include "storage/state_route.h"
#include "storage/state_setting.h"
#include "storage/state_tag.h"
#include "tests/unit/state_rig.h"

static may_yield_unchecked struct state *
with_account(struct task *t, struct cluster *c)
{
	struct state *st = node_open(t, c, 0);

	assert_ok(add_domain(t, st, "x.org"));
	assert_ok(add_account(t, st, "alice@x.org"));
	return st;
}

static const char *
tag_of(struct task *t, struct state *st, enum state_tag_kind kind,
    const char *key)
{
	char *tag = arena_alloc(task_arena(t), STATE_TAG_CHARS + 1);

	assert_ok(state_tag(task_arena(t), st, kind, str_c(key), tag));
	assert_int_equal(strlen(tag), STATE_TAG_CHARS);
	return tag;
}

/* One that is followed through changes. */
struct watch {
	enum state_tag_kind kind;
	const char *key;
	const char *tag;
};

static void
moved(struct task *t, struct state *st, struct watch *w, const char *why)
{
	const char *now = tag_of(t, st, w->kind, w->key);

	if (strcmp(now, w->tag) == 0)
		fail_msg("%s: the tag is the same after %s", w->key, why);
	w->tag = now;
}

static void
same(struct task *t, struct state *st, const struct watch *w, const char *why)
{
	if (strcmp(tag_of(t, st, w->kind, w->key), w->tag) != 0)
		fail_msg("%s: the tag is another after %s", w->key, why);
}

static struct watch
watch(struct task *t, struct state *st, enum state_tag_kind kind,
    const char *key)
{
	return (struct watch){ kind, key, tag_of(t, st, kind, key) };
}

/* --- what a tag is of --- */

TEST(test_missing)
{
	static const struct {
		enum state_tag_kind kind;
		const char *key;
		enum err_code code;
	} cases[] = {
		{ STATE_TAG_DOMAIN, "z.org", ERR_NOTFOUND },
		{ STATE_TAG_DOMAIN, "..", ERR_INVALID },
		{ STATE_TAG_ACCOUNT, "bob@x.org", ERR_NOTFOUND },
		{ STATE_TAG_ACCOUNT, "noid", ERR_NOTFOUND },
		{ STATE_TAG_ACCOUNT, "a@@", ERR_INVALID },
		{ STATE_TAG_ALIAS, "alice@x.org", ERR_NOTFOUND },
		{ STATE_TAG_ALIAS, "@x.org", ERR_NOTFOUND },
		{ STATE_TAG_GROUP, "alice@x.org", ERR_NOTFOUND },
		{ STATE_TAG_ADMIN, "eve", ERR_NOTFOUND },
		{ STATE_TAG_SETTING, "no.such", ERR_NOTFOUND },
		{ STATE_TAG_NODE, "mail9", ERR_NOTFOUND },
		{ STATE_TAG_ROUTE, "*", ERR_NOTFOUND },
		{ STATE_TAG_DKIM, "z.org", ERR_NOTFOUND },
	};
	struct state *st = with_account(t, c);
	char tag[STATE_TAG_CHARS + 1];
	unsigned i;

	for (i = 0; i < countof(cases); i++) {
		if (err_code(state_tag(task_arena(t), st, cases[i].kind,
			str_c(cases[i].key), tag)) != cases[i].code)
			fail_msg("case %u", i);
		assert_int_equal(strlen(tag), 0);
	}
}

TEST(test_account)
{
	struct state *st = with_account(t, c);
	struct watch w = watch(t, st, STATE_TAG_ACCOUNT, "Alice@X.org"), gone;
	struct password_salt salt = { .iterations = 4096 };
	struct state_account removed;
	struct password p, better;

	assert_ok(add_account(t, st, "bob@x.org"));
	same(t, st, &w, "another account");
	assert_ok(state_account_signout(t, st, "t", STR("alice@x.org")));
	same(t, st, &w, "a signing out");
	assert_ok(
	    state_account_rename(t, st, "t", STR("alice@x.org"), STR("Alice")));
	moved(t, st, &w, "a renaming");
	assert_ok(
	    state_account_quota(t, st, "t", STR("alice@x.org"), 12345, 6));
	moved(t, st, &w, "a quota");
	assert_ok(password_import(task_arena(t),
	    STR("{SHA512-CRYPT}$6$abcdefgh$"
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
		"abcdefghijklmnopqrstuvwxyzabcdefgh"),
	    &p));
	c->rig.now += 5000;
	assert_ok(
	    state_account_password(t, st, "t", STR("alice@x.org"), &p, NULL));
	moved(t, st, &w, "a password");
	assert_ok(password_make(t, NULL, STR("x"), 1, &salt, &better));
	c->rig.now += 5000;
	assert_ok(state_account_password(t, st, "t", STR("alice@x.org"),
	    &better, &p));
	same(t, st, &w, "better keeping of it");
	assert_ok(
	    state_identity_add(t, st, "t", STR("alice@x.org"), STR("b@y.org")));
	moved(t, st, &w, "an identity");
	assert_ok(state_totp_set(t, st, "t", STR("alice@x.org"), STR("s")));
	moved(t, st, &w, "a second factor");
	assert_ok(state_totp_use(t, st, STR("alice@x.org"), 9));
	same(t, st, &w, "its use");
	assert_ok(state_account_suspend(t, st, "t", STR("alice@x.org"), true));
	moved(t, st, &w, "suspending");
	gone = w;
	assert_ok(
	    state_account_remove(t, st, "t", STR("alice@x.org"), &removed));
	gone.key = arena_cstr(task_arena(t), removed.id);
	moved(t, st, &gone, "removing");
	assert_ok(state_account_undelete(t, st, "t", removed.id, NULL));
	moved(t, st, &gone, "undeleting");
	assert_string_equal(gone.tag,
	    tag_of(t, st, STATE_TAG_ACCOUNT, "alice@x.org"));
}

TEST(test_domain)
{
	struct state *st = with_account(t, c);
	struct watch w = watch(t, st, STATE_TAG_DOMAIN, "X.ORG");
	struct watch keys = watch(t, st, STATE_TAG_DKIM, "x.org");
	struct state_domain d = { .note = STR("n"),
		.rules.separators = STR("-") };
	struct state_dkim_key k = { .domain = STR("x.org"),
		.selector = STR("s"),
		.algorithm = STR("rsa"),
		.public_part = STR("p") };
	int64_t keep = 5;

	assert_ok(add_account(t, st, "bob@x.org"));
	assert_ok(add_domain(t, st, "y.org"));
	same(t, st, &w, "an account");
	assert_ok(
	    state_domain_set(t, st, "t", STR("x.org"), &d, STATE_DOMAIN_NOTE));
	moved(t, st, &w, "a note");
	assert_ok(state_domain_set(t, st, "t", STR("x.org"), &d,
	    STATE_DOMAIN_SEPARATORS));
	moved(t, st, &w, "a rule");
	assert_ok(state_domain_keep(t, st, "t", STR("x.org"), &keep, NULL));
	moved(t, st, &w, "retention");
	assert_ok(state_domain_suspend(t, st, "t", STR("x.org"), true));
	moved(t, st, &w, "suspending");
	same(t, st, &keys, "what is not a key");
	assert_ok(state_dkim_add(t, st, "t", &k, STR("pem")));
	moved(t, st, &keys, "a key");
	same(t, st, &w, "a key");
	assert_ok(state_dkim_activate(t, st, "t", STR("x.org"), STR("s")));
	moved(t, st, &keys, "activating");
	assert_ok(state_dkim_retire(t, st, "t", STR("x.org"), STR("s")));
	moved(t, st, &keys, "retiring");
	assert_ok(state_dkim_remove(t, st, "t", STR("x.org"), STR("s")));
	moved(t, st, &keys, "removing");
}

TEST(test_addresses)
{
	struct state *st = with_account(t, c);
	struct str name = STR("Group");
	struct watch al, all, gr;

	assert_ok(
	    state_alias_add(t, st, "t", STR("a@x.org"), STR("alice@x.org")));
	assert_ok(
	    state_alias_add(t, st, "t", STR("@x.org"), STR("alice@x.org")));
	assert_ok(state_group_add(t, st, "t", STR("g@x.org"), STR("G"),
	    STR("anyone")));
	al = watch(t, st, STATE_TAG_ALIAS, "A@x.org");
	all = watch(t, st, STATE_TAG_ALIAS, "@x.org");
	gr = watch(t, st, STATE_TAG_GROUP, "g@x.org");
	assert_ok(state_alias_add(t, st, "t", STR("a@x.org"), STR("b@y.org")));
	moved(t, st, &al, "a target");
	same(t, st, &all, "a target of another");
	assert_ok(
	    state_alias_remove(t, st, "t", STR("a@x.org"), STR("b@y.org")));
	moved(t, st, &al, "a target less");
	assert_ok(state_group_member(t, st, "t", STR("g@x.org"), STR("b@y.org"),
	    true));
	moved(t, st, &gr, "a member");
	assert_ok(state_group_set(t, st, "t", STR("g@x.org"), &name, NULL));
	moved(t, st, &gr, "a name");
}

TEST(test_others)
{
	struct state *st = with_account(t, c);
	struct state_admin ad = { .login = STR("eve"), .role = STR("system") };
	struct state_node n = { .id = STR("n1"),
		.name = STR("mail1"),
		.address = STR("127.0.0.1:1") };
	struct state_route r = { .pattern = STR("*"), .hosts = STR("a.net") };
	struct str name = STR("Eve");
	struct watch admin, node, route, setting;

	assert_ok(state_admin_add(t, st, "t", &ad));
	assert_ok(state_node_put(t, st, "t", &n));
	assert_ok(state_route_set(t, st, "t", &r));
	admin = watch(t, st, STATE_TAG_ADMIN, "EVE");
	node = watch(t, st, STATE_TAG_NODE, "mail1");
	route = watch(t, st, STATE_TAG_ROUTE, "*");
	setting = watch(t, st, STATE_TAG_SETTING, "account.quota");
	assert_ok(state_admin_signout(t, st, "t", STR("eve")));
	same(t, st, &admin, "a signing out");
	assert_ok(state_admin_set(t, st, "t", STR("eve"), &name, NULL, NULL));
	moved(t, st, &admin, "a name");
	assert_ok(state_totp_set(t, st, "t", STR("eve"), STR("s")));
	moved(t, st, &admin, "a second factor");
	n.address = STR("127.0.0.1:2");
	assert_ok(state_node_put(t, st, "t", &n));
	same(t, st, &node, "where it is");
	assert_string_equal(node.tag, tag_of(t, st, STATE_TAG_NODE, "n1"));
	assert_ok(state_node_drain(t, st, "t", STR("n1"), true));
	moved(t, st, &node, "an order");
	r.tls = STATE_ROUTE_MUST;
	assert_ok(state_route_set(t, st, "t", &r));
	moved(t, st, &route, "its mode");
	r.user = STR("u");
	r.password = STR("p");
	assert_ok(state_route_set(t, st, "t", &r));
	moved(t, st, &route, "a user");
	r.password = STR("q");
	assert_ok(state_route_set(t, st, "t", &r));
	same(t, st, &route, "another password");
	assert_ok(
	    state_setting_set(t, st, "t", STR("account.quota"), STR("5G")));
	moved(t, st, &setting, "a value");
	assert_ok(
	    state_setting_set(t, st, "t", STR("account.quota"), STR_NONE));
	moved(t, st, &setting, "the default");
	assert_same(t, st, node_open(t, c, 1));
	assert_string_equal(route.tag,
	    tag_of(t, c->node[1].st, STATE_TAG_ROUTE, "*"));
}

/* --- expecting --- */

static may_yield_unchecked struct err *
rename_to(struct task *t, struct state *st, const char *name)
{
	return state_account_rename(t, st, "t", STR("alice@x.org"),
	    str_c(name));
}

TEST(test_expect)
{
	struct state *st = with_account(t, c);
	struct state_expect x = { .kind = STATE_TAG_ACCOUNT,
		.key = STR("Alice@x.org") };
	uint64_t seq;

	x.tag = str_c(tag_of(t, st, x.kind, "alice@x.org"));
	state_expect_begin(t, st, &x);
	assert_ok(rename_to(t, st, ""));
	assert_false(x.met); /* nothing was changed */
	assert_ok(rename_to(t, st, "One"));
	assert_true(x.met);
	assert_false(x.unmet);
	/* an operation of several changes */
	assert_ok(rename_to(t, st, "Two"));
	assert_ok(state_account_quota(t, st, "t", STR("alice@x.org"), 1, 1));
	state_expect_end(st, &x);
	/* the same again: it is another by now */
	state_expect_begin(t, st, &x);
	seq = state_seq(st);
	assert_err(rename_to(t, st, "Three"), ERR_CONFLICT);
	assert_true(x.unmet);
	assert_err(add_domain(t, st, "y.org"), ERR_CONFLICT);
	assert_int_equal(state_seq(st), seq);
	state_expect_end(st, &x);
	assert_ok(rename_to(t, st, "Three"));
	/* that it is there at all */
	x.tag = STR("*");
	state_expect_begin(t, st, &x);
	assert_ok(rename_to(t, st, "Four"));
	state_expect_end(st, &x);
	assert_ok(state_account_remove(t, st, "t", STR("alice@x.org"), NULL));
	state_expect_begin(t, st, &x);
	assert_err(add_domain(t, st, "y.org"), ERR_CONFLICT);
	assert_true(x.unmet);
	state_expect_end(st, &x);
	assert_ok(add_domain(t, st, "y.org"));
	assert_null(st->expects);
	assert_same(t, st, node_open(t, c, 1));
}

struct racer {
	struct cluster *c;
	unsigned node;
	const char *name, *tag;
	enum err_code result;
	bool unmet, done;
};

static may_yield_unchecked void
racer_run(struct task *t, void *arg)
{
	struct racer *r = arg;
	struct state *st = r->c->node[r->node].st;
	struct state_expect x = { .kind = STATE_TAG_ACCOUNT,
		.key = STR("alice@x.org"),
		.tag = str_c(r->tag) };

	state_expect_begin(t, st, &x);
	r->result = err_code(rename_to(t, st, r->name));
	state_expect_end(st, &x);
	r->unmet = x.unmet;
	r->done = true;
}

/* Both have seen the same: exactly one of them changes it. */
static may_yield_unchecked void
race(struct task *t, struct cluster *c, unsigned second)
{
	struct share_fault_rule slow = { .proc = SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_DELAY,
		.delay_ms = 3 };
	struct racer r[2] = { { .c = c, .node = 0, .name = "zero" },
		{ .c = c, .node = second, .name = "one" } };
	struct state *st = with_account(t, c);
	struct state_account ac;
	unsigned i, winner;

	node_open(t, c, 1);
	for (i = 0; i < 2; i++) {
		r[i].tag = tag_of(t, st, STATE_TAG_ACCOUNT, "alice@x.org");
		share_fault_set(c->node[i].fault, &slow, 1);
	}
	for (i = 0; i < 2; i++)
		task_start(c->rig.sched, "racer", racer_run, &r[i]);
	while (!r[0].done || !r[1].done)
		task_sleep_ms(t, 5);
	for (i = 0; i < 2; i++)
		share_fault_set(c->node[i].fault, NULL, 0);
	winner = r[0].result == ERR_NONE ? 0 : 1;
	assert_int_equal(r[winner].result, ERR_NONE);
	assert_false(r[winner].unmet);
	assert_int_equal(r[!winner].result, ERR_CONFLICT);
	assert_true(r[!winner].unmet);
	assert_same(t, st, c->node[1].st);
	assert_ok(
	    state_account_find(task_arena(t), st, STR("alice@x.org"), &ac));
	assert_true(str_eq_c(ac.name, r[winner].name));
}

TEST(test_race_of_nodes)
{
	race(t, c, 1);
}

TEST(test_race_of_tasks)
{
	race(t, c, 0);
}

/* What one task expects says nothing about others. */
TEST(test_other_task)
{
	struct state *st = with_account(t, c);
	struct state_expect x = { .kind = STATE_TAG_DOMAIN,
		.key = STR("x.org"),
		.tag = STR("0000000000000000") };
	struct racer r = { .c = c,
		.name = "other",
		.tag = tag_of(t, st, STATE_TAG_ACCOUNT, "alice@x.org") };

	state_expect_begin(t, st, &x);
	task_start(c->rig.sched, "racer", racer_run, &r);
	while (!r.done)
		task_sleep_ms(t, 5);
	assert_int_equal(r.result, ERR_NONE);
	assert_err(rename_to(t, st, "mine"), ERR_CONFLICT);
	assert_false(x.met);
	state_expect_end(st, &x);
}

int
main(void)
{
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, cluster_setup, cluster_teardown)
	const struct CMUnitTest tests[] = {
		T(test_missing),
		T(test_account),
		T(test_domain),
		T(test_addresses),
		T(test_others),
		T(test_expect),
		T(test_race_of_nodes),
		T(test_race_of_tasks),
		T(test_other_task),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
