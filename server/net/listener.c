/* listener.c - listening sockets and what comes in on them */
#include "server/net/listener.h"

#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "server/net/conn_private.h"

#define LISTENER_BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */
/* In one go: the other workers want some too. */
#define LISTENER_BATCH 4
/* Of those who sleep the kernel may wake the same worker every time (measured:
 * 60 connections in a row).  One that has more than others leaves them what
 * comes for so long, and takes what is still there then. */
#define LISTENER_YIELD_MS 2
#define LISTENER_BATCH_LEFT 64
/* Out of file descriptors: let some connections end first. */
#define LISTENER_REST_MS 500
/* Idle clients behind a dead line: noticed after 2 + 4 * 0.5 minutes. */
#define LISTENER_KEEPALIVE_S 120
#define LISTENER_KEEPALIVE_STEP_S 30
#define LISTENER_KEEPALIVE_STEPS 4

struct listener {
	struct worker *w;
	const struct protocol *p;
	struct arena *arena;
	struct conf_listener conf; /* a copy: connections outlive a reload */
	struct watch *watch;
	struct timer rest;
	unsigned refs;
	int fd;
	bool paused, resting, complained;
};

/* --- binding: in the master --- */

/* A socket that nobody listens on is left over from a crash. */
static struct err *
listener_clear_unix(struct arena *a, const struct net_listen *ad)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct stat st;
	int rc, errnum;

	if (fd < 0)
		return err_errno(a, errno, "%s", ad->text);
	rc = connect(fd, (const struct sockaddr *)&ad->sa, ad->sa_n);
	errnum = errno;
	close(fd);
	if (rc == 0 || errnum == EAGAIN)
		return err_newf(a, ERR_SYSTEM,
		    "%s: somebody listens there already", ad->text);
	if (errnum == ENOENT)
		return NULL;
	if (lstat(ad->unix_path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return err_newf(a, ERR_SYSTEM,
		    "%s: there is something else than a socket", ad->text);
	if (unlink(ad->unix_path) != 0 && errno != ENOENT)
		return err_errno(a, errno, "%s", ad->text);
	return NULL;
}

static struct err *
listener_own_unix(struct arena *a, const struct conf_listener *l,
    const struct net_listen *ad)
{
	struct group *gr = NULL;

	if (l->group != NULL) {
		gr = getgrnam(l->group);
		if (gr == NULL)
			return err_newf(a, ERR_SYSTEM, "%s: no such group: %s",
			    ad->text, l->group);
		if (chown(ad->unix_path, (uid_t)-1, gr->gr_gid) != 0)
			return err_errno(a, errno, "%s: group %s", ad->text,
			    l->group);
	}
	if (chmod(ad->unix_path, l->mode) != 0)
		return err_errno(a, errno, "%s", ad->text);
	return NULL;
}

static struct err *
listener_bind_unix(struct arena *a, const struct conf_listener *l,
    const struct net_listen *ad, int fd)
{
	struct err *e = listener_clear_unix(a, ad);
	mode_t old;
	int rc;

	if (e != NULL)
		return e;
	old = umask(0777); /* nobody, until it is what it should be */
	rc = bind(fd, (const struct sockaddr *)&ad->sa, ad->sa_n);
	umask(old);
	if (rc != 0)
		return err_errno(a, errno, "%s", ad->text);
	return listener_own_unix(a, l, ad);
}

static int
listener_bind_ip(const struct net_listen *ad, int fd)
{
	int one = 1, v6only = ad->text[0] != '*';

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0)
		return -1;
	if (ad->sa.ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only,
		sizeof(v6only)) != 0)
		return -1;
	return bind(fd, (const struct sockaddr *)&ad->sa, ad->sa_n);
}

static int
listener_socket(int family)
{
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

struct err *
listener_bind(struct arena *a, const struct conf_listener *l, unsigned address,
    int *fd_r)
{
	struct net_listen ad = l->addresses[address];
	int fd = listener_socket(ad.sa.ss_family);
	struct err *e = NULL;

	if (fd < 0 && errno == EAFNOSUPPORT && ad.text[0] == '*') {
		struct sockaddr_in in4 = {
			.sin_family = AF_INET,
			.sin_port = ((struct sockaddr_in6 *)&ad.sa)->sin6_port,
		};

		memcpy(&ad.sa, &in4, sizeof(in4));
		ad.sa_n = sizeof(in4);
		fd = listener_socket(AF_INET);
	}
	if (fd < 0)
		return err_errno(a, errno, "%s", ad.text);
	if (ad.unix_path != NULL)
		e = listener_bind_unix(a, l, &ad, fd);
	else if (listener_bind_ip(&ad, fd) != 0)
		e = err_errno(a, errno, "%s", ad.text);
	if (e == NULL && listen(fd, LISTENER_BACKLOG) != 0)
		e = err_errno(a, errno, "%s", ad.text);
	if (e != NULL) {
		close(fd);
		return e;
	}
	*fd_r = fd;
	return NULL;
}

/* --- accepting: in the workers --- */

static void
listener_watch(struct listener *l)
{
	if (l->watch != NULL)
		watch_set(l->watch, l->paused || l->resting ? 0 : WATCH_READ);
}

static void listener_rested(struct timer *tm, void *arg);

static void
listener_rest(struct listener *l, uint64_t ms)
{
	l->resting = true;
	listener_watch(l);
	timer_set(loop_sched(l->w->loop), &l->rest, ms, listener_rested, l);
}

/* Said once, until something could be accepted again. */
static void
listener_exhausted(struct listener *l, int errnum)
{
	if (!l->complained)
		log_error(NULL, "accept", LOG_C("listener", l->conf.name),
		    LOG_C("error", strerror(errnum)));
	l->complained = true;
	listener_rest(l, LISTENER_REST_MS);
}

static void
listener_tune(int fd, const struct net_addr *peer)
{
	static const struct {
		int level, name, value;
	} options[] = {
		/* what we send is gathered already */
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, LISTENER_KEEPALIVE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, LISTENER_KEEPALIVE_STEP_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, LISTENER_KEEPALIVE_STEPS },
	};

	if (peer->family == NET_UNIX)
		return;
	for (size_t i = 0; i < countof(options); i++)
		/* a peer that has gone already makes it fail: reading tells */
		(void)setsockopt(fd, options[i].level, options[i].name,
		    &options[i].value, sizeof(options[i].value));
}

/* false: nothing more to accept now. */
static bool
listener_accept(struct listener *l)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t ss_n = sizeof(ss);
	struct net_addr peer;
	int fd = accept4(l->fd, (struct sockaddr *)&ss, &ss_n,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM)
			listener_exhausted(l, errno);
		/* EAGAIN: another worker was faster; else that connection had
		 * gone before it was accepted (accept(2)) */
		return false;
	}
	l->complained = false;
	net_addr_of_sockaddr((struct sockaddr *)&ss, &peer);
	listener_tune(fd, &peer);
	stat_add(l->w->counts, STAT_ACCEPTED, 1);
	if (conn_admit_fd(l->w, fd))
		conn_begin(conn_new(l, fd, &peer));
	else {
		stat_add(l->w->counts, STAT_REFUSED_LIMIT, 1);
		close(fd);
	}
	return true;
}

static void
listener_take(struct listener *l, unsigned most)
{
	for (unsigned i = 0; i < most && listener_accept(l); i++)
		;
}

static void
listener_rested(struct timer *tm, void *arg)
{
	struct listener *l = arg;

	(void)tm;
	l->resting = false;
	if (!l->paused)
		listener_take(l, LISTENER_BATCH_LEFT);
	listener_watch(l);
}

static void
listener_fired(struct watch *watch, int fd, int events, void *arg)
{
	struct listener *l = arg;

	(void)watch;
	(void)fd;
	(void)events;
	if (conn_is_ahead(l->w))
		listener_rest(l, LISTENER_YIELD_MS);
	else
		listener_take(l, LISTENER_BATCH);
}

static struct net_network *
listener_networks(struct arena *a, const struct net_network *list, unsigned n)
{
	return n == 0 ? NULL : arena_memdup(a, list, n * sizeof(*list));
}

struct listener *
listener_new(struct worker *w, const struct conf_listener *conf,
    const struct protocol *p, int fd)
{
	struct listener *l = xcalloc(1, sizeof(*l));
	struct arena *a = l->arena = arena_new(0);

	l->w = w;
	l->p = p;
	l->fd = fd;
	l->refs = 1;
	l->conf = *conf;
	l->conf.name = arena_strdup(a, conf->name);
	l->conf.protocol = arena_strdup(a, conf->protocol);
	l->conf.addresses = NULL; /* the master's business */
	l->conf.addresses_n = 0;
	l->conf.proxy = listener_networks(a, conf->proxy, conf->proxy_n);
	l->conf.allow = listener_networks(a, conf->allow, conf->allow_n);
	l->conf.group = NULL;
	conns_get(w)->listeners++;
	l->watch = watch_new(w->loop, fd, listener_fired, l);
	listener_watch(l);
	return l;
}

void
listener_pause(struct listener *l, bool paused)
{
	l->paused = paused;
	listener_watch(l);
}

struct listener *
listener_ref(struct listener *l)
{
	l->refs++;
	return l;
}

void
listener_unref(struct listener **lp)
{
	struct listener *l = *lp;

	*lp = NULL;
	if (--l->refs > 0)
		return;
	arena_free(&l->arena);
	free(l);
}

void
listener_free(struct listener **l)
{
	if (*l == NULL)
		return;
	timer_cancel(loop_sched((*l)->w->loop), &(*l)->rest);
	watch_free(&(*l)->watch);
	close((*l)->fd);
	(*l)->w->conns->listeners--;
	listener_unref(l);
}

struct worker *
listener_worker(const struct listener *l)
{
	return l->w;
}

const struct protocol *
listener_protocol(const struct listener *l)
{
	return l->p;
}

const struct conf_listener *
listener_conf(const struct listener *l)
{
	return &l->conf;
}
