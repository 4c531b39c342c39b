/* test_auth_console.c - signing in to the console; who sessions and tokens are
 */
#include <liboath/oath.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/admin/admin.h"
#include "server/auth/auth_console.h"
#include "server/auth/totp.h"
#include "server/cluster/hints.h"
#include "server/net/counts.h"
#include "server/net/listener.h"
#include "server/worker.h"
#include "storage/state_admin.h"
#include "tests/unit/state_rig.h"

/* --- what it leans on, replaced --- */

static struct {
	struct worker w;
	uint64_t setting[STATE_SETTINGS];
	unsigned hashes, changed, sessions;
	enum err_code broken; /* nothing can be changed */
	uint64_t told;	      /* the last tally's key */
} g;

uint64_t
worker_setting(const struct worker *w, enum state_setting id)
{
	(void)w;
	return g.setting[id];
}

bool
net_is_exempt(struct worker *w, const struct net_addr *a)
{
	(void)w;
	return a->family == NET_UNIX || net_addr_is_loopback(a);
}

void
hints_failure(struct hints *h, uint64_t key, unsigned points)
{
	(void)h, (void)key, (void)points;
}

void
hints_tally(struct hints *h, uint64_t key, unsigned n)
{
	(void)h;
	assert_int_equal(n, 1);
	g.told = key;
}

void
hints_tell_first(struct hints *h, struct str text)
{
	(void)h, (void)text;
	fail_msg("nothing is upgraded here");
}

struct err *
admin_of_worker(struct task *t, struct worker *w, const char *by,
    struct admin *ad_r)
{
	*ad_r = (struct admin){ .state = w->state, .by = by };
	return g.broken != ERR_NONE
		   ? err_new(task_arena(t), g.broken, "broken", NULL)
		   : NULL;
}

void
admin_changed(struct task *t, struct admin *ad)
{
	(void)t, (void)ad;
	g.changed++;
}

bool
conn_tls_binding(const struct conn *c, struct str type,
    unsigned char out_r[CONN_BINDING_MAX], size_t *n_r)
{
	(void)c, (void)type, (void)out_r, (void)n_r;
	return false;
}

may_yield struct err *__real_password_verify(struct task *t, struct offload *o,
    struct str clear, const struct password *p, bool *ok_r);
may_yield struct err *__wrap_password_verify(struct task *t, struct offload *o,
    struct str clear, const struct password *p, bool *ok_r);
may_yield struct err *
__wrap_password_verify(struct task *t, struct offload *o, struct str clear,
    const struct password *p, bool *ok_r)
{
	g.hashes++;
	return __real_password_verify(t, o, clear, p, ok_r);
}

/* --- the rig --- */

static const struct password_salt salt = { .iterations = 4096 };

static may_yield_unchecked struct password
make(struct task *t, const struct password_salt *with, const char *clear)
{
	struct password p;

	assert_ok(password_make(t, NULL, str_c(clear), 1, with, &p));
	return p;
}

static may_yield_unchecked void
add_admin(struct task *t, const char *login, const char *role,
    const char *domain, const char *clear)
{
	struct state_admin ad = { .login = str_c(login),
		.role = str_c(role),
		.domain = str_c(domain),
		.salt = salt };

	if (clear != NULL)
		ad.password = make(t, &salt, clear);
	assert_ok(state_admin_add(t, g.w.state, "test", &ad));
}

static may_yield_unchecked void
give(struct task *t, const char *address, const char *clear)
{
	struct password_salt own;
	struct password p;

	assert_ok(state_account_salt(task_arena(t), g.w.state, str_c(address),
	    &rnd_system, &own));
	p = make(t, &own, clear);
	assert_ok(state_account_password(t, g.w.state, "test", str_c(address),
	    &p, NULL));
}

/* Everything forgotten but the state. */
static void
fresh(void)
{
	auth_free(&g.w.auth);
	counts_free(&g.w.counts);
	g.w.counts = counts_new(2);
	counts_join(g.w.counts, 0);
	g.w.auth = auth_new(&g.w);
	g.hashes = 0;
}

static may_yield_unchecked void
start(struct task *t, struct cluster *c)
{
	struct arena *a = task_arena(t);

	memset(&g, 0, sizeof(g));
	task_sleep_ms(t, 10000 * 1000); /* clocks begin at 0 here */
	for (unsigned i = 0; i < STATE_SETTINGS; i++)
		assert_ok(state_setting_parse(a, &state_setting_table[i],
		    str_c(state_setting_table[i].def), &g.setting[i]));
	g.setting[STATE_PASSWORD_COST] = 1;
	g.setting[STATE_AUTH_DELAY] = 0;
	g.w.sched = task_sched(t);
	g.w.state = node_open(t, c, 0);
	fresh();
	assert_ok(add_domain(t, g.w.state, "x.org"));
	for (unsigned i = 0; i < 3; i++)
		assert_ok(add_account(t, g.w.state,
		    (const char *[]){ "alice@x.org", "boss@x.org",
			"nopass@x.org" }[i]));
	give(t, "alice@x.org", "secret");
	give(t, "boss@x.org", "secret");
	add_admin(t, "root", "system", "", "sesame");
	add_admin(t, "boss@x.org", "domain", "x.org", NULL);
}

static void
finish(void)
{
	auth_free(&g.w.auth);
	counts_free(&g.w.counts);
}

static struct net_addr
peer_of(const char *text)
{
	struct net_addr a;

	assert_true(net_addr_parse(str_c(text), &a));
	return a;
}

static may_yield_unchecked struct err *
try(struct task *t, const char *login, const char *password, const char *totp,
    struct auth_console *c_r)
{
	struct net_addr peer = peer_of("192.0.2.1");

	*c_r = (struct auth_console){ .login = str_c(login),
		.password = str_c(password),
		.totp = totp == NULL ? STR_NONE : str_c(totp),
		.peer = &peer };
	return auth_console(t, g.w.auth, c_r);
}

/* --- passwords --- */

TEST(test_names)
{
	static const struct {
		const char *login, *password;
		const char *who; /* NULL: refused */
		bool admin;
	} rows[] = {
		{ "root", "sesame", "root", true },
		{ "ROOT", "sesame", "root", true },
		{ "alice@x.org", "secret", "alice@x.org", false },
		{ "Alice@X.ORG", "secret", "alice@x.org", false },
		{ "boss@x.org", "secret", "boss@x.org", false },
		{ "root", "secret", NULL, true },
		{ "root", "", NULL, true },
		{ "nobody", "sesame", NULL, true },
		{ "", "sesame", NULL, true },
		{ "no word at all", "sesame", NULL, true },
		{ "alice@x.org", "phone's", NULL, false },
		{ "nopass@x.org", "phone's", NULL, false },
		{ "nopass@x.org", "", NULL, false },
		{ "nobody@x.org", "secret", NULL, false },
		{ "root@x.org", "sesame", NULL, false },
		{ "@", "secret", NULL, false },
		{ "sleepy@x.org", "secret", NULL, false },
	};
	struct password_salt own;
	struct auth_console x;
	struct password p;
	struct str id;
	struct err *e;

	start(t, c);
	/* application passwords are for programs */
	for (unsigned i = 0; i < 2; i++) {
		struct str address =
		    i == 0 ? STR("alice@x.org") : STR("nopass@x.org");

		assert_ok(state_account_salt(task_arena(t), g.w.state, address,
		    &rnd_system, &own));
		p = make(t, &own, "phone's");
		assert_ok(state_app_password_add(t, g.w.state, "test", address,
		    STR("phone"), 0, &p, &id));
	}
	assert_ok(add_account(t, g.w.state, "sleepy@x.org"));
	give(t, "sleepy@x.org", "secret");
	add_admin(t, "sleepy@x.org", "system", "", NULL);
	assert_ok(state_account_suspend(t, g.w.state, "test",
	    STR("sleepy@x.org"), true));
	for (unsigned i = 0; i < countof(rows); i++) {
		fresh();
		e = try(t, rows[i].login, rows[i].password, NULL, &x);
		/* whoever it is, it costs one hash and says the same */
		if (g.hashes != 1 ||
		    (rows[i].who == NULL
			    ? !err_is(e, ERR_DENIED) ||
				  strcmp(e->text, "the login name or the "
						  "password is wrong") ||
				  x.step != AUTH_CONSOLE_PASSWORD
			    : e != NULL || x.step != AUTH_CONSOLE_DONE ||
				  x.admin != rows[i].admin ||
				  !str_eq_c(x.who, rows[i].who)))
			fail_msg("row %u: %s, %u hashes", i,
			    err_name(err_code(e)), g.hashes);
	}
	/* the second time it costs none */
	fresh();
	assert_ok(try(t, "root", "sesame", NULL, &x));
	assert_ok(try(t, "root", "sesame", NULL, &x));
	assert_int_equal(g.hashes, 1);
	finish();
}

/* Refused after too many, and later and later until then. */
TEST(test_failures)
{
	struct auth_console x;
	char wrong[16];
	uint64_t began;

	start(t, c);
	g.setting[STATE_AUTH_DELAY] = 2;
	g.setting[STATE_AUTH_FAILURES] = 5;
	began = task_now_ms(t);
	assert_err(try(t, "root", "wrong", NULL, &x), ERR_DENIED);
	assert_int_equal(task_now_ms(t) - began, 2000);
	began = task_now_ms(t);
	assert_err(try(t, "nobody", "wrong", NULL, &x), ERR_DENIED);
	assert_int_equal(task_now_ms(t) - began, 4000); /* of the network */
	for (unsigned i = 0; i < 3; i++) {
		snprintf(wrong, sizeof(wrong), "wrong %u", i);
		assert_err(try(t, "root", wrong, NULL, &x), ERR_DENIED);
	}
	g.hashes = 0;
	assert_err(try(t, "root", "sesame", NULL, &x), ERR_LIMIT);
	assert_int_equal(g.hashes, 0);
	finish();
}

/* --- the second factor --- */

static const char *
code(struct task *t, const char *key, int64_t ahead)
{
	char *out = arena_alloc(task_arena(t), TOTP_DIGITS + 1);

	assert_int_equal(oath_totp_generate(key, strlen(key),
			     (time_t)(task_wall_s(t) + ahead), TOTP_STEP_S, 0,
			     TOTP_DIGITS, out),
	    OATH_OK);
	return out;
}

#define TOTP_KEY "12345678901234567890"
#define TOTP_SECRET "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

static const char *
wrong_code(struct task *t)
{
	static const char *const tried[] = { "000000", "111111", "222222",
		"333333" };

	for (unsigned i = 0;; i++) {
		bool is = false;

		for (int step = -1; step <= 1; step++)
			is |= strcmp(tried[i],
				  code(t, TOTP_KEY, step * TOTP_STEP_S)) == 0;
		if (!is)
			return tried[i];
	}
}

static may_yield_unchecked void
expect_step(struct task *t, const char *login, const char *password,
    const char *totp, enum auth_console_step step)
{
	struct auth_console x;
	struct err *e = try(t, login, password, totp, &x);

	if (x.step != step || (e == NULL) != (step == AUTH_CONSOLE_DONE))
		fail_msg("%s: step %d, %s", login, (int)x.step,
		    err_name(err_code(e)));
}

TEST(test_totp)
{
	static const char *const logins[] = { "root", "alice@x.org",
		"boss@x.org" };
	struct auth_console x;

	start(t, c);
	for (unsigned i = 0; i < countof(logins); i++) {
		const char *login = logins[i];
		const char *password = i == 0 ? "sesame" : "secret";

		assert_ok(state_totp_set(t, g.w.state, "test", str_c(login),
		    STR(TOTP_SECRET)));
		fresh();
		expect_step(t, login, "wrong", NULL, AUTH_CONSOLE_PASSWORD);
		expect_step(t, login, "wrong", code(t, TOTP_KEY, 0),
		    AUTH_CONSOLE_PASSWORD);
		expect_step(t, login, password, NULL, AUTH_CONSOLE_TOTP_WANTED);
		expect_step(t, login, password, wrong_code(t),
		    AUTH_CONSOLE_TOTP_WRONG);
		expect_step(t, login, password, "", AUTH_CONSOLE_TOTP_WRONG);
		g.changed = 0;
		expect_step(t, login, password, code(t, TOTP_KEY, 0),
		    AUTH_CONSOLE_DONE);
		assert_int_equal(g.changed, 1);
		/* each code once, and none of an earlier step */
		expect_step(t, login, password, code(t, TOTP_KEY, 0),
		    AUTH_CONSOLE_TOTP_WRONG);
		expect_step(t, login, password, code(t, TOTP_KEY, -30),
		    AUTH_CONSOLE_TOTP_WRONG);
		expect_step(t, login, password, code(t, TOTP_KEY, 30),
		    AUTH_CONSOLE_DONE);
		/* the password again, of who is signed in */
		x = (struct auth_console){ .login = str_c(login),
			.password = str_c(password),
			.peer = &(struct net_addr){ .family = NET_UNIX },
			.again = true };
		assert_ok(auth_console(t, g.w.auth, &x));
	}
	finish();
}

TEST(test_totp_away)
{
	static const enum err_code away[] = { ERR_UNAVAIL, ERR_CONN,
		ERR_TIMEOUT, ERR_UNKNOWN };

	start(t, c);
	assert_ok(state_totp_set(t, g.w.state, "test", STR("root"),
	    STR(TOTP_SECRET)));
	for (unsigned i = 0; i < countof(away); i++) {
		task_sleep_ms(t, 120 * 1000);
		fresh();
		g.broken = away[i];
		expect_step(t, "root", "wrong", code(t, TOTP_KEY, 0),
		    AUTH_CONSOLE_PASSWORD);
		expect_step(t, "root", "sesame", NULL,
		    AUTH_CONSOLE_TOTP_WANTED);
		expect_step(t, "root", "sesame", wrong_code(t),
		    AUTH_CONSOLE_TOTP_WRONG);
		g.changed = 0;
		expect_step(t, "root", "sesame", code(t, TOTP_KEY, 0),
		    AUTH_CONSOLE_DONE);
		assert_int_equal(g.changed, 0);
		/* once, by any worker, and none of an earlier step */
		for (unsigned worker = 0; worker < 2; worker++) {
			counts_join(g.w.counts, worker);
			expect_step(t, "root", "sesame", code(t, TOTP_KEY, 0),
			    AUTH_CONSOLE_TOTP_WRONG);
			expect_step(t, "root", "sesame", code(t, TOTP_KEY, -30),
			    AUTH_CONSOLE_TOTP_WRONG);
		}
		/* when it is back the state does not have it, the node does */
		g.broken = ERR_NONE;
		expect_step(t, "root", "sesame", code(t, TOTP_KEY, 0),
		    AUTH_CONSOLE_TOTP_WRONG);
		expect_step(t, "root", "sesame", code(t, TOTP_KEY, 30),
		    AUTH_CONSOLE_DONE);
		assert_int_equal(g.changed, 1);
	}
	finish();
}

/* What one node says to another. */
TEST(test_totp_told)
{
	uint64_t told;

	start(t, c);
	assert_ok(state_totp_set(t, g.w.state, "test", STR("root"),
	    STR(TOTP_SECRET)));
	/* known in time: the share went away a moment later */
	for (unsigned i = 0; i < 2; i++) {
		task_sleep_ms(t, 120 * 1000);
		fresh();
		g.broken = i == 0 ? ERR_NONE : ERR_UNAVAIL;
		g.told = 0;
		expect_step(t, "root", "sesame", code(t, TOTP_KEY, 0),
		    AUTH_CONSOLE_DONE);
		told = g.told;
		assert_int_not_equal(told, 0);
		fresh();
		g.broken = ERR_UNAVAIL;
		counts_tally_add(g.w.counts, told, 1, task_now_ms(t) / 1000);
		expect_step(t, "root", "sesame", code(t, TOTP_KEY, 0),
		    AUTH_CONSOLE_TOTP_WRONG);
	}
	/* never told */
	fresh();
	expect_step(t, "root", "sesame", code(t, TOTP_KEY, 0),
	    AUTH_CONSOLE_DONE);
	/* another secret's code of that time is another code */
	g.broken = ERR_NONE;
	assert_ok(state_totp_set(t, g.w.state, "test", STR("root"),
	    STR("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJR")));
	expect_step(t, "root", "sesame", code(t, "12345678901234567891", 0),
	    AUTH_CONSOLE_DONE);
	finish();
}

/* A share that answers, and refuses: what cannot be written down cannot be
 * used, and is not used up. */
TEST(test_totp_refused)
{
	static const enum err_code codes[] = { ERR_NOSPC, ERR_DQUOT, ERR_IO,
		ERR_READONLY, ERR_CONFLICT, ERR_CORRUPT };
	struct auth_console x;

	start(t, c);
	assert_ok(state_totp_set(t, g.w.state, "test", STR("root"),
	    STR(TOTP_SECRET)));
	for (unsigned i = 0; i < countof(codes); i++) {
		g.broken = codes[i];
		assert_err(try(t, "root", "sesame", code(t, TOTP_KEY, 0), &x),
		    ERR_UNAVAIL);
	}
	g.broken = ERR_NONE;
	expect_step(t, "root", "sesame", code(t, TOTP_KEY, 0),
	    AUTH_CONSOLE_DONE);
	finish();
}

/* Who guesses codes has the password: where he comes from does not help, and
 * each of his guesses counts. */
TEST(test_totp_guessed)
{
	struct auth_console x;
	unsigned n = 0;
	struct err *e;

	start(t, c);
	assert_ok(try(t, "alice@x.org", "secret", NULL, &x)); /* known here */
	assert_ok(state_totp_set(t, g.w.state, "test", STR("alice@x.org"),
	    STR(TOTP_SECRET)));
	do
		e = try(t, "alice@x.org", "secret", wrong_code(t), &x);
	while (err_is(e, ERR_DENIED) && ++n < 100);
	assert_err(e, ERR_LIMIT);
	assert_int_equal(n, AUTH_TOTP_FAILURES);
	assert_err(try(t, "alice@x.org", "secret", code(t, TOTP_KEY, 0), &x),
	    ERR_LIMIT);
	/* some time later */
	task_sleep_ms(t, 3600 * 1000);
	expect_step(t, "alice@x.org", "secret", code(t, TOTP_KEY, 0),
	    AUTH_CONSOLE_DONE);
	finish();
}

/* --- who a session is --- */

static struct session
session_of(struct task *t, bool admin, const char *login)
{
	struct session s = { .admin = admin,
		.login = str_c(login),
		.issued = task_wall_s(t),
		.expires = task_wall_s(t) + 3600 };
	struct principal p;

	snprintf(s.id, sizeof(s.id), "%032x", ++g.sessions);
	assert_ok(auth_who(task_arena(t), g.w.state, admin, s.login, &p));
	s.generation = p.generation;
	return s;
}

static bool
holds(struct task *t, const struct session *s)
{
	struct principal p;
	bool behind;
	struct err *e =
	    auth_who_session(task_arena(t), g.w.state, s, &p, &behind);

	assert_true(e == NULL || err_is(e, ERR_DENIED));
	return e == NULL;
}

TEST(test_who)
{
	struct principal p;

	start(t, c);
	assert_ok(auth_who(task_arena(t), g.w.state, true, STR("root"), &p));
	assert_int_equal(p.role, ROLE_SYSTEM);
	assert_string_equal(p.by, "admin:root");
	assert_false(p.has_account);
	assert_ok(
	    auth_who(task_arena(t), g.w.state, false, STR("alice@x.org"), &p));
	assert_int_equal(p.role, ROLE_USER);
	assert_string_equal(p.by, "user:alice@x.org");
	assert_true(p.has_account && p.domain.n == 0);
	assert_ok(
	    auth_who(task_arena(t), g.w.state, false, STR("boss@x.org"), &p));
	assert_int_equal(p.role, ROLE_DOMAIN);
	assert_string_equal(p.by, "admin:boss@x.org");
	assert_true(p.has_account && str_eq_c(p.domain, "x.org"));
	/* an administrator's row of an account is no way around the account */
	assert_err(auth_who(task_arena(t), g.w.state, true, STR("boss@x.org"),
		       &p),
	    ERR_DENIED);
	assert_err(auth_who(task_arena(t), g.w.state, false, STR("root"), &p),
	    ERR_DENIED);
	assert_err(auth_who(task_arena(t), g.w.state, false,
		       STR("nobody@x.org"), &p),
	    ERR_DENIED);
	assert_ok(
	    state_domain_suspend(t, g.w.state, "test", STR("x.org"), true));
	assert_err(auth_who(task_arena(t), g.w.state, false, STR("alice@x.org"),
		       &p),
	    ERR_DENIED);
	finish();
}

TEST(test_sessions)
{
	struct str role = STR("readonly"), domain = STR("");
	struct session s, newer;
	struct principal p;
	bool behind;

	start(t, c);
	add_admin(t, "eve", "system", "", "sesame");
	/* what ends them */
	s = session_of(t, false, "alice@x.org");
	assert_true(holds(t, &s));
	give(t, "alice@x.org", "another");
	assert_false(holds(t, &s));
	s = session_of(t, false, "alice@x.org");
	assert_ok(
	    state_account_signout(t, g.w.state, "test", STR("alice@x.org")));
	assert_false(holds(t, &s));
	s = session_of(t, false, "alice@x.org");
	assert_ok(state_account_suspend(t, g.w.state, "test",
	    STR("alice@x.org"), true));
	assert_false(holds(t, &s));
	s = session_of(t, true, "eve");
	assert_ok(state_admin_set(t, g.w.state, "test", STR("eve"), NULL, &role,
	    &domain));
	assert_false(holds(t, &s));
	s = session_of(t, true, "eve");
	assert_ok(state_session_end(t, g.w.state, str_c(s.id), s.expires));
	assert_false(holds(t, &s));
	s.id[0] = 'f';
	assert_true(holds(t, &s));
	assert_ok(state_admin_remove(t, g.w.state, "test", STR("eve")));
	assert_false(holds(t, &s));
	/* the next one of that name is another person */
	task_sleep_ms(t, 1000 * 1000);
	add_admin(t, "eve", "system", "", "sesame");
	newer = session_of(t, true, "eve");
	s.generation = newer.generation;
	assert_false(holds(t, &s));
	assert_true(holds(t, &newer));
	/* an account that begins or ceases to administrate */
	s = session_of(t, false, "boss@x.org");
	assert_true(holds(t, &s));
	assert_ok(state_admin_remove(t, g.w.state, "test", STR("boss@x.org")));
	assert_false(holds(t, &s));
	s = session_of(t, false, "boss@x.org");
	add_admin(t, "boss@x.org", "system", "", NULL);
	assert_false(holds(t, &s));
	/* made by a node that is ahead */
	s = session_of(t, false, "boss@x.org");
	s.generation += 1 << 20;
	assert_err(auth_who_session(task_arena(t), g.w.state, &s, &p, &behind),
	    ERR_DENIED);
	assert_true(behind);
	finish();
}

/* --- tokens --- */

static may_yield_unchecked struct str
token(struct task *t, const char *owner, const char *scopes, int64_t expires)
{
	struct state_token tok = { .owner = str_c(owner),
		.label = STR("test"),
		.scopes = str_c(scopes),
		.expires = expires };
	struct str text;

	assert_ok(state_token_add(t, g.w.state, "test", &tok, &text));
	return text;
}

static enum err_code
shown(struct task *t, struct str text, struct principal *p)
{
	return err_code(
	    auth_who_token(task_arena(t), g.w.state, text, task_wall_s(t), p));
}

TEST(test_tokens)
{
	struct str text, soon, boss;
	struct principal p;

	start(t, c);
	text = token(t, "root", "queue:write", 0);
	soon = token(t, "root", "*:read", task_wall_s(t) + 60);
	boss = token(t, "boss@x.org", "*:write", 0);
	assert_int_equal(shown(t, text, &p), ERR_NONE);
	assert_true(principal_may(&p, AREA_QUEUE, true));
	assert_false(principal_may(&p, AREA_ACCOUNTS, false));
	assert_true(str_starts(str_c(p.by), STR("token:")) &&
		    str_ends(str_c(p.by), STR(":root")));
	assert_int_equal(p.session.n, 0);
	assert_int_equal(shown(t, boss, &p), ERR_NONE);
	assert_true(p.role == ROLE_DOMAIN && str_eq_c(p.domain, "x.org"));
	assert_true(principal_may(&p, AREA_ACCOUNTS, true));
	assert_false(principal_may(&p, AREA_NODES, false));
	assert_int_equal(shown(t, soon, &p), ERR_NONE);
	task_sleep_ms(t, 61000);
	assert_int_equal(shown(t, soon, &p), ERR_DENIED);
	assert_int_equal(shown(t, STR(""), &p), ERR_DENIED);
	assert_int_equal(shown(t, STR("shoal_x"), &p), ERR_DENIED);
	assert_int_equal(shown(t, str_sub(text, 0, text.n - 1), &p),
	    ERR_DENIED);
	/* with the account goes what it may */
	assert_ok(state_account_suspend(t, g.w.state, "test", STR("boss@x.org"),
	    true));
	assert_int_equal(shown(t, boss, &p), ERR_DENIED);
	finish();
}

TEST(test_tokens_wrong)
{
	struct net_addr peer = peer_of("192.0.2.1");
	struct net_addr exempt = peer_of("127.0.0.1");
	char text[32];
	struct err *e = NULL;
	uint64_t began;
	unsigned n;

	start(t, c);
	g.setting[STATE_AUTH_FAILURES] = 5;
	g.setting[STATE_AUTH_DELAY] = 2;
	began = task_now_ms(t);
	/* a program whose token is over locks nobody out */
	for (n = 0; n < 10; n++)
		assert_err(auth_token_failed(t, g.w.auth, STR("the same"),
			       &peer),
		    ERR_DENIED);
	assert_true(task_now_ms(t) - began >= 20000);
	g.setting[STATE_AUTH_DELAY] = 0;
	for (n = 0; n < 20 && !err_is(e, ERR_LIMIT); n++) {
		snprintf(text, sizeof(text), "shoal_%u", n);
		e = auth_token_failed(t, g.w.auth, str_c(text), &peer);
	}
	assert_err(e, ERR_LIMIT);
	assert_true(n >= 4 && n <= 6);
	for (n = 0; n < 20; n++) {
		snprintf(text, sizeof(text), "shoal_%u", n);
		assert_err(auth_token_failed(t, g.w.auth, str_c(text), &exempt),
		    ERR_DENIED);
	}
	finish();
}

#define AUTH_TEST(fn)                                                          \
	cmocka_unit_test_setup_teardown(fn, cluster_setup, cluster_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		AUTH_TEST(test_names),
		AUTH_TEST(test_failures),
		AUTH_TEST(test_totp),
		AUTH_TEST(test_totp_away),
		AUTH_TEST(test_totp_told),
		AUTH_TEST(test_totp_refused),
		AUTH_TEST(test_totp_guessed),
		AUTH_TEST(test_who),
		AUTH_TEST(test_sessions),
		AUTH_TEST(test_tokens),
		AUTH_TEST(test_tokens_wrong),
	};

	log_set_level(LOG_ERROR_);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
