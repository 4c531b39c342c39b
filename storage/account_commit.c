/* account_commit.c - one entry in an account's journal */
#include "storage/account_private.h"

#define ACCOUNT_COMMIT_TRIES 3

/* The first entry of a day says so: forgetting goes by these marks. */
static void
account_commit_mark(struct task *t, const struct account_state *s,
    struct buf *ops)
{
	int64_t now = task_wall_s(t);
	struct account_op op = { .letter = 'i' };

	if (now <= 0 || now > (int64_t)UINT32_MAX)
		return;
	if (s->mark_count > 0 &&
	    now < (int64_t)s->marks[s->mark_count - 1].time + ACCOUNT_MARK_S)
		return;
	op.time = (uint64_t)now;
	account_op_write(ops, &op);
}

static struct err *
account_commit_nothing(struct task *t)
{
	/* ends journal_commit; never seen by anyone else */
	return err_new(task_arena(t), ERR_CONFLICT, "nothing to do", NULL);
}

static struct err *
account_commit_compose(struct task *t, void *arg, struct buf *ops)
{
	struct account_tx *x = arg;
	struct account *acc = x->acc;
	struct err *e;

	if (acc->reset_due)
		account_state_drop(acc);
	x->nothing = false;
	if (acc->state.state == 'p' ||
	    (acc->state.state != 'o' && !x->when_closed))
		return err_new(task_arena(t), ERR_CLOSED,
		    "this account is closed", NULL);
	account_commit_mark(t, &acc->state, ops);
	e = x->compose(t, x, ops);
	if (e == NULL && x->nothing)
		e = account_commit_nothing(t);
	return e;
}

static struct err *
account_commit_blind(struct task *t, void *arg,
    const struct journal_entry *head, struct buf *ops, struct buf *totals)
{
	struct account_tx *x = arg;
	struct err *e;

	x->nothing = x->load = false;
	e = x->compose_blind(t, x, head, ops, totals);
	if (e == NULL && (x->nothing || x->load))
		e = account_commit_nothing(t);
	return e;
}

void
account_tx_init(struct task *t, struct account *acc, struct account_tx *x)
{
	*x = (struct account_tx){ .acc = acc };
	journal_tx_init(t, acc->journal, &x->tx);
}

/* Whoever shall know it at once: sessions elsewhere. */
static void
account_commit_tell(const struct account_tx *x)
{
	const struct mailstore_conf *c = mailstore_config(x->acc->ms);

	if (c->committed != NULL && x->tx.seq_r > 0)
		c->committed(c->arg, account_id(x->acc), x->tx.seq_r);
}

static may_yield must_check struct err *
account_commit_once(struct task *t, struct account_tx *x)
{
	struct err *e;

	if (x->compose_blind == NULL) {
		e = account_loaded(t, x->acc);
		if (e != NULL)
			return e;
	}
	x->tx.arg = x;
	x->tx.compose = account_commit_compose;
	x->tx.compose_blind =
	    x->compose_blind == NULL ? NULL : account_commit_blind;
	e = journal_commit(t, x->acc->journal, &x->tx);
	if (x->load && err_is(e, ERR_CONFLICT)) {
		/* what blind eyes could not decide */
		x->load = false;
		e = account_loaded(t, x->acc);
		if (e == NULL)
			e = journal_commit(t, x->acc->journal, &x->tx);
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
		account_commit_tell(x);
	return e;
}

struct err *
account_commit(struct task *t, struct account_tx *x)
{
	struct share *s = mailstore_share(x->acc->ms);
	struct err *e, *released;
	bool freed;

	for (unsigned tries = 0;; tries++) {
		e = account_commit_once(t, x);
		if (err_is(e, ERR_STALE) && tries == 0 && x->tx.open == 0 &&
		    account_relocate(t, x->acc) == NULL)
			continue;
		/* a full share must not keep anybody from removing mail */
		if (tries == ACCOUNT_COMMIT_TRIES || !x->removes ||
		    !mailstore_share_is_full(t, s, e))
			return e;
		released = mailstore_ballast_release(t, s, &freed);
		if (released != NULL || !freed)
			return e;
		/* giving up voided the txid; removing names no files by it */
		if (journal_err_is_verdict(e))
			journal_tx_init(t, x->acc->journal, &x->tx);
	}
}
