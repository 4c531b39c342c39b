/* test_password.c - hashes, SCRAM keys, imports; RFC 7677's example */
#include "base/crypto.h"
#include "storage/password.h"
#include "tests/unit/share_rig.h"

#define TEST(name)                                                             \
	static may_yield_unchecked void name##_task(struct task *t,            \
	    struct rig *r);                                                    \
	static void name(void **state)                                         \
	{                                                                      \
		rig_run(*state, name##_task);                                  \
	}                                                                      \
	static void name##_task(struct task *t, struct rig *r)

TEST(test_make_and_verify)
{
	struct password_salt salt;
	struct password p, again;
	bool ok;

	password_salt_make(&r->rnd, 4096, &salt);
	assert_ok(password_make(t, NULL,
	    STR("s\xc3\xa9"
		"same"),
	    1, &salt, &p));
	assert_true(str_starts(p.hash, STR("$y$j75$")));
	assert_true(p.has_scram);
	assert_false(password_needs_upgrade(&p));
	/* decomposed e + acute is the same password */
	assert_ok(password_verify(t, NULL, STR("se\xcc\x81same"), &p, &ok));
	assert_true(ok);
	assert_ok(password_verify(t, NULL, STR("sesame"), &p, &ok));
	assert_false(ok);
	assert_ok(password_verify(t, NULL, STR(""), &p, &ok));
	assert_false(ok);
	assert_ok(password_verify(t, NULL, STR("a\0b"), &p, &ok));
	assert_false(ok);
	assert_ok(password_decode(task_arena(t),
	    password_encode(task_arena(t), &p), &again));
	assert_true(str_eq(p.hash, again.hash));
	assert_memory_equal(p.stored_key, again.stored_key, 32);
	assert_memory_equal(p.server_key, again.server_key, 32);
}

TEST(test_prepare)
{
	static const struct {
		struct str in;
		const char *out; /* NULL: refused */
	} rows[] = {
		{ STR("plain"), "plain" },
		{ STR(" inner  spaces "), " inner  spaces " },
		{ STR("a\xc2\xa0"
		      "b"),
		    "a b" },
		{ STR("a\xe3\x80\x80"
		      "b"),
		    "a b" },
		{ STR("e\xcc\x81"), "\xc3\xa9" },
		{ STR(""), NULL },
		{ STR("a\tb"), NULL },
		{ STR("a\0b"), NULL },
		{ STR("a\xff"), NULL },
		{ STR("a\xc2\x85"), NULL },
	};
	struct arena *a = task_arena(t);
	struct str out;
	struct err *e;
	unsigned i;
	char *big;

	(void)r;
	for (i = 0; i < countof(rows); i++) {
		e = password_prepare(a, rows[i].in, &out);
		if (rows[i].out == NULL
			? !err_is(e, ERR_INVALID)
			: e != NULL || !str_eq_c(out, rows[i].out))
			fail_msg("row %u", i);
	}
	big = arena_alloc(a, 300);
	memset(big, 'x', 300);
	assert_null(password_prepare(a, str_of(big, 256), &out));
	assert_non_null(password_prepare(a, str_of(big, 257), &out));
}

/* RFC 7677, section 3. */
TEST(test_scram_example)
{
	static const char auth[] =
	    "n=user,r=rOprNGfwEbeRWgbNEkqO,"
	    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	    "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
	    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
	struct arena *a = task_arena(t);
	struct password p = { .has_scram = true };
	struct password_salt salt = { .iterations = 4096 };
	unsigned char sig[32];
	struct str s, proof, want;

	(void)r;
	assert_true(base64_decode(a, STR("W22ZaJ0SNY7soEsUEjb6gQ=="), &s));
	memcpy(salt.salt, s.p, 16);
	blocking_password_scram(STR("pencil"), &salt, p.stored_key,
	    p.server_key);
	assert_true(base64_decode(a,
	    STR("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), &proof));
	assert_true(base64_decode(a,
	    STR("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), &want));
	assert_true(password_scram_check(&p, str_c(auth),
	    (const unsigned char *)proof.p, sig));
	assert_memory_equal(sig, want.p, 32);
	sig[0] ^= 1;
	assert_false(password_scram_check(&p, str_c(auth), sig, sig));
	p.has_scram = false;
	assert_false(password_scram_check(&p, str_c(auth),
	    (const unsigned char *)proof.p, sig));
}

/* From openssl passwd and from the tests of crypt_blowfish. */
static const struct {
	const char *text;
	const char *clear; /* NULL: refused */
} import_rows[] = {
	{ "{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
	  "O817G3uBnI"
	  "FNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
	    "Hello world!" },
	{ "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnI"
	  "FNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
	    "Hello world!" },
	{ "{CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
	    "Hello world!" },
	{ "{BLF-CRYPT}$2y$05$CCCCCCCCCCCCCCCCCCCCC."
	  "E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	    "U*U" },
	{ "{blf-crypt}$2a$05$CCCCCCCCCCCCCCCCCCCCC."
	  "E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	    "U*U" },
	{ "{PLAIN}secret-in-clear-text-here", NULL },
	{ "{SHA512-CRYPT}$2y$05$CCCCCCCCCCCCCCCCCCCCC."
	  "E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	    NULL },
	{ "{SHA512-CRYPT", NULL },
	{ "$1$abcdefgh$0123456789012345678901", NULL },
	{ "secret", NULL },
	{ "", NULL },
	{ "$6$salt:string$svn8UoSVapNtMuq1ukKS4tPQd8i", NULL },
};

TEST(test_import)
{
	struct password p;
	struct err *e;
	unsigned i;
	bool ok;

	(void)r;
	for (i = 0; i < countof(import_rows); i++) {
		e = password_import(task_arena(t), str_c(import_rows[i].text),
		    &p);
		if (import_rows[i].clear == NULL) {
			if (!err_is(e, ERR_INVALID))
				fail_msg("row %u was accepted", i);
			continue;
		}
		if (e != NULL)
			fail_msg("row %u: %s", i, e->text);
		assert_true(password_needs_upgrade(&p));
		e = password_verify(t, NULL, str_c(import_rows[i].clear), &p,
		    &ok);
		if (e != NULL || !ok)
			fail_msg("row %u: not verified", i);
		assert_ok(password_verify(t, NULL, STR("other"), &p, &ok));
		assert_false(ok);
	}
}

/* Hashes from elsewhere may be of bytes that we would prepare differently. */
TEST(test_import_raw_bytes)
{
	struct password p;
	bool ok;

	(void)r;
	/* "a" NBSP "b", as sent */
	assert_ok(password_import(task_arena(t),
	    STR("$5$saltstring$7IvAkup14NZaDmuUAHDXPmYguerUio5pSlhdEdF1cR/"),
	    &p));
	assert_ok(password_verify(t, NULL,
	    STR("a\xc2\xa0"
		"b"),
	    &p, &ok));
	assert_true(ok);
	assert_ok(password_verify(t, NULL, STR("a b"), &p, &ok));
	assert_false(ok);
}

TEST(test_fake)
{
	struct clusterkey k1 = { { 1 } }, k2 = { { 2 } };
	struct arena *a = task_arena(t);
	struct password_salt s1, s2, s3, s4;
	struct password p;
	bool ok;

	(void)r;
	password_fake(a, &k1, STR("eve@x"), 4096, 1, &s1, &p);
	password_fake(a, &k1, STR("eve@x"), 4096, 1, &s2, &p);
	password_fake(a, &k1, STR("eva@x"), 4096, 1, &s3, &p);
	password_fake(a, &k2, STR("eve@x"), 4096, 1, &s4, &p);
	assert_memory_equal(s1.salt, s2.salt, 16);
	assert_memory_not_equal(s1.salt, s3.salt, 16);
	assert_memory_not_equal(s1.salt, s4.salt, 16);
	assert_ok(password_verify(t, NULL, STR("x"), &p, &ok));
	assert_false(ok);
	p.hash = STR_NONE;
	assert_ok(password_verify(t, NULL, STR("x"), &p, &ok));
	assert_false(ok);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		T(test_make_and_verify),
		T(test_prepare),
		T(test_scram_example),
		T(test_import),
		T(test_import_raw_bytes),
		T(test_fake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
