/* state_key.c - DKIM, TLS ticket and SRS keys */
#include "storage/state_key.h"

#include "storage/state_address.h"
#include "storage/state_private.h"

#define STATE_KEY_COLUMN "keys.secret_key"

struct state_key_work {
	struct state_cluster_key *k;
	struct str id;
	bool active;
};

struct err *
state_key_insert(struct state_tx *x, struct state_cluster_key *k)
{
	struct err *e;

	k->id = state_random_id(x->a, x->rnd);
	k->created = x->now_s;
	k->activated = k->active ? x->now_s : 0;
	k->retired = 0;
	e = state_run(x->db, x->a,
	    "INSERT INTO keys (id, kind, domain, selector, algorithm, public,"
	    " secret_key, active, created)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    "ttttttbii", k->id, k->kind, k->domain, k->selector, k->algorithm,
	    k->public_part, state_seal(x, STATE_KEY_COLUMN, k->id, k->secret),
	    (int64_t)k->active, k->created);
	if (e == NULL && state_schema(x->st) >= STATE_SENDING_SCHEMA)
		e = state_run(x->db, x->a,
		    "UPDATE keys SET node = ?, activated = ? WHERE id = ?",
		    "tit", k->node, k->activated, k->id);
	return e;
}

static struct err *
state_key_add_run(struct state_tx *x, void *arg)
{
	struct state_key_work *w = arg;
	struct err *e = state_key_insert(x, w->k);

	return e != NULL ? e : state_audit(x, "key.add", w->k->kind, w->k->id);
}

struct err *
state_key_add(struct task *t, struct state *st, const char *by,
    struct state_cluster_key *k)
{
	static const char *const kinds[] = { "dkim", "ticket", "srs" };
	struct state_key_work w = { .k = k };
	struct arena *a = task_arena(t);
	struct err *e = NULL;
	bool known = false;
	unsigned i;

	for (i = 0; i < countof(kinds); i++)
		known |= str_eq_c(k->kind, kinds[i]);
	if (!known || k->secret.n == 0 || k->secret.n > STATE_SECRET_MAX ||
	    k->selector.n > 63 || k->algorithm.n > 63 ||
	    k->public_part.n > STATE_SECRET_MAX || k->node.n > 63)
		return err_new(a, ERR_INVALID, "not a key", NULL);
	if (k->domain.n > 0)
		e = state_domain_parse(a, k->domain, &k->domain);
	return e != NULL ? e : state_change(t, st, by, state_key_add_run, &w);
}

static struct err *
state_key_missing(struct arena *a, struct str id)
{
	return err_newf(a, ERR_NOTFOUND, "there is no key " STR_FMT,
	    STR_ARG(id));
}

struct err *
state_key_stage(struct state_tx *x, struct str id, bool active)
{
	struct err *e;

	e = state_run(x->db, x->a, "UPDATE keys SET active = ? WHERE id = ?",
	    "it", (int64_t)active, id);
	if (e != NULL || state_schema(x->st) < STATE_SENDING_SCHEMA)
		return e;
	return state_run(x->db, x->a,
	    active ? "UPDATE keys SET activated = ?, retired = 0 WHERE id = ?"
		   : "UPDATE keys SET retired = ? WHERE id = ?",
	    "it", x->now_s, id);
}

static struct err *
state_key_activate_run(struct state_tx *x, void *arg)
{
	struct state_key_work *w = arg;
	struct err *e;

	e = state_key_stage(x, w->id, w->active);
	if (e == NULL && !state_did(x->db))
		e = state_key_missing(x->a, w->id);
	return e != NULL ? e
			 : state_audit(x,
			       w->active ? "key.activate" : "key.deactivate",
			       w->id, STR_NONE);
}

struct err *
state_key_activate(struct task *t, struct state *st, const char *by,
    struct str id, bool active)
{
	struct state_key_work w = { .id = id, .active = active };

	return state_change(t, st, by, state_key_activate_run, &w);
}

static struct err *
state_key_remove_run(struct state_tx *x, void *arg)
{
	struct state_key_work *w = arg;
	struct err *e;

	e = state_run(x->db, x->a, "DELETE FROM keys WHERE id = ?", "t", w->id);
	if (e == NULL && !state_did(x->db))
		e = state_key_missing(x->a, w->id);
	return e != NULL ? e : state_audit(x, "key.remove", w->id, STR_NONE);
}

struct err *
state_key_remove(struct task *t, struct state *st, const char *by,
    struct str id)
{
	struct state_key_work w = { .id = id };

	return state_change(t, st, by, state_key_remove_run, &w);
}

/* One and the same result, whatever the schema is. */
#define STATE_KEY_SELECT(sending)                                              \
	"SELECT id, kind, domain, selector, algorithm, public, secret_key,"    \
	" active, created, " sending " FROM keys"                              \
	" WHERE kind = ?1 AND (?2 = '' OR domain = ?2)"                        \
	" ORDER BY created DESC, id"

static void
state_key_row(struct state_q *q, void *row)
{
	struct state_cluster_key *k = row;

	k->id = state_q_str(q, 0);
	k->kind = state_q_str(q, 1);
	k->domain = state_q_str(q, 2);
	k->selector = state_q_str(q, 3);
	k->algorithm = state_q_str(q, 4);
	k->public_part = state_q_str(q, 5);
	k->active = state_q_i64(q, 7) != 0;
	k->created = state_q_i64(q, 8);
	k->node = state_q_str(q, 9);
	k->activated = state_q_i64(q, 10);
	k->retired = state_q_i64(q, 11);
	q->err = state_unseal(q->a, q->st, STATE_KEY_COLUMN, k->id,
	    state_q_str(q, 6), &k->secret);
}

static const struct state_rows state_key_rows = {
	sizeof(struct state_cluster_key), state_key_row, 0
};

struct err *
state_key_list(struct arena *a, struct state *st, struct str kind,
    struct str domain, struct state_cluster_key **list_r, unsigned *n_r)
{
	struct state_db *db;
	struct state_q q;
	struct err *e;

	*n_r = 0;
	*list_r = NULL;
	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	state_q_begin(&q, db, a,
	    state_schema(st) >= STATE_SENDING_SCHEMA
		? STATE_KEY_SELECT("node, activated, retired")
		: STATE_KEY_SELECT("'', 0, 0"),
	    "tt", kind, domain);
	e = state_q_list(&q, st, &state_key_rows, list_r, n_r);
	state_read_end(st);
	return e;
}
