/* barrier.c - making everything the server executed before durable */
#include "storage/share/barrier.h"

#include <stdio.h>
#include <stdlib.h>

#include "storage/share/share_private.h"

/* Fresh files kept ready, and when to make more. */
#define BARRIER_READY_MAX 8
#define BARRIER_READY_LOW 4
#define BARRIER_USED_MAX 32
/* Others' files are swept when older than this by the server's own clock. */
#define BARRIER_SWEEP_NS (INT64_C(3600) * 1000000000)

struct barrier_file {
	char name[33];
	struct share_fh fh;
};

struct barrier {
	struct sched *sched;
	struct share *share;
	enum barrier_profile profile;
	unsigned refs; /* the owner, the background task, waiters */
	bool closed;
	struct share_fh dir; /* n == 0: not looked up yet */

	/*
	 * Barriers are numbered as they are sent, one at a time.  Who comes
	 * while one is under way needs the next.
	 */
	uint64_t sent;
	uint64_t ok_number, ok_conn;
	uint64_t failed_number;
	enum err_code failed_code;
	bool leading; /* somebody prepares or awaits a barrier */
	struct task_cond change;

	struct barrier_file ready[BARRIER_READY_MAX];
	unsigned n_ready;
	struct barrier_file used[BARRIER_USED_MAX];
	unsigned n_used;
	bool tending, swept;
};

struct barrier *
barrier_new(struct sched *sc, struct share *s, enum barrier_profile p)
{
	struct barrier *b = xcalloc(1, sizeof(*b));

	b->sched = sc;
	b->share = s;
	b->profile = s->durable ? BARRIER_REPLY : p;
	b->refs = 1;
	task_cond_init(&b->change);
	return b;
}

static void
barrier_unref(struct barrier *b)
{
	if (--b->refs == 0)
		free(b);
}

void
barrier_free(struct barrier **bp)
{
	struct barrier *b = *bp;

	if (b == NULL)
		return;
	*bp = NULL;
	b->closed = true;
	task_cond_broadcast(&b->change);
	barrier_unref(b);
}

/*
 * All calls go through here: the owner closes barrier and share while the
 * background task, or somebody who waits, is in the middle of one.
 */
static may_yield must_check struct err *
barrier_call(struct task *t, struct barrier *b, struct share_op *op)
{
	if (!b->closed) {
		share_start(t, b->share, op);
		struct err *e = share_finish(t, op);

		if (!b->closed)
			return e;
	}
	return share_err(task_arena(t), ERR_UNAVAIL, "barrier closed");
}

static may_yield must_check struct err *
barrier_dir(struct task *t, struct barrier *b)
{
	struct share_op op = { .proc = SHARE_LOOKUP,
		.lane = SHARE_LANE_COMMIT,
		.fh = *share_root(b->share),
		.name = STR("barrier"),
		.mode = 0700 };
	struct err *e;

	if (b->dir.n != 0)
		return NULL;
	e = barrier_call(t, b, &op);
	/* store_init makes it; a restored share may lack it. */
	if (err_is(e, ERR_NOENT)) {
		op.proc = SHARE_MKDIR;
		e = barrier_call(t, b, &op);
	}
	if (e == NULL)
		b->dir = op.fh_r;
	return e;
}

/* A fresh file; pin 0: on any connection. */
static may_yield must_check struct err *
barrier_create(struct task *t, struct barrier *b, enum share_lane lane,
    uint64_t pin, struct barrier_file *f)
{
	unsigned char random[16];
	struct share_op op;
	struct err *e;

	*f = (struct barrier_file){ .name = "" };
	e = barrier_dir(t, b);
	if (e != NULL)
		return e;
	task_random(t, random, sizeof(random));
	for (unsigned i = 0; i < sizeof(random); i++)
		snprintf(f->name + 2 * i, 3, "%02x", random[i]);
	op = (struct share_op){ .proc = SHARE_CREATE,
		.lane = lane,
		.pin = pin,
		.fh = b->dir,
		.name = str_c(f->name),
		.mode = 0600 };
	e = barrier_call(t, b, &op);
	if (err_is(e, ERR_STALE))
		b->dir.n = 0; /* looked up again */
	/* RFC 1813 lets CREATE leave the handle out. */
	if (e == NULL && op.fh_r.n == 0) {
		op.proc = SHARE_LOOKUP;
		e = barrier_call(t, b, &op);
	}
	f->fh = op.fh_r;
	return e;
}

static may_yield must_check struct err *
barrier_write(struct task *t, struct barrier *b, const struct barrier_file *f,
    uint64_t conn)
{
	struct share_op op = { .proc = SHARE_WRITE,
		.lane = SHARE_LANE_COMMIT,
		.pin = conn,
		.fh = f->fh,
		.data = "barrier\n",
		.length = 8,
		.stable = true };

	return barrier_call(t, b, &op);
}

/*
 * On a full file system no block can be had, but removing mail must work: a
 * file created just now, and COMMIT, force the log as well.
 */
static may_yield must_check struct err *
barrier_commit(struct task *t, struct barrier *b, struct barrier_file *f,
    uint64_t conn)
{
	struct err *e = barrier_create(t, b, SHARE_LANE_COMMIT, conn, f);
	struct share_op op = { .proc = SHARE_COMMIT,
		.lane = SHARE_LANE_COMMIT,
		.pin = conn };

	if (e != NULL)
		return e;
	op.fh = f->fh;
	return barrier_call(t, b, &op);
}

static void
barrier_used(struct barrier *b, const struct barrier_file *f)
{
	if (f->name[0] != '\0' && b->n_used < BARRIER_USED_MAX)
		b->used[b->n_used++] = *f; /* else the sweep finds it */
}

/*
 * Files that processes left behind, ours and others'.  One too young to be
 * taken may be somebody's next barrier; should one be taken all the same, its
 * WRITE is ERR_STALE and a fresh file is used.
 */
static may_yield void
barrier_sweep_one(struct task *t, struct barrier *b, struct str name,
    int64_t now_ns)
{
	struct share_op op = { .proc = SHARE_LOOKUP,
		.lane = SHARE_LANE_ADMIN,
		.fh = b->dir,
		.name = name };

	if (barrier_call(t, b, &op) != NULL || !op.attr_ok ||
	    op.attr_r.mtime_ns >= now_ns - BARRIER_SWEEP_NS)
		return;
	op.proc = SHARE_REMOVE;
	err_ignore(barrier_call(t, b, &op)); /* the next process sweeps */
}

static may_yield void
barrier_sweep(struct task *t, struct barrier *b)
{
	struct share_op now = { .proc = SHARE_GETATTR,
		.lane = SHARE_LANE_ADMIN,
		.fh = b->ready[0].fh };
	struct share_op list = { .proc = SHARE_READDIR,
		.lane = SHARE_LANE_ADMIN,
		.fh = b->dir };

	if (barrier_call(t, b, &now) != NULL)
		return;
	do {
		if (barrier_call(t, b, &list) != NULL)
			return;
		for (struct share_dirent *d = list.entries_r; d != NULL;
		     d = d->next)
			if (!str_starts(d->name, STR(".")))
				barrier_sweep_one(t, b, d->name,
				    now.attr_r.mtime_ns);
	} while (!list.eof_r && list.entries_r != NULL && !b->closed);
}

static may_yield void
barrier_refill(struct task *t, struct barrier *b)
{
	while (!b->closed && b->n_ready < BARRIER_READY_MAX) {
		struct barrier_file f;
		struct err *e = barrier_create(t, b, SHARE_LANE_ADMIN, 0, &f);

		if (e != NULL)
			return; /* a barrier makes its own then */
		b->ready[b->n_ready++] = f;
	}
}

/* Background: remove what was used, make new ones, once sweep. */
static may_yield_unchecked void
barrier_tend(struct task *t, void *arg)
{
	struct barrier *b = arg;

	barrier_refill(t, b);
	while (!b->closed && b->n_used > 0) {
		struct barrier_file f = b->used[--b->n_used];
		struct share_op op = { .proc = SHARE_REMOVE,
			.lane = SHARE_LANE_ADMIN,
			.fh = b->dir,
			.name = str_c(f.name) };

		err_ignore(barrier_call(t, b, &op)); /* else it is swept */
	}
	if (!b->closed && !b->swept && b->n_ready > 0) {
		b->swept = true;
		barrier_sweep(t, b);
	}
	b->tending = false;
	barrier_unref(b);
}

/* A program of one commit shall not make files that nobody uses. */
static void
barrier_tend_start(struct barrier *b)
{
	if (b->tending || b->closed || b->sent < 2)
		return;
	if (b->n_ready >= BARRIER_READY_LOW && b->n_used < BARRIER_USED_MAX / 2)
		return;
	b->tending = true;
	b->refs++;
	task_start(b->sched, "barrier-tend", barrier_tend, b);
}

/* With a file in hand, on the right connection: the barrier itself. */
static may_yield must_check struct err *
barrier_send(struct task *t, struct barrier *b, uint64_t conn)
{
	struct barrier_file f = { .name = "" };
	struct err *e = NULL;

	for (int i = 0; i < 3; i++) {
		if (b->n_ready > 0)
			f = b->ready[--b->n_ready];
		else
			e = barrier_create(t, b, SHARE_LANE_COMMIT, conn, &f);
		if (e == NULL) {
			/* Who comes from here on needs the next one. */
			b->sent++;
			e = barrier_write(t, b, &f, conn);
		}
		barrier_used(b, &f);
		/* Swept away under us; nothing was written. */
		if (!err_is(e, ERR_STALE))
			break;
		e = NULL;
		f.name[0] = '\0';
	}
	if (err_is(e, ERR_NOSPC) || err_is(e, ERR_DQUOT)) {
		b->sent++;
		e = barrier_commit(t, b, &f, conn);
		barrier_used(b, &f);
	}
	if (e == NULL && f.name[0] == '\0')
		e = share_err(task_arena(t), ERR_UNKNOWN,
		    "barrier files vanish");
	return e;
}

static may_yield void
barrier_lead(struct task *t, struct barrier *b, uint64_t conn)
{
	struct err *e;

	b->leading = true;
	e = barrier_send(t, b, conn);
	/* Another verifier came with the reply: the server was restarted.  With
	 * e NULL the barrier was not closed, nor was the share. */
	if (e == NULL && share_conn(b->share, SHARE_LANE_COMMIT) != conn)
		e = share_err(task_arena(t), ERR_CONN, NULL);
	if (e == NULL) {
		b->ok_number = b->sent;
		b->ok_conn = conn;
	} else {
		/* Nothing may have been sent yet: those who wait wait for the
		 * next number. */
		b->failed_number = b->sent + 1;
		b->sent++;
		b->failed_code = e->code;
	}
	b->leading = false;
	task_cond_broadcast(&b->change);
	barrier_tend_start(b);
}

static may_yield must_check struct err *
barrier_await(struct task *t, struct barrier *b, uint64_t conn)
{
	uint64_t need = b->sent + 1;

	for (;;) {
		if (b->ok_number >= need && b->ok_conn == conn)
			return NULL;
		if (b->failed_number >= need)
			return share_err(task_arena(t), b->failed_code,
			    "barrier");
		if (b->closed)
			return share_err(task_arena(t), ERR_UNAVAIL, "closed");
		if (share_conn(b->share, SHARE_LANE_COMMIT) != conn)
			return share_err(task_arena(t), ERR_CONN, "barrier");
		if (b->leading)
			(void)task_cond_wait(t, &b->change, UINT64_MAX);
		else
			barrier_lead(t, b, conn);
	}
}

struct err *
barrier_wait(struct task *t, struct barrier *b, uint64_t conn)
{
	struct err *e;

	if (b->profile == BARRIER_REPLY)
		return NULL;
	b->refs++;
	e = barrier_await(t, b, conn);
	barrier_unref(b);
	return e;
}

struct err *
barrier_link(struct task *t, struct share *s, struct barrier *b,
    const struct share_fh *file, const struct share_fh *dir, struct str name)
{
	struct share_op op = { .proc = SHARE_LINK,
		.lane = SHARE_LANE_COMMIT,
		.fh = *file,
		.to = *dir,
		.to_name = name };
	struct err *e;

	for (unsigned tries = 0;; tries++) {
		share_start(t, s, &op);
		e = share_finish(t, &op);
		if ((e != NULL && !err_is(e, ERR_EXIST)) || b == NULL)
			return err_is(e, ERR_EXIST) ? NULL : e;
		e = barrier_wait(t, b, op.conn);
		/* Another connection: it may be gone, so once more. */
		if (!err_is(e, ERR_CONN) || tries == SHARE_PUT_TRIES)
			return e;
	}
}
