/* state_secret.c - random texts that are kept as a hash */
#include "base/crypto.h"
#include "storage/state_admin_private.h"

int64_t
state_generation(struct state_tx *x)
{
	return (int64_t)(rnd_u64(x->rnd) >> 12);
}

static bool
state_secret_is_base32(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') ||
			(s.p[i] >= '2' && s.p[i] <= '7')))
			return false;
	return true;
}

bool
state_secret_split(struct str text, struct str prefix, char sep,
    struct str *id_r, struct str *secret_r)
{
	*id_r = str_sub(text, prefix.n, STATE_ID_CHARS);
	*secret_r =
	    str_sub(text, prefix.n + STATE_ID_CHARS + 1, STATE_SECRET_CHARS);
	return text.n == prefix.n + STATE_ID_CHARS + 1 + STATE_SECRET_CHARS &&
	       str_starts(text, prefix) &&
	       text.p[prefix.n + STATE_ID_CHARS] == sep &&
	       state_secret_is_base32(*id_r) &&
	       state_secret_is_base32(*secret_r);
}

struct str
state_secret_make(struct state_tx *x)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char b[STATE_SECRET_CHARS];
	struct buf text;
	unsigned i;

	x->rnd->fill(x->rnd->arg, b, sizeof(b));
	buf_init(&text, x->a, sizeof(b) + 1);
	for (i = 0; i < sizeof(b); i++)
		buf_char(&text, digits[b[i] & 31]);
	crypto_wipe(b, sizeof(b));
	return buf_str(&text);
}

struct str
state_secret_hash(struct arena *a, struct str secret)
{
	unsigned char *sum = arena_alloc(a, CRYPTO_SHA256_BYTES);

	crypto_sha256(secret.p, secret.n, sum);
	return str_of(sum, CRYPTO_SHA256_BYTES);
}

bool
state_secret_is(struct str secret, struct str hash)
{
	unsigned char sum[CRYPTO_SHA256_BYTES];

	crypto_sha256(secret.p, secret.n, sum);
	return hash.n == sizeof(sum) && crypto_equal(sum, hash.p, sizeof(sum));
}
