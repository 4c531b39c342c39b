/* share_mount.c - from a path on an NFS mount to server, export, sub-path */
#include "storage/share/share_mount.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define MOUNT_TABLE_MAX (4 << 20)

struct mount_line {
	char root[PATH_MAX], point[PATH_MAX], source[PATH_MAX];
	char fstype[64];
	struct str options;
};

/* Three octal digits behind a backslash, 0 to 377. */
static bool
mount_is_octal(struct str s)
{
	return s.n == 3 && s.p[0] >= '0' && s.p[0] <= '3' && s.p[1] >= '0' &&
	       s.p[1] <= '7' && s.p[2] >= '0' && s.p[2] <= '7';
}

/* \040 and its like; false when it does not fit. */
static bool
mount_unescape(struct str s, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\\' && mount_is_octal(str_sub(s, i + 1, 3))) {
			c = (unsigned char)((s.p[i + 1] - '0') << 6 |
					    (s.p[i + 2] - '0') << 3 |
					    (s.p[i + 3] - '0'));
			i += 3;
		}
		if (n + 1 >= size || c == '\0')
			return false;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return true;
}

/* proc(5): id parent dev root point options [optional]... - type source super
 */
static bool
mount_parse(struct str line, struct mount_line *m)
{
	struct str f[6], field;

	for (unsigned i = 0; i < countof(f); i++)
		if (!str_split(&line, ' ', &f[i]))
			return false;
	do {
		if (!str_split(&line, ' ', &field))
			return false;
	} while (!str_eq(field, STR("-")));
	if (!str_split(&line, ' ', &field) ||
	    !mount_unescape(field, m->fstype, sizeof(m->fstype)) ||
	    !str_split(&line, ' ', &field) ||
	    !mount_unescape(field, m->source, sizeof(m->source)))
		return false;
	m->options = line;
	return mount_unescape(f[3], m->root, sizeof(m->root)) &&
	       mount_unescape(f[4], m->point, sizeof(m->point));
}

/* Length of `point` if path lies at or below it, else -1. */
static int
mount_covers(const char *point, const char *path)
{
	size_t n = strlen(point);

	if (n == 1)
		return 0; /* "/": nothing of the path is used up */
	if (strncmp(point, path, n) != 0 || (path[n] != '\0' && path[n] != '/'))
		return -1;
	return (int)n;
}

/* key=value of a comma-separated list. */
static bool
mount_option(struct str options, const char *key, struct str *value_r)
{
	struct str o;
	size_t n = strlen(key);

	while (str_split(&options, ',', &o))
		if (str_starts(o, str_c(key)) && o.n > n && o.p[n] == '=') {
			*value_r = str_sub(o, n + 1, o.n);
			return true;
		}
	return false;
}

static void
mount_port(struct str options, const char *key, uint16_t *port)
{
	struct str v;
	uint32_t n;

	/* port=0 is the kernel's word for "ask rpcbind". */
	if (*port == 0 && mount_option(options, key, &v) && str_u32(v, &n) &&
	    n > 0 && n <= 65535)
		*port = (uint16_t)n;
}

/* Append a path to a path, without doubling slashes. */
static bool
mount_join(char *to, size_t size, const char *more)
{
	size_t n = strlen(to);

	while (n > 0 && to[n - 1] == '/')
		to[--n] = '\0';
	while (*more == '/')
		more++;
	if (*more == '\0')
		return true;
	return (size_t)snprintf(to + n, size - n, "/%s", more) < size - n;
}

static bool
mount_host(struct str host, struct share_url *u)
{
	if (host.n == 0 || host.n >= sizeof(u->host))
		return false;
	for (size_t i = 0; i < host.n; i++)
		if (!isgraph((unsigned char)host.p[i]))
			return false;
	memcpy(u->host, host.p, host.n);
	u->host[host.n] = '\0';
	return true;
}

/* server:/export, [v6]:/export */
static bool
mount_source(const char *source, struct share_url *u)
{
	const char *path = strstr(source, ":/");
	size_t n;

	if (path == NULL)
		return false;
	n = (size_t)(path - source);
	if (n >= 2 && source[0] == '[' && source[n - 1] == ']') {
		source++;
		n -= 2;
	}
	if (strlen(path + 1) > SHARE_URL_PATH_MAX)
		return false;
	strcpy(u->path, path + 1);
	return mount_host(str_of(source, n), u);
}

static bool
mount_to_url(const struct mount_line *m, const char *below, struct share_url *u)
{
	struct str v;

	if (!mount_source(m->source, u))
		return false;
	if (mount_option(m->options, "addr", &v) && !mount_host(v, u))
		return false;
	mount_port(m->options, "port", &u->nfs_port);
	mount_port(m->options, "mountport", &u->mount_port);
	u->v4path =
	    strcmp(m->fstype, "nfs4") == 0 ||
	    (mount_option(m->options, "vers", &v) && str_starts(v, STR("4")));
	u->nfs = true;
	if (!mount_join(u->path, sizeof(u->path), m->root) ||
	    !mount_join(u->path, sizeof(u->path), below))
		return false;
	if (u->path[0] == '\0')
		strcpy(u->path, "/");
	return true;
}

bool
share_mount_find(struct str table, const char *path, struct share_url *url_r,
    char fstype_r[64])
{
	struct mount_line *m = xcalloc(2, sizeof(*m)), *best = &m[1];
	struct share_url u = *url_r;
	struct str line;
	int best_n = -1;
	bool nfs = false;

	while (str_split(&table, '\n', &line)) {
		int n;

		if (line.n == 0 || !mount_parse(line, m))
			continue;
		n = mount_covers(m->point, path);
		/* >=: what is mounted later on the same place covers it. */
		if (n < 0 || n < best_n)
			continue;
		best_n = n;
		*best = *m;
	}
	fstype_r[0] = '\0';
	if (best_n >= 0) {
		strcpy(fstype_r, best->fstype);
		nfs = (strcmp(best->fstype, "nfs") == 0 ||
			  strcmp(best->fstype, "nfs4") == 0) &&
		      mount_to_url(best, path + best_n, &u);
	}
	if (nfs)
		*url_r = u;
	free(m);
	return nfs;
}

static must_check struct err *
mount_table(struct arena *a, struct str *table_r)
{
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	struct buf b;

	if (fd < 0)
		return err_newf(a, ERR_SYSTEM,
		    "/proc/self/mountinfo cannot be read: %s",
		    strerrordesc_np(errno));
	buf_init(&b, a, MOUNT_TABLE_MAX);
	for (;;) {
		char part[4096];
		ssize_t n = read(fd, part, sizeof(part));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		buf_add(&b, part, (size_t)n);
	}
	close(fd);
	*table_r = buf_str(&b);
	return buf_ok(&b)
		   ? NULL
		   : err_new(a, ERR_LIMIT, "the mount table is too long", NULL);
}

struct err *
share_mount_resolve(struct arena *a, const char *path, struct share_url *url_r)
{
	char real[PATH_MAX], fstype[64];
	struct str table;
	struct statx sx;
	struct err *e;

	if (realpath(path, real) == NULL)
		return err_newf(a, err_code_of_errno(errno),
		    "cannot open the share %s: %s", path,
		    strerrordesc_np(errno));
	e = mount_table(a, &table);
	if (e != NULL)
		return e;
	if (!share_mount_find(table, real, url_r, fstype)) {
		if (strcmp(fstype, "nfs") != 0 && strcmp(fstype, "nfs4") != 0)
			return NULL;
		return err_newf(a, ERR_INVALID,
		    "%s is an NFS mount whose source is not understood: give "
		    "the server as nfs://server/export",
		    path);
	}
	/* From the kernel's cache: the server may hang. */
	if (statx(AT_FDCWD, real, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		STATX_UID | STATX_GID, &sx) == 0) {
		if (!url_r->have_uid)
			url_r->uid = sx.stx_uid;
		if (!url_r->have_gid)
			url_r->gid = sx.stx_gid;
	}
	return NULL;
}

/* Does export end in the first n bytes of path, at a slash? */
static bool
mount_ends(const char *export, const char *path, size_t n)
{
	size_t len = strlen(export);

	return len >= n && memcmp(export + len - n, path, n) == 0;
}

int
share_mount_export(const char *const *exports, unsigned n, const char *path,
    int *at_r)
{
	size_t len = strlen(path);

	if (strcmp(path, "/") == 0)
		len = 0;
	for (;;) {
		int found = -1, count = 0;

		for (unsigned i = 0; i < n; i++)
			if (mount_ends(exports[i], path, len)) {
				found = (int)i;
				count++;
			}
		if (count == 1) {
			*at_r = (int)len;
			return found;
		}
		if (count > 1 || len == 0)
			return -1;
		while (len > 0 && path[--len] != '/')
			;
	}
}
