/* test_mime_boundary.c - the boundaries of the multiparts that are open */
#include "mime_rig.h"
#include "mime/boundary.h"

static const char *const boundaries[] = { "a", "ab", "a--", "b c", "x ",
	"outer", "same", "same" };

/* level 0: no delimiter.  Levels are those of boundaries, from 1. */
static const struct {
	const char *line;
	unsigned level;
	bool last;
} find_tests[] = {
	{ "--a", 1, false },
	{ "--a\r\n", 1, false },
	{ "--a\n", 1, false },
	{ "--a \t \r\n", 1, false },
	/* prefixes of each other */
	{ "--ab", 2, false },
	{ "--ab--", 2, true },
	{ "--abc", 0, false },
	/* the last of "a", or one of "a--": the inner one */
	{ "--a--", 3, false },
	{ "--a----", 3, true },
	{ "--a-- ", 3, false },
	{ "--b c--\r\n", 4, true },
	/* blanks at the end of a boundary mean nothing */
	{ "--x", 5, false },
	{ "--x --", 0, false },
	{ "--x--", 5, true },
	{ "--outer", 6, false },
	{ "--OUTER", 0, false },
	{ "--outer-", 0, false },
	{ "--outer--text", 0, false },
	{ "--same", 8, false },
	{ "--same--", 8, true },
	{ " --a", 0, false },
	{ "-a", 0, false },
	{ "--", 0, false },
	{ "--\r\n", 0, false },
	{ "----", 0, false },
	{ "---a", 0, false },
	{ "", 0, false },
};

static void
test_find(void **state)
{
	struct mime_boundaries b;
	unsigned level;
	bool last;
	size_t i;

	(void)state;
	mime_boundaries_init(&b, arena, 100, 70);
	for (i = 0; i < countof(boundaries); i++)
		assert_true(mime_boundaries_push(&b, str_c(boundaries[i]),
		    (unsigned)i + 1));
	for (i = 0; i < countof(find_tests); i++) {
		struct str line = rig_exact(str_c(find_tests[i].line));

		level = 0;
		last = false;
		if (!mime_boundaries_find(&b, line, &level, &last))
			assert_int_equal(level, 0);
		if (level != find_tests[i].level || last != find_tests[i].last)
			fail_msg("%zu: level %u last %d", i, level, last);
		rig_free(line);
	}
	mime_boundaries_cut(&b, 8);
	assert_true(mime_boundaries_find(&b, STR("--same"), &level, &last));
	assert_int_equal(level, 7);
	mime_boundaries_cut(&b, 1);
	assert_false(mime_boundaries_find(&b, STR("--a"), &level, &last));
}

static void
test_push(void **state)
{
	struct mime_boundaries b;

	(void)state;
	mime_boundaries_init(&b, arena, 2, 3);
	assert_false(mime_boundaries_push(&b, STR(""), 1));
	assert_false(mime_boundaries_push(&b, STR("   "), 1));
	assert_false(mime_boundaries_push(&b, STR("abcd"), 1));
	assert_true(mime_boundaries_push(&b, STR("abc   "), 1));
	assert_true(mime_boundaries_push(&b, STR("abc"), 2));
	assert_false(mime_boundaries_push(&b, STR("abc"), 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_push),
	};

	return RIG_RUN(tests);
}
