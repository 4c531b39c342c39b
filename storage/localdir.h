/* localdir.h - the node's own directory */
#ifndef STORAGE_LOCALDIR_H
#define STORAGE_LOCALDIR_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

/*
 * `local` holds what is one node's own: cluster.key (clusterkey.h), state.db
 * (state.h), segcache/ (segcache.h), the node's identity and its lock
 * (locking/), the control socket.  Mode 0700, on a local file system (SQLite
 * and flock do not work over NFS), owned by the user the node runs as.
 */

/* Make it if it is missing (create), check it: a directory, ours (or, as root,
 * anybody's), not writable for others, not on a network file system.
 * ERR_NOENT, ERR_NOTDIR, ERR_DENIED, each with a sentence. */
must_check struct err *localdir_check(struct arena *a, const char *dir,
    bool create);
/*
 * As root: become the owner of dir (groups, gid, uid; for good), unless that is
 * root.  As anybody else: nothing.  shoalctl does so before it opens anything,
 * so that no file of root's appears among the node's.
 */
must_check struct err *localdir_become_owner(struct arena *a, const char *dir);
/* Write a small file: temporary name, fsync, rename, fsync of the directory. */
must_check struct err *localdir_put(struct arena *a, const char *dir,
    const char *name, const void *p, size_t n, bool exclusive);
/* The whole file; over max bytes is ERR_LIMIT. ERR_NOENT. */
must_check struct err *localdir_get(struct arena *a, const char *dir,
    const char *name, size_t max, struct str *data_r);

#endif
