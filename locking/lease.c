/* lease.c - the holder's side of a node's lease */
#include "locking/lease.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/safeguard.h"

/* Pause after a failed poll or acquisition, and jitter of all pauses. */
#define LEASE_RETRY_MS 1000
/* A process that died has one request under way at most: a head that rises more
 * often is renewed by a living one. */
#define LEASE_RISES_DEAD 1
/* Old names removed per renewal at most: it adds one, but a backlog makes every
 * READDIR of a renewal long. */
#define LEASE_SWEEP 8

enum lease_phase {
	LEASE_PHASE_IDLE,    /* not started, or released */
	LEASE_PHASE_SEEKING, /* no session: wants one */
	LEASE_PHASE_HOLDING, /* a session, valid while the clock says so */
	LEASE_PHASE_REFUSED  /* another process is this node */
};

struct lease {
	struct store *st;
	struct sched *sched;
	const struct node *node;
	const struct lease_client *client;
	void *arg;
	struct slot *slot;
	struct task *task; /* the renewing one */
	enum lease_phase phase;
	bool stop, soon;
	uint64_t stop_ms; /* time of grace when stopping */
	uint64_t won_seq; /* newest entry that was confirmed here, 0: none */
	struct txid session;
	uint64_t until_ms, confirmed_ms, next_ms;
	uint32_t latency_us;
	struct timer lapse;
	struct task_cond kick;	  /* for the renewing task */
	struct task_cond changed; /* for those who wait for a phase */
	bool foreign;		  /* another's session is being watched */
	uint64_t foreign_rises;	  /* head.rises when that began */
	char *refusal;
};

struct lease *
lease_new(struct store *st, const struct node *n,
    const struct lease_client *client, void *arg)
{
	struct lease *l = xcalloc(1, sizeof(*l));
	char path[sizeof("nodes/") + NODE_ID_HEX];

	snprintf(path, sizeof(path), "nodes/%s", node_id(n));
	l->st = st;
	l->sched = st->sched;
	l->node = n;
	l->client = client;
	l->arg = arg;
	l->slot = slot_new(st, path);
	task_cond_init(&l->kick);
	task_cond_init(&l->changed);
	return l;
}

void
lease_free(struct lease **l)
{
	if (*l == NULL)
		return;
	timer_cancel((*l)->sched, &(*l)->lapse);
	slot_free(&(*l)->slot);
	free((*l)->refusal);
	free(*l);
	*l = NULL;
}

bool
lease_is_valid(const struct lease *l)
{
	return lease_valid_for_ms(l) > 0;
}

uint64_t
lease_valid_for_ms(const struct lease *l)
{
	uint64_t now = sched_now_ms(l->sched);

	if (l->phase != LEASE_PHASE_HOLDING || now >= l->until_ms)
		return 0;
	return l->until_ms - now;
}

bool
lease_is_session(const struct lease *l, const struct txid *session)
{
	return lease_is_valid(l) && txid_eq(session, &l->session);
}

const struct txid *
lease_session(const struct lease *l)
{
	return &l->session;
}

const struct node *
lease_node(const struct lease *l)
{
	return l->node;
}

uint64_t
lease_age_ms(const struct lease *l)
{
	if (l->phase != LEASE_PHASE_HOLDING)
		return UINT64_MAX;
	return sched_now_ms(l->sched) - l->confirmed_ms;
}

uint32_t
lease_latency_us(const struct lease *l)
{
	return l->latency_us;
}

void
lease_renew_soon(struct lease *l)
{
	l->soon = true;
	task_cond_broadcast(&l->kick);
}

/* The one place where the phase changes. */
static void
lease_enter(struct lease *l, enum lease_phase phase)
{
	bool was = l->phase == LEASE_PHASE_HOLDING;
	bool is = phase == LEASE_PHASE_HOLDING;

	l->phase = phase;
	if (was && !is) {
		timer_cancel(l->sched, &l->lapse);
		l->session = (struct txid){ { 0 } };
		l->until_ms = 0;
	}
	l->foreign = false;
	if (was != is && l->client->changed != NULL)
		l->client->changed(l->arg, is);
	if (phase == LEASE_PHASE_REFUSED)
		l->client->refused(l->arg, l->refusal);
	task_cond_broadcast(&l->changed);
	task_cond_broadcast(&l->kick);
}

/* The term has passed without a confirmed renewal: the session is over for
 * good, whatever a reply still says. */
static void
lease_lapse(struct timer *tm, void *arg)
{
	struct lease *l = arg;

	(void)tm;
	if (l->phase != LEASE_PHASE_HOLDING || lease_is_valid(l))
		return;
	log_warn(NULL, "lease lapsed", LOG_C("node", node_id(l->node)));
	l->next_ms = 0;
	lease_enter(l, LEASE_PHASE_SEEKING);
}

static void
lease_extend(struct lease *l, const struct slot_op *op)
{
	uint64_t now = sched_now_ms(l->sched);

	l->won_seq = op->seq_r;
	l->until_ms = op->first_ms_r + LEASE_TERM_MS;
	l->confirmed_ms = now;
	l->next_ms = op->first_ms_r + LEASE_RENEW_MS;
	timer_cancel(l->sched, &l->lapse);
	timer_set(l->sched, &l->lapse,
	    l->until_ms > now ? l->until_ms - now : 0, lease_lapse, l);
}

static void
lease_refuse(struct lease *l, const char *sentence)
{
	free(l->refusal);
	l->refusal = xstrdup(sentence);
	log_alarm(NULL, "lease refused", LOG_C("node", node_id(l->node)),
	    LOG_C("reason", l->refusal));
	lease_enter(l, LEASE_PHASE_REFUSED);
}

static uint64_t
lease_jittered(struct lease *l, uint64_t ms)
{
	return sched_now_ms(l->sched) + ms +
	       rnd_below(sched_rnd(l->sched), LEASE_RETRY_MS);
}

static struct str
lease_ops(struct task *t, struct lease *l, enum lease_kind kind,
    const struct txid *session)
{
	struct lease_entry e = { .kind = kind,
		.node = str_c(node_id(l->node)),
		.session = *session,
		.boot = str_c(node_boot_id(l->node)),
		.dev = node_lock_dev(l->node),
		.ino = node_lock_ino(l->node),
		.wall_s = task_wall_s(t) };
	struct buf b;

	l->client->info(l->arg, &e.info);
	if (e.info.latency_us == 0)
		e.info.latency_us = l->latency_us;
	buf_init(&b, task_arena(t), SHARE_SYMLINK_MAX);
	lease_entry_format(&b, &e);
	return buf_str(&b);
}

/* Append; ERR_TIMEOUT or the share's error at until_ms. */
static may_yield must_check struct err *
lease_append(struct task *t, struct lease *l, struct slot_op *op,
    uint64_t until_ms)
{
	struct err *e;

	if (l->stop && until_ms > l->stop_ms)
		until_ms = l->stop_ms;
	task_set_deadline(t, until_ms);
	e = slot_append(t, l->slot, op);
	task_set_deadline(t, 0);
	if (e == NULL && op->outcome_r == SLOT_WON) {
		uint64_t ms = task_now_ms(t) - op->first_ms_r;
		l->latency_us = ms > 60000 ? 60000000 : (uint32_t)ms * 1000;
	}
	return e;
}

static bool
lease_is_own_directory(const struct lease *l, const struct lease_entry *e)
{
	return str_eq_c(e->boot, node_boot_id(l->node)) &&
	       e->dev == node_lock_dev(l->node) &&
	       e->ino == node_lock_ino(l->node);
}

/* Renewals of another process: it lives, and it thinks it is us. */
static void
lease_refuse_foreign(struct task *t, struct lease *l,
    const struct lease_entry *e)
{
	lease_refuse(l,
	    arena_printf(task_arena(t),
		"another process runs as node %s (name " STR_FMT
		", boot id " STR_FMT "): was its local directory copied? "
		"Every node needs a directory of its own",
		node_id(l->node), STR_ARG(e->info.name), STR_ARG(e->boot)));
}

/* May the head be followed by an acquisition of ours?  May refuse. */
static bool
lease_may_take(struct task *t, struct lease *l)
{
	const struct slot_head *h = slot_head(l->slot);
	struct lease_entry e = { .info.name = STR_NONE };
	bool readable = h->seq > 0 && h->bad == NULL;

	if (h->seq == 0 || h->mine)
		return true;
	if (readable) {
		struct err *bad = lease_entry_parse(task_arena(t), h->ops, &e);
		readable = bad == NULL;
	}
	if (readable && e.kind == LEASE_RELEASE)
		return true;
	if (!l->foreign) {
		l->foreign = true;
		l->foreign_rises = h->rises;
	}
	if (h->rises - l->foreign_rises > LEASE_RISES_DEAD) {
		lease_refuse_foreign(t, l, &e);
		return false;
	}
	if (readable && lease_is_own_directory(l, &e)) {
		/* We hold the flock: who wrote this is dead.  But not if it
		 * wrote after us: then we are two, sharing an inode. */
		if (l->won_seq == 0 || h->seq < l->won_seq)
			return true;
		lease_refuse_foreign(t, l, &e);
		return false;
	}
	return slot_still_ms(l->slot) > LEASE_EXPIRE_MS;
}

/* How long an acquisition is worth repeating (for proofs: as if its term began
 * with the last sending). */
static uint64_t
lease_seek_ms(void)
{
	return SAFEGUARD(SAFE_FIRST_SENDING) ? LEASE_TERM_MS
					     : 4 * LEASE_TERM_MS;
}

/* One attempt to get a session; when to come back. */
static may_yield void
lease_seek(struct task *t, struct lease *l)
{
	struct slot_op op = { .durable = true };
	struct txid session;
	struct err *e = slot_poll(t, l->slot, true);

	if (e != NULL) {
		l->next_ms = lease_jittered(l, LEASE_RETRY_MS);
		log_debug(t, "lease", "poll failed", LOG_ERR(e));
		return;
	}
	if (!lease_may_take(t, l)) {
		l->next_ms = lease_jittered(l, LEASE_POLL_MS);
		return;
	}
	task_random(t, &session, sizeof(session));
	op.ops = lease_ops(t, l, LEASE_ACQUIRE, &session);
	e = lease_append(t, l, &op, task_now_ms(t) + lease_seek_ms());
	l->next_ms = lease_jittered(l, 0);
	if (e != NULL) {
		log_debug(t, "lease", "acquire failed", LOG_ERR(e));
		return;
	}
	if (op.outcome_r != SLOT_WON)
		return;
	/* Won, but so late that the session is over already? */
	if (task_now_ms(t) >= op.first_ms_r + LEASE_TERM_MS)
		return;
	lease_extend(l, &op);
	l->session = session;
	log_info(t, "lease acquired", LOG_U64("seq", op.seq_r));
	lease_enter(l, LEASE_PHASE_HOLDING);
}

/* Somebody else's entry is where our renewal should be. */
static void
lease_lost(struct task *t, struct lease *l)
{
	const struct slot_head *h = slot_head(l->slot);
	struct lease_entry e;
	struct err *bad;

	log_error(t, "lease lost", LOG_U64("head", h->seq));
	if (h->seq > 0 && h->read && !h->mine && h->bad == NULL) {
		bad = lease_entry_parse(task_arena(t), h->ops, &e);
		if (bad == NULL && txid_eq(&e.session, &l->session)) {
			lease_refuse(l,
			    arena_printf(task_arena(t),
				"another process renews the session of node "
				"%s: the machine was copied while it ran, and "
				"both copies act as one node",
				node_id(l->node)));
			return;
		}
	}
	l->next_ms = 0;
	lease_enter(l, LEASE_PHASE_SEEKING);
}

static may_yield void
lease_renew(struct task *t, struct lease *l)
{
	struct slot_op op = { .ops = STR_NONE };
	struct txid session = l->session;
	unsigned removed;
	struct err *e;

	op.ops = lease_ops(t, l, LEASE_RENEW, &session);
	e = lease_append(t, l, &op, l->until_ms);
	/* It may have lapsed meanwhile, by the timer or only by the clock. */
	if (!lease_is_session(l, &session)) {
		lease_lapse(&l->lapse, l);
		return;
	}
	if (e != NULL) {
		log_debug(t, "lease", "renewal failed", LOG_ERR(e));
		l->next_ms = lease_jittered(l, 0);
		return;
	}
	if (op.outcome_r != SLOT_WON) {
		lease_lost(t, l);
		return;
	}
	lease_extend(l, &op);
	slot_sweep(t, l->slot, LEASE_SWEEP, &removed);
}

/* The session is over before the entry that says so is sent. */
static may_yield void
lease_say_released(struct task *t, struct lease *l)
{
	struct slot_op op = { .ops = STR_NONE };
	struct txid session = l->session;
	bool held = l->phase == LEASE_PHASE_HOLDING;
	struct err *e;

	if (l->phase != LEASE_PHASE_REFUSED)
		lease_enter(l, LEASE_PHASE_IDLE);
	if (!held || task_now_ms(t) >= l->stop_ms)
		return;
	op.ops = lease_ops(t, l, LEASE_RELEASE, &session);
	e = lease_append(t, l, &op, l->stop_ms);
	if (e != NULL) /* others will find out by waiting */
		log_warn(t, "lease not released", LOG_ERR(e));
}

static may_yield void
lease_run(struct task *t, void *arg)
{
	struct lease *l = arg;

	while (!l->stop && l->phase != LEASE_PHASE_REFUSED) {
		struct arena_mark m = arena_mark(task_arena(t));

		l->soon = false;
		if (l->phase == LEASE_PHASE_HOLDING)
			lease_renew(t, l);
		else
			lease_seek(t, l);
		arena_rewind(task_arena(t), m);
		while (!l->stop && !l->soon && task_now_ms(t) < l->next_ms)
			task_cond_wait(t, &l->kick, l->next_ms);
	}
	lease_say_released(t, l);
	l->task = NULL;
	task_cond_broadcast(&l->changed);
}

struct err *
lease_acquire(struct task *t, struct lease *l)
{
	uint64_t end = task_deadline(t) != 0 ? task_deadline(t) : UINT64_MAX;

	while (l->stop && l->task != NULL) /* still being released */
		task_cond_wait(t, &l->changed, UINT64_MAX);
	if (l->phase == LEASE_PHASE_IDLE)
		lease_enter(l, LEASE_PHASE_SEEKING);
	if (l->task == NULL && l->phase != LEASE_PHASE_REFUSED) {
		l->stop = false;
		l->next_ms = 0;
		l->task = task_start(l->sched, "lease", lease_run, l);
	}
	while (!lease_is_valid(l)) {
		if (l->phase == LEASE_PHASE_REFUSED)
			return err_new(task_arena(t), ERR_DUPLICATE, l->refusal,
			    NULL);
		if (!task_cond_wait(t, &l->changed, end))
			return err_new(task_arena(t), ERR_TIMEOUT,
			    "this node's lease is not to be had yet", NULL);
	}
	return NULL;
}

void
lease_release(struct task *t, struct lease *l)
{
	uint64_t end = task_deadline(t);

	if (end == 0)
		end = task_now_ms(t) + LEASE_RENEW_MS;
	l->stop = true;
	l->stop_ms = end;
	if (l->task != NULL)
		task_set_deadline(l->task, end);
	task_cond_broadcast(&l->kick);
	while (l->task != NULL)
		task_cond_wait(t, &l->changed, UINT64_MAX);
}
