/* lock_claim.c - a new holder's first entry in a journal */
#include "base/safeguard.h"
#include "locking/lock_private.h"

struct err *
lock_claim(struct task *t, struct lock *k, struct journal *j)
{
	struct journal_tx tx;
	struct err *e = lock_check(t, k);

	if (e != NULL)
		return e;
	if (!SAFEGUARD(SAFE_CLAIM))
		return journal_refresh(t, j);
	journal_tx_init(t, j, &tx);
	tx.claim = true;
	tx.token = lock_token(k);
	e = journal_commit(t, j, &tx);
	if (e != NULL)
		return e;
	/* A higher CLAIM is a later holder's. */
	if (journal_token(j) > lock_token(k) || !lock_is_held(k))
		return lock_lost(t, k);
	return NULL;
}
