/* locking_rig.h - several nodes with clocks of their own on one scratch share
 */
#ifndef TESTS_UNIT_LOCKING_RIG_H
#define TESTS_UNIT_LOCKING_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "locking/lease.h"
#include "locking/nodes.h"
#include "storage/share/share_count.h"
#include "storage/share/share_fault.h"
#include "storage/share/share_posix.h"

/*
 * Time stands still while tasks run and jumps to the next timer.  A node's
 * clock shows offset + time * rate / 100.  Each node has the share by a posix
 * backend under a fault wrapper under a counting one, and a make-believe local
 * directory (struct disk), which outlives it.
 */
#define NODES 4

struct disk {
	bool locked;
	char id[64];
	uint64_t dev, ino;
	char boot[40];
};

struct peer {
	struct net *net;
	struct sched *sched;
	struct clock clock;
	struct rnd_seeded seed;
	struct rnd rnd;
	uint64_t offset_ms, rate;
	bool up, paused;
	struct share *share, *fault; /* counting, and what it counts */
	struct store store;
	struct disk *disk;
	struct node *node;
	struct lease *lease;
	struct nodes *nodes;
	void *more; /* the test's own */
	/* seen by the client */
	unsigned began, ended;
	enum lease_ready ready;
	char refusal[500];
};

struct net {
	uint64_t now;
	char dir[64];
	struct peer peer[NODES];
	struct disk disk[NODES];
	void (*watch)(struct net *n); /* after every step */
};

static inline uint64_t
peer_clock(void *arg)
{
	struct peer *p = arg;

	return p->offset_ms + p->net->now * p->rate / 100;
}

static inline int64_t
peer_wall(void *arg)
{
	return (int64_t)(peer_clock(arg) / 1000);
}

static inline struct err *
disk_lock(struct arena *a, void *arg, uint64_t *dev_r, uint64_t *ino_r)
{
	struct disk *d = arg;

	if (d->locked)
		return err_new(a, ERR_CONFLICT, "locked", NULL);
	d->locked = true;
	*dev_r = d->dev;
	*ino_r = d->ino;
	return NULL;
}

static inline void
disk_unlock(void *arg)
{
	((struct disk *)arg)->locked = false;
}

static inline struct err *
disk_load(struct arena *a, void *arg, struct str *text_r)
{
	struct disk *d = arg;

	if (d->id[0] == '\0')
		return err_new(a, ERR_NOENT, "no file", NULL);
	*text_r = str_c(arena_strdup(a, d->id));
	return NULL;
}

static inline struct err *
disk_store(struct arena *a, void *arg, struct str text)
{
	struct disk *d = arg;

	(void)a;
	assert_true(text.n < sizeof(d->id));
	memcpy(d->id, text.p, text.n);
	d->id[text.n] = '\0';
	return NULL;
}

static inline struct err *
disk_boot(struct arena *a, void *arg, struct str *id_r)
{
	*id_r = str_c(arena_strdup(a, ((struct disk *)arg)->boot));
	return NULL;
}

static inline struct node_local
disk_local(struct disk *d)
{
	return (struct node_local){ .lock = disk_lock,
		.unlock = disk_unlock,
		.load = disk_load,
		.store = disk_store,
		.boot_id = disk_boot,
		.arg = d };
}

static inline void
peer_info(void *arg, struct lease_info *i)
{
	struct peer *p = arg;

	i->name = STR("mail one");
	i->version = STR("0.1.0");
	i->hint = STR("[fd00::1]:8446");
	i->format = 1;
	i->ready = p->ready;
	i->sessions = 7;
	i->load = 150;
}

static inline void
peer_changed(void *arg, bool held)
{
	struct peer *p = arg;

	p->began += held;
	p->ended += !held;
	assert_int_equal(p->began - p->ended, held ? 1 : 0);
}

static inline void
peer_refused(void *arg, const char *sentence)
{
	struct peer *p = arg;

	assert_int_equal(p->refusal[0], '\0');
	snprintf(p->refusal, sizeof(p->refusal), "%s", sentence);
}

static const struct lease_client peer_client = { .info = peer_info,
	.changed = peer_changed,
	.refused = peer_refused };

/* Start a process on disk d. */
static inline struct peer *
peer_start(struct net *n, unsigned i, struct disk *d)
{
	struct peer *p = &n->peer[i];
	struct arena *a = arena_new(0);
	struct node_local local = disk_local(d);
	uint64_t rate = p->rate, offset = p->offset_ms;
	uint64_t seed = p->seed.s[0] + 1;
	struct share *posix;

	assert_false(p->up);
	*p = (struct peer){ .net = n, .disk = d, .up = true };
	p->rate = rate == 0 ? 100 : rate;
	p->offset_ms = offset == 0 ? (i + 1) * 1000000 : offset;
	p->clock = (struct clock){ peer_clock, peer_wall, p };
	rnd_seed(&p->seed, seed * 7 + i);
	p->rnd = rnd_of_seeded(&p->seed);
	p->sched = sched_new(&p->clock, &p->rnd);
	assert_null(share_posix_open(a, p->sched, NULL, n->dir, &posix));
	p->fault = share_fault_new(p->sched, posix);
	p->share = share_count_new(p->fault);
	p->store = (struct store){ .share = p->share, .sched = p->sched };
	assert_null(node_open(a, &local, &p->rnd, &p->node));
	p->lease = lease_new(&p->store, p->node, &peer_client, p);
	p->nodes = nodes_new(&p->store, p->lease);
	arena_free(&a);
	return p;
}

/* SIGKILL: nothing is said to anybody. */
static inline void
peer_kill(struct peer *p)
{
	if (!p->up)
		return;
	share_close(&p->share);
	lease_free(&p->lease);
	nodes_free(&p->nodes);
	node_close(&p->node);
	sched_abandon(p->sched);
	sched_free(&p->sched);
	p->up = false;
}

static inline struct net *
net_open(void)
{
	struct net *n = xcalloc(1, sizeof(*n));

	n->now = 1000000;
	/* fsync costs nothing there */
	snprintf(n->dir, sizeof(n->dir), "%slocking-test.XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm/" : "");
	assert_non_null(mkdtemp(n->dir));
	for (unsigned i = 0; i < NODES; i++) {
		n->disk[i].dev = 8;
		n->disk[i].ino = 100 + i;
		snprintf(n->disk[i].boot, sizeof(n->disk[i].boot), "boot-%u",
		    i);
	}
	log_set_level(LOG_ALARM_ + 1);
	return n;
}

static inline void
net_close(struct net *n)
{
	char cmd[200];

	for (unsigned i = 0; i < NODES; i++)
		peer_kill(&n->peer[i]);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", n->dir);
	assert_int_equal(system(cmd), 0);
	free(n);
}

/* When p's earliest timer is due, in the net's time. */
static inline uint64_t
peer_next(const struct peer *p)
{
	uint64_t at;

	if (!p->up || p->paused)
		return UINT64_MAX;
	at = sched_next_timer_ms(p->sched);
	if (at == UINT64_MAX)
		return at;
	if (at <= p->offset_ms + p->net->now * p->rate / 100)
		return p->net->now;
	return ((at - p->offset_ms) * 100 + p->rate - 1) / p->rate;
}

/* One task somewhere, or time moves on, at most to end; false: nothing is to
 * happen before end. */
static inline bool
net_step(struct net *n, uint64_t end)
{
	uint64_t at = UINT64_MAX;

	for (unsigned i = 0; i < NODES; i++) {
		struct peer *p = &n->peer[i];

		if (!p->up || p->paused || !sched_ready(p->sched))
			continue;
		sched_run_one(p->sched);
		if (n->watch != NULL)
			n->watch(n);
		return true;
	}
	for (unsigned i = 0; i < NODES; i++)
		if (peer_next(&n->peer[i]) < at)
			at = peer_next(&n->peer[i]);
	if (at > end) {
		n->now = end;
		return false;
	}
	n->now = at;
	for (unsigned i = 0; i < NODES; i++)
		if (peer_next(&n->peer[i]) <= n->now)
			sched_run_timers(n->peer[i].sched);
	if (n->watch != NULL)
		n->watch(n);
	return true;
}

static inline void
net_run(struct net *n, uint64_t ms)
{
	uint64_t end = n->now + ms;

	while (net_step(n, end))
		;
}

struct net_job {
	void (*fn)(struct task *t, struct peer *p);
	struct peer *p;
	bool done;
};

static inline may_yield_unchecked void
net_job_run(struct task *t, void *arg)
{
	struct net_job *job = arg;

	job->fn(t, job->p);
	job->done = true;
}

/* Run fn in a task of p until it returns; the others go on meanwhile. */
static inline void
net_do(struct peer *p, void (*fn)(struct task *t, struct peer *p))
{
	struct net_job job = { .fn = fn, .p = p };

	task_start(p->sched, "test", net_job_run, &job);
	while (!job.done)
		assert_true(net_step(p->net, p->net->now + 600000));
}

static inline void
peer_fault(struct peer *p, struct share_fault_rule r)
{
	share_fault_set(p->fault, &r, 1);
}

static inline void
peer_fault_none(struct peer *p)
{
	share_fault_set(p->fault, NULL, 0);
}

#define assert_ok(e) net_assert_code((e), ERR_NONE, __FILE__, __LINE__)
#define assert_err(e, c) net_assert_code((e), (c), __FILE__, __LINE__)
static inline void
net_assert_code(struct err *e, enum err_code code, const char *file, int line)
{
	if (err_code(e) != code) {
		print_error("%s:%d: %s expected, got %s: %s (%s)\n", file, line,
		    err_name(code), err_name(err_code(e)),
		    e != NULL ? e->text : "success",
		    e != NULL && e->detail != NULL ? e->detail : "");
		_fail(file, line);
	}
}

/* A test case: net in n. */
#define CASE(name)                                                             \
	static void name##_in(struct net *n);                                  \
	static void name(void **state)                                         \
	{                                                                      \
		struct net *n = net_open();                                    \
		(void)state;                                                   \
		name##_in(n);                                                  \
		net_close(n);                                                  \
	}                                                                      \
	static void name##_in(struct net *n)

/* A piece of a test that runs in a task of a node. */
#define JOB(name)                                                              \
	static may_yield_unchecked void name(struct task *t, struct peer *p)

#endif
