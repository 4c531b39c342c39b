/* admin_dkim.c - making a domain's keys, and their records */
#include "server/admin/admin_dkim.h"

#include "base/crypto.h"
#include "server/mailauth/dkim.h"

struct admin_dkim_job {
	struct arena *a; /* its own: another thread fills it */
	const char *algorithm;
	struct str pem, public_part;
	struct err *err;
};

static void
blocking_admin_dkim(void *arg)
{
	struct admin_dkim_job *j = arg;

	j->err =
	    blocking_dkim_key_new(j->a, j->algorithm, &j->pem, &j->public_part);
}

bool
admin_dkim_is_needed(const struct state_dkim_key *k, int64_t wall_s)
{
	return k->stage != STATE_DKIM_RETIRED ||
	       k->retired + STATE_DKIM_RETIRED_S > wall_s;
}

struct str
admin_dkim_record(struct arena *a, const struct state_dkim_key *k)
{
	return dkim_record(a, arena_cstr(a, k->algorithm), k->public_part);
}

struct admin_zone_record
admin_dkim_zone(struct arena *a, const struct state_dkim_key *k)
{
	return (struct admin_zone_record){
		.name = str_c(arena_printf(a, STR_FMT "._domainkey." STR_FMT,
		    STR_ARG(k->selector), STR_ARG(k->domain))),
		.type = "TXT",
		.data = admin_dkim_record(a, k),
	};
}

struct err *
admin_dkim_make(struct task *t, struct admin *ad, struct state_dkim_key *k)
{
	struct arena *a = task_arena(t);
	struct admin_dkim_job j = { .a = arena_new(0),
		.algorithm = arena_cstr(a, k->algorithm) };
	struct err *e = NULL;

	if (k->selector.n == 0)
		e = state_dkim_selector(a, ad->state, k->domain, k->algorithm,
		    task_wall_s(t), &k->selector);
	if (e == NULL) {
		offload_run(t, ad->offload, blocking_admin_dkim, &j);
		e = j.err == NULL ? NULL
				  : err_newf(a, j.err->code, "%s", j.err->text);
	}
	if (e == NULL) {
		k->public_part = str_c(arena_cstr(a, j.public_part));
		e = state_dkim_add(t, ad->state, ad->by, k, j.pem);
		crypto_wipe((char *)j.pem.p, j.pem.n);
	}
	arena_free(&j.a);
	return e;
}
