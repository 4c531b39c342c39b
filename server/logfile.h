/* logfile.h - where a process's log lines go */
#ifndef SERVER_LOGFILE_H
#define SERVER_LOGFILE_H

#include "server/conf.h"

/*
 * log.target is
 *	stderr	file descriptor 2
 *	journal	systemd's journal, by its native protocol, so that priorities
 *		are right however shoald was started; without a journal: stderr
 *	a path	appended to.  The master opens it, for the workers too (they may
 *		not); SIGUSR1 and a reload open it again.
 */

/* As the master: *fd_r is the file, -1 for other targets. */
must_check struct err *logfile_open(struct arena *a, const struct conf *c,
    int *fd_r);
/* What this process has open for it. */
struct logfile {
	int fd, journal; /* -1: none */
};
#define LOGFILE_NONE ((struct logfile){ -1, -1 })
/* This process logs as c says from now on, to fd if that is >= 0, which is
 * taken over; what was open before is closed. */
void logfile_use(struct logfile *lf, const struct conf *c, int fd);

#endif
