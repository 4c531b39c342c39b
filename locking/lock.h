/* lock.h - exclusive rights on named resources, cluster-wide, with tokens */
#ifndef LOCKING_LOCK_H
#define LOCKING_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/task.h"
#include "locking/lease.h"
#include "locking/nodes.h"
#include "storage/journal.h"

/*
 * locks/<resource> is a little log (slot.h).  An entry says that a node's
 * session (lease.h) has taken or released the resource.  Locks are not renewed:
 * a lock is free when its newest entry is a release, or when the session named
 * there has ended (nodes.h).  Taking is appending, so exactly one wins.  The
 * entry's number is the fencing token: it rises with every holder.
 *
 *	K,kind,node,session,wall	kind: a acquire, r release
 *
 * Entries are made durable before they count, so that no server that forgets
 * hands a token out twice.  An attempt whose outcome is unknown is settled in
 * the background: a lock that nobody here knows of would stay taken as long as
 * this node lives.
 *
 * What a lock protects is protected by tokens, not by the lock: a holder may be
 * stopped for an hour between lock_check() and its next call.  Its first entry
 * in each journal the lock protects is lock_claim(); it decides from what it
 * replayed up to its CLAIM, and commits outcomes with journal_tx.token, which a
 * replay ignores below the highest CLAIM.
 *
 * A resource's name is 1 to LOCK_NAME_MAX letters, digits, '.', '_', '-', the
 * first no '.'.
 */
#define LOCK_NAME_MAX 128
#define LOCK_POLL_MS 5000 /* while waiting, plus up to a fifth of jitter */
#define LOCK_IDLE_MAX 256 /* logs kept in memory that nobody holds */

struct locks; /* all locks of this process */
struct lock;

struct locks *locks_new(struct store *st, struct lease *l, struct nodes *n);
/* All locks must have been released. */
void locks_free(struct locks **ls);
/* Wait until nothing runs in the background. */
may_yield void locks_settle(struct task *t, struct locks *ls);

/*
 * Wait until the resource is free and take it.  *lock_r belongs to the calling
 * task, which must end it with lock_release() (whether it is still held or
 * not).  ERR_TIMEOUT at the task's
 * deadline ("held by ...").  ERR_LOST: this node has no valid session.
 * ERR_CORRUPT: the newest entry cannot be read.
 */
may_yield must_check struct err *lock_acquire(struct task *t, struct locks *ls,
    struct str resource, struct lock **lock_r);
/* The same without waiting for another holder: *lock_r is NULL while the
 * resource is taken. */
may_yield must_check struct err *lock_try(struct task *t, struct locks *ls,
    struct str resource, struct lock **lock_r);
/* Gives it back (best effort: what cannot be told now is told in the
 * background). Frees. */
may_yield void lock_release(struct task *t, struct lock **lock);

/* Now, by the clock; nothing is sent. */
bool lock_is_held(const struct lock *lock);
/*
 * NULL, or ERR_LOST.  No call, except when the connection is not the one the
 * lock was last seen on: then the log's head is read again (ERR_UNKNOWN and
 * such: not known; do not act).
 */
may_yield must_check struct err *lock_check(struct task *t, struct lock *lock);
uint64_t lock_token(const struct lock *lock);
const char *lock_resource(const struct lock *lock);

/*
 * Commit CLAIM with this lock's token to a journal that it protects.  Once it
 * returned NULL, the journal's state holds everything up to the CLAIM.
 * ERR_LOST: a higher token is known, or the lock is gone.
 */
may_yield must_check struct err *lock_claim(struct task *t, struct lock *lock,
    struct journal *j);

/* For lock list: what locks/ holds. */
enum lock_state {
	LOCK_FREE,   /* released */
	LOCK_HELD,   /* its session is not known to have ended */
	LOCK_ORPHAN, /* its session has ended: anyone may take it */
	LOCK_UNREADABLE
};
struct lock_view {
	const char *resource;
	enum lock_state state;
	const char *node; /* id */
	struct txid session;
	uint64_t token;
	int64_t wall_s; /* when it was taken, by the taker's clock */
	struct lock_view *next;
};
/* Sorted by resource, in the task's arena. Needs no lease. */
may_yield must_check struct err *lock_list(struct task *t, struct store *st,
    struct nodes *n, struct lock_view **first_r);

/*
 * For who looks again and again: what was seen is kept, so that a look is one
 * READDIR for each lock that is as it was.  One task at a time.  n NULL: nobody
 * is asked whether sessions have ended; then they count as not.
 */
struct lock_watch;
struct lock_watch *lock_watch_new(struct store *st);
void lock_watch_free(struct lock_watch **w);
may_yield must_check struct err *lock_watch_list(struct task *t,
    struct lock_watch *w, struct nodes *n, struct lock_view **first_r);

#endif
