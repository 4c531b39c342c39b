/* tls_client.h - TLS as a client, for tools that look at servers */
#ifndef SERVER_NET_TLS_CLIENT_H
#define SERVER_NET_TLS_CLIENT_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Over a blocking socket, in a thread of its own (offload).  Nothing is
 * verified: who asks wants to know whether the server speaks, and the
 * certificate's dates and names are shown elsewhere.  The socket stays the
 * caller's.
 */
struct tls_client;

/* Handshake; name: for SNI.  NULL: why_r says. */
struct tls_client *tls_client_new(int fd, const char *name, char *why_r,
    size_t why_size);
void tls_client_free(struct tls_client **c);
/* As recv() and send(): bytes, 0 the end, -1. */
ssize_t tls_client_read(struct tls_client *c, void *p, size_t n);
ssize_t tls_client_write(struct tls_client *c, const void *p, size_t n);

#endif
