/* crypto.c - hashes, MACs, sealing: the storage side's door to OpenSSL */
#include "base/crypto.h"

#include <limits.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define CRYPTO_NONCE_BYTES 12
#define CRYPTO_TAG_BYTES 16

/* OpenSSL fails here only for want of memory or of the algorithm. */
#define crypto_must(c)                                                         \
	((c) ? (void)0                                                         \
	     : err_panic(__FILE__, __LINE__, "OpenSSL refuses %s", #c))

void
crypto_sha256(const void *p, size_t n, unsigned char out_r[32])
{
	crypto_must(EVP_Digest(p, n, out_r, NULL, EVP_sha256(), NULL));
}

struct crypto_sha256_ctx {
	EVP_MD_CTX *md;
};

struct crypto_sha256_ctx *
crypto_sha256_new(void)
{
	struct crypto_sha256_ctx *c = xcalloc(1, sizeof(*c));

	c->md = EVP_MD_CTX_new();
	crypto_must(c->md != NULL);
	crypto_must(EVP_DigestInit_ex(c->md, EVP_sha256(), NULL));
	return c;
}

void
crypto_sha256_add(struct crypto_sha256_ctx *c, const void *p, size_t n)
{
	crypto_must(EVP_DigestUpdate(c->md, p, n));
}

void
crypto_sha256_end(struct crypto_sha256_ctx **c, unsigned char out_r[32])
{
	if (*c == NULL)
		return;
	crypto_must(EVP_DigestFinal_ex((*c)->md, out_r, NULL));
	EVP_MD_CTX_free((*c)->md);
	free(*c);
	*c = NULL;
}

void
crypto_hmac_sha256(const void *key, size_t key_n, const void *p, size_t n,
    unsigned char out_r[32])
{
	invariant(key_n <= INT_MAX);
	/* A NULL key would mean "the key of the last call". */
	crypto_must(HMAC(EVP_sha256(), key_n > 0 ? key : "", (int)key_n, p, n,
	    out_r, NULL));
}

void
crypto_pbkdf2_sha256(struct str password, struct str salt, unsigned iterations,
    unsigned char out_r[32])
{
	invariant(password.n <= INT_MAX && salt.n <= INT_MAX &&
		  iterations <= INT_MAX);
	crypto_must(PKCS5_PBKDF2_HMAC(password.n > 0 ? password.p : "",
	    (int)password.n, (const unsigned char *)salt.p, (int)salt.n,
	    (int)iterations, EVP_sha256(), 32, out_r));
}

/* RFC 5869 without salt; one block is all we take. */
void
crypto_derive(const unsigned char key[32], struct str label,
    unsigned char out_r[32])
{
	static const unsigned char no_salt[32];
	unsigned char prk[32], info[256];

	invariant(label.n < sizeof(info));
	crypto_hmac_sha256(no_salt, sizeof(no_salt), key, 32, prk);
	if (label.n > 0)
		memcpy(info, label.p, label.n);
	info[label.n] = 1;
	crypto_hmac_sha256(prk, sizeof(prk), info, label.n + 1, out_r);
	crypto_wipe(prk, sizeof(prk));
}

struct str
crypto_seal(struct arena *a, const unsigned char key[32], struct str ad,
    struct str clear, const struct rnd *r)
{
	unsigned char *out;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;

	invariant(clear.n <= INT_MAX - CRYPTO_SEAL_OVERHEAD && ad.n <= INT_MAX);
	crypto_must(c != NULL);
	out = arena_alloc(a, clear.n + CRYPTO_SEAL_OVERHEAD);
	r->fill(r->arg, out, CRYPTO_NONCE_BYTES);
	crypto_must(EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, out));
	if (ad.n > 0)
		crypto_must(EVP_EncryptUpdate(c, NULL, &n,
		    (const unsigned char *)ad.p, (int)ad.n));
	if (clear.n > 0)
		crypto_must(EVP_EncryptUpdate(c, out + CRYPTO_NONCE_BYTES, &n,
		    (const unsigned char *)clear.p, (int)clear.n));
	crypto_must(
	    EVP_EncryptFinal_ex(c, out + CRYPTO_NONCE_BYTES + clear.n, &n));
	crypto_must(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG,
	    CRYPTO_TAG_BYTES, out + CRYPTO_NONCE_BYTES + clear.n));
	EVP_CIPHER_CTX_free(c);
	return str_of(out, clear.n + CRYPTO_SEAL_OVERHEAD);
}

/* False when the tag does not fit. */
static bool
crypto_unseal(const unsigned char key[32], struct str ad, struct str sealed,
    unsigned char *clear)
{
	const unsigned char *in = (const unsigned char *)sealed.p;
	size_t clear_n = sealed.n - CRYPTO_SEAL_OVERHEAD;
	unsigned char tag[CRYPTO_TAG_BYTES];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	bool fits;
	int n;

	crypto_must(c != NULL);
	memcpy(tag, in + CRYPTO_NONCE_BYTES + clear_n, sizeof(tag));
	crypto_must(EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, in));
	if (ad.n > 0)
		crypto_must(EVP_DecryptUpdate(c, NULL, &n,
		    (const unsigned char *)ad.p, (int)ad.n));
	if (clear_n > 0)
		crypto_must(EVP_DecryptUpdate(c, clear, &n,
		    in + CRYPTO_NONCE_BYTES, (int)clear_n));
	crypto_must(
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, sizeof(tag), tag));
	fits = EVP_DecryptFinal_ex(c, clear + clear_n, &n) == 1;
	EVP_CIPHER_CTX_free(c);
	return fits;
}

struct err *
crypto_open(struct arena *a, const unsigned char key[32], struct str ad,
    struct str sealed, struct str *clear_r)
{
	unsigned char *clear;
	size_t clear_n;

	if (sealed.n < CRYPTO_SEAL_OVERHEAD || sealed.n > INT_MAX ||
	    ad.n > INT_MAX)
		return err_new(a, ERR_CORRUPT, "a sealed value is damaged",
		    "%zu bytes", sealed.n);
	clear_n = sealed.n - CRYPTO_SEAL_OVERHEAD;
	clear = arena_alloc(a, clear_n + 1);
	if (!crypto_unseal(key, ad, sealed, clear)) {
		crypto_wipe(clear, clear_n);
		return err_new(a, ERR_CORRUPT,
		    "a sealed value does not fit its key or place",
		    "the tag of %zu bytes differs", sealed.n);
	}
	*clear_r = str_of(clear, clear_n);
	return NULL;
}

bool
crypto_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void
crypto_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}
