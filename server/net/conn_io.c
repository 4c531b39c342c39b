/* conn_io.c - one client connection: bytes in and out */
#include "server/net/conn_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/net/proxy.h"

#define CONN_FIRST_BYTES 2048	  /* first size of both buffers */
#define CONN_FLOOR_GRACE_MS 30000 /* before the byte floor counts */
/* A line that long is no mistake: the connection ends. */
#define CONN_DISCARD_MOST (1024 * 1024)
#define CONN_PRINTF_BYTES 1024
#define CONN_GREED_BYTES 262144 /* input in a row, without a wait */

/* --- errors --- */

static struct err *
conn_err(struct task *t, const struct conn *c)
{
	struct arena *a = task_arena(t);

	switch (c->in_code) {
	case ERR_NONE:
		return err_new(a, ERR_UNAVAIL, "the client is gone", NULL);
	case ERR_TIMEOUT:
		return err_new(a, ERR_TIMEOUT, "timeout", NULL);
	case ERR_IO:
		return err_new(a, ERR_IO, "TLS error", "%s",
		    c->tls == NULL ? "" : tls_conn_why(c->tls));
	case ERR_LIMIT:
		return err_new(a, ERR_UNAVAIL, "line too long", NULL);
	default:
		return err_new(a, c->in_code, "the client is gone", NULL);
	}
}

static void
conn_no_input(struct conn *c, enum err_code code)
{
	if (c->in_code == 0)
		c->in_code = code;
}

static void
conn_no_output(struct conn *c)
{
	c->out_dead = true;
	c->out_n = c->out_pos = 0;
}

/* --- buffers --- */

static void
conn_grow(char **p, uint32_t *size, uint32_t need, uint32_t most)
{
	uint32_t n = *size == 0 ? CONN_FIRST_BYTES : *size;

	if (need <= *size)
		return;
	while (n < need)
		n *= 2;
	if (n > most)
		n = most > need ? most : need;
	*p = xrealloc(*p, n, 1);
	*size = n;
}

void
conn_release(struct conn *c)
{
	if (c->in_n == 0 && c->in != NULL) {
		free(c->in);
		c->in = NULL;
		c->in_size = c->in_pos = c->in_scanned = 0;
	}
	if (c->out_n == 0 && c->out != NULL) {
		free(c->out);
		c->out = NULL;
		c->out_size = c->out_pos = 0;
	}
}

bool
conn_has_room(const struct conn *c)
{
	return c->in_n < c->in_max;
}

/* --- the fd --- */

static size_t
conn_recv_plain(struct conn *c, void *p, size_t n)
{
	ssize_t got;

	do
		got = recv(c->fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		return (size_t)got;
	if (got < 0 && errno == EAGAIN)
		return 0;
	if (got == 0)
		c->eof = true;
	else
		conn_no_output(c);
	conn_no_input(c, ERR_UNAVAIL);
	return 0;
}

static size_t
conn_recv_tls(struct conn *c, void *p, size_t n)
{
	size_t got = 0;

	switch (tls_conn_read(c->tls, p, n, &got)) {
	case TLS_OK:
		return got;
	case TLS_WANT_READ:
	case TLS_WANT_WRITE: /* without renegotiation: does not happen */
		break;
	case TLS_CLOSED:
		c->eof = true;
		conn_no_input(c, ERR_UNAVAIL);
		break;
	case TLS_BROKEN:
		conn_no_input(c, ERR_IO);
		conn_no_output(c);
		break;
	}
	return 0;
}

/* B81, B84: behind the first header, and where none is taken, a client that
 * begins like one wants to be taken for another. */
static size_t
conn_first(struct conn *c, const void *p, size_t n)
{
	c->spoken = true;
	if (!proxy_is_start(p, n))
		return n;
	conn_complain(c, "refused", "PROXY header where none is taken");
	conn_no_input(c, ERR_UNAVAIL);
	conn_no_output(c);
	return 0;
}

size_t
conn_recv(struct conn *c, void *p, size_t n)
{
	size_t got;

	if (c->in_code != 0 || n == 0)
		return 0;
	got =
	    c->tls != NULL ? conn_recv_tls(c, p, n) : conn_recv_plain(c, p, n);
	if (got > 0 && !c->spoken)
		got = conn_first(c, p, got);
	c->floor_bytes += got;
	if (got > 0)
		stat_add(c->w->counts, STAT_BYTES_IN, (int64_t)got);
	return got;
}

size_t
conn_pull(struct conn *c)
{
	size_t all = 0, got, room;

	while (c->in_code == 0 && conn_has_room(c)) {
		if (c->in_pos > 0) {
			memmove(c->in, c->in + c->in_pos, c->in_n);
			c->in_pos = 0;
		}
		conn_grow(&c->in, &c->in_size, c->in_n + 1, c->in_max);
		room = c->in_size - c->in_n;
		got = conn_recv(c, c->in + c->in_n, room);
		c->in_n += (uint32_t)got;
		all += got;
		/* Plain text: short means empty.  TLS: a record at a time. */
		if (got == 0 || (c->tls == NULL && got < room))
			break;
	}
	return all;
}

static enum tls_result
conn_send(struct conn *c, const void *p, size_t n, size_t *put_r)
{
	ssize_t put;

	if (c->tls != NULL)
		return tls_conn_write(c->tls, p, n, put_r);
	do
		put = send(c->fd, p, n, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	if (put < 0)
		return errno == EAGAIN ? TLS_WANT_WRITE : TLS_BROKEN;
	*put_r = (size_t)put;
	return TLS_OK;
}

void
conn_push(struct conn *c)
{
	size_t put = 0;

	while (c->out_n > 0) {
		switch (conn_send(c, c->out + c->out_pos, c->out_n, &put)) {
		case TLS_OK:
			c->out_pos += (uint32_t)put;
			c->out_n -= (uint32_t)put;
			c->out_blocked = false;
			stat_add(c->w->counts, STAT_BYTES_OUT, (int64_t)put);
			break;
		case TLS_WANT_READ:
		case TLS_WANT_WRITE:
			if (!c->out_blocked)
				c->out_at = conn_now_ms(c);
			c->out_blocked = true;
			return;
		case TLS_CLOSED:
		case TLS_BROKEN:
			conn_no_output(c);
			return;
		}
	}
	c->out_pos = 0;
}

/* --- output --- */

/* One wait for the client to take something. */
static may_yield void
conn_wait_output(struct task *t, struct conn *c)
{
	uint64_t limit_at;

	conn_push(c);
	if (c->out_n == 0)
		return;
	limit_at = c->out_at + CONN_WRITE_TIMEOUT_MS;
	if (limit_at <= conn_now_ms(c)) {
		conn_no_output(c);
		conn_no_input(c, ERR_TIMEOUT);
		return;
	}
	conn_wait(t, c, WATCH_WRITE, limit_at);
	conn_push(c);
}

may_yield struct err *
conn_flush(struct task *t, struct conn *c)
{
	while (c->out_n > 0)
		conn_wait_output(t, c);
	return c->out_dead ? conn_err(t, c) : NULL;
}

may_yield void
conn_write(struct task *t, struct conn *c, const void *p, size_t n)
{
	size_t part;

	for (; n > 0 && !c->out_dead; n -= part, p = (const char *)p + part) {
		if (c->out_pos > 0) {
			memmove(c->out, c->out + c->out_pos, c->out_n);
			c->out_pos = 0;
		}
		part = CONN_OUTPUT_BYTES - c->out_n;
		if (part == 0) {
			conn_wait_output(t, c);
			continue;
		}
		if (part > n)
			part = n;
		conn_grow(&c->out, &c->out_size, c->out_n + (uint32_t)part,
		    CONN_OUTPUT_BYTES);
		memcpy(c->out + c->out_n, p, part);
		c->out_n += (uint32_t)part;
	}
}

may_yield void
conn_puts(struct task *t, struct conn *c, const char *s)
{
	conn_write(t, c, s, strlen(s));
}

may_yield void
conn_printf(struct task *t, struct conn *c, const char *fmt, ...)
{
	char small[CONN_PRINTF_BYTES], *big = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(small)) {
		big = xcalloc(1, (size_t)n + 1);
		va_start(ap, fmt);
		vsnprintf(big, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	if (n > 0)
		conn_write(t, c, big == NULL ? small : big, (size_t)n);
	free(big);
}

/* --- input --- */

struct str
conn_buffered(const struct conn *c)
{
	return c->in_n == 0 ? STR_NONE : str_of(c->in + c->in_pos, c->in_n);
}

void
conn_consume(struct conn *c, size_t n)
{
	invariant(n <= c->in_n);
	c->in_pos += (uint32_t)n;
	c->in_n -= (uint32_t)n;
	c->in_scanned = 0;
	if (c->in_n == 0)
		c->in_pos = 0;
}

void
conn_set_input_max(struct conn *c, size_t bytes)
{
	c->in_max =
	    (uint32_t)(bytes < CONN_INPUT_LIMIT ? bytes : CONN_INPUT_LIMIT);
}

/* When a wait for input that began at from_at is over. */
static uint64_t
conn_input_limit(const struct conn *c, uint64_t from_at)
{
	uint64_t at = UINT64_MAX, floor_ms;

	if (c->idle_ms > 0)
		at = from_at + c->idle_ms;
	if (c->deadline_at > 0 && c->deadline_at < at)
		at = c->deadline_at;
	if (c->floor > 0) {
		floor_ms = c->floor_bytes * 1000 / c->floor;
		if (floor_ms < CONN_FLOOR_GRACE_MS)
			floor_ms = CONN_FLOOR_GRACE_MS;
		/* only what the client made us wait counts */
		floor_ms -= floor_ms < c->floor_waited_ms ? floor_ms
							  : c->floor_waited_ms;
		if (from_at + floor_ms < at)
			at = from_at + floor_ms;
	}
	return at;
}

/* A client that sends faster than we read must not keep the others waiting. */
static may_yield void
conn_share(struct task *t, struct conn *c, bool waited, size_t got)
{
	c->greed = waited ? 0 : c->greed + (uint32_t)got;
	if (c->greed < CONN_GREED_BYTES)
		return;
	c->greed = 0;
	task_yield(t);
}

/* 1 to n bytes into p, or if that is NULL some into the buffer. */
static may_yield struct err *
conn_await(struct task *t, struct conn *c, void *p, size_t n, size_t *got_r)
{
	uint64_t began_at = 0, now_at;
	bool waited = false;

	for (;;) {
		*got_r = p == NULL ? conn_pull(c) : conn_recv(c, p, n);
		now_at = conn_now_ms(c);
		if (*got_r == 0 && c->in_code == 0 && !waited) {
			/* The client may be waiting for what we have to say. */
			err_ignore(conn_flush(t, c)); /* then input ends too */
			waited = true;
			began_at = conn_now_ms(c);
			continue;
		}
		if (*got_r > 0 || c->in_code != 0 ||
		    now_at >= conn_input_limit(c, began_at))
			break;
		conn_wait(t, c, WATCH_READ, conn_input_limit(c, began_at));
	}
	if (waited)
		c->floor_waited_ms += now_at - began_at;
	if (*got_r > 0) {
		conn_share(t, c, waited, *got_r);
		return NULL;
	}
	if (c->in_code == 0) {
		c->ending = true;
		conn_no_input(c, ERR_TIMEOUT);
	}
	return conn_err(t, c);
}

may_yield struct err *
conn_fill(struct task *t, struct conn *c)
{
	size_t got;

	if (!conn_has_room(c))
		return err_new(task_arena(t), ERR_LIMIT, "too long", NULL);
	return conn_await(t, c, NULL, 0, &got);
}

may_yield struct err *
conn_read(struct task *t, struct conn *c, void *p, size_t n, size_t *got_r)
{
	if (c->in_n == 0)
		return conn_await(t, c, p, n, got_r);
	*got_r = n < c->in_n ? n : c->in_n;
	memcpy(p, c->in + c->in_pos, *got_r);
	conn_consume(c, *got_r);
	return NULL;
}

/* The rest of a line that is too long; what it was is gone. */
static may_yield struct err *
conn_discard_line(struct task *t, struct conn *c)
{
	size_t gone = 0;
	struct err *e;
	ptrdiff_t lf;

	while ((lf = str_chr(conn_buffered(c), '\n')) < 0) {
		gone += c->in_n;
		conn_consume(c, c->in_n);
		if (gone > CONN_DISCARD_MOST) {
			c->ending = true;
			conn_no_input(c, ERR_LIMIT);
			break;
		}
		if ((e = conn_fill(t, c)) != NULL)
			return e;
	}
	if (lf >= 0)
		conn_consume(c, (size_t)lf + 1);
	return err_new(task_arena(t), ERR_LIMIT, "line too long", NULL);
}

may_yield struct err *
conn_read_line(struct task *t, struct conn *c, size_t max, struct str *line_r,
    bool *bare_r)
{
	const char *line, *lf;
	struct err *e;
	size_t n;

	if (c->in_max < max + 2)
		conn_set_input_max(c, max + 2);
	for (;;) {
		line = c->in_n == 0 ? "" : c->in + c->in_pos;
		lf =
		    memchr(line + c->in_scanned, '\n', c->in_n - c->in_scanned);
		if (lf != NULL)
			break;
		c->in_scanned = c->in_n;
		if (c->in_n >= max + 2)
			return conn_discard_line(t, c);
		if ((e = conn_fill(t, c)) != NULL)
			return e;
	}
	n = (size_t)(lf - line);
	conn_consume(c, n + 1);
	if (bare_r != NULL)
		*bare_r = n == 0 || line[n - 1] != '\r';
	if (n > 0 && line[n - 1] == '\r')
		n--;
	*line_r = str_of(line, n);
	if (n > max)
		return err_new(task_arena(t), ERR_LIMIT, "line too long", NULL);
	return NULL;
}
