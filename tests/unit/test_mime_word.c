/* test_mime_word.c - encoded words, charsets */
#include "mime_rig.h"
#include "base/utf8.h"
#include "mime/charset.h"
#include "mime/word.h"

#define BAD "\xef\xbf\xbd"

static const struct {
	const char *in, *out;
} word_tests[] = {
	{ "", "" },
	{ "plain", "plain" },
	/* RFC 2047, 8 */
	{ "(=?ISO-8859-1?Q?a?=)", "(a)" },
	{ "(=?ISO-8859-1?Q?a?= b)", "(a b)" },
	{ "(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)" },
	{ "(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)" },
	{ "(=?ISO-8859-1?Q?a?=\r\n =?ISO-8859-1?Q?b?=)", "(ab)" },
	{ "(=?ISO-8859-1?Q?a_b?=)", "(a b)" },
	{ "(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)" },
	{ "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= "
	  "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
	    "If you can read this you understand the example." },
	{ "=?utf-8?q?J=C3=B6rg?= Doe", "J\xc3\xb6rg Doe" },
	{ "=?UTF-8?B?4oKs?=", "\xe2\x82\xac" },
	{ "a =?utf-8?q?b?= c", "a b c" },
	/* RFC 2231, 5: language */
	{ "=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore" },
	/* a character cut between words */
	{ "=?utf-8?B?4oI=?= =?utf-8?B?rA==?=", "\xe2\x82\xac" },
	{ "=?utf-8?Q?=E2=82?= =?UTF-8?Q?=AC?=", "\xe2\x82\xac" },
	{ "=?utf-8?Q?=E2=82?= =?iso-8859-1?Q?=AC?=", BAD "\xc2\xac" },
	{ "=?utf-8?Q?=E2=82?=", BAD },
	{ "=?utf-16?B?//5hAA==?= =?utf-16?B?//5iAA==?=", "ab" },
	/* blanks in the text, none around the word */
	{ "=?utf-8?Q?a b?=", "a b" },
	{ "x=?utf-8?Q?a?=y", "xay" },
	{ "=?utf-8?Q?"
	  "?=",
	    "" },
	/* charsets */
	{ "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac" },
	{ "=?koi8-r?B?0NLJ18XU?=",
	    "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82" },
	{ "=?gb2312?B?1tDOxA==?=", "\xe4\xb8\xad\xe6\x96\x87" },
	{ "=?iso-8859-1?Q?=80?=", "\xe2\x82\xac" },
	/* unknown: as it stands */
	{ "=?x-unknown?Q?a=20?= b", "=?x-unknown?Q?a=20?= b" },
	{ "=?x-unknown?Q?a?= =?x-unknown?Q?b?=",
	    "=?x-unknown?Q?a?= =?x-unknown?Q?b?=" },
	{ "=?utf-8//TRANSLIT?Q?a?=", "=?utf-8//TRANSLIT?Q?a?=" },
	{ "=?"
	  "?Q?a?=",
	    "=?"
	    "?Q?a?=" },
	/* no encoded word */
	{ "=?utf-8?X?a?=", "=?utf-8?X?a?=" },
	{ "=?utf-8?Q?a", "=?utf-8?Q?a" },
	{ "=?utf-8?Q?a?", "=?utf-8?Q?a?" },
	{ "=?utf-8?Q", "=?utf-8?Q" },
	{ "=?utf-8?", "=?utf-8?" },
	{ "=?utf-8", "=?utf-8" },
	{ "=?", "=?" },
	{ "=?=?utf-8?Q?a?=", "=?a" },
	{ "=?utf-8?Q?a=?=", "a=" },
	{ "=?utf-8?Q?a=4?=", "a=4" },
	{ "=?utf-8?Q?a=zz?=", "a=zz" },
	{ "=?utf-8?B?YQ?=", "a" },
	{ "=?utf-8?B?!!YQ==?=", "a" },
	/* nothing forges a line */
	{ "=?utf-8?Q?a=0D=0Ab=00?=", "a  b " },
	/* 8-bit */
	{ "J\xc3\xb6rg", "J\xc3\xb6rg" },
	{ "J\xf6rg", "J" BAD "rg" },
	{ "\xe2\x82", BAD },
	{ "\xf0\x9f\x98", BAD },
	{ "\xed\xa0\x80", BAD BAD BAD },
};

static void
test_decode(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < countof(word_tests); i++) {
		struct str in = rig_exact(str_c(word_tests[i].in));
		struct str out = mime_word_text(arena, in);

		rig_same(i, out, str_c(word_tests[i].out));
		assert_true(utf8_is_valid(out));
		rig_free(in);
	}
}

/* What begins like a word again and again takes no more than linear time: these
 * would run for hours otherwise. */
static void
test_linear(void **state)
{
	static const char *const pieces[] = { "=?", "=?a?q?", "=?a?",
		"=?utf-8?q?a?= ", "=?utf-8?q?a?=\t=?x?q?b?= ", "=?a?q?a?" };
	struct buf in;
	size_t i;

	(void)state;
	for (i = 0; i < countof(pieces); i++) {
		struct arena_mark m = arena_mark(arena);

		buf_init(&in, arena, 2 << 20);
		while (buf_ok(&in))
			buf_c(&in, pieces[i]);
		mime_word_text(arena, buf_str(&in));
		arena_rewind(arena, m);
	}
}

static const struct {
	const char *charset;
	struct str in;
	const char *out;
} charset_tests[] = {
	{ "utf-8", { "a\xc3\xb6\xff", 4 }, "a\xc3\xb6" BAD },
	{ "US-ASCII", { "a\xc3\xb6", 3 }, "a\xc3\xb6" },
	{ "utf-16",
	    { "\xff\xfe"
	      "a\0",
		4 },
	    "a" },
	{ "utf-16le", { "a\0\x3d\xd8\x00\xde", 6 }, "a\xf0\x9f\x98\x80" },
	{ "utf-16be", { "\0a\xd8", 3 }, "a" BAD },
	{ "utf-7", { "Hi +AKM- +2D3eAA-!", 18 },
	    "Hi \xc2\xa3 \xf0\x9f\x98\x80!" },
	{ "shift_jis", { "\x93\xfa\x96", 3 }, "\xe6\x97\xa5" BAD },
	{ "iso-2022-jp", { "\x1b$BF|K\\\x1b(Ba", 11 },
	    "\xe6\x97\xa5\xe6\x9c\xac"
	    "a" },
	{ "big5", { "\xa4\xa4", 2 }, "\xe4\xb8\xad" },
	{ "euc-kr", { "\xb0\xa1", 2 }, "\xea\xb0\x80" },
	{ "gb18030", { "\x81\x30\x81\x30", 4 }, "\xc2\x80" },
	{ "windows-1252", { "\x81", 1 }, BAD },
};

/* Whole, and cut at every place. */
static void
test_charset(void **state)
{
	struct mime_charset *c;
	struct buf out;
	size_t i, at;

	(void)state;
	for (i = 0; i < countof(charset_tests); i++) {
		struct str in = charset_tests[i].in;

		for (at = 0; at <= in.n; at++) {
			buf_init(&out, arena, 1024);
			c = mime_charset_new(str_c(charset_tests[i].charset));
			assert_non_null(c);
			mime_charset_feed(c, str_sub(in, 0, at), &out);
			mime_charset_feed(c, str_sub(in, at, in.n), &out);
			mime_charset_finish(c, &out);
			mime_charset_free(&c);
			rig_same(i * 100 + at, buf_str(&out),
			    str_c(charset_tests[i].out));
		}
	}
}

/* Every charset of the table exists in the C library, and takes any bytes. */
static void
test_charset_all(void **state)
{
	static const char *const names[] = { "utf-8", "iso-8859-1",
		"iso-8859-2", "iso-8859-3", "iso-8859-4", "iso-8859-5",
		"iso-8859-6", "iso-8859-7", "iso-8859-8", "iso-8859-9",
		"iso-8859-10", "iso-8859-11", "iso-8859-13", "iso-8859-14",
		"iso-8859-15", "iso-8859-16", "windows-1250", "windows-1251",
		"windows-1252", "windows-1253", "windows-1254", "windows-1255",
		"windows-1256", "windows-1257", "windows-1258", "windows-874",
		"cp437", "cp850", "cp852", "cp866", "koi8-r", "koi8-u",
		"macintosh", "x-mac-cyrillic", "gb2312", "big5", "iso-2022-jp",
		"iso-2022-jp-1", "euc-jp", "shift_jis", "euc-kr", "iso-2022-kr",
		"viscii", "utf-7", "utf-16", "utf-16le", "utf-16be", "utf-32" };
	char bytes[1024];
	struct buf out;
	size_t i, n;

	(void)state;
	for (n = 0; n < sizeof(bytes); n++)
		bytes[n] = (char)(n * 7 + n / 256);
	for (i = 0; i < countof(names); i++) {
		buf_init(&out, arena, 1 << 16);
		if (!mime_charset_to_utf8(str_c(names[i]),
			str_of(bytes, sizeof(bytes)), &out))
			fail_msg("%s", names[i]);
		assert_true(buf_ok(&out));
		if (!utf8_is_valid(buf_str(&out)))
			fail_msg("%s: no UTF-8", names[i]);
	}
	assert_false(mime_charset_is_known(STR("")));
	assert_false(mime_charset_is_known(STR("wchar_t")));
	assert_false(mime_charset_is_known(STR("ISO-2022-CN-EXT")));
	assert_true(mime_charset_is_known(STR("UTF-8")));
	assert_false(mime_charset_to_utf8(STR("x"), STR("a"), &out));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_charset),
		cmocka_unit_test(test_charset_all),
	};

	return RIG_RUN(tests);
}
