/* queue_local.c - recipients here: from the queue to mailboxes */
#include "base/crypto.h"
#include "base/log.h"
#include "server/net/counts.h"
#include "server/queue/answer.h"
#include "server/queue/queue_private.h"
#include "server/queue/srs.h"
#include "server/smtp/deliver.h"
#include "storage/account.h"
#include "storage/message.h"
#include "storage/quota.h"
#include "storage/state_address.h"
#include "storage/state_alias.h"

/*
 * Who an address stands for is asked when it is delivered, not when it was
 * queued.  An account gets the message under a txid that follows from the
 * message, the account and its address, with bytes that follow from these
 * alone: whoever repeats it after a crash writes the same file and finds the
 * same entry.  What
 * leads elsewhere goes into the queue again: that may happen twice if the node
 * dies in between.
 */
#define QUEUE_LOCAL_CHUNK (256U << 10)
#define QUEUE_LOCAL_HEAD 2048
#define QUEUE_LOCAL_MS 20000
#define QUEUE_LOCAL_VOIDED 16 /* txids of one message */

struct queue_local {
	struct queue *q;
	const struct queue_message *m;
	const struct queue_rcpt *r;
};

static struct str
queue_local_verdict(struct queue_verdict *v, enum queue_state state,
    const char *answer)
{
	v->state = state;
	return v->answer = str_c(answer);
}

/* The message, into one of them. */
static may_yield must_check struct err *
queue_local_copy(struct task *t, struct queue_local *l,
    struct message_writer *mailbox, struct queue_writer *queue)
{
	struct queue_bucket *bucket = l->q->hold[l->m->bucket].b;
	char *p = arena_alloc(task_arena(t), QUEUE_LOCAL_CHUNK);
	struct err *e = NULL;

	for (uint64_t at = 0; e == NULL && at < l->m->bytes;) {
		uint32_t n = 0;

		task_set_deadline(t, task_now_ms(t) + QUEUE_LOCAL_MS);
		e = queue_read(t, bucket, l->m, at, p, QUEUE_LOCAL_CHUNK, &n);
		if (e == NULL && n == 0)
			e = err_new(task_arena(t), ERR_CORRUPT,
			    "a queued message is shorter than it was", NULL);
		if (e == NULL)
			e = mailbox != NULL
				? message_writer_add(t, mailbox, p, n)
				: queue_writer_add(t, queue, p, n);
		at += n;
	}
	return e;
}

/* --- one account --- */

struct txid
queue_local_txid(const struct queue_message *m,
    const struct state_recipient *who, unsigned nth)
{
	struct crypto_sha256_ctx *c = crypto_sha256_new();
	unsigned char hash[CRYPTO_SHA256_BYTES];
	unsigned char numbers[8];
	static const char label[] = "shoal queue local 2";
	struct txid x;

	crypto_sha256_add(c, label, sizeof(label));
	crypto_sha256_add(c, m->txid.b, sizeof(m->txid.b));
	for (unsigned i = 0; i < 4; i++) {
		numbers[i] = (unsigned char)(m->ordinal >> 8 * i);
		numbers[4 + i] = (unsigned char)(nth >> 8 * i);
	}
	crypto_sha256_add(c, numbers, sizeof(numbers));
	crypto_sha256_add(c, who->account_id.p, who->account_id.n);
	crypto_sha256_add(c, who->address.p, who->address.n);
	crypto_sha256_end(&c, hash);
	memcpy(x.b, hash, sizeof(x.b));
	return x;
}

/* RFC 5321, 4.4.  Nothing of this node, or of now: see above. */
static may_yield must_check struct err *
queue_local_head(struct task *t, struct queue_local *l,
    struct message_writer *w, struct str address)
{
	struct buf b;

	buf_init(&b, task_arena(t), QUEUE_LOCAL_HEAD + 2 * QUEUE_ADDRESS_MAX);
	buf_fmt(&b, "Return-Path: <" STR_FMT ">\r\n", STR_ARG(l->m->from));
	buf_fmt(&b, "Delivered-To: " STR_FMT "\r\n", STR_ARG(address));
	invariant(buf_ok(&b));
	return message_writer_add(t, w, b.p, b.n);
}

/* The account's folder for it; empty: INBOX. */
static struct str
queue_local_junk(struct task *t, const struct account *acc)
{
	const struct folder *f = folder_by_use(acc, FOLDER_USE_JUNK);

	return f != NULL ? arena_str(task_arena(t), f->name) : STR_NONE;
}

static may_yield must_check struct err *
queue_local_write(struct task *t, struct queue_local *l, struct account *acc,
    const struct state_recipient *who, const struct txid *x)
{
	struct message_target tg = { .acc = acc };
	struct message_writer *w = NULL;
	struct err *e;

	if (l->m->flags & QUEUE_JUNK)
		tg.folder = queue_local_junk(t, acc);
	task_set_deadline(t, task_now_ms(t) + QUEUE_LOCAL_MS);
	e = message_writer_begin(t, acc, x, &w);
	if (e == NULL)
		e = queue_local_head(t, l, w, who->address);
	if (e == NULL)
		e = queue_local_copy(t, l, w, NULL);
	task_set_deadline(t, task_now_ms(t) + QUEUE_LOCAL_MS);
	if (e == NULL)
		e = message_writer_commit(t, &w, &tg, 1);
	else
		message_writer_abort(t, &w);
	task_set_deadline(t, 0);
	return e != NULL ? e : tg.err_r;
}

/* A file that waited for its entry too long, as on a full share, was taken for
 * an orphan: the next try has another name. */
static struct txid
queue_local_name(const struct queue_local *l, const struct account *acc,
    const struct state_recipient *who)
{
	struct txid x = queue_local_txid(l->m, who, 0);

	for (unsigned i = 1;
	     i < QUEUE_LOCAL_VOIDED && message_is_voided(acc, &x); i++)
		x = queue_local_txid(l->m, who, i);
	return x;
}

static may_yield must_check struct err *
queue_local_account(struct task *t, struct queue_local *l,
    const struct state_recipient *who)
{
	const struct quota_limit limit = { who->quota_bytes,
		who->quota_messages };
	struct account *acc = NULL;
	struct txid x;
	struct err *e;
	bool made;

	task_set_deadline(t, task_now_ms(t) + QUEUE_LOCAL_MS);
	e = worker_account_open(t, l->q->w, who->account_id, &acc);
	/* as deliver.h has it */
	if (err_is(e, ERR_NOTFOUND) &&
	    str_eq_c(who->account_id, DELIVER_HOLD_ID))
		e = account_create(t, l->q->w->mail, who->account_id, &made,
		    &acc);
	task_set_deadline(t, 0);
	if (e == NULL && account_is_closed(acc))
		e = err_new(task_arena(t), ERR_CLOSED, "this account is closed",
		    NULL);
	if (e == NULL)
		x = queue_local_name(l, acc, who);
	/* had before: perhaps it is full by that */
	if (e == NULL && message_is_known(acc, &x)) {
		account_close(&acc);
		return NULL;
	}
	if (e == NULL)
		e = quota_check(task_arena(t), acc, &limit, l->m->bytes, 1);
	if (e == NULL)
		e = queue_local_write(t, l, acc, who, &x);
	account_close(&acc);
	log_write(t, e == NULL ? LOG_INFO_ : LOG_WARN_,
	    e == NULL ? "delivered" : "not delivered",
	    (const struct log_kv[]){ LOG_STR("queue", l->m->id),
		LOG_STR("rcpt", l->r->address),
		LOG_STR("account", who->account_id),
		LOG_STR("from", l->m->from), LOG_U64("bytes", l->m->bytes),
		LOG_ERR(e) },
	    e == NULL ? 5 : 8);
	if (e == NULL)
		stat_add(l->q->w->counts, STAT_DELIVERIES, 1);
	return e;
}

/* --- elsewhere --- */

/* Into the queue again, for these addresses.  via empty: nobody stands for
 * them, the sender stays what it is. */
static may_yield must_check struct err *
queue_local_onward(struct task *t, struct queue_local *l,
    const struct str *addresses, unsigned n, struct str via)
{
	struct arena *a = task_arena(t);
	struct queue_message m = { .arrived_s = l->m->arrived_s,
		.flags = l->m->flags,
		.from = l->m->from,
		.envid = l->m->envid,
		.account = l->m->account,
		.trace = l->m->trace,
		.rcpts = arena_array(a, n, sizeof(*m.rcpts)),
		.rcpt_n = n };
	struct queue_writer *w = NULL;
	struct err *e;

	for (unsigned i = 0; i < n; i++)
		m.rcpts[i] = (struct queue_rcpt){ .address = addresses[i],
			.original = l->r->original,
			.via = via,
			.notify = l->r->notify };
	task_set_deadline(t, task_now_ms(t) + QUEUE_LOCAL_MS);
	e = queue_writer_begin(t, l->q->w->queue_store, l->m->bucket, &w);
	if (e == NULL)
		e = queue_local_copy(t, l, NULL, w);
	task_set_deadline(t, task_now_ms(t) + QUEUE_LOCAL_MS);
	if (e == NULL)
		e = queue_writer_commit(t, &w, &m);
	else
		queue_writer_abort(t, &w);
	task_set_deadline(t, 0);
	return e;
}

/* --- one recipient --- */

static void
queue_local_failed(struct arena *a, struct queue_verdict *v,
    const struct err *e)
{
	switch (worker_outcome(e)) {
	case WORKER_OK:
		queue_local_verdict(v, QUEUE_DELIVERED, "2.1.5 delivered");
		break;
	case WORKER_GONE:
		queue_local_verdict(v, QUEUE_FAILED,
		    "5.1.1 no such mailbox here");
		break;
	case WORKER_OVERQUOTA:
		queue_local_verdict(v, QUEUE_WAITING, "4.2.2 mailbox full");
		break;
	case WORKER_FULL:
		queue_local_verdict(v, QUEUE_WAITING, "4.3.1 mail system full");
		break;
	default:
		v->state = QUEUE_WAITING;
		v->answer = str_c(arena_printf(a, "4.3.0 %s", e->text));
	}
}

/* An address of ours that stands for a sender elsewhere: a bounce on its way
 * back. */
static may_yield must_check bool
queue_local_srs(struct task *t, struct queue_local *l, struct queue_verdict *v)
{
	struct arena *a = task_arena(t);
	struct str to;
	struct err *e =
	    srs_reverse(a, l->q->w->state, task_wall_s(t), l->r->address, &to);

	if (err_is(e, ERR_NOTFOUND))
		return false;
	if (err_is(e, ERR_DENIED) || err_is(e, ERR_LIMIT)) {
		queue_local_verdict(v, QUEUE_FAILED,
		    "5.1.1 this address was made for a bounce, too long ago or "
		    "not by us");
		return true;
	}
	if (e == NULL)
		e = queue_local_onward(t, l, &to, 1, STR_NONE);
	queue_local_failed(a, v, e);
	v->dsn_passed = true; /* the new message tells */
	return true;
}

/* What an account keeps of what it forwards: that is on its way by itself. */
static bool
queue_local_is_copy(const struct queue_rcpt *r)
{
	return r->via.n > 0 && str_eq(r->via, r->address);
}

/* Full: its owner gets it where it is forwarded to (deliver.h). */
static bool
queue_local_drops(const struct queue_local *l,
    const struct state_recipient *who, unsigned n, const struct err *e)
{
	return err_is(e, ERR_OVERQUOTA) &&
	       (queue_local_is_copy(l->r) || (who->copy && n > 1));
}

/* Nobody had room. */
static void
queue_local_dropped(const struct queue_local *l, struct queue_verdict *v)
{
	if (!queue_local_is_copy(l->r)) {
		queue_local_verdict(v, QUEUE_WAITING, "4.2.2 mailbox full");
		return;
	}
	queue_local_verdict(v, QUEUE_DELIVERED, "2.1.5 forwarded only");
	v->dsn_passed = true; /* what was forwarded tells */
}

/*
 * One verdict for several accounts: as long as any may yet get it, again (it is
 * found there by the others); else delivered if any could.
 */
static may_yield void
queue_local_all(struct task *t, struct queue_local *l,
    const struct state_recipient *list, unsigned n, struct queue_verdict *v)
{
	struct arena *a = task_arena(t);
	struct str *away = arena_array(a, n, sizeof(*away));
	struct queue_verdict one = *v;
	unsigned away_n = 0, dropped = 0;
	struct err *e;
	bool any = false;

	*v = (struct queue_verdict){ .rcpt = v->rcpt, .state = QUEUE_FAILED };
	for (unsigned i = 0; i < n; i++) {
		if (list[i].account_id.n == 0) {
			away[away_n++] = list[i].address;
			continue;
		}
		e = queue_local_account(t, l, &list[i]);
		if (queue_local_drops(l, &list[i], n, e)) {
			dropped++;
			continue;
		}
		queue_local_failed(a, &one, e);
		any |= one.state == QUEUE_DELIVERED;
		if (v->state != QUEUE_WAITING &&
		    (one.state != QUEUE_FAILED || v->answer.n == 0)) {
			v->state = one.state;
			v->answer = one.answer;
		}
	}
	if (dropped == n)
		queue_local_dropped(l, v);
	if (v->state == QUEUE_WAITING)
		return;
	if (away_n > 0) { /* last: only once all of ours have it */
		queue_local_failed(a, &one,
		    queue_local_onward(t, l, away, away_n, l->r->address));
		if (one.state == QUEUE_DELIVERED)
			v->dsn_passed = !any;
		*v = (struct queue_verdict){ .rcpt = v->rcpt,
			.state = one.state,
			.dsn_passed = v->dsn_passed,
			.answer = one.answer };
		return;
	}
	if (any) {
		v->state = QUEUE_DELIVERED;
		v->answer = STR("2.1.5 delivered");
	}
}

/* What was accepted for postmaster and abuse, whom nobody reads, is kept
 * (deliver.h). */
static bool
queue_local_is_role(struct str address)
{
	ptrdiff_t at = str_chr(address, '@');
	struct str local = at < 0 ? address : str_sub(address, 0, (size_t)at);

	return str_case_eq_c(local, "postmaster") ||
	       str_case_eq_c(local, "abuse");
}

/* The copy that an account keeps of what it forwards was forwarded before. */
static struct err *
queue_local_resolve(struct task *t, const struct queue_local *l,
    struct state_recipient **list_r, unsigned *n_r, bool *foreign_r)
{
	struct state *st = l->q->w->state;

	if (queue_local_is_copy(l->r))
		return state_resolve_plain(task_arena(t), st, l->r->address,
		    list_r, n_r, foreign_r);
	return state_resolve(task_arena(t), st, l->r->address, list_r, n_r,
	    foreign_r);
}

static may_yield void
queue_local_one(struct task *t, struct queue_local *l, struct queue_verdict *v)
{
	struct state_recipient *list;
	bool foreign;
	unsigned n;
	struct err *e;

	if (queue_local_srs(t, l, v))
		return;
	e = queue_local_resolve(t, l, &list, &n, &foreign);
	if (e == NULL)
		queue_local_all(t, l, list, n, v);
	else if ((err_is(e, ERR_NOTFOUND) || err_is(e, ERR_INVALID)) &&
		 queue_local_is_role(l->r->address))
		queue_local_all(t, l,
		    &(struct state_recipient){ .account_id =
						   STR(DELIVER_HOLD_ID),
			.address = l->r->address,
			.quota_bytes = DELIVER_HOLD_BYTES,
			.quota_messages = DELIVER_HOLD_MESSAGES },
		    1, v);
	else if (err_is(e, ERR_INVALID))
		queue_local_verdict(v, QUEUE_FAILED,
		    "5.1.3 this is no address");
	else if (err_is(e, ERR_NOTFOUND))
		queue_local_verdict(v, QUEUE_FAILED,
		    "5.1.1 no such mailbox here");
	else if (err_is(e, ERR_LIMIT))
		queue_local_verdict(v, QUEUE_FAILED,
		    "5.4.6 this alias leads to itself, or to too many");
	else if (err_is(e, ERR_DENIED) && !foreign)
		queue_local_verdict(v, QUEUE_FAILED,
		    "5.2.1 this domain is suspended");
	else /* not ours any more: found out at the next try */
		queue_local_verdict(v, QUEUE_WAITING, "4.3.0 try again");
}

void
queue_local(struct task *t, struct queue *q, const struct queue_message *m,
    struct dest *d, const unsigned *places, unsigned n)
{
	struct queue_verdict *v = arena_array(task_arena(t), n, sizeof(*v));

	for (unsigned i = 0; i < n; i++) {
		struct queue_local l = { q, m, &m->rcpts[places[i]] };

		if (!queue_goes_on(q, m->bucket))
			return; /* what was delivered is found again */
		v[i] = (struct queue_verdict){ .rcpt = places[i],
			.state = QUEUE_WAITING };
		queue_local_one(t, &l, &v[i]);
	}
	queue_settle(t, q, m, v, n, d, NULL);
}
