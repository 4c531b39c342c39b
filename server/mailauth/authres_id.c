/* authres_id.c - whose word an Authentication-Results field is (RFC 8601) */
#include "mime/lex.h"
#include "server/mailauth/authres.h"
#include "server/mailauth/domain.h"

/* authserv-id = value: a token, or quoted; *in begins with it. */
static struct str
authres_take_id(struct arena *a, struct str *in)
{
	struct buf out;
	size_t n = 0;

	mime_lex_cfws(in, NULL);
	if (in->n > 0 && in->p[0] == '"') {
		buf_init(&out, a, in->n + 1);
		mime_lex_quoted(in, &out);
		return str_trim(buf_str(&out));
	}
	/* Up to what ends a token for anybody. */
	while (n < in->n && !mime_lex_is_blank(in->p[n]) &&
	       memchr(";(/", in->p[n], 3) == NULL)
		n++;
	return str_sub(*in, 0, n);
}

struct str
authres_field_id(struct arena *a, struct str field)
{
	ptrdiff_t colon = str_chr(field, ':');
	struct str name, value;

	if (colon < 0)
		return STR_NONE;
	name = str_sub(field, 0, (size_t)colon);
	while (name.n > 0 && mime_lex_is_blank(name.p[name.n - 1]))
		name.n--;
	if (!str_case_eq_c(name, "Authentication-Results"))
		return STR_NONE;
	value = str_sub(field, (size_t)colon + 1, field.n);
	return domain_normal(a, authres_take_id(a, &value));
}

bool
authres_is_forged(struct str field, struct str id)
{
	struct arena *a = arena_new(0);
	struct str claimed = authres_field_id(a, field);
	bool forged = claimed.n > 0 && str_eq(claimed, domain_normal(a, id));

	arena_free(&a);
	return forged;
}
