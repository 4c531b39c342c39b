/* fuzz_headers.c - any beginning of a message as a header */
#include "base/buf.h"
#include "base/err.h"
#include "server/smtp/headers.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

/* Nothing is lost, nothing is added but what is said. */
static void
kept(struct str in, const struct headers *h)
{
	const struct str mbox = STR("X-Mailbox-Line: ");
	struct buf b;
	struct str out;

	buf_init(&b, h->arena, in.n + 64);
	for (unsigned i = 0; i < h->n; i++)
		buf_str_add(&b, h->fields[i].text);
	buf_str_add(&b, h->rest);
	out = buf_str(&b);
	if (str_starts(out, mbox) && !str_starts(in, mbox))
		out = str_sub(out, mbox.n, out.n);
	invariant(buf_ok(&b) && str_eq(out, in));
	invariant(h->between.n == 0 || h->n == 0);
}

static void
end(struct str in)
{
	ptrdiff_t whole = headers_end(in, 0), end = -1;
	size_t step = 1 + in.n % 5;

	for (size_t at = 0; at < in.n && end < 0; at += step)
		end = headers_end(str_sub(in, 0, at + step), at);
	invariant(whole == end);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct str in = str_of(data, n);
	struct arena *a = arena_new(0);
	struct headers h;

	headers_parse(a, in, &h);
	kept(in, &h);
	if (n <= 4096)
		end(in);
	for (unsigned i = headers_find(&h, "Received", 0); i < h.n;
	     i = headers_find(&h, "Received", i + 1)) {
		struct str v = headers_value(a, &h.fields[i], 100);

		invariant(v.n <= 100 && str_chr(v, '\n') < 0);
		headers_remove(&h, i);
	}
	headers_append(&h, STR("Received: x\r\n"));
	headers_prepend(&h, STR("Received: x\r\n"));
	invariant(headers_find(&h, "received", 0) == 0);
	invariant(headers_find(&h, "received", 1) == h.n - 1);
	arena_free(&a);
	return 0;
}
