/* auth_find.c - whose login name that is */
#include "base/log.h"
#include "server/auth/auth_private.h"
#include "storage/state_address.h"
#include "storage/state_alias.h"

/* An alias of exactly one account here. */
static struct err *
auth_find_alias(struct arena *a, struct state *st, struct str login,
    struct str *address_r)
{
	struct state_recipient *list;
	struct state_alias alias;
	struct err *e;
	unsigned n;
	bool foreign;

	e = state_alias_find(a, st, login, &alias);
	if (e != NULL)
		return e;
	if (alias.group || str_starts(alias.address, STR("@")))
		return err_new(a, ERR_NOTFOUND, "no such account", NULL);
	e = state_resolve_plain(a, st, alias.address, &list, &n, &foreign);
	if (e == NULL && (n != 1 || list[0].account_id.n == 0))
		e = err_new(a, ERR_NOTFOUND, "no such account", NULL);
	if (e == NULL)
		*address_r = list[0].address;
	return e;
}

/* Errors that mean: no such user.  ERR_DENIED: the alias's domain is suspended
 * or not ours; ERR_LIMIT: it leads in a circle. */
static bool
auth_find_is_no(const struct err *e)
{
	return err_is(e, ERR_NOTFOUND) || err_is(e, ERR_INVALID) ||
	       err_is(e, ERR_DENIED) || err_is(e, ERR_LIMIT);
}

static struct err *
auth_find_real(struct arena *a, struct state *st, struct str login,
    int64_t now_s, struct auth_found *f)
{
	struct str address;
	struct err *e, *alias;

	e = state_login_find(a, st, login, now_s, &f->login);
	if (!err_is(e, ERR_NOTFOUND))
		return e;
	alias = auth_find_alias(a, st, login, &address);
	if (alias != NULL)
		return auth_find_is_no(alias) ? e : alias;
	f->alias = true;
	return state_login_find(a, st, address, now_s, &f->login);
}

/* The name in its one form, so that each spelling scores alike. */
static struct str
auth_find_name(struct arena *a, struct str login)
{
	struct state_address ad;

	if (login.n <= AUTH_NAME_MAX &&
	    state_address_parse(a, login, &ad) == NULL)
		return ad.full;
	return str_sub(login, 0, AUTH_NAME_MAX);
}

void
auth_find_fake(struct arena *a, struct auth *au, struct auth_found *f,
    struct str name)
{
	struct state_credential *c = arena_new_obj(a, struct state_credential);

	password_fake(a, state_key(au->w->state), name,
	    (uint32_t)worker_setting(au->w, STATE_PASSWORD_ITERATIONS),
	    (unsigned)worker_setting(au->w, STATE_PASSWORD_COST),
	    &f->login.salt, &c->password);
	f->login.credentials = c;
	f->login.n = 1;
}

struct err *
auth_find(struct task *t, struct auth *au, struct str login,
    struct auth_found *f)
{
	struct arena *a = task_arena(t);
	struct err *e = NULL;

	*f = (struct auth_found){ .who = auth_find_name(a, login) };
	if (login.n <= AUTH_NAME_MAX)
		e = auth_find_real(a, au->w->state, login, task_wall_s(t), f);
	else
		e = err_new(a, ERR_NOTFOUND, "no such account", NULL);
	f->suspended = err_is(e, ERR_DENIED);
	f->found = e == NULL || f->suspended;
	if (!f->found && !err_is(e, ERR_NOTFOUND))
		return e;
	if (f->found)
		f->who = f->login.account.id;
	/* one that has no password at all costs as much, too */
	if (f->login.n == 0)
		auth_find_fake(a, au, f, f->who);
	return NULL;
}

bool
auth_still_holds(struct arena *a, struct auth *au, const struct auth_login *was,
    int64_t now_s)
{
	struct state_login now;
	struct err *e = state_login_find(a, au->w->state, was->account.address,
	    now_s, &now);
	bool app = was->app_id.n == 0;

	if (err_is(e, ERR_NOTFOUND) || err_is(e, ERR_DENIED))
		return false;
	if (e != NULL)
		return true;
	for (unsigned i = 0; i < now.n; i++)
		app |= str_eq(now.credentials[i].app_id, was->app_id);
	return app && str_eq(now.account.id, was->account.id) &&
	       now.account.generation == was->account.generation;
}

enum auth_holds
auth_recheck(struct arena *a, struct auth *au, const struct auth_login *was,
    uint64_t *seq, int64_t now_s, struct state_account *now_r)
{
	struct auth_login now = { .app_id = was->app_id };
	uint64_t at = state_seq(au->w->state);
	struct err *e;

	*now_r = (struct state_account){ .id = STR("") };
	if (at == *seq)
		return AUTH_HOLDS;
	e = state_account_get(a, au->w->state, was->account.id, &now.account);
	if (e != NULL && !err_is(e, ERR_NOTFOUND))
		return AUTH_HOLDS; /* the replica cannot be asked: next time */
	if (e != NULL || now.account.status != STATE_ACCOUNT_ACTIVE)
		return AUTH_HOLDS_CLOSED;
	if (now.account.generation != was->account.generation ||
	    !auth_still_holds(a, au, &now, now_s))
		return AUTH_HOLDS_NOT;
	*now_r = now.account;
	*seq = at;
	return AUTH_HOLDS;
}
