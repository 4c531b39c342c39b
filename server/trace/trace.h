/* trace.h - what happened to a message, over all nodes */
#ifndef SERVER_TRACE_TRACE_H
#define SERVER_TRACE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/task.h"

/*
 *	trace/<yyyymmdd>/<node>-<worker>-<start>
 *
 * Every worker has one file a day (UTC) that only it writes: one JSON object a
 * line.  Events are gathered in memory (TRACE_BUFFER_BYTES) and written by a
 * task of their own each TRACE_FLUSH_MS: an SMTP reply never waits for them, so
 * a worker that is killed may take its last seconds along.  While the share is
 * away they wait in memory, and the oldest are dropped, counted, when it is
 * full.
 *
 * Members of an event: "t" wall milliseconds, "e" what (smtp, deliver, queue,
 * relay, bounce, order), "node", "id" the transaction ("n1-2-000017-1"), and
 * as they are known "queue", "from", "rcpt" (list), "msgid", "ip", "helo",
 * "user", "bytes", "verdict", "code", "answer", "tls", "spf", "dkim", "dmarc",
 * "host", "next", "account", "ms", and "log", the dialogue: a list of lines,
 * "> " what the client said, "< " the server, without secrets and message.
 */
#define TRACE_FLUSH_MS 1000
#define TRACE_BUFFER_BYTES (4U << 20)
#define TRACE_EVENT_MAX (64U << 10)

struct trace;
struct worker;

struct trace *trace_new(struct worker *w); /* NULL if trace.keep is 0 */
may_yield void trace_stop(struct task *t, struct trace *tr); /* flushes */
void trace_free(struct trace **tr);

/* Building one: in the arena, bounded; NULL trace does nothing. */
struct trace_event {
	struct trace *tr;
	struct buf b;
	unsigned lists;
};
void trace_begin(struct trace_event *ev, struct trace *tr, struct arena *a,
    const char *what, struct str id);
void trace_str(struct trace_event *ev, const char *key, struct str value);
void trace_u64(struct trace_event *ev, const char *key, uint64_t value);
/* "key":["a","b"] */
void trace_list(struct trace_event *ev, const char *key,
    const struct str *values, unsigned n);
/* Lines of text, as a list. */
void trace_lines(struct trace_event *ev, const char *key, struct str text);
void trace_end(struct trace_event *ev);

/*
 * A dialogue, gathered while a session speaks: bounded, what is said in AUTH
 * and the message are never put in.
 */
#define TRACE_DIALOGUE_MAX 16384

#endif
