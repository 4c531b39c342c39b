/* test_auth_who.c - what ends sessions and tokens of the console */
#include "server/auth/auth_console.h"
#include "storage/state_admin.h"
#include "tests/unit/state_rig.h"

static may_yield_unchecked struct state *
with_people(struct task *t, struct cluster *c)
{
	struct state_admin root = { .login = STR("root"),
		.role = STR("system") },
			   eve = { .login = STR("eve"),
				   .role = STR("readonly") };
	struct state *st = node_open(t, c, 0);

	assert_ok(add_domain(t, st, "x.org"));
	assert_ok(add_account(t, st, "alice@x.org"));
	assert_ok(state_admin_add(t, st, "t", &root));
	assert_ok(state_admin_add(t, st, "t", &eve));
	return st;
}

static may_yield_unchecked void
promote(struct task *t, struct state *st, const char *role)
{
	struct state_admin ad = { .login = STR("alice@x.org"),
		.role = str_c(role) };

	assert_ok(state_admin_add(t, st, "t", &ad));
}

/* As signing in makes it. */
static struct session
signed_in(struct task *t, struct state *st, const char *login)
{
	struct session s = { .id = "00112233445566778899aabbccddeeff",
		.admin = strchr(login, '@') == NULL,
		.login = str_c(login),
		.issued = task_wall_s(t),
		.expires = task_wall_s(t) + 3600 };
	struct principal p;

	assert_ok(auth_who(task_arena(t), st, s.admin, s.login, &p));
	s.generation = p.generation;
	return s;
}

static enum err_code
is(struct task *t, struct state *st, const struct session *s,
    struct principal *p)
{
	bool behind;

	return err_code(auth_who_session(task_arena(t), st, s, p, &behind));
}

static void
goes_on(struct task *t, struct state *st, const struct session *s)
{
	struct principal p;

	assert_int_equal(is(t, st, s, &p), ERR_NONE);
}

static void
is_over(struct task *t, struct state *st, const struct session *s)
{
	struct principal p;

	assert_int_equal(is(t, st, s, &p), ERR_DENIED);
}

TEST(test_administrator)
{
	struct state *st = with_people(t, c);
	struct state_admin again = { .login = STR("eve"),
		.role = STR("system") };
	struct str role = STR("system"), name = STR("Eve");
	struct session s = signed_in(t, st, "eve");
	struct principal p;

	assert_int_equal(is(t, st, &s, &p), ERR_NONE);
	assert_int_equal(p.role, ROLE_READONLY);
	assert_string_equal(p.by, "admin:eve");
	assert_ok(state_admin_set(t, st, "t", STR("eve"), &name, NULL, NULL));
	goes_on(t, st, &s);
	assert_ok(state_admin_set(t, st, "t", STR("eve"), NULL, &role, NULL));
	is_over(t, st, &s);
	s = signed_in(t, st, "eve");
	assert_ok(state_admin_signout(t, st, "t", STR("eve")));
	is_over(t, st, &s);
	s = signed_in(t, st, "eve");
	assert_ok(state_session_end(t, st, str_c(s.id), s.expires));
	is_over(t, st, &s);
	memset(s.id, 'a', SESSION_ID_CHARS);
	goes_on(t, st, &s);
	/* another of that name, at once */
	assert_ok(state_admin_remove(t, st, "t", STR("eve")));
	is_over(t, st, &s);
	assert_ok(state_admin_add(t, st, "t", &again));
	is_over(t, st, &s);
}

TEST(test_account)
{
	struct state *st = with_people(t, c);
	struct session s = signed_in(t, st, "alice@x.org");
	struct principal p;

	assert_int_equal(is(t, st, &s, &p), ERR_NONE);
	assert_int_equal(p.role, ROLE_USER);
	assert_string_equal(p.by, "user:alice@x.org");
	assert_ok(state_account_signout(t, st, "t", STR("alice@x.org")));
	is_over(t, st, &s);
	s = signed_in(t, st, "alice@x.org");
	assert_ok(state_domain_suspend(t, st, "t", STR("x.org"), true));
	is_over(t, st, &s);
	assert_ok(state_domain_suspend(t, st, "t", STR("x.org"), false));
	goes_on(t, st, &s);
	assert_ok(state_account_remove(t, st, "t", STR("alice@x.org"), NULL));
	is_over(t, st, &s);
	assert_ok(add_account(t, st, "alice@x.org"));
	is_over(t, st, &s);
}

/* Either of the two is enough. */
TEST(test_account_that_administrates)
{
	struct state *st = with_people(t, c);
	struct str system = STR("system");
	struct session s;
	struct principal p;

	promote(t, st, "readonly");
	s = signed_in(t, st, "alice@x.org");
	assert_int_equal(is(t, st, &s, &p), ERR_NONE);
	assert_int_equal(p.role, ROLE_READONLY);
	assert_true(p.has_account);
	assert_ok(state_admin_signout(t, st, "t", STR("alice@x.org")));
	is_over(t, st, &s);
	s = signed_in(t, st, "alice@x.org");
	assert_ok(state_account_signout(t, st, "t", STR("alice@x.org")));
	is_over(t, st, &s);
	s = signed_in(t, st, "alice@x.org");
	assert_ok(state_admin_set(t, st, "t", STR("alice@x.org"), NULL, &system,
	    NULL));
	is_over(t, st, &s);
	s = signed_in(t, st, "alice@x.org");
	assert_ok(state_admin_remove(t, st, "t", STR("alice@x.org")));
	is_over(t, st, &s);
}

TEST(test_token)
{
	struct state *st = with_people(t, c);
	struct state_token tok = { .owner = STR("alice@x.org"),
		.label = STR("l"),
		.scopes = STR("queue:read") };
	int64_t now = task_wall_s(t);
	struct arena *a = task_arena(t);
	struct principal p;
	struct str text;

	promote(t, st, "readonly");
	assert_ok(state_token_add(t, st, "t", &tok, &text));
	assert_ok(auth_who_token(a, st, text, now, &p));
	assert_int_equal(p.role, ROLE_READONLY);
	assert_true(principal_may(&p, AREA_QUEUE, false));
	assert_false(principal_may(&p, AREA_QUEUE, true));
	assert_false(principal_may(&p, AREA_TRACE, false));
	/* what it may, and whether at all, is its owner's */
	assert_ok(state_admin_signout(t, st, "t", STR("alice@x.org")));
	assert_ok(auth_who_token(a, st, text, now, &p));
	assert_ok(state_account_suspend(t, st, "t", STR("alice@x.org"), true));
	assert_err(auth_who_token(a, st, text, now, &p), ERR_DENIED);
	assert_ok(state_account_suspend(t, st, "t", STR("alice@x.org"), false));
	assert_ok(auth_who_token(a, st, text, now, &p));
	assert_ok(state_account_remove(t, st, "t", STR("alice@x.org"), NULL));
	assert_ok(add_account(t, st, "alice@x.org"));
	promote(t, st, "system");
	assert_err(auth_who_token(a, st, text, now, &p), ERR_DENIED);
}

int
main(void)
{
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, cluster_setup, cluster_teardown)
	const struct CMUnitTest tests[] = {
		T(test_administrator),
		T(test_account),
		T(test_account_that_administrates),
		T(test_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
