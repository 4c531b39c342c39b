/* fuzz_remote.c - what a host answers, and a message on its way to it */
#include "base/err.h"
#include "server/queue/remote_parse.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void
printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		invariant(s.p[i] >= ' ' && s.p[i] <= '~');
}

static void
replies(struct arena *a, struct str in)
{
	struct remote_ext x = { .size = false };
	struct remote_reader r;
	enum remote_step step = REMOTE_DONE;
	struct str line, text;

	while (str_split(&in, '\n', &line)) {
		if (step != REMOTE_MORE)
			remote_reader_init(&r, a);
		step = remote_reader_line(&r, line, &text);
		if (step == REMOTE_MALFORMED)
			continue;
		remote_ext_line(&x, text);
		invariant(r.reply.code >= 200 && r.reply.code <= 599);
		invariant(r.reply.text.n <= REMOTE_TEXT_MAX);
		printable(r.reply.text);
		printable(str_c(r.reply.enhanced));
	}
	remote_ext_line(&x, in);
}

/* Every CR stands before an LF, and the only lone dot is the last line. */
static void
one_end(struct str out)
{
	struct str line;

	for (size_t i = 0; i < out.n; i++) {
		invariant(out.p[i] != '\n' || (i > 0 && out.p[i - 1] == '\r'));
		invariant(out.p[i] != '\r' ||
			  (i + 1 < out.n && out.p[i + 1] == '\n'));
	}
	while (str_split(&out, '\n', &line) && out.n > 0)
		invariant(!str_eq_c(line, ".\r"));
	invariant(str_eq_c(line, ".\r"));
}

static void
message(struct arena *a, struct str in, size_t step)
{
	struct remote_stuff s = { .begun = false };
	struct buf out;

	buf_init(&out, a, REMOTE_STUFF_OUT(in.n) + 8);
	for (size_t at = 0; at < in.n; at += step)
		remote_stuff_add(&s, str_sub(in, at, step), &out);
	remote_stuff_end(&s, &out);
	invariant(buf_ok(&out));
	one_end(buf_str(&out));
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct str in = str_of(data, n);
	struct arena *a;
	struct buf b;

	if (n > 65536)
		return 0;
	a = arena_new(0);
	replies(a, in);
	message(a, in, 1 + n % 7);
	message(a, in, n + 1);
	buf_init(&b, a, 3 * n + 1);
	remote_xtext(&b, in);
	invariant(buf_ok(&b));
	printable(buf_str(&b));
	(void)remote_is_path(in);
	arena_free(&a);
	return 0;
}
