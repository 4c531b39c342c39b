/* spf_parse.c - the grammar of SPF records (RFC 7208, 12) */
#include <arpa/inet.h>

#include "server/mailauth/spf_private.h"

static bool
spf_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
spf_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
spf_is_record(struct str text)
{
	return str_case_eq_c(str_sub(text, 0, 6), "v=spf1") &&
	       (text.n == 6 || text.p[6] == ' ');
}

/* name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ) */
static struct str
spf_parse_name(struct str s)
{
	size_t n = 0;

	while (
	    n < s.n && (spf_is_alpha(s.p[n]) ||
			   (n > 0 && (spf_is_digit(s.p[n]) || s.p[n] == '-' ||
					 s.p[n] == '_' || s.p[n] == '.'))))
		n++;
	return str_sub(s, 0, n);
}

/* "/" number at the end of *s is cut off: "0" or without leading zeros, at most
 * max.  false: there is one, but a bad one.  *bits_r stays without one. */
static bool
spf_parse_bits(struct str *s, unsigned max, unsigned *bits_r)
{
	size_t at = s->n;
	uint32_t v;

	while (at > 0 && spf_is_digit(s->p[at - 1]))
		at--;
	if (at == 0 || s->p[at - 1] != '/')
		return true;
	if (!str_u32(str_sub(*s, at, s->n), &v) || v > max ||
	    (s->p[at] == '0' && s->n - at > 1))
		return false;
	*bits_r = v;
	s->n = at - 1;
	return true;
}

/* dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ] */
static bool
spf_parse_dual(struct str *s, struct spf_term *t)
{
	struct str whole = *s;
	unsigned bits = UINT32_MAX;

	t->bits4 = 32;
	t->bits6 = 128;
	if (!spf_parse_bits(s, 128, &bits))
		return false;
	if (bits == UINT32_MAX)
		return true;
	if (s->n > 0 && s->p[s->n - 1] == '/') {
		s->n--;
		t->bits6 = bits;
		return spf_parse_bits(s, 32, &t->bits4);
	}
	*s = whole;
	return spf_parse_bits(s, 32, &t->bits4);
}

/* s is what follows the ":" */
static bool
spf_parse_network(struct str s, int family, struct spf_term *t)
{
	unsigned max = family == AF_INET ? 32 : 128;
	char text[INET6_ADDRSTRLEN + 1];

	t->net.bits = max;
	if (!spf_parse_bits(&s, max, &t->net.bits) || s.n == 0 ||
	    s.n >= sizeof(text) || str_chr(s, '\0') >= 0)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	/* not as a peer's: an IPv4-mapped network stays what it says */
	t->net.addr.family = family == AF_INET ? NET_IP4 : NET_IP6;
	return inet_pton(family, text, t->net.addr.ip) == 1;
}

static bool
spf_parse_none(struct str rest, struct spf_term *t)
{
	(void)t;
	return rest.n == 0;
}

/* ":" domain-spec */
static bool
spf_parse_domain(struct str rest, struct spf_term *t)
{
	if (rest.n == 0 || rest.p[0] != ':')
		return false;
	t->spec = str_sub(rest, 1, rest.n);
	return spf_macro_is_domain(t->spec);
}

/* [ ":" domain-spec ] */
static bool
spf_parse_maybe(struct str rest, struct spf_term *t)
{
	return rest.n == 0 || spf_parse_domain(rest, t);
}

/* [ ":" domain-spec ] [ dual-cidr-length ] */
static bool
spf_parse_host(struct str rest, struct spf_term *t)
{
	return spf_parse_dual(&rest, t) && spf_parse_maybe(rest, t);
}

static bool
spf_parse_ip4(struct str rest, struct spf_term *t)
{
	return rest.n > 0 && rest.p[0] == ':' &&
	       spf_parse_network(str_sub(rest, 1, rest.n), AF_INET, t);
}

static bool
spf_parse_ip6(struct str rest, struct spf_term *t)
{
	return rest.n > 0 && rest.p[0] == ':' &&
	       spf_parse_network(str_sub(rest, 1, rest.n), AF_INET6, t);
}

static const struct spf_kind {
	const char *name;
	bool (*rest)(struct str rest, struct spf_term *t);
} spf_kinds[] = {
	[SPF_ALL] = { "all", spf_parse_none },
	[SPF_INCLUDE] = { "include", spf_parse_domain },
	[SPF_A] = { "a", spf_parse_host },
	[SPF_MX] = { "mx", spf_parse_host },
	[SPF_PTR] = { "ptr", spf_parse_maybe },
	[SPF_IP4] = { "ip4", spf_parse_ip4 },
	[SPF_IP6] = { "ip6", spf_parse_ip6 },
	[SPF_EXISTS] = { "exists", spf_parse_domain },
};
#define SPF_KINDS (sizeof(spf_kinds) / sizeof(*spf_kinds))

/* directive = [ qualifier ] mechanism */
static bool
spf_parse_directive(struct str term, struct spf_term *t)
{
	struct str name;

	t->result = SPF_PASS;
	if (term.n > 0 && memchr("+-?~", term.p[0], 4) != NULL) {
		t->result = term.p[0] == '+'   ? SPF_PASS
			    : term.p[0] == '-' ? SPF_FAIL
			    : term.p[0] == '?' ? SPF_NEUTRAL
					       : SPF_SOFTFAIL;
		term = str_sub(term, 1, term.n);
	}
	name = spf_parse_name(term);
	for (size_t i = 0; i < SPF_KINDS; i++) {
		if (!str_case_eq_c(name, spf_kinds[i].name))
			continue;
		t->mechanism = (enum spf_mechanism)i;
		return spf_kinds[i].rest(str_sub(term, name.n, term.n), t);
	}
	return false;
}

/* modifier = redirect / explanation / unknown-modifier.  The first two at most
 * once (6). */
static bool
spf_parse_modifier(struct str name, struct str value, struct spf_record *r)
{
	struct str *known = NULL;

	if (str_case_eq_c(name, "redirect"))
		known = &r->redirect;
	else if (str_case_eq_c(name, "exp"))
		known = &r->explain;
	if (known == NULL)
		return spf_macro_is_string(value);
	if (known->n > 0 || !spf_macro_is_domain(value))
		return false;
	*known = value;
	return true;
}

static bool
spf_parse_term(struct str term, struct spf_record *r)
{
	struct str name = spf_parse_name(term);

	if (name.n > 0 && name.n < term.n && term.p[name.n] == '=')
		return spf_parse_modifier(name,
		    str_sub(term, name.n + 1, term.n), r);
	return spf_parse_directive(term, &r->terms[r->n++]);
}

const char *
spf_parse(struct arena *a, struct str text, struct spf_record *r_r)
{
	struct str rest = str_sub(text, 6, text.n), term;
	size_t n = 0;

	memset(r_r, 0, sizeof(*r_r));
	/* as many as words begin */
	for (size_t i = 0; i < rest.n; i++)
		n += rest.p[i] != ' ' && (i == 0 || rest.p[i - 1] == ' ');
	if (n > SPF_TERMS_MAX)
		return "the record has more than 512 terms";
	r_r->terms = arena_array(a, n + 1, sizeof(*r_r->terms));
	while (str_split(&rest, ' ', &term)) {
		if (term.n == 0 || spf_parse_term(term, r_r))
			continue;
		for (size_t i = 0; i < term.n; i++)
			if ((unsigned char)term.p[i] < 33 ||
			    (unsigned char)term.p[i] > 126)
				return "the record has a character that no "
				       "record has";
		return arena_printf(a, "\"%.*s\" is no term of a record",
		    term.n > 80 ? 80 : (int)term.n, term.p);
	}
	return NULL;
}
