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

int
mime_codec_base64(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

void
mime_codec_init(struct mime_codec *c, enum mime_encoding encoding)
{
	*c = (struct mime_codec){ .encoding = encoding };
}

/*
 * Four characters are three bytes.  After padding nothing counts: mailing lists
 * put text there.
 */
static void
codec_base64(struct mime_codec *c, struct str in, struct buf *out)
{
	char chunk[CODEC_CHUNK_BYTES];
	size_t n = 0;

	for (size_t i = 0; i < in.n && !c->ended; i++) {
		int v = mime_codec_base64(in.p[i]);

		if (in.p[i] == '=') {
			c->ended = c->count > 1;
			c->damaged |= !c->ended;
		} else if (v < 0) {
			c->damaged |= (unsigned char)in.p[i] > ' ';
		} else {
			c->bits = c->bits << 6 | (unsigned)v;
			if (c->count++ > 0)
				chunk[n++] =
				    (char)(c->bits >> (6 - 2 * (c->count - 1)));
			c->count %= 4;
		}
		if (n == sizeof(chunk)) {
			buf_add(out, chunk, n);
			n = 0;
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

	if (ch == '\n') {
		/* Blanks at the end of a line are not content. */
		c->held = 0;
		if (!soft)
			buf_c(out, last == '\r' ? "\r\n" : "\n");
		return true;
	}
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
	if (last != '\r' && (codec_is_blank(ch) || ch == '\r') &&
	    c->held < sizeof(c->hold)) {
		c->hold[c->held++] = ch;
		return true;
	}
	codec_flush(c, out);
	return false;
}

static void
codec_qp(struct mime_codec *c, struct str in, struct buf *out)
{
	size_t i = 0, from;

	while (i < in.n) {
		if (c->held > 0 && codec_qp_held(c, in.p[i], out)) {
			i++;
			continue;
		}
		from = i;
		while (i < in.n && in.p[i] != '=' && !codec_is_blank(in.p[i]))
			i++;
		buf_add(out, in.p + from, i - from);
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
