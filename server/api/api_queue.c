/* api_queue.c - the queue of the cluster */
#include "server/api/api_private.h"

#include "base/log.h"
#include "base/utf8.h"
#include "server/admin/admin_queue.h"
#include "server/trace/trace.h"

#define API_QUEUE_HEADER (256U << 10)
#define API_QUEUE_BODY (64U << 10)
#define API_QUEUE_ORDERS 1000
#define API_QUEUE_AT_ONCE 8
#define API_QUEUE_TAG 21
#define API_QUEUE_TO 20 /* recipients that a row of the list names */

/* --- what there is to say --- */

static const char *const api_queue_states[] = { "waiting", "held", NULL };
static const char *const api_queue_rcpt_states[] = { "waiting", "delivered",
	"failed", "removed", NULL };
static const char *const api_queue_orders[] = { "hold", "release", "retry",
	"remove", NULL };

static const struct api_field api_rcpt_fields[] = {
	{ "address", API_STR, API_REQUIRED, NULL, NULL, NULL, 0 },
	{ "state", API_WORD, API_REQUIRED, NULL, NULL, api_queue_rcpt_states,
	    0 },
	{ "tries", API_U64, API_REQUIRED, NULL, NULL, NULL, 0 },
	{ "tried", API_TIME, API_REQUIRED | API_NULL, "The last time.", NULL,
	    NULL, 0 },
	{ "next", API_TIME, API_REQUIRED | API_NULL,
	    "The next time; null: at once, or never again.", NULL, NULL, 0 },
	{ "code", API_U64, API_REQUIRED | API_NULL,
	    "Of the last answer; null: no host answered.", NULL, NULL, 0 },
	{ "answer", API_STR, API_REQUIRED | API_NULL,
	    "The last answer, with the host's name.", NULL, NULL, 0 },
	{ "node", API_STR, API_REQUIRED | API_NULL,
	    "Name of the node that tried last.", NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_rcpt_schema = { "QueueRecipient",
	api_rcpt_fields };

#define API_QUEUE_FIELDS                                                       \
	{ "id", API_STR, API_REQUIRED, NULL, NULL, NULL, 0 },                  \
	    { "state", API_WORD, API_REQUIRED, NULL, NULL, api_queue_states,   \
		    0 },                                                       \
	    { "arrived", API_TIME, API_REQUIRED, NULL, NULL, NULL, 0 },        \
	    { "bytes", API_U64, API_REQUIRED, NULL, NULL, NULL, 0 },           \
	    { "from", API_STR, API_REQUIRED,                                   \
		    "The sender; empty: a report (null reverse-path).", NULL,  \
		    NULL, 0 },                                                 \
	    { "to", API_STRS, API_REQUIRED,                                    \
		    "The recipients that wait, the first 20.", NULL, NULL,     \
		    API_QUEUE_TO },                                            \
	    { "waiting", API_U64, API_REQUIRED, "How many recipients wait.",   \
		    NULL, NULL, 0 },                                           \
	    { "tries", API_U64, API_REQUIRED, NULL, NULL, NULL, 0 },           \
	    { "next", API_TIME, API_REQUIRED | API_NULL,                       \
		    "When the first of them is tried next; null: at once.",    \
		    NULL, NULL, 0 },                                           \
	    { "node", API_STR, API_REQUIRED | API_NULL,                        \
		    "Name of the node that tried last.", NULL, NULL, 0 },      \
	    { "answer", API_STR, API_REQUIRED | API_NULL,                      \
		    "The answer to the last try.", NULL, NULL, 0 },            \
	{                                                                      \
		"code", API_U64, API_REQUIRED | API_NULL,                      \
		    "Its code; null: no host answered.", NULL, NULL, 0         \
	}

static const struct api_field api_queue_fields[] = {
	API_QUEUE_FIELDS,
	{ .name = NULL },
};
static const struct api_schema api_queue_schema = { "QueueMessage",
	api_queue_fields };

static const struct api_field api_queue_whole_fields[] = {
	API_QUEUE_FIELDS,
	{ "envid", API_STR, API_REQUIRED | API_NULL, "ENVID (RFC 3461).", NULL,
	    NULL, 0 },
	{ "account", API_STR, API_REQUIRED | API_NULL,
	    "Id of the account that submitted it.", NULL, NULL, 0 },
	{ "trace", API_STR, API_REQUIRED | API_NULL,
	    "Id of the transaction it came in by, for /trace.", NULL, NULL, 0 },
	{ "recipients", API_OBJS, API_REQUIRED, NULL, &api_rcpt_schema, NULL,
	    0 },
	{ .name = NULL },
};
static const struct api_schema api_queue_whole_schema = { "QueueMessageWhole",
	api_queue_whole_fields };

static void
api_queue_str(struct json *j, const char *key, struct str s)
{
	if (s.n == 0)
		json_set_null(j, key);
	else
		json_set_str(j, key, s);
}

static void
api_queue_code(struct json *j, unsigned code)
{
	if (code == 0)
		json_set_null(j, "code");
	else
		json_set_u64(j, "code", code);
}

static void
api_queue_put(struct api *x, struct json *j, const struct queue_message *m)
{
	struct admin_queue_sum s;

	admin_queue_sum(x->a, m, x->who.domain, &s);
	json_set_str(j, "id", m->id);
	json_set_c(j, "state", m->held ? "held" : "waiting");
	api_set_time(j, "arrived", m->arrived_s);
	json_set_u64(j, "bytes", m->bytes);
	json_set_str(j, "from", m->from);
	api_set_strs(j, "to", s.addresses,
	    s.waiting < API_QUEUE_TO ? s.waiting : API_QUEUE_TO);
	json_set_u64(j, "waiting", s.waiting);
	json_set_u64(j, "tries", s.tries);
	api_set_time(j, "next", s.next_s);
	api_queue_str(j, "node", s.last != NULL ? s.last->node : STR_NONE);
	api_queue_str(j, "answer", s.last != NULL ? s.last->answer : STR_NONE);
	api_queue_code(j, s.last != NULL ? s.last->code : 0);
}

static void
api_queue_put_rcpt(struct json *j, const struct queue_rcpt *r)
{
	json_set_str(j, "address", r->address);
	json_set_c(j, "state", admin_queue_rcpt_state(r->state));
	json_set_u64(j, "tries", r->tries);
	api_set_time(j, "tried", r->tried_s);
	api_set_time(j, "next", admin_queue_next_s(r));
	api_queue_code(j, r->code);
	api_queue_str(j, "answer", r->answer);
	api_queue_str(j, "node", r->node);
}

/* --- list --- */

static const struct api_query api_queue_query[] = {
	{ "domain", API_STR, "A recipient of this domain waits.", NULL },
	{ "from", API_STR,
	    "The sender; @DOMAIN: anybody there; <>: reports of ours.", NULL },
	{ "state", API_WORD, NULL, api_queue_states },
	{ "search", API_STR,
	    "In the id, the addresses, or the last answers of those who wait.",
	    NULL },
	{ .name = NULL },
};

/* "<arrived>.<id>" */
static void
api_queue_after(const struct api *x, struct admin_queue_filter *f)
{
	struct str rest = api_after(x), arrived;
	uint64_t s;

	f->has_after = rest.p != NULL && str_split(&rest, '.', &arrived) &&
		       str_u64(arrived, &s);
	if (!f->has_after)
		return;
	f->after_s = (int64_t)s;
	f->after_id = rest;
}

static may_yield must_check struct err *
api_queue_list(struct task *t, struct api *x)
{
	struct str state = api_query_str(x, "state");
	struct admin_queue_filter f = {
		.state = state.n == 0		   ? ADMIN_QUEUE_ANY
			 : str_eq_c(state, "held") ? ADMIN_QUEUE_HELD
						   : ADMIN_QUEUE_WAITING,
		.domain = api_query_str(x, "domain"),
		.from = api_query_str(x, "from"),
		.search = api_query_str(x, "search"),
		.within = x->who.domain,
	};
	const struct queue_message **list;
	struct admin_queue *q;
	unsigned n, all;
	struct err *e;

	api_queue_after(x, &f);
	e = admin_queue_open(t, &x->ad, &q);
	if (e == NULL)
		e = admin_queue_look(t, q);
	if (e != NULL)
		return e;
	n = admin_queue_pick(x->a, q, &f, api_limit(x), &list, &all);
	for (unsigned i = 0; i < n; i++)
		api_queue_put(x, json_add_obj(x->items), list[i]);
	if (n < all && n > 0)
		api_next(x, str_c(arena_printf(x->a, "%lld." STR_FMT,
				(long long)list[n - 1]->arrived_s,
				STR_ARG(list[n - 1]->id))));
	return NULL;
}

/* --- one --- */

/* If who asks may see it; a copy, in the task's arena. */
static may_yield must_check struct err *
api_queue_find(struct task *t, struct api *x, struct str id,
    struct admin_queue **q_r, const struct queue_message **m_r)
{
	struct admin_queue_filter his = { .within = x->who.domain };
	const struct queue_message *m;
	struct err *e = admin_queue_open(t, &x->ad, q_r);

	if (e == NULL)
		e = admin_queue_find(t, *q_r, id, false, &m);
	if (e != NULL)
		return e;
	if (!admin_queue_matches(m, &his))
		return err_newf(task_arena(t), ERR_NOTFOUND,
		    "there is no message " STR_FMT " in the queue",
		    STR_ARG(id));
	*m_r = queue_message_copy(task_arena(t), m);
	return NULL;
}

static struct str
api_queue_tag(struct api *x, const struct queue_message *m)
{
	return str_c(arena_printf(x->a, "%llu", (unsigned long long)m->seq));
}

static void
api_queue_whole(struct api *x, const struct queue_message *m)
{
	struct json *list;

	api_queue_put(x, x->out, m);
	api_queue_str(x->out, "envid", m->envid);
	api_queue_str(x->out, "account", m->account);
	api_queue_str(x->out, "trace", m->trace);
	list = json_set_arr(x->out, "recipients");
	for (unsigned i = 0; i < m->rcpt_n; i++)
		if (admin_queue_shows(m, &m->rcpts[i], x->who.domain))
			api_queue_put_rcpt(json_add_obj(list), &m->rcpts[i]);
	api_etag(x, api_queue_tag(x, m));
}

static may_yield must_check struct err *
api_queue_get(struct task *t, struct api *x)
{
	const struct queue_message *m;
	struct admin_queue *q;
	struct err *e = api_queue_find(t, x, x->params[0], &q, &m);

	if (e == NULL)
		api_queue_whole(x, m);
	return e;
}

/* Mail may be in any charset, or in none. */
static struct str
api_queue_readable(struct arena *a, struct str s, bool cut)
{
	struct buf b;

	buf_init(&b, a, 3 * s.n + 100);
	utf8_readable(&b, s);
	if (cut)
		buf_c(&b, "\r\n[there is more]\r\n");
	return buf_str(&b);
}

static may_yield must_check struct err *
api_queue_message(struct task *t, struct api *x)
{
	const struct queue_message *m;
	struct admin_queue *q;
	struct str text;
	bool cut;
	struct err *e = api_queue_find(t, x, x->params[0], &q, &m);

	if (e == NULL)
		e = admin_queue_text(t, q, m, API_QUEUE_HEADER, API_QUEUE_BODY,
		    &text, &cut);
	if (e == NULL)
		api_plain(x, api_queue_readable(x->a, text, cut));
	return e;
}

/* --- orders --- */

/* In the log, and beside what else became of the message. */
static void
api_queue_tell(struct task *t, struct api *x, const struct queue_message *m,
    enum queue_order o)
{
	struct admin_queue_sum s;
	struct trace_event ev;

	log_info(t, "queue order", LOG_C("by", x->ad.by),
	    LOG_C("order", api_queue_orders[o]), LOG_STR("queue", m->id));
	admin_queue_sum(task_arena(t), m, STR_NONE, &s);
	trace_begin(&ev, x->w->trace, task_arena(t), "order",
	    m->trace.n > 0 ? m->trace : m->id);
	trace_str(&ev, "queue", m->id);
	trace_str(&ev, "verdict", str_c(api_queue_orders[o]));
	trace_str(&ev, "user", str_c(x->ad.by));
	trace_str(&ev, "from", m->from);
	trace_list(&ev, "rcpt", s.addresses, s.waiting);
	trace_end(&ev);
}

/* one: the only one that is meant; of many the order is noted already. */
static may_yield must_check struct err *
api_queue_do(struct task *t, struct api *x, struct str id, bool one,
    enum queue_order o, const struct queue_message **m_r)
{
	struct admin_queue *q;
	struct err *e = api_queue_find(t, x, id, &q, m_r);

	if (e == NULL && one)
		e = api_match(x, api_queue_tag(x, *m_r));
	if (e == NULL && one)
		e = admin_queue_note(t, &x->ad, o, &(*m_r)->id, 1, STR_NONE);
	if (e == NULL)
		e = admin_queue_order(t, q, (*m_r)->bucket, &(*m_r)->txid,
		    (*m_r)->ordinal, o);
	if (e == NULL)
		api_queue_tell(t, x, *m_r, o);
	return e;
}

/* What has become of it; if it has left meanwhile, what it was. */
static may_yield must_check struct err *
api_queue_order(struct task *t, struct api *x, enum queue_order o)
{
	const struct queue_message *m, *now;
	struct admin_queue *q;
	struct err *e = api_queue_do(t, x, x->params[0], true, o, &m);

	if (e != NULL || o == QUEUE_ORDER_REMOVE)
		return e;
	e = api_queue_find(t, x, x->params[0], &q, &now);
	if (e != NULL && !err_is(e, ERR_NOTFOUND))
		return e;
	api_queue_whole(x, e == NULL ? now : m);
	return NULL;
}

static may_yield must_check struct err *
api_queue_hold(struct task *t, struct api *x)
{
	return api_queue_order(t, x, QUEUE_ORDER_HOLD);
}

static may_yield must_check struct err *
api_queue_release(struct task *t, struct api *x)
{
	return api_queue_order(t, x, QUEUE_ORDER_RELEASE);
}

static may_yield must_check struct err *
api_queue_retry(struct task *t, struct api *x)
{
	return api_queue_order(t, x, QUEUE_ORDER_RETRY);
}

static may_yield must_check struct err *
api_queue_remove(struct task *t, struct api *x)
{
	return api_queue_order(t, x, QUEUE_ORDER_REMOVE);
}

/* --- many --- */

static const struct api_field api_many_fields[] = {
	{ "order", API_WORD, API_REQUIRED, NULL, NULL, api_queue_orders, 0 },
	{ "ids", API_STRS, API_REQUIRED, NULL, NULL, NULL, API_QUEUE_ORDERS },
	{ .name = NULL },
};
static const struct api_schema api_many_schema = { "QueueOrders",
	api_many_fields };
static const struct api_field api_failed_fields[] = {
	{ "id", API_STR, API_REQUIRED, NULL, NULL, NULL, 0 },
	{ "detail", API_STR, API_REQUIRED, NULL, NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_failed_schema = { "QueueOrderFailed",
	api_failed_fields };
static const struct api_field api_ordered_fields[] = {
	{ "done", API_U64, API_REQUIRED, NULL, NULL, NULL, 0 },
	{ "failed", API_OBJS, API_REQUIRED, NULL, &api_failed_schema, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_ordered_schema = { "QueueOrdered",
	api_ordered_fields };

struct api_queue_many {
	struct api *x;
	enum queue_order order;
	struct str *ids;
	const char **failed; /* why; NULL: it did not */
};

/* The others are done whatever is wrong with one. */
static may_yield must_check struct err *
api_queue_many_one(struct task *t, void *arg, unsigned i)
{
	struct api_queue_many *k = arg;
	struct api *x = k->x;
	const struct queue_message *m;
	struct err *e = task_check(t);

	if (e == NULL)
		e = api_queue_do(t, x, k->ids[i], false, k->order, &m);
	if (e != NULL)
		k->failed[i] = arena_strdup(x->a, e->text);
	return NULL;
}

/* What is no id is not there, whatever is ordered. */
static may_yield must_check struct err *
api_queue_many_note(struct task *t, struct api_queue_many *k, unsigned n)
{
	struct arena *a = task_arena(t);
	struct str *ids = arena_array(a, n + 1UL, sizeof(*ids)), rest;
	unsigned ids_n = 0, bucket;

	for (unsigned i = 0; i < n; i++)
		if (queue_id_parse(k->ids[i], &bucket, &rest) &&
		    k->ids[i].n < QUEUE_ID_MAX)
			ids[ids_n++] = k->ids[i];
	return ids_n == 0 ? NULL
			  : admin_queue_note(t, &k->x->ad, k->order, ids, ids_n,
				STR_NONE);
}

static may_yield must_check struct err *
api_queue_many(struct task *t, struct api *x)
{
	struct api_queue_many k = { .x = x };
	struct json *failed;
	struct str order;
	unsigned n, done = 0;
	struct err *e;

	(void)json_get_str(x->in, "order", &order);
	if (!admin_queue_order_parse(order, &k.order))
		return api_bad_field(x, "order", "there is no such order");
	(void)api_in_strs(x, "ids", &k.ids, &n);
	e = api_queue_many_note(t, &k, n);
	if (e != NULL)
		return e;
	k.failed = arena_array(x->a, n + 1UL, sizeof(*k.failed));
	e = admin_each(t, n, API_QUEUE_AT_ONCE, api_queue_many_one, &k);
	failed = json_set_arr(x->out, "failed");
	for (unsigned i = 0; i < n; i++) {
		struct json *j;

		done += k.failed[i] == NULL;
		if (k.failed[i] == NULL)
			continue;
		j = json_add_obj(failed);
		json_set_str(j, "id", k.ids[i]);
		json_set_c(j, "detail", k.failed[i]);
	}
	json_set_u64(x->out, "done", done);
	return e;
}

/* --- the table --- */

#define API_QUEUE_ORDER(what, sentence)                                        \
	{                                                                      \
		.method = "POST", .path = "/queue/{id}/" #what,                \
		.id = #what "QueueMessage", .help = sentence,                  \
		.area = AREA_QUEUE, .writes = true, .flags = API_MATCH,        \
		.answer = &api_queue_whole_schema, .run = api_queue_##what     \
	}

const struct api_route api_queue_routes[] = {
	{ .method = "GET",
	    .path = "/queue",
	    .id = "listQueue",
	    .help = "Messages that wait for delivery, of the whole cluster, "
		    "oldest first; known to be so a few seconds ago.",
	    .area = AREA_QUEUE,
	    .flags = API_LIST,
	    .answer = &api_queue_schema,
	    .query = api_queue_query,
	    .run = api_queue_list },
	{ .method = "POST",
	    .path = "/queue/orders",
	    .id = "orderQueueMessages",
	    .help = "The same for many messages; what can be done is done.",
	    .area = AREA_QUEUE,
	    .writes = true,
	    .body = &api_many_schema,
	    .answer = &api_ordered_schema,
	    .run = api_queue_many },
	{ .method = "GET",
	    .path = "/queue/{id}",
	    .id = "getQueueMessage",
	    .help = "A message with all its recipients.",
	    .area = AREA_QUEUE,
	    .answer = &api_queue_whole_schema,
	    .run = api_queue_get },
	{ .method = "GET",
	    .path = "/queue/{id}/message",
	    .id = "getQueueMessageText",
	    .help = "Its header, and at most 64 KiB of its body.",
	    .area = AREA_QUEUE,
	    .flags = API_PLAIN,
	    .run = api_queue_message },
	API_QUEUE_ORDER(hold, "Keep it from being tried."),
	API_QUEUE_ORDER(release, "End that it is held."),
	API_QUEUE_ORDER(retry, "Try it now, whatever its next try is."),
	{ .method = "DELETE",
	    .path = "/queue/{id}",
	    .id = "removeQueueMessage",
	    .help = "Remove it; nobody is told.",
	    .area = AREA_QUEUE,
	    .writes = true,
	    .flags = API_MATCH | API_EMPTY,
	    .run = api_queue_remove },
	{ .method = NULL },
};
