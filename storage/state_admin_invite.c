/* state_admin_invite.c - links with which somebody becomes an administrator */
#include "storage/state_address.h"
#include "storage/state_admin_private.h"

#define STATE_INVITE_COLUMNS                                                   \
	"SELECT id, login, role, domain, inviter, token, created, expires,"    \
	" hash FROM admin_invites"
#define STATE_INVITE_HASH 8

struct state_admin_invite_work {
	struct state_admin_invite *inv;
	struct str login, domain, id, secret, code;
	struct state_admin ad;
};

static struct err *
state_admin_invite_missing(struct arena *a)
{
	return err_new(a, ERR_NOTFOUND,
	    "there is no such invitation: it was used, withdrawn, or it has "
	    "expired",
	    NULL);
}

static void
state_admin_invite_row(struct state_q *q, void *row)
{
	struct state_admin_invite *inv = row;

	*inv = (struct state_admin_invite){ .id = state_q_str(q, 0),
		.login = state_q_str(q, 1),
		.role = state_q_str(q, 2),
		.domain = state_q_str(q, 3),
		.inviter = state_q_str(q, 4),
		.token = state_q_str(q, 5),
		.created = state_q_i64(q, 6),
		.expires = state_q_i64(q, 7) };
}

static const struct state_rows state_admin_invite_rows = {
	sizeof(struct state_admin_invite), state_admin_invite_row,
	STATE_CONSOLE_SCHEMA
};

/* --- making and withdrawing --- */

/* Those that are over go; there must be room for another. */
static struct err *
state_admin_invite_room(struct state_tx *x)
{
	int64_t n = 0;
	struct err *e;

	e = state_run(x->db, x->a,
	    "DELETE FROM admin_invites WHERE expires <= ?", "i", x->now_s);
	if (e == NULL)
		e = state_number(x->db, x->a, &n,
		    "SELECT COUNT(*) FROM admin_invites", "");
	if (e == NULL && n >= STATE_ADMIN_INVITES_MAX)
		e = err_newf(x->a, ERR_LIMIT,
		    "there are %d invitations: withdraw some",
		    STATE_ADMIN_INVITES_MAX);
	return e;
}

/* Whoever asked may have been removed since, on another node. */
static struct err *
state_admin_invite_may(struct state_tx *x, const struct state_admin_invite *inv)
{
	struct err *e = NULL;
	bool may = true;

	if (inv->inviter.n > 0)
		e = state_exists(x->db, x->a, &may,
		    "SELECT 1 FROM admins WHERE login = ? AND role = 'system'",
		    "t", inv->inviter);
	if (e == NULL && may && inv->token.n > 0)
		e = state_exists(x->db, x->a, &may,
		    "SELECT 1 FROM tokens WHERE id = ? AND owner = ?", "tt",
		    inv->token, inv->inviter);
	if (e == NULL && !may)
		e = err_new(x->a, ERR_DENIED,
		    "only administrators of role system invite others", NULL);
	return e;
}

static struct err *
state_admin_invite_check(struct state_tx *x,
    const struct state_admin_invite_work *w)
{
	uint64_t quota, max;
	struct err *e;
	bool have = false, suspended;

	if (w->inv->expires <= x->now_s ||
	    w->inv->expires > x->now_s + STATE_ADMIN_INVITE_MAX_S)
		return err_newf(x->a, ERR_INVALID,
		    "an invitation is good for at most %d days",
		    STATE_ADMIN_INVITE_MAX_S / 86400);
	e = state_admin_invite_may(x, w->inv);
	if (e == NULL && w->domain.n > 0)
		e = state_domain_get_in(x->db, x->a, w->domain, &suspended,
		    &quota, &max);
	if (e == NULL && w->login.n > 0)
		e = state_exists(x->db, x->a, &have,
		    "SELECT 1 FROM admins WHERE login = ?", "t", w->login);
	if (e == NULL && have)
		e = err_newf(x->a, ERR_DUPLICATE,
		    "there is an administrator " STR_FMT " already",
		    STR_ARG(w->login));
	return e;
}

static struct err *
state_admin_invite_run(struct state_tx *x, void *arg)
{
	struct state_admin_invite_work *w = arg;
	struct state_admin_invite *inv = w->inv;
	struct str secret;
	struct err *e;

	e = state_console_check(x);
	if (e == NULL)
		e = state_admin_invite_check(x, w);
	if (e == NULL)
		e = state_admin_invite_room(x);
	if (e != NULL)
		return e;
	inv->id = state_random_id(x->a, x->rnd);
	inv->created = x->now_s;
	secret = state_secret_make(x);
	w->code = str_c(arena_printf(x->a, STR_FMT "-" STR_FMT,
	    STR_ARG(inv->id), STR_ARG(secret)));
	e = state_run(x->db, x->a,
	    "INSERT INTO admin_invites (id, login, role, domain, inviter,"
	    " token, created, expires, hash)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    "ttttttiib", inv->id, w->login, inv->role, w->domain, inv->inviter,
	    inv->token, inv->created, inv->expires,
	    state_secret_hash(x->a, secret));
	return e != NULL ? e
			 : state_audit(x, "admin.invite",
			       w->login.n > 0 ? w->login : inv->id, inv->role);
}

/* A name of one's own. */
static struct err *
state_admin_invite_login(struct arena *a, struct str in, struct str *login_r)
{
	if (state_admin_is_account(in))
		return err_new(a, ERR_INVALID,
		    "an invitation is for a name without @: give an account "
		    "its role directly",
		    NULL);
	return state_word_parse(a, in, login_r);
}

struct err *
state_admin_invite(struct task *t, struct state *st, const char *by,
    struct state_admin_invite *inv, struct str *code_r)
{
	struct state_admin_invite_work w = { .inv = inv, .login = STR("") };
	struct arena *a = task_arena(t);
	struct err *e = NULL;

	*code_r = STR_NONE;
	if (inv->login.n > 0)
		e = state_admin_invite_login(a, inv->login, &w.login);
	if (e == NULL)
		e = state_admin_role(a, inv->role, inv->domain, &w.domain);
	if (e == NULL)
		e = state_change(t, st, by, state_admin_invite_run, &w);
	if (e != NULL)
		return e;
	inv->login = w.login;
	inv->domain = w.domain;
	*code_r = w.code;
	return NULL;
}

static struct err *
state_admin_invite_remove_run(struct state_tx *x, void *arg)
{
	const struct str *id = arg;
	struct err *e;

	e = state_console_check(x);
	if (e == NULL)
		e = state_run(x->db, x->a,
		    "DELETE FROM admin_invites WHERE id = ?", "t", *id);
	if (e == NULL && !state_did(x->db))
		e = state_admin_invite_missing(x->a);
	return e != NULL ? e
			 : state_audit(x, "admin.invite-remove", *id, STR_NONE);
}

struct err *
state_admin_invite_remove(struct task *t, struct state *st, const char *by,
    struct str id)
{
	return state_change(t, st, by, state_admin_invite_remove_run, &id);
}

/* --- withdrawn with who made them --- */

/* Also what he made through a token. */
struct err *
state_admin_invites_end(struct state_tx *x, struct str login)
{
	return state_schema(x->st) < STATE_CONSOLE_SCHEMA
		   ? NULL
		   : state_run(x->db, x->a,
			 "DELETE FROM admin_invites WHERE inviter = ?", "t",
			 login);
}

struct err *
state_admin_invites_end_domain(struct state_tx *x, struct str domain)
{
	return state_schema(x->st) < STATE_CONSOLE_SCHEMA
		   ? NULL
		   : state_run(x->db, x->a,
			 "DELETE FROM admin_invites WHERE inviter IN"
			 " (SELECT login FROM accounts WHERE domain = ?)",
			 "t", domain);
}

/* --- using --- */

static struct err *
state_admin_invite_get(struct state_db *db, struct arena *a, struct str code,
    int64_t now_s, struct state_admin_invite *inv_r)
{
	struct str id, secret;
	struct state_q q;
	struct err *e;
	bool ok;

	if (!state_secret_split(code, STR(""), '-', &id, &secret))
		return state_admin_invite_missing(a);
	state_q_begin(&q, db, a, STATE_INVITE_COLUMNS " WHERE id = ?", "t", id);
	ok = state_q_row(&q);
	if (ok) {
		state_admin_invite_row(&q, inv_r);
		ok = state_secret_is(secret,
			 state_q_str(&q, STATE_INVITE_HASH)) &&
		     inv_r->expires > now_s;
	}
	e = state_q_end(&q);
	if (ok)
		return e;
	*inv_r = (struct state_admin_invite){ .created = 0 };
	return e != NULL ? e : state_admin_invite_missing(a);
}

struct err *
state_admin_invite_find(struct arena *a, struct state *st, struct str code,
    int64_t now_s, struct state_admin_invite *inv_r)
{
	struct state_db *db;
	struct err *e;

	*inv_r = (struct state_admin_invite){ .created = 0 };
	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	if (state_schema(st) >= STATE_CONSOLE_SCHEMA)
		e = state_admin_invite_get(db, a, code, now_s, inv_r);
	else
		e = state_admin_invite_missing(a);
	state_read_end(st);
	return e;
}

static struct err *
state_admin_accept_run(struct state_tx *x, void *arg)
{
	struct state_admin_invite_work *w = arg;
	struct state_admin_invite inv;
	struct err *e;

	e = state_console_check(x);
	if (e == NULL)
		e = state_admin_invite_get(x->db, x->a, w->code, x->now_s,
		    &inv);
	if (e == NULL && inv.login.n > 0 && !str_eq(inv.login, w->ad.login))
		e = err_newf(x->a, ERR_INVALID,
		    "the invitation is for the name " STR_FMT,
		    STR_ARG(inv.login));
	if (e != NULL)
		return e;
	w->ad.role = inv.role;
	w->ad.domain = inv.domain;
	e = state_run(x->db, x->a, "DELETE FROM admin_invites WHERE id = ?",
	    "t", inv.id);
	if (e == NULL)
		e = state_admin_insert(x, &w->ad);
	x->by = arena_printf(x->a, "invite:" STR_FMT, STR_ARG(inv.id));
	return e != NULL
		   ? e
		   : state_audit(x, "admin.accept", w->ad.login, inv.role);
}

struct err *
state_admin_accept(struct task *t, struct state *st, struct str code,
    const struct state_admin *ad)
{
	struct state_admin_invite_work w = { .ad = *ad, .code = code };
	struct arena *a = task_arena(t);
	struct err *e;

	e = state_admin_invite_login(a, ad->login, &w.ad.login);
	if (e == NULL && ad->password.hash.n == 0)
		e = err_new(a, ERR_INVALID, "an administrator has a password",
		    NULL);
	if (e == NULL)
		e = state_admin_text(a, ad->name, STATE_ADMIN_NAME_MAX,
		    "a name");
	return e != NULL
		   ? e
		   : state_change(t, st, "invite", state_admin_accept_run, &w);
}

/* --- listing --- */

struct err *
state_admin_invite_list(struct arena *a, struct state *st,
    struct state_admin_invite **list_r, unsigned *n_r)
{
	return state_list(a, st, &state_admin_invite_rows, list_r, n_r,
	    STATE_INVITE_COLUMNS " ORDER BY created, id", "");
}
