/* fuzz_admin_zone.c - what the DNS answers beside what it should */
#include "server/admin/admin_zone_check.h"

#include "base/err.h"

/*
 * Which record is wanted, then answers: two bytes of length each, in front.
 */
#define RECORDS 4

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static const struct admin_zone_record wanted[] = {
	{ STR_NONE, "MX", STR_NONE },
	{ STR_NONE, "SRV", STR_NONE },
	{ STR_NONE, "CNAME", STR_NONE },
	{ STR_NONE, "TXT", STR_NONE },
	{ STR_NONE, "TXT", STR_NONE },
	{ STR_NONE, "TXT", STR_NONE },
	{ STR_NONE, "TXT", STR_NONE },
};
static const char *const texts[] = { "10 mx.t.org.", "0 1 993 mx.t.org.",
	"mx.t.org.", "v=spf1 mx ~all", "v=DKIM1; k=rsa; p=AAAA",
	"v=DMARC1; p=none", "hello" };

static struct admin_zone_seen
compare(struct arena *a, const struct admin_zone_record *r,
    const struct dns_answer *answer)
{
	struct admin_zone_seen seen;

	admin_zone_compare(a, r, answer, &seen);
	invariant(seen.n <= ADMIN_ZONE_FOUND_MAX && seen.n <= answer->n);
	for (unsigned i = 0; i < seen.n; i++)
		invariant(seen.found[i].n <= ADMIN_ZONE_FOUND_BYTES);
	invariant(seen.status != ADMIN_ZONE_UNCHECKED &&
		  seen.status != ADMIN_ZONE_UNKNOWN);
	invariant((seen.n == 0) == (seen.status == ADMIN_ZONE_MISSING));
	return seen;
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	struct admin_zone_record r;
	struct dns_answer answer = { .status = DNS_FOUND };
	struct admin_zone_seen seen;
	struct str rdata[RECORDS];
	size_t at = 1;

	if (n == 0)
		goto out;
	r = wanted[data[0] % countof(wanted)];
	r.data = str_c(texts[data[0] % countof(texts)]);
	answer.rdata = rdata;
	while (answer.n < RECORDS && at + 2 <= n) {
		size_t len = (size_t)data[at] << 8 | data[at + 1];

		at += 2;
		if (len > n - at)
			len = n - at;
		rdata[answer.n++] = str_of(data + at, len);
		at += len;
	}
	seen = compare(a, &r, &answer);
	/* what is there is itself; tag lists only if they are any */
	if (answer.n != 1 || seen.n != 1 ||
	    seen.found[0].n == ADMIN_ZONE_FOUND_BYTES ||
	    strncmp(texts[data[0] % countof(texts)], "v=D", 3) == 0)
		goto out;
	r.data = seen.found[0];
	seen = compare(a, &r, &answer);
	invariant(seen.status == ADMIN_ZONE_OK);
out:
	arena_free(&a);
	return 0;
}
