/* fuzz_queue_store.c - entries and checkpoints of the queue, from a bad disk */
#include <stdlib.h>

#include "base/crypto.h"
#include "storage/queue_ckpt.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

/* Whatever can be read can be applied, twice, and written again: what is then
 * read is the same. */
static void
fuzz_ops(struct arena *a, struct str ops)
{
	static const struct txid x = { { 1 } };
	struct queue_bucket_state s;
	struct queue_totals tt;
	struct queue_op *op, *again;
	unsigned count, count2;
	struct buf b, c;
	struct err *e = queue_ops_parse(a, ops, &x, &op, &count);

	if (e != NULL)
		return;
	queue_state_init(&s, 1);
	queue_state_apply(&s, op, count, 1);
	queue_state_totals(&s, op, count, &tt);
	queue_state_apply(&s, op, count, 2);
	queue_state_free(&s);
	buf_init(&b, a, 16 << 20);
	buf_init(&c, a, 16 << 20);
	for (unsigned i = 0; i < count; i++)
		queue_op_write(&b, &op[i]);
	e = queue_ops_parse(a, buf_str(&b), &x, &again, &count2);
	invariant(e == NULL && count == count2);
	for (unsigned i = 0; i < count; i++)
		queue_op_write(&c, &again[i]);
	invariant(str_eq(buf_str(&b), buf_str(&c)));
}

/* A segment with the checksum it should have, so that its inside is seen. */
static void
fuzz_ckpt(struct arena *a, struct str in)
{
	struct queue_bucket_state s;
	struct buf b, out;
	uint64_t seq;
	struct err *e;

	buf_init(&b, a, in.n + 16);
	buf_c(&b, "SHOALQB1");
	buf_str_add(&b, in);
	buf_le32(&b, crc32c(0, b.p, b.n));
	queue_state_init(&s, 1);
	e = queue_ckpt_load(a, &s, buf_str(&b), &seq);
	if (e == NULL) {
		buf_init(&out, a, 64 << 20);
		queue_ckpt_write(&out, &s, seq);
		invariant(out.n <= b.n); /* marks may go */
	}
	queue_state_free(&s);
}

static void
fuzz_small(struct arena *a, struct str in)
{
	struct queue_name name;
	struct queue_totals tt;
	char text[QUEUE_NAME_MAX + 1];
	unsigned bucket;
	struct str rest;

	(void)a;
	(void)queue_totals_parse(in, &tt);
	if (queue_id_parse(in, &bucket, &rest))
		invariant(bucket < QUEUE_BUCKETS && rest.n < in.n);
	if (queue_name_parse(in, &name)) {
		queue_name_format(&name, text);
		invariant(str_case_eq_c(in, text));
	}
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	static void (*const kinds[])(struct arena *, struct str) = { fuzz_ops,
		fuzz_ckpt, fuzz_small };
	struct arena *a = arena_new(0);

	if (n > 0)
		kinds[data[0] % countof(kinds)](a, str_of(data + 1, n - 1));
	arena_free(&a);
	return 0;
}
