/* admin_util.h - what commands about administrators and tokens do */
#ifndef SERVER_CTL_ADMIN_UTIL_H
#define SERVER_CTL_ADMIN_UTIL_H

#include "server/ctl/ctl.h"

/* --role, --domain: who names a domain and no role means that of one. */
struct str ctl_role(const struct ctl *c);
/* --expires 7d as wall seconds; without it def_s from now, or, def_s 0, 0 for
 * never.  ERR_INVALID: no time, none at all, or above max_s. */
must_check struct err *ctl_expires(struct task *t, const struct ctl *c,
    uint64_t def_s, uint64_t max_s, int64_t *wall_s_r);

#endif
