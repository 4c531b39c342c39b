/* tls_conn.c - TLS on one connection: what conn.c sees of OpenSSL */
#include "server/net/tls_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>

#include "server/net/addr.h"
#include "server/net/tls_private.h"

struct tls_conn {
	SSL *ssl;
	const char *why;
	int fd;
	bool spoken;  /* the peer */
	bool broken;  /* SSL_shutdown(3): not after a failure */
	SSL_CTX *ctx; /* clients: their own */
	BIO_METHOD *bio;
};

/* --- the fd: like OpenSSL's socket BIO, but no SIGPIPE --- */

static int
tls_bio_read(BIO *b, char *p, int n)
{
	struct tls_conn *c = BIO_get_data(b);
	ssize_t got = recv(c->fd, p, (size_t)n, 0);

	BIO_clear_retry_flags(b);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(b);
	if (got > 0)
		c->spoken = true;
	return (int)got;
}

static int
tls_bio_write(BIO *b, const char *p, int n)
{
	struct tls_conn *c = BIO_get_data(b);
	ssize_t put = send(c->fd, p, (size_t)n, MSG_NOSIGNAL);

	BIO_clear_retry_flags(b);
	if (put < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(b);
	return (int)put;
}

static long
tls_bio_ctrl(BIO *b, int cmd, long number, void *p)
{
	(void)b;
	(void)number;
	(void)p;
	return cmd == BIO_CTRL_FLUSH;
}

static int
tls_bio_create(BIO *b)
{
	BIO_set_init(b, 1);
	return 1;
}

BIO_METHOD *
tls_bio_new(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
	    "shoal socket");

	invariant(m != NULL);
	BIO_meth_set_read(m, tls_bio_read);
	BIO_meth_set_write(m, tls_bio_write);
	BIO_meth_set_ctrl(m, tls_bio_ctrl);
	BIO_meth_set_create(m, tls_bio_create);
	return m;
}

/* --- life --- */

static struct tls_conn *
tls_conn_make(SSL_CTX *ctx, BIO_METHOD *method, int fd)
{
	struct tls_conn *c = xcalloc(1, sizeof(*c));
	BIO *b = BIO_new(method);

	c->fd = fd;
	c->why = "";
	c->ssl = SSL_new(ctx);
	invariant(c->ssl != NULL && b != NULL);
	BIO_set_data(b, c);
	SSL_set_bio(c->ssl, b, b);
	return c;
}

struct tls_conn *
tls_conn_new(struct tls *tls, int fd)
{
	struct tls_conn *c;

	if (tls->set == NULL)
		return NULL;
	c = tls_conn_make(tls->set->fallback->ctx, tls->bio, fd);
	SSL_set_accept_state(c->ssl);
	return c;
}

struct err *
tls_conn_client(struct arena *a, int fd, const char *name, enum tls_trust trust,
    struct tls_conn **c_r)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	BIO_METHOD *method = tls_bio_new();
	struct tls_conn *c;
	bool ok;

	ERR_clear_error();
	invariant(ctx != NULL);
	c = tls_conn_make(ctx, method, fd);
	c->ctx = ctx;
	c->bio = method;
	SSL_set_connect_state(c->ssl);
	SSL_set_mode(c->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
				 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	ok = SSL_set_min_proto_version(c->ssl, TLS1_2_VERSION) == 1 &&
	     SSL_set_tlsext_host_name(c->ssl, name) == 1;
	if (ok && trust == TLS_TRUST_SYSTEM) {
		SSL_set_verify(c->ssl, SSL_VERIFY_PEER, NULL);
		ok = SSL_CTX_set_default_verify_paths(ctx) == 1 &&
		     SSL_set1_host(c->ssl, name) == 1;
	}
	if (!ok) {
		tls_conn_free(&c);
		return tls_err(a, "TLS");
	}
	*c_r = c;
	return NULL;
}

/* What counts is in the SSL, so that all clients share one context. */
static bool
tls_conn_set_demand(SSL *ssl, const char *name, enum tls_demand demand)
{
	static const struct {
		int least, verify;
		const char *ciphers; /* of TLS 1.2 and before; NULL: default */
	} table[] = {
		[TLS_DEMAND_LITTLE] = { TLS1_VERSION, SSL_VERIFY_NONE,
		    "DEFAULT:@SECLEVEL=0" },
		[TLS_DEMAND_PRIVATE] = { TLS1_2_VERSION, SSL_VERIFY_NONE,
		    "DEFAULT:@SECLEVEL=1" },
		[TLS_DEMAND_VERIFIED] = { TLS1_2_VERSION, SSL_VERIFY_PEER,
		    NULL },
	};
	struct net_addr ip;

	SSL_set_verify(ssl, table[demand].verify, NULL);
	if (SSL_set_min_proto_version(ssl, table[demand].least) != 1 ||
	    (table[demand].ciphers != NULL &&
		SSL_set_cipher_list(ssl, table[demand].ciphers) != 1))
		return false;
	/* RFC 6066, 3: an address is no name for SNI. */
	if (net_addr_parse(str_c(name), &ip))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
			   name) == 1;
	return SSL_set_tlsext_host_name(ssl, name) == 1 &&
	       SSL_set1_host(ssl, name) == 1;
}

struct err *
tls_conn_relay(struct arena *a, struct tls *tls, int fd, const char *name,
    enum tls_demand demand, struct tls_conn **c_r)
{
	SSL_CTX *ctx;
	struct tls_conn *c;
	struct err *e = tls_ctx_relay(a, tls, &ctx);

	if (e != NULL)
		return e;
	c = tls_conn_make(ctx, tls->bio, fd);
	SSL_set_connect_state(c->ssl);
	if (!tls_conn_set_demand(c->ssl, name, demand)) {
		tls_conn_free(&c);
		return tls_err(a, "TLS");
	}
	*c_r = c;
	return NULL;
}

void
tls_conn_free(struct tls_conn **c)
{
	if (*c == NULL)
		return;
	SSL_free((*c)->ssl); /* and the BIO; the fd stays */
	SSL_CTX_free((*c)->ctx);
	BIO_meth_free((*c)->bio);
	free(*c);
	*c = NULL;
}

/* --- work --- */

static enum tls_result
tls_conn_failed(struct tls_conn *c, int rc)
{
	unsigned long code = ERR_peek_error();
	int why = SSL_get_error(c->ssl, rc);
	enum tls_result r = TLS_BROKEN;

	if (why == SSL_ERROR_WANT_READ)
		return TLS_WANT_READ;
	if (why == SSL_ERROR_WANT_WRITE)
		return TLS_WANT_WRITE;
	if (why == SSL_ERROR_ZERO_RETURN) {
		c->why = "closed";
		return TLS_CLOSED;
	}
	c->broken = true;
	c->why = code == 0 ? NULL : ERR_reason_error_string(code);
	/* An end without close_notify; what commands need is counted, so
	 * nothing is mistaken for whole that is not. */
	if (why == SSL_ERROR_SYSCALL ||
	    ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		c->why = "connection lost";
		r = TLS_CLOSED;
	}
	if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		c->why = X509_verify_cert_error_string(
		    SSL_get_verify_result(c->ssl));
	if (c->why == NULL)
		c->why = "unknown error";
	ERR_clear_error();
	return r;
}

enum tls_result
tls_conn_handshake(struct tls_conn *c)
{
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake(c->ssl);
	return rc == 1 ? TLS_OK : tls_conn_failed(c, rc);
}

enum tls_result
tls_conn_read(struct tls_conn *c, void *p, size_t n, size_t *got_r)
{
	int rc;

	*got_r = 0;
	ERR_clear_error();
	rc = SSL_read_ex(c->ssl, p, n, got_r);
	return rc == 1 ? TLS_OK : tls_conn_failed(c, rc);
}

enum tls_result
tls_conn_write(struct tls_conn *c, const void *p, size_t n, size_t *put_r)
{
	int rc;

	*put_r = 0;
	ERR_clear_error();
	rc = SSL_write_ex(c->ssl, p, n, put_r);
	return rc == 1 ? TLS_OK : tls_conn_failed(c, rc);
}

bool
tls_conn_is_pending(const struct tls_conn *c)
{
	return SSL_has_pending(c->ssl) == 1;
}

void
tls_conn_bye(struct tls_conn *c)
{
	ERR_clear_error();
	if (!c->broken && SSL_is_init_finished(c->ssl) &&
	    SSL_shutdown(c->ssl) < 0)
		ERR_clear_error(); /* it could not be sent at once */
}

SSL *
tls_conn_ssl(const struct tls_conn *c)
{
	return c->ssl;
}

const char *
tls_conn_version(const struct tls_conn *c)
{
	return SSL_get_version(c->ssl);
}

const char *
tls_conn_cipher(const struct tls_conn *c)
{
	return SSL_get_cipher_name(c->ssl);
}

const char *
tls_conn_unverified(const struct tls_conn *c)
{
	long result = SSL_get_verify_result(c->ssl);

	/* Without a certificate the result is "good" (SSL_get_verify_result(3))
	 */
	if (SSL_get0_peer_certificate(c->ssl) == NULL)
		return "no certificate";
	return result == X509_V_OK ? NULL
				   : X509_verify_cert_error_string(result);
}

bool
tls_conn_is_resumed(const struct tls_conn *c)
{
	return SSL_session_reused(c->ssl) == 1;
}

bool
tls_conn_has_spoken(const struct tls_conn *c)
{
	return c->spoken;
}

const char *
tls_conn_why(const struct tls_conn *c)
{
	return c->why;
}
