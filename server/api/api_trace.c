/* api_trace.c - what happened to a message, over all nodes */
#include <stdio.h>

#include "server/admin/admin_queue.h"
#include "server/api/api_private.h"
#include "server/trace/trace.h"
#include "server/trace/trace_read.h"

/*
 * A search reads the files of all nodes of some days: only so many at once in a
 * worker, for so long, and so much of an answer.
 */
#define API_TRACE_AT_ONCE 2
#define API_TRACE_MS 20000
#define API_TRACE_BYTES (4U << 20)
#define API_TRACE_SINCE_S 86400
#define API_TRACE_AHEAD_S 3600	    /* clocks of other nodes may be */
#define API_TRACE_TURN (128U << 10) /* bytes of lines taken apart at once */

static const struct api_query api_trace_query[] = {
	{ "q", API_STR,
	    "An address, @DOMAIN, a Message-ID, an IP address, or the id of a "
	    "transaction or of a message in the queue.",
	    NULL },
	{ "since", API_TIME, "One day ago, if not given.", NULL },
	{ "until", API_TIME, "Now, if not given.", NULL },
	{ .name = NULL },
};

static const struct api_field api_trace_group_fields[] = {
	{ "events", API_ANY, API_REQUIRED,
	    "In the order of time; as the node wrote each, with its time in "
	    "\"at\", and the dialogue in \"log\".",
	    NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_trace_group_schema = { "TraceGroup",
	api_trace_group_fields };
static const struct api_field api_trace_fields[] = {
	{ "groups", API_OBJS, API_REQUIRED,
	    "Transactions, each with what became of its messages.",
	    &api_trace_group_schema, NULL, 0 },
	{ "more", API_BOOL, API_REQUIRED,
	    "There is more than could be found in time or told: ask for less.",
	    NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_trace_schema = { "Trace", api_trace_fields };

/* --- whose it is --- */

/*
 * Who looks after a domain sees the events that name it, and of what came from
 * elsewhere its own recipients only: whom else it was for, in secret perhaps,
 * is none of his business, and neither is where that went.
 */
static bool
api_trace_names(const struct json *event, const char *key, struct str domain)
{
	const struct json *v = json_get(event, key);
	struct str s;

	if (v == NULL)
		return false;
	if (json_str(v, &s))
		return admin_queue_is_at(s, domain);
	for (size_t n = 0; n < json_count(v); n++)
		if (json_str(json_at(v, n), &s) && admin_queue_is_at(s, domain))
			return true;
	return false;
}

static bool
api_trace_is_from(const struct json *event, struct str domain)
{
	return api_trace_names(event, "from", domain) ||
	       api_trace_names(event, "user", domain);
}

/* Others' recipients, the answers to them, and the dialogue with both. */
static void
api_trace_narrow(struct arena *a, struct json *event, struct str domain)
{
	const struct json *rcpts = json_get(event, "rcpt"), *codes;
	size_t all = rcpts != NULL ? json_count(rcpts) : 0;
	struct str *his = arena_array(a, 2 * all + 1, sizeof(*his));
	unsigned n = 0, codes_n = 0;
	struct str s, code;

	codes = json_get(event, "codes");
	for (size_t i = 0; i < all; i++) {
		if (!json_str(json_at(rcpts, i), &s) ||
		    !admin_queue_is_at(s, domain))
			continue;
		his[n++] = arena_str(a, s);
		if (codes != NULL && json_str(json_at(codes, i), &code))
			his[all + codes_n++] = arena_str(a, code);
	}
	if (n == all)
		return;
	api_set_strs(event, "rcpt", his, n);
	if (codes != NULL)
		api_set_strs(event, "codes", his + all, codes_n);
	if (json_get(event, "log") != NULL)
		(void)json_set_arr(event, "log");
}

/* Whether he sees it, as far as he does. */
static bool
api_trace_is_for(struct arena *a, struct json *event, struct str domain)
{
	if (domain.n == 0 || api_trace_is_from(event, domain))
		return true;
	if (!api_trace_names(event, "rcpt", domain))
		return false;
	api_trace_narrow(a, event, domain);
	return true;
}

/* --- the answer --- */

/* "2026-11-30T10:00:00.123Z" */
static void
api_trace_at(struct json *event, int64_t ms)
{
	char at[32], text[48];

	if (ms < 0)
		ms = 0;
	api_time_format(ms / 1000, at);
	(void)snprintf(text, sizeof(text), "%.19s.%03dZ", at, (int)(ms % 1000));
	json_set_c(event, "at", text);
}

struct api_trace {
	struct api *x;
	struct trace_found f;
	struct json *groups;
	struct json *events; /* of the group that is being made, not yet put */
	bool is_his;
	size_t taken; /* bytes of lines, since others had their turn */
};

static void
api_trace_event(struct api_trace *k, const struct trace_hit *h)
{
	struct str domain = k->x->who.domain;
	struct arena_mark mark = arena_mark(k->x->a);
	struct json *j = NULL;

	if (json_parse(k->x->a, h->line, TRACE_EVENT_MAX, &j) == NULL) {
		if (api_trace_is_for(k->x->a, j, domain)) {
			k->is_his = true;
			api_trace_at(j, h->t);
			json_add_json(k->events, &j);
		}
		json_free(&j);
	}
	arena_rewind(k->x->a, mark);
	k->taken += h->line.n;
}

/* Of a domain's administrator only those that concern it. */
static void
api_trace_group_end(struct api_trace *k)
{
	if (k->is_his)
		json_set_json(json_add_obj(k->groups), "events", &k->events);
	else
		json_free(&k->events);
	k->is_his = false;
}

static may_yield void
api_trace_put(struct task *t, struct api_trace *k)
{
	const struct trace_found *f = &k->f;

	k->groups = json_set_arr(k->x->out, "groups");
	for (unsigned i = 0; i < f->n; i++) {
		if (k->events == NULL)
			k->events = json_arr_new();
		api_trace_event(k, &f->list[i]);
		if (i + 1 == f->n || f->list[i + 1].group != f->list[i].group)
			api_trace_group_end(k);
		if (k->taken > API_TRACE_TURN) {
			k->taken = 0;
			task_yield(t);
		}
	}
	json_set_bool(k->x->out, "more", f->more);
}

static may_yield must_check struct err *
api_trace_get(struct task *t, struct api *x)
{
	int64_t now_s = task_wall_s(t);
	struct api_trace k = { .x = x };
	struct trace_query q = { .text = str_trim(api_query_str(x, "q")),
		.stop_ms = task_now_ms(t) + API_TRACE_MS,
		.max_bytes = API_TRACE_BYTES };
	struct err *e;

	if (q.text.n == 0)
		return api_refuse(x, 422, "bad_field",
		    "parameter q: say what is looked for");
	if (x->ad.store == NULL)
		return err_new(x->a, ERR_UNAVAIL, "the share does not answer",
		    NULL);
	q.since_ms =
	    1000 * api_query_time(x, "since", now_s - API_TRACE_SINCE_S);
	q.until_ms =
	    1000 * api_query_time(x, "until", now_s + API_TRACE_AHEAD_S);
	/* one place is for who sees all domains */
	if (x->w->tracing >=
	    (x->who.domain.n == 0 ? API_TRACE_AT_ONCE : API_TRACE_AT_ONCE - 1))
		return err_new(x->a, ERR_UNAVAIL,
		    "others are searching: try again in a moment", NULL);
	x->w->tracing++;
	e = trace_search(t, x->ad.store, &q, &k.f);
	x->w->tracing--;
	if (e == NULL)
		api_trace_put(t, &k);
	return e;
}

const struct api_route api_trace_routes[] = {
	{ .method = "GET",
	    .path = "/trace",
	    .id = "getTrace",
	    .help = "What happened to a message, on any node; an administrator "
		    "of a domain sees what concerns it.",
	    .area = AREA_TRACE,
	    .answer = &api_trace_schema,
	    .query = api_trace_query,
	    .run = api_trace_get },
	{ .method = NULL },
};
