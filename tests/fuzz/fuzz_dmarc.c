/* fuzz_dmarc.c - a policy record, and a header with an author */
#include "server/mailauth/dmarc_private.h"
#include "server/mailauth/tags.h"

#include "tests/unit/mailauth_rig.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static may_yield void
find(struct task *t, struct mailauth_rig *r)
{
	struct spf spf = { .result = SPF_PASS, .domain = STR("example.org") };
	struct dmarc m;

	dmarc_find(t, r->dns, *(struct str *)r->arg, &m);
	invariant(m.percent <= 100 && m.policy <= DMARC_P_REJECT);
	invariant(m.result != DMARC_PASS);
	invariant((m.result == DMARC_PERMERROR) == (m.domain.n == 0));
	dmarc_judge(task_arena(t), &m, &spf, NULL);
	invariant(
	    m.result != DMARC_PASS || str_ends(m.domain, STR("example.org")));
}

/* record LF header */
int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct str in = str_of(data, n), record = STR_NONE, domain;
	struct arena *a = arena_new(0);
	struct dmarc_record rec;
	struct mailauth_rig r;
	struct tags tags;

	(void)str_split(&in, '\n', &record);
	(void)dmarc_is_record(record);
	if (dmarc_parse(record, &rec) == NULL)
		invariant(rec.percent <= 100 && rec.policy <= DMARC_P_REJECT &&
			  rec.sub <= DMARC_P_REJECT);
	if (tags_parse(record, &tags))
		invariant(tags.n > 0 && tags.n <= TAGS_MAX);
	domain = dmarc_organization(a, str_sub(record, 0, 300));
	invariant(str_eq(domain, dmarc_organization(a, domain)));
	{
		const struct dns_rig_row row = { .name = "_dmarc.example.org",
			.type = DNS_TXT,
			.text = arena_cstr(a, record) };

		mailauth_rig_open(&r, &row, 1);
		mailauth_rig_run(&r, find, &in);
		mailauth_rig_close(&r);
	}
	arena_free(&a);
	return 0;
}
