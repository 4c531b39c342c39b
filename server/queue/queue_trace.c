/* queue_trace.c - what was done with a message of the queue, for the trace */
#include "server/queue/answer.h"
#include "server/queue/queue_private.h"
#include "server/trace/trace.h"

/*
 * "relay": an attempt, one event for all recipients that were answered the
 * same; the dialogue is with the first.  "bounce": a notification was made.
 */
static void
queue_trace_begin(struct trace_event *ev, struct task *t, const struct queue *q,
    const struct queue_message *m, const char *what)
{
	trace_begin(ev, q->w->trace, task_arena(t), what,
	    m->trace.n > 0 ? m->trace : m->id);
	trace_str(ev, "queue", m->id);
	trace_str(ev, "from", m->from);
	if (m->account.n > 0)
		trace_str(ev, "account", m->account);
	trace_u64(ev, "bytes", m->bytes);
}

static const char *
queue_trace_verdict(enum queue_state state)
{
	static const char *const names[] = {
		[QUEUE_WAITING] = "deferred",
		[QUEUE_DELIVERED] = "delivered",
		[QUEUE_FAILED] = "failed",
		[QUEUE_REMOVED] = "removed",
	};

	return names[state];
}

static bool
queue_trace_same(const struct queue_outcome *a, const struct queue_outcome *b)
{
	return a->state == b->state && str_eq(a->answer, b->answer);
}

static void
queue_trace_group(struct trace_event *ev, const struct queue_outcome *o)
{
	struct answer an;

	answer_parse(o->answer, &an);
	trace_str(ev, "verdict", str_c(queue_trace_verdict(o->state)));
	if (an.code != 0)
		trace_u64(ev, "code", an.code);
	trace_str(ev, "answer", o->answer);
	if (o->next_s > 0)
		trace_u64(ev, "next", (uint64_t)o->next_s);
}

/* remote.h writes "C: " and "S: ", the trace ">" and "<". */
static struct str
queue_trace_log(struct arena *a, struct str log)
{
	struct str line;
	struct buf b;

	buf_init(&b, a, log.n + 1);
	if (str_ends(log, STR("\n")))
		log.n--;
	while (str_split(&log, '\n', &line)) {
		bool client = str_starts(line, STR("C: "));

		if (client || str_starts(line, STR("S: "))) {
			buf_c(&b, client ? "> " : "< ");
			line = str_sub(line, 3, line.n);
		}
		buf_str_add(&b, line);
		buf_char(&b, '\n');
	}
	return buf_str(&b);
}

void
queue_trace_relay(struct task *t, const struct queue *q,
    const struct queue_message *m, const struct queue_outcome *o, unsigned n,
    const struct queue_told *told)
{
	struct str *rcpts = arena_array(task_arena(t), n, sizeof(*rcpts));
	bool *done = arena_array(task_arena(t), n, sizeof(*done));

	for (unsigned i = 0; q->w->trace != NULL && i < n; i++) {
		struct arena_mark mark = arena_mark(task_arena(t));
		struct trace_event ev;
		unsigned k = 0;

		if (done[i])
			continue;
		for (unsigned j = i; j < n; j++)
			if (!done[j] && queue_trace_same(&o[i], &o[j])) {
				done[j] = true;
				rcpts[k++] = m->rcpts[o[j].rcpt].address;
			}
		queue_trace_begin(&ev, t, q, m, "relay");
		trace_list(&ev, "rcpt", rcpts, k);
		queue_trace_group(&ev, &o[i]);
		if (told != NULL && told->host.n > 0)
			trace_str(&ev, "host", told->host);
		if (told != NULL && told->tls.n > 0)
			trace_str(&ev, "tls", told->tls);
		if (told != NULL && told->log.n > 0 && i == 0)
			trace_lines(&ev, "log",
			    queue_trace_log(task_arena(t), told->log));
		trace_end(&ev);
		arena_rewind(task_arena(t), mark);
	}
}

void
queue_trace_bounce(struct task *t, const struct queue *q,
    const struct queue_message *m, const char *verdict)
{
	struct trace_event ev;

	queue_trace_begin(&ev, t, q, m, "bounce");
	trace_list(&ev, "rcpt", &m->from, 1);
	trace_str(&ev, "verdict", str_c(verdict));
	trace_end(&ev);
}
