/* queue_hold.c - which buckets this node delivers from */
#include <stdio.h>

#include "base/log.h"
#include "locking/nodes.h"
#include "server/cluster/hints.h"
#include "server/net/counts.h"
#include "server/queue/queue_private.h"

/*
 * Every bucket has an owner among the nodes that send (schedule_owner), which
 * follows from their leases alone: whoever sees the same leases agrees, nobody
 * has to be asked, and while nothing changes it costs no call.  Views differ
 * for a while when a node comes or goes; the lock decides then.
 */

static void
queue_hold_name(unsigned bucket, char name_r[16])
{
	(void)snprintf(name_r, 16, "queue-%02u", bucket % QUEUE_BUCKETS);
}

/* --- whose it is --- */

static bool
queue_node_sends(const struct node_view *v)
{
	return !v->self && v->life == NODE_ALIVE && v->read && v->info.sends &&
	       v->info.ready != LEASE_DRAINING;
}

static uint64_t
queue_own(struct task *t, struct queue *q)
{
	struct arena *a = task_arena(t);
	struct node_view *v;
	unsigned n = nodes_list(q->w->nodes, a, &v), ids_n = 1;
	struct str *ids = arena_array(a, n + 1, sizeof(*ids));
	uint64_t own = 0;

	ids[0] = str_c(q->w->node_id);
	for (unsigned i = 0; i < n; i++)
		if (queue_node_sends(&v[i]))
			ids[ids_n++] = str_c(v[i].id);
	for (unsigned b = 0; b < QUEUE_BUCKETS; b++)
		if (schedule_owner(b, ids, ids_n) == 0)
			own |= 1ULL << b;
	return own;
}

/* --- giving --- */

static may_yield void
queue_release(struct task *t, struct queue *q, unsigned bucket)
{
	struct queue_hold *h = &q->hold[bucket];
	bool held = lock_is_held(h->lock);

	log_info(t, held ? "queue bucket handed back" : "queue bucket lost",
	    LOG_U64("bucket", bucket), LOG_U64("token", h->token));
	lock_release(t, &h->lock);
	h->token = 0;
	h->b = NULL;
	h->giving = h->kick = false;
	h->ask_ms = task_now_ms(t) + QUEUE_ASK_MS;
	if (held)
		hints_bucket(q->w->hints, bucket, 0);
}

bool
queue_hold_give(struct task *t, struct queue *q)
{
	bool none = true;

	for (unsigned b = 0; b < QUEUE_BUCKETS; b++) {
		struct queue_hold *h = &q->hold[b];

		h->kick = false;
		if (h->lock == NULL)
			continue;
		h->giving = true;
		if (h->running == 0)
			queue_release(t, q, b);
		else
			none = false;
	}
	return none;
}

/* --- taking --- */

static may_yield must_check struct err *
queue_take_locked(struct task *t, struct queue *q, unsigned bucket)
{
	struct queue_hold *h = &q->hold[bucket];
	struct err *e;

	e = queue_bucket_open(t, q->w->queue_store, bucket, &h->b);
	if (e == NULL)
		e = lock_claim(t, h->lock, queue_bucket_journal(h->b));
	if (e == NULL)
		e = queue_bucket_refresh(t, h->b);
	return e;
}

/* What its rows say of destinations that do not answer. */
static void
queue_learn(struct task *t, struct queue *q, const struct queue_hold *h)
{
	char name[SCHEDULE_DEST_MAX];
	unsigned n = queue_bucket_count(h->b);

	for (unsigned i = 0; i < n; i++) {
		const struct queue_message *m = queue_bucket_nth(h->b, i);

		for (unsigned r = 0; r < m->rcpt_n; r++)
			if (schedule_dest(m->rcpts[r].address, name))
				dests_learn(q->dests, str_c(name), &m->rcpts[r],
				    task_wall_s(t));
	}
}

static may_yield void
queue_take(struct task *t, struct queue *q, unsigned bucket)
{
	struct queue_hold *h = &q->hold[bucket];
	struct err *e;
	char name[16];

	queue_hold_name(bucket, name);
	h->kick = false;
	h->ask_ms = task_now_ms(t) + QUEUE_ASK_MS;
	task_set_deadline(t, task_now_ms(t) + QUEUE_CALL_MS);
	e = lock_try(t, q->w->locks, str_c(name), &h->lock);
	if (e == NULL && h->lock != NULL)
		e = queue_take_locked(t, q, bucket);
	task_set_deadline(t, 0);
	if (e != NULL) {
		if (err_is(e, ERR_NOENT))
			h->exists = false;
		else if (!share_err_is_temporary(e))
			log_warn(t, "queue bucket not taken",
			    LOG_U64("bucket", bucket), LOG_ERR(e));
		h->sick = err_is(e, ERR_READONLY) || err_is(e, ERR_CORRUPT) ||
			  err_is(e, ERR_FORMAT);
		if (h->sick)
			h->ask_ms = task_now_ms(t) + QUEUE_LEAST_MS;
		if (h->lock != NULL)
			lock_release(t, &h->lock);
		h->b = NULL;
		return;
	}
	if (h->lock == NULL) /* taken */
		return;
	h->token = lock_token(h->lock);
	h->held_ms = h->polled_ms = h->maintain_ms = task_now_ms(t);
	h->seq = h->maintain_seq = 0;
	h->giving = h->told = h->sick = false;
	h->pause_ms = 0;
	queue_learn(t, q, h);
	q->gather = true;
	log_info(t, "queue bucket taken", LOG_U64("bucket", bucket),
	    LOG_U64("token", h->token),
	    LOG_U64("messages", queue_bucket_count(h->b)));
}

/* --- all of them --- */

static may_yield void
queue_hold_list(struct task *t, struct queue *q)
{
	uint64_t now = task_now_ms(t), mask, spare;
	struct err *e;

	if (q->list_ms != 0 && now < q->list_ms)
		return;
	q->list_ms = now + QUEUE_LIST_MS +
		     rnd_below(sched_rnd(q->w->sched), QUEUE_LIST_MS / 5);
	task_set_deadline(t, now + QUEUE_CALL_MS);
	e = queue_buckets(t, q->w->queue_store, &mask);
	task_set_deadline(t, 0);
	if (e != NULL) {
		log_debug(t, "queue", "buckets not listed", LOG_ERR(e));
		q->list_ms = now + QUEUE_ASK_MS;
		return;
	}
	for (unsigned b = 0; b < QUEUE_BUCKETS; b++)
		if ((mask >> b & 1) != 0)
			q->hold[b].exists = true;
	/* Its owner may live and yet not take it: one is tried out of turn. */
	spare = rnd_below(sched_rnd(q->w->sched), QUEUE_BUCKETS);
	if (q->hold[spare].exists && q->hold[spare].lock == NULL)
		queue_take(t, q, (unsigned)spare);
}

/* A holder has given one back: perhaps its lease says why. */
static may_yield void
queue_hold_told(struct task *t, struct queue *q)
{
	bool told = false;
	struct err *e;

	for (unsigned b = 0; b < QUEUE_BUCKETS; b++) {
		told |= q->hold[b].told;
		q->hold[b].told = false;
	}
	if (!told)
		return;
	task_set_deadline(t, task_now_ms(t) + QUEUE_CALL_MS);
	e = nodes_refresh(t, q->w->nodes);
	task_set_deadline(t, 0);
	if (e != NULL)
		log_debug(t, "queue", "leases not read", LOG_ERR(e));
}

/* A newer version's entry, or damage: outcomes cannot be written.  Perhaps
 * another node's can. */
static bool
queue_is_readonly(struct task *t, const struct queue_hold *h)
{
	return journal_readonly(t, queue_bucket_journal(h->b)) != NULL;
}

static may_yield void
queue_hold_one(struct task *t, struct queue *q, unsigned bucket, bool own)
{
	struct queue_hold *h = &q->hold[bucket];
	uint64_t now = task_now_ms(t);

	if (h->lock != NULL) {
		/* it is looked at when it is taken again, not before */
		h->kick &= lock_is_held(h->lock);
		if (!lock_is_held(h->lock) || queue_is_readonly(t, h))
			h->giving = true;
		else
			h->giving = !own && now - h->held_ms >= QUEUE_LEAST_MS;
		if (h->giving && h->running == 0)
			queue_release(t, q, bucket);
		return;
	}
	if (h->exists && own && ((h->kick && !h->sick) || now >= h->ask_ms))
		queue_take(t, q, bucket);
	h->kick = false;
}

void
queue_hold_all(struct task *t, struct queue *q)
{
	uint64_t own;

	queue_hold_told(t, q);
	own = queue_own(t, q);
	if (own != counts_word(q->w->counts, COUNTS_QUEUE_OWN))
		counts_word_set(q->w->counts, COUNTS_QUEUE_OWN, own);
	queue_hold_list(t, q);
	for (unsigned b = 0; b < QUEUE_BUCKETS && queue_may_run(q); b++) {
		struct arena_mark mark = arena_mark(task_arena(t));

		queue_hold_one(t, q, b, (own >> b & 1) != 0);
		arena_rewind(task_arena(t), mark);
	}
}

/* --- looking --- */

/* Each holder once, and whenever it has changed since. */
static bool
queue_needs_maintenance(const struct queue_hold *h)
{
	return h->polled_ms - h->maintain_ms >= QUEUE_MAINTAIN_MS &&
	       h->maintain_seq != journal_head(queue_bucket_journal(h->b));
}

static may_yield void
queue_refresh(struct task *t, struct queue *q, unsigned bucket)
{
	struct queue_hold *h = &q->hold[bucket];
	struct err *e;

	h->kick = false;
	h->polled_ms = task_now_ms(t);
	task_set_deadline(t, h->polled_ms + QUEUE_CALL_MS);
	e = queue_bucket_refresh(t, h->b);
	if (e == NULL && queue_needs_maintenance(h)) {
		e = queue_maintain(t, h->b, h->token);
		h->maintain_ms = h->polled_ms;
		h->maintain_seq = journal_head(queue_bucket_journal(h->b));
	}
	task_set_deadline(t, 0);
	if (e != NULL && !share_err_is_temporary(e))
		log_warn(t, "queue bucket not read", LOG_U64("bucket", bucket),
		    LOG_ERR(e));
	if (e == NULL && h->seq != journal_head(queue_bucket_journal(h->b)))
		q->gather = true;
}

/* The next held one, in turn. */
static bool
queue_look_turn(struct queue *q, uint64_t now, unsigned *bucket_r)
{
	uint64_t pause =
	    hints_work(q->w->hints) ? QUEUE_POLL_MS : QUEUE_POLL_FAST_MS;

	if (now - q->poll_ms < pause)
		return false;
	for (unsigned i = 1; i <= QUEUE_BUCKETS; i++) {
		unsigned b = (q->poll_at + i) % QUEUE_BUCKETS;

		if (!queue_is_held(q, b))
			continue;
		q->poll_ms = now;
		q->poll_at = *bucket_r = b;
		return true;
	}
	return false;
}

void
queue_hold_look(struct task *t, struct queue *q)
{
	uint64_t now = task_now_ms(t);
	unsigned turn = QUEUE_BUCKETS;

	(void)queue_look_turn(q, now, &turn);
	for (unsigned b = 0; b < QUEUE_BUCKETS && queue_may_run(q); b++) {
		struct queue_hold *h = &q->hold[b];
		struct arena_mark mark = arena_mark(task_arena(t));

		if (queue_is_held(q, b) &&
		    (h->kick || b == turn ||
			(queue_bucket_count(h->b) > 0 &&
			    now - h->polled_ms >= QUEUE_BUSY_MS)))
			queue_refresh(t, q, b);
		arena_rewind(task_arena(t), mark);
	}
}
