/* conf_dns.c - the section dns {} */
#include "server/conf_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/dns/dns_rdata.h"

#define CONF_DNS_PORT 53
#define CONF_DNS_ANCHOR "/usr/share/dns/root.key" /* Debian: dns-root-data */

bool
conf_to_anchor(struct conf_to *c)
{
	c->why = "is a path that begins with /";
	if (c->v->n > 0 && c->v->p[0] != '/')
		return false;
	*(const char **)c->into =
	    c->v->n > 0 ? arena_cstr(c->a, *c->v) : CONF_DNS_ANCHOR;
	return true;
}

/* ADDRESS, ADDRESS@PORT, IPV4:PORT, [IPV6]:PORT */
static bool
conf_resolver(struct str v, struct net_addr *ad_r)
{
	ptrdiff_t at = str_chr(v, '@');
	struct str host = v, port = STR_NONE;
	uint32_t n = CONF_DNS_PORT;

	if (at < 0 && v.n > 0 && v.p[0] == '[') {
		at = str_chr(v, ']');
		if (at < 0 || (size_t)at + 1 >= v.n || v.p[at + 1] != ':')
			return false;
		host = str_sub(v, 1, (size_t)at - 1);
		port = str_sub(v, (size_t)at + 2, v.n);
	} else {
		if (at < 0 && (at = str_chr(v, ':')) >= 0 &&
		    str_chr(str_sub(v, (size_t)at + 1, v.n), ':') >= 0)
			at = -1; /* IPv6 */
		if (at >= 0) {
			host = str_sub(v, 0, (size_t)at);
			port = str_sub(v, (size_t)at + 1, v.n);
		}
	}
	if (port.p != NULL && (!str_u32(port, &n) || n == 0 || n > 65535))
		return false;
	if (!net_addr_parse(host, ad_r) || ad_r->family == NET_UNIX)
		return false;
	ad_r->port = (uint16_t)n;
	return true;
}

bool
conf_to_resolvers(struct conf_to *c)
{
	struct net_addr *l = arena_array(c->a, (size_t)c->n + 1, sizeof(*l));

	for (unsigned i = 0; i < c->n; i++) {
		if (conf_resolver(c->v[i], &l[i]))
			continue;
		c->why = arena_printf(c->a,
		    "names \"" STR_FMT "\", which is no numeric address, with "
		    "@PORT or without",
		    STR_ARG(c->v[i]));
		return false;
	}
	*(struct net_addr **)c->into = l;
	*(unsigned *)c->count_into = c->n;
	return true;
}

static bool
conf_domain(struct arena *a, struct str v, const char **text_r)
{
	struct str name;

	*text_r = ".";
	return str_eq_c(v, ".") || (dns_name_text(a, v, &name, text_r) &&
				       strchr(*text_r, '\\') == NULL);
}

bool
conf_to_domains(struct conf_to *c)
{
	const char **l = arena_array(c->a, (size_t)c->n + 1, sizeof(*l));

	for (unsigned i = 0; i < c->n; i++) {
		if (conf_domain(c->a, c->v[i], &l[i]))
			continue;
		c->why = arena_printf(c->a,
		    "names \"" STR_FMT "\", which is no domain",
		    STR_ARG(c->v[i]));
		return false;
	}
	*(const char ***)c->into = l;
	*(unsigned *)c->count_into = c->n;
	return true;
}

static bool
conf_dns_validates(const struct conf *c)
{
	for (unsigned i = 0; i < c->dns.insecure_n; i++)
		if (strcmp(c->dns.insecure[i], ".") == 0)
			return false;
	return true;
}

/*
 * libunbound reads it in the worker, when the first name is asked for, and then
 * resolves nothing at all if it cannot.
 */
struct err *
conf_check_dns(struct arena *a, const struct conf *c,
    const struct conf_raw *raw)
{
	const struct conf_item *it =
	    conf_item_find(raw, CONF_DNS, NULL, "trust_anchor");
	unsigned line = it != NULL ? it->line : 0;
	const char *file = c->dns.trust_anchor;
	struct stat sb;

	if (!conf_dns_validates(c))
		return NULL;
	if (stat(file, &sb) != 0 && errno == ENOENT &&
	    strcmp(file, CONF_DNS_ANCHOR) == 0)
		return conf_bad(a, raw->file, line,
		    "the trust anchor %s is missing, without which no name "
		    "can be validated: apt install dns-root-data",
		    file);
	if (stat(file, &sb) != 0)
		return conf_bad(a, raw->file, line,
		    "trust_anchor %s cannot be used: %s", file,
		    strerror(errno));
	if (!S_ISREG(sb.st_mode))
		return conf_bad(a, raw->file, line,
		    "trust_anchor %s is not a file", file);
	if (geteuid() == 0 ? (sb.st_mode & 04) == 0 : access(file, R_OK) != 0)
		return conf_bad(a, raw->file, line,
		    "trust_anchor %s cannot be read by the workers: chmod 644 "
		    "it",
		    file);
	return NULL;
}
