/* test_state_data.c - the business functions: what they do and refuse */
#include "storage/state_address.h"
#include "storage/state_admin.h"
#include "storage/state_alias.h"
#include "storage/state_audit.h"
#include "storage/state_key.h"
#include "storage/state_node.h"
#include "storage/state_setting.h"
#include "tests/unit/state_rig.h"

static may_yield_unchecked struct state *
with_domain(struct task *t, struct cluster *c)
{
	struct state *st = node_open(t, c, 0);

	assert_ok(add_domain(t, st, "x.org"));
	return st;
}

static may_yield_unchecked void
check_clean(struct task *t, struct state *st)
{
	struct state_problem *p;

	assert_ok(state_check(task_arena(t), st, &p));
	if (p != NULL)
		fail_msg("%s", p->text);
}

/* --- addresses --- */

TEST(test_addresses)
{
	static const struct {
		const char *in, *out; /* NULL: refused */
	} rows[] = {
		{ "alice@example.org", "alice@example.org" },
		{ "Alice.B+Tag@EXAMPLE.org", "alice.b+tag@example.org" },
		{ "\"alice\"@example.org", "alice@example.org" },
		{ "\"al\\ice\"@example.org", "alice@example.org" },
		{ "STRASSE@example.org", "strasse@example.org" },
		{ "stra\xc3\x9f"
		  "e@example.org",
		    "strasse@example.org" },
		{ "J\xc3\x9cRGEN@M\xc3\xbcnchen.example",
		    "j\xc3\xbcrgen@xn--mnchen-3ya.example" },
		{ "ju\xcc\x88rgen@x.org", "j\xc3\xbcrgen@x.org" },
		{ "o'neil{}~!#$%&*/=?^_`|-@x.org",
		    "o'neil{}~!#$%&*/=?^_`|-@x.org" },
		{ "alice", NULL },
		{ "@example.org", NULL },
		{ "alice@", NULL },
		{ ".alice@x.org", NULL },
		{ "alice.@x.org", NULL },
		{ "a..b@x.org", NULL },
		{ "a b@x.org", NULL },
		{ "\"a b\"@x.org", NULL },
		{ "\"a@x.org", NULL },
		{ "a@b@x.org", NULL },
		{ "a(comment)@x.org", NULL },
		{ "a@x..org", NULL },
		{ "a@-x.org", NULL },
		{ "a@[127.0.0.1]", NULL },
		{ "a\xff@x.org", NULL },
		{ "a,b@x.org", NULL },
		{ "0123456789012345678901234567890123456789012345678901234567"
		  "890123@x.org",
		    "0123456789012345678901234567890123456789012345678901234567"
		    "890123@x.org" },
		{ "0123456789012345678901234567890123456789012345678901234567"
		  "8901234@x.org",
		    NULL },
	};
	struct arena *a = task_arena(t);
	struct state_address ad, again;
	struct err *e;
	unsigned i;

	(void)c;
	for (i = 0; i < countof(rows); i++) {
		e = state_address_parse(a, str_c(rows[i].in), &ad);
		if (rows[i].out == NULL) {
			if (!err_is(e, ERR_INVALID))
				fail_msg("row %u: accepted", i);
			continue;
		}
		if (e != NULL || !str_eq_c(ad.full, rows[i].out))
			fail_msg("row %u: %s", i,
			    e != NULL ? e->text : arena_cstr(a, ad.full));
		assert_ok(state_address_parse(a, ad.full, &again));
		assert_true(str_eq(ad.full, again.full));
	}
	assert_ok(state_address_parse_any(a, STR("@X.org"), &ad));
	assert_true(str_eq_c(ad.full, "@x.org"));
}

/* --- domains and accounts --- */

TEST(test_domains)
{
	struct state *st = node_open(t, c, 0);
	struct state_domain *list, d = { .name = STR("M\xc3\xbcnchen.example"),
		.quota_default = 5000,
		.accounts_max = 1 };
	struct state_account ac;
	unsigned n;

	assert_ok(state_domain_add(t, st, "test", &d));
	assert_err(add_domain(t, st, "not a domain"), ERR_INVALID);
	assert_ok(
	    state_domain_list(task_arena(t), st, STR_NONE, 10, &list, &n));
	assert_int_equal(n, 1);
	assert_true(str_eq_c(list[0].name, "xn--mnchen-3ya.example"));
	assert_true(str_eq_c(list[0].display, "m\xc3\xbcnchen.example"));
	assert_ok(add_account(t, st, "a@m\xc3\xbcnchen.example"));
	assert_err(add_account(t, st, "b@m\xc3\xbcnchen.example"), ERR_LIMIT);
	assert_ok(state_account_find(task_arena(t), st,
	    STR("a@xn--mnchen-3ya.example"), &ac));
	assert_int_equal(ac.quota_bytes, 5000);
	assert_err(state_domain_remove(t, st, "test", d.name), ERR_CONFLICT);
	assert_ok(state_account_remove(t, st, "test", ac.address, &ac));
	assert_err(state_domain_remove(t, st, "test", d.name), ERR_CONFLICT);
	assert_ok(state_account_purge(t, st, "test", ac.id, true));
	assert_ok(state_domain_remove(t, st, "test", d.name));
	assert_err(state_domain_remove(t, st, "test", d.name), ERR_NOTFOUND);
	check_clean(t, st);
}

TEST(test_retention)
{
	struct state *st = with_domain(t, c);
	struct arena *a = task_arena(t);
	int64_t week = 7 * 86400, ever = 0, def = STATE_KEEP_DEFAULT;
	struct state_retention r;
	bool used;

	assert_ok(state_domain_retention(a, st, STR("x.org"), &r));
	assert_true(r.junk_s == 0 && r.trash_s == 0);
	assert_ok(state_retention_is_used(a, st, &used));
	assert_false(used);
	assert_ok(state_domain_keep(t, st, "test", STR("x.org"), &week, NULL));
	assert_ok(state_retention_is_used(a, st, &used));
	assert_true(used);
	assert_ok(state_setting_set(t, st, "test", STR("retention.trash"),
	    STR("30d")));
	assert_ok(state_domain_retention(a, st, STR("x.org"), &r));
	assert_true(r.junk_s == (uint64_t)week && r.trash_s == 30 * 86400);
	assert_ok(state_domain_keep(t, st, "test", STR("x.org"), &def, &ever));
	assert_ok(state_domain_retention(a, st, STR("x.org"), &r));
	assert_true(r.junk_s == 0 && r.trash_s == 0);
	assert_ok(state_retention_is_used(a, st, &used));
	assert_true(used); /* other domains */
}

TEST(test_walk)
{
	struct state *st = with_domain(t, c);
	struct state_account *list, gone;
	struct arena *a = task_arena(t);
	unsigned n, half, all;

	for (unsigned i = 0; i < 20; i++)
		assert_ok(
		    add_account(t, st, arena_printf(a, "user%u@x.org", i)));
	assert_ok(
	    state_account_remove(t, st, "test", STR("user3@x.org"), &gone));
	assert_ok(state_account_walk(a, st, STR(""), STR("~"), 100, &list, &n));
	assert_int_equal(n, 19);
	for (unsigned i = 1; i < n; i++)
		assert_true(str_cmp(list[i - 1].id, list[i].id) < 0);
	assert_ok(
	    state_account_walk(a, st, STR(""), list[7].id, 100, &list, &half));
	assert_int_equal(half, 7);
	assert_ok(
	    state_account_walk(a, st, STR("22222222"), STR("~"), 5, &list, &n));
	assert_int_equal(n, 5);
	assert_ok(state_account_count(a, st, 10, &all));
	assert_int_equal(all, 10);
	assert_ok(state_account_count(a, st, 100, &all));
	assert_int_equal(all, 20);
}

TEST(test_account_life)
{
	struct state *st = with_domain(t, c);
	struct state_account ac, ac2;
	struct arena *a = task_arena(t);
	struct state_login l;

	assert_err(add_account(t, st, "a@elsewhere.org"), ERR_NOTFOUND);
	assert_ok(add_account(t, st, "Alice@X.org"));
	assert_err(add_account(t, st, "alice@x.org"), ERR_DUPLICATE);
	assert_ok(state_account_find(a, st, STR("ALICE@x.org"), &ac));
	assert_int_equal(ac.id.n, STATE_ID_CHARS);
	assert_int_equal(ac.status, STATE_ACCOUNT_ACTIVE);
	assert_int_equal(ac.password_changed, 0);

	assert_ok(state_account_quota(t, st, "test", ac.address, 123, 9));
	assert_ok(
	    state_account_rename(t, st, "test", ac.address, STR("Alice A.")));
	assert_ok(state_account_suspend(t, st, "test", ac.address, true));
	assert_err(state_login_find(a, st, ac.address, 0, &l), ERR_DENIED);
	assert_ok(state_account_suspend(t, st, "test", ac.address, false));
	assert_ok(state_login_find(a, st, ac.address, 0, &l));
	assert_int_equal(l.n, 0);
	assert_int_equal(l.salt.iterations, PASSWORD_ITERATIONS);
	assert_int_equal(l.account.quota_bytes, 123);
	assert_int_equal(l.account.quota_messages, 9);
	assert_true(str_eq_c(l.account.name, "Alice A."));
	assert_true(l.account.generation > ac.generation);

	/* removed: the address is free, the row waits */
	assert_ok(state_account_remove(t, st, "test", ac.address, &ac2));
	assert_true(str_eq(ac2.id, ac.id));
	assert_err(state_account_find(a, st, ac.address, &ac2), ERR_NOTFOUND);
	assert_err(state_login_find(a, st, ac.address, 0, &l), ERR_NOTFOUND);
	assert_ok(state_account_get(a, st, ac.id, &ac2));
	assert_int_equal(ac2.status, STATE_ACCOUNT_REMOVED);
	assert_int_equal(ac2.purge_after - ac2.removed, 30 * 86400);
	assert_err(state_account_purge(t, st, "test", ac.id, false),
	    ERR_CONFLICT);
	/* somebody else has the address meanwhile */
	assert_ok(add_account(t, st, "alice@x.org"));
	assert_err(state_account_undelete(t, st, "test", ac.id, &ac2),
	    ERR_DUPLICATE);
	assert_ok(state_account_remove(t, st, "test", ac.address, &ac2));
	assert_err(state_account_undelete(t, st, "test", ac.address, &ac2),
	    ERR_CONFLICT);
	assert_ok(state_account_undelete(t, st, "test", ac.id, &ac2));
	assert_ok(state_account_find(a, st, ac.address, &ac2));
	assert_true(str_eq(ac2.id, ac.id));
	assert_err(state_account_undelete(t, st, "test", STR("nobody@x.org"),
		       &ac2),
	    ERR_NOTFOUND);
	check_clean(t, st);

	/* the grace ends */
	assert_ok(state_account_remove(t, st, "test", ac.address, &ac2));
	c->rig.now += 31ULL * 86400 * 1000;
	assert_ok(state_account_purge(t, st, "test", ac.id, false));
	assert_ok(state_account_purge(t, st, "test", ac.id, false));
	assert_err(state_account_get(a, st, ac.id, &ac2), ERR_NOTFOUND);
	check_clean(t, st);
}

TEST(test_batch)
{
	struct state *st = with_domain(t, c);
	struct state_account_new list[3] = { { .address = STR("a@x.org") },
		{ .address = STR("b@x.org") }, { .address = STR("A@x.org") } };
	uint64_t seq = state_seq(st);
	struct err *e;

	/* all or none, and the error names who */
	e = state_account_add(t, st, "test", list, 3);
	assert_err(e, ERR_DUPLICATE);
	assert_non_null(strstr(e->text, "a@x.org"));
	assert_int_equal(state_seq(st), seq);
	assert_ok(state_account_add(t, st, "test", list, 2));
	assert_int_equal(state_seq(st), seq + 1);
	assert_true(str_eq_c(list[1].address_r, "b@x.org"));
	assert_int_equal(list[1].id_r.n, STATE_ID_CHARS);
	assert_ok(state_account_add(t, st, "test", list, 0));
	assert_err(state_account_add(t, st, "test", list, STATE_BATCH_MAX + 1),
	    ERR_LIMIT);
}

TEST(test_account_list)
{
	struct state *st = with_domain(t, c);
	struct state_account_query q = { .max = 2 };
	struct arena *a = task_arena(t);
	struct state_account *list;
	unsigned n, i;

	for (i = 0; i < 5; i++)
		assert_ok(
		    add_account(t, st, arena_printf(a, "user_%u@x.org", i)));
	assert_ok(add_domain(t, st, "y.org"));
	assert_ok(add_account(t, st, "someone@y.org"));
	assert_ok(state_account_rename(t, st, "t", STR("someone@y.org"),
	    STR("100% Zoe")));
	assert_ok(state_account_list(a, st, &q, &list, &n));
	assert_int_equal(n, 2);
	q.after = list[1].address;
	q.max = 100;
	assert_ok(state_account_list(a, st, &q, &list, &n));
	assert_int_equal(n, 4);
	q.after = STR_NONE;
	q.domain = STR("Y.ORG");
	assert_ok(state_account_list(a, st, &q, &list, &n));
	assert_int_equal(n, 1);
	q.domain = STR_NONE;
	q.search = STR("USER_3");
	assert_ok(state_account_list(a, st, &q, &list, &n));
	assert_int_equal(n, 1);
	q.search = STR("0% z");
	assert_ok(state_account_list(a, st, &q, &list, &n));
	assert_int_equal(n, 1);
	q.search = STR("%");
	assert_ok(state_account_list(a, st, &q, &list, &n));
	assert_int_equal(n, 1);
	q = (struct state_account_query){ .removed = true, .max = 10 };
	assert_ok(state_account_list(a, st, &q, &list, &n));
	assert_int_equal(n, 0);
	assert_ok(state_account_remove(t, st, "t", STR("user_1@x.org"), NULL));
	assert_ok(state_account_list(a, st, &q, &list, &n));
	assert_int_equal(n, 1);
	q.due = true;
	q.now_s = list[0].purge_after - 1;
	assert_ok(state_account_list(a, st, &q, &list, &n));
	assert_int_equal(n, 0);
	q.now_s++;
	assert_ok(state_account_list(a, st, &q, &list, &n));
	assert_int_equal(n, 1);
	assert_ok(
	    state_account_suspend(t, st, "t", STR("someone@y.org"), true));
	q = (struct state_account_query){ .suspended = true, .max = 10 };
	assert_ok(state_account_list(a, st, &q, &list, &n));
	assert_int_equal(n, 1);
	assert_true(str_eq_c(list[0].address, "someone@y.org"));
	q = (struct state_account_query){ .active = true, .max = 10 };
	assert_ok(state_account_list(a, st, &q, &list, &n));
	assert_int_equal(n, 4);
	q.domain = STR("y.org");
	assert_ok(state_account_list(a, st, &q, &list, &n));
	assert_int_equal(n, 0);
}

/* --- passwords --- */

static may_yield_unchecked struct password
make_password(struct task *t, struct cluster *c, struct state *st,
    const char *address, const char *clear)
{
	struct password_salt salt;
	struct password p;

	assert_ok(state_account_salt(task_arena(t), st, str_c(address),
	    &c->rig.rnd, &salt));
	assert_ok(password_make(t, NULL, str_c(clear), 1, &salt, &p));
	return p;
}

static may_yield_unchecked bool
can_login(struct task *t, struct state *st, const char *address,
    const char *clear)
{
	struct state_login l;
	unsigned i;
	bool ok;

	assert_ok(state_login_find(task_arena(t), st, str_c(address),
	    task_wall_s(t), &l));
	for (i = 0; i < l.n; i++) {
		assert_ok(password_verify(t, NULL, str_c(clear),
		    &l.credentials[i].password, &ok));
		if (ok)
			return true;
	}
	return false;
}

TEST(test_passwords)
{
	struct state *st = with_domain(t, c);
	struct arena *a = task_arena(t);
	struct password p, p2, imported;
	struct state_account_new n = { .address = STR("u@x.org"),
		.password = &imported };
	struct state_account before, after;
	struct state_login l;

	assert_ok(password_import(a,
	    STR("{BLF-CRYPT}$2y$05$CCCCCCCCCCCCCCCCCCCCC."
		"E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
	    &imported));
	assert_ok(state_account_add(t, st, "test", &n, 1));
	assert_true(can_login(t, st, "u@x.org", "U*U"));
	assert_ok(state_login_find(a, st, n.address, 0, &l));
	assert_true(password_needs_upgrade(&l.credentials[0].password));
	before = l.account;
	/* upgraded at the first login: nobody is signed out */
	p = make_password(t, c, st, "u@x.org", "U*U");
	assert_ok(state_account_password(t, st, "login", n.address, &p,
	    &l.credentials[0].password));
	assert_ok(state_account_find(a, st, n.address, &after));
	assert_int_equal(after.generation, before.generation);
	assert_int_equal(after.password_changed, before.password_changed);
	assert_true(can_login(t, st, "u@x.org", "U*U"));
	assert_ok(state_login_find(a, st, n.address, 0, &l));
	assert_false(password_needs_upgrade(&l.credentials[0].password));
	assert_memory_equal(l.credentials[0].password.salt.salt, l.salt.salt,
	    16);
	/* changed; an upgrade of what is gone does nothing */
	p2 = make_password(t, c, st, "u@x.org", "new");
	assert_ok(state_account_password(t, st, "test", n.address, &p2, NULL));
	assert_ok(
	    state_account_password(t, st, "login", n.address, &p, &imported));
	assert_false(can_login(t, st, "u@x.org", "U*U"));
	assert_true(can_login(t, st, "u@x.org", "new"));
	assert_ok(state_account_find(a, st, n.address, &after));
	assert_true(after.generation > before.generation);
	assert_ok(state_account_password(t, st, "test", n.address, NULL, NULL));
	assert_false(can_login(t, st, "u@x.org", "new"));
	assert_err(state_account_password(t, st, "test", STR("v@x.org"), &p,
		       NULL),
	    ERR_NOTFOUND);
}

TEST(test_app_passwords)
{
	struct state *st = with_domain(t, c);
	struct arena *a = task_arena(t);
	struct state_app_password *list;
	struct password p, app;
	struct str id, id2;
	unsigned n;

	assert_ok(add_account(t, st, "u@x.org"));
	p = make_password(t, c, st, "u@x.org", "main");
	assert_ok(
	    state_account_password(t, st, "test", STR("u@x.org"), &p, NULL));
	app = make_password(t, c, st, "u@x.org", "phone");
	assert_ok(state_app_password_add(t, st, "test", STR("u@x.org"),
	    STR("phone"), 0, &app, &id));
	app = make_password(t, c, st, "u@x.org", "soon");
	assert_ok(state_app_password_add(t, st, "test", STR("u@x.org"),
	    STR("soon over"), task_wall_s(t) + 10, &app, &id2));
	assert_true(can_login(t, st, "u@x.org", "main"));
	assert_true(can_login(t, st, "u@x.org", "phone"));
	assert_true(can_login(t, st, "u@x.org", "soon"));
	c->rig.now += 11000;
	assert_false(can_login(t, st, "u@x.org", "soon"));
	assert_ok(state_app_password_list(a, st, STR("u@x.org"), &list, &n));
	assert_int_equal(n, 2);
	/* by its own account only */
	assert_ok(add_account(t, st, "v@x.org"));
	assert_err(state_app_password_remove(t, st, "test", STR("v@x.org"), id),
	    ERR_NOTFOUND);
	assert_ok(state_app_password_remove(t, st, "test", STR("u@x.org"), id));
	assert_err(state_app_password_remove(t, st, "test", STR("u@x.org"), id),
	    ERR_NOTFOUND);
	assert_false(can_login(t, st, "u@x.org", "phone"));
	/* keys made with another salt would never match */
	app.salt.salt[0] ^= 1;
	assert_err(state_app_password_add(t, st, "test", STR("u@x.org"),
		       STR("bad"), 0, &app, &id),
	    ERR_CONFLICT);
	p.salt.salt[0] ^= 1;
	assert_err(state_account_password(t, st, "test", STR("u@x.org"), &p,
		       NULL),
	    ERR_CONFLICT);
	check_clean(t, st);
}

/* --- aliases --- */

static may_yield_unchecked void
expect_resolves(struct task *t, struct state *st, const char *address,
    const char *to)
{
	struct state_recipient *list;
	struct buf b;
	struct err *e;
	unsigned n, i;
	bool foreign;

	e = state_resolve(task_arena(t), st, str_c(address), &list, &n,
	    &foreign);
	buf_init(&b, task_arena(t), 4096);
	if (e != NULL)
		buf_c(&b, foreign ? "foreign" : err_name(e->code));
	for (i = 0; i < n; i++)
		buf_fmt(&b, "%s" STR_FMT "%s%s" STR_FMT, i > 0 ? " " : "",
		    STR_ARG(list[i].address),
		    list[i].account_id.n > 0 ? "" : "*",
		    list[i].detail.n > 0 ? "/" : "", STR_ARG(list[i].detail));
	if (strcmp(buf_cstr(&b), to) != 0)
		fail_msg("%s leads to \"%s\", not \"%s\"", address,
		    buf_cstr(&b), to);
}

TEST(test_aliases)
{
	struct state *st = with_domain(t, c);
	struct state_alias *list, alias;
	struct arena *a = task_arena(t);
	unsigned n, i;

	assert_ok(add_account(t, st, "alice@x.org"));
	assert_ok(add_account(t, st, "bob@x.org"));
	expect_resolves(t, st, "alice@x.org", "alice@x.org");
	expect_resolves(t, st, "Alice+Lists@x.org", "alice@x.org/lists");
	expect_resolves(t, st, "carol@x.org", "notfound");
	expect_resolves(t, st, "carol@elsewhere.org", "foreign");
	assert_ok(
	    state_alias_add(t, st, "t", STR("info@x.org"), STR("alice@x.org")));
	assert_ok(state_alias_add(t, st, "t", STR("info@x.org"),
	    STR("out@elsewhere.org")));
	assert_ok(
	    state_alias_add(t, st, "t", STR("all@x.org"), STR("info@x.org")));
	assert_ok(
	    state_alias_add(t, st, "t", STR("all@x.org"), STR("bob@x.org")));
	assert_ok(
	    state_alias_add(t, st, "t", STR("all@x.org"), STR("alice@x.org")));
	expect_resolves(t, st, "all@x.org",
	    "alice@x.org bob@x.org out@elsewhere.org*");
	expect_resolves(t, st, "info+x@x.org",
	    "alice@x.org/x out@elsewhere.org*/x");
	assert_err(state_alias_add(t, st, "t", STR("info@x.org"),
		       STR("alice@x.org")),
	    ERR_DUPLICATE);
	assert_err(state_alias_add(t, st, "t", STR("bob@x.org"),
		       STR("alice@x.org")),
	    ERR_DUPLICATE);
	assert_err(state_alias_add(t, st, "t", STR("a@elsewhere.org"),
		       STR("alice@x.org")),
	    ERR_NOTFOUND);
	assert_err(state_alias_add(t, st, "t", STR("z@x.org"), STR("Z@x.org")),
	    ERR_INVALID);
	assert_err(add_account(t, st, "info@x.org"), ERR_DUPLICATE);
	/* postmaster goes where the setting says, before the catch-all */
	expect_resolves(t, st, "postmaster@x.org", "notfound");
	assert_ok(state_setting_set(t, st, "t", STR("domain.postmaster"),
	    STR("Bob@x.org")));
	expect_resolves(t, st, "postmaster@x.org", "bob@x.org");
	expect_resolves(t, st, "abuse@x.org", "bob@x.org");
	assert_ok(
	    state_alias_add(t, st, "t", STR("@x.org"), STR("alice@x.org")));
	expect_resolves(t, st, "carol@x.org", "alice@x.org");
	expect_resolves(t, st, "abuse@x.org", "bob@x.org");
	/* circles */
	assert_ok(state_alias_add(t, st, "t", STR("p@x.org"), STR("q@x.org")));
	assert_ok(state_alias_add(t, st, "t", STR("q@x.org"), STR("p@x.org")));
	expect_resolves(t, st, "p@x.org", "limit");
	/* listing, finding, removing */
	assert_ok(state_alias_list(a, st, false, STR("x.org"), STR_NONE, 2,
	    &list, &n));
	assert_int_equal(n, 2);
	assert_true(str_eq_c(list[1].address, "all@x.org"));
	assert_int_equal(list[1].n, 3);
	assert_ok(state_alias_find(a, st, STR("INFO@x.org"), &alias));
	assert_int_equal(alias.n, 2);
	assert_ok(state_alias_remove(t, st, "t", STR("info@x.org"),
	    STR("alice@x.org")));
	assert_err(state_alias_remove(t, st, "t", STR("info@x.org"),
		       STR("alice@x.org")),
	    ERR_NOTFOUND);
	assert_ok(state_alias_remove(t, st, "t", STR("info@x.org"),
	    STR("out@elsewhere.org")));
	assert_err(state_alias_find(a, st, STR("info@x.org"), &alias),
	    ERR_NOTFOUND);
	assert_ok(state_alias_remove(t, st, "t", STR("all@x.org"), STR_NONE));
	check_clean(t, st);
	/* too many */
	for (i = 0; i < 30; i++)
		assert_ok(state_alias_add(t, st, "t",
		    str_c(arena_printf(a, "w%u@x.org", i / 10)),
		    str_c(arena_printf(a, "u%u@far.org", i))));
	expect_resolves(t, st, "w9@x.org", "alice@x.org");
	/* a suspended domain takes nothing */
	assert_ok(state_domain_suspend(t, st, "t", STR("x.org"), true));
	expect_resolves(t, st, "alice@x.org", "denied");
}

TEST(test_groups)
{
	struct state *st = with_domain(t, c);
	struct arena *a = task_arena(t);
	struct str name = STR("Us"), who = STR("domain");
	struct state_account ac;
	struct state_alias g;

	assert_ok(add_account(t, st, "alice@x.org"));
	assert_ok(add_account(t, st, "bob@x.org"));
	assert_err(state_group_add(t, st, "t", STR("alice@x.org"), STR("G"),
		       STR("anyone")),
	    ERR_DUPLICATE);
	assert_err(state_group_add(t, st, "t", STR("team@x.org"), STR("G"),
		       STR("nobody")),
	    ERR_INVALID);
	assert_ok(state_group_add(t, st, "t", STR("team@x.org"), STR("Team"),
	    STR("members")));
	assert_err(state_group_member(t, st, "t", STR("no@x.org"),
		       STR("bob@x.org"), true),
	    ERR_NOTFOUND);
	expect_resolves(t, st, "team@x.org", "notfound");
	assert_ok(state_group_member(t, st, "t", STR("team@x.org"),
	    STR("Bob@x.org"), true));
	assert_ok(state_group_member(t, st, "t", STR("team@x.org"),
	    STR("alice@x.org"), true));
	expect_resolves(t, st, "team@x.org", "alice@x.org bob@x.org");
	assert_ok(state_alias_find(a, st, STR("team@x.org"), &g));
	assert_true(g.group);
	assert_true(str_eq_c(g.posters, "members"));
	assert_ok(state_group_set(t, st, "t", STR("Team@x.org"), &name, NULL));
	assert_ok(state_group_set(t, st, "t", STR("team@x.org"), NULL, &who));
	assert_ok(state_alias_find(a, st, STR("team@x.org"), &g));
	assert_true(str_eq(g.name, name) && str_eq(g.posters, who));
	assert_int_equal(g.n, 2);
	assert_err(state_group_set(t, st, "t", STR("alice@x.org"), &name, NULL),
	    ERR_NOTFOUND);
	assert_err(state_group_set(t, st, "t", STR("team@x.org"), NULL, &name),
	    ERR_INVALID);
	/* purging an account takes it out of groups */
	assert_ok(state_account_remove(t, st, "t", STR("bob@x.org"), &ac));
	expect_resolves(t, st, "team@x.org", "alice@x.org");
	assert_ok(state_account_purge(t, st, "t", ac.id, true));
	assert_ok(state_alias_find(a, st, STR("team@x.org"), &g));
	assert_int_equal(g.n, 1);
	assert_ok(state_group_member(t, st, "t", STR("team@x.org"),
	    STR("alice@x.org"), false));
	assert_ok(state_group_remove(t, st, "t", STR("team@x.org")));
	check_clean(t, st);
}

/* --- settings --- */

TEST(test_setting_values)
{
	static const struct {
		const char *name, *value;
		uint64_t number; /* UINT64_MAX: refused */
	} rows[] = {
		{ "account.quota", "10M", 10 << 20 },
		{ "account.quota", "1g", 1 << 30 },
		{ "account.quota", "0", 0 },
		{ "account.quota", "12345", 12345 },
		{ "account.quota", "1x", UINT64_MAX },
		{ "account.quota", "-1", UINT64_MAX },
		{ "account.quota", "99999999999T", UINT64_MAX },
		{ "account.quota", "M", UINT64_MAX },
		{ "account.remove_grace", "7d", 7 * 86400 },
		{ "account.remove_grace", "12h", 43200 },
		{ "account.remove_grace", "90", 90 },
		{ "account.remove_grace", "1D", UINT64_MAX },
		{ "password.scram_iterations", "4095", UINT64_MAX },
		{ "password.scram_iterations", "4096", 4096 },
		{ "domain.postmaster", "anything", 0 },
		{ "smtp.bare_newline", "refuse", 0 },
		{ "smtp.bare_newline", "normalise", 0 },
		{ "smtp.bare_newline", "normalize", UINT64_MAX },
		{ "smtp.bare_newline", "", UINT64_MAX },
		{ "client.host", "mail.x.org", 0 },
		{ "client.host", "", 0 },
		{ "client.host", "mail.x.org imap.x.org", UINT64_MAX },
		{ "client.host", "https://mail.x.org", UINT64_MAX },
		{ "console.hosts", "Mail.x.org 10.0.0.10 2001:db8::1", 0 },
		{ "console.hosts", "https://mail.x.org", UINT64_MAX },
		{ "console.session_idle", "1h", 3600 },
		{ "console.session_time", "1m", UINT64_MAX },
		{ "domain.mx_hosts",
		    " MX1.x.org  b\xc3\xbc"
		    "cher.org ",
		    0 },
		{ "domain.mx_hosts", "mx1.x.org, mx2.x.org", UINT64_MAX },
	};
	const struct state_setting_desc *d;
	uint64_t n;
	struct err *e;
	unsigned i;

	(void)c;
	for (i = 0; i < STATE_SETTINGS; i++) {
		d = &state_setting_table[i];
		assert_int_equal(d->id, i);
		assert_ok(
		    state_setting_parse(task_arena(t), d, str_c(d->def), &n));
	}
	for (i = 0; i < countof(rows); i++) {
		d = state_setting_desc_find(str_c(rows[i].name));
		assert_non_null(d);
		e = state_setting_parse(task_arena(t), d, str_c(rows[i].value),
		    &n);
		if (rows[i].number == UINT64_MAX
			? !err_is(e, ERR_INVALID)
			: e != NULL || n != rows[i].number)
			fail_msg("row %u", i);
	}
}

TEST(test_settings)
{
	struct state *st = with_domain(t, c);
	bool def;

	assert_int_equal(state_setting_u64(st, STATE_MESSAGE_MAX), 50 << 20);
	state_setting_text(task_arena(t), st, STATE_MESSAGE_MAX, &def);
	assert_true(def);
	assert_ok(
	    state_setting_set(t, st, "t", STR("message.max_size"), STR("10M")));
	assert_ok(
	    state_setting_set(t, st, "t", STR("message.max_size"), STR("20M")));
	assert_int_equal(state_setting_u64(st, STATE_MESSAGE_MAX), 20 << 20);
	assert_err(state_setting_set(t, st, "t", STR("message.max_size"),
		       STR("1")),
	    ERR_INVALID);
	assert_err(state_setting_set(t, st, "t", STR("no.such"), STR("1")),
	    ERR_NOTFOUND);
	assert_err(state_setting_set(t, st, "t", STR("domain.postmaster"),
		       STR("nonsense")),
	    ERR_INVALID);
	assert_ok(
	    state_setting_set(t, st, "t", STR("message.max_size"), STR_NONE));
	assert_int_equal(state_setting_u64(st, STATE_MESSAGE_MAX), 50 << 20);
}

/* --- nodes, admins, keys, certificates, audit --- */

TEST(test_nodes)
{
	struct state *st = node_open(t, c, 0);
	struct state_node n = { .id = STR("n-1"),
		.name = STR("mail1"),
		.address = STR("10.0.0.1:8446") };
	struct state_node *list, got;
	unsigned count;
	uint64_t seq;

	assert_ok(state_node_put(t, st, "t", &n));
	seq = state_seq(st);
	assert_ok(state_node_put(t, st, "t", &n));
	assert_int_equal(state_seq(st), seq);
	n.id = STR("n-2");
	assert_err(state_node_put(t, st, "t", &n), ERR_DUPLICATE);
	n.name = STR("mail2");
	assert_ok(state_node_put(t, st, "t", &n));
	/* renamed and re-addressed */
	n.name = STR("mail-two");
	n.address = STR("10.0.0.22:8446");
	assert_ok(state_node_put(t, st, "t", &n));
	assert_ok(state_node_drain(t, st, "t", STR("mail-two"), true));
	assert_ok(state_node_find(task_arena(t), st, STR("n-2"), &got));
	assert_true(got.drain);
	assert_true(str_eq_c(got.address, "10.0.0.22:8446"));
	/* starting does not undo an order */
	assert_ok(state_node_put(t, st, "t", &n));
	assert_ok(state_node_find(task_arena(t), st, STR("n-2"), &got));
	assert_true(got.drain);
	assert_ok(state_node_remove(t, st, "t", STR("mail1")));
	assert_ok(state_node_list(task_arena(t), st, &list, &count));
	assert_int_equal(count, 1);
	assert_err(state_node_remove(t, st, "t", STR("mail1")), ERR_NOTFOUND);
}

TEST(test_admins)
{
	struct state *st = with_domain(t, c);
	struct password_salt salt = { .iterations = 4096 };
	struct state_admin ad = { .login = STR("Eve"),
		.role = STR("system"),
		.salt = salt };
	struct state_admin got, *list;
	uint64_t before;
	unsigned n;
	bool ok;

	assert_ok(password_make(t, NULL, STR("root"), 1, &salt, &ad.password));
	assert_ok(state_admin_add(t, st, "t", &ad));
	assert_err(state_admin_add(t, st, "t", &ad), ERR_DUPLICATE);
	ad.login = STR("adam@x.org");
	ad.role = STR("domain");
	assert_err(state_admin_add(t, st, "t", &ad), ERR_INVALID);
	ad.domain = STR("X.org");
	assert_err(state_admin_add(t, st, "t", &ad), ERR_INVALID);
	ad.login = STR("adam");
	ad.domain = STR("y.org");
	assert_err(state_admin_add(t, st, "t", &ad), ERR_NOTFOUND);
	ad.domain = STR("X.org");
	assert_ok(state_admin_add(t, st, "t", &ad));
	assert_ok(state_admin_find(task_arena(t), st, STR("eve"), &got));
	assert_ok(password_verify(t, NULL, STR("root"), &got.password, &ok));
	assert_true(ok);
	before = got.generation;
	assert_ok(
	    state_admin_password(t, st, "t", STR("EVE"), &ad.password, &salt));
	assert_ok(state_admin_list(task_arena(t), st, &list, &n));
	assert_int_equal(n, 2);
	assert_int_equal(list[1].generation, before + 1);
	assert_ok(state_admin_remove(t, st, "t", STR("adam")));
	assert_err(state_admin_find(task_arena(t), st, STR("adam"), &got),
	    ERR_NOTFOUND);
	assert_err(state_admin_remove(t, st, "t", STR("eve")), ERR_CONFLICT);
}

TEST(test_keys)
{
	struct state *st = with_domain(t, c);
	struct state_cluster_key k = { .kind = STR("dkim"),
		.domain = STR("x.org"),
		.selector = STR("s1"),
		.algorithm = STR("ed25519"),
		.public_part = STR("PUBLIC"),
		.secret = STR("SECRET-KEY"),
		.active = true };
	struct state_cluster_key bad = k, *list;
	unsigned n;

	bad.kind = STR("other");
	assert_err(state_key_add(t, st, "t", &bad), ERR_INVALID);
	assert_ok(state_key_add(t, st, "t", &k));
	assert_ok(state_key_list(task_arena(t), st, STR("dkim"), STR_NONE,
	    &list, &n));
	assert_int_equal(n, 1);
	assert_true(str_eq_c(list[0].secret, "SECRET-KEY"));
	assert_ok(state_key_activate(t, st, "t", k.id, false));
	assert_ok(state_key_list(task_arena(t), st, STR("dkim"), STR("x.org"),
	    &list, &n));
	assert_false(list[0].active);
	assert_ok(state_key_remove(t, st, "t", k.id));
	assert_err(state_key_remove(t, st, "t", k.id), ERR_NOTFOUND);
	assert_err(state_key_activate(t, st, "t", k.id, true), ERR_NOTFOUND);
}

TEST(test_certificates)
{
	struct state *st = with_domain(t, c);
	struct str names1[] = { STR("Mail.X.org"), STR("*.x.org") };
	struct str names2[] = { STR("*.x.org") };
	struct str names3[] = { STR("mail.x.org") };
	struct state_certificate c1 = { .names = names1,
		.n = 2,
		.chain = STR("PEM1"),
		.secret = STR("KEY1") };
	struct state_certificate c2 = { .names = names2,
		.n = 1,
		.chain = STR("PEM2"),
		.secret = STR("KEY2") };
	struct state_certificate c3 = { .names = names3,
		.n = 1,
		.chain = STR("PEM3"),
		.secret = STR("KEY3") };
	struct state_certificate got, *list;
	struct arena *a = task_arena(t);
	unsigned n;

	assert_ok(state_certificate_add(t, st, "t", &c1));
	assert_ok(state_certificate_find(a, st, STR("imap.x.org"), &got));
	assert_true(str_eq_c(got.secret, "KEY1"));
	assert_int_equal(got.n, 2);
	assert_err(state_certificate_find(a, st, STR("a.b.x.org"), &got),
	    ERR_NOTFOUND);
	assert_err(state_certificate_find(a, st, STR("x.org"), &got),
	    ERR_NOTFOUND);
	/* names move to the newer one; one without names goes */
	assert_ok(state_certificate_add(t, st, "t", &c2));
	assert_ok(state_certificate_find(a, st, STR("imap.x.org"), &got));
	assert_true(str_eq_c(got.secret, "KEY2"));
	assert_ok(state_certificate_find(a, st, STR("mail.x.org"), &got));
	assert_true(str_eq_c(got.secret, "KEY1"));
	assert_ok(state_certificate_add(t, st, "t", &c3));
	assert_ok(state_certificate_list(a, st, &list, &n));
	assert_int_equal(n, 2);
	assert_ok(state_certificate_remove(t, st, "t", c3.id));
	assert_err(state_certificate_remove(t, st, "t", c3.id), ERR_NOTFOUND);
	assert_ok(state_certificate_find(a, st, STR("mail.x.org"), &got));
	assert_true(str_eq_c(got.secret, "KEY2"));
	check_clean(t, st);
}

TEST(test_audit)
{
	struct state *st = with_domain(t, c);
	struct arena *a = task_arena(t);
	struct state_audit_query q = { .max = 10 };
	struct state_audit_row *list;
	unsigned n, removed;

	c->rig.now += 1000;
	assert_ok(add_account(t, st, "u@x.org"));
	c->rig.now += 1000;
	assert_ok(state_account_quota(t, st, "ctl:root", STR("u@x.org"), 5, 0));
	assert_ok(state_audit_find(a, st, &q, &list, &n));
	assert_int_equal(n, 3);
	assert_true(str_eq_c(list[0].what, "account.quota"));
	assert_true(str_eq_c(list[0].who, "ctl:root"));
	assert_true(str_eq_c(list[0].object, "u@x.org"));
	assert_int_equal(list[0].at, task_wall_s(t));
	q = (struct state_audit_query){ .before = list[0].id, .max = 1 };
	assert_ok(state_audit_find(a, st, &q, &list, &n));
	assert_int_equal(n, 1);
	assert_true(str_eq_c(list[0].what, "account.add"));
	q = (struct state_audit_query){ .what = STR("domain."), .max = 10 };
	assert_ok(state_audit_find(a, st, &q, &list, &n));
	assert_int_equal(n, 1);
	assert_ok(state_audit_trim(t, st, 100, &removed));
	assert_int_equal(removed, 0);
	c->rig.now += 366ULL * 86400 * 1000;
	assert_ok(state_audit_trim(t, st, 2, &removed));
	assert_int_equal(removed, 2);
	q = (struct state_audit_query){ .max = 10 };
	assert_ok(state_audit_find(a, st, &q, &list, &n));
	assert_int_equal(n, 1);
	assert_same(t, st, node_open(t, c, 1));
}

int
main(void)
{
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, cluster_setup, cluster_teardown)
	const struct CMUnitTest tests[] = {
		T(test_addresses),
		T(test_domains),
		T(test_retention),
		T(test_walk),
		T(test_account_life),
		T(test_batch),
		T(test_account_list),
		T(test_passwords),
		T(test_app_passwords),
		T(test_aliases),
		T(test_groups),
		T(test_setting_values),
		T(test_settings),
		T(test_nodes),
		T(test_admins),
		T(test_keys),
		T(test_certificates),
		T(test_audit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
