/* account_purge.c - removing a closed account for ever */
#include <stdlib.h>

#include "base/log.h"
#include "storage/account_private.h"

#define PURGE_TRIES 5

/*
 * The order is what keeps a late deliverer from being acknowledged (model
 * fence, 2): PURGED is committed, ckpt/<greatest> published, everything else
 * removed, then log/, and ckpt/ last.
 */
static struct err *
account_purge_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	struct account_op op = { .letter = 'P' };

	if (x->acc->state.state == 'o')
		return err_new(task_arena(t), ERR_CONFLICT,
		    "the account is open: close it first", NULL);
	account_op_write(ops, &op);
	return NULL;
}

struct purge {
	struct share *share;
	struct share_fh dir; /* the account's */
	struct share_fh ckpt;
};

/* READDIR(ckpt) of a journal that may be half gone; *final_r: the greatest name
 * is published, so it was purged. */
static may_yield must_check struct err *
purge_look(struct task *t, struct purge *p, bool *final_r)
{
	char top[SEQ_DIGITS + 1];
	struct err *e;

	*final_r = false;
	e = share_lookup(t, p->share, SHARE_LANE_ADMIN, &p->dir, STR("ckpt"),
	    &p->ckpt, NULL);
	if (e != NULL)
		return e;
	seq_name(RECORD_SEQ_MAX, top);
	e = share_lookup(t, p->share, SHARE_LANE_ADMIN, &p->ckpt, str_c(top),
	    NULL, NULL);
	*final_r = e == NULL;
	return err_is(e, ERR_NOENT) ? NULL : e;
}

static may_yield must_check struct err *
purge_publish(struct task *t, struct purge *p)
{
	char top[SEQ_DIGITS + 1];
	struct err *e = NULL;

	seq_name(RECORD_SEQ_MAX, top);
	for (unsigned i = 0; i < PURGE_TRIES; i++) {
		e = share_symlink(t, p->share, SHARE_LANE_ADMIN, &p->ckpt,
		    str_c(top), STR("purged"), NULL, NULL);
		if (e == NULL || err_is(e, ERR_EXIST))
			return NULL;
		if (!share_err_is_unknown(e))
			break;
	}
	return e;
}

/* The names of a directory, but `keep`; subdirectories down to `depth`. */
static may_yield must_check struct err *
purge_empty(struct task *t, struct purge *p, const struct share_fh *dir,
    struct str keep, unsigned depth)
{
	struct share_dirent *d;
	struct share_attr attr;
	struct share_fh fh;
	struct err *e;

	e = share_readdir(t, p->share, SHARE_LANE_ADMIN, dir, ACCOUNT_DIR_MAX,
	    &d, NULL);
	for (; e == NULL && d != NULL; d = d->next) {
		if (str_eq(d->name, keep))
			continue;
		if (depth == 0) {
			e = share_remove_quiet(t, p->share, SHARE_LANE_ADMIN,
			    dir, d->name);
			continue;
		}
		e = share_lookup(t, p->share, SHARE_LANE_ADMIN, dir, d->name,
		    &fh, &attr);
		if (err_is(e, ERR_NOENT)) {
			e = NULL;
			continue;
		}
		if (e == NULL && attr.type != SHARE_DIR)
			e = share_remove_quiet(t, p->share, SHARE_LANE_ADMIN,
			    dir, d->name);
		else if (e == NULL) {
			e = purge_empty(t, p, &fh, STR_NONE, depth - 1);
			if (e == NULL)
				e = share_rmdir(t, p->share, SHARE_LANE_ADMIN,
				    dir, d->name);
			if (err_is(e, ERR_NOENT))
				e = NULL;
		}
	}
	return e;
}

/* One of the account's directories, if it is (still) there. */
static may_yield must_check struct err *
purge_dir(struct task *t, struct purge *p, const char *name, struct str keep,
    unsigned depth)
{
	struct share_fh fh;
	struct err *e;

	e = share_lookup(t, p->share, SHARE_LANE_ADMIN, &p->dir, str_c(name),
	    &fh, NULL);
	if (e == NULL)
		e = purge_empty(t, p, &fh, keep, depth);
	if (e == NULL && keep.n == 0)
		e = share_rmdir(t, p->share, SHARE_LANE_ADMIN, &p->dir,
		    str_c(name));
	return err_is(e, ERR_NOENT) ? NULL : e;
}

/* quota, quota.<random>, clock.<random> */
static may_yield must_check struct err *
purge_plain(struct task *t, struct purge *p)
{
	static const char *const journal[] = { "log", "ckpt", "seg", "msg" };
	struct share_dirent *d;
	struct err *e;

	e = share_readdir(t, p->share, SHARE_LANE_ADMIN, &p->dir,
	    ACCOUNT_DIR_MAX, &d, NULL);
	for (; e == NULL && d != NULL; d = d->next) {
		bool other = true;

		for (size_t i = 0; i < countof(journal); i++)
			other &= !str_eq_c(d->name, journal[i]);
		if (other)
			e = share_remove_quiet(t, p->share, SHARE_LANE_ADMIN,
			    &p->dir, d->name);
	}
	return e;
}

static may_yield must_check struct err *
purge_all(struct task *t, struct purge *p)
{
	char top[SEQ_DIGITS + 1];
	struct err *e;

	seq_name(RECORD_SEQ_MAX, top);
	e = purge_dir(t, p, "msg", STR_NONE, 1);
	if (e == NULL)
		e = purge_plain(t, p);
	if (e == NULL)
		e = purge_dir(t, p, "seg", STR_NONE, 0);
	/* older checkpoints may go; the greatest stays until log/ is gone */
	if (e == NULL)
		e = purge_dir(t, p, "ckpt", str_c(top), 0);
	if (e == NULL)
		e = purge_dir(t, p, "log", STR_NONE, 0);
	if (e == NULL)
		e = purge_dir(t, p, "ckpt", STR_NONE, 0);
	return e;
}

/* ckpt/ is not there: removed last, or damage? */
static may_yield must_check struct err *
purge_is_over(struct task *t, struct purge *p)
{
	static const char *const before[] = { "log", "msg" };
	struct err *e;

	for (size_t i = 0; i < countof(before); i++) {
		e = share_lookup(t, p->share, SHARE_LANE_ADMIN, &p->dir,
		    str_c(before[i]), NULL, NULL);
		if (e == NULL)
			return err_new(task_arena(t), ERR_CORRUPT,
			    "the account's directory is damaged: no ckpt/",
			    NULL);
		if (!err_is(e, ERR_NOENT))
			return e;
	}
	return NULL;
}

static may_yield must_check struct err *
account_purge_commit(struct task *t, struct account *acc)
{
	struct account_tx x;
	struct err *e;

	e = account_refresh(t, acc);
	if (err_is(e, ERR_NOTFOUND) && acc->state.state == 'p')
		return NULL; /* committed before */
	if (e != NULL)
		return e;
	account_tx_init(t, acc, &x);
	x.compose = account_purge_compose;
	x.when_closed = true;
	x.removes = true;
	e = account_commit(t, &x);
	/* another remover was faster */
	return err_is(e, ERR_CLOSED) && acc->state.state == 'p' ? NULL : e;
}

struct err *
account_purge(struct task *t, struct mailstore *ms, struct str id)
{
	struct purge p = { .share = mailstore_share(ms) };
	struct share_fh shelf;
	struct account *acc;
	bool final;
	struct err *e;

	if (!account_id_is_valid(id))
		return err_new(task_arena(t), ERR_INVALID,
		    "this is not an account's id", NULL);
	acc = mailstore_get(ms, id);
	e = account_locate(t, acc);
	if (err_is(e, ERR_NOTFOUND)) {
		mailstore_put(acc);
		return NULL;
	}
	p.dir = acc->dir;
	if (e == NULL)
		e = purge_look(t, &p, &final);
	if (e == NULL && !final) {
		e = account_purge_commit(t, acc);
		if (e == NULL)
			e = purge_publish(t, &p);
	} else if (err_is(e, ERR_NOENT))
		e = purge_is_over(t, &p);
	if (e == NULL) {
		acc->detached = true;
		account_settle(t, acc);
		e = purge_all(t, &p);
	}
	if (e == NULL && acc->journal != NULL)
		journal_removed(acc->journal);
	if (e == NULL)
		e = mailstore_shelf(t, ms, id, false, &shelf);
	if (e == NULL)
		e = share_rmdir(t, p.share, SHARE_LANE_ADMIN, &shelf, id);
	mailstore_put(acc);
	return err_is(e, ERR_NOENT) ? NULL : e;
}
