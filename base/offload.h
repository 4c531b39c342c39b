/* offload.h - a small thread pool for what must block */
#ifndef BASE_OFFLOAD_H
#define BASE_OFFLOAD_H

#include "base/loop.h"
#include "base/task.h"

/*
 * Functions that block are named blocking_ and get only memory of their own:
 * no task, no arena, no shared object.  Threads inherit a mask with all
 * signals blocked.  A loop of NULL, or threads == 0, runs the function at once
 * in the caller (the simulation).
 */
struct offload;

struct offload *offload_new(struct loop *l, unsigned threads);
/* Waits for what runs and calls what is to be called back.  Comes before
 * sched_abandon(): tasks that wait in offload_run are only woken. */
void offload_free(struct offload **o);
may_yield void offload_run(struct task *t, struct offload *o,
    void (*blocking_fn)(void *arg), void *arg);
/* The same with a callback, run in the loop's thread, outside any task. */
void offload_submit(struct offload *o, void (*blocking_fn)(void *arg),
    void (*done)(void *arg), void *arg);

#endif
