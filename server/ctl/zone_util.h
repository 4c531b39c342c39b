/* zone_util.h - what the cluster says about a domain's records */
#ifndef SERVER_CTL_ZONE_UTIL_H
#define SERVER_CTL_ZONE_UTIL_H

#include "server/ctl/ctl.h"
#include "server/ctl/zone.h"

/* Hosts, SPF and DMARC, which are the same for all domains. */
must_check struct err *ctl_zone_policy(struct task *t, struct ctl *c,
    struct zone_conf *z);

#endif
