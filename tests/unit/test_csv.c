#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "server/ctl/csv.h"

/* Fields are shown with | between, records with / between, the end as a sign.
 */
static const struct {
	const char *in, *out;
} csv_cases[] = {
	{ "", "." },
	{ "a", "a." },
	{ "a,b\n", "a|b." },
	{ "a,b\r\nc,d\r\n", "a|b/c|d." },
	{ "a,,b", "a||b." },
	{ "a,", "a|." },
	{ ",\n", "|." },
	{ "\xef\xbb\xbf"
	  "a",
	    "a." },
	{ "# note, \"x\na,b\n\n\r\n#\nc\n", "a|b/c." },
	{ "\"a,b\",c", "a,b|c." },
	{ "\"a\"\"b\"", "a\"b." },
	{ "\"a\nb\",c\nd", "a\nb|c/d." },
	{ "\"\",x", "|x." },
	{ "\"a\"b", "?" },
	{ "\"a", "?" },
	{ "a\"b", "?" },
	{ "a\rb", "a\rb." },
	{ "1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3",
	    "!" },
};

static void
test_csv_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(csv_cases); i++) {
		struct arena *a = arena_new(0);
		struct csv c;
		struct buf b;
		struct str f[CSV_FIELDS_MAX];
		unsigned n, records = 0;
		enum csv_result r;

		buf_init(&b, a, 1000);
		csv_init(&c, str_c(csv_cases[i].in));
		while ((r = csv_next(&c, a, f, &n)) == CSV_RECORD) {
			buf_c(&b, records++ ? "/" : "");
			for (unsigned k = 0; k < n; k++) {
				buf_c(&b, k ? "|" : "");
				buf_str_add(&b, f[k]);
			}
		}
		buf_char(&b, r == CSV_END	  ? '.'
			     : r == CSV_BAD_QUOTE ? '?'
						  : '!');
		if (!str_eq_c(buf_str(&b), csv_cases[i].out))
			fail_msg("case %zu: %s", i, buf_cstr(&b));
		arena_free(&a);
	}
}

static void
test_csv_line_numbers(void **state)
{
	struct arena *a = arena_new(0);
	struct str f[CSV_FIELDS_MAX];
	struct csv c;
	unsigned n;

	(void)state;
	csv_init(&c, STR("# one\na\n\"b\nb\"\n\nc\n"));
	for (unsigned i = 0; i < 3; i++) {
		static const unsigned want[] = { 2, 3, 6 };
		assert_int_equal(csv_next(&c, a, f, &n), CSV_RECORD);
		assert_int_equal(c.line, want[i]);
	}
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv_table),
		cmocka_unit_test(test_csv_line_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
