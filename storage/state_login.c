/* state_login.c - what authentication needs; application passwords */
#include "storage/state_account_private.h"

#include "base/crypto.h"
#include "base/unicode.h"

#define STATE_APP_PASSWORDS_MAX 50 /* of one account: each is tried */
#define STATE_LABEL_MAX 100

/* --- finding --- */

static struct err *
state_login_open(struct arena *a, struct state *st, const char *column,
    struct str id, struct str sealed, struct state_login *l,
    struct password *p_r)
{
	struct str text;
	struct err *e;

	e = state_unseal(a, st, column, id, sealed, &text);
	if (e == NULL)
		e = password_decode(a, text, p_r);
	p_r->salt = l->salt;
	return e;
}

static void
state_login_add(struct arena *a, struct state_login *l, struct str app_id,
    const struct password *p)
{
	l->credentials =
	    state_list_add(a, l->credentials, &l->n, sizeof(*l->credentials));
	l->credentials[l->n - 1].app_id = app_id;
	l->credentials[l->n - 1].password = *p;
}

static struct err *
state_login_own(struct state_db *db, struct arena *a, struct state *st,
    struct str login, struct state_login *l)
{
	struct str salt, sealed = STR_NONE;
	struct password p;
	struct state_q q;
	struct err *e;
	bool found;

	state_q_begin(&q, db, a,
	    "SELECT " STATE_ACCOUNT_COLUMNS
	    ", scram_salt, scram_iterations, secret_password FROM accounts"
	    " WHERE login = ?",
	    "t", login);
	found = state_q_row(&q);
	if (found) {
		state_account_row(&q, &l->account);
		salt = state_q_str(&q, STATE_ACCOUNT_NEXT);
		if (salt.n == sizeof(l->salt.salt))
			memcpy(l->salt.salt, salt.p, salt.n);
		l->salt.iterations =
		    (uint32_t)state_q_u64(&q, STATE_ACCOUNT_NEXT + 1);
		sealed = state_q_str(&q, STATE_ACCOUNT_NEXT + 2);
	}
	e = state_q_end(&q);
	if (e != NULL || !found)
		return e != NULL ? e : state_account_missing(a, login);
	e = state_login_open(a, st, STATE_PASSWORD_COLUMN, l->account.id,
	    sealed, l, &p);
	if (e == NULL && p.hash.n > 0)
		state_login_add(a, l, STR_NONE, &p);
	return e;
}

static struct err *
state_login_apps(struct state_db *db, struct arena *a, struct state *st,
    int64_t now_s, struct state_login *l)
{
	struct err *e = NULL;
	struct password p;
	struct state_q q;
	struct str id;

	state_q_begin(&q, db, a,
	    "SELECT id, secret_password FROM app_passwords"
	    " WHERE account = ? AND (expires = 0 OR expires > ?) ORDER BY id",
	    "ti", l->account.id, now_s);
	while (e == NULL && state_q_row(&q)) {
		id = state_q_str(&q, 0);
		e = state_login_open(a, st, STATE_APP_PASSWORD_COLUMN, id,
		    state_q_str(&q, 1), l, &p);
		if (e == NULL)
			state_login_add(a, l, id, &p);
	}
	if (e != NULL) {
		err_ignore(state_q_end(&q)); /* e is the first */
		return e;
	}
	return state_q_end(&q);
}

static struct err *
state_login_allowed(struct state_db *db, struct arena *a,
    const struct state_account *ac)
{
	uint64_t quota, max;
	struct err *e;
	bool suspended;

	e = state_domain_get_in(db, a, ac->domain, &suspended, &quota, &max);
	if (e != NULL)
		return e;
	if (suspended || ac->status != STATE_ACCOUNT_ACTIVE)
		return err_new(a, ERR_DENIED, "the account is suspended", NULL);
	return NULL;
}

struct err *
state_login_find(struct arena *a, struct state *st, struct str login,
    int64_t now_s, struct state_login *l)
{
	struct state_db *db;
	struct str name;
	struct err *e;

	*l = (struct state_login){ .n = 0 };
	/* What cannot be a login name is the name of nobody. */
	if (state_account_login(a, login, &name) != NULL)
		return err_new(a, ERR_NOTFOUND, "there is no such account",
		    NULL);
	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	e = state_login_own(db, a, st, name, l);
	if (e == NULL)
		e = state_login_apps(db, a, st, now_s, l);
	if (e == NULL)
		e = state_login_allowed(db, a, &l->account);
	state_read_end(st);
	return e;
}

/* Only what is short is opened: no hash alone is as long as one of ours with
 * its keys. */
struct err *
state_login_without_keys(struct arena *a, struct state *st,
    struct str *address_r)
{
	struct state_login l = { .n = 0 };
	struct err *e, *end;
	struct password p;
	struct state_db *db;
	struct state_q q;

	*address_r = STR_NONE;
	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	state_q_begin(&q, db, a,
	    "SELECT id, secret_password, address FROM accounts"
	    " WHERE status = 0 AND length(secret_password) > 0"
	    " AND length(secret_password) < ?",
	    "i", (int64_t)(PASSWORD_KEYED_BYTES + CRYPTO_SEAL_OVERHEAD));
	while (e == NULL && address_r->p == NULL && state_q_row(&q)) {
		e = state_login_open(a, st, STATE_PASSWORD_COLUMN,
		    state_q_str(&q, 0), state_q_str(&q, 1), &l, &p);
		if (e == NULL && !p.has_scram)
			*address_r = state_q_str(&q, 2);
	}
	end = state_q_end(&q);
	state_read_end(st);
	if (e == NULL)
		return end;
	err_ignore(end); /* e is the first */
	return e;
}

/* --- application passwords --- */

struct state_app_work {
	struct str login, label, id;
	int64_t expires;
	const struct password *p;
};

static struct err *
state_app_password_room(struct state_tx *x, const struct state_account *ac)
{
	struct err *e;
	int64_t n;

	e = state_number(x->db, x->a, &n,
	    "SELECT COUNT(*) FROM app_passwords WHERE account = ?", "t",
	    ac->id);
	if (e == NULL && n >= STATE_APP_PASSWORDS_MAX)
		e = err_newf(x->a, ERR_LIMIT,
		    "an account has at most %d application passwords",
		    STATE_APP_PASSWORDS_MAX);
	return e;
}

static struct err *
state_app_password_add_run(struct state_tx *x, void *arg)
{
	struct state_app_work *w = arg;
	struct state_account ac;
	struct err *e;
	bool same;

	e = state_account_by_login(x->db, x->a, w->login, &ac);
	if (e == NULL)
		e = state_app_password_room(x, &ac);
	if (e == NULL)
		e = state_exists(x->db, x->a, &same,
		    "SELECT 1 FROM accounts WHERE id = ? AND scram_salt = ?",
		    "tb", ac.id,
		    str_of(w->p->salt.salt, sizeof(w->p->salt.salt)));
	if (e == NULL && !same)
		e = err_new(x->a, ERR_CONFLICT,
		    "the account was made anew meanwhile: try again", NULL);
	if (e != NULL)
		return e;
	w->id = state_random_id(x->a, x->rnd);
	e = state_run(x->db, x->a,
	    "INSERT INTO app_passwords (id, account, label, created, expires,"
	    " secret_password) VALUES (?, ?, ?, ?, ?, ?)",
	    "tttiib", w->id, ac.id, w->label, (int64_t)x->now_s, w->expires,
	    state_seal(x, STATE_APP_PASSWORD_COLUMN, w->id,
		password_encode(x->a, w->p)));
	return e != NULL
		   ? e
		   : state_audit(x, "app-password.add", w->login, w->label);
}

struct err *
state_app_password_add(struct task *t, struct state *st, const char *by,
    struct str address, struct str label, int64_t expires,
    const struct password *p, struct str *id_r)
{
	struct state_app_work w = { .label = label,
		.expires = expires,
		.p = p };
	struct arena *a = task_arena(t);
	struct err *e;

	e = state_account_login(a, address, &w.login);
	if (e == NULL && (label.n == 0 || label.n > STATE_LABEL_MAX ||
			     !unicode_is_utf8(label)))
		e = err_newf(a, ERR_INVALID,
		    "a label has 1 to %d bytes of UTF-8", STATE_LABEL_MAX);
	if (e == NULL)
		e = state_change(t, st, by, state_app_password_add_run, &w);
	*id_r = w.id;
	return e;
}

static struct err *
state_app_password_remove_run(struct state_tx *x, void *arg)
{
	struct state_app_work *w = arg;
	struct state_account ac;
	struct err *e;

	e = state_account_by_login(x->db, x->a, w->login, &ac);
	if (e == NULL)
		e = state_run(x->db, x->a,
		    "DELETE FROM app_passwords WHERE id = ? AND account = ?",
		    "tt", w->id, ac.id);
	if (e == NULL && !state_did(x->db))
		e = err_new(x->a, ERR_NOTFOUND,
		    "the account has no such application password", NULL);
	return e != NULL
		   ? e
		   : state_audit(x, "app-password.remove", w->login, w->id);
}

struct err *
state_app_password_remove(struct task *t, struct state *st, const char *by,
    struct str address, struct str id)
{
	struct state_app_work w = { .id = id };
	struct err *e;

	e = state_account_login(task_arena(t), address, &w.login);
	return e != NULL
		   ? e
		   : state_change(t, st, by, state_app_password_remove_run, &w);
}

static void
state_app_password_row(struct state_q *q, void *row)
{
	struct state_app_password *p = row;

	p->id = state_q_str(q, 0);
	p->account_id = state_q_str(q, 1);
	p->label = state_q_str(q, 2);
	p->created = state_q_i64(q, 3);
	p->expires = state_q_i64(q, 4);
}

static const struct state_rows state_app_password_rows = {
	sizeof(struct state_app_password), state_app_password_row, 0
};

struct err *
state_app_password_list(struct arena *a, struct state *st, struct str address,
    struct state_app_password **list_r, unsigned *n_r)
{
	struct state_account ac;
	struct err *e;

	*n_r = 0;
	*list_r = NULL;
	e = state_account_find(a, st, address, &ac);
	if (e == NULL)
		e = state_list(a, st, &state_app_password_rows, list_r, n_r,
		    "SELECT id, account, label, created, expires"
		    " FROM app_passwords WHERE account = ?"
		    " ORDER BY created, id",
		    "t", ac.id);
	return e;
}
