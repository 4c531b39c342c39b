/* addr.h - network addresses: of peers, listeners, and networks in lists */
#ifndef SERVER_NET_ADDR_H
#define SERVER_NET_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

/* IPv4 is kept as such; an IPv4-mapped IPv6 address becomes IPv4. */
enum net_family { NET_NONE, NET_IP4, NET_IP6, NET_UNIX };

struct net_addr {
	enum net_family family;
	uint16_t port;
	unsigned char ip[16]; /* first 4 bytes for IPv4 */
};

/* "192.0.2.1", "2001:db8::1", "unix". */
#define NET_TEXT_MAX 46
const char *net_addr_text(const struct net_addr *a, char text_r[NET_TEXT_MAX]);
/* As Received and EHLO have it (RFC 5321, 4.1.3): "[192.0.2.1]",
 * "[IPv6:2001:db8::1]". */
struct str net_addr_literal(struct arena *a, const struct net_addr *ad);
bool net_addr_parse(struct str text, struct net_addr *a_r); /* without port */
void net_addr_of_sockaddr(const struct sockaddr *sa, struct net_addr *a_r);
/* 4 or 16 bytes in network order. */
void net_addr_of_ip(enum net_family family, const void *ip,
    struct net_addr *a_r);
bool net_addr_eq(const struct net_addr *a, const struct net_addr *b); /* ip */
bool net_addr_is_loopback(const struct net_addr *a);
/* Whether this machine has it at the moment. */
bool net_addr_is_local(const struct net_addr *a);
/* Returns the length; 0: it is no IP address. */
socklen_t net_addr_to_sockaddr(const struct net_addr *a,
    struct sockaddr_storage *ss_r);

/* What is counted as one client: the IPv4 address, the IPv6 /64, "unix". */
uint64_t net_addr_client_key(const struct net_addr *a);

/* "10.0.0.0/8", "2001:db8::/32", "192.0.2.1", "unix". */
struct net_network {
	struct net_addr addr;
	unsigned bits;
};
must_check struct err *net_network_parse(struct arena *a, struct str text,
    struct net_network *n_r);
bool net_network_has(const struct net_network *list, unsigned n,
    const struct net_addr *a);

/*
 * Where to listen: "0.0.0.0:25", "[::]:25", "*:25" (one socket for both
 * families, only IPv4 where the machine has no IPv6), or
 * "unix:/run/shoal/lmtp". Port 0: any.  ERR_INVALID.
 */
struct net_listen {
	struct sockaddr_storage sa;
	socklen_t sa_n;
	const char *unix_path; /* or NULL */
	const char *text;
};
must_check struct err *net_listen_parse(struct arena *a, struct str text,
    struct net_listen *l_r);

#endif
