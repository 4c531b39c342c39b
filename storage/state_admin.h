/* state_admin.h - who may administrate */
#ifndef STORAGE_STATE_ADMIN_H
#define STORAGE_STATE_ADMIN_H

#include "storage/password.h"
#include "storage/state.h"

struct state_admin {
	struct str login;  /* normalised name, or an account's address */
	struct str role;   /* "system", or "domain" */
	struct str domain; /* of role "domain" */
	int64_t created;
	uint64_t generation;
	struct password password; /* opened; hash empty: none of its own */
	struct password_salt salt;
};

may_yield must_check struct err *state_admin_add(struct task *t,
    struct state *st, const char *by, const struct state_admin *ad);
may_yield must_check struct err *state_admin_remove(struct task *t,
    struct state *st, const char *by, struct str login);
/* Bumps the generation. */
may_yield must_check struct err *state_admin_password(struct task *t,
    struct state *st, const char *by, struct str login,
    const struct password *p, const struct password_salt *salt);
must_check struct err *state_admin_find(struct arena *a, struct state *st,
    struct str login, struct state_admin *ad_r);
must_check struct err *state_admin_list(struct arena *a, struct state *st,
    struct state_admin **list_r, unsigned *n_r);

#endif
