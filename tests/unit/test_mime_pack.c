/* test_mime_pack.c - the packed form: layout, round trip, damage, limits */
#include "mime_rig.h"
#include "mime_tree.h"
#include "mime/pack.h"
#include "mime/parser.h"

static const char rich[] =
    "From: Joe <a@b>\r\n"
    "To: team: c@d, e@f;\r\n"
    "Subject: folded\r\n subject\r\n"
    "X-Other: not kept\r\n"
    "References: <1@a>\r\n"
    "Content-Type: multipart/mixed; boundary=\"b\"\r\n"
    "\r\n"
    "--b\r\n"
    "Content-Type: text/plain; charset=utf-8; x*0*=utf-8''a; x*1=\"b c\"\r\n"
    "Content-Transfer-Encoding: 8bit\r\n"
    "Content-Language: de, en\r\n"
    "\r\n"
    "hello\r\nworld\r\n"
    "--b\r\n"
    "Content-Type: message/rfc822\r\n"
    "Content-Disposition: attachment; filename=\"x.eml\"\r\n"
    "\r\n"
    "Subject: inner\r\n"
    "To: g@h\r\n"
    "References: <2@b>\r\n"
    "Content-Type: multipart/alternative; boundary=c\r\n"
    "\r\n"
    "--c\r\n"
    "Content-ID: <id@x>\r\n"
    "Content-Description:\r\n"
    "Content-MD5: abc=\r\n"
    "Content-Location: http://x/\r\n"
    "\r\n"
    "1\r\n"
    "--c\r\n"
    "\r\n"
    "--c--\r\n"
    "--b--\r\n";

static void
text_add(struct buf *out, struct str s)
{
	rig_field(out, s);
	buf_char(out, ' ');
}

static void
params_add(struct buf *out, const struct mime_params *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		text_add(out, p->v[i].name);
		text_add(out, p->v[i].value);
	}
}

/* Everything there is in a tree. */
static struct str
dump(const struct mime_part *root)
{
	struct buf out;

	buf_init(&out, arena, 16 << 20);
	tree_add(&out, root);
	for (const struct mime_part *p = root; p != NULL;
	     p = mime_part_next(p)) {
		buf_fmt(&out, "\n%d %u ", p->kind, p->flags);
		text_add(&out, p->type);
		params_add(&out, &p->params);
		text_add(&out, p->id);
		text_add(&out, p->description);
		text_add(&out, p->encoding);
		text_add(&out, p->md5);
		text_add(&out, p->disposition);
		params_add(&out, &p->disposition_params);
		for (unsigned i = 0; i < p->languages; i++)
			text_add(&out, p->language[i]);
		text_add(&out, p->location);
		text_add(&out, p->headers);
		if (p->envelope == NULL)
			continue;
		text_add(&out, p->envelope->subject);
		text_add(&out, rig_addresses(p->envelope->from));
		text_add(&out, rig_addresses(p->envelope->to));
		text_add(&out, rig_addresses(p->envelope->sender));
	}
	assert_true(buf_ok(&out));
	return buf_str(&out);
}

/* The bytes that pack.h draws. */
static void
test_layout(void **state)
{
	static const char want[] =
	    "\x01\x03\x01"
	    "\x00"	       /* a leaf */
	    "\x00\x28\x04\x00" /* gap, header, body, lines */
	    "\x05text\x06plain\x00"
	    "\x01\x08"
	    "charset\x06utf-8"
	    "\x29"
	    "Content-Type: text/plain; charset=utf-8\n";
	struct str in = STR("Content-Type: text/plain; charset=utf-8\n"
			    "text"); /* no blank line */
	struct str got = mime_pack(arena, mime_parse(arena, in, NULL), 0);

	(void)state;
	assert_int_equal(got.n, sizeof(want) - 1);
	for (size_t i = 0; i < got.n; i++) {
		if (got.p[i] != want[i])
			fail_msg("%zu: %d instead of %d", i, got.p[i], want[i]);
	}
}

static void
test_round_trip(void **state)
{
	struct mime_part *root = mime_parse(arena, str_c(rich), NULL);
	struct str packed = rig_exact(mime_pack(arena, root, 0));
	struct mime_packed p;

	(void)state;
	assert_int_equal(tree_check(root), 6);
	assert_null(mime_unpack(arena, packed, NULL, &p));
	assert_true(p.has_headers);
	assert_true(p.has_structure);
	assert_int_equal(tree_check(p.root), 6);
	rig_same(0, dump(p.root), dump(root));
	/* small: 1,000 of them are about one READ */
	assert_true(packed.n < 700);

	assert_true(mime_packed_knows(&p, STR("subject")));
	assert_true(mime_packed_knows(&p, STR("List-ID")));
	assert_false(mime_packed_knows(&p, STR("X-Other")));
	p.field_set = 0;
	assert_false(mime_packed_knows(&p, STR("subject")));
	p.field_set = 1;
	p.root->flags |= MIME_PART_HEADER_CAPPED;
	assert_false(mime_packed_knows(&p, STR("subject")));
	rig_free(packed);
}

/* Too long: first without headers or structure, at last without both. */
static void
test_limit(void **state)
{
	struct mime_part *root = mime_parse(arena, str_c(rich), NULL);
	size_t whole = mime_pack(arena, root, 0).n, limit;
	bool headers = true, structure = true;
	struct mime_packed p;

	(void)state;
	for (limit = whole; limit > 0; limit--) {
		struct arena_mark m = arena_mark(arena);
		struct str packed = mime_pack(arena, root, limit);

		assert_true(
		    packed.n <= limit || packed.n <= MIME_PACK_LEAST_BYTES);
		assert_null(mime_unpack(arena, packed, NULL, &p));
		if (!p.has_headers) {
			headers = false;
			assert_null(p.root->headers.p);
			assert_null(p.root->envelope);
		}
		if (!p.has_structure) {
			structure = false;
			assert_null(p.root->children);
		}
		if (limit == whole)
			assert_true(p.has_headers && p.has_structure);
		assert_int_equal(p.root->body_end, root->body_end);
		arena_rewind(arena, m);
	}
	assert_false(headers || structure);

	/* structure fits, headers do not */
	root = mime_parse(arena,
	    str_c(arena_printf(arena, "Subject: %01000d\r\n\r\nx", 0)), NULL);
	assert_null(mime_unpack(arena, mime_pack(arena, root, 500), NULL, &p));
	assert_true(p.has_structure && !p.has_headers);
	assert_false(mime_packed_knows(&p, STR("subject")));
	/* nothing fits */
	root = mime_parse(arena,
	    str_c(arena_printf(arena, "Content-Type: a/%01000d\r\n\r\nx", 0)),
	    NULL);
	assert_null(mime_unpack(arena, mime_pack(arena, root, 500), NULL, &p));
	assert_false(p.has_structure || p.has_headers);
	rig_same(0, p.root->subtype, STR("octet-stream"));
	assert_int_equal(p.root->body_start, 1020);
}

/* B90: cut anywhere it is damaged; with any bit turned it may be something
 * else, but never nonsense. */
static void
test_damage(void **state)
{
	struct mime_part *root = mime_parse(arena, str_c(rich), NULL);
	struct str packed = mime_pack(arena, root, 0), copy;
	struct mime_packed p;
	struct err *e;
	size_t i;
	int bit;

	(void)state;
	for (i = 0; i < packed.n; i++) {
		struct arena_mark m = arena_mark(arena);

		copy = rig_exact(str_sub(packed, 0, i));
		e = mime_unpack(arena, copy, NULL, &p);
		if (!err_is(e, ERR_CORRUPT))
			fail_msg("cut at %zu", i);
		rig_free(copy);
		copy = rig_exact(packed);
		for (bit = 0; bit < 8; bit++) {
			char *c = (char *)(uintptr_t)copy.p + i;

			*c = (char)(*c ^ 1 << bit);
			e = mime_unpack(arena, copy, NULL, &p);
			if (e == NULL)
				dump(p.root);
			*c = packed.p[i];
		}
		rig_free(copy);
		arena_rewind(arena, m);
	}
	/* something behind it */
	copy =
	    str_of(memcpy(arena_alloc(arena, packed.n + 1), packed.p, packed.n),
		packed.n + 1);
	assert_true(err_is(mime_unpack(arena, copy, NULL, &p), ERR_CORRUPT));
}

#define LEAF "\x00\x00\x00\x00\x00\x02t\x02s\x00\x00"
#define HEAD "\x01\x02\x01"

static void
test_hostile(void **state)
{
	static const struct {
		struct str in;
		enum err_code code;
	} t[] = {
		{ STR(HEAD LEAF "\x00"), ERR_NONE },
		{ STR("\x02\x02\x01" LEAF "\x00"), ERR_FORMAT },
		{ STR("\xff"), ERR_FORMAT },
		{ STR("\x00\x02\x01" LEAF "\x00"), ERR_CORRUPT },
		{ STR("\x01\x06\x01" LEAF "\x00"), ERR_CORRUPT },
		{ STR(""), ERR_CORRUPT },
		/* has headers, but none are there */
		{ STR("\x01\x03\x01" LEAF "\x00"), ERR_CORRUPT },
		{ STR("\x01\x03\x01" LEAF "\x01"), ERR_NONE },
		/* kinds and flags */
		{ STR(HEAD "\x03\x00\x00\x00\x00\x02t\x02s\x00\x00\x00"),
		    ERR_CORRUPT },
		{ STR(HEAD "\x40\x00\x00\x00\x00\x02t\x02s\x00\x00\x00"),
		    ERR_CORRUPT },
		/* a multipart of none, of many, of one that is too long */
		{ STR(HEAD "\x01\x00\x00\x01\x00\x02t\x02s\x00\x00\x00\x00"),
		    ERR_CORRUPT },
		{ STR(HEAD "\x01\x00\x00\x01\x00\x02t\x02s\x00\x00\x00"
			   "\xff\xff\xff\xff\x0f"),
		    ERR_CORRUPT },
		{ STR(HEAD "\x01\x00\x00\x01\x00\x02t\x02s\x00\x00\x00\x01"
			   "\x00\x00\x00\x02\x00\x02t\x02s\x00\x00"),
		    ERR_CORRUPT },
		{ STR(HEAD "\x01\x00\x00\x01\x00\x02t\x02s\x00\x00\x00\x01"
			   "\x00\x00\x00\x01\x00\x02t\x02s\x00\x00"),
		    ERR_NONE },
		/* numbers: too long, over 64 bits, wrapping round */
		{ STR(HEAD "\x00\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"),
		    ERR_CORRUPT },
		{ STR(HEAD "\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
		    ERR_CORRUPT },
		{ STR(HEAD "\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01"
			   "\x00\x00\x02t\x02s\x00\x00\x00"),
		    ERR_CORRUPT },
		{ STR(HEAD "\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"
			   "\x00\x00\x02t\x02s\x00\x00\x00"),
		    ERR_NONE },
		/* texts: absent where one must be, longer than what there is,
		 * with a line end */
		{ STR(HEAD "\x00\x00\x00\x00\x00\x00\x02s\x00\x00\x00"),
		    ERR_CORRUPT },
		{ STR(HEAD "\x00\x00\x00\x00\x00\x02t\x7fs\x00\x00\x00"),
		    ERR_CORRUPT },
		{ STR(HEAD "\x00\x00\x00\x00\x00\x02\n\x02s\x00\x00\x00"),
		    ERR_CORRUPT },
		/* params */
		{ STR(HEAD "\x00\x00\x00\x00\x00\x02t\x02s\x00\x05\x00"),
		    ERR_CORRUPT },
		{ STR(HEAD "\x00\x00\x00\x00\x00\x02t\x02s\x00\x01\x01\x01"
			   "\x00"),
		    ERR_NONE },
	};
	struct mime_packed p;
	size_t i;

	(void)state;
	for (i = 0; i < countof(t); i++) {
		struct str in = rig_exact(t[i].in);
		struct err *e = mime_unpack(arena, in, NULL, &p);

		if (err_code(e) != t[i].code)
			fail_msg("%zu: %s", i, err_name(err_code(e)));
		rig_free(in);
	}
}

/* Lower limits when reading than when writing. */
static void
test_unpack_limits(void **state)
{
	struct mime_part *root = mime_parse(arena, str_c(rich), NULL);
	struct str packed = mime_pack(arena, root, 0);
	struct mime_limits limits = MIME_LIMITS_DEFAULT;
	struct mime_packed p;

	(void)state;
	limits.parts = 6;
	limits.depth = 4;
	limits.params = 3;
	assert_null(mime_unpack(arena, packed, &limits, &p));
	limits.parts = 5;
	assert_true(err_is(mime_unpack(arena, packed, &limits, &p), ERR_LIMIT));
	limits.parts = 6;
	limits.depth = 3;
	assert_true(err_is(mime_unpack(arena, packed, &limits, &p), ERR_LIMIT));
	limits.depth = 4;
	limits.params = 2;
	assert_true(err_is(mime_unpack(arena, packed, &limits, &p), ERR_LIMIT));
	limits.params = 3;
	limits.addresses = 1;
	assert_null(mime_unpack(arena, packed, &limits, &p));
	assert_null(p.root->envelope->to);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_unpack_limits),
	};

	return RIG_RUN(tests);
}
