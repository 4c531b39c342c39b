/* segcache.c - immutable segments, kept on the node's own disk */
#include "storage/segcache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"

/*
 * dir/<2 digits>/<64 digits>.  A file is written under another name and
 * renamed.  Its modification time is when it was last used; the sizes are found
 * by a walk when the first file is put, and again each time the limit is
 * passed: then the oldest go until a tenth is free.
 */
#define SEGCACHE_HEX 64

struct segcache {
	struct offload *offload;
	char *dir;
	uint64_t max_bytes;
	uint64_t bytes; /* about */
	bool counted;
	unsigned under_way, serial; /* puts */
	bool freed;
};

struct segcache *
segcache_new(struct offload *o, const char *dir, uint64_t max_bytes)
{
	struct segcache *c = xcalloc(1, sizeof(*c));

	c->offload = o;
	c->dir = xstrdup(dir);
	c->max_bytes = max_bytes;
	return c;
}

static void
segcache_drop(struct segcache *c)
{
	free(c->dir);
	free(c);
}

void
segcache_free(struct segcache **cp)
{
	struct segcache *c = *cp;

	if (c == NULL)
		return;
	*cp = NULL;
	/* a put that runs has its own copy of everything but c itself */
	if (c->under_way > 0)
		c->freed = true;
	else
		segcache_drop(c);
}

static void
segcache_hex(const unsigned char sha256[32], char out[SEGCACHE_HEX + 1])
{
	int i;

	for (i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", sha256[i]);
}

static char *
segcache_path(const char *dir, const unsigned char sha256[32])
{
	char hex[SEGCACHE_HEX + 1], *p;

	segcache_hex(sha256, hex);
	if (asprintf(&p, "%s/%.2s/%s", dir, hex, hex) < 0)
		panic("out of memory");
	return p;
}

/* Offload has no NULL: at once, then. */
static may_yield void
segcache_blocking(struct task *t, struct segcache *c, void (*fn)(void *arg),
    void *arg)
{
	if (c->offload != NULL)
		offload_run(t, c->offload, fn, arg);
	else
		fn(arg);
}

/* -- get --------------------------------------------------------------- */

struct segcache_get {
	char *path;
	char *p;
	size_t n;
	unsigned char sha256[32];
	bool ok;
};

static void
blocking_segcache_get(void *arg)
{
	struct segcache_get *g = arg;
	unsigned char sha[32];
	struct stat sb;
	size_t have = 0;
	ssize_t got;
	int fd;

	fd = open(g->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	if (fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode) &&
	    (uint64_t)sb.st_size == g->n) {
		while (have < g->n &&
		       (got = read(fd, g->p + have, g->n - have)) > 0)
			have += (size_t)got;
		crypto_sha256(g->p, have, sha);
		g->ok = have == g->n && memcmp(sha, g->sha256, 32) == 0;
		futimens(fd, NULL); /* used now */
	}
	close(fd);
	/* damaged: never again */
	if (!g->ok)
		unlink(g->path);
}

bool
segcache_get(struct task *t, struct segcache *c, const unsigned char sha256[32],
    uint64_t bytes, struct arena *a, struct str *data_r)
{
	struct segcache_get g = { .n = bytes };

	if (bytes > c->max_bytes)
		return false;
	g.path = segcache_path(c->dir, sha256);
	g.p = xcalloc(1, bytes + 1);
	memcpy(g.sha256, sha256, 32);
	segcache_blocking(t, c, blocking_segcache_get, &g);
	if (g.ok)
		*data_r = str_of(arena_memdup(a, g.p, bytes + 1), bytes);
	free(g.p);
	free(g.path);
	return g.ok;
}

/* -- put --------------------------------------------------------------- */

struct segcache_put {
	struct segcache *cache;
	char *dir, *path;
	char *p;
	size_t n;
	uint64_t max_bytes, bytes; /* in the cache, before and after */
	bool counted;
	unsigned serial;
};

struct segcache_file {
	char *path;
	uint64_t bytes;
	struct timespec used;
};

struct segcache_list {
	struct segcache_file *v;
	size_t n, size;
	uint64_t bytes;
};

static int
segcache_oldest_first(const void *a, const void *b)
{
	const struct segcache_file *x = a, *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	if (x->used.tv_nsec != y->used.tv_nsec)
		return x->used.tv_nsec < y->used.tv_nsec ? -1 : 1;
	return strcmp(x->path, y->path);
}

static void
segcache_list_dir(struct segcache_list *list, const char *path)
{
	struct dirent *d;
	struct stat sb;
	char *file;
	DIR *dp;

	dp = opendir(path);
	if (dp == NULL)
		return;
	while ((d = readdir(dp)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		if (asprintf(&file, "%s/%s", path, d->d_name) < 0)
			panic("out of memory");
		if (lstat(file, &sb) < 0 || !S_ISREG(sb.st_mode)) {
			free(file);
			continue;
		}
		if (list->n == list->size) {
			list->size = list->size == 0 ? 64 : list->size * 2;
			list->v =
			    xrealloc(list->v, list->size, sizeof(list->v[0]));
		}
		list->v[list->n++] = (struct segcache_file){ file,
			(uint64_t)sb.st_size, sb.st_mtim };
		list->bytes += (uint64_t)sb.st_size;
	}
	closedir(dp);
}

/* Everything there is; and if it is too much, the oldest go. */
static uint64_t
segcache_trim(const char *dir, uint64_t max_bytes)
{
	struct segcache_list list = { 0 };
	char *sub;
	size_t i;
	int k;

	for (k = 0; k < 256; k++) {
		if (asprintf(&sub, "%s/%02x", dir, k) < 0)
			panic("out of memory");
		segcache_list_dir(&list, sub);
		free(sub);
	}
	if (list.bytes > max_bytes) {
		qsort(list.v, list.n, sizeof(list.v[0]), segcache_oldest_first);
		for (i = 0;
		     i < list.n && list.bytes > max_bytes - max_bytes / 10; i++)
			if (unlink(list.v[i].path) == 0)
				list.bytes -= list.v[i].bytes;
	}
	for (i = 0; i < list.n; i++)
		free(list.v[i].path);
	free(list.v);
	return list.bytes;
}

static bool
segcache_write(const char *path, const char *p, size_t n)
{
	ssize_t put;
	size_t have;
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (fd < 0)
		return false;
	for (have = 0; have < n; have += (size_t)put) {
		put = write(fd, p + have, n - have);
		if (put <= 0)
			break;
	}
	if (close(fd) < 0)
		return false;
	return have == n;
}

static void
blocking_segcache_put(void *arg)
{
	struct segcache_put *p = arg;
	char *slash = strrchr(p->path, '/'), *tmp;

	*slash = '\0';
	if (mkdir(p->dir, 0700) < 0 && errno != EEXIST)
		return;
	if (mkdir(p->path, 0700) < 0 && errno != EEXIST)
		return;
	*slash = '/';
	/* a name that the walk leaves alone; one per process and put */
	if (asprintf(&tmp, "%s/.put.%ld.%u", p->dir, (long)getpid(),
		p->serial) < 0)
		panic("out of memory");
	if (segcache_write(tmp, p->p, p->n) && rename(tmp, p->path) == 0)
		p->bytes += p->n;
	else
		unlink(tmp);
	free(tmp);
	if (!p->counted || p->bytes > p->max_bytes)
		p->bytes = segcache_trim(p->dir, p->max_bytes);
}

static void
segcache_put_done(void *arg)
{
	struct segcache_put *p = arg;
	struct segcache *c = p->cache;

	c->bytes = p->bytes;
	c->counted = true;
	c->under_way--;
	if (c->freed && c->under_way == 0)
		segcache_drop(c);
	free(p->dir);
	free(p->path);
	free(p->p);
	free(p);
}

void
segcache_put(struct task *t, struct segcache *c, const unsigned char sha256[32],
    struct str data)
{
	struct segcache_put *p;

	(void)t;
	if (data.n > c->max_bytes / 4)
		return; /* one file must not drive all others out */
	p = xcalloc(1, sizeof(*p));
	p->cache = c;
	p->dir = xstrdup(c->dir);
	p->path = segcache_path(c->dir, sha256);
	p->p = xmemdup(data.p, data.n);
	p->n = data.n;
	p->max_bytes = c->max_bytes;
	p->bytes = c->bytes;
	p->counted = c->counted;
	p->serial = c->serial++;
	c->under_way++;
	if (c->offload != NULL) {
		offload_submit(c->offload, blocking_segcache_put,
		    segcache_put_done, p);
		return;
	}
	blocking_segcache_put(p);
	segcache_put_done(p);
}
