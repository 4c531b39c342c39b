/* fuzz_account.c - entries and segments of an account, from a bad disk */
#include <stdlib.h>

#include "base/crypto.h"
#include "storage/account_ckpt.h"
#include "storage/envseg.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

/* Whatever can be read can be applied, twice, and written again. */
static void
fuzz_ops(struct arena *a, struct str ops)
{
	static const struct txid x = { { 1 } };
	struct account_state s;
	struct account_totals tt;
	struct account_op *op;
	struct buf b;
	unsigned count;
	struct err *e = account_ops_parse(a, ops, &x, &op, &count);

	if (e != NULL)
		return;
	account_state_init(&s);
	account_state_apply(&s, op, count, 1);
	account_state_totals(&s, op, count, &tt);
	account_state_apply(&s, op, count, 2);
	buf_init(&b, a, 16 << 20);
	for (unsigned i = 0; i < count; i++)
		account_op_write(&b, &op[i]);
	account_totals_format(&b, &tt);
	account_state_free(&s);
}

/* A segment with the checksum it should have, so that its inside is seen. */
static struct str
fuzz_sealed(struct arena *a, struct str in, const char *magic)
{
	struct buf b;

	if (in.n == 0)
		return STR("");
	buf_init(&b, a, in.n + 16);
	buf_c(&b, magic);
	buf_str_add(&b, in);
	buf_le32(&b, crc32c(0, b.p, b.n));
	return buf_str(&b);
}

/* Three segments, with a word between them. */
static void
fuzz_ckpt(struct arena *a, struct str in)
{
	struct account_ckpt_bases bases;
	struct account_state s;
	struct str part[3] = { { NULL, 0 } };
	uint64_t seq;

	for (unsigned i = 0; i < 3; i++) {
		const char *cut = in.n ? memmem(in.p, in.n, "CUT!", 4) : NULL;
		size_t k = cut ? (size_t)(cut - in.p) : in.n;
		part[i] = str_sub(in, 0, k);
		in = str_sub(in, cut ? k + 4 : k, in.n);
	}
	account_state_init(&s);
	struct err *e = account_ckpt_load(a, &s,
	    fuzz_sealed(a, part[0], "SHOALHD1"),
	    fuzz_sealed(a, part[1], "SHOALRW1"),
	    fuzz_sealed(a, part[2], "SHOALTB1"), &seq, &bases);
	if (e == NULL) {
		struct buf b;
		buf_init(&b, a, 64 << 20);
		account_ckpt_head(&b, &s, seq, &bases);
		account_ckpt_rows(&b, &s, seq);
		account_ckpt_tomb(&b, &s, seq);
	}
	account_state_free(&s);
}

static void
fuzz_small(struct arena *a, struct str in)
{
	struct account_totals tt;
	struct message_name name;
	struct str account, pack;
	struct uidset set;
	uint16_t month;

	if (account_totals_parse(in, &tt))
		invariant(tt.folder_count <= ACCOUNT_TOTALS_FOLDERS);
	if (account_source_parse(in, &account, &name))
		invariant(account.n <= in.n);
	(void)message_name_parse(in, &name);
	(void)message_month_parse(in, &month);
	uidset_init(&set, a);
	if (uidset_parse(&set, in))
		invariant(uidset_count(&set) > 0 || set.n == 0);
	memset(&name, 0, sizeof name);
	if (env_record_read(in, &name, &pack))
		invariant(pack.n <= in.n);
	err_ignore(folder_name_check(a, in, &account)); /* any answer */
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
