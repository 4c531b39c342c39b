/* smtp_parse.c - the grammar of SMTP and LMTP commands */
#include "server/smtp/smtp_parse.h"

#include <arpa/inet.h>

#include "base/attr.h"
#include "base/utf8.h"

#define SMTP_SIZE_DIGITS 20 /* RFC 1870, 4 */

/* What is left of the line. */
struct smtp_in {
	struct str rest;
};

static bool
smtp_char(struct smtp_in *in, char c)
{
	if (in->rest.n == 0 || in->rest.p[0] != c)
		return false;
	in->rest = str_sub(in->rest, 1, in->rest.n);
	return true;
}

static void
smtp_blanks(struct smtp_in *in)
{
	while (smtp_char(in, ' '))
		;
}

/* A literal of any case: "FROM:". */
static bool
smtp_literal(struct smtp_in *in, const char *s)
{
	struct str want = str_c(s);

	if (!str_case_eq(str_sub(in->rest, 0, want.n), want))
		return false;
	in->rest = str_sub(in->rest, want.n, in->rest.n);
	return true;
}

/* The longest piece whose bytes all are; may be empty. */
static struct str
smtp_span(struct smtp_in *in, bool (*is)(unsigned char c))
{
	size_t n = 0;
	struct str got;

	while (n < in->rest.n && is((unsigned char)in->rest.p[n]))
		n++;
	got = str_sub(in->rest, 0, n);
	in->rest = str_sub(in->rest, n, in->rest.n);
	return got;
}

/* What was read since `before`. */
static struct str
smtp_since(struct str before, const struct smtp_in *in)
{
	return str_sub(before, 0, before.n - in->rest.n);
}

/* --- characters --- */

static bool
smtp_is_alnum(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

/* atext of RFC 5322, 3.2.3, and UTF8-non-ascii of RFC 6532 */
static bool
smtp_is_atext(unsigned char c)
{
	return c >= 0x80 || smtp_is_alnum(c) ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Let-dig and "-" of a sub-domain; "_" because there are such hosts */
static bool
smtp_is_label(unsigned char c)
{
	return c >= 0x80 || smtp_is_alnum(c) || c == '-' || c == '_';
}

static bool
smtp_is_keyword(unsigned char c)
{
	return smtp_is_alnum(c) || c == '-';
}

/* esmtp-value = 1*(%d33-60 / %d62-126); RFC 6531 adds UTF8-non-ascii */
static bool
smtp_is_value(unsigned char c)
{
	return c >= 33 && c != '=' && c != 127;
}

static bool
smtp_is_word(unsigned char c)
{
	return c != ' ' && c != '\t';
}

/* --- addresses --- */

/* Dot-string = Atom *("." Atom)	RFC 5321, 4.1.2 */
static bool
smtp_dot_string(struct smtp_in *in)
{
	do {
		if (smtp_span(in, smtp_is_atext).n == 0)
			return false;
	} while (smtp_char(in, '.'));
	return true;
}

/*
 * Quoted-string   = DQUOTE *QcontentSMTP DQUOTE
 * QcontentSMTP    = qtextSMTP / quoted-pairSMTP
 * quoted-pairSMTP = %d92 %d32-126
 * qtextSMTP       = %d32-33 / %d35-91 / %d93-126 / UTF8-non-ascii
 */
static bool
smtp_quoted_string(struct smtp_in *in)
{
	if (!smtp_char(in, '"'))
		return false;
	while (!smtp_char(in, '"')) {
		bool pair = smtp_char(in, '\\');
		unsigned char c;

		if (in->rest.n == 0)
			return false;
		c = (unsigned char)in->rest.p[0];
		if (c < 32 || c == 127 || (pair && c >= 0x80))
			return false;
		in->rest = str_sub(in->rest, 1, in->rest.n);
	}
	return true;
}

/*
 * Domain     = sub-domain *("." sub-domain)
 * sub-domain = Let-dig [Ldh-str] / U-label
 */
static bool
smtp_domain(struct smtp_in *in)
{
	do {
		struct str label = smtp_span(in, smtp_is_label);

		if (label.n == 0 || label.p[0] == '-' ||
		    label.p[label.n - 1] == '-')
			return false;
	} while (smtp_char(in, '.'));
	return true;
}

static bool
smtp_is_ip(int family, struct str s)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char ip[16];

	if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n) != NULL)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(family, text, ip) == 1;
}

/*
 * address-literal      = "[" ( IPv4-address-literal /
 *			  IPv6-address-literal ) "]"
 * IPv6-address-literal = "IPv6:" IPv6-addr	RFC 5321, 4.1.3
 */
static bool
smtp_address_literal(struct smtp_in *in)
{
	struct str text;
	ptrdiff_t end;

	if (!smtp_char(in, '['))
		return false;
	end = str_chr(in->rest, ']');
	if (end < 0)
		return false;
	text = str_sub(in->rest, 0, (size_t)end);
	in->rest = str_sub(in->rest, (size_t)end + 1, in->rest.n);
	if (str_case_eq_c(str_sub(text, 0, 5), "IPv6:"))
		return smtp_is_ip(AF_INET6, str_sub(text, 5, text.n));
	return smtp_is_ip(AF_INET, text);
}

/* A-d-l = At-domain *( "," At-domain )		to be ignored: 4.1.1.3, C */
static bool
smtp_source_route(struct smtp_in *in)
{
	do {
		if (!smtp_char(in, '@') || !smtp_domain(in))
			return false;
	} while (smtp_char(in, ','));
	return smtp_char(in, ':');
}

/* Mailbox = Local-part "@" ( Domain / address-literal ) */
static bool
smtp_mailbox(struct smtp_in *in, struct smtp_path *p)
{
	struct str whole = in->rest, before = in->rest;

	if (whole.n > 0 && whole.p[0] == '"' ? !smtp_quoted_string(in)
					     : !smtp_dot_string(in))
		return false;
	p->local = smtp_since(before, in);
	if (smtp_char(in, '@')) {
		before = in->rest;
		if (before.n > 0 && before.p[0] == '['
			? !smtp_address_literal(in)
			: !smtp_domain(in))
			return false;
		p->domain = smtp_since(before, in);
	}
	p->mailbox = smtp_since(whole, in);
	for (size_t i = 0; i < p->mailbox.n; i++)
		p->utf8 |= (unsigned char)p->mailbox.p[i] >= 0x80;
	p->valid = !p->utf8 || utf8_is_valid(p->mailbox);
	return true;
}

static bool
smtp_path_is_long(const struct smtp_path *p)
{
	struct str scheme = str_sub(p->local, 0, 4);
	bool srs =
	    str_case_eq_c(scheme, "SRS0") || str_case_eq_c(scheme, "SRS1");

	return p->local.n > (srs ? SMTP_LOCAL_SRS_MAX : SMTP_LOCAL_MAX) ||
	       p->domain.n > SMTP_DOMAIN_MAX;
}

/*
 * Path         = "<" [ A-d-l ":" ] Mailbox ">"
 * Reverse-path = Path / "<>"
 *
 * Also "<Postmaster>", which has no domain: whether that may be is not decided
 * here.
 */
static enum smtp_syntax
smtp_path(struct smtp_in *in, bool null_too, struct smtp_path *p)
{
	struct str before = in->rest;

	*p = (struct smtp_path){ .mailbox = STR(""), .valid = true };
	if (null_too && smtp_literal(in, "<>"))
		return SMTP_OK;
	if (!smtp_char(in, '<'))
		return SMTP_BAD_PATH;
	if (in->rest.n > 0 && in->rest.p[0] == '@' && !smtp_source_route(in))
		return SMTP_BAD_PATH;
	if (!smtp_mailbox(in, p) || !smtp_char(in, '>'))
		return SMTP_BAD_PATH;
	if (smtp_path_is_long(p) || smtp_since(before, in).n > SMTP_PATH_MAX)
		return SMTP_LONG_PATH;
	return SMTP_OK;
}

bool
smtp_parse_mailbox(struct str s, struct smtp_path *p_r)
{
	struct smtp_in in = { s };

	*p_r = (struct smtp_path){ .mailbox = STR("") };
	return smtp_mailbox(&in, p_r) && in.rest.n == 0 && p_r->domain.n > 0 &&
	       !smtp_path_is_long(p_r);
}

/* --- parameters --- */

/* Of which command: the other is NULL. */
struct smtp_to {
	struct smtp_mail *mail;
	struct smtp_rcpt *rcpt;
};

/* size-value = 1*20DIGIT	RFC 1870, 4 */
static enum smtp_syntax
smtp_param_size(struct smtp_to to, struct str value)
{
	if (value.n == 0 || value.n > SMTP_SIZE_DIGITS)
		return SMTP_BAD_VALUE;
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < '0' || value.p[i] > '9')
			return SMTP_BAD_VALUE;
	if (!str_u64(value, &to.mail->size))
		to.mail->size = UINT64_MAX;
	to.mail->has_size = true;
	return SMTP_OK;
}

/* body-value = "7BIT" / "8BITMIME"	RFC 6152, 2 */
static enum smtp_syntax
smtp_param_body(struct smtp_to to, struct str value)
{
	to.mail->body8 = str_case_eq_c(value, "8BITMIME");
	return to.mail->body8 || str_case_eq_c(value, "7BIT") ? SMTP_OK
							      : SMTP_BAD_VALUE;
}

/* without a value	RFC 6531, 3.4 */
static enum smtp_syntax
smtp_param_utf8(struct smtp_to to, struct str value)
{
	to.mail->smtputf8 = true;
	return value.p == NULL ? SMTP_OK : SMTP_BAD_VALUE;
}

/* ret-value = "FULL" / "HDRS"	RFC 3461, 4.3 */
static enum smtp_syntax
smtp_param_ret(struct smtp_to to, struct str value)
{
	to.mail->dsn = true;
	if (str_case_eq_c(value, "FULL"))
		to.mail->ret = SMTP_RET_FULL;
	else if (str_case_eq_c(value, "HDRS"))
		to.mail->ret = SMTP_RET_HDRS;
	return to.mail->ret != SMTP_RET_NONE ? SMTP_OK : SMTP_BAD_VALUE;
}

/* envid-parameter = "ENVID=" xtext	4.4 */
static enum smtp_syntax
smtp_param_envid(struct smtp_to to, struct str value)
{
	to.mail->dsn = true;
	to.mail->envid = value;
	return value.n > 0 && value.n <= SMTP_ENVID_MAX &&
		       smtp_xtext(value, NULL) != SIZE_MAX
		   ? SMTP_OK
		   : SMTP_BAD_VALUE;
}

/*
 * notify-esmtp-value  = "NEVER" / notify-list-element
 *			 *("," notify-list-element)	4.1
 * notify-list-element = "SUCCESS" / "FAILURE" / "DELAY"
 */
static enum smtp_syntax
smtp_param_notify(struct smtp_to to, struct str value)
{
	static const struct {
		const char *name;
		unsigned bit;
	} words[] = {
		{ "SUCCESS", SMTP_NOTIFY_SUCCESS },
		{ "FAILURE", SMTP_NOTIFY_FAILURE },
		{ "DELAY", SMTP_NOTIFY_DELAY },
	};
	struct str word;

	to.rcpt->dsn = true;
	if (str_case_eq_c(value, "NEVER")) {
		to.rcpt->notify = SMTP_NOTIFY_NEVER;
		return SMTP_OK;
	}
	while (str_split(&value, ',', &word)) {
		unsigned bit = 0;

		for (unsigned i = 0; i < countof(words); i++)
			if (str_case_eq_c(word, words[i].name))
				bit = words[i].bit;
		if (bit == 0)
			return SMTP_BAD_VALUE;
		to.rcpt->notify |= bit;
	}
	return to.rcpt->notify != 0 ? SMTP_OK : SMTP_BAD_VALUE;
}

/* orcpt-parameter = "ORCPT=" addr-type ";" xtext	4.2 */
static enum smtp_syntax
smtp_param_orcpt(struct smtp_to to, struct str value)
{
	to.rcpt->dsn = true;
	to.rcpt->orcpt = value;
	return value.n <= SMTP_ORCPT_MAX && smtp_orcpt(value, NULL) != SIZE_MAX
		   ? SMTP_OK
		   : SMTP_BAD_VALUE;
}

/* auth-value = xtext, which is a mailbox or "<>"	RFC 4954, 5 */
static enum smtp_syntax
smtp_param_auth(struct smtp_to to, struct str value)
{
	to.mail->has_auth = true;
	return value.n > 0 && smtp_xtext(value, NULL) != SIZE_MAX
		   ? SMTP_OK
		   : SMTP_BAD_VALUE;
}

static const struct smtp_param {
	const char *name;
	bool rcpt; /* it belongs to RCPT, not to MAIL */
	enum smtp_syntax (*set)(struct smtp_to to, struct str value);
} smtp_params_known[] = {
	{ "SIZE", false, smtp_param_size },
	{ "BODY", false, smtp_param_body },
	{ "SMTPUTF8", false, smtp_param_utf8 },
	{ "AUTH", false, smtp_param_auth },
	{ "RET", false, smtp_param_ret },
	{ "ENVID", false, smtp_param_envid },
	{ "NOTIFY", true, smtp_param_notify },
	{ "ORCPT", true, smtp_param_orcpt },
};

static enum smtp_syntax
smtp_param(struct smtp_to to, struct str name, struct str value, unsigned *seen)
{
	for (unsigned i = 0; i < countof(smtp_params_known); i++) {
		const struct smtp_param *p = &smtp_params_known[i];

		if (p->rcpt != (to.rcpt != NULL) ||
		    !str_case_eq_c(name, p->name))
			continue;
		if (*seen & 1U << i)
			return SMTP_BAD_VALUE;
		*seen |= 1U << i;
		return p->set(to, value);
	}
	return SMTP_BAD_PARAM;
}

/*
 * Mail-parameters = esmtp-param *(SP esmtp-param)
 * esmtp-param     = esmtp-keyword ["=" esmtp-value]
 */
static enum smtp_syntax
smtp_params(struct smtp_in *in, struct smtp_to to)
{
	unsigned seen = 0;

	for (unsigned n = 0; in->rest.n > 0; n++) {
		struct str name, value = STR_NONE;
		enum smtp_syntax bad;

		if (n == SMTP_PARAMS_MAX || !smtp_char(in, ' '))
			return SMTP_BAD_COMMAND;
		smtp_blanks(in);
		name = smtp_span(in, smtp_is_keyword);
		if (name.n == 0)
			return SMTP_BAD_COMMAND;
		if (smtp_char(in, '=')) {
			value = smtp_span(in, smtp_is_value);
			if (value.n == 0)
				return SMTP_BAD_VALUE;
		}
		bad = smtp_param(to, name, value, &seen);
		if (bad != SMTP_OK)
			return bad;
	}
	return SMTP_OK;
}

/* --- commands --- */

/* Blanks at the end are nobody's. */
static struct str
smtp_trim_end(struct str s)
{
	while (s.n > 0 && !smtp_is_word((unsigned char)s.p[s.n - 1]))
		s.n--;
	return s;
}

bool
smtp_parse_command(struct str line, struct str *verb_r, struct str *args_r)
{
	struct smtp_in in = { smtp_trim_end(line) };

	*verb_r = smtp_span(&in, smtp_is_word);
	smtp_blanks(&in);
	*args_r = in.rest;
	return verb_r->n > 0;
}

/* A-labels only: RFC 6531, 3.7.1 */
static bool
smtp_is_host_char(unsigned char c)
{
	return smtp_is_alnum(c) || c == '-' || c == '_' || c == '.';
}

/* ehlo = "EHLO" SP ( Domain / address-literal )	RFC 5321, 4.1.1.1 */
bool
smtp_parse_hello(struct str args, struct str *name_r)
{
	struct smtp_in in = { args };

	if (args.n == 0 || args.n > SMTP_DOMAIN_MAX)
		return false;
	if (args.p[0] != '[')
		smtp_span(&in, smtp_is_host_char);
	else if (!smtp_address_literal(&in))
		return false;
	*name_r = args;
	return in.rest.n == 0;
}

/* mail = "MAIL FROM:" Reverse-path [SP Mail-parameters]	4.1.1.2 */
enum smtp_syntax
smtp_parse_mail(struct str args, struct smtp_mail *m_r)
{
	struct smtp_in in = { args };
	enum smtp_syntax bad;

	*m_r = (struct smtp_mail){ .has_size = false };
	if (!smtp_literal(&in, "FROM:"))
		return SMTP_BAD_COMMAND;
	smtp_blanks(&in);
	bad = smtp_path(&in, true, &m_r->from);
	if (bad == SMTP_OK)
		bad = smtp_params(&in, (struct smtp_to){ .mail = m_r });
	return bad;
}

/*
 * rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" /
 *	Forward-path ) [SP Rcpt-parameters]		4.1.1.3
 */
enum smtp_syntax
smtp_parse_rcpt(struct str args, struct smtp_rcpt *r_r)
{
	struct smtp_in in = { args };
	enum smtp_syntax bad;

	*r_r = (struct smtp_rcpt){ .to = { .valid = false } };
	if (!smtp_literal(&in, "TO:"))
		return SMTP_BAD_COMMAND;
	smtp_blanks(&in);
	bad = smtp_path(&in, false, &r_r->to);
	if (bad == SMTP_OK)
		bad = smtp_params(&in, (struct smtp_to){ .rcpt = r_r });
	return bad;
}

/*
 * bdat-cmd   = "BDAT" SP chunk-size [ SP end-marker ]
 * chunk-size = 1*DIGIT
 * end-marker = "LAST"				RFC 3030, 2
 */
enum smtp_syntax
smtp_parse_bdat(struct str args, struct smtp_bdat *b_r)
{
	struct str word;

	*b_r = (struct smtp_bdat){ .size = 0 };
	if (!str_split(&args, ' ', &word) || !str_u64(word, &b_r->size))
		return SMTP_BAD_COMMAND;
	args = str_trim(args);
	b_r->last = str_case_eq_c(args, "LAST");
	return b_r->last || args.n == 0 ? SMTP_OK : SMTP_BAD_COMMAND;
}
