/* test_auth_noted.c - when an account was used last: once an hour, aside */
#include "server/auth/auth_private.h"

#include "account_rig.h"

#include "server/net/addr.h"
#include "storage/lastlogin.h"

static const struct net_addr peer = { .family = NET_IP4,
	.ip = { 192, 0, 2, 7 } };

static void
open_worker(struct arig *r, struct worker *w, struct auth *a)
{
	*w = (struct worker){ .sched = r->sched, .mail = r->node[0].ms };
	*a = (struct auth){ .w = w };
}

static may_yield_unchecked void
make(struct task *t, struct arig *r, const char *id)
{
	struct account *acc;
	bool made;

	assert_ok(account_create(t, r->node[0].ms, str_c(id), &made, &acc));
	account_close(&acc);
}

/* Until what was begun has ended. */
static may_yield_unchecked void
settle(struct task *t, struct arig *r)
{
	while (sched_task_count(r->sched) > 1)
		task_sleep_ms(t, 10);
}

static may_yield_unchecked int64_t
noted(struct task *t, struct arig *r, const char *id)
{
	struct lastlogin l;
	struct err *e = lastlogin_read(t, r->node[1].ms, str_c(id), &l);

	if (err_is(e, ERR_NOTFOUND))
		return 0;
	assert_ok(e);
	assert_true(str_eq_c(l.protocol, "imap"));
	assert_true(str_eq_c(l.ip, "192.0.2.7"));
	return l.at;
}

ARIG_CASE(test_once_an_hour)
{
	struct worker w;
	struct auth a;
	int64_t first;

	open_worker(r, &w, &a);
	make(t, r, "aaaaaaaa");
	make(t, r, "bbbbbbbb");
	auth_note(&a, STR("aaaaaaaa"), "imap", &peer);
	assert_int_equal(noted(t, r, "bbbbbbbb"), 0);
	settle(t, r);
	first = noted(t, r, "aaaaaaaa");
	assert_in_range(first, task_wall_s(t) - 2, task_wall_s(t));
	for (unsigned i = 0; i < 50; i++) {
		task_sleep_ms(t, 60000);
		share_count_reset(r->node[0].share);
		auth_note(&a, STR("aaaaaaaa"), "imap", &peer);
		settle(t, r);
	}
	assert_int_equal(noted(t, r, "aaaaaaaa"), first);
	auth_note(&a, STR("bbbbbbbb"), "imap", &peer);
	settle(t, r);
	assert_true(noted(t, r, "bbbbbbbb") > first);
	task_sleep_ms(t, 11 * 60000);
	auth_note(&a, STR("aaaaaaaa"), "imap", &peer);
	settle(t, r);
	assert_true(noted(t, r, "aaaaaaaa") >= first + 3600);
	auth_noted_free(&a);
}

/* Nobody waits for it, nothing piles up, and it is made good soon. */
ARIG_CASE(test_share_away)
{
	static const struct share_fault_rule slow = { .proc =
							  SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_DELAY,
		.delay_ms = 5000 };
	static const struct share_fault_rule away = { .proc =
							  SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_BEFORE,
		.code = ERR_UNAVAIL };
	unsigned before = sched_task_count(r->sched);
	struct worker w;
	struct auth a;
	uint64_t now;

	open_worker(r, &w, &a);
	make(t, r, "aaaaaaaa");
	share_fault_set(r->node[0].fault, &slow, 1);
	now = task_now_ms(t);
	for (unsigned i = 0; i < 200; i++)
		auth_note(&a, str_c(arena_printf(task_arena(t), "none%04u", i)),
		    "imap", &peer);
	assert_int_equal(task_now_ms(t), now);
	assert_int_equal(sched_task_count(r->sched), before + 32);
	settle(t, r);
	share_fault_set(r->node[0].fault, &away, 1);
	auth_note(&a, STR("aaaaaaaa"), "imap", &peer);
	settle(t, r);
	share_fault_set(r->node[0].fault, NULL, 0);
	assert_int_equal(noted(t, r, "aaaaaaaa"), 0);
	auth_note(&a, STR("aaaaaaaa"), "imap", &peer);
	settle(t, r);
	assert_int_equal(noted(t, r, "aaaaaaaa"), 0);
	task_sleep_ms(t, 61000);
	auth_note(&a, STR("aaaaaaaa"), "imap", &peer);
	settle(t, r);
	assert_true(noted(t, r, "aaaaaaaa") > 0);
	/* not serving yet */
	w.mail = NULL;
	auth_note(&a, STR("cccccccc"), "imap", &peer);
	assert_int_equal(sched_task_count(r->sched), before);
	auth_noted_free(&a);
	arig_assert_quiet(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ARIG_TEST(test_once_an_hour),
		ARIG_TEST(test_share_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
