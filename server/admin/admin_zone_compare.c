/* admin_zone_compare.c - what a record means, and whether another means it */
#include "server/admin/admin_zone_check.h"

#include "server/dns/dns_rdata.h"
#include "server/mailauth/tags.h"

static void
admin_zone_found(struct arena *a, struct admin_zone_seen *s, struct str text)
{
	if (s->n < ADMIN_ZONE_FOUND_MAX)
		s->found[s->n++] =
		    arena_str(a, str_sub(text, 0, ADMIN_ZONE_FOUND_BYTES));
}

/* --- texts --- */

enum admin_zone_kind {
	ADMIN_ZONE_SPF,
	ADMIN_ZONE_DKIM,
	ADMIN_ZONE_DMARC,
	ADMIN_ZONE_TEXT
};

static bool
admin_zone_begins(struct str text, const char *version)
{
	size_t n = strlen(version);

	return str_case_eq_c(str_sub(text, 0, n), version) &&
	       (text.n == n || text.p[n] == ' ' || text.p[n] == ';');
}

static enum admin_zone_kind
admin_zone_kind(struct str text)
{
	if (admin_zone_begins(text, "v=spf1"))
		return ADMIN_ZONE_SPF;
	if (admin_zone_begins(text, "v=DMARC1"))
		return ADMIN_ZONE_DMARC;
	if (admin_zone_begins(text, "v=DKIM1"))
		return ADMIN_ZONE_DKIM;
	return ADMIN_ZONE_TEXT;
}

/* Terms with any number of blanks between them (RFC 7208, 4.6.1). */
static bool
admin_zone_spf_eq(struct str a, struct str b)
{
	struct str x, y;

	for (;;) {
		bool more_a, more_b;

		do
			more_a = str_split(&a, ' ', &x);
		while (more_a && x.n == 0);
		do
			more_b = str_split(&b, ' ', &y);
		while (more_b && y.n == 0);
		if (!more_a || !more_b)
			return more_a == more_b;
		if (!str_case_eq(x, y))
			return false;
	}
}

/* The key itself, and what it is for. */
static bool
admin_zone_dkim_eq(struct arena *a, struct str wanted, struct str found)
{
	struct tags *w = arena_new_obj(a, struct tags);
	struct tags *f = arena_new_obj(a, struct tags);
	struct str kw, kf, pw, pf;

	if (!tags_parse(wanted, w) || !tags_parse(found, f))
		return false;
	kw = tags_has(w, "k") ? tags_value(w, "k") : STR("rsa");
	kf = tags_has(f, "k") ? tags_value(f, "k") : STR("rsa");
	return str_case_eq(kw, kf) && tags_base64(a, tags_value(w, "p"), &pw) &&
	       tags_base64(a, tags_value(f, "p"), &pf) && pf.n > 0 &&
	       str_eq(pw, pf);
}

static bool
admin_zone_tags_in(struct arena *a, const struct tags *x, const struct tags *y)
{
	for (unsigned i = 0; i < x->n; i++) {
		const char *name = arena_cstr(a, x->list[i].name);

		if (!tags_has(y, name) ||
		    !str_case_eq(tags_squeeze(a, x->list[i].value),
			tags_squeeze(a, tags_value(y, name))))
			return false;
	}
	return true;
}

static bool
admin_zone_dmarc_eq(struct arena *a, struct str wanted, struct str found)
{
	struct tags *w = arena_new_obj(a, struct tags);
	struct tags *f = arena_new_obj(a, struct tags);

	return tags_parse(wanted, w) && tags_parse(found, f) &&
	       admin_zone_tags_in(a, w, f) && admin_zone_tags_in(a, f, w);
}

static bool
admin_zone_text_eq(struct arena *a, enum admin_zone_kind kind,
    struct str wanted, struct str found)
{
	switch (kind) {
	case ADMIN_ZONE_SPF:
		return admin_zone_spf_eq(wanted, found);
	case ADMIN_ZONE_DKIM:
		return admin_zone_dkim_eq(a, wanted, found);
	case ADMIN_ZONE_DMARC:
		return admin_zone_dmarc_eq(a, wanted, found);
	case ADMIN_ZONE_TEXT:
		break;
	}
	return str_eq(wanted, found);
}

/* A key's name is nobody else's: whatever is there is meant to be it. */
static bool
admin_zone_is_ours(enum admin_zone_kind kind, struct str text)
{
	return kind == ADMIN_ZONE_DKIM || kind == admin_zone_kind(text);
}

static void
admin_zone_txt(struct arena *a, const struct admin_zone_record *r,
    const struct dns_answer *answer, struct admin_zone_seen *s)
{
	enum admin_zone_kind kind = admin_zone_kind(r->data);
	unsigned equal = 0, others = 0;
	struct str text;

	for (unsigned i = 0; i < answer->n; i++) {
		if (!dns_rdata_txt(a, answer->rdata[i], &text) ||
		    !admin_zone_is_ours(kind, text))
			continue;
		if (admin_zone_text_eq(a, kind, r->data, text))
			equal++;
		else if (kind == ADMIN_ZONE_TEXT)
			continue; /* somebody else's */
		else
			others++;
		admin_zone_found(a, s, text);
	}
	/* with two of these receivers use none */
	if (equal + others == 0)
		s->status = ADMIN_ZONE_MISSING;
	else
		s->status = equal == 1 && others == 0 ? ADMIN_ZONE_OK
						      : ADMIN_ZONE_DIFFERENT;
}

/* --- names --- */

/* As admin_zone_build() writes it; false: no such record. */
static bool
admin_zone_text_of(struct arena *a, const char *type, struct str rdata,
    struct str *text_r)
{
	struct dns_srv srv;
	uint16_t preference;
	struct str host;

	if (strcmp(type, "MX") == 0) {
		if (!dns_rdata_mx(a, rdata, &preference, &host))
			return false;
		*text_r = str_c(arena_printf(a, "%u " STR_FMT ".", preference,
		    STR_ARG(host)));
	} else if (strcmp(type, "SRV") == 0) {
		if (!dns_rdata_srv(a, rdata, &srv))
			return false;
		*text_r = str_c(arena_printf(a, "%u %u %u " STR_FMT ".",
		    srv.priority, srv.weight, srv.port, STR_ARG(srv.host)));
	} else {
		if (!dns_rdata_name(a, rdata, &host))
			return false;
		*text_r = str_c(arena_printf(a, STR_FMT ".", STR_ARG(host)));
	}
	return true;
}

static void
admin_zone_names(struct arena *a, const struct admin_zone_record *r,
    const struct dns_answer *answer, struct admin_zone_seen *s)
{
	struct str text;

	s->status = ADMIN_ZONE_MISSING;
	for (unsigned i = 0; i < answer->n; i++) {
		if (!admin_zone_text_of(a, r->type, answer->rdata[i], &text))
			continue;
		admin_zone_found(a, s, text);
		if (str_case_eq(text, r->data))
			s->status = ADMIN_ZONE_OK;
		else if (s->status != ADMIN_ZONE_OK)
			s->status = ADMIN_ZONE_DIFFERENT;
	}
}

void
admin_zone_compare(struct arena *a, const struct admin_zone_record *r,
    const struct dns_answer *answer, struct admin_zone_seen *s)
{
	*s = (struct admin_zone_seen){
		.found = arena_array(a, ADMIN_ZONE_FOUND_MAX, sizeof(*s->found))
	};
	switch (answer->status) {
	case DNS_TEMP:
	case DNS_BOGUS:
		s->status = ADMIN_ZONE_UNKNOWN;
		return;
	case DNS_NO_DATA:
	case DNS_NO_DOMAIN:
		s->status = ADMIN_ZONE_MISSING;
		return;
	case DNS_FOUND:
		break;
	}
	if (strcmp(r->type, "TXT") == 0)
		admin_zone_txt(a, r, answer, s);
	else
		admin_zone_names(a, r, answer, s);
}
