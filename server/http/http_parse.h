/* http_parse.h - the head of an HTTP/1.1 request, read strictly */
#ifndef SERVER_HTTP_HTTP_PARSE_H
#define SERVER_HTTP_HTTP_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/*
 * libhttp-parser does the grammar of RFC 9112; what it lets pass and what makes
 * two readers disagree about where a request ends (obs-fold, bare LF, blanks
 * around a header's name, two Content-Lengths, Content-Length with
 * Transfer-Encoding) is refused here.  No I/O: the caller brings whole heads.
 *
 * Everything that can be wrong is answered by a status; 0 is success.
 */
#define HTTP_TARGET_MAX 8192	    /* 414 */
#define HTTP_HEADER_BYTES_MAX 16384 /* behind the request line: 431 */
#define HTTP_HEADERS_MAX 100	    /* 431 */
#define HTTP_LINE_MAX (HTTP_TARGET_MAX + 64)
#define HTTP_HEAD_MAX (HTTP_LINE_MAX + HTTP_HEADER_BYTES_MAX)
#define HTTP_CHUNK_LINE_MAX 256

struct http_header {
	struct str name, value; /* value trimmed */
};

struct http_request {
	struct str method;    /* "GET" */
	struct str target;    /* as sent */
	struct str path;      /* decoded; begins with '/', or is "*" */
	struct str query;     /* behind '?', as sent */
	struct str authority; /* Host, or that of an absolute target */
	struct http_header *headers;
	unsigned headers_n;
	unsigned minor; /* HTTP/1.minor */
	bool keep_alive;
	bool chunked;
	bool expect_continue;
	uint64_t content_length;
	struct str body; /* filled in by http_serve */
};

/*
 * Whether a whole head is in the buffer: *head_n_r its bytes with the empty
 * line, 0 when more is needed.  414, 431 as soon as it cannot become one, 400
 * for a bare LF or a leading blank.  One empty line before the request is
 * *skipped_r bytes (RFC 9112, 2.2).
 */
unsigned http_head_find(struct str in, size_t *head_n_r, size_t *skipped_r);
/* head: what http_head_find found.  Texts point into head or the arena. */
unsigned http_head_parse(struct arena *a, struct str head,
    struct http_request *rq_r);
/* First header of that name (any case); p NULL: none. */
struct str http_header(const struct http_request *rq, const char *name);
/* "a=1&b=2%20c": one parameter, decoded; p NULL: none or malformed. */
struct str http_query(struct arena *a, const struct http_request *rq,
    const char *name);
/* %XX; plus: '+' is a blank. False: malformed, or a NUL or control character.
 */
bool http_decode(struct arena *a, struct str in, bool plus, struct str *out_r);

/*
 * Chunked bodies (RFC 9112, 7.1), a piece at a time: takes from in what it can
 * (*used_r) and appends data to out.  400: not the grammar; 413: out is full.
 */
struct http_chunked {
	enum {
		HTTP_CHUNK_SIZE,
		HTTP_CHUNK_DATA,
		HTTP_CHUNK_END,
		HTTP_CHUNK_TRAILER,
		HTTP_CHUNK_DONE
	} at;
	uint64_t left;
	size_t trailer_bytes;
};
unsigned http_chunked_take(struct http_chunked *c, struct str in,
    size_t *used_r, struct buf *out);

const char *http_status_text(unsigned status);

#endif
