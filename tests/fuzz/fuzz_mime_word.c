/* fuzz_mime_word.c - RFC 2047, RFC 2231, charsets, transfer encodings */
#include <stdlib.h>

#include "base/err.h"
#include "base/utf8.h"
#include "mime/charset.h"
#include "mime/codec.h"
#include "mime/header.h"
#include "mime/param.h"
#include "mime/word.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void
check_shown(struct str s)
{
	invariant(utf8_is_valid(s));
	invariant(str_chr(s, '\r') < 0 && str_chr(s, '\n') < 0 &&
		  str_chr(s, '\0') < 0);
}

static void
check_params(struct arena *a, struct str in)
{
	struct str type, subtype, v;
	struct mime_params p;

	if (!mime_type_parse(a, in, 16, &type, &subtype, &p))
		p = mime_params_parse(a, in, 16);
	invariant(p.n <= 16);
	for (unsigned i = 0; i < p.n; i++) {
		invariant(str_chr(p.v[i].value, '\n') < 0);
		if (mime_params_get(a, &p, arena_cstr(a, p.v[i].name), &v))
			check_shown(v);
	}
	if (mime_params_get(a, &p, "a", &v))
		check_shown(v);
}

/* Cut anywhere the result is the same. */
static void
check_codec(struct arena *a, enum mime_encoding encoding, struct str in,
    size_t cut)
{
	struct mime_codec one, two;
	struct buf whole, pieces;

	buf_init(&whole, a, in.n + MIME_CODEC_HOLD);
	buf_init(&pieces, a, in.n + MIME_CODEC_HOLD);
	mime_codec_init(&one, encoding);
	mime_codec_feed(&one, in, &whole);
	mime_codec_finish(&one, &whole);
	mime_codec_init(&two, encoding);
	mime_codec_feed(&two, str_sub(in, 0, cut), &pieces);
	mime_codec_feed(&two, str_sub(in, cut, in.n), &pieces);
	mime_codec_finish(&two, &pieces);
	invariant(buf_ok(&whole) && buf_ok(&pieces));
	invariant(str_eq(buf_str(&whole), buf_str(&pieces)));
	invariant(one.damaged == two.damaged);
}

static void
check_charset(struct arena *a, unsigned which, struct str in, size_t cut)
{
	static const char *const names[] = { "utf-8", "utf-7", "utf-16",
		"iso-2022-jp", "iso-2022-kr", "gb18030", "big5", "euc-jp",
		"shift_jis", "windows-1255", "windows-1258", "utf-32" };
	struct mime_charset *c =
	    mime_charset_new(str_c(names[which % countof(names)]));
	struct buf whole, pieces;

	buf_init(&whole, a, in.n * 4 + 64);
	buf_init(&pieces, a, in.n * 4 + 64);
	invariant(c != NULL);
	mime_charset_feed(c, str_sub(in, 0, cut), &pieces);
	mime_charset_feed(c, str_sub(in, cut, in.n), &pieces);
	mime_charset_finish(c, &pieces);
	mime_charset_free(&c);
	mime_charset_to_utf8(str_c(names[which % countof(names)]), in, &whole);
	invariant(utf8_is_valid(buf_str(&whole)));
	invariant(utf8_is_valid(buf_str(&pieces)));
	invariant(buf_ok(&whole) && buf_ok(&pieces));
	/* iconv's converters do not promise that cuts make no difference in
	 * what is no text. */
	if (which % countof(names) == 0)
		invariant(str_eq(buf_str(&whole), buf_str(&pieces)));
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	size_t cut = n > 0 ? data[0] % n : 0;
	struct str in = str_of(xmemdup(data, n), n);

	check_shown(mime_word_text(a, in));
	check_params(a, in);
	check_codec(a, MIME_BASE64, in, cut);
	check_codec(a, MIME_QUOTED_PRINTABLE, in, cut);
	check_charset(a, n > 1 ? data[1] : 0, in, cut);
	free((void *)(uintptr_t)in.p);
	arena_free(&a);
	return 0;
}
