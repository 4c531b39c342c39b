/* test_admin_zone_check.c - whether the DNS has the records a domain needs */
#include "server/admin/admin_zone_check.h"
#include "tests/unit/dns_rig.h"
#include "tests/unit/share_rig.h"
#include "tests/unit/test.h"

#define KEY "MCowBQYDK2VwAyEAeHl6"
#define NEVER DNS_RIG_NEVER

#define NONE                                                                   \
	{                                                                      \
		NULL, DNS_A, NULL, DNS_FOUND, 0, false                         \
	}
#define HAS(type, text)                                                        \
	{                                                                      \
		"t.org", type, text, DNS_FOUND, 0, false                       \
	}
#define SAYS(type, status)                                                     \
	{                                                                      \
		"t.org", type, NULL, status, 0, false                          \
	}
/* What is wanted of t.org, what there is, what is said. */
static const struct check_row {
	const char *type, *data;
	struct dns_rig_row rows[3];
	enum admin_zone_status status;
	const char *found; /* with '|' between them */
} check_rows[] = {
	{ "MX", "10 mx.t.org.", { NONE }, ADMIN_ZONE_MISSING, "" },
	{ "MX", "10 mx.t.org.", { HAS(DNS_A, "192.0.2.1") }, ADMIN_ZONE_MISSING,
	    "" },
	{ "MX", "10 mx.t.org.", { HAS(DNS_MX, "10 MX.t.ORG") }, ADMIN_ZONE_OK,
	    "10 mx.t.org." },
	{ "MX", "10 mx.t.org.", { HAS(DNS_MX, "20 mx.t.org") },
	    ADMIN_ZONE_DIFFERENT, "20 mx.t.org." },
	{ "MX", "10 mx.t.org.", { HAS(DNS_MX, "0 .") }, ADMIN_ZONE_DIFFERENT,
	    "0 ." },
	{ "MX", "10 mx.t.org.",
	    { HAS(DNS_MX, "10 mx2.t.org"), HAS(DNS_MX, "10 mx.t.org") },
	    ADMIN_ZONE_OK, "10 mx2.t.org.|10 mx.t.org." },
	{ "MX", "10 mx.t.org.", { SAYS(DNS_MX, DNS_TEMP) }, ADMIN_ZONE_UNKNOWN,
	    "" },
	{ "MX", "10 mx.t.org.", { SAYS(DNS_MX, DNS_BOGUS) }, ADMIN_ZONE_UNKNOWN,
	    "" },
	{ "MX", "10 mx.t.org.",
	    { { "t.org", DNS_MX, "10 mx.t.org", DNS_FOUND, NEVER, false } },
	    ADMIN_ZONE_UNKNOWN, "" },
	{ "SRV", "0 1 993 mx.t.org.", { HAS(DNS_SRV, "0 1 993 mx.t.org") },
	    ADMIN_ZONE_OK, "0 1 993 mx.t.org." },
	{ "SRV", "0 1 993 mx.t.org.", { HAS(DNS_SRV, "0 1 994 mx.t.org") },
	    ADMIN_ZONE_DIFFERENT, "0 1 994 mx.t.org." },
	{ "SRV", "0 1 993 mx.t.org.", { HAS(DNS_SRV, "0 0 0 .") },
	    ADMIN_ZONE_DIFFERENT, "0 0 0 ." },
	{ "CNAME", "mx.t.org.", { HAS(DNS_CNAME, "mx.t.org") }, ADMIN_ZONE_OK,
	    "mx.t.org." },
	{ "CNAME", "mx.t.org.", { HAS(DNS_CNAME, "old.t.org") },
	    ADMIN_ZONE_DIFFERENT, "old.t.org." },
	/* SPF */
	{ "TXT", "v=spf1 mx ~all",
	    { HAS(DNS_TXT, "verify=abc"), HAS(DNS_TXT, "V=SPF1  MX ~all ") },
	    ADMIN_ZONE_OK, "V=SPF1  MX ~all " },
	{ "TXT", "v=spf1 mx ~all", { HAS(DNS_TXT, "v=spf1 mx\n ~all") },
	    ADMIN_ZONE_OK, "v=spf1 mx ~all" },
	{ "TXT", "v=spf1 mx ~all", { HAS(DNS_TXT, "v=spf1 mx ~al\nl") },
	    ADMIN_ZONE_OK, "v=spf1 mx ~all" },
	{ "TXT", "v=spf1 mx ~all", { HAS(DNS_TXT, "v=spf1 mx -all") },
	    ADMIN_ZONE_DIFFERENT, "v=spf1 mx -all" },
	{ "TXT", "v=spf1 mx ~all", { HAS(DNS_TXT, "v=spf1 mx") },
	    ADMIN_ZONE_DIFFERENT, "v=spf1 mx" },
	{ "TXT", "v=spf1 mx ~all",
	    { HAS(DNS_TXT, "v=spf1 mx ~all"), HAS(DNS_TXT, "v=spf1 -all") },
	    ADMIN_ZONE_DIFFERENT, "v=spf1 mx ~all|v=spf1 -all" },
	{ "TXT", "v=spf1 mx ~all", { HAS(DNS_TXT, "v=spf10 mx") },
	    ADMIN_ZONE_MISSING, "" },
	{ "TXT", "v=spf1 mx ~all", { HAS(DNS_TXT, "") }, ADMIN_ZONE_MISSING,
	    "" },
	/* DKIM: by p= */
	{ "TXT", "v=DKIM1; k=ed25519; p=" KEY,
	    { HAS(DNS_TXT,
		"v=DKIM1;k=ed25519; t=s; p=MCowBQYDK2VwA\nyEAeH l6;") },
	    ADMIN_ZONE_OK, "v=DKIM1;k=ed25519; t=s; p=MCowBQYDK2VwAyEAeH l6;" },
	{ "TXT", "v=DKIM1; k=rsa; p=" KEY, { HAS(DNS_TXT, "p=" KEY) },
	    ADMIN_ZONE_OK, "p=" KEY },
	{ "TXT", "v=DKIM1; k=ed25519; p=" KEY, { HAS(DNS_TXT, "p=" KEY) },
	    ADMIN_ZONE_DIFFERENT, "p=" KEY },
	{ "TXT", "v=DKIM1; k=rsa; p=" KEY, { HAS(DNS_TXT, "v=DKIM1; p=") },
	    ADMIN_ZONE_DIFFERENT, "v=DKIM1; p=" },
	{ "TXT", "v=DKIM1; k=rsa; p=" KEY, { HAS(DNS_TXT, "what is this") },
	    ADMIN_ZONE_DIFFERENT, "what is this" },
	{ "TXT", "v=DKIM1; k=rsa; p=" KEY,
	    { HAS(DNS_TXT, "v=DKIM1; p=" KEY),
		HAS(DNS_TXT, "v=DKIM1; p=QQ==") },
	    ADMIN_ZONE_DIFFERENT, "v=DKIM1; p=" KEY "|v=DKIM1; p=QQ==" },
	/* DMARC: tag by tag */
	{ "TXT", "v=DMARC1; p=none; rua=mailto:a@t.org",
	    { HAS(DNS_TXT, "v=DMARC1;rua=mailto:a@T.org ; p=None;") },
	    ADMIN_ZONE_OK, "v=DMARC1;rua=mailto:a@T.org ; p=None;" },
	{ "TXT", "v=DMARC1; p=none",
	    { HAS(DNS_TXT, "v=DMARC1; p=none; pct=50") }, ADMIN_ZONE_DIFFERENT,
	    "v=DMARC1; p=none; pct=50" },
	{ "TXT", "v=DMARC1; p=none; sp=none",
	    { HAS(DNS_TXT, "v=DMARC1; p=none") }, ADMIN_ZONE_DIFFERENT,
	    "v=DMARC1; p=none" },
	/* any other */
	{ "TXT", "hello", { HAS(DNS_TXT, "other"), HAS(DNS_TXT, "hello") },
	    ADMIN_ZONE_OK, "hello" },
	{ "TXT", "hello", { HAS(DNS_TXT, "Hello") }, ADMIN_ZONE_MISSING, "" },
};

static may_yield_unchecked void
check_one(struct task *t, const struct check_row *row, size_t i)
{
	struct admin_zone_record r = { .name = STR("t.org"),
		.type = row->type,
		.data = str_c(row->data) };
	struct admin_zone_seen seen;
	struct dns *d;
	unsigned rows = 0;
	struct buf b;

	while (rows < countof(row->rows) && row->rows[rows].name != NULL)
		rows++;
	d = dns_rig_new(task_sched(t), row->rows, rows);
	admin_zone_check(t, d, &r, 1, &seen);
	dns_free(&d);
	buf_init(&b, task_arena(t), 10000);
	for (unsigned k = 0; k < seen.n; k++) {
		buf_c(&b, k > 0 ? "|" : "");
		buf_str_add(&b, seen.found[k]);
	}
	if (seen.status != row->status || !str_eq_c(buf_str(&b), row->found))
		fail_msg("row %zu: %s, " STR_FMT, i,
		    admin_zone_status_name(seen.status), STR_ARG(buf_str(&b)));
}

static may_yield_unchecked void
compare(struct task *t, struct rig *r)
{
	(void)r;
	for (size_t i = 0; i < countof(check_rows); i++)
		check_one(t, &check_rows[i], i);
}

#define RECORDS 200

/* A resolver that says nothing: once for each name, and not for long. */
static may_yield_unchecked void
dead_resolver(struct task *t, struct rig *r)
{
	struct admin_zone_record list[2 * RECORDS];
	struct admin_zone_seen seen[2 * RECORDS];
	static const struct dns_rig_row rows[] = {
		{ "x0.t.org", DNS_TXT, "verify", DNS_FOUND, 0, false },
	};
	struct dns *d = dns_rig_new(task_sched(t), rows, 1);
	struct dns_rig_row dead[RECORDS];
	uint64_t begun = task_now_ms(t);

	(void)r;
	for (unsigned i = 0; i < 2 * RECORDS; i++) {
		list[i] = (struct admin_zone_record){
			.name = str_c(arena_printf(task_arena(t), "x%u.t.org",
			    i % RECORDS)),
			.type = "TXT",
			.data = STR("v=spf1 -all"),
		};
		dead[i % RECORDS] = (struct dns_rig_row){
			.name = list[i].name.p,
			.type = DNS_TXT,
			.text = "v=spf1 -all",
			.delay_ms = NEVER,
		};
	}
	admin_zone_check(t, d, list, 2 * RECORDS, seen);
	assert_int_equal(dns_rig_of(d)->asked, RECORDS);
	for (unsigned i = 0; i < 2 * RECORDS; i++)
		assert_int_equal(seen[i].status, ADMIN_ZONE_MISSING);
	dns_free(&d);
	assert_true(task_now_ms(t) - begun < 1000);

	d = dns_rig_new(task_sched(t), dead, RECORDS);
	begun = task_now_ms(t);
	task_set_deadline(t, begun + 60000);
	admin_zone_check(t, d, list, 2 * RECORDS, seen);
	for (unsigned i = 0; i < 2 * RECORDS; i++)
		assert_int_equal(seen[i].status, ADMIN_ZONE_UNKNOWN);
	assert_true(task_now_ms(t) - begun >= ADMIN_ZONE_CHECK_MS);
	assert_true(task_now_ms(t) - begun < ADMIN_ZONE_CHECK_MS + 1000);
	assert_int_equal(task_deadline(t), begun + 60000);
	task_set_deadline(t, 0);
	dns_free(&d);
}

static void
test_compare(void **state)
{
	rig_run(*state, compare);
}

static void
test_dead(void **state)
{
	rig_run(*state, dead_resolver);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_compare, rig_setup,
		    rig_teardown),
		cmocka_unit_test_setup_teardown(test_dead, rig_setup,
		    rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
