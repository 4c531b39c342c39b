/* charset.c - to UTF-8; the only door to iconv */
#include "mime/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>

#include "base/attr.h"

#define CHARSET_OUT_BYTES 1024
/* Longer than any character or escape sequence of the table's charsets. */
#define CHARSET_HOLD_BYTES 16
#define CHARSET_BAD "\xEF\xBF\xBD"

/* Lower case; iconv NULL is UTF-8 itself. */
static const struct charset_known {
	const char *name, *iconv;
} charset_table[] = {
	{ "utf-8", NULL },
	{ "us-ascii", NULL },
	{ "utf8", NULL },
	{ "ascii", NULL },
	{ "ansi_x3.4-1968", NULL },
	{ "iso-8859-1", "CP1252" },
	{ "iso8859-1", "CP1252" },
	{ "latin1", "CP1252" },
	{ "iso_8859-1", "CP1252" },
	{ "iso-8859-2", "ISO-8859-2" },
	{ "iso-8859-3", "ISO-8859-3" },
	{ "iso-8859-4", "ISO-8859-4" },
	{ "iso-8859-5", "ISO-8859-5" },
	{ "iso-8859-6", "ISO-8859-6" },
	{ "iso-8859-6-i", "ISO-8859-6" },
	{ "iso-8859-7", "ISO-8859-7" },
	{ "iso-8859-8", "ISO-8859-8" },
	{ "iso-8859-8-i", "ISO-8859-8" },
	{ "iso-8859-9", "CP1254" },
	{ "iso-8859-10", "ISO-8859-10" },
	{ "iso-8859-11", "CP874" },
	{ "iso-8859-13", "ISO-8859-13" },
	{ "iso-8859-14", "ISO-8859-14" },
	{ "iso-8859-15", "ISO-8859-15" },
	{ "iso8859-15", "ISO-8859-15" },
	{ "latin-9", "ISO-8859-15" },
	{ "iso-8859-16", "ISO-8859-16" },
	{ "windows-1250", "CP1250" },
	{ "windows-1251", "CP1251" },
	{ "windows-1252", "CP1252" },
	{ "windows-1253", "CP1253" },
	{ "windows-1254", "CP1254" },
	{ "windows-1255", "CP1255" },
	{ "windows-1256", "CP1256" },
	{ "windows-1257", "CP1257" },
	{ "windows-1258", "CP1258" },
	{ "cp1250", "CP1250" },
	{ "cp1251", "CP1251" },
	{ "cp1252", "CP1252" },
	{ "cp1253", "CP1253" },
	{ "cp1254", "CP1254" },
	{ "cp1255", "CP1255" },
	{ "cp1256", "CP1256" },
	{ "cp1257", "CP1257" },
	{ "windows-874", "CP874" },
	{ "tis-620", "CP874" },
	{ "cp437", "IBM437" },
	{ "ibm437", "IBM437" },
	{ "cp850", "IBM850" },
	{ "ibm850", "IBM850" },
	{ "cp852", "IBM852" },
	{ "ibm852", "IBM852" },
	{ "cp866", "IBM866" },
	{ "ibm866", "IBM866" },
	{ "koi8-r", "KOI8-R" },
	{ "koi8-u", "KOI8-U" },
	{ "koi8-ru", "KOI8-U" },
	{ "macintosh", "MACINTOSH" },
	{ "x-mac-cyrillic", "MAC-CYRILLIC" },
	{ "gb2312", "GB18030" },
	{ "gbk", "GB18030" },
	{ "cp936", "GB18030" },
	{ "gb18030", "GB18030" },
	{ "big5", "BIG5-HKSCS" },
	{ "big5-hkscs", "BIG5-HKSCS" },
	{ "iso-2022-jp", "ISO-2022-JP" },
	{ "iso-2022-jp-1", "ISO-2022-JP-2" },
	{ "iso-2022-jp-2", "ISO-2022-JP-2" },
	{ "euc-jp", "EUC-JP" },
	{ "shift_jis", "CP932" },
	{ "shift-jis", "CP932" },
	{ "sjis", "CP932" },
	{ "cp932", "CP932" },
	{ "windows-31j", "CP932" },
	{ "euc-kr", "UHC" },
	{ "ks_c_5601-1987", "UHC" },
	{ "cp949", "UHC" },
	{ "iso-2022-kr", "ISO-2022-KR" },
	{ "viscii", "VISCII" },
	{ "utf-7", "UTF-7" },
	{ "unicode-1-1-utf-7", "UTF-7" },
	{ "utf-16", "UTF-16" },
	{ "utf-16le", "UTF-16LE" },
	{ "utf-16be", "UTF-16BE" },
	{ "utf-32", "UTF-32" },
};

struct mime_charset {
	bool utf8;
	iconv_t cd;
	/* The beginning of a character whose rest is still to come. */
	char hold[CHARSET_HOLD_BYTES];
	size_t held;
};

static const struct charset_known *
charset_find(struct str name)
{
	for (size_t i = 0; i < countof(charset_table); i++) {
		if (str_case_eq_c(name, charset_table[i].name))
			return &charset_table[i];
	}
	return NULL;
}

bool
mime_charset_is_known(struct str name)
{
	return charset_find(name) != NULL;
}

/* The two ends of what may follow the first byte c, which is above 0x7f
 * (Unicode, table 3-7); returns how many follow, 0 if c begins nothing. */
static size_t
utf8_first(unsigned char c, unsigned char *low, unsigned char *high)
{
	*low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	*high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	if (c >= 0xc2 && c <= 0xdf)
		return 1;
	if (c >= 0xe0 && c <= 0xef)
		return 2;
	return c >= 0xf0 && c <= 0xf4 ? 3 : 0;
}

/* Bytes of the character at the front of s; *good_r says whether it is one, or
 * the longest beginning of one, at least a byte. */
static size_t
utf8_char(struct str s, bool *good_r)
{
	const unsigned char *p = (const unsigned char *)s.p;
	unsigned char low, high;
	size_t follow, i;

	*good_r = p[0] < 0x80;
	if (*good_r)
		return 1;
	follow = utf8_first(p[0], &low, &high);
	if (follow == 0)
		return 1;
	for (i = 1; i <= follow; i++) {
		if (i == s.n || p[i] < low || p[i] > high)
			return i;
		low = 0x80;
		high = 0xbf;
	}
	*good_r = true;
	return i;
}

void
mime_utf8_clean(struct str in, struct buf *out)
{
	size_t from = 0, i = 0;

	while (i < in.n) {
		bool good;
		size_t n = utf8_char(str_sub(in, i, in.n), &good);

		if (!good) {
			buf_str_add(out, str_sub(in, from, i - from));
			buf_c(out, CHARSET_BAD);
			from = i + n;
		}
		i += n;
	}
	buf_str_add(out, str_sub(in, from, in.n));
}

struct mime_charset *
mime_charset_new(struct str name)
{
	const struct charset_known *known = charset_find(name);
	struct mime_charset *c;

	if (known == NULL)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->utf8 = known->iconv == NULL;
	if (c->utf8)
		return c;
	c->cd = iconv_open("UTF-8", known->iconv);
	if (c->cd == (iconv_t)-1) {
		/* The C library comes without this converter. */
		free(c);
		return NULL;
	}
	return c;
}

void
mime_charset_free(struct mime_charset **c)
{
	if (*c == NULL)
		return;
	if (!(*c)->utf8)
		iconv_close((*c)->cd);
	free(*c);
	*c = NULL;
}

/* Does s end within a character? */
static bool
utf8_is_cut(struct str s)
{
	unsigned char low, high;
	bool good;

	return s.n > 0 && utf8_char(s, &good) == s.n && !good &&
	       utf8_first((unsigned char)s.p[0], &low, &high) >= s.n;
}

/* Bytes at the end of s that are the beginning of a character. */
static size_t
utf8_tail(struct str s)
{
	for (size_t n = 1; n <= 3 && n <= s.n; n++) {
		if (utf8_is_cut(str_sub(s, s.n - n, n)))
			return n;
	}
	return 0;
}

/* Convert what is whole of in; returns the bytes used. */
static size_t
charset_iconv(struct mime_charset *c, struct str in, struct buf *out)
{
	char chunk[CHARSET_OUT_BYTES];
	char *ip = (char *)(uintptr_t)in.p;
	size_t left = in.n;

	while (left > 0) {
		char *op = chunk;
		size_t room = sizeof(chunk);
		size_t rc = iconv(c->cd, &ip, &left, &op, &room);
		int why = errno;

		/* Some converters let through what is no character. */
		mime_utf8_clean(str_of(chunk, sizeof(chunk) - room), out);
		if (rc != (size_t)-1 || why == E2BIG)
			continue;
		if (why == EINVAL)
			break;
		buf_c(out, CHARSET_BAD);
		ip++;
		left--;
	}
	return in.n - left;
}

static size_t
charset_whole(struct mime_charset *c, struct str in, struct buf *out)
{
	if (!c->utf8)
		return charset_iconv(c, in, out);
	in.n -= utf8_tail(in);
	mime_utf8_clean(in, out);
	return in.n;
}

void
mime_charset_feed(struct mime_charset *c, struct str in, struct buf *out)
{
	size_t used;

	/* A character that was cut is completed byte by byte. */
	while (c->held > 0 && in.n > 0) {
		if (c->held == sizeof(c->hold)) {
			buf_c(out, CHARSET_BAD);
			c->held = 0;
			break;
		}
		c->hold[c->held++] = in.p[0];
		in = str_sub(in, 1, in.n);
		used = charset_whole(c, str_of(c->hold, c->held), out);
		c->held -= used;
		memmove(c->hold, c->hold + used, c->held);
	}
	if (in.n == 0)
		return;
	used = charset_whole(c, in, out);
	in = str_sub(in, used, in.n);
	if (in.n > sizeof(c->hold)) {
		buf_c(out, CHARSET_BAD);
		return;
	}
	memcpy(c->hold, in.p, in.n);
	c->held = in.n;
}

void
mime_charset_finish(struct mime_charset *c, struct buf *out)
{
	char chunk[CHARSET_OUT_BYTES];
	char *op = chunk;
	size_t room = sizeof(chunk);

	if (c->held > 0)
		buf_c(out, CHARSET_BAD);
	c->held = 0;
	if (c->utf8)
		return;
	iconv(c->cd, NULL, NULL, &op, &room);
	mime_utf8_clean(str_of(chunk, sizeof(chunk) - room), out);
}

bool
mime_charset_to_utf8(struct str charset, struct str in, struct buf *out)
{
	struct mime_charset *c = mime_charset_new(charset);

	if (c == NULL)
		return false;
	mime_charset_feed(c, in, out);
	mime_charset_finish(c, out);
	mime_charset_free(&c);
	return true;
}
