/* share_nfs_conn.c - one RPC context over one TCP connection */
#include "storage/share/share_nfs_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Exported by libnfs 4, but in no header. */
extern void rpc_set_timeout(struct rpc_context *rpc, int timeout_ms);

struct nfs_conn {
	struct loop *loop;
	struct rpc_context *rpc;
	struct watch *watch;
	int fd;
	nfs_conn_fn fn;
	void *arg;
	bool up, in_service, broken, reported;
	char why[200];
	struct timer timer; /* connecting takes too long; broken: report */
};

static const struct {
	int level, option, value;
} nfs_conn_options[] = {
	{ IPPROTO_TCP, TCP_NODELAY, 1 },
	{ SOL_SOCKET, SO_KEEPALIVE, 1 },
	{ IPPROTO_TCP, TCP_KEEPIDLE, 10 },
	{ IPPROTO_TCP, TCP_KEEPINTVL, 5 },
	{ IPPROTO_TCP, TCP_KEEPCNT, 3 },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, SHARE_TIMEOUT_MS },
};

static void
nfs_conn_report(struct timer *tm, void *arg)
{
	struct nfs_conn *c = arg;

	(void)tm;
	c->reported = true;
	c->fn(c, c->why, c->arg); /* may free c */
}

void
nfs_conn_break(struct nfs_conn *c, const char *why)
{
	if (c->broken)
		return;
	c->broken = true;
	snprintf(c->why, sizeof(c->why), "%s", why);
	if (c->watch != NULL)
		watch_set(c->watch, 0);
	timer_set(loop_sched(c->loop), &c->timer, 0, nfs_conn_report, c);
}

static void
nfs_conn_rpc_broken(struct nfs_conn *c)
{
	const char *why = rpc_get_error(c->rpc);

	/* libnfs does not say that the peer closed the connection. */
	nfs_conn_break(c,
	    why != NULL && *why != '\0' ? why : "connection closed");
}

/* libnfs may have other wishes after every call into it. */
static void
nfs_conn_rewatch(struct nfs_conn *c)
{
	int events, want = 0;

	if (c->broken || c->in_service)
		return;
	if (rpc_get_fd(c->rpc) != c->fd) {
		nfs_conn_break(c, "libnfs changed its socket");
		return;
	}
	events = rpc_which_events(c->rpc);
	if (events & POLLIN)
		want |= WATCH_READ;
	if (events & POLLOUT)
		want |= WATCH_WRITE;
	watch_set(c->watch, want);
}

static void
nfs_conn_service(struct nfs_conn *c, int revents)
{
	bool was_up = c->up;
	int rc;

	if (c->broken)
		return;
	invariant(!c->in_service);
	c->in_service = true;
	rc = rpc_service(c->rpc, revents);
	c->in_service = false;
	if (rc < 0)
		nfs_conn_rpc_broken(c);
	nfs_conn_rewatch(c);
	if (c->up && !was_up && !c->broken)
		c->fn(c, NULL, c->arg); /* may free c */
}

static void
nfs_conn_event(struct watch *w, int fd, int events, void *arg)
{
	struct nfs_conn *c = arg;
	int revents = 0;

	(void)w;
	(void)fd;
	if (events & WATCH_READ)
		revents |= POLLIN;
	if (events & WATCH_WRITE)
		revents |= POLLOUT;
	nfs_conn_service(c, revents);
}

static void
nfs_conn_connected(struct rpc_context *rpc, int status, void *data, void *arg)
{
	struct nfs_conn *c = arg;

	(void)rpc;
	(void)data;
	/* A failure is reported by rpc_service(), CANCEL comes from ourselves.
	 */
	if (status != RPC_STATUS_SUCCESS)
		return;
	c->up = true;
	timer_cancel(loop_sched(c->loop), &c->timer);
}

static void
nfs_conn_late(struct timer *tm, void *arg)
{
	(void)tm;
	nfs_conn_break(arg, "connecting took too long");
}

static void
nfs_conn_socket(struct nfs_conn *c)
{
	for (unsigned i = 0; i < countof(nfs_conn_options); i++)
		/* Each only helps; without it the deadlines do. */
		(void)setsockopt(c->fd, nfs_conn_options[i].level,
		    nfs_conn_options[i].option, &nfs_conn_options[i].value,
		    sizeof(int));
	(void)fcntl(c->fd, F_SETFD, FD_CLOEXEC);
	c->watch = watch_new(c->loop, c->fd, nfs_conn_event, c);
	nfs_conn_rewatch(c);
}

struct nfs_conn *
nfs_conn_new(struct loop *l, const char *addr, uint16_t port, uint32_t uid,
    uint32_t gid, nfs_conn_fn fn, void *arg)
{
	struct nfs_conn *c = xcalloc(1, sizeof(*c));
	const struct rnd *r = sched_rnd(loop_sched(l));

	c->loop = l;
	c->fn = fn;
	c->arg = arg;
	c->rpc = rpc_init_context();
	if (c->rpc == NULL)
		panic("out of memory");
	/* A server remembers replies by client, port and xid. */
	rpc_set_next_xid(c->rpc, (uint32_t)rnd_u64(r));
	rpc_set_uid(c->rpc, (int)uid);
	rpc_set_gid(c->rpc, (int)gid);
	/* Behind our own deadlines; one for ever, since libnfs applies a change
	 * to what is under way, too. */
	rpc_set_timeout(c->rpc, SHARE_TIMEOUT_MS + 1000);
	timer_set(loop_sched(l), &c->timer, SHARE_NFS_CONNECT_MS, nfs_conn_late,
	    c);
	/* addr is numeric: nothing is resolved here.  libnfs takes a source
	 * port below 1024 if it may. */
	if (rpc_connect_async(c->rpc, addr, port, nfs_conn_connected, c) != 0) {
		nfs_conn_rpc_broken(c);
		return c;
	}
	c->fd = rpc_get_fd(c->rpc);
	nfs_conn_socket(c);
	return c;
}

void
nfs_conn_free(struct nfs_conn **cp)
{
	struct nfs_conn *c = *cp;

	if (c == NULL)
		return;
	*cp = NULL;
	invariant(!c->in_service);
	c->broken = true; /* nobody may queue from the callbacks of destroy */
	timer_cancel(loop_sched(c->loop), &c->timer);
	watch_free(&c->watch);
	rpc_destroy_context(c->rpc);
	free(c);
}

struct rpc_context *
nfs_conn_rpc(struct nfs_conn *c)
{
	return c->broken ? NULL : c->rpc;
}

void
nfs_conn_queued(struct nfs_conn *c)
{
	nfs_conn_rewatch(c);
}

void
nfs_conn_tick(struct nfs_conn *c)
{
	if (!c->in_service)
		nfs_conn_service(c, 0);
}

bool
nfs_conn_is_up(const struct nfs_conn *c)
{
	return c->up && !c->broken;
}

void
nfs_conn_local(struct nfs_conn *c, char *buf, size_t n)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char addr[INET6_ADDRSTRLEN] = "?";
	unsigned port = 0;

	if (c->fd > 0 &&
	    getsockname(c->fd, (struct sockaddr *)&ss, &len) == 0) {
		if (ss.ss_family == AF_INET) {
			struct sockaddr_in *in = (struct sockaddr_in *)&ss;

			inet_ntop(AF_INET, &in->sin_addr, addr, sizeof(addr));
			port = ntohs(in->sin_port);
		} else if (ss.ss_family == AF_INET6) {
			struct sockaddr_in6 *in = (struct sockaddr_in6 *)&ss;

			inet_ntop(AF_INET6, &in->sin6_addr, addr, sizeof(addr));
			port = ntohs(in->sin6_port);
		}
	}
	snprintf(buf, n, "address %s, port %u", addr, port);
}
