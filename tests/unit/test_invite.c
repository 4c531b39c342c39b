/* test_invite.c - codes, and that exactly one join succeeds */
#include "base/crypto.h"
#include "storage/invite.h"
#include "tests/unit/state_rig.h"

#define URL "nfs://10.0.0.5/export/mail?uid=990&gid=990"

static may_yield_unchecked struct invite
make(struct task *t, struct cluster *c, uint64_t valid_s, struct str *code_r)
{
	struct invite i;

	assert_ok(invite_make(t, c->node[0].store, &c->key, URL, "ctl:root",
	    valid_s, code_r, &i));
	return i;
}

TEST(test_code)
{
	struct arena *a = task_arena(t);
	struct invite i, got;
	struct str code;
	size_t at;
	char *bad;

	i = make(t, c, 3600, &code);
	assert_true(code.n < INVITE_CODE_MAX);
	assert_ok(invite_parse(a, code, &got));
	assert_string_equal(got.url, URL);
	assert_string_equal(got.id, i.id);
	assert_memory_equal(got.secret, i.secret, 32);
	/* as a mail program may break it */
	bad = arena_printf(a, "  " STR_FMT "\r\n  " STR_FMT "\n",
	    STR_ARG(str_sub(code, 0, 50)), STR_ARG(str_sub(code, 50, 999)));
	assert_ok(invite_parse(a, str_c(bad), &got));
	for (at = 0; at < code.n; at++) {
		bad = arena_memdup(a, code.p, code.n);
		bad[at] = bad[at] == 'x' ? 'y' : 'x';
		assert_err(invite_parse(a, str_of(bad, code.n), &got),
		    ERR_INVALID);
		assert_err(invite_parse(a, str_of(code.p, at), &got),
		    ERR_INVALID);
	}
}

TEST(test_take_once)
{
	struct txid x = { { 1 } }, y = { { 2 } };
	struct clusterkey k;
	struct invite i;
	struct str code;
	struct err *e;

	i = make(t, c, 3600, &code);
	assert_ok(invite_take(t, c->node[1].store, &i, "n2", &x, &k));
	assert_memory_equal(k.key, c->key.key, 32);
	e = invite_take(t, c->node[2].store, &i, "n3", &y, &k);
	assert_err(e, ERR_CLOSED);
	assert_non_null(strstr(e->text, "n2"));
	/* the same one again, as after an unknown outcome */
	assert_ok(invite_take(t, c->node[1].store, &i, "n2", &x, &k));
	i.id[0] = i.id[0] == 'a' ? 'b' : 'a';
	assert_err(invite_take(t, c->node[1].store, &i, "n2", &x, &k),
	    ERR_NOTFOUND);
}

TEST(test_wrong_secret_uses_nothing_up)
{
	struct txid x = { { 1 } };
	struct clusterkey k;
	struct invite i, wrong;
	struct str code;

	i = make(t, c, 3600, &code);
	wrong = i;
	wrong.secret[5] ^= 1;
	assert_err(invite_take(t, c->node[1].store, &wrong, "n2", &x, &k),
	    ERR_CORRUPT);
	assert_ok(invite_take(t, c->node[1].store, &i, "n2", &x, &k));
}

TEST(test_expired)
{
	struct txid x = { { 1 } };
	struct clusterkey k;
	struct invite i;
	struct str code;
	char *dir;

	i = make(t, c, 60, &code);
	c->rig.now += 61000;
	assert_err(invite_take(t, c->node[1].store, &i, "n2", &x, &k),
	    ERR_TIMEOUT);
	assert_ok(invite_sweep(t, c->node[0].store));
	/* withdrawn: also for one whose clock is behind */
	c->rig.now -= 61000;
	assert_err(invite_take(t, c->node[1].store, &i, "n2", &x, &k),
	    ERR_CLOSED);
	dir = arena_printf(task_arena(t), "%s/nodes/invite-%s", c->share_dir,
	    i.id);
	assert_int_equal(access(dir, F_OK), 0);
	c->rig.now += 61000 + 86400000;
	assert_ok(invite_sweep(t, c->node[0].store));
	assert_int_equal(access(dir, F_OK), -1);
	assert_ok(invite_sweep(t, c->node[1].store));
}

struct joiner {
	struct cluster *c;
	const struct invite *i;
	unsigned node;
	enum err_code code;
	bool done;
};

static may_yield_unchecked void
joiner_run(struct task *t, void *arg)
{
	struct joiner *j = arg;
	bool had;

	j->code = err_code(invite_join(t, j->c->node[j->node].store, j->i,
	    j->c->node[j->node].local, "n", &had));
	j->done = true;
}

TEST(test_two_join_at_once)
{
	struct share_fault_rule slow = { .proc = SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_DELAY,
		.delay_ms = 2 };
	struct arena *a = task_arena(t);
	struct joiner j[2];
	struct clusterkey k;
	struct invite i;
	struct str code;
	unsigned n, won;
	bool had;

	i = make(t, c, 3600, &code);
	for (n = 0; n < 2; n++) {
		j[n] = (struct joiner){ .c = c, .i = &i, .node = n + 1 };
		share_fault_set(c->node[n + 1].fault, &slow, 1);
		task_start(c->rig.sched, "joiner", joiner_run, &j[n]);
	}
	while (!j[0].done || !j[1].done)
		task_sleep_ms(t, 5);
	for (n = 0; n < 2; n++)
		share_fault_set(c->node[n + 1].fault, NULL, 0);
	won = j[0].code == ERR_NONE ? 0 : 1;
	assert_int_equal(j[won].code, ERR_NONE);
	assert_int_equal(j[1 - won].code, ERR_CLOSED);
	assert_ok(clusterkey_load(a, c->node[won + 1].local,
	    c->node[0].store->uuid, &k, NULL));
	assert_memory_equal(k.key, c->key.key, 32);
	assert_err(clusterkey_load(a, c->node[2 - won].local, NULL, &k, NULL),
	    ERR_NOENT);
	/* a node that has the key leaves invites alone */
	i = make(t, c, 3600, &code);
	assert_ok(invite_join(t, c->node[won + 1].store, &i,
	    c->node[won + 1].local, "n", &had));
	assert_true(had);
	assert_ok(invite_join(t, c->node[2 - won].store, &i,
	    c->node[2 - won].local, "n", &had));
	assert_false(had);
}

#define JOIN_CALLS 14 /* at least as many as one needs */

/* Whatever call fails, and however: repeated, join succeeds for this node. */
TEST(test_join_interrupted)
{
	static const enum share_fault_kind kinds[] = { SHARE_FAULT_BEFORE,
		SHARE_FAULT_LOST };
	struct node *n = &c->node[1];
	struct arena *a = task_arena(t);
	unsigned k, nth, tries;
	struct share_fault_rule f = { .proc = SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.code = ERR_UNAVAIL };
	struct clusterkey got;
	struct invite i;
	struct str code;
	struct err *e;
	bool had;

	for (k = 0; k < countof(kinds); k++)
		for (nth = 1; nth <= JOIN_CALLS; nth++) {
			i = make(t, c, 360000, &code);
			f.kind = kinds[k];
			f.nth = nth;
			share_fault_set(n->fault, &f, 1);
			task_set_deadline(t, task_now_ms(t) + 2000);
			e = invite_join(t, n->store, &i, n->local, "n", &had);
			share_fault_set(n->fault, NULL, 0);
			task_set_deadline(t, 0);
			for (tries = 0; e != NULL && tries < 3; tries++)
				e = invite_join(t, n->store, &i, n->local, "n",
				    &had);
			assert_ok(e);
			assert_ok(clusterkey_load(a, n->local, n->store->uuid,
			    &got, NULL));
			assert_memory_equal(got.key, c->key.key, 32);
			assert_int_equal(access(arena_printf(a,
						    "%s/join.pending",
						    n->local),
					     F_OK),
			    -1);
			assert_int_equal(unlink(arena_printf(a,
					     "%s/cluster.key", n->local)),
			    0);
		}
}

int
main(void)
{
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, cluster_setup, cluster_teardown)
	const struct CMUnitTest tests[] = {
		T(test_code),
		T(test_take_once),
		T(test_wrong_secret_uses_nothing_up),
		T(test_expired),
		T(test_two_join_at_once),
		T(test_join_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
