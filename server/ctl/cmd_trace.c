/* trace */
#include <time.h>

#include "base/json.h"
#include "server/ctl/ctl.h"
#include "server/trace/trace.h"
#include "server/trace/trace_read.h"
#include "storage/state_setting.h"

static const struct ctl_option trace_options[] = {
	{ "since", CTL_STRING, "TIME",
	    "2026-11-30, 2026-11-30T10:00, or 2h, 3d ago (default: 1d)" },
	{ "until", CTL_STRING, "TIME", "the same (default: now)" },
	{ "transcript", CTL_FLAG, NULL, "the dialogues, too" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

/* --- times --- */

static bool
trace_ago(struct task *t, const char *text, int64_t *wall_s_r)
{
	static const struct state_setting_desc any = { .name = "time",
		.type = STATE_SETTING_SECONDS,
		.max = 36500 * 86400ULL };
	uint64_t s;
	size_t n = strlen(text);

	/* a bare number is more likely a year than seconds */
	if (n < 2 || (text[n - 1] >= '0' && text[n - 1] <= '9') ||
	    state_setting_parse(task_arena(t), &any, str_c(text), &s) != NULL)
		return false;
	*wall_s_r = task_wall_s(t) - (int64_t)s;
	return true;
}

static bool
trace_date(const char *text, int64_t *wall_s_r)
{
	static const char *const formats[] = { "%Y-%m-%dT%H:%M:%S",
		"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M",
		"%Y-%m-%d" };

	for (unsigned i = 0; i < countof(formats); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, formats[i], &tm);

		if (end == NULL || (*end != '\0' && strcmp(end, "Z") != 0))
			continue;
		*wall_s_r = timegm(&tm);
		return true;
	}
	return false;
}

static struct err *
trace_time(struct task *t, struct ctl *c, const char *option, int64_t *ms_r)
{
	const struct ctl_value *v = ctl_opt(c, option);
	int64_t wall_s;

	if (!v->given)
		return NULL;
	if (!trace_ago(t, v->s, &wall_s) && !trace_date(v->s, &wall_s))
		return err_newf(task_arena(t), ERR_INVALID,
		    "--%s is a time such as 2026-11-30, 2026-11-30T10:00 "
		    "(UTC) or 2h (ago)",
		    option);
	*ms_r = wall_s * 1000;
	return NULL;
}

/* --- for people --- */

/* What is shown, in this order; the rest is for --json. */
static const char *const trace_shown[] = { "verdict", "code", "from", "rcpt",
	"codes", "account", "user", "host", "next", "answer", "msgid", "ip",
	"helo", "tls", "spf", "dkim", "dmarc", "bytes", "ms", "uid", "tries" };

/* Anybody may have written it: nothing moves a terminal's cursor. */
static void
trace_put(struct str s, bool quotes)
{
	quotes = quotes && (s.n == 0 || memchr(s.p, ' ', s.n) != NULL);
	if (quotes)
		putchar('"');
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 32 || s.p[i] == 127)
			putchar('?');
		else if (i + 1 < s.n && (unsigned char)s.p[i] == 0xc2 &&
			 (unsigned char)s.p[i + 1] < 0xa0) {
			putchar('?'); /* U+0080 to U+009F (ECMA-48, 8.3) */
			i++;
		} else
			putchar(s.p[i]);
	if (quotes)
		putchar('"');
}

static void
trace_put_time(int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm = { 0 };
	char text[32];

	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	printf("%s.%03dZ", text, (int)(ms % 1000));
}

static void
trace_put_member(const struct json *j, const char *key)
{
	const struct json *v = json_get(j, key);
	struct str s;
	int64_t n;

	if (v == NULL)
		return;
	if (json_get_i64(j, key, &n) && strcmp(key, "next") == 0 && n > 0 &&
	    n < INT64_MAX / 1000) {
		printf(" next=");
		trace_put_time(n * 1000);
		return;
	}
	if (json_get_i64(j, key, &n)) {
		printf(" %s=%lld", key, (long long)n);
		return;
	}
	printf(" %s=", key);
	if (json_str(v, &s))
		trace_put(s, true);
	for (size_t i = 0; i < json_count(v); i++)
		if (json_str(json_at(v, i), &s)) {
			fputs(i > 0 ? "," : "", stdout);
			trace_put(s, false);
		}
}

static void
trace_put_event(const struct json *j, int64_t ms, bool transcript)
{
	const struct json *log = json_get(j, "log");
	struct str s = STR("?"), node = STR("?");

	(void)json_get_str(j, "e", &s);
	(void)json_get_str(j, "node", &node);
	fputs("  ", stdout);
	trace_put_time(ms);
	putchar(' ');
	trace_put(node, false);
	putchar(' ');
	trace_put(s, false);
	for (unsigned i = 0; i < countof(trace_shown); i++)
		trace_put_member(j, trace_shown[i]);
	putchar('\n');
	for (size_t i = 0; transcript && log != NULL && i < json_count(log);
	     i++)
		if (json_str(json_at(log, i), &s)) {
			fputs("      ", stdout);
			trace_put(s, false);
			putchar('\n');
		}
}

/* A group's heading: its first transaction, and its place in the queue. */
static void
trace_put_heading(struct task *t, const struct trace_found *f, unsigned from)
{
	static const char *const keys[2] = { "id", "queue" };
	bool told[2] = { false, false };
	struct str s;

	fputs(from > 0 ? "\n" : "", stdout);
	for (unsigned i = from;
	     i < f->n && f->list[i].group == f->list[from].group &&
	     !(told[0] && told[1]);
	     i++) {
		struct json *j;

		if (json_parse(task_arena(t), f->list[i].line, TRACE_EVENT_MAX,
			&j) != NULL)
			continue;
		for (unsigned k = 0; k < 2; k++)
			if (!told[k] && json_get_str(j, keys[k], &s)) {
				printf("%s%s ", told[1 - k] ? " " : "",
				    k > 0 ? "queue" : "transaction");
				trace_put(s, false);
				told[k] = true;
			}
		json_free(&j);
	}
	putchar('\n');
}

static void
trace_put_all(struct task *t, const struct trace_found *f, bool transcript)
{
	for (unsigned i = 0; i < f->n; i++) {
		struct arena_mark m = arena_mark(task_arena(t));
		struct json *j;

		if (i == 0 || f->list[i].group != f->list[i - 1].group)
			trace_put_heading(t, f, i);
		if (json_parse(task_arena(t), f->list[i].line, TRACE_EVENT_MAX,
			&j) == NULL) {
			trace_put_event(j, f->list[i].t, transcript);
			json_free(&j);
		}
		arena_rewind(task_arena(t), m);
	}
}

/* --- for programs: the events as they are, one a line --- */

static void
trace_put_json(const struct trace_found *f)
{
	for (unsigned i = 0; i < f->n; i++)
		printf(STR_FMT "\n", STR_ARG(f->list[i].line));
}

static may_yield_unchecked struct err *
trace_run(struct task *t, struct ctl *c)
{
	struct trace_query q = { .text = str_c(c->argv[0]) };
	struct trace_found f;
	struct err *e;

	/* other nodes' clocks may be ahead of ours */
	q.until_ms = (task_wall_s(t) + 3600) * 1000;
	q.since_ms = (task_wall_s(t) - 86400) * 1000;
	e = trace_time(t, c, "since", &q.since_ms);
	if (e == NULL)
		e = trace_time(t, c, "until", &q.until_ms);
	if (e == NULL)
		e = trace_search(t, c->store, &q, &f);
	if (e != NULL)
		return e;
	if (f.n == 0)
		return err_newf(task_arena(t), ERR_NOTFOUND,
		    "nothing is known of \"%s\" in that time", c->argv[0]);
	if (c->json)
		trace_put_json(&f);
	else
		trace_put_all(t, &f, ctl_given(c, "transcript"));
	if (f.more)
		return err_new(task_arena(t), ERR_LIMIT,
		    "there is more than can be shown: narrow it with --since "
		    "and --until",
		    NULL);
	return NULL;
}

const struct ctl_command cmd_trace = {
	.name = "trace",
	.args = "QUERY",
	.help = "Say what happened to a message, on any node",
	.more =
	    "QUERY is an address (or @DOMAIN), a Message-ID, an IP address, or "
	    "the id of a transaction (it is in the reply to the sender and in "
	    "Received) or of a message in the queue. What all nodes wrote "
	    "down, also those that are gone, is printed by transaction and in "
	    "the order of time (UTC). Events appear a second or two after they "
	    "happened and are kept for the setting trace.keep. With --json, "
	    "the events as they were written, one a line.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_SHARE,
	.options = trace_options,
	.run = trace_run,
};
