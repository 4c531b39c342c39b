/* state_account.c - adding accounts, one or a hundred at a time */
#include "storage/state_account.h"

#include "base/unicode.h"
#include "storage/state_account_private.h"
#include "storage/state_address.h"
#include "storage/state_domain.h"
#include "storage/state_setting.h"

#define STATE_NAME_MAX 500

/* Every kind of address, and what to call it. */
static const struct {
	const char *sql, *kind;
} state_address_kinds[] = {
	{ "SELECT 1 FROM accounts WHERE login = ?", "an account" },
	{ "SELECT 1 FROM aliases WHERE address = ?", "an alias" },
	{ "SELECT 1 FROM groups WHERE address = ?", "a group" },
};

struct err *
state_address_is_free(struct state_db *db, struct arena *a, struct str address)
{
	struct err *e = NULL;
	bool yes = false;
	unsigned i;

	for (i = 0; e == NULL && i < countof(state_address_kinds); i++) {
		e = state_exists(db, a, &yes, state_address_kinds[i].sql, "t",
		    address);
		if (e == NULL && yes)
			e = err_newf(a, ERR_DUPLICATE,
			    "the address " STR_FMT " is in use by %s",
			    STR_ARG(address), state_address_kinds[i].kind);
	}
	return e;
}

struct state_account_adding {
	struct state_account_new *list;
	struct state_address *address;
	unsigned n;
};

static struct err *
state_account_room(struct state_tx *x, struct str domain, uint64_t accounts_max)
{
	int64_t n;
	struct err *e;

	if (accounts_max == 0)
		return NULL;
	e = state_number(x->db, x->a, &n,
	    "SELECT COUNT(*) FROM accounts WHERE domain = ? AND status != 2",
	    "t", domain);
	if (e == NULL && (uint64_t)n >= accounts_max)
		e = err_newf(x->a, ERR_LIMIT,
		    "the domain " STR_FMT " may have %llu accounts and has "
		    "them",
		    STR_ARG(domain), (unsigned long long)accounts_max);
	return e;
}

static struct err *
state_account_quota_of(struct state_tx *x, const struct state_account_new *n,
    uint64_t domain_default, uint64_t *bytes_r)
{
	if (n->quota_set)
		*bytes_r = n->quota_bytes;
	else if (domain_default != 0)
		*bytes_r = domain_default;
	else
		*bytes_r =
		    state_setting_u64_in(x->db, x->a, STATE_ACCOUNT_QUOTA);
	return NULL;
}

static struct err *
state_account_insert(struct state_tx *x, const struct state_account_new *n,
    const struct state_address *ad, uint64_t quota, uint64_t messages)
{
	struct password_salt salt;
	struct str sealed;

	if (n->password != NULL && n->password->has_scram)
		salt = n->password->salt;
	else
		password_salt_make(x->rnd,
		    (uint32_t)state_setting_u64_in(x->db, x->a,
			STATE_PASSWORD_ITERATIONS),
		    &salt);
	sealed = state_seal(x, STATE_PASSWORD_COLUMN, n->id_r,
	    password_encode(x->a, n->password));
	return state_run(x->db, x->a,
	    "INSERT INTO accounts (id, login, address, domain, name, status,"
	    " created, changed, removed, purge_after, quota_bytes,"
	    " quota_messages, generation, password_changed, scram_salt,"
	    " scram_iterations, secret_password, volume)"
	    " VALUES (?, ?, ?, ?, ?, 0, ?, ?, 0, 0, ?, ?, ?, ?, ?, ?, ?, '')",
	    "tttttiiuuiibib", n->id_r, ad->full, ad->full, ad->domain, n->name,
	    (int64_t)x->now_s, (int64_t)x->now_s, quota, messages,
	    state_generation(x), (int64_t)(sealed.n > 0 ? x->now_s : 0),
	    str_of(salt.salt, sizeof(salt.salt)), (int64_t)salt.iterations,
	    sealed);
}

static struct err *
state_account_add_one(struct state_tx *x, struct state_account_new *n,
    const struct state_address *ad)
{
	uint64_t quota_default, accounts_max, quota;
	struct state_domain_rules rules = { .messages_default = 0 };
	struct err *e;
	bool suspended;

	if (n->id_r.n == 0)
		n->id_r = state_random_id(x->a, x->rnd);
	e = state_domain_get_in(x->db, x->a, ad->domain, &suspended,
	    &quota_default, &accounts_max);
	if (e == NULL)
		e = state_address_is_free(x->db, x->a, ad->full);
	if (e == NULL)
		e = state_account_room(x, ad->domain, accounts_max);
	if (e == NULL)
		e = state_account_quota_of(x, n, quota_default, &quota);
	if (e == NULL)
		e = state_domain_rules_in(x->db, x->a, x->st, ad->domain,
		    &rules);
	if (e == NULL)
		e = state_account_insert(x, n, ad, quota,
		    n->messages_set ? n->quota_messages
				    : rules.messages_default);
	if (e == NULL)
		e = state_audit(x, "account.add", ad->full, n->id_r);
	n->address_r = ad->full;
	return e;
}

static struct err *
state_account_add_run(struct state_tx *x, void *arg)
{
	struct state_account_adding *w = arg;
	struct err *e = NULL;
	unsigned i;

	for (i = 0; e == NULL && i < w->n; i++)
		e = state_account_add_one(x, &w->list[i], &w->address[i]);
	if (e != NULL && w->n > 1)
		e = err_wrap(x->a, e, STR_FMT, STR_ARG(w->address[i - 1].full));
	return e;
}

static struct err *
state_account_name_check(struct arena *a, struct str name)
{
	if (name.n <= STATE_NAME_MAX && unicode_is_utf8(name))
		return NULL;
	return err_newf(a, ERR_INVALID,
	    "the name is longer than %d bytes, or not UTF-8", STATE_NAME_MAX);
}

struct err *
state_account_add(struct task *t, struct state *st, const char *by,
    struct state_account_new *list, unsigned n)
{
	struct arena *a = task_arena(t);
	struct state_account_adding w = { .list = list, .n = n };
	struct err *e = NULL;
	unsigned i;

	if (n > STATE_BATCH_MAX)
		return err_newf(a, ERR_LIMIT,
		    "at most %d accounts are added at once", STATE_BATCH_MAX);
	w.address = arena_array(a, n + 1, sizeof(*w.address));
	for (i = 0; e == NULL && i < n; i++) {
		e = state_address_parse(a, list[i].address, &w.address[i]);
		if (e == NULL)
			e = state_account_name_check(a, list[i].name);
		if (e != NULL && n > 1)
			e = err_wrap(a, e, STR_FMT, STR_ARG(list[i].address));
	}
	if (e != NULL || n == 0)
		return e;
	return state_change(t, st, by, state_account_add_run, &w);
}

struct state_account_renaming {
	struct str login, name;
};

static struct err *
state_account_rename_run(struct state_tx *x, void *arg)
{
	struct state_account_renaming *w = arg;
	struct state_account ac;
	struct err *e;

	e = state_account_by_login(x->db, x->a, w->login, &ac);
	if (e != NULL || str_eq(ac.name, w->name))
		return e;
	e = state_run(x->db, x->a,
	    "UPDATE accounts SET name = ?, changed = ? WHERE id = ?", "tit",
	    w->name, (int64_t)x->now_s, ac.id);
	return e != NULL ? e
			 : state_audit(x, "account.rename", w->login, w->name);
}

struct err *
state_account_rename(struct task *t, struct state *st, const char *by,
    struct str address, struct str name)
{
	struct state_account_renaming w = { .name = name };
	struct err *e;

	e = state_account_login(task_arena(t), address, &w.login);
	if (e == NULL)
		e = state_account_name_check(task_arena(t), name);
	return e != NULL
		   ? e
		   : state_change(t, st, by, state_account_rename_run, &w);
}
