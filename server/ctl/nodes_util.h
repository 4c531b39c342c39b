/* nodes_util.h - looking at leases and locks from outside */
#ifndef SERVER_CTL_NODES_UTIL_H
#define SERVER_CTL_NODES_UTIL_H

#include "locking/nodes.h"
#include "server/ctl/ctl.h"

/* A lease is renewed every 5 s: whoever watches a little longer has seen a
 * living node's lease move. */
#define CTL_NODES_WATCH_MS (LEASE_RENEW_MS + 1000)

/* A dead node's lease is known to have ended when it stood still that long. */
#define CTL_NODES_END_MS (LEASE_EXPIRE_MS + LEASE_RENEW_MS)

/* Look twice, CTL_NODES_WATCH_MS apart (or less, as soon as all moved).
 * *nodes_r is freed by the caller. */
may_yield must_check struct err *ctl_nodes_look(struct task *t, struct ctl *c,
    struct nodes **nodes_r);
must_check struct err *ctl_nodes_print(struct task *t, struct ctl *c,
    const struct nodes *nodes);
/*
 * The nodes to speak of, in the task's arena: those that the state has a row
 * for, and whoever else is alive.  The leases of removed nodes stay on the
 * share, because locks and journals may still name their sessions.
 */
unsigned ctl_nodes_list(struct task *t, struct ctl *c,
    const struct nodes *nodes, struct node_view **views_r);
/*
 * Whether that node may live: watches until its lease moves or has stood still
 * long enough.
 */
may_yield must_check struct err *ctl_nodes_lives(struct task *t, struct ctl *c,
    struct str id, bool *lives_r);
/* What schema every node that may live knows; without any: what we do. */
uint32_t ctl_nodes_format(struct task *t, struct ctl *c,
    const struct nodes *nodes);
/* A share of before: the state's schema is raised here, if every node that may
 * live knows how; what needs it says so otherwise. */
may_yield must_check struct err *ctl_schema_need(struct task *t, struct ctl *c,
    uint32_t schema);
/* "alive", "not seen to move", "ended", "left". */
const char *ctl_node_life(const struct node_view *v);

#endif
