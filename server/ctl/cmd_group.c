/* group add, set, remove, list; group member add, remove */
#include "server/ctl/ctl.h"
#include "storage/state_alias.h"

#define GROUP_PAGE 500

static const struct ctl_option group_options[] = {
	{ "name", CTL_STRING, "NAME", "for people" },
	{ "posters", CTL_STRING, "WHO",
	    "who may write to it: anyone (a new group's), domain, members" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
group_members_add(struct task *t, struct ctl *c)
{
	struct err *e = NULL;

	for (unsigned i = 1; e == NULL && i < c->argc; i++) {
		e = state_group_member(t, c->state, ctl_by(t),
		    str_c(c->argv[0]), str_c(c->argv[i]), true);
		if (e == NULL)
			ctl_say(c, "%s is a member of %s", c->argv[i],
			    c->argv[0]);
	}
	return e;
}

may_yield static struct err *
group_add_run(struct task *t, struct ctl *c)
{
	const struct ctl_value *name = ctl_opt(c, "name");
	const struct ctl_value *posters = ctl_opt(c, "posters");
	struct err *e = state_group_add(t, c->state, ctl_by(t),
	    str_c(c->argv[0]), name->given ? str_c(name->s) : STR(""),
	    posters->given ? str_c(posters->s) : STR("anyone"));

	if (e != NULL)
		return e;
	ctl_say(c, "added group %s", c->argv[0]);
	return group_members_add(t, c);
}

const struct ctl_command cmd_group_add = {
	.name = "group add",
	.args = "ADDRESS [MEMBER...]",
	.help = "Make a group: one address, many members",
	.more = "Members are addresses here or elsewhere, other groups "
		"included; everybody gets a message once. With --posters "
		"domain only addresses of the group's domain may write to it, "
		"with members only its members, under any address that leads "
		"to them; others are refused. The group that a message was "
		"sent to decides, not those that are its members.",
	.min_args = 1,
	.max_args = 1 + STATE_TARGETS_MAX,
	.need = CTL_NEED_STATE,
	.options = group_options,
	.run = group_add_run,
};

may_yield static struct err *
group_set_run(struct task *t, struct ctl *c)
{
	struct str name = STR(""), posters = STR("");
	struct err *e;

	if (!ctl_given(c, "name") && !ctl_given(c, "posters"))
		return err_new(task_arena(t), ERR_INVALID,
		    "say what to change: --name, --posters", NULL);
	if (ctl_given(c, "name"))
		name = str_c(ctl_opt(c, "name")->s);
	if (ctl_given(c, "posters"))
		posters = str_c(ctl_opt(c, "posters")->s);
	e = state_group_set(t, c->state, ctl_by(t), str_c(c->argv[0]),
	    ctl_given(c, "name") ? &name : NULL,
	    ctl_given(c, "posters") ? &posters : NULL);
	if (e == NULL)
		ctl_say(c, "changed group %s", c->argv[0]);
	return e;
}

const struct ctl_command cmd_group_set = {
	.name = "group set",
	.args = "ADDRESS",
	.help = "Change a group's name, or who may write to it",
	.more = "What is not given stays, and so do the members.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.options = group_options,
	.run = group_set_run,
};

may_yield static struct err *
group_remove_run(struct task *t, struct ctl *c)
{
	struct err *e =
	    state_group_remove(t, c->state, ctl_by(t), str_c(c->argv[0]));

	if (e == NULL)
		ctl_say(c, "removed group %s", c->argv[0]);
	return e;
}

const struct ctl_command cmd_group_remove = {
	.name = "group remove",
	.args = "ADDRESS",
	.help = "Remove a group",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = group_remove_run,
};

const struct ctl_command cmd_group_member_add = {
	.name = "group member add",
	.args = "GROUP ADDRESS...",
	.help = "Add members to a group",
	.min_args = 2,
	.max_args = 1 + STATE_TARGETS_MAX,
	.need = CTL_NEED_STATE,
	.run = group_members_add,
};

may_yield static struct err *
group_member_remove_run(struct task *t, struct ctl *c)
{
	struct err *e = NULL;

	for (unsigned i = 1; e == NULL && i < c->argc; i++) {
		e = state_group_member(t, c->state, ctl_by(t),
		    str_c(c->argv[0]), str_c(c->argv[i]), false);
		if (e == NULL)
			ctl_say(c, "%s is no member of %s any more", c->argv[i],
			    c->argv[0]);
	}
	return e;
}

const struct ctl_command cmd_group_member_remove = {
	.name = "group member remove",
	.args = "GROUP ADDRESS...",
	.help = "Remove members from a group",
	.min_args = 2,
	.max_args = 1 + STATE_TARGETS_MAX,
	.need = CTL_NEED_STATE,
	.run = group_member_remove_run,
};

static const struct ctl_option group_list_options[] = {
	{ "domain", CTL_STRING, "DOMAIN", "only those of this domain" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
group_list_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "group", "name", "posters",
		"members", "created" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	const struct ctl_value *domain = ctl_opt(c, "domain");
	struct str after = STR("");
	struct state_alias *g;
	unsigned n;

	do {
		struct err *e = state_alias_list(task_arena(t), c->state, true,
		    domain->given ? str_c(domain->s) : STR(""), after,
		    GROUP_PAGE, &g, &n);
		if (e != NULL)
			return e;
		for (unsigned i = 0; i < n; i++) {
			ctl_out_str(o, g[i].address);
			ctl_out_str(o, g[i].name);
			ctl_out_str(o, g[i].posters);
			ctl_out_strs(o, g[i].targets, g[i].n);
			ctl_out_time(o, g[i].created);
			after = g[i].address;
		}
	} while (n == GROUP_PAGE);
	return ctl_out_end(o);
}

const struct ctl_command cmd_group_list = {
	.name = "group list",
	.args = "",
	.help = "List the groups and their members",
	.need = CTL_NEED_STATE,
	.options = group_list_options,
	.run = group_list_run,
};
