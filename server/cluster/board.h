/* board.h - what a node knows of all nodes, for whoever asks it */
#ifndef SERVER_CLUSTER_BOARD_H
#define SERVER_CLUSTER_BOARD_H

#include "locking/nodes.h"

/*
 * Worker 0 follows the leases of all nodes (nodes.h).  What it sees it writes
 * into a mapping that the master made before it started workers, so that any
 * worker says how the nodes are at once and without a call.  Whatever is there
 * is whole: the list is written beside the one that is read, and a number says
 * which holds.  A worker 0 that dies in the middle of it harms nobody; what it
 * left grows old, and old signs of life are none.
 *
 * Nobody looking, it costs the share nothing: worker 0 publishes what it knows
 * anyway each BOARD_SLOW_MS.  While somebody looks (board_want()), it reads all
 * leases each BOARD_FAST_MS.
 *
 * Each BOARD_STEP_S every living node gets a sample in a ring of its own, kept
 * for an hour.  Rates are differences of the counters in its leases; a node
 * that started again has none for a while, and one of an older version none.
 */
#define BOARD_NODES 128 /* more are not shown; left_out says how many */
#define BOARD_STEP_S 30
#define BOARD_KEEP_S 3600
#define BOARD_SAMPLES (BOARD_KEEP_S / BOARD_STEP_S)
#define BOARD_WANTED_MS 15000 /* after the last who asked */
#define BOARD_FAST_MS 2000
#define BOARD_SLOW_MS 10000
/* A lease that was not seen to move for so long is no sign of life. */
#define BOARD_SILENT_MS (LEASE_EXPIRE_MS + NODES_POLL_MS)

struct board;

struct board_view {
	struct node_view node; /* moved: and not too long ago */
	bool rated;
	double rates[LEASE_COUNTERS]; /* a second */
};

struct board_sample {
	int64_t at_s; /* wall seconds of the node that noted it */
	uint32_t sessions, load, latency_us;
	uint32_t rated; /* rates are known */
	float rates[LEASE_COUNTERS];
};

/* Before fork. */
struct board *board_new(void);
void board_free(struct board **b);

/* --- any worker; b NULL: nothing is known --- */

/* In order of id, texts in the arena; ages as of now_ms (the boot clock, the
 * same for all workers). */
unsigned board_list(const struct board *b, struct arena *a, uint64_t now_ms,
    struct board_view **list_r, unsigned *left_out_r);
/* One of them; false: not known. */
bool board_find(const struct board *b, struct arena *a, uint64_t now_ms,
    struct str id, struct board_view *v_r);
/* Oldest first, none older than BOARD_KEEP_S. */
unsigned board_history(const struct board *b, struct arena *a, int64_t now_s,
    struct str id, struct board_sample **list_r);
/* Somebody looks: keep it fresh. */
void board_want(struct board *b, uint64_t now_ms);

/* --- worker 0 --- */

bool board_is_wanted(const struct board *b, uint64_t now_ms);
void board_put(struct board *b, uint64_t now_ms, const struct board_view *list,
    unsigned n, unsigned left_out);
void board_note(struct board *b, struct str id, const struct board_sample *s);

/* board_run.c: begin to do all that, once w->nodes and w->lease are there. */
struct worker;
struct board_run *board_run_new(struct worker *w);
/* No task of it may be running (it runs one for a moment when wanted). */
void board_run_free(struct board_run **r);

#endif
