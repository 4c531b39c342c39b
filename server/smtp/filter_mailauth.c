/* filter_mailauth.c - whether a message is from whom it says it is */
#include "server/smtp/filter_mailauth.h"

#include "base/log.h"
#include "server/mailauth/authres.h"
#include "server/worker.h"
#include "storage/state_address.h"
#include "storage/state_domain.h"

struct mailauth {
	struct filter_msg *m;
	struct spf spf;
	struct dkim_verify *dkim;
	struct dmarc dmarc;
	struct authres res;
	struct str id; /* authserv-id */
	unsigned room;
	size_t room_bytes;
	bool has_room, cut;
};

static void *
mailauth_begin(struct filter_msg *m)
{
	struct mailauth *ma;

	if (!m->client->known || m->client->trusted || m->w->dns == NULL)
		return NULL;
	ma = arena_new_obj(m->arena, struct mailauth);
	ma->m = m;
	ma->id = arena_str(m->arena, str_c(worker_hostname(m->w)));
	return ma;
}

/* --- when the header is there --- */

/* Results lie in the task's arena, which is rewound. */
static void
mailauth_keep(const struct mailauth *ma, struct str *s)
{
	*s = arena_str(ma->m->arena, *s);
}

static may_yield void
mailauth_spf(struct task *t, struct mailauth *ma)
{
	const struct filter_client *c = ma->m->client;

	ma->spf = (struct spf){ .ip = &c->peer,
		.helo = c->hello,
		.from = ma->m->from,
		.receiver = ma->id };
	spf_check(t, ma->m->w->dns, &ma->spf);
	mailauth_keep(ma, &ma->spf.domain);
	mailauth_keep(ma, &ma->spf.explanation);
	mailauth_keep(ma, &ma->spf.why);
}

static may_yield void
mailauth_iprev(struct task *t, struct mailauth *ma)
{
	switch (dns_iprev(t, ma->m->w->dns, &ma->m->client->peer,
	    &ma->res.iprev_name)) {
	case DNS_FOUND:
		ma->res.iprev = "pass";
		break;
	case DNS_NO_DATA:
	case DNS_NO_DOMAIN:
		ma->res.iprev = "fail";
		break;
	case DNS_TEMP:
	case DNS_BOGUS:
		ma->res.iprev = "temperror";
		break;
	}
	mailauth_keep(ma, &ma->res.iprev_name);
}

static may_yield void
mailauth_dmarc(struct task *t, struct mailauth *ma, const struct headers *h)
{
	dmarc_find(t, ma->m->w->dns, h->original, &ma->dmarc);
	mailauth_keep(ma, &ma->dmarc.domain);
	if (ma->dmarc.why != NULL)
		ma->dmarc.why = arena_strdup(ma->m->arena, ma->dmarc.why);
}

static struct str
mailauth_field(struct mailauth *ma)
{
	struct buf b;

	buf_init(&b, ma->m->arena, AUTHRES_MAX);
	authres_write(&b, &ma->res);
	return buf_ok(&b) ? buf_str(&b) : STR_NONE;
}

/* What it says if the text is longer than its room after all. */
static struct str
mailauth_short(struct mailauth *ma)
{
	return str_c(arena_printf(ma->m->arena,
	    "Authentication-Results: " STR_FMT "; dmarc=%s\r\n",
	    STR_ARG(ma->id), dmarc_result_name(ma->dmarc.result)));
}

static may_yield_unchecked void
mailauth_header(struct task *t, struct filter_msg *m, void *state,
    struct headers *h)
{
	struct mailauth *ma = state;
	struct dmarc found;
	struct str field;

	ma->cut = h->cut;
	mailauth_spf(t, ma);
	mailauth_iprev(t, ma);
	ma->dkim = dkim_verify_new(m->arena, m->w->dns);
	dkim_verify_header(t, ma->dkim, h->original);
	mailauth_dmarc(t, ma, h);
	ma->res.id = ma->id;
	ma->res.spf = &ma->spf;
	ma->res.dkim = ma->dkim;
	ma->res.dmarc = &ma->dmarc;
	ma->res.peer = m->client->peer;
	/* as if all bodies were what was signed */
	found = ma->dmarc;
	dmarc_judge(m->arena, &ma->dmarc, &ma->spf, ma->dkim);
	field = mailauth_field(ma);
	if (field.n > 0)
		ma->has_room = filter_room(m, h, field, &ma->room);
	ma->room_bytes = field.n;
	ma->dmarc = found;
}

static void
mailauth_body(void *state, struct str piece)
{
	struct mailauth *ma = state;

	dkim_verify_body(ma->dkim, piece.p, piece.n);
}

/* --- at the end --- */

/* The most that the policy may do for this recipient. */
static enum dmarc_policy
mailauth_rule(const struct mailauth *ma, struct arena *a, struct str rcpt)
{
	struct state_domain_rules rules;
	struct state_address ad;

	if (state_address_parse(a, rcpt, &ad) != NULL ||
	    state_domain_rules(a, ma->m->w->state, ad.domain, &rules) != NULL)
		return DMARC_P_REJECT;
	switch (rules.dmarc) {
	case STATE_DMARC_IGNORE:
		return DMARC_P_NONE;
	case STATE_DMARC_QUARANTINE:
		return DMARC_P_QUARANTINE;
	case STATE_DMARC_PUBLISHED:
		break;
	}
	return DMARC_P_REJECT;
}

static enum dmarc_policy
mailauth_policy(struct task *t, const struct mailauth *ma)
{
	enum dmarc_policy p = ma->dmarc.policy;
	struct arena_mark mark = arena_mark(task_arena(t));

	if (ma->dmarc.result != DMARC_FAIL ||
	    worker_setting(ma->m->w, STATE_DMARC_ENFORCE) == 0)
		return DMARC_P_NONE;
	for (unsigned i = 0; p != DMARC_P_NONE && i < ma->m->rcpt_n; i++) {
		enum dmarc_policy most =
		    mailauth_rule(ma, task_arena(t), ma->m->rcpts[i]);

		if (most < p)
			p = most;
		arena_rewind(task_arena(t), mark);
	}
	return p;
}

static void
mailauth_obey(struct task *t, struct mailauth *ma)
{
	struct filter_msg *m = ma->m;
	enum dmarc_policy p = mailauth_policy(t, ma);

	if (p == DMARC_P_REJECT)
		filter_say(m, FILTER_REJECT, 550, "5.7.1",
		    arena_printf(m->arena,
			"the DMARC policy of " STR_FMT
			" has this message rejected",
			STR_ARG(ma->dmarc.domain)));
	/* An author behind what was examined, or beside another. */
	if (p == DMARC_P_QUARANTINE || ma->cut || ma->dmarc.several)
		filter_say(m, FILTER_JUNK, 0, NULL, NULL);
	if (ma->dmarc.result == DMARC_FAIL)
		log_info(t, "DMARC failed", LOG_STR("domain", ma->dmarc.domain),
		    LOG_C("policy", dmarc_policy_name(ma->dmarc.policy)),
		    LOG_C("applied", dmarc_policy_name(p)),
		    LOG_STR("from", m->from),
		    LOG_C("spf", spf_result_name(ma->spf.result)));
}

/* "pass example.net", or the result alone. */
static void
mailauth_note_one(struct filter_msg *m, const char *key, const char *result,
    struct str domain)
{
	filter_note(m, key,
	    str_c(arena_printf(m->arena, "%s%s" STR_FMT, result,
		domain.n > 0 ? " " : "", STR_ARG(domain))));
}

static void
mailauth_note(struct mailauth *ma)
{
	struct filter_msg *m = ma->m;
	struct buf b;

	mailauth_note_one(m, "spf", spf_result_name(ma->spf.result),
	    ma->spf.domain);
	buf_init(&b, m->arena, 1000);
	for (unsigned i = 0; i < dkim_verify_count(ma->dkim); i++) {
		const struct dkim_signature *s = dkim_verify_nth(ma->dkim, i);

		buf_fmt(&b, "%s%s " STR_FMT, i > 0 ? ", " : "",
		    dkim_result_name(s->result), STR_ARG(s->domain));
	}
	filter_note(m, "dkim", b.n > 0 ? buf_str(&b) : STR("none"));
	mailauth_note_one(m, "dmarc", dmarc_result_name(ma->dmarc.result),
	    ma->dmarc.domain);
}

static void
mailauth_end(struct task *t, struct filter_msg *m, void *state)
{
	struct mailauth *ma = state;
	struct str field;

	dkim_verify_end(ma->dkim);
	dmarc_judge(m->arena, &ma->dmarc, &ma->spf, ma->dkim);
	if (ma->has_room) {
		field = mailauth_field(ma);
		if (field.n == 0 || field.n > ma->room_bytes)
			field = mailauth_short(ma);
		filter_fill(m, ma->room, field);
	}
	mailauth_note(ma);
	mailauth_obey(t, ma);
}

const struct filter filter_mailauth = {
	.name = "mailauth",
	.begin = mailauth_begin,
	.header = mailauth_header,
	.body = mailauth_body,
	.end = mailauth_end,
};
