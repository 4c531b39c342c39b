/* schedule.h - when the queue tries again, where, and how much at once */
#ifndef SERVER_QUEUE_SCHEDULE_H
#define SERVER_QUEUE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/task.h"
#include "storage/queue.h"

/*
 * Wall seconds throughout: they are kept in the queue and read by other nodes,
 * whose clocks are about right (a wrong one tries earlier or later, nothing
 * else depends on it).
 *
 * Retries: first_s after the first failure, twice as long after each, at most
 * max_s; each up to an eighth shorter or longer, so that what failed together
 * does not come back together.  The last try is at the end of the lifetime.
 */
struct schedule {
	int64_t first_s, max_s;	    /* queue.retry_first, queue.retry_max */
	int64_t lifetime_s;	    /* queue.lifetime */
	int64_t notice_s;	    /* queue.delay_notice; 0: never */
	unsigned per_dest, at_once; /* queue.per_destination, queue.at_once */
};

/* tries: how many failed, the one just made included (1: the first). */
int64_t schedule_next_s(const struct schedule *s, unsigned tries,
    int64_t arrived_s, int64_t now_s, uint64_t random);
/* When it is given up. */
int64_t schedule_end_s(const struct schedule *s, int64_t arrived_s);
bool schedule_is_over(const struct schedule *s, int64_t arrived_s,
    int64_t now_s);
/* Whether a recipient that waits is late enough to tell its sender. */
bool schedule_is_late(const struct schedule *s, int64_t arrived_s,
    int64_t now_s);

/*
 * A destination: the domain of an address in lower case, or "" for an address
 * that has none.  One that failed before it answered MAIL (queue_rcpt.code 0)
 * is left alone by all its messages until that recipient's next try: which is
 * in its row, so whoever takes the bucket over knows it.
 */
#define SCHEDULE_DEST_MAX 256
struct dests;
/* A message that has due recipients there. */
struct dest_job {
	unsigned bucket, ordinal;
	struct txid txid;
};
#define DEST_JOBS 64 /* known at once; more are found when these are done */
struct dest {
	char name[SCHEDULE_DEST_MAX];
	int64_t until_s;	/* not before */
	unsigned running, idle; /* tasks; those that wait with a session */
	struct task_cond more;	/* for the idle */
	struct dest_job *jobs;	/* DEST_JOBS, or NULL */
	unsigned jobs_at, jobs_n;
	bool ours;	   /* a domain of ours, as of this entry of the state */
	uint64_t ours_seq; /* 0: not asked yet */
	struct dest *next, *listed;
};

struct dests *dests_new(void);
void dests_free(struct dests **ds);
/* Made if it is not there. Valid while running > 0, or until dests_trim(). */
struct dest *dests_get(struct dests *ds, struct str name);
struct dest *dests_find(const struct dests *ds, struct str name);
/* What a row tells: a recipient of this destination. */
void dests_learn(struct dests *ds, struct str name, const struct queue_rcpt *r,
    int64_t now_s);
/* A host of it answered: whoever waits need not. */
void dest_clear(struct dest *d);
/* Jobs, in order; false: there is no room, or none. */
bool dest_push(struct dest *d, const struct dest_job *j);
bool dest_pop(struct dest *d, struct dest_job *j_r);
unsigned dest_jobs(const struct dest *d);
void dest_empty(struct dest *d);
/* Those that wait with a session need not any more. */
void dests_wake(struct dests *ds);
/* Forget those nobody uses. */
void dests_trim(struct dests *ds, int64_t now_s);
unsigned dests_count(const struct dests *ds);

/* Destination of an address; false: there is no domain. Lower case, cut at
 * SCHEDULE_DEST_MAX - 1. */
bool schedule_dest(struct str address, char name_r[SCHEDULE_DEST_MAX]);

/* Whether a recipient may be tried now, its destination aside. */
bool schedule_is_due(const struct queue_rcpt *r, int64_t now_s);

/*
 * Which of n nodes (by id) a bucket belongs to: the one with the highest hash
 * of both.  When a node comes or goes only its own buckets move.
 */
unsigned schedule_owner(unsigned bucket, const struct str *ids, unsigned n);

#endif
