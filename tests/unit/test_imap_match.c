/* test_imap_match.c - patterns of LIST and LSUB */
#include "tests/unit/test.h"

#include "server/imap/imap_private.h"

static bool
match(struct str pattern, struct str name)
{
	uint64_t steps = 100000000;
	bool m = imap_match(pattern, name, &steps);

	assert_true(steps > 0);
	return m;
}

static void
test_rows(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool match;
	} rows[] = {
		{ "", "", true },
		{ "", "a", false },
		{ "a", "a", true },
		{ "a", "A", false },
		{ "a", "ab", false },
		{ "*", "", true },
		{ "*", "a/b/c", true },
		{ "%", "", true },
		{ "%", "a", true },
		{ "%", "a/b", false },
		{ "a/%", "a/b", true },
		{ "a/%", "a/b/c", false },
		{ "a/%", "a", false },
		{ "a%", "a/b", false },
		{ "a*", "a/b", true },
		{ "%/%", "a/b", true },
		{ "%/%", "a/b/c", false },
		{ "*/c", "a/b/c", true },
		{ "%/c", "a/b/c", false },
		{ "*%", "a/b", true },
		{ "%*", "a/b", true },
		{ "%a%", "bab", true },
		{ "%a%b", "xaaxb", true },
		{ "%a/%b", "aa/xb", true },
		{ "%a/%b", "a/xa/b", false },
		{ "*a/%b", "a/xa/b", true },
		{ "*a/%b", "a/xa/b/c", false },
		{ "*a%b*c", "a/a1b/2c", true },
		{ "*a%b%", "a/xaxb/c", false },
		{ "*ab", "aab", true },
		{ "*ab", "abab", true },
		{ "%ab", "abab", true },
		{ "a*b*c", "aXbXbXc", true },
		{ "a*b*c", "aXcXb", false },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++)
		test_row(i, match(str_c(rows[i].pattern),
				str_c(rows[i].name)) == rows[i].match);
}

/* As the RFC has it, without any thought for time. */
static bool
plain_match(struct str p, struct str n)
{
	if (p.n == 0)
		return n.n == 0;
	if (p.p[0] != '*' && p.p[0] != '%')
		return n.n > 0 && n.p[0] == p.p[0] &&
		       plain_match(str_sub(p, 1, p.n), str_sub(n, 1, n.n));
	for (size_t i = 0; i <= n.n; i++) {
		if (plain_match(str_sub(p, 1, p.n), str_sub(n, i, n.n)))
			return true;
		if (i < n.n && p.p[0] == '%' && n.p[i] == '/')
			return false;
	}
	return false;
}

/* The short way and the plain one agree on every small case. */
static void
test_all_small(void **state)
{
	static const char letters[] = "a/b%*";
	char p[6], n[7];
	unsigned matched = 0;

	(void)state;
	for (unsigned i = 0; i < 5 * 5 * 5 * 5 * 5; i++) {
		unsigned x = i;

		for (unsigned k = 0; k < 5; k++, x /= 5)
			p[k] = letters[x % 5];
		for (unsigned j = 0; j < 3 * 3 * 3 * 3 * 3 * 3; j++) {
			struct str ps = str_of(p, 1 + i % 5), ns;

			x = j;
			for (unsigned k = 0; k < 6; k++, x /= 3)
				n[k] = letters[x % 3];
			ns = str_of(n, 1 + j % 6);
			if (match(ps, ns) != plain_match(ps, ns))
				fail_msg("\"" STR_FMT "\" and \"" STR_FMT "\"",
				    STR_ARG(ps), STR_ARG(ns));
			matched += match(ps, ns);
		}
	}
	assert_true(matched > 1000);
}

/* What makes careless matchers run for ever. */
static void
test_hostile(void **state)
{
	char p[2001], n[1000];
	uint64_t steps = 1000;

	(void)state;
	memset(n, 'a', sizeof(n));
	for (size_t i = 0; i < sizeof(p); i++)
		p[i] = i % 2 == 0 ? '*' : 'a';
	p[sizeof(p) - 1] = 'b';
	assert_false(match(str_of(p, sizeof(p)), str_of(n, sizeof(n))));
	for (size_t i = 0; i < sizeof(p); i++)
		p[i] = i % 2 == 0 ? '%' : 'a';
	p[0] = '*';
	p[sizeof(p) - 1] = 'b';
	assert_false(match(str_of(p, sizeof(p)), str_of(n, sizeof(n))));
	/* what is paid for, and no more */
	assert_false(
	    imap_match(str_of(p, sizeof(p)), str_of(n, sizeof(n)), &steps));
	assert_true(steps == 0);
	assert_false(imap_match(STR("a"), STR("a"), &steps));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_all_small),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
