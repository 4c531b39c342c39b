/* jobs_private.h - what the files of jobs.h share */
#ifndef SERVER_CLUSTER_JOBS_PRIVATE_H
#define SERVER_CLUSTER_JOBS_PRIVATE_H

#include "server/cluster/jobs.h"
#include "server/worker.h"

#define JOBS_TIMED_MAX 16

struct lock;

struct jobs {
	struct worker *w;
	struct lock *lock; /* NULL: another node has it, or nobody */
	bool stop, ended;
	struct task_cond kick, over;
	char by[300];			 /* for the audit table */
	uint64_t due_ms[JOBS_TIMED_MAX]; /* of the timed jobs */
	int64_t dkim_s; /* wall second of the last look at new keys, or 0 */
	/* the walk: done up to this wall second */
	uint64_t walked_s, period_s;
};

/* Whether this node is still the one. */
bool jobs_go_on(const struct jobs *j);
/* Wait, unless there is a reason to go no further. */
may_yield void jobs_sleep(struct task *t, struct jobs *j, uint64_t ms);
/* jobs_keys.c */
may_yield must_check struct err *jobs_srs(struct task *t, struct jobs *j);
may_yield must_check struct err *jobs_dkim(struct task *t, struct jobs *j);
/*
 * A key that waits for its record since due_s; the last look was at last_s (0:
 * there was none), this one is now.  Is it the first that finds it waiting, or
 * the first of another day?  Then it is worth a warning.
 */
bool jobs_dkim_is_news(int64_t due_s, int64_t last_s, int64_t now_s);
/* jobs_walk.c */
may_yield void jobs_walk(struct task *t, struct jobs *j);

#endif
