/* test_auth_scram.c - SCRAM from the first message to the login */
#include <stdlib.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "server/auth/auth.h"
#include "server/cluster/hints.h"
#include "server/net/conn.h"
#include "server/net/counts.h"
#include "server/net/listener.h"
#include "server/worker.h"
#include "storage/state_alias.h"
#include "tests/unit/state_rig.h"

/* --- what auth leans on, replaced --- */

static struct {
	struct worker w;
	uint64_t setting[STATE_SETTINGS];
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
hints_tell_first(struct hints *h, struct str text)
{
	(void)h, (void)text;
}

/* The one type of binding there is. */
bool
conn_tls_binding(const struct conn *c, struct str type,
    unsigned char out_r[CONN_BINDING_MAX], size_t *n_r)
{
	(void)c;
	memcpy(out_r, "channel", 7);
	*n_r = 7;
	return str_eq_c(type, "tls-exporter");
}

/* --- the rig --- */

#define TLS_CONN ((const struct conn *)&g) /* only passed on */
static const struct sasl_channel clear = { .plain = false },
				 encrypted = { .plain = true, .tls = TLS_CONN };

static may_yield_unchecked struct password
make(struct task *t, const char *address, const char *password)
{
	struct password_salt salt;
	struct password p;

	assert_ok(state_account_salt(task_arena(t), g.w.state, str_c(address),
	    &rnd_system, &salt));
	assert_ok(password_make(t, NULL, str_c(password), 1, &salt, &p));
	return p;
}

static may_yield_unchecked void
set(struct task *t, const char *address, const struct password *p)
{
	assert_ok(state_account_password(t, g.w.state, "test", str_c(address),
	    p, NULL));
}

static may_yield_unchecked void
start(struct task *t, struct cluster *c)
{
	struct arena *a = task_arena(t);
	struct password p;

	memset(&g, 0, sizeof(g));
	for (unsigned i = 0; i < STATE_SETTINGS; i++)
		assert_ok(state_setting_parse(a, &state_setting_table[i],
		    str_c(state_setting_table[i].def), &g.setting[i]));
	g.w.sched = task_sched(t);
	g.w.state = node_open(t, c, 0);
	g.w.counts = counts_new(1);
	counts_join(g.w.counts, 0);
	g.w.auth = auth_new(&g.w);
	assert_ok(add_domain(t, g.w.state, "example.org"));
	assert_ok(add_account(t, g.w.state, "alice@example.org"));
	assert_ok(add_account(t, g.w.state, "nopass@example.org"));
	p = make(t, "alice@example.org", "secret");
	set(t, "alice@example.org", &p);
	assert_ok(state_alias_add(t, g.w.state, "test", STR("al@example.org"),
	    STR("alice@example.org")));
}

static void
finish(void)
{
	auth_free(&g.w.auth);
	counts_free(&g.w.counts);
}

/* --- a client --- */

struct client {
	const char *mechanism, *gs2, *name, *password;
	const char *binding; /* behind gs2 in c=; NULL: none */
	bool other_nonce, ask;
	struct sasl_channel channel;
	/* out */
	struct auth_login l;
	struct str salt;
	uint64_t first_ms, final_ms; /* how long each step took */
};

static struct str
field(struct str text, char name)
{
	struct str piece;

	while (str_split(&text, ',', &piece))
		if (piece.n > 2 && piece.p[0] == name)
			return str_sub(piece, 2, piece.n);
	return STR("");
}

/* c=, r=, p=; what the server has to sign. */
static struct str
answer(struct arena *a, struct client *c, struct str bare, struct str first,
    unsigned char signature_r[32])
{
	unsigned char salted[32], key[32], stored[32], mac[32];
	struct str gs2 = str_c(arena_printf(a, "%s%s", c->gs2,
		       c->binding != NULL ? c->binding : "")),
		   message, without;
	uint32_t count;

	assert_true(str_u32(field(first, 'i'), &count));
	assert_int_equal(count, PASSWORD_ITERATIONS);
	assert_true(base64_decode(a, field(first, 's'), &c->salt));
	without = str_c(arena_printf(a, "c=" STR_FMT ",r=" STR_FMT "%s",
	    STR_ARG(base64_encode(a, gs2)), STR_ARG(field(first, 'r')),
	    c->other_nonce ? "x" : ""));
	message = str_c(arena_printf(a, STR_FMT "," STR_FMT "," STR_FMT,
	    STR_ARG(bare), STR_ARG(first), STR_ARG(without)));
	crypto_pbkdf2_sha256(str_c(c->password), c->salt, count, salted);
	crypto_hmac_sha256(salted, 32, "Client Key", 10, key);
	crypto_sha256(key, 32, stored);
	crypto_hmac_sha256(stored, 32, message.p, message.n, mac);
	for (unsigned i = 0; i < 32; i++)
		mac[i] ^= key[i];
	crypto_hmac_sha256(salted, 32, "Server Key", 10, key);
	crypto_hmac_sha256(key, 32, message.p, message.n, signature_r);
	return str_c(arena_printf(a, STR_FMT ",p=" STR_FMT, STR_ARG(without),
	    STR_ARG(base64_encode(a, str_of(mac, 32)))));
}

/* A whole exchange; the server has to prove that it knows the password, too. */
static may_yield_unchecked struct err *
run(struct task *t, struct client *c)
{
	struct arena *a = task_arena(t);
	struct str bare = str_c(arena_printf(a, "n=%s,r=abc", c->name)), out;
	unsigned char signature[32];
	struct net_addr peer;
	struct sasl *s;
	struct err *e;
	uint64_t began;

	assert_true(net_addr_parse(STR("192.0.2.1"), &peer));
	s = sasl_new(a, g.w.auth, str_c(c->mechanism), "imap", &peer,
	    &c->channel);
	if (s == NULL)
		return err_new(a, ERR_NOTFOUND, "no such mechanism", NULL);
	if (c->ask) {
		assert_int_equal(sasl_step(t, s, STR_NONE, &out, &c->l, &e),
		    SASL_MORE);
		assert_int_equal(out.n, 0);
	}
	began = task_now_ms(t);
	if (sasl_step(t, s,
		str_c(arena_printf(a, "%s" STR_FMT, c->gs2, STR_ARG(bare))),
		&out, &c->l, &e) == SASL_FAILED)
		return e;
	c->first_ms = task_now_ms(t) - began;
	assert_true(str_starts(out, STR("r=abc")) && out.n > 24);
	out = answer(a, c, bare, out, signature);
	began = task_now_ms(t);
	if (sasl_step(t, s, out, &out, &c->l, &e) == SASL_FAILED) {
		c->final_ms = task_now_ms(t) - began;
		return e;
	}
	assert_true(str_eq(out,
	    str_c(arena_printf(a, "v=" STR_FMT,
		STR_ARG(base64_encode(a, str_of(signature, 32)))))));
	assert_int_equal(sasl_step(t, s, STR(""), &out, &c->l, &e), SASL_DONE);
	assert_null(e);
	return NULL;
}

#define ALICE "alice@example.org"
#define PLUS "SCRAM-SHA-256-PLUS"
#define SHA "SCRAM-SHA-256"

TEST(test_exchange)
{
	const struct {
		struct client c;
		enum err_code code;
	} rows[] = {
		{ { SHA, "n,,", ALICE, "secret", .channel = clear }, 0 },
		{ { "scram-sha-256", "n,,", "ALICE@Example.ORG", "secret",
		      .channel = clear, .ask = true },
		    0 },
		{ { SHA, "n,,", "al@example.org", "secret", .channel = clear },
		    0 },
		{ { SHA, "n,a=" ALICE ",", ALICE, "secret", .channel = clear },
		    0 },
		{ { SHA, "n,a=bob@example.org,", ALICE, "secret",
		      .channel = clear },
		    ERR_DENIED },
		{ { SHA, "n,,", ALICE, "wrong", .channel = clear },
		    ERR_DENIED },
		{ { SHA, "n,,", ALICE, "secret", .channel = clear,
		      .other_nonce = true },
		    ERR_INVALID },
		/* without TLS there was nothing to offer */
		{ { SHA, "y,,", ALICE, "secret", .channel = clear }, 0 },
		/* with it there was: somebody took it away */
		{ { SHA, "y,,", ALICE, "secret", .channel = encrypted },
		    ERR_DENIED },
		{ { SHA, "n,,", ALICE, "secret", .channel = encrypted }, 0 },
		{ { SHA, "p=tls-exporter,,", ALICE, "secret", "channel",
		      .channel = encrypted },
		    ERR_INVALID },
		{ { PLUS, "p=tls-exporter,,", ALICE, "secret", "channel",
		      .channel = encrypted },
		    0 },
		{ { PLUS, "p=tls-exporter,,", ALICE, "wrong", "channel",
		      .channel = encrypted },
		    ERR_DENIED },
		/* somebody between us has a channel of his own to each */
		{ { PLUS, "p=tls-exporter,,", ALICE, "secret", "his",
		      .channel = encrypted },
		    ERR_DENIED },
		{ { PLUS, "p=tls-unique,,", ALICE, "secret", "channel",
		      .channel = encrypted },
		    ERR_INVALID },
		{ { PLUS, "n,,", ALICE, "secret", .channel = encrypted },
		    ERR_INVALID },
		{ { PLUS, "y,,", ALICE, "secret", .channel = encrypted },
		    ERR_INVALID },
		{ { PLUS, "p=tls-exporter,,", ALICE, "secret", "channel",
		      .channel = clear },
		    ERR_NOTFOUND },
		/* a gs2-header that is not the one of the beginning */
		{ { SHA, "n,,", ALICE, "secret", "x", .channel = clear },
		    ERR_DENIED },
	};

	start(t, c);
	g.setting[STATE_AUTH_DELAY] = 0;
	assert_string_equal(sasl_mechanisms(&g.w, &clear), SHA);
	assert_string_equal(sasl_mechanisms(&g.w, &encrypted),
	    PLUS " " SHA " PLAIN LOGIN");
	for (unsigned i = 0; i < countof(rows); i++) {
		struct client k = rows[i].c;
		struct err *e = run(t, &k);

		if (err_code(e) != rows[i].code)
			fail_msg("row %u: %s", i, err_name(err_code(e)));
		if (e == NULL)
			assert_true(str_eq_c(k.l.account.address, ALICE));
	}
	finish();
}

/* Same words, same times, salts that stay. */
TEST(test_nobody)
{
	static const char *const names[] = { ALICE, "nobody@example.org",
		"NOBODY@example.org", "no name at all", "nopass@example.org",
		"sleepy@example.org" };
	struct str salts[countof(names)];
	struct password p;

	start(t, c);
	assert_ok(add_account(t, g.w.state, "sleepy@example.org"));
	p = make(t, "sleepy@example.org", "secret");
	set(t, "sleepy@example.org", &p);
	assert_ok(state_account_suspend(t, g.w.state, "test",
	    STR("sleepy@example.org"), true));
	for (unsigned i = 0; i < 2 * countof(names); i++) {
		unsigned n = i % countof(names);
		struct client k = { SHA, "n,,", names[n],
			n == 0 ? "wrong" : "secret", .channel = clear };
		struct err *e;

		/* every failure is the first */
		counts_free(&g.w.counts);
		g.w.counts = counts_new(1);
		counts_join(g.w.counts, 0);
		e = run(t, &k);
		if (!err_is(e, ERR_DENIED) || k.first_ms != 5 ||
		    k.final_ms != 2000 ||
		    strcmp(e->text, "the login name or the password is wrong"))
			fail_msg("row %u: %s, %u ms, %u ms", i,
			    err_name(err_code(e)), (unsigned)k.first_ms,
			    (unsigned)k.final_ms);
		assert_int_equal(k.salt.n, PASSWORD_SALT_BYTES);
		if (i < countof(names))
			salts[n] = k.salt;
		else
			assert_true(str_eq(salts[n], k.salt));
	}
	assert_true(str_eq(salts[1], salts[2]));
	assert_false(str_eq(salts[0], salts[1]));
	assert_false(str_eq(salts[1], salts[4]));
	finish();
}

/* As with PLAIN: what is wrong too often is not looked at any more. */
TEST(test_refused)
{
	struct client wrong = { SHA, "n,,", ALICE, "wrong", .channel = clear },
		      right = { SHA, "n,,", ALICE, "secret", .channel = clear };

	start(t, c);
	g.setting[STATE_AUTH_DELAY] = 0;
	g.setting[STATE_AUTH_FAILURES] = 3;
	for (unsigned i = 0; i < 3; i++)
		assert_err(run(t, &wrong), ERR_DENIED);
	assert_err(run(t, &right), ERR_LIMIT);
	task_sleep_ms(t, 3600 * 1000);
	assert_ok(run(t, &right));
	finish();
}

/* Any of the account's passwords; one that is revoked meanwhile is none. */
TEST(test_app_passwords)
{
	struct client phone = { SHA, "n,,", ALICE, "phone", .channel = clear };
	struct password p;
	struct str id;

	start(t, c);
	g.setting[STATE_AUTH_DELAY] = 0;
	assert_err(run(t, &phone), ERR_DENIED);
	p = make(t, ALICE, "phone");
	assert_ok(state_app_password_add(t, g.w.state, "test", STR(ALICE),
	    STR("phone"), 0, &p, &id));
	assert_ok(run(t, &phone));
	assert_true(str_eq(phone.l.app_id, id));
	phone.password = "secret";
	assert_ok(run(t, &phone));
	assert_int_equal(phone.l.app_id.n, 0);
	phone.password = "phone";
	assert_ok(
	    state_app_password_remove(t, g.w.state, "test", STR(ALICE), id));
	assert_err(run(t, &phone), ERR_DENIED);
	finish();
}

/* Offered only while everybody can. */
TEST(test_keys)
{
	struct client k = { SHA, "n,,", ALICE, "secret", .channel = clear };
	struct password p = { .hash = STR("$5$saltstring$"
					  "fdvFJMUqW8Bed1EXhFxVhqCE0fhFYzVbPy"
					  "VEpgdXXX/") };
	struct password made;

	start(t, c);
	made = make(t, ALICE, "secret");
	assert_int_equal(password_encode(task_arena(t), &made).n,
	    PASSWORD_KEYED_BYTES);
	assert_ok(run(t, &k));
	set(t, "nopass@example.org", &p);
	assert_string_equal(sasl_mechanisms(&g.w, &clear), "");
	assert_string_equal(sasl_mechanisms(&g.w, &encrypted), "PLAIN LOGIN");
	assert_err(run(t, &k), ERR_NOTFOUND);
	/* who cannot log in hinders nobody */
	assert_ok(state_account_suspend(t, g.w.state, "test",
	    STR("nopass@example.org"), true));
	assert_ok(run(t, &k));
	assert_ok(state_account_suspend(t, g.w.state, "test",
	    STR("nopass@example.org"), false));
	assert_err(run(t, &k), ERR_NOTFOUND);
	made = make(t, "nopass@example.org", "x");
	set(t, "nopass@example.org", &made);
	assert_ok(run(t, &k));
	finish();
}

#define AUTH_TEST(fn)                                                          \
	cmocka_unit_test_setup_teardown(fn, cluster_setup, cluster_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		AUTH_TEST(test_exchange),
		AUTH_TEST(test_nobody),
		AUTH_TEST(test_refused),
		AUTH_TEST(test_app_passwords),
		AUTH_TEST(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
