/* test_addr.c - addresses, networks, what to listen on */
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "server/net/addr.h"

static void
test_parse(void **state)
{
	static const struct {
		const char *in, *text, *literal; /* text NULL: none */
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1", "[192.0.2.1]" },
		{ "2001:DB8::1", "2001:db8::1", "[IPv6:2001:db8::1]" },
		{ "::ffff:192.0.2.1", "192.0.2.1", "[192.0.2.1]" },
		{ "::1", "::1", "[IPv6:::1]" },
		{ "unix", "unix", "[unix]" },
		{ "", NULL, NULL },
		{ "192.0.2", NULL, NULL },
		{ "192.0.2.256", NULL, NULL },
		{ "192.0.2.1 ", NULL, NULL },
		{ "[::1]", NULL, NULL },
		{ "2001:db8::1%eth0", NULL, NULL },
		{ "example.org", NULL, NULL },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb",
		    NULL, NULL },
	};
	struct arena *a = arena_new(0);
	char text[NET_TEXT_MAX];
	struct net_addr ad;

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		bool ok = net_addr_parse(str_c(rows[i].in), &ad);

		test_row(i, ok == (rows[i].text != NULL));
		if (!ok)
			continue;
		test_row_str(i, str_c(net_addr_text(&ad, text)),
		    str_c(rows[i].text));
		test_row_str(i, net_addr_literal(a, &ad),
		    str_c(rows[i].literal));
	}
	assert_false(net_addr_parse(str_of("192.0.2.1\0", 10), &ad));
	arena_free(&a);
}

static struct net_addr
addr(const char *s)
{
	struct net_addr a;

	assert_true(net_addr_parse(str_c(s), &a));
	return a;
}

static void
test_client_key(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "2001:db8::1", "2001:db8::ffff:1:2", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false },
		{ "unix", "192.0.2.1", false },
		{ "unix", "unix", true },
		{ "0.0.0.1", "::1", false },
		{ "::ffff:192.0.2.1", "192.0.2.1", true },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct net_addr a = addr(rows[i].a), b = addr(rows[i].b);

		test_row(i, (net_addr_client_key(&a) ==
				net_addr_client_key(&b)) == rows[i].same);
	}
}

static void
test_loopback(void **state)
{
	static const struct {
		const char *a;
		bool yes;
	} rows[] = { { "127.0.0.1", true }, { "127.1.2.3", true },
		{ "::1", true }, { "unix", true }, { "128.0.0.1", false },
		{ "::2", false }, { "fe80::1", false } };

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct net_addr a = addr(rows[i].a);

		test_row(i, net_addr_is_loopback(&a) == rows[i].yes);
	}
}

static void
test_networks(void **state)
{
	static const struct {
		const char *network, *in, *out; /* in NULL: no network */
	} rows[] = {
		{ "10.0.0.0/8", "10.255.1.2", "11.0.0.0" },
		{ "192.0.2.128/25", "192.0.2.128", "192.0.2.127" },
		{ "192.0.2.1", "192.0.2.1", "192.0.2.0" },
		{ "192.0.2.1/32", "192.0.2.1", "192.0.2.3" },
		{ "0.0.0.0/0", "1.2.3.4", "::1" },
		{ "::/0", "2001:db8::1", "1.2.3.4" },
		{ "2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::" },
		{ "unix", "unix", "127.0.0.1" },
		{ "10.0.0.1/8", NULL, NULL },
		{ "10.0.0.0/33", NULL, NULL },
		{ "10.0.0.0/", NULL, NULL },
		{ "10.0.0.0/-1", NULL, NULL },
		{ "10.0.0.0/8/8", NULL, NULL },
		{ "unix/0", NULL, NULL },
		{ "x", NULL, NULL },
		{ "", NULL, NULL },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct net_network n;
		struct err *e =
		    net_network_parse(a, str_c(rows[i].network), &n);
		struct net_addr in, out;

		test_row(i, (e == NULL) == (rows[i].in != NULL));
		if (e != NULL)
			continue;
		in = addr(rows[i].in);
		out = addr(rows[i].out);
		test_row(i, net_network_has(&n, 1, &in));
		test_row(i, !net_network_has(&n, 1, &out));
		test_row(i, !net_network_has(NULL, 0, &in));
	}
	arena_free(&a);
}

static void
test_listen(void **state)
{
	static const struct {
		const char *in;
		int family; /* 0: refused */
		const char *text;
		uint16_t port;
	} rows[] = {
		{ "0.0.0.0:25", AF_INET, "0.0.0.0", 25 },
		{ "127.0.0.1:65535", AF_INET, "127.0.0.1", 65535 },
		{ "[::]:993", AF_INET6, "::", 993 },
		{ "[2001:db8::1]:0", AF_INET6, "2001:db8::1", 0 },
		{ "*:25", AF_INET6, "::", 25 },
		{ "unix:/run/shoal/lmtp", AF_UNIX, "unix", 0 },
		{ "unix:lmtp", 0, NULL, 0 },
		{ "unix:", 0, NULL, 0 },
		{ "::1:25", 0, NULL, 0 },
		{ "[127.0.0.1]:25", 0, NULL, 0 },
		{ "127.0.0.1", 0, NULL, 0 },
		{ "127.0.0.1:", 0, NULL, 0 },
		{ "127.0.0.1:65536", 0, NULL, 0 },
		{ "127.0.0.1:-1", 0, NULL, 0 },
		{ "25", 0, NULL, 0 },
		{ ":25", 0, NULL, 0 },
		{ "[]:25", 0, NULL, 0 },
		{ "", 0, NULL, 0 },
		{ "unix:/123456789012345678901234567890123456789012345678901234"
		  "567890123456789012345678901234567890123456789012345678",
		    0, NULL, 0 },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct net_listen l;
		struct err *e = net_listen_parse(a, str_c(rows[i].in), &l);
		char text[NET_TEXT_MAX];
		struct net_addr ad;

		test_row(i, (e == NULL) == (rows[i].family != 0));
		if (e != NULL) {
			test_row(i, err_is(e, ERR_INVALID));
			continue;
		}
		net_addr_of_sockaddr((struct sockaddr *)&l.sa, &ad);
		test_row(i, l.sa.ss_family == rows[i].family);
		test_row_str(i, str_c(net_addr_text(&ad, text)),
		    str_c(rows[i].text));
		test_row(i, ad.port == rows[i].port);
		test_row_str(i, str_c(l.text), str_c(rows[i].in));
	}
	arena_free(&a);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_client_key),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_listen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
