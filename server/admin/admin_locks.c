/* admin_locks.c - who has which lock, for a page that is looked at */
#include "server/admin/admin_locks.h"

#include <stdlib.h>

#include "server/admin/admin_share.h"
#include "server/worker.h"

/* A worker's. */
struct admin_locks {
	struct task_mutex looking;
	struct lock_watch *watch;
	struct arena *arena; /* of what was seen */
	struct lock_view *first;
	uint64_t at_ms; /* 0: nothing was */
};

static struct lock_view *
admin_locks_copy(struct arena *a, const struct lock_view *v)
{
	struct lock_view *first = NULL, **tail = &first;

	for (; v != NULL; v = v->next) {
		struct lock_view *x = arena_new_obj(a, struct lock_view);

		*x = *v;
		x->resource = arena_strdup(a, v->resource);
		x->node = arena_strdup(a, v->node != NULL ? v->node : "");
		x->next = NULL;
		*tail = x;
		tail = &x->next;
	}
	return first;
}

static may_yield must_check struct err *
admin_locks_look(struct task *t, const struct worker *w, struct admin_locks *k)
{
	struct arena_mark mark = arena_mark(task_arena(t));
	uint64_t now = task_now_ms(t);
	struct admin_share share;
	struct lock_view *seen;
	struct err *e;

	if (k->at_ms != 0 && now - k->at_ms < ADMIN_LOCKS_FRESH_MS)
		return NULL;
	admin_share_of_worker(w, &share);
	if (share.away)
		return err_new(task_arena(t), ERR_UNAVAIL,
		    "the share does not answer", NULL);
	e = lock_watch_list(t, k->watch, NULL, &seen);
	if (e != NULL)
		return e;
	arena_free(&k->arena);
	k->arena = arena_new(0);
	k->first = admin_locks_copy(k->arena, seen);
	k->at_ms = task_now_ms(t);
	arena_rewind(task_arena(t), mark);
	return NULL;
}

static struct admin_locks *
admin_locks_get(struct worker *w)
{
	struct admin_locks *k = w->admin_locks;

	if (k != NULL)
		return k;
	k = w->admin_locks = xcalloc(1, sizeof(*k));
	task_mutex_init(&k->looking);
	k->watch = lock_watch_new(w->store);
	return k;
}

/* Both times are of the node's own clock: a session that it was seen to have
 * after it took the lock is a later one. */
enum lock_state
admin_lock_state(const struct lock_view *v, const struct admin_node *nodes,
    unsigned n)
{
	for (unsigned i = 0; v->state == LOCK_HELD && i < n; i++) {
		const struct node_view *x = &nodes[i].v;

		if (strcmp(x->id, v->node) != 0)
			continue;
		if (x->life == NODE_ENDED || x->life == NODE_RELEASED ||
		    (x->read && !txid_eq(&x->session, &v->session) &&
			v->wall_s < x->wall_s))
			return LOCK_ORPHAN;
	}
	return v->state;
}

static void
admin_lock_judge(struct arena *a, struct lock_view *v,
    const struct admin_node *nodes, unsigned n)
{
	v->state = admin_lock_state(v, nodes, n);
	for (unsigned i = 0; i < n; i++)
		if (strcmp(nodes[i].v.id, v->node) == 0) {
			v->node = arena_cstr(a, nodes[i].name);
			return;
		}
}

struct err *
admin_locks(struct task *t, const struct admin *ad, struct lock_view **first_r)
{
	struct admin_locks *k = admin_locks_get(ad->worker);
	struct arena *a = task_arena(t);
	struct admin_node *nodes;
	unsigned n, left_out;
	struct err *e;

	*first_r = NULL;
	task_lock(t, &k->looking);
	e = admin_locks_look(t, ad->worker, k);
	if (e == NULL)
		*first_r = admin_locks_copy(a, k->first);
	task_unlock(t, &k->looking);
	if (e == NULL)
		e = admin_nodes_board(a, ad, &nodes, &n, &left_out);
	if (e != NULL)
		return e;
	for (struct lock_view *v = *first_r; v != NULL; v = v->next)
		admin_lock_judge(a, v, nodes, n);
	return NULL;
}
