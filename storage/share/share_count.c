/* share_count.c - a wrapper that counts calls and serial round trips */
#include "storage/share/share_count.h"

#include <stdlib.h>

#include "storage/share/share_private.h"

struct count_share {
	struct share share;
	struct share *inner;
	struct share_counts c;
	unsigned done_depth; /* of the deepest call that has ended */
	unsigned era;	     /* a call from before the reset counts no more */
};

struct count_call {
	struct share_op copy;
	unsigned depth, era;
};

static const char *const share_proc_names[SHARE_PROCS] = { [SHARE_LOOKUP] =
							       "lookup",
	[SHARE_GETATTR] = "getattr",
	[SHARE_READ] = "read",
	[SHARE_READLINK] = "readlink",
	[SHARE_READDIR] = "readdir",
	[SHARE_CREATE] = "create",
	[SHARE_WRITE] = "write",
	[SHARE_COMMIT] = "commit",
	[SHARE_SYMLINK] = "symlink",
	[SHARE_LINK] = "link",
	[SHARE_RENAME] = "rename",
	[SHARE_REMOVE] = "remove",
	[SHARE_MKDIR] = "mkdir",
	[SHARE_RMDIR] = "rmdir",
	[SHARE_FSSTAT] = "fsstat" };

const char *
share_proc_name(enum share_proc p)
{
	return p < SHARE_PROCS ? share_proc_names[p] : "?";
}

/* Names that are not there, or there already, are answers as good as OK. */
static bool
count_is_failure(const struct err *e)
{
	return e != NULL && !err_is(e, ERR_NOENT) && !err_is(e, ERR_EXIST);
}

static void
count_done(struct share_op *copy)
{
	struct share_op *op = copy->backend[2];
	struct count_share *cs = copy->backend[3];
	struct count_call *call = (struct count_call *)copy;

	share_answer(op, copy);
	if (call->era == cs->era) {
		cs->c.under_way--;
		cs->c.failed += count_is_failure(copy->err);
		if (copy->err == NULL && copy->proc == SHARE_READ)
			cs->c.bytes_read += copy->count_r;
		if (copy->err == NULL && copy->proc == SHARE_WRITE)
			cs->c.bytes_written += copy->count_r;
		if (cs->done_depth < call->depth)
			cs->done_depth = call->depth;
	}
	free(call);
	share_complete(op);
}

static void
count_submit(struct share *s, struct share_op *op)
{
	struct count_share *cs = (struct count_share *)s;
	struct count_call *call = xcalloc(1, sizeof(*call));

	call->depth = cs->done_depth + 1;
	call->era = cs->era;
	if (cs->c.serial < call->depth)
		cs->c.serial = call->depth;
	cs->c.total++;
	cs->c.calls[op->proc]++;
	cs->c.lane_calls[op->lane]++;
	cs->c.under_way++;
	if (cs->c.most_under_way < cs->c.under_way)
		cs->c.most_under_way = cs->c.under_way;
	share_forward(cs->inner, op, &call->copy, count_done, cs);
}

static uint64_t
count_conn(const struct share *s, enum share_lane lane)
{
	return share_conn(((const struct count_share *)s)->inner, lane);
}

static void
count_expect(struct share *s, const unsigned char uuid[16])
{
	share_expect(((struct count_share *)s)->inner, uuid);
}

static void
count_reconnect(struct share *s)
{
	share_reconnect(((struct count_share *)s)->inner);
}

static void
count_close(struct share *s)
{
	struct count_share *cs = (struct count_share *)s;

	share_close(&cs->inner);
	free(cs);
}

static const struct share_vtable count_vtable = { .submit = count_submit,
	.conn = count_conn,
	.expect = count_expect,
	.reconnect = count_reconnect,
	.close = count_close };

struct share *
share_count_new(struct share *inner)
{
	struct count_share *cs = xcalloc(1, sizeof(*cs));

	cs->share.vt = &count_vtable;
	cs->share.name = share_name(inner);
	cs->share.root = *share_root(inner);
	cs->share.durable = inner->durable;
	cs->inner = inner;
	return &cs->share;
}

void
share_count_reset(struct share *s)
{
	struct count_share *cs = (struct count_share *)s;

	invariant(s->vt == &count_vtable);
	cs->c = (struct share_counts){ 0 };
	cs->done_depth = 0;
	cs->era++;
}

void
share_count_get(const struct share *s, struct share_counts *c_r)
{
	invariant(s->vt == &count_vtable);
	*c_r = ((const struct count_share *)s)->c;
}
