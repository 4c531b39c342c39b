/* domain.c - the form in which domains of headers are compared */
#include "server/mailauth/domain.h"

#include "base/unicode.h"
#include "mime/lex.h"

struct str
domain_normal(struct arena *a, struct str domain)
{
	struct str ascii;
	struct err *e;

	while (domain.n > 0 && domain.p[domain.n - 1] == '.')
		domain.n--;
	e = unicode_domain_ascii(a, domain, &ascii);
	return e == NULL ? ascii : mime_lex_lower(a, domain);
}
