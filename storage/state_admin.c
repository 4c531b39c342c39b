/* state_admin.c - who may administrate */
#include "storage/state_admin.h"

#include "storage/state_address.h"
#include "storage/state_private.h"
#include "storage/state_setting.h"

#define STATE_ADMIN_COLUMN "admins.secret_password"

struct state_admin_work {
	const struct state_admin *ad;
	struct str login, domain;
	const struct password *p;
	const struct password_salt *salt;
};

static struct err *
state_admin_missing(struct arena *a, struct str login)
{
	return err_newf(a, ERR_NOTFOUND, "there is no administrator " STR_FMT,
	    STR_ARG(login));
}

/* A name of its own, or an account's address. */
static struct err *
state_admin_login(struct arena *a, struct str in, struct str *login_r)
{
	struct state_address ad;
	struct err *e;

	if (str_chr(in, '@') < 0)
		return state_word_parse(a, in, login_r);
	e = state_address_parse(a, in, &ad);
	*login_r = ad.full;
	return e;
}

static struct err *
state_admin_add_run(struct state_tx *x, void *arg)
{
	struct state_admin_work *w = arg;
	const struct state_admin *ad = w->ad;
	struct password_salt salt = ad->salt;
	uint64_t quota, max;
	struct err *e;
	bool have, suspended;

	e = state_exists(x->db, x->a, &have,
	    "SELECT 1 FROM admins WHERE login = ?", "t", w->login);
	if (e == NULL && have)
		e = err_newf(x->a, ERR_DUPLICATE,
		    "there is an administrator " STR_FMT " already",
		    STR_ARG(w->login));
	if (e == NULL && w->domain.n > 0)
		e = state_domain_get_in(x->db, x->a, w->domain, &suspended,
		    &quota, &max);
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
	    " VALUES (?, ?, ?, ?, 1, ?, ?, ?)",
	    "tttibib", w->login, ad->role, w->domain, (int64_t)x->now_s,
	    str_of(salt.salt, sizeof(salt.salt)), (int64_t)salt.iterations,
	    state_seal(x, STATE_ADMIN_COLUMN, w->login,
		password_encode(x->a, &ad->password)));
	return e != NULL ? e : state_audit(x, "admin.add", w->login, ad->role);
}

struct err *
state_admin_add(struct task *t, struct state *st, const char *by,
    const struct state_admin *ad)
{
	struct state_admin_work w = { .ad = ad };
	struct arena *a = task_arena(t);
	bool of_domain = str_eq_c(ad->role, "domain");
	struct err *e;

	e = state_admin_login(a, ad->login, &w.login);
	if (e == NULL && !of_domain && !str_eq_c(ad->role, "system"))
		e = err_new(a, ERR_INVALID,
		    "an administrator's role is system or domain", NULL);
	if (e == NULL && of_domain != (ad->domain.n > 0))
		e = err_new(a, ERR_INVALID,
		    "the role domain, and no other, names a domain", NULL);
	if (e == NULL && of_domain)
		e = state_domain_parse(a, ad->domain, &w.domain);
	return e != NULL ? e : state_change(t, st, by, state_admin_add_run, &w);
}

static struct err *
state_admin_remove_run(struct state_tx *x, void *arg)
{
	struct state_admin_work *w = arg;
	struct err *e;
	bool have;

	e = state_exists(x->db, x->a, &have,
	    "SELECT 1 FROM admins WHERE login = ?", "t", w->login);
	if (e == NULL && !have)
		e = state_admin_missing(x->a, w->login);
	if (e == NULL)
		e = state_run(x->db, x->a, "DELETE FROM admins WHERE login = ?",
		    "t", w->login);
	return e != NULL ? e
			 : state_audit(x, "admin.remove", w->login, STR_NONE);
}

struct err *
state_admin_remove(struct task *t, struct state *st, const char *by,
    struct str login)
{
	struct state_admin_work w = { .ad = NULL };
	struct err *e;

	e = state_admin_login(task_arena(t), login, &w.login);
	return e != NULL ? e
			 : state_change(t, st, by, state_admin_remove_run, &w);
}

static struct err *
state_admin_password_run(struct state_tx *x, void *arg)
{
	struct state_admin_work *w = arg;
	struct err *e;
	bool have;

	e = state_exists(x->db, x->a, &have,
	    "SELECT 1 FROM admins WHERE login = ?", "t", w->login);
	if (e == NULL && !have)
		e = state_admin_missing(x->a, w->login);
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
	struct err *e;

	e = state_admin_login(task_arena(t), login, &w.login);
	return e != NULL
		   ? e
		   : state_change(t, st, by, state_admin_password_run, &w);
}

#define STATE_ADMIN_COLUMNS                                                    \
	"SELECT login, role, domain, created, generation, scram_salt,"         \
	" scram_iterations, secret_password FROM admins"

static struct err *
state_admin_row(struct state_q *q, struct state *st, struct state_admin *ad)
{
	struct str salt, text;
	struct err *e;

	*ad = (struct state_admin){ .login = state_q_str(q, 0),
		.role = state_q_str(q, 1),
		.domain = state_q_str(q, 2),
		.created = state_q_i64(q, 3),
		.generation = state_q_u64(q, 4) };
	salt = state_q_str(q, 5);
	if (salt.n == sizeof(ad->salt.salt))
		memcpy(ad->salt.salt, salt.p, salt.n);
	ad->salt.iterations = (uint32_t)state_q_u64(q, 6);
	e = state_unseal(q->a, st, STATE_ADMIN_COLUMN, ad->login,
	    state_q_str(q, 7), &text);
	if (e == NULL)
		e = password_decode(q->a, text, &ad->password);
	ad->password.salt = ad->salt;
	return e;
}

static struct err *
state_admin_read(struct arena *a, struct state *st, struct str login,
    struct state_admin **list_r, unsigned *n_r)
{
	struct state_admin *list = NULL;
	struct err *e, *end;
	struct state_db *db;
	struct state_q q;

	*n_r = 0;
	*list_r = NULL;
	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	state_q_begin(&q, db, a,
	    STATE_ADMIN_COLUMNS " WHERE ?1 = '' OR login = ?1 ORDER BY login",
	    "t", login);
	while (e == NULL && state_q_row(&q)) {
		list = state_list_add(a, list, n_r, sizeof(*list));
		e = state_admin_row(&q, st, &list[*n_r - 1]);
	}
	*list_r = list;
	end = state_q_end(&q);
	state_read_end(st);
	return e != NULL ? e : end;
}

struct err *
state_admin_find(struct arena *a, struct state *st, struct str login,
    struct state_admin *ad_r)
{
	struct state_admin *list;
	struct str name;
	struct err *e;
	unsigned n;

	e = state_admin_login(a, login, &name);
	if (e == NULL)
		e = state_admin_read(a, st, name, &list, &n);
	if (e == NULL && n == 0)
		e = state_admin_missing(a, name);
	if (e == NULL)
		*ad_r = list[0];
	return e;
}

struct err *
state_admin_list(struct arena *a, struct state *st, struct state_admin **list_r,
    unsigned *n_r)
{
	return state_admin_read(a, st, STR_NONE, list_r, n_r);
}
