/* test_smtp_parse.c - the grammar of SMTP commands */
#include "server/smtp/smtp_parse.h"

#include <stdio.h>

#include "tests/unit/test.h"

#define X10 "xxxxxxxxxx"
#define X60 X10 X10 X10 X10 X10 X10

static void
test_command(void **state)
{
	static const struct {
		const char *line, *verb, *args; /* verb NULL: none */
	} rows[] = {
		{ "QUIT", "QUIT", "" },
		{ "quit  ", "quit", "" },
		{ "MAIL FROM:<a@b.c>", "MAIL", "FROM:<a@b.c>" },
		{ "NOOP   some  words \t", "NOOP", "some  words" },
		{ "", NULL, "" },
		{ "   ", NULL, "" },
		{ " QUIT", NULL, "" },
	};
	struct str verb, args;

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		bool ok = smtp_parse_command(str_c(rows[i].line), &verb, &args);

		test_row(i, ok == (rows[i].verb != NULL));
		if (!ok)
			continue;
		test_row_str(i, verb, str_c(rows[i].verb));
		test_row_str(i, args, str_c(rows[i].args));
	}
}

static void
test_hello(void **state)
{
	static const struct {
		const char *args;
		bool ok;
	} rows[] = {
		{ "mx.example.org", true },
		{ "localhost", true },
		{ "my_host-", true },
		{ "mx.example.org.", true },
		{ "192.0.2.1", true },
		{ "[192.0.2.1]", true },
		{ "[IPv6:2001:db8::1]", true },
		{ "[ipv6:::1]", true },
		{ "", false },
		{ "two words", false },
		{ "[IPv6:junk]", false },
		{ "[IPv6:2001:db8::1", false },
		{ "[192.0.2.256]", false },
		{ "[192.0.2.1]x", false },
		{ "[]", false },
		{ "b\xc3\xbc"
		  "cher.example",
		    false },
		{ "a\tb", false },
		{ "a;b", false },
		{ "<script>", false },
	};
	struct str name;

	(void)state;
	for (size_t i = 0; i < countof(rows); i++)
		test_row(i,
		    smtp_parse_hello(str_c(rows[i].args), &name) == rows[i].ok);
	assert_false(smtp_parse_hello(str_of("a\0b", 3), &name));
}

static void
test_mail(void **state)
{
	static const struct {
		const char *args;
		enum smtp_syntax bad;
		const char *mailbox;
		uint64_t size;
		bool body8, utf8;
	} rows[] = {
		{ "FROM:<a@b.c>", SMTP_OK, "a@b.c", 0, false, false },
		{ "from:<a@b.c>", SMTP_OK, "a@b.c", 0, false, false },
		{ "FROM: <a@b.c>", SMTP_OK, "a@b.c", 0, false, false },
		{ "FROM:<>", SMTP_OK, "", 0, false, false },
		{ "FROM:<> SIZE=10", SMTP_OK, "", 10, false, false },
		{ "FROM:<a@b.c> SIZE=10 BODY=8BITMIME SMTPUTF8", SMTP_OK,
		    "a@b.c", 10, true, true },
		{ "FROM:<a@b.c>  body=7bit", SMTP_OK, "a@b.c", 0, false,
		    false },
		{ "FROM:<a@b.c> SIZE=99999999999999999999", SMTP_OK, "a@b.c",
		    UINT64_MAX, false, false },
		{ "FROM:<a@b.c> AUTH=<> SIZE=10", SMTP_OK, "a@b.c", 10, false,
		    false },
		{ "FROM:<a@b.c> auth=e+3Dmc2@x.y", SMTP_OK, "a@b.c", 0, false,
		    false },
		{ "FROM:<@x.y,@z:a@b.c>", SMTP_OK, "a@b.c", 0, false, false },
		{ "FROM:<\"a b\\\"c\"@b.c>", SMTP_OK, "\"a b\\\"c\"@b.c", 0,
		    false, false },
		{ "FROM:<a@[192.0.2.1]>", SMTP_OK, "a@[192.0.2.1]", 0, false,
		    false },
		{ "FROM:<-oX@x>", SMTP_OK, "-oX@x", 0, false, false },
		{ "FROM:<a.b+c=d@e_f.g>", SMTP_OK, "a.b+c=d@e_f.g", 0, false,
		    false },
		{ "FROM:<postmaster>", SMTP_OK, "postmaster", 0, false, false },
		/* 12 */
		{ "", SMTP_BAD_COMMAND, NULL, 0, false, false },
		{ "TO:<a@b.c>", SMTP_BAD_COMMAND, NULL, 0, false, false },
		{ "FROM:a@b.c", SMTP_BAD_PATH, NULL, 0, false, false },
		{ "FROM:<a@b.c", SMTP_BAD_PATH, NULL, 0, false, false },
		{ "FROM:<a@>", SMTP_BAD_PATH, NULL, 0, false, false },
		{ "FROM:<@b.c>", SMTP_BAD_PATH, NULL, 0, false, false },
		{ "FROM:<a..b@b.c>", SMTP_BAD_PATH, NULL, 0, false, false },
		{ "FROM:<.a@b.c>", SMTP_BAD_PATH, NULL, 0, false, false },
		{ "FROM:<a.@b.c>", SMTP_BAD_PATH, NULL, 0, false, false },
		{ "FROM:<a b@b.c>", SMTP_BAD_PATH, NULL, 0, false, false },
		{ "FROM:<`;id;`@x>", SMTP_BAD_PATH, NULL, 0, false, false },
		{ "FROM:<a@b..c>", SMTP_BAD_PATH, NULL, 0, false, false },
		{ "FROM:<a@-b.c>", SMTP_BAD_PATH, NULL, 0, false, false },
		{ "FROM:<a@b.c.>", SMTP_BAD_PATH, NULL, 0, false, false },
		{ "FROM:<\"a@b.c>", SMTP_BAD_PATH, NULL, 0, false, false },
		{ "FROM:<\"a\\", SMTP_BAD_PATH, NULL, 0, false, false },
		{ "FROM:<(((((a)))))a@b.c>", SMTP_BAD_PATH, NULL, 0, false,
		    false },
		{ "FROM:<a@[300.1.1.1]>", SMTP_BAD_PATH, NULL, 0, false,
		    false },
		{ "FROM:<@x,:a@b.c>", SMTP_BAD_PATH, NULL, 0, false, false },
		{ "FROM:<a@b.c>SIZE=1", SMTP_BAD_COMMAND, NULL, 0, false,
		    false },
		{ "FROM:<a@b.c> =1", SMTP_BAD_COMMAND, NULL, 0, false, false },
		{ "FROM:<a@b.c> NOTIFY=NEVER", SMTP_BAD_PARAM, NULL, 0, false,
		    false },
		{ "FROM:<a@b.c> SIZE", SMTP_BAD_VALUE, NULL, 0, false, false },
		{ "FROM:<a@b.c> SIZE=", SMTP_BAD_VALUE, NULL, 0, false, false },
		{ "FROM:<a@b.c> SIZE=-1", SMTP_BAD_VALUE, NULL, 0, false,
		    false },
		{ "FROM:<a@b.c> SIZE=1 SIZE=1", SMTP_BAD_VALUE, NULL, 0, false,
		    false },
		{ "FROM:<a@b.c> SIZE=999999999999999999999", SMTP_BAD_VALUE,
		    NULL, 0, false, false },
		{ "FROM:<a@b.c> BODY=BINARYMIME", SMTP_BAD_VALUE, NULL, 0,
		    false, false },
		{ "FROM:<a@b.c> AUTH", SMTP_BAD_VALUE, NULL, 0, false, false },
		{ "FROM:<a@b.c> AUTH=a+3", SMTP_BAD_VALUE, NULL, 0, false,
		    false },
		{ "FROM:<a@b.c> AUTH=a+3d", SMTP_BAD_VALUE, NULL, 0, false,
		    false },
		{ "FROM:<a@b.c> AUTH=a AUTH=a", SMTP_BAD_VALUE, NULL, 0, false,
		    false },
		{ "FROM:<a@b.c> SMTPUTF8=1", SMTP_BAD_VALUE, NULL, 0, false,
		    false },
		{ "FROM:<" X60 "xxxxx@b.c>", SMTP_LONG_PATH, NULL, 0, false,
		    false },
		{ "FROM:<" X60 "xxxx@b.c>", SMTP_OK, X60 "xxxx@b.c", 0, false,
		    false },
		{ "FROM:<a@" X60 "." X60 "." X60 "." X60 "." X10 "xx>",
		    SMTP_LONG_PATH, NULL, 0, false, false },
	};
	struct smtp_mail m;

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		test_row(i,
		    smtp_parse_mail(str_c(rows[i].args), &m) == rows[i].bad);
		if (rows[i].bad != SMTP_OK)
			continue;
		test_row_str(i, m.from.mailbox, str_c(rows[i].mailbox));
		test_row(i, m.size == rows[i].size);
		test_row(i, m.body8 == rows[i].body8);
		test_row(i, m.smtputf8 == rows[i].utf8);
	}
}

static void
test_mail_params_max(void **state)
{
	char line[400];
	struct smtp_mail m;

	(void)state;
	strcpy(line, "FROM:<a@b.c>");
	for (unsigned i = 0; i < 60; i++)
		strcat(line, " A=1");
	assert_int_equal(smtp_parse_mail(str_c(line), &m), SMTP_BAD_PARAM);
}

static void
test_rcpt(void **state)
{
	static const struct {
		const char *args;
		enum smtp_syntax bad;
		const char *local, *domain;
		bool utf8, valid;
	} rows[] = {
		{ "TO:<a@b.c>", SMTP_OK, "a", "b.c", false, true },
		{ "to: <a@b.c>", SMTP_OK, "a", "b.c", false, true },
		{ "TO:<Postmaster>", SMTP_OK, "Postmaster", "", false, true },
		{ "TO:<a%b@c>", SMTP_OK, "a%b", "c", false, true },
		{ "TO:<a!b>", SMTP_OK, "a!b", "", false, true },
		{ "TO:<@x:a@y>", SMTP_OK, "a", "y", false, true },
		{ "TO:<\"a@b\"@c>", SMTP_OK, "\"a@b\"", "c", false, true },
		{ "TO:<b\xc3\xbc@c>", SMTP_OK, "b\xc3\xbc", "c", true, true },
		{ "TO:<a@b\xc3\xbc.c>", SMTP_OK, "a", "b\xc3\xbc.c", true,
		    true },
		{ "TO:<b\xfc@c>", SMTP_OK, "b\xfc", "c", true, false },
		{ "TO:<>", SMTP_BAD_PATH, NULL, NULL, false, false },
		{ "TO:<a@b@c>", SMTP_BAD_PATH, NULL, NULL, false, false },
		{ "TO:<a@b.c> RET=FULL", SMTP_BAD_PARAM, NULL, NULL, false,
		    false },
		{ "FROM:<a@b.c>", SMTP_BAD_COMMAND, NULL, NULL, false, false },
		{ "TO:", SMTP_BAD_PATH, NULL, NULL, false, false },
	};
	struct smtp_rcpt r;

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		test_row(i,
		    smtp_parse_rcpt(str_c(rows[i].args), &r) == rows[i].bad);
		if (rows[i].bad != SMTP_OK)
			continue;
		test_row_str(i, r.to.local, str_c(rows[i].local));
		test_row_str(i, r.to.domain, str_c(rows[i].domain));
		test_row(i, r.to.utf8 == rows[i].utf8);
		test_row(i, r.to.valid == rows[i].valid);
	}
	assert_int_equal(smtp_parse_rcpt(str_of("TO:<a\0b@c>", 10), &r),
	    SMTP_BAD_PATH);
}

/* 64 octets in front of the @, but for what forwarders make of a sender. */
static void
test_rcpt_long(void **state)
{
	static const struct {
		const char *prefix;
		unsigned n;
		enum smtp_syntax bad;
	} rows[] = {
		{ "", 64, SMTP_OK },
		{ "", 65, SMTP_LONG_PATH },
		{ "SRS0=", 245, SMTP_OK },
		{ "srs1+", 245, SMTP_OK },
		{ "SRS0=", 246, SMTP_LONG_PATH },
		{ "SRS2=", 60, SMTP_LONG_PATH },
	};
	struct smtp_rcpt r;
	char line[400];

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		snprintf(line, sizeof(line), "TO:<%s%.*s@b.c>", rows[i].prefix,
		    (int)rows[i].n,
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aa"
		    "aaaaaaaaaa");
		test_row(i, smtp_parse_rcpt(str_c(line), &r) == rows[i].bad);
	}
}

static void
test_bdat(void **state)
{
	static const struct {
		const char *args;
		bool ok, last;
		uint64_t size;
	} rows[] = {
		{ "10", true, false, 10 },
		{ "0", true, false, 0 },
		{ "0 LAST", true, true, 0 },
		{ "86  last", true, true, 86 },
		{ "18446744073709551615", true, false, UINT64_MAX },
		{ "18446744073709551616", false, false, 0 },
		{ "", false, false, 0 },
		{ "-1", false, false, 0 },
		{ "x", false, false, 0 },
		{ "1x", false, false, 0 },
		{ "LAST", false, false, 0 },
		{ "1 FIRST", false, false, 0 },
		{ "1 LAST 2", false, false, 0 },
	};
	struct smtp_bdat b;

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		bool ok = smtp_parse_bdat(str_c(rows[i].args), &b) == SMTP_OK;

		test_row(i, ok == rows[i].ok);
		test_row(i, !ok || b.size == rows[i].size);
		test_row(i, !ok || b.last == rows[i].last);
	}
}

static void
test_mailbox(void **state)
{
	struct smtp_path p;

	(void)state;
	assert_true(smtp_parse_mailbox(STR("a@b.c"), &p));
	assert_false(smtp_parse_mailbox(STR("a"), &p));
	assert_false(smtp_parse_mailbox(STR("a@b.c "), &p));
	assert_false(smtp_parse_mailbox(STR("<a@b.c>"), &p));
	assert_false(smtp_parse_mailbox(STR(X60 "xxxxx@b.c"), &p));
}

/* --- DSN --- */

static void
test_dsn_mail(void **state)
{
	static const struct {
		const char *args;
		enum smtp_syntax bad;
		enum smtp_ret ret;
		const char *envid;
	} rows[] = {
		{ "FROM:<> RET=FULL", SMTP_OK, SMTP_RET_FULL, "" },
		{ "FROM:<> ret=hdrs ENVID=QQ314159", SMTP_OK, SMTP_RET_HDRS,
		    "QQ314159" },
		{ "FROM:<> ENVID=a+2Bb+3D+20c+41", SMTP_OK, SMTP_RET_NONE,
		    "a+b= cA" },
		{ "FROM:<> RET=ALL", SMTP_BAD_VALUE, 0, NULL },
		{ "FROM:<> RET", SMTP_BAD_VALUE, 0, NULL },
		{ "FROM:<> ENVID", SMTP_BAD_VALUE, 0, NULL },
		{ "FROM:<> ENVID=", SMTP_BAD_VALUE, 0, NULL },
		{ "FROM:<> RET=FULL RET=FULL", SMTP_BAD_VALUE, 0, NULL },
		{ "FROM:<> ENVID=a+0Db", SMTP_BAD_VALUE, 0, NULL },
		{ "FROM:<> ENVID=a+0A", SMTP_BAD_VALUE, 0, NULL },
		{ "FROM:<> ENVID=a+00", SMTP_BAD_VALUE, 0, NULL },
		{ "FROM:<> ENVID=a+80", SMTP_BAD_VALUE, 0, NULL },
		{ "FROM:<> ENVID=a+2", SMTP_BAD_VALUE, 0, NULL },
		{ "FROM:<> ENVID=a+", SMTP_BAD_VALUE, 0, NULL },
		{ "FROM:<> ENVID=a+2b", SMTP_BAD_VALUE, 0, NULL },
		{ "FROM:<> ENVID=\xc3\xa4", SMTP_BAD_VALUE, 0, NULL },
		{ "FROM:<> ENVID=" X60 X10 X10 X10 X10, SMTP_OK, SMTP_RET_NONE,
		    X60 X10 X10 X10 X10 },
		{ "FROM:<> ENVID=" X60 X10 X10 X10 X10 "x", SMTP_BAD_VALUE, 0,
		    NULL },
	};
	char out[SMTP_ENVID_MAX];

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct smtp_mail m;

		test_row(i,
		    smtp_parse_mail(str_c(rows[i].args), &m) == rows[i].bad);
		if (rows[i].bad != SMTP_OK)
			continue;
		test_row(i, m.dsn && m.ret == rows[i].ret);
		test_row_str(i, str_of(out, smtp_xtext(m.envid, out)),
		    str_c(rows[i].envid));
	}
}

static void
test_dsn_rcpt(void **state)
{
	enum {
		S = SMTP_NOTIFY_SUCCESS,
		F = SMTP_NOTIFY_FAILURE,
		D = SMTP_NOTIFY_DELAY
	};
	static const struct {
		const char *params;
		enum smtp_syntax bad;
		unsigned notify;
		const char *orcpt;
	} rows[] = {
		{ "NOTIFY=NEVER", SMTP_OK, SMTP_NOTIFY_NEVER, "" },
		{ "NOTIFY=success,FAILURE,delay", SMTP_OK, S | F | D, "" },
		{ "NOTIFY=DELAY", SMTP_OK, D, "" },
		{ "ORCPT=rfc822;a+2Bb@c.d NOTIFY=FAILURE", SMTP_OK, F,
		    "rfc822;a+b@c.d" },
		{ "ORCPT=utf-8;a\\x{FC}b@c.d", SMTP_OK, 0,
		    "utf-8;a\xc3\xbc"
		    "b@c.d" },
		{ "ORCPT=UTF-8;\\x{1F600}\\x{20AC}", SMTP_OK, 0,
		    "UTF-8;\xf0\x9f\x98\x80\xe2\x82\xac" },
		{ "ORCPT=utf-8;\xc3\xbc@c", SMTP_OK, 0, "utf-8;\xc3\xbc@c" },
		{ "ORCPT=x400;+2Fa", SMTP_OK, 0, "x400;/a" },
		{ "NOTIFY=NEVER,DELAY", SMTP_BAD_VALUE, 0, NULL },
		{ "NOTIFY=DELAY,NEVER", SMTP_BAD_VALUE, 0, NULL },
		{ "NOTIFY=", SMTP_BAD_VALUE, 0, NULL },
		{ "NOTIFY", SMTP_BAD_VALUE, 0, NULL },
		{ "NOTIFY=DELAY,", SMTP_BAD_VALUE, 0, NULL },
		{ "NOTIFY=NEVER NOTIFY=NEVER", SMTP_BAD_VALUE, 0, NULL },
		{ "ORCPT=a@c.d", SMTP_BAD_VALUE, 0, NULL },
		{ "ORCPT=;a@c.d", SMTP_BAD_VALUE, 0, NULL },
		{ "ORCPT=rfc822;", SMTP_BAD_VALUE, 0, NULL },
		{ "ORCPT=rfc822;a+0D+0AX:", SMTP_BAD_VALUE, 0, NULL },
		{ "ORCPT=rfc822;\xc3\xbc@c", SMTP_BAD_VALUE, 0, NULL },
		{ "ORCPT=utf-8;\xc3@c", SMTP_BAD_VALUE, 0, NULL },
		{ "ORCPT=utf-8;a+2Bb", SMTP_BAD_VALUE, 0, NULL },
		{ "ORCPT=utf-8;\\x{A}", SMTP_BAD_VALUE, 0, NULL },
		{ "ORCPT=utf-8;\\x{0A}", SMTP_BAD_VALUE, 0, NULL },
		{ "ORCPT=utf-8;\\x{D800}", SMTP_BAD_VALUE, 0, NULL },
		{ "ORCPT=utf-8;\\x{110000}", SMTP_BAD_VALUE, 0, NULL },
		{ "ORCPT=utf-8;\\x{FC", SMTP_BAD_VALUE, 0, NULL },
		{ "ORCPT=utf-8;\\", SMTP_BAD_VALUE, 0, NULL },
		{ "SIZE=1", SMTP_BAD_PARAM, 0, NULL },
	};
	char args[1000], out[SMTP_ORCPT_MAX];

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct smtp_rcpt r;
		size_t n;

		snprintf(args, sizeof(args), "TO:<a@b.c> %s", rows[i].params);
		test_row(i, smtp_parse_rcpt(str_c(args), &r) == rows[i].bad);
		if (rows[i].bad != SMTP_OK)
			continue;
		test_row(i, r.dsn && r.notify == rows[i].notify);
		n = r.orcpt.n > 0 ? smtp_orcpt(r.orcpt, out) : 0;
		test_row_str(i, str_of(out, n), str_c(rows[i].orcpt));
	}
	/* 500 bytes, not more */
	memset(args, 'x', sizeof(args));
	memcpy(args, "TO:<a@b> ORCPT=rfc822;", 22);
	for (size_t n = 499; n <= 501; n++) {
		struct smtp_rcpt r;

		assert_int_equal(smtp_parse_rcpt(str_of(args, 15 + n), &r),
		    n <= 500 ? SMTP_OK : SMTP_BAD_VALUE);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_mail_params_max),
		cmocka_unit_test(test_rcpt),
		cmocka_unit_test(test_dsn_mail),
		cmocka_unit_test(test_dsn_rcpt),
		cmocka_unit_test(test_rcpt_long),
		cmocka_unit_test(test_bdat),
		cmocka_unit_test(test_mailbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
