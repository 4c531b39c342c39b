/* totp.c - one-time codes of authenticator programs: the door to liboath */
#include "server/auth/totp.h"

#include <stdlib.h>

#include <liboath/oath.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/err.h"

#define TOTP_ISSUER "Shoal"

static const char totp_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

struct str
totp_secret(struct arena *a, const struct rnd *r)
{
	char *text = arena_alloc(a, TOTP_SECRET_CHARS + 1);
	unsigned char b[TOTP_SECRET_CHARS];

	/* 32 digits of 5 bits are as many bits as 20 bytes have */
	r->fill(r->arg, b, sizeof(b));
	for (unsigned i = 0; i < TOTP_SECRET_CHARS; i++)
		text[i] = totp_digits[b[i] & 31];
	crypto_wipe(b, sizeof(b));
	return str_of(text, TOTP_SECRET_CHARS);
}

/* Six digits; false: it is no such thing. */
static bool
totp_code(struct str code, char out[TOTP_DIGITS + 1])
{
	unsigned n = 0;

	for (size_t i = 0; i < code.n; i++) {
		if (code.p[i] == ' ')
			continue;
		if (code.p[i] < '0' || code.p[i] > '9' || n == TOTP_DIGITS)
			return false;
		out[n++] = code.p[i];
	}
	out[n] = '\0';
	return n == TOTP_DIGITS;
}

/* All steps are looked at, whichever it is. */
static bool
totp_steps(const char *key, size_t key_n, const char code[TOTP_DIGITS + 1],
    int64_t now_s, uint64_t last_step, uint64_t *step_r)
{
	uint64_t now = (uint64_t)now_s / TOTP_STEP_S;
	char right[TOTP_DIGITS + 1];
	bool found = false;

	for (uint64_t s = now - TOTP_STEPS_AROUND; s <= now + TOTP_STEPS_AROUND;
	     s++) {
		if (oath_totp_generate(key, key_n, (time_t)(s * TOTP_STEP_S),
			TOTP_STEP_S, 0, TOTP_DIGITS, right) != OATH_OK)
			panic("liboath makes no code");
		if (!crypto_equal(right, code, TOTP_DIGITS) || s <= last_step)
			continue;
		found = true;
		*step_r = s;
	}
	crypto_wipe(right, sizeof(right));
	return found;
}

bool
totp_is(struct str secret, struct str code, int64_t now_s, uint64_t last_step,
    uint64_t *step_r)
{
	char digits[TOTP_DIGITS + 1], *key;
	size_t key_n;
	bool is;

	if (now_s < 2 * TOTP_STEP_S || secret.n == 0 ||
	    !totp_code(code, digits) || oath_init() != OATH_OK ||
	    oath_base32_decode(secret.p, secret.n, &key, &key_n) != OATH_OK)
		return false;
	is = totp_steps(key, key_n, digits, now_s, last_step, step_r);
	crypto_wipe(key, key_n);
	free(key);
	return is;
}

struct str
totp_uri(struct arena *a, struct str login, struct str secret)
{
	struct buf b;

	buf_init(&b, a, 4096);
	buf_c(&b, "otpauth://totp/" TOTP_ISSUER ":");
	for (size_t i = 0; i < login.n; i++) {
		unsigned char c = (unsigned char)login.p[i];

		if ((c >= '0' && c <= '9') ||
		    ((c | 32) >= 'a' && (c | 32) <= 'z') ||
		    strchr("@.-_", c) != NULL)
			buf_char(&b, (char)c);
		else
			buf_fmt(&b, "%%%02X", c);
	}
	buf_fmt(&b, "?secret=" STR_FMT "&issuer=" TOTP_ISSUER, STR_ARG(secret));
	return buf_str(&b);
}
