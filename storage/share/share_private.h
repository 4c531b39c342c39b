/* share_private.h - for who implements a backend or a wrapper */
#ifndef STORAGE_SHARE_SHARE_PRIVATE_H
#define STORAGE_SHARE_SHARE_PRIVATE_H

#include "storage/share/share.h"

/*
 * A backend embeds struct share first.  submit() begins the call; then, before
 * submit returns or later, outside any coroutine, share_complete() is called
 * exactly once, with the op's out fields set (they come cleared).  op->arena is
 * never NULL; op->task is not the backend's business.
 *
 * A wrapper is a struct share of its own, in front of the inner one: it either
 * sets the out fields itself and completes the op, or passes a private copy on
 * with share_forward() and gets it back in `complete`.
 */
struct share {
	const struct share_vtable *vt;
	struct share_fh root;
	const char *name;	/* owned by the backend */
	bool durable;		/* a reply means durable, whatever the profile */
};

struct share_vtable {
	void (*submit)(struct share *s, struct share_op *op);
	uint64_t (*conn)(const struct share *s, enum share_lane lane);
	void (*expect)(struct share *s, const unsigned char uuid[16]);
	void (*reconnect)(struct share *s);
	void (*close)(struct share *s);
};

/* Called by backends, and by wrappers for the op they were given. */
void share_complete(struct share_op *op);

/*
 * For wrappers: *copy becomes op as the inner share shall see it; when that has
 * completed it, complete(copy) runs (copy->backend[2] is op, [3] is arg).
 * share_answer() hands the copy's results to op (which the wrapper completes).
 */
void share_forward(struct share *inner, struct share_op *op,
    struct share_op *copy, void (*complete)(struct share_op *copy), void *arg);
void share_answer(struct share_op *op, const struct share_op *copy);

/* An error with the text that all backends use for its code. */
struct err *share_err(struct arena *a, enum err_code code,
    const char *detail_fmt, ...) must_check printf_like(3, 4);

#endif
