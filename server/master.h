/* master.h - the process that binds, starts workers and keeps them alive */
#ifndef SERVER_MASTER_H
#define SERVER_MASTER_H

#include <stdbool.h>

#include "server/conf.h"

/*
 * The master reads the configuration and the files it names, binds sockets, and
 * forks workers (no exec).  It reads nothing that comes from the network and
 * has no connections.  It waits in ppoll() for signals, for its workers'
 * channels (channel.h) and for the time:
 *
 *	SIGTERM, SIGINT	drain: workers stop accepting and let sessions finish
 *			for drain_timeout; then the lease is given back and it
 *			ends.  A second one: all end at once.
 *	SIGHUP		reload.  A bad file is logged and the old one kept.
 *	SIGUSR1		the log file is opened again.
 *	SIGCHLD		a worker that ended is started again, after
 *			MASTER_BACKOFF_MS, doubled each time up to
 *			MASTER_BACKOFF_MAX_MS, until one lived for
 *			MASTER_STABLE_MS: no storm of forks.
 *
 * A worker whose loop does not turn (it leaves MASTER_PINGS_MAX pings, one each
 * MASTER_PING_MS, unanswered) is killed and started again.
 *
 * Each MASTER_FILES_MS it looks whether a certificate or key file changed, and
 * reloads then.
 *
 * A worker that finds that this node must not run (a second one under its name,
 * another share than ours) says so, and all end with that sentence.  When the
 * master dies, its workers do (PR_SET_PDEATHSIG).
 */
#define MASTER_BACKOFF_MS 100
#define MASTER_BACKOFF_MAX_MS 30000
#define MASTER_STABLE_MS 60000
#define MASTER_FILES_MS 60000
#define MASTER_PING_MS 10000
#define MASTER_PINGS_MAX 6
/* Beyond drain_timeout: for the last replies, and the lease. */
#define MASTER_STOP_MS 10000

/* Runs until the end; the exit status. Takes c over. */
int master_run(const char *file, struct conf *c);

#endif
