/* test_headers.c - the header of a message, field by field */
#include "server/smtp/headers.h"

#include "base/buf.h"
#include "tests/unit/test.h"

static struct arena *a;

/* "[name]text" of each, then what is between and behind. */
static struct str
shown(const struct headers *h)
{
	struct buf b;

	buf_init(&b, a, 4096);
	for (unsigned i = 0; i < h->n; i++)
		if (h->fields[i].text.n > 0)
			buf_fmt(&b, "[" STR_FMT "]" STR_FMT,
			    STR_ARG(h->fields[i].name),
			    STR_ARG(h->fields[i].text));
	buf_fmt(&b, "|" STR_FMT "|" STR_FMT, STR_ARG(h->between),
	    STR_ARG(h->rest));
	return buf_str(&b);
}

static void
test_parse(void **state)
{
	static const struct {
		const char *in, *out, *original, *body;
	} rows[] = {
		{ "A: b\r\nC: d\r\n\r\ntext\r\n",
		    "[A]A: b\r\n[C]C: d\r\n||\r\ntext\r\n", "A: b\r\nC: d\r\n",
		    "text\r\n" },
		{ "A: b\r\n\tc\r\n d\r\nE:f\r\n\r\n",
		    "[A]A: b\r\n\tc\r\n d\r\n[E]E:f\r\n||\r\n",
		    "A: b\r\n\tc\r\n d\r\nE:f\r\n", "" },
		{ "A \t: b\r\n\r\n", "[A]A \t: b\r\n||\r\n", "A \t: b\r\n",
		    "" },
		/* within a header, lines that are no fields stay where they
		 * are */
		{ "A: b\r\nReceived\r\nB: c\r\n\r\n",
		    "[A]A: b\r\n[]Received\r\n[B]B: c\r\n||\r\n",
		    "A: b\r\nReceived\r\nB: c\r\n", "" },
		{ "A: b\r\n: c\r\n\r\n", "[A]A: b\r\n[]: c\r\n||\r\n",
		    "A: b\r\n: c\r\n", "" },
		{ "A: b\nB: c\r\n\r\n", "[A]A: b\nB: c\r\n||\r\n",
		    "A: b\nB: c\r\n", "" },
		/* no end */
		{ "A: b\r\n", "[A]A: b\r\n||", "A: b\r\n", "" },
		{ "A: b\r\nC: d", "[A]A: b\r\n[C]C: d||", "A: b\r\nC: d", "" },
		{ "", "||", "", "" },
		/* no header */
		{ "\r\ntext\r\n", "||\r\ntext\r\n", "", "text\r\n" },
		{ "text\r\n", "|\r\n|text\r\n", "", "text\r\n" },
		{ "text\r\n\r\nmore\r\n", "|\r\n|text\r\n\r\nmore\r\n", "",
		    "text\r\n\r\nmore\r\n" },
		{ " a: b\r\n\r\nmore\r\n", "|\r\n| a: b\r\n\r\nmore\r\n", "",
		    " a: b\r\n\r\nmore\r\n" },
		{ ": x\r\n", "|\r\n|: x\r\n", "", ": x\r\n" },
		{ "x", "|\r\n|x", "", "x" },
		/* mbox */
		{ "From a@b Mon\r\nA: b\r\n\r\nx",
		    "[X-Mailbox-Line]X-Mailbox-Line: From a@b Mon\r\n[A]A: b"
		    "\r\n||\r\nx",
		    "A: b\r\n", "x" },
		{ ">From a\r\n\r\n",
		    "[X-Mailbox-Line]X-Mailbox-Line: >From a\r\n||\r\n", "",
		    "" },
		{ "From: a\r\n\r\n", "[From]From: a\r\n||\r\n", "From: a\r\n",
		    "" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct headers h;

		headers_parse(a, str_c(rows[i].in), &h);
		test_row_str(i, shown(&h), str_c(rows[i].out));
		test_row_str(i, h.original, str_c(rows[i].original));
		test_row_str(i, headers_body(&h), str_c(rows[i].body));
		test_row(i, !h.cut);
	}
}

/* However it comes in. */
static void
test_end(void **state)
{
	static const struct {
		const char *in;
		ptrdiff_t end;
	} rows[] = {
		{ "A: b\r\n\r\n", 6 },
		{ "A: b\r\n\r\nC: d\r\n\r\n", 6 },
		{ "\r\n", 0 },
		{ "\r\n\r\n", 0 },
		{ "A: b\r\n", -1 },
		{ "A: b\r\r\n\n\r\r\n\r", -1 },
		{ "A: b\r\r\n\r\n", 7 },
		{ "A: b\n\nC", -1 },
		{ "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++)
		for (size_t step = 1; step < 12; step++) {
			struct str in = str_c(rows[i].in);
			ptrdiff_t end = -1;

			for (size_t at = 0; at < in.n && end < 0; at += step)
				end =
				    headers_end(str_sub(in, 0, at + step), at);
			test_row(i, end == rows[i].end);
		}
}

static void
test_find(void **state)
{
	static const struct {
		const char *name;
		unsigned from, at;
	} rows[] = {
		{ "Received", 0, 0 },
		{ "RECEIVED", 1, 3 },
		{ "received", 4, 5 },
		{ "Receive", 0, 5 },
		{ "subject", 0, 1 },
		{ "", 0, 5 },
	};
	struct headers h;

	(void)state;
	headers_parse(a,
	    STR("Received: 1\r\nSubject:\r\n  a\r\n\tb \r\nnone\r\n"
		"received : 2\r\nX:\r\n\r\n"),
	    &h);
	assert_int_equal(h.n, 5);
	for (size_t i = 0; i < countof(rows); i++)
		test_row(i,
		    headers_find(&h, rows[i].name, rows[i].from) == rows[i].at);
	test_row_str(0, headers_value(a, &h.fields[0], 10), STR("1"));
	test_row_str(1, headers_value(a, &h.fields[1], 10), STR("a\tb"));
	test_row_str(2, headers_value(a, &h.fields[1], 2), STR("a"));
	test_row_str(3, headers_value(a, &h.fields[3], 10), STR("2"));
	test_row_str(4, headers_value(a, &h.fields[4], 10), STR(""));
	headers_remove(&h, 0);
	assert_int_equal(headers_find(&h, "received", 0), 3);
}

static void
test_change(void **state)
{
	struct headers h;

	(void)state;
	headers_parse(a, STR("A: 1\r\nB: 2\r\n\r\nx"), &h);
	headers_append(&h, STR("C: 3\r\n"));
	headers_prepend(&h, STR("Z: 0\r\n"));
	headers_remove(&h, headers_find(&h, "b", 0));
	test_row_str(0, shown(&h),
	    STR("[Z]Z: 0\r\n[A]A: 1\r\n[C]C: 3\r\n||\r\nx"));
	test_row_str(1, h.original, STR("A: 1\r\nB: 2\r\n"));
	headers_parse(a, STR("A: 1"), &h);
	headers_append(&h, STR("C: 3\r\n"));
	test_row_str(2, shown(&h), STR("[A]A: 1\r\n[C]C: 3\r\n||"));
	/* a message without header gets one */
	headers_parse(a, STR("x\r\n"), &h);
	headers_append(&h, STR("C: 3\r\n"));
	test_row_str(3, shown(&h), STR("[C]C: 3\r\n|\r\n|x\r\n"));
	headers_parse(a, STR(""), &h);
	for (unsigned i = 0; i < 1000; i++)
		headers_prepend(&h, STR("C: 3\r\n"));
	assert_int_equal(h.n, 1000);
	assert_int_equal(headers_find(&h, "c", 999), 999);
}

/* More than is examined passes as it is. */
static void
test_limits(void **state)
{
	static char big[HEADERS_BYTES_MAX];
	struct str all = str_of(big, sizeof(big));
	struct headers h;

	(void)state;
	/* one endless field */
	memset(big, 'x', sizeof(big));
	memcpy(big, "A: b\r\nC: ", 9);
	headers_parse(a, all, &h);
	assert_true(h.cut);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.rest.n, sizeof(big) - 6);
	assert_int_equal(h.original.n, 6);
	/* an endless name is none */
	headers_parse(a, str_sub(all, 9, all.n), &h);
	assert_int_equal(h.n, 0);
	assert_int_equal(h.between.n, 2);
	/* the last field may go on */
	memcpy(big + sizeof(big) - 6, "\r\nD:e\r", 6);
	headers_parse(a, all, &h);
	assert_int_equal(h.n, 2);
	memcpy(big + sizeof(big) - 6, "\r\nD:\r\n", 6);
	headers_parse(a, all, &h);
	assert_true(h.cut);
	assert_int_equal(h.n, 2);
	assert_true(str_eq(h.rest, STR("D:\r\n")));
	/* one byte less, and it is all there */
	headers_parse(a, str_sub(all, 1, all.n), &h);
	assert_false(h.cut);
	/* many small ones */
	for (size_t i = 0; i < sizeof(big); i += 4)
		memcpy(big + i, "a:\r\n", 4);
	headers_parse(a, all, &h);
	assert_true(h.cut);
	assert_int_equal(h.n, HEADERS_FIELDS_MAX);
	assert_int_equal(h.original.n, 4 * HEADERS_FIELDS_MAX);
	assert_int_equal(h.original.n + h.rest.n, sizeof(big));
	memcpy(big + sizeof(big) - 4, "\r\nxx", 4);
	headers_parse(a, all, &h);
	assert_true(h.cut && headers_body(&h).n == h.rest.n);
	assert_true(arena_used(a) < 10 << 20);
}

static int
setup(void **state)
{
	(void)state;
	a = arena_new(0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
