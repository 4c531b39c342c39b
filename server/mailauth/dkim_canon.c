/* dkim_canon.c - canonical forms of header fields and bodies (RFC 6376, 3.4) */
#include "server/mailauth/dkim_private.h"

#include <string.h>

static bool
dkim_is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

void
dkim_body_init(struct dkim_body *b, enum dkim_canon canon, uint64_t limit)
{
	*b = (struct dkim_body){ .canon = canon, .limit = limit };
	crypto_sha256_run_init(&b->sha);
}

static void
dkim_body_hash(struct dkim_body *b, const char *p, size_t n)
{
	uint64_t left = b->limit > b->bytes ? b->limit - b->bytes : 0;

	b->bytes += n;
	crypto_sha256_run_add(&b->sha, p, n < left ? n : (size_t)left);
}

/* Something follows the line ends that waited. */
static void
dkim_body_lines(struct dkim_body *b)
{
	static const char crlf[] = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";

	while (b->lines > 0) {
		uint64_t n = b->lines < 8 ? b->lines : 8;

		dkim_body_hash(b, crlf, (size_t)n * 2);
		b->lines -= n;
	}
}

static void
dkim_body_text(struct dkim_body *b, const char *p, size_t n)
{
	dkim_body_lines(b);
	if (b->blank)
		dkim_body_hash(b, " ", 1);
	b->blank = false;
	dkim_body_hash(b, p, n);
}

static void
dkim_body_end_line(struct dkim_body *b)
{
	b->blank = false; /* relaxed: at the end of a line */
	b->lines++;
}

/* Bytes that mean nothing special. */
static size_t
dkim_body_span(const struct dkim_body *b, const char *p, size_t n)
{
	const char *cr;
	size_t i = 0;

	if (b->canon == DKIM_SIMPLE) {
		cr = memchr(p, '\r', n);
		return cr != NULL ? (size_t)(cr - p) : n;
	}
	while (i < n && p[i] != '\r' && !dkim_is_wsp(p[i]))
		i++;
	return i;
}

void
dkim_body_add(struct dkim_body *b, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		size_t span = 1;

		if (b->cr && *p == '\n') {
			b->cr = false;
			dkim_body_end_line(b);
		} else if (b->cr) { /* a CR alone is a byte like others */
			b->cr = false;
			dkim_body_text(b, "\r", 1);
			span = 0;
		} else if (*p == '\r') {
			b->cr = true;
		} else if (b->canon == DKIM_RELAXED && dkim_is_wsp(*p)) {
			b->blank = true;
		} else {
			span = dkim_body_span(b, p, n);
			dkim_body_text(b, p, span);
		}
		p += span;
		n -= span;
	}
}

void
dkim_body_digest(const struct dkim_body *b, unsigned char out_r[32],
    uint64_t *bytes_r)
{
	struct dkim_body end = *b;

	if (end.cr)
		dkim_body_text(&end, "\r", 1);
	/* A last line without its CRLF gets one, but not an empty body: there
	 * only "simple" has a line. */
	if (end.bytes > 0 || end.canon == DKIM_SIMPLE)
		dkim_body_hash(&end, "\r\n", 2);
	crypto_sha256_run_digest(&end.sha, out_r);
	if (bytes_r != NULL)
		*bytes_r = end.bytes;
}

static void
dkim_canon_relaxed(struct buf *out, const struct mime_field *f)
{
	bool blank = false, any = false;

	for (size_t i = 0; i < f->name.n; i++) {
		char c = f->name.p[i];

		buf_char(out, c >= 'A' && c <= 'Z' ? (char)(c | 32) : c);
	}
	buf_char(out, ':');
	for (size_t i = 0; i < f->value.n; i++) {
		char c = f->value.p[i];
		bool fold = c == '\n' || (c == '\r' && i + 1 < f->value.n &&
					     f->value.p[i + 1] == '\n');

		if (fold)
			continue;
		if (dkim_is_wsp(c)) {
			blank = true;
			continue;
		}
		if (blank && any)
			buf_char(out, ' ');
		blank = false;
		any = true;
		buf_char(out, c);
	}
	buf_c(out, "\r\n");
}

void
dkim_canon_field(struct buf *out, enum dkim_canon canon,
    const struct mime_field *f)
{
	if (canon == DKIM_RELAXED) {
		dkim_canon_relaxed(out, f);
		return;
	}
	buf_str_add(out, f->whole);
	if (!str_ends(f->whole, STR("\r\n")))
		buf_c(out, "\r\n");
}
