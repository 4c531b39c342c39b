/* uidset.c - sets of UIDs, as ranges */
#include "storage/uidset.h"

#include <stdlib.h>

void
uidset_init(struct uidset *s, struct arena *a)
{
	*s = (struct uidset){ .arena = a };
}

static void
uidset_push(struct uidset *s, uint32_t lo, uint32_t hi)
{
	struct uid_range *r;

	if (s->n == s->size) {
		s->size = s->size == 0 ? 8 : s->size * 2;
		r = arena_array(s->arena, s->size, sizeof(*r));
		if (s->n > 0)
			memcpy(r, s->r, s->n * sizeof(*r));
		s->r = r;
	}
	s->r[s->n++] = (struct uid_range){ lo, hi };
}

void
uidset_add_range(struct uidset *s, uint32_t lo, uint32_t hi)
{
	struct uid_range *last = s->n > 0 ? &s->r[s->n - 1] : NULL;

	if (lo > hi) {
		uint32_t x = lo;

		lo = hi;
		hi = x;
	}
	if (lo == 0)
		lo = 1;
	if (hi == 0)
		return;
	/* rising order, the usual case, needs no sorting afterwards */
	if (last != NULL && lo >= last->lo && lo - 1 <= last->hi) {
		if (hi > last->hi)
			last->hi = hi;
		return;
	}
	uidset_push(s, lo, hi);
}

void
uidset_add(struct uidset *s, uint32_t uid)
{
	uidset_add_range(s, uid, uid);
}

static int
uidset_cmp(const void *a, const void *b)
{
	const struct uid_range *x = a, *y = b;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	return x->hi < y->hi ? -1 : x->hi > y->hi;
}

void
uidset_sort(struct uidset *s)
{
	uint32_t out = 0;

	if (s->n < 2)
		return;
	qsort(s->r, s->n, sizeof(*s->r), uidset_cmp);
	for (uint32_t i = 1; i < s->n; i++) {
		if (s->r[i].lo - 1 <= s->r[out].hi) {
			if (s->r[i].hi > s->r[out].hi)
				s->r[out].hi = s->r[i].hi;
		} else
			s->r[++out] = s->r[i];
	}
	s->n = out + 1;
}

bool
uidset_has(const struct uidset *s, uint32_t uid)
{
	uint32_t lo = 0, hi = s->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (s->r[mid].hi < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n && s->r[lo].lo <= uid;
}

uint64_t
uidset_count(const struct uidset *s)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < s->n; i++)
		n += (uint64_t)s->r[i].hi - s->r[i].lo + 1;
	return n;
}

void
uidset_format(struct buf *b, const struct uidset *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (i > 0)
			buf_char(b, '.');
		buf_u64(b, s->r[i].lo);
		if (s->r[i].hi != s->r[i].lo) {
			buf_char(b, ':');
			buf_u64(b, s->r[i].hi);
		}
	}
}

bool
uidset_parse(struct uidset *s, struct str text)
{
	struct str piece, lo_text;
	uint32_t lo, hi, last = 0;

	if (text.n == 0)
		return false;
	while (str_split(&text, '.', &piece)) {
		ptrdiff_t colon = str_chr(piece, ':');

		lo_text = colon < 0 ? piece : str_sub(piece, 0, (size_t)colon);
		if (!str_u32(lo_text, &lo))
			return false;
		hi = lo;
		if (colon >= 0 &&
		    !str_u32(str_sub(piece, (size_t)colon + 1, piece.n), &hi))
			return false;
		if (lo <= last || hi < lo)
			return false;
		uidset_push(s, lo, hi);
		last = hi;
	}
	return s->n > 0;
}
