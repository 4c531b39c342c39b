/* queue.c - the node's part in delivering the cluster's queue */
#include "server/queue/queue.h"

#include <stdlib.h>

#include "base/log.h"
#include "locking/lease.h"
#include "server/cluster/health.h"
#include "server/net/counts.h"
#include "server/queue/queue_private.h"
#include "server/queue/underway.h"
#include "storage/state_setting.h"

void
queue_schedule(const struct queue *q, struct schedule *s)
{
	const struct worker *w = q->w;

	s->first_s = (int64_t)worker_setting(w, STATE_QUEUE_FIRST);
	s->max_s = (int64_t)worker_setting(w, STATE_QUEUE_MAX);
	s->lifetime_s = (int64_t)worker_setting(w, STATE_QUEUE_LIFETIME);
	s->notice_s = (int64_t)worker_setting(w, STATE_QUEUE_NOTICE);
	s->per_dest = (unsigned)worker_setting(w, STATE_QUEUE_PER_DEST);
	s->at_once = (unsigned)worker_setting(w, STATE_QUEUE_AT_ONCE);
}

bool
queue_may_run(const struct queue *q)
{
	return !q->stop && !q->w->draining && q->w->serving &&
	       q->w->conf->send && lease_is_valid(q->w->lease);
}

bool
queue_is_held(const struct queue *q, unsigned bucket)
{
	const struct queue_hold *h = &q->hold[bucket];

	return h->lock != NULL && h->token != 0 && lock_is_held(h->lock);
}

bool
queue_goes_on(const struct queue *q, unsigned bucket)
{
	return queue_is_held(q, bucket) && !q->hold[bucket].giving &&
	       queue_may_run(q);
}

void
queue_kick(struct queue *q)
{
	q->gather = true;
	task_cond_broadcast(&q->kick);
}

/* --- deliveries --- */

static may_yield void
queue_late_main(struct task *t, void *arg)
{
	struct queue *q = arg;

	while (q->late_n > 0) {
		struct arena_mark mark = arena_mark(task_arena(t));
		struct queue_run run = { .job = q->late[--q->late_n] };
		struct queue_hold *h = &q->hold[run.job.bucket];
		const struct queue_message *m = NULL;

		if (queue_goes_on(q, run.job.bucket) &&
		    !queue_is_busy(q, &run.job) &&
		    underway_may_begin(q->w->underway, &run.job))
			m = queue_bucket_find(h->b, &run.job.txid,
			    run.job.ordinal);
		if (m == NULL)
			continue;
		queue_run_begin(q, &run);
		queue_settle_late(t, q, queue_message_copy(task_arena(t), m));
		queue_run_end(q, &run);
		arena_rewind(task_arena(t), mark);
	}
	q->late_running = false;
	q->running--;
	queue_kick(q);
}

static void
queue_start_one(struct queue *q, struct dest *d)
{
	struct queue_sender *s = xcalloc(1, sizeof(*s));

	s->q = q;
	s->d = d;
	d->running++;
	q->running++;
	q->busy++;
	task_start(q->w->sched, "queue-send", queue_send_main, s);
}

/* Idle sessions first, then new ones, within the limits. */
static void
queue_start(struct queue *q)
{
	struct schedule s;

	queue_schedule(q, &s);
	for (struct dest *d = q->listed; d != NULL; d = d->listed) {
		unsigned jobs = dest_jobs(d), busy = d->running - d->idle;

		if (jobs > 0 && d->idle > 0)
			task_cond_broadcast(&d->more);
		jobs = jobs > d->idle ? jobs - d->idle : 0;
		for (; jobs > 0 && busy + d->idle < s.per_dest &&
		       q->busy < s.at_once;
		     jobs--, busy++)
			queue_start_one(q, d);
	}
	if (q->late_n > 0 && !q->late_running) {
		q->late_running = true;
		q->running++;
		task_start(q->w->sched, "queue-late", queue_late_main, q);
	}
}

static void
queue_publish(struct queue *q)
{
	uint64_t now = 0;

	for (unsigned i = 0; i < QUEUE_BUCKETS; i++)
		if (q->hold[i].lock != NULL && q->hold[i].b != NULL)
			now += queue_bucket_count(q->hold[i].b);
	stat_add(q->w->counts, STAT_QUEUE_MESSAGES,
	    (int64_t)now - (int64_t)q->rows);
	q->rows = (unsigned)now;
}

/* --- the task --- */

/* Told while the turn was made. */
static bool
queue_has_news(const struct queue *q)
{
	if (!queue_may_run(q))
		return false;
	for (unsigned i = 0; i < QUEUE_BUCKETS; i++)
		if (q->hold[i].kick)
			return true;
	return q->gather && queue_gather_early_ms(q) == 0;
}

static may_yield void
queue_wait(struct task *t, struct queue *q)
{
	uint64_t ms = QUEUE_TICK_MS, due = queue_gather_wait_ms(q);

	if (queue_has_news(q)) {
		task_yield(t);
		return;
	}
	if (due < ms)
		ms = due;
	/* of what was told, but too early */
	if (q->gather && queue_may_run(q) && queue_gather_early_ms(q) < ms)
		ms = queue_gather_early_ms(q);
	(void)task_cond_wait(t, &q->kick, task_now_ms(t) + ms);
}

static may_yield void
queue_turn(struct task *t, struct queue *q)
{
	struct arena_mark mark = arena_mark(task_arena(t));

	if (queue_may_run(q)) {
		queue_hold_all(t, q);
		queue_hold_look(t, q);
		queue_suspects_look(t, q);
	}
	if (queue_may_run(q)) {
		queue_gather(q);
		queue_start(q);
	} else {
		counts_word_set(q->w->counts, COUNTS_QUEUE_OWN, 0);
		(void)queue_hold_give(t, q);
	}
	queue_publish(q);
	arena_rewind(task_arena(t), mark);
}

static may_yield void
queue_main(struct task *t, void *arg)
{
	struct queue *q = arg;

	while (!q->stop || q->running > 0) {
		queue_turn(t, q);
		queue_wait(t, q);
	}
	while (!queue_hold_give(t, q))
		task_sleep_ms(t, 100);
	queue_publish(q);
	q->ended = true;
	task_cond_broadcast(&q->done);
}

struct queue *
queue_new(struct worker *w)
{
	struct queue *q;

	/* a reload cannot switch it on: conf says so */
	if (!w->conf->send)
		return NULL;
	q = xcalloc(1, sizeof(*q));
	q->w = w;
	q->dests = dests_new();
	task_cond_init(&q->kick);
	task_cond_init(&q->done);
	queue_suspects_join(q);
	task_start(w->sched, "queue", queue_main, q);
	return q;
}

bool
queue_is_sending(const struct queue *q)
{
	return q != NULL && q->busy > 0;
}

void
queue_stop(struct task *t, struct queue *q)
{
	uint64_t until = task_deadline(t);

	if (q == NULL)
		return;
	q->stop = true;
	dests_wake(q->dests);
	queue_kick(q);
	while (!q->ended)
		if (!task_cond_wait(t, &q->done,
			until > 0 ? until : UINT64_MAX))
			return;
}

void
queue_free(struct queue **qp)
{
	struct queue *q = *qp;

	if (q == NULL)
		return;
	*qp = NULL;
	invariant(q->ended);
	dests_free(&q->dests);
	queue_sign_forget(q);
	free(q);
}
