/* api_admins.c - administrators, and who is invited to be one */
#include "server/api/api_private.h"

#include "storage/state_admin.h"

#define API_INVITE_S (7 * 86400)

static const char *const api_admin_roles[] = { "readonly", "domain", "system",
	NULL };

static const struct api_field api_admin_fields[] = {
	{ "login", API_STR, API_REQUIRED | API_OUT,
	    "Name, or an account's address.", NULL, NULL, 0 },
	{ "name", API_STR, API_REQUIRED, "Of the person.", NULL, NULL, 0 },
	{ "role", API_WORD, API_REQUIRED, "What he is.", NULL, api_admin_roles,
	    0 },
	{ "domain", API_STR, API_REQUIRED | API_NULL,
	    "The only one that he sees, or null.", NULL, NULL, 0 },
	{ "created", API_TIME, API_REQUIRED | API_OUT, "Since when.", NULL,
	    NULL, 0 },
	{ "totp", API_BOOL, API_REQUIRED | API_OUT,
	    "Whether he has a second factor.", NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_admin_schema = { "Admin", api_admin_fields };

static const struct api_field api_admin_new_fields[] = {
	{ "login", API_STR, API_REQUIRED,
	    "An account's address; who has none is invited.", NULL, NULL, 512 },
	{ "role", API_WORD, API_REQUIRED, "What he is.", NULL, api_admin_roles,
	    0 },
	{ "domain", API_STR, API_NULL, "The only one that he sees.", NULL, NULL,
	    253 },
	{ .name = NULL },
};
static const struct api_schema api_admin_new_schema = { "AdminNew",
	api_admin_new_fields };

static const struct api_field api_admin_patch_fields[] = {
	{ "name", API_STR, 0, "Of the person.", NULL, NULL,
	    STATE_ADMIN_NAME_MAX },
	{ "role", API_WORD, 0, "What he is.", NULL, api_admin_roles, 0 },
	{ "domain", API_STR, API_NULL, "The only one that he sees.", NULL, NULL,
	    253 },
	{ .name = NULL },
};
static const struct api_schema api_admin_patch_schema = { "AdminPatch",
	api_admin_patch_fields };

static const struct api_field api_invite_fields[] = {
	{ "id", API_STR, API_REQUIRED, "Of the invitation.", NULL, NULL, 0 },
	{ "login", API_STR, API_REQUIRED | API_NULL,
	    "The name that one gets, or null: one chooses.", NULL, NULL, 0 },
	{ "role", API_WORD, API_REQUIRED, "What one becomes.", NULL,
	    api_admin_roles, 0 },
	{ "domain", API_STR, API_REQUIRED | API_NULL,
	    "The only one that one sees.", NULL, NULL, 0 },
	{ "by", API_STR, API_REQUIRED | API_NULL,
	    "The administrator who made it, with whom it ends, or null: "
	    "shoalctl.",
	    NULL, NULL, 0 },
	{ "created", API_TIME, API_REQUIRED, "When it was made.", NULL, NULL,
	    0 },
	{ "expires", API_TIME, API_REQUIRED, "Until when it is good.", NULL,
	    NULL, 0 },
	{ "code", API_STR, 0, "Once: in the answer that made it.", NULL, NULL,
	    0 },
	{ "url", API_STR, 0,
	    "The same: for the person, by a safe way, as whoever follows it "
	    "first is it.",
	    NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_invite_schema = { "Invite",
	api_invite_fields };

static const struct api_field api_invite_new_fields[] = {
	{ "role", API_WORD, API_REQUIRED, "What one becomes.", NULL,
	    api_admin_roles, 0 },
	{ "domain", API_STR, API_NULL, "The only one that one sees.", NULL,
	    NULL, 253 },
	{ "login", API_STR, API_NULL, "Else one chooses.", NULL, NULL, 64 },
	{ "expires_in", API_U64, 0,
	    "How long it is good, in seconds; else for a week.", NULL, NULL,
	    STATE_ADMIN_INVITE_MAX_S },
	{ .name = NULL },
};
static const struct api_schema api_invite_new_schema = { "InviteNew",
	api_invite_new_fields };

/* --- administrators --- */

static must_check struct err *
api_admin_put(struct api *x, struct json *j, const struct state_admin *ad)
{
	struct str secret;
	uint64_t step;
	struct err *e =
	    state_totp_find(x->a, x->ad.state, ad->login, &secret, &step);

	if (e != NULL && !err_is(e, ERR_NOTFOUND))
		return e;
	json_set_str(j, "login", ad->login);
	json_set_str(j, "name", ad->name);
	json_set_str(j, "role", ad->role);
	api_set_opt(j, "domain", ad->domain);
	api_set_time(j, "created", ad->created);
	json_set_bool(j, "totp", secret.n > 0);
	return NULL;
}

static must_check struct err *
api_admin_answer(struct api *x, struct str login)
{
	struct state_admin ad;
	struct err *e = state_admin_find(x->a, x->ad.state, login, &ad);

	return e != NULL ? e : api_admin_put(x, x->out, &ad);
}

static must_check struct err *
api_admin_list(struct task *t, struct api *x)
{
	struct state_admin *list;
	unsigned n, put = 0;
	struct err *e = state_admin_list(x->a, x->ad.state, &list, &n);

	(void)t;
	for (unsigned i = 0; e == NULL && i < n; i++) {
		if (str_cmp(list[i].login, api_after(x)) <= 0)
			continue;
		if (put++ == api_limit(x)) {
			api_next(x, list[i - 1].login);
			break;
		}
		e = api_admin_put(x, json_add_obj(x->items), &list[i]);
	}
	return e;
}

static must_check struct err *
api_admin_get(struct task *t, struct api *x)
{
	(void)t;
	return api_admin_answer(x, x->params[0]);
}

static may_yield must_check struct err *
api_admin_create(struct task *t, struct api *x)
{
	struct state_admin ad = { .name = STR("") };
	struct err *e;

	(void)json_get_str(x->in, "login", &ad.login);
	(void)json_get_str(x->in, "role", &ad.role);
	(void)json_get_str(x->in, "domain", &ad.domain);
	if (str_chr(ad.login, '@') < 0)
		return api_bad_field(x, "login",
		    "an account's address is wanted: who has none is invited");
	e = state_admin_add(t, x->ad.state, x->who.by, &ad);
	if (e == NULL)
		e = state_admin_find(x->a, x->ad.state, ad.login, &ad);
	if (e == NULL)
		api_location(x, "/admins", ad.login);
	return e != NULL ? e : api_admin_put(x, x->out, &ad);
}

/* What is there of the body; NULL: not. */
static const struct str *
api_admin_patched(const struct api *x, const char *key, struct str *v)
{
	if (api_in_null(x, key))
		*v = STR("");
	else if (!json_get_str(x->in, key, v))
		return NULL;
	return v;
}

static may_yield must_check struct err *
api_admin_patch(struct task *t, struct api *x)
{
	struct str name, role, domain;
	struct err *e = state_admin_set(t, x->ad.state, x->who.by, x->params[0],
	    api_admin_patched(x, "name", &name),
	    api_admin_patched(x, "role", &role),
	    api_admin_patched(x, "domain", &domain));

	return e != NULL ? e : api_admin_answer(x, x->params[0]);
}

static may_yield must_check struct err *
api_admin_remove(struct task *t, struct api *x)
{
	return state_admin_remove(t, x->ad.state, x->who.by, x->params[0]);
}

static may_yield must_check struct err *
api_admin_signout(struct task *t, struct api *x)
{
	return state_admin_signout(t, x->ad.state, x->who.by, x->params[0]);
}

static may_yield must_check struct err *
api_admin_totp_remove(struct task *t, struct api *x)
{
	struct state_admin ad;
	/* not of anybody else's account */
	struct err *e = state_admin_find(x->a, x->ad.state, x->params[0], &ad);

	/* who has found a console open does not know his password */
	if (e == NULL && str_eq(ad.login, x->who.login))
		return api_refuse(x, 403, "forbidden",
		    "that is your own: remove it where your password is asked "
		    "for, under /me");
	return e != NULL ? e
			 : state_totp_set(t, x->ad.state, x->who.by, ad.login,
			       STR(""));
}

/* --- invitations --- */

static void
api_invite_put(struct json *j, const struct state_admin_invite *inv)
{
	json_set_str(j, "id", inv->id);
	api_set_opt(j, "login", inv->login);
	json_set_str(j, "role", inv->role);
	api_set_opt(j, "domain", inv->domain);
	api_set_opt(j, "by", inv->inviter);
	api_set_time(j, "created", inv->created);
	api_set_time(j, "expires", inv->expires);
}

/* All of them: there are STATE_ADMIN_INVITES_MAX at most. */
static must_check struct err *
api_invite_list(struct task *t, struct api *x)
{
	struct state_admin_invite *list;
	unsigned n;
	struct err *e = state_admin_invite_list(x->a, x->ad.state, &list, &n);

	for (unsigned i = 0; e == NULL && i < n; i++)
		if (list[i].expires > task_wall_s(t))
			api_invite_put(json_add_obj(x->items), &list[i]);
	return e;
}

static may_yield must_check struct err *
api_invite_create(struct task *t, struct api *x)
{
	struct state_admin_invite inv = { .login = STR(""),
		.inviter = x->who.login,
		.token = x->who.token };
	uint64_t in_s = API_INVITE_S;
	struct str code;
	struct err *e;

	(void)json_get_str(x->in, "role", &inv.role);
	(void)json_get_str(x->in, "domain", &inv.domain);
	(void)json_get_str(x->in, "login", &inv.login);
	(void)json_get_u64(x->in, "expires_in", &in_s);
	inv.expires = task_wall_s(t) + (int64_t)in_s;
	e = state_admin_invite(t, x->ad.state, x->who.by, &inv, &code);
	if (e != NULL)
		return e;
	api_invite_put(x->out, &inv);
	json_set_str(x->out, "code", code);
	/* behind the #, where no log gets it */
	json_set_c(x->out, "url",
	    arena_printf(x->a, "https://" STR_FMT "/invite#" STR_FMT,
		STR_ARG(x->rq->authority), STR_ARG(code)));
	api_location(x, "/invites", inv.id);
	return NULL;
}

static may_yield must_check struct err *
api_invite_remove(struct task *t, struct api *x)
{
	return state_admin_invite_remove(t, x->ad.state, x->who.by,
	    x->params[0]);
}

const struct api_route api_admin_routes[] = {
	{ .method = "GET",
	    .path = "/admins",
	    .id = "listAdmins",
	    .help = "Administrators.",
	    .area = AREA_ADMINS,
	    .scope = API_WHOLE,
	    .flags = API_LIST,
	    .answer = &api_admin_schema,
	    .run = api_admin_list },
	{ .method = "POST",
	    .path = "/admins",
	    .id = "createAdmin",
	    .help = "An account becomes an administrator's.",
	    .area = AREA_ADMINS,
	    .scope = API_WHOLE,
	    .writes = true,
	    .flags = API_CREATES,
	    .tag = STATE_TAG_ADMIN,
	    .body = &api_admin_new_schema,
	    .answer = &api_admin_schema,
	    .run = api_admin_create },
	{ .method = "GET",
	    .path = "/admins/{login}",
	    .id = "getAdmin",
	    .help = "One of them.",
	    .area = AREA_ADMINS,
	    .scope = API_WHOLE,
	    .tag = STATE_TAG_ADMIN,
	    .answer = &api_admin_schema,
	    .run = api_admin_get },
	{ .method = "PATCH",
	    .path = "/admins/{login}",
	    .id = "changeAdmin",
	    .help = "Name and role; with another role his sessions and "
		    "invitations end.",
	    .area = AREA_ADMINS,
	    .scope = API_WHOLE,
	    .writes = true,
	    .flags = API_MATCH,
	    .tag = STATE_TAG_ADMIN,
	    .body = &api_admin_patch_schema,
	    .answer = &api_admin_schema,
	    .run = api_admin_patch },
	{ .method = "DELETE",
	    .path = "/admins/{login}",
	    .id = "removeAdmin",
	    .help = "He is none any more; his tokens and invitations are "
		    "gone.",
	    .area = AREA_ADMINS,
	    .scope = API_WHOLE,
	    .writes = true,
	    .flags = API_MATCH | API_EMPTY,
	    .tag = STATE_TAG_ADMIN,
	    .run = api_admin_remove },
	{ .method = "POST",
	    .path = "/admins/{login}/sign-out",
	    .id = "signOutAdmin",
	    .help = "All his sessions end.",
	    .area = AREA_ADMINS,
	    .scope = API_WHOLE,
	    .writes = true,
	    .flags = API_MATCH | API_EMPTY,
	    .tag = STATE_TAG_ADMIN,
	    .run = api_admin_signout },
	{ .method = "DELETE",
	    .path = "/admins/{login}/totp",
	    .id = "removeAdminTotp",
	    .help = "He has lost his second factor; his sessions end.",
	    .area = AREA_ADMINS,
	    .scope = API_WHOLE,
	    .writes = true,
	    .flags = API_MATCH | API_EMPTY,
	    .tag = STATE_TAG_ADMIN,
	    .run = api_admin_totp_remove },
	{ .method = "GET",
	    .path = "/invites",
	    .id = "listInvites",
	    .help = "Invitations that nobody has followed yet.",
	    .area = AREA_ADMINS,
	    .scope = API_WHOLE,
	    .flags = API_LIST,
	    .answer = &api_invite_schema,
	    .run = api_invite_list },
	{ .method = "POST",
	    .path = "/invites",
	    .id = "createInvite",
	    .help = "A link with which somebody becomes an administrator.",
	    .area = AREA_ADMINS,
	    .scope = API_WHOLE,
	    .writes = true,
	    .flags = API_CREATES,
	    .body = &api_invite_new_schema,
	    .answer = &api_invite_schema,
	    .run = api_invite_create },
	{ .method = "DELETE",
	    .path = "/invites/{id}",
	    .id = "removeInvite",
	    .help = "The link leads nowhere any more.",
	    .area = AREA_ADMINS,
	    .scope = API_WHOLE,
	    .writes = true,
	    .flags = API_EMPTY,
	    .run = api_invite_remove },
	{ .method = NULL },
};
