/* utf8.c - one character of UTF-8 at a time (RFC 3629) */
#include "base/utf8.h"

#include "base/attr.h"

/* The lead bytes by their number of leading ones, and the smallest character
 * that needs so many bytes. */
static const struct {
	unsigned char mask, lead;
	uint32_t least;
} utf8_forms[] = {
	{ 0x80, 0x00, 0 },
	{ 0xe0, 0xc0, 0x80 },
	{ 0xf0, 0xe0, 0x800 },
	{ 0xf8, 0xf0, 0x10000 },
};

size_t
utf8_get(struct str s, uint32_t *c_r)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t more = 0;
	uint32_t c;

	if (s.n == 0)
		return 0;
	while ((p[0] & utf8_forms[more].mask) != utf8_forms[more].lead) {
		if (++more == countof(utf8_forms))
			return 0;
	}
	if (more >= s.n)
		return 0;
	c = p[0] & (unsigned char)~utf8_forms[more].mask;
	for (size_t i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < utf8_forms[more].least || c > 0x10ffff ||
	    (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*c_r = c;
	return more + 1;
}

bool
utf8_is_valid(struct str s)
{
	while (s.n > 0) {
		uint32_t c;
		size_t n = utf8_get(s, &c);

		if (n == 0)
			return false;
		s = str_sub(s, n, s.n);
	}
	return true;
}

void
utf8_readable(struct buf *b, struct str s)
{
	while (s.n > 0) {
		uint32_t c;
		size_t n = utf8_get(s, &c);

		if (n == 0)
			buf_c(b, "\xef\xbf\xbd");
		else
			buf_add(b, s.p, n);
		s = str_sub(s, n == 0 ? 1 : n, s.n);
	}
}
