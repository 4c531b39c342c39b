/* test_smtp_data.c - the text of a message, and what is put on top */
#include "server/smtp/smtp_data.h"

#include "server/smtp/smtp_trace.h"
#include "tests/unit/test.h"

enum {
	LF = SMTP_DATA_BARE_LF,
	CR = SMTP_DATA_BARE_CR,
	NUL = SMTP_DATA_NUL,
	END = SMTP_DATA_FALSE_END
};

struct row {
	const char *in, *out;
	unsigned found;
	size_t left; /* bytes behind the end; NO_END: there is none */
};
#define NO_END SIZE_MAX

static const struct row data_rows[] = {
	{ ".\r\n", "", 0, 0 },
	{ "a\r\n.\r\n", "a\r\n", 0, 0 },
	{ "a\r\n.\r\nQUIT\r\n", "a\r\n", 0, 6 },
	{ "..\r\n.\r\n", ".\r\n", 0, 0 },
	{ "...\r\n.\r\n", "..\r\n", 0, 0 },
	{ ".a\r\n.\r\n", "a\r\n", 0, 0 },
	{ "a.\r\n.\r\n", "a.\r\n", 0, 0 },
	{ "a\r\n\r\n..b\r\n.\r\n", "a\r\n\r\n.b\r\n", 0, 0 },
	{ "\r\n.\r\n", "\r\n", 0, 0 },
	/* every other end is none: B1 */
	{ "a\n.\nb\r\n.\r\n", "a\r\n\r\nb\r\n", LF | END, 0 },
	{ "a\n.\r\nb\r\n.\r\n", "a\r\n\r\nb\r\n", LF | END, 0 },
	{ "a\r\n.\nb\r\n.\r\n", "a\r\n\r\nb\r\n", LF | END, 0 },
	{ "a\r.\rb\r\n.\r\n", "a\r\rb\r\n", CR | END, 0 },
	{ "a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n", CR | END, 0 },
	{ "a\r.\r\nb\r\n.\r\n", "a\r\r\nb\r\n", CR | END, 0 },
	{ ".\nb\r\n.\r\n", "\r\nb\r\n", LF | END, 0 },
	{ "a\r\n.\r\r\n.\r\n", "a\r\n\r\r\n", CR | END, 0 },
	{ "a\n.\n", "a\r\n\r\n", LF | END, NO_END },
	{ "a\r\n.\n", "a\r\n\r\n", LF | END, NO_END },
	{ "a\r.\r", "a\r", CR | END, NO_END },
	/* B2 */
	{ "a\nb\r\n.\r\n", "a\r\nb\r\n", LF, 0 },
	{ "a\n..b\r\n.\r\n", "a\r\n.b\r\n", LF, 0 },
	{ "a\n.b\r\n.\r\n", "a\r\nb\r\n", LF, 0 },
	{ "a\rb\r\n.\r\n", "a\rb\r\n", CR, 0 },
	{ "a\r\r\n.\r\n", "a\r\r\n", CR, 0 },
	{ "a\r\n.\rb", "a\r\n\rb", CR | END, NO_END },
	{ "", "", 0, NO_END },
	{ "a", "a", 0, NO_END },
	{ "a\r\n.", "a\r\n", 0, NO_END },
	{ "a\r\n.\r", "a\r\n", 0, NO_END },
};

/* In pieces of `step` bytes. */
static size_t
feed(struct smtp_data *d, struct str in, size_t step, struct buf *out)
{
	size_t at = 0;

	while (at < in.n && !d->done) {
		struct str piece = str_sub(in, at, step);
		size_t used = smtp_data_feed(d, piece, out);

		assert_true(used == piece.n || d->done);
		at += used;
	}
	return at;
}

static void
test_data(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(data_rows); i++)
		for (size_t step = 1; step < 20; step++) {
			const struct row *r = &data_rows[i];
			struct str in = str_c(r->in);
			struct smtp_data d;
			struct buf out;
			size_t used;

			smtp_data_init(&d, true);
			buf_init(&out, a, 1000);
			used = feed(&d, in, step, &out);
			test_row_str(i, buf_str(&out), str_c(r->out));
			test_row(i, d.found == r->found);
			test_row(i, d.done == (r->left != NO_END));
			if (d.done)
				test_row(i, in.n - used == r->left);
		}
	arena_free(&a);
}

static void
test_data_nul(void **state)
{
	struct arena *a = arena_new(0);
	struct smtp_data d;
	struct buf out;

	(void)state;
	smtp_data_init(&d, true);
	buf_init(&out, a, 100);
	smtp_data_feed(&d, str_of("a\0b\r\n.\r\n", 8), &out);
	assert_true(d.done && d.found == NUL);
	smtp_data_init(&d, true);
	smtp_data_feed(&d, str_of(".\0\r\n.\r\n", 7), &out);
	assert_true(d.done && d.found == NUL);
	arena_free(&a);
}

static const struct row chunk_rows[] = {
	{ "a\r\n", "a\r\n", 0, 0 },
	{ ".\r\n", ".\r\n", 0, 0 },
	{ "a\r\n..\r\n.\r\nb\r\n", "a\r\n..\r\n.\r\nb\r\n", 0, 0 },
	{ "a", "a\r\n", 0, 0 },
	{ "a\nb\n", "a\r\nb\r\n", LF, 0 },
	{ "a\n.\n", "a\r\n.\r\n", LF, 0 },
	{ "a\r", "a\r\n", CR, 0 },
	{ "a\rb", "a\rb\r\n", CR, 0 },
	{ "", "", 0, 0 },
};

static void
test_chunks(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(chunk_rows); i++)
		for (size_t step = 1; step < 20; step++) {
			const struct row *r = &chunk_rows[i];
			struct smtp_data d;
			struct buf out;

			smtp_data_init(&d, false);
			buf_init(&out, a, 1000);
			feed(&d, str_c(r->in), step, &out);
			smtp_data_finish(&d, &out);
			test_row_str(i, buf_str(&out), str_c(r->out));
			test_row(i, d.found == r->found && !d.done);
		}
	arena_free(&a);
}

/* --- trace --- */

static void
test_trace(void **state)
{
	static const struct {
		struct smtp_trace tr;
		const char *text;
	} rows[] = {
		{ { .from = { "bob@example.net", 15 },
		      .delivered_to = { "a@b", 3 },
		      .hello = { "mx.example.net", 14 },
		      .peer = { "[192.0.2.1]", 11 },
		      .by = { "mail.example.org", 16 },
		      .id = { "n1-0-1-1", 8 },
		      .rcpt = { "a+x@b", 5 },
		      .extended = true,
		      .tls_version = "TLSv1.3",
		      .tls_cipher = "TLS_AES_256_GCM_SHA384",
		      .date = 1795306200 },
		    "Return-Path: <bob@example.net>\r\n"
		    "Delivered-To: a@b\r\n"
		    "Received: from mx.example.net ([192.0.2.1])\r\n"
		    "\tby mail.example.org with ESMTPS"
		    " (TLSv1.3 cipher TLS_AES_256_GCM_SHA384)\r\n"
		    "\tid n1-0-1-1\r\n"
		    "\tfor <a+x@b>;\r\n"
		    "\tSun, 22 Nov 2026 00:10:00 +0000\r\n" },
		{ { .hello = { "x", 1 },
		      .by = { "y", 1 },
		      .id = { "z", 1 },
		      .lmtp = true,
		      .extended = true,
		      .utf8 = true,
		      .date = 0 },
		    "Return-Path: <>\r\n"
		    "Received: from x (local)\r\n"
		    "\tby y with UTF8LMTP\r\n"
		    "\tid z;\r\n"
		    "\tThu, 1 Jan 1970 00:00:00 +0000\r\n" },
		{ { .hello = { "x", 1 }, .by = { "y", 1 }, .id = { "z", 1 } },
		    "Return-Path: <>\r\n"
		    "Received: from x (local)\r\n"
		    "\tby y with SMTP\r\n"
		    "\tid z;\r\n"
		    "\tThu, 1 Jan 1970 00:00:00 +0000\r\n" },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct buf b;

		buf_init(&b, a, SMTP_TRACE_BYTES);
		smtp_trace_write(&b, &rows[i].tr);
		test_row_str(i, buf_str(&b), str_c(rows[i].text));
	}
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_data_nul),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
