/* test_auth.c - logins: same answers, caches, throttling, bounds, upgrades */
#include <crypt.h>
#include <stdlib.h>

#include "base/buf.h"
#include "server/auth/auth.h"
#include "server/cluster/hints.h"
#include "server/net/conn.h"
#include "server/net/counts.h"
#include "server/net/listener.h"
#include "server/worker.h"
#include "storage/state_alias.h"
#include "tests/unit/state_rig.h"

#define HASH_MS 20 /* what one takes here */

/* --- what auth leans on, replaced; the linker wraps crypt and the offload ---
 */

static struct {
	struct worker w;
	uint64_t setting[STATE_SETTINGS];
	unsigned yescrypt, others; /* hashes made */
	unsigned now, most;	   /* password_verify at once */
	unsigned told;		   /* hints_failure */
	char order[HINTS_ORDER_BYTES];
	size_t order_n;
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
	g.told++;
}

void
hints_tell_first(struct hints *h, struct str text)
{
	(void)h;
	memcpy(g.order, text.p, text.n);
	g.order_n = text.n;
}

/* No channel is bound here: that is test_auth_scram's. */
bool
conn_tls_binding(const struct conn *c, struct str type,
    unsigned char out_r[CONN_BINDING_MAX], size_t *n_r)
{
	(void)c, (void)type, (void)out_r, (void)n_r;
	return false;
}

char *__real_crypt_rn(const char *phrase, const char *setting, void *data,
    int size);
char *__wrap_crypt_rn(const char *phrase, const char *setting, void *data,
    int size);
char *
__wrap_crypt_rn(const char *phrase, const char *setting, void *data, int size)
{
	if (strncmp(setting, "$y$", 3) == 0)
		g.yescrypt++;
	else
		g.others++;
	return __real_crypt_rn(phrase, setting, data, size);
}

may_yield struct err *__real_password_verify(struct task *t, struct offload *o,
    struct str clear, const struct password *p, bool *ok_r);
may_yield struct err *__wrap_password_verify(struct task *t, struct offload *o,
    struct str clear, const struct password *p, bool *ok_r);
may_yield struct err *
__wrap_password_verify(struct task *t, struct offload *o, struct str clear,
    const struct password *p, bool *ok_r)
{
	struct err *e;

	if (++g.now > g.most)
		g.most = g.now;
	task_sleep_ms(t, HASH_MS);
	e = __real_password_verify(t, o, clear, p, ok_r);
	g.now--;
	return e;
}

/* --- the rig --- */

static void
settings_default(void)
{
	struct arena *a = arena_new(0);

	for (unsigned i = 0; i < STATE_SETTINGS; i++)
		assert_ok(state_setting_parse(a, &state_setting_table[i],
		    str_c(state_setting_table[i].def), &g.setting[i]));
	g.setting[STATE_PASSWORD_COST] = 1;
	arena_free(&a);
}

/* Everything forgotten but the state. */
static void
fresh(void)
{
	auth_free(&g.w.auth);
	counts_free(&g.w.counts);
	g.w.counts = counts_new(1);
	counts_join(g.w.counts, 0);
	g.w.auth = auth_new(&g.w);
	g.yescrypt = g.others = g.told = g.most = 0;
}

static may_yield_unchecked struct password
make(struct task *t, const char *address, const char *clear)
{
	struct password_salt salt;
	struct password p;

	assert_ok(state_account_salt(task_arena(t), g.w.state, str_c(address),
	    task_sched(t) == NULL ? NULL : &rnd_system, &salt));
	assert_ok(password_make(t, NULL, str_c(clear), 1, &salt, &p));
	return p;
}

static may_yield_unchecked void
add(struct task *t, const char *address, const char *clear)
{
	struct password p = { .hash = STR_NONE };

	assert_ok(add_account(t, g.w.state, address));
	if (clear == NULL)
		return;
	p = make(t, address, clear);
	assert_ok(state_account_password(t, g.w.state, "test", str_c(address),
	    &p, NULL));
}

static may_yield_unchecked void
alias(struct task *t, const char *address, const char *target)
{
	assert_ok(state_alias_add(t, g.w.state, "test", str_c(address),
	    str_c(target)));
}

static may_yield_unchecked void
start(struct task *t, struct cluster *c)
{
	memset(&g, 0, sizeof(g));
	settings_default();
	g.w.sched = task_sched(t);
	g.w.state = node_open(t, c, 0);
	fresh();
	assert_ok(add_domain(t, g.w.state, "example.org"));
	add(t, "alice@example.org", "secret");
	add(t, "bob@example.org", "sesame");
	add(t, "nopass@example.org", NULL);
	add(t, "sleepy@example.org", "secret");
	assert_ok(state_account_suspend(t, g.w.state, "test",
	    STR("sleepy@example.org"), true));
	fresh();
}

static void
finish(void)
{
	auth_free(&g.w.auth);
	counts_free(&g.w.counts);
}

static may_yield_unchecked struct err *
try_from(struct task *t, const char *peer, const char *login,
    const char *password, struct auth_login *l_r)
{
	struct net_addr a;

	assert_true(net_addr_parse(str_c(peer), &a));
	*l_r = (struct auth_login){ .login = str_c(login),
		.password = str_c(password),
		.protocol = "imap",
		.peer = &a };
	return auth_login(t, g.w.auth, l_r);
}

#define HOME "192.0.2.1"

static may_yield_unchecked struct err *
try(struct task *t, const char *login, const char *password)
{
	struct auth_login l;

	return try_from(t, HOME, login, password, &l);
}

static may_yield_unchecked uint64_t
took(struct task *t, const char *peer, const char *login, const char *password,
    enum err_code code)
{
	uint64_t began = task_now_ms(t);
	struct auth_login l;

	assert_err(try_from(t, peer, login, password, &l), code);
	return task_now_ms(t) - began;
}

/* --- names --- */

TEST(test_names)
{
	static const struct {
		const char *login;
		const char *address; /* NULL: refused */
	} rows[] = {
		{ "alice@example.org", "alice@example.org" },
		{ "ALICE@Example.ORG", "alice@example.org" },
		{ "al@example.org", "alice@example.org" },
		{ "AL@example.org", "alice@example.org" },
		{ "deep@example.org", "alice@example.org" },
		{ "both@example.org", NULL },	/* two accounts */
		{ "away@example.org", NULL },	/* not here */
		{ "group@example.org", NULL },	/* one member */
		{ "nobody@example.org", NULL }, /* the catch-all is alice */
		{ "@example.org", NULL }, { "alice+x@example.org", NULL },
		{ "alice", NULL }, { "", NULL },
		{ "round@example.org", NULL }, /* in a circle */
	};
	struct auth_login l;
	struct err *e;

	start(t, c);
	alias(t, "al@example.org", "alice@example.org");
	alias(t, "deep@example.org", "al@example.org");
	alias(t, "both@example.org", "alice@example.org");
	alias(t, "both@example.org", "bob@example.org");
	alias(t, "away@example.org", "alice@elsewhere.example");
	alias(t, "@example.org", "alice@example.org");
	alias(t, "round@example.org", "circle@example.org");
	alias(t, "circle@example.org", "round@example.org");
	assert_ok(state_group_add(t, g.w.state, "test",
	    STR("group@example.org"), STR("Group"), STR("anyone")));
	assert_ok(state_group_member(t, g.w.state, "test",
	    STR("group@example.org"), STR("alice@example.org"), true));
	for (unsigned i = 0; i < countof(rows); i++) {
		fresh();
		e = try_from(t, HOME, rows[i].login, "secret", &l);
		if (rows[i].address == NULL ? !err_is(e, ERR_DENIED)
					    : e != NULL)
			fail_msg("row %u: %s", i, rows[i].login);
		if (e == NULL)
			assert_true(
			    str_eq_c(l.account.address, rows[i].address));
		assert_int_equal(g.yescrypt, 1);
	}
	finish();
}

/* Same text, same time, as many hashes, whoever it is. */
TEST(test_same)
{
	char big[PASSWORD_MAX + 44], long_name[600];
	const struct {
		const char *login, *password;
	} rows[] = {
		{ "alice@example.org", "wrong" },
		{ "nobody@example.org", "secret" },
		{ "nobody@elsewhere.example", "secret" },
		{ "no name at all", "secret" },
		{ "nopass@example.org", "secret" },
		{ "sleepy@example.org", "secret" },
		{ "sleepy@example.org", "wrong" },
		{ "apps@example.org", "wrong" },
		{ "alice@example.org", "" },
		{ "alice@example.org", "con\ntrol" },
		{ "alice@example.org", "\xff\xfe" },
		{ "alice@example.org", big },
		{ "nobody@example.org", big },
		{ long_name, "secret" },
	};
	struct password p;
	struct str id;
	struct err *e;

	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	memset(long_name, 'y', sizeof(long_name));
	strcpy(long_name + sizeof(long_name) - 14, "@example.org");
	start(t, c);
	add(t, "apps@example.org", "own");
	for (unsigned i = 0; i < 3; i++) {
		p = make(t, "apps@example.org", "an application's");
		assert_ok(state_app_password_add(t, g.w.state, "test",
		    STR("apps@example.org"), STR("phone"), 0, &p, &id));
	}
	for (unsigned i = 0; i < countof(rows); i++) {
		uint64_t began = task_now_ms(t);

		fresh();
		e = try(t, rows[i].login, rows[i].password);
		if (!err_is(e, ERR_DENIED) || g.yescrypt != 1 ||
		    task_now_ms(t) - began != 2000 ||
		    strcmp(e->text, "the login name or the password is wrong"))
			fail_msg("row %u: %s: %u hashes, %u ms, %s", i,
			    rows[i].login, g.yescrypt,
			    (unsigned)(task_now_ms(t) - began),
			    e != NULL ? e->text : "success");
		assert_int_equal(stat_sum(g.w.counts, STAT_LOGINS_FAILED), 1);
	}
	finish();
}

TEST(test_suspended)
{
	start(t, c);
	assert_ok(state_account_suspend(t, g.w.state, "test",
	    STR("sleepy@example.org"), false));
	assert_ok(try(t, "sleepy@example.org", "secret"));
	/* what was right is not cached away */
	assert_ok(state_account_suspend(t, g.w.state, "test",
	    STR("sleepy@example.org"), true));
	assert_err(try(t, "sleepy@example.org", "secret"), ERR_DENIED);
	assert_ok(state_domain_suspend(t, g.w.state, "test", STR("example.org"),
	    true));
	assert_err(try(t, "alice@example.org", "secret"), ERR_DENIED);
	finish();
}

/* Sessions that are there already: who asks before each command and who asks
 * once in a while hear the same. */
static bool
holds(struct task *t, const struct auth_login *l)
{
	struct state_account now;
	uint64_t seq = 0;
	enum auth_holds h =
	    auth_recheck(task_arena(t), g.w.auth, l, &seq, 0, &now);
	bool still = auth_still_holds(task_arena(t), g.w.auth, l, 0);

	assert_int_equal(h == AUTH_HOLDS, still);
	assert_int_equal(seq, still ? state_seq(g.w.state) : 0);
	assert_int_equal(now.id.n > 0, still);
	/* nothing has changed: nobody looks */
	if (still) {
		h = auth_recheck(task_arena(t), g.w.auth, l, &seq, 0, &now);
		assert_int_equal(h, AUTH_HOLDS);
		assert_int_equal(now.id.n, 0);
	}
	return still;
}

static enum auth_holds
recheck(struct task *t, const struct auth_login *l)
{
	struct state_account now;
	uint64_t seq = 0;

	return auth_recheck(task_arena(t), g.w.auth, l, &seq, 0, &now);
}

TEST(test_still_holds)
{
	static const char *const names[] = { "alice@example.org",
		"bob@example.org", "alias@example.org" };
	struct auth_login l[countof(names)];
	struct password p;

	start(t, c);
	alias(t, "alias@example.org", "alice@example.org");
	for (unsigned i = 0; i < countof(names); i++)
		assert_ok(try_from(t, HOME, names[i],
		    i == 1 ? "sesame" : "secret", &l[i]));
#define HOLDS(i) holds(t, &l[i])
	assert_true(HOLDS(0) && HOLDS(1) && HOLDS(2));
	p = make(t, "alice@example.org", "new");
	assert_ok(state_account_password(t, g.w.state, "test",
	    STR("alice@example.org"), &p, NULL));
	assert_true(!HOLDS(0) && HOLDS(1) && !HOLDS(2));
	assert_ok(try_from(t, HOME, "alice@example.org", "new", &l[0]));
	assert_true(HOLDS(0));
	assert_ok(state_account_signout(t, g.w.state, "test",
	    STR("alice@example.org")));
	assert_true(!HOLDS(0));
	assert_ok(state_account_suspend(t, g.w.state, "test",
	    STR("bob@example.org"), true));
	assert_true(!HOLDS(1));
	assert_int_equal(recheck(t, &l[1]), AUTH_HOLDS_CLOSED);
	assert_ok(try_from(t, HOME, "alice@example.org", "new", &l[0]));
	assert_ok(state_domain_suspend(t, g.w.state, "test", STR("example.org"),
	    true));
	assert_true(!HOLDS(0));
	assert_int_equal(recheck(t, &l[0]), AUTH_HOLDS_NOT);
	l[0].account.address = STR("nobody@example.org");
	assert_true(!HOLDS(0));
	assert_ok(state_account_remove(t, g.w.state, "test",
	    STR("alice@example.org"), NULL));
	assert_int_equal(recheck(t, &l[0]), AUTH_HOLDS_CLOSED);
#undef HOLDS
	finish();
}

/* What of a line with AUTH may be shown. */
TEST(test_sasl_names)
{
	static const char *const known[] = { "PLAIN", "login", "SCRAM-SHA-256",
		"Scram-SHA-256-Plus" };
	static const char *const other[] = { "", "CRAM-MD5",
		"AGEAYg==", "PLAIN\tAGEAYg==", "PLAIN=" };

	(void)t, (void)c;
	for (unsigned i = 0; i < countof(known); i++)
		assert_true(sasl_is_known(str_c(known[i])));
	for (unsigned i = 0; i < countof(other); i++)
		assert_false(sasl_is_known(str_c(other[i])));
}

/* --- the cache --- */

TEST(test_cache)
{
	struct password p;

	start(t, c);
	assert_ok(try(t, "alice@example.org", "secret"));
	assert_int_equal(g.yescrypt, 1);
	for (unsigned i = 0; i < 30; i++) {
		task_sleep_ms(t, 60000);
		assert_int_equal(took(t, HOME, "Alice@example.org", "secret",
				     ERR_NONE),
		    0);
	}
	assert_int_equal(g.yescrypt, 1);
	assert_int_equal(stat_sum(g.w.counts, STAT_LOGINS_CACHED), 30);
	assert_int_equal(stat_sum(g.w.counts, STAT_LOGINS), 31);
	/* not used for longer */
	task_sleep_ms(t, AUTH_CACHE_S * 1000 + 1);
	assert_ok(try(t, "alice@example.org", "secret"));
	assert_int_equal(g.yescrypt, 2);
	/* another's, another password */
	assert_err(try(t, "bob@example.org", "secret"), ERR_DENIED);
	assert_err(try(t, "alice@example.org", "Secret"), ERR_DENIED);
	/* changed: at once */
	p = make(t, "alice@example.org", "new");
	assert_ok(state_account_password(t, g.w.state, "test",
	    STR("alice@example.org"), &p, NULL));
	assert_err(try(t, "alice@example.org", "secret"), ERR_DENIED);
	assert_ok(try(t, "alice@example.org", "new"));
	finish();
}

TEST(test_app_passwords)
{
	struct str id[3];
	struct auth_login l, other;
	struct password p;
	char clear[3][8] = { "one", "two", "three" };

	start(t, c);
	for (unsigned i = 0; i < 3; i++) {
		p = make(t, "alice@example.org", clear[i]);
		assert_ok(state_app_password_add(t, g.w.state, "test",
		    STR("alice@example.org"), str_c(clear[i]),
		    i == 2 ? task_wall_s(t) + 100 : 0, &p, &id[i]));
	}
	for (unsigned i = 0; i < 3; i++) {
		fresh();
		for (unsigned cached = 0; cached < 2; cached++) {
			assert_ok(try_from(t, HOME, "alice@example.org",
			    clear[i], &l));
			assert_true(str_eq(l.app_id, id[i]));
			assert_int_equal(g.yescrypt, 1);
		}
	}
	assert_ok(try_from(t, HOME, "alice@example.org", "secret", &l));
	assert_int_equal(l.app_id.n, 0);
	/* revoked, expired: not even from the cache */
	assert_ok(try_from(t, HOME, "alice@example.org", "one", &l));
	assert_ok(try_from(t, HOME, "alice@example.org", "two", &other));
	assert_ok(state_app_password_remove(t, g.w.state, "test",
	    STR("alice@example.org"), id[0]));
	assert_false(holds(t, &l));
	assert_true(holds(t, &other));
	assert_err(try(t, "alice@example.org", "one"), ERR_DENIED);
	assert_ok(try(t, "alice@example.org", "three"));
	task_sleep_ms(t, 101000);
	assert_err(try(t, "alice@example.org", "three"), ERR_DENIED);
	assert_ok(try(t, "alice@example.org", "two"));
	finish();
}

/* --- throttling --- */

static may_yield_unchecked void
fail_times(struct task *t, const char *peer, const char *login, unsigned n)
{
	static unsigned other;
	char wrong[20];

	for (unsigned i = 0; i < n; i++) {
		snprintf(wrong, sizeof(wrong), "wrong-%u", other++);
		took(t, peer, login, wrong, ERR_DENIED);
	}
}

TEST(test_delay)
{
	static const unsigned want[] = { 2000, 4000, 8000, 15000, 15000 };
	char wrong[10];

	start(t, c);
	for (unsigned i = 0; i < countof(want); i++) {
		snprintf(wrong, sizeof(wrong), "wrong-%u", i);
		assert_int_equal(took(t, HOME, "alice@example.org", wrong,
				     ERR_DENIED),
		    want[i]);
	}
	/* the same again scores once, and so costs nobody else anything */
	fresh();
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(took(t, HOME, "alice@example.org", "old",
				     ERR_DENIED),
		    2000);
	assert_int_equal(took(t, HOME, "alice@example.org", "new", ERR_DENIED),
	    4000);
	/* told to the other nodes: account, /32, /24, of each that counted */
	assert_int_equal(g.told, 6);
	/* by setting: as long as it takes */
	g.setting[STATE_AUTH_DELAY] = 0;
	assert_int_equal(took(t, HOME, "alice@example.org", "no", ERR_DENIED),
	    HASH_MS);
	finish();
}

#define THERE "198.51.100.7"
#define ELSEWHERE "203.0.113.9"

TEST(test_refused)
{
	start(t, c);
	/* alice was here */
	assert_ok(try(t, "alice@example.org", "secret"));
	g.setting[STATE_AUTH_DELAY] = 0;
	fail_times(t, THERE, "alice@example.org", 20);
	g.yescrypt = 0;
	/* not looked at, right or wrong, this account or another */
	took(t, THERE, "alice@example.org", "secret", ERR_LIMIT);
	took(t, THERE, "bob@example.org", "sesame", ERR_LIMIT);
	took(t, ELSEWHERE, "alice@example.org", "secret", ERR_LIMIT);
	assert_int_equal(g.yescrypt, 0);
	/* she is served where she was, and bob where no attacker is */
	assert_ok(try(t, "alice@example.org", "secret"));
	took(t, ELSEWHERE, "bob@example.org", "sesame", ERR_NONE);
	/* forgotten by and by */
	task_sleep_ms(t, 1200000);
	took(t, ELSEWHERE, "alice@example.org", "secret", ERR_NONE);
	took(t, THERE, "bob@example.org", "sesame", ERR_NONE);
	/* unknown users are the same */
	fresh();
	fail_times(t, THERE, "nobody@example.org", 20);
	took(t, ELSEWHERE, "NoBody@example.org", "x", ERR_LIMIT);
	finish();
}

TEST(test_refused_networks)
{
	char peer[30], login[30];
	struct err *e = NULL;
	unsigned n = 0;

	start(t, c);
	g.setting[STATE_AUTH_DELAY] = 0;
	/* accounts from 20 neighbours: nobody scored 20, their /24 did 80
	 * (and a little was forgotten meanwhile) */
	for (; e == NULL || err_is(e, ERR_DENIED); n++) {
		struct auth_login l;

		snprintf(peer, sizeof(peer), "198.51.100.%u", n % 20);
		snprintf(login, sizeof(login), "u%u@example.org", n);
		e = try_from(t, peer, login, "x", &l);
	}
	assert_err(e, ERR_LIMIT);
	assert_in_range(n, 79, 81);
	took(t, "198.51.100.99", "alice@example.org", "secret", ERR_LIMIT);
	took(t, "198.51.101.99", "alice@example.org", "secret", ERR_NONE);
	/* IPv6: a /64 is one */
	fresh();
	for (unsigned i = 0; i < 20; i++) {
		snprintf(peer, sizeof(peer), "2001:db8::%x:1", i);
		snprintf(login, sizeof(login), "u%u@example.org", i);
		fail_times(t, peer, login, 1);
	}
	took(t, "2001:db8::1", "alice@example.org", "secret", ERR_LIMIT);
	took(t, "2001:db8:0:1::1", "alice@example.org", "secret", ERR_NONE);
	/* exempt: only the account counts */
	fresh();
	for (unsigned i = 0; i < 30; i++) {
		snprintf(login, sizeof(login), "u%u@example.org", i);
		fail_times(t, "127.0.0.1", login, 1);
	}
	took(t, "127.0.0.1", "alice@example.org", "secret", ERR_NONE);
	fail_times(t, "127.0.0.1", "bob@example.org", 20);
	took(t, "127.0.0.1", "bob@example.org", "sesame", ERR_LIMIT);
	finish();
}

/* What an attacker did to the account does not slow its user down. */
TEST(test_delay_known)
{
	start(t, c);
	assert_ok(try(t, "alice@example.org", "secret"));
	fail_times(t, THERE, "alice@example.org", 10);
	assert_int_equal(took(t, HOME, "alice@example.org", "typo", ERR_DENIED),
	    2000);
	finish();
}

/* --- many at once --- */

#define MANY 400

struct many {
	struct task *waiter;
	unsigned left, codes[ERR_CODES];
	bool done;
};

struct many_one {
	struct many *m;
	char peer[30], login[30], password[30];
};

static may_yield_unchecked void
many_run(struct task *t, void *arg)
{
	struct many_one *o = arg;
	struct auth_login l;

	o->m->codes[err_code(
	    try_from(t, o->peer, o->login, o->password, &l))]++;
	if (--o->m->left == 0) {
		o->m->done = true;
		task_wake(o->m->waiter);
	}
	free(o);
}

static void
many_start(struct task *t, struct many *m, unsigned n, const char *peer,
    const char *login, const char *password)
{
	*m = (struct many){ .waiter = t, .left = n };
	for (unsigned i = 0; i < n; i++) {
		struct many_one *o = xcalloc(1, sizeof(*o));

		o->m = m;
		snprintf(o->peer, sizeof(o->peer), peer, i / 200, i % 200);
		snprintf(o->login, sizeof(o->login), login, i);
		snprintf(o->password, sizeof(o->password), password, i);
		task_start(task_sched(t), "many", many_run, o);
	}
}

static may_yield_unchecked void
many(struct task *t, struct many *m, unsigned n, const char *peer,
    const char *login, const char *password)
{
	many_start(t, m, n, peer, login, password);
	task_wait(t, &m->done);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-extra-args"
TEST(test_many)
{
	struct many m;

	start(t, c);
	/* equal ones share a hash, right or wrong */
	many(t, &m, 50, "10.0.%u.%u", "alice@example.org", "secret");
	assert_int_equal(m.codes[ERR_NONE], 50);
	assert_int_equal(g.yescrypt, 1);
	fresh();
	many(t, &m, 50, "10.0.%u.%u", "alice@example.org", "wrong");
	assert_int_equal(m.codes[ERR_DENIED], 50);
	assert_int_equal(g.yescrypt, 1);
	/* one network: so many wait, the others are turned away at once */
	fresh();
	g.setting[STATE_AUTH_FAILURES] = 100000;
	many(t, &m, MANY, HOME, "u%u@example.org", "x");
	assert_int_equal(m.codes[ERR_DENIED],
	    AUTH_HASHES + AUTH_WAITING_PER_NET);
	assert_int_equal(m.codes[ERR_UNAVAIL],
	    MANY - AUTH_HASHES - AUTH_WAITING_PER_NET);
	assert_int_equal(g.most, AUTH_HASHES);
	/* many networks */
	fresh();
	many(t, &m, MANY, "10.0.%u.%u", "u%u@example.org", "x");
	assert_int_equal(m.codes[ERR_DENIED], AUTH_HASHES + AUTH_WAITING_MAX);
	assert_int_equal(g.most, AUTH_HASHES);
	/* who waited is refused, too, when others of his have failed enough */
	fresh();
	g.setting[STATE_AUTH_FAILURES] = 3;
	many(t, &m, 18, HOME, "alice@example.org", "x%u");
	assert_true(m.codes[ERR_LIMIT] >= 18 - 3 - AUTH_HASHES);
	assert_true(g.yescrypt <= 3 + AUTH_HASHES);
	finish();
}
/* So many are being delayed that others are turned away; not those whose
 * password is known. */
TEST(test_busy)
{
	struct many m[8];
	unsigned away = 0;

	start(t, c);
	g.setting[STATE_AUTH_DELAY] = 15;
	assert_ok(try(t, "alice@example.org", "secret"));
	for (unsigned i = 0; i < 8; i++) {
		char login[30];

		/* each wave is hashed, and sleeps */
		snprintf(login, sizeof(login), "w%u-%%u@example.org", i);
		many_start(t, &m[i], 200, "10.%u.%u.1", login, "x");
		task_sleep_ms(t, 1000 + 200 * HASH_MS / AUTH_HASHES / 2);
	}
	assert_int_equal(took(t, HOME, "alice@example.org", "secret", ERR_NONE),
	    0);
	for (unsigned i = 0; i < 8; i++) {
		while (!m[i].done)
			task_sleep_ms(t, 1000);
		away += m[i].codes[ERR_UNAVAIL];
	}
	assert_in_range(away, 1, 8 * 200 - AUTH_BUSY_MAX);
	took(t, HOME, "nobody@example.org", "x", ERR_DENIED);
	finish();
}
#pragma GCC diagnostic pop

/* --- imported hashes --- */

/* "sesame", by crypt(5). */
static const char *const imported =
    "$5$saltstring$fdvFJMUqW8Bed1EXhFxVhqCE0fhFYzVbPyVEpgdXXX/";

static may_yield_unchecked struct password
stored(struct task *t, const char *address)
{
	struct state_login l;

	assert_ok(state_login_find(task_arena(t), g.w.state, str_c(address),
	    task_wall_s(t), &l));
	assert_int_equal(l.n, 1);
	return l.credentials[0].password;
}

static may_yield_unchecked void
import(struct task *t, const char *address)
{
	struct crypt_data *d = xcalloc(1, sizeof(*d));
	struct password p = {
		.hash = str_c(arena_strdup(task_arena(t),
		    __real_crypt_rn("sesame", imported, d, sizeof(*d))))
	};

	free(d);
	assert_ok(state_account_password(t, g.w.state, "test", str_c(address),
	    &p, NULL));
}

static may_yield_unchecked void
settle(struct task *t)
{
	task_sleep_ms(t, 60000);
}

TEST(test_upgrade)
{
	struct password p;
	char order[HINTS_ORDER_BYTES];
	size_t n;

	start(t, c);
	import(t, "bob@example.org");
	assert_err(try(t, "bob@example.org", "wrong"), ERR_DENIED);
	settle(t);
	assert_true(str_starts(stored(t, "bob@example.org").hash, STR("$5$")));
	assert_ok(try(t, "bob@example.org", "sesame"));
	settle(t);
	p = stored(t, "bob@example.org");
	assert_true(str_starts(p.hash, STR("$y$")));
	assert_true(p.has_scram);
	assert_ok(try(t, "bob@example.org", "sesame"));
	/* another worker tells the first, which changes the state */
	import(t, "bob@example.org");
	g.w.index = 1;
	assert_ok(try(t, "bob@example.org", "sesame"));
	settle(t);
	assert_true(str_starts(stored(t, "bob@example.org").hash, STR("$5$")));
	assert_true(g.order_n > 0);
	assert_null(memmem(g.order, g.order_n, "sesame", 6));
	n = g.order_n;
	memcpy(order, g.order, n);
	g.w.index = 0;
	/* truncated, it is nothing */
	for (size_t i = 0; i < n - strlen("10000"); i++)
		auth_upgrade_told(g.w.auth, str_of(order, i));
	settle(t);
	assert_true(str_starts(stored(t, "bob@example.org").hash, STR("$5$")));
	auth_upgrade_told(g.w.auth, str_of(order, n));
	settle(t);
	assert_true(str_starts(stored(t, "bob@example.org").hash, STR("$y$")));
	assert_ok(try(t, "bob@example.org", "sesame"));
	/* late: the password is another by now */
	p = make(t, "bob@example.org", "changed");
	assert_ok(state_account_password(t, g.w.state, "test",
	    STR("bob@example.org"), &p, NULL));
	auth_upgrade_told(g.w.auth, str_of(order, n));
	settle(t);
	assert_ok(try(t, "bob@example.org", "changed"));
	finish();
}

/* --- sessions --- */

TEST(test_sessions)
{
	struct auth_session s[4] = { { .key = 0 } };
	struct net_addr here, there;

	start(t, c);
	g.setting[STATE_IMAP_SESSIONS] = 2;
	assert_true(net_addr_parse(STR(HOME), &here));
	assert_true(net_addr_parse(STR(THERE), &there));
	for (unsigned i = 0; i < 2; i++)
		assert_ok(auth_session_begin(task_arena(t), g.w.auth, STR("a"),
		    &here, &s[i]));
	assert_err(auth_session_begin(task_arena(t), g.w.auth, STR("a"), &here,
		       &s[2]),
	    ERR_LIMIT);
	assert_ok(auth_session_begin(task_arena(t), g.w.auth, STR("a"), &there,
	    &s[2]));
	assert_ok(auth_session_begin(task_arena(t), g.w.auth, STR("b"), &here,
	    &s[3]));
	assert_int_equal(stat_sum(g.w.counts, STAT_SESSIONS), 4);
	for (unsigned twice = 0; twice < 2; twice++)
		for (unsigned i = 0; i < 4; i++)
			auth_session_end(g.w.auth, &s[i]);
	assert_int_equal(stat_sum(g.w.counts, STAT_SESSIONS), 0);
	assert_ok(auth_session_begin(task_arena(t), g.w.auth, STR("a"), &here,
	    &s[0]));
	auth_session_end(g.w.auth, &s[0]);
	finish();
}

/* --- SASL --- */

#define IN(s)                                                                  \
	{                                                                      \
		"" s, sizeof(s) - 1                                            \
	}
#define ABSENT                                                                 \
	{                                                                      \
		NULL, 0                                                        \
	}
#define END                                                                    \
	{                                                                      \
		.p = NULL, .n = 1                                              \
	}

static const struct sasl_channel safe = { .plain = true };

TEST(test_sasl)
{
	static const struct {
		const char *mechanism;
		struct str in[4];
		enum err_code code;
		unsigned challenges;
	} rows[] = {
		{ "PLAIN", { IN("\0alice@example.org\0secret"), END }, ERR_NONE,
		    0 },
		{ "plain", { ABSENT, IN("\0alice@example.org\0secret"), END },
		    ERR_NONE, 1 },
		{ "PLAIN",
		    { IN("alice@example.org\0alice@example.org\0secret"), END },
		    ERR_NONE, 0 },
		{ "PLAIN",
		    { IN("ALICE@example.org\0alice@example.org\0secret"), END },
		    ERR_NONE, 0 },
		{ "PLAIN",
		    { IN("bob@example.org\0alice@example.org\0secret"), END },
		    ERR_DENIED, 0 },
		{ "PLAIN", { IN("\0alice@example.org\0wrong"), END },
		    ERR_DENIED, 0 },
		{ "PLAIN", { IN(""), END }, ERR_INVALID, 0 },
		{ "PLAIN", { IN("alice@example.org"), END }, ERR_INVALID, 0 },
		{ "PLAIN", { IN("\0alice@example.org"), END }, ERR_INVALID, 0 },
		{ "PLAIN", { IN("\0alice@example.org\0"), END }, ERR_INVALID,
		    0 },
		{ "PLAIN", { IN("\0\0secret"), END }, ERR_INVALID, 0 },
		{ "PLAIN", { IN("\0alice@example.org\0secret\0"), END },
		    ERR_INVALID, 0 },
		{ "PLAIN", { IN("\0alice@example.org\0sec\0ret"), END },
		    ERR_INVALID, 0 },
		{ "PLAIN", { ABSENT, ABSENT, END }, ERR_INVALID, 1 },
		{ "LOGIN",
		    { ABSENT, IN("alice@example.org"), IN("secret"), END },
		    ERR_NONE, 2 },
		{ "LOGIN", { IN("alice@example.org"), IN("secret"), END },
		    ERR_NONE, 1 },
		{ "LOGIN", { ABSENT, IN("alice@example.org"), IN("no"), END },
		    ERR_DENIED, 2 },
		{ "LOGIN", { ABSENT, IN(""), END }, ERR_INVALID, 1 },
		{ "LOGIN", { ABSENT, ABSENT, END }, ERR_INVALID, 1 },
		{ "LOGIN", { IN("alice@example.org"), IN(""), END },
		    ERR_INVALID, 1 },
	};
	struct net_addr peer;

	start(t, c);
	g.setting[STATE_AUTH_DELAY] = 0;
	assert_true(net_addr_parse(STR(HOME), &peer));
	assert_null(sasl_new(task_arena(t), g.w.auth, STR("CRAM-MD5"), "imap",
	    &peer, &safe));
	assert_null(sasl_new(task_arena(t), g.w.auth, STR("PLAIN"), "imap",
	    &peer, &(const struct sasl_channel){ .plain = false }));
	for (unsigned i = 0; i < countof(rows); i++) {
		struct sasl *s = sasl_new(task_arena(t), g.w.auth,
		    str_c(rows[i].mechanism), "imap", &peer, &safe);
		enum sasl_step step = SASL_MORE;
		struct auth_login l;
		struct err *e = NULL;
		unsigned asked = 0, n = 0;
		struct str out;

		for (; step == SASL_MORE && rows[i].in[n].n + 1 != 2; n++) {
			step = sasl_step(t, s, rows[i].in[n], &out, &l, &e);
			asked += step == SASL_MORE;
		}
		if (err_code(e) != rows[i].code ||
		    asked != rows[i].challenges ||
		    step != (e == NULL ? SASL_DONE : SASL_FAILED))
			fail_msg("row %u: %s, %u challenges", i,
			    err_name(err_code(e)), asked);
		if (e == NULL)
			assert_true(
			    str_eq_c(l.account.address, "alice@example.org"));
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
		AUTH_TEST(test_same),
		AUTH_TEST(test_suspended),
		AUTH_TEST(test_still_holds),
		AUTH_TEST(test_sasl_names),
		AUTH_TEST(test_cache),
		AUTH_TEST(test_app_passwords),
		AUTH_TEST(test_delay),
		AUTH_TEST(test_refused),
		AUTH_TEST(test_refused_networks),
		AUTH_TEST(test_delay_known),
		AUTH_TEST(test_many),
		AUTH_TEST(test_busy),
		AUTH_TEST(test_upgrade),
		AUTH_TEST(test_sessions),
		AUTH_TEST(test_sasl),
	};

	log_set_level(LOG_ERROR_);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
