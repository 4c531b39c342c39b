/* test_log.c - logfmt and JSON lines, and UTF-8 */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/utf8.h"

static void
sink(void *arg, enum log_level level, struct str line)
{
	struct buf *b = arg;

	(void)level;
	buf_clear(b);
	buf_str_add(b, line);
}

static int
setup(void **state)
{
	struct buf *b = xcalloc(1, sizeof(*b));

	buf_init(b, NULL, 1 << 20);
	log_set_sink(sink, b);
	log_set_format(LOG_LOGFMT);
	log_set_level(LOG_INFO_);
	log_set_topics(NULL);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	log_set_sink(NULL, NULL);
	buf_free(*state);
	free(*state);
	log_set_topics(NULL);
	return 0;
}

/* The line without its date, which starts it. */
static const char *
line(struct buf *b, const char *start)
{
	const char *p = buf_cstr(b), *at = strstr(p, start);

	assert_non_null(at);
	assert_true(p[b->n - 1] == '\n');
	assert_true(strchr(p, '\n') == p + b->n - 1);
	return at;
}

static void
test_values(void **state)
{
	static const struct {
		const char *in, *fmt, *json;
	} rows[] = {
		{ "", "\"\"", "\"\"" },
		{ "plain", "plain", "\"plain\"" },
		{ "<a@b.c>", "<a@b.c>", "\"<a@b.c>\"" },
		{ "two words", "\"two words\"", "\"two words\"" },
		{ "k=v", "\"k=v\"", "\"k=v\"" },
		{ "q\"q", "\"q\\\"q\"", "\"q\\\"q\"" },
		{ "b\\b", "\"b\\\\b\"", "\"b\\\\b\"" },
		{ "a\nlevel=alarm", "\"a\\nlevel=alarm\"",
		    "\"a\\nlevel=alarm\"" },
		{ "\r\t", "\"\\r\\t\"", "\"\\r\\t\"" },
		{ "\033[2J", "\"\\u001b[2J\"", "\"\\u001b[2J\"" },
		{ "\x7f", "\"\\u007f\"", "\"\\u007f\"" },
		{ "\xc3\xa4", "\"\xc3\xa4\"", "\"\xc3\xa4\"" },
		{ "\xc2\x85", "\"\\u0085\"", "\"\\u0085\"" },
		{ "\xe2\x80\xae", "\"\\u202e\"", "\"\\u202e\"" },
		{ "\xe4", "\"\\xe4\"", "\"\\ufffd\"" },
		{ "\xf0\x9f\x90\x9f", "\"\xf0\x9f\x90\x9f\"",
		    "\"\xf0\x9f\x90\x9f\"" },
	};
	struct buf *b = *state;

	for (size_t i = 0; i < countof(rows); i++) {
		struct str in = str_c(rows[i].in);
		char want[100];

		log_set_format(LOG_LOGFMT);
		log_info(NULL, "it", LOG_STR("key", in));
		snprintf(want, sizeof(want), "level=info event=it key=%s\n",
		    rows[i].fmt);
		test_row_str(i, str_c(line(b, "level=")), str_c(want));
		log_set_format(LOG_JSON);
		log_info(NULL, "it", LOG_STR("key", in));
		snprintf(want, sizeof(want),
		    "\"level\":\"info\",\"event\":\"it\",\"key\":%s}\n",
		    rows[i].json);
		test_row_str(i, str_c(line(b, "\"level\"")), str_c(want));
	}
	log_set_format(LOG_LOGFMT);
	log_info(NULL, "nul", LOG_STR("k", str_of("a\0b", 3)));
	assert_non_null(strstr(buf_cstr(b), "k=\"a\\u0000b\"\n"));
}

static void
test_kinds(void **state)
{
	struct arena *a = arena_new(0);
	struct err *e = err_new(a, ERR_IO, "the text", "the %s", "detail");
	struct buf *b = *state;

	log_warn(NULL, "numbers", LOG_U64("u", UINT64_MAX), LOG_I64("i", -7),
	    LOG_C("none", NULL));
	assert_string_equal(line(b, "level="),
	    "level=warn event=numbers u=18446744073709551615 i=-7 none=\"\"\n");
	log_error(NULL, "failed", LOG_ERR(e));
	assert_string_equal(line(b, "level="),
	    "level=error event=failed code=io error=\"the text\" "
	    "detail=\"the detail\"\n");
	log_alarm(NULL, "failed", LOG_ERR((struct err *)NULL));
	assert_string_equal(line(b, "level="),
	    "level=alarm event=failed code=none error=\"\" detail=\"\"\n");
	assert_true(strncmp(buf_cstr(b), "time=20", 7) == 0);
	arena_free(&a);
}

static int64_t
wall(void *arg)
{
	(void)arg;
	return 1700000000;
}

static uint64_t
boot(void *arg)
{
	(void)arg;
	return 0;
}

static may_yield void
logs(struct task *t, void *arg)
{
	struct buf *b = arg;

	log_info(t, "bare");
	assert_string_equal(buf_cstr(b), "time=2023-11-14T22:13:20Z level=info "
					 "event=bare node=n1 worker=2 "
					 "task=logs\n");
	task_set_log(t, "s-1", "a b");
	log_info(t, "full", LOG_C("k", "v"));
	assert_string_equal(line(b, "task="),
	    "task=logs session=s-1 account=\"a b\" k=v\n");
}

static void
test_task(void **state)
{
	static const struct clock clock = { boot, wall, NULL };
	struct sched *s = sched_new(&clock, &rnd_system);

	sched_set_log_name(s, "n1", 2);
	task_start(s, "logs", logs, *state);
	assert_true(sched_run_one(s));
	sched_free(&s);
}

static void
test_levels(void **state)
{
	struct buf *b = *state;
	uint64_t warns = log_count(LOG_WARN_), infos = log_count(LOG_INFO_);
	uint64_t debugs = log_count(LOG_DEBUG_);

	log_set_level(LOG_WARN_);
	log_info(NULL, "not written");
	log_warn(NULL, "written");
	assert_non_null(strstr(buf_cstr(b), "written"));
	assert_int_equal(log_count(LOG_INFO_) - infos, 0);
	assert_int_equal(log_count(LOG_WARN_) - warns, 1);
	assert_false(log_topic("nfs"));
	log_debug(NULL, "nfs", "call");
	assert_int_equal(log_count(LOG_DEBUG_) - debugs, 0);
	log_set_topics("journal, nfs");
	assert_true(log_topic("nfs"));
	assert_true(log_topic("journal"));
	assert_false(log_topic("jour"));
	log_debug(NULL, "nfs", "call", LOG_U64("xid", 7));
	assert_string_equal(line(b, "level="),
	    "level=debug event=call topic=nfs xid=7\n");
	log_set_topics("all");
	assert_true(log_topic("anything"));
	log_set_topics("");
	assert_false(log_topic("nfs"));
}

/* Whatever the length: one valid line, and it says what it lacks. */
static void
test_long(void **state)
{
	struct arena *a = arena_new(0);
	struct buf *b = *state;
	char *value = arena_alloc(a, 3001);
	struct json *j;

	memset(value, 'x', 3000);
	for (int json = 0; json < 2; json++) {
		log_set_format(json ? LOG_JSON : LOG_LOGFMT);
		for (size_t n = 2040; n < 2060; n++) {
			log_info(NULL, "long", LOG_STR("v", str_of(value, n)));
			line(b, "event");
			test_row(n, (strstr(buf_cstr(b), "xxx...\"") != NULL) ==
					(n > 2048));
		}
		log_info(NULL, "longer", LOG_C("a", value), LOG_C("b", value),
		    LOG_C("c", value), LOG_C("d", value), LOG_C("e", value),
		    LOG_C("f", value), LOG_C("g", value), LOG_C("h", value),
		    LOG_C("i", value));
		line(b, "event");
		assert_true(b->n < 17000);
		assert_non_null(strstr(buf_cstr(b), "fields_lost"));
		if (json) {
			assert_null(json_parse(a, buf_str(b), 20000, &j));
			json_free(&j);
		}
	}
	arena_free(&a);
}

/* To a descriptor; one that is broken costs the line and nothing else. */
static void
test_fd(void **state)
{
	char text[200];
	int fds[2];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	log_set_fd(fds[1]);
	log_info(NULL, "to a pipe");
	n = read(fds[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "event=\"to a pipe\"\n"));
	close(fds[0]);
	close(fds[1]);
	log_info(NULL, "to nowhere");
	log_set_fd(2);
}

/* RFC 3629, section 3, and what section 10 warns of */
static void
test_utf8(void **state)
{
	static const struct {
		const char *in;
		uint32_t c;
		size_t n;
	} rows[] = {
		{ "a", 'a', 1 },
		{ "\x7f", 0x7f, 1 },
		{ "\x80", 0, 0 },
		{ "\xc1\xbf", 0, 0 },
		{ "\xc2\x80", 0x80, 2 },
		{ "\xc2", 0, 0 },
		{ "\xc2\xc0", 0, 0 },
		{ "\xdf\xbf", 0x7ff, 2 },
		{ "\xe0\x9f\xbf", 0, 0 },
		{ "\xe0\xa0\x80", 0x800, 3 },
		{ "\xe2\x82", 0, 0 },
		{ "\xed\x9f\xbf", 0xd7ff, 3 },
		{ "\xed\xa0\x80", 0, 0 },
		{ "\xed\xbf\xbf", 0, 0 },
		{ "\xee\x80\x80", 0xe000, 3 },
		{ "\xef\xbf\xbf", 0xffff, 3 },
		{ "\xf0\x8f\xbf\xbf", 0, 0 },
		{ "\xf0\x90\x80\x80", 0x10000, 4 },
		{ "\xf4\x8f\xbf\xbf", 0x10ffff, 4 },
		{ "\xf4\x90\x80\x80", 0, 0 },
		{ "\xf8\x88\x80\x80\x80", 0, 0 },
		{ "\xff", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct str in = str_c(rows[i].in);
		uint32_t c = 0;

		test_row(i, utf8_get(in, &c) == rows[i].n);
		test_row(i, c == rows[i].c);
		test_row(i, utf8_is_valid(in) == (rows[i].n > 0));
	}
	assert_true(utf8_is_valid(STR("")));
	assert_true(utf8_is_valid(STR("a\0\xc3\xa4")));
	assert_false(utf8_is_valid(STR("abc\xff")));
}

#define log_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		log_test(test_values),
		log_test(test_kinds),
		log_test(test_task),
		log_test(test_levels),
		log_test(test_long),
		log_test(test_fd),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
