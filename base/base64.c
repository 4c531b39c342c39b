/* base64.c - RFC 4648, sections 4 and 5 */
#include "base/crypto.h"

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct str
base64_encode(struct arena *a, struct str in)
{
	const unsigned char *p = (const unsigned char *)in.p;
	size_t n = in.n, out_n = (n / 3 + (n % 3 != 0)) * 4;
	char *out = arena_array(a, n / 3 + 1, 4), *o = out;

	for (; n >= 3; n -= 3, p += 3) {
		*o++ = base64_digits[p[0] >> 2];
		*o++ = base64_digits[(p[0] & 3) << 4 | p[1] >> 4];
		*o++ = base64_digits[(p[1] & 15) << 2 | p[2] >> 6];
		*o++ = base64_digits[p[2] & 63];
	}
	if (n > 0) {
		unsigned second = n == 2 ? p[1] : 0;

		*o++ = base64_digits[p[0] >> 2];
		*o++ = base64_digits[(p[0] & 3) << 4 | second >> 4];
		*o++ = n == 2 ? base64_digits[(second & 15) << 2] : '=';
		*o++ = '=';
	}
	return str_of(out, out_n);
}

/* 64 for anything that is no digit. */
static unsigned
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0' + 52);
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/*
 * Strict: no blanks, padding required, and the bits that padding leaves unused
 * are zero, so that every value has exactly one text.
 */
bool
base64_decode(struct arena *a, struct str in, struct str *out_r)
{
	size_t pad = 0, out_n;
	unsigned char *out, *o;
	uint32_t bits = 0;

	if (in.n % 4 != 0)
		return false;
	while (pad < 2 && in.n > pad && in.p[in.n - 1 - pad] == '=')
		pad++;
	out_n = in.n / 4 * 3 - pad;
	o = out = arena_alloc(a, in.n / 4 * 3 + 1);
	for (size_t i = 0; i < in.n; i++) {
		unsigned v = i < in.n - pad ? base64_value(in.p[i]) : 0;

		if (v > 63)
			return false;
		bits = bits << 6 | v;
		if (i % 4 != 3)
			continue;
		*o++ = (unsigned char)(bits >> 16);
		*o++ = (unsigned char)(bits >> 8);
		*o++ = (unsigned char)bits;
		bits = 0;
	}
	for (size_t i = 0; i < pad; i++) {
		if (out[out_n + i] != 0)
			return false;
	}
	*out_r = str_of(out, out_n);
	return true;
}

static char
base64_swap(char c, const char *from, const char *to)
{
	return c == from[0] ? to[0] : c == from[1] ? to[1] : c;
}

struct str
base64url_encode(struct arena *a, struct str in)
{
	struct str s = base64_encode(a, in);
	char *p = (char *)(uintptr_t)s.p; /* ours */

	while (s.n > 0 && p[s.n - 1] == '=')
		s.n--;
	for (size_t i = 0; i < s.n; i++)
		p[i] = base64_swap(p[i], "+/", "-_");
	return s;
}

bool
base64url_decode(struct arena *a, struct str in, struct str *out_r)
{
	char *p = arena_alloc(a, in.n + 4);
	size_t n = in.n;

	for (size_t i = 0; i < n; i++) {
		if (base64_value(in.p[i]) > 61 && in.p[i] != '-' &&
		    in.p[i] != '_')
			return false;
		p[i] = base64_swap(in.p[i], "-_", "+/");
	}
	while (n % 4 != 0)
		p[n++] = '=';
	return base64_decode(a, str_of(p, n), out_r);
}
