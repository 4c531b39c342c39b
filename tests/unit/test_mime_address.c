/* test_mime_address.c - address lists and envelopes */
#include "mime_rig.h"
#include "mime/envelope.h"

/* name|adl|mailbox|host */
static const struct {
	const char *in, *out;
} addr_tests[] = {
	{ "", "" },
	{ " , ,; ", "" },
	{ "a@b", "-|-|a|b" },
	{ " a.b.c@d.example ", "-|-|a.b.c|d.example" },
	{ "<a@b>", "-|-|a|b" },
	{ "Joe <a@b>", "Joe|-|a|b" },
	{ "Joe Q. Public <a@b>", "Joe Q. Public|-|a|b" },
	{ "\"Joe, Q.\" <a@b>", "Joe, Q.|-|a|b" },
	{ "\"a \\\"b\\\" \\\\\" <a@b>", "a \"b\" \\|-|a|b" },
	{ "Joe \"the\"  Boss <a@b>", "Joe the Boss|-|a|b" },
	{ "\"\" <a@b>", "|-|a|b" },
	{ "a@b,c@d", "-|-|a|b -|-|c|d" },
	{ "a@b,,c@d,", "-|-|a|b -|-|c|d" },
	/* semicolons, as some write them */
	{ "a@b; c@d", "-|-|a|b -|-|c|d" },
	/* comments */
	{ "a@b (Joe)", "Joe|-|a|b" },
	{ "(Joe) a@b", "Joe|-|a|b" },
	{ "a@b (Joe (the \\) boss))", "Joe (the ) boss)|-|a|b" },
	{ "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
	    "Pete|-|pete|silly.test" },
	{ "a(x)@(y)b(z)", "z|-|a|b" },
	{ "a@b (not closed, c@d", "not closed, c@d|-|a|b" },
	/* folding */
	{ "Joe\r\n Doe\r\n <a@b>", "Joe Doe|-|a|b" },
	/* quoted local parts, literals */
	{ "\"a b\"@c", "-|-|a b|c" },
	{ "\"a@b\"@c", "-|-|a@b|c" },
	{ "a@[127.0.0.1]", "-|-|a|[127.0.0.1]" },
	{ "<a@[IPv6:2001:db8::1]>", "-|-|a|[IPv6:2001:db8::1]" },
	{ "a . b @ c . d", "-|-|a.b|c.d" },
	/* routes */
	{ "<@a,@b.c:d@e>", "-|@a,@b.c|d|e" },
	{ "Joe <@a:d@e>", "Joe|@a|d|e" },
	{ "<@a, , @b:d@e>", "-|@a,@b|d|e" },
	{ "<@host>", "-|-||host" },
	{ "<@a@b>", "-|-|@a|b" },
	{ "<@a,b@c>", "-|-||a -|-|b|c" },
	/* groups */
	{ "team: a@b, Joe <c@d>;", "-|-|team|- { -|-|a|b Joe|-|c|d -|-|-|- }" },
	{ "undisclosed-recipients:;",
	    "-|-|undisclosed-recipients|- { -|-|-|- }" },
	{ "A Group:Ed Jones <joe@where.test>,john@jdoe.test;, x@y",
	    "-|-|A Group|- { Ed Jones|-|joe|where.test -|-|john|jdoe.test "
	    "-|-|-|- } -|-|x|y" },
	{ "not closed: a@b", "-|-|not closed|- { -|-|a|b -|-|-|- }" },
	{ "g1: a@b; g2: ;",
	    "-|-|g1|- { -|-|a|b -|-|-|- } -|-|g2|- { -|-|-|- }" },
	{ "g: x:y@z;", "-|-|g|- { -|-|x:y|z -|-|-|- }" },
	{ ":;", "-|-||- { -|-|-|- }" },
	/* UTF-8, encoded words, 8-bit garbage */
	{ "J\xc3\xb6rg <j\xc3\xb6rg@b\xc3\xbc.example>",
	    "J\xc3\xb6rg|-|j\xc3\xb6rg|b\xc3\xbc.example" },
	{ "=?utf-8?Q?J=C3=B6rg?= <a@b>", "=?utf-8?Q?J=C3=B6rg?=|-|a|b" },
	{ "J\xf6rg <a@b>", "J\xf6rg|-|a|b" },
	/* seen in the wild */
	{ "a@b <c@d>", "a@b|-|c|d" },
	{ "[Spam] Joe <a@b>", "[Spam] Joe|-|a|b" },
	{ "Joe Doe joe@example.test", "Joe Doe|-|joe|example.test" },
	{ "Joe Doe", "-|-|Joe Doe|" },
	{ "root", "-|-|root|" },
	{ "<>", "-|-||" },
	{ "<a@b", "-|-|a|b" },
	{ "a@b>", "-|-|a|b" },
	{ "Joe <<a@b>>", "Joe|-|<a|b" },
	{ "a@b@c", "-|-|a@b|c" },
	{ "<a@b@c>", "-|-|a@b|c" },
	{ "a@", "-|-|a|" },
	{ "@b", "-|-||b" },
	{ "<a b@c>", "-|-|ab|c" },
	{ "a@b c@d", "-|-|a|b" },
	{ "\"not closed <a@b>, c@d", "-|-|not closed <a@b>, c@d|" },
	{ "Joe <a@b> junk (Moe), c@d", "Joe|-|a|b -|-|c|d" },
	{ "a@b \"x, y\", c@d", "-|-|a|b -|-|c|d" },
	{ "mailto:a@b", "-|-|mailto|- { -|-|a|b -|-|-|- }" },
	/* ends in a backslash */
	{ "a@b (x\\", "x\\|-|a|b" },
	{ "\"x\\", "-|-|x\\|" },
	{ "(\\", "" },
	{ "a@[1\\", "-|-|a|[1\\" },
};

static void
test_parse(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < countof(addr_tests); i++) {
		struct str in = rig_exact(str_c(addr_tests[i].in));
		unsigned left = 100;

		rig_same(i, rig_addresses(mime_addr_parse(arena, in, &left)),
		    str_c(addr_tests[i].out));
		rig_free(in);
	}
}

/* B76: only so many addresses are made, and a group ends all the same. */
static void
test_limit(void **state)
{
	unsigned left = 1000, n = 0, ends = 0;
	struct mime_addr *addr;
	struct buf in;
	int i;

	(void)state;
	buf_init(&in, arena, 4 << 20);
	buf_c(&in, "g:");
	for (i = 0; i < 100000; i++)
		buf_fmt(&in, "a%d@example.org,", i);
	addr = mime_addr_parse(arena, buf_str(&in), &left);
	for (; addr != NULL; addr = addr->next) {
		n++;
		ends += addr->kind == MIME_ADDR_GROUP_END;
	}
	assert_int_equal(left, 0);
	assert_int_equal(n, 1001);
	assert_int_equal(ends, 1);
	assert_null(mime_addr_parse(arena, STR("a@b"), &left));
}

static void
test_spec(void **state)
{
	static const struct {
		const char *mailbox, *host, *out;
	} t[] = {
		{ "a", "b", "a@b" },
		{ "a.b", "c", "a.b@c" },
		{ "a b", "c", "\"a b\"@c" },
		{ "a..b", "c", "\"a..b\"@c" },
		{ ".a", "c", "\".a\"@c" },
		{ "a.", "c", "\"a.\"@c" },
		{ "", "c", "\"\"@c" },
		{ "a\"\\b", "c", "\"a\\\"\\\\b\"@c" },
		{ "j\xc3\xb6rg", "c", "j\xc3\xb6rg@c" },
	};
	struct buf out;
	size_t i;

	(void)state;
	for (i = 0; i < countof(t); i++) {
		struct mime_addr addr = { .mailbox = str_c(t[i].mailbox),
			.host = str_c(t[i].host) };

		buf_init(&out, arena, 256);
		mime_addr_spec(&out, &addr);
		rig_same(i, buf_str(&out), str_c(t[i].out));
	}
}

static void
test_envelope(void **state)
{
	struct str headers = STR("Date: Sat, 1 Jan 2000 00:00:00 +0000\r\n"
				 "Subject: one\r\n two\r\n"
				 "Subject: second\r\n"
				 "FROM: a@b\r\n"
				 "To: c@d\r\n"
				 "to: e@f\r\n"
				 "Reply-To:\r\n"
				 "Sender: g@h\r\n"
				 "Bcc:\r\n"
				 "In-Reply-To: \r\n"
				 "Message-ID: <x@y> \r\n");
	unsigned left = 100;
	struct mime_envelope *e = mime_envelope_parse(arena, headers, &left);

	(void)state;
	assert_int_equal(left, 96);
	rig_same(0, e->date, STR("Sat, 1 Jan 2000 00:00:00 +0000"));
	rig_same(1, e->subject, STR("one two"));
	rig_same(2, rig_addresses(e->from), STR("-|-|a|b"));
	rig_same(3, rig_addresses(e->sender), STR("-|-|g|h"));
	/* there, but empty: from stands for it */
	assert_ptr_equal(e->reply_to, e->from);
	rig_same(4, rig_addresses(e->to), STR("-|-|c|d -|-|e|f"));
	assert_null(e->cc);
	assert_null(e->bcc);
	assert_non_null(e->in_reply_to.p);
	assert_int_equal(e->in_reply_to.n, 0);
	rig_same(5, e->message_id, STR("<x@y>"));

	e = mime_envelope_parse(arena, STR(""), &left);
	assert_null(e->date.p);
	assert_null(e->subject.p);
	assert_null(e->from);
	assert_null(e->sender);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_spec),
		cmocka_unit_test(test_envelope),
	};

	return RIG_RUN(tests);
}
