/* trace.c - events on their way to the share */
#include "server/trace/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "server/trace/trace_private.h"
#include "server/worker.h"

struct trace {
	struct worker *w;
	struct trace_block *first, **last;
	size_t bytes;	    /* of all blocks */
	uint64_t oldest_ms; /* when the first of them began */
	uint64_t dropped, told;
	struct task_cond kick, over;
	bool stop, ended, failing;
	/* the file; not open: the next block begins one */
	bool open, used;
	unsigned day;
	uint64_t offset;
	struct share_fh fh;
	char start[24]; /* tells this process, and this file, from others */
};

/* --- days --- */

unsigned
trace_day(int64_t wall_s)
{
	time_t s = (time_t)wall_s;
	struct tm tm = { 0 };

	gmtime_r(&s, &tm);
	return (unsigned)(tm.tm_year + 1900) * 10000 +
	       (unsigned)(tm.tm_mon + 1) * 100 + (unsigned)tm.tm_mday;
}

bool
trace_is_on(const struct trace *tr)
{
	return tr != NULL && !tr->stop &&
	       worker_setting(tr->w, STATE_TRACE_KEEP) > 0;
}

int64_t
trace_wall_ms(const struct trace *tr)
{
	return sched_wall_ms(tr->w->sched);
}

const char *
trace_node(const struct trace *tr)
{
	return tr->w->conf->node;
}

uint64_t
trace_dropped(const struct trace *tr)
{
	return tr != NULL ? tr->dropped : 0;
}

/* --- what waits --- */

static void
trace_block_drop(struct trace *tr, struct trace_block **at)
{
	struct trace_block *b = *at;

	*at = b->next;
	if (tr->last == &b->next)
		tr->last = at;
	tr->bytes -= b->n;
	free(b);
}

/* The oldest goes; not one that may be on the share already, in part. */
static void
trace_make_room(struct trace *tr, size_t n)
{
	struct trace_block **at = &tr->first;

	while (tr->bytes + n > TRACE_BUFFER_BYTES) {
		if (*at != NULL && (*at)->fixed)
			at = &(*at)->next;
		if (*at == NULL)
			return;
		tr->dropped += (*at)->events;
		trace_block_drop(tr, at);
	}
}

static struct trace_block *
trace_block_for(struct trace *tr, unsigned day, size_t n)
{
	/* the last one, which tr->last is the end of */
	struct trace_block *b = tr->first;

	while (b != NULL && b->next != NULL)
		b = b->next;
	if (b != NULL && !b->fixed && b->day == day &&
	    b->n + n <= sizeof(b->data))
		return b;
	/* not zeroed: it is large, and written before it is read */
	b = xrealloc(NULL, 1, sizeof(*b));
	b->next = NULL;
	b->day = day;
	b->events = 0;
	b->fixed = false;
	b->n = 0;
	*tr->last = b;
	tr->last = &b->next;
	return b;
}

void
trace_add(struct trace *tr, unsigned day, struct str line)
{
	struct trace_block *b;

	trace_make_room(tr, line.n);
	if (tr->first == NULL)
		tr->oldest_ms = sched_now_ms(tr->w->sched);
	b = trace_block_for(tr, day, line.n);
	memcpy(b->data + b->n, line.p, line.n);
	b->n += line.n;
	b->events++;
	tr->bytes += line.n;
	if (tr->bytes == line.n || tr->bytes >= TRACE_BLOCK_BYTES)
		task_cond_broadcast(&tr->kick);
}

/* --- writing --- */

/* One name for each file that is begun: its first byte is at offset 0, whoever
 * wrote what before. */
static void
trace_name_anew(struct trace *tr)
{
	snprintf(tr->start, sizeof(tr->start), "%lld-%08llx",
	    (long long)sched_wall_s(tr->w->sched),
	    (unsigned long long)rnd_below(sched_rnd(tr->w->sched), 1ULL << 32));
	tr->used = false;
}

static may_yield must_check struct err *
trace_open(struct task *t, struct trace *tr, unsigned day)
{
	struct share *s = tr->w->store->share;
	struct arena *a = task_arena(t);
	struct share_fh dir;
	struct err *e;

	if (tr->used)
		trace_name_anew(tr);
	e = share_mkdir_path(t, s, SHARE_LANE_ADMIN,
	    str_c(arena_printf(a, TRACE_DIR "/%08u", day)), &dir);

	if (e == NULL)
		e = share_create(t, s, SHARE_LANE_ADMIN, &dir,
		    str_c(arena_printf(a, "%s-%u-%s", tr->w->conf->node,
			tr->w->index, tr->start)),
		    &tr->fh);
	if (e != NULL)
		return e;
	tr->open = tr->used = true;
	tr->day = day;
	tr->offset = 0;
	return NULL;
}

/* The first block; it is fixed from here until the share has it. */
static may_yield must_check struct err *
trace_write(struct task *t, struct trace *tr)
{
	struct trace_block *b = tr->first;
	struct err *e = NULL;

	/* before the file is made, too: else it may be dropped meanwhile */
	b->fixed = true;
	if (!tr->open || tr->day != b->day)
		e = trace_open(t, tr, b->day);
	if (e != NULL)
		return e;
	e = share_write(t, tr->w->store->share, SHARE_LANE_ADMIN, &tr->fh,
	    tr->offset, b->data, b->n, true, NULL);
	/* Removed under us: what was in it is gone, not this. */
	if (err_is(e, ERR_STALE) || err_is(e, ERR_NOENT))
		tr->open = false;
	if (e != NULL)
		return e;
	tr->offset += b->n;
	trace_block_drop(tr, &tr->first);
	return NULL;
}

static may_yield must_check struct err *
trace_flush(struct task *t, struct trace *tr)
{
	struct err *e = NULL;
	unsigned n = 0;

	/* What comes meanwhile has its own second. */
	for (struct trace_block *b = tr->first; b != NULL; b = b->next)
		n++;
	for (; e == NULL && n > 0 && tr->first != NULL; n--) {
		struct arena_mark m = arena_mark(task_arena(t));

		e = trace_write(t, tr);
		if (e == NULL)
			arena_rewind(task_arena(t), m);
	}
	if (e != NULL && !tr->failing)
		log_warn(t, "trace waits", LOG_ERR(e));
	tr->failing = e != NULL;
	tr->oldest_ms = task_now_ms(t);
	if (e == NULL && tr->dropped > tr->told) {
		log_warn(t, "trace events dropped",
		    LOG_U64("events", tr->dropped - tr->told));
		tr->told = tr->dropped;
	}
	return e;
}

/* Until what there is should be written. */
static may_yield void
trace_wait(struct task *t, struct trace *tr)
{
	while (!tr->stop && tr->first == NULL)
		(void)task_cond_wait(t, &tr->kick, UINT64_MAX);
	while (!tr->stop && tr->bytes < TRACE_BLOCK_BYTES &&
	       task_now_ms(t) < tr->oldest_ms + TRACE_FLUSH_MS)
		(void)task_cond_wait(t, &tr->kick,
		    tr->oldest_ms + TRACE_FLUSH_MS);
}

static may_yield void
trace_main(struct task *t, void *arg)
{
	struct trace *tr = arg;
	uint64_t pause_ms = TRACE_RETRY_MS;

	while (!tr->stop || tr->first != NULL) {
		struct arena_mark m = arena_mark(task_arena(t));
		struct err *e;

		trace_wait(t, tr);
		e = trace_flush(t, tr);
		arena_rewind(task_arena(t), m);
		if (e == NULL) {
			pause_ms = TRACE_RETRY_MS;
			continue;
		}
		task_sleep_ms(t, pause_ms);
		pause_ms = pause_ms * 2 < TRACE_RETRY_MAX_MS
			       ? pause_ms * 2
			       : TRACE_RETRY_MAX_MS;
	}
	tr->ended = true;
	task_cond_broadcast(&tr->over);
}

struct trace *
trace_new(struct worker *w)
{
	struct trace *tr = xcalloc(1, sizeof(*tr));

	tr->w = w;
	tr->last = &tr->first;
	task_cond_init(&tr->kick);
	task_cond_init(&tr->over);
	trace_name_anew(tr);
	task_start(w->sched, "trace", trace_main, tr);
	return tr;
}

void
trace_stop(struct task *t, struct trace *tr)
{
	uint64_t until = task_deadline(t);

	if (tr == NULL)
		return;
	tr->stop = true;
	task_cond_broadcast(&tr->kick);
	while (!tr->ended)
		if (!task_cond_wait(t, &tr->over,
			until > 0 ? until : UINT64_MAX))
			return;
}

void
trace_free(struct trace **tr)
{
	if (*tr == NULL)
		return;
	invariant((*tr)->ended && (*tr)->first == NULL);
	free(*tr);
	*tr = NULL;
}
