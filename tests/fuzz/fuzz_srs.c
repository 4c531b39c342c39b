/* fuzz_srs.c - a sender that is rewritten and comes back; a forged one */
#include "base/err.h"
#include "server/queue/srs.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

#define NOW 1764460800

/* What comes back is what went: in the form in which it is written plainly, a
 * second time round changes nothing. */
static void
fuzz_round(struct arena *a, const struct str *secret, struct str in)
{
	struct str out, back, again;

	if (srs_rewrite(a, *secret, NOW, in, STR("us.org"), &out) != NULL)
		return;
	invariant(out.n <= SRS_ADDRESS_MAX);
	invariant(str_ends(out, STR("@us.org")));
	invariant(srs_restore(a, secret, 1, NOW, out, &back) == NULL);
	if (srs_rewrite(a, *secret, NOW, back, STR("us.org"), &again) == NULL)
		invariant(str_eq(out, again));
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	const struct str secret = STR("0123456789abcdef0123456789abcdef");
	struct arena *a = arena_new(0);
	struct str in = str_of(data, n), out;
	struct err *e = srs_restore(a, &secret, 1, NOW, in, &out);

	invariant(e == NULL || err_is(e, ERR_NOTFOUND) ||
		  err_is(e, ERR_DENIED) || err_is(e, ERR_LIMIT));
	fuzz_round(a, &secret, in);
	arena_free(&a);
	return 0;
}
