/* lock.c - exclusive rights on named resources, cluster-wide, with tokens */
#include "locking/lock.h"

#include <stdlib.h>

#include "base/log.h"
#include "locking/lock_private.h"

/* After an attempt that lost, or failed: jitter up to as much is added. */
#define LOCK_AGAIN_MS 200
#define LOCK_RETRY_MS 1000
/* Telling a release, when the caller has no deadline. */
#define LOCK_RELEASE_MS 5000
/* Old names removed per release at most (a taking and a release add two). */
#define LOCK_SWEEP 8

static const char *const lock_hold = "a lock";

/* One resource's log. */
struct lock_log {
	struct lock_log *next;
	char *resource;
	struct slot *slot;
	struct task_mutex mutex; /* taking, giving back, settling */
	struct task_cond freed;
	struct lock *holder; /* here */
	unsigned users;	     /* tasks inside, and the holder */
	uint64_t used_ms;
	/* An entry of ours may be, or may yet become, the head though nobody
	 * here holds the lock: number (0: none) and session. */
	uint64_t stray_seq;
	struct txid stray_session;
};

struct locks {
	struct store *st;
	struct lease *lease;
	struct nodes *nodes;
	struct lock_log *first;
	unsigned n;
	struct task *settler;
	struct task_cond settled;
};

struct lock {
	struct locks *ls;
	struct lock_log *log;
	struct txid session, txid;
	uint64_t token, conn;
	bool gone; /* seen to be another's */
};

struct locks *
locks_new(struct store *st, struct lease *l, struct nodes *n)
{
	struct locks *ls = xcalloc(1, sizeof(*ls));

	ls->st = st;
	ls->lease = l;
	ls->nodes = n;
	task_cond_init(&ls->settled);
	return ls;
}

static void
lock_log_free(struct lock_log *g)
{
	slot_free(&g->slot);
	free(g->resource);
	free(g);
}

void
locks_free(struct locks **ls)
{
	if (*ls == NULL)
		return;
	for (struct lock_log *g = (*ls)->first, *next; g != NULL; g = next) {
		next = g->next;
		lock_log_free(g);
	}
	free(*ls);
	*ls = NULL;
}

void
locks_settle(struct task *t, struct locks *ls)
{
	while (ls->settler != NULL)
		task_cond_wait(t, &ls->settled, UINT64_MAX);
}

/* What nobody has used for longest makes room. */
static void
lock_log_evict(struct locks *ls)
{
	struct lock_log **old = NULL, *g;

	for (struct lock_log **at = &ls->first; *at != NULL; at = &(*at)->next)
		if ((*at)->users == 0 && (*at)->stray_seq == 0 &&
		    (old == NULL || (*at)->used_ms < (*old)->used_ms))
			old = at;
	if (old == NULL)
		return;
	g = *old;
	*old = g->next;
	ls->n--;
	lock_log_free(g);
}

/* The caller is a user of it until lock_log_put. */
static struct lock_log *
lock_log_get(struct task *t, struct locks *ls, struct str resource)
{
	struct lock_log *g = ls->first;

	while (g != NULL && !str_eq_c(resource, g->resource))
		g = g->next;
	if (g == NULL) {
		if (ls->n >= LOCK_IDLE_MAX)
			lock_log_evict(ls);
		g = xcalloc(1, sizeof(*g));
		g->resource = xstrdup(arena_cstr(task_arena(t), resource));
		g->slot = slot_new(ls->st,
		    arena_printf(task_arena(t), "locks/%s", g->resource));
		task_mutex_init(&g->mutex);
		task_cond_init(&g->freed);
		g->next = ls->first;
		ls->first = g;
		ls->n++;
	}
	g->users++;
	g->used_ms = task_now_ms(t);
	return g;
}

static void
lock_log_put(struct lock_log *g)
{
	g->users--;
}

/* A holder whose session ended has not noticed yet: it does not count. */
static bool
lock_log_is_held(const struct lock_log *g)
{
	return g->holder != NULL && lock_is_held(g->holder);
}

static struct str
lock_ops(struct task *t, struct locks *ls, bool release,
    const struct txid *session)
{
	struct lock_entry e = { .release = release,
		.node = str_c(node_id(lease_node(ls->lease))),
		.session = *session,
		.wall_s = task_wall_s(t) };
	struct buf b;

	buf_init(&b, task_arena(t), SHARE_SYMLINK_MAX);
	lock_entry_format(&b, &e);
	return buf_str(&b);
}

/* Append within the task's deadline, or until_ms if that is sooner. */
static may_yield must_check struct err *
lock_append(struct task *t, struct lock_log *g, struct slot_op *op,
    uint64_t until_ms)
{
	uint64_t end = task_deadline(t);
	struct err *e;

	task_set_deadline(t, end != 0 && end < until_ms ? end : until_ms);
	e = slot_append(t, g->slot, op);
	task_set_deadline(t, end);
	return e;
}

/*
 * Look at the head; *free_r: it may be followed by an entry of ours. *holder_r:
 * the node that has it otherwise.
 */
static may_yield must_check struct err *
lock_look(struct task *t, struct locks *ls, struct lock_log *g, bool *free_r,
    struct str *holder_r)
{
	const struct slot_head *h;
	struct lock_entry en;
	struct err *e = slot_poll(t, g->slot, true);

	*free_r = false;
	if (e != NULL)
		return e;
	h = slot_head(g->slot);
	*free_r = h->seq == 0;
	if (h->seq == 0)
		return NULL;
	e = lock_entry_read(task_arena(t), h, &en);
	if (e != NULL)
		return err_wrap(task_arena(t), e, "lock %s", g->resource);
	*holder_r = en.node;
	/* An entry of this very session that nobody here holds is a stray. */
	*free_r = en.release || (g->holder == NULL &&
				    lease_is_session(ls->lease, &en.session));
	if (*free_r)
		return NULL;
	return nodes_session_ended(t, ls->nodes, en.node, &en.session, free_r);
}

/*
 * Strays.  An attempt to take or to give back whose outcome is unknown may
 * leave an entry of our living session that nobody acts for.  A release is
 * appended until that is settled; once the session is over nothing is left to
 * do.
 */
static may_yield bool
lock_settle_one(struct task *t, struct locks *ls, struct lock_log *g)
{
	struct slot_op op = { .durable = true };
	struct str holder;
	bool is_free = false;
	struct err *e;

	if (lock_log_is_held(g) ||
	    !lease_is_session(ls->lease, &g->stray_session))
		return true;
	e = lock_look(t, ls, g, &is_free, &holder);
	if (e != NULL)
		return false;
	if (!is_free) /* another's: was ours before it? */
		return slot_head(g->slot)->seq >= g->stray_seq;
	op.ops = lock_ops(t, ls, true, &g->stray_session);
	e = lock_append(t, g, &op,
	    task_now_ms(t) + lease_valid_for_ms(ls->lease));
	/* Won above the stray's number: it can never be the head again. */
	return e == NULL && op.outcome_r == SLOT_WON &&
	       op.seq_r >= g->stray_seq;
}

static may_yield bool
lock_settle_all(struct task *t, struct locks *ls)
{
	bool left = false;

	for (struct lock_log *g = ls->first; g != NULL; g = g->next) {
		if (g->stray_seq == 0)
			continue;
		g->users++;
		task_lock(t, &g->mutex);
		if (g->stray_seq != 0 && lock_settle_one(t, ls, g)) {
			g->stray_seq = 0;
			task_cond_broadcast(&g->freed);
		}
		left |= g->stray_seq != 0;
		task_unlock(t, &g->mutex);
		g->users--;
	}
	return left;
}

static may_yield void
lock_settle_run(struct task *t, void *arg)
{
	struct locks *ls = arg;
	bool left;

	do {
		struct arena_mark m = arena_mark(task_arena(t));

		left = lock_settle_all(t, ls);
		arena_rewind(task_arena(t), m);
		if (left)
			task_sleep_ms(t, LOCK_RETRY_MS);
	} while (left);
	ls->settler = NULL;
	task_cond_broadcast(&ls->settled);
}

static void
lock_stray(struct locks *ls, struct lock_log *g, uint64_t seq,
    const struct txid *session)
{
	if (seq == 0 || !lease_is_session(ls->lease, session))
		return;
	g->stray_seq = seq;
	g->stray_session = *session;
	if (ls->settler == NULL)
		ls->settler = task_start(ls->st->sched, "lock settle",
		    lock_settle_run, ls);
}

static struct lock *
lock_make(struct task *t, struct locks *ls, struct lock_log *g,
    const struct slot_op *op, const struct txid *session)
{
	struct lock *k = xcalloc(1, sizeof(*k));

	k->ls = ls;
	k->log = g;
	k->session = *session;
	k->txid = op->txid_r;
	k->token = op->seq_r;
	k->conn = op->conn_r;
	g->holder = k;
	g->stray_seq = 0;
	g->users++;
	task_hold(t, lock_hold);
	return k;
}

/* Append our taking.  *lock_r stays NULL if another was faster. */
static may_yield must_check struct err *
lock_take(struct task *t, struct locks *ls, struct lock_log *g,
    struct lock **lock_r)
{
	struct slot_op op = { .durable = true };
	struct txid session = *lease_session(ls->lease);
	struct err *e;

	op.ops = lock_ops(t, ls, false, &session);
	e = lock_append(t, g, &op,
	    task_now_ms(t) + lease_valid_for_ms(ls->lease));
	if (e != NULL) {
		lock_stray(ls, g, op.seq_r, &session);
		return e;
	}
	if (op.outcome_r != SLOT_WON) {
		/* Not won, and yet the head is ours? It must not stay so. */
		if (slot_head(g->slot)->mine)
			lock_stray(ls, g, op.seq_r, &session);
		return NULL;
	}
	/* If the session ended meanwhile, so did the lock. */
	if (!lease_is_session(ls->lease, &session))
		return err_new(task_arena(t), ERR_LOST,
		    "this node's lease ended while it took a lock", NULL);
	*lock_r = lock_make(t, ls, g, &op, &session);
	return NULL;
}

/* One attempt, with the log's mutex held. */
static may_yield must_check struct err *
lock_once(struct task *t, struct locks *ls, struct lock_log *g,
    struct lock **lock_r, bool *free_r, struct str *holder_r)
{
	struct err *e;

	*free_r = false;
	*holder_r = str_c(node_id(lease_node(ls->lease)));
	if (!lease_is_valid(ls->lease))
		return err_new(task_arena(t), ERR_LOST,
		    "this node has no valid lease", NULL);
	if (lock_log_is_held(g))
		return NULL;
	e = lock_look(t, ls, g, free_r, holder_r);
	if (e != NULL || !*free_r)
		return e;
	/* Looking took time. */
	if (!lease_is_valid(ls->lease))
		return err_new(task_arena(t), ERR_LOST,
		    "this node has no valid lease", NULL);
	return lock_take(t, ls, g, lock_r);
}

static must_check struct err *
lock_name_check(struct task *t, struct str resource)
{
	if (lock_name_is_valid(resource))
		return NULL;
	return err_newf(task_arena(t), ERR_INVALID,
	    "\"" STR_FMT "\" is no name for a lock", STR_ARG(resource));
}

struct err *
lock_try(struct task *t, struct locks *ls, struct str resource,
    struct lock **lock_r)
{
	struct err *e = lock_name_check(t, resource);
	struct lock_log *g;
	struct str holder;
	bool is_free;

	*lock_r = NULL;
	if (e != NULL)
		return e;
	g = lock_log_get(t, ls, resource);
	task_lock(t, &g->mutex);
	e = lock_once(t, ls, g, lock_r, &is_free, &holder);
	task_unlock(t, &g->mutex);
	lock_log_put(g);
	return e;
}

/* Sleep between attempts; ERR_TIMEOUT (or e, if there is one) at the deadline.
 */
static may_yield must_check struct err *
lock_pause(struct task *t, struct lock_log *g, struct err *e, bool is_free,
    struct str holder)
{
	const struct rnd *r = sched_rnd(task_sched(t));
	uint64_t end = task_deadline(t), now = task_now_ms(t), at;

	if (is_free) /* another was faster: look who */
		at = now + rnd_below(r, LOCK_AGAIN_MS);
	else if (e != NULL)
		at = now + LOCK_RETRY_MS + rnd_below(r, LOCK_RETRY_MS);
	else
		at = now + LOCK_POLL_MS + rnd_below(r, LOCK_POLL_MS / 5);
	if (end != 0 && now >= end)
		return e != NULL ? e
				 : err_newf(task_arena(t), ERR_TIMEOUT,
				       "lock %s is held by node " STR_FMT,
				       g->resource, STR_ARG(holder));
	/* Woken early when it is given back here. */
	task_cond_wait(t, &g->freed, end != 0 && end < at ? end : at);
	return NULL;
}

/* Waiting will not mend it. */
static bool
lock_err_is_final(const struct err *e)
{
	switch (err_code(e)) {
	case ERR_LOST:
	case ERR_CORRUPT:
	case ERR_FORMAT:
	case ERR_FOREIGN:
	case ERR_LIMIT:
		return true;
	default:
		return false;
	}
}

struct err *
lock_acquire(struct task *t, struct locks *ls, struct str resource,
    struct lock **lock_r)
{
	struct err *e = lock_name_check(t, resource);
	struct lock_log *g;

	*lock_r = NULL;
	if (e != NULL)
		return e;
	g = lock_log_get(t, ls, resource);
	while (*lock_r == NULL) {
		struct arena_mark m = arena_mark(task_arena(t));
		struct str holder;
		bool is_free;

		task_lock(t, &g->mutex);
		e = lock_once(t, ls, g, lock_r, &is_free, &holder);
		task_unlock(t, &g->mutex);
		if (*lock_r != NULL || lock_err_is_final(e))
			break;
		e = lock_pause(t, g, e, is_free && e == NULL, holder);
		if (e != NULL)
			break;
		arena_rewind(task_arena(t), m);
	}
	lock_log_put(g);
	return e;
}

/* Only our own entry may be followed by our release. */
static may_yield void
lock_say_released(struct task *t, struct lock *k)
{
	struct lock_log *g = k->log;
	struct slot_op op = { .durable = true };
	unsigned removed;
	struct err *e;

	if (slot_head(g->slot)->seq != k->token)
		return;
	op.ops = lock_ops(t, k->ls, true, &k->session);
	e = lock_append(t, g, &op, task_now_ms(t) + LOCK_RELEASE_MS);
	if (e == NULL) {
		slot_sweep(t, g->slot, LOCK_SWEEP, &removed);
		return;
	}
	log_debug(t, "lock", "not released yet", LOG_C("lock", g->resource),
	    LOG_ERR(e));
	lock_stray(k->ls, g, op.seq_r, &k->session);
}

void
lock_release(struct task *t, struct lock **lock)
{
	struct lock *k = *lock;
	struct lock_log *g;

	if (k == NULL)
		return;
	g = k->log;
	task_lock(t, &g->mutex);
	/* After its session a new lock of ours may be there already. */
	if (g->holder == k)
		g->holder = NULL;
	if (lock_is_held(k))
		lock_say_released(t, k);
	task_unlock(t, &g->mutex);
	task_cond_broadcast(&g->freed);
	lock_log_put(g);
	task_unhold(t, lock_hold);
	free(k);
	*lock = NULL;
}

bool
lock_is_held(const struct lock *k)
{
	return !k->gone && lease_is_session(k->ls->lease, &k->session);
}

struct err *
lock_lost(struct task *t, struct lock *k)
{
	k->gone = true;
	return err_newf(task_arena(t), ERR_LOST, "lock %s is lost",
	    k->log->resource);
}

struct err *
lock_check(struct task *t, struct lock *k)
{
	const struct slot_head *h;
	struct err *e;

	if (!lock_is_held(k))
		return lock_lost(t, k);
	if (share_conn(k->ls->st->share, SHARE_LANE_LEASE) == k->conn)
		return NULL;
	e = slot_poll(t, k->log->slot, true);
	if (e != NULL)
		return e;
	h = slot_head(k->log->slot);
	k->conn = h->conn;
	if (h->seq != k->token || !txid_eq(&h->txid, &k->txid) ||
	    !lock_is_held(k))
		return lock_lost(t, k);
	return NULL;
}

uint64_t
lock_token(const struct lock *k)
{
	return k->token;
}

const char *
lock_resource(const struct lock *k)
{
	return k->log->resource;
}
