/* deliver_write.c - a message on its way to the accounts of its recipients */
#include "base/log.h"
#include "server/net/counts.h"
#include "server/smtp/deliver_private.h"
#include "server/smtp/headers.h"
#include "server/trace/trace.h"
#include "server/worker.h"

/* A storage error as a recipient's verdict. */
enum deliver_verdict
deliver_verdict_of(const struct err *e)
{
	switch (worker_outcome(e)) {
	case WORKER_OK:
		return DELIVER_OK;
	case WORKER_FULL:
		return DELIVER_FULL;
	case WORKER_OVERQUOTA:
		return DELIVER_OVERQUOTA;
	case WORKER_GONE:
		return DELIVER_UNKNOWN;
	case WORKER_TEMP:
	case WORKER_NOTFOUND:
	case WORKER_EXISTS:
	case WORKER_LIMIT:
	case WORKER_INVALID:
	case WORKER_DENIED:
	case WORKER_DAMAGED:
	case WORKER_BUG:
		break;
	}
	/* what no sender can help: he may try until somebody has looked */
	return DELIVER_TEMP;
}

void
deliver_refuse(struct deliver *d, enum deliver_verdict v)
{
	if (d->verdict == DELIVER_OK || deliver_is_temporary(d->verdict))
		d->verdict = v;
}

enum deliver_verdict
deliver_state(const struct deliver *d)
{
	return d->verdict;
}

bool
deliver_is_begun(const struct deliver *d)
{
	return d->begun;
}

/* --- writing --- */

void
deliver_write(struct task *t, struct deliver *d, const void *p, size_t n)
{
	struct err *e;

	if (!deliver_sink_is_open(d) || d->verdict != DELIVER_OK || n == 0)
		return;
	task_set_deadline(t, task_now_ms(t) + DELIVER_WRITE_MS);
	e = deliver_sink_add(t, d, p, n);
	task_set_deadline(t, 0);
	if (e == NULL)
		return;
	log_warn(t, "message not written", LOG_ERR(e));
	deliver_refuse(d, deliver_verdict_of(e));
}

/* The one account that forwards all of it elsewhere; empty: none, or somebody
 * would read of it who gets the message neither by that nor as who was written
 * to. */
static struct str
deliver_forwarder(const struct deliver *d)
{
	struct str by;

	if (d->rcpt_n != 1 || d->elsewhere_n == 0)
		return STR_NONE;
	by = d->elsewhere[0].via;
	for (unsigned i = 0; i < d->elsewhere_n; i++)
		if (!d->elsewhere[i].forward ||
		    !str_eq(d->elsewhere[i].via, by))
			return STR_NONE;
	for (unsigned i = 0; i < d->account_n; i++)
		if (d->accounts[i].via.n > 0 &&
		    !str_eq(d->accounts[i].via, by) &&
		    !str_eq(d->accounts[i].address, by))
			return STR_NONE;
	return by;
}

/* What is final only when a message is delivered (Return-Path, Delivered-To)
 * is put on top of a queued one when that happens. */
static void
deliver_trace(struct task *t, struct deliver *d, struct smtp_trace *tr)
{
	struct buf b;

	tr->relay = deliver_is_by_queue(d);
	tr->from = d->from.mailbox;
	tr->utf8 = d->utf8;
	if (d->account_n == 1 && !tr->relay)
		tr->delivered_to = d->accounts[0].address;
	else if (tr->relay)
		tr->delivered_to = deliver_forwarder(d);
	if (d->rcpt_n == 1)
		tr->rcpt = d->rcpts[0].mailbox;
	tr->by = str_c(worker_hostname(d->w));
	tr->date = task_wall_s(t);
	buf_init(&b, d->arena, SMTP_TRACE_BYTES);
	smtp_trace_write(&b, tr);
	invariant(buf_ok(&b));
	d->trace = buf_str(&b);
	d->id = arena_str(d->arena, tr->id);
}

static void
deliver_filter_begin(struct deliver *d)
{
	struct str *rcpts = arena_array(d->arena, d->rcpt_n, sizeof(*rcpts));

	for (unsigned i = 0; i < d->rcpt_n; i++)
		rcpts[i] = d->rcpts[i].mailbox;
	d->filter = (struct filter_msg){ .w = d->w,
		.arena = d->arena,
		.client = &d->client,
		.from = d->from.mailbox,
		.rcpts = rcpts,
		.rcpt_n = d->rcpt_n,
		.utf8 = d->utf8 };
	filter_begin(&d->filter);
}

void
deliver_begin(struct task *t, struct deliver *d, struct smtp_trace *tr)
{
	struct err *e;

	invariant(d->rcpt_n > 0 && !d->begun);
	d->begun = true;
	d->began_ms = task_now_ms(t);
	d->max_bytes = worker_setting(d->w, STATE_MESSAGE_MAX);
	if (d->most > 0 && d->most < d->max_bytes)
		d->max_bytes = d->most;
	buf_init(&d->head, NULL, HEADERS_BYTES_MAX);
	task_set_deadline(t, task_now_ms(t) + DELIVER_WRITE_MS);
	e = deliver_sink_begin(t, d);
	task_set_deadline(t, 0);
	if (e != NULL) {
		log_warn(t, "message not begun", LOG_ERR(e));
		deliver_refuse(d, deliver_verdict_of(e));
		return;
	}
	deliver_trace(t, d, tr);
	deliver_filter_begin(d);
}

void
deliver_add(struct task *t, struct deliver *d, const void *p, size_t n)
{
	size_t taken = 0;

	invariant(d->begun);
	if (n == 0) /* p may be NULL */
		return;
	d->bytes += n;
	if (d->bytes > d->max_bytes)
		deliver_refuse(d, DELIVER_TOO_BIG);
	/* what will not be delivered need not be looked at */
	if (d->verdict == DELIVER_OK && !d->headed)
		taken = deliver_gather(t, d, str_of(p, n));
	if (d->verdict != DELIVER_OK)
		return;
	filter_body(&d->filter, str_of((const char *)p + taken, n - taken));
	deliver_write(t, d, (const char *)p + taken, n - taken);
}

void
deliver_abort(struct task *t, struct deliver *d)
{
	if (!deliver_sink_is_open(d))
		return;
	/* the client waits for its answer; what stays is swept later */
	task_set_deadline(t, task_now_ms(t) + DELIVER_ABORT_MS);
	deliver_sink_abort(t, d);
	task_set_deadline(t, 0);
}

/* --- the end --- */

/*
 * One answer for several accounts: as long as any may yet get it, try again;
 * else whoever could get it did.
 */
static enum deliver_verdict
deliver_merge(enum deliver_verdict a, enum deliver_verdict b)
{
	if (deliver_is_temporary(a) || b == DELIVER_VERDICTS)
		return a;
	if (deliver_is_temporary(b) || a == DELIVER_VERDICTS)
		return b;
	return a == DELIVER_OK ? a : b;
}

enum deliver_verdict
deliver_rcpt_verdict(const struct deliver *d, unsigned i)
{
	const struct deliver_rcpt *r = &d->rcpts[i];
	enum deliver_verdict v = DELIVER_VERDICTS;

	if (d->verdict != DELIVER_OK)
		return d->verdict;
	/* those are in the queue, or the verdict is not OK */
	for (unsigned j = 0; j < r->away_n; j++)
		v = deliver_merge(v,
		    d->elsewhere[r->away[j]].loop ? DELIVER_LOOP : DELIVER_OK);
	for (unsigned j = 0; j < r->n; j++)
		v = deliver_merge(v, d->accounts[r->accounts[j]].verdict);
	return v;
}

static void
deliver_event(struct task *t, const struct deliver *d,
    const struct deliver_account *ac, const struct message_target *tg)
{
	struct arena_mark m = arena_mark(task_arena(t));
	struct trace_event ev;

	trace_begin(&ev, d->w->trace, task_arena(t), "deliver", d->id);
	trace_str(&ev, "verdict",
	    tg->err_r == NULL			? STR("delivered")
	    : deliver_is_temporary(ac->verdict) ? STR("deferred")
						: STR("refused"));
	trace_str(&ev, "from", d->from.mailbox);
	trace_str(&ev, "rcpt", ac->rcpt);
	trace_str(&ev, "account", ac->id);
	trace_str(&ev, "msgid", d->message_id);
	trace_u64(&ev, "bytes", d->bytes);
	trace_u64(&ev, "ms", task_now_ms(t) - d->began_ms);
	if (tg->err_r != NULL)
		trace_str(&ev, "answer", str_c(tg->err_r->text));
	else
		trace_u64(&ev, "uid", tg->place_r.uid);
	trace_end(&ev);
	arena_rewind(task_arena(t), m);
}

static void
deliver_log(struct task *t, const struct deliver *d,
    const struct deliver_account *ac, const struct message_target *tg)
{
	const struct log_kv common[] = {
		LOG_STR("rcpt", ac->rcpt),
		LOG_STR("account", ac->id),
		LOG_STR("from", d->from.mailbox),
		LOG_STR("message_id", d->message_id),
		LOG_U64("bytes", d->bytes),
		LOG_U64("ms", task_now_ms(t) - d->began_ms),
		LOG_U64("uid", tg->place_r.uid),
	};
	const struct str held = STR(DELIVER_HOLD_ID);

	deliver_event(t, d, ac, tg);
	if (tg->err_r != NULL) {
		log_warn(t, "not delivered", common[0], common[1], common[2],
		    common[3], common[4], common[5], LOG_ERR(tg->err_r));
		return;
	}
	stat_add(d->w->counts, STAT_DELIVERIES, 1);
	log_write(t, LOG_INFO_, "delivered", common, countof(common));
	if (str_eq(ac->id, held))
		log_warn(t, "mail for postmaster has no reader",
		    LOG_STR("rcpt", ac->rcpt),
		    LOG_C("error", "set domain.postmaster, or make an alias"));
}

/* The account's folder for what is likely junk; INBOX if it has none. */
static may_yield must_check struct err *
deliver_junk(struct task *t, struct account *acc, struct str *folder_r)
{
	const struct folder *f;

	if (!account_is_loaded(acc)) {
		struct err *e = account_refresh(t, acc);

		if (e != NULL)
			return e;
	}
	f = folder_by_use(acc, FOLDER_USE_JUNK);
	if (f != NULL)
		*folder_r = arena_str(task_arena(t), f->name);
	return NULL;
}

static may_yield must_check struct err *
deliver_targets(struct task *t, struct deliver *d, struct message_target *tg,
    unsigned *n_r)
{
	bool junk = d->filter.verdict == FILTER_JUNK ||
		    d->filter.verdict == FILTER_QUARANTINE;
	struct err *e = NULL;

	*n_r = 0;
	for (unsigned i = 0; e == NULL && i < d->account_n; i++) {
		struct account *acc = d->accounts[i].acc;

		if (d->accounts[i].loop)
			continue;
		if (junk)
			e = deliver_junk(t, acc, &tg[*n_r].folder);
		tg[(*n_r)++].acc = acc;
	}
	return e;
}

static may_yield must_check enum deliver_verdict
deliver_commit_to(struct task *t, struct deliver *d)
{
	struct message_target *tg =
	    arena_array(task_arena(t), d->account_n, sizeof(*tg));
	enum deliver_verdict v = DELIVER_VERDICTS;
	unsigned n = 0;
	struct err *e;

	task_set_deadline(t, task_now_ms(t) + DELIVER_COMMIT_MS);
	e = deliver_targets(t, d, tg, &n);
	if (e == NULL)
		e = message_writer_commit(t, &d->writer, tg, n);
	else
		deliver_sink_abort(t, d);
	task_set_deadline(t, 0);
	if (e != NULL) {
		log_warn(t, "message not written", LOG_ERR(e));
		d->verdict = deliver_verdict_of(e);
		return d->verdict;
	}
	n = 0;
	for (unsigned i = 0; i < d->account_n; i++) {
		struct deliver_account *ac = &d->accounts[i];

		ac->verdict = DELIVER_LOOP;
		if (!ac->loop) {
			ac->verdict = deliver_verdict_of(tg[n].err_r);
			deliver_log(t, d, ac, &tg[n++]);
		}
		v = deliver_merge(v, ac->verdict);
	}
	return v;
}

/* --- filters --- */

void
deliver_filtered(struct deliver *d)
{
	if (d->filter.verdict == FILTER_DEFER)
		deliver_refuse(d, DELIVER_DEFERRED);
	if (d->filter.verdict == FILTER_REJECT)
		deliver_refuse(d, DELIVER_REJECTED);
}

void
deliver_said(const struct deliver *d, unsigned *code_r, const char **enhanced_r,
    const char **text_r)
{
	*code_r = d->filter.code;
	*enhanced_r = d->filter.enhanced;
	*text_r = d->filter.text;
}

/* Fields get their last word. */
static may_yield void
deliver_fill(struct task *t, struct deliver *d)
{
	for (unsigned i = 0; i < d->filter.room_n; i++) {
		const struct filter_room *r = &d->filter.rooms[i];
		struct err *e;

		if (r->last.n == 0 || d->verdict != DELIVER_OK)
			continue;
		task_set_deadline(t, task_now_ms(t) + DELIVER_WRITE_MS);
		e = deliver_sink_fill(t, d, r->place, r->last);
		task_set_deadline(t, 0);
		if (e != NULL) {
			log_warn(t, "message not written", LOG_ERR(e));
			deliver_refuse(d, deliver_verdict_of(e));
		}
	}
}

/* The message is complete, its bytes are written but nobody's yet, and its
 * verdict can still be anything. */
static may_yield enum deliver_verdict
deliver_judge(struct task *t, struct deliver *d, bool apart)
{
	unsigned loops = 0, away = 0;

	if (!d->headed && d->verdict == DELIVER_OK) /* it was all header */
		deliver_header(t, d);
	for (unsigned i = 0; i < d->account_n; i++)
		loops += d->accounts[i].loop;
	for (unsigned i = 0; i < d->elsewhere_n; i++)
		away += d->elsewhere[i].loop;
	if (loops + away > 0 &&
	    (!apart || (loops == d->account_n && away == d->elsewhere_n)))
		deliver_refuse(d, DELIVER_LOOP);
	if (d->verdict == DELIVER_OK) {
		filter_end(t, &d->filter);
		deliver_filtered(d);
	}
	deliver_fill(t, d);
	return d->verdict;
}

enum deliver_verdict
deliver_commit(struct task *t, struct deliver *d, bool apart)
{
	enum deliver_verdict v = deliver_judge(t, d, apart);

	if (v != DELIVER_OK)
		deliver_abort(t, d);
	else if (d->queued != NULL)
		v = deliver_commit_queue(t, d);
	else
		v = deliver_commit_to(t, d);
	if (v == DELIVER_OK)
		stat_add(d->w->counts, STAT_MESSAGES_IN, 1);
	return v;
}

struct str
deliver_queue_id(const struct deliver *d)
{
	return d->queue_id;
}
