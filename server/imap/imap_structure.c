/* imap_structure.c - BODY and BODYSTRUCTURE as FETCH sends them */
#include "server/imap/imap_structure.h"

#include "server/imap/imap.h"
#include "server/imap/imap_envelope.h"

static void imap_structure_part(struct buf *b, const struct mime_part *p,
    bool extended);

/* body-fld-param = "(" string SP string *(SP string SP string) ")" / nil */
static void
imap_structure_params(struct buf *b, const struct mime_params *params)
{
	if (params->n == 0) {
		buf_c(b, "NIL");
		return;
	}
	for (unsigned i = 0; i < params->n; i++) {
		buf_char(b, i == 0 ? '(' : ' ');
		imap_put_string(b, params->v[i].name);
		buf_char(b, ' ');
		imap_put_string(b, params->v[i].value);
	}
	buf_char(b, ')');
}

/*
 * [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc]]]
 *
 * body-fld-dsp = "(" string SP body-fld-param ")" / nil
 */
static void
imap_structure_extension(struct buf *b, const struct mime_part *p)
{
	buf_char(b, ' ');
	if (p->disposition.p == NULL)
		buf_c(b, "NIL");
	else {
		buf_char(b, '(');
		imap_put_string(b, p->disposition);
		buf_char(b, ' ');
		imap_structure_params(b, &p->disposition_params);
		buf_char(b, ')');
	}
	buf_char(b, ' ');
	for (unsigned i = 0; i < p->languages; i++) {
		buf_char(b, i == 0 ? '(' : ' ');
		imap_put_string(b, p->language[i]);
	}
	buf_c(b, p->languages > 0 ? ") " : "NIL ");
	imap_put_nstring(b, p->location);
}

/* body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart] */
static void
imap_structure_multipart(struct buf *b, const struct mime_part *p,
    bool extended)
{
	for (const struct mime_part *c = p->children; c != NULL; c = c->next)
		imap_structure_part(b, c, extended);
	buf_char(b, ' ');
	imap_put_string(b, p->subtype);
	if (!extended)
		return;
	buf_char(b, ' ');
	imap_structure_params(b, &p->params);
	imap_structure_extension(b, p);
}

/*
 * media-type SP media-subtype SP body-fields
 *
 * body-fields = body-fld-param SP body-fld-id SP body-fld-desc SP body-fld-enc
 *               SP body-fld-octets
 */
static void
imap_structure_fields(struct buf *b, const struct mime_part *p)
{
	imap_put_string(b, p->type);
	buf_char(b, ' ');
	imap_put_string(b, p->subtype);
	buf_char(b, ' ');
	imap_structure_params(b, &p->params);
	buf_char(b, ' ');
	imap_put_nstring(b, p->id);
	buf_char(b, ' ');
	imap_put_nstring(b, p->description);
	buf_char(b, ' ');
	imap_put_string(b, p->encoding.n > 0 ? p->encoding : STR("7bit"));
	buf_char(b, ' ');
	buf_u64(b, mime_part_octets(p));
}

/*
 * body-type-1part = (body-type-basic / body-type-msg / body-type-text)
 *                   [SP body-ext-1part]
 */
static void
imap_structure_single(struct buf *b, const struct mime_part *p, bool extended)
{
	bool message =
	    p->kind == MIME_MESSAGE && str_eq_c(p->subtype, "rfc822");

	imap_structure_fields(b, p);
	if (message) {
		buf_char(b, ' ');
		imap_envelope_put(b, p->children->envelope);
		buf_char(b, ' ');
		imap_structure_part(b, p->children, extended);
	}
	if (message || str_eq_c(p->type, "text")) {
		buf_char(b, ' ');
		buf_u64(b, p->lines);
	}
	if (!extended)
		return;
	buf_char(b, ' ');
	imap_put_nstring(b, p->md5);
	imap_structure_extension(b, p);
}

/* Recursion is as deep as mime_limits.depth lets a tree be. */
static void
imap_structure_part(struct buf *b, const struct mime_part *p, bool extended)
{
	buf_char(b, '(');
	if (p->kind == MIME_MULTIPART)
		imap_structure_multipart(b, p, extended);
	else
		imap_structure_single(b, p, extended);
	buf_char(b, ')');
}

void
imap_structure_put(struct buf *b, const struct mime_part *root, bool extended)
{
	imap_structure_part(b, root, extended);
}
