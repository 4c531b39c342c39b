/* str.c - text as pointer and length */
#include "base/str.h"

/* What str_split leaves when one empty piece is still to come. */
static const char str_one_more[1];

struct str
str_c(const char *s)
{
	if (s == NULL)
		return (struct str){ "", 0 };
	return (struct str){ s, strlen(s) };
}

bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
str_eq_c(struct str a, const char *b)
{
	return str_eq(a, str_c(b));
}

static unsigned char
str_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32)
				    : (unsigned char)c;
}

bool
str_case_eq(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (str_lower(a.p[i]) != str_lower(b.p[i]))
			return false;
	}
	return true;
}

bool
str_case_eq_c(struct str a, const char *b)
{
	return str_case_eq(a, str_c(b));
}

bool
str_case_has(struct str s, struct str part)
{
	unsigned char first = part.n > 0 ? str_lower(part.p[0]) : 0;

	for (size_t i = 0; i + part.n <= s.n; i++)
		if (part.n == 0 ||
		    (str_lower(s.p[i]) == first &&
			str_case_eq(str_sub(s, i, part.n), part)))
			return true;
	return false;
}

int
str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	if (c != 0)
		return c;
	return a.n < b.n ? -1 : a.n > b.n;
}

bool
str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_sub(s, 0, prefix.n), prefix);
}

bool
str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n &&
	       str_eq(str_sub(s, s.n - suffix.n, suffix.n), suffix);
}

ptrdiff_t
str_chr(struct str s, char c)
{
	const char *at = s.n == 0 ? NULL : memchr(s.p, c, s.n);

	return at == NULL ? -1 : at - s.p;
}

struct str
str_trim(struct str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

struct str
str_sub(struct str s, size_t from, size_t n)
{
	if (from > s.n)
		from = s.n;
	if (n > s.n - from)
		n = s.n - from;
	if (s.p == NULL)
		return STR_NONE;
	return (struct str){ s.p + from, n };
}

bool
str_split(struct str *rest, char sep, struct str *piece_r)
{
	ptrdiff_t at;

	if (rest->n == 0) {
		bool one_more = rest->p == str_one_more;

		*piece_r = STR("");
		*rest = STR_NONE;
		return one_more;
	}
	at = str_chr(*rest, sep);
	if (at < 0) {
		*piece_r = *rest;
		*rest = STR_NONE;
		return true;
	}
	*piece_r = str_sub(*rest, 0, (size_t)at);
	*rest = str_sub(*rest, (size_t)at + 1, rest->n);
	if (rest->n == 0)
		rest->p = str_one_more;
	return true;
}

bool
str_u64(struct str s, uint64_t *v_r)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = (unsigned char)s.p[i] - (unsigned)'0';

		if (d > 9 || __builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, d, &v))
			return false;
	}
	*v_r = v;
	return true;
}

bool
str_u32(struct str s, uint32_t *v_r)
{
	uint64_t v;

	if (!str_u64(s, &v) || v > UINT32_MAX)
		return false;
	*v_r = (uint32_t)v;
	return true;
}

/* 16 for anything that is no digit. */
static unsigned
str_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A' + 10);
	return 16;
}

bool
str_hex_u64(struct str s, uint64_t *v_r)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = str_hex_digit(s.p[i]);

		if (d > 15 || v >> 60 != 0)
			return false;
		v = v << 4 | d;
	}
	*v_r = v;
	return true;
}

bool
str_unhex(struct str s, void *out_r, size_t n)
{
	unsigned char *out = out_r;

	if (s.n / 2 != n || s.n % 2 != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned hi = str_hex_digit(s.p[2 * i]);
		unsigned lo = str_hex_digit(s.p[2 * i + 1]);

		if (hi > 15 || lo > 15)
			return false;
		out[i] = (unsigned char)(hi << 4 | lo);
	}
	return true;
}

uint64_t
str_hash(struct str s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < s.n; i++) {
		h ^= (unsigned char)s.p[i];
		h *= 0x100000001b3u;
	}
	return h;
}
