/* state_resolve.c - who gets what is sent to an address */
#include "storage/state_resolve_private.h"

#include "storage/state_account_private.h"
#include "storage/state_alias.h"
#include "storage/state_domain.h"
#include "storage/state_setting.h"

/* Of all that one question follows of what accounts forward: who is met behind
 * that keeps his mail. */
#define STATE_RESOLVE_FOLLOWED_MAX (8 * STATE_TARGETS_MAX)

struct state_resolving {
	struct state_db *db;
	struct arena *a;
	const struct state *st;
	struct state_recipient *list;
	unsigned n;
	struct str detail;
	struct str via;	  /* what led to where we are; empty: nothing */
	struct str *seen; /* addresses that were looked at */
	unsigned seen_n;
	/* How many of list and seen accounts' forwards led to: theirs is an
	 * allowance of its own, what one forwards takes no room from others. */
	unsigned forwarded, seen_forwarded;
	unsigned followed;	/* the latter, and what was taken back */
	bool circle;		/* one of them was met again */
	bool aliases;		/* groups lead nowhere */
	bool plain;		/* accounts forward nothing */
	bool strict;		/* what the asked one does not keep, it lacks */
	bool copy;		/* what is added is kept of what is forwarded */
	bool forward;		/* via is an account */
	const struct str *from; /* NULL: groups are open to all */
	bool closed;		/* a group was not, and said so */
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
		if (str_eq(r->list[i].address, address)) {
			r->circle = true;
			return NULL;
		}
	if ((r->forward ? r->forwarded : r->n - r->forwarded) >=
	    STATE_TARGETS_MAX)
		return err_new(r->a, ERR_LIMIT,
		    "the address leads to too many others", NULL);
	r->list = state_list_add(r->a, r->list, &r->n, sizeof(*r->list));
	row = &r->list[r->n - 1];
	*row = (struct state_recipient){ .account_id = id,
		.address = address,
		.detail = r->detail,
		.via = r->via,
		.copy = r->copy,
		.forward = r->forward,
		.quota_bytes = bytes,
		.quota_messages = messages };
	r->forwarded += r->forward;
	return NULL;
}

/* --- groups and who may write to them --- */

static bool
state_resolve_meets(const struct state_resolving *x,
    const struct state_resolving *y)
{
	unsigned i, k;

	for (i = 0; i < x->n; i++)
		for (k = 0; k < y->n; k++)
			if (str_eq(x->list[i].address, y->list[k].address))
				return true;
	return false;
}

/* Whether the sender's address leads to somebody the group leads to. */
static struct err *
state_resolve_is_member(const struct state_resolving *r, struct str group,
    struct str from, bool *yes_r)
{
	struct state_resolving members = { .a = r->a,
		.db = r->db,
		.st = r->st,
		.plain = true };
	struct state_resolving sender = members;
	struct err *e;

	e = state_resolve_target(&members, group, 0);
	if (e == NULL)
		e = state_resolve_target(&sender, from, 0);
	*yes_r = e == NULL && state_resolve_meets(&sender, &members);
	return err_is(e, ERR_LIMIT) ? NULL : e;
}

static struct err *
state_resolve_is_open(const struct state_resolving *r, struct str group,
    struct str posters, bool *yes_r)
{
	struct state_address from, g;

	*yes_r = r->from == NULL || str_eq_c(posters, "anyone");
	if (*yes_r || state_address_parse(r->a, *r->from, &from) != NULL)
		return NULL;
	if (!str_eq_c(posters, "domain"))
		return state_resolve_is_member(r, group, from.full, yes_r);
	*yes_r = state_address_parse(r->a, group, &g) == NULL &&
		 str_eq(from.domain, g.domain);
	return NULL;
}

/* *found_r: it is a group; *go_r: and its members are to be looked at. */
static struct err *
state_resolve_group(struct state_resolving *r, struct str address,
    bool *found_r, bool *go_r)
{
	struct str posters = STR_NONE;
	struct state_q q;
	struct err *e;

	*go_r = true;
	state_q_begin(&q, r->db, r->a,
	    "SELECT posters FROM groups WHERE address = ?", "t", address);
	*found_r = state_q_row(&q);
	if (*found_r)
		posters = state_q_str(&q, 0);
	e = state_q_end(&q);
	if (e != NULL || !*found_r)
		return e;
	if (r->aliases)
		*go_r = false;
	else
		e = state_resolve_is_open(r, address, posters, go_r);
	r->closed |= !*go_r;
	return e;
}

static struct err *
state_resolve_targets(struct state_resolving *r, struct str address,
    struct str **targets_r, unsigned *n_r)
{
	struct state_q q;

	state_q_begin(&q, r->db, r->a,
	    "SELECT target FROM alias_targets WHERE address = ?1"
	    " UNION SELECT member FROM group_members WHERE address = ?1",
	    "t", address);
	return state_q_list(&q, r->st, &state_rows_str, targets_r, n_r);
}

/* --- an account, and what it forwards to (state_forward.h) --- */

static struct err *
state_resolve_own(struct state_resolving *r, const struct state_account *ac,
    bool copy)
{
	struct err *e;

	r->copy = copy;
	e = state_resolve_add(r, ac->id, ac->address, ac->quota_bytes,
	    ac->quota_messages);
	r->copy = false;
	return e;
}

/* Its targets; all of them or, with ERR_LIMIT, none: what they led to is as if
 * it had not been looked at. */
static struct err *
state_resolve_forwards(struct state_resolving *r,
    const struct state_account *ac, const struct state_forward *f,
    unsigned depth)
{
	const struct state_resolving before = *r;
	struct err *e = NULL;
	unsigned i;

	r->via = ac->address;
	r->forward = true;
	for (i = 0; e == NULL && i < f->n; i++)
		e = state_resolve_target(r, f->targets[i], depth + 1);
	r->via = before.via;
	r->forward = before.forward;
	if (err_is(e, ERR_LIMIT)) {
		r->n = before.n;
		r->forwarded = before.forwarded;
		r->seen_n = before.seen_n;
		r->seen_forwarded = before.seen_forwarded;
	}
	return e;
}

/*
 * An account's mail is not lost for what became of its targets: with none of
 * them left it is kept, also what was not to be; and who forwards to too many
 * forwards nothing, rather than keep a group or others who forward to him from
 * their mail.
 */
static struct err *
state_resolve_forward(struct state_resolving *r, const struct state_account *ac,
    const struct state_forward *f, unsigned depth)
{
	const bool circle = r->circle, closed = r->closed;
	const unsigned own = r->n;
	struct err *e = NULL;
	bool limit, keep;
	unsigned n;

	if (f->keep)
		e = state_resolve_own(r, ac, true);
	if (e != NULL)
		return e;
	n = r->n;
	r->circle = r->closed = false;
	e = state_resolve_forwards(r, ac, f, depth);
	limit = err_is(e, ERR_LIMIT) && (f->keep || depth > 0);
	/* round: whoever was met may have it, unless that is nobody at all */
	keep = limit || (!r->closed && !(r->strict && depth == 0) &&
			    (!r->circle || (!r->forward && r->n == 0)));
	if (limit)
		e = NULL;
	/* nobody else gets it: no copy then, the message itself */
	if (e == NULL && r->n == n && n > own)
		r->list[own].copy = false;
	else if (e == NULL && r->n == n && !f->keep && keep)
		e = state_resolve_own(r, ac, false);
	r->circle |= circle;
	r->closed |= closed;
	return e;
}

static struct err *
state_resolve_account(struct state_resolving *r, const struct state_account *ac,
    unsigned depth)
{
	struct state_forward f = { .keep = true };
	struct err *e = NULL;

	if (!r->plain && r->followed < STATE_RESOLVE_FOLLOWED_MAX &&
	    ac->status == STATE_ACCOUNT_ACTIVE)
		e = state_forward_of(r->db, r->a, r->st, ac->id, &f);
	if (e != NULL)
		return e;
	return f.n > 0 ? state_resolve_forward(r, ac, &f, depth)
		       : state_resolve_own(r, ac, false);
}

/* --- one address --- */

/* An account, an alias or a group with exactly this address; asked: the whole
 * address that led to it. */
static struct err *
state_resolve_exact(struct state_resolving *r, struct str address,
    struct str asked, unsigned depth, bool *found_r)
{
	const struct str *from = r->from;
	struct str *targets, via = r->via;
	struct state_account ac;
	struct err *e;
	unsigned n, i;
	bool group, go;

	*found_r = true;
	e = state_account_by_login(r->db, r->a, address, &ac);
	if (e == NULL)
		return state_resolve_account(r, &ac, depth);
	if (!err_is(e, ERR_NOTFOUND))
		return e;
	e = state_resolve_group(r, address, &group, &go);
	if (e != NULL || !go)
		return e;
	e = state_resolve_targets(r, address, &targets, &n);
	*found_r = group || n > 0;
	/* Who put a group into a group has let its writers in. */
	if (group)
		r->from = NULL;
	if (!r->forward) /* else it is what an account forwards, still */
		r->via = asked;
	for (i = 0; e == NULL && i < n; i++)
		e = state_resolve_target(r, targets[i], depth + 1);
	r->via = via;
	r->from = from;
	return e;
}

static struct err *
state_resolve_separators(struct state_db *db, struct arena *a,
    const struct state *st, struct str domain, struct str *separators_r)
{
	struct state_domain_rules rules;
	struct err *e = state_domain_rules_in(db, a, st, domain, &rules);

	*separators_r = e == NULL ? rules.separators : STR("+");
	return err_is(e, ERR_NOTFOUND) ? NULL : e;
}

struct err *
state_resolve_shorter(struct state_db *db, struct arena *a,
    const struct state *st, const struct state_address *ad, size_t *end,
    struct str *base_r)
{
	struct str separators;
	struct err *e;

	e = state_resolve_separators(db, a, st, ad->domain, &separators);
	if (e != NULL)
		return e;
	/* Not at the very beginning: that would leave nobody. */
	while (*end > 0 && --*end > 0)
		if (str_chr(separators, ad->local.p[*end]) >= 0)
			break;
	*base_r = str_c(arena_printf(a, STR_FMT "@" STR_FMT,
	    STR_ARG(str_sub(ad->local, 0, *end)), STR_ARG(ad->domain)));
	return NULL;
}

/* Without its detail. */
static struct err *
state_resolve_base(struct state_resolving *r, const struct state_address *ad,
    unsigned depth, bool *found_r)
{
	struct str base, before = r->detail;
	struct err *e = NULL;
	size_t end = ad->local.n;

	*found_r = false;
	while (e == NULL && !*found_r) {
		e = state_resolve_shorter(r->db, r->a, r->st, ad, &end, &base);
		if (e != NULL || end == 0)
			break;
		if (depth == 0)
			r->detail = str_sub(ad->local, end + 1, ad->local.n);
		e = state_resolve_exact(r, base, ad->full, depth, found_r);
	}
	r->detail = before;
	return e;
}

static struct err *
state_resolve_catch_all(struct state_resolving *r,
    const struct state_address *ad, unsigned depth, bool *found_r)
{
	return state_resolve_exact(r,
	    str_c(arena_printf(r->a, "@" STR_FMT, STR_ARG(ad->domain))),
	    ad->full, depth, found_r);
}

/* RFC 5321, 4.5.1; RFC 2142, 4. */
static struct err *
state_resolve_postmaster(struct state_resolving *r,
    const struct state_address *ad, unsigned depth, bool *found_r)
{
	struct str text, via = r->via;
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
	if (!r->forward)
		r->via = ad->full;
	e = state_resolve_target(r, text, depth + 1);
	r->via = via;
	return e;
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

	e = state_resolve_exact(r, ad->full, ad->full, depth, &found);
	for (i = 0; e == NULL && !found && i < countof(state_resolve_ways); i++)
		e = state_resolve_ways[i](r, ad, depth, &found);
	return e;
}

/* Whether the address was looked at before; it is now. */
static struct err *
state_resolve_see(struct state_resolving *r, struct str address, bool *seen_r)
{
	unsigned i;

	*seen_r = true;
	for (i = 0; i < r->seen_n; i++)
		if (str_eq(r->seen[i], address))
			return NULL;
	*seen_r = false;
	r->followed += r->forward;
	if ((r->forward ? r->seen_forwarded : r->seen_n - r->seen_forwarded) >
	    2 * STATE_TARGETS_MAX)
		return err_new(r->a, ERR_LIMIT,
		    "the address leads to too many others", NULL);
	r->seen = state_list_add(r->a, r->seen, &r->seen_n, sizeof(*r->seen));
	r->seen[r->seen_n - 1] = address;
	r->seen_forwarded += r->forward;
	return NULL;
}

static struct err *
state_resolve_target(struct state_resolving *r, struct str address,
    unsigned depth)
{
	struct state_address ad;
	uint64_t quota, max;
	bool suspended, seen;
	struct err *e;

	if (depth > STATE_RESOLVE_DEPTH)
		return err_new(r->a, ERR_LIMIT,
		    "the address leads too far around", NULL);
	e = state_address_parse(r->a, address, &ad);
	if (e == NULL)
		e = state_resolve_see(r, ad.full, &seen);
	if (e != NULL)
		return e;
	if (seen) {
		r->circle = true;
		return NULL;
	}
	e = state_domain_get_in(r->db, r->a, ad.domain, &suspended, &quota,
	    &max);
	if (err_is(e, ERR_NOTFOUND)) /* elsewhere */
		return state_resolve_add(r, STR_NONE, ad.full, 0, 0);
	if (e != NULL || suspended)
		return e;
	return state_resolve_local(r, &ad, depth);
}

/* --- from outside --- */

static struct err *
state_resolve_nobody(struct state_resolving *r, const struct state_address *ad)
{
	if (r->closed)
		return err_newf(r->a, ERR_DENIED,
		    "the sender may not write to " STR_FMT, STR_ARG(ad->full));
	if (r->circle)
		return err_new(r->a, ERR_LIMIT, "the address leads in a circle",
		    NULL);
	return err_newf(r->a, ERR_NOTFOUND, "there is nobody " STR_FMT,
	    STR_ARG(ad->full));
}

static struct err *
state_resolve_run(struct state_resolving *r, struct str address,
    bool *foreign_r)
{
	struct state_address ad;
	uint64_t quota, max;
	struct err *e;
	bool suspended, seen;

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
		e = state_resolve_see(r, ad.full, &seen);
	if (e == NULL)
		e = state_resolve_local(r, &ad, 0);
	if (e == NULL && r->n == 0)
		e = state_resolve_nobody(r, &ad);
	return e;
}

static struct err *
state_resolve_open(struct state_resolving *r, struct state *st,
    struct str address, struct state_recipient **list_r, unsigned *n_r,
    bool *foreign_r, bool *closed_r)
{
	struct err *e;

	*n_r = 0;
	*list_r = NULL;
	*foreign_r = *closed_r = false;
	r->st = st;
	e = state_read_begin(r->a, st, &r->db);
	if (e != NULL)
		return e;
	e = state_resolve_run(r, address, foreign_r);
	state_read_end(st);
	if (e == NULL) {
		*list_r = r->list;
		*n_r = r->n;
	}
	*closed_r = err_is(e, ERR_DENIED) && r->closed;
	return e;
}

struct err *
state_resolve(struct arena *a, struct state *st, struct str address,
    struct state_recipient **list_r, unsigned *n_r, bool *foreign_r)
{
	struct state_resolving r = { .a = a };
	bool closed;

	return state_resolve_open(&r, st, address, list_r, n_r, foreign_r,
	    &closed);
}

struct err *
state_resolve_plain(struct arena *a, struct state *st, struct str address,
    struct state_recipient **list_r, unsigned *n_r, bool *foreign_r)
{
	struct state_resolving r = { .a = a, .plain = true };
	bool closed;

	return state_resolve_open(&r, st, address, list_r, n_r, foreign_r,
	    &closed);
}

struct err *
state_resolve_from(struct arena *a, struct state *st, struct str address,
    struct str from, struct state_recipient **list_r, unsigned *n_r,
    bool *foreign_r, bool *closed_r)
{
	struct state_resolving r = { .a = a, .from = &from };

	return state_resolve_open(&r, st, address, list_r, n_r, foreign_r,
	    closed_r);
}

struct err *
state_resolve_in(struct state_db *db, struct arena *a, struct state *st,
    struct str address, struct state_recipient **list_r, unsigned *n_r)
{
	struct state_resolving r = { .a = a,
		.db = db,
		.st = st,
		.strict = true };
	bool foreign = false;
	struct err *e = state_resolve_run(&r, address, &foreign);

	*list_r = r.list;
	*n_r = r.n;
	return e;
}

struct err *
state_resolve_leads_to(struct state_db *db, struct arena *a, struct state *st,
    const struct state_address *ad, struct str account_id, bool *yes_r)
{
	struct state_resolving r = { .a = a,
		.db = db,
		.st = st,
		.aliases = true,
		.plain = true };
	struct err *e = state_resolve_target(&r, ad->full, 0);
	unsigned i;

	*yes_r = false;
	for (i = 0; e == NULL && i < r.n; i++)
		*yes_r |= r.list[i].account_id.n > 0 &&
			  str_eq(r.list[i].account_id, account_id);
	return err_is(e, ERR_LIMIT) ? NULL : e;
}
