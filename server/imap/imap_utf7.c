/* imap_utf7.c - modified UTF-7 of mailbox names (RFC 3501, 5.1.3) */
#include "base/buf.h"
#include "base/utf8.h"
#include "server/imap/imap_parse.h"

static const char imap_utf7_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int
imap_utf7_value(char c)
{
	const char *at = c == '\0' ? NULL : strchr(imap_utf7_digits, c);

	return at == NULL ? -1 : (int)(at - imap_utf7_digits);
}

static void
imap_utf7_put_utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_char(b, (char)c);
	} else if (c < 0x800) {
		buf_char(b, (char)(0xc0 | c >> 6));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_char(b, (char)(0xe0 | c >> 12));
		buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_char(b, (char)(0xf0 | c >> 18));
		buf_char(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	}
}

/* One UTF-16 unit; *high: the first half of a pair, waiting for the second. */
static bool
imap_utf7_unit(struct buf *b, uint32_t unit, uint32_t *high)
{
	if (unit >= 0xdc00 && unit <= 0xdfff) {
		if (*high == 0)
			return false;
		imap_utf7_put_utf8(b,
		    0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00));
		*high = 0;
		return true;
	}
	if (*high != 0)
		return false;
	if (unit >= 0xd800 && unit <= 0xdbff) {
		*high = unit;
		return true;
	}
	/* What can stand for itself has to: one name, one spelling. */
	if (unit >= 0x20 && unit <= 0x7e)
		return false;
	imap_utf7_put_utf8(b, unit);
	return true;
}

/* Behind '&', up to and with '-'; *at moves there. */
static bool
imap_utf7_shifted(struct buf *b, struct str in, size_t *at)
{
	uint32_t bits = 0, high = 0;
	unsigned have = 0;
	size_t i = *at;

	for (; i < in.n && in.p[i] != '-'; i++) {
		int v = imap_utf7_value(in.p[i]);

		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have < 16)
			continue;
		have -= 16;
		if (!imap_utf7_unit(b, bits >> have & 0xffff, &high))
			return false;
		bits &= (1U << have) - 1;
	}
	*at = i + 1;
	/* Ended; no half pair; fewer bits left than a digit, all zero. */
	return i < in.n && high == 0 && have < 6 && bits == 0;
}

bool
imap_utf7_decode(struct arena *a, struct str in, struct str *out_r)
{
	bool shifted = false; /* just before: a second shift is superfluous */
	struct buf b;

	*out_r = in;
	if (str_chr(in, '&') < 0) {
		for (size_t i = 0; i < in.n; i++)
			if ((unsigned char)in.p[i] >= 0x7f)
				return false;
		return true;
	}
	/* Three digits (18 bits) give at most three bytes. */
	buf_init(&b, a, in.n * 2 + 4);
	for (size_t i = 0; i < in.n;) {
		char c = in.p[i++];

		if ((unsigned char)c >= 0x7f)
			return false;
		if (c != '&') {
			buf_char(&b, c);
			shifted = false;
		} else if (i < in.n && in.p[i] == '-') {
			buf_char(&b, '&');
			i++;
			shifted = false;
		} else if (shifted || !imap_utf7_shifted(&b, in, &i)) {
			return false;
		} else {
			shifted = true;
		}
	}
	*out_r = buf_str(&b);
	return buf_ok(&b);
}

static void
imap_utf7_put_unit(struct buf *b, uint32_t unit, uint32_t *bits, unsigned *have)
{
	*bits = *bits << 16 | unit;
	*have += 16;
	while (*have >= 6) {
		*have -= 6;
		buf_char(b, imap_utf7_digits[*bits >> *have & 63]);
	}
	*bits &= (1U << *have) - 1;
}

/* From in.p[*at], everything that cannot stand for itself. */
static void
imap_utf7_shift(struct buf *b, struct str in, size_t *at)
{
	uint32_t bits = 0, c;
	unsigned have = 0;

	buf_char(b, '&');
	while (*at < in.n && (in.p[*at] < 0x20 || in.p[*at] > 0x7e)) {
		size_t n = utf8_get(str_sub(in, *at, in.n), &c);

		if (n == 0) { /* no UTF-8: names never are so */
			n = 1;
			c = 0xfffd;
		}
		*at += n;
		if (c < 0x10000) {
			imap_utf7_put_unit(b, c, &bits, &have);
			continue;
		}
		c -= 0x10000;
		imap_utf7_put_unit(b, 0xd800 + (c >> 10), &bits, &have);
		imap_utf7_put_unit(b, 0xdc00 + (c & 0x3ff), &bits, &have);
	}
	if (have > 0)
		buf_char(b, imap_utf7_digits[bits << (6 - have) & 63]);
	buf_char(b, '-');
}

void
imap_utf7_put(struct buf *b, struct str in)
{
	for (size_t i = 0; i < in.n;) {
		char c = in.p[i];

		if (c < 0x20 || c > 0x7e) {
			imap_utf7_shift(b, in, &i);
			continue;
		}
		buf_char(b, c);
		if (c == '&')
			buf_char(b, '-');
		i++;
	}
}

struct str
imap_utf7_encode(struct arena *a, struct str in)
{
	struct buf b;

	/* A byte gives at most 16 bits between '&' and '-'. */
	buf_init(&b, a, in.n * 5 + 8);
	imap_utf7_put(&b, in);
	return buf_str(&b);
}
