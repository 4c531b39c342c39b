/* fuzz_pop3.c - a command line; a message on its way out, in pieces */
#include "base/err.h"
#include "server/pop3/pop3_parse.h"
#include "server/pop3/pop3_stuff.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void
fuzz_stuff(struct arena *a, struct str in, uint64_t lines, size_t piece,
    struct buf *out)
{
	struct pop3_stuff s;

	buf_init(out, a, 2 * in.n + 5);
	pop3_stuff_init(&s, lines);
	while (in.n > 0) {
		pop3_stuff_add(&s, str_sub(in, 0, piece), out);
		in = str_sub(in, piece, in.n);
	}
	pop3_stuff_end(&s, out);
	invariant(buf_ok(out));
}

/* Exactly one line is a single dot, and it is the last. */
static void
fuzz_ends_once(struct str out)
{
	struct str line;

	invariant(str_ends(out, STR(".\r\n")));
	while (str_split(&out, '\n', &line)) {
		bool dot = str_eq_c(line, ".\r") || str_eq_c(line, ".");
		invariant(!dot || out.n == 0);
		if (out.n == 0)
			break;
		invariant(line.n > 0 && line.p[line.n - 1] == '\r');
	}
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	struct buf whole, pieces;
	struct pop3_input in;

	if (n > 1) {
		struct str text = str_of(data + 2, n - 2);
		uint64_t lines = data[1] & 128 ? UINT64_MAX : data[1];

		if (pop3_parse(text, &in) == NULL)
			invariant(in.verb < POP3_VERBS &&
				  in.text.n + in.token.n <= text.n);
		fuzz_stuff(a, text, lines, text.n + 1, &whole);
		fuzz_stuff(a, text, lines, data[0] % 8 + 1, &pieces);
		invariant(str_eq(buf_str(&whole), buf_str(&pieces)));
		fuzz_ends_once(buf_str(&whole));
	}
	arena_free(&a);
	return 0;
}
