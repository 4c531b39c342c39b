/* cert_rig.h - certificates for tests of TLS */
#ifndef TESTS_UNIT_CERT_RIG_H
#define TESTS_UNIT_CERT_RIG_H

#include "tests/unit/test.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "server/conf.h"

static inline struct str
cert_pem(struct arena *a, EVP_PKEY *key, X509 *x)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p;
	long n;
	struct str s;

	if (key != NULL)
		assert_int_equal(PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0,
				     NULL, NULL),
		    1);
	if (x != NULL)
		assert_int_equal(PEM_write_bio_X509(b, x), 1);
	n = BIO_get_mem_data(b, &p);
	s = arena_str(a, str_of(p, (size_t)n));
	BIO_free(b);
	return s;
}

/* names: "DNS:a,DNS:b"; NULL: only the CN. */
static inline void
cert_make(struct arena *a, const char *cn, const char *names, int days,
    struct conf_certificate *c_r)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	X509_EXTENSION *ext;
	X509V3_CTX ctx;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	X509_time_adj_ex(X509_getm_notBefore(x), days > 0 ? -1 : days * 2, 0,
	    NULL);
	X509_time_adj_ex(X509_getm_notAfter(x), days, 0, NULL);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
	    (const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509_set_pubkey(x, key);
	if (names != NULL) {
		X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
		ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name,
		    names);
		assert_non_null(ext);
		X509_add_ext(x, ext, -1);
		X509_EXTENSION_free(ext);
	}
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	c_r->certificate_file = arena_printf(a, "%s.crt", cn);
	c_r->certificate = cert_pem(a, NULL, x);
	c_r->key = cert_pem(a, key, NULL);
	X509_free(x);
	EVP_PKEY_free(key);
}

#endif
