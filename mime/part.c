/* part.c - from a header block to the fields of a part */
#include "mime/part_private.h"

#include "base/attr.h"
#include "base/buf.h"
#include "mime/codec.h"
#include "mime/fields.h"
#include "mime/header.h"
#include "mime/lex.h"

const struct mime_limits mime_limits_default = MIME_LIMITS_DEFAULT;

struct part_reader {
	struct arena *a;
	struct mime_part *part;
	struct mime_budget *budget;
	bool typed;
};

const struct mime_part *
mime_part_next(const struct mime_part *p)
{
	if (p->children != NULL)
		return p->children;
	while (p != NULL && p->next == NULL)
		p = p->parent;
	return p != NULL ? p->next : NULL;
}

static void
part_type(struct part_reader *r, struct str value)
{
	struct mime_part *part = r->part;

	/* The first one counts, also if it is none. */
	if (!r->typed)
		mime_type_parse(r->a, value, r->budget->limits->params,
		    &part->type, &part->subtype, &part->params);
	r->typed = true;
}

static void
part_encoding(struct part_reader *r, struct str value)
{
	struct mime_params ignored;

	if (r->part->encoding.p == NULL)
		mime_token_parse(r->a, value, 0, &r->part->encoding, &ignored);
}

static void
part_disposition(struct part_reader *r, struct str value)
{
	struct mime_part *part = r->part;

	if (part->disposition.p == NULL)
		mime_token_parse(r->a, value, r->budget->limits->params,
		    &part->disposition, &part->disposition_params);
}

/* Language-tag *("," Language-tag)	RFC 3282 */
static void
part_language(struct part_reader *r, struct str value)
{
	unsigned limit = 1;
	struct str tag;

	if (r->part->language != NULL)
		return;
	for (size_t i = 0; i < value.n; i++)
		limit += value.p[i] == ',';
	if (limit > r->budget->limits->params)
		limit = r->budget->limits->params;
	r->part->language = arena_array(r->a, limit, sizeof(tag));
	while (value.n > 0 && r->part->languages < limit) {
		mime_lex_cfws(&value, NULL);
		tag = mime_lex_span(&value, mime_lex_is_token);
		if (tag.n > 0)
			r->part->language[r->part->languages++] =
			    arena_str(r->a, tag);
		else
			value = str_sub(value, 1, value.n);
	}
}

static void
part_text(struct part_reader *r, struct str value, struct str *text)
{
	if (text->p == NULL)
		*text = arena_str(r->a, mime_header_unfold(r->a, value));
}

static void
part_id(struct part_reader *r, struct str value)
{
	part_text(r, value, &r->part->id);
}

static void
part_description(struct part_reader *r, struct str value)
{
	part_text(r, value, &r->part->description);
}

static void
part_md5(struct part_reader *r, struct str value)
{
	part_text(r, value, &r->part->md5);
}

static void
part_location(struct part_reader *r, struct str value)
{
	part_text(r, value, &r->part->location);
}

static const struct {
	const char *name;
	void (*read)(struct part_reader *r, struct str value);
} part_fields[] = {
	{ "content-type", part_type },
	{ "content-transfer-encoding", part_encoding },
	{ "content-disposition", part_disposition },
	{ "content-id", part_id },
	{ "content-description", part_description },
	{ "content-md5", part_md5 },
	{ "content-language", part_language },
	{ "content-location", part_location },
};

/* False if the message has used up what may be kept of its headers. */
static bool
part_charge(struct part_reader *r, size_t bytes)
{
	if (bytes > r->budget->header_bytes) {
		r->budget->header_bytes = 0;
		r->part->flags |= MIME_PART_HEADER_CAPPED;
		return false;
	}
	r->budget->header_bytes -= bytes;
	return true;
}

static void
part_field(struct part_reader *r, const struct mime_field *f)
{
	for (size_t i = 0; i < countof(part_fields); i++) {
		if (!str_case_eq_c(f->name, part_fields[i].name))
			continue;
		if (part_charge(r, f->whole.n))
			part_fields[i].read(r, f->value);
		return;
	}
}

static bool
part_is_kept(const struct part_reader *r, const struct mime_field *f)
{
	enum mime_field_use use = mime_field_use(f->name, 0);

	return use == MIME_FIELD_ENVELOPE ||
	       (use == MIME_FIELD_COMMON && r->part->parent == NULL);
}

/* The fields of a message that are kept, and its envelope. */
static void
part_message(struct part_reader *r, struct str block)
{
	struct mime_header h = mime_header_of(block);
	struct mime_field f;
	struct buf kept;

	buf_init(&kept, r->a, block.n);
	while (mime_header_next(&h, &f)) {
		if (part_is_kept(r, &f) && part_charge(r, f.whole.n))
			buf_str_add(&kept, f.whole);
	}
	r->part->headers = arena_str(r->a, buf_str(&kept));
	r->part->envelope =
	    mime_envelope_parse(r->a, r->part->headers, &r->budget->addresses);
}

/* RFC 2045, 5.2; RFC 2046, 5.1.5 */
static void
part_default_type(struct part_reader *r, bool digest)
{
	struct mime_part *part = r->part;

	part->flags |= MIME_PART_DEFAULT_TYPE;
	if (digest) {
		part->type = STR("message");
		part->subtype = STR("rfc822");
		return;
	}
	part->type = STR("text");
	part->subtype = STR("plain");
	part->params.v = arena_new_obj(r->a, struct mime_param);
	part->params.v[0].name = STR("charset");
	part->params.v[0].value = STR("us-ascii");
	part->params.n = 1;
}

void
mime_part_opaque(struct mime_part *part)
{
	part->flags |= MIME_PART_OPAQUE;
	part->kind = MIME_LEAF;
	part->type = STR("application");
	part->subtype = STR("octet-stream");
}

static void
part_kind(struct mime_part *part, struct str *boundary_r)
{
	part->kind = MIME_LEAF;
	*boundary_r = STR_NONE;
	if (str_eq_c(part->type, "multipart")) {
		if (mime_params_raw(&part->params, "boundary", boundary_r))
			part->kind = MIME_MULTIPART;
		else
			mime_part_opaque(part);
	} else if (str_eq_c(part->type, "message") &&
		   (str_eq_c(part->subtype, "rfc822") ||
		       str_eq_c(part->subtype, "global"))) {
		if (mime_encoding_of(part->encoding) == MIME_IDENTITY)
			part->kind = MIME_MESSAGE;
		else
			mime_part_opaque(part);
	}
}

void
mime_part_header(struct arena *a, struct mime_part *part, struct str block,
    struct mime_budget *budget, bool digest, struct str *boundary_r)
{
	struct part_reader r = { .a = a, .part = part, .budget = budget };
	struct mime_header h = mime_header_of(block);
	struct mime_field f;

	while (mime_header_next(&h, &f))
		part_field(&r, &f);
	if (part->type.p == NULL)
		part_default_type(&r, digest && !r.typed);
	if (part->flags & MIME_PART_OPAQUE)
		mime_part_opaque(part);
	if (mime_part_is_message(part))
		part_message(&r, block);
	part_kind(part, boundary_r);
}
