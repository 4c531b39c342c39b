/* follow.h - sessions that want to know when their account changes */
#ifndef SERVER_CLUSTER_FOLLOW_H
#define SERVER_CLUSTER_FOLLOW_H

#include <stdbool.h>

#include "storage/account.h"

/*
 * One follower per IMAP session with a mailbox selected or in IDLE.  fn is told
 * when entries were applied (it only notes it: conn_kick()).  That happens
 * because of this worker's own changes, of hints, and of polls: one poll per
 * account, however many followers; every FOLLOW_FAST_MS after activity, growing
 * to FOLLOW_SLOW_MS (hints work) or FOLLOW_BLIND_MS (they do not), jittered by
 * a fifth.  Accounts with no idle follower (idle false) are not polled: their
 * sessions look themselves at the next command.
 */
#define FOLLOW_FAST_MS 2000
#define FOLLOW_BLIND_MS 5000
#define FOLLOW_SLOW_MS 60000

struct follow;
struct worker;

struct follows *follows_new(struct worker *w);
/* All followers must have been freed; tasks that look at a journal may still
 * run. */
void follows_free(struct follows **f);
/* A hint: an account is at entry head. Refreshes it if somebody follows. */
void follows_hint(struct follows *f, struct str account_id, uint64_t head);

/* Takes a reference of its own to acc. */
struct follow *follow_new(struct worker *w, struct account *acc,
    void (*fn)(void *arg), void *arg);
void follow_idle(struct follow *f, bool idle);
void follow_free(struct follow **f);

#endif
