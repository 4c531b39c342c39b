/* account_util.h - what several account commands do */
#ifndef SERVER_CTL_ACCOUNT_UTIL_H
#define SERVER_CTL_ACCOUNT_UTIL_H

#include "server/ctl/ctl.h"
#include "storage/account.h"
#include "storage/state_account.h"

/* The account of that address, and, acc_r not NULL, its mailbox opened. */
may_yield must_check struct err *ctl_account(struct task *t, struct ctl *c,
    const char *address, struct state_account *sa_r, struct account **acc_r);
/* Quota of this account as message.h wants it. */
struct quota_limit;
void ctl_account_limit(const struct state_account *sa,
    struct quota_limit *limit_r);

#endif
