/* localfile.h - files of the administrator's machine, whole */
#ifndef SERVER_CTL_LOCALFILE_H
#define SERVER_CTL_LOCALFILE_H

#include "base/err.h"
#include "base/task.h"

/* "-" is stdin. Regular files only else; over max bytes is ERR_LIMIT.  Blocks:
 * for a program that serves nobody else meanwhile. */
must_check struct err *localfile_read(struct task *t, const char *path,
    size_t max, struct str *data_r);
/* The rest of what fd is open on, and close it; path is for messages. */
must_check struct err *localfile_read_fd(struct task *t, int fd,
    const char *path, size_t max, struct str *data_r);
must_check struct err *localfile_mtime(struct task *t, const char *path,
    int64_t *mtime_s_r);
/* Make a new file (ERR_EXIST) of mode 0600. */
must_check struct err *localfile_write(struct task *t, const char *path,
    struct str data);
/* mkdir -p, mode 0700. */
must_check struct err *localfile_mkdirs(struct task *t, const char *path);

#endif
