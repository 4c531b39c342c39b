/* admin.c - what administrators do: with which state, and who hears of it */
#include "server/admin/admin.h"

#include <stdlib.h>

#include "base/log.h"
#include "server/admin/admin_share.h"
#include "server/cluster/hints.h"
#include "server/worker.h"

/* For opening the state that may change, where the task has no deadline. */
#define ADMIN_OPEN_MS 10000

/* A worker's, when it is not the first and has had something to change. */
struct admin_writer {
	struct task_mutex opening;
	struct state *st; /* NULL: not opened yet */
};

/* --- with what --- */

void
admin_reader(struct worker *w, const char *by, struct admin *ad_r)
{
	*ad_r = (struct admin){ .store = w->store,
		.state = w->state,
		.mail = w->mail,
		.offload = w->offload,
		.conf = w->conf,
		.dns = w->dns,
		.worker = w,
		.by = by };
}

static struct err *
admin_away(struct task *t)
{
	return err_new(task_arena(t), ERR_UNAVAIL,
	    "the share does not answer: nothing can be changed now", NULL);
}

/*
 * A state of our own beside the one that worker 0 keeps up to date: the same
 * replica, with a journal.  It costs nothing until it is asked, and then looks
 * first; what worker 0 applied meanwhile it finds in the replica.
 */
static may_yield must_check struct err *
admin_writer_open(struct task *t, struct worker *w, struct admin_writer *x)
{
	struct state_conf conf = { .store = w->store,
		.offload = w->offload,
		.local = w->conf->local,
		.key = *state_key(w->state),
		.no_background = true };
	uint64_t deadline = task_deadline(t);
	struct err *e;
	bool stale;

	if (deadline == 0)
		task_set_deadline(t, task_now_ms(t) + ADMIN_OPEN_MS);
	e = state_open(t, &conf, &x->st, &stale);
	task_set_deadline(t, deadline);
	clusterkey_wipe(&conf.key);
	if (e != NULL)
		log_warn(t, "state not opened for changes", LOG_ERR(e));
	if (share_err_is_temporary(e) || (e == NULL && stale))
		return admin_away(t);
	return e;
}

static may_yield must_check struct err *
admin_writer_get(struct task *t, struct worker *w, struct state **st_r)
{
	struct admin_writer *x = w->writer;
	struct err *e = NULL;

	if (x == NULL) {
		x = w->writer = xcalloc(1, sizeof(*x));
		task_mutex_init(&x->opening);
	}
	task_lock(t, &x->opening);
	if (x->st == NULL)
		e = admin_writer_open(t, w, x);
	task_unlock(t, &x->opening);
	if (e == NULL)
		*st_r = x->st;
	return e;
}

/* As worker 0 sees it: who wants to change something need not find out. */
static bool
admin_knows_away(const struct worker *w)
{
	struct admin_share s;

	if (w->counts == NULL)
		return false;
	admin_share_of_worker(w, &s);
	return s.away;
}

struct err *
admin_of_worker(struct task *t, struct worker *w, const char *by,
    struct admin *ad_r)
{
	admin_reader(w, by, ad_r);
	if (w->store == NULL || w->state == NULL || admin_knows_away(w))
		return admin_away(t);
	if (w->index == 0)
		return NULL;
	return admin_writer_get(t, w, &ad_r->state);
}

void
admin_worker_end(struct worker *w)
{
	if (w->writer == NULL)
		return;
	state_close(&w->writer->st);
	free(w->writer);
	w->writer = NULL;
}

/* --- who hears of it --- */

/*
 * Worker 0 looks at the journal, and tells the other nodes.  The replica has
 * the change already: this worker's other state need only look there.
 */
void
admin_changed(struct task *t, struct admin *ad)
{
	struct worker *w = ad->worker;
	uint64_t seq;

	if (w == NULL || ad->state == NULL || w->state == NULL)
		return;
	seq = state_seq(ad->state);
	hints_state(w->hints, seq);
	if (ad->state == w->state)
		return; /* worker_state_main() was told by the state itself */
	worker_state_hint(w, seq);
	/* damage is said where the state is followed */
	err_ignore(state_refresh(t, w->state));
}
