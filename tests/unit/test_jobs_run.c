/* test_jobs_run.c - the jobs of one node, over hours, on a share of its own */
#include "locking/lease.h"
#include "locking/lock.h"
#include "locking/nodes.h"
#include "server/cluster/health.h"
#include "server/cluster/jobs.h"
#include "server/net/counts.h"
#include "server/worker_private.h"
#include "storage/account.h"
#include "storage/folder.h"
#include "storage/message.h"
#include "storage/state_dkim.h"
#include "storage/state_setting.h"
#include "storage/state_srs.h"
#include "tests/unit/dns_rig.h"

/* The rig's nodes are not locking/node.h's. */
#define node member
#define node_open member_open
#include "tests/unit/state_rig.h"
#undef node
#undef node_open

#define HOUR_MS (3600 * 1000ULL)

/* Days pass by the wall clock alone: leases and timers need not live through
 * them. */
static int64_t days;

static int64_t
days_wall(void *arg)
{
	return rig_wall(arg) + days * 86400;
}

/* A node that serves, without sockets and processes. */
struct runner {
	struct core core;
	struct conf conf;
	struct node *id;
};

static void
runner_info(void *arg, struct lease_info *info_r)
{
	(void)arg;
	info_r->name = STR("n1");
	info_r->format = STATE_SCHEMA;
}

static void
runner_refused(void *arg, const char *sentence)
{
	(void)arg;
	fail_msg("%s", sentence);
}

static const struct lease_client runner_client = {
	.info = runner_info,
	.refused = runner_refused,
};

static void
runner_ready(struct worker *w, bool ready)
{
	counts_word_set(w->counts, COUNTS_READY_WHY, ready ? 1 : 0);
	counts_word_set(w->counts, COUNTS_READY_AT, 1ULL << 60);
}

static may_yield_unchecked struct worker *
runner_start(struct task *t, struct cluster *c, unsigned i)
{
	struct runner *r = arena_new_obj(task_arena(t), struct runner);
	struct worker *w = &r->core.w;
	struct mailstore_conf mc = { .store = c->member[i].store };
	struct node_local local = node_local_dir(c->member[i].local);

	days = 0;
	c->rig.clock.wall_s = days_wall;
	r->conf.node = "n1";
	assert_ok(node_open(task_arena(t), &local, &c->rig.rnd, &r->id));
	w->workers = 1;
	w->conf = &r->conf;
	w->sched = c->rig.sched;
	w->store = c->member[i].store;
	w->state = member_open(t, c, i);
	w->mail = mailstore_new(&mc);
	w->counts = counts_new(1);
	counts_join(w->counts, 0);
	w->lease = lease_new(w->store, r->id, &runner_client, r);
	w->nodes = nodes_new(w->store, w->lease);
	w->locks = locks_new(w->store, w->lease, w->nodes);
	w->serving = true;
	assert_ok(lease_acquire(t, w->lease));
	runner_ready(w, true);
	w->jobs = jobs_new(w);
	return w;
}

static may_yield_unchecked void
runner_stop(struct task *t, struct worker *w)
{
	struct runner *r = (struct runner *)core_of(w);

	jobs_stop(t, w->jobs);
	jobs_free(&w->jobs);
	mailstore_close(t, &w->mail);
	locks_settle(t, w->locks);
	lease_release(t, w->lease);
	locks_free(&w->locks);
	nodes_free(&w->nodes);
	lease_free(&w->lease);
	counts_free(&w->counts);
	node_close(&r->id);
}

static may_yield_unchecked enum lock_state
jobs_lock(struct task *t, struct worker *w, struct str *node_r)
{
	struct lock_view *v;

	assert_ok(lock_list(t, w->store, w->nodes, &v));
	assert_non_null(v);
	*node_r = str_c(v->node);
	return v->state;
}

/* An account with a message in Trash; returns its id. */
static may_yield_unchecked struct str
trashed(struct task *t, struct worker *w, const char *address)
{
	struct message_target tg = { .folder = STR("Trash") };
	struct state_account ac;
	bool made;

	assert_ok(add_account(t, w->state, address));
	assert_ok(
	    state_account_find(task_arena(t), w->state, str_c(address), &ac));
	assert_ok(account_create(t, w->mail, ac.id, &made, &tg.acc));
	assert_ok(
	    message_deliver(t, STR("Subject: x\r\n\r\ntext\r\n"), &tg, 1));
	assert_ok(tg.err_r);
	account_close(&tg.acc);
	return ac.id;
}

static may_yield_unchecked unsigned
in_trash(struct task *t, struct worker *w, struct str id)
{
	struct account *acc;
	unsigned n;

	assert_ok(account_open(t, w->mail, id, &acc));
	n = folder_by_use(acc, FOLDER_USE_TRASH)->messages;
	account_close(&acc);
	return n;
}

TEST(test_visit)
{
	struct worker *w = runner_start(t, c, 0);
	int64_t week = 7 * 86400;
	struct jobs_visit v = { .domain = STR("x.org") };

	assert_ok(add_domain(t, w->state, "x.org"));
	v.id = trashed(t, w, "a@x.org");
	/* nobody said that anything goes */
	days += 30;
	assert_ok(jobs_visit(t, w, &v));
	assert_int_equal(v.expired_r, 0);
	assert_ok(
	    state_domain_keep(t, w->state, "test", v.domain, NULL, &week));
	assert_ok(jobs_visit(t, w, &v)); /* marks the day */
	v.maintain = true;
	days += 6;
	assert_ok(jobs_visit(t, w, &v));
	assert_int_equal(in_trash(t, w, v.id), 1);
	days += 2;
	assert_ok(jobs_visit(t, w, &v));
	assert_int_equal(v.expired_r, 1);
	assert_int_equal(in_trash(t, w, v.id), 0);
	v.id = STR("nosuchaccount2222222");
	assert_err(jobs_visit(t, w, &v), ERR_NOTFOUND);
	runner_stop(t, w);
}

/* Hours pass: every account has its turn, in its time. */
TEST(test_walk_and_purge)
{
	struct worker *w = runner_start(t, c, 0);
	struct state_account gone, now;
	struct str id, node, ids[40];
	unsigned left = 0, early = 0;
	struct account *acc;

	assert_ok(add_domain(t, w->state, "x.org"));
	for (unsigned i = 0; i < countof(ids); i++)
		ids[i] =
		    trashed(t, w, arena_printf(task_arena(t), "u%u@x.org", i));
	id = trashed(t, w, "gone@x.org");
	assert_ok(account_open(t, w->mail, id, &acc));
	assert_ok(account_shut(t, acc));
	account_close(&acc);
	assert_ok(state_account_remove(t, w->state, "test", STR("gone@x.org"),
	    &gone));
	task_sleep_ms(t, 5000);
	assert_int_equal(jobs_lock(t, w, &node), LOCK_HELD);
	w->draining = true;
	task_sleep_ms(t, 5000);
	assert_int_equal(jobs_lock(t, w, &node), LOCK_FREE);
	/* a visit on another day marks the time */
	days++;
	for (unsigned i = 0; i < countof(ids); i++) {
		struct jobs_visit v = { .id = ids[i],
			.domain = STR("x.org"),
			.maintain = true };
		assert_ok(jobs_visit(t, w, &v));
	}
	assert_ok(state_setting_set(t, w->state, "test", STR("retention.trash"),
	    STR("2d")));
	w->draining = false;
	task_sleep_ms(t, HOUR_MS / 2);
	assert_int_equal(jobs_lock(t, w, &node), LOCK_HELD);
	for (unsigned i = 0; i < countof(ids); i++)
		early += in_trash(t, w, ids[i]);
	assert_int_equal(early, countof(ids));
	/* long enough, and still a turn must come */
	days += 40;
	task_sleep_ms(t, 2 * HOUR_MS);
	for (unsigned i = 0; i < countof(ids); i++)
		left += in_trash(t, w, ids[i]);
	assert_true(left > 0 && left < countof(ids));
	/* the grace is over */
	assert_err(state_account_get(task_arena(t), w->state, gone.id, &now),
	    ERR_NOTFOUND);
	assert_err(account_open(t, w->mail, gone.id, &acc), ERR_NOTFOUND);
	runner_stop(t, w);
}

/* --- keys --- */

static may_yield_unchecked enum state_dkim_stage
stage_of(struct task *t, struct worker *w, const char *selector)
{
	struct state_dkim_key *k;
	unsigned n;

	assert_ok(
	    state_dkim_list(task_arena(t), w->state, STR("x.org"), &k, &n));
	for (unsigned i = 0; i < n; i++)
		if (str_eq_c(k[i].selector, selector))
			return k[i].stage;
	return STATE_DKIM_STAGES;
}

static may_yield_unchecked void
key_add(struct task *t, struct worker *w, const char *selector,
    enum state_dkim_stage stage)
{
	struct state_dkim_key k = { .domain = STR("x.org"),
		.selector = str_c(selector),
		.algorithm = STR("rsa"),
		.public_part = STR("QUJDREVGRw=="),
		.stage = stage };

	assert_ok(state_dkim_add(t, w->state, "test", &k, STR("pem")));
}

static void
waits_sink(void *arg, enum log_level level, struct str line)
{
	unsigned *waits = arg;

	(void)level;
	if (memmem(line.p, line.n, "dkim key waits", 14) != NULL)
		(*waits)++;
}

/* New keys sign once they are published and old enough; retired ones go; there
 * is a secret for forwarding. */
TEST(test_keys)
{
	static const struct dns_rig_row rows[] = {
		{ .name = "good._domainkey.x.org",
		    .type = DNS_TXT,
		    .text = "v=DKIM1; k=rsa; p = QUJD REVGRw==" },
		{ .name = "wrong._domainkey.x.org",
		    .type = DNS_TXT,
		    .text = "v=DKIM1; p=QUJD" },
		{ .name = "later._domainkey.x.org",
		    .type = DNS_TXT,
		    .status = DNS_TEMP },
	};
	struct worker *w = runner_start(t, c, 0);
	struct str *secrets;
	bool active;
	unsigned n, waits = 0;

	log_set_sink(waits_sink, &waits);
	w->dns = dns_rig_new(w->sched, rows, countof(rows));
	assert_ok(add_domain(t, w->state, "x.org"));
	key_add(t, w, "old", STATE_DKIM_ACTIVE);
	key_add(t, w, "wrong", STATE_DKIM_NEW);
	key_add(t, w, "missing", STATE_DKIM_NEW);
	key_add(t, w, "later", STATE_DKIM_NEW);
	key_add(t, w, "good", STATE_DKIM_NEW);
	task_sleep_ms(t, HOUR_MS);
	assert_ok(state_srs_secrets(task_arena(t), w->state, task_wall_s(t),
	    &secrets, &n, &active));
	assert_true(active && n == 1);
	days += 2;
	task_sleep_ms(t, HOUR_MS + HOUR_MS / 10);
	assert_int_equal(stage_of(t, w, "good"), STATE_DKIM_NEW);
	assert_int_equal(stage_of(t, w, "old"), STATE_DKIM_ACTIVE);
	days += 2;
	task_sleep_ms(t, HOUR_MS + HOUR_MS / 10);
	assert_int_equal(stage_of(t, w, "good"), STATE_DKIM_ACTIVE);
	assert_int_equal(stage_of(t, w, "old"), STATE_DKIM_RETIRED);
	assert_int_equal(stage_of(t, w, "wrong"), STATE_DKIM_NEW);
	assert_int_equal(stage_of(t, w, "missing"), STATE_DKIM_NEW);
	assert_int_equal(stage_of(t, w, "later"), STATE_DKIM_NEW);
	/* each is said once, and then once a day */
	assert_int_equal(waits, 3);
	task_sleep_ms(t, 2 * HOUR_MS + HOUR_MS / 10);
	assert_int_equal(waits, 3);
	days += 6;
	task_sleep_ms(t, HOUR_MS + HOUR_MS / 10);
	assert_int_equal(waits, 6);
	assert_int_equal(stage_of(t, w, "old"), STATE_DKIM_RETIRED);
	days += 2;
	task_sleep_ms(t, HOUR_MS + HOUR_MS / 10);
	assert_int_equal(stage_of(t, w, "old"), STATE_DKIM_STAGES);
	assert_int_equal(stage_of(t, w, "good"), STATE_DKIM_ACTIVE);
	log_set_sink(NULL, NULL);
	runner_stop(t, w);
	dns_free(&w->dns);
}

int
main(void)
{
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, cluster_setup, cluster_teardown)
	const struct CMUnitTest tests[] = {
		T(test_visit),
		T(test_walk_and_purge),
		T(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
