/* localdir.c - the node's own directory */
#include "storage/localdir.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "storage/share/share_posix.h"

struct err *
localdir_check(struct arena *a, const char *dir, bool create)
{
	struct statfs fs;
	struct stat sb;

	if (create && mkdir(dir, 0700) != 0 && errno != EEXIST)
		return err_errno(a, errno, "cannot make %s", dir);
	if (stat(dir, &sb) != 0)
		return errno == ENOENT
			   ? err_newf(a, ERR_NOENT, "there is no directory %s",
				 dir)
			   : err_errno(a, errno, "cannot use %s", dir);
	if (!S_ISDIR(sb.st_mode))
		return err_newf(a, ERR_NOTDIR, "%s is not a directory", dir);
	if (sb.st_uid != geteuid() && geteuid() != 0)
		return err_newf(a, ERR_DENIED,
		    "%s belongs to another user: run this as that user or as "
		    "root",
		    dir);
	if ((sb.st_mode & 022) != 0)
		return err_newf(a, ERR_DENIED,
		    "%s may be written by others: chmod 700 it", dir);
	if (statfs(dir, &fs) == 0 &&
	    share_posix_is_network((unsigned long)fs.f_type))
		return err_newf(a, ERR_DENIED,
		    "%s is on a network file system: a node's directory must "
		    "be on a disk of its own",
		    dir);
	return NULL;
}

struct err *
localdir_become_owner(struct arena *a, const char *dir)
{
	struct passwd pw, *found = NULL;
	struct stat sb;
	char buf[16384];
	int rc;

	if (geteuid() != 0)
		return NULL;
	if (stat(dir, &sb) != 0)
		return err_errno(a, errno, "cannot use %s", dir);
	if (sb.st_uid == 0)
		return NULL;
	rc = getpwuid_r(sb.st_uid, &pw, buf, sizeof(buf), &found);
	if (rc == 0 && found != NULL)
		rc = initgroups(pw.pw_name, sb.st_gid) == 0 ? 0 : errno;
	else
		rc = setgroups(1, &sb.st_gid) == 0 ? 0 : errno;
	if (rc != 0 || setgid(sb.st_gid) != 0 || setuid(sb.st_uid) != 0)
		return err_errno(a, rc != 0 ? rc : errno,
		    "cannot become the owner of %s", dir);
	if (setuid(0) == 0)
		panic("still root after becoming the owner of %s", dir);
	return NULL;
}

static int
localdir_write(int fd, const char *p, size_t n)
{
	ssize_t done;

	while (n > 0) {
		done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return errno;
		p += done;
		n -= (size_t)done;
	}
	return fsync(fd) == 0 ? 0 : errno;
}

static int
localdir_sync(const char *dir)
{
	int fd, rc;

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	rc = fsync(fd) == 0 ? 0 : errno;
	close(fd);
	return rc;
}

struct err *
localdir_put(struct arena *a, const char *dir, const char *name, const void *p,
    size_t n, bool exclusive)
{
	char *path = arena_printf(a, "%s/%s", dir, name);
	unsigned long long x = 0;
	char *tmp;
	int fd, rc;

	if (getrandom(&x, sizeof(x), 0) != sizeof(x))
		return err_errno(a, errno, "no random numbers");
	tmp = arena_printf(a, "%s/.%s.%016llx", dir, name, x);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(a, errno, "cannot make %s", tmp);
	rc = localdir_write(fd, p, n);
	if (close(fd) != 0 && rc == 0)
		rc = errno;
	/* link() refuses a name that exists, rename() does not. */
	if (rc == 0 && exclusive)
		rc = link(tmp, path) == 0 ? 0 : errno;
	else if (rc == 0)
		rc = rename(tmp, path) == 0 ? 0 : errno;
	if (rc != 0 || exclusive)
		unlink(tmp);
	if (rc == 0)
		rc = localdir_sync(dir);
	return rc == 0 ? NULL : err_errno(a, rc, "cannot write %s", path);
}

struct err *
localdir_get(struct arena *a, const char *dir, const char *name, size_t max,
    struct str *data_r)
{
	char *path = arena_printf(a, "%s/%s", dir, name);
	char *p = arena_alloc(a, max + 1);
	size_t n = 0;
	ssize_t got = 0;
	int fd, rc;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_errno(a, errno, "cannot read %s", path);
	while (n <= max && (got = read(fd, p + n, max + 1 - n)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			break;
		n += (size_t)got;
	}
	rc = errno;
	close(fd);
	if (got < 0)
		return err_errno(a, rc, "cannot read %s", path);
	if (n > max)
		return err_newf(a, ERR_LIMIT, "%s is too long", path);
	*data_r = str_of(p, n);
	return NULL;
}
