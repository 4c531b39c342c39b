/* api_account_own.c - an account's passwords, folders, forwarding, identities
 */
#include "server/api/api_account.h"

#include "server/admin/admin_share.h"
#include "storage/folder.h"
#include "storage/lastlogin.h"
#include "storage/state_address.h"
#include "storage/state_admin.h"
#include "storage/state_forward.h"
#include "storage/state_identity.h"

/* --- what is taken and answered --- */

static const struct api_field api_last_login_fields[] = {
	{ "at", API_TIME, API_REQUIRED, "To the hour.", NULL, NULL, 0 },
	{ "protocol", API_STR, API_REQUIRED, "imap, pop3, submission, console.",
	    NULL, NULL, 0 },
	{ "ip", API_STR, API_REQUIRED | API_NULL, "From where.", NULL, NULL,
	    0 },
	{ .name = NULL },
};
const struct api_schema api_last_login_schema = { "LastLogin",
	api_last_login_fields };

static const struct api_field api_forwarding_fields[] = {
	{ "targets", API_STRS, API_REQUIRED, "Addresses, here or elsewhere.",
	    NULL, NULL, STATE_FORWARDS_MAX },
	{ "keep", API_BOOL, API_REQUIRED, "A copy stays in the mailbox.", NULL,
	    NULL, 0 },
	{ .name = NULL },
};
const struct api_schema api_forwarding_schema = { "Forwarding",
	api_forwarding_fields };
static const struct api_field api_forwarding_set_fields[] = {
	{ "targets", API_STRS, API_REQUIRED, "None: forward no more.", NULL,
	    NULL, STATE_FORWARDS_MAX },
	{ "keep", API_BOOL, 0,
	    "A copy stays in the mailbox: so it does if "
	    "nothing is said.",
	    NULL, NULL, 0 },
	{ .name = NULL },
};
const struct api_schema api_forwarding_set_schema = { "ForwardingSet",
	api_forwarding_set_fields };

#define API_APP_PASSWORD_FIELDS                                                \
	{ "id", API_STR, API_REQUIRED, "To take it back by.", NULL, NULL, 0 }, \
	    { "label", API_STR, API_REQUIRED, "What it is for.", NULL, NULL,   \
		    0 },                                                       \
	    { "created", API_TIME, API_REQUIRED | API_NULL, "When.", NULL,     \
		    NULL, 0 },                                                 \
	{                                                                      \
		"expires", API_TIME, API_REQUIRED | API_NULL, "null: never.",  \
		    NULL, NULL, 0                                              \
	}
static const struct api_field api_app_password_fields[] = {
	API_APP_PASSWORD_FIELDS,
	{ .name = NULL },
};
const struct api_schema api_app_password_schema = { "AppPassword",
	api_app_password_fields };
static const struct api_field api_app_password_made_fields[] = {
	API_APP_PASSWORD_FIELDS,
	{ "password", API_STR, API_REQUIRED, "It is shown this once.", NULL,
	    NULL, 0 },
	{ .name = NULL },
};
const struct api_schema api_app_password_made_schema = { "AppPasswordMade",
	api_app_password_made_fields };
static const struct api_field api_app_password_new_fields[] = {
	{ "label", API_STR, API_REQUIRED, "What it is for.", NULL, NULL, 0 },
	{ "expires", API_TIME, API_NULL, "null, or left out: never.", NULL,
	    NULL, 0 },
	{ .name = NULL },
};
const struct api_schema api_app_password_new_schema = { "AppPasswordNew",
	api_app_password_new_fields };

static const struct api_field api_folder_fields[] = {
	{ "name", API_STR, API_REQUIRED, "\"/\" between levels.", NULL, NULL,
	    0 },
	{ "use", API_STR, API_REQUIRED | API_NULL,
	    "As of RFC 6154: drafts, sent, junk, trash, archive.", NULL, NULL,
	    0 },
	{ "messages", API_U64, API_REQUIRED, "How many.", NULL, NULL, 0 },
	{ "unseen", API_U64, API_REQUIRED, "Without \\Seen.", NULL, NULL, 0 },
	{ "bytes", API_U64, API_REQUIRED, "Of the messages.", NULL, NULL, 0 },
	{ .name = NULL },
};
const struct api_schema api_folder_schema = { "Folder", api_folder_fields };

static const struct api_field api_password_fields[] = {
	{ "password", API_STR, API_REQUIRED | API_NULL | API_SECRET,
	    "null: no more logins by password.", NULL, NULL, PASSWORD_MAX },
	{ .name = NULL },
};
static const struct api_schema api_password_schema = { "PasswordSet",
	api_password_fields };

static const struct api_field api_identity_fields[] = {
	{ "address", API_STR, API_REQUIRED,
	    "An address, or \"*@domain\" for all of a domain.", NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_identity_schema = { "Identity",
	api_identity_fields };

/* --- on the share --- */

void
api_usage_put(struct json *j, const struct admin_usage *u, bool folders)
{
	if (u->known) {
		json_set_u64(j, "used_bytes", u->bytes);
		json_set_u64(j, "messages", u->messages);
	} else {
		json_set_null(j, "used_bytes");
		json_set_null(j, "messages");
	}
	if (folders && u->known)
		json_set_u64(j, "folders", u->folders);
	else if (folders)
		json_set_null(j, "folders");
}

static uint64_t
api_share_deadline(struct task *t)
{
	uint64_t was = task_deadline(t), at = task_now_ms(t) + API_SHARE_MS;

	if (was == 0 || at < was)
		task_set_deadline(t, at);
	return was;
}

/* Known to be: what is only told along is not waited for. */
static bool
api_share_is_away(const struct api *x)
{
	struct admin_share s;

	admin_share_of_worker(x->w, &s);
	return s.away;
}

void
api_usage_of(struct task *t, struct api *x, const struct state_account *list,
    unsigned n, struct admin_usage *usage)
{
	uint64_t was = api_share_deadline(t);

	if (api_share_is_away(x))
		memset(usage, 0, n * sizeof(*usage));
	else
		admin_accounts_usage(t, &x->ad, list, n, usage);
	task_set_deadline(t, was);
}

void
api_last_login(struct task *t, struct api *x, struct json *j, struct str id)
{
	uint64_t was = api_share_deadline(t);
	struct lastlogin l;
	struct err *e = err_new(x->a, ERR_UNAVAIL, "not yet", NULL);

	if (x->ad.mail != NULL && !api_share_is_away(x))
		e = lastlogin_read(t, x->ad.mail, id, &l);
	task_set_deadline(t, was);
	if (e != NULL) {
		json_set_null(j, "last_login");
		return;
	}
	j = json_set_obj(j, "last_login");
	api_set_time(j, "at", l.at > 0 ? l.at : 1);
	json_set_str(j, "protocol", l.protocol);
	if (l.ip.n > 0)
		json_set_str(j, "ip", l.ip);
	else
		json_set_null(j, "ip");
}

/* "\\Drafts" is "drafts" here. */
static void
api_folder_use(struct json *j, enum folder_use use)
{
	struct str name = str_c(folder_use_name(use));
	char text[16];

	if (name.n < 2 || name.n > sizeof(text)) {
		json_set_null(j, "use");
		return;
	}
	for (size_t i = 1; i < name.n; i++)
		text[i - 1] = (char)(name.p[i] | 32);
	json_set_str(j, "use", str_of(text, name.n - 1));
}

static void
api_folder_put(struct json *j, const struct folder *f)
{
	json_set_str(j, "name", f->name);
	api_folder_use(j, f->use);
	json_set_u64(j, "messages", f->messages);
	json_set_u64(j, "unseen", f->unseen);
	json_set_u64(j, "bytes", f->bytes);
}

struct err *
api_folders(struct task *t, struct api *x, struct str id)
{
	struct str after = api_after(x);
	unsigned n = 0, limit = api_limit(x);
	const struct folder *f = NULL;
	struct account *acc;
	struct err *e = worker_account_open(t, x->w, id, &acc);

	if (e != NULL)
		return e;
	for (unsigned i = 0; i < folder_count(acc); i++) {
		const struct folder *next = folder_nth(acc, i);

		if (after.n > 0 && str_cmp(next->name, after) <= 0)
			continue;
		if (n++ == limit) {
			api_next(x, f->name);
			break;
		}
		f = next;
		api_folder_put(json_add_obj(x->items), f);
	}
	account_close(&acc);
	return NULL;
}

/* --- application passwords --- */

static void
api_app_password_put(struct json *j, struct str id, struct str label,
    int64_t created, int64_t expires)
{
	json_set_str(j, "id", id);
	json_set_str(j, "label", label);
	api_set_time(j, "created", created);
	api_set_time(j, "expires", expires);
}

struct err *
api_app_passwords(struct api *x, struct str address)
{
	struct state_app_password *list;
	struct str after = api_after(x);
	unsigned n, shown = 0;
	struct err *e =
	    state_app_password_list(x->a, x->ad.state, address, &list, &n);
	bool on = after.n == 0;

	for (unsigned i = 0; e == NULL && i < n; i++) {
		if (!on) {
			on = str_eq(list[i].id, after);
			continue;
		}
		if (shown++ == api_limit(x)) {
			api_next(x, list[i - 1].id);
			break;
		}
		api_app_password_put(json_add_obj(x->items), list[i].id,
		    list[i].label, list[i].created, list[i].expires);
	}
	return e != NULL || on ? e : api_cursor_gone(x);
}

struct err *
api_app_password_make(struct task *t, struct api *x, struct str address)
{
	int64_t expires = 0, now = task_wall_s(t);
	struct str label = STR_NONE, clear, id;
	struct err *e;

	(void)json_get_str(x->in, "label", &label);
	if (api_in_time(x, "expires", &expires) && expires <= now)
		return api_bad_field(x, "expires", "that is over already");
	e = admin_app_password_add(t, &x->ad, address, label, expires, &clear,
	    &id);
	if (err_is(e, ERR_INVALID))
		return api_bad_field(x, "label", e->text);
	if (e != NULL)
		return e;
	api_app_password_put(x->out, id, label, now, expires);
	json_set_str(x->out, "password", clear);
	return NULL;
}

/* --- forwarding --- */

struct err *
api_forwarding(struct api *x, struct json *j, struct str address)
{
	struct state_forward f;
	struct err *e = state_forward_find(x->a, x->ad.state, address, &f);

	if (e != NULL)
		return e;
	api_set_strs(j, "targets", f.targets, f.n);
	json_set_bool(j, "keep", f.keep);
	return NULL;
}

struct err *
api_forwarding_set(struct task *t, struct api *x, struct str address)
{
	struct state_forward f = { .keep = true };
	struct err *e;

	(void)api_in_strs(x, "targets", &f.targets, &f.n);
	(void)json_get_bool(x->in, "keep", &f.keep);
	e = state_forward_set(t, x->ad.state, x->ad.by, address, &f);
	if (err_is(e, ERR_INVALID))
		return api_bad_field(x, "targets", e->text);
	return e != NULL ? e : api_forwarding(x, x->out, address);
}

/* --- of an account that an administrator looks after --- */

static must_check struct err *
api_account_app_passwords(struct task *t, struct api *x)
{
	struct state_account sa;
	struct err *e = api_account_get(x, true, &sa);

	(void)t;
	return e != NULL ? e : api_app_passwords(x, sa.address);
}

static may_yield must_check struct err *
api_account_app_password_add(struct task *t, struct api *x)
{
	struct state_account sa;
	struct err *e = api_account_get(x, true, &sa);

	return e != NULL ? e : api_app_password_make(t, x, sa.address);
}

static may_yield must_check struct err *
api_account_app_password_remove(struct task *t, struct api *x)
{
	struct state_account sa;
	struct err *e = api_account_get(x, true, &sa);

	return e != NULL ? e
			 : state_app_password_remove(t, x->ad.state, x->ad.by,
			       sa.address, x->params[1]);
}

static may_yield must_check struct err *
api_account_folders(struct task *t, struct api *x)
{
	struct state_account sa;
	struct err *e = api_account_get(x, false, &sa);

	return e != NULL ? e : api_folders(t, x, sa.id);
}

static must_check struct err *
api_account_forwarding(struct task *t, struct api *x)
{
	struct state_account sa;
	struct err *e = api_account_get(x, true, &sa);

	(void)t;
	return e != NULL ? e : api_forwarding(x, x->out, sa.address);
}

static may_yield must_check struct err *
api_account_forwarding_set(struct task *t, struct api *x)
{
	struct state_account sa;
	struct err *e = api_account_get(x, true, &sa);

	return e != NULL ? e : api_forwarding_set(t, x, sa.address);
}

/* Who has found a console open, or a token, does not know its password. */
static must_check struct err *
api_account_of_another(struct api *x, struct state_account *sa)
{
	struct err *e = api_account_get(x, true, sa);

	if (e == NULL && x->who.has_account &&
	    str_eq(sa->id, x->who.account.id))
		e = api_refuse(x, 403, "forbidden",
		    "that is your own: change it where your password is asked "
		    "for, under /me");
	return e;
}

static may_yield must_check struct err *
api_account_password(struct task *t, struct api *x)
{
	struct str clear = STR_NONE;
	struct state_account sa;
	struct err *e = api_account_of_another(x, &sa);

	if (e != NULL)
		return e;
	if (!api_in_null(x, "password"))
		(void)json_get_str(x->in, "password", &clear);
	e = admin_account_password(t, &x->ad, sa.address, clear);
	return err_is(e, ERR_INVALID) ? api_bad_field(x, "password", e->text)
				      : e;
}

static may_yield must_check struct err *
api_account_signout(struct task *t, struct api *x)
{
	struct state_account sa;
	struct err *e = api_account_get(x, true, &sa);

	return e != NULL ? e
			 : state_account_signout(t, x->ad.state, x->ad.by,
			       sa.address);
}

static may_yield must_check struct err *
api_account_totp_remove(struct task *t, struct api *x)
{
	struct state_account sa;
	struct err *e = api_account_of_another(x, &sa);

	return e != NULL ? e
			 : state_totp_set(t, x->ad.state, x->ad.by, sa.address,
			       STR_NONE);
}

/* Who looks after one domain lends no names of others. */
static may_yield must_check struct err *
api_account_identity_add(struct task *t, struct api *x)
{
	struct str address = STR_NONE;
	struct state_account sa;
	struct err *e = api_account_get(x, true, &sa);

	if (e != NULL)
		return e;
	(void)json_get_str(x->in, "address", &address);
	if (api_may_address(x, address) != NULL)
		return api_bad_field(x, "address",
		    "it has to be of the domain that you look after");
	e = state_identity_add(t, x->ad.state, x->ad.by, sa.address, address);
	if (err_is(e, ERR_INVALID))
		return api_bad_field(x, "address", e->text);
	if (e == NULL)
		json_set_str(x->out, "address", address);
	return e;
}

static may_yield must_check struct err *
api_account_identity_remove(struct task *t, struct api *x)
{
	struct state_account sa;
	struct err *e = api_account_get(x, true, &sa);

	return e != NULL ? e
			 : state_identity_remove(t, x->ad.state, x->ad.by,
			       sa.address, x->params[1]);
}

#define API_OWN(m, p, i, h)                                                    \
	.method = (m), .path = "/accounts/{address}/" p, .id = (i),            \
	.help = (h), .area = AREA_ACCOUNTS, .scope = API_OF_ADDRESS

const struct api_route api_account_own_routes[] = {
	{ API_OWN("PUT", "password", "setAccountPassword",
	      "Set its password, or take it away; its sessions end."),
	    .writes = true, .flags = API_MATCH | API_EMPTY,
	    .tag = STATE_TAG_ACCOUNT, .body = &api_password_schema,
	    .run = api_account_password },
	{ API_OWN("POST", "sign-out", "signOutAccount",
	      "Its sessions end, those of mail programs, too."),
	    .writes = true, .flags = API_MATCH | API_EMPTY,
	    .tag = STATE_TAG_ACCOUNT, .run = api_account_signout },
	{ API_OWN("DELETE", "totp", "deleteAccountTotp",
	      "Take its second factor away; its sessions end."),
	    .writes = true, .flags = API_MATCH | API_EMPTY,
	    .tag = STATE_TAG_ACCOUNT, .run = api_account_totp_remove },
	{ API_OWN("GET", "app-passwords", "listAccountAppPasswords",
	      "Its application passwords."),
	    .flags = API_LIST, .answer = &api_app_password_schema,
	    .run = api_account_app_passwords },
	{ API_OWN("POST", "app-passwords", "createAccountAppPassword",
	      "Make an application password: it is answered this once."),
	    .writes = true, .flags = API_CREATES,
	    .body = &api_app_password_new_schema,
	    .answer = &api_app_password_made_schema,
	    .run = api_account_app_password_add },
	{ API_OWN("DELETE", "app-passwords/{id}", "deleteAccountAppPassword",
	      "Take an application password back."),
	    .writes = true, .flags = API_MATCH | API_EMPTY,
	    .run = api_account_app_password_remove },
	{ API_OWN("GET", "folders", "listAccountFolders", "Its folders."),
	    .flags = API_LIST, .answer = &api_folder_schema,
	    .run = api_account_folders },
	{ API_OWN("GET", "forwarding", "getAccountForwarding",
	      "Where its mail goes, too."),
	    .tag = STATE_TAG_ACCOUNT, .answer = &api_forwarding_schema,
	    .run = api_account_forwarding },
	{ API_OWN("PUT", "forwarding", "setAccountForwarding",
	      "Forward its mail, or no more."),
	    .writes = true, .flags = API_MATCH, .tag = STATE_TAG_ACCOUNT,
	    .body = &api_forwarding_set_schema,
	    .answer = &api_forwarding_schema,
	    .run = api_account_forwarding_set },
	{ API_OWN("POST", "identities", "createAccountIdentity",
	      "One more address that it may send as."),
	    .writes = true, .flags = API_CREATES, .body = &api_identity_schema,
	    .answer = &api_identity_schema, .run = api_account_identity_add },
	{ API_OWN("DELETE", "identities/{identity}", "deleteAccountIdentity",
	      "It may not send as that address any more."),
	    .writes = true, .flags = API_MATCH | API_EMPTY,
	    .tag = STATE_TAG_ACCOUNT, .run = api_account_identity_remove },
	{ .method = NULL },
};
