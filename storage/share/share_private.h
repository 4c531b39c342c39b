/* share_private.h - for who implements a backend or a wrapper */
#ifndef STORAGE_SHARE_SHARE_PRIVATE_H
#define STORAGE_SHARE_SHARE_PRIVATE_H

#include "storage/share/share.h"

/*
 * A backend embeds struct share first.  submit() begins the call and later,
 * outside the caller's coroutine or before submit returns, calls
 * share_complete() exactly once.  A wrapper puts itself in front by changing
 * s->submit and keeping the inner share; it may pass on a private copy of the
 * op with its own complete function.
 */
struct share {
	const struct share_vtable *vt;
	struct share_fh root;
	const char *name;	/* owned by the backend */
};

struct share_vtable {
	void (*submit)(struct share *s, struct share_op *op);
	uint64_t (*conn)(const struct share *s, enum share_lane lane);
	void (*expect)(struct share *s, const unsigned char uuid[16]);
	void (*reconnect)(struct share *s);
	void (*close)(struct share *s);
};

/* Called by backends (and by wrappers for the op they were given). */
void share_complete(struct share_op *op);
/* Wrappers: called instead of waking the task when set; backend[0..1] belong to
 * backends, backend[2..3] to wrappers, innermost first. */

#endif
