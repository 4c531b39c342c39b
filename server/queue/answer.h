/* answer.h - what a recipient's host said, as it is kept in the queue */
#ifndef SERVER_QUEUE_ANSWER_H
#define SERVER_QUEUE_ANSWER_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"
#include "storage/queue.h"

/*
 * The queue keeps one line for a recipient (queue_rcpt.answer):
 *
 *	mx1.example.net: 451 4.7.1 try later		a host answered
 *	mx1.example.net: 4.4.1 connection refused	it did not
 *	5.4.6 example.net leads back to us		our own verdict
 *
 * `queue list` shows it, and what a DSN says of the recipient is read from it
 * again: so that whoever makes the DSN need not be who heard the answer.
 */
struct answer {
	struct str host;   /* empty: our own verdict */
	unsigned code;	   /* 0: the host did not answer */
	struct str status; /* RFC 3463, "5.1.1"; empty: not said */
	struct str text;
};

/* In the arena, printable ASCII (UTF-8 stays), at most QUEUE_ANSWER_MAX. */
struct str answer_format(struct arena *a, const struct answer *an);
/* Any text at all; parts point into it. */
void answer_parse(struct str line, struct answer *an_r);

/* "5.1.1" of class 2, 4 or 5 (RFC 3463, 2). */
bool answer_status_is_valid(struct str s);
/*
 * What has become of a recipient after this answer: 2xx delivered, 5xx failed,
 * everything else is to be tried again.
 */
enum queue_state answer_state(unsigned code);
/* The status, or what the code alone allows to say: "5.0.0". state FAILED after
 * a temporary answer keeps the answer's (RFC 3464, 2.3.4). */
struct str answer_status(const struct answer *an, enum queue_state state);

#endif
