/* addr.c - network addresses: of peers, listeners, and networks in lists */
#include "server/net/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static const unsigned char addr_mapped[12] = { [10] = 0xff, [11] = 0xff };

const char *
net_addr_text(const struct net_addr *a, char text_r[NET_TEXT_MAX])
{
	const char *word = a->family == NET_UNIX ? "unix" : "none";

	if (a->family == NET_IP4)
		return inet_ntop(AF_INET, a->ip, text_r, NET_TEXT_MAX);
	if (a->family == NET_IP6)
		return inet_ntop(AF_INET6, a->ip, text_r, NET_TEXT_MAX);
	return memcpy(text_r, word, strlen(word) + 1);
}

struct str
net_addr_literal(struct arena *a, const struct net_addr *ad)
{
	char text[NET_TEXT_MAX];

	return str_c(
	    arena_printf(a, ad->family == NET_IP6 ? "[IPv6:%s]" : "[%s]",
		net_addr_text(ad, text)));
}

static void
net_addr_set(struct net_addr *a, enum net_family family, const void *ip)
{
	a->family = family;
	memset(a->ip, 0, sizeof(a->ip));
	if (family == NET_IP6 &&
	    memcmp(ip, addr_mapped, sizeof(addr_mapped)) == 0) {
		a->family = NET_IP4;
		memcpy(a->ip, (const char *)ip + sizeof(addr_mapped), 4);
	} else if (family != NET_NONE && family != NET_UNIX)
		memcpy(a->ip, ip, family == NET_IP4 ? 4 : 16);
}

void
net_addr_of_ip(enum net_family family, const void *ip, struct net_addr *a_r)
{
	memset(a_r, 0, sizeof(*a_r));
	net_addr_set(a_r, family, ip);
}

bool
net_addr_parse(struct str text, struct net_addr *a_r)
{
	char s[NET_TEXT_MAX];
	unsigned char ip[16];

	memset(a_r, 0, sizeof(*a_r));
	if (str_eq_c(text, "unix")) {
		a_r->family = NET_UNIX;
		return true;
	}
	if (text.n == 0 || text.n >= sizeof(s) ||
	    memchr(text.p, '\0', text.n) != NULL)
		return false;
	memcpy(s, text.p, text.n);
	s[text.n] = '\0';
	if (inet_pton(AF_INET, s, ip) == 1)
		net_addr_set(a_r, NET_IP4, ip);
	else if (inet_pton(AF_INET6, s, ip) == 1)
		net_addr_set(a_r, NET_IP6, ip);
	return a_r->family != NET_NONE;
}

void
net_addr_of_sockaddr(const struct sockaddr *sa, struct net_addr *a_r)
{
	const struct sockaddr_in *in4 = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	memset(a_r, 0, sizeof(*a_r));
	if (sa->sa_family == AF_INET) {
		net_addr_set(a_r, NET_IP4, &in4->sin_addr);
		a_r->port = ntohs(in4->sin_port);
	} else if (sa->sa_family == AF_INET6) {
		net_addr_set(a_r, NET_IP6, &in6->sin6_addr);
		a_r->port = ntohs(in6->sin6_port);
	} else if (sa->sa_family == AF_UNIX)
		a_r->family = NET_UNIX;
}

static size_t
net_addr_bytes(const struct net_addr *a)
{
	return a->family == NET_IP4 ? 4 : a->family == NET_IP6 ? 16 : 0;
}

bool
net_addr_eq(const struct net_addr *a, const struct net_addr *b)
{
	return a->family == b->family &&
	       memcmp(a->ip, b->ip, net_addr_bytes(a)) == 0;
}

bool
net_addr_is_loopback(const struct net_addr *a)
{
	static const unsigned char one[16] = { [15] = 1 };

	if (a->family == NET_IP4)
		return a->ip[0] == 127;
	return a->family == NET_UNIX ||
	       (a->family == NET_IP6 && memcmp(a->ip, one, sizeof(one)) == 0);
}

socklen_t
net_addr_to_sockaddr(const struct net_addr *a, struct sockaddr_storage *ss_r)
{
	struct sockaddr_in *in4 = (void *)ss_r;
	struct sockaddr_in6 *in6 = (void *)ss_r;

	memset(ss_r, 0, sizeof(*ss_r));
	if (a->family == NET_IP4) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(a->port);
		memcpy(&in4->sin_addr, a->ip, 4);
		return sizeof(*in4);
	}
	if (a->family != NET_IP6)
		return 0;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(a->port);
	memcpy(&in6->sin6_addr, a->ip, 16);
	return sizeof(*in6);
}

/* The kernel lets nobody bind what is not there. */
bool
net_addr_is_local(const struct net_addr *a)
{
	struct net_addr any_port = *a;
	struct sockaddr_storage ss;
	socklen_t n;
	bool local;
	int fd;

	any_port.port = 0;
	n = net_addr_to_sockaddr(&any_port, &ss);
	if (n == 0)
		return a->family == NET_UNIX;
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	local = bind(fd, (struct sockaddr *)&ss, n) == 0;
	close(fd);
	return local;
}

/*
 * Exact, not a hash: a /64 fills the 64 bits.  IPv4 and "unix" use prefixes of
 * 0000::/8, which no client has (RFC 4291, 2.4).
 */
uint64_t
net_addr_client_key(const struct net_addr *a)
{
	uint64_t key = 0;

	if (a->family == NET_NONE || a->family == NET_UNIX)
		return (uint64_t)a->family << 48;
	for (int i = 0; i < (a->family == NET_IP4 ? 4 : 8); i++)
		key = key << 8 | a->ip[i];
	return a->family == NET_IP4 ? key | (uint64_t)NET_IP4 << 40 : key;
}

/* The bits behind the network's own must be zero: "10.0.0.1/8" is more often a
 * slip than a meaning. */
static bool
net_network_is_clean(const struct net_network *n)
{
	size_t bytes = net_addr_bytes(&n->addr);

	for (size_t i = n->bits; i < bytes * 8; i++)
		if (n->addr.ip[i / 8] & (0x80 >> i % 8))
			return false;
	return true;
}

struct err *
net_network_parse(struct arena *a, struct str text, struct net_network *n_r)
{
	ptrdiff_t slash = str_chr(text, '/');
	struct str host = slash < 0 ? text : str_sub(text, 0, (size_t)slash);
	unsigned most;
	uint32_t bits;

	if (!net_addr_parse(host, &n_r->addr))
		return err_newf(a, ERR_INVALID,
		    "\"" STR_FMT "\" is no address or network (10.0.0.0/8, "
		    "2001:db8::/32, 192.0.2.1, unix)",
		    STR_ARG(text));
	most = (unsigned)net_addr_bytes(&n_r->addr) * 8;
	n_r->bits = most;
	if (slash < 0)
		return NULL;
	if (!str_u32(str_sub(text, (size_t)slash + 1, text.n), &bits) ||
	    bits > most || most == 0)
		return err_newf(a, ERR_INVALID,
		    "\"" STR_FMT "\": after / goes a number of bits from 0 to "
		    "%u",
		    STR_ARG(text), most);
	n_r->bits = bits;
	if (!net_network_is_clean(n_r))
		return err_newf(a, ERR_INVALID,
		    "\"" STR_FMT "\" has bits set behind the first %u",
		    STR_ARG(text), n_r->bits);
	return NULL;
}

static bool
net_network_has_one(const struct net_network *n, const struct net_addr *a)
{
	unsigned bytes = n->bits / 8, rest = n->bits % 8;

	if (n->addr.family != a->family || a->family == NET_NONE ||
	    memcmp(n->addr.ip, a->ip, bytes) != 0)
		return false;
	return rest == 0 ||
	       (n->addr.ip[bytes] ^ a->ip[bytes]) >> (8 - rest) == 0;
}

bool
net_network_has(const struct net_network *list, unsigned n,
    const struct net_addr *a)
{
	for (unsigned i = 0; i < n; i++)
		if (net_network_has_one(&list[i], a))
			return true;
	return false;
}

static struct err *
net_listen_parse_unix(struct arena *a, struct str path, struct net_listen *l_r)
{
	struct sockaddr_un *un = (void *)&l_r->sa;

	if (path.n == 0 || path.p[0] != '/' || path.n >= sizeof(un->sun_path))
		return err_newf(a, ERR_INVALID,
		    "\"" STR_FMT "\": after unix: goes an absolute path of at "
		    "most %zu characters",
		    STR_ARG(path), sizeof(un->sun_path) - 1);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path.p, path.n);
	l_r->unix_path = arena_cstr(a, path);
	l_r->sa_n = sizeof(*un);
	return NULL;
}

static bool
net_listen_host(struct str host, struct net_listen *l)
{
	struct sockaddr_in *in4 = (void *)&l->sa;
	struct sockaddr_in6 *in6 = (void *)&l->sa;
	struct net_addr ad;
	bool bracket =
	    host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';

	if (str_eq_c(host, "*")) { /* dual stack: listener_bind sees the text */
		in6->sin6_family = AF_INET6;
		l->sa_n = sizeof(*in6);
		return true;
	}
	if (!net_addr_parse(bracket ? str_sub(host, 1, host.n - 2) : host, &ad))
		return false;
	if (ad.family == NET_IP4 && !bracket) {
		in4->sin_family = AF_INET;
		memcpy(&in4->sin_addr, ad.ip, 4);
		l->sa_n = sizeof(*in4);
		return true;
	}
	if (ad.family != NET_IP6 || !bracket)
		return false;
	in6->sin6_family = AF_INET6;
	memcpy(&in6->sin6_addr, ad.ip, 16);
	l->sa_n = sizeof(*in6);
	return true;
}

struct err *
net_listen_parse(struct arena *a, struct str text, struct net_listen *l_r)
{
	struct str host, port;
	uint32_t number;
	size_t colon = text.n;

	memset(l_r, 0, sizeof(*l_r));
	l_r->text = arena_cstr(a, text);
	if (str_starts(text, STR("unix:")))
		return net_listen_parse_unix(a, str_sub(text, 5, text.n), l_r);
	while (colon > 0 && text.p[colon - 1] != ':')
		colon--;
	host = str_sub(text, 0, colon > 0 ? colon - 1 : 0);
	port = str_sub(text, colon, text.n);
	if (colon == 0 || !net_listen_host(host, l_r) ||
	    !str_u32(port, &number) || number > 65535)
		return err_newf(a, ERR_INVALID,
		    "\"" STR_FMT "\" is nothing to listen on (0.0.0.0:25, "
		    "[::]:25, *:25, unix:/run/shoal/lmtp)",
		    STR_ARG(text));
	/* at the same place in both */
	((struct sockaddr_in *)&l_r->sa)->sin_port = htons((uint16_t)number);
	return NULL;
}
