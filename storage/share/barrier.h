/* barrier.h - making everything the server executed before durable */
#ifndef STORAGE_SHARE_BARRIER_H
#define STORAGE_SHARE_BARRIER_H

#include "storage/share/share.h"

/*
 * Durability profile `barrier`: an RFC 1813 server must make metadata stable
 * before it replies; some do not (ganesha's VFS backend).  There, after a
 * commit, one FILE_SYNC write to a fresh (never written) file on the same file
 * system forces the file system's log, and with it every earlier metadata
 * change (proven on ext4 and XFS with power cuts).  One barrier serves all who
 * were waiting when it was sent.  Files are barrier/<random>, created ahead in
 * the background and removed afterwards, so that the serial cost is one WRITE.
 * Profile `reply`: nothing to do.  posix: fsync was done by the backend.
 *
 * Where no block can be had any more (NOSPC, DQUOT) a file created just then and
 * COMMIT force the log as well, so that mail can be removed from a full share.
 */
struct barrier;

enum barrier_profile {
	BARRIER_WRITE,	/* "barrier" */
	BARRIER_REPLY	/* "reply" */
};

struct barrier *barrier_new(struct sched *sc, struct share *s,
    enum barrier_profile p);
void barrier_free(struct barrier **b);
/*
 * NULL: all that was executed on the connection `conn` before this call is
 * durable.  ERR_CONN: the connection was re-made in between, nothing is known.
 * Other errors: outcome unknown.
 */
may_yield must_check struct err *barrier_wait(struct task *t,
    struct barrier *b, uint64_t conn);

/*
 * LINK, durable when this returns NULL: a record may refer to the name.  Unlike
 * a FILE_SYNC WRITE, which brings its file's name along, a LINK is only as
 * durable as the profile says; a server that forgot it in between would leave a
 * committed record without its file.  A name that exists is taken for our own,
 * made by an earlier try.  b NULL: nothing is known of a profile.
 */
may_yield must_check struct err *barrier_link(struct task *t, struct share *s,
    struct barrier *b, const struct share_fh *file,
    const struct share_fh *dir, struct str name);

#endif
