/* tls_private.h - inside TLS: for tls*.c only */
#ifndef SERVER_NET_TLS_PRIVATE_H
#define SERVER_NET_TLS_PRIVATE_H

#include <openssl/ssl.h>

#include "server/net/tls.h"
#include "server/net/tls_conn.h"
#include "server/worker.h"

/*
 * Session tickets: one key a day, the same on all nodes.  A ticket of
 * yesterday's key, or of tomorrow's of a node whose clock is ahead, is taken
 * and answered with a new one.
 */
struct tls_ticket_key {
	int64_t day;
	unsigned char name[16], aes[32], mac[32];
};
#define TLS_TICKET_DAYS 3 /* yesterday, today, tomorrow */

/* One certificate with its chain and key. */
struct tls_entry {
	SSL_CTX *ctx;
	struct str *names;
	unsigned names_n;
	int64_t expires, created;
};

struct tls_name {
	struct str name; /* lower case; "*.example.org" */
	const struct tls_entry *entry;
};

/* What is loaded at one time; contexts live on in their connections. */
struct tls_set {
	struct arena *arena;
	const char *source;
	struct tls_entry *entries;
	unsigned n;
	const struct tls_entry *fallback;
	struct tls_name *names; /* sorted */
	unsigned names_n;
};

struct tls {
	struct worker *w;
	BIO_METHOD *bio;
	struct tls_set *set; /* NULL: nothing loaded */
	SSL_CTX *relay;	     /* of clients; NULL: not needed yet */
	unsigned char ticket_secret[32];
	bool tickets_shared; /* the secret is the cluster's */
	struct tls_ticket_key keys[TLS_TICKET_DAYS];
};

/* --- tls_cert.c --- */
struct tls_pem {
	X509 *leaf;
	STACK_OF(X509) * chain;
	EVP_PKEY *key;
};
/* key empty: only the certificates. Freed with tls_pem_free in any case. */
must_check struct err *tls_pem_read(struct arena *a, struct str certificate,
    struct str key, struct tls_pem *pem_r);
void tls_pem_free(struct tls_pem *pem);
void tls_pem_names(struct arena *a, const struct tls_pem *pem,
    struct str **names_r, unsigned *n_r);
int64_t tls_pem_expires(const struct tls_pem *pem);
/* OpenSSL's reason for its last failure. */
must_check struct err *tls_err(struct arena *a, const char *what);

/* --- tls_self.c --- */
/* The node's own certificate, made if there is none; PEM of both. */
must_check struct err *tls_self(struct arena *a, const struct tls *tls,
    struct str *pem_r);

/* --- tls_ctx.c --- */
must_check struct err *tls_ctx_new(struct arena *a, struct tls *tls,
    const struct tls_pem *pem, SSL_CTX **ctx_r);
/* The one of all clients, with the system's CAs. */
must_check struct err *tls_ctx_relay(struct arena *a, struct tls *tls,
    SSL_CTX **ctx_r);
/* By SNI; the fallback. */
const struct tls_entry *tls_set_find(const struct tls_set *set,
    struct str name);

/* --- tls_conn.c --- */
BIO_METHOD *tls_bio_new(void);
SSL *tls_conn_ssl(const struct tls_conn *c);

#endif
