/* deliver_address.c - who gets what is sent to an address */
#include "server/queue/srs.h"
#include "server/smtp/deliver_private.h"
#include "server/worker.h"
#include "storage/state_account.h"
#include "storage/state_address.h"
#include "storage/state_domain.h"

static enum deliver_verdict
deliver_find_verdict(const struct err *e, bool foreign, bool closed)
{
	switch (err_code(e)) {
	case ERR_NONE:
		return DELIVER_OK;
	case ERR_NOTFOUND:
		return DELIVER_UNKNOWN;
	case ERR_DENIED:
		if (closed)
			return DELIVER_CLOSED;
		return foreign ? DELIVER_FOREIGN : DELIVER_SUSPENDED;
	case ERR_LIMIT:
		return DELIVER_CIRCLE;
	default:
		return DELIVER_TEMP;
	}
}

static enum deliver_verdict
deliver_resolve(struct arena *a, const struct deliver *d, struct str address,
    struct deliver_found *f)
{
	bool foreign, closed;
	struct err *e = state_resolve_from(a, d->w->state, address,
	    d->from.mailbox, &f->list, &f->n, &foreign, &closed);

	return deliver_find_verdict(e, foreign, closed);
}

/* What the state cannot have as an address: ours or not, that is the
 * question. */
static enum deliver_verdict
deliver_find_odd(struct arena *a, struct worker *w, const struct smtp_path *to)
{
	struct state_domain d;

	if (state_domain_find(a, w->state, to->domain, &d) != NULL)
		return DELIVER_FOREIGN; /* literals, too */
	/* `"a@b"@us` */
	return str_chr(to->local, '@') >= 0 ? DELIVER_FOREIGN : DELIVER_UNKNOWN;
}

/* a%b@us, a!b@us: a way through us, unless it is somebody's name. */
static bool
deliver_is_routed(struct arena *a, struct worker *w,
    const struct state_address *ad)
{
	struct state_account account;
	struct state_alias alias;

	if (str_chr(ad->local, '%') < 0 && str_chr(ad->local, '!') < 0)
		return false;
	return state_account_find(a, w->state, ad->full, &account) != NULL &&
	       state_alias_find(a, w->state, ad->full, &alias) != NULL;
}

static bool
deliver_is_role(struct str local)
{
	return str_case_eq_c(local, "postmaster") ||
	       str_case_eq_c(local, "abuse");
}

static enum deliver_verdict
deliver_hold(struct arena *a, struct str address, struct deliver_found *f)
{
	f->list = arena_new_obj(a, struct state_recipient);
	f->list[0] = (struct state_recipient){
		.account_id = STR(DELIVER_HOLD_ID),
		.address = address,
		.quota_bytes = DELIVER_HOLD_BYTES,
		.quota_messages = DELIVER_HOLD_MESSAGES,
	};
	f->n = 1;
	return DELIVER_OK;
}

/* --- <postmaster> --- */

static bool
deliver_postmaster_at(struct arena *a, const struct deliver *d,
    struct str domain, struct deliver_found *f)
{
	struct str address =
	    str_c(arena_printf(a, "postmaster@" STR_FMT, STR_ARG(domain)));

	return deliver_resolve(a, d, address, f) == DELIVER_OK;
}

/* mx1.example.org, example.org, org */
static bool
deliver_postmaster_of_host(struct arena *a, const struct deliver *d,
    struct deliver_found *f)
{
	struct str host = str_c(worker_hostname(d->w)), label;

	while (host.n > 0) {
		if (deliver_postmaster_at(a, d, host, f))
			return true;
		if (!str_split(&host, '.', &label))
			break;
	}
	return false;
}

static enum deliver_verdict
deliver_postmaster(struct arena *a, const struct deliver *d,
    struct deliver_found *f)
{
	struct str setting = worker_setting_text(d->w, STATE_POSTMASTER);
	struct state_domain *first;
	unsigned n;

	if (deliver_postmaster_of_host(a, d, f))
		return DELIVER_OK;
	if (setting.n > 0 && deliver_resolve(a, d, setting, f) == DELIVER_OK)
		return DELIVER_OK;
	if (state_domain_list(a, d->w->state, STR_NONE, 1, &first, &n) ==
		NULL &&
	    n > 0 && deliver_postmaster_at(a, d, first->name, f))
		return DELIVER_OK;
	return deliver_hold(a, STR("postmaster"), f);
}

/* --- elsewhere --- */

static enum deliver_verdict
deliver_elsewhere(struct arena *a, struct str address, struct deliver_found *f)
{
	f->list = arena_new_obj(a, struct state_recipient);
	f->list[0] = (struct state_recipient){ .address = address };
	f->n = 1;
	return DELIVER_OK;
}

/* Who has logged in sends to all domains of the world but ours. */
static enum deliver_verdict
deliver_relay(struct arena *a, const struct deliver *d,
    const struct smtp_path *to, struct deliver_found *f)
{
	struct state_domain_rules rules;
	struct err *e;

	if (d->client.account.n == 0 || to->domain.n == 0 ||
	    to->domain.p[0] == '[' || !to->valid)
		return DELIVER_FOREIGN;
	e = state_domain_rules(a, d->w->state, to->domain, &rules);
	if (e == NULL || err_is(e, ERR_INVALID))
		return DELIVER_FOREIGN;
	if (!err_is(e, ERR_NOTFOUND))
		return DELIVER_TEMP;
	return deliver_elsewhere(a, to->mailbox, f);
}

/* A bounce comes back to a sender we rewrote (SRS): on to who that was. */
static enum deliver_verdict
deliver_bounce(struct arena *a, const struct deliver *d,
    const struct smtp_path *to, int64_t wall_s, struct deliver_found *f)
{
	struct str address;
	struct err *e =
	    srs_reverse(a, d->w->state, wall_s, to->mailbox, &address);

	return e == NULL ? deliver_elsewhere(a, address, f) : DELIVER_UNKNOWN;
}

uint64_t
deliver_domain_max(struct arena *a, struct worker *w, struct str domain)
{
	struct state_domain_rules rules;

	if (domain.n == 0 ||
	    state_domain_rules(a, w->state, domain, &rules) != NULL)
		return 0;
	return rules.message_max;
}

/* --- any --- */

static enum deliver_verdict
deliver_find_here(struct arena *a, const struct deliver *d,
    const struct smtp_path *to, int64_t wall_s, struct deliver_found *f)
{
	struct state_address ad;
	enum deliver_verdict v;

	if (to->domain.n == 0) {
		if (str_case_eq_c(to->local, "postmaster"))
			return deliver_postmaster(a, d, f);
		return str_chr(to->local, '!') >= 0 ||
			       str_chr(to->local, '%') >= 0
			   ? DELIVER_FOREIGN
			   : DELIVER_NO_DOMAIN;
	}
	/* whoever the catch-all is */
	if (srs_is_local(to->local) && d->from.mailbox.n == 0) {
		v = deliver_bounce(a, d, to, wall_s, f);
		if (v == DELIVER_OK)
			return v;
	}
	if (state_address_parse(a, to->mailbox, &ad) != NULL)
		return deliver_find_odd(a, d->w, to);
	f->normalised = ad.full;
	v = deliver_resolve(a, d, ad.full, f);
	if ((v == DELIVER_OK || v == DELIVER_UNKNOWN) &&
	    deliver_is_routed(a, d->w, &ad))
		return DELIVER_FOREIGN;
	if (v == DELIVER_UNKNOWN && deliver_is_role(ad.local))
		return deliver_hold(a, ad.full, f);
	return v;
}

enum deliver_verdict
deliver_find(struct arena *a, const struct deliver *d,
    const struct smtp_path *to, int64_t wall_s, struct deliver_found *f_r)
{
	enum deliver_verdict v;

	*f_r = (struct deliver_found){ .n = 0 };
	v = deliver_find_here(a, d, to, wall_s, f_r);
	return v == DELIVER_FOREIGN ? deliver_relay(a, d, to, f_r) : v;
}
