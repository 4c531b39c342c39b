/* test_protocols.c - what every protocol's description must have */
#include "tests/unit/test.h"

#include "server/net/listener.h"

static bool
is_line(const char *s)
{
	return s == NULL || str_ends(str_c(s), STR("\r\n"));
}

static void
test_table(void **state)
{
	(void)state;
	for (unsigned i = 0; protocols[i] != NULL; i++) {
		const struct protocol *p = protocols[i];

		/* the name is known, and nobody else's */
		test_row(i, protocol_find(p->name) == p);
		test_row(i, p->open != NULL && p->event != NULL);
		test_row(i, p->close != NULL);
		test_row(i, p->start_timeout_ms > 0);
		test_row(i, is_line(p->busy) && is_line(p->denied));
	}
	assert_null(protocol_find("nntp"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
