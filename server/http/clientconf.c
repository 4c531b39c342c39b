/* clientconf.c - what mail programs are told so that they set themselves up */
#include "server/http/clientconf.h"

#include <string.h>

struct clientconf_row {
	unsigned service;
	const char *protocol;  /* net/conn.h */
	const char *type;      /* Mozilla's */
	const char *microsoft; /* Autodiscover's */
	unsigned port;
	bool implicit; /* TLS from the first byte (RFC 8314) */
	bool outgoing;
};

static const struct clientconf_row clientconf_rows[] = {
	{ CLIENTCONF_IMAPS, "imaps", "imap", "IMAP", 993, true, false },
	{ CLIENTCONF_IMAP, "imap", "imap", "IMAP", 143, false, false },
	{ CLIENTCONF_POP3S, "pop3s", "pop3", "POP3", 995, true, false },
	{ CLIENTCONF_POP3, "pop3", "pop3", "POP3", 110, false, false },
	{ CLIENTCONF_SUBMISSIONS, "submissions", "smtp", "SMTP", 465, true,
	    true },
	{ CLIENTCONF_SUBMISSION, "submission", "smtp", "SMTP", 587, false,
	    true },
};

unsigned
clientconf_service_of(const char *protocol)
{
	for (unsigned i = 0; i < countof(clientconf_rows); i++)
		if (strcmp(clientconf_rows[i].protocol, protocol) == 0)
			return clientconf_rows[i].service;
	return 0;
}

static const struct {
	char c;
	const char *entity;
} clientconf_entities[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" },
	{ '"', "&quot;" }, { '\'', "&apos;" } };

/* Texts come from names and addresses that were checked; what XML 1.0 cannot
 * have (2.2) is left out all the same. */
static void
clientconf_text(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		const char *entity = NULL;

		for (unsigned k = 0; k < countof(clientconf_entities); k++)
			if (clientconf_entities[k].c == s.p[i])
				entity = clientconf_entities[k].entity;
		if (entity != NULL)
			buf_c(b, entity);
		else if ((unsigned char)s.p[i] >= ' ')
			buf_char(b, s.p[i]);
	}
}

static void
clientconf_element(struct buf *b, const char *name, struct str text)
{
	buf_fmt(b, "<%s>", name);
	clientconf_text(b, text);
	buf_fmt(b, "</%s>\n", name);
}

#define CLIENTCONF_XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

/* --- Mozilla --- */

static void
clientconf_mozilla_server(struct buf *b, const struct clientconf *c,
    const struct clientconf_row *r)
{
	const char *tag = r->outgoing ? "outgoingServer" : "incomingServer";

	buf_fmt(b, "<%s type=\"%s\">\n", tag, r->type);
	clientconf_element(b, "hostname", c->host);
	buf_fmt(b, "<port>%u</port>\n", r->port);
	clientconf_element(b, "socketType",
	    r->implicit ? STR("SSL") : STR("STARTTLS"));
	clientconf_element(b, "authentication", STR("password-cleartext"));
	clientconf_element(b, "username",
	    c->address.n > 0 ? c->address : STR("%EMAILADDRESS%"));
	buf_fmt(b, "</%s>\n", tag);
}

void
clientconf_mozilla(struct buf *b, const struct clientconf *c)
{
	buf_c(b, CLIENTCONF_XML "<clientConfig version=\"1.1\">\n"
				"<emailProvider id=\"");
	clientconf_text(b, c->domain);
	buf_c(b, "\">\n");
	clientconf_element(b, "domain", c->domain);
	clientconf_element(b, "displayName", c->domain);
	clientconf_element(b, "displayShortName", c->domain);
	for (unsigned i = 0; i < countof(clientconf_rows); i++)
		if (c->services & clientconf_rows[i].service)
			clientconf_mozilla_server(b, c, &clientconf_rows[i]);
	buf_c(b, "</emailProvider>\n</clientConfig>\n");
}

/* --- Microsoft --- */

static void
clientconf_microsoft_server(struct buf *b, const struct clientconf *c,
    const struct clientconf_row *r)
{
	buf_c(b, "<Protocol>\n");
	clientconf_element(b, "Type", str_c(r->microsoft));
	clientconf_element(b, "Server", c->host);
	buf_fmt(b, "<Port>%u</Port>\n", r->port);
	clientconf_element(b, "LoginName", c->address);
	clientconf_element(b, "DomainRequired", STR("off"));
	clientconf_element(b, "SPA", STR("off"));
	/* Encryption counts before SSL, which old programs know alone. */
	clientconf_element(b, "SSL", STR("on"));
	clientconf_element(b, "Encryption",
	    r->implicit ? STR("SSL") : STR("TLS"));
	clientconf_element(b, "AuthRequired", STR("on"));
	buf_c(b, "</Protocol>\n");
}

#define CLIENTCONF_SCHEMA "http://schemas.microsoft.com/exchange/autodiscover/"

void
clientconf_autodiscover(struct buf *b, const struct clientconf *c)
{
	buf_c(b, CLIENTCONF_XML "<Autodiscover xmlns=\"" CLIENTCONF_SCHEMA
				"responseschema/2006\">\n"
				"<Response xmlns=\"" CLIENTCONF_SCHEMA
				"outlook/responseschema/2006a\">\n"
				"<Account>\n<AccountType>email</AccountType>\n"
				"<Action>settings</Action>\n");
	for (unsigned i = 0; i < countof(clientconf_rows); i++)
		if (c->services & clientconf_rows[i].service)
			clientconf_microsoft_server(b, c, &clientconf_rows[i]);
	buf_c(b, "</Account>\n</Response>\n</Autodiscover>\n");
}

void
clientconf_autodiscover_error(struct buf *b, unsigned code, const char *text)
{
	buf_c(b,
	    CLIENTCONF_XML "<Autodiscover xmlns=\"" CLIENTCONF_SCHEMA
			   "responseschema/2006\">\n<Response>\n<Error>\n");
	buf_fmt(b, "<ErrorCode>%u</ErrorCode>\n", code);
	clientconf_element(b, "Message", str_c(text));
	buf_c(b, "</Error>\n</Response>\n</Autodiscover>\n");
}

/* The rest behind the first `what`, or p NULL. */
static struct str
clientconf_behind(struct str s, const char *what)
{
	size_t n = strlen(what);

	for (size_t i = 0; i + n <= s.n; i++)
		if (memcmp(s.p + i, what, n) == 0)
			return str_sub(s, i + n, s.n);
	return STR_NONE;
}

static void
clientconf_decode(struct buf *b, struct str s)
{
	while (s.n > 0) {
		unsigned k = 0;

		while (k < countof(clientconf_entities) &&
		       !str_starts(s, str_c(clientconf_entities[k].entity)))
			k++;
		if (k < countof(clientconf_entities)) {
			buf_char(b, clientconf_entities[k].c);
			s = str_sub(s, strlen(clientconf_entities[k].entity),
			    s.n);
		} else {
			buf_char(b, s.p[0]);
			s = str_sub(s, 1, s.n);
		}
	}
}

static struct str
clientconf_trim(struct str s)
{
	while (s.n > 0 && (unsigned char)s.p[0] <= ' ')
		s = str_sub(s, 1, s.n);
	while (s.n > 0 && (unsigned char)s.p[s.n - 1] <= ' ')
		s.n--;
	return s;
}

/* <EMailAddress> or <a:EMailAddress xmlns:a="..."> */
static bool
clientconf_tag_ends_here(struct str rest)
{
	return rest.n > 0 &&
	       (rest.p[0] == '>' || rest.p[0] == ' ' || rest.p[0] == '\r' ||
		   rest.p[0] == '\n' || rest.p[0] == '\t');
}

bool
clientconf_autodiscover_address(struct arena *a, struct str body,
    struct str *address_r)
{
	struct str rest = clientconf_behind(body, "EMailAddress");
	ptrdiff_t end;
	struct buf b;

	*address_r = STR_NONE;
	if (rest.p == NULL || !clientconf_tag_ends_here(rest))
		return false;
	end = str_chr(rest, '>');
	if (end < 0)
		return false;
	rest = clientconf_trim(str_sub(rest, (size_t)end + 1, rest.n));
	end = str_chr(rest, '<');
	if (end <= 0 || end > CLIENTCONF_ADDRESS_MAX * 6)
		return false;
	buf_init(&b, a, CLIENTCONF_ADDRESS_MAX);
	clientconf_decode(&b, clientconf_trim(str_sub(rest, 0, (size_t)end)));
	*address_r = buf_str(&b);
	return buf_ok(&b) && b.n > 0;
}
