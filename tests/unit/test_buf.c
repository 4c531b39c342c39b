/* test_buf.c - string builder with a limit and a sticky error */
#include "tests/unit/test.h"

#include "base/buf.h"

static void
fill(struct buf *b)
{
	buf_c(b, "a");
	buf_char(b, ' ');
	buf_str_add(b, STR("b c"));
	buf_u64(b, 0);
	buf_u64(b, UINT64_MAX);
	buf_hex(b, "\x00\xfe", 2);
	buf_fmt(b, "<%s:%d>", "x", -1);
	buf_str_add(b, STR_NONE);
}

static const char filled[] = "a b c01844674407370955161500fe<x:-1>";

static void
test_storage(void **state)
{
	struct arena *arenas[2] = { NULL, arena_new(0) };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct buf b;

		buf_init(&b, arenas[i], 100000);
		assert_string_equal(buf_cstr(&b), "");
		assert_int_equal(buf_str(&b).n, 0);
		for (int k = 0; k < 1000; k++)
			fill(&b);
		test_row(i, buf_ok(&b));
		test_row(i, b.n == 1000 * strlen(filled));
		for (size_t k = 0; k < 1000; k++)
			assert_memory_equal(b.p + k * strlen(filled), filled,
			    strlen(filled));
		assert_int_equal(strlen(buf_cstr(&b)), b.n);
		buf_clear(&b);
		assert_int_equal(b.n, 0);
		fill(&b);
		assert_string_equal(buf_cstr(&b), filled);
		buf_free(&b);
	}
	arena_free(&arenas[1]);
}

/* At every limit: what fitted is kept, and nothing after it. */
static void
test_limit(void **state)
{
	(void)state;
	for (size_t limit = 0; limit <= strlen(filled) + 1; limit++) {
		struct buf b;

		buf_init(&b, NULL, limit);
		fill(&b);
		test_row(limit, buf_ok(&b) == (limit >= strlen(filled)));
		buf_c(&b, "");
		test_row(limit, buf_ok(&b) == (limit >= strlen(filled)));
		test_row_str(limit, buf_str(&b),
		    str_sub(str_c(filled), 0, limit));
		test_row(limit, strlen(buf_cstr(&b)) == b.n);
		if (!buf_ok(&b)) {
			buf_clear(&b);
			test_row(limit, buf_ok(&b));
		}
		buf_free(&b);
	}
}

static void
test_binary(void **state)
{
	struct buf b;
	char *p;

	(void)state;
	buf_init(&b, NULL, 17);
	buf_le16(&b, 0x0102);
	buf_le32(&b, 0x01020304);
	buf_le64(&b, 0x0102030405060708);
	assert_memory_equal(b.p, "\2\1\4\3\2\1\10\7\6\5\4\3\2\1", 14);
	assert_int_equal(le16_get(b.p), 0x0102);
	assert_int_equal(le32_get(b.p + 2), 0x01020304);
	assert_true(le64_get(b.p + 6) == 0x0102030405060708);
	assert_true(le64_get("\xff\xff\xff\xff\xff\xff\xff\xff") == UINT64_MAX);
	p = buf_space(&b, 3);
	assert_non_null(p);
	assert_memory_equal(p, "\0\0\0", 3);
	assert_null(buf_space(&b, 1));
	assert_false(buf_ok(&b));
	assert_int_equal(b.n, 17);
	assert_null(buf_space(&b, 0));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_storage),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_binary),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
