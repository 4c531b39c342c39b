/* spf_macro.c - macros of SPF records (RFC 7208, 7) */
#include "server/mailauth/spf_private.h"

#define SPF_DELIMITERS ".-+,/_="
#define SPF_PARTS 128 /* of what is split; a domain has no more labels */

static bool
spf_macro_in(const char *set, char c)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static bool
spf_macro_is_printable(char c)
{
	return (unsigned char)c >= 32 && (unsigned char)c < 127;
}

static char
spf_macro_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
}

/* "%{" letter digits "r" delimiters "}" */
struct spf_macro_one {
	char letter;
	unsigned keep; /* 0: all */
	bool reverse;
	struct str delimiters; /* empty: "." */
};

/* macro-expand at the front of *s (the "%") is cut off; the letter is the
 * second character of "%%", "%_", "%-". */
static bool
spf_macro_take(struct str *s, struct spf_macro_one *o)
{
	size_t i = 3, from;

	*o = (struct spf_macro_one){ .letter = '\0' };
	if (s->n < 2)
		return false;
	o->letter = s->p[1];
	if (o->letter != '{') {
		*s = str_sub(*s, 2, s->n);
		return spf_macro_in("%_-", o->letter);
	}
	if (s->n < 4)
		return false;
	o->letter = s->p[2];
	for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++)
		if (o->keep <= SPF_PARTS)
			o->keep = o->keep * 10 + (unsigned)(s->p[i] - '0');
	if (i > 3 && o->keep == 0)
		return false;
	if (i < s->n && (s->p[i] == 'r' || s->p[i] == 'R')) {
		o->reverse = true;
		i++;
	}
	from = i;
	while (i < s->n && spf_macro_in(SPF_DELIMITERS, s->p[i]))
		i++;
	o->delimiters = str_sub(*s, from, i - from);
	if (i == s->n || s->p[i] != '}')
		return false;
	*s = str_sub(*s, i + 1, s->n);
	return spf_macro_in("slodiphcrtv", spf_macro_lower(o->letter));
}

static bool
spf_macro_is_plain(char letter)
{
	return spf_macro_in("%_-", letter);
}

/* The whole is macros and printable characters; *tail_r: what stands behind the
 * last macro. */
static bool
spf_macro_check(struct str s, bool explain, struct str *tail_r)
{
	struct spf_macro_one o;

	*tail_r = s;
	while (s.n > 0) {
		if (*s.p == '%') {
			if (!spf_macro_take(&s, &o) ||
			    (!explain && !spf_macro_is_plain(o.letter) &&
				spf_macro_in("crt", spf_macro_lower(o.letter))))
				return false;
			*tail_r = s;
			continue;
		}
		if (!spf_macro_is_printable(*s.p) || (*s.p == ' ' && !explain))
			return false;
		s = str_sub(s, 1, s.n);
	}
	return true;
}

bool
spf_macro_is_string(struct str s)
{
	struct str tail;

	return spf_macro_check(s, false, &tail);
}

bool
spf_macro_is_explain(struct str s)
{
	struct str tail;

	return spf_macro_check(s, true, &tail);
}

/* toplabel: letters, digits, inner hyphens, not digits alone */
static bool
spf_macro_is_toplabel(struct str s)
{
	bool digits = true;

	for (size_t i = 0; i < s.n; i++) {
		char c = spf_macro_lower(s.p[i]);

		if (c >= '0' && c <= '9')
			continue;
		digits = false;
		if (!(c >= 'a' && c <= 'z') &&
		    !(c == '-' && i > 0 && i + 1 < s.n))
			return false;
	}
	return !digits;
}

/* domain-spec = macro-string ( "." toplabel [ "." ] / macro-expand ) */
bool
spf_macro_is_domain(struct str s)
{
	struct str tail;
	size_t at;

	if (s.n == 0 || !spf_macro_check(s, false, &tail))
		return false;
	if (tail.n == 0)
		return true;
	if (tail.p[tail.n - 1] == '.')
		tail.n--;
	at = tail.n;
	while (at > 0 && tail.p[at - 1] != '.')
		at--;
	return at > 0 && spf_macro_is_toplabel(str_sub(tail, at, tail.n));
}

bool
spf_macro_needs_p(struct str s)
{
	struct spf_macro_one o;

	while (s.n > 0) {
		if (*s.p != '%')
			s = str_sub(s, 1, s.n);
		else if (!spf_macro_take(&s, &o))
			return false;
		else if (spf_macro_lower(o.letter) == 'p')
			return true;
	}
	return false;
}

/* i: dotted; of IPv6 its nibbles */
static void
spf_macro_ip(struct buf *out, const struct net_addr *ip)
{
	char text[NET_TEXT_MAX];

	if (ip->family != NET_IP6) {
		buf_c(out, net_addr_text(ip, text));
		return;
	}
	for (int i = 0; i < 32; i++) {
		unsigned byte = ip->ip[i / 2];

		if (i > 0)
			buf_char(out, '.');
		buf_char(out,
		    "0123456789abcdef"[i % 2 == 0 ? byte >> 4 : byte & 15]);
	}
}

static void
spf_macro_value(struct buf *out, const struct spf_macro *m, char letter)
{
	char text[NET_TEXT_MAX];

	switch (letter) {
	case 's':
		buf_str_add(out, m->local);
		buf_char(out, '@');
		buf_str_add(out, m->sender_domain);
		break;
	case 'l':
		buf_str_add(out, m->local);
		break;
	case 'o':
		buf_str_add(out, m->sender_domain);
		break;
	case 'd':
		buf_str_add(out, m->domain);
		break;
	case 'i':
		spf_macro_ip(out, m->ip);
		break;
	case 'p':
		buf_str_add(out, m->p.n > 0 ? m->p : STR("unknown"));
		break;
	case 'v':
		buf_c(out, m->ip->family == NET_IP6 ? "ip6" : "in-addr");
		break;
	case 'h':
		buf_str_add(out, m->helo);
		break;
	case 'c':
		buf_c(out, net_addr_text(m->ip, text));
		break;
	case 'r':
		buf_str_add(out,
		    m->receiver.n > 0 ? m->receiver : STR("unknown"));
		break;
	case 't':
		buf_fmt(out, "%lld", (long long)m->wall_s);
		break;
	default:
		break;
	}
}

/* Upper case letters: what is not unreserved is escaped (RFC 3986, 2.3). */
static void
spf_macro_put(struct buf *out, struct str s, bool escape)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char low = spf_macro_lower(s.p[i]);

		if (!escape || (low >= 'a' && low <= 'z') ||
		    (c >= '0' && c <= '9') || spf_macro_in("-._~", s.p[i])) {
			buf_char(out, s.p[i]);
			continue;
		}
		buf_char(out, '%');
		buf_char(out, hex[c >> 4]);
		buf_char(out, hex[c & 15]);
	}
}

/* Split, turn round, keep the last ones, join with dots (7.3). */
static void
spf_macro_parts(struct buf *out, struct str value,
    const struct spf_macro_one *o, bool escape)
{
	struct str parts[SPF_PARTS];
	unsigned n = 0, first;
	size_t from = 0;

	for (size_t i = 0; i <= value.n && n < SPF_PARTS; i++) {
		bool cut = i == value.n ||
			   (o->delimiters.n == 0
				   ? value.p[i] == '.'
				   : str_chr(o->delimiters, value.p[i]) >= 0);

		if (!cut)
			continue;
		parts[n] = str_sub(value, from,
		    n + 1 == SPF_PARTS ? value.n : i - from);
		n++;
		from = i + 1;
	}
	first = o->keep > 0 && o->keep < n ? n - o->keep : 0;
	for (unsigned i = first; i < n; i++) {
		if (i > first)
			buf_char(out, '.');
		spf_macro_put(out, parts[o->reverse ? n - 1 - i : i], escape);
	}
}

void
spf_macro_expand(struct buf *out, const struct spf_macro *m, struct str s)
{
	struct spf_macro_one o;
	struct buf value;

	buf_init(&value, NULL, 1024);
	/* What is full stays full, however many macros are still to come. */
	while (s.n > 0 && buf_ok(out)) {
		if (*s.p != '%') {
			buf_char(out, *s.p);
			s = str_sub(s, 1, s.n);
			continue;
		}
		if (!spf_macro_take(&s, &o))
			break;
		if (spf_macro_is_plain(o.letter)) {
			buf_c(out, o.letter == '%'   ? "%"
				   : o.letter == '_' ? " "
						     : "%20");
			continue;
		}
		buf_clear(&value);
		spf_macro_value(&value, m, spf_macro_lower(o.letter));
		spf_macro_parts(out, buf_str(&value), &o,
		    o.letter >= 'A' && o.letter <= 'Z');
	}
	buf_free(&value);
}
