/* share.c - calls of the share: begin, wait, and one function for each */
#include "storage/share/share.h"

#include "storage/share/share_private.h"

/* A directory that changes while it is read starts again this often. */
#define SHARE_READDIR_TRIES 5

static void
share_op_clear(struct share_op *op)
{
	op->err = NULL;
	op->conn = 0;
	op->fh_r = (struct share_fh){ 0 };
	op->attr_r = (struct share_attr){ 0 };
	op->attr_ok = false;
	op->dir_attr_r = (struct share_attr){ 0 };
	op->dir_attr_ok = false;
	op->count_r = 0;
	op->eof_r = false;
	op->verf_r = 0;
	op->text_r = STR_NONE;
	op->entries_r = NULL;
	op->fsstat_r = (struct share_fsstat){ 0 };
	op->complete = NULL;
	op->next = NULL;
	for (unsigned i = 0; i < countof(op->backend); i++)
		op->backend[i] = NULL;
}

/* A name a file system could take as more than a name is refused here. */
static bool
share_name_ok(struct str name)
{
	return name.n > 0 && name.n <= SHARE_NAME_MAX &&
	       memchr(name.p, '/', name.n) == NULL &&
	       memchr(name.p, '\0', name.n) == NULL &&
	       !str_eq(name, STR(".")) && !str_eq(name, STR(".."));
}

static bool
share_text_ok(struct str text)
{
	if (text.n == 0 || text.n > SHARE_SYMLINK_MAX)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < 0x20 || text.p[i] > 0x7e)
			return false;
	return true;
}

/* Which inputs a call has. */
static const struct {
	bool name, to_name, text, length;
} share_inputs[SHARE_PROCS] = { [SHARE_LOOKUP] = { .name = true },
	[SHARE_READ] = { .length = true },
	[SHARE_WRITE] = { .length = true },
	[SHARE_CREATE] = { .name = true },
	[SHARE_SYMLINK] = { .name = true, .text = true },
	[SHARE_LINK] = { .to_name = true },
	[SHARE_RENAME] = { .name = true, .to_name = true },
	[SHARE_REMOVE] = { .name = true },
	[SHARE_MKDIR] = { .name = true },
	[SHARE_RMDIR] = { .name = true } };

static bool
share_op_ok(const struct share_op *op)
{
	return (!share_inputs[op->proc].name || share_name_ok(op->name)) &&
	       (!share_inputs[op->proc].to_name ||
		   share_name_ok(op->to_name)) &&
	       (!share_inputs[op->proc].text || share_text_ok(op->text)) &&
	       (!share_inputs[op->proc].length ||
		   (op->length <= SHARE_READ_MAX &&
		       op->offset <= INT64_MAX / 2));
}

void
share_start(struct task *t, struct share *s, struct share_op *op)
{
	invariant(op->proc < SHARE_PROCS && op->lane < SHARE_LANES);
	share_op_clear(op);
	if (op->arena == NULL)
		op->arena = task_arena(t);
	op->done = false;
	/* A call that completes at once must not wake the running task. */
	op->task = NULL;
	if (share_op_ok(op)) {
		s->vt->submit(s, op);
	} else {
		op->err = share_err(op->arena, ERR_INVALID,
		    "bad name, text or size in call %d", op->proc);
		share_complete(op);
	}
	op->task = t;
}

struct err *
share_finish(struct task *t, struct share_op *op)
{
	op->task = t;
	task_wait(t, &op->done);
	return op->err;
}

void
share_complete(struct share_op *op)
{
	invariant(!op->done);
	if (op->complete != NULL) {
		op->complete(op);
		return;
	}
	op->done = true;
	if (op->task != NULL)
		task_wake(op->task);
}

void
share_forward(struct share *inner, struct share_op *op, struct share_op *copy,
    void (*complete)(struct share_op *copy), void *arg)
{
	*copy = *op;
	share_op_clear(copy);
	copy->task = NULL;
	copy->done = false;
	copy->complete = complete;
	copy->backend[2] = op;
	copy->backend[3] = arg;
	inner->vt->submit(inner, copy);
}

void
share_answer(struct share_op *op, const struct share_op *copy)
{
	op->err = copy->err;
	op->conn = copy->conn;
	op->fh_r = copy->fh_r;
	op->attr_r = copy->attr_r;
	op->attr_ok = copy->attr_ok;
	op->dir_attr_r = copy->dir_attr_r;
	op->dir_attr_ok = copy->dir_attr_ok;
	op->count_r = copy->count_r;
	op->eof_r = copy->eof_r;
	op->verf_r = copy->verf_r;
	op->text_r = copy->text_r;
	op->entries_r = copy->entries_r;
	op->fsstat_r = copy->fsstat_r;
	op->cookie = copy->cookie;
	op->cookie_verf = copy->cookie_verf;
}

const struct share_fh *
share_root(const struct share *s)
{
	return &s->root;
}

uint64_t
share_conn(const struct share *s, enum share_lane lane)
{
	return s->vt->conn(s, lane);
}

void
share_expect(struct share *s, const unsigned char uuid[16])
{
	s->vt->expect(s, uuid);
}

const char *
share_name(const struct share *s)
{
	return s->name;
}

void
share_reconnect(struct share *s)
{
	s->vt->reconnect(s);
}

void
share_close(struct share **s)
{
	if (*s == NULL)
		return;
	(*s)->vt->close(*s);
	*s = NULL;
}

static may_yield must_check struct err *
share_call(struct task *t, struct share *s, struct share_op *op)
{
	share_start(t, s, op);
	return share_finish(t, op);
}

struct err *
share_lookup(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *dir, struct str name, struct share_fh *fh_r,
    struct share_attr *attr_r)
{
	struct share_op op = { .proc = SHARE_LOOKUP,
		.lane = lane,
		.fh = *dir,
		.name = name };
	struct err *e = share_call(t, s, &op);

	if (e != NULL)
		return e;
	if (fh_r != NULL)
		*fh_r = op.fh_r;
	if (attr_r == NULL)
		return NULL;
	/* RFC 1813 lets a server leave the attributes out. */
	if (!op.attr_ok)
		return share_getattr(t, s, lane, &op.fh_r, attr_r);
	*attr_r = op.attr_r;
	return NULL;
}

struct err *
share_getattr(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *fh, struct share_attr *attr_r)
{
	struct share_op op = { .proc = SHARE_GETATTR, .lane = lane, .fh = *fh };
	struct err *e = share_call(t, s, &op);

	if (e == NULL && attr_r != NULL)
		*attr_r = op.attr_r;
	return e;
}

struct err *
share_read(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *fh, uint64_t offset, void *into, uint32_t length,
    uint32_t *count_r, bool *eof_r)
{
	uint32_t have = 0;
	bool eof = false;

	invariant(length <= SHARE_READ_MAX);
	while (have < length && !eof) {
		struct share_op op = { .proc = SHARE_READ,
			.lane = lane,
			.fh = *fh,
			.offset = offset + have,
			.into = (char *)into + have,
			.length = length - have };
		struct err *e = share_call(t, s, &op);

		if (e != NULL)
			return e;
		have += op.count_r;
		/* A READ of nothing, without eof, would loop for ever. */
		eof = op.eof_r || op.count_r == 0;
	}
	*count_r = have;
	if (eof_r != NULL)
		*eof_r = eof;
	return NULL;
}

struct err *
share_readlink(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *fh, struct str *text_r)
{
	struct share_op op = { .proc = SHARE_READLINK,
		.lane = lane,
		.fh = *fh };
	struct err *e = share_call(t, s, &op);

	if (e == NULL)
		*text_r = op.text_r;
	return e;
}

/*
 * Append the part's names but . and .. at *tail; false when there were more
 * than *left_r of them.
 */
static bool
share_readdir_take(struct share_dirent *part, struct share_dirent ***tail,
    unsigned *left_r)
{
	for (struct share_dirent *next; part != NULL; part = next) {
		next = part->next;
		if (str_eq(part->name, STR(".")) ||
		    str_eq(part->name, STR("..")))
			continue;
		if (*left_r == 0)
			return false;
		(*left_r)--;
		part->next = NULL;
		**tail = part;
		*tail = &part->next;
	}
	return true;
}

/* Once through; ERR_CONFLICT: a cookie was no longer good. */
static may_yield must_check struct err *
share_readdir_once(struct task *t, struct share *s, struct share_op *op,
    unsigned max_entries, struct share_dirent **entries_r)
{
	struct share_dirent *first = NULL, **tail = &first;
	unsigned left = max_entries;
	uint64_t last;

	op->cookie = op->cookie_verf = 0;
	do {
		last = op->cookie;
		struct err *e = share_call(t, s, op);
		if (e != NULL)
			return e;
		if (!share_readdir_take(op->entries_r, &tail, &left))
			return err_newf(task_arena(t), ERR_LIMIT,
			    "a directory of the share has more than %u entries",
			    max_entries);
		if (!op->eof_r && op->cookie == last)
			return err_new(task_arena(t), ERR_IO,
			    "the share lists a directory without end",
			    "READDIR without progress at cookie %llu",
			    (unsigned long long)last);
	} while (!op->eof_r);
	*entries_r = first;
	return NULL;
}

static may_yield must_check struct err *
share_readdir_all(struct task *t, struct share *s, struct share_op *op,
    unsigned max_entries, struct share_dirent **entries_r,
    struct share_attr *dir_attr_r)
{
	struct err *e = NULL;

	for (int i = 0; i < SHARE_READDIR_TRIES; i++) {
		e = share_readdir_once(t, s, op, max_entries, entries_r);
		if (!err_is(e, ERR_CONFLICT))
			break;
	}
	if (e != NULL || dir_attr_r == NULL)
		return e;
	if (!op->dir_attr_ok)
		return share_getattr(t, s, op->lane, &op->fh, dir_attr_r);
	*dir_attr_r = op->dir_attr_r;
	return NULL;
}

struct err *
share_readdir(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *dir, unsigned max_entries,
    struct share_dirent **entries_r, struct share_attr *dir_attr_r)
{
	struct share_op op = { .proc = SHARE_READDIR,
		.lane = lane,
		.fh = *dir };
	return share_readdir_all(t, s, &op, max_entries, entries_r, dir_attr_r);
}

struct err *
share_readdirplus(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *dir, unsigned max_entries,
    struct share_dirent **entries_r, struct share_attr *dir_attr_r)
{
	struct share_op op = { .proc = SHARE_READDIR,
		.lane = lane,
		.fh = *dir,
		.plus = true };
	return share_readdir_all(t, s, &op, max_entries, entries_r, dir_attr_r);
}

/* RFC 1813 lets CREATE, SYMLINK and MKDIR leave the new handle out. */
static may_yield must_check struct err *
share_made(struct task *t, struct share *s, const struct share_op *op,
    struct share_fh *fh_r)
{
	if (fh_r == NULL)
		return NULL;
	if (op->fh_r.n == 0)
		return share_lookup(t, s, op->lane, &op->fh, op->name, fh_r,
		    NULL);
	*fh_r = op->fh_r;
	return NULL;
}

struct err *
share_create(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *dir, struct str name, struct share_fh *fh_r)
{
	struct share_op op = { .proc = SHARE_CREATE,
		.lane = lane,
		.fh = *dir,
		.name = name,
		.mode = 0600 };
	struct err *e = share_call(t, s, &op);

	return e != NULL ? e : share_made(t, s, &op, fh_r);
}

struct err *
share_write(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *fh, uint64_t offset, const void *data, size_t n,
    bool stable, uint64_t *verf_r)
{
	uint64_t verf = 0;
	size_t done = 0;

	do {
		struct share_op op = { .proc = SHARE_WRITE,
			.lane = lane,
			.fh = *fh,
			.offset = offset + done,
			.data = (const char *)data + done,
			.length = n - done < SHARE_READ_MAX
				      ? (uint32_t)(n - done)
				      : SHARE_READ_MAX,
			.stable = stable };
		struct err *e = share_call(t, s, &op);

		if (e != NULL)
			return e;
		if (op.length != 0 && op.count_r == 0)
			return err_new(task_arena(t), ERR_IO,
			    "the share writes nothing",
			    "WRITE of %u bytes answered with count 0",
			    op.length);
		if (done != 0 && op.verf_r != verf && !stable)
			return err_new(task_arena(t), ERR_UNKNOWN,
			    "the share was restarted during a write",
			    "write verifier changed");
		verf = op.verf_r;
		done += op.count_r;
	} while (done < n);
	if (verf_r != NULL)
		*verf_r = verf;
	return NULL;
}

struct err *
share_commit(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *fh, uint64_t *verf_r)
{
	struct share_op op = { .proc = SHARE_COMMIT, .lane = lane, .fh = *fh };
	struct err *e = share_call(t, s, &op);

	if (e == NULL && verf_r != NULL)
		*verf_r = op.verf_r;
	return e;
}

struct err *
share_symlink(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *dir, struct str name, struct str text,
    struct share_fh *fh_r, uint64_t *conn_r)
{
	struct share_op op = { .proc = SHARE_SYMLINK,
		.lane = lane,
		.fh = *dir,
		.name = name,
		.text = text };
	struct err *e = share_call(t, s, &op);

	if (conn_r != NULL)
		*conn_r = op.conn;
	return e != NULL ? e : share_made(t, s, &op, fh_r);
}

struct err *
share_link(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *file, const struct share_fh *dir, struct str name)
{
	struct share_op op = { .proc = SHARE_LINK,
		.lane = lane,
		.fh = *file,
		.to = *dir,
		.to_name = name };
	return share_call(t, s, &op);
}

struct err *
share_rename(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *from_dir, struct str from,
    const struct share_fh *to_dir, struct str to)
{
	struct share_op op = { .proc = SHARE_RENAME,
		.lane = lane,
		.fh = *from_dir,
		.name = from,
		.to = *to_dir,
		.to_name = to };
	return share_call(t, s, &op);
}

struct err *
share_remove(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *dir, struct str name)
{
	struct share_op op = { .proc = SHARE_REMOVE,
		.lane = lane,
		.fh = *dir,
		.name = name };
	return share_call(t, s, &op);
}

struct err *
share_mkdir(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *dir, struct str name, struct share_fh *fh_r)
{
	struct share_op op = { .proc = SHARE_MKDIR,
		.lane = lane,
		.fh = *dir,
		.name = name,
		.mode = 0700 };
	struct err *e = share_call(t, s, &op);

	return e != NULL ? e : share_made(t, s, &op, fh_r);
}

struct err *
share_rmdir(struct task *t, struct share *s, enum share_lane lane,
    const struct share_fh *dir, struct str name)
{
	struct share_op op = { .proc = SHARE_RMDIR,
		.lane = lane,
		.fh = *dir,
		.name = name };
	return share_call(t, s, &op);
}

struct err *
share_fsstat(struct task *t, struct share *s, enum share_lane lane,
    struct share_fsstat *st_r)
{
	struct share_op op = { .proc = SHARE_FSSTAT,
		.lane = lane,
		.fh = *share_root(s) };
	struct err *e = share_call(t, s, &op);

	if (e == NULL)
		*st_r = op.fsstat_r;
	return e;
}
