/* proxy.c - the header a balancer sends ahead of a connection's bytes */
#include "server/net/proxy.h"

#include <string.h>

#include "base/crypto.h"

#define PROXY_V2_FIXED 16
#define PROXY_V1_START 6
#define PROXY_TLV_CRC32C 3

static const char proxy_v1[] = "PROXY ";
static const char proxy_v2[] = "\r\n\r\n\0\r\nQUIT\n";
#define PROXY_V2_START (sizeof(proxy_v2) - 1)

static bool
proxy_begins(const void *p, size_t n, const char *start, size_t start_n)
{
	return memcmp(p, start, n < start_n ? n : start_n) == 0;
}

bool
proxy_is_start(const void *p, size_t n)
{
	return (n >= PROXY_V1_START &&
		   proxy_begins(p, n, proxy_v1, PROXY_V1_START)) ||
	       (n >= PROXY_V2_START &&
		   proxy_begins(p, n, proxy_v2, PROXY_V2_START));
}

static size_t
proxy_v2_length(const unsigned char *p)
{
	return PROXY_V2_FIXED + ((size_t)p[14] << 8 | p[15]);
}

size_t
proxy_span(const void *p, size_t n)
{
	const char *lf;
	size_t most;

	if (proxy_begins(p, n, proxy_v1, PROXY_V1_START)) {
		lf = memchr(p, '\n', n);
		return lf == NULL ? n : (size_t)(lf - (const char *)p) + 1;
	}
	if (!proxy_begins(p, n, proxy_v2, PROXY_V2_START))
		return 0;
	most = n < PROXY_V2_FIXED ? PROXY_V2_FIXED : proxy_v2_length(p);
	return n < most ? n : most;
}

/* port = 1*5DIGIT */
static bool
proxy_port(struct str s, struct net_addr *a)
{
	uint32_t v;

	if (s.n > 5 || !str_u32(s, &v) || v > 65535)
		return false;
	a->port = (uint16_t)v;
	return true;
}

/* An address of the family that the header names; "::ffff:192.0.2.1" is one of
 * TCP6. */
static bool
proxy_v1_addr(struct str s, bool v6, struct net_addr *a)
{
	return (str_chr(s, ':') >= 0) == v6 && net_addr_parse(s, a) &&
	       a->family != NET_UNIX;
}

/*
 * line = "PROXY" SP ( "UNKNOWN" *any / family SP addr SP addr SP port SP port )
 *        CRLF
 * family = "TCP4" / "TCP6"
 */
static enum proxy_result
proxy_parse_v1(struct str line, struct proxy_header *h, const char **why_r)
{
	struct str word[6] = { { NULL, 0 } };
	unsigned n = 0;
	bool v6;

	if (line.n > PROXY_V1_MOST) {
		*why_r = "longer than 107 bytes";
		return PROXY_BAD;
	}
	if (!str_ends(line, STR("\n"))) {
		*why_r = "longer than 107 bytes";
		return line.n < PROXY_V1_MOST ? PROXY_MORE : PROXY_BAD;
	}
	*why_r = "malformed";
	if (!str_ends(line, STR("\r\n")))
		return PROXY_BAD;
	line = str_sub(line, 0, line.n - 2);
	if (str_eq_c(line, "PROXY UNKNOWN") ||
	    str_starts(line, STR("PROXY UNKNOWN "))) {
		h->is_local = true;
		return PROXY_DONE;
	}
	while (n < countof(word) && str_split(&line, ' ', &word[n]))
		n++;
	v6 = str_eq_c(word[1], "TCP6");
	if (n != countof(word) || line.p != NULL || line.n > 0 ||
	    (!v6 && !str_eq_c(word[1], "TCP4")) ||
	    !proxy_v1_addr(word[2], v6, &h->source) ||
	    !proxy_v1_addr(word[3], v6, &h->destination) ||
	    !proxy_port(word[4], &h->source) ||
	    !proxy_port(word[5], &h->destination))
		return PROXY_BAD;
	return PROXY_DONE;
}

/* The TLVs fill the rest; a checksum among them is right. */
static const char *
proxy_tlvs(const unsigned char *p, size_t n, size_t at)
{
	static const unsigned char zero[4];
	uint32_t sum, want;
	size_t len;

	while (at < n) {
		if (n - at < 3)
			return "TLV cut short";
		len = (size_t)p[at + 1] << 8 | p[at + 2];
		if (len > n - at - 3)
			return "TLV cut short";
		if (p[at] == PROXY_TLV_CRC32C) {
			if (len != 4)
				return "checksum of wrong length";
			sum = crc32c(0, p, at + 3);
			sum = crc32c(sum, zero, 4);
			sum = crc32c(sum, p + at + 7, n - at - 7);
			want = (uint32_t)p[at + 3] << 24 |
			       (uint32_t)p[at + 4] << 16 |
			       (uint32_t)p[at + 5] << 8 | p[at + 6];
			if (sum != want)
				return "wrong checksum";
		}
		at += 3 + len;
	}
	return NULL;
}

static void
proxy_v2_addr(const unsigned char *ip, const unsigned char *port, bool v6,
    struct net_addr *a)
{
	net_addr_of_ip(v6 ? NET_IP6 : NET_IP4, ip, a);
	a->port = (uint16_t)(port[0] << 8 | port[1]);
}

static enum proxy_result
proxy_parse_v2(const unsigned char *p, size_t n, struct proxy_header *h,
    const char **why_r)
{
	/* by family: UNSPEC, INET, INET6, UNIX */
	static const uint16_t bytes[] = { 0, 12, 36, 216 };
	unsigned command, family, transport;
	size_t ip_n;

	if (n < PROXY_V2_FIXED)
		return PROXY_MORE;
	command = p[12] & 15;
	family = p[13] >> 4;
	transport = p[13] & 15;
	*why_r = "malformed";
	if (p[12] >> 4 != 2 || command > 1)
		return PROXY_BAD;
	if (proxy_v2_length(p) > PROXY_MOST) {
		*why_r = "too long";
		return PROXY_BAD;
	}
	if (n < proxy_v2_length(p))
		return PROXY_MORE;
	h->is_local = true;
	if (command == 0) /* addresses and all that follows mean nothing */
		return PROXY_DONE;
	if (family >= countof(bytes) || transport > 1 ||
	    n - PROXY_V2_FIXED < bytes[family])
		return PROXY_BAD;
	*why_r = proxy_tlvs(p, n, PROXY_V2_FIXED + bytes[family]);
	if (*why_r != NULL)
		return PROXY_BAD;
	if (transport == 0 || (family != 1 && family != 2))
		return PROXY_DONE;
	h->is_local = false;
	ip_n = family == 1 ? 4 : 16;
	p += PROXY_V2_FIXED;
	proxy_v2_addr(p, p + 2 * ip_n, family == 2, &h->source);
	proxy_v2_addr(p + ip_n, p + 2 * ip_n + 2, family == 2, &h->destination);
	return PROXY_DONE;
}

enum proxy_result
proxy_parse(const void *p, size_t n, struct proxy_header *h_r,
    const char **why_r)
{
	memset(h_r, 0, sizeof(*h_r));
	*why_r = "no PROXY header";
	if (n == 0)
		return PROXY_MORE;
	if (proxy_begins(p, n, proxy_v1, PROXY_V1_START))
		return proxy_parse_v1(str_of(p, n), h_r, why_r);
	if (proxy_begins(p, n, proxy_v2, PROXY_V2_START))
		return proxy_parse_v2(p, n, h_r, why_r);
	return PROXY_BAD;
}
