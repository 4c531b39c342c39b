/* trace_private.h - what the files of trace.h share */
#ifndef SERVER_TRACE_PRIVATE_H
#define SERVER_TRACE_PRIVATE_H

#include "server/trace/trace.h"

/* Whole lines of one day, in the order in which they happened. */
struct trace_block {
	struct trace_block *next;
	unsigned day, events;
	bool fixed; /* is being sent, or was: never changes */
	size_t n;
	char data[TRACE_BLOCK_BYTES];
};

/* Takes a line with its newline; it is never refused. */
void trace_add(struct trace *tr, unsigned day, struct str line);
bool trace_is_on(const struct trace *tr);
int64_t trace_wall_ms(const struct trace *tr);
const char *trace_node(const struct trace *tr);
/* In quotes, escaped; at most TRACE_VALUE_MAX bytes. */
void trace_put_string(struct buf *b, struct str s);

#endif
