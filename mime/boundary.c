/* boundary.c - the boundaries of the multiparts that are open */
#include "mime/boundary.h"

void
mime_boundaries_init(struct mime_boundaries *b, struct arena *a, unsigned size,
    size_t longest)
{
	b->v = arena_array(a, size, sizeof(*b->v));
	b->n = 0;
	b->size = size;
	b->longest = longest;
}

/* FNV-1a: a mail can be made to collide, which costs a comparison of bytes. */
static uint32_t
boundary_hash(struct str s)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619U;
	return h;
}

static struct str
boundary_trim(struct str s)
{
	while (s.n > 0) {
		char c = s.p[s.n - 1];

		if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
			break;
		s.n--;
	}
	return s;
}

bool
mime_boundaries_push(struct mime_boundaries *b, struct str text, unsigned level)
{
	text = boundary_trim(text);
	if (text.n == 0 || text.n > b->longest || b->n == b->size)
		return false;
	b->v[b->n++] = (struct mime_boundary){
		.text = text,
		.hash = boundary_hash(text),
		.level = level,
	};
	return true;
}

void
mime_boundaries_cut(struct mime_boundaries *b, unsigned level)
{
	while (b->n > 0 && b->v[b->n - 1].level >= level)
		b->n--;
}

bool
mime_boundaries_find(const struct mime_boundaries *b, struct str line,
    unsigned *level_r, bool *last_r)
{
	struct str whole, last = STR_NONE;
	uint32_t whole_hash, last_hash = 0;

	if (b->n == 0 || line.n < 3 || line.p[0] != '-' || line.p[1] != '-')
		return false;
	whole = boundary_trim(str_sub(line, 2, line.n));
	if (whole.n == 0 || whole.n > b->longest + 2)
		return false;
	whole_hash = boundary_hash(whole);
	if (str_ends(whole, STR("--"))) {
		last = str_sub(whole, 0, whole.n - 2);
		last_hash = boundary_hash(last);
	}
	for (unsigned i = b->n; i-- > 0;) {
		const struct mime_boundary *at = &b->v[i];

		*last_r = last.n > 0 && at->hash == last_hash &&
			  str_eq(at->text, last);
		if (*last_r ||
		    (at->hash == whole_hash && str_eq(at->text, whole))) {
			*level_r = at->level;
			return true;
		}
	}
	return false;
}
