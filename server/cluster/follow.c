/* follow.c - sessions that want to know when their account changes */
#include "server/cluster/follow.h"

#include <stdlib.h>

#include "base/log.h"
#include "server/cluster/hints.h"
#include "server/worker.h"

#define FOLLOWS_BUCKETS 1024
/* After an outage all polls are due at once: the share gets them by and by. */
#define FOLLOWS_RUNNING_MAX 32

/*
 * One account that is followed, by the object: a mailbox that was purged and
 * made again has two for a while.
 */
struct followed {
	struct followed *next;		  /* of its bucket */
	struct followed *turn, **turn_at; /* waiting for a turn; NULL: not */
	struct follows *f;
	struct account *acc;
	struct account_watch watch;
	struct follow *first; /* NULL: to be freed when it is not running */
	unsigned idle;
	uint32_t interval_ms; /* between polls, now */
	struct timer timer;
	bool running, again;
	uint64_t hinted; /* highest entry that a hint spoke of */
};

struct follow {
	struct follow *next, **prev;
	struct followed *on;
	void (*fn)(void *arg);
	void *arg;
	bool idle;
};

struct follows {
	struct worker *w;
	struct followed *bucket[FOLLOWS_BUCKETS];
	struct followed *turn_first, **turn_last;
	unsigned running;
	bool closing; /* freed by the last that runs */
};

static void followed_refresh(struct followed *x);

struct follows *
follows_new(struct worker *w)
{
	struct follows *f = xcalloc(1, sizeof(*f));

	f->w = w;
	f->turn_last = &f->turn_first;
	return f;
}

static void
follows_end(struct follows *f)
{
	if (f->running > 0)
		return;
	for (unsigned i = 0; i < FOLLOWS_BUCKETS; i++)
		invariant(f->bucket[i] == NULL);
	free(f);
}

void
follows_free(struct follows **f)
{
	if (*f == NULL)
		return;
	(*f)->closing = true;
	follows_end(*f);
	*f = NULL;
}

static struct followed **
follows_bucket(struct follows *f, struct str id)
{
	return &f->bucket[str_hash(id) % FOLLOWS_BUCKETS];
}

/* --- polls --- */

static void
followed_poll_due(struct timer *tm, void *arg)
{
	(void)tm;
	followed_refresh(arg);
}

/* How slow polls may become. */
static uint32_t
followed_slowest(const struct followed *x)
{
	return hints_work(x->f->w->hints) ? FOLLOW_SLOW_MS : FOLLOW_BLIND_MS;
}

/* In interval_ms, give or take a fifth. */
static void
followed_schedule(struct followed *x)
{
	uint32_t most = followed_slowest(x), fifth;

	timer_cancel(x->f->w->sched, &x->timer);
	if (x->idle == 0 || x->running)
		return;
	if (x->interval_ms > most)
		x->interval_ms = most;
	fifth = x->interval_ms / 5;
	timer_set(x->f->w->sched, &x->timer,
	    x->interval_ms - fifth +
		rnd_below(sched_rnd(x->f->w->sched), 2 * fifth + 1),
	    followed_poll_due, x);
}

/* account_watch: entries were applied. */
static void
followed_changed(void *arg)
{
	struct followed *x = arg;
	struct follow *next;

	x->interval_ms = FOLLOW_FAST_MS;
	followed_schedule(x);
	for (struct follow *w = x->first; w != NULL; w = next) {
		next = w->next;
		w->fn(w->arg);
	}
}

/* --- refreshing --- */

static void
followed_free(struct followed *x)
{
	struct followed **at = follows_bucket(x->f, account_id(x->acc));

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	timer_cancel(x->f->w->sched, &x->timer);
	account_watch_remove(&x->watch);
	account_close(&x->acc);
	free(x);
}

static void
followed_turn_leave(struct followed *x)
{
	if (x->turn_at == NULL)
		return;
	*x->turn_at = x->turn;
	if (x->turn != NULL)
		x->turn->turn_at = x->turn_at;
	else
		x->f->turn_last = x->turn_at;
	x->turn_at = NULL;
	x->turn = NULL;
}

static void
followed_turn_enter(struct followed *x)
{
	if (x->turn_at != NULL)
		return;
	x->turn = NULL;
	x->turn_at = x->f->turn_last;
	*x->f->turn_last = x;
	x->f->turn_last = &x->turn;
}

static may_yield void
followed_run(struct task *t, void *arg)
{
	struct followed *x = arg;
	struct follows *f = x->f;
	struct followed *next;
	uint64_t head = account_head(x->acc);
	struct err *e;

	x->again = false;
	e = account_refresh(t, x->acc);
	if (e != NULL)
		log_debug(t, "follow", "refresh failed",
		    LOG_STR("account", account_id(x->acc)), LOG_ERR(e));
	x->running = false;
	f->running--;
	if (x->first == NULL) {
		followed_free(x);
	} else if (e == NULL && x->again && account_hint(x->acc, x->hinted)) {
		followed_refresh(x);
	} else {
		if (account_head(x->acc) == head)
			x->interval_ms *= 2;
		followed_schedule(x);
	}
	if (f->closing) {
		follows_end(f);
		return;
	}
	next = f->turn_first;
	if (next != NULL && f->running < FOLLOWS_RUNNING_MAX) {
		followed_turn_leave(next);
		followed_refresh(next);
	}
}

/* Look at the journal, now or in turn; once however often it is asked for. */
static void
followed_refresh(struct followed *x)
{
	if (x->running) {
		x->again = true;
		return;
	}
	if (x->f->running >= FOLLOWS_RUNNING_MAX) {
		followed_turn_enter(x);
		return;
	}
	followed_turn_leave(x);
	timer_cancel(x->f->w->sched, &x->timer);
	x->running = true;
	x->f->running++;
	task_start(x->f->w->sched, "follow", followed_run, x);
}

void
follows_hint(struct follows *f, struct str account_id_, uint64_t head)
{
	struct followed *x, *next;

	if (f == NULL)
		return;
	for (x = *follows_bucket(f, account_id_); x != NULL; x = next) {
		next = x->next;
		if (x->first == NULL ||
		    !str_eq(account_id(x->acc), account_id_))
			continue;
		if (head > x->hinted)
			x->hinted = head;
		if (account_hint(x->acc, head))
			followed_refresh(x);
	}
}

/* --- followers --- */

static struct followed *
followed_get(struct follows *f, struct account *acc)
{
	struct followed **at = follows_bucket(f, account_id(acc)), *x;

	for (x = *at; x != NULL; x = x->next)
		if (x->acc == acc)
			return x;
	x = xcalloc(1, sizeof(*x));
	x->f = f;
	x->acc = account_ref(acc);
	x->interval_ms = FOLLOW_FAST_MS;
	x->watch.fn = followed_changed;
	x->watch.arg = x;
	account_watch_add(x->acc, &x->watch);
	x->next = *at;
	*at = x;
	return x;
}

struct follow *
follow_new(struct worker *w, struct account *acc, void (*fn)(void *arg),
    void *arg)
{
	struct follow *s = xcalloc(1, sizeof(*s));

	s->on = followed_get(w->follows, acc);
	s->fn = fn;
	s->arg = arg;
	s->next = s->on->first;
	s->prev = &s->on->first;
	if (s->next != NULL)
		s->next->prev = &s->next;
	s->on->first = s;
	return s;
}

void
follow_idle(struct follow *s, bool idle)
{
	struct followed *x = s->on;

	if (s->idle == idle)
		return;
	s->idle = idle;
	if (idle && x->idle++ == 0) {
		x->interval_ms = FOLLOW_FAST_MS;
		followed_schedule(x);
	} else if (!idle && --x->idle == 0) {
		followed_schedule(x);
	}
}

void
follow_free(struct follow **sp)
{
	struct follow *s = *sp;
	struct followed *x;

	if (s == NULL)
		return;
	follow_idle(s, false);
	*s->prev = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	x = s->on;
	free(s);
	*sp = NULL;
	if (x->first != NULL)
		return;
	followed_turn_leave(x);
	if (!x->running)
		followed_free(x);
}
