/* localfile.h - files of the administrator's machine, whole;
 * see also ctl_read_file() */
#ifndef SERVER_CTL_LOCALFILE_H
#define SERVER_CTL_LOCALFILE_H

#include "base/err.h"
#include "base/task.h"

/* Make a new file (ERR_EXIST) of mode 0600. */
must_check struct err *localfile_write(struct task *t, const char *path,
    struct str data);
/* mkdir -p, mode 0700. */
must_check struct err *localfile_mkdirs(struct task *t, const char *path);

#endif
