/* share_nfs_mount.c - from a URL to the root's handle: names, ports, MOUNT */
#include "storage/share/share_nfs_private.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "storage/share/share_mount.h"

#define NFS_RPCBIND_PORT 111
/* Exports named in a sentence; parents of the path that are tried. */
#define NFS_EXPORTS_SHOWN 8
#define NFS_PARENTS_MAX 8

/*
 * One question on a throw-away connection: rpcbind's or the mount daemon's.
 * Both the connection and libnfs' callbacks report here.
 */
struct nfs_ask {
	struct task *task;
	bool wake; /* something happened */
	bool up, broken, answered;
	char why[200];
	struct nfs_conn *conn;
	struct timer timer;
	/* answers */
	int status;
	uint32_t port;
	mountstat3 stat;
	struct share_fh fh;
	struct arena *arena;
	char **exports;
	unsigned n_exports;
};

static void
nfs_ask_wake(struct nfs_ask *k)
{
	k->wake = true;
	task_wake(k->task);
}

static void
nfs_ask_conn(struct nfs_conn *c, const char *broken, void *arg)
{
	struct nfs_ask *k = arg;

	(void)c;
	k->up = true;
	if (broken != NULL && !k->broken) {
		k->broken = true;
		snprintf(k->why, sizeof(k->why), "%s", broken);
	}
	nfs_ask_wake(k);
}

static void
nfs_ask_late(struct timer *tm, void *arg)
{
	(void)tm;
	nfs_ask_conn(NULL, "no answer", arg);
}

/* The common part of all callbacks; true if there is an answer to take. */
static bool
nfs_ask_answer(struct nfs_ask *k, int status, const void *data)
{
	k->answered = true;
	k->status = status;
	if (status != RPC_STATUS_SUCCESS && !k->broken) {
		k->broken = true;
		snprintf(k->why, sizeof(k->why), "%s",
		    status == RPC_STATUS_ERROR && data != NULL
			? (const char *)data
			: "no answer");
	}
	nfs_ask_wake(k);
	return status == RPC_STATUS_SUCCESS && data != NULL;
}

static void
nfs_ask_getport(struct rpc_context *rpc, int status, void *data, void *arg)
{
	struct nfs_ask *k = arg;

	(void)rpc;
	if (nfs_ask_answer(k, status, data))
		k->port = *(const uint32_t *)data;
}

static void
nfs_ask_mnt(struct rpc_context *rpc, int status, void *data, void *arg)
{
	struct nfs_ask *k = arg;
	const mountres3 *r = data;
	const fhandle3 *f;

	(void)rpc;
	if (!nfs_ask_answer(k, status, data))
		return;
	k->stat = r->fhs_status;
	f = &r->mountres3_u.mountinfo.fhandle;
	if (r->fhs_status != MNT3_OK)
		return;
	if (f->fhandle3_len == 0 || f->fhandle3_len > NFS3_FHSIZE) {
		k->stat = MNT3ERR_SERVERFAULT;
		return;
	}
	k->fh.n = (uint16_t)f->fhandle3_len;
	memcpy(k->fh.data, f->fhandle3_val, k->fh.n);
}

static void
nfs_ask_exports(struct rpc_context *rpc, int status, void *data, void *arg)
{
	struct nfs_ask *k = arg;
	unsigned n = 0;

	(void)rpc;
	if (!nfs_ask_answer(k, status, data))
		return;
	for (exports e = *(exports *)data; e != NULL; e = e->ex_next)
		n++;
	k->exports = arena_array(k->arena, n + 1, sizeof(char *));
	for (exports e = *(exports *)data; e != NULL; e = e->ex_next)
		k->exports[k->n_exports++] = arena_strdup(k->arena, e->ex_dir);
}

/* Wait for the connection (asked false) or for the answer (true). */
static may_yield bool
nfs_ask_wait(struct task *t, struct nfs_ask *k, bool asked)
{
	struct sched *sc = task_sched(t);

	timer_set(sc, &k->timer, SHARE_NFS_CONNECT_MS, nfs_ask_late, k);
	while (!k->broken && !(asked ? k->answered : k->up)) {
		k->wake = false;
		task_wait(t, &k->wake);
	}
	timer_cancel(sc, &k->timer);
	return !k->broken;
}

static may_yield bool
nfs_ask_open(struct task *t, struct nfs_place *p, struct nfs_ask *k,
    uint16_t port)
{
	*k = (struct nfs_ask){ .task = t, .arena = task_arena(t) };
	k->conn = nfs_conn_new(p->loop, p->addr, port, p->url.uid, p->url.gid,
	    nfs_ask_conn, k);
	p->conn = k->conn;
	if (p->closing)
		nfs_conn_break(k->conn, "the share was closed");
	return nfs_ask_wait(t, k, false);
}

static void
nfs_ask_close(struct nfs_place *p, struct nfs_ask *k)
{
	p->conn = NULL;
	nfs_conn_free(&k->conn);
}

/* What libnfs says, without its brackets: "Connection refused". */
const char *
nfs_place_tidy(struct task *t, const char *why)
{
	static const char *const heads[] = { "socket error ", "failed. " };

	for (unsigned i = 0; i < countof(heads); i++) {
		const char *p = strstr(why, heads[i]), *end;

		if (p == NULL)
			continue;
		p += strlen(heads[i]);
		end = strchr(p, '(');
		return arena_printf(task_arena(t), "%.*s",
		    end != NULL ? (int)(end - p) : (int)strlen(p), p);
	}
	return why;
}

struct nfs_resolve {
	char host[256], addr[64];
	int rc;
};

static void
blocking_nfs_resolve(void *arg)
{
	struct nfs_resolve *r = arg;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_ADDRCONFIG },
			*ai = NULL;

	r->rc = getaddrinfo(r->host, NULL, &hints, &ai);
	if (r->rc != 0)
		return;
	r->rc = getnameinfo(ai->ai_addr, ai->ai_addrlen, r->addr,
	    sizeof(r->addr), NULL, 0, NI_NUMERICHOST);
	freeaddrinfo(ai);
}

static bool
nfs_is_numeric(const char *host)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *ai = NULL;

	if (getaddrinfo(host, NULL, &hints, &ai) != 0)
		return false;
	freeaddrinfo(ai);
	return true;
}

static may_yield must_check struct err *
nfs_place_resolve(struct task *t, struct nfs_place *p)
{
	struct nfs_resolve r = { .rc = 0 };

	snprintf(r.host, sizeof(r.host), "%s", p->url.host);
	if (nfs_is_numeric(r.host)) {
		if (strlen(r.host) >= sizeof(p->addr))
			return err_newf(task_arena(t), ERR_UNAVAIL,
			    "%s: the server's address is too long", p->name);
		strcpy(p->addr, r.host);
		return NULL;
	}
	if (p->offload != NULL)
		offload_run(t, p->offload, blocking_nfs_resolve, &r);
	else
		blocking_nfs_resolve(&r);
	if (r.rc != 0)
		return err_newf(task_arena(t), ERR_UNAVAIL,
		    "%s: the server's name cannot be resolved (%s)", p->name,
		    gai_strerror(r.rc));
	snprintf(p->addr, sizeof(p->addr), "%s", r.addr);
	return NULL;
}

static may_yield must_check struct err *
nfs_place_port(struct task *t, struct nfs_place *p, int program,
    const char *what, uint16_t *port_r)
{
	struct nfs_ask k;
	bool ok;

	if (*port_r != 0)
		return NULL;
	ok = nfs_ask_open(t, p, &k, NFS_RPCBIND_PORT);
	if (ok && rpc_pmap2_getport_async(nfs_conn_rpc(k.conn), program, 3,
		      IPPROTO_TCP, nfs_ask_getport, &k) == 0) {
		nfs_conn_queued(k.conn);
		ok = nfs_ask_wait(t, &k, true);
	}
	nfs_ask_close(p, &k);
	if (!ok || !k.answered)
		return err_newf(task_arena(t), ERR_UNAVAIL,
		    "%s: the server cannot be reached (rpcbind on %s port %d: "
		    "%s); with nfsport= and mountport= in the URL rpcbind is "
		    "not needed",
		    p->name, p->addr, NFS_RPCBIND_PORT,
		    nfs_place_tidy(t, k.why));
	if (k.port == 0 || k.port > 65535)
		return err_newf(task_arena(t), ERR_UNAVAIL,
		    "%s: the server %s offers no %s over TCP: NFS version 3 "
		    "must be switched on there",
		    p->name, p->addr, what);
	*port_r = (uint16_t)k.port;
	return NULL;
}

/* ask->stat, ask->fh; an error only if the mount daemon gives no answer. */
static may_yield must_check struct err *
nfs_place_mnt(struct task *t, struct nfs_place *p, const char *path,
    struct nfs_ask *k, char local[80])
{
	bool ok = nfs_ask_open(t, p, k, p->mount_port);

	if (ok && rpc_mount3_mnt_async(nfs_conn_rpc(k->conn), nfs_ask_mnt,
		      (char *)path, k) == 0) {
		nfs_conn_queued(k->conn);
		ok = nfs_ask_wait(t, k, true);
	}
	nfs_conn_local(k->conn, local, 80);
	if (!ok && k->answered && strstr(k->why, "not accepted") != NULL) {
		struct err *e = nfs_place_refused(t, p, k->conn, k->why);

		nfs_ask_close(p, k);
		return e;
	}
	nfs_ask_close(p, k);
	if (ok && k->answered)
		return NULL;
	return err_newf(task_arena(t), ERR_UNAVAIL,
	    "%s: the server cannot be reached (mount daemon on %s port %u: %s)",
	    p->name, p->addr, p->mount_port, nfs_place_tidy(t, k->why));
}

/* The export list; empty if the server does not give it. */
static may_yield void
nfs_place_exports(struct task *t, struct nfs_place *p, struct nfs_ask *k)
{
	if (nfs_ask_open(t, p, k, p->mount_port) &&
	    rpc_mount3_export_async(nfs_conn_rpc(k->conn), nfs_ask_exports,
		k) == 0) {
		nfs_conn_queued(k->conn);
		(void)nfs_ask_wait(t, k, true);
	}
	nfs_ask_close(p, k);
}

struct err *
nfs_place_refused(struct task *t, const struct nfs_place *p, struct nfs_conn *c,
    const char *why)
{
	char local[80];

	nfs_conn_local(c, local, sizeof(local));
	return err_new(task_arena(t), ERR_UNAVAIL,
	    arena_printf(task_arena(t),
		"%s: the server refuses us (our %s, uid %u, gid %u): allow "
		"this address and the security flavour sys, and set the "
		"option insecure there if our port is above 1023",
		p->name, local, p->url.uid, p->url.gid),
	    "%s", why);
}

/* "/a, /b": what the server says it exports. */
static may_yield const char *
nfs_place_offers(struct task *t, struct nfs_place *p)
{
	struct nfs_ask k;
	struct buf b;

	nfs_place_exports(t, p, &k);
	buf_init(&b, task_arena(t), 2000);
	for (unsigned i = 0; i < k.n_exports && i < NFS_EXPORTS_SHOWN; i++)
		buf_fmt(&b, "%s%s", i != 0 ? ", " : "", k.exports[i]);
	return k.n_exports != 0 ? buf_cstr(&b) : "nothing";
}

static may_yield must_check struct err *
nfs_place_denied(struct task *t, struct nfs_place *p, mountstat3 stat,
    const char *local)
{
	switch (stat) {
	case MNT3ERR_ACCES: /* ganesha says so for a path it does not know, too
			     */
	case MNT3ERR_PERM:
		return err_newf(task_arena(t), ERR_UNAVAIL,
		    "%s: the server denies us the export (our %s, uid %u, gid "
		    "%u): allow this address, and set the option insecure "
		    "there if our port is above 1023; it offers: %s",
		    p->name, local, p->url.uid, p->url.gid,
		    nfs_place_offers(t, p));
	case MNT3ERR_NOENT:
	case MNT3ERR_NOTDIR:
		return err_newf(task_arena(t), ERR_UNAVAIL,
		    "%s: the server has no such export for us (our %s); it "
		    "offers: %s",
		    p->name, local, nfs_place_offers(t, p));
	default:
		return err_newf(task_arena(t), ERR_UNAVAIL,
		    "%s: the server cannot mount the export (%s)", p->name,
		    mountstat3_to_str((int)stat));
	}
}

/* The path, else its parents: a server may export only one of those. */
static may_yield must_check struct err *
nfs_place_mount(struct task *t, struct nfs_place *p, struct share_fh *root_r,
    struct str *rest_r)
{
	char path[SHARE_URL_PATH_MAX + 1], local[80], first_local[80];
	mountstat3 first = MNT3_OK;
	struct nfs_ask k;
	struct err *e;

	strcpy(path, p->url.path);
	for (int i = 0; i < NFS_PARENTS_MAX; i++) {
		char *slash = strrchr(path, '/');

		e = nfs_place_mnt(t, p, path, &k, local);
		if (e != NULL)
			return e;
		if (k.stat == MNT3_OK) {
			*root_r = k.fh;
			*rest_r = str_c(p->url.path + strlen(path));
			return NULL;
		}
		if (i == 0) {
			first = k.stat;
			memcpy(first_local, local, sizeof(local));
		}
		/* Of an NFSv4 path the parents mean nothing here. */
		if (p->url.v4path || slash == NULL || slash == path)
			break;
		*slash = '\0';
	}
	if (p->url.v4path) {
		int i, at;

		nfs_place_exports(t, p, &k);
		i = share_mount_export((const char *const *)k.exports,
		    k.n_exports, p->url.path, &at);
		if (i >= 0) {
			char *export = k.exports[i];

			e = nfs_place_mnt(t, p, export, &k, local);
			if (e != NULL)
				return e;
			if (k.stat == MNT3_OK) {
				*root_r = k.fh;
				*rest_r = str_c(p->url.path + at);
				return NULL;
			}
		}
	}
	return nfs_place_denied(t, p, first, first_local);
}

struct err *
nfs_place_find(struct task *t, struct nfs_place *p, struct share_fh *root_r,
    struct str *rest_r)
{
	struct err *e;

	p->nfs_port = p->url.nfs_port;
	p->mount_port = p->url.mount_port;
	e = nfs_place_resolve(t, p);
	if (e == NULL)
		e = nfs_place_port(t, p, NFS_PROGRAM, "NFS version 3",
		    &p->nfs_port);
	if (e == NULL)
		e = nfs_place_port(t, p, MOUNT_PROGRAM, "MOUNT version 3",
		    &p->mount_port);
	if (e == NULL)
		e = nfs_place_mount(t, p, root_r, rest_r);
	return e;
}
