/* arena.h - memory that is freed all at once */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

/*
 * One arena per task and one per session.  Nothing in an arena is freed alone;
 * loops mark and rewind.  Allocation never fails: out of memory, or more than
 * the arena's limit, aborts the process with a sentence (sizes that the network
 * or the disk claims are bounded by the caller before they get here).  Under
 * ASan what was rewound is poisoned.
 */
struct arena;

struct arena_mark {
	void *block;
	size_t used, total;
};

/* limit_bytes 0: ARENA_LIMIT_DEFAULT. */
#define ARENA_LIMIT_DEFAULT (256UL << 20)
struct arena *arena_new(size_t limit_bytes);
void arena_free(struct arena **a);

/* Zeroed, aligned to 16. */
void *arena_alloc(struct arena *a, size_t n);
/* n * size with overflow checked. */
void *arena_array(struct arena *a, size_t n, size_t size);
void *arena_memdup(struct arena *a, const void *p, size_t n);
/* NUL-terminated copies. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_cstr(struct arena *a, struct str s);
struct str arena_str(struct arena *a, struct str s);
char *arena_printf(struct arena *a, const char *fmt, ...) printf_like(2, 3);

struct arena_mark arena_mark(struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark m);
/* Bytes handed out since arena_new (after rewinds). */
size_t arena_used(const struct arena *a);

#define arena_new_obj(a, type) ((type *)arena_alloc((a), sizeof(type)))

/* Heap with the same out-of-memory rule; freed with free(). */
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size);
void *xmemdup(const void *p, size_t n);
char *xstrdup(const char *s);

#endif
