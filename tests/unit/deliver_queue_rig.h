/* deliver_queue_rig.h - what mail flow put into the queue */
#ifndef TESTS_UNIT_DELIVER_QUEUE_RIG_H
#define TESTS_UNIT_DELIVER_QUEUE_RIG_H

#include "deliver_rig.h"

#include "tests/unit/test.h"

/* Rows of all buckets; in *b_r one that has any. */
static inline may_yield_unchecked unsigned
queued(struct task *t, struct site *s, struct queue_bucket **b_r)
{
	struct queue_bucket *b;
	unsigned n = 0;
	uint64_t mask;
	struct err *e;

	*b_r = NULL;
	assert_ok(queue_buckets(t, s->w[1].queue_store, &mask));
	for (unsigned i = 0; i < QUEUE_BUCKETS; i++) {
		if (!(mask >> i & 1))
			continue;
		e = queue_bucket_open(t, s->w[1].queue_store, i, &b);
		if (err_is(e, ERR_NOENT)) /* half made */
			continue;
		assert_ok(e);
		assert_ok(queue_bucket_refresh(t, b));
		n += queue_bucket_count(b);
		if (queue_bucket_count(b) > 0)
			*b_r = b;
	}
	return n;
}

/* The only row, as another node sees it. */
static inline may_yield_unchecked struct queue_bucket *
bucket(struct task *t, struct site *s)
{
	struct queue_bucket *b;

	assert_int_equal(queued(t, s, &b), 1);
	return b;
}

static inline may_yield_unchecked struct queue_bucket *
bucket_of(struct task *t, struct site *s, struct str id)
{
	struct queue_bucket *b;
	struct str rest;
	unsigned i;

	assert_true(queue_id_parse(id, &i, &rest));
	assert_ok(queue_bucket_open(t, s->w[1].queue_store, i, &b));
	assert_ok(queue_bucket_refresh(t, b));
	return b;
}

static inline may_yield_unchecked const struct queue_message *
by_id(struct task *t, struct site *s, struct str id)
{
	struct queue_bucket *b = bucket_of(t, s, id);
	const struct queue_message *m;

	for (unsigned i = 0; i < queue_bucket_count(b); i++)
		if (str_eq((m = queue_bucket_nth(b, i))->id, id))
			return m;
	fail_msg("not queued");
	return NULL;
}

static inline may_yield_unchecked const char *
text(struct task *t, struct queue_bucket *b, const struct queue_message *m)
{
	char *p = arena_alloc(task_arena(t), m->bytes + 1);
	uint32_t n;

	assert_ok(queue_read(t, b, m, 0, p, (uint32_t)m->bytes, &n));
	assert_int_equal(n, m->bytes);
	return p;
}

static inline void
is_rcpt(const struct queue_message *m, unsigned i, const char *address,
    const char *via, const char *original, unsigned notify)
{
	assert_true(i < m->rcpt_n);
	test_row_str(i, m->rcpts[i].address, str_c(address));
	test_row_str(i, m->rcpts[i].via, str_c(via));
	test_row_str(i, m->rcpts[i].original, str_c(original));
	test_row(i, m->rcpts[i].notify == notify);
}

#endif
