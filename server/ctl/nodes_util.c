#include "server/ctl/nodes_util.h"

#include "server/admin/admin_nodes.h"

struct err *
ctl_schema_need(struct task *t, struct ctl *c, uint32_t schema)
{
	struct admin ad = ctl_admin(t, c);

	return admin_schema_need(t, &ad, schema);
}

/* As they have always been written here. */
static const char *
ctl_node_ready(const struct node_view *v)
{
	const char *word = admin_node_ready(v);

	if (word == NULL)
		return "-";
	return v->info.ready == LEASE_UNREADY ? "not ready" : word;
}

static const char *
ctl_node_certificate(const struct node_view *v)
{
	if (v->info.certificate == LEASE_CERT_NONE)
		return "-";
	return v->info.certificate == LEASE_CERT_SELF
		   ? "self-signed"
		   : admin_node_certificate(v);
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
	struct admin ad = ctl_admin(t, c);
	unsigned n = admin_nodes_list(task_arena(t), &ad, nodes, &v);

	for (unsigned i = 0; i < n; i++) {
		ctl_out_str(o, v[i].read ? v[i].info.name : STR("-"));
		ctl_out_str(o, str_c(v[i].id));
		ctl_out_str(o, str_c(admin_node_life(&v[i])));
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
