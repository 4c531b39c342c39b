/* fuzz_clientconf.c - what mail programs post to set themselves up */
#include <string.h>

#include "base/err.h"
#include "server/http/clientconf.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	struct clientconf c = { .host = STR("mail.example.org"),
		.domain = STR("example.org"),
		.services = CLIENTCONF_IMAPS | CLIENTCONF_SUBMISSIONS };
	struct buf b;

	if (clientconf_autodiscover_address(a, str_of(data, n), &c.address)) {
		invariant(
		    c.address.n > 0 && c.address.n <= CLIENTCONF_ADDRESS_MAX);
		buf_init(&b, a, CLIENTCONF_BYTES_MAX);
		clientconf_autodiscover(&b, &c);
		clientconf_mozilla(&b, &c);
		invariant(buf_ok(&b));
		/* nothing of it opens an element of its own */
		for (size_t i = 0; i < c.address.n; i++)
			if (c.address.p[i] == '<')
				invariant(strstr(buf_cstr(&b), "&lt;") != NULL);
	}
	arena_free(&a);
	return 0;
}
