/* test_record.c - the text of one journal entry */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/crypto.h"
#include "storage/record.h"

#define ZERO32 "00000000000000000000000000000000"
#define SHA64 ZERO32 ZERO32

static struct arena *arena;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new(0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

/* body and the checksum that belongs to it */
static struct str
with_crc(const char *body)
{
	return str_c(arena_printf(arena, "%s %08x", body,
	    (unsigned)crc32c(0, body, strlen(body))));
}

static const struct {
	const char *body;
	enum err_code code;
} parse_tests[] = {
	{ "00000000000000000000000000000001 0000000000000001 " ZERO32 " 1 N -",
	    ERR_NONE },
	{ "000102030405060708090a0b0c0d0e0f 9999999999999999 " ZERO32
	  " 1 a,1;b,%20 x=1,y=2",
	    ERR_NONE },
	{ "00000000000000000000000000000001 0000000000000002 " ZERO32
	  " 1 @4096:" SHA64 " -",
	    ERR_NONE },
	{ "00000000000000000000000000000001 0000000000000002 " ZERO32 " 2 N -",
	    ERR_FORMAT },
	/* identity */
	{ ZERO32 " 0000000000000001 " ZERO32 " 1 N -", ERR_CORRUPT },
	{ "0000000000000000000000000000000A 0000000000000001 " ZERO32 " 1 N -",
	    ERR_CORRUPT },
	{ "0000000000000000000000000000001 0000000000000001 " ZERO32 " 1 N -",
	    ERR_CORRUPT },
	{ "00000000000000000000000000000001 0000000000000000 " ZERO32 " 1 N -",
	    ERR_CORRUPT },
	{ "00000000000000000000000000000001 1 " ZERO32 " 1 N -", ERR_CORRUPT },
	{ "00000000000000000000000000000001 000000000000000x " ZERO32 " 1 N -",
	    ERR_CORRUPT },
	{ "00000000000000000000000000000001 0000000000000001 xx 1 N -",
	    ERR_CORRUPT },
	/* format */
	{ "00000000000000000000000000000001 0000000000000001 " ZERO32 " 0 N -",
	    ERR_CORRUPT },
	{ "00000000000000000000000000000001 0000000000000001 " ZERO32 " -1 N -",
	    ERR_CORRUPT },
	{ "00000000000000000000000000000001 0000000000000001 " ZERO32
	  " 99999999999 N -",
	    ERR_CORRUPT },
	/* external operations */
	{ "00000000000000000000000000000001 0000000000000002 " ZERO32
	  " 1 @0:" SHA64 " -",
	    ERR_CORRUPT },
	{ "00000000000000000000000000000001 0000000000000002 " ZERO32
	  " 1 @4194305:" SHA64 " -",
	    ERR_CORRUPT },
	{ "00000000000000000000000000000001 0000000000000002 " ZERO32
	  " 1 @18446744073709551617:" SHA64 " -",
	    ERR_CORRUPT },
	{ "00000000000000000000000000000001 0000000000000002 " ZERO32
	  " 1 @10: -",
	    ERR_CORRUPT },
	{ "00000000000000000000000000000001 0000000000000002 " ZERO32
	  " 1 @10:" SHA64 "0 -",
	    ERR_CORRUPT },
	{ "00000000000000000000000000000001 0000000000000002 " ZERO32 " 1 @ -",
	    ERR_CORRUPT },
	/* tokens */
	{ "00000000000000000000000000000001 0000000000000001 " ZERO32 " 1 N",
	    ERR_CORRUPT },
	{ "00000000000000000000000000000001 0000000000000001 " ZERO32
	  " 1 N - -",
	    ERR_CORRUPT },
	{ "00000000000000000000000000000001  0000000000000001 " ZERO32 " 1 N -",
	    ERR_CORRUPT },
	{ " 00000000000000000000000000000001 0000000000000001 " ZERO32 " 1 N -",
	    ERR_CORRUPT },
	{ "00000000000000000000000000000001 0000000000000001 " ZERO32
	  " 1 N\t -",
	    ERR_CORRUPT },
	{ "00000000000000000000000000000001 0000000000000001 " ZERO32
	  " 1 \xff -",
	    ERR_CORRUPT },
	{ "", ERR_CORRUPT },
	{ "      ", ERR_CORRUPT },
};

static void
test_parse(void **state)
{
	struct record r;
	struct buf b;
	struct err *e;
	struct str text;
	size_t i;

	(void)state;
	for (i = 0; i < countof(parse_tests); i++) {
		text = with_crc(parse_tests[i].body);
		e = record_parse(arena, text, &r);
		if (err_code(e) != parse_tests[i].code)
			fail_msg("%zu: %s", i, err_name(err_code(e)));
		if (e != NULL)
			continue;
		/* what was read is written the same */
		buf_init(&b, arena, 0x1000);
		record_format(&b, &r);
		if (!str_eq(buf_str(&b), text))
			fail_msg("%zu: written as " STR_FMT, i,
			    STR_ARG(buf_str(&b)));
	}
}

/* No single wrong, missing or additional byte goes unnoticed. */
static void
test_parse_damage(void **state)
{
	struct str text = with_crc(parse_tests[1].body);
	struct record r;
	char *copy;
	size_t i;
	int bit;

	(void)state;
	for (i = 0; i < text.n; i++) {
		for (bit = 0; bit < 8; bit++) {
			copy = arena_memdup(arena, text.p, text.n);
			copy[i] = (char)(copy[i] ^ 1 << bit);
			if (record_parse(arena, str_of(copy, text.n), &r) ==
			    NULL)
				fail_msg("byte %zu bit %d", i, bit);
		}
		/* exactly so long: valgrind and ASan see an over-read */
		copy = xmemdup(text.p, i + 1);
		if (i + 1 < text.n)
			assert_non_null(
			    record_parse(arena, str_of(copy, i + 1), &r));
		free(copy);
	}
}

static void
test_parse_long(void **state)
{
	char *p = arena_alloc(arena, 1002);
	struct record r;

	(void)state;
	memset(p, 'a', 1001);
	assert_true(
	    err_is(record_parse(arena, str_of(p, 1001), &r), ERR_CORRUPT));
}

static void
test_format_results(void **state)
{
	struct str text = with_crc(parse_tests[3].body);
	struct record r;

	(void)state;
	assert_true(err_is(record_parse(arena, text, &r), ERR_FORMAT));
	assert_int_equal(r.seq, 2);
	assert_int_equal(r.txid.b[15], 1);
}

static void
test_seq(void **state)
{
	static const struct {
		const char *in;
		bool ok;
		uint64_t v;
	} t[] = {
		{ "0000000000000001", true, 1 },
		{ "9999999999999999", true, RECORD_SEQ_MAX },
		{ "0000000000000000", false, 0 },
		{ "000000000000001", false, 0 },
		{ "00000000000000001", false, 0 },
		{ "000000000000 001", false, 0 },
		{ "+000000000000001", false, 0 },
		{ "", false, 0 },
	};
	char name[SEQ_DIGITS + 1];
	uint64_t v;
	size_t i;

	(void)state;
	for (i = 0; i < countof(t); i++) {
		if (seq_parse(str_c(t[i].in), &v) != t[i].ok)
			fail_msg("%zu", i);
		if (!t[i].ok)
			continue;
		assert_int_equal(v, t[i].v);
		seq_name(v, name);
		assert_string_equal(name, t[i].in);
	}
}

static void
test_ops(void **state)
{
	char all[256];
	struct txid x = { "\x01\x23\x45\x67\x89\xab\xcd\xef"
			  "\x00\x11\x22\x33\x44\x55\x66\x77" },
		    y;
	struct record_op op;
	struct str s, ops;
	struct buf b;
	uint64_t v;
	uint32_t w;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	buf_init(&b, arena, 0x10000);
	record_op(&b, 'N');
	record_op(&b, 'a');
	record_u64(&b, UINT64_MAX);
	record_text(&b, str_of(all, sizeof(all)));
	record_txid(&b, &x);
	record_text(&b, STR(""));
	record_op(&b, 'F');
	record_u64(&b, 77);
	assert_true(buf_ok(&b));
	ops = buf_str(&b);
	for (i = 0; i < ops.n; i++)
		assert_true(ops.p[i] > ' ' && ops.p[i] < 0x7f);

	assert_true(record_next(&ops, &op));
	assert_int_equal(op.letter, 'N');
	assert_false(record_get_str(&op, &s));
	assert_true(record_next(&ops, &op));
	assert_int_equal(op.letter, 'a');
	assert_true(record_get_u64(&op, &v));
	assert_true(v == UINT64_MAX);
	assert_true(record_get_text(&op, arena, &s));
	assert_int_equal(s.n, sizeof(all));
	assert_memory_equal(s.p, all, sizeof(all));
	assert_true(record_get_txid(&op, &y));
	assert_true(txid_eq(&x, &y));
	assert_true(record_get_text(&op, arena, &s));
	assert_int_equal(s.n, 0);
	assert_false(record_get_str(&op, &s));
	assert_true(record_next(&ops, &op));
	assert_int_equal(op.letter, 'F');
	assert_true(record_get_u32(&op, &w));
	assert_int_equal(w, 77);
	assert_false(record_next(&ops, &op));
}

static void
test_ops_malformed(void **state)
{
	static const struct {
		const char *ops;
		char letter;
	} t[] = { { "Nx", 0 }, { ";", 0 }, { ",1", 0 }, { "N", 'N' },
		{ "a,", 'a' } };
	static const char *const texts[] = { "a,%", "a,%2", "a,%zz", "a,%2f",
		"a,\x01", "a,b c", "a,%%%" };
	struct record_op op;
	struct str ops, s;
	uint64_t v;
	size_t i;

	(void)state;
	for (i = 0; i < countof(t); i++) {
		ops = str_c(t[i].ops);
		assert_true(record_next(&ops, &op));
		if (op.letter != t[i].letter)
			fail_msg("%zu: %d", i, op.letter);
	}
	for (i = 0; i < countof(texts); i++) {
		ops = str_c(texts[i]);
		assert_true(record_next(&ops, &op));
		if (record_get_text(&op, arena, &s))
			fail_msg("%s", texts[i]);
	}
	ops = STR("a,,18446744073709551616,-1");
	assert_true(record_next(&ops, &op));
	assert_false(record_get_u64(&op, &v));
	assert_false(record_get_u64(&op, &v));
	assert_false(record_get_u64(&op, &v));
	assert_false(op.any);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_damage),
		cmocka_unit_test(test_parse_long),
		cmocka_unit_test(test_format_results),
		cmocka_unit_test(test_seq),
		cmocka_unit_test(test_ops),
		cmocka_unit_test(test_ops_malformed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
