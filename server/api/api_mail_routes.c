/* api_mail_routes.c - where mail leaves to, instead of to its MX */
#include "server/api/api_private.h"
#include "storage/state_route.h"

static const char *const api_route_tls[] = { "may", "must", "verify", "never",
	"implicit", NULL };

#define API_ROUTE_SET                                                          \
	{ "hosts", API_STR, API_REQUIRED,                                      \
		"Tried in their order, with blanks between them: NAME, "       \
		"NAME:PORT, [ADDRESS]:PORT, mx:DOMAIN.",                       \
		NULL, NULL, STATE_ROUTE_TEXT_MAX },                            \
	    { "tls", API_WORD, 0, "may, if not given.", NULL, api_route_tls,   \
		    0 },                                                       \
	    { "user", API_STR, 0, "Log in there.", NULL, NULL, 0 },            \
	    { "password", API_STR, API_NULL | API_SECRET,                      \
		    "Not given: as it was (if there is a user); null: none.",  \
		    NULL, NULL, 0 },                                           \
	{                                                                      \
		"note", API_STR, 0, "For people.", NULL, NULL, 0               \
	}

static const struct api_field api_route_new_fields[] = {
	{ "pattern", API_STR, API_REQUIRED,
	    "A domain, .DOMAIN for all below it, or * for all.", NULL, NULL,
	    0 },
	API_ROUTE_SET,
	{ .name = NULL },
};
static const struct api_schema api_route_new_schema = { "MailRouteNew",
	api_route_new_fields };
static const struct api_field api_route_put_fields[] = {
	API_ROUTE_SET,
	{ .name = NULL },
};
static const struct api_schema api_route_put_schema = { "MailRouteChange",
	api_route_put_fields };
static const struct api_field api_route_fields[] = {
	{ "pattern", API_STR, API_REQUIRED, NULL, NULL, NULL, 0 },
	{ "hosts", API_STR, API_REQUIRED, NULL, NULL, NULL, 0 },
	{ "tls", API_WORD, API_REQUIRED, NULL, NULL, api_route_tls, 0 },
	{ "user", API_STR, API_REQUIRED, NULL, NULL, NULL, 0 },
	{ "note", API_STR, API_REQUIRED, NULL, NULL, NULL, 0 },
	{ "created", API_TIME, API_REQUIRED, NULL, NULL, NULL, 0 },
	{ "password_set", API_BOOL, API_REQUIRED, NULL, NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_route_schema = { "MailRoute",
	api_route_fields };

static void
api_mail_route_put(struct json *j, const struct state_route *r)
{
	json_set_str(j, "pattern", r->pattern);
	json_set_str(j, "hosts", r->hosts);
	json_set_c(j, "tls", state_route_tls_name(r->tls));
	json_set_str(j, "user", r->user);
	json_set_str(j, "note", r->note);
	api_set_time(j, "created", r->created);
	json_set_bool(j, "password_set", r->password.n > 0);
}

static must_check struct err *
api_mail_route_answer(struct api *x, struct str pattern)
{
	struct state_route r;
	struct err *e = state_route_get(x->a, x->ad.state, pattern, &r);

	if (e == NULL)
		api_mail_route_put(x->out, &r);
	return e;
}

static may_yield must_check struct err *
api_mail_routes_list(struct task *t, struct api *x)
{
	unsigned limit = api_limit(x), n, put = 0;
	struct str after = api_after(x);
	struct state_route *r;
	struct err *e = state_route_list(x->a, x->ad.state, &r, &n);

	(void)t;
	for (unsigned i = 0; e == NULL && i < n; i++) {
		if (after.p != NULL && str_cmp(r[i].pattern, after) <= 0)
			continue;
		if (put++ == limit) {
			api_next(x, r[i - 1].pattern);
			break;
		}
		api_mail_route_put(json_add_obj(x->items), &r[i]);
	}
	return e;
}

static may_yield must_check struct err *
api_mail_route_get(struct task *t, struct api *x)
{
	(void)t;
	return api_mail_route_answer(x, x->params[0]);
}

/* What the body says, put in place of r. */
static void
api_mail_route_read(const struct api *x, struct state_route *r)
{
	struct str tls = STR("may"), old = r->password;
	bool has_user;

	r->user = r->note = r->password = STR("");
	(void)json_get_str(x->in, "hosts", &r->hosts);
	(void)json_get_str(x->in, "tls", &tls);
	(void)state_route_tls_parse(tls, &r->tls); /* one of the words */
	has_user = json_get_str(x->in, "user", &r->user) && r->user.n > 0;
	(void)json_get_str(x->in, "note", &r->note);
	if (!json_get_str(x->in, "password", &r->password) && has_user &&
	    !api_in_null(x, "password"))
		r->password = old;
}

static may_yield must_check struct err *
api_mail_route_add(struct task *t, struct api *x)
{
	struct state_route r = { .password = STR("") }, there;
	struct str pattern;
	struct err *e;

	(void)json_get_str(x->in, "pattern", &pattern);
	e = state_route_get(x->a, x->ad.state, pattern, &there);
	if (e == NULL)
		return err_newf(x->a, ERR_DUPLICATE,
		    "there is a route for " STR_FMT, STR_ARG(there.pattern));
	if (!err_is(e, ERR_NOTFOUND))
		return e;
	api_mail_route_read(x, &r);
	r.pattern = pattern;
	e = state_route_set(t, x->ad.state, x->ad.by, &r);
	if (e == NULL)
		e = state_route_get(x->a, x->ad.state, pattern, &there);
	if (e != NULL)
		return e;
	api_location(x, "/routes", there.pattern);
	api_mail_route_put(x->out, &there);
	return NULL;
}

static may_yield must_check struct err *
api_mail_route_change(struct task *t, struct api *x)
{
	struct state_route r;
	struct err *e = state_route_get(x->a, x->ad.state, x->params[0], &r);

	if (e != NULL)
		return e;
	api_mail_route_read(x, &r);
	e = state_route_set(t, x->ad.state, x->ad.by, &r);
	return e != NULL ? e : api_mail_route_answer(x, r.pattern);
}

static may_yield must_check struct err *
api_mail_route_remove(struct task *t, struct api *x)
{
	return state_route_remove(t, x->ad.state, x->ad.by, x->params[0]);
}

const struct api_route api_mail_route_routes[] = {
	{ .method = "GET",
	    .path = "/routes",
	    .id = "listMailRoutes",
	    .help = "Routes in order of pattern.",
	    .area = AREA_SETTINGS,
	    .scope = API_WHOLE,
	    .flags = API_LIST,
	    .answer = &api_route_schema,
	    .run = api_mail_routes_list },
	{ .method = "POST",
	    .path = "/routes",
	    .id = "createMailRoute",
	    .help = "Send mail for a domain to these hosts, not to its MX.",
	    .area = AREA_SETTINGS,
	    .writes = true,
	    .scope = API_WHOLE,
	    .flags = API_CREATES,
	    .tag = STATE_TAG_ROUTE,
	    .body = &api_route_new_schema,
	    .answer = &api_route_schema,
	    .run = api_mail_route_add },
	{ .method = "GET",
	    .path = "/routes/{pattern}",
	    .id = "getMailRoute",
	    .help = "The route with exactly this pattern.",
	    .area = AREA_SETTINGS,
	    .scope = API_WHOLE,
	    .tag = STATE_TAG_ROUTE,
	    .answer = &api_route_schema,
	    .run = api_mail_route_get },
	{ .method = "PUT",
	    .path = "/routes/{pattern}",
	    .id = "putMailRoute",
	    .help = "Put another in its place; the password stays unless it is "
		    "given.",
	    .area = AREA_SETTINGS,
	    .writes = true,
	    .scope = API_WHOLE,
	    .flags = API_MATCH,
	    .tag = STATE_TAG_ROUTE,
	    .body = &api_route_put_schema,
	    .answer = &api_route_schema,
	    .run = api_mail_route_change },
	{ .method = "DELETE",
	    .path = "/routes/{pattern}",
	    .id = "deleteMailRoute",
	    .help = "Mail goes to the MX again.",
	    .area = AREA_SETTINGS,
	    .writes = true,
	    .scope = API_WHOLE,
	    .flags = API_MATCH | API_EMPTY,
	    .tag = STATE_TAG_ROUTE,
	    .run = api_mail_route_remove },
	{ .method = NULL },
};
