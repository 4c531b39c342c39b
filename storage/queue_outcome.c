/* queue_outcome.c - outcomes with their DSNs, and orders */
#include <stdlib.h>

#include "base/utf8.h"
#include "storage/queue_private.h"

/* Groups of recipients with the same outcome in one entry, looked through for
 * the next one. */
#define QUEUE_OUTCOME_LOOK 8

struct queue_outcome_tx {
	struct queue_name name;
	const struct queue_outcome *o;
	unsigned n;
	struct str node;
	struct str *answers; /* of o: as they are written */
	const struct queue_dsn *dsns;
	unsigned dsn_n;
	bool with_dsns; /* DSNs go into this entry */
	bool decides;	/* as composed last */
};

static struct err *
queue_gone(struct task *t)
{
	return err_new(task_arena(t), ERR_NOTFOUND,
	    "the message is not in the queue any more", NULL);
}

/* An answer as it can be kept: one line, not too long, whole characters. */
static struct str
queue_answer(struct arena *a, struct str answer, size_t max)
{
	struct str s = str_sub(answer, 0, max);
	char *p;

	while (s.n > 0 && s.n < answer.n && (s.p[s.n] & 0xc0) == 0x80)
		s.n--;
	s = arena_str(a, s);
	p = (char *)s.p;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			p[i] = ' ';
	return s;
}

/* --- composing --- */

static bool
queue_outcome_same(const struct queue_op *a, const struct queue_op *b)
{
	return a->state == b->state && a->told == b->told &&
	       a->tried_s == b->tried_s && a->next_s == b->next_s &&
	       a->code == b->code && str_eq(a->answer, b->answer);
}

/* The group that op belongs to; a new one, if there is none near the end. */
static struct queue_op *
queue_outcome_group(struct arena *a, struct queue_op *list, unsigned *n,
    const struct queue_op *op)
{
	for (unsigned i = *n; i-- > 0 && i + QUEUE_OUTCOME_LOOK >= *n;)
		if (queue_outcome_same(&list[i], op))
			return &list[i];
	list[*n] = *op;
	uidset_init(&list[*n].places, a);
	return &list[(*n)++];
}

/* What counts in the state that the entry meets: recipients that still wait. */
static struct err *
queue_outcome_list(struct task *t, struct queue_outcome_tx *ot,
    const struct queue_message *m, struct queue_op *list, unsigned *n_r)
{
	ot->decides = false;
	*n_r = 0;
	for (unsigned i = 0; i < ot->n; i++) {
		const struct queue_outcome *o = &ot->o[i];
		struct queue_op op = { .letter = 'o',
			.name = ot->name,
			.state = o->state,
			.tried_s = o->tried_s,
			.next_s = o->next_s,
			.code = o->code <= 999 ? o->code : 0,
			.node = ot->node,
			.answer = ot->answers[i] };
		const struct queue_rcpt *r;

		if (o->rcpt >= m->rcpt_n)
			return err_new(task_arena(t), ERR_INVALID,
			    "there is no such recipient", NULL);
		r = &m->rcpts[o->rcpt];
		if (r->state != QUEUE_WAITING)
			continue;
		op.told = o->delay_told && !r->delay_told;
		ot->decides |= op.told || op.state != QUEUE_WAITING;
		uidset_add(&queue_outcome_group(task_arena(t), list, n_r, &op)
				->places,
		    o->rcpt + 1);
	}
	for (unsigned i = 0; i < *n_r; i++)
		uidset_sort(&list[i].places);
	return *n_r > 0 ? NULL : queue_gone(t);
}

static void
queue_dsns_write(const struct queue_outcome_tx *ot, const struct txid *txid,
    struct buf *ops)
{
	for (unsigned k = 0; k < ot->dsn_n; k++) {
		struct queue_op op = { .letter = 'a',
			.name = { *txid, k + 1 },
			.m = ot->dsns[k].m };

		op.m.bytes = ot->dsns[k].bytes.n;
		op.m.flags |= QUEUE_BOUNCE;
		queue_op_write(ops, &op);
	}
}

static struct err *
queue_outcome_compose(struct task *t, struct queue_tx *x, struct buf *ops)
{
	struct queue_outcome_tx *ot = x->arg;
	const struct queue_message *m =
	    queue_state_find(&x->b->state, &ot->name);
	struct queue_op *list;
	unsigned n;
	struct err *e;

	if (m == NULL)
		return queue_gone(t);
	list = arena_array(task_arena(t), ot->n + 1UL, sizeof(*list));
	e = queue_outcome_list(t, ot, m, list, &n);
	if (e != NULL)
		return e;
	/* nobody will look at what a row said that is no more */
	if (queue_state_finishes(m, list, n))
		for (unsigned i = 0; i < n; i++)
			list[i].answer = list[i].node = STR_NONE;
	for (unsigned i = 0; i < n; i++)
		queue_op_write(ops, &list[i]);
	if (ot->decides && ot->with_dsns)
		queue_dsns_write(ot, &x->tx.txid, ops);
	return NULL;
}

/* --- DSNs --- */

static may_yield must_check struct err *
queue_dsns_put(struct task *t, struct queue_bucket *b,
    const struct queue_outcome_tx *ot, const struct txid *txid)
{
	char text[QUEUE_NAME_MAX + 1];
	struct share_fh dir;
	struct err *e = NULL;

	for (unsigned k = 0; e == NULL && k < ot->dsn_n; k++) {
		struct queue_name name = { *txid, k + 1 };

		queue_name_format(&name, text);
		e = queue_message_check(task_arena(t), &ot->dsns[k].m);
		if (e == NULL)
			e = queue_bucket_msg(t, b, false, &dir);
		if (e == NULL)
			e = share_put(t, queue_share(b), SHARE_LANE_BULK, &dir,
			    str_c(text), ot->dsns[k].bytes.p,
			    ot->dsns[k].bytes.n, NULL);
		if (err_is(e, ERR_STALE))
			b->have_msg = false; /* the next finds its way */
	}
	return e;
}

/* The files of those that became no row. */
static may_yield void
queue_dsns_tidy(struct task *t, struct queue_bucket *b,
    const struct queue_outcome_tx *ot, const struct txid *txid)
{
	for (unsigned k = 0; k < ot->dsn_n; k++) {
		struct queue_name name = { *txid, k + 1 };

		if (queue_state_find(&b->state, &name) == NULL)
			queue_file_remove(t, b, &name);
	}
}

/* SAFE_QUEUE_DSN: what happens without the rule. */
static struct err *
queue_dsns_compose(struct task *t, struct queue_tx *x, struct buf *ops)
{
	(void)t;
	queue_dsns_write(x->arg, &x->tx.txid, ops);
	return NULL;
}

static may_yield must_check struct err *
queue_dsns_apart(struct task *t, struct queue_bucket *b,
    struct queue_outcome_tx *ot, uint64_t token)
{
	struct queue_tx x;
	struct err *e;

	queue_tx_init(t, b, &x);
	x.tx.token = token;
	x.compose = queue_dsns_compose;
	x.arg = ot;
	e = queue_dsns_put(t, b, ot, &x.tx.txid);
	return e != NULL ? e : queue_commit(t, &x);
}

/* --- the outcome --- */

/* Copies: the caller's message and answers may lie in rows. */
static void
queue_outcome_take(struct task *t, struct queue_outcome_tx *ot)
{
	struct arena *a = task_arena(t);
	struct queue_outcome *o = arena_memdup(a, ot->o, ot->n * sizeof(*o));

	ot->node = queue_answer(a, ot->node, QUEUE_NODE_MAX);
	ot->answers = arena_array(a, ot->n + 1UL, sizeof(*ot->answers));
	for (unsigned i = 0; i < ot->n; i++)
		ot->answers[i] = queue_answer(a, o[i].answer, QUEUE_ANSWER_MAX);
	ot->o = o;
}

static may_yield must_check struct err *
queue_outcome_try(struct task *t, struct queue_tx *x,
    struct queue_outcome_tx *ot, uint64_t token)
{
	struct queue_bucket *b = x->b;
	struct err *e;

	e = ot->with_dsns ? queue_dsns_put(t, b, ot, &x->tx.txid) : NULL;
	if (e == NULL)
		e = queue_commit(t, x);
	if (e == NULL && !ot->with_dsns && ot->dsn_n > 0 && ot->decides)
		return queue_dsns_apart(t, b, ot, token);
	if (e == NULL || journal_err_is_verdict(e))
		queue_dsns_tidy(t, b, ot, &x->tx.txid);
	return e;
}

static may_yield must_check struct err *
queue_outcome_commit(struct task *t, struct queue_bucket *b,
    struct queue_outcome_tx *ot, uint64_t token)
{
	struct queue_tx x;
	struct err *e;

	queue_tx_init(t, b, &x);
	/* model fence: an outcome of who lost the lock is nothing */
	x.tx.token = SAFEGUARD(SAFE_QUEUE_TOKEN) ? token : 0;
	x.compose = queue_outcome_compose;
	x.removes = ot->dsn_n == 0;
	x.arg = ot;
	ot->with_dsns = SAFEGUARD(SAFE_QUEUE_DSN);
	e = queue_outcome_try(t, &x, ot, token);
	/* a FORGET came in between: what a remote host said must not be lost
	 * for that */
	if (!err_is(e, ERR_HELD) && !err_is(e, ERR_VOIDED))
		return e;
	queue_tx_again(t, &x);
	return queue_outcome_try(t, &x, ot, token);
}

struct err *
queue_outcomes(struct task *t, struct queue_bucket *b, uint64_t token,
    struct str node, const struct txid *txid, unsigned ordinal,
    const struct queue_outcome *o, unsigned n, const struct queue_dsn *dsns,
    unsigned dsn_n)
{
	struct queue_outcome_tx ot = { .name = { *txid, ordinal },
		.o = o,
		.n = n,
		.node = node,
		.dsns = dsns,
		.dsn_n = dsn_n };
	struct err *e;

	if (token == 0 || n == 0 || n > QUEUE_RCPTS_MAX ||
	    dsn_n >= QUEUE_ORDINAL_MAX)
		return err_new(task_arena(t), ERR_INVALID, "this is no outcome",
		    NULL);
	queue_outcome_take(t, &ot);
	e = queue_outcome_commit(t, b, &ot, token);
	if (e == NULL && queue_state_find(&b->state, &ot.name) == NULL)
		queue_file_remove(t, b, &ot.name);
	return e;
}

/* --- orders --- */

struct queue_order_tx {
	struct queue_name name;
	enum queue_order order;
};

static const char queue_order_letters[] = "hgyx";

/* Nothing is written for what is so already. */
static bool
queue_order_changes(const struct queue_message *m, enum queue_order o)
{
	switch (o) {
	case QUEUE_ORDER_HOLD:
		return !m->held;
	case QUEUE_ORDER_RELEASE:
		return m->held;
	case QUEUE_ORDER_RETRY:
		for (unsigned i = 0; i < m->rcpt_n; i++)
			if (m->rcpts[i].state == QUEUE_WAITING &&
			    !queue_rcpt_is_forced(&m->rcpts[i]))
				return true;
		return false;
	default:
		return true;
	}
}

static struct err *
queue_order_compose(struct task *t, struct queue_tx *x, struct buf *ops)
{
	const struct queue_order_tx *ot = x->arg;
	const struct queue_message *m =
	    queue_state_find(&x->b->state, &ot->name);
	struct queue_op op = { .letter = queue_order_letters[ot->order],
		.name = ot->name };

	if (m == NULL)
		return queue_gone(t);
	x->nothing = !queue_order_changes(m, ot->order);
	queue_op_write(ops, &op);
	return NULL;
}

struct err *
queue_order(struct task *t, struct queue_bucket *b, const struct txid *txid,
    unsigned ordinal, enum queue_order o)
{
	struct queue_order_tx ot = { { *txid, ordinal }, o };
	struct queue_tx x;
	struct err *e;

	queue_tx_init(t, b, &x);
	x.compose = queue_order_compose;
	x.removes = o == QUEUE_ORDER_REMOVE;
	x.arg = &ot;
	e = queue_commit(t, &x);
	if (err_is(e, ERR_HELD)) {
		queue_tx_again(t, &x);
		e = queue_commit(t, &x);
	}
	if (e == NULL && o == QUEUE_ORDER_REMOVE)
		queue_file_remove(t, b, &ot.name);
	return e;
}
