/* deliver.c - recipients of a message, accepted one by one */
#include "server/smtp/deliver.h"

#include <stdlib.h>

#include "base/log.h"
#include "server/smtp/deliver_private.h"
#include "server/worker.h"
#include "storage/quota.h"

bool
deliver_is_temporary(enum deliver_verdict v)
{
	return v >= DELIVER_TEMP && v <= DELIVER_MANY;
}

/* --- life --- */

static struct str
deliver_decoded(struct arena *a, struct str s,
    size_t (*decode)(struct str s, char *out_r))
{
	char *out = arena_alloc(a, s.n + 1);

	return s.n > 0 ? str_of(out, decode(s, out)) : STR_NONE;
}

static void
deliver_set_most(struct deliver *d, uint64_t max)
{
	if (max > 0 && (d->most == 0 || max < d->most))
		d->most = max;
}

static void
deliver_set_client(struct deliver *d, const struct filter_client *client)
{
	ptrdiff_t at;

	if (client == NULL)
		return;
	d->client = *client;
	d->client.known = true;
	d->client.hello = arena_str(d->arena, client->hello);
	d->client.account = arena_str(d->arena, client->account);
	d->client.login = arena_str(d->arena, client->login);
	at = str_chr(d->client.login, '@');
	if (at >= 0)
		deliver_set_most(d, deliver_domain_max(d->arena, d->w,
					str_sub(d->client.login, (size_t)at + 1,
					    d->client.login.n)));
}

struct deliver *
deliver_new(struct worker *w, const struct smtp_mail *mail,
    const struct filter_client *client)
{
	struct deliver *d = xcalloc(1, sizeof(*d));

	d->w = w;
	d->arena = arena_new(0);
	d->from = mail->from;
	d->from.mailbox = arena_str(d->arena, mail->from.mailbox);
	d->from.local = d->from.domain = STR_NONE; /* pointed into the line */
	d->utf8 = mail->smtputf8;
	d->ret = mail->ret;
	d->envid = deliver_decoded(d->arena, mail->envid, smtp_xtext);
	d->declared = mail->has_size ? mail->size : 0;
	deliver_set_client(d, client);
	return d;
}

void
deliver_free(struct deliver **dp)
{
	struct deliver *d = *dp;

	*dp = NULL;
	if (d == NULL)
		return;
	invariant(!deliver_sink_is_open(d));
	for (unsigned i = 0; i < d->account_n; i++)
		account_close(&d->accounts[i].acc);
	free(d->accounts);
	free(d->elsewhere);
	free(d->rcpts);
	buf_free(&d->head);
	arena_free(&d->arena);
	free(d);
}

struct str
deliver_from(const struct deliver *d)
{
	return d->from.mailbox;
}

uint64_t
deliver_bytes(const struct deliver *d)
{
	return d->bytes;
}

const struct filter_note *
deliver_notes(const struct deliver *d, unsigned *n_r)
{
	*n_r = d->filter.note_n;
	return d->filter.notes;
}

struct str
deliver_message_id(const struct deliver *d)
{
	return d->message_id;
}

bool
deliver_is_utf8(const struct deliver *d)
{
	return d->utf8;
}

unsigned
deliver_rcpt_count(const struct deliver *d)
{
	return d->rcpt_n;
}

struct str
deliver_rcpt_address(const struct deliver *d, unsigned i)
{
	return d->rcpts[i].mailbox;
}

/* --- opening --- */

static may_yield must_check struct err *
deliver_open(struct task *t, struct deliver *d, struct str id,
    struct account **acc_r)
{
	struct err *e = worker_account_open_blind(t, d->w, id, acc_r);
	bool made;

	/* the one account that the state does not know is made when needed */
	if (err_is(e, ERR_NOTFOUND) && str_eq_c(id, DELIVER_HOLD_ID))
		e = account_create(t, d->w->mail, id, &made, acc_r);
	return e;
}

static must_check struct err *
deliver_room(struct task *t, const struct deliver *d, const struct account *acc,
    const struct quota_limit *limit)
{
	/* with a SIZE of 0 it is asked whether there is room at all */
	return quota_check(task_arena(t), acc, limit, d->declared,
	    d->declared > 0);
}

/* One large message, or some, and the mailbox is full: it may be already. */
static bool
deliver_is_near(const struct deliver *d, const struct account *acc,
    const struct quota_limit *l)
{
	return (l->bytes > 0 && account_bytes(acc) + worker_setting(d->w,
							 STATE_MESSAGE_MAX) >
				    l->bytes) ||
	       (l->messages > 0 &&
		   account_messages(acc) + DELIVER_NEAR_MESSAGES > l->messages);
}

/* Whether the account has room. */
static may_yield must_check struct err *
deliver_has_room(struct task *t, struct deliver *d, struct account *acc,
    const struct state_recipient *who, bool *full_r)
{
	const struct quota_limit limit = { who->quota_bytes,
		who->quota_messages };
	struct err *e = NULL;

	*full_r = false;
	if (deliver_is_near(d, acc, &limit))
		e = account_refresh(t, acc);
	if (e == NULL)
		e = deliver_room(t, d, acc, &limit);
	*full_r = err_is(e, ERR_OVERQUOTA);
	return *full_r ? NULL : e;
}

static bool
deliver_knows(const struct deliver *d, struct str id, unsigned *at_r)
{
	for (unsigned i = 0; i < d->account_n; i++)
		if (str_eq(d->accounts[i].id, id)) {
			*at_r = i;
			return true;
		}
	return false;
}

static unsigned
deliver_account_add(struct deliver *d, struct account *acc,
    const struct state_recipient *who)
{
	if (d->account_n == d->account_size) {
		d->account_size =
		    d->account_size == 0 ? 4 : d->account_size * 2;
		d->accounts = xrealloc(d->accounts, d->account_size,
		    sizeof(*d->accounts));
	}
	d->accounts[d->account_n] = (struct deliver_account){
		.acc = acc,
		.id = arena_str(d->arena, who->account_id),
		.address = arena_str(d->arena, who->address),
		.via = arena_str(d->arena, who->via),
		.copy = who->copy,
	};
	return d->account_n++;
}

static may_yield must_check enum deliver_verdict
deliver_open_one(struct task *t, struct deliver *d,
    const struct state_recipient *who, unsigned *at_r, bool *full_r)
{
	struct account *acc;
	struct err *e;

	*full_r = false;
	if (deliver_knows(d, who->account_id, at_r))
		return DELIVER_OK;
	e = deliver_open(t, d, who->account_id, &acc);
	if (e == NULL) {
		if (account_is_closed(acc))
			e = err_new(task_arena(t), ERR_CLOSED,
			    "this account is closed", NULL);
		else
			e = deliver_has_room(t, d, acc, who, full_r);
		if (e == NULL)
			*at_r = deliver_account_add(d, acc, who);
		else
			account_close(&acc);
	}
	if (e == NULL)
		return DELIVER_OK;
	log_warn(t, "recipient not opened", LOG_STR("account", who->account_id),
	    LOG_STR("rcpt", who->address), LOG_ERR(e));
	/* the state knows it: that it is not there yet cannot be the last word
	 */
	return err_is(e, ERR_NOTFOUND) ? DELIVER_TEMP : deliver_verdict_of(e);
}

/* Full, but others get what it would have kept: so it does without.  It was
 * added just now. */
static void
deliver_drop_copy(struct task *t, struct deliver *d,
    const struct state_recipient *who)
{
	account_close(&d->accounts[--d->account_n].acc);
	log_info(t, "mailbox full, forwarded only",
	    LOG_STR("account", who->account_id), LOG_STR("rcpt", who->address));
}

/* All or none: what was opened in vain is closed again. */
static may_yield must_check enum deliver_verdict
deliver_open_all(struct task *t, struct deliver *d,
    const struct deliver_found *f, struct deliver_rcpt *r)
{
	struct arena_mark mark = arena_mark(d->arena);
	unsigned before = d->account_n, full_n = 0;
	enum deliver_verdict v = DELIVER_OK;

	r->accounts = arena_array(d->arena, f->n, sizeof(*r->accounts));
	for (unsigned i = 0; v == DELIVER_OK && i < f->n; i++) {
		bool full;

		if (f->list[i].account_id.n == 0)
			continue;
		v = deliver_open_one(t, d, &f->list[i], &r->accounts[r->n++],
		    &full);
		full_n += full;
		if (v == DELIVER_OK && full && f->list[i].copy) {
			deliver_drop_copy(t, d, &f->list[i]);
			r->n--;
		}
	}
	if (v == DELIVER_OK && full_n == f->n)
		v = DELIVER_OVERQUOTA;
	if (v == DELIVER_OK)
		return v;
	while (d->account_n > before)
		account_close(&d->accounts[--d->account_n].acc);
	/* Recipients that are refused may come without end. */
	arena_rewind(d->arena, mark);
	*r = (struct deliver_rcpt){ .n = 0 };
	return v;
}

/* --- elsewhere --- */

static bool
deliver_goes_to(const struct deliver *d, struct str address, unsigned *at_r)
{
	for (unsigned i = 0; i < d->elsewhere_n; i++)
		if (str_case_eq(d->elsewhere[i].address, address)) {
			*at_r = i;
			return true;
		}
	return false;
}

static unsigned
deliver_count_elsewhere(const struct deliver_found *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->n; i++)
		n += f->list[i].account_id.n == 0;
	return n;
}

static unsigned
deliver_add_elsewhere(struct deliver *d, const struct state_recipient *who,
    const struct deliver_dsn *dsn)
{
	unsigned at;

	if (deliver_goes_to(d, who->address, &at))
		return at;
	if (d->elsewhere_n == d->elsewhere_size) {
		d->elsewhere_size =
		    d->elsewhere_size == 0 ? 4 : d->elsewhere_size * 2;
		d->elsewhere = xrealloc(d->elsewhere, d->elsewhere_size,
		    sizeof(*d->elsewhere));
	}
	d->elsewhere[d->elsewhere_n] = (struct deliver_elsewhere){
		.address = arena_str(d->arena, who->address),
		.via = arena_str(d->arena, who->via),
		.forward = who->forward,
		.dsn = *dsn,
	};
	return d->elsewhere_n++;
}

/* --- RCPT --- */

static struct deliver_rcpt *
deliver_rcpt_add(struct deliver *d)
{
	if (d->rcpt_n == d->rcpt_size) {
		d->rcpt_size = d->rcpt_size == 0 ? 4 : d->rcpt_size * 2;
		d->rcpts = xrealloc(d->rcpts, d->rcpt_size, sizeof(*d->rcpts));
	}
	return &d->rcpts[d->rcpt_n++];
}

/* Asked before: the same accounts. */
static const struct deliver_rcpt *
deliver_rcpt_known(const struct deliver *d, struct str normalised)
{
	for (unsigned i = 0; normalised.n > 0 && i < d->rcpt_n; i++)
		if (str_eq(d->rcpts[i].normalised, normalised))
			return &d->rcpts[i];
	return NULL;
}

/* Whether an alias, a group or who forwards stands between. */
static bool
deliver_is_led(const struct deliver_found *f)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->list[i].via.n > 0)
			return true;
	return false;
}

/*
 * What is asked for holds for whom the address stands for.  The sender is not
 * told of members one by one that they got it: he would learn who they are.
 */
static void
deliver_dsn(struct deliver *d, const struct smtp_rcpt *rcpt,
    const struct deliver_found *f, struct deliver_dsn *dsn_r)
{
	dsn_r->notify = rcpt->notify;
	if (f->n > 1 && (rcpt->notify & SMTP_NOTIFY_SUCCESS)) {
		dsn_r->notify &= ~(unsigned)SMTP_NOTIFY_SUCCESS;
		if (dsn_r->notify == 0)
			dsn_r->notify = SMTP_NOTIFY_NEVER;
	}
	dsn_r->original = deliver_decoded(d->arena, rcpt->orcpt, smtp_orcpt);
	/* forwarded: what he wrote to is all he knows */
	if (dsn_r->original.n == 0 && deliver_is_led(f) && !rcpt->to.utf8)
		dsn_r->original = str_c(arena_printf(d->arena,
		    "rfc822;" STR_FMT, STR_ARG(rcpt->to.mailbox)));
}

static may_yield must_check enum deliver_verdict
deliver_rcpt_new(struct task *t, struct deliver *d,
    const struct smtp_rcpt *rcpt, const struct deliver_found *f,
    struct deliver_rcpt *r)
{
	unsigned elsewhere = deliver_count_elsewhere(f);
	uint64_t max = deliver_domain_max(task_arena(t), d->w, rcpt->to.domain);
	struct deliver_dsn dsn;
	enum deliver_verdict v;

	if (elsewhere > 0 && d->w->queue_store == NULL)
		return DELIVER_TEMP;
	if (d->elsewhere_n + d->account_n + f->n > DELIVER_ACCOUNTS_MAX)
		return DELIVER_MANY;
	if ((max > 0 && d->declared > max) ||
	    (d->most > 0 && d->declared > d->most))
		return DELIVER_TOO_BIG;
	task_set_deadline(t, task_now_ms(t) + DELIVER_RCPT_MS);
	v = deliver_open_all(t, d, f, r);
	task_set_deadline(t, 0);
	if (v != DELIVER_OK)
		return v;
	deliver_set_most(d, max);
	deliver_dsn(d, rcpt, f, &dsn);
	d->success |= (dsn.notify & SMTP_NOTIFY_SUCCESS) != 0;
	r->away = arena_array(d->arena, elsewhere, sizeof(*r->away));
	for (unsigned i = 0; i < f->n; i++)
		if (f->list[i].account_id.n == 0)
			r->away[r->away_n++] =
			    deliver_add_elsewhere(d, &f->list[i], &dsn);
	r->normalised = arena_str(d->arena, f->normalised);
	r->mailbox = arena_str(d->arena, rcpt->to.mailbox);
	for (unsigned i = 0; i < r->n; i++) {
		struct deliver_account *ac = &d->accounts[r->accounts[i]];

		if (ac->rcpt.n > 0)
			continue;
		ac->rcpt = r->mailbox;
		ac->dsn = dsn;
	}
	return DELIVER_OK;
}

enum deliver_verdict
deliver_rcpt(struct task *t, struct deliver *d, const struct smtp_rcpt *rcpt)
{
	struct deliver_rcpt r = { .n = 0 };
	const struct deliver_rcpt *known;
	struct deliver_found f;
	enum deliver_verdict v;

	v = deliver_find(task_arena(t), d, &rcpt->to, task_wall_s(t), &f);
	if (v != DELIVER_OK)
		return v;
	known = deliver_rcpt_known(d, f.normalised);
	if (known != NULL) {
		r = *known;
		r.mailbox = arena_str(d->arena, rcpt->to.mailbox);
	} else {
		v = deliver_rcpt_new(t, d, rcpt, &f, &r);
		if (v != DELIVER_OK)
			return v;
	}
	*deliver_rcpt_add(d) = r;
	return DELIVER_OK;
}
