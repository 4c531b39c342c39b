/* queue_maintain.c - forgetting, and files that no row names */
#include <stdlib.h>

#include "base/log.h"
#include "storage/queue_private.h"

#define QUEUE_CLOCK_OFF_S 86400
#define QUEUE_ORPHANS 1000 /* of one run */
#define QUEUE_MSG_DIR_MAX 1000000
#define QUEUE_SWEEP_MS (60 * 60 * 1000) /* between two looks at all files */

/* --- forgetting --- */

/* Entries up to here are older than what must be known; 0: none is. */
static uint64_t
queue_forget_upto(const struct queue_bucket *b, int64_t now)
{
	const struct queue_bucket_state *s = &b->state;
	int64_t keep_s = (int64_t)b->qs->conf.keep_hours * 3600;
	uint64_t upto = 0;

	for (unsigned i = 0; i < s->mark_n; i++)
		if ((int64_t)s->marks[i].time + keep_s <= now)
			upto = s->marks[i].seq;
	return upto > s->forgotten + 1 ? upto - 1 : 0;
}

static struct err *
queue_forget_compose(struct task *t, struct queue_tx *x, struct buf *ops)
{
	struct queue_op op = { .letter = 'F', .value = *(uint64_t *)x->arg };

	(void)t;
	x->nothing = op.value <= x->b->state.forgotten;
	queue_op_write(ops, &op);
	return NULL;
}

static may_yield must_check struct err *
queue_forget(struct task *t, struct queue_bucket *b, uint64_t token)
{
	int64_t now = task_wall_s(t), share_now;
	uint64_t upto = queue_forget_upto(b, now);
	struct queue_tx x;
	struct err *e;

	if (upto == 0)
		return NULL;
	e = share_clock(t, queue_share(b), SHARE_LANE_ADMIN, &b->dir,
	    &share_now);
	if (e != NULL)
		return e;
	if (share_now < now - QUEUE_CLOCK_OFF_S) {
		log_warn(t, "clock is ahead of the share's: nothing forgotten",
		    LOG_C("bucket", b->label),
		    LOG_I64("seconds", now - share_now));
		return NULL;
	}
	queue_tx_init(t, b, &x);
	x.tx.token = token;
	x.compose = queue_forget_compose;
	x.removes = true;
	x.arg = &upto;
	return queue_commit(t, &x);
}

/* --- orphans --- */

struct queue_orphans {
	struct queue_name *names;
	unsigned n;
};

static bool
queue_is_orphan(const struct queue_bucket *b, const struct queue_name *name)
{
	return queue_state_find(&b->state, name) == NULL;
}

static may_yield must_check struct err *
queue_orphan_old(struct task *t, struct queue_bucket *b,
    const struct queue_name *name, int64_t share_now, bool *old_r)
{
	struct share_attr attr;
	struct share_fh fh;
	struct err *e = queue_file_lookup(t, b, name, &fh, &attr);

	*old_r = false;
	if (err_is(e, ERR_NOENT))
		return NULL;
	if (e != NULL)
		return e;
	/* LINK changes the ctime of a file that is older */
	if (attr.ctime_ns > attr.mtime_ns)
		attr.mtime_ns = attr.ctime_ns;
	*old_r = attr.mtime_ns / 1000000000 +
		     (int64_t)b->qs->conf.orphan_hours * 3600 <=
		 share_now;
	return NULL;
}

static may_yield must_check struct err *
queue_orphans_find(struct task *t, struct queue_bucket *b,
    struct queue_orphans *o)
{
	struct share_dirent *d = NULL;
	struct share_fh msg;
	int64_t share_now = 0;
	bool old;
	struct err *e;

	e = queue_bucket_msg(t, b, false, &msg);
	if (e == NULL)
		e = share_clock(t, queue_share(b), SHARE_LANE_ADMIN, &b->dir,
		    &share_now);
	if (e == NULL)
		e = share_readdir(t, queue_share(b), SHARE_LANE_ADMIN, &msg,
		    QUEUE_MSG_DIR_MAX, &d, NULL);
	for (; e == NULL && d != NULL && o->n < QUEUE_ORPHANS; d = d->next) {
		struct arena_mark mark = arena_mark(task_arena(t));
		struct queue_name name;

		if (!queue_name_parse(d->name, &name) ||
		    !queue_is_orphan(b, &name))
			continue;
		e = queue_orphan_old(t, b, &name, share_now, &old);
		if (e != NULL)
			break; /* its text is behind the mark */
		if (old)
			o->names[o->n++] = name;
		arena_rewind(task_arena(t), mark);
	}
	return e;
}

/*
 * Every name is looked at again in the state the entry will meet: what has
 * become a row meanwhile stays.  What was a row, and is known, needs no VOID.
 */
static struct err *
queue_void_compose(struct task *t, struct queue_tx *x, struct buf *ops)
{
	struct queue_orphans *o = x->arg;
	struct journal *j = x->b->journal;
	struct txid last = { { 0 } };
	unsigned keep = 0, voided = 0;

	(void)t;
	for (unsigned i = 0; i < o->n; i++) {
		struct queue_name *name = &o->names[i];

		if (!queue_is_orphan(x->b, name))
			continue;
		o->names[keep++] = *name;
		if (journal_find(j, &name->txid) != 0 ||
		    journal_is_voided(j, &name->txid) ||
		    txid_eq(&name->txid, &last))
			continue;
		last = name->txid;
		record_op(ops, 'D');
		record_txid(ops, &name->txid);
		voided++;
	}
	o->n = keep;
	x->nothing = voided == 0;
	return NULL;
}

static int
queue_orphan_cmp(const void *x, const void *y)
{
	const struct queue_name *a = x, *b = y;
	int c = memcmp(a->txid.b, b->txid.b, sizeof(a->txid.b));

	return c != 0 ? c : (int)a->ordinal - (int)b->ordinal;
}

static may_yield must_check struct err *
queue_orphans_remove(struct task *t, struct queue_bucket *b, uint64_t token,
    struct queue_orphans *o)
{
	struct queue_tx x;
	struct err *e = NULL;

	if (o->n == 0)
		return NULL;
	qsort(o->names, o->n, sizeof(*o->names), queue_orphan_cmp);
	queue_tx_init(t, b, &x);
	x.tx.token = token;
	x.compose = queue_void_compose;
	x.removes = true;
	x.arg = o;
	if (SAFEGUARD(SAFE_VOID))
		e = queue_commit(t, &x);
	if (e != NULL)
		return e;
	for (unsigned i = 0; i < o->n; i++)
		queue_file_remove(t, b, &o->names[i]);
	if (o->n > 0)
		log_info(t, "queue files without a message removed",
		    LOG_C("bucket", b->label), LOG_U64("files", o->n));
	return NULL;
}

static may_yield must_check struct err *
queue_sweep(struct task *t, struct queue_bucket *b, uint64_t token)
{
	uint64_t now_ms = task_now_ms(t);
	struct queue_orphans o = { .n = 0 };
	struct err *e;

	if (b->swept && now_ms - b->swept_ms < QUEUE_SWEEP_MS)
		return NULL;
	o.names = xcalloc(QUEUE_ORPHANS, sizeof(*o.names));
	e = queue_orphans_find(t, b, &o);
	if (e == NULL)
		e = queue_orphans_remove(t, b, token, &o);
	if (e == NULL) {
		b->swept = o.n < QUEUE_ORPHANS;
		b->swept_ms = now_ms;
	}
	free(o.names);
	return e;
}

static may_yield must_check struct err *
queue_maintain_once(struct task *t, struct queue_bucket *b, uint64_t token)
{
	struct err *e = queue_bucket_refresh(t, b);

	if (e == NULL)
		e = queue_forget(t, b, token);
	if (e == NULL)
		e = queue_sweep(t, b, token);
	return e != NULL ? e : journal_maintain(t, b->journal, false);
}

struct err *
queue_maintain(struct task *t, struct queue_bucket *b, uint64_t token)
{
	struct err *e = queue_maintain_once(t, b, token);

	if (!err_is(e, ERR_STALE))
		return e;
	e = queue_bucket_relocate(t, b);
	return e != NULL ? e : queue_maintain_once(t, b, token);
}
