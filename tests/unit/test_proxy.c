/* test_proxy.c - the PROXY header's bytes */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "base/arena.h"
#include "server/net/proxy.h"

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define A4 "\xc0\x00\x02\x01\xc0\x00\x02\x02\x12\x34\x03\xe1"
#define A6                                                                     \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"                           \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\x12\x34\x03\xe1"
#define SIXTY "123456789012345678901234567890123456789012345678901234567890"

struct row {
	struct str in;
	enum proxy_result result;
	const char *says; /* DONE: "source port destination port" or "local";
			   * BAD: why */
};

static const struct row rows[] = {
	{ STR("PROXY TCP4 192.0.2.1 192.0.2.2 4660 993\r\n"), PROXY_DONE,
	    "192.0.2.1 4660 192.0.2.2 993" },
	{ STR("PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n"), PROXY_DONE,
	    "2001:db8::1 0 2001:db8::2 65535" },
	{ STR("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1 2\r\n"),
	    PROXY_DONE, "192.0.2.1 1 192.0.2.2 2" },
	{ STR("PROXY UNKNOWN\r\n"), PROXY_DONE, "local" },
	{ STR("PROXY UNKNOWN ff::1 any thing 1 2\r\n"), PROXY_DONE, "local" },
	{ STR(""), PROXY_MORE, "" },
	{ STR("P"), PROXY_MORE, "" },
	{ STR("PROXY TCP4 192.0.2.1 192.0.2.2 4660 993\r"), PROXY_MORE, "" },
	{ STR("PROXY TCP4 192.0.2.1 192.0.2.2 4660 993\n"), PROXY_BAD,
	    "malformed" },
	{ STR("PROXY TCP4  192.0.2.1 192.0.2.2 4660 993\r\n"), PROXY_BAD,
	    "malformed" },
	{ STR("PROXY TCP4 192.0.2.1 192.0.2.2 4660 993 \r\n"), PROXY_BAD,
	    "malformed" },
	{ STR("PROXY TCP4 192.0.2.1 192.0.2.2 4660\r\n"), PROXY_BAD,
	    "malformed" },
	{ STR("PROXY TCP4 192.0.2.1 192.0.2.2 4660 993 1\r\n"), PROXY_BAD,
	    "malformed" },
	{ STR("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n"), PROXY_BAD,
	    "malformed" },
	{ STR("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"), PROXY_BAD,
	    "malformed" },
	{ STR("PROXY TCP4 unix unix 1 2\r\n"), PROXY_BAD, "malformed" },
	{ STR("PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n"), PROXY_BAD,
	    "malformed" },
	{ STR("PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n"), PROXY_BAD,
	    "malformed" },
	{ STR("PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n"), PROXY_BAD,
	    "malformed" },
	{ STR("PROXY TCP4 192.0.2.1 192.0.2.2 000001 2\r\n"), PROXY_BAD,
	    "malformed" },
	{ STR("PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n"), PROXY_BAD,
	    "malformed" },
	{ STR("PROXY UNKNOWNX\r\n"), PROXY_BAD, "malformed" },
	{ STR("PROXY \r\n"), PROXY_BAD, "malformed" },
	/* 107 bytes are the most */
	{ STR("PROXY UNKNOWN " SIXTY "1234567890123456789012345678901\r\n"),
	    PROXY_DONE, "local" },
	{ STR("PROXY UNKNOWN " SIXTY "12345678901234567890123456789012\r\n"),
	    PROXY_BAD, "longer than 107 bytes" },
	{ STR("PROXY UNKNOWN " SIXTY "12345678901234567890123456789012"),
	    PROXY_MORE, "" },
	{ STR("PROXY UNKNOWN " SIXTY "123456789012345678901234567890123"),
	    PROXY_BAD, "longer than 107 bytes" },

	{ STR(V2 "\x21\x11\x00\x0c" A4), PROXY_DONE,
	    "192.0.2.1 4660 192.0.2.2 993" },
	{ STR(V2 "\x21\x21\x00\x24" A6), PROXY_DONE,
	    "2001:db8::1 4660 2001:db8::2 993" },
	/* LOCAL: whatever follows */
	{ STR(V2 "\x20\x00\x00\x00"), PROXY_DONE, "local" },
	{ STR(V2 "\x20\x11\x00\x0c" A4), PROXY_DONE, "local" },
	{ STR(V2 "\x20\xff\x00\x02zz"), PROXY_DONE, "local" },
	/* UNSPEC, of either; Unix */
	{ STR(V2 "\x21\x00\x00\x00"), PROXY_DONE, "local" },
	{ STR(V2 "\x21\x10\x00\x0c" A4), PROXY_DONE, "local" },
	{ STR(V2 "\x21\x01\x00\x03\x04\x00\x00"), PROXY_DONE, "local" },
	{ STR(V2 "\x21\x31\x00\x0c" A4), PROXY_BAD, "malformed" },
	/* version, command, family, transport */
	{ STR(V2 "\x11\x11\x00\x0c" A4), PROXY_BAD, "malformed" },
	{ STR(V2 "\x31\x11\x00\x0c" A4), PROXY_BAD, "malformed" },
	{ STR(V2 "\x22\x11\x00\x0c" A4), PROXY_BAD, "malformed" },
	{ STR(V2 "\x21\x41\x00\x0c" A4), PROXY_BAD, "malformed" },
	{ STR(V2 "\x21\x12\x00\x0c" A4), PROXY_BAD, "malformed" },
	{ STR(V2 "\x21\x13\x00\x0c" A4), PROXY_BAD, "malformed" },
	/* lengths */
	{ STR(V2
	      "\x21\x11\x00\x0b\xc0\x00\x02\x01\xc0\x00\x02\x02\x12\x34\x03"),
	    PROXY_BAD, "malformed" },
	{ STR(V2 "\x21\x21\x00\x0c" A4), PROXY_BAD, "malformed" },
	{ STR(V2 "\x21\x11\xff\xff"), PROXY_BAD, "too long" },
	{ STR(V2 "\x20\x00\xff\xff"), PROXY_BAD, "too long" },
	{ STR(V2 "\x21\x11\x0f\xf1"), PROXY_BAD, "too long" },
	{ STR(V2 "\x21\x11\x0f\xf0"), PROXY_MORE, "" },
	{ STR(V2 "\x21\x11\x00\x0c\xc0"), PROXY_MORE, "" },
	{ STR(V2), PROXY_MORE, "" },
	{ STR("\r\n\r\n"), PROXY_MORE, "" },
	/* TLVs: one of no length, one cut */
	{ STR(V2 "\x21\x11\x00\x0f" A4 "\x04\x00\x00"), PROXY_DONE,
	    "192.0.2.1 4660 192.0.2.2 993" },
	{ STR(V2 "\x21\x11\x00\x10" A4 "\x04\x00\x02x"), PROXY_BAD,
	    "TLV cut short" },
	{ STR(V2 "\x21\x11\x00\x0e" A4 "\x04\x00"), PROXY_BAD,
	    "TLV cut short" },
	{ STR(V2 "\x21\x11\x00\x11" A4 "\x03\x00\x02xx"), PROXY_BAD,
	    "checksum of wrong length" },
	/* CRC-32C */
	{ STR(V2 "\x21\x21\x00\x30" A6 "\x04\x00\x02"
		 "ab\x03\x00\x04\x05\x18\xd3\x32"),
	    PROXY_DONE, "2001:db8::1 4660 2001:db8::2 993" },
	{ STR(V2 "\x21\x21\x00\x30" A6 "\x04\x00\x02"
		 "ac\x03\x00\x04\x05\x18\xd3\x32"),
	    PROXY_BAD, "wrong checksum" },

	{ STR("EHLO x\r\n"), PROXY_BAD, "no PROXY header" },
	{ STR("\x16\x03\x01\x02"), PROXY_BAD, "no PROXY header" },
	{ STR("\r\n\r\n\0\r\nQUIT\r\n"), PROXY_BAD, "no PROXY header" },
	{ STR("PROXX"), PROXY_BAD, "no PROXY header" },
};

static void
test_rows(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		/* a copy, for ASan to see its end */
		char *p = xmemdup(rows[i].in.p, rows[i].in.n);
		char from[NET_TEXT_MAX], to[NET_TEXT_MAX];
		struct proxy_header h;
		const char *why;
		enum proxy_result r = proxy_parse(p, rows[i].in.n, &h, &why);
		const char *says = "";

		test_row(i, r == rows[i].result);
		if (r == PROXY_BAD)
			says = why;
		else if (r == PROXY_DONE && h.is_local)
			says = "local";
		else if (r == PROXY_DONE)
			says = arena_printf(a, "%s %u %s %u",
			    net_addr_text(&h.source, from), h.source.port,
			    net_addr_text(&h.destination, to),
			    h.destination.port);
		test_row_str(i, str_c(says), str_c(rows[i].says));
		free(p);
	}
	arena_free(&a);
}

/* What is behind a header is left alone; before its end all belongs to it. */
static void
test_span(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		char p[256];
		size_t n = rows[i].in.n;

		if (rows[i].result != PROXY_DONE)
			continue;
		memcpy(p, rows[i].in.p, n);
		memcpy(p + n, "\x16\x03\x01\n", 4);
		for (size_t have = 1; have <= n + 4; have++)
			test_row(i,
			    proxy_span(p, have) == (have < n ? have : n));
	}
	assert_int_equal(proxy_span("EHLO", 4), 0);
	assert_int_equal(proxy_span("\r\nx", 3), 0);
}

static void
test_is_start(void **state)
{
	static const struct {
		struct str in;
		bool yes;
	} starts[] = {
		{ STR("PROXY TCP4"), true },
		{ STR("PROXY "), true },
		{ STR("PROXY"), false },
		{ STR("PROXYS\r\n"), false },
		{ STR(V2), true },
		{ STR("\r\n\r\n"), false },
		{ STR("a NOOP\r\n"), false },
		{ STR(""), false },
	};

	(void)state;
	for (size_t i = 0; i < countof(starts); i++)
		test_row(i, proxy_is_start(starts[i].in.p, starts[i].in.n) ==
				starts[i].yes);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_span),
		cmocka_unit_test(test_is_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
