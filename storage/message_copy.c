/* message_copy.c - COPY and undelete: LINKs to new names, then one entry */
#include <stdlib.h>

#include "base/log.h"
#include "storage/account_private.h"

#define COPY_WINDOW 32 /* calls under way at once */

struct copy_item {
	uint32_t uid; /* of the source; 0: a tombstone */
	uint32_t to;  /* folder */
	struct message_name from, name;
	uint64_t bytes;
	int64_t date;
	uint8_t flags;
	struct str words;
	bool left_out;
};

struct copy {
	struct account *acc;
	uint32_t from, to;
	const struct quota_limit *limit;
	bool skip_missing; /* undelete: what is gone is left out */
	struct copy_item *items;
	unsigned n;
	uint64_t bytes;
	struct message_moved *m;
	unsigned came;
};

/* --- files --- */

struct copy_call {
	struct share_op op;
	char from[MESSAGE_NAME_MAX + 1], name[MESSAGE_NAME_MAX + 1];
	struct share_fh fh;
	struct err *err;
};

/* Look up all sources of the window at once, then link them all at once. */
static may_yield void
copy_window_lookup(struct task *t, struct copy *c, struct copy_call *calls,
    struct copy_item *items, unsigned n)
{
	struct share *s = mailstore_share(c->acc->ms);
	struct share_fh dir;

	for (unsigned i = 0; i < n; i++) {
		struct copy_call *call = &calls[i];

		message_name_format(&items[i].from, call->from);
		message_name_format(&items[i].name, call->name);
		call->err = account_month_dir(t, c->acc, items[i].from.month,
		    false, &dir);
		call->op = (struct share_op){ .proc = SHARE_LOOKUP,
			.lane = SHARE_LANE_BULK,
			.fh = dir,
			.name = str_c(call->from),
			.arena = task_arena(t) };
	}
	for (unsigned i = 0; i < n; i++)
		if (calls[i].err == NULL)
			share_start(t, s, &calls[i].op);
	for (unsigned i = 0; i < n; i++)
		if (calls[i].err == NULL) {
			calls[i].err = share_finish(t, &calls[i].op);
			calls[i].fh = calls[i].op.fh_r;
		}
}

static may_yield void
copy_window_link(struct task *t, struct copy *c, struct copy_call *calls,
    const struct share_fh *dir, unsigned n)
{
	struct share *s = mailstore_share(c->acc->ms);

	for (unsigned i = 0; i < n; i++) {
		if (calls[i].err != NULL)
			continue;
		calls[i].op = (struct share_op){ .proc = SHARE_LINK,
			.lane = SHARE_LANE_COMMIT,
			.fh = calls[i].fh,
			.to = *dir,
			.to_name = str_c(calls[i].name),
			.arena = task_arena(t) };
		share_start(t, s, &calls[i].op);
	}
	for (unsigned i = 0; i < n; i++)
		if (calls[i].err == NULL)
			calls[i].err = share_finish(t, &calls[i].op);
		else
			calls[i].fh.n = 0; /* was not found */
}

/* One barrier for the window's links (barrier_link()): a server that forgot
 * them would leave a committed record without files. */
static may_yield must_check struct err *
copy_window_barrier(struct task *t, struct copy *c,
    const struct copy_call *calls, unsigned n)
{
	struct barrier *b = mailstore_store(c->acc->ms)->barrier;
	uint64_t conn = 0;

	for (unsigned i = 0; i < n; i++) {
		if (calls[i].err != NULL && !err_is(calls[i].err, ERR_EXIST))
			continue;
		if (conn != 0 && calls[i].op.conn != conn)
			return err_new(task_arena(t), ERR_CONN,
			    "links on two connections", NULL);
		conn = calls[i].op.conn;
	}
	return b == NULL || conn == 0 ? NULL : barrier_wait(t, b, conn);
}

/* What went wrong in the window, again one by one with all the care. */
static may_yield must_check struct err *
copy_item_link(struct task *t, struct copy *c, struct copy_item *it)
{
	struct share_fh fh;
	struct err *e;

	e = message_lookup(t, c->acc, &it->from, &fh, NULL);
	if (err_is(e, ERR_NOENT)) {
		it->left_out = true;
		return c->skip_missing
			   ? NULL
			   : err_new(task_arena(t), ERR_CORRUPT,
				 "a message's file is missing", NULL);
	}
	if (e == NULL)
		e = message_link(t, c->acc, &fh, &it->name);
	return e;
}

static may_yield must_check struct err *
copy_window(struct task *t, struct copy *c, struct copy_item *items, unsigned n,
    struct copy_call *calls)
{
	struct share_fh dir;
	struct err *e;
	bool durable;

	e = account_month_dir(t, c->acc, items[0].name.month, true, &dir);
	if (e != NULL)
		return e;
	copy_window_lookup(t, c, calls, items, n);
	copy_window_link(t, c, calls, &dir, n);
	durable = copy_window_barrier(t, c, calls, n) == NULL;
	for (unsigned i = 0; e == NULL && i < n; i++)
		if (!durable ||
		    (calls[i].err != NULL && !err_is(calls[i].err, ERR_EXIST)))
			e = copy_item_link(t, c, &items[i]);
	return e;
}

static may_yield must_check struct err *
copy_files(struct task *t, struct copy *c)
{
	struct copy_call *calls = xcalloc(COPY_WINDOW, sizeof(*calls));
	struct arena_mark mark;
	struct err *e = NULL;

	for (unsigned i = 0; e == NULL && i < c->n; i += COPY_WINDOW) {
		unsigned n = c->n - i < COPY_WINDOW ? c->n - i : COPY_WINDOW;

		mark = arena_mark(task_arena(t));
		e = copy_window(t, c, c->items + i, n, calls);
		if (e == NULL)
			arena_rewind(task_arena(t), mark);
	}
	free(calls);
	return e;
}

/* The entry was refused for ever: its files are nobody's. */
static may_yield void
copy_remove(struct task *t, struct copy *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		struct arena_mark mark = arena_mark(task_arena(t));

		/* an orphan otherwise: the sweep finds it */
		err_ignore(message_unlink(t, c->acc, &c->items[i].name));
		arena_rewind(task_arena(t), mark);
	}
}

/* --- entry --- */

static uint32_t
copy_item_target(const struct copy *c, const struct copy_item *it)
{
	uint32_t to = c->to != 0 ? c->to : it->to;

	if (c->to == 0 && account_state_folder(&c->acc->state, to) == NULL)
		return ACCOUNT_INBOX; /* where it was is gone */
	return to;
}

static void
copy_item_write(struct task *t, const struct copy *c,
    const struct copy_item *it, struct buf *ops)
{
	struct account_op op = {
		.letter = 'a',
		.folder = copy_item_target(c, it),
		.bytes = it->bytes,
		.time = (uint64_t)it->date,
		.flags = it->flags,
		.name = it->name,
		.words = it->words,
	};
	struct buf source;

	buf_init(&source, task_arena(t), 128);
	account_source_format(&source, STR_NONE, &it->from);
	op.source = buf_str(&source);
	account_op_write(ops, &op);
}

/* Flags may have changed since the files were linked. */
static void
copy_item_refresh(struct task *t, const struct copy *c, struct copy_item *it)
{
	const struct message *m;

	if (it->uid == 0)
		return;
	m = message_by_uid(c->acc, c->from, it->uid, NULL);
	if (m == NULL || !message_name_eq(&m->name, &it->from))
		return; /* expunged meanwhile: copied as it was */
	it->flags = m->flags;
	it->words =
	    account_state_words_of(&c->acc->state, task_arena(t), m->keywords);
}

static struct err *
copy_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	struct copy *c = x->arg;
	struct account_state *s = &c->acc->state;
	const struct folder_state *to = account_state_folder(s, c->to);
	struct err *e;

	if (c->to != 0 && to == NULL)
		return err_new(task_arena(t), ERR_NOTFOUND,
		    "there is no such mailbox", NULL);
	if (to != NULL && c->n > UINT32_MAX - to->pub.uidnext)
		return err_new(task_arena(t), ERR_LIMIT,
		    "this mailbox has used up its UIDs", NULL);
	e = quota_check_usage(task_arena(t), s->bytes, s->messages, c->limit,
	    c->bytes, c->n);
	if (e != NULL)
		return e;
	c->came = 0;
	for (unsigned i = 0; i < c->n; i++) {
		if (c->items[i].left_out)
			continue;
		copy_item_refresh(t, c, &c->items[i]);
		copy_item_write(t, c, &c->items[i], ops);
		if (c->m != NULL) {
			c->m->from_r[c->came] = c->items[i].uid;
			c->m->to_r[c->came] = to->pub.uidnext + c->came;
		}
		c->came++;
	}
	if (c->m != NULL) {
		c->m->n = c->came;
		c->m->uidvalidity = to->pub.uidvalidity;
	}
	x->nothing = c->came == 0;
	return NULL;
}

static may_yield must_check struct err *
copy_run(struct task *t, struct copy *c)
{
	struct account_tx x;
	struct err *e;

	account_tx_init(t, c->acc, &x);
	x.compose = copy_compose;
	x.arg = c;
	for (unsigned i = 0; i < c->n; i++) {
		c->items[i].name = (struct message_name){
			.txid = x.tx.txid,
			.ordinal = (uint16_t)i,
			.month = message_month_of(task_wall_s(t)),
		};
		c->bytes += c->items[i].bytes;
	}
	/* before much work: is there room at all? the entry is decisive */
	e = quota_check(task_arena(t), c->acc, c->limit, c->bytes, c->n);
	if (e != NULL)
		return e;
	e = copy_files(t, c);
	if (e != NULL) {
		copy_remove(t, c); /* nothing was sent: they are nobody's */
		return e;
	}
	e = account_commit(t, &x);
	if (e != NULL && journal_err_is_verdict(e))
		copy_remove(t, c);
	return e;
}

static struct err *
copy_check(struct task *t, const struct account *acc, uint64_t n)
{
	if (n > MESSAGE_BATCH)
		return err_new(task_arena(t), ERR_LIMIT,
		    "too many messages at once", NULL);
	return account_writable(task_arena(t), acc);
}

struct err *
message_copy(struct task *t, struct account *acc, uint32_t from,
    const struct uidset *uids, uint32_t to, const struct quota_limit *limit,
    struct message_moved *m_r)
{
	const struct folder_state *f;
	struct copy c = { .acc = acc,
		.from = from,
		.to = to,
		.limit = limit,
		.m = m_r };
	uint32_t at;
	struct err *e;

	*m_r = (struct message_moved){ .n = 0 };
	e = account_loaded(t, acc);
	if (e != NULL)
		return e;
	f = account_state_folder(&acc->state, from);
	if (f == NULL || account_state_folder(&acc->state, to) == NULL)
		return err_new(task_arena(t), ERR_NOTFOUND,
		    "there is no such mailbox", NULL);
	for (uint32_t i = 0; i < uids->n; i++)
		for (at = rows_lower(&f->rows, uids->r[i].lo);
		     at < f->rows.n && f->rows.r[at].uid <= uids->r[i].hi; at++)
			c.n++;
	e = copy_check(t, acc, c.n);
	if (e != NULL || c.n == 0)
		return e;
	c.items = arena_array(task_arena(t), c.n, sizeof(*c.items));
	m_r->from_r = arena_array(task_arena(t), c.n, sizeof(uint32_t));
	m_r->to_r = arena_array(task_arena(t), c.n, sizeof(uint32_t));
	c.n = 0;
	for (uint32_t i = 0; i < uids->n; i++)
		for (at = rows_lower(&f->rows, uids->r[i].lo);
		     at < f->rows.n && f->rows.r[at].uid <= uids->r[i].hi;
		     at++) {
			const struct message *m = &f->rows.r[at];

			c.items[c.n++] = (struct copy_item){
				.uid = m->uid,
				.from = m->name,
				.bytes = m->bytes,
				.date = m->date,
				.flags = m->flags,
				.words = account_state_words_of(&acc->state,
				    task_arena(t), m->keywords),
			};
		}
	return copy_run(t, &c);
}

struct err *
message_undelete(struct task *t, struct account *acc,
    const struct message_name *names, unsigned n, uint32_t to,
    const struct quota_limit *limit, unsigned *n_r)
{
	struct copy c = { .acc = acc,
		.to = to,
		.limit = limit,
		.skip_missing = true };
	const struct tombstone *tomb;
	struct err *e;

	*n_r = 0;
	e = account_loaded(t, acc);
	if (e == NULL)
		e = copy_check(t, acc, n);
	if (e != NULL)
		return e;
	c.items = arena_array(task_arena(t), n + 1UL, sizeof(*c.items));
	for (unsigned i = 0; i < n; i++) {
		tomb = account_state_tomb_named(&acc->state, &names[i]);
		if (tomb == NULL)
			continue;
		c.items[c.n++] = (struct copy_item){
			.to = tomb->folder,
			.from = tomb->name,
			.bytes = tomb->bytes,
			.date = tomb->date,
			.flags = tomb->flags & (uint8_t)~MESSAGE_DELETED,
		};
	}
	if (c.n == 0)
		return NULL;
	e = copy_run(t, &c);
	if (e == NULL)
		*n_r = c.came;
	return e;
}
