/* word.c - encoded words of RFC 2047, decoded for people to read */
#include "mime/word.h"

#include <string.h>

#include "mime/charset.h"
#include "mime/codec.h"
#include "mime/header.h"
#include "mime/lex.h"

/* Longer is no charset that anybody knows. */
#define WORD_CHARSET_BYTES 64

struct word {
	struct str charset, text;
	enum mime_encoding encoding;
	size_t bytes;
};

/* Words in a row: their decoded bytes, and where they stood. */
struct word_run {
	struct str charset;
	struct buf decoded;
	size_t from, to;
	bool open;
};

/*
 * encoded-word = "=?" charset ["*" language] "?" encoding "?" text "?="
 *
 * s begins with "=?".  Blanks in the text are not allowed, but sent.
 */
static bool
word_parse(struct str s, struct word *w)
{
	struct str rest = str_sub(s, 2, s.n), head;
	ptrdiff_t at = str_chr(str_sub(rest, 0, WORD_CHARSET_BYTES), '?');

	if (at <= 0 || (size_t)at + 3 > rest.n)
		return false;
	head = str_sub(rest, 0, (size_t)at);
	w->charset = head;
	at = str_chr(head, '*');
	if (at >= 0)
		w->charset = str_sub(head, 0, (size_t)at);
	rest = str_sub(rest, head.n + 1, rest.n);
	if (rest.p[0] == 'q' || rest.p[0] == 'Q')
		w->encoding = MIME_QUOTED_PRINTABLE;
	else if (rest.p[0] == 'b' || rest.p[0] == 'B')
		w->encoding = MIME_BASE64;
	else
		return false;
	if (rest.p[1] != '?')
		return false;
	rest = str_sub(rest, 2, rest.n);
	at = str_chr(rest, '?');
	if (at < 0 || (size_t)at + 1 >= rest.n || rest.p[at + 1] != '=')
		return false;
	w->text = str_sub(rest, 0, (size_t)at);
	w->bytes = s.n - rest.n + (size_t)at + 2;
	return true;
}

static void
word_decode_q(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		int high, low;

		if (c == '=' && i + 2 < text.n &&
		    (high = mime_codec_hex(text.p[i + 1])) >= 0 &&
		    (low = mime_codec_hex(text.p[i + 2])) >= 0) {
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '_') {
			c = ' ';
		}
		buf_char(out, c);
	}
}

static void
word_add(struct word_run *run, const struct word *w, size_t from)
{
	struct mime_codec codec;

	if (!run->open) {
		buf_clear(&run->decoded);
		run->charset = w->charset;
		run->from = from;
		run->open = true;
	}
	run->to = from + w->bytes;
	if (w->encoding == MIME_QUOTED_PRINTABLE) {
		word_decode_q(&run->decoded, w->text);
		return;
	}
	mime_codec_init(&codec, MIME_BASE64);
	mime_codec_feed(&codec, w->text, &run->decoded);
	mime_codec_finish(&codec, &run->decoded);
}

static void
word_flush(struct buf *out, struct word_run *run, struct str text)
{
	if (!run->open)
		return;
	run->open = false;
	if (!mime_charset_to_utf8(run->charset, buf_str(&run->decoded), out))
		mime_utf8_clean(str_sub(text, run->from, run->to - run->from),
		    out);
}

/* Words of these begin with a mark of their own, or end in a shift. */
static bool
word_stands_alone(struct str charset)
{
	struct str start = str_sub(charset, 0, 5);

	return str_case_eq(start, STR("utf-1")) ||
	       str_case_eq(start, STR("utf-3")) ||
	       str_case_eq(start, STR("utf-7"));
}

static bool
word_is_blank(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!mime_lex_is_blank(s.p[i]))
			return false;
	}
	return true;
}

/* The next "=?" from here on, or the end. */
static size_t
word_find(struct str text, size_t from)
{
	struct str rest = str_sub(text, from, text.n);
	const char *p = rest.n > 0 ? memmem(rest.p, rest.n, "=?", 2) : NULL;

	return p != NULL ? (size_t)(p - text.p) : text.n;
}

void
mime_word_decode(struct buf *out, struct str text)
{
	struct word_run run = { .open = false };
	size_t plain = 0, at, before = out->n;
	struct word w;

	buf_init(&run.decoded, NULL, text.n + MIME_CODEC_HOLD);
	for (at = word_find(text, 0); at < text.n; at = word_find(text, at)) {
		struct str gap = str_sub(text, plain, at - plain);
		bool next;

		if (!word_parse(str_sub(text, at, text.n), &w)) {
			at++;
			continue;
		}
		next = run.open && word_is_blank(gap);
		if (!next || !str_case_eq(run.charset, w.charset) ||
		    word_stands_alone(w.charset))
			word_flush(out, &run, text);
		if (!next)
			mime_utf8_clean(gap, out);
		word_add(&run, &w, at);
		at = plain = at + w.bytes;
	}
	word_flush(out, &run, text);
	mime_utf8_clean(str_sub(text, plain, text.n), out);
	buf_free(&run.decoded);
	for (size_t i = before; i < out->n; i++) {
		char c = out->p[i];

		if (c == '\0' || c == '\r' || c == '\n')
			out->p[i] = ' ';
	}
}

struct str
mime_word_text(struct arena *a, struct str value)
{
	struct buf out;

	value = mime_header_unfold(a, value);
	buf_init(&out, a, value.n * 4 + 64);
	mime_word_decode(&out, value);
	return buf_str(&out);
}
