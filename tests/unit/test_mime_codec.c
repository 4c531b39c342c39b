/* test_mime_codec.c - base64 and quoted-printable, whole and in pieces */
#include "mime_rig.h"
#include "mime/codec.h"

#define QP MIME_QUOTED_PRINTABLE
#define B64 MIME_BASE64

static const struct {
	enum mime_encoding encoding;
	const char *in, *out;
	bool damaged;
} codec_tests[] = {
	{ MIME_IDENTITY, "a=41\r\n", "a=41\r\n", false },
	{ MIME_ENCODING_UNKNOWN, "a=41\r\n", "a=41\r\n", false },
	{ B64, "", "", false },
	{ B64, "YQ==", "a", false },
	{ B64, "YWI=", "ab", false },
	{ B64, "YWJj", "abc", false },
	{ B64, "YWJj\r\nZGVm\r\n", "abcdef", false },
	{ B64, " Y W\tJ j ", "abc", false },
	{ B64, "Y-W*Jj", "abc", true },
	{ B64, "YWJjZA", "abcd", true },
	{ B64, "YWJjZGU", "abcde", true },
	{ B64, "Y", "", true },
	{ B64, "YQ==\r\n-- \r\nmailing list", "a", false },
	{ B64, "YQ=", "a", false },
	{ B64, "=YQ==", "a", true },
	{ B64, "Y=Q==", "a", true },
	{ B64, "+/+/", "\xfb\xff\xbf", false },
	{ QP, "", "", false },
	{ QP, "plain\r\ntext\n", "plain\r\ntext\n", false },
	{ QP, "a=3D=3d=C3=b6", "a==\xc3\xb6", false },
	/* soft line breaks */
	{ QP, "a=\r\nb=\nc", "abc", false },
	{ QP, "a= \t\r\nb", "ab", false },
	{ QP, "a=", "a", false },
	{ QP, "a= ", "a", false },
	/* blanks at the end of a line were added on the way */
	{ QP, "a \t\r\nb \nc", "a\r\nb\nc", false },
	{ QP, "a b  c", "a b  c", false },
	{ QP, "a =\r\nb", "a b", false },
	{ QP, "a=20\r\nb", "a \r\nb", false },
	{ QP, "a  ", "a", false },
	{ QP, " \r", "", false },
	{ QP, " \rb", " \rb", false },
	/* no quoted-printable */
	{ QP, "a=b", "a=b", true },
	{ QP, "a=zz", "a=zz", true },
	{ QP, "a=4", "a=4", true },
	{ QP, "a=f\nb", "a=f\nb", true },
	{ QP, "a=f\r\nb", "a=f\r\nb", true },
	{ QP, "a=4g=41", "a=4gA", true },
	{ QP, "a==41", "a=A", true },
	{ QP, "a= b", "a= b", true },
	{ QP, "a=\rb", "a=\rb", true },
	{ QP, "=4=41", "=4A", true },
};

static void
test_cut(void **state)
{
	struct mime_codec c;
	struct buf out;
	size_t i, at, to;

	(void)state;
	for (i = 0; i < countof(codec_tests); i++) {
		struct str in = str_c(codec_tests[i].in);

		for (at = 0; at <= in.n; at++) {
			for (to = at; to <= in.n; to++) {
				buf_init(&out, arena, in.n + MIME_CODEC_HOLD);
				mime_codec_init(&c, codec_tests[i].encoding);
				mime_codec_feed(&c, str_sub(in, 0, at), &out);
				mime_codec_feed(&c, str_sub(in, at, to - at),
				    &out);
				mime_codec_feed(&c, str_sub(in, to, in.n),
				    &out);
				mime_codec_finish(&c, &out);
				rig_same(i, buf_str(&out),
				    str_c(codec_tests[i].out));
				if (c.damaged != codec_tests[i].damaged)
					fail_msg("%zu: damaged %d", i,
					    c.damaged);
			}
		}
	}
}

/* More blanks than are held back are content. */
static void
test_blanks(void **state)
{
	struct mime_codec c;
	struct buf in, out;
	int i;

	(void)state;
	buf_init(&in, arena, 4096);
	buf_init(&out, arena, 4096);
	for (i = 0; i < 3 * MIME_CODEC_HOLD; i++)
		buf_char(&in, ' ');
	buf_char(&in, 'x');
	mime_codec_init(&c, QP);
	mime_codec_feed(&c, buf_str(&in), &out);
	mime_codec_finish(&c, &out);
	rig_same(0, buf_str(&out), buf_str(&in));
	assert_false(c.damaged);
}

/* All byte values, longer than a chunk. */
static void
test_base64_long(void **state)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
				     "nopqrstuvwxyz0123456789+/";
	unsigned char bytes[3 * 1024];
	struct mime_codec c;
	struct buf in, out;
	size_t i;

	(void)state;
	buf_init(&in, arena, 1 << 16);
	buf_init(&out, arena, 1 << 16);
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 37 + i / 256);
	for (i = 0; i < sizeof(bytes); i += 3) {
		unsigned v = (unsigned)bytes[i] << 16 |
			     (unsigned)bytes[i + 1] << 8 | bytes[i + 2];

		buf_char(&in, digits[v >> 18]);
		buf_char(&in, digits[v >> 12 & 63]);
		buf_char(&in, digits[v >> 6 & 63]);
		buf_char(&in, digits[v & 63]);
		if (i % 57 == 54)
			buf_c(&in, "\r\n");
	}
	mime_codec_init(&c, B64);
	mime_codec_feed(&c, buf_str(&in), &out);
	mime_codec_finish(&c, &out);
	assert_int_equal(out.n, sizeof(bytes));
	assert_memory_equal(out.p, bytes, sizeof(bytes));
	assert_false(c.damaged);
}

static void
test_names(void **state)
{
	(void)state;
	assert_int_equal(mime_encoding_of(STR_NONE), MIME_IDENTITY);
	assert_int_equal(mime_encoding_of(STR("Base64")), MIME_BASE64);
	assert_int_equal(mime_encoding_of(STR("QUOTED-PRINTABLE")),
	    MIME_QUOTED_PRINTABLE);
	assert_int_equal(mime_encoding_of(STR("x-uuencode")),
	    MIME_ENCODING_UNKNOWN);
	assert_int_equal(mime_encoding_of(STR("")), MIME_ENCODING_UNKNOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_blanks),
		cmocka_unit_test(test_base64_long),
		cmocka_unit_test(test_names),
	};

	return RIG_RUN(tests);
}
