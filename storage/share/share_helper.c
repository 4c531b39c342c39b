/* share_helper.c - what is built from several calls of the share */
#include "storage/share/share.h"

#include "base/buf.h"

/* Pauses between repeats: 20 ms, 80, 320, 1280, half of it at random. */
#define SHARE_RETRY_MS 20
/* READs or UNSTABLE WRITEs of one file under way at once. */
#define SHARE_RUN_WINDOW 4
#define SHARE_CLOCK_FILE "clock."

bool
share_err_is_unknown(const struct err *e)
{
	switch (err_code(e)) {
	case ERR_UNKNOWN:
	case ERR_IO:
	case ERR_TIMEOUT:
		return true;
	default:
		return false;
	}
}

bool
share_err_is_temporary(const struct err *e)
{
	switch (err_code(e)) {
	case ERR_UNAVAIL:
	case ERR_CONN:
	case ERR_NOSPC:
	case ERR_DQUOT:
		return true;
	default:
		return share_err_is_unknown(e);
	}
}

bool
share_retry(struct task *t, const struct err *e, unsigned *tries)
{
	const struct rnd *r = sched_rnd(task_sched(t));
	uint64_t ms = (uint64_t)SHARE_RETRY_MS << (2 * *tries);

	switch (err_code(e)) {
	case ERR_UNKNOWN:
	case ERR_IO:
	case ERR_CONN:
		break;
	default: /* UNAVAIL: the backend has waited already */
		return false;
	}
	if (*tries + 1 >= SHARE_PUT_TRIES)
		return false;
	struct err *late = task_check(t);
	if (late != NULL)
		return false;
	++*tries;
	task_sleep_ms(t, ms / 2 + rnd_below(r, ms / 2 + 1));
	return true;
}

struct err *
share_walk(struct task *t, struct share *s, enum share_lane lane,
    struct str path, struct share_fh *fh_r, struct share_attr *attr_r)
{
	struct share_fh fh = *share_root(s);
	struct share_attr attr;
	bool have_attr = false;
	struct str name;

	while (str_split(&path, '/', &name)) {
		struct err *e;

		if (name.n == 0)
			continue;
		e = share_lookup(t, s, lane, &fh, name, &fh, &attr);
		if (e != NULL)
			return e;
		have_attr = true;
	}
	if (!have_attr && attr_r != NULL) {
		struct err *e = share_getattr(t, s, lane, &fh, &attr);

		if (e != NULL)
			return e;
	}
	if (fh_r != NULL)
		*fh_r = fh;
	if (attr_r != NULL)
		*attr_r = attr;
	return NULL;
}

/*
 * One directory: looked for first (it is nearly always there), made if not.
 * Somebody else may make it at the same time.
 */
static may_yield must_check struct err *
share_mkdir_one(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *dir, struct str name, struct share_fh *fh_r)
{
	struct share_attr attr;
	unsigned tries = 0;

	for (;;) {
		struct err *e =
		    share_lookup(t, s, lane, dir, name, fh_r, &attr);

		if (e == NULL && attr.type != SHARE_DIR)
			return err_newf(task_arena(t), ERR_NOTDIR,
			    "\"" STR_FMT "\" on the share is not a directory",
			    STR_ARG(name));
		if (e == NULL)
			return NULL;
		if (err_is(e, ERR_NOENT)) {
			e = share_mkdir(t, s, lane, dir, name, fh_r);
			if (e == NULL)
				return NULL;
			if (err_is(e, ERR_EXIST) && ++tries < SHARE_PUT_TRIES)
				continue;
		}
		if (!share_retry(t, e, &tries))
			return e;
	}
}

struct err *
share_mkdir_path(struct task *t, struct share *s, enum share_lane lane,
    struct str path, struct share_fh *fh_r)
{
	struct share_fh fh = *share_root(s);
	struct str name;

	while (str_split(&path, '/', &name)) {
		struct share_fh sub;
		struct err *e;

		if (name.n == 0)
			continue;
		e = share_mkdir_one(t, s, lane, &fh, name, &sub);
		if (e != NULL)
			return e;
		fh = sub;
	}
	if (fh_r != NULL)
		*fh_r = fh;
	return NULL;
}

/*
 * A run of READs or WRITEs of one file, up to `window` at a time, each
 * continued where it came back short.  The first failure stops it.
 */
struct share_run {
	struct share *share;
	struct share_op op[SHARE_RUN_WINDOW];
	bool used[SHARE_RUN_WINDOW];
	const struct share_op *like; /* what each op is made from */
	size_t size, next;
	size_t part;
	uint64_t verf;
	bool have_verf;
	struct err *err;
};

static void
share_run_start(struct task *t, struct share_run *r, unsigned i, size_t at,
    size_t n)
{
	r->op[i] = *r->like;
	r->op[i].offset = at;
	r->op[i].length = (uint32_t)n;
	if (r->like->into != NULL)
		r->op[i].into = (char *)r->like->into + at;
	else
		r->op[i].data = (const char *)r->like->data + at;
	r->used[i] = true;
	share_start(t, r->share, &r->op[i]);
}

static void
share_run_fill(struct task *t, struct share_run *r)
{
	for (unsigned i = 0; i < SHARE_RUN_WINDOW; i++) {
		size_t n = r->size - r->next;

		if (n == 0 || r->err != NULL)
			return;
		if (r->used[i])
			continue;
		if (n > r->part)
			n = r->part;
		share_run_start(t, r, i, r->next, n);
		r->next += n;
	}
}

static struct err *
share_run_judge(struct task *t, struct share_run *r, struct share_op *op)
{
	if (op->err != NULL)
		return op->err;
	if (op->count_r == 0)
		return err_new(task_arena(t),
		    op->proc == SHARE_READ ? ERR_CORRUPT : ERR_IO,
		    op->proc == SHARE_READ
			? "a file on the share is shorter than it should be"
			: "the share writes nothing",
		    "at offset %llu", (unsigned long long)op->offset);
	if (op->proc == SHARE_READ)
		return NULL;
	if (r->have_verf && r->verf != op->verf_r)
		return err_new(task_arena(t), ERR_UNKNOWN,
		    "the share was restarted during a write",
		    "write verifier changed");
	r->verf = op->verf_r;
	r->have_verf = true;
	return NULL;
}

/* r->share, like, size, part are set. */
static may_yield must_check struct err *
share_run(struct task *t, struct share_run *r)
{
	for (unsigned i = 0;; i = (i + 1) % SHARE_RUN_WINDOW) {
		struct share_op *op = &r->op[i];
		struct err *e;

		share_run_fill(t, r);
		if (!r->used[i]) {
			bool any = false;

			for (unsigned k = 0; k < SHARE_RUN_WINDOW; k++)
				any |= r->used[k];
			if (!any)
				return r->err;
			continue;
		}
		e = share_finish(t, op);
		r->used[i] = false;
		e = share_run_judge(t, r, op);
		if (e != NULL && r->err == NULL)
			r->err = e;
		if (r->err == NULL && op->count_r < op->length)
			share_run_start(t, r, i, op->offset + op->count_r,
			    op->length - op->count_r);
	}
}

static may_yield must_check struct err *
share_put_long(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *fh, const void *data, size_t n)
{
	struct share_op like = { .proc = SHARE_WRITE,
		.lane = lane,
		.fh = *fh,
		.data = data };
	struct share_run *r = arena_new_obj(task_arena(t), struct share_run);
	uint64_t verf;
	struct err *e;

	r->share = s;
	r->like = &like;
	r->size = n;
	r->part = SHARE_ONE_WRITE_MAX;
	e = share_run(t, r);
	if (e == NULL)
		e = share_commit(t, s, lane, fh, &verf);
	if (e == NULL && verf != r->verf)
		e = err_new(task_arena(t), ERR_UNKNOWN,
		    "the share was restarted during a write",
		    "COMMIT verifier differs");
	return e;
}

static may_yield must_check struct err *
share_put_once(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *dir, struct str name, const void *data, size_t n,
    struct share_fh *fh_r)
{
	struct err *e = share_create(t, s, lane, dir, name, fh_r);

	if (e != NULL)
		return e;
	if (n <= SHARE_ONE_WRITE_MAX)
		return share_write(t, s, lane, fh_r, 0, data, n, true, NULL);
	return share_put_long(t, s, lane, fh_r, data, n);
}

struct err *
share_put(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *dir, struct str name, const void *data, size_t n,
    struct share_fh *fh_r)
{
	struct share_fh fh;
	unsigned tries = 0;
	struct err *e;

	do {
		e = share_put_once(t, s, lane, dir, name, data, n, &fh);
	} while (e != NULL && share_retry(t, e, &tries));
	if (e == NULL && fh_r != NULL)
		*fh_r = fh;
	return e;
}

struct err *
share_get_fh(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *fh, uint64_t size, uint64_t max_bytes,
    struct arena *a, struct str *data_r)
{
	struct share_op like = { .proc = SHARE_READ, .lane = lane, .fh = *fh };
	struct share_run *r;
	unsigned tries = 0;
	struct err *e;

	if (size > max_bytes)
		return err_newf(task_arena(t), ERR_LIMIT,
		    "a file on the share has %llu bytes, more than %llu",
		    (unsigned long long)size, (unsigned long long)max_bytes);
	like.into = arena_alloc(a, size + 1);
	r = arena_new_obj(task_arena(t), struct share_run);
	do {
		*r = (struct share_run){ .share = s,
			.like = &like,
			.size = size,
			.part = SHARE_READ_MAX };
		e = share_run(t, r);
	} while (e != NULL && share_retry(t, e, &tries));
	if (e == NULL)
		*data_r = str_of(like.into, size);
	return e;
}

struct err *
share_get(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *dir, struct str name, uint64_t max_bytes,
    struct arena *a, struct str *data_r)
{
	struct share_attr attr;
	struct share_fh fh;
	unsigned tries = 0;
	struct err *e;

	do {
		e = share_lookup(t, s, lane, dir, name, &fh, &attr);
	} while (e != NULL && share_retry(t, e, &tries));
	if (e != NULL)
		return e;
	if (attr.type != SHARE_REG)
		return err_newf(task_arena(t), ERR_CORRUPT,
		    "\"" STR_FMT "\" on the share is not a file",
		    STR_ARG(name));
	return share_get_fh(t, s, lane, &fh, attr.size, max_bytes, a, data_r);
}

struct err *
share_remove_quiet(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *dir, struct str name)
{
	unsigned tries = 0;
	struct err *e;

	do {
		e = share_remove(t, s, lane, dir, name);
		if (err_is(e, ERR_NOENT))
			return NULL;
	} while (e != NULL && share_retry(t, e, &tries));
	return e;
}

/*
 * Ages of files are measured against it, and nothing is forgotten on a node
 * whose own clock is far from it.
 */
struct err *
share_clock(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *dir, int64_t *now_s_r)
{
	unsigned char random[8];
	struct share_attr attr;
	struct share_fh fh;
	struct buf name;
	struct err *e;

	task_random(t, random, sizeof(random));
	buf_init(&name, task_arena(t), 64);
	buf_c(&name, SHARE_CLOCK_FILE);
	buf_hex(&name, random, sizeof(random));
	e = share_put(t, s, lane, dir, buf_str(&name), "t", 1, &fh);
	if (e == NULL)
		e = share_getattr(t, s, lane, &fh, &attr);
	if (e == NULL)
		*now_s_r = attr.mtime_ns / 1000000000;
	/* a name too many is all that can remain */
	err_ignore(share_remove_quiet(t, s, lane, dir, buf_str(&name)));
	return e;
}
