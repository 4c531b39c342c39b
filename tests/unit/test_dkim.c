/* test_dkim.c - verifying signatures: RFC 8463's vectors, and what is wrong */
#include "base/crypto.h"
#include "server/mailauth/dkim_parse.h"

#include "tests/unit/mailauth_rig.h"
#include "tests/unit/test.h"

/* RFC 8463, appendix A */
#define ED_SIG                                                                 \
	"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"        \
	" d=football.example.com; i=@football.example.com;\r\n"                \
	" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"              \
	" subject : date : message-id : from : subject : date;\r\n"            \
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"                \
	" b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"      \
	" Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
#define RSA_SIG                                                                \
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"            \
	" d=football.example.com; i=@football.example.com;\r\n"                \
	" q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"        \
	" date : message-id : from : subject : date;\r\n"                      \
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"                \
	" b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"      \
	" DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"      \
	" dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n"
#define ED_KEY "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RSA_KEY                                                                \
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6W"    \
	"k08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/"    \
	"8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kr"   \
	"yOTIKT+l/K4w3QIDAQAB"
#define FIELDS                                                                 \
	"From: Joe SixPack <joe@football.example.com>\r\n"                     \
	"To: Suzie Q <suzie@shopping.example.net>\r\n"                         \
	"Subject: Is dinner ready?\r\n"                                        \
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"                      \
	"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
#define BODY "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"
#define ED_NAME "brisbane._domainkey.football.example.com"
#define RSA_NAME "test._domainkey.football.example.com"

static const struct dns_rig_row rows[] = {
	{ .name = ED_NAME,
	    .type = DNS_TXT,
	    .text = "v=DKIM1; k=ed25519; p=" ED_KEY },
	{ .name = RSA_NAME,
	    .type = DNS_TXT,
	    .text = "v=DKIM1; k=rsa;\n p=" RSA_KEY },
};

struct check {
	const char *header, *body;
	unsigned n;
	struct dkim_signature seen[DKIM_SIGNATURES_MAX];
	struct arena *a; /* what seen points into */
};

static may_yield void
check_task(struct task *t, struct mailauth_rig *r)
{
	struct check *c = r->arg;
	struct dkim_verify *v = dkim_verify_new(c->a, r->dns);
	struct str body = str_c(c->body);

	dkim_verify_header(t, v, str_c(c->header));
	for (size_t i = 0; i < body.n; i++)
		dkim_verify_body(v, body.p + i, 1);
	dkim_verify_end(v);
	c->n = dkim_verify_count(v);
	for (unsigned i = 0; i < c->n; i++)
		c->seen[i] = *dkim_verify_nth(v, i);
}

/* Results stay in a. */
static struct check
check(struct arena *a, const struct dns_rig_row *table, size_t n,
    const char *header, const char *body)
{
	struct check c = { .header = header, .body = body, .a = a };
	struct mailauth_rig r;

	mailauth_rig_open(&r, table, n);
	mailauth_rig_run(&r, check_task, &c);
	mailauth_rig_close(&r);
	return c;
}

static void
test_vectors(void **state)
{
	struct arena *a = arena_new(0);
	struct check c =
	    check(a, rows, countof(rows), ED_SIG RSA_SIG FIELDS, BODY);

	(void)state;
	assert_int_equal(c.n, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(c.seen[i].result, DKIM_PASS);
		assert_true(str_eq_c(c.seen[i].domain, "football.example.com"));
		assert_true(
		    str_eq_c(c.seen[i].identity, "@football.example.com"));
		assert_false(c.seen[i].testing);
		assert_null(c.seen[i].why);
	}
	assert_true(str_eq_c(c.seen[0].selector, "brisbane"));
	assert_true(str_eq_c(c.seen[0].b_start, "/gCrinpc"));
	assert_string_equal(c.seen[0].algorithm, "ed25519-sha256");
	assert_string_equal(c.seen[1].algorithm, "rsa-sha256");
	arena_free(&a);
}

static void
test_messages(void **state)
{
	static const struct {
		const char *header, *body;
		enum dkim_result result;
	} cases[] = {
		{ ED_SIG FIELDS, BODY, DKIM_PASS },
		{ RSA_SIG FIELDS, BODY "\r\n \r\n", DKIM_PASS },
		{ RSA_SIG FIELDS, BODY "x", DKIM_FAIL },
		{ ED_SIG FIELDS, "", DKIM_FAIL },
		{ "Received: x\r\n" ED_SIG "X: y\r\n" FIELDS, BODY, DKIM_PASS },
		/* From, Subject and Date are oversigned, To is not: there the
		 * lowest is what is signed */
		{ "From: x\r\n" ED_SIG FIELDS, BODY, DKIM_FAIL },
		{ "Subject: x\r\n" RSA_SIG FIELDS, BODY, DKIM_FAIL },
		{ "To: x\r\n" RSA_SIG FIELDS, BODY, DKIM_PASS },
		{ RSA_SIG FIELDS "To: x\r\n", BODY, DKIM_FAIL },
		/* relaxed */
		{ ED_SIG "FROM:   Joe\tSixPack\r\n <joe@football.example.com>"
			 " \r\n"
			 "To: Suzie Q <suzie@shopping.example.net>\r\n"
			 "subject :Is dinner ready?\r\n"
			 "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
			 "Message-ID: "
			 "<20030712040037.46341.5F8J@football.example.com>\r\n",
		    BODY, DKIM_PASS },
		{ ED_SIG "From: x\r\n", BODY, DKIM_FAIL },
		{ ED_SIG, BODY, DKIM_FAIL },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct check c = check(a, rows, countof(rows), cases[i].header,
		    cases[i].body);

		test_row(i, c.n == 1);
		test_row(i, c.seen[0].result == cases[i].result);
		test_row(i,
		    (c.seen[0].why == NULL) == (cases[i].result == DKIM_PASS));
	}
	assert_int_equal(check(a, NULL, 0, FIELDS, BODY).n, 0);
	assert_int_equal(check(a, NULL, 0, "", "").n, 0);
	arena_free(&a);
}

static const char *
big_header(struct arena *a)
{
	struct buf b;

	buf_init(&b, a, DKIM_HEADER_MAX + 4096);
	buf_c(&b, ED_SIG FIELDS);
	while (b.n <= DKIM_HEADER_MAX)
		buf_c(&b, "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n");
	return buf_cstr(&b);
}

static void
test_bounds(void **state)
{
	struct arena *a = arena_new(0);
	struct check c = check(a, rows, 2,
	    ED_SIG ED_SIG ED_SIG ED_SIG ED_SIG ED_SIG ED_SIG ED_SIG ED_SIG
		FIELDS,
	    BODY);
	struct buf b;

	(void)state;
	assert_int_equal(c.n, DKIM_SIGNATURES_MAX);
	for (unsigned i = 0; i < c.n; i++)
		assert_int_equal(c.seen[i].result, DKIM_PASS);
	c = check(a, rows, 2, big_header(a), BODY);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.seen[0].result, DKIM_POLICY);
	/* thousands of fields and of names in h= */
	buf_init(&b, a, DKIM_HEADER_MAX);
	buf_c(&b, "DKIM-Signature: v=1; a=ed25519-sha256; "
		  "d=football.example.com; s=brisbane; b=AAAA;\r\n bh=2jUSOH9Nh"
		  "tVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; h=from");
	for (int i = 0; i < 30000; i++)
		buf_c(&b, ":x");
	buf_c(&b, "\r\n" FIELDS);
	for (int i = 0; i < 30000; i++)
		buf_c(&b, "x:\r\n");
	c = check(a, rows, 2, buf_cstr(&b), BODY);
	assert_int_equal(c.seen[0].result, DKIM_FAIL);
	arena_free(&a);
}

/* ---- the field */

#define D "d=example.org; "
#define S "s=sel; "
#define H "h=From:To; "
#define BH "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; "
#define B "b=AAAA; "
#define VA "v=1; a=rsa-sha256; "

static void
test_signature(void **state)
{
	static const struct {
		const char *value, *why; /* NULL: it can be verified */
	} cases[] = {
		{ VA D S H BH B, NULL },
		{ VA D S H BH "b=AAAA", NULL },
		{ VA D S H BH "b = A\r\n A A\tA ", NULL },
		{ "b=AAAA; " H BH S D "a=RSA-SHA256; v=1", NULL },
		{ "v=1; a=ed25519-sha256; " D S H BH B, NULL },
		{ VA D S H BH B "z=whatever; new_1=x", NULL },
		{ VA D S "h=to : from; " BH B, NULL },
		{ VA D S "h=to:\r\n\tfrom\r\n ; " BH B, NULL },
		{ VA D S H BH B "c=relaxed", NULL },
		{ VA D S H BH B "c=simple/relaxed; q=dns/txt", NULL },
		{ VA D S H BH B "q=other:dns/txt; l=0; t=1; x=2000000000",
		    NULL },
		{ VA D S H BH B "i=a@example.org", NULL },
		{ VA D S H BH B "i=@b.EXAMPLE.org", NULL },
		{ VA "d=EXAMPLE.org; " S H BH B, NULL },
		{ VA "d=b\xc3\xbc"
		     "cher.example; " S H BH B,
		    NULL },
		{ VA "d=b\xc3\xbc"
		     "cher.example; i=j@x.b\xc3\xbc"
		     "cher.example; " S H BH B,
		    NULL },
		{ VA "d=b\xc3\xbc"
		     "cher.example; i=j@xn--bcher-kva.example; " S H BH B,
		    NULL },
		{ "", "it is no list of tags" },
		{ ";", "it is no list of tags" },
		{ "v", "it is no list of tags" },
		{ VA D S H BH B ";;", "it is no list of tags" },
		{ VA D S H BH B "d=example.net", "it is no list of tags" },
		{ VA D S H BH B "1a=x", "it is no list of tags" },
		{ VA D S H BH B "a b=x", "it is no list of tags" },
		{ VA D S H BH "b=\x01", "it is no list of tags" },
		{ D S H BH B "v=1", "a= is missing" },
		{ "a=rsa-sha256; " D S H BH B, "v= is missing" },
		{ VA S H BH B, "d= is missing" },
		{ VA D H BH B, "s= is missing" },
		{ VA D S BH B, "h= is missing" },
		{ VA D S H B, "bh= is missing" },
		{ VA D S H BH, "b= is missing" },
		{ "v=2; a=rsa-sha256; " D S H BH B, "unknown version" },
		{ "v=1; a=rsa-sha1; " D S H BH B,
		    "rsa-sha1 is not accepted any more" },
		{ "v=1; a=dsa-sha256; " D S H BH B, "unknown algorithm" },
		{ VA "d=ex ample..org; " S H BH B, "d= is no domain" },
		{ VA "d=; " S H BH B, "d= is no domain" },
		{ VA D "s=a/b; " H BH B, "s= is no selector" },
		{ VA D S "h=to:cc; " BH B, "From is not signed" },
		{ VA D S "h=; " BH B, "From is not signed" },
		{ VA D S H "bh=AAAA; " B, "bh= is no SHA-256 hash" },
		{ VA D S H "bh=?; " B, "bh= is no SHA-256 hash" },
		{ VA D S H BH "b=", "b= is no signature" },
		{ VA D S H BH "b=!!!!", "b= is no signature" },
		{ VA D S H BH B "c=nofws", "unknown canonicalization" },
		{ VA D S H BH B "c=simple/", "unknown canonicalization" },
		{ VA D S H BH B "i=@example.com", "i= is not within d=" },
		{ VA D S H BH B "i=@notexample.org", "i= is not within d=" },
		{ VA D S H BH B "i=example.org", "i= is not within d=" },
		{ VA D S H BH B "i=@.example.org", "i= is not within d=" },
		{ VA D S H BH B "q=http", "unknown query method" },
		{ VA D S H BH B "l=-1", "l= is no number" },
		{ VA D S H BH B "l=99999999999999999999", "l= is no number" },
		{ VA D S H BH B "t=x", "t= is no number" },
		{ VA D S H BH B "x=", "x= is no number" },
		{ VA D S H BH B "t=5; x=5", "x= is not after t=" },
		{ VA D S H BH B "x=1699999999", "the signature has expired" },
		{ VA D S H BH B "x=1700000000", NULL },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		const char *text =
		    arena_printf(a, "DKIM-Signature: %s\r\n", cases[i].value);
		struct mime_header h = mime_header_of(str_c(text));
		struct dkim_parsed p;
		struct mime_field f;
		const char *why;
		enum dkim_result res;

		test_row(i, mime_header_next(&h, &f));
		res = dkim_parse_signature(a, &f, 1700000000, &p, &why);
		if (cases[i].why == NULL) {
			test_row_str(i, str_c(why), STR_NONE);
			test_row(i, res == DKIM_NONE);
			test_row(i, p.signature.n == 3);
		} else {
			test_row_str(i, str_c(why), str_c(cases[i].why));
			test_row(i, res == DKIM_PERMERROR);
		}
	}
	arena_free(&a);
}

/* What is hashed of the signature's own field. */
static void
test_own(void **state)
{
	static const struct {
		const char *field, *own;
	} cases[] = {
		{ "DKIM-Signature: " VA D S H BH "b=AAAA\r\n",
		    "DKIM-Signature: " VA D S H BH "b=" },
		{ "dkim-signature :" VA D "b=\r\n A\r\n A A A ; " S H BH "\r\n",
		    "dkim-signature :" VA D "b=; " S H BH },
		{ "DKIM-Signature: " VA D S H BH "bb=b=x; b = AAAA;\r\n",
		    "DKIM-Signature: " VA D S H BH "bb=b=x; b =;" },
		{ "DKIM-Signature: " VA D S H BH "b=AAAA \r\n ",
		    "DKIM-Signature: " VA D S H BH "b=" },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct mime_header h = mime_header_of(str_c(cases[i].field));
		struct dkim_parsed p;
		struct mime_field f;
		const char *why;

		test_row(i, mime_header_next(&h, &f));
		test_row(i,
		    dkim_parse_signature(a, &f, 0, &p, &why) == DKIM_NONE);
		test_row_str(i, p.own.whole, str_c(cases[i].own));
		test_row(i, str_ends(p.own.whole, p.own.value));
	}
	arena_free(&a);
}

/* ---- the key */

static void
test_records(void **state)
{
	static const struct {
		const char *record;
		enum dkim_result result;
		const char *why;
		bool testing;
	} cases[] = {
		{ "v=DKIM1; k=ed25519; p=" ED_KEY, DKIM_PASS, NULL, false },
		{ "k=ed25519; p=" ED_KEY ";", DKIM_PASS, NULL, false },
		{ "v=DKIM1;k=Ed25519;h=sha1:sha256;s=email;t=y:s;n=a note;p="
		  "11qYAYKxCrfVS/7TyWQHOg7 hcvPapiMlrwIaaPcHURo",
		    DKIM_PASS, NULL, true },
		{ "v=DKIM1; k=ed25519; s=other:*; t=z; p=" ED_KEY, DKIM_PASS,
		    NULL, false },
		{ "k=ed25519; p=" ED_KEY "; v=DKIM1", DKIM_PERMERROR,
		    "the key is of another version", false },
		{ "v=DKIM2; k=ed25519; p=" ED_KEY, DKIM_PERMERROR,
		    "the key is of another version", false },
		{ "v=DKIM1; k=ed25519", DKIM_PERMERROR,
		    "the key record has no key", false },
		{ "v=DKIM1; k=ed25519; t=y; p=", DKIM_PERMERROR,
		    "the key is revoked", true },
		{ "v=DKIM1; k=ed25519; h=sha1; p=" ED_KEY, DKIM_PERMERROR,
		    "the key is not for sha256", false },
		{ "v=DKIM1; p=" ED_KEY, DKIM_PERMERROR,
		    "the key is for another algorithm", false },
		{ "v=DKIM1; k=rsa; p=" RSA_KEY, DKIM_PERMERROR,
		    "the key is for another algorithm", false },
		{ "v=DKIM1; k=ed25519; s=chat; p=" ED_KEY, DKIM_PERMERROR,
		    "the key is not for mail", false },
		{ "v=DKIM1; k=ed25519; p=AAAA", DKIM_PERMERROR,
		    "the key cannot be read", false },
		{ "v=DKIM1; k=ed25519; p=" RSA_KEY, DKIM_PERMERROR,
		    "the key cannot be read", false },
		{ "v=DKIM1; k=ed25519; p=?", DKIM_PERMERROR,
		    "the key cannot be read", false },
		{ "whatever", DKIM_PERMERROR,
		    "the key record is no list of tags", false },
		{ "", DKIM_PERMERROR, "the key record is no list of tags",
		    false },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct dns_rig_row row = { .name = ED_NAME,
			.type = DNS_TXT,
			.text = cases[i].record };
		struct check c = check(a, &row, 1, ED_SIG FIELDS, BODY);

		test_row(i, c.n == 1);
		test_row_str(i, str_c(c.seen[0].why), str_c(cases[i].why));
		test_row(i, c.seen[0].result == cases[i].result);
		test_row(i, c.seen[0].testing == cases[i].testing);
	}
	arena_free(&a);
}

static void
test_lookups(void **state)
{
	static const struct {
		struct dns_rig_row rows[2];
		enum dkim_result result;
	} cases[] = {
		{ { { .name = "other.example",
		      .type = DNS_A,
		      .text = "192.0.2.1" } },
		    DKIM_PERMERROR },
		{ { { .name = ED_NAME, .type = DNS_A, .text = "192.0.2.1" } },
		    DKIM_PERMERROR },
		{ { { .name = ED_NAME, .type = DNS_TXT, .status = DNS_TEMP } },
		    DKIM_TEMPERROR },
		{ { { .name = ED_NAME, .type = DNS_TXT, .status = DNS_BOGUS } },
		    DKIM_TEMPERROR },
		{ { { .name = ED_NAME,
		      .type = DNS_TXT,
		      .text = "k=ed25519; p=" ED_KEY,
		      .delay_ms = DNS_RIG_NEVER } },
		    DKIM_TEMPERROR },
		{ { { .name = ED_NAME, .type = DNS_TXT, .text = "junk" },
		      { .name = ED_NAME,
			  .type = DNS_TXT,
			  .text = "k=ed25519; p=" ED_KEY } },
		    DKIM_PASS },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		size_t n = cases[i].rows[1].name != NULL ? 2 : 1;
		struct check c =
		    check(a, cases[i].rows, n, ED_SIG FIELDS, BODY);

		test_row(i, c.n == 1 && c.seen[0].result == cases[i].result);
	}
	arena_free(&a);
}

/* Keys that are too small, for another name, or just right. */
static void
test_keys(void **state)
{
	static const struct {
		unsigned bits;
		enum dkim_result result;
	} cases[] = { { 768, DKIM_POLICY }, { 1016, DKIM_POLICY },
		{ 1024, DKIM_NONE } };
	struct arena *a = arena_new(0);
	struct dkim_parsed p = { .kind = CRYPTO_PK_RSA,
		.domain = STR("example.org"),
		.identity = STR("@example.org") };
	struct crypto_pk *key;
	const char *why, *record;
	bool testing;

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct crypto_pk *k =
		    crypto_pk_generate(CRYPTO_PK_RSA, cases[i].bits);

		record = arena_printf(a, "p=" STR_FMT,
		    STR_ARG(base64_encode(a, crypto_pk_public(a, k))));
		crypto_pk_free(&k);
		test_row(i, dkim_parse_key(a, str_c(record), &p, &key, &testing,
				&why) == cases[i].result);
		test_row(i, (key != NULL) == (cases[i].result == DKIM_NONE));
		crypto_pk_free(&key);
	}
	/* an exponent of 66 bits */
	record =
	    "p="
	    "MIGlMA0GCSqGSIb3DQEBAQUAA4GTADCBjwKBgQDW8EBMuRDN6AOy0dslBHFip6flvX"
	    "NKACRGPDLUzIChDFAccT1St2JhCjf8CXp93rn8AK5KC4CR32S8UOR1dDfmrmHbvflj"
	    "qXmTOEB3p5CoMUcW9Q+Idjv4Af72+3bmOKmxBux6foQxbw3v8djhVtI5IBlvXD9FQQ"
	    "jlxw84Y94FwQIJAgAAAAAAAAAB";
	assert_int_equal(dkim_parse_key(a, str_c(record), &p, &key, &testing,
			     &why),
	    DKIM_PERMERROR);
	assert_string_equal(why, "the key cannot be read");
	record = "t=s; p=" RSA_KEY;
	assert_int_equal(dkim_parse_key(a, str_c(record), &p, &key, &testing,
			     &why),
	    DKIM_NONE);
	crypto_pk_free(&key);
	p.identity = STR("@b.example.org");
	assert_int_equal(dkim_parse_key(a, str_c(record), &p, &key, &testing,
			     &why),
	    DKIM_PERMERROR);
	assert_null(key);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests_name("dkim", tests, NULL, NULL);
}
