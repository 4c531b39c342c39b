/* crypto.h - hashes, MACs, sealing: the storage side's door to OpenSSL */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/rnd.h"
#include "base/str.h"

#define CRYPTO_SHA256_BYTES 32
#define CRYPTO_KEY_BYTES 32
/* AES-256-GCM: 12-byte random nonce in front, 16-byte tag behind. */
#define CRYPTO_SEAL_OVERHEAD 28

void crypto_sha256(const void *p, size_t n, unsigned char out_r[32]);
struct crypto_sha256_ctx;
struct crypto_sha256_ctx *crypto_sha256_new(void);
void crypto_sha256_add(struct crypto_sha256_ctx *c, const void *p, size_t n);
/* Frees the context. */
void crypto_sha256_end(struct crypto_sha256_ctx **c, unsigned char out_r[32]);

void crypto_hmac_sha256(const void *key, size_t key_n, const void *p, size_t n,
    unsigned char out_r[32]);
void crypto_pbkdf2_sha256(struct str password, struct str salt,
    unsigned iterations, unsigned char out_r[32]); /* blocking: offload */
/* HKDF-SHA256 with a label: one purpose, one key. */
void crypto_derive(const unsigned char key[32], struct str label,
    unsigned char out_r[32]);

/* ad: authenticated, not sealed (table, column and row id). */
struct str crypto_seal(struct arena *a, const unsigned char key[32],
    struct str ad, struct str clear, const struct rnd *r);
/* ERR_CORRUPT when key, ad or text do not fit. */
must_check struct err *crypto_open(struct arena *a,
    const unsigned char key[32], struct str ad, struct str sealed,
    struct str *clear_r);

bool crypto_equal(const void *a, const void *b, size_t n); /* constant time */
void crypto_wipe(void *p, size_t n);

/* CRC-32C (Castagnoli, RFC 3720 appendix B.4); seed with 0. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);

/* Base64 (RFC 4648), with padding. */
struct str base64_encode(struct arena *a, struct str in);
bool base64_decode(struct arena *a, struct str in, struct str *out_r);
/* With the alphabet of its section 5 ("-", "_"), and without padding. */
struct str base64url_encode(struct arena *a, struct str in);
bool base64url_decode(struct arena *a, struct str in, struct str *out_r);

#endif
