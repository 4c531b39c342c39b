/* test_hints_wire.c - what hints look like on the wire */
#include "base/arena.h"
#include "base/buf.h"
#include "server/cluster/hints_wire.h"
#include "tests/unit/test.h"

static const unsigned char key[32] = "the key", other[32] = "another";
static const struct hints_head head = { "node-id8", "session8", 42 };

static struct str
datagram(struct arena *a, const struct hint *items, unsigned n)
{
	struct buf b;

	buf_init(&b, a, HINTS_BYTES);
	hints_wire_begin(&b, &head);
	for (unsigned i = 0; i < n; i++)
		hint_put(&b, &items[i]);
	hints_wire_end(&b, key);
	assert_true(buf_ok(&b));
	return buf_str(&b);
}

static void
test_roundtrip(void **state)
{
	static const struct hint items[] = {
		{ .type = HINT_ALIVE },
		{ .type = HINT_ACCOUNT, .id = { "abc234", 6 }, .number = 77 },
		{ .type = HINT_STATE, .number = UINT64_MAX },
		{ .type = HINT_FAILURE, .number = 1ULL << 63, .points = 200 },
		{ .type = HINT_TALLY, .number = 1ULL << 62, .points = 65535 },
		{ .type = HINT_QUEUE, .number = 12, .points = 63 },
	};
	struct arena *a = arena_new(0);
	struct hints_head h;
	struct str in;
	struct hint i;

	(void)state;
	assert_true(
	    hints_wire_open(datagram(a, items, countof(items)), key, &h, &in));
	assert_memory_equal(&h, &head, sizeof(h));
	for (unsigned n = 0; n < countof(items); n++) {
		assert_true(hint_next(&in, &i));
		test_row(n, i.type == items[n].type);
		test_row(n, i.number == items[n].number);
		test_row(n, i.points == items[n].points);
		test_row_str(n, i.id, items[n].id);
	}
	assert_false(hint_next(&in, &i));
	arena_free(&a);
}

static void
test_forged(void **state)
{
	static const struct hint item = { .type = HINT_STATE, .number = 9 };
	struct arena *a = arena_new(0);
	struct str d = datagram(a, &item, 1), in;
	char *bad = arena_memdup(a, d.p, d.n);
	struct hints_head h;

	(void)state;
	assert_true(hints_wire_open(d, key, &h, &in));
	assert_false(hints_wire_open(d, other, &h, &in));
	for (size_t n = 0; n < d.n; n++) {
		test_row(n, !hints_wire_open(str_sub(d, 0, n), key, &h, &in));
		bad[n] ^= 1;
		test_row(n, !hints_wire_open(str_of(bad, d.n), key, &h, &in));
		bad[n] ^= 1;
	}
	assert_true(hints_wire_open(str_of(bad, d.n), key, &h, &in));
	arena_free(&a);
}

#define ROW(bytes, ...)                                                        \
	{                                                                      \
		{ bytes, sizeof(bytes) - 1 }, __VA_ARGS__                      \
	}
#define E8 "\1\0\0\0\0\0\0\0"

static void
test_items(void **state)
{
	static const struct {
		struct str in;
		enum hint_type type;
		bool more; /* another item follows: it was skipped or read */
	} rows[] = {
		ROW("", HINT_NONE, false), ROW("a", HINT_NONE, false),
		ROW("l\0", HINT_ALIVE, true), ROW("l\1x", HINT_NONE, true),
		ROW("s\10" E8, HINT_STATE, true),
		ROW("s\7\1\0\0\0\0\0\0", HINT_NONE, true),
		ROW("s\10\1\0\0", HINT_NONE, false), /* truncated */
		ROW("s\377" E8, HINT_NONE, false),
		ROW("f\11" E8 "\1", HINT_FAILURE, true),
		ROW("f\11" E8 "\0", HINT_NONE, true), /* no points */
		ROW("f\10" E8, HINT_NONE, true),
		ROW("t\12" E8 "\0\1", HINT_TALLY, true),
		ROW("t\12" E8 "\0\0", HINT_NONE, true), /* none */
		ROW("t\11" E8 "\1", HINT_NONE, true),
		ROW("q\11" E8 "\0", HINT_QUEUE, true),
		ROW("q\11" E8 "\77", HINT_QUEUE, true),
		ROW("q\11" E8 "\100", HINT_NONE, true), /* no such bucket */
		ROW("q\10" E8, HINT_NONE, true),
		ROW("a\12" E8 "ab", HINT_ACCOUNT, true),
		ROW("a\11" E8 "a", HINT_NONE, true), /* id too short */
		ROW("a\13" E8 "../", HINT_NONE, true),
		ROW("a\12" E8 "A\0", HINT_NONE, true),
		ROW("a\10" E8, HINT_NONE, true),
		ROW("z\3new", HINT_NONE, true), /* a newer version's */
	};

	(void)state;
	for (unsigned n = 0; n < countof(rows); n++) {
		struct str in = rows[n].in;
		struct hint i;

		test_row(n, hint_next(&in, &i) == rows[n].more);
		test_row(n, i.type == rows[n].type);
		test_row(n, !rows[n].more || in.n == 0);
	}
}

static void
test_window(void **state)
{
	static const struct {
		uint64_t counter;
		bool taken;
	} rows[] = {
		{ 1, true },
		{ 1, false },
		{ 3, true },
		{ 2, true },
		{ 2, false },
		{ 3, false },
		{ 66, true },
		{ 2, false },
		{ 4, true },
		{ 4, false },
		{ 1000, true },
		{ 936, false },
		{ 937, true },
		{ 937, false },
		{ 999, true },
		{ 999, false },
		{ UINT64_MAX, true },
		{ UINT64_MAX, false },
		{ 1, false },
		{ 0, false },
	};
	struct hints_window w = { .top = 0 };

	(void)state;
	for (unsigned n = 0; n < countof(rows); n++)
		test_row(n,
		    hints_window_take(&w, rows[n].counter) == rows[n].taken);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roundtrip),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_items),
		cmocka_unit_test(test_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
