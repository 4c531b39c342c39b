/* state_rig.h - nodes of one cluster: a share directory, a local one each */
#ifndef TESTS_UNIT_STATE_RIG_H
#define TESTS_UNIT_STATE_RIG_H

#include <sys/stat.h>

#include "base/log.h"
#include "storage/journal.h"
#include "storage/state.h"
#include "storage/state_account.h"
#include "storage/state_domain.h"
#include "tests/unit/share_rig.h"

/*
 * Every node has a share object of its own over the same directory, under
 * fault. All run on one scheduler; a share that answers late lets them
 * interleave.
 */
#define NODES 3

struct node {
	struct share *fault;
	struct store *store;
	char local[100];
	struct state_conf conf;
	struct state *st;
};

struct cluster {
	struct rig rig; /* share-test.XXXXXX: share/, local1/ ... */
	char share_dir[100];
	struct clusterkey key;
	struct node node[NODES];
};

static inline struct share *
cluster_share(struct cluster *c, struct arena *a)
{
	struct share *s;

	assert_ok(share_posix_open(a, c->rig.sched, NULL, c->share_dir, &s));
	return share_fault_new(c->rig.sched, s);
}

static inline may_yield_unchecked void
cluster_start(struct task *t, struct rig *r)
{
	struct cluster *c = (struct cluster *)r;
	struct arena *a = task_arena(t);
	unsigned char uuid[16];
	struct share *s = cluster_share(c, a);
	unsigned i;

	assert_ok(store_init(t, s, BARRIER_REPLY, uuid));
	share_close(&s);
	clusterkey_make(&r->rnd, &c->key);
	for (i = 0; i < NODES; i++) {
		struct node *n = &c->node[i];

		snprintf(n->local, sizeof(n->local), "%s/local%u", r->dir, i);
		assert_int_equal(mkdir(n->local, 0700), 0);
		n->fault = cluster_share(c, a);
		assert_ok(store_open_share(t, n->fault, uuid, &n->store));
		n->conf = (struct state_conf){ .store = n->store,
			.local = n->local,
			.key = c->key,
			.synchronous = "OFF",
			.no_background = true };
	}
	assert_ok(state_create(t, &c->node[0].conf));
}

static inline int
cluster_setup(void **state)
{
	struct cluster *c = xcalloc(1, sizeof(*c));

	rig_open(&c->rig);
	snprintf(c->share_dir, sizeof(c->share_dir), "%s/share", c->rig.dir);
	assert_int_equal(mkdir(c->share_dir, 0700), 0);
	rig_run(&c->rig, cluster_start);
	*state = c;
	return 0;
}

static inline int
cluster_teardown(void **state)
{
	struct cluster *c = *state;
	unsigned i;

	for (i = 0; i < NODES; i++) {
		state_close(&c->node[i].st);
		store_close(&c->node[i].store);
	}
	rig_close(&c->rig);
	free(c);
	return 0;
}

/* Open node i's state, or close and open it again. */
static inline may_yield_unchecked struct state *
node_open(struct task *t, struct cluster *c, unsigned i)
{
	struct node *n = &c->node[i];

	state_close(&n->st);
	assert_ok(state_open(t, &n->conf, &n->st, NULL));
	return n->st;
}

static inline may_yield_unchecked void
assert_same(struct task *t, struct state *x, struct state *y)
{
	unsigned char dx[32], dy[32];
	struct state_problem *problem;

	assert_ok(state_refresh(t, x));
	assert_ok(state_refresh(t, y));
	assert_int_equal(state_seq(x), state_seq(y));
	assert_ok(state_digest(task_arena(t), x, dx));
	assert_ok(state_digest(task_arena(t), y, dy));
	assert_memory_equal(dx, dy, 32);
	assert_ok(state_check(task_arena(t), x, &problem));
	if (problem != NULL)
		fail_msg("%s", problem->text);
}

static inline may_yield_unchecked struct err *
add_domain(struct task *t, struct state *st, const char *name)
{
	struct state_domain d = { .name = str_c(name) };

	return state_domain_add(t, st, "test", &d);
}

static inline may_yield_unchecked struct err *
add_account(struct task *t, struct state *st, const char *address)
{
	struct state_account_new n = { .address = str_c(address) };

	return state_account_add(t, st, "test", &n, 1);
}

static inline unsigned
count_domains(struct task *t, struct state *st)
{
	struct state_domain *list;
	unsigned n;

	assert_ok(
	    state_domain_list(task_arena(t), st, STR_NONE, 1000, &list, &n));
	return n;
}

#define TEST(name)                                                             \
	static may_yield_unchecked void name##_task(struct task *t,            \
	    struct cluster *c);                                                \
	static may_yield_unchecked void name##_rig(struct task *t,             \
	    struct rig *r)                                                     \
	{                                                                      \
		name##_task(t, (struct cluster *)r);                           \
	}                                                                      \
	static void name(void **state)                                         \
	{                                                                      \
		rig_run(*state, name##_rig);                                   \
	}                                                                      \
	static may_yield_unchecked void name##_task(struct task *t,            \
	    struct cluster *c)

#endif
