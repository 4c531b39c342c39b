/* test_imap_structure.c - ENVELOPE, BODYSTRUCTURE and sections of messages */
#include "tests/unit/test.h"

#include "base/arena.h"
#include "mime/parser.h"
#include "server/imap/imap_body.h"
#include "server/imap/imap_envelope.h"
#include "server/imap/imap_fetch_parse.h"
#include "server/imap/imap_structure.h"

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

/* RFC 3501, 8 */
#define RFC_MESSAGE                                                            \
	"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" N                        \
	"From: Terry Gray <gray@cac.washington.edu>" N                         \
	"Subject: IMAP4rev1 WG mtg summary and minutes" N                      \
	"To: imap@cac.washington.edu" N                                        \
	"cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>" N      \
	"Message-Id: <B27397-0100000@cac.washington.edu>" N                    \
	"MIME-Version: 1.0" N "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII" N N \
	"three" N "short" N "lines" N

static void
test_envelope(void **state)
{
	static const struct {
		struct str headers;
		const char *want;
	} rows[] = {
		{ STR(RFC_MESSAGE),
		    "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" "
		    "\"IMAP4rev1 WG mtg summary and minutes\" "
		    "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		    "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		    "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		    "((NIL NIL \"imap\" \"cac.washington.edu\")) "
		    "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")"
		    "(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) "
		    "NIL NIL \"<B27397-0100000@cac.washington.edu>\")" },
		{ STR(""), "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)" },
		{ STR("Subject:" N N),
		    "(NIL \"\" NIL NIL NIL NIL NIL NIL NIL NIL)" },
		{ STR("Subject: a" N " \"b\\\"" N N),
		    "(NIL \"a \\\"b\\\\\\\"\" NIL NIL NIL NIL NIL NIL NIL "
		    "NIL)" },
		{ STR("Subject: f\xc3\xbcr" N N),
		    "(NIL {4}" N "f\xc3\xbcr NIL NIL NIL NIL NIL NIL NIL "
		    "NIL)" },
		/* a group, and a word that is no address */
		{ STR("To: team: a@x, B <b@y>;" N "Cc: nobody" N N),
		    "(NIL NIL NIL NIL NIL ((NIL NIL \"team\" NIL)"
		    "(NIL NIL \"a\" \"x\")(\"B\" NIL \"b\" \"y\")"
		    "(NIL NIL NIL NIL)) ((NIL NIL \"nobody\" \"\")) NIL NIL "
		    "NIL)" },
		{ STR("From: a@x" N "Sender: s@x" N "Reply-To: r@x" N
		      "Bcc: <@h1,@h2:b@x>" N "In-Reply-To: <1@x>" N N),
		    "(NIL NIL ((NIL NIL \"a\" \"x\")) ((NIL NIL \"s\" \"x\")) "
		    "((NIL NIL \"r\" \"x\")) NIL NIL "
		    "((NIL \"@h1,@h2\" \"b\" \"x\")) \"<1@x>\" NIL)" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		unsigned left = 100;
		struct buf b;

		buf_init(&b, arena, 1 << 20);
		imap_envelope_put(&b,
		    mime_envelope_parse(arena, rows[i].headers, &left));
		test_row_str(i, buf_str(&b), str_c(rows[i].want));
	}
}

#define NESTED                                                                 \
	"From: o@x" N "Subject: outer" N                                       \
	"Content-Type: multipart/mixed; boundary=b1" N N "--b1" N              \
	"Content-Type: text/plain" N N "hello" N "--b1" N                      \
	"Content-Type: message/rfc822" N N "From: i@x" N "Subject: inner" N    \
	"Content-Type: multipart/alternative; boundary=b2" N N "--b2" N        \
	"Content-Type: text/plain" N N "one" N "two" N "--b2" N                \
	"Content-Type: text/html" N "Content-ID: <h>" N N "<p>" N "--b2--" N N \
	"--b1" N "Content-Type: message/rfc822" N N "Subject: plain" N N       \
	"text of it" N "--b1" N                                                \
	"Content-Type: application/pdf; name=\"a b.pdf\"" N                    \
	"Content-Transfer-Encoding: BASE64" N                                  \
	"Content-Disposition: attachment; filename=a.pdf" N                    \
	"Content-Language: de, en" N "Content-MD5: 0==" N                      \
	"Content-Location: http://x/" N "Content-Description: a form" N N      \
	"AAAA" N "--b1--" N

static void
test_structure(void **state)
{
	static const struct {
		struct str message;
		const char *body, *structure;
	} rows[] = {
		{ STR(RFC_MESSAGE),
		    "(\"text\" \"plain\" (\"charset\" \"US-ASCII\") NIL NIL "
		    "\"7bit\" 21 3)",
		    "(\"text\" \"plain\" (\"charset\" \"US-ASCII\") NIL NIL "
		    "\"7bit\" 21 3 NIL NIL NIL NIL)" },
		{ STR("Subject: no type" N N "x"),
		    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
		    "\"7bit\" 1 0)",
		    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
		    "\"7bit\" 1 0 NIL NIL NIL NIL)" },
		/* a multipart without a boundary is nothing to look into */
		{ STR("Content-Type: multipart/mixed" N N "x"),
		    "(\"application\" \"octet-stream\" NIL NIL NIL \"7bit\" "
		    "1)",
		    "(\"application\" \"octet-stream\" NIL NIL NIL \"7bit\" 1 "
		    "NIL NIL NIL NIL)" },
		{ STR("Content-Type: message/global" N N "Subject: x" N N "y"),
		    "(\"message\" \"global\" NIL NIL NIL \"7bit\" 15)",
		    "(\"message\" \"global\" NIL NIL NIL \"7bit\" 15 NIL NIL "
		    "NIL NIL)" },
		{ STR(NESTED),
		    "((\"text\" \"plain\" NIL NIL NIL \"7bit\" 5 0)"
		    "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 186 "
		    "(NIL \"inner\" ((NIL NIL \"i\" \"x\")) ((NIL NIL \"i\" "
		    "\"x\")) ((NIL NIL \"i\" \"x\")) NIL NIL NIL NIL NIL) "
		    "((\"text\" \"plain\" NIL NIL NIL \"7bit\" 8 1)"
		    "(\"text\" \"html\" NIL \"<h>\" NIL \"7bit\" 3 0) "
		    "\"alternative\") 15)"
		    "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 28 "
		    "(NIL \"plain\" NIL NIL NIL NIL NIL NIL NIL NIL) "
		    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
		    "\"7bit\" 10 0) 2)"
		    "(\"application\" \"pdf\" (\"name\" \"a b.pdf\") NIL "
		    "\"a form\" \"base64\" 4) \"mixed\")",
		    "((\"text\" \"plain\" NIL NIL NIL \"7bit\" 5 0 NIL NIL NIL "
		    "NIL)"
		    "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 186 "
		    "(NIL \"inner\" ((NIL NIL \"i\" \"x\")) ((NIL NIL \"i\" "
		    "\"x\")) ((NIL NIL \"i\" \"x\")) NIL NIL NIL NIL NIL) "
		    "((\"text\" \"plain\" NIL NIL NIL \"7bit\" 8 1 NIL NIL NIL "
		    "NIL)"
		    "(\"text\" \"html\" NIL \"<h>\" NIL \"7bit\" 3 0 NIL NIL "
		    "NIL NIL) "
		    "\"alternative\" (\"boundary\" \"b2\") NIL NIL NIL) 15 NIL "
		    "NIL NIL NIL)"
		    "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 28 "
		    "(NIL \"plain\" NIL NIL NIL NIL NIL NIL NIL NIL) "
		    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
		    "\"7bit\" 10 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)"
		    "(\"application\" \"pdf\" (\"name\" \"a b.pdf\") NIL "
		    "\"a form\" \"base64\" 4 \"0==\" (\"attachment\" "
		    "(\"filename\" \"a.pdf\")) (\"de\" \"en\") \"http://x/\") "
		    "\"mixed\" (\"boundary\" \"b1\") NIL NIL NIL)" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		const struct mime_part *root =
		    mime_parse(arena, rows[i].message, NULL);
		struct buf b;

		buf_init(&b, arena, 1 << 20);
		imap_structure_put(&b, root, false);
		test_row_str(i, buf_str(&b), str_c(rows[i].body));
		buf_clear(&b);
		imap_structure_put(&b, root, true);
		test_row_str(i, buf_str(&b), str_c(rows[i].structure));
	}
}

/* --- FETCH's arguments --- */

static void
test_fetch_parse(void **state)
{
	static const struct {
		const char *in;
		unsigned items;
		const char *labels; /* NULL: refused */
	} rows[] = {
		{ "FLAGS", IMAP_FETCH_FLAGS, "" },
		{ "fast",
		    IMAP_FETCH_FLAGS | IMAP_FETCH_INTERNALDATE |
			IMAP_FETCH_SIZE,
		    "" },
		{ "ALL",
		    IMAP_FETCH_FLAGS | IMAP_FETCH_INTERNALDATE |
			IMAP_FETCH_SIZE | IMAP_FETCH_ENVELOPE,
		    "" },
		{ "FULL",
		    IMAP_FETCH_FLAGS | IMAP_FETCH_INTERNALDATE |
			IMAP_FETCH_SIZE | IMAP_FETCH_ENVELOPE | IMAP_FETCH_BODY,
		    "" },
		{ "(UID RFC822.SIZE BODY)",
		    IMAP_FETCH_UID | IMAP_FETCH_SIZE | IMAP_FETCH_BODY, "" },
		{ "BODYSTRUCTURE", IMAP_FETCH_BODYSTRUCTURE, "" },
		{ "BODY[]", 0, "BODY[]" },
		{ "BODY.PEEK[]<0.1>", 0, "-BODY[]<0>" },
		{ "RFC822", 0, "RFC822" },
		{ "RFC822.HEADER", 0, "-RFC822.HEADER" },
		{ "(RFC822.TEXT FLAGS)", IMAP_FETCH_FLAGS, "RFC822.TEXT" },
		{ "body.peek[header]", 0, "-BODY[HEADER]" },
		{ "BODY[1.2.header]<3.4>", 0, "BODY[1.2.HEADER]<3>" },
		{ "BODY[1.MIME]", 0, "BODY[1.MIME]" },
		{ "BODY[4294967295]", 0, "BODY[4294967295]" },
		{ "BODY[HEADER.FIELDS (From \"x y\" To)]", 0,
		    "BODY[HEADER.FIELDS (From \"x y\" To)]" },
		{ "BODY[2.HEADER.FIELDS.NOT ({2}\r\nA])]", 0,
		    "BODY[2.HEADER.FIELDS.NOT (\"A]\")]" },
		{ "(BODY[1] BODY.PEEK[2]<7.8>)", 0, "BODY[1]-BODY[2]<7>" },
		{ "FLAGS (CHANGEDSINCE 7)",
		    IMAP_FETCH_FLAGS | IMAP_FETCH_MODSEQ, "" },
		{ "", 0, NULL },
		{ "()", 0, NULL },
		{ "FLAG", 0, NULL },
		{ "FLAGSX", 0, NULL },
		{ "(FLAGS", 0, NULL },
		{ "(FLAGS ", 0, NULL },
		{ "FLAGS UID", 0, NULL },
		{ "BODY[", 0, NULL },
		{ "BODY[1", 0, NULL },
		{ "BODY[1.]", 0, NULL },
		{ "BODY[.1]", 0, NULL },
		{ "BODY[0]", 0, NULL },
		{ "BODY[1.0]", 0, NULL },
		{ "BODY[4294967296]", 0, NULL },
		{ "BODY[MIME]", 0, NULL },
		{ "BODY[XYZ]", 0, NULL },
		{ "BODY[HEADER.FIELDS]", 0, NULL },
		{ "BODY[HEADER.FIELDS ()]", 0, NULL },
		{ "BODY[]<1>", 0, NULL },
		{ "BODY[]<1.0>", 0, NULL },
		{ "BODY[]<-1.2>", 0, NULL },
		{ "FLAGS (CHANGEDSINCE)", 0, NULL },
		{ "FLAGS (CHANGEDSINCE 7 VANISHED)", 0, NULL },
		{ "FLAGS (CHANGEDSINCE 9223372036854775808)", 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct imap_fetch f;
		struct imap_in in;
		struct buf b;
		bool ok;

		imap_in_init(&in, arena, str_c(rows[i].in));
		ok = imap_fetch_parse(&in, &f);
		test_row(i, ok == (rows[i].labels != NULL));
		test_row(i, ok == (in.bad == NULL));
		if (!ok)
			continue;
		test_row(i, f.items == rows[i].items);
		buf_init(&b, arena, 1000);
		for (unsigned j = 0; j < f.sections_n; j++) {
			if (f.sections[j].peek)
				buf_char(&b, '-');
			buf_str_add(&b, f.sections[j].label);
		}
		test_row_str(i, buf_str(&b), str_c(rows[i].labels));
	}
}

/* B40 */
static void
test_fetch_limits(void **state)
{
	struct imap_fetch f;
	struct imap_in in;
	struct buf b;

	(void)state;
	for (unsigned n = 999; n < 1003; n++) {
		buf_init(&b, arena, 1 << 20);
		buf_c(&b, "BODY[1");
		for (unsigned i = 1; i < n; i++)
			buf_c(&b, ".1");
		buf_char(&b, ']');
		imap_in_init(&in, arena, buf_str(&b));
		assert_int_equal(imap_fetch_parse(&in, &f),
		    n <= IMAP_FETCH_PARTS);
	}
	for (unsigned n = 499; n < 503; n++) {
		buf_init(&b, arena, 1 << 20);
		buf_c(&b, "(BODY[]");
		for (unsigned i = 1; i < n; i++)
			buf_c(&b, " BODY[]");
		buf_char(&b, ')');
		imap_in_init(&in, arena, buf_str(&b));
		assert_int_equal(imap_fetch_parse(&in, &f),
		    n <= IMAP_FETCH_SECTIONS);
	}
}

/* --- sections --- */

static struct str
section(struct str message, const char *text)
{
	const struct mime_part *root = mime_parse(arena, message, NULL);
	struct imap_range64 r;
	struct imap_fetch f;
	struct imap_in in;
	uint64_t from, n;
	struct str s;
	struct buf b;

	imap_in_init(&in, arena, str_c(text));
	assert_true(imap_fetch_parse(&in, &f));
	assert_int_equal(f.sections_n, 1);
	if (!imap_section_find(root, f.sections, &r))
		return STR("NIL");
	s = str_sub(message, r.from, r.to - r.from);
	if (imap_section_is_fields(f.sections)) {
		buf_init(&b, arena, 1 << 20);
		imap_section_fields(&b, f.sections, s);
		s = buf_str(&b);
	}
	n = imap_section_clip(f.sections, s.n, &from);
	return str_sub(s, from, n);
}

static void
test_sections(void **state)
{
	static const struct {
		struct str message;
		const char *in, *want;
	} rows[] = {
		{ STR(RFC_MESSAGE), "BODY[]", RFC_MESSAGE },
		{ STR(RFC_MESSAGE), "BODY[TEXT]",
		    "three" N "short" N "lines" N },
		{ STR(RFC_MESSAGE), "BODY[1]", "three" N "short" N "lines" N },
		{ STR(RFC_MESSAGE), "BODY[1.1]", "NIL" },
		{ STR(RFC_MESSAGE), "BODY[2]", "NIL" },
		{ STR(RFC_MESSAGE), "BODY[1.HEADER]", "NIL" },
		{ STR(RFC_MESSAGE), "BODY[1.TEXT]", "NIL" },
		{ STR(RFC_MESSAGE), "BODY[TEXT]<7.5>", "short" },
		{ STR(RFC_MESSAGE), "BODY[TEXT]<19.100>", N },
		{ STR(RFC_MESSAGE), "BODY[TEXT]<21.100>", "" },
		{ STR(RFC_MESSAGE), "BODY[TEXT]<4294967295.4294967295>", "" },
		{ STR(RFC_MESSAGE), "BODY[HEADER.FIELDS (SUBJECT x to)]",
		    "Subject: IMAP4rev1 WG mtg summary and minutes" N
		    "To: imap@cac.washington.edu" N N },
		{ STR(RFC_MESSAGE), "BODY[HEADER.FIELDS (x)]", N },
		{ STR(RFC_MESSAGE), "BODY[HEADER.FIELDS (to)]<4.5>", "imap@" },
		{ STR("A: 1" N "b: 2" N " 3" N "A: 4" N "c: 5" N N "x"),
		    "BODY[HEADER.FIELDS.NOT (a)]", "b: 2" N " 3" N "c: 5" N N },
		{ STR("A: 1" N "b: 2"), "BODY[HEADER.FIELDS (b)]", "b: 2" N N },
		{ STR("A: 1" N "b: 2"), "BODY[HEADER]", "A: 1" N "b: 2" },
		{ STR("A: 1" N "b: 2"), "BODY[TEXT]", "" },
		{ STR("A: 1" N "b: 2"), "BODY[1]", "" },
		{ STR(NESTED), "BODY[1]", "hello" },
		{ STR(NESTED), "BODY[1.MIME]", "Content-Type: text/plain" N N },
		{ STR(NESTED), "BODY[1.1]", "NIL" },
		{ STR(NESTED), "BODY[2.HEADER]",
		    "From: i@x" N "Subject: inner" N
		    "Content-Type: multipart/alternative; boundary=b2" N N },
		{ STR(NESTED), "BODY[2.HEADER.FIELDS (Subject)]",
		    "Subject: inner" N N },
		{ STR(NESTED), "BODY[2.MIME]",
		    "Content-Type: message/rfc822" N N },
		{ STR(NESTED), "BODY[2.1]", "one" N "two" },
		{ STR(NESTED), "BODY[2.2]", "<p>" },
		{ STR(NESTED), "BODY[2.2.MIME]",
		    "Content-Type: text/html" N "Content-ID: <h>" N N },
		{ STR(NESTED), "BODY[2.3]", "NIL" },
		{ STR(NESTED), "BODY[2.1.1]", "NIL" },
		{ STR(NESTED), "BODY[2.1.HEADER]", "NIL" },
		{ STR(NESTED), "BODY[3.1]", "text of it" },
		{ STR(NESTED), "BODY[3.1.MIME]", "Subject: plain" N N },
		{ STR(NESTED), "BODY[3.2]", "NIL" },
		{ STR(NESTED), "BODY[3.TEXT]", "text of it" },
		{ STR(NESTED), "BODY[3]", "Subject: plain" N N "text of it" },
		{ STR(NESTED), "BODY[4]", "AAAA" },
		{ STR(NESTED), "BODY[4.1]", "NIL" },
		{ STR(NESTED), "BODY[5]", "NIL" },
		{ STR(NESTED), "BODY[4294967295]", "NIL" },
		/* a message that is a message */
		{ STR("Content-Type: message/rfc822" N N "Subject: in" N N
		      "text"),
		    "BODY[1]", "Subject: in" N N "text" },
		{ STR("Content-Type: message/rfc822" N N "Subject: in" N N
		      "text"),
		    "BODY[1.HEADER]", "Subject: in" N N },
		{ STR("Content-Type: message/rfc822" N N "Subject: in" N N
		      "text"),
		    "BODY[1.1]", "text" },
		{ STR("Content-Type: message/rfc822" N N "Subject: in" N N
		      "text"),
		    "BODY[1.1.1]", "NIL" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++)
		test_row_str(i, section(rows[i].message, rows[i].in),
		    str_c(rows[i].want));
}

/* From the pack: only what it knows. */
static void
test_section_in_pack(void **state)
{
	static const struct {
		const char *in;
		bool want;
	} rows[] = {
		{ "BODY[HEADER.FIELDS (From To Subject Date)]", true },
		{ "BODY[HEADER.FIELDS (references X-Priority)]", true },
		{ "BODY[HEADER.FIELDS (From X-Unheard-Of)]", false },
		{ "BODY[HEADER.FIELDS.NOT (From)]", false },
		{ "BODY[1.HEADER.FIELDS (From)]", false },
		{ "BODY[HEADER]", false },
	};
	struct mime_packed p;
	struct str pack =
	    mime_pack(arena, mime_parse(arena, STR(NESTED), NULL), 0);

	(void)state;
	assert_null(mime_unpack(arena, pack, NULL, &p));
	for (size_t i = 0; i < countof(rows); i++) {
		struct imap_fetch f;
		struct imap_in in;

		imap_in_init(&in, arena, str_c(rows[i].in));
		test_row(i, imap_fetch_parse(&in, &f));
		test_row(i,
		    imap_section_in_pack(f.sections, &p) == rows[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_structure),
		cmocka_unit_test(test_fetch_parse),
		cmocka_unit_test(test_fetch_limits),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_section_in_pack),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
