/* test_imap_parse.c - the grammar of IMAP commands, read and written */
#include "tests/unit/test.h"

#include "base/arena.h"
#include "server/imap/imap.h"

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

/* --- strings --- */

typedef bool (*string_fn)(struct imap_in *in, struct str *s_r);

static void
test_strings(void **state)
{
	static const struct {
		string_fn fn;
		struct str in;
		const char *want; /* NULL: refused */
		const char *rest;
	} rows[] = {
		{ imap_tag, STR("a1 x"), "a1", " x" },
		{ imap_tag, STR("]a.7"), "]a.7", "" },
		{ imap_tag, STR("+ x"), NULL, NULL },
		{ imap_tag, STR(""), NULL, NULL },
		{ imap_tag, STR("(a"), NULL, NULL },
		{ imap_atom, STR("$Label1)"), "$Label1", ")" },
		{ imap_atom, STR("BODY[]"), "BODY[", "]" },
		{ imap_atom, STR("a\x80"), "a", "\x80" },
		{ imap_atom, STR("*"), NULL, NULL },
		{ imap_astring, STR("a+b]c d"), "a+b]c", " d" },
		{ imap_astring, STR("a%b"), "a", "%b" },
		{ imap_astring, STR("\"a b\" c"), "a b", " c" },
		{ imap_astring, STR("\"\""), "", "" },
		{ imap_astring, STR("\"a\\\"b\\\\c\"x"), "a\"b\\c", "x" },
		{ imap_astring, STR("\"a\\nb\""), NULL, NULL },
		{ imap_astring, STR("\"a"), NULL, NULL },
		{ imap_astring, STR("\"a\\"), NULL, NULL },
		{ imap_astring, STR("\"a\\\""), NULL, NULL },
		{ imap_astring, STR("\"a\rb\""), NULL, NULL },
		{ imap_astring, STR("\"a\0b\""), NULL, NULL },
		{ imap_astring, STR("\"\xc3\xa4\""), "\xc3\xa4", "" },
		{ imap_astring, STR("{3}\r\nabc d"), "abc", " d" },
		{ imap_astring, STR("{3+}\r\na\r\n d"), "a\r\n", " d" },
		{ imap_astring, STR("{0}\r\n"), "", "" },
		{ imap_astring, STR("{4}\r\nabc"), NULL, NULL },
		{ imap_astring, STR("{3}abc"), NULL, NULL },
		{ imap_astring, STR("{}\r\n"), NULL, NULL },
		{ imap_astring, STR("{-1}\r\n"), NULL, NULL },
		{ imap_astring, STR("{4294967296}\r\n"), NULL, NULL },
		{ imap_astring, STR("{3"), NULL, NULL },
		{ imap_string, STR("atom"), NULL, NULL },
		{ imap_nstring, STR("nil "), "", " " },
		{ imap_nstring, STR("NILS"), NULL, NULL },
		{ imap_nstring, STR("\"NIL\""), "NIL", "" },
		{ imap_mailbox, STR("inBox x"), "INBOX", " x" },
		{ imap_mailbox, STR("\"iNBOX\""), "INBOX", "" },
		{ imap_mailbox, STR("inboxes"), "inboxes", "" },
		{ imap_mailbox, STR("&AOQ-b"),
		    "\xc3\xa4"
		    "b",
		    "" },
		{ imap_mailbox, STR("{5}\r\n&AOQ-"), "\xc3\xa4", "" },
		{ imap_mailbox, STR("&"), NULL, NULL },
		{ imap_mailbox, STR("\"\xc3\xa4\""), NULL, NULL },
		{ imap_mailbox, STR("a*"), "a", "*" },
		{ imap_list_mailbox, STR("a*%b] x"), "a*%b]", " x" },
		{ imap_list_mailbox, STR("\"\" *"), "", " *" },
		{ imap_list_mailbox, STR("\"% &-*\""), "% &*", "" },
		{ imap_list_mailbox, STR("(a"), NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct imap_in in;
		struct str got;
		bool ok;

		imap_in_init(&in, arena, rows[i].in);
		ok = rows[i].fn(&in, &got);
		test_row(i, ok == (rows[i].want != NULL));
		test_row(i, ok == (in.bad == NULL));
		if (!ok)
			continue;
		test_row_str(i, got, str_c(rows[i].want));
		test_row_str(i, str_sub(in.all, in.at, in.all.n),
		    str_c(rows[i].rest));
	}
}

static void
test_nil(void **state)
{
	struct imap_in in;
	struct str got = STR("x");

	(void)state;
	imap_in_init(&in, arena, STR("NIL"));
	assert_true(imap_nstring(&in, &got));
	assert_null(got.p);
	imap_in_init(&in, arena, STR("{0}\r\n"));
	assert_true(imap_nstring(&in, &got));
	assert_non_null(got.p);
}

static void
test_words(void **state)
{
	static const struct {
		const char *in, *word;
		bool ok;
	} rows[] = {
		{ "body[text]", "BODY", true },
		{ "BODY ", "BODY", true },
		{ "BODY", "BODY", true },
		{ "BODY)", "BODY", true },
		{ "BODYSTRUCTURE", "BODY", false },
		{ "RFC822.SIZE", "RFC822", false },
		{ "BOD", "BODY", false },
		{ "", "BODY", false },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct imap_in in;

		imap_in_init(&in, arena, str_c(rows[i].in));
		test_row(i, imap_word(&in, rows[i].word) == rows[i].ok);
		test_row(i, in.bad == NULL);
		test_row(i, in.at == (rows[i].ok ? strlen(rows[i].word) : 0));
	}
}

/* The first failure's sentence stays. */
static void
test_first_failure(void **state)
{
	struct imap_in in;

	(void)state;
	imap_in_init(&in, arena, STR("x"));
	assert_false(imap_sp(&in));
	assert_string_equal(in.bad, "a blank expected here");
	assert_false(imap_char(&in, '('));
	assert_false(imap_end(&in));
	assert_string_equal(in.bad, "a blank expected here");
	imap_in_init(&in, arena, STR(""));
	assert_true(imap_end(&in));
	assert_false(imap_sp(&in));
	assert_string_equal(in.bad, "the command takes more arguments");
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *in;
		bool number, nz, n64;
		uint64_t want;
	} rows[] = {
		{ "0", true, false, true, 0 },
		{ "7)", true, true, true, 7 },
		{ "007", true, true, true, 7 },
		{ "4294967295", true, true, true, 4294967295 },
		{ "4294967296", false, false, true, 4294967296 },
		{ "9223372036854775807", false, false, true, INT64_MAX },
		{ "9223372036854775808", false, false, false, 0 },
		{ "99999999999999999999999", false, false, false, 0 },
		{ "", false, false, false, 0 },
		{ "-1", false, false, false, 0 },
		{ "+1", false, false, false, 0 },
		{ " 1", false, false, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct imap_in in;
		uint32_t n;
		uint64_t n64;

		imap_in_init(&in, arena, str_c(rows[i].in));
		test_row(i, imap_number(&in, &n) == rows[i].number);
		test_row(i, !rows[i].number || n == rows[i].want);
		imap_in_init(&in, arena, str_c(rows[i].in));
		test_row(i, imap_nz_number(&in, &n) == rows[i].nz);
		imap_in_init(&in, arena, str_c(rows[i].in));
		test_row(i, imap_number64(&in, &n64) == rows[i].n64);
		test_row(i, !rows[i].n64 || n64 == rows[i].want);
	}
}

static void
test_dates(void **state)
{
	static const struct {
		const char *in;
		bool ok;
		int64_t day;
	} rows[] = {
		{ "1-Jan-1970", true, 0 },
		{ "\"01-JAN-1970\"", true, 0 },
		{ "31-Dec-1969", true, -1 },
		{ "29-Feb-2000", true, 11016 },
		{ "1-Mar-2000", true, 11017 },
		{ "22-Nov-2026", true, 20779 },
		{ "1-Mar-0000", true, -719468 },
		{ "1-Jan-0000", true, -719528 },
		{ "29-Feb-1900", false, 0 },
		{ "31-Apr-2020", false, 0 },
		{ "0-Jan-2020", false, 0 },
		{ "32-Jan-2020", false, 0 },
		{ "1-Jän-2020", false, 0 },
		{ "1-Jan-20", false, 0 },
		{ "\"1-Jan-2020", false, 0 },
		{ "1-Jan", false, 0 },
		{ "1", false, 0 },
		{ "", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct imap_in in;
		int64_t day;

		imap_in_init(&in, arena, str_c(rows[i].in));
		test_row(i, imap_date(&in, &day) == rows[i].ok);
		test_row(i, !rows[i].ok || day == rows[i].day);
	}
}

static void
test_date_times(void **state)
{
	static const struct {
		const char *in;
		bool ok;
		int64_t wall_s;
		const char *put;
	} rows[] = {
		{ "\"17-Jul-1996 02:44:25 -0700\"", true, 837596665,
		    "\"17-Jul-1996 09:44:25 +0000\"" },
		{ "\" 1-Jan-1970 00:00:00 +0000\"", true, 0,
		    "\" 1-Jan-1970 00:00:00 +0000\"" },
		{ "\"01-Jan-1970 05:30:00 +0530\"", true, 0,
		    "\" 1-Jan-1970 00:00:00 +0000\"" },
		{ "\"31-Dec-2016 23:59:60 +0000\"", true, 1483228800,
		    "\" 1-Jan-2017 00:00:00 +0000\"" },
		{ "\"1-Jan-1970 00:00:00 +0000\"", false, 0, NULL },
		{ "\"17-Jul-1996 24:44:25 -0700\"", false, 0, NULL },
		{ "\"17-Jul-1996 02:60:25 -0700\"", false, 0, NULL },
		{ "\"17-Jul-1996 02:44:25 0700\"", false, 0, NULL },
		{ "\"17-Jul-1996 02:44:25 -0760\"", false, 0, NULL },
		{ "\"17-Jul-1996 02:44:25\"", false, 0, NULL },
		{ "17-Jul-1996 02:44:25 -0700", false, 0, NULL },
		{ "\"\"", false, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct imap_in in;
		int64_t wall_s;
		struct buf b;

		imap_in_init(&in, arena, str_c(rows[i].in));
		test_row(i, imap_date_time(&in, &wall_s) == rows[i].ok);
		if (!rows[i].ok)
			continue;
		test_row(i, wall_s == rows[i].wall_s);
		buf_init(&b, arena, 100);
		imap_put_date(&b, wall_s);
		test_row_str(i, buf_str(&b), str_c(rows[i].put));
	}
}

static void
test_sets(void **state)
{
	static const struct {
		const char *in;
		const char *want; /* "lo-hi" and "*" for star; NULL: refused */
	} rows[] = {
		{ "1", "1-1" },
		{ "*", "0-4294967295*" },
		{ "*:*", "0-4294967295*" },
		{ "5:*", "5-4294967295*" },
		{ "*:5", "5-4294967295*" },
		{ "9:3", "3-9" },
		{ "2,4:7,9,12:* x", "2-2 4-7 9-9 12-4294967295*" },
		{ "4294967295", "4294967295-4294967295" },
		{ "0", NULL },
		{ "1:0", NULL },
		{ "4294967296", NULL },
		{ "1,", NULL },
		{ ",1", NULL },
		{ "1:2:3", "1-2" },
		{ "1:", NULL },
		{ "a", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct imap_in in;
		struct imap_set set;
		struct buf b;
		bool ok;

		imap_in_init(&in, arena, str_c(rows[i].in));
		ok = imap_set(&in, &set);
		test_row(i, ok == (rows[i].want != NULL));
		if (!ok)
			continue;
		buf_init(&b, arena, 1000);
		for (uint32_t k = 0; k < set.n; k++)
			buf_fmt(&b, "%s%u-%u%s", k > 0 ? " " : "", set.r[k].lo,
			    set.r[k].hi, set.r[k].star ? "*" : "");
		test_row_str(i, buf_str(&b), str_c(rows[i].want));
	}
}

/* B33: long sets are read in one go, up to a bound. */
static void
test_long_sets(void **state)
{
	struct imap_set set;
	struct imap_in in;
	struct buf b;

	(void)state;
	buf_init(&b, arena, 1 << 20);
	for (unsigned i = 0; i < IMAP_SET_RANGES; i++)
		buf_fmt(&b, "%s1:*", i > 0 ? "," : "");
	imap_in_init(&in, arena, buf_str(&b));
	assert_true(imap_set(&in, &set));
	assert_int_equal(set.n, IMAP_SET_RANGES);
	buf_c(&b, ",1");
	imap_in_init(&in, arena, buf_str(&b));
	assert_false(imap_set(&in, &set));
}

static void
test_flags(void **state)
{
	static const struct {
		const char *in;
		bool parentheses, ok;
		unsigned flags, keywords;
		const char *first;
	} rows[] = {
		{ "()", true, true, 0, 0, NULL },
		{ "(\\Seen)", true, true, MESSAGE_SEEN, 0, NULL },
		{ "(\\seen \\DELETED $Junk a)", true, true,
		    MESSAGE_SEEN | MESSAGE_DELETED, 2, "$Junk" },
		{ "\\Flagged \\Draft \\Answered x", false, true,
		    MESSAGE_FLAGGED | MESSAGE_DRAFT | MESSAGE_ANSWERED, 1,
		    "x" },
		{ "(\\Recent)", true, false, 0, 0, NULL },
		{ "(\\*)", true, false, 0, 0, NULL },
		{ "(\\Foo)", true, false, 0, 0, NULL },
		{ "(\\)", true, false, 0, 0, NULL },
		{ "(a", true, false, 0, 0, NULL },
		{ "(a )", true, false, 0, 0, NULL },
		{ "(a  b)", true, false, 0, 0, NULL },
		{ "a", true, false, 0, 0, NULL },
		{ "", false, false, 0, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct imap_flags f;
		struct imap_in in;
		bool ok;

		imap_in_init(&in, arena, str_c(rows[i].in));
		ok = imap_flags(&in, rows[i].parentheses, &f);
		test_row(i, ok == rows[i].ok);
		if (!ok)
			continue;
		test_row(i, f.flags == rows[i].flags);
		test_row(i, f.n == rows[i].keywords && imap_end(&in));
		if (f.n > 0)
			test_row_str(i, f.keywords[0], str_c(rows[i].first));
	}
}

/* B28 */
static void
test_literals(void **state)
{
	static const struct {
		const char *line;
		int want;
		uint64_t n;
		bool sync;
	} rows[] = {
		{ "a LOGIN {5}", 1, 5, true },
		{ "a LOGIN {5+}", 1, 5, false },
		{ "{0}", 1, 0, true },
		{ "a {4294967295}", 1, 4294967295, true },
		{ "a {4294967296}", -1, 0, false },
		{ "a {18446744073709551621}", -1, 0, false },
		{ "a {-1}", -1, 0, false },
		{ "a {01x}", -1, 0, false },
		{ "a {}", -1, 0, false },
		{ "a {+}", -1, 0, false },
		{ "a {5++}", -1, 0, false },
		{ "a {5-}", -1, 0, false },
		{ "a x}", 0, 0, false },
		{ "a \"{5\" x}", 0, 0, false },
		{ "a {5} ", 0, 0, false },
		{ "", 0, 0, false },
		{ "}", 0, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		uint64_t n;
		bool sync;
		int got = imap_literal_at_end(str_c(rows[i].line), &n, &sync);

		test_row(i, got == rows[i].want);
		test_row(i, got != 1 || n == rows[i].n);
		test_row(i, got != 1 || sync == rows[i].sync);
	}
}

/* B36 */
static void
test_utf7(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "", "" },
		{ "plain [x]", "plain [x]" },
		{ "a&-b", "a&b" },
		{ "&AOQ-", "\xc3\xa4" },
		{ "~peter/mail/&U,BTFw-/&ZeVnLIqe-",
		    "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/"
		    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e" },
		{ "&2D3eAA-", "\xf0\x9f\x98\x80" },
		{ "&AOQA9g-x", "\xc3\xa4\xc3\xb6x" },
		{ "&IKw-", "\xe2\x82\xac" },
		{ "&AAE-", "\x01" },
		{ "&", NULL },
		{ "&AOQ", NULL },
		{ "&AO-", NULL },
		{ "&AOR-", NULL },  /* bits left over */
		{ "&AOQA-", NULL }, /* a digit too many */
		{ "&AGE-", NULL },  /* 'a' stands for itself */
		{ "&ACY-", NULL },  /* '&' is "&-" */
		{ "&AOQ-&APY-", NULL },
		{ "&2D0-", NULL },    /* half a pair */
		{ "&3gA-", NULL },    /* the other half */
		{ "&2D0AYQ-", NULL }, /* not followed by the other */
		{ "&AOQ/-", NULL },   /* '/' is no digit here */
		{ "&AOQ- \xc3", NULL } /* 8-bit */,
		{ "\xc3\xa4", NULL },
		{ "a\x7f", NULL },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct str got;
		bool ok = imap_utf7_decode(arena, str_c(rows[i].in), &got);

		test_row(i, ok == (rows[i].want != NULL));
		if (!ok)
			continue;
		test_row_str(i, got, str_c(rows[i].want));
		test_row_str(i, imap_utf7_encode(arena, got),
		    str_c(rows[i].in));
	}
}

/* --- writing --- */

static void
test_put_strings(void **state)
{
	static const struct {
		struct str in;
		struct str string;
	} rows[] = {
		{ STR(""), STR("\"\"") },
		{ STR("a b"), STR("\"a b\"") },
		{ STR("a\"\\b"), STR("\"a\\\"\\\\b\"") },
		{ STR("a\r\nb"), STR("{4}\r\na\r\nb") },
		{ STR("\xc3\xa4"), STR("{2}\r\n\xc3\xa4") },
		{ STR("a\0b"), STR("{3}\r\na\x80"
				   "b") },
	};
	struct buf b;

	(void)state;
	buf_init(&b, arena, 10000);
	for (size_t i = 0; i < countof(rows); i++) {
		buf_clear(&b);
		imap_put_nstring(&b, rows[i].in);
		test_row_str(i, buf_str(&b), rows[i].string);
	}
	buf_clear(&b);
	imap_put_nstring(&b, STR_NONE);
	assert_string_equal(buf_cstr(&b), "NIL");
	buf_clear(&b);
	imap_put_string(&b,
	    str_of(arena_alloc(arena, 2000), 1001)); /* only NULs */
	assert_true(str_starts(buf_str(&b), STR("{1001}\r\n\x80")));
}

static void
test_put_mailboxes(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "INBOX", "INBOX" },
		{ "a/b.c", "a/b.c" },
		{ "a b", "\"a b\"" },
		{ "nil", "\"nil\"" },
		{ "", "\"\"" },
		{ "a\"b", "\"a\\\"b\"" },
		{ "[x]", "\"[x]\"" },
		{ "a&b", "a&-b" },
		{ "\xc3\xa4/b", "&AOQ-/b" },
		{ "\xc3\xa4 b", "\"&AOQ- b\"" },
	};
	struct buf b;

	(void)state;
	buf_init(&b, arena, 10000);
	for (size_t i = 0; i < countof(rows); i++) {
		struct imap_in in;
		struct str back;

		buf_clear(&b);
		imap_put_mailbox(&b, str_c(rows[i].in));
		test_row_str(i, buf_str(&b), str_c(rows[i].want));
		imap_in_init(&in, arena, buf_str(&b));
		test_row(i, imap_mailbox(&in, &back) && imap_end(&in));
		test_row_str(i, back, str_c(rows[i].in));
	}
}

static void
test_put_uidset(void **state)
{
	struct uidset s;
	struct buf b;

	(void)state;
	uidset_init(&s, arena);
	buf_init(&b, arena, 100);
	imap_put_uidset(&b, &s);
	assert_string_equal(buf_cstr(&b), "");
	uidset_add_range(&s, 1, 3);
	uidset_add(&s, 7);
	uidset_add_range(&s, 9, 4294967295);
	imap_put_uidset(&b, &s);
	assert_string_equal(buf_cstr(&b), "1:3,7,9:4294967295");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_nil),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_first_failure),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_date_times),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_long_sets),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_literals),
		cmocka_unit_test(test_utf7),
		cmocka_unit_test(test_put_strings),
		cmocka_unit_test(test_put_mailboxes),
		cmocka_unit_test(test_put_uidset),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
