/* fuzz_api.c - what a request of the API says outside its body */
#include "server/api/api_private.h"
#include "server/auth/session.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static const char *const fuzz_words[] = { "a", "b", NULL };
static const struct api_query fuzz_queries[] = {
	{ "s", API_STR, "s", NULL },
	{ "n", API_U64, "n", NULL },
	{ "b", API_BOOL, "b", NULL },
	{ "t", API_TIME, "t", NULL },
	{ "w", API_WORD, "w", fuzz_words },
	{ NULL, API_STR, NULL, NULL },
};

static void
fuzz_match(struct str in)
{
	enum api_match m = api_match_tag(in, STR("0123456789abcdef"));

	/* what any tag matches is "*" */
	if (api_match_is_any(in))
		invariant(m == API_MATCH_YES);
	else if (m == API_MATCH_YES)
		invariant(api_match_tag(in, STR("another")) != API_MATCH_BAD);
}

static void
fuzz_path(struct arena *a, struct str in)
{
	struct str params[API_PARAMS_MAX];
	char allow[API_METHODS_TEXT];
	struct api_path p;

	if (!api_path_parse(a, in, &p))
		return;
	invariant(p.n > 0 && p.n <= API_SEGMENTS_MAX);
	(void)api_find(api_routes, STR("GET"), &p, params, allow);
	(void)api_find(api_routes, STR("NONE"), &p, params, allow);
}

static void
fuzz_query(struct arena *a, struct str in)
{
	struct api_own *own = arena_new_obj(a, struct api_own);
	struct api_route route = { .id = "fuzz",
		.flags = API_LIST,
		.query = fuzz_queries };
	struct api x = { .a = a, .own = own, .route = &route };

	if (api_query_parse(&x, in) != NULL) {
		invariant(own->status >= 400 && own->code != NULL);
		return;
	}
	invariant(api_limit(&x) >= 1 && api_limit(&x) <= API_PAGE_MAX);
	(void)api_query_u64(&x, "n", 0);
	(void)api_query_time(&x, "t", 0);
}

static void
fuzz_cursor(struct arena *a, struct str in)
{
	struct str after;

	/* what is one of ours is written in one way only */
	if (api_cursor_parse(a, "fuzz", in, &after))
		invariant(str_eq(api_cursor_format(a, "fuzz", after), in));
	if (in.n <= 1000) {
		struct str made = api_cursor_format(a, "fuzz", in);

		invariant(api_cursor_parse(a, "fuzz", made, &after));
		invariant(str_eq(after, in));
	}
}

static void
fuzz_time(struct str in)
{
	int64_t at, again;
	char text[32];

	if (!api_time_parse(in, &at) || at < 0)
		return;
	api_time_format(at, text);
	invariant(api_time_parse(str_c(text), &again) && again == at);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	struct str in = str_of(data, n), value;

	fuzz_match(in);
	fuzz_path(a, in);
	fuzz_query(a, in);
	fuzz_cursor(a, in);
	fuzz_time(in);
	value = api_cookie(in, SESSION_COOKIE);
	invariant(value.n <= n);
	value = api_bearer(in);
	invariant(value.n <= n);
	(void)api_origin_is(in, STR("mail.example.org:8443"));
	arena_free(&a);
	return 0;
}
