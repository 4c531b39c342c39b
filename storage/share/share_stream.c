/* share_stream.c - a file of a random name, while its bytes come in */
#include "storage/share/share.h"

#include <stdlib.h>

/*
 * Two buffers: one is filled while the other is on its way.  The first one is
 * kept until the close, so that it may be patched; what is no more than that
 * goes out as one FILE_SYNC WRITE.  So a short message costs CREATE and WRITE,
 * and CREATE runs while the first bytes come in.
 *
 * A WRITE of unknown outcome is repeated while its buffer still holds the
 * bytes.  Earlier ones are gone by then: should the server have restarted (the
 * write verifier tells), the stream fails.
 */
struct share_stream_write {
	struct share_op op;
	bool busy;
	char *p; /* SHARE_ONE_WRITE_MAX bytes; NULL: not used yet */
};

struct share_stream {
	struct share *share;
	struct sched *sched;
	struct share_op create;
	bool create_busy, made;
	struct share_fh fh;
	struct share_stream_write head, out;
	char *fill;
	size_t fill_n;
	uint64_t fill_at; /* place in the file of what is being filled */
	uint64_t size;	  /* written so far */
	uint64_t verf;
	bool have_verf;
	struct str name;
	struct err *err;
	struct arena *arena; /* the stream's own: ops outlive the task */
};

struct err *
share_stream_open(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *dir, struct str name, struct share_stream **st_r)
{
	struct share_stream *st = xcalloc(1, sizeof(*st));

	st->share = s;
	st->sched = task_sched(t);
	st->arena = arena_new(0);
	st->name = arena_str(st->arena, name);
	st->fill = xcalloc(1, SHARE_ONE_WRITE_MAX);
	st->create = (struct share_op){ .proc = SHARE_CREATE,
		.lane = lane,
		.fh = *dir,
		.name = st->name,
		.mode = 0600,
		.arena = st->arena };
	st->create_busy = true;
	share_start(t, s, &st->create);
	*st_r = st;
	return NULL;
}

static void
share_stream_free(struct share_stream *st)
{
	arena_free(&st->arena);
	free(st->fill);
	free(st->head.p);
	free(st->out.p);
	free(st);
}

/* Errors of the stream's ops lie in its arena, which goes with it. */
static struct err *
share_stream_err(struct task *t, struct err *e)
{
	if (e == NULL)
		return NULL;
	return err_new(task_arena(t), e->code, e->text,
	    e->detail != NULL ? "%s" : NULL, e->detail);
}

static may_yield must_check struct err *
share_stream_made(struct task *t, struct share_stream *st)
{
	unsigned tries = 0;
	struct err *e;

	if (st->made)
		return NULL;
	e = share_finish(t, &st->create);
	st->create_busy = false;
	st->fh = st->create.fh_r;
	if (e == NULL && st->fh.n == 0)
		e = share_lookup(t, st->share, st->create.lane, &st->create.fh,
		    st->name, &st->fh, NULL);
	while (e != NULL && share_retry(t, e, &tries))
		e = share_create(t, st->share, st->create.lane, &st->create.fh,
		    st->name, &st->fh);
	st->made = e == NULL;
	return share_stream_err(t, e);
}

static void
share_stream_write(struct task *t, struct share_stream *st,
    struct share_stream_write *w, uint64_t offset, const char *p, size_t n,
    bool stable)
{
	w->op = (struct share_op){ .proc = SHARE_WRITE,
		.lane = st->create.lane,
		.fh = st->fh,
		.offset = offset,
		.data = p,
		.length = (uint32_t)n,
		.stable = stable,
		.arena = st->arena };
	w->busy = true;
	share_start(t, st->share, &w->op);
}

static must_check struct err *
share_stream_verf(struct task *t, struct share_stream *st, uint64_t verf)
{
	if (st->have_verf && st->verf != verf)
		return err_new(task_arena(t), ERR_UNKNOWN,
		    "the share was restarted during a write",
		    "write verifier changed");
	st->verf = verf;
	st->have_verf = true;
	return NULL;
}

/* Wait until the WRITE under way, if any, is done to its last byte. */
static may_yield must_check struct err *
share_stream_settle(struct task *t, struct share_stream *st,
    struct share_stream_write *w)
{
	unsigned tries = 0;

	while (w->busy) {
		struct err *e = share_finish(t, &w->op);
		const char *p = w->op.data;
		size_t n = w->op.length;
		uint64_t at = w->op.offset;

		w->busy = false;
		if (e == NULL && n != 0 && w->op.count_r == 0)
			e = err_new(task_arena(t), ERR_IO,
			    "the share writes nothing", NULL);
		if (e == NULL) {
			/* FILE_SYNC is durable, whatever the verifier. */
			if (!w->op.stable)
				e = share_stream_verf(t, st, w->op.verf_r);
			if (e != NULL)
				return e;
			st->size += w->op.count_r;
			at += w->op.count_r;
			p += w->op.count_r;
			n -= w->op.count_r;
			if (n == 0)
				return NULL;
		} else if (!share_retry(t, e, &tries)) {
			return share_stream_err(t, e);
		}
		share_stream_write(t, st, w, at, p, n, w->op.stable);
	}
	return NULL;
}

/* The full buffer goes on its way, the other one (now written) is filled.  The
 * first one waits. */
static may_yield must_check struct err *
share_stream_flush(struct task *t, struct share_stream *st)
{
	char *next = NULL;
	struct err *e;

	if (st->head.p == NULL) {
		st->head.p = st->fill;
	} else {
		e = share_stream_made(t, st);
		if (e == NULL)
			e = share_stream_settle(t, st, &st->out);
		if (e != NULL)
			return e;
		next = st->out.p;
		st->out.p = st->fill;
		share_stream_write(t, st, &st->out, st->fill_at, st->out.p,
		    st->fill_n, false);
	}
	st->fill = next != NULL ? next : xcalloc(1, SHARE_ONE_WRITE_MAX);
	st->fill_at += st->fill_n;
	st->fill_n = 0;
	return NULL;
}

static void
share_stream_fail(struct share_stream *st, const struct err *e)
{
	if (e != NULL)
		st->err = err_new(st->arena, e->code, e->text,
		    e->detail != NULL ? "%s" : NULL, e->detail);
}

struct err *
share_stream_add(struct task *t, struct share_stream *st, const void *data,
    size_t n)
{
	const char *p = data;

	while (n > 0 && st->err == NULL) {
		size_t room = SHARE_ONE_WRITE_MAX - st->fill_n;

		/* Only when more comes: exactly one buffer is still short. */
		if (room == 0) {
			share_stream_fail(st, share_stream_flush(t, st));
			continue;
		}
		if (room > n)
			room = n;
		memcpy(st->fill + st->fill_n, p, room);
		st->fill_n += room;
		p += room;
		n -= room;
	}
	return share_stream_err(t, st->err);
}

struct err *
share_stream_patch(struct task *t, struct share_stream *st, uint64_t offset,
    const void *data, size_t n)
{
	char *first = st->head.p != NULL ? st->head.p : st->fill;
	size_t have = st->head.p != NULL ? SHARE_ONE_WRITE_MAX : st->fill_n;

	if (st->err != NULL)
		return share_stream_err(t, st->err);
	if (offset > have || n > have - offset)
		return err_new(task_arena(t), ERR_LIMIT,
		    "these bytes cannot be changed any more", NULL);
	memcpy(first + offset, data, n);
	return NULL;
}

/* What is left, and the first buffer, together; then the COMMIT. */
static may_yield must_check struct err *
share_stream_end_long(struct task *t, struct share_stream *st)
{
	unsigned tries = 0;
	uint64_t verf;
	struct err *e = share_stream_flush(t, st);

	if (e != NULL)
		return e;
	share_stream_write(t, st, &st->head, 0, st->head.p, SHARE_ONE_WRITE_MAX,
	    false);
	e = share_stream_settle(t, st, &st->out);
	if (e == NULL)
		e = share_stream_settle(t, st, &st->head);
	if (e != NULL)
		return e;
	do {
		e = share_commit(t, st->share, st->create.lane, &st->fh, &verf);
	} while (e != NULL && share_retry(t, e, &tries));
	return e != NULL ? e : share_stream_verf(t, st, verf);
}

static may_yield must_check struct err *
share_stream_end(struct task *t, struct share_stream *st)
{
	struct err *e;

	if (st->err != NULL)
		return share_stream_err(t, st->err);
	if (st->head.p != NULL)
		return share_stream_end_long(t, st);
	e = share_stream_made(t, st);
	if (e != NULL)
		return e;
	share_stream_write(t, st, &st->head, 0, st->fill, st->fill_n, true);
	return share_stream_settle(t, st, &st->head);
}

struct err *
share_stream_close(struct task *t, struct share_stream **stp,
    struct share_fh *fh_r, uint64_t *size_r)
{
	struct share_stream *st = *stp;
	struct err *e = share_stream_end(t, st);

	if (e != NULL) {
		share_stream_abort(stp);
		return e;
	}
	if (fh_r != NULL)
		*fh_r = st->fh;
	if (size_r != NULL)
		*size_r = st->size;
	share_stream_free(st);
	*stp = NULL;
	return NULL;
}

/* What is under way still uses the stream's memory. */
static may_yield_unchecked void
share_stream_reap(struct task *t, void *arg)
{
	struct share_stream *st = arg;

	if (st->create_busy)
		err_ignore(share_finish(t, &st->create)); /* swept later */
	if (st->head.busy)
		err_ignore(share_finish(t, &st->head.op)); /* swept later */
	if (st->out.busy)
		err_ignore(share_finish(t, &st->out.op)); /* swept later */
	share_stream_free(st);
}

void
share_stream_abort(struct share_stream **stp)
{
	struct share_stream *st = *stp;

	if (st == NULL)
		return;
	*stp = NULL;
	if (!st->create_busy && !st->head.busy && !st->out.busy) {
		share_stream_free(st);
		return;
	}
	/* The task that opened the stream may end before they do. */
	st->create.task = st->head.op.task = st->out.op.task = NULL;
	task_start(st->sched, "share-stream-reap", share_stream_reap, st);
}
