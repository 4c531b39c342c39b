/* header_forged.c - what says that we have judged a message, and is not ours */
#include "server/mailauth/authres.h"
#include "server/smtp/deliver_private.h"
#include "server/smtp/header_step.h"
#include "server/worker.h"
#include "storage/state_domain.h"

/*
 * RFC 8601, 5: an Authentication-Results in the name of this cluster comes
 * neither from outside nor from one of our users.  Those whom we trust without
 * a login (LMTP, net.exempt) may be another host of ours.
 *
 * A stranger writes as many such fields, with as many labels, as the header has
 * room for: what is left when so many questions were asked goes unasked.
 */
#define HEADER_FORGED_ASKS 256

/* mx2.example.org is ours if example.org is: another node says so, not a
 * stranger. */
static bool
header_is_ours(struct arena *a, const struct deliver *d, struct str id,
    unsigned *asks)
{
	struct state_domain_rules rules;
	struct str label;

	if (str_case_eq_c(id, worker_hostname(d->w)))
		return true;
	for (; id.n > 0 && *asks > 0; --*asks) {
		if (state_domain_rules(a, d->w->state, id, &rules) == NULL)
			return true;
		if (!str_split(&id, '.', &label))
			return false;
	}
	return *asks == 0;
}

static bool
header_is_forged(const struct deliver *d, struct str field, unsigned *asks)
{
	struct arena *a;
	struct str id;
	bool forged;

	if (*asks == 0)
		return true;
	a = arena_new(0);
	id = authres_field_id(a, field);
	/* who cannot be read might be read by others */
	forged = id.n == 0 || header_is_ours(a, d, id, asks);
	arena_free(&a);
	return forged;
}

static void
header_forged_run(struct task *t, struct deliver *d, struct headers *h)
{
	unsigned asks = HEADER_FORGED_ASKS;
	unsigned i = headers_find(h, "Authentication-Results", 0);

	(void)t;
	if (!d->client.known || (d->client.trusted && d->client.account.n == 0))
		return;
	for (; i < h->n; i = headers_find(h, "Authentication-Results", i + 1))
		if (header_is_forged(d, h->fields[i].text, &asks))
			headers_remove(h, i);
}

const struct header_step header_step_forged = {
	.name = "forged",
	.run = header_forged_run,
};
