/* queue_send.c - one destination's messages, one after another */
#include <stdlib.h>

#include "base/log.h"
#include "server/net/counts.h"
#include "server/queue/answer.h"
#include "server/queue/queue_private.h"
#include "server/queue/remote.h"
#include "server/queue/srs.h"
#include "server/queue/underway.h"
#include "storage/state_address.h"
#include "storage/state_srs.h"

/*
 * A task is started for a destination that has jobs, and takes one after the
 * other.  Its session is kept for the next, and for REMOTE_IDLE_MS when there
 * is none.
 */

/* --- reading the message --- */

struct queue_reader {
	struct queue *q;
	const struct queue_message *m;
	struct str prefix;
	uint64_t at, token;
};

/* Stops in the middle when the bucket is not ours any more: what was not ended
 * was not sent. */
static may_yield struct err *
queue_reader_read(struct task *t, void *arg, void *into, size_t n, size_t *n_r)
{
	struct queue_reader *r = arg;
	struct queue_hold *h = &r->q->hold[r->m->bucket];
	uint64_t deadline = task_deadline(t);
	uint32_t count = 0;
	struct err *e;

	*n_r = 0;
	if (!queue_is_held(r->q, r->m->bucket) || h->token != r->token)
		return err_new(task_arena(t), ERR_LOST,
		    "the bucket is not ours any more", NULL);
	task_set_deadline(t, task_now_ms(t) + QUEUE_CALL_MS);
	e = queue_read(t, h->b, r->m, r->at, into,
	    n < UINT32_MAX ? (uint32_t)n : UINT32_MAX, &count);
	task_set_deadline(t, deadline);
	r->at += count;
	*n_r = count;
	return e;
}

/* --- verdicts --- */

static struct queue_verdict
queue_verdict_of(struct arena *a, unsigned place, struct str host,
    const struct remote_reply *reply)
{
	struct answer an = { .host = host,
		.code = reply->code,
		.status = str_c(reply->enhanced),
		.text = reply->text };

	/* an answer of another class than its code is not believed */
	if (!answer_status_is_valid(an.status) ||
	    (an.code != 0 && an.status.p[0] - '0' != (int)(an.code / 100)))
		an.status = STR_NONE;
	if (an.code == 0 && an.status.n == 0)
		an.status = STR("4.4.2");
	return (struct queue_verdict){ .rcpt = place,
		.state = answer_state(reply->code),
		.relayed = true,
		.answer = answer_format(a, &an) };
}

/* "Too many recipients" after others were taken: the rest at once (RFC 5321,
 * 4.5.3.1.10). */
static void
queue_verdict_again(struct queue_verdict *v, unsigned n)
{
	bool any = false;
	struct answer an;

	for (unsigned i = 0; i < n; i++)
		any |= v[i].state == QUEUE_DELIVERED;
	for (unsigned i = 0; any && i < n; i++) {
		answer_parse(v[i].answer, &an);
		v[i].at_once =
		    v[i].state == QUEUE_WAITING && an.code == 452 &&
		    (an.status.n == 0 || str_eq_c(an.status, "4.5.3"));
	}
}

void
queue_verdict_all(struct queue_verdict *v, const unsigned *places, unsigned n,
    enum queue_state state, bool host_failed, struct str answer)
{
	for (unsigned i = 0; i < n; i++)
		v[i] = (struct queue_verdict){ .rcpt = places[i],
			.state = state,
			.host_failed = host_failed,
			.answer = answer };
}

/* --- one transaction --- */

/* What the reverse-path becomes for those that `via` stands for. */
static may_yield must_check struct err *
queue_from(struct task *t, struct queue *q, const struct queue_message *m,
    struct str via, struct str *from_r)
{
	struct arena *a = task_arena(t);
	char name[SCHEDULE_DEST_MAX];
	struct str domain;
	struct err *e;
	bool made;

	*from_r = m->from;
	if (m->from.n == 0 || via.n == 0 || !schedule_dest(via, name) ||
	    state_domain_parse(a, str_c(name), &domain) != NULL)
		return NULL;
	e = srs_forward(a, q->w->state, task_wall_s(t), m->from, domain,
	    from_r);
	if (err_is(e, ERR_UNAVAIL)) {
		/* the first of the cluster that needs one */
		e = state_srs_ensure(t, q->w->state,
		    arena_printf(a, "node:%s", q->w->conf->node), &made);
		if (e == NULL)
			e = srs_forward(a, q->w->state, task_wall_s(t), m->from,
			    domain, from_r);
		if (e != NULL)
			return e;
	}
	if (e == NULL)
		return NULL;
	/* what cannot be rewritten goes as it is */
	log_warn(t, "sender not rewritten", LOG_STR("queue", m->id),
	    LOG_STR("from", m->from), LOG_ERR(e));
	*from_r = m->from;
	return NULL;
}

static struct remote_rcpt *
queue_rcpts(struct task *t, const struct queue_message *m,
    const unsigned *places, unsigned n)
{
	struct remote_rcpt *list = arena_array(task_arena(t), n, sizeof(*list));

	for (unsigned i = 0; i < n; i++) {
		const struct queue_rcpt *r = &m->rcpts[places[i]];

		list[i] = (struct remote_rcpt){ .address = r->address,
			.original = r->original,
			.notify = r->notify };
	}
	return list;
}

static may_yield must_check struct err *
queue_transact(struct task *t, struct queue_sender *s,
    const struct queue_message *m, struct str from, struct str prefix,
    const unsigned *places, unsigned n)
{
	struct arena *a = task_arena(t);
	struct queue_verdict *v = arena_array(a, n, sizeof(*v));
	struct queue_reader reader = { .q = s->q,
		.m = m,
		.token = s->q->hold[m->bucket].token };
	struct remote_mail mail = { .from = from,
		.bytes = m->bytes + prefix.n,
		.utf8 = (m->flags & QUEUE_UTF8) != 0,
		.body8 = (m->flags & QUEUE_8BIT) != 0,
		.envid = m->envid,
		.ret = (int)(m->flags & (QUEUE_FULL | QUEUE_HDRS)),
		.rcpts = queue_rcpts(t, m, places, n),
		.rcpt_n = n,
		.prefix = prefix,
		.read = queue_reader_read,
		.arg = &reader };
	struct buf log;
	struct err *e;

	buf_init(&log, a, REMOTE_TRANSCRIPT_MAX);
	e = remote_send(t, s->r, &mail, &log);
	if (e != NULL)
		return e;
	for (unsigned i = 0; i < n; i++) {
		v[i] = queue_verdict_of(a, places[i], str_c(s->host),
		    &mail.rcpts[i].reply);
		v[i].dsn_passed = mail.rcpts[i].dsn_passed;
	}
	queue_verdict_again(v, n);
	queue_settle(t, s->q, m, v, n, s->d,
	    &(struct queue_told){ .host = str_c(s->host),
		.tls = str_c(remote_tls_text(s->r)),
		.log = buf_str(&log) });
	return NULL;
}

/* --- one job --- */

/* Those of places with the first one's `via` go first; how many. */
static unsigned
queue_group(const struct queue_message *m, unsigned *places, unsigned n)
{
	struct str via = m->rcpts[places[0]].via;
	unsigned k = 1;

	for (unsigned i = 1; i < n; i++)
		if (str_eq(m->rcpts[places[i]].via, via)) {
			unsigned p = places[i];

			places[i] = places[k];
			places[k++] = p;
		}
	return k;
}

static may_yield must_check struct err *
queue_job_group(struct task *t, struct queue_sender *s,
    const struct queue_message *m, struct str prefix, const unsigned *places,
    unsigned n)
{
	struct queue_verdict *v = arena_array(task_arena(t), n, sizeof(*v));
	struct queue_failure why = { .host_failed = true };
	struct str from;
	struct err *e = queue_from(t, s->q, m, m->rcpts[places[0]].via, &from);

	if (e != NULL)
		return e;
	if (!queue_open(t, s, &why)) {
		queue_verdict_all(v, places, n, why.state, why.host_failed,
		    why.answer);
		queue_settle(t, s->q, m, v, n, s->d,
		    &(struct queue_told){ .host = why.host, .log = why.log });
		return NULL;
	}
	return queue_transact(t, s, m, from, prefix, places, n);
}

/* Our own failure: later, without an outcome; nobody is to blame but us. */
static void
queue_job_failed(struct task *t, struct queue_sender *s,
    const struct queue_message *m, const struct err *e)
{
	struct queue_hold *h = &s->q->hold[m->bucket];

	if (err_is(e, ERR_NOTFOUND)) /* removed meanwhile */
		return;
	log_warn(t, "message not sent", LOG_STR("queue", m->id), LOG_ERR(e));
	h->pause_ms = task_now_ms(t) + QUEUE_PAUSE_MS;
}

/* Its file is damaged, or cannot be read: it may not get better. */
static bool
queue_job_is_damaged(const struct err *e)
{
	return err_is(e, ERR_CORRUPT) || err_is(e, ERR_IO);
}

static may_yield void
queue_job_damaged(struct task *t, struct queue_sender *s,
    const struct queue_message *m, const unsigned *places, unsigned n,
    const struct err *e)
{
	struct queue_verdict *v = arena_array(task_arena(t), n, sizeof(*v));

	log_error(t, "message damaged", LOG_STR("queue", m->id), LOG_ERR(e));
	queue_verdict_all(v, places, n, QUEUE_WAITING, false,
	    STR("4.3.0 the message cannot be read"));
	queue_settle(t, s->q, m, v, n, s->d, NULL);
}

static may_yield void
queue_job_remote(struct task *t, struct queue_sender *s,
    const struct queue_message *m, unsigned *places, unsigned n)
{
	struct str prefix;
	struct err *e = queue_sign(t, s->q, m, &prefix);

	while (e == NULL && n > 0) {
		unsigned k = queue_group(m, places, n);

		if (!queue_goes_on(s->q, m->bucket))
			return;
		e = queue_job_group(t, s, m, prefix, places, k);
		if (e == NULL) { /* else it is theirs, too */
			places += k;
			n -= k;
		}
	}
	if (queue_job_is_damaged(e))
		queue_job_damaged(t, s, m, places, n, e);
	else if (e != NULL)
		queue_job_failed(t, s, m, e);
	if (s->r != NULL && (e != NULL || !remote_is_usable(s->r)))
		remote_close(t, &s->r);
}

static may_yield void
queue_job_run(struct task *t, struct queue_sender *s, struct queue_run *run)
{
	struct queue_hold *h = &s->q->hold[run->job.bucket];
	const struct queue_message *m =
	    queue_bucket_find(h->b, &run->job.txid, run->job.ordinal);
	unsigned places[QUEUE_TX_RCPTS], n;

	m = queue_message_copy(task_arena(t), m);
	n = queue_due(m, s->d, task_wall_s(t), places, QUEUE_TX_RCPTS);
	if (n == 0)
		return;
	if (s->d->ours)
		queue_local(t, s->q, m, s->d, places, n);
	else
		queue_job_remote(t, s, m, places, n);
}

/* --- the task --- */

/* Whether a job is still what it was when it was found. */
static bool
queue_job_is_good(const struct queue_sender *s, const struct dest_job *j)
{
	const struct queue *q = s->q;
	const struct queue_message *m;
	struct schedule sch;
	unsigned place;
	int64_t now = sched_wall_s(q->w->sched);

	if (!queue_goes_on(q, j->bucket) || queue_is_run(q, j, s->d) ||
	    queue_is_run(q, j, NULL) || !underway_may_begin(q->w->underway, j))
		return false;
	m = queue_bucket_find(q->hold[j->bucket].b, &j->txid, j->ordinal);
	if (m == NULL || m->held || queue_due(m, s->d, now, &place, 1) == 0)
		return false;
	queue_schedule(q, &sch);
	return s->d->until_s <= now || queue_rcpt_is_forced(&m->rcpts[place]) ||
	       schedule_is_over(&sch, m->arrived_s, now);
}

static may_yield bool
queue_next(struct task *t, struct queue_sender *s, struct dest_job *j)
{
	struct dest *d = s->d;
	bool waited = false;

	while (queue_may_run(s->q)) {
		while (dest_pop(d, j))
			if (queue_job_is_good(s, j))
				return true;
		if (waited || s->r == NULL || !remote_is_usable(s->r))
			return false;
		queue_kick(s->q); /* there may be more than was listed */
		d->idle++;
		s->q->busy--;
		waited = !task_cond_wait(t, &d->more,
		    task_now_ms(t) + REMOTE_IDLE_MS);
		d->idle--;
		s->q->busy++;
	}
	return false;
}

void
queue_send_main(struct task *t, void *start)
{
	struct queue_sender *s = start;
	struct queue *q = s->q;
	struct queue_run run = { .dest = s->d };

	while (queue_next(t, s, &run.job)) {
		struct arena_mark mark = arena_mark(task_arena(t));

		queue_run_begin(q, &run);
		queue_job_run(t, s, &run);
		queue_run_end(q, &run);
		arena_rewind(task_arena(t), mark);
	}
	if (s->r != NULL)
		remote_close(t, &s->r);
	s->d->running--;
	q->running--;
	q->busy--;
	free(s);
	queue_kick(q);
}
