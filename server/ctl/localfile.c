#include "server/ctl/localfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "server/ctl/ctl.h"

static int
localfile_open(struct ctl *c, const char *path)
{
	for (unsigned i = 0; i < c->files_n; i++)
		if (c->files[i].path == path) {
			int fd = c->files[i].fd;
			c->files[i].fd = -EBADF;
			errno = fd < 0 ? -fd : 0;
			return fd;
		}
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

static struct err *
localfile_read_fd(struct task *t, int fd, const char *path, size_t max,
    struct str *data_r)
{
	struct err *e = NULL;
	struct buf b;
	char piece[64 * 1024];
	ssize_t n;

	buf_init(&b, task_arena(t), max);
	while ((n = read(fd, piece, sizeof piece)) > 0 ||
	       (n < 0 && errno == EINTR))
		if (n > 0)
			buf_add(&b, piece, (size_t)n);
	if (n < 0)
		e = err_errno(task_arena(t), errno, "cannot read %s", path);
	else if (!buf_ok(&b))
		e = err_newf(task_arena(t), ERR_LIMIT,
		    "%s is longer than %zu bytes", path, max);
	if (fd != STDIN_FILENO)
		close(fd);
	*data_r = buf_str(&b);
	return e;
}

struct err *
ctl_read_file(struct task *t, struct ctl *c, const char *path, size_t max,
    struct str *data_r, int64_t *mtime_s_r)
{
	struct stat st;
	int fd = STDIN_FILENO;

	if (mtime_s_r != NULL)
		*mtime_s_r = task_wall_s(t);
	if (strcmp(path, "-") != 0) {
		fd = localfile_open(c, path);
		if (fd < 0 || fstat(fd, &st) < 0)
			return err_errno(task_arena(t), errno, "cannot open %s",
			    path);
		if (S_ISDIR(st.st_mode)) {
			close(fd);
			return err_newf(task_arena(t), ERR_INVALID,
			    "%s is a directory", path);
		}
		if (mtime_s_r != NULL)
			*mtime_s_r = st.st_mtime;
	}
	return localfile_read_fd(t, fd, path, max, data_r);
}

struct err *
localfile_write(struct task *t, const char *path, struct str data)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(task_arena(t), errno, "cannot make %s", path);
	while (data.n > 0) {
		ssize_t n = write(fd, data.p, data.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		data = str_sub(data, (size_t)n, data.n);
	}
	int failed = data.n > 0 ? errno : 0;
	if (close(fd) < 0 && failed == 0)
		failed = errno;
	if (failed == 0)
		return NULL;
	return err_errno(task_arena(t), failed, "cannot write %s", path);
}

struct err *
localfile_mkdirs(struct task *t, const char *path)
{
	char *p = arena_strdup(task_arena(t), path);

	for (char *s = p + 1;; s++) {
		char keep = *s;
		if (keep != '/' && keep != '\0')
			continue;
		*s = '\0';
		if (mkdir(p, 0700) < 0 && errno != EEXIST)
			return err_errno(task_arena(t), errno, "cannot make %s",
			    p);
		*s = keep;
		if (keep == '\0')
			return NULL;
	}
}
