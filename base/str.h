/* str.h - text as pointer and length */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Not NUL-terminated; may hold any byte; never owns what it points to. */
struct str {
	const char *p;
	size_t n;
};

#define STR(lit) ((struct str){ "" lit, sizeof(lit) - 1 })
#define STR_NONE ((struct str){ NULL, 0 })
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str
str_of(const void *p, size_t n)
{
	return (struct str){ p, n };
}

/* From a C string; NULL gives the empty string. */
struct str str_c(const char *s);
bool str_eq(struct str a, struct str b);
bool str_eq_c(struct str a, const char *b);
/* ASCII case only (protocol keywords). */
bool str_case_eq(struct str a, struct str b);
bool str_case_eq_c(struct str a, const char *b);
bool str_case_has(struct str s, struct str part); /* somewhere in it */
int str_cmp(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Position of the first c, or -1. */
ptrdiff_t str_chr(struct str s, char c);
struct str str_trim(struct str s); /* SP and HTAB */
/* Clamped sub-string. */
struct str str_sub(struct str s, size_t from, size_t n);

/*
 * Cut the piece before the first sep off *rest into *piece_r; false when *rest
 * is used up.  "a,,b" gives "a", "", "b"; "" gives nothing; "a," gives "a", "".
 */
bool str_split(struct str *rest, char sep, struct str *piece_r);

/* The whole token must be the number, without sign or blanks; false otherwise
 * or on overflow. */
bool str_u64(struct str s, uint64_t *v_r);
bool str_u32(struct str s, uint32_t *v_r);
bool str_hex_u64(struct str s, uint64_t *v_r);
/* Exactly 2n lower or upper case digits into n bytes. */
bool str_unhex(struct str s, void *out_r, size_t n);

/* FNV-1a; for hash tables of trusted size only. */
uint64_t str_hash(struct str s);

#endif
