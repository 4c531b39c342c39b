/* api.c - the REST API: one request, from the path to the answer */
#include "server/api/api.h"

#include "server/api/api_private.h"

/* --- the answer --- */

/* Nothing of the API is a page: whatever a browser takes it for, it shows and
 * runs nothing. */
static void
api_headers(struct http_response *rs)
{
	http_add(rs, "Content-Security-Policy",
	    "default-src 'none'; frame-ancestors 'none'");
	http_add(rs, "Referrer-Policy", "no-referrer");
	http_add(rs, "X-Frame-Options", "DENY");
	http_add(rs, "Cross-Origin-Resource-Policy", "same-origin");
}

static unsigned
api_status(const struct api *x)
{
	unsigned flags = x->route->flags;

	return flags & API_EMPTY      ? 204
	       : flags & API_CREATES  ? 201
	       : flags & API_ACCEPTED ? 202
				      : 200;
}

static void
api_reply(struct api *x)
{
	struct api_own *own = x->own;
	unsigned status = api_status(x);

	if (own->location.p != NULL && (x->route->flags & API_CREATES))
		http_add(x->rs, "Location", arena_cstr(x->a, own->location));
	api_match_answer(x);
	if (x->route->flags & API_LIST) {
		if (x->next.p == NULL)
			json_set_null(x->out, "next");
		else
			json_set_str(x->out, "next",
			    api_cursor_format(x->a, x->route->id, x->next));
	}
	if (x->route->flags & API_EMPTY)
		x->rs->status = status;
	else if (own->type != NULL)
		http_reply(x->rs, status, own->type, own->text);
	else
		http_reply(x->rs, status, "application/json",
		    json_print(x->a, x->out, JSON_LINE));
}

/* --- the request --- */

static struct err *
api_no_route(struct api *x, bool path, const char *allow)
{
	if (!path || allow[0] == '\0')
		return api_refuse(x, 404, "not_found",
		    "there is no such resource");
	http_add(x->rs, "Allow", allow);
	return api_refuse(x, 405, "method",
	    "that method is not for this resource");
}

static struct err *
api_route_find(struct api *x)
{
	char allow[API_METHODS_TEXT] = "";
	struct api_path path;
	bool is_path = api_path_parse(x->a, x->rq->target, &path);

	if (is_path)
		x->route = api_find(api_routes, x->rq->method, &path, x->params,
		    allow);
	return x->route == NULL ? api_no_route(x, is_path, allow) : NULL;
}

/* What belongs to the route, with the state as it is now. */
static may_yield must_check struct err *
api_run(struct task *t, struct api *x)
{
	uint64_t before = state_seq(x->ad.state);
	struct state_expect expect;
	struct err *e;
	bool use;

	x->own->match = http_header(x->rq, "if-match");
	if (x->route->flags & API_LIST)
		x->items = json_set_arr(x->out, "items");
	e = api_match_check(x, &expect, &use);
	if (e != NULL)
		return e;
	if (use)
		state_expect_begin(t, x->ad.state, &expect);
	e = x->route->run(t, x);
	if (use)
		state_expect_end(x->ad.state, &expect);
	/* of several changes some may have been made */
	if (x->route->writes && (e == NULL || state_seq(x->ad.state) != before))
		admin_changed(t, &x->ad);
	if (e != NULL && use && expect.unmet)
		return api_refuse(x, 412, "precondition_failed",
		    "it was changed by somebody else meanwhile");
	return e;
}

static may_yield must_check struct err *
api_do(struct task *t, struct api *x)
{
	const char *by;
	struct err *e;

	e = api_who_look(x);
	if (e == NULL)
		e = api_route_find(x);
	if (e == NULL)
		e = api_who(t, x);
	if (e == NULL)
		e = api_who_forged(x);
	if (e == NULL)
		e = api_who_may(x);
	if (e == NULL)
		e = api_who_often(x);
	if (e != NULL)
		return e;
	by = x->who.by != NULL ? x->who.by : "console";
	admin_reader(x->w, by, &x->ad);
	e = api_who_object(x);
	if (e == NULL)
		e = api_query_parse(x, x->rq->query);
	if (e == NULL)
		e = api_body_read(x);
	if (e == NULL && x->route->writes)
		e = admin_of_worker(t, x->w, by, &x->ad);
	return e != NULL ? e : api_run(t, x);
}

/* Which methods there are; no other site gets to know (no CORS). */
static bool
api_options(struct api *x)
{
	if (!str_eq_c(x->rq->method, "OPTIONS"))
		return false;
	x->rs->status = 204;
	http_add(x->rs, "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE");
	return true;
}

static may_yield void
api_answer(struct task *t, struct api *x)
{
	struct err *e;

	if (api_options(x))
		return;
	if (x->w->state == NULL || x->w->auth == NULL)
		e = err_new(x->a, ERR_UNAVAIL, "the node is starting", NULL);
	else
		e = api_do(t, x);
	if (e == NULL)
		api_reply(x);
	else
		api_problem(t, x, e);
	if (x->own->cookie.p != NULL)
		http_add(x->rs, "Set-Cookie", arena_cstr(x->a, x->own->cookie));
	if (x->w->state != NULL)
		http_add(x->rs, "Shoal-Entry",
		    arena_printf(x->a, "%llu",
			(unsigned long long)state_seq(
			    x->ad.state != NULL ? x->ad.state : x->w->state)));
}

void
api_handle(struct task *t, struct conn *c, const struct http_request *rq,
    struct http_response *rs)
{
	struct arena *a = task_arena(t);
	uint64_t deadline = task_deadline(t);
	struct json *in;
	struct api x = { .w = conn_worker(c),
		.c = c,
		.a = a,
		.rq = rq,
		.rs = rs,
		.out = json_obj_new(),
		.own = arena_new_obj(a, struct api_own) };

	task_set_deadline(t, task_now_ms(t) + API_DEADLINE_MS);
	api_headers(rs);
	api_answer(t, &x);
	task_set_deadline(t, deadline);
	in = (struct json *)(uintptr_t)x.in;
	json_free(&in);
	json_free(&x.out);
}

/* --- before and around it --- */

bool
api_is_path(struct str path)
{
	return str_eq_c(path, API_PREFIX) ||
	       str_starts(path, STR(API_PREFIX "/"));
}

void
api_refused(struct http_response *rs, unsigned status)
{
	api_headers(rs);
	api_problem_reply(rs->arena, rs, status,
	    status == 413   ? "too_large"
	    : status == 421 ? "misdirected"
			    : "bad_request",
	    NULL, NULL);
}
