/* test_state_schema.c - a share of an older schema, and retention by domain */
#include "storage/state_admin.h"
#include "storage/state_dkim.h"
#include "storage/state_identity.h"
#include "storage/state_key.h"
#include "storage/state_private.h"
#include "storage/state_route.h"
#include "storage/state_srs.h"
#include "storage/state_tag.h"
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

/* A share of the second: what sending needs is not there yet. */
TEST(test_second_schema)
{
	struct state_domain d = { .accounts_max = 9,
		.rules.separators = STR("-") };
	struct state_route r = { .pattern = STR("*"), .hosts = STR("a.net") },
			   none;
	struct state_cluster_key k = { .kind = STR("dkim"),
		.domain = STR("x.org"),
		.selector = STR("old"),
		.algorithm = STR("rsa"),
		.secret = STR("pem"),
		.active = true };
	struct state_cluster_key idle = k;
	struct state_dkim_key *keys;
	struct state_dkim_signer *signers;
	struct state_account ac;
	struct state *a, *b;
	struct arena *ar = task_arena(t);
	unsigned i, n;
	bool yes;

	c->node[0].conf.schema_max = 2;
	assert_int_equal(system(
			     arena_printf(ar, "rm -r %s/state", c->share_dir)),
	    0);
	assert_ok(state_create(t, &c->node[0].conf));
	c->node[0].conf.schema_max = 0;
	a = node_open(t, c, 0);
	b = node_open(t, c, 1);
	assert_int_equal(state_schema(a), 2);
	assert_ok(add_domain(t, a, "x.org"));
	assert_ok(add_account(t, a, "alice@x.org"));
	assert_ok(state_account_find(ar, a, STR("alice@x.org"), &ac));
	idle.selector = STR("idle");
	idle.active = false;
	assert_ok(state_key_add(t, a, "test", &k));
	assert_ok(state_key_add(t, a, "test", &idle));
	assert_ok(state_domain_set(t, a, "test", STR("x.org"), &d,
	    STATE_DOMAIN_ACCOUNTS));
	assert_err(state_domain_set(t, a, "test", STR("x.org"), &d,
		       STATE_DOMAIN_SEPARATORS),
	    ERR_CONFLICT);
	assert_err(state_route_set(t, a, "test", &r), ERR_CONFLICT);
	assert_err(state_identity_add(t, a, "test", STR("alice@x.org"),
		       STR("b@y.org")),
	    ERR_CONFLICT);
	assert_err(state_srs_rotate(t, a, "test"), ERR_CONFLICT);
	assert_err(state_route_find(ar, a, STR("y.org"), &none), ERR_NOTFOUND);
	assert_ok(state_may_send_as(ar, a, ac.id, STR("alice+x@x.org"), &yes));
	assert_true(yes);
	assert_ok(state_may_send_as(ar, a, ac.id, STR("b@y.org"), &yes));
	assert_false(yes);
	assert_ok(state_dkim_list(ar, a, STR_NONE, &keys, &n));
	assert_int_equal(n, 0);
	assert_same(t, a, b);
	assert_ok(state_schema_raise(t, a, STATE_SCHEMA));
	assert_int_equal(state_schema(a), STATE_SCHEMA);
	assert_same(t, a, b);
	/* rows of before, changed by the other node */
	assert_ok(state_domain_set(t, b, "test", STR("x.org"), &d,
	    STATE_DOMAIN_SEPARATORS));
	assert_ok(state_dkim_list(ar, b, STR("x.org"), &keys, &n));
	assert_int_equal(n, 2);
	for (i = 0; i < n; i++)
		assert_int_equal(keys[i].stage,
		    str_eq_c(keys[i].selector, "old") ? STATE_DKIM_ACTIVE
						      : STATE_DKIM_RETIRED);
	assert_ok(
	    state_dkim_signers(ar, b, STR("x.org"), STR("n"), &signers, &n));
	assert_int_equal(n, 1);
	assert_ok(state_dkim_retire(t, b, "test", STR("x.org"), STR("old")));
	assert_ok(state_dkim_remove(t, b, "test", STR("x.org"), STR("idle")));
	assert_ok(state_route_set(t, b, "test", &r));
	assert_ok(state_identity_add(t, b, "test", STR("alice@x.org"),
	    STR("b@y.org")));
	assert_ok(state_srs_rotate(t, b, "test"));
	assert_same(t, a, b);
	/* and by one that joins: a snapshot of before, entries of after */
	assert_same(t, a, node_open(t, c, 2));
	assert_ok(state_domain_find(ar, a, STR("x.org"), &d));
	assert_true(str_eq_c(d.rules.separators, "-"));
	assert_int_equal(d.accounts_max, 9);
}

/* What the console needs, below its schema. */
static may_yield_unchecked void
no_console_yet(struct task *t, struct state *st)
{
	static const char id[] = "00112233445566778899aabbccddeeff";
	struct arena *a = task_arena(t);
	struct state_admin ad = { .login = STR("eve"),
		.role = STR("readonly") };
	struct state_admin_invite inv = { .role = STR("system"),
		.expires = task_wall_s(t) + 60 },
				  *invites;
	struct state_token tok = { .owner = STR("root"),
		.label = STR("l"),
		.scopes = STR("*:read") },
			   *tokens;
	struct str name = STR("Root"), text, secret;
	uint64_t step;
	unsigned n;
	bool ended;

	assert_err(state_admin_add(t, st, "test", &ad), ERR_CONFLICT);
	ad.role = STR("system");
	ad.name = name;
	assert_err(state_admin_add(t, st, "test", &ad), ERR_CONFLICT);
	assert_err(state_admin_set(t, st, "test", STR("root"), &name, NULL,
		       NULL),
	    ERR_CONFLICT);
	assert_err(state_admin_invite(t, st, "test", &inv, &text),
	    ERR_CONFLICT);
	assert_err(state_token_add(t, st, "test", &tok, &text), ERR_CONFLICT);
	assert_err(state_token_remove(t, st, "test", STR("x")), ERR_CONFLICT);
	assert_err(state_admin_invite_remove(t, st, "test", STR("x")),
	    ERR_CONFLICT);
	assert_err(state_totp_set(t, st, "test", STR("root"), STR("s")),
	    ERR_CONFLICT);
	assert_err(state_totp_use(t, st, STR("root"), 1), ERR_CONFLICT);
	assert_err(state_session_end(t, st, str_c(id), task_wall_s(t)),
	    ERR_CONFLICT);
	assert_ok(state_totp_find(a, st, STR("root"), &secret, &step));
	assert_int_equal(secret.n, 0);
	assert_ok(state_admin_invite_list(a, st, &invites, &n));
	assert_int_equal(n, 0);
	assert_ok(state_token_list(a, st, STR_NONE, &tokens, &n));
	assert_int_equal(n, 0);
	assert_ok(state_session_is_ended(a, st, str_c(id), &ended));
	assert_false(ended);
	assert_err(state_token_find(a, st,
		       STR("shoal_aaaaaaaaaaaaaaaaaaaa_"
			   "aaaaaaaaaaaaaaaaaaaaaaaaaa"),
		       0, &tok),
	    ERR_NOTFOUND);
	assert_err(state_admin_invite_find(a, st,
		       STR("aaaaaaaaaaaaaaaaaaaa-aaaaaaaaaaaaaaaaaaaaaaaaaa"),
		       0, &inv),
	    ERR_NOTFOUND);
}

/* A share of the third, with administrators and accounts. */
TEST(test_third_schema)
{
	struct state_admin ad = { .login = STR("root"), .role = STR("system") };
	struct state_account_new n = { .address = STR("bob@x.org") };
	struct arena *ar = task_arena(t);
	struct state *a, *b;
	char was[STATE_TAG_CHARS + 1], tag[STATE_TAG_CHARS + 1];
	struct str name = STR("Root");

	c->node[0].conf.schema_max = 3;
	assert_int_equal(system(
			     arena_printf(ar, "rm -r %s/state", c->share_dir)),
	    0);
	assert_ok(state_create(t, &c->node[0].conf));
	c->node[0].conf.schema_max = 0;
	a = node_open(t, c, 0);
	b = node_open(t, c, 1);
	assert_int_equal(state_schema(a), 3);
	assert_ok(add_domain(t, a, "x.org"));
	assert_ok(add_domain(t, a, "y.org"));
	assert_ok(add_account(t, a, "alice@x.org"));
	assert_ok(state_admin_add(t, a, "test", &ad));
	ad.login = STR("gone");
	assert_ok(state_admin_add(t, a, "test", &ad));
	assert_ok(state_admin_remove(t, a, "test", ad.login));
	ad.login = STR("alice@x.org");
	ad.role = STR("domain");
	ad.domain = STR("y.org");
	assert_ok(state_admin_add(t, a, "test", &ad));
	no_console_yet(t, a);
	assert_ok(state_tag(ar, a, STATE_TAG_ACCOUNT, ad.login, was));
	assert_ok(state_tag(ar, a, STATE_TAG_ADMIN, ad.login, tag));
	/* what goes with what is there */
	assert_ok(state_account_add(t, a, "test", &n, 1));
	assert_ok(state_account_suspend(t, a, "test", n.address, true));
	assert_ok(state_domain_suspend(t, a, "test", STR("y.org"), true));
	assert_ok(state_domain_suspend(t, a, "test", STR("y.org"), false));
	assert_ok(state_account_remove(t, a, "test", n.address, NULL));
	assert_ok(state_account_purge(t, a, "test", n.id_r, true));
	assert_ok(state_admin_signout(t, a, "test", STR("root")));
	assert_same(t, a, b);
	assert_ok(state_schema_raise(t, a, STATE_SCHEMA));
	assert_same(t, a, b);
	assert_ok(state_tag(ar, b, STATE_TAG_ACCOUNT, ad.login, tag));
	assert_string_not_equal(tag, was);
	/* rows of before, changed by the other node */
	assert_ok(
	    state_admin_set(t, b, "test", STR("root"), &name, NULL, NULL));
	assert_ok(state_totp_set(t, b, "test", STR("root"), STR("s")));
	assert_ok(state_totp_set(t, b, "test", STR("alice@x.org"), STR("s")));
	assert_ok(state_totp_use(t, b, STR("alice@x.org"), 7));
	assert_ok(state_account_quota(t, b, "test", STR("alice@x.org"), 5, 5));
	assert_same(t, a, b);
	assert_ok(state_admin_find(ar, a, STR("root"), &ad));
	assert_true(str_eq_c(ad.name, "Root"));
	assert_true(str_eq_c(ad.totp, "s"));
	/* and by one that joins: a snapshot of before, entries of after */
	assert_same(t, a, node_open(t, c, 2));
	assert_ok(state_domain_remove(t, c->node[2].st, "test", STR("y.org")));
	assert_err(state_admin_find(ar, c->node[2].st, STR("alice@x.org"), &ad),
	    ERR_NOTFOUND);
	assert_same(t, a, c->node[2].st);
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
		T(test_second_schema),
		T(test_third_schema),
		T(test_domain_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
