/* state_address.c - the one form of an address, a domain, a login name */
#include "storage/state_address.h"

#include <string.h>

#include "base/buf.h"
#include "base/unicode.h"

#define STATE_LOCAL_MAX 64 /* RFC 5321, 4.5.3.1.1 */
#define STATE_ADDRESS_MAX (STATE_LOCAL_MAX + 1 + UNICODE_DOMAIN_BYTES)
#define STATE_WORD_MAX 64

static struct err *
state_address_bad(struct arena *a, const char *why)
{
	return err_newf(a, ERR_INVALID, "not an address: %s", why);
}

/*
 * atext = ALPHA / DIGIT / "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" /
 *	"-" / "/" / "=" / "?" / "^" / "_" / "`" / "{" / "|" / "}" / "~"
 *	/ UTF8-non-ascii			RFC 5322, 3.2.3; RFC 6532
 */
static bool
state_address_is_atext(unsigned char c)
{
	if (c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9'))
		return true;
	return c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL;
}

/* dot-atom-text = 1*atext *("." 1*atext) */
static bool
state_address_is_dot_atom(struct str s)
{
	bool dot = true;
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '.'
			? dot
			: !state_address_is_atext((unsigned char)s.p[i]))
			return false;
		dot = s.p[i] == '.';
	}
	return !dot;
}

/* quoted-string = DQUOTE *(qtext / "\" quoted) DQUOTE */
static bool
state_address_unquote(struct arena *a, struct str in, struct str *out_r)
{
	struct buf b;
	size_t i;

	if (in.n < 2 || in.p[0] != '"' || in.p[in.n - 1] != '"')
		return false;
	buf_init(&b, a, in.n);
	for (i = 1; i < in.n - 1; i++) {
		if (in.p[i] == '\\' && ++i == in.n - 1)
			return false;
		buf_char(&b, in.p[i]);
	}
	*out_r = buf_str(&b);
	return true;
}

static struct err *
state_address_local(struct arena *a, struct str in, struct str *local_r)
{
	struct err *e;

	if (in.n > 0 && in.p[0] == '"' && !state_address_unquote(a, in, &in))
		return state_address_bad(a, "the quotes do not match");
	if (in.n == 0)
		return state_address_bad(a, "nothing in front of the @");
	e = unicode_fold_nfc(a, in, local_r);
	if (e != NULL)
		return state_address_bad(a, "not valid UTF-8");
	if (local_r->n > STATE_LOCAL_MAX)
		return state_address_bad(a,
		    "more than 64 bytes in front of the @");
	if (!state_address_is_dot_atom(*local_r))
		return state_address_bad(a,
		    "characters or dots that an address cannot have in front "
		    "of the @");
	return NULL;
}

struct err *
state_domain_parse(struct arena *a, struct str in, struct str *name_r)
{
	struct err *e = unicode_domain_ascii(a, in, name_r);

	return e == NULL
		   ? NULL
		   : err_newf(a, ERR_INVALID, "not a domain name: %s", e->text);
}

/* The last "@" outside quotes is the last one of all: a domain has none. */
static ptrdiff_t
state_address_at(struct str in)
{
	size_t i;

	for (i = in.n; i-- > 0;)
		if (in.p[i] == '@')
			return (ptrdiff_t)i;
	return -1;
}

static struct err *
state_address_join(struct arena *a, struct str local, struct str domain,
    struct state_address *ad_r)
{
	struct buf b;

	buf_init(&b, a, STATE_ADDRESS_MAX);
	buf_str_add(&b, local);
	buf_char(&b, '@');
	buf_str_add(&b, domain);
	if (!buf_ok(&b))
		return state_address_bad(a, "too long");
	ad_r->full = buf_str(&b);
	ad_r->local = str_sub(ad_r->full, 0, local.n);
	ad_r->domain = str_sub(ad_r->full, local.n + 1, domain.n);
	return NULL;
}

struct err *
state_address_parse_any(struct arena *a, struct str in,
    struct state_address *ad_r)
{
	struct str local = STR(""), domain;
	ptrdiff_t at = state_address_at(in);
	struct err *e = NULL;

	*ad_r = (struct state_address){ .full = STR_NONE };
	if (in.n > 4 * STATE_ADDRESS_MAX)
		return state_address_bad(a, "too long");
	if (at < 0)
		return state_address_bad(a, "there is no @");
	if (at > 0)
		e = state_address_local(a, str_sub(in, 0, (size_t)at), &local);
	if (e == NULL)
		e = state_domain_parse(a, str_sub(in, (size_t)at + 1, in.n),
		    &domain);
	return e != NULL ? e : state_address_join(a, local, domain, ad_r);
}

struct err *
state_address_parse(struct arena *a, struct str in, struct state_address *ad_r)
{
	struct err *e = state_address_parse_any(a, in, ad_r);

	if (e == NULL && ad_r->local.n == 0)
		e = state_address_bad(a, "nothing in front of the @");
	return e;
}

struct err *
state_word_parse(struct arena *a, struct str in, struct str *word_r)
{
	struct str w;
	struct err *e;
	size_t i;

	e = unicode_fold_nfc(a, in, &w);
	if (e != NULL)
		return e;
	if (w.n == 0 || w.n > STATE_WORD_MAX)
		return err_newf(a, ERR_INVALID, "a name has 1 to %d characters",
		    STATE_WORD_MAX);
	for (i = 0; i < w.n; i++)
		if ((unsigned char)w.p[i] < 0x80 &&
		    (!state_address_is_atext((unsigned char)w.p[i]) ||
			strchr("!#$%&'*+/=?^`{|}~", w.p[i]) != NULL) &&
		    strchr(".@", w.p[i]) == NULL)
			return err_new(a, ERR_INVALID,
			    "a name has letters, digits and -._@ only", NULL);
	*word_r = w;
	return NULL;
}
