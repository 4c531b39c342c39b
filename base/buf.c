/* buf.c - string builder with a limit and a sticky error */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

#define BUF_FIRST_BYTES 64

void
buf_init(struct buf *b, struct arena *a, size_t limit_bytes)
{
	*b = (struct buf){ .limit = limit_bytes, .arena = a };
}

void
buf_free(struct buf *b)
{
	if (b->arena == NULL)
		free(b->p);
	b->p = NULL;
	b->n = b->size = 0;
}

void
buf_clear(struct buf *b)
{
	b->n = 0;
	b->failed = false;
}

bool
buf_ok(const struct buf *b)
{
	return !b->failed;
}

struct str
buf_str(const struct buf *b)
{
	return (struct str){ b->p != NULL ? b->p : "", b->n };
}

/* Room for n more bytes and a NUL, which the limit does not count. */
static void
buf_grow(struct buf *b, size_t n)
{
	size_t need, size = b->size != 0 ? b->size : BUF_FIRST_BYTES;
	char *p;

	if (__builtin_add_overflow(b->n, n, &need) || need >= SIZE_MAX / 2)
		panic("a buffer of %zu and %zu more bytes", b->n, n);
	need++;
	if (need <= b->size)
		return;
	while (size < need)
		size *= 2;
	if (b->arena == NULL) {
		b->p = xrealloc(b->p, size, 1);
	} else {
		p = arena_alloc(b->arena, size);
		if (b->n > 0)
			memcpy(p, b->p, b->n);
		b->p = p;
	}
	b->size = size;
}

/* How much of n fits; less than n is the failure. */
static size_t
buf_fit(struct buf *b, size_t n)
{
	if (b->failed)
		return 0;
	if (n > b->limit - b->n) {
		b->failed = true;
		n = b->limit - b->n;
	}
	if (n > 0)
		buf_grow(b, n);
	return n;
}

const char *
buf_cstr(struct buf *b)
{
	if (b->n == 0)
		return "";
	buf_grow(b, 0);
	b->p[b->n] = '\0';
	return b->p;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	n = buf_fit(b, n);
	if (n == 0)
		return;
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void
buf_str_add(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

void
buf_c(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	buf_add(b, digits + at, sizeof(digits) - at);
}

void
buf_hex(struct buf *b, const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *c = p;

	for (size_t i = 0; i < n; i++) {
		char two[2] = { digits[c[i] >> 4], digits[c[i] & 15] };

		buf_add(b, two, 2);
	}
}

void
buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	size_t fit;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		panic("vsnprintf refuses \"%s\"", fmt);
	fit = buf_fit(b, (size_t)n);
	if (fit > 0) {
		/* The byte behind is the NUL that buf_grow made room for. */
		vsnprintf(b->p + b->n, fit + 1, fmt, again);
		b->n += fit;
	}
	va_end(again);
}

static void
buf_le(struct buf *b, uint64_t v, size_t n)
{
	unsigned char bytes[8];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)(v >> 8 * i);
	buf_add(b, bytes, n);
}

void
buf_le16(struct buf *b, uint16_t v)
{
	buf_le(b, v, 2);
}

void
buf_le32(struct buf *b, uint32_t v)
{
	buf_le(b, v, 4);
}

void
buf_le64(struct buf *b, uint64_t v)
{
	buf_le(b, v, 8);
}

void *
buf_space(struct buf *b, size_t n)
{
	char *p;

	if (b->failed || n > b->limit - b->n) {
		b->failed = true;
		return NULL;
	}
	buf_grow(b, n);
	p = b->p + b->n;
	b->n += n;
	return memset(p, 0, n);
}
