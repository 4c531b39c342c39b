/* queue_commit.c - one entry in a bucket's journal */
#include "storage/mailstore.h"
#include "storage/queue_private.h"

#define QUEUE_COMMIT_TRIES 3

/* The first entry in a while says when it is: forgetting goes by these. */
static void
queue_commit_mark(struct task *t, const struct queue_bucket_state *s,
    struct buf *ops)
{
	int64_t now = task_wall_s(t);
	struct queue_op op = { .letter = 'i' };

	if (now <= 0 || now > (int64_t)UINT32_MAX)
		return;
	if (s->mark_n > 0 &&
	    now < (int64_t)s->marks[s->mark_n - 1].time + QUEUE_MARK_S)
		return;
	op.value = (uint64_t)now;
	queue_op_write(ops, &op);
}

static struct err *
queue_commit_nothing(struct task *t)
{
	/* ends journal_commit; never seen by anyone else */
	return err_new(task_arena(t), ERR_CONFLICT, "nothing to do", NULL);
}

static struct err *
queue_commit_compose(struct task *t, void *arg, struct buf *ops)
{
	struct queue_tx *x = arg;
	struct queue_bucket *b = x->b;
	struct err *e;

	if (b->reset_due)
		queue_state_drop(b);
	x->nothing = false;
	queue_commit_mark(t, &b->state, ops);
	e = x->compose(t, x, ops);
	if (e == NULL && x->nothing)
		e = queue_commit_nothing(t);
	return e;
}

static struct err *
queue_commit_blind(struct task *t, void *arg, const struct journal_entry *head,
    struct buf *ops, struct buf *totals)
{
	struct queue_tx *x = arg;
	struct queue_totals before;
	struct err *e;

	x->nothing = false;
	x->load = !queue_totals_parse(head->totals, &before);
	if (x->load)
		return queue_commit_nothing(t);
	e = x->compose_blind(t, x, &before, ops, totals);
	if (e == NULL && x->nothing)
		e = queue_commit_nothing(t);
	return e;
}

void
queue_tx_init(struct task *t, struct queue_bucket *b, struct queue_tx *x)
{
	*x = (struct queue_tx){ .b = b };
	journal_tx_init(t, b->journal, &x->tx);
}

void
queue_tx_again(struct task *t, struct queue_tx *x)
{
	uint64_t token = x->tx.token;

	journal_tx_init(t, x->b->journal, &x->tx);
	x->tx.token = token;
}

static may_yield must_check struct err *
queue_commit_once(struct task *t, struct queue_tx *x)
{
	const struct queue_conf *c = &x->b->qs->conf;
	struct journal *j = x->b->journal;
	struct err *e = NULL;

	x->tx.arg = x;
	x->tx.compose = queue_commit_compose;
	x->tx.compose_blind =
	    x->compose_blind == NULL ? NULL : queue_commit_blind;
	e = journal_commit(t, j, &x->tx);
	if (x->load && err_is(e, ERR_CONFLICT)) {
		/* totals of another version: the rows must be read */
		x->load = false;
		e = journal_refresh(t, j);
		if (e == NULL)
			e = journal_commit(t, j, &x->tx);
	}
	if (x->nothing && err_is(e, ERR_CONFLICT)) {
		x->tx.seq_r = 0;
		return NULL;
	}
	/* sent before what the journal remembers: files stay, no second try */
	if (err_is(e, ERR_HELD) && x->tx.maybe_r)
		return err_new(task_arena(t), ERR_UNKNOWN,
		    "it is not known whether the change was made",
		    "held: the journal forgot meanwhile");
	if (e == NULL)
		x->b->looked_ms = task_now_ms(t);
	if (e == NULL && c->committed != NULL)
		c->committed(c->arg, x->b->number, x->tx.seq_r);
	return e;
}

struct err *
queue_commit(struct task *t, struct queue_tx *x)
{
	struct share *s = queue_share(x->b);
	struct err *e, *released;
	bool freed;

	for (unsigned tries = 0;; tries++) {
		e = queue_commit_once(t, x);
		if (err_is(e, ERR_STALE) && tries == 0 && x->tx.open == 0 &&
		    queue_bucket_relocate(t, x->b) == NULL)
			continue;
		if (tries == QUEUE_COMMIT_TRIES || !x->removes ||
		    !mailstore_share_is_full(t, s, e))
			return e;
		/* a full share must not keep the queue from getting shorter */
		released = mailstore_ballast_release(t, s, &freed);
		if (released != NULL || !freed)
			return e;
		/* giving up voided the txid; removing names no files by it */
		if (journal_err_is_verdict(e))
			queue_tx_again(t, x);
	}
}
