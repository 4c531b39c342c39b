/* underway.h - the queue's jobs that worker 0 is at, for the one after it */
#ifndef SERVER_QUEUE_UNDERWAY_H
#define SERVER_QUEUE_UNDERWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "server/queue/schedule.h"

/*
 * A mapping that the master makes before it starts workers: it outlives worker
 * 0, not the master.  Worker 0 notes here what it begins with and strikes out
 * what has ended, whatever came of it.  What is there when it starts was left
 * by a life that did not end in order:
 *
 *	free    -> runs  -> free
 *		   runs, and worker 0 died: left
 *	left    -> again -> free
 *		   again, and worker 0 died: suspect
 *	suspect -> tried -> free
 *		   tried, and worker 0 died: guilty
 *	guilty  -> free		queue_suspect.c, when the message is held
 *
 * The first death costs nobody anything: it may have been for want of memory,
 * in the middle of hundreds of deliveries.  After the second, what both were in
 * the middle of is tried one job at a time, whatever else runs: so there is one
 * guilty message for three deaths at most, and if it was one message that they
 * were for, it is that.  What is said of a job here holds for all jobs of its
 * message.
 *
 * Only worker 0 writes.  A job's words are stored before its mark, with
 * release; a change of the mark is one store, and underway_join() may be broken
 * off anywhere and done again.  So whoever comes next sees whole jobs only,
 * wherever worker 0 died.
 */
#define UNDERWAY_JOBS 1024 /* more are not noted */
#define UNDERWAY_NONE UNDERWAY_JOBS

struct underway;

enum underway_mark {
	UNDERWAY_FREE,
	UNDERWAY_RUNS,
	UNDERWAY_LEFT,
	UNDERWAY_AGAIN,
	UNDERWAY_SUSPECT,
	UNDERWAY_TRIED,
	UNDERWAY_GUILTY
};

/* Before fork. */
struct underway *underway_new(void);
void underway_free(struct underway **u);

/* --- worker 0; u NULL: nothing is noted --- */

/* Before it begins with anything: what an earlier life left. */
void underway_join(struct underway *u);
/* Whether that job may begin now.  A suspect's may not while another is tried;
 * a guilty message's never. */
bool underway_may_begin(const struct underway *u, const struct dest_job *j);
/* dest: tells the jobs of one message apart.  Returns the job's place, or
 * UNDERWAY_NONE. */
unsigned underway_begin(struct underway *u, const struct dest_job *j,
    uint64_t dest);
/* true: it was tried, another suspect may begin. */
bool underway_end(struct underway *u, unsigned place);
/* The next that is left, suspect or guilty from *at on, which moves behind it:
 * jobs may begin and end meanwhile. */
bool underway_next(const struct underway *u, unsigned *at, struct dest_job *j_r,
    enum underway_mark *mark_r);
/* No job of that message is left, suspect or guilty any more. */
void underway_forget(struct underway *u, const struct dest_job *j);

#endif
