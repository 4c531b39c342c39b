/* test_rnd.c - random bytes, seedable; and the system's clocks */
#include "tests/unit/test.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/rnd.h"

static void
test_seeded(void **state)
{
	struct rnd_seeded a, b;
	struct rnd ra = rnd_of_seeded(&a), rb = rnd_of_seeded(&b);
	unsigned char x[100], y[100];

	(void)state;
	rnd_seed(&a, 0);
	/* splitmix64 of 0, as its author's program prints it */
	assert_true(a.s[0] == 0xe220a8397b1dcdafu);
	assert_true(a.s[1] == 0x6e789e6aa1b965f4u);
	/* rotl(s1 * 5, 7) * 9 of these */
	assert_true(rnd_u64(&ra) == 0x99ec5f36cb75f2b4u);
	rnd_seed(&a, 7);
	rnd_seed(&b, 7);
	for (size_t n = 0; n <= sizeof(x); n++) {
		memset(x, 0, sizeof(x));
		memset(y, 0, sizeof(y));
		ra.fill(ra.arg, x, n);
		rb.fill(rb.arg, y, n);
		assert_memory_equal(x, y, sizeof(x));
	}
	rnd_seed(&b, 8);
	assert_true(rnd_u64(&ra) != rnd_u64(&rb));
}

static void
test_below(void **state)
{
	struct rnd_seeded seeded;
	struct rnd r = rnd_of_seeded(&seeded);
	unsigned hits[10] = { 0 };

	(void)state;
	rnd_seed(&seeded, 1);
	for (int i = 0; i < 100000; i++) {
		uint64_t v = rnd_below(&r, 10);

		assert_true(v < 10);
		hits[v]++;
		assert_true(rnd_below(&r, 1) == 0);
		assert_true(rnd_below(&r, (1ull << 63) + 1) <= 1ull << 63);
	}
	for (size_t i = 0; i < 10; i++)
		test_row(i, hits[i] > 9500 && hits[i] < 10500);
}

static void
die_below(void *arg)
{
	(void)arg;
	rnd_below(&rnd_system, 0);
}

static void
test_system(void **state)
{
	unsigned char x[64] = { 0 }, zero[64] = { 0 };

	(void)state;
	rnd_system.fill(NULL, x, sizeof(x));
	assert_memory_not_equal(x, zero, sizeof(x));
	assert_true(rnd_u64(&rnd_system) != rnd_u64(&rnd_system));
	test_aborts(die_below, NULL, "n > 0");
}

static void
test_clock(void **state)
{
	uint64_t before = clock_system.boot_ms(NULL);

	(void)state;
	assert_true(clock_system.boot_ms(NULL) >= before);
	assert_true(clock_system.wall_s(NULL) > 1700000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seeded),
		cmocka_unit_test(test_below),
		cmocka_unit_test(test_system),
		cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests_name("rnd", tests, NULL, NULL);
}
