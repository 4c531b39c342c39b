/* fuzz_api_body.c - bodies of the API, against a schema of every kind */
#include "server/api/api_private.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static const char *const fuzz_words[] = { "a", "b", NULL };
static const struct api_field fuzz_part_fields[] = {
	{ "n", API_I64, API_REQUIRED, "n", NULL, NULL, 9 },
	{ .name = NULL },
};
static const struct api_schema fuzz_part = { "Part", fuzz_part_fields };
static const struct api_field fuzz_fields[] = {
	{ "s", API_STR, API_REQUIRED, "s", NULL, NULL, 8 },
	{ "x", API_TEXT, API_NULL, "x", NULL, NULL, 0 },
	{ "u", API_U64, 0, "u", NULL, NULL, 9 },
	{ "b", API_BOOL, 0, "b", NULL, NULL, 0 },
	{ "t", API_TIME, API_NULL, "t", NULL, NULL, 0 },
	{ "w", API_WORD, 0, "w", NULL, fuzz_words, 0 },
	{ "v", API_WORDS, 0, "v", NULL, fuzz_words, 2 },
	{ "l", API_STRS, 0, "l", NULL, NULL, 2 },
	{ "o", API_OBJ, API_NULL, "o", &fuzz_part, NULL, 0 },
	{ "p", API_OBJS, 0, "p", &fuzz_part, NULL, 2 },
	{ .name = NULL },
};
static const struct api_schema fuzz_schema = { "Fuzz", fuzz_fields };

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	struct http_header type = { STR("Content-Type"),
		STR("application/json") };
	struct http_request rq = { .headers = &type,
		.headers_n = 1,
		.body = str_of(data, n) };
	struct api_route route = { .id = "fuzz", .body = &fuzz_schema };
	struct api x = { .a = a,
		.rq = &rq,
		.route = &route,
		.own = arena_new_obj(a, struct api_own) };
	struct err *e = api_body_read(&x);
	struct json *in = (struct json *)(uintptr_t)x.in;
	struct str s, *list;
	unsigned many;
	int64_t at;

	if (e != NULL) {
		invariant(x.own->status == 400 || x.own->status == 422);
		invariant((x.own->status == 422) == (x.own->pointer != NULL));
	} else {
		invariant(json_get_str(in, "s", &s) && s.n <= 8);
		for (size_t i = 0; i < s.n; i++)
			invariant((unsigned char)s.p[i] >= 32);
		if (json_get(in, "u") != NULL)
			invariant(
			    json_get_i64(in, "u", &at) && at >= 0 && at <= 9);
		(void)api_in_strs(&x, "l", &list, &many);
		invariant(many <= 2);
		(void)api_in_time(&x, "t", &at);
	}
	json_free(&in);
	arena_free(&a);
	return 0;
}
