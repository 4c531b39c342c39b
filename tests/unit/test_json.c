/* test_json.c - JSON texts made and read */
#include "tests/unit/test.h"

#include "base/json.h"

static void
test_build(void **state)
{
	static const char line[] =
	    "{\"s\":\"a\\\"\xc3\xa4\",\"bad\":\"\xef\xbf\xbd.\",\"c\":\"c\","
	    "\"none\":null,\"u\":9223372036854775807,\"i\":-7,\"yes\":true,"
	    "\"null\":null,\"o\":{\"k\":0},\"a\":[\"x\",null,1,{},[]]}";
	struct arena *a = arena_new(0);
	struct json *j = json_obj_new(), *list;

	(void)state;
	json_set_str(j, "s", STR("a\"\xc3\xa4"));
	json_set_str(j, "bad", STR("\xe4."));
	json_set_c(j, "c", "c");
	json_set_c(j, "none", NULL);
	json_set_u64(j, "u", UINT64_MAX);
	json_set_i64(j, "i", 7);
	json_set_bool(j, "yes", true);
	json_set_null(j, "null");
	json_set_u64(json_set_obj(j, "o"), "k", 0);
	list = json_set_arr(j, "a");
	json_add_str(list, STR("x"));
	json_add_c(list, NULL);
	json_add_u64(list, 1);
	json_add_obj(list);
	json_add_arr(list);
	json_set_i64(j, "i", -7);
	test_row_str(0, json_print(a, j, JSON_LINE), str_c(line));
	json_free(&j);
	assert_null(j);
	json_free(&j);
	j = json_arr_new();
	test_row_str(1, json_print(a, j, JSON_PRETTY), STR("[]\n"));
	json_add_c(j, "x");
	test_row_str(2, json_print(a, j, JSON_PRETTY), STR("[\n  \"x\"\n]\n"));
	assert_null(json_parse(a, STR("{\"k\":[1]}"), 100, &list));
	json_add_json(j, &list);
	assert_null(list);
	test_row_str(3, json_print(a, j, JSON_LINE),
	    STR("[\"x\",{\"k\":[1]}]"));
	list = json_obj_new();
	json_set_json(list, "j", &j);
	assert_null(j);
	test_row_str(4, json_print(a, list, JSON_LINE),
	    STR("{\"j\":[\"x\",{\"k\":[1]}]}"));
	json_free(&list);
	json_free(&j);
	arena_free(&a);
}

static void
test_read(void **state)
{
	static const char text[] =
	    " {\"s\":\"\\u00e4\\ud83d\\udc1f\",\"i\":-5,\"u\":5,\"b\":false,"
	    "\"a\":[1,\"two\",[]],\"r\":1.5,\"n\":null} \r\n";
	struct arena *a = arena_new(0);
	const struct json *list;
	struct json *j;
	struct str s;
	uint64_t u;
	int64_t i;
	bool b;

	(void)state;
	assert_null(json_parse(a, str_c(text), 1000, &j));
	assert_int_equal(json_kind(j), JSON_KIND_OBJ);
	assert_true(json_get_str(j, "s", &s));
	test_row_str(0, s, STR("\xc3\xa4\xf0\x9f\x90\x9f"));
	assert_true(json_get_i64(j, "i", &i));
	assert_int_equal(i, -5);
	assert_false(json_get_u64(j, "i", &u));
	assert_true(json_get_u64(j, "u", &u));
	assert_int_equal(u, 5);
	assert_true(json_get_bool(j, "b", &b));
	assert_false(b);
	assert_false(json_get_str(j, "u", &s));
	assert_false(json_get_u64(j, "r", &u));
	assert_false(json_get_bool(j, "absent", &b));
	assert_null(json_get(j, "absent"));
	assert_int_equal(json_kind(json_get(j, "r")), JSON_KIND_REAL);
	assert_int_equal(json_kind(json_get(j, "n")), JSON_KIND_NULL);
	list = json_get(j, "a");
	assert_int_equal(json_kind(list), JSON_KIND_ARR);
	assert_int_equal(json_count(list), 3);
	assert_int_equal(json_kind(json_at(list, 0)), JSON_KIND_INT);
	assert_true(json_str(json_at(list, 1), &s));
	test_row_str(1, s, STR("two"));
	assert_null(json_at(list, 3));
	assert_int_equal(json_count(j), 0);
	assert_false(json_get_str(list, "s", &s));
	assert_false(json_str(NULL, &s));
	json_free(&j);
	arena_free(&a);
}

static void
test_members(void **state)
{
	static const char *const keys[] = { "b", "a", "c" };
	struct arena *a = arena_new(0);
	const struct json *v;
	struct json *j;
	const char *key;
	void *at = NULL;
	int64_t i;
	unsigned n = 0;

	(void)state;
	assert_null(json_parse(a, STR("{\"b\":0,\"a\":1,\"c\":[]}"), 100, &j));
	for (; json_next(j, &at, &key, &v); n++) {
		assert_true(n < 3);
		assert_string_equal(key, keys[n]);
		assert_int_equal(json_i64(v, &i), n < 2);
		if (n < 2)
			assert_int_equal(i, n);
	}
	assert_int_equal(n, 3);
	at = NULL;
	assert_false(json_next(json_get(j, "c"), &at, &key, &v));
	json_set_num(j, "c", 0.5);
	test_row_str(0, json_print(a, j, JSON_LINE),
	    STR("{\"b\":0,\"a\":1,\"c\":0.5}"));
	json_free(&j);
	arena_free(&a);
}

/* n times open, then n times close. */
static struct str
nested(struct arena *a, unsigned n, char open, char close)
{
	char *p = arena_alloc(a, 2 * n);

	memset(p, open, n);
	memset(p + n, close, n);
	return str_of(p, 2 * n);
}

static void
test_refused(void **state)
{
	static const struct {
		struct str text;
		enum err_code code;
	} rows[] = {
		{ { "", 0 }, ERR_INVALID },
		{ { "{", 1 }, ERR_INVALID },
		{ { "1", 1 }, ERR_INVALID },
		{ { "{}x", 3 }, ERR_INVALID },
		{ { "{}{}", 4 }, ERR_INVALID },
		{ { "[1,]", 4 }, ERR_INVALID },
		{ { "[01]", 4 }, ERR_INVALID },
		{ { "['a']", 5 }, ERR_INVALID },
		{ { "[1e999]", 7 }, ERR_INVALID },
		{ { "[99999999999999999999]", 22 }, ERR_INVALID },
		{ { "[\"\\ud800\"]", 10 }, ERR_INVALID },
		{ { "[\"\\u0000\"]", 10 }, ERR_INVALID },
		{ { "[\"\xff\"]", 5 }, ERR_INVALID },
		{ { "[\"\n\"]", 5 }, ERR_INVALID },
		{ { "{\"a\":1,\"a\":2}", 13 }, ERR_INVALID },
		{ { "[\0]", 3 }, ERR_INVALID },
		{ { "[                                      ]", 40 },
		    ERR_LIMIT },
	};
	struct arena *a = arena_new(0);
	struct json *j = NULL;

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		test_row(i,
		    err_is(json_parse(a, rows[i].text, 30, &j), rows[i].code));
		test_row(i, j == NULL);
	}
	assert_null(json_parse(a, nested(a, JSON_DEPTH, '[', ']'), 1000, &j));
	json_free(&j);
	assert_true(
	    err_is(json_parse(a, nested(a, JSON_DEPTH + 1, '[', ']'), 1000, &j),
		ERR_LIMIT));
	assert_true(
	    err_is(json_parse(a, nested(a, 1 << 20, '{', '}'), 1 << 22, &j),
		ERR_LIMIT));
	/* brackets in strings are no depth */
	assert_null(json_parse(a,
	    STR("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[\"]"), 1000,
	    &j));
	json_free(&j);
	arena_free(&a);
}

static void
die_set(void *arg)
{
	(void)arg;
	json_set_u64(json_arr_new(), "k", 1);
}

static void
die_add(void *arg)
{
	(void)arg;
	json_add_u64(json_obj_new(), 1);
}

static void
test_dies(void **state)
{
	(void)state;
	test_aborts(die_set, NULL, "json_is_object");
	test_aborts(die_add, NULL, "json_is_array");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_dies),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
