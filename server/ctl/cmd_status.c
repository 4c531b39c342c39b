/* status, lock list */
#include "locking/lock.h"
#include "server/admin/admin_nodes.h"
#include "server/admin/admin_share.h"
#include "server/ctl/ctl.h"
#include "server/ctl/nodes_util.h"
#include "storage/share/store.h"
#include "storage/state.h"

static void
status_words(struct task *t, struct ctl_out *o, const struct admin_words *w)
{
	struct str *list = arena_array(task_arena(t), w->n + 1, sizeof(*list));

	for (unsigned i = 0; i < w->n; i++)
		list[i] = w->list[i].text;
	ctl_out_strs(o, list, w->n);
}

struct status {
	struct admin_share share;
	struct admin_words words;
	uint64_t domains, accounts;
	unsigned nodes, alive;
};

may_yield static struct err *
status_look(struct task *t, const struct admin *ad, struct status *s)
{
	struct arena *a = task_arena(t);
	struct nodes *nodes;
	struct node_view *v;
	struct err *e;

	e = admin_share_look(t, ad, &s->share);
	if (e == NULL)
		e = admin_count_all(a, ad, &s->domains, &s->accounts);
	if (e == NULL)
		e = admin_nodes_look(t, ad, &nodes);
	if (e != NULL)
		return e;
	s->nodes = admin_nodes_list(a, ad, nodes, &v);
	for (unsigned i = 0; i < s->nodes; i++)
		s->alive += admin_node_is_alive(&v[i]);
	e = admin_words(a, ad, &s->share, v, s->nodes, 0, task_wall_s(t),
	    &s->words);
	nodes_free(&nodes);
	return e;
}

may_yield static struct err *
status_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "problems", "share", "uuid",
		"durability", "free", "free_files", "latency_us", "state_entry",
		"state_schema", "state_problem", "domains", "accounts", "nodes",
		"nodes_alive" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	struct admin ad = ctl_admin(t, c);
	struct status s = { .nodes = 0 };
	struct err *e = status_look(t, &ad, &s), *ro;

	if (e != NULL)
		return e;
	status_words(t, o, &s.words);
	ctl_out_str(o, str_c(share_name(c->store->share)));
	ctl_out_str(o, admin_share_uuid(task_arena(t), c->store));
	ctl_out_str(o,
	    c->store->profile == BARRIER_REPLY ? STR("reply") : STR("barrier"));
	ctl_out_size(o, s.share.free_bytes);
	ctl_out_u64(o, s.share.free_files);
	ctl_out_u64(o, s.share.latency_us);
	ctl_out_u64(o, state_seq(c->state));
	ctl_out_u64(o, state_schema(c->state));
	ro = state_readonly(task_arena(t), c->state);
	ro ? ctl_out_str(o, str_c(ro->text)) : ctl_out_none(o);
	ctl_out_u64(o, s.domains);
	ctl_out_u64(o, s.accounts);
	ctl_out_u64(o, s.nodes);
	ctl_out_u64(o, s.alive);
	return ctl_out_record_end(o);
}

const struct ctl_command cmd_status = {
	.name = "status",
	.args = "",
	.help = "Say how share, state and nodes are, problems first",
	.more = "Problems are: nodes that are gone, silent, not ready or being "
		"drained, that wait long for the share or whose clock is "
		"wrong, different versions, certificates that expire within "
		"14 days, self-signed ones in use, a state that is read-only "
		"or whose schema is an older one, a share that is slow or "
		"nearly full.",
	.need = CTL_NEED_STATE,
	.run = status_run,
};

may_yield static struct err *
lock_list_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "resource", "state", "node",
		"token", "since", "age_s" };
	static const char *const states[] = {
		[LOCK_FREE] = "free",
		[LOCK_HELD] = "held",
		[LOCK_ORPHAN] = "orphan",
		[LOCK_UNREADABLE] = "unreadable",
	};
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	struct lock_view *v;
	struct admin ad = ctl_admin(t, c);
	struct nodes *nodes;
	struct err *e = admin_nodes_look(t, &ad, &nodes);

	if (e != NULL)
		return e;
	e = lock_list(t, c->store, nodes, &v);
	for (; e == NULL && v != NULL; v = v->next) {
		int64_t age = task_wall_s(t) - v->wall_s;
		ctl_out_str(o, str_c(v->resource));
		ctl_out_str(o, str_c(states[v->state]));
		ctl_out_str(o, str_c(v->node ? v->node : ""));
		ctl_out_u64(o, v->token);
		ctl_out_time(o, v->wall_s);
		ctl_out_u64(o, age > 0 ? (uint64_t)age : 0);
	}
	nodes_free(&nodes);
	return e != NULL ? e : ctl_out_end(o);
}

const struct ctl_command cmd_lock_list = {
	.name = "lock list",
	.args = "",
	.help = "List the locks: resource, node, age, token",
	.need = CTL_NEED_STATE,
	.run = lock_list_run,
};
