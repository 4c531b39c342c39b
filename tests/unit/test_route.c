/* test_route.c - which hosts take mail for a domain */
#include "tests/unit/dns_rig.h"
#include "tests/unit/state_rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "server/queue/route.h"
#include "server/worker.h"
#include "storage/state_route.h"
#include "tests/unit/test.h"

/* What the worker has of core in the server. */
uint64_t
worker_setting(const struct worker *w, enum state_setting id)
{
	(void)w;
	assert_int_equal(id, STATE_QUEUE_PORT);
	return 2525;
}

const char *
worker_hostname(const struct worker *w)
{
	(void)w;
	return "n1.here.test";
}

#define IS(who, what, says)                                                    \
	{                                                                      \
		.name = who, .type = what, .text = says                        \
	}
#define NOT(who, what, why)                                                    \
	{                                                                      \
		.name = who, .type = what, .status = why                       \
	}
#define STUCK(host)                                                            \
	IS("stuck.test", DNS_MX, "10 " host),                                  \
	{                                                                      \
		.name = host, .type = DNS_A, .delay_ms = DNS_RIG_NEVER         \
	}
/* (192.0.2.0/24 may be where the tests run.) */
static const struct dns_rig_row records[] = {
	IS("two.test", DNS_MX, "20 b.two.test"),
	IS("two.test", DNS_MX, "10 a.two.test"),
	IS("a.two.test", DNS_A, "203.0.113.1"),
	IS("a.two.test", DNS_A, "203.0.113.2"),
	IS("a.two.test", DNS_AAAA, "2001:db8::1"),
	IS("b.two.test", DNS_A, "203.0.113.3"),
	IS("none.test", DNS_MX, "0 ."),
	IS("plain.test", DNS_A, "203.0.113.9"),
	IS("plain.test", DNS_AAAA, "2001:db8::9"),
	IS("text.test", DNS_TXT, "nothing else"),
	IS("alias.test", DNS_CNAME, "two.test"),
	IS("viacname.test", DNS_MX, "10 c.viacname.test"),
	IS("c.viacname.test", DNS_CNAME, "b.two.test"),
	NOT("slow.test", DNS_MX, DNS_TEMP),
	NOT("bogus.test", DNS_MX, DNS_BOGUS),
	IS("slowhost.test", DNS_MX, "10 x.slowhost.test"),
	NOT("x.slowhost.test", DNS_A, DNS_TEMP),
	NOT("x.slowhost.test", DNS_AAAA, DNS_TEMP),
	IS("partly.test", DNS_MX, "10 x.slowhost.test"),
	IS("partly.test", DNS_MX, "20 b.two.test"),
	IS("empty.test", DNS_MX, "10 text.test"),
	IS("empty.test", DNS_MX, "20 nowhere.test"),
	/* we are in it: by name, by address */
	IS("n1.here.test", DNS_A, "203.0.113.200"),
	IS("second.test", DNS_MX, "10 b.two.test"),
	IS("second.test", DNS_MX, "20 n1.here.test"),
	IS("second.test", DNS_MX, "20 plain.test"),
	IS("second.test", DNS_MX, "30 a.two.test"),
	IS("first.test", DNS_MX, "10 N1.here.test"),
	IS("first.test", DNS_MX, "20 b.two.test"),
	IS("me.test", DNS_A, "127.0.0.7"),
	IS("byaddress.test", DNS_MX, "10 me.test"),
	IS("byaddress.test", DNS_MX, "20 b.two.test"),
	IS("lower.test", DNS_MX, "10 b.two.test"),
	IS("lower.test", DNS_MX, "20 me.test"),
	IS("lower.test", DNS_MX, "20 plain.test"),
	/* better, but not known now; then we */
	IS("unsure.test", DNS_MX, "10 x.slowhost.test"),
	IS("unsure.test", DNS_MX, "20 n1.here.test"),
	/* nobody answers for any of its hosts */
	STUCK("a.stuck.test"),
	STUCK("b.stuck.test"),
	STUCK("c.stuck.test"),
	STUCK("d.stuck.test"),
	STUCK("e.stuck.test"),
	STUCK("f.stuck.test"),
	STUCK("g.stuck.test"),
	STUCK("h.stuck.test"),
	IS("xn--bcher-kva.test", DNS_A, "203.0.113.10"),
	IS("relay.test", DNS_A, "203.0.113.50"),
	IS("many.test", DNS_A, "203.0.113.101"),
	IS("many.test", DNS_A, "203.0.113.102"),
	IS("many.test", DNS_A, "203.0.113.103"),
	IS("many.test", DNS_A, "203.0.113.104"),
	IS("many.test", DNS_AAAA, "2001:db8::101"),
	IS("many.test", DNS_AAAA, "2001:db8::102"),
	IS("many.test", DNS_AAAA, "2001:db8::103"),
	IS("many.test", DNS_AAAA, "2001:db8::104"),
};

/* What route_find() comes to: hosts and addresses, or the answer. */
static const struct {
	const char *domain, *want;
} rows[] = {
	{ "b.two.test", "b.two.test=203.0.113.3:2525" },
	{ "plain.test",
	    "plain.test=2001:db8::9:2525 plain.test=203.0.113.9:2525" },
	{ "PLAIN.test",
	    "plain.test=2001:db8::9:2525 plain.test=203.0.113.9:2525" },
	{ "viacname.test", "c.viacname.test=203.0.113.3:2525" },
	{ "partly.test", "b.two.test=203.0.113.3:2525" },
	{ "second.test", "b.two.test=203.0.113.3:2525" },
	{ "lower.test", "b.two.test=203.0.113.3:2525" },
	{ "b\xc3\xbc"
	  "cher.test",
	    "xn--bcher-kva.test=203.0.113.10:2525" },
	{ "[203.0.113.77]", "[203.0.113.77]=203.0.113.77:2525" },
	{ "[IPv6:2001:db8::77]", "[IPv6:2001:db8::77]=2001:db8::77:2525" },
	{ "none.test", "556 5.1.10" },
	{ "text.test", "550 5.1.2" },
	{ "nowhere.test", "550 5.1.2" },
	{ "no domain", "550 5.1.2" },
	{ "", "550 5.1.2" },
	{ "[300.0.2.77]", "550 5.1.2" },
	{ "[", "550 5.1.2" },
	{ "[]", "550 5.1.2" },
	{ "[unix]", "550 5.1.2" },
	{ "[203.0.113.1", "550 5.1.2" },
	{ "empty.test", "550 5.4.4" },
	{ "slow.test", "451 4.4.3" },
	{ "bogus.test", "451 4.4.3" },
	{ "slowhost.test", "451 4.4.3" },
	{ "first.test", "554 5.4.6" },
	{ "byaddress.test", "554 5.4.6" },
	{ "me.test", "554 5.4.6" },
	{ "n1.here.test", "554 5.4.6" },
	{ "[127.0.0.9]", "554 5.4.6" },
	{ "unsure.test", "451 4.4.3" },
};

/* Of these a state knows a route. */
static const struct state_route routes[] = {
	{ .pattern = { "one.test", 8 },
	    .hosts = { "relay.test:587 203.0.113.60", 27 },
	    .tls = STATE_ROUTE_VERIFY,
	    .user = { "u", 1 },
	    .password = { "p", 1 } },
	{ .pattern = { ".one.test", 9 },
	    .hosts = { "mx:second.test [2001:db8::5]:26", 31 },
	    .tls = STATE_ROUTE_MUST },
	{ .pattern = { "lost.test", 9 },
	    .hosts = { "nowhere.test", 12 },
	    .tls = STATE_ROUTE_MAY },
	{ .pattern = { "late.test", 9 },
	    .hosts = { "x.slowhost.test", 15 },
	    .tls = STATE_ROUTE_MAY },
	{ .pattern = { "*", 1 },
	    .hosts = { "relay.test", 10 },
	    .tls = STATE_ROUTE_IMPLICIT },
};
static const struct {
	const char *domain, *want;
	enum remote_tls tls;
} routed[] = {
	{ "one.test",
	    "relay.test=203.0.113.50:587 203.0.113.60=203.0.113.60:2525",
	    REMOTE_TLS_VERIFY },
	{ "a.one.test",
	    "b.two.test=203.0.113.3:2525 2001:db8::5=2001:db8::5:26",
	    REMOTE_TLS_MUST },
	{ "lost.test", "451 4.3.5", REMOTE_TLS_MAY },
	{ "late.test", "451 4.4.3", REMOTE_TLS_MAY },
	{ "two.test", "relay.test=203.0.113.50:465", REMOTE_TLS_IMPLICIT },
	{ "nowhere.test", "relay.test=203.0.113.50:465", REMOTE_TLS_IMPLICIT },
	{ "[203.0.113.1]", "relay.test=203.0.113.50:465", REMOTE_TLS_IMPLICIT },
};

static struct net_listen listen_any;
static struct conf_listener listener = { .name = "mx",
	.protocol = "smtp",
	.addresses = &listen_any,
	.addresses_n = 1 };
static struct conf conf = { .listeners = &listener, .listeners_n = 1 };

static void
worker_init(struct worker *w, struct cluster *c, struct state *st)
{
	struct sockaddr_in *in4 = (void *)&listen_any.sa;

	memset(w, 0, sizeof(*w));
	in4->sin_family = AF_INET;
	in4->sin_port = htons(2525);
	w->conf = &conf;
	w->state = st;
	w->dns = dns_rig_new(c->rig.sched, records, countof(records));
}

static const char *
shown(struct arena *a, const struct route *r)
{
	char text[NET_TEXT_MAX];
	struct buf b;

	if (r->n == 0)
		return arena_printf(a, "%u %s", r->why.code, r->why.enhanced);
	buf_init(&b, a, 4096);
	for (unsigned i = 0; i < r->n; i++)
		buf_fmt(&b, "%s" STR_FMT "=%s:%u", i > 0 ? " " : "",
		    STR_ARG(r->targets[i].host),
		    net_addr_text(&r->targets[i].addr, text),
		    r->targets[i].addr.port);
	return buf_cstr(&b);
}

TEST(by_mx)
{
	struct worker w;
	struct route r;

	worker_init(&w, c, NULL);
	for (size_t i = 0; i < countof(rows); i++) {
		route_find(t, &w, str_c(rows[i].domain), &r);
		test_row_str(i, str_c(shown(task_arena(t), &r)),
		    str_c(rows[i].want));
		test_row(i, (r.n == 0) == (r.why.text.n > 0));
		test_row(i, !r.is_smart);
		for (unsigned k = 0; k < r.n; k++) {
			test_row(i, r.targets[k].tls == REMOTE_TLS_MAY);
			test_row(i,
			    str_eq_c(r.targets[k].hello, "n1.here.test"));
		}
	}
	dns_free(&w.dns);
}

/* However many hosts there are, there is an end. */
TEST(stuck)
{
	uint64_t before = task_now_ms(t);
	struct worker w;
	struct route r;

	worker_init(&w, c, NULL);
	route_find(t, &w, STR("stuck.test"), &r);
	assert_string_equal(shown(task_arena(t), &r), "451 4.4.3");
	assert_in_range(task_now_ms(t) - before, ROUTE_LOOK_MS,
	    ROUTE_LOOK_MS + 2 * DNS_QUERY_MS);
	dns_free(&w.dns);
}

/* What is equal comes in any order, families in turns. */
TEST(turns)
{
	struct worker w;
	struct route r;
	bool seen[2] = { false, false };

	worker_init(&w, c, NULL);
	for (unsigned i = 0; i < 50; i++) {
		route_find(t, &w, STR("two.test"), &r);
		if (r.n != 4)
			fail_msg("%u: %s", i, shown(task_arena(t), &r));
		assert_int_equal(r.targets[0].addr.family, NET_IP6);
		assert_int_equal(r.targets[1].addr.family, NET_IP4);
		seen[r.targets[1].addr.ip[3] - 1] = true;
		assert_true(str_eq_c(r.targets[3].host, "b.two.test"));
	}
	assert_true(seen[0] && seen[1]);
	route_find(t, &w, STR("alias.test"), &r);
	assert_int_equal(r.n, 4);
	route_find(t, &w, STR("many.test"), &r);
	assert_int_equal(r.n, ROUTE_PER_HOST_MAX);
	for (unsigned i = 0; i < r.n; i++)
		assert_int_equal(r.targets[i].addr.family,
		    i % 2 == 0 ? NET_IP6 : NET_IP4);
	dns_free(&w.dns);
}

TEST(by_state)
{
	struct state *st = node_open(t, c, 0);
	struct worker w;
	struct route r;

	worker_init(&w, c, st);
	/* none yet */
	route_find(t, &w, STR("b.two.test"), &r);
	assert_int_equal(r.n, 1);
	for (size_t i = 0; i < countof(routes); i++)
		assert_ok(state_route_set(t, st, "test", &routes[i]));
	for (size_t i = 0; i < countof(routed); i++) {
		route_find(t, &w, str_c(routed[i].domain), &r);
		test_row_str(i, str_c(shown(task_arena(t), &r)),
		    str_c(routed[i].want));
		test_row(i, r.is_smart);
		for (unsigned k = 0; k < r.n; k++)
			test_row(i, r.targets[k].tls == routed[i].tls);
	}
	route_find(t, &w, STR("one.test"), &r);
	assert_true(str_eq_c(r.targets[1].user, "u"));
	assert_true(str_eq_c(r.targets[1].password, "p"));
	dns_free(&w.dns);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(by_mx, cluster_setup,
		    cluster_teardown),
		cmocka_unit_test_setup_teardown(stuck, cluster_setup,
		    cluster_teardown),
		cmocka_unit_test_setup_teardown(turns, cluster_setup,
		    cluster_teardown),
		cmocka_unit_test_setup_teardown(by_state, cluster_setup,
		    cluster_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
