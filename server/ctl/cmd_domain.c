/* domain add, remove, list */
#include "server/ctl/ctl.h"
#include "storage/state_domain.h"

#define DOMAIN_PAGE 500

static const struct ctl_option domain_add_options[] = {
	{ "quota", CTL_SIZE, "BYTES", "of new accounts (0: the cluster's)" },
	{ "max-accounts", CTL_NUMBER, "N", "no more accounts than that" },
	{ "note", CTL_STRING, "TEXT", "for people" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
domain_add_run(struct task *t, struct ctl *c)
{
	const struct ctl_value *note = ctl_opt(c, "note");
	struct state_domain d = {
		.name = str_c(c->argv[0]),
		.note = note->given ? str_c(note->s) : STR(""),
		.quota_default = ctl_opt(c, "quota")->n,
		.accounts_max = ctl_opt(c, "max-accounts")->n,
	};
	struct err *e = state_domain_add(t, c->state, ctl_by(t), &d);

	if (e == NULL)
		ctl_say(c, "added domain %s", c->argv[0]);
	return e;
}

const struct ctl_command cmd_domain_add = {
	.name = "domain add",
	.args = "DOMAIN",
	.help = "Become responsible for a mail domain",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.options = domain_add_options,
	.run = domain_add_run,
};

may_yield static struct err *
domain_remove_run(struct task *t, struct ctl *c)
{
	struct err *e =
	    state_domain_remove(t, c->state, ctl_by(t), str_c(c->argv[0]));

	if (e == NULL)
		ctl_say(c, "removed domain %s", c->argv[0]);
	return e;
}

const struct ctl_command cmd_domain_remove = {
	.name = "domain remove",
	.args = "DOMAIN",
	.help = "Give up a domain that has no accounts, aliases or groups left",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = domain_remove_run,
};

may_yield static struct err *
domain_list_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "domain", "accounts",
		"max_accounts", "quota", "suspended", "created", "note" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	struct str after = STR("");
	struct state_domain *d;
	unsigned n;

	do {
		struct err *e = state_domain_list(task_arena(t), c->state,
		    after, DOMAIN_PAGE, &d, &n);
		if (e != NULL)
			return e;
		for (unsigned i = 0; i < n; i++) {
			ctl_out_str(o, d[i].name);
			ctl_out_u64(o, d[i].accounts);
			ctl_out_u64(o, d[i].accounts_max);
			ctl_out_size(o, d[i].quota_default);
			ctl_out_bool(o, d[i].suspended);
			ctl_out_time(o, d[i].created);
			ctl_out_str(o, d[i].note);
			after = d[i].name;
		}
	} while (n == DOMAIN_PAGE);
	return ctl_out_end(o);
}

const struct ctl_command cmd_domain_list = {
	.name = "domain list",
	.args = "",
	.help = "List the domains",
	.need = CTL_NEED_STATE,
	.run = domain_list_run,
};
