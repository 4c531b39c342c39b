/* test_api_tables.c - every route of the API says all that there is to say */
#include "tests/unit/test.h"

#include <stdio.h>

#include "server/api/api_private.h"

#define ROUTES_MAX 1024
#define SCHEMAS_DEEP 8

static const struct api_route *
routes_next(unsigned *table, unsigned *row)
{
	for (; api_routes[*table] != NULL; (*table)++, *row = 0)
		if (api_routes[*table][*row].method != NULL)
			return &api_routes[*table][(*row)++];
	return NULL;
}

#define for_each_route(r)                                                      \
	for (unsigned table_ = 0, row_ = 0;                                    \
	     ((r) = routes_next(&table_, &row_)) != NULL;)
#define route_says(r, c)                                                       \
	do {                                                                   \
		if (!(c))                                                      \
			fail_msg("%s %s: %s", (r)->method, (r)->path, #c);     \
	} while (0)

static bool
is(const struct api_route *r, const char *method)
{
	return strcmp(r->method, method) == 0;
}

/* --- paths --- */

static void
test_paths(void **state)
{
	const struct api_route *r;
	struct arena *a = arena_new(0);

	(void)state;
	for_each_route(r)
	{
		struct str rest = str_c(r->path), segment;
		unsigned params = 0;

		route_says(r, is(r, "GET") || is(r, "POST") || is(r, "PUT") ||
				  is(r, "PATCH") || is(r, "DELETE"));
		route_says(r,
		    str_split(&rest, '/', &segment) && segment.n == 0);
		while (str_split(&rest, '/', &segment)) {
			route_says(r, segment.n > 0);
			if (segment.p[0] != '{')
				continue;
			route_says(r, segment.p[segment.n - 1] == '}');
			params++;
		}
		route_says(r, params <= API_PARAMS_MAX);
		/* whose it is, is asked of the first */
		route_says(r, params > 0 || (r->scope != API_OF_DOMAIN &&
						r->scope != API_OF_ADDRESS));
	}
	arena_free(&a);
}

/* No two are the same, by name or by path. */
static void
test_unique(void **state)
{
	const struct api_route *all[ROUTES_MAX], *r;
	unsigned n = 0;

	(void)state;
	for_each_route(r)
	{
		assert_true(n < ROUTES_MAX);
		for (unsigned i = 0; i < n; i++) {
			route_says(r, strcmp(all[i]->id, r->id) != 0);
			route_says(r,
			    strcmp(all[i]->path, r->path) != 0 ||
				strcmp(all[i]->method, r->method) != 0);
		}
		all[n++] = r;
	}
	assert_true(n > 10);
}

/* The table finds each of them by its own path. */
static void
test_found(void **state)
{
	struct str params[API_PARAMS_MAX];
	const struct api_route *r;
	struct arena *a = arena_new(0);
	char allow[API_METHODS_TEXT];
	struct api_path p;

	(void)state;
	for_each_route(r)
	{
		struct buf b;

		buf_init(&b, a, 1000);
		buf_c(&b, API_PREFIX);
		for (const char *c = r->path; *c != '\0'; c++)
			buf_char(&b, *c == '{' || *c == '}' ? '-' : *c);
		route_says(r, api_path_parse(a, buf_str(&b), &p));
		route_says(r, api_find(api_routes, str_c(r->method), &p, params,
				  allow) == r);
	}
	arena_free(&a);
}

/* --- what is said --- */

static void
test_words(void **state)
{
	const struct api_route *r;

	(void)state;
	for_each_route(r)
	{
		size_t n = strlen(r->help);

		route_says(r, r->id != NULL && r->id[0] >= 'a' &&
				  r->id[0] <= 'z' &&
				  strspn(r->id, "abcdefghijklmnopqrstuvwxyz"
						"ABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
				      strlen(r->id));
		route_says(r, n > 10 && r->help[n - 1] == '.');
		route_says(r, r->run != NULL && r->area < AREAS);
		for (const struct api_query *q = r->query;
		     q != NULL && q->name != NULL; q++) {
			route_says(r, q->help == NULL || q->help[0] != '\0');
			route_says(r, q->kind != API_WORD || q->words != NULL);
			route_says(r,
			    q->kind == API_STR || q->kind == API_U64 ||
				q->kind == API_BOOL || q->kind == API_TIME ||
				q->kind == API_WORD);
		}
	}
}

static void
test_flags(void **state)
{
	const struct api_route *r;

	(void)state;
	for_each_route(r)
	{
		unsigned answers = ((r->flags & API_EMPTY) != 0) +
				   ((r->flags & API_PLAIN) != 0) +
				   (r->answer != NULL);

		route_says(r,
		    answers == 1 || strcmp(r->id, "getDescription") == 0);
		if (is(r, "GET")) {
			route_says(r, !r->writes && r->body == NULL);
			route_says(r, (r->flags & (API_MATCH | API_CREATES |
						      API_LOOKS)) == 0);
		} else {
			route_says(r,
			    r->writes != ((r->flags & API_LOOKS) != 0));
		}
		if (r->flags & API_LIST)
			route_says(r, r->answer != NULL && !r->writes);
		if (r->flags & API_CREATES)
			route_says(r, is(r, "POST") || is(r, "PUT"));
		/* what somebody else may have changed meanwhile */
		if (r->tag != STATE_TAG_NONE && r->writes &&
		    !(r->flags & API_CREATES))
			route_says(r, r->flags & API_MATCH);
		if (r->flags & API_MATCH)
			route_says(r, r->writes);
	}
}

/* What strangers may is written out here, too. */
static void
test_open(void **state)
{
	static const char *const open[] = { "acceptInvite", "checkInvite",
		"createSession", "getDescription" };
	const struct api_route *r;
	unsigned n = 0;

	(void)state;
	for_each_route(r)
	{
		bool known = false;

		for (unsigned i = 0; i < countof(open); i++)
			known |= strcmp(open[i], r->id) == 0;
		route_says(r, known == (r->area == AREA_OPEN));
		n += known;
	}
	assert_int_equal(n, countof(open));
}

/* --- schemas --- */

static void
schema_says(const struct api_route *r, const struct api_schema *s, bool in,
    unsigned deep)
{
	route_says(r, deep < SCHEMAS_DEEP);
	route_says(r, s->name != NULL && s->fields != NULL);
	for (const struct api_field *f = s->fields; f->name != NULL; f++) {
		bool object = f->kind == API_OBJ || f->kind == API_OBJS;
		bool word = f->kind == API_WORD || f->kind == API_WORDS;

		if (f->help != NULL && f->help[0] == '\0')
			fail_msg("%s.%s has an empty help", s->name, f->name);
		if (object != (f->of != NULL) || word != (f->words != NULL))
			fail_msg("%s.%s is not complete", s->name, f->name);
		if (in && !(f->flags & API_OUT) &&
		    (f->kind == API_NUM || f->kind == API_ANY))
			fail_msg("%s.%s cannot be taken", s->name, f->name);
		for (const struct api_field *g = s->fields; g != f; g++)
			if (strcmp(f->name, g->name) == 0)
				fail_msg("%s.%s twice", s->name, f->name);
		if (object && !(f->flags & (in ? API_OUT : API_SECRET)))
			schema_says(r, f->of, in, deep + 1);
	}
}

static void
test_schemas(void **state)
{
	const struct api_route *r;

	(void)state;
	for_each_route(r)
	{
		if (r->body != NULL)
			schema_says(r, r->body, true, 0);
		if (r->answer != NULL)
			schema_says(r, r->answer, false, 0);
	}
}

/* --- the description --- */

static void
test_openapi(void **state)
{
	struct arena *a = arena_new(0);
	const struct api_route *r;
	const struct json *paths, *op;
	struct json *doc;
	char method[8];
	struct str s;

	(void)state;
	assert_null(json_parse(a, api_openapi(a), 4 << 20, &doc));
	paths = json_get(doc, "paths");
	for_each_route(r)
	{
		snprintf(method, sizeof(method), "%s", r->method);
		for (char *p = method; *p != '\0'; p++)
			*p |= 32;
		op = json_get(json_get(paths, r->path), method);
		route_says(r, op != NULL);
		route_says(r, json_get_str(op, "operationId", &s));
		test_row_str(0, s, str_c(r->id));
		route_says(r, (json_count(json_get(op, "security")) > 0) ==
				  (r->area != AREA_OPEN));
	}
	json_free(&doc);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_unique),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_schemas),
		cmocka_unit_test(test_openapi),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
