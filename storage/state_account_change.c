/* state_account_change.c - removing, suspending, quotas, passwords */
#include "storage/state_account_private.h"
#include "storage/state_setting.h"

struct state_account_work {
	struct str login; /* or id */
	bool flag;
	uint64_t bytes, messages;
	const struct password *p, *old;
	struct state_account account;
};

static may_yield struct err *
state_account_work_on(struct task *t, struct state *st, const char *by,
    struct str address, state_fn fn, struct state_account_work *w)
{
	struct err *e = state_account_login(task_arena(t), address, &w->login);

	return e != NULL ? e : state_change(t, st, by, fn, w);
}

/* --- removing and bringing back --- */

static struct err *
state_account_remove_run(struct state_tx *x, void *arg)
{
	struct state_account_work *w = arg;
	struct state_account *ac = &w->account;
	struct err *e;

	e = state_account_by_login(x->db, x->a, w->login, ac);
	if (e != NULL)
		return e;
	ac->status = STATE_ACCOUNT_REMOVED;
	ac->removed = x->now_s;
	ac->purge_after = x->now_s + (int64_t)state_setting_u64_in(x->db, x->a,
					 STATE_ACCOUNT_REMOVE_GRACE);
	e = state_run(x->db, x->a,
	    "UPDATE accounts SET login = NULL, status = 2, removed = ?,"
	    " purge_after = ?, changed = ?, generation = generation + 1"
	    " WHERE id = ?",
	    "iiit", ac->removed, ac->purge_after, (int64_t)x->now_s, ac->id);
	/* Another account may have the address next. */
	if (e == NULL)
		e = state_admin_account_goes(x, ac->address);
	return e != NULL
		   ? e
		   : state_audit(x, "account.remove", ac->address, ac->id);
}

struct err *
state_account_remove(struct task *t, struct state *st, const char *by,
    struct str address, struct state_account *removed_r)
{
	struct state_account_work w = { .flag = false };
	struct err *e;

	e = state_account_work_on(t, st, by, address, state_account_remove_run,
	    &w);
	if (removed_r != NULL)
		*removed_r = w.account;
	return e;
}

/* The removed account with this id, or the only one that had this address. */
static struct err *
state_account_removed(struct state_tx *x, struct str id, struct str address,
    struct state_account *ac_r)
{
	struct buf ids;
	struct state_q q;
	struct err *e;
	unsigned n = 0;

	buf_init(&ids, x->a, 4096);
	state_q_begin(&q, x->db, x->a,
	    "SELECT " STATE_ACCOUNT_COLUMNS " FROM accounts"
	    " WHERE status = 2 AND (id = ?1 OR (?2 != '' AND address = ?2))"
	    " ORDER BY removed DESC",
	    "tt", id, address);
	while (state_q_row(&q)) {
		state_account_row(&q, ac_r);
		buf_fmt(&ids, "%s" STR_FMT, n++ > 0 ? ", " : "",
		    STR_ARG(ac_r->id));
	}
	e = state_q_end(&q);
	if (e == NULL && n == 0)
		e = err_newf(x->a, ERR_NOTFOUND,
		    "there is no removed account " STR_FMT, STR_ARG(id));
	if (e == NULL && n > 1)
		e = err_newf(x->a, ERR_CONFLICT,
		    "several removed accounts had this address, name one by "
		    "its id: %s",
		    buf_cstr(&ids));
	return e;
}

static struct err *
state_account_undelete_run(struct state_tx *x, void *arg)
{
	struct state_account_work *w = arg;
	struct state_account *ac = &w->account;
	uint64_t quota, max;
	struct str address;
	struct err *e;
	bool suspended;

	if (state_account_login(x->a, w->login, &address) != NULL)
		address = STR_NONE; /* an id, then */
	e = state_account_removed(x, w->login, address, ac);
	if (e == NULL)
		e = state_address_is_free(x->db, x->a, ac->address);
	if (e == NULL)
		e = state_domain_get_in(x->db, x->a, ac->domain, &suspended,
		    &quota, &max);
	if (e != NULL)
		return e;
	ac->status = STATE_ACCOUNT_ACTIVE;
	ac->removed = ac->purge_after = 0;
	e = state_run(x->db, x->a,
	    "UPDATE accounts SET login = address, status = 0, removed = 0,"
	    " purge_after = 0, changed = ? WHERE id = ?",
	    "it", (int64_t)x->now_s, ac->id);
	return e != NULL
		   ? e
		   : state_audit(x, "account.undelete", ac->address, ac->id);
}

struct err *
state_account_undelete(struct task *t, struct state *st, const char *by,
    struct str id_or_address, struct state_account *account_r)
{
	struct state_account_work w = { .login = id_or_address };
	struct err *e;

	e = state_change(t, st, by, state_account_undelete_run, &w);
	if (account_r != NULL)
		*account_r = w.account;
	return e;
}

/* What goes with an account: ?1 id, ?2 address.  Aliases and groups name
 * addresses; another account may have this one by now. */
static const char *const state_account_purges[] = {
	"DELETE FROM app_passwords WHERE account = ?1 AND ?2 != ''",
	"DELETE FROM accounts WHERE id = ?1 AND ?2 != ''",
	"DELETE FROM alias_targets WHERE target = ?2 AND ?1 != ''"
	" AND NOT EXISTS (SELECT 1 FROM accounts WHERE address = ?2)",
	"DELETE FROM aliases WHERE ?1 != '' AND ?2 != '' AND NOT EXISTS"
	" (SELECT 1 FROM alias_targets"
	"  WHERE alias_targets.address = aliases.address)",
	"DELETE FROM group_members WHERE member = ?2 AND ?1 != ''"
	" AND NOT EXISTS (SELECT 1 FROM accounts WHERE address = ?2)",
};

/* The same, of STATE_CONSOLE_SCHEMA. */
static const char *const state_forward_purges[] = {
	"DELETE FROM forwards WHERE account = ?1 AND ?2 != ''",
	"DELETE FROM forwards WHERE target = ?2 AND ?1 != ''"
	" AND NOT EXISTS (SELECT 1 FROM accounts WHERE address = ?2)",
};

static struct err *
state_account_purge_run(struct state_tx *x, void *arg)
{
	struct state_account_work *w = arg;
	struct err *e;
	unsigned i;

	e = state_account_by_id(x->db, x->a, w->login, &w->account);
	if (err_is(e, ERR_NOTFOUND))
		return NULL; /* done before */
	if (e == NULL && w->account.status != STATE_ACCOUNT_REMOVED)
		e = err_new(x->a, ERR_CONFLICT, "the account is not removed",
		    NULL);
	if (e == NULL && !w->flag && w->account.purge_after > x->now_s)
		e = err_new(x->a, ERR_CONFLICT,
		    "the account's grace is not over", NULL);
	for (i = 0; e == NULL && i < countof(state_account_purges); i++)
		e = state_run(x->db, x->a, state_account_purges[i], "tt",
		    w->login, w->account.address);
	if (e == NULL && state_schema(x->st) >= STATE_SENDING_SCHEMA)
		e = state_run(x->db, x->a,
		    "DELETE FROM identities WHERE account = ?", "t", w->login);
	for (i = 0; e == NULL && i < countof(state_forward_purges) &&
		    state_schema(x->st) >= STATE_CONSOLE_SCHEMA;
	     i++)
		e = state_run(x->db, x->a, state_forward_purges[i], "tt",
		    w->login, w->account.address);
	return e != NULL ? e
			 : state_audit(x, "account.purge", w->account.address,
			       w->login);
}

struct err *
state_account_purge(struct task *t, struct state *st, const char *by,
    struct str id, bool force)
{
	struct state_account_work w = { .login = id, .flag = force };

	return state_change(t, st, by, state_account_purge_run, &w);
}

/* --- suspending, quota --- */

static struct err *
state_account_suspend_run(struct state_tx *x, void *arg)
{
	struct state_account_work *w = arg;
	struct state_account *ac = &w->account;
	struct err *e;

	e = state_account_by_login(x->db, x->a, w->login, ac);
	if (e != NULL || (ac->status == STATE_ACCOUNT_SUSPENDED) == w->flag)
		return e;
	e = state_run(x->db, x->a,
	    "UPDATE accounts SET status = ?, changed = ?,"
	    " generation = generation + 1 WHERE id = ?",
	    "iit", (int64_t)w->flag, (int64_t)x->now_s, ac->id);
	if (e == NULL && w->flag)
		e = state_admin_invites_end(x, w->login);
	return e != NULL ? e
			 : state_audit(x,
			       w->flag ? "account.suspend" : "account.restore",
			       w->login, STR_NONE);
}

struct err *
state_account_suspend(struct task *t, struct state *st, const char *by,
    struct str address, bool suspended)
{
	struct state_account_work w = { .flag = suspended };

	return state_account_work_on(t, st, by, address,
	    state_account_suspend_run, &w);
}

static struct err *
state_account_quota_run(struct state_tx *x, void *arg)
{
	struct state_account_work *w = arg;
	struct state_account *ac = &w->account;
	struct err *e;

	e = state_account_by_login(x->db, x->a, w->login, ac);
	if (e != NULL ||
	    (ac->quota_bytes == w->bytes && ac->quota_messages == w->messages))
		return e;
	e = state_run(x->db, x->a,
	    "UPDATE accounts SET quota_bytes = ?, quota_messages = ?,"
	    " changed = ? WHERE id = ?",
	    "uuit", w->bytes, w->messages, (int64_t)x->now_s, ac->id);
	return e != NULL
		   ? e
		   : state_audit(x, "account.quota", w->login,
			 str_c(arena_printf(x->a, "%llu bytes, %llu messages",
			     (unsigned long long)w->bytes,
			     (unsigned long long)w->messages)));
}

struct err *
state_account_quota(struct task *t, struct state *st, const char *by,
    struct str address, uint64_t bytes, uint64_t messages)
{
	struct state_account_work w = { .bytes = bytes, .messages = messages };

	return state_account_work_on(t, st, by, address,
	    state_account_quota_run, &w);
}

/* --- passwords --- */

/* Whether the stored password is still the one that was verified. */
static struct err *
state_account_is_old(struct state_tx *x, struct state_account_work *w,
    bool *same_r)
{
	struct str sealed = STR_NONE, text;
	struct password now;
	struct state_q q;
	struct err *e;

	state_q_begin(&q, x->db, x->a,
	    "SELECT secret_password FROM accounts WHERE id = ?", "t",
	    w->account.id);
	if (state_q_row(&q))
		sealed = state_q_str(&q, 0);
	e = state_q_end(&q);
	if (e == NULL)
		e = state_unseal(x->a, x->st, STATE_PASSWORD_COLUMN,
		    w->account.id, sealed, &text);
	if (e == NULL)
		e = password_decode(x->a, text, &now);
	*same_r = e == NULL && str_eq(now.hash, w->old->hash);
	return e;
}

/* Keys of one account are all made with one salt. */
static struct err *
state_account_fit_salt(struct state_tx *x, struct str id,
    const struct password *p)
{
	struct str salt = str_of(p->salt.salt, sizeof(p->salt.salt));
	struct err *e;
	bool same, apps;

	e = state_exists(x->db, x->a, &same,
	    "SELECT 1 FROM accounts WHERE id = ? AND scram_salt = ?"
	    " AND scram_iterations = ?",
	    "tbi", id, salt, (int64_t)p->salt.iterations);
	if (e != NULL || same)
		return e;
	e = state_exists(x->db, x->a, &apps,
	    "SELECT 1 FROM app_passwords WHERE account = ?", "t", id);
	if (e == NULL && apps)
		e = err_new(x->a, ERR_CONFLICT,
		    "the account was made anew meanwhile: try again", NULL);
	if (e == NULL)
		e = state_run(x->db, x->a,
		    "UPDATE accounts SET scram_salt = ?, scram_iterations = ?"
		    " WHERE id = ?",
		    "bit", salt, (int64_t)p->salt.iterations, id);
	return e;
}

static struct err *
state_account_password_run(struct state_tx *x, void *arg)
{
	struct state_account_work *w = arg;
	struct state_account *ac = &w->account;
	struct str sealed;
	bool same = true;
	struct err *e;

	e = state_account_by_login(x->db, x->a, w->login, ac);
	if (e == NULL && w->old != NULL)
		e = state_account_is_old(x, w, &same);
	if (e != NULL || !same)
		return e;
	if (w->p != NULL && w->p->has_scram)
		e = state_account_fit_salt(x, ac->id, w->p);
	if (e != NULL)
		return e;
	sealed = state_seal(x, STATE_PASSWORD_COLUMN, ac->id,
	    password_encode(x->a, w->p));
	e = state_run(x->db, x->a,
	    "UPDATE accounts SET secret_password = ?, changed = ?,"
	    " password_changed = ?, generation = generation + ?"
	    " WHERE id = ?",
	    "biiit", sealed, (int64_t)x->now_s,
	    (int64_t)(w->p == NULL     ? 0
		      : w->old != NULL ? ac->password_changed
				       : x->now_s),
	    (int64_t)(w->old == NULL), ac->id);
	if (e != NULL || w->old != NULL)
		return e;
	return state_audit(x, "account.password", w->login,
	    w->p == NULL ? STR("none") : STR_NONE);
}

struct err *
state_account_password(struct task *t, struct state *st, const char *by,
    struct str address, const struct password *p,
    const struct password *upgrade_of)
{
	struct state_account_work w = { .p = p, .old = upgrade_of };

	return state_account_work_on(t, st, by, address,
	    state_account_password_run, &w);
}

static struct err *
state_account_signout_run(struct state_tx *x, void *arg)
{
	struct state_account_work *w = arg;
	struct err *e;

	e = state_account_by_login(x->db, x->a, w->login, &w->account);
	if (e == NULL)
		e = state_run(x->db, x->a,
		    "UPDATE accounts SET generation = generation + 1"
		    " WHERE id = ?",
		    "t", w->account.id);
	return e != NULL
		   ? e
		   : state_audit(x, "account.signout", w->login, STR_NONE);
}

struct err *
state_account_signout(struct task *t, struct state *st, const char *by,
    struct str address)
{
	struct state_account_work w = { .flag = false };

	return state_account_work_on(t, st, by, address,
	    state_account_signout_run, &w);
}
