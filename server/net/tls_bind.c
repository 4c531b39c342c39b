/* tls_bind.c - channel binding: what both ends of one TLS connection know */
#include <string.h>

#include <openssl/err.h>

#include "server/net/tls_private.h"

_Static_assert(EVP_MAX_MD_SIZE <= TLS_BINDING_MAX, "any digest has room");

#define TLS_EXPORTER_LABEL "EXPORTER-Channel-Binding"
#define TLS_EXPORTER_BYTES 32

/* RFC 9266, 4: with TLS 1.3 always unique; before only with an extension. */
static bool
tls_bind_exporter(SSL *ssl, unsigned char *out, size_t *n_r)
{
	*n_r = TLS_EXPORTER_BYTES;
	return SSL_version(ssl) >= TLS1_3_VERSION &&
	       SSL_export_keying_material(ssl, out, TLS_EXPORTER_BYTES,
		   TLS_EXPORTER_LABEL, strlen(TLS_EXPORTER_LABEL),
		   (const unsigned char *)"", 0, 1) == 1;
}

/*
 * RFC 5929, 4.1: the server's certificate, hashed as its signature is; MD5 and
 * SHA-1 become SHA-256.  A signature without a hash of its own (Ed25519) has
 * none.
 */
static bool
tls_bind_end_point(SSL *ssl, unsigned char *out, size_t *n_r)
{
	X509 *cert = SSL_is_server(ssl) ? SSL_get_certificate(ssl)
					: SSL_get0_peer_certificate(ssl);
	const EVP_MD *md;
	unsigned n;
	int nid;

	if (cert == NULL ||
	    X509_get_signature_info(cert, &nid, NULL, NULL, NULL) != 1)
		return false;
	if (nid == NID_md5 || nid == NID_sha1 || nid == NID_md5_sha1)
		nid = NID_sha256;
	md = EVP_get_digestbynid(nid);
	if (md == NULL || X509_digest(cert, md, out, &n) != 1)
		return false;
	*n_r = n;
	return true;
}

bool
tls_conn_binding(const struct tls_conn *c, struct str type,
    unsigned char out_r[TLS_BINDING_MAX], size_t *n_r)
{
	SSL *ssl = tls_conn_ssl(c);
	bool ok = false;

	ERR_clear_error();
	if (str_eq_c(type, "tls-exporter"))
		ok = tls_bind_exporter(ssl, out_r, n_r);
	else if (str_eq_c(type, "tls-server-end-point"))
		ok = tls_bind_end_point(ssl, out_r, n_r);
	ERR_clear_error();
	return ok;
}
