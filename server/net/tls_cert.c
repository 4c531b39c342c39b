/* tls_cert.c - certificates and keys as PEM */
#include <ctype.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "server/net/tls_private.h"

#define TLS_NAMES_MOST 1000 /* of one certificate */
#define TLS_CHAIN_MOST 20

struct err *
tls_err(struct arena *a, const char *what)
{
	unsigned long code = ERR_peek_error();
	const char *why = code == 0 ? NULL : ERR_reason_error_string(code);

	ERR_clear_error();
	return err_newf(a, ERR_INVALID, "%s: %s", what,
	    why == NULL ? "not as it should be" : why);
}

/* Never asks at a terminal: an encrypted key is an unusable one. */
static int
tls_no_password(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static struct err *
tls_pem_read_chain(struct arena *a, BIO *b, struct tls_pem *pem)
{
	X509 *x;

	pem->leaf = PEM_read_bio_X509_AUX(b, NULL, tls_no_password, NULL);
	if (pem->leaf == NULL)
		return tls_err(a, "the certificate");
	pem->chain = sk_X509_new_null();
	while ((x = PEM_read_bio_X509(b, NULL, tls_no_password, NULL)) != NULL)
		if (sk_X509_num(pem->chain) >= TLS_CHAIN_MOST ||
		    !sk_X509_push(pem->chain, x)) {
			X509_free(x);
			return err_new(a, ERR_INVALID,
			    "too many certificates in the chain", NULL);
		}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return tls_err(a, "the certificate's chain");
	ERR_clear_error();
	return NULL;
}

static struct err *
tls_pem_read_key(struct arena *a, BIO *b, struct tls_pem *pem)
{
	pem->key = PEM_read_bio_PrivateKey(b, NULL, tls_no_password, NULL);
	if (pem->key == NULL)
		return tls_err(a, "the private key");
	if (X509_check_private_key(pem->leaf, pem->key) != 1) {
		ERR_clear_error();
		return err_new(a, ERR_INVALID,
		    "the private key does not belong to the certificate", NULL);
	}
	return NULL;
}

static BIO *
tls_pem_bio(struct str s)
{
	return BIO_new_mem_buf(s.n == 0 ? "" : s.p, (int)s.n);
}

struct err *
tls_pem_read(struct arena *a, struct str certificate, struct str key,
    struct tls_pem *pem_r)
{
	BIO *cert_b = tls_pem_bio(certificate), *key_b = tls_pem_bio(key);
	struct err *e;

	memset(pem_r, 0, sizeof(*pem_r));
	ERR_clear_error();
	invariant(cert_b != NULL && key_b != NULL);
	e = tls_pem_read_chain(a, cert_b, pem_r);
	if (e == NULL && key.n > 0)
		e = tls_pem_read_key(a, key_b, pem_r);
	BIO_free(cert_b);
	BIO_free(key_b);
	return e;
}

void
tls_pem_free(struct tls_pem *pem)
{
	X509_free(pem->leaf);
	sk_X509_pop_free(pem->chain, X509_free);
	EVP_PKEY_free(pem->key);
	memset(pem, 0, sizeof(*pem));
}

static int64_t
tls_time(const ASN1_TIME *at)
{
	struct tm tm;

	return at == NULL || ASN1_TIME_to_tm(at, &tm) != 1 ? 0 : timegm(&tm);
}

int64_t
tls_pem_expires(const struct tls_pem *pem)
{
	return tls_time(X509_get0_notAfter(pem->leaf));
}

/* Lower case; false: nothing that a client could ask for. */
static bool
tls_name_add(struct arena *a, const unsigned char *p, int n, struct str *name_r)
{
	char *s;

	if (n <= 0 || n > 253)
		return false;
	s = arena_memdup(a, p, (size_t)n);
	for (int i = 0; i < n; i++) {
		if (p[i] <= ' ' || p[i] >= 127)
			return false;
		s[i] = (char)tolower(p[i]);
	}
	*name_r = str_of(s, (size_t)n);
	return true;
}

/* The subject's CN counts only where there are no alternative names (RFC 6125,
 * 6.4.4). */
static void
tls_pem_common_name(struct arena *a, const struct tls_pem *pem,
    struct str *names, unsigned *n_r)
{
	X509_NAME *subject = X509_get_subject_name(pem->leaf);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	const ASN1_STRING *cn;

	if (at < 0)
		return;
	cn = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
	*n_r = tls_name_add(a, ASN1_STRING_get0_data(cn),
	    ASN1_STRING_length(cn), &names[0]);
}

void
tls_pem_names(struct arena *a, const struct tls_pem *pem, struct str **names_r,
    unsigned *n_r)
{
	GENERAL_NAMES *alt =
	    X509_get_ext_d2i(pem->leaf, NID_subject_alt_name, NULL, NULL);
	int all = alt == NULL ? 0 : sk_GENERAL_NAME_num(alt);

	if (all > TLS_NAMES_MOST)
		all = TLS_NAMES_MOST;
	*n_r = 0;
	*names_r = arena_array(a, (size_t)all + 1, sizeof(**names_r));
	for (int i = 0; i < all; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(alt, i);

		if (g->type == GEN_DNS &&
		    tls_name_add(a, ASN1_STRING_get0_data(g->d.dNSName),
			ASN1_STRING_length(g->d.dNSName), &(*names_r)[*n_r]))
			(*n_r)++;
	}
	if (alt == NULL)
		tls_pem_common_name(a, pem, *names_r, n_r);
	GENERAL_NAMES_free(alt);
}

static struct err *
tls_check_dates(struct arena *a, const struct tls_pem *pem)
{
	const ASN1_TIME *from = X509_get0_notBefore(pem->leaf),
			*to = X509_get0_notAfter(pem->leaf);
	int64_t at;
	struct tm tm;
	char text[32];

	if (X509_cmp_current_time(from) < 0 && X509_cmp_current_time(to) > 0)
		return NULL;
	at = tls_time(X509_cmp_current_time(to) > 0 ? from : to);
	gmtime_r(&at, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d", &tm);
	return err_newf(a, ERR_INVALID, "the certificate %s on %s",
	    X509_cmp_current_time(to) > 0 ? "begins only" : "expired", text);
}

struct err *
tls_check_pair(struct arena *a, struct str certificate, struct str key)
{
	struct tls_pem pem;
	struct err *e = tls_pem_read(a, certificate, key, &pem);
	SSL_CTX *ctx = NULL;

	if (e == NULL && pem.key == NULL)
		e = err_new(a, ERR_INVALID, "the private key is missing", NULL);
	if (e == NULL)
		e = tls_check_dates(a, &pem);
	/* what OpenSSL's security level makes of it: key sizes, hashes */
	if (e == NULL)
		e = tls_ctx_new(a, NULL, &pem, &ctx);
	SSL_CTX_free(ctx);
	tls_pem_free(&pem);
	return e;
}

struct err *
tls_names(struct arena *a, struct str certificate, struct str **names_r,
    unsigned *n_r, int64_t *expires_r)
{
	struct tls_pem pem;
	struct err *e = tls_pem_read(a, certificate, STR_NONE, &pem);

	if (e == NULL) {
		tls_pem_names(a, &pem, names_r, n_r);
		*expires_r = tls_pem_expires(&pem);
	}
	tls_pem_free(&pem);
	return e;
}
