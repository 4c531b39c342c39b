/* share_stream.c - a file of a random name, while its bytes come in */
#include "storage/share/share.h"

#include <stdlib.h>

/*
 * Two buffers: one is filled while the other is on its way.  What fits into one
 * buffer goes out as one FILE_SYNC WRITE at the close; so a short message costs
 * CREATE and WRITE, and CREATE runs while the first bytes come in.
 *
 * A WRITE of unknown outcome is repeated while its buffer still holds the
 * bytes.  Earlier ones are gone by then: should the server have restarted (the
 * write verifier tells), the stream fails.
 */
struct share_stream {
	struct share *share;
	struct sched *sched;
	struct share_op create, write;
	bool create_busy, write_busy, made;
	struct share_fh fh;
	char *fill, *out;
	size_t fill_n, out_n;
	uint64_t fill_at; /* place in the file of what is being filled */
	uint64_t size;	  /* handed to the share so far */
	bool repeated;	  /* a WRITE whose outcome was not known was repeated */
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
	free(st->out);
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
share_stream_write(struct task *t, struct share_stream *st, const char *p,
    size_t n, bool stable)
{
	st->write = (struct share_op){ .proc = SHARE_WRITE,
		.lane = st->create.lane,
		.fh = st->fh,
		.offset = st->size,
		.data = p,
		.length = (uint32_t)n,
		.stable = stable,
		.arena = st->arena };
	st->write_busy = true;
	share_start(t, st->share, &st->write);
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
share_stream_settle(struct task *t, struct share_stream *st)
{
	unsigned tries = 0;

	while (st->write_busy) {
		struct err *e = share_finish(t, &st->write);
		const char *p = st->write.data;
		size_t n = st->write.length;

		st->write_busy = false;
		if (e == NULL && n != 0 && st->write.count_r == 0)
			e = err_new(task_arena(t), ERR_IO,
			    "the share writes nothing", NULL);
		if (e == NULL) {
			/* FILE_SYNC is durable, whatever the verifier. */
			if (!st->write.stable)
				e = share_stream_verf(t, st, st->write.verf_r);
			if (e != NULL)
				return e;
			st->size += st->write.count_r;
			p += st->write.count_r;
			n -= st->write.count_r;
			if (n == 0)
				return NULL;
		} else if (!share_retry(t, e, &tries)) {
			return share_stream_err(t, e);
		} else
			st->repeated |= share_err_is_unknown(e);
		share_stream_write(t, st, p, n, st->write.stable);
	}
	return NULL;
}

/* The full buffer goes on its way, the other one (now written) is filled. */
static may_yield must_check struct err *
share_stream_flush(struct task *t, struct share_stream *st)
{
	struct err *e = share_stream_made(t, st);
	char *swap = st->out;

	if (e == NULL)
		e = share_stream_settle(t, st);
	if (e != NULL)
		return e;
	st->out = st->fill;
	st->out_n = st->fill_n;
	st->fill = swap != NULL ? swap : xcalloc(1, SHARE_ONE_WRITE_MAX);
	st->fill_at += st->fill_n;
	st->fill_n = 0;
	share_stream_write(t, st, st->out, st->out_n, false);
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

/* What is on the share: n bytes once more, other ones. */
static may_yield must_check struct err *
share_stream_rewrite(struct task *t, struct share_stream *st, uint64_t offset,
    const char *p, size_t n)
{
	unsigned tries = 0;
	uint64_t verf = 0;
	struct err *e;

	e = share_stream_settle(t, st);
	if (e != NULL)
		return e;
	if (st->repeated)
		return err_new(task_arena(t), ERR_UNKNOWN,
		    "the share did not answer during a write",
		    "an earlier WRITE may yet be executed");
	do {
		e = share_write(t, st->share, st->create.lane, &st->fh, offset,
		    p, n, false, &verf);
	} while (e != NULL && share_retry(t, e, &tries));
	/* Two patches of one place would be as bad. */
	st->repeated = tries > 0;
	return e != NULL ? e : share_stream_verf(t, st, verf);
}

struct err *
share_stream_patch(struct task *t, struct share_stream *st, uint64_t offset,
    const void *data, size_t n)
{
	uint64_t end = st->fill_at + st->fill_n;
	const char *p = data;
	size_t gone = 0; /* of n: on the share already, or on its way */

	if (st->err != NULL)
		return share_stream_err(t, st->err);
	if (offset > end || n > end - offset)
		return err_new(task_arena(t), ERR_INVALID,
		    "these bytes were not written yet", NULL);
	if (offset < st->fill_at)
		gone = n < st->fill_at - offset
			   ? n
			   : (size_t)(st->fill_at - offset);
	if (n > gone)
		memcpy(st->fill + (offset + gone - st->fill_at), p + gone,
		    n - gone);
	if (gone > 0)
		share_stream_fail(st,
		    share_stream_rewrite(t, st, offset, p, gone));
	return share_stream_err(t, st->err);
}

static may_yield must_check struct err *
share_stream_end(struct task *t, struct share_stream *st)
{
	bool one = st->out == NULL;
	unsigned tries = 0;
	uint64_t verf;
	struct err *e;

	if (st->err != NULL)
		return share_stream_err(t, st->err);
	if (!one) {
		e = share_stream_flush(t, st);
		if (e == NULL)
			e = share_stream_settle(t, st);
	} else {
		e = share_stream_made(t, st);
		if (e == NULL)
			share_stream_write(t, st, st->fill, st->fill_n, true);
		if (e == NULL)
			e = share_stream_settle(t, st);
	}
	if (e != NULL || one)
		return e;
	do {
		e = share_commit(t, st->share, st->create.lane, &st->fh, &verf);
	} while (e != NULL && share_retry(t, e, &tries));
	return e != NULL ? e : share_stream_verf(t, st, verf);
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
	if (st->write_busy)
		err_ignore(share_finish(t, &st->write)); /* swept later */
	share_stream_free(st);
}

void
share_stream_abort(struct share_stream **stp)
{
	struct share_stream *st = *stp;

	if (st == NULL)
		return;
	*stp = NULL;
	if (!st->create_busy && !st->write_busy) {
		share_stream_free(st);
		return;
	}
	/* The task that opened the stream may end before they do. */
	st->create.task = st->write.task = NULL;
	task_start(st->sched, "share-stream-reap", share_stream_reap, st);
}
