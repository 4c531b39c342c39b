/* state_alias.h - addresses that stand for others: aliases and groups */
#ifndef STORAGE_STATE_ALIAS_H
#define STORAGE_STATE_ALIAS_H

#include "storage/state_account.h"

/*
 * An alias has one or more targets: addresses here or elsewhere.  "@domain" as
 * an alias is the domain's catch-all.  A group is the same with a name and a
 * rule who may write to it.  Accounts, aliases and groups share one space of
 * addresses.
 */
#define STATE_TARGETS_MAX 1000
#define STATE_RESOLVE_DEPTH 8 /* alias of alias; deeper is a loop */

struct state_alias {
	struct str address;
	int64_t created;
	struct str *targets;
	unsigned n;
	bool group; /* then: */
	struct str name;
	struct str posters; /* "anyone", "domain", "members" */
};

/* Add a target (the alias is made with the first). ERR_DUPLICATE: an account
 * or group has the address, or the target is there; ERR_NOTFOUND: the alias's
 * domain is not ours. */
may_yield must_check struct err *state_alias_add(struct task *t,
    struct state *st, const char *by, struct str address, struct str target);
/* Remove a target, or (empty) the whole alias. */
may_yield must_check struct err *state_alias_remove(struct task *t,
    struct state *st, const char *by, struct str address, struct str target);
may_yield must_check struct err *state_group_add(struct task *t,
    struct state *st, const char *by, struct str address, struct str name,
    struct str posters);
/* NULL: as it was. */
may_yield must_check struct err *state_group_set(struct task *t,
    struct state *st, const char *by, struct str address,
    const struct str *name, const struct str *posters);
may_yield must_check struct err *state_group_remove(struct task *t,
    struct state *st, const char *by, struct str address);
may_yield must_check struct err *state_group_member(struct task *t,
    struct state *st, const char *by, struct str address, struct str member,
    bool add);

/*
 * An alias or a group as it is to be, in one entry.  add: ERR_DUPLICATE if
 * anything has the address; else ERR_NOTFOUND if there is none.  An alias has
 * at least one target (ERR_INVALID: remove it); targets that are there twice
 * count once.
 */
struct state_alias_put {
	bool group, add;
	const struct str *targets; /* or members; NULL: as they were */
	unsigned n;
	/* of a group; NULL: as they were (add: empty, "anyone") */
	const struct str *name, *posters;
};
may_yield must_check struct err *state_alias_put(struct task *t,
    struct state *st, const char *by, struct str address,
    const struct state_alias_put *p);

/* domain empty: all. In order of address, after `after`, at most max. */
must_check struct err *state_alias_list(struct arena *a, struct state *st,
    bool groups, struct str domain, struct str after, unsigned max,
    struct state_alias **list_r, unsigned *n_r);
/* The same, of those that have search in their address, case-folded. */
must_check struct err *state_alias_search(struct arena *a, struct state *st,
    bool groups, struct str domain, struct str search, struct str after,
    unsigned max, struct state_alias **list_r, unsigned *n_r);
/* Addresses of the aliases (groups) that name this one: ERR_INVALID if it is
 * none. */
must_check struct err *state_alias_naming(struct arena *a, struct state *st,
    bool groups, struct str target, struct str **list_r, unsigned *n_r);
must_check struct err *state_alias_find(struct arena *a, struct state *st,
    struct str address, struct state_alias *alias_r);

/*
 * Who gets what is sent to `address`.  Exact address first, then the local part
 * without its detail (the domain's separators; the longest part that is
 * somebody), then the catch-all; postmaster and abuse of a domain without such
 * an address: the setting domain.postmaster, if that resolves.
 * Every account and every remote address appears once; what is met again on the
 * way (a circle) is passed over.
 * ERR_NOTFOUND: nobody (550); ERR_DENIED: the domain is suspended or not ours
 * (foreign_r true); ERR_LIMIT: nothing but a circle, or too many.
 *
 * state_resolve_from also asks who writes: the first group on the way decides
 * by its posters ("domain": addresses of the group's domain; "members": who
 * gets what the group gets, under whatever address).  ERR_DENIED and closed_r:
 * not from this sender.  It believes `from`; the null reverse-path (empty) is
 * nobody.  state_resolve asks nobody.
 *
 * Accounts that forward are followed, too (state_forward.h).
 */
struct state_recipient {
	struct str account_id; /* empty: remote */
	struct str address;    /* the account's, or the remote one */
	struct str detail;     /* what followed "+", of the address asked */
	/* The alias's or group's address that led here, as it was asked for,
	 * or the account's that forwards, to whatever leads on from there;
	 * empty: nothing did, it is the account's own. */
	struct str via;
	bool
	    forward; /* via is an account's, which forwards (state_forward.h) */
	bool copy;   /* it forwards, and keeps this: with room only.  Others
		      * get it that are no copies */
	uint64_t quota_bytes, quota_messages;
};
must_check struct err *state_resolve(struct arena *a, struct state *st,
    struct str address, struct state_recipient **list_r, unsigned *n_r,
    bool *foreign_r);
/* The same, but accounts forward nothing: whose the address is. */
must_check struct err *state_resolve_plain(struct arena *a, struct state *st,
    struct str address, struct state_recipient **list_r, unsigned *n_r,
    bool *foreign_r);
must_check struct err *state_resolve_from(struct arena *a, struct state *st,
    struct str address, struct str from, struct state_recipient **list_r,
    unsigned *n_r, bool *foreign_r, bool *closed_r);

#endif
