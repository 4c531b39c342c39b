/* test_hints.c - two nodes, one with two workers, over loopback sockets */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/loop.h"
#include "locking/lease.h"
#include "locking/nodes.h"
#include "server/auth/auth.h"
#include "server/cluster/follow.h"
#include "server/cluster/hints.h"
#include "server/cluster/hints_private.h"
#include "server/cluster/hints_wire.h"
#include "server/net/counts.h"
#include "server/queue/queue.h"
#include "server/worker.h"
#include "storage/queue.h"
#include "tests/unit/test.h"

#define WAIT_MS 60000
#define HEARD_MAX 512

/* --- what hints lean on, replaced --- */

struct nodes {
	struct node_view v[2];
	unsigned n, refreshed;
};

struct lease {
	struct txid session;
};

struct follows {
	struct heard {
		char id[ACCOUNT_ID_MAX + 1];
		uint64_t head;
	} heard[HEARD_MAX];
	unsigned n;
};

struct auth {
	char told[100];
};

static const struct clusterkey key = { "the cluster's key" };

unsigned
nodes_list(const struct nodes *n, struct arena *a, struct node_view **views_r)
{
	*views_r = arena_memdup(a, n->v, sizeof(n->v));
	return n->n;
}

struct err *
nodes_refresh(struct task *t, struct nodes *n)
{
	(void)t;
	n->refreshed++;
	return NULL;
}

const struct txid *
lease_session(const struct lease *l)
{
	return &l->session;
}

const struct clusterkey *
state_key(const struct state *st)
{
	(void)st;
	return &key;
}

void
follows_hint(struct follows *f, struct str id, uint64_t head)
{
	assert_true(f->n < HEARD_MAX);
	snprintf(f->heard[f->n].id, sizeof(f->heard[0].id), STR_FMT,
	    STR_ARG(id));
	f->heard[f->n++].head = head;
}

void
auth_upgrade_told(struct auth *a, struct str text)
{
	snprintf(a->told, sizeof(a->told), STR_FMT, STR_ARG(text));
}

static uint64_t state_told;

void
worker_state_hint(struct worker *w, uint64_t seq)
{
	(void)w;
	state_told = seq;
}

static unsigned queue_told[QUEUE_BUCKETS];

void
queue_hint(struct worker *w, unsigned bucket, uint64_t seq)
{
	(void)w;
	queue_told[bucket] = (unsigned)seq;
}

/* --- the rig --- */

enum { A0, A1, B0, WORKERS };

struct rig {
	struct loop *loop;
	struct clock clock;
	uint64_t ahead_ms;
	struct conf conf[WORKERS];
	char address[2][40];
	struct counts *counts[2]; /* of a node */
	struct worker w[WORKERS];
	struct nodes nodes[2];
	struct lease lease[2];
	struct follows follows[WORKERS];
	struct auth auth[WORKERS];
	int raw; /* a stranger's socket */
	struct sockaddr_in to_a;
	struct hints_head forged;
	bool (*until)(struct rig *r);
	bool reached;
};

static uint64_t
rig_boot_ms(void *arg)
{
	return clock_system.boot_ms(clock_system.arg) +
	       ((struct rig *)arg)->ahead_ms;
}

static int64_t
rig_wall_s(void *arg)
{
	(void)arg;
	return clock_system.wall_s(clock_system.arg);
}

static may_yield_unchecked void
rig_wait_run(struct task *t, void *arg)
{
	struct rig *r = arg;
	uint64_t end = clock_system.boot_ms(clock_system.arg) + WAIT_MS;

	do {
		r->reached = r->until(r);
		if (!r->reached)
			task_sleep_ms(t, 2);
	} while (!r->reached && clock_system.boot_ms(clock_system.arg) < end);
}

static void
rig_wait(struct rig *r, bool (*until)(struct rig *r), int line)
{
	r->until = until;
	loop_run_task(r->loop, "wait", rig_wait_run, r);
	if (!r->reached)
		fail_msg("line %d: waited in vain", line);
}
#define WAIT(r, until) rig_wait(r, until, __LINE__)

/* A port nobody has, nor gets by chance: above what the kernel chooses from. */
static uint16_t
rig_port(void)
{
	static uint16_t last;
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd, rc;

	do {
		last = (uint16_t)(last == 0 ? 61000 + getpid() % 4000
			: last == 65535 ? 61000
					: last + 1);
		sa.sin_port = htons(last);
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		rc = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
		close(fd);
	} while (rc != 0);
	return last;
}

static const char *const rig_ids[2] = { "00000000000000aa",
	"00000000000000bb" };

static struct node_view
rig_view(struct rig *r, unsigned node, bool self)
{
	return (struct node_view){ .id = rig_ids[node],
		.life = NODE_ALIVE,
		.read = true,
		.self = self,
		.session = r->lease[node].session,
		.info = { .hint = str_c(r->address[node]) } };
}

static void
rig_worker(struct rig *r, unsigned i, int first_fd, int *siblings, unsigned n)
{
	unsigned node = i == B0;
	struct worker *w = &r->w[i];

	r->conf[i].cluster.address = r->address[node];
	w->index = i == A1;
	w->conf = &r->conf[i];
	w->loop = r->loop;
	w->sched = loop_sched(r->loop);
	w->counts = r->counts[node];
	w->node_id = rig_ids[node];
	w->follows = &r->follows[i];
	w->auth = &r->auth[i];
	if (w->index == 0) {
		w->nodes = &r->nodes[node];
		w->lease = &r->lease[node];
	}
	w->hints = hints_new(w, first_fd, siblings, n);
}

static bool
all_work(struct rig *r)
{
	return hints_work(r->w[A0].hints) && hints_work(r->w[B0].hints) &&
	       hints_work(r->w[A1].hints);
}

static void
rig_nodes(struct rig *r)
{
	for (unsigned i = 0; i < 2; i++) {
		uint16_t port = rig_port();

		snprintf(r->address[i], sizeof(r->address[i]), "127.0.0.1:%u",
		    port);
		if (i == 0)
			r->to_a = (struct sockaddr_in){ .sin_family = AF_INET,
				.sin_port = htons(port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		memset(&r->lease[i].session, 0x10 + (int)i,
		    sizeof(struct txid));
		r->counts[i] = counts_new(2);
		counts_join(r->counts[i], 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		r->nodes[i].v[0] = rig_view(r, 0, i == 0);
		r->nodes[i].v[1] = rig_view(r, 1, i == 1);
		r->nodes[i].n = 2;
	}
}

static int
setup(void **state)
{
	struct rig *r = xcalloc(1, sizeof(*r));
	int pair[2];

	r->clock = (struct clock){ rig_boot_ms, rig_wall_s, r };
	r->loop = loop_new(&r->clock, &rnd_system);
	rig_nodes(r);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     pair),
	    0);
	rig_worker(r, A0, -1, &pair[0], 1);
	rig_worker(r, A1, pair[1], NULL, 0);
	rig_worker(r, B0, -1, NULL, 0);
	r->raw = socket(AF_INET, SOCK_DGRAM, 0);
	memcpy(r->forged.node, "\0\0\0\0\0\0\0\xbb", HINTS_ID_BYTES);
	memcpy(r->forged.session, &r->lease[1].session, HINTS_ID_BYTES);
	r->forged.counter = 1000;
	state_told = 0;
	*state = r;
	WAIT(r, all_work);
	return 0;
}

static int
teardown(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < WORKERS; i++)
		hints_free(&r->w[i].hints);
	loop_run(r->loop, true);
	loop_free(&r->loop);
	for (unsigned i = 0; i < 2; i++)
		counts_free(&r->counts[i]);
	close(r->raw);
	free(r);
	return 0;
}

/* A datagram to A of whoever r->forged says. */
static struct buf
forge(struct rig *r, const char *with, const struct hint *i, unsigned n)
{
	unsigned char k[32];
	struct buf b;

	clusterkey_derive(&key, with, k);
	buf_init(&b, NULL, HINTS_BYTES);
	hints_wire_begin(&b, &r->forged);
	while (n-- > 0)
		hint_put(&b, i++);
	hints_wire_end(&b, k);
	return b;
}

static void
forge_send(struct rig *r, struct buf *b)
{
	assert_int_equal(sendto(r->raw, b->p, b->n, 0,
			     (struct sockaddr *)&r->to_a, sizeof(r->to_a)),
	    (ssize_t)b->n);
}

/* --- tests --- */

static bool
b_heard_alice(struct rig *r)
{
	return r->follows[B0].n == 1 && r->follows[A0].n == 1;
}

static bool
a_heard_bob(struct rig *r)
{
	return r->follows[A0].n == 2 && r->follows[A1].n == 1;
}

static void
test_accounts(void **state)
{
	struct rig *r = *state;

	/* of a sibling: to worker 0 and the other node, not back */
	hints_account(r->w[A1].hints, STR("alice"), 41);
	hints_account(r->w[A1].hints, STR("alice"), 42);
	WAIT(r, b_heard_alice);
	assert_string_equal(r->follows[B0].heard[0].id, "alice");
	assert_int_equal(r->follows[B0].heard[0].head, 42);
	/* of another node: to all workers here, and not to the network again */
	hints_account(r->w[B0].hints, STR("bob"), 7);
	WAIT(r, a_heard_bob);
	assert_string_equal(r->follows[A1].heard[0].id, "bob");
	assert_int_equal(r->follows[B0].n, 1);
}

static bool
b_heard_all(struct rig *r)
{
	return r->follows[B0].n == 250 && r->follows[A1].n == 250;
}

static void
test_many(void **state)
{
	struct rig *r = *state;
	uint64_t sent = stat_sum(r->counts[0], STAT_HINTS_SENT);
	char id[20];

	/* 28 octets each: 41 fit into a datagram */
	for (unsigned i = 0; i < 750; i++) {
		snprintf(id, sizeof(id), "account-%010u", i / 3);
		hints_account(r->w[A0].hints, str_c(id), i);
	}
	WAIT(r, b_heard_all);
	assert_in_range(stat_sum(r->counts[0], STAT_HINTS_SENT) - sent, 7, 8);
	for (unsigned i = 0; i < 250; i++)
		test_row(i, r->follows[B0].heard[i].head == 3ULL * i + 2);
}

static bool
b_scored(struct rig *r)
{
	return counts_score(r->counts[1], 4711, 0) >= 3 && state_told == 99 &&
	       counts_tally(r->counts[1], 4712) == 40003 &&
	       queue_told[7] == 14 && queue_told[8] == 13;
}

static void
test_failures_and_state(void **state)
{
	struct rig *r = *state;

	hints_failure(r->w[A1].hints, 4711, 1);
	hints_failure(r->w[A1].hints, 4711, 2);
	hints_tally(r->w[A1].hints, 4712, 40000);
	hints_tally(r->w[A1].hints, 4712, 3);
	hints_state(r->w[A1].hints, 99);
	hints_bucket(r->w[A1].hints, 7, 12);
	hints_bucket(r->w[A1].hints, 8, 13);
	hints_bucket(r->w[A1].hints, 7, 14);
	WAIT(r, b_scored);
	assert_int_equal(counts_tally(r->counts[0], 4712), 0);
	assert_true(counts_score(r->counts[1], 4711, 0) < 3.1);
	/* the worker itself has counted already */
	assert_true(counts_score(r->counts[0], 4711, 0) < 0.1);
}

static bool
a_told(struct rig *r)
{
	return r->auth[A0].told[0] != '\0';
}

static void
test_order(void **state)
{
	struct rig *r = *state;

	hints_tell_first(r->w[A1].hints, STR("do it"));
	WAIT(r, a_told);
	assert_string_equal(r->auth[A0].told, "do it");
	assert_string_equal(r->auth[B0].told, "");
}

static const struct hint forged_items[] = {
	{ .type = HINT_FAILURE, .number = 4711, .points = 5 },
	{ .type = HINT_ACCOUNT, .id = { "mallory", 7 }, .number = 1 },
};

static bool
a_bad(struct rig *r)
{
	return stat_sum(r->counts[0], STAT_HINTS_BAD) > 0;
}

static bool
a_heard_mallory(struct rig *r)
{
	return r->follows[A0].n > 0;
}

static void
test_forged(void **state)
{
	struct rig *r = *state;
	struct buf b = forge(r, "another label", forged_items, 2);

	forge_send(r, &b);
	WAIT(r, a_bad);
	assert_int_equal(r->follows[A0].n, 0);
	assert_true(counts_score(r->counts[0], 4711, 0) < 0.1);
	buf_free(&b);
}

static void
test_replay(void **state)
{
	struct rig *r = *state;
	struct buf b = forge(r, HINTS_LABEL, forged_items, 2);

	forge_send(r, &b);
	forge_send(r, &b);
	WAIT(r, a_bad);
	assert_int_equal(stat_sum(r->counts[0], STAT_HINTS_BAD), 1);
	assert_int_equal(r->follows[A0].n, 1);
	assert_true(counts_score(r->counts[0], 4711, 0) < 5.1);
	buf_free(&b);
}

static bool
a_asked(struct rig *r)
{
	return r->nodes[0].refreshed > 0 && r->follows[A0].n == 2;
}

static void
test_unknown_session(void **state)
{
	struct rig *r = *state;
	uint64_t began = rig_boot_ms(r);
	struct buf b;

	/* recorded before its sender was started again */
	r->forged.session[0] ^= 1;
	b = forge(r, HINTS_LABEL, forged_items, 2);
	forge_send(r, &b);
	WAIT(r, a_heard_mallory);
	/* the leases are asked once in a while, not for every datagram */
	forge_send(r, &b);
	WAIT(r, a_asked);
	assert_true(r->nodes[0].refreshed <=
		    1 + (rig_boot_ms(r) - began) / HINTS_ASK_MS);
	assert_true(counts_score(r->counts[0], 4711, 0) < 0.1);
	assert_int_equal(stat_sum(r->counts[0], STAT_HINTS_BAD), 0);
	buf_free(&b);
}

static bool
none_work(struct rig *r)
{
	return !hints_work(r->w[A0].hints) && !hints_work(r->w[A1].hints);
}

static bool
a_works(struct rig *r)
{
	return hints_work(r->w[A0].hints) && hints_work(r->w[A1].hints);
}

static void
test_quiet(void **state)
{
	struct rig *r = *state;

	/* B is not heard any more */
	hints_free(&r->w[B0].hints);
	r->ahead_ms += HINTS_QUIET_MS + 1;
	WAIT(r, none_work);
	/* it comes back under another session, which its lease shows later */
	r->lease[1].session.b[0] ^= 1;
	r->nodes[1].v[1] = rig_view(r, 1, true);
	rig_worker(r, B0, -1, NULL, 0);
	r->nodes[0].v[1] = rig_view(r, 1, false);
	WAIT(r, all_work);
	/* B's lease ended: nobody to wait for */
	hints_free(&r->w[B0].hints);
	r->ahead_ms += HINTS_QUIET_MS + 1;
	r->nodes[0].v[1].life = NODE_ENDED;
	WAIT(r, a_works);
}

#define HINTS_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HINTS_TEST(test_accounts),
		HINTS_TEST(test_many),
		HINTS_TEST(test_failures_and_state),
		HINTS_TEST(test_order),
		HINTS_TEST(test_forged),
		HINTS_TEST(test_replay),
		HINTS_TEST(test_unknown_session),
		HINTS_TEST(test_quiet),
	};

	log_set_level(LOG_ERROR_);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
