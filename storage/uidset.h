/* uidset.h - sets of UIDs, as ranges */
#ifndef STORAGE_UIDSET_H
#define STORAGE_UIDSET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/*
 * Sorted, disjoint, not touching ranges of UIDs 1..2^32-1, both ends included.
 * A set lives in an arena and never holds single UIDs: 1:4294967295 costs
 * eight bytes.  Text form (entries, acknowledgements): "1:3.7.9:12", with dots
 * because commas separate the fields of an operation.
 */
struct uid_range {
	uint32_t lo, hi;
};

struct uidset {
	struct arena *arena;
	struct uid_range *r;
	uint32_t n, size;
};

void uidset_init(struct uidset *s, struct arena *a);
/* Any order; overlapping and touching ranges are merged by uidset_sort(),
 * which everything else expects unless UIDs were added in rising order. */
void uidset_add(struct uidset *s, uint32_t uid);
void uidset_add_range(struct uidset *s, uint32_t lo, uint32_t hi);
void uidset_sort(struct uidset *s);
bool uidset_has(const struct uidset *s, uint32_t uid);
/* UIDs in the set (ranges in full). */
uint64_t uidset_count(const struct uidset *s);
static inline bool
uidset_is_empty(const struct uidset *s)
{
	return s->n == 0;
}

void uidset_format(struct buf *b, const struct uidset *s);
/* False: not the text form, not rising, a zero. */
bool uidset_parse(struct uidset *s, struct str text);

#endif
