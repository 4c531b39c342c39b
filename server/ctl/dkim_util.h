/* dkim_util.h - making a domain's keys */
#ifndef SERVER_CTL_DKIM_UTIL_H
#define SERVER_CTL_DKIM_UTIL_H

#include "server/ctl/ctl.h"
#include "storage/state_dkim.h"

/* Make a key pair and add it; k: as state_dkim_add, public_part is filled in;
 * an empty selector is made up. Says so, with its record. */
may_yield must_check struct err *ctl_dkim_make(struct task *t, struct ctl *c,
    struct state_dkim_key *k);
/* Whether its record has to be there: it was not retired long ago. */
bool ctl_dkim_is_needed(const struct state_dkim_key *k, int64_t wall_s);
/* The record of a key. */
struct str ctl_dkim_record(struct arena *a, const struct state_dkim_key *k);

#endif
