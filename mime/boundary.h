/* boundary.h - the boundaries of the multiparts that are open */
#ifndef MIME_BOUNDARY_H
#define MIME_BOUNDARY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/*
 * A delimiter is a line "--boundary", a last one "--boundary--", either with
 * blanks behind (RFC 2046, 5.1.1).  The whole line must match: the RFC lets a
 * parser be content with the beginning, but senders nest "Part_1" around
 * "Part_10".  Equal boundaries: the innermost wins.
 *
 * A line costs its hash (of at most the longest boundary's length) and one
 * comparison of numbers per open multipart, whatever the boundaries look like.
 */
struct mime_boundaries {
	struct mime_boundary {
		struct str text;
		uint32_t hash;
		unsigned level;
	} * v;
	unsigned n, size;
	size_t longest;
};

/* Room for size boundaries of at most longest bytes. */
void mime_boundaries_init(struct mime_boundaries *b, struct arena *a,
    unsigned size, size_t longest);
/* Blanks at its end are cut.  False, and nothing done, if it is then empty or
 * too long, or there is no room.  text must stay. */
bool mime_boundaries_push(struct mime_boundaries *b, struct str text,
    unsigned level);
/* Forget those of this level and deeper. */
void mime_boundaries_cut(struct mime_boundaries *b, unsigned level);
/* Which open multipart does the line (with or without its line end) delimit? */
bool mime_boundaries_find(const struct mime_boundaries *b, struct str line,
    unsigned *level_r, bool *last_r);

#endif
