/* test_follow.c - how soon sessions learn of changes, and what that costs */
#include "account_rig.h"

#include "server/cluster/follow.h"
#include "server/cluster/hints.h"
#include "server/worker.h"

/* Node 1 follows what node 0 does. */
static bool works; /* hints */

bool
hints_work(const struct hints *h)
{
	(void)h;
	return works;
}

struct session {
	struct follow *f;
	struct task *waiter;
	unsigned told;
	uint64_t told_ms;
	bool changed;
};

static struct worker w;

static void
session_told(void *arg)
{
	struct session *s = arg;

	s->told++;
	s->told_ms = sched_now_ms(w.sched);
	s->changed = true;
	if (s->waiter != NULL)
		task_wake(s->waiter);
}

static void
start(struct task *t)
{
	w = (struct worker){ .sched = task_sched(t) };
	w.follows = follows_new(&w);
	works = false;
}

static void
session_begin(struct session *s, struct account *acc)
{
	*s = (struct session){ .waiter = NULL };
	s->f = follow_new(&w, acc, session_told, s);
}

static may_yield_unchecked void
session_wait(struct task *t, struct session *s)
{
	s->waiter = t;
	task_wait(t, &s->changed);
	s->changed = false;
	s->waiter = NULL;
}

static may_yield_unchecked void
both_open(struct task *t, struct arig *r, struct account **a,
    struct account **b)
{
	bool made;

	assert_ok(account_create(t, r->node[0].ms, STR("abcdef"), &made, a));
	assert_ok(account_open(t, r->node[1].ms, STR("abcdef"), b));
}

static unsigned
calls(struct arig *r)
{
	struct share_counts c;

	share_count_get(r->node[1].share, &c);
	return (unsigned)c.total;
}

static may_yield_unchecked unsigned
calls_in(struct task *t, struct arig *r, uint64_t ms)
{
	unsigned before = calls(r);

	task_sleep_ms(t, ms);
	return calls(r) - before;
}

/* Without hints: found by a poll, after at most FOLLOW_BLIND_MS and a fifth. */
ARIG_CASE(test_blind)
{
	struct account *a, *b;
	struct session s;
	uint64_t at;

	both_open(t, r, &a, &b);
	start(t);
	session_begin(&s, b);
	follow_idle(s.f, true);
	for (unsigned i = 0; i < 20; i++) {
		task_sleep_ms(t, 7001 * (i % 5));
		at = task_now_ms(t);
		arig_deliver(t, a, "INBOX", i);
		session_wait(t, &s);
		assert_in_range(task_now_ms(t) - at, 0,
		    FOLLOW_BLIND_MS * 6 / 5);
		assert_int_equal(account_head(b), account_head(a));
	}
	assert_int_equal(s.told, 20);
	/* just active: soon */
	at = task_now_ms(t);
	arig_deliver(t, a, "INBOX", 21);
	session_wait(t, &s);
	assert_in_range(task_now_ms(t) - at, 0, FOLLOW_FAST_MS * 6 / 5);
	/* one call a poll */
	task_sleep_ms(t, 30000);
	assert_in_range(calls_in(t, r, 600000), 600 / 6, 600 / 4 + 1);
	/* the session has something else to do, and looks itself */
	follow_idle(s.f, false);
	assert_int_equal(calls_in(t, r, 600000), 0);
	follow_free(&s.f);
	account_close(&a);
	account_close(&b);
	follows_free(&w.follows);
}

/* DESIGN 12: IDLE, hints working. */
ARIG_CASE(test_hints)
{
	struct account *a, *b;
	struct session s;
	unsigned before;

	both_open(t, r, &a, &b);
	start(t);
	works = true;
	session_begin(&s, b);
	follow_idle(s.f, true);
	task_sleep_ms(t, 300000);
	/* nothing between slow polls: one call a minute */
	assert_in_range(calls_in(t, r, 3600000), 50, 75);
	/* a hint: at once */
	arig_deliver(t, a, "INBOX", 1);
	before = calls(r);
	follows_hint(w.follows, STR("abcdef"), account_head(a));
	session_wait(t, &s);
	assert_int_equal(task_now_ms(t), s.told_ms);
	assert_int_equal(account_head(b), account_head(a));
	assert_in_range(calls(r) - before, 1, 7);
	task_sleep_ms(t, 300000);
	/* an old one, one for another: nothing */
	before = calls(r);
	follows_hint(w.follows, STR("abcdef"), account_head(a));
	follows_hint(w.follows, STR("nobody"), 100);
	task_yield(t);
	assert_int_equal(calls(r), before);
	/* a forged one: a look, no more */
	follows_hint(w.follows, STR("abcdef"), 1000000);
	task_sleep_ms(t, 1000);
	assert_in_range(calls(r) - before, 1, 2);
	assert_int_equal(s.told, 1);
	/* a lost one: by the slow poll */
	task_sleep_ms(t, 300000);
	arig_deliver(t, a, "INBOX", 2);
	before = (unsigned)task_now_ms(t);
	session_wait(t, &s);
	assert_in_range(task_now_ms(t) - before, 0, FOLLOW_SLOW_MS * 6 / 5);
	follow_free(&s.f);
	account_close(&a);
	account_close(&b);
	follows_free(&w.follows);
}

/* Over a wire that takes a while: hints that come meanwhile are one look. */
ARIG_CASE(test_coalesced)
{
	static const struct share_fault_rule wire = { .proc =
							  SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_DELAY,
		.delay_ms = 50 };
	struct session s[3];
	struct account *a, *b;
	unsigned before;

	both_open(t, r, &a, &b);
	start(t);
	works = true;
	for (unsigned i = 0; i < 3; i++) {
		session_begin(&s[i], b);
		follow_idle(s[i].f, true);
	}
	task_sleep_ms(t, 300000);
	share_fault_set(r->node[1].fault, &wire, 1);
	before = calls(r);
	for (unsigned i = 0; i < 10; i++) {
		arig_deliver(t, a, "INBOX", i);
		follows_hint(w.follows, STR("abcdef"), account_head(a));
		task_yield(t);
	}
	task_sleep_ms(t, 1000);
	assert_int_equal(account_head(b), account_head(a));
	/* ten entries in one or two looks, for three sessions */
	assert_in_range(calls(r) - before, 1, 40);
	for (unsigned i = 0; i < 3; i++)
		assert_in_range(s[i].told, 1, 2);
	/* polls: one for all */
	task_sleep_ms(t, 300000);
	assert_in_range(calls_in(t, r, 3600000), 50, 75);
	/* gone while a look is under way */
	arig_deliver(t, a, "INBOX", 11);
	follows_hint(w.follows, STR("abcdef"), account_head(a));
	task_sleep_ms(t, 20);
	for (unsigned i = 0; i < 3; i++)
		follow_free(&s[i].f);
	task_sleep_ms(t, 1000);
	share_fault_set(r->node[1].fault, NULL, 0);
	account_close(&a);
	account_close(&b);
	follows_free(&w.follows);
}

/* What this worker does itself: told, and nothing asked. */
ARIG_CASE(test_own)
{
	struct account *a, *b;
	struct session s;

	both_open(t, r, &a, &b);
	start(t);
	session_begin(&s, b);
	arig_deliver(t, b, "INBOX", 1);
	assert_int_equal(s.told, 1);
	/* not idle: no polls, but hints count */
	assert_int_equal(calls_in(t, r, 600000), 0);
	arig_deliver(t, a, "INBOX", 2);
	follows_hint(w.follows, STR("abcdef"), account_head(a));
	task_sleep_ms(t, 1);
	assert_int_equal(s.told, 2);
	follow_free(&s.f);
	account_close(&a);
	account_close(&b);
	follows_free(&w.follows);
}

/* The share goes away and comes back. */
ARIG_CASE(test_outage)
{
	static const struct share_fault_rule away = { .proc =
							  SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_BEFORE,
		.code = ERR_IO };
	struct account *a, *b;
	struct session s;
	uint64_t at;

	both_open(t, r, &a, &b);
	start(t);
	session_begin(&s, b);
	follow_idle(s.f, true);
	share_fault_set(r->node[1].fault, &away, 1);
	task_sleep_ms(t, 100000);
	arig_deliver(t, a, "INBOX", 1);
	task_sleep_ms(t, 100000);
	assert_int_equal(s.told, 0);
	share_fault_set(r->node[1].fault, NULL, 0);
	at = task_now_ms(t);
	session_wait(t, &s);
	assert_in_range(task_now_ms(t) - at, 0, FOLLOW_BLIND_MS * 6 / 5);
	follow_free(&s.f);
	account_close(&a);
	account_close(&b);
	follows_free(&w.follows);
}

#define CROWD 100

/* All at once after an outage: by and by. */
ARIG_CASE(test_crowd)
{
	static const struct share_fault_rule wire = { .proc =
							  SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_DELAY,
		.delay_ms = 50 };
	static struct session s[CROWD];
	struct account *acc[CROWD], *a;
	struct share_counts c;
	char id[20];
	bool made;

	start(t);
	works = true;
	for (unsigned i = 0; i < CROWD; i++) {
		snprintf(id, sizeof(id), "account-%u", i);
		assert_ok(
		    account_create(t, r->node[0].ms, str_c(id), &made, &a));
		assert_ok(account_open(t, r->node[1].ms, str_c(id), &acc[i]));
		arig_deliver(t, a, "INBOX", i);
		account_close(&a);
		session_begin(&s[i], acc[i]);
		follow_idle(s[i].f, true);
	}
	share_fault_set(r->node[1].fault, &wire, 1);
	share_count_reset(r->node[1].share);
	for (unsigned i = 0; i < CROWD; i++)
		follows_hint(w.follows, account_id(acc[i]), 2);
	/* one that waits for its turn leaves */
	follow_free(&s[CROWD - 1].f);
	task_sleep_ms(t, 2000);
	share_count_get(r->node[1].share, &c);
	/* 32 looks, of up to five calls at once */
	assert_in_range(c.most_under_way, 1, 160);
	for (unsigned i = 0; i < CROWD - 1; i++) {
		assert_int_equal(s[i].told, 1);
		follow_free(&s[i].f);
	}
	assert_int_equal(s[CROWD - 1].told, 0);
	share_fault_set(r->node[1].fault, NULL, 0);
	for (unsigned i = 0; i < CROWD; i++)
		account_close(&acc[i]);
	follows_free(&w.follows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ARIG_TEST(test_blind),
		ARIG_TEST(test_hints),
		ARIG_TEST(test_coalesced),
		ARIG_TEST(test_own),
		ARIG_TEST(test_outage),
		ARIG_TEST(test_crowd),
	};

	log_set_level(LOG_ERROR_);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
