/* fuzz_mime_pack.c - the packed form of a message, from a bad disk */
#include <stdlib.h>

#include "base/err.h"
#include "mime/pack.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

/* Offsets in order and texts without line ends, whatever was read. */
static void
check_part(const struct mime_part *p)
{
	invariant(p->header_start <= p->body_start);
	invariant(p->body_start <= p->body_end);
	invariant(
	    p->parent == NULL || (p->header_start >= p->parent->body_start &&
				     p->body_end <= p->parent->body_end));
	invariant(p->type.p != NULL && str_chr(p->type, '\n') < 0);
	for (unsigned i = 0; i < p->params.n; i++)
		invariant(str_chr(p->params.v[i].value, '\r') < 0);
	for (unsigned i = 0; i < p->languages; i++)
		invariant(str_chr(p->language[i], '\0') < 0);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	struct str in = str_of(xmemdup(data, n), n), again;
	struct mime_packed one, two;

	if (mime_unpack(a, in, NULL, &one) == NULL) {
		for (const struct mime_part *p = one.root; p != NULL;
		     p = mime_part_next(p))
			check_part(p);
		/* What was read can be written, and is then the same. */
		if (one.has_headers && one.has_structure) {
			again = mime_pack(a, one.root, 1 << 20);
			invariant(mime_unpack(a, again, NULL, &two) == NULL);
			invariant(
			    str_eq(again, mime_pack(a, two.root, 1 << 20)));
		}
	}
	free((void *)(uintptr_t)in.p);
	arena_free(&a);
	return 0;
}
