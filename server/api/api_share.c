/* api_share.c - how the share is, and everything at a glance */
#include <stdlib.h>

#include "server/admin/admin_nodes.h"
#include "server/admin/admin_overview.h"
#include "server/admin/admin_share.h"
#include "server/api/api_private.h"

/* --- schemas --- */

static const char *const api_levels[] = { "ok", "warn", "bad", NULL };

static const struct api_field api_word_fields[] = {
	{ "level", API_WORD, API_REQUIRED, "How urgent it is.", NULL,
	    api_levels, 0 },
	{ "code", API_STR, API_REQUIRED, "A short stable word.", NULL, NULL,
	    0 },
	{ "text", API_STR, API_REQUIRED, "A sentence.", NULL, NULL, 0 },
	{ "object", API_STR, API_REQUIRED | API_NULL, "What it is about.", NULL,
	    NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_word_schema = { "HealthWord",
	api_word_fields };

static const struct api_field api_share_state_fields[] = {
	{ "entry", API_U64, API_REQUIRED, "That this node is at.", NULL, NULL,
	    0 },
	{ "schema", API_U64, API_REQUIRED, "Of the whole cluster.", NULL, NULL,
	    0 },
	{ "readonly", API_STR, API_REQUIRED | API_NULL,
	    "Why nothing can be changed on this node.", NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_share_state_schema = { "ShareState",
	api_share_state_fields };

static const char *const api_durabilities[] = { "barrier", "reply", NULL };
static const struct api_field api_share_fields[] = {
	{ "level", API_WORD, API_REQUIRED, "The worst of words.", NULL,
	    api_levels, 0 },
	{ "words", API_OBJS, API_REQUIRED, "What somebody should look at.",
	    &api_word_schema, NULL, 0 },
	{ "name", API_STR, API_REQUIRED, "Where it is.", NULL, NULL, 0 },
	{ "uuid", API_STR, API_REQUIRED, "Which one it is.", NULL, NULL, 0 },
	{ "durability", API_WORD, API_REQUIRED, "Its profile.", NULL,
	    api_durabilities, 0 },
	{ "free_bytes", API_U64, API_REQUIRED, "Room.", NULL, NULL, 0 },
	{ "total_bytes", API_U64, API_REQUIRED, "0: not known.", NULL, NULL,
	    0 },
	{ "free_files", API_U64, API_REQUIRED, "Room.", NULL, NULL, 0 },
	{ "latency_us", API_U64, API_REQUIRED, "A write of this node.", NULL,
	    NULL, 0 },
	{ "away", API_BOOL, API_REQUIRED, "It does not answer.", NULL, NULL,
	    0 },
	{ "state", API_OBJ, API_REQUIRED, "What the cluster knows.",
	    &api_share_state_schema, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_share_schema = { "Share", api_share_fields };

static const struct api_field api_overview_nodes_fields[] = {
	{ "total", API_U64, API_REQUIRED, "To speak of.", NULL, NULL, 0 },
	{ "alive", API_U64, API_REQUIRED, "That live.", NULL, NULL, 0 },
	{ "ready", API_U64, API_REQUIRED, "Of them, that serve.", NULL, NULL,
	    0 },
	{ .name = NULL },
};
static const struct api_schema api_overview_nodes_schema = { "OverviewNodes",
	api_overview_nodes_fields };

static const struct api_field api_overview_queue_fields[] = {
	{ "messages", API_U64, API_REQUIRED, "In the queue.", NULL, NULL, 0 },
	{ "held", API_U64, API_REQUIRED, "Of them.", NULL, NULL, 0 },
	{ "oldest", API_TIME, API_REQUIRED | API_NULL, "When it came.", NULL,
	    NULL, 0 },
	{ "failing_domains", API_STRS, API_REQUIRED,
	    "For which most has been tried in vain.", NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_overview_queue_schema = { "OverviewQueue",
	api_overview_queue_fields };

static const struct api_field api_overview_storage_fields[] = {
	{ "free_bytes", API_U64, API_REQUIRED, "Room.", NULL, NULL, 0 },
	{ "total_bytes", API_U64, API_REQUIRED, "0: not known.", NULL, NULL,
	    0 },
	{ .name = NULL },
};
static const struct api_schema api_overview_storage_schema = {
	"OverviewStorage", api_overview_storage_fields
};

static const struct api_field api_overview_fields[] = {
	{ "problems", API_OBJS, API_REQUIRED, "What somebody should look at.",
	    &api_word_schema, NULL, 0 },
	{ "nodes", API_OBJ, API_REQUIRED, "How many.",
	    &api_overview_nodes_schema, NULL, 0 },
	{ "rates", API_OBJ, API_REQUIRED, "A second, of all nodes.",
	    &api_rates_schema, NULL, 0 },
	{ "queue", API_OBJ, API_REQUIRED | API_NULL,
	    "Null: it cannot be read now.", &api_overview_queue_schema, NULL,
	    0 },
	{ "storage", API_OBJ, API_REQUIRED, "Room.",
	    &api_overview_storage_schema, NULL, 0 },
	{ "domains", API_U64, API_REQUIRED, "How many.", NULL, NULL, 0 },
	{ "accounts", API_U64, API_REQUIRED, "How many.", NULL, NULL, 0 },
	{ "state", API_OBJ, API_REQUIRED, "What the cluster knows.",
	    &api_share_state_schema, NULL, 0 },
	{ "answers", API_STR, API_REQUIRED, "The node that says this.", NULL,
	    NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_overview_schema = { "Overview",
	api_overview_fields };

/* --- words --- */

struct api_look {
	struct admin_share share;
	struct admin_words words;
	struct admin_node *nodes;
	unsigned n;
};

static must_check struct err *
api_look(struct task *t, struct api *x, struct api_look *k)
{
	struct node_view *v;
	unsigned left_out;
	struct err *e;

	admin_share_of_worker(x->w, &k->share);
	e = admin_nodes_board(x->a, &x->ad, &k->nodes, &k->n, &left_out);
	if (e != NULL)
		return e;
	v = arena_array(x->a, k->n + 1, sizeof(*v));
	for (unsigned i = 0; i < k->n; i++)
		v[i] = k->nodes[i].v;
	return admin_words(x->a, &x->ad, &k->share, v, k->n, left_out,
	    task_wall_s(t), &k->words);
}

static void
api_words(struct json *obj, const char *key, const struct admin_words *w)
{
	struct json *arr = json_set_arr(obj, key);

	for (unsigned i = 0; i < w->n; i++) {
		struct json *j = json_add_obj(arr);

		json_set_c(j, "level", admin_level_name(w->list[i].level));
		json_set_c(j, "code", w->list[i].code);
		json_set_str(j, "text", w->list[i].text);
		api_set_opt(j, "object", w->list[i].object);
	}
}

static void
api_share_state(struct api *x)
{
	struct json *j = json_set_obj(x->out, "state");
	struct err *ro = admin_state_readonly(x->a, &x->ad);

	json_set_u64(j, "entry", state_seq(x->ad.state));
	json_set_u64(j, "schema", state_schema(x->ad.state));
	json_set_c(j, "readonly", ro != NULL ? ro->text : NULL);
}

/* --- share --- */

static must_check struct err *
api_share_get(struct task *t, struct api *x)
{
	struct json *j = x->out;
	struct api_look k;
	struct err *e = api_look(t, x, &k);

	if (e != NULL)
		return e;
	json_set_c(j, "level", admin_level_name(k.words.level));
	api_words(j, "words", &k.words);
	json_set_c(j, "name", share_name(x->ad.store->share));
	json_set_str(j, "uuid", admin_share_uuid(x->a, x->ad.store));
	json_set_c(j, "durability",
	    x->ad.store->profile == BARRIER_REPLY ? "reply" : "barrier");
	json_set_u64(j, "free_bytes", k.share.free_bytes);
	json_set_u64(j, "total_bytes", k.share.total_bytes);
	json_set_u64(j, "free_files", k.share.free_files);
	json_set_u64(j, "latency_us", k.share.latency_us);
	json_set_bool(j, "away", k.share.away);
	api_share_state(x);
	return NULL;
}

/* --- overview --- */

static void
api_overview_nodes(struct api *x, const struct api_look *k)
{
	double rates[LEASE_COUNTERS] = { 0 };
	unsigned alive = 0, ready = 0;
	struct json *j;

	for (unsigned i = 0; i < k->n; i++) {
		const struct admin_node *n = &k->nodes[i];
		bool lives = admin_node_is_alive(&n->v);

		alive += lives;
		ready += lives && n->v.info.ready == LEASE_READY;
		for (unsigned c = 0; n->rated && c < LEASE_COUNTERS; c++)
			rates[c] += n->rates[c];
	}
	j = json_set_obj(x->out, "nodes");
	json_set_u64(j, "total", k->n);
	json_set_u64(j, "alive", alive);
	json_set_u64(j, "ready", ready);
	api_set_rates(x->out, "rates", true, rates);
}

static void
api_overview_queue(struct api *x, const struct admin_overview_queue *q)
{
	struct json *j;

	if (!q->known) {
		json_set_null(x->out, "queue");
		return;
	}
	j = json_set_obj(x->out, "queue");
	json_set_u64(j, "messages", q->messages);
	json_set_u64(j, "held", q->held);
	api_set_time(j, "oldest", q->oldest_s);
	api_set_strs(j, "failing_domains", q->failing, q->failing_n);
}

static may_yield must_check struct err *
api_overview_get(struct task *t, struct api *x)
{
	struct admin_overview_queue q;
	uint64_t domains, accounts;
	struct json *j = x->out;
	struct api_look k;
	struct err *e = api_look(t, x, &k);

	if (e == NULL)
		e = admin_overview_count(x->a, &x->ad, &domains, &accounts);
	if (e != NULL)
		return e;
	admin_overview_queue(t, &x->ad, k.share.away, &q);
	api_words(j, "problems", &k.words);
	api_overview_nodes(x, &k);
	api_overview_queue(x, &q);
	j = json_set_obj(x->out, "storage");
	json_set_u64(j, "free_bytes", k.share.free_bytes);
	json_set_u64(j, "total_bytes", k.share.total_bytes);
	json_set_u64(x->out, "domains", domains);
	json_set_u64(x->out, "accounts", accounts);
	api_share_state(x);
	json_set_c(x->out, "answers", x->w->conf->node);
	return NULL;
}

const struct api_route api_share_routes[] = {
	{ .method = "GET",
	    .path = "/share",
	    .id = "getShare",
	    .help = "How the share and the cluster are, in words.",
	    .area = AREA_NODES,
	    .scope = API_WHOLE,
	    .answer = &api_share_schema,
	    .run = api_share_get },
	{ .method = "GET",
	    .path = "/overview",
	    .id = "getOverview",
	    .help = "Everything at a glance; problems first.",
	    .area = AREA_NODES,
	    .scope = API_WHOLE,
	    .answer = &api_overview_schema,
	    .run = api_overview_get },
	{ .method = NULL },
};
