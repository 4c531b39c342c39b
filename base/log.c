/* log.c - logfmt or JSON lines */
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/utf8.h"

/* A longer value is cut, a longer line loses its last fields; both say so. */
#define LOG_VALUE_BYTES 2048
#define LOG_LINE_BYTES 16384
#define LOG_TAIL_BYTES 64

/* The one thing that belongs to the process rather than to a task: where its
 * lines go.  Set at start-up and on reload, by the loop's thread. */
static struct {
	enum log_format format;
	enum log_level lowest;
	char *topics;
	bool has_fd;
	int fd;
	void (*sink)(void *arg, enum log_level level, struct str line);
	void *sink_arg;
	uint64_t count[LOG_ALARM_ + 1];
} log_state = { .lowest = LOG_INFO_ };

static const char *const log_levels[] = {
	[LOG_DEBUG_] = "debug",
	[LOG_INFO_] = "info",
	[LOG_WARN_] = "warn",
	[LOG_ERROR_] = "error",
	[LOG_ALARM_] = "alarm",
};

void
log_set_topics(const char *comma_list)
{
	free(log_state.topics);
	log_state.topics = comma_list == NULL ? NULL : xstrdup(comma_list);
}

bool
log_topic(const char *topic)
{
	struct str rest, piece;

	if (log_state.topics == NULL)
		return false;
	rest = str_c(log_state.topics);
	while (str_split(&rest, ',', &piece)) {
		piece = str_trim(piece);
		if (str_eq_c(piece, topic) || str_eq_c(piece, "all"))
			return true;
	}
	return false;
}

void
log_set_format(enum log_format f)
{
	log_state.format = f;
}

void
log_set_level(enum log_level lowest)
{
	log_state.lowest = lowest;
}

void
log_set_fd(int fd)
{
	log_state.has_fd = true;
	log_state.fd = fd;
	log_state.sink = NULL;
}

void
log_set_sink(void (*fn)(void *arg, enum log_level level, struct str line),
    void *arg)
{
	log_state.sink = fn;
	log_state.sink_arg = arg;
}

uint64_t
log_count(enum log_level level)
{
	return log_state.count[level];
}

/* Control characters, and those that re-order or break what a person sees. */
static bool
log_is_safe(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	return !(c >= 0x200b && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) &&
	       !(c >= 0x2060 && c <= 0x206f) && c != 0xfeff;
}

static void
log_escaped(struct buf *b, struct str s, bool json)
{
	while (s.n > 0) {
		uint32_t c;
		size_t n = utf8_get(s, &c);

		if (n == 0 && json)
			buf_c(b, "\\ufffd");
		else if (n == 0)
			buf_fmt(b, "\\x%02x", (unsigned char)s.p[0]);
		else if (c == '"' || c == '\\')
			buf_fmt(b, "\\%c", (char)c);
		else if (log_is_safe(c))
			buf_add(b, s.p, n);
		else if (c == '\n' || c == '\r' || c == '\t')
			buf_c(b, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
		else
			buf_fmt(b, "\\u%04x", c);
		s = str_sub(s, n == 0 ? 1 : n, s.n);
	}
}

static bool
log_is_bare(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"' ||
		    s.p[i] == '=' || s.p[i] == '\\')
			return false;
	}
	return s.n > 0;
}

static void
log_value(struct buf *b, struct str s, bool json)
{
	struct str shown = str_sub(s, 0, LOG_VALUE_BYTES);

	if (!json && log_is_bare(s) && s.n == shown.n) {
		buf_str_add(b, s);
		return;
	}
	buf_char(b, '"');
	log_escaped(b, shown, json);
	if (shown.n < s.n)
		buf_c(b, "...");
	buf_char(b, '"');
}

/* A field is whole or absent. */
static void
log_field(struct buf *b, const struct log_kv *kv)
{
	bool json = log_state.format == LOG_JSON;
	size_t before = b->n;

	if (json)
		buf_fmt(b, "%s\"%s\":", b->n > 1 ? "," : "", kv->key);
	else
		buf_fmt(b, "%s%s=", b->n > 0 ? " " : "", kv->key);
	if (kv->kind == LOG_KV_STR)
		log_value(b, kv->s, json);
	else if (kv->kind == LOG_KV_U64)
		buf_u64(b, kv->u);
	else
		buf_fmt(b, "%lld", (long long)kv->u);
	if (!buf_ok(b))
		b->n = before;
}

static void
log_time(struct buf *b, struct task *t)
{
	time_t now =
	    (time_t)(t != NULL ? task_wall_s(t) : clock_system.wall_s(NULL));
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&now, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	log_field(b, &(struct log_kv)LOG_C("time", text));
}

static void
log_task(struct buf *b, struct task *t)
{
	const struct sched *s = task_sched(t);

	if (sched_log_node(s) != NULL) {
		log_field(b, &(struct log_kv)LOG_C("node", sched_log_node(s)));
		log_field(b,
		    &(struct log_kv)LOG_I64("worker", sched_log_worker(s)));
	}
	log_field(b, &(struct log_kv)LOG_C("task", task_name(t)));
	if (task_log_session(t) != NULL)
		log_field(b,
		    &(struct log_kv)LOG_C("session", task_log_session(t)));
	if (task_log_account(t) != NULL)
		log_field(b,
		    &(struct log_kv)LOG_C("account", task_log_account(t)));
}

/* A log that cannot be written must not stop the mail: what the descriptor does
 * not take is lost. */
static void
log_out(enum log_level level, struct str line)
{
	int fd = log_state.has_fd ? log_state.fd : 2;

	if (log_state.sink != NULL) {
		log_state.sink(log_state.sink_arg, level, line);
		return;
	}
	while (line.n > 0) {
		ssize_t n = write(fd, line.p, line.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		line = str_sub(line, (size_t)n, line.n);
	}
}

void
log_write(struct task *t, enum log_level level, const char *event,
    const struct log_kv *kv, unsigned n)
{
	bool json = log_state.format == LOG_JSON;
	int errno_before = errno;
	struct buf b;

	if (level < log_state.lowest && level != LOG_DEBUG_)
		return;
	log_state.count[level]++;
	buf_init(&b, NULL, LOG_LINE_BYTES);
	if (json)
		buf_char(&b, '{');
	log_time(&b, t);
	log_field(&b, &(struct log_kv)LOG_C("level", log_levels[level]));
	log_field(&b, &(struct log_kv)LOG_C("event", event));
	if (t != NULL)
		log_task(&b, t);
	for (unsigned i = 0; i < n; i++)
		log_field(&b, &kv[i]);
	if (!buf_ok(&b)) {
		b.failed = false;
		b.limit += LOG_TAIL_BYTES;
		log_field(&b, &(struct log_kv)LOG_U64("fields_lost", 1));
	}
	b.limit += LOG_TAIL_BYTES;
	buf_c(&b, json ? "}\n" : "\n");
	log_out(level, buf_str(&b));
	buf_free(&b);
	errno = errno_before;
}
