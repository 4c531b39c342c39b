/* test_lock.c - locks: waiting, taking over, zombies, strays, tokens */
#include "tests/unit/locking_rig.h"

#include "locking/lock.h"

/* What a node does with the lock "bucket-1". */
struct user {
	struct locks *ls;
	struct task_cond go;
	struct lock *lock; /* while it is used */
	struct lock *kept; /* until it is given back */
	const char *resource;
	uint64_t patience_ms;
	enum err_code code, checked;
	uint64_t token;
	unsigned calls; /* of one check */
};

static struct user *
user_of(struct peer *p)
{
	struct user *u = p->more;

	if (u == NULL) {
		u = p->more = xcalloc(1, sizeof(*u));
		u->ls = locks_new(&p->store, p->lease, p->nodes);
		u->resource = "bucket-1";
		task_cond_init(&u->go);
	}
	return u;
}

JOB(do_lease)
{
	task_set_deadline(t, task_now_ms(t) + 120000);
	assert_ok(lease_acquire(t, p->lease));
}

/* Take, and hold until told to go on. */
JOB(do_hold)
{
	struct user *u = user_of(p);
	struct lock *k;

	if (u->patience_ms != 0)
		task_set_deadline(t, task_now_ms(t) + u->patience_ms);
	u->code = err_code(lock_acquire(t, u->ls, str_c(u->resource), &k));
	task_set_deadline(t, 0);
	if (u->code != ERR_NONE) {
		assert_null(k);
		return;
	}
	u->token = lock_token(k);
	assert_string_equal(lock_resource(k), u->resource);
	u->lock = u->kept = k;
	task_cond_wait(t, &u->go, UINT64_MAX);
	u->checked = err_code(lock_check(t, k));
	u->lock = NULL;
	lock_release(t, &k);
	u->kept = NULL;
	assert_null(k);
}

static void hold_run(struct task *t, void *arg) may_yield_unchecked;

static void
hold_run(struct task *t, void *arg)
{
	do_hold(t, arg);
}

/* A task that takes the lock and waits for let_go. */
static void
hold(struct peer *p)
{
	user_of(p)->code = ERR_NONE;
	task_start(p->sched, "hold", hold_run, p);
}

static void
let_go(struct net *n, struct peer *p)
{
	task_cond_broadcast(&user_of(p)->go);
	while (user_of(p)->lock != NULL)
		assert_true(net_step(n, n->now + 60000));
}

static bool
holds(struct peer *p)
{
	return user_of(p)->lock != NULL && lock_is_held(user_of(p)->lock);
}

static struct peer *
start(struct net *n, unsigned i)
{
	struct peer *p = peer_start(n, i, &n->disk[i]);

	user_of(p);
	net_do(p, do_lease);
	return p;
}

/* The process is killed; what it had in memory is freed for the leak check. */
static void
stop(struct peer *p)
{
	struct user *u = p->more;

	share_close(&p->share);
	free(u->kept);
	locks_free(&u->ls);
	free(u);
	p->more = NULL;
	peer_kill(p);
}

CASE(test_take_turns)
{
	struct peer *p = start(n, 0), *q = start(n, 1);
	struct share_counts c;
	uint64_t token = 0;

	/* warm: READDIR of the lock, (the other's lease,) SYMLINK, READDIR */
	for (unsigned i = 0; i < 6; i++) {
		struct peer *x = i % 2 ? p : q;

		hold(x);
		net_run(n, 100);
		assert_true(holds(x));
		assert_true(user_of(x)->token > token);
		token = user_of(x)->token;
		share_count_reset(x->share);
		let_go(n, x);
		assert_int_equal(user_of(x)->checked, ERR_NONE);
		net_run(n, 100);
		share_count_get(x->share, &c);
		assert_int_equal(c.total, 2); /* the release */
	}
	assert_int_equal(token, 11);
	/* both want it: one waits until it is given back */
	hold(p);
	net_run(n, 100);
	hold(q);
	net_run(n, 60000);
	assert_true(holds(p) && !holds(q));
	let_go(n, p);
	net_run(n, LOCK_POLL_MS * 6 / 5);
	assert_true(holds(q));
	assert_true(user_of(q)->token > user_of(p)->token);
	let_go(n, q);
	stop(p);
	stop(q);
}

CASE(test_refused)
{
	struct peer *p = start(n, 0), *q = start(n, 1);
	char longest[LOCK_NAME_MAX + 2];
	const char *const names[] = { "", ".", "..", ".x", "a/b", "a b",
		"\303\244", longest };

	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (unsigned i = 0; i < countof(names); i++) {
		user_of(p)->resource = names[i];
		net_do(p, do_hold);
		assert_int_equal(user_of(p)->code, ERR_INVALID);
	}
	longest[LOCK_NAME_MAX] = '\0';
	user_of(p)->resource = longest;
	hold(p);
	net_run(n, 100);
	assert_true(holds(p));
	user_of(q)->resource = longest;
	user_of(q)->patience_ms = 12000;
	net_do(q, do_hold);
	assert_int_equal(user_of(q)->code, ERR_TIMEOUT);
	let_go(n, p);
	stop(p);
	stop(q);
}

JOB(do_try)
{
	struct user *u = user_of(p);
	struct lock *k;

	u->code = err_code(lock_try(t, u->ls, str_c(u->resource), &k));
	u->token = k == NULL ? 0 : lock_token(k);
	lock_release(t, &k);
}

JOB(do_release_lease)
{
	lease_release(t, p->lease);
}

CASE(test_try)
{
	struct peer *p = start(n, 0), *q = start(n, 1);

	hold(p);
	net_run(n, 100);
	net_do(q, do_try);
	assert_int_equal(user_of(q)->code, ERR_NONE);
	assert_int_equal(user_of(q)->token, 0);
	/* the same process has it: no call, no deadlock */
	net_do(p, do_try);
	assert_int_equal(user_of(p)->token, 0);
	let_go(n, p);
	net_do(q, do_try);
	assert_int_equal(user_of(q)->token, 3);
	/* the holder's node ended in order: free at once */
	hold(p);
	net_run(n, 100);
	net_do(p, do_release_lease);
	assert_false(holds(p));
	net_do(p, do_try);
	assert_int_equal(user_of(p)->code, ERR_LOST);
	net_do(q, do_try);
	assert_int_equal(user_of(q)->token, 6);
	let_go(n, p);
	assert_int_equal(user_of(p)->checked, ERR_LOST);
	stop(p);
	stop(q);
}

/* Two tasks of one process. */
CASE(test_same_process)
{
	struct peer *p = start(n, 0);
	struct user *u = user_of(p);
	uint64_t t0;

	hold(p);
	net_run(n, 100);
	assert_int_equal(u->token, 1);
	hold(p);
	net_run(n, 20000);
	assert_int_equal(u->token, 1);
	t0 = n->now;
	task_cond_broadcast(&u->go);
	while (u->token == 1)
		assert_true(net_step(n, n->now + 60000));
	assert_int_equal(n->now, t0); /* woken, not polled */
	assert_int_equal(u->token, 3);
	let_go(n, p);
	stop(p);
}

/* The most important test: the holder is stopped beyond its term. */
CASE(test_zombie)
{
	struct peer *p = start(n, 0), *q = start(n, 1);
	struct share_counts c;

	hold(p);
	net_run(n, 100);
	assert_true(holds(p));
	p->paused = true;
	hold(q);
	net_run(n, LEASE_EXPIRE_MS - 5000);
	assert_false(holds(q));
	net_run(n, 3 * LOCK_POLL_MS);
	assert_true(holds(q));
	assert_int_equal(user_of(q)->token, 2);
	/* it wakes, and finds out before it does anything */
	p->paused = false;
	share_count_reset(p->share);
	assert_false(holds(p));
	assert_int_equal(user_of(p)->token, 1);
	let_go(n, p);
	assert_int_equal(user_of(p)->checked, ERR_LOST);
	share_count_get(p->share, &c);
	assert_int_equal(c.calls[SHARE_REMOVE] + c.calls[SHARE_RENAME], 0);
	net_run(n, 60000);
	assert_true(holds(q));
	/* and gets in line with a new session */
	hold(p);
	net_run(n, 10000);
	assert_false(holds(p));
	let_go(n, q);
	net_run(n, 10000);
	assert_true(holds(p));
	assert_int_equal(user_of(p)->token, 4);
	let_go(n, p);
	stop(p);
	stop(q);
}

/* Killed: others wait for the lease; the node itself, restarted, does not. */
CASE(test_killed)
{
	struct peer *p = start(n, 0), *q = start(n, 1);
	uint64_t t0;

	hold(p);
	net_run(n, 100);
	stop(p);
	p = start(n, 0);
	hold(p);
	net_run(n, 100);
	assert_true(holds(p));
	assert_int_equal(user_of(p)->token, 2);
	net_run(n, 4900);
	stop(p);
	t0 = n->now;
	hold(q);
	while (!holds(q))
		assert_true(net_step(n, n->now + 60000));
	assert_in_range(n->now - t0, LEASE_EXPIRE_MS - 5000,
	    LEASE_EXPIRE_MS + 2 * LOCK_POLL_MS);
	let_go(n, q);
	stop(q);
}

static void
cut(struct peer *p, enum share_proc proc, enum share_fault_kind kind)
{
	peer_fault(p, (struct share_fault_rule){ .proc = proc,
			  .lane = SHARE_FAULT_ANY_LANE,
			  .name = "00000000",
			  .kind = kind,
			  .code = ERR_UNKNOWN,
			  .delay_ms = 3000,
			  .times = SHARE_FAULT_ALWAYS });
}

/* Taking was given up, but executes: nobody here has it, yet it names a living
 * session.  It must not stay so. */
CASE(test_stray_taking)
{
	static const enum share_fault_kind kinds[] = { SHARE_FAULT_LOST,
		SHARE_FAULT_LATE, SHARE_FAULT_BEFORE };
	struct peer *p = start(n, 0), *q = start(n, 1);

	for (unsigned i = 0; i < countof(kinds); i++) {
		struct share_fault_rule r[2] = {
			{ .proc = SHARE_SYMLINK,
			    .lane = SHARE_FAULT_ANY_LANE,
			    .nth = 1,
			    .kind = kinds[i],
			    .code = ERR_UNKNOWN,
			    .delay_ms = 3000 },
			{ .proc = SHARE_FAULT_ANY_PROC,
			    .lane = SHARE_FAULT_ANY_LANE,
			    .name = "00000000",
			    .kind = SHARE_FAULT_BEFORE,
			    .code = ERR_UNKNOWN,
			    .times = SHARE_FAULT_ALWAYS },
		};
		lease_renew_soon(p->lease);
		net_run(n, 10);
		share_fault_set(p->fault, r, 2);
		user_of(p)->patience_ms = 2000;
		net_do(p, do_hold);
		assert_int_equal(user_of(p)->code, ERR_UNKNOWN);
		peer_fault_none(p);
		net_run(n, 8000);
		assert_true(lease_is_valid(p->lease));
		hold(q);
		net_run(n, 100);
		assert_true(holds(q));
		let_go(n, q);
		/* and here it is to be had again, too */
		user_of(p)->patience_ms = 0;
		hold(p);
		net_run(n, 100);
		assert_true(holds(p));
		let_go(n, p);
	}
	stop(p);
	stop(q);
}

/* The stray's own node takes it at once. */
CASE(test_stray_retaken)
{
	struct peer *p = start(n, 0);

	share_fault_set(p->fault,
	    (struct share_fault_rule[]){ { .proc = SHARE_SYMLINK,
					     .lane = SHARE_FAULT_ANY_LANE,
					     .kind = SHARE_FAULT_LOST },
		{ .proc = SHARE_LOOKUP,
		    .lane = SHARE_FAULT_ANY_LANE,
		    .name = "00000000",
		    .kind = SHARE_FAULT_BEFORE,
		    .code = ERR_UNKNOWN,
		    .times = SHARE_FAULT_ALWAYS } },
	    2);
	user_of(p)->patience_ms = 1000;
	net_do(p, do_hold);
	assert_int_equal(user_of(p)->code, ERR_UNKNOWN);
	net_run(n, 10);
	peer_fault_none(p);
	hold(p);
	net_run(n, 10);
	assert_true(holds(p));
	assert_int_equal(user_of(p)->token, 2);
	net_run(n, 20000);
	assert_true(holds(p)); /* the settling task keeps off */
	let_go(n, p);
	stop(p);
}

/* Giving back fails for a while: told later. */
CASE(test_stray_release)
{
	struct peer *p = start(n, 0), *q = start(n, 1);

	hold(p);
	net_run(n, 100);
	lease_renew_soon(p->lease);
	net_run(n, 10);
	cut(p, SHARE_FAULT_ANY_PROC, SHARE_FAULT_BEFORE);
	let_go(n, p);
	net_run(n, 2000);
	net_do(q, do_try);
	assert_int_equal(user_of(q)->token, 0);
	peer_fault_none(p);
	net_run(n, 3000);
	assert_true(lease_is_valid(p->lease));
	net_do(q, do_try);
	assert_true(user_of(q)->token > 1);
	stop(p);
	stop(q);
}

/* Another connection: believed again only after a look. */
CASE(test_check)
{
	struct peer *p = start(n, 0);
	struct share_counts c;
	char cmd[200];

	hold(p);
	net_run(n, 100);
	share_count_reset(p->share);
	let_go(n, p);
	assert_int_equal(user_of(p)->checked, ERR_NONE);
	share_count_get(p->share, &c);
	assert_int_equal(c.total, 2);
	hold(p);
	net_run(n, 100);
	share_reconnect(p->share);
	share_count_reset(p->share);
	let_go(n, p);
	assert_int_equal(user_of(p)->checked, ERR_NONE);
	share_count_get(p->share, &c);
	assert_int_equal(c.calls[SHARE_READDIR], 2); /* and the release's */
	assert_int_equal(c.calls[SHARE_READLINK], 1);
	/* somebody removed our entry by hand */
	hold(p);
	net_run(n, 100);
	snprintf(cmd, sizeof(cmd), "rm %s/locks/bucket-1/log/*5", n->dir);
	assert_int_equal(system(cmd), 0);
	share_reconnect(p->share);
	let_go(n, p);
	assert_int_equal(user_of(p)->checked, ERR_LOST);
	stop(p);
}

CASE(test_unreadable)
{
	struct peer *p = start(n, 0);
	char path[200];

	snprintf(path, sizeof(path), "%s/locks/bucket-1/log", n->dir);
	net_do(p, do_try);
	snprintf(path, sizeof(path), "%s/locks/bucket-1/log/%016d", n->dir, 3);
	assert_int_equal(symlink("damaged", path), 0);
	net_do(p, do_hold);
	assert_int_equal(user_of(p)->code, ERR_CORRUPT);
	assert_int_equal(unlink(path), 0);
	net_do(p, do_try);
	assert_int_equal(user_of(p)->code, ERR_NONE);
	assert_int_equal(user_of(p)->token, 3);
	stop(p);
}

static struct lock_view *listed;
static struct arena *listed_arena;

JOB(do_list)
{
	struct lock_view *v, **tail = &listed;

	assert_ok(lock_list(t, &p->store, p->nodes, &v));
	for (; v != NULL; v = v->next) {
		*tail = arena_memdup(listed_arena, v, sizeof(*v));
		(*tail)->resource = arena_strdup(listed_arena, v->resource);
		(*tail)->node = arena_strdup(listed_arena, v->node);
		tail = &(*tail)->next;
	}
	*tail = NULL;
}

CASE(test_list)
{
	struct peer *p = start(n, 0), *q = start(n, 1);
	struct lock_view *v;
	char id[NODE_ID_HEX + 1];

	listed_arena = arena_new(0);
	net_do(q, do_list);
	assert_null(listed);
	user_of(p)->resource = "b";
	hold(p);
	user_of(q)->resource = "a";
	net_do(q, do_try);
	net_run(n, 1000);
	net_do(q, do_list);
	v = listed;
	assert_string_equal(v->resource, "a");
	assert_int_equal(v->state, LOCK_FREE);
	assert_int_equal(v->token, 2);
	v = v->next;
	assert_string_equal(v->resource, "b");
	assert_int_equal(v->state, LOCK_HELD);
	assert_string_equal(v->node, node_id(p->node));
	assert_int_equal(v->token, 1);
	assert_true(v->wall_s > 0);
	assert_null(v->next);
	strcpy(id, node_id(p->node));
	stop(p);
	net_run(n, 7000);
	net_do(q, do_list);
	assert_int_equal(listed->next->state, LOCK_HELD);
	net_run(n, 31000);
	net_do(q, do_list);
	assert_int_equal(listed->next->state, LOCK_ORPHAN);
	assert_string_equal(listed->next->node, id);
	arena_free(&listed_arena);
	stop(q);
}

static struct lock_watch *watched;

JOB(do_watch)
{
	struct lock_view *v;

	(void)p;
	assert_ok(lock_watch_list(t, watched, NULL, &v));
	listed = NULL;
	for (struct lock_view **tail = &listed; v != NULL;
	     v = v->next, tail = &(*tail)->next) {
		*tail = arena_memdup(listed_arena, v, sizeof(*v));
		(*tail)->resource = arena_strdup(listed_arena, v->resource);
		(*tail)->node = arena_strdup(listed_arena, v->node);
		(*tail)->next = NULL;
	}
}

/* Looking again costs a call for each lock, and sees what came and went. */
CASE(test_watch)
{
	struct peer *p = start(n, 0), *q = start(n, 1);
	struct share_counts before, after;
	struct txid session;

	listed_arena = arena_new(0);
	watched = lock_watch_new(&q->store);
	net_do(q, do_watch);
	assert_null(listed);
	user_of(p)->resource = "b";
	hold(p);
	session = *lease_session(p->lease);
	user_of(q)->resource = "a";
	net_do(q, do_try);
	net_run(n, 1000);
	net_do(q, do_watch);
	assert_string_equal(listed->resource, "a");
	assert_int_equal(listed->state, LOCK_FREE);
	assert_string_equal(listed->next->resource, "b");
	assert_int_equal(listed->next->state, LOCK_HELD);
	assert_true(txid_eq(&listed->next->session, &session));
	assert_null(listed->next->next);
	share_count_get(q->share, &before);
	net_do(q, do_watch);
	share_count_get(q->share, &after);
	/* locks/, and two of them */
	assert_in_range(after.total - before.total, 3, 4);
	assert_string_equal(listed->next->resource, "b");
	user_of(q)->resource = "aa";
	net_do(q, do_try);
	net_run(n, 1000);
	net_do(q, do_watch);
	assert_string_equal(listed->next->resource, "aa");
	assert_string_equal(listed->next->next->resource, "b");
	/* its end is not asked for here */
	stop(p);
	net_run(n, 40000);
	net_do(q, do_watch);
	assert_int_equal(listed->next->next->state, LOCK_HELD);
	lock_watch_free(&watched);
	assert_null(watched);
	arena_free(&listed_arena);
	stop(q);
}

/* Hundreds of resources: the logs nobody uses are forgotten. */
CASE(test_many)
{
	struct peer *p = start(n, 0);
	char name[20];

	user_of(p)->resource = name;
	for (unsigned i = 0; i < LOCK_IDLE_MAX + 20; i++) {
		snprintf(name, sizeof(name), "r%u", i % (LOCK_IDLE_MAX + 10));
		net_do(p, do_try);
		assert_int_equal(user_of(p)->code, ERR_NONE);
		assert_int_equal(user_of(p)->token,
		    i < LOCK_IDLE_MAX + 10 ? 1 : 3);
	}
	stop(p);
}

/*
 * Chance: three nodes with clocks of different rates that are stopped, cut off,
 * slowed and killed want one lock.  Never two holders; tokens rise.
 */
static uint64_t highest;

static void
one_holder(struct net *n)
{
	unsigned holders = 0;

	for (unsigned i = 0; i < 3; i++) {
		struct peer *p = &n->peer[i];
		struct user *u = p->more;

		if (!p->up || u == NULL || u->lock == NULL ||
		    !lock_is_held(u->lock))
			continue;
		holders++;
		if (lock_token(u->lock) > highest)
			highest = lock_token(u->lock);
		assert_int_equal(lock_token(u->lock), highest);
	}
	assert_true(holders <= 1);
}

JOB(do_churn)
{
	struct user *u = user_of(p);
	const struct rnd *r = sched_rnd(p->sched);

	for (;;) {
		struct lock *k = NULL;
		struct err *e;

		e = lease_acquire(t, p->lease);
		assert_ok(e);
		task_set_deadline(t, task_now_ms(t) + 1 + rnd_below(r, 40000));
		e = lock_acquire(t, u->ls, str_c(u->resource), &k);
		task_set_deadline(t, 0);
		u->lock = u->kept = k;
		if (e == NULL)
			u->calls++;
		task_sleep_ms(t, rnd_below(r, 20000));
		u->lock = NULL;
		lock_release(t, &k);
		u->kept = NULL;
		task_sleep_ms(t, rnd_below(r, 1000));
	}
}

static void churn_run(struct task *t, void *arg) may_yield_unchecked;

static void
churn_run(struct task *t, void *arg)
{
	do_churn(t, arg);
}

static void
churn_start(struct net *n, unsigned i)
{
	struct peer *p = peer_start(n, i, &n->disk[i]);

	user_of(p);
	task_start(p->sched, "churn", churn_run, p);
}

static void
trouble(struct net *n, const struct rnd *r)
{
	static const enum share_fault_kind kinds[] = { SHARE_FAULT_BEFORE,
		SHARE_FAULT_LOST, SHARE_FAULT_LATE, SHARE_FAULT_DELAY,
		SHARE_FAULT_TWICE, SHARE_FAULT_AFTER };
	struct peer *p = &n->peer[rnd_below(r, 3)];

	switch (rnd_below(r, 6)) {
	case 0:
		p->paused = !p->paused;
		break;
	case 1:
		stop(p);
		churn_start(n, (unsigned)(p - n->peer));
		break;
	case 2:
		peer_fault_none(p);
		p->paused = false;
		break;
	default:
		peer_fault(p,
		    (struct share_fault_rule){
			.proc = rnd_below(r, 2)	  ? SHARE_SYMLINK
				: rnd_below(r, 2) ? SHARE_READDIR
						  : SHARE_FAULT_ANY_PROC,
			.lane = SHARE_LANE_LEASE,
			.kind = kinds[rnd_below(r, countof(kinds))],
			.code = ERR_IO,
			.reconnect = rnd_below(r, 4) == 0,
			.delay_ms = rnd_below(r, 20000),
			.times = 1 + (uint32_t)rnd_below(r, 20) });
	}
}

static void
churn(uint64_t seed)
{
	static const uint64_t rates[] = { 85, 100, 115 };
	struct net *n = net_open();
	struct rnd_seeded s;
	struct rnd r;
	unsigned taken = 0;

	rnd_seed(&s, seed);
	r = rnd_of_seeded(&s);
	highest = 0;
	for (unsigned i = 0; i < 3; i++) {
		n->peer[i].rate = rates[rnd_below(&r, 3)];
		churn_start(n, i);
	}
	n->watch = one_holder;
	for (unsigned i = 0; i < 200; i++) {
		net_run(n, rnd_below(&r, 15000));
		trouble(n, &r);
	}
	n->watch = NULL;
	for (unsigned i = 0; i < 3; i++) {
		taken += user_of(&n->peer[i])->calls;
		stop(&n->peer[i]);
	}
	assert_true(taken > 0 && highest > 5);
	net_close(n);
}

static void
test_churn(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++)
		churn(seed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take_turns),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_try),
		cmocka_unit_test(test_same_process),
		cmocka_unit_test(test_zombie),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_stray_taking),
		cmocka_unit_test(test_stray_retaken),
		cmocka_unit_test(test_stray_release),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_churn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
