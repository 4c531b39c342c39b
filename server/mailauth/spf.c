/* spf.c - may this host send for this domain? (RFC 7208) */
#include "server/mailauth/spf.h"

#include "base/unicode.h"
#include "mime/lex.h"
#include "server/mailauth/spf_private.h"

#define SPF_MX_MAX 10 /* names of an mx term (4.6.4) */

/* One check_host() with all that it includes. */
struct spf_run {
	struct task *t;
	struct dns *d;
	struct arena *a;
	const struct net_addr *ip;
	struct spf_macro macro; /* but domain and p */
	unsigned lookups, voids;
	/* the client's names that lead back to it (5.5) */
	bool names_known;
	struct str names[DNS_PTR_MAX];
	unsigned names_n;
	/* of the record that said FAIL */
	struct str explain, explain_domain;
	const char *why;
};

/* A term's verdict. */
enum spf_match { SPF_NO, SPF_YES, SPF_TEMP, SPF_PERM };

const char *
spf_result_name(enum spf_result r)
{
	static const char *const names[] = {
		[SPF_NONE] = "none",
		[SPF_NEUTRAL] = "neutral",
		[SPF_PASS] = "pass",
		[SPF_FAIL] = "fail",
		[SPF_SOFTFAIL] = "softfail",
		[SPF_TEMPERROR] = "temperror",
		[SPF_PERMERROR] = "permerror",
	};

	return names[r];
}

bool
spf_within(const struct net_addr *ip, const struct net_addr *base,
    unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (ip->family != base->family || memcmp(ip->ip, base->ip, whole) != 0)
		return false;
	return rest == 0 || ((ip->ip[whole] ^ base->ip[whole]) &
				(0xff00U >> rest) & 0xff) == 0;
}

static enum spf_match
spf_why(struct spf_run *r, enum spf_match m, const char *why)
{
	if (r->why == NULL)
		r->why = why;
	return m;
}

/* ---- look-ups */

/* A term's own look-up ended so: SPF_NO when there is nothing (4.6.4). */
static enum spf_match
spf_asked(struct spf_run *r, enum dns_status st, struct str name)
{
	if (st == DNS_FOUND)
		return SPF_YES;
	if (st != DNS_NO_DATA && st != DNS_NO_DOMAIN)
		return spf_why(r, SPF_TEMP,
		    arena_printf(r->a, STR_FMT " could not be looked up",
			STR_ARG(name)));
	if (++r->voids > SPF_VOID_MAX)
		return spf_why(r, SPF_PERM,
		    "more than 2 look-ups that found nothing");
	return SPF_NO;
}

static enum dns_type
spf_address_type(const struct spf_run *r)
{
	return r->ip->family == NET_IP6 ? DNS_AAAA : DNS_A;
}

/* Whether the name has an address within so many bits of the client's. */
static may_yield enum dns_status
spf_name_has(struct spf_run *r, struct str name, unsigned bits4, unsigned bits6,
    bool *has_r)
{
	bool six = r->ip->family == NET_IP6;
	struct dns_answer a;
	struct net_addr one;

	*has_r = false;
	dns_query(r->t, r->d, name, spf_address_type(r), &a);
	for (unsigned i = 0; a.status == DNS_FOUND && i < a.n; i++) {
		if (a.rdata[i].n != (six ? 16 : 4))
			continue;
		memset(&one, 0, sizeof(one));
		one.family = six ? NET_IP6 : NET_IP4;
		memcpy(one.ip, a.rdata[i].p, a.rdata[i].n);
		if (spf_within(r->ip, &one, six ? bits6 : bits4))
			*has_r = true;
	}
	return a.status;
}

static may_yield void
spf_names(struct spf_run *r)
{
	struct str *list;
	unsigned n;

	if (r->names_known)
		return;
	r->names_known = true;
	(void)dns_ptr(r->t, r->d, r->ip, &list, &n);
	for (unsigned i = 0; i < n; i++) {
		bool has;

		/* an error only leaves this name out (5.5) */
		(void)spf_name_has(r, list[i], 32, 128, &has);
		if (has)
			r->names[r->names_n++] = list[i];
	}
}

static bool
spf_is_below(struct str name, struct str domain)
{
	return name.n > domain.n + 1 && name.p[name.n - domain.n - 1] == '.' &&
	       str_case_eq(str_sub(name, name.n - domain.n, domain.n), domain);
}

/* p: the domain itself, else one below it, else any (7.3). */
static may_yield struct str
spf_p(struct spf_run *r, struct str domain)
{
	spf_names(r);
	for (unsigned i = 0; i < r->names_n; i++)
		if (str_case_eq(r->names[i], domain))
			return r->names[i];
	for (unsigned i = 0; i < r->names_n; i++)
		if (spf_is_below(r->names[i], domain))
			return r->names[i];
	return r->names_n > 0 ? r->names[0] : STR_NONE;
}

/* ---- macros */

static may_yield bool
spf_expand(struct spf_run *r, struct str spec, struct str domain, size_t limit,
    struct str *text_r)
{
	struct spf_macro m = r->macro;
	struct buf out;

	m.domain = domain;
	if (spf_macro_needs_p(spec))
		m.p = spf_p(r, domain);
	buf_init(&out, r->a, limit);
	spf_macro_expand(&out, &m, spec);
	*text_r = buf_str(&out);
	return buf_ok(&out);
}

/* A term's domain: without a spec the one that is checked.  Too long ones lose
 * labels on the left (7.3).  false: nothing that could be looked up. */
static may_yield bool
spf_target(struct spf_run *r, struct str spec, struct str domain,
    struct str *name_r)
{
	*name_r = domain;
	if (spec.n == 0)
		return true;
	if (!spf_expand(r, spec, domain, SPF_EXPANDED_MAX, name_r))
		return false;
	if (name_r->n > 0 && name_r->p[name_r->n - 1] == '.')
		name_r->n--;
	while (name_r->n > SPF_DOMAIN_MAX) {
		ptrdiff_t dot = str_chr(*name_r, '.');

		if (dot < 0)
			return false;
		*name_r = str_sub(*name_r, (size_t)dot + 1, name_r->n);
	}
	return name_r->n > 0;
}

/* ---- mechanisms (5) */

static may_yield enum spf_result spf_host(struct spf_run *r, struct str domain);

static may_yield enum spf_match
spf_match_include(struct spf_run *r, struct str name)
{
	switch (spf_host(r, name)) {
	case SPF_PASS:
		return SPF_YES;
	case SPF_TEMPERROR:
		return SPF_TEMP;
	case SPF_NONE:
		return spf_why(r, SPF_PERM,
		    arena_printf(r->a, STR_FMT " is included, has no record",
			STR_ARG(name)));
	case SPF_PERMERROR:
		return SPF_PERM;
	default:
		return SPF_NO;
	}
}

static may_yield enum spf_match
spf_match_a(struct spf_run *r, const struct spf_term *term, struct str name)
{
	bool has;
	enum spf_match m = spf_asked(r,
	    spf_name_has(r, name, term->bits4, term->bits6, &has), name);

	return m == SPF_YES && !has ? SPF_NO : m;
}

static may_yield enum spf_match
spf_match_mx(struct spf_run *r, const struct spf_term *term, struct str name)
{
	struct dns_mx *list;
	unsigned n;
	bool null, has;
	enum spf_match m =
	    spf_asked(r, dns_mx(r->t, r->d, name, &list, &n, &null), name);

	if (m != SPF_YES)
		return m;
	if (n > SPF_MX_MAX)
		return spf_why(r, SPF_PERM,
		    arena_printf(r->a, STR_FMT " has more than 10 MX",
			STR_ARG(name)));
	for (unsigned i = 0; i < n; i++) {
		m = spf_asked(r,
		    spf_name_has(r, list[i].host, term->bits4, term->bits6,
			&has),
		    list[i].host);
		if (m == SPF_YES && has)
			return SPF_YES;
		if (m == SPF_TEMP || m == SPF_PERM)
			return m;
	}
	return SPF_NO;
}

static may_yield enum spf_match
spf_match_ptr(struct spf_run *r, struct str name)
{
	spf_names(r);
	for (unsigned i = 0; i < r->names_n; i++)
		if (str_case_eq(r->names[i], name) ||
		    spf_is_below(r->names[i], name))
			return SPF_YES;
	return SPF_NO;
}

static may_yield enum spf_match
spf_match_exists(struct spf_run *r, struct str name)
{
	struct dns_answer a;

	dns_query(r->t, r->d, name, DNS_A,
	    &a); /* whatever the client's (5.7) */
	return spf_asked(r, a.status, name);
}

/* The 10 terms that may ask (4.6.4). */
static enum spf_match
spf_may_ask(struct spf_run *r)
{
	if (++r->lookups > SPF_LOOKUPS_MAX)
		return spf_why(r, SPF_PERM, "10 look-ups were not enough");
	return SPF_YES;
}

static may_yield enum spf_match
spf_match(struct spf_run *r, const struct spf_term *term, struct str domain)
{
	struct str name;

	switch (term->mechanism) {
	case SPF_ALL:
		return SPF_YES;
	case SPF_IP4:
	case SPF_IP6:
		return spf_within(r->ip, &term->net.addr, term->net.bits)
			   ? SPF_YES
			   : SPF_NO;
	default:
		break;
	}
	if (spf_may_ask(r) != SPF_YES)
		return SPF_PERM;
	if (!spf_target(r, term->spec, domain, &name))
		return SPF_NO;
	switch (term->mechanism) {
	case SPF_INCLUDE:
		return spf_match_include(r, name);
	case SPF_A:
		return spf_match_a(r, term, name);
	case SPF_MX:
		return spf_match_mx(r, term, name);
	case SPF_PTR:
		return spf_match_ptr(r, name);
	default:
		return spf_match_exists(r, name);
	}
}

/* ---- records */

/* 4.4 and 4.5.  SPF_PASS: there is one. */
static may_yield enum spf_result
spf_find(struct spf_run *r, struct str domain, struct spf_record *rec_r)
{
	struct str *list, text = STR_NONE;
	enum dns_status st;
	unsigned n, found = 0;
	const char *why;

	st = dns_txt(r->t, r->d, domain, &list, &n);
	if (st == DNS_TEMP || st == DNS_BOGUS) {
		spf_why(r, SPF_TEMP,
		    arena_printf(r->a, STR_FMT " could not be looked up",
			STR_ARG(domain)));
		return SPF_TEMPERROR;
	}
	for (unsigned i = 0; i < n; i++)
		if (spf_is_record(list[i])) {
			text = list[i];
			found++;
		}
	if (found == 0)
		return SPF_NONE;
	why = found > 1 ? "several records" : spf_parse(r->a, text, rec_r);
	if (why == NULL)
		return SPF_PASS;
	spf_why(r, SPF_PERM,
	    arena_printf(r->a, STR_FMT ": %s", STR_ARG(domain), why));
	return SPF_PERMERROR;
}

/* redirect= (6.1): no term matched, and there is no "all". */
static may_yield enum spf_result
spf_redirect(struct spf_run *r, struct str spec, struct str domain)
{
	enum spf_result res;
	struct str name;

	if (spf_may_ask(r) != SPF_YES)
		return SPF_PERMERROR;
	res = spf_target(r, spec, domain, &name) ? spf_host(r, name) : SPF_NONE;
	if (res != SPF_NONE)
		return res;
	spf_why(r, SPF_PERM, "redirect leads to a domain without a record");
	return SPF_PERMERROR;
}

/* check_host() (4); recursion ends with the look-ups. */
static enum spf_result
spf_host(struct spf_run *r, struct str domain)
{
	struct spf_record rec;
	enum spf_result res = spf_find(r, domain, &rec);
	bool all = false;

	if (res != SPF_PASS)
		return res;
	for (unsigned i = 0; i < rec.n; i++) {
		const struct spf_term *term = &rec.terms[i];

		all = all || term->mechanism == SPF_ALL;
		switch (spf_match(r, term, domain)) {
		case SPF_NO:
			break;
		case SPF_TEMP:
			return SPF_TEMPERROR;
		case SPF_PERM:
			return SPF_PERMERROR;
		case SPF_YES:
			r->explain = rec.explain;
			r->explain_domain = domain;
			return term->result;
		}
	}
	if (rec.redirect.n > 0 && !all)
		return spf_redirect(r, rec.redirect, domain);
	return SPF_NEUTRAL;
}

/* exp= (6.2): whatever is wrong with it, there is none then. */
static may_yield struct str
spf_explain(struct spf_run *r)
{
	struct str name, text, *list;
	char *out;
	unsigned n;

	if (r->explain.n == 0 ||
	    !spf_target(r, r->explain, r->explain_domain, &name) ||
	    dns_txt(r->t, r->d, name, &list, &n) != DNS_FOUND || n != 1 ||
	    !spf_macro_is_explain(list[0]))
		return STR_NONE;
	(void)spf_expand(r, list[0], r->explain_domain, SPF_EXPLANATION_MAX,
	    &text);
	out = arena_cstr(r->a, text);
	for (size_t i = 0; i < text.n; i++)
		if (out[i] < 32 || out[i] > 126) /* of macros */
			out[i] = '?';
	return str_of(out, text.n);
}

/* 4.3: two labels at least, none empty or over 63 bytes; also no literal. */
static bool
spf_is_domain(struct spf_run *r, struct str *domain)
{
	struct str rest, label;
	unsigned labels = 0;
	struct err *e;

	if (!unicode_is_utf8(*domain))
		return false;
	for (size_t i = 0; i < domain->n; i++)
		if ((unsigned char)domain->p[i] > 127) {
			e = unicode_domain_ascii(r->a, *domain, domain);
			if (e != NULL)
				return false;
			break;
		}
	if (domain->n > 0 && domain->p[domain->n - 1] == '.')
		domain->n--;
	if (domain->n > SPF_DOMAIN_MAX || str_chr(*domain, '[') >= 0)
		return false;
	rest = *domain;
	for (; str_split(&rest, '.', &label); labels++)
		if (label.n == 0 || label.n > 63)
			return false;
	return labels > 1;
}

/* The sender's two sides (4.1, 4.3); the HELO name of a null sender (2.4). */
static void
spf_identity(struct spf_run *r, struct spf *s)
{
	size_t at = s->from.n;

	while (at > 0 && s->from.p[at - 1] != '@')
		at--;
	s->is_helo = s->from.n == 0;
	s->domain = s->is_helo ? s->helo : str_sub(s->from, at, s->from.n);
	r->macro.local =
	    at > 1 ? str_sub(s->from, 0, at - 1) : STR("postmaster");
	r->macro.helo = s->helo;
	r->macro.receiver = s->receiver;
	r->macro.ip = s->ip;
	r->macro.wall_s = task_wall_s(r->t);
}

static may_yield void
spf_run(struct spf_run *r, struct spf *s)
{
	spf_identity(r, s);
	if (s->ip->family != NET_IP4 && s->ip->family != NET_IP6) {
		r->why = "not over the network";
		return;
	}
	if (!spf_is_domain(r, &s->domain)) {
		r->why = "no domain to check";
		return;
	}
	r->macro.sender_domain = s->domain;
	s->result = spf_host(r, s->domain);
	if (s->result == SPF_FAIL)
		s->explanation = spf_explain(r);
}

void
spf_check(struct task *t, struct dns *d, struct spf *s)
{
	struct spf_run r = { .t = t, .d = d, .a = task_arena(t), .ip = s->ip };
	uint64_t before = task_deadline(t), mine = task_now_ms(t) + SPF_MS;

	s->result = SPF_NONE;
	s->explanation = s->why = STR_NONE;
	if (before == 0 || mine < before)
		task_set_deadline(t, mine);
	spf_run(&r, s);
	task_set_deadline(t, before);
	if (s->result != SPF_PASS && s->result != SPF_FAIL)
		s->why = str_c(r.why);
}
