/* http_parse.c - the head of an HTTP/1.1 request, read strictly */
#include "server/http/http_parse.h"

#include <http_parser.h>

/* What libhttp-parser tells while it reads a head. */
struct http_reading {
	struct arena *a;
	struct http_request *rq;
	struct str *open; /* what further bytes of a callback belong to */
	bool too_many, complete;
};

unsigned
http_head_find(struct str in, size_t *head_n_r, size_t *skipped_r)
{
	size_t line = 0, i = 0, first = 0;

	*head_n_r = 0;
	*skipped_r = 0;
	if (str_starts(in, STR("\r\n")))
		*skipped_r = i = line = 2;
	for (; i < in.n; i++) {
		if (first == 0 && i - *skipped_r >= HTTP_LINE_MAX)
			return 414;
		if (first > 0 && i - first >= HTTP_HEADER_BYTES_MAX)
			return 431;
		if (in.p[i] == '\0')
			return 400;
		/* CR only before LF, LF only behind CR. */
		if (in.p[i] == '\r' && i + 1 < in.n && in.p[i + 1] != '\n')
			return 400;
		if (in.p[i] != '\n')
			continue;
		if (i == 0 || in.p[i - 1] != '\r')
			return 400;
		if (i - line == 1) {
			if (first == 0)
				return 400; /* two empty lines */
			*head_n_r = i + 1 - *skipped_r;
			return 0;
		}
		/* obs-fold, or a blank before the first header */
		if (first > 0 && (in.p[line] == ' ' || in.p[line] == '\t'))
			return 400;
		if (first == 0)
			first = i + 1;
		line = i + 1;
	}
	return 0;
}

static int
http_on_url(http_parser *p, const char *at, size_t n)
{
	struct http_reading *r = p->data;

	if (r->rq->target.n == 0)
		r->rq->target.p = at;
	r->rq->target.n += n;
	return 0;
}

static int
http_on_field(http_parser *p, const char *at, size_t n)
{
	struct http_reading *r = p->data;
	struct http_request *rq = r->rq;

	if (r->open == NULL || rq->headers_n == 0 ||
	    r->open != &rq->headers[rq->headers_n - 1].name) {
		if (rq->headers_n == HTTP_HEADERS_MAX) {
			r->too_many = true;
			return 1;
		}
		rq->headers[rq->headers_n] =
		    (struct http_header){ .name = { at, 0 } };
		r->open = &rq->headers[rq->headers_n++].name;
	}
	r->open->n += n;
	return 0;
}

static int
http_on_value(http_parser *p, const char *at, size_t n)
{
	struct http_reading *r = p->data;
	struct http_header *h = &r->rq->headers[r->rq->headers_n - 1];

	if (r->open != &h->value) {
		h->value.p = at;
		r->open = &h->value;
	}
	h->value.n += n;
	return 0;
}

static int
http_on_complete(http_parser *p)
{
	struct http_reading *r = p->data;

	r->complete = true;
	return 1; /* the body is not its business */
}

static const http_parser_settings http_settings = {
	.on_url = http_on_url,
	.on_header_field = http_on_field,
	.on_header_value = http_on_value,
	.on_headers_complete = http_on_complete,
};

struct str
http_header(const struct http_request *rq, const char *name)
{
	for (unsigned i = 0; i < rq->headers_n; i++)
		if (str_case_eq_c(rq->headers[i].name, name))
			return rq->headers[i].value;
	return STR_NONE;
}

static unsigned
http_header_count(const struct http_request *rq, const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < rq->headers_n; i++)
		n += str_case_eq_c(rq->headers[i].name, name);
	return n;
}

/* token = 1*tchar	RFC 9110, 5.6.2 */
static bool
http_is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool alnum = (c >= '0' && c <= '9') ||
			     ((c | 32) >= 'a' && (c | 32) <= 'z');
		if (!alnum &&
		    (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
			return false;
	}
	return s.n > 0;
}

/* Printable and horizontal tabs; bytes above 127 are opaque. */
static bool
http_value_is_valid(struct str v)
{
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];
		if ((c < 32 && c != '\t') || c == 127)
			return false;
	}
	return true;
}

bool
http_decode(struct arena *a, struct str in, bool plus, struct str *out_r)
{
	char *out = arena_alloc(a, in.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		if (c == '%') {
			if (!str_unhex(str_sub(in, i + 1, 2), &c, 1))
				return false;
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (c < 32 || c == 127)
			return false;
		out[n++] = (char)c;
	}
	*out_r = str_of(out, n);
	return true;
}

struct str
http_query(struct arena *a, const struct http_request *rq, const char *name)
{
	struct str rest = rq->query, pair, out;

	while (str_split(&rest, '&', &pair)) {
		ptrdiff_t eq = str_chr(pair, '=');
		struct str key = eq < 0 ? pair : str_sub(pair, 0, (size_t)eq);
		if (!http_decode(a, key, true, &key) || !str_eq_c(key, name))
			continue;
		if (eq < 0)
			return STR("");
		return http_decode(a, str_sub(pair, (size_t)eq + 1, pair.n),
			   true, &out)
			   ? out
			   : STR_NONE;
	}
	return STR_NONE;
}

/* origin-form, absolute-form, or the asterisk of OPTIONS	RFC 9112, 3.2 */
static unsigned
http_target(struct arena *a, struct http_request *rq)
{
	struct str path = rq->target;
	struct http_parser_url u;

	if (str_eq_c(rq->target, "*")) {
		rq->path = rq->target;
		return str_eq_c(rq->method, "OPTIONS") ? 0 : 400;
	}
	if (rq->target.p[0] != '/') {
		http_parser_url_init(&u);
		if (http_parser_parse_url(rq->target.p, rq->target.n, 0, &u) !=
			0 ||
		    (u.field_set & 1 << UF_HOST) == 0 ||
		    (u.field_set & 1 << UF_USERINFO) != 0)
			return 400;
		rq->authority = str_sub(rq->target, u.field_data[UF_HOST].off,
		    u.field_data[UF_HOST].len);
		path = (u.field_set & 1 << UF_PATH) == 0
			   ? STR("/")
			   : str_sub(rq->target, u.field_data[UF_PATH].off,
				 rq->target.n);
	}
	if (str_chr(path, '#') >= 0)
		return 400;
	ptrdiff_t q = str_chr(path, '?');
	if (q >= 0) {
		rq->query = str_sub(path, (size_t)q + 1, path.n);
		path = str_sub(path, 0, (size_t)q);
	}
	return http_decode(a, path, false, &rq->path) ? 0 : 400;
}

/* Where the body ends, in one reading only: RFC 9112, 6.3. */
static unsigned
http_framing(struct http_request *rq)
{
	unsigned lengths = http_header_count(rq, "content-length");
	unsigned codings = http_header_count(rq, "transfer-encoding");
	struct str v;

	if (lengths + codings > 1 || (codings > 0 && rq->minor == 0))
		return 400;
	if (lengths == 1 &&
	    !str_u64(http_header(rq, "content-length"), &rq->content_length))
		return 400;
	if (codings == 1 &&
	    !str_case_eq_c(http_header(rq, "transfer-encoding"), "chunked"))
		return 501;
	rq->chunked = codings == 1;
	v = http_header(rq, "expect");
	if (v.p != NULL && !str_case_eq_c(v, "100-continue"))
		return 417;
	rq->expect_continue = v.p != NULL && rq->minor > 0;
	return 0;
}

/* Connection is a list of tokens: RFC 9110, 7.6.1. */
static bool
http_keeps_alive(const struct http_request *rq)
{
	bool keep = rq->minor > 0;

	for (unsigned i = 0; i < rq->headers_n; i++) {
		struct str rest = rq->headers[i].value, token;
		if (!str_case_eq_c(rq->headers[i].name, "connection"))
			continue;
		while (str_split(&rest, ',', &token)) {
			if (str_case_eq_c(str_trim(token), "close"))
				return false;
			if (str_case_eq_c(str_trim(token), "keep-alive"))
				keep = true;
		}
	}
	return keep;
}

static unsigned
http_parser_verdict(const http_parser *p, const struct http_reading *r)
{
	if (r->too_many)
		return 431;
	switch (HTTP_PARSER_ERRNO(p)) {
	case HPE_OK:
		return r->complete ? 0 : 400;
	case HPE_INVALID_VERSION:
		return 505;
	case HPE_INVALID_METHOD:
		return 501;
	default:
		return 400;
	}
}

/* The request line by hand, too: the library skips blanks and takes methods
 * for the beginning of others. */
static unsigned
http_request_line(struct str head, struct http_request *rq)
{
	struct str line = str_sub(head, 0, (size_t)str_chr(head, '\r'));
	struct str rest = line, target, version;

	if (!str_split(&rest, ' ', &rq->method) ||
	    !str_split(&rest, ' ', &target) ||
	    !str_split(&rest, ' ', &version) || rest.n > 0 || target.n == 0 ||
	    !http_is_token(rq->method) || !str_starts(version, STR("HTTP/")))
		return 400;
	if (target.n > HTTP_TARGET_MAX)
		return 414;
	if (!str_eq_c(version, "HTTP/1.0") && !str_eq_c(version, "HTTP/1.1"))
		return 505;
	rq->minor = version.p[7] == '1';
	for (size_t i = 0; i < target.n; i++)
		if ((unsigned char)target.p[i] <= 32 ||
		    (unsigned char)target.p[i] >= 127)
			return 400;
	return 0;
}

unsigned
http_head_parse(struct arena *a, struct str head, struct http_request *rq_r)
{
	struct http_reading r = { .a = a, .rq = rq_r };
	unsigned status, hosts;
	http_parser p;

	*rq_r =
	    (struct http_request){ .headers = arena_array(a, HTTP_HEADERS_MAX,
				       sizeof(struct http_header)) };
	status = http_request_line(head, rq_r);
	if (status != 0)
		return status;
	http_parser_init(&p, HTTP_REQUEST);
	p.data = &r;
	(void)http_parser_execute(&p, &http_settings, head.p, head.n);
	status = http_parser_verdict(&p, &r);
	for (unsigned i = 0; status == 0 && i < rq_r->headers_n; i++) {
		struct http_header *h = &rq_r->headers[i];
		/* A blank in or behind the name. */
		if (!http_is_token(h->name) || !http_value_is_valid(h->value))
			return 400;
		h->value = str_trim(h->value);
		if (h->value.p == NULL)
			h->value = STR("");
	}
	if (status == 0)
		status = http_framing(rq_r);
	hosts = http_header_count(rq_r, "host");
	if (status == 0 && (hosts > 1 || (hosts == 0 && rq_r->minor > 0)))
		status = 400;
	if (status != 0)
		return status;
	rq_r->authority = http_header(rq_r, "host");
	rq_r->keep_alive = http_keeps_alive(rq_r);
	return http_target(a, rq_r);
}

/* A line's end in in; 0: not yet. Bare LF and overlong lines: 400. */
static unsigned
http_chunk_line(struct str in, size_t max, struct str *line_r)
{
	ptrdiff_t lf = str_chr(str_sub(in, 0, max), '\n');

	*line_r = STR_NONE;
	if (lf < 0)
		return in.n >= max ? 400 : 0;
	if (lf == 0 || in.p[lf - 1] != '\r')
		return 400;
	*line_r = str_sub(in, 0, (size_t)lf - 1);
	return 0;
}

/* chunk = chunk-size [ chunk-ext ] CRLF; extensions are not for us. */
static bool
http_chunk_size(struct str line, uint64_t *size_r)
{
	ptrdiff_t semi = str_chr(line, ';');

	if (semi >= 0)
		line = str_trim(str_sub(line, 0, (size_t)semi));
	return line.n > 0 && line.n <= 15 && str_hex_u64(line, size_r);
}

static unsigned
http_chunk_step(struct http_chunked *c, struct str in, size_t *used_r,
    struct buf *out)
{
	size_t max = c->at == HTTP_CHUNK_TRAILER ? HTTP_HEADER_BYTES_MAX
						 : HTTP_CHUNK_LINE_MAX;
	struct str line;
	unsigned status;

	*used_r = 0;
	if (c->at == HTTP_CHUNK_DATA) {
		*used_r = in.n < c->left ? in.n : (size_t)c->left;
		buf_add(out, in.p, *used_r);
		c->left -= *used_r;
		if (c->left == 0)
			c->at = HTTP_CHUNK_END;
		return buf_ok(out) ? 0 : 413;
	}
	status = http_chunk_line(in, max, &line);
	if (status != 0 || line.p == NULL)
		return status;
	*used_r = line.n + 2;
	switch (c->at) {
	case HTTP_CHUNK_SIZE:
		if (!http_chunk_size(line, &c->left))
			return 400;
		if (c->left > out->limit - out->n)
			return 413;
		c->at = c->left > 0 ? HTTP_CHUNK_DATA : HTTP_CHUNK_TRAILER;
		return 0;
	case HTTP_CHUNK_END:
		c->at = HTTP_CHUNK_SIZE;
		return line.n == 0 ? 0 : 400;
	default:
		c->trailer_bytes += *used_r;
		if (line.n == 0)
			c->at = HTTP_CHUNK_DONE;
		return c->trailer_bytes > HTTP_HEADER_BYTES_MAX ? 431 : 0;
	}
}

unsigned
http_chunked_take(struct http_chunked *c, struct str in, size_t *used_r,
    struct buf *out)
{
	unsigned status = 0;
	size_t n = 1;

	*used_r = 0;
	while (status == 0 && n > 0 && c->at != HTTP_CHUNK_DONE &&
	       *used_r < in.n) {
		status =
		    http_chunk_step(c, str_sub(in, *used_r, in.n), &n, out);
		*used_r += n;
	}
	return status;
}

const char *
http_status_text(unsigned status)
{
	static const struct {
		unsigned status;
		const char *text;
	} texts[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 421, "Misdirected Request" },
		{ 422, "Unprocessable Content" },
		{ 428, "Precondition Required" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
		{ 507, "Insufficient Storage" },
	};

	for (unsigned i = 0; i < countof(texts); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Status";
}
