/* nodes.h - the other nodes, as their leases show them */
#ifndef LOCKING_NODES_H
#define LOCKING_NODES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/task.h"
#include "locking/lease.h"

/*
 * An observer of nodes/.  It writes nothing and needs no lease (shoalctl has
 * one too).  What it knows of time it measured itself: an observer that has
 * just begun knows no ages.
 *
 * With nodes_watch() a background task looks at every other node's log each
 * NODES_POLL_MS (one READDIR), reads its text each NODES_TEXT_MS (two calls),
 * and looks for new nodes each NODES_LIST_MS: less than 0.2 calls a second and
 * node.
 */
#define NODES_POLL_MS 10000
#define NODES_TEXT_MS 30000
#define NODES_LIST_MS 60000
#define NODES_MAX 1024

struct nodes;

/* own may be NULL; its log is then watched like the others'. */
struct nodes *nodes_new(struct store *st, const struct lease *own);
/* The watching task must have ended, see nodes_watch_stop. */
void nodes_free(struct nodes **n);
void nodes_watch(struct nodes *n);
may_yield void nodes_watch_stop(struct task *t, struct nodes *n);

enum node_life {
	NODE_UNSEEN,  /* not (successfully) looked at yet */
	NODE_ALIVE,   /* session open, and not known to have ended */
	NODE_ENDED,   /* head stood still too long */
	NODE_RELEASED /* ended in order */
};

struct node_view {
	const char *id;
	enum node_life life;
	bool read; /* session and info are known */
	struct txid session;
	struct lease_info info; /* texts live until the next refresh */
	int64_t wall_s;		/* of the entry, for people */
	uint64_t seq;
	uint64_t age_ms; /* since the head changed as seen from here */
	bool moved;	 /* it was seen to change at least once */
	bool self;
	struct err *bad; /* its entry cannot be read */
};

/* Look at all nodes now, with texts. */
may_yield must_check struct err *nodes_refresh(struct task *t, struct nodes *n);
/* All views, sorted by id, in the arena. */
unsigned nodes_list(const struct nodes *n, struct arena *a,
    struct node_view **views_r);
/* One of them, without a call; false: not known. */
bool nodes_find(const struct nodes *n, struct arena *a, struct str id,
    struct node_view *v_r);

/*
 * Whether that session of that node has ended, for good.  Asks the share (one
 * READDIR, two calls more if the head is new) unless the node is this one.
 * Calls from time to time, not the passing of time alone, make an end
 * provable: false means "not known to have ended".
 */
may_yield must_check struct err *nodes_session_ended(struct task *t,
    struct nodes *n, struct str id, const struct txid *session, bool *ended_r);

/* The lowest format version among nodes not known to have ended; 0: none. */
uint32_t nodes_format_min(const struct nodes *n);

#endif
