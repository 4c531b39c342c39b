#include "server/ctl/nodes_util.h"

#include "storage/state.h"
#include "storage/state_node.h"

#define CTL_NODES_STEP_MS 500

const char *
ctl_node_life(const struct node_view *v)
{
	if (v->bad != NULL)
		return "unreadable";
	switch (v->life) {
	case NODE_RELEASED:
		return "left";
	case NODE_ENDED:
		return "ended";
	case NODE_UNSEEN:
		return "unseen";
	case NODE_ALIVE:
		break;
	}
	return v->moved ? "alive" : "silent";
}

unsigned
ctl_nodes_list(struct task *t, struct ctl *c, const struct nodes *nodes,
    struct node_view **views_r)
{
	unsigned n = nodes_list(nodes, task_arena(t), views_r), kept = 0;
	struct node_view *v = *views_r;
	struct state_node row;

	for (unsigned i = 0; i < n; i++)
		if ((v[i].life == NODE_ALIVE && v[i].moved) ||
		    state_node_find(task_arena(t), c->state, str_c(v[i].id),
			&row) == NULL)
			v[kept++] = v[i];
	return kept;
}

static bool
ctl_nodes_all_known(struct task *t, struct ctl *c, const struct nodes *nodes)
{
	struct node_view *v;
	unsigned n = ctl_nodes_list(t, c, nodes, &v);

	for (unsigned i = 0; i < n; i++)
		if (v[i].bad == NULL && v[i].life == NODE_ALIVE && !v[i].moved)
			return false;
	return true;
}

struct err *
ctl_nodes_look(struct task *t, struct ctl *c, struct nodes **nodes_r)
{
	uint64_t until = task_now_ms(t) + CTL_NODES_WATCH_MS;
	struct err *e;

	*nodes_r = nodes_new(c->store, NULL);
	for (;;) {
		e = nodes_refresh(t, *nodes_r);
		if (e != NULL) {
			nodes_free(nodes_r);
			return e;
		}
		if (ctl_nodes_all_known(t, c, *nodes_r) ||
		    task_now_ms(t) >= until)
			return NULL;
		task_sleep_ms(t, CTL_NODES_STEP_MS);
	}
}

/* What is known of one node says whether it lives; false: not yet. */
static bool
ctl_node_decided(struct task *t, const struct nodes *nodes, struct str id,
    bool *lives_r)
{
	struct node_view v;

	*lives_r = false;
	if (!nodes_find(nodes, task_arena(t), id, &v))
		return true; /* it never had a lease */
	*lives_r = v.bad == NULL && v.life == NODE_ALIVE;
	return v.bad != NULL || v.life == NODE_RELEASED ||
	       v.life == NODE_ENDED || v.moved;
}

struct err *
ctl_nodes_lives(struct task *t, struct ctl *c, struct str id, bool *lives_r)
{
	uint64_t until = task_now_ms(t) + CTL_NODES_END_MS;
	struct nodes *nodes = nodes_new(c->store, NULL);
	struct err *e;

	for (;;) {
		e = nodes_refresh(t, nodes);
		if (e != NULL || ctl_node_decided(t, nodes, id, lives_r) ||
		    task_now_ms(t) >= until)
			break;
		task_sleep_ms(t, CTL_NODES_STEP_MS);
	}
	nodes_free(&nodes);
	return e;
}

uint32_t
ctl_nodes_format(struct task *t, struct ctl *c, const struct nodes *nodes)
{
	struct node_view *v;
	unsigned n = ctl_nodes_list(t, c, nodes, &v);
	uint32_t min = STATE_SCHEMA;

	for (unsigned i = 0; i < n; i++) {
		if (v[i].life == NODE_ENDED || v[i].life == NODE_RELEASED)
			continue;
		if (v[i].bad != NULL || !v[i].read)
			return 0;
		if (v[i].info.format < min)
			min = v[i].info.format;
	}
	return min;
}

struct err *
ctl_schema_need(struct task *t, struct ctl *c, uint32_t schema)
{
	struct nodes *nodes;
	struct err *e;
	uint32_t all;

	if (state_schema(c->state) >= schema)
		return NULL;
	e = ctl_nodes_look(t, c, &nodes);
	if (e != NULL)
		return e;
	all = ctl_nodes_format(t, c, nodes);
	nodes_free(&nodes);
	return state_schema_raise(t, c->state, all);
}

static const char *
ctl_node_ready(const struct node_view *v)
{
	static const char *const names[] = {
		[LEASE_STARTING] = "starting",
		[LEASE_READY] = "ready",
		[LEASE_UNREADY] = "not ready",
		[LEASE_DRAINING] = "draining",
	};

	/* What a node said that is gone says nothing. */
	if (v->life != NODE_ALIVE || !v->read)
		return "-";
	return (unsigned)v->info.ready < countof(names) ? names[v->info.ready]
							: "?";
}

static const char *
ctl_node_certificate(const struct node_view *v)
{
	static const char *const names[] = {
		[LEASE_CERT_NONE] = "-",
		[LEASE_CERT_FILE] = "file",
		[LEASE_CERT_STATE] = "state",
		[LEASE_CERT_SELF] = "self-signed",
	};

	return (unsigned)v->info.certificate < countof(names)
		   ? names[v->info.certificate]
		   : "?";
}

/* What the state orders the node to do. */
static const char *
ctl_node_order(struct task *t, struct ctl *c, const char *id)
{
	struct state_node n;

	if (state_node_find(task_arena(t), c->state, str_c(id), &n) != NULL)
		return "-";
	return n.drain ? "drain" : "serve";
}

struct err *
ctl_nodes_print(struct task *t, struct ctl *c, const struct nodes *nodes)
{
	static const char *const columns[] = { "node", "id", "life", "ready",
		"order", "version", "sessions", "load", "nfs_us", "certificate",
		"expires", "hint" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	struct node_view *v;
	unsigned n = ctl_nodes_list(t, c, nodes, &v);

	for (unsigned i = 0; i < n; i++) {
		ctl_out_str(o, v[i].read ? v[i].info.name : STR("-"));
		ctl_out_str(o, str_c(v[i].id));
		ctl_out_str(o, str_c(ctl_node_life(&v[i])));
		ctl_out_str(o, str_c(ctl_node_ready(&v[i])));
		ctl_out_str(o, str_c(ctl_node_order(t, c, v[i].id)));
		ctl_out_str(o, v[i].info.version);
		ctl_out_u64(o, v[i].info.sessions);
		ctl_out_str(o,
		    str_c(arena_printf(task_arena(t), "%u.%02u",
			v[i].info.load / 100, v[i].info.load % 100)));
		ctl_out_u64(o, v[i].info.latency_us);
		ctl_out_str(o, str_c(ctl_node_certificate(&v[i])));
		ctl_out_time(o, v[i].info.cert_expires);
		ctl_out_str(o, v[i].info.hint);
	}
	return ctl_out_end(o);
}
