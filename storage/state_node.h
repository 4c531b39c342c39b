/* state_node.h - which nodes there are, and what they are told */
#ifndef STORAGE_STATE_NODE_H
#define STORAGE_STATE_NODE_H

#include "storage/state.h"

/*
 * A row per node that has ever joined.  What a node does at the moment
 * (address, version, sessions, load) is in its lease record, not here; orders
 * to it are. The id is random, made when the node first starts; the name may
 * change.
 */
struct state_node {
	struct str id;
	struct str name;
	struct str address; /* of hints, as the node last said */
	struct str note;
	bool drain; /* order: stop being ready */
	int64_t joined;
};

/* What a starting node says of itself: makes or changes its row; nothing is
 * committed when nothing changed. ERR_DUPLICATE: another node has the name. */
may_yield must_check struct err *state_node_put(struct task *t,
    struct state *st, const char *by, const struct state_node *n);
may_yield must_check struct err *state_node_drain(struct task *t,
    struct state *st, const char *by, struct str id_or_name, bool drain);
may_yield must_check struct err *state_node_remove(struct task *t,
    struct state *st, const char *by, struct str id_or_name);
must_check struct err *state_node_find(struct arena *a, struct state *st,
    struct str id_or_name, struct state_node *n_r);
must_check struct err *state_node_list(struct arena *a, struct state *st,
    struct state_node **list_r, unsigned *n_r);

#endif
