/* headers.c - the header of a message, field by field, as it comes in */
#include "server/smtp/headers.h"

#include "base/attr.h"
#include "base/buf.h"

ptrdiff_t
headers_end(struct str text, size_t from)
{
	const char *p;
	size_t at;

	if (str_starts(text, STR("\r\n")))
		return 0;
	/* CRLF.CRLF may have been cut in three places */
	for (at = from < 3 ? 0 : from - 3; at + 4 <= text.n; at++) {
		p = memchr(text.p + at, '\r', text.n - at - 3);
		if (p == NULL)
			return -1;
		at = (size_t)(p - text.p);
		if (memcmp(p, "\r\n\r\n", 4) == 0)
			return (ptrdiff_t)at + 2;
	}
	return -1;
}

/* --- parsing --- */

/* Of the line that begins here, its CRLF included. */
static size_t
headers_line(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		const char *lf = memchr(text.p + i, '\n', text.n - i);

		if (lf == NULL)
			break;
		i = (size_t)(lf - text.p);
		if (i > 0 && text.p[i - 1] == '\r')
			return i + 1;
	}
	return text.n;
}

static bool
headers_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* A line and those that continue it. */
static size_t
headers_field_bytes(struct str text)
{
	size_t n = headers_line(text);

	while (n < text.n && headers_is_blank(text.p[n]))
		n += headers_line(str_sub(text, n, text.n));
	return n;
}

/*
 * field      = field-name *WSP ":" unstructured	RFC 5322, 2.2 and 4.5
 * field-name = 1*ftext
 */
static struct str
headers_name(struct str text)
{
	size_t n = 0, i;

	while (n < text.n && text.p[n] > ' ' && text.p[n] < 127 &&
	       text.p[n] != ':')
		n++;
	for (i = n; i < text.n && headers_is_blank(text.p[i]); i++)
		;
	if (n == 0 || i == text.n || text.p[i] != ':')
		return STR_NONE;
	return str_sub(text, 0, n);
}

static bool
headers_is_mbox(struct str text)
{
	while (str_starts(text, STR(">")))
		text = str_sub(text, 1, text.n);
	return str_starts(text, STR("From "));
}

static void
headers_grow(struct headers *h, unsigned size)
{
	struct header_field *f = arena_array(h->arena, size, sizeof(*f));

	if (h->n > 0)
		memcpy(f, h->fields, h->n * sizeof(*f));
	h->fields = f;
	h->size = size;
}

/* A place for one more, at i. */
static struct header_field *
headers_place(struct headers *h, unsigned i)
{
	if (h->n == h->size)
		headers_grow(h, h->size + h->size / 4 + 8);
	memmove(&h->fields[i + 1], &h->fields[i],
	    (h->n - i) * sizeof(*h->fields));
	h->n++;
	return &h->fields[i];
}

static void
headers_put(struct headers *h, unsigned i, struct str text)
{
	*headers_place(h, i) =
	    (struct header_field){ .text = text, .name = headers_name(text) };
}

/* The first line became a field: what was it called in the file it is from? */
static void
headers_put_mbox(struct headers *h, struct str line)
{
	struct buf b;

	buf_init(&b, h->arena, line.n + 32);
	buf_c(&b, "X-Mailbox-Line: ");
	buf_str_add(&b, line);
	headers_put(h, 0, buf_str(&b));
}

/* Those that fit; where it stops.  put: else they are only counted. */
static size_t
headers_fields(struct headers *h, struct str text, bool whole, bool put,
    unsigned *n_r)
{
	size_t at = 0, n;

	for (*n_r = 0; at < text.n && *n_r < HEADERS_FIELDS_MAX; ++*n_r) {
		n = headers_field_bytes(str_sub(text, at, text.n));
		/* the last may go on behind what is examined */
		if (!whole && at + n == text.n)
			return at;
		if (put)
			headers_put(h, h->n, str_sub(text, at, n));
		at += n;
	}
	return at;
}

void
headers_parse(struct arena *a, struct str text, struct headers *h_r)
{
	struct headers *h = h_r;
	ptrdiff_t end = headers_end(text, 0);
	bool whole = end >= 0 || text.n < HEADERS_BYTES_MAX;
	struct str head = end < 0 ? text : str_sub(text, 0, (size_t)end);
	size_t first = 0, at;
	unsigned n;

	*h = (struct headers){ .arena = a, .ended = end >= 0 };
	if (headers_is_mbox(head)) {
		first = headers_field_bytes(head);
		headers_put_mbox(h, str_sub(head, 0, first));
	} else {
		struct str name = headers_name(head);

		if (head.n > 0 && (name.n == 0 || name.n > HEADERS_NAME_MAX)) {
			/* all body */
			h->between = STR("\r\n");
			h->rest = text;
			h->ended = true;
			return;
		}
	}
	head = str_sub(head, first, head.n);
	headers_fields(h, head, whole, false, &n);
	headers_grow(h, h->n + n + 8);
	at = headers_fields(h, head, whole, true, &n);
	h->original = str_sub(head, 0, at);
	h->rest = str_sub(text, first + at, text.n);
	h->cut = at < head.n || !whole;
}

/* --- using --- */

unsigned
headers_find(const struct headers *h, const char *name, unsigned i)
{
	while (i < h->n && !(h->fields[i].name.n > 0 &&
			       str_case_eq_c(h->fields[i].name, name)))
		i++;
	return i;
}

struct str
headers_value(struct arena *a, const struct header_field *f, size_t max)
{
	ptrdiff_t colon = str_chr(f->text, ':');
	struct str in = str_sub(f->text, (size_t)(colon + 1), f->text.n);
	struct buf b;

	buf_init(&b, a, max);
	for (size_t i = 0; i < in.n && b.n < max; i++)
		if (in.p[i] != '\r' && in.p[i] != '\n' &&
		    (b.n > 0 || !headers_is_blank(in.p[i])))
			buf_char(&b, in.p[i]);
	return str_trim(buf_str(&b));
}

void
headers_remove(struct headers *h, unsigned i)
{
	h->fields[i] =
	    (struct header_field){ .text = STR_NONE, .name = STR_NONE };
}

void
headers_prepend(struct headers *h, struct str text)
{
	headers_put(h, 0, arena_str(h->arena, text));
}

void
headers_append(struct headers *h, struct str text)
{
	struct str last = h->n > 0 ? h->fields[h->n - 1].text : STR_NONE;
	struct buf b;

	if (last.n > 0 && !str_ends(last, STR("\r\n"))) {
		/* only the very end of a message may lack it */
		buf_init(&b, h->arena, last.n + 2);
		buf_str_add(&b, last);
		buf_c(&b, "\r\n");
		h->fields[h->n - 1].text = buf_str(&b);
	}
	headers_put(h, h->n, arena_str(h->arena, text));
}

struct str
headers_body(const struct headers *h)
{
	if (h->between.n > 0 || h->cut || !h->ended)
		return h->rest;
	return str_sub(h->rest, 2, h->rest.n);
}
