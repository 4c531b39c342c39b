/* nodes.c - the other nodes, as their leases show them */
#include "locking/nodes.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

struct nodes_node {
	struct nodes_node *next; /* sorted by id */
	char id[NODE_ID_HEX + 1];
	struct slot *slot;
	bool gone;	  /* its directory was not there any more */
	bool seen;	  /* looked at once */
	uint64_t text_ms; /* our time of the newest look with text */
	/* What the head said, parsed when its text changed. */
	struct arena *arena;
	struct arena_mark empty;
	bool read;
	struct txid read_txid;
	uint64_t read_seq;
	struct lease_entry entry;
	struct err *bad;
};

/* Nodes are never removed: somebody may be waiting for an answer about one. */
struct nodes {
	struct store *st;
	const struct lease *own;
	struct nodes_node *first;
	unsigned n;
	struct task *watcher;
	bool stop;
	uint64_t list_ms; /* our time of the newest READDIR(nodes) */
	struct task_cond cond;
};

struct nodes *
nodes_new(struct store *st, const struct lease *own)
{
	struct nodes *n = xcalloc(1, sizeof(*n));

	n->st = st;
	n->own = own;
	task_cond_init(&n->cond);
	return n;
}

void
nodes_free(struct nodes **n)
{
	if (*n == NULL)
		return;
	for (struct nodes_node *x = (*n)->first, *next; x != NULL; x = next) {
		next = x->next;
		slot_free(&x->slot);
		arena_free(&x->arena);
		free(x);
	}
	free(*n);
	*n = NULL;
}

static struct nodes_node *
nodes_get(struct nodes *n, struct str id)
{
	struct nodes_node **at = &n->first, *x;
	char path[sizeof("nodes/") + NODE_ID_HEX];

	while (*at != NULL && str_cmp(str_c((*at)->id), id) < 0)
		at = &(*at)->next;
	if (*at != NULL && str_eq_c(id, (*at)->id))
		return *at;
	x = xcalloc(1, sizeof(*x));
	memcpy(x->id, id.p, NODE_ID_HEX);
	snprintf(path, sizeof(path), "nodes/%s", x->id);
	x->slot = slot_new(n->st, path);
	x->arena = arena_new(0);
	x->empty = arena_mark(x->arena);
	x->next = *at;
	*at = x;
	n->n++;
	return x;
}

static bool
nodes_is_own(const struct nodes *n, struct str id)
{
	return n->own != NULL && str_eq_c(id, node_id(lease_node(n->own)));
}

static void
nodes_note(struct nodes_node *x, uint64_t now_ms)
{
	const struct slot_head *h = slot_head(x->slot);

	x->seen = true;
	if (!h->read) {
		/* An old text serves the list; never a verdict. */
		if (h->seq == 0)
			x->read = false;
		return;
	}
	x->text_ms = now_ms;
	if (x->read && txid_eq(&x->read_txid, &h->txid))
		return;
	arena_rewind(x->arena, x->empty);
	x->bad = h->bad == NULL
		     ? lease_entry_parse(x->arena, arena_str(x->arena, h->ops),
			   &x->entry)
		     : err_new(x->arena, h->bad->code, h->bad->text, NULL);
	x->read = x->bad == NULL;
	x->read_txid = h->txid;
	x->read_seq = h->seq;
}

static may_yield must_check struct err *
nodes_look(struct task *t, struct nodes_node *x, bool want_text)
{
	struct err *e = slot_poll(t, x->slot, want_text);

	if (e == NULL)
		nodes_note(x, task_now_ms(t));
	return e;
}

/* READDIR(nodes).  What is no id is an invitation, or litter. */
static may_yield must_check struct err *
nodes_look_list(struct task *t, struct nodes *n)
{
	struct share_dirent *d = NULL;
	struct share_fh dir;
	struct err *e = share_walk(t, n->st->share, SHARE_LANE_LEASE,
	    STR("nodes"), &dir, NULL);

	if (e == NULL)
		e = share_readdir(t, n->st->share, SHARE_LANE_LEASE, &dir,
		    NODES_MAX, &d, NULL);
	if (e != NULL && !err_is(e, ERR_NOENT))
		return e;
	for (struct nodes_node *x = n->first; x != NULL; x = x->next)
		x->gone = true;
	for (; d != NULL; d = d->next)
		if (node_id_is_valid(d->name))
			nodes_get(n, d->name)->gone = false;
	n->list_ms = task_now_ms(t);
	return NULL;
}

struct err *
nodes_refresh(struct task *t, struct nodes *n)
{
	struct err *e = nodes_look_list(t, n);

	for (struct nodes_node *x = n->first; x != NULL && e == NULL;
	     x = x->next)
		if (!x->gone)
			e = nodes_look(t, x, true);
	return e;
}

/* One round of the watcher.  Errors are the share's, which others report. */
static may_yield void
nodes_watch_round(struct task *t, struct nodes *n)
{
	struct err *e = NULL;

	if (n->list_ms == 0 || task_now_ms(t) - n->list_ms >= NODES_LIST_MS)
		e = nodes_look_list(t, n);
	for (struct nodes_node *x = n->first; x != NULL && e == NULL;
	     x = x->next) {
		if (x->gone || nodes_is_own(n, str_c(x->id)))
			continue;
		e = nodes_look(t, x,
		    !x->read || task_now_ms(t) - x->text_ms >= NODES_TEXT_MS);
		if (n->stop)
			break;
	}
	if (e != NULL)
		log_debug(t, "nodes", "watch failed", LOG_ERR(e));
}

static may_yield void
nodes_watch_run(struct task *t, void *arg)
{
	struct nodes *n = arg;

	while (!n->stop) {
		struct arena_mark m = arena_mark(task_arena(t));
		uint64_t at;

		nodes_watch_round(t, n);
		arena_rewind(task_arena(t), m);
		at = task_now_ms(t) + NODES_POLL_MS;
		while (!n->stop && task_now_ms(t) < at)
			task_cond_wait(t, &n->cond, at);
	}
	n->watcher = NULL;
	task_cond_broadcast(&n->cond);
}

void
nodes_watch(struct nodes *n)
{
	n->stop = false;
	if (n->watcher == NULL)
		n->watcher =
		    task_start(n->st->sched, "nodes", nodes_watch_run, n);
}

void
nodes_watch_stop(struct task *t, struct nodes *n)
{
	n->stop = true;
	task_cond_broadcast(&n->cond);
	while (n->watcher != NULL)
		task_cond_wait(t, &n->cond, UINT64_MAX);
}

static enum node_life
nodes_life(const struct nodes_node *x)
{
	if (!x->seen)
		return NODE_UNSEEN;
	if (x->read && x->entry.kind == LEASE_RELEASE &&
	    x->read_seq == slot_head(x->slot)->seq)
		return NODE_RELEASED;
	if (slot_still_ms(x->slot) > LEASE_EXPIRE_MS)
		return NODE_ENDED;
	return NODE_ALIVE;
}

static void
nodes_view(const struct nodes *n, const struct nodes_node *x, struct arena *a,
    struct node_view *v)
{
	const struct slot_head *h = slot_head(x->slot);
	uint64_t now = sched_now_ms(n->st->sched);

	*v = (struct node_view){ .id = x->id,
		.life = nodes_life(x),
		.read = x->read,
		.seq = h->seq,
		.age_ms = x->seen ? now - h->changed_ms : 0,
		.moved = h->moves > 0,
		.self = nodes_is_own(n, str_c(x->id)),
		.bad = x->bad };
	if (!x->read)
		return;
	v->session = x->entry.session;
	v->info = x->entry.info;
	v->info.name = arena_str(a, v->info.name);
	v->info.version = arena_str(a, v->info.version);
	v->info.hint = arena_str(a, v->info.hint);
	v->wall_s = x->entry.wall_s;
}

/* A directory without an entry is a node that never had a lease. */
static bool
nodes_is_listed(const struct nodes_node *x)
{
	return !x->gone && (!x->seen || slot_head(x->slot)->seq > 0);
}

unsigned
nodes_list(const struct nodes *n, struct arena *a, struct node_view **views_r)
{
	struct node_view *v = arena_array(a, n->n + 1, sizeof(*v));
	unsigned i = 0;

	for (const struct nodes_node *x = n->first; x != NULL; x = x->next)
		if (nodes_is_listed(x))
			nodes_view(n, x, a, &v[i++]);
	*views_r = v;
	return i;
}

bool
nodes_find(const struct nodes *n, struct arena *a, struct str id,
    struct node_view *v_r)
{
	for (const struct nodes_node *x = n->first; x != NULL; x = x->next) {
		if (!str_eq_c(id, x->id))
			continue;
		nodes_view(n, x, a, v_r);
		return true;
	}
	return false;
}

struct err *
nodes_session_ended(struct task *t, struct nodes *n, struct str id,
    const struct txid *session, bool *ended_r)
{
	const struct slot_head *h;
	struct nodes_node *x;
	struct err *e;

	*ended_r = false;
	if (!node_id_is_valid(id))
		return err_new(task_arena(t), ERR_CORRUPT,
		    "an entry names a node that cannot be", NULL);
	if (nodes_is_own(n, id)) {
		/* We are the only writer there, and a lapsed session of ours
		 * never comes back. */
		*ended_r = !txid_eq(session, lease_session(n->own));
		return NULL;
	}
	x = nodes_get(n, id);
	e = nodes_look(t, x, true);
	if (e != NULL)
		return e;
	h = slot_head(x->slot);
	/* The session was begun before it took what we ask for, and that was
	 * seen before this look: another one at the head is a later one. */
	if (h->seq > 0 && h->read && x->read &&
	    txid_eq(&h->txid, &x->read_txid))
		*ended_r = !txid_eq(session, &x->entry.session) ||
			   x->entry.kind == LEASE_RELEASE;
	if (slot_still_ms(x->slot) > LEASE_EXPIRE_MS)
		*ended_r = true;
	return NULL;
}

uint32_t
nodes_format_min(const struct nodes *n)
{
	uint32_t min = 0;

	for (const struct nodes_node *x = n->first; x != NULL; x = x->next) {
		enum node_life life = nodes_life(x);

		if (!nodes_is_listed(x) || life == NODE_ENDED ||
		    life == NODE_RELEASED)
			continue;
		if (!x->read)
			return 0;
		if (min == 0 || x->entry.info.format < min)
			min = x->entry.info.format;
	}
	return min;
}
