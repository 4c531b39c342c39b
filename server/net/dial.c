/* dial.c - one connection to somewhere else: bytes out and in, TLS, limits */
#include "server/net/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/loop.h"
#include "server/worker.h"

struct dial {
	struct worker *w;
	struct watch *watch;
	struct tls_conn *tls; /* or NULL */
	struct task *task;    /* who waits; or NULL */
	struct timer timer;
	struct net_addr local;
	int fd;
	bool woken;
	/* nothing more can be read, written; what for */
	enum err_code in_code, out_code;
	const char *why; /* constant; NULL: gone */

	size_t in_pos, in_n, out_pos, out_n;
	char in[DIAL_INPUT_BYTES], out[DIAL_OUTPUT_BYTES];
};

/* --- waiting --- */

static void
dial_wake(struct dial *d)
{
	d->woken = true;
	if (d->task != NULL)
		task_wake(d->task);
}

static void
dial_fired(struct watch *watch, int fd, int events, void *arg)
{
	(void)fd;
	(void)events;
	watch_set(watch, 0); /* level-triggered */
	dial_wake(arg);
}

static void
dial_timer_fired(struct timer *tm, void *arg)
{
	(void)tm;
	dial_wake(arg);
}

/* false: it is too late. */
static may_yield bool
dial_wait(struct task *t, struct dial *d, int events, uint64_t limit_at)
{
	struct sched *s = task_sched(t);
	uint64_t now_ms = sched_now_ms(s), deadline_at = task_deadline(t);

	if (deadline_at != 0 && deadline_at < limit_at)
		limit_at = deadline_at;
	if (now_ms >= limit_at)
		return false;
	invariant(d->task == NULL);
	d->task = t;
	d->woken = false;
	watch_set(d->watch, events);
	timer_set(s, &d->timer, limit_at - now_ms, dial_timer_fired, d);
	task_wait(t, &d->woken);
	timer_cancel(s, &d->timer);
	watch_set(d->watch, 0);
	d->task = NULL;
	return true;
}

static struct err *
dial_err(struct task *t, enum err_code code, const char *why)
{
	return err_new(task_arena(t), code,
	    why != NULL		  ? why
	    : code == ERR_TIMEOUT ? "no answer in time"
				  : "the connection was closed",
	    NULL);
}

/* --- the fd --- */

static void
dial_broken(struct dial *d, enum err_code code, const char *why)
{
	if (d->in_code == ERR_NONE)
		d->in_code = code;
	if (d->out_code == ERR_NONE)
		d->out_code = code;
	if (d->why == NULL)
		d->why = why;
}

static size_t
dial_recv(struct dial *d, void *p, size_t n)
{
	size_t got_n = 0;
	ssize_t got;

	if (d->tls != NULL) {
		switch (tls_conn_read(d->tls, p, n, &got_n)) {
		case TLS_OK:
		case TLS_WANT_READ:
		case TLS_WANT_WRITE: /* without renegotiation: never */
			break;
		case TLS_CLOSED:
			d->in_code = ERR_UNAVAIL;
			break;
		case TLS_BROKEN:
			dial_broken(d, ERR_IO, tls_conn_why(d->tls));
			break;
		}
		return got_n;
	}
	do
		got = recv(d->fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		return (size_t)got;
	if (got == 0)
		d->in_code = ERR_UNAVAIL;
	else if (errno != EAGAIN)
		dial_broken(d, ERR_UNAVAIL, NULL);
	return 0;
}

/* What is there, as far as there is room. */
static bool
dial_pull(struct dial *d)
{
	size_t got, all = 0;

	if (d->in_pos > 0) {
		memmove(d->in, d->in + d->in_pos, d->in_n);
		d->in_pos = 0;
	}
	while (d->in_code == ERR_NONE && d->in_n < sizeof(d->in)) {
		got = dial_recv(d, d->in + d->in_n, sizeof(d->in) - d->in_n);
		if (got == 0)
			break;
		d->in_n += got;
		all += got;
	}
	return all > 0;
}

static enum tls_result
dial_send(struct dial *d, const void *p, size_t n, size_t *put_r)
{
	ssize_t put;

	if (d->tls != NULL)
		return tls_conn_write(d->tls, p, n, put_r);
	do
		put = send(d->fd, p, n, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	if (put < 0)
		return errno == EAGAIN ? TLS_WANT_WRITE : TLS_BROKEN;
	*put_r = (size_t)put;
	return TLS_OK;
}

static void
dial_push(struct dial *d)
{
	size_t put = 0;

	while (d->out_code == ERR_NONE && d->out_n > 0) {
		switch (dial_send(d, d->out + d->out_pos, d->out_n, &put)) {
		case TLS_OK:
			d->out_pos += put;
			d->out_n -= put;
			break;
		case TLS_WANT_READ:
		case TLS_WANT_WRITE:
			return;
		case TLS_CLOSED:
			d->out_code = ERR_UNAVAIL;
			break;
		case TLS_BROKEN: /* what came before may still be read */
			d->out_code = d->tls == NULL ? ERR_UNAVAIL : ERR_IO;
			break;
		}
	}
	if (d->out_n == 0)
		d->out_pos = 0;
}

/* --- output --- */

may_yield struct err *
dial_flush(struct task *t, struct dial *d, uint64_t limit_at)
{
	int events;

	for (;;) {
		dial_push(d);
		if (d->out_code != ERR_NONE)
			return dial_err(t, d->out_code, d->why);
		if (d->out_n == 0)
			return NULL;
		events = WATCH_WRITE;
		(void)dial_pull(d);
		if (d->in_code == ERR_NONE && d->in_n < sizeof(d->in))
			events |= WATCH_READ;
		if (!dial_wait(t, d, events, limit_at)) {
			dial_broken(d, ERR_TIMEOUT, NULL);
			return dial_err(t, ERR_TIMEOUT, NULL);
		}
	}
}

may_yield struct err *
dial_write(struct task *t, struct dial *d, const void *p, size_t n,
    uint64_t block_ms)
{
	size_t part;
	struct err *e;

	for (; n > 0; n -= part, p = (const char *)p + part) {
		if (d->out_code != ERR_NONE)
			return dial_err(t, d->out_code, d->why);
		part = sizeof(d->out) - d->out_pos - d->out_n;
		if (part == 0) {
			e = dial_flush(t, d, task_now_ms(t) + block_ms);
			if (e != NULL)
				return e;
			continue;
		}
		if (part > n)
			part = n;
		memcpy(d->out + d->out_pos + d->out_n, p, part);
		d->out_n += part;
	}
	return NULL;
}

/* --- input --- */

may_yield struct err *
dial_read_line(struct task *t, struct dial *d, size_t max, uint64_t limit_at,
    struct str *line_r)
{
	size_t scanned = 0, n;
	const char *line, *lf;

	for (;;) {
		line = d->in + d->in_pos;
		lf = memchr(line + scanned, '\n', d->in_n - scanned);
		if (lf != NULL)
			break;
		scanned = d->in_n;
		if (scanned >= max + 2) {
			dial_broken(d, ERR_LIMIT, "an answer is too long");
			d->in_n = 0;
			return dial_err(t, ERR_LIMIT, d->why);
		}
		if (dial_pull(d))
			continue;
		if (d->in_code != ERR_NONE)
			return dial_err(t, d->in_code, d->why);
		if (!dial_wait(t, d, WATCH_READ, limit_at)) {
			dial_broken(d, ERR_TIMEOUT, NULL);
			return dial_err(t, ERR_TIMEOUT, NULL);
		}
	}
	n = (size_t)(lf - line);
	d->in_pos += n + 1;
	d->in_n -= n + 1;
	if (n > 0 && line[n - 1] == '\r')
		n--;
	*line_r = str_of(line, n);
	if (n <= max)
		return NULL;
	dial_broken(d, ERR_LIMIT, "an answer is too long");
	return dial_err(t, ERR_LIMIT, d->why);
}

bool
dial_is_quiet(const struct dial *d)
{
	char c;

	return d->in_code == ERR_NONE && d->out_code == ERR_NONE &&
	       d->in_n == 0 &&
	       (d->tls == NULL || !tls_conn_is_pending(d->tls)) &&
	       recv(d->fd, &c, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

/* --- TLS --- */

static may_yield struct err *
dial_handshake(struct task *t, struct dial *d, uint64_t limit_at)
{
	int events;

	for (;;) {
		events = WATCH_READ;
		switch (tls_conn_handshake(d->tls)) {
		case TLS_OK:
			return NULL;
		case TLS_WANT_READ:
			break;
		case TLS_WANT_WRITE:
			events = WATCH_WRITE;
			break;
		case TLS_CLOSED:
		case TLS_BROKEN:
			return dial_err(t, ERR_IO, tls_conn_why(d->tls));
		}
		if (!dial_wait(t, d, events, limit_at))
			return dial_err(t, ERR_TIMEOUT, NULL);
	}
}

may_yield struct err *
dial_start_tls(struct task *t, struct dial *d, const char *name,
    enum tls_demand demand, uint64_t limit_at)
{
	struct err *e = dial_flush(t, d, limit_at);

	invariant(d->tls == NULL);
	/* What was said in plain text must not count as said under TLS. */
	if (e == NULL && d->in_n > 0)
		e = dial_err(t, ERR_INVALID, "an answer that came before TLS");
	if (e == NULL)
		e = tls_conn_relay(task_arena(t), d->w->tls, d->fd, name,
		    demand, &d->tls);
	if (e == NULL)
		e = dial_handshake(t, d, limit_at);
	if (e != NULL) {
		dial_broken(d, e->code, "TLS failed");
		d->in_n = d->out_n = 0;
	}
	return e;
}

const struct tls_conn *
dial_tls(const struct dial *d)
{
	return d->tls;
}

/* --- life --- */

const struct net_addr *
dial_local(const struct dial *d)
{
	return &d->local;
}

static struct err *
dial_start(struct task *t, struct dial *d, const struct net_addr *to,
    const struct net_addr *source)
{
	struct sockaddr_storage ss;
	struct net_addr from;
	socklen_t n;
	int one = 1;

	if (source != NULL && source->family == to->family) {
		from = *source;
		from.port = 0;
		n = net_addr_to_sockaddr(&from, &ss);
		(void)setsockopt(d->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT,
		    &one, sizeof(one)); /* fewer ports in use, no more */
		if (bind(d->fd, (struct sockaddr *)&ss, n) != 0)
			return err_new(task_arena(t), ERR_UNAVAIL,
			    "the address to send from is not this machine's",
			    "%s", strerror(errno));
	}
	(void)setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	n = net_addr_to_sockaddr(to, &ss);
	if (connect(d->fd, (struct sockaddr *)&ss, n) != 0 &&
	    errno != EINPROGRESS)
		return err_newf(task_arena(t), ERR_UNAVAIL, "%s",
		    strerror(errno));
	return NULL;
}

static may_yield struct err *
dial_connected(struct task *t, struct dial *d, uint64_t limit_at)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	int failed = 0;
	socklen_t failed_n = sizeof(failed);

	if (!dial_wait(t, d, WATCH_WRITE, limit_at))
		return dial_err(t, ERR_TIMEOUT, NULL);
	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &failed, &failed_n) != 0)
		failed = errno;
	if (failed != 0)
		return err_newf(task_arena(t), ERR_UNAVAIL, "%s",
		    strerror(failed));
	/* Woken by the timer: nothing has failed, nothing is there. */
	if (getpeername(d->fd, (struct sockaddr *)&ss, &n) != 0)
		return dial_err(t, ERR_TIMEOUT, NULL);
	n = sizeof(ss);
	if (getsockname(d->fd, (struct sockaddr *)&ss, &n) == 0)
		net_addr_of_sockaddr((struct sockaddr *)&ss, &d->local);
	return NULL;
}

may_yield struct err *
dial_open(struct task *t, struct worker *w, const struct net_addr *to,
    const struct net_addr *source, uint64_t limit_at, struct dial **d_r)
{
	struct dial *d;
	struct err *e;
	int fd;

	if (to->family != NET_IP4 && to->family != NET_IP6)
		return err_new(task_arena(t), ERR_UNAVAIL, "no IP address",
		    NULL);
	fd = socket(to->family == NET_IP4 ? AF_INET : AF_INET6,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(task_arena(t), errno, "socket");
	d = xcalloc(1, sizeof(*d));
	d->w = w;
	d->fd = fd;
	d->watch = watch_new(w->loop, fd, dial_fired, d);
	e = dial_start(t, d, to, source);
	if (e == NULL)
		e = dial_connected(t, d, limit_at);
	if (e != NULL)
		dial_close(&d);
	else
		*d_r = d;
	return e;
}

void
dial_close(struct dial **d)
{
	if (*d == NULL)
		return;
	invariant((*d)->task == NULL);
	timer_cancel(loop_sched((*d)->w->loop), &(*d)->timer);
	if ((*d)->tls != NULL)
		tls_conn_bye((*d)->tls);
	tls_conn_free(&(*d)->tls);
	watch_free(&(*d)->watch);
	close((*d)->fd);
	crypto_wipe((*d)->out, sizeof((*d)->out)); /* passwords were in it */
	free(*d);
	*d = NULL;
}
