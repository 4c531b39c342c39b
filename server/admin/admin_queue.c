/* admin_queue.c - the queue of the whole cluster, as administrators see it */
#include <stdlib.h>

#include "server/admin/admin_queue_private.h"
#include "server/net/counts.h"
#include "server/worker.h"
#include "storage/state_audit.h"

#define ADMIN_QUEUE_AT_ONCE 8

/* --- buckets --- */

struct err *
admin_queue_open(struct task *t, const struct admin *ad,
    struct admin_queue **q_r)
{
	struct worker *w = ad->worker;
	struct queue_conf conf = { .store = ad->store, .no_background = true };
	struct admin_queue *q = w != NULL ? w->admin_queue : NULL;

	if (w != NULL && w->queue_store == NULL)
		return err_new(task_arena(t), ERR_UNAVAIL,
		    "the share does not answer", NULL);
	if (q == NULL) {
		q = xcalloc(1, sizeof(*q));
		q->worker = w;
		q->own = w == NULL;
		q->qs = q->own ? queue_store_new(&conf) : w->queue_store;
		task_cond_init(&q->done);
		if (w != NULL)
			w->admin_queue = q;
	}
	*q_r = q;
	return NULL;
}

void
admin_queue_close(struct task *t, struct admin_queue **qp)
{
	struct admin_queue *q = *qp;

	*qp = NULL;
	if (q == NULL || !q->own)
		return;
	queue_store_close(t, &q->qs);
	free(q);
}

/* Whoever has it open may have looked at it long ago. */
static may_yield must_check struct err *
admin_queue_bucket(struct task *t, struct admin_queue *q, unsigned i)
{
	bool known = q->buckets[i] != NULL || !q->own;
	struct err *e = queue_bucket_open(t, q->qs, i, &q->buckets[i]);

	if (e == NULL && known)
		e = queue_bucket_refresh(t, q->buckets[i]);
	return err_is(e, ERR_NOENT) ? NULL : e; /* being made */
}

static may_yield must_check struct err *
admin_queue_look_one(struct task *t, void *arg, unsigned i)
{
	struct admin_queue *q = arg;

	return (q->mask >> i & 1) != 0 ? admin_queue_bucket(t, q, i) : NULL;
}

static uint64_t
admin_queue_orders(const struct admin_queue *q)
{
	return q->worker != NULL && q->worker->counts != NULL
		   ? counts_word(q->worker->counts, COUNTS_QUEUE_ORDERS)
		   : 0;
}

static bool
admin_queue_is_fresh(const struct task *t, const struct admin_queue *q)
{
	return q->looked && q->orders == admin_queue_orders(q) &&
	       task_now_ms(t) - q->looked_ms < ADMIN_QUEUE_FRESH_MS;
}

static may_yield must_check struct err *
admin_queue_look_all(struct task *t, struct admin_queue *q)
{
	uint64_t now_ms = task_now_ms(t), orders = admin_queue_orders(q);
	struct err *e;

	q->looking = true;
	e = queue_buckets(t, q->qs, &q->mask);
	if (e == NULL)
		e = admin_each(t, QUEUE_BUCKETS, ADMIN_QUEUE_AT_ONCE,
		    admin_queue_look_one, q);
	q->looked = e == NULL;
	q->looked_ms = now_ms;
	q->orders = orders;
	q->looking = false;
	task_cond_broadcast(&q->done);
	return e;
}

struct err *
admin_queue_look(struct task *t, struct admin_queue *q)
{
	uint64_t deadline = task_deadline(t);

	while (q->looking) {
		if (!task_cond_wait(t, &q->done,
			deadline > 0 ? deadline : UINT64_MAX))
			return err_new(task_arena(t), ERR_TIMEOUT,
			    "the queue could not be read in time", NULL);
	}
	return admin_queue_is_fresh(t, q) ? NULL : admin_queue_look_all(t, q);
}

/* --- one message --- */

static struct err *
admin_queue_no_such(struct task *t, struct str id)
{
	return err_newf(task_arena(t), ERR_NOTFOUND,
	    "there is no message " STR_FMT " in the queue", STR_ARG(id));
}

struct err *
admin_queue_find(struct task *t, struct admin_queue *q, struct str id,
    bool part, const struct queue_message **m_r)
{
	unsigned bucket;
	struct str rest;
	struct err *e;
	bool one;

	*m_r = NULL;
	if (!queue_id_parse(id, &bucket, &rest))
		return admin_queue_no_such(t, id);
	e = admin_queue_bucket(t, q, bucket);
	if (e != NULL)
		return e;
	if (q->buckets[bucket] == NULL)
		return admin_queue_no_such(t, id);
	*m_r = queue_bucket_match(q->buckets[bucket], rest, &one);
	if (part && !one)
		return err_newf(task_arena(t), ERR_INVALID,
		    "several messages begin with " STR_FMT, STR_ARG(id));
	if (*m_r != NULL && !part && !str_eq((*m_r)->id, id))
		*m_r = NULL;
	return *m_r != NULL ? NULL : admin_queue_no_such(t, id);
}

struct err *
admin_queue_read(struct task *t, struct admin_queue *q,
    const struct queue_message *m, uint64_t offset, void *into, uint32_t n,
    uint32_t *count_r)
{
	return queue_read(t, q->buckets[m->bucket], m, offset, into, n,
	    count_r);
}

/* Where the header ends, the empty line included; n: not in these. */
static size_t
admin_queue_header_end(const char *p, size_t n)
{
	const char *at = p;

	while ((at = memchr(at, '\n', (size_t)(p + n - at))) != NULL) {
		at++;
		if (p + n - at >= 2 && at[0] == '\r' && at[1] == '\n')
			return (size_t)(at - p) + 2;
		if (p + n - at >= 1 && at[0] == '\n')
			return (size_t)(at - p) + 1;
	}
	return n;
}

struct err *
admin_queue_text(struct task *t, struct admin_queue *q,
    const struct queue_message *m, size_t header_max, size_t body_max,
    struct str *text_r, bool *cut_r)
{
	size_t most = header_max + body_max, n = 0, end;
	struct err *e = NULL;
	char *text;

	if (m->bytes < most)
		most = (size_t)m->bytes;
	text = arena_alloc(task_arena(t), most + 1);
	while (e == NULL && n < most) {
		uint32_t got = 0;

		e = admin_queue_read(t, q, m, n, text + n, (uint32_t)(most - n),
		    &got);
		n += got;
	}
	if (e != NULL)
		return e;
	end = admin_queue_header_end(text, n);
	if (end > header_max)
		n = header_max;
	else if (n > end + body_max)
		n = end + body_max;
	*text_r = str_of(text, n);
	*cut_r = n < m->bytes;
	return NULL;
}

/* --- orders --- */

static const char *const admin_queue_words[] = {
	[QUEUE_ORDER_HOLD] = "hold",
	[QUEUE_ORDER_RELEASE] = "release",
	[QUEUE_ORDER_RETRY] = "retry",
	[QUEUE_ORDER_REMOVE] = "remove",
};

bool
admin_queue_order_parse(struct str word, enum queue_order *o_r)
{
	for (unsigned i = 0; i < countof(admin_queue_words); i++)
		if (str_eq_c(word, admin_queue_words[i])) {
			*o_r = (enum queue_order)i;
			return true;
		}
	return false;
}

struct err *
admin_queue_note(struct task *t, const struct admin *ad, enum queue_order o,
    const struct str *ids, unsigned n, struct str how)
{
	struct arena *a = task_arena(t);
	struct buf object, detail;
	struct err *e;

	buf_init(&object, a, ADMIN_QUEUE_NAMED * QUEUE_ID_MAX);
	for (unsigned i = 0; i < n && i < ADMIN_QUEUE_NAMED; i++) {
		buf_c(&object, i > 0 ? " " : "");
		buf_str_add(&object, str_sub(ids[i], 0, QUEUE_ID_MAX - 1));
	}
	buf_init(&detail, a, STATE_AUDIT_MAX);
	buf_fmt(&detail, n == 1 ? "%u message" : "%u messages", n);
	if (how.n > 0)
		buf_fmt(&detail, ", " STR_FMT,
		    STR_ARG(str_sub(how, 0, STATE_AUDIT_MAX / 2)));
	e = state_audit_order(t, ad->state, ad->by,
	    arena_printf(a, "queue.%s", admin_queue_words[o]), buf_str(&object),
	    buf_str(&detail));
	return e == NULL ? NULL
			 : err_wrap(a, e,
			       "nothing was ordered, for it could not be noted "
			       "in the audit");
}

/* The other workers of the node look again, too, when they are asked. */
static void
admin_queue_ordered(struct admin_queue *q)
{
	struct counts *c = q->worker != NULL ? q->worker->counts : NULL;

	q->looked = false;
	if (c != NULL)
		counts_word_set(c, COUNTS_QUEUE_ORDERS,
		    counts_word(c, COUNTS_QUEUE_ORDERS) + 1);
}

struct err *
admin_queue_order(struct task *t, struct admin_queue *q, unsigned bucket,
    const struct txid *txid, unsigned ordinal, enum queue_order o)
{
	struct queue_bucket *b = q->buckets[bucket];
	struct err *e = queue_order(t, b, txid, ordinal, o);

	admin_queue_ordered(q);
	return e;
}
