/* test_lease.c - sessions: terms, restarts, clones, and what others conclude */
#include "tests/unit/locking_rig.h"

struct ask {
	struct str id;
	struct txid session;
	bool ended;
	enum err_code code;
};

JOB(do_acquire)
{
	task_set_deadline(t, task_now_ms(t) + 120000);
	assert_ok(lease_acquire(t, p->lease));
}

static void acquire_run(struct task *t, void *arg) may_yield_unchecked;

static void
acquire_run(struct task *t, void *arg)
{
	do_acquire(t, arg);
}

JOB(do_acquire_refused)
{
	struct err *e = lease_acquire(t, p->lease);

	assert_err(e, ERR_DUPLICATE);
	assert_string_equal(e->text, p->refusal);
}

JOB(do_release)
{
	lease_release(t, p->lease);
}

JOB(do_ended)
{
	struct ask *a = p->more;

	a->code = err_code(
	    nodes_session_ended(t, p->nodes, a->id, &a->session, &a->ended));
}

JOB(do_refresh)
{
	assert_ok(nodes_refresh(t, p->nodes));
}

JOB(do_watch_stop)
{
	nodes_watch_stop(t, p->nodes);
}

static struct peer *
start(struct net *n, unsigned i)
{
	return peer_start(n, i, &n->disk[i]);
}

static struct peer *
acquired(struct net *n, unsigned i)
{
	struct peer *p = start(n, i);

	net_do(p, do_acquire);
	return p;
}

static bool
ended(struct peer *p, struct peer *of, const struct txid *session)
{
	struct ask a = { .id = str_c(node_id(of->node)), .session = *session };

	p->more = &a;
	net_do(p, do_ended);
	assert_int_equal(a.code, ERR_NONE);
	return a.ended;
}

static void
cut(struct peer *p)
{
	peer_fault(p, (struct share_fault_rule){ .proc = SHARE_FAULT_ANY_PROC,
			  .lane = SHARE_FAULT_ANY_LANE,
			  .kind = SHARE_FAULT_BEFORE,
			  .code = ERR_UNAVAIL,
			  .times = SHARE_FAULT_ALWAYS });
}

/* An entry with everything in it, and its text. */
static struct lease_entry
entry(struct arena *a, struct buf *b)
{
	struct lease_entry e = { .kind = LEASE_RENEW,
		.node = STR("0123456789abcdef"),
		.boot = STR("b-1"),
		.dev = 7,
		.ino = UINT64_MAX,
		.wall_s = 1700000000,
		.info = { .name = STR("n 1;,%"),
		    .version = STR("0.1.0"),
		    .hint = STR(""),
		    .format = 3,
		    .ready = LEASE_DRAINING,
		    .sessions = 5,
		    .load = 6,
		    .latency_us = 7,
		    .certificate = LEASE_CERT_SELF,
		    .cert_expires = 1800000000,
		    .sends = true,
		    .counted = true,
		    .counters = { 1, 2, 3, 4, 5, 6, UINT64_MAX } } };

	memset(&e.session, 0xab, sizeof(e.session));
	buf_init(b, a, 1000);
	lease_entry_format(b, &e);
	assert_true(buf_ok(b));
	return e;
}

CASE(test_entry)
{
	static const char *const bad[] = { "", "L", "L,a", "K,a", "L,x,0,0",
		"L,aa,0,0" };
	struct arena *a = arena_new(0);
	struct buf b;
	struct lease_entry e = entry(a, &b), r;

	(void)n;
	assert_ok(lease_entry_parse(a, buf_str(&b), &r));
	assert_int_equal(r.kind, LEASE_RENEW);
	assert_true(str_eq(r.node, e.node) && str_eq(r.boot, e.boot));
	assert_true(txid_eq(&r.session, &e.session));
	assert_true(r.dev == e.dev && r.ino == e.ino && r.wall_s == e.wall_s);
	assert_true(str_eq(r.info.name, e.info.name));
	assert_true(r.info.hint.n == 0);
	assert_int_equal(r.info.ready, LEASE_DRAINING);
	assert_int_equal(r.info.format, 3);
	assert_int_equal(r.info.latency_us, 7);
	assert_int_equal(r.info.certificate, LEASE_CERT_SELF);
	assert_int_equal(r.info.cert_expires, 1800000000);
	assert_true(r.info.sends);
	assert_true(r.info.counted);
	assert_memory_equal(r.info.counters, e.info.counters,
	    sizeof(e.info.counters));
	for (unsigned i = 0; i < countof(bad); i++)
		assert_err(lease_entry_parse(a, str_c(bad[i]), &r),
		    ERR_CORRUPT);
	/* cut anywhere it is not an entry */
	for (size_t i = 0; i < b.n; i++) {
		struct err *bad_e =
		    lease_entry_parse(a, str_of(b.p, b.n - i - 1), &r);
		if (bad_e == NULL) /* but digits less, and what came later */
			assert_true(
			    i < 10 + sizeof(",-,1800000000,y,1.2.3.4.5.6."
					    "18446744073709551615"));
	}
	arena_free(&a);
}

/* Older nodes say less, newer ones more. */
CASE(test_entry_versions)
{
	struct arena *a = arena_new(0);
	struct lease_entry r;
	struct buf b;
	char *p;

	(void)n;
	(void)entry(a, &b);
	p = arena_printf(a, STR_FMT ".9.x", STR_ARG(buf_str(&b)));
	assert_ok(lease_entry_parse(a, str_c(p), &r));
	assert_true(r.info.counted);
	assert_true(r.info.counters[LEASE_LOGINS_FAILED] == UINT64_MAX);
	/* one counter too few, or none that is a number, is none */
	p = arena_cstr(a, buf_str(&b));
	*strrchr(p, '.') = '\0';
	assert_ok(lease_entry_parse(a, str_c(p), &r));
	assert_false(r.info.counted);
	assert_int_equal(r.info.counters[LEASE_MESSAGES_IN], 0);
	p = arena_cstr(a, buf_str(&b));
	strrchr(p, '.')[1] = '-';
	assert_ok(lease_entry_parse(a, str_c(p), &r));
	assert_false(r.info.counted);
	*strrchr(p, ',') = '\0';
	assert_ok(lease_entry_parse(a, str_c(p), &r));
	assert_true(r.info.sends);
	assert_false(r.info.counted);
	*strrchr(p, ',') = '\0';
	assert_ok(lease_entry_parse(a, str_c(p), &r));
	assert_int_equal(r.info.cert_expires, 1800000000);
	assert_false(r.info.sends);
	p = arena_cstr(a, buf_str(&b));
	*strstr(p, ",-,") = '\0';
	assert_ok(lease_entry_parse(a, str_c(p), &r));
	assert_int_equal(r.info.certificate, LEASE_CERT_NONE);
	assert_int_equal(r.info.cert_expires, 0);
	/* a newer version's readiness and fields */
	p = arena_printf(a, STR_FMT ",more", STR_ARG(buf_str(&b)));
	*strstr(p, ",d,") = ',';
	strstr(p, ",d,")[1] = 'z';
	assert_ok(lease_entry_parse(a, str_c(p), &r));
	assert_int_equal(r.info.ready, LEASE_UNREADY);
	arena_free(&a);
}

/* The longest fits a link. */
CASE(test_entry_longest)
{
	struct arena *a = arena_new(0);
	struct buf b;
	struct lease_entry e = entry(a, &b);

	(void)n;
	e.info.name = e.info.hint = e.info.version =
	    str_c("\1\2\3\4\5\6\1\2\3\4\5\6\1\2\3\4\5\6\1\2\3\4\5\6\1\2\3\4\5"
		  "\1\2\3\4\5\6\1\2\3\4\5\6\1\2\3\4\5\6\1\2\3\4\5\6\1\2\3\4\5"
		  "\1\2\3\4\5\6\1\2\3\4\5\6\1\2\3\4\5\6\1\2\3\4\5\6\1\2\3\4\5");
	e.boot = STR("0123456789012345678901234567890123456789012345678901234"
		     "567890123");
	e.info.format = e.info.sessions = e.info.load = e.info.latency_us =
	    UINT32_MAX;
	e.dev = e.ino = UINT64_MAX;
	e.wall_s = e.info.cert_expires = INT64_MAX;
	memset(e.info.counters, 0xff, sizeof(e.info.counters));
	buf_init(&b, a, 1000);
	lease_entry_format(&b, &e);
	assert_true(buf_ok(&b) && b.n < 1000 - 100);
	arena_free(&a);
}

CASE(test_hold)
{
	struct share_counts c;
	struct peer *p = acquired(n, 0);
	struct txid s = *lease_session(p->lease);
	uint64_t t0 = n->now;

	assert_true(lease_is_valid(p->lease));
	assert_int_equal(lease_valid_for_ms(p->lease), LEASE_TERM_MS);
	assert_int_equal(p->began, 1);
	net_run(n, 4999);
	assert_int_equal(lease_valid_for_ms(p->lease), LEASE_TERM_MS - 4999);
	net_run(n, 1);
	assert_int_equal(lease_valid_for_ms(p->lease), LEASE_TERM_MS);
	/* the budget: SYMLINK and READDIR every 5 s */
	share_count_reset(p->share);
	net_run(n, 60000);
	share_count_get(p->share, &c);
	assert_int_equal(c.total, 24);
	assert_int_equal(c.calls[SHARE_SYMLINK], 12);
	/* ... and one REMOVE once names get old enough */
	net_run(n, 20 * 60000);
	share_count_reset(p->share);
	net_run(n, 60000);
	share_count_get(p->share, &c);
	assert_true(c.total <= 24 + 13);
	assert_true(txid_eq(&s, lease_session(p->lease)));
	assert_true(lease_is_session(p->lease, &s));
	assert_int_equal(p->ended, 0);
	assert_true(n->now - t0 > 20 * 60000);
	/* a change is told at once */
	p->ready = LEASE_DRAINING;
	share_count_reset(p->share);
	lease_renew_soon(p->lease);
	net_run(n, 1);
	share_count_get(p->share, &c);
	assert_true(c.calls[SHARE_SYMLINK] == 1);
}

/* The term counts from the first sending, however late the confirmation. */
CASE(test_first_sending)
{
	struct peer *p = acquired(n, 0);

	net_run(n, 4000);
	/* the next renewal is executed at once, its reply lost for 6 s */
	peer_fault(p, (struct share_fault_rule){ .proc = SHARE_SYMLINK,
			  .lane = SHARE_FAULT_ANY_LANE,
			  .kind = SHARE_FAULT_LOST });
	net_run(n, 1000);
	assert_int_equal(lease_valid_for_ms(p->lease), 10000);
	peer_fault(p, (struct share_fault_rule){ .proc = SHARE_FAULT_ANY_PROC,
			  .lane = SHARE_FAULT_ANY_LANE,
			  .kind = SHARE_FAULT_BEFORE,
			  .code = ERR_UNKNOWN,
			  .times = SHARE_FAULT_ALWAYS });
	net_run(n, 6000);
	assert_int_equal(lease_valid_for_ms(p->lease), 4000);
	/* EEXIST, ours: from the first sending; the next one fails */
	peer_fault(p, (struct share_fault_rule){ .proc = SHARE_SYMLINK,
			  .lane = SHARE_FAULT_ANY_LANE,
			  .nth = 2,
			  .kind = SHARE_FAULT_BEFORE,
			  .code = ERR_UNKNOWN,
			  .times = SHARE_FAULT_ALWAYS });
	net_run(n, 800);
	assert_int_equal(lease_valid_for_ms(p->lease), LEASE_TERM_MS - 6800);
	assert_int_equal(p->ended, 0);
}

/* An acquisition that is confirmed too late has been over before it began. */
CASE(test_acquired_too_late)
{
	struct peer *p = start(n, 0);
	struct share_counts c;

	peer_fault(p, (struct share_fault_rule){ .proc = SHARE_READDIR,
			  .lane = SHARE_FAULT_ANY_LANE,
			  .kind = SHARE_FAULT_DELAY,
			  .delay_ms = 16000 });
	net_do(p, do_acquire);
	share_count_get(p->share, &c);
	assert_int_equal(c.calls[SHARE_SYMLINK], 2);
	assert_true(lease_valid_for_ms(p->lease) > 13000);
	assert_int_equal(p->began, 1);
}

/* The share is away: over after the term, for good. */
CASE(test_lapse)
{
	struct peer *p = acquired(n, 0), *q = start(n, 1);
	struct txid s = *lease_session(p->lease);

	assert_false(ended(q, p, &s));
	cut(p);
	net_run(n, LEASE_TERM_MS - 1);
	assert_true(lease_is_valid(p->lease));
	net_run(n, 1);
	assert_false(lease_is_valid(p->lease));
	assert_int_equal(p->ended, 1);
	assert_true(txid_is_zero(lease_session(p->lease)));
	/* nobody else may conclude that yet */
	assert_false(ended(q, p, &s));
	net_run(n, LEASE_EXPIRE_MS - LEASE_TERM_MS);
	assert_false(ended(q, p, &s)); /* not *more* than 30 s */
	net_run(n, 1);
	assert_true(ended(q, p, &s));
	peer_fault_none(p);
	net_run(n, 3000);
	assert_true(lease_is_valid(p->lease));
	assert_int_equal(p->began, 2);
	assert_false(txid_eq(&s, lease_session(p->lease)));
	assert_true(ended(q, p, &s));
	s = *lease_session(p->lease);
	assert_false(ended(q, p, &s));
}

/* SIGSTOP: the first look after waking says that it is over, whichever task or
 * timer runs first. */
CASE(test_paused)
{
	struct peer *p = acquired(n, 0);
	struct txid s = *lease_session(p->lease);

	p->paused = true;
	net_run(n, 60000);
	p->paused = false;
	assert_false(lease_is_valid(p->lease));
	assert_false(lease_is_session(p->lease, &s));
	net_run(n, 2000);
	assert_true(lease_is_valid(p->lease));
	assert_false(lease_is_session(p->lease, &s));
	assert_int_equal(p->ended, 1);
	/* stopped within a renewal, whose reply is there when it wakes */
	s = *lease_session(p->lease);
	peer_fault(p, (struct share_fault_rule){ .proc = SHARE_SYMLINK,
			  .lane = SHARE_FAULT_ANY_LANE,
			  .kind = SHARE_FAULT_DELAY,
			  .delay_ms = 100 });
	lease_renew_soon(p->lease);
	net_run(n, 50);
	p->paused = true;
	net_run(n, 20000);
	p->paused = false;
	net_run(n, 3000);
	assert_true(lease_is_valid(p->lease));
	assert_false(lease_is_session(p->lease, &s));
}

static uint64_t
time_to_acquire(struct net *n, unsigned i, struct disk *d)
{
	struct peer *p = peer_start(n, i, d);
	uint64_t t0 = n->now;

	net_do(p, do_acquire);
	return n->now - t0;
}

CASE(test_restart)
{
	struct disk *d = &n->disk[0];
	uint64_t ms;

	assert_true(time_to_acquire(n, 0, d) == 0);
	/* killed, started again: flock and boot id prove the old one dead */
	peer_kill(&n->peer[0]);
	assert_true(time_to_acquire(n, 0, d) == 0);
	/* its last request executes late */
	lease_renew_soon(n->peer[0].lease);
	peer_kill(&n->peer[0]);
	assert_true(time_to_acquire(n, 0, d) < 1000);
	/* the machine was reset: another boot */
	peer_kill(&n->peer[0]);
	strcpy(d->boot, "boot-next");
	ms = time_to_acquire(n, 0, d);
	assert_in_range(ms, LEASE_EXPIRE_MS + 1, LEASE_EXPIRE_MS + 12000);
	/* the directory was restored from a copy, the old process is gone */
	peer_kill(&n->peer[0]);
	d->ino++;
	ms = time_to_acquire(n, 0, d);
	assert_in_range(ms, LEASE_EXPIRE_MS + 1, LEASE_EXPIRE_MS + 12000);
	/* ended in order */
	net_do(&n->peer[0], do_release);
	assert_int_equal(n->peer[0].ended, 1);
	assert_false(lease_is_valid(n->peer[0].lease));
	peer_kill(&n->peer[0]);
	d->ino++;
	strcpy(d->boot, "boot-last");
	assert_true(time_to_acquire(n, 0, d) == 0);
	/* and once more in the same process */
	net_do(&n->peer[0], do_release);
	net_do(&n->peer[0], do_acquire);
}

CASE(test_two_processes)
{
	struct arena *a = arena_new(0);
	struct node_local l = disk_local(&n->disk[0]);
	struct node *x;

	acquired(n, 0);
	assert_err(node_open(a, &l, &n->peer[0].rnd, &x), ERR_CONFLICT);
	arena_free(&a);
}

/* The local directory was copied to another machine. */
CASE(test_clone)
{
	struct peer *p = acquired(n, 0), *q;
	struct txid s = *lease_session(p->lease);

	strcpy(n->disk[1].id, n->disk[0].id);
	q = start(n, 1);
	assert_string_equal(node_id(p->node), node_id(q->node));
	net_do(q, do_acquire_refused);
	assert_non_null(strstr(q->refusal, "local directory copied"));
	assert_non_null(strstr(q->refusal, "boot-0"));
	assert_true(lease_is_session(p->lease, &s));
	assert_string_equal(p->refusal, "");
	net_run(n, 60000);
	assert_true(lease_is_session(p->lease, &s));
	assert_false(lease_is_valid(q->lease));
}

/* The clone comes while the other is stopped, and takes over: the one that
 * wakes is the second. */
CASE(test_clone_of_stopped)
{
	struct peer *p = acquired(n, 0), *q;

	p->paused = true;
	strcpy(n->disk[1].id, n->disk[0].id);
	q = acquired(n, 1);
	net_run(n, 60000);
	p->paused = false;
	net_run(n, 60000);
	assert_true(lease_is_valid(q->lease));
	assert_false(lease_is_valid(p->lease));
	assert_non_null(strstr(p->refusal, "boot-1"));
	assert_string_equal(q->refusal, "");
}

/* A dead process's last request executes late, and is forgotten by the server:
 * two changes, but no sign of life. */
CASE(test_forgotten_late_request)
{
	struct peer *p = acquired(n, 0);
	char cmd[200];

	net_run(n, 5000);
	peer_kill(p);
	strcpy(n->disk[0].boot, "boot-next");
	snprintf(cmd, sizeof(cmd), "cd %s/nodes/*/log && mv 0*2 ../../../late",
	    n->dir);
	assert_int_equal(system(cmd), 0);
	p = start(n, 0);
	task_start(p->sched, "test", acquire_run, p);
	net_run(n, 10000);
	snprintf(cmd, sizeof(cmd),
	    "cd %s/nodes/*/log && mv ../../../late 0000000000000002", n->dir);
	assert_int_equal(system(cmd), 0);
	net_run(n, 10000);
	snprintf(cmd, sizeof(cmd), "rm %s/nodes/*/log/*2", n->dir);
	assert_int_equal(system(cmd), 0);
	net_run(n, 20000);
	assert_false(lease_is_valid(p->lease));
	net_run(n, 30000);
	assert_true(lease_is_valid(p->lease));
	assert_string_equal(p->refusal, "");
}

/* A whole machine was copied while it ran: boot id, inode and all. */
CASE(test_clone_of_machine)
{
	struct peer *p = acquired(n, 0), *q;

	n->disk[1] = n->disk[0];
	n->disk[1].locked = false;
	q = start(n, 1);
	/* it takes over at once, by proof; then both write */
	net_do(q, do_acquire);
	net_run(n, 60000);
	assert_true(p->refusal[0] != '\0');
	assert_int_equal(q->refusal[0], '\0');
	assert_false(lease_is_valid(p->lease));
	assert_true(lease_is_valid(q->lease));
}

/* An entry of our session that we did not write. */
CASE(test_same_session)
{
	struct peer *p = acquired(n, 0), *q = start(n, 1);
	struct lease_entry e = { .kind = LEASE_RENEW,
		.node = str_c(node_id(p->node)),
		.session = *lease_session(p->lease),
		.boot = STR("boot-0") };
	struct record r = { .seq = 2, .format = 1, .totals = STR("-") };
	struct arena *a = arena_new(0);
	struct buf ops, text;
	char *path;

	buf_init(&ops, a, 1000);
	buf_init(&text, a, 1000);
	lease_entry_format(&ops, &e);
	memset(&r.txid, 7, sizeof(r.txid));
	r.ops = buf_str(&ops);
	record_format(&text, &r);
	path = arena_printf(a, "%s/nodes/%s/log/0000000000000002", n->dir,
	    node_id(p->node));
	assert_int_equal(symlink(buf_cstr(&text), path), 0);
	arena_free(&a);
	net_run(n, 6000);
	assert_non_null(strstr(p->refusal, "copied while it ran"));
	assert_false(lease_is_valid(p->lease));
	(void)q;
}

/* A server that forgot the newest renewals: the holder does not mind, others
 * take it for a sign of life. */
CASE(test_forgotten)
{
	struct peer *p = acquired(n, 0), *q = start(n, 1);
	struct txid s = *lease_session(p->lease);
	char cmd[200];

	net_run(n, 21000);
	assert_false(ended(q, p, &s));
	snprintf(cmd, sizeof(cmd), "rm %s/nodes/*/log/*[345]", n->dir);
	assert_int_equal(system(cmd), 0);
	assert_false(ended(q, p, &s));
	net_run(n, 20000);
	assert_false(ended(q, p, &s));
	assert_true(lease_is_session(p->lease, &s));
}

/* What other nodes conclude, on one connection only. */
CASE(test_ended_needs_looks)
{
	struct peer *p = acquired(n, 0), *q = start(n, 1);
	struct txid s = *lease_session(p->lease), other = { { 1 } };

	peer_kill(p);
	p = start(n, 0);
	assert_false(ended(q, p, &s));
	assert_true(ended(q, p, &other));
	net_run(n, 29000);
	/* the connection is re-made after this look: from the beginning */
	peer_fault(q, (struct share_fault_rule){ .proc = SHARE_READDIR,
			  .lane = SHARE_FAULT_ANY_LANE,
			  .kind = SHARE_FAULT_DELAY,
			  .reconnect = true });
	assert_false(ended(q, p, &s));
	net_run(n, 2000);
	assert_false(ended(q, p, &s));
	net_run(n, 29000);
	assert_false(ended(q, p, &s));
	net_run(n, 2000);
	assert_true(ended(q, p, &s));
}

/* Watching costs less than 0.2 calls a second and node. */
CASE(test_watch)
{
	struct peer *p = acquired(n, 0), *q = acquired(n, 1),
		    *r = acquired(n, 2);
	struct arena *a = arena_new(0);
	struct share_counts c;
	struct node_view *v;

	p->ready = q->ready = LEASE_READY;
	nodes_watch(r->nodes);
	net_run(n, 1000);
	assert_int_equal(nodes_list(r->nodes, a, &v), 3);
	net_do(r, do_release);
	share_count_reset(r->share);
	net_run(n, 600000);
	share_count_get(r->share, &c);
	/* two nodes, and a walk and READDIR of nodes/ each minute */
	assert_in_range(c.total, 100, 2 * 120);
	net_do(q, do_release);
	peer_kill(p);
	net_run(n, 50000);
	for (unsigned i = 0; i < nodes_list(r->nodes, a, &v); i++) {
		if (str_eq_c(str_c(v[i].id), node_id(q->node)))
			assert_int_equal(v[i].life, NODE_RELEASED);
		else if (!v[i].self)
			assert_int_equal(v[i].life, NODE_ENDED);
		assert_true(v[i].self || v[i].moved);
		assert_true(v[i].self || v[i].age_ms > 20000);
	}
	net_do(r, do_watch_stop);
	arena_free(&a);
}

CASE(test_list)
{
	struct peer *p = acquired(n, 0), *q = acquired(n, 1);
	struct arena *a = arena_new(0);
	struct node_view *v, f;
	char path[200];

	snprintf(path, sizeof(path), "mkdir %s/nodes/invite-00", n->dir);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof(path), "mkdir %s/nodes/0123456789abcdef", n->dir);
	assert_int_equal(system(path), 0);
	p->ready = LEASE_READY;
	lease_renew_soon(p->lease);
	net_run(n, 1);
	net_do(q, do_refresh);
	assert_int_equal(nodes_list(q->nodes, a, &v), 2);
	assert_true(strcmp(v[0].id, v[1].id) < 0);
	assert_true(v[0].self != v[1].self);
	assert_true(nodes_find(q->nodes, a, str_c(node_id(p->node)), &f));
	assert_int_equal(f.life, NODE_ALIVE);
	assert_int_equal(f.info.ready, LEASE_READY);
	assert_true(str_eq_c(f.info.name, "mail one"));
	assert_true(str_eq_c(f.info.hint, "[fd00::1]:8446"));
	assert_int_equal(f.info.sessions, 7);
	assert_int_equal(f.age_ms, 0);
	assert_false(f.moved);
	net_run(n, 7000);
	net_do(q, do_refresh);
	assert_true(nodes_find(q->nodes, a, str_c(node_id(p->node)), &f));
	assert_true(f.moved);
	assert_int_equal(nodes_format_min(q->nodes), 1);
	assert_false(nodes_find(q->nodes, a, STR("0000000000000000"), &f));
	arena_free(&a);
}

/* Clock rates as far apart as we promise to bear: nobody concludes the end of
 * a session that its holder believes in. */
static struct peer *watched;
static struct txid watched_session;

static void
conclude(struct net *n)
{
	struct peer *q = &n->peer[1];
	struct ask *a = q->more;

	if (a != NULL && a->ended)
		assert_false(
		    lease_is_session(watched->lease, &watched_session));
}

JOB(do_conclude)
{
	struct ask *a = p->more;

	while (!a->ended) {
		do_ended(t, p);
		task_sleep_ms(t, 100);
	}
}

CASE(test_rates)
{
	static const uint64_t rates[][2] = { { 85, 115 }, { 100, 100 },
		{ 115, 85 } };

	for (unsigned i = 0; i < countof(rates); i++) {
		struct ask a = { .ended = false };
		struct peer *p, *q;

		n->peer[0].rate = rates[i][0];
		n->peer[1].rate = rates[i][1];
		p = acquired(n, 0);
		q = start(n, 1);
		watched = p;
		watched_session = a.session = *lease_session(p->lease);
		a.id = str_c(node_id(p->node));
		q->more = &a;
		/* one more renewal, confirmed as late as can be */
		peer_fault(p, (struct share_fault_rule){ .proc = SHARE_SYMLINK,
				  .lane = SHARE_FAULT_ANY_LANE,
				  .times = SHARE_FAULT_ALWAYS,
				  .kind = SHARE_FAULT_LATE,
				  .delay_ms = 14000 });
		n->watch = conclude;
		net_do(q, do_conclude);
		n->watch = NULL;
		peer_kill(p);
		peer_kill(q);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry),
		cmocka_unit_test(test_entry_versions),
		cmocka_unit_test(test_entry_longest),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_first_sending),
		cmocka_unit_test(test_acquired_too_late),
		cmocka_unit_test(test_lapse),
		cmocka_unit_test(test_paused),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_two_processes),
		cmocka_unit_test(test_clone),
		cmocka_unit_test(test_clone_of_stopped),
		cmocka_unit_test(test_forgotten_late_request),
		cmocka_unit_test(test_clone_of_machine),
		cmocka_unit_test(test_same_session),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_ended_needs_looks),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
