/* buf.h - string builder with a limit and a sticky error */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/str.h"

/*
 * Appends never fail visibly: past the limit the buffer keeps what fitted and
 * remembers the failure, which is asked once at the end with buf_ok().
 * Storage comes from the arena (growing copies) or, with a NULL arena, from the
 * heap, then freed with buf_free().
 */
struct buf {
	char *p;
	size_t n, size, limit;
	struct arena *arena;
	bool failed;
};

void buf_init(struct buf *b, struct arena *a, size_t limit_bytes);
void buf_free(struct buf *b); /* wipes nothing; heap storage only */
void buf_clear(struct buf *b); /* empty, keeps storage, forgets the failure */
bool buf_ok(const struct buf *b);
struct str buf_str(const struct buf *b);
/* NUL-terminated (the NUL is not counted); "" when empty. */
const char *buf_cstr(struct buf *b);

void buf_add(struct buf *b, const void *p, size_t n);
void buf_str_add(struct buf *b, struct str s);
void buf_c(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_u64(struct buf *b, uint64_t v);
void buf_hex(struct buf *b, const void *p, size_t n); /* lower case */
void buf_fmt(struct buf *b, const char *fmt, ...) printf_like(2, 3);

/* Little-endian binary, for segments. */
void buf_le16(struct buf *b, uint16_t v);
void buf_le32(struct buf *b, uint32_t v);
void buf_le64(struct buf *b, uint64_t v);
/* Reserve n bytes, zeroed; NULL past the limit. */
void *buf_space(struct buf *b, size_t n);

static inline uint16_t
le16_get(const void *p)
{
	const unsigned char *b = p;
	return (uint16_t)(b[0] | b[1] << 8);
}
static inline uint32_t
le32_get(const void *p)
{
	const unsigned char *b = p;
	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
	    (uint32_t)b[3] << 24;
}
static inline uint64_t
le64_get(const void *p)
{
	return le32_get(p) | (uint64_t)le32_get((const char *)p + 4) << 32;
}

#endif
