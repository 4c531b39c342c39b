/* fuzz_record.c - texts of entries and checkpoints, from a bad disk */
#include <stdlib.h>

#include "base/crypto.h"
#include "storage/journal_private.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

/* Every field in turn as each kind, so that all readers see hostile bytes. */
static void
fuzz_ops(struct arena *a, struct str ops)
{
	struct record_op op, copy;
	struct txid x;
	struct str s;
	uint64_t v;
	uint32_t w;

	while (record_next(&ops, &op)) {
		while (op.any) {
			copy = op;
			(void)record_get_u64(&copy, &v);
			copy = op;
			(void)record_get_u32(&copy, &w);
			copy = op;
			(void)record_get_txid(&copy, &x);
			copy = op;
			(void)record_get_text(&copy, a, &s);
			(void)record_get_str(&op, &s);
		}
	}
}

static void
fuzz_record(struct arena *a, struct str text)
{
	struct record r;
	struct buf b;
	struct err *e;

	e = record_parse(a, text, &r);
	if (e != NULL)
		return;
	fuzz_ops(a, r.ops);
	/* what is accepted has one spelling only */
	buf_init(&b, a, 4096);
	record_format(&b, &r);
	if (!r.external && !str_eq(buf_str(&b), text))
		abort();
}

static void
fuzz_manifest(struct arena *a, struct str text)
{
	struct manifest_ref ref;
	struct manifest m, again;
	struct buf b;

	(void)manifest_ref_parse(text, &ref);
	if (manifest_parse(a, text, &m) != NULL)
		return;
	/* what is accepted can be written, and reads the same */
	buf_init(&b, a, JOURNAL_MANIFEST_MAX);
	manifest_format(&b, &m);
	if (!buf_ok(&b) || manifest_parse(a, buf_str(&b), &again) != NULL ||
	    again.ckpt.seq != m.ckpt.seq ||
	    again.ckpt.seg_count != m.ckpt.seg_count)
		abort();
}

/* A segment of txids: rows of 24 bytes. */
static void
fuzz_known(struct str data)
{
	struct known k = { 0 };

	(void)known_read(&k, data, 5, UINT64_MAX >> 1);
	(void)known_at(&k, 7);
	known_forget(&k, 9);
	known_clear(&k);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	struct buf b;

	/* a heap copy of exactly this size: an over-read is seen */
	struct str text = str_of(xmemdup(data, n), n);

	fuzz_record(a, text);
	fuzz_ops(a, text);
	/* and with a fitting checksum, to get behind it */
	buf_init(&b, a, 1 << 20);
	buf_str_add(&b, text);
	buf_fmt(&b, " %08x", (unsigned)crc32c(0, text.p, text.n));
	fuzz_record(a, buf_str(&b));
	fuzz_manifest(a, text);
	fuzz_manifest(a, buf_str(&b));
	fuzz_known(text);
	free((void *)text.p);
	arena_free(&a);
	return 0;
}
