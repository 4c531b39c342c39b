/* auth_who.c - who a session or a token is, as the state says now */
#include "server/auth/auth_console.h"
#include "storage/state_admin.h"
#include "storage/state_domain.h"

/* Nodes' clocks may differ by so much before a session seems older than the
 * person. */
#define AUTH_CLOCKS_S 300

static struct err *
auth_who_nobody(struct arena *a, const char *why)
{
	return err_new(a, ERR_DENIED, "sign in again", "%s", why);
}

static struct err *
auth_who_changed(struct arena *a, struct err *e)
{
	return err_is(e, ERR_NOTFOUND) || err_is(e, ERR_INVALID)
		   ? auth_who_nobody(a, "no such person")
		   : e;
}

static void
auth_who_is_admin(struct principal *p, const struct state_admin *ad)
{
	p->role = role_of_name(ad->role);
	p->domain = ad->domain;
	/* empty would be all of them */
	if (p->role == ROLE_DOMAIN && p->domain.n == 0)
		p->role = ROLE_NOBODY;
	if (ad->name.n > 0)
		p->name = ad->name;
}

static struct err *
auth_who_admin(struct arena *a, struct state *st, struct str login,
    struct principal *p, int64_t *created_r)
{
	struct state_admin ad;
	struct err *e = state_admin_find(a, st, login, &ad);

	if (e != NULL)
		return auth_who_changed(a, e);
	p->login = ad.login;
	p->generation = ad.generation;
	*created_r = ad.created;
	auth_who_is_admin(p, &ad);
	return NULL;
}

static struct err *
auth_who_account(struct arena *a, struct state *st, struct str address,
    struct principal *p, int64_t *created_r)
{
	struct state_domain d;
	struct state_admin ad;
	struct err *e = state_account_find(a, st, address, &p->account);

	if (e == NULL && p->account.status != STATE_ACCOUNT_ACTIVE)
		return auth_who_nobody(a, "the account is suspended");
	if (e == NULL)
		e = state_domain_find(a, st, p->account.domain, &d);
	if (e != NULL)
		return auth_who_changed(a, e);
	if (d.suspended)
		return auth_who_nobody(a, "the domain is suspended");
	p->has_account = true;
	p->role = ROLE_USER;
	p->login = p->account.address;
	p->name = p->account.name;
	p->generation = p->account.generation;
	*created_r = p->account.created;
	e = state_admin_find(a, st, p->login, &ad);
	if (e != NULL)
		return err_is(e, ERR_NOTFOUND) ? NULL : e;
	/* the account's is in it: either ends sessions */
	p->generation = ad.generation;
	auth_who_is_admin(p, &ad);
	return NULL;
}

static struct err *
auth_who_find(struct arena *a, struct state *st, bool admin, struct str login,
    struct principal *p, int64_t *created_r)
{
	struct err *e;

	*p = (struct principal){ .scopes = UINT32_MAX };
	/* an administrator of an account's name signs in as the account */
	if (admin != (str_chr(login, '@') < 0))
		return auth_who_nobody(a, "no such person");
	e = admin ? auth_who_admin(a, st, login, p, created_r)
		  : auth_who_account(a, st, login, p, created_r);
	if (e == NULL && p->role == ROLE_NOBODY)
		return auth_who_nobody(a, "of a role unknown here");
	if (e == NULL)
		p->by = arena_printf(a, "%s:" STR_FMT,
		    p->role == ROLE_USER ? "user" : "admin", STR_ARG(p->login));
	return e;
}

struct err *
auth_who(struct arena *a, struct state *st, bool admin, struct str login,
    struct principal *p)
{
	int64_t created;

	return auth_who_find(a, st, admin, login, p, &created);
}

struct err *
auth_who_session(struct arena *a, struct state *st, const struct session *s,
    struct principal *p, bool *behind_r)
{
	struct err *e;
	int64_t created;
	bool ended;

	*behind_r = false;
	e = auth_who_find(a, st, s->admin, s->login, p, &created);
	if (e != NULL)
		return e;
	*behind_r = s->generation > p->generation;
	if (s->generation != p->generation)
		return auth_who_nobody(a, "of another generation");
	/* somebody of the same name, removed since */
	if (s->issued < created - AUTH_CLOCKS_S)
		return auth_who_nobody(a, "older than the person");
	e = state_session_is_ended(a, st, str_c(s->id), &ended);
	if (e == NULL && ended)
		return auth_who_nobody(a, "signed out");
	if (e == NULL)
		p->session = arena_str(a, str_c(s->id));
	return e;
}

struct err *
auth_who_token(struct arena *a, struct state *st, struct str text,
    int64_t now_s, struct principal *p)
{
	struct state_token tok;
	struct err *e;

	if (text.n > STATE_TOKEN_MAX)
		return auth_who_nobody(a, "no token");
	e = state_token_find(a, st, text, now_s, &tok);
	if (e != NULL)
		return auth_who_changed(a, e);
	e = auth_who(a, st, str_chr(tok.owner, '@') < 0, tok.owner, p);
	if (e == NULL && p->role == ROLE_USER)
		return auth_who_nobody(a, "its owner administrates nothing");
	if (e == NULL)
		e = principal_scopes_parse(a, tok.scopes, &p->scopes);
	if (e != NULL)
		return e;
	p->token = tok.id;
	p->by = arena_printf(a, "token:" STR_FMT ":" STR_FMT, STR_ARG(tok.id),
	    STR_ARG(tok.owner));
	return NULL;
}
