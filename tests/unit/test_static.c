/* test_static.c - the console's files as responses */
#include "tests/unit/test.h"

#include <stdio.h>

#include "server/http/static.h"

static const struct static_file files[] = {
	{ "/", "text/html", "\"i\"", false, STR("index"), STR("zindex") },
	{ "/console/0f/app.js", "text/javascript", "\"a\"", true, STR("app"),
	    STR("zapp") },
	{ "/console/0f/lib/x.js", "text/javascript", "\"x\"", true, STR("x"),
	    STR("zx") },
};
static const char *const roots[] = { "accounts", "domains" };
static const struct static_site site = { files, countof(files), roots,
	countof(roots) };

/* B65: what is not there to the letter is not there. */
static const struct {
	struct str path;
	int file; /* -1: none */
} finds[] = {
	{ STR("/"), 0 },
	{ STR("/console/0f/app.js"), 1 },
	{ STR("/console/0f/lib/x.js"), 2 },
	{ STR("/console/0f/App.js"), -1 },
	{ STR("/console/0f/app.js/"), -1 },
	{ STR("/console/0f/lib/../app.js"), -1 },
	{ STR("/console/0f//app.js"), -1 },
	{ STR("//console/0f/app.js"), -1 },
	{ STR("/console/0f/app.js\0"), -1 },
	{ STR("/console/0f/app"), -1 },
	{ STR("/console/0f/"), -1 },
	{ STR("/console"), -1 },
	{ STR("/../etc/passwd"), -1 },
	{ STR("/favicon.ico"), -1 },
	{ STR(""), -1 },
	{ STR("*"), -1 },
	{ STR("domains"), -1 },
	{ STR("/domains"), 0 },
	{ STR("/domains/"), 0 },
	{ STR("/domains/example.org"), 0 },
	{ STR("/domains/example.org/dns"), 0 },
	{ STR("/accounts/a@example.org"), 0 },
	{ STR("/domains/../accounts"), -1 },
	{ STR("/domains/."), -1 },
	{ STR("/domains//x"), -1 },
	{ STR("/Domains"), -1 },
	{ STR("/domain"), -1 },
};

static void
test_find(void **state)
{
	(void)state;
	for (unsigned i = 0; i < countof(finds); i++) {
		const struct static_file *f = static_find(&site, finds[i].path);
		int got = f == NULL ? -1 : (int)(f - files);

		if (got != finds[i].file)
			fail_msg("%u: %.*s: %d", i, STR_ARG(finds[i].path),
			    got);
	}
}

static void
test_find_without(void **state)
{
	static const struct static_site none = { NULL, 0, NULL, 0 };

	(void)state;
	assert_null(static_find(&none, STR("/")));
	assert_null(static_find(&none, STR("/domains")));
}

static const struct {
	const char *name, *value; /* of one header of the request; NULL: none */
	unsigned status;
	const char *body;
} replies[] = {
	{ NULL, NULL, 200, "app" },
	{ "Accept-Encoding", "gzip", 200, "zapp" },
	{ "accept-encoding", "br, GZIP;q=0.5", 200, "zapp" },
	{ "Accept-Encoding", "br , gzip ; q=0.001", 200, "zapp" },
	{ "Accept-Encoding", "gzip;q=0", 200, "app" },
	{ "Accept-Encoding", "gzip; q=0.000, br", 200, "app" },
	{ "Accept-Encoding", "xgzip, identity", 200, "app" },
	{ "Accept-Encoding", "", 200, "app" },
	{ "If-None-Match", "\"a\"", 304, "" },
	{ "If-None-Match", "W/\"a\"", 304, "" },
	{ "If-None-Match", "\"b\", W/\"a\"", 304, "" },
	{ "If-None-Match", "*", 304, "" },
	{ "If-None-Match", "\"b\"", 200, "app" },
	{ "If-None-Match", "a", 200, "app" },
	{ "If-None-Match", "\"aa\"", 200, "app" },
};

static bool
has(struct http_response *rs, const char *line)
{
	char text[4096];
	struct str h = buf_str(&rs->headers);

	snprintf(text, sizeof(text), "%.*s", STR_ARG(h));
	return strstr(text, line) != NULL;
}

static void
test_reply(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	for (unsigned i = 0; i < countof(replies); i++) {
		struct http_header h = { str_c(replies[i].name),
			str_c(replies[i].value) };
		struct http_request rq = { .headers = &h,
			.headers_n = replies[i].name != NULL };
		struct http_response rs = { .arena = a };

		buf_init(&rs.headers, a, 4096);
		buf_init(&rs.body, a, 4096);
		static_reply(&files[1], &rq, &rs);
		if (rs.status != replies[i].status ||
		    !str_eq_c(buf_str(&rs.body), replies[i].body) ||
		    has(&rs, "Content-Encoding: gzip\r\n") !=
			(replies[i].body[0] == 'z'))
			fail_msg("%u: %u \"%.*s\"", i, rs.status,
			    STR_ARG(buf_str(&rs.body)));
		assert_true(has(&rs, "ETag: W/\"a\"\r\n"));
		assert_true(has(&rs, "immutable\r\n"));
		assert_true(has(&rs, "default-src 'none'; script-src 'self';"));
		assert_true(has(&rs, "frame-ancestors 'none'\r\n"));
		assert_true(has(&rs, "Vary: Accept-Encoding\r\n"));
	}
	arena_free(&a);
}

static void
test_index_is_asked_for(void **state)
{
	struct arena *a = arena_new(0);
	struct http_request rq = { .headers_n = 0 };
	struct http_response rs = { .arena = a };

	(void)state;
	buf_init(&rs.headers, a, 4096);
	buf_init(&rs.body, a, 4096);
	static_reply(&files[0], &rq, &rs);
	assert_true(has(&rs, "Cache-Control: no-cache\r\n"));
	assert_true(has(&rs, "Content-Type: text/html\r\n"));
	arena_free(&a);
}

/* What this program was built with. */
static void
test_console(void **state)
{
	const struct static_site *s = &console_site;
	const struct static_file *index = static_find(s, STR("/"));

	(void)state;
	if (s->files_n == 0)
		skip();
	assert_non_null(index);
	assert_false(index->immutable);
	assert_true(s->roots_n > 0);
	for (unsigned i = 0; i < s->files_n; i++) {
		const struct static_file *f = &s->files[i];

		assert_ptr_equal(static_find(s, str_c(f->path)), f);
		assert_true(f->plain.n > 0 && f->gzip.n > 0);
		assert_memory_equal(f->gzip.p, "\037\213", 2);
		assert_true(f->immutable || str_eq_c(str_c(f->path), "/"));
		assert_true(strlen(f->etag) < 60);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_find_without),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_index_is_asked_for),
		cmocka_unit_test(test_console),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
