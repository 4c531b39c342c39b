/* message_change.c - flags, EXPUNGE and MOVE: one entry each */
#include <stdlib.h>

#include "storage/account_private.h"

/* A folder's rows whose UIDs are in a set. */
static void
message_each(const struct folder_state *f, const struct uidset *uids,
    void (*fn)(const struct message *m, void *arg), void *arg)
{
	for (uint32_t i = 0; i < uids->n; i++) {
		uint32_t at = rows_lower(&f->rows, uids->r[i].lo);

		for (; at < f->rows.n && f->rows.r[at].uid <= uids->r[i].hi;
		     at++)
			fn(&f->rows.r[at], arg);
	}
}

static struct err *
message_no_folder(struct arena *a)
{
	return err_new(a, ERR_NOTFOUND, "there is no such mailbox", NULL);
}

/* --- flags --- */

struct message_storing {
	uint32_t folder;
	const struct uidset *uids;
	struct message_store *s;
	struct str words;
	uint64_t keywords; /* bits of words that have one */
	bool new_words;
	struct uidset changed;
};

static bool
message_store_changes(const struct message_storing *st, const struct message *m)
{
	uint8_t flags = st->s->flags & MESSAGE_FLAGS;

	switch (st->s->mode) {
	case MESSAGE_STORE_ADD:
		return st->new_words || (m->flags & flags) != flags ||
		       (m->keywords & st->keywords) != st->keywords;
	case MESSAGE_STORE_REMOVE:
		return (m->flags & flags) != 0 ||
		       (m->keywords & st->keywords) != 0;
	case MESSAGE_STORE_REPLACE:
		return st->new_words || m->flags != flags ||
		       m->keywords != st->keywords;
	}
	return false;
}

static void
message_store_row(const struct message *m, void *arg)
{
	struct message_storing *st = arg;

	if (m->modseq > st->s->unchanged_since) {
		uidset_add(&st->s->modified_r, m->uid);
		return;
	}
	uidset_add(&st->s->stored_r, m->uid);
	if (message_store_changes(st, m))
		uidset_add(&st->changed, m->uid);
}

static bool
message_store_has_new(const struct account_state *s, struct str words)
{
	struct str word;

	while (str_split(&words, ' ', &word))
		if (account_state_keyword_bit(s, word) < 0)
			return true;
	return false;
}

static struct err *
message_store_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	struct message_storing *st = x->arg;
	struct account_state *s = &x->acc->state;
	const struct folder_state *f = account_state_folder(s, st->folder);
	struct account_op op = { .letter = 'f', .folder = st->folder };

	if (f == NULL)
		return message_no_folder(task_arena(t));
	if (st->s->mode != MESSAGE_STORE_REMOVE &&
	    !account_state_words_fit(s, st->words))
		return err_new(task_arena(t), ERR_LIMIT,
		    "this account has too many keywords", NULL);
	st->keywords = account_state_words_known(s, st->words);
	st->new_words = message_store_has_new(s, st->words);
	uidset_init(&st->s->stored_r, task_arena(t));
	uidset_init(&st->s->modified_r, task_arena(t));
	uidset_init(&st->changed, task_arena(t));
	message_each(f, st->uids, message_store_row, st);
	x->nothing = uidset_is_empty(&st->changed);
	op.uids = st->changed;
	if (st->s->mode == MESSAGE_STORE_REMOVE) {
		op.flags2 = st->s->flags & MESSAGE_FLAGS;
		op.words2 = st->words;
	} else {
		op.flags = st->s->flags & MESSAGE_FLAGS;
		op.words = st->words;
	}
	if (st->s->mode == MESSAGE_STORE_REPLACE)
		op.letter = 's';
	account_op_write(ops, &op);
	return NULL;
}

struct err *
message_store_flags(struct task *t, struct account *acc, uint32_t folder,
    const struct uidset *uids, struct message_store *s)
{
	struct message_storing st = { .folder = folder, .uids = uids, .s = s };
	struct account_tx x;
	struct err *e;

	e = message_words_check(task_arena(t), s->keywords, s->keyword_count,
	    &st.words);
	if (e != NULL)
		return e;
	account_tx_init(t, acc, &x);
	x.compose = message_store_compose;
	x.arg = &st;
	/* \Deleted: the first half of removing */
	x.removes = (s->flags & MESSAGE_DELETED) != 0;
	e = account_commit(t, &x);
	s->modseq_r = e == NULL ? x.tx.seq_r : 0;
	return e;
}

/* --- expunge --- */

struct message_expunging {
	uint32_t folder;
	const struct uidset *uids;
	bool only_deleted;
	struct uidset gone;
};

static void
message_expunge_row(const struct message *m, void *arg)
{
	struct message_expunging *ex = arg;

	if (!ex->only_deleted || (m->flags & MESSAGE_DELETED) != 0)
		uidset_add(&ex->gone, m->uid);
}

static struct err *
message_expunge_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	struct message_expunging *ex = x->arg;
	const struct folder_state *f =
	    account_state_folder(&x->acc->state, ex->folder);
	struct account_op op = { .letter = 'x', .folder = ex->folder };

	if (f == NULL)
		return message_no_folder(task_arena(t));
	uidset_init(&ex->gone, task_arena(t));
	message_each(f, ex->uids, message_expunge_row, ex);
	x->nothing = uidset_is_empty(&ex->gone);
	op.uids = ex->gone;
	account_op_write(ops, &op);
	return NULL;
}

struct err *
message_expunge(struct task *t, struct account *acc, uint32_t folder,
    const struct uidset *uids, bool only_deleted, struct uidset *expunged_r)
{
	struct message_expunging ex = { .folder = folder,
		.uids = uids,
		.only_deleted = only_deleted };
	struct account_tx x;
	struct err *e;

	account_tx_init(t, acc, &x);
	x.compose = message_expunge_compose;
	x.arg = &ex;
	x.removes = true;
	e = account_commit(t, &x);
	if (expunged_r != NULL) {
		uidset_init(expunged_r, task_arena(t));
		if (e == NULL)
			*expunged_r = ex.gone;
	}
	return e;
}

/* --- move --- */

struct message_moving {
	uint32_t from, to;
	const struct uidset *uids;
	struct uidset moved;
	struct message_moved *m;
};

static void
message_move_row(const struct message *m, void *arg)
{
	struct message_moving *mv = arg;

	uidset_add(&mv->moved, m->uid);
}

static void
message_move_pairs(struct task *t, struct message_moving *mv,
    const struct folder_state *to)
{
	uint32_t n = (uint32_t)uidset_count(&mv->moved), k = 0;
	struct message_moved *m = mv->m;

	*m = (struct message_moved){
		.n = n,
		.uidvalidity = to->pub.uidvalidity,
		.from_r = arena_array(task_arena(t), n + 1UL, 4),
		.to_r = arena_array(task_arena(t), n + 1UL, 4),
	};
	/* only UIDs of rows are in the set: its ranges may be walked */
	for (uint32_t i = 0; i < mv->moved.n; i++)
		for (uint64_t u = mv->moved.r[i].lo; u <= mv->moved.r[i].hi;
		     u++, k++) {
			m->from_r[k] = (uint32_t)u;
			m->to_r[k] = to->pub.uidnext + k;
		}
}

static struct err *
message_move_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	struct message_moving *mv = x->arg;
	const struct account_state *s = &x->acc->state;
	const struct folder_state *f = account_state_folder(s, mv->from);
	const struct folder_state *to = account_state_folder(s, mv->to);
	struct account_op op = { .letter = 'm',
		.folder = mv->from,
		.folder2 = mv->to };

	if (f == NULL || to == NULL)
		return message_no_folder(task_arena(t));
	uidset_init(&mv->moved, task_arena(t));
	message_each(f, mv->uids, message_move_row, mv);
	if (uidset_count(&mv->moved) > UINT32_MAX - to->pub.uidnext)
		return err_new(task_arena(t), ERR_LIMIT,
		    "this mailbox has used up its UIDs", NULL);
	message_move_pairs(t, mv, to);
	x->nothing = mv->m->n == 0;
	op.uids = mv->moved;
	account_op_write(ops, &op);
	return NULL;
}

struct err *
message_move(struct task *t, struct account *acc, uint32_t from,
    const struct uidset *uids, uint32_t to, struct message_moved *m_r)
{
	struct message_moving mv = { .from = from,
		.to = to,
		.uids = uids,
		.m = m_r };
	struct account_tx x;

	*m_r = (struct message_moved){ .n = 0 };
	if (from == to)
		return err_new(task_arena(t), ERR_INVALID,
		    "a message cannot be moved to where it is", NULL);
	account_tx_init(t, acc, &x);
	x.compose = message_move_compose;
	x.arg = &mv;
	/* to the trash, mostly: the first half of removing */
	x.removes = true;
	return account_commit(t, &x);
}
