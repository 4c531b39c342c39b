/* test_admin_zone.c - the DNS records a mail domain needs */
#include "base/buf.h"
#include "server/admin/admin_zone.h"
#include "tests/unit/test.h"

static struct str
lines(struct arena *a, const struct admin_zone_conf *c)
{
	struct admin_zone_record *list;
	struct buf b;
	unsigned n;

	admin_zone_build(a, c, &list, &n);
	buf_init(&b, a, 65536);
	for (unsigned i = 0; i < n; i++) {
		buf_str_add(&b, admin_zone_line(a, &list[i]));
		buf_char(&b, '\n');
	}
	assert_true(buf_ok(&b));
	return buf_str(&b);
}

static void
test_records(void **state)
{
	const struct str hosts[] = { STR("mx1.x.org"), STR("mx2.x.org") };
	const struct admin_zone_key keys[] = {
		{ STR("s1r"), STR("v=DKIM1; k=rsa; p=AAAA") },
		{ STR("s1e"), STR("v=DKIM1; k=ed25519; p=BBBB") },
	};
	struct admin_zone_conf c = { .domain = STR("x.org"),
		.hosts = hosts,
		.hosts_n = 2,
		.keys = keys,
		.keys_n = 2,
		.spf = STR("v=spf1 mx ~all"),
		.dmarc = STR("v=DMARC1; p=none"),
		.submissions = true,
		.imap = true,
		.autoconfig = true };
	struct arena *a = arena_new(0);

	(void)state;
	test_row_str(0, lines(a, &c),
	    STR("x.org.\tIN\tMX\t10 mx1.x.org.\n"
		"x.org.\tIN\tMX\t10 mx2.x.org.\n"
		"x.org.\tIN\tTXT\t\"v=spf1 mx ~all\"\n"
		"s1r._domainkey.x.org.\tIN\tTXT\t\"v=DKIM1; k=rsa; p=AAAA\"\n"
		"s1e._domainkey.x.org.\tIN\tTXT\t"
		"\"v=DKIM1; k=ed25519; p=BBBB\"\n"
		"_dmarc.x.org.\tIN\tTXT\t\"v=DMARC1; p=none\"\n"
		"_submissions._tcp.x.org.\tIN\tSRV\t0 1 465 mx1.x.org.\n"
		"_submissions._tcp.x.org.\tIN\tSRV\t0 1 465 mx2.x.org.\n"
		"_imap._tcp.x.org.\tIN\tSRV\t0 1 143 mx1.x.org.\n"
		"_imap._tcp.x.org.\tIN\tSRV\t0 1 143 mx2.x.org.\n"
		"autoconfig.x.org.\tIN\tCNAME\tmx1.x.org.\n"
		"autodiscover.x.org.\tIN\tCNAME\tmx1.x.org.\n"));
	/* clients are sent to the balancer, mail is not */
	c = (struct admin_zone_conf){ .domain = STR("x.org"),
		.hosts = hosts,
		.hosts_n = 1,
		.client = STR("mail.x.org"),
		.imaps = true,
		.autoconfig = true };
	test_row_str(2, lines(a, &c),
	    STR("x.org.\tIN\tMX\t10 mx1.x.org.\n"
		"_imaps._tcp.x.org.\tIN\tSRV\t0 1 993 mail.x.org.\n"
		"autoconfig.x.org.\tIN\tCNAME\tmail.x.org.\n"
		"autodiscover.x.org.\tIN\tCNAME\tmail.x.org.\n"));
	c = (struct admin_zone_conf){ .domain = STR("x.org") };
	test_row_str(1, lines(a, &c), STR(""));
	arena_free(&a);
}

/* Strings of 255 bytes, and what has to be escaped. */
static void
test_txt(void **state)
{
	static const unsigned sizes[] = { 0, 1, 254, 255, 256, 510, 511, 4000 };
	struct arena *a = arena_new(0);
	struct admin_zone_record r = { .name = STR("x.org"), .type = "TXT" };
	struct str line, piece, rest;

	(void)state;
	for (size_t i = 0; i < countof(sizes); i++) {
		char *p = arena_alloc(a, sizes[i] + 1);
		unsigned strings = 0, bytes = 0, n = 0;

		memset(p, 'a', sizes[i]);
		r.data = str_of(p, sizes[i]);
		line = rest = admin_zone_line(a, &r);
		/* every second piece between quotes is a string */
		while (str_split(&rest, '"', &piece))
			if (n++ % 2 == 1) {
				strings++;
				bytes += (unsigned)piece.n;
				test_row(i, piece.n <= 255);
			}
		test_row(i, bytes == sizes[i]);
		test_row(i, strings == (sizes[i] + 254) / 255 +
					   (sizes[i] == 0 ? 1 : 0));
		test_row(i, (str_chr(line, '(') >= 0) == (strings > 1));
	}
	r.data = STR("a\"b\\c\001\377");
	test_row_str(0, admin_zone_line(a, &r),
	    STR("x.org.\tIN\tTXT\t\"a\\\"b\\\\c\\001\\255\""));
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_txt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
