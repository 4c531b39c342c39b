/* trace_read.h - what the nodes' traces say about a message */
#ifndef SERVER_TRACE_TRACE_READ_H
#define SERVER_TRACE_TRACE_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/task.h"

/*
 * The files of all nodes, of those that live and those that do not, are read
 * from one end to the other, a piece at a time.  A line counts if it has what
 * was asked for, or the id (in the same worker's life) or queue id of one that
 * counts: so the files are
 * read again until nothing is added, which is mostly twice.
 *
 * A file may end in the middle of a line (it is being written, or its writer
 * was killed), and have holes; what is no event is skipped.
 */
struct store;
struct json;

#define TRACE_PIECE_BYTES (256U << 10)
#define TRACE_PASSES_MAX 6
#define TRACE_FOUND_BYTES (32U << 20) /* more: trace_found.more */
#define TRACE_FOUND_EVENTS 100000
#define TRACE_IDS_MAX 50000

struct trace_query {
	/* An address, "@domain" of one, a Message-ID, an IP address, the id of
	 * a transaction or of a message in the queue. */
	struct str text;
	int64_t since_ms, until_ms; /* wall */
	/* For those who cannot wait for all of it; 0: no such limit.  What was
	 * found by then (boot time), up to so many bytes, and trace_found.more.
	 */
	uint64_t stop_ms;
	size_t max_bytes; /* at most TRACE_FOUND_BYTES */
};

struct trace_hit {
	int64_t t;	 /* wall milliseconds */
	struct str line; /* JSON, an object */
	unsigned group;	 /* equal for what belongs together */
};

struct trace_found {
	struct trace_hit *list; /* by group (the earliest first), then time */
	unsigned n;
	bool more; /* than can be told: ask for less */
};

may_yield must_check struct err *trace_search(struct task *t, struct store *st,
    const struct trace_query *q, struct trace_found *f_r);

/* --- its parts, for tests --- */

/* Lines of a file that comes in pieces; longer ones than an event are none. */
struct trace_split {
	struct buf carry;
	bool skip; /* the rest of an overlong line */
};
typedef void (*trace_line_fn)(void *arg, struct str line);
void trace_split_init(struct trace_split *s);
void trace_split_feed(struct trace_split *s, struct str piece, trace_line_fn fn,
    void *arg);
void trace_split_free(struct trace_split *s);

/* The search without its files. */
struct trace_seek;
struct trace_seek *trace_seek_new(const struct trace_query *q);
/* Another reading of everything is needed (the first one always is). */
bool trace_seek_again(struct trace_seek *k);
/* The lines that follow are of this file (its name without the day). */
void trace_seek_file(struct trace_seek *k, struct str name);
void trace_seek_line(struct trace_seek *k, struct str line);
/* In the arena. */
void trace_seek_end(struct arena *a, struct trace_seek *k,
    struct trace_found *f_r);
void trace_seek_free(struct trace_seek **k);

#endif
