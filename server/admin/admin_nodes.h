/* admin_nodes.h - looking at the nodes, and telling them what to do */
#ifndef SERVER_ADMIN_ADMIN_NODES_H
#define SERVER_ADMIN_ADMIN_NODES_H

#include "locking/nodes.h"
#include "server/admin/admin.h"
#include "storage/invite.h"
#include "storage/state_node.h"

/*
 * Two ways to know how nodes are.  Whoever has no worker (shoalctl) looks at
 * the leases himself, which takes some seconds: it takes two looks to see that
 * a lease moves.  A worker asks the board (cluster/board.h), at once.
 *
 * The nodes to speak of are those that the state has a row for, and whoever
 * else is alive.  The leases of removed nodes stay on the share, because locks
 * and journals may still name their sessions.
 */

/* A lease is renewed every 5 s: whoever watches a little longer has seen a
 * living node's lease move. */
#define ADMIN_NODES_WATCH_MS (LEASE_RENEW_MS + 1000)
/* A dead node's lease is known to have ended when it stood still that long. */
#define ADMIN_NODES_END_MS (LEASE_EXPIRE_MS + LEASE_RENEW_MS)

/* "alive", "silent" (not seen to move), "unseen", "ended", "left",
 * "unreadable". */
const char *admin_node_life(const struct node_view *v);
/* It renews its lease. */
bool admin_node_is_alive(const struct node_view *v);
/* "starting", "ready", "unready", "draining"; NULL: it does not say so now. */
const char *admin_node_ready(const struct node_view *v);
/* "none", "file", "state", "self". */
const char *admin_node_certificate(const struct node_view *v);
/* Name, or id. */
const char *admin_node_name(struct arena *a, const struct node_view *v);

/* --- looking oneself --- */

/* Look twice, ADMIN_NODES_WATCH_MS apart (or less, as soon as all moved).
 * *nodes_r is freed by the caller. */
may_yield must_check struct err *admin_nodes_look(struct task *t,
    const struct admin *ad, struct nodes **nodes_r);
/* Those to speak of, in the arena. */
unsigned admin_nodes_list(struct arena *a, const struct admin *ad,
    const struct nodes *nodes, struct node_view **views_r);
/* What schema every node that may live knows; without any: what we do. */
uint32_t admin_nodes_format(struct arena *a, const struct admin *ad,
    const struct nodes *nodes);
/* A share of before: the state's schema is raised here, if every node that may
 * live knows how; what needs it says so otherwise. */
may_yield must_check struct err *admin_schema_need(struct task *t,
    const struct admin *ad, uint32_t schema);

/* --- as the board has them --- */

struct admin_node {
	struct node_view v; /* life UNSEEN: it never had a lease */
	struct str name;
	bool known; /* row is there: it was noted in the state */
	struct state_node row;
	bool rated;
	double rates[LEASE_COUNTERS]; /* a second */
};
/* Those to speak of, by id; *left_out_r: living ones for which the board has no
 * room. The board is kept fresh for a while. */
must_check struct err *admin_nodes_board(struct arena *a,
    const struct admin *ad, struct admin_node **list_r, unsigned *n_r,
    unsigned *left_out_r);
/* ERR_NOTFOUND. By id or name. */
must_check struct err *admin_node_find(struct arena *a, const struct admin *ad,
    struct str id_or_name, struct admin_node *n_r);

/* --- orders --- */

/* *changed_r: false if it was told so already. */
may_yield must_check struct err *admin_node_drain(struct task *t,
    const struct admin *ad, struct str id_or_name, bool drain, bool *changed_r);
may_yield must_check struct err *admin_node_note(struct task *t,
    const struct admin *ad, struct str id_or_name, struct str note);
/*
 * Forget one that is gone for good, and with it keys that only it signed with.
 * ERR_CONFLICT: it lives; or, in a worker, it is not known yet that it does
 * not.  Without a worker this watches until it is known: ADMIN_NODES_END_MS.
 */
may_yield must_check struct err *admin_node_remove(struct task *t,
    const struct admin *ad, struct str id_or_name, struct state_node *n_r);
/* A code that makes a machine a node; url: of the share, as nodes reach it. */
may_yield must_check struct err *admin_node_invite(struct task *t,
    const struct admin *ad, const char *url, struct str *code_r,
    struct invite *inv_r);

#endif
