#include "base/buf.h"
#include "server/http/http_parse.h"
#include "tests/unit/test.h"

#define L8192(c)                                                               \
	c L1024(c) L1024(c) L1024(c) L1024(c) L1024(c) L1024(c) L1024(c)       \
	    L1024(c)
#define L1024(c) L256(c) L256(c) L256(c) L256(c)
#define L256(c) L64(c) L64(c) L64(c) L64(c)
#define L64(c) L16(c) L16(c) L16(c) L16(c)
#define L16(c) c c c c c c c c c c c c c c c c

/* What is made of a head: method, path, query, authority, then k keep-alive,
 * c chunked, e expects, and the length; or the status. */
static struct str
http_shown(struct arena *a, struct str in)
{
	struct http_request rq;
	size_t n, skip;
	struct buf b;
	unsigned status = http_head_find(in, &n, &skip);

	buf_init(&b, a, 20000);
	if (status == 0 && n == 0) {
		buf_c(&b, "more");
		return buf_str(&b);
	}
	if (status == 0)
		status = http_head_parse(a, str_sub(in, skip, n), &rq);
	if (status != 0) {
		buf_u64(&b, status);
		return buf_str(&b);
	}
	buf_str_add(&b, rq.method);
	buf_char(&b, '|');
	buf_str_add(&b, rq.path);
	buf_char(&b, '|');
	buf_str_add(&b, rq.query);
	buf_char(&b, '|');
	buf_str_add(&b, rq.authority);
	buf_fmt(&b, "|%s%s%s%llu", rq.keep_alive ? "k" : "",
	    rq.chunked ? "c" : "", rq.expect_continue ? "e" : "",
	    (unsigned long long)rq.content_length);
	return buf_str(&b);
}

#define H "Host: h\r\n"
static const struct {
	const char *in, *out;
} http_cases[] = {
	{ "", "more" },
	{ "GET / HTTP/1.1\r\n", "more" },
	{ "GET / HTTP/1.1\r\n" H "\r", "more" },
	{ "GET / HTTP/1.1\r\n" H "\r\n", "GET|/||h|k0" },
	{ "\r\nGET / HTTP/1.1\r\n" H "\r\n", "GET|/||h|k0" },
	{ "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "400" },
	{ "GET /a%20b?x=1&y HTTP/1.1\r\n" H "\r\n", "GET|/a b|x=1&y|h|k0" },
	{ "GET / HTTP/1.0\r\n\r\n", "GET|/|||0" },
	{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET|/|||k0" },
	{ "GET / HTTP/1.1\r\n" H "Connection: foo, CLOSE\r\n\r\n",
	    "GET|/||h|0" },
	{ "GET http://x.org:80/p?q HTTP/1.1\r\n" H "\r\n",
	    "GET|/p|q|x.org|k0" },
	{ "GET http://x.org HTTP/1.1\r\n" H "\r\n", "GET|/||x.org|k0" },
	{ "GET http://u@x.org/ HTTP/1.1\r\n" H "\r\n", "400" },
	{ "OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS|*||h|k0" },
	{ "GET * HTTP/1.1\r\n" H "\r\n", "400" },
	{ "PUT / HTTP/1.1\r\n" H "Content-Length: 12\r\n\r\n", "PUT|/||h|k12" },
	{ "PUT / HTTP/1.1\r\n" H "transfer-encoding: Chunked\r\n\r\n",
	    "PUT|/||h|kc0" },
	{ "PUT / HTTP/1.1\r\n" H "Content-Length:3\r\nExpect: 100-continue\r\n"
	  "\r\n",
	    "PUT|/||h|ke3" },
	{ "PUT / HTTP/1.1\r\n" H "Expect: more\r\n\r\n", "417" },
	/* an empty value, then another header */
	{ "GET / HTTP/1.1\r\nA:\r\nHost: h\r\nB: \r\n\r\n", "GET|/||h|k0" },
	/* B59 */
	{ "PUT / HTTP/1.1\r\n" H
	  "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
	    "400" },
	{ "PUT / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n"
	  "\r\n",
	    "400" },
	{ "PUT / HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\n", "400" },
	{ "PUT / HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\n", "400" },
	{ "PUT / HTTP/1.1\r\n" H "Content-Length: -3\r\n\r\n", "400" },
	{ "PUT / HTTP/1.1\r\n" H "Content-Length: 0x3\r\n\r\n", "400" },
	{ "PUT / HTTP/1.1\r\n" H "Content-Length: 18446744073709551616\r\n\r\n",
	    "400" },
	{ "PUT / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", "400" },
	{ "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n",
	    "501" },
	{ "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n"
	  "Transfer-Encoding: chunked\r\n\r\n",
	    "400" },
	{ "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400" },
	{ "GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", "400" },
	{ "GET / HTTP/1.1\r\n" H "A: b\r\n\tc\r\n\r\n", "400" },
	{ "GET / HTTP/1.1\r\n A: b\r\n" H "\r\n", "400" },
	{ "GET / HTTP/1.1\n" H "\r\n", "400" },
	{ "GET / HTTP/1.1\r\n" H "A: b\nC: d\r\n\r\n", "400" },
	{ "GET / HTTP/1.1\r\n" H "A: b\rC: d\r\n\r\n", "400" },
	{ "GET / HTTP/1.1\r\n" H "A : b\r\n\r\n", "400" },
	{ "GET / HTTP/1.1\r\n" H "A b: c\r\n\r\n", "400" },
	{ "GET / HTTP/1.1\r\n" H ": c\r\n\r\n", "400" },
	{ "GET / HTTP/1.1\r\n" H "nothing\r\n\r\n", "400" },
	{ "GET / HTTP/1.1\r\n" H "A: \x01\r\n\r\n", "400" },
	{ "GET / HTTP/1.1\r\n\r\n", "400" },
	{ "GET / HTTP/1.1\r\n" H H "\r\n", "400" },
	{ "GET  / HTTP/1.1\r\n" H "\r\n", "400" },
	{ " GET / HTTP/1.1\r\n" H "\r\n", "400" },
	{ "GET /a b HTTP/1.1\r\n" H "\r\n", "400" },
	{ "GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", "400" },
	{ "GET /%00 HTTP/1.1\r\n" H "\r\n", "400" },
	{ "GET /%0d%0a HTTP/1.1\r\n" H "\r\n", "400" },
	{ "GET /%zz HTTP/1.1\r\n" H "\r\n", "400" },
	{ "GET /% HTTP/1.1\r\n" H "\r\n", "400" },
	{ "GET /#a HTTP/1.1\r\n" H "\r\n", "400" },
	{ "GET / HTTP/2.0\r\n" H "\r\n", "505" },
	{ "GET / HTTP/1.10\r\n" H "\r\n", "505" },
	{ "GET / FTP/1.1\r\n" H "\r\n", "400" },
	{ "GET /\r\n\r\n", "400" },
	{ "BREW / HTTP/1.1\r\n" H "\r\n", "501" },
	{ "G(T / HTTP/1.1\r\n" H "\r\n", "400" },
	{ "\x16\x03\x01\x02", "more" },
	/* B60 */
	{ "GET /" L8192("a") " HTTP/1.1\r\n" H "\r\n", "414" },
	{ "GET /" L8192("a") L64("a"), "414" },
	{ "GET / HTTP/1.1\r\nA: " L8192("a") L8192("a"), "431" },
	{ "GET / HTTP/1.1\r\n" H L64("A: b\r\n") L16("A: b\r\n")
		L16("A: b\r\n") "A: b\r\nA: b\r\nA: b\r\n\r\n",
	    "GET|/||h|k0" },
	{ "GET / HTTP/1.1\r\n" H L64("A: b\r\n") L16("A: b\r\n")
		L16("A: b\r\n") "A: b\r\nA: b\r\nA: b\r\nA: b\r\n\r\n",
	    "431" },
};

static void
test_http_heads(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(http_cases); i++) {
		struct arena *a = arena_new(0);
		test_row_str(i, http_shown(a, str_c(http_cases[i].in)),
		    str_c(http_cases[i].out));
		arena_free(&a);
	}
}

static void
test_http_head_nul(void **state)
{
	static const char in[] = "GET / HTTP/1.1\r\n" H "A: b\0c\r\n\r\n";
	struct arena *a = arena_new(0);

	(void)state;
	assert_true(str_eq_c(http_shown(a, str_of(in, sizeof(in) - 1)), "400"));
	arena_free(&a);
}

static const struct {
	const char *in, *out; /* data and what is left over; or the status */
} chunk_cases[] = {
	{ "3\r\nabc\r\n0\r\n\r\nnext", "abc|next" },
	{ "1\r\na\r\n2;x=\"y\"\r\nbc\r\n000\r\n\r\n", "abc|" },
	{ "A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", "0123456789|" },
	{ "3\r\nabc\r\n0\r\n", "more" },
	{ "3\r\nab", "more" },
	{ "3\nabc\r\n0\r\n\r\n", "400" },
	{ "3\rXabc\r\n0\r\n\r\n", "400" },
	{ "3\r\nabcX\r\n0\r\n\r\n", "400" },
	{ "3\r\nabc\n0\r\n\r\n", "400" },
	{ "\r\nabc", "400" },
	{ "-3\r\nabc", "400" },
	{ "0x3\r\nabc", "400" },
	{ "3 3\r\nabc", "400" },
	{ "ffffffffffffffff\r\n", "400" },
	{ "fffffffffffffff\r\n", "413" },
	{ "11\r\n", "413" },
	{ "10\r\n0123456789abcdef\r\n1\r\n", "413" },
	{ "1" L256(" "), "400" },
};

static struct str
http_chunks_shown(struct arena *a, struct str in, size_t piece)
{
	struct http_chunked c = { .at = HTTP_CHUNK_SIZE };
	size_t have = 0, from = 0, used;
	unsigned status = 0;
	struct buf data;

	buf_init(&data, a, 16);
	while (status == 0 && c.at != HTTP_CHUNK_DONE) {
		if (have == in.n)
			return STR("more");
		have = in.n - have < piece ? in.n : have + piece;
		status = http_chunked_take(&c, str_sub(in, from, have - from),
		    &used, &data);
		from += used;
	}
	return status != 0 ? str_c(arena_printf(a, "%u", status))
			   : str_c(arena_printf(a, STR_FMT "|" STR_FMT,
				 STR_ARG(buf_str(&data)),
				 STR_ARG(str_sub(in, from, in.n))));
}

static void
test_http_chunks(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(chunk_cases); i++) {
		struct arena *a = arena_new(0);
		struct str in = str_c(chunk_cases[i].in);
		struct str want = str_c(chunk_cases[i].out);

		for (size_t piece = 1; piece < 7; piece++)
			test_row_str(i, http_chunks_shown(a, in, piece), want);
		test_row_str(i, http_chunks_shown(a, in, in.n + 1), want);
		arena_free(&a);
	}
}

static void
test_http_query(void **state)
{
	struct http_request rq = { .query = STR("a=1&b=x+y%21&c&d=%zz&a=2") };
	struct arena *a = arena_new(0);

	(void)state;
	assert_true(str_eq_c(http_query(a, &rq, "a"), "1"));
	assert_true(str_eq_c(http_query(a, &rq, "b"), "x y!"));
	assert_true(http_query(a, &rq, "c").p != NULL);
	assert_true(http_query(a, &rq, "d").p == NULL);
	assert_true(http_query(a, &rq, "e").p == NULL);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_heads),
		cmocka_unit_test(test_http_head_nul),
		cmocka_unit_test(test_http_chunks),
		cmocka_unit_test(test_http_query),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
