/* queue_ops.c - the language of a queue bucket's entries */
#include "storage/queue_ops.h"

#include <stdio.h>

static const char queue_flag_letters[] = "U8FHBJ";
static const char queue_notify_letters[] = "NSFD";
static const char queue_state_letters[] = "WDFR";

bool
queue_name_eq(const struct queue_name *a, const struct queue_name *b)
{
	return a->ordinal == b->ordinal && txid_eq(&a->txid, &b->txid);
}

void
queue_name_format(const struct queue_name *m, char out_r[QUEUE_NAME_MAX + 1])
{
	txid_hex(&m->txid, out_r);
	snprintf(out_r + TXID_HEX, QUEUE_NAME_MAX + 1 - TXID_HEX, "-%u",
	    m->ordinal % (QUEUE_ORDINAL_MAX + 1U));
}

bool
queue_name_parse(struct str s, struct queue_name *m_r)
{
	struct str digits;
	uint32_t n;

	if (s.n < TXID_HEX + 2 || s.p[TXID_HEX] != '-' ||
	    !txid_parse(str_sub(s, 0, TXID_HEX), &m_r->txid))
		return false;
	digits = str_sub(s, TXID_HEX + 1, s.n);
	if (!str_u32(digits, &n) || n > QUEUE_ORDINAL_MAX)
		return false;
	if (digits.n > 1 && digits.p[0] == '0') /* one spelling only */
		return false;
	m_r->ordinal = n;
	return true;
}

bool
queue_text_is_valid(struct str s, size_t max)
{
	if (s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

/* --- ids --- */

#define QUEUE_ID_HEX 12

void
queue_id_format(const struct queue_message *m, char id_r[QUEUE_ID_MAX])
{
	char hex[TXID_HEX + 1];

	txid_hex(&m->txid, hex);
	snprintf(id_r, QUEUE_ID_MAX, "%02u-%.*s-%u", m->bucket % QUEUE_BUCKETS,
	    QUEUE_ID_HEX, hex, m->ordinal % (QUEUE_ORDINAL_MAX + 1U));
}

bool
queue_id_parse(struct str id, unsigned *bucket_r, struct str *rest_r)
{
	uint32_t v;

	if (id.n <= QUEUE_BUCKET_NAME + 1 || id.p[QUEUE_BUCKET_NAME] != '-' ||
	    !str_u32(str_sub(id, 0, QUEUE_BUCKET_NAME), &v) ||
	    v >= QUEUE_BUCKETS)
		return false;
	*bucket_r = v;
	*rest_r = str_sub(id, QUEUE_BUCKET_NAME + 1, id.n);
	return rest_r->n > 0;
}

/* --- reading --- */

struct queue_reader {
	struct arena *arena;
	const struct txid *txid;
	struct record_op in;
	struct queue_op *op;
	struct queue_op *add; /* the ADD that a recipient belongs to */
	unsigned rcpt_size;
};

static bool
queue_read_letters(struct queue_reader *r, const char *letters,
    unsigned *flags_r)
{
	struct str s;

	if (!record_get_str(&r->in, &s))
		return false;
	*flags_r = 0;
	for (size_t i = 0; i < s.n; i++) {
		const char *at =
		    s.p[i] == '\0' ? NULL : strchr(letters, s.p[i]);

		if (at == NULL || (*flags_r >> (at - letters)) != 0)
			return false;
		*flags_r |= 1U << (at - letters);
	}
	return true;
}

static bool
queue_read_text(struct queue_reader *r, size_t max, struct str *s_r)
{
	return record_get_text(&r->in, r->arena, s_r) &&
	       queue_text_is_valid(*s_r, max);
}

static bool
queue_read_time(struct queue_reader *r, int64_t *s_r)
{
	uint64_t v;

	if (!record_get_u64(&r->in, &v) || v > INT64_MAX)
		return false;
	*s_r = (int64_t)v;
	return true;
}

static bool
queue_read_name(struct queue_reader *r)
{
	struct str s;

	return record_get_str(&r->in, &s) && queue_name_parse(s, &r->op->name);
}

static bool
queue_read_add(struct queue_reader *r)
{
	struct queue_message *m = &r->op->m;
	uint32_t ordinal;

	if (!record_get_u32(&r->in, &ordinal) || ordinal > QUEUE_ORDINAL_MAX)
		return false;
	r->op->name = (struct queue_name){ *r->txid, ordinal };
	m->txid = *r->txid;
	m->ordinal = ordinal;
	if (!record_get_u64(&r->in, &m->bytes) ||
	    !queue_read_time(r, &m->arrived_s) ||
	    !queue_read_letters(r, queue_flag_letters, &m->flags) ||
	    !queue_read_text(r, QUEUE_ADDRESS_MAX, &m->from) ||
	    !queue_read_text(r, QUEUE_TEXT_MAX, &m->envid) ||
	    !queue_read_text(r, QUEUE_TEXT_MAX, &m->account) ||
	    !queue_read_text(r, QUEUE_TEXT_MAX, &m->trace))
		return false;
	r->add = r->op;
	r->rcpt_size = 0;
	return true;
}

/* Belongs to the ADD before it: not an operation of its own. */
static bool
queue_read_rcpt(struct queue_reader *r)
{
	struct queue_rcpt rcpt = { .state = QUEUE_WAITING }, *grown;
	struct queue_message *m;

	if (r->add == NULL ||
	    !queue_read_letters(r, queue_notify_letters, &rcpt.notify) ||
	    !queue_read_text(r, QUEUE_ADDRESS_MAX, &rcpt.address) ||
	    !queue_read_text(r, QUEUE_TEXT_MAX, &rcpt.original) ||
	    !queue_read_text(r, QUEUE_ADDRESS_MAX, &rcpt.via))
		return false;
	m = &r->add->m;
	if (rcpt.address.n == 0 || m->rcpt_n == QUEUE_RCPTS_MAX)
		return false;
	if (m->rcpt_n == r->rcpt_size) {
		r->rcpt_size = r->rcpt_size == 0 ? 4 : r->rcpt_size * 2;
		grown = arena_array(r->arena, r->rcpt_size, sizeof(*grown));
		if (m->rcpt_n > 0)
			memcpy(grown, m->rcpts, m->rcpt_n * sizeof(*grown));
		m->rcpts = grown;
	}
	m->rcpts[m->rcpt_n++] = rcpt;
	return true;
}

static bool
queue_read_outcome(struct queue_reader *r)
{
	struct queue_op *op = r->op;
	struct str places, state;
	unsigned told;
	uint32_t code;
	const char *at;

	uidset_init(&op->places, r->arena);
	if (!queue_read_name(r) || !record_get_str(&r->in, &places) ||
	    !uidset_parse(&op->places, places) ||
	    !record_get_str(&r->in, &state) || state.n != 1 ||
	    !queue_read_letters(r, "L", &told) ||
	    !queue_read_time(r, &op->tried_s) ||
	    !queue_read_time(r, &op->next_s) ||
	    !record_get_u32(&r->in, &code) || code > 999 ||
	    !queue_read_text(r, QUEUE_NODE_MAX, &op->node) ||
	    !queue_read_text(r, QUEUE_ANSWER_MAX, &op->answer))
		return false;
	at =
	    state.p[0] == '\0' ? NULL : strchr(queue_state_letters, state.p[0]);
	if (at == NULL)
		return false;
	op->state = (enum queue_state)(at - queue_state_letters);
	op->told = told != 0;
	op->code = code;
	return true;
}

static bool
queue_read_mark(struct queue_reader *r)
{
	return record_get_u64(&r->in, &r->op->value) &&
	       r->op->value <= UINT32_MAX;
}

static bool
queue_read_forget(struct queue_reader *r)
{
	return record_get_u64(&r->in, &r->op->value);
}

static const struct queue_letter {
	char letter;
	bool (*read)(struct queue_reader *r);
} queue_letters[] = {
	{ 'a', queue_read_add },
	{ 'r', queue_read_rcpt },
	{ 'o', queue_read_outcome },
	{ 'h', queue_read_name },
	{ 'g', queue_read_name },
	{ 'y', queue_read_name },
	{ 'x', queue_read_name },
	{ 'i', queue_read_mark },
	{ 'F', queue_read_forget },
};

static const struct queue_letter *
queue_letter_find(char letter)
{
	for (size_t i = 0; i < countof(queue_letters); i++)
		if (queue_letters[i].letter == letter)
			return &queue_letters[i];
	return NULL;
}

static struct err *
queue_op_read(struct queue_reader *r, bool *use_r)
{
	const struct queue_letter *l;

	*use_r = false;
	/* the journal's own, which say nothing about messages */
	if (r->in.letter != 0 && strchr("NCTD", r->in.letter) != NULL)
		return NULL;
	if (r->in.letter == 0)
		return err_new(r->arena, ERR_CORRUPT,
		    "the queue has an entry that cannot be read", NULL);
	l = queue_letter_find(r->in.letter);
	if (l == NULL)
		return err_newf(r->arena, ERR_FORMAT,
		    "the queue has an entry of a newer version (operation %c)",
		    r->in.letter);
	if (l->letter != 'r') {
		*r->op = (struct queue_op){ .letter = l->letter };
		r->add = NULL;
	}
	if (!l->read(r) || r->in.any)
		return err_newf(r->arena, ERR_CORRUPT,
		    "the queue has an entry that cannot be read (operation "
		    "%c)",
		    l->letter);
	*use_r = l->letter != 'r';
	return NULL;
}

/* Operations but recipients: what the list will hold at most. */
static unsigned
queue_ops_count(struct str ops)
{
	unsigned n = 1;

	for (size_t i = 0; i + 1 < ops.n; i++)
		n += ops.p[i] == ';' && ops.p[i + 1] != 'r';
	return n;
}

struct err *
queue_ops_parse(struct arena *a, struct str ops, const struct txid *txid,
    struct queue_op **ops_r, unsigned *n_r)
{
	struct queue_reader r = { .arena = a, .txid = txid };
	unsigned n = 0, count = queue_ops_count(ops) + 1;
	struct str rest = ops;
	struct queue_op *list;
	struct err *e;
	bool use;

	list = arena_array(a, count, sizeof(*list));
	while (record_next(&rest, &r.in)) {
		invariant(n < count);
		r.op = &list[n];
		e = queue_op_read(&r, &use);
		if (e != NULL)
			return e;
		n += use;
	}
	for (unsigned i = 0; i < n; i++)
		if (list[i].letter == 'a' && list[i].m.rcpt_n == 0)
			return err_new(a, ERR_CORRUPT,
			    "the queue has a message without recipients", NULL);
	*ops_r = list;
	*n_r = n;
	return NULL;
}

/* --- writing --- */

static void
queue_write_letters(struct buf *b, const char *letters, unsigned flags)
{
	buf_char(b, ',');
	for (unsigned i = 0; letters[i] != '\0'; i++)
		if (flags >> i & 1)
			buf_char(b, letters[i]);
}

static void
queue_write_name(struct buf *b, const struct queue_name *name)
{
	char text[QUEUE_NAME_MAX + 1];

	queue_name_format(name, text);
	buf_char(b, ',');
	buf_c(b, text);
}

static void
queue_write_time(struct buf *b, int64_t s)
{
	record_u64(b, s < 0 ? 0 : (uint64_t)s);
}

static void
queue_write_add(struct buf *b, const struct queue_op *op)
{
	const struct queue_message *m = &op->m;

	record_u64(b, op->name.ordinal);
	record_u64(b, m->bytes);
	queue_write_time(b, m->arrived_s);
	queue_write_letters(b, queue_flag_letters, m->flags);
	record_text(b, m->from);
	record_text(b, m->envid);
	record_text(b, m->account);
	record_text(b, m->trace);
	for (unsigned i = 0; i < m->rcpt_n; i++) {
		record_op(b, 'r');
		queue_write_letters(b, queue_notify_letters,
		    m->rcpts[i].notify);
		record_text(b, m->rcpts[i].address);
		record_text(b, m->rcpts[i].original);
		record_text(b, m->rcpts[i].via);
	}
}

static void
queue_write_outcome(struct buf *b, const struct queue_op *op)
{
	queue_write_name(b, &op->name);
	buf_char(b, ',');
	uidset_format(b, &op->places);
	buf_char(b, ',');
	buf_char(b, queue_state_letters[op->state]);
	queue_write_letters(b, "L", op->told);
	queue_write_time(b, op->tried_s);
	queue_write_time(b, op->next_s);
	record_u64(b, op->code);
	record_text(b, op->node);
	record_text(b, op->answer);
}

void
queue_op_write(struct buf *b, const struct queue_op *op)
{
	record_op(b, op->letter);
	switch (op->letter) {
	case 'a':
		queue_write_add(b, op);
		break;
	case 'o':
		queue_write_outcome(b, op);
		break;
	case 'i':
	case 'F':
		record_u64(b, op->value);
		break;
	default:
		queue_write_name(b, &op->name);
	}
}

/* --- totals --- */

void
queue_totals_format(struct buf *b, const struct queue_totals *tt)
{
	buf_u64(b, tt->messages);
	record_u64(b, tt->bytes);
}

bool
queue_totals_parse(struct str s, struct queue_totals *tt_r)
{
	struct str messages;

	return str_split(&s, ',', &messages) &&
	       str_u64(messages, &tt_r->messages) && str_u64(s, &tt_r->bytes);
}
