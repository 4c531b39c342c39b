/* share_nfs_private.h - the parts of the NFS backend among themselves */
#ifndef STORAGE_SHARE_SHARE_NFS_PRIVATE_H
#define STORAGE_SHARE_SHARE_NFS_PRIVATE_H

#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>
#include <nfsc/libnfs-raw-mount.h>
#include <nfsc/libnfs-raw-nfs.h>
#include <nfsc/libnfs-raw-portmap.h>

#include "storage/share/share_nfs.h"
#include "storage/share/share_private.h"

/* share_nfs_conn.c: one RPC context over one TCP connection */

struct nfs_conn;

/*
 * fn is called when the connection stands (broken NULL), and once when it is of
 * no more use (broken says why); never from inside libnfs, so fn may free the
 * connection.
 */
typedef void (*nfs_conn_fn)(struct nfs_conn *c, const char *broken, void *arg);

struct nfs_conn *nfs_conn_new(struct loop *l, const char *addr, uint16_t port,
    uint32_t uid, uint32_t gid, nfs_conn_fn fn, void *arg);
/* Ends all calls with RPC_STATUS_CANCEL. Never inside a libnfs callback. */
void nfs_conn_free(struct nfs_conn **c);
struct rpc_context *nfs_conn_rpc(struct nfs_conn *c);
/* After each queued call. */
void nfs_conn_queued(struct nfs_conn *c);
/* Every SHARE_NFS_TICK_MS while calls are under way. */
void nfs_conn_tick(struct nfs_conn *c);
/* Give it up: fn gets `why` at the loop's next turn. */
void nfs_conn_break(struct nfs_conn *c, const char *why);
bool nfs_conn_is_up(const struct nfs_conn *c);
/* Our own address and port, for messages. */
void nfs_conn_local(struct nfs_conn *c, char *buf, size_t n);

/* share_nfs_call.c: an op as an NFSv3 call and back */

struct nfs_call;

enum nfs_outcome {
	NFS_ANSWERED,	/* op's out fields are set */
	NFS_LATER,	/* JUKEBOX: not done, try again */
	NFS_BROKEN	/* no answer; the connection is of no more use */
};

struct nfs_call {
	struct share_op *op;	/* NULL: it ended without us */
	const struct share_fh *root;	/* what an empty handle means */
	enum share_proc proc;
	bool plus;
	uint32_t rtmax, wtmax;
	/* From inside libnfs. why: for NFS_BROKEN. */
	void (*done)(struct nfs_call *c, enum nfs_outcome o, const char *why);

	/* the lane's */
	struct nfs_lane *lane;
	uint64_t deadline_ms;
	uint32_t bytes;
	uint32_t pauses;
	struct timer timer;
	struct nfs_call *next, **prev;
};

/* false: it could not be queued, done will not be called. */
bool nfs_call_send(struct nfs_conn *c, struct nfs_call *call);
/* What it weighs in the window. */
uint32_t nfs_call_bytes(const struct share_op *op);

/* share_nfs_mount.c: from a URL to the root's handle */

struct nfs_place {
	struct loop *loop;
	struct offload *offload;
	struct share_url url;
	char *name;	/* the URL for messages */
	char addr[64];	/* numeric */
	uint16_t nfs_port, mount_port;
	struct nfs_conn *conn;	/* the throw-away one, while a task waits on it */
	bool closing;
};

/*
 * Fill in addr and ports, and ask the mount daemon for the root's handle.
 * ERR_UNAVAIL with a sentence.  rest_r is what of the path must still be looked
 * up below *root_r.  One task at a time.
 */
may_yield must_check struct err *nfs_place_find(struct task *t,
    struct nfs_place *p, struct share_fh *root_r, struct str *rest_r);
/* The sentence for a server that rejects our RPC calls. */
must_check struct err *nfs_place_refused(struct task *t,
    const struct nfs_place *p, struct nfs_conn *c, const char *why);
/* What libnfs says, without its decoration: "Connection refused". */
const char *nfs_place_tidy(struct task *t, const char *why);

/* share_nfs.c and share_nfs_lane.c: the lanes */

enum nfs_lane_state {
	NFS_LANE_DOWN,		/* no connection; the next call makes one */
	NFS_LANE_CONNECTING,	/* a task is at it; calls wait */
	NFS_LANE_UP,
	NFS_LANE_CHECKING,	/* up, but the UUID is looked at; calls wait */
	NFS_LANE_AWAY		/* it failed; wait until retry_ms */
};

struct nfs_list {
	struct nfs_call *first, **last;
	unsigned n;
	uint64_t bytes;
};

struct nfs_lane {
	struct nfs_share *ns;
	enum share_lane id;
	enum nfs_lane_state state;
	struct nfs_conn *conn;
	uint64_t number;	/* rises with every connection that ends */
	bool was_up, dropping;
	struct nfs_list queue, flight, paused; /* paused: by JUKEBOX */
	struct timer tick, retry;
	uint64_t away_since_ms, retry_ms, checked_ms;
	unsigned failures;
	enum err_code why_code;
	char why[700];
	/* the connecting task */
	struct task *task;
	bool wake;
};

struct nfs_share {
	struct share share;
	struct sched *sched;
	struct nfs_place place;
	struct nfs_lane lane[SHARE_LANES];
	struct task_mutex mount_lock;
	struct share_fh root;	/* what an empty handle means; n == 0: unknown */
	bool refind;	/* ask for address, ports and root again */
	bool expecting, was_up, closing;
	unsigned char uuid[16];
	uint64_t verf;
	bool have_verf;
	uint32_t rtmax, wtmax;	/* 0: unknown */
	unsigned refs;		/* the share, its connecting tasks */
};

/* Begin to connect, in a task of its own. */
void nfs_lane_start(struct nfs_lane *l);
/* Send what the window lets through. */
void nfs_lane_pump(struct nfs_lane *l);
/* The connection is over: calls under way become unknown. Not in a callback. */
void nfs_lane_drop(struct nfs_lane *l);
/* Connecting ended (e NULL: well). */
void nfs_lane_result(struct nfs_lane *l, const struct err *e);
/* STALE was seen: look at the UUID before the next call. */
void nfs_lane_suspect(struct nfs_lane *l);
void nfs_lane_conn_event(struct nfs_conn *c, const char *broken, void *arg);
void nfs_share_unref(struct nfs_share *ns);

#endif
