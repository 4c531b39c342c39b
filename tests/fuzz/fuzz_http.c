/* fuzz_http.c - heads of requests and chunked bodies, in pieces */
#include "base/err.h"
#include "server/http/http_parse.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void
fuzz_head(struct arena *a, struct str in)
{
	struct http_request rq;
	size_t head, skip, head2, skip2;
	unsigned status = http_head_find(in, &head, &skip);

	if (status != 0 || head == 0)
		return;
	invariant(skip + head <= in.n);
	/* What follows changes nothing. */
	invariant(
	    http_head_find(str_sub(in, 0, skip + head), &head2, &skip2) == 0 &&
	    head2 == head && skip2 == skip);
	if (http_head_parse(a, str_sub(in, skip, head), &rq) != 0)
		return;
	invariant(rq.headers_n <= HTTP_HEADERS_MAX);
	invariant(rq.target.n <= HTTP_TARGET_MAX && rq.path.n > 0);
	invariant(!rq.chunked || rq.content_length == 0);
	for (unsigned i = 0; i < rq.headers_n; i++)
		invariant(rq.headers[i].name.n > 0 &&
			  str_chr(rq.headers[i].value, '\n') < 0);
	(void)http_query(a, &rq, "a");
}

/* However it is cut, the outcome is the same. */
static unsigned
fuzz_chunks(struct arena *a, struct str in, size_t piece, struct buf *out)
{
	struct http_chunked c = { .at = HTTP_CHUNK_SIZE };
	size_t have = 0, from = 0, used;
	unsigned status = 0;

	buf_init(out, a, 4096);
	while (status == 0 && c.at != HTTP_CHUNK_DONE && have < in.n) {
		have = in.n - have < piece ? in.n : have + piece;
		status = http_chunked_take(&c, str_sub(in, from, have - from),
		    &used, out);
		invariant(used <= have - from);
		from += used;
	}
	return status != 0 ? status : c.at == HTTP_CHUNK_DONE;
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	struct buf whole, pieces;

	if (n > 0) {
		struct str in = str_of(data + 1, n - 1);
		fuzz_head(a, in);
		unsigned one = fuzz_chunks(a, in, in.n + 1, &whole);
		unsigned two = fuzz_chunks(a, in, data[0] % 16 + 1, &pieces);
		/* An overlong line may be seen sooner or later as such. */
		invariant(one == two);
		if (one == 1)
			invariant(str_eq(buf_str(&whole), buf_str(&pieces)));
	}
	arena_free(&a);
	return 0;
}
