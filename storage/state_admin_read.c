/* state_admin_read.c - finding and listing administrators */
#include "storage/state_admin_private.h"

/* Who signs in as an account has that account's second factor, and is signed
 * out with it: the sum grows with either. */
static const char *
state_admin_sql(struct arena *a, const struct state *st)
{
	return arena_printf(a,
	    "SELECT m.login, m.role, m.domain, m.created,"
	    " m.generation + COALESCE(c.generation, 0), m.scram_salt,"
	    " m.scram_iterations, m.secret_password, COALESCE(c.id, ''), %s"
	    " FROM admins m LEFT JOIN accounts c ON c.login = m.login"
	    " WHERE ?1 = '' OR m.login = ?1 ORDER BY m.login",
	    state_schema(st) >= STATE_CONSOLE_SCHEMA
		? "m.name, COALESCE(c.secret_totp, m.secret_totp),"
		  " COALESCE(c.totp_step, m.totp_step)"
		: "'', x'', 0");
}

static void
state_admin_row(struct state_q *q, void *row)
{
	struct state_admin *ad = row;
	struct str salt, text, id;
	struct err *e;

	*ad = (struct state_admin){ .login = state_q_str(q, 0),
		.role = state_q_str(q, 1),
		.domain = state_q_str(q, 2),
		.created = state_q_i64(q, 3),
		.generation = state_q_u64(q, 4),
		.name = state_q_str(q, 9),
		.totp_step = state_q_u64(q, 11) };
	salt = state_q_str(q, 5);
	if (salt.n == sizeof(ad->salt.salt))
		memcpy(ad->salt.salt, salt.p, salt.n);
	ad->salt.iterations = (uint32_t)state_q_u64(q, 6);
	e = state_unseal(q->a, q->st, STATE_ADMIN_COLUMN, ad->login,
	    state_q_str(q, 7), &text);
	if (e == NULL)
		e = password_decode(q->a, text, &ad->password);
	ad->password.salt = ad->salt;
	id = state_q_str(q, 8);
	if (e == NULL)
		e = state_unseal(q->a, q->st,
		    id.n > 0 ? STATE_ACCOUNT_TOTP_COLUMN
			     : STATE_ADMIN_TOTP_COLUMN,
		    id.n > 0 ? id : ad->login, state_q_str(q, 10), &ad->totp);
	q->err = e;
}

static const struct state_rows state_admin_rows = { sizeof(struct state_admin),
	state_admin_row, 0 };

static struct err *
state_admin_read(struct arena *a, struct state *st, struct str login,
    struct state_admin **list_r, unsigned *n_r)
{
	struct state_db *db;
	struct state_q q;
	struct err *e;

	*n_r = 0;
	*list_r = NULL;
	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	state_q_begin(&q, db, a, state_admin_sql(a, st), "t", login);
	e = state_q_list(&q, st, &state_admin_rows, list_r, n_r);
	state_read_end(st);
	return e;
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
