/* queue_rig.h - two nodes with a queue over one scratch share */
#ifndef TESTS_UNIT_QUEUE_RIG_H
#define TESTS_UNIT_QUEUE_RIG_H

#include "account_rig.h"

#include "storage/queue_ckpt.h"
#include "storage/queue_private.h"

/* On top of the rig of accounts: arig.arg is struct qrig. */
struct qrig {
	struct queue_conf conf;
	struct queue_store *qs[ARIG_NODES];
	unsigned told; /* by committed */
};

static inline struct queue_store *
qrig_store(struct arig *r, unsigned node)
{
	struct qrig *q = r->arg;

	return q->qs[node];
}

static inline void
qrig_committed(void *arg, unsigned bucket, uint64_t seq)
{
	struct qrig *q = arg;

	assert_true(bucket < QUEUE_BUCKETS && seq > 0);
	q->told++;
}

static inline void
qrig_open_node(struct arig *r, unsigned node)
{
	struct qrig *q = r->arg;

	q->conf.store = r->node[node].store;
	q->qs[node] = queue_store_new(&q->conf);
}

/* A node starts again: what it had in memory is gone. */
static inline void may_yield_unchecked
qrig_crash(struct task *t, struct arig *r, unsigned node)
{
	struct qrig *q = r->arg;

	queue_store_close(t, &q->qs[node]);
	qrig_open_node(r, node);
}

static inline void may_yield_unchecked
qrig_close_task(struct task *t, struct arig *r)
{
	struct qrig *q = r->arg;

	for (unsigned i = 0; i < ARIG_NODES; i++)
		queue_store_close(t, &q->qs[i]);
}

static inline int
qrig_setup(void **state)
{
	struct qrig *q = xcalloc(1, sizeof(*q));
	struct arig *r;

	arig_setup(state);
	r = *state;
	r->arg = q;
	q->conf.no_background = true;
	q->conf.committed = qrig_committed;
	q->conf.arg = q;
	for (unsigned i = 0; i < ARIG_NODES; i++)
		qrig_open_node(r, i);
	return 0;
}

static inline int
qrig_teardown(void **state)
{
	struct arig *r = *state;
	struct qrig *q = r->arg;

	arig_run(r, qrig_close_task);
	free(q);
	return arig_teardown(state);
}

#define QRIG_TEST(fn)                                                          \
	cmocka_unit_test_setup_teardown(fn##_test, qrig_setup, qrig_teardown)

/* A message to "r1@example.net" ... */
static inline struct queue_message
qrig_message(struct task *t, unsigned rcpts)
{
	struct queue_message m = { .from = STR("alice@example.org"),
		.envid = STR("QQ%314"),
		.account = STR("abcdef"),
		.trace = STR("0123"),
		.flags = QUEUE_8BIT,
		.rcpt_n = rcpts };

	m.rcpts = arena_array(task_arena(t), rcpts, sizeof(*m.rcpts));
	for (unsigned i = 0; i < rcpts; i++)
		m.rcpts[i] = (struct queue_rcpt){
			.address = str_c(arena_printf(task_arena(t),
			    "r%u@example.net", i + 1)),
			.original = STR("rfc822;r@example.net"),
			.notify = QUEUE_NOTIFY_FAILURE,
		};
	return m;
}

static inline struct queue_message may_yield_unchecked
qrig_accept(struct task *t, struct arig *r, unsigned node, unsigned bucket,
    unsigned rcpts, struct str bytes)
{
	struct queue_message m = qrig_message(t, rcpts);
	struct queue_writer *w;

	assert_ok(queue_writer_begin(t, qrig_store(r, node), bucket, &w));
	assert_ok(queue_writer_add(t, w, bytes.p, bytes.n));
	assert_ok(queue_writer_commit(t, &w, &m));
	assert_null(w);
	assert_int_equal(m.bucket, bucket);
	assert_int_equal(m.bytes, bytes.n);
	return m;
}

static inline struct queue_bucket *may_yield_unchecked
qrig_bucket(struct task *t, struct arig *r, unsigned node, unsigned bucket)
{
	struct queue_bucket *b;

	assert_ok(queue_bucket_open(t, qrig_store(r, node), bucket, &b));
	assert_ok(queue_bucket_refresh(t, b));
	return b;
}

static inline void may_yield_unchecked
qrig_claim(struct task *t, struct queue_bucket *b, uint64_t token)
{
	struct journal_tx tx;

	journal_tx_init(t, b->journal, &tx);
	tx.claim = true;
	tx.token = token;
	assert_ok(journal_commit(t, b->journal, &tx));
}

/* All of the state, as text that can be compared. */
static inline struct str
qrig_dump(struct task *t, const struct queue_bucket *b)
{
	struct buf out;

	buf_init(&out, task_arena(t), 64 << 20);
	queue_ckpt_write(&out, &b->state, 0);
	assert_true(buf_ok(&out));
	return buf_str(&out);
}

/* Both nodes, and one that begins from nothing, see the same. */
static inline void may_yield_unchecked
qrig_same(struct task *t, struct arig *r, unsigned bucket)
{
	struct str first = qrig_dump(t, qrig_bucket(t, r, 0, bucket));

	assert_true(str_eq(first, qrig_dump(t, qrig_bucket(t, r, 1, bucket))));
	qrig_crash(t, r, 1);
	assert_true(str_eq(first, qrig_dump(t, qrig_bucket(t, r, 1, bucket))));
}

static inline bool may_yield_unchecked
qrig_has_file(struct task *t, struct queue_bucket *b, const struct txid *txid,
    unsigned ordinal)
{
	struct queue_name name = { *txid, ordinal };
	struct share_fh fh;
	struct err *e = queue_file_lookup(t, b, &name, &fh, NULL);

	if (e != NULL)
		assert_err(e, ERR_NOENT);
	return e == NULL;
}

#define TEXT STR("From: alice@example.org\r\nSubject: x\r\n\r\nbody\r\n")

static inline struct queue_outcome
delivered(unsigned rcpt)
{
	return (struct queue_outcome){ .rcpt = rcpt,
		.state = QUEUE_DELIVERED,
		.tried_s = 1763757900,
		.code = 250,
		.answer = STR("mx1.example.net: 250 2.0.0 queued") };
}

static inline struct queue_outcome
failed(unsigned rcpt)
{
	return (struct queue_outcome){ .rcpt = rcpt,
		.state = QUEUE_FAILED,
		.tried_s = 1763757900,
		.code = 550,
		.answer = STR("mx1.example.net: 550 5.1.1 no such user") };
}

static inline struct queue_outcome
later(unsigned rcpt)
{
	return (struct queue_outcome){ .rcpt = rcpt,
		.state = QUEUE_WAITING,
		.tried_s = 1763757900,
		.next_s = 1763758800,
		.code = 451,
		.answer = STR("mx1.example.net: 451 4.7.1 try later") };
}

/* A DSN to the sender. */
static inline struct queue_dsn
dsn(struct task *t)
{
	struct queue_dsn d = { .bytes = STR("Subject: failed\r\n\r\nsorry\r\n"),
		.m = qrig_message(t, 1) };

	d.m.from = STR_NONE;
	d.m.rcpts[0].address = STR("alice@example.org");
	d.m.flags = 0;
	return d;
}

static inline struct err *may_yield_unchecked
outcome(struct task *t, struct queue_bucket *b, uint64_t token,
    const struct queue_message *m, const struct queue_outcome *o, unsigned n,
    const struct queue_dsn *d, unsigned dn)
{
	return queue_outcomes(t, b, token, STR("n1"), &m->txid, m->ordinal, o,
	    n, d, dn);
}

#endif
