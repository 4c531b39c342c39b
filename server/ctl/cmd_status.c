/* status, lock list */
#include <stdarg.h>

#include "locking/lock.h"
#include "server/ctl/ctl.h"
#include "server/ctl/nodes_util.h"
#include "storage/share/store.h"
#include "storage/state.h"
#include "storage/state_account.h"
#include "storage/state_domain.h"
#include "storage/state_key.h"

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
status_nodes(struct task *t, struct ctl *c, const struct nodes *nodes,
    unsigned *n_r, unsigned *alive_r)
{
	struct node_view *v;

	*n_r = ctl_nodes_list(t, c, nodes, &v);
	*alive_r = 0;
	for (unsigned i = 0; i < *n_r; i++)
		*alive_r +=
		    v[i].bad == NULL && v[i].life == NODE_ALIVE && v[i].moved;
}

/* --- what somebody should look at --- */

#define STATUS_PROBLEMS 100
#define STATUS_SOON_S (14 * 86400)
#define STATUS_FREE_PERCENT 5

struct status_problems {
	struct task *t;
	struct str list[STATUS_PROBLEMS];
	unsigned n;
};

static void printf_like(2, 3)
    status_problem(struct status_problems *p, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (p->n < STATUS_PROBLEMS)
		p->list[p->n++] = str_c(arena_strdup(task_arena(p->t), text));
}

static void
status_expiry(struct status_problems *p, const char *whose, int64_t expires)
{
	int64_t left = expires - task_wall_s(p->t);

	if (expires <= 0 || left >= STATUS_SOON_S)
		return;
	if (left <= 0)
		status_problem(p, "%s has expired", whose);
	else
		status_problem(p, "%s expires in %lld days", whose,
		    (long long)(left / 86400));
}

static void
status_node_alive(struct status_problems *p, const struct node_view *v,
    const char *name)
{
	struct arena *a = task_arena(p->t);

	if (v->info.ready == LEASE_UNREADY)
		status_problem(p, "node %s is not ready", name);
	if (v->info.ready == LEASE_DRAINING)
		status_problem(p, "node %s is being drained", name);
	if (v->info.certificate == LEASE_CERT_SELF)
		status_problem(p,
		    "node %s uses a self-signed certificate: add a real one "
		    "with tls add",
		    name);
	if (v->info.certificate == LEASE_CERT_FILE)
		status_expiry(p,
		    arena_printf(a, "the certificate in the file of node %s",
			name),
		    v->info.cert_expires);
}

static void
status_node(struct status_problems *p, const struct node_view *v)
{
	const char *name =
	    v->read ? arena_cstr(task_arena(p->t), v->info.name) : v->id;

	if (v->bad != NULL)
		status_problem(p, "the lease of node %s cannot be read: %s",
		    name, v->bad->text);
	else if (v->life == NODE_ENDED)
		status_problem(p, "node %s is gone: its lease has ended", name);
	else if (v->life == NODE_ALIVE && !v->moved)
		status_problem(p, "node %s gives no sign of life", name);
	else if (v->life == NODE_ALIVE)
		status_node_alive(p, v, name);
}

static void
status_look_nodes(struct status_problems *p, struct ctl *c,
    const struct nodes *nodes)
{
	struct str version = STR_NONE;
	struct node_view *v;
	unsigned n = ctl_nodes_list(p->t, c, nodes, &v);
	bool differ = false;

	for (unsigned i = 0; i < n; i++) {
		status_node(p, &v[i]);
		if (v[i].life != NODE_ALIVE || !v[i].moved)
			continue;
		differ |=
		    version.p != NULL && !str_eq(version, v[i].info.version);
		version = v[i].info.version;
	}
	if (differ)
		status_problem(p, "nodes run different versions");
}

static struct err *
status_look_certificates(struct status_problems *p, struct ctl *c)
{
	struct arena *a = task_arena(p->t);
	struct state_certificate *list;
	struct err *e;
	unsigned n;

	e = state_certificate_list(a, c->state, &list, &n);
	for (unsigned i = 0; e == NULL && i < n; i++)
		status_expiry(p,
		    arena_printf(a, "certificate " STR_FMT " for " STR_FMT,
			STR_ARG(list[i].id),
			STR_ARG(list[i].n > 0 ? list[i].names[0] : STR("?"))),
		    list[i].expires);
	return e;
}

static struct err *
status_look(struct status_problems *p, struct ctl *c,
    const struct share_fsstat *fs, const struct nodes *nodes)
{
	struct err *ro = state_readonly(task_arena(p->t), c->state);

	if (ro != NULL)
		status_problem(p, "the state is read-only: %s", ro->text);
	if (fs->total_bytes > 0 &&
	    fs->free_bytes / STATUS_FREE_PERCENT < fs->total_bytes / 100)
		status_problem(p, "the share is nearly full: %llu MiB free",
		    (unsigned long long)(fs->free_bytes >> 20));
	status_look_nodes(p, c, nodes);
	return status_look_certificates(p, c);
}

may_yield static struct err *
status_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "problems", "share", "uuid",
		"durability", "free", "free_files", "latency_us", "state_entry",
		"state_schema", "state_problem", "domains", "accounts", "nodes",
		"nodes_alive" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	struct status_problems *p =
	    arena_new_obj(task_arena(t), struct status_problems);
	struct share_fsstat fs;
	struct nodes *nodes;
	uint64_t domains, accounts;
	unsigned n, alive;
	uint64_t began = task_now_ms(t);
	struct err *e = share_fsstat(t, c->store->share, SHARE_LANE_ADMIN, &fs);
	uint64_t ms = task_now_ms(t) - began;

	p->t = t;
	if (e == NULL)
		e = status_count(t, c, &domains, &accounts);
	if (e == NULL)
		e = ctl_nodes_look(t, c, &nodes);
	if (e != NULL)
		return e;
	status_nodes(t, c, nodes, &n, &alive);
	e = status_look(p, c, &fs, nodes);
	nodes_free(&nodes);
	if (e != NULL)
		return e;
	ctl_out_strs(o, p->list, p->n);
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
	.help = "Say how share, state and nodes are, problems first",
	.more = "Problems are: nodes that are gone, silent, not ready or being "
		"drained, different versions, certificates that expire within "
		"14 days, self-signed ones in use, a state that is read-only, "
		"a share that is nearly full.",
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
