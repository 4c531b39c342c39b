/* jobs_keys.c - secrets of SRS, and keys of DKIM that come and go */
#include "base/log.h"
#include "server/cluster/jobs_private.h"
#include "server/dns/dns.h"
#include "server/mailauth/tags.h"
#include "storage/state_dkim.h"
#include "storage/state_setting.h"
#include "storage/state_srs.h"

struct err *
jobs_srs(struct task *t, struct jobs *j)
{
	bool changed;
	struct err *e;

	if (state_schema(j->w->state) < STATE_SENDING_SCHEMA)
		return NULL;
	e = state_srs_ensure(t, j->w->state, j->by, &changed);
	if (e == NULL && changed)
		log_info(t, "secrets of forwarding rotated");
	return e;
}

/* p= of a record, without blanks: is it this key's?	RFC 6376, 3.6.1 */
static bool
jobs_dkim_is_record(struct arena *a, struct str record, struct str public_part)
{
	struct tags *t = arena_new_obj(a, struct tags);

	tags_parse_loosely(record, t);
	return str_eq(tags_squeeze(a, tags_value(t, "p")), public_part);
}

may_yield static bool
jobs_dkim_is_published(struct task *t, struct jobs *j,
    const struct state_dkim_key *k)
{
	struct arena *a = task_arena(t);
	struct str *records;
	unsigned n, i;
	bool found = false;

	if (j->w->dns == NULL ||
	    dns_txt(t, j->w->dns,
		str_c(arena_printf(a, STR_FMT "._domainkey." STR_FMT,
		    STR_ARG(k->selector), STR_ARG(k->domain))),
		&records, &n) != DNS_FOUND)
		return false;
	for (i = 0; i < n; i++)
		found |= jobs_dkim_is_record(a, records[i], k->public_part);
	return found;
}

bool
jobs_dkim_is_news(int64_t due_s, int64_t last_s, int64_t now_s)
{
	return last_s < due_s ||
	       (now_s - due_s) / 86400 != (last_s - due_s) / 86400;
}

may_yield static struct err *
jobs_dkim_activate(struct task *t, struct jobs *j,
    const struct state_dkim_key *k, bool news)
{
	struct err *e;

	if (!jobs_dkim_is_published(t, j, k)) {
		if (news)
			log_warn(t, "dkim key waits for its DNS record",
			    LOG_STR("domain", k->domain),
			    LOG_STR("selector", k->selector));
		return NULL;
	}
	e = state_dkim_activate(t, j->w->state, j->by, k->domain, k->selector);
	if (e == NULL)
		log_info(t, "dkim key activated", LOG_STR("domain", k->domain),
		    LOG_STR("selector", k->selector));
	return e;
}

/* New keys sign once receivers can have their records; retired ones go. */
struct err *
jobs_dkim(struct task *t, struct jobs *j)
{
	int64_t publish =
	    (int64_t)state_setting_u64(j->w->state, STATE_DKIM_PUBLISH);
	int64_t now = task_wall_s(t), last = j->dkim_s;
	struct state_dkim_key *list;
	struct err *e, *first = NULL;
	unsigned n, i, removed;

	e = state_dkim_list(task_arena(t), j->w->state, STR(""), &list, &n);
	if (e == NULL)
		j->dkim_s = now;
	for (i = 0; e == NULL && i < n && jobs_go_on(j); i++) {
		struct arena_mark m = arena_mark(task_arena(t));
		int64_t due = list[i].created + publish;
		struct err *one;

		if (list[i].stage != STATE_DKIM_NEW || due > now)
			continue;
		one = jobs_dkim_activate(t, j, &list[i],
		    jobs_dkim_is_news(due, last, now));
		/* what the DNS said of thousands of domains is not kept */
		if (one == NULL)
			arena_rewind(task_arena(t), m);
		else if (first == NULL)
			first = one;
	}
	if (e == NULL)
		e = state_dkim_sweep(t, j->w->state, j->by, &removed);
	if (e == NULL && removed > 0)
		log_info(t, "retired dkim keys removed",
		    LOG_U64("keys", removed));
	return e != NULL ? e : first;
}
