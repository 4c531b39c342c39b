/* queue_client.c - what a bucket of the queue tells its journal */
#include <stdlib.h>

#include "base/log.h"
#include "storage/queue_ckpt.h"
#include "storage/queue_private.h"

/* --- state --- */

static void
queue_client_reset(void *arg)
{
	struct queue_bucket *b = arg;

	/* Others go on looking at the old state until there is another. */
	b->reset_due = true;
}

void
queue_state_drop(struct queue_bucket *b)
{
	b->reset_due = false;
	queue_state_reset(&b->state);
}

static may_yield must_check struct err *
queue_client_load(struct task *t, void *arg, const struct journal_ckpt *c)
{
	struct queue_bucket *b = arg;
	struct arena *a = arena_new(2UL * QUEUE_SEG_MAX);
	const struct journal_seg *seg = NULL;
	struct queue_bucket_state fresh;
	struct str data = STR_NONE;
	uint64_t seq = 0;
	struct err *e;

	for (unsigned i = 0; i < c->seg_count; i++)
		if (str_eq_c(c->segs[i].kind, "rows"))
			seg = &c->segs[i];
	queue_state_init(&fresh, b->number);
	e = seg == NULL ? err_new(task_arena(t), ERR_CORRUPT,
			      "the queue's checkpoint is damaged", "no rows")
			: journal_seg_read(t, b->journal, seg, 1, a, &data);
	if (e == NULL)
		e = queue_ckpt_load(task_arena(t), &fresh, data, &seq);
	if (e == NULL && seq != c->seq)
		e = err_new(task_arena(t), ERR_CORRUPT,
		    "the queue's checkpoint is damaged", "number");
	arena_free(&a);
	if (e != NULL) {
		queue_state_free(&fresh);
		return e;
	}
	queue_state_drop(b);
	b->state = fresh;
	return NULL;
}

/* Whoever lacks the file of a row that went lately need not worry. */
static void
queue_finished_note(struct queue_bucket *b, const struct queue_op *ops,
    unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if ((ops[i].letter != 'o' && ops[i].letter != 'x') ||
		    queue_state_find(&b->state, &ops[i].name) != NULL)
			continue;
		if (b->finished == NULL)
			b->finished =
			    xcalloc(QUEUE_FINISHED, sizeof(*b->finished));
		b->finished[b->finished_next] = ops[i].name;
		b->finished_next = (b->finished_next + 1) % QUEUE_FINISHED;
		if (b->finished_n < QUEUE_FINISHED)
			b->finished_n++;
	}
}

static struct err *
queue_client_apply(struct task *t, void *arg, const struct journal_entry *je)
{
	struct queue_bucket *b = arg;
	struct arena_mark mark = arena_mark(task_arena(t));
	struct queue_op *ops;
	unsigned n;
	struct err *e;

	e = queue_ops_parse(task_arena(t), je->ops, &je->txid, &ops, &n);
	if (e != NULL)
		return e;
	if (b->reset_due)
		queue_state_drop(b);
	queue_state_apply(&b->state, ops, n, je->seq);
	queue_finished_note(b, ops, n);
	arena_rewind(task_arena(t), mark);
	return NULL;
}

static void
queue_client_totals(void *arg, struct str ops, struct buf *out)
{
	struct queue_bucket *b = arg;
	static const struct txid none;
	struct arena *a = arena_new(0);
	struct queue_totals tt;
	struct queue_op *list;
	unsigned n;
	struct err *e;

	if (b->reset_due)
		queue_state_drop(b);
	e = queue_ops_parse(a, ops, &none, &list, &n);
	if (e == NULL) {
		queue_state_totals(&b->state, list, n, &tt);
		queue_totals_format(out, &tt);
	} else
		buf_char(out, '-');
	arena_free(&a);
}

/* --- checkpoints --- */

static may_yield must_check struct err *
queue_client_save(struct task *t, void *arg, struct ckpt_writer *w)
{
	struct queue_bucket *b = arg;
	struct err *e = NULL;
	struct buf rows;

	buf_init(&rows, NULL, QUEUE_SEG_MAX);
	queue_ckpt_write(&rows, &b->state, journal_head(b->journal));
	if (buf_ok(&rows)) {
		ckpt_arg(w, STR("-"));
		ckpt_add(w, "rows", STR("-"), buf_str(&rows));
	} else
		e = err_new(task_arena(t), ERR_LIMIT,
		    "the queue is too long for a checkpoint", NULL);
	buf_free(&rows);
	return e;
}

/* --- after a server that forgot --- */

static bool
queue_is_finished(const struct queue_bucket *b, const struct queue_name *name)
{
	for (unsigned i = 0; i < b->finished_n; i++)
		if (queue_name_eq(&b->finished[i], name))
			return true;
	return false;
}

/*
 * Whether the ADD may be in the journal again.  If its file is gone because the
 * message was done with, the entry that says so comes again after this one, and
 * the DSNs in that one count only if there is something to decide: so the ADD
 * must come.
 */
static may_yield must_check struct err *
queue_refile_one(struct task *t, struct queue_bucket *b,
    const struct queue_name *name, bool *keep_r)
{
	struct share_fh fh;
	struct err *e = queue_file_lookup(t, b, name, &fh, NULL);

	*keep_r = e == NULL;
	if (!err_is(e, ERR_NOENT))
		return e;
	*keep_r = queue_is_finished(b, name);
	return NULL;
}

static may_yield must_check struct err *
queue_client_refile(struct task *t, void *arg, const struct journal_entry *je,
    struct buf *ops_r, bool *whole_r)
{
	struct queue_bucket *b = arg;
	struct str rest = je->ops, one;
	struct queue_name name = { .txid = je->txid };
	bool keep = true;
	struct err *e;

	*whole_r = true;
	while (str_split(&rest, ';', &one)) {
		struct str copy = one;
		struct record_op op;
		uint32_t ordinal;

		/* recipients go with the ADD before them */
		if (!record_next(&copy, &op) || op.letter != 'r')
			keep = true;
		if (op.letter == 'a' && record_get_u32(&op, &ordinal)) {
			name.ordinal = ordinal;
			e = queue_refile_one(t, b, &name, &keep);
			if (e != NULL)
				return e;
			if (!keep)
				log_alarm(t,
				    "queued message lost by the server",
				    LOG_C("bucket", b->label),
				    LOG_STR("op", str_sub(one, 0, 200)));
		}
		if (!keep) {
			*whole_r = false;
			continue;
		}
		if (ops_r->n > 0)
			buf_char(ops_r, ';');
		buf_str_add(ops_r, one);
	}
	return NULL;
}

const struct journal_client queue_client = {
	.name = "queue",
	.reset = queue_client_reset,
	.load = queue_client_load,
	.apply = queue_client_apply,
	.totals = queue_client_totals,
	.save = queue_client_save,
	.refile = queue_client_refile,
};
