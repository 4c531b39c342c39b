/* alias add, remove, list */
#include "server/ctl/ctl.h"
#include "storage/state_alias.h"

#define ALIAS_PAGE 500

may_yield static struct err *
alias_add_run(struct task *t, struct ctl *c)
{
	for (unsigned i = 1; i < c->argc; i++) {
		struct err *e = state_alias_add(t, c->state, ctl_by(t),
		    str_c(c->argv[0]), str_c(c->argv[i]));
		if (e != NULL)
			return e;
		ctl_say(c, "%s goes to %s", c->argv[0], c->argv[i]);
	}
	return NULL;
}

const struct ctl_command cmd_alias_add = {
	.name = "alias add",
	.args = "ADDRESS TARGET...",
	.help = "Let an address (or @DOMAIN, the catch-all) stand for others",
	.min_args = 2,
	.max_args = STATE_TARGETS_MAX,
	.need = CTL_NEED_STATE,
	.run = alias_add_run,
};

may_yield static struct err *
alias_remove_run(struct task *t, struct ctl *c)
{
	struct str target = c->argc > 1 ? str_c(c->argv[1]) : STR("");
	struct err *e = state_alias_remove(t, c->state, ctl_by(t),
	    str_c(c->argv[0]), target);

	if (e == NULL)
		ctl_say(c, "removed %s", c->argv[c->argc - 1]);
	return e;
}

const struct ctl_command cmd_alias_remove = {
	.name = "alias remove",
	.args = "ADDRESS [TARGET]",
	.help = "Remove an alias, or one of its targets",
	.min_args = 1,
	.max_args = 2,
	.need = CTL_NEED_STATE,
	.run = alias_remove_run,
};

static const struct ctl_option alias_list_options[] = {
	{ "domain", CTL_STRING, "DOMAIN", "only those of this domain" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
alias_list_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "address", "target", "created" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	const struct ctl_value *domain = ctl_opt(c, "domain");
	struct str after = STR("");
	struct state_alias *al;
	unsigned n;

	do {
		struct err *e = state_alias_list(task_arena(t), c->state, false,
		    domain->given ? str_c(domain->s) : STR(""), after,
		    ALIAS_PAGE, &al, &n);
		if (e != NULL)
			return e;
		for (unsigned i = 0; i < n; i++) {
			for (unsigned k = 0; k < al[i].n; k++) {
				ctl_out_str(o, al[i].address);
				ctl_out_str(o, al[i].targets[k]);
				ctl_out_time(o, al[i].created);
			}
			after = al[i].address;
		}
	} while (n == ALIAS_PAGE);
	return ctl_out_end(o);
}

const struct ctl_command cmd_alias_list = {
	.name = "alias list",
	.args = "",
	.help = "List aliases, one line a target",
	.need = CTL_NEED_STATE,
	.options = alias_list_options,
	.run = alias_list_run,
};
