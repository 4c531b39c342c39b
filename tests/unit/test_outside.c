/* test_outside.c - what is said of each record that is missing or wrong */
#include "server/mailauth/outside.h"

#include "tests/unit/mailauth_rig.h"
#include "tests/unit/test.h"

#define REVERSE6                                                               \
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."     \
	"ip6.arpa"
#define REVERSE4 "1.2.0.192.in-addr.arpa"
#define KEY1 "s1._domainkey.example.org"
#define KEY2 "s2._domainkey.example.org"
#define ROWS_MAX 32
#define ROW(n, ty, tx)                                                         \
	{                                                                      \
		.name = n, .type = ty, .text = tx                              \
	}
#define ROW_IS(n, ty, st)                                                      \
	{                                                                      \
		.name = n, .type = ty, .status = st                            \
	}

/* Everything as it ought to be. */
static const struct dns_rig_row good[] = {
	ROW(REVERSE4, DNS_PTR, "mx.example.org"),
	ROW(REVERSE6, DNS_PTR, "mx.example.org"),
	ROW("mx.example.org", DNS_A, "192.0.2.1"),
	ROW("mx.example.org", DNS_AAAA, "2001:db8::1"),
	ROW("mx.example.org", DNS_TXT, "v=spf1 a -all"),
	ROW("example.org", DNS_MX, "10 mx.example.org"),
	ROW("example.org", DNS_TXT, "something else"),
	ROW("example.org", DNS_TXT, "v=spf1 mx -all"),
	ROW(KEY1, DNS_TXT, "v=DKIM1; k=rsa; p=QU JD"),
	ROW(KEY2, DNS_TXT, "v=DKIM1; k=ed25519; p=REVG"),
	ROW("_dmarc.example.org", DNS_TXT, "v=DMARC1; p=none"),
};

struct outside_test {
	struct outside_domain d;
	struct net_addr addresses[2];
	struct str helo;
	unsigned addresses_n;
	bool all; /* the good ones, too */
	struct buf out;
};

static const struct str hosts[] = { { "mx.example.org", 14 } };
static const struct outside_key keys[] = {
	{ OUTSIDE_KEY_ACTIVE, { "s1", 2 }, { "rsa", 3 }, { "QUJD", 4 } },
	{ OUTSIDE_KEY_NEW, { "s2", 2 }, { "ed25519", 7 }, { "REVG", 4 } },
};

static void
outside_test_init(struct outside_test *x, struct arena *a)
{
	*x = (struct outside_test){ .helo = STR("mx.example.org"),
		.addresses_n = 2,
		.d = { .name = STR("example.org"),
		    .hosts = hosts,
		    .hosts_n = 1,
		    .spf = STR("v=spf1 mx ~all"),
		    .dmarc = STR("v=DMARC1; p=none"),
		    .keys = keys,
		    .keys_n = 2 } };
	assert_true(net_addr_parse(STR("192.0.2.1"), &x->addresses[0]));
	assert_true(net_addr_parse(STR("2001:db8::1"), &x->addresses[1]));
	buf_init(&x->out, a, 65536);
}

/* A line a row: "check state: found [=> name type data...]". */
static may_yield void
outside_test_main(struct task *t, struct mailauth_rig *r)
{
	struct outside_test *x = r->arg;
	struct outside o = { .dns = r->dns,
		.helo = x->helo,
		.addresses = x->addresses,
		.addresses_n = x->addresses_n };

	outside_check_node(t, &o);
	outside_check_domain(t, &o, &x->d);
	for (unsigned i = 0; i < o.n; i++) {
		const struct outside_row *row = &o.rows[i];

		if (row->state == OUTSIDE_OK && !x->all)
			continue;
		buf_fmt(&x->out, "%s %s: " STR_FMT, row->check,
		    outside_state_name(row->state), STR_ARG(row->found));
		for (unsigned j = 0; j < row->n; j++)
			buf_fmt(&x->out, " => " STR_FMT " %s " STR_FMT,
			    STR_ARG(row->name), row->type,
			    STR_ARG(row->data[j]));
		buf_char(&x->out, '\n');
	}
}

static struct str
outside_test_run(struct outside_test *x, const struct dns_rig_row *rows,
    size_t n)
{
	struct mailauth_rig r;

	mailauth_rig_open(&r, rows, n);
	mailauth_rig_run(&r, outside_test_main, x);
	mailauth_rig_close(&r);
	assert_true(buf_ok(&x->out));
	return buf_str(&x->out);
}

static void
test_good(void **state)
{
	struct arena *a = arena_new(0);
	struct outside_test x;

	(void)state;
	outside_test_init(&x, a);
	x.all = true;
	test_row_str(0, outside_test_run(&x, good, countof(good)),
	    STR("ptr ok: 192.0.2.1 is mx.example.org, and back\n"
		"ptr ok: 2001:db8::1 is mx.example.org, and back\n"
		"helo ok: mx.example.org has the address 192.0.2.1\n"
		"helo ok: mx.example.org has the address 2001:db8::1\n"
		"spf ok: mx.example.org has one SPF record: v=spf1 a -all\n"
		"spf ok: SPF of mx.example.org passes for 192.0.2.1\n"
		"spf ok: SPF of mx.example.org passes for 2001:db8::1\n"
		"mx ok: mail for example.org goes to mx.example.org\n"
		"spf ok: example.org has one SPF record: v=spf1 mx -all\n"
		"spf ok: SPF of example.org passes for 192.0.2.1\n"
		"spf ok: SPF of example.org passes for 2001:db8::1\n"
		"dkim ok: the key is published\n"
		"dkim ok: the key is published\n"
		"dmarc ok: _dmarc.example.org says v=DMARC1; p=none\n"));
	arena_free(&a);
}

#define SILENT "the DNS does not answer at the moment\n"

/* In place of all the good rows of that name and type. */
static const struct {
	struct dns_rig_row rows[3];
	const char *says;
} bad[] = {
	/* PTR */
	{ { ROW_IS(REVERSE4, DNS_PTR, DNS_NO_DATA) },
	    "ptr wrong: 192.0.2.1 has no PTR record => " REVERSE4
	    " PTR mx.example.org.\n" },
	{ { ROW_IS(REVERSE6, DNS_PTR, DNS_NO_DATA) },
	    "ptr wrong: 2001:db8::1 has no PTR record => " REVERSE6
	    " PTR mx.example.org.\n" },
	{ { ROW(REVERSE4, DNS_PTR, "pool-1.example.net") },
	    "ptr wrong: 192.0.2.1 is pool-1.example.net, which does not lead "
	    "back to it => " REVERSE4 " PTR mx.example.org.\n" },
	{ { ROW_IS(REVERSE4, DNS_PTR, DNS_TEMP) }, "ptr unknown: " SILENT },
	{ { ROW(REVERSE4, DNS_PTR, "x.example.net"),
	      ROW_IS("x.example.net", DNS_A, DNS_BOGUS) },
	    "ptr unknown: the answer does not pass DNSSEC validation\n" },
	/* HELO */
	{ { ROW_IS("mx.example.org", DNS_TXT, DNS_NO_DATA) },
	    "spf warning: mx.example.org has no SPF record => mx.example.org "
	    "TXT v=spf1 a -all\n" },
	{ { ROW("mx.example.org", DNS_TXT, "v=spf1 ip4:192.0.2.1 -all") },
	    "spf wrong: SPF of mx.example.org does not name 2001:db8::1 "
	    "(fail) => mx.example.org TXT v=spf1 ip6:2001:db8::1 "
	    "ip4:192.0.2.1 -all\n" },
	/* MX */
	{ { ROW_IS("example.org", DNS_MX, DNS_NO_DATA),
	      ROW("example.org", DNS_TXT, "v=spf1 a:mx.example.org -all") },
	    "mx wrong: example.org has no MX record => example.org MX 10 "
	    "mx.example.org.\n" },
	{ { ROW_IS("example.org", DNS_MX, DNS_NO_DATA),
	      ROW("example.org", DNS_A, "192.0.2.1"),
	      ROW("example.org", DNS_TXT, "v=spf1 a:mx.example.org -all") },
	    "mx warning: example.org has no MX record: its mail goes to its "
	    "own address => example.org MX 10 mx.example.org.\n" },
	{ { ROW("example.org", DNS_MX, "0 ."),
	      ROW("example.org", DNS_TXT, "v=spf1 a:mx.example.org -all") },
	    "mx wrong: the MX of example.org says that it takes no mail => "
	    "example.org MX 10 mx.example.org.\n" },
	{ { ROW("example.org", DNS_MX, "10 mx.example.org"),
	      ROW("example.org", DNS_MX, "20 old.example.org") },
	    "mx wrong: the MX of example.org is old.example.org, which has no "
	    "address => example.org MX 10 mx.example.org.\n" },
	{ { ROW("example.org", DNS_MX, "10 mx.example.net"),
	      ROW("mx.example.net", DNS_A, "192.0.2.7"),
	      ROW("example.org", DNS_TXT, "v=spf1 a:mx.example.org -all") },
	    "mx warning: mail for example.org goes to mx.example.net, none of "
	    "which is known as a host of this cluster => example.org MX 10 "
	    "mx.example.org.\n" },
	{ { ROW_IS("example.org", DNS_MX, DNS_TEMP),
	      ROW("example.org", DNS_TXT, "v=spf1 a:mx.example.org -all") },
	    "mx unknown: " SILENT },
	/* SPF */
	{ { ROW("example.org", DNS_TXT, "something else") },
	    "spf wrong: example.org has no SPF record => example.org TXT "
	    "v=spf1 mx ~all\n" },
	{ { ROW("example.org", DNS_TXT, "v=spf1 mx -all"),
	      ROW("example.org", DNS_TXT, "v=spf1 a -all") },
	    "spf wrong: example.org has 2 SPF records, where only one may be "
	    "=> example.org TXT v=spf1 mx ~all\n" },
	{ { ROW("example.org", DNS_TXT, "v=spf1 mxx -all") },
	    "spf wrong: the SPF record of example.org is broken: \"mxx\" is no "
	    "term of a record => example.org TXT v=spf1 mx ~all\n" },
	{ { ROW("example.org", DNS_TXT, "v=spf1 a\x1b[2J -all") },
	    "spf wrong: the SPF record of example.org is broken: the record "
	    "has a character that no record has => example.org TXT v=spf1 mx "
	    "~all\n" },
	{ { ROW("example.org", DNS_TXT, "v=spf1 ip4:192.0.2.9 ~all") },
	    "spf wrong: SPF of example.org does not name 192.0.2.1 (softfail) "
	    "=> example.org TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 "
	    "ip4:192.0.2.9 ~all\n"
	    "spf wrong: SPF of example.org does not name 2001:db8::1 "
	    "(softfail) => example.org TXT v=spf1 ip4:192.0.2.1 "
	    "ip6:2001:db8::1 ip4:192.0.2.9 ~all\n" },
	{ { ROW("example.org", DNS_TXT, "v=spf1 ip4:192.0.2.1") },
	    "spf wrong: SPF of example.org does not name 2001:db8::1 "
	    "(neutral) => example.org TXT v=spf1 ip6:2001:db8::1 "
	    "ip4:192.0.2.1\n" },
	{ { ROW("example.org", DNS_TXT, "v=spf1 +all") },
	    "spf warning: the SPF record of example.org lets everybody send "
	    "=> example.org TXT v=spf1 mx ~all\n" },
	{ { ROW("example.org", DNS_TXT, "v=spf1 include:a.example -all") },
	    "spf wrong: SPF of example.org cannot be evaluated for 192.0.2.1: "
	    "a.example is included, has no record\n"
	    "spf wrong: SPF of example.org cannot be evaluated for "
	    "2001:db8::1: a.example is included, has no record\n" },
	{ { ROW("example.org", DNS_TXT, "v=spf1 include:a.example -all"),
	      ROW_IS("a.example", DNS_TXT, DNS_TEMP) },
	    "spf unknown: SPF of example.org is not known for 192.0.2.1: "
	    "a.example could not be looked up\n"
	    "spf unknown: SPF of example.org is not known for 2001:db8::1: "
	    "a.example could not be looked up\n" },
	{ { ROW_IS("example.org", DNS_TXT, DNS_TEMP) },
	    "spf unknown: " SILENT },
	/* DKIM */
	{ { ROW_IS(KEY1, DNS_TXT, DNS_NO_DATA) },
	    "dkim wrong: the key is not published, and mail is signed with it "
	    "=> " KEY1 " TXT v=DKIM1; k=rsa; p=QUJD\n" },
	{ { ROW_IS(KEY2, DNS_TXT, DNS_NO_DATA) },
	    "dkim warning: the key is not published yet, and signs nothing "
	    "before it is => " KEY2 " TXT v=DKIM1; k=ed25519; p=REVG\n" },
	{ { ROW(KEY1, DNS_TXT, "v=DKIM1; p=QUJE") },
	    "dkim wrong: the record has another key => " KEY1
	    " TXT v=DKIM1; k=rsa; p=QUJD\n" },
	{ { ROW(KEY1, DNS_TXT, "p=QUJD") }, "" },
	{ { ROW(KEY1, DNS_TXT, "v=DKIM1; p=") },
	    "dkim wrong: the record says that the key is revoked => " KEY1
	    " TXT v=DKIM1; k=rsa; p=QUJD\n" },
	{ { ROW(KEY1, DNS_TXT, "v=DKIM1; k=ed25519; p=QUJD") },
	    "dkim wrong: the record is for another algorithm => " KEY1
	    " TXT v=DKIM1; k=rsa; p=QUJD\n" },
	{ { ROW(KEY1, DNS_TXT, "v=DKIM1; p=QUJD; h=sha1") },
	    "dkim wrong: the record is not for sha256 => " KEY1
	    " TXT v=DKIM1; k=rsa; p=QUJD\n" },
	{ { ROW(KEY1, DNS_TXT, "v=DKIM1; p=QUJD; s=tlsrpt") },
	    "dkim wrong: the record is not for mail => " KEY1
	    " TXT v=DKIM1; k=rsa; p=QUJD\n" },
	{ { ROW(KEY1, DNS_TXT, "p=QUJD; v=DKIM1") },
	    "dkim wrong: the record is of another version than DKIM1 => " KEY1
	    " TXT v=DKIM1; k=rsa; p=QUJD\n" },
	{ { ROW(KEY1, DNS_TXT, "p") },
	    "dkim wrong: the record is no list of tags => " KEY1
	    " TXT v=DKIM1; k=rsa; p=QUJD\n" },
	{ { ROW(KEY1, DNS_TXT, "v=DKIM1") },
	    "dkim wrong: the record has no key => " KEY1
	    " TXT v=DKIM1; k=rsa; p=QUJD\n" },
	{ { ROW(KEY1, DNS_TXT, "v=DKIM1; t=s:y; p=QUJD") },
	    "dkim warning: the record says that signatures are only a test "
	    "(t=y) => " KEY1 " TXT v=DKIM1; k=rsa; p=QUJD\n" },
	{ { ROW(KEY1, DNS_TXT, "p=QUJD"), ROW(KEY1, DNS_TXT, "p=QUJE") },
	    "dkim wrong: there are 2 records, where only one may be => " KEY1
	    " TXT v=DKIM1; k=rsa; p=QUJD\n" },
	{ { ROW_IS(KEY1, DNS_TXT, DNS_TEMP) }, "dkim unknown: " SILENT },
	/* DMARC */
	{ { ROW_IS("_dmarc.example.org", DNS_TXT, DNS_NO_DATA) },
	    "dmarc wrong: example.org has no DMARC record => "
	    "_dmarc.example.org TXT v=DMARC1; p=none\n" },
	{ { ROW("_dmarc.example.org", DNS_TXT, "v=DMARC1; p=maybe") },
	    "dmarc wrong: the record of _dmarc.example.org has no usable "
	    "policy (p=) => _dmarc.example.org TXT v=DMARC1; p=none\n" },
	{ { ROW("_dmarc.example.org", DNS_TXT, "v=DMARC1; p=none; x") },
	    "dmarc warning: the record of _dmarc.example.org is no clean list "
	    "of tags: not everybody reads it => _dmarc.example.org TXT "
	    "v=DMARC1; p=none\n" },
	{ { ROW("_dmarc.example.org", DNS_TXT,
	      "v=DMARC1; rua=mailto:a@example.org") },
	    "dmarc warning: the record of _dmarc.example.org has no policy "
	    "(p=) => _dmarc.example.org TXT v=DMARC1; p=none\n" },
	{ { ROW("_dmarc.example.org", DNS_TXT, "v=DMARC1; p=none"),
	      ROW("_dmarc.example.org", DNS_TXT, "v=DMARC1; p=reject") },
	    "dmarc wrong: _dmarc.example.org has 2 DMARC records, where only "
	    "one may be => _dmarc.example.org TXT v=DMARC1; p=none\n" },
	{ { ROW_IS("_dmarc.example.org", DNS_TXT, DNS_TEMP) },
	    "dmarc unknown: " SILENT },
};

static bool
outside_test_replaced(const struct dns_rig_row *row,
    const struct dns_rig_row *by)
{
	for (unsigned i = 0; i < 3 && by[i].name != NULL; i++)
		if (by[i].type == row->type &&
		    strcmp(by[i].name, row->name) == 0)
			return true;
	return false;
}

static void
test_bad(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		struct dns_rig_row rows[ROWS_MAX];
		struct outside_test x;
		size_t n = 0;

		for (size_t j = 0; j < countof(good); j++)
			if (!outside_test_replaced(&good[j], bad[i].rows))
				rows[n++] = good[j];
		for (size_t j = 0; j < 3 && bad[i].rows[j].name != NULL; j++)
			rows[n++] = bad[i].rows[j];
		outside_test_init(&x, a);
		test_row_str(i, outside_test_run(&x, rows, n),
		    str_c(bad[i].says));
	}
	arena_free(&a);
}

/* What ought to be there makes a difference, too. */
static void
test_wanted(void **state)
{
	static const struct outside_key retired[] = { { OUTSIDE_KEY_RETIRED,
	    { "s0", 2 }, { "rsa", 3 }, { "QUJD", 4 } } };
	struct arena *a = arena_new(0);
	struct outside_test x;

	(void)state;
	/* no configuration, no addresses */
	outside_test_init(&x, a);
	x.helo = STR("localhost");
	x.addresses_n = 0;
	test_row_str(0, outside_test_run(&x, good, countof(good)),
	    STR("address warning: it is not known from where mail is sent: "
		"give --address\n"
		"helo wrong: \"localhost\" is no full host name: set hostname "
		"in the configuration\n"));
	/* behind NAT */
	outside_test_init(&x, a);
	x.addresses_n = 1;
	assert_true(net_addr_parse(STR("10.1.2.3"), &x.addresses[0]));
	test_row_str(1, outside_test_run(&x, good, 5),
	    STR("address warning: 10.1.2.3 is a private address: others see "
		"another one, give that with --address\n"
		"ptr wrong: 10.1.2.3 has no PTR record => "
		"3.2.1.10.in-addr.arpa PTR mx.example.org.\n"
		"helo wrong: mx.example.org does not have the address "
		"10.1.2.3 that mail comes from => mx.example.org A 10.1.2.3\n"
		"spf wrong: SPF of mx.example.org does not name 10.1.2.3 "
		"(fail) => mx.example.org TXT v=spf1 ip4:10.1.2.3 a -all\n"
		"mx wrong: example.org does not exist in the DNS => "
		"example.org MX 10 mx.example.org.\n"
		"spf wrong: example.org has no SPF record => example.org TXT "
		"v=spf1 mx ~all\n"
		"dkim wrong: the key is not published, and mail is signed with "
		"it => " KEY1 " TXT v=DKIM1; k=rsa; p=QUJD\n"
		"dkim warning: the key is not published yet, and signs nothing "
		"before it is => " KEY2 " TXT v=DKIM1; k=ed25519; p=REVG\n"
		"dmarc wrong: example.org has no DMARC record => "
		"_dmarc.example.org TXT v=DMARC1; p=none\n"));
	/* nothing is said of hosts, records; keys that sign nothing now */
	outside_test_init(&x, a);
	x.d = (struct outside_domain){ .name = STR("sub.example.org"),
		.keys = retired,
		.keys_n = 1 };
	test_row_str(2, outside_test_run(&x, good, countof(good)),
	    STR("mx wrong: sub.example.org does not exist in the DNS\n"
		"spf wrong: sub.example.org has no SPF record\n"
		"dkim warning: the key is not published any more: mail that "
		"it signed may still be under way => "
		"s0._domainkey.sub.example.org TXT v=DKIM1; k=rsa; p=QUJD\n"
		"dkim warning: mail of sub.example.org is not signed: it has "
		"no active key\n"));
	arena_free(&a);
}

/* What a stranger's record says is quoted, but moves no cursor. */
static void
test_quoted(void **state)
{
	static const struct dns_rig_row rows[] = {
		ROW("_dmarc.example.org", DNS_TXT, "v=DMARC1;\tp=none"),
	};
	struct arena *a = arena_new(0);
	struct outside_test x;

	(void)state;
	outside_test_init(&x, a);
	x.all = true;
	assert_true(str_ends(outside_test_run(&x, rows, 1),
	    STR("dmarc ok: _dmarc.example.org says v=DMARC1;?p=none\n")));
	arena_free(&a);
}

static void
test_private(void **state)
{
	static const struct {
		const char *address;
		bool is;
	} cases[] = {
		{ "10.0.0.1", true },
		{ "100.64.0.1", true },
		{ "100.128.0.1", false },
		{ "127.0.0.53", true },
		{ "169.254.1.1", true },
		{ "172.16.0.1", true },
		{ "172.31.255.255", true },
		{ "172.32.0.1", false },
		{ "192.168.3.4", true },
		{ "192.169.0.1", false },
		{ "192.0.2.1", false },
		{ "0.0.0.0", true },
		{ "::1", true },
		{ "::2", false },
		{ "fd12::1", true },
		{ "fe80::1", true },
		{ "fec0::1", false },
		{ "2001:db8::1", false },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct net_addr ad;

		test_row(i, net_addr_parse(str_c(cases[i].address), &ad));
		test_row(i, outside_is_private(&ad) == cases[i].is);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_private),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
