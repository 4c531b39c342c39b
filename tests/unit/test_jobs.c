#include "base/arena.h"
#include "server/cluster/health.h"
#include "server/cluster/jobs_private.h"
#include "tests/unit/test.h"

static const struct {
	uint64_t at_s, period_s;
	bool end;
	const char *edge;
} edge_cases[] = {
	{ 0, JOBS_WEEK_S, false, "22222222" },
	{ 0, JOBS_WEEK_S, true, "~" },
	{ JOBS_WEEK_S, JOBS_WEEK_S, true, "~" },
	{ JOBS_WEEK_S / 2, JOBS_WEEK_S, false, "k2222222" },
	{ JOBS_DAY_S / 4, JOBS_DAY_S, true, "c2222222" },
	{ 3 * JOBS_DAY_S + JOBS_DAY_S / 4, JOBS_DAY_S, false, "c2222222" },
	{ JOBS_DAY_S - 1, JOBS_DAY_S, false, "zzznvohu" },
};

static void
test_edges(void **state)
{
	char edge[JOBS_EDGE_CHARS + 1];

	(void)state;
	for (size_t i = 0; i < countof(edge_cases); i++) {
		jobs_edge(edge_cases[i].at_s, edge_cases[i].period_s,
		    edge_cases[i].end, edge);
		test_row_str(i, str_c(edge), str_c(edge_cases[i].edge));
	}
}

/* Every id is in exactly one range of a period. */
static void
test_ranges_meet(void **state)
{
	static const uint64_t periods[] = { JOBS_DAY_S, JOBS_WEEK_S };
	char from[JOBS_EDGE_CHARS + 1], to[JOBS_EDGE_CHARS + 1];

	(void)state;
	for (size_t i = 0; i < countof(periods); i++) {
		char last[JOBS_EDGE_CHARS + 1] = "22222222";
		for (uint64_t s = 0; s < periods[i]; s += JOBS_CHUNK_S) {
			jobs_edge(s, periods[i], false, from);
			jobs_edge(s + JOBS_CHUNK_S, periods[i], true, to);
			test_row(s, strcmp(from, last) == 0);
			test_row(s, strcmp(from, to) < 0);
			memcpy(last, to, sizeof(last));
		}
		assert_string_equal(last, "~");
	}
}

#define DUE 1000000

/* The first look that finds a key waiting, and the first of each day after. */
static void
test_dkim_news(void **state)
{
	static const struct {
		int64_t last_s, now_s;
		bool news;
	} v[] = {
		{ 0, DUE, true },
		{ 0, DUE + 5 * JOBS_DAY_S + 7, true },
		{ DUE - 1, DUE, true },
		{ DUE - 3600, DUE + 1, true },
		{ DUE, DUE + 1, false },
		{ DUE, DUE + JOBS_DAY_S - 1, false },
		{ DUE + JOBS_DAY_S - 1, DUE + JOBS_DAY_S, true },
		{ DUE + JOBS_DAY_S, DUE + JOBS_DAY_S + 3600, false },
		{ DUE + 1, DUE + 3 * JOBS_DAY_S, true },
	};
	unsigned said = 0;

	(void)state;
	for (size_t i = 0; i < countof(v); i++)
		test_row(i, jobs_dkim_is_news(DUE, v[i].last_s, v[i].now_s) ==
				v[i].news);
	/* an hour and a bit between two looks, for ten days */
	for (int64_t last = 0, now = DUE + 500; now < DUE + 10 * JOBS_DAY_S;
	     last = now, now += 3607)
		said += jobs_dkim_is_news(DUE, last, now);
	assert_int_equal(said, 10);
}

static void
test_weekdays(void **state)
{
	unsigned seen[7] = { 0 };
	struct arena *a = arena_new(0);

	(void)state;
	for (unsigned i = 0; i < 7000; i++) {
		unsigned day = jobs_weekday(
		    str_c(arena_printf(a, "%016xabcd", i * 2654435761U)));
		assert_true(day < 7);
		seen[day]++;
	}
	for (unsigned i = 0; i < 7; i++)
		test_row(i, seen[i] > 700 && seen[i] < 1300);
	arena_free(&a);
}

static const struct {
	double load;
	unsigned processors, percent;
} percent_cases[] = {
	{ 0, 1, 100 },
	{ 1, 1, 100 },
	{ 4, 4, 100 },
	{ 1.06, 1, 90 },
	{ 8, 4, 50 },
	{ 12, 4, 30 },
	{ 1000, 4, HEALTH_PERCENT_MIN },
	{ 1, 0, 100 },
};

static void
test_percent(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(percent_cases); i++)
		test_row(i, health_percent(percent_cases[i].load,
				percent_cases[i].processors) ==
				percent_cases[i].percent);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_ranges_meet),
		cmocka_unit_test(test_dkim_news),
		cmocka_unit_test(test_weekdays),
		cmocka_unit_test(test_percent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
