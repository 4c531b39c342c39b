/* queue_write.c - a message comes into the queue: its file, then one entry */
#include <stdlib.h>

#include "storage/message.h"
#include "storage/queue_private.h"

#define QUEUE_PLACES 8 /* reserved in one message */
#define QUEUE_LINK_TRIES 5

struct queue_writer {
	struct queue_bucket *b;
	struct queue_name name;
	uint64_t begun;
	bool counted; /* among the bucket's writers */
	struct share_stream *stream;
	struct share_fh fh;
	uint64_t bytes;
	struct {
		uint64_t at;
		size_t n;
	} places[QUEUE_PLACES];
	unsigned place_n;
};

static void
queue_writer_free(struct queue_writer **wp)
{
	share_stream_abort(&(*wp)->stream);
	if ((*wp)->counted)
		(*wp)->b->writers--;
	free(*wp);
	*wp = NULL;
}

static may_yield must_check struct err *
queue_writer_open(struct task *t, struct queue_writer *w)
{
	char text[QUEUE_NAME_MAX + 1];
	struct share_fh dir;
	struct queue_tx x;
	struct err *e;

	e = queue_bucket_ready(t, w->b);
	if (e == NULL)
		e = queue_bucket_msg(t, w->b, true, &dir);
	if (e != NULL)
		return e;
	w->b->writers++;
	w->counted = true;
	queue_tx_init(t, w->b, &x);
	w->name.txid = x.tx.txid;
	w->begun = x.tx.begun;
	queue_name_format(&w->name, text);
	return share_stream_open(t, queue_share(w->b), SHARE_LANE_BULK, &dir,
	    str_c(text), &w->stream);
}

struct err *
queue_writer_begin(struct task *t, struct queue_store *qs, unsigned bucket,
    struct queue_writer **w_r)
{
	struct queue_writer *w;
	struct err *e;

	*w_r = NULL;
	if (qs->conf.full != NULL && qs->conf.full(qs->conf.arg))
		return err_new(task_arena(t), ERR_NOSPC, "the share is full",
		    "what is left is for removing");
	if (bucket >= QUEUE_BUCKETS)
		bucket = (unsigned)rnd_below(sched_rnd(task_sched(t)),
		    QUEUE_BUCKETS);
	w = xcalloc(1, sizeof(*w));
	w->b = queue_bucket_get(qs, bucket);
	e = queue_writer_open(t, w);
	if (e != NULL)
		queue_writer_free(&w);
	*w_r = w;
	return e;
}

struct err *
queue_writer_add(struct task *t, struct queue_writer *w, const void *p,
    size_t n)
{
	if (n > MESSAGE_BYTES_MAX - w->bytes)
		return err_new(task_arena(t), ERR_LIMIT,
		    "the message is larger than any may be", NULL);
	w->bytes += n;
	return share_stream_add(t, w->stream, p, n);
}

uint64_t
queue_writer_bytes(const struct queue_writer *w)
{
	return w->bytes;
}

const struct txid *
queue_writer_txid(const struct queue_writer *w)
{
	return &w->name.txid;
}

static char *
queue_blanks(struct task *t, size_t n)
{
	char *blanks = arena_alloc(task_arena(t), n + 1);

	memset(blanks, ' ', n);
	return blanks;
}

struct err *
queue_writer_reserve(struct task *t, struct queue_writer *w, size_t n,
    uint64_t *place_r)
{
	if (w->place_n == QUEUE_PLACES)
		return err_new(task_arena(t), ERR_LIMIT,
		    "too many places are kept in one message", NULL);
	w->places[w->place_n].at = *place_r = w->bytes;
	w->places[w->place_n++].n = n;
	return queue_writer_add(t, w, queue_blanks(t, n), n);
}

struct err *
queue_writer_fill(struct task *t, struct queue_writer *w, uint64_t place,
    struct str text)
{
	char *bytes;

	for (unsigned i = 0; i < w->place_n; i++) {
		if (w->places[i].at != place || text.n > w->places[i].n)
			continue;
		bytes = queue_blanks(t, w->places[i].n);
		if (text.n > 0)
			memcpy(bytes, text.p, text.n);
		return share_stream_patch(t, w->stream, place, bytes,
		    w->places[i].n);
	}
	return err_new(task_arena(t), ERR_LIMIT,
	    "no such room was kept in the message", NULL);
}

void
queue_writer_abort(struct task *t, struct queue_writer **wp)
{
	struct queue_writer *w = *wp;

	if (w == NULL)
		return;
	share_stream_abort(&w->stream);
	queue_file_remove(t, w->b, &w->name);
	queue_writer_free(wp);
}

/* --- the entry --- */

static bool
queue_rcpt_is_writable(const struct queue_rcpt *r)
{
	return r->address.n > 0 &&
	       queue_text_is_valid(r->address, QUEUE_ADDRESS_MAX) &&
	       queue_text_is_valid(r->original, QUEUE_TEXT_MAX) &&
	       queue_text_is_valid(r->via, QUEUE_ADDRESS_MAX);
}

struct err *
queue_message_check(struct arena *a, const struct queue_message *m)
{
	bool good = queue_text_is_valid(m->from, QUEUE_ADDRESS_MAX) &&
		    queue_text_is_valid(m->envid, QUEUE_TEXT_MAX) &&
		    queue_text_is_valid(m->account, QUEUE_TEXT_MAX) &&
		    queue_text_is_valid(m->trace, QUEUE_TEXT_MAX);

	if (m->rcpt_n > QUEUE_RCPTS_MAX)
		return err_new(a, ERR_LIMIT, "too many recipients", NULL);
	for (unsigned i = 0; good && i < m->rcpt_n; i++)
		good = queue_rcpt_is_writable(&m->rcpts[i]);
	if (!good || m->rcpt_n == 0)
		return err_new(a, ERR_INVALID,
		    "an address is empty, too long or no text", NULL);
	return NULL;
}

struct queue_add {
	struct queue_name name;
	const struct queue_message *m;
};

static void
queue_add_write(const struct queue_add *add, struct buf *ops)
{
	struct queue_op op = { .letter = 'a', .name = add->name, .m = *add->m };

	queue_op_write(ops, &op);
}

static struct err *
queue_add_compose(struct task *t, struct queue_tx *x, struct buf *ops)
{
	const struct queue_add *add = x->arg;

	(void)t;
	x->nothing = queue_state_find(&x->b->state, &add->name) != NULL;
	queue_add_write(add, ops);
	return NULL;
}

static struct err *
queue_add_blind(struct task *t, struct queue_tx *x,
    const struct queue_totals *before, struct buf *ops, struct buf *totals)
{
	const struct queue_add *add = x->arg;
	struct queue_totals tt = *before;

	(void)t;
	queue_add_write(add, ops);
	tt.messages++;
	tt.bytes += add->m->bytes;
	queue_totals_format(totals, &tt);
	return NULL;
}

static may_yield must_check struct err *
queue_writer_entry(struct task *t, struct queue_writer *w,
    const struct queue_message *m)
{
	struct queue_add add = { w->name, m };
	struct queue_tx x;

	queue_tx_init(t, w->b, &x);
	x.tx.txid = w->name.txid;
	x.tx.begun = w->begun;
	x.compose = queue_add_compose;
	x.compose_blind = queue_add_blind;
	x.arg = &add;
	return queue_commit(t, &x);
}

/*
 * It came in so slowly that its name was voided, or the journal forgot
 * meanwhile: the same file under a new name.
 */
static may_yield must_check struct err *
queue_writer_again(struct task *t, struct queue_writer *w,
    const struct queue_message *m)
{
	struct queue_name old = w->name;
	char text[QUEUE_NAME_MAX + 1];
	unsigned tries = 0;
	struct share_fh dir;
	struct queue_tx x;
	struct err *e;

	queue_tx_init(t, w->b, &x);
	w->name.txid = x.tx.txid;
	w->begun = x.tx.begun;
	queue_name_format(&w->name, text);
	e = queue_bucket_msg(t, w->b, false, &dir);
	if (e != NULL)
		return e;
	do {
		e = share_link(t, queue_share(w->b), SHARE_LANE_BULK, &w->fh,
		    &dir, str_c(text));
		if (err_is(e, ERR_EXIST)) /* ours: the name is random */
			e = NULL;
	} while (
	    e != NULL && tries < QUEUE_LINK_TRIES && share_retry(t, e, &tries));
	if (e != NULL)
		return err_new(task_arena(t), ERR_UNAVAIL,
		    "the message took too long to arrive", "%s", e->text);
	queue_file_remove(t, w->b, &old);
	return queue_writer_entry(t, w, m);
}

static may_yield must_check struct err *
queue_writer_close(struct task *t, struct queue_writer *w)
{
	uint64_t size = 0;
	struct err *e = share_stream_close(t, &w->stream, &w->fh, &size);

	if (err_is(e, ERR_STALE))
		w->b->have_msg = false; /* the next finds its way */
	if (e == NULL && size != w->bytes)
		e = err_new(task_arena(t), ERR_IO,
		    "the message was not written in full", NULL);
	return e;
}

struct err *
queue_writer_commit(struct task *t, struct queue_writer **wp,
    struct queue_message *m)
{
	struct queue_writer *w = *wp;
	char id[QUEUE_ID_MAX];
	struct err *e;

	m->bytes = w->bytes;
	m->bucket = w->b->number;
	if (m->arrived_s <= 0)
		m->arrived_s = task_wall_s(t);
	e = queue_message_check(task_arena(t), m);
	if (e == NULL)
		e = queue_writer_close(t, w);
	if (e != NULL) {
		queue_writer_abort(t, wp);
		return e;
	}
	e = queue_writer_entry(t, w, m);
	if (err_is(e, ERR_VOIDED) || err_is(e, ERR_HELD))
		e = queue_writer_again(t, w, m);
	m->txid = w->name.txid;
	m->ordinal = 0;
	queue_id_format(m, id);
	m->id = arena_str(task_arena(t), str_c(id));
	if (e != NULL && journal_err_is_verdict(e) &&
	    queue_bucket_find(w->b, &m->txid, 0) == NULL)
		queue_file_remove(t, w->b, &w->name);
	queue_writer_free(wp);
	return e;
}
