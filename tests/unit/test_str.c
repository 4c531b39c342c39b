/* test_str.c - text as pointer and length */
#include "tests/unit/test.h"

static void
test_compare(void **state)
{
	static const struct {
		const char *a, *b;
		bool eq, case_eq, starts, ends;
		int cmp;
	} rows[] = {
		{ "", "", true, true, true, true, 0 },
		{ "a", "", false, false, true, true, 1 },
		{ "", "a", false, false, false, false, -1 },
		{ "abc", "abc", true, true, true, true, 0 },
		{ "abc", "ABC", false, true, false, false, 1 },
		{ "abc", "ab", false, false, true, false, 1 },
		{ "abc", "bc", false, false, false, true, -1 },
		{ "ab", "abc", false, false, false, false, -1 },
		{ "\xc3\xa4", "\xc3\x84", false, false, false, false, 1 },
		{ "[", "{", false, false, false, false, -1 },
		{ "@", "`", false, false, false, false, -1 },
		{ "\xff", "a", false, false, false, false, 1 },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct str a = str_c(rows[i].a), b = str_c(rows[i].b);
		int cmp = str_cmp(a, b);

		test_row(i, str_eq(a, b) == rows[i].eq);
		test_row(i, str_eq_c(a, rows[i].b) == rows[i].eq);
		test_row(i, str_case_eq(a, b) == rows[i].case_eq);
		test_row(i, str_case_eq_c(a, rows[i].b) == rows[i].case_eq);
		test_row(i, str_starts(a, b) == rows[i].starts);
		test_row(i, str_ends(a, b) == rows[i].ends);
		test_row(i, (cmp > 0) - (cmp < 0) == rows[i].cmp);
		test_row(i, !rows[i].eq || str_hash(a) == str_hash(b));
	}
	assert_true(str_eq(STR_NONE, STR("")));
	assert_true(str_eq(str_c(NULL), STR("")));
	/* published FNV-1a values */
	assert_true(str_hash(STR("")) == 0xcbf29ce484222325u);
	assert_true(str_hash(STR("foobar")) == 0x85944171f73967e8u);
}

static void
test_cut(void **state)
{
	static const struct {
		const char *in, *trimmed;
		ptrdiff_t comma;
	} rows[] = {
		{ "", "", -1 },
		{ " \t ", "", -1 },
		{ " a b\t", "a b", -1 },
		{ ",", ",", 0 },
		{ "a\r\n", "a\r\n", -1 },
		{ " a,b,c", "a,b,c", 2 },
	};
	struct str s = STR("abcdef");

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		test_row_str(i, str_trim(str_c(rows[i].in)),
		    str_c(rows[i].trimmed));
		test_row(i, str_chr(str_c(rows[i].in), ',') == rows[i].comma);
	}
	test_row_str(0, str_sub(s, 1, 2), STR("bc"));
	test_row_str(1, str_sub(s, 4, 99), STR("ef"));
	test_row_str(2, str_sub(s, 99, 1), STR(""));
	test_row_str(3, str_sub(s, 6, SIZE_MAX), STR(""));
	test_row_str(4, str_sub(STR_NONE, 3, 3), STR(""));
}

static void
test_has(void **state)
{
	static const struct {
		const char *s, *part;
		bool has;
	} rows[] = {
		{ "", "", true },
		{ "a", "", true },
		{ "", "a", false },
		{ "abc", "ABC", true },
		{ "xxabC", "aBc", true },
		{ "ab", "abc", false },
		{ "aab", "ab", true },
		{ "a-b", "a_b", false },
		{ "\xc3\x84", "\xc3\xa4", false },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++)
		test_row(i, str_case_has(str_c(rows[i].s),
				str_c(rows[i].part)) == rows[i].has);
}

static void
test_split(void **state)
{
	static const struct {
		const char *in;
		unsigned n;
		const char *pieces[4];
	} rows[] = {
		{ "", 0, { NULL } },
		{ "a", 1, { "a" } },
		{ "a,b", 2, { "a", "b" } },
		{ "a,,b", 3, { "a", "", "b" } },
		{ "a,", 2, { "a", "" } },
		{ ",", 2, { "", "" } },
		{ ",a", 2, { "", "a" } },
		{ ",,a,", 4, { "", "", "a", "" } },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct str rest = str_c(rows[i].in), piece;
		unsigned n = 0;

		while (str_split(&rest, ',', &piece)) {
			test_row(i, n < rows[i].n);
			test_row_str(i, piece, str_c(rows[i].pieces[n]));
			n++;
		}
		test_row(i, n == rows[i].n);
		test_row(i, !str_split(&rest, ',', &piece));
	}
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *in;
		bool is_u64, is_u32, is_hex;
		uint64_t v, hex;
	} rows[] = {
		{ "", false, false, false, 0, 0 },
		{ "0", true, true, true, 0, 0 },
		{ "007", true, true, true, 7, 7 },
		{ "-1", false, false, false, 0, 0 },
		{ "+1", false, false, false, 0, 0 },
		{ " 1", false, false, false, 0, 0 },
		{ "1 ", false, false, false, 0, 0 },
		{ "1x", false, false, false, 0, 0 },
		{ "aF", false, false, true, 0, 0xaf },
		{ "0x1", false, false, false, 0, 0 },
		{ "4294967295", true, true, true, UINT32_MAX, 0x4294967295 },
		{ "4294967296", true, false, true, 4294967296, 0x4294967296 },
		{ "18446744073709551615", true, false, false, UINT64_MAX, 0 },
		{ "18446744073709551616", false, false, false, 0, 0 },
		{ "99999999999999999999", false, false, false, 0, 0 },
		{ "ffffffffffffffff", false, false, true, 0, UINT64_MAX },
		{ "10000000000000000", true, false, false, 10000000000000000,
		    0 },
		{ "0ffffffffffffffff", false, false, true, 0, UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct str in = str_c(rows[i].in);
		uint64_t v = 0, hex = 0;
		uint32_t v32 = 0;

		test_row(i, str_u64(in, &v) == rows[i].is_u64);
		test_row(i, v == rows[i].v);
		test_row(i, str_u32(in, &v32) == rows[i].is_u32);
		test_row(i, !rows[i].is_u32 || v32 == rows[i].v);
		test_row(i, str_hex_u64(in, &hex) == rows[i].is_hex);
		test_row(i, hex == rows[i].hex);
	}
}

static void
test_unhex(void **state)
{
	unsigned char out[3] = { 0 };

	(void)state;
	assert_true(str_unhex(STR("00fFa5"), out, 3));
	assert_memory_equal(out, "\x00\xff\xa5", 3);
	assert_true(str_unhex(STR(""), out, 0));
	assert_false(str_unhex(STR("00ff"), out, 3));
	assert_false(str_unhex(STR("00ffa"), out, 2));
	assert_false(str_unhex(STR("00fg"), out, 2));
	assert_false(str_unhex(STR("0 ff"), out, 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_has),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_unhex),
	};

	return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
