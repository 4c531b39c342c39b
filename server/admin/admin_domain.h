/* admin_domain.h - mail domains: added with keys, and the records they need */
#ifndef SERVER_ADMIN_ADMIN_DOMAIN_H
#define SERVER_ADMIN_ADMIN_DOMAIN_H

#include "server/admin/admin.h"
#include "server/admin/admin_zone.h"
#include "storage/state_dkim.h"
#include "storage/state_domain.h"

/* Hosts, client's host, SPF and DMARC, which are the same for all domains. */
must_check struct err *admin_domain_policy(struct arena *a,
    const struct admin *ad, struct admin_zone_conf *z);
/*
 * Everything that the zone of a domain of ours needs, for admin_zone_build():
 * that, the keys from the moment they are made until STATE_DKIM_RETIRED_S after
 * they were retired, and what this node listens for (all, where that is not
 * known).  name: in any form.  ERR_NOTFOUND, ERR_INVALID.
 */
must_check struct err *admin_domain_zone(struct task *t, const struct admin *ad,
    struct str name, struct admin_zone_conf *z_r);

/* A key of each algorithm, active at once: nothing is signed with others.  A
 * state of before STATE_SENDING_SCHEMA has none: *n_r is 0 then. */
#define ADMIN_DOMAIN_KEYS 2
may_yield must_check struct err *admin_domain_keys(struct task *t,
    struct admin *ad, struct str name,
    struct state_dkim_key keys_r[ADMIN_DOMAIN_KEYS], unsigned *n_r);

#endif
