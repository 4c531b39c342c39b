/* test_remote_parse.c - replies, extensions, and messages on their way out */
#include "server/queue/remote_parse.h"
#include "tests/unit/test.h"

static void
replies(void **state)
{
	static const struct {
		const char *lines; /* LF between them */
		enum remote_step step;
		unsigned code;
		const char *enhanced, *text;
	} rows[] = {
		{ "250 ok", REMOTE_DONE, 250, "", "ok" },
		{ "250", REMOTE_DONE, 250, "", "" },
		{ "250 ", REMOTE_DONE, 250, "", "" },
		{ "250 2.1.5 ok", REMOTE_DONE, 250, "2.1.5", "ok" },
		{ "550 5.1.1", REMOTE_DONE, 550, "5.1.1", "" },
		{ "550-5.7.1 go\n550 5.7.1 away", REMOTE_DONE, 550, "5.7.1",
		    "go away" },
		{ "550-5.7.1 go\n550 away", REMOTE_DONE, 550, "5.7.1",
		    "go away" },
		/* another code in the second line is text */
		{ "550-5.7.1 go\n550 5.1.1 away", REMOTE_DONE, 550, "5.7.1",
		    "go 5.1.1 away" },
		/* not of the reply's class: text */
		{ "451 5.1.1 x", REMOTE_DONE, 451, "", "5.1.1 x" },
		{ "354 3.0.0 x", REMOTE_DONE, 354, "", "3.0.0 x" },
		{ "550 5.1 x", REMOTE_DONE, 550, "", "5.1 x" },
		{ "550 5.1234.1 x", REMOTE_DONE, 550, "", "5.1234.1 x" },
		{ "550 5.123.123 x", REMOTE_DONE, 550, "5.123.123", "x" },
		{ "550 5.1.1.1 x", REMOTE_DONE, 550, "", "5.1.1.1 x" },
		{ "550 5.1.1x", REMOTE_DONE, 550, "", "5.1.1x" },
		{ "550 a\tb\x1b[31m\xc3\xa9", REMOTE_DONE, 550, "",
		    "a?b?[31m??" },
		{ "220-a\n220-\n220 c", REMOTE_DONE, 220, "", "a c" },
		{ "250-a", REMOTE_MORE, 250, "", "a" },
		{ "250-a\n251 b", REMOTE_MALFORMED, 0, NULL, NULL },
		{ "", REMOTE_MALFORMED, 0, NULL, NULL },
		{ "25", REMOTE_MALFORMED, 0, NULL, NULL },
		{ "25x ok", REMOTE_MALFORMED, 0, NULL, NULL },
		{ "2500 ok", REMOTE_MALFORMED, 0, NULL, NULL },
		{ "250:ok", REMOTE_MALFORMED, 0, NULL, NULL },
		{ "150 ok", REMOTE_MALFORMED, 0, NULL, NULL },
		{ "650 ok", REMOTE_MALFORMED, 0, NULL, NULL },
		{ " 250 ok", REMOTE_MALFORMED, 0, NULL, NULL },
		{ "HTTP/1.1 400", REMOTE_MALFORMED, 0, NULL, NULL },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct str rest = str_c(rows[i].lines), line, text;
		enum remote_step step = REMOTE_MORE;
		struct remote_reader r;

		remote_reader_init(&r, a);
		do {
			if (!str_split(&rest, '\n', &line))
				line = STR_NONE;
			test_row(i, step == REMOTE_MORE);
			step = remote_reader_line(&r, line, &text);
		} while (rest.n > 0);
		test_row(i, step == rows[i].step);
		if (step == REMOTE_MALFORMED)
			continue;
		test_row(i, r.reply.code == rows[i].code);
		test_row_str(i, str_c(r.reply.enhanced),
		    str_c(rows[i].enhanced));
		test_row_str(i, r.reply.text, str_c(rows[i].text));
	}
	arena_free(&a);
}

static void
bounds(void **state)
{
	struct arena *a = arena_new(0);
	struct remote_reader r;
	char line[REMOTE_LINE_MAX + 2];
	struct str text;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "250-", 4);
	remote_reader_init(&r, a);
	assert_int_equal(remote_reader_line(&r,
			     str_of(line, REMOTE_LINE_MAX + 1), &text),
	    REMOTE_MALFORMED);
	remote_reader_init(&r, a);
	for (unsigned i = 0; i < REMOTE_LINES_MAX; i++)
		assert_int_equal(remote_reader_line(&r,
				     str_of(line, REMOTE_LINE_MAX), &text),
		    REMOTE_MORE);
	assert_int_equal(r.reply.text.n, REMOTE_TEXT_MAX);
	assert_int_equal(remote_reader_line(&r, STR("250 end"), &text),
	    REMOTE_MALFORMED);
	arena_free(&a);
}

static void
extensions(void **state)
{
	static const struct {
		const char *lines;
		struct remote_ext want;
	} rows[] = {
		{ "", { .size = false } },
		{ "PIPELINING\n8bitmime\nSmtpUtf8\nDSN\nSTARTTLS",
		    { .pipelining = true,
			.body8 = true,
			.utf8 = true,
			.dsn = true,
			.starttls = true } },
		{ "SIZE", { .size = true } },
		{ "SIZE 0", { .size = true } },
		{ "SIZE 1000", { .size = true, .size_max = 1000 } },
		{ "SIZE 10k", { .size = true } },
		{ "SIZE -1", { .size = true } },
		{ "SIZE 99999999999999999999", { .size = true } },
		{ "AUTH LOGIN PLAIN CRAM-MD5",
		    { .auth_plain = true, .auth_login = true } },
		{ "AUTH=login", { .auth_login = true } },
		{ "AUTH PLAINX XLOGIN", { .auth_login = false } },
		{ "LIMITS RCPTMAX=20 MAILMAX=5 RCPTDOMAINMAX=1",
		    { .rcpt_max = 20, .mail_max = 5 } },
		{ "LIMITS RCPTMAX MAILMAX= RCPTMAX=x", { .rcpt_max = 0 } },
		{ "XPIPELINING\nPIPELININGX\n\n=\n ", { .size = false } },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct str rest = str_c(rows[i].lines), line;
		const struct remote_ext *want = &rows[i].want;
		struct remote_ext got;

		memset(&got, 0, sizeof(got));
		while (str_split(&rest, '\n', &line))
			remote_ext_line(&got, line);
		test_row(i, got.pipelining == want->pipelining);
		test_row(i, got.size == want->size);
		test_row(i, got.size_max == want->size_max);
		test_row(i, got.body8 == want->body8);
		test_row(i, got.utf8 == want->utf8);
		test_row(i, got.dsn == want->dsn);
		test_row(i, got.starttls == want->starttls);
		test_row(i, got.auth_plain == want->auth_plain);
		test_row(i, got.auth_login == want->auth_login);
		test_row(i, got.rcpt_max == want->rcpt_max);
		test_row(i, got.mail_max == want->mail_max);
	}
}

static void
xtext(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "" },
		{ "alice@example.org", "alice@example.org" },
		{ "a+b=c d", "a+2Bb+3Dc+20d" },
		{ "\r\n\x7f\xc3\xa9~!", "+0D+0A+7F+C3+A9~!" },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct buf b;

		buf_init(&b, a, 1000);
		remote_xtext(&b, str_c(rows[i].in));
		test_row_str(i, buf_str(&b), str_c(rows[i].out));
	}
	assert_true(remote_is_path(STR("\"a b\"@example.org")));
	assert_true(remote_is_path(STR("\xc3\xa9@example.org")));
	assert_false(remote_is_path(STR("a@b>\r\nRCPT TO:<c@d")));
	assert_false(remote_is_path(STR("a@b> SIZE=1")));
	assert_false(remote_is_path(STR("<a@b")));
	assert_false(remote_is_path(STR("a\x7f@b")));
	arena_free(&a);
}

/* However it is cut. */
static void
stuffing(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", ".\r\n" },
		{ "a", "a\r\n.\r\n" },
		{ "a\r\n", "a\r\n.\r\n" },
		{ ".", "..\r\n.\r\n" },
		{ "..\r\n.a\r\na.\r\n", "...\r\n..a\r\na.\r\n.\r\n" },
		{ "a\n.\nb", "a\r\n..\r\nb\r\n.\r\n" },
		{ "a\r.\rb\r", "a\r\n..\r\nb\r\n.\r\n" },
		{ "a\r\r\n.\r\n", "a\r\n\r\n..\r\n.\r\n" },
		{ "a\n\r.\n\n", "a\r\n\r\n..\r\n\r\n.\r\n" },
		{ "\r\n\r\n", "\r\n\r\n.\r\n" },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct str in = str_c(rows[i].in);

		for (size_t step = 1; step <= in.n + 1; step++) {
			struct remote_stuff s = { .begun = false };
			struct buf b;

			buf_init(&b, a, 1000);
			for (size_t at = 0; at < in.n; at += step) {
				size_t before = b.n;
				struct str part = str_sub(in, at, step);

				remote_stuff_add(&s, part, &b);
				test_row(i,
				    b.n - before <= REMOTE_STUFF_OUT(part.n));
			}
			remote_stuff_end(&s, &b);
			test_row_str(i, buf_str(&b), str_c(rows[i].out));
		}
	}
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies),
		cmocka_unit_test(bounds),
		cmocka_unit_test(extensions),
		cmocka_unit_test(xtext),
		cmocka_unit_test(stuffing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
