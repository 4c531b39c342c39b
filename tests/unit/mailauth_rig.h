/* mailauth_rig.h - one task, a clock of its own, and a table for the DNS */
#ifndef TESTS_UNIT_MAILAUTH_RIG_H
#define TESTS_UNIT_MAILAUTH_RIG_H

#include "tests/unit/dns_rig.h"

/*
 * Time stands still while the task runs and jumps to the next timer when it
 * waits.  The wall says wall_s. Without cmocka: programs and fuzz targets use
 * it, too.
 */
struct mailauth_rig {
	struct sched *sched;
	struct rnd_seeded seed;
	struct rnd rnd;
	struct clock clock;
	uint64_t now;
	int64_t wall_s;
	struct dns *dns;
	void (*fn)(struct task *t, struct mailauth_rig *r);
	void *arg;
	bool done;
};

static inline uint64_t
mailauth_rig_now(void *arg)
{
	return ((struct mailauth_rig *)arg)->now;
}

static inline int64_t
mailauth_rig_wall(void *arg)
{
	return ((struct mailauth_rig *)arg)->wall_s;
}

static inline void
mailauth_rig_open(struct mailauth_rig *r, const struct dns_rig_row *rows,
    size_t n)
{
	*r = (struct mailauth_rig){ .now = 1000000, .wall_s = 1700000000 };
	r->clock = (struct clock){ mailauth_rig_now, mailauth_rig_wall, r };
	rnd_seed(&r->seed, 1);
	r->rnd = rnd_of_seeded(&r->seed);
	r->sched = sched_new(&r->clock, &r->rnd);
	r->dns = dns_rig_new(r->sched, rows, n);
}

static inline void
mailauth_rig_task(struct task *t, void *arg)
{
	struct mailauth_rig *r = arg;

	r->fn(t, r);
	r->done = true;
}

static inline void
mailauth_rig_run(struct mailauth_rig *r,
    void (*fn)(struct task *t, struct mailauth_rig *r), void *arg)
{
	r->fn = fn;
	r->arg = arg;
	r->done = false;
	task_start(r->sched, "test", mailauth_rig_task, r);
	while (!r->done || sched_task_count(r->sched) > 0) {
		if (sched_run_one(r->sched))
			continue;
		invariant(sched_next_timer_ms(r->sched) != UINT64_MAX);
		r->now = sched_next_timer_ms(r->sched);
		sched_run_timers(r->sched);
	}
}

static inline void
mailauth_rig_close(struct mailauth_rig *r)
{
	/* An assertion jumped out of the task: let it be told. */
	if (!r->done && sched_task_count(r->sched) > 0)
		return;
	dns_free(&r->dns);
	sched_free(&r->sched);
}

#endif
