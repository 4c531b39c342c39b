#include "base/buf.h"
#include "server/pop3/pop3_parse.h"
#include "server/pop3/pop3_stuff.h"
#include "tests/unit/test.h"

/* verb number lines text token; "-" what was not given; "!" refused. */
static struct str
pop3_shown(struct arena *a, struct str line)
{
	struct pop3_input in;
	struct buf b;

	buf_init(&b, a, 1000);
	if (pop3_parse(line, &in) != NULL) {
		buf_char(&b, '!');
		return buf_str(&b);
	}
	buf_fmt(&b, "%s ", pop3_verb_name(in.verb));
	if (in.has_number)
		buf_u64(&b, in.number);
	buf_char(&b, ' ');
	buf_u64(&b, in.lines);
	buf_fmt(&b, " [" STR_FMT "] ", STR_ARG(in.text));
	buf_fmt(&b, in.token.p != NULL ? "[" STR_FMT "]" : "-",
	    STR_ARG(in.token));
	return buf_str(&b);
}

static const struct {
	const char *in, *out;
} pop3_cases[] = {
	{ "QUIT", "QUIT  0 [] -" },
	{ "quit", "QUIT  0 [] -" },
	{ "QuIt ", "QUIT  0 [] -" },
	{ "QUIT now", "!" },
	{ "", "!" },
	{ " QUIT", "!" },
	{ "QUITE", "!" },
	{ "USER a@b", "USER  0 [a@b] -" },
	{ "USER", "!" },
	{ "USER ", "!" },
	{ "PASS  two  blanks ", "PASS  0 [ two  blanks ] -" },
	{ "PASS \xc3\xa4", "PASS  0 [\xc3\xa4] -" },
	{ "RETR 1", "RETR 1 0 [] -" },
	{ "RETR 1 ", "RETR 1 0 [] -" },
	{ "RETR  1", "!" },
	{ "RETR", "!" },
	{ "RETR 1 2", "!" },
	/* B50: what is no number, and numbers no message can have */
	{ "RETR -1", "!" },
	{ "RETR +1", "!" },
	{ "RETR 0x1", "!" },
	{ "RETR 0", "RETR 0 0 [] -" },
	{ "DELE 4294967296", "DELE 4294967295 0 [] -" },
	{ "DELE 99999999999999999999999", "DELE 4294967295 0 [] -" },
	{ "LIST", "LIST  0 [] -" },
	{ "LIST 3", "LIST 3 0 [] -" },
	{ "LIST x", "!" },
	{ "UIDL 3 4", "!" },
	{ "TOP 1 0", "TOP 1 0 [] -" },
	{ "TOP 1", "!" },
	{ "TOP 1 -1", "!" },
	{ "TOP 1 2 3", "!" },
	/* B51 */
	{ "TOP 1 99999999999", "TOP 1 99999999999 [] -" },
	{ "TOP 1 99999999999999999999999", "TOP 1 18446744073709551615 [] -" },
	{ "AUTH", "AUTH  0 [] -" },
	{ "AUTH PLAIN", "AUTH  0 [PLAIN] -" },
	{ "AUTH plain =", "AUTH  0 [plain] [=]" },
	{ "AUTH PLAIN AGEAYg==", "AUTH  0 [PLAIN] [AGEAYg==]" },
	{ "AUTH PLAIN a b", "!" },
	{ "APOP a 0123", "APOP  0 [a 0123] -" },
	{ "STLS", "STLS  0 [] -" },
	{ "CAPA", "CAPA  0 [] -" },
	{ "GET / HTTP/1.1", "!" },
};

static void
test_pop3_lines(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(pop3_cases); i++)
		test_row_str(i, pop3_shown(a, str_c(pop3_cases[i].in)),
		    str_c(pop3_cases[i].out));
	assert_true(str_eq_c(pop3_shown(a, str_of("USER a\0b", 8)), "!"));
	arena_free(&a);
}

#define ALL UINT64_MAX
static const struct {
	uint64_t lines;
	const char *in, *out;
} stuff_cases[] = {
	{ ALL, "", ".\r\n" },
	{ ALL, "A: b\r\n\r\nx\r\n", "A: b\r\n\r\nx\r\n.\r\n" },
	{ ALL, "A: b\r\n\r\nx", "A: b\r\n\r\nx\r\n.\r\n" },
	{ ALL, ".\r\n..\r\n.x\r\nx.\r\n", "..\r\n...\r\n..x\r\nx.\r\n.\r\n" },
	{ ALL, "a\r\n.", "a\r\n..\r\n.\r\n" },
	{ ALL, "a\r\r\n\r.\r\n", "a\r\r\n\r.\r\n.\r\n" },
	{ ALL, "a\r", "a\r\r\n.\r\n" },
	{ ALL, "a\n.\nb\n\n.", "a\r\n..\r\nb\r\n\r\n..\r\n.\r\n" },
	{ 0, "A: b\r\nC: d\r\n\r\nx\r\n", "A: b\r\nC: d\r\n\r\n.\r\n" },
	{ 1, "A: b\r\n\r\nx\r\ny\r\n", "A: b\r\n\r\nx\r\n.\r\n" },
	{ 2, "A: b\r\n\r\n\r\n.y\r\nz\r\n", "A: b\r\n\r\n\r\n..y\r\n.\r\n" },
	{ 9, "A: b\r\n\r\nx\r\n", "A: b\r\n\r\nx\r\n.\r\n" },
	{ 1, "\r\nx\r\ny\r\n", "\r\nx\r\n.\r\n" },
	{ 0, "A: b", "A: b\r\n.\r\n" },
	{ 0, "A: b\r\n\r\nx\r", "A: b\r\n\r\n.\r\n" },
};

static struct str
pop3_stuffed(struct arena *a, uint64_t lines, struct str in, size_t piece)
{
	struct pop3_stuff s;
	struct buf out;

	buf_init(&out, a, 2 * in.n + 5);
	pop3_stuff_init(&s, lines);
	while (in.n > 0) {
		pop3_stuff_add(&s, str_sub(in, 0, piece), &out);
		in = str_sub(in, piece, in.n);
	}
	pop3_stuff_end(&s, &out);
	assert_true(buf_ok(&out));
	return buf_str(&out);
}

static void
test_pop3_stuff(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(stuff_cases); i++)
		for (size_t piece = 1; piece < 40; piece++)
			test_row_str(i,
			    pop3_stuffed(a, stuff_cases[i].lines,
				str_c(stuff_cases[i].in), piece),
			    str_c(stuff_cases[i].out));
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pop3_lines),
		cmocka_unit_test(test_pop3_stuff),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
