/* node.h - who this node is: the identity in the local directory */
#ifndef LOCKING_NODE_H
#define LOCKING_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rnd.h"
#include "base/str.h"

/*
 * local/node holds the node's id (text: "shoal-node 1", "id <16 hex digits>"),
 * drawn once and never changed: names and addresses may change freely, the id
 * names the node's lease nodes/<id>.  local/lock is held under flock(2) as long
 * as the process lives.
 *
 * A lease entry carries the boot id and the lock file's device and inode.  If
 * they are ours and we hold the flock, the process that wrote the entry is dead
 * for sure, and its session may be taken over at once.  A copy of the local
 * directory has another inode: such a clone waits, sees the lease move, and is
 * refused (lease.h).
 */
#define NODE_ID_HEX 16
#define NODE_ID_FILE "node"
#define NODE_LOCK_FILE "lock"
#define NODE_BOOT_MAX 64

/* The few local things, replaceable by the simulation (which thereby emulates
 * death of a process, reboot and copied directories).  None of them waits. */
struct node_local {
	/* Take the exclusive lock. ERR_CONFLICT: another process has it. */
	struct err *(*lock)(struct arena *a, void *arg, uint64_t *dev_r,
	    uint64_t *ino_r);
	void (*unlock)(void *arg);
	/* The id file's text; ERR_NOENT. */
	struct err *(*load)(struct arena *a, void *arg, struct str *text_r);
	/* Durable and atomic. */
	struct err *(*store)(struct arena *a, void *arg, struct str text);
	struct err *(*boot_id)(struct arena *a, void *arg, struct str *id_r);
	void (*free)(void *arg); /* NULL: nothing to free */
	void *arg;
};

/* A real directory, and /proc/sys/kernel/random/boot_id. */
struct node_local node_local_dir(const char *dir);

struct node; /* the identity, locked */

/*
 * Lock the directory, read the id or draw one.  ERR_CONFLICT: another process
 * runs on this directory; ERR_CORRUPT: the id file is damaged.  Takes local
 * over, whatever happens (frees its arg at node_close).
 */
must_check struct err *node_open(struct arena *a,
    const struct node_local *local, const struct rnd *r, struct node **n_r);
/* Gives the lock back. */
void node_close(struct node **n);

const char *node_id(const struct node *n); /* NODE_ID_HEX digits */
const char *node_boot_id(const struct node *n);
uint64_t node_lock_dev(const struct node *n);
uint64_t node_lock_ino(const struct node *n);
/* Whether s could be a node's id (a directory name below nodes/). */
bool node_id_is_valid(struct str s);

#endif
