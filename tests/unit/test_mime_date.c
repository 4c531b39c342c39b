/* test_mime_date.c - the date-time of RFC 5322 */
#include "mime_rig.h"
#include "mime/date.h"

#define NONE INT64_MIN

static const struct {
	const char *in;
	int64_t epoch_s; /* NONE: no date */
	int minutes;
	bool known;
} date_tests[] = {
	{ "Thu, 1 Jan 1970 00:00:00 +0000", 0, 0, true },
	{ "Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -360, true },
	{ "Tue, 1 Jul 2003 10:52:37 +0200", 1057049557, 120, true },
	{ "1 Jul 2003 10:52:37 +0200", 1057049557, 120, true },
	{ "1 jul 2003 10:52 +0200", 1057049520, 120, true },
	{ "01 JULY 2003 10:52 +0200", 1057049520, 120, true },
	{ "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n"
	  "      23:32\r\n               -0330 (Newfoundland Time)",
	    -27723480, -210, true },
	{ "21 Nov 97 09:55:06 GMT", 880106106, 0, true },
	{ "21 Nov 103 09:55:06 GMT", 1069408506, 0, true },
	{ "21 Nov 49 00:00:00 UT", 2521065600, 0, true },
	{ "21 Nov 50 00:00:00 UT", -603158400, 0, true },
	{ "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880127706, -360,
	    true },
	{ "21 Nov 1997 09:55:06 EDT", 880120506, -240, true },
	{ "21 Nov 1997 09:55:06 PST", 880134906, -480, true },
	/* zone not known */
	{ "21 Nov 1997 09:55:06 -0000", 880106106, 0, false },
	{ "21 Nov 1997 09:55:06", 880106106, 0, false },
	{ "21 Nov 1997 09:55:06 Z", 880106106, 0, false },
	{ "21 Nov 1997 09:55:06 A", 880106106, 0, false },
	{ "21 Nov 1997 09:55:06 +01", 880106106, 0, false },
	{ "21 Nov 1997 09:55:06 +0199", 880106106, 0, false },
	/* other orders */
	{ "21-Nov-1997 09:55:06 +0000", 880106106, 0, true },
	{ "Friday, 21-Nov-97 09:55:06 GMT", 880106106, 0, true },
	{ "Fri Nov 21 09:55:06 1997", 880106106, 0, false },
	{ "Fri 21 Nov 1997 09:55:06 +0000", 880106106, 0, true },
	/* limits */
	{ "29 Feb 2000 23:59:60 +0000", 951868800, 0, true },
	{ "31 Dec 9999 23:59:59 +0000", 253402300799, 0, true },
	{ "29 Feb 1900 00:00:00 +0000", NONE, 0, false },
	{ "29 Feb 2001 00:00:00 +0000", NONE, 0, false },
	{ "31 Apr 2001 00:00:00 +0000", NONE, 0, false },
	{ "0 Apr 2001 00:00:00 +0000", NONE, 0, false },
	{ "1 Apr 2001 24:00:00 +0000", NONE, 0, false },
	{ "1 Apr 2001 00:60:00 +0000", NONE, 0, false },
	{ "1 Apr 2001 00:00:61 +0000", NONE, 0, false },
	{ "1 Apr 1 00:00:00 +0000", NONE, 0, false },
	{ "1 Apr 99999 00:00:00 +0000", NONE, 0, false },
	{ "001 Apr 2001 00:00:00 +0000", NONE, 0, false },
	{ "1 Foo 2001 00:00:00 +0000", NONE, 0, false },
	{ "1 Apr 2001", NONE, 0, false },
	{ "1 Apr 2001 00", NONE, 0, false },
	{ "1 Apr 2001 00:", NONE, 0, false },
	{ "1 Apr 2001 00:00:", NONE, 0, false },
	{ "", NONE, 0, false },
	{ "now", NONE, 0, false },
	{ "(", NONE, 0, false },
};

static void
test_parse(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < countof(date_tests); i++) {
		struct str in = rig_exact(str_c(date_tests[i].in));
		struct mime_date d = { .epoch_s = NONE };

		if (mime_date_parse(in, &d) != (d.epoch_s != NONE) ||
		    d.epoch_s != date_tests[i].epoch_s)
			fail_msg("%zu: %lld", i, (long long)d.epoch_s);
		if (d.zone_minutes != date_tests[i].minutes ||
		    d.zone_known != date_tests[i].known)
			fail_msg("%zu: zone %d %d", i, d.zone_minutes,
			    d.zone_known);
		rig_free(in);
	}
}

static void
test_write(void **state)
{
	static const struct {
		int64_t epoch_s;
		const char *text;
	} rows[] = {
		{ 0, "Thu, 1 Jan 1970 00:00:00 +0000" },
		{ 1795306200, "Sun, 22 Nov 2026 00:10:00 +0000" },
		{ 951782399, "Mon, 28 Feb 2000 23:59:59 +0000" },
		{ 951782400, "Tue, 29 Feb 2000 00:00:00 +0000" },
		{ 253402300799, "Fri, 31 Dec 9999 23:59:59 +0000" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct mime_date d;
		struct buf b;

		buf_init(&b, NULL, 64);
		mime_date_write(&b, rows[i].epoch_s);
		if (!str_eq_c(buf_str(&b), rows[i].text))
			fail_msg("%zu", i);
		assert_true(mime_date_parse(buf_str(&b), &d));
		assert_int_equal(d.epoch_s, rows[i].epoch_s);
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_parse),
		cmocka_unit_test(test_write) };

	return RIG_RUN(tests);
}
