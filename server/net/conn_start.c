/* conn_start.c - one client connection: what comes before the protocol */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "server/net/conn_private.h"
#include "server/net/proxy.h"
#include "server/net/tls.h"

static void
conn_refuse_with(struct conn *c, const char *line)
{
	/* The first bytes of a connection always fit into its buffer. */
	if (!c->p->tls && *line != '\0' &&
	    send(c->fd, line, strlen(line), MSG_NOSIGNAL) > 0)
		(void)shutdown(c->fd, SHUT_WR); /* it is closed anyway */
	conn_abort(c);
}

static void
conn_open(struct conn *c)
{
	c->state = CONN_OPEN;
	watch_set(c->watch, 0);
	conn_run(c);
}

/* The peer is known. */
static void
conn_welcome(struct conn *c)
{
	const char *line = conn_admit(c);

	if (line != NULL) {
		conn_refuse_with(c, line);
		return;
	}
	if (!c->p->tls) {
		conn_open(c);
		return;
	}
	c->tls = c->w->tls == NULL ? NULL : tls_conn_new(c->w->tls, c->fd);
	if (c->tls == NULL) {
		conn_complain(c, "refused", "no certificate is loaded");
		conn_abort(c);
		return;
	}
	conn_enter(c, CONN_HANDSHAKE,
	    worker_setting(c->w, STATE_NET_TLS_HANDSHAKE) * 1000);
}

void
conn_begin(struct conn *c)
{
	const struct conf_listener *l = conn_listener(c);

	if (net_network_has(l->proxy, l->proxy_n, &c->peer))
		conn_enter(c, CONN_PROXY,
		    worker_setting(c->w, STATE_NET_PROXY_HEADER) * 1000);
	else
		conn_welcome(c);
}

/* --- the PROXY header --- */

static void
conn_proxy_bad(struct conn *c, const char *why)
{
	/* Connected and gone without a byte: somebody looked whether we are
	 * there. */
	if (c->in_n > 0)
		conn_complain(c, "refused", why);
	conn_abort(c);
}

/* Looks before it takes: what is behind the header stays in the socket, for
 * TLS. */
static ssize_t
conn_proxy_recv(struct conn *c)
{
	ssize_t got;
	size_t span;

	if (c->in == NULL) {
		c->in = xcalloc(1, PROXY_MOST);
		c->in_size = PROXY_MOST;
	}
	got = recv(c->fd, c->in + c->in_n, PROXY_MOST - c->in_n, MSG_PEEK);
	if (got <= 0)
		return got;
	span = proxy_span(c->in, c->in_n + (size_t)got);
	if (span <= c->in_n) { /* for proxy_parse to say what is wrong */
		c->in_n += (uint32_t)got;
		return got;
	}
	got = recv(c->fd, c->in + c->in_n, span - c->in_n, 0);
	if (got > 0)
		c->in_n += (uint32_t)got;
	return got;
}

static void
conn_proxy_done(struct conn *c, const struct proxy_header *h)
{
	if (!h->is_local) {
		c->peer = h->source;
		c->local = h->destination;
	}
	c->in_n = 0;
	conn_release(c);
	conn_welcome(c);
}

static void
conn_proxy_ready(struct conn *c)
{
	ssize_t got = conn_proxy_recv(c);
	struct proxy_header h;
	const char *why;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		conn_proxy_bad(c, "PROXY header cut short");
		return;
	}
	switch (proxy_parse(c->in, c->in_n, &h, &why)) {
	case PROXY_MORE:
		break;
	case PROXY_DONE:
		conn_proxy_done(c, &h);
		break;
	case PROXY_BAD:
		conn_proxy_bad(c, why);
		break;
	}
}

/* --- TLS --- */

/* Once: the numbers, and a line unless it was a probe. */
static void
conn_tls_result(struct conn *c, const char *why)
{
	stat_add(c->w->counts,
	    why == NULL ? STAT_TLS_HANDSHAKES : STAT_TLS_FAILED, 1);
	if (why != NULL && tls_conn_has_spoken(c->tls))
		conn_complain(c, "TLS failed", why);
}

static void
conn_handshake_ready(struct conn *c)
{
	switch (tls_conn_handshake(c->tls)) {
	case TLS_OK:
		conn_tls_result(c, NULL);
		conn_open(c);
		break;
	case TLS_WANT_READ:
		watch_set(c->watch, WATCH_READ);
		break;
	case TLS_WANT_WRITE:
		watch_set(c->watch, WATCH_WRITE);
		break;
	case TLS_CLOSED:
	case TLS_BROKEN:
		conn_tls_result(c, tls_conn_why(c->tls));
		conn_abort(c);
		break;
	}
}

void
conn_start_ready(struct conn *c)
{
	if (c->state == CONN_PROXY)
		conn_proxy_ready(c);
	else
		conn_handshake_ready(c);
}

void
conn_start_late(struct conn *c)
{
	if (c->state == CONN_PROXY)
		/* a balancer that is not told to send one */
		conn_complain(c, "refused", "no PROXY header in time");
	else
		conn_tls_result(c, "timeout");
	conn_abort(c);
}

/* In a task: until it is done, or *why_r. */
static may_yield enum err_code
conn_handshake(struct task *t, struct conn *c, const char **why_r)
{
	uint64_t limit_at =
	    conn_now_ms(c) +
	    worker_setting(c->w, STATE_NET_TLS_HANDSHAKE) * 1000;

	while (c->in_code == 0) {
		int events = WATCH_READ;

		switch (tls_conn_handshake(c->tls)) {
		case TLS_OK:
			*why_r = NULL;
			return ERR_NONE;
		case TLS_WANT_READ:
			break;
		case TLS_WANT_WRITE:
			events = WATCH_WRITE;
			break;
		case TLS_CLOSED:
			*why_r = tls_conn_why(c->tls);
			return ERR_UNAVAIL;
		case TLS_BROKEN:
			*why_r = tls_conn_why(c->tls);
			return ERR_IO;
		}
		*why_r = "timeout";
		if (conn_now_ms(c) >= limit_at)
			return ERR_TIMEOUT;
		conn_wait(t, c, events, limit_at);
	}
	*why_r = "aborted";
	return c->in_code;
}

may_yield struct err *
conn_start_tls(struct task *t, struct conn *c)
{
	enum err_code code = ERR_INVALID;
	const char *why = "TLS is on already";
	struct err *e;

	if ((e = conn_flush(t, c)) != NULL)
		return e;
	if (c->tls == NULL && c->in_n > 0)
		why = "input behind STARTTLS";
	else if (c->tls == NULL && !conn_can_tls(c))
		why = "no certificate is loaded";
	else if (c->tls == NULL) {
		c->tls = tls_conn_new(c->w->tls, c->fd);
		code = conn_handshake(t, c, &why);
		conn_tls_result(c, why);
	}
	if (why == NULL)
		return NULL;
	/* Not one plain byte more, in either direction. */
	c->in_n = 0;
	c->ending = c->out_dead = true;
	c->in_code = code;
	return err_new(task_arena(t), code, "TLS failed", "%s", why);
}

bool
conn_is_tls(const struct conn *c)
{
	return c->tls != NULL;
}

bool
conn_can_tls(const struct conn *c)
{
	return c->w->tls != NULL && tls_is_loaded(c->w->tls);
}

const char *
conn_tls_version(const struct conn *c)
{
	return c->tls == NULL ? NULL : tls_conn_version(c->tls);
}

const char *
conn_tls_cipher(const struct conn *c)
{
	return c->tls == NULL ? NULL : tls_conn_cipher(c->tls);
}

bool
conn_tls_binding(const struct conn *c, struct str type,
    unsigned char out_r[CONN_BINDING_MAX], size_t *n_r)
{
	return c->tls != NULL && tls_conn_binding(c->tls, type, out_r, n_r);
}
