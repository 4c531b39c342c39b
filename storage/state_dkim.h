/* state_dkim.h - keys that mail of a domain is signed with */
#ifndef STORAGE_STATE_DKIM_H
#define STORAGE_STATE_DKIM_H

#include "storage/state.h"

/*
 * A key is new (published, signs nothing yet), then active (signs), then
 * retired: it signs no more, but what it signed is still on its way, so it
 * stays published for STATE_DKIM_RETIRED_S and is removed then.  Activating one
 * retires those it stands in for: of the same domain, algorithm and node.
 *
 * A key for one node is used by that node in place of the one for all.
 */
#define STATE_DKIM_RETIRED_S (7 * 86400)
#define STATE_DKIM_KEYS_MAX 100 /* of a domain */

enum state_dkim_stage {
	STATE_DKIM_NEW,
	STATE_DKIM_ACTIVE,
	STATE_DKIM_RETIRED,
	STATE_DKIM_STAGES
};
const char *state_dkim_stage_name(enum state_dkim_stage s);

struct state_dkim_key {
	struct str id; /* out: random */
	struct str domain, selector;
	struct str algorithm;	/* "rsa", "ed25519" */
	struct str node;	/* id of the only node that has it; or empty */
	struct str public_part; /* p= of the record */
	enum state_dkim_stage stage;
	int64_t created, activated, retired; /* wall seconds; 0: not yet */
};

/* In: domain, selector, algorithm, node, public_part, stage (NEW or ACTIVE);
 * pem: the private key, sealed in the table.  ERR_NOTFOUND: no such domain;
 * ERR_DUPLICATE: it has the selector; ERR_CONFLICT: the schema is older than
 * STATE_SENDING_SCHEMA. */
may_yield must_check struct err *state_dkim_add(struct task *t,
    struct state *st, const char *by, struct state_dkim_key *k, struct str pem);
/* ERR_NOTFOUND; nothing happens to one that is active (or retired) already. */
may_yield must_check struct err *state_dkim_activate(struct task *t,
    struct state *st, const char *by, struct str domain, struct str selector);
may_yield must_check struct err *state_dkim_retire(struct task *t,
    struct state *st, const char *by, struct str domain, struct str selector);
may_yield must_check struct err *state_dkim_remove(struct task *t,
    struct state *st, const char *by, struct str domain, struct str selector);
/* Remove those that were retired long enough; *removed_r of them. */
may_yield must_check struct err *state_dkim_sweep(struct task *t,
    struct state *st, const char *by, unsigned *removed_r);

/* Of one domain, or (empty) all; by domain, oldest first. Without secrets. */
must_check struct err *state_dkim_list(struct arena *a, struct state *st,
    struct str domain, struct state_dkim_key **list_r, unsigned *n_r);
/* A selector that the domain does not have: "s202611r", "s202611r2". */
must_check struct err *state_dkim_selector(struct arena *a, struct state *st,
    struct str domain, struct str algorithm, int64_t wall_s,
    struct str *selector_r);

/* What node (its id) signs mail of the domain with: at most one key of each
 * algorithm, RSA first.  *n_r == 0: none, or not a domain of ours. */
#define STATE_DKIM_SIGNERS 2
struct state_dkim_signer {
	struct str domain, selector, algorithm;
	struct str pem;
};
must_check struct err *state_dkim_signers(struct arena *a, struct state *st,
    struct str domain, struct str node, struct state_dkim_signer **list_r,
    unsigned *n_r);

#endif
