/* test_dmarc.c - policies, authors, alignment */
#include "server/mailauth/dmarc_private.h"

#include "tests/unit/mailauth_rig.h"
#include "tests/unit/test.h"

static void
test_organization(void **state)
{
	static const struct {
		const char *domain, *organization;
	} cases[] = {
		{ "example.com", "example.com" },
		{ "a.b.example.com", "example.com" },
		{ "a.b.example.co.uk", "example.co.uk" },
		{ "A.Example.CO.UK.", "example.co.uk" },
		{ "co.uk", "co.uk" },
		{ "com", "com" },
		{ "a.b.example.test", "example.test" },
		{ "x.b\xc3\xbc"
		  "cher.example",
		    "xn--bcher-kva.example" },
		{ "mail.city.kawasaki.jp", "city.kawasaki.jp" },
		{ "a_b.c.example.org", "example.org" },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		test_row_str(i, dmarc_organization(a, str_c(cases[i].domain)),
		    str_c(cases[i].organization));
	assert_true(str_eq(dmarc_organization(a, STR("a.b.org\0.c.example")),
	    STR("a.b.org\0.c.example")));
	arena_free(&a);
}

static void
test_record(void **state)
{
	static const struct {
		const char *text;
		bool is, ok;
		struct dmarc_record r;
	} cases[] = {
		{ "v=DMARC1; p=none", true, true, { 0, 0, 0, 0, 100 } },
		{ "v=DMARC1;p=reject;", true, true, { 2, 2, 0, 0, 100 } },
		{ " v = DMARC1 ; p = Quarantine ; sp=none; pct=20", true, true,
		    { 1, 0, 0, 0, 20 } },
		{ "v=DMARC1; p=reject; adkim=s; aspf=S; rf=afrf; x", true, true,
		    { 2, 2, 1, 1, 100 } },
		{ "v=DMARC1; p=reject; adkim=x; aspf=; pct=101", true, true,
		    { 2, 2, 0, 0, 100 } },
		{ "v=DMARC1; p=reject; sp=maybe", true, false, { 0 } },
		{ "v=DMARC1; p=reject; sp=maybe; rua=mailto:a@b.example", true,
		    true, { 0, 0, 0, 0, 100 } },
		{ "v=DMARC1; p=junk; rua=x", true, false, { 0 } },
		{ "v=DMARC1; p=reject; pct=0; p=none", true, true,
		    { 2, 2, 0, 0, 0 } },
		{ "v=DMARC1; p=junk; rua=mailto:a@b.example", true, true,
		    { 0, 0, 0, 0, 100 } },
		{ "v=DMARC1; rua=mailto:a@b.example", true, true,
		    { 0, 0, 0, 0, 100 } },
		{ "v=DMARC1; p=junk", true, false, { 0 } },
		{ "v=DMARC1", true, false, { 0 } },
		{ "v=DMARC12; p=none", false, false, { 0 } },
		{ "v=dmarc1; p=none", false, false, { 0 } },
		{ "p=none; v=DMARC1", false, false, { 0 } },
		{ "v=DMARC1 p=none", false, false, { 0 } },
		{ "V=DMARC1; p=none", false, false, { 0 } },
		{ "v=spf1 -all", false, false, { 0 } },
		{ "", false, false, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct dmarc_record r;

		test_row(i,
		    dmarc_is_record(str_c(cases[i].text)) == cases[i].is);
		if (!cases[i].is)
			continue;
		test_row(i, (dmarc_parse(str_c(cases[i].text), &r) == NULL) ==
				cases[i].ok);
		if (!cases[i].ok)
			continue;
		test_row(i, r.policy == cases[i].r.policy);
		test_row(i, r.sub == cases[i].r.sub);
		test_row(i, r.strict_dkim == cases[i].r.strict_dkim);
		test_row(i, r.strict_spf == cases[i].r.strict_spf);
		test_row(i, r.percent == cases[i].r.percent);
	}
}

static void
test_from(void **state)
{
	static const struct {
		const char *header, *domain, *why;
		bool several;
	} cases[] = {
		{ "From: a@example.org\r\n", "example.org", NULL, false },
		{ "To: x@y.z\r\nFROM : \"b@evil.example\"\r\n <a@Example.ORG>"
		  "\r\n",
		    "example.org", NULL, false },
		{ "From: a@b.example, c@B.example\r\n", "b.example", NULL,
		    false },
		{ "From: team: a@b.example;\r\n", "b.example", NULL, false },
		{ "From: a@b\xc3\xbc"
		  "cher.example\r\n",
		    "xn--bcher-kva.example", NULL, false },
		{ "", "", "there is no From", false },
		{ "Subject: x\r\n", "", "there is no From", false },
		{ "From: a@b.example\r\nFrom: a@b.example\r\n", "",
		    "there are several From", true },
		{ "From: a@b.example\r\nno field\r\nfrom : x@y.example\r\n", "",
		    "there are several From", true },
		{ "X: y\r\nno field\r\nFrom: x@y.example\r\n", "",
		    "From stands behind a line that is no field", true },
		{ "From x@y.example Mon\r\nFrom: a@b.example\r\n From: x\r\n"
		  "Fromage:\r\nFrom\r\n",
		    "b.example", NULL, false },
		{ "From: a@b.example, c@d.example\r\n", "",
		    "From has addresses of several domains", true },
		{ "From: \r\n", "", "From has no address", false },
		{ "From: none:;\r\n", "", "From has no address", false },
		{ "From: joe\r\n", "", "From has an address without a domain",
		    false },
		{ "From: a@localhost\r\n", "",
		    "From has an address without a domain", false },
		{ "From: a@[192.0.2.1]\r\n", "",
		    "From has an address without a domain", false },
		{ "From: a@b..example\r\n", "",
		    "From has an address without a domain", false },
		{ "From: a@b.example, joe\r\n", "",
		    "From has an address without a domain", true },
		{ "From: joe, a@b.example\r\n", "",
		    "From has an address without a domain", true },
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct str domain;
		bool several;
		const char *why =
		    dmarc_from(a, str_c(cases[i].header), &domain, &several);

		test_row_str(i, str_c(why), str_c(cases[i].why));
		test_row_str(i, domain, str_c(cases[i].domain));
		test_row(i, several == cases[i].several);
	}
	arena_free(&a);
}

/* ---- the whole */

#define TXT(n, t)                                                              \
	{                                                                      \
		.name = n, .type = DNS_TXT, .text = t                          \
	}
static const struct dns_rig_row rows[] = {
	TXT("_dmarc.example.org", "v=DMARC1; p=reject; sp=quarantine"),
	TXT("_dmarc.own.example.org", "v=DMARC1; p=none"),
	TXT("_dmarc.strict.example", "v=DMARC1; p=reject; adkim=s; aspf=s"),
	TXT("_dmarc.bad.example.org", "v=DMARC1; p=junk"),
	TXT("_dmarc.two.example.org", "v=DMARC1; p=none"),
	TXT("_dmarc.two.example.org", "v=DMARC1; p=none"),
	TXT("_dmarc.not.example.org", "another record"),
	TXT("_dmarc.two.example", "v=DMARC1; p=none"),
	TXT("_dmarc.two.example", "v=DMARC1; p=reject"),
	TXT("_dmarc.mixed.example", "something else"),
	TXT("_dmarc.mixed.example", "v=DMARC1; p=quarantine"),
	TXT("_dmarc.half.example", "v=DMARC1; p=reject; pct=50"),
	TXT("_dmarc.broken.example", "v=DMARC1"),
	{ .name = "_dmarc.lost.example", .type = DNS_TXT, .status = DNS_TEMP },
};

static const struct {
	const char *from, *spf; /* spf: the domain that passed, or NULL */
	enum dmarc_result result;
	enum dmarc_policy policy;
} wholes[] = {
	{ "example.org", NULL, DMARC_FAIL, DMARC_P_REJECT },
	{ "example.org", "example.org", DMARC_PASS, DMARC_P_REJECT },
	{ "example.org", "b.example.org", DMARC_PASS, DMARC_P_REJECT },
	{ "example.org", "B.EXAMPLE.org", DMARC_PASS, DMARC_P_REJECT },
	{ "example.org", "notexample.org", DMARC_FAIL, DMARC_P_REJECT },
	{ "example.org", "org", DMARC_FAIL, DMARC_P_REJECT },
	{ "a.b.example.org", NULL, DMARC_FAIL, DMARC_P_QUARANTINE },
	{ "a.b.example.org", "c.example.org", DMARC_PASS, DMARC_P_QUARANTINE },
	{ "own.example.org", NULL, DMARC_FAIL, DMARC_P_NONE },
	{ "strict.example", "strict.example", DMARC_PASS, DMARC_P_REJECT },
	{ "strict.example", "a.strict.example", DMARC_FAIL, DMARC_P_REJECT },
	{ "a.strict.example", "strict.example", DMARC_FAIL, DMARC_P_REJECT },
	/* what is there, but bad, ends the search */
	{ "bad.example.org", NULL, DMARC_NONE, DMARC_P_NONE },
	{ "two.example.org", NULL, DMARC_NONE, DMARC_P_NONE },
	{ "not.example.org", NULL, DMARC_FAIL, DMARC_P_QUARANTINE },
	{ "two.example", NULL, DMARC_NONE, DMARC_P_NONE },
	{ "mixed.example", NULL, DMARC_FAIL, DMARC_P_QUARANTINE },
	{ "broken.example", NULL, DMARC_NONE, DMARC_P_NONE },
	{ "lost.example", "lost.example", DMARC_TEMPERROR, DMARC_P_NONE },
	{ "no.example", "no.example", DMARC_NONE, DMARC_P_NONE },
	{ "", NULL, DMARC_PERMERROR, DMARC_P_NONE },
};

static may_yield void
whole(struct task *t, struct mailauth_rig *r)
{
	unsigned rejects = 0, quarantines = 0;
	struct dmarc m;

	for (size_t i = 0; i < countof(wholes); i++) {
		struct spf spf = { .result =
				       wholes[i].spf ? SPF_PASS : SPF_FAIL };

		spf.domain = wholes[i].spf ? str_c(wholes[i].spf)
					   : str_c(wholes[i].from);
		dmarc_find(t, r->dns,
		    str_c(arena_printf(task_arena(t), "From: a@%s\r\n",
			wholes[i].from)),
		    &m);
		test_row_str(i, m.domain, str_c(wholes[i].from));
		dmarc_judge(task_arena(t), &m, &spf, NULL);
		test_row_str(i, str_c(dmarc_result_name(m.result)),
		    str_c(dmarc_result_name(wholes[i].result)));
		test_row(i, m.policy == wholes[i].policy);
		test_row(i, (m.why == NULL) == (m.result == DMARC_PASS));
		/* what may have passed is no failure */
		if (wholes[i].result == DMARC_FAIL ||
		    wholes[i].result == DMARC_PASS) {
			struct dmarc again = m;

			spf.result = SPF_TEMPERROR;
			dmarc_judge(task_arena(t), &again, &spf, NULL);
			test_row(i,
			    again.result ==
				(wholes[i].spf == NULL ||
					    wholes[i].result == DMARC_PASS
					? DMARC_TEMPERROR
					: DMARC_FAIL));
		}
		/* without anything to go by */
		dmarc_judge(task_arena(t), &m, NULL, NULL);
		test_row(i, m.result != DMARC_PASS);
	}
	for (int i = 0; i < 1000; i++) {
		dmarc_find(t, r->dns, STR("From: a@half.example\r\n"), &m);
		assert_int_equal(m.percent, 50);
		rejects += m.policy == DMARC_P_REJECT;
		quarantines += m.policy == DMARC_P_QUARANTINE;
	}
	assert_int_equal(rejects + quarantines, 1000);
	assert_in_range(rejects, 400, 600);
}

static void
test_whole(void **state)
{
	struct mailauth_rig r;

	(void)state;
	mailauth_rig_open(&r, rows, countof(rows));
	mailauth_rig_run(&r, whole, NULL);
	mailauth_rig_close(&r);
}

/* ---- with signatures: our own, verified */

static const struct {
	const char *from, *signer;
	bool pass;
} signers[] = {
	{ "example.org", "example.org", true },
	{ "example.org", "a.example.org", true },
	{ "a.example.org", "example.org", true },
	{ "example.org", "example.net", false },
	{ "strict.example", "strict.example", true },
	{ "strict.example", "a.strict.example", false },
};

struct signed_mail {
	const char *from;
	struct str header;
	bool changed, pass;
};

static may_yield void
judge(struct task *t, struct mailauth_rig *r)
{
	struct signed_mail *s = r->arg;
	struct dkim_verify *v = dkim_verify_new(task_arena(t), r->dns);
	struct dmarc m;

	dmarc_find(t, r->dns, s->header, &m);
	dkim_verify_header(t, v, s->header);
	dkim_verify_body(v, "x\r\n", s->changed ? 1 : 3);
	if (s->changed)
		dkim_verify_body(v, "y", 1);
	dkim_verify_end(v);
	dmarc_judge(task_arena(t), &m, NULL, v);
	s->pass = m.result == DMARC_PASS;
	assert_true(s->pass || m.result == DMARC_FAIL);
}

static void
test_signed(void **state)
{
	struct arena *a = arena_new(0);
	struct str pem, pub;

	(void)state;
	assert_null(blocking_dkim_key_new(a, "ed25519", &pem, &pub));
	for (size_t i = 0; i < countof(signers) * 2; i++) {
		struct signed_mail s = { .changed = i % 2 == 1 };
		struct dkim_key key = { str_c(signers[i / 2].signer), STR("s"),
			pem };
		struct dns_rig_row table[countof(rows) + 1];
		struct dkim_sign *sign = dkim_sign_new(a);
		struct mailauth_rig r;
		struct str field;

		memcpy(table, rows, sizeof(rows));
		table[countof(rows)] = (struct dns_rig_row){
			.name = arena_printf(a, "s._domainkey.%s",
			    signers[i / 2].signer),
			.type = DNS_TXT,
			.text = arena_cstr(a, dkim_record(a, "ed25519", pub)),
		};
		s.header = str_c(
		    arena_printf(a, "From: <a@%s>\r\n", signers[i / 2].from));
		dkim_sign_body(sign, "x\r\n", 3);
		assert_null(
		    dkim_sign_field(a, sign, s.header, &key, 1, &field));
		s.header = str_c(arena_printf(a, STR_FMT STR_FMT,
		    STR_ARG(field), STR_ARG(s.header)));
		mailauth_rig_open(&r, table, countof(table));
		mailauth_rig_run(&r, judge, &s);
		mailauth_rig_close(&r);
		test_row(i, s.pass == (signers[i / 2].pass && !s.changed));
	}
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_organization),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_from),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_signed),
	};

	return cmocka_run_group_tests_name("dmarc", tests, NULL, NULL);
}
