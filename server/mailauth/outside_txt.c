/* outside_txt.c - the records that vouch for a sender: SPF, DKIM, DMARC */
#include "server/mailauth/dkim_private.h"
#include "server/mailauth/dmarc_private.h"
#include "server/mailauth/outside_private.h"
#include "server/mailauth/spf_private.h"
#include "server/mailauth/tags.h"

/* ---- SPF */

#define OUTSIDE_SPF_VERSION 6 /* "v=spf1" */

/* Whose record, what it ought to be. */
struct outside_spf {
	struct str domain, from; /* from empty: as HELO name */
	struct str wanted;	 /* if there is none; or empty */
	enum outside_state none; /* how bad that is */
	struct str text;	 /* found */
};

static void
outside_spf_bad(struct task *t, struct outside_row *r,
    const struct outside_spf *s, struct str found, enum outside_state state)
{
	outside_say(t, r, found, state);
	if (s->wanted.n > 0)
		outside_want(t, r, s->domain, "TXT", s->wanted);
}

/* The one record, readable. */
static void
outside_spf_terms(struct task *t, struct outside_row *r,
    const struct outside_spf *s, const struct spf_record *rec)
{
	for (unsigned i = 0; i < rec->n; i++)
		if (rec->terms[i].mechanism == SPF_ALL &&
		    rec->terms[i].result == SPF_PASS) {
			outside_spf_bad(t, r, s,
			    outside_text(t,
				"the SPF record of " STR_FMT
				" lets everybody send",
				STR_ARG(s->domain)),
			    OUTSIDE_WARNING);
			return;
		}
	outside_say(t, r,
	    outside_text(t, STR_FMT " has one SPF record: " STR_FMT,
		STR_ARG(s->domain), STR_ARG(s->text)),
	    OUTSIDE_OK);
}

/* Whether there is one that can be evaluated. */
static may_yield bool
outside_spf_record(struct task *t, struct outside *o, struct outside_spf *s)
{
	struct outside_row *r = outside_row(t, o, "spf", s->domain);
	struct spf_record rec;
	struct str *list;
	unsigned n, found = 0;
	const char *why;
	enum dns_status st = dns_txt(t, o->dns, s->domain, &list, &n);

	if (outside_dns_unknown(st)) {
		outside_unknown(t, r, st);
		return false;
	}
	for (unsigned i = 0; i < n; i++)
		if (spf_is_record(list[i])) {
			s->text = list[i];
			found++;
		}
	if (found != 1) {
		outside_spf_bad(t, r, s,
		    found == 0
			? outside_text(t, STR_FMT " has no SPF record",
			      STR_ARG(s->domain))
			: outside_text(t,
			      STR_FMT " has %u SPF records, where only one "
				      "may be",
			      STR_ARG(s->domain), found),
		    found == 0 ? s->none : OUTSIDE_WRONG);
		return false;
	}
	why = spf_parse(task_arena(t), s->text, &rec);
	if (why == NULL) {
		outside_spf_terms(t, r, s, &rec);
		return true;
	}
	outside_spf_bad(t, r, s,
	    outside_text(t, "the SPF record of " STR_FMT " is broken: %s",
		STR_ARG(s->domain), why),
	    OUTSIDE_WRONG);
	return false;
}

/* "v=spf1 ip4:192.0.2.1 mx -all": with the addresses that it lacks. */
static struct str
outside_spf_with(struct task *t, const struct outside *o,
    const struct outside_spf *s, const bool *lacks)
{
	char text[NET_TEXT_MAX];
	struct buf b;

	buf_init(&b, task_arena(t), s->text.n + o->addresses_n * 64 + 1);
	buf_str_add(&b, str_sub(s->text, 0, OUTSIDE_SPF_VERSION));
	for (unsigned i = 0; i < o->addresses_n; i++)
		if (lacks[i])
			buf_fmt(&b, " %s:%s",
			    o->addresses[i].family == NET_IP6 ? "ip6" : "ip4",
			    net_addr_text(&o->addresses[i], text));
	buf_str_add(&b, str_sub(s->text, OUTSIDE_SPF_VERSION, s->text.n));
	return buf_str(&b);
}

/* true: the record lacks the address. */
static may_yield bool
outside_spf_address(struct task *t, struct outside *o,
    const struct outside_spf *s, const struct net_addr *ad)
{
	struct outside_row *r = outside_row(t, o, "spf", s->domain);
	struct spf c = { .ip = ad,
		.helo = o->helo,
		.from = s->from,
		.receiver = o->helo };
	char text[NET_TEXT_MAX];
	const char *ip = net_addr_text(ad, text);

	spf_check(t, o->dns, &c);
	switch (c.result) {
	case SPF_PASS:
		outside_say(t, r,
		    outside_text(t, "SPF of " STR_FMT " passes for %s",
			STR_ARG(s->domain), ip),
		    OUTSIDE_OK);
		return false;
	case SPF_TEMPERROR:
		outside_say(t, r,
		    outside_text(t,
			"SPF of " STR_FMT " is not known for %s: " STR_FMT,
			STR_ARG(s->domain), ip, STR_ARG(c.why)),
		    OUTSIDE_UNKNOWN);
		return false;
	case SPF_PERMERROR:
	case SPF_NONE:
		outside_say(t, r,
		    outside_text(t,
			"SPF of " STR_FMT
			" cannot be evaluated for %s: " STR_FMT,
			STR_ARG(s->domain), ip, STR_ARG(c.why)),
		    OUTSIDE_WRONG);
		return false;
	case SPF_FAIL:
	case SPF_SOFTFAIL:
	case SPF_NEUTRAL:
		break;
	}
	outside_say(t, r,
	    outside_text(t, "SPF of " STR_FMT " does not name %s (%s)",
		STR_ARG(s->domain), ip, spf_result_name(c.result)),
	    OUTSIDE_WRONG);
	return true;
}

static may_yield void
outside_spf_all(struct task *t, struct outside *o, struct outside_spf *s)
{
	bool *lacks =
	    arena_array(task_arena(t), o->addresses_n + 1, sizeof(*lacks));
	struct str with;
	unsigned first;

	if (!outside_spf_record(t, o, s))
		return;
	first = o->n;
	for (unsigned i = 0; i < o->addresses_n; i++)
		lacks[i] = outside_spf_address(t, o, s, &o->addresses[i]);
	with = outside_spf_with(t, o, s, lacks);
	for (unsigned i = 0; i < o->addresses_n; i++)
		if (lacks[i])
			outside_want(t, &o->rows[first + i], s->domain, "TXT",
			    with);
}

void
outside_spf_helo(struct task *t, struct outside *o)
{
	/* Bounces have no other name (RFC 7208, 2.4, 10.1.3). */
	struct outside_spf s = { .domain = o->helo,
		.from = STR_NONE,
		.wanted = STR("v=spf1 a -all"),
		.none = OUTSIDE_WARNING };

	outside_spf_all(t, o, &s);
}

void
outside_spf(struct task *t, struct outside *o, const struct outside_domain *d)
{
	struct outside_spf s = { .domain = d->name,
		.from =
		    outside_text(t, "postmaster@" STR_FMT, STR_ARG(d->name)),
		.wanted = d->spf,
		.none = OUTSIDE_WRONG };

	outside_spf_all(t, o, &s);
}

/* ---- DKIM */

/* NULL: it is the key.  Else what is wrong with the record. */
static const char *
outside_dkim_record(struct arena *a, const struct outside_key *k,
    struct str record, bool *testing_r)
{
	struct tags *t = arena_new_obj(a, struct tags);
	struct str kind, found, mine;

	*testing_r = false;
	if (!tags_parse(record, t))
		return "is no list of tags";
	if (tags_has(t, "v") && (!str_eq_c(t->list[0].name, "v") ||
				    !str_eq_c(t->list[0].value, "DKIM1")))
		return "is of another version than DKIM1";
	if (!tags_has(t, "p"))
		return "has no key";
	if (tags_value(t, "p").n == 0)
		return "says that the key is revoked";
	kind = tags_has(t, "k") ? tags_value(t, "k") : STR("rsa");
	if (!str_case_eq(kind, k->algorithm))
		return "is for another algorithm";
	if (tags_has(t, "h") && !tags_list_has(tags_value(t, "h"), "sha256"))
		return "is not for sha256";
	if (tags_has(t, "s") && !tags_list_has(tags_value(t, "s"), "*") &&
	    !tags_list_has(tags_value(t, "s"), "email"))
		return "is not for mail";
	if (!tags_base64(a, tags_value(t, "p"), &found) ||
	    !tags_base64(a, k->public_part, &mine) || !str_eq(found, mine))
		return "has another key";
	*testing_r = tags_list_has(tags_value(t, "t"), "y");
	return NULL;
}

static const char *
outside_dkim_missing(const struct outside_key *k)
{
	switch (k->stage) {
	case OUTSIDE_KEY_NEW:
		return "is not published yet, and signs nothing before it is";
	case OUTSIDE_KEY_RETIRED:
		return "is not published any more: mail that it signed may "
		       "still be under way";
	case OUTSIDE_KEY_ACTIVE:
		break;
	}
	return "is not published, and mail is signed with it";
}

static may_yield void
outside_dkim_key(struct task *t, struct outside *o, struct str name,
    const struct outside_key *k)
{
	struct outside_row *r = outside_row(t, o, "dkim", name);
	enum outside_state bad =
	    k->stage == OUTSIDE_KEY_ACTIVE ? OUTSIDE_WRONG : OUTSIDE_WARNING;
	struct str *list, said;
	bool testing = false;
	const char *why;
	unsigned n;
	enum dns_status st = dns_txt(t, o->dns, name, &list, &n);

	if (outside_dns_unknown(st)) {
		outside_unknown(t, r, st);
		return;
	}
	if (n == 1) {
		why = outside_dkim_record(task_arena(t), k, list[0], &testing);
		said = why == NULL ? STR("the key is published")
				   : outside_text(t, "the record %s", why);
	} else if (n == 0) {
		why = "";
		said = outside_text(t, "the key %s", outside_dkim_missing(k));
	} else {
		why = "";
		said = outside_text(t,
		    "there are %u records, where only one "
		    "may be",
		    n);
	}
	if (why == NULL && testing) {
		said = STR("the record says that signatures are only a test "
			   "(t=y)");
		why = "";
		bad = OUTSIDE_WARNING;
	}
	outside_say(t, r, said, why == NULL ? OUTSIDE_OK : bad);
	if (why != NULL)
		outside_want(t, r, name, "TXT",
		    dkim_record(task_arena(t),
			arena_cstr(task_arena(t), k->algorithm),
			k->public_part));
}

void
outside_dkim(struct task *t, struct outside *o, const struct outside_domain *d)
{
	unsigned active = 0;

	for (unsigned i = 0; i < d->keys_n; i++) {
		active += d->keys[i].stage == OUTSIDE_KEY_ACTIVE;
		outside_dkim_key(t, o,
		    outside_text(t, STR_FMT "._domainkey." STR_FMT,
			STR_ARG(d->keys[i].selector), STR_ARG(d->name)),
		    &d->keys[i]);
	}
	if (active == 0)
		outside_say(t, outside_row(t, o, "dkim", d->name),
		    outside_text(t,
			"mail of " STR_FMT
			" is not signed: it has no active key",
			STR_ARG(d->name)),
		    OUTSIDE_WARNING);
}

/* ---- DMARC */

/* What is wrong with a record; NULL: nothing. *state_r: how bad. */
static const char *
outside_dmarc_record(struct arena *a, struct str text,
    enum outside_state *state_r)
{
	struct tags *t = arena_new_obj(a, struct tags);
	struct dmarc_record rec;
	const char *why = dmarc_parse(text, &rec);

	*state_r = OUTSIDE_WRONG;
	if (why != NULL)
		return "has no usable policy (p=)";
	*state_r = OUTSIDE_WARNING;
	if (!tags_parse(text, t))
		return "is no clean list of tags: not everybody reads it";
	if (!tags_has(t, "p"))
		return "has no policy (p=)";
	*state_r = OUTSIDE_OK;
	return NULL;
}

/* Records of that name; the last one in *text_r. */
static may_yield enum dns_status
outside_dmarc_find(struct task *t, struct outside *o, struct str name,
    struct str *text_r, unsigned *found_r)
{
	struct str *list;
	unsigned n;
	enum dns_status st = dns_txt(t, o->dns, name, &list, &n);

	*found_r = 0;
	for (unsigned i = 0; i < n; i++)
		if (dmarc_is_record(list[i])) {
			*text_r = list[i];
			++*found_r;
		}
	return st;
}

void
outside_dmarc(struct task *t, struct outside *o, const struct outside_domain *d)
{
	struct outside_row *r = outside_row(t, o, "dmarc", d->name);
	struct str own = outside_text(t, "_dmarc." STR_FMT, STR_ARG(d->name));
	struct str at = own, text = STR_NONE, above;
	enum outside_state state;
	unsigned found;
	const char *why;
	enum dns_status st;

	st = outside_dmarc_find(t, o, own, &text, &found);
	if (!outside_dns_unknown(st) && found == 0) {
		above = dmarc_organization(task_arena(t), d->name);
		at = outside_text(t, "_dmarc." STR_FMT, STR_ARG(above));
		if (!str_eq(above, d->name))
			st = outside_dmarc_find(t, o, at, &text, &found);
	}
	if (outside_dns_unknown(st)) {
		outside_unknown(t, r, st);
		return;
	}
	if (found == 1) {
		why = outside_dmarc_record(task_arena(t), text, &state);
		outside_say(t, r,
		    why == NULL
			? outside_text(t, STR_FMT " says " STR_FMT, STR_ARG(at),
			      STR_ARG(text))
			: outside_text(t, "the record of " STR_FMT " %s",
			      STR_ARG(at), why),
		    state);
	} else {
		outside_say(t, r,
		    found == 0
			? outside_text(t, STR_FMT " has no DMARC record",
			      STR_ARG(d->name))
			: outside_text(t,
			      STR_FMT " has %u DMARC records, where only one "
				      "may be",
			      STR_ARG(at), found),
		    OUTSIDE_WRONG);
	}
	if (r->state != OUTSIDE_OK && d->dmarc.n > 0)
		outside_want(t, r, own, "TXT", d->dmarc);
}
