/* tls.h - certificates and contexts: the server's door to OpenSSL's SSL */
#ifndef SERVER_NET_TLS_H
#define SERVER_NET_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/task.h"

/*
 * Which certificate a client gets is decided by SNI: tls {} of the file if it
 * has any, else those of the state (exact name, then wildcard of the parent,
 * then the oldest), else a self-signed one made in `local` once (self.pem,
 * valid 10 years) with which the node can at least be tested; status says so.
 * TLS 1.2 and 1.3, no renegotiation, no compression.  Session tickets are
 * sealed with keys derived from the cluster key and the day, so that every node
 * resumes every node's sessions.
 *
 * tls_load() is called at the start, after a reload, and whenever state's
 * certificates changed: new connections get the new ones, old ones stay.
 */
struct tls;
struct worker;
struct ssl_ctx_st;

struct tls *tls_new(struct worker *w);
void tls_free(struct tls **tls);
must_check struct err *tls_load(struct arena *a, struct tls *tls);
bool tls_is_loaded(const struct tls *tls);

struct tls_status {
	const char *source; /* "file", "state", "self-signed" */
	unsigned n;
	int64_t expires; /* wall seconds, the earliest */
	const char *expires_name;
};
void tls_status(struct arena *a, const struct tls *tls, struct tls_status *s_r);

/* For the configuration: whether certificate and key are there, fit each other
 * and are not expired (a sentence; the caller says where). */
must_check struct err *tls_check_pair(struct arena *a, struct str certificate,
    struct str key);
/* Names and expiry of a chain, for shoalctl tls add. */
must_check struct err *tls_names(struct arena *a, struct str certificate,
    struct str **names_r, unsigned *n_r, int64_t *expires_r);

#endif
