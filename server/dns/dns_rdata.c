/* dns_rdata.c - names and records as they are on the wire (RFC 1035, 3.3) */
#include "server/dns/dns_rdata.h"

#define DNS_LABEL_MAX 63

static uint16_t
dns_be16(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;

	return (uint16_t)(b[0] << 8 | b[1]);
}

static char
dns_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
dns_name_char(char c)
{
	c = dns_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '_' || c == '/';
}

/* name = *(length label) %x00; what follows stays in *in */
static bool
dns_take_name(struct arena *a, struct str *in, struct str *name_r)
{
	char text[DNS_NAME_MAX + 1];
	size_t n = 0, label;

	for (;;) {
		if (in->n == 0)
			return false;
		label = (unsigned char)in->p[0];
		*in = str_sub(*in, 1, in->n);
		if (label == 0)
			break;
		/* No pointers: there is no message around it. */
		if (label > DNS_LABEL_MAX || label > in->n ||
		    n + (n > 0) + label > DNS_NAME_MAX)
			return false;
		if (n > 0)
			text[n++] = '.';
		for (size_t i = 0; i < label; i++) {
			if (!dns_name_char(in->p[i]))
				return false;
			text[n++] = dns_lower(in->p[i]);
		}
		*in = str_sub(*in, label, in->n);
	}
	*name_r = arena_str(a, str_of(text, n));
	return true;
}

bool
dns_rdata_name(struct arena *a, struct str rdata, struct str *name_r)
{
	return dns_take_name(a, &rdata, name_r) && rdata.n == 0;
}

bool
dns_rdata_mx(struct arena *a, struct str rdata, uint16_t *preference_r,
    struct str *host_r)
{
	if (rdata.n < 2)
		return false;
	*preference_r = dns_be16(rdata.p);
	return dns_rdata_name(a, str_sub(rdata, 2, rdata.n), host_r);
}

bool
dns_rdata_srv(struct arena *a, struct str rdata, struct dns_srv *srv_r)
{
	if (rdata.n < 6)
		return false;
	srv_r->priority = dns_be16(rdata.p);
	srv_r->weight = dns_be16(rdata.p + 2);
	srv_r->port = dns_be16(rdata.p + 4);
	return dns_rdata_name(a, str_sub(rdata, 6, rdata.n), &srv_r->host);
}

bool
dns_rdata_txt(struct arena *a, struct str rdata, struct str *text_r)
{
	char *text;
	size_t n = 0, piece;

	/* one string at least */
	if (rdata.n == 0 || rdata.n > 65535)
		return false;
	text = arena_alloc(a, rdata.n);
	for (size_t at = 0; at < rdata.n; at += 1 + piece) {
		piece = (unsigned char)rdata.p[at];
		if (piece > rdata.n - at - 1)
			return false;
		memcpy(text + n, rdata.p + at + 1, piece);
		n += piece;
	}
	*text_r = str_of(text, n);
	return true;
}

bool
dns_rdata_address(struct str rdata, bool ip6, struct net_addr *ad_r)
{
	if (rdata.n != (ip6 ? 16U : 4U))
		return false;
	net_addr_of_ip(ip6 ? NET_IP6 : NET_IP4, rdata.p, ad_r);
	return true;
}

/* A label's byte as presentation format has it (RFC 1035, 5.1). */
static void
dns_text_char(struct buf *b, char c)
{
	if (dns_name_char(c))
		buf_char(b, dns_lower(c));
	else
		buf_fmt(b, "\\%03u", (unsigned)(unsigned char)c);
}

bool
dns_name_text(struct arena *a, struct str name, struct str *name_r,
    const char **text_r)
{
	struct str rest = name, label;
	char *lower;
	struct buf b;

	if (str_ends(rest, STR(".")))
		rest.n--;
	if (rest.n == 0 || rest.n > DNS_NAME_MAX || str_ends(rest, STR(".")))
		return false;
	lower = arena_cstr(a, rest);
	for (size_t i = 0; i < rest.n; i++)
		lower[i] = dns_lower(lower[i]);
	*name_r = rest = str_of(lower, rest.n);
	buf_init(&b, a, 4 * DNS_NAME_MAX + 1);
	while (str_split(&rest, '.', &label)) {
		if (label.n == 0 || label.n > DNS_LABEL_MAX)
			return false;
		if (b.n > 0)
			buf_char(&b, '.');
		for (size_t i = 0; i < label.n; i++)
			dns_text_char(&b, label.p[i]);
	}
	*text_r = buf_cstr(&b);
	return buf_ok(&b);
}

bool
dns_name_reverse(struct arena *a, const struct net_addr *ad, struct str *name_r)
{
	struct buf b;

	buf_init(&b, a, DNS_NAME_MAX);
	if (ad->family == NET_IP4)
		buf_fmt(&b, "%u.%u.%u.%u.in-addr.arpa", ad->ip[3], ad->ip[2],
		    ad->ip[1], ad->ip[0]);
	else if (ad->family == NET_IP6) {
		for (int i = 15; i >= 0; i--)
			buf_fmt(&b, "%x.%x.", ad->ip[i] & 15U,
			    (unsigned)ad->ip[i] >> 4);
		buf_c(&b, "ip6.arpa");
	}
	*name_r = buf_str(&b);
	return b.n > 0;
}

bool
dns_name_wire(struct str name, struct buf *b)
{
	struct str label;

	if (name.n > DNS_NAME_MAX)
		return false;
	while (str_split(&name, '.', &label)) {
		if (label.n == 0 || label.n > DNS_LABEL_MAX)
			return false;
		buf_char(b, (char)label.n);
		buf_str_add(b, label);
	}
	buf_char(b, '\0');
	return buf_ok(b);
}
