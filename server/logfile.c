/* logfile.c - where a process's log lines go */
#include "server/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/privs.h"

#define LOGFILE_JOURNAL "/run/systemd/journal/socket"
#define LOGFILE_MODE 0640

struct err *
logfile_open(struct arena *a, const struct conf *c, int *fd_r)
{
	struct err *e = NULL;
	struct stat sb;
	uid_t uid;
	gid_t gid;

	*fd_r = -1;
	if (c->log.target[0] != '/')
		return NULL;
	*fd_r = open(c->log.target,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW,
	    LOGFILE_MODE);
	if (*fd_r < 0)
		return err_errno(a, errno, "cannot write the log to %s",
		    c->log.target);
	/* Whoever owns the directory could have put anything there. */
	if (fstat(*fd_r, &sb) != 0 || (S_ISREG(sb.st_mode) && sb.st_nlink > 1))
		e = err_newf(a, ERR_INVALID,
		    "the log %s has several names, which is not safe",
		    c->log.target);
	if (e == NULL && geteuid() == 0)
		e = privs_ids(a, c->user, c->group, &uid, &gid);
	/* For those who read or rotate it; it is open already. */
	if (geteuid() == 0 && e == NULL && fchown(*fd_r, uid, gid) != 0)
		e = err_errno(a, errno, "cannot give %s to %s", c->log.target,
		    c->user);
	if (e != NULL) {
		close(*fd_r);
		*fd_r = -1;
	}
	return e;
}

/* syslog's priorities. */
static const char logfile_priority[] = {
	[LOG_DEBUG_] = '7',
	[LOG_INFO_] = '6',
	[LOG_WARN_] = '4',
	[LOG_ERROR_] = '3',
	[LOG_ALARM_] = '1',
};

static void
logfile_journal(void *arg, enum log_level level, struct str line)
{
	int fd = (int)(intptr_t)arg;
	char head[64];
	struct iovec iov[2];

	/* A line has no newline but its last: the simple form of the protocol
	 * does (systemd.io/JOURNAL_NATIVE_PROTOCOL). */
	snprintf(head, sizeof(head),
	    "PRIORITY=%c\nSYSLOG_IDENTIFIER=shoald\nMESSAGE=",
	    logfile_priority[level]);
	iov[0] = (struct iovec){ head, strlen(head) };
	iov[1] = (struct iovec){ (void *)line.p, line.n };
	if (writev(fd, iov, 2) < 0)
		return; /* a log that is full stops no mail */
}

static int
logfile_journal_connect(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX,
		.sun_path = LOGFILE_JOURNAL };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void
logfile_use(struct logfile *lf, const struct conf *c, int fd)
{
	struct logfile before = *lf;

	*lf = (struct logfile){ fd, -1 };
	if (strcmp(c->log.target, "journal") == 0)
		lf->journal = logfile_journal_connect();
	log_set_format(c->log.format);
	log_set_level(c->log.level);
	log_set_topics(c->log.topics[0] != '\0' ? c->log.topics : NULL);
	log_set_fd(fd >= 0 ? fd : STDERR_FILENO);
	log_set_sink(NULL, NULL);
	if (lf->journal >= 0)
		log_set_sink(logfile_journal, (void *)(intptr_t)lf->journal);
	if (before.fd >= 0 && before.fd != fd)
		close(before.fd);
	if (before.journal >= 0)
		close(before.journal);
}
