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

/*
 * Make the mailboxes on the share, side by side, then the accounts of the list
 * as one entry (at most STATE_BATCH_MAX).  Mailboxes of a refused list are
 * purged again.
 */
may_yield must_check struct err *ctl_accounts_make(struct task *t,
    struct ctl *c, struct state_account_new *list, unsigned n);

/* Call fn(t, arg, i) for 0 <= i < n, in up to `width` tasks at a time, and wait
 * for all; the first error ends what has not begun. */
may_yield must_check struct err *ctl_each(struct task *t, unsigned n,
    unsigned width, struct err *(*fn)(struct task *t, void *arg, unsigned i),
    void *arg);

#endif
