/* share_nfs.h - the share over NFSv3, spoken by ourselves */
#ifndef STORAGE_SHARE_SHARE_NFS_H
#define STORAGE_SHARE_SHARE_NFS_H

#include "base/loop.h"
#include "base/offload.h"
#include "storage/share/share.h"
#include "storage/share/share_url.h"

/*
 * libnfs' raw calls (share_nfs*.c is the one door to it), one TCP connection
 * per lane, made when a lane is first used.  MOUNT is done once, on connections
 * that are thrown away.  The root's handle is empty and stands for whatever
 * MOUNT says; it stays good when the server gives the root another handle.
 *
 * A connection ends by an error, by a call that is not answered in time, by a
 * reply that libnfs cannot take, or by another write verifier (the server was
 * restarted; then all lanes' connections end).  libnfs' context is then
 * destroyed outside its callbacks; what was under way ends with ERR_UNKNOWN.
 * libnfs' own reconnect is never used: 4.0.0 keeps half a reply across it and
 * can report success with wrong data (measured).
 *
 * The next call makes a new connection.  It carries calls only after SHOAL's
 * UUID was found there (share_expect); so does one that saw ERR_STALE.
 * For SHARE_NFS_PATIENCE_MS calls wait for an outage to end; in a longer one
 * they are answered at once with ERR_UNAVAIL and the sentence that says why,
 * while single calls, with growing, jittered pauses between them, try again.
 */
#define SHARE_NFS_WINDOW_CALLS 64	/* under way per lane; more wait */
#define SHARE_NFS_WINDOW_BYTES (4 << 20)
#define SHARE_NFS_CONNECT_MS 4000	/* TCP, MOUNT, UUID: each */
#define SHARE_NFS_PATIENCE_MS 3000
#define SHARE_NFS_BACKOFF_MIN_MS 50
#define SHARE_NFS_BACKOFF_MAX_MS 2000
#define SHARE_NFS_TICK_MS 200		/* rpc_service(0) and deadlines */
#define SHARE_NFS_JUKEBOX_MS 100	/* first pause; doubles up to 2 s */

/*
 * Never waits: the first call connects.  After share_close() run the loop until
 * no task is left, so that connecting tasks can end.
 */
struct share *share_nfs_open(struct loop *l, struct offload *o,
    const struct share_url *url);

#endif
