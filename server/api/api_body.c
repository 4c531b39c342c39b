/* api_body.c - the JSON body of a request against what the route takes */
#include "server/api/api_private.h"

#include "base/utf8.h"

#define API_POINTER_MAX 256

/* Where in the body one is: "/rules/0/name". */
struct api_at {
	struct api *x;
	const struct api_at *up;
	const char *key; /* NULL: element i */
	size_t i;
};

/* --- the wrong ones --- */

static void
api_pointer_put(struct buf *b, const struct api_at *at)
{
	if (at->up == NULL)
		return;
	api_pointer_put(b, at->up);
	buf_char(b, '/');
	if (at->key == NULL)
		buf_u64(b, at->i);
	/* RFC 6901, 3 */
	for (const char *p = at->key; p != NULL && *p != '\0'; p++)
		buf_c(b, *p == '~'   ? "~0"
			 : *p == '/' ? "~1"
				     : (char[]){ *p, '\0' });
}

static struct err *
api_body_bad(const struct api_at *at, const char *sentence)
{
	struct err *e = api_refuse(at->x, 422, "bad_field", sentence);
	struct buf b;

	buf_init(&b, at->x->a, API_POINTER_MAX);
	api_pointer_put(&b, at);
	/* a key of ours is short; an unknown one may be cut anywhere in it */
	while (b.n > 0 && !utf8_is_valid(buf_str(&b)))
		b.n--;
	at->x->own->pointer = arena_cstr(at->x->a, buf_str(&b));
	return e;
}

struct err *
api_bad_field(struct api *x, const char *field, const char *sentence)
{
	struct api_at root = { .x = x };

	return api_body_bad(&(struct api_at){ .x = x,
				.up = &root,
				.key = field },
	    sentence);
}

/* --- values --- */

static struct err *
api_body_limit(const struct api_at *at, const char *what, uint64_t max)
{
	return api_body_bad(at, arena_printf(at->x->a, "%s: at most %llu", what,
				    (unsigned long long)max));
}

static struct err *
api_body_text(const struct api_at *at, struct str s, uint64_t max, bool lines)
{
	if (s.n > max)
		return api_body_limit(at, "too long, in bytes", max);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c >= 32 && c != 127) ||
		    (lines && (c == '\n' || c == '\r' || c == '\t')))
			continue;
		return api_body_bad(at, "control characters are not allowed");
	}
	return NULL;
}

static struct err *
api_body_word(const struct api_at *at, const struct api_field *f, struct str s)
{
	for (const char *const *w = f->words; *w != NULL; w++)
		if (str_eq_c(s, *w))
			return NULL;
	return api_body_bad(at, "it is none of the words allowed here");
}

static struct err *
api_body_str(const struct api_at *at, const struct api_field *f,
    enum api_kind kind, uint64_t max, const struct json *v)
{
	int64_t when;
	struct str s;

	if (!json_str(v, &s))
		return api_body_bad(at, "a string is wanted");
	if (kind == API_WORD)
		return api_body_word(at, f, s);
	if (kind == API_TIME)
		return api_time_parse(s, &when)
			   ? NULL
			   : api_body_bad(at,
				 "a time as of RFC 3339 is wanted");
	if (max == 0)
		max = kind == API_TEXT ? API_TEXT_MAX : API_STR_MAX;
	return api_body_text(at, s, max, kind == API_TEXT);
}

static struct err *
api_body_number(const struct api_at *at, const struct api_field *f,
    const struct json *v)
{
	uint64_t max = f->max > 0 ? f->max : INT64_MAX;
	int64_t n;

	if (!json_i64(v, &n))
		return api_body_bad(at, "a whole number is wanted");
	if (f->kind == API_U64 && n < 0)
		return api_body_bad(at, "it cannot be negative");
	if (n > 0 && (uint64_t)n > max)
		return api_body_limit(at, "too great", max);
	return NULL;
}

static must_check struct err *api_body_object(const struct api_at *at,
    const struct api_schema *s, const struct json *in);

static struct err *
api_body_element(const struct api_at *at, const struct api_field *f,
    const struct json *v)
{
	switch (f->kind) {
	case API_STRS:
		return api_body_str(at, f, API_STR, API_STR_MAX, v);
	case API_WORDS:
		return api_body_str(at, f, API_WORD, 0, v);
	default:
		return api_body_object(at, f->of, v);
	}
}

static struct err *
api_body_array(const struct api_at *at, const struct api_field *f,
    const struct json *v)
{
	uint64_t max = f->max > 0 ? f->max : API_ARRAY_MAX;
	struct err *e = NULL;

	if (json_kind(v) != JSON_KIND_ARR)
		return api_body_bad(at, "an array is wanted");
	if (json_count(v) > max)
		return api_body_limit(at, "too many elements", max);
	for (size_t i = 0; e == NULL && i < json_count(v); i++)
		e = api_body_element(&(struct api_at){ .x = at->x,
					 .up = at,
					 .i = i },
		    f, json_at(v, i));
	return e;
}

static struct err *
api_body_value(const struct api_at *at, const struct api_field *f,
    const struct json *v)
{
	if (f->flags & API_OUT)
		return api_body_bad(at, "it cannot be set");
	if (json_kind(v) == JSON_KIND_NULL)
		return (f->flags & API_NULL)
			   ? NULL
			   : api_body_bad(at, "it cannot be null");
	switch (f->kind) {
	case API_STR:
	case API_TEXT:
	case API_TIME:
	case API_WORD:
		return api_body_str(at, f, f->kind, f->max, v);
	case API_U64:
	case API_I64:
		return api_body_number(at, f, v);
	case API_BOOL:
		return json_kind(v) == JSON_KIND_BOOL
			   ? NULL
			   : api_body_bad(at, "true or false is wanted");
	case API_STRS:
	case API_WORDS:
	case API_OBJS:
		return api_body_array(at, f, v);
	case API_OBJ:
		return api_body_object(at, f->of, v);
	case API_NUM:
	case API_ANY:
		break;
	}
	panic("%s is of a kind for answers only", f->name);
}

static const struct api_field *
api_body_field(const struct api_schema *s, const char *key)
{
	for (const struct api_field *f = s->fields; f->name != NULL; f++)
		if (strcmp(f->name, key) == 0)
			return f;
	return NULL;
}

static struct err *
api_body_object(const struct api_at *at, const struct api_schema *s,
    const struct json *in)
{
	const struct api_field *f;
	const struct json *v;
	struct err *e = NULL;
	void *member = NULL;
	const char *key;

	if (json_kind(in) != JSON_KIND_OBJ)
		return api_body_bad(at, "an object is wanted");
	while (e == NULL && json_next(in, &member, &key, &v)) {
		struct api_at here = { .x = at->x, .up = at, .key = key };

		f = api_body_field(s, key);
		e = f == NULL ? api_body_bad(&here, "there is no such field")
			      : api_body_value(&here, f, v);
	}
	for (f = s->fields; e == NULL && f->name != NULL; f++)
		if ((f->flags & API_REQUIRED) && !(f->flags & API_OUT) &&
		    json_get(in, f->name) == NULL)
			e = api_body_bad(&(struct api_at){ .x = at->x,
					     .up = at,
					     .key = f->name },
			    "it is missing");
	return e;
}

struct err *
api_body_check(struct api *x, const struct api_schema *s, const struct json *in)
{
	return api_body_object(&(struct api_at){ .x = x }, s, in);
}

/* --- the body --- */

/* application/json, perhaps with "; charset=utf-8". */
static bool
api_body_is_json(const struct http_request *rq)
{
	struct str rest = http_header(rq, "content-type"), type, charset;

	if (!str_split(&rest, ';', &type) ||
	    !str_case_eq_c(str_trim(type), "application/json"))
		return false;
	charset = str_trim(rest);
	return charset.n == 0 || str_case_eq_c(charset, "charset=utf-8") ||
	       str_case_eq_c(charset, "charset=\"utf-8\"");
}

static const struct api_field api_no_fields[] = { { .name = NULL } };
static const struct api_schema api_no_schema = { "Nothing", api_no_fields };

struct err *
api_body_read(struct api *x)
{
	const struct api_schema *s = x->route->body;
	struct str text = x->rq->body;
	struct json *in = NULL;
	struct err *e;

	if (text.n == 0 && s == NULL)
		return NULL;
	/* signing in and the like: by whomever, so little is enough */
	if (x->route->area == AREA_OPEN && text.n > API_OPEN_BODY_MAX)
		return api_refuse(x, 413, "too_large",
		    arena_printf(x->a, "at most %u bytes", API_OPEN_BODY_MAX));
	if (text.n > 0 && !api_body_is_json(x->rq))
		return api_refuse(x, 415, "media_type",
		    "bodies are of the type application/json");
	e = json_parse(x->a, text.n > 0 ? text : STR("{}"), API_BODY_MAX, &in);
	if (e != NULL)
		return api_refuse(x, 400, "bad_json", e->text);
	x->in = in;
	return api_body_check(x, s == NULL ? &api_no_schema : s, in);
}

/* --- for handlers --- */

bool
api_in_time(const struct api *x, const char *key, int64_t *wall_s)
{
	struct str s;

	return json_get_str(x->in, key, &s) && api_time_parse(s, wall_s);
}

bool
api_in_strs(const struct api *x, const char *key, struct str **list,
    unsigned *n_r)
{
	const struct json *arr = json_get(x->in, key);
	size_t n = json_count(arr);
	struct str s;

	*list = NULL;
	*n_r = 0;
	if (arr == NULL || json_kind(arr) != JSON_KIND_ARR)
		return false;
	*list = arena_array(x->a, n + 1, sizeof(**list));
	for (size_t i = 0; i < n; i++)
		if (json_str(json_at(arr, i), &s))
			(*list)[(*n_r)++] = arena_str(x->a, s);
	return true;
}

bool
api_in_null(const struct api *x, const char *key)
{
	const struct json *v = json_get(x->in, key);

	return v != NULL && json_kind(v) == JSON_KIND_NULL;
}
