/* dkim_util.c - making a domain's keys */
#include "server/ctl/dkim_util.h"

#include "base/crypto.h"
#include "server/ctl/zone.h"
#include "server/mailauth/dkim.h"

struct ctl_dkim_job {
	struct arena *a; /* its own: another thread fills it */
	const char *algorithm;
	struct str pem, public_part;
	struct err *err;
};

static void
blocking_ctl_dkim(void *arg)
{
	struct ctl_dkim_job *j = arg;

	j->err =
	    blocking_dkim_key_new(j->a, j->algorithm, &j->pem, &j->public_part);
}

bool
ctl_dkim_is_needed(const struct state_dkim_key *k, int64_t wall_s)
{
	return k->stage != STATE_DKIM_RETIRED ||
	       k->retired + STATE_DKIM_RETIRED_S > wall_s;
}

struct str
ctl_dkim_record(struct arena *a, const struct state_dkim_key *k)
{
	return dkim_record(a, arena_cstr(a, k->algorithm), k->public_part);
}

static void
ctl_dkim_say(struct task *t, struct ctl *c, const struct state_dkim_key *k)
{
	struct arena *a = task_arena(t);
	struct zone_record r = {
		.name = str_c(arena_printf(a, STR_FMT "._domainkey." STR_FMT,
		    STR_ARG(k->selector), STR_ARG(k->domain))),
		.type = "TXT",
		.data = ctl_dkim_record(a, k),
	};

	ctl_say(c, "added %s key " STR_FMT " of " STR_FMT,
	    state_dkim_stage_name(k->stage), STR_ARG(k->selector),
	    STR_ARG(k->domain));
	ctl_note(c, STR_FMT, STR_ARG(zone_line(a, &r)));
}

struct err *
ctl_dkim_make(struct task *t, struct ctl *c, struct state_dkim_key *k)
{
	struct arena *a = task_arena(t);
	struct ctl_dkim_job j = { .a = arena_new(0),
		.algorithm = arena_cstr(a, k->algorithm) };
	struct err *e = NULL;

	if (k->selector.n == 0)
		e = state_dkim_selector(a, c->state, k->domain, k->algorithm,
		    task_wall_s(t), &k->selector);
	if (e == NULL) {
		offload_run(t, c->offload, blocking_ctl_dkim, &j);
		e = j.err == NULL ? NULL
				  : err_newf(a, j.err->code, "%s", j.err->text);
	}
	if (e == NULL) {
		k->public_part = str_c(arena_cstr(a, j.public_part));
		e = state_dkim_add(t, c->state, ctl_by(t), k, j.pem);
		crypto_wipe((char *)j.pem.p, j.pem.n);
	}
	arena_free(&j.a);
	if (e == NULL)
		ctl_dkim_say(t, c, k);
	return e;
}
