/* state_totp.c - second factors of administrators and accounts */
#include "storage/state_account_private.h"
#include "storage/state_admin_private.h"

/* An account has one whether it administrates or not. */
struct state_totp {
	bool account;
	struct str login, id; /* id: key of the row */
	struct str secret;    /* in: opened */
	uint64_t step;
};

static const char *
state_totp_column(const struct state_totp *w)
{
	return w->account ? STATE_ACCOUNT_TOTP_COLUMN : STATE_ADMIN_TOTP_COLUMN;
}

/* *secret_r: opened; empty: none. */
static struct err *
state_totp_get(struct state_db *db, struct arena *a, const struct state *st,
    struct state_totp *w, struct str *secret_r)
{
	struct str sealed = STR_NONE;
	struct state_q q;
	struct err *e;
	bool found;

	*secret_r = STR_NONE;
	w->account = state_admin_is_account(w->login);
	state_q_begin(&q, db, a,
	    w->account ? "SELECT id, secret_totp, totp_step FROM accounts"
			 " WHERE login = ?"
		       : "SELECT login, secret_totp, totp_step FROM admins"
			 " WHERE login = ?",
	    "t", w->login);
	found = state_q_row(&q);
	if (found) {
		w->id = state_q_str(&q, 0);
		sealed = state_q_str(&q, 1);
		w->step = state_q_u64(&q, 2);
	}
	e = state_q_end(&q);
	if (e == NULL && !found)
		e = w->account ? state_account_missing(a, w->login)
			       : state_admin_missing(a, w->login);
	return e != NULL ? e
			 : state_unseal(a, st, state_totp_column(w), w->id,
			       sealed, secret_r);
}

static struct err *
state_totp_set_run(struct state_tx *x, void *arg)
{
	struct state_totp *w = arg;
	struct str now;
	struct err *e;

	e = state_console_check(x);
	if (e == NULL)
		e = state_totp_get(x->db, x->a, x->st, w, &now);
	if (e != NULL || str_eq(now, w->secret))
		return e;
	e = state_run(x->db, x->a,
	    w->account ? "UPDATE accounts SET secret_totp = ?, totp_step = 0,"
			 " generation = generation + 1 WHERE id = ?"
		       : "UPDATE admins SET secret_totp = ?, totp_step = 0,"
			 " generation = generation + 1 WHERE login = ?",
	    "bt", state_seal(x, state_totp_column(w), w->id, w->secret), w->id);
	return e != NULL ? e
			 : state_audit(x,
			       w->secret.n > 0 ? "totp.set" : "totp.remove",
			       w->login, STR_NONE);
}

struct err *
state_totp_set(struct task *t, struct state *st, const char *by,
    struct str login, struct str secret)
{
	struct state_totp w = { .secret = secret };
	struct arena *a = task_arena(t);
	struct err *e = state_admin_login(a, login, &w.login);

	if (e == NULL && secret.n > STATE_TOTP_SECRET_MAX)
		e = err_new(a, ERR_INVALID, "the secret is too long", NULL);
	return e != NULL ? e : state_change(t, st, by, state_totp_set_run, &w);
}

struct state_totp_using {
	struct state_totp row;
	uint64_t step;
};

static struct err *
state_totp_use_run(struct state_tx *x, void *arg)
{
	struct state_totp_using *u = arg;
	struct str secret;
	struct err *e;

	e = state_console_check(x);
	if (e == NULL)
		e = state_totp_get(x->db, x->a, x->st, &u->row, &secret);
	if (e == NULL && (secret.n == 0 || u->step <= u->row.step))
		e = err_new(x->a, ERR_DENIED,
		    "the code was used already: wait for the next", NULL);
	return e != NULL
		   ? e
		   : state_run(x->db, x->a,
			 u->row.account
			     ? "UPDATE accounts SET totp_step = ? WHERE id = ?"
			     : "UPDATE admins SET totp_step = ?"
			       " WHERE login = ?",
			 "ut", u->step, u->row.id);
}

struct err *
state_totp_use(struct task *t, struct state *st, struct str login,
    uint64_t step)
{
	struct state_totp_using u = { .step = step };
	struct err *e = state_admin_login(task_arena(t), login, &u.row.login);

	return e != NULL
		   ? e
		   : state_change(t, st, "session", state_totp_use_run, &u);
}

struct err *
state_totp_find(struct arena *a, struct state *st, struct str login,
    struct str *secret_r, uint64_t *step_r)
{
	struct state_totp w = { .step = 0 };
	struct state_db *db;
	struct err *e;

	*secret_r = STR_NONE;
	*step_r = 0;
	e = state_admin_login(a, login, &w.login);
	if (e == NULL)
		e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	if (state_schema(st) >= STATE_CONSOLE_SCHEMA)
		e = state_totp_get(db, a, st, &w, secret_r);
	state_read_end(st);
	*step_r = w.step;
	return e;
}
