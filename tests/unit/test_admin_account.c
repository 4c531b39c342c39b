/* test_admin_account.c - accounts: mailbox and state together */
#include "server/admin/admin_account.h"

#include "account_rig.h"

#include "storage/share/share_fault.h"
#include "storage/state_domain.h"

struct site {
	struct state *st;
	struct admin ad;
};

static may_yield_unchecked void
site_open(struct task *t, struct arig *r, struct site *s)
{
	struct state_conf conf = { .store = r->node[0].store,
		.no_background = true };
	struct state_domain d = { .name = STR("x.org") };

	clusterkey_make(&r->rnd, &conf.key);
	assert_ok(state_create(t, &conf));
	assert_ok(state_open(t, &conf, &s->st, NULL));
	assert_ok(state_domain_add(t, s->st, "test", &d));
	s->ad = (struct admin){ .store = r->node[0].store,
		.state = s->st,
		.mail = r->node[0].ms,
		.by = "test" };
}

static may_yield_unchecked struct str
add(struct task *t, struct site *s, const char *address)
{
	struct state_account_new n = { .address = str_c(address) };

	assert_ok(admin_accounts_add(t, &s->ad, &n, 1));
	return n.id_r;
}

static may_yield_unchecked unsigned
directories(struct task *t, struct site *s)
{
	struct str *ids;
	unsigned n;

	assert_ok(mailstore_list(t, s->ad.mail, &ids, &n));
	return n;
}

static may_yield_unchecked bool
is_closed(struct task *t, struct site *s, struct str id)
{
	struct account *acc;
	bool closed;

	assert_ok(account_open(t, s->ad.mail, id, &acc));
	assert_ok(account_refresh(t, acc));
	closed = account_is_closed(acc);
	account_close(&acc);
	return closed;
}

ARIG_CASE(test_adding)
{
	struct state_account_new pair[2] = { { .address = STR("a@x.org") },
		{ .address = STR("b@x.org") } };
	struct state_account_new other[2] = { { .address = STR("c@x.org") },
		{ .address = STR("c@X.ORG") } };
	struct state_account_new bad = { .address = STR("a@no.org") };
	struct state_account sa;
	struct account *acc;
	struct site s;

	site_open(t, r, &s);
	assert_ok(admin_accounts_add(t, &s.ad, pair, 2));
	assert_int_equal(directories(t, &s), 2);
	assert_ok(admin_account_open(t, &s.ad, STR("B@x.org"), &sa, &acc));
	assert_true(str_eq(account_id(acc), pair[1].id_r));
	assert_int_equal(folder_count(acc), 6);
	account_close(&acc);
	/* known before anything is made; found out by the state: made, purged;
	 * both times nothing is left */
	assert_err(admin_accounts_add(t, &s.ad, pair, 1), ERR_DUPLICATE);
	assert_err(admin_accounts_add(t, &s.ad, other, 2), ERR_DUPLICATE);
	assert_err(admin_accounts_add(t, &s.ad, &bad, 1), ERR_NOTFOUND);
	assert_int_equal(directories(t, &s), 2);
	assert_err(admin_account_open(t, &s.ad, STR("c@x.org"), &sa, NULL),
	    ERR_NOTFOUND);
	state_close(&s.st);
}

ARIG_CASE(test_removing)
{
	struct state_account sa;
	struct site s;
	struct str id;

	site_open(t, r, &s);
	id = add(t, &s, "a@x.org");
	assert_ok(admin_account_remove(t, &s.ad, STR("a@x.org"), false, &sa));
	assert_int_equal(sa.status, STATE_ACCOUNT_REMOVED);
	assert_true(is_closed(t, &s, id));
	assert_err(admin_account_remove(t, &s.ad, STR("a@x.org"), false, &sa),
	    ERR_NOTFOUND);
	assert_err(admin_account_remove(t, &s.ad, id, false, &sa),
	    ERR_CONFLICT);
	assert_ok(admin_account_restore(t, &s.ad, STR("a@x.org"), &sa));
	assert_true(str_eq(sa.id, id));
	assert_false(is_closed(t, &s, id));
	assert_err(admin_account_restore(t, &s.ad, id, &sa), ERR_CONFLICT);
	/* by id, for ever */
	assert_ok(admin_account_remove(t, &s.ad, id, false, &sa));
	assert_ok(admin_account_remove(t, &s.ad, id, true, &sa));
	assert_err(admin_account_find(task_arena(t), &s.ad, id, &sa),
	    ERR_NOTFOUND);
	assert_err(admin_account_restore(t, &s.ad, id, &sa), ERR_NOTFOUND);
	assert_int_equal(directories(t, &s), 0);
	id = add(t, &s, "a@x.org");
	assert_ok(admin_account_remove(t, &s.ad, STR("a@x.org"), true, &sa));
	assert_int_equal(directories(t, &s), 0);
	state_close(&s.st);
}

/* The node dies between state and mailbox: the same once more. */
ARIG_CASE(test_restoring_again)
{
	struct state_account sa;
	struct site s;
	struct str id;

	site_open(t, r, &s);
	id = add(t, &s, "a@x.org");
	assert_ok(admin_account_remove(t, &s.ad, id, false, &sa));
	assert_ok(state_account_undelete(t, s.st, "test", id, &sa));
	assert_true(is_closed(t, &s, id));
	assert_ok(admin_account_restore(t, &s.ad, STR("a@x.org"), &sa));
	assert_false(is_closed(t, &s, id));
	/* and one that is suspended */
	assert_ok(state_account_suspend(t, s.st, "test", STR("a@x.org"), true));
	assert_ok(admin_account_restore(t, &s.ad, STR("a@x.org"), &sa));
	assert_ok(admin_account_find(task_arena(t), &s.ad, id, &sa));
	assert_int_equal(sa.status, STATE_ACCOUNT_ACTIVE);
	state_close(&s.st);
}

static may_yield_unchecked bool
opens(struct task *t, struct site *s, const char *address, struct str clear)
{
	struct state_login l;
	bool ok = false;

	assert_ok(state_login_find(task_arena(t), s->st, str_c(address),
	    task_wall_s(t), &l));
	for (unsigned i = 0; i < l.n && !ok; i++)
		assert_ok(password_verify(t, NULL, clear,
		    &l.credentials[i].password, &ok));
	return ok;
}

static bool
is_readable(struct str s)
{
	bool ok = s.n == 19;

	for (size_t i = 0; ok && i < s.n; i++)
		ok = i % 5 == 4 ? s.p[i] == '-'
				: strchr("l019-", s.p[i]) == NULL;
	return ok;
}

ARIG_CASE(test_passwords)
{
	struct str clear, again, id;
	struct site s;

	site_open(t, r, &s);
	add(t, &s, "a@x.org");
	assert_err(admin_account_password(t, &s.ad, STR("a@x.org"),
		       STR("short")),
	    ERR_INVALID);
	assert_err(admin_account_password(t, &s.ad, STR("a@x.org"), STR("")),
	    ERR_INVALID);
	assert_ok(admin_account_password(t, &s.ad, STR("a@x.org"),
	    STR("correct horse")));
	assert_true(opens(t, &s, "a@x.org", STR("correct horse")));
	assert_ok(admin_app_password_add(t, &s.ad, STR("a@x.org"), STR("phone"),
	    0, &clear, &id));
	assert_ok(admin_app_password_add(t, &s.ad, STR("A@x.org"),
	    STR("tablet"), 0, &again, &id));
	assert_true(is_readable(clear) && is_readable(again));
	assert_false(str_eq(clear, again));
	assert_true(opens(t, &s, "a@x.org", clear));
	assert_true(opens(t, &s, "a@x.org", again));
	assert_ok(
	    state_app_password_remove(t, s.st, "test", STR("a@x.org"), id));
	assert_false(opens(t, &s, "a@x.org", again));
	assert_ok(admin_account_password(t, &s.ad, STR("a@x.org"), STR_NONE));
	assert_false(opens(t, &s, "a@x.org", STR("correct horse")));
	assert_true(opens(t, &s, "a@x.org", clear));
	assert_err(admin_app_password_add(t, &s.ad, STR("no@x.org"),
		       STR("phone"), 0, &clear, &id),
	    ERR_NOTFOUND);
	state_close(&s.st);
}

ARIG_CASE(test_usage)
{
	static const struct share_fault_rule away = { .proc =
							  SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_BEFORE,
		.code = ERR_UNAVAIL };
	struct state_account list[3];
	struct admin_usage u[3];
	struct account *acc;
	struct site s;

	site_open(t, r, &s);
	add(t, &s, "a@x.org");
	add(t, &s, "b@x.org");
	assert_ok(admin_account_open(t, &s.ad, STR("a@x.org"), &list[0], &acc));
	arig_deliver(t, acc, "INBOX", 1);
	arig_deliver(t, acc, "INBOX", 2);
	assert_ok(admin_account_open(t, &s.ad, STR("b@x.org"), &list[2], NULL));
	list[1] = list[0];
	list[1].id = STR("aaaaaaaaaaaaaaaaaaaa"); /* nobody's */
	admin_accounts_usage(t, &s.ad, list, 3, u);
	assert_true(u[0].known && !u[1].known && u[2].known);
	assert_int_equal(u[0].messages, 2);
	assert_int_equal(u[0].bytes, account_bytes(acc));
	assert_int_equal(u[2].messages, 0);
	assert_int_equal(u[2].folders, 6);
	account_close(&acc);
	share_fault_set(r->node[0].fault, &away, 1);
	admin_accounts_usage(t, &s.ad, list, 3, u);
	assert_true(!u[0].known && !u[1].known && !u[2].known);
	share_fault_set(r->node[0].fault, NULL, 0);
	state_close(&s.st);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ARIG_TEST(test_adding),
		ARIG_TEST(test_removing),
		ARIG_TEST(test_restoring_again),
		ARIG_TEST(test_passwords),
		ARIG_TEST(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
