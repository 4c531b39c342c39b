/* proxy.h - the header a balancer sends ahead of a connection's bytes */
#ifndef SERVER_NET_PROXY_H
#define SERVER_NET_PROXY_H

#include <stdbool.h>
#include <stddef.h>

#include "server/net/addr.h"

/*
 * haproxy's proxy-protocol.txt, versions 1 and 2; no I/O here.
 *
 *	v1	"PROXY TCP4 192.0.2.1 192.0.2.9 56324 993" CRLF
 *	v2	0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A	signature
 *		version (2) << 4 | command (0 LOCAL, 1 PROXY)
 *		family << 4 | transport
 *		length, 16 bits, of what follows, big-endian
 *		source and destination address, ports
 *		TLVs: type, length (16 bits), value
 */
#define PROXY_V1_MOST 107
/* The length field can say 65 535; what balancers send stays far below this
 * (addresses, TLVs about TLS). */
#define PROXY_MOST 4096

struct proxy_header {
	/* LOCAL, UNKNOWN, UNSPEC, a Unix socket over there: the connection's
	 * own addresses are the right ones. */
	bool is_local;
	struct net_addr source, destination;
};

enum proxy_result { PROXY_MORE, PROXY_DONE, PROXY_BAD };

/*
 * How many of the n first bytes of a connection surely belong to the header:
 * what lies behind is TLS's or the protocol's and has to stay in the socket.
 * 0: this is no header.
 */
size_t proxy_span(const void *p, size_t n);
/* p, n: proxy_span() bytes. why_r: for the log, with PROXY_BAD. */
enum proxy_result proxy_parse(const void *p, size_t n, struct proxy_header *h_r,
    const char **why_r);
/* Whether these first bytes of what should be something else are one. */
bool proxy_is_start(const void *p, size_t n);

#endif
