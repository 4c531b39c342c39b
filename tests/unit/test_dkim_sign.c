/* test_dkim_sign.c - canonical forms, choice of fields, signing, keys */
#include "base/crypto.h"
#include "server/mailauth/dkim_private.h"

#include "tests/unit/test.h"

static void
test_body(void **state)
{
	static const struct {
		enum dkim_canon canon;
		const char *body, *same; /* what is hashed */
	} rows[] = {
		{ DKIM_SIMPLE, "", "\r\n" },
		{ DKIM_RELAXED, "", "" },
		{ DKIM_SIMPLE, "\r\n\r\n", "\r\n" },
		{ DKIM_RELAXED, "\r\n\r\n", "" },
		{ DKIM_RELAXED, " \t\r\n \r\n", "" },
		{ DKIM_RELAXED, "  ", "" },
		{ DKIM_SIMPLE, "  ", "  \r\n" },
		/* RFC 6376, 3.4.5 */
		{ DKIM_RELAXED, " C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n" },
		{ DKIM_SIMPLE, " C \r\nD \t E\r\n\r\n\r\n",
		    " C \r\nD \t E\r\n" },
		{ DKIM_SIMPLE, "a", "a\r\n" },
		{ DKIM_RELAXED, "a", "a\r\n" },
		{ DKIM_RELAXED, "a \r\n\r\n \r\n b", "a\r\n\r\n\r\n b\r\n" },
		{ DKIM_SIMPLE, "a\r\n\r\n\r\nb\r\n", "a\r\n\r\n\r\nb\r\n" },
		{ DKIM_SIMPLE, "a\r\n \r\n\r\n", "a\r\n \r\n" },
		/* line ends that are none */
		{ DKIM_SIMPLE, "a\nb\r", "a\nb\r\r\n" },
		{ DKIM_RELAXED, "a \r b\r\r\n", "a \r b\r\r\n" },
		{ DKIM_RELAXED, "\xe4\xf6 \xfc \r\n", "\xe4\xf6 \xfc\r\n" },
		{ DKIM_SIMPLE, "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nx",
		    "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nx\r\n" },
	};
	unsigned char want[32], got[32];
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct str in = str_c(rows[i].body);

		crypto_sha256(rows[i].same, strlen(rows[i].same), want);
		for (size_t step = 1; step < in.n + 2; step++) {
			struct dkim_body b;

			dkim_body_init(&b, rows[i].canon, UINT64_MAX);
			for (size_t at = 0; at < in.n; at += step) {
				struct str part = str_sub(in, at, step);

				dkim_body_add(&b, part.p, part.n);
				/* asking changes nothing */
				dkim_body_digest(&b, got, NULL);
			}
			dkim_body_digest(&b, got, &bytes);
			test_row(i, memcmp(got, want, 32) == 0);
			test_row(i, bytes == strlen(rows[i].same));
		}
	}
}

static void
test_body_limit(void **state)
{
	static const char body[] = "one\r\ntwo\r\n\r\n";
	unsigned char want[32], got[32];
	uint64_t bytes;

	(void)state;
	for (uint64_t limit = 0; limit < 16; limit++) {
		struct dkim_body b;

		dkim_body_init(&b, DKIM_SIMPLE, limit);
		dkim_body_add(&b, body, sizeof(body) - 1);
		dkim_body_digest(&b, got, &bytes);
		crypto_sha256(body, limit < 10 ? (size_t)limit : 10, want);
		test_row(limit, memcmp(got, want, 32) == 0);
		test_row(limit, bytes == 10);
	}
}

static void
test_field(void **state)
{
	static const struct {
		const char *field, *simple, *relaxed;
	} rows[] = {
		/* RFC 6376, 3.4.5 */
		{ "A: X\r\n", "A: X\r\n", "a:X\r\n" },
		{ "B : Y\t\r\n\tZ  \r\n", "B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n" },
		{ "Subject:\r\n x\r\n", "Subject:\r\n x\r\n", "subject:x\r\n" },
		{ "Empty:\r\n", "Empty:\r\n", "empty:\r\n" },
		{ "Empty: \r\n\t\r\n", "Empty: \r\n\t\r\n", "empty:\r\n" },
		{ "No-End: a  b", "No-End: a  b\r\n", "no-end:a b\r\n" },
		{ "X: \xc3\xa4\t\t\xff\r\n", "X: \xc3\xa4\t\t\xff\r\n",
		    "x:\xc3\xa4 \xff\r\n" },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct mime_header h = mime_header_of(str_c(rows[i].field));
		struct mime_field f;
		struct buf out;

		test_row(i, mime_header_next(&h, &f));
		buf_init(&out, a, 1000);
		dkim_canon_field(&out, DKIM_SIMPLE, &f);
		test_row_str(i, buf_str(&out), str_c(rows[i].simple));
		buf_clear(&out);
		dkim_canon_field(&out, DKIM_RELAXED, &f);
		test_row_str(i, buf_str(&out), str_c(rows[i].relaxed));
	}
	arena_free(&a);
}

static void
test_fields(void **state)
{
	static const char header[] = "To: 1\r\nX: 2\r\nto : 3\r\nTO: 4\r\n"
				     "From: 5\r\n";
	struct arena *a = arena_new(0);
	struct dkim_fields *fs = dkim_fields_new(a, str_c(header));

	(void)state;
	assert_int_equal(dkim_fields_count(fs, STR("tO")), 3);
	assert_int_equal(dkim_fields_count(fs, STR("Cc")), 0);
	for (int again = 0; again < 2; again++) {
		dkim_fields_reset(fs);
		assert_true(
		    str_eq_c(dkim_fields_take(fs, STR("To"))->value, " 4"));
		assert_true(
		    str_eq_c(dkim_fields_take(fs, STR("from"))->value, " 5"));
		assert_null(dkim_fields_take(fs, STR("from")));
		assert_true(
		    str_eq_c(dkim_fields_take(fs, STR("TO"))->value, " 3"));
		assert_true(
		    str_eq_c(dkim_fields_take(fs, STR("to"))->value, " 1"));
		assert_null(dkim_fields_take(fs, STR("to")));
	}
	arena_free(&a);
}

static struct str
sign(struct arena *a, const char *algorithm, struct str header,
    struct str *public_r, struct err **e_r)
{
	struct dkim_key key = { STR("example.org"), STR("s1"), STR_NONE };
	struct dkim_sign *s = dkim_sign_new(a);
	struct str field;

	assert_null(blocking_dkim_key_new(a, algorithm, &key.pem, public_r));
	dkim_sign_body(s, "Hello\r\n", 7);
	*e_r = dkim_sign_field(a, s, header, &key, 1700000000, &field);
	return field;
}

static const char *
squeeze(struct arena *a, struct str s)
{
	struct buf out;

	buf_init(&out, a, s.n + 1);
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > ' ')
			buf_char(&out, s.p[i]);
	return buf_cstr(&out);
}

/* The field's form; that the signature is right is test_dkim's matter. */
static void
test_sign(void **state)
{
	static const char *const algorithms[] = { "rsa", "ed25519" };
	struct str header = STR("From: a@example.org\r\nSubject: x\r\n"
				"Received: y\r\nsubject: z\r\n");
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(algorithms); i++) {
		struct str pub, field, line;
		const char *flat;
		struct err *e;

		field = sign(a, algorithms[i], header, &pub, &e);
		assert_null(e);
		assert_true(str_starts(field, STR("DKIM-Signature: v=1;")));
		assert_true(str_ends(field, STR("\r\n")));
		assert_true(field.n <= DKIM_FIELD_MAX);
		flat = squeeze(a, field);
		assert_non_null(strstr(flat, ";h=From:From:Subject:Subject;"));
		assert_non_null(strstr(flat, ";d=example.org;s=s1;t=1700000000;"
					     "h="));
		while (str_split(&field, '\n', &line))
			test_row(i, line.n <= 80);
	}
	arena_free(&a);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *header, *domain, *selector, *pem;
	} rows[] = {
		{ "Subject: x\r\n", "d.example", "s", NULL },
		{ "", "d.example", "s", NULL },
		{ "From: x\r\n", "d.example; l=0", "s", NULL },
		{ "From: x\r\n", "d.example", "s\r\nX: y", NULL },
		{ "From: x\r\n", "", "s", NULL },
		{ "From: x\r\n", "d.example", "", NULL },
		{ "From: x\r\n", "d.example", "s", "" },
		{ "From: x\r\n", "d.example", "s", "junk" },
		{ "From: x\r\n", "d.example", "s",
		    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYD\n"
		    "-----END PRIVATE KEY-----\n" },
	};
	struct arena *a = arena_new(0);
	struct dkim_sign *s = dkim_sign_new(a);
	struct str pem, pub, field;

	(void)state;
	assert_null(blocking_dkim_key_new(a, "ed25519", &pem, &pub));
	for (size_t i = 0; i < countof(rows); i++) {
		struct dkim_key key = { str_c(rows[i].domain),
			str_c(rows[i].selector),
			rows[i].pem != NULL ? str_c(rows[i].pem) : pem };
		struct err *e = dkim_sign_field(a, s, str_c(rows[i].header),
		    &key, 0, &field);

		test_row(i, err_is(e, ERR_INVALID));
		test_row(i, field.n == 0);
	}
	assert_true(
	    err_is(blocking_dkim_key_new(a, "dsa", &pem, &pub), ERR_INVALID));
	arena_free(&a);
}

static void
test_keys(void **state)
{
	struct arena *a = arena_new(0);
	struct str pem, pub, bytes, sig;
	unsigned char digest[32] = { 1 };
	struct crypto_pk *k, *p;

	(void)state;
	for (int rsa = 0; rsa < 2; rsa++) {
		enum crypto_pk_kind kind =
		    rsa ? CRYPTO_PK_RSA : CRYPTO_PK_ED25519;

		assert_null(blocking_dkim_key_new(a, rsa ? "rsa" : "ed25519",
		    &pem, &pub));
		assert_null(crypto_pk_of_pem(a, pem, &k));
		assert_int_equal(crypto_pk_kind(k), kind);
		assert_int_equal(crypto_pk_bits(k), rsa ? 2048 : 256);
		assert_true(base64_decode(a, pub, &bytes));
		p = crypto_pk_of_public(kind, bytes);
		assert_non_null(p);
		assert_null(
		    crypto_pk_of_public(rsa ? CRYPTO_PK_ED25519 : CRYPTO_PK_RSA,
			bytes));
		assert_null(crypto_pk_sign(a, k, digest, &sig));
		assert_true(crypto_pk_verify(p, digest, sig));
		digest[0] ^= 1;
		assert_false(crypto_pk_verify(p, digest, sig));
		digest[0] ^= 1;
		assert_false(
		    crypto_pk_verify(p, digest, str_sub(sig, 0, sig.n - 1)));
		assert_false(crypto_pk_verify(p, digest, STR_NONE));
		crypto_pk_free(&k);
		crypto_pk_free(&p);
	}
	assert_true(str_eq_c(dkim_record(a, "ed25519", STR("AAAA")),
	    "v=DKIM1; k=ed25519; p=AAAA"));
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_body_limit),
		cmocka_unit_test(test_field),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests_name("dkim_sign", tests, NULL, NULL);
}
