/* worker_drain.c - letting sessions go */
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "locking/lease.h"
#include "server/cluster/health.h"
#include "server/cluster/jobs.h"
#include "server/net/counts.h"
#include "server/net/listener.h"
#include "server/queue/queue.h"
#include "server/trace/trace.h"
#include "server/worker_private.h"

#define WORKER_RELEASE_MS 5000
#define WORKER_FLUSH_MS 2000 /* of those that have no lease */

/*
 * Two ways to drain.  An order of the state (shoalctl node drain) makes the
 * node unready and releases the sessions it has; it goes on serving who comes.
 * SIGTERM closes the listeners, too, and ends the process when the last
 * connection is gone and no mail is being sent (what is cut off between the
 * last dot and its answer arrives twice), or drain_timeout over.  In both
 * sessions are told over half of that time, so that not all clients come back
 * at once.
 */

static uint64_t
worker_drain_timeout_ms(const struct core *c)
{
	return (uint64_t)c->w.conf->drain_timeout_s * 1000;
}

/* How many to tell in one tick. */
static unsigned
worker_drain_share(const struct core *c)
{
	uint64_t ticks = worker_drain_timeout_ms(c) / 2 / WORKER_DRAIN_TICK_MS;

	if (ticks == 0)
		return (unsigned)-1;
	return (unsigned)((c->drain_all + ticks - 1) / ticks) + 1;
}

static may_yield void
worker_release_main(struct task *t, void *arg)
{
	struct core *c = arg;

	/* it stopped to begin anything when the drain began */
	task_set_deadline(t, task_now_ms(t) + WORKER_RELEASE_MS);
	queue_stop(t, c->w.queue);
	task_set_deadline(t,
	    task_now_ms(t) +
		(c->w.lease != NULL ? WORKER_RELEASE_MS : WORKER_FLUSH_MS));
	jobs_stop(t, c->w.jobs);
	if (c->w.lease != NULL)
		lease_release(t, c->w.lease);
	trace_stop(t, c->w.trace);
	loop_stop(c->w.loop);
}

static void
worker_drain_end(struct core *c)
{
	unsigned left = conn_count(&c->w);

	if (c->releasing)
		return;
	if (left > 0)
		log_warn(NULL, "sessions cut off", LOG_U64("sessions", left),
		    LOG_U64("worker", c->w.index));
	c->phase = WORKER_ENDING;
	c->releasing = true;
	task_start(c->w.sched, "release", worker_release_main, c);
}

static void
worker_drain_tick(struct timer *tm, void *arg)
{
	struct core *c = arg;
	bool over = sched_now_ms(c->w.sched) >= c->drain_until_ms;
	unsigned told = conn_drain(&c->w, NULL, worker_drain_share(c));

	if (c->phase == WORKER_DRAINING) {
		bool idle =
		    conn_count(&c->w) == 0 && !queue_is_sending(c->w.queue);

		/* Worker 0 is the last: it has the lease. */
		if ((idle || over) && (c->w.index != 0 || c->finish)) {
			worker_drain_end(c);
			return;
		}
	} else if (!c->w.draining || over || told == 0) {
		return; /* resumed, or all who were there have been told */
	}
	timer_set(c->w.sched, tm, WORKER_DRAIN_TICK_MS, worker_drain_tick, c);
}

static void
worker_drain_start(struct core *c)
{
	c->w.draining = true;
	c->drain_all = conn_count(&c->w);
	c->drain_until_ms =
	    sched_now_ms(c->w.sched) + worker_drain_timeout_ms(c);
	timer_cancel(c->w.sched, &c->drain_timer);
	timer_set(c->w.sched, &c->drain_timer, 0, worker_drain_tick, c);
}

static void
worker_drain_say(struct core *c)
{
	if (c->w.index == 0)
		counts_word_set(c->w.counts, COUNTS_DRAIN, c->w.draining);
	health_update(c->w.health);
	if (c->w.lease != NULL)
		lease_renew_soon(c->w.lease);
}

void
worker_drain_begin(struct core *c)
{
	if (c->phase >= WORKER_DRAINING)
		return;
	c->phase = WORKER_DRAINING;
	worker_listen_stop(c);
	worker_drain_start(c);
	worker_drain_say(c);
}

void
worker_drain_order(struct core *c, bool drain)
{
	if (c->w.index == 0)
		log_info(NULL, drain ? "draining" : "resumed",
		    LOG_C("node", c->w.conf->node));
	c->ordered_drain = drain;
	if (c->phase >= WORKER_DRAINING)
		return;
	if (drain)
		worker_drain_start(c);
	c->w.draining = drain;
	worker_drain_say(c);
}

void
worker_drain_finish(struct core *c)
{
	c->finish = true;
	if (c->phase < WORKER_DRAINING)
		worker_drain_begin(c);
}
