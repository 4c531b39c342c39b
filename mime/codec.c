/* codec.c - content transfer encodings, decoded piece by piece */
#include "mime/codec.h"

#include "base/attr.h"

/* Output is gathered in pieces of this size. */
#define CODEC_CHUNK_BYTES 1024

static const struct {
	const char *name;
	enum mime_encoding encoding;
} codec_names[] = {
	{ "7bit", MIME_IDENTITY },
	{ "8bit", MIME_IDENTITY },
	{ "binary", MIME_IDENTITY },
	{ "quoted-printable", MIME_QUOTED_PRINTABLE },
	{ "base64", MIME_BASE64 },
};

enum mime_encoding
mime_encoding_of(struct str name)
{
	if (name.p == NULL)
		return MIME_IDENTITY;
	for (size_t i = 0; i < countof(codec_names); i++) {
		if (str_case_eq_c(name, codec_names[i].name))
			return codec_names[i].encoding;
	}
	return MIME_ENCODING_UNKNOWN;
}

int
mime_codec_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Value plus one of the characters from CODEC_FIRST on; 0: no base64. */
#define CODEC_FIRST 32
static const unsigned char codec_digits[256] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 63, 0, 0, 0, 64, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 0, 0, 0, 0,
	0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
	19, 20, 21, 22, 23, 24, 25, 26, 0, 0, 0, 0, 0, 0, 27, 28, 29, 30, 31,
	32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49,
	50, 51, 52, 0, 0, 0, 0, 0 };

static int
codec_digit(char c)
{
	return (int)codec_digits[(unsigned char)(c - CODEC_FIRST)] - 1;
}

void
mime_codec_init(struct mime_codec *c, enum mime_encoding encoding)
{
	*c = (struct mime_codec){ .encoding = encoding };
}

/* Four digits in a row at the start of a quad: nearly all there is. */
static bool
codec_quad(const struct mime_codec *c, const char *p, char *out)
{
	int v0 = codec_digit(p[0]), v1 = codec_digit(p[1]),
	    v2 = codec_digit(p[2]), v3 = codec_digit(p[3]);

	if (c->count != 0 || (v0 | v1 | v2 | v3) < 0)
		return false;
	out[0] = (char)(v0 << 2 | v1 >> 4);
	out[1] = (char)(v1 << 4 | v2 >> 2);
	out[2] = (char)(v2 << 6 | v3);
	return true;
}

/* One character; true if it made a byte. */
static bool
codec_base64_char(struct mime_codec *c, char ch, char *out)
{
	int v = codec_digit(ch);

	if (ch == '=') {
		c->ended = c->count > 1;
		c->damaged |= !c->ended;
		return false;
	}
	if (v < 0) {
		c->damaged |= (unsigned char)ch > ' ';
		return false;
	}
	c->bits = c->bits << 6 | (unsigned)v;
	if (c->count++ == 0)
		return false;
	*out = (char)(c->bits >> (8 - 2 * c->count));
	c->count %= 4;
	return true;
}

/*
 * Four characters are three bytes.  After padding nothing counts: mailing lists
 * put text there.
 */
static void
codec_base64(struct mime_codec *c, struct str in, struct buf *out)
{
	char chunk[CODEC_CHUNK_BYTES];
	size_t n = 0, i = 0;

	while (i < in.n && !c->ended) {
		if (n + 3 > sizeof(chunk)) {
			buf_add(out, chunk, n);
			n = 0;
		}
		if (in.n - i >= 4 && codec_quad(c, in.p + i, chunk + n)) {
			n += 3;
			i += 4;
		} else {
			n += codec_base64_char(c, in.p[i++], chunk + n);
		}
	}
	buf_add(out, chunk, n);
}

/* What was held back turned out to be text. */
static void
codec_flush(struct mime_codec *c, struct buf *out)
{
	c->damaged |= c->held > 0 && c->hold[0] == '=';
	buf_add(out, c->hold, c->held);
	c->held = 0;
}

static bool
codec_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * One character after held ones, which are "=", "=" hex, "=" blanks, blanks,
 * the latter two perhaps with CR.  False: the held ones are dealt with, the
 * character is still to be.
 */
static bool
codec_qp_held(struct mime_codec *c, char ch, struct buf *out)
{
	bool soft = c->hold[0] == '=';
	char last = c->hold[c->held - 1];

	if (soft && c->held == 1 && mime_codec_hex(ch) >= 0) {
		c->hold[c->held++] = ch;
		return true;
	}
	if (soft && c->held == 2 && mime_codec_hex(last) >= 0) {
		if (mime_codec_hex(ch) < 0) {
			codec_flush(c, out);
			return false;
		}
		buf_char(out,
		    (char)(mime_codec_hex(last) << 4 | mime_codec_hex(ch)));
		c->held = 0;
		return true;
	}
	if (ch == '\n') {
		/* Blanks at the end of a line are not content. */
		c->held = 0;
		if (!soft)
			buf_c(out, last == '\r' ? "\r\n" : "\n");
		return true;
	}
	if (last != '\r' && (codec_is_blank(ch) || ch == '\r') &&
	    c->held < sizeof(c->hold)) {
		c->hold[c->held++] = ch;
		return true;
	}
	codec_flush(c, out);
	return false;
}

/* How many bytes from here on are text as it stands: no "=", no blank but in
 * front of more text. */
static size_t
codec_plain(struct str in, size_t from)
{
	size_t i = from;

	for (; i < in.n; i++) {
		char c = in.p[i];

		if (c == '=' ||
		    (codec_is_blank(c) &&
			(i + 1 == in.n || (unsigned char)in.p[i + 1] <= '=')))
			break;
	}
	return i - from;
}

static void
codec_qp(struct mime_codec *c, struct str in, struct buf *out)
{
	size_t i = 0, n;

	while (i < in.n) {
		if (c->held > 0 && codec_qp_held(c, in.p[i], out)) {
			i++;
			continue;
		}
		n = codec_plain(in, i);
		buf_add(out, in.p + i, n);
		i += n;
		if (i < in.n)
			c->hold[c->held++] = in.p[i++];
	}
}

void
mime_codec_feed(struct mime_codec *c, struct str in, struct buf *out)
{
	switch (c->encoding) {
	case MIME_BASE64:
		codec_base64(c, in, out);
		break;
	case MIME_QUOTED_PRINTABLE:
		codec_qp(c, in, out);
		break;
	default:
		buf_str_add(out, in);
	}
}

void
mime_codec_finish(struct mime_codec *c, struct buf *out)
{
	if (c->encoding == MIME_BASE64)
		c->damaged |= !c->ended && c->count != 0;
	if (c->held > 0 && c->held < 3 && c->hold[0] == '=' &&
	    (c->held == 1 || mime_codec_hex(c->hold[1]) < 0))
		c->held = 0; /* a soft line break whose line end is missing */
	else if (c->held > 0 && c->hold[0] == '=')
		codec_flush(c, out);
	c->held = 0; /* blanks at the end of the last line */
}
