/* trace_read.c - the files of all nodes, line by line */
#include "server/trace/trace_read.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/trace/trace_private.h"
#include "storage/share/share.h"
#include "storage/share/store.h"

#define TRACE_DAYS_MAX 4000
#define TRACE_FILES_MAX 100000 /* of a day */

/* --- lines --- */

void
trace_split_init(struct trace_split *s)
{
	buf_init(&s->carry, NULL, TRACE_EVENT_MAX);
	s->skip = false;
}

void
trace_split_free(struct trace_split *s)
{
	buf_free(&s->carry);
}

static void
trace_split_end(struct trace_split *s, struct str part, trace_line_fn fn,
    void *arg)
{
	if (s->carry.n > 0 || s->carry.failed) {
		buf_str_add(&s->carry, part);
		part = buf_str(&s->carry);
	}
	if (!s->skip && buf_ok(&s->carry) && part.n > 0 &&
	    part.n <= TRACE_EVENT_MAX)
		fn(arg, part);
	buf_clear(&s->carry);
	s->skip = false;
}

void
trace_split_feed(struct trace_split *s, struct str piece, trace_line_fn fn,
    void *arg)
{
	ptrdiff_t end;

	while ((end = str_chr(piece, '\n')) >= 0) {
		trace_split_end(s, str_sub(piece, 0, (size_t)end), fn, arg);
		piece = str_sub(piece, (size_t)end + 1, piece.n);
	}
	if (!s->skip)
		buf_str_add(&s->carry, piece);
	if (!buf_ok(&s->carry)) {
		buf_clear(&s->carry);
		s->skip = true;
	}
}

/* --- files --- */

struct trace_reading {
	struct store *st;
	struct trace_seek *seek;
	unsigned from, to; /* days */
	uint64_t stop_ms;
	bool stopped;
	char *piece;
};

static bool
trace_reading_goes_on(const struct task *t, struct trace_reading *r)
{
	if (r->stop_ms != 0 && task_now_ms(t) >= r->stop_ms)
		r->stopped = true;
	return !r->stopped;
}

static void
trace_reading_line(void *arg, struct str line)
{
	struct trace_reading *r = arg;

	trace_seek_line(r->seek, line);
}

static may_yield must_check struct err *
trace_read_file(struct task *t, struct trace_reading *r,
    const struct share_fh *fh)
{
	struct trace_split split;
	struct err *e = NULL;
	uint64_t at = 0;
	uint32_t got = 1;
	bool eof = false;

	trace_split_init(&split);
	while (e == NULL && !eof && got > 0 && trace_reading_goes_on(t, r)) {
		e = share_read(t, r->st->share, SHARE_LANE_ADMIN, fh, at,
		    r->piece, TRACE_PIECE_BYTES, &got, &eof);
		if (e == NULL)
			trace_split_feed(&split, str_of(r->piece, got),
			    trace_reading_line, r);
		at += got;
	}
	trace_split_free(&split);
	return e;
}

/* What is being removed meanwhile is no failure. */
static struct err *
trace_if_there(struct err *e)
{
	return err_is(e, ERR_NOENT) || err_is(e, ERR_STALE) ? NULL : e;
}

static may_yield must_check struct err *
trace_read_entry(struct task *t, struct trace_reading *r,
    const struct share_fh *dir, const struct share_dirent *d)
{
	struct share_fh fh;
	struct err *e = NULL;

	if (d->fh != NULL)
		fh = *d->fh;
	else
		e = share_lookup(t, r->st->share, SHARE_LANE_ADMIN, dir,
		    d->name, &fh, NULL);
	trace_seek_file(r->seek, d->name);
	if (e == NULL)
		e = trace_read_file(t, r, &fh);
	return trace_if_there(e);
}

static may_yield must_check struct err *
trace_read_day(struct task *t, struct trace_reading *r, struct str day)
{
	struct share_dirent *d;
	struct share_fh dir;
	struct err *e = share_walk(t, r->st->share, SHARE_LANE_ADMIN,
	    str_c(arena_printf(task_arena(t), TRACE_DIR "/" STR_FMT,
		STR_ARG(day))),
	    &dir, NULL);

	if (e == NULL)
		e = share_readdirplus(t, r->st->share, SHARE_LANE_ADMIN, &dir,
		    TRACE_FILES_MAX, &d, NULL);
	if (e != NULL)
		return trace_if_there(e);
	for (; d != NULL && e == NULL && trace_reading_goes_on(t, r);
	     d = d->next) {
		struct arena_mark m = arena_mark(task_arena(t));

		e = trace_read_entry(t, r, &dir, d);
		if (e == NULL)
			arena_rewind(task_arena(t), m);
	}
	return e;
}

static may_yield must_check struct err *
trace_read_days(struct task *t, struct trace_reading *r)
{
	struct share_dirent *d;
	struct share_fh dir;
	uint32_t day;
	struct err *e = share_walk(t, r->st->share, SHARE_LANE_ADMIN,
	    STR(TRACE_DIR), &dir, NULL);

	if (e == NULL)
		e = share_readdir(t, r->st->share, SHARE_LANE_ADMIN, &dir,
		    TRACE_DAYS_MAX, &d, NULL);
	if (e != NULL)
		return trace_if_there(e);
	for (; d != NULL && e == NULL; d = d->next)
		if (d->name.n == 8 && str_u32(d->name, &day) &&
		    day >= r->from && day <= r->to)
			e = trace_read_day(t, r, d->name);
	return e;
}

struct err *
trace_search(struct task *t, struct store *st, const struct trace_query *q,
    struct trace_found *f_r)
{
	struct trace_reading r = { .st = st,
		.seek = trace_seek_new(q),
		.from = trace_day(q->since_ms / 1000),
		.to = trace_day(q->until_ms / 1000),
		.stop_ms = q->stop_ms,
		.piece = xrealloc(NULL, 1, TRACE_PIECE_BYTES) };
	struct err *e = NULL;

	while (e == NULL && !r.stopped && trace_seek_again(r.seek))
		e = trace_read_days(t, &r);
	if (e == NULL) {
		trace_seek_end(task_arena(t), r.seek, f_r);
		f_r->more |= r.stopped;
	}
	trace_seek_free(&r.seek);
	free(r.piece);
	return e;
}
