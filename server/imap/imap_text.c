/* imap_text.c - finding words in text, whatever its case, encoding or length */
#include "server/imap/imap_text.h"

#include <string.h>

#include "base/unicode.h"

/* Folding makes at most three bytes of one. */
#define TEXT_GROWTH 3
/* Decoded at a time: bounds what a charset can blow up. */
#define TEXT_PIECE 4096
/* From here back a place is looked for where text may be cut. */
#define TEXT_CUT_BYTES 256

struct imap_finder {
	struct arena *arena;
	struct imap_word_wanted *words;
	unsigned n;
	size_t longest;
	char *raw; /* not yet folded */
	size_t raw_n;
	char *win; /* folded: the end of what was searched, and what is new */
	size_t win_n, win_size;
};

static bool
imap_text_is_ascii(struct str s)
{
	unsigned char any = 0;

	for (size_t i = 0; i < s.n; i++)
		any |= (unsigned char)s.p[i];
	return any < 0x80;
}

static void
imap_text_lower(char *to, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		to[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20)
						       : s.p[i];
}

struct str
imap_text_fold(struct arena *a, struct str utf8)
{
	struct str folded;
	char *lower;
	struct err *e;

	if (imap_text_is_ascii(utf8)) {
		lower = arena_alloc(a, utf8.n + 1);
		imap_text_lower(lower, utf8);
		return str_of(lower, utf8.n);
	}
	e = unicode_fold_nfc(a, utf8, &folded);
	/* no UTF-8, or too long: then bytes are compared */
	return e == NULL ? folded : utf8;
}

struct imap_finder *
imap_finder_new(struct arena *a, struct imap_word_wanted *words, unsigned n)
{
	struct imap_finder *f = arena_new_obj(a, struct imap_finder);

	f->arena = a;
	f->words = words;
	f->n = n;
	for (unsigned i = 0; i < n; i++)
		if (words[i].folded.n > f->longest)
			f->longest = words[i].folded.n;
	f->raw = arena_alloc(a, IMAP_TEXT_BYTES);
	f->win_size = f->longest + IMAP_TEXT_BYTES * TEXT_GROWTH;
	f->win = arena_alloc(a, f->win_size);
	return f;
}

void
imap_finder_begin(struct imap_finder *f)
{
	f->raw_n = f->win_n = 0;
	for (unsigned i = 0; i < f->n; i++)
		if (f->words[i].want && f->words[i].folded.n == 0)
			f->words[i].found = true;
}

bool
imap_finder_is_done(const struct imap_finder *f)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->words[i].want && !f->words[i].found)
			return false;
	return true;
}

static void
imap_finder_search(struct imap_finder *f)
{
	size_t keep = f->longest > 0 ? f->longest - 1 : 0;

	for (unsigned i = 0; i < f->n; i++) {
		struct imap_word_wanted *w = &f->words[i];

		if (w->want && !w->found)
			w->found = memmem(f->win, f->win_n, w->folded.p,
				       w->folded.n) != NULL;
	}
	if (keep > f->win_n)
		keep = f->win_n;
	memmove(f->win, f->win + f->win_n - keep, keep);
	f->win_n = keep;
}

/* The first n bytes of raw. */
static void
imap_finder_fold(struct imap_finder *f, size_t n)
{
	struct str piece = str_of(f->raw, n), folded;
	struct arena_mark mark = arena_mark(f->arena);

	if (imap_text_is_ascii(piece)) {
		imap_text_lower(f->win + f->win_n, piece);
		f->win_n += n;
	} else {
		folded = imap_text_fold(f->arena, piece);
		if (folded.n > f->win_size - f->win_n)
			folded.n = f->win_size - f->win_n;
		memcpy(f->win + f->win_n, folded.p, folded.n);
		f->win_n += folded.n;
	}
	arena_rewind(f->arena, mark);
	imap_finder_search(f);
	f->raw_n -= n;
	memmove(f->raw, f->raw + n, f->raw_n);
}

/* Before a character that joins with nothing in front of it: what is not ASCII
 * may be a combining mark. */
static size_t
imap_finder_cut(const struct imap_finder *f)
{
	size_t n = f->raw_n;

	for (size_t i = n; i-- > 1 && n - i < TEXT_CUT_BYTES;)
		if ((unsigned char)f->raw[i] < 0x80)
			return i;
	/* none: at least between characters */
	while (n > 1 && ((unsigned char)f->raw[n - 1] & 0xc0) == 0x80)
		n--;
	return n > 1 ? n - 1 : f->raw_n;
}

void
imap_finder_feed(struct imap_finder *f, struct str utf8)
{
	while (utf8.n > 0) {
		size_t n = IMAP_TEXT_BYTES - f->raw_n;

		if (n > utf8.n)
			n = utf8.n;
		memcpy(f->raw + f->raw_n, utf8.p, n);
		f->raw_n += n;
		utf8 = str_sub(utf8, n, utf8.n);
		if (f->raw_n == IMAP_TEXT_BYTES)
			imap_finder_fold(f, imap_finder_cut(f));
	}
}

void
imap_finder_end(struct imap_finder *f)
{
	if (f->raw_n > 0)
		imap_finder_fold(f, f->raw_n);
	f->raw_n = f->win_n = 0;
}

/* --- decoding --- */

void
imap_decoder_begin(struct imap_decoder *d, struct imap_finder *f,
    enum mime_encoding encoding, struct str charset)
{
	d->finder = f;
	mime_codec_init(&d->codec, encoding);
	d->charset = mime_charset_new(charset);
	if (d->charset == NULL)
		d->charset = mime_charset_new(STR("utf-8"));
	buf_init(&d->raw, NULL, TEXT_PIECE + MIME_CODEC_HOLD);
	/* a byte becomes at most a few characters of three bytes */
	buf_init(&d->text, NULL, 16 * (TEXT_PIECE + MIME_CODEC_HOLD));
	imap_finder_begin(f);
}

static void
imap_decoder_pass(struct imap_decoder *d)
{
	mime_charset_feed(d->charset, buf_str(&d->raw), &d->text);
	imap_finder_feed(d->finder, buf_str(&d->text));
	buf_clear(&d->raw);
	buf_clear(&d->text);
}

void
imap_decoder_feed(struct imap_decoder *d, struct str piece)
{
	while (piece.n > 0) {
		struct str now = str_sub(piece, 0, TEXT_PIECE);

		mime_codec_feed(&d->codec, now, &d->raw);
		imap_decoder_pass(d);
		piece = str_sub(piece, now.n, piece.n);
	}
}

void
imap_decoder_end(struct imap_decoder *d)
{
	mime_codec_finish(&d->codec, &d->raw);
	imap_decoder_pass(d);
	mime_charset_finish(d->charset, &d->text);
	imap_finder_feed(d->finder, buf_str(&d->text));
	imap_finder_end(d->finder);
	mime_charset_free(&d->charset);
	buf_free(&d->raw);
	buf_free(&d->text);
}
