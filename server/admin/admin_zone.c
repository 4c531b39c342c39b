/* admin_zone.c - the DNS records a mail domain needs */
#include "server/admin/admin_zone.h"

#include "base/buf.h"

#define ADMIN_ZONE_STRING 255
#define ADMIN_ZONE_MAX 64 /* hosts, keys */

struct admin_zone {
	struct arena *a;
	const struct admin_zone_conf *c;
	struct admin_zone_record *list;
	unsigned n;
};

static void
admin_zone_add(struct admin_zone *z, const char *prefix, const char *type,
    struct str data)
{
	z->list[z->n++] = (struct admin_zone_record){
		.name = str_c(arena_printf(z->a, "%s%s" STR_FMT, prefix,
		    prefix[0] != '\0' ? "." : "", STR_ARG(z->c->domain))),
		.type = type,
		.data = data,
	};
}

static void
admin_zone_srv(struct admin_zone *z, bool have, const char *service,
    unsigned port)
{
	const struct str *hosts = z->c->hosts;
	unsigned n = z->c->hosts_n;

	if (z->c->client.n > 0) {
		hosts = &z->c->client;
		n = 1;
	}
	for (unsigned i = 0; have && i < n && i < ADMIN_ZONE_MAX; i++)
		admin_zone_add(z, service, "SRV",
		    str_c(arena_printf(z->a, "0 1 %u " STR_FMT ".", port,
			STR_ARG(hosts[i]))));
}

static void
admin_zone_dkim(struct admin_zone *z, const struct admin_zone_key *k)
{
	admin_zone_add(z,
	    arena_printf(z->a, STR_FMT "._domainkey", STR_ARG(k->selector)),
	    "TXT", k->record);
}

void
admin_zone_build(struct arena *a, const struct admin_zone_conf *c,
    struct admin_zone_record **list_r, unsigned *n_r)
{
	struct admin_zone z = { .a = a, .c = c };
	size_t most = 4 + 7 * (size_t)ADMIN_ZONE_MAX + c->keys_n;

	z.list = arena_alloc(a, most * sizeof(*z.list));
	for (unsigned i = 0; i < c->hosts_n && i < ADMIN_ZONE_MAX; i++)
		admin_zone_add(&z, "", "MX",
		    str_c(arena_printf(a, "10 " STR_FMT ".",
			STR_ARG(c->hosts[i]))));
	if (c->spf.n > 0)
		admin_zone_add(&z, "", "TXT", c->spf);
	for (unsigned i = 0; i < c->keys_n; i++)
		admin_zone_dkim(&z, &c->keys[i]);
	if (c->dmarc.n > 0)
		admin_zone_add(&z, "_dmarc", "TXT", c->dmarc);
	admin_zone_srv(&z, c->submissions, "_submissions._tcp", 465);
	admin_zone_srv(&z, c->submission, "_submission._tcp", 587);
	admin_zone_srv(&z, c->imaps, "_imaps._tcp", 993);
	admin_zone_srv(&z, c->imap, "_imap._tcp", 143);
	admin_zone_srv(&z, c->pop3s, "_pop3s._tcp", 995);
	admin_zone_srv(&z, c->pop3, "_pop3._tcp", 110);
	if (c->autoconfig && (c->client.n > 0 || c->hosts_n > 0)) {
		struct str host = str_c(arena_printf(a, STR_FMT ".",
		    STR_ARG(c->client.n > 0 ? c->client : c->hosts[0])));

		admin_zone_add(&z, "autoconfig", "CNAME", host);
		admin_zone_add(&z, "autodiscover", "CNAME", host);
	}
	*list_r = z.list;
	*n_r = z.n;
}

static void
admin_zone_string(struct buf *b, struct str s)
{
	buf_char(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];

		if (ch == '"' || ch == '\\')
			buf_fmt(b, "\\%c", ch);
		else if (ch < ' ' || ch >= 0x7f)
			buf_fmt(b, "\\%03u", ch);
		else
			buf_char(b, (char)ch);
	}
	buf_char(b, '"');
}

struct str
admin_zone_line(struct arena *a, const struct admin_zone_record *r)
{
	bool txt = strcmp(r->type, "TXT") == 0;
	bool several = txt && r->data.n > ADMIN_ZONE_STRING;
	struct buf b;

	buf_init(&b, a, 4 * r->data.n + r->data.n / 32 + r->name.n + 100);
	buf_fmt(&b, STR_FMT ".\tIN\t%s\t", STR_ARG(r->name), r->type);
	if (!txt) {
		buf_str_add(&b, r->data);
		return buf_str(&b);
	}
	if (several)
		buf_c(&b, "( ");
	for (size_t at = 0; at == 0 || at < r->data.n;
	     at += ADMIN_ZONE_STRING) {
		if (at > 0)
			buf_c(&b, "\n\t\t\t");
		admin_zone_string(&b, str_sub(r->data, at, ADMIN_ZONE_STRING));
	}
	if (several)
		buf_c(&b, " )");
	return buf_str(&b);
}
