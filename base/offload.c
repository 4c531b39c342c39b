/* offload.c - a small thread pool for what must block */
#include "base/offload.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct offload_job {
	struct offload_job *next;
	void (*blocking_fn)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

struct offload_list {
	struct offload_job *first, **last;
};

struct offload {
	pthread_t *threads;
	unsigned thread_n; /* 0: in the caller */
	struct watch *watch;
	int event_fd;
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t more;
	struct offload_list todo, done;
	bool ending;
};

static void
offload_list_init(struct offload_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

static void
offload_list_add(struct offload_list *list, struct offload_job *job)
{
	job->next = NULL;
	*list->last = job;
	list->last = &job->next;
}

static struct offload_job *
offload_list_take(struct offload_list *list)
{
	struct offload_job *job = list->first;

	if (job == NULL)
		return NULL;
	list->first = job->next;
	if (list->first == NULL)
		list->last = &list->first;
	return job;
}

/* The loop's file descriptor becomes readable. */
static void
offload_report(struct offload *o)
{
	uint64_t one = 1;

	/* EAGAIN: it is readable 2^64 - 2 times over. */
	while (write(o->event_fd, &one, sizeof(one)) < 0) {
		if (errno == EAGAIN)
			return;
		if (errno != EINTR)
			panic("eventfd: %s", strerror(errno));
	}
}

static void *
offload_thread(void *arg)
{
	struct offload *o = arg;
	struct offload_job *job;

	pthread_mutex_lock(&o->lock);
	for (;;) {
		job = offload_list_take(&o->todo);
		if (job == NULL && o->ending)
			break;
		if (job == NULL) {
			pthread_cond_wait(&o->more, &o->lock);
			continue;
		}
		pthread_mutex_unlock(&o->lock);
		job->blocking_fn(job->arg);
		pthread_mutex_lock(&o->lock);
		offload_list_add(&o->done, job);
		offload_report(o);
	}
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

/* Callbacks run without the lock: they may submit. */
static void
offload_finish(struct offload *o)
{
	struct offload_job *job;

	for (;;) {
		pthread_mutex_lock(&o->lock);
		job = offload_list_take(&o->done);
		pthread_mutex_unlock(&o->lock);
		if (job == NULL)
			return;
		job->done(job->arg);
		free(job);
	}
}

static void
offload_fired(struct watch *w, int fd, int events, void *arg)
{
	uint64_t n;

	(void)w, (void)events;
	if (read(fd, &n, sizeof(n)) < 0 && errno != EAGAIN && errno != EINTR)
		panic("eventfd: %s", strerror(errno));
	offload_finish(arg);
}

static void
offload_threads_start(struct offload *o, unsigned threads)
{
	sigset_t all, before;
	int rc;

	o->threads = xcalloc(threads, sizeof(o->threads[0]));
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (; o->thread_n < threads; o->thread_n++) {
		rc = pthread_create(&o->threads[o->thread_n], NULL,
		    offload_thread, o);
		if (rc != 0)
			panic("pthread_create: %s", strerror(rc));
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct offload *
offload_new(struct loop *l, unsigned threads)
{
	struct offload *o = xcalloc(1, sizeof(*o));

	if (l == NULL || threads == 0)
		return o;
	offload_list_init(&o->todo);
	offload_list_init(&o->done);
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->more, NULL);
	o->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (o->event_fd < 0)
		panic("eventfd: %s", strerror(errno));
	o->watch = watch_new(l, o->event_fd, offload_fired, o);
	watch_set(o->watch, WATCH_READ);
	offload_threads_start(o, threads);
	return o;
}

void
offload_free(struct offload **op)
{
	struct offload *o = *op;

	if (o == NULL)
		return;
	if (o->thread_n > 0) {
		pthread_mutex_lock(&o->lock);
		o->ending = true;
		pthread_cond_broadcast(&o->more);
		pthread_mutex_unlock(&o->lock);
		for (unsigned i = 0; i < o->thread_n; i++)
			pthread_join(o->threads[i], NULL);
		offload_finish(o);
		watch_free(&o->watch);
		close(o->event_fd);
		pthread_cond_destroy(&o->more);
		pthread_mutex_destroy(&o->lock);
		free(o->threads);
	}
	free(o);
	*op = NULL;
}

void
offload_submit(struct offload *o, void (*blocking_fn)(void *arg),
    void (*done)(void *arg), void *arg)
{
	struct offload_job *job;

	if (o->thread_n == 0) {
		blocking_fn(arg);
		done(arg);
		return;
	}
	job = xcalloc(1, sizeof(*job));
	job->blocking_fn = blocking_fn;
	job->done = done;
	job->arg = arg;
	pthread_mutex_lock(&o->lock);
	invariant(!o->ending);
	offload_list_add(&o->todo, job);
	pthread_cond_signal(&o->more);
	pthread_mutex_unlock(&o->lock);
}

struct offload_wait {
	struct task *task;
	void (*blocking_fn)(void *arg);
	void *arg;
	bool done;
};

static void
offload_wait_blocking(void *arg)
{
	struct offload_wait *w = arg;

	w->blocking_fn(w->arg);
}

static void
offload_wait_done(void *arg)
{
	struct offload_wait *w = arg;

	w->done = true;
	task_wake(w->task);
}

void
offload_run(struct task *t, struct offload *o, void (*blocking_fn)(void *arg),
    void *arg)
{
	struct offload_wait w = {
		.task = t,
		.blocking_fn = blocking_fn,
		.arg = arg,
	};

	offload_submit(o, offload_wait_blocking, offload_wait_done, &w);
	task_wait(t, &w.done);
}
