/* header_step.h - what is done to the header of a message that comes in */
#ifndef SERVER_SMTP_HEADER_STEP_H
#define SERVER_SMTP_HEADER_STEP_H

#include "server/smtp/deliver.h"
#include "server/smtp/headers.h"

/*
 * When the header of a message is complete, and before anything of it is
 * written, each step sees it, in the order of the list in deliver_header.c, and
 * may remove and add fields, or refuse the message (deliver_refuse; the steps
 * behind are left out then).  Our own trace fields go above what the steps
 * leave.
 *
 * A step may wait (for DNS, say), within limits of its own: the client waits,
 * too.  What it puts into the task's arena is gone when it returns; the
 * header's arena lasts until the header is written.
 */
struct header_step {
	const char *name; /* for logs */
	void (*run)(struct task *t, struct deliver *d, struct headers *h);
};

extern const struct header_step header_step_loops, header_step_forged,
    header_step_submission, header_step_filters;

#endif
