/* pack.c - envelope, body structure and common headers as a few hundred bytes
 */
#include "mime/pack.h"

#include "base/buf.h"
#include "mime/envelope.h"
#include "mime/fields.h"

enum { PACK_HEADERS = 0x01, PACK_STRUCTURE = 0x02 };

enum {
	PACK_KIND = 0x03,
	PACK_OPAQUE = 0x04,
	PACK_DEFAULT_TYPE = 0x08,
	PACK_CAPPED = 0x10,
	PACK_MORE = 0x20,
	PACK_UNKNOWN = 0xc0,
};

/* The fewest bytes that a part, a parameter or a language takes. */
#define PACK_PART_LEAST 9
#define PACK_PARAM_LEAST 2
#define PACK_TEXT_LEAST 1

static const struct pack_flag {
	unsigned packed, flag;
} pack_flags[] = {
	{ PACK_OPAQUE, MIME_PART_OPAQUE },
	{ PACK_DEFAULT_TYPE, MIME_PART_DEFAULT_TYPE },
	{ PACK_CAPPED, MIME_PART_HEADER_CAPPED },
};

/* Writing */

static void
pack_number(struct buf *b, uint64_t v)
{
	while (v >= 0x80) {
		buf_char(b, (char)(v | 0x80));
		v >>= 7;
	}
	buf_char(b, (char)v);
}

static void
pack_text(struct buf *b, struct str s)
{
	if (s.p == NULL) {
		pack_number(b, 0);
		return;
	}
	pack_number(b, (uint64_t)s.n + 1);
	buf_str_add(b, s);
}

static void
pack_params(struct buf *b, const struct mime_params *p)
{
	pack_number(b, p->n);
	for (unsigned i = 0; i < p->n; i++) {
		pack_text(b, p->v[i].name);
		pack_text(b, p->v[i].value);
	}
}

static bool
pack_has_more(const struct mime_part *part)
{
	return part->id.p != NULL || part->description.p != NULL ||
	       part->md5.p != NULL || part->disposition.p != NULL ||
	       part->location.p != NULL || part->languages > 0;
}

static void
pack_more(struct buf *b, const struct mime_part *part)
{
	pack_text(b, part->id);
	pack_text(b, part->description);
	pack_text(b, part->md5);
	pack_text(b, part->disposition);
	pack_params(b, &part->disposition_params);
	pack_text(b, part->location);
	pack_number(b, part->languages);
	for (unsigned i = 0; i < part->languages; i++)
		pack_text(b, part->language[i]);
}

static void
pack_part(struct buf *b, const struct mime_part *part, uint64_t reached,
    unsigned has)
{
	bool more = pack_has_more(part);
	unsigned kind = part->kind | (more ? PACK_MORE : 0);
	uint64_t children = 0;

	for (size_t i = 0; i < countof(pack_flags); i++) {
		if (part->flags & pack_flags[i].flag)
			kind |= pack_flags[i].packed;
	}
	buf_char(b, (char)kind);
	pack_number(b, part->header_start - reached);
	pack_number(b, part->body_start - part->header_start);
	pack_number(b, mime_part_octets(part));
	pack_number(b, part->lines);
	pack_text(b, part->type);
	pack_text(b, part->subtype);
	pack_text(b, part->encoding);
	pack_params(b, &part->params);
	if (more)
		pack_more(b, part);
	if (mime_part_is_message(part))
		pack_text(b, part->parent != NULL || has & PACK_HEADERS
				 ? part->headers
				 : STR_NONE);
	if (part->kind != MIME_MULTIPART || !(has & PACK_STRUCTURE))
		return;
	for (part = part->children; part != NULL; part = part->next)
		children++;
	pack_number(b, children);
}

/* The point from which the header_start of next, which follows part, is
 * counted. */
static uint64_t
pack_reached(const struct mime_part *part, const struct mime_part *next)
{
	if (next->parent == part)
		return part->body_start;
	while (part->next != next)
		part = part->parent;
	return part->body_end;
}

static void
pack_head(struct buf *b, unsigned has)
{
	buf_char(b, MIME_PACK_VERSION);
	buf_char(b, (char)has);
	buf_char(b, MIME_FIELD_SET);
}

static bool
pack_try(struct buf *b, const struct mime_part *root, unsigned has)
{
	const struct mime_part *part = root, *next;

	buf_clear(b);
	pack_head(b, has);
	pack_part(b, root, 0, has);
	while (has & PACK_STRUCTURE && buf_ok(b) &&
	       (next = mime_part_next(part)) != NULL) {
		pack_part(b, next, pack_reached(part, next), has);
		part = next;
	}
	return buf_ok(b);
}

/* Nothing but where things are. */
static void
pack_least(struct buf *b, const struct mime_part *root)
{
	struct mime_part least = {
		.kind = MIME_LEAF,
		.flags = MIME_PART_OPAQUE,
		.header_start = root->header_start,
		.body_start = root->body_start,
		.body_end = root->body_end,
		.lines = root->lines,
		.type = STR("application"),
		.subtype = STR("octet-stream"),
	};

	pack_try(b, &least, 0);
}

struct str
mime_pack(struct arena *a, const struct mime_part *root, size_t limit_bytes)
{
	static const unsigned tries[] = { PACK_HEADERS | PACK_STRUCTURE,
		PACK_HEADERS, PACK_STRUCTURE, 0 };
	struct buf b;

	if (limit_bytes == 0)
		limit_bytes = MIME_PACK_LIMIT_DEFAULT;
	if (limit_bytes < MIME_PACK_LEAST_BYTES)
		limit_bytes = MIME_PACK_LEAST_BYTES;
	buf_init(&b, a, limit_bytes);
	for (size_t i = 0; i < countof(tries); i++) {
		if (pack_try(&b, root, tries[i]))
			return buf_str(&b);
	}
	pack_least(&b, root);
	return buf_str(&b);
}

/* Reading */

struct pack_level {
	struct mime_part *part, *last_child;
	uint64_t children; /* still to come */
};

struct pack_reader {
	struct arena *a;
	struct str in;
	const struct mime_limits *limits;
	unsigned parts, addresses, levels, has;
	struct pack_level *level;
	/* The first thing that was wrong. */
	enum err_code wrong;
};

static void
pack_fail(struct pack_reader *r, enum err_code code)
{
	if (r->wrong == ERR_NONE)
		r->wrong = code;
	r->in = STR_NONE;
}

static unsigned
unpack_byte(struct pack_reader *r)
{
	unsigned v;

	if (r->in.n == 0) {
		pack_fail(r, ERR_CORRUPT);
		return 0;
	}
	v = (unsigned char)r->in.p[0];
	r->in = str_sub(r->in, 1, r->in.n);
	return v;
}

static uint64_t
unpack_number(struct pack_reader *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		unsigned byte = unpack_byte(r);

		if (shift == 63 && byte > 1)
			break;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return v;
	}
	pack_fail(r, ERR_CORRUPT);
	return 0;
}

/* How many of something that takes at least least bytes each. */
static unsigned
unpack_count(struct pack_reader *r, size_t least, unsigned limit)
{
	uint64_t v = unpack_number(r);

	if (v > r->in.n / least)
		pack_fail(r, ERR_CORRUPT);
	else if (v > limit)
		pack_fail(r, ERR_LIMIT);
	return r->wrong == ERR_NONE ? (unsigned)v : 0;
}

static struct str
unpack_bytes(struct pack_reader *r)
{
	uint64_t n = unpack_number(r);
	struct str s;

	if (n == 0)
		return STR_NONE;
	if (n - 1 > r->in.n) {
		pack_fail(r, ERR_CORRUPT);
		return STR_NONE;
	}
	s = str_sub(r->in, 0, n - 1);
	r->in = str_sub(r->in, n - 1, r->in.n);
	return s;
}

/* One that fits on a line, as part.h promises. */
static struct str
unpack_text(struct pack_reader *r)
{
	struct str s = unpack_bytes(r);

	if (str_chr(s, '\0') >= 0 || str_chr(s, '\r') >= 0 ||
	    str_chr(s, '\n') >= 0)
		pack_fail(r, ERR_CORRUPT);
	return s;
}

static struct str
unpack_present(struct pack_reader *r)
{
	struct str s = unpack_text(r);

	if (s.p == NULL)
		pack_fail(r, ERR_CORRUPT);
	return s;
}

static void
unpack_params(struct pack_reader *r, struct mime_params *p)
{
	p->n = unpack_count(r, PACK_PARAM_LEAST, r->limits->params);
	p->v = arena_array(r->a, p->n, sizeof(*p->v));
	for (unsigned i = 0; i < p->n; i++) {
		p->v[i].name = unpack_present(r);
		p->v[i].value = unpack_present(r);
	}
}

static void
unpack_more(struct pack_reader *r, struct mime_part *part)
{
	part->id = unpack_text(r);
	part->description = unpack_text(r);
	part->md5 = unpack_text(r);
	part->disposition = unpack_text(r);
	unpack_params(r, &part->disposition_params);
	part->location = unpack_text(r);
	part->languages = unpack_count(r, PACK_TEXT_LEAST, r->limits->params);
	part->language =
	    arena_array(r->a, part->languages, sizeof(*part->language));
	for (unsigned i = 0; i < part->languages; i++)
		part->language[i] = unpack_present(r);
}

/* *at moves on by a number; beyond end is damage. */
static uint64_t
unpack_offset(struct pack_reader *r, uint64_t at, uint64_t end)
{
	uint64_t v = unpack_number(r);

	if (v > end - at) {
		pack_fail(r, ERR_CORRUPT);
		return at;
	}
	return at + v;
}

static void
unpack_place(struct pack_reader *r, struct mime_part *part)
{
	const struct pack_level *up =
	    r->levels > 0 ? &r->level[r->levels - 1] : NULL;
	uint64_t at = 0, end = UINT64_MAX;

	if (up != NULL) {
		at = up->last_child != NULL ? up->last_child->body_end
					    : up->part->body_start;
		end = up->part->body_end;
	}
	part->header_start = unpack_offset(r, at, end);
	part->body_start = unpack_offset(r, part->header_start, end);
	part->body_end = unpack_offset(r, part->body_start, end);
	part->lines = unpack_number(r);
}

static void
unpack_kind(struct pack_reader *r, struct mime_part *part, unsigned byte)
{
	unsigned kind = byte & PACK_KIND;

	if (byte & PACK_UNKNOWN || kind > MIME_MESSAGE)
		pack_fail(r, ERR_CORRUPT);
	else
		part->kind = (enum mime_kind)kind;
	for (size_t i = 0; i < countof(pack_flags); i++) {
		if (byte & pack_flags[i].packed)
			part->flags |= pack_flags[i].flag;
	}
}

static void
unpack_headers(struct pack_reader *r, struct mime_part *part)
{
	part->headers = unpack_bytes(r);
	if (part->headers.p == NULL) {
		if (part->parent != NULL || r->has & PACK_HEADERS)
			pack_fail(r, ERR_CORRUPT);
		return;
	}
	part->envelope =
	    mime_envelope_parse(r->a, part->headers, &r->addresses);
}

static uint64_t
unpack_children(struct pack_reader *r, const struct mime_part *part)
{
	unsigned n;

	if (!(r->has & PACK_STRUCTURE) || part->kind == MIME_LEAF)
		return 0;
	if (part->kind == MIME_MESSAGE)
		return 1;
	n = unpack_count(r, PACK_PART_LEAST, r->limits->parts);
	if (n == 0)
		pack_fail(r, ERR_CORRUPT);
	return n;
}

/* A part; it becomes the innermost level if it has children. */
static struct mime_part *
unpack_part(struct pack_reader *r)
{
	struct mime_part *part = arena_new_obj(r->a, struct mime_part);
	struct pack_level *up = r->levels > 0 ? &r->level[r->levels - 1] : NULL;
	unsigned byte = unpack_byte(r);
	uint64_t children;

	part->parent = up != NULL ? up->part : NULL;
	unpack_kind(r, part, byte);
	unpack_place(r, part);
	part->type = unpack_present(r);
	part->subtype = unpack_present(r);
	part->encoding = unpack_text(r);
	unpack_params(r, &part->params);
	if (byte & PACK_MORE)
		unpack_more(r, part);
	if (mime_part_is_message(part))
		unpack_headers(r, part);
	if (up != NULL) {
		if (up->last_child != NULL)
			up->last_child->next = part;
		else
			up->part->children = part;
		up->last_child = part;
		up->children--;
	}
	children = unpack_children(r, part);
	if (++r->parts > r->limits->parts ||
	    (children > 0 && r->levels + 1 >= r->limits->depth))
		pack_fail(r, ERR_LIMIT);
	else if (children > 0)
		r->level[r->levels++] = (struct pack_level){
			.part = part,
			.children = children,
		};
	return part;
}

static struct mime_part *
unpack_tree(struct pack_reader *r)
{
	struct mime_part *root = unpack_part(r);

	while (r->wrong == ERR_NONE && r->levels > 0) {
		if (r->level[r->levels - 1].children == 0)
			r->levels--;
		else
			unpack_part(r);
	}
	if (r->in.n > 0)
		pack_fail(r, ERR_CORRUPT);
	return root;
}

struct err *
mime_unpack(struct arena *a, struct str in, const struct mime_limits *limits,
    struct mime_packed *packed_r)
{
	struct pack_reader r = { .a = a, .in = in };
	unsigned version = unpack_byte(&r);

	if (r.wrong == ERR_NONE && version > MIME_PACK_VERSION)
		return err_new(a, ERR_FORMAT,
		    "the message index is of a newer version", "pack %u",
		    version);
	r.limits = limits != NULL ? limits : &mime_limits_default;
	r.addresses = r.limits->addresses;
	r.level = arena_array(a, (size_t)r.limits->depth + 1, sizeof(*r.level));
	r.has = unpack_byte(&r);
	packed_r->field_set = unpack_byte(&r);
	if (version != MIME_PACK_VERSION ||
	    r.has & ~(unsigned)(PACK_HEADERS | PACK_STRUCTURE))
		pack_fail(&r, ERR_CORRUPT);
	packed_r->has_headers = r.has & PACK_HEADERS;
	packed_r->has_structure = r.has & PACK_STRUCTURE;
	packed_r->root = unpack_tree(&r);
	if (r.wrong == ERR_NONE)
		return NULL;
	return err_new(a, r.wrong,
	    r.wrong == ERR_LIMIT
		? "the message index holds more than the limits allow"
		: "the message index is damaged",
	    "pack of %zu bytes", in.n);
}

bool
mime_packed_knows(const struct mime_packed *p, struct str field_name)
{
	return p->has_headers && !(p->root->flags & MIME_PART_HEADER_CAPPED) &&
	       p->field_set > 0 &&
	       mime_field_use(field_name, p->field_set) != MIME_FIELD_OTHER;
}
