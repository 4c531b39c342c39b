/* tls_self.c - the certificate of a node that has been given none */
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/crypto.h"
#include "server/net/tls_private.h"
#include "storage/localdir.h"

#define TLS_SELF_FILE "self.pem"
#define TLS_SELF_DAYS 3650
#define TLS_SELF_BYTES 16384
#define TLS_CN_MOST 64 /* ub-common-name */

static bool
tls_self_extend(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext != NULL && X509_add_ext(x, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

static bool
tls_self_serial(X509 *x)
{
	unsigned char bytes[8];
	uint64_t serial;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	memcpy(&serial, bytes, sizeof(serial));
	return ASN1_INTEGER_set_uint64(X509_get_serialNumber(x),
		   serial >> 1 | 1) == 1;
}

static bool
tls_self_fill(struct arena *a, X509 *x, EVP_PKEY *key, const char *host)
{
	X509_NAME *name = X509_get_subject_name(x);
	const char *cn = strlen(host) <= TLS_CN_MOST ? host : "shoal";

	return X509_set_version(x, X509_VERSION_3) == 1 && tls_self_serial(x) &&
	       X509_gmtime_adj(X509_getm_notBefore(x), -86400) != NULL &&
	       X509_time_adj_ex(X509_getm_notAfter(x), TLS_SELF_DAYS, 0,
		   NULL) != NULL &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
		   (const unsigned char *)cn, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(x, name) == 1 &&
	       X509_set_pubkey(x, key) == 1 &&
	       tls_self_extend(x, NID_basic_constraints, "critical,CA:FALSE") &&
	       tls_self_extend(x, NID_ext_key_usage, "serverAuth") &&
	       tls_self_extend(x, NID_subject_alt_name,
		   arena_printf(a, "DNS:%s", host)) &&
	       X509_sign(x, key, EVP_sha256()) != 0;
}

/* host is put into a list of OpenSSL's: letters, digits, '-' and '.' only. */
static bool
tls_self_is_host(const char *host)
{
	return *host != '\0' &&
	       strspn(host,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		   "0123456789.-_") == strlen(host);
}

static struct err *
tls_self_make(struct arena *a, const char *host, struct str *pem_r)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	BIO *b = BIO_new(BIO_s_secmem());
	struct err *e = NULL;
	char *p;
	long n;

	if (!tls_self_is_host(host))
		host = "localhost";
	if (key == NULL || x == NULL || b == NULL ||
	    !tls_self_fill(a, x, key, host) ||
	    PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    PEM_write_bio_X509(b, x) != 1)
		e = tls_err(a, "making a self-signed certificate");
	else {
		n = BIO_get_mem_data(b, &p);
		*pem_r = arena_str(a, str_of(p, (size_t)n));
	}
	BIO_free(b);
	X509_free(x);
	EVP_PKEY_free(key);
	return e;
}

struct err *
tls_self(struct arena *a, const struct tls *tls, struct str *pem_r)
{
	const char *local = tls->w->conf->local;
	struct err *e =
	    localdir_get(a, local, TLS_SELF_FILE, TLS_SELF_BYTES, pem_r);

	if (!err_is(e, ERR_NOENT))
		return e;
	e = tls_self_make(a, worker_hostname(tls->w), pem_r);
	if (e != NULL)
		return e;
	e = localdir_put(a, local, TLS_SELF_FILE, pem_r->p, pem_r->n, true);
	if (!err_is(e, ERR_EXIST))
		return e;
	/* another worker was faster: all use the same one */
	crypto_wipe((char *)(uintptr_t)pem_r->p, pem_r->n);
	return localdir_get(a, local, TLS_SELF_FILE, TLS_SELF_BYTES, pem_r);
}
