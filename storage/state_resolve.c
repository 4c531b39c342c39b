/* state_resolve.c - who gets what is sent to an address */
#include "storage/state_account_private.h"
#include "storage/state_address.h"
#include "storage/state_alias.h"
#include "storage/state_setting.h"

struct state_resolving {
	struct state_db *db;
	struct arena *a;
	struct state_recipient *list;
	unsigned n;
	struct str detail;
	unsigned seen; /* addresses expanded: bounds work */
};

static struct err *state_resolve_target(struct state_resolving *r,
    struct str address, unsigned depth);

static struct err *
state_resolve_add(struct state_resolving *r, struct str id, struct str address,
    uint64_t bytes, uint64_t messages)
{
	struct state_recipient *row;
	unsigned i;

	for (i = 0; i < r->n; i++)
		if (str_eq(r->list[i].address, address))
			return NULL;
	if (r->n >= STATE_TARGETS_MAX)
		return err_new(r->a, ERR_LIMIT,
		    "the address leads to too many others", NULL);
	r->list = state_list_add(r->a, r->list, &r->n, sizeof(*r->list));
	row = &r->list[r->n - 1];
	*row = (struct state_recipient){ .account_id = id,
		.address = address,
		.detail = r->detail,
		.quota_bytes = bytes,
		.quota_messages = messages };
	return NULL;
}

/* An account, an alias or a group with exactly this address. */
static struct err *
state_resolve_exact(struct state_resolving *r, struct str address,
    unsigned depth, bool *found_r)
{
	struct state_account ac;
	struct str *targets = NULL;
	struct state_q q;
	struct err *e;
	unsigned n = 0, i;

	*found_r = true;
	e = state_account_by_login(r->db, r->a, address, &ac);
	if (e == NULL)
		return state_resolve_add(r, ac.id, ac.address, ac.quota_bytes,
		    ac.quota_messages);
	if (!err_is(e, ERR_NOTFOUND))
		return e;
	state_q_begin(&q, r->db, r->a,
	    "SELECT target FROM alias_targets WHERE address = ?1"
	    " UNION SELECT member FROM group_members WHERE address = ?1",
	    "t", address);
	while (state_q_row(&q)) {
		targets = state_list_add(r->a, targets, &n, sizeof(*targets));
		targets[n - 1] = state_q_str(&q, 0);
	}
	e = state_q_end(&q);
	*found_r = n > 0;
	for (i = 0; e == NULL && i < n; i++)
		e = state_resolve_target(r, targets[i], depth + 1);
	return e;
}

/* Without "+detail". */
static struct err *
state_resolve_base(struct state_resolving *r, const struct state_address *ad,
    unsigned depth, bool *found_r)
{
	ptrdiff_t plus = str_chr(ad->local, '+');
	struct str base, before = r->detail;
	struct err *e;

	*found_r = false;
	if (plus <= 0)
		return NULL;
	base = str_c(arena_printf(r->a, STR_FMT "@" STR_FMT,
	    STR_ARG(str_sub(ad->local, 0, (size_t)plus)), STR_ARG(ad->domain)));
	if (depth == 0)
		r->detail = str_sub(ad->local, (size_t)plus + 1, ad->local.n);
	e = state_resolve_exact(r, base, depth, found_r);
	r->detail = before;
	return e;
}

static struct err *
state_resolve_catch_all(struct state_resolving *r,
    const struct state_address *ad, unsigned depth, bool *found_r)
{
	return state_resolve_exact(r,
	    str_c(arena_printf(r->a, "@" STR_FMT, STR_ARG(ad->domain))), depth,
	    found_r);
}

/* RFC 5321, 4.5.1; RFC 2142, 4. */
static struct err *
state_resolve_postmaster(struct state_resolving *r,
    const struct state_address *ad, unsigned depth, bool *found_r)
{
	struct str text;
	uint64_t n;
	struct err *e;
	bool def;

	*found_r = false;
	if (!str_eq_c(ad->local, "postmaster") && !str_eq_c(ad->local, "abuse"))
		return NULL;
	e = state_setting_get_in(r->db, r->a, STATE_POSTMASTER, &n, &text,
	    &def);
	if (e != NULL || text.n == 0 || str_eq(text, ad->full))
		return e;
	*found_r = true;
	return state_resolve_target(r, text, depth + 1);
}

/* In this order; the first that finds anything decides. */
static struct err *(*const state_resolve_ways[])(struct state_resolving *r,
    const struct state_address *ad, unsigned depth, bool *found_r) = {
	state_resolve_base,
	state_resolve_postmaster,
	state_resolve_catch_all,
};

static struct err *
state_resolve_local(struct state_resolving *r, const struct state_address *ad,
    unsigned depth)
{
	struct err *e;
	bool found;
	unsigned i;

	e = state_resolve_exact(r, ad->full, depth, &found);
	for (i = 0; e == NULL && !found && i < countof(state_resolve_ways); i++)
		e = state_resolve_ways[i](r, ad, depth, &found);
	return e;
}

static struct err *
state_resolve_target(struct state_resolving *r, struct str address,
    unsigned depth)
{
	struct state_address ad;
	uint64_t quota, max;
	struct err *e;
	bool suspended;

	if (depth > STATE_RESOLVE_DEPTH || r->seen++ > 2 * STATE_TARGETS_MAX)
		return err_new(r->a, ERR_LIMIT,
		    "the address leads in a circle, or to too many others",
		    NULL);
	e = state_address_parse(r->a, address, &ad);
	if (e != NULL)
		return e;
	e = state_domain_get_in(r->db, r->a, ad.domain, &suspended, &quota,
	    &max);
	if (err_is(e, ERR_NOTFOUND)) /* elsewhere */
		return state_resolve_add(r, STR_NONE, ad.full, 0, 0);
	if (e != NULL || suspended)
		return e;
	return state_resolve_local(r, &ad, depth);
}

static struct err *
state_resolve_run(struct state_resolving *r, struct str address,
    bool *foreign_r)
{
	struct state_address ad;
	uint64_t quota, max;
	struct err *e;
	bool suspended;

	e = state_address_parse(r->a, address, &ad);
	if (e != NULL)
		return e;
	e = state_domain_get_in(r->db, r->a, ad.domain, &suspended, &quota,
	    &max);
	if (err_is(e, ERR_NOTFOUND)) {
		*foreign_r = true;
		return err_newf(r->a, ERR_DENIED,
		    STR_FMT " is not a domain of ours", STR_ARG(ad.domain));
	}
	if (e == NULL && suspended)
		e = err_newf(r->a, ERR_DENIED,
		    "the domain " STR_FMT " is suspended", STR_ARG(ad.domain));
	if (e == NULL)
		e = state_resolve_local(r, &ad, 0);
	if (e == NULL && r->n == 0)
		e = err_newf(r->a, ERR_NOTFOUND, "there is nobody " STR_FMT,
		    STR_ARG(ad.full));
	return e;
}

struct err *
state_resolve(struct arena *a, struct state *st, struct str address,
    struct state_recipient **list_r, unsigned *n_r, bool *foreign_r)
{
	struct state_resolving r = { .a = a };
	struct err *e;

	*n_r = 0;
	*list_r = NULL;
	*foreign_r = false;
	e = state_read_begin(a, st, &r.db);
	if (e != NULL)
		return e;
	e = state_resolve_run(&r, address, foreign_r);
	state_read_end(st);
	if (e == NULL) {
		*list_r = r.list;
		*n_r = r.n;
	}
	return e;
}
