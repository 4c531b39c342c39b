/* test_arena.c - memory that is freed all at once */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/asan.h"

static void
test_alloc(void **state)
{
	struct arena *a = arena_new(0);
	size_t total = 0;

	(void)state;
	for (size_t n = 0; n < 3000; n += 7) {
		unsigned char *p = arena_alloc(a, n);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < n; i++)
			test_row(n, p[i] == 0);
		memset(p, 0xff, n);
		total += n;
		assert_int_equal(arena_used(a), total);
	}
	arena_free(&a);
	assert_null(a);
	arena_free(&a);
}

static void
test_mark(void **state)
{
	struct arena *a = arena_new(0);
	struct arena_mark empty = arena_mark(a), m;
	char *kept = arena_strdup(a, "kept");

	(void)state;
	m = arena_mark(a);
	for (int round = 0; round < 100; round++) {
		/* over the edge of a block, and a block of its own */
		for (int i = 0; i < 100; i++) {
			char *p = arena_alloc(a, 100);

			for (int k = 0; k < 100; k++)
				assert_int_equal(p[k], 0);
			memset(p, 'x', 100);
		}
		memset(arena_alloc(a, 300000), 'y', 300000);
		arena_rewind(a, m);
		assert_int_equal(arena_used(a), 5);
	}
	assert_string_equal(kept, "kept");
	arena_rewind(a, empty);
	assert_int_equal(arena_used(a), 0);
	arena_free(&a);
}

static void
test_copies(void **state)
{
	struct arena *a = arena_new(0);
	struct str s = STR("with\0NUL");

	(void)state;
	assert_memory_equal(arena_cstr(a, s), "with\0NUL", 9);
	assert_memory_equal(arena_str(a, s).p, "with\0NUL", 9);
	assert_int_equal(arena_str(a, s).n, 8);
	assert_string_equal(arena_cstr(a, STR_NONE), "");
	assert_string_equal(arena_strdup(a, "abc"), "abc");
	assert_string_equal(arena_printf(a, "%d-%s", 7, "x"), "7-x");
	assert_memory_equal(arena_memdup(a, "abc", 2), "ab", 2);
	assert_non_null(arena_memdup(a, NULL, 0));
	arena_free(&a);
}

static void
test_heap(void **state)
{
	char *p = xcalloc(0, 0), *s;

	(void)state;
	assert_non_null(p);
	p = xrealloc(p, 10, 10);
	memset(p, 1, 100);
	s = xstrdup("abc");
	assert_string_equal(s, "abc");
	free(s);
	s = xmemdup(p, 100);
	assert_memory_equal(s, p, 100);
	free(s);
	free(p);
}

static void
die_limit(void *arg)
{
	struct arena *a = arena_new(1000);

	(void)arg;
	arena_alloc(a, 600);
	arena_alloc(a, 401);
}

static void
die_array(void *arg)
{
	struct arena *a = arena_new(0);

	(void)arg;
	arena_array(a, SIZE_MAX / 2, 3);
}

static void
die_rewind(void *arg)
{
	struct arena *a = arena_new(0), *b = arena_new(0);

	(void)arg;
	arena_alloc(a, 1);
	arena_alloc(b, 1);
	arena_rewind(a, arena_mark(b));
}

static void
test_dies(void **state)
{
	(void)state;
	test_aborts(die_limit, NULL,
	    "an arena wants 401 bytes on top of 600, its limit is 1000");
	test_aborts(die_array, NULL, "an array of");
	test_aborts(die_rewind, NULL, "rewound to a mark that is not its");
}

static void
test_limit_is_exact(void **state)
{
	struct arena *a = arena_new(1000);
	struct arena_mark m = arena_mark(a);

	(void)state;
	arena_alloc(a, 1000);
	arena_rewind(a, m);
	arena_alloc(a, 600);
	arena_alloc(a, 400);
	arena_free(&a);
}

#if ASAN_ON
/* What was rewound, and the gap behind a piece, may not be touched. */
static void
test_poison(void **state)
{
	struct arena *a = arena_new(0);
	struct arena_mark m;
	char *p = arena_alloc(a, 16), *q;

	(void)state;
	assert_false(__asan_address_is_poisoned(p + 15));
	assert_true(__asan_address_is_poisoned(p + 16));
	m = arena_mark(a);
	q = arena_alloc(a, 100);
	assert_false(__asan_address_is_poisoned(q));
	arena_rewind(a, m);
	assert_true(__asan_address_is_poisoned(q));
	assert_false(__asan_address_is_poisoned(p));
	arena_free(&a);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alloc),
		cmocka_unit_test(test_mark),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_heap),
		cmocka_unit_test(test_dies),
		cmocka_unit_test(test_limit_is_exact),
#if ASAN_ON
		cmocka_unit_test(test_poison),
#endif
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
