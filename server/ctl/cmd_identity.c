/* identity add, remove, list */
#include "server/ctl/ctl.h"
#include "server/ctl/nodes_util.h"
#include "storage/state_identity.h"

may_yield static struct err *
identity_add_run(struct task *t, struct ctl *c)
{
	struct err *e = ctl_schema_need(t, c, STATE_SENDING_SCHEMA);

	for (unsigned i = 1; e == NULL && i < c->argc; i++) {
		e = state_identity_add(t, c->state, ctl_by(t),
		    str_c(c->argv[0]), str_c(c->argv[i]));
		if (e == NULL)
			ctl_say(c, "%s may send as %s", c->argv[0], c->argv[i]);
	}
	return e;
}

const struct ctl_command cmd_identity_add = {
	.name = "identity add",
	.args = "ADDRESS IDENTITY...",
	.help = "Let an account send as other addresses, too",
	.more = "An account may send as its own address, with any detail "
		"behind a separator, and as every alias that leads to it, the "
		"catch-all included. IDENTITY is another address, here or "
		"elsewhere, or *@DOMAIN for all of a domain; groups need one, "
		"too.",
	.min_args = 2,
	.max_args = 100,
	.need = CTL_NEED_STATE,
	.run = identity_add_run,
};

may_yield static struct err *
identity_remove_run(struct task *t, struct ctl *c)
{
	struct err *e = state_identity_remove(t, c->state, ctl_by(t),
	    str_c(c->argv[0]), str_c(c->argv[1]));

	if (e == NULL)
		ctl_say(c, "%s may not send as %s any more", c->argv[0],
		    c->argv[1]);
	return e;
}

const struct ctl_command cmd_identity_remove = {
	.name = "identity remove",
	.args = "ADDRESS IDENTITY",
	.help = "Take an identity back",
	.min_args = 2,
	.max_args = 2,
	.need = CTL_NEED_STATE,
	.run = identity_remove_run,
};

may_yield static struct err *
identity_list_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "account", "identity",
		"created" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	struct state_identity *list;
	struct err *e;
	unsigned n;

	e = state_identity_list(task_arena(t), c->state,
	    c->argc > 0 ? str_c(c->argv[0]) : STR(""), &list, &n);
	if (e != NULL)
		return e;
	for (unsigned i = 0; i < n; i++) {
		/* a removed account has its id only */
		ctl_out_str(o,
		    list[i].login.n > 0 ? list[i].login : list[i].account);
		ctl_out_str(o, list[i].address);
		ctl_out_time(o, list[i].created);
	}
	return ctl_out_end(o);
}

const struct ctl_command cmd_identity_list = {
	.name = "identity list",
	.args = "[ADDRESS]",
	.help = "List the identities of one account or of all",
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = identity_list_run,
};
