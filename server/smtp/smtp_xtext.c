/* smtp_xtext.c - what DSN parameters stand for (RFC 3461, 4; RFC 6533, 3) */
#include "base/utf8.h"
#include "server/smtp/smtp_parse.h"

#define XTEXT_POINT_DIGITS 6

static void
smtp_xtext_put(char *out, size_t *n, const char *p, size_t bytes)
{
	if (out != NULL)
		memcpy(out + *n, p, bytes);
	*n += bytes;
}

/* hexchar = "+" 2(%x30-39 / %x41-46): what it stands for; -1. */
static int
smtp_xtext_hexchar(struct str s)
{
	unsigned char c;

	if (s.n < 3 || !str_unhex(str_sub(s, 1, 2), &c, 1))
		return -1;
	for (unsigned i = 1; i < 3; i++)
		if (s.p[i] >= 'a')
			return -1;
	return c;
}

/*
 * xtext = *( xchar / hexchar )
 * xchar = any ASCII between "!" and "~", except for "+" and "="
 */
size_t
smtp_xtext(struct str s, char *out_r)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		int c = (unsigned char)s.p[i];
		char byte;

		if (c == '+') {
			c = smtp_xtext_hexchar(str_sub(s, i, 3));
			i += 2;
		} else if (c == ' ' || c == '=')
			return SIZE_MAX;
		if (c < ' ' || c > '~')
			return SIZE_MAX;
		byte = (char)c;
		smtp_xtext_put(out_r, &n, &byte, 1);
	}
	return n;
}

/* UTF-8 of a code point; 0: it has none, or must not be said so. */
static size_t
smtp_xtext_encode(uint64_t c, char p_r[4])
{
	if (c < 0x20 || c == 0x7f || c > 0x10ffff ||
	    (c >= 0xd800 && c < 0xe000))
		return 0;
	if (c < 0x80) {
		p_r[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		p_r[0] = (char)(0xc0 | c >> 6);
		p_r[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		p_r[0] = (char)(0xe0 | c >> 12);
		p_r[1] = (char)(0x80 | (c >> 6 & 0x3f));
		p_r[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	p_r[0] = (char)(0xf0 | c >> 18);
	p_r[1] = (char)(0x80 | (c >> 12 & 0x3f));
	p_r[2] = (char)(0x80 | (c >> 6 & 0x3f));
	p_r[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* EmbeddedUnicodeChar = "\x{" HEXPOINT "}": how long it is; 0: none. */
static size_t
smtp_xtext_point(struct str s, char *out, size_t *n)
{
	ptrdiff_t end = str_chr(s, '}');
	char p[4];
	uint64_t c;
	size_t bytes;

	if (!str_starts(s, STR("\\x{")) || end < 5 ||
	    end > 3 + XTEXT_POINT_DIGITS ||
	    !str_hex_u64(str_sub(s, 3, (size_t)end - 3), &c))
		return 0;
	bytes = smtp_xtext_encode(c, p);
	smtp_xtext_put(out, n, p, bytes);
	return bytes == 0 ? 0 : (size_t)end + 1;
}

/*
 * utf-8-addr-xtext   = 1*(QCHAR / EmbeddedUnicodeChar)
 * utf-8-addr-unitext = 1*(QUCHAR / EmbeddedUnicodeChar)
 * QCHAR = any printable ASCII but for " ", "\", "+" and "="
 */
static size_t
smtp_xtext_utf8(struct str s, char *out)
{
	size_t n = 0, i = 0, step;

	if (!utf8_is_valid(s))
		return SIZE_MAX;
	for (; i < s.n; i += step) {
		unsigned char c = (unsigned char)s.p[i];

		step = 1;
		if (c == '\\')
			step = smtp_xtext_point(str_sub(s, i, s.n), out, &n);
		else if (c > ' ' && c != '+' && c != '=' && c != 127)
			smtp_xtext_put(out, &n, s.p + i, 1);
		else
			step = 0;
		if (step == 0)
			return SIZE_MAX;
	}
	return n;
}

/* addr-type = Atom */
static bool
smtp_xtext_is_type(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 127 ||
		    strchr("()<>@,;:\\\".[]+=", s.p[i]) != NULL)
			return false;
	return s.n > 0;
}

size_t
smtp_orcpt(struct str s, char *out_r)
{
	ptrdiff_t semicolon = str_chr(s, ';');
	struct str type, text;
	size_t n = 0, got;

	if (semicolon < 0)
		return SIZE_MAX;
	type = str_sub(s, 0, (size_t)semicolon);
	text = str_sub(s, (size_t)semicolon + 1, s.n);
	if (!smtp_xtext_is_type(type) || text.n == 0)
		return SIZE_MAX;
	smtp_xtext_put(out_r, &n, s.p, type.n + 1);
	if (out_r != NULL)
		out_r += n;
	got = str_case_eq_c(type, "utf-8") ? smtp_xtext_utf8(text, out_r)
					   : smtp_xtext(text, out_r);
	return got == SIZE_MAX ? SIZE_MAX : n + got;
}
