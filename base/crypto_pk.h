/* crypto_pk.h - signatures of public keys: RSA and Ed25519 over SHA-256 */
#ifndef BASE_CRYPTO_PK_H
#define BASE_CRYPTO_PK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/*
 * What DKIM needs: a signature of a SHA-256 digest.  RSA: PKCS#1 v1.5 with
 * SHA-256 (RFC 6376, 3.3.1); Ed25519: PureEdDSA of the digest's 32 bytes (RFC
 * 8463, 3).  Keys live on the heap and are freed; nothing here yields, and only
 * crypto_pk_generate() takes long.
 */
struct crypto_pk;
enum crypto_pk_kind { CRYPTO_PK_RSA, CRYPTO_PK_ED25519 };

/* With a public exponent of at most 64 bits. */
#define CRYPTO_PK_RSA_MAX 8192
#define CRYPTO_PK_ED25519_BYTES 32

/* A private key, PKCS#8 or the older forms.  Encrypted ones are refused, nobody
 * is asked for a password.  ERR_INVALID. */
must_check struct err *crypto_pk_of_pem(struct arena *a, struct str pem,
    struct crypto_pk **k_r);
/* RSA: SubjectPublicKeyInfo or RSAPublicKey, DER, to CRYPTO_PK_RSA_MAX bits;
 * Ed25519: 32 bytes (RFC 8463, 4.2).  NULL: it is none. */
struct crypto_pk *crypto_pk_of_public(enum crypto_pk_kind kind,
    struct str bytes);
/* bits: of RSA. Costs 100 ms: in the offload pool. */
struct crypto_pk *crypto_pk_generate(enum crypto_pk_kind kind, unsigned bits);
void crypto_pk_free(struct crypto_pk **k);

enum crypto_pk_kind crypto_pk_kind(const struct crypto_pk *k);
unsigned crypto_pk_bits(const struct crypto_pk *k);
/* PKCS#8; whoever has it wipes it. */
struct str crypto_pk_pem(struct arena *a, const struct crypto_pk *k);
/* As crypto_pk_of_public() takes it (SubjectPublicKeyInfo). */
struct str crypto_pk_public(struct arena *a, const struct crypto_pk *k);

must_check struct err *crypto_pk_sign(struct arena *a,
    const struct crypto_pk *k, const unsigned char digest[32],
    struct str *signature_r);
bool crypto_pk_verify(const struct crypto_pk *k, const unsigned char digest[32],
    struct str signature);

/*
 * SHA-256 whose state lives where the caller wants it, can be copied, and need
 * not be ended: what hashes a message that may break off any time keeps it in
 * its arena.
 */
struct crypto_sha256_run {
	_Alignas(8) unsigned char state[128];
};
void crypto_sha256_run_init(struct crypto_sha256_run *r);
void crypto_sha256_run_add(struct crypto_sha256_run *r, const void *p,
    size_t n);
/* Leaves *r as it is. */
void crypto_sha256_run_digest(const struct crypto_sha256_run *r,
    unsigned char out_r[32]);

#endif
