/* api_me.c - one's own account: password, forwarding, what is in it */
#include "server/api/api_account.h"

#include "storage/state_admin.h"

/* --- what is taken and answered --- */

static const char *const api_me_roles[] = { "user", "readonly", "domain",
	"system", NULL };

static const struct api_field api_me_account_fields[] = {
	{ "address", API_STR, API_REQUIRED, "The login name, too.", NULL, NULL,
	    0 },
	{ "quota_bytes", API_U64, API_REQUIRED, "0: no limit.", NULL, NULL, 0 },
	{ "quota_messages", API_U64, API_REQUIRED, "0: no limit.", NULL, NULL,
	    0 },
	API_USAGE_FIELDS,
	{ .name = NULL },
};
static const struct api_schema api_me_account_schema = { "MyAccount",
	api_me_account_fields };

static const struct api_field api_me_fields[] = {
	{ "login", API_STR, API_REQUIRED,
	    "Administrator's name, or the account's address.", NULL, NULL, 0 },
	{ "name", API_STR, API_REQUIRED, "Of the person.", NULL, NULL, 0 },
	{ "role", API_WORD, API_REQUIRED, "What he is.", NULL, api_me_roles,
	    0 },
	{ "domain", API_STR, API_REQUIRED | API_NULL,
	    "The only domain that he sees, or null: all.", NULL, NULL, 0 },
	{ "totp", API_BOOL, API_REQUIRED, "Whether there is a second factor.",
	    NULL, NULL, 0 },
	{ "account", API_OBJ, API_REQUIRED | API_NULL, "null: he has none.",
	    &api_me_account_schema, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_me_schema = { "Me", api_me_fields };

static const struct api_field api_me_password_fields[] = {
	{ "current", API_STR, API_REQUIRED | API_SECRET, "The one of now.",
	    NULL, NULL, PASSWORD_MAX },
	{ "new", API_STR, API_REQUIRED | API_SECRET, "The one to be.", NULL,
	    NULL, PASSWORD_MAX },
	{ .name = NULL },
};
static const struct api_schema api_me_password_schema = { "MyPassword",
	api_me_password_fields };

/* --- who one is --- */

static must_check struct err *
api_me_has_account(struct api *x)
{
	return x->who.has_account
		   ? NULL
		   : err_new(x->a, ERR_NOTFOUND,
			 "this administrator has no account", NULL);
}

static may_yield void
api_me_account(struct task *t, struct api *x)
{
	const struct state_account *sa = &x->who.account;
	struct admin_usage u;
	struct json *j;

	if (!x->who.has_account) {
		json_set_null(x->out, "account");
		return;
	}
	j = json_set_obj(x->out, "account");
	json_set_str(j, "address", sa->address);
	json_set_u64(j, "quota_bytes", sa->quota_bytes);
	json_set_u64(j, "quota_messages", sa->quota_messages);
	api_usage_of(t, x, sa, 1, &u);
	api_usage_put(j, &u, false);
	if (u.known)
		api_last_login(t, x, j, sa->id);
	else
		json_set_null(j, "last_login");
}

static may_yield must_check struct err *
api_me_get(struct task *t, struct api *x)
{
	const struct principal *p = &x->who;
	struct str secret;
	uint64_t step;
	struct err *e =
	    state_totp_find(x->a, x->ad.state, p->login, &secret, &step);

	if (e != NULL)
		return e;
	json_set_str(x->out, "login", p->login);
	json_set_str(x->out, "name", p->name);
	json_set_c(x->out, "role", role_name(p->role));
	if (p->domain.n > 0)
		json_set_str(x->out, "domain", p->domain);
	else
		json_set_null(x->out, "domain");
	json_set_bool(x->out, "totp", secret.n > 0);
	api_me_account(t, x);
	return NULL;
}

/* --- the password --- */

static may_yield must_check struct err *
api_me_password_set(struct task *t, struct api *x, struct str clear)
{
	struct password_salt salt;
	struct password p;
	struct err *e;

	if (x->who.has_account) {
		e = admin_account_password(t, &x->ad, x->who.account.address,
		    clear);
		return err_is(e, ERR_INVALID) ? api_bad_field(x, "new", e->text)
					      : e;
	}
	e = api_admin_password(t, x, "new", clear, &p, &salt);
	return e != NULL ? e
			 : state_admin_password(t, x->ad.state, x->ad.by,
			       x->who.login, &p, &salt);
}

static may_yield must_check struct err *
api_me_password(struct task *t, struct api *x)
{
	struct str current = STR_NONE, clear = STR_NONE;
	struct err *e;

	(void)json_get_str(x->in, "current", &current);
	(void)json_get_str(x->in, "new", &clear);
	e = api_own_password(t, x, "current", current);
	if (e == NULL)
		e = api_me_password_set(t, x, clear);
	return e != NULL ? e : api_session_again(x);
}

/* --- of the account --- */

static must_check struct err *
api_me_app_passwords(struct task *t, struct api *x)
{
	struct err *e = api_me_has_account(x);

	(void)t;
	return e != NULL ? e : api_app_passwords(x, x->who.account.address);
}

static may_yield must_check struct err *
api_me_app_password_add(struct task *t, struct api *x)
{
	struct err *e = api_me_has_account(x);

	return e != NULL ? e
			 : api_app_password_make(t, x, x->who.account.address);
}

static may_yield must_check struct err *
api_me_app_password_remove(struct task *t, struct api *x)
{
	struct err *e = api_me_has_account(x);

	return e != NULL ? e
			 : state_app_password_remove(t, x->ad.state, x->ad.by,
			       x->who.account.address, x->params[0]);
}

static must_check struct err *
api_me_forwarding(struct task *t, struct api *x)
{
	struct err *e = api_me_has_account(x);

	(void)t;
	return e != NULL ? e
			 : api_forwarding(x, x->out, x->who.account.address);
}

static may_yield must_check struct err *
api_me_forwarding_set(struct task *t, struct api *x)
{
	struct err *e = api_me_has_account(x);

	return e != NULL ? e : api_forwarding_set(t, x, x->who.account.address);
}

static may_yield must_check struct err *
api_me_folders(struct task *t, struct api *x)
{
	struct err *e = api_me_has_account(x);

	return e != NULL ? e : api_folders(t, x, x->who.account.id);
}

const struct api_route api_me_routes[] = {
	{ .method = "GET",
	    .path = "/me",
	    .id = "getMe",
	    .help = "Oneself, and what one's mailbox holds.",
	    .area = AREA_ME,
	    .answer = &api_me_schema,
	    .run = api_me_get },
	{ .method = "PUT",
	    .path = "/me/password",
	    .id = "setMyPassword",
	    .help = "Another password; other sessions end.",
	    .area = AREA_ME,
	    .writes = true,
	    .flags = API_EMPTY,
	    .body = &api_me_password_schema,
	    .run = api_me_password },
	{ .method = "GET",
	    .path = "/me/app-passwords",
	    .id = "listMyAppPasswords",
	    .help = "One's application passwords.",
	    .area = AREA_ME,
	    .flags = API_LIST,
	    .answer = &api_app_password_schema,
	    .run = api_me_app_passwords },
	{ .method = "POST",
	    .path = "/me/app-passwords",
	    .id = "createMyAppPassword",
	    .help = "Make an application password: it is answered this once.",
	    .area = AREA_ME,
	    .writes = true,
	    .flags = API_CREATES,
	    .body = &api_app_password_new_schema,
	    .answer = &api_app_password_made_schema,
	    .run = api_me_app_password_add },
	{ .method = "DELETE",
	    .path = "/me/app-passwords/{id}",
	    .id = "deleteMyAppPassword",
	    .help = "Take an application password back.",
	    .area = AREA_ME,
	    .writes = true,
	    .flags = API_EMPTY,
	    .run = api_me_app_password_remove },
	{ .method = "GET",
	    .path = "/me/forwarding",
	    .id = "getMyForwarding",
	    .help = "Where one's mail goes, too.",
	    .area = AREA_ME,
	    .tag = STATE_TAG_ACCOUNT,
	    .answer = &api_forwarding_schema,
	    .run = api_me_forwarding },
	{ .method = "PUT",
	    .path = "/me/forwarding",
	    .id = "setMyForwarding",
	    .help = "Forward one's mail, or no more.",
	    .area = AREA_ME,
	    .writes = true,
	    .flags = API_MATCH,
	    .tag = STATE_TAG_ACCOUNT,
	    .body = &api_forwarding_set_schema,
	    .answer = &api_forwarding_schema,
	    .run = api_me_forwarding_set },
	{ .method = "GET",
	    .path = "/me/folders",
	    .id = "listMyFolders",
	    .help = "One's folders.",
	    .area = AREA_ME,
	    .flags = API_LIST,
	    .answer = &api_folder_schema,
	    .run = api_me_folders },
	{ .method = NULL },
};
