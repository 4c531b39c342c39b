/* test_api.c - the API's core without a server: routes, bodies, tags, pages */
#include "tests/unit/test.h"

#include "server/api/api_private.h"
#include "server/auth/session.h"

#define test_row_int(i, got, want)                                             \
	do {                                                                   \
		long long got_ = (long long)(got), want_ = (long long)(want);  \
		if (got_ != want_)                                             \
			fail_msg("row %zu: got %lld, want %lld", (size_t)(i),  \
			    got_, want_);                                      \
	} while (0)

/* --- a request without a server --- */

struct asked {
	struct arena *a;
	struct api_own own;
	struct http_request rq;
	struct http_header headers[4];
	struct http_response rs;
	struct api_route route;
	struct api x;
};

static void
asked_begin(struct asked *q)
{
	*q = (struct asked){ .a = arena_new(0) };
	q->x = (struct api){ .a = q->a,
		.own = &q->own,
		.rq = &q->rq,
		.rs = &q->rs,
		.route = &q->route };
	q->rs.arena = q->a;
	q->rq.headers = q->headers;
	q->route.id = "testIt";
	q->route.area = AREA_ME;
	buf_init(&q->rs.headers, q->a, 4096);
	buf_init(&q->rs.body, q->a, 1 << 20);
}

static void
asked_header(struct asked *q, const char *name, struct str value)
{
	q->headers[q->rq.headers_n++] =
	    (struct http_header){ str_c(name), value };
}

static void
asked_end(struct asked *q)
{
	struct json *in = (struct json *)(uintptr_t)q->x.in;

	json_free(&in);
	arena_free(&q->a);
}

/* --- routes --- */

static struct err *
nothing(struct task *t, struct api *x)
{
	(void)t, (void)x;
	return NULL;
}

static const struct api_route people[] = {
	{ .method = "GET", .path = "/people", .id = "list", .run = nothing },
	{ .method = "POST", .path = "/people", .id = "add", .run = nothing },
	{ .method = "GET",
	    .path = "/people/{who}",
	    .id = "get",
	    .run = nothing },
	{ .method = "PATCH",
	    .path = "/people/{who}",
	    .id = "set",
	    .run = nothing },
	{ .method = "GET", .path = "/people/all", .id = "all", .run = nothing },
	{ .method = "DELETE",
	    .path = "/people/{who}/keys/{key}",
	    .id = "unkey",
	    .run = nothing },
	{ .method = NULL },
};
static const struct api_route things[] = {
	{ .method = "GET", .path = "/things", .id = "things", .run = nothing },
	{ .method = NULL },
};
static const struct api_route *const tables[] = { people, things, NULL };

static void
test_find(void **state)
{
	static const struct {
		const char *method, *target, *id, *first, *second, *allow;
	} rows[] = {
		{ "GET", "/api/v1/people", "list", NULL, NULL, NULL },
		{ "HEAD", "/api/v1/people", "list", NULL, NULL, NULL },
		{ "GET", "/api/v1/people?x=/a", "list", NULL, NULL, NULL },
		{ "GET", "https://h:1/api/v1/people?a=/", "list", NULL, NULL,
		    NULL },
		{ "GET", "/api/v1/things", "things", NULL, NULL, NULL },
		/* written out before a parameter */
		{ "GET", "/api/v1/people/all", "all", NULL, NULL, NULL },
		{ "PATCH", "/api/v1/people/all", "set", "all", NULL, NULL },
		/* segments are cut before they are decoded */
		{ "GET", "/api/v1/people/a%2fb@x", "get", "a/b@x", NULL, NULL },
		{ "GET", "/api/v1/people/..", "get", "..", NULL, NULL },
		{ "GET", "/api/v1/people/%7Bwho%7D", "get", "{who}", NULL,
		    NULL },
		{ "DELETE", "/api/v1/people/a%20b/keys/%2F", "unkey", "a b",
		    "/", NULL },
		{ "PUT", "/api/v1/people/a", NULL, NULL, NULL, "GET, PATCH" },
		{ "DELETE", "/api/v1/people", NULL, NULL, NULL, "GET, POST" },
		{ "GET", "/api/v1/nobody", NULL, NULL, NULL, "" },
		{ "GET", "/api/v1/people/", NULL, NULL, NULL, NULL },
		{ "GET", "/api/v1/", NULL, NULL, NULL, NULL },
		{ "GET", "/api/v1", NULL, NULL, NULL, NULL },
		{ "GET", "/api/v10/people", NULL, NULL, NULL, NULL },
		{ "GET", "/%61pi/v1/people", NULL, NULL, NULL, NULL },
		{ "GET", "/api/v1//people", NULL, NULL, NULL, NULL },
		{ "GET", "/api/v1/people/a%00b", NULL, NULL, NULL, NULL },
		{ "GET", "/api/v1/people/a%0d%0a", NULL, NULL, NULL, NULL },
		{ "GET", "/api/v1/people/%zz", NULL, NULL, NULL, NULL },
		{ "GET", "/api/v1/a/b/c/d/e/f/g/h/i", NULL, NULL, NULL, NULL },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		struct str params[API_PARAMS_MAX] = { { NULL, 0 } };
		char allow[API_METHODS_TEXT] = "";
		const struct api_route *r = NULL;
		struct api_path p;
		bool is = api_path_parse(a, str_c(rows[i].target), &p);

		test_row(i, is == (rows[i].id != NULL || rows[i].allow));
		if (!is)
			continue;
		r = api_find(tables, str_c(rows[i].method), &p, params, allow);
		test_row(i, (r != NULL) == (rows[i].id != NULL));
		if (r == NULL) {
			test_row_str(i, str_c(allow), str_c(rows[i].allow));
			continue;
		}
		test_row_str(i, str_c(r->id), str_c(rows[i].id));
		test_row_str(i, params[0], str_c(rows[i].first));
		test_row_str(i, params[1], str_c(rows[i].second));
	}
	arena_free(&a);
}

/* --- bodies --- */

static const char *const colours[] = { "red", "green", NULL };
static const struct api_field part_fields[] = {
	{ "n", API_I64, API_REQUIRED, "n", NULL, NULL, 100 },
	{ .name = NULL },
};
static const struct api_schema part = { "Part", part_fields };
static const struct api_field thing_fields[] = {
	{ "name", API_STR, API_REQUIRED, "n", NULL, NULL, 10 },
	{ "note", API_TEXT, API_NULL, "n", NULL, NULL, 0 },
	{ "size", API_U64, 0, "n", NULL, NULL, 1000 },
	{ "on", API_BOOL, 0, "n", NULL, NULL, 0 },
	{ "at", API_TIME, API_NULL, "n", NULL, NULL, 0 },
	{ "colour", API_WORD, 0, "n", NULL, colours, 0 },
	{ "colours", API_WORDS, 0, "n", NULL, colours, 2 },
	{ "list", API_STRS, 0, "n", NULL, NULL, 2 },
	{ "part", API_OBJ, API_NULL, "n", &part, NULL, 0 },
	{ "parts", API_OBJS, 0, "n", &part, NULL, 2 },
	{ "id", API_STR, API_OUT | API_REQUIRED, "n", NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema thing = { "Thing", thing_fields };

static void
test_body(void **state)
{
	static const struct {
		const char *text;
		unsigned status; /* 0: right */
		const char *pointer;
	} rows[] = {
		{ "{\"name\":\"a\"}", 0, NULL },
		{ " {\"name\":\"a\",\"note\":\"x\\r\\n\\ty\",\"size\":1000,"
		  "\"on\":true,\"at\":\"2026-11-30T10:00:00Z\","
		  "\"colour\":\"red\",\"colours\":[\"red\",\"green\"],"
		  "\"list\":[\"\",\"b\"],\"part\":{\"n\":-5},"
		  "\"parts\":[{\"n\":1}]}\n",
		    0, NULL },
		{ "{\"name\":\"a\",\"note\":null,\"part\":null,\"at\":null}", 0,
		    NULL },
		/* missing, unknown, of another type */
		{ "", 422, "/name" },
		{ "{}", 422, "/name" },
		{ "[]", 422, "" },
		{ "{\"name\":\"a\",\"nam\":1}", 422, "/nam" },
		{ "{\"name\":\"a\",\"a/b~c\":1}", 422, "/a~1b~0c" },
		{ "{\"name\":null}", 422, "/name" },
		{ "{\"name\":1}", 422, "/name" },
		{ "{\"name\":\"12345678901\"}", 422, "/name" },
		{ "{\"name\":\"a\\nb\"}", 422, "/name" },
		{ "{\"name\":\"a\\r\\nBcc: x\"}", 422, "/name" },
		{ "{\"name\":\"a\\u007f\"}", 422, "/name" },
		{ "{\"name\":\"a\",\"note\":\"\\u0007\"}", 422, "/note" },
		{ "{\"name\":\"a\",\"size\":-1}", 422, "/size" },
		{ "{\"name\":\"a\",\"size\":1001}", 422, "/size" },
		{ "{\"name\":\"a\",\"size\":1.0}", 422, "/size" },
		{ "{\"name\":\"a\",\"size\":\"1\"}", 422, "/size" },
		{ "{\"name\":\"a\",\"on\":1}", 422, "/on" },
		{ "{\"name\":\"a\",\"on\":null}", 422, "/on" },
		{ "{\"name\":\"a\",\"at\":\"yesterday\"}", 422, "/at" },
		{ "{\"name\":\"a\",\"at\":5}", 422, "/at" },
		{ "{\"name\":\"a\",\"colour\":\"blue\"}", 422, "/colour" },
		{ "{\"name\":\"a\",\"colour\":[\"red\"]}", 422, "/colour" },
		{ "{\"name\":\"a\",\"colours\":[\"red\",\"x\"]}", 422,
		    "/colours/1" },
		{ "{\"name\":\"a\",\"list\":\"b\"}", 422, "/list" },
		{ "{\"name\":\"a\",\"list\":[1]}", 422, "/list/0" },
		{ "{\"name\":\"a\",\"list\":[\"\\n\"]}", 422, "/list/0" },
		{ "{\"name\":\"a\",\"list\":[\"\",\"\",\"\"]}", 422, "/list" },
		{ "{\"name\":\"a\",\"part\":[]}", 422, "/part" },
		{ "{\"name\":\"a\",\"part\":{}}", 422, "/part/n" },
		{ "{\"name\":\"a\",\"parts\":[{\"n\":1},{\"n\":101}]}", 422,
		    "/parts/1/n" },
		{ "{\"name\":\"a\",\"parts\":[null]}", 422, "/parts/0" },
		{ "{\"name\":\"a\",\"id\":\"b\"}", 422, "/id" },
		/* no JSON, or none of ours (B61) */
		{ "{\"name\":\"a\"", 400, NULL },
		{ "{\"name\":\"a\"} {}", 400, NULL },
		{ "nonsense", 400, NULL },
		{ "\"name\"", 400, NULL },
		{ "{\"name\":\"a\",\"name\":\"b\"}", 400, NULL },
		{ "{\"name\":\"\\ud800\"}", 400, NULL },
		{ "{\"name\":\"\\udc00\\ud800\"}", 400, NULL },
		{ "{\"name\":\"\\u0000\"}", 400, NULL },
		{ "{\"name\":\"\xff\"}", 400, NULL },
		{ "{\"name\":\"a\",\"size\":1e999}", 400, NULL },
		{ "{\"name\":\"a\",\"size\":99999999999999999999}", 400, NULL },
	};
	struct asked q;

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		struct err *e;

		asked_begin(&q);
		asked_header(&q, "Content-Type", STR("application/json"));
		q.route.body = &thing;
		q.rq.body = str_c(rows[i].text);
		e = api_body_read(&q.x);
		test_row(i, (e != NULL) == (rows[i].status != 0));
		test_row_int(i, q.own.status, rows[i].status);
		test_row_str(i, str_c(q.own.pointer), str_c(rows[i].pointer));
		asked_end(&q);
	}
}

/* B61: deep and long. */
static void
test_body_bounds(void **state)
{
	static const unsigned levels[] = { 1000, 1000000 / 2 };
	struct asked q;
	char *p;

	(void)state;
	for (unsigned i = 0; i < countof(levels); i++) {
		asked_begin(&q);
		asked_header(&q, "Content-Type", STR("application/json"));
		q.route.body = &thing;
		p = arena_alloc(q.a, 2 * levels[i]);
		memset(p, '[', levels[i]);
		memset(p + levels[i], ']', levels[i]);
		q.rq.body = str_of(p, 2 * levels[i]);
		test_row(i, api_body_read(&q.x) != NULL);
		test_row_int(i, q.own.status, 400);
		asked_end(&q);
	}
	asked_begin(&q);
	asked_header(&q, "Content-Type", STR("application/json"));
	q.route.body = &thing;
	p = arena_alloc(q.a, 10 << 20);
	memset(p, ' ', 10 << 20);
	q.rq.body = str_of(p, 10 << 20);
	assert_non_null(api_body_read(&q.x));
	assert_int_equal(q.own.status, 400);
	asked_end(&q);
	/* before anybody has signed in, sooner */
	asked_begin(&q);
	asked_header(&q, "Content-Type", STR("application/json"));
	q.route.body = &thing;
	q.route.area = AREA_OPEN;
	p = arena_alloc(q.a, API_OPEN_BODY_MAX + 1);
	memset(p, ' ', API_OPEN_BODY_MAX + 1);
	q.rq.body = str_of(p, API_OPEN_BODY_MAX + 1);
	assert_non_null(api_body_read(&q.x));
	assert_int_equal(q.own.status, 413);
	asked_end(&q);
	/* a key that is no key of ours is named, but not at any length */
	asked_begin(&q);
	asked_header(&q, "Content-Type", STR("application/json"));
	q.route.body = &thing;
	p = arena_alloc(q.a, 100000);
	memset(p, 'k', 100000);
	memcpy(p, "{\"", 2);
	memcpy(p + 100000 - 4, "\":1}", 4);
	q.rq.body = str_of(p, 100000);
	assert_non_null(api_body_read(&q.x));
	assert_int_equal(q.own.status, 422);
	assert_true(strlen(q.own.pointer) < 300);
	asked_end(&q);
}

static void
test_body_type(void **state)
{
	static const struct {
		const char *type, *text;
		bool takes;
		unsigned status;
	} rows[] = {
		{ "application/json", "{\"name\":\"a\"}", true, 0 },
		{ "Application/JSON; charset=utf-8", "{\"name\":\"a\"}", true,
		    0 },
		{ "application/json;charset=\"UTF-8\"", "{\"name\":\"a\"}",
		    true, 0 },
		{ "application/json; charset=latin1", "{\"name\":\"a\"}", true,
		    415 },
		{ "text/plain", "{\"name\":\"a\"}", true, 415 },
		{ "application/x-www-form-urlencoded", "name=a", true, 415 },
		{ "multipart/form-data", "{}", false, 415 },
		{ NULL, "{\"name\":\"a\"}", true, 415 },
		{ "", "{\"name\":\"a\"}", true, 415 },
		/* a route that takes none */
		{ NULL, "", false, 0 },
		{ "text/plain", "", false, 0 },
		{ "application/json", "{}", false, 0 },
		{ "application/json", "{\"name\":\"a\"}", false, 422 },
	};
	struct asked q;

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		asked_begin(&q);
		if (rows[i].type != NULL)
			asked_header(&q, "content-type", str_c(rows[i].type));
		q.route.body = rows[i].takes ? &thing : NULL;
		q.rq.body = str_c(rows[i].text);
		test_row(i,
		    (api_body_read(&q.x) != NULL) == (rows[i].status != 0));
		test_row_int(i, q.own.status, rows[i].status);
		asked_end(&q);
	}
}

static void
test_body_get(void **state)
{
	struct asked q;
	struct str *list;
	unsigned n;
	int64_t at;

	(void)state;
	asked_begin(&q);
	asked_header(&q, "content-type", STR("application/json"));
	q.route.body = &thing;
	q.rq.body = STR("{\"name\":\"a\",\"list\":[\"x\",\"yz\"],"
			"\"at\":\"1970-01-02T00:00:00+01:00\",\"note\":null}");
	assert_null(api_body_read(&q.x));
	assert_true(api_in_strs(&q.x, "list", &list, &n));
	assert_int_equal(n, 2);
	test_row_str(0, list[1], STR("yz"));
	assert_false(api_in_strs(&q.x, "colours", &list, &n));
	assert_int_equal(n, 0);
	assert_true(api_in_time(&q.x, "at", &at));
	assert_int_equal(at, 82800);
	assert_false(api_in_time(&q.x, "note", &at));
	assert_true(api_in_null(&q.x, "note"));
	assert_false(api_in_null(&q.x, "name"));
	assert_false(api_in_null(&q.x, "size"));
	asked_end(&q);
}

/* --- If-Match --- */

static void
test_match(void **state)
{
	static const struct {
		const char *field;
		enum api_match is;
	} rows[] = {
		{ "\"abc\"", API_MATCH_YES },
		{ " \"abc\" ", API_MATCH_YES },
		{ "*", API_MATCH_YES },
		{ " * ", API_MATCH_YES },
		{ "\"x\", \"abc\"", API_MATCH_YES },
		{ "\"abc\",\"x\"", API_MATCH_YES },
		{ ",, \"abc\" ,", API_MATCH_YES },
		{ "\"abcd\"", API_MATCH_NO },
		{ "\"ab\"", API_MATCH_NO },
		{ "\"\"", API_MATCH_NO },
		{ "\"a,b\"", API_MATCH_NO },
		/* weak ones never match */
		{ "W/\"abc\"", API_MATCH_NO },
		{ "W/\"abc\", \"x\"", API_MATCH_NO },
		{ "W/\"x\", \"abc\"", API_MATCH_YES },
		{ "abc", API_MATCH_BAD },
		{ "", API_MATCH_BAD },
		{ " , ", API_MATCH_BAD },
		{ "\"abc", API_MATCH_BAD },
		{ "\"a\"\"b\"", API_MATCH_BAD },
		{ "\"a\" \"abc\"", API_MATCH_BAD },
		{ "\"abc\", *", API_MATCH_BAD },
		{ "w/\"abc\"", API_MATCH_BAD },
		{ "W/abc", API_MATCH_BAD },
		{ "\"a b\"", API_MATCH_BAD },
		{ "\"abc\", nonsense", API_MATCH_BAD },
	};

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++)
		test_row_int(i, api_match_tag(str_c(rows[i].field), STR("abc")),
		    rows[i].is);
}

/* Of what is no object of the state. */
static void
test_match_own(void **state)
{
	static const struct {
		const char *field;
		unsigned status;
	} rows[] = { { "\"7\"", 0 }, { "*", 0 }, { "\"8\"", 412 }, { "7", 400 },
		{ NULL, 428 } };
	struct asked q;

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		struct state_expect ex;
		struct err *e;
		bool use;

		asked_begin(&q);
		q.route.flags = API_MATCH;
		q.own.match =
		    rows[i].field == NULL ? STR_NONE : str_c(rows[i].field);
		e = api_match_check(&q.x, &ex, &use);
		test_row(i, !use);
		if (e == NULL)
			e = api_match(&q.x, STR("7"));
		test_row(i, (e != NULL) == (rows[i].status != 0));
		test_row_int(i, q.own.status, rows[i].status);
		asked_end(&q);
	}
}

/* --- queries, pages, times --- */

static const struct api_query query[] = {
	{ "search", API_STR, "s", NULL },
	{ "n", API_U64, "n", NULL },
	{ "on", API_BOOL, "o", NULL },
	{ "since", API_TIME, "s", NULL },
	{ "colour", API_WORD, "c", colours },
	{ NULL, API_STR, NULL, NULL },
};

static void
test_query(void **state)
{
	static const struct {
		const char *text;
		unsigned status;
	} rows[] = {
		{ "", 0 },
		{ "&", 0 },
		{ "search=a%20b+c&n=5&on=true&since=2026-11-30T10:00:00Z"
		  "&colour=red&limit=10",
		    0 },
		{ "search=", 0 },
		{ "search", 0 },
		{ "s%65arch=x", 0 },
		{ "limit=1000", 0 },
		{ "limit=0", 422 },
		{ "limit=1001", 422 },
		{ "limit=-1", 422 },
		{ "limit=", 422 },
		{ "cursor=", 0 },
		{ "cursor=AAAA", 422 },
		{ "cursor=%2F", 422 },
		{ "n=x", 422 },
		{ "n=", 422 },
		{ "n=18446744073709551615", 422 },
		{ "on=yes", 422 },
		{ "since=today", 422 },
		{ "colour=blue", 422 },
		{ "nothing=1", 422 },
		{ "n=1&n=1", 422 },
		{ "search=%ff", 422 },
		{ "search=%0a", 400 },
		{ "search=%00", 400 },
		{ "search=%4", 400 },
	};
	struct asked q;

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		asked_begin(&q);
		q.route.query = query;
		q.route.flags = API_LIST;
		test_row(i, (api_query_parse(&q.x, str_c(rows[i].text)) !=
				NULL) == (rows[i].status != 0));
		test_row_int(i, q.own.status, rows[i].status);
		if (i == 2) {
			test_row_str(i, api_query_str(&q.x, "search"),
			    STR("a b c"));
			test_row_int(i, api_query_u64(&q.x, "n", 0), 5);
			test_row(i, api_query_bool(&q.x, "on", false));
			test_row_int(i, api_query_time(&q.x, "since", 0),
			    1796032800);
			test_row_int(i, api_limit(&q.x), 10);
		}
		asked_end(&q);
	}
	/* what is no list has no pages */
	asked_begin(&q);
	assert_non_null(api_query_parse(&q.x, STR("limit=5")));
	assert_null(api_query_str(&q.x, "search").p);
	assert_int_equal(api_query_u64(&q.x, "n", 9), 9);
	asked_end(&q);
}

static void
test_cursor(void **state)
{
	static const char *const keys[] = { "", "a@example.org", "b\xc3\xbc",
		"\n\"" };
	struct arena *a = arena_new(0);
	struct str after, text;

	(void)state;
	for (unsigned i = 0; i < countof(keys); i++) {
		text = api_cursor_format(a, "list", str_c(keys[i]));
		test_row(i, api_cursor_parse(a, "list", text, &after));
		test_row_str(i, after, str_c(keys[i]));
		/* of another list; cut; changed */
		test_row(i, !api_cursor_parse(a, "lists", text, &after));
		test_row(i, !api_cursor_parse(a, "list",
				str_sub(text, 0, text.n - 1), &after));
		for (size_t at = 0; at < text.n; at++) {
			char *p = arena_cstr(a, text);

			p[at] = p[at] == 'A' ? 'B' : 'A';
			test_row(i,
			    !api_cursor_parse(a, "list", str_c(p), &after));
		}
	}
	arena_free(&a);
}

static void
test_time(void **state)
{
	static const struct {
		const char *text;
		int64_t at; /* -1: wrong */
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-11-30T10:00:00Z", 1796032800 },
		{ "2026-11-30t10:00:00.999z", 1796032800 },
		{ "2026-11-30T11:30:00+01:30", 1796032800 },
		{ "2026-11-30T02:00:00-08:00", 1796032800 },
		{ "2024-02-29T00:00:00Z", 1709164800 },
		{ "2023-02-29T00:00:00Z", -1 },
		{ "2026-13-01T00:00:00Z", -1 },
		{ "2026-11-31T00:00:00Z", -1 },
		{ "2026-11-30T24:00:00Z", -1 },
		{ "2026-11-30T10:00:00", -1 },
		{ "2026-11-30T10:00:00.Z", -1 },
		{ "2026-11-30T10:00:00+24:00", -1 },
		{ "2026-11-30T10:00:00Zx", -1 },
		{ "2026-11-30", -1 },
		{ "1969-12-31T23:59:59Z", -1 },
		{ "", -1 },
	};
	char text[32];

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		int64_t at = -1;

		test_row(i, api_time_parse(str_c(rows[i].text), &at) ==
				(rows[i].at >= 0));
		test_row_int(i, at, rows[i].at);
	}
	api_time_format(1796032800, text);
	assert_string_equal(text, "2026-11-30T10:00:00Z");
}

/* --- who sent it --- */

static void
test_headers(void **state)
{
	static const struct {
		const char *origin, *authority;
		bool is;
	} origins[] = {
		{ "https://mail.example.org", "mail.example.org", true },
		{ "https://mail.example.org", "Mail.Example.org:443", true },
		{ "https://mail.example.org:8443", "mail.example.org:8443",
		    true },
		{ "https://[2001:db8::1]:8443", "[2001:db8::1]:8443", true },
		{ "https://mail.example.org", "mail.example.org:8443", false },
		{ "https://mail.example.org:8443", "mail.example.org", false },
		{ "http://mail.example.org", "mail.example.org", false },
		{ "https://evil.example.net", "mail.example.org", false },
		{ "https://mail.example.org.evil.net", "mail.example.org",
		    false },
		{ "https://", "", false },
		{ "null", "null", false },
		{ "", "", false },
	};
	static const struct {
		const char *field, *value;
	} cookies[] = {
		{ "__Host-shoal=a", "a" },
		{ "x=y; __Host-shoal=a=b; z", "a=b" },
		{ "x=y;__Host-shoal= a ", "a" },
		{ "__host-shoal=a", NULL },
		{ "x__Host-shoal=a", NULL },
		{ "__Host-shoal", NULL },
		{ "", NULL },
	};
	static const struct {
		const char *field, *token;
	} bearers[] = { { "Bearer abc", "abc" }, { "bearer  abc ", "abc" },
		{ "Basic abc", NULL }, { "Bearer", NULL }, { "", NULL } };

	(void)state;
	for (unsigned i = 0; i < countof(origins); i++)
		test_row(i, api_origin_is(str_c(origins[i].origin),
				str_c(origins[i].authority)) == origins[i].is);
	for (unsigned i = 0; i < countof(cookies); i++)
		test_row_str(i,
		    api_cookie(str_c(cookies[i].field), SESSION_COOKIE),
		    str_c(cookies[i].value));
	for (unsigned i = 0; i < countof(bearers); i++)
		test_row_str(i, api_bearer(str_c(bearers[i].field)),
		    str_c(bearers[i].token));
}

/* --- errors --- */

static void
test_problem(void **state)
{
	static const struct {
		enum err_code code;
		unsigned status;
		const char *word;
	} rows[] = {
		{ ERR_NOTFOUND, 404, "not_found" },
		{ ERR_DUPLICATE, 409, "duplicate" },
		{ ERR_CONFLICT, 409, "conflict" },
		{ ERR_INVALID, 422, "bad_field" },
		{ ERR_LIMIT, 422, "limit" },
		{ ERR_DENIED, 403, "forbidden" },
		{ ERR_UNAVAIL, 503, "unavailable" },
		{ ERR_TIMEOUT, 503, "unavailable" },
		{ ERR_UNKNOWN, 503, "unavailable" },
		{ ERR_READONLY, 503, "unavailable" },
		{ ERR_NOSPC, 507, "full" },
		{ ERR_OVERQUOTA, 507, "full" },
		{ ERR_CORRUPT, 500, "internal" },
		{ ERR_SYSTEM, 500, "internal" },
	};
	struct json *j;
	struct asked q;
	struct str s;
	uint64_t n;

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		asked_begin(&q);
		api_problem(NULL, &q.x,
		    err_new(q.a, rows[i].code, "a sentence", "secret detail"));
		test_row_int(i, q.rs.status, rows[i].status);
		test_row(i,
		    json_parse(q.a, buf_str(&q.rs.body), 1000, &j) == NULL);
		test_row(i, json_get_str(j, "code", &s));
		test_row_str(i, s, str_c(rows[i].word));
		test_row(i, json_get_u64(j, "status", &n));
		test_row_int(i, n, rows[i].status);
		/* what went wrong inside is for the log */
		test_row(i,
		    json_get_str(j, "detail", &s) == (rows[i].status != 500));
		test_row(i,
		    memmem(q.rs.body.p, q.rs.body.n, "secret", 6) == NULL);
		test_row(i, (memmem(q.rs.headers.p, q.rs.headers.n,
				 "Retry-After: ", 13) != NULL) ==
				(rows[i].status == 503));
		json_free(&j);
		asked_end(&q);
	}
	asked_begin(&q);
	api_problem(NULL, &q.x, api_bad_field(&q.x, "name", "not that"));
	assert_int_equal(q.rs.status, 422);
	assert_null(json_parse(q.a, buf_str(&q.rs.body), 1000, &j));
	assert_true(json_get_str(j, "pointer", &s));
	test_row_str(0, s, STR("/name"));
	json_free(&j);
	asked_end(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_body_bounds),
		cmocka_unit_test(test_body_type),
		cmocka_unit_test(test_body_get),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_match_own),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_cursor),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_problem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
