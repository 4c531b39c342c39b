/* nodes_util.h - the nodes, for people */
#ifndef SERVER_CTL_NODES_UTIL_H
#define SERVER_CTL_NODES_UTIL_H

#include "locking/nodes.h"
#include "server/ctl/ctl.h"

must_check struct err *ctl_nodes_print(struct task *t, struct ctl *c,
    const struct nodes *nodes);
/* admin_schema_need() */
may_yield must_check struct err *ctl_schema_need(struct task *t, struct ctl *c,
    uint32_t schema);

#endif
