/* queue_state.c - the messages of one bucket, as its entries add up to them */
#include "storage/queue_state.h"

#include <stdlib.h>

#include "base/safeguard.h"

/*
 * m comes first.  Everything its message is called by is in the block behind
 * it; what outcomes bring (answer, node) is the recipient's own heap.
 */
struct queue_row {
	struct queue_message m;
	uint64_t order; /* rises from row to row */
	char id[QUEUE_ID_MAX];
	char text[];
};

void
queue_state_init(struct queue_bucket_state *s, unsigned bucket)
{
	*s = (struct queue_bucket_state){ .bucket = bucket };
}

static void
queue_row_free(struct queue_row *row)
{
	for (unsigned i = 0; i < row->m.rcpt_n; i++) {
		free((char *)row->m.rcpts[i].answer.p);
		free((char *)row->m.rcpts[i].node.p);
	}
	free(row->m.rcpts);
	free(row);
}

void
queue_state_free(struct queue_bucket_state *s)
{
	for (unsigned i = 0; i < s->n; i++)
		queue_row_free(s->rows[i]);
	free(s->rows);
	free(s->table);
	queue_state_init(s, s->bucket);
}

void
queue_state_reset(struct queue_bucket_state *s)
{
	queue_state_free(s);
}

/* --- the table of names --- */

static unsigned
queue_name_slot(const struct queue_bucket_state *s, const struct txid *txid,
    unsigned ordinal)
{
	uint64_t v = le64_get(txid->b) ^ le64_get(txid->b + 8);

	/* ordinals of one txid must not sit side by side */
	v += (uint64_t)ordinal * 0x9e3779b97f4a7c15ULL;
	return (unsigned)(v >> 7) & (s->table_size - 1);
}

/* Where the name is, or the free place where it would be. */
static unsigned
queue_table_at(const struct queue_bucket_state *s, const struct txid *txid,
    unsigned ordinal)
{
	unsigned i = queue_name_slot(s, txid, ordinal);

	while (s->table[i] != NULL && (s->table[i]->m.ordinal != ordinal ||
					  !txid_eq(&s->table[i]->m.txid, txid)))
		i = (i + 1) & (s->table_size - 1);
	return i;
}

static void
queue_table_grow(struct queue_bucket_state *s)
{
	if (s->n * 2 < s->table_size)
		return;
	s->table_size = s->table_size == 0 ? 16 : s->table_size * 2;
	free(s->table);
	s->table = xcalloc(s->table_size, sizeof(struct queue_row *));
	for (unsigned i = 0; i < s->n; i++) {
		struct queue_row *row = s->rows[i];

		s->table[queue_table_at(s, &row->m.txid, row->m.ordinal)] = row;
	}
}

/* What stands behind the hole moves up, if it may. */
static void
queue_table_remove(struct queue_bucket_state *s, const struct queue_row *row)
{
	unsigned mask = s->table_size - 1;
	unsigned hole = queue_table_at(s, &row->m.txid, row->m.ordinal);

	s->table[hole] = NULL;
	for (unsigned i = (hole + 1) & mask; s->table[i] != NULL;
	     i = (i + 1) & mask) {
		const struct queue_message *m = &s->table[i]->m;
		unsigned home = queue_name_slot(s, &m->txid, m->ordinal);

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		s->table[hole] = s->table[i];
		s->table[i] = NULL;
		hole = i;
	}
}

/* --- rows --- */

struct queue_message *
queue_state_nth(const struct queue_bucket_state *s, unsigned i)
{
	return i < s->n ? &s->rows[i]->m : NULL;
}

static struct queue_row *
queue_row_find(const struct queue_bucket_state *s,
    const struct queue_name *name)
{
	if (s->n == 0)
		return NULL;
	return s->table[queue_table_at(s, &name->txid, name->ordinal)];
}

struct queue_message *
queue_state_find(const struct queue_bucket_state *s,
    const struct queue_name *name)
{
	struct queue_row *row = queue_row_find(s, name);

	return row == NULL ? NULL : &row->m;
}

static size_t
queue_row_text_bytes(const struct queue_message *m)
{
	size_t n = m->from.n + m->envid.n + m->account.n + m->trace.n;

	for (unsigned i = 0; i < m->rcpt_n; i++)
		n += m->rcpts[i].address.n + m->rcpts[i].original.n +
		     m->rcpts[i].via.n;
	return n;
}

static void
queue_row_take(char **at, struct str *s)
{
	if (s->n > 0)
		memcpy(*at, s->p, s->n);
	s->p = *at;
	*at += s->n;
}

static struct queue_row *
queue_row_new(const struct queue_message *m)
{
	struct queue_row *row =
	    xcalloc(1, sizeof(*row) + queue_row_text_bytes(m) + 1);
	char *at = row->text;

	row->m = *m;
	queue_row_take(&at, &row->m.from);
	queue_row_take(&at, &row->m.envid);
	queue_row_take(&at, &row->m.account);
	queue_row_take(&at, &row->m.trace);
	row->m.rcpts = xcalloc(m->rcpt_n, sizeof(*row->m.rcpts));
	for (unsigned i = 0; i < m->rcpt_n; i++) {
		struct queue_rcpt *r = &row->m.rcpts[i];

		*r = m->rcpts[i];
		queue_row_take(&at, &r->address);
		queue_row_take(&at, &r->original);
		queue_row_take(&at, &r->via);
		r->answer = r->node = STR_NONE;
	}
	return row;
}

struct queue_message *
queue_state_add(struct queue_bucket_state *s, const struct queue_message *m,
    uint64_t seq)
{
	struct queue_name name = { m->txid, m->ordinal };
	struct queue_row *row;

	if (queue_row_find(s, &name) != NULL)
		return NULL;
	row = queue_row_new(m);
	row->m.bucket = s->bucket;
	row->m.seq = seq;
	row->order = ++s->order;
	queue_id_format(&row->m, row->id);
	row->m.id = str_c(row->id);
	if (s->n == s->size) {
		s->size = s->size == 0 ? 16 : s->size * 2;
		s->rows =
		    xrealloc(s->rows, s->size, sizeof(struct queue_row *));
	}
	s->rows[s->n++] = row;
	s->bytes += m->bytes;
	queue_table_grow(s);
	s->table[queue_table_at(s, &m->txid, m->ordinal)] = row;
	return &row->m;
}

static void
queue_row_remove(struct queue_bucket_state *s, struct queue_row *row)
{
	unsigned lo = 0, hi = s->n - 1;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (s->rows[mid]->order < row->order)
			lo = mid + 1;
		else
			hi = mid;
	}
	invariant(s->rows[lo] == row);
	queue_table_remove(s, row);
	memmove(s->rows + lo, s->rows + lo + 1,
	    (s->n - lo - 1) * sizeof(struct queue_row *));
	s->n--;
	s->bytes -= row->m.bytes;
	queue_row_free(row);
}

static struct str
queue_str_dup(struct str s)
{
	return s.n == 0 ? STR_NONE : str_of(xmemdup(s.p, s.n), s.n);
}

static void
queue_str_set(struct str *s, struct str v)
{
	free((char *)s->p);
	*s = queue_str_dup(v);
}

void
queue_state_set_answer(struct queue_rcpt *r, struct str answer, struct str node)
{
	queue_str_set(&r->answer, answer);
	queue_str_set(&r->node, node);
}

/* Of too many marks every other one is enough, but not of the newest. */
void
queue_state_mark_add(struct queue_bucket_state *s, uint64_t seq, uint32_t time)
{
	unsigned keep = 0;

	if (s->mark_n > 0 && time <= s->marks[s->mark_n - 1].time)
		return;
	if (s->mark_n == QUEUE_MARKS) {
		for (unsigned i = 0; i < s->mark_n; i++)
			if (i % 2 == 0 || i >= QUEUE_MARKS / 2)
				s->marks[keep++] = s->marks[i];
		s->mark_n = keep;
	}
	s->marks[s->mark_n++] = (struct queue_mark){ seq, time };
}

/* --- replay --- */

struct queue_apply {
	struct queue_bucket_state *s;
	const struct queue_op *op;
	uint64_t seq;
	bool decided; /* an outcome of this entry decided something */
};

static void
queue_apply_add(struct queue_apply *ap)
{
	if (ap->op->name.ordinal > 0 && !ap->decided &&
	    SAFEGUARD(SAFE_QUEUE_DSN))
		return;
	queue_state_add(ap->s, &ap->op->m, ap->seq);
}

static bool
queue_is_waiting(const struct queue_message *m)
{
	for (unsigned i = 0; i < m->rcpt_n; i++)
		if (m->rcpts[i].state == QUEUE_WAITING)
			return true;
	return false;
}

static void
queue_apply_rcpt(struct queue_apply *ap, struct queue_rcpt *r)
{
	const struct queue_op *op = ap->op;

	if (r->state != QUEUE_WAITING)
		return;
	ap->decided |=
	    op->state != QUEUE_WAITING || (op->told && !r->delay_told);
	r->state = op->state;
	r->delay_told |= op->told;
	r->next_s = op->next_s;
	r->code = op->code;
	queue_str_set(&r->answer, op->answer);
	if (r->tried_s == op->tried_s)
		return; /* only news of it */
	r->tries++;
	r->tried_s = op->tried_s;
	queue_str_set(&r->node, op->node);
}

static void
queue_apply_outcome(struct queue_apply *ap)
{
	struct queue_row *row = queue_row_find(ap->s, &ap->op->name);
	const struct uidset *places = &ap->op->places;

	if (row == NULL)
		return;
	for (uint32_t k = 0; k < places->n; k++)
		for (uint64_t i = places->r[k].lo;
		     i <= places->r[k].hi && i <= row->m.rcpt_n; i++)
			queue_apply_rcpt(ap, &row->m.rcpts[i - 1]);
	row->m.seq = ap->seq;
	if (!queue_is_waiting(&row->m))
		queue_row_remove(ap->s, row);
}

/* One that was never tried would be tried at once anyway, but for others'
 * failures: so that has to be told apart. */
static void
queue_apply_now(struct queue_rcpt *r)
{
	if (r->state == QUEUE_WAITING)
		r->next_s = r->tries > 0 ? 0 : QUEUE_NOW;
}

static void
queue_apply_order(struct queue_apply *ap)
{
	struct queue_row *row = queue_row_find(ap->s, &ap->op->name);

	if (row == NULL)
		return;
	row->m.seq = ap->seq;
	switch (ap->op->letter) {
	case 'h':
	case 'g':
		row->m.held = ap->op->letter == 'h';
		break;
	case 'y':
		for (unsigned i = 0; i < row->m.rcpt_n; i++)
			queue_apply_now(&row->m.rcpts[i]);
		break;
	default:
		queue_row_remove(ap->s, row);
	}
}

void
queue_state_apply(struct queue_bucket_state *s, const struct queue_op *ops,
    unsigned n, uint64_t seq)
{
	struct queue_apply ap = { .s = s, .seq = seq };

	for (unsigned i = 0; i < n; i++) {
		ap.op = &ops[i];
		switch (ops[i].letter) {
		case 'a':
			queue_apply_add(&ap);
			break;
		case 'o':
			queue_apply_outcome(&ap);
			break;
		case 'i':
			queue_state_mark_add(s, seq, (uint32_t)ops[i].value);
			break;
		case 'F':
			if (ops[i].value > s->forgotten)
				s->forgotten = ops[i].value;
			break;
		default:
			queue_apply_order(&ap);
		}
	}
}

/* --- what would be --- */

bool
queue_state_finishes(const struct queue_message *m, const struct queue_op *ops,
    unsigned n)
{
	struct queue_name name = { m->txid, m->ordinal };

	for (unsigned i = 0; i < m->rcpt_n; i++) {
		bool done = m->rcpts[i].state != QUEUE_WAITING;

		for (unsigned k = 0; k < n && !done; k++)
			done = ops[k].letter == 'o' &&
			       ops[k].state != QUEUE_WAITING &&
			       queue_name_eq(&ops[k].name, &name) &&
			       uidset_has(&ops[k].places, i + 1);
		if (!done)
			return false;
	}
	return true;
}

/* No entry of ours has outcomes of more than one message, or ends one twice. */
static bool
queue_op_ends(const struct queue_bucket_state *s, const struct queue_op *ops,
    unsigned n, unsigned at, const struct queue_message **m_r)
{
	*m_r = queue_state_find(s, &ops[at].name);
	if (*m_r == NULL)
		return false;
	if (ops[at].letter == 'x')
		return true;
	if (ops[at].letter != 'o')
		return false;
	for (unsigned i = at + 1; i < n; i++) /* the last one counts */
		if (ops[i].letter == 'o')
			return false;
	return queue_state_finishes(*m_r, ops, n);
}

void
queue_state_totals(const struct queue_bucket_state *s,
    const struct queue_op *ops, unsigned n, struct queue_totals *tt_r)
{
	const struct queue_message *m;

	*tt_r = (struct queue_totals){ s->n, s->bytes };
	for (unsigned i = 0; i < n; i++) {
		if (ops[i].letter == 'a') {
			tt_r->messages++;
			tt_r->bytes += ops[i].m.bytes;
		} else if (queue_op_ends(s, ops, n, i, &m)) {
			tt_r->messages--;
			tt_r->bytes -= m->bytes;
		}
	}
}
