/* arena.c - memory that is freed all at once */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/asan.h"
#include "base/err.h"

/* Blocks double from the first size to the last; larger wishes get their own
 * block.  A command that needs little costs one page. */
#define ARENA_FIRST_BYTES 4096
#define ARENA_LAST_BYTES (64 * 1024)

/* Under ASan a poisoned gap behind every piece catches overruns. */
#define ARENA_GAP_BYTES (ASAN_ON ? 16 : 0)

struct arena_block {
	struct arena_block *prev;
	size_t size, used;
	_Alignas(16) char data[];
};

struct arena {
	struct arena_block *last, *spare;
	size_t next_bytes, total, limit;
};

struct arena *
arena_new(size_t limit_bytes)
{
	struct arena *a = xcalloc(1, sizeof(*a));

	a->next_bytes = ARENA_FIRST_BYTES;
	a->limit = limit_bytes != 0 ? limit_bytes : ARENA_LIMIT_DEFAULT;
	return a;
}

static void
arena_block_free(struct arena_block *b)
{
	if (b != NULL)
		ASAN_UNPOISON(b->data, b->size);
	free(b);
}

void
arena_free(struct arena **a)
{
	struct arena_block *b, *prev;

	if (*a == NULL)
		return;
	for (b = (*a)->last; b != NULL; b = prev) {
		prev = b->prev;
		arena_block_free(b);
	}
	arena_block_free((*a)->spare);
	free(*a);
	*a = NULL;
}

static void
arena_grow(struct arena *a, size_t need)
{
	struct arena_block *b = a->spare;

	if (b != NULL && b->size >= need) {
		a->spare = NULL;
	} else {
		size_t size = need > a->next_bytes ? need : a->next_bytes;

		b = malloc(sizeof(*b) + size);
		if (b == NULL)
			panic("out of memory: %zu bytes for an arena", size);
		b->size = size;
		if (a->next_bytes < ARENA_LAST_BYTES)
			a->next_bytes *= 2;
		ASAN_POISON(b->data, b->size);
	}
	b->used = 0;
	b->prev = a->last;
	a->last = b;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	size_t need;
	char *p;

	if (n > a->limit || a->total > a->limit - n)
		panic("an arena wants %zu bytes on top of %zu, its limit is "
		      "%zu",
		    n, a->total, a->limit);
	need = (n + 15) / 16 * 16 + ARENA_GAP_BYTES;
	if (need == 0)
		need = 16;
	if (a->last == NULL || a->last->size - a->last->used < need)
		arena_grow(a, need);
	p = a->last->data + a->last->used;
	a->last->used += need;
	a->total += n;
	ASAN_UNPOISON(p, n);
	return memset(p, 0, n);
}

void *
arena_array(struct arena *a, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		panic("an array of %zu times %zu bytes", n, size);
	return arena_alloc(a, bytes);
}

void *
arena_memdup(struct arena *a, const void *p, size_t n)
{
	void *copy = arena_alloc(a, n);

	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_memdup(a, s, strlen(s) + 1);
}

char *
arena_cstr(struct arena *a, struct str s)
{
	char *copy;

	if (s.n == SIZE_MAX)
		panic("a string of SIZE_MAX bytes");
	copy = arena_alloc(a, s.n + 1);
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	return copy;
}

struct str
arena_str(struct arena *a, struct str s)
{
	return (struct str){ arena_cstr(a, s), s.n };
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *p;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		panic("vsnprintf refuses \"%s\"", fmt);
	p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}

struct arena_mark
arena_mark(struct arena *a)
{
	return (struct arena_mark){
		.block = a->last,
		.used = a->last == NULL ? 0 : a->last->used,
		.total = a->total,
	};
}

/* Keeps one ordinary block, so that a loop at a block's edge does not go to
 * malloc every time. */
static void
arena_drop(struct arena *a, struct arena_block *b)
{
	if (b->size > ARENA_LAST_BYTES ||
	    (a->spare != NULL && a->spare->size >= b->size)) {
		arena_block_free(b);
		return;
	}
	arena_block_free(a->spare);
	ASAN_POISON(b->data, b->size);
	a->spare = b;
}

void
arena_rewind(struct arena *a, struct arena_mark m)
{
	while (a->last != m.block) {
		struct arena_block *b = a->last;

		if (b == NULL)
			panic("an arena is rewound to a mark that is not its");
		a->last = b->prev;
		arena_drop(a, b);
	}
	if (a->last != NULL) {
		invariant(m.used <= a->last->used);
		ASAN_POISON(a->last->data + m.used, a->last->used - m.used);
		a->last->used = m.used;
	}
	a->total = m.total;
}

size_t
arena_used(const struct arena *a)
{
	return a->total;
}

void *
xcalloc(size_t n, size_t size)
{
	void *p = calloc(n != 0 ? n : 1, size != 0 ? size : 1);

	if (p == NULL)
		panic("out of memory: %zu times %zu bytes", n, size);
	return p;
}

void *
xrealloc(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		panic("an array of %zu times %zu bytes", n, size);
	p = realloc(p, bytes != 0 ? bytes : 1);
	if (p == NULL)
		panic("out of memory: %zu bytes", bytes);
	return p;
}

void *
xmemdup(const void *p, size_t n)
{
	void *copy = xcalloc(1, n);

	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

char *
xstrdup(const char *s)
{
	return xmemdup(s, strlen(s) + 1);
}
