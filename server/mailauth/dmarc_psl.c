/* dmarc_psl.c - the Public Suffix List: the door to libpsl */
#include <libpsl.h>

#include "server/mailauth/dmarc.h"
#include "server/mailauth/domain.h"

/* Debian's list (package publicsuffix) where it is newer than what libpsl was
 * built with.  Read once; a file of 40 KB on the local disk. */
static const psl_ctx_t *
dmarc_psl(void)
{
	static const psl_ctx_t *list;

	if (list == NULL)
		list = psl_latest(NULL);
	if (list == NULL)
		list = psl_builtin();
	return list;
}

struct str
dmarc_organization(struct arena *a, struct str domain)
{
	struct str ascii = domain_normal(a, domain);
	const char *name = arena_cstr(a, ascii), *registrable;

	/* libpsl ends at a NUL; a name with one in it is no domain */
	if (dmarc_psl() == NULL || str_chr(ascii, '\0') >= 0)
		return ascii;
	registrable = psl_registrable_domain(dmarc_psl(), name);
	/* NULL: it is itself a public suffix.  Else once more: the end of what
	 * was no host name may be one. */
	return registrable != NULL ? domain_normal(a, str_c(registrable))
				   : ascii;
}
