/* api_session.c - signing in, signing out, and becoming an administrator */
#include "server/api/api_private.h"

#include "base/log.h"
#include "server/auth/auth_console.h"
#include "storage/state_address.h"
#include "storage/state_admin.h"

/* Nodes' clocks may differ by so much. */
#define API_CLOCKS_S 300

/* --- what is taken and answered --- */

static const char *const api_roles[] = { "user", "readonly", "domain", "system",
	NULL };

static const struct api_field api_session_fields[] = {
	{ "login", API_STR, API_REQUIRED,
	    "Administrator's name, or an account's address.", NULL, NULL, 0 },
	{ "name", API_STR, API_REQUIRED, "Of the person.", NULL, NULL, 0 },
	{ "role", API_WORD, API_REQUIRED, "What he is.", NULL, api_roles, 0 },
	{ "domain", API_STR, API_REQUIRED | API_NULL,
	    "The only domain that he sees, or null: all.", NULL, NULL, 0 },
	{ "address", API_STR, API_REQUIRED | API_NULL,
	    "Of his account, or null: he has none.", NULL, NULL, 0 },
	{ "csrf", API_STR, API_REQUIRED | API_NULL,
	    "For X-CSRF-Token; null: signed in by a token.", NULL, NULL, 0 },
	{ "expires", API_TIME, API_REQUIRED | API_NULL,
	    "When the session ends if it is not used.", NULL, NULL, 0 },
	{ "totp", API_BOOL, API_REQUIRED, "Whether there is a second factor.",
	    NULL, NULL, 0 },
	{ "areas", API_STRS, API_REQUIRED,
	    "What he may: accounts:read, accounts:write, ...", NULL, NULL, 0 },
	{ "node", API_STR, API_REQUIRED, "The node that answers.", NULL, NULL,
	    0 },
	{ "version", API_STR, API_REQUIRED, "Its version.", NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_session_schema = { "Session",
	api_session_fields };

static const struct api_field api_sign_in_fields[] = {
	{ "login", API_STR, API_REQUIRED,
	    "Administrator's name, or an account's address.", NULL, NULL, 512 },
	{ "password", API_STR, API_REQUIRED | API_SECRET,
	    "No application password.", NULL, NULL, PASSWORD_MAX },
	{ "totp", API_STR, API_NULL | API_SECRET,
	    "Code of the second factor: asked for by 401 totp_required.", NULL,
	    NULL, 32 },
	{ .name = NULL },
};
static const struct api_schema api_sign_in_schema = { "SignIn",
	api_sign_in_fields };

static const char *const api_invite_roles[] = { "readonly", "domain", "system",
	NULL };
static const struct api_field api_invite_check_fields[] = {
	{ "code", API_STR, API_REQUIRED | API_SECRET, "Of the invitation.",
	    NULL, NULL, 100 },
	{ .name = NULL },
};
static const struct api_schema api_invite_check_schema = { "InviteCode",
	api_invite_check_fields };
static const struct api_field api_invite_said_fields[] = {
	{ "role", API_WORD, API_REQUIRED, "What one becomes.", NULL,
	    api_invite_roles, 0 },
	{ "domain", API_STR, API_REQUIRED | API_NULL, "Of which domain.", NULL,
	    NULL, 0 },
	{ "login", API_STR, API_REQUIRED | API_NULL,
	    "The name that one gets, or null: one chooses.", NULL, NULL, 0 },
	{ "expires", API_TIME, API_REQUIRED, "Until when it is good.", NULL,
	    NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_invite_said_schema = { "InviteSaid",
	api_invite_said_fields };
static const struct api_field api_invite_accept_fields[] = {
	{ "code", API_STR, API_REQUIRED | API_SECRET, "Of the invitation.",
	    NULL, NULL, 100 },
	{ "login", API_STR, API_REQUIRED,
	    "A name: letters, digits, \"-\", \".\", \"_\".", NULL, NULL, 64 },
	{ "name", API_STR, 0, "Of the person.", NULL, NULL,
	    STATE_ADMIN_NAME_MAX },
	{ "password", API_STR, API_REQUIRED | API_SECRET, "To sign in with.",
	    NULL, NULL, PASSWORD_MAX },
	{ .name = NULL },
};
static const struct api_schema api_invite_accept_schema = { "InviteAccept",
	api_invite_accept_fields };

static void
api_session_areas(struct api *x)
{
	struct json *list = json_set_arr(x->out, "areas");

	for (unsigned i = 0; i < 2 * AREAS; i++)
		if (i / 2 != AREA_OPEN &&
		    principal_may(&x->who, (enum area)(i / 2), i % 2))
			json_add_c(list, arena_printf(x->a, "%s:%s",
					     area_name((enum area)(i / 2)),
					     i % 2 ? "write" : "read"));
}

static must_check struct err *
api_session_put(struct api *x)
{
	struct principal *p = &x->who;
	struct json *j = x->out;
	struct str secret;
	uint64_t step;
	struct err *e =
	    state_totp_find(x->a, x->ad.state, p->login, &secret, &step);

	if (e != NULL && !err_is(e, ERR_NOTFOUND))
		return e;
	json_set_str(j, "login", p->login);
	json_set_str(j, "name", p->name);
	json_set_c(j, "role", role_name(p->role));
	api_set_opt(j, "domain", p->domain);
	api_set_opt(j, "address",
	    p->has_account ? p->account.address : STR_NONE);
	api_set_opt(j, "csrf",
	    p->session.n == 0 ? STR_NONE
			      : session_csrf(x->a, state_key(x->w->state),
				    x->own->session.id));
	api_set_time(j, "expires", x->own->expires);
	json_set_bool(j, "totp", secret.n > 0);
	api_session_areas(x);
	json_set_c(j, "node", x->w->conf->node);
	json_set_c(j, "version", PACKAGE_VERSION);
	return NULL;
}

/* --- signing in --- */

static must_check struct err *
api_session_refused(struct api *x, const struct auth_console *c, struct err *e)
{
	if (err_is(e, ERR_LIMIT))
		return api_refuse(x, 429, "throttled", e->text);
	if (!err_is(e, ERR_DENIED))
		return e;
	switch (c->step) {
	case AUTH_CONSOLE_TOTP_WANTED:
		return api_refuse(x, 401, "totp_required", e->text);
	case AUTH_CONSOLE_TOTP_WRONG:
		return api_refuse(x, 401, "totp_wrong", e->text);
	default:
		return api_refuse(x, 401, "denied", e->text);
	}
}

static may_yield must_check struct err *
api_session_create(struct task *t, struct api *x)
{
	struct auth_console c = { .peer = conn_peer(x->c) };
	struct err *e;

	(void)json_get_str(x->in, "login", &c.login);
	(void)json_get_str(x->in, "password", &c.password);
	(void)json_get_str(x->in, "totp", &c.totp);
	e = auth_console(t, x->w->auth, &c);
	if (e != NULL)
		return api_session_refused(x, &c, e);
	e = api_who_begin(x, c.admin, c.who);
	if (e == NULL)
		e = api_session_put(x);
	return e;
}

static must_check struct err *
api_session_get(struct task *t, struct api *x)
{
	(void)t;
	return api_session_put(x);
}

/* --- signing out --- */

/* All of this person's. An account's generation counts for its administrator,
 * too. */
static may_yield must_check struct err *
api_session_end_generation(struct task *t, struct api *x)
{
	return x->who.has_account
		   ? state_account_signout(t, x->ad.state, x->who.by,
			 x->who.account.address)
		   : state_admin_signout(t, x->ad.state, x->who.by,
			 x->who.login);
}

static may_yield must_check struct err *
api_session_end(struct task *t, struct api *x)
{
	const struct session *s = &x->own->session;
	int64_t now = task_wall_s(t), expires = s->expires, end;
	struct err *e;

	if (x->who.session.n == 0)
		return api_refuse(x, 403, "forbidden", "there is no session");
	/* whatever comes of it, this browser forgets it */
	api_who_forget(x);
	e = admin_of_worker(t, x->w, x->who.by, &x->ad);
	if (e != NULL)
		return e;
	/* no cookie of this session lasts longer, whenever it was made */
	end = now + (int64_t)worker_setting(x->w, STATE_CONSOLE_IDLE);
	expires = end > expires ? end : expires;
	/* while an older node lives single sessions are not known to end */
	if (state_schema(x->ad.state) < STATE_CONSOLE_SCHEMA)
		e = api_session_end_generation(t, x);
	else
		e = state_session_end(t, x->ad.state, x->who.session,
		    expires + API_CLOCKS_S);
	if (e == NULL)
		admin_changed(t, &x->ad);
	return e;
}

static may_yield must_check struct err *
api_session_end_all(struct task *t, struct api *x)
{
	struct err *e = api_session_end_generation(t, x);

	if (e == NULL)
		api_who_forget(x);
	return e;
}

/* --- invitations --- */

/* It may have been made a moment ago, by shoalctl. */
static may_yield must_check struct err *
api_invite_find_new(struct task *t, struct api *x, struct str code,
    struct state_admin_invite *inv)
{
	struct err *e = admin_of_worker(t, x->w, x->ad.by, &x->ad);

	if (e == NULL)
		e = state_refresh(t, x->ad.state);
	/* while the share is away: what is here */
	err_ignore(e);
	return state_admin_invite_find(x->a, x->ad.state, code, task_wall_s(t),
	    inv);
}

/* Codes cannot be guessed; who tries is slowed down nevertheless. */
static may_yield must_check struct err *
api_invite_find(struct task *t, struct api *x, struct str code,
    struct state_admin_invite *inv)
{
	struct err *e = state_admin_invite_find(x->a, x->ad.state, code,
	    task_wall_s(t), inv);

	if (err_is(e, ERR_NOTFOUND) && code.n == STATE_ADMIN_CODE_CHARS)
		e = api_invite_find_new(t, x, code, inv);
	if (!err_is(e, ERR_NOTFOUND))
		return e;
	if (err_is(auth_token_failed(t, x->w->auth, code, conn_peer(x->c)),
		ERR_LIMIT))
		return api_refuse(x, 429, "throttled", "too many wrong codes");
	return e;
}

static may_yield must_check struct err *
api_invite_check(struct task *t, struct api *x)
{
	struct state_admin_invite inv;
	struct str code;
	struct err *e;

	(void)json_get_str(x->in, "code", &code);
	e = api_invite_find(t, x, code, &inv);
	if (e != NULL)
		return e;
	json_set_str(x->out, "role", inv.role);
	api_set_opt(x->out, "domain", inv.domain);
	api_set_opt(x->out, "login", inv.login);
	api_set_time(x->out, "expires", inv.expires);
	return NULL;
}

struct err *
api_admin_password(struct task *t, struct api *x, const char *field,
    struct str clear, struct password *p, struct password_salt *salt)
{
	uint64_t least = worker_setting(x->w, STATE_PASSWORD_LENGTH);
	struct err *e;

	if (clear.n < least)
		return api_bad_field(x, field,
		    arena_printf(x->a,
			"the password is too short: at least %llu characters",
			(unsigned long long)least));
	password_salt_make(sched_rnd(x->w->sched),
	    (uint32_t)worker_setting(x->w, STATE_PASSWORD_ITERATIONS), salt);
	e = password_make(t, x->w->offload, clear,
	    (unsigned)worker_setting(x->w, STATE_PASSWORD_COST), salt, p);
	return err_is(e, ERR_INVALID) ? api_bad_field(x, field, e->text) : e;
}

static may_yield must_check struct err *
api_invite_accept(struct task *t, struct api *x)
{
	struct state_admin ad = { .name = STR("") };
	struct state_admin_invite inv;
	struct str code, clear, login;
	char peer[NET_TEXT_MAX];
	struct err *e;

	(void)json_get_str(x->in, "code", &code);
	(void)json_get_str(x->in, "login", &ad.login);
	(void)json_get_str(x->in, "name", &ad.name);
	(void)json_get_str(x->in, "password", &clear);
	e = api_invite_find(t, x, code, &inv);
	if (e == NULL && (str_chr(ad.login, '@') >= 0 ||
			     state_word_parse(x->a, ad.login, &login) != NULL))
		return api_bad_field(x, "login",
		    "a name is one word of letters, digits, \"-\", \".\", "
		    "\"_\"");
	if (e == NULL && inv.login.n > 0 && !str_eq(inv.login, login))
		return api_bad_field(x, "login",
		    "the invitation is for another name");
	if (e == NULL)
		e = api_admin_password(t, x, "password", clear, &ad.password,
		    &ad.salt);
	if (e == NULL)
		e = state_admin_accept(t, x->ad.state, code, &ad);
	if (e == NULL)
		e = api_who_begin(x, true, login);
	if (e != NULL)
		return e;
	log_info(t, "login", LOG_C("protocol", "console"),
	    LOG_C("peer", net_addr_text(conn_peer(x->c), peer)),
	    LOG_STR("login", login), LOG_C("by", "invitation"));
	return api_session_put(x);
}

const struct api_route api_session_routes[] = {
	{ .method = "POST",
	    .path = "/session",
	    .id = "createSession",
	    .help = "Sign in: the answer sets the cookie.",
	    .area = AREA_OPEN,
	    .flags = API_CREATES | API_LOOKS,
	    .body = &api_sign_in_schema,
	    .answer = &api_session_schema,
	    .run = api_session_create },
	{ .method = "GET",
	    .path = "/session",
	    .id = "getSession",
	    .help = "Who one is, and what one may.",
	    .area = AREA_ME,
	    .answer = &api_session_schema,
	    .run = api_session_get },
	{ .method = "DELETE",
	    .path = "/session",
	    .id = "deleteSession",
	    .help = "Sign out: the session ends on all nodes.",
	    .area = AREA_ME,
	    /* its writer is opened after the cookie was taken back */
	    .flags = API_EMPTY | API_LOOKS,
	    .run = api_session_end },
	{ .method = "POST",
	    .path = "/session/end-all",
	    .id = "endAllSessions",
	    .help = "Sign out everywhere: all sessions of the person end.",
	    .area = AREA_ME,
	    .writes = true,
	    .flags = API_EMPTY,
	    .run = api_session_end_all },
	{ .method = "POST",
	    .path = "/invites/check",
	    .id = "checkInvite",
	    .help = "What an invitation is for.",
	    .area = AREA_OPEN,
	    .flags = API_LOOKS,
	    .body = &api_invite_check_schema,
	    .answer = &api_invite_said_schema,
	    .run = api_invite_check },
	{ .method = "POST",
	    .path = "/invites/accept",
	    .id = "acceptInvite",
	    .help = "Become an administrator, and be signed in.",
	    .area = AREA_OPEN,
	    .writes = true,
	    .flags = API_CREATES,
	    .body = &api_invite_accept_schema,
	    .answer = &api_session_schema,
	    .run = api_invite_accept },
	{ .method = NULL },
};
