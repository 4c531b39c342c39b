/* hints.h - datagrams between nodes that save waiting, and may be lost */
#ifndef SERVER_CLUSTER_HINTS_H
#define SERVER_CLUSTER_HINTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * Worker 0 has the UDP socket (cluster.address) and a socket pair to each
 * sibling; hints are gathered for a turn of the loop and go to every other
 * living node (nodes.h: its lease says where) and to the siblings.  What they
 * look like is in hints_wire.h.
 *
 * Nothing is believed but "look again": a forged or old hint can cost a call,
 * never more.  Failures of logins, tallies, and that a node is alive, are
 * believed only of the session that its lease shows, once.  A sender whose
 * session is not known makes worker 0 look at the leases, so a new node is
 * known at once.
 *
 * Received, in worker 0: accounts go to follows_hint() here and in every
 * sibling, states to worker_state_hint(), buckets to queue_hint(), failures and
 * tallies to counts.h.
 */
struct hints;
struct worker;

#define HINTS_ALIVE_MS 5000
#define HINTS_QUIET_MS 16000 /* not heard for so long: polls go fast */

/*
 * For every worker but the first the master makes a socketpair(AF_UNIX,
 * SOCK_SEQPACKET | SOCK_CLOEXEC), and keeps both ends as long as it lives: a
 * worker that is started again gets the same ones.  Worker 0 gets its ends in
 * sibling_fds[n], in order of workers, and first_fd -1; others get theirs in
 * first_fd.  They belong to the hints.  w->state has to be there; w->nodes and
 * w->lease may come later, w->follows and w->auth before the loop runs.
 */
struct hints *hints_new(struct worker *w, int first_fd, const int *sibling_fds,
    unsigned n);
void hints_free(struct hints **h);

/* Queue one; sent this turn.  h NULL: nothing. */
void hints_account(struct hints *h, struct str account_id, uint64_t head);
void hints_state(struct hints *h, uint64_t seq);
/* Of the queue; seq 0: its lock was given back (queue/queue.h). */
void hints_bucket(struct hints *h, unsigned bucket, uint64_t seq);
void hints_failure(struct hints *h, uint64_t key, unsigned points);
void hints_tally(struct hints *h, uint64_t key, unsigned n);

/* To worker 0 of this node, never over the network: for auth_upgrade_told().
 * At most HINTS_ORDER_BYTES; may be lost, too. */
#define HINTS_ORDER_BYTES 4096
void hints_tell_first(struct hints *h, struct str text);

/* Every living other node was heard within HINTS_QUIET_MS (siblings count as
 * heard): then polling may be slow. */
bool hints_work(const struct hints *h);

#endif
