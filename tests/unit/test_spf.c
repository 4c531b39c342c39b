/* test_spf.c - SPF's grammar, macros and limits; tests/mailauth runs the suite
 * of RFC 7208 */
#include "server/mailauth/spf_private.h"

#include "tests/unit/mailauth_rig.h"
#include "tests/unit/test.h"

static void
test_parse(void **state)
{
	static const struct {
		const char *record;
		bool ok;
		unsigned terms;
	} cases[] = {
		{ "v=spf1", true, 0 },
		{ "v=spf1   ", true, 0 },
		{ "v=spf1 -all", true, 1 },
		{ "v=spf1 A MX:example.org/24 ?Ptr ~eXists:%{i}.x.org", true,
		    4 },
		{ "v=spf1 a/24 a//64 a/24//64 mx:a.b/0//0", true, 4 },
		{ "v=spf1 ip4:192.0.2.1 ip4:192.0.2.0/24 ip6:2001:db8::/32",
		    true, 3 },
		{ "v=spf1 redirect=a.org exp=%{d}.b.org x-y_z.1=%{s}/", true,
		    0 },
		{ "v=spf1 include:a.b. ip6:::/0", true, 2 },
		{ "v=spf1 unknown", false, 0 },
		{ "v=spf1 all:x", false, 0 },
		{ "v=spf1 --all", false, 0 },
		{ "v=spf1\tall", false, 0 },
		{ "v=spf1 include", false, 0 },
		{ "v=spf1 include:", false, 0 },
		{ "v=spf1 include:a.b/24", false, 0 },
		{ "v=spf1 a/33", false, 0 },
		{ "v=spf1 a/024", false, 0 },
		{ "v=spf1 a//129", false, 0 },
		{ "v=spf1 a/99999999999", false, 0 },
		{ "v=spf1 a/", false, 0 },
		{ "v=spf1 a:/24", false, 0 },
		{ "v=spf1 a:museum", false, 0 },
		{ "v=spf1 a:a.123", false, 0 },
		{ "v=spf1 a:a.b-", false, 0 },
		{ "v=spf1 a:a.-b", false, 0 },
		{ "v=spf1 ip4:1.2.3", false, 0 },
		{ "v=spf1 ip4:1.2.3.04", false, 0 },
		{ "v=spf1 ip4:1.2.3.4/33", false, 0 },
		{ "v=spf1 ip4", false, 0 },
		{ "v=spf1 ip6:1.2.3.4", false, 0 },
		{ "v=spf1 ip6:::/129", false, 0 },
		{ "v=spf1 ip6:fe80::1%eth0", false, 0 },
		{ "v=spf1 redirect=a.b redirect=a.c", false, 0 },
		{ "v=spf1 exp=a.b exp=a.b", false, 0 },
		{ "v=spf1 exp=", false, 0 },
		{ "v=spf1 -redirect=a.b", false, 0 },
		{ "v=spf1 x=%", false, 0 },
		{ "v=spf1 1x=a", false, 0 },
		{ "v=spf1 a:\xc3\xa4.org", false, 0 },
		{ "v=spf1 a:%{x}.org", false, 0 },
		{ "v=spf1 a:%{c}.org", false, 0 },
		{ "v=spf1 a:%{d0}.org", false, 0 },
		{ "v=spf1 a:%{d", false, 0 },
		{ "v=spf1 a:%{dr1}.org", false, 0 },
		{ "v=spf1 a:%a.org", false, 0 },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct spf_record r;
		const char *why = spf_parse(a, str_c(cases[i].record), &r);

		test_row(i, (why == NULL) == cases[i].ok);
		if (cases[i].ok)
			test_row(i, r.n == cases[i].terms);
	}
	arena_free(&a);
}

static void
test_is_record(void **state)
{
	(void)state;
	assert_true(spf_is_record(STR("v=spf1")));
	assert_true(spf_is_record(STR("V=SPF1 -all")));
	assert_false(spf_is_record(STR("v=spf10")));
	assert_false(spf_is_record(STR("v=spf1\t")));
	assert_false(spf_is_record(STR(" v=spf1")));
	assert_false(spf_is_record(STR("v=spf")));
	assert_false(spf_is_record(STR("")));
}

/* RFC 7208, 7.4, and more */
static void
test_macros(void **state)
{
	static const struct {
		const char *text, *four, *six; /* six NULL: as four */
	} cases[] = {
		{ "%{s}", "strong-bad@email.example.com", NULL },
		{ "%{o}", "email.example.com", NULL },
		{ "%{d}", "email.example.com", NULL },
		{ "%{d4}", "email.example.com", NULL },
		{ "%{d3}", "email.example.com", NULL },
		{ "%{d2}", "example.com", NULL },
		{ "%{d1}", "com", NULL },
		{ "%{dr}", "com.example.email", NULL },
		{ "%{d2r}", "example.email", NULL },
		{ "%{l}", "strong-bad", NULL },
		{ "%{l-}", "strong.bad", NULL },
		{ "%{lr}", "strong-bad", NULL },
		{ "%{lr-}", "bad.strong", NULL },
		{ "%{l1r-}", "strong", NULL },
		{ "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com",
		    "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0."
		    "1.0.0.2.ip6._spf.example.com" },
		{ "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com",
		    NULL },
		{ "%{d2}.trusted-domains.example.net",
		    "example.com.trusted-domains.example.net", NULL },
		{ "%{c}", "192.0.2.3", "2001:db8::cb01" },
		{ "%{h} %{p} %{r} %{t}",
		    "mx.example.org unknown unknown 1700000000", NULL },
		{ "%%%_%-", "% %20", NULL },
		{ "%{S}", "strong-bad%40email.example.com", NULL },
		{ "%{d999999999999}", "email.example.com", NULL },
		{ "%{s+-@}", "", NULL }, /* no delimiter: never gets here */
		{ "%{o.,/}x", "email.example.comx", NULL },
	};
	struct net_addr four, six;
	struct spf_macro m = { .local = STR("strong-bad"),
		.sender_domain = STR("email.example.com"),
		.helo = STR("mx.example.org"),
		.domain = STR("email.example.com"),
		.wall_s = 1700000000 };
	struct arena *a = arena_new(0);

	(void)state;
	assert_true(net_addr_parse(STR("192.0.2.3"), &four));
	assert_true(net_addr_parse(STR("2001:db8::cb01"), &six));
	for (size_t i = 0; i < countof(cases) * 2; i++) {
		const char *text = cases[i / 2].text;
		const char *want = cases[i / 2].six;
		struct buf out;

		if (i % 2 == 0 || want == NULL)
			want = cases[i / 2].four;
		m.ip = i % 2 == 0 ? &four : &six;
		buf_init(&out, a, 1000);
		test_row(i,
		    spf_macro_is_explain(str_c(text)) == (want[0] != '\0'));
		spf_macro_expand(&out, &m, str_c(text));
		test_row(i, buf_ok(&out));
		test_row_str(i, buf_str(&out), str_c(want));
	}
	assert_true(spf_macro_needs_p(STR("a.%{P2r}.b")));
	assert_false(spf_macro_needs_p(STR("%%{p}")));
	arena_free(&a);
}

/* A record as long as DNS can bring it costs neither time nor memory. */
static void
test_long(void **state)
{
	struct net_addr ip;
	struct spf_macro m = { .local = STR("l"), .ip = &ip };
	struct arena *a = arena_new(0);
	struct buf text, out, local;
	struct spf_record r;

	(void)state;
	assert_true(net_addr_parse(STR("192.0.2.3"), &ip));
	buf_init(&local, a, 1000);
	for (unsigned i = 0; i < 900; i++)
		buf_char(&local, 'x');
	m.local = buf_str(&local);
	buf_init(&text, a, 4 << 20);
	for (unsigned i = 0; i < 1 << 20; i++)
		buf_c(&text, "%{l}");
	for (unsigned i = 0; i < 20; i++) {
		buf_init(&out, a, SPF_EXPANDED_MAX);
		spf_macro_expand(&out, &m, buf_str(&text));
		assert_false(buf_ok(&out));
		assert_int_equal(out.n, SPF_EXPANDED_MAX);
	}
	buf_init(&text, a, 65536);
	buf_c(&text, "v=spf1");
	for (unsigned i = 0; i < SPF_TERMS_MAX; i++)
		buf_c(&text, "  a");
	assert_null(spf_parse(a, buf_str(&text), &r));
	assert_int_equal(r.n, SPF_TERMS_MAX);
	buf_c(&text, " a");
	assert_non_null(spf_parse(a, buf_str(&text), &r));
	arena_free(&a);
}

static void
test_within(void **state)
{
	static const struct {
		const char *ip, *net;
		unsigned bits;
		bool in;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1", 32, true },
		{ "192.0.2.1", "192.0.2.0", 32, false },
		{ "192.0.2.1", "192.0.2.0", 31, true },
		{ "192.0.2.129", "192.0.2.0", 25, false },
		{ "192.0.2.129", "192.0.2.0", 24, true },
		{ "1.2.3.4", "255.255.255.255", 0, true },
		{ "2001:db8::1", "2001:db8::", 127, true },
		{ "2001:db8::2", "2001:db8::", 127, false },
		{ "2001:db8::2", "::", 0, true },
		{ "192.0.2.1", "2001:db8::", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct net_addr ip, net;

		test_row(i, net_addr_parse(str_c(cases[i].ip), &ip));
		test_row(i, net_addr_parse(str_c(cases[i].net), &net));
		test_row(i,
		    spf_within(&ip, &net, cases[i].bits) == cases[i].in);
	}
}

/* ---- check_host() */

#define TXT(n, t)                                                              \
	{                                                                      \
		.name = n, .type = DNS_TXT, .text = t                          \
	}
#define ADDR(n, t)                                                             \
	{                                                                      \
		.name = n, .type = DNS_A, .text = t                            \
	}
static const struct dns_rig_row rows[] = {
	TXT("ok.example.org", "v=spf1 ip4:192.0.2.1 -all exp=why.example.org"),
	TXT("why.example.org", "%{i} may not send as %{s} (%{r})"),
	TXT("mx1.example.org", "v=spf1 a -all"),
	ADDR("mx1.example.org", "192.0.2.1"),
	/* 10 and 11 terms that ask */
	TXT("ten.example.org",
	    "v=spf1 a a a a a a a a a a:mx1.example.org -all"),
	ADDR("ten.example.org", "192.0.2.9"),
	TXT("eleven.example.org",
	    "v=spf1 a a a a a a a a a a a:mx1.example.org -all"),
	ADDR("eleven.example.org", "192.0.2.9"),
	/* 2 and 3 that find nothing */
	TXT("void2.example.org",
	    "v=spf1 a:1.no.example mx:2.no.example a:mx1.example.org -all"),
	TXT("void3.example.org",
	    "v=spf1 a:1.no.example mx:2.no.example exists:3.no.example +all"),
	TXT("loop.example.org", "v=spf1 include:loop.example.org -all"),
	TXT("round.example.org", "v=spf1 redirect=round.example.org"),
	TXT("two.example.org", "v=spf1 -all"),
	TXT("two.example.org", "v=spf1 +all"),
	TXT("other.example.org", "google-site-verification=x"),
	TXT("other.example.org", "v=spf1 ?all"),
	TXT("bad.example.org", "v=spf1 +all never:heard.of"),
	{ .name = "lost.example.org", .type = DNS_TXT, .status = DNS_TEMP },
	{ .name = "bogus.example.org", .type = DNS_TXT, .status = DNS_BOGUS },
	TXT("slow.example.org",
	    "v=spf1 a:s1.example.org a:s2.example.org -all"),
	{ .name = "s1.example.org",
	    .type = DNS_A,
	    .text = "192.0.2.9",
	    .delay_ms = 14000 },
	{ .name = "s2.example.org",
	    .type = DNS_A,
	    .text = "192.0.2.1",
	    .delay_ms = 14000 },
	TXT("v6.example.org", "v=spf1 ip6:2001:db8::/32 -all"),
	TXT("mapped.example.org", "v=spf1 ip6:::ffff:192.0.2.1 -all"),
	TXT("local.example.org", "v=spf1 exists:%{l}.u.example.org -all"),
	ADDR("jo.u.example.org", "127.0.0.2"),
	TXT("softly.example.org", "v=spf1 ~all"),
	TXT("nexp.example.org", "v=spf1 -all exp=nowhere.example.org"),
	TXT("xn--bcher-kva.example", "v=spf1 ip4:192.0.2.1 -all"),
	{ .name = "1.2.0.192.in-addr.arpa",
	    .type = DNS_PTR,
	    .text = "mx1.example.org" },
	TXT("ptr.example.org", "v=spf1 ptr:example.org -all"),
	TXT("p.example.org", "v=spf1 exists:%{p}.p.example.org -all"),
	ADDR("mx1.example.org.p.example.org", "127.0.0.2"),
};

struct one {
	const char *ip, *helo, *from;
	enum spf_result result;
	const char *explanation, *why;
};

static const struct one checks[] = {
	{ "192.0.2.1", "h.x", "a@ok.example.org", SPF_PASS, "", "" },
	{ "192.0.2.2", "h.x", "a@ok.example.org", SPF_FAIL,
	    "192.0.2.2 may not send as a@ok.example.org (mx.test)", "" },
	{ "192.0.2.2", "h.x", "\"a\xc3\xa4\x01\"@ok.example.org", SPF_FAIL,
	    "192.0.2.2 may not send as \"a???\"@ok.example.org (mx.test)", "" },
	{ "192.0.2.1", "mx1.example.org", "", SPF_PASS, "", "" },
	{ "192.0.2.2", "mx1.example.org", "", SPF_FAIL, "", "" },
	{ "192.0.2.2", "localhost", "", SPF_NONE, "", "no domain to check" },
	{ "192.0.2.2", "[192.0.2.2]", "", SPF_NONE, "", "no domain to check" },
	{ "192.0.2.2", "h.x", "a@", SPF_NONE, "", "no domain to check" },
	{ "192.0.2.2", "h.x", "a@b", SPF_NONE, "", "no domain to check" },
	{ "192.0.2.2", "h.x", "a@b..example", SPF_NONE, "",
	    "no domain to check" },
	{ "192.0.2.2", "h.x", "a@\xff.example", SPF_NONE, "",
	    "no domain to check" },
	{ "192.0.2.2", "h.x", "a@no.example", SPF_NONE, "", "" },
	{ "192.0.2.1", "h.x", "a@ten.example.org", SPF_PASS, "", "" },
	{ "192.0.2.1", "h.x", "a@eleven.example.org", SPF_PERMERROR, "",
	    "10 look-ups were not enough" },
	{ "192.0.2.1", "h.x", "a@void2.example.org", SPF_PASS, "", "" },
	{ "192.0.2.1", "h.x", "a@void3.example.org", SPF_PERMERROR, "",
	    "more than 2 look-ups that found nothing" },
	{ "192.0.2.1", "h.x", "a@loop.example.org", SPF_PERMERROR, "",
	    "10 look-ups were not enough" },
	{ "192.0.2.1", "h.x", "a@round.example.org", SPF_PERMERROR, "",
	    "10 look-ups were not enough" },
	{ "192.0.2.1", "h.x", "a@two.example.org", SPF_PERMERROR, "",
	    "two.example.org: several records" },
	{ "192.0.2.1", "h.x", "a@other.example.org", SPF_NEUTRAL, "", "" },
	{ "192.0.2.1", "h.x", "a@bad.example.org", SPF_PERMERROR, "",
	    "bad.example.org: \"never:heard.of\" is no term of a record" },
	{ "192.0.2.1", "h.x", "a@lost.example.org", SPF_TEMPERROR, "",
	    "lost.example.org could not be looked up" },
	{ "192.0.2.1", "h.x", "a@bogus.example.org", SPF_TEMPERROR, "",
	    "bogus.example.org could not be looked up" },
	/* SPF_MS for all */
	{ "192.0.2.1", "h.x", "a@slow.example.org", SPF_TEMPERROR, "",
	    "s2.example.org could not be looked up" },
	{ "2001:db8::1", "h.x", "a@v6.example.org", SPF_PASS, "", "" },
	{ "2001:db9::1", "h.x", "a@v6.example.org", SPF_FAIL, "", "" },
	{ "192.0.2.1", "h.x", "a@v6.example.org", SPF_FAIL, "", "" },
	/* an IPv4 client is one, whatever its socket (5) */
	{ "::ffff:192.0.2.1", "h.x", "a@ok.example.org", SPF_PASS, "", "" },
	{ "192.0.2.1", "h.x", "a@mapped.example.org", SPF_FAIL, "", "" },
	{ "192.0.2.1", "h.x", "JO@local.example.org", SPF_PASS, "", "" },
	{ "192.0.2.1", "h.x", "al@local.example.org", SPF_FAIL, "", "" },
	{ "192.0.2.1", "h.x", "x@softly.example.org", SPF_SOFTFAIL, "", "" },
	{ "192.0.2.1", "h.x", "x@nexp.example.org", SPF_FAIL, "", "" },
	{ "192.0.2.1", "h.x", "x@OK.example.ORG.", SPF_PASS, "", "" },
	{ "192.0.2.1", "h.x",
	    "x@b\xc3\xbc"
	    "cher.example",
	    SPF_PASS, "", "" },
	{ "192.0.2.1", "h.x", "x@ptr.example.org", SPF_PASS, "", "" },
	{ "192.0.2.2", "h.x", "x@ptr.example.org", SPF_FAIL, "", "" },
	{ "192.0.2.1", "h.x", "x@p.example.org", SPF_PASS, "", "" },
	{ "unix", "h.x", "x@p.example.org", SPF_NONE, "",
	    "not over the network" },
};

static may_yield void
check_all(struct task *t, struct mailauth_rig *r)
{
	for (size_t i = 0; i < countof(checks); i++) {
		struct net_addr ip = { .family = NET_UNIX };
		struct spf s = { .ip = &ip,
			.helo = str_c(checks[i].helo),
			.from = str_c(checks[i].from),
			.receiver = STR("mx.test") };
		uint64_t before = task_now_ms(t);

		if (strcmp(checks[i].ip, "unix") != 0)
			test_row(i, net_addr_parse(str_c(checks[i].ip), &ip));
		spf_check(t, r->dns, &s);
		test_row_str(i, str_c(spf_result_name(s.result)),
		    str_c(spf_result_name(checks[i].result)));
		test_row_str(i, s.explanation, str_c(checks[i].explanation));
		test_row_str(i, s.why, str_c(checks[i].why));
		test_row(i, s.is_helo == (checks[i].from[0] == '\0'));
		test_row(i, task_now_ms(t) - before <= SPF_MS);
		test_row(i, task_deadline(t) == 0);
	}
}

static void
test_check(void **state)
{
	struct mailauth_rig r;

	(void)state;
	mailauth_rig_open(&r, rows, countof(rows));
	mailauth_rig_run(&r, check_all, NULL);
	mailauth_rig_close(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_is_record),
		cmocka_unit_test(test_macros),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_within),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests_name("spf", tests, NULL, NULL);
}
