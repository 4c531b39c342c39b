/* json.c - JSON texts made and read: the door to jansson */
#include "base/json.h"

#include <stdlib.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/utf8.h"

/* A struct json is jansson's json_t under a name of ours. */
static json_t *
json_in(const struct json *j)
{
	return (json_t *)(uintptr_t)j;
}

static struct json *
json_out(json_t *j)
{
	if (j == NULL)
		panic("out of memory: jansson makes no value");
	return (struct json *)j;
}

struct json *
json_obj_new(void)
{
	return json_out(json_object());
}

struct json *
json_arr_new(void)
{
	return json_out(json_array());
}

void
json_free(struct json **j)
{
	if (*j != NULL)
		json_decref(json_in(*j));
	*j = NULL;
}

/* Takes v over. */
static struct json *
json_put(struct json *parent, const char *key, struct json *v)
{
	json_t *p = json_in(parent);
	int rc;

	if (key != NULL) {
		invariant(json_is_object(p));
		rc = json_object_set_new(p, key, json_in(v));
	} else {
		invariant(json_is_array(p));
		rc = json_array_append_new(p, json_in(v));
	}
	invariant(rc == 0);
	return v;
}

static struct json *
json_of_str(struct str s)
{
	struct json *j;
	struct buf b;

	if (utf8_is_valid(s))
		return json_out(json_stringn(s.n > 0 ? s.p : "", s.n));
	buf_init(&b, NULL, SIZE_MAX / 4);
	utf8_readable(&b, s);
	j = json_out(json_stringn(b.p, b.n));
	buf_free(&b);
	return j;
}

static struct json *
json_of_c(const char *s)
{
	return s == NULL ? json_out(json_null()) : json_of_str(str_c(s));
}

static struct json *
json_of_u64(uint64_t v)
{
	return json_out(json_integer(v > INT64_MAX ? INT64_MAX : (int64_t)v));
}

void
json_set_str(struct json *obj, const char *key, struct str v)
{
	json_put(obj, key, json_of_str(v));
}

void
json_set_c(struct json *obj, const char *key, const char *v)
{
	json_put(obj, key, json_of_c(v));
}

void
json_set_u64(struct json *obj, const char *key, uint64_t v)
{
	json_put(obj, key, json_of_u64(v));
}

void
json_set_i64(struct json *obj, const char *key, int64_t v)
{
	json_put(obj, key, json_out(json_integer(v)));
}

void
json_set_num(struct json *obj, const char *key, double v)
{
	json_put(obj, key, json_out(json_real(v)));
}

void
json_set_bool(struct json *obj, const char *key, bool v)
{
	json_put(obj, key, json_out(json_boolean(v)));
}

void
json_set_null(struct json *obj, const char *key)
{
	json_put(obj, key, json_out(json_null()));
}

struct json *
json_set_obj(struct json *obj, const char *key)
{
	return json_put(obj, key, json_obj_new());
}

struct json *
json_set_arr(struct json *obj, const char *key)
{
	return json_put(obj, key, json_arr_new());
}

void
json_add_str(struct json *arr, struct str v)
{
	json_put(arr, NULL, json_of_str(v));
}

void
json_add_c(struct json *arr, const char *v)
{
	json_put(arr, NULL, json_of_c(v));
}

void
json_add_u64(struct json *arr, uint64_t v)
{
	json_put(arr, NULL, json_of_u64(v));
}

struct json *
json_add_obj(struct json *arr)
{
	return json_put(arr, NULL, json_obj_new());
}

struct json *
json_add_arr(struct json *arr)
{
	return json_put(arr, NULL, json_arr_new());
}

void
json_add_json(struct json *arr, struct json **v)
{
	(void)json_put(arr, NULL, *v);
	*v = NULL;
}

void
json_set_json(struct json *obj, const char *key, struct json **v)
{
	(void)json_put(obj, key, *v);
	*v = NULL;
}

struct str
json_print(struct arena *a, const struct json *j, enum json_style style)
{
	size_t flags = style == JSON_PRETTY ? JSON_INDENT(2) : JSON_COMPACT;
	char *text = json_dumps(json_in(j), flags);
	struct str s;

	invariant(text != NULL);
	s = str_c(
	    arena_printf(a, "%s%s", text, style == JSON_PRETTY ? "\n" : ""));
	free(text);
	return s;
}

/* jansson recurses 2048 levels deep, too deep for a task's stack.  Brackets in
 * strings are passed over; what is no JSON is jansson's to refuse. */
static size_t
json_depth(struct str s)
{
	size_t depth = 0, deepest = 0;
	bool in_string = false;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (in_string)
			continue;
		else if (c == '[' || c == '{')
			depth++;
		else if ((c == ']' || c == '}') && depth > 0)
			depth--;
		if (depth > deepest)
			deepest = depth;
	}
	return deepest;
}

struct err *
json_parse(struct arena *a, struct str text, size_t max_bytes,
    struct json **j_r)
{
	json_error_t why;
	json_t *j;

	if (text.n > max_bytes)
		return err_newf(a, ERR_LIMIT,
		    "a JSON text of %zu bytes, %zu are allowed", text.n,
		    max_bytes);
	if (json_depth(text) > JSON_DEPTH)
		return err_newf(a, ERR_LIMIT,
		    "a JSON text nested deeper than %d levels", JSON_DEPTH);
	j = json_loadb(text.n > 0 ? text.p : "", text.n, JSON_REJECT_DUPLICATES,
	    &why);
	if (j == NULL)
		return err_new(a, ERR_INVALID, "the JSON text is not valid",
		    "line %d, column %d: %s", why.line, why.column, why.text);
	*j_r = json_out(j);
	return NULL;
}

enum json_kind
json_kind(const struct json *j)
{
	switch (json_typeof(json_in(j))) {
	case JSON_OBJECT:
		return JSON_KIND_OBJ;
	case JSON_ARRAY:
		return JSON_KIND_ARR;
	case JSON_STRING:
		return JSON_KIND_STR;
	case JSON_INTEGER:
		return JSON_KIND_INT;
	case JSON_TRUE:
	case JSON_FALSE:
		return JSON_KIND_BOOL;
	case JSON_REAL:
		return JSON_KIND_REAL;
	default:
		return JSON_KIND_NULL;
	}
}

const struct json *
json_get(const struct json *obj, const char *key)
{
	return (const struct json *)json_object_get(json_in(obj), key);
}

bool
json_str(const struct json *j, struct str *v_r)
{
	if (!json_is_string(json_in(j)))
		return false;
	*v_r = str_of(json_string_value(json_in(j)),
	    json_string_length(json_in(j)));
	return true;
}

bool
json_get_str(const struct json *obj, const char *key, struct str *v_r)
{
	return json_str(json_get(obj, key), v_r);
}

bool
json_get_i64(const struct json *obj, const char *key, int64_t *v_r)
{
	json_t *v = json_in(json_get(obj, key));

	if (!json_is_integer(v))
		return false;
	*v_r = json_integer_value(v);
	return true;
}

bool
json_get_u64(const struct json *obj, const char *key, uint64_t *v_r)
{
	int64_t v;

	if (!json_get_i64(obj, key, &v) || v < 0)
		return false;
	*v_r = (uint64_t)v;
	return true;
}

bool
json_get_bool(const struct json *obj, const char *key, bool *v_r)
{
	json_t *v = json_in(json_get(obj, key));

	if (!json_is_boolean(v))
		return false;
	*v_r = json_is_true(v);
	return true;
}

size_t
json_count(const struct json *arr)
{
	return json_array_size(json_in(arr));
}

const struct json *
json_at(const struct json *arr, size_t i)
{
	return (const struct json *)json_array_get(json_in(arr), i);
}

bool
json_i64(const struct json *j, int64_t *v_r)
{
	if (!json_is_integer(json_in(j)))
		return false;
	*v_r = json_integer_value(json_in(j));
	return true;
}

bool
json_next(const struct json *obj, void **at, const char **key_r,
    const struct json **v_r)
{
	json_t *o = json_in(obj);

	*at = *at == NULL ? json_object_iter(o) : json_object_iter_next(o, *at);
	if (*at == NULL)
		return false;
	*key_r = json_object_iter_key(*at);
	*v_r = (const struct json *)json_object_iter_value(*at);
	return true;
}
