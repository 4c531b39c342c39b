/* srs_state.c - rewriting with the secrets of the state */
#include "server/queue/srs.h"
#include "storage/state_domain.h"
#include "storage/state_srs.h"

static bool
srs_is_ours(struct arena *a, struct state *st, struct str from)
{
	struct state_domain_rules rules;
	size_t at = from.n;

	while (at > 0 && from.p[at - 1] != '@')
		at--;
	return at > 0 && state_domain_rules(a, st, str_sub(from, at, from.n),
			     &rules) == NULL;
}

struct err *
srs_forward(struct arena *a, struct state *st, int64_t wall_s, struct str from,
    struct str our_domain, struct str *out_r)
{
	struct str *secrets;
	struct err *e;
	bool active;
	unsigned n;

	*out_r = from;
	if (from.n == 0 || srs_is_ours(a, st, from))
		return NULL;
	e = state_srs_secrets(a, st, wall_s, &secrets, &n, &active);
	if (e == NULL && !active)
		e = err_new(a, ERR_UNAVAIL,
		    "there is no secret to rewrite senders with yet", NULL);
	return e != NULL ? e
			 : srs_rewrite(a, secrets[0], wall_s, from, our_domain,
			       out_r);
}

struct err *
srs_reverse(struct arena *a, struct state *st, int64_t wall_s,
    struct str address, struct str *out_r)
{
	struct str *secrets;
	struct err *e;
	bool active;
	unsigned n;

	*out_r = STR_NONE;
	e = state_srs_secrets(a, st, wall_s, &secrets, &n, &active);
	return e != NULL ? e
			 : srs_restore(a, secrets, n, wall_s, address, out_r);
}
