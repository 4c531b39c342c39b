/* mime_tree.h - a tree of parts as a line of text, and its invariants */
#ifndef TESTS_UNIT_MIME_TREE_H
#define TESTS_UNIT_MIME_TREE_H

#include "base/buf.h"
#include "base/err.h"
#include "mime/part.h"

/* Everything part.h promises about offsets and kinds; returns the number of
 * parts. */
static inline unsigned
tree_check(const struct mime_part *root)
{
	const struct mime_part *p, *c;
	unsigned n = 0;

	for (p = root; p != NULL; p = mime_part_next(p)) {
		uint64_t at = p->body_start;
		unsigned children = 0;

		n++;
		invariant(p->header_start <= p->body_start);
		invariant(p->body_start <= p->body_end);
		invariant(p->lines <= mime_part_octets(p));
		invariant(p->type.p != NULL && p->subtype.p != NULL);
		for (c = p->children; c != NULL; c = c->next) {
			invariant(c->parent == p);
			invariant(c->header_start >= at);
			at = c->body_end;
			children++;
		}
		invariant(at <= p->body_end);
		invariant((p->kind == MIME_LEAF) == (children == 0));
		invariant(p->kind != MIME_MESSAGE || children == 1);
		invariant(p->kind != MIME_MESSAGE ||
			  p->children->header_start == p->body_start);
		invariant((p->headers.p != NULL) == mime_part_is_message(p));
		invariant((p->envelope != NULL) == mime_part_is_message(p));
	}
	return n;
}

/* subtype[header_start,body_start,body_end,lines], children in braces, "!" for
 * an opaque part */
static inline void
tree_add(struct buf *out, const struct mime_part *p)
{
	buf_fmt(out, STR_FMT "%s[%u,%u,%u,%u]", STR_ARG(p->subtype),
	    p->flags & MIME_PART_OPAQUE ? "!" : "", (unsigned)p->header_start,
	    (unsigned)p->body_start, (unsigned)p->body_end, (unsigned)p->lines);
	if (p->children == NULL)
		return;
	buf_char(out, '{');
	for (const struct mime_part *c = p->children; c != NULL; c = c->next) {
		if (c != p->children)
			buf_char(out, ' ');
		tree_add(out, c);
	}
	buf_char(out, '}');
}

#endif
