/* loop.h - the real driver of a scheduler: libevent (the only door to it) */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>

#include "base/err.h"
#include "base/task.h"

struct loop;
struct watch;

struct loop *loop_new(const struct clock *c, const struct rnd *r);
void loop_free(struct loop **l);
struct sched *loop_sched(struct loop *l);

/* Run until loop_stop(), or until no task is left if until_idle. */
void loop_run(struct loop *l, bool until_idle);
void loop_stop(struct loop *l);

/* fn as the only task: start it, run until it has returned, whatever background
 * tasks remain. For programs such as shoalctl. */
void loop_run_task(struct loop *l, const char *name, task_fn fn, void *arg);

/* File descriptors; fn runs outside any task. */
enum { WATCH_READ = 1, WATCH_WRITE = 2 };
typedef void (*watch_fn)(struct watch *w, int fd, int events, void *arg);
struct watch *watch_new(struct loop *l, int fd, watch_fn fn, void *arg);
void watch_set(struct watch *w, int events); /* 0: none; level-triggered */
void watch_free(struct watch **w);

/* Signals (SIGTERM, SIGHUP, ...); fn runs outside any task. */
void loop_signal(struct loop *l, int signum, void (*fn)(int signum, void *arg),
    void *arg);

#endif
