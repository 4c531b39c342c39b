/* json.h - JSON texts made and read (RFC 8259): the door to jansson */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

/*
 *	struct json *j = json_obj_new();
 *	struct json *list = json_set_arr(j, "accounts");
 *	json_set_str(json_add_obj(list), "name", name);
 *	text = json_print(a, j, JSON_LINE);
 *	json_free(&j);
 *
 * A tree of values on the heap.  The root is freed with json_free(); what
 * json_set_obj() and the like return belongs to its parent.  Keys keep the
 * order in which they were set; setting one again replaces its value.
 *
 * Building never fails: bytes that are not UTF-8 (names from old mail) become
 * U+FFFD, numbers beyond INT64_MAX become INT64_MAX.  Calling json_set_ on what
 * is no object, or json_add_ on what is no array, is a broken invariant.
 */
struct json;

struct json *json_obj_new(void);
struct json *json_arr_new(void);
void json_free(struct json **j);

void json_set_str(struct json *obj, const char *key, struct str v);
void json_set_c(struct json *obj, const char *key, const char *v); /* or null */
void json_set_u64(struct json *obj, const char *key, uint64_t v);
void json_set_i64(struct json *obj, const char *key, int64_t v);
void json_set_num(struct json *obj, const char *key, double v); /* finite */
void json_set_bool(struct json *obj, const char *key, bool v);
void json_set_null(struct json *obj, const char *key);
struct json *json_set_obj(struct json *obj, const char *key);
struct json *json_set_arr(struct json *obj, const char *key);

void json_add_str(struct json *arr, struct str v);
void json_add_c(struct json *arr, const char *v); /* or null */
void json_add_u64(struct json *arr, uint64_t v);
struct json *json_add_obj(struct json *arr);
struct json *json_add_arr(struct json *arr);
/* A tree of its own becomes an element, or a member; *v is NULL then. */
void json_add_json(struct json *arr, struct json **v);
void json_set_json(struct json *obj, const char *key, struct json **v);

/* JSON_LINE: compact, without newline; JSON_PRETTY: for people, ends with a
 * newline.  Both are pure UTF-8 without control characters in strings. */
enum json_style { JSON_LINE, JSON_PRETTY };
struct str json_print(struct arena *a, const struct json *j,
    enum json_style style);

/*
 * Read one object or array with nothing but blanks behind it.  ERR_LIMIT over
 * JSON_DEPTH levels or max_bytes; ERR_INVALID for anything RFC 8259 or we
 * refuse: keys given twice, lone surrogates, U+0000, numbers out of range.
 * *j_r is freed by the caller.
 */
#define JSON_DEPTH 32
must_check struct err *json_parse(struct arena *a, struct str text,
    size_t max_bytes, struct json **j_r);

/* Looking: false or NULL when the key is absent or of another type.  Strings
 * live as long as the tree. */
enum json_kind {
	JSON_KIND_OBJ,
	JSON_KIND_ARR,
	JSON_KIND_STR,
	JSON_KIND_INT,
	JSON_KIND_BOOL,
	JSON_KIND_REAL,
	JSON_KIND_NULL
};
enum json_kind json_kind(const struct json *j);
bool json_get_str(const struct json *obj, const char *key, struct str *v_r);
bool json_get_u64(const struct json *obj, const char *key, uint64_t *v_r);
bool json_get_i64(const struct json *obj, const char *key, int64_t *v_r);
bool json_get_bool(const struct json *obj, const char *key, bool *v_r);
const struct json *json_get(const struct json *obj, const char *key);
/* Elements of an array, 0 for anything else. */
size_t json_count(const struct json *arr);
const struct json *json_at(const struct json *arr, size_t i);
bool json_str(const struct json *j, struct str *v_r);
bool json_i64(const struct json *j, int64_t *v_r);
/* Members of an object in turn, *at NULL at first; false: there are no more (or
 * it is no object).  The key is NUL-terminated, as none has U+0000. */
bool json_next(const struct json *obj, void **at, const char **key_r,
    const struct json **v_r);

#endif
