/* trace_event.c - an event as a line of JSON */
#include "base/utf8.h"
#include "server/trace/trace_private.h"

/* Kept free for the end of the line and a list that was cut off. */
#define TRACE_RESERVE 64

void
trace_put_string(struct buf *b, struct str s)
{
	size_t from = b->n;

	buf_char(b, '"');
	while (s.n > 0 && b->n - from < TRACE_VALUE_MAX) {
		uint32_t c;
		size_t n = utf8_get(s, &c);

		if (n == 0 || c == 0) {
			buf_c(b, "\xef\xbf\xbd"); /* U+FFFD */
			n = 1;
		} else if (c == '"' || c == '\\')
			buf_fmt(b, "\\%c", (int)c);
		else if (c < 32 || (c >= 127 && c < 160))
			buf_fmt(b, "\\u%04x", (unsigned)c);
		else
			buf_add(b, s.p, n);
		s = str_sub(s, n, s.n);
	}
	buf_char(b, '"');
}

static void
trace_put_key(struct buf *b, const char *key)
{
	buf_fmt(b, ",\"%s\":", key);
}

/* What has been put since mark fits, or is taken back. */
static bool
trace_fits(struct trace_event *ev, size_t mark)
{
	if (buf_ok(&ev->b))
		return true;
	ev->b.n = mark;
	ev->b.failed = false;
	ev->cut = true;
	return false;
}

void
trace_begin(struct trace_event *ev, struct trace *tr, struct arena *a,
    const char *what, struct str id)
{
	int64_t ms;

	*ev = (struct trace_event){ .tr = trace_is_on(tr) ? tr : NULL };
	if (ev->tr == NULL)
		return;
	ms = trace_wall_ms(tr);
	ev->day = trace_day(ms / 1000);
	buf_init(&ev->b, a, TRACE_EVENT_MAX - TRACE_RESERVE);
	buf_fmt(&ev->b, "{\"t\":%lld,\"e\":\"%s\",\"node\":", (long long)ms,
	    what);
	trace_put_string(&ev->b, str_c(trace_node(tr)));
	if (id.n > 0)
		trace_str(ev, "id", id);
}

void
trace_str(struct trace_event *ev, const char *key, struct str value)
{
	size_t mark = ev->b.n;

	if (ev->tr == NULL || value.n == 0)
		return;
	trace_put_key(&ev->b, key);
	trace_put_string(&ev->b, value);
	(void)trace_fits(ev, mark);
}

void
trace_u64(struct trace_event *ev, const char *key, uint64_t value)
{
	size_t mark = ev->b.n;

	if (ev->tr == NULL)
		return;
	trace_put_key(&ev->b, key);
	buf_u64(&ev->b, value < INT64_MAX ? value : INT64_MAX);
	(void)trace_fits(ev, mark);
}

/* A list's beginning, and its end: which always fits. */
static bool
trace_list_open(struct trace_event *ev, const char *key)
{
	size_t mark = ev->b.n;

	trace_put_key(&ev->b, key);
	buf_char(&ev->b, '[');
	return trace_fits(ev, mark);
}

static bool
trace_list_add(struct trace_event *ev, bool first, struct str value)
{
	size_t mark = ev->b.n;

	buf_c(&ev->b, first ? "" : ",");
	trace_put_string(&ev->b, value);
	return trace_fits(ev, mark);
}

static void
trace_list_close(struct trace_event *ev)
{
	ev->b.limit++;
	buf_char(&ev->b, ']');
}

void
trace_list(struct trace_event *ev, const char *key, const struct str *values,
    unsigned n)
{
	if (ev->tr == NULL || n == 0 || !trace_list_open(ev, key))
		return;
	for (unsigned i = 0; i < n; i++)
		if (!trace_list_add(ev, i == 0, values[i]))
			break;
	trace_list_close(ev);
}

void
trace_lines(struct trace_event *ev, const char *key, struct str text)
{
	struct str line;
	bool first = true;

	if (ev->tr == NULL || text.n == 0 || !trace_list_open(ev, key))
		return;
	if (str_ends(text, STR("\n")))
		text.n--;
	while (str_split(&text, '\n', &line)) {
		if (str_ends(line, STR("\r")))
			line.n--;
		if (!trace_list_add(ev, first, line))
			break;
		first = false;
	}
	trace_list_close(ev);
}

void
trace_end(struct trace_event *ev)
{
	if (ev->tr == NULL)
		return;
	ev->b.limit = TRACE_EVENT_MAX;
	buf_c(&ev->b, ev->cut ? ",\"cut\":true}\n" : "}\n");
	invariant(buf_ok(&ev->b));
	trace_add(ev->tr, ev->day, buf_str(&ev->b));
}
