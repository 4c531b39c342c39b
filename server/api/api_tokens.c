/* api_tokens.c - tokens for programs: one's own, and other administrators' */
#include "server/api/api_private.h"

#include "storage/state_admin.h"

static const struct api_field api_token_fields[] = {
	{ "id", API_STR, API_REQUIRED, "Of the token.", NULL, NULL, 0 },
	{ "owner", API_STR, API_REQUIRED, "Whose it is.", NULL, NULL, 0 },
	{ "label", API_STR, API_REQUIRED, "What it is for.", NULL, NULL, 0 },
	{ "scopes", API_STRS, API_REQUIRED,
	    "What it may at most: accounts:write, queue:read, *:read, ...",
	    NULL, NULL, 0 },
	{ "created", API_TIME, API_REQUIRED, "When it was made.", NULL, NULL,
	    0 },
	{ "expires", API_TIME, API_REQUIRED | API_NULL,
	    "Until when it is good, or null.", NULL, NULL, 0 },
	{ "token", API_STR, 0,
	    "The token itself, once: in the answer that made it.", NULL, NULL,
	    0 },
	{ .name = NULL },
};
static const struct api_schema api_token_schema = { "Token", api_token_fields };

static const struct api_field api_token_new_fields[] = {
	{ "label", API_STR, API_REQUIRED, "What it is for.", NULL, NULL,
	    STATE_TOKEN_LABEL_MAX },
	{ "scopes", API_STRS, API_REQUIRED,
	    "Areas with read or write: accounts:write, queue:read; * is any "
	    "area; write has read in it.",
	    NULL, NULL, 2 * AREAS },
	{ "expires", API_TIME, API_NULL,
	    "Until when it is good; else for ever.", NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_token_new_schema = { "TokenNew",
	api_token_new_fields };

static void
api_token_put(struct json *j, const struct state_token *tok)
{
	struct str rest = tok->scopes, scope;
	struct json *list;

	json_set_str(j, "id", tok->id);
	json_set_str(j, "owner", tok->owner);
	json_set_str(j, "label", tok->label);
	list = json_set_arr(j, "scopes");
	while (str_split(&rest, ' ', &scope))
		if (scope.n > 0)
			json_add_str(list, scope);
	api_set_time(j, "created", tok->created);
	api_set_time(j, "expires", tok->expires);
}

/* --- of an owner --- */

/* All of them: there are STATE_TOKENS_MAX at most. */
static must_check struct err *
api_token_list(struct api *x, struct str owner)
{
	struct state_token *list;
	unsigned n;
	struct err *e = state_token_list(x->a, x->ad.state, owner, &list, &n);

	for (unsigned i = 0; e == NULL && i < n; i++)
		api_token_put(json_add_obj(x->items), &list[i]);
	return e;
}

static may_yield must_check struct err *
api_token_remove(struct task *t, struct api *x, struct str owner, struct str id)
{
	struct state_token *list;
	unsigned n, i = 0;
	struct err *e = state_token_list(x->a, x->ad.state, owner, &list, &n);

	if (e != NULL)
		return e;
	while (i < n && !str_eq(list[i].id, id))
		i++;
	if (i == n)
		return err_new(x->a, ERR_NOTFOUND, "there is no such token",
		    NULL);
	return state_token_remove(t, x->ad.state, x->who.by, id);
}

/* --- one's own --- */

static must_check struct err *
api_token_owner(struct api *x)
{
	return x->who.role > ROLE_USER ? NULL
				       : api_refuse(x, 403, "forbidden",
					     "tokens are for administrators");
}

static must_check struct err *
api_token_mine(struct task *t, struct api *x)
{
	struct err *e = api_token_owner(x);

	(void)t;
	return e != NULL ? e : api_token_list(x, x->who.login);
}

static must_check struct err *
api_token_scopes(struct api *x, struct str *text_r)
{
	struct str *list;
	uint32_t bits;
	struct err *e;
	struct buf b;
	unsigned n;

	(void)api_in_strs(x, "scopes", &list, &n);
	buf_init(&b, x->a, STATE_TOKEN_SCOPES_MAX);
	for (unsigned i = 0; i < n; i++) {
		if (str_chr(list[i], ' ') >= 0)
			return api_bad_field(x, "scopes",
			    "one scope an element");
		buf_c(&b, i > 0 ? " " : "");
		buf_str_add(&b, list[i]);
	}
	if (!buf_ok(&b))
		return api_bad_field(x, "scopes", "too long");
	*text_r = buf_str(&b);
	e = principal_scopes_parse(x->a, *text_r, &bits);
	return e == NULL ? NULL : api_bad_field(x, "scopes", e->text);
}

static may_yield must_check struct err *
api_token_create(struct task *t, struct api *x)
{
	struct state_token tok = { .owner = x->who.login };
	struct err *e = api_token_owner(x);
	struct str text;

	if (e != NULL)
		return e;
	(void)json_get_str(x->in, "label", &tok.label);
	e = api_token_scopes(x, &tok.scopes);
	if (e != NULL)
		return e;
	if (api_in_time(x, "expires", &tok.expires) &&
	    tok.expires <= task_wall_s(t))
		return api_bad_field(x, "expires", "it is over already");
	e = state_token_add(t, x->ad.state, x->who.by, &tok, &text);
	if (e != NULL)
		return e;
	api_token_put(x->out, &tok);
	json_set_str(x->out, "token", text);
	api_location(x, "/me/tokens", tok.id);
	return NULL;
}

static may_yield must_check struct err *
api_token_remove_mine(struct task *t, struct api *x)
{
	struct err *e = api_token_owner(x);

	return e != NULL ? e
			 : api_token_remove(t, x, x->who.login, x->params[0]);
}

/* --- another's --- */

static must_check struct err *
api_token_theirs(struct api *x, struct str *owner_r)
{
	struct state_admin ad;
	struct err *e = state_admin_find(x->a, x->ad.state, x->params[0], &ad);

	*owner_r = ad.login;
	return e;
}

static must_check struct err *
api_token_list_theirs(struct task *t, struct api *x)
{
	struct str owner;
	struct err *e = api_token_theirs(x, &owner);

	(void)t;
	return e != NULL ? e : api_token_list(x, owner);
}

static may_yield must_check struct err *
api_token_remove_theirs(struct task *t, struct api *x)
{
	struct str owner;
	struct err *e = api_token_theirs(x, &owner);

	return e != NULL ? e : api_token_remove(t, x, owner, x->params[1]);
}

const struct api_route api_token_routes[] = {
	{ .method = "GET",
	    .path = "/me/tokens",
	    .id = "listMyTokens",
	    .help = "One's own tokens.",
	    .area = AREA_ME,
	    .flags = API_LIST,
	    .answer = &api_token_schema,
	    .run = api_token_mine },
	{ .method = "POST",
	    .path = "/me/tokens",
	    .id = "createToken",
	    .help = "A token for a program, which can do what its owner can "
		    "and no more than its scopes.",
	    .area = AREA_ME,
	    .writes = true,
	    .flags = API_CREATES,
	    .body = &api_token_new_schema,
	    .answer = &api_token_schema,
	    .run = api_token_create },
	{ .method = "DELETE",
	    .path = "/me/tokens/{id}",
	    .id = "removeMyToken",
	    .help = "It is good for nothing any more.",
	    .area = AREA_ME,
	    .writes = true,
	    .flags = API_EMPTY,
	    .run = api_token_remove_mine },
	{ .method = "GET",
	    .path = "/admins/{login}/tokens",
	    .id = "listTokens",
	    .help = "An administrator's tokens.",
	    .area = AREA_ADMINS,
	    .scope = API_WHOLE,
	    .flags = API_LIST,
	    .answer = &api_token_schema,
	    .run = api_token_list_theirs },
	{ .method = "DELETE",
	    .path = "/admins/{login}/tokens/{id}",
	    .id = "removeToken",
	    .help = "An administrator's token is good for nothing any more.",
	    .area = AREA_ADMINS,
	    .scope = API_WHOLE,
	    .writes = true,
	    .flags = API_EMPTY,
	    .run = api_token_remove_theirs },
	{ .method = NULL },
};
