/* test_mime_param.c - parameters of Content-Type; RFC 2045 and 2231 */
#include "mime_rig.h"
#include "mime/param.h"

/* type/subtype then [name=value] of each; "" for no type */
static const struct {
	const char *in, *out;
} type_tests[] = {
	{ "text/plain", "text/plain" },
	{ " TEXT / Plain ; Charset=US-ASCII ", "text/plain[charset=US-ASCII]" },
	{ "text/plain; charset=us-ascii (Plain text)",
	    "text/plain[charset=us-ascii]" },
	{ "text/plain; charset=\"us-ascii\"", "text/plain[charset=us-ascii]" },
	{ "text/plain;charset=\"a\\\"b;c\";x=y",
	    "text/plain[charset=a\"b;c][x=y]" },
	{ "text/plain;;; ;a=b;;", "text/plain[a=b]" },
	{ "(c) text/(c)plain(c);(c)a(c)=(c)b(c)", "text/plain[a=b]" },
	{ "a/b; n=", "a/b[n=]" },
	{ "a/b; n=; m=1", "a/b[n=][m=1]" },
	{ "a/b; n=\"\"", "a/b[n=]" },
	{ "a/b; n", "a/b" },
	{ "a/b; n; m=1", "a/b[m=1]" },
	{ "a/b; =1; m=1", "a/b[m=1]" },
	/* not quoted, though it should be */
	{ "a/b; boundary=----=_Part/1", "a/b[boundary=----=_Part/1]" },
	{ "a/b; name=my file (1).pdf; x=y", "a/b[name=my file (1).pdf][x=y]" },
	{ "a/b; name=J\xc3\xb6rg", "a/b[name=J\xc3\xb6rg]" },
	{ "a/b; name=\"a\" x=y", "a/b[name=a][x=y]" },
	{ "a/b x=y", "a/b[x=y]" },
	/* folded */
	{ "a/b;\r\n\tn=\"x\r\n y\"", "a/b[n=x y]" },
	{ "a/b;\r\n n=x\r\n y z;m=1", "a/b[n=x y z][m=1]" },
	/* kept as written */
	{ "a/b; N*0*=utf-8''a%20; n*1=b", "a/b[n*0*=utf-8''a%20][n*1=b]" },
	/* no type */
	{ "", "" },
	{ "text", "" },
	{ "text/", "" },
	{ "/plain", "" },
	{ ";x=y", "" },
	/* the end comes early */
	{ "a/b; n=\"x", "a/b[n=x]" },
	{ "a/b; n=\"x\\", "a/b[n=x\\]" },
	{ "a/b; n=x (c\\", "a/b[n=x]" },
	{ "a/b; n=(", "a/b[n=]" },
};

static struct str
type_text(struct str in, unsigned limit)
{
	struct str type, subtype;
	struct mime_params p;
	struct buf out;
	unsigned i;

	if (!mime_type_parse(arena, in, limit, &type, &subtype, &p))
		return STR("");
	buf_init(&out, arena, 1 << 20);
	buf_str_add(&out, type);
	buf_char(&out, '/');
	buf_str_add(&out, subtype);
	for (i = 0; i < p.n; i++)
		buf_fmt(&out, "[" STR_FMT "=" STR_FMT "]", STR_ARG(p.v[i].name),
		    STR_ARG(p.v[i].value));
	return buf_str(&out);
}

static void
test_type(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < countof(type_tests); i++) {
		struct str in = rig_exact(str_c(type_tests[i].in));

		rig_same(i, type_text(in, 128), str_c(type_tests[i].out));
		rig_free(in);
	}
	rig_same(i, type_text(STR("a/b;c=1;d=2;e=3"), 2), STR("a/b[c=1][d=2]"));
}

/* The value of n; NULL: none. */
static const struct {
	const char *in, *out;
} get_tests[] = {
	{ "n=x", "x" },
	{ "N=x; n=y", "x" },
	{ "m=x", NULL },
	{ "", NULL },
	/* RFC 2231, 3 and 4 */
	{ "n*0=\"ftp://\"; n*1=\"cs.utk.edu/pub/moore\"",
	    "ftp://cs.utk.edu/pub/moore" },
	{ "n*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
	    "This is ***fun***" },
	{ "n*0*=us-ascii'en'This%20is%20even%20more%20;"
	  "n*1*=%2A%2A%2Afun%2A%2A%2A%20; n*2=\"isn't it!\"",
	    "This is even more ***fun*** isn't it!" },
	/* any order; up to the first gap */
	{ "n*1=b; n*0=a; n*2=c", "abc" },
	{ "n*0=a; n*2=c", "a" },
	{ "n*1=b", NULL },
	{ "n*01=b; n*0=a", "a" },
	/* the better form wins */
	{ "n=plain; n*=utf-8''%E2%82%AC", "\xe2\x82\xac" },
	{ "n*=utf-8''%E2%82%AC; n*0=zero", "zero" },
	/* a character cut between two */
	{ "n*0*=utf-8''%E2%82; n*1*=%AC", "\xe2\x82\xac" },
	/* charsets */
	{ "n*=iso-8859-1''%A3%20rates", "\xc2\xa3 rates" },
	{ "n*=''%41", "A" },
	{ "n*=x-unknown''%41%FF", "A\xef\xbf\xbd" },
	{ "n*=plain%20text", "plain text" },
	{ "n*=utf-8'plain%20text", "utf-8'plain text" },
	{ "n*=utf-8''100%", "100%" },
	{ "n*=utf-8''100%4", "100%4" },
	{ "n*=utf-8''a%00%0Ab", "a  b" },
	/* not by the book */
	{ "n=\"=?utf-8?Q?J=C3=B6rg?=\"", "J\xc3\xb6rg" },
	{ "n*0=\"=?utf-8?Q?J=C3=B6\"; n*1=\"rg?=\"", "J\xc3\xb6rg" },
	{ "n=J\xc3\xb6rg", "J\xc3\xb6rg" },
	{ "n=J\xf6rg", "J\xef\xbf\xbdrg" },
};

static void
test_get(void **state)
{
	struct mime_params p;
	struct str v;
	size_t i;

	(void)state;
	for (i = 0; i < countof(get_tests); i++) {
		p = mime_params_parse(arena, str_c(get_tests[i].in), 128);
		if (!mime_params_get(arena, &p, "n", &v))
			v = STR("none");
		rig_same(i, v,
		    str_c(
			get_tests[i].out != NULL ? get_tests[i].out : "none"));
	}
}

/* B75: 10,000 pieces of one parameter. */
static void
test_many(void **state)
{
	struct mime_params p;
	struct str v, want;
	struct buf in;
	unsigned i;

	(void)state;
	buf_init(&in, arena, 1 << 20);
	for (i = 0; i < 10000; i++)
		buf_fmt(&in, "; n*%u*=%%41", i);
	p = mime_params_parse(arena, buf_str(&in), 128);
	assert_int_equal(p.n, 128);
	assert_true(mime_params_get(arena, &p, "n", &v));
	want = str_of(memset(arena_alloc(arena, 128), 'A', 128), 128);
	rig_same(0, v, want);
}

static void
test_token(void **state)
{
	struct mime_params p;
	struct str token;

	(void)state;
	assert_true(mime_token_parse(arena, STR("Attachment; filename=a"), 8,
	    &token, &p));
	rig_same(0, token, STR("attachment"));
	assert_int_equal(p.n, 1);
	assert_false(
	    mime_token_parse(arena, STR("; filename=a"), 8, &token, &p));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_type),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_token),
	};

	return RIG_RUN(tests);
}
