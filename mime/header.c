/* header.c - header fields: find, iterate, unfold */
#include "mime/header.h"

#include <string.h>

#include "mime/lex.h"

struct mime_header
mime_header_of(struct str block)
{
	return (struct mime_header){ .rest = block, .first = true };
}

/* The first line with its line end. */
static struct str
header_line(struct str in)
{
	const char *nl = in.n > 0 ? memchr(in.p, '\n', in.n) : NULL;

	return str_sub(in, 0, nl != NULL ? (size_t)(nl - in.p) + 1 : in.n);
}

static struct str
header_chomp(struct str line)
{
	if (line.n > 0 && line.p[line.n - 1] == '\n')
		line.n--;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static enum mime_line
line_step(enum mime_line state, char c)
{
	bool blank = c == ' ' || c == '\t';
	/* ftext: printable ASCII but the colon. */
	bool name = c > ' ' && c < 127 && c != ':';

	switch (state) {
	case MIME_LINE_START:
		if (blank)
			return MIME_LINE_MORE;
		if (c == '\n')
			return MIME_LINE_BLANK;
		if (c == '\r')
			return MIME_LINE_CR;
		break;
	case MIME_LINE_CR:
		return c == '\n' ? MIME_LINE_BLANK : MIME_LINE_BAD;
	case MIME_LINE_NAME:
		if (blank)
			return MIME_LINE_NAME_END;
		break;
	case MIME_LINE_NAME_END:
		if (blank)
			return state;
		return c == ':' ? MIME_LINE_FIELD : MIME_LINE_BAD;
	default:
		return state;
	}
	if (c == ':')
		return MIME_LINE_FIELD;
	return name ? MIME_LINE_NAME : MIME_LINE_BAD;
}

enum mime_line
mime_line_step(enum mime_line state, struct str piece)
{
	for (size_t i = 0; i < piece.n && state < MIME_LINE_FIELD; i++)
		state = line_step(state, piece.p[i]);
	return state;
}

bool
mime_line_is_mbox(struct str line)
{
	return str_starts(line, STR("From ")) ||
	       str_starts(line, STR(">From "));
}

/* h->rest begins with a field. */
static void
header_take(struct mime_header *h, struct mime_field *f_r)
{
	struct str rest = h->rest, whole = header_line(rest);
	ptrdiff_t colon = str_chr(whole, ':');
	size_t n = whole.n, name_n = (size_t)colon;

	while (n < rest.n && (rest.p[n] == ' ' || rest.p[n] == '\t'))
		n += header_line(str_sub(rest, n, rest.n)).n;
	whole = str_sub(rest, 0, n);
	h->rest = str_sub(rest, n, rest.n);
	while (name_n > 0 && mime_lex_is_blank(whole.p[name_n - 1]))
		name_n--;
	f_r->whole = whole;
	f_r->name = str_sub(whole, 0, name_n);
	f_r->value = header_chomp(str_sub(whole, (size_t)colon + 1, whole.n));
}

bool
mime_header_next(struct mime_header *h, struct mime_field *f_r)
{
	while (h->rest.n > 0) {
		struct str line = header_line(h->rest);
		enum mime_line what = mime_line_step(MIME_LINE_START, line);
		bool first = h->first;

		h->first = false;
		if (what == MIME_LINE_FIELD) {
			header_take(h, f_r);
			return true;
		}
		if (what != MIME_LINE_MORE &&
		    !(first && mime_line_is_mbox(line)))
			break;
		h->rest = str_sub(h->rest, line.n, h->rest.n);
	}
	h->rest = STR_NONE;
	return false;
}

bool
mime_header_find(struct str block, const char *name, struct mime_field *f_r)
{
	struct mime_header h = mime_header_of(block);

	while (mime_header_next(&h, f_r)) {
		if (str_case_eq_c(f_r->name, name))
			return true;
	}
	return false;
}

size_t
mime_header_bytes(struct str message)
{
	size_t n = 0;
	bool first = true;

	while (n < message.n) {
		struct str line = header_line(str_sub(message, n, message.n));
		enum mime_line what = mime_line_step(MIME_LINE_START, line);

		if (what == MIME_LINE_BLANK)
			return n + line.n;
		if (what != MIME_LINE_FIELD && what != MIME_LINE_MORE &&
		    !(first && mime_line_is_mbox(line)))
			return n;
		first = false;
		n += line.n;
	}
	return n;
}

struct str
mime_header_unfold(struct arena *a, struct str value)
{
	bool clean = true;
	size_t n = 0;
	char *p;

	value = str_trim(value);
	for (size_t i = 0; i < value.n && clean; i++) {
		char c = value.p[i];

		clean = c != '\0' && c != '\r' && c != '\n';
	}
	if (value.p == NULL)
		return STR("");
	if (clean)
		return value;
	p = arena_alloc(a, value.n + 1);
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == '\n' ||
		    (c == '\r' && i + 1 < value.n && value.p[i + 1] == '\n'))
			continue;
		p[n++] = c == '\0' || c == '\r' ? ' ' : c;
	}
	return str_trim(str_of(p, n));
}
