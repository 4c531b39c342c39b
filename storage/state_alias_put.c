/* state_alias_put.c - an alias or a group as a whole */
#include "storage/state_address.h"
#include "storage/state_alias_private.h"

#define STATE_ALIAS_DETAIL_MAX 4000

struct state_alias_putting {
	const struct state_alias_put *p;
	struct state_address address;
	struct str *targets; /* normalised */
	unsigned n;
};

static const struct {
	const char *noun, *a_noun, *audit_add, *audit_set;
	const char *exists, *add, *clear, *put;
} state_alias_puts[] = {
	{ "alias", "an alias", "alias.add", "alias.set",
	    "SELECT 1 FROM aliases WHERE address = ?",
	    "INSERT INTO aliases (address, domain, created) VALUES (?, ?, ?)",
	    "DELETE FROM alias_targets WHERE address = ?",
	    "INSERT INTO alias_targets (address, target) VALUES (?, ?)" },
	{ "group", "a group", "group.add", "group.set",
	    "SELECT 1 FROM groups WHERE address = ?",
	    "INSERT INTO groups (address, domain, created, name, posters)"
	    " VALUES (?, ?, ?, '', 'anyone')",
	    "DELETE FROM group_members WHERE address = ?",
	    "INSERT INTO group_members (address, member) VALUES (?, ?)" },
};

static struct err *
state_alias_put_new(struct state_tx *x, const struct state_alias_putting *w)
{
	uint64_t quota, max;
	struct err *e;
	bool suspended;

	e = state_domain_get_in(x->db, x->a, w->address.domain, &suspended,
	    &quota, &max);
	if (e == NULL)
		e = state_address_is_free(x->db, x->a, w->address.full);
	if (e == NULL)
		e = state_run(x->db, x->a, state_alias_puts[w->p->group].add,
		    "tti", w->address.full, w->address.domain, x->now_s);
	return e;
}

static struct err *
state_alias_put_old(struct state_tx *x, const struct state_alias_putting *w)
{
	struct err *e;
	bool have;

	e = state_exists(x->db, x->a, &have,
	    state_alias_puts[w->p->group].exists, "t", w->address.full);
	if (e == NULL && !have)
		e = err_newf(x->a, ERR_NOTFOUND, "there is no %s " STR_FMT,
		    state_alias_puts[w->p->group].noun,
		    STR_ARG(w->address.full));
	return e;
}

static struct err *
state_alias_put_targets(struct state_tx *x, const struct state_alias_putting *w)
{
	struct err *e = state_run(x->db, x->a,
	    state_alias_puts[w->p->group].clear, "t", w->address.full);
	unsigned i;

	for (i = 0; e == NULL && i < w->n; i++)
		e = state_run(x->db, x->a, state_alias_puts[w->p->group].put,
		    "tt", w->address.full, w->targets[i]);
	return e;
}

/* Long lists are cut. */
static struct err *
state_alias_put_audit(struct state_tx *x, const struct state_alias_putting *w)
{
	struct buf b;
	unsigned i;

	buf_init(&b, x->a, STATE_ALIAS_DETAIL_MAX);
	if (w->p->posters != NULL)
		buf_fmt(&b, "by " STR_FMT, STR_ARG(*w->p->posters));
	for (i = 0; w->p->targets != NULL && i < w->n; i++) {
		if (b.n + w->targets[i].n + 8 > STATE_ALIAS_DETAIL_MAX) {
			buf_c(&b, " ...");
			break;
		}
		buf_fmt(&b, "%s" STR_FMT, b.n > 0 ? " " : "",
		    STR_ARG(w->targets[i]));
	}
	return state_audit(x,
	    w->p->add ? state_alias_puts[w->p->group].audit_add
		      : state_alias_puts[w->p->group].audit_set,
	    w->address.full, buf_str(&b));
}

static struct err *
state_alias_put_run(struct state_tx *x, void *arg)
{
	const struct state_alias_putting *w = arg;
	struct err *e;

	e = w->p->add ? state_alias_put_new(x, w) : state_alias_put_old(x, w);
	if (e == NULL && w->p->targets != NULL)
		e = state_alias_put_targets(x, w);
	if (e == NULL && w->p->name != NULL)
		e = state_run(x->db, x->a,
		    "UPDATE groups SET name = ? WHERE address = ?", "tt",
		    *w->p->name, w->address.full);
	if (e == NULL && w->p->posters != NULL)
		e = state_run(x->db, x->a,
		    "UPDATE groups SET posters = ? WHERE address = ?", "tt",
		    *w->p->posters, w->address.full);
	return e != NULL ? e : state_alias_put_audit(x, w);
}

/* --- what was asked for --- */

static bool
state_alias_put_has(const struct state_alias_putting *w, struct str target)
{
	unsigned i;

	for (i = 0; i < w->n; i++)
		if (str_eq(w->targets[i], target))
			return true;
	return false;
}

static struct err *
state_alias_put_parse(struct arena *a, struct state_alias_putting *w)
{
	const struct state_alias_put *p = w->p;
	struct state_address ad;
	struct err *e;
	unsigned i;

	if (p->n > STATE_TARGETS_MAX)
		return err_newf(a, ERR_LIMIT, "%s leads to at most %d",
		    state_alias_puts[p->group].a_noun, STATE_TARGETS_MAX);
	w->targets = arena_array(a, p->n + 1, sizeof(*w->targets));
	for (i = 0; p->targets != NULL && i < p->n; i++) {
		e = state_address_parse(a, p->targets[i], &ad);
		if (e != NULL)
			return e;
		if (str_eq(ad.full, w->address.full))
			return err_newf(a, ERR_INVALID, "%s of itself",
			    state_alias_puts[p->group].a_noun);
		if (!state_alias_put_has(w, ad.full))
			w->targets[w->n++] = ad.full;
	}
	if (!p->group && w->n == 0 && (p->add || p->targets != NULL))
		return err_new(a, ERR_INVALID, "an alias has a target", NULL);
	return NULL;
}

struct err *
state_alias_put(struct task *t, struct state *st, const char *by,
    struct str address, const struct state_alias_put *p)
{
	struct state_alias_putting w = { .p = p };
	struct arena *a = task_arena(t);
	struct err *e;

	e = p->group ? state_address_parse(a, address, &w.address)
		     : state_address_parse_any(a, address, &w.address);
	if (e == NULL && p->group)
		e = state_group_check(a, p->name != NULL ? *p->name : STR_NONE,
		    p->posters != NULL ? *p->posters : STR("anyone"));
	if (e == NULL)
		e = state_alias_put_parse(a, &w);
	return e != NULL ? e : state_change(t, st, by, state_alias_put_run, &w);
}
