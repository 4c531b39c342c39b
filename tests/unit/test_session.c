/* test_session.c - sessions, roles, scopes, one-time codes */
#include "base/crypto.h"
#include "server/auth/principal.h"
#include "server/auth/session.h"
#include "server/auth/totp.h"
#include "storage/clusterkey.h"
#include "tests/unit/test.h"

#define NOW 1796032800

static const struct clusterkey key = { "0123456789abcdef0123456789abcde" };
static const struct clusterkey foreign = { "0123456789abcdef0123456789abcdX" };

static struct session
a_session(bool admin, const char *login)
{
	return (struct session){ .id = "00112233445566778899aabbccddeeff",
		.admin = admin,
		.login = str_c(login),
		.generation = UINT64_MAX - 5,
		.issued = NOW - 10,
		.expires = NOW + 10 };
}

/* --- sessions --- */

static void
test_there_and_back(void **state)
{
	static const char *const logins[] = { "eve", "alice@example.org",
		"b\xc3\xbc@example.org" };
	struct arena *a = arena_new(0);
	struct session s, back;
	struct str text;

	(void)state;
	for (unsigned i = 0; i < 2 * countof(logins); i++) {
		s = a_session(i % 2, logins[i / 2]);
		text = session_format(a, &key, &s);
		test_row(i, text.n < SESSION_TEXT_MAX);
		for (size_t j = 0; j < text.n; j++)
			test_row(i, strchr("+/=;, \"\\", text.p[j]) == NULL);
		test_row(i, session_parse(a, &key, text, NOW, &back) == NULL);
		test_row_str(i, str_c(back.id), str_c(s.id));
		test_row_str(i, back.login, s.login);
		test_row(i,
		    back.admin == s.admin && back.generation == s.generation &&
			back.issued == s.issued && back.expires == s.expires);
		/* not of this cluster; over */
		test_row(i, err_is(session_parse(a, &foreign, text, NOW, &back),
				ERR_DENIED));
		test_row(i,
		    session_parse(a, &key, text, NOW + 9, &back) == NULL);
		test_row(i,
		    err_is(session_parse(a, &key, text, NOW + 10, &back),
			ERR_DENIED));
	}
	arena_free(&a);
}

/* Whatever is changed about it, it is none. */
static void
test_tampered(void **state)
{
	struct arena *a = arena_new(0);
	struct session s = a_session(true, "eve"), back;
	struct str text = session_format(a, &key, &s), raw, other;

	(void)state;
	assert_true(base64url_decode(a, text, &raw));
	for (unsigned bit = 0; bit < 8 * raw.n; bit++) {
		unsigned char *p = arena_memdup(a, raw.p, raw.n);

		p[bit / 8] ^= (unsigned char)(1 << bit % 8);
		other = base64url_encode(a, str_of(p, raw.n));
		test_row(bit, err_is(session_parse(a, &key, other, NOW, &back),
				  ERR_DENIED));
	}
	for (size_t n = 0; n < text.n; n++)
		test_row(n, err_is(session_parse(a, &key, str_sub(text, 0, n),
				       NOW, &back),
				ERR_DENIED));
	/* one text only for one session: no padding, no spare bits */
	for (const char *p = "A=.~"; *p != '\0'; p++) {
		other = str_c(arena_printf(a, STR_FMT "%c", STR_ARG(text), *p));
		assert_true(err_is(session_parse(a, &key, other, NOW, &back),
		    ERR_DENIED));
	}
	other = str_of(arena_alloc(a, 100000), 100000);
	assert_true(
	    err_is(session_parse(a, &key, other, NOW, &back), ERR_DENIED));
	arena_free(&a);
}

static void
test_csrf(void **state)
{
	struct arena *a = arena_new(0);
	struct session s = a_session(true, "eve");
	struct str token = session_csrf(a, &key, s.id);

	(void)state;
	assert_true(session_csrf_is(&key, s.id, token));
	assert_false(session_csrf_is(&foreign, s.id, token));
	assert_false(session_csrf_is(&key, s.id, STR("")));
	assert_false(session_csrf_is(&key, s.id, STR_NONE));
	assert_false(
	    session_csrf_is(&key, s.id, str_sub(token, 0, token.n - 1)));
	s.id[0] = 'f';
	assert_false(session_csrf_is(&key, s.id, token));
	/* it says nothing about the cookie */
	assert_null(memmem(token.p, token.n, s.id, 8));
	arena_free(&a);
}

/* --- roles --- */

static void
test_roles(void **state)
{
	/* One letter an area, from me to admins: - nothing, r reads, w both. */
	static const struct {
		enum role role;
		const char *domain, *token, *may;
	} rows[] = {
		/*			      me do ac qu tr no se au ad */
		{ ROLE_NOBODY, "", NULL, "---------" },
		{ ROLE_USER, "", NULL, "w--------" },
		{ ROLE_READONLY, "", NULL, "wrrrrrrr-" },
		{ ROLE_READONLY, "x.org", NULL, "wrrrr--r-" },
		{ ROLE_DOMAIN, "x.org", NULL, "wrwrr--r-" },
		{ ROLE_SYSTEM, "", NULL, "wwwwwwwww" },
		{ ROLE_SYSTEM, "", "*:write", "rwwwwwwww" },
		{ ROLE_SYSTEM, "", "*:read", "rrrrrrrrr" },
		{ ROLE_SYSTEM, "", "me:write queue:read", "r--r-----" },
		{ ROLE_SYSTEM, "", "queue:write accounts:read", "--rw-----" },
		{ ROLE_DOMAIN, "x.org", "*:write", "rrwrr--r-" },
		{ ROLE_DOMAIN, "x.org", "accounts:write nodes:write",
		    "--w------" },
		{ ROLE_READONLY, "", "accounts:write", "--r------" },
		{ ROLE_NOBODY, "", "*:write", "---------" },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		struct principal p = { .role = rows[i].role,
			.domain = str_c(rows[i].domain),
			.scopes = UINT32_MAX };

		if (rows[i].token != NULL) {
			p.token = STR("id");
			assert_null(principal_scopes_parse(a,
			    str_c(rows[i].token), &p.scopes));
		}
		test_row(i, principal_may(&p, AREA_OPEN, true));
		for (unsigned area = AREA_ME; area < AREAS; area++) {
			bool r = principal_may(&p, (enum area)area, false);
			bool w = principal_may(&p, (enum area)area, true);
			char is = w ? 'w' : r ? 'r' : '-';

			if (is != rows[i].may[area - 1] || (w && !r))
				fail_msg("row %u, %s: %c", i,
				    area_name((enum area)area), is);
		}
	}
	arena_free(&a);
}

static void
test_scopes(void **state)
{
	static const char *const bad[] = { "", " ", "accounts",
		"accounts:", "accounts:own", ":read", "read", "open:read", "*",
		"*:", "accounts:read,queue:read", "Accounts:read",
		"accounts:read queue" };
	struct arena *a = arena_new(0);
	uint32_t bits;

	(void)state;
	for (unsigned i = 0; i < countof(bad); i++)
		test_row(i,
		    err_is(principal_scopes_parse(a, str_c(bad[i]), &bits),
			ERR_INVALID));
	for (unsigned r = ROLE_USER; r <= ROLE_SYSTEM; r++)
		assert_int_equal(role_of_name(str_c(role_name((enum role)r))),
		    r);
	assert_int_equal(role_of_name(STR("")), ROLE_NOBODY);
	assert_int_equal(role_of_name(STR("root")), ROLE_NOBODY);
	assert_null(role_name(ROLE_NOBODY));
	arena_free(&a);
}

/* --- one-time codes --- */

/* RFC 6238, appendix B: the last six of its eight digits. */
#define SECRET "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

static void
test_totp(void **state)
{
	static const struct {
		int64_t at;
		const char *code;
		uint64_t step; /* 0: it is not */
	} rows[] = {
		{ 59, "287082", 0 }, /* no clock is like that */
		{ 1111111109, "081804", 37037036 },
		{ 1111111111, "050471", 37037037 },
		{ 1234567890, "005924", 41152263 },
		{ 2000000000, "279037", 66666666 },
		{ 20000000000, "353130", 666666666 },
		/* a step around */
		{ 1234567890 + 30, "005924", 41152263 },
		{ 1234567890 - 30, "005924", 41152263 },
		{ 1234567890 + 60, "005924", 0 },
		{ 1234567890 - 60, "005924", 0 },
		/* as people write it */
		{ 1234567890, " 005 924 ", 41152263 },
		{ 1234567890, "05924", 0 },
		{ 1234567890, "5924", 0 },
		{ 1234567890, "0005924", 0 },
		{ 1234567890, "005925", 0 },
		{ 1234567890, "-05924", 0 },
		{ 1234567890, "", 0 },
		{ 1234567890, "005924x", 0 },
	};

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		uint64_t step = 0;
		bool is = totp_is(STR(SECRET), str_c(rows[i].code), rows[i].at,
		    0, &step);

		if (is != (rows[i].step != 0) || step != rows[i].step)
			fail_msg("row %u: step %llu", i,
			    (unsigned long long)step);
	}
}

/* Each step once, and none before one that was used. */
static void
test_totp_once(void **state)
{
	uint64_t step;

	(void)state;
	assert_true(
	    totp_is(STR(SECRET), STR("005924"), 1234567890, 41152262, &step));
	assert_false(
	    totp_is(STR(SECRET), STR("005924"), 1234567890, 41152263, &step));
	assert_false(
	    totp_is(STR(SECRET), STR("005924"), 1234567890, 41152264, &step));
	assert_false(totp_is(STR(""), STR("005924"), 1234567890, 0, &step));
	assert_false(
	    totp_is(STR("no base32!"), STR("005924"), 1234567890, 0, &step));
}

static void
test_totp_secret(void **state)
{
	struct arena *a = arena_new(0);
	struct str one = totp_secret(a, &rnd_system);
	struct str two = totp_secret(a, &rnd_system);

	(void)state;
	assert_int_equal(one.n, TOTP_SECRET_CHARS);
	assert_false(str_eq(one, two));
	test_row_str(0, totp_uri(a, STR("a+b@x.org"), STR("ABC")),
	    STR("otpauth://totp/Shoal:a%2Bb@x.org?secret=ABC&issuer=Shoal"));
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_tampered),
		cmocka_unit_test(test_csrf),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_totp),
		cmocka_unit_test(test_totp_once),
		cmocka_unit_test(test_totp_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
