/* w_queue.c - workload: mail for elsewhere, taken by all, sent by the holder */
#include "wq.h"
#include "simlocal.h"
#include "simstore.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * Two buckets.  All nodes accept; whoever gets the lock of a bucket claims it
 * and sends to a receiver of the observer's (wq_book.c), which takes, refuses
 * or puts off, counts copies, and does not care whether the node lives to hear
 * its answer.  Administrators hold, release, retry and remove.
 */
const unsigned wq_buckets[WQ_BUCKETS] = { 4, 61 };
const char *const wq_locks[WQ_BUCKETS] = { "queue-04", "queue-61" };

/* --- the world --- */

static void
w_queue_conf(struct sim_world *w, struct sim_conf *c)
{
	c->run_us = 8 * SIM_MINUTE + sim_below(w, 12 * SIM_MINUTE);
	/* A lease's log has a hundred names: three at a time over a slow line
	 * take a whole term, and nobody ever holds a lock. */
	if (c->page < 8)
		c->page = 8;
	/* Days pass in minutes: txids are forgotten, orphans age. */
	if (sim_below(w, 3) == 0)
		c->wall_speed = 2000;
	if (w->profile == NULL && sim_below(w, 3) > 0)
		return;
	/* What locks are about: who has them is stopped for a while, wakes up,
	 * and goes on where it was. */
	w->profile = "zombie";
	c->pause_mean = 60 * SIM_SECOND;
	c->cut_mean = 60 * SIM_SECOND;
	c->stop_clocks = sim_below(w, 2) == 0;
	c->delay_us = 2000;
	c->full_mean = 0;
}

static struct queue_store *
wq_store(struct sim_node *n, struct store *st)
{
	struct queue_conf c = { .store = st,
		.keep_hours = 24,
		.orphan_hours = 6,
		.ckpt_every = 4 + (uint32_t)(n->w->seed % 4) * 6 };

	return queue_store_new(&c);
}

static may_yield_unchecked void
w_queue_setup(struct task *t, struct sim_node *n)
{
	n->w->app = xcalloc(1, sizeof(struct wq_book));
	sim_store_setup(t, n, "queue nodes locks barrier");
}

/* --- accepting --- */

static const char wq_filler[] = "0123456789012345678901234567890\n";

static may_yield must_check struct err *
wq_write(struct task *t, struct sim_node *n, struct queue_writer *w,
    unsigned tag)
{
	unsigned lines = (unsigned)rnd_below(&n->rnd, 40);
	char first[40];
	uint64_t place;
	struct err *e;

	if (rnd_below(&n->rnd, 20) == 0)
		lines += 10000; /* more than one WRITE */
	e = queue_writer_reserve(t, w, 32, &place);
	for (unsigned i = 0; e == NULL && i < lines; i++)
		e = queue_writer_add(t, w, wq_filler, sizeof(wq_filler) - 1);
	if (e == NULL && rnd_below(&n->rnd, 10) == 0)
		task_sleep_ms(t, sim_interval(n->w) / 1000);
	snprintf(first, sizeof(first), "tag %u;", tag);
	return e != NULL ? e : queue_writer_fill(t, w, place, str_c(first));
}

static void
wq_fates(struct sim_node *n, unsigned mail)
{
	struct wq_mail *x = wq_mail(n, mail);

	for (unsigned k = 0; k < x->rcpt_n; k++) {
		struct wq_rcpt *r = &x->rcpts[k];

		r->fate = (enum wq_fate)rnd_below(&n->rnd, 4);
		if (r->fate >= WQ_LATER_TAKES)
			r->later = 1 + (unsigned)rnd_below(&n->rnd, 3);
	}
}

unsigned
wq_accept(struct task *t, struct sim_node *n)
{
	struct queue_message m = { .from = STR("a@example.org"),
		.rcpt_n = 1 + (unsigned)rnd_below(&n->rnd, WQ_RCPTS) };
	unsigned tag = ++wq_book(n->w)->tags;
	unsigned mail = wq_mail_new(n->w, tag, m.rcpt_n);
	struct queue_writer *w;
	struct err *e;

	wq_fates(n, mail);
	m.rcpts = arena_array(task_arena(t), m.rcpt_n, sizeof(*m.rcpts));
	for (unsigned i = 0; i < m.rcpt_n; i++)
		m.rcpts[i].address = str_c(
		    arena_printf(task_arena(t), "m%u-r%u@example.net", tag, i));
	e = queue_writer_begin(t, wq_proc(n)->qs,
	    wq_buckets[rnd_below(&n->rnd, WQ_BUCKETS)], &w);
	if (e != NULL) {
		wq_mail(n, mail)->status = WQ_REFUSED;
		return mail;
	}
	m.txid = *queue_writer_txid(w);
	e = wq_write(t, n, w, tag);
	if (e != NULL) {
		queue_writer_abort(t, &w);
		wq_mail(n, mail)->status = WQ_REFUSED;
		return mail;
	}
	e = queue_writer_commit(t, &w, &m);
	/* what failed before its entry was tried is no unknown outcome; the
	 * observer need not know */
	return wq_accepted(n, mail, &m, e);
}

/* --- looking --- */

struct err *
wq_refresh(struct task *t, struct sim_node *n, struct queue_bucket *b)
{
	struct wq_snapshot *s = wq_snapshot(t, n);
	struct err *e = queue_bucket_refresh(t, b);

	if (e == NULL)
		wq_observe(n, b, s);
	return e;
}

/* A row must be readable as long as it is one. */
static may_yield bool
wq_read(struct task *t, struct sim_node *n, struct queue_bucket *b,
    const struct queue_message *m, unsigned mail)
{
	char into[64], want[40];
	uint32_t count;
	struct err *e = queue_read(t, b, m, 0, into, sizeof(into), &count);

	if (err_is(e, ERR_CORRUPT))
		sim_fail(n->w, "message %u is a row for %s: %s (%s)",
		    wq_mail(n, mail)->tag, n->name, e->text,
		    e->detail != NULL ? e->detail : "");
	if (e != NULL)
		return false;
	if (m->ordinal > 0)
		return true;
	snprintf(want, sizeof(want), "tag %u;", wq_mail(n, mail)->tag);
	if (count < 32 || memcmp(into, want, strlen(want)) != 0)
		sim_fail(n->w, "message %u reads otherwise for %s",
		    wq_mail(n, mail)->tag, n->name);
	return true;
}

static const enum queue_order wq_orders[] = { QUEUE_ORDER_HOLD,
	QUEUE_ORDER_HOLD, QUEUE_ORDER_RELEASE, QUEUE_ORDER_RELEASE,
	QUEUE_ORDER_RETRY, QUEUE_ORDER_RETRY, QUEUE_ORDER_REMOVE };

static may_yield void
wq_order(struct task *t, struct sim_node *n)
{
	enum queue_order o = wq_orders[rnd_below(&n->rnd, countof(wq_orders))];
	const struct queue_message *m;
	struct queue_bucket *b;
	struct txid txid;
	unsigned ordinal, mail;
	struct err *e;

	if (queue_bucket_open(t, wq_proc(n)->qs,
		wq_buckets[rnd_below(&n->rnd, WQ_BUCKETS)], &b) != NULL ||
	    wq_refresh(t, n, b) != NULL || queue_bucket_count(b) == 0)
		return;
	m = queue_bucket_nth(b,
	    (unsigned)rnd_below(&n->rnd, queue_bucket_count(b)));
	mail = wq_mail_of_row(n, m);
	txid = m->txid;
	ordinal = m->ordinal;
	wq_mail(n, mail)->removing |= o == QUEUE_ORDER_REMOVE;
	e = queue_order(t, b, &txid, ordinal, o);
	sim_say(n->w, n, "order %d for message %u: %s", (int)o,
	    wq_mail(n, mail)->tag, err_name(err_code(e)));
	if (e == NULL && o == QUEUE_ORDER_REMOVE)
		wq_mail(n, mail)->removed = true;
}

/* --- sending --- */

/* One transaction: some recipients of one message. */
struct wq_send {
	struct queue_bucket *b;
	unsigned k; /* place of the bucket */
	uint64_t token;
	const struct queue_message *m; /* a copy */
	unsigned mail, n;
	struct queue_outcome o[WQ_RCPTS];
	struct queue_dsn dsns[2];
	unsigned dsn_n;
};

static bool
wq_is_due(const struct queue_message *m, unsigned k, int64_t now)
{
	return m->rcpts[k].state == QUEUE_WAITING && m->rcpts[k].next_s <= now;
}

/* A row with something to do, from a place drawn; NULL: none. */
static const struct queue_message *
wq_pick(struct task *t, struct sim_node *n, struct queue_bucket *b)
{
	unsigned count = queue_bucket_count(b);
	unsigned from = count == 0 ? 0 : (unsigned)rnd_below(&n->rnd, count);

	for (unsigned i = 0; i < count; i++) {
		const struct queue_message *m =
		    queue_bucket_nth(b, (from + i) % count);

		for (unsigned k = 0; !m->held && k < m->rcpt_n; k++)
			if (wq_is_due(m, k, task_wall_s(t)))
				return queue_message_copy(task_arena(t), m);
	}
	return NULL;
}

static void
wq_dsn_add(struct task *t, const struct sim_node *n, struct wq_send *s,
    char kind, unsigned bits)
{
	struct queue_dsn *d = &s->dsns[s->dsn_n];
	struct queue_rcpt *r = arena_new_obj(task_arena(t), struct queue_rcpt);

	if (bits == 0 || s->m->ordinal > 0)
		return;
	r->address = str_c(arena_printf(task_arena(t), "%c%u-%u@example.org",
	    kind, wq_mail(n, s->mail)->tag, bits));
	*d = (struct queue_dsn){ .bytes = STR("a DSN\r\n") };
	d->m.rcpts = r;
	d->m.rcpt_n = 1;
	d->m.arrived_s = task_wall_s(t);
	s->dsn_n++;
}

/* The receiver's word, and what follows from it. */
static void
wq_answers(struct task *t, struct sim_node *n, struct wq_send *s)
{
	unsigned failed = 0, told = 0;

	for (unsigned i = 0; i < s->n; i++) {
		struct queue_outcome *o = &s->o[i];
		struct wq_rcpt *r = &wq_mail(n, s->mail)->rcpts[o->rcpt];
		const struct queue_rcpt *row = &s->m->rcpts[o->rcpt];

		o->tried_s = task_wall_s(t);
		if (r->later > 0) {
			r->later--;
			o->state = QUEUE_WAITING;
			o->code = 451;
			o->answer = STR("mx: 451 later");
			o->next_s =
			    o->tried_s + 1 + (int64_t)rnd_below(&n->rnd, 20);
			o->delay_told = row->delay_told || row->tries > 0;
			if (o->delay_told && !row->delay_told)
				told |= 1U << o->rcpt;
		} else if (r->fate == WQ_TAKES || r->fate == WQ_LATER_TAKES) {
			r->copies++;
			o->state = QUEUE_DELIVERED;
			o->code = 250;
			o->answer = STR("mx: 250 fine");
		} else {
			o->state = QUEUE_FAILED;
			o->code = 550;
			o->answer = STR("mx: 550 no");
			failed |= 1U << o->rcpt;
		}
	}
	wq_dsn_add(t, n, s, 'f', failed);
	wq_dsn_add(t, n, s, 'd', told);
}

static void
wq_acknowledged(struct sim_node *n, const struct wq_send *s, bool stale)
{
	struct wq_mail *x = wq_mail(n, s->mail);

	if (stale)
		sim_fail(n->w,
		    "%s: an outcome with token %llu counts, though %llu had "
		    "claimed bucket %u",
		    n->name, (unsigned long long)s->token,
		    (unsigned long long)wq_book(n->w)->claimed[s->k],
		    wq_buckets[s->k]);
	for (unsigned i = 0; i < s->n; i++) {
		struct wq_rcpt *r = &x->rcpts[s->o[i].rcpt];

		r->lost--;
		if (s->o[i].state != QUEUE_WAITING)
			r->done_token = s->token;
		else if (s->o[i].delay_told && s->dsn_n > 0 &&
			 !s->m->rcpts[s->o[i].rcpt].delay_told)
			r->told_acked = true;
	}
	if (queue_bucket_find(s->b, &s->m->txid, s->m->ordinal) == NULL)
		x->finished = true;
}

/* Between the two dots of a transaction a node may stand for an hour. */
static may_yield void
wq_dawdle(struct task *t, struct sim_node *n)
{
	if (n->w->phase == SIM_RUN && rnd_below(&n->rnd, 6) == 0)
		task_sleep_ms(t, sim_interval(n->w) / 1000);
	else
		task_sleep_ms(t, rnd_below(&n->rnd, 1500));
}

static may_yield must_check struct err *
wq_transact(struct task *t, struct sim_node *n, struct wq_send *s,
    const struct lock *lock)
{
	bool stale;
	struct err *e;

	s->mail = wq_mail_of_row(n, s->m);
	if (!wq_read(t, n, s->b, s->m, s->mail) || !lock_is_held(lock))
		return NULL;
	for (unsigned k = 0; k < s->m->rcpt_n; k++) {
		if (!wq_is_due(s->m, k, task_wall_s(t)))
			continue;
		wq_attempt(n, s->mail, k, s->token);
		s->o[s->n++].rcpt = k;
	}
	if (s->n == 0)
		return NULL;
	wq_dawdle(t, n);
	wq_answers(t, n, s);
	wq_dawdle(t, n);
	stale = wq_book(n->w)->claimed[s->k] > s->token;
	wq_book(n->w)->zombies += stale;
	e = queue_outcomes(t, s->b, s->token, str_c(n->name), &s->m->txid,
	    s->m->ordinal, s->o, s->n, s->dsns, s->dsn_n);
	sim_say(n->w, n, "outcome of message %u: %s", wq_mail(n, s->mail)->tag,
	    err_name(err_code(e)));
	if (e == NULL)
		wq_acknowledged(n, s, stale);
	return err_is(e, ERR_NOTFOUND) ? NULL : e;
}

void
wq_taken(struct sim_node *n, unsigned k, const struct lock *lock)
{
	struct wq_book *b = wq_book(n->w);

	sim_say(n->w, n, "takes %s with token %llu", wq_locks[k],
	    (unsigned long long)lock_token(lock));
	if (lock_token(lock) <= b->token[k])
		sim_fail(n->w, "%s takes %s with token %llu, after %llu",
		    n->name, wq_locks[k], (unsigned long long)lock_token(lock),
		    (unsigned long long)b->token[k]);
	b->token[k] = lock_token(lock);
}

struct err *
wq_hold(struct task *t, struct sim_node *n, struct queue_bucket *b, unsigned k,
    struct lock *lock, unsigned rounds)
{
	struct wq_book *book = wq_book(n->w);
	struct err *e = lock_claim(t, lock, queue_bucket_journal(b));

	if (e == NULL && book->claimed[k] < lock_token(lock))
		book->claimed[k] = lock_token(lock);
	for (unsigned i = 0; e == NULL && i < rounds; i++) {
		struct arena_mark mark = arena_mark(task_arena(t));
		struct wq_send s = { .b = b,
			.k = k,
			.token = lock_token(lock) };

		e = wq_refresh(t, n, b);
		if (e != NULL || !lock_is_held(lock))
			break;
		s.m = wq_pick(t, n, b);
		if (s.m != NULL)
			e = wq_transact(t, n, &s, lock);
		else if (n->w->phase != SIM_RUN)
			break;
		else
			task_sleep_ms(t, rnd_below(&n->rnd, 5000));
		if (e == NULL && rnd_below(&n->rnd, 12) == 0)
			e = queue_maintain(t, b, lock_token(lock));
		if (e != NULL)
			break; /* its text is behind the mark */
		arena_rewind(task_arena(t), mark);
	}
	return e;
}

static may_yield void
wq_bucket(struct task *t, struct sim_node *n, unsigned k)
{
	struct wq_proc *p = wq_proc(n);
	struct queue_bucket *b;
	struct lock *lock = NULL;
	struct err *e;

	if (p->busy[k] ||
	    queue_bucket_open(t, p->qs, wq_buckets[k], &b) != NULL)
		return;
	p->busy[k] = true;
	e = lock_try(t, p->locks, str_c(wq_locks[k]), &lock);
	if (e == NULL && lock != NULL) {
		wq_taken(n, k, lock);
		e = wq_hold(t, n, b, k, lock,
		    4 + (unsigned)rnd_below(&n->rnd, 30));
		sim_say(n->w, n, "gives %s back: %s", wq_locks[k],
		    err_name(err_code(e)));
		lock_release(t, &lock);
	}
	p->busy[k] = false;
}

/* --- clients --- */

static may_yield_unchecked void
wq_client(struct task *t, void *arg)
{
	struct sim_node *n = arg;
	unsigned most = 5 + (unsigned)rnd_below(&n->rnd, 12);

	for (unsigned i = 0; i < most && !n->w->stopping; i++) {
		struct arena_mark m = arena_mark(task_arena(t));

		if (rnd_below(&n->rnd, 4) == 0)
			wq_order(t, n);
		else
			wq_accept(t, n);
		arena_rewind(task_arena(t), m);
		task_sleep_ms(t, rnd_below(&n->rnd, 8) == 0
				     ? sim_interval(n->w) / 1000
				     : rnd_below(&n->rnd, 5000));
	}
}

static may_yield_unchecked void
wq_runner(struct task *t, void *arg)
{
	struct sim_node *n = arg;

	for (int i = 0; i < 60 && !n->w->stopping; i++) {
		struct arena_mark m = arena_mark(task_arena(t));

		wq_bucket(t, n, (unsigned)rnd_below(&n->rnd, WQ_BUCKETS));
		arena_rewind(task_arena(t), m);
		task_sleep_ms(t, rnd_below(&n->rnd, 6000));
	}
}

static may_yield_unchecked void
wq_main(struct task *t, void *arg)
{
	struct sim_node *n = arg;

	while (lease_acquire(t, wq_proc(n)->lease) != NULL)
		task_sleep_ms(t, 1000);
	sim_client(n, "runner", wq_runner, n);
	sim_client(n, "runner", wq_runner, n);
	sim_client(n, "client", wq_client, n);
}

static void
wq_info(void *arg, struct lease_info *info_r)
{
	const struct sim_node *n = arg;

	*info_r = (struct lease_info){ .name = str_c(n->name),
		.version = STR("sim"),
		.format = 1,
		.ready = LEASE_READY };
}

static void
wq_refused(void *arg, const char *sentence)
{
	struct sim_node *n = arg;

	sim_fail(n->w, "%s is refused, but nobody else is it: %s", n->name,
	    sentence);
}

static const struct lease_client wq_lease_client = {
	.info = wq_info,
	.refused = wq_refused,
};

static void
w_queue_boot(struct sim_node *n)
{
	struct wq_proc *p = xcalloc(1, sizeof(*p));
	struct node_local local = sim_local(n);
	struct arena *a = arena_new(0);
	struct err *e;

	n->app = p;
	sim_store_init(n, &p->st);
	p->qs = wq_store(n, &p->st);
	e = node_open(a, &local, &n->rnd, &p->node);
	if (e != NULL)
		sim_fail(n->w, "%s: node_open: %s", n->name, e->text);
	p->lease = lease_new(&p->st, p->node, &wq_lease_client, n);
	p->nodes = nodes_new(&p->st, p->lease);
	p->locks = locks_new(&p->st, p->lease, p->nodes);
	nodes_watch(p->nodes);
	arena_free(&a);
	sim_client(n, "main", wq_main, n);
}

const struct sim_workload workload_queue = {
	.name = "queue",
	.about = "mail for elsewhere: accepted by all, sent by one",
	.weight = 3,
	.conf = w_queue_conf,
	.setup = w_queue_setup,
	.boot = w_queue_boot,
	.crash = sim_local_died,
	.final = wq_final,
	.check = wq_check,
};
