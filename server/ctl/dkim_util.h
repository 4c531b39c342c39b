/* dkim_util.h - making a domain's keys, and saying so */
#ifndef SERVER_CTL_DKIM_UTIL_H
#define SERVER_CTL_DKIM_UTIL_H

#include "server/admin/admin_dkim.h"
#include "server/ctl/ctl.h"

/* What was added, with the record that its zone needs. */
void ctl_dkim_say(struct task *t, struct ctl *c,
    const struct state_dkim_key *k);
/* admin_dkim_make, and that. */
may_yield must_check struct err *ctl_dkim_make(struct task *t, struct ctl *c,
    struct state_dkim_key *k);

#endif
