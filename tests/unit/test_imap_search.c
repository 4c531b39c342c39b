/* test_imap_search.c - SEARCH: its keys, and which messages match them */
#include "tests/unit/test.h"

#include "base/arena.h"
#include "mime/header.h"
#include "mime/parser.h"
#include "server/imap/imap_search.h"

static struct arena *arena;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new(0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

#define N "\r\n"

/* --- text --- */

static void
test_text(void **state)
{
	static const struct {
		enum mime_encoding encoding;
		const char *charset;
		struct str text;
		const char *word; /* folded */
		bool want;
	} rows[] = {
		{ MIME_IDENTITY, "utf-8", STR("Hello World"), "lo wo", true },
		{ MIME_IDENTITY, "utf-8", STR("Hello World"), "low", false },
		{ MIME_IDENTITY, "utf-8", STR(""), "a", false },
		{ MIME_IDENTITY, "utf-8", STR(""), "", true },
		{ MIME_IDENTITY, "utf-8", STR("STRASSE"), "strasse", true },
		{ MIME_IDENTITY, "utf-8",
		    STR("Stra\xc3\x9f"
			"e"),
		    "strasse", true },
		{ MIME_IDENTITY, "utf-8", STR("\xc3\x84pfel"), "\xc3\xa4pf",
		    true },
		/* A and a combining diaeresis */
		{ MIME_IDENTITY, "utf-8", STR("A\xcc\x88pfel"), "\xc3\xa4pf",
		    true },
		{ MIME_IDENTITY, "iso-8859-1", STR("\xc4pfel"), "\xc3\xa4pf",
		    true },
		{ MIME_IDENTITY, "koi8-r", STR("\xf0\xd2\xc9"),
		    "\xd0\xbf\xd1\x80\xd0\xb8", true },
		{ MIME_IDENTITY, "x-unheard", STR("Plain"), "plain", true },
		{ MIME_QUOTED_PRINTABLE, "utf-8", STR("=C3=84p=" N "fel"),
		    "\xc3\xa4pfel", true },
		{ MIME_QUOTED_PRINTABLE, "iso-8859-1", STR("a=C4b"),
		    "a\xc3\xa4"
		    "b",
		    true },
		{ MIME_BASE64, "utf-8", STR("SGVsbG8g" N "V29ybGQ="), "o world",
		    true },
		{ MIME_BASE64, "utf-8", STR("SGVsbG8gV29ybGQ="), "sgvs",
		    false },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++)
		/* in pieces of 1, 2, 3 bytes and whole */
		for (size_t by = 1; by < 5; by++) {
			struct imap_word_wanted w = { .folded =
							  str_c(rows[i].word),
				.want = true };
			struct imap_finder *f = imap_finder_new(arena, &w, 1);
			struct str rest = rows[i].text;
			struct imap_decoder d;

			imap_decoder_begin(&d, f, rows[i].encoding,
			    str_c(rows[i].charset));
			while (rest.n > 0) {
				struct str now =
				    str_sub(rest, 0, by < 4 ? by : rest.n);

				imap_decoder_feed(&d, now);
				rest = str_sub(rest, now.n, rest.n);
			}
			imap_decoder_end(&d);
			test_row(i, w.found == rows[i].want);
		}
}

/* A word at every place around where text is cut for folding; composed
 * characters, too. */
static void
test_text_cuts(void **state)
{
	static const char *const fillers[] = { "x", "\xe4\xb8\xad", "\n" };
	struct arena_mark mark;

	(void)state;
	for (unsigned k = 0; k < countof(fillers); k++)
		for (size_t at = IMAP_TEXT_BYTES - 300;
		     at < IMAP_TEXT_BYTES + 10; at++) {
			struct imap_word_wanted w[2] = {
				{ .folded = STR("n\xc3\xa4"
						"del"),
				    .want = true },
				{ .folded = STR("nadel"), .want = true },
			};
			struct imap_finder *f;
			struct buf b;

			mark = arena_mark(arena);
			f = imap_finder_new(arena, w, 2);
			buf_init(&b, arena, 1 << 20);
			while (b.n < at)
				buf_c(&b, fillers[k]);
			buf_c(&b, "NA\xcc\x88"
				  "DEL");
			while (b.n < 2 * at)
				buf_c(&b, fillers[k]);
			imap_finder_begin(f);
			imap_finder_feed(f, buf_str(&b));
			imap_finder_end(f);
			test_row(at, w[0].found && !w[1].found);
			arena_rewind(arena, mark);
		}
}

/* --- keys --- */

static void
test_parse(void **state)
{
	static const struct {
		const char *in;
		bool want;
	} rows[] = {
		{ "ALL", true },
		{ "all unseen", true },
		{ "(ALL)", true },
		{ "1:3,5 UID 7:*", true },
		{ "*", true },
		{ "OR SEEN (FLAGGED NOT DELETED)", true },
		{ "NOT NOT NOT SEEN", true },
		{ "HEADER Message-ID \"<a@b>\"", true },
		{ "HEADER X \"\"", true },
		{ "SINCE 1-Feb-2020 SENTBEFORE \"31-Dec-2021\"", true },
		{ "LARGER 0 SMALLER 4294967295", true },
		{ "KEYWORD $Label1 UNKEYWORD Junk", true },
		{ "CHARSET utf-8 SUBJECT {2}\r\n\xc3\xa4", true },
		{ "charset ISO-8859-1 SUBJECT {1+}\r\n\xe4 OLD", true },
		{ "MODSEQ 7", true },
		{ "MODSEQ \"/flags/\\\\draft\" all 0", true },
		{ "NEW RECENT OLD", true },
		{ "", false },
		{ "ALL ", false },
		{ "()", false },
		{ "(ALL", false },
		{ "ALL)", false },
		{ "NOT", false },
		{ "OR SEEN", false },
		{ "0", false },
		{ "UID 0", false },
		{ "UID 4294967296", false },
		{ "SUBJECT", false },
		{ "HEADER X", false },
		{ "SINCE 32-Jan-2020", false },
		{ "SINCE yesterday", false },
		{ "LARGER 4294967296", false },
		{ "LARGER -1", false },
		{ "RETURN (ALL) ALL", false },
		{ "KEYWORD", false },
		{ "KEYWORD \\Seen", false },
		{ "MODSEQ \"/flags/x\" 7", false },
		{ "MODSEQ x", false },
		{ "CHARSET utf-8", false },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct imap_search s;
		struct imap_in in;

		imap_in_init(&in, arena, str_c(rows[i].in));
		test_row(i, imap_search_parse(&in, &s) == rows[i].want);
		test_row(i, (in.bad == NULL) == rows[i].want);
		test_row(i, !s.bad_charset);
	}
}

static void
test_parse_charset(void **state)
{
	struct imap_search s;
	struct imap_in in;

	(void)state;
	imap_in_init(&in, arena, STR("CHARSET x-none SUBJECT a"));
	assert_false(imap_search_parse(&in, &s));
	assert_true(s.bad_charset);
}

static bool
parses(const char *before, const char *again, unsigned n, const char *after)
{
	struct imap_search s;
	struct imap_in in;
	struct buf b;

	buf_init(&b, arena, 1 << 20);
	buf_c(&b, before);
	for (unsigned i = 0; i < n; i++)
		buf_c(&b, again);
	buf_c(&b, after);
	imap_in_init(&in, arena, buf_str(&b));
	return imap_search_parse(&in, &s);
}

/* B39 */
static void
test_parse_limits(void **state)
{
	(void)state;
	assert_true(parses("", "NOT ", IMAP_DEPTH - 1, "ALL"));
	assert_false(parses("", "NOT ", IMAP_DEPTH, "ALL"));
	assert_false(parses("", "NOT ", 10000, "ALL"));
	assert_false(parses("", "(", 10000, "ALL"));
	assert_true(parses("", "OR SEEN ", IMAP_DEPTH - 1, "ALL"));
	assert_false(parses("", "OR SEEN ", 10000, "ALL"));
	assert_true(parses("ALL", " SEEN", IMAP_SEARCH_KEYS - 2, ""));
	assert_false(parses("ALL", " SEEN", IMAP_SEARCH_KEYS, ""));
	assert_true(parses("ALL", " TEXT a", IMAP_SEARCH_TEXTS, ""));
	assert_false(parses("ALL", " TEXT a", IMAP_SEARCH_TEXTS + 1, ""));
	assert_true(parses("TEXT ", "a", IMAP_TEXT_WORD_BYTES, ""));
	assert_false(parses("TEXT ", "a", IMAP_TEXT_WORD_BYTES + 1, ""));
}

/* --- matching --- */

#define MESSAGE                                                                \
	"Date: Fri, 20 Nov 2020 23:30:00 -0500" N                              \
	"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>" N                    \
	"To: alice@example.org, \"Bob, B\" <bob@example.net>" N                \
	"Subject: A long" N " subject line" N "X-Own: one" N "X-Own: two" N    \
	"Received: from somewhere" N                                           \
	"Content-Type: multipart/mixed; boundary=b" N N "preamble" N "--b" N   \
	"Content-Type: text/plain; charset=iso-8859-1" N                       \
	"Content-Transfer-Encoding: quoted-printable" N N "Sch=F6ne gr=" N     \
	"=FC=DFe" N "--b" N                                                    \
	"Content-Type: application/octet-stream; name=secret.bin" N N          \
	"hidden words" N "--b" N "Content-Type: message/rfc822" N N            \
	"Subject: =?utf-8?b?SW5uZXJlcw==?=" N N "deep text" N "--b--" N

static const struct message row = { .uid = 107,
	.flags = MESSAGE_SEEN | MESSAGE_FLAGGED,
	.modseq = 50,
	.bytes = 1000,
	.date = 1605916800 + 3600 }; /* 21-Nov-2020 01:00 */

static enum imap_tri
look(struct imap_searcher *sr, const struct imap_search_subject *sub,
    struct str message, unsigned *steps_r)
{
	const struct mime_part *root = mime_parse(arena, message, NULL);
	struct mime_packed packed;
	enum imap_tri is;

	*steps_r = 0;
	imap_search_begin(sr);
	is = imap_search_eval(sr->s, sub);
	if (is != IMAP_MAYBE)
		return is;
	*steps_r = 1;
	assert_null(
	    mime_unpack(arena, mime_pack(arena, root, 0), NULL, &packed));
	imap_search_pack(sr, &packed);
	is = imap_search_eval(sr->s, sub);
	if (is != IMAP_MAYBE)
		return is;
	*steps_r = 2;
	imap_search_header(sr, str_sub(message, 0, root->body_start));
	is = imap_search_eval(sr->s, sub);
	if (is != IMAP_MAYBE)
		return is;
	*steps_r = 3;
	assert_true(imap_search_wants_body(sr));
	for (const struct mime_part *p = root; p != NULL;
	     p = mime_part_next(p)) {
		struct imap_decoder d;

		if (p != root)
			imap_search_inner_header(sr,
			    str_sub(message, p->header_start,
				p->body_start - p->header_start));
		if (!imap_search_reads(p))
			continue;
		imap_search_part(sr, &d, p);
		imap_decoder_feed(&d,
		    str_sub(message, p->body_start, mime_part_octets(p)));
		imap_decoder_end(&d);
		imap_search_found(sr);
	}
	imap_search_finish(sr);
	return imap_search_eval(sr->s, sub);
}

static const struct {
	const char *in;
	bool want;
	unsigned steps; /* 0 row, 1 pack, 2 header, 3 body */
} match_rows[] = {
	{ "ALL", true, 0 },
	{ "NOT ALL", false, 0 },
	{ "RECENT", false, 0 },
	{ "NEW", false, 0 },
	{ "OLD", true, 0 },
	{ "SEEN", true, 0 },
	{ "UNSEEN", false, 0 },
	{ "FLAGGED UNDELETED UNANSWERED UNDRAFT", true, 0 },
	{ "ANSWERED", false, 0 },
	{ "KEYWORD x", false, 0 },
	{ "UNKEYWORD x", true, 0 },
	{ "7", true, 0 },
	{ "*", false, 0 },
	{ "*:7", true, 0 },
	{ "8:*", false, 0 },
	{ "20:*", false, 0 },
	{ "1:6,8:10", false, 0 },
	{ "UID 107", true, 0 },
	{ "UID 1:106", false, 0 },
	{ "UID *", false, 0 },
	{ "UID 105:*", true, 0 },
	{ "LARGER 999", true, 0 },
	{ "LARGER 1000", false, 0 },
	{ "SMALLER 1001", true, 0 },
	{ "SMALLER 1000", false, 0 },
	{ "ON 21-Nov-2020", true, 0 },
	{ "ON 20-Nov-2020", false, 0 },
	{ "BEFORE 21-Nov-2020", false, 0 },
	{ "BEFORE 22-Nov-2020", true, 0 },
	{ "SINCE 21-Nov-2020", true, 0 },
	{ "SINCE 22-Nov-2020", false, 0 },
	{ "MODSEQ 50", true, 0 },
	{ "MODSEQ 51", false, 0 },
	/* as its sender saw it: in UTC it is the 21st */
	{ "SENTON 20-Nov-2020", true, 1 },
	{ "SENTON 21-Nov-2020", false, 1 },
	{ "SENTBEFORE 21-Nov-2020", true, 1 },
	{ "SENTSINCE 21-Nov-2020", false, 1 },
	{ "FROM \"J\xc3\x96RG\"", true, 1 },
	{ "FROM \"joerg@example\"", true, 1 },
	{ "FROM utf-8", false, 1 },
	{ "CHARSET iso-8859-1 FROM \"J\xd6RG\"", true, 1 },
	{ "TO \"bob, b\"", true, 1 },
	{ "TO to", false, 1 },
	{ "CC a", false, 1 },
	{ "BCC \"\"", false, 1 },
	{ "SUBJECT \"LONG SUBJECT\"", true, 1 },
	{ "SUBJECT inneres", false, 1 },
	{ "HEADER subject line", true, 1 },
	{ "HEADER Subject \"\"", true, 1 },
	{ "HEADER X-Own two", true, 2 },
	{ "HEADER x-own \"\"", true, 2 },
	{ "HEADER x-own x-own", false, 2 },
	{ "HEADER X-Other \"\"", false, 2 },
	{ "HEADER Received somewhere", true, 2 },
	{ "NOT HEADER X-Own two", false, 2 },
	{ "TEXT \"j\xc3\xb6rg\"", true, 1 },
	{ "TEXT \"subject: a long\"", true, 1 },
	{ "TEXT \"x-own: two\"", true, 2 },
	{ "TEXT \"sch\xc3\xb6ne\"", true, 3 },
	{ "BODY \"Sch\xc3\x96NE\"", true, 3 },
	{ "BODY \"gr\xc3\xbcsse\"", true, 3 },
	{ "BODY joerg", false, 3 },
	{ "BODY \"hidden words\"", false, 3 },
	{ "BODY secret.bin", true, 3 },
	{ "BODY inneres", true, 3 },
	{ "BODY \"deep text\"", true, 3 },
	{ "BODY preamble", false, 3 },
	{ "BODY \"\"", true, 0 },
	{ "TEXT \"\"", true, 0 },
	/* what costs is not looked at where the rest decides */
	{ "BODY deep UNSEEN", false, 0 },
	{ "OR BODY deep SEEN", true, 0 },
	{ "OR BODY nowhere SUBJECT long", true, 1 },
	{ "BODY deep SUBJECT nowhere", false, 1 },
	{ "NOT (BODY deep SUBJECT nowhere)", true, 1 },
	{ "OR HEADER X-Own none BODY deep", true, 3 },
	{ "OR (SEEN BODY nowhere) (FROM nobody)", false, 3 },
	{ "BODY deep BODY nowhere", false, 3 },
	{ "BODY deep TEXT two NOT BODY nowhere", true, 3 },
};

static void
test_match(void **state)
{
	struct imap_search_subject sub = { .m = &row, .seq = 7 };

	(void)state;
	for (size_t i = 0; i < countof(match_rows); i++) {
		struct imap_searcher sr;
		struct imap_search s;
		struct imap_in in;
		unsigned steps;
		enum imap_tri is;

		imap_in_init(&in, arena, str_c(match_rows[i].in));
		test_row(i, imap_search_parse(&in, &s));
		/* no keyword is known: imap_search_keywords() */
		s.root->children->bit = -1;
		imap_searcher_init(&sr, &s, arena, 10, 110);
		is = look(&sr, &sub, STR(MESSAGE), &steps);
		test_row(i, is == (match_rows[i].want ? IMAP_YES : IMAP_NO));
		test_row(i, steps == match_rows[i].steps);
	}
}

/* '*' where there is nothing. */
static void
test_match_empty(void **state)
{
	struct imap_search_subject sub = { .m = &row, .seq = 1 };
	struct imap_searcher sr;
	struct imap_search s;
	struct imap_in in;

	(void)state;
	imap_in_init(&in, arena, STR("OR 1:* UID *"));
	assert_true(imap_search_parse(&in, &s));
	imap_searcher_init(&sr, &s, arena, 0, 0);
	imap_search_begin(&sr);
	assert_int_equal(imap_search_eval(&s, &sub), IMAP_NO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_cuts),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_charset),
		cmocka_unit_test(test_parse_limits),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_match_empty),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
