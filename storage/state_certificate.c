/* state_certificate.c - certificates by name */
#include "storage/state_address.h"
#include "storage/state_key.h"
#include "storage/state_private.h"

#define STATE_CERTIFICATE_COLUMN "certificates.secret_key"
#define STATE_CERTIFICATE_NAMES_MAX 200

struct state_certificate_work {
	struct state_certificate *c;
	struct str id;
};

/* The name leads to this certificate from now on. */
static struct err *
state_certificate_name(struct state_tx *x, struct str name, struct str id)
{
	struct err *e;

	e = state_run(x->db, x->a,
	    "DELETE FROM certificate_names WHERE name = ?", "t", name);
	return e != NULL ? e
			 : state_run(x->db, x->a,
			       "INSERT INTO certificate_names (name,"
			       " certificate) VALUES (?, ?)",
			       "tt", name, id);
}

static struct err *
state_certificate_add_run(struct state_tx *x, void *arg)
{
	struct state_certificate *c = ((struct state_certificate_work *)arg)->c;
	struct err *e;
	unsigned i;

	c->id = state_random_id(x->a, x->rnd);
	c->created = x->now_s;
	e = state_run(x->db, x->a,
	    "INSERT INTO certificates (id, chain, secret_key, created,"
	    " expires) VALUES (?, ?, ?, ?, ?)",
	    "ttbii", c->id, c->chain,
	    state_seal(x, STATE_CERTIFICATE_COLUMN, c->id, c->secret),
	    c->created, c->expires);
	for (i = 0; e == NULL && i < c->n; i++)
		e = state_certificate_name(x, c->names[i], c->id);
	if (e == NULL)
		e = state_exec(x->db, x->a,
		    "DELETE FROM certificates WHERE NOT EXISTS"
		    " (SELECT 1 FROM certificate_names"
		    "  WHERE certificate = certificates.id)");
	return e != NULL ? e : state_audit(x, "tls.add", c->names[0], c->id);
}

/* "*.example.org" or a name. */
static struct err *
state_certificate_fit_name(struct arena *a, struct str *name)
{
	struct str rest;
	struct err *e;

	if (!str_starts(*name, STR("*.")))
		return state_domain_parse(a, *name, name);
	e = state_domain_parse(a, str_sub(*name, 2, name->n), &rest);
	if (e == NULL)
		*name = str_c(arena_printf(a, "*." STR_FMT, STR_ARG(rest)));
	return e;
}

struct err *
state_certificate_add(struct task *t, struct state *st, const char *by,
    struct state_certificate *c)
{
	struct state_certificate_work w = { .c = c };
	struct arena *a = task_arena(t);
	struct err *e = NULL;
	unsigned i;

	if (c->n == 0 || c->n > STATE_CERTIFICATE_NAMES_MAX ||
	    c->secret.n == 0 || c->secret.n > STATE_SECRET_MAX ||
	    c->chain.n == 0 || c->chain.n > STATE_SECRET_MAX)
		return err_new(a, ERR_INVALID,
		    "a certificate has names, a chain and a key", NULL);
	for (i = 0; e == NULL && i < c->n; i++)
		e = state_certificate_fit_name(a, &c->names[i]);
	return e != NULL
		   ? e
		   : state_change(t, st, by, state_certificate_add_run, &w);
}

static struct err *
state_certificate_remove_run(struct state_tx *x, void *arg)
{
	struct state_certificate_work *w = arg;
	struct err *e;

	e = state_run(x->db, x->a, "DELETE FROM certificates WHERE id = ?", "t",
	    w->id);
	if (e == NULL && !state_did(x->db))
		e = err_newf(x->a, ERR_NOTFOUND,
		    "there is no certificate " STR_FMT, STR_ARG(w->id));
	if (e == NULL)
		e = state_run(x->db, x->a,
		    "DELETE FROM certificate_names WHERE certificate = ?", "t",
		    w->id);
	return e != NULL ? e : state_audit(x, "tls.remove", w->id, STR_NONE);
}

struct err *
state_certificate_remove(struct task *t, struct state *st, const char *by,
    struct str id)
{
	struct state_certificate_work w = { .id = id };

	return state_change(t, st, by, state_certificate_remove_run, &w);
}

static void
state_certificate_row(struct state_q *q, void *row)
{
	struct state_certificate *c = row;
	struct state_q names;

	*c = (struct state_certificate){ .id = state_q_str(q, 0),
		.chain = state_q_str(q, 1),
		.created = state_q_i64(q, 3),
		.expires = state_q_i64(q, 4) };
	q->err = state_unseal(q->a, q->st, STATE_CERTIFICATE_COLUMN, c->id,
	    state_q_str(q, 2), &c->secret);
	if (q->err != NULL)
		return;
	state_q_begin(&names, q->db, q->a,
	    "SELECT name FROM certificate_names WHERE certificate = ?"
	    " ORDER BY name",
	    "t", c->id);
	q->err = state_q_list(&names, q->st, &state_rows_str, &c->names, &c->n);
}

static const struct state_rows state_certificate_rows = {
	sizeof(struct state_certificate), state_certificate_row, 0
};

#define STATE_CERTIFICATE_COLUMNS                                              \
	"SELECT id, chain, secret_key, created, expires FROM certificates"

struct err *
state_certificate_list(struct arena *a, struct state *st,
    struct state_certificate **list_r, unsigned *n_r)
{
	return state_list(a, st, &state_certificate_rows, list_r, n_r,
	    STATE_CERTIFICATE_COLUMNS " ORDER BY created, id", "");
}

static struct err *
state_certificate_by_name(struct state_db *db, struct arena *a,
    struct state *st, struct str name, struct state_certificate *c_r,
    bool *found_r)
{
	struct state_certificate *list;
	struct state_q q;
	struct err *e;
	unsigned n;

	state_q_begin(&q, db, a,
	    STATE_CERTIFICATE_COLUMNS
	    " WHERE id = (SELECT certificate FROM certificate_names"
	    "  WHERE name = ?)",
	    "t", name);
	e = state_q_list(&q, st, &state_certificate_rows, &list, &n);
	*found_r = n > 0;
	if (*found_r)
		*c_r = list[0];
	return e;
}

struct err *
state_certificate_find(struct arena *a, struct state *st, struct str name,
    struct state_certificate *c_r)
{
	bool found = false;
	struct state_db *db;
	struct str ascii;
	ptrdiff_t dot;
	struct err *e;

	e = state_domain_parse(a, name, &ascii);
	if (e == NULL)
		e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	e = state_certificate_by_name(db, a, st, ascii, c_r, &found);
	dot = str_chr(ascii, '.');
	if (e == NULL && !found && dot > 0)
		e = state_certificate_by_name(db, a, st,
		    str_c(arena_printf(a, "*" STR_FMT,
			STR_ARG(str_sub(ascii, (size_t)dot, ascii.n)))),
		    c_r, &found);
	state_read_end(st);
	if (e == NULL && !found)
		e = err_newf(a, ERR_NOTFOUND,
		    "there is no certificate for " STR_FMT, STR_ARG(ascii));
	return e;
}
