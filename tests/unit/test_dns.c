/* test_dns.c - what is made of answers, over a table */
#include "tests/unit/test.h"

#include "tests/unit/dns_rig.h"
#include "tests/unit/share_rig.h"

static const struct dns_rig_row rows[] = {
	{ .name = "example.org", .type = DNS_MX, .text = "20 b.example.org" },
	{ .name = "example.org", .type = DNS_MX, .text = "10 a1.example.org" },
	{ .name = "example.org", .type = DNS_MX, .text = "10 a2.example.org" },
	{ .name = "example.org", .type = DNS_MX, .text = "10 a3.example.org" },
	{ .name = "example.org", .type = DNS_MX, .text = "5 ." },
	{ .name = "null.example", .type = DNS_MX, .text = "0 ." },
	{ .name = "odd.example", .type = DNS_MX, .text = "0 a\tb.example" },
	{ .name = "lost.example", .type = DNS_MX, .status = DNS_TEMP },
	{ .name = "faked.example", .type = DNS_MX, .status = DNS_BOGUS },
	{ .name = "both.example", .type = DNS_A, .text = "192.0.2.1" },
	{ .name = "both.example", .type = DNS_A, .text = "192.0.2.2" },
	{ .name = "both.example", .type = DNS_AAAA, .text = "2001:db8::1" },
	{ .name = "half.example", .type = DNS_A, .text = "192.0.2.3" },
	{ .name = "half.example",
	    .type = DNS_AAAA,
	    .status = DNS_TEMP,
	    .delay_ms = 100 },
	{ .name = "none.example", .type = DNS_A, .status = DNS_NO_DATA },
	{ .name = "none.example", .type = DNS_AAAA, .status = DNS_TEMP },
	{ .name = "never.example",
	    .type = DNS_A,
	    .text = "192.0.2.4",
	    .delay_ms = DNS_RIG_NEVER },
	{ .name = "never.example",
	    .type = DNS_AAAA,
	    .text = "2001:db8::4",
	    .delay_ms = DNS_RIG_NEVER },
	{ .name = "slow.example",
	    .type = DNS_A,
	    .text = "192.0.2.4",
	    .delay_ms = DNS_RIG_NEVER },
	{ .name = "slow.example",
	    .type = DNS_AAAA,
	    .text = "2001:db8::4",
	    .delay_ms = 10 },
	{ .name = "alias.example", .type = DNS_CNAME, .text = "both.example" },
	{ .name = "text.example", .type = DNS_TXT, .text = "one\n two\nthree" },
	{ .name = "text.example", .type = DNS_TXT, .text = "" },
	{ .name = "1.2.0.192.in-addr.arpa",
	    .type = DNS_PTR,
	    .text = "wrong.example" },
	{ .name = "1.2.0.192.in-addr.arpa",
	    .type = DNS_PTR,
	    .text = "lost.example" },
	{ .name = "1.2.0.192.in-addr.arpa",
	    .type = DNS_PTR,
	    .text = "BOTH.example" },
	{ .name = "9.2.0.192.in-addr.arpa",
	    .type = DNS_PTR,
	    .text = "both.example" },
	{ .name = "8.2.0.192.in-addr.arpa",
	    .type = DNS_PTR,
	    .text = "both.example" },
	{ .name = "8.2.0.192.in-addr.arpa",
	    .type = DNS_PTR,
	    .text = "tempa.example" },
	{ .name = "tempa.example", .type = DNS_A, .status = DNS_TEMP },
	{ .name = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1."
		  "0.0.2.ip6.arpa",
	    .type = DNS_PTR,
	    .text = "both.example" },
};

static struct dns *dns;

static void
run(void (*fn)(struct task *t, struct rig *r))
{
	struct rig r;

	rig_open(&r);
	dns = dns_rig_new(r.sched, rows, countof(rows));
	rig_run(&r, fn);
	assert_int_equal(dns->open, 0);
	dns_free(&dns);
	rig_close(&r);
}

/* --- tests --- */

static may_yield void
mx(struct task *t, struct rig *r)
{
	struct dns_mx *list;
	unsigned n, seen = 0;
	bool null;

	(void)r;
	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(dns_mx(t, dns, STR("Example.ORG."), &list, &n,
				     &null),
		    DNS_FOUND);
		assert_false(null);
		assert_int_equal(n, 4);
		assert_int_equal(list[0].preference, 10);
		assert_int_equal(list[2].preference, 10);
		assert_true(str_eq_c(list[3].host, "b.example.org"));
		assert_true(list[0].host.n == 14);
		seen |= 1U << (list[0].host.p[1] - '0');
	}
	/* each of the three equals was first some time */
	assert_int_equal(seen, 2 + 4 + 8);
	assert_int_equal(dns_mx(t, dns, STR("null.example"), &list, &n, &null),
	    DNS_FOUND);
	assert_true(null && n == 0);
	assert_int_equal(dns_mx(t, dns, STR("odd.example"), &list, &n, &null),
	    DNS_FOUND);
	assert_true(!null && n == 0);
	assert_int_equal(dns_mx(t, dns, STR("lost.example"), &list, &n, &null),
	    DNS_TEMP);
	assert_int_equal(dns_mx(t, dns, STR("faked.example"), &list, &n, &null),
	    DNS_BOGUS);
	assert_int_equal(dns_mx(t, dns, STR("both.example"), &list, &n, &null),
	    DNS_NO_DATA);
	assert_int_equal(dns_mx(t, dns, STR("no.example"), &list, &n, &null),
	    DNS_NO_DOMAIN);
}

static void
test_mx(void **state)
{
	(void)state;
	run(mx);
}

static may_yield void
addresses(struct task *t, struct rig *r)
{
	static const struct {
		const char *name;
		enum dns_status status;
		unsigned n;
		const char *first;
	} want[] = {
		{ "both.example", DNS_FOUND, 3, "2001:db8::1" },
		{ "alias.example", DNS_FOUND, 3, "2001:db8::1" },
		{ "half.example", DNS_FOUND, 1, "192.0.2.3" },
		{ "slow.example", DNS_FOUND, 1, "2001:db8::4" },
		{ "none.example", DNS_TEMP, 0, NULL },
		{ "never.example", DNS_TEMP, 0, NULL },
		{ "text.example", DNS_NO_DATA, 0, NULL },
		{ "no.example", DNS_NO_DOMAIN, 0, NULL },
		{ "a..b", DNS_NO_DOMAIN, 0, NULL },
		{ "", DNS_NO_DOMAIN, 0, NULL },
	};
	struct net_addr *list;
	char text[NET_TEXT_MAX];
	unsigned n;

	(void)r;
	for (size_t i = 0; i < countof(want); i++) {
		test_row(i, dns_addresses(t, dns, str_c(want[i].name), &list,
				&n) == want[i].status);
		test_row(i, n == want[i].n);
		if (n > 0)
			test_row_str(i, str_c(net_addr_text(&list[0], text)),
			    str_c(want[i].first));
	}
	assert_int_equal(dns_rig_of(dns)->cancelled, 3);
}

static void
test_addresses(void **state)
{
	(void)state;
	run(addresses);
}

/* Nobody waits longer than DNS_QUERY_MS, or than he has time. */
static may_yield void
limits(struct task *t, struct rig *r)
{
	struct dns_answer a;
	uint64_t from = r->now;

	dns_query(t, dns, STR("never.example"), DNS_A, &a);
	assert_int_equal(a.status, DNS_TEMP);
	assert_string_equal(a.why, "no answer in time");
	assert_int_equal(r->now - from, DNS_QUERY_MS);
	from = r->now;
	task_set_deadline(t, from + 500);
	dns_query(t, dns, STR("never.example"), DNS_A, &a);
	assert_int_equal(a.status, DNS_TEMP);
	assert_int_equal(r->now - from, 500);
	/* over already */
	dns_query(t, dns, STR("never.example"), DNS_A, &a);
	assert_int_equal(a.status, DNS_TEMP);
	assert_int_equal(r->now - from, 500);
	task_set_deadline(t, 0);
}

static void
test_limits(void **state)
{
	(void)state;
	run(limits);
}

static may_yield void
txt(struct task *t, struct rig *r)
{
	struct str *list;
	unsigned n;

	(void)r;
	assert_int_equal(dns_txt(t, dns, STR("text.example"), &list, &n),
	    DNS_FOUND);
	assert_int_equal(n, 2);
	assert_true(str_eq_c(list[0], "one twothree"));
	assert_int_equal(list[1].n, 0);
	assert_int_equal(dns_txt(t, dns, STR("both.example"), &list, &n),
	    DNS_NO_DATA);
	assert_int_equal(n, 0);
}

static void
test_txt(void **state)
{
	(void)state;
	run(txt);
}

static may_yield void
iprev(struct task *t, struct rig *r)
{
	static const struct {
		const char *ip, *name;
		enum dns_status status;
	} want[] = {
		{ "192.0.2.1", "both.example", DNS_FOUND },
		{ "2001:db8::1", "both.example", DNS_FOUND },
		{ "192.0.2.9", "", DNS_NO_DATA },
		{ "192.0.2.8", "", DNS_TEMP },
		{ "192.0.2.7", "", DNS_NO_DOMAIN },
		{ "unix", "", DNS_NO_DOMAIN },
	};
	struct net_addr ad;
	struct str name, *names;
	unsigned n;

	(void)r;
	for (size_t i = 0; i < countof(want); i++) {
		if (!net_addr_parse(str_c(want[i].ip), &ad))
			ad = (struct net_addr){ .family = NET_UNIX };
		test_row(i, dns_iprev(t, dns, &ad, &name) == want[i].status);
		test_row_str(i, name, str_c(want[i].name));
	}
	assert_true(net_addr_parse(STR("192.0.2.1"), &ad));
	assert_int_equal(dns_ptr(t, dns, &ad, &names, &n), DNS_FOUND);
	assert_int_equal(n, 3);
	assert_true(str_eq_c(names[2], "both.example"));
}

static void
test_iprev(void **state)
{
	(void)state;
	run(iprev);
}

/* --- wire --- */

#define WIRE(s) str_of("" s, sizeof(s) - 1)

static void
test_names(void **state)
{
	static const struct {
		struct str in;
		const char *out;
	} table[] = {
		{ { "\0", 1 }, "" },
		{ { "\3abc\2DE\0", 8 }, "abc.de" },
		{ { "\3_a-\1/\0", 7 }, "_a-./" },
		{ { "\3abc", 4 }, NULL },
		{ { "\3abc\0x", 6 }, NULL },
		{ { "\4abc\0", 5 }, NULL },
		{ { "\3a.c\0", 5 }, NULL },
		{ { "\3a\nc\0", 5 }, NULL },
		{ { "\300\14", 2 }, NULL },
		{ { "", 0 }, NULL },
	};
	struct arena *a = arena_new(0);
	struct str name;
	char big[300];

	(void)state;
	for (size_t i = 0; i < countof(table); i++) {
		bool ok = dns_rdata_name(a, table[i].in, &name);

		test_row(i, ok == (table[i].out != NULL));
		if (ok)
			test_row_str(i, name, str_c(table[i].out));
	}
	/* 253 as text is the most, 255 on the wire */
	memset(big, 'a', sizeof(big));
	for (unsigned i = 0; i < 4; i++)
		big[64 * i] = i < 3 ? 63 : 61;
	big[64 * 3 + 62] = 0;
	assert_true(dns_rdata_name(a, str_of(big, 255), &name));
	assert_int_equal(name.n, 253);
	big[64 * 3] = 62;
	big[64 * 3 + 62] = 'a';
	big[64 * 3 + 63] = 0;
	assert_false(dns_rdata_name(a, str_of(big, 256), &name));
	arena_free(&a);
}

static void
test_name_text(void **state)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{ "Mail.Example.ORG", "mail.example.org" },
		{ "mail.example.org.", "mail.example.org" },
		{ "a\\b.c d", "a\\092b.c\\032d" },
		{ "\xc3\xa9.org", "\\195\\169.org" },
		{ "", NULL },
		{ ".", NULL },
		{ "a..b", NULL },
		{ ".a", NULL },
		{ "a..", NULL },
	};
	struct arena *a = arena_new(0);
	struct str name;
	const char *text;
	char big[300];

	(void)state;
	for (size_t i = 0; i < countof(table); i++) {
		bool ok = dns_name_text(a, str_c(table[i].in), &name, &text);

		test_row(i, ok == (table[i].out != NULL));
		if (ok)
			test_row_str(i, str_c(text), str_c(table[i].out));
	}
	memset(big, 'a', sizeof(big));
	assert_true(dns_name_text(a, str_of(big, 63), &name, &text));
	assert_false(dns_name_text(a, str_of(big, 64), &name, &text));
	big[63] = big[127] = big[191] = '.';
	assert_true(dns_name_text(a, str_of(big, 253), &name, &text));
	assert_false(dns_name_text(a, str_of(big, 254), &name, &text));
	arena_free(&a);
}

static void
test_rdata(void **state)
{
	struct arena *a = arena_new(0);
	struct dns_srv srv;
	struct net_addr ad;
	struct str s;
	uint16_t pref;

	(void)state;
	assert_true(dns_rdata_mx(a, WIRE("\1\2\1a\0"), &pref, &s));
	assert_int_equal(pref, 258);
	assert_true(str_eq_c(s, "a"));
	assert_false(dns_rdata_mx(a, WIRE("\1"), &pref, &s));
	assert_false(dns_rdata_mx(a, WIRE("\1\2"), &pref, &s));
	assert_true(dns_rdata_srv(a, WIRE("\0\1\0\2\1\273\1a\0"), &srv));
	assert_int_equal(srv.priority, 1);
	assert_int_equal(srv.weight, 2);
	assert_int_equal(srv.port, 443);
	assert_false(dns_rdata_srv(a, WIRE("\0\1\0\2\1"), &srv));
	assert_true(dns_rdata_txt(a, WIRE("\2ab\0\1c"), &s));
	assert_true(str_eq_c(s, "abc"));
	assert_true(dns_rdata_txt(a, WIRE("\0"), &s));
	assert_int_equal(s.n, 0);
	assert_false(dns_rdata_txt(a, WIRE(""), &s));
	assert_false(dns_rdata_txt(a, WIRE("\2ab\2c"), &s));
	assert_true(dns_rdata_address(WIRE("\300\0\2\1"), false, &ad));
	assert_false(dns_rdata_address(WIRE("\300\0\2\1"), true, &ad));
	assert_false(dns_rdata_address(WIRE("\300\0\2"), false, &ad));
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mx),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_txt),
		cmocka_unit_test(test_iprev),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_name_text),
		cmocka_unit_test(test_rdata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
