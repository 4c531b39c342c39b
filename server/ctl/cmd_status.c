/* status, lock list */
#include "locking/lock.h"
#include "server/ctl/ctl.h"
#include "server/ctl/nodes_util.h"
#include "storage/share/store.h"
#include "storage/state.h"
#include "storage/state_account.h"
#include "storage/state_domain.h"

static struct str
status_uuid(struct task *t, const unsigned char u[16])
{
	struct buf b;

	buf_init(&b, task_arena(t), 64);
	for (unsigned i = 0; i < 16; i++) {
		buf_c(&b, i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "");
		buf_hex(&b, u + i, 1);
	}
	return buf_str(&b);
}

static struct err *
status_count(struct task *t, struct ctl *c, uint64_t *domains_r,
    uint64_t *accounts_r)
{
	struct str after = STR("");
	struct state_domain *d;
	unsigned n;

	*domains_r = *accounts_r = 0;
	do {
		struct err *e = state_domain_list(task_arena(t), c->state,
		    after, 500, &d, &n);
		if (e != NULL)
			return e;
		for (unsigned i = 0; i < n; i++)
			*accounts_r += d[i].accounts;
		*domains_r += n;
		if (n > 0)
			after = d[n - 1].name;
	} while (n == 500);
	return NULL;
}

static void
status_nodes(struct task *t, const struct nodes *nodes, unsigned *n_r,
    unsigned *alive_r)
{
	struct node_view *v;

	*n_r = nodes_list(nodes, task_arena(t), &v);
	*alive_r = 0;
	for (unsigned i = 0; i < *n_r; i++)
		*alive_r +=
		    v[i].bad == NULL && v[i].life == NODE_ALIVE && v[i].moved;
}

may_yield static struct err *
status_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "share", "uuid", "durability",
		"free", "free_files", "latency_us", "state_entry",
		"state_schema", "state_problem", "domains", "accounts", "nodes",
		"nodes_alive" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	struct share_fsstat fs;
	struct nodes *nodes;
	uint64_t domains, accounts;
	unsigned n, alive;
	uint64_t began = task_now_ms(t);
	struct err *e = share_fsstat(t, c->store->share, SHARE_LANE_ADMIN, &fs);
	uint64_t ms = task_now_ms(t) - began;

	if (e == NULL)
		e = status_count(t, c, &domains, &accounts);
	if (e == NULL)
		e = ctl_nodes_look(t, c, &nodes);
	if (e != NULL)
		return e;
	status_nodes(t, nodes, &n, &alive);
	nodes_free(&nodes);
	ctl_out_str(o, str_c(share_name(c->store->share)));
	ctl_out_str(o, status_uuid(t, c->store->uuid));
	ctl_out_str(o,
	    c->store->profile == BARRIER_REPLY ? STR("reply") : STR("barrier"));
	ctl_out_size(o, fs.free_bytes);
	ctl_out_u64(o, fs.free_files);
	ctl_out_u64(o, ms * 1000);
	ctl_out_u64(o, state_seq(c->state));
	ctl_out_u64(o, state_schema(c->state));
	struct err *ro = state_readonly(task_arena(t), c->state);
	ro ? ctl_out_str(o, str_c(ro->text)) : ctl_out_none(o);
	ctl_out_u64(o, domains);
	ctl_out_u64(o, accounts);
	ctl_out_u64(o, n);
	ctl_out_u64(o, alive);
	return ctl_out_record_end(o);
}

const struct ctl_command cmd_status = {
	.name = "status",
	.args = "",
	.help = "Say how share, state and nodes are",
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
	struct nodes *nodes;
	struct err *e = ctl_nodes_look(t, c, &nodes);

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
