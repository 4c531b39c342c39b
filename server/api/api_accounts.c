/* api_accounts.c - accounts */
#include "server/api/api_account.h"

#include "storage/state_address.h"
#include "storage/state_admin.h"
#include "storage/state_alias.h"
#include "storage/state_forward.h"
#include "storage/state_identity.h"

/* Mailboxes that a list opens. */
#define API_USAGE_MAX 50
/* Aliases and groups of one account that are told. */
#define API_NAMING_MAX 1000

const char *const api_account_statuses[] = { "active", "suspended", "removed",
	NULL };
static const char *const api_account_settable[] = { "active", "suspended",
	NULL };

/* --- what is taken and answered --- */

static const struct api_field api_account_fields[] = {
	API_ACCOUNT_FIELDS,
	{ "used_bytes", API_U64, API_NULL,
	    "With usage; null: it cannot be read now.", NULL, NULL, 0 },
	{ "messages", API_U64, API_NULL,
	    "With usage; null: it cannot be read now.", NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_account_schema = { "Account",
	api_account_fields };

static const struct api_field api_account_detail_fields[] = {
	API_ACCOUNT_FIELDS,
	API_USAGE_FIELDS,
	{ "folders", API_U64, API_REQUIRED | API_NULL,
	    "How many; null: it cannot be read now.", NULL, NULL, 0 },
	{ "forwarding", API_OBJ, API_REQUIRED, "Where its mail goes, too.",
	    &api_forwarding_schema, NULL, 0 },
	{ "aliases", API_STRS, API_REQUIRED,
	    "Those that name it: at most 1000 are told.", NULL, NULL, 0 },
	{ "groups", API_STRS, API_REQUIRED,
	    "Those it is in: at most 1000 are told.", NULL, NULL, 0 },
	{ "identities", API_STRS, API_REQUIRED,
	    "What it may send as besides its own addresses.", NULL, NULL, 0 },
	{ "totp", API_BOOL, API_REQUIRED, "It has a second factor.", NULL, NULL,
	    0 },
	{ "admin_role", API_STR, API_REQUIRED | API_NULL,
	    "If it is an administrator's.", NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_account_detail_schema = { "AccountDetail",
	api_account_detail_fields };

static const struct api_field api_account_new_fields[] = {
	{ "address", API_STR, API_REQUIRED, "The login name, too.", NULL, NULL,
	    0 },
	{ "name", API_STR, 0, "Of the person.", NULL, NULL, 0 },
	{ "password", API_STR, API_NULL | API_SECRET,
	    "null, or left out: it cannot log in yet.", NULL, NULL,
	    PASSWORD_MAX },
	{ "quota_bytes", API_U64, 0, "0: no limit; left out: the domain's.",
	    NULL, NULL, 0 },
	{ "quota_messages", API_U64, 0, "0: no limit; left out: the domain's.",
	    NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_account_new_schema = { "AccountNew",
	api_account_new_fields };

static const struct api_field api_account_set_fields[] = {
	{ "name", API_STR, 0, "Of the person.", NULL, NULL, 0 },
	{ "quota_bytes", API_U64, 0, "0: no limit.", NULL, NULL, 0 },
	{ "quota_messages", API_U64, 0, "0: no limit.", NULL, NULL, 0 },
	{ "status", API_WORD, 0, "suspended: no login, mail is kept.", NULL,
	    api_account_settable, 0 },
	{ .name = NULL },
};
static const struct api_schema api_account_set_schema = { "AccountSet",
	api_account_set_fields };

static const struct api_query api_account_query[] = {
	{ "domain", API_STR, "Only those of this domain.", NULL },
	{ "search", API_STR, "Part of the address or name.", NULL },
	{ "status", API_WORD, "Only those; else all but removed ones.",
	    api_account_statuses },
	{ "usage", API_BOOL,
	    "Say what they hold: at most 50 a page, which is the default then.",
	    NULL },
	{ NULL, API_STR, NULL, NULL },
};
static const struct api_query api_account_remove_query[] = {
	{ "purge", API_BOOL,
	    "At once and for ever, without the grace: the mail is gone.",
	    NULL },
	{ NULL, API_STR, NULL, NULL },
};

void
api_account_put(struct json *j, const struct state_account *sa)
{
	json_set_str(j, "id", sa->id);
	json_set_str(j, "address", sa->address);
	json_set_str(j, "domain", sa->domain);
	json_set_str(j, "name", sa->name);
	json_set_c(j, "status", api_account_statuses[sa->status]);
	api_set_time(j, "created", sa->created);
	api_set_time(j, "changed", sa->changed);
	api_set_time(j, "removed", sa->removed);
	api_set_time(j, "purge_after", sa->purge_after);
	json_set_u64(j, "quota_bytes", sa->quota_bytes);
	json_set_u64(j, "quota_messages", sa->quota_messages);
	api_set_time(j, "password_changed", sa->password_changed);
}

struct err *
api_account_get(struct api *x, bool there, struct state_account *sa)
{
	struct err *e = admin_account_find(x->a, &x->ad, x->params[0], sa);

	if (e == NULL)
		e = api_may_domain(x, sa->domain);
	if (e == NULL && there && sa->status == STATE_ACCOUNT_REMOVED)
		e = err_newf(x->a, ERR_CONFLICT,
		    STR_FMT " is removed: restore it first",
		    STR_ARG(sa->address));
	return e;
}

/* --- lists --- */

/* "address id": neither has a blank. */
static void
api_account_after(struct str after, struct state_account_query *q)
{
	ptrdiff_t blank = str_chr(after, ' ');

	if (blank < 0)
		return;
	q->after = str_sub(after, 0, (size_t)blank);
	q->after_id = str_sub(after, (size_t)blank + 1, after.n);
}

/* What is looked up for every row is for smaller pages. */
static must_check struct err *
api_account_page(struct api *x, bool usage, unsigned *max_r)
{
	*max_r = api_limit(x);
	if (!usage || *max_r <= API_USAGE_MAX)
		return NULL;
	if (api_query_str(x, "limit").p != NULL)
		return api_refuse(x, 422, "bad_field",
		    "parameter limit: with usage, from 1 to 50");
	*max_r = API_USAGE_MAX;
	return NULL;
}

static may_yield must_check struct err *
api_account_list(struct task *t, struct api *x)
{
	bool usage = api_query_bool(x, "usage", false);
	struct str status = api_query_str(x, "status");
	struct state_account_query q = {
		.search = api_query_str(x, "search"),
		.active = str_eq_c(status, "active"),
		.suspended = str_eq_c(status, "suspended"),
		.removed = str_eq_c(status, "removed"),
	};
	struct admin_usage holds[API_USAGE_MAX];
	struct state_account *list;
	struct err *e;
	unsigned n, max;

	api_account_after(api_after(x), &q);
	e = api_account_page(x, usage, &max);
	if (e == NULL)
		e = api_domain(x, "domain", &q.domain);
	q.max = max + 1;
	if (e == NULL)
		e = state_account_list(x->a, x->ad.state, &q, &list, &n);
	if (e != NULL)
		return e;
	if (n == q.max) {
		n--;
		api_next(x, str_c(arena_printf(x->a, STR_FMT " " STR_FMT,
				STR_ARG(list[n - 1].address),
				STR_ARG(list[n - 1].id))));
	}
	if (usage)
		api_usage_of(t, x, list, n, holds);
	for (unsigned i = 0; i < n; i++) {
		struct json *j = json_add_obj(x->items);

		api_account_put(j, &list[i]);
		if (usage)
			api_usage_put(j, &holds[i], false);
	}
	return NULL;
}

/* --- one --- */

/* Of those that name it: how others' are called is none of his business. */
static must_check struct err *
api_account_naming(struct api *x, bool groups, struct str address)
{
	struct json *arr = json_set_arr(x->out, groups ? "groups" : "aliases");
	struct str *list;
	unsigned n;
	struct err *e =
	    state_alias_naming(x->a, x->ad.state, groups, address, &list, &n);

	for (unsigned i = 0;
	     e == NULL && i < n && json_count(arr) < API_NAMING_MAX; i++)
		if (api_may_address(x, list[i]) == NULL)
			json_add_str(arr, list[i]);
	return e;
}

/* What the state says of an account that is there. */
static must_check struct err *
api_account_names(struct api *x, const struct state_account *sa)
{
	struct state *st = x->ad.state;
	struct state_identity *id;
	struct state_admin ad;
	struct str secret;
	struct json *arr;
	uint64_t step;
	unsigned n;
	struct err *e;

	e = api_forwarding(x, json_set_obj(x->out, "forwarding"), sa->address);
	if (e == NULL)
		e = api_account_naming(x, false, sa->address);
	if (e == NULL)
		e = api_account_naming(x, true, sa->address);
	if (e == NULL)
		e = state_identity_list(x->a, st, sa->address, &id, &n);
	arr = json_set_arr(x->out, "identities");
	for (unsigned i = 0; e == NULL && i < n; i++)
		json_add_str(arr, id[i].address);
	if (e == NULL)
		e = state_totp_find(x->a, st, sa->address, &secret, &step);
	if (e != NULL)
		return e;
	json_set_bool(x->out, "totp", secret.n > 0);
	e = state_admin_find(x->a, st, sa->address, &ad);
	if (e == NULL)
		json_set_str(x->out, "admin_role", ad.role);
	else
		json_set_null(x->out, "admin_role");
	return err_is(e, ERR_NOTFOUND) ? NULL : e;
}

/* Others may have its address and its places by now. */
static void
api_account_no_names(struct api *x)
{
	static const char *const lists[] = { "aliases", "groups",
		"identities" };
	struct json *j = json_set_obj(x->out, "forwarding");

	api_set_strs(j, "targets", NULL, 0);
	json_set_bool(j, "keep", true);
	for (unsigned i = 0; i < countof(lists); i++)
		api_set_strs(x->out, lists[i], NULL, 0);
	json_set_bool(x->out, "totp", false);
	json_set_null(x->out, "admin_role");
}

static may_yield must_check struct err *
api_account_detail(struct task *t, struct api *x,
    const struct state_account *sa)
{
	struct admin_usage u;
	struct err *e = NULL;

	api_etag_now(x);
	api_account_put(x->out, sa);
	api_usage_of(t, x, sa, 1, &u);
	api_usage_put(x->out, &u, true);
	/* when the share is away nobody waits for that twice */
	if (u.known || sa->status == STATE_ACCOUNT_REMOVED)
		api_last_login(t, x, x->out, sa->id);
	else
		json_set_null(x->out, "last_login");
	if (sa->status == STATE_ACCOUNT_REMOVED)
		api_account_no_names(x);
	else
		e = api_account_names(x, sa);
	return e;
}

static may_yield must_check struct err *
api_account_show(struct task *t, struct api *x)
{
	struct state_account sa;
	struct err *e = api_account_get(x, false, &sa);

	return e != NULL ? e : api_account_detail(t, x, &sa);
}

/* --- changes --- */

static may_yield must_check struct err *
api_account_new_password(struct task *t, struct api *x, struct str address,
    struct state_account_new *n)
{
	struct password *p = arena_new_obj(x->a, struct password);
	struct str clear;
	struct err *e;

	if (!json_get_str(x->in, "password", &clear))
		return NULL;
	e = admin_password_make(t, &x->ad, address, clear, p);
	n->password = p;
	return err_is(e, ERR_INVALID) ? api_bad_field(x, "password", e->text)
				      : e;
}

static may_yield must_check struct err *
api_account_create(struct task *t, struct api *x)
{
	struct state_account_new n = { .name = STR("") };
	struct state_account sa;
	struct state_address ad;
	struct err *e;

	(void)json_get_str(x->in, "address", &n.address);
	(void)json_get_str(x->in, "name", &n.name);
	n.quota_set = json_get_u64(x->in, "quota_bytes", &n.quota_bytes);
	n.messages_set =
	    json_get_u64(x->in, "quota_messages", &n.quota_messages);
	e = state_address_parse(x->a, n.address, &ad);
	if (e != NULL)
		return api_bad_field(x, "address", e->text);
	e = api_may_domain(x, ad.domain);
	if (e == NULL)
		e = api_may_manage(x, ad.full);
	if (e == NULL)
		e = api_account_new_password(t, x, ad.full, &n);
	if (e == NULL)
		e = admin_accounts_add(t, &x->ad, &n, 1);
	if (e == NULL)
		e = state_account_get(x->a, x->ad.state, n.id_r, &sa);
	if (e != NULL)
		return e;
	api_account_put(x->out, &sa);
	api_location(x, "/accounts", sa.address);
	return NULL;
}

/* An entry each; If-Match holds for the first. */
static may_yield must_check struct err *
api_account_change(struct task *t, struct api *x,
    const struct state_account *sa)
{
	uint64_t bytes = sa->quota_bytes, messages = sa->quota_messages;
	struct state *st = x->ad.state;
	struct str name, status;
	struct err *e = NULL;
	bool quota;

	if (json_get_str(x->in, "name", &name) && !str_eq(name, sa->name)) {
		e = state_account_rename(t, st, x->ad.by, sa->address, name);
		if (err_is(e, ERR_INVALID))
			return api_bad_field(x, "name", e->text);
	}
	quota = json_get_u64(x->in, "quota_bytes", &bytes);
	quota |= json_get_u64(x->in, "quota_messages", &messages);
	if (e == NULL && quota)
		e = state_account_quota(t, st, x->ad.by, sa->address, bytes,
		    messages);
	if (e == NULL && json_get_str(x->in, "status", &status))
		e = state_account_suspend(t, st, x->ad.by, sa->address,
		    str_eq_c(status, "suspended"));
	return e;
}

static may_yield must_check struct err *
api_account_set(struct task *t, struct api *x)
{
	struct state_account sa;
	struct err *e = api_account_get(x, true, &sa);

	if (e == NULL)
		e = api_account_change(t, x, &sa);
	if (e == NULL)
		e = api_account_get(x, true, &sa);
	return e != NULL ? e : api_account_detail(t, x, &sa);
}

static may_yield must_check struct err *
api_account_remove(struct task *t, struct api *x)
{
	struct state_account sa;
	struct err *e = api_account_get(x, false, &sa);

	return e != NULL ? e
			 : admin_account_remove(t, &x->ad, sa.id,
			       api_query_bool(x, "purge", false), &sa);
}

static may_yield must_check struct err *
api_account_restore(struct task *t, struct api *x)
{
	struct state_account sa;
	struct err *e = api_account_get(x, false, &sa);

	if (e == NULL)
		e = admin_account_restore(t, &x->ad, sa.id, &sa);
	if (e == NULL)
		e = state_account_get(x->a, x->ad.state, sa.id, &sa);
	return e != NULL ? e : api_account_detail(t, x, &sa);
}

const struct api_route api_account_routes[] = {
	{ .method = "GET",
	    .path = "/accounts",
	    .id = "listAccounts",
	    .help = "Accounts, in the order of their addresses.",
	    .area = AREA_ACCOUNTS,
	    .flags = API_LIST,
	    .answer = &api_account_schema,
	    .query = api_account_query,
	    .run = api_account_list },
	{ .method = "POST",
	    .path = "/accounts",
	    .id = "createAccount",
	    .help = "Make an account and its mailbox.",
	    .area = AREA_ACCOUNTS,
	    .writes = true,
	    .flags = API_CREATES,
	    .tag = STATE_TAG_ACCOUNT,
	    .body = &api_account_new_schema,
	    .answer = &api_account_schema,
	    .run = api_account_create },
	{ .method = "GET",
	    .path = "/accounts/{address}",
	    .id = "getAccount",
	    .help = "One account, by address or id; removed ones by id.",
	    .area = AREA_ACCOUNTS,
	    .scope = API_OF_ADDRESS,
	    .tag = STATE_TAG_ACCOUNT,
	    .answer = &api_account_detail_schema,
	    .run = api_account_show },
	{ .method = "PATCH",
	    .path = "/accounts/{address}",
	    .id = "changeAccount",
	    .help = "Change name, quota or status.",
	    .area = AREA_ACCOUNTS,
	    .writes = true,
	    .scope = API_OF_ADDRESS,
	    .flags = API_MATCH,
	    .tag = STATE_TAG_ACCOUNT,
	    .body = &api_account_set_schema,
	    .answer = &api_account_detail_schema,
	    .run = api_account_set },
	{ .method = "DELETE",
	    .path = "/accounts/{address}",
	    .id = "deleteAccount",
	    .help = "Remove it: within the grace it can be restored.",
	    .area = AREA_ACCOUNTS,
	    .writes = true,
	    .scope = API_OF_ADDRESS,
	    .flags = API_MATCH | API_EMPTY,
	    .tag = STATE_TAG_ACCOUNT,
	    .query = api_account_remove_query,
	    .run = api_account_remove },
	{ .method = "POST",
	    .path = "/accounts/{address}/restore",
	    .id = "restoreAccount",
	    .help = "Bring back one that was removed (by its id) or suspended.",
	    .area = AREA_ACCOUNTS,
	    .writes = true,
	    .scope = API_OF_ADDRESS,
	    .flags = API_MATCH,
	    .tag = STATE_TAG_ACCOUNT,
	    .answer = &api_account_detail_schema,
	    .run = api_account_restore },
	{ .method = NULL },
};
