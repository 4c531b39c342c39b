/* test_queue_dsn.c - delivery status notifications */
#include "base/arena.h"
#include "server/queue/dsn.h"
#include "tests/unit/test.h"

static void
test_wanted(void **state)
{
	enum {
		F = 1 << DSN_FAILED,
		W = 1 << DSN_DELAYED,
		D = 1 << DSN_DELIVERED,
		R = 1 << DSN_RELAYED
	};
	static const struct {
		const char *from;
		unsigned flags, notify, told;
	} rows[] = {
		{ "a@x.org", 0, 0, F | W },
		{ "a@x.org", 0, QUEUE_NOTIFY_NEVER, 0 },
		{ "a@x.org", 0, QUEUE_NOTIFY_SUCCESS, D | R },
		{ "a@x.org", 0, QUEUE_NOTIFY_FAILURE, F },
		{ "a@x.org", 0, QUEUE_NOTIFY_DELAY, W },
		{ "a@x.org", 0, QUEUE_NOTIFY_SUCCESS | QUEUE_NOTIFY_FAILURE,
		    D | R | F },
		/* bounces of bounces */
		{ "", 0, 0, 0 },
		{ "", 0, QUEUE_NOTIFY_SUCCESS | QUEUE_NOTIFY_FAILURE, 0 },
		{ "a@x.org", QUEUE_BOUNCE, 0, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		struct queue_message m = { .from = str_c(rows[i].from),
			.flags = rows[i].flags };
		struct queue_rcpt r = { .notify = rows[i].notify };

		for (unsigned k = 0; k < 4; k++)
			test_row(i * 10 + k,
			    dsn_is_wanted(&m, &r, (enum dsn_action)k) ==
				((rows[i].told >> k & 1) != 0));
	}
}

static void
test_header(void **state)
{
	static const struct {
		const char *message, *header;
	} rows[] = {
		{ "A: b\r\nC: d\r\n\r\nbody\r\n", "A: b\r\nC: d\r\n" },
		{ "\r\nbody\r\n", "" },
		{ "A: b\r\nC: cut of", "A: b\r\n" },
		{ "A: b\r\nC: d\r", "A: b\r\n" },
		{ "A: b\r\n", "A: b\r\n" },
		{ "", "" },
		{ "\r", "" },
	};

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++)
		test_row_str(i, dsn_header(str_c(rows[i].message)),
		    str_c(rows[i].header));
}

#define ORIGINAL                                                               \
	"From: a@x.org\r\nSubject: hi\r\nMessage-ID: "                         \
	"<1@x.org>\r\n\r\nbody\r\n"

static struct queue_message
message(void)
{
	return (struct queue_message){ .from = STR("bob@example.org"),
		.id = STR("07-5bd10e1f0a3c-0"),
		.bytes = sizeof(ORIGINAL) - 1,
		.arrived_s = 1795996800 };
}

static struct str
written(struct arena *a, const struct queue_message *m,
    const struct dsn_rcpt *rcpts, unsigned n, struct str original,
    unsigned *flags_r)
{
	const struct dsn d = { .host = STR("mail.example.org"),
		.unique = STR("00112233445566778899aabbccddeeff"),
		.m = m,
		.now_s = 1796083200,
		.rcpts = rcpts,
		.n = n,
		.original = original };
	struct buf b;

	buf_init(&b, a, DSN_BYTES_MAX);
	dsn_write(&b, &d, flags_r);
	assert_true(buf_ok(&b));
	return buf_str(&b);
}

static bool
has(struct str s, const char *what)
{
	return memmem(s.p, s.n, what, strlen(what)) != NULL;
}

/* Word for word, once. */
static void
test_failed(void **state)
{
	static const char want[] =
	    "Date: Tue, 1 Dec 2026 00:00:00 +0000\r\n"
	    "From: Mail Delivery System <MAILER-DAEMON@mail.example.org>\r\n"
	    "To: <bob@example.org>\r\n"
	    "Subject: Mail could not be delivered\r\n"
	    "Message-ID: <00112233445566778899aabbccddeeff.dsn@"
	    "mail.example.org>\r\n"
	    "Auto-Submitted: auto-replied\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    "\tboundary=\"=_00112233445566778899aabbccddeeff\"\r\n"
	    "\r\n"
	    "--=_00112233445566778899aabbccddeeff\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n"
	    "\r\n"
	    "This is the mail system of mail.example.org.\r\n"
	    "\r\n"
	    "Your message could not be delivered to these addresses, and will "
	    "not be\r\n"
	    "tried again:\r\n"
	    "\r\n"
	    "  <alice@example.net>\r\n"
	    "    mx1.example.net said: 550 5.1.1 no such user\r\n"
	    "\r\n"
	    "  <carol@example.net>\r\n"
	    "    5.4.6 example.net leads back to us\r\n"
	    "\r\n"
	    "--=_00112233445566778899aabbccddeeff\r\n"
	    "Content-Type: message/delivery-status\r\n"
	    "\r\n"
	    "Original-Envelope-Id: QQ314159\r\n"
	    "Reporting-MTA: dns; mail.example.org\r\n"
	    "X-Shoal-Queue-Id: 07-5bd10e1f0a3c-0\r\n"
	    "Arrival-Date: Mon, 30 Nov 2026 00:00:00 +0000\r\n"
	    "\r\n"
	    "Original-Recipient: rfc822; al+ice@example.net\r\n"
	    "Final-Recipient: rfc822; alice@example.net\r\n"
	    "Action: failed\r\n"
	    "Status: 5.1.1\r\n"
	    "Remote-MTA: dns; mx1.example.net\r\n"
	    "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
	    "Last-Attempt-Date: Tue, 1 Dec 2026 00:00:00 +0000\r\n"
	    "\r\n"
	    "Final-Recipient: rfc822; carol@example.net\r\n"
	    "Action: failed\r\n"
	    "Status: 5.4.6\r\n"
	    "Diagnostic-Code: x-shoal; example.net leads back to us\r\n"
	    "\r\n"
	    "--=_00112233445566778899aabbccddeeff\r\n"
	    "Content-Type: text/rfc822-headers\r\n"
	    "\r\n"
	    "From: a@x.org\r\nSubject: hi\r\nMessage-ID: <1@x.org>\r\n"
	    "\r\n"
	    "--=_00112233445566778899aabbccddeeff--\r\n";
	const struct queue_rcpt r[] = {
		{ .address = STR("alice@example.net"),
		    .original = STR("rfc822;al+ice@example.net") },
		{ .address = STR("carol@example.net") },
	};
	const struct dsn_rcpt told[] = {
		{ &r[0], DSN_FAILED,
		    STR("mx1.example.net: 550 5.1.1 no such user"), 1796083200,
		    0 },
		{ &r[1], DSN_FAILED, STR("5.4.6 example.net leads back to us"),
		    0, 0 },
	};
	struct queue_message m = message();
	struct arena *a = arena_new(0);
	unsigned flags;
	struct str got;

	(void)state;
	m.envid = STR("QQ314159");
	got = written(a, &m, told, 2, STR(ORIGINAL), &flags);
	test_row_str(0, got, str_c(want));
	assert_int_equal(flags, QUEUE_BOUNCE);
	arena_free(&a);
}

/* What is returned of the message (RFC 3461, 4.3). */
static void
test_return(void **state)
{
	static const struct {
		unsigned flags;
		enum dsn_action action;
		uint64_t bytes;
		bool whole;
		uint64_t wants;
	} rows[] = {
		{ 0, DSN_FAILED, 1000, false, 1000 },
		{ QUEUE_HDRS, DSN_FAILED, 1000, false, 1000 },
		{ QUEUE_FULL, DSN_FAILED, 1000, true, 1000 },
		{ QUEUE_FULL, DSN_DELAYED, 1000, false, 1000 },
		{ QUEUE_FULL, DSN_DELIVERED, 1000, false, 1000 },
		{ QUEUE_FULL, DSN_FAILED, DSN_FULL_MAX, true, DSN_FULL_MAX },
		{ QUEUE_FULL, DSN_FAILED, DSN_FULL_MAX + 1, false,
		    DSN_HEADER_MAX },
		{ 0, DSN_FAILED, 1 << 30, false, DSN_HEADER_MAX },
	};
	const struct queue_rcpt r = { .address = STR("alice@example.net") };
	struct arena *a = arena_new(0);
	unsigned flags;

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		const struct dsn_rcpt told = { .rcpt = &r,
			.action = rows[i].action };
		struct queue_message m = message();
		struct str got;

		m.flags = rows[i].flags;
		m.bytes = rows[i].bytes;
		test_row(i, dsn_original_bytes(&m, &told, 1) == rows[i].wants);
		got = written(a, &m, &told, 1, STR(ORIGINAL), &flags);
		test_row(i,
		    has(got, "\r\n\r\nbody\r\n\r\n--=_") == rows[i].whole);
		test_row(i,
		    has(got, "Type: message/rfc822\r\n") == rows[i].whole);
		test_row(i,
		    has(got, "Type: text/rfc822-headers\r\n") != rows[i].whole);
	}
	arena_free(&a);
}

/* The other actions, mixed. */
static void
test_actions(void **state)
{
	const struct queue_rcpt r[] = {
		{ .address = STR("a@example.net") },
		{ .address = STR("b@example.net") },
		{ .address = STR("c@example.org") },
		/* his forwarding address is his own affair */
		{ .address = STR("secret@example.com"),
		    .via = STR("d@example.org") },
	};
	const struct dsn_rcpt told[] = {
		{ &r[0], DSN_DELAYED, STR("mx: 451 busy"), 1796083200,
		    1796169600 },
		{ &r[1], DSN_RELAYED, STR("mx: 250 2.0.0 ok"), 1796083200, 0 },
		{ &r[2], DSN_DELIVERED, STR_NONE, 1796083200, 0 },
		{ &r[3], DSN_RELAYED, STR("mx: 250 ok"), 1796083200, 0 },
	};
	struct queue_message m = message();
	struct arena *a = arena_new(0);
	unsigned flags;
	struct str got;

	(void)state;
	got = written(a, &m, told, countof(told), STR(ORIGINAL), &flags);
	assert_true(has(got, "Subject: Mail is delayed\r\n"));
	assert_true(has(got,
	    "Final-Recipient: rfc822; a@example.net\r\nAction: delayed\r\n"
	    "Status: 4.0.0\r\nRemote-MTA: dns; mx\r\n"
	    "Diagnostic-Code: smtp; 451 busy\r\n"
	    "Last-Attempt-Date: Tue, 1 Dec 2026 00:00:00 +0000\r\n"
	    "Will-Retry-Until: Wed, 2 Dec 2026 00:00:00 +0000\r\n"));
	assert_true(
	    has(got, "b@example.net\r\nAction: relayed\r\nStatus: 2.0.0\r\n"));
	assert_true(has(got,
	    "c@example.org\r\nAction: delivered\r\nStatus: 2.0.0\r\n"));
	assert_true(has(got, "Final-Recipient: rfc822; d@example.org\r\n"));
	assert_false(has(got, "secret"));
	assert_true(
	    has(got, "It is given up on Wed, 2 Dec 2026 00:00:00 +0000.\r\n"));
	arena_free(&a);
}

/* RFC 6533, and bytes that lie about what they are. */
static void
test_utf8(void **state)
{
	static const struct {
		const char *from, *to, *original, *header, *answer;
		unsigned flags;
		bool utf8, eight;
	} rows[] = {
		{ "a@x.org", "b@y.org", "", "S: x\r\n", "mx: 550 x", 0, false,
		    false },
		{ "a@x.org", "b\xc3\xa4@y.org", "", "S: x\r\n", "mx: 550 x",
		    QUEUE_UTF8, true, true },
		{ "\xc3\xa4@x.org", "b@y.org", "", "S: x\r\n", "mx: 550 x",
		    QUEUE_UTF8, true, true },
		{ "a@x.org", "b@y.org", "utf-8;\xc3\xa4@y.org", "S: x\r\n",
		    "mx: 550 x", QUEUE_UTF8, true, true },
		{ "a@x.org", "b@y.org", "", "S: \xc3\xa4\r\n", "mx: 550 x",
		    QUEUE_UTF8, true, true },
		/* not announced: 8 bits of who knows what */
		{ "a@x.org", "b@y.org", "", "S: \xe4\r\n", "mx: 550 x",
		    QUEUE_8BIT, false, true },
		{ "a@x.org", "b@y.org", "", "S: x\r\n", "mx: 550 \xc3\xa4", 0,
		    false, false },
	};
	struct arena *a = arena_new(0);
	unsigned flags;

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		const struct queue_rcpt r = { .address = str_c(rows[i].to),
			.original = str_c(rows[i].original) };
		const struct dsn_rcpt told = { .rcpt = &r,
			.action = DSN_FAILED,
			.answer = str_c(rows[i].answer) };
		struct queue_message m = message();
		bool ascii = true;
		struct str got;

		m.from = str_c(rows[i].from);
		m.flags = rows[i].flags;
		got = written(a, &m, &told, 1, str_c(rows[i].header), &flags);
		for (size_t k = 0; k < got.n; k++)
			ascii &= (unsigned char)got.p[k] < 0x80;
		test_row(i, ascii == !rows[i].eight);
		test_row(i, ((flags & QUEUE_UTF8) != 0) == rows[i].utf8);
		test_row(i, ((flags & QUEUE_8BIT) != 0) == rows[i].eight);
		test_row(i, has(got, "message/global-delivery-status\r\n") ==
				rows[i].utf8);
		test_row(i,
		    has(got, "message/global-headers\r\n") == rows[i].utf8);
		test_row(i, has(got, "Encoding: 8bit\r\n") == rows[i].eight);
	}
	arena_free(&a);
}

/* Nobody writes a line of it but we. */
static void
test_hostile(void **state)
{
	const struct queue_rcpt r = {
		.address = STR("a\r\nX-Evil: 1\r\n@example.net"),
		.original = STR("rfc822;b\r\nX-Evil: 2"),
	};
	const struct dsn_rcpt told = { .rcpt = &r,
		.action = DSN_FAILED,
		.answer = STR("mx: 550 5.1.1 no\r\nX-Evil: 3") };
	struct queue_message m = message();
	struct arena *a = arena_new(0);
	unsigned flags;
	struct str got;

	(void)state;
	m.envid = STR("e\nX-Evil: 4");
	m.from = STR("f>\r\nX-Evil: 5");
	got = written(a, &m, &told, 1, STR(ORIGINAL), &flags);
	assert_false(has(got, "\nX-Evil"));
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_return),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
