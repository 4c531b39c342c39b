/* queue_settle.c - what came of recipients: one entry, and who is told */
#include "base/log.h"
#include "server/net/counts.h"
#include "server/queue/answer.h"
#include "server/queue/dsn.h"
#include "server/queue/queue_private.h"

struct queue_settling {
	struct queue *q;
	const struct queue_message *m;
	struct schedule s;
	int64_t now_s;
	struct queue_outcome *o;
	struct dsn_rcpt *told;
	unsigned n, told_n;
	bool news; /* no try was made: it may be told later, too */
};

static void
queue_settle_init(struct task *t, struct queue_settling *st, struct queue *q,
    const struct queue_message *m, unsigned n)
{
	*st =
	    (struct queue_settling){ .q = q, .m = m, .now_s = task_wall_s(t) };
	queue_schedule(q, &st->s);
	st->o = arena_array(task_arena(t), n, sizeof(*st->o));
	st->told = arena_array(task_arena(t), n, sizeof(*st->told));
}

/* --- the DSN --- */

static void
queue_settle_tell(struct queue_settling *st, const struct queue_rcpt *r,
    enum dsn_action action, struct str answer, int64_t tried_s)
{
	if (!dsn_is_wanted(st->m, r, action)) {
		if (action == DSN_FAILED &&
		    (st->m->from.n == 0 || st->m->flags & QUEUE_BOUNCE))
			log_info(NULL, "bounce dropped",
			    LOG_STR("queue", st->m->id),
			    LOG_STR("rcpt", r->address),
			    LOG_STR("answer", answer));
		return;
	}
	if (st->told_n == DSN_RCPTS_MAX)
		return;
	st->told[st->told_n++] = (struct dsn_rcpt){
		.rcpt = r,
		.action = action,
		.answer = answer,
		.tried_s = tried_s,
		.until_s = schedule_end_s(&st->s, st->m->arrived_s),
	};
}

/* As much of the message as it takes; what cannot be read is not returned. */
static may_yield struct str
queue_settle_original(struct task *t, struct queue_settling *st)
{
	uint64_t n = dsn_original_bytes(st->m, st->told, st->told_n), at = 0;
	char *p = arena_alloc(task_arena(t), n + 1);

	while (at < n) {
		uint32_t count = 0;
		struct err *e;

		task_set_deadline(t, task_now_ms(t) + QUEUE_CALL_MS);
		e = queue_read(t, st->q->hold[st->m->bucket].b, st->m, at,
		    p + at, (uint32_t)(n - at), &count);
		task_set_deadline(t, 0);
		if (e != NULL)
			log_warn(t, "message for a bounce not read",
			    LOG_STR("queue", st->m->id), LOG_ERR(e));
		if (e != NULL || count == 0)
			break;
		at += count;
	}
	return str_of(p, at);
}

static void
queue_settle_unique(struct task *t, char hex_r[DSN_UNIQUE + 1])
{
	struct txid x;

	task_random(t, &x, sizeof(x));
	txid_hex(&x, hex_r);
}

static may_yield bool
queue_settle_dsn(struct task *t, struct queue_settling *st,
    struct queue_dsn *dsn)
{
	char *unique = arena_alloc(task_arena(t), DSN_UNIQUE + 1);
	struct queue_rcpt *to = arena_new_obj(task_arena(t), struct queue_rcpt);
	struct dsn d = { .host = str_c(worker_hostname(st->q->w)),
		.m = st->m,
		.now_s = st->now_s,
		.rcpts = st->told,
		.n = st->told_n };
	struct buf b;

	if (st->told_n == 0)
		return false;
	queue_settle_unique(t, unique);
	d.unique = str_c(unique);
	d.original = queue_settle_original(t, st);
	buf_init(&b, task_arena(t), DSN_BYTES_MAX);
	*dsn = (struct queue_dsn){ .m = { .arrived_s = st->now_s,
				       .trace = st->m->trace,
				       .rcpts = to,
				       .rcpt_n = 1 } };
	dsn_write(&b, &d, &dsn->m.flags);
	if (!buf_ok(&b)) {
		log_error(t, "bounce too large", LOG_STR("queue", st->m->id));
		return false;
	}
	to->address = st->m->from;
	to->notify = QUEUE_NOTIFY_NEVER;
	dsn->bytes = buf_str(&b);
	dsn->m.bytes = b.n;
	return true;
}

/* --- one recipient --- */

static bool
queue_settle_is_late(const struct queue_settling *st,
    const struct queue_rcpt *r)
{
	return !r->delay_told &&
	       schedule_is_late(&st->s, st->m->arrived_s, st->now_s);
}

/* 0 says that the destination is not to be tried (schedule.h): a host that
 * broke off over one message, and what is wrong here, are no reason. */
static unsigned
queue_settle_code(const struct queue_verdict *v, const struct answer *an)
{
	if (v->host_failed)
		return 0;
	return an->code != 0 || v->state != QUEUE_WAITING ? an->code
							  : QUEUE_CODE_OURS;
}

static void
queue_settle_rcpt(struct task *t, struct queue_settling *st,
    const struct queue_verdict *v)
{
	const struct queue_rcpt *r = &st->m->rcpts[v->rcpt];
	struct queue_outcome *o = &st->o[st->n++];
	struct answer an;
	uint64_t random;

	task_random(t, &random, sizeof(random));
	answer_parse(v->answer, &an);
	*o = (struct queue_outcome){ .rcpt = v->rcpt,
		.state = v->state,
		.delay_told = r->delay_told,
		.tried_s = st->now_s,
		.code = queue_settle_code(v, &an),
		.answer = v->answer };
	if (v->state == QUEUE_DELIVERED) {
		if (!v->dsn_passed)
			queue_settle_tell(st, r,
			    v->relayed ? DSN_RELAYED : DSN_DELIVERED, v->answer,
			    st->now_s);
		return;
	}
	if (v->state == QUEUE_WAITING) {
		o->next_s = v->at_once
				? st->now_s
				: schedule_next_s(&st->s, r->tries + 1,
				      st->m->arrived_s, st->now_s, random);
		if (!schedule_is_over(&st->s, st->m->arrived_s, st->now_s)) {
			if (queue_settle_is_late(st, r)) {
				o->delay_told = true;
				queue_settle_tell(st, r, DSN_DELAYED, v->answer,
				    st->now_s);
			}
			return;
		}
		o->state = QUEUE_FAILED;
		o->next_s = 0;
	}
	queue_settle_tell(st, r, DSN_FAILED, v->answer, st->now_s);
}

/* --- the entry --- */

/*
 * There is no room for the DSN: rather tried again than failed without a word.
 * Without the DSN the entry may use the last room (queue.h); one that says
 * success is left out, there is nothing else to be done about it.
 */
static bool
queue_settle_put_off(struct task *t, struct queue_settling *st,
    const struct err *e)
{
	if (st->news || (!err_is(e, ERR_NOSPC) && !err_is(e, ERR_DQUOT)))
		return false;
	for (unsigned i = 0; i < st->n; i++) {
		struct queue_outcome *o = &st->o[i];
		const struct queue_rcpt *r = &st->m->rcpts[o->rcpt];
		uint64_t random;

		o->delay_told = r->delay_told;
		if (o->state != QUEUE_FAILED)
			continue;
		task_random(t, &random, sizeof(random));
		o->state = QUEUE_WAITING;
		o->next_s = schedule_next_s(&st->s, r->tries + 1,
		    st->m->arrived_s, st->now_s, random);
	}
	return true;
}

/*
 * Whether it need not be tried again.  That the lock is lost, as after an
 * outage of the share, is no reason: until somebody claims the bucket the entry
 * counts, and what a host took is not sent again.
 */
static bool
queue_settle_is_over(const struct queue_settling *st, const struct err *e,
    uint64_t now_ms, uint64_t until_ms)
{
	if (err_is(e, ERR_LOST) || err_is(e, ERR_NOTFOUND) ||
	    err_is(e, ERR_READONLY))
		return true;
	if (st->news && !queue_goes_on(st->q, st->m->bucket))
		return true;
	return !queue_is_held(st->q, st->m->bucket) &&
	       (st->q->stop || now_ms >= until_ms);
}

static may_yield bool
queue_settle_commit(struct task *t, struct queue_settling *st,
    const struct queue_dsn **dsn)
{
	const struct queue_message *m = st->m;
	struct queue_hold *h = &st->q->hold[m->bucket];
	uint64_t until_ms = task_now_ms(t) + QUEUE_LOST_MS;
	bool said = false;

	for (;;) {
		struct arena_mark mark = arena_mark(task_arena(t));
		struct err *e;
		bool over, full;

		task_set_deadline(t, task_now_ms(t) + QUEUE_SETTLE_MS);
		e = queue_outcomes(t, h->b, h->token,
		    str_c(st->q->w->conf->node), &m->txid, m->ordinal, st->o,
		    st->n, *dsn, *dsn != NULL);
		task_set_deadline(t, 0);
		if (e == NULL)
			return true;
		/* an attempt that nobody could tell of was the one */
		if (said && err_is(e, ERR_NOTFOUND))
			return true;
		over = queue_settle_is_over(st, e, task_now_ms(t), until_ms);
		/* no more of what cannot be written down */
		h->giving |= err_is(e, ERR_READONLY);
		if (over || !said)
			log_warn(t, "outcome not written",
			    LOG_STR("queue", m->id), LOG_ERR(e));
		said = true;
		full = *dsn != NULL && queue_settle_put_off(t, st, e);
		arena_rewind(task_arena(t), mark);
		if (over)
			return false;
		if (full)
			*dsn = NULL;
		else
			task_sleep_ms(t, QUEUE_TICK_MS);
	}
}

/* --- telling --- */

static void
queue_settle_log(struct task *t, const struct queue_settling *st,
    const struct dest *d)
{
	static const struct {
		const char *event;
		enum stat_id stat;
	} of[] = {
		[QUEUE_WAITING] = { "deferred", STAT_RELAY_DEFERRED },
		[QUEUE_DELIVERED] = { "relayed", STAT_RELAYED },
		[QUEUE_FAILED] = { "bounced", STAT_RELAY_FAILED },
		[QUEUE_REMOVED] = { "removed", STAT_RELAY_FAILED },
	};

	for (unsigned i = 0; i < st->n; i++) {
		const struct queue_outcome *o = &st->o[i];
		const struct queue_rcpt *r = &st->m->rcpts[o->rcpt];

		stat_add(st->q->w->counts, of[o->state].stat, 1);
		log_info(t, of[o->state].event, LOG_STR("queue", st->m->id),
		    LOG_STR("from", st->m->from), LOG_STR("rcpt", r->address),
		    LOG_C("destination", d->name), LOG_STR("answer", o->answer),
		    LOG_U64("tries", r->tries + 1),
		    LOG_I64("age_s", st->now_s - st->m->arrived_s),
		    LOG_I64("next_s",
			o->next_s > 0 ? o->next_s - st->now_s : 0));
	}
}

static void
queue_settle_dest(struct queue_settling *st, const struct queue_verdict *v,
    unsigned n, struct dest *d)
{
	bool answered = false;

	for (unsigned i = 0; i < n; i++)
		if (v[i].host_failed && !v[i].at_once) {
			if (st->o[i].state == QUEUE_WAITING &&
			    st->o[i].next_s > d->until_s)
				d->until_s = st->o[i].next_s;
		} else {
			answered = true;
		}
	if (answered)
		dest_clear(d);
}

void
queue_settle(struct task *t, struct queue *q, const struct queue_message *m,
    const struct queue_verdict *v, unsigned n, struct dest *d,
    const struct queue_told *told)
{
	const struct queue_dsn *bounce;
	struct queue_settling st;
	struct queue_dsn dsn;

	if (n == 0)
		return;
	queue_settle_init(t, &st, q, m, n);
	for (unsigned i = 0; i < n; i++)
		queue_settle_rcpt(t, &st, &v[i]);
	bounce = queue_settle_dsn(t, &st, &dsn) ? &dsn : NULL;
	queue_settle_dest(&st, v, n, d);
	if (!queue_settle_commit(t, &st, &bounce))
		return;
	queue_settle_log(t, &st, d);
	queue_trace_relay(t, q, m, st.o, st.n, told);
	if (bounce != NULL) {
		stat_add(q->w->counts, STAT_BOUNCES, 1);
		log_info(t, "bounce", LOG_STR("queue", m->id),
		    LOG_STR("to", m->from), LOG_U64("rcpts", st.told_n));
		queue_trace_bounce(t, q, m, "failed");
	}
}

void
queue_settle_late(struct task *t, struct queue *q,
    const struct queue_message *m)
{
	const struct queue_dsn *notice;
	struct queue_settling st;
	struct queue_dsn dsn;

	queue_settle_init(t, &st, q, m, m->rcpt_n);
	st.news = true;
	for (unsigned i = 0; i < m->rcpt_n; i++) {
		const struct queue_rcpt *r = &m->rcpts[i];

		if (r->state != QUEUE_WAITING ||
		    !queue_settle_is_late(&st, r) ||
		    !dsn_is_wanted(m, r, DSN_DELAYED))
			continue;
		st.o[st.n++] = (struct queue_outcome){ .rcpt = i,
			.state = QUEUE_WAITING,
			.delay_told = true,
			.tried_s = r->tried_s,
			.next_s = r->next_s,
			.code = r->code,
			.answer = r->answer };
		queue_settle_tell(&st, r, DSN_DELAYED, r->answer, r->tried_s);
	}
	if (!queue_settle_dsn(t, &st, &dsn))
		return;
	notice = &dsn;
	if (queue_settle_commit(t, &st, &notice)) {
		stat_add(q->w->counts, STAT_BOUNCES, 1);
		log_info(t, "sender told of a delay", LOG_STR("queue", m->id),
		    LOG_STR("to", m->from), LOG_U64("rcpts", st.told_n));
		queue_trace_bounce(t, q, m, "delayed");
	}
}
