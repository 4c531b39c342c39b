/* fuzz_scram.c - what SCRAM clients send */
#include "base/err.h"
#include "server/auth/scram.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void
first(struct arena *a, struct str in)
{
	struct scram_first f;

	if (!scram_parse_first(a, in, &f))
		return;
	/* the header and what is signed are the message, nothing else */
	invariant(f.header.p == in.p && f.header.n + f.bare.n == in.n);
	invariant(f.bare.p == in.p + f.header.n);
	invariant(f.name.n > 0 && str_chr(f.name, '\0') < 0);
	invariant(f.nonce.n > 0 && str_chr(f.nonce, ',') < 0);
	invariant((f.type.n > 0) == (f.binding == SCRAM_BOUND));
}

static void
final(struct arena *a, struct str in)
{
	struct scram_final f;

	if (!scram_parse_final(a, in, &f))
		return;
	invariant(f.without_proof.p == in.p && f.without_proof.n + 3 < in.n);
	invariant(f.binding.n > 0);
	invariant(f.nonce.n > 0 && str_chr(f.nonce, ',') < 0);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);

	first(a, str_of(data, n));
	final(a, str_of(data, n));
	arena_free(&a);
	return 0;
}
