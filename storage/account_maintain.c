/* account_maintain.c - closing, forgetting, orphans */
#include <stdlib.h>

#include "base/log.h"
#include "storage/account_private.h"

#define MAINTAIN_CLOCK_OFF_S 86400
#define MAINTAIN_ORPHANS 1000 /* of one run */

/* --- closed and reopened --- */

static struct err *
account_shut_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	struct account_op op = { .letter = 'K' };

	(void)t;
	x->nothing = x->acc->state.state != 'o';
	account_op_write(ops, &op);
	return NULL;
}

struct err *
account_shut(struct task *t, struct account *acc)
{
	struct account_tx x;

	account_tx_init(t, acc, &x);
	x.compose = account_shut_compose;
	x.when_closed = true;
	x.removes = true;
	return account_commit(t, &x);
}

static struct err *
account_reopen_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	struct account_op op = { .letter = 'O' };

	(void)t;
	x->nothing = x->acc->state.state == 'o';
	account_op_write(ops, &op);
	return NULL;
}

struct err *
account_reopen(struct task *t, struct account *acc)
{
	struct account_tx x;

	account_tx_init(t, acc, &x);
	x.compose = account_reopen_compose;
	x.when_closed = true; /* a purged one is refused by account_commit */
	return account_commit(t, &x);
}

/* --- the share's clock --- */

struct err *
account_clock_is_sane(struct task *t, struct account *acc, bool *sane_r)
{
	int64_t now = task_wall_s(t), share_now;
	struct err *e;

	*sane_r = false;
	e = share_clock(t, mailstore_share(acc->ms), SHARE_LANE_ADMIN,
	    &acc->dir, &share_now);
	if (e != NULL)
		return e;
	*sane_r = share_now >= now - MAINTAIN_CLOCK_OFF_S;
	if (!*sane_r)
		log_warn(t, "clock is ahead of the share's: nothing forgotten",
		    LOG_C("account", acc->id),
		    LOG_I64("seconds", now - share_now));
	return NULL;
}

/* --- forgetting --- */

uint64_t
account_entry_older(const struct account *acc, uint64_t age_s, int64_t now_s)
{
	const struct account_state *s = &acc->state;
	uint64_t upto = 0;

	if (now_s < 0 || age_s > (uint64_t)now_s)
		return 0;
	for (unsigned i = 0; i < s->mark_count; i++)
		if (s->marks[i].time <= (uint64_t)now_s - age_s)
			upto = s->marks[i].seq;
	return upto;
}

/* Entry number up to which all is older than keep_days; 0: nothing. */
static uint64_t
account_forget_upto(const struct account *acc, int64_t now)
{
	uint64_t keep = (uint64_t)mailstore_config(acc->ms)->keep_days * 86400;
	uint64_t upto = account_entry_older(acc, keep, now);

	return upto > acc->state.forgotten + 1 ? upto - 1 : 0;
}

/* A day's first entry carries the mark; deliveries into an account that nobody
 * opens carry none. */
static struct err *
account_mark_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	const struct account_state *s = &x->acc->state;

	(void)t;
	x->nothing = ops->n == 0 ||
		     (s->mark_count > 0 && s->marks[s->mark_count - 1].seq ==
					       account_head(x->acc));
	return NULL;
}

struct err *
account_mark(struct task *t, struct account *acc)
{
	struct account_tx x;

	account_tx_init(t, acc, &x);
	x.compose = account_mark_compose;
	x.when_closed = true;
	return account_commit(t, &x);
}

static struct err *
account_forget_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	struct account_op op = { .letter = 'F',
		.seq = *(const uint64_t *)x->arg };

	(void)t;
	x->nothing = op.seq <= x->acc->state.forgotten;
	account_op_write(ops, &op);
	return NULL;
}

/* Files first: once the tombstone is forgotten nothing names them. */
static may_yield must_check struct err *
account_forget_files(struct task *t, struct account *acc, uint64_t upto,
    struct account_maintain *m)
{
	const struct account_state *s = &acc->state;
	struct message_name *names;
	unsigned n = 0;
	struct err *e = NULL;

	names = xcalloc(s->tomb_count + 1UL, sizeof(*names));
	for (unsigned i = 0; i < s->tomb_count && s->tombs[i].modseq <= upto;
	     i++)
		if (s->tombs[i].name.month != 0)
			names[n++] = s->tombs[i].name;
	for (unsigned i = 0; e == NULL && i < n; i++) {
		struct arena_mark mark = arena_mark(task_arena(t));

		e = message_unlink(t, acc, &names[i]);
		if (e == NULL) {
			m->files_removed++;
			arena_rewind(task_arena(t), mark);
		}
	}
	free(names);
	return e;
}

static may_yield must_check struct err *
account_forget(struct task *t, struct account *acc, struct account_maintain *m)
{
	uint64_t upto = account_forget_upto(acc, task_wall_s(t));
	struct account_tx x;
	struct err *e;
	bool sane;

	if (upto == 0)
		return NULL;
	e = account_clock_is_sane(t, acc, &sane);
	if (e != NULL || !sane)
		return e;
	e = account_forget_files(t, acc, upto, m);
	if (e != NULL)
		return e;
	account_tx_init(t, acc, &x);
	x.compose = account_forget_compose;
	x.when_closed = true;
	x.removes = true;
	x.arg = &upto;
	e = account_commit(t, &x);
	if (e == NULL)
		m->forgotten_r = upto;
	return e;
}

/* --- orphans --- */

struct account_orphans {
	struct account *acc;
	struct message_name *names;
	unsigned n;
	unsigned voided; /* put into the entry */
	bool young;
};

static bool
account_is_orphan(const struct account *acc, const struct message_name *name)
{
	return account_state_row_named(&acc->state, name, NULL) == NULL &&
	       account_state_tomb_named(&acc->state, name) == NULL;
}

static may_yield must_check struct err *
account_orphan_old(struct task *t, struct account *acc,
    const struct message_name *name, int64_t share_now, bool *old_r)
{
	int64_t hours = mailstore_config(acc->ms)->orphan_hours;
	struct share_attr attr;
	struct share_fh fh;
	struct err *e;

	*old_r = false;
	e = message_lookup(t, acc, name, &fh, &attr);
	if (err_is(e, ERR_NOENT) || err_is(e, ERR_CORRUPT))
		return NULL;
	if (e != NULL)
		return e;
	/* LINK changes the ctime of a file that is older */
	if (attr.ctime_ns > attr.mtime_ns)
		attr.mtime_ns = attr.ctime_ns;
	*old_r = attr.mtime_ns / 1000000000 + hours * 3600 <= share_now;
	return NULL;
}

static may_yield must_check struct err *
account_orphans_month(struct task *t, struct account_orphans *o,
    struct str month_name, int64_t share_now)
{
	struct share *s = mailstore_share(o->acc->ms);
	struct message_name name;
	struct share_dirent *d;
	struct share_fh dir;
	uint16_t month;
	bool old;
	struct err *e;

	if (!message_month_parse(month_name, &month))
		return NULL;
	e = account_month_dir(t, o->acc, month, false, &dir);
	if (e == NULL)
		e = share_readdir(t, s, SHARE_LANE_ADMIN, &dir, ACCOUNT_DIR_MAX,
		    &d, NULL);
	if (e != NULL)
		return err_is(e, ERR_NOENT) ? NULL : e;
	for (; d != NULL && o->n < MAINTAIN_ORPHANS; d = d->next) {
		if (!message_name_parse(d->name, &name))
			continue;
		name.month = month;
		if (!account_is_orphan(o->acc, &name))
			continue;
		e = account_orphan_old(t, o->acc, &name, share_now, &old);
		if (e != NULL)
			return e;
		if (old || o->young)
			o->names[o->n++] = name;
	}
	return NULL;
}

/* Every name is looked at again in the state the entry will meet: what has
 * become a row meanwhile stays (model files, O). */
static struct err *
account_void_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	struct account_orphans *o = x->arg;
	struct txid last = { { 0 } };
	unsigned keep = 0;

	(void)t;
	o->voided = 0;
	for (unsigned i = 0; i < o->n; i++) {
		struct message_name *name = &o->names[i];

		if (!account_is_orphan(o->acc, name))
			continue;
		o->names[keep++] = *name;
		if (journal_is_voided(o->acc->journal, &name->txid) ||
		    txid_eq(&name->txid, &last))
			continue;
		last = name->txid;
		record_op(ops, 'D');
		record_txid(ops, &name->txid);
		o->voided++;
	}
	o->n = keep;
	x->nothing = o->voided == 0;
	return NULL;
}

static int
account_orphan_cmp(const void *x, const void *y)
{
	const struct message_name *a = x, *b = y;
	int c = memcmp(a->txid.b, b->txid.b, sizeof(a->txid.b));

	return c != 0 ? c : (int)a->ordinal - (int)b->ordinal;
}

static may_yield must_check struct err *
account_orphans_remove(struct task *t, struct account_orphans *o,
    struct account_maintain *m)
{
	struct account_tx x;
	struct err *e = NULL;

	if (o->n == 0)
		return NULL;
	qsort(o->names, o->n, sizeof(*o->names), account_orphan_cmp);
	account_tx_init(t, o->acc, &x);
	x.compose = account_void_compose;
	x.when_closed = true;
	x.removes = true;
	x.arg = o;
	if (SAFEGUARD(SAFE_VOID))
		e = account_commit(t, &x);
	if (e != NULL)
		return e;
	m->orphans_voided += o->voided;
	for (unsigned i = 0; e == NULL && i < o->n; i++) {
		e = message_unlink(t, o->acc, &o->names[i]);
		m->files_removed += e == NULL;
	}
	return e;
}

static may_yield must_check struct err *
account_sweep(struct task *t, struct account *acc, struct account_maintain *m)
{
	struct share *s = mailstore_share(acc->ms);
	struct account_orphans o = { .acc = acc, .young = m->young };
	struct share_dirent *d;
	struct share_fh msg;
	int64_t share_now;
	struct err *e;

	e = share_clock(t, mailstore_share(acc->ms), SHARE_LANE_ADMIN,
	    &acc->dir, &share_now);
	if (e == NULL)
		e = share_lookup(t, s, SHARE_LANE_ADMIN, &acc->dir, STR("msg"),
		    &msg, NULL);
	if (e == NULL)
		e = share_readdir(t, s, SHARE_LANE_ADMIN, &msg, ACCOUNT_DIR_MAX,
		    &d, NULL);
	if (e != NULL)
		return e;
	o.names = xcalloc(MAINTAIN_ORPHANS, sizeof(*o.names));
	for (; e == NULL && d != NULL; d = d->next)
		e = account_orphans_month(t, &o, d->name, share_now);
	if (e == NULL)
		e = account_orphans_remove(t, &o, m);
	free(o.names);
	return e;
}

static may_yield must_check struct err *
account_maintain_once(struct task *t, struct account *acc,
    struct account_maintain *m)
{
	struct err *e;

	e = account_refresh(t, acc);
	if (e == NULL)
		e = account_mark(t, acc);
	if (e == NULL)
		e = account_forget(t, acc, m);
	if (e == NULL && m->sweep)
		e = account_sweep(t, acc, m);
	if (e == NULL)
		e = journal_maintain(t, acc->journal, m->force);
	if (e == NULL)
		e = quota_publish(t, acc);
	/* for a full share: missing until the next time, if it cannot be */
	if (e == NULL)
		err_ignore(mailstore_ballast_ensure(t, acc->ms));
	return e;
}

struct err *
account_maintain(struct task *t, struct account *acc,
    struct account_maintain *m)
{
	struct err *e;

	m->files_removed = m->orphans_voided = 0;
	m->forgotten_r = 0;
	e = account_maintain_once(t, acc, m);
	if (!err_is(e, ERR_STALE))
		return e;
	/* a directory was replaced under our handles */
	e = account_relocate(t, acc);
	return e != NULL ? e : account_maintain_once(t, acc, m);
}
