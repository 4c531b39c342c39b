/* queue_ckpt.c - the one segment of a bucket's checkpoint */
#include "storage/queue_ckpt.h"

#include "base/crypto.h"

#define QUEUE_CKPT_MAGIC "SHOALQB1"
#define QUEUE_CKPT_MAGIC_BYTES 8
#define QUEUE_CKPT_RCPT_BYTES 36 /* of the shortest there can be */

/* --- writing --- */

static void
queue_ckpt_text(struct buf *b, struct str s)
{
	buf_le16(b, (uint16_t)s.n);
	buf_str_add(b, s);
}

static void
queue_ckpt_rcpt(struct buf *b, const struct queue_rcpt *r)
{
	queue_ckpt_text(b, r->address);
	queue_ckpt_text(b, r->original);
	queue_ckpt_text(b, r->via);
	queue_ckpt_text(b, r->answer);
	queue_ckpt_text(b, r->node);
	buf_char(b, (char)r->notify);
	buf_char(b, (char)r->state);
	buf_char(b, (char)r->delay_told);
	buf_le16(b, (uint16_t)r->code);
	buf_le32(b, r->tries);
	buf_le64(b, (uint64_t)r->tried_s);
	buf_le64(b, (uint64_t)r->next_s);
}

static void
queue_ckpt_message(struct buf *b, const struct queue_message *m)
{
	buf_add(b, m->txid.b, sizeof(m->txid.b));
	buf_le16(b, (uint16_t)m->ordinal);
	buf_le64(b, m->bytes);
	buf_le64(b, (uint64_t)m->arrived_s);
	buf_le64(b, m->seq);
	buf_le32(b, m->flags);
	buf_char(b, (char)m->held);
	queue_ckpt_text(b, m->from);
	queue_ckpt_text(b, m->envid);
	queue_ckpt_text(b, m->account);
	queue_ckpt_text(b, m->trace);
	buf_le32(b, m->rcpt_n);
	for (unsigned i = 0; i < m->rcpt_n; i++)
		queue_ckpt_rcpt(b, &m->rcpts[i]);
}

void
queue_ckpt_write(struct buf *b, const struct queue_bucket_state *s,
    uint64_t seq)
{
	buf_c(b, QUEUE_CKPT_MAGIC);
	buf_le64(b, seq);
	buf_le64(b, s->forgotten);
	buf_char(b, (char)s->mark_n);
	for (unsigned i = 0; i < s->mark_n; i++) {
		buf_le64(b, s->marks[i].seq);
		buf_le32(b, s->marks[i].time);
	}
	buf_le32(b, s->n);
	for (unsigned i = 0; i < s->n; i++)
		queue_ckpt_message(b, queue_state_nth(s, i));
	if (buf_ok(b))
		buf_le32(b, crc32c(0, b->p, b->n));
}

/* --- reading --- */

struct queue_ckpt_in {
	const unsigned char *p, *end;
	bool bad;
};

static uint64_t
queue_ckpt_get(struct queue_ckpt_in *in, unsigned bytes)
{
	uint64_t v = 0;

	if ((size_t)(in->end - in->p) < bytes) {
		in->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)in->p[i] << (8 * i);
	in->p += bytes;
	return v;
}

static int64_t
queue_ckpt_time(struct queue_ckpt_in *in)
{
	uint64_t v = queue_ckpt_get(in, 8);

	if (v > INT64_MAX)
		in->bad = true;
	return in->bad ? 0 : (int64_t)v;
}

/* A number with an upper bound. */
static unsigned
queue_ckpt_upto(struct queue_ckpt_in *in, unsigned bytes, uint64_t max)
{
	uint64_t v = queue_ckpt_get(in, bytes);

	if (v > max)
		in->bad = true;
	return in->bad ? 0 : (unsigned)v;
}

static struct str
queue_ckpt_get_text(struct queue_ckpt_in *in, size_t max)
{
	size_t n = (size_t)queue_ckpt_get(in, 2);
	struct str s = { (const char *)in->p, n };

	if (in->bad || (size_t)(in->end - in->p) < n ||
	    !queue_text_is_valid(s, max)) {
		in->bad = true;
		return STR_NONE;
	}
	in->p += n;
	return s;
}

static void
queue_ckpt_get_rcpt(struct queue_ckpt_in *in, struct queue_rcpt *r)
{
	r->address = queue_ckpt_get_text(in, QUEUE_ADDRESS_MAX);
	r->original = queue_ckpt_get_text(in, QUEUE_TEXT_MAX);
	r->via = queue_ckpt_get_text(in, QUEUE_ADDRESS_MAX);
	r->answer = queue_ckpt_get_text(in, QUEUE_ANSWER_MAX);
	r->node = queue_ckpt_get_text(in, QUEUE_NODE_MAX);
	r->notify = queue_ckpt_upto(in, 1, 15);
	r->state = (enum queue_state)queue_ckpt_upto(in, 1, QUEUE_REMOVED);
	r->delay_told = queue_ckpt_upto(in, 1, 1) != 0;
	r->code = queue_ckpt_upto(in, 2, 999);
	r->tries = (uint32_t)queue_ckpt_get(in, 4);
	r->tried_s = queue_ckpt_time(in);
	r->next_s = queue_ckpt_time(in);
	if (r->address.n == 0)
		in->bad = true;
}

static void
queue_ckpt_get_message(struct arena *a, struct queue_ckpt_in *in,
    struct queue_message *m)
{
	*m = (struct queue_message){ .rcpts = NULL };
	if ((size_t)(in->end - in->p) < sizeof(m->txid.b)) {
		in->bad = true;
		return;
	}
	memcpy(m->txid.b, in->p, sizeof(m->txid.b));
	in->p += sizeof(m->txid.b);
	m->ordinal = queue_ckpt_upto(in, 2, QUEUE_ORDINAL_MAX);
	m->bytes = queue_ckpt_get(in, 8);
	m->arrived_s = queue_ckpt_time(in);
	m->seq = queue_ckpt_get(in, 8);
	m->flags = queue_ckpt_upto(in, 4, 2 * QUEUE_JUNK - 1);
	m->held = queue_ckpt_upto(in, 1, 1) != 0;
	m->from = queue_ckpt_get_text(in, QUEUE_ADDRESS_MAX);
	m->envid = queue_ckpt_get_text(in, QUEUE_TEXT_MAX);
	m->account = queue_ckpt_get_text(in, QUEUE_TEXT_MAX);
	m->trace = queue_ckpt_get_text(in, QUEUE_TEXT_MAX);
	m->rcpt_n = queue_ckpt_upto(in, 4, QUEUE_RCPTS_MAX);
	if (m->rcpt_n == 0 ||
	    m->rcpt_n > (size_t)(in->end - in->p) / QUEUE_CKPT_RCPT_BYTES) {
		in->bad = true;
		return;
	}
	m->rcpts = arena_array(a, m->rcpt_n, sizeof(*m->rcpts));
	for (unsigned i = 0; i < m->rcpt_n && !in->bad; i++)
		queue_ckpt_get_rcpt(in, &m->rcpts[i]);
}

static void
queue_ckpt_get_marks(struct queue_ckpt_in *in, struct queue_bucket_state *s)
{
	unsigned n = queue_ckpt_upto(in, 1, QUEUE_MARKS);

	for (unsigned i = 0; i < n && !in->bad; i++) {
		uint64_t seq = queue_ckpt_get(in, 8);

		queue_state_mark_add(s, seq, (uint32_t)queue_ckpt_get(in, 4));
	}
}

static void
queue_ckpt_get_rows(struct arena *a, struct queue_ckpt_in *in,
    struct queue_bucket_state *s)
{
	uint32_t n = (uint32_t)queue_ckpt_get(in, 4);

	for (uint32_t i = 0; i < n && !in->bad; i++) {
		struct arena_mark mark = arena_mark(a);
		struct queue_message m, *row = NULL;

		queue_ckpt_get_message(a, in, &m);
		if (!in->bad)
			row = queue_state_add(s, &m, m.seq);
		if (row == NULL) {
			in->bad = true;
			return;
		}
		row->held = m.held;
		for (unsigned k = 0; k < m.rcpt_n; k++)
			queue_state_set_answer(&row->rcpts[k],
			    m.rcpts[k].answer, m.rcpts[k].node);
		arena_rewind(a, mark);
	}
}

struct err *
queue_ckpt_load(struct arena *a, struct queue_bucket_state *s, struct str data,
    uint64_t *seq_r)
{
	struct queue_ckpt_in in = { (const unsigned char *)data.p, NULL,
		false };
	const char *what = NULL;

	if (data.n < QUEUE_CKPT_MAGIC_BYTES + 4)
		what = "too short";
	else if (memcmp(data.p, QUEUE_CKPT_MAGIC, QUEUE_CKPT_MAGIC_BYTES - 1) !=
		 0)
		what = "not one";
	else if (data.p[QUEUE_CKPT_MAGIC_BYTES - 1] !=
		 QUEUE_CKPT_MAGIC[QUEUE_CKPT_MAGIC_BYTES - 1])
		return err_new(a, ERR_FORMAT,
		    "the queue's checkpoint is of a newer version", NULL);
	else if (crc32c(0, data.p, data.n - 4) != le32_get(data.p + data.n - 4))
		what = "checksum is wrong";
	if (what == NULL) {
		in.p += QUEUE_CKPT_MAGIC_BYTES;
		in.end = (const unsigned char *)data.p + data.n - 4;
		*seq_r = queue_ckpt_get(&in, 8);
		s->forgotten = queue_ckpt_get(&in, 8);
		queue_ckpt_get_marks(&in, s);
		queue_ckpt_get_rows(a, &in, s);
		if (in.bad || in.p != in.end)
			what = "content does not fit";
	}
	if (what == NULL)
		return NULL;
	queue_state_reset(s);
	return err_new(a, ERR_CORRUPT, "the queue's checkpoint is damaged",
	    "%s", what);
}
