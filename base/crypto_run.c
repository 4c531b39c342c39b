/* crypto_run.c - SHA-256 with its state in the caller's memory */

/* EVP has no digest whose state could be kept in an arena: the plain functions,
 * deprecated since 3.0 and the same code underneath, do. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/crypto_pk.h"

#include <openssl/sha.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct crypto_sha256_run),
    "the state fits");

void
crypto_sha256_run_init(struct crypto_sha256_run *r)
{
	SHA256_Init((SHA256_CTX *)(void *)r->state);
}

void
crypto_sha256_run_add(struct crypto_sha256_run *r, const void *p, size_t n)
{
	SHA256_Update((SHA256_CTX *)(void *)r->state, p, n);
}

void
crypto_sha256_run_digest(const struct crypto_sha256_run *r,
    unsigned char out_r[32])
{
	struct crypto_sha256_run copy = *r;

	SHA256_Final(out_r, (SHA256_CTX *)(void *)copy.state);
}
