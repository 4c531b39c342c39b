/* share_url.c - where a share is: nfs://server/export or a directory */
#include "storage/share/share_url.h"

#include <ctype.h>
#include <stddef.h>

enum url_kind { URL_PORT, URL_ID };

static const struct {
	const char *key;
	enum url_kind kind;
	size_t at, have_at; /* of the value, of its have_ flag (0: none) */
} url_keys[] = {
	{ "nfsport", URL_PORT, offsetof(struct share_url, nfs_port), 0 },
	{ "mountport", URL_PORT, offsetof(struct share_url, mount_port), 0 },
	{ "uid", URL_ID, offsetof(struct share_url, uid),
	    offsetof(struct share_url, have_uid) },
	{ "gid", URL_ID, offsetof(struct share_url, gid),
	    offsetof(struct share_url, have_gid) },
};

static struct err *
url_err(struct arena *a, const char *text, const char *what)
{
	return err_newf(a, ERR_INVALID, "share \"%s\": %s", text, what);
}

static bool
url_port(struct str s, uint16_t *port_r)
{
	uint32_t v;

	if (!str_u32(s, &v) || v == 0 || v > 65535)
		return false;
	*port_r = (uint16_t)v;
	return true;
}

static struct err *
url_key(struct arena *a, const char *text, struct str key, struct str value,
    struct share_url *u)
{
	for (unsigned i = 0; i < countof(url_keys); i++) {
		void *at = (char *)u + url_keys[i].at;

		if (!str_eq_c(key, url_keys[i].key))
			continue;
		if (url_keys[i].kind == URL_PORT ? !url_port(value, at)
						 : !str_u32(value, at))
			return err_newf(a, ERR_INVALID,
			    "share \"%s\": %s must be a number", text,
			    url_keys[i].key);
		if (url_keys[i].have_at != 0)
			*(bool *)((char *)u + url_keys[i].have_at) = true;
		return NULL;
	}
	return err_newf(a, ERR_INVALID,
	    "share \"%s\": \"" STR_FMT "\" is none of uid, gid, nfsport, "
	    "mountport",
	    text, STR_ARG(key));
}

static struct err *
url_query(struct arena *a, const char *text, struct str query,
    struct share_url *u)
{
	struct str pair;

	while (str_split(&query, '&', &pair)) {
		ptrdiff_t eq = str_chr(pair, '=');
		struct err *e;

		if (eq < 0)
			return url_err(a, text, "after ? come key=value pairs");
		e = url_key(a, text, str_sub(pair, 0, (size_t)eq),
		    str_sub(pair, (size_t)eq + 1, pair.n), u);
		if (e != NULL)
			return e;
	}
	return NULL;
}

/* host, [v6], either with :port. */
static bool
url_host(struct str s, struct share_url *u)
{
	struct str host = s, port = STR_NONE;
	ptrdiff_t end;

	if (str_starts(s, STR("["))) {
		end = str_chr(s, ']');
		if (end < 0)
			return false;
		host = str_sub(s, 1, (size_t)end - 1);
		port = str_sub(s, (size_t)end + 1, s.n);
		if (port.n != 0 && port.p[0] != ':')
			return false;
	} else if ((end = str_chr(s, ':')) >= 0) {
		host = str_sub(s, 0, (size_t)end);
		port = str_sub(s, (size_t)end, s.n);
	}
	if (host.n == 0 || host.n >= sizeof(u->host))
		return false;
	for (size_t i = 0; i < host.n; i++)
		if (!isgraph((unsigned char)host.p[i]))
			return false;
	memcpy(u->host, host.p, host.n);
	return port.n == 0 || url_port(str_sub(port, 1, port.n), &u->nfs_port);
}

/* Percent signs decoded, // made /, no / at the end, no . or .. */
static bool
url_path(struct str s, bool decode, struct share_url *u)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (decode && c == '%') {
			if (i + 2 >= s.n ||
			    !str_unhex(str_sub(s, i + 1, 2), &c, 1))
				return false;
			i += 2;
		}
		if (c == '\0' || n >= SHARE_URL_PATH_MAX)
			return false;
		if (c == '/' && n > 0 && u->path[n - 1] == '/')
			continue;
		u->path[n++] = (char)c;
	}
	if (n > 1 && u->path[n - 1] == '/')
		u->path[--n] = '\0';
	u->path[n] = '\0';
	for (struct str rest = str_of(u->path, n), part;
	     str_split(&rest, '/', &part);)
		if (str_eq(part, STR(".")) || str_eq(part, STR("..")))
			return false;
	return n > 0 && u->path[0] == '/';
}

struct err *
share_url_parse(struct arena *a, const char *text, struct share_url *u)
{
	struct str s = str_c(text);
	ptrdiff_t at = str_chr(s, '?');
	struct str query = STR_NONE;

	memset(u, 0, sizeof(*u));
	if (at >= 0) {
		query = str_sub(s, (size_t)at + 1, s.n);
		s = str_sub(s, 0, (size_t)at);
	}
	if (str_starts(s, STR("nfs://"))) {
		u->nfs = true;
		s = str_sub(s, 6, s.n);
		at = str_chr(s, '/');
		if (at < 0)
			return url_err(a, text, "the export's path is missing");
		if (!url_host(str_sub(s, 0, (size_t)at), u))
			return url_err(a, text, "server or port is wrong");
		s = str_sub(s, (size_t)at, s.n);
	} else if (!str_starts(s, STR("/"))) {
		return url_err(a, text,
		    "neither nfs://server/export nor an absolute path");
	}
	if (!url_path(s, u->nfs, u))
		return url_err(a, text, "the path is wrong");
	return url_query(a, text, query, u);
}

char *
share_url_name(struct arena *a, const struct share_url *u)
{
	bool v6 = strchr(u->host, ':') != NULL;

	if (!u->nfs)
		return arena_strdup(a, u->path);
	return arena_printf(a, "nfs://%s%s%s%s", v6 ? "[" : "", u->host,
	    v6 ? "]" : "", u->path);
}
