/* share_posix_call.c - the calls of a local directory, executed in the pool */
#include "storage/share/share_posix_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"

#define POSIX_FH_HEAD 16

#define POSIX_STATX_MASK                                                       \
	(STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_UID | STATX_GID |       \
	    STATX_MTIME | STATX_CTIME | STATX_INO | STATX_SIZE | STATX_BTIME)

static void
posix_put64(unsigned char *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

static uint64_t
posix_btime(const struct statx *sx)
{
	/* tmpfs of older kernels knows none: the inode alone must do. */
	if (!(sx->stx_mask & STATX_BTIME))
		return 0;
	return (uint64_t)sx->stx_btime.tv_sec * 1000000000u +
	       sx->stx_btime.tv_nsec;
}

static int64_t
posix_ns(struct statx_timestamp ts)
{
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void
posix_attr(const struct statx *sx, struct share_attr *a)
{
	*a = (struct share_attr){ .type = S_ISREG(sx->stx_mode)	  ? SHARE_REG
					  : S_ISDIR(sx->stx_mode) ? SHARE_DIR
					  : S_ISLNK(sx->stx_mode) ? SHARE_LNK
								  : SHARE_OTHER,
		.mode = sx->stx_mode & 07777,
		.nlink = sx->stx_nlink,
		.uid = sx->stx_uid,
		.gid = sx->stx_gid,
		.size = sx->stx_size,
		.fileid = sx->stx_ino,
		.mtime_ns = posix_ns(sx->stx_mtime),
		.ctime_ns = posix_ns(sx->stx_ctime) };
}

static int
posix_statx(int fd, struct statx *sx)
{
	if (statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, POSIX_STATX_MASK,
		sx) < 0)
		return errno;
	return 0;
}

static int
posix_fh_make(const char *path, size_t n, const struct statx *sx,
    struct share_fh *fh)
{
	if (n > SHARE_FH_MAX - POSIX_FH_HEAD)
		return ENAMETOOLONG;
	posix_put64(fh->data, sx->stx_ino);
	posix_put64(fh->data + 8, posix_btime(sx));
	memcpy(fh->data + POSIX_FH_HEAD, path, n);
	fh->n = (uint16_t)(POSIX_FH_HEAD + n);
	return 0;
}

/* The handle of `name` in dir. */
static int
posix_fh_sub(const struct share_fh *dir, const char *name,
    const struct statx *sx, struct share_fh *fh)
{
	char path[SHARE_FH_MAX + SHARE_NAME_MAX + 2];
	size_t n = dir->n - POSIX_FH_HEAD;
	int len;

	len = snprintf(path, sizeof(path), "%.*s%s%s", (int)n,
	    (const char *)dir->data + POSIX_FH_HEAD, n != 0 ? "/" : "", name);
	return posix_fh_make(path, (size_t)len, sx, fh);
}

int
posix_root_fh(int root, struct share_fh *fh_r)
{
	struct statx sx;
	int err = posix_statx(root, &sx);

	return err != 0 ? err : posix_fh_make("", 0, &sx, fh_r);
}

static int
posix_stale(int err)
{
	return err == ENOENT || err == ENOTDIR || err == ELOOP ? ESTALE : err;
}

/*
 * Walk to the handle's object, one name at a time, never through a symlink; the
 * object itself is opened O_PATH.  -1 with *err_r on failure.
 */
static int
posix_open_fh(int root, const struct share_fh *fh, struct statx *sx, int *err_r)
{
	char path[SHARE_FH_MAX + 1];
	unsigned char head[POSIX_FH_HEAD];
	char *at = path, *name;
	int fd = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	*err_r = errno;
	if (fh->n < POSIX_FH_HEAD || fh->n > SHARE_FH_MAX)
		goto stale;
	memcpy(path, fh->data + POSIX_FH_HEAD, fh->n - POSIX_FH_HEAD);
	path[fh->n - POSIX_FH_HEAD] = '\0';
	while (fd >= 0 && (name = strsep(&at, "/")) != NULL && *path != '\0') {
		int sub = openat(fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

		*err_r = posix_stale(errno);
		close(fd);
		fd = sub;
	}
	if (fd < 0)
		return -1;
	*err_r = posix_statx(fd, sx);
	if (*err_r != 0) {
		close(fd);
		return -1;
	}
	posix_put64(head, sx->stx_ino);
	posix_put64(head + 8, posix_btime(sx));
	if (memcmp(head, fh->data, sizeof(head)) == 0)
		return fd;
stale:
	if (fd >= 0)
		close(fd);
	*err_r = ESTALE;
	return -1;
}

/* A file that can be read, written or synced, from its O_PATH descriptor. */
static int
posix_reopen(int fd, int flags, int *err_r)
{
	char proc[40];
	int again;

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	again = open(proc, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	*err_r = again < 0 ? errno : 0;
	return again;
}

static int
posix_reopen_dir(int fd, int *err_r)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*err_r = again < 0 ? errno : 0;
	return again;
}

static int
posix_sync_dir(struct posix_job *j, int fd)
{
	int err, d = posix_reopen_dir(fd, &err);

	if (d < 0)
		return err;
	if (fsync(d) < 0) {
		err = errno;
		j->sync_failed = true;
	}
	close(d);
	return err;
}

static int
posix_sync_file(struct posix_job *j, int fd)
{
	if (fsync(fd) == 0)
		return 0;
	j->sync_failed = true;
	return errno;
}

/* The directory that j->fh names, as O_PATH. */
static int
posix_open_dir(struct posix_job *j, const struct share_fh *fh, int *err_r)
{
	struct statx sx;
	int fd = posix_open_fh(j->root, fh, &sx, err_r);

	if (fd < 0)
		return -1;
	if (!S_ISDIR(sx.stx_mode)) {
		close(fd);
		*err_r = ENOTDIR;
		return -1;
	}
	if (fh == &j->fh) {
		posix_attr(&sx, &j->dir_attr_r);
		j->dir_attr_ok = true;
	}
	return fd;
}

/* Fill in handle and attributes of j->name in the directory dir. */
static int
posix_look(struct posix_job *j, int dir)
{
	struct statx sx;
	int err;

	if (statx(dir, j->name, AT_SYMLINK_NOFOLLOW, POSIX_STATX_MASK, &sx) < 0)
		return errno;
	err = posix_fh_sub(&j->fh, j->name, &sx, &j->fh_r);
	if (err != 0)
		return err;
	posix_attr(&sx, &j->attr_r);
	j->attr_ok = true;
	return 0;
}

static int
posix_lookup(struct posix_job *j, int dir)
{
	return posix_look(j, dir);
}

static int
posix_create(struct posix_job *j, int dir)
{
	struct stat st;
	int err = 0;
	int fd = openat(dir, j->name,
	    O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
	    j->mode);

	if (fd < 0)
		return errno == ELOOP || errno == EISDIR || errno == ENXIO
			   ? EEXIST
			   : errno;
	if (fstat(fd, &st) < 0)
		err = errno;
	else if (!S_ISREG(st.st_mode))
		err = EEXIST;
	if (err == 0)
		err = posix_sync_file(j, fd);
	close(fd);
	if (err == 0)
		err = posix_sync_dir(j, dir);
	return err != 0 ? err : posix_look(j, dir);
}

static int
posix_symlink(struct posix_job *j, int dir)
{
	int err;

	if (symlinkat(j->data, dir, j->name) < 0)
		return errno;
	err = posix_sync_dir(j, dir);
	return err != 0 ? err : posix_look(j, dir);
}

static int
posix_mkdir(struct posix_job *j, int dir)
{
	int err;

	if (mkdirat(dir, j->name, j->mode) < 0)
		return errno;
	err = posix_sync_dir(j, dir);
	return err != 0 ? err : posix_look(j, dir);
}

static int
posix_remove(struct posix_job *j, int dir)
{
	if (unlinkat(dir, j->name, 0) < 0)
		return errno;
	return posix_sync_dir(j, dir);
}

static int
posix_rmdir(struct posix_job *j, int dir)
{
	if (unlinkat(dir, j->name, AT_REMOVEDIR) < 0)
		return errno == EEXIST ? ENOTEMPTY : errno;
	return posix_sync_dir(j, dir);
}

static int
posix_rename(struct posix_job *j, int dir)
{
	int err, to = posix_open_dir(j, &j->to, &err);

	if (to < 0)
		return err;
	if (renameat(dir, j->name, to, j->to_name) < 0)
		err = errno;
	else
		err = posix_sync_dir(j, to);
	if (err == 0)
		err = posix_sync_dir(j, dir);
	close(to);
	return err;
}

static void
posix_readdir_add(struct posix_job *j, int dir, const struct dirent *d)
{
	size_t n = strlen(d->d_name);
	struct posix_dirent *e;
	struct statx sx;

	if (j->ent_n == j->ent_size) {
		j->ent_size = j->ent_size ? j->ent_size * 2 : 64;
		j->ent = xrealloc(j->ent, j->ent_size, sizeof(*j->ent));
	}
	if (j->text_n + n > j->text_size) {
		j->text_size = (j->text_n + n) * 2;
		j->text = xrealloc(j->text, j->text_size, 1);
	}
	e = &j->ent[j->ent_n++];
	*e = (struct posix_dirent){ d->d_ino, j->text_n, n, { 0 } };
	memcpy(j->text + j->text_n, d->d_name, n);
	j->text_n += n;
	if (j->plus &&
	    statx(dir, d->d_name, AT_SYMLINK_NOFOLLOW, POSIX_STATX_MASK, &sx) ==
		0 &&
	    posix_fh_sub(&j->fh, d->d_name, &sx, &e->fh) != 0)
		e->fh.n = 0;
}

/*
 * The whole directory at once: within one open directory the kernel promises
 * that a name which was there all the time is seen.  The attributes were taken
 * before, so that a change meanwhile shows as one.
 */
static int
posix_readdir(struct posix_job *j, int dir)
{
	struct dirent *d;
	int err, fd = posix_reopen_dir(dir, &err);
	DIR *dp;

	if (fd < 0)
		return err;
	dp = fdopendir(fd);
	if (dp == NULL) {
		err = errno;
		close(fd);
		return err;
	}
	for (errno = 0; (d = readdir(dp)) != NULL; errno = 0)
		posix_readdir_add(j, fd, d);
	err = errno;
	closedir(dp);
	j->eof_r = true;
	return err;
}

static int
posix_getattr(struct posix_job *j, int fd)
{
	struct statx sx;
	int err = posix_statx(fd, &sx);

	if (err == 0)
		posix_attr(&sx, &j->attr_r);
	j->attr_ok = err == 0;
	return err;
}

static int
posix_read(struct posix_job *j, int fd)
{
	int err, f = posix_reopen(fd, O_RDONLY, &err);

	if (f < 0)
		return err;
	j->data = xcalloc(1, j->length + 1);
	while (j->count_r < j->length) {
		ssize_t n = pread(f, j->data + j->count_r,
		    j->length - j->count_r, (off_t)(j->offset + j->count_r));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = errno;
		if (n <= 0)
			break;
		j->count_r += (uint32_t)n;
	}
	close(f);
	if (err == 0)
		err = posix_getattr(j, fd);
	j->eof_r = j->offset + j->count_r >= j->attr_r.size;
	return err;
}

static int
posix_write(struct posix_job *j, int fd)
{
	int err, f = posix_reopen(fd, O_WRONLY, &err);

	if (f < 0)
		return err;
	while (j->count_r < j->length) {
		ssize_t n = pwrite(f, j->data + j->count_r,
		    j->length - j->count_r, (off_t)(j->offset + j->count_r));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = errno;
		if (n <= 0)
			break;
		j->count_r += (uint32_t)n;
	}
	/* What did go in is reported as a short write; the next one tells. */
	if (j->count_r > 0)
		err = 0;
	if (err == 0 && j->stable)
		err = posix_sync_file(j, f);
	close(f);
	return err != 0 ? err : posix_getattr(j, fd);
}

static int
posix_commit(struct posix_job *j, int fd)
{
	int err, f = posix_reopen(fd, O_RDONLY, &err);

	if (f < 0)
		return err;
	err = posix_sync_file(j, f);
	close(f);
	return err;
}

static int
posix_readlink(struct posix_job *j, int fd)
{
	ssize_t n;

	j->text = xcalloc(1, PATH_MAX);
	n = readlinkat(fd, "", j->text, PATH_MAX);
	if (n < 0)
		return errno == ENOENT ? EINVAL : errno;
	j->text_n = (size_t)n;
	return 0;
}

static int
posix_link(struct posix_job *j, int fd)
{
	char proc[40];
	int err, to = posix_open_dir(j, &j->to, &err);

	if (to < 0)
		return err;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, proc, to, j->to_name, AT_SYMLINK_FOLLOW) < 0)
		err = errno;
	else
		err = posix_sync_dir(j, to);
	close(to);
	return err;
}

static int
posix_fsstat(struct posix_job *j, int fd)
{
	struct statvfs v;
	int err, f = posix_reopen_dir(fd, &err);

	if (f < 0)
		return err;
	if (fstatvfs(f, &v) < 0)
		err = errno;
	else
		j->fsstat_r =
		    (struct share_fsstat){ .total_bytes = (uint64_t)v.f_blocks *
							  v.f_frsize,
			    .free_bytes = (uint64_t)v.f_bavail * v.f_frsize,
			    .total_files = v.f_files,
			    .free_files = v.f_favail };
	close(f);
	return err;
}

/* dir: fh must be a directory, `name` lies in it; reg: fh must be a file. */
static const struct {
	int (*fn)(struct posix_job *j, int fd);
	bool dir, reg;
} posix_procs[SHARE_PROCS] = { [SHARE_LOOKUP] = { posix_lookup, true, false },
	[SHARE_GETATTR] = { posix_getattr, false, false },
	[SHARE_READ] = { posix_read, false, true },
	[SHARE_READLINK] = { posix_readlink, false, false },
	[SHARE_READDIR] = { posix_readdir, true, false },
	[SHARE_CREATE] = { posix_create, true, false },
	[SHARE_WRITE] = { posix_write, false, true },
	[SHARE_COMMIT] = { posix_commit, false, true },
	[SHARE_SYMLINK] = { posix_symlink, true, false },
	[SHARE_LINK] = { posix_link, false, false },
	[SHARE_RENAME] = { posix_rename, true, false },
	[SHARE_REMOVE] = { posix_remove, true, false },
	[SHARE_MKDIR] = { posix_mkdir, true, false },
	[SHARE_RMDIR] = { posix_rmdir, true, false },
	[SHARE_FSSTAT] = { posix_fsstat, true, false } };

void
posix_job_blocking(struct posix_job *j)
{
	struct statx sx;
	int fd;

	if (posix_procs[j->proc].dir) {
		fd = posix_open_dir(j, &j->fh, &j->errnum);
	} else {
		fd = posix_open_fh(j->root, &j->fh, &sx, &j->errnum);
		/* Opening a FIFO or a device could hang or do harm. */
		if (fd >= 0 && posix_procs[j->proc].reg &&
		    !S_ISREG(sx.stx_mode)) {
			j->errnum = S_ISDIR(sx.stx_mode) ? EISDIR : EINVAL;
			close(fd);
			fd = -1;
		}
	}
	if (fd < 0)
		return;
	j->errnum = posix_procs[j->proc].fn(j, fd);
	close(fd);
}
