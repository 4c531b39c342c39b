/* state_admin.c - who may administrate */
#include "storage/state_admin.h"

#include "base/unicode.h"
#include "storage/state_address.h"
#include "storage/state_admin_private.h"
#include "storage/state_setting.h"

struct state_admin_work {
	struct state_admin ad;
	struct str login;
	const struct password *p;
	const struct password_salt *salt;
	const struct str *name, *role, *domain; /* NULL: as it was */
};

struct err *
state_admin_missing(struct arena *a, struct str login)
{
	return err_newf(a, ERR_NOTFOUND, "there is no administrator " STR_FMT,
	    STR_ARG(login));
}

bool
state_admin_is_account(struct str login)
{
	return str_chr(login, '@') >= 0;
}

struct err *
state_admin_login(struct arena *a, struct str in, struct str *login_r)
{
	struct state_address ad;
	struct err *e;

	if (!state_admin_is_account(in))
		return state_word_parse(a, in, login_r);
	e = state_address_parse(a, in, &ad);
	*login_r = ad.full;
	return e;
}

struct err *
state_admin_role(struct arena *a, struct str role, struct str domain,
    struct str *domain_r)
{
	*domain_r = STR("");
	if (!str_eq_c(role, "system") && !str_eq_c(role, "domain") &&
	    !str_eq_c(role, "readonly"))
		return err_new(a, ERR_INVALID,
		    "an administrator's role is system, domain or readonly",
		    NULL);
	if (str_eq_c(role, "domain") && domain.n == 0)
		return err_new(a, ERR_INVALID, "the role domain needs a domain",
		    NULL);
	if (str_eq_c(role, "system") && domain.n > 0)
		return err_new(a, ERR_INVALID,
		    "the role system is for all domains: it names none", NULL);
	return domain.n > 0 ? state_domain_parse(a, domain, domain_r) : NULL;
}

struct err *
state_admin_text(struct arena *a, struct str s, size_t max, const char *what)
{
	bool ok = s.n <= max && unicode_is_utf8(s);
	size_t i;

	for (i = 0; ok && i < s.n; i++)
		ok = (unsigned char)s.p[i] >= 0x20 && s.p[i] != 0x7f;
	return ok ? NULL
		  : err_newf(a, ERR_INVALID,
			"%s is one line of UTF-8 of at most %zu bytes", what,
			max);
}

/* --- inside a transaction --- */

static struct err *
state_admin_exists(struct state_tx *x, struct str login, bool *yes_r)
{
	return state_exists(x->db, x->a, yes_r,
	    "SELECT 1 FROM admins WHERE login = ?", "t", login);
}

struct err *
state_admin_must_exist(struct state_tx *x, struct str login)
{
	bool have;
	struct err *e = state_admin_exists(x, login, &have);

	return e != NULL || have ? e : state_admin_missing(x->a, login);
}

/* Somebody else must have the role system, or nobody could give it again. */
static struct err *
state_admin_not_last(struct state_tx *x, struct str login)
{
	bool system, another;
	struct err *e;

	e = state_exists(x->db, x->a, &system,
	    "SELECT 1 FROM admins WHERE login = ? AND role = 'system'", "t",
	    login);
	if (e == NULL && system)
		e = state_exists(x->db, x->a, &another,
		    "SELECT 1 FROM admins WHERE login != ?"
		    " AND role = 'system'",
		    "t", login);
	if (e == NULL && system && !another)
		e = err_newf(x->a, ERR_CONFLICT,
		    STR_FMT " is the last administrator of role system",
		    STR_ARG(login));
	return e;
}

static struct err *
state_admin_drop(struct state_tx *x, struct str login)
{
	struct err *e = state_admin_invites_end(x, login);

	if (e == NULL && state_schema(x->st) >= STATE_CONSOLE_SCHEMA)
		e = state_run(x->db, x->a, "DELETE FROM tokens WHERE owner = ?",
		    "t", login);
	if (e == NULL)
		e = state_run(x->db, x->a, "DELETE FROM admins WHERE login = ?",
		    "t", login);
	return e != NULL ? e : state_audit(x, "admin.remove", login, STR_NONE);
}

struct err *
state_admin_account_goes(struct state_tx *x, struct str address)
{
	struct err *e;
	bool have;

	e = state_admin_exists(x, address, &have);
	if (e == NULL && have)
		e = state_admin_not_last(x, address);
	return e != NULL || !have ? e : state_admin_drop(x, address);
}

struct err *
state_admin_domain_goes(struct state_tx *x, struct str domain)
{
	struct str *list;
	struct state_q q;
	struct err *e;
	unsigned i, n;

	state_q_begin(&q, x->db, x->a,
	    "SELECT login FROM admins WHERE domain = ? ORDER BY login", "t",
	    domain);
	e = state_q_list(&q, x->st, &state_rows_str, &list, &n);
	for (i = 0; e == NULL && i < n; i++)
		e = state_admin_drop(x, list[i]);
	if (e == NULL && state_schema(x->st) >= STATE_CONSOLE_SCHEMA)
		e = state_run(x->db, x->a,
		    "DELETE FROM admin_invites WHERE domain = ?", "t", domain);
	return e;
}

/* What the row names must be there; an account's address has its password. */
static struct err *
state_admin_insert_check(struct state_tx *x, const struct state_admin *ad)
{
	uint64_t quota, max;
	struct err *e;
	bool have, suspended;

	e = state_admin_exists(x, ad->login, &have);
	if (e == NULL && have)
		e = err_newf(x->a, ERR_DUPLICATE,
		    "there is an administrator " STR_FMT " already",
		    STR_ARG(ad->login));
	if (e == NULL && ad->domain.n > 0)
		e = state_domain_get_in(x->db, x->a, ad->domain, &suspended,
		    &quota, &max);
	if (e == NULL && state_admin_is_account(ad->login)) {
		e = state_exists(x->db, x->a, &have,
		    "SELECT 1 FROM accounts WHERE login = ?", "t", ad->login);
		if (e == NULL && !have)
			e = err_newf(x->a, ERR_NOTFOUND,
			    "there is no account " STR_FMT, STR_ARG(ad->login));
	}
	if (e == NULL && (ad->name.n > 0 || str_eq_c(ad->role, "readonly")))
		e = state_console_check(x);
	return e;
}

struct err *
state_admin_insert(struct state_tx *x, const struct state_admin *ad)
{
	struct password_salt salt = ad->salt;
	struct err *e;

	e = state_admin_insert_check(x, ad);
	if (e != NULL)
		return e;
	if (salt.iterations == 0)
		password_salt_make(x->rnd,
		    (uint32_t)state_setting_u64_in(x->db, x->a,
			STATE_PASSWORD_ITERATIONS),
		    &salt);
	e = state_run(x->db, x->a,
	    "INSERT INTO admins (login, role, domain, created, generation,"
	    " scram_salt, scram_iterations, secret_password)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	    "tttiibib", ad->login, ad->role, ad->domain, x->now_s,
	    state_generation(x), str_of(salt.salt, sizeof(salt.salt)),
	    (int64_t)salt.iterations,
	    state_seal(x, STATE_ADMIN_COLUMN, ad->login,
		password_encode(x->a, &ad->password)));
	if (e == NULL && ad->name.n > 0)
		e = state_run(x->db, x->a,
		    "UPDATE admins SET name = ? WHERE login = ?", "tt",
		    ad->name, ad->login);
	return e;
}

/* --- changing --- */

static struct str
state_admin_said(struct arena *a, struct str role, struct str domain)
{
	return domain.n == 0 ? role
			     : str_c(arena_printf(a, STR_FMT " " STR_FMT,
				   STR_ARG(role), STR_ARG(domain)));
}

static struct err *
state_admin_add_run(struct state_tx *x, void *arg)
{
	struct state_admin_work *w = arg;
	struct err *e;

	e = state_admin_insert(x, &w->ad);
	return e != NULL
		   ? e
		   : state_audit(x, "admin.add", w->ad.login,
			 state_admin_said(x->a, w->ad.role, w->ad.domain));
}

static struct err *
state_admin_own_password(struct arena *a, struct str login)
{
	return err_newf(a, ERR_INVALID,
	    STR_FMT " signs in with the account's password", STR_ARG(login));
}

struct err *
state_admin_add(struct task *t, struct state *st, const char *by,
    const struct state_admin *ad)
{
	struct state_admin_work w = { .ad = *ad };
	struct arena *a = task_arena(t);
	struct err *e;

	e = state_admin_login(a, ad->login, &w.ad.login);
	if (e == NULL && state_admin_is_account(w.ad.login) &&
	    ad->password.hash.n > 0)
		e = state_admin_own_password(a, w.ad.login);
	if (e == NULL)
		e = state_admin_role(a, ad->role, ad->domain, &w.ad.domain);
	if (e == NULL)
		e = state_admin_text(a, ad->name, STATE_ADMIN_NAME_MAX,
		    "a name");
	return e != NULL ? e : state_change(t, st, by, state_admin_add_run, &w);
}

/* Those that only need to know of whom. */
static may_yield struct err *
state_admin_change(struct task *t, struct state *st, const char *by,
    struct str login, state_fn fn, struct state_admin_work *w)
{
	struct err *e = state_admin_login(task_arena(t), login, &w->login);

	return e != NULL ? e : state_change(t, st, by, fn, w);
}

static struct err *
state_admin_remove_run(struct state_tx *x, void *arg)
{
	struct state_admin_work *w = arg;
	struct err *e;

	e = state_admin_must_exist(x, w->login);
	if (e == NULL)
		e = state_admin_not_last(x, w->login);
	return e != NULL ? e : state_admin_drop(x, w->login);
}

struct err *
state_admin_remove(struct task *t, struct state *st, const char *by,
    struct str login)
{
	struct state_admin_work w = { .p = NULL };

	return state_admin_change(t, st, by, login, state_admin_remove_run, &w);
}

static struct err *
state_admin_password_run(struct state_tx *x, void *arg)
{
	struct state_admin_work *w = arg;
	struct err *e;

	e = state_admin_must_exist(x, w->login);
	if (e == NULL && state_admin_is_account(w->login))
		e = state_admin_own_password(x->a, w->login);
	if (e == NULL)
		e = state_run(x->db, x->a,
		    "UPDATE admins SET secret_password = ?, scram_salt = ?,"
		    " scram_iterations = ?, generation = generation + 1"
		    " WHERE login = ?",
		    "bbit",
		    state_seal(x, STATE_ADMIN_COLUMN, w->login,
			password_encode(x->a, w->p)),
		    str_of(w->salt->salt, sizeof(w->salt->salt)),
		    (int64_t)w->salt->iterations, w->login);
	return e != NULL ? e
			 : state_audit(x, "admin.password", w->login, STR_NONE);
}

struct err *
state_admin_password(struct task *t, struct state *st, const char *by,
    struct str login, const struct password *p,
    const struct password_salt *salt)
{
	struct state_admin_work w = { .p = p, .salt = salt };

	return state_admin_change(t, st, by, login, state_admin_password_run,
	    &w);
}

static struct err *
state_admin_get_role(struct state_tx *x, struct str login,
    struct state_admin *ad)
{
	struct state_q q;
	struct err *e;
	bool found;

	state_q_begin(&q, x->db, x->a,
	    "SELECT name, role, domain FROM admins WHERE login = ?", "t",
	    login);
	found = state_q_row(&q);
	if (found)
		*ad = (struct state_admin){ .login = login,
			.name = state_q_str(&q, 0),
			.role = state_q_str(&q, 1),
			.domain = state_q_str(&q, 2) };
	e = state_q_end(&q);
	return e != NULL || found ? e : state_admin_missing(x->a, login);
}

/* now: what there is; *ad: what shall be. */
static struct err *
state_admin_set_check(struct state_tx *x, const struct state_admin_work *w,
    const struct state_admin *now, struct state_admin *ad)
{
	uint64_t quota, max;
	struct err *e;
	bool suspended;

	*ad = *now;
	if (w->name != NULL)
		ad->name = *w->name;
	if (w->role != NULL)
		ad->role = *w->role;
	if (w->domain != NULL)
		ad->domain = *w->domain;
	else if (str_eq_c(ad->role, "system"))
		ad->domain = STR("");
	e = state_admin_role(x->a, ad->role, ad->domain, &ad->domain);
	if (e == NULL && ad->domain.n > 0)
		e = state_domain_get_in(x->db, x->a, ad->domain, &suspended,
		    &quota, &max);
	if (e == NULL && !str_eq_c(ad->role, "system"))
		e = state_admin_not_last(x, now->login);
	return e;
}

static struct err *
state_admin_set_run(struct state_tx *x, void *arg)
{
	struct state_admin_work *w = arg;
	struct state_admin now, ad;
	struct err *e;
	bool other;

	e = state_console_check(x);
	if (e == NULL)
		e = state_admin_get_role(x, w->login, &now);
	if (e == NULL)
		e = state_admin_set_check(x, w, &now, &ad);
	if (e != NULL)
		return e;
	other = !str_eq(now.role, ad.role) || !str_eq(now.domain, ad.domain);
	if (!other && str_eq(now.name, ad.name))
		return NULL;
	e = state_run(x->db, x->a,
	    "UPDATE admins SET name = ?, role = ?, domain = ?,"
	    " generation = generation + ? WHERE login = ?",
	    "tttit", ad.name, ad.role, ad.domain, (int64_t)other, w->login);
	if (e == NULL && other)
		e = state_admin_invites_end(x, w->login);
	return e != NULL ? e
			 : state_audit(x, "admin.set", w->login,
			       state_admin_said(x->a, ad.role, ad.domain));
}

struct err *
state_admin_set(struct task *t, struct state *st, const char *by,
    struct str login, const struct str *name, const struct str *role,
    const struct str *domain)
{
	struct state_admin_work w = { .name = name,
		.role = role,
		.domain = domain };
	struct err *e = NULL;

	if (name != NULL)
		e = state_admin_text(task_arena(t), *name, STATE_ADMIN_NAME_MAX,
		    "a name");
	return e != NULL ? e
			 : state_admin_change(t, st, by, login,
			       state_admin_set_run, &w);
}

static struct err *
state_admin_signout_run(struct state_tx *x, void *arg)
{
	struct state_admin_work *w = arg;
	struct err *e;

	e = state_admin_must_exist(x, w->login);
	if (e == NULL)
		e = state_run(x->db, x->a,
		    "UPDATE admins SET generation = generation + 1"
		    " WHERE login = ?",
		    "t", w->login);
	return e != NULL ? e
			 : state_audit(x, "admin.signout", w->login, STR_NONE);
}

struct err *
state_admin_signout(struct task *t, struct state *st, const char *by,
    struct str login)
{
	struct state_admin_work w = { .p = NULL };

	return state_admin_change(t, st, by, login, state_admin_signout_run,
	    &w);
}
