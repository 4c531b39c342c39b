/* state_identity.c - whose name an account may write in */
#include "storage/state_identity.h"

#include "storage/state_account_private.h"
#include "storage/state_address.h"
#include "storage/state_resolve_private.h"

/* An address, or "*@domain". */
static struct err *
state_identity_parse(struct arena *a, struct str in, struct str *address_r)
{
	struct state_address ad;
	struct err *e;

	if (str_starts(in, STR("@")))
		in = str_c(arena_printf(a, "*" STR_FMT, STR_ARG(in)));
	e = state_address_parse(a, in, &ad);
	if (e == NULL)
		*address_r = ad.full;
	return e;
}

/* --- changing --- */

struct state_identity_work {
	struct str login, address;
	bool add;
};

static struct err *
state_identity_room(struct state_tx *x, const struct state_account *ac)
{
	int64_t n;
	struct err *e = state_number(x->db, x->a, &n,
	    "SELECT COUNT(*) FROM identities WHERE account = ?", "t", ac->id);

	if (e == NULL && n >= STATE_IDENTITIES_MAX)
		e = err_newf(x->a, ERR_LIMIT,
		    STR_FMT " has %d identities: give it a whole domain",
		    STR_ARG(ac->address), STATE_IDENTITIES_MAX);
	return e;
}

static struct err *
state_identity_run(struct state_tx *x, void *arg)
{
	const struct state_identity_work *w = arg;
	struct state_account ac;
	struct err *e;
	bool have;

	e = state_sending_check(x);
	if (e == NULL)
		e = state_account_by_login(x->db, x->a, w->login, &ac);
	if (e == NULL)
		e = state_exists(x->db, x->a, &have,
		    "SELECT 1 FROM identities WHERE account = ? AND address = "
		    "?",
		    "tt", ac.id, w->address);
	if (e == NULL && have && w->add)
		e = err_newf(x->a, ERR_DUPLICATE,
		    STR_FMT " may send as " STR_FMT " already",
		    STR_ARG(w->login), STR_ARG(w->address));
	if (e == NULL && !have && w->add)
		e = state_identity_room(x, &ac);
	if (e == NULL && !have && !w->add)
		e = err_newf(x->a, ERR_NOTFOUND,
		    STR_FMT " has no identity " STR_FMT, STR_ARG(w->login),
		    STR_ARG(w->address));
	if (e != NULL)
		return e;
	if (w->add)
		e = state_run(x->db, x->a,
		    "INSERT INTO identities (account, address, created)"
		    " VALUES (?, ?, ?)",
		    "tti", ac.id, w->address, x->now_s);
	else
		e = state_run(x->db, x->a,
		    "DELETE FROM identities WHERE account = ? AND address = ?",
		    "tt", ac.id, w->address);
	return e != NULL
		   ? e
		   : state_audit(x, w->add ? "identity.add" : "identity.remove",
			 w->login, w->address);
}

static may_yield struct err *
state_identity_change(struct task *t, struct state *st, const char *by,
    struct str account_address, struct str address, bool add)
{
	struct state_identity_work w = { .add = add };
	struct arena *a = task_arena(t);
	struct err *e;

	e = state_account_login(a, account_address, &w.login);
	if (e == NULL)
		e = state_identity_parse(a, address, &w.address);
	return e != NULL ? e : state_change(t, st, by, state_identity_run, &w);
}

struct err *
state_identity_add(struct task *t, struct state *st, const char *by,
    struct str account_address, struct str address)
{
	return state_identity_change(t, st, by, account_address, address, true);
}

struct err *
state_identity_remove(struct task *t, struct state *st, const char *by,
    struct str account_address, struct str address)
{
	return state_identity_change(t, st, by, account_address, address,
	    false);
}

/* --- reading --- */

static void
state_identity_row(struct state_q *q, void *row)
{
	struct state_identity *i = row;

	*i = (struct state_identity){ .account = state_q_str(q, 0),
		.login = state_q_str(q, 1),
		.address = state_q_str(q, 2),
		.created = state_q_i64(q, 3) };
}

static const struct state_rows state_identity_rows = {
	sizeof(struct state_identity), state_identity_row, 0
};

static struct err *
state_identity_read(struct state_db *db, struct arena *a, struct state *st,
    struct str login, struct state_identity **list_r, unsigned *n_r)
{
	struct state_account ac = { .id = STR_NONE };
	struct state_q q;
	struct err *e;

	if (login.n > 0) {
		e = state_account_by_login(db, a, login, &ac);
		if (e != NULL)
			return e;
	}
	state_q_begin(&q, db, a,
	    "SELECT i.account, a.login, i.address, i.created FROM identities i"
	    " LEFT JOIN accounts a ON a.id = i.account"
	    " WHERE ?1 = '' OR i.account = ?1 ORDER BY a.address, i.address",
	    "t", ac.id);
	return state_q_list(&q, st, &state_identity_rows, list_r, n_r);
}

struct err *
state_identity_list(struct arena *a, struct state *st,
    struct str account_address, struct state_identity **list_r, unsigned *n_r)
{
	struct str login = STR_NONE;
	struct err *e = NULL;
	struct state_db *db;

	*n_r = 0;
	*list_r = NULL;
	if (account_address.n > 0)
		e = state_account_login(a, account_address, &login);
	if (e == NULL)
		e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	if (state_schema(st) >= STATE_SENDING_SCHEMA)
		e = state_identity_read(db, a, st, login, list_r, n_r);
	state_read_end(st);
	return e;
}

/* --- sending as --- */

/* What the state says about an identity of this address, with or without its
 * detail, or of all of its domain. */
static struct err *
state_identity_has(struct state_db *db, struct arena *a, struct state *st,
    struct str id, const struct state_address *ad, bool *yes_r)
{
	struct str base = STR_NONE;
	struct err *e;
	size_t end;

	if (state_schema(st) < STATE_SENDING_SCHEMA)
		return NULL;
	e = state_exists(db, a, yes_r,
	    "SELECT 1 FROM identities WHERE account = ?1"
	    " AND address IN (?2, '*@' || ?3)",
	    "ttt", id, ad->full, ad->domain);
	for (end = ad->local.n; e == NULL && !*yes_r && end > 0;) {
		e = state_resolve_shorter(db, a, st, ad, &end, &base);
		if (e == NULL && end > 0)
			e = state_exists(db, a, yes_r,
			    "SELECT 1 FROM identities"
			    " WHERE account = ? AND address = ?",
			    "tt", id, base);
	}
	return e;
}

static struct err *
state_may_send_in(struct state_db *db, struct arena *a, struct state *st,
    struct str id, const struct state_address *ad, bool *yes_r)
{
	struct state_account ac;
	struct err *e;

	e = state_account_by_id(db, a, id, &ac);
	if (err_is(e, ERR_NOTFOUND))
		return NULL;
	if (e != NULL || ac.status != STATE_ACCOUNT_ACTIVE)
		return e;
	*yes_r = str_eq(ac.address, ad->full);
	if (!*yes_r)
		e = state_identity_has(db, a, st, id, ad, yes_r);
	if (e == NULL && !*yes_r)
		e = state_resolve_leads_to(db, a, st, ad, id, yes_r);
	return e;
}

struct err *
state_may_send_as(struct arena *a, struct state *st, struct str account_id,
    struct str address, bool *yes_r)
{
	struct state_address ad;
	struct state_db *db;
	struct err *e;

	*yes_r = false;
	if (state_address_parse(a, address, &ad) != NULL)
		return NULL;
	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	e = state_may_send_in(db, a, st, account_id, &ad, yes_r);
	state_read_end(st);
	if (e != NULL)
		*yes_r = false;
	return e;
}
