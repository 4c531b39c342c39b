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
 * Writing: a block of whole lines at the offset where the last one ended, until
 * the share says that it is there.  While the outcome is unknown the same bytes
 * are written to the same place, so that neither a repeat nor a call that is
 * executed late changes anything.  A file that is gone (ERR_STALE, ERR_NOENT)
 * is begun anew under another name.
 *
 * Members of an event: "t" wall milliseconds, "e" what (smtp, deliver, queue,
 * relay, bounce, order), "node", "id" the transaction ("n1-2-000017-1"), and
 * as they are known "queue", "from", "rcpt" (list), "codes" (list: what each
 * rcpt was answered), "msgid", "ip", "helo", "user", "bytes", "verdict",
 * "code", "answer", "tls", "spf", "dkim", "dmarc", "host", "next", "account",
 * "ms", and "log", the dialogue: a list of lines, "> " what the client said,
 * "< " the server, without secrets and message.  "cut": true where something
 * had to be left out.
 */
#define TRACE_FLUSH_MS 1000
#define TRACE_RETRY_MS 1000 /* doubled up to TRACE_RETRY_MAX_MS */
#define TRACE_RETRY_MAX_MS 10000
#define TRACE_BUFFER_BYTES (4U << 20)
#define TRACE_BLOCK_BYTES (128U << 10) /* written at once */
#define TRACE_EVENT_MAX (64U << 10)
#define TRACE_VALUE_MAX 2000 /* bytes of one string */
#define TRACE_DIR "trace"

struct trace;
struct worker;
struct store;

/* While the setting trace.keep is 0, events are nothing. */
struct trace *trace_new(struct worker *w);
/* Flushes and ends its task, or gives up at the task's deadline (the task must
 * then be abandoned). NULL is nothing. */
may_yield void trace_stop(struct task *t, struct trace *tr);
void trace_free(struct trace **tr); /* NULL, or stopped */
/* Events that were dropped, so far. */
uint64_t trace_dropped(const struct trace *tr);

/*
 * Building one, in the arena and bounded: what does not fit is left out.  NULL
 * trace does nothing.  No key twice.
 */
struct trace_event {
	struct trace *tr;
	struct buf b;
	bool cut;
	unsigned day;
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

/* yyyymmdd of wall seconds, UTC. */
unsigned trace_day(int64_t wall_s);
/*
 * Days that ended more than keep_s ago are removed, of each at most 1,000 files
 * in one call; *removed_r of them are gone.  go_on is asked before each file,
 * if there is one.
 */
may_yield must_check struct err *trace_sweep(struct task *t, struct store *st,
    uint64_t keep_s, bool (*go_on)(void *arg), void *arg, unsigned *removed_r);

#endif
