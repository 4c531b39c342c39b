/* imap_body.c - sections of a message: BODY[1.2.HEADER] and its kin */
#include "server/imap/imap_body.h"

#include "mime/header.h"

/* Part `number` of a multipart. */
static const struct mime_part *
imap_section_child(const struct mime_part *p, uint32_t number)
{
	const struct mime_part *c = p->children;

	for (; c != NULL && number > 1; number--)
		c = c->next;
	return c;
}

/*
 * Part `number` of where we are.  whole: p is a message as such (the root, or
 * one that was embedded), not yet its body.
 */
static const struct mime_part *
imap_section_step(const struct mime_part *p, bool whole, uint32_t number)
{
	if (!whole && p->kind == MIME_MESSAGE) {
		p = p->children;
		whole = true;
	}
	if (p == NULL)
		return NULL;
	if (p->kind == MIME_MULTIPART)
		return imap_section_child(p, number);
	return whole && number == 1 ? p : NULL;
}

static struct imap_range64
imap_section_header(const struct mime_part *p)
{
	return (struct imap_range64){ p->header_start, p->body_start };
}

bool
imap_section_find(const struct mime_part *root, const struct imap_section *s,
    struct imap_range64 *r_r)
{
	const struct mime_part *p = root;

	for (unsigned i = 0; i < s->parts && p != NULL; i++)
		p = imap_section_step(p, i == 0, s->part[i]);
	if (p == NULL)
		return false;
	if (s->what == IMAP_SECTION_MIME) {
		*r_r = imap_section_header(p);
		return true;
	}
	if (s->what == IMAP_SECTION_ALL) {
		*r_r = (struct imap_range64){ s->parts > 0 ? p->body_start
							   : p->header_start,
			p->body_end };
		return true;
	}
	if (s->parts > 0)
		p = p->kind == MIME_MESSAGE ? p->children : NULL;
	if (p == NULL)
		return false;
	*r_r = imap_section_header(p);
	if (s->what == IMAP_SECTION_TEXT)
		*r_r = (struct imap_range64){ p->body_start, p->body_end };
	return true;
}

bool
imap_section_in_pack(const struct imap_section *s, const struct mime_packed *p)
{
	if (s->what != IMAP_SECTION_FIELDS || s->parts > 0)
		return false;
	for (unsigned i = 0; i < s->fields_n; i++)
		if (!mime_packed_knows(p, s->fields[i]))
			return false;
	return true;
}

void
imap_section_fields(struct buf *b, const struct imap_section *s,
    struct str header)
{
	struct mime_header h = mime_header_of(header);
	struct mime_field f;

	while (mime_header_next(&h, &f)) {
		bool named = false;

		for (unsigned i = 0; i < s->fields_n && !named; i++)
			named = str_case_eq(f.name, s->fields[i]);
		if (named != (s->what == IMAP_SECTION_FIELDS))
			continue;
		buf_str_add(b, f.whole);
		/* the header ended without one */
		if (!str_ends(f.whole, STR("\n")))
			buf_c(b, "\r\n");
	}
	buf_c(b, "\r\n");
}

uint64_t
imap_section_clip(const struct imap_section *s, uint64_t bytes,
    uint64_t *from_r)
{
	*from_r = 0;
	if (!s->partial)
		return bytes;
	*from_r = s->from < bytes ? s->from : bytes;
	bytes -= *from_r;
	return s->count < bytes ? s->count : bytes;
}
