/* fuzz_sasl.c - what SASL clients send */
#include "base/err.h"
#include "server/auth/sasl_parse.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct str part[3];
	size_t all = 2;

	if (!sasl_plain_parse(str_of(data, n), part))
		return 0;
	for (unsigned i = 0; i < 3; i++) {
		invariant(part[i].n <= SASL_NAME_MAX);
		invariant(str_chr(part[i], '\0') < 0);
		all += part[i].n;
	}
	/* nothing between the parts but the two NULs */
	invariant(all == n);
	return 0;
}
