/* admin.h - what administrators do, for shoalctl and the API alike */
#ifndef SERVER_ADMIN_ADMIN_H
#define SERVER_ADMIN_ADMIN_H

#include "base/err.h"
#include "base/offload.h"
#include "base/task.h"
#include "storage/mailstore.h"
#include "storage/share/store.h"
#include "storage/state.h"

/*
 * The business of administration that is more than one function of storage/:
 * admin_account.h, admin_domain.h (records, keys), admin_queue.h,
 * admin_nodes.h, admin_share.h.  These print nothing and know no HTTP; they
 * take a struct admin, which says with what and for whom.  shoalctl fills it
 * from what it opened (ctl_admin()), the API from the worker
 * (admin_of_worker()).
 */
struct conf;
struct dns;
struct worker;

struct admin {
	struct store *store;
	struct state *state;	/* one that may change */
	struct mailstore *mail; /* NULL: not opened (shoalctl without need) */
	struct offload *offload;
	const struct conf *conf; /* of this node; NULL: not known here */
	struct dns *dns;	 /* NULL: none (shoalctl opens its own) */
	struct worker *worker;	 /* NULL: shoalctl */
	const char *by;		 /* for the audit: "ctl:root", "admin:eve" */
};

/*
 * In a worker.  All but the first read a replica that worker 0 keeps up to date
 * (worker.h); changes are made through a state of their own, opened by the
 * first who needs it.  ERR_UNAVAIL while the share is away: then *ad_r.state is
 * the reading one, good for looking.
 */
may_yield must_check struct err *admin_of_worker(struct task *t,
    struct worker *w, const char *by, struct admin *ad_r);
/* For looking only: no call, never fails. */
void admin_reader(struct worker *w, const char *by, struct admin *ad_r);
/* The state opened for changes is closed; no task may be using it. */
void admin_worker_end(struct worker *w);
/* After changes: this worker, worker 0 and the other nodes hear of them, and
 * w->state has them when it returns (or the task's deadline passed). */
may_yield void admin_changed(struct task *t, struct admin *ad);

/* Call fn(t, arg, i) for 0 <= i < n, in up to `width` tasks at a time, and wait
 * for all; the first error ends what has not begun.  The tasks have t's
 * deadline; what they make in their own arenas is gone after the call. */
may_yield must_check struct err *admin_each(struct task *t, unsigned n,
    unsigned width, struct err *(*fn)(struct task *t, void *arg, unsigned i),
    void *arg);

#endif
