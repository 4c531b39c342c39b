/* api_who.c - who asks, and whether it is he */
#include "server/api/api_private.h"

#include "server/auth/auth_console.h"
#include "server/cluster/hints.h"
#include "server/net/counts.h"
#include "storage/state_address.h"
#include "storage/state_admin.h"

/* Cookies are made anew when so much of their idle time has gone, or this part
 * of it. */
#define API_RENEW_S 300
#define API_RENEW_PART 4
#define API_COOKIE_FLAGS "; Path=/; Secure; HttpOnly; SameSite=Strict"

/* --- what is shown --- */

struct str
api_cookie(struct str field, const char *name)
{
	struct str rest = field, pair;

	while (str_split(&rest, ';', &pair)) {
		ptrdiff_t eq = str_chr(pair, '=');

		if (eq >= 0 &&
		    str_eq_c(str_trim(str_sub(pair, 0, (size_t)eq)), name))
			return str_trim(str_sub(pair, (size_t)eq + 1, pair.n));
	}
	return STR_NONE;
}

/* credentials = auth-scheme 1*SP token68	RFC 9110, 11.4; RFC 6750, 2.1 */
struct str
api_bearer(struct str field)
{
	struct str scheme, rest = field;

	if (!str_split(&rest, ' ', &scheme) || !str_case_eq_c(scheme, "bearer"))
		return STR_NONE;
	return str_trim(rest);
}

static enum api_shown
api_shown(struct api *x, int64_t now_s)
{
	struct str auth = http_header(x->rq, "authorization");
	struct str cookie;

	if (auth.p != NULL) {
		x->own->token = api_bearer(auth);
		return x->own->token.n > 0 ? API_SHOWN_TOKEN : API_SHOWN_BAD;
	}
	cookie = api_cookie(http_header(x->rq, "cookie"), SESSION_COOKIE);
	if (cookie.n == 0)
		return API_SHOWN_NOTHING;
	return session_parse(x->a, state_key(x->w->state), cookie, now_s,
		   &x->own->session) == NULL
		   ? API_SHOWN_COOKIE
		   : API_SHOWN_BAD;
}

struct err *
api_who_look(struct api *x)
{
	int64_t now_s = sched_wall_s(x->w->sched);
	uint64_t client = net_addr_client_key(conn_peer(x->c));
	struct principal p;

	x->own->shown = api_shown(x, now_s);
	if (x->own->shown == API_SHOWN_COOKIE ||
	    (x->own->shown == API_SHOWN_TOKEN &&
		auth_who_token(x->a, x->w->state, x->own->token, now_s, &p) ==
		    NULL) ||
	    auth_is_exempt(x->w->auth, conn_peer(x->c)))
		return NULL;
	if (counts_rate_add(x->w->counts,
		counts_key("api.stranger", &client, sizeof(client)),
		sched_now_ms(x->w->sched) / 1000) <= API_STRANGERS_MAX)
		return NULL;
	return api_refuse(x, 429, "throttled",
	    "too many requests without signing in");
}

/* --- the replica --- */

/* Looking costs the share something: the longer it takes, the less often. */
static may_yield void
api_who_look_again(struct task *t, struct api *x, unsigned *ms)
{
	worker_state_hint(x->w, state_seq(x->w->state) + 1);
	task_sleep_ms(t, *ms);
	*ms = *ms * 2 < API_ENTRY_POLL_MAX_MS ? *ms * 2 : API_ENTRY_POLL_MAX_MS;
}

/*
 * What the client has seen of another node: worker 0 looks for it, too.  Never
 * an error: who waited long enough is answered with what is here.  Strangers
 * have seen nothing, and make no node look.
 */
static may_yield void
api_who_wait(struct task *t, struct api *x)
{
	uint64_t until = task_now_ms(t) + API_ENTRY_WAIT_MS, entry;
	struct str said = http_header(x->rq, "shoal-entry");
	unsigned ms = API_ENTRY_POLL_MS;

	if ((x->own->shown != API_SHOWN_COOKIE &&
		x->own->shown != API_SHOWN_TOKEN) ||
	    said.n == 0 || !str_u64(said, &entry) ||
	    entry <= state_seq(x->w->state))
		return;
	hints_state(x->w->hints, state_seq(x->w->state) + 1);
	while (entry > state_seq(x->w->state) && task_now_ms(t) < until)
		api_who_look_again(t, x, &ms);
}

/* --- who that is --- */

static struct err *
api_who_unknown(struct api *x, const char *sentence)
{
	return api_refuse(x, 401, "unauthenticated", sentence);
}

static struct err *
api_who_error(struct api *x, struct err *e)
{
	return err_is(e, ERR_DENIED) ? api_who_unknown(x, "sign in") : e;
}

static void
api_who_cookie(struct api *x, const struct session *s)
{
	x->own->session = *s;
	x->own->expires = s->expires;
	x->own->cookie = str_c(
	    arena_printf(x->a, SESSION_COOKIE "=" STR_FMT API_COOKIE_FLAGS,
		STR_ARG(session_format(x->a, state_key(x->w->state), s))));
}

void
api_who_forget(struct api *x)
{
	x->own->cookie = STR(SESSION_COOKIE "=" API_COOKIE_FLAGS "; Max-Age=0");
}

static int64_t
api_who_expires(const struct api *x, const struct session *s)
{
	int64_t idle = sched_wall_s(x->w->sched) +
		       (int64_t)worker_setting(x->w, STATE_CONSOLE_IDLE);
	int64_t end =
	    s->issued + (int64_t)worker_setting(x->w, STATE_CONSOLE_TIME);

	return idle < end ? idle : end;
}

/* A page that asks by itself, with nobody before it, keeps no session alive. */
static bool
api_who_is_use(const struct api *x, const struct session *s)
{
	int64_t part =
	    (int64_t)worker_setting(x->w, STATE_CONSOLE_IDLE) / API_RENEW_PART;

	if (part > API_RENEW_S)
		part = API_RENEW_S;
	return api_who_expires(x, s) >= s->expires + part &&
	       http_header(x->rq, "shoal-unattended").p == NULL;
}

static may_yield must_check struct err *
api_who_session(struct task *t, struct api *x)
{
	struct session s = x->own->session;
	unsigned ms = API_ENTRY_POLL_MS;
	bool behind;
	struct err *e;

	for (uint64_t until = task_now_ms(t) + API_ENTRY_WAIT_MS;;) {
		e = auth_who_session(x->a, x->w->state, &s, &x->who, &behind);
		if (!behind || task_now_ms(t) >= until)
			break;
		api_who_look_again(t, x, &ms);
	}
	if (e != NULL)
		return api_who_error(x, e);
	x->own->expires = s.expires;
	if (!api_who_is_use(x, &s))
		return NULL;
	s.expires = api_who_expires(x, &s);
	api_who_cookie(x, &s);
	return NULL;
}

static may_yield must_check struct err *
api_who_token(struct task *t, struct api *x)
{
	struct err *e = auth_who_token(x->a, x->w->state, x->own->token,
	    task_wall_s(t), &x->who);

	if (!err_is(e, ERR_DENIED))
		return e;
	x->who = (struct principal){ .role = ROLE_NOBODY };
	e = auth_token_failed(t, x->w->auth, x->own->token, conn_peer(x->c));
	if (err_is(e, ERR_LIMIT))
		return api_refuse(x, 429, "throttled", e->text);
	return api_who_unknown(x, e->text);
}

struct err *
api_who(struct task *t, struct api *x)
{
	struct err *e = NULL;

	api_who_wait(t, x);
	switch (x->own->shown) {
	case API_SHOWN_COOKIE:
		e = api_who_session(t, x);
		break;
	case API_SHOWN_TOKEN:
		return api_who_token(t, x);
	case API_SHOWN_NOTHING:
		break;
	case API_SHOWN_BAD:
		e = api_who_unknown(x, "sign in");
		break;
	}
	if (e != NULL)
		x->who = (struct principal){ .role = ROLE_NOBODY };
	if (x->route->area == AREA_OPEN) {
		/* an old cookie does not keep anybody from signing in */
		x->own->status = 0;
		return NULL;
	}
	if (e == NULL && x->who.role == ROLE_NOBODY)
		e = api_who_unknown(x, "sign in");
	return e;
}

struct err *
api_who_begin(struct api *x, bool admin, struct str login)
{
	struct session s = { .admin = admin,
		.issued = sched_wall_s(x->w->sched) };
	unsigned char id[SESSION_ID_CHARS / 2];
	struct buf hex;
	struct err *e;

	e = auth_who(x->a, x->ad.state, admin, login, &x->who);
	if (e != NULL)
		return api_who_error(x, e);
	rnd_system.fill(rnd_system.arg, id, sizeof(id));
	buf_init(&hex, x->a, sizeof(s.id));
	buf_hex(&hex, id, sizeof(id));
	memcpy(s.id, hex.p, SESSION_ID_CHARS);
	s.login = x->who.login;
	s.generation = x->who.generation;
	s.expires = api_who_expires(x, &s);
	x->who.session = arena_str(x->a, str_c(s.id));
	api_who_cookie(x, &s);
	return NULL;
}

/* --- whether he sent it --- */

bool
api_origin_is(struct str origin, struct str authority)
{
	struct str scheme = STR("https://"), port = STR(":443");

	if (!str_starts(origin, scheme) || authority.n == 0)
		return false;
	origin = str_sub(origin, scheme.n, origin.n);
	if (str_ends(origin, port))
		origin.n -= port.n;
	if (str_ends(authority, port))
		authority.n -= port.n;
	return str_case_eq(origin, authority);
}

static bool
api_who_is_looking(const struct api *x)
{
	return str_eq_c(x->rq->method, "GET") ||
	       str_eq_c(x->rq->method, "HEAD");
}

struct err *
api_who_forged(struct api *x)
{
	struct str origin = http_header(x->rq, "origin");
	struct str site = http_header(x->rq, "sec-fetch-site");

	/* a token is nothing that a browser sends by itself */
	if (api_who_is_looking(x) || x->own->shown == API_SHOWN_TOKEN)
		return NULL;
	if ((origin.p != NULL && !api_origin_is(origin, x->rq->authority)) ||
	    (site.p != NULL && !str_eq_c(site, "same-origin") &&
		!str_eq_c(site, "none")))
		return api_refuse(x, 403, "csrf",
		    "it comes from a page of another site");
	if (x->route->area == AREA_OPEN ||
	    session_csrf_is(state_key(x->w->state), x->own->session.id,
		http_header(x->rq, "x-csrf-token")))
		return NULL;
	return api_refuse(x, 403, "csrf",
	    "X-CSRF-Token is not that of the session");
}

/* --- what he may --- */

struct err *
api_who_may(struct api *x)
{
	if (principal_may(&x->who, x->route->area, x->route->writes))
		return NULL;
	return api_refuse(x, 403, "forbidden",
	    x->who.token.n > 0 ? "neither this role nor this token may do that"
			       : "this role may not do that");
}

struct err *
api_who_rate(struct api *x, const char *what, unsigned max,
    const char *sentence)
{
	uint64_t key =
	    counts_key(what, x->who.login.p, (uint32_t)x->who.login.n);

	if (counts_rate_add(x->w->counts, key,
		sched_now_ms(x->w->sched) / 1000) <= max)
		return NULL;
	return api_refuse(x, 429, "throttled", sentence);
}

struct err *
api_who_often(struct api *x)
{
	if (x->who.role != ROLE_USER || api_who_is_looking(x))
		return NULL;
	return api_who_rate(x, "api.changes", API_USER_CHANGES_MAX,
	    "too many changes at once");
}

static struct err *
api_who_nothing(struct api *x)
{
	return err_new(x->a, ERR_NOTFOUND, "there is no such thing", NULL);
}

struct err *
api_may_domain(const struct api *x, struct str domain)
{
	return x->who.domain.n == 0 || str_eq(x->who.domain, domain)
		   ? NULL
		   : api_who_nothing((struct api *)(uintptr_t)x);
}

struct err *
api_may_address(const struct api *x, struct str address)
{
	struct state_address ad;

	if (x->who.domain.n == 0)
		return NULL;
	if (state_address_parse_any(x->a, address, &ad) != NULL)
		return api_who_nothing((struct api *)(uintptr_t)x);
	return api_may_domain(x, ad.domain);
}

struct err *
api_domain(const struct api *x, const char *param, struct str *domain_r)
{
	struct str said = param == NULL ? STR_NONE : api_query_str(x, param);
	struct err *e;

	*domain_r = x->who.domain;
	if (said.n == 0)
		return NULL;
	e = state_domain_parse(x->a, said, domain_r);
	return e != NULL ? e : api_may_domain(x, *domain_r);
}

/* Of an administrator's row that has no more power than who asks; a token of
 * a domain's administrator has less than any. */
static bool
api_who_is_above(const struct api *x, const struct state_admin *ad)
{
	if (x->who.role == ROLE_SYSTEM)
		return principal_may(&x->who, AREA_ADMINS, true);
	return x->who.role == ROLE_DOMAIN && x->who.token.n == 0 &&
	       ad->domain.n > 0 &&
	       str_eq(ad->domain, x->who.domain) &&
	       role_of_name(ad->role) <= ROLE_DOMAIN;
}

struct err *
api_may_manage(struct api *x, struct str address)
{
	struct state_admin ad;
	struct err *e = state_admin_find(x->a, x->ad.state, address, &ad);

	if (e != NULL)
		return err_is(e, ERR_NOTFOUND) || err_is(e, ERR_INVALID) ? NULL
									 : e;
	if (api_who_is_above(x, &ad))
		return NULL;
	return api_refuse(x, 403, "forbidden",
	    "that account is an administrator's");
}

/* By address, or by the id of an account, removed or not. */
static struct err *
api_who_account(struct api *x, struct str name)
{
	struct state_account ac;
	struct err *e;

	if (str_chr(name, '@') < 0) {
		e = state_account_get(x->a, x->w->state, name, &ac);
		if (err_is(e, ERR_INVALID))
			return api_who_nothing(x);
		if (e != NULL)
			return e;
		name = ac.address;
	}
	e = api_may_address(x, name);
	return e != NULL || !x->route->writes ? e : api_may_manage(x, name);
}

struct err *
api_who_object(struct api *x)
{
	struct str name;

	switch (x->route->scope) {
	case API_OF_DOMAIN:
		return state_domain_parse(x->a, x->params[0], &name) != NULL
			   ? api_who_nothing(x)
			   : api_may_domain(x, name);
	case API_OF_ADDRESS:
		return api_who_account(x, x->params[0]);
	case API_WHOLE:
		return x->who.domain.n == 0
			   ? NULL
			   : api_refuse(x, 403, "forbidden",
				 "only for administrators of the whole");
	default:
		return NULL;
	}
}

/* --- his own password --- */

struct err *
api_own_password(struct task *t, struct api *x, const char *field,
    struct str password)
{
	struct auth_console c = { .login = x->who.login,
		.password = password,
		.peer = conn_peer(x->c),
		.again = true };
	struct err *e;

	/* what follows ends in a session: a token does not become one */
	if (x->who.session.n == 0)
		return api_refuse(x, 403, "forbidden",
		    "not with a token: sign in");
	e = auth_console(t, x->w->auth, &c);
	if (err_is(e, ERR_LIMIT))
		return api_refuse(x, 429, "throttled", e->text);
	if (!err_is(e, ERR_DENIED))
		return e;
	e = api_bad_field(x, field, "the password is wrong");
	x->own->status = 403;
	x->own->code = "denied";
	return e;
}

struct err *
api_session_again(struct api *x)
{
	return api_who_begin(x, x->own->session.admin, x->who.login);
}
