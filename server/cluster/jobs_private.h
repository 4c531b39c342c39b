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
may_yield void jobs_walk(struct task *t, struct jobs *j);

#endif
