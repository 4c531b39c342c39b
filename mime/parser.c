/* parser.c - a message in, the tree of its parts out, in one pass */
#include "mime/parser.h"

#include <string.h>

#include "base/buf.h"
#include "mime/boundary.h"
#include "mime/header.h"
#include "mime/part_private.h"

/* Blanks behind a delimiter that are still taken in one piece with it. */
#define PARSER_HEAD_SLACK 32

/* Where in the innermost open part the next line belongs. */
enum parser_where { PARSER_HEADER, PARSER_BODY };

/* A part that is open.  Its level is its place in the stack. */
struct parser_level {
	struct mime_part *part, *last_child;
	uint64_t lines_before_body;
};

struct mime_parser {
	struct arena *a;
	struct mime_budget budget;
	struct mime_part *root;
	struct parser_level *level;
	unsigned levels;
	struct mime_boundaries boundaries;
	enum parser_where where;

	/* Bytes and line feeds so far; where the last line end began. */
	uint64_t offset, lines, line_end;

	/* The line that is being read: its first byte's offset, what kind of
	 * header line it is, its beginning, whether anything but blanks came
	 * behind that, its last byte. */
	uint64_t line_start;
	enum mime_line line;
	struct buf head;
	bool head_cut;
	char last;

	/* The header that is being read, up to the limit; how much of it was
	 * there before this line. */
	struct buf header;
	size_t header_before;
	bool header_cut;
};

struct mime_parser *
mime_parser_new(struct arena *a, const struct mime_limits *limits)
{
	struct mime_parser *p = arena_new_obj(a, struct mime_parser);

	if (limits == NULL)
		limits = &mime_limits_default;
	p->a = a;
	p->budget = (struct mime_budget){
		.limits = limits,
		.header_bytes = limits->header_total_bytes,
		.addresses = limits->addresses,
		.parts = limits->parts > 0 ? limits->parts - 1 : 0,
	};
	p->level = arena_array(a, limits->depth + 1, sizeof(*p->level));
	mime_boundaries_init(&p->boundaries, a, limits->depth + 1,
	    limits->boundary_bytes);
	buf_init(&p->head, a, limits->boundary_bytes + PARSER_HEAD_SLACK);
	buf_init(&p->header, a, limits->header_bytes);
	p->root = arena_new_obj(a, struct mime_part);
	p->level[p->levels++].part = p->root;
	return p;
}

static struct parser_level *
parser_top(const struct mime_parser *p)
{
	return &p->level[p->levels - 1];
}

/* A child of the innermost open part, its header beginning at start. */
static void
parser_open(struct mime_parser *p, uint64_t start)
{
	struct parser_level *up = parser_top(p);
	struct mime_part *part = arena_new_obj(p->a, struct mime_part);

	part->parent = up->part;
	part->header_start = start;
	if (up->last_child != NULL)
		up->last_child->next = part;
	else
		up->part->children = part;
	up->last_child = part;
	p->budget.parts--;
	p->level[p->levels++] = (struct parser_level){ .part = part };
	p->where = PARSER_HEADER;
	buf_clear(&p->header);
	p->header_before = 0;
	p->header_cut = false;
}

static bool
parser_has_room(const struct mime_parser *p)
{
	return p->budget.parts > 0 && p->levels < p->budget.limits->depth;
}

/*
 * The header of the innermost part is complete: its body begins at start, lines
 * line feeds from the beginning of the message.
 */
static void
parser_header_end(struct mime_parser *p, uint64_t start, uint64_t lines)
{
	struct parser_level *top = parser_top(p);
	struct mime_part *part = top->part, *up = part->parent;
	struct str boundary;
	bool digest = up != NULL && up->kind == MIME_MULTIPART &&
		      str_eq_c(up->subtype, "digest");

	if (p->header_cut)
		part->flags |= MIME_PART_HEADER_CAPPED;
	mime_part_header(p->a, part,
	    str_sub(buf_str(&p->header), 0, p->header_before), &p->budget,
	    digest, &boundary);
	part->body_start = start;
	top->lines_before_body = lines;
	p->where = PARSER_BODY;
	if (part->kind == MIME_LEAF)
		return;
	if (part->flags & MIME_PART_OPAQUE || !parser_has_room(p) ||
	    (part->kind == MIME_MULTIPART &&
		!mime_boundaries_push(&p->boundaries, boundary, p->levels))) {
		mime_part_opaque(part);
		return;
	}
	if (part->kind == MIME_MESSAGE)
		parser_open(p, start);
}

/*
 * Bodies of the parts above keep levels end at end, lines line feeds from the
 * beginning of the message.  The line end before a delimiter may at once be
 * that of an empty header; then it stays with the header.
 */
static void
parser_close(struct mime_parser *p, unsigned keep, uint64_t end, uint64_t lines)
{
	while (p->levels > keep) {
		struct parser_level *top = parser_top(p);
		struct mime_part *part = top->part;

		if (end < part->body_start) {
			end = part->body_start;
			lines = top->lines_before_body;
		}
		part->body_end = end;
		part->lines = lines - top->lines_before_body;
		if (part->kind == MIME_MULTIPART && part->children == NULL)
			mime_part_opaque(part);
		p->levels--;
	}
	mime_boundaries_cut(&p->boundaries, keep + 1);
}

/* The header of the innermost part was cut off by a delimiter, or the message
 * ended in it: it has no body. */
static void
parser_header_abort(struct mime_parser *p, uint64_t end, uint64_t lines)
{
	while (p->where == PARSER_HEADER) {
		uint64_t start = parser_top(p)->part->header_start;

		if (end >= start)
			parser_header_end(p, end, lines);
		else
			parser_header_end(p, start, p->lines);
	}
}

/*
 * The line delimits the multipart at that level.  The line end before it is
 * part of the delimiter.
 */
static void
parser_delimiter(struct mime_parser *p, unsigned level, bool last)
{
	uint64_t lines = p->lines > 0 ? p->lines - 1 : 0;

	/* The part that this line begins has its place, whatever the header
	 * that it cuts off would open. */
	p->budget.parts -= !last;
	parser_header_abort(p, p->line_end, lines);
	p->budget.parts += !last;
	parser_close(p, level, p->line_end, lines);
	p->where = PARSER_BODY;
	if (last) {
		mime_boundaries_cut(&p->boundaries, level);
		return;
	}
	parser_open(p, p->offset);
}

/* A line that delimits, although no part may be added: what follows becomes
 * content of the part that is open, which therefore is no text any more. */
static void
parser_overflow(struct mime_parser *p)
{
	struct mime_part *part = parser_top(p)->part;

	if (p->where == PARSER_HEADER)
		part->flags |= MIME_PART_OPAQUE; /* its type is still to come */
	else if (part->kind == MIME_LEAF)
		mime_part_opaque(part);
}

/* True if the line was a delimiter. */
static bool
parser_try_delimiter(struct mime_parser *p)
{
	unsigned level;
	bool last;

	if (p->head_cut || p->head.n < 3 ||
	    !mime_boundaries_find(&p->boundaries, buf_str(&p->head), &level,
		&last))
		return false;
	if (!last && p->budget.parts == 0) {
		parser_overflow(p);
		return false;
	}
	parser_delimiter(p, level, last);
	return true;
}

static bool
parser_is_header_line(const struct mime_parser *p)
{
	if (p->line == MIME_LINE_FIELD || p->line == MIME_LINE_MORE)
		return true;
	return p->line_start == parser_top(p)->part->header_start &&
	       mime_line_is_mbox(buf_str(&p->head));
}

/* A whole line of a header (and perhaps a delimiter) has been read. */
static void
parser_header_line(struct mime_parser *p)
{
	if (parser_is_header_line(p)) {
		p->header_before = p->header.n;
		return;
	}
	if (p->line == MIME_LINE_BLANK) {
		parser_header_end(p, p->offset, p->lines + 1);
		return;
	}
	/* The blank line is missing: here the body begins, and if that is a
	 * message, its body too. */
	while (p->where == PARSER_HEADER)
		parser_header_end(p, p->line_start, p->lines);
	/* It may be the first delimiter of the multipart just begun. */
	parser_try_delimiter(p);
}

static void
parser_line_begin(struct mime_parser *p)
{
	p->line_start = p->offset;
	p->line = MIME_LINE_START;
	buf_clear(&p->head);
	p->head_cut = false;
}

/* The line is complete; ending is the length of its line end. */
static void
parser_line(struct mime_parser *p, unsigned ending)
{
	if (!parser_try_delimiter(p) && p->where == PARSER_HEADER)
		parser_header_line(p);
	p->line_end = p->offset - ending;
	p->lines += ending > 0;
	parser_line_begin(p);
}

/* The next bytes of a line, the line feed included. */
static void
parser_piece(struct mime_parser *p, struct str piece)
{
	size_t room = p->head.limit - p->head.n;

	buf_str_add(&p->head, str_sub(piece, 0, room));
	for (size_t i = room; i < piece.n && !p->head_cut; i++) {
		char c = piece.p[i];

		p->head_cut = c != ' ' && c != '\t' && c != '\r' && c != '\n';
	}
	if (p->where == PARSER_HEADER) {
		p->line = mime_line_step(p->line, piece);
		buf_str_add(&p->header, piece);
		p->header_cut |= !buf_ok(&p->header);
	}
}

void
mime_parser_feed(struct mime_parser *p, struct str piece)
{
	while (piece.n > 0) {
		const char *nl = memchr(piece.p, '\n', piece.n);
		size_t n = nl != NULL ? (size_t)(nl - piece.p) + 1 : piece.n;
		bool begins = p->offset == p->line_start;
		char before = n > 1 ? piece.p[n - 2] : p->last;
		unsigned ending = before == '\r' && (n > 1 || !begins) ? 2 : 1;

		p->offset += n;
		p->last = piece.p[n - 1];
		if (begins && nl != NULL && p->where == PARSER_BODY &&
		    piece.p[0] != '-') {
			/* Most lines of most messages. */
			p->line_end = p->offset - ending;
			p->line_start = p->offset;
			p->lines++;
		} else {
			parser_piece(p, str_sub(piece, 0, n));
			if (nl != NULL)
				parser_line(p, ending);
		}
		piece = str_sub(piece, n, piece.n);
	}
}

struct mime_part *
mime_parser_finish(struct mime_parser *p)
{
	if (p->offset > p->line_start)
		parser_line(p, 0);
	parser_header_abort(p, p->offset, p->lines);
	parser_close(p, 0, p->offset, p->lines);
	return p->root;
}

struct mime_part *
mime_parse(struct arena *a, struct str message,
    const struct mime_limits *limits)
{
	struct mime_parser *p = mime_parser_new(a, limits);

	mime_parser_feed(p, message);
	return mime_parser_finish(p);
}
