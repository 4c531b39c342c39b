/* test_state_sending.c - rules, routes, identities, keys, groups' writers */
#include "storage/state_alias.h"
#include "storage/state_dkim.h"
#include "storage/state_identity.h"
#include "storage/state_key.h"
#include "storage/state_private.h"
#include "storage/state_route.h"
#include "storage/state_setting.h"
#include "storage/state_srs.h"
#include "tests/unit/state_rig.h"

static void
later(struct cluster *c, uint64_t seconds)
{
	c->rig.now += seconds * 1000;
}

static may_yield_unchecked struct state *
with_domain(struct task *t, struct cluster *c)
{
	struct state *st = node_open(t, c, 0);

	assert_ok(add_domain(t, st, "x.org"));
	return st;
}

static may_yield_unchecked void
check_clean(struct task *t, struct cluster *c)
{
	assert_same(t, c->node[0].st, node_open(t, c, 1));
}

/* --- rules of domains --- */

TEST(test_domain_rules)
{
	struct state *st = with_domain(t, c);
	struct state_domain d = { .note = STR("n"), .accounts_max = 3 };
	struct state_domain_rules r;
	struct arena *a = task_arena(t);
	struct state_account ac;

	assert_ok(state_domain_rules(a, st, STR("X.org"), &r));
	assert_true(str_eq_c(r.separators, "+"));
	assert_int_equal(r.messages_default, 0);
	assert_int_equal(r.message_max, 0);
	assert_int_equal(r.recipients_per_day, STATE_RECIPIENTS_DEFAULT);
	assert_int_equal(r.dmarc, STATE_DMARC_PUBLISHED);
	assert_true(r.outgoing);
	assert_err(state_domain_rules(a, st, STR("y.org"), &r), ERR_NOTFOUND);
	d.rules = (struct state_domain_rules){ .separators = STR("-+"),
		.messages_default = 77,
		.message_max = 1000,
		.recipients_per_day = 5,
		.dmarc = STATE_DMARC_QUARANTINE };
	assert_ok(state_domain_set(t, st, "t", STR("x.org"), &d,
	    STATE_DOMAIN_ACCOUNTS | STATE_DOMAIN_MESSAGES));
	assert_ok(state_domain_rules(a, st, STR("x.org"), &r));
	assert_int_equal(r.messages_default, 77);
	assert_true(r.outgoing);
	assert_true(str_eq_c(r.separators, "+"));
	assert_ok(state_domain_set(t, st, "t", STR("x.org"), &d, 511));
	assert_ok(state_domain_rules(a, st, STR("x.org"), &r));
	assert_true(str_eq_c(r.separators, "-+"));
	assert_int_equal(r.message_max, 1000);
	assert_int_equal(r.recipients_per_day, 5);
	assert_int_equal(r.dmarc, STATE_DMARC_QUARANTINE);
	assert_false(r.outgoing);
	assert_ok(state_domain_find(a, st, STR("x.org"), &d));
	assert_int_equal(d.accounts_max, 3);
	assert_int_equal(d.rules.message_max, 1000);
	assert_true(str_eq_c(d.note, "n"));
	assert_ok(add_account(t, st, "alice@x.org"));
	assert_ok(state_account_find(a, st, STR("alice@x.org"), &ac));
	assert_int_equal(ac.quota_messages, 77);
	d.rules.separators = STR("a");
	assert_err(state_domain_set(t, st, "t", STR("x.org"), &d,
		       STATE_DOMAIN_SEPARATORS),
	    ERR_INVALID);
	d.rules.separators = STR("++++++++-");
	assert_err(state_domain_set(t, st, "t", STR("x.org"), &d,
		       STATE_DOMAIN_SEPARATORS),
	    ERR_INVALID);
	d.rules.recipients_per_day = -2;
	assert_err(state_domain_set(t, st, "t", STR("x.org"), &d,
		       STATE_DOMAIN_RECIPIENTS),
	    ERR_INVALID);
	assert_err(state_domain_set(t, st, "t", STR("no.org"), &d,
		       STATE_DOMAIN_NOTE),
	    ERR_NOTFOUND);
	check_clean(t, c);
}

/* --- resolving --- */

static may_yield_unchecked void
expect(struct task *t, struct state *st, const char *address, const char *from,
    const char *to)
{
	struct state_recipient *list;
	struct str f = from == NULL ? STR_NONE : str_c(from);
	struct buf b;
	struct err *e;
	unsigned n, i;
	bool foreign, closed;

	e = state_resolve_from(task_arena(t), st, str_c(address), f, &list, &n,
	    &foreign, &closed);
	buf_init(&b, task_arena(t), 8192);
	if (e != NULL)
		buf_c(&b, foreign  ? "foreign"
			  : closed ? "closed"
				   : err_name(e->code));
	for (i = 0; i < n; i++)
		buf_fmt(&b, "%s" STR_FMT "%s%s" STR_FMT "%s" STR_FMT,
		    i > 0 ? " " : "", STR_ARG(list[i].address),
		    list[i].account_id.n > 0 ? "" : "*",
		    list[i].detail.n > 0 ? "/" : "", STR_ARG(list[i].detail),
		    list[i].via.n > 0 ? "<" : "", STR_ARG(list[i].via));
	if (strcmp(buf_cstr(&b), to) != 0)
		fail_msg("%s leads to \"%s\", not \"%s\"", address,
		    buf_cstr(&b), to);
}

static may_yield_unchecked void
separators(struct task *t, struct state *st, const char *s)
{
	struct state_domain d = { .rules.separators = str_c(s) };

	assert_ok(state_domain_set(t, st, "t", STR("x.org"), &d,
	    STATE_DOMAIN_SEPARATORS));
}

TEST(test_separators)
{
	struct state *st = with_domain(t, c);

	assert_ok(add_account(t, st, "mary@x.org"));
	assert_ok(add_account(t, st, "mary-ann@x.org"));
	expect(t, st, "mary+a+b@x.org", NULL, "mary@x.org/a+b");
	expect(t, st, "mary-lists@x.org", NULL, "notfound");
	expect(t, st, "+a@x.org", NULL, "notfound");
	separators(t, st, "-+");
	expect(t, st, "mary-ann@x.org", NULL, "mary-ann@x.org");
	expect(t, st, "mary-ann-lists@x.org", NULL, "mary-ann@x.org/lists");
	expect(t, st, "mary-ann+x-y@x.org", NULL, "mary-ann@x.org/x-y");
	expect(t, st, "mary-anne@x.org", NULL, "mary@x.org/anne");
	expect(t, st, "mary-@x.org", NULL, "mary@x.org");
	separators(t, st, "");
	expect(t, st, "mary+x@x.org", NULL, "notfound");
	check_clean(t, c);
}

static may_yield_unchecked void
alias(struct task *t, struct state *st, const char *from, const char *to)
{
	assert_ok(state_alias_add(t, st, "t", str_c(from), str_c(to)));
}

static may_yield_unchecked void
group(struct task *t, struct state *st, const char *address,
    const char *posters, const char *members)
{
	struct str rest = str_c(members), m;

	assert_ok(state_group_add(t, st, "t", str_c(address), STR("G"),
	    str_c(posters)));
	while (str_split(&rest, ' ', &m))
		assert_ok(
		    state_group_member(t, st, "t", str_c(address), m, true));
}

TEST(test_via)
{
	struct state *st = with_domain(t, c);

	assert_ok(add_account(t, st, "alice@x.org"));
	alias(t, st, "info@x.org", "alice@x.org");
	alias(t, st, "info@x.org", "out@far.org");
	alias(t, st, "all@x.org", "info@x.org");
	expect(t, st, "alice@x.org", NULL, "alice@x.org");
	expect(t, st, "all@x.org", NULL,
	    "alice@x.org<info@x.org out@far.org*<info@x.org");
	expect(t, st, "info+d@x.org", NULL,
	    "alice@x.org/d<info+d@x.org out@far.org*/d<info+d@x.org");
	group(t, st, "team@x.org", "anyone", "alice@x.org b@far.org");
	expect(t, st, "team@x.org", NULL,
	    "alice@x.org<team@x.org b@far.org*<team@x.org");
	/* an empty group is nobody, not everybody else */
	assert_ok(state_group_add(t, st, "t", STR("void@x.org"), STR("V"),
	    STR("anyone")));
	alias(t, st, "@x.org", "c@far.org");
	expect(t, st, "who@x.org", NULL, "c@far.org*<who@x.org");
	expect(t, st, "void@x.org", NULL, "notfound");
	assert_ok(state_setting_set(t, st, "t", STR("domain.postmaster"),
	    STR("p@far.org")));
	expect(t, st, "abuse@x.org", NULL, "p@far.org*<abuse@x.org");
	check_clean(t, c);
}

TEST(test_circles)
{
	struct state *st = with_domain(t, c);
	unsigned i;

	assert_ok(add_account(t, st, "alice@x.org"));
	group(t, st, "a@x.org", "anyone", "b@x.org alice@x.org");
	group(t, st, "b@x.org", "anyone", "a@x.org o@far.org");
	expect(t, st, "a@x.org", NULL,
	    "alice@x.org<a@x.org o@far.org*<b@x.org");
	expect(t, st, "b@x.org", NULL,
	    "alice@x.org<a@x.org o@far.org*<b@x.org");
	alias(t, st, "p@x.org", "q@x.org");
	alias(t, st, "q@x.org", "p@x.org");
	expect(t, st, "p@x.org", NULL, "limit");
	/* a chain that is too long */
	for (i = 0; i < 12; i++)
		alias(t, st, arena_printf(task_arena(t), "c%u@x.org", i),
		    arena_printf(task_arena(t), "c%u@x.org", i + 1));
	alias(t, st, "c12@x.org", "alice@x.org");
	expect(t, st, "c0@x.org", NULL, "limit");
	expect(t, st, "c6@x.org", NULL, "alice@x.org<c12@x.org");
	/* through another domain of ours that takes nothing */
	assert_ok(add_domain(t, st, "y.org"));
	alias(t, st, "z@x.org", "alice@y.org");
	assert_ok(state_domain_suspend(t, st, "t", STR("y.org"), true));
	expect(t, st, "z@x.org", NULL, "notfound");
	check_clean(t, c);
}

TEST(test_posters)
{
	struct state *st = with_domain(t, c);

	assert_ok(add_account(t, st, "alice@x.org"));
	assert_ok(add_account(t, st, "bob@x.org"));
	assert_ok(add_account(t, st, "carol@x.org"));
	alias(t, st, "al@x.org", "alice@x.org");
	group(t, st, "inner@x.org", "members", "carol@x.org");
	group(t, st, "m@x.org", "members", "alice@x.org o@far.org inner@x.org");
	group(t, st, "d@x.org", "domain", "bob@x.org");
	group(t, st, "open@x.org", "anyone", "inner@x.org");
	alias(t, st, "tom@x.org", "m@x.org");
	alias(t, st, "mixed@x.org", "bob@x.org");
	alias(t, st, "mixed@x.org", "inner@x.org");
	const char *all = "alice@x.org<m@x.org carol@x.org<inner@x.org "
			  "o@far.org*<m@x.org";
	static const char *const yes[] = { "alice@x.org", "Alice+x@x.org",
		"al@x.org", "o@far.org", "O@FAR.org", "carol@x.org" };
	static const char *const no[] = { "bob@x.org", "x@far.org", "", "odd",
		"nobody@x.org" };
	for (unsigned i = 0; i < countof(yes); i++) {
		expect(t, st, "m@x.org", yes[i], all);
		expect(t, st, "tom@x.org", yes[i], all);
	}
	for (unsigned i = 0; i < countof(no); i++) {
		expect(t, st, "m@x.org", no[i], "closed");
		expect(t, st, "tom@x.org", no[i], "closed");
		expect(t, st, "mixed@x.org", no[i], "bob@x.org<mixed@x.org");
		expect(t, st, "open@x.org", no[i], "carol@x.org<inner@x.org");
	}
	expect(t, st, "inner@x.org", "alice@x.org", "closed");
	expect(t, st, "d@x.org", "carol@x.org", "bob@x.org<d@x.org");
	expect(t, st, "d@x.org", "carol@sub.x.org", "closed");
	expect(t, st, "d@x.org", "", "closed");
	expect(t, st, "bob@x.org", "", "bob@x.org");
	check_clean(t, c);
}

/* --- sending as --- */

TEST(test_may_send_as)
{
	static const struct {
		const char *address;
		bool alice, bob;
	} rows[] = {
		{ "alice@x.org", true, false },
		{ "ALICE@X.org", true, false },
		{ "alice+lists@x.org", true, false },
		{ "bob@x.org", false, true },
		{ "bob+x@x.org", false, true },
		{ "sales@x.org", true, true },
		{ "sales+a@x.org", true, true },
		{ "shop@x.org", true, true },
		{ "team@x.org", false, true },
		{ "team+x@x.org", false, true },
		{ "anything@y.org", true, false },
		{ "g@y.org", false, false },
		{ "me@far.org", true, false },
		{ "me+x@far.org", true, false },
		{ "you@far.org", false, false },
		{ "a@z.org", false, true },
		{ "alice", false, false },
		{ "", false, false },
		{ "@x.org", false, false },
	};
	struct state *st = with_domain(t, c);
	struct state_account alice, bob;
	struct arena *a = task_arena(t);
	struct state_identity *list;
	unsigned i, n;
	bool yes;

	assert_ok(add_domain(t, st, "y.org"));
	assert_ok(add_account(t, st, "alice@x.org"));
	assert_ok(add_account(t, st, "bob@x.org"));
	alias(t, st, "sales@x.org", "alice@x.org");
	alias(t, st, "sales@x.org", "bob@x.org");
	alias(t, st, "shop@x.org", "sales@x.org");
	group(t, st, "team@x.org", "anyone", "alice@x.org bob@x.org");
	group(t, st, "g@y.org", "anyone", "bob@x.org");
	alias(t, st, "@y.org", "alice@x.org");
	assert_ok(state_identity_add(t, st, "t", STR("Bob@x.org"),
	    STR("Team@x.org")));
	assert_ok(
	    state_identity_add(t, st, "t", STR("bob@x.org"), STR("@Z.org")));
	assert_ok(state_identity_add(t, st, "t", STR("alice@x.org"),
	    STR("me@far.org")));
	assert_err(state_identity_add(t, st, "t", STR("alice@x.org"),
		       STR("ME@far.org")),
	    ERR_DUPLICATE);
	assert_err(state_identity_add(t, st, "t", STR("no@x.org"),
		       STR("me@far.org")),
	    ERR_NOTFOUND);
	assert_err(state_identity_add(t, st, "t", STR("bob@x.org"), STR("x")),
	    ERR_INVALID);
	assert_ok(state_account_find(a, st, STR("alice@x.org"), &alice));
	assert_ok(state_account_find(a, st, STR("bob@x.org"), &bob));
	for (i = 0; i < countof(rows); i++) {
		assert_ok(state_may_send_as(a, st, alice.id,
		    str_c(rows[i].address), &yes));
		if (yes != rows[i].alice)
			fail_msg("row %u: alice %d", i, yes);
		assert_ok(state_may_send_as(a, st, bob.id,
		    str_c(rows[i].address), &yes));
		if (yes != rows[i].bob)
			fail_msg("row %u: bob %d", i, yes);
	}
	assert_ok(state_identity_list(a, st, STR_NONE, &list, &n));
	assert_int_equal(n, 3);
	assert_ok(state_identity_list(a, st, STR("bob@x.org"), &list, &n));
	assert_int_equal(n, 2);
	assert_true(str_eq_c(list[0].address, "*@z.org"));
	assert_true(str_eq_c(list[0].login, "bob@x.org"));
	assert_ok(state_identity_remove(t, st, "t", STR("bob@x.org"),
	    STR("*@z.org")));
	assert_err(state_identity_remove(t, st, "t", STR("bob@x.org"),
		       STR("*@z.org")),
	    ERR_NOTFOUND);
	assert_ok(state_account_suspend(t, st, "t", STR("alice@x.org"), true));
	assert_ok(state_may_send_as(a, st, alice.id, STR("alice@x.org"), &yes));
	assert_false(yes);
	/* they go with the account */
	assert_ok(state_account_remove(t, st, "t", STR("bob@x.org"), &bob));
	assert_ok(state_may_send_as(a, st, bob.id, STR("bob@x.org"), &yes));
	assert_false(yes);
	assert_ok(state_account_purge(t, st, "t", bob.id, true));
	assert_ok(state_identity_list(a, st, STR_NONE, &list, &n));
	assert_int_equal(n, 1);
	check_clean(t, c);
}

/* --- routes --- */

TEST(test_route_hosts)
{
	static const struct {
		const char *in, *out; /* NULL: refused */
	} rows[] = {
		{ "relay.example.net", "relay.example.net:0" },
		{ "Relay.Example.net:587", "relay.example.net:587" },
		{ " a.net  b.net:25 ", "a.net:0 b.net:25" },
		{ "192.0.2.1:2525", "192.0.2.1:2525" },
		{ "[2001:db8::1]", "2001:db8::1:0" },
		{ "[2001:db8::1]:25", "2001:db8::1:25" },
		{ "[192.0.2.1]:25", "192.0.2.1:25" },
		{ "mx:example.net", "mx/example.net:0" },
		{ "mx:example.net:2525", "mx/example.net:2525" },
		{ "", NULL },
		{ " ", NULL },
		{ "a.net:", NULL },
		{ "a.net:0", NULL },
		{ "a.net:65536", NULL },
		{ "a.net:x", NULL },
		{ "[a.net]:25", NULL },
		{ "[2001:db8::1", NULL },
		{ "[2001:db8::1]25", NULL },
		{ "[]:25", NULL },
		{ "[2001:db8::1::2]", NULL },
		{ "[dead.beef:1]", NULL },
		{ "[192.0.2]", NULL },
		{ "2001:db8::1", NULL },
		{ "mx:[2001:db8::1]", NULL },
		{ "mx:", NULL },
		{ "mx:25", NULL },
		{ "MX:a.net", "mx/a.net:0" },
		{ "a..net", NULL },
		{ "a a a a a a a a a a a a a a a a a", NULL },
	};
	struct arena *a = task_arena(t);
	struct state_route_host *list;
	struct err *e;
	unsigned i, k, n;

	(void)c;
	for (i = 0; i < countof(rows); i++) {
		struct buf b;

		e = state_route_hosts(a, str_c(rows[i].in), &list, &n);
		if ((e == NULL) != (rows[i].out != NULL))
			fail_msg("row %u: %s", i, e ? e->text : "taken");
		if (e != NULL)
			continue;
		buf_init(&b, a, 1000);
		for (k = 0; k < n; k++)
			buf_fmt(&b, "%s%s" STR_FMT ":%u", k > 0 ? " " : "",
			    list[k].mx ? "mx/" : "", STR_ARG(list[k].name),
			    list[k].port);
		assert_string_equal(buf_cstr(&b), rows[i].out);
	}
}

static may_yield_unchecked void
expect_route(struct task *t, struct state *st, const char *domain,
    const char *pattern)
{
	struct state_route r;
	struct err *e = state_route_find(task_arena(t), st, str_c(domain), &r);

	if (pattern == NULL) {
		assert_err(e, ERR_NOTFOUND);
		return;
	}
	assert_ok(e);
	if (!str_eq_c(r.pattern, pattern))
		fail_msg("%s: " STR_FMT, domain, STR_ARG(r.pattern));
}

TEST(test_routes)
{
	static const char *const patterns[] = { "example.org", ".example.org",
		".a.example.org", "*" };
	struct state *st = with_domain(t, c);
	struct arena *a = task_arena(t);
	struct state_route r = { .hosts = STR("relay.net") }, got, *list;
	unsigned i, n;

	expect_route(t, st, "example.org", NULL);
	for (i = 0; i < 3; i++) {
		r.pattern = str_c(patterns[i]);
		assert_ok(state_route_set(t, st, "t", &r));
	}
	expect_route(t, st, "example.org", "example.org");
	expect_route(t, st, "b.Example.org", ".example.org");
	expect_route(t, st, "c.b.example.org", ".example.org");
	expect_route(t, st, "x.a.example.org", ".a.example.org");
	expect_route(t, st, "a.example.org", ".example.org");
	expect_route(t, st, "badexample.org", NULL);
	r.pattern = STR("*");
	r.hosts = STR("smart.net:587 mx:far.net");
	r.tls = STATE_ROUTE_VERIFY;
	r.user = STR("u");
	assert_err(state_route_set(t, st, "t", &r), ERR_INVALID);
	r.password = STR("secret");
	assert_ok(state_route_set(t, st, "t", &r));
	expect_route(t, st, "badexample.org", "*");
	expect_route(t, st, "example.org", "example.org");
	assert_ok(state_route_get(a, st, STR("*"), &got));
	assert_true(str_eq_c(got.password, "secret"));
	assert_int_equal(got.tls, STATE_ROUTE_VERIFY);
	r.tls = STATE_ROUTE_MAY;
	assert_err(state_route_set(t, st, "t", &r), ERR_INVALID);
	r.tls = STATE_ROUTE_MUST;
	r.password = STR("other");
	r.note = STR("the provider");
	assert_ok(state_route_set(t, st, "t", &r));
	r.pattern = STR("a b");
	assert_err(state_route_set(t, st, "t", &r), ERR_INVALID);
	r.pattern = STR("y.org");
	r.hosts = STR("x:y");
	assert_err(state_route_set(t, st, "t", &r), ERR_INVALID);
	assert_same(t, st, node_open(t, c, 1));
	assert_ok(state_route_list(a, c->node[1].st, &list, &n));
	assert_int_equal(n, 4);
	assert_true(str_eq_c(list[0].pattern, "*"));
	assert_true(str_eq_c(list[0].password, "other"));
	assert_true(str_eq_c(list[0].note, "the provider"));
	assert_ok(state_route_remove(t, st, "t", STR(".Example.org")));
	assert_err(state_route_remove(t, st, "t", STR(".example.org")),
	    ERR_NOTFOUND);
	expect_route(t, st, "b.example.org", "*");
	check_clean(t, c);
}

/* --- keys --- */

static may_yield_unchecked struct err *
dkim(struct task *t, struct state *st, const char *selector,
    const char *algorithm, const char *node, enum state_dkim_stage stage)
{
	struct state_dkim_key k = { .domain = STR("x.org"),
		.selector = str_c(selector),
		.algorithm = str_c(algorithm),
		.node = str_c(node),
		.public_part = STR("cA=="),
		.stage = stage };

	return state_dkim_add(t, st, "t", &k, str_c(selector));
}

static may_yield_unchecked void
expect_signers(struct task *t, struct state *st, const char *node,
    const char *selectors)
{
	struct state_dkim_signer *list;
	struct buf b;
	unsigned n, i;

	assert_ok(state_dkim_signers(task_arena(t), st, STR("X.org"),
	    str_c(node), &list, &n));
	buf_init(&b, task_arena(t), 1000);
	for (i = 0; i < n; i++) {
		assert_true(str_eq(list[i].pem, list[i].selector));
		buf_fmt(&b, "%s" STR_FMT, i > 0 ? " " : "",
		    STR_ARG(list[i].selector));
	}
	assert_string_equal(buf_cstr(&b), selectors);
}

TEST(test_dkim)
{
	struct state *st = with_domain(t, c);
	struct arena *a = task_arena(t);
	struct state_dkim_key *list;
	struct str s;
	unsigned n;

	expect_signers(t, st, "n1", "");
	assert_ok(dkim(t, st, "r1", "rsa", "", STATE_DKIM_ACTIVE));
	assert_ok(dkim(t, st, "e1", "ed25519", "", STATE_DKIM_ACTIVE));
	assert_err(dkim(t, st, "r1", "rsa", "", STATE_DKIM_NEW), ERR_DUPLICATE);
	assert_err(dkim(t, st, "r_", "rsa", "", STATE_DKIM_NEW), ERR_INVALID);
	assert_err(dkim(t, st, "d1", "dsa", "", STATE_DKIM_NEW), ERR_INVALID);
	expect_signers(t, st, "n1", "r1 e1");
	/* rotation */
	assert_ok(dkim(t, st, "r2", "rsa", "", STATE_DKIM_NEW));
	expect_signers(t, st, "n1", "r1 e1");
	assert_ok(state_dkim_activate(t, st, "t", STR("x.org"), STR("R2")));
	expect_signers(t, st, "n1", "r2 e1");
	assert_ok(state_dkim_list(a, st, STR("x.org"), &list, &n));
	assert_int_equal(n, 3);
	for (unsigned i = 0; i < n; i++) {
		bool old = str_eq_c(list[i].selector, "r1");

		assert_int_equal(list[i].stage,
		    old ? STATE_DKIM_RETIRED : STATE_DKIM_ACTIVE);
		assert_true(list[i].activated != 0);
		assert_int_equal(list[i].retired != 0, old);
	}
	/* of one node */
	assert_ok(dkim(t, st, "r3", "rsa", "n1", STATE_DKIM_ACTIVE));
	expect_signers(t, st, "n1", "r3 e1");
	expect_signers(t, st, "n2", "r2 e1");
	assert_ok(state_dkim_retire(t, st, "t", STR("x.org"), STR("e1")));
	expect_signers(t, st, "n2", "r2");
	/* back again: a mistake is mended */
	assert_ok(state_dkim_activate(t, st, "t", STR("x.org"), STR("e1")));
	expect_signers(t, st, "n2", "r2 e1");
	assert_err(state_dkim_retire(t, st, "t", STR("x.org"), STR("zz")),
	    ERR_NOTFOUND);
	/* only what was retired long enough goes by itself */
	assert_ok(state_dkim_sweep(t, st, "t", &n));
	assert_int_equal(n, 0);
	later(c, STATE_DKIM_RETIRED_S + 1);
	assert_ok(state_dkim_sweep(t, st, "t", &n));
	assert_int_equal(n, 1);
	assert_ok(state_dkim_remove(t, st, "t", STR("x.org"), STR("r3")));
	expect_signers(t, st, "n1", "r2 e1");
	assert_ok(state_dkim_selector(a, st, STR("x.org"), STR("rsa"),
	    1795996800, &s));
	assert_true(str_eq_c(s, "s202611r"));
	assert_ok(dkim(t, st, "s202611e", "ed25519", "", STATE_DKIM_NEW));
	assert_ok(dkim(t, st, "s202611e2", "ed25519", "", STATE_DKIM_NEW));
	assert_ok(state_dkim_selector(a, st, STR("x.org"), STR("ed25519"),
	    1795996800, &s));
	assert_true(str_eq_c(s, "s202611e3"));
	check_clean(t, c);
	/* they go with the domain */
	assert_ok(state_domain_remove(t, st, "t", STR("x.org")));
	assert_ok(state_dkim_list(a, st, STR_NONE, &list, &n));
	assert_int_equal(n, 0);
	check_clean(t, c);
}

TEST(test_srs)
{
	struct state *st = with_domain(t, c);
	struct arena *a = task_arena(t);
	struct str *list, first;
	bool changed, active;
	unsigned n;

	assert_ok(
	    state_srs_secrets(a, st, rig_wall(&c->rig), &list, &n, &active));
	assert_int_equal(n, 0);
	assert_false(active);
	assert_ok(state_srs_ensure(t, st, "t", &changed));
	assert_true(changed);
	assert_ok(state_srs_ensure(t, st, "t", &changed));
	assert_false(changed);
	assert_ok(
	    state_srs_secrets(a, st, rig_wall(&c->rig), &list, &n, &active));
	assert_int_equal(n, 1);
	assert_true(active);
	assert_int_equal(list[0].n, STATE_SRS_SECRET);
	first = list[0];
	later(c, STATE_SRS_ROTATE_S + 1);
	assert_ok(state_srs_ensure(t, st, "t", &changed));
	assert_true(changed);
	assert_ok(
	    state_srs_secrets(a, st, rig_wall(&c->rig), &list, &n, &active));
	assert_int_equal(n, 2);
	assert_false(str_eq(list[0], first));
	assert_true(str_eq(list[1], first));
	assert_ok(state_srs_rotate(t, st, "t"));
	assert_ok(
	    state_srs_secrets(a, st, rig_wall(&c->rig), &list, &n, &active));
	assert_int_equal(n, 3);
	later(c, STATE_SRS_RETIRED_S + 1);
	assert_ok(
	    state_srs_secrets(a, st, rig_wall(&c->rig), &list, &n, &active));
	assert_int_equal(n, 1);
	assert_ok(state_srs_ensure(t, st, "t", &changed));
	assert_true(changed);
	assert_ok(state_srs_ensure(t, st, "t", &changed));
	assert_false(changed);
	check_clean(t, c);
}

/* Whoever gives them away cannot fill the state with them. */
TEST(test_identities_are_few)
{
	struct state *st = with_domain(t, c);
	struct state_identity *list;
	struct err *e = NULL;
	unsigned i, n;

	assert_ok(add_account(t, st, "alice@x.org"));
	for (i = 0; e == NULL && i <= STATE_IDENTITIES_MAX; i++) {
		struct arena_mark m = arena_mark(task_arena(t));

		e = state_identity_add(t, st, "t", STR("alice@x.org"),
		    str_c(arena_printf(task_arena(t), "a%u@far.org", i)));
		if (e == NULL)
			arena_rewind(task_arena(t), m);
	}
	assert_err(e, ERR_LIMIT);
	assert_ok(state_identity_list(task_arena(t), st, STR("alice@x.org"),
	    &list, &n));
	assert_int_equal(n, STATE_IDENTITIES_MAX);
}

int
main(void)
{
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, cluster_setup, cluster_teardown)
	const struct CMUnitTest tests[] = {
		T(test_domain_rules),
		T(test_separators),
		T(test_via),
		T(test_circles),
		T(test_posters),
		T(test_may_send_as),
		T(test_identities_are_few),
		T(test_route_hosts),
		T(test_routes),
		T(test_dkim),
		T(test_srs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
