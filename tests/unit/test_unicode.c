/* test_unicode.c - normal forms, case, domain names */
#include "tests/unit/test.h"

#include "base/unicode.h"

static void
test_forms(void **state)
{
	static const struct {
		const char *in, *nfc, *folded;
	} rows[] = {
		{ "", "", "" },
		{ "Alice@Example.ORG", "Alice@Example.ORG",
		    "alice@example.org" },
		/* A, U+0308; U+00C4 */
		{ "A\xcc\x88", "\xc3\x84", "\xc3\xa4" },
		{ "\xc3\x84", "\xc3\x84", "\xc3\xa4" },
		/* sharp s, small and capital */
		{ "Stra\xc3\x9f"
		  "e",
		    "Stra\xc3\x9f"
		    "e",
		    "strasse" },
		{ "STRA\xe1\xba\x9e"
		  "E",
		    "STRA\xe1\xba\x9e"
		    "E",
		    "strasse" },
		/* final sigma */
		{ "\xce\xa3\xcf\x82", "\xce\xa3\xcf\x82", "\xcf\x83\xcf\x83" },
		/* Kelvin sign */
		{ "\xe2\x84\xaa", "K", "k" },
		/* Hangul by its parts */
		{ "\xe1\x84\x80\xe1\x85\xa1", "\xea\xb0\x80", "\xea\xb0\x80" },
		/* full-width A: a compatibility form stays one */
		{ "\xef\xbc\xa1", "\xef\xbc\xa1", "\xef\xbd\x81" },
		/* marks in their canonical order: U+0323 before U+0307 */
		{ "q\xcc\x87\xcc\xa3", "q\xcc\xa3\xcc\x87",
		    "q\xcc\xa3\xcc\x87" },
	};
	struct arena *a = arena_new(0);
	struct str out, again;

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct str in = str_c(rows[i].in);

		test_row(i, unicode_is_utf8(in));
		test_row(i, unicode_nfc(a, in, &out) == NULL);
		test_row_str(i, out, str_c(rows[i].nfc));
		test_row(i, out.p[out.n] == '\0');
		test_row(i, unicode_nfc(a, out, &again) == NULL);
		test_row_str(i, again, out);
		test_row(i, unicode_fold_nfc(a, in, &out) == NULL);
		test_row_str(i, out, str_c(rows[i].folded));
		test_row(i, unicode_fold_nfc(a, out, &again) == NULL);
		test_row_str(i, again, out);
	}
	arena_free(&a);
}

/* Every character there is: both forms are fixed points. */
static void
test_fixed_points(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	for (uint32_t c = 0x80; c < 0x20000; c++) {
		struct arena_mark m = arena_mark(a);
		struct str in, out, again;
		char p[4];

		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		if (c < 0x800)
			in = str_of(p, 2);
		else
			in = str_of(p, c < 0x10000 ? 3 : 4);
		for (size_t i = in.n, left = c; i-- > 1; left >>= 6)
			p[i] = (char)(0x80 | (left & 0x3f));
		p[0] = (char)(in.n == 2	  ? 0xc0 | c >> 6
			      : in.n == 3 ? 0xe0 | c >> 12
					  : 0xf0 | c >> 18);
		test_row(c, unicode_nfc(a, in, &out) == NULL);
		test_row(c, unicode_nfc(a, out, &again) == NULL);
		test_row_str(c, again, out);
		test_row(c, unicode_fold_nfc(a, in, &out) == NULL);
		test_row(c, unicode_fold_nfc(a, out, &again) == NULL);
		test_row_str(c, again, out);
		arena_rewind(a, m);
	}
	arena_free(&a);
}

static void
test_refused(void **state)
{
	struct arena *a = arena_new(0);
	char *p = arena_alloc(a, UNICODE_BYTES + 1);
	struct str out;

	(void)state;
	assert_true(err_is(unicode_nfc(a, STR("\xff"), &out), ERR_INVALID));
	assert_true(err_is(unicode_fold_nfc(a, STR("\xed\xa0\x80"), &out),
	    ERR_INVALID));
	assert_false(unicode_is_utf8(STR("a\xc3")));
	memset(p, 'a', UNICODE_BYTES + 1);
	assert_null(unicode_nfc(a, str_of(p, UNICODE_BYTES), &out));
	assert_int_equal(out.n, UNICODE_BYTES);
	assert_true(err_is(unicode_nfc(a, str_of(p, UNICODE_BYTES + 1), &out),
	    ERR_LIMIT));
	/* U+0390 folds to three characters of two bytes and composes again;
	 * U+1FB7 grows for good: too long afterwards */
	for (size_t i = 0; i + 3 <= UNICODE_BYTES; i += 3)
		memcpy(p + i, "\xe1\xbe\xb7", 3);
	assert_true(
	    err_is(unicode_fold_nfc(a, str_of(p, UNICODE_BYTES / 3 * 3), &out),
		ERR_LIMIT));
	arena_free(&a);
}

static void
test_domains(void **state)
{
	static const struct {
		const char *in, *ascii, *shown;
	} rows[] = {
		{ "example.org", "example.org", "example.org" },
		{ "EXAMPLE.Org", "example.org", "example.org" },
		{ "localhost", "localhost", "localhost" },
		{ "b\xc3\xbc"
		  "cher.example",
		    "xn--bcher-kva.example",
		    "b\xc3\xbc"
		    "cher.example" },
		{ "B\xc3\x9c"
		  "CHER.example",
		    "xn--bcher-kva.example",
		    "b\xc3\xbc"
		    "cher.example" },
		{ "bu\xcc\x88"
		  "cher.example",
		    "xn--bcher-kva.example",
		    "b\xc3\xbc"
		    "cher.example" },
		{ "XN--BCHER-KVA.example", "xn--bcher-kva.example",
		    "b\xc3\xbc"
		    "cher.example" },
		/* non-transitional: sharp s is a letter of its own */
		{ "fa\xc3\x9f.de", "xn--fa-hia.de", "fa\xc3\x9f.de" },
		/* the ideographic full stop is a dot */
		{ "a\xe3\x80\x82"
		  "b",
		    "a.b", "a.b" },
		{ "1.2.3.in-addr.arpa", "1.2.3.in-addr.arpa",
		    "1.2.3.in-addr.arpa" },
	};
	static const char *const bad[] = { "", ".", "a..b", ".a", "a.", "a b",
		"-a.b", "a-.b", "a_b.c", "a/b", "[127.0.0.1]", "a@b", "\xff",
		"xn--a.b", "a\nb", "a\xc2\xad\xc2\xad..b",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aa"
		".b" };
	struct arena *a = arena_new(0);
	struct str out;
	char *p = arena_alloc(a, 2000);

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		test_row(i,
		    unicode_domain_ascii(a, str_c(rows[i].in), &out) == NULL);
		test_row_str(i, out, str_c(rows[i].ascii));
		test_row(i,
		    unicode_domain_shown(a, str_c(rows[i].in), &out) == NULL);
		test_row_str(i, out, str_c(rows[i].shown));
	}
	for (size_t i = 0; i < countof(bad); i++) {
		test_row(i, err_is(unicode_domain_ascii(a, str_c(bad[i]), &out),
				ERR_INVALID));
		test_row(i, err_is(unicode_domain_shown(a, str_c(bad[i]), &out),
				ERR_INVALID));
	}
	assert_true(
	    err_is(unicode_domain_ascii(a, STR("a\0b"), &out), ERR_INVALID));
	/* 253 bytes in all, not one more */
	for (size_t i = 0; i < 2000; i++)
		p[i] = i % 2 ? '.' : 'a';
	assert_null(unicode_domain_ascii(a, str_of(p, 253), &out));
	assert_true(
	    err_is(unicode_domain_ascii(a, str_of(p, 255), &out), ERR_INVALID));
	assert_true(err_is(unicode_domain_ascii(a, str_of(p, 1999), &out),
	    ERR_INVALID));
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_fixed_points),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_domains),
	};

	return cmocka_run_group_tests_name("unicode", tests, NULL, NULL);
}
