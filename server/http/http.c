/* http.c - HTTP/1.1 over a connection */
#include "server/http/http.h"

#include <time.h>

#include "base/log.h"
#include "server/worker.h"

void
http_add(struct http_response *rs, const char *name, const char *value)
{
	invariant(strpbrk(value, "\r\n") == NULL);
	buf_fmt(&rs->headers, "%s: %s\r\n", name, value);
}

void
http_reply(struct http_response *rs, unsigned status, const char *type,
    struct str body)
{
	rs->status = status;
	http_add(rs, "Content-Type", type);
	buf_clear(&rs->body);
	buf_str_add(&rs->body, body);
}

void
http_reply_text(struct http_response *rs, unsigned status, const char *text)
{
	http_reply(rs, status, "text/plain; charset=utf-8", str_c(text));
	buf_char(&rs->body, '\n');
}

void
http_reply_method(struct http_response *rs, const char *allow)
{
	http_reply_text(rs, 405, http_status_text(405));
	http_add(rs, "Allow", allow);
}

static void
http_response_init(struct http_response *rs, struct arena *a)
{
	*rs = (struct http_response){ .arena = a };
	buf_init(&rs->headers, a, HTTP_HEADER_BYTES_MAX);
	buf_init(&rs->body, a, HTTP_RESPONSE_MAX);
}

static bool
http_has_body(unsigned status)
{
	return status >= 200 && status != 204 && status != 304;
}

struct str
http_format(struct http_response *rs, const struct http_request *rq,
    int64_t wall_s)
{
	time_t at = (time_t)wall_s;
	char date[64];
	struct tm tm;
	struct buf b;

	if (!buf_ok(&rs->headers) || !buf_ok(&rs->body)) {
		http_response_init(rs, rs->arena);
		http_reply_text(rs, 500, http_status_text(500));
		rs->close = true;
	}
	buf_init(&b, rs->arena,
	    HTTP_RESPONSE_MAX + HTTP_HEADER_BYTES_MAX + 1024);
	gmtime_r(&at, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	buf_fmt(&b, "HTTP/1.1 %u %s\r\nDate: %s\r\n", rs->status,
	    http_status_text(rs->status), date);
	buf_str_add(&b, buf_str(&rs->headers));
	buf_c(&b, "X-Content-Type-Options: nosniff\r\n");
	if (http_has_body(rs->status))
		buf_fmt(&b, "Content-Length: %zu\r\n", rs->body.n);
	if (rs->close)
		buf_c(&b, "Connection: close\r\n");
	else if (rq != NULL && rq->minor == 0)
		buf_c(&b, "Connection: keep-alive\r\n");
	buf_c(&b, "\r\n");
	if (http_has_body(rs->status) &&
	    (rq == NULL || !str_eq_c(rq->method, "HEAD")))
		buf_str_add(&b, buf_str(&rs->body));
	return buf_str(&b);
}

may_yield static void
http_send(struct task *t, struct conn *c, const struct http_request *rq,
    struct http_response *rs)
{
	struct str text = http_format(rs, rq, task_wall_s(t));

	conn_write(t, c, text.p, text.n);
	if (rs->close)
		conn_end(c);
}

/* What was malformed, or too large: nobody knows where the next one begins. */
may_yield static void
http_refuse(struct task *t, struct conn *c, const struct http_service *s,
    const struct http_request *rq, unsigned status)
{
	struct http_response rs;

	http_response_init(&rs, task_arena(t));
	if (rq != NULL && s->refuse != NULL)
		s->refuse(rq, &rs, status);
	else
		http_reply_text(&rs, status, http_status_text(status));
	rs.close = true;
	log_debug(t, "http", "refused", LOG_C("service", s->name),
	    LOG_U64("status", status));
	http_send(t, c, NULL, &rs);
}

/* ERR_LIMIT: the buffer is full, which the finder should have noticed. */
may_yield static unsigned
http_more(struct task *t, struct conn *c)
{
	struct err *e = conn_fill(t, c);

	/* 1: gone or too slow; there is nobody to tell. */
	return e == NULL ? 0 : err_is(e, ERR_LIMIT) ? 431 : 1;
}

may_yield static unsigned
http_read_head(struct task *t, struct conn *c, struct http_request *rq)
{
	size_t head_n, skip;
	unsigned status;
	struct str head;

	for (;;) {
		status = http_head_find(conn_buffered(c), &head_n, &skip);
		if (status != 0)
			return status;
		if (head_n > 0)
			break;
		status = http_more(t, c);
		if (status != 0)
			return status;
	}
	/* Reading the body moves the buffer. */
	head =
	    arena_str(task_arena(t), str_sub(conn_buffered(c), skip, head_n));
	conn_consume(c, skip + head_n);
	return http_head_parse(task_arena(t), head, rq);
}

may_yield static unsigned
http_read_chunked(struct task *t, struct conn *c, struct buf *out)
{
	struct http_chunked ch = { .at = HTTP_CHUNK_SIZE };
	unsigned status;
	size_t used;

	for (;;) {
		status = http_chunked_take(&ch, conn_buffered(c), &used, out);
		conn_consume(c, used);
		if (status != 0 || ch.at == HTTP_CHUNK_DONE)
			return status;
		status = http_more(t, c);
		if (status != 0)
			return status;
	}
}

may_yield static unsigned
http_read_body(struct task *t, struct conn *c, const struct http_service *s,
    struct http_request *rq)
{
	uint64_t max =
	    s->body_max_of != NULL ? s->body_max_of(rq) : s->body_max;
	unsigned status = 0;
	struct buf body;

	if (rq->content_length > max)
		return 413;
	if (!rq->chunked && rq->content_length == 0)
		return 0;
	if (rq->expect_continue && conn_buffered(c).n == 0)
		conn_puts(t, c, "HTTP/1.1 100 Continue\r\n\r\n");
	buf_init(&body, task_arena(t), max);
	if (rq->chunked)
		status = http_read_chunked(t, c, &body);
	while (status == 0 && !rq->chunked) {
		struct str in = conn_buffered(c);
		in = str_sub(in, 0, (size_t)rq->content_length - body.n);
		buf_str_add(&body, in);
		conn_consume(c, in.n);
		if (body.n == rq->content_length)
			break;
		status = http_more(t, c);
	}
	rq->body = buf_str(&body);
	return status;
}

may_yield static void
http_one(struct task *t, struct conn *c, const struct http_service *s)
{
	uint64_t began = task_now_ms(t);
	struct http_response rs;
	struct http_request rq;
	char peer[NET_TEXT_MAX];
	unsigned status;
	bool head;

	conn_set_deadline(c, began + HTTP_REQUEST_MS);
	status = http_read_head(t, c, &rq);
	head = status == 0;
	if (head)
		status = http_read_body(t, c, s, &rq);
	conn_set_deadline(c, 0);
	if (status == 1) {
		conn_end(c);
		return;
	}
	if (status != 0) {
		http_refuse(t, c, s, head ? &rq : NULL, status);
		return;
	}
	http_response_init(&rs, task_arena(t));
	rs.close = !rq.keep_alive || conn_worker(c)->draining;
	s->handle(t, c, &rq, &rs);
	if (rs.status == 0)
		http_reply_text(&rs, 404, http_status_text(404));
	http_send(t, c, &rq, &rs);
	if (s->log && !rs.quiet)
		log_info(t, "http", LOG_C("service", s->name),
		    LOG_C("peer", net_addr_text(conn_peer(c), peer)),
		    LOG_STR("method", rq.method), LOG_STR("path", rq.path),
		    LOG_U64("status", rs.status),
		    LOG_U64("ms", task_now_ms(t) - began));
}

void
http_open(struct task *t, struct conn *c)
{
	(void)t;
	conn_set_input_max(c, HTTP_HEAD_MAX + 2);
	conn_set_idle_timeout(c, HTTP_IDLE_MS);
}

void
http_serve(struct task *t, struct conn *c, const struct http_service *s,
    unsigned events)
{
	struct arena_mark m = arena_mark(task_arena(t));

	for (unsigned n = 0; conn_buffered(c).n > 0 && !conn_is_ending(c);
	     n++) {
		if (n == HTTP_REQUESTS_MAX) {
			conn_end(c);
			return;
		}
		http_one(t, c, s);
		arena_rewind(task_arena(t), m);
	}
	/* In the middle of nothing. */
	if (events & CONN_EVENT_TIMEOUT)
		conn_end(c);
	else if (events & CONN_EVENT_DRAIN)
		conn_set_idle_timeout(c, HTTP_DRAIN_MS);
}
