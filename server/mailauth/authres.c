/* authres.c - Authentication-Results (RFC 8601) */
#include "server/mailauth/authres.h"

#include "base/unicode.h"
#include "mime/lex.h"

#define AUTHRES_VALUE_MAX 320 /* a mailbox: 64 + 1 + 253 */
#define AUTHRES_LINE 72

/* ---- writing */

static bool
authres_is(struct str s, bool (*is)(char c))
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 127 || !is(s.p[i]))
			return false;
	return s.n > 0;
}

/* dot-atom "@" domain: may stand without quotes (2.2, pvalue) */
static bool
authres_is_mailbox(struct str s)
{
	ptrdiff_t at = str_chr(s, '@');
	char before = '.';

	if (at <= 0 ||
	    !authres_is(str_sub(s, (size_t)at + 1, s.n), mime_lex_is_token))
		return false;
	for (size_t i = 0; i < (size_t)at; before = s.p[i++]) {
		if (s.p[i] == '.' ? before == '.'
				  : (unsigned char)s.p[i] > 127 ||
					!mime_lex_is_atext(s.p[i]))
			return false;
	}
	return before != '.';
}

/* pvalue: a token or mailbox as it is, else in quotes; nothing in it can end
 * the field or make a line of its own. */
static void
authres_value(struct buf *b, struct str s)
{
	s = str_sub(s, 0, AUTHRES_VALUE_MAX);
	if (authres_is(s, mime_lex_is_token) || authres_is_mailbox(s)) {
		buf_str_add(b, s);
		return;
	}
	buf_char(b, '"');
	if (!unicode_is_utf8(s)) /* cut in the middle, or no text */
		for (size_t i = 0; i < s.n; i++)
			if ((unsigned char)s.p[i] > 127)
				s.n = i;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			buf_char(b, '\\');
		buf_char(b, c < 32 || c == 127 ? '?' : s.p[i]);
	}
	buf_char(b, '"');
}

/* A blank, or a new line when the next n bytes would not fit. */
static void
authres_blank(struct buf *b, size_t n)
{
	size_t column = 0;

	while (column < b->n && b->p[b->n - column - 1] != '\n')
		column++;
	buf_c(b, column + n < AUTHRES_LINE ? " " : "\r\n\t");
}

/* "ptype.property=value"; nothing for nothing */
static void
authres_property(struct buf *b, const char *property, struct str value)
{
	if (value.n == 0)
		return;
	authres_blank(b, strlen(property) + value.n + 3);
	buf_c(b, property);
	buf_char(b, '=');
	authres_value(b, value);
}

/* ";" method "=" result */
static void
authres_method(struct buf *b, const char *method, const char *result)
{
	buf_c(b, ";\r\n\t");
	buf_c(b, method);
	buf_char(b, '=');
	buf_c(b, result);
}

/* In a comment; only our own sentences, and names. */
static void
authres_comment(struct buf *b, struct str s)
{
	if (s.n == 0)
		return;
	authres_blank(b, s.n + 2);
	buf_char(b, '(');
	for (size_t i = 0; i < s.n && i < AUTHRES_VALUE_MAX; i++) {
		unsigned char c = (unsigned char)s.p[i];

		buf_char(b,
		    c < 32 || c > 126 || c == '(' || c == ')' || c == '\\'
			? '?'
			: s.p[i]);
	}
	buf_char(b, ')');
}

static void
authres_spf(struct buf *b, const struct spf *s)
{
	authres_method(b, "spf", spf_result_name(s->result));
	authres_comment(b, s->why);
	if (s->is_helo)
		authres_property(b, "smtp.helo", s->helo);
	else
		authres_property(b, "smtp.mailfrom", s->from);
}

/* Why a signature failed is not written: "pass" may become "fail", and the text
 * must not become longer. */
static void
authres_signature(struct buf *b, const struct dkim_signature *s)
{
	authres_method(b, "dkim", dkim_result_name(s->result));
	if (s->result != DKIM_PASS && s->result != DKIM_FAIL)
		authres_comment(b, str_c(s->why));
	authres_property(b, "header.d", s->domain);
	if (s->selector.n + s->domain.n <= 253) /* else it is no key's name */
		authres_property(b, "header.s", s->selector);
	authres_property(b, "header.a", str_c(s->algorithm));
	authres_property(b, "header.b", s->b_start);
}

static void
authres_dkim(struct buf *b, const struct dkim_verify *v)
{
	unsigned n = dkim_verify_count(v);

	if (n == 0)
		authres_method(b, "dkim", "none");
	for (unsigned i = 0; i < n; i++)
		authres_signature(b, dkim_verify_nth(v, i));
}

static void
authres_dmarc(struct buf *b, const struct dmarc *m)
{
	authres_method(b, "dmarc", dmarc_result_name(m->result));
	if (m->result == DMARC_PASS || m->result == DMARC_FAIL) {
		buf_c(b, " (p=");
		buf_c(b, dmarc_policy_name(m->policy));
		buf_char(b, ')');
	} else {
		authres_comment(b, str_c(m->why));
	}
	authres_property(b, "header.from", m->domain);
}

static void
authres_iprev(struct buf *b, const struct authres *r)
{
	char text[NET_TEXT_MAX];

	authres_method(b, "iprev", r->iprev);
	authres_comment(b, r->iprev_name);
	authres_property(b, "policy.iprev",
	    str_c(net_addr_text(&r->peer, text)));
}

void
authres_write(struct buf *b, const struct authres *r)
{
	bool any = false;

	buf_c(b, "Authentication-Results: ");
	authres_value(b, r->id);
	if (r->auth.n > 0) {
		authres_method(b, "auth", "pass");
		authres_property(b, "smtp.auth", r->auth);
		any = true;
	}
	if (r->iprev != NULL) {
		authres_iprev(b, r);
		any = true;
	}
	if (r->spf != NULL) {
		authres_spf(b, r->spf);
		any = true;
	}
	if (r->dkim != NULL) {
		authres_dkim(b, r->dkim);
		any = true;
	}
	if (r->dmarc != NULL) {
		authres_dmarc(b, r->dmarc);
		any = true;
	}
	buf_c(b, any ? "\r\n" : "; none\r\n");
}
