/* unicode.c - normal forms, case, domain names */
#include "base/unicode.h"

#include <stdlib.h>

#include <idn2.h>
#include <utf8proc.h>

#include "base/utf8.h"

/* A label of one character may take four bytes of UTF-8 for one of ASCII. */
#define UNICODE_DOMAIN_TYPED_BYTES (4 * UNICODE_DOMAIN_BYTES)
#define UNICODE_LABEL_BYTES 63

bool
unicode_is_utf8(struct str s)
{
	return utf8_is_valid(s);
}

static struct err *
unicode_check(struct arena *a, struct str s)
{
	if (s.n > UNICODE_BYTES)
		return err_newf(a, ERR_LIMIT,
		    "a text of %zu bytes, %d are allowed", s.n, UNICODE_BYTES);
	if (!utf8_is_valid(s))
		return err_new(a, ERR_INVALID, "the text is not UTF-8", NULL);
	return NULL;
}

static struct err *
unicode_map(struct arena *a, struct str s, utf8proc_option_t options,
    struct str *out_r)
{
	struct err *e = unicode_check(a, s);
	utf8proc_uint8_t *mapped;
	utf8proc_ssize_t n;

	if (e != NULL)
		return e;
	n = utf8proc_map((const utf8proc_uint8_t *)(s.n > 0 ? s.p : ""),
	    (utf8proc_ssize_t)s.n, &mapped, options | UTF8PROC_STABLE);
	if (n == UTF8PROC_ERROR_NOMEM)
		panic("out of memory: %zu bytes to normalise", s.n);
	if (n < 0)
		return err_new(a, ERR_INVALID, "the text is not valid Unicode",
		    "%s", utf8proc_errmsg(n));
	if (n > UNICODE_BYTES) {
		free(mapped);
		return err_newf(a, ERR_LIMIT,
		    "a text of %zd bytes, %d are allowed", n, UNICODE_BYTES);
	}
	*out_r = arena_str(a, str_of(mapped, (size_t)n));
	free(mapped);
	return NULL;
}

struct err *
unicode_nfc(struct arena *a, struct str s, struct str *nfc_r)
{
	return unicode_map(a, s, UTF8PROC_COMPOSE, nfc_r);
}

struct err *
unicode_fold_nfc(struct arena *a, struct str s, struct str *folded_r)
{
	return unicode_map(a, s, UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD,
	    folded_r);
}

/* label = let-dig [ *61(let-dig / "-") let-dig ]	RFC 1123, 2.1 */
static bool
unicode_is_label(struct str label)
{
	if (label.n == 0 || label.n > UNICODE_LABEL_BYTES ||
	    label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++) {
		char c = label.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-')
			return false;
	}
	return true;
}

static bool
unicode_is_host(struct str domain)
{
	struct str rest = domain, label;

	if (domain.n == 0 || domain.n > UNICODE_DOMAIN_BYTES)
		return false;
	while (str_split(&rest, '.', &label)) {
		if (!unicode_is_label(label))
			return false;
	}
	return true;
}

static struct err *
unicode_domain_refuse(struct arena *a, const char *why)
{
	return err_new(a, ERR_INVALID, "this is no valid domain name", "%s",
	    why);
}

struct err *
unicode_domain_ascii(struct arena *a, struct str domain, struct str *ascii_r)
{
	char *ascii;
	int rc;

	if (domain.n > UNICODE_DOMAIN_TYPED_BYTES)
		return unicode_domain_refuse(a, "too long");
	if (!utf8_is_valid(domain) || str_chr(domain, '\0') >= 0)
		return unicode_domain_refuse(a, "not UTF-8");
	/* With IDN2_USE_STD3_ASCII_RULES libidn2 2.3.3 drops what it should
	 * refuse: "a b" becomes "ab" (measured).  We look at the result. */
	rc = idn2_to_ascii_8z(arena_cstr(a, domain), &ascii,
	    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (rc == IDN2_MALLOC)
		panic("out of memory: libidn2");
	if (rc != IDN2_OK)
		return unicode_domain_refuse(a, idn2_strerror(rc));
	*ascii_r = arena_str(a, str_c(ascii));
	idn2_free(ascii);
	if (!unicode_is_host(*ascii_r))
		return unicode_domain_refuse(a, "not a host name");
	return NULL;
}

struct err *
unicode_domain_shown(struct arena *a, struct str domain, struct str *shown_r)
{
	struct str ascii;
	struct err *e = unicode_domain_ascii(a, domain, &ascii);
	char *shown;
	int rc;

	if (e != NULL)
		return e;
	rc = idn2_to_unicode_8z8z(ascii.p, &shown, IDN2_NONTRANSITIONAL);
	if (rc == IDN2_MALLOC)
		panic("out of memory: libidn2");
	if (rc != IDN2_OK)
		return unicode_domain_refuse(a, idn2_strerror(rc));
	*shown_r = arena_str(a, str_c(shown));
	idn2_free(shown);
	return NULL;
}
