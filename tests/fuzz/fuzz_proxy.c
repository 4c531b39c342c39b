/* fuzz_proxy.c - any bytes as a PROXY header, in any pieces */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/net/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static bool
same(const struct proxy_header *a, const struct proxy_header *b)
{
	return a->is_local == b->is_local &&
	       net_addr_eq(&a->source, &b->source) &&
	       net_addr_eq(&a->destination, &b->destination) &&
	       a->source.port == b->source.port &&
	       a->destination.port == b->destination.port;
}

/* Takes what belongs to the header, step bytes at a time, as a connection
 * would; how many it took. */
static size_t
take(const uint8_t *p, size_t n, size_t step, struct proxy_header *h,
    enum proxy_result *result_r)
{
	const char *why;
	size_t have = 0, seen, span;

	for (*result_r = PROXY_MORE; *result_r == PROXY_MORE && have < n;) {
		seen = n - have < step ? n : have + step;
		if (seen > PROXY_MOST)
			seen = PROXY_MOST;
		span = proxy_span(p, seen);
		invariant(span <= seen);
		if (span <= have) {
			*result_r = proxy_parse(p, seen, h, &why);
			invariant(*result_r == PROXY_BAD);
			break;
		}
		have = span;
		*result_r = proxy_parse(p, have, h, &why);
		invariant(*result_r != PROXY_BAD || why != NULL);
		invariant(have <= PROXY_MOST);
	}
	return have;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const size_t steps[] = { 1, 7, 16, PROXY_MOST };
	uint8_t *p = malloc(n + 1); /* for ASan to see its end */
	struct proxy_header first = { 0 }, h = { 0 };
	enum proxy_result result, r;
	size_t used;

	if (p == NULL)
		return 0;
	memcpy(p, data, n);
	used = take(p, n, steps[0], &first, &result);
	for (unsigned i = 1; i < countof(steps); i++) {
		size_t now = take(p, n, steps[i], &h, &r);

		invariant(r == result);
		if (r == PROXY_DONE)
			invariant(now == used && same(&first, &h));
	}
	if (result == PROXY_DONE)
		invariant(proxy_is_start(p, n));
	free(p);
	return 0;
}
