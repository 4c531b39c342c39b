/* jobs.c - what one node of the cluster does for all of them */
#include "server/cluster/jobs.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "locking/lock.h"
#include "locking/nodes.h"
#include "server/cluster/health.h"
#include "server/cluster/jobs_private.h"
#include "server/trace/trace.h"
#include "storage/account.h"
#include "storage/invite.h"
#include "storage/state_account.h"
#include "storage/state_audit.h"

#define JOBS_FIRST_MS                                                          \
	60000	       /* after the lock was taken; then one after another */
#define JOBS_PURGES 20 /* accounts of one run */
#define JOBS_AUDIT_ROWS 500 /* of one entry */
#define JOBS_LOOK_MS 1000

static bool
jobs_may_run(const struct jobs *j)
{
	return !j->stop && !j->w->draining && j->w->serving &&
	       health_now(j->w, NULL) == HEALTH_READY;
}

bool
jobs_go_on(const struct jobs *j)
{
	return jobs_may_run(j) && j->lock != NULL && lock_is_held(j->lock);
}

void
jobs_sleep(struct task *t, struct jobs *j, uint64_t ms)
{
	uint64_t until = task_now_ms(t) + ms;

	while (task_now_ms(t) < until && jobs_may_run(j)) {
		uint64_t at = task_now_ms(t) + JOBS_LOOK_MS;
		(void)task_cond_wait(t, &j->kick, at < until ? at : until);
	}
}

/* --- timed jobs --- */

may_yield static struct err *
jobs_state(struct task *t, struct jobs *j)
{
	return state_maintain(t, j->w->state, false);
}

/* As soon as every node that may live knows it. */
may_yield static struct err *
jobs_schema(struct task *t, struct jobs *j)
{
	uint32_t from = state_schema(j->w->state), all;
	struct err *e;

	if (from >= STATE_SCHEMA)
		return NULL;
	e = nodes_refresh(t, j->w->nodes);
	all = nodes_format_min(j->w->nodes);
	if (e != NULL || all <= from)
		return e;
	e = state_schema_raise(t, j->w->state, all);
	if (e == NULL)
		log_info(t, "state's schema raised", LOG_U64("from", from),
		    LOG_U64("to", state_schema(j->w->state)));
	return e;
}

may_yield static struct err *
jobs_invites(struct task *t, struct jobs *j)
{
	return invite_sweep(t, j->w->store);
}

may_yield static struct err *
jobs_ballast(struct task *t, struct jobs *j)
{
	return mailstore_ballast_ensure(t, j->w->mail);
}

may_yield static struct err *
jobs_audit(struct task *t, struct jobs *j)
{
	unsigned removed;
	struct err *e;

	do {
		e = state_audit_trim(t, j->w->state, JOBS_AUDIT_ROWS, &removed);
		jobs_sleep(t, j, JOBS_ACCOUNT_MS);
	} while (e == NULL && removed == JOBS_AUDIT_ROWS && jobs_go_on(j));
	return e;
}

static bool
jobs_trace_go_on(void *arg)
{
	return jobs_go_on(arg);
}

may_yield static struct err *
jobs_trace(struct task *t, struct jobs *j)
{
	unsigned removed;
	struct err *e =
	    trace_sweep(t, j->w->store, worker_setting(j->w, STATE_TRACE_KEEP),
		jobs_trace_go_on, j, &removed);

	if (removed > 0)
		log_info(t, "trace swept", LOG_U64("days", removed));
	return e;
}

/* Closed it was when it was removed; unless that broke off. */
may_yield static struct err *
jobs_purge_one(struct task *t, struct jobs *j, struct str id)
{
	struct account *acc = NULL;
	struct err *e;

	e = worker_account_open(t, j->w, id, &acc);
	if (e == NULL && !account_is_closed(acc))
		e = account_shut(t, acc);
	account_close(&acc);
	if (e == NULL)
		e = account_purge(t, j->w->mail, id);
	/* Without a directory there is only the row. */
	if (err_is(e, ERR_NOTFOUND))
		e = NULL;
	if (e == NULL)
		e = state_account_purge(t, j->w->state, j->by, id, false);
	return e;
}

/* All that are due: one that cannot go keeps nobody else. */
may_yield static struct err *
jobs_removed(struct task *t, struct jobs *j)
{
	struct state_account_query q = { .removed = true,
		.due = true,
		.now_s = task_wall_s(t),
		.max = JOBS_PURGES };
	struct state_account *list;
	struct err *e, *first = NULL;
	unsigned n;

	do {
		e = state_account_list(task_arena(t), j->w->state, &q, &list,
		    &n);
		for (unsigned i = 0; e == NULL && i < n && jobs_go_on(j); i++) {
			struct err *one = jobs_purge_one(t, j, list[i].id);
			if (one == NULL)
				log_info(t, "account purged",
				    LOG_STR("address", list[i].address),
				    LOG_STR("id", list[i].id));
			else if (first == NULL)
				first = one;
			q.after = list[i].address;
			q.after_id = list[i].id;
			jobs_sleep(t, j, JOBS_ACCOUNT_MS);
		}
	} while (e == NULL && n == JOBS_PURGES && jobs_go_on(j));
	return e != NULL ? e : first;
}

typedef struct err *(*jobs_run)(struct task *t, struct jobs *j);
static const struct {
	const char *name;
	unsigned every_min;
	jobs_run run;
} jobs_timed[] = {
	{ "schema", 10, jobs_schema },
	{ "srs", 60, jobs_srs },
	{ "dkim", 60, jobs_dkim },
	{ "state", 60, jobs_state },
	{ "removed accounts", 60, jobs_removed },
	{ "ballast", 60, jobs_ballast },
	{ "invites", 24 * 60, jobs_invites },
	{ "audit", 24 * 60, jobs_audit },
	{ "trace", 6 * 60, jobs_trace },
};
_Static_assert(countof(jobs_timed) <= JOBS_TIMED_MAX, "due_ms");

may_yield_unchecked static void
jobs_timed_run(struct task *t, struct jobs *j)
{
	for (unsigned i = 0; i < countof(jobs_timed) && jobs_go_on(j); i++) {
		struct arena_mark m = arena_mark(task_arena(t));
		struct err *e;

		if (task_now_ms(t) < j->due_ms[i])
			continue;
		j->due_ms[i] =
		    task_now_ms(t) + jobs_timed[i].every_min * 60000ULL;
		e = jobs_timed[i].run(t, j);
		if (e != NULL)
			log_warn(t, "job failed",
			    LOG_C("job", jobs_timed[i].name), LOG_ERR(e));
		arena_rewind(task_arena(t), m);
		jobs_sleep(t, j, JOBS_ACCOUNT_MS);
	}
}

/* --- the lock --- */

may_yield static void
jobs_take(struct task *t, struct jobs *j)
{
	struct arena_mark m = arena_mark(task_arena(t));
	uint64_t r;
	struct err *e;

	task_set_deadline(t, task_now_ms(t) + JOBS_ASK_MS);
	e = lock_try(t, j->w->locks, STR(JOBS_LOCK), &j->lock);
	task_set_deadline(t, 0);
	if (e != NULL)
		log_debug(t, "jobs", "no lock", LOG_ERR(e));
	arena_rewind(task_arena(t), m);
	if (e == NULL && j->lock != NULL) {
		log_info(t, "jobs taken",
		    LOG_U64("token", lock_token(j->lock)));
		for (unsigned i = 0; i < countof(jobs_timed); i++)
			j->due_ms[i] = task_now_ms(t) + JOBS_FIRST_MS;
		j->due_ms[0] = task_now_ms(t);
		j->dkim_s = 0;
		j->walked_s = 0;
		return;
	}
	task_random(t, &r, sizeof(r));
	jobs_sleep(t, j, JOBS_ASK_MS + r % (JOBS_ASK_MS / 5));
}

may_yield static void
jobs_give_back(struct task *t, struct jobs *j)
{
	struct arena_mark m = arena_mark(task_arena(t));

	if (j->lock == NULL)
		return;
	log_info(t, "jobs handed back", LOG_U64("token", lock_token(j->lock)));
	lock_release(t, &j->lock);
	arena_rewind(task_arena(t), m);
}

may_yield static void
jobs_main(struct task *t, void *arg)
{
	struct jobs *j = arg;

	while (!j->stop) {
		if (!jobs_may_run(j) ||
		    (j->lock != NULL && !lock_is_held(j->lock))) {
			jobs_give_back(t, j);
			(void)task_cond_wait(t, &j->kick,
			    task_now_ms(t) + JOBS_LOOK_MS);
			continue;
		}
		if (j->lock == NULL) {
			jobs_take(t, j);
			continue;
		}
		jobs_timed_run(t, j);
		jobs_walk(t, j);
		jobs_sleep(t, j, JOBS_TICK_MS);
	}
	jobs_give_back(t, j);
	j->ended = true;
	task_cond_broadcast(&j->over);
}

struct jobs *
jobs_new(struct worker *w)
{
	struct jobs *j = xcalloc(1, sizeof(*j));

	j->w = w;
	snprintf(j->by, sizeof(j->by), "job:%s", w->conf->node);
	task_cond_init(&j->kick);
	task_cond_init(&j->over);
	task_start(w->sched, "jobs", jobs_main, j);
	return j;
}

void
jobs_stop(struct task *t, struct jobs *j)
{
	uint64_t until = task_deadline(t);

	if (j == NULL)
		return;
	j->stop = true;
	task_cond_broadcast(&j->kick);
	while (!j->ended)
		if (!task_cond_wait(t, &j->over,
			until > 0 ? until : UINT64_MAX))
			return;
}

void
jobs_free(struct jobs **j)
{
	if (*j == NULL)
		return;
	invariant((*j)->ended);
	free(*j);
	*j = NULL;
}
