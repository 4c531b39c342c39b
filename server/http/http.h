/* http.h - HTTP/1.1 over a connection: requests in, responses out */
#ifndef SERVER_HTTP_HTTP_H
#define SERVER_HTTP_HTTP_H

#include "base/buf.h"
#include "server/http/http_parse.h"
#include "server/net/conn.h"

/*
 * A protocol that speaks HTTP has a const struct http_service and calls
 *
 *	open:	http_open(t, c);
 *	event:	http_serve(t, c, &service, events);
 *
 * http_serve reads whole requests (head by http_parse.h, body up to body_max,
 * by length or chunked) within HTTP_REQUEST_MS, calls handle(), and writes the
 * response that it built, one after another as long as the connection is kept
 * (RFC 9112, 9.3).  When the node goes, the next response says that it is the
 * last: a connection closed at once might have a request under way, which no
 * client may repeat unless it is idempotent (9.3.1).  What is malformed is
 * answered and the connection closed.
 *
 * A response is built in the task's arena and written when handle() returns:
 * status, headers, body with its Content-Length.  HEAD gets no body.  A handler
 * that sets nothing answers 404.
 */
#define HTTP_REQUEST_MS 10000 /* from a request's first byte to its last */
#define HTTP_IDLE_MS 10000    /* between requests */
#define HTTP_DRAIN_MS 3000    /* the same, once the node is going */
#define HTTP_RESPONSE_MAX (16U << 20)
#define HTTP_REQUESTS_MAX 10000 /* of one connection */

struct http_response {
	unsigned status;
	bool close;	    /* after this one */
	bool quiet;	    /* no line in the log: a probe */
	struct buf headers; /* whole lines */
	struct buf body;
	struct arena *arena;
};

struct http_service {
	const char *name;  /* of log lines */
	uint64_t body_max; /* more: 413 */
	/* Optional: of that request, whose body is to be read. */
	uint64_t (*body_max_of)(const struct http_request *rq);
	bool log; /* one line per request */
	void (*handle)(struct task *t, struct conn *c,
	    const struct http_request *rq, struct http_response *rs);
	/* Optional: the answer to a request whose head was read but not its
	 * body; else one line of text. */
	void (*refuse)(const struct http_request *rq, struct http_response *rs,
	    unsigned status);
};

may_yield void http_open(struct task *t, struct conn *c);
may_yield void http_serve(struct task *t, struct conn *c,
    const struct http_service *s, unsigned events);

/* --- building --- */

/* A value with CR, LF or NUL is a broken invariant: encode before. */
void http_add(struct http_response *rs, const char *name, const char *value);
/* Status and a body of that type, instead of what was there. */
void http_reply(struct http_response *rs, unsigned status, const char *type,
    struct str body);
/* text/plain, one line. */
void http_reply_text(struct http_response *rs, unsigned status,
    const char *text);
/* 405 with Allow. */
void http_reply_method(struct http_response *rs, const char *allow);
/* The whole, as it goes on the wire. */
struct str http_format(struct http_response *rs, const struct http_request *rq,
    int64_t wall_s);

#endif
