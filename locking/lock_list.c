/* lock_list.c - what locks/ holds, for people */
#include <stdlib.h>

#include "locking/lock_private.h"

/* Resources listed at most. */
#define LOCK_LIST_MAX 100000

struct lock_watched {
	struct lock_watched *next; /* sorted by name */
	char *name;
	struct slot *slot;
	bool there; /* in the newest look */
};

struct lock_watch {
	struct store *st;
	struct lock_watched *first;
};

struct lock_watch *
lock_watch_new(struct store *st)
{
	struct lock_watch *w = xcalloc(1, sizeof(*w));

	w->st = st;
	return w;
}

/* Those that are not there; all: every one. */
static void
lock_watch_drop(struct lock_watch *w, bool all)
{
	struct lock_watched **at = &w->first, *x;

	while ((x = *at) != NULL) {
		if (x->there && !all) {
			at = &x->next;
			continue;
		}
		*at = x->next;
		slot_free(&x->slot);
		free(x->name);
		free(x);
	}
}

void
lock_watch_free(struct lock_watch **w)
{
	if (*w == NULL)
		return;
	lock_watch_drop(*w, true);
	free(*w);
	*w = NULL;
}

/* at: where to look for it, and where to go on for the next. */
static struct lock_watched *
lock_watch_get(struct lock_watch *w, struct arena *a, struct str name,
    struct lock_watched ***at)
{
	struct lock_watched *x;

	while (**at != NULL && str_cmp(str_c((**at)->name), name) < 0)
		*at = &(**at)->next;
	x = **at;
	if (x == NULL || !str_eq_c(name, x->name)) {
		x = xcalloc(1, sizeof(*x));
		x->name = xstrdup(arena_cstr(a, name));
		x->slot = slot_new(w->st, arena_printf(a, "locks/%s", x->name));
		x->next = **at;
		**at = x;
	}
	x->there = true;
	*at = &x->next;
	return x;
}

static may_yield must_check struct err *
lock_view_one(struct task *t, struct lock_watched *x, struct nodes *n,
    struct lock_view **v_r)
{
	struct slot *s = x->slot;
	const struct slot_head *h;
	struct lock_view *v = arena_new_obj(task_arena(t), struct lock_view);
	struct lock_entry en;
	bool ended = false;
	struct err *e;

	*v_r = NULL;
	v->resource = arena_strdup(task_arena(t), x->name);
	e = slot_poll(t, s, true);
	h = slot_head(s);
	if (e != NULL || h->seq == 0)
		return e;
	*v_r = v;
	v->token = h->seq;
	e = lock_entry_read(task_arena(t), h, &en);
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
	if (n != NULL)
		e = nodes_session_ended(t, n, str_c(v->node), &en.session,
		    &ended);
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
lock_watch_list(struct task *t, struct lock_watch *w, struct nodes *n,
    struct lock_view **first_r)
{
	struct share *share = w->st->share;
	struct share_dirent *d = NULL, **v;
	struct lock_view **tail = first_r;
	struct lock_watched **at = &w->first;
	struct share_fh dir;
	unsigned count;
	struct err *e;

	*first_r = NULL;
	e = share_walk(t, share, SHARE_LANE_LEASE, STR("locks"), &dir, NULL);
	if (e == NULL)
		e = share_readdir(t, share, SHARE_LANE_LEASE, &dir,
		    LOCK_LIST_MAX, &d, NULL);
	if (e != NULL)
		return err_is(e, ERR_NOENT) ? NULL : e;
	v = lock_names(task_arena(t), d, &count);
	for (struct lock_watched *x = w->first; x != NULL; x = x->next)
		x->there = false;
	for (unsigned i = 0; i < count && e == NULL; i++) {
		e = lock_view_one(t,
		    lock_watch_get(w, task_arena(t), v[i]->name, &at), n, tail);
		if (*tail != NULL)
			tail = &(*tail)->next;
	}
	if (e == NULL)
		lock_watch_drop(w, false);
	return e;
}

struct err *
lock_list(struct task *t, struct store *st, struct nodes *n,
    struct lock_view **first_r)
{
	struct lock_watch *w = lock_watch_new(st);
	struct err *e = lock_watch_list(t, w, n, first_r);

	lock_watch_free(&w);
	return e;
}
