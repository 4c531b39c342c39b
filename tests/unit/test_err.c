/* test_err.c - failures: one kind for every layer */
#include "tests/unit/test.h"

#include <ctype.h>
#include <errno.h>

#include "base/err.h"

static void
test_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ERR_CODES; i++) {
		const char *name = err_name((enum err_code)i);

		test_row(i, strcmp(name, "unnamed") != 0);
		for (const char *p = name; *p != '\0'; p++)
			test_row(i, islower((unsigned char)*p));
		for (unsigned k = 0; k < i; k++)
			test_row(i, strcmp(name, err_name((enum err_code)k)));
	}
	assert_string_equal(err_name(ERR_NOENT), "noent");
	assert_string_equal(err_name(ERR_CODES), "unnamed");
}

static void
test_make(void **state)
{
	struct arena *a = arena_new(0);
	char text[] = "the text";
	struct err *e = err_new(a, ERR_IO, text, NULL), *w;

	(void)state;
	text[0] = 'X';
	assert_string_equal(e->text, "the text");
	assert_null(e->detail);
	assert_true(err_is(e, ERR_IO));
	assert_false(err_is(e, ERR_NOENT));
	assert_false(err_is(NULL, ERR_NONE));
	assert_int_equal(err_code(e), ERR_IO);
	assert_int_equal(err_code(NULL), ERR_NONE);
	e = err_new(a, ERR_IO, "100%s", "%d of %s", 7, "x");
	assert_string_equal(e->text, "100%s");
	assert_string_equal(e->detail, "7 of x");
	w = err_wrap(a, e, "account %s", "a%b");
	assert_int_equal(w->code, ERR_IO);
	assert_string_equal(w->text, "account a%b: 100%s");
	assert_string_equal(w->detail, "7 of x");
	assert_null(err_wrap(a, NULL, "nothing"));
	e = err_newf(a, ERR_LIMIT, "%d bytes", 5);
	assert_string_equal(e->text, "5 bytes");
	arena_free(&a);
}

static void
test_errno(void **state)
{
	static const struct {
		int errnum;
		enum err_code code;
	} rows[] = {
		{ ENOENT, ERR_NOENT },
		{ EEXIST, ERR_EXIST },
		{ ESTALE, ERR_STALE },
		{ EDQUOT, ERR_DQUOT },
		{ EMLINK, ERR_MLINK },
		{ EACCES, ERR_ACCESS },
		{ EPERM, ERR_ACCESS },
		{ EIO, ERR_IO },
		{ EINVAL, ERR_SYSTEM },
		{ 0, ERR_SYSTEM },
		{ 99999, ERR_SYSTEM },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct err *e = err_errno(a, rows[i].errnum, "row %zu", i);

		test_row(i, e->code == rows[i].code);
		test_row(i, err_code_of_errno(rows[i].errnum) == e->code);
		test_row(i, e->detail != NULL && e->detail[0] != '\0');
	}
	assert_string_equal(err_errno(a, ENOENT, "%s", "x")->detail,
	    "No such file or directory");
	arena_free(&a);
}

static void
die_panic(void *arg)
{
	panic("the end of %s", (char *)arg);
}

static void
die_invariant(void *arg)
{
	invariant(arg == NULL);
}

static void
test_panic(void **state)
{
	(void)state;
	test_aborts(die_panic, "it", "the end of it\n");
	test_aborts(die_invariant, "x", "broken: arg == NULL\n");
	test_aborts(die_invariant, "x", "test_err.c:");
	invariant(state != NULL || state == NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_errno),
		cmocka_unit_test(test_panic),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
