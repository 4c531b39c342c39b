/* fuzz_imap_message.c - FETCH and SEARCH: their arguments, over a message */
#include <stdlib.h>

#include "base/err.h"
#include "mime/parser.h"
#include "server/imap/imap_body.h"
#include "server/imap/imap_envelope.h"
#include "server/imap/imap_fetch_parse.h"
#include "server/imap/imap_search.h"
#include "server/imap/imap_structure.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

/*
 * The input: what is behind FETCH or SEARCH, a NUL, a message.
 */

/* s begins with a string: its end. */
static size_t
skip_string(struct str s)
{
	size_t i = 1, n = 0;

	if (s.p[0] == '"') {
		for (; s.p[i] != '"'; i++) {
			i += s.p[i] == '\\';
			invariant(i + 1 < s.n && s.p[i] != '\r' &&
				  s.p[i] != '\n' && s.p[i] > 0);
		}
		return i + 1;
	}
	for (; s.p[i] != '}'; i++) {
		invariant(s.p[i] >= '0' && s.p[i] <= '9');
		n = n * 10 + (size_t)(s.p[i] - '0');
	}
	invariant(str_starts(str_sub(s, i, s.n), STR("}\r\n")));
	invariant(i + 3 + n <= s.n);
	return i + 3 + n;
}

/* One list in parentheses, whole, of printable characters and strings. */
static void
check_list(struct str s)
{
	unsigned depth = 0;

	invariant(s.n > 0 && s.p[0] == '(');
	for (size_t i = 0; i < s.n;) {
		char c = s.p[i];

		if (c == '"' || c == '{') {
			i += skip_string(str_sub(s, i, s.n));
			continue;
		}
		invariant(c >= ' ' && c < 127);
		depth += c == '(';
		depth -= c == ')';
		i++;
		invariant(depth > 0 || i == s.n);
	}
	invariant(depth == 0);
}

static void
fetch(struct arena *a, struct str args, struct str message,
    const struct mime_part *root)
{
	struct imap_fetch f;
	struct imap_in in;
	struct buf b;

	imap_in_init(&in, a, args);
	if (!imap_fetch_parse(&in, &f)) {
		invariant(in.bad != NULL);
		return;
	}
	invariant(f.items != 0 || f.sections_n > 0);
	for (unsigned i = 0; i < f.sections_n; i++) {
		const struct imap_section *s = &f.sections[i];
		struct imap_range64 r;
		uint64_t from, bytes;

		invariant(s->label.n > 0);
		if (!imap_section_find(root, s, &r))
			continue;
		invariant(r.from <= r.to && r.to <= message.n);
		bytes = imap_section_clip(s, r.to - r.from, &from);
		invariant(from + bytes <= r.to - r.from);
		if (!imap_section_is_fields(s))
			continue;
		buf_init(&b, a, 64 << 20);
		imap_section_fields(&b, s,
		    str_sub(message, r.from, r.to - r.from));
		invariant(buf_ok(&b) && str_ends(buf_str(&b), STR("\r\n")));
	}
}

static enum imap_tri
look(struct imap_searcher *sr, const struct imap_search_subject *sub,
    struct str message, const struct mime_part *root,
    const struct mime_packed *packed)
{
	imap_search_begin(sr);
	if (packed != NULL) {
		imap_search_pack(sr, packed);
		if (imap_search_eval(sr->s, sub) != IMAP_MAYBE)
			return imap_search_eval(sr->s, sub);
	}
	imap_search_header(sr, str_sub(message, 0, root->body_start));
	for (const struct mime_part *p = root;
	     p != NULL && imap_search_wants_body(sr); p = mime_part_next(p)) {
		struct imap_decoder d;

		if (p != root)
			imap_search_inner_header(sr,
			    str_sub(message, p->header_start,
				p->body_start - p->header_start));
		if (!imap_search_reads(p))
			continue;
		imap_search_part(sr, &d, p);
		imap_decoder_feed(&d,
		    str_sub(message, p->body_start, mime_part_octets(p)));
		imap_decoder_end(&d);
		imap_search_found(sr);
	}
	imap_search_finish(sr);
	return imap_search_eval(sr->s, sub);
}

/* With the pack and without it the answer is the same. */
static void
search(struct arena *a, struct str args, struct str message,
    const struct mime_part *root, const struct mime_packed *packed)
{
	struct message m = { .uid = 7, .bytes = message.n, .modseq = 3 };
	struct imap_search_subject sub = { .m = &m, .seq = 2 };
	struct imap_searcher sr;
	struct imap_search s;
	struct imap_in in;
	enum imap_tri is;

	imap_in_init(&in, a, args);
	if (!imap_search_parse(&in, &s)) {
		invariant(in.bad != NULL);
		return;
	}
	invariant(in.depth == 0);
	imap_searcher_init(&sr, &s, a, 3, 9);
	is = look(&sr, &sub, message, root, NULL);
	invariant(is != IMAP_MAYBE);
	invariant(is == look(&sr, &sub, message, root, packed));
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	struct str in = str_of(xmemdup(data, n), n), args, message;
	ptrdiff_t nul = str_chr(in, '\0');
	struct mime_part *root;
	struct mime_packed packed;
	struct buf b;

	args = nul < 0 ? in : str_sub(in, 0, (size_t)nul);
	message = nul < 0 ? STR("") : str_sub(in, (size_t)nul + 1, in.n);
	root = mime_parse(a, message, NULL);
	invariant(mime_unpack(a, mime_pack(a, root, 0), NULL, &packed) == NULL);
	buf_init(&b, a, 64 << 20);
	imap_envelope_put(&b, root->envelope);
	check_list(buf_str(&b));
	for (unsigned extended = 0; extended < 2; extended++) {
		buf_clear(&b);
		imap_structure_put(&b, root, extended != 0);
		invariant(buf_ok(&b));
		check_list(buf_str(&b));
	}
	fetch(a, args, message, root);
	search(a, args, message, root, &packed);
	free((void *)(uintptr_t)in.p);
	arena_free(&a);
	return 0;
}
