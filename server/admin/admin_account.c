/* admin_account.c - accounts: mailbox and state together */
#include "server/admin/admin_account.h"

#include "base/crypto.h"
#include "server/conf.h"
#include "storage/folder.h"
#include "storage/state_address.h"
#include "storage/state_setting.h"

static uint64_t
admin_account_setting(const struct admin *ad, enum state_setting id)
{
	if (ad->conf != NULL && ad->conf->setting_set[id])
		return ad->conf->setting_u64[id];
	return state_setting_u64(ad->state, id);
}

struct err *
admin_account_open(struct task *t, struct admin *ad, struct str address,
    struct state_account *sa_r, struct account **acc_r)
{
	struct err *e =
	    state_account_find(task_arena(t), ad->state, address, sa_r);

	if (e == NULL && acc_r != NULL)
		e = account_open(t, ad->mail, sa_r->id, acc_r);
	return e == NULL
		   ? NULL
		   : err_wrap(task_arena(t), e, STR_FMT, STR_ARG(address));
}

struct err *
admin_account_find(struct arena *a, struct admin *ad, struct str address_or_id,
    struct state_account *sa_r)
{
	if (str_chr(address_or_id, '@') >= 0)
		return state_account_find(a, ad->state, address_or_id, sa_r);
	return state_account_get(a, ad->state, address_or_id, sa_r);
}

/* --- new ones --- */

struct admin_accounts {
	struct admin *ad;
	struct state_account_new *list;
};

may_yield static struct err *
admin_account_make_one(struct task *t, void *arg, unsigned i)
{
	struct admin_accounts *m = arg;
	struct account *acc;
	bool made;
	struct err *e =
	    account_create(t, m->ad->mail, m->list[i].id_r, &made, &acc);

	if (e == NULL)
		account_close(&acc);
	return e;
}

may_yield static struct err *
admin_account_unmake_one(struct task *t, void *arg, unsigned i)
{
	struct admin_accounts *m = arg;
	struct account *acc;
	struct err *e = account_open(t, m->ad->mail, m->list[i].id_r, &acc);

	if (err_is(e, ERR_NOTFOUND))
		return NULL;
	if (e != NULL)
		return e;
	e = account_shut(t, acc);
	account_close(&acc);
	if (e == NULL)
		e = account_purge(t, m->ad->mail, m->list[i].id_r);
	return e;
}

/* Most refusals are known without making anything. */
static struct err *
admin_accounts_look(struct task *t, struct admin *ad,
    struct state_account_new *list, unsigned n)
{
	struct arena *a = task_arena(t);

	for (unsigned i = 0; i < n; i++) {
		char id[STATE_ID_CHARS + 1];
		struct state_account sa;
		struct err *e =
		    state_account_find(a, ad->state, list[i].address, &sa);

		if (e == NULL)
			return err_newf(a, ERR_DUPLICATE,
			    STR_FMT " exists already", STR_ARG(sa.address));
		if (e->code != ERR_NOTFOUND)
			return e;
		state_account_id(sched_rnd(task_sched(t)), id);
		list[i].id_r = arena_str(a, str_c(id));
	}
	return NULL;
}

/* Nothing was committed, for certain. */
static bool
admin_accounts_refused(const struct err *e)
{
	switch (err_code(e)) {
	case ERR_INVALID:
	case ERR_LIMIT:
	case ERR_DUPLICATE:
	case ERR_NOTFOUND:
	case ERR_CONFLICT:
		return true;
	default:
		return false;
	}
}

struct err *
admin_accounts_add(struct task *t, struct admin *ad,
    struct state_account_new *list, unsigned n)
{
	struct admin_accounts m = { .ad = ad, .list = list };
	struct err *e = admin_accounts_look(t, ad, list, n);

	if (e != NULL)
		return e;
	e = admin_each(t, n, ADMIN_ACCOUNTS_WIDTH, admin_account_make_one, &m);
	if (e == NULL)
		e = state_account_add(t, ad->state, ad->by, list, n);
	if (admin_accounts_refused(e))
		/* Best effort: what stays is an empty mailbox nobody names. */
		err_ignore(admin_each(t, n, ADMIN_ACCOUNTS_WIDTH,
		    admin_account_unmake_one, &m));
	return e;
}

/* --- removing and restoring --- */

may_yield static struct err *
admin_account_purge(struct task *t, struct admin *ad,
    const struct state_account *sa)
{
	struct err *e = account_purge(t, ad->mail, sa->id);

	if (e == NULL)
		e = state_account_purge(t, ad->state, ad->by, sa->id, true);
	return e;
}

may_yield static struct err *
admin_account_close(struct task *t, struct admin *ad, struct state_account *sa)
{
	struct account *acc;
	struct err *e = account_open(t, ad->mail, sa->id, &acc);

	if (e != NULL)
		return e;
	e = account_shut(t, acc);
	if (e == NULL) {
		e = state_account_remove(t, ad->state, ad->by, sa->address, sa);
		if (e != NULL && !share_err_is_temporary(e))
			err_ignore(account_reopen(t, acc)); /* as it was */
	}
	account_close(&acc);
	return e;
}

struct err *
admin_account_remove(struct task *t, struct admin *ad, struct str address_or_id,
    bool purge, struct state_account *sa_r)
{
	struct err *e =
	    admin_account_find(task_arena(t), ad, address_or_id, sa_r);

	if (e != NULL)
		return e;
	if (sa_r->status != STATE_ACCOUNT_REMOVED)
		e = admin_account_close(t, ad, sa_r);
	else if (!purge)
		e = err_newf(task_arena(t), ERR_CONFLICT,
		    STR_FMT " is removed already", STR_ARG(sa_r->address));
	if (e == NULL && purge)
		e = admin_account_purge(t, ad, sa_r);
	return e;
}

/* A restore that was cut short leaves one that is active and closed. */
may_yield static struct err *
admin_account_let_in(struct task *t, struct admin *ad,
    const struct state_account *sa, bool active)
{
	struct account *acc;
	struct err *e = account_open(t, ad->mail, sa->id, &acc);

	if (e != NULL)
		return e;
	if (active && !account_is_closed(acc))
		e = err_newf(task_arena(t), ERR_CONFLICT,
		    STR_FMT " is active: there is nothing to restore",
		    STR_ARG(sa->address));
	else
		e = account_reopen(t, acc);
	account_close(&acc);
	return e;
}

struct err *
admin_account_restore(struct task *t, struct admin *ad,
    struct str address_or_id, struct state_account *sa_r)
{
	struct err *e =
	    admin_account_find(task_arena(t), ad, address_or_id, sa_r);
	bool active = e == NULL && sa_r->status == STATE_ACCOUNT_ACTIVE;

	if (e == NULL && sa_r->status == STATE_ACCOUNT_SUSPENDED)
		e = state_account_suspend(t, ad->state, ad->by, sa_r->address,
		    false);
	else if ((e == NULL && !active) || err_is(e, ERR_NOTFOUND))
		e = state_account_undelete(t, ad->state, ad->by, address_or_id,
		    sa_r);
	if (e != NULL)
		return e;
	sa_r->status = STATE_ACCOUNT_ACTIVE;
	return admin_account_let_in(t, ad, sa_r, active);
}

/* --- passwords --- */

may_yield static struct err *
admin_password_hash(struct task *t, struct admin *ad, struct str address,
    struct str clear, struct password *p_r)
{
	const struct rnd *rnd = sched_rnd(task_sched(t));
	struct password_salt salt;
	struct err *e = NULL;

	if (str_chr(address, '@') >= 0)
		e = state_account_salt(task_arena(t), ad->state, address, rnd,
		    &salt);
	else
		password_salt_make(rnd,
		    (uint32_t)admin_account_setting(ad,
			STATE_PASSWORD_ITERATIONS),
		    &salt);
	if (e == NULL)
		e = password_make(t, ad->offload, clear,
		    (unsigned)admin_account_setting(ad, STATE_PASSWORD_COST),
		    &salt, p_r);
	return e;
}

struct err *
admin_password_make(struct task *t, struct admin *ad, struct str address,
    struct str clear, struct password *p_r)
{
	uint64_t min = admin_account_setting(ad, STATE_PASSWORD_LENGTH);

	if (clear.n < min)
		return err_newf(task_arena(t), ERR_INVALID,
		    "the password is too short: password.min_length is %llu",
		    (unsigned long long)min);
	return admin_password_hash(t, ad, address, clear, p_r);
}

struct err *
admin_account_password(struct task *t, struct admin *ad, struct str address,
    struct str clear)
{
	struct password p;
	struct err *e = NULL;

	if (clear.p != NULL)
		e = admin_password_make(t, ad, address, clear, &p);
	if (e == NULL)
		e = state_account_password(t, ad->state, ad->by, address,
		    clear.p != NULL ? &p : NULL, NULL);
	return e;
}

/* No l, 0, 1, 9. */
static struct str
admin_app_password_draw(struct task *t)
{
	static const char letters[] = "abcdefghijkmnopqrstuvwxyz2345678";
	unsigned char random[ADMIN_APP_PASSWORD_CHARS];
	char text[ADMIN_APP_PASSWORD_CHARS + ADMIN_APP_PASSWORD_CHARS / 4];
	struct str clear;
	unsigned n = 0;

	task_random(t, random, sizeof(random));
	for (unsigned i = 0; i < ADMIN_APP_PASSWORD_CHARS; i++) {
		if (i > 0 && i % 4 == 0)
			text[n++] = '-';
		text[n++] = letters[random[i] % 32];
	}
	clear = arena_str(task_arena(t), str_of(text, n));
	crypto_wipe(random, sizeof(random));
	crypto_wipe(text, sizeof(text));
	return clear;
}

struct err *
admin_app_password_add(struct task *t, struct admin *ad, struct str address,
    struct str label, int64_t expires, struct str *clear_r, struct str *id_r)
{
	struct state_account sa;
	struct password p;
	struct err *e =
	    state_account_find(task_arena(t), ad->state, address, &sa);

	if (e != NULL)
		return e;
	*clear_r = admin_app_password_draw(t);
	e = admin_password_hash(t, ad, sa.address, *clear_r, &p);
	if (e == NULL)
		e = state_app_password_add(t, ad->state, ad->by, sa.address,
		    label, expires, &p, id_r);
	return e;
}

/* --- what they hold --- */

struct admin_usages {
	struct admin *ad;
	const struct state_account *list;
	struct admin_usage *usage;
	bool away;
};

may_yield static struct err *
admin_usage_one(struct task *t, void *arg, unsigned i)
{
	struct admin_usages *u = arg;
	struct admin_usage *r = &u->usage[i];
	struct account *acc;
	struct err *e;

	*r = (struct admin_usage){ .known = false };
	if (u->away || u->list[i].status == STATE_ACCOUNT_REMOVED)
		return NULL;
	e = account_open(t, u->ad->mail, u->list[i].id, &acc);
	if (e != NULL) {
		u->away |= share_err_is_temporary(e);
		return NULL; /* not known, then */
	}
	*r = (struct admin_usage){ .known = true,
		.bytes = account_bytes(acc),
		.messages = account_messages(acc),
		.folders = folder_count(acc) };
	account_close(&acc);
	return NULL;
}

void
admin_accounts_usage(struct task *t, struct admin *ad,
    const struct state_account *list, unsigned n, struct admin_usage *usage_r)
{
	struct admin_usages u = { .ad = ad, .list = list, .usage = usage_r };

	memset(usage_r, 0, n * sizeof(*usage_r));
	if (ad->mail != NULL)
		err_ignore(admin_each(t, n, ADMIN_ACCOUNTS_WIDTH,
		    admin_usage_one, &u)); /* it tells none */
}
