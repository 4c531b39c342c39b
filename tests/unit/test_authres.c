/* test_authres.c - what is written, and what is taken for forged */
#include "server/mailauth/authres.h"

#include "mime/header.h"
#include "tests/unit/mailauth_rig.h"
#include "tests/unit/test.h"

static const char *
written(struct arena *a, const struct authres *r)
{
	struct buf b;

	buf_init(&b, a, AUTHRES_MAX);
	authres_write(&b, r);
	assert_true(buf_ok(&b));
	return buf_cstr(&b);
}

static void
test_write(void **state)
{
	struct arena *a = arena_new(0);
	struct spf spf = { .result = SPF_PASS, .from = STR("a.b@example.org") };
	struct dmarc dmarc = { .result = DMARC_FAIL,
		.policy = DMARC_P_REJECT,
		.domain = STR("example.org") };
	struct authres r = { .id = STR("mx.example.net") };

	(void)state;
	assert_string_equal(written(a, &r),
	    "Authentication-Results: mx.example.net; none\r\n");
	r.auth = STR("jo@example.net");
	assert_string_equal(written(a, &r),
	    "Authentication-Results: mx.example.net;\r\n"
	    "\tauth=pass smtp.auth=jo@example.net\r\n");
	r.auth = STR_NONE;
	r.spf = &spf;
	r.dmarc = &dmarc;
	r.iprev = "pass";
	r.iprev_name = STR("mail.example.org");
	assert_true(net_addr_parse(STR("2001:db8::1"), &r.peer));
	assert_string_equal(written(a, &r),
	    "Authentication-Results: mx.example.net;\r\n"
	    "\tiprev=pass (mail.example.org) policy.iprev=\"2001:db8::1\";\r\n"
	    "\tspf=pass smtp.mailfrom=a.b@example.org;\r\n"
	    "\tdmarc=fail (p=reject) header.from=example.org\r\n");
	spf = (struct spf){ .result = SPF_PERMERROR,
		.is_helo = true,
		.helo = STR("h.example"),
		.why = STR("a) evil=pass\r\nX: y\xff") };
	dmarc = (struct dmarc){ .result = DMARC_PERMERROR,
		.why = "there is no From" };
	r.iprev = NULL;
	assert_string_equal(written(a, &r),
	    "Authentication-Results: mx.example.net;\r\n"
	    "\tspf=permerror (a? evil=pass??X: y?) smtp.helo=h.example;\r\n"
	    "\tdmarc=permerror (there is no From)\r\n");
	arena_free(&a);
}

static void
test_quoting(void **state)
{
	static const struct {
		const char *from, *value;
	} cases[] = {
		{ "a@b.c", "a@b.c" },
		{ "a.b+c=d@b.c", "a.b+c=d@b.c" },
		{ "a..b@b.c", "\"a..b@b.c\"" },
		{ ".a@b.c", "\".a@b.c\"" },
		{ "a.@b.c", "\"a.@b.c\"" },
		{ "@b.c", "\"@b.c\"" },
		{ "a@b@c", "\"a@b@c\"" },
		{ "a b@c", "\"a b@c\"" },
		{ "\"x\\y\"@c", "\"\\\"x\\\\y\\\"@c\"" },
		{ "a@c; dkim=pass", "\"a@c; dkim=pass\"" },
		{ "a\r\nX: y@c", "\"a??X: y@c\"" },
		{ "a(b)@c", "\"a(b)@c\"" },
		{ "j\xc3\xb6@c.d", "\"j\xc3\xb6@c.d\"" },
		{ "j\xf6@c.d", "\"j\"" },
		{ "a@[IPv6:::1]", "\"a@[IPv6:::1]\"" },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct spf spf = { .from = str_c(cases[i].from) };
		struct authres r = { .id = STR("x"), .spf = &spf };

		test_row_str(i, str_c(written(a, &r)),
		    str_c(arena_printf(a,
			"Authentication-Results: x;\r\n\tspf=none "
			"smtp.mailfrom=%s\r\n",
			cases[i].value)));
	}
	arena_free(&a);
}

static void
test_forged(void **state)
{
	static const struct {
		const char *field;
		bool forged;
	} cases[] = {
		{ "Authentication-Results: mx.example.net; spf=pass", true },
		{ "authentication-RESULTS:MX.Example.NET;none", true },
		{ "Authentication-Results : mx.example.net", true },
		{ "Authentication-Results:\r\n mx.example.net\r\n ;", true },
		{ "Authentication-Results: mx.example.net 1; none", true },
		{ "Authentication-Results: mx.example.net/1; none", true },
		{ "Authentication-Results: mx.example.net(c); none", true },
		{ "Authentication-Results: (a (nested) \\) c) mx.example.net;",
		    true },
		{ "Authentication-Results: \"mx.example.net\"; x", true },
		{ "Authentication-Results: \"mx.\\example.net\"; x", true },
		{ "Authentication-Results: mx.example.net.; x", true },
		{ "Authentication-Results: mx\xe3\x80\x82"
		  "example.net; x",
		    true },
		{ "Authentication-Results: mx.example.com; spf=pass", false },
		{ "Authentication-Results: mx.example.net.evil; none", false },
		{ "Authentication-Results: a.mx.example.net; none", false },
		{ "Authentication-Results: x; y=mx.example.net", false },
		{ "Authentication-Results:", false },
		{ "Authentication-Results", false },
		{ "X-Authentication-Results: mx.example.net; x", false },
		{ "ARC-Authentication-Results: i=1; mx.example.net", false },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		test_row(i, authres_is_forged(str_c(cases[i].field),
				STR("MX.example.net")) == cases[i].forged);
	assert_true(authres_is_forged(STR("Authentication-Results: b\xc3\xbc"
					  "cher.example; x"),
	    STR("xn--bcher-kva.example")));
	assert_true(authres_is_forged(STR("Authentication-Results: "
					  "xn--bcher-kva.example; x"),
	    STR("B\xc3\x9c"
		"CHER.example")));
}

/* ---- the second text is never longer, and 8 signatures fit */

#define L60 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
#define LONG L60 "." L60 "." L60

static may_yield void
twice(struct task *t, struct mailauth_rig *r)
{
	struct arena *a = task_arena(t);
	struct dkim_verify *v = dkim_verify_new(a, r->dns);
	struct spf spf = { .result = SPF_PERMERROR,
		.from = STR("\"" L60 "\"@" LONG "." L60),
		.why = STR(LONG LONG) };
	struct authres ar = { .id = STR(LONG "." L60),
		.auth = STR("\"\"" LONG LONG),
		.spf = &spf,
		.dkim = v,
		.iprev = "temperror",
		.iprev_name = STR(LONG "." L60) };
	struct dmarc m;
	struct str header = *(struct str *)r->arg;
	const char *first, *second;

	assert_true(net_addr_parse(STR("2001:db8:1:2:3:4:5:6"), &ar.peer));
	dmarc_find(t, r->dns, header, &m);
	ar.dmarc = &m;
	dkim_verify_header(t, v, header);
	assert_int_equal(dkim_verify_count(v), DKIM_SIGNATURES_MAX);
	assert_int_equal(dkim_verify_nth(v, 0)->result, DKIM_PASS);
	first = written(a, &ar);
	dkim_verify_body(v, "changed", 7);
	dkim_verify_end(v);
	assert_int_equal(dkim_verify_nth(v, 0)->result, DKIM_FAIL);
	dmarc_judge(a, &m, &spf, v);
	second = written(a, &ar);
	assert_int_equal(strlen(first), strlen(second));
	assert_string_not_equal(first, second);
	for (struct str rest = str_c(second), line;
	     str_split(&rest, '\n', &line);)
		assert_true(line.n < 998);
}

static void
test_twice(void **state)
{
	struct arena *a = arena_new(0);
	struct dkim_key key = { STR(LONG ".example"), STR("s"), STR_NONE };
	struct dkim_sign *s = dkim_sign_new(a);
	struct str pub, field, header = STR("From: <a@" LONG ".example>\r\n");
	struct dns_rig_row rows[2];
	struct mailauth_rig r;
	struct buf b;

	(void)state;
	assert_null(blocking_dkim_key_new(a, "ed25519", &key.pem, &pub));
	assert_null(dkim_sign_field(a, s, header, &key, 1, &field));
	buf_init(&b, a, 100000);
	for (int i = 0; i < 4; i++)
		buf_str_add(&b, field);
	for (int i = 0; i < 4; i++)
		buf_c(&b, "DKIM-Signature: v=1; a=rsa-sha1; d=" LONG "." L60
			  "; s=" LONG "." L60 "; b=AAAAAAAA\r\n");
	buf_str_add(&b, header);
	header = buf_str(&b);
	rows[0] = (struct dns_rig_row){ .name = "s._domainkey." LONG ".example",
		.type = DNS_TXT,
		.text = arena_cstr(a, dkim_record(a, "ed25519", pub)) };
	rows[1] = (struct dns_rig_row){ .name = "_dmarc." LONG ".example",
		.type = DNS_TXT,
		.text = "v=DMARC1; p=quarantine" };
	mailauth_rig_open(&r, rows, countof(rows));
	mailauth_rig_run(&r, twice, &header);
	mailauth_rig_close(&r);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_quoting),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_twice),
	};

	return cmocka_run_group_tests_name("authres", tests, NULL, NULL);
}
