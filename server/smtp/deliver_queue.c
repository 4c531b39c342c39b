/* deliver_queue.c - a message into the queue: one entry for all recipients */
#include "base/log.h"
#include "server/net/counts.h"
#include "server/smtp/deliver_private.h"
#include "server/worker.h"

_Static_assert((int)SMTP_NOTIFY_NEVER == (int)QUEUE_NOTIFY_NEVER &&
		   (int)SMTP_NOTIFY_SUCCESS == (int)QUEUE_NOTIFY_SUCCESS &&
		   (int)SMTP_NOTIFY_FAILURE == (int)QUEUE_NOTIFY_FAILURE &&
		   (int)SMTP_NOTIFY_DELAY == (int)QUEUE_NOTIFY_DELAY,
    "one word for both");
_Static_assert(DELIVER_ACCOUNTS_MAX <= QUEUE_RCPTS_MAX, "all in one entry");

static struct queue_rcpt
deliver_queue_rcpt(const struct deliver_dsn *dsn, struct str address,
    struct str via)
{
	return (struct queue_rcpt){ .address = address,
		.original = dsn->original,
		.via = via,
		.notify = dsn->notify };
}

/* Accounts under their own addresses: what they stand for was decided at RCPT,
 * and of one that forwards this is the copy it keeps (queue.h, via). */
static void
deliver_queue_rcpts(struct arena *a, const struct deliver *d,
    struct queue_message *m)
{
	m->rcpts =
	    arena_array(a, d->account_n + d->elsewhere_n, sizeof(*m->rcpts));
	for (unsigned i = 0; i < d->account_n; i++)
		if (!d->accounts[i].loop)
			m->rcpts[m->rcpt_n++] =
			    deliver_queue_rcpt(&d->accounts[i].dsn,
				d->accounts[i].address,
				d->accounts[i].copy ? d->accounts[i].address
						    : STR_NONE);
	for (unsigned i = 0; i < d->elsewhere_n; i++)
		if (!d->elsewhere[i].loop)
			m->rcpts[m->rcpt_n++] =
			    deliver_queue_rcpt(&d->elsewhere[i].dsn,
				d->elsewhere[i].address, d->elsewhere[i].via);
}

static unsigned
deliver_queue_flags(const struct deliver *d)
{
	unsigned flags = 0;

	if (d->utf8)
		flags |= QUEUE_UTF8;
	/* what the client declared (BODY=) may be wrong, either way */
	if (d->eight)
		flags |= QUEUE_8BIT;
	if (d->ret == SMTP_RET_FULL)
		flags |= QUEUE_FULL;
	if (d->ret == SMTP_RET_HDRS)
		flags |= QUEUE_HDRS;
	if (d->filter.verdict == FILTER_JUNK ||
	    d->filter.verdict == FILTER_QUARANTINE)
		flags |= QUEUE_JUNK;
	return flags;
}

static void
deliver_queue_log(struct task *t, const struct deliver *d,
    const struct queue_message *m)
{
	log_info(t, "queued", LOG_STR("queue", m->id),
	    LOG_STR("from", d->from.mailbox),
	    LOG_STR("rcpt", m->rcpts[0].address), LOG_U64("rcpts", m->rcpt_n),
	    LOG_STR("message_id", d->message_id), LOG_U64("bytes", d->bytes),
	    LOG_U64("ms", task_now_ms(t) - d->began_ms));
}

enum deliver_verdict
deliver_commit_queue(struct task *t, struct deliver *d)
{
	struct queue_message m = {
		.from = d->from.mailbox,
		.flags = deliver_queue_flags(d),
		.envid = d->envid,
		.account = d->client.account,
		.trace = d->id,
		.arrived_s = task_wall_s(t),
	};
	enum deliver_verdict v;
	struct err *e;

	deliver_queue_rcpts(task_arena(t), d, &m);
	task_set_deadline(t, task_now_ms(t) + DELIVER_COMMIT_MS);
	e = queue_writer_commit(t, &d->queued, &m);
	task_set_deadline(t, 0);
	v = deliver_verdict_of(e);
	for (unsigned i = 0; i < d->account_n; i++)
		d->accounts[i].verdict = d->accounts[i].loop ? DELIVER_LOOP : v;
	if (e != NULL) {
		log_warn(t, "message not queued", LOG_ERR(e));
		d->verdict = v;
		return v;
	}
	d->queue_id = arena_str(d->arena, m.id);
	deliver_queue_log(t, d, &m);
	return DELIVER_OK;
}
