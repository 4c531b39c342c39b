/* tls_client.c - TLS as a client, for tools that look at servers */
#include "server/net/tls_client.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

struct tls_client {
	SSL_CTX *ctx;
	SSL *ssl;
};

struct tls_client *
tls_client_new(int fd, const char *name, char *why_r, size_t why_size)
{
	struct tls_client *c = xcalloc(1, sizeof(*c));
	unsigned long code;
	const char *why;

	ERR_clear_error();
	c->ctx = SSL_CTX_new(TLS_client_method());
	if (c->ctx != NULL) {
		SSL_CTX_set_verify(c->ctx, SSL_VERIFY_NONE, NULL);
		c->ssl = SSL_new(c->ctx);
	}
	if (c->ssl != NULL && SSL_set_fd(c->ssl, fd) == 1 &&
	    SSL_set_tlsext_host_name(c->ssl, name) == 1 &&
	    SSL_connect(c->ssl) == 1)
		return c;
	code = ERR_peek_error();
	why = code != 0 ? ERR_reason_error_string(code) : NULL;
	snprintf(why_r, why_size, "TLS: %s",
	    why != NULL ? why : "the handshake was broken off");
	tls_client_free(&c);
	return NULL;
}

void
tls_client_free(struct tls_client **c)
{
	if (*c == NULL)
		return;
	SSL_free((*c)->ssl);
	SSL_CTX_free((*c)->ctx);
	free(*c);
	*c = NULL;
}

ssize_t
tls_client_read(struct tls_client *c, void *p, size_t n)
{
	int got;

	ERR_clear_error();
	got = SSL_read(c->ssl, p, n > 65536 ? 65536 : (int)n);
	if (got > 0)
		return got;
	return SSL_get_error(c->ssl, got) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

ssize_t
tls_client_write(struct tls_client *c, const void *p, size_t n)
{
	int got;

	ERR_clear_error();
	got = SSL_write(c->ssl, p, n > 65536 ? 65536 : (int)n);
	return got > 0 ? got : -1;
}
