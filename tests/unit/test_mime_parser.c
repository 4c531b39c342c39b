/* test_mime_parser.c - structure and offsets, limits, linear time */
#include "mime_rig.h"
#include "mime_tree.h"
#include "mime/parser.h"

#define MP(type, b) "Content-Type: multipart/" type "; boundary=" b "\r\n\r\n"
#define RFC822 "Content-Type: message/rfc822\r\n\r\n"

static const struct {
	const char *in, *tree;
} tree_tests[] = {
	{ "", "plain[0,0,0,0]" },
	{ "\r\n", "plain[0,2,2,0]" },
	{ "A: 1\r\n\r\nx\r\n", "plain[0,8,11,1]" },
	{ "A: 1\n\nx\ny", "plain[0,6,9,1]" },
	{ "A: 1\r\n", "plain[0,6,6,0]" },
	{ "A: 1", "plain[0,4,4,0]" },
	/* no header */
	{ "text without colon\r\n", "plain[0,0,20,1]" },
	{ "\r\nx", "plain[0,2,3,0]" },
	{ "A: 1\r\ntext\r\n", "plain[0,6,12,1]" },
	{ "From x y\r\nA: 1\r\n\r\nx", "plain[0,18,19,0]" },
	/* multipart */
	{ MP("mixed", "b") "--b\r\n\r\nx\r\n--b--\r\n",
	    "mixed[0,45,62,4]{plain[50,52,53,0]}" },
	{ MP("mixed", "b") "pre\r\n--b\r\n\r\nx\r\n\r\n--b\r\n\r\n--b--epi\r\n"
			   "--b--\r\nepi",
	    "mixed[0,45,89,9]{plain[55,57,60,1] plain[67,69,77,0]}" },
	/* LF */
	{ "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\ny\n--b--\n",
	    "mixed[0,43,58,5]{plain[47,48,51,1]}" },
	/* the last delimiter is missing; the last line end is */
	{ MP("mixed", "b") "--b\r\n\r\nx\r\n",
	    "mixed[0,45,55,3]{plain[50,52,55,1]}" },
	{ MP("mixed", "b") "--b\r\n\r\nx\r\n--b--",
	    "mixed[0,45,60,3]{plain[50,52,53,0]}" },
	{ MP("mixed", "b") "--b\r\n\r\nx\r\n--b",
	    "mixed[0,45,58,3]{plain[50,52,53,0] plain[58,58,58,0]}" },
	/* parts without blank line, without header, without anything */
	{ MP("mixed", "b") "--b\r\ntext\r\n--b--\r\n",
	    "mixed[0,45,63,3]{plain[50,50,54,0]}" },
	{ MP("mixed", "b") "--b\r\nA: 1\r\n--b--\r\n",
	    "mixed[0,45,63,3]{plain[50,54,54,0]}" },
	{ MP("mixed", "b") "--b\r\n\r\n--b--\r\n",
	    "mixed[0,45,59,3]{plain[50,52,52,0]}" },
	{ MP("mixed", "b") "--b\r\n--b\r\n--b--\r\n",
	    "mixed[0,45,62,3]{plain[50,50,50,0] plain[55,55,55,0]}" },
	/* blank line missing in front of the first delimiter */
	{ "Content-Type: multipart/mixed; boundary=b\r\n--b\r\n\r\nx\r\n--b--",
	    "mixed[0,43,58,3]{plain[48,50,51,0]}" },
	/* no delimiter, no boundary, an unusable one */
	{ MP("mixed", "b") "x\r\n", "octet-stream![0,45,48,1]" },
	{ "Content-Type: multipart/mixed\r\n\r\nx\r\n",
	    "octet-stream![0,33,36,1]" },
	{ MP("mixed", "\"\"") "--\r\n\r\nx\r\n", "octet-stream![0,46,55,3]" },
	/* after the end a boundary means nothing */
	{ MP("mixed", "b") "--b\r\n\r\nx\r\n--b--\r\n--b\r\n\r\ny\r\n",
	    "mixed[0,45,72,7]{plain[50,52,53,0]}" },
	/* nested; the outer one ends the inner one */
	{ MP("mixed", "a") "--a\r\n" MP("alternative", "b") "--b\r\n\r\nx\r\n"
							    "--a--\r\n",
	    "mixed[0,45,118,7]{alternative[50,101,109,2]"
	    "{plain[106,108,109,0]}}" },
	{ MP("mixed", "a") "--a\r\n" MP("alternative",
	      "ab") "--ab\r\n\r\nx\r\n--ab--\r\n--a\r\n\r\ny\r\n--a--\r\n",
	    "mixed[0,45,138,11]{alternative[50,102,119,3]{plain[108,110,111,0]}"
	    " plain[126,128,129,0]}" },
	/* an outer delimiter right behind an inner empty header */
	{ MP("mixed", "a") "--a\r\n" MP("alternative", "b") "--b\r\n\r\n--a--",
	    "mixed[0,45,113,5]{alternative[50,101,108,2]"
	    "{plain[106,108,108,0]}}" },
	/* the same boundary twice */
	{ MP("mixed", "b") "--b\r\n" MP("mixed",
	      "b") "--b\r\n\r\nx\r\n--b--\r\n"
		   "--b--\r\n",
	    "mixed[0,45,119,8]{mixed[50,95,110,3]{plain[100,102,103,0]}}" },
	/* messages */
	{ RFC822 "Subject: x\r\n\r\ny\r\n",
	    "rfc822[0,32,49,3]{plain[32,46,49,1]}" },
	{ RFC822, "rfc822[0,32,32,0]{plain[32,32,32,0]}" },
	{ RFC822 RFC822 "x",
	    "rfc822[0,32,65,2]{rfc822[32,64,65,0]{plain[64,64,65,0]}}" },
	{ MP("mixed", "b") "--b\r\n" RFC822 "A: 1\r\n--b--\r\n",
	    "mixed[0,45,95,5]{rfc822[50,82,86,0]{plain[82,86,86,0]}}" },
	{ MP("mixed", "b") "--b\r\n" RFC822 "--b--\r\n",
	    "mixed[0,45,89,4]{rfc822[50,82,82,0]{plain[82,82,82,0]}}" },
	{ MP("mixed", "b") "--b\r\n" RFC822 MP("mixed", "c") "--c\r\n\r\nx\r\n"
							     "--b--\r\n",
	    "mixed[0,45,144,9]{rfc822[50,82,135,4]{mixed[82,127,135,2]"
	    "{plain[132,134,135,0]}}}" },
	{ "Content-Type: message/global\r\n\r\nA: 1\r\n\r\nx",
	    "global[0,32,41,2]{plain[32,40,41,0]}" },
	{ "Content-Type: message/rfc822\r\n"
	  "Content-Transfer-Encoding: base64\r\n\r\nQTogMQ==\r\n",
	    "octet-stream![0,67,77,1]" },
	{ "Content-Type: message/partial\r\n\r\nx", "partial[0,33,34,0]" },
	/* digest */
	{ MP("digest", "b") "--b\r\n\r\nA: 1\r\n\r\nx\r\n--b\r\nContent-Type: "
			    "text/plain\r\n\r\ny\r\n--b--\r\n",
	    "digest[0,46,107,10]{rfc822[51,53,62,2]{plain[53,61,62,0]} "
	    "plain[69,97,98,0]}" },
	/* a header that stops being one, in a message */
	{ RFC822 "text\r\n", "rfc822[0,32,38,1]{plain[32,32,38,1]}" },
};

static void
test_tree(void **state)
{
	struct mime_parser *p;
	struct mime_part *root;
	struct buf out;
	size_t i, at;

	(void)state;
	for (i = 0; i < countof(tree_tests); i++) {
		struct str in = rig_exact(str_c(tree_tests[i].in));

		/* Whole, cut in two at every place, byte by byte. */
		for (at = 0; at <= in.n + 1; at++) {
			struct arena_mark m = arena_mark(arena);

			p = mime_parser_new(arena, NULL);
			if (at <= in.n) {
				mime_parser_feed(p, str_sub(in, 0, at));
				mime_parser_feed(p, str_sub(in, at, in.n));
			}
			for (size_t j = 0; at > in.n && j < in.n; j++)
				mime_parser_feed(p, str_sub(in, j, 1));
			root = mime_parser_finish(p);
			tree_check(root);
			buf_init(&out, arena, 4096);
			tree_add(&out, root);
			rig_same(i, buf_str(&out), str_c(tree_tests[i].tree));
			arena_rewind(arena, m);
		}
		rig_free(in);
	}
}

static void
test_fields(void **state)
{
	struct str in = STR(
	    "Subject: =?utf-8?q?x?=\r\n"
	    "content-type: TEXT/HTML; Charset=\"utf-8\"; name*=utf-8''%41\r\n"
	    "Content-Type: image/png\r\n"
	    "Content-Transfer-Encoding: (c) Quoted-Printable (c)\r\n"
	    "Content-ID: <a@b>\r\n"
	    "Content-Description: some\r\n text\r\n"
	    "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n"
	    "Content-Disposition: Attachment; filename=\"a b\"; size=1\r\n"
	    "Content-Language: de, en (both), fr\r\n"
	    "Content-Location: http://x/\r\n y\r\n"
	    "Received: from a\r\n"
	    "References: <1@a>\r\n <2@a>\r\n"
	    "\r\nx");
	struct mime_part *p = mime_parse(arena, in, NULL);
	struct str v;

	(void)state;
	rig_same(0, p->type, STR("text"));
	rig_same(1, p->subtype, STR("html"));
	assert_true(mime_params_raw(&p->params, "charset", &v));
	rig_same(2, v, STR("utf-8"));
	assert_true(mime_params_get(arena, &p->params, "name", &v));
	rig_same(3, v, STR("A"));
	rig_same(4, p->encoding, STR("quoted-printable"));
	rig_same(5, p->id, STR("<a@b>"));
	rig_same(6, p->description, STR("some text"));
	rig_same(7, p->md5, STR("Q2hlY2sgSW50ZWdyaXR5IQ=="));
	rig_same(8, p->disposition, STR("attachment"));
	assert_int_equal(p->disposition_params.n, 2);
	assert_int_equal(p->languages, 3);
	rig_same(9, p->language[0], STR("de"));
	rig_same(10, p->language[2], STR("fr"));
	rig_same(11, p->location, STR("http://x/ y"));
	rig_same(12, p->envelope->subject, STR("=?utf-8?q?x?="));
	rig_same(13, p->headers,
	    STR("Subject: =?utf-8?q?x?=\r\n"
		"content-type: TEXT/HTML; Charset=\"utf-8\"; "
		"name*=utf-8''%41\r\n"
		"Content-Type: image/png\r\n"
		"Content-Description: some\r\n text\r\n"
		"References: <1@a>\r\n <2@a>\r\n"));
	assert_int_equal(p->flags, 0);

	p = mime_parse(arena, STR("Content-Type: nonsense\r\n\r\n"), NULL);
	assert_int_equal(p->flags, MIME_PART_DEFAULT_TYPE);
	rig_same(14, p->type, STR("text"));
	rig_same(15, p->params.v[0].value, STR("us-ascii"));
	assert_null(p->encoding.p);
	assert_null(p->id.p);
}

static void
feed_times(struct mime_parser *p, struct str s, unsigned n)
{
	while (n-- > 0)
		mime_parser_feed(p, s);
}

/* B74: nesting. */
static void
test_depth(void **state)
{
	struct mime_limits limits = MIME_LIMITS_DEFAULT;
	struct mime_parser *p = mime_parser_new(arena, NULL);
	struct mime_part *root, *at;
	unsigned depth = 1;
	int i;

	(void)state;
	feed_times(p, STR(RFC822), 200);
	root = mime_parser_finish(p);
	assert_int_equal(tree_check(root), 100);
	for (at = root; at->children != NULL; at = at->children)
		depth++;
	assert_int_equal(depth, 100);
	assert_true(at->flags & MIME_PART_OPAQUE);
	assert_int_equal(at->body_end - at->body_start, 32 * 100);

	p = mime_parser_new(arena, NULL);
	for (i = 0; i < 200; i++) {
		const char *part = arena_printf(arena,
		    "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n"
		    "--b%d\r\n",
		    i, i);

		mime_parser_feed(p, str_c(part));
	}
	root = mime_parser_finish(p);
	assert_int_equal(tree_check(root), 100);

	limits.depth = 1;
	root = mime_parse(arena, STR(RFC822 "A: 1\r\n\r\nx"), &limits);
	assert_int_equal(tree_check(root), 1);
	assert_true(root->flags & MIME_PART_OPAQUE);
}

/* B74: parts. */
static void
test_parts(void **state)
{
	struct mime_limits limits = MIME_LIMITS_DEFAULT;
	struct mime_parser *p = mime_parser_new(arena, NULL);
	struct mime_part *root, *last;
	struct buf out;

	(void)state;
	mime_parser_feed(p, STR(MP("mixed", "b")));
	feed_times(p, STR("--b\r\n\r\nx\r\n"), 20000);
	root = mime_parser_finish(p);
	assert_int_equal(tree_check(root), 10000);
	for (last = root->children; last->next != NULL;)
		last = last->next;
	assert_true(last->flags & MIME_PART_OPAQUE);
	assert_int_equal(last->body_end, root->body_end);
	assert_int_equal(last->body_start, 45 + 9998 * 10 + 7);
	assert_true(arena_used(arena) < 16 << 20);

	/* The last part takes in what follows, but ends where its multipart
	 * ends. */
	limits.parts = 3;
	root = mime_parse(arena,
	    STR(MP("mixed", "a") "--a\r\n" MP("mixed",
		"b") "--b\r\n"
		     "Content-Type: text/html\r\n\r\nx\r\n--b\r\n"
		     "\r\ny\r\n--b--\r\n--a\r\n\r\nz\r\n--a--\r\n"),
	    &limits);
	tree_check(root);
	buf_init(&out, arena, 4096);
	tree_add(&out, root);
	rig_same(0, buf_str(&out),
	    STR("mixed[0,45,164,15]{mixed[50,95,155,10]"
		"{octet-stream![100,127,138,3]}}"));
	/* in a header */
	root = mime_parse(arena,
	    STR(MP("mixed", "a") "--a\r\nA: 1\r\n--a\r\nB: 1\r\n--a\r\n"),
	    &limits);
	tree_check(root);
	buf_clear(&out);
	tree_add(&out, root);
	rig_same(1, buf_str(&out),
	    STR("mixed[0,45,72,5]{plain[50,54,54,0] "
		"octet-stream![61,67,72,1]}"));
	/* a message needs room for the one inside */
	/* a message in the last place but one, its header cut off: the part
	 * behind has its place, so the message inside has none */
	root = mime_parse(arena,
	    STR(MP("mixed", "a") "--a\r\nContent-Type: message/rfc822\r\n"
				 "--a\r\n\r\nx\r\n--a\r\n\r\ny\r\n"),
	    &limits);
	assert_int_equal(tree_check(root), 3);
	assert_true(root->children->flags & MIME_PART_OPAQUE);
	limits.parts = 1;
	root = mime_parse(arena, STR(RFC822 "A: 1\r\n\r\nx"), &limits);
	assert_int_equal(tree_check(root), 1);
	limits.parts = 0;
	root = mime_parse(arena, STR(RFC822 "A: 1\r\n\r\nx"), &limits);
	assert_int_equal(tree_check(root), 1);
}

/* B77: a header of 50 MB, in fields and as one line; a line of 1 MB. */
static void
test_header_cap(void **state)
{
	struct mime_parser *p;
	struct mime_part *root;
	struct str line;
	int i;

	(void)state;
	p = mime_parser_new(arena, NULL);
	mime_parser_feed(p, STR("Subject: first\r\n"));
	for (i = 0; i < 50; i++)
		feed_times(p, STR("X-Filler: 4567890123456789012345678\r\n"),
		    1 << 20 >> 5);
	mime_parser_feed(p, STR("To: a@b\r\n\r\nbody\r\n"));
	root = mime_parser_finish(p);
	tree_check(root);
	assert_true(root->flags & MIME_PART_HEADER_CAPPED);
	rig_same(0, root->envelope->subject, STR("first"));
	assert_null(root->envelope->to);
	assert_int_equal(root->body_end - root->body_start, 6);
	assert_int_equal(root->lines, 1);
	assert_true(arena_used(arena) < 4 << 20);

	line =
	    str_of(memset(arena_alloc(arena, 1 << 20), 'x', 1 << 20), 1 << 20);
	p = mime_parser_new(arena, NULL);
	mime_parser_feed(p, STR("Subject: "));
	feed_times(p, line, 50);
	mime_parser_feed(p, STR("\r\nTo: a@b\r\n\r\n"));
	feed_times(p, line, 2);
	root = mime_parser_finish(p);
	tree_check(root);
	assert_true(root->flags & MIME_PART_HEADER_CAPPED);
	assert_int_equal(root->envelope->subject.n, (256 << 10) - 9);
	assert_int_equal(root->body_start, (50 << 20) + 22);
	assert_int_equal(root->body_end, (52 << 20) + 22);
	assert_int_equal(root->lines, 0);
	assert_true(arena_used(arena) < 16 << 20);
}

/* Many messages in one: the envelopes of the first ones are kept. */
static void
test_header_total(void **state)
{
	struct mime_parser *p = mime_parser_new(arena, NULL);
	struct str line;
	struct mime_part *root, *part;
	unsigned capped = 0, whole = 0;

	(void)state;
	line = str_of(memset(arena_alloc(arena, 2000), 'x', 2000), 2000);
	mime_parser_feed(p, STR(MP("digest", "b")));
	for (int i = 0; i < 1000; i++) {
		mime_parser_feed(p, STR("--b\r\n\r\nSubject: "));
		mime_parser_feed(p, line);
		mime_parser_feed(p, STR("\r\n\r\n"));
	}
	root = mime_parser_finish(p);
	assert_int_equal(tree_check(root), 2001);
	for (part = root->children; part != NULL; part = part->next) {
		whole += part->children->envelope->subject.n == 2000;
		capped += !!(part->children->flags & MIME_PART_HEADER_CAPPED);
	}
	assert_int_equal(whole + capped, 1000);
	assert_int_equal(whole, ((1 << 20) - 44) / 2011);
}

/* B78: long boundaries; lines that nearly are delimiters, on every level; and
 * whatever else could take more than linear time. */
static void
test_linear(void **state)
{
	static const char *const lines[] = { "--\n", "-\n", "--b\n", "\n",
		"--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
		"--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", " ",
		"--", "a:\n", "\r" };
	struct mime_parser *p;
	struct buf head;
	size_t i;
	int n;

	(void)state;
	buf_init(&head, arena, 1 << 20);
	for (n = 1; n <= 100; n++) {
		buf_c(&head, "Content-Type: multipart/mixed; boundary=\"");
		for (int j = 0; j < n; j++)
			buf_char(&head, 'a');
		buf_c(&head, "\"\r\n\r\n--");
		for (int j = 0; j < n; j++)
			buf_char(&head, 'a');
		buf_c(&head, "\r\n");
	}
	for (i = 0; i < countof(lines); i++) {
		struct arena_mark m = arena_mark(arena);

		p = mime_parser_new(arena, NULL);
		mime_parser_feed(p, buf_str(&head));
		feed_times(p, str_c(lines[i]),
		    (unsigned)((8 << 20) / strlen(lines[i])));
		tree_check(mime_parser_finish(p));
		assert_true(arena_used(arena) < 24 << 20);
		arena_rewind(arena, m);
	}
}

static void
test_boundary_length(void **state)
{
	static const struct {
		int n;
		unsigned parts;
	} t[] = { { 70, 2 }, { 71, 2 }, { 256, 2 }, { 257, 1 }, { 5000, 1 } };
	struct buf in;
	size_t i;

	(void)state;
	for (i = 0; i < countof(t); i++) {
		const char *b = arena_printf(arena, "%0*d", t[i].n, 1);

		buf_init(&in, arena, 1 << 20);
		buf_fmt(&in,
		    "Content-Type: multipart/mixed; boundary=%s\r\n\r\n"
		    "--%s\r\n\r\nx\r\n--%s--%100s\r\n",
		    b, b, b, "");
		if (tree_check(mime_parse(arena, buf_str(&in), NULL)) !=
		    t[i].parts)
			fail_msg("%zu", i);
	}
}

/* Memory with the default limits, whatever comes: the figure of parser.h. */
static void
test_memory(void **state)
{
	static const char *const pieces[] = {
		"--b\r\nContent-Type:a/b;a=;a=;a=;a=;a=;a=;a=;a=;a=;a=;a=\r\n",
		"--b\r\n\r\n\r\n",
		"--b\r\n\r\nTo:a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n\r\n",
		"--b\r\nContent-Language:a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n",
		"--b\r\nContent-Disposition:a;a=;a=;a=;a=;a=;a=;a=;a=;a\r\n",
		"--b\r\nContent-ID:\r\nContent-MD5:\r\nContent-Location:\r\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < countof(pieces); i++) {
		struct arena_mark m = arena_mark(arena);
		size_t before = arena_used(arena);
		struct mime_parser *p = mime_parser_new(arena, NULL);

		mime_parser_feed(p, STR(MP("digest", "b")));
		feed_times(p, str_c(pieces[i]), 20000);
		tree_check(mime_parser_finish(p));
		if (arena_used(arena) - before > 16 << 20)
			fail_msg("%zu: %zu KiB", i,
			    (arena_used(arena) - before) >> 10);
		arena_rewind(arena, m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tree, rig_setup,
		    rig_teardown),
		cmocka_unit_test_setup_teardown(test_fields, rig_setup,
		    rig_teardown),
		cmocka_unit_test_setup_teardown(test_depth, rig_setup,
		    rig_teardown),
		cmocka_unit_test_setup_teardown(test_parts, rig_setup,
		    rig_teardown),
		cmocka_unit_test_setup_teardown(test_header_cap, rig_setup,
		    rig_teardown),
		cmocka_unit_test_setup_teardown(test_header_total, rig_setup,
		    rig_teardown),
		cmocka_unit_test_setup_teardown(test_linear, rig_setup,
		    rig_teardown),
		cmocka_unit_test_setup_teardown(test_boundary_length, rig_setup,
		    rig_teardown),
		cmocka_unit_test_setup_teardown(test_memory, rig_setup,
		    rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
