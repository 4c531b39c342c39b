/* test_state_admin.c - administrators, invitations, tokens, second factors */
#include "base/crypto.h"
#include "storage/state_admin.h"
#include "storage/state_audit.h"
#include "storage/state_identity.h"
#include "storage/state_private.h"
#include "storage/state_route.h"
#include "tests/unit/state_rig.h"

static const struct password_salt test_salt = { .iterations = 4096 };

static may_yield_unchecked struct password
some_password(struct task *t, const char *clear)
{
	struct password p;

	assert_ok(password_make(t, NULL, str_c(clear), 1, &test_salt, &p));
	return p;
}

static may_yield_unchecked struct err *
add(struct task *t, struct state *st, const char *login, const char *role,
    const char *domain)
{
	struct state_admin ad = { .login = str_c(login),
		.role = str_c(role),
		.domain = str_c(domain) };

	return state_admin_add(t, st, "test", &ad);
}

static may_yield_unchecked struct state *
with_domains(struct task *t, struct cluster *c)
{
	struct state *st = node_open(t, c, 0);

	assert_ok(add_domain(t, st, "x.org"));
	assert_ok(add_domain(t, st, "y.org"));
	assert_ok(add_account(t, st, "alice@x.org"));
	assert_ok(add(t, st, "root", "system", ""));
	return st;
}

static may_yield_unchecked void
check_clean(struct task *t, struct cluster *c)
{
	assert_same(t, c->node[0].st, node_open(t, c, 1));
}

static struct state_admin
found(struct task *t, struct state *st, const char *login)
{
	struct state_admin ad = { .created = 0 };

	assert_ok(state_admin_find(task_arena(t), st, str_c(login), &ad));
	return ad;
}

static void
assert_gone(struct task *t, struct state *st, const char *login)
{
	struct state_admin ad;

	assert_err(state_admin_find(task_arena(t), st, str_c(login), &ad),
	    ERR_NOTFOUND);
}

/* What one of the newest rows of the audit says of the object. */
static void
assert_audited(struct task *t, struct state *st, const char *object,
    const char *what, const char *who)
{
	struct state_audit_row *list;
	unsigned i, n;

	assert_ok(state_audit_find(task_arena(t), st,
	    &(struct state_audit_query){ .object = str_c(object), .max = 20 },
	    &list, &n));
	for (i = 0; i < n; i++)
		if (str_eq_c(list[i].what, what) && str_eq_c(list[i].who, who))
			return;
	fail_msg("no %s of %s by %s", what, object, who);
}

/* --- roles --- */

TEST(test_roles)
{
	static const struct {
		const char *login, *role, *domain;
		enum err_code code;
	} cases[] = {
		{ "eve", "system", "", ERR_NONE },
		{ "EVE", "system", "", ERR_DUPLICATE },
		{ "a1", "system", "x.org", ERR_INVALID },
		{ "a1", "domain", "", ERR_INVALID },
		{ "a1", "domain", "X.ORG", ERR_NONE },
		{ "a2", "domain", "z.org", ERR_NOTFOUND },
		{ "a2", "readonly", "", ERR_NONE },
		{ "a3", "readonly", "x.org", ERR_NONE },
		{ "a4", "king", "", ERR_INVALID },
		{ "", "system", "", ERR_INVALID },
		{ "a b", "system", "", ERR_INVALID },
		{ "Alice@X.org", "domain", "y.org", ERR_NONE },
		{ "bob@x.org", "system", "", ERR_NOTFOUND },
		{ "@x.org", "system", "", ERR_INVALID },
	};
	struct state *st = with_domains(t, c);
	struct state_admin ad, *list;
	unsigned i, n;

	for (i = 0; i < countof(cases); i++)
		if (err_code(add(t, st, cases[i].login, cases[i].role,
			cases[i].domain)) != cases[i].code)
			fail_msg("case %u", i);
	assert_ok(state_admin_list(task_arena(t), st, &list, &n));
	assert_int_equal(n, 6);
	ad = found(t, st, "A1");
	assert_true(str_eq_c(ad.domain, "x.org"));
	assert_true(ad.created > 0);
	assert_int_equal(ad.password.hash.n, 0);
	assert_audited(t, st, "a1", "admin.add", "test");
	ad = (struct state_admin){ .login = STR("named"),
		.role = STR("readonly"),
		.name = STR("Eve \xc3\x84") };
	assert_ok(state_admin_add(t, st, "test", &ad));
	assert_true(str_eq_c(found(t, st, "named").name, "Eve \xc3\x84"));
	ad.login = STR("bad");
	ad.name = STR("two\nlines");
	assert_err(state_admin_add(t, st, "test", &ad), ERR_INVALID);
	ad.name = STR("\xff");
	assert_err(state_admin_add(t, st, "test", &ad), ERR_INVALID);
	/* an account has a password of its own */
	ad = (struct state_admin){ .login = STR("alice@x.org"),
		.role = STR("system"),
		.password = some_password(t, "secret") };
	assert_err(state_admin_add(t, st, "test", &ad), ERR_INVALID);
	assert_err(state_admin_password(t, st, "test", STR("alice@x.org"),
		       &ad.password, &test_salt),
	    ERR_INVALID);
	check_clean(t, c);
}

TEST(test_set)
{
	struct state *st = with_domains(t, c);
	struct str name = STR("Eve"), domain = STR("domain"), x = STR("X.org"),
		   system = STR("system"), none = STR(""), z = STR("z.org"),
		   readonly = STR("readonly");
	struct state_admin was, ad;
	uint64_t seq;

	assert_ok(add(t, st, "eve", "system", ""));
	was = found(t, st, "eve");
	assert_ok(state_admin_set(t, st, "b", STR("Eve"), &name, NULL, NULL));
	ad = found(t, st, "eve");
	assert_true(str_eq(ad.name, name));
	assert_int_equal(ad.generation, was.generation);
	assert_audited(t, st, "eve", "admin.set", "b");
	/* nothing to do, nothing done */
	seq = state_seq(st);
	assert_ok(
	    state_admin_set(t, st, "b", STR("eve"), &name, &system, &none));
	assert_int_equal(state_seq(st), seq);
	assert_err(state_admin_set(t, st, "b", STR("eve"), NULL, &domain, NULL),
	    ERR_INVALID);
	assert_err(state_admin_set(t, st, "b", STR("eve"), NULL, NULL, &x),
	    ERR_INVALID);
	assert_err(state_admin_set(t, st, "b", STR("eve"), NULL, &domain, &z),
	    ERR_NOTFOUND);
	assert_ok(state_admin_set(t, st, "b", STR("eve"), NULL, &domain, &x));
	ad = found(t, st, "eve");
	assert_true(str_eq_c(ad.role, "domain"));
	assert_true(str_eq_c(ad.domain, "x.org"));
	assert_true(str_eq(ad.name, name));
	assert_int_equal(ad.generation, was.generation + 1);
	/* the domain stays with another role, but for system */
	assert_ok(
	    state_admin_set(t, st, "b", STR("eve"), NULL, &readonly, NULL));
	assert_true(str_eq_c(found(t, st, "eve").domain, "x.org"));
	assert_ok(state_admin_set(t, st, "b", STR("eve"), NULL, &system, NULL));
	assert_int_equal(found(t, st, "eve").domain.n, 0);
	assert_err(state_admin_set(t, st, "b", STR("no"), &name, NULL, NULL),
	    ERR_NOTFOUND);
	check_clean(t, c);
}

TEST(test_last_of_system)
{
	struct state *st = with_domains(t, c);
	struct str readonly = STR("readonly");

	assert_ok(add(t, st, "looker", "readonly", ""));
	assert_err(state_admin_remove(t, st, "t", STR("root")), ERR_CONFLICT);
	assert_err(state_admin_set(t, st, "t", STR("root"), NULL, &readonly,
		       NULL),
	    ERR_CONFLICT);
	/* one that is an account's goes with it, unless he is the last */
	assert_ok(add(t, st, "alice@x.org", "system", ""));
	assert_ok(state_admin_remove(t, st, "t", STR("root")));
	assert_err(state_account_remove(t, st, "t", STR("alice@x.org"), NULL),
	    ERR_CONFLICT);
	assert_ok(add(t, st, "root", "system", ""));
	assert_ok(state_account_remove(t, st, "t", STR("alice@x.org"), NULL));
	assert_gone(t, st, "alice@x.org");
	check_clean(t, c);
}

/* --- what goes with what --- */

TEST(test_account_goes)
{
	struct state *st = with_domains(t, c);
	struct state_token tok = { .owner = STR("alice@x.org"),
		.label = STR("script"),
		.scopes = STR("*:read") };
	struct arena *a = task_arena(t);
	struct state_account ac;
	struct state_token got;
	uint64_t generation;
	struct str text;

	assert_ok(add(t, st, "alice@x.org", "domain", "y.org"));
	assert_ok(state_token_add(t, st, "t", &tok, &text));
	assert_ok(state_token_find(a, st, text, 0, &got));
	generation = found(t, st, "alice@x.org").generation;
	/* signed out with the account */
	assert_ok(state_account_signout(t, st, "t", STR("alice@x.org")));
	assert_true(found(t, st, "alice@x.org").generation > generation);
	assert_ok(state_account_find(a, st, STR("alice@x.org"), &ac));
	generation = ac.generation;
	assert_ok(state_account_remove(t, st, "ctl", STR("alice@x.org"), NULL));
	assert_gone(t, st, "alice@x.org");
	assert_audited(t, st, "alice@x.org", "admin.remove", "ctl");
	assert_err(state_token_find(a, st, text, 0, &got), ERR_NOTFOUND);
	/* whoever has the address next is somebody else */
	assert_ok(add_account(t, st, "alice@x.org"));
	assert_gone(t, st, "alice@x.org");
	assert_ok(state_account_find(a, st, STR("alice@x.org"), &ac));
	assert_true(ac.generation != generation);
	assert_true(ac.generation != generation - 1);
	check_clean(t, c);
}

TEST(test_domain_goes)
{
	struct state *st = with_domains(t, c);
	struct state_admin_invite inv = { .role = STR("domain"),
		.domain = STR("Y.org"),
		.expires = task_wall_s(t) + 60 },
				  *invites;
	struct state_route r = { .pattern = STR("y.org"),
		.hosts = STR("a.net") },
			   below = { .pattern = STR(".y.org"),
				   .hosts = STR("a.net") },
			   *routes;
	struct state_token tok = { .owner = STR("b"),
		.label = STR("l"),
		.scopes = STR("*:read") };
	struct state_identity *ids;
	struct arena *a = task_arena(t);
	struct str text;
	unsigned n;

	assert_ok(add(t, st, "b", "domain", "y.org"));
	assert_ok(add(t, st, "r", "readonly", "y.org"));
	assert_ok(add(t, st, "x", "domain", "x.org"));
	assert_ok(state_token_add(t, st, "t", &tok, &text));
	assert_ok(state_admin_invite(t, st, "t", &inv, &text));
	inv.domain = STR("x.org");
	assert_ok(state_admin_invite(t, st, "t", &inv, &text));
	assert_ok(state_route_set(t, st, "t", &r));
	assert_ok(state_route_set(t, st, "t", &below));
	assert_ok(
	    state_identity_add(t, st, "t", STR("alice@x.org"), STR("b@y.org")));
	assert_ok(
	    state_identity_add(t, st, "t", STR("alice@x.org"), STR("@y.org")));
	assert_ok(state_identity_add(t, st, "t", STR("alice@x.org"),
	    STR("c@ay.org")));
	assert_ok(state_domain_remove(t, st, "ctl", STR("y.org")));
	assert_gone(t, st, "b");
	assert_gone(t, st, "r");
	assert_audited(t, st, "b", "admin.remove", "ctl");
	assert_true(str_eq_c(found(t, st, "x").domain, "x.org"));
	assert_ok(state_admin_invite_list(a, st, &invites, &n));
	assert_int_equal(n, 1);
	assert_true(str_eq_c(invites[0].domain, "x.org"));
	assert_ok(state_route_list(a, st, &routes, &n));
	assert_int_equal(n, 1);
	assert_true(str_eq_c(routes[0].pattern, ".y.org"));
	assert_ok(state_identity_list(a, st, STR_NONE, &ids, &n));
	assert_int_equal(n, 1);
	assert_true(str_eq_c(ids[0].address, "c@ay.org"));
	check_clean(t, c);
}

/* A name that was given up: sessions of before are nobody's. */
TEST(test_generations)
{
	struct state *st = with_domains(t, c);
	struct password p = some_password(t, "one");
	uint64_t first, second;

	assert_ok(add(t, st, "eve", "readonly", ""));
	first = found(t, st, "eve").generation;
	assert_ok(state_admin_password(t, st, "t", STR("eve"), &p, &test_salt));
	assert_int_equal(found(t, st, "eve").generation, first + 1);
	assert_ok(state_admin_signout(t, st, "b", STR("Eve")));
	assert_int_equal(found(t, st, "eve").generation, first + 2);
	assert_audited(t, st, "eve", "admin.signout", "b");
	assert_err(state_admin_signout(t, st, "b", STR("no")), ERR_NOTFOUND);
	assert_ok(state_admin_remove(t, st, "t", STR("eve")));
	assert_ok(add(t, st, "eve", "readonly", ""));
	second = found(t, st, "eve").generation;
	assert_true(second < first || second > first + 2);
	check_clean(t, c);
}

/* --- invitations --- */

/* Change the character at i to another of the alphabet. */
static struct str
spoilt(struct arena *a, struct str text, size_t i)
{
	char *p = arena_cstr(a, text);

	p[i] = p[i] == 'a' ? 'b' : 'a';
	return str_of(p, text.n);
}

TEST(test_invite)
{
	struct state *st = with_domains(t, c);
	struct arena *a = task_arena(t);
	int64_t now = task_wall_s(t);
	struct state_admin_invite inv = { .role = STR("domain"),
		.domain = STR("X.org"),
		.expires = now + 3600 },
				  got;
	struct state_admin ad = { .login = STR("Eve"),
		.name = STR("Eve E."),
		.role = STR("system"), /* is not asked */
		.password = some_password(t, "secret"),
		.salt = test_salt };
	struct str code, text;
	struct state_db *db;
	struct state_q q;
	size_t i;

	assert_ok(state_admin_invite(t, st, "admin:root", &inv, &code));
	assert_int_equal(code.n, STATE_ADMIN_CODE_CHARS);
	assert_audited(t, st, arena_cstr(a, inv.id), "admin.invite",
	    "admin:root");
	assert_ok(state_admin_invite_find(a, st, code, now, &got));
	assert_true(str_eq(got.id, inv.id));
	assert_true(str_eq_c(got.domain, "x.org"));
	assert_int_equal(got.login.n, 0);
	for (i = 0; i <= code.n; i++) {
		text =
		    i < code.n ? spoilt(a, code, i) : str_sub(code, 0, i - 1);
		if (!err_is(state_admin_invite_find(a, st, text, now, &got),
			ERR_NOTFOUND))
			fail_msg("at %zu", i);
		assert_err(state_admin_accept(t, st, text, &ad), ERR_NOTFOUND);
	}
	assert_err(state_admin_invite_find(a, st, code, now + 3600, &got),
	    ERR_NOTFOUND);
	/* the secret is nowhere */
	assert_ok(state_read_begin(a, st, &db));
	state_q_begin(&q, db, a, "SELECT hash FROM admin_invites", "");
	assert_true(state_q_row(&q));
	assert_int_equal(state_q_str(&q, 0).n, CRYPTO_SHA256_BYTES);
	assert_ok(state_q_end(&q));
	state_read_end(st);
	/* taking it */
	ad.login = STR("alice@x.org");
	assert_err(state_admin_accept(t, st, code, &ad), ERR_INVALID);
	ad.login = STR("root");
	assert_err(state_admin_accept(t, st, code, &ad), ERR_DUPLICATE);
	ad.login = STR("Eve");
	assert_ok(state_admin_accept(t, st, code, &ad));
	ad = found(t, st, "eve");
	assert_true(str_eq_c(ad.role, "domain"));
	assert_true(str_eq_c(ad.domain, "x.org"));
	assert_true(str_eq_c(ad.name, "Eve E."));
	assert_true(ad.password.hash.n > 0);
	assert_audited(t, st, "eve", "admin.accept",
	    arena_printf(a, "invite:" STR_FMT, STR_ARG(inv.id)));
	ad.login = STR("eve2");
	assert_err(state_admin_accept(t, st, code, &ad), ERR_NOTFOUND);
	check_clean(t, c);
}

TEST(test_invite_rules)
{
	struct state *st = with_domains(t, c);
	struct arena *a = task_arena(t);
	int64_t now = task_wall_s(t);
	struct state_admin_invite inv = { .role = STR("system"),
		.login = STR("Eve"),
		.expires = now },
				  *list;
	struct state_admin ad = { .login = STR("mallory"),
		.password = some_password(t, "secret"),
		.salt = test_salt };
	struct str code;
	unsigned n;

	assert_err(state_admin_invite(t, st, "t", &inv, &code), ERR_INVALID);
	inv.expires = now + STATE_ADMIN_INVITE_MAX_S + 100;
	assert_err(state_admin_invite(t, st, "t", &inv, &code), ERR_INVALID);
	inv.expires = now + 3600;
	inv.login = STR("ROOT");
	assert_err(state_admin_invite(t, st, "t", &inv, &code), ERR_DUPLICATE);
	inv.login = STR("alice@x.org");
	assert_err(state_admin_invite(t, st, "t", &inv, &code), ERR_INVALID);
	inv.login = STR("Eve");
	inv.role = STR("domain");
	inv.domain = STR("z.org");
	assert_err(state_admin_invite(t, st, "t", &inv, &code), ERR_NOTFOUND);
	inv.role = STR("system");
	inv.domain = STR_NONE;
	assert_ok(state_admin_invite(t, st, "t", &inv, &code));
	assert_err(state_admin_accept(t, st, code, &ad), ERR_INVALID);
	ad.login = STR("EVE");
	ad.password = (struct password){ .has_scram = false };
	assert_err(state_admin_accept(t, st, code, &ad), ERR_INVALID);
	/* withdrawn */
	assert_ok(state_admin_invite_remove(t, st, "t", inv.id));
	assert_err(state_admin_invite_remove(t, st, "t", inv.id), ERR_NOTFOUND);
	ad.password = some_password(t, "secret");
	assert_err(state_admin_accept(t, st, code, &ad), ERR_NOTFOUND);
	/* the next sweeps those that are over */
	assert_ok(state_admin_invite(t, st, "t", &inv, &code));
	c->rig.now += 3601 * 1000;
	assert_err(state_admin_accept(t, st, code, &ad), ERR_NOTFOUND);
	inv.expires = task_wall_s(t) + 60;
	assert_ok(state_admin_invite(t, st, "t", &inv, &code));
	assert_ok(state_admin_invite_list(a, st, &list, &n));
	assert_int_equal(n, 1);
	assert_true(str_eq(list[0].id, inv.id));
	assert_true(str_eq_c(list[0].login, "eve"));
	assert_ok(state_admin_accept(t, st, code, &ad));
	check_clean(t, c);
}

/* --- who invited --- */

static may_yield_unchecked struct str
invited(struct task *t, struct state *st, const char *inviter, struct str token)
{
	struct state_admin_invite inv = { .role = STR("system"),
		.inviter = str_c(inviter),
		.token = token,
		.expires = task_wall_s(t) + 3600 };
	struct str code;

	assert_ok(state_admin_invite(t, st, "t", &inv, &code));
	return code;
}

static bool
is_good(struct task *t, struct state *st, struct str code)
{
	struct state_admin_invite inv;
	struct err *e = state_admin_invite_find(task_arena(t), st, code,
	    task_wall_s(t), &inv);

	assert_true(e == NULL || err_is(e, ERR_NOTFOUND));
	return e == NULL;
}

enum ending {
	END_NAME,
	END_SIGNOUT,
	END_PASSWORD,
	END_ROLE,
	END_ADMIN,
	END_TOKEN,
	END_SUSPENDED,
	END_DOMAIN_SUSPENDED,
	END_OTHER_DOMAIN,
	END_ACCOUNT_ADMIN,
	END_ACCOUNT,
	ENDINGS
};

static may_yield_unchecked struct err *
ending(struct task *t, struct state *st, enum ending what, struct str token)
{
	struct str eve = STR("eve"), alice = STR("alice@x.org"),
		   name = STR("Eve"), readonly = STR("readonly");
	struct password p = some_password(t, "one");

	switch (what) {
	case END_NAME:
		return state_admin_set(t, st, "t", eve, &name, NULL, NULL);
	case END_SIGNOUT:
		return state_admin_signout(t, st, "t", eve);
	case END_PASSWORD:
		return state_admin_password(t, st, "t", eve, &p, &test_salt);
	case END_ROLE:
		return state_admin_set(t, st, "t", eve, NULL, &readonly, NULL);
	case END_ADMIN:
		return state_admin_remove(t, st, "t", eve);
	case END_TOKEN:
		return state_token_remove(t, st, "t", token);
	case END_SUSPENDED:
		return state_account_suspend(t, st, "t", alice, true);
	case END_DOMAIN_SUSPENDED:
		return state_domain_suspend(t, st, "t", STR("x.org"), true);
	case END_OTHER_DOMAIN:
		return state_domain_suspend(t, st, "t", STR("y.org"), true);
	case END_ACCOUNT_ADMIN:
		return state_admin_remove(t, st, "t", alice);
	case END_ACCOUNT:
		return state_account_remove(t, st, "t", alice, NULL);
	default:
		fail();
		return NULL;
	}
}

/* An invitation does not outlive that its maker could make it. */
TEST(test_inviter_goes)
{
	static const struct {
		bool eve, token, alice; /* what of theirs is left */
	} left[ENDINGS] = {
		[END_NAME] = { true, true, true },
		[END_SIGNOUT] = { true, true, true },
		[END_PASSWORD] = { true, true, true },
		[END_ROLE] = { false, false, true },
		[END_ADMIN] = { false, false, true },
		[END_TOKEN] = { true, false, true },
		[END_SUSPENDED] = { true, true, false },
		[END_DOMAIN_SUSPENDED] = { true, true, false },
		[END_OTHER_DOMAIN] = { true, true, true },
		[END_ACCOUNT_ADMIN] = { true, true, false },
		[END_ACCOUNT] = { true, true, false },
	};
	struct state *st = with_domains(t, c);
	struct str code[4], text;
	unsigned i;

	for (i = 0; i < ENDINGS; i++) {
		struct state_token tok = { .owner = STR("eve"),
			.label = STR("l"),
			.scopes = STR("*:write") };

		assert_ok(add(t, st, "eve", "system", ""));
		assert_ok(add(t, st, "alice@x.org", "system", ""));
		assert_ok(state_token_add(t, st, "t", &tok, &text));
		code[0] = invited(t, st, "eve", STR_NONE);
		code[1] = invited(t, st, "eve", tok.id);
		code[2] = invited(t, st, "alice@x.org", STR_NONE);
		code[3] = invited(t, st, "", STR_NONE);
		assert_ok(ending(t, st, (enum ending)i, tok.id));
		if (is_good(t, st, code[0]) != left[i].eve ||
		    is_good(t, st, code[1]) != left[i].token ||
		    is_good(t, st, code[2]) != left[i].alice ||
		    !is_good(t, st, code[3]))
			fail_msg("ending %u", i);
		/* as it was, for the next */
		if (i != END_ADMIN)
			assert_ok(state_admin_remove(t, st, "t", STR("eve")));
		if (i == END_ACCOUNT)
			continue;
		assert_ok(state_account_suspend(t, st, "t", STR("alice@x.org"),
		    false));
		assert_ok(
		    state_domain_suspend(t, st, "t", STR("x.org"), false));
		if (i != END_ACCOUNT_ADMIN)
			assert_ok(
			    state_admin_remove(t, st, "t", STR("alice@x.org")));
	}
	check_clean(t, c);
}

TEST(test_inviter_rules)
{
	struct state *st = with_domains(t, c);
	struct state_token tok = { .owner = STR("root"),
		.label = STR("l"),
		.scopes = STR("*:write") };
	struct state_admin_invite inv = { .role = STR("readonly"),
		.expires = task_wall_s(t) + 3600 },
				  *list;
	static const char *const nobody[] = { "eve", "looker", "alice@x.org" };
	struct arena *a = task_arena(t);
	struct str text, code;
	unsigned i, n;

	assert_ok(add(t, st, "looker", "readonly", ""));
	assert_ok(state_token_add(t, st, "t", &tok, &text));
	/* not, or not any more, when it comes to that */
	for (i = 0; i < countof(nobody); i++) {
		inv.inviter = str_c(nobody[i]);
		assert_err(state_admin_invite(t, st, "t", &inv, &code),
		    ERR_DENIED);
	}
	inv.inviter = STR("root");
	inv.token = STR("aaaaaaaaaaaaaaaaaaaa");
	assert_err(state_admin_invite(t, st, "t", &inv, &code), ERR_DENIED);
	inv.token = tok.id;
	assert_ok(state_admin_invite(t, st, "t", &inv, &code));
	assert_ok(state_admin_invite_find(a, st, code, 0, &inv));
	assert_true(str_eq_c(inv.inviter, "root"));
	assert_true(str_eq(inv.token, tok.id));
	assert_ok(state_admin_invite_list(a, st, &list, &n));
	assert_int_equal(n, 1);
	assert_true(str_eq_c(list[0].inviter, "root"));
	assert_ok(add(t, st, "eve", "system", ""));
	inv.inviter = STR("eve");
	assert_err(state_admin_invite(t, st, "t", &inv, &code), ERR_DENIED);
	check_clean(t, c);
}

/* --- two nodes at once --- */

struct two {
	struct cluster *c;
	unsigned node;
	struct str code;
	const char *login;
	struct password password;
	uint64_t step;
	enum err_code result;
	bool done;
};

static may_yield_unchecked void
accept_run(struct task *t, void *arg)
{
	struct two *o = arg;
	struct state_admin ad = { .login = str_c(o->login),
		.password = o->password,
		.salt = test_salt };

	o->result = err_code(
	    state_admin_accept(t, o->c->node[o->node].st, o->code, &ad));
	o->done = true;
}

static may_yield_unchecked void
totp_run(struct task *t, void *arg)
{
	struct two *o = arg;

	o->result = err_code(state_totp_use(t, o->c->node[o->node].st,
	    str_c(o->login), o->step));
	o->done = true;
}

static may_yield_unchecked void
both_at_once(struct task *t, struct cluster *c, struct two o[2],
    void (*run)(struct task *t, void *arg))
{
	struct share_fault_rule slow = { .proc = SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_DELAY,
		.delay_ms = 3 };
	unsigned i;

	for (i = 0; i < 2; i++) {
		share_fault_set(c->node[i].fault, &slow, 1);
		task_start(c->rig.sched, "two", run, &o[i]);
	}
	while (!o[0].done || !o[1].done)
		task_sleep_ms(t, 5);
	for (i = 0; i < 2; i++)
		share_fault_set(c->node[i].fault, NULL, 0);
}

TEST(test_invite_race)
{
	struct state *st = with_domains(t, c);
	struct state_admin_invite inv = { .role = STR("system"),
		.expires = task_wall_s(t) + 60 };
	struct two o[2] = { { .c = c, .node = 0, .login = "one" },
		{ .c = c, .node = 1, .login = "two" } };
	struct state_admin *list;
	unsigned i, n;

	assert_ok(state_admin_invite(t, st, "t", &inv, &o[0].code));
	o[1].code = o[0].code;
	for (i = 0; i < 2; i++)
		o[i].password = some_password(t, "secret");
	node_open(t, c, 1);
	both_at_once(t, c, o, accept_run);
	assert_true((o[0].result == ERR_NONE) != (o[1].result == ERR_NONE));
	assert_true(o[0].result == ERR_NOTFOUND || o[1].result == ERR_NOTFOUND);
	assert_same(t, c->node[0].st, c->node[1].st);
	assert_ok(state_admin_list(task_arena(t), st, &list, &n));
	assert_int_equal(n, 2);
}

/* --- second factors --- */

TEST(test_totp)
{
	struct state *st = with_domains(t, c);
	struct arena *a = task_arena(t);
	uint64_t step, generation, alice;
	struct str secret;

	assert_ok(add(t, st, "alice@x.org", "readonly", ""));
	assert_ok(state_totp_find(a, st, STR("root"), &secret, &step));
	assert_int_equal(secret.n, 0);
	assert_err(state_totp_use(t, st, STR("root"), 5), ERR_DENIED);
	generation = found(t, st, "root").generation;
	assert_ok(state_totp_set(t, st, "b", STR("Root"), STR("01234567")));
	assert_audited(t, st, "root", "totp.set", "b");
	assert_int_equal(found(t, st, "root").generation, generation + 1);
	/* the same: nothing was done */
	assert_ok(state_totp_set(t, st, "b", STR("Root"), STR("01234567")));
	assert_int_equal(found(t, st, "root").generation, generation + 1);
	assert_ok(state_totp_find(a, st, STR("root"), &secret, &step));
	assert_true(str_eq_c(secret, "01234567"));
	assert_int_equal(step, 0);
	assert_true(str_eq_c(found(t, st, "root").totp, "01234567"));
	assert_ok(state_totp_use(t, st, STR("root"), 5));
	assert_err(state_totp_use(t, st, STR("root"), 5), ERR_DENIED);
	assert_err(state_totp_use(t, st, STR("root"), 4), ERR_DENIED);
	assert_ok(state_totp_use(t, st, STR("root"), 6));
	assert_int_equal(found(t, st, "root").totp_step, 6);
	/* another secret, other codes */
	assert_ok(state_totp_set(t, st, "b", STR("root"), STR("89")));
	assert_ok(state_totp_use(t, st, STR("root"), 6));
	assert_ok(state_totp_set(t, st, "b", STR("root"), STR_NONE));
	assert_audited(t, st, "root", "totp.remove", "b");
	assert_int_equal(found(t, st, "root").totp.n, 0);
	assert_int_equal(found(t, st, "root").generation, generation + 3);
	/* of an account, which administrates with it */
	alice = found(t, st, "alice@x.org").generation;
	assert_ok(state_totp_set(t, st, "b", STR("Alice@x.org"), STR("al")));
	assert_true(str_eq_c(found(t, st, "alice@x.org").totp, "al"));
	assert_true(found(t, st, "alice@x.org").generation > alice);
	assert_ok(state_admin_remove(t, st, "b", STR("alice@x.org")));
	assert_ok(state_totp_find(a, st, STR("alice@x.org"), &secret, &step));
	assert_true(str_eq_c(secret, "al"));
	assert_ok(state_totp_use(t, st, STR("alice@x.org"), 1));
	assert_err(state_totp_find(a, st, STR("no@x.org"), &secret, &step),
	    ERR_NOTFOUND);
	assert_err(state_totp_set(t, st, "b", STR("no"), STR("x")),
	    ERR_NOTFOUND);
	check_clean(t, c);
}

TEST(test_totp_race)
{
	struct state *st = with_domains(t, c);
	struct two o[2] = { { .c = c, .node = 0, .login = "root", .step = 7 },
		{ .c = c, .node = 1, .login = "root", .step = 7 } };

	assert_ok(state_totp_set(t, st, "b", STR("root"), STR("01234567")));
	node_open(t, c, 1);
	both_at_once(t, c, o, totp_run);
	assert_true((o[0].result == ERR_NONE) != (o[1].result == ERR_NONE));
	assert_true(o[0].result == ERR_DENIED || o[1].result == ERR_DENIED);
	assert_same(t, c->node[0].st, c->node[1].st);
}

/* --- tokens --- */

TEST(test_tokens)
{
	struct state *st = with_domains(t, c);
	struct arena *a = task_arena(t);
	int64_t now = task_wall_s(t);
	struct state_token tok = { .owner = STR("Root"),
		.label = STR("backup"),
		.scopes = STR("accounts:write queue:read"),
		.expires = now + 60 },
			   got, *list;
	struct str text, other;
	unsigned n;
	size_t i;

	assert_ok(state_token_add(t, st, "b", &tok, &text));
	assert_true(text.n <= STATE_TOKEN_MAX);
	assert_true(str_starts(text, STR("shoal_")));
	assert_audited(t, st, "root", "token.add", "b");
	assert_ok(state_token_find(a, st, text, now, &got));
	assert_true(str_eq_c(got.owner, "root"));
	assert_true(str_eq_c(got.label, "backup"));
	assert_true(str_eq(got.scopes, tok.scopes));
	assert_int_equal(got.expires, now + 60);
	assert_err(state_token_find(a, st, text, now + 60, &got), ERR_NOTFOUND);
	for (i = 0; i <= text.n; i++) {
		other =
		    i < text.n ? spoilt(a, text, i) : str_sub(text, 0, i - 1);
		if (!err_is(state_token_find(a, st, other, now, &got),
			ERR_NOTFOUND))
			fail_msg("at %zu", i);
		assert_int_equal(got.owner.n, 0);
	}
	assert_err(state_token_find(a, st, STR_NONE, now, &got), ERR_NOTFOUND);
	tok.expires = 0;
	tok.label = STR("forever");
	assert_ok(state_token_add(t, st, "b", &tok, &other));
	assert_ok(state_token_find(a, st, other, now + (1LL << 40), &got));
	assert_ok(state_token_list(a, st, STR("ROOT"), &list, &n));
	assert_int_equal(n, 2);
	assert_ok(state_token_list(a, st, STR("eve"), &list, &n));
	assert_int_equal(n, 0);
	assert_ok(state_token_remove(t, st, "b", tok.id));
	assert_audited(t, st, "root", "token.remove", "b");
	assert_err(state_token_remove(t, st, "b", tok.id), ERR_NOTFOUND);
	assert_err(state_token_find(a, st, other, now, &got), ERR_NOTFOUND);
	check_clean(t, c);
}

TEST(test_token_rules)
{
	struct state *st = with_domains(t, c);
	struct arena *a = task_arena(t);
	struct state_token tok = { .owner = STR("eve"),
		.label = STR("l"),
		.scopes = STR("*:read") },
			   *list;
	struct str text;
	unsigned i, n;

	assert_err(state_token_add(t, st, "b", &tok, &text), ERR_NOTFOUND);
	assert_ok(add(t, st, "eve", "readonly", ""));
	tok.label = STR("a\tb");
	assert_err(state_token_add(t, st, "b", &tok, &text), ERR_INVALID);
	tok.label = STR_NONE;
	assert_err(state_token_add(t, st, "b", &tok, &text), ERR_INVALID);
	tok.label = STR("l");
	tok.scopes = STR("a'b");
	assert_err(state_token_add(t, st, "b", &tok, &text), ERR_INVALID);
	tok.scopes = STR_NONE;
	assert_err(state_token_add(t, st, "b", &tok, &text), ERR_INVALID);
	tok.scopes = STR("*:read");
	tok.expires = task_wall_s(t);
	assert_err(state_token_add(t, st, "b", &tok, &text), ERR_INVALID);
	for (i = 0; i < STATE_TOKENS_MAX; i++) {
		tok.expires = i == 0 ? task_wall_s(t) + 60 : 0;
		assert_ok(state_token_add(t, st, "b", &tok, &text));
	}
	assert_err(state_token_add(t, st, "b", &tok, &text), ERR_LIMIT);
	/* one that has been over for long makes room */
	c->rig.now += 61 * 1000;
	assert_err(state_token_add(t, st, "b", &tok, &text), ERR_LIMIT);
	c->rig.now += STATE_TOKEN_KEEP_S * 1000LL;
	assert_ok(state_token_add(t, st, "b", &tok, &text));
	/* and all go with their owner */
	assert_ok(state_admin_remove(t, st, "b", STR("eve")));
	assert_ok(state_token_list(a, st, STR_NONE, &list, &n));
	assert_int_equal(n, 0);
	check_clean(t, c);
}

/* --- sessions --- */

TEST(test_sessions)
{
	static const char one[] = "00112233445566778899aabbccddeeff",
			  two[] = "ffeeddccbbaa99887766554433221100";
	struct state *st = with_domains(t, c);
	struct arena *a = task_arena(t);
	int64_t now = task_wall_s(t);
	uint64_t seq;
	bool ended;

	assert_ok(state_session_is_ended(a, st, str_c(one), &ended));
	assert_false(ended);
	assert_ok(state_session_end(t, st, str_c(one), now + 60));
	assert_ok(state_session_is_ended(a, st, str_c(one), &ended));
	assert_true(ended);
	assert_ok(state_session_is_ended(a, st, str_c(two), &ended));
	assert_false(ended);
	seq = state_seq(st);
	assert_ok(state_session_end(t, st, str_c(one), now + 60));
	assert_int_equal(state_seq(st), seq);
	assert_err(state_session_end(t, st, STR("xyz"), now), ERR_INVALID);
	/* over, but perhaps not by the clock of another node */
	c->rig.now += 120 * 1000;
	assert_ok(state_session_end(t, st, str_c(two), now + 9999));
	assert_ok(state_session_is_ended(a, st, str_c(one), &ended));
	assert_true(ended);
	c->rig.now += 7200 * 1000;
	assert_ok(state_session_end(t, st,
	    STR("0123456789abcdef0123456789abcdef"), now + 9999));
	assert_ok(state_session_is_ended(a, st, str_c(one), &ended));
	assert_false(ended);
	assert_ok(state_session_is_ended(a, st, str_c(two), &ended));
	assert_true(ended);
	check_clean(t, c);
}

int
main(void)
{
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, cluster_setup, cluster_teardown)
	const struct CMUnitTest tests[] = {
		T(test_roles),
		T(test_set),
		T(test_last_of_system),
		T(test_account_goes),
		T(test_domain_goes),
		T(test_generations),
		T(test_invite),
		T(test_invite_rules),
		T(test_inviter_goes),
		T(test_inviter_rules),
		T(test_invite_race),
		T(test_totp),
		T(test_totp_race),
		T(test_tokens),
		T(test_token_rules),
		T(test_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
