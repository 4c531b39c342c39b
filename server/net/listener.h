/* listener.h - accepting connections: limits, PROXY header, implicit TLS */
#ifndef SERVER_NET_LISTENER_H
#define SERVER_NET_LISTENER_H

#include "server/net/conn.h"

/*
 * The master binds (listener_bind, as root); all workers accept from the same
 * sockets.  Refused with the protocol's `busy` line, or by closing: more than
 * net.connections in all, net.connections_per_client(.imap) from one client,
 * net.rate_per_client connections a minute.  Networks in net.exempt (and peers
 * that may send a PROXY header, as such) are never counted.
 * Peers outside of a listener's `allow` get the protocol's `denied` line.
 *
 * PROXY protocol v1 and v2 (haproxy's proxy-protocol.txt): from the listener's
 * `proxy` networks the header is required, complete within net.proxy_header;
 * from others its first bytes end the connection.  LOCAL and UNSPEC keep the
 * real peer: that is how balancers probe.  A connection that says nothing
 * before it ends, from such a network or without a header, is a probe and not
 * logged.
 */
struct listener;
struct conns;

/* fd: listening socket, non-blocking, close-on-exec. ERR_SYSTEM with the
 * address. Replaces a Unix socket nobody listens on. */
must_check struct err *listener_bind(struct arena *a,
    const struct conf_listener *l, unsigned address, int *fd_r);

/* NULL: no such protocol. protocols.c lists them. */
const struct protocol *protocol_find(const char *name);
extern const struct protocol *const protocols[]; /* ends with NULL */

struct listener *listener_new(struct worker *w, const struct conf_listener *l,
    const struct protocol *p, int fd);
void listener_pause(struct listener *l, bool paused);
void listener_free(struct listener **l); /* closes the fd; connections stay */

/* net.exempt: not to be throttled. */
bool net_is_exempt(struct worker *w, const struct net_addr *a);

/* All connections of this worker, those that linger after their end too. */
unsigned conn_count(const struct worker *w);
/* CONN_EVENT_DRAIN to those of the protocol (NULL: all), at most max of them
 * that have not been told; how many were. */
unsigned conn_drain(struct worker *w, const struct protocol *p, unsigned max);
/* All end now, without a word: at once, or when their tasks next wait. */
void conn_abort_all(struct worker *w);
/* At the worker's end, when listeners and connections are gone. */
void conns_free(struct conns **c);

#endif
