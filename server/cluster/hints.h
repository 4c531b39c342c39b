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
 * living node (nodes.h: its lease says where) and to the siblings.
 *
 * A datagram is
 *
 *	magic "SHH1", sender's id (8 bytes), counter (8 bytes, rising from the
 *	boot clock in us), then items, then HMAC-SHA-256 (16 bytes) of all
 *	before it under a key derived from the cluster key
 *
 *	item	type (1), length (1), body
 *	'a'	account: entry number (8), id
 *	's'	state: entry number (8)
 *	'f'	failed logins: key (8), points (1)	counts.h
 *	'l'	alive: nothing; sent every HINTS_ALIVE_MS
 *
 * Little endian.  At most HINTS_BYTES.  A counter not above the sender's last
 * one minus a window is dropped (replay).  Nothing is believed but "look
 *again": a forged or old hint can cost a call, never more.
 */
struct hints;
struct worker;

#define HINTS_BYTES 1200
#define HINTS_ALIVE_MS 5000
#define HINTS_QUIET_MS 16000 /* not heard for so long: polls go fast */

struct hints *hints_new(struct worker *w, int sibling_fd_or_minus_1,
    const int *sibling_fds, unsigned n);
void hints_free(struct hints **h);

/* Queue one; sent this turn. */
void hints_account(struct hints *h, struct str account_id, uint64_t head);
void hints_state(struct hints *h, uint64_t seq);
void hints_failure(struct hints *h, uint64_t key, unsigned points);

/* To worker 0 of this node, never over the network: an order of auth.h's.  At
 * most HINTS_ORDER_BYTES; may be lost, too. */
#define HINTS_ORDER_BYTES 4096
void hints_tell_first(struct hints *h, struct str text);

/* Every living other node was heard within HINTS_QUIET_MS (siblings count as
 * heard): then polling may be slow. */
bool hints_work(const struct hints *h);

#endif
