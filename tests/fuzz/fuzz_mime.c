/* fuzz_mime.c - any message: tree, invariants, packed form */
#include <stdlib.h>

#include "base/err.h"
#include "mime/header.h"
#include "mime/pack.h"
#include "mime/parser.h"
#include "tests/unit/mime_tree.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

/* Small, so that inputs of a few KiB get there. */
static const struct mime_limits small_limits = {
	.header_bytes = 200,
	.header_total_bytes = 400,
	.depth = 4,
	.parts = 6,
	.params = 3,
	.addresses = 4,
	.boundary_bytes = 4,
};

static struct str
tree_text(struct arena *a, const struct mime_part *root)
{
	struct buf out;

	buf_init(&out, a, 64 << 20);
	tree_add(&out, root);
	return buf_str(&out);
}

/* In pieces as small as step. */
static struct mime_part *
parse_in_pieces(struct arena *a, struct str in, size_t step,
    const struct mime_limits *limits)
{
	struct mime_parser *p = mime_parser_new(a, limits);

	for (size_t i = 0; i < in.n; i += step)
		mime_parser_feed(p, str_sub(in, i, step));
	return mime_parser_finish(p);
}

/* What the offsets say about headers, header.h says too. */
static void
check_header(struct str in, const struct mime_part *part)
{
	size_t bytes = part->body_start - part->header_start;
	struct str block = str_sub(in, part->header_start, bytes);

	invariant(part->body_end <= in.n);
	invariant(mime_header_bytes(block) == bytes);
}

static void
check_pack(struct arena *a, const struct mime_part *root, size_t limit,
    const struct mime_limits *limits)
{
	struct str packed = mime_pack(a, root, limit);
	struct str exact = str_of(xmemdup(packed.p, packed.n), packed.n);
	struct mime_packed p;

	invariant(mime_unpack(a, exact, limits, &p) == NULL);
	invariant(p.root->body_end == root->body_end);
	if (p.has_structure)
		invariant(str_eq(tree_text(a, p.root), tree_text(a, root)));
	if (p.has_headers && p.has_structure)
		tree_check(p.root);
	free((void *)(uintptr_t)exact.p);
}

static void
check_message(struct arena *a, struct str in, const struct mime_limits *limits)
{
	struct mime_part *root = mime_parse(a, in, limits);
	struct str whole = tree_text(a, root);
	unsigned n = tree_check(root);

	invariant(n <= (limits != NULL ? limits->parts : 10000));
	for (const struct mime_part *p = root; p != NULL; p = mime_part_next(p))
		check_header(in, p);
	for (size_t step = 1; step < 8; step += 3)
		invariant(str_eq(whole,
		    tree_text(a, parse_in_pieces(a, in, step, limits))));
	check_pack(a, root, 0, limits);
	check_pack(a, root, 100, limits);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	struct str in = str_of(xmemdup(data, n), n);

	check_message(a, in, NULL);
	check_message(a, in, &small_limits);
	free((void *)(uintptr_t)in.p);
	arena_free(&a);
	return 0;
}
