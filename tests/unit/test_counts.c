/* test_counts.c - numbers that the workers of a node share */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "base/err.h"
#include "server/net/counts.h"

/* fn in another worker, to its end. */
static void
as_worker(struct counts *c, unsigned worker, void (*fn)(struct counts *c))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		counts_join(c, worker);
		fn(c);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
other(struct counts *c)
{
	uint64_t k = counts_key("conn", "a", 1);

	stat_add(c, STAT_ACCEPTED, 5);
	stat_add(c, STAT_CONN_IMAP, 3);
	counts_add(c, k, 2);
	counts_score_add(c, k, 3, 1000);
	for (int i = 0; i < 10; i++)
		counts_rate_add(c, k, 600);
	counts_word_set(c, COUNTS_DRAIN, 1);
}

static void
nothing(struct counts *c)
{
	(void)c;
}

static void
test_two_workers(void **state)
{
	struct counts *c = counts_new(2);
	uint64_t k = counts_key("conn", "a", 1);

	(void)state;
	counts_join(c, 0);
	assert_int_equal(counts_workers(c), 2);
	stat_add(c, STAT_ACCEPTED, 2);
	stat_add(c, STAT_CONN_IMAP, 1);
	assert_int_equal(counts_add(c, k, 1), 1);
	as_worker(c, 1, other);
	assert_int_equal(stat_sum(c, STAT_ACCEPTED), 7);
	assert_int_equal(stat_sum(c, STAT_CONN_IMAP), 4);
	assert_int_equal(counts_get(c, k), 3);
	assert_int_equal(counts_add(c, k, 1), 4);
	assert_true(counts_score(c, k, 1000) == 3);
	assert_int_equal(counts_rate_add(c, k, 601), 11);
	assert_int_equal(counts_word(c, COUNTS_DRAIN), 1);
	/* it died with all that, and another takes its place: what was open is
	 * not, what has happened has */
	as_worker(c, 1, nothing);
	assert_int_equal(stat_sum(c, STAT_ACCEPTED), 7);
	assert_int_equal(stat_sum(c, STAT_CONN_IMAP), 1);
	assert_int_equal(counts_get(c, k), 2);
	assert_true(counts_score(c, k, 1000) == 3);
	counts_score_clear(c, k); /* of the other's part too */
	assert_true(counts_score(c, k, 1000) == 0);
	counts_free(&c);
	assert_null(c);
}

static void
test_keys(void **state)
{
	struct counts *c = counts_new(1);
	uint64_t k = counts_key("a", "b", 1);

	(void)state;
	counts_join(c, 0);
	assert_true(k != counts_key("ab", "", 0));
	assert_true(k != counts_key("", "ab", 2));
	assert_true(k == counts_key("a", "b", 1));
	assert_int_equal(counts_get(c, k), 0);
	assert_int_equal(counts_add(c, k, -1), 0); /* never below */
	assert_int_equal(counts_add(c, k, 1), 1);
	assert_int_equal(counts_add(c, k, -1), 0);
	assert_int_equal(counts_add(c, k, -1), 0);
	counts_free(&c);
}

/* More clients than there is room for: those counted stay counted right. */
static void
test_full(void **state)
{
	struct counts *c = counts_new(1);
	unsigned held = 0;

	(void)state;
	counts_join(c, 0);
	for (uint64_t i = 0; i < 2 * COUNTS_KEYS; i++)
		held += counts_add(c, counts_key("t", &i, sizeof(i)), 1) == 1;
	assert_in_range(held, COUNTS_KEYS * 9 / 10, COUNTS_KEYS);
	assert_int_equal(stat_sum(c, STAT_COUNTS_FULL), 2 * COUNTS_KEYS - held);
	for (uint64_t i = 0; i < 2 * COUNTS_KEYS; i++)
		assert_int_equal(counts_add(c, counts_key("t", &i, sizeof(i)),
				     -1),
		    0);
	/* room again */
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(counts_add(c, counts_key("u", &i, sizeof(i)),
				     1),
		    1);
	counts_free(&c);
}

static void
test_score(void **state)
{
	struct counts *c = counts_new(1);
	uint64_t k = counts_key("fail", "x", 1), now = 5000;
	double before, after;

	(void)state;
	counts_join(c, 0);
	assert_true(counts_score_add(c, k, 8, now) == 8);
	assert_true(counts_score(c, k, now + COUNTS_HALF_LIFE_S) == 4);
	assert_true(counts_score(c, k, now + 3 * COUNTS_HALF_LIFE_S) == 1);
	before = 8;
	for (unsigned s = 0; s < 5 * COUNTS_HALF_LIFE_S; s += 7) {
		after = counts_score(c, k, now + s);
		assert_true(after <= before);
		before = after;
	}
	assert_true(counts_score(c, k, now + 100 * COUNTS_HALF_LIFE_S) == 0);
	assert_true(counts_score(c, k, now - 10) == 8); /* a slower clock */
	assert_true(counts_score_add(c, k, 1, now + COUNTS_HALF_LIFE_S) == 5);
	counts_score_clear(c, k);
	assert_true(counts_score(c, k, now) == 0);
	/* a flood of small ones does not push out the large */
	counts_score_add(c, k, 100, now);
	for (uint64_t i = 0; i < 4 * COUNTS_KEYS; i++)
		counts_score_add(c, counts_key("f", &i, sizeof(i)), 1, now);
	assert_true(counts_score(c, k, now) == 100);
	counts_free(&c);
}

static void
test_rate(void **state)
{
	static const struct {
		uint64_t at_s;
		unsigned times;
		uint64_t rate; /* after the last */
	} rows[] = {
		{ 600, 60, 60 }, /* a minute begins */
		{ 659, 1, 61 },	 /* still the same */
		{ 660, 1, 62 },	 /* the whole of the last still counts */
		{ 690, 1, 32 },	 /* half of it */
		{ 719, 1, 4 },	 /* a sixtieth */
		{ 720, 1, 4 },	 /* another one begins */
		{ 1000, 1, 1 },
	};
	struct counts *c = counts_new(1);
	uint64_t k = counts_key("rate", "x", 1), rate = 0;

	(void)state;
	counts_join(c, 0);
	for (size_t i = 0; i < countof(rows); i++) {
		for (unsigned j = 0; j < rows[i].times; j++)
			rate = counts_rate_add(c, k, rows[i].at_s);
		test_row(i, rate == rows[i].rate);
	}
	/* others come and go */
	for (uint64_t i = 0; i < 100000; i++)
		counts_rate_add(c, counts_key("r", &i, sizeof(i)), 1100);
	assert_in_range(counts_rate_add(c, k, 1101), 1, 2);
	counts_free(&c);
}

static void
test_tally(void **state)
{
	struct counts *c = counts_new(2);
	uint64_t k = counts_key("tally", "x", 1);

	(void)state;
	counts_join(c, 1);
	assert_int_equal(counts_tally(c, k), 0);
	assert_int_equal(counts_tally_add(c, k, 7, 100), 7);
	counts_join(c, 0);
	/* of both workers */
	assert_int_equal(counts_tally_add(c, k, 1000, 100), 1007);
	assert_int_equal(counts_tally_add(c, k, 1, 90000), 1008);
	/* what is older goes first */
	for (uint64_t i = 0; i < 60000; i++)
		counts_tally_add(c, counts_key("t", &i, sizeof(i)), 1, 80000);
	assert_int_equal(counts_tally(c, k), 1008);
	for (unsigned i = 0; i < 3; i++)
		counts_tally_add(c, k, UINT32_MAX, 90000);
	assert_int_equal(counts_tally(c, k), UINT32_MAX + 7ULL);
	counts_free(&c);
}

static void
test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < STATS; i++) {
		const struct stat_desc *d = &stat_table[i];

		test_row(i, d->name != NULL && d->help != NULL);
		test_row(i, str_starts(str_c(d->name), STR("shoal_")));
		test_row(i,
		    str_ends(str_c(d->name), STR("_total")) == !d->gauge);
		for (size_t j = 0; j < i; j++)
			test_row(i, strcmp(d->name, stat_table[j].name) != 0);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_workers),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_score),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_tally),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
