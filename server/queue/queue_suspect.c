/* queue_suspect.c - messages that worker 0 died at */
#include "base/log.h"
#include "server/net/counts.h"
#include "server/queue/queue_private.h"
#include "server/queue/underway.h"

/*
 * A message that crashes the worker crashes the next one, too, and then those
 * of the nodes that take its bucket.  underway.h remembers over worker 0's
 * death what it was at: which message it died at three times is put on hold
 * here, for all nodes.  Until its hold is written it is not tried.
 */

/* What an administrator sees as the last answer. */
#define QUEUE_CRASHED                                                          \
	"the delivery worker crashed three times while it was at this "        \
	"message; held: look at it, then release or remove it"

uint64_t
queue_suspect_dest(const struct dest *d)
{
	return d != NULL ? str_hash(str_c(d->name)) : 0;
}

static void
queue_suspect_id(const struct dest_job *j, char id_r[QUEUE_ID_MAX])
{
	const struct queue_message m = { .bucket = j->bucket,
		.txid = j->txid,
		.ordinal = j->ordinal };

	queue_id_format(&m, id_r);
}

void
queue_suspects_join(struct queue *q)
{
	struct underway *u = q->w->underway;
	struct dest_job j;
	unsigned at = 0, left = 0;
	enum underway_mark mark;

	underway_join(u);
	while (underway_next(u, &at, &j, &mark)) {
		char id[QUEUE_ID_MAX];

		if (mark == UNDERWAY_LEFT) {
			left++;
			continue;
		}
		queue_suspect_id(&j, id);
		log_warn(NULL,
		    mark == UNDERWAY_GUILTY
			? "the delivery worker ended three times at a message"
			: "the delivery worker ended twice at a message",
		    LOG_C("queue", id));
	}
	if (left > 0)
		log_warn(NULL, "the delivery worker ended in the middle",
		    LOG_U64("deliveries", left));
}

/* --- holding --- */

/* Those that were due were at it; if none is any more, all that wait. */
static unsigned
queue_suspect_outcomes(const struct queue_message *m, int64_t now_s,
    struct queue_outcome *o)
{
	unsigned n = 0;
	bool due = false;

	for (unsigned i = 0; i < m->rcpt_n; i++)
		due |= schedule_is_due(&m->rcpts[i], now_s);
	for (unsigned i = 0; i < m->rcpt_n; i++) {
		const struct queue_rcpt *r = &m->rcpts[i];

		if (r->state != QUEUE_WAITING ||
		    (due && !schedule_is_due(r, now_s)))
			continue;
		o[n++] = (struct queue_outcome){ .rcpt = i,
			.state = QUEUE_WAITING,
			.delay_told = r->delay_told,
			.tried_s = now_s,
			.next_s = r->next_s > now_s ? r->next_s : now_s,
			.code = QUEUE_CODE_OURS,
			.answer = STR("4.3.0 " QUEUE_CRASHED) };
	}
	return n;
}

/* The reason first: a row that is held has it. */
static may_yield must_check struct err *
queue_suspect_write(struct task *t, struct queue *q,
    const struct queue_message *m)
{
	struct queue_hold *h = &q->hold[m->bucket];
	struct queue_outcome *o =
	    arena_array(task_arena(t), m->rcpt_n + 1UL, sizeof(*o));
	unsigned n = queue_suspect_outcomes(m, task_wall_s(t), o);
	struct err *e;

	task_set_deadline(t, task_now_ms(t) + QUEUE_CALL_MS);
	e = queue_outcomes(t, h->b, h->token, str_c(q->w->conf->node), &m->txid,
	    m->ordinal, o, n, NULL, 0);
	if (e == NULL)
		e = queue_order(t, h->b, &m->txid, m->ordinal,
		    QUEUE_ORDER_HOLD);
	task_set_deadline(t, 0);
	if (e == NULL)
		queue_trace_relay(t, q, m, o, n, NULL);
	return e;
}

static may_yield void
queue_suspect_hold(struct task *t, struct queue *q, const struct dest_job *j,
    const struct queue_message *row)
{
	const struct queue_message *m = queue_message_copy(task_arena(t), row);
	struct err *e = queue_suspect_write(t, q, m);

	if (err_is(e, ERR_NOTFOUND)) { /* removed meanwhile */
		underway_forget(q->w->underway, j);
	} else if (e != NULL) {
		log_warn(t, "message not held", LOG_STR("queue", m->id),
		    LOG_ERR(e));
		q->suspect_ms = task_now_ms(t) + QUEUE_PAUSE_MS;
	} else {
		underway_forget(q->w->underway, j);
		log_error(t, "message held", LOG_STR("queue", m->id),
		    LOG_STR("from", m->from), LOG_C("why", QUEUE_CRASHED));
	}
}

/* --- one by one --- */

static may_yield void
queue_suspect_look(struct task *t, struct queue *q, const struct dest_job *j,
    enum underway_mark mark)
{
	uint64_t own = counts_word(q->w->counts, COUNTS_QUEUE_OWN);
	const struct queue_message *m;

	if (!queue_is_held(q, j->bucket)) {
		/* another node's now, which notes for itself */
		if ((own >> j->bucket & 1) == 0)
			underway_forget(q->w->underway, j);
		return;
	}
	m = queue_bucket_find(q->hold[j->bucket].b, &j->txid, j->ordinal);
	if (m == NULL || m->held)
		underway_forget(q->w->underway, j);
	else if (mark == UNDERWAY_GUILTY && task_now_ms(t) >= q->suspect_ms)
		queue_suspect_hold(t, q, j, m);
}

void
queue_suspects_look(struct task *t, struct queue *q)
{
	struct dest_job j;
	unsigned at = 0;
	enum underway_mark mark;

	while (
	    queue_may_run(q) && underway_next(q->w->underway, &at, &j, &mark)) {
		struct arena_mark am = arena_mark(task_arena(t));

		queue_suspect_look(t, q, &j, mark);
		arena_rewind(task_arena(t), am);
	}
}
