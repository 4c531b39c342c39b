/* state_resolve_private.h - resolving, for state_identity.c, state_forward.c */
#ifndef STORAGE_STATE_RESOLVE_PRIVATE_H
#define STORAGE_STATE_RESOLVE_PRIVATE_H

#include "storage/state_address.h"
#include "storage/state_alias.h"
#include "storage/state_forward.h"
#include "storage/state_private.h"

/*
 * The address without the detail that begins at the last separator before *end:
 * then *end is where that is, so that it can be asked again for a shorter one.
 * *end == 0: there is none.  Of a domain that is not ours: as if it had "+".
 */
must_check struct err *state_resolve_shorter(struct state_db *db,
    struct arena *a, const struct state *st, const struct state_address *ad,
    size_t *end, struct str *base_r);
/* state_resolve() inside a transaction. */
must_check struct err *state_resolve_in(struct state_db *db, struct arena *a,
    struct state *st, struct str address, struct state_recipient **list_r,
    unsigned *n_r);
/* state_forward.c: of an account that is there. */
must_check struct err *state_forward_of(struct state_db *db, struct arena *a,
    const struct state *st, struct str account_id, struct state_forward *f_r);
/* Whether aliases lead from the address to the account; groups do not, nor what
 * accounts forward. */
must_check struct err *state_resolve_leads_to(struct state_db *db,
    struct arena *a, struct state *st, const struct state_address *ad,
    struct str account_id, bool *yes_r);

#endif
