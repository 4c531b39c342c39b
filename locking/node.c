/* node.c - who this node is: the identity in the local directory */
#include "locking/node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NODE_BOOT_FILE "/proc/sys/kernel/random/boot_id"
#define NODE_FILE_MAX 256

struct node {
	struct node_local local;
	char id[NODE_ID_HEX + 1];
	char boot[NODE_BOOT_MAX + 1];
	uint64_t dev, ino;
};

struct node_dir {
	char *path;
	int lock_fd;
};

/* The file may be replaced between open and flock: then it is not the lock. */
static struct err *
node_dir_lock_once(struct arena *a, struct node_dir *d, const char *path,
    struct stat *st, bool *again_r)
{
	struct stat there;

	*again_r = false;
	d->lock_fd =
	    open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->lock_fd == -1)
		return err_errno(a, errno, "cannot open %s", path);
	if (flock(d->lock_fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno != EWOULDBLOCK)
			return err_errno(a, errno, "cannot lock %s", path);
		return err_newf(a, ERR_CONFLICT,
		    "another process runs as this node: %s is locked", path);
	}
	if (fstat(d->lock_fd, st) == -1)
		return err_errno(a, errno, "cannot look at %s", path);
	*again_r = stat(path, &there) == -1 || there.st_dev != st->st_dev ||
		   there.st_ino != st->st_ino;
	return NULL;
}

static void
node_dir_unlock(void *arg)
{
	struct node_dir *d = arg;

	if (d->lock_fd != -1)
		close(d->lock_fd);
	d->lock_fd = -1;
}

static struct err *
node_dir_lock(struct arena *a, void *arg, uint64_t *dev_r, uint64_t *ino_r)
{
	struct node_dir *d = arg;
	char *path = arena_printf(a, "%s/%s", d->path, NODE_LOCK_FILE);
	struct stat st;
	bool again;
	struct err *e;

	do {
		node_dir_unlock(d);
		e = node_dir_lock_once(a, d, path, &st, &again);
	} while (e == NULL && again);
	if (e != NULL) {
		node_dir_unlock(d);
		return e;
	}
	*dev_r = st.st_dev;
	*ino_r = st.st_ino;
	return NULL;
}

static struct err *
node_file_read(struct arena *a, const char *path, struct str *text_r)
{
	char *p = arena_alloc(a, NODE_FILE_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;

	if (fd == -1)
		return err_errno(a, errno, "cannot open %s", path);
	n = read(fd, p, NODE_FILE_MAX);
	if (n == -1) {
		struct err *e = err_errno(a, errno, "cannot read %s", path);
		close(fd);
		return e;
	}
	close(fd);
	*text_r = str_of(p, (size_t)n);
	return NULL;
}

static struct err *
node_dir_load(struct arena *a, void *arg, struct str *text_r)
{
	struct node_dir *d = arg;

	return node_file_read(a,
	    arena_printf(a, "%s/%s", d->path, NODE_ID_FILE), text_r);
}

static bool
node_write_synced(int fd, struct str text)
{
	return write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
}

/* Through a temporary name: the id is there whole or not at all. */
static struct err *
node_dir_store(struct arena *a, void *arg, struct str text)
{
	struct node_dir *d = arg;
	char *path = arena_printf(a, "%s/%s", d->path, NODE_ID_FILE);
	char *tmp = arena_printf(a, "%s.new", path);
	int fd = open(tmp,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct err *e = NULL;

	if (fd == -1)
		return err_errno(a, errno, "cannot make %s", tmp);
	if (!node_write_synced(fd, text) || rename(tmp, path) == -1)
		e = err_errno(a, errno, "cannot write %s", path);
	close(fd);
	if (e != NULL)
		return e;
	fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || fsync(fd) == -1)
		e = err_errno(a, errno, "cannot sync %s", d->path);
	if (fd != -1)
		close(fd);
	return e;
}

static struct err *
node_dir_boot_id(struct arena *a, void *arg, struct str *id_r)
{
	(void)arg;
	return node_file_read(a, NODE_BOOT_FILE, id_r);
}

static void
node_dir_free(void *arg)
{
	struct node_dir *d = arg;

	node_dir_unlock(d);
	free(d->path);
	free(d);
}

struct node_local
node_local_dir(const char *dir)
{
	struct node_dir *d = xcalloc(1, sizeof(*d));

	d->path = xstrdup(dir);
	d->lock_fd = -1;
	return (struct node_local){ .lock = node_dir_lock,
		.unlock = node_dir_unlock,
		.load = node_dir_load,
		.store = node_dir_store,
		.boot_id = node_dir_boot_id,
		.free = node_dir_free,
		.arg = d };
}

bool
node_id_is_valid(struct str s)
{
	if (s.n != NODE_ID_HEX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < '0' || s.p[i] > '9') &&
		    (s.p[i] < 'a' || s.p[i] > 'f'))
			return false;
	return true;
}

/* "shoal-node 1" LF "id " 16 hex digits LF */
static bool
node_id_parse(struct str text, char id_r[NODE_ID_HEX + 1])
{
	struct str head = STR("shoal-node 1\nid ");

	if (!str_starts(text, head) || text.n != head.n + NODE_ID_HEX + 1 ||
	    text.p[text.n - 1] != '\n' ||
	    !node_id_is_valid(str_sub(text, head.n, NODE_ID_HEX)))
		return false;
	memcpy(id_r, text.p + head.n, NODE_ID_HEX);
	id_r[NODE_ID_HEX] = '\0';
	return true;
}

static struct err *
node_load_id(struct arena *a, struct node *n, const struct rnd *r)
{
	struct str text;
	struct err *e = n->local.load(a, n->local.arg, &text);

	if (e == NULL) {
		if (node_id_parse(text, n->id))
			return NULL;
		return err_new(a, ERR_CORRUPT,
		    "the node's identity file '" NODE_ID_FILE
		    "' in the local directory is damaged",
		    NULL);
	}
	if (!err_is(e, ERR_NOENT))
		return e;
	snprintf(n->id, sizeof(n->id), "%016llx",
	    (unsigned long long)rnd_u64(r));
	return n->local.store(a, n->local.arg,
	    str_c(arena_printf(a, "shoal-node 1\nid %s\n", n->id)));
}

static struct err *
node_load_boot_id(struct arena *a, struct node *n)
{
	struct str boot;
	struct err *e = n->local.boot_id(a, n->local.arg, &boot);

	if (e != NULL)
		return e;
	if (boot.n > 0 && boot.p[boot.n - 1] == '\n')
		boot.n--;
	if (boot.n == 0 || boot.n > NODE_BOOT_MAX)
		return err_new(a, ERR_SYSTEM, "the boot id cannot be read",
		    "%zu bytes", boot.n);
	memcpy(n->boot, boot.p, boot.n);
	return NULL;
}

struct err *
node_open(struct arena *a, const struct node_local *local, const struct rnd *r,
    struct node **n_r)
{
	struct node *n = xcalloc(1, sizeof(*n));
	struct err *e;

	n->local = *local;
	e = local->lock(a, local->arg, &n->dev, &n->ino);
	if (e == NULL)
		e = node_load_id(a, n, r);
	if (e == NULL)
		e = node_load_boot_id(a, n);
	if (e != NULL) {
		node_close(&n);
		return e;
	}
	*n_r = n;
	return NULL;
}

void
node_close(struct node **n)
{
	if (*n == NULL)
		return;
	(*n)->local.unlock((*n)->local.arg);
	if ((*n)->local.free != NULL)
		(*n)->local.free((*n)->local.arg);
	free(*n);
	*n = NULL;
}

const char *
node_id(const struct node *n)
{
	return n->id;
}

const char *
node_boot_id(const struct node *n)
{
	return n->boot;
}

uint64_t
node_lock_dev(const struct node *n)
{
	return n->dev;
}

uint64_t
node_lock_ino(const struct node *n)
{
	return n->ino;
}
