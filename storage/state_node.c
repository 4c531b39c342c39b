/* state_node.c - which nodes there are, and what they are told */
#include "storage/state_node.h"

#include "base/unicode.h"
#include "storage/state_address.h"
#include "storage/state_private.h"

static void
state_node_row(struct state_q *q, void *row)
{
	struct state_node *n = row;

	n->id = state_q_str(q, 0);
	n->name = state_q_str(q, 1);
	n->address = state_q_str(q, 2);
	n->note = state_q_str(q, 3);
	n->drain = state_q_i64(q, 4) != 0;
	n->joined = state_q_i64(q, 5);
}

static const struct state_rows state_node_rows = { sizeof(struct state_node),
	state_node_row, 0 };

#define STATE_NODE_COLUMNS                                                     \
	"SELECT id, name, address, note, drain, joined FROM nodes"

/* An id before a name. */
static struct err *
state_node_get(struct state_db *db, struct arena *a, struct str id_or_name,
    struct state_node *n_r)
{
	struct state_q q;
	struct err *e;
	bool found;

	*n_r = (struct state_node){ .joined = 0 };
	state_q_begin(&q, db, a,
	    STATE_NODE_COLUMNS " WHERE id = ?1 OR name = ?1"
			       " ORDER BY id != ?1 LIMIT 1",
	    "t", id_or_name);
	found = state_q_row(&q);
	if (found)
		state_node_row(&q, n_r);
	e = state_q_end(&q);
	if (e == NULL && !found)
		e = err_newf(a, ERR_NOTFOUND, "there is no node " STR_FMT,
		    STR_ARG(id_or_name));
	return e;
}

struct state_node_work {
	struct state_node node;
	struct str id_or_name;
	bool drain;
};

static struct err *
state_node_name_is_free(struct state_tx *x, const struct state_node *n)
{
	struct err *e;
	bool taken;

	e = state_exists(x->db, x->a, &taken,
	    "SELECT 1 FROM nodes WHERE name = ? AND id != ?", "tt", n->name,
	    n->id);
	if (e == NULL && taken)
		e = err_newf(x->a, ERR_DUPLICATE,
		    "another node is called " STR_FMT, STR_ARG(n->name));
	return e;
}

static struct err *
state_node_put_run(struct state_tx *x, void *arg)
{
	struct state_node_work *w = arg;
	struct state_node *n = &w->node, now;
	struct err *e;
	bool have;

	e = state_node_name_is_free(x, n);
	if (e == NULL)
		e = state_exists(x->db, x->a, &have,
		    "SELECT 1 FROM nodes WHERE id = ?", "t", n->id);
	if (e != NULL)
		return e;
	if (!have) {
		e = state_run(x->db, x->a,
		    "INSERT INTO nodes (id, name, address, note, drain,"
		    " joined) VALUES (?, ?, ?, ?, 0, ?)",
		    "tttti", n->id, n->name, n->address, n->note,
		    (int64_t)x->now_s);
		return e != NULL ? e
				 : state_audit(x, "node.join", n->name, n->id);
	}
	e = state_node_get(x->db, x->a, n->id, &now);
	if (e != NULL ||
	    (str_eq(now.name, n->name) && str_eq(now.address, n->address) &&
		str_eq(now.note, n->note)))
		return e;
	e = state_run(x->db, x->a,
	    "UPDATE nodes SET name = ?, address = ?, note = ? WHERE id = ?",
	    "tttt", n->name, n->address, n->note, n->id);
	return e != NULL ? e
			 : state_audit(x, "node.change", n->name, n->address);
}

struct err *
state_node_put(struct task *t, struct state *st, const char *by,
    const struct state_node *n)
{
	struct state_node_work w = { .node = *n };
	struct arena *a = task_arena(t);
	struct err *e;

	e = state_word_parse(a, n->id, &w.node.id);
	if (e == NULL)
		e = state_word_parse(a, n->name, &w.node.name);
	if (e == NULL &&
	    (n->address.n > 300 || n->note.n > 1000 ||
		!unicode_is_utf8(n->address) || !unicode_is_utf8(n->note)))
		e = err_new(a, ERR_INVALID,
		    "the node's address or note is too long", NULL);
	return e != NULL ? e : state_change(t, st, by, state_node_put_run, &w);
}

static struct err *
state_node_drain_run(struct state_tx *x, void *arg)
{
	struct state_node_work *w = arg;
	struct err *e;

	e = state_node_get(x->db, x->a, w->id_or_name, &w->node);
	if (e != NULL || w->node.drain == w->drain)
		return e;
	e = state_run(x->db, x->a, "UPDATE nodes SET drain = ? WHERE id = ?",
	    "it", (int64_t)w->drain, w->node.id);
	return e != NULL
		   ? e
		   : state_audit(x, w->drain ? "node.drain" : "node.resume",
			 w->node.name, w->node.id);
}

struct err *
state_node_drain(struct task *t, struct state *st, const char *by,
    struct str id_or_name, bool drain)
{
	struct state_node_work w = { .id_or_name = id_or_name, .drain = drain };

	return state_change(t, st, by, state_node_drain_run, &w);
}

static struct err *
state_node_remove_run(struct state_tx *x, void *arg)
{
	struct state_node_work *w = arg;
	struct err *e;

	e = state_node_get(x->db, x->a, w->id_or_name, &w->node);
	if (e == NULL)
		e = state_run(x->db, x->a, "DELETE FROM nodes WHERE id = ?",
		    "t", w->node.id);
	return e != NULL
		   ? e
		   : state_audit(x, "node.remove", w->node.name, w->node.id);
}

struct err *
state_node_remove(struct task *t, struct state *st, const char *by,
    struct str id_or_name)
{
	struct state_node_work w = { .id_or_name = id_or_name };

	return state_change(t, st, by, state_node_remove_run, &w);
}

struct err *
state_node_find(struct arena *a, struct state *st, struct str id_or_name,
    struct state_node *n_r)
{
	struct state_db *db;
	struct err *e;

	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	e = state_node_get(db, a, id_or_name, n_r);
	state_read_end(st);
	return e;
}

struct err *
state_node_list(struct arena *a, struct state *st, struct state_node **list_r,
    unsigned *n_r)
{
	return state_list(a, st, &state_node_rows, list_r, n_r,
	    STATE_NODE_COLUMNS " ORDER BY name, id", "");
}
