/* state_forward.h - accounts whose mail goes elsewhere, too */
#ifndef STORAGE_STATE_FORWARD_H
#define STORAGE_STATE_FORWARD_H

#include "storage/state_account.h"

/*
 * What its owner decides: mail for the account also goes to these addresses,
 * here or elsewhere, and, keep, into the mailbox.  Without targets keep means
 * nothing.  state_resolve() follows it: targets have the account as via, so
 * that the sender is rewritten (SRS) on its way out; what an address here
 * forwards is followed further, in circles it is passed over.
 *
 * A suspended account forwards nothing: who had it suspended may have found
 * that somebody else had it, and forwarding is what such people leave behind.
 * Its mail is kept, whatever it says.  A removed one is nobody's address; when
 * it comes back its forwarding does, too.
 *
 * While there is none of its targets, as when it was removed or its domain is
 * suspended, an account keeps its mail, whatever it says.  What leads to too
 * many or too far is not forwarded but kept, so that nobody's forwarding stops
 * the mail of a group he is in; only if mail for the account itself does, and
 * is not to be kept, it is refused.
 *
 * A copy that is kept is one of several (state_recipient.copy): a full mailbox
 * does not keep the others from getting the message.
 */
#define STATE_FORWARDS_MAX 10

struct state_forward {
	struct str *targets; /* normalised */
	unsigned n;
	bool keep;
};
/* The whole of it, in one entry.  ERR_INVALID: too many, malformed, the
 * account itself, or (not kept) nobody would get the mail; ERR_CONFLICT: schema
 * below STATE_CONSOLE_SCHEMA. */
may_yield must_check struct err *state_forward_set(struct task *t,
    struct state *st, const char *by, struct str account_address,
    const struct state_forward *f);
must_check struct err *state_forward_find(struct arena *a, struct state *st,
    struct str account_address, struct state_forward *f_r);

#endif
