/* admin_account.h - accounts: mailbox and state together */
#ifndef SERVER_ADMIN_ADMIN_ACCOUNT_H
#define SERVER_ADMIN_ADMIN_ACCOUNT_H

#include "server/admin/admin.h"
#include "storage/account.h"
#include "storage/state_account.h"

/*
 * What is one step for an administrator and two for the cluster: the state says
 * who may be served, the account's journal what may be delivered.  What fails
 * in between can be repeated.  Everything here that touches mailboxes needs
 * ad->mail.
 *
 * What is one function of storage/state_account.h (suspending, quota, name,
 * signing out) is called there.
 */
#define ADMIN_ACCOUNTS_WIDTH 16 /* mailboxes at a time */

/* The account of that address, and, acc_r not NULL, its mailbox opened. */
may_yield must_check struct err *admin_account_open(struct task *t,
    struct admin *ad, struct str address, struct state_account *sa_r,
    struct account **acc_r);
/* By address, or, if it is none, by id; removed ones only by id. */
must_check struct err *admin_account_find(struct arena *a, struct admin *ad,
    struct str address_or_id, struct state_account *sa_r);

/*
 * Make the mailboxes on the share, side by side, then the accounts of the list
 * as one entry (at most STATE_BATCH_MAX).  Mailboxes of a refused list are
 * purged again.
 */
may_yield must_check struct err *admin_accounts_add(struct task *t,
    struct admin *ad, struct state_account_new *list, unsigned n);
/*
 * Within the grace it can be restored; purge: at once and for ever, the mail is
 * gone.  CLOSED goes first: from then on no stale replica delivers (DESIGN 6).
 * purge also takes the id of one that was removed before.
 */
may_yield must_check struct err *admin_account_remove(struct task *t,
    struct admin *ad, struct str address_or_id, bool purge,
    struct state_account *sa_r);
/* Bring back one that was suspended or removed.  The state goes first: a
 * mailbox that takes mail nobody can read would be worse than one that answers
 * 550 a moment longer.  ERR_CONFLICT: it is active. */
may_yield must_check struct err *admin_account_restore(struct task *t,
    struct admin *ad, struct str address_or_id, struct state_account *sa_r);

/*
 * Hash and keys of a password in the clear, for this account or administrator
 * (there or to be added), as the settings say.  ERR_INVALID: too short
 * (password.min_length), or it cannot be prepared.
 */
may_yield must_check struct err *admin_password_make(struct task *t,
    struct admin *ad, struct str address, struct str clear,
    struct password *p_r);
/* clear.p NULL: no more logins with a password.  Sessions that used the old one
 * end. */
may_yield must_check struct err *admin_account_password(struct task *t,
    struct admin *ad, struct str address, struct str clear);

/*
 * One more password for an account, made here: ADMIN_APP_PASSWORD_CHARS letters
 * and digits of 32 that are hard to mistake, in groups of four ("abcd-efgh-
 * ijkm-nopq"): 80 bits.  expires: wall seconds, 0: never.
 */
#define ADMIN_APP_PASSWORD_CHARS 16
may_yield must_check struct err *admin_app_password_add(struct task *t,
    struct admin *ad, struct str address, struct str label, int64_t expires,
    struct str *clear_r, struct str *id_r);

/* What accounts hold, each opened, side by side.  One that cannot be read is
 * not known; once the share is away the rest is not tried. */
struct admin_usage {
	bool known;
	uint64_t bytes, messages;
	unsigned folders;
};
may_yield void admin_accounts_usage(struct task *t, struct admin *ad,
    const struct state_account *list, unsigned n, struct admin_usage *usage_r);

#endif
