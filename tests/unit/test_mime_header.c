/* test_mime_header.c - header fields: find, iterate, unfold */
#include "mime_rig.h"
#include "mime/fields.h"
#include "mime/header.h"

/* Fields as name=value, blanks between; how long the header is. */
static const struct {
	const char *in, *fields;
	size_t bytes;
} header_tests[] = {
	{ "", "", 0 },
	{ "\r\n", "", 2 },
	{ "\n", "", 1 },
	{ "A: 1\r\nB: 2\r\n\r\nC: 3\r\n", "A= 1 B= 2 ", 14 },
	{ "A: 1\nB: 2\n\nC: 3\n", "A= 1 B= 2 ", 11 },
	{ "A: 1\r\n 2\r\n\t3\r\nB:\r\n\r\n", "A= 1\r\n 2\r\n\t3 B= ", 20 },
	/* the line end is missing */
	{ "A: 1", "A= 1 ", 4 },
	{ "A: 1\r", "A= 1 ", 5 },
	/* blanks before the colon */
	{ "A \t: 1\r\n\r\n", "A= 1 ", 10 },
	/* nothing to continue */
	{ " x\r\nA: 1\r\n\r\n", "A= 1 ", 12 },
	/* a line of blanks continues */
	{ "A: 1\r\n \r\nB: 2\r\n", "A= 1\r\n  B= 2 ", 15 },
	/* mbox, only in front */
	{ "From x@y Sat\r\nA: 1\r\n\r\n", "A= 1 ", 22 },
	{ ">From x@y Sat\nA: 1\n\n", "A= 1 ", 20 },
	{ "A: 1\r\nFrom x@y Sat\r\nB: 2\r\n", "A= 1 ", 6 },
	{ "From : x\r\n\r\n", "From= x ", 12 },
	/* the blank line is missing */
	{ "A: 1\r\nthis is text\r\n", "A= 1 ", 6 },
	{ "A: 1\r\nthis: is: text\r\n", "A= 1 this= is: text ", 22 },
	{ "A: 1\r\nth is: text\r\n", "A= 1 ", 6 },
	{ "A: 1\r\nna\xc3\xafve: text\r\n", "A= 1 ", 6 },
	{ "no colon", "", 0 },
	/* no name */
	{ ": 1\r\nB: 2\r\n\r\n", "= 1 B= 2 ", 13 },
	/* CR that ends no line */
	{ "A: 1\r2\r\n\r\n", "A= 1\r2 ", 10 },
	{ "A: 1\r\n\r\r\nB: 2\r\n", "A= 1 ", 6 },
};

static void
test_iterate(void **state)
{
	struct mime_field f;
	struct buf out;
	size_t i;

	(void)state;
	for (i = 0; i < countof(header_tests); i++) {
		struct str in = rig_exact(str_c(header_tests[i].in));
		struct mime_header h = mime_header_of(in);

		buf_init(&out, arena, 4096);
		while (mime_header_next(&h, &f)) {
			buf_str_add(&out, f.name);
			buf_char(&out, '=');
			buf_str_add(&out, f.value);
			buf_char(&out, ' ');
		}
		assert_false(mime_header_next(&h, &f));
		rig_same(i, buf_str(&out), str_c(header_tests[i].fields));
		if (mime_header_bytes(in) != header_tests[i].bytes)
			fail_msg("%zu: %zu bytes", i, mime_header_bytes(in));
		rig_free(in);
	}
}

/* Where a line is cut makes no difference to what it is. */
static void
test_line_step(void **state)
{
	size_t i, at;

	(void)state;
	for (i = 0; i < countof(header_tests); i++) {
		struct str in = str_c(header_tests[i].in);
		enum mime_line whole = mime_line_step(MIME_LINE_START, in);

		for (at = 0; at <= in.n; at++) {
			enum mime_line cut =
			    mime_line_step(MIME_LINE_START, str_sub(in, 0, at));

			cut = mime_line_step(cut, str_sub(in, at, in.n));
			if (cut != whole)
				fail_msg("%zu cut at %zu", i, at);
		}
	}
}

static void
test_find(void **state)
{
	struct str in = STR("A: 1\r\nTo: x\r\nto: y\r\n\r\nZ: 1\r\n");
	struct mime_field f;

	(void)state;
	assert_true(mime_header_find(in, "TO", &f));
	rig_same(0, f.value, STR(" x"));
	rig_same(0, f.whole, STR("To: x\r\n"));
	assert_false(mime_header_find(in, "z", &f));
}

static void
test_unfold(void **state)
{
	static const struct {
		struct str in;
		const char *out;
	} t[] = {
		{ { "", 0 }, "" },
		{ { NULL, 0 }, "" },
		{ { " \t ", 3 }, "" },
		{ { " a b ", 5 }, "a b" },
		{ { " a\r\n b", 6 }, "a b" },
		{ { "a\n\tb\n", 5 }, "a\tb" },
		{ { "a\r\n \r\n b", 8 }, "a  b" },
		{ { "\r\n a", 4 }, "a" },
		{ { "a\rb\0c", 5 }, "a b c" },
		{ { "a\r", 2 }, "a" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < countof(t); i++) {
		struct str out = mime_header_unfold(arena, t[i].in);

		rig_same(i, out, str_c(t[i].out));
		assert_non_null(out.p);
	}
}

static void
test_fields(void **state)
{
	(void)state;
	assert_int_equal(mime_field_use(STR("SUBJECT"), 0),
	    MIME_FIELD_ENVELOPE);
	assert_int_equal(mime_field_use(STR("References"), 1),
	    MIME_FIELD_COMMON);
	assert_int_equal(mime_field_use(STR("Received"), 0), MIME_FIELD_OTHER);
	assert_int_equal(mime_field_use(STR("subj"), 0), MIME_FIELD_OTHER);
	assert_int_equal(mime_field_use(STR(""), 0), MIME_FIELD_OTHER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iterate),
		cmocka_unit_test(test_line_step),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_unfold),
		cmocka_unit_test(test_fields),
	};

	return RIG_RUN(tests);
}
