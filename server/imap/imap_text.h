/* imap_text.h - finding words in text, whatever its case, encoding or length */
#ifndef SERVER_IMAP_IMAP_TEXT_H
#define SERVER_IMAP_IMAP_TEXT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "mime/charset.h"
#include "mime/codec.h"

/*
 * Text and words are compared with their case folded and in NFC (unicode.h).
 * Text comes in pieces of any length and is gone when it was looked at: memory
 * is IMAP_TEXT_BYTES and some, whatever the size of a message.  Several words
 * are looked for at once.
 */
#define IMAP_TEXT_BYTES 16384	  /* folded at a time */
#define IMAP_TEXT_WORD_BYTES 4096 /* of a word, as it came */

/* UTF-8 as it is compared; what cannot be folded stays as it is. */
struct str imap_text_fold(struct arena *a, struct str utf8);

struct imap_word_wanted {
	struct str folded;
	bool want;  /* in this text: the caller's */
	bool found; /* stays */
};

struct imap_finder;
/* words must stay; longest of them: IMAP_TEXT_WORD_BYTES folded. */
struct imap_finder *imap_finder_new(struct arena *a,
    struct imap_word_wanted *words, unsigned n);
/* A new text: what is found across its pieces counts, across texts not. */
void imap_finder_begin(struct imap_finder *f);
/* Valid UTF-8, cut between characters. */
void imap_finder_feed(struct imap_finder *f, struct str utf8);
void imap_finder_end(struct imap_finder *f);
/* Nothing wanted is missing: the rest need not be looked at. */
bool imap_finder_is_done(const struct imap_finder *f);

/*
 * The content of a part: transfer encoding and charset undone, then looked
 * through.  An unknown charset is read as UTF-8.
 */
struct imap_decoder {
	struct imap_finder *finder;
	struct mime_codec codec;
	struct mime_charset *charset;
	struct buf raw, text; /* heap */
};
void imap_decoder_begin(struct imap_decoder *d, struct imap_finder *f,
    enum mime_encoding encoding, struct str charset);
void imap_decoder_feed(struct imap_decoder *d, struct str piece);
/* Also gives everything back. */
void imap_decoder_end(struct imap_decoder *d);

#endif
