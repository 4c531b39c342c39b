/* test_srs.c - rewritten senders, there and back */
#include "base/buf.h"
#include "server/queue/srs.h"
#include "tests/unit/test.h"

#define DAY 86400LL
#define NOW (20400 * DAY + 5) /* day 944 of 1024: "5Q" */

static const struct str secrets[] = { { "0123456789abcdef", 16 },
	{ "another secret", 14 } };

static struct str
forward(struct arena *a, unsigned secret, const char *from, const char *us)
{
	struct str out;

	assert_null(
	    srs_rewrite(a, secrets[secret], NOW, str_c(from), str_c(us), &out));
	return out;
}

static void
expect(struct arena *a, struct str address, int64_t at, const char *want)
{
	struct str out;
	struct err *e =
	    srs_restore(a, secrets, countof(secrets), at, address, &out);

	if (want == NULL) {
		assert_true(err_is(e, ERR_DENIED));
		return;
	}
	if (e != NULL || !str_eq_c(out, want))
		fail_msg(STR_FMT ": %s " STR_FMT, STR_ARG(address),
		    e ? e->text : "", STR_ARG(out));
}

/* "SRS0=HHHH=..." with the hash blotted out */
static void
expect_form(struct str s, const char *form)
{
	assert_true(s.n > 10);
	if (!str_eq(str_sub(s, 0, 5), str_sub(str_c(form), 0, 5)) ||
	    !str_eq(str_sub(s, 9, s.n), str_sub(str_c(form), 9, 300)))
		fail_msg(STR_FMT " is not %s", STR_ARG(s), form);
}

static void
test_there_and_back(void **state)
{
	static const struct {
		const char *from, *form, *back;
	} rows[] = {
		{ "alice@example.net", "SRS0=HHHH=5Q=example.net=alice@us.org",
		    "alice@example.net" },
		{ "a=b=c@example.net", "SRS0=HHHH=5Q=example.net=a=b=c@us.org",
		    "a=b=c@example.net" },
		{ "Alice.B+x@Example.NET",
		    "SRS0=HHHH=5Q=Example.NET=Alice.B+x@us.org",
		    "Alice.B+x@Example.NET" },
		{ "\"a b\"@example.net",
		    "\"SRS0=HHHH=5Q=example.net=a b\"@us.org",
		    "\"a b\"@example.net" },
		{ "\"a\\\"\\\\@b\"@example.net",
		    "\"SRS0=HHHH=5Q=example.net=a\\\"\\\\@b\"@us.org",
		    "\"a\\\"\\\\@b\"@example.net" },
		{ "a@[192.0.2.1]", "\"SRS0=HHHH=5Q=[192.0.2.1]=a\"@us.org",
		    "a@[192.0.2.1]" },
		{ "j\303\266rg@example.net",
		    "SRS0=HHHH=5Q=example.net=j\303\266rg@us.org",
		    "j\303\266rg@example.net" },
		/* looks like one, but is none */
		{ "srs0@example.net", "SRS0=HHHH=5Q=example.net=srs0@us.org",
		    "srs0@example.net" },
		{ "SRS1=x@example.net",
		    "SRS0=HHHH=5Q=example.net=SRS1=x@us.org",
		    "SRS1=x@example.net" },
		/* rewritten by others: as libsrs2 and postsrsd make them */
		{ "SRS0=8Zzm=IS=bar.com=user@fwd.net",
		    "SRS1=HHHH=fwd.net==8Zzm=IS=bar.com=user@us.org",
		    "SRS0=8Zzm=IS=bar.com=user@fwd.net" },
		{ "SRS0+8Zz/=IS=bar.com=user@fwd.net",
		    "SRS1=HHHH=fwd.net=+8Zz/=IS=bar.com=user@us.org",
		    "SRS0+8Zz/=IS=bar.com=user@fwd.net" },
		{ "srs0-8zzm=is=bar.com=user@fwd.net",
		    "SRS1=HHHH=fwd.net=-8zzm=is=bar.com=user@us.org",
		    "SRS0-8zzm=is=bar.com=user@fwd.net" },
		{ "SRS1=qKBr=first.net==8Zzm=IS=bar.com=user@second.net",
		    "SRS1=HHHH=first.net==8Zzm=IS=bar.com=user@us.org",
		    "SRS0=8Zzm=IS=bar.com=user@first.net" },
		{ "SRS1+qKBr=first.net=+8Zzm=IS=bar.com=user@second.net",
		    "SRS1=HHHH=first.net=+8Zzm=IS=bar.com=user@us.org",
		    "SRS0+8Zzm=IS=bar.com=user@first.net" },
	};
	struct arena *a = arena_new(0);
	struct str s;

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		s = forward(a, i % 2, rows[i].from, "us.org");
		if (s.p[0] == '"')
			expect_form(str_sub(s, 1, s.n), rows[i].form + 1);
		else
			expect_form(s, rows[i].form);
		expect(a, s, NOW, rows[i].back);
	}
	arena_free(&a);
}

/* Others change case; the hash still fits. */
static void
test_case(void **state)
{
	struct arena *a = arena_new(0);
	struct str s = forward(a, 0, "Alice@Example.net", "us.org");
	char *low = arena_cstr(a, s);

	(void)state;
	for (char *p = low; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 32);
	expect(a, str_c(low), NOW, "alice@example.net");
	for (char *p = low; *p != '\0'; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p & ~32);
	expect(a, str_c(low), NOW, "ALICE@EXAMPLE.NET");
	arena_free(&a);
}

static void
test_time(void **state)
{
	struct arena *a = arena_new(0);
	struct str s = forward(a, 1, "alice@example.net", "us.org");
	struct str s1 = forward(a, 1, "SRS0=8Zzm=IS=b.com=u@fwd.net", "us.org");

	(void)state;
	expect(a, s, NOW + SRS_DAYS * DAY, "alice@example.net");
	expect(a, s, NOW + (SRS_DAYS + 1) * DAY, NULL);
	expect(a, s, NOW + 1000 * DAY, NULL);
	/* made by a node whose clock is ahead, around midnight */
	expect(a, s, NOW - DAY, "alice@example.net");
	expect(a, s, NOW - 2 * DAY, NULL);
	/* over the end of the wheel: 1024 * 20 days */
	assert_null(srs_rewrite(a, secrets[0], 1024 * 20 * DAY - 1,
	    STR("a@b.net"), STR("us.org"), &s));
	expect(a, s, 1024 * 20 * DAY + 20 * DAY, "a@b.net");
	expect(a, s, 1024 * 20 * DAY + 22 * DAY, NULL);
	/* SRS1 has no day of ours: the first forwarder judges */
	expect(a, s1, NOW + 100 * DAY, "SRS0=8Zzm=IS=b.com=u@fwd.net");
	arena_free(&a);
}

static void
test_forged(void **state)
{
	static const char *const forged[] = {
		"SRS0=AAAA=5Q=example.net=alice@us.org",
		"SRS0==5Q=example.net=alice@us.org",
		"SRS0=5Q=example.net=alice@us.org",
		"SRS0=AAAAA=5Q=example.net=alice@us.org",
		"SRS0=x@us.org",
		"SRS1=AAAA=fwd.net==8Zzm=IS=bar.com=user@us.org",
		"SRS1=AAAA@us.org",
	};
	static const char *const other[] = { "alice@us.org", "SRS0@us.org",
		"SRS0=@us.org", "SRS2=AAAA=5Q=a.net=b@us.org", "SRS0=AAAA", "",
		"@us.org", "SRS0=a=b=c@" };
	struct arena *a = arena_new(0);
	struct str s, out;

	(void)state;
	for (unsigned i = 0; i < countof(forged); i++)
		expect(a, str_c(forged[i]), NOW, NULL);
	for (unsigned i = 0; i < countof(other); i++)
		assert_true(err_is(srs_restore(a, secrets, 2, NOW,
				       str_c(other[i]), &out),
		    ERR_NOTFOUND));
	/* every byte counts, but for its case and the domain it came to */
	s = forward(a, 0, "alice@example.net", "us.org");
	for (size_t i = 5; i < s.n - 7; i++) {
		char *p = arena_cstr(a, s);

		p[i] = p[i] == '7' ? '8' : '7';
		expect(a, str_c(p), NOW, NULL);
	}
	/* an SRS0 hash is none for an SRS1 */
	s = forward(a, 0, "alice@example.net", "us.org");
	((char *)s.p)[3] = '1';
	expect(a, s, NOW, NULL);
	/* a secret that is known no more */
	s = forward(a, 0, "alice@example.net", "us.org");
	assert_true(
	    err_is(srs_restore(a, &secrets[1], 1, NOW, s, &out), ERR_DENIED));
	assert_true(err_is(srs_restore(a, NULL, 0, NOW, s, &out), ERR_DENIED));
	arena_free(&a);
}

static void
test_bounds(void **state)
{
	struct arena *a = arena_new(0);
	struct str out;
	struct buf b;

	(void)state;
	assert_true(err_is(srs_rewrite(a, secrets[0], NOW, STR("alice"),
			       STR("us.org"), &out),
	    ERR_INVALID));
	assert_true(err_is(srs_rewrite(a, secrets[0], NOW, STR("@b.net"),
			       STR("us.org"), &out),
	    ERR_INVALID));
	assert_true(err_is(srs_rewrite(a, secrets[0], NOW, STR("a\0b@c.net"),
			       STR("us.org"), &out),
	    ERR_INVALID));
	assert_true(err_is(srs_rewrite(a, secrets[0], NOW, STR("a@b=c"),
			       STR("us.org"), &out),
	    ERR_INVALID));
	assert_true(err_is(srs_rewrite(a, secrets[0], NOW, STR("\"a@b.net"),
			       STR("us.org"), &out),
	    ERR_INVALID));
	/* longer than 64 in front of the @ */
	buf_init(&b, a, 300);
	for (unsigned i = 0; i < 64; i++)
		buf_char(&b, 'a');
	buf_c(&b, "@example.net");
	expect(a, forward(a, 0, buf_cstr(&b), "us.org"), NOW, buf_cstr(&b));
	/* too long for anybody */
	for (unsigned i = 0; i < 14; i++)
		buf_c(&b, ".example.org");
	assert_true(err_is(srs_rewrite(a, secrets[0], NOW, buf_str(&b),
			       STR("us.org"), &out),
	    ERR_LIMIT));
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_case),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
