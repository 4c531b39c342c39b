/* fuzz_dns.c - records and names */
#include "server/dns/dns_rdata.h"

#include "base/err.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void
fuzz_host(struct arena *a, struct str name)
{
	struct buf wire;
	struct str again;

	invariant(name.n <= DNS_NAME_MAX);
	for (size_t i = 0; i < name.n; i++)
		invariant(name.p[i] > ' ' && name.p[i] < 127 &&
			  !(name.p[i] >= 'A' && name.p[i] <= 'Z'));
	/* What was read is read again. */
	buf_init(&wire, a, DNS_NAME_MAX + 2);
	invariant(dns_name_wire(name, &wire));
	invariant(dns_rdata_name(a, buf_str(&wire), &again));
	invariant(str_eq(name, again));
}

/* As it would be asked: escaped, and never longer than a name can be. */
static void
fuzz_text(struct arena *a, struct str in)
{
	struct str name, again;
	const char *text, *text2;

	if (!dns_name_text(a, in, &name, &text))
		return;
	invariant(name.n <= DNS_NAME_MAX);
	for (const char *p = text; *p != '\0'; p++)
		invariant(*p > ' ' && *p < 127);
	invariant(dns_name_text(a, name, &again, &text2));
	invariant(str_eq(name, again) && strcmp(text, text2) == 0);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	struct str in = str_of(data, n), s;
	struct dns_srv srv;
	struct net_addr ad;
	uint16_t preference;

	if (dns_rdata_name(a, in, &s))
		fuzz_host(a, s);
	if (dns_rdata_mx(a, in, &preference, &s))
		fuzz_host(a, s);
	if (dns_rdata_srv(a, in, &srv))
		fuzz_host(a, srv.host);
	if (dns_rdata_txt(a, in, &s))
		invariant(s.n < n);
	(void)dns_rdata_address(in, false, &ad);
	(void)dns_rdata_address(in, true, &ad);
	fuzz_text(a, in);
	arena_free(&a);
	return 0;
}
