/* state_alias.c - addresses that stand for others: aliases and groups */
#include "storage/state_alias.h"

#include "base/unicode.h"
#include "storage/state_address.h"
#include "storage/state_alias_private.h"

/* Aliases and groups are kept alike. */
struct state_alias_kind {
	const char *exists, *remove;
	const char *member_exists, *member_add, *member_remove, *member_count,
	    *members_remove;
	const char *noun, *audit_add, *audit_remove;
};
static const struct state_alias_kind state_alias_kinds[] = {
	{
	    .exists = "SELECT 1 FROM aliases WHERE address = ?",
	    .remove = "DELETE FROM aliases WHERE address = ?",
	    .member_exists = "SELECT 1 FROM alias_targets"
			     " WHERE address = ? AND target = ?",
	    .member_add = "INSERT INTO alias_targets (address, target)"
			  " VALUES (?, ?)",
	    .member_remove = "DELETE FROM alias_targets"
			     " WHERE address = ? AND target = ?",
	    .member_count = "SELECT COUNT(*) FROM alias_targets"
			    " WHERE address = ?",
	    .members_remove = "DELETE FROM alias_targets WHERE address = ?",
	    .noun = "alias",
	    .audit_add = "alias.add",
	    .audit_remove = "alias.remove",
	},
	{
	    .exists = "SELECT 1 FROM groups WHERE address = ?",
	    .remove = "DELETE FROM groups WHERE address = ?",
	    .member_exists = "SELECT 1 FROM group_members"
			     " WHERE address = ? AND member = ?",
	    .member_add = "INSERT INTO group_members (address, member)"
			  " VALUES (?, ?)",
	    .member_remove = "DELETE FROM group_members"
			     " WHERE address = ? AND member = ?",
	    .member_count = "SELECT COUNT(*) FROM group_members"
			    " WHERE address = ?",
	    .members_remove = "DELETE FROM group_members WHERE address = ?",
	    .noun = "group",
	    .audit_add = "group.member-add",
	    .audit_remove = "group.member-remove",
	},
};

struct state_alias_work {
	const struct state_alias_kind *kind;
	struct state_address address, target;
	struct str name, posters;
};

static struct err *
state_alias_missing(struct state_tx *x, const struct state_alias_work *w)
{
	return err_newf(x->a, ERR_NOTFOUND, "there is no %s " STR_FMT,
	    w->kind->noun, STR_ARG(w->address.full));
}

static struct err *
state_alias_domain(struct state_tx *x, const struct state_alias_work *w)
{
	uint64_t quota, max;
	bool suspended;

	return state_domain_get_in(x->db, x->a, w->address.domain, &suspended,
	    &quota, &max);
}

/* --- members of either --- */

static struct err *
state_alias_member_add(struct state_tx *x, const struct state_alias_work *w)
{
	const struct state_alias_kind *k = w->kind;
	struct err *e;
	int64_t n = 0;
	bool have;

	e = state_exists(x->db, x->a, &have, k->member_exists, "tt",
	    w->address.full, w->target.full);
	if (e == NULL && have)
		e = err_newf(x->a, ERR_DUPLICATE,
		    STR_FMT " leads to " STR_FMT " already",
		    STR_ARG(w->address.full), STR_ARG(w->target.full));
	if (e == NULL)
		e = state_number(x->db, x->a, &n, k->member_count, "t",
		    w->address.full);
	if (e == NULL && n >= STATE_TARGETS_MAX)
		e = err_newf(x->a, ERR_LIMIT, "an %s leads to at most %d",
		    k->noun, STATE_TARGETS_MAX);
	if (e == NULL)
		e = state_run(x->db, x->a, k->member_add, "tt", w->address.full,
		    w->target.full);
	return e != NULL ? e
			 : state_audit(x, k->audit_add, w->address.full,
			       w->target.full);
}

static struct err *
state_alias_member_remove(struct state_tx *x, const struct state_alias_work *w)
{
	const struct state_alias_kind *k = w->kind;
	struct err *e;
	bool have;

	e = state_exists(x->db, x->a, &have, k->member_exists, "tt",
	    w->address.full, w->target.full);
	if (e == NULL && !have)
		e = err_newf(x->a, ERR_NOTFOUND,
		    STR_FMT " does not lead to " STR_FMT,
		    STR_ARG(w->address.full), STR_ARG(w->target.full));
	if (e == NULL)
		e = state_run(x->db, x->a, k->member_remove, "tt",
		    w->address.full, w->target.full);
	return e != NULL ? e
			 : state_audit(x, k->audit_remove, w->address.full,
			       w->target.full);
}

/* --- aliases --- */

static struct err *
state_alias_add_run(struct state_tx *x, void *arg)
{
	struct state_alias_work *w = arg;
	struct err *e;
	bool have;

	e = state_exists(x->db, x->a, &have, w->kind->exists, "t",
	    w->address.full);
	if (e == NULL && !have) {
		e = state_alias_domain(x, w);
		if (e == NULL)
			e = state_address_is_free(x->db, x->a, w->address.full);
		if (e == NULL)
			e = state_run(x->db, x->a,
			    "INSERT INTO aliases (address, domain, created)"
			    " VALUES (?, ?, ?)",
			    "tti", w->address.full, w->address.domain,
			    (int64_t)x->now_s);
	}
	return e != NULL ? e : state_alias_member_add(x, w);
}

struct err *
state_alias_add(struct task *t, struct state *st, const char *by,
    struct str address, struct str target)
{
	struct state_alias_work w = { .kind = &state_alias_kinds[0] };
	struct arena *a = task_arena(t);
	struct err *e;

	e = state_address_parse_any(a, address, &w.address);
	if (e == NULL)
		e = state_address_parse(a, target, &w.target);
	if (e == NULL && str_eq(w.address.full, w.target.full))
		e = err_new(a, ERR_INVALID, "an alias of itself", NULL);
	return e != NULL ? e : state_change(t, st, by, state_alias_add_run, &w);
}

static struct err *
state_alias_remove_all(struct state_tx *x, const struct state_alias_work *w)
{
	struct err *e;

	e = state_run(x->db, x->a, w->kind->members_remove, "t",
	    w->address.full);
	if (e == NULL)
		e = state_run(x->db, x->a, w->kind->remove, "t",
		    w->address.full);
	return e != NULL ? e
			 : state_audit(x, w->kind->audit_remove,
			       w->address.full, STR_NONE);
}

static struct err *
state_alias_remove_run(struct state_tx *x, void *arg)
{
	struct state_alias_work *w = arg;
	int64_t left = 1;
	struct err *e;
	bool have;

	e = state_exists(x->db, x->a, &have, w->kind->exists, "t",
	    w->address.full);
	if (e == NULL && !have)
		e = state_alias_missing(x, w);
	if (e != NULL || w->target.full.n == 0)
		return e != NULL ? e : state_alias_remove_all(x, w);
	e = state_alias_member_remove(x, w);
	if (e == NULL)
		e = state_number(x->db, x->a, &left, w->kind->member_count, "t",
		    w->address.full);
	/* An alias without targets is none. */
	if (e == NULL && left == 0)
		e = state_run(x->db, x->a, w->kind->remove, "t",
		    w->address.full);
	return e;
}

struct err *
state_alias_remove(struct task *t, struct state *st, const char *by,
    struct str address, struct str target)
{
	struct state_alias_work w = { .kind = &state_alias_kinds[0] };
	struct arena *a = task_arena(t);
	struct err *e;

	e = state_address_parse_any(a, address, &w.address);
	if (e == NULL && target.n > 0)
		e = state_address_parse(a, target, &w.target);
	return e != NULL ? e
			 : state_change(t, st, by, state_alias_remove_run, &w);
}

/* --- groups --- */

static struct err *
state_group_add_run(struct state_tx *x, void *arg)
{
	struct state_alias_work *w = arg;
	struct err *e;

	e = state_alias_domain(x, w);
	if (e == NULL)
		e = state_address_is_free(x->db, x->a, w->address.full);
	if (e == NULL)
		e = state_run(x->db, x->a,
		    "INSERT INTO groups (address, domain, name, posters,"
		    " created) VALUES (?, ?, ?, ?, ?)",
		    "tttti", w->address.full, w->address.domain, w->name,
		    w->posters, (int64_t)x->now_s);
	return e != NULL
		   ? e
		   : state_audit(x, "group.add", w->address.full, w->posters);
}

struct err *
state_group_check(struct arena *a, struct str name, struct str posters)
{
	if (!str_eq_c(posters, "anyone") && !str_eq_c(posters, "domain") &&
	    !str_eq_c(posters, "members"))
		return err_new(a, ERR_INVALID,
		    "who may write to a group is anyone, domain or members",
		    NULL);
	if (name.n > 500)
		return err_new(a, ERR_INVALID, "the name is too long", NULL);
	if (!unicode_is_utf8(name))
		return err_new(a, ERR_INVALID, "the name is not UTF-8", NULL);
	return NULL;
}

struct err *
state_group_add(struct task *t, struct state *st, const char *by,
    struct str address, struct str name, struct str posters)
{
	struct state_alias_work w = { .kind = &state_alias_kinds[1],
		.name = name,
		.posters = posters.n > 0 ? posters : STR("anyone") };
	struct arena *a = task_arena(t);
	struct err *e;

	e = state_address_parse(a, address, &w.address);
	if (e == NULL)
		e = state_group_check(a, w.name, w.posters);
	return e != NULL ? e : state_change(t, st, by, state_group_add_run, &w);
}

struct state_group_setting {
	struct state_alias_work w;
	bool name, posters; /* are to be changed */
};

static struct err *
state_group_set_run(struct state_tx *x, void *arg)
{
	const struct state_group_setting *s = arg;
	struct err *e;
	bool have;

	e = state_exists(x->db, x->a, &have, s->w.kind->exists, "t",
	    s->w.address.full);
	if (e == NULL && !have)
		e = state_alias_missing(x, &s->w);
	if (e == NULL && s->name)
		e = state_run(x->db, x->a,
		    "UPDATE groups SET name = ? WHERE address = ?", "tt",
		    s->w.name, s->w.address.full);
	if (e == NULL && s->posters)
		e = state_run(x->db, x->a,
		    "UPDATE groups SET posters = ? WHERE address = ?", "tt",
		    s->w.posters, s->w.address.full);
	return e != NULL ? e
			 : state_audit(x, "group.set", s->w.address.full,
			       s->posters ? s->w.posters : STR_NONE);
}

struct err *
state_group_set(struct task *t, struct state *st, const char *by,
    struct str address, const struct str *name, const struct str *posters)
{
	struct state_group_setting s = {
		.w = { .kind = &state_alias_kinds[1],
		    .name = name != NULL ? *name : STR_NONE,
		    .posters = posters != NULL ? *posters : STR("anyone") },
		.name = name != NULL,
		.posters = posters != NULL,
	};
	struct arena *a = task_arena(t);
	struct err *e;

	e = state_address_parse(a, address, &s.w.address);
	if (e == NULL)
		e = state_group_check(a, s.w.name, s.w.posters);
	return e != NULL ? e : state_change(t, st, by, state_group_set_run, &s);
}

static struct err *
state_group_remove_run(struct state_tx *x, void *arg)
{
	struct state_alias_work *w = arg;
	struct err *e;
	bool have;

	e = state_exists(x->db, x->a, &have, w->kind->exists, "t",
	    w->address.full);
	if (e == NULL && !have)
		e = state_alias_missing(x, w);
	if (e == NULL)
		e = state_run(x->db, x->a, w->kind->members_remove, "t",
		    w->address.full);
	if (e == NULL)
		e = state_run(x->db, x->a, w->kind->remove, "t",
		    w->address.full);
	return e != NULL
		   ? e
		   : state_audit(x, "group.remove", w->address.full, STR_NONE);
}

struct err *
state_group_remove(struct task *t, struct state *st, const char *by,
    struct str address)
{
	struct state_alias_work w = { .kind = &state_alias_kinds[1] };
	struct err *e;

	e = state_address_parse(task_arena(t), address, &w.address);
	return e != NULL ? e
			 : state_change(t, st, by, state_group_remove_run, &w);
}

struct state_group_membership {
	struct state_alias_work w;
	bool add;
};

static struct err *
state_group_member_run(struct state_tx *x, void *arg)
{
	struct state_group_membership *m = arg;
	struct err *e;
	bool have;

	e = state_exists(x->db, x->a, &have, m->w.kind->exists, "t",
	    m->w.address.full);
	if (e == NULL && !have)
		e = state_alias_missing(x, &m->w);
	if (e != NULL)
		return e;
	return m->add ? state_alias_member_add(x, &m->w)
		      : state_alias_member_remove(x, &m->w);
}

struct err *
state_group_member(struct task *t, struct state *st, const char *by,
    struct str address, struct str member, bool add)
{
	struct state_group_membership m = { .w = { .kind =
						       &state_alias_kinds[1] },
		.add = add };
	struct arena *a = task_arena(t);
	struct err *e;

	e = state_address_parse(a, address, &m.w.address);
	if (e == NULL)
		e = state_address_parse(a, member, &m.w.target);
	return e != NULL ? e
			 : state_change(t, st, by, state_group_member_run, &m);
}
