/* crypto_pk.c - signatures of public keys: RSA and Ed25519 over SHA-256 */
#include "base/crypto_pk.h"

#include <limits.h>
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

struct crypto_pk {
	EVP_PKEY *key;
	enum crypto_pk_kind kind;
};

/* OpenSSL fails here only for want of memory or of the algorithm. */
#define crypto_pk_must(c)                                                      \
	((c) ? (void)0                                                         \
	     : err_panic(__FILE__, __LINE__, "OpenSSL refuses %s", #c))

/* Verifying takes as long as the exponent is large; everybody's has 17 bits.
 * OpenSSL itself has this limit for larger keys. */
#define CRYPTO_PK_EXPONENT_BITS 64

static bool
crypto_pk_is_bounded(EVP_PKEY *key, int id)
{
	BIGNUM *e = NULL;
	bool ok;

	if (EVP_PKEY_get_bits(key) > CRYPTO_PK_RSA_MAX)
		return false;
	if (id != EVP_PKEY_RSA)
		return true;
	ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) &&
	     BN_num_bits(e) <= CRYPTO_PK_EXPONENT_BITS;
	BN_free(e);
	return ok;
}

/* Takes key over; NULL when it is of another kind, or too large. */
static struct crypto_pk *
crypto_pk_new(EVP_PKEY *key)
{
	struct crypto_pk *k;
	int id = EVP_PKEY_get_base_id(key);

	if ((id != EVP_PKEY_RSA && id != EVP_PKEY_ED25519) ||
	    !crypto_pk_is_bounded(key, id)) {
		EVP_PKEY_free(key);
		return NULL;
	}
	k = xcalloc(1, sizeof(*k));
	k->key = key;
	k->kind = id == EVP_PKEY_RSA ? CRYPTO_PK_RSA : CRYPTO_PK_ED25519;
	return k;
}

void
crypto_pk_free(struct crypto_pk **k)
{
	if (*k == NULL)
		return;
	EVP_PKEY_free((*k)->key);
	free(*k);
	*k = NULL;
}

static int
crypto_pk_no_password(char *p, int n, int rw, void *arg)
{
	(void)p;
	(void)n;
	(void)rw;
	(void)arg;
	return -1;
}

struct err *
crypto_pk_of_pem(struct arena *a, struct str pem, struct crypto_pk **k_r)
{
	EVP_PKEY *key = NULL;
	BIO *in;

	*k_r = NULL;
	if (pem.n > 0 && pem.n <= INT_MAX) {
		in = BIO_new_mem_buf(pem.p, (int)pem.n);
		crypto_pk_must(in != NULL);
		key = PEM_read_bio_PrivateKey(in, NULL, crypto_pk_no_password,
		    NULL);
		BIO_free(in);
	}
	ERR_clear_error();
	if (key == NULL)
		return err_new(a, ERR_INVALID,
		    "this is no unencrypted private key in PEM", NULL);
	*k_r = crypto_pk_new(key);
	if (*k_r == NULL)
		return err_new(a, ERR_INVALID,
		    "the key is neither RSA of at most 8192 bits nor Ed25519",
		    NULL);
	return NULL;
}

struct crypto_pk *
crypto_pk_of_public(enum crypto_pk_kind kind, struct str bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	struct crypto_pk *k;
	EVP_PKEY *key;

	/* 8192 bits take 1 KiB, and the exponent as much at most. */
	if (bytes.n == 0 || bytes.n > 4 * CRYPTO_PK_RSA_MAX / 8)
		return NULL;
	if (kind == CRYPTO_PK_ED25519) {
		if (bytes.n != CRYPTO_PK_ED25519_BYTES)
			return NULL;
		key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, p,
		    bytes.n);
	} else {
		key = d2i_PUBKEY(NULL, &p, (long)bytes.n);
		if (key == NULL) {
			p = (const unsigned char *)bytes.p;
			key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p,
			    (long)bytes.n);
		}
	}
	ERR_clear_error();
	k = key != NULL ? crypto_pk_new(key) : NULL;
	if (k != NULL && k->kind != kind)
		crypto_pk_free(&k);
	return k;
}

struct crypto_pk *
crypto_pk_generate(enum crypto_pk_kind kind, unsigned bits)
{
	EVP_PKEY *key;

	if (kind == CRYPTO_PK_RSA)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
	else
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	crypto_pk_must(key != NULL);
	return crypto_pk_new(key);
}

enum crypto_pk_kind
crypto_pk_kind(const struct crypto_pk *k)
{
	return k->kind;
}

unsigned
crypto_pk_bits(const struct crypto_pk *k)
{
	return (unsigned)EVP_PKEY_get_bits(k->key);
}

struct str
crypto_pk_pem(struct arena *a, const struct crypto_pk *k)
{
	BIO *out = BIO_new(BIO_s_secmem());
	struct str pem;
	char *p;
	long n;

	crypto_pk_must(out != NULL);
	crypto_pk_must(
	    PEM_write_bio_PrivateKey(out, k->key, NULL, NULL, 0, NULL, NULL));
	n = BIO_get_mem_data(out, &p);
	pem = arena_str(a, str_of(p, (size_t)n));
	BIO_free(out);
	return pem;
}

struct str
crypto_pk_public(struct arena *a, const struct crypto_pk *k)
{
	unsigned char raw[CRYPTO_PK_ED25519_BYTES], *der = NULL;
	size_t raw_n = sizeof(raw);
	struct str bytes;
	int n;

	if (k->kind == CRYPTO_PK_ED25519) {
		crypto_pk_must(
		    EVP_PKEY_get_raw_public_key(k->key, raw, &raw_n));
		return arena_str(a, str_of(raw, raw_n));
	}
	n = i2d_PUBKEY(k->key, &der);
	crypto_pk_must(n > 0);
	bytes = arena_str(a, str_of(der, (size_t)n));
	OPENSSL_free(der);
	return bytes;
}

static bool
crypto_pk_sign_rsa(EVP_PKEY *key, const unsigned char digest[32],
    unsigned char *out, size_t *n)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	bool ok = c != NULL && EVP_PKEY_sign_init(c) > 0 &&
		  EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) > 0 &&
		  EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) > 0 &&
		  EVP_PKEY_sign(c, out, n, digest, 32) > 0;

	EVP_PKEY_CTX_free(c);
	return ok;
}

static bool
crypto_pk_sign_ed25519(EVP_PKEY *key, const unsigned char digest[32],
    unsigned char *out, size_t *n)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = c != NULL && EVP_DigestSignInit(c, NULL, NULL, NULL, key) &&
		  EVP_DigestSign(c, out, n, digest, 32);

	EVP_MD_CTX_free(c);
	return ok;
}

struct err *
crypto_pk_sign(struct arena *a, const struct crypto_pk *k,
    const unsigned char digest[32], struct str *signature_r)
{
	size_t n = (size_t)EVP_PKEY_get_size(k->key);
	unsigned char *out = arena_alloc(a, n);
	bool ok = k->kind == CRYPTO_PK_RSA
		      ? crypto_pk_sign_rsa(k->key, digest, out, &n)
		      : crypto_pk_sign_ed25519(k->key, digest, out, &n);

	ERR_clear_error();
	/* An RSA key of a few bits cannot even hold the digest. */
	if (!ok)
		return err_new(a, ERR_INVALID, "the key cannot sign", NULL);
	*signature_r = str_of(out, n);
	return NULL;
}

static bool
crypto_pk_verify_rsa(EVP_PKEY *key, const unsigned char digest[32],
    struct str signature)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	bool ok = c != NULL && EVP_PKEY_verify_init(c) > 0 &&
		  EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) > 0 &&
		  EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) > 0 &&
		  EVP_PKEY_verify(c, (const unsigned char *)signature.p,
		      signature.n, digest, 32) == 1;

	EVP_PKEY_CTX_free(c);
	return ok;
}

static bool
crypto_pk_verify_ed25519(EVP_PKEY *key, const unsigned char digest[32],
    struct str signature)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = c != NULL && EVP_DigestVerifyInit(c, NULL, NULL, NULL, key) &&
		  EVP_DigestVerify(c, (const unsigned char *)signature.p,
		      signature.n, digest, 32) == 1;

	EVP_MD_CTX_free(c);
	return ok;
}

bool
crypto_pk_verify(const struct crypto_pk *k, const unsigned char digest[32],
    struct str signature)
{
	bool ok = k->kind == CRYPTO_PK_RSA
		      ? crypto_pk_verify_rsa(k->key, digest, signature)
		      : crypto_pk_verify_ed25519(k->key, digest, signature);

	ERR_clear_error();
	return ok;
}
