/* admin_nodes.c - looking at the nodes, and telling them what to do */
#include "server/admin/admin_nodes.h"

#include <stdlib.h>

#include "server/cluster/board.h"
#include "server/worker.h"
#include "storage/state_audit.h"
#include "storage/state_dkim.h"
#include "storage/state_setting.h"

#define ADMIN_NODES_STEP_MS 500

/* --- words --- */

const char *
admin_node_life(const struct node_view *v)
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

bool
admin_node_is_alive(const struct node_view *v)
{
	return v->bad == NULL && v->life == NODE_ALIVE && v->moved;
}

const char *
admin_node_ready(const struct node_view *v)
{
	static const char *const names[] = {
		[LEASE_STARTING] = "starting",
		[LEASE_READY] = "ready",
		[LEASE_UNREADY] = "unready",
		[LEASE_DRAINING] = "draining",
	};

	/* What a node said that is gone says nothing. */
	if (v->life != NODE_ALIVE || !v->read ||
	    (unsigned)v->info.ready >= countof(names))
		return NULL;
	return names[v->info.ready];
}

const char *
admin_node_certificate(const struct node_view *v)
{
	static const char *const names[] = {
		[LEASE_CERT_NONE] = "none",
		[LEASE_CERT_FILE] = "file",
		[LEASE_CERT_STATE] = "state",
		[LEASE_CERT_SELF] = "self",
	};

	return (unsigned)v->info.certificate < countof(names)
		   ? names[v->info.certificate]
		   : names[LEASE_CERT_NONE];
}

const char *
admin_node_name(struct arena *a, const struct node_view *v)
{
	return v->read ? arena_cstr(a, v->info.name) : v->id;
}

/* --- looking oneself --- */

unsigned
admin_nodes_list(struct arena *a, const struct admin *ad,
    const struct nodes *nodes, struct node_view **views_r)
{
	unsigned n = nodes_list(nodes, a, views_r), kept = 0;
	struct node_view *v = *views_r;
	struct state_node row;

	for (unsigned i = 0; i < n; i++)
		if ((v[i].life == NODE_ALIVE && v[i].moved) ||
		    state_node_find(a, ad->state, str_c(v[i].id), &row) == NULL)
			v[kept++] = v[i];
	return kept;
}

static bool
admin_nodes_all_known(struct arena *a, const struct admin *ad,
    const struct nodes *nodes)
{
	struct node_view *v;
	unsigned n = admin_nodes_list(a, ad, nodes, &v);

	for (unsigned i = 0; i < n; i++)
		if (v[i].bad == NULL && v[i].life == NODE_ALIVE && !v[i].moved)
			return false;
	return true;
}

struct err *
admin_nodes_look(struct task *t, const struct admin *ad, struct nodes **nodes_r)
{
	uint64_t until = task_now_ms(t) + ADMIN_NODES_WATCH_MS;
	struct err *e;

	*nodes_r = nodes_new(ad->store, NULL);
	for (;;) {
		e = nodes_refresh(t, *nodes_r);
		if (e != NULL) {
			nodes_free(nodes_r);
			return e;
		}
		if (admin_nodes_all_known(task_arena(t), ad, *nodes_r) ||
		    task_now_ms(t) >= until)
			return NULL;
		task_sleep_ms(t, ADMIN_NODES_STEP_MS);
	}
}

uint32_t
admin_nodes_format(struct arena *a, const struct admin *ad,
    const struct nodes *nodes)
{
	struct node_view *v;
	unsigned n = admin_nodes_list(a, ad, nodes, &v);
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
admin_schema_need(struct task *t, const struct admin *ad, uint32_t schema)
{
	struct nodes *nodes;
	struct err *e;
	uint32_t all;

	if (state_schema(ad->state) >= schema)
		return NULL;
	e = admin_nodes_look(t, ad, &nodes);
	if (e != NULL)
		return e;
	all = admin_nodes_format(task_arena(t), ad, nodes);
	nodes_free(&nodes);
	return state_schema_raise(t, ad->state, all);
}

/* --- as the board has them --- */

static void
admin_node_of_view(struct admin_node *n, const struct board_view *b)
{
	n->v = b->node;
	n->rated = b->rated;
	memcpy(n->rates, b->rates, sizeof(n->rates));
	n->name = b->node.read ? b->node.info.name : str_c(b->node.id);
}

static int
admin_node_cmp(const void *a, const void *b)
{
	const struct admin_node *x = a, *y = b;

	return strcmp(x->v.id, y->v.id);
}

struct err *
admin_nodes_board(struct arena *a, const struct admin *ad,
    struct admin_node **list_r, unsigned *n_r, unsigned *left_out_r)
{
	uint64_t now = sched_now_ms(ad->worker->sched);
	struct state_node *rows;
	struct board_view *seen;
	unsigned seen_n, rows_n, n = 0;
	struct admin_node *list;
	struct err *e;

	*n_r = 0;
	e = state_node_list(a, ad->state, &rows, &rows_n);
	if (e != NULL)
		return e;
	board_want(ad->worker->board, now);
	seen_n = board_list(ad->worker->board, a, now, &seen, left_out_r);
	list = arena_array(a, rows_n + seen_n + 1, sizeof(*list));
	for (unsigned i = 0; i < rows_n; i++) {
		struct admin_node *x = &list[n++];

		*x = (struct admin_node){ .known = true,
			.row = rows[i],
			.v = { .id = arena_cstr(a, rows[i].id),
			    .life = NODE_UNSEEN } };
		for (unsigned k = 0; k < seen_n; k++)
			if (str_eq_c(rows[i].id, seen[k].node.id)) {
				admin_node_of_view(x, &seen[k]);
				seen[k].node.life = NODE_UNSEEN; /* done */
			}
		x->name = rows[i].name;
	}
	for (unsigned k = 0; k < seen_n; k++)
		if (admin_node_is_alive(&seen[k].node)) {
			list[n] = (struct admin_node){ .known = false };
			admin_node_of_view(&list[n++], &seen[k]);
		}
	qsort(list, n, sizeof(*list), admin_node_cmp);
	*list_r = list;
	*n_r = n;
	return NULL;
}

struct err *
admin_node_find(struct arena *a, const struct admin *ad, struct str id_or_name,
    struct admin_node *n_r)
{
	const struct admin_node *named = NULL;
	struct admin_node *list;
	unsigned n, left_out;
	struct err *e;

	e = admin_nodes_board(a, ad, &list, &n, &left_out);
	if (e != NULL)
		return e;
	for (unsigned i = 0; i < n; i++) {
		if (str_eq_c(id_or_name, list[i].v.id)) {
			*n_r = list[i];
			return NULL;
		}
		if (str_eq(id_or_name, list[i].name))
			named = &list[i];
	}
	if (named == NULL)
		return err_newf(a, ERR_NOTFOUND, "there is no node " STR_FMT,
		    STR_ARG(id_or_name));
	*n_r = *named;
	return NULL;
}

/* --- orders --- */

struct err *
admin_node_drain(struct task *t, const struct admin *ad, struct str id_or_name,
    bool drain, bool *changed_r)
{
	struct state_node n;
	struct err *e;

	*changed_r = false;
	e = state_node_find(task_arena(t), ad->state, id_or_name, &n);
	if (e != NULL || n.drain == drain)
		return e;
	e = state_node_drain(t, ad->state, ad->by, n.id, drain);
	*changed_r = e == NULL;
	return e;
}

struct err *
admin_node_note(struct task *t, const struct admin *ad, struct str id_or_name,
    struct str note)
{
	struct state_node n;
	struct err *e;

	e = state_node_find(task_arena(t), ad->state, id_or_name, &n);
	if (e != NULL)
		return e;
	n.note = note;
	return state_node_put(t, ad->state, ad->by, &n);
}

enum admin_node_end { NODE_END_YES, NODE_END_NO, NODE_END_UNKNOWN };

static enum admin_node_end
admin_node_end(const struct node_view *v)
{
	if (v->bad != NULL || v->life == NODE_RELEASED || v->life == NODE_ENDED)
		return NODE_END_YES;
	return v->moved ? NODE_END_NO : NODE_END_UNKNOWN;
}

/* Who watches long enough knows. */
static may_yield must_check struct err *
admin_node_watch(struct task *t, const struct admin *ad, struct str id,
    uint64_t ms, enum admin_node_end *end_r)
{
	uint64_t until = task_now_ms(t) + ms;
	struct nodes *nodes = nodes_new(ad->store, NULL);
	struct node_view v;
	struct err *e;

	for (;;) {
		*end_r = NODE_END_YES; /* it never had a lease */
		e = nodes_refresh(t, nodes);
		if (e == NULL && nodes_find(nodes, task_arena(t), id, &v))
			*end_r = admin_node_end(&v);
		if (e != NULL || *end_r != NODE_END_UNKNOWN ||
		    task_now_ms(t) >= until)
			break;
		task_sleep_ms(t, ADMIN_NODES_STEP_MS);
	}
	nodes_free(&nodes);
	return e;
}

static may_yield must_check struct err *
admin_node_has_ended(struct task *t, const struct admin *ad,
    const struct state_node *n)
{
	struct arena *a = task_arena(t);
	enum admin_node_end end = NODE_END_UNKNOWN;
	struct admin_node seen;
	struct err *e = NULL;

	if (ad->worker != NULL)
		e = admin_node_find(a, ad, n->id, &seen);
	if (e == NULL && ad->worker != NULL && seen.v.life != NODE_UNSEEN)
		end = admin_node_end(&seen.v);
	if (e == NULL && end == NODE_END_UNKNOWN)
		e = admin_node_watch(t, ad, n->id,
		    ad->worker == NULL ? ADMIN_NODES_END_MS : 0, &end);
	if (e != NULL || end == NODE_END_YES)
		return e;
	return err_newf(a, ERR_CONFLICT,
	    end == NODE_END_NO ? "node " STR_FMT " lives: stop it first"
			       : "whether node " STR_FMT
				 " lives is not known yet: ask again in half a "
				 "minute",
	    STR_ARG(n->name));
}

/* Keys that only this node signed with sign no more: who signs instead has
 * others.  What it signed is on its way, so its records stay for a while. */
static may_yield must_check struct err *
admin_node_keys(struct task *t, const struct admin *ad, struct str id)
{
	struct state_dkim_key *k;
	struct err *e;
	unsigned n;

	if (state_schema(ad->state) < STATE_SENDING_SCHEMA)
		return NULL;
	e = state_dkim_list(task_arena(t), ad->state, STR_NONE, &k, &n);
	for (unsigned i = 0; e == NULL && i < n; i++) {
		if (!str_eq(k[i].node, id))
			continue;
		if (k[i].stage == STATE_DKIM_ACTIVE)
			e = state_dkim_retire(t, ad->state, ad->by, k[i].domain,
			    k[i].selector);
		else if (k[i].stage == STATE_DKIM_NEW)
			e = state_dkim_remove(t, ad->state, ad->by, k[i].domain,
			    k[i].selector);
	}
	return e;
}

struct err *
admin_node_remove(struct task *t, const struct admin *ad, struct str id_or_name,
    struct state_node *n_r)
{
	struct err *e;

	e = state_node_find(task_arena(t), ad->state, id_or_name, n_r);
	if (e == NULL)
		e = admin_node_has_ended(t, ad, n_r);
	if (e == NULL)
		e = admin_node_keys(t, ad, n_r->id);
	return e != NULL ? e : state_node_remove(t, ad->state, ad->by, n_r->id);
}

struct err *
admin_node_invite(struct task *t, const struct admin *ad, const char *url,
    struct str *code_r, struct invite *inv_r)
{
	uint64_t valid_s = state_setting_u64(ad->state, STATE_INVITE_EXPIRES);
	struct arena *a = task_arena(t);
	struct err *e = invite_sweep(t, ad->store);

	if (e != NULL)
		return e;
	/* with the code comes the cluster key: none that nobody knows of */
	e = state_audit_order(t, ad->state, ad->by, "node.invite", STR_NONE,
	    str_c(arena_printf(a, "valid for %llu s",
		(unsigned long long)valid_s)));
	if (e != NULL)
		return err_wrap(a, e,
		    "no node was invited, for it could not be noted in the "
		    "audit");
	return invite_make(t, ad->store, state_key(ad->state), url, ad->by,
	    valid_s, code_r, inv_r);
}
