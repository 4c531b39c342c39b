/* share_posix.h - the share as a local directory */
#ifndef STORAGE_SHARE_SHARE_POSIX_H
#define STORAGE_SHARE_SHARE_POSIX_H

#include "base/offload.h"
#include "storage/share/share.h"

/*
 * For one node, for tests and for restored copies: a directory on a local file
 * system.  A network file system is refused (statfs magic): its attribute cache
 * would make reads stale, and its calls hang in the kernel.
 *
 * Each call is one function in the offload pool.  A handle is
 *
 *	inode (8)  birth time (8)  path below the root (rest, no NUL)
 *
 * and is ERR_STALE when the path leads to another inode.  Unlike an NFS handle
 * it does not survive a RENAME of the object or of a directory above it.  Paths
 * are walked one name at a time with O_NOFOLLOW from the root's descriptor, so
 * that nothing put into the tree leads out of it.
 *
 * What a call changed is durable when it is answered: fsync of the file and of
 * the directories.  A failed fsync changes the write verifier, because the
 * kernel may have dropped what was not written.  There is one connection,
 * number 1, for all lanes.  A call that does not end within SHARE_TIMEOUT_MS is
 * ERR_UNKNOWN (and may yet execute), like with NFS.
 */
#define SHARE_POSIX_CONN 1

/* o NULL, or without threads: calls execute at once. */
must_check struct err *share_posix_open(struct arena *a, struct sched *sc,
    struct offload *o, const char *path, struct share **s_r);

/* The statfs magic of a file system that lives on another machine. */
bool share_posix_is_network(unsigned long magic);

#endif
