/* test_queue_schedule.c - when the queue tries again, and what was answered */
#include <stdio.h>

#include "base/arena.h"
#include "server/queue/answer.h"
#include "server/queue/schedule.h"
#include "tests/unit/test.h"

#define MIN 60
#define HOUR 3600
#define DAY (24 * HOUR)

static const struct schedule plan = { .first_s = 5 * MIN,
	.max_s = 4 * HOUR,
	.lifetime_s = 5 * DAY,
	.notice_s = 4 * HOUR };

static void
test_next(void **state)
{
	static const struct {
		unsigned tries;
		int64_t after_s, least, most;
	} rows[] = {
		/* an eighth shorter or longer */
		{ 1, 0, 262, 338 },
		{ 2, 300, 525, 675 },
		{ 3, 900, 1050, 1350 },
		{ 6, HOUR, 8400, 10800 },
		{ 7, HOUR, 12600, 16200 },
		{ 1000000, DAY, 12600, 16200 },
		/* one last try at the end */
		{ 40, 5 * DAY - MIN, MIN, MIN },
	};

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++)
		for (uint64_t r = 0; r < 5000; r += 7) {
			int64_t now = 1000 + rows[i].after_s;
			int64_t in = schedule_next_s(&plan, rows[i].tries, 1000,
					 now, r * 0x9e3779b97f4a7c15ULL) -
				     now;
			test_row(i, in >= rows[i].least && in <= rows[i].most);
		}
}

/* What five days look like: neither a flood nor silence. */
static void
test_life(void **state)
{
	int64_t now = 0, next;
	unsigned tries = 0;

	(void)state;
	while (!schedule_is_over(&plan, 0, now)) {
		tries++;
		next = schedule_next_s(&plan, tries, 0, now, tries * 977);
		assert_true(next > now && next <= 5 * DAY);
		now = next;
	}
	/* the try at the very end is made, and is the last */
	assert_int_equal(now, 5 * DAY);
	assert_true(tries > 30 && tries < 45);
}

static void
test_late(void **state)
{
	static const struct {
		int64_t notice, after;
		bool late, over;
	} rows[] = {
		{ 4 * HOUR, 0, false, false },
		{ 4 * HOUR, 4 * HOUR - 1, false, false },
		{ 4 * HOUR, 4 * HOUR, true, false },
		{ 4 * HOUR, 5 * DAY - 1, true, false },
		{ 4 * HOUR, 5 * DAY, false, true },
		{ 0, 4 * DAY, false, false },
	};

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		struct schedule s = plan;

		s.notice_s = rows[i].notice;
		test_row(i, schedule_is_late(&s, 50, 50 + rows[i].after) ==
				rows[i].late);
		test_row(i, schedule_is_over(&s, 50, 50 + rows[i].after) ==
				rows[i].over);
	}
}

static void
test_due(void **state)
{
	static const struct {
		enum queue_state state;
		int64_t next;
		bool due;
	} rows[] = {
		{ QUEUE_WAITING, 0, true },
		{ QUEUE_WAITING, 100, true },
		{ QUEUE_WAITING, 101, false },
		{ QUEUE_DELIVERED, 0, false },
		{ QUEUE_FAILED, 0, false },
		{ QUEUE_REMOVED, 0, false },
	};

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		struct queue_rcpt r = { .state = rows[i].state,
			.next_s = rows[i].next };
		test_row(i, schedule_is_due(&r, 100) == rows[i].due);
	}
}

static void
test_dest(void **state)
{
	static const struct {
		const char *address, *dest;
	} rows[] = {
		{ "alice@Example.NET", "example.net" },
		{ "\"a@b\"@example.org", "example.org" },
		{ "x@[192.0.2.1]", "[192.0.2.1]" },
		{ "postmaster", NULL },
		{ "alice@", NULL },
		{ "", NULL },
	};
	char name[SCHEDULE_DEST_MAX], longest[600];

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		bool ok = schedule_dest(str_c(rows[i].address), name);

		test_row(i, ok == (rows[i].dest != NULL));
		if (ok)
			test_row_str(i, str_c(name), str_c(rows[i].dest));
	}
	memset(longest, 'x', sizeof(longest));
	longest[0] = '@';
	assert_true(schedule_dest(str_of(longest, sizeof(longest)), name));
	assert_int_equal(strlen(name), SCHEDULE_DEST_MAX - 1);
}

static void
test_back_off(void **state)
{
	static const struct {
		struct queue_rcpt r;
		int64_t until;
	} rows[] = {
		/* no host answered */
		{ { .tried_s = 100, .next_s = 400 }, 400 },
		/* the message was refused for now: nothing against the host */
		{ { .tried_s = 100, .next_s = 400, .code = 451 }, 0 },
		/* never tried, or waiting no more */
		{ { .next_s = 400 }, 0 },
		{ { .tried_s = 100, .next_s = 400, .state = QUEUE_FAILED }, 0 },
		/* over */
		{ { .tried_s = 10, .next_s = 150 }, 0 },
	};
	struct dests *ds;
	struct dest *d;

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		ds = dests_new();
		dests_learn(ds, STR("x.org"), &rows[i].r, 200);
		d = dests_find(ds, STR("x.org"));
		test_row(i, (d == NULL ? 0 : d->until_s) == rows[i].until);
		dests_free(&ds);
	}
	/* the latest of several; cleared by an answer; then forgotten */
	ds = dests_new();
	dests_learn(ds, STR("x.org"), &rows[0].r, 200);
	dests_learn(ds, STR("x.org"),
	    &(struct queue_rcpt){ .tried_s = 100, .next_s = 300 }, 200);
	d = dests_get(ds, STR("x.org"));
	assert_int_equal(d->until_s, 400);
	dests_trim(ds, 399);
	assert_int_equal(dests_count(ds), 1);
	d->running = 1;
	dest_clear(d);
	dests_trim(ds, 399);
	assert_int_equal(dests_count(ds), 1);
	d->running = 0;
	dests_trim(ds, 399);
	assert_int_equal(dests_count(ds), 0);
	/* many, one by one */
	for (unsigned i = 0; i < 5000; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "d%u.example", i);
		dests_get(ds, str_c(name))->until_s = i;
	}
	assert_int_equal(dests_count(ds), 5000);
	assert_int_equal(dests_find(ds, STR("d4321.example"))->until_s, 4321);
	dests_trim(ds, 2499);
	assert_int_equal(dests_count(ds), 2500);
	assert_null(dests_find(ds, STR("d7.example")));
	dests_free(&ds);
}

static void
test_jobs(void **state)
{
	struct dests *ds = dests_new();
	struct dest *d = dests_get(ds, STR("x.org"));
	struct dest_job j = { .bucket = 0 };

	(void)state;
	assert_false(dest_pop(d, &j));
	for (; j.bucket < DEST_JOBS; j.bucket++)
		assert_true(dest_push(d, &j));
	assert_false(dest_push(d, &j));
	for (unsigned i = 0; i < 10; i++) {
		assert_true(dest_pop(d, &j));
		assert_int_equal(j.bucket, i);
	}
	assert_int_equal(dest_jobs(d), DEST_JOBS - 10);
	dests_trim(ds, 1);
	assert_int_equal(dests_count(ds), 1);
	dest_empty(d);
	assert_false(dest_pop(d, &j));
	assert_true(dest_push(d, &j));
	dest_empty(d);
	dests_trim(ds, 1);
	assert_int_equal(dests_count(ds), 0);
	dests_free(&ds);
}

/* Each has about its part; when one comes or goes nobody else's move. */
static void
test_owner(void **state)
{
	const struct str ids[] = { STR("5bd10e1f0a3c77aa"),
		STR("0000000000000002"), STR("f00d4567deadbeef"),
		STR("0000000000000003"), STR("99aa88bb77cc66dd") };
	unsigned had[5][QUEUE_BUCKETS];

	(void)state;
	for (unsigned n = 1; n <= countof(ids); n++) {
		unsigned has[5] = { 0 };

		for (unsigned b = 0; b < QUEUE_BUCKETS; b++) {
			had[n - 1][b] = schedule_owner(b, ids, n);
			has[had[n - 1][b]]++;
			if (n > 1 && had[n - 1][b] != n - 1)
				assert_int_equal(had[n - 1][b], had[n - 2][b]);
		}
		for (unsigned i = 0; i < n; i++)
			assert_true(has[i] >= QUEUE_BUCKETS / n / 3 &&
				    has[i] <= QUEUE_BUCKETS / n * 2);
	}
	/* the order they are told in means nothing */
	for (unsigned b = 0; b < QUEUE_BUCKETS; b++) {
		const struct str two[] = { ids[1], ids[0] };
		assert_int_equal(1 - schedule_owner(b, two, 2), had[1][b]);
	}
}

/* --- answers --- */

static void
test_answer(void **state)
{
	static const struct {
		const char *line, *host;
		unsigned code;
		const char *status, *text;
	} rows[] = {
		{ "mx1.example.net: 451 4.7.1 try later", "mx1.example.net",
		    451, "4.7.1", "try later" },
		{ "mx1.example.net: 550 no", "mx1.example.net", 550, "", "no" },
		{ "mx1.example.net: 4.4.1 connection refused",
		    "mx1.example.net", 0, "4.4.1", "connection refused" },
		{ "5.4.6 example.net leads back to us", "", 0, "5.4.6",
		    "example.net leads back to us" },
		{ "[192.0.2.1]: 250", "[192.0.2.1]", 250, "", "" },
		{ "", "", 0, "", "" },
		{ ":", "", 0, "", ":" },
		{ "999 x", "", 0, "", "999 x" },
		{ "h: 600 x", "h", 0, "", "600 x" },
		{ "5.1.1", "", 0, "5.1.1", "" },
		{ "5.1.1.1 x", "", 0, "", "5.1.1.1 x" },
		{ "3.1.1 x", "", 0, "", "3.1.1 x" },
		{ "5..1 x", "", 0, "", "5..1 x" },
		{ "5.1.1234 x", "", 0, "", "5.1.1234 x" },
	};
	struct arena *a = arena_new(0);
	struct answer an;

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		answer_parse(str_c(rows[i].line), &an);
		test_row_str(i, an.host, str_c(rows[i].host));
		test_row(i, an.code == rows[i].code);
		test_row_str(i, an.status, str_c(rows[i].status));
		test_row_str(i, an.text, str_c(rows[i].text));
		test_row_str(i, answer_format(a, &an), str_c(rows[i].line));
	}
	arena_free(&a);
}

static void
test_answer_hostile(void **state)
{
	struct answer an = { .host = STR("mx"),
		.code = 550,
		.text = STR("a\r\nSubject:\tx \0y\x7f  z") };
	struct arena *a = arena_new(0);
	char big[2000];

	(void)state;
	test_row_str(0, answer_format(a, &an), STR("mx: 550 a Subject: x y z"));
	for (unsigned shift = 0; shift < 2; shift++) {
		struct str s;

		for (size_t i = shift; i + 1 < sizeof(big); i += 2) {
			big[i] = '\xc3';
			big[i + 1] = '\xa4';
		}
		big[0] = shift == 0 ? big[0] : 'a';
		an.text = str_of(big, sizeof(big) - 1 - shift);
		s = answer_format(a, &an);
		assert_true(s.n <= QUEUE_ANSWER_MAX);
		assert_true((unsigned char)s.p[s.n - 1] != 0xc3);
	}
	arena_free(&a);
}

static void
test_answer_verdict(void **state)
{
	static const struct {
		unsigned code;
		const char *status;
		enum queue_state state;
		const char *says;
	} rows[] = {
		{ 250, "", QUEUE_DELIVERED, "2.0.0" },
		{ 250, "2.1.5", QUEUE_DELIVERED, "2.1.5" },
		{ 550, "", QUEUE_FAILED, "5.0.0" },
		{ 554, "5.7.1", QUEUE_FAILED, "5.7.1" },
		{ 451, "", QUEUE_WAITING, "4.0.0" },
		{ 421, "4.3.2", QUEUE_WAITING, "4.3.2" },
		{ 354, "", QUEUE_WAITING, "4.0.0" },
		{ 0, "", QUEUE_WAITING, "4.0.0" },
	};

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		struct answer an = { .code = rows[i].code,
			.status = str_c(rows[i].status) };

		test_row(i, answer_state(rows[i].code) == rows[i].state);
		test_row_str(i, answer_status(&an, rows[i].state),
		    str_c(rows[i].says));
	}
	/* given up after a temporary answer */
	test_row_str(100,
	    answer_status(&(struct answer){ .code = 451 }, QUEUE_FAILED),
	    STR("4.0.0"));
	test_row_str(101, answer_status(&(struct answer){ 0 }, QUEUE_FAILED),
	    STR("5.0.0"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_dest),
		cmocka_unit_test(test_back_off),
		cmocka_unit_test(test_jobs),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_answer_hostile),
		cmocka_unit_test(test_answer_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
