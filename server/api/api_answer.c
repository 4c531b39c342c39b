/* api_answer.c - what handlers put into answers */
#include "server/api/api_private.h"

void
api_set_time(struct json *obj, const char *key, int64_t wall_s)
{
	char text[32];

	if (wall_s <= 0) {
		json_set_null(obj, key);
		return;
	}
	api_time_format(wall_s, text);
	json_set_c(obj, key, text);
}

void
api_set_opt(struct json *obj, const char *key, struct str v)
{
	if (v.n > 0)
		json_set_str(obj, key, v);
	else
		json_set_null(obj, key);
}

void
api_set_strs(struct json *obj, const char *key, const struct str *list,
    unsigned n)
{
	struct json *arr = json_set_arr(obj, key);

	for (unsigned i = 0; i < n; i++)
		json_add_str(arr, list[i]);
}

/* A segment: all but unreserved characters (RFC 3986, 2.3) and "@". */
static void
api_segment(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c >= '0' && c <= '9') ||
		    ((c | 32) >= 'a' && (c | 32) <= 'z') ||
		    (c != '\0' && strchr("-._~@", c) != NULL))
			buf_char(b, (char)c);
		else
			buf_fmt(b, "%%%02X", c);
	}
}

void
api_location(struct api *x, const char *collection, struct str name)
{
	struct buf b;

	buf_init(&b, x->a, HTTP_TARGET_MAX);
	buf_c(&b, API_PREFIX);
	buf_c(&b, collection);
	buf_char(&b, '/');
	api_segment(&b, name);
	x->own->location = buf_str(&b);
	x->own->created = arena_str(x->a, name);
}

void
api_plain(struct api *x, struct str text)
{
	invariant(x->route->flags & API_PLAIN);
	x->own->type = "text/plain; charset=utf-8";
	x->own->text = arena_str(x->a, text);
}
