/* state_identity.h - whose name an account may write in */
#ifndef STORAGE_STATE_IDENTITY_H
#define STORAGE_STATE_IDENTITY_H

#include "storage/state_account.h"

/*
 * An account may send as its own address, with any detail; as every alias that
 * leads to it, the catch-all included where nobody else has the address; and as
 * its identities: addresses, here or elsewhere, or "*@domain" for all of a
 * domain.  Being a member of a group is not enough: it takes an identity.
 */
struct state_identity {
	struct str account; /* id */
	struct str login;   /* its address; empty: removed */
	struct str address;
	int64_t created;
};

#define STATE_IDENTITIES_MAX 500 /* of an account */

/* ERR_NOTFOUND: no such account; ERR_DUPLICATE; ERR_INVALID; ERR_LIMIT: it has
 * STATE_IDENTITIES_MAX; ERR_CONFLICT: the schema is older than
 * STATE_SENDING_SCHEMA. */
may_yield must_check struct err *state_identity_add(struct task *t,
    struct state *st, const char *by, struct str account_address,
    struct str address);
may_yield must_check struct err *state_identity_remove(struct task *t,
    struct state *st, const char *by, struct str account_address,
    struct str address);
/* Of one account (by address), or, empty, of all. */
must_check struct err *state_identity_list(struct arena *a, struct state *st,
    struct str account_address, struct state_identity **list_r, unsigned *n_r);

/* Whether an address of MAIL FROM or From belongs to the account.  What is no
 * address does not, nor anything while the account is not active. */
must_check struct err *state_may_send_as(struct arena *a, struct state *st,
    struct str account_id, struct str address, bool *yes_r);

#endif
