/* api_nodes.c - nodes, their last hour, locks */
#include "base/log.h"
#include "base/log.h"
#include "server/admin/admin_locks.h"
#include "server/admin/admin_nodes.h"
#include "server/api/api_private.h"
#include "server/cluster/board.h"

#define API_NODE_NOTE_MAX 1000 /* as state_node_put() has it */

static const char *const api_node_lives[] = { "alive", "silent", "unseen",
	"ended", "left", "unreadable", NULL };
static const char *const api_node_readies[] = { "starting", "ready", "unready",
	"draining", NULL };
static const char *const api_node_certificates[] = { "none", "file", "state",
	"self", NULL };

/* --- schemas --- */

static const struct api_field api_rates_fields[] = {
	{ "messages_in", API_NUM, API_REQUIRED, "Accepted by SMTP and LMTP.",
	    NULL, NULL, 0 },
	{ "delivered", API_NUM, API_REQUIRED, "Deliveries into mailboxes.",
	    NULL, NULL, 0 },
	{ "relayed", API_NUM, API_REQUIRED, "Taken by other hosts.", NULL, NULL,
	    0 },
	{ "rejected", API_NUM, API_REQUIRED, "Refused for good.", NULL, NULL,
	    0 },
	{ "deferred", API_NUM, API_REQUIRED, "Refused for now.", NULL, NULL,
	    0 },
	{ "logins", API_NUM, API_REQUIRED, "Of all protocols.", NULL, NULL, 0 },
	{ "logins_failed", API_NUM, API_REQUIRED, "Refused ones.", NULL, NULL,
	    0 },
	{ .name = NULL },
};
const struct api_schema api_rates_schema = { "Rates", api_rates_fields };

static const struct api_field api_node_fields[] = {
	{ "id", API_STR, API_REQUIRED | API_OUT, "Never changes.", NULL, NULL,
	    0 },
	{ "name", API_STR, API_REQUIRED | API_OUT, "Of the machine.", NULL,
	    NULL, 0 },
	{ "life", API_WORD, API_REQUIRED | API_OUT,
	    "What its lease says: whether it lives.", NULL, api_node_lives, 0 },
	{ "ready", API_WORD, API_REQUIRED | API_NULL | API_OUT,
	    "What it says of itself now.", NULL, api_node_readies, 0 },
	{ "drain", API_BOOL, API_REQUIRED, "It is ordered to drain.", NULL,
	    NULL, 0 },
	{ "version", API_STR, API_REQUIRED | API_NULL | API_OUT,
	    "Of the program.", NULL, NULL, 0 },
	{ "sessions", API_U64, API_REQUIRED | API_OUT, "Of clients.", NULL,
	    NULL, 0 },
	{ "load", API_NUM, API_REQUIRED | API_OUT, "Of the last minute.", NULL,
	    NULL, 0 },
	{ "nfs_latency_us", API_U64, API_REQUIRED | API_OUT,
	    "A write to the share.", NULL, NULL, 0 },
	{ "certificate", API_WORD, API_REQUIRED | API_OUT,
	    "Where what it shows is from.", NULL, api_node_certificates, 0 },
	{ "cert_expires", API_TIME, API_REQUIRED | API_NULL | API_OUT,
	    "The first that does.", NULL, NULL, 0 },
	{ "hint", API_STR, API_REQUIRED | API_OUT,
	    "Where other nodes send hints.", NULL, NULL, 0 },
	{ "format", API_U64, API_REQUIRED | API_OUT,
	    "The newest schema of the state it knows.", NULL, NULL, 0 },
	{ "sends", API_BOOL, API_REQUIRED | API_OUT,
	    "It takes part in delivering the queue.", NULL, NULL, 0 },
	{ "age_s", API_U64, API_REQUIRED | API_NULL | API_OUT,
	    "Since its lease was seen to move.", NULL, NULL, 0 },
	{ "joined", API_TIME, API_REQUIRED | API_NULL | API_OUT,
	    "When it was first noted.", NULL, NULL, 0 },
	{ "note", API_STR, API_REQUIRED, "Of administrators.", NULL, NULL, 0 },
	{ "self", API_BOOL, API_REQUIRED | API_OUT, "It answers this.", NULL,
	    NULL, 0 },
	{ "session", API_STR, API_REQUIRED | API_NULL | API_OUT,
	    "Of its lease: another one each time it starts.", NULL, NULL, 0 },
	{ "entry", API_U64, API_REQUIRED | API_NULL | API_OUT, "Of its lease.",
	    NULL, NULL, 0 },
	{ "rates", API_OBJ, API_REQUIRED | API_NULL | API_OUT, "A second.",
	    &api_rates_schema, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_node_schema = { "Node", api_node_fields };

static const struct api_field api_node_patch_fields[] = {
	{ "drain", API_BOOL, 0,
	    "Give up its work without stopping, or serve again.", NULL, NULL,
	    0 },
	{ "note", API_STR, 0, "Of administrators.", NULL, NULL,
	    API_NODE_NOTE_MAX },
	{ .name = NULL },
};
static const struct api_schema api_node_patch_schema = { "NodePatch",
	api_node_patch_fields };

static const struct api_field api_node_code_fields[] = {
	{ "code", API_STR, API_REQUIRED,
	    "As secret as a root password: with it a machine gets the cluster "
	    "key, once.",
	    NULL, NULL, 0 },
	{ "expires", API_TIME, API_REQUIRED, "Until when it is good.", NULL,
	    NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_node_code_schema = { "NodeInvite",
	api_node_code_fields };

static const struct api_field api_sample_fields[] = {
	{ "at", API_TIME, API_REQUIRED, "When.", NULL, NULL, 0 },
	{ "sessions", API_U64, API_REQUIRED, "Of clients.", NULL, NULL, 0 },
	{ "load", API_NUM, API_REQUIRED, "Of the last minute.", NULL, NULL, 0 },
	{ "nfs_latency_us", API_U64, API_REQUIRED, "A write to the share.",
	    NULL, NULL, 0 },
	{ "messages_in", API_NUM, API_REQUIRED | API_NULL, "A second.", NULL,
	    NULL, 0 },
	{ "delivered", API_NUM, API_REQUIRED | API_NULL, "A second.", NULL,
	    NULL, 0 },
	{ "relayed", API_NUM, API_REQUIRED | API_NULL, "A second.", NULL, NULL,
	    0 },
	{ "rejected", API_NUM, API_REQUIRED | API_NULL, "A second.", NULL, NULL,
	    0 },
	{ "logins", API_NUM, API_REQUIRED | API_NULL, "A second.", NULL, NULL,
	    0 },
	{ .name = NULL },
};
static const struct api_schema api_sample_schema = { "NodeSample",
	api_sample_fields };

static const struct api_field api_node_samples_fields[] = {
	{ "id", API_STR, API_REQUIRED, "Of the node.", NULL, NULL, 0 },
	{ "name", API_STR, API_REQUIRED, "Of the node.", NULL, NULL, 0 },
	{ "samples", API_OBJS, API_REQUIRED,
	    "Oldest first; there are gaps where it was not seen to live.",
	    &api_sample_schema, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_node_samples_schema = { "NodeSamples",
	api_node_samples_fields };

static const struct api_field api_history_fields[] = {
	{ "step_s", API_U64, API_REQUIRED, "Between two samples.", NULL, NULL,
	    0 },
	{ "nodes", API_OBJS, API_REQUIRED, "By id.", &api_node_samples_schema,
	    NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_history_schema = { "NodeHistory",
	api_history_fields };

static const char *const api_lock_states[] = { [LOCK_FREE] = "free",
	[LOCK_HELD] = "held",
	[LOCK_ORPHAN] = "orphan",
	[LOCK_UNREADABLE] = "unreadable",
	NULL };
static const struct api_field api_lock_fields[] = {
	{ "resource", API_STR, API_REQUIRED, "What it is for.", NULL, NULL, 0 },
	{ "state", API_WORD, API_REQUIRED,
	    "orphan: who had it has ended, anyone may take it.", NULL,
	    api_lock_states, 0 },
	{ "node", API_STR, API_REQUIRED | API_NULL,
	    "Name (or id) of who has it, or had it last.", NULL, NULL, 0 },
	{ "token", API_U64, API_REQUIRED, "Rises with every holder.", NULL,
	    NULL, 0 },
	{ "since", API_TIME, API_REQUIRED | API_NULL,
	    "When, by the node's clock.", NULL, NULL, 0 },
	{ "age_s", API_U64, API_REQUIRED, "Since then.", NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_lock_schema = { "Lock", api_lock_fields };

/* --- nodes --- */

static void
api_node_rates(struct json *j, const double *rates)
{
	json_set_num(j, "messages_in", rates[LEASE_MESSAGES_IN]);
	json_set_num(j, "delivered", rates[LEASE_DELIVERED]);
	json_set_num(j, "relayed", rates[LEASE_RELAYED]);
	json_set_num(j, "rejected", rates[LEASE_REJECTED]);
	json_set_num(j, "deferred", rates[LEASE_DEFERRED]);
	json_set_num(j, "logins", rates[LEASE_LOGINS]);
	json_set_num(j, "logins_failed", rates[LEASE_LOGINS_FAILED]);
}

void
api_set_rates(struct json *j, const char *key, bool known, const double *rates)
{
	if (known)
		api_node_rates(json_set_obj(j, key), rates);
	else
		json_set_null(j, key);
}

/* What its lease says. */
static void
api_node_put_lease(struct json *j, const struct node_view *v)
{
	const struct lease_info *i = &v->info;
	char session[TXID_HEX + 1];

	json_set_c(j, "life", admin_node_life(v));
	json_set_c(j, "ready", admin_node_ready(v));
	api_set_opt(j, "version", i->version);
	json_set_u64(j, "sessions", i->sessions);
	json_set_num(j, "load", i->load / 100.0);
	json_set_u64(j, "nfs_latency_us", i->latency_us);
	json_set_c(j, "certificate", admin_node_certificate(v));
	api_set_time(j, "cert_expires", i->cert_expires);
	json_set_str(j, "hint", i->hint);
	json_set_u64(j, "format", i->format);
	json_set_bool(j, "sends", i->sends);
	json_set_bool(j, "self", v->self);
	if (v->life == NODE_UNSEEN) {
		json_set_null(j, "age_s");
		json_set_null(j, "entry");
	} else {
		json_set_u64(j, "age_s", v->age_ms / 1000);
		json_set_u64(j, "entry", v->seq);
	}
	txid_hex(&v->session, session);
	json_set_c(j, "session", v->read ? session : NULL);
}

static void
api_node_put(struct json *j, const struct admin_node *n)
{
	json_set_c(j, "id", n->v.id);
	json_set_str(j, "name", n->name);
	json_set_bool(j, "drain", n->row.drain);
	json_set_str(j, "note", n->row.note);
	api_set_time(j, "joined", n->row.joined);
	api_node_put_lease(j, &n->v);
	api_set_rates(j, "rates", n->rated, n->rates);
}

static must_check struct err *
api_node_list(struct task *t, struct api *x)
{
	struct admin_node *list;
	unsigned n, left_out, put = 0;
	struct err *e = admin_nodes_board(x->a, &x->ad, &list, &n, &left_out);

	(void)t;
	for (unsigned i = 0; e == NULL && i < n; i++) {
		if (str_cmp(str_c(list[i].v.id), api_after(x)) <= 0)
			continue;
		if (put++ == api_limit(x)) {
			api_next(x, str_c(list[i - 1].v.id));
			break;
		}
		api_node_put(json_add_obj(x->items), &list[i]);
	}
	return e;
}

static must_check struct err *
api_node_answer(struct api *x)
{
	struct admin_node n;
	struct err *e = admin_node_find(x->a, &x->ad, x->params[0], &n);

	if (e == NULL)
		api_node_put(x->out, &n);
	return e;
}

static must_check struct err *
api_node_get(struct task *t, struct api *x)
{
	(void)t;
	return api_node_answer(x);
}

static may_yield must_check struct err *
api_node_patch(struct task *t, struct api *x)
{
	struct str note;
	bool drain, changed;
	struct err *e = NULL;

	if (json_get_str(x->in, "note", &note))
		e = admin_node_note(t, &x->ad, x->params[0], note);
	if (e == NULL && json_get_bool(x->in, "drain", &drain))
		e = admin_node_drain(t, &x->ad, x->params[0], drain, &changed);
	return e != NULL ? e : api_node_answer(x);
}

static may_yield must_check struct err *
api_node_remove(struct task *t, struct api *x)
{
	struct state_node n;

	return admin_node_remove(t, &x->ad, x->params[0], &n);
}

static may_yield must_check struct err *
api_node_invite(struct task *t, struct api *x)
{
	struct invite inv;
	struct str code;
	struct err *e;

	/* with the cluster key one is whoever one likes */
	if (!principal_may(&x->who, AREA_ADMINS, true))
		return api_refuse(x, 403, "forbidden",
		    "a token for this has admins:write, too");
	e = admin_node_invite(t, &x->ad, x->w->conf->share, &code, &inv);
	if (e != NULL)
		return e;
	log_warn(t, "node invited", LOG_C("by", x->ad.by),
	    LOG_I64("expires", inv.expires));
	json_set_str(x->out, "code", code);
	api_set_time(x->out, "expires", inv.expires);
	return NULL;
}

/* --- the last hour --- */

static void
api_sample_put(struct json *j, const struct board_sample *s)
{
	static const struct {
		const char *name;
		enum lease_counter counter;
	} of[] = {
		{ "messages_in", LEASE_MESSAGES_IN },
		{ "delivered", LEASE_DELIVERED },
		{ "relayed", LEASE_RELAYED },
		{ "rejected", LEASE_REJECTED },
		{ "logins", LEASE_LOGINS },
	};

	api_set_time(j, "at", s->at_s);
	json_set_u64(j, "sessions", s->sessions);
	json_set_num(j, "load", s->load / 100.0);
	json_set_u64(j, "nfs_latency_us", s->latency_us);
	for (unsigned i = 0; i < countof(of); i++)
		if (s->rated)
			json_set_num(j, of[i].name,
			    (double)s->rates[of[i].counter]);
		else
			json_set_null(j, of[i].name);
}

static must_check struct err *
api_node_history(struct task *t, struct api *x)
{
	struct admin_node *list;
	unsigned n, left_out;
	struct err *e = admin_nodes_board(x->a, &x->ad, &list, &n, &left_out);
	struct json *nodes;

	if (e != NULL)
		return e;
	json_set_u64(x->out, "step_s", BOARD_STEP_S);
	nodes = json_set_arr(x->out, "nodes");
	for (unsigned i = 0; i < n; i++) {
		struct json *j = json_add_obj(nodes), *samples;
		struct board_sample *s;
		unsigned s_n = board_history(x->w->board, x->a, task_wall_s(t),
		    str_c(list[i].v.id), &s);

		json_set_c(j, "id", list[i].v.id);
		json_set_str(j, "name", list[i].name);
		samples = json_set_arr(j, "samples");
		for (unsigned k = 0; k < s_n; k++)
			api_sample_put(json_add_obj(samples), &s[k]);
	}
	return NULL;
}

/* --- locks --- */

static void
api_lock_put(struct task *t, struct json *j, const struct lock_view *v)
{
	int64_t age = task_wall_s(t) - v->wall_s;

	json_set_c(j, "resource", v->resource);
	json_set_c(j, "state", api_lock_states[v->state]);
	api_set_opt(j, "node", str_c(v->node));
	json_set_u64(j, "token", v->token);
	api_set_time(j, "since", v->wall_s);
	json_set_u64(j, "age_s", age > 0 && v->wall_s > 0 ? (uint64_t)age : 0);
}

static may_yield must_check struct err *
api_lock_list(struct task *t, struct api *x)
{
	const char *last = "";
	struct lock_view *v;
	unsigned put = 0;
	struct err *e = admin_locks(t, &x->ad, &v);

	for (; e == NULL && v != NULL; v = v->next) {
		if (str_cmp(str_c(v->resource), api_after(x)) <= 0)
			continue;
		if (put++ == api_limit(x)) {
			api_next(x, str_c(last));
			break;
		}
		api_lock_put(t, json_add_obj(x->items), v);
		last = v->resource;
	}
	return e;
}

/* --- routes --- */

const struct api_route api_node_routes[] = {
	{ .method = "GET",
	    .path = "/nodes",
	    .id = "listNodes",
	    .help = "How the nodes are, as this one sees them.",
	    .area = AREA_NODES,
	    .scope = API_WHOLE,
	    .flags = API_LIST,
	    .answer = &api_node_schema,
	    .run = api_node_list },
	{ .method = "GET",
	    .path = "/nodes/history",
	    .id = "getNodeHistory",
	    .help = "The last hour of all nodes, as this one saw them.",
	    .area = AREA_NODES,
	    .scope = API_WHOLE,
	    .answer = &api_history_schema,
	    .run = api_node_history },
	{ .method = "GET",
	    .path = "/nodes/{id}",
	    .id = "getNode",
	    .help = "How one node is.",
	    .area = AREA_NODES,
	    .scope = API_WHOLE,
	    .tag = STATE_TAG_NODE,
	    .answer = &api_node_schema,
	    .run = api_node_get },
	{ .method = "PATCH",
	    .path = "/nodes/{id}",
	    .id = "changeNode",
	    .help = "Order it to drain or to serve, or note something.",
	    .area = AREA_NODES,
	    .writes = true,
	    .scope = API_WHOLE,
	    .flags = API_MATCH,
	    .tag = STATE_TAG_NODE,
	    .body = &api_node_patch_schema,
	    .answer = &api_node_schema,
	    .run = api_node_patch },
	{ .method = "DELETE",
	    .path = "/nodes/{id}",
	    .id = "removeNode",
	    .help = "Forget one that is gone for good; not one that lives.",
	    .area = AREA_NODES,
	    .writes = true,
	    .scope = API_WHOLE,
	    .flags = API_MATCH | API_EMPTY,
	    .tag = STATE_TAG_NODE,
	    .run = api_node_remove },
	{ .method = "POST",
	    .path = "/nodes/invites",
	    .id = "inviteNode",
	    .help = "Make a code with which one machine becomes a node.",
	    .area = AREA_NODES,
	    .writes = true,
	    .scope = API_WHOLE,
	    .flags = API_CREATES,
	    .answer = &api_node_code_schema,
	    .run = api_node_invite },
	{ .method = "GET",
	    .path = "/locks",
	    .id = "listLocks",
	    .help = "Which node has which lock.",
	    .area = AREA_NODES,
	    .scope = API_WHOLE,
	    .flags = API_LIST,
	    .answer = &api_lock_schema,
	    .run = api_lock_list },
	{ .method = NULL },
};
