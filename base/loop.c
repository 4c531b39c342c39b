/* loop.c - the real driver of a scheduler: libevent (the only door to it) */
#include "base/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <event2/event.h>

struct loop_signal {
	struct loop_signal *next;
	struct event *ev;
	void (*fn)(int signum, void *arg);
	void *arg;
};

struct loop {
	struct event_base *base;
	struct sched *sched;
	struct loop_signal *signals;
	/*
	 * libevent's own timers stand still while the machine sleeps; a timerfd
	 * on CLOCK_BOOTTIME does not, as sched's timers must not.
	 */
	int timer_fd;
	struct event *timer_ev;
	uint64_t armed_ms; /* UINT64_MAX: not armed */
	unsigned watches;
	bool stopped;
};

struct watch {
	struct loop *loop;
	struct event *ev;
	int fd, events;
	watch_fn fn;
	void *arg;
};

static void
loop_timer_fired(evutil_socket_t fd, short events, void *arg)
{
	struct loop *l = arg;
	uint64_t times;

	(void)events;
	/* Non-blocking; that it fired is all there is to know. */
	if (read(fd, &times, sizeof(times)) < 0 && errno != EAGAIN)
		panic("reading a timerfd: %s", strerror(errno));
	l->armed_ms = UINT64_MAX;
}

struct loop *
loop_new(const struct clock *c, const struct rnd *r)
{
	struct loop *l = xcalloc(1, sizeof(*l));
	struct event_config *cfg = event_config_new();

	invariant(cfg != NULL);
	/* Other threads reach the loop through file descriptors only. */
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	l->base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	if (l->base == NULL)
		panic("libevent finds nothing to wait with");
	l->timer_fd =
	    timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (l->timer_fd < 0)
		panic("timerfd_create: %s", strerror(errno));
	l->timer_ev = event_new(l->base, l->timer_fd, EV_READ | EV_PERSIST,
	    loop_timer_fired, l);
	if (l->timer_ev == NULL || event_add(l->timer_ev, NULL) != 0)
		panic("libevent does not take a timerfd");
	l->armed_ms = UINT64_MAX;
	l->sched = sched_new(c, r);
	return l;
}

void
loop_free(struct loop **lp)
{
	struct loop *l = *lp;
	struct loop_signal *sg;

	if (l == NULL)
		return;
	if (l->watches != 0)
		panic("a loop is freed under %u watches", l->watches);
	sched_free(&l->sched);
	while ((sg = l->signals) != NULL) {
		l->signals = sg->next;
		event_free(sg->ev);
		free(sg);
	}
	event_free(l->timer_ev);
	close(l->timer_fd);
	event_base_free(l->base);
	free(l);
	*lp = NULL;
}

struct sched *
loop_sched(struct loop *l)
{
	return l->sched;
}

/* Let the timerfd fire at the scheduler's next timer. */
static void
loop_arm(struct loop *l)
{
	struct itimerspec at = { 0 };
	uint64_t next_ms = sched_next_timer_ms(l->sched), now_ms, in_ms;

	if (next_ms == l->armed_ms)
		return;
	if (next_ms != UINT64_MAX) {
		now_ms = sched_now_ms(l->sched);
		in_ms = next_ms > now_ms ? next_ms - now_ms : 0;
		at.it_value.tv_sec = (time_t)(in_ms / 1000);
		at.it_value.tv_nsec = (long)(in_ms % 1000) * 1000000;
		if (in_ms == 0)
			at.it_value.tv_nsec = 1; /* 0 would disarm */
	}
	if (timerfd_settime(l->timer_fd, 0, &at, NULL) != 0)
		panic("timerfd_settime: %s", strerror(errno));
	l->armed_ms = next_ms;
}

/* The tasks ready now and the timers due now. */
static void
loop_work(struct loop *l)
{
	for (unsigned n = sched_ready_count(l->sched); n > 0 && !l->stopped;
	     n--)
		sched_run_one(l->sched);
	sched_run_timers(l->sched);
}

/* What the system reports; without waiting while there is work. */
static void
loop_wait(struct loop *l)
{
	int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;

	if (sched_ready(l->sched))
		flags |= EVLOOP_NONBLOCK;
	else
		loop_arm(l);
	if (event_base_loop(l->base, flags) < 0)
		panic("libevent cannot wait: %s", strerror(errno));
}

void
loop_run(struct loop *l, bool until_idle)
{
	for (l->stopped = false;;) {
		loop_work(l);
		if (l->stopped ||
		    (until_idle && sched_task_count(l->sched) == 0))
			break;
		loop_wait(l);
	}
}

void
loop_stop(struct loop *l)
{
	l->stopped = true;
	event_base_loopbreak(l->base);
}

struct loop_only {
	task_fn fn;
	void *arg;
	bool done;
};

static void
loop_only_main(struct task *t, void *arg)
{
	struct loop_only *only = arg;

	only->fn(t, only->arg);
	only->done = true;
}

void
loop_run_task(struct loop *l, const char *name, task_fn fn, void *arg)
{
	struct loop_only only = { .fn = fn, .arg = arg };

	l->stopped = false;
	task_start(l->sched, name, loop_only_main, &only);
	for (;;) {
		loop_work(l);
		if (only.done)
			break;
		loop_wait(l);
	}
}

static void
watch_fired(evutil_socket_t fd, short events, void *arg)
{
	struct watch *w = arg;
	int seen = 0;

	if (events & EV_READ)
		seen |= WATCH_READ;
	if (events & EV_WRITE)
		seen |= WATCH_WRITE;
	w->fn(w, fd, seen & w->events, w->arg);
}

struct watch *
watch_new(struct loop *l, int fd, watch_fn fn, void *arg)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	w->loop = l;
	w->fd = fd;
	w->fn = fn;
	w->arg = arg;
	w->ev = event_new(l->base, fd, 0, watch_fired, w);
	invariant(w->ev != NULL);
	l->watches++;
	return w;
}

void
watch_set(struct watch *w, int events)
{
	short ev = EV_PERSIST;

	if (events == w->events)
		return;
	if (w->events != 0)
		event_del(w->ev);
	w->events = events;
	if (events == 0)
		return;
	if (events & WATCH_READ)
		ev |= EV_READ;
	if (events & WATCH_WRITE)
		ev |= EV_WRITE;
	if (event_assign(w->ev, w->loop->base, w->fd, ev, watch_fired, w) !=
		0 ||
	    event_add(w->ev, NULL) != 0)
		panic("file descriptor %d cannot be watched: %s", w->fd,
		    strerror(errno));
}

void
watch_free(struct watch **w)
{
	if (*w == NULL)
		return;
	(*w)->loop->watches--;
	event_free((*w)->ev);
	free(*w);
	*w = NULL;
}

static void
loop_signal_fired(evutil_socket_t signum, short events, void *arg)
{
	struct loop_signal *sg = arg;

	(void)events;
	sg->fn((int)signum, sg->arg);
}

void
loop_signal(struct loop *l, int signum, void (*fn)(int signum, void *arg),
    void *arg)
{
	struct loop_signal *sg = xcalloc(1, sizeof(*sg));

	sg->fn = fn;
	sg->arg = arg;
	sg->ev = evsignal_new(l->base, signum, loop_signal_fired, sg);
	if (sg->ev == NULL || event_add(sg->ev, NULL) != 0)
		panic("signal %d cannot be watched", signum);
	sg->next = l->signals;
	l->signals = sg;
}
