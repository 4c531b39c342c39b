/* admin_dkim.h - making a domain's keys, and their records */
#ifndef SERVER_ADMIN_ADMIN_DKIM_H
#define SERVER_ADMIN_ADMIN_DKIM_H

#include "server/admin/admin.h"
#include "server/admin/admin_zone.h"
#include "storage/state_dkim.h"

/* Make a key pair (in the offload pool) and add it; k: as state_dkim_add,
 * public_part is filled in; an empty selector is made up. */
may_yield must_check struct err *admin_dkim_make(struct task *t,
    struct admin *ad, struct state_dkim_key *k);
/* Whether its record has to be there: it was not retired long ago. */
bool admin_dkim_is_needed(const struct state_dkim_key *k, int64_t wall_s);
/* The record of a key: its text, and as one of the zone. */
struct str admin_dkim_record(struct arena *a, const struct state_dkim_key *k);
struct admin_zone_record admin_dkim_zone(struct arena *a,
    const struct state_dkim_key *k);

#endif
