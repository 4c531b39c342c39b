/* test_admin_nodes.c - nodes as a worker's administrator sees and orders them,
 * and what is worth a word */
#include <dirent.h>

#include "server/admin/admin_locks.h"
#include "server/admin/admin_nodes.h"
#include "server/admin/admin_overview.h"
#include "server/admin/admin_share.h"
#include "storage/invite.h"
#include "storage/queue.h"
#include "storage/state_audit.h"
#include "storage/state_dkim.h"
#include "tests/unit/test.h"
#include "tests/unit/two_rig.h"

static struct admin
admin(struct two *x)
{
	struct admin ad;

	admin_reader(&x->core.w, "test", &ad); /* worker 0's may change */
	return ad;
}

static const struct admin_node *
node_named(struct task *t, struct two *x, const char *name)
{
	struct admin_node *n = arena_new_obj(task_arena(t), struct admin_node);
	struct admin ad = admin(x);

	return admin_node_find(task_arena(t), &ad, str_c(name), n) == NULL
		   ? n
		   : NULL;
}

TEST(test_board_and_rows)
{
	struct two *x = two_start(t, c);
	struct admin ad = admin(x);
	struct state_node row = { .id = STR("00000000000000aa"),
		.name = STR("never"),
		.note = STR("to come") };
	struct admin_node *list;
	unsigned n, left_out;
	bool changed;

	assert_ok(state_node_put(t, ad.state, "test", &row));
	task_sleep_ms(t, 25000);
	assert_ok(admin_nodes_board(task_arena(t), &ad, &list, &n, &left_out));
	assert_int_equal(n, 3);
	assert_int_equal(left_out, 0);
	for (unsigned i = 1; i < n; i++)
		assert_true(strcmp(list[i - 1].v.id, list[i].v.id) < 0);
	assert_true(board_is_wanted(x->core.w.board, task_now_ms(t)));
	assert_string_equal(admin_node_life(&node_named(t, x, "n1")->v),
	    "alive");
	assert_true(node_named(t, x, "n1")->v.self);
	assert_string_equal(admin_node_ready(&node_named(t, x, "n2")->v),
	    "ready");
	assert_true(node_named(t, x, node_id(x->other_id))->known);
	assert_string_equal(admin_node_life(&node_named(t, x, "never")->v),
	    "unseen");
	assert_null(admin_node_ready(&node_named(t, x, "never")->v));
	assert_true(str_eq_c(node_named(t, x, "never")->row.note, "to come"));
	assert_null(node_named(t, x, "nobody"));
	/* orders */
	assert_ok(admin_node_drain(t, &ad, STR("n2"), true, &changed));
	assert_true(changed && node_named(t, x, "n2")->row.drain);
	assert_ok(admin_node_drain(t, &ad, STR("n2"), true, &changed));
	assert_false(changed);
	assert_ok(admin_node_note(t, &ad, STR("n2"), STR("in the cellar")));
	assert_true(
	    str_eq_c(node_named(t, x, "n2")->row.note, "in the cellar"));
	assert_true(node_named(t, x, "n2")->row.drain);
	assert_err(admin_node_note(t, &ad, STR("x"), STR("")), ERR_NOTFOUND);
	two_stop(t, x);
}

static may_yield_unchecked void
key(struct task *t, struct state *st, const char *selector, const char *node_,
    enum state_dkim_stage stage)
{
	struct state_dkim_key k = { .domain = STR("example.org"),
		.selector = str_c(selector),
		.algorithm = STR("ed25519"),
		.node = str_c(node_),
		.public_part = STR("x"),
		.stage = stage };

	assert_ok(state_dkim_add(t, st, "test", &k, STR("pem")));
}

static const char *
key_stage(struct task *t, struct state *st, const char *selector)
{
	struct state_dkim_key *k;
	unsigned n;

	assert_ok(state_dkim_list(task_arena(t), st, STR_NONE, &k, &n));
	for (unsigned i = 0; i < n; i++)
		if (str_eq_c(k[i].selector, selector))
			return state_dkim_stage_name(k[i].stage);
	return "none";
}

/* Not while it lives, nor while nobody knows; then with its keys. */
TEST(test_remove)
{
	struct two *x = two_start(t, c);
	struct admin ad = admin(x);
	struct state_node row = { .id = STR("00000000000000aa"),
		.name = STR("never") };
	const char *other = node_id(x->other_id);
	struct state_node n;
	struct err *e;

	assert_ok(add_domain(t, ad.state, "example.org"));
	key(t, ad.state, "all", "", STATE_DKIM_ACTIVE);
	key(t, ad.state, "signs", other, STATE_DKIM_ACTIVE);
	key(t, ad.state, "new", other, STATE_DKIM_NEW);
	key(t, ad.state, "others", node_id(x->id), STATE_DKIM_ACTIVE);
	/* before the board has seen it */
	e = admin_node_remove(t, &ad, STR("n2"), &n);
	assert_err(e, ERR_CONFLICT);
	assert_non_null(strstr(e->text, "not known yet"));
	task_sleep_ms(t, 25000);
	e = admin_node_remove(t, &ad, STR("n2"), &n);
	assert_err(e, ERR_CONFLICT);
	assert_string_equal(e->text, "node n2 lives: stop it first");
	assert_string_equal(key_stage(t, ad.state, "signs"), "active");
	assert_ok(state_node_put(t, ad.state, "test", &row));
	assert_ok(admin_node_remove(t, &ad, STR("never"), &n));
	lease_release(t, x->other);
	task_sleep_ms(t, 45000);
	assert_string_equal(admin_node_life(&node_named(t, x, "n2")->v),
	    "left");
	assert_ok(admin_node_remove(t, &ad, STR("n2"), &n));
	assert_true(str_eq_c(n.id, other));
	assert_null(node_named(t, x, "n2"));
	assert_string_equal(key_stage(t, ad.state, "all"), "active");
	assert_string_equal(key_stage(t, ad.state, "signs"), "retired");
	assert_string_equal(key_stage(t, ad.state, "new"), "none");
	assert_string_equal(key_stage(t, ad.state, "others"), "active");
	assert_err(admin_node_remove(t, &ad, STR("n2"), &n), ERR_NOTFOUND);
	lease_free(&x->other);
	two_stop(t, x);
}

/* shoalctl's way: whoever died is watched until that is known. */
TEST(test_remove_watching)
{
	static const struct share_fault_rule away = { .proc =
							  SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_BEFORE,
		.code = ERR_UNAVAIL };
	struct two *x = two_start(t, c);
	struct admin ad = admin(x);
	uint64_t began = task_now_ms(t);
	struct state_node n;

	ad.worker = NULL;
	assert_err(admin_node_remove(t, &ad, STR("n2"), &n), ERR_CONFLICT);
	assert_true(task_now_ms(t) - began <= ADMIN_NODES_WATCH_MS);
	share_fault_set(c->member[1].fault, &away, 1);
	began = task_now_ms(t);
	assert_ok(admin_node_remove(t, &ad, STR("n2"), &n));
	assert_true(task_now_ms(t) - began >= LEASE_EXPIRE_MS);
	assert_true(task_now_ms(t) - began <= ADMIN_NODES_END_MS + 1000);
	share_fault_set(c->member[1].fault, NULL, 0);
	two_stop(t, x);
}

/* --- invitations --- */

static unsigned
invites_on(const struct cluster *c)
{
	char path[200];
	struct dirent *d;
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/nodes", c->share_dir);
	dir = opendir(path);
	assert_non_null(dir);
	while ((d = readdir(dir)) != NULL)
		n += strncmp(d->d_name, "invite-", 7) == 0;
	closedir(dir);
	return n;
}

/* Who made a code is known before there is one. */
TEST(test_invite)
{
	struct admin ad = { .store = c->member[0].store,
		.state = member_open(t, c, 0),
		.by = "admin:eve" };
	struct state_audit_row *row;
	struct invite inv;
	struct str code;
	struct err *e;
	unsigned n;

	assert_ok(
	    admin_node_invite(t, &ad, "nfs://10.0.0.5/mail", &code, &inv));
	assert_int_equal(invites_on(c), 1);
	assert_ok(state_audit_find(task_arena(t), ad.state,
	    &(struct state_audit_query){ .max = 1 }, &row, &n));
	assert_int_equal(n, 1);
	assert_true(str_eq_c(row->who, "admin:eve"));
	assert_true(str_eq_c(row->what, "node.invite"));
	assert_true(str_eq_c(row->detail, "valid for 86400 s"));
	assert_true(str_eq(row->object, STR_NONE));
	/* where that cannot be written, there is none */
	c->member[1].conf.replica_only = true;
	c->member[1].conf.local = c->member[0].local;
	ad.state = member_open(t, c, 1);
	e = admin_node_invite(t, &ad, "nfs://10.0.0.5/mail", &code, &inv);
	assert_err(e, ERR_READONLY);
	assert_non_null(strstr(e->text, "no node was invited"));
	assert_int_equal(invites_on(c), 1);
}

/* --- words --- */

#define NOW 1800000000

struct word_row {
	const char *codes; /* in order, with blanks between */
	enum admin_level level;
	struct admin_share share;
	struct node_view v[2];
};

#define N1                                                                     \
	.id = "00000000000000a1", .life = NODE_ALIVE, .read = true,            \
	.moved = true, .wall_s = NOW - 5
#define INFO .name = { "n1", 2 }, .version = { "1", 1 }, .ready = LEASE_READY

static struct err word_bad = { ERR_CORRUPT, "damaged", NULL };

static const struct word_row word_rows[] = {
	{ "", ADMIN_OK, { .away = false }, { { N1, .info = { INFO } } } },
	{ "", ADMIN_OK,
	    { .free_bytes = 5000, .total_bytes = 100000, .free_files = 1 },
	    { { .id = NULL } } },
	{ "share_low files_low", ADMIN_WARN,
	    { .free_bytes = 4000,
		.total_bytes = 100000,
		.free_files = 40,
		.total_files = 1000 },
	    { { .id = NULL } } },
	{ "share_away share_full share_slow", ADMIN_BAD,
	    { .away = true, .full = true, .latency_us = 250000 },
	    { { .id = NULL } } },
	{ "node_unreadable", ADMIN_BAD, { .away = false },
	    { { .id = "00000000000000a1", .bad = &word_bad } } },
	{ "node_ended", ADMIN_BAD, { .away = false },
	    { { .id = "00000000000000a1", .life = NODE_ENDED } } },
	{ "", ADMIN_OK, { .away = false },
	    { { .id = "00000000000000a1", .life = NODE_RELEASED } } },
	{ "node_silent", ADMIN_WARN, { .away = false },
	    { { .id = "00000000000000a1", .life = NODE_ALIVE } } },
	{ "node_unready", ADMIN_BAD, { .away = false },
	    { { N1, .info = { .ready = LEASE_UNREADY } } } },
	{ "node_draining", ADMIN_WARN, { .away = false },
	    { { N1, .info = { .ready = LEASE_DRAINING } } } },
	{ "node_slow", ADMIN_WARN, { .away = false },
	    { { N1, .info = { INFO, .latency_us = 300000 } } } },
	{ "node_clock", ADMIN_WARN, { .away = false },
	    { { .id = "00000000000000a1",
		.life = NODE_ALIVE,
		.read = true,
		.moved = true,
		.wall_s = NOW + 121,
		.info = { INFO } } } },
	{ "cert_self", ADMIN_WARN, { .away = false },
	    { { N1, .info = { INFO, .certificate = LEASE_CERT_SELF } } } },
	{ "cert_expired", ADMIN_BAD, { .away = false },
	    { { N1, .info = { INFO, .certificate = LEASE_CERT_FILE,
			.cert_expires = NOW } } } },
	{ "cert_expires", ADMIN_WARN, { .away = false },
	    { { N1, .info = { INFO, .certificate = LEASE_CERT_FILE,
			.cert_expires = NOW + 86400 } } } },
	{ "versions_differ", ADMIN_WARN, { .away = false },
	    { { N1, .info = { INFO } }, { N1, .info = { .version = { "2", 1 },
						  .ready = LEASE_READY } } } },
	/* of a dead one it does not matter */
	{ "node_ended", ADMIN_BAD, { .away = false },
	    { { N1, .info = { INFO } },
		{ .id = "00000000000000a2",
		    .life = NODE_ENDED,
		    .read = true,
		    .moved = true,
		    .info = { .version = { "2", 1 } } } } },
};

TEST(test_words)
{
	struct admin ad = { .state = member_open(t, c, 0) };

	for (size_t i = 0; i < countof(word_rows); i++) {
		const struct word_row *r = &word_rows[i];
		struct admin_words w;
		struct buf b;

		buf_init(&b, task_arena(t), 1000);
		assert_ok(admin_words(task_arena(t), &ad, &r->share, r->v,
		    r->v[0].id == NULL	 ? 0
		    : r->v[1].id == NULL ? 1
					 : 2,
		    0, NOW, &w));
		for (unsigned k = 0; k < w.n; k++) {
			buf_fmt(&b, "%s%s", k > 0 ? " " : "", w.list[k].code);
			assert_true(w.list[k].text.n > 10);
		}
		test_row_str(i, buf_str(&b), str_c(r->codes));
		test_row(i, w.level == r->level);
	}
}

TEST(test_words_more)
{
	struct admin ad;
	struct admin_share s = { .away = false };
	struct worker w = { .index = 1, .counts = counts_new(1) };
	struct admin_words words;
	struct counts *n = w.counts;

	ad = (struct admin){ .state = member_open(t, c, 0), .worker = &w };
	assert_ok(admin_words(task_arena(t), &ad, &s, NULL, 0, 3, NOW, &words));
	assert_int_equal(words.n, 1);
	assert_string_equal(words.list[0].code, "nodes_many");
	/* worker 0 says how the state is */
	counts_word_set(n, COUNTS_STATE_READONLY, ERR_FORMAT);
	assert_ok(admin_words(task_arena(t), &ad, &s, NULL, 0, 0, NOW, &words));
	assert_int_equal(words.n, 1);
	assert_string_equal(words.list[0].code, "state_readonly");
	assert_int_equal(words.level, ADMIN_BAD);
	counts_word_set(n, COUNTS_STATE_READONLY, ERR_NONE);
	counts_free(&n);
}

/* What a worker knows without a call: the lease's age is the share's. */
TEST(test_share_of_worker)
{
	struct worker w = { .index = 1,
		.sched = c->rig.sched,
		.counts = counts_new(1) };
	struct counts *n = w.counts;
	struct admin_share s;

	admin_share_of_worker(&w, &s);
	assert_false(s.away); /* starting */
	counts_word_set(n, COUNTS_READY_AT, task_now_ms(t));
	counts_word_set(n, COUNTS_LEASE_AGE_MS, 4000);
	counts_word_set(n, COUNTS_SHARE_FREE, 7);
	counts_word_set(n, COUNTS_SHARE_TOTAL, 8);
	admin_share_of_worker(&w, &s);
	assert_false(s.away);
	assert_true(s.free_bytes == 7 && s.total_bytes == 8 && !s.full);
	/* worker 0 says nothing any more */
	task_sleep_ms(t, 12000);
	admin_share_of_worker(&w, &s);
	assert_true(s.away);
	counts_word_set(n, COUNTS_READY_AT, task_now_ms(t));
	counts_word_set(n, COUNTS_LEASE_AGE_MS, 16000);
	admin_share_of_worker(&w, &s);
	assert_true(s.away);
	/* a node that has no lease yet, and one that has none any more */
	counts_word_set(n, COUNTS_LEASE_AGE_MS, UINT64_MAX);
	admin_share_of_worker(&w, &s);
	assert_false(s.away);
	counts_word_set(n, COUNTS_READY_WHY, 3); /* health.c: the lease */
	admin_share_of_worker(&w, &s);
	assert_true(s.away);
	counts_free(&n);
}

/* A lock is as the share says, unless the board knows that its session is over.
 */
TEST(test_lock_state)
{
	static const struct {
		enum lock_state said;
		enum node_life life;
		bool same;
		int64_t taken;
		enum lock_state is;
	} rows_[] = {
		{ LOCK_HELD, NODE_ALIVE, true, NOW, LOCK_HELD },
		{ LOCK_FREE, NODE_ENDED, true, NOW, LOCK_FREE },
		{ LOCK_HELD, NODE_ENDED, true, NOW, LOCK_ORPHAN },
		{ LOCK_HELD, NODE_RELEASED, true, NOW, LOCK_ORPHAN },
		{ LOCK_HELD, NODE_ALIVE, false, NOW - 1, LOCK_ORPHAN },
		/* taken by a session that the board has not seen yet */
		{ LOCK_HELD, NODE_ALIVE, false, NOW + 1, LOCK_HELD },
		{ LOCK_UNREADABLE, NODE_ENDED, true, NOW, LOCK_UNREADABLE },
	};

	(void)t, (void)c;
	for (size_t i = 0; i < countof(rows_); i++) {
		struct admin_node n = { .v = { .id = "00000000000000a1",
					    .life = rows_[i].life,
					    .read = true,
					    .wall_s = NOW } };
		struct lock_view v = { .node = n.v.id,
			.state = rows_[i].said,
			.wall_s = rows_[i].taken };

		v.session.b[0] = !rows_[i].same;
		test_row(i, admin_lock_state(&v, &n, 1) == rows_[i].is);
		v.node = "00000000000000a2";
		test_row(i, admin_lock_state(&v, &n, 1) == rows_[i].said);
	}
}

/* Which domains fail: most recipients that were tried first. */
TEST(test_overview_failing)
{
	static struct queue_rcpt rcpts[] = {
		{ .address = { "a@one.org", 9 }, .tries = 1 },
		{ .address = { "b@ONE.org", 9 }, .tries = 2 },
		{ .address = { "a@two.org", 9 }, .tries = 1 },
		{ .address = { "a@new.org", 9 }, .tries = 0 },
		{ .address = { "a@done.org", 10 },
		    .tries = 1,
		    .state = QUEUE_DELIVERED },
		{ .address = { "nowhere", 7 }, .tries = 1 },
		{ .address = { "\"a@b\"@three.org", 15 }, .tries = 1 },
		{ .address = { "c@three.org", 11 }, .tries = 1 },
		{ .address = { "d@three.org", 11 }, .tries = 1 },
		{ .address = { "a@4.org", 7 }, .tries = 1 },
		{ .address = { "a@5.org", 7 }, .tries = 1 },
		{ .address = { "a@6.org", 7 }, .tries = 1 },
	};
	static const char *const found[] = { "three.org", "one.org", "4.org",
		"5.org", "6.org" };
	struct queue_message m[2] = {
		{ .rcpts = rcpts, .rcpt_n = 4 },
		{ .rcpts = rcpts + 4, .rcpt_n = countof(rcpts) - 4 },
	};
	const struct queue_message *list[] = { &m[0], &m[1] };
	struct admin_overview_queue q = { .failing_n = 7 };

	(void)c;
	admin_overview_failing(task_arena(t), list, 2, &q);
	assert_int_equal(q.failing_n, ADMIN_OVERVIEW_FAILING);
	for (size_t i = 0; i < countof(found); i++)
		test_row_str(i, q.failing[i], str_c(found[i]));
	admin_overview_failing(task_arena(t), list, 0, &q);
	assert_int_equal(q.failing_n, 0);
}

#define RUN(name)                                                              \
	cmocka_unit_test_setup_teardown(name, cluster_setup, cluster_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_board_and_rows),
		RUN(test_remove),
		RUN(test_remove_watching),
		RUN(test_invite),
		RUN(test_words),
		RUN(test_words_more),
		RUN(test_share_of_worker),
		RUN(test_overview_failing),
		RUN(test_lock_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
