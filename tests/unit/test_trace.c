/* test_trace.c - events on their way to the share, and found again */
#include "tests/unit/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/json.h"
#include "server/trace/trace.h"
#include "server/trace/trace_read.h"
#include "server/worker.h"
#include "storage/share/store.h"
#include "tests/unit/share_rig.h"

#define DAY_MS (86400 * 1000ULL)
/* 2026-11-29 12:00 UTC */
#define NOON_MS 1795953600000ULL

static struct worker worker;
static struct conf conf = { .node = "n1" };
static struct store store;
static uint64_t keep_s;

uint64_t
worker_setting(const struct worker *w, enum state_setting id)
{
	assert_ptr_equal(w, &worker);
	assert_int_equal(id, STATE_TRACE_KEEP);
	return keep_s;
}

static struct trace *
begin(struct rig *r)
{
	keep_s = 30 * 86400;
	store = (struct store){ .share = r->share, .sched = r->sched };
	worker = (struct worker){ .index = 3,
		.workers = 4,
		.conf = &conf,
		.sched = r->sched,
		.store = &store };
	return trace_new(&worker);
}

static void
event(struct trace *tr, const char *id, const char *rcpt)
{
	struct arena *a = arena_new(0);
	struct trace_event ev;

	trace_begin(&ev, tr, a, "deliver", str_c(id));
	trace_str(&ev, "rcpt", str_c(rcpt));
	trace_end(&ev);
	arena_free(&a);
}

/* --- what is there, past the share's own interface --- */

struct seen {
	unsigned files, days, lines;
	char text[1 << 16]; /* of all, in order of their names */
	size_t n;
	char last[512]; /* path */
};

static int
by_name(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

static void
look_file(struct seen *s, const char *path)
{
	FILE *f = fopen(path, "r");
	size_t got;

	assert_non_null(f);
	snprintf(s->last, sizeof(s->last), "%s", path);
	s->files++;
	got = fread(s->text + s->n, 1, sizeof(s->text) - s->n - 1, f);
	for (size_t i = 0; i < got; i++)
		s->lines += s->text[s->n + i] == '\n';
	s->n += got;
	s->text[s->n] = '\0';
	fclose(f);
}

static unsigned
names(const char *dir, char *list[100])
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned n = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && n < 100)
			list[n++] = xstrdup(e->d_name);
	if (d != NULL)
		closedir(d);
	qsort(list, n, sizeof(*list), by_name);
	return n;
}

static struct seen *
look(struct rig *r)
{
	static struct seen s;
	char *days[100], *files[100], path[512];
	unsigned n, k;

	memset(&s, 0, sizeof(s));
	snprintf(path, sizeof(path), "%s/trace", r->dir);
	n = names(path, days);
	for (unsigned i = 0; i < n; i++) {
		s.days++;
		snprintf(path, sizeof(path), "%s/trace/%s", r->dir, days[i]);
		k = names(path, files);
		for (unsigned f = 0; f < k; f++) {
			snprintf(path, sizeof(path), "%s/trace/%s/%s", r->dir,
			    days[i], files[f]);
			look_file(&s, path);
			free(files[f]);
		}
		free(days[i]);
	}
	return &s;
}

static may_yield void
finish(struct task *t, struct trace **tr)
{
	trace_stop(t, *tr);
	trace_free(tr);
}

/* --- events --- */

static may_yield void
events(struct task *t, struct rig *r)
{
	struct trace *tr = begin(r);
	struct str rcpts[2] = { STR("a@x"), STR("b\"\\@x") }, s;
	struct trace_event ev;
	struct json *j;
	uint64_t u;

	trace_begin(&ev, tr, task_arena(t), "smtp", STR("n1-2-000017-1"));
	trace_str(&ev, "from", STR("\xc3\xa9\xff\x01\n\x7f\xc2\x9b@x"));
	trace_str(&ev, "empty", STR(""));
	trace_list(&ev, "rcpt", rcpts, 2);
	trace_list(&ev, "none", rcpts, 0);
	trace_u64(&ev, "bytes", 12345);
	trace_u64(&ev, "much", UINT64_MAX);
	trace_lines(&ev, "log", STR("> EHLO x\r\n< 250 ok\n\n"));
	trace_end(&ev);
	/* a transaction that nobody gave a name */
	trace_begin(&ev, tr, task_arena(t), "order", STR_NONE);
	trace_end(&ev);
	finish(t, &tr);
	s = str_c(look(r)->text);
	assert_int_equal(look(r)->lines, 2);
	assert_non_null(strstr(s.p, "{\"t\":1000000,\"e\":\"order\","
				    "\"node\":\"n1\"}\n"));
	s = str_sub(s, 0, (size_t)str_chr(s, '\n'));
	assert_ok(json_parse(task_arena(t), s, TRACE_EVENT_MAX, &j));
	assert_true(json_get_u64(j, "t", &u) && u == 1000000);
	assert_true(json_get_u64(j, "bytes", &u) && u == 12345);
	assert_true(json_get_u64(j, "much", &u) && u == INT64_MAX);
	assert_true(json_get_str(j, "node", &s) && str_eq_c(s, "n1"));
	assert_true(json_get_str(j, "id", &s) && str_eq_c(s, "n1-2-000017-1"));
	assert_true(json_get_str(j, "from", &s) &&
		    str_eq_c(s, "\xc3\xa9\xef\xbf\xbd\x01\n\x7f\xc2\x9b@x"));
	assert_non_null(strstr(look(r)->text, "\\u007f\\u009b@x"));
	assert_null(json_get(j, "empty"));
	assert_null(json_get(j, "none"));
	assert_null(json_get(j, "cut"));
	assert_int_equal(json_count(json_get(j, "rcpt")), 2);
	assert_true(json_str(json_at(json_get(j, "rcpt"), 1), &s) &&
		    str_eq(s, rcpts[1]));
	assert_int_equal(json_count(json_get(j, "log")), 3);
	assert_true(json_str(json_at(json_get(j, "log"), 0), &s) &&
		    str_eq_c(s, "> EHLO x"));
	json_free(&j);
}

static void
test_events(void **state)
{
	rig_run(*state, events);
}

/* However much is said, a line is an event of bounded length. */
static may_yield void
limits(struct task *t, struct rig *r)
{
	struct trace *tr = begin(r);
	struct str *many = arena_array(task_arena(t), 5000, sizeof(struct str));
	char *big = arena_alloc(task_arena(t), 100000);
	struct trace_event ev;
	struct json *j;
	struct str s;
	bool cut = false;

	memset(big, '"', 100000);
	for (unsigned i = 0; i < 5000; i++)
		many[i] = str_c(
		    arena_printf(task_arena(t), "recipient%u@example.org", i));
	trace_begin(&ev, tr, task_arena(t), "smtp", STR("id"));
	trace_str(&ev, "from", str_of(big, 100000));
	trace_list(&ev, "rcpt", many, 5000);
	trace_list(&ev, "again", many, 5000);
	trace_u64(&ev, "bytes", 1);
	trace_str(&ev, "last", str_of(big, 100));
	trace_end(&ev);
	finish(t, &tr);
	s = str_c(look(r)->text);
	assert_true(s.n < sizeof(look(r)->text) - 1 && s.n <= TRACE_EVENT_MAX);
	assert_ok(json_parse(task_arena(t), s, TRACE_EVENT_MAX, &j));
	assert_true(json_get_bool(j, "cut", &cut) && cut);
	assert_true(json_count(json_get(j, "rcpt")) > 1000);
	assert_true(json_get_str(j, "from", &s) && s.n > 900 && s.n <= 2000);
	json_free(&j);
}

static void
test_limits(void **state)
{
	rig_run(*state, limits);
}

static may_yield void
off(struct task *t, struct rig *r)
{
	struct trace *tr = begin(r);

	keep_s = 0;
	event(tr, "a", "x@y");
	event(NULL, "a", "x@y");
	task_sleep_ms(t, 5000);
	assert_int_equal(look(r)->files, 0);
	keep_s = 86400;
	event(tr, "b", "x@y");
	finish(t, &tr);
	assert_int_equal(look(r)->lines, 1);
	trace_stop(t, NULL);
}

static void
test_off(void **state)
{
	rig_run(*state, off);
}

/* --- writing --- */

/* Nothing at once, one WRITE a second, nothing where nothing happens. */
static may_yield void
pace(struct task *t, struct rig *r)
{
	struct trace *tr = begin(r);
	struct share_counts n;

	event(tr, "a", "x@y");
	event(tr, "b", "x@y");
	share_count_get(r->share, &n);
	assert_int_equal(n.total, 0);
	task_sleep_ms(t, TRACE_FLUSH_MS - 1);
	assert_int_equal(look(r)->files, 0);
	task_sleep_ms(t, 10);
	assert_int_equal(look(r)->lines, 2);
	share_count_reset(r->share);
	for (unsigned i = 0; i < 100; i++) {
		event(tr, "c", "x@y");
		task_sleep_ms(t, 100);
	}
	task_sleep_ms(t, TRACE_FLUSH_MS);
	share_count_get(r->share, &n);
	assert_int_equal(look(r)->lines, 102);
	assert_int_equal(n.total, n.calls[SHARE_WRITE]);
	assert_in_range(n.total, 8, 11);
	share_count_reset(r->share);
	task_sleep_ms(t, 3600 * 1000);
	share_count_get(r->share, &n);
	assert_int_equal(n.total, 0);
	finish(t, &tr);
	assert_int_equal(look(r)->files, 1);
}

static void
test_pace(void **state)
{
	rig_run(*state, pace);
}

/* 20 events, a second apart, whatever becomes of the calls. */
static may_yield void
wrong(struct task *t, struct rig *r, const struct share_fault_rule *rules,
    unsigned n, const char *why)
{
	char want[64];
	const char *p;
	struct trace *tr = begin(r);

	share_fault_set(r->fault, rules, n);
	for (unsigned i = 0; i < 20; i++) {
		event(tr, arena_printf(task_arena(t), "id%u.", i), "x@y");
		task_sleep_ms(t, 1100);
	}
	task_sleep_ms(t, 60000);
	assert_true(share_fault_hits(r->fault, 0) > 0);
	share_fault_set(r->fault, NULL, 0);
	assert_int_equal(trace_dropped(tr), 0);
	finish(t, &tr);
	p = look(r)->text;
	if (look(r)->lines != 20)
		fail_msg("%s: %u lines", why, look(r)->lines);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(want, sizeof(want), "\"id\":\"id%u.\"", i);
		p = strstr(p, want);
		if (p == NULL)
			fail_msg("%s: %s is missing or too early", why, want);
	}
	assert_int_equal(system(arena_printf(task_arena(t), "rm -r '%s/trace'",
			     r->dir)),
	    0);
}

static may_yield void
faults(struct task *t, struct rig *r)
{
	static const struct {
		const char *why;
		struct share_fault_rule rule;
	} table[] = {
		{ "lost", { .kind = SHARE_FAULT_LOST, .times = 5 } },
		{ "late", { .kind = SHARE_FAULT_LATE,
			      .delay_ms = 7000,
			      .times = 7 } },
		{ "twice", { .kind = SHARE_FAULT_TWICE, .times = 30 } },
		{ "short",
		    { .kind = SHARE_FAULT_SHORT, .length = 7, .times = 30 } },
		{ "full", { .kind = SHARE_FAULT_BEFORE,
			      .code = ERR_NOSPC,
			      .times = 4 } },
		{ "away", { .kind = SHARE_FAULT_BEFORE,
			      .code = ERR_UNAVAIL,
			      .times = 4 } },
		{ "error after",
		    { .kind = SHARE_FAULT_AFTER, .code = ERR_IO, .times = 5 } },
	};

	for (unsigned i = 0; i < countof(table); i++) {
		struct share_fault_rule rule = table[i].rule;

		rule.proc = SHARE_WRITE;
		rule.lane = SHARE_FAULT_ANY_LANE;
		rule.nth = 2;
		wrong(t, r, &rule, 1, table[i].why);
		rule.proc = SHARE_FAULT_ANY_PROC;
		rule.nth = 1;
		wrong(t, r, &rule, 1, table[i].why);
	}
}

static void
test_faults(void **state)
{
	rig_run(*state, faults);
}

static may_yield void
flood(struct task *t, struct trace *tr)
{
	char *big = arena_alloc(task_arena(t), 1000);
	struct trace_event ev;

	memset(big, 'x', 1000);
	for (unsigned i = 0; i < 10000; i++) {
		struct arena_mark m = arena_mark(task_arena(t));

		trace_begin(&ev, tr, task_arena(t), "smtp", STR_NONE);
		trace_u64(&ev, "n", 100000 + i);
		trace_str(&ev, "x", str_of(big, 1000));
		trace_end(&ev);
		arena_rewind(task_arena(t), m);
		if (i % 100 == 0)
			task_sleep_ms(t, 100);
	}
}

/* It comes to that while the file is being made. */
static may_yield void
opening(struct task *t, struct rig *r)
{
	struct share_fault_rule rule = { .lane = SHARE_FAULT_ANY_LANE,
		.times = 1,
		.delay_ms = 20000,
		.kind = SHARE_FAULT_DELAY };
	static const enum share_proc procs[] = { SHARE_MKDIR, SHARE_CREATE };
	static char path[512], line[2000];

	for (unsigned i = 0; i < countof(procs); i++) {
		struct trace *tr = begin(r);
		unsigned lines = 0, n = 0, before;
		uint64_t dropped;
		FILE *f;

		rule.proc = procs[i];
		share_fault_set(r->fault, &rule, 1);
		event(tr, "first", "x@y");
		task_sleep_ms(t, 3000);
		flood(t, tr);
		dropped = trace_dropped(tr);
		assert_in_range(dropped, 5500, 6500);
		task_sleep_ms(t, 20000);
		assert_int_equal(share_fault_hits(r->fault, 0), 1);
		share_fault_set(r->fault, NULL, 0);
		finish(t, &tr);
		snprintf(path, sizeof(path), "%s", look(r)->last);
		assert_non_null(f = fopen(path, "r"));
		for (; fgets(line, sizeof(line), f) != NULL; lines++) {
			assert_memory_equal(line, "{\"t\":", 5);
			assert_string_equal(line + strlen(line) - 2, "}\n");
			if (strstr(line, "\"n\":") == NULL)
				continue; /* the first */
			before = n;
			n = (unsigned)atoi(strstr(line, "\"n\":") + 4);
			assert_true(n > before);
		}
		fclose(f);
		assert_int_equal(n, 109999);
		assert_int_equal(lines, 10001 - dropped);
		assert_int_equal(system(arena_printf(task_arena(t),
				     "rm -r '%s/trace'", r->dir)),
		    0);
	}
}

static void
test_opening(void **state)
{
	rig_run(*state, opening);
}

/* The share is away for longer than the memory reaches. */
static may_yield void
away(struct task *t, struct rig *r)
{
	static const struct share_fault_rule rule = { .proc = SHARE_WRITE,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_LOST };
	struct trace *tr = begin(r);
	uint64_t dropped;
	char path[512];
	FILE *f;
	unsigned lines = 0;

	share_fault_set(r->fault, &rule, 1);
	event(tr, "first", "x@y");
	task_sleep_ms(t, 3000); /* it has been sent, and may be there */
	flood(t, tr);
	event(tr, "last", "x@y");
	dropped = trace_dropped(tr);
	assert_in_range(dropped, 5500, 6500);
	share_fault_set(r->fault, NULL, 0);
	task_sleep_ms(t, 2 * TRACE_RETRY_MAX_MS);
	finish(t, &tr);
	/* whole lines, the first and the last among them */
	snprintf(path, sizeof(path), "%s", look(r)->last);
	f = fopen(path, "r");
	assert_non_null(f);
	for (char line[2000]; fgets(line, sizeof(line), f) != NULL; lines++) {
		assert_memory_equal(line, "{\"t\":", 5);
		assert_string_equal(line + strlen(line) - 2, "}\n");
		assert_int_equal(strstr(line, "\"id\":\"first\"") != NULL,
		    lines == 0);
		assert_int_equal(strstr(line, "\"id\":\"last\"") != NULL,
		    lines == 10001 - dropped);
	}
	fclose(f);
	assert_int_equal(lines, 10002 - dropped);
}

static void
test_away(void **state)
{
	rig_run(*state, away);
}

static may_yield void
days(struct task *t, struct rig *r)
{
	struct trace *tr;

	r->now = NOON_MS + DAY_MS / 2 - 500;
	tr = begin(r);
	event(tr, "late", "x@y");
	task_sleep_ms(t, 600);
	event(tr, "early", "x@y"); /* another day, not written yet */
	task_sleep_ms(t, 10000);
	assert_int_equal(look(r)->days, 2);
	assert_int_equal(look(r)->lines, 2);
	assert_non_null(strstr(look(r)->last, "/trace/20261130/n1-3-"));
	/* the clock was wrong: what is there stays as it is */
	r->now -= 60000;
	event(tr, "late again", "x@y");
	task_sleep_ms(t, 10000);
	assert_int_equal(look(r)->days, 2);
	assert_int_equal(look(r)->files, 3);
	assert_int_equal(look(r)->lines, 3);
	finish(t, &tr);
	/* the same worker, started again in the same second */
	tr = begin(r);
	event(tr, "again", "x@y");
	finish(t, &tr);
	assert_int_equal(look(r)->files, 4);
	assert_int_equal(look(r)->lines, 4);
}

static void
test_days(void **state)
{
	rig_run(*state, days);
}

/* Somebody removes the file, or its day, under the writer. */
static may_yield void
removed(struct task *t, struct rig *r)
{
	struct trace *tr = begin(r);

	event(tr, "a", "x@y");
	task_sleep_ms(t, 2000);
	assert_int_equal(look(r)->lines, 1);
	assert_int_equal(unlink(look(r)->last), 0);
	event(tr, "b", "x@y");
	task_sleep_ms(t, 10000);
	event(tr, "c", "x@y");
	task_sleep_ms(t, 10000);
	assert_int_equal(look(r)->lines, 2);
	assert_non_null(strstr(look(r)->text, "\"id\":\"b\""));
	assert_int_equal(system(arena_printf(task_arena(t), "rm -r '%s/trace'",
			     r->dir)),
	    0);
	event(tr, "d", "x@y");
	task_sleep_ms(t, 10000);
	assert_int_equal(look(r)->lines, 1);
	finish(t, &tr);
}

static void
test_removed(void **state)
{
	rig_run(*state, removed);
}

/* Nobody waits for a share that does not answer. */
static may_yield void
stop(struct task *t, struct rig *r)
{
	static const struct share_fault_rule rule = { .proc =
							  SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.code = ERR_UNAVAIL,
		.kind = SHARE_FAULT_BEFORE };
	struct trace *tr = begin(r);
	uint64_t from = r->now;

	share_fault_set(r->fault, &rule, 1);
	event(tr, "a", "x@y");
	task_set_deadline(t, from + 3000);
	trace_stop(t, tr);
	assert_in_range(r->now - from, 3000, 3100);
	task_set_deadline(t, 0);
	share_fault_set(r->fault, NULL, 0);
	finish(t, &tr);
	assert_int_equal(look(r)->lines, 1);
}

static void
test_stop(void **state)
{
	rig_run(*state, stop);
}

/* --- reading --- */

static void
put(struct rig *r, const char *day, const char *file, const char *text,
    size_t n)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/trace", r->dir);
	(void)mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/trace/%s", r->dir, day);
	(void)mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/trace/%s/%s", r->dir, day, file);
	f = fopen(path, "a");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}
#define PUT(r, day, file, text) put(r, day, file, "" text, sizeof(text) - 1)

/* "id3 id1|id2": events by their number, | between groups. */
static may_yield const char *
search(struct task *t, const char *text, int64_t since_ms, int64_t until_ms)
{
	struct trace_query q = { .text = str_c(text),
		.since_ms = since_ms,
		.until_ms = until_ms };
	struct trace_found f;
	struct buf b;

	buf_init(&b, task_arena(t), 100000);
	assert_ok(trace_search(t, &store, &q, &f));
	assert_false(f.more);
	for (unsigned i = 0; i < f.n; i++) {
		struct json *j;
		struct str s;

		if (i > 0)
			buf_c(&b,
			    f.list[i].group == f.list[i - 1].group ? " " : "|");
		assert_ok(json_parse(task_arena(t), f.list[i].line,
		    TRACE_EVENT_MAX, &j));
		assert_true(json_get_str(j, "n", &s));
		buf_str_add(&b, s);
		json_free(&j);
	}
	return buf_cstr(&b);
}

static may_yield void
reading(struct task *t, struct rig *r)
{
	static const struct {
		const char *text, *want;
		int64_t since_ms, until_ms;
	} table[] = {
		{ "bob@example.net", "1 2 3 4", 0, 0 },
		{ "BOB@Example.NET", "1 2 3 4", 0, 0 },
		{ "q17", "1 2 3 4", 0, 0 },
		{ "n1-0-1", "1 2 3 4", 0, 0 },
		{ "<m1@x>", "1 2 3 4", 0, 0 },
		{ "m1@x", "1 2 3 4", 0, 0 },
		{ "carol@example.com", "1 2 3 4|6", 0, 0 },
		{ "@example.com", "1 2 3 4|6", 0, 0 },
		{ "@com", "", 0, 0 },
		{ "2001:DB8:0::1", "5", 0, 0 },
		{ "192.0.2.9", "1 2 3 4", 0, 0 },
		{ "192.0.2.", "", 0, 0 },
		{ "say \"hi\"@x", "7", 0, 0 },
		{ "nobody@example.net", "", 0, 0 },
		{ "smtp", "", 0, 0 },
		{ "", "", 0, 0 },
		/* by time: what is outside does not count */
		{ "carol@example.com", "6", NOON_MS + 60000, INT64_MAX },
		{ "carol@example.com", "1 2 3", 0, NOON_MS + 3500 },
		{ "carol@example.com", "6", NOON_MS + DAY_MS, INT64_MAX },
		{ "carol@example.com", "", NOON_MS + 2 * DAY_MS, INT64_MAX },
	};
	struct trace *tr = begin(r);

	finish(t, &tr);
	assert_string_equal(search(t, "bob@example.net", 0, INT64_MAX / 2), "");
	/* told out of order, by two nodes; with what a crash leaves behind */
	PUT(r, "20261129", "n2-0-1",
	    "{\"t\":1795953603000,\"n\":\"3\",\"queue\":\"q17\",\"rcpt\":"
	    "[\"carol@example.com\"]}\n"
	    "\n\0\0\0\0\0\0\0\n{]\n{\"t\":1,\"n\":\"bob@example.net\n"
	    "[\"bob@example.net\"]\n{\"from\":\"bob@example.net\"}\n"
	    "{\"t\":1795953604000,\"n\":\"4\",\"queue\":\"q17\"}\n"
	    "{\"t\":1795953609000,\"n\":\"9\",\"id\":\"n2-0-9\"}\n");
	PUT(r, "20261129", "n1-0-1",
	    "{\"t\":1795953602000,\"n\":\"2\",\"e\":\"smtp\",\"id\":\"n1-0-1\","
	    "\"queue\":"
	    "\"q17\"}\n"
	    "{\"t\":1795953601000,\"n\":\"1\",\"id\":\"n1-0-1\",\"from\":"
	    "\"bob@example.net\",\"rcpt\":[\"a@b\",\"Carol@example.com\"],"
	    "\"msgid\":\"<m1@x>\",\"ip\":\"192.0.2.9\"}\n"
	    "{\"t\":1795953605000,\"n\":\"5\",\"id\":\"n1-0-2\",\"ip\":"
	    "\"2001:db8::1\",\"log\":[\"> MAIL FROM:<bob@example.net>\","
	    "\"\\\"id\\\":\\\"n1-0-1\\\"\"]}\n"
	    "{\"t\":1795953607000,\"n\":\"7\",\"user\":\"say \\\"hi\\\"@x\"}\n"
	    "{\"t\":1795953608000,\"n\":\"8\",\"id\":\"n1-0-8\",\"from\":"
	    "\"bob@example.net\"");
	PUT(r, "20261130", "n1-0-1",
	    "{\"t\":1796040006000,\"n\":\"6\",\"id\":\"n1-0-6\",\"rcpt\":"
	    "\"carol@example.com\"}\n");
	PUT(r, "2026", "n1-0-1",
	    "{\"t\":1,\"n\":\"0\",\"from\":"
	    "\"bob@example.net\"}\n");
	for (size_t i = 0; i < countof(table); i++) {
		struct arena_mark m = arena_mark(task_arena(t));

		test_row_str(i,
		    str_c(search(t, table[i].text, table[i].since_ms,
			table[i].until_ms > 0 ? table[i].until_ms
					      : 1800000000000)),
		    str_c(table[i].want));
		arena_rewind(task_arena(t), m);
	}
}

static void
test_reading(void **state)
{
	rig_run(*state, reading);
}

/* More than can be told is said to be. */
static may_yield void
much(struct task *t, struct rig *r)
{
	struct trace *tr = begin(r);
	struct trace_query q = { .text = STR("x@y"),
		.until_ms = INT64_MAX / 2 };
	struct trace_seek *k = trace_seek_new(&q);
	struct trace_found f;

	finish(t, &tr);
	while (trace_seek_again(k))
		for (unsigned i = 0; i < TRACE_FOUND_EVENTS + 1; i++) {
			char line[100];
			int n = snprintf(line, sizeof(line),
			    "{\"t\":%u,\"id\":\"i%u\",\"from\":\"x@y\"}", i, i);
			trace_seek_line(k, str_of(line, (size_t)n));
		}
	trace_seek_end(task_arena(t), k, &f);
	assert_true(f.more);
	assert_int_equal(f.n, TRACE_FOUND_EVENTS);
	trace_seek_free(&k);
	/* also to who cannot take all of it, or wait */
	PUT(r, "19700101", "n1-0-1",
	    "{\"t\":1,\"from\":\"x@y\"}\n{\"t\":2,\"from\":\"x@y\"}\n");
	for (unsigned i = 0; i < 3; i++) {
		q.max_bytes = i == 1 ? 30 : SIZE_MAX;
		q.stop_ms = task_now_ms(t) + (i == 2 ? 0 : 10000);
		assert_ok(trace_search(t, &store, &q, &f));
		assert_int_equal(f.more, i > 0);
		assert_int_equal(f.n, 2 - i);
	}
}

/* A worker that was started again counts its transactions from the start. */
static may_yield void
same_id(struct task *t, struct rig *r)
{
	static const char *const lines[2] = {
		"{\"t\":1,\"e\":\"smtp\",\"id\":\"n1-0-1\",\"from\":\"a@x\","
		"\"queue\":\"q\"}",
		"{\"t\":2,\"id\":\"n1-0-1\",\"from\":\"b@x\"}"
	};
	struct trace *tr = begin(r);
	struct trace_query q = { .text = STR("a@x"),
		.until_ms = INT64_MAX / 2 };
	struct trace_seek *k = trace_seek_new(&q);
	struct trace_found f;

	finish(t, &tr);
	while (trace_seek_again(k)) {
		trace_seek_file(k, STR("n1-0-100"));
		trace_seek_line(k, str_c(lines[0]));
		trace_seek_line(k,
		    STR("{\"t\":3,\"id\":\"n1-0-1\",\"host\":\"h\"}"));
		trace_seek_file(k, STR("n1-0-200"));
		trace_seek_line(k, str_c(lines[1]));
		trace_seek_line(k,
		    STR("{\"t\":4,\"id\":\"n1-0-1\",\"queue\":\"q\"}"));
	}
	trace_seek_end(task_arena(t), k, &f);
	/* its own, and what the queue's id says, wherever it was written */
	assert_int_equal(f.n, 3);
	assert_int_equal(f.list[0].t, 1);
	assert_int_equal(f.list[1].t, 3);
	assert_int_equal(f.list[2].t, 4);
	trace_seek_free(&k);
}

static void
test_same_id(void **state)
{
	rig_run(*state, same_id);
}

static void
test_much(void **state)
{
	rig_run(*state, much);
}

struct split_seen {
	struct buf b;
	unsigned n;
};

static void
split_line(void *arg, struct str line)
{
	struct split_seen *s = arg;

	s->n++;
	buf_str_add(&s->b, str_sub(line, 0, 10));
	buf_char(&s->b, '|');
}

/* However the pieces fall, the lines are the same. */
static void
test_split(void **state)
{
	struct arena *a = arena_new(0);
	char *text = arena_alloc(a, TRACE_EVENT_MAX + 1000);
	size_t n = 0;

	(void)state;
	memcpy(text, "a\n\nbcd\n", 7);
	n = 7;
	memset(text + n, 'L', TRACE_EVENT_MAX + 1);
	n += TRACE_EVENT_MAX + 1;
	memcpy(text + n, "\ne\nend", 6);
	n += 6;
	for (size_t piece = 1; piece <= n; piece = piece * 3 + 1) {
		struct trace_split s;
		struct split_seen seen = { .n = 0 };

		buf_init(&seen.b, a, 1000);
		trace_split_init(&s);
		for (size_t at = 0; at < n; at += piece)
			trace_split_feed(&s,
			    str_sub(str_of(text, n), at, piece), split_line,
			    &seen);
		trace_split_free(&s);
		test_row_str(piece, buf_str(&seen.b), STR("a|bcd|e|"));
	}
	arena_free(&a);
}

/* --- sweeping --- */

static void
age_path(const char *path, int64_t wall_s)
{
	struct timespec ts[2] = { { .tv_sec = wall_s }, { .tv_sec = wall_s } };

	assert_int_equal(utimensat(AT_FDCWD, path, ts, 0), 0);
}

/* Files are as old as their day, directories as removing leaves them: the
 * server says that it is noon. */
static void
age(struct rig *r)
{
	char *days[100], *files[100], path[512];
	unsigned n, k;

	snprintf(path, sizeof(path), "%s/trace", r->dir);
	n = names(path, days);
	for (unsigned i = 0; i < n; i++) {
		struct tm tm = { 0 };
		bool day = strptime(days[i], "%Y%m%d", &tm) != NULL;

		tm.tm_hour = 12;
		snprintf(path, sizeof(path), "%s/trace/%s", r->dir, days[i]);
		k = names(path, files);
		for (unsigned f = 0; f < k; f++) {
			snprintf(path, sizeof(path), "%s/trace/%s/%s", r->dir,
			    days[i], files[f]);
			if (day)
				age_path(path, timegm(&tm));
			free(files[f]);
		}
		snprintf(path, sizeof(path), "%s/trace/%s", r->dir, days[i]);
		age_path(path, NOON_MS / 1000);
		free(days[i]);
	}
}

static may_yield unsigned
swept(struct task *t, struct rig *r, unsigned keep_days)
{
	unsigned n;

	age(r);
	assert_ok(trace_sweep(t, &store, keep_days * 86400ULL, NULL, NULL, &n));
	return n;
}

static bool
sweep_stopped(void *arg)
{
	unsigned *left = arg;

	if (*left == 0)
		return false;
	--*left;
	return true;
}

static may_yield void
sweep(struct task *t, struct rig *r)
{
	struct trace *tr = begin(r);
	unsigned n, left = 1;

	finish(t, &tr);
	r->now = NOON_MS;
	assert_ok(trace_sweep(t, &store, 30 * 86400, NULL, NULL, &n));
	assert_int_equal(n, 0);
	PUT(r, "20261001", "n1-0-1", "x\n");
	PUT(r, "20261001", "n1-0-2", "x\n");
	PUT(r, "20261001", "n1-0-3", "x\n");
	PUT(r, "20261028", "n1-0-1", "x\n");
	PUT(r, "20261029", "n1-0-1", "x\n");
	PUT(r, "20261129", "n1-0-1", "x\n");
	PUT(r, "other", "n1-0-1", "x\n");
	age(r);
	/* one after another, and no further than it may */
	assert_ok(trace_sweep(t, &store, 30 * 86400, sweep_stopped, &left, &n));
	assert_int_equal(look(r)->files, 6);
	assert_int_equal(n + swept(t, r, 30), 2);
	assert_int_equal(look(r)->files, 3);
	r->now += DAY_MS;
	assert_int_equal(swept(t, r, 30), 1);
	assert_int_equal(look(r)->files, 2);
	/* a node whose clock is a year ahead does not take the rest along */
	PUT(r, "20261110", "n1-0-1", "x\n");
	PUT(r, "20261020", "n1-0-1", "x\n");
	r->now += 365 * DAY_MS;
	assert_int_equal(swept(t, r, 30), 1);
	assert_int_equal(look(r)->files, 3);
	/* nothing is kept: but of yesterday and today */
	r->now = NOON_MS;
	assert_int_equal(swept(t, r, 0), 1);
	assert_int_equal(look(r)->files, 2);
}

static void
test_sweep(void **state)
{
	rig_run(*state, sweep);
}

static void
test_day(void **state)
{
	(void)state;
	assert_int_equal(trace_day(0), 19700101);
	assert_int_equal(trace_day(951782400), 20000229);
	assert_int_equal(trace_day(NOON_MS / 1000), 20261129);
}

#define RIGGED(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIGGED(test_events),
		RIGGED(test_limits),
		RIGGED(test_off),
		RIGGED(test_pace),
		RIGGED(test_faults),
		RIGGED(test_opening),
		RIGGED(test_away),
		RIGGED(test_days),
		RIGGED(test_removed),
		RIGGED(test_stop),
		RIGGED(test_reading),
		RIGGED(test_same_id),
		RIGGED(test_much),
		RIGGED(test_sweep),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
