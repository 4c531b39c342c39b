/* state_srs.h - the secrets that rewritten senders are signed with */
#ifndef STORAGE_STATE_SRS_H
#define STORAGE_STATE_SRS_H

#include "storage/state.h"

/*
 * Every node signs with the newest active secret and knows those that were
 * retired less than STATE_SRS_RETIRED_S ago: longer than a rewritten address
 * can be used.
 */
#define STATE_SRS_RETIRED_S (30 * 86400)
#define STATE_SRS_ROTATE_S (365 * 86400) /* by the cluster's jobs */
#define STATE_SRS_SECRET 32
#define STATE_SRS_KEYS_MAX 32

/* Make the first secret, replace one that is too old, remove those that are of
 * no more use.  *changed_r: something was to do. Harmless when repeated. */
may_yield must_check struct err *state_srs_ensure(struct task *t,
    struct state *st, const char *by, bool *changed_r);
/* A new secret now. */
may_yield must_check struct err *state_srs_rotate(struct task *t,
    struct state *st, const char *by);
/* Newest first: what may have signed an address that is good at now_s.
 * *active_r: the first one signs (else there is none that does). */
must_check struct err *state_srs_secrets(struct arena *a, struct state *st,
    int64_t now_s, struct str **list_r, unsigned *n_r, bool *active_r);

#endif
