/* state_dkim.c - keys that mail of a domain is signed with */
#include "storage/state_dkim.h"

#include <time.h>

#include "storage/state_address.h"
#include "storage/state_domain.h"
#include "storage/state_key.h"
#include "storage/state_private.h"

static const char *const state_dkim_stages[] = {
	[STATE_DKIM_NEW] = "new",
	[STATE_DKIM_ACTIVE] = "active",
	[STATE_DKIM_RETIRED] = "retired",
};

const char *
state_dkim_stage_name(enum state_dkim_stage s)
{
	return (unsigned)s < countof(state_dkim_stages) ? state_dkim_stages[s]
							: "?";
}

/* --- reading --- */

static void
state_dkim_row(struct state_q *q, void *row)
{
	struct state_dkim_key *k = row;
	bool active = state_q_i64(q, 6) != 0;

	*k = (struct state_dkim_key){ .id = state_q_str(q, 0),
		.domain = state_q_str(q, 1),
		.selector = state_q_str(q, 2),
		.algorithm = state_q_str(q, 3),
		.node = state_q_str(q, 4),
		.public_part = state_q_str(q, 5),
		.created = state_q_i64(q, 7),
		.activated = state_q_i64(q, 8),
		.retired = state_q_i64(q, 9) };
	k->stage = active	     ? STATE_DKIM_ACTIVE
		   : k->retired != 0 ? STATE_DKIM_RETIRED
				     : STATE_DKIM_NEW;
}

#define STATE_DKIM_COLUMNS                                                     \
	"SELECT id, domain, selector, algorithm, node, public, active,"        \
	" created, activated, retired FROM keys WHERE kind = 'dkim'"

static const struct state_rows state_dkim_rows = {
	sizeof(struct state_dkim_key), state_dkim_row, STATE_SENDING_SCHEMA
};

struct err *
state_dkim_list(struct arena *a, struct state *st, struct str domain,
    struct state_dkim_key **list_r, unsigned *n_r)
{
	struct str name = STR_NONE;
	struct err *e = NULL;

	*n_r = 0;
	*list_r = NULL;
	if (domain.n > 0)
		e = state_domain_parse(a, domain, &name);
	if (e == NULL)
		e = state_list(a, st, &state_dkim_rows, list_r, n_r,
		    STATE_DKIM_COLUMNS " AND (?1 = '' OR domain = ?1)"
				       " ORDER BY domain, created, selector",
		    "t", name);
	return e;
}

struct err *
state_dkim_selector(struct arena *a, struct state *st, struct str domain,
    struct str algorithm, int64_t wall_s, struct str *selector_r)
{
	time_t at = (time_t)wall_s;
	struct state_dkim_key *list;
	const char *base;
	struct err *e;
	struct tm tm;
	unsigned n, i, k;

	e = state_dkim_list(a, st, domain, &list, &n);
	if (e != NULL)
		return e;
	gmtime_r(&at, &tm);
	base = arena_printf(a, "s%04d%02d%c", tm.tm_year + 1900, tm.tm_mon + 1,
	    str_eq_c(algorithm, "ed25519") ? 'e' : 'r');
	*selector_r = str_c(base);
	for (k = 2, i = 0; i < n;) {
		if (!str_eq(list[i++].selector, *selector_r))
			continue;
		*selector_r = str_c(arena_printf(a, "%s%u", base, k++));
		i = 0;
	}
	return NULL;
}

/* --- changing --- */

struct state_dkim_work {
	struct str domain, selector;
	struct state_dkim_key *k;
	struct str pem;
	unsigned removed;
};

static struct err *
state_dkim_get(struct state_tx *x, const struct state_dkim_work *w,
    struct state_dkim_key *k_r)
{
	struct state_q q;
	struct err *e;
	bool found;

	e = state_sending_check(x);
	if (e != NULL)
		return e;
	state_q_begin(&q, x->db, x->a,
	    STATE_DKIM_COLUMNS " AND domain = ? AND selector = ?", "tt",
	    w->domain, w->selector);
	found = state_q_row(&q);
	if (found)
		state_dkim_row(&q, k_r);
	e = state_q_end(&q);
	if (e == NULL && !found)
		e = err_newf(x->a, ERR_NOTFOUND, STR_FMT " has no key " STR_FMT,
		    STR_ARG(w->domain), STR_ARG(w->selector));
	return e;
}

/* Retire those that k stands in for. */
static struct err *
state_dkim_replace(struct state_tx *x, const struct state_dkim_key *k)
{
	return state_run(x->db, x->a,
	    "UPDATE keys SET active = 0, retired = ?1 WHERE kind = 'dkim'"
	    " AND domain = ?2 AND algorithm = ?3 AND node = ?4"
	    " AND active != 0 AND id != ?5",
	    "itttt", x->now_s, k->domain, k->algorithm, k->node, k->id);
}

static struct err *
state_dkim_room(struct state_tx *x, const struct state_dkim_work *w)
{
	int64_t n = 0;
	struct err *e;
	bool have;

	e = state_exists(x->db, x->a, &have,
	    "SELECT 1 FROM domains WHERE name = ?", "t", w->domain);
	if (e == NULL && !have)
		e = err_newf(x->a, ERR_NOTFOUND, "there is no domain " STR_FMT,
		    STR_ARG(w->domain));
	if (e == NULL)
		e = state_exists(x->db, x->a, &have,
		    "SELECT 1 FROM keys WHERE kind = 'dkim' AND domain = ?"
		    " AND selector = ?",
		    "tt", w->domain, w->selector);
	if (e == NULL && have)
		e = err_newf(x->a, ERR_DUPLICATE,
		    STR_FMT " has a key " STR_FMT " already",
		    STR_ARG(w->domain), STR_ARG(w->selector));
	if (e == NULL)
		e = state_number(x->db, x->a, &n,
		    "SELECT COUNT(*) FROM keys WHERE kind = 'dkim'"
		    " AND domain = ?",
		    "t", w->domain);
	if (e == NULL && n >= STATE_DKIM_KEYS_MAX)
		e = err_newf(x->a, ERR_LIMIT, "a domain has at most %d keys",
		    STATE_DKIM_KEYS_MAX);
	return e;
}

static struct str
state_dkim_name(struct arena *a, struct str domain, struct str selector)
{
	return str_c(arena_printf(a, STR_FMT "._domainkey." STR_FMT,
	    STR_ARG(selector), STR_ARG(domain)));
}

static struct err *
state_dkim_add_run(struct state_tx *x, void *arg)
{
	struct state_dkim_work *w = arg;
	struct state_cluster_key row = { .kind = STR("dkim"),
		.domain = w->domain,
		.selector = w->selector,
		.algorithm = w->k->algorithm,
		.public_part = w->k->public_part,
		.secret = w->pem,
		.node = w->k->node,
		.active = w->k->stage == STATE_DKIM_ACTIVE };
	struct err *e;

	e = state_sending_check(x);
	if (e == NULL)
		e = state_dkim_room(x, w);
	if (e == NULL)
		e = state_key_insert(x, &row);
	if (e != NULL)
		return e;
	w->k->id = row.id;
	w->k->domain = w->domain;
	w->k->selector = w->selector;
	w->k->created = row.created;
	w->k->activated = row.activated;
	if (row.active)
		e = state_dkim_replace(x, w->k);
	return e != NULL ? e
			 : state_audit(x, "dkim.add",
			       state_dkim_name(x->a, w->domain, w->selector),
			       row.algorithm);
}

/* One label, or several: it stands in front of _domainkey (RFC 6376, 3.1). */
static struct err *
state_dkim_parse(struct arena *a, struct str domain, struct str selector,
    struct state_dkim_work *w)
{
	struct err *e = state_domain_parse(a, domain, &w->domain);

	if (e == NULL && (selector.n > 63 || state_domain_parse(a, selector,
						 &w->selector) != NULL))
		e = err_newf(a, ERR_INVALID, STR_FMT " is no selector",
		    STR_ARG(selector));
	return e;
}

struct err *
state_dkim_add(struct task *t, struct state *st, const char *by,
    struct state_dkim_key *k, struct str pem)
{
	struct state_dkim_work w = { .k = k, .pem = pem };
	struct arena *a = task_arena(t);
	struct err *e;

	if (!str_eq_c(k->algorithm, "rsa") &&
	    !str_eq_c(k->algorithm, "ed25519"))
		return err_new(a, ERR_INVALID,
		    "a key's algorithm is rsa or ed25519", NULL);
	if (pem.n == 0 || pem.n > STATE_SECRET_MAX || k->node.n > 63 ||
	    k->public_part.n == 0 || k->public_part.n > STATE_SECRET_MAX ||
	    k->stage == STATE_DKIM_RETIRED)
		return err_new(a, ERR_INVALID, "not a key", NULL);
	e = state_dkim_parse(a, k->domain, k->selector, &w);
	return e != NULL ? e : state_change(t, st, by, state_dkim_add_run, &w);
}

static struct err *
state_dkim_activate_run(struct state_tx *x, void *arg)
{
	const struct state_dkim_work *w = arg;
	struct state_dkim_key k;
	struct err *e;

	e = state_dkim_get(x, w, &k);
	if (e != NULL || k.stage == STATE_DKIM_ACTIVE)
		return e;
	e = state_dkim_replace(x, &k);
	if (e == NULL)
		e = state_key_stage(x, k.id, true);
	return e != NULL ? e
			 : state_audit(x, "dkim.activate",
			       state_dkim_name(x->a, w->domain, w->selector),
			       STR_NONE);
}

static struct err *
state_dkim_retire_run(struct state_tx *x, void *arg)
{
	const struct state_dkim_work *w = arg;
	struct state_dkim_key k;
	struct err *e;

	e = state_dkim_get(x, w, &k);
	if (e != NULL || k.stage == STATE_DKIM_RETIRED)
		return e;
	e = state_key_stage(x, k.id, false);
	return e != NULL ? e
			 : state_audit(x, "dkim.retire",
			       state_dkim_name(x->a, w->domain, w->selector),
			       STR_NONE);
}

static struct err *
state_dkim_remove_run(struct state_tx *x, void *arg)
{
	const struct state_dkim_work *w = arg;
	struct state_dkim_key k;
	struct err *e;

	e = state_dkim_get(x, w, &k);
	if (e == NULL)
		e = state_run(x->db, x->a, "DELETE FROM keys WHERE id = ?", "t",
		    k.id);
	return e != NULL ? e
			 : state_audit(x, "dkim.remove",
			       state_dkim_name(x->a, w->domain, w->selector),
			       STR_NONE);
}

static may_yield struct err *
state_dkim_change(struct task *t, struct state *st, const char *by,
    struct str domain, struct str selector, state_fn fn)
{
	struct state_dkim_work w = { .k = NULL };
	struct err *e = state_dkim_parse(task_arena(t), domain, selector, &w);

	return e != NULL ? e : state_change(t, st, by, fn, &w);
}

struct err *
state_dkim_activate(struct task *t, struct state *st, const char *by,
    struct str domain, struct str selector)
{
	return state_dkim_change(t, st, by, domain, selector,
	    state_dkim_activate_run);
}

struct err *
state_dkim_retire(struct task *t, struct state *st, const char *by,
    struct str domain, struct str selector)
{
	return state_dkim_change(t, st, by, domain, selector,
	    state_dkim_retire_run);
}

struct err *
state_dkim_remove(struct task *t, struct state *st, const char *by,
    struct str domain, struct str selector)
{
	return state_dkim_change(t, st, by, domain, selector,
	    state_dkim_remove_run);
}

static struct err *
state_dkim_sweep_run(struct state_tx *x, void *arg)
{
	struct state_dkim_work *w = arg;
	int64_t before = x->now_s - STATE_DKIM_RETIRED_S, n = 0;
	struct err *e = NULL;

	if (state_schema(x->st) >= STATE_SENDING_SCHEMA)
		e = state_number(x->db, x->a, &n,
		    "SELECT COUNT(*) FROM keys WHERE kind = 'dkim'"
		    " AND active = 0 AND retired > 0 AND retired <= ?",
		    "i", before);
	w->removed = (unsigned)n;
	if (e != NULL || n == 0)
		return e;
	e = state_run(x->db, x->a,
	    "DELETE FROM keys WHERE kind = 'dkim' AND active = 0"
	    " AND retired > 0 AND retired <= ?",
	    "i", before);
	return e != NULL
		   ? e
		   : state_audit(x, "dkim.sweep", STR_NONE,
			 str_c(arena_printf(x->a, "%u keys", w->removed)));
}

struct err *
state_dkim_sweep(struct task *t, struct state *st, const char *by,
    unsigned *removed_r)
{
	struct state_dkim_work w = { .k = NULL };
	struct err *e = state_change(t, st, by, state_dkim_sweep_run, &w);

	*removed_r = e == NULL ? w.removed : 0;
	return e;
}

/* --- signing --- */

/* The node's own, or the one for all; of several the newest. */
static const struct state_cluster_key *
state_dkim_choose(const struct state_cluster_key *list, unsigned n,
    const char *algorithm, struct str node)
{
	const struct state_cluster_key *best = NULL;
	unsigned i;

	for (i = 0; i < n; i++) {
		const struct state_cluster_key *k = &list[i];

		if (!k->active || !str_eq_c(k->algorithm, algorithm) ||
		    (k->node.n > 0 && !str_eq(k->node, node)))
			continue;
		if (best == NULL || (best->node.n == 0 && k->node.n > 0))
			best = k;
	}
	return best;
}

struct err *
state_dkim_signers(struct arena *a, struct state *st, struct str domain,
    struct str node, struct state_dkim_signer **list_r, unsigned *n_r)
{
	static const char *const algorithms[STATE_DKIM_SIGNERS] = { "rsa",
		"ed25519" };
	const struct state_cluster_key *k;
	struct state_cluster_key *keys;
	struct str name;
	struct err *e;
	unsigned n, i;

	*n_r = 0;
	*list_r = NULL;
	if (state_domain_parse(a, domain, &name) != NULL || name.n == 0)
		return NULL;
	e = state_key_list(a, st, STR("dkim"), name, &keys, &n);
	if (e != NULL || n == 0)
		return e;
	*list_r = arena_alloc(a, STATE_DKIM_SIGNERS * sizeof(**list_r));
	for (i = 0; i < STATE_DKIM_SIGNERS; i++) {
		k = state_dkim_choose(keys, n, algorithms[i], node);
		if (k != NULL)
			(*list_r)[(*n_r)++] =
			    (struct state_dkim_signer){ .domain = k->domain,
				    .selector = k->selector,
				    .algorithm = k->algorithm,
				    .pem = k->secret };
	}
	return NULL;
}
