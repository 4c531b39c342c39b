/* lock_list.c - what locks/ holds, for people */
#include <stdlib.h>

#include "locking/lock_private.h"

/* Resources listed at most. */
#define LOCK_LIST_MAX 100000

static may_yield must_check struct err *
lock_view_one(struct task *t, struct store *st, struct nodes *n,
    struct str resource, struct lock_view **v_r)
{
	struct slot *s;
	const struct slot_head *h;
	struct lock_view *v = arena_new_obj(task_arena(t), struct lock_view);
	struct lock_entry en;
	bool ended = false;
	struct err *e;

	*v_r = NULL;
	v->resource = arena_cstr(task_arena(t), resource);
	s = slot_new(st, arena_printf(task_arena(t), "locks/%s", v->resource));
	e = slot_poll(t, s, true);
	h = slot_head(s);
	if (e != NULL || h->seq == 0) {
		slot_free(&s);
		return e;
	}
	*v_r = v;
	v->token = h->seq;
	e = lock_entry_read(task_arena(t), h, &en);
	slot_free(&s);
	if (e != NULL) {
		v->state = LOCK_UNREADABLE;
		v->node = "";
		return NULL;
	}
	v->node = arena_cstr(task_arena(t), en.node);
	v->session = en.session;
	v->wall_s = en.wall_s;
	v->state = LOCK_FREE;
	if (en.release)
		return NULL;
	e = nodes_session_ended(t, n, str_c(v->node), &en.session, &ended);
	v->state = ended ? LOCK_ORPHAN : LOCK_HELD;
	return e;
}

static int
lock_name_cmp(const void *a, const void *b)
{
	const struct share_dirent *const *x = a, *const *y = b;

	return str_cmp((*x)->name, (*y)->name);
}

/* Names in order, litter left out. */
static struct share_dirent **
lock_names(struct arena *a, struct share_dirent *d, unsigned *n_r)
{
	struct share_dirent **v;
	unsigned n = 0;

	for (struct share_dirent *x = d; x != NULL; x = x->next)
		n++;
	v = arena_array(a, n + 1, sizeof(*v));
	for (*n_r = 0; d != NULL; d = d->next)
		if (lock_name_is_valid(d->name))
			v[(*n_r)++] = d;
	qsort(v, *n_r, sizeof(*v), lock_name_cmp);
	return v;
}

struct err *
lock_list(struct task *t, struct store *st, struct nodes *n,
    struct lock_view **first_r)
{
	struct share_dirent *d = NULL, **v;
	struct lock_view **tail = first_r;
	struct share_fh dir;
	unsigned count;
	struct err *e;

	*first_r = NULL;
	e = share_walk(t, st->share, SHARE_LANE_LEASE, STR("locks"), &dir,
	    NULL);
	if (e == NULL)
		e = share_readdir(t, st->share, SHARE_LANE_LEASE, &dir,
		    LOCK_LIST_MAX, &d, NULL);
	if (e != NULL)
		return err_is(e, ERR_NOENT) ? NULL : e;
	v = lock_names(task_arena(t), d, &count);
	for (unsigned i = 0; i < count && e == NULL; i++) {
		e = lock_view_one(t, st, n, v[i]->name, tail);
		if (*tail != NULL)
			tail = &(*tail)->next;
	}
	return e;
}
