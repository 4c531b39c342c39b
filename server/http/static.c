/* static.c - files that are part of the program, as HTTP responses */
#include "server/http/static.h"

#include <stdio.h>

/* Scripts, styles and requests of our own, and nothing written into the page.
 * "data:" is what the style sheet draws its small marks with. */
#define STATIC_CSP                                                             \
	"default-src 'none'; script-src 'self'; style-src 'self'; "            \
	"img-src 'self' data:; connect-src 'self'; font-src 'self'; "          \
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
#define STATIC_PERMISSIONS                                                     \
	"camera=(), display-capture=(), geolocation=(), microphone=(), "       \
	"payment=(), usb=()"

static const struct static_file *
static_exact(const struct static_site *s, struct str path)
{
	unsigned low = 0, high = s->files_n;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;
		int order = str_cmp(path, str_c(s->files[mid].path));

		if (order == 0)
			return &s->files[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* "/domains/example.org": segments that are all there, none "." or "..". */
static bool
static_is_page(const struct static_site *s, struct str path)
{
	struct str rest = str_sub(path, 1, path.n);
	struct str first = STR_NONE, seg;

	if (path.n == 0 || path.p[0] != '/')
		return false;
	while (str_split(&rest, '/', &seg)) {
		if ((seg.n == 0 && rest.p != NULL) || str_eq_c(seg, ".") ||
		    str_eq_c(seg, ".."))
			return false;
		if (first.p == NULL)
			first = seg;
	}
	for (unsigned i = 0; i < s->roots_n; i++)
		if (str_eq_c(first, s->roots[i]))
			return true;
	return false;
}

const struct static_file *
static_find(const struct static_site *s, struct str path)
{
	const struct static_file *f = static_exact(s, path);

	if (f == NULL && s->files_n > 0 && static_is_page(s, path))
		f = static_exact(s, str_c("/"));
	return f;
}

/* Of "q=0", "q=0.000"; anything else is some liking. */
static bool
static_is_refused(struct str parameter)
{
	struct str q = str_trim(parameter);

	if (!str_starts(q, STR("q=0")))
		return false;
	for (size_t i = 3; i < q.n; i++)
		if (q.p[i] != '.' && q.p[i] != '0')
			return false;
	return true;
}

/* "br, gzip;q=0.8" */
static bool
static_accepts_gzip(struct str list)
{
	struct str item, name;

	while (str_split(&list, ',', &item))
		if (str_split(&item, ';', &name) &&
		    str_case_eq_c(str_trim(name), "gzip"))
			return !static_is_refused(item);
	return false;
}

/* If-None-Match: "a", W/"b" or *; compared weakly (RFC 9110, 13.1.2). */
static bool
static_is_known(const struct static_file *f, struct str list)
{
	struct str tag;

	while (str_split(&list, ',', &tag)) {
		tag = str_trim(tag);
		if (str_starts(tag, STR("W/")))
			tag = str_sub(tag, 2, tag.n);
		if (str_eq_c(tag, f->etag) || str_eq_c(tag, "*"))
			return true;
	}
	return false;
}

static void
static_protect(struct http_response *rs)
{
	http_add(rs, "Content-Security-Policy", STATIC_CSP);
	http_add(rs, "Referrer-Policy", "no-referrer");
	http_add(rs, "Permissions-Policy", STATIC_PERMISSIONS);
	http_add(rs, "Cross-Origin-Opener-Policy", "same-origin");
	http_add(rs, "Cross-Origin-Resource-Policy", "same-origin");
}

void
static_reply(const struct static_file *f, const struct http_request *rq,
    struct http_response *rs)
{
	struct str match = http_header(rq, "If-None-Match");
	char tag[64];

	if (match.p != NULL && static_is_known(f, match)) {
		rs->status = 304;
		buf_clear(&rs->body);
	} else if (static_accepts_gzip(http_header(rq, "Accept-Encoding"))) {
		http_reply(rs, 200, f->type, f->gzip);
		http_add(rs, "Content-Encoding", "gzip");
	} else {
		http_reply(rs, 200, f->type, f->plain);
	}
	snprintf(tag, sizeof(tag), "W/%s", f->etag);
	http_add(rs, "ETag", tag);
	http_add(rs, "Vary", "Accept-Encoding");
	http_add(rs, "Cache-Control",
	    f->immutable ? "public, max-age=31536000, immutable" : "no-cache");
	static_protect(rs);
}
