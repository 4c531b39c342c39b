/* test_slot.c - little logs: races, lost and late requests, sweeps */
#include "tests/unit/locking_rig.h"

#include <fcntl.h>

#include "locking/slot.h"
#include "storage/share/share_private.h"

/* Each node's view of one log, "locks/x". */
struct view {
	struct slot *s;
	struct slot_op op;
	struct err *e;
	enum err_code code;
	unsigned removed;
	uint64_t patience_ms; /* 0: no deadline */
};

static struct view *
view_of(struct peer *p)
{
	struct view *v = p->more;

	if (v == NULL) {
		v = p->more = xcalloc(1, sizeof(*v));
		v->s = slot_new(&p->store, "locks/x");
	}
	return v;
}

static void
view_free(struct peer *p)
{
	struct view *v = p->more;

	slot_free(&v->s);
	free(v);
	p->more = NULL;
}

JOB(do_append)
{
	struct view *v = view_of(p);

	if (v->patience_ms != 0)
		task_set_deadline(t, task_now_ms(t) + v->patience_ms);
	v->code = err_code(slot_append(t, v->s, &v->op));
}

JOB(do_poll)
{
	struct view *v = view_of(p);

	v->code = err_code(slot_poll(t, v->s, true));
}

JOB(do_sweep)
{
	struct view *v = view_of(p);

	unsigned removed;

	v->removed = 0;
	do {
		slot_sweep(t, v->s, 1000, &removed);
		v->removed += removed;
	} while (removed > 0);
}

static enum slot_outcome
append(struct peer *p, const char *ops)
{
	struct view *v = view_of(p);

	v->op.ops = str_c(ops);
	net_do(p, do_append);
	assert_int_equal(v->code, ERR_NONE);
	return v->op.outcome_r;
}

static const struct slot_head *
poll(struct peer *p)
{
	net_do(p, do_poll);
	assert_int_equal(view_of(p)->code, ERR_NONE);
	return slot_head(view_of(p)->s);
}

static bool
exists(struct net *n, uint64_t seq)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/locks/x/log/%016llu", n->dir,
	    (unsigned long long)seq);
	return access(path, F_OK) == 0 ||
	       faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
two(struct net *n, struct peer **a, struct peer **b)
{
	*a = peer_start(n, 0, &n->disk[0]);
	*b = peer_start(n, 1, &n->disk[1]);
	view_of(*a);
	view_of(*b);
}

static void
end_two(struct peer *a, struct peer *b)
{
	view_free(a);
	view_free(b);
}

CASE(test_append)
{
	struct peer *a, *b;
	struct share_counts c;
	const struct slot_head *h;

	two(n, &a, &b);
	h = poll(b);
	assert_int_equal(h->seq, 0);
	assert_int_equal(append(a, "K,1"), SLOT_WON);
	assert_int_equal(view_of(a)->op.seq_r, 1);
	h = poll(b);
	assert_int_equal(h->seq, 1);
	assert_true(str_eq_c(h->ops, "K,1"));
	assert_false(h->mine);
	assert_int_equal(h->moves, 1);
	/* warm: SYMLINK and READDIR */
	share_count_reset(a->share);
	assert_int_equal(append(a, "K,2"), SLOT_WON);
	share_count_get(a->share, &c);
	assert_int_equal(c.total, 2);
	assert_int_equal(c.calls[SHARE_SYMLINK], 1);
	assert_int_equal(c.calls[SHARE_READDIR], 1);
	assert_int_equal(c.lane_calls[SHARE_LANE_LEASE], 2);
	/* b is behind: nothing won, and it knows who did */
	assert_int_equal(append(b, "K,3"), SLOT_LOST);
	h = slot_head(view_of(b)->s);
	assert_int_equal(h->seq, 2);
	assert_true(str_eq_c(h->ops, "K,2"));
	assert_int_equal(append(b, "K,3"), SLOT_WON);
	h = poll(a);
	assert_int_equal(h->seq, 3);
	assert_false(h->mine);
	assert_true(slot_head(view_of(b)->s)->mine);
	/* an unchanged head costs one call */
	share_count_reset(a->share);
	poll(a);
	share_count_get(a->share, &c);
	assert_int_equal(c.total, 1);
	end_two(a, b);
}

/* What may happen to the SYMLINK; all end in one won entry, and the first
 * sending is what counts. */
CASE(test_unknown)
{
	static const struct share_fault_rule rules[] = {
		{ .kind = SHARE_FAULT_LOST },
		{ .kind = SHARE_FAULT_AFTER, .code = ERR_IO },
		{ .kind = SHARE_FAULT_AFTER, .code = ERR_ACCESS },
		{ .kind = SHARE_FAULT_BEFORE, .code = ERR_UNKNOWN },
		{ .kind = SHARE_FAULT_BEFORE, .code = ERR_NOSPC },
		{ .kind = SHARE_FAULT_BEFORE, .code = ERR_STALE },
		{ .kind = SHARE_FAULT_TWICE },
		{ .kind = SHARE_FAULT_LATE, .delay_ms = 100 },
		{ .kind = SHARE_FAULT_LATE, .delay_ms = 700 },
		{ .kind = SHARE_FAULT_LOST, .times = 5 },
		{ .kind = SHARE_FAULT_LOST, .reconnect = true },
	};
	struct peer *a, *b;

	two(n, &a, &b);
	assert_int_equal(append(a, "K,0"), SLOT_WON);
	for (unsigned i = 0; i < countof(rules); i++) {
		struct share_fault_rule r = rules[i];
		uint64_t before = peer_clock(a);

		r.proc = SHARE_SYMLINK;
		r.lane = SHARE_FAULT_ANY_LANE;
		peer_fault(a, r);
		if (append(a, "K,1") != SLOT_WON ||
		    view_of(a)->op.seq_r != i + 2 ||
		    view_of(a)->op.first_ms_r != before)
			fail_msg("rule %u", i);
		assert_int_equal(share_fault_hits(a->fault, 0),
		    r.times ? r.times : 1);
		if (r.kind != SHARE_FAULT_TWICE)
			assert_true(peer_clock(a) > before);
		peer_fault_none(a);
		assert_int_equal(poll(b)->seq, i + 2);
	}
	end_two(a, b);
}

/* EEXIST, and reading what is there fails in any way: still not a verdict. */
CASE(test_unknown_text)
{
	static const struct {
		enum share_proc proc;
		enum err_code code;
	} second[] = { { SHARE_LOOKUP, ERR_STALE }, { SHARE_LOOKUP, ERR_IO },
		{ SHARE_READLINK, ERR_STALE }, { SHARE_READLINK, ERR_UNKNOWN },
		{ SHARE_READLINK, ERR_NOENT } };
	struct peer *a, *b;

	two(n, &a, &b);
	assert_int_equal(append(a, "K,0"), SLOT_WON);
	for (unsigned i = 0; i < countof(second); i++) {
		struct share_fault_rule r[2] = {
			{ .proc = SHARE_SYMLINK,
			    .lane = SHARE_FAULT_ANY_LANE,
			    .kind = SHARE_FAULT_LOST },
			{ .proc = second[i].proc,
			    .lane = SHARE_FAULT_ANY_LANE,
			    .kind = SHARE_FAULT_BEFORE,
			    .code = second[i].code },
		};

		share_fault_set(a->fault, r, 2);
		if (append(a, "K,1") != SLOT_WON ||
		    view_of(a)->op.seq_r != i + 2)
			fail_msg("case %u", i);
		assert_int_equal(share_fault_hits(a->fault, 1), 1);
		peer_fault_none(a);
	}
	end_two(a, b);
}

/* The verifying READDIR fails, or the connection is re-made before it. */
CASE(test_verify_fails)
{
	static const struct share_fault_rule rules[] = {
		{ .kind = SHARE_FAULT_LOST },
		{ .kind = SHARE_FAULT_BEFORE,
		    .code = ERR_CONN,
		    .reconnect = true },
		{ .kind = SHARE_FAULT_BEFORE, .code = ERR_UNAVAIL, .times = 4 },
	};
	struct peer *a, *b;

	two(n, &a, &b);
	assert_int_equal(append(a, "K,0"), SLOT_WON);
	for (unsigned i = 0; i < countof(rules); i++) {
		struct share_fault_rule r = rules[i];
		uint64_t before = peer_clock(a);

		r.proc = SHARE_READDIR;
		r.lane = SHARE_FAULT_ANY_LANE;
		peer_fault(a, r);
		assert_int_equal(append(a, "K,1"), SLOT_WON);
		assert_int_equal(view_of(a)->op.seq_r, i + 2);
		assert_int_equal(view_of(a)->op.first_ms_r, before);
		assert_true(peer_clock(a) > before);
		peer_fault_none(a);
	}
	end_two(a, b);
}

/* Given up: the outcome is unknown, and settled by a later append. */
CASE(test_deadline)
{
	struct peer *a, *b;
	struct view *v;

	two(n, &a, &b);
	v = view_of(a);
	assert_int_equal(append(a, "K,0"), SLOT_WON);
	peer_fault(a, (struct share_fault_rule){ .proc = SHARE_SYMLINK,
			  .lane = SHARE_FAULT_ANY_LANE,
			  .kind = SHARE_FAULT_LATE,
			  .delay_ms = 60000,
			  .times = SHARE_FAULT_ALWAYS });
	v->patience_ms = 3000;
	net_do(a, do_append);
	assert_int_equal(v->code, ERR_UNKNOWN);
	assert_int_equal(v->op.seq_r, 2);
	peer_fault_none(a);
	assert_int_equal(append(b, "K,b"), SLOT_WON);
	assert_int_equal(view_of(b)->op.seq_r, 2);
	net_run(n, 70000); /* the late ones execute: the number is taken */
	assert_true(str_eq_c(poll(a)->ops, "K,b"));
	end_two(a, b);
}

/* The rule that heads come from READDIR: old numbers are holes. */
CASE(test_swept_hole)
{
	struct peer *a, *b;
	const struct slot_head *h;

	two(n, &a, &b);
	assert_int_equal(append(a, "K,0"), SLOT_WON);
	poll(b);
	for (unsigned i = 0; i < 30; i++)
		assert_int_equal(append(b, "K,b"), SLOT_WON);
	net_do(b, do_sweep);
	assert_int_equal(view_of(b)->removed, 0); /* too young */
	net_run(n, SLOT_SWEEP_MS - 1000);
	poll(b);
	net_do(b, do_sweep);
	assert_int_equal(view_of(b)->removed, 0);
	net_run(n, SLOT_MARK_MS + 1000);
	poll(b);
	net_do(b, do_sweep);
	/* the first mark was made at entry 1, when b polled first */
	assert_true(view_of(b)->removed >= 1);
	net_run(n, SLOT_SWEEP_MS);
	poll(b);
	net_run(n, SLOT_SWEEP_MS + SLOT_MARK_MS);
	poll(b);
	net_do(b, do_sweep);
	for (uint64_t s = 1; s <= 31; s++)
		assert_int_equal(exists(n, s), s >= 31 - SLOT_KEEP);
	/* a slept all that time: it creates 2 in the hole, and wins nothing */
	assert_int_equal(append(a, "K,a"), SLOT_LOST);
	assert_true(exists(n, 2));
	h = slot_head(view_of(a)->s);
	assert_int_equal(h->seq, 31);
	assert_int_equal(poll(b)->seq, 31);
	assert_int_equal(poll(b)->moves, 30);
	end_two(a, b);
}

CASE(test_still)
{
	struct peer *a, *b;
	struct slot *s;

	two(n, &a, &b);
	s = view_of(b)->s;
	assert_int_equal(append(a, "K,0"), SLOT_WON);
	poll(b);
	assert_int_equal(slot_still_ms(s), 0);
	net_run(n, 20000);
	assert_int_equal(slot_still_ms(s), 0); /* nobody looked */
	poll(b);
	assert_int_equal(slot_still_ms(s), 20000);
	/* a failed look says nothing */
	peer_fault(b, (struct share_fault_rule){ .proc = SHARE_READDIR,
			  .lane = SHARE_FAULT_ANY_LANE,
			  .kind = SHARE_FAULT_LOST });
	net_run(n, 5000);
	net_do(b, do_poll);
	assert_int_equal(view_of(b)->code, ERR_UNKNOWN);
	assert_int_equal(slot_still_ms(s), 20000);
	poll(b);
	assert_int_equal(slot_still_ms(s), 25000);
	/* a reply that took long: counted from its sending */
	peer_fault(b, (struct share_fault_rule){ .proc = SHARE_READDIR,
			  .lane = SHARE_FAULT_ANY_LANE,
			  .kind = SHARE_FAULT_DELAY,
			  .delay_ms = 9000 });
	poll(b);
	assert_int_equal(slot_still_ms(s), 25000);
	/* another connection: another server, perhaps */
	share_reconnect(b->share);
	net_run(n, 10000);
	peer_fault(b, (struct share_fault_rule){ .proc = SHARE_READDIR,
			  .lane = SHARE_FAULT_ANY_LANE,
			  .kind = SHARE_FAULT_BEFORE,
			  .code = ERR_UNKNOWN,
			  .reconnect = true });
	net_do(b, do_poll);
	poll(b);
	assert_int_equal(slot_still_ms(s), 0);
	assert_int_equal(slot_head(s)->moves, 0);
	end_two(a, b);
}

static void
litter(struct net *n, const char *name, const char *text)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/locks/x/log/%s", n->dir, name);
	assert_int_equal(symlink(text, path), 0);
}

/* What people leave there. */
CASE(test_damage)
{
	struct peer *a, *b;
	const struct slot_head *h;

	two(n, &a, &b);
	assert_int_equal(append(a, "K,0"), SLOT_WON);
	litter(n, "nonsense", "x");
	litter(n, "0000000000000000", "x");
	litter(n, "00000000000000009", "x");
	assert_int_equal(poll(b)->seq, 1);
	litter(n, "0000000000000002", "not a record");
	h = poll(b);
	assert_int_equal(h->seq, 2);
	assert_int_equal(err_code(h->bad), ERR_CORRUPT);
	assert_false(h->mine);
	/* it can be followed */
	assert_int_equal(append(b, "K,1"), SLOT_WON);
	assert_int_equal(view_of(b)->op.seq_r, 3);
	/* a's next entry is lost on what b wrote, not on the damage */
	assert_int_equal(append(a, "K,2"), SLOT_LOST);
	assert_int_equal(slot_head(view_of(a)->s)->seq, 3);
	assert_null(slot_head(view_of(a)->s)->bad);
	end_two(a, b);
}

/* The server forgot the newest entries: older heads, gaps, the same number
 * twice. */
CASE(test_forgotten)
{
	struct peer *a, *b;
	char cmd[200];

	two(n, &a, &b);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(append(a, "K,0"), SLOT_WON);
	assert_int_equal(poll(b)->seq, 5);
	snprintf(cmd, sizeof(cmd), "rm %s/locks/x/log/*[45]", n->dir);
	assert_int_equal(system(cmd), 0);
	assert_int_equal(poll(b)->seq, 3);
	assert_int_equal(poll(b)->moves, 1);
	/* a does not know: its entry leaves a gap, which means nothing */
	assert_int_equal(append(a, "K,1"), SLOT_WON);
	assert_int_equal(view_of(a)->op.seq_r, 6);
	assert_int_equal(poll(b)->seq, 6);
	assert_int_equal(append(b, "K,2"), SLOT_WON);
	/* the whole log gone */
	snprintf(cmd, sizeof(cmd), "rm -r %s/locks/x", n->dir);
	assert_int_equal(system(cmd), 0);
	assert_int_equal(poll(b)->seq, 0);
	assert_int_equal(append(b, "K,3"), SLOT_WON);
	assert_int_equal(view_of(b)->op.seq_r, 1);
	assert_int_equal(append(a, "K,4"), SLOT_WON);
	assert_int_equal(view_of(a)->op.seq_r, 7);
	end_two(a, b);
}

/* A durable entry: SYMLINK, barrier, READDIR; without the barrier, or with the
 * connection re-made between, nothing is won yet. */
CASE(test_durable)
{
	struct peer *a, *b;
	struct share_counts c;

	two(n, &a, &b);
	a->share->durable = false; /* as if it were NFS */
	a->store.barrier = barrier_new(a->sched, a->share, BARRIER_WRITE);
	view_of(a)->op.durable = true;
	assert_int_equal(append(a, "K,0"), SLOT_WON);
	net_run(n, 1000);
	share_count_reset(a->share);
	assert_int_equal(append(a, "K,1"), SLOT_WON);
	share_count_get(a->share, &c);
	assert_int_equal(c.calls[SHARE_SYMLINK], 1);
	assert_int_equal(c.calls[SHARE_WRITE], 1);
	assert_int_equal(c.calls[SHARE_READDIR], 1);
	net_run(n, 1000);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t before = peer_clock(a);

		peer_fault(a,
		    (struct share_fault_rule){ .proc = SHARE_WRITE,
			.lane = SHARE_FAULT_ANY_LANE,
			.kind = i ? SHARE_FAULT_DELAY : SHARE_FAULT_BEFORE,
			.code = ERR_UNKNOWN,
			.reconnect = i });
		share_count_reset(a->share);
		assert_int_equal(append(a, "K,2"), SLOT_WON);
		assert_int_equal(view_of(a)->op.seq_r, 3 + i);
		assert_int_equal(view_of(a)->op.first_ms_r, before);
		assert_true(peer_clock(a) > before);
		share_count_get(a->share, &c);
		assert_int_equal(c.calls[SHARE_SYMLINK], 2);
		peer_fault_none(a);
	}
	barrier_free(&a->store.barrier);
	net_run(n, 1000);
	end_two(a, b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_unknown_text),
		cmocka_unit_test(test_verify_fails),
		cmocka_unit_test(test_durable),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_swept_hole),
		cmocka_unit_test(test_still),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
