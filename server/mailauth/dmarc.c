/* dmarc.c - does the author's domain vouch for this? (RFC 7489) */
#include "server/mailauth/dmarc.h"

#include "base/unicode.h"
#include "mime/address.h"
#include "mime/header.h"
#include "mime/lex.h"
#include "server/mailauth/dmarc_private.h"
#include "server/mailauth/domain.h"
#include "server/mailauth/tags.h"

#define DMARC_AUTHORS_MAX 64
#define DMARC_HEADER_MAX (256 * 1024)

const char *
dmarc_result_name(enum dmarc_result r)
{
	static const char *const names[] = {
		[DMARC_NONE] = "none",
		[DMARC_PASS] = "pass",
		[DMARC_FAIL] = "fail",
		[DMARC_TEMPERROR] = "temperror",
		[DMARC_PERMERROR] = "permerror",
	};

	return names[r];
}

const char *
dmarc_policy_name(enum dmarc_policy p)
{
	static const char *const names[] = {
		[DMARC_P_NONE] = "none",
		[DMARC_P_QUARANTINE] = "quarantine",
		[DMARC_P_REJECT] = "reject",
	};

	return names[p];
}

/* ---- the record (6.3) */

static bool
dmarc_parse_policy(struct str s, enum dmarc_policy *p_r)
{
	for (int p = DMARC_P_NONE; p <= DMARC_P_REJECT; p++)
		if (str_case_eq_c(s, dmarc_policy_name((enum dmarc_policy)p))) {
			*p_r = (enum dmarc_policy)p;
			return true;
		}
	return false;
}

/* sp= is as p= if it is left out; a bad one spoils the record. */
static bool
dmarc_parse_sub(const struct tags *t, struct dmarc_record *r)
{
	r->sub = r->policy;
	return !tags_has(t, "sp") ||
	       dmarc_parse_policy(tags_value(t, "sp"), &r->sub);
}

bool
dmarc_is_record(struct str text)
{
	struct str version;
	struct tags t;

	if (!str_split(&text, ';', &version))
		return false;
	tags_parse_loosely(version, &t);
	return t.n == 1 && str_eq_c(t.list[0].name, "v") &&
	       str_eq_c(t.list[0].value, "DMARC1");
}

const char *
dmarc_parse(struct str text, struct dmarc_record *r_r)
{
	struct tags t;
	struct str s;
	uint32_t v;

	*r_r = (struct dmarc_record){ .percent = 100 };
	tags_parse_loosely(text, &t);
	if (!dmarc_parse_policy(tags_value(&t, "p"), &r_r->policy) ||
	    !dmarc_parse_sub(&t, r_r)) {
		/* but somebody wants reports: as "none" (6.6.3, 6) */
		if (str_chr(tags_value(&t, "rua"), ':') < 0)
			return "the record has no usable policy";
		r_r->policy = r_r->sub = DMARC_P_NONE;
	}
	r_r->strict_dkim = str_case_eq_c(tags_value(&t, "adkim"), "s");
	r_r->strict_spf = str_case_eq_c(tags_value(&t, "aspf"), "s");
	s = tags_value(&t, "pct");
	if (str_u32(s, &v) && v <= 100)
		r_r->percent = v;
	return NULL;
}

/* ---- From (6.6.1) */

static const char *
dmarc_from_list(struct arena *a, const struct mime_addr *list,
    struct str *domain_r, bool *several_r)
{
	const char *why = NULL;
	struct str domain;
	unsigned n = 0;
	struct err *e;

	*domain_r = STR_NONE;
	for (; list != NULL; list = list->next) {
		if (list->kind != MIME_ADDR_MAILBOX)
			continue;
		n++;
		if (why != NULL)
			continue;
		e = unicode_domain_ascii(a, list->host, &domain);
		if (e != NULL || str_chr(domain, '.') < 0)
			why = "From has an address without a domain";
		else if (domain_r->n > 0 && !str_eq(domain, *domain_r))
			why = "From has addresses of several domains";
		else
			*domain_r = domain;
	}
	*several_r = why != NULL && n > 1;
	return n > 0 ? why : "From has no address";
}

/* Lines that begin a From field, also behind one that is no field: there our
 * reading of a header ends, others' may not. */
static unsigned
dmarc_from_lines(struct str header)
{
	struct str line;
	unsigned n = 0;
	size_t i;

	while (str_split(&header, '\n', &line)) {
		for (i = 4; i < line.n && mime_lex_is_blank(line.p[i]); i++)
			;
		n += str_case_eq_c(str_sub(line, 0, 4), "From") && i < line.n &&
		     line.p[i] == ':';
	}
	return n;
}

const char *
dmarc_from(struct arena *a, struct str header, struct str *domain_r,
    bool *several_r)
{
	unsigned n = dmarc_from_lines(header), left = DMARC_AUTHORS_MAX;
	struct mime_field f;
	const char *why;

	*domain_r = STR_NONE;
	*several_r = n > 1;
	if (header.n > DMARC_HEADER_MAX)
		return "the header is larger than 256 KiB";
	if (n != 1)
		return n == 0 ? "there is no From" : "there are several From";
	*several_r = !mime_header_find(header, "From", &f);
	if (*several_r)
		return "From stands behind a line that is no field";
	why = dmarc_from_list(a, mime_addr_parse(a, f.value, &left), domain_r,
	    several_r);
	if (why == NULL && left == 0) {
		why = "From has too many addresses";
		*several_r = true;
	}
	if (why != NULL)
		*domain_r = STR_NONE;
	return why;
}

/* ---- finding it (6.6.3) */

/* DMARC_FAIL: there is one.  *any_r: there are some, good or not. */
static may_yield enum dmarc_result
dmarc_ask(struct task *t, struct dns *d, struct str domain,
    struct dmarc_record *r_r, bool *any_r, const char **why_r)
{
	struct str name, text = STR_NONE, *list;
	unsigned n, found = 0;
	enum dns_status st;

	name = str_c(
	    arena_printf(task_arena(t), "_dmarc." STR_FMT, STR_ARG(domain)));
	*any_r = false;
	st = dns_txt(t, d, name, &list, &n);
	if (st == DNS_TEMP || st == DNS_BOGUS) {
		*why_r = "the policy could not be looked up";
		return DMARC_TEMPERROR;
	}
	for (unsigned i = 0; i < n; i++)
		if (dmarc_is_record(list[i])) {
			text = list[i];
			found++;
		}
	*any_r = found > 0;
	if (found != 1) {
		*why_r = found == 0 ? "there is no policy"
				    : "there are several policies";
		return DMARC_NONE;
	}
	*why_r = dmarc_parse(text, r_r);
	return *why_r == NULL ? DMARC_FAIL : DMARC_NONE;
}

/* pct= (6.6.4): what is not chosen gets the next milder treatment. */
static enum dmarc_policy
dmarc_sample(struct task *t, enum dmarc_policy p, unsigned percent)
{
	const struct rnd *r = sched_rnd(task_sched(t));

	if (percent >= 100 || p == DMARC_P_NONE || rnd_below(r, 100) < percent)
		return p;
	return p == DMARC_P_REJECT ? DMARC_P_QUARANTINE : DMARC_P_NONE;
}

void
dmarc_find(struct task *t, struct dns *d, struct str header, struct dmarc *m_r)
{
	struct arena *a = task_arena(t);
	struct dmarc_record rec;
	struct str organization;
	bool below = false, any;

	*m_r = (struct dmarc){ .result = DMARC_PERMERROR, .percent = 100 };
	m_r->why = dmarc_from(a, header, &m_r->domain, &m_r->several);
	if (m_r->why != NULL)
		return;
	m_r->result = dmarc_ask(t, d, m_r->domain, &rec, &any, &m_r->why);
	organization = dmarc_organization(a, m_r->domain);
	/* what is there, but bad, ends the search, too (6.6.3, 5 and 6) */
	if (m_r->result == DMARC_NONE && !any &&
	    !str_eq(organization, m_r->domain)) {
		below = true;
		m_r->result =
		    dmarc_ask(t, d, organization, &rec, &any, &m_r->why);
	}
	if (m_r->result != DMARC_FAIL)
		return;
	m_r->why = "nothing that vouches for it is aligned with From";
	m_r->strict_dkim = rec.strict_dkim;
	m_r->strict_spf = rec.strict_spf;
	m_r->percent = rec.percent;
	m_r->policy =
	    dmarc_sample(t, below ? rec.sub : rec.policy, rec.percent);
}

/* ---- judging (3.1, 6.6.2) */

static bool
dmarc_is_aligned(struct arena *a, struct str domain, struct str from,
    bool strict)
{
	struct str ascii = domain_normal(a, domain);

	if (strict || str_eq(ascii, from))
		return str_eq(ascii, from);
	return str_eq(dmarc_organization(a, ascii),
	    dmarc_organization(a, from));
}

/* An identifier that passed, or that might have if DNS had answered. */
struct dmarc_found {
	bool pass, unknown;
};

static void
dmarc_found_one(struct dmarc_found *f, bool pass, bool temporary, bool aligned)
{
	f->pass |= aligned && pass;
	f->unknown |= aligned && temporary;
}

void
dmarc_judge(struct arena *a, struct dmarc *m, const struct spf *spf,
    const struct dkim_verify *dkim)
{
	struct dmarc_found f = { .pass = false };

	if (m->result != DMARC_FAIL && m->result != DMARC_PASS)
		return;
	if (spf != NULL)
		dmarc_found_one(&f, spf->result == SPF_PASS,
		    spf->result == SPF_TEMPERROR,
		    dmarc_is_aligned(a, spf->domain, m->domain, m->strict_spf));
	for (unsigned i = 0; dkim != NULL && i < dkim_verify_count(dkim); i++) {
		const struct dkim_signature *s = dkim_verify_nth(dkim, i);

		dmarc_found_one(&f, s->result == DKIM_PASS,
		    s->result == DKIM_TEMPERROR,
		    dmarc_is_aligned(a, s->domain, m->domain, m->strict_dkim));
	}
	m->result = f.pass	? DMARC_PASS
		    : f.unknown ? DMARC_TEMPERROR
				: DMARC_FAIL;
	m->why = f.pass	     ? NULL
		 : f.unknown ? "what might vouch for it is not known now"
			     : "nothing that vouches for it is aligned with"
			       " From";
}
