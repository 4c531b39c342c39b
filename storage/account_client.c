/* account_client.c - what an account tells its journal */
#include <stdlib.h>

#include "base/log.h"
#include "storage/account_private.h"

#define ACCOUNT_TOTALS_BYTES 256

/* --- state --- */

static void
account_client_reset(void *arg)
{
	struct account *acc = arg;

	/* Sessions go on looking at the old state until there is another: if
	 * load follows, it swaps; else the first entry begins from nothing. */
	acc->reset_due = true;
}

void
account_state_drop(struct account *acc)
{
	acc->reset_due = false;
	account_state_reset(&acc->state);
	acc->bases = (struct account_ckpt_bases){ .rows = 0 };
	account_seg_clear(&acc->rows_seg);
	account_seg_clear(&acc->tomb_seg);
	account_env_unstage(acc);
	envs_clear(&acc->envs);
}

static const struct journal_seg *
account_seg_of(const struct journal_ckpt *c, const char *kind)
{
	for (unsigned i = 0; i < c->seg_count; i++)
		if (str_eq_c(c->segs[i].kind, kind))
			return &c->segs[i];
	return NULL;
}

/* Kinds in the order of account_ckpt_load. */
static const char *const account_kinds[3] = { "head", "rows", "tomb" };

static may_yield must_check struct err *
account_ckpt_read(struct task *t, struct account *acc,
    const struct journal_ckpt *c, struct arena *a, struct str data_r[3])
{
	struct journal_seg segs[3];
	struct str data[3];
	const struct journal_seg *seg;
	unsigned n = 0, of[3] = { 0 };
	struct err *e;

	for (unsigned i = 0; i < countof(account_kinds); i++) {
		data_r[i] = STR_NONE;
		seg = account_seg_of(c, account_kinds[i]);
		if (seg == NULL)
			continue;
		of[n] = i;
		segs[n++] = *seg;
	}
	e = journal_seg_read(t, acc->journal, segs, n, a, data);
	for (unsigned i = 0; e == NULL && i < n; i++)
		data_r[of[i]] = data[i];
	return e;
}

/* Remember which segments the state came from, to keep them next time. */
static void
account_ckpt_note(struct account *acc, const struct journal_ckpt *c)
{
	const struct journal_seg *seg;
	struct arena *a = arena_new(0);

	account_seg_clear(&acc->rows_seg);
	account_seg_clear(&acc->tomb_seg);
	seg = account_seg_of(c, "rows");
	if (seg != NULL)
		account_seg_set(&acc->rows_seg, seg);
	seg = account_seg_of(c, "tomb");
	if (seg != NULL)
		account_seg_set(&acc->tomb_seg, seg);
	envs_clear(&acc->envs);
	for (unsigned i = 0; i < c->seg_count; i++)
		if (str_eq_c(c->segs[i].kind, "env")) {
			/* only a cache: rows that point nowhere are parsed */
			err_ignore(envs_add(a, &acc->envs, &c->segs[i]));
		}
	arena_free(&a);
}

static may_yield must_check struct err *
account_client_load(struct task *t, void *arg, const struct journal_ckpt *c)
{
	struct account *acc = arg;
	struct account_state fresh;
	struct account_ckpt_bases bases;
	struct arena *a = arena_new(2UL << 30);
	struct str data[3];
	uint64_t seq = 0;
	struct err *e;

	account_state_init(&fresh);
	e = account_ckpt_read(t, acc, c, a, data);
	if (e == NULL)
		e = account_ckpt_load(task_arena(t), &fresh, data[0], data[1],
		    data[2], &seq, &bases);
	arena_free(&a);
	if (e == NULL && seq != c->seq)
		e = err_new(task_arena(t), ERR_CORRUPT,
		    "the account's checkpoint is damaged (number)", NULL);
	if (e != NULL) {
		account_state_free(&fresh);
		return e;
	}
	account_state_drop(acc);
	acc->state = fresh;
	acc->bases = bases;
	account_ckpt_note(acc, c);
	return NULL;
}

static struct err *
account_client_apply(struct task *t, void *arg, const struct journal_entry *e)
{
	struct account *acc = arg;
	struct arena_mark mark = arena_mark(task_arena(t));
	struct account_op *ops;
	unsigned n;
	struct err *err;

	err = account_ops_parse(task_arena(t), e->ops, &e->txid, &ops, &n);
	if (err == NULL && e->seq > ROW_MODSEQ_MAX)
		err = err_new(task_arena(t), ERR_FORMAT,
		    "the account has more entries than can be", NULL);
	if (err != NULL)
		return err;
	if (acc->reset_due)
		account_state_drop(acc);
	account_state_apply(&acc->state, ops, n, e->seq);
	arena_rewind(task_arena(t), mark);
	return NULL;
}

static void
account_client_totals(void *arg, struct str ops, struct buf *out)
{
	struct account *acc = arg;
	static const struct txid none;
	struct arena *a = arena_new(0);
	struct account_totals tt;
	struct account_op *list;
	unsigned n;
	struct err *e;

	if (acc->reset_due)
		account_state_drop(acc);
	e = account_ops_parse(a, ops, &none, &list, &n);
	if (e == NULL) {
		account_state_totals(&acc->state, list, n, &tt);
		account_totals_format(out, &tt);
	} else
		buf_char(out, '-');
	arena_free(&a);
}

static void
account_client_changed(void *arg)
{
	struct account *acc = arg;
	struct account_watch *next;

	for (struct account_watch *w = acc->watches; w != NULL; w = next) {
		next = w->next;
		w->fn(w->arg);
	}
}

/* --- checkpoints --- */

static may_yield must_check struct err *
account_client_prepare(struct task *t, void *arg)
{
	return account_env_prepare(t, arg);
}

static bool
account_base_is_due(uint32_t changed, uint64_t base_bytes, uint64_t width)
{
	if (changed <= ACCOUNT_CKPT_LEAST)
		return false;
	return changed * width * JOURNAL_SEG_SLACK > base_bytes;
}

static void
account_save_base(struct ckpt_writer *w, struct buf *b, const char *kind,
    const struct account_seg *old, bool due)
{
	if (due)
		ckpt_add(w, kind, STR("-"), buf_str(b));
	else if (old->there)
		ckpt_keep(w, &old->seg);
}

static may_yield must_check struct err *
account_client_save(struct task *t, void *arg, struct ckpt_writer *w)
{
	struct account *acc = arg;
	struct account_state *s = &acc->state;
	struct account_ckpt_bases bases = acc->bases;
	uint64_t seq = journal_head(acc->journal);
	struct arena *a = arena_new(2UL << 30);
	bool rows_due, tomb_due;
	struct buf rows, tomb, head;
	struct err *e = NULL;

	account_env_unstage(acc);
	if (s->base_seq == 0) /* of a base that was not published */
		s->gone_count = 0;
	account_env_save(t, acc, w, seq);
	rows_due = account_base_is_due(account_ckpt_rows_changed(s, bases.rows),
	    acc->rows_seg.there ? acc->rows_seg.seg.bytes : 0, ROW_BYTES);
	tomb_due =
	    account_base_is_due(account_ckpt_tombs_changed(s, bases.tomb),
		acc->tomb_seg.there ? acc->tomb_seg.seg.bytes : 0,
		ACCOUNT_TOMB_BYTES);
	buf_init(&rows, a, ACCOUNT_SEG_MAX);
	buf_init(&tomb, a, ACCOUNT_SEG_MAX);
	buf_init(&head, a, ACCOUNT_SEG_MAX);
	if (rows_due) {
		bases.rows = seq;
		account_ckpt_rows(&rows, s, seq);
	}
	if (tomb_due) {
		bases.tomb = seq;
		account_ckpt_tomb(&tomb, s, seq);
	}
	account_ckpt_head(&head, s, seq, &bases);
	if (buf_ok(&rows) && buf_ok(&tomb) && buf_ok(&head)) {
		ckpt_arg(w, STR("-"));
		ckpt_add(w, "head", STR("-"), buf_str(&head));
		account_save_base(w, &rows, "rows", &acc->rows_seg, rows_due);
		account_save_base(w, &tomb, "tomb", &acc->tomb_seg, tomb_due);
		acc->staged.active = true;
		acc->staged.bases = bases;
		acc->staged.gone = s->gone_count;
		s->gone_new = rows_due;
	} else
		e = err_new(task_arena(t), ERR_LIMIT,
		    "the account is too large for a checkpoint", NULL);
	arena_free(&a);
	return e;
}

static may_yield void
account_publish_usage(struct task *t, struct account *acc)
{
	struct err *e = quota_publish(t, acc);

	/* never decisive: the next checkpoint publishes again */
	if (e != NULL)
		log_debug(t, "quota", "usage not published", LOG_ERR(e));
}

static void
account_client_saved(void *arg, const struct journal_ckpt *c)
{
	struct account *acc = arg;
	struct account_state *s = &acc->state;

	if (!acc->staged.active)
		return;
	if (acc->staged.bases.rows != acc->bases.rows) {
		s->base_seq = acc->staged.bases.rows;
		s->gone_count -= acc->staged.gone;
		if (s->gone_count > 0)
			memmove(s->gone, s->gone + acc->staged.gone,
			    s->gone_count * sizeof(*s->gone));
		for (unsigned i = 0; i < s->folder_count; i++)
			for (uint32_t j = 0; j < s->by_id[i]->rows.n; j++)
				s->by_id[i]->rows.r[j].unsaved = false;
	}
	s->gone_new = false;
	acc->bases = acc->staged.bases;
	for (unsigned i = 0; i < acc->staged.env_n; i++)
		envs_unpend(&acc->envs, &acc->staged.env_rows[i].name);
	free(acc->staged.env_rows);
	acc->staged = (struct account_staged){ .active = false };
	account_ckpt_note(acc, c);
	if (!mailstore_config(acc->ms)->no_background)
		account_background(acc, "account-usage", account_publish_usage);
}

/* --- after a server that forgot --- */

/* Whether the file an ADD names is there, made again from its source if need
 * be. */
static may_yield must_check struct err *
account_refile_one(struct task *t, struct account *acc,
    const struct account_op *op, bool *there_r)
{
	struct share_fh fh;
	struct err *e;

	*there_r = false;
	e = message_lookup(t, acc, &op->name, &fh, NULL);
	if (e == NULL) {
		*there_r = true;
		return NULL;
	}
	if (!err_is(e, ERR_NOENT))
		return e;
	if (op->source.n == 0)
		return NULL;
	e = message_source_lookup(t, acc, op->source, &fh);
	if (err_is(e, ERR_NOENT))
		return NULL;
	if (e == NULL)
		e = message_link(t, acc, &fh, &op->name);
	*there_r = e == NULL;
	return e;
}

static may_yield must_check struct err *
account_client_refile(struct task *t, void *arg, const struct journal_entry *je,
    struct buf *ops_r, bool *whole_r)
{
	struct account *acc = arg;
	struct str rest = je->ops, one;
	struct account_op *ops;
	unsigned n;
	bool there;
	struct err *e;

	*whole_r = true;
	while (str_split(&rest, ';', &one)) {
		there = true;
		if (one.n > 0 && (one.p[0] == 'a' || one.p[0] == 'h')) {
			e = account_ops_parse(task_arena(t), one, &je->txid,
			    &ops, &n);
			if (e == NULL && n == 1)
				e = account_refile_one(t, acc, &ops[0], &there);
			if (e != NULL)
				return e;
		}
		if (!there) {
			log_alarm(t, "message file lost by the server",
			    LOG_C("account", acc->id), LOG_STR("op", one));
			*whole_r = false;
			continue;
		}
		if (ops_r->n > 0)
			buf_char(ops_r, ';');
		buf_str_add(ops_r, one);
	}
	return NULL;
}

static void
account_client_forked(struct task *t, void *arg, struct buf *ops_r)
{
	struct account *acc = arg;

	for (unsigned i = 0; i < acc->state.folder_count; i++) {
		struct account_op op = {
			.letter = 'w',
			.folder = acc->state.by_id[i]->pub.id,
			.uidvalidity = account_state_uidvalidity(&acc->state,
			    task_wall_s(t), i),
		};

		account_op_write(ops_r, &op);
	}
}

const struct journal_client account_client = {
	.name = "account",
	.reset = account_client_reset,
	.load = account_client_load,
	.apply = account_client_apply,
	.totals = account_client_totals,
	.prepare = account_client_prepare,
	.save = account_client_save,
	.saved = account_client_saved,
	.refile = account_client_refile,
	.forked = account_client_forked,
	.changed = account_client_changed,
};
