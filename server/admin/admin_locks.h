/* admin_locks.h - who has which lock, for a page that is looked at */
#ifndef SERVER_ADMIN_ADMIN_LOCKS_H
#define SERVER_ADMIN_ADMIN_LOCKS_H

#include "locking/lock.h"
#include "server/admin/admin_nodes.h"

/*
 * A worker looks at the locks on the share at most so often, however many ask,
 * and then with one call for each that is as it was.  Whether a session has
 * ended the board says.
 */
#define ADMIN_LOCKS_FRESH_MS 10000

/* In a worker.  By resource, in the task's arena; node: name, or id of one that
 * is not known. */
may_yield must_check struct err *admin_locks(struct task *t,
    const struct admin *ad, struct lock_view **first_r);

/* What the board's nodes make of a lock that is held as far as the share says:
 * its session may have ended. */
enum lock_state admin_lock_state(const struct lock_view *v,
    const struct admin_node *nodes, unsigned n);

#endif
