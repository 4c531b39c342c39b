/* state_forward.c - accounts whose mail goes elsewhere, too */
#include "storage/state_forward.h"

#include "storage/state_account_private.h"
#include "storage/state_resolve_private.h"

#define STATE_FORWARD_DETAIL_MAX 4000

struct state_forward_work {
	struct str login;
	struct str targets[STATE_FORWARDS_MAX];
	unsigned n;
	bool keep;
};

/* --- changing --- */

static struct err *
state_forward_parse(struct arena *a, const struct state_forward *f,
    struct state_forward_work *w)
{
	struct state_address ad;
	struct err *e;
	unsigned i, k;

	if (f->n > STATE_FORWARDS_MAX)
		return err_newf(a, ERR_INVALID,
		    "an account forwards to at most %d addresses",
		    STATE_FORWARDS_MAX);
	for (i = 0; i < f->n; i++) {
		e = state_address_parse(a, f->targets[i], &ad);
		if (e != NULL)
			return e;
		if (str_eq(ad.full, w->login))
			return err_new(a, ERR_INVALID,
			    "an account does not forward to itself", NULL);
		for (k = 0; k < w->n && !str_eq(w->targets[k], ad.full); k++)
			;
		if (k == w->n)
			w->targets[w->n++] = ad.full;
	}
	return NULL;
}

static struct err *
state_forward_write(struct state_tx *x, const struct state_forward_work *w,
    struct str id)
{
	struct err *e = state_run(x->db, x->a,
	    "DELETE FROM forwards WHERE account = ?", "t", id);
	unsigned i;

	for (i = 0; e == NULL && i < w->n; i++)
		e = state_run(x->db, x->a,
		    "INSERT INTO forwards (account, target, created)"
		    " VALUES (?, ?, ?)",
		    "tti", id, w->targets[i], x->now_s);
	if (e == NULL)
		e = state_run(x->db, x->a,
		    "UPDATE accounts SET forward_keep = ?, changed = ?"
		    " WHERE id = ?",
		    "iit", (int64_t)(w->n == 0 || w->keep), x->now_s, id);
	return e;
}

/* What leads nowhere but back would have the account's mail refused. */
static struct err *
state_forward_try(struct state_tx *x, const struct state_forward_work *w)
{
	struct state_recipient *list;
	struct err *e;
	unsigned n;

	if (w->n == 0 || w->keep)
		return NULL;
	e = state_resolve_in(x->db, x->a, x->st, w->login, &list, &n);
	if (err_is(e, ERR_LIMIT) || err_is(e, ERR_NOTFOUND))
		return err_new(x->a, ERR_INVALID,
		    "nobody would get the mail: the targets do not exist, or "
		    "lead back here",
		    NULL);
	return err_is(e, ERR_DENIED) ? NULL : e; /* suspended: some day */
}

static struct err *
state_forward_audit(struct state_tx *x, const struct state_forward_work *w)
{
	struct buf b;
	unsigned i;

	buf_init(&b, x->a, STATE_FORWARD_DETAIL_MAX);
	for (i = 0; i < w->n; i++)
		buf_fmt(&b, "%s" STR_FMT, i > 0 ? " " : "",
		    STR_ARG(w->targets[i]));
	if (w->n > 0 && w->keep)
		buf_c(&b, ", kept");
	return state_audit(x, "account.forward", w->login, buf_str(&b));
}

static struct err *
state_forward_run(struct state_tx *x, void *arg)
{
	const struct state_forward_work *w = arg;
	struct state_account ac;
	struct err *e;

	if (state_schema(x->st) < STATE_CONSOLE_SCHEMA)
		return err_new(x->a, ERR_CONFLICT,
		    "not before all nodes run a version that knows forwarding",
		    NULL);
	e = state_account_by_login(x->db, x->a, w->login, &ac);
	if (e == NULL)
		e = state_forward_write(x, w, ac.id);
	if (e == NULL)
		e = state_forward_try(x, w);
	return e != NULL ? e : state_forward_audit(x, w);
}

struct err *
state_forward_set(struct task *t, struct state *st, const char *by,
    struct str account_address, const struct state_forward *f)
{
	struct state_forward_work w = { .keep = f->keep };
	struct arena *a = task_arena(t);
	struct err *e = state_account_login(a, account_address, &w.login);

	if (e == NULL)
		e = state_forward_parse(a, f, &w);
	return e != NULL ? e : state_change(t, st, by, state_forward_run, &w);
}

/* --- reading --- */

struct err *
state_forward_of(struct state_db *db, struct arena *a, const struct state *st,
    struct str account_id, struct state_forward *f_r)
{
	struct state_q q;

	*f_r = (struct state_forward){ .keep = true };
	if (state_schema(st) < STATE_CONSOLE_SCHEMA)
		return NULL;
	state_q_begin(&q, db, a,
	    "SELECT f.target, a.forward_keep FROM forwards f"
	    " JOIN accounts a ON a.id = f.account"
	    " WHERE f.account = ? ORDER BY f.target",
	    "t", account_id);
	while (state_q_row(&q)) {
		f_r->targets = state_list_add(a, f_r->targets, &f_r->n,
		    sizeof(*f_r->targets));
		f_r->targets[f_r->n - 1] = state_q_str(&q, 0);
		f_r->keep = state_q_i64(&q, 1) != 0;
	}
	return state_q_end(&q);
}

struct err *
state_forward_find(struct arena *a, struct state *st,
    struct str account_address, struct state_forward *f_r)
{
	struct state_account ac;
	struct state_db *db;
	struct str login;
	struct err *e;

	*f_r = (struct state_forward){ .keep = true };
	e = state_account_login(a, account_address, &login);
	if (e == NULL)
		e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	e = state_account_by_login(db, a, login, &ac);
	if (e == NULL)
		e = state_forward_of(db, a, st, ac.id, f_r);
	state_read_end(st);
	return e;
}
