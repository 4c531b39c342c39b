/* fuzz_secret.c - tokens and codes of invitations, as strangers show them */
#include "storage/state_admin_private.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void
fuzz_split(struct str text, struct str prefix, char sep)
{
	struct str id, secret;

	if (!state_secret_split(text, prefix, sep, &id, &secret))
		return;
	invariant(id.n == STATE_ID_CHARS && secret.n == STATE_SECRET_CHARS);
	invariant(id.p == text.p + prefix.n);
	invariant(secret.p + secret.n == text.p + text.n);
	invariant(str_chr(id, sep) < 0 && str_chr(secret, sep) < 0);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct str text = str_of(data, n);

	fuzz_split(text, STR("shoal_"), '_');
	fuzz_split(text, STR(""), '-');
	return 0;
}
