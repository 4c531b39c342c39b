/* jobs.h - what one node of the cluster does for all of them */
#ifndef SERVER_CLUSTER_JOBS_H
#define SERVER_CLUSTER_JOBS_H

#include "base/str.h"
#include "base/task.h"

/*
 * Worker 0 of the node that holds the lock "jobs".  The lock saves work; that
 * nothing is done twice does not depend on it: every step may be repeated, also
 * by two nodes at once.  It is kept until the node drains, loses its lease or
 * is not ready for another reason; the others ask for it each JOBS_ASK_MS.
 *
 * Timed jobs: the state's snapshot and schema, removed accounts whose grace is
 * over, old invites, old audit rows, old traces, the ballast.
 *
 * The walk.  Every account is visited once in a period: its journal is brought
 * up to date, Junk and Trash are cleared of what has been there for longer than
 * its domain's retention says (message_expire), and in one visit of each week
 * it is maintained: checkpoint, FORGET, orphans, quota file.  The period is a
 * week, or a day where some retention is set and there are no more accounts
 * than JOBS_DAILY_MAX.  A visit costs about 10 calls, a weekly one about 25.
 *
 * Where the walk is follows from the time alone: ids are random, so an
 * account's place in the period is what its id says as a fraction.  Nothing has
 * to be kept or handed over, the work is spread evenly (1,000 accounts: one in
 * ten minutes), and a million costs no more than reading a range of ids from
 * the local replica each minute.  A new holder begins JOBS_OVERLAP_S back.  At
 * most one account is visited each JOBS_ACCOUNT_MS; who has more than 1.2
 * million of them has a walk of more than a week.  What nobody looked at while
 * no node ran is looked at in the next period.
 *
 * So a message leaves Trash between one period and, where it has been touched
 * or nothing marked its day (message.h), some days more after its time; never
 * before.
 */
#define JOBS_LOCK "jobs"
#define JOBS_ASK_MS 60000   /* plus up to a fifth */
#define JOBS_TICK_MS 10000  /* between looks at what is due */
#define JOBS_ACCOUNT_MS 500 /* between two accounts */
#define JOBS_OVERLAP_S 3600
#define JOBS_CHUNK_S 60	     /* of the period, read at once */
#define JOBS_DAILY_MAX 80000 /* about half of what the pace allows */
#define JOBS_DAY_S 86400
#define JOBS_WEEK_S (7 * JOBS_DAY_S)

struct jobs;
struct worker;

/* Starts the task.  w->locks and w->nodes are there. */
struct jobs *jobs_new(struct worker *w);
/* Hand the lock back and end, or give up at the task's deadline (the task must
 * then be abandoned). */
may_yield void jobs_stop(struct task *t, struct jobs *j);
/* NULL, or ended. */
void jobs_free(struct jobs **j);

/* --- the walk's geometry, for tests --- */

/* The least id whose place is at or behind at_s of the period; "~" (above all
 * ids) for the end of one. */
#define JOBS_EDGE_CHARS 8
void jobs_edge(uint64_t at_s, uint64_t period_s, bool end,
    char edge_r[JOBS_EDGE_CHARS + 1]);
/* The day of the week (0..6) on which an account has its weekly visit when the
 * period is a day. */
unsigned jobs_weekday(struct str id);

/* One visit: what the walk does with an account. */
struct jobs_visit {
	struct str id, domain;
	bool maintain;
	unsigned expired_r; /* messages */
};
may_yield must_check struct err *jobs_visit(struct task *t, struct worker *w,
    struct jobs_visit *v);

#endif
