/* tls_conn.h - TLS on one connection: what conn.c sees of OpenSSL */
#ifndef SERVER_NET_TLS_CONN_H
#define SERVER_NET_TLS_CONN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/*
 * Nothing here waits.  The fd stays the caller's.  After TLS_CLOSED nothing
 * more is read from it, ever: what comes behind a close_notify is not the
 * peer's word (CVE-2026-45185's class).  After TLS_BROKEN nothing more is
 * written either.
 */
struct tls_conn;
struct tls;

enum tls_result {
	TLS_OK,
	TLS_WANT_READ,
	TLS_WANT_WRITE,
	TLS_CLOSED, /* close_notify, or the fd's end without one */
	TLS_BROKEN
};

/* Server side. NULL: no certificate is loaded. */
struct tls_conn *tls_conn_new(struct tls *tls, int fd);
/* Client side, for programs that look at a server: name goes into SNI, and with
 * TLS_TRUST_SYSTEM has to be the certificate's.  TLS_TRUST_ANY: whoever is
 * there. */
enum tls_trust { TLS_TRUST_SYSTEM, TLS_TRUST_ANY };
must_check struct err *tls_conn_client(struct arena *a, int fd,
    const char *name, enum tls_trust trust, struct tls_conn **c_r);
/*
 * Client side, for mail on its way out: name (a host name, or an address) goes
 * into SNI and is looked for in the certificate.  The system's CAs are read
 * once a worker, and anew after tls_load().
 */
enum tls_demand {
	TLS_DEMAND_LITTLE,  /* from TLS 1.0 up, whatever the certificate: the
			     * alternative would be plain text (RFC 7435) */
	TLS_DEMAND_PRIVATE, /* TLS 1.2, whatever the certificate */
	TLS_DEMAND_VERIFIED /* and it is name's, by a known CA */
};
must_check struct err *tls_conn_relay(struct arena *a, struct tls *tls, int fd,
    const char *name, enum tls_demand demand, struct tls_conn **c_r);
void tls_conn_free(struct tls_conn **c);
enum tls_result tls_conn_handshake(struct tls_conn *c);
/* 1 to n bytes with TLS_OK. */
enum tls_result tls_conn_read(struct tls_conn *c, void *p, size_t n,
    size_t *got_r);
/* A repeat after TLS_WANT_* begins with the same bytes. */
enum tls_result tls_conn_write(struct tls_conn *c, const void *p, size_t n,
    size_t *put_r);
/* Bytes that are decrypted: no event of the fd will tell of them. */
bool tls_conn_is_pending(const struct tls_conn *c);
/* close_notify, if it can be sent at once. */
void tls_conn_bye(struct tls_conn *c);

const char *tls_conn_version(const struct tls_conn *c);
const char *tls_conn_cipher(const struct tls_conn *c);
/* conn_tls_binding(), conn.h */
#define TLS_BINDING_MAX 64
bool tls_conn_binding(const struct tls_conn *c, struct str type,
    unsigned char out_r[TLS_BINDING_MAX], size_t *n_r);
/* NULL: the certificate is name's, by a known CA; else why not, also where
 * nobody demanded it.  Client side, after the handshake. */
const char *tls_conn_unverified(const struct tls_conn *c);
bool tls_conn_is_resumed(const struct tls_conn *c); /* by a ticket */
/* Whether the peer has sent a byte. */
bool tls_conn_has_spoken(const struct tls_conn *c);
/* Why the last call said TLS_BROKEN: "no shared cipher". */
const char *tls_conn_why(const struct tls_conn *c);

#endif
