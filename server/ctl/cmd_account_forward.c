/* account forward */
#include "server/ctl/ctl.h"
#include "server/ctl/nodes_util.h"
#include "storage/state_forward.h"

static const struct ctl_option account_forward_options[] = {
	{ "keep", CTL_FLAG, NULL, "a copy stays in the mailbox (the default)" },
	{ "no-keep", CTL_FLAG, NULL, "nothing stays in the mailbox" },
	{ "none", CTL_FLAG, NULL, "forward no more" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
account_forward_show(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "address", "keep", "targets" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	struct str address = str_c(c->argv[0]);
	struct state_forward f;
	struct err *e =
	    state_forward_find(task_arena(t), c->state, address, &f);

	if (e != NULL)
		return e;
	ctl_out_str(o, address);
	ctl_out_bool(o, f.keep);
	ctl_out_strs(o, f.targets, f.n);
	return ctl_out_record_end(o);
}

/* What is to be, of what is and what was given. */
may_yield static struct err *
account_forward_new(struct task *t, struct ctl *c, struct state_forward *f_r)
{
	struct arena *a = task_arena(t);
	struct err *e;

	if (c->argc == 1) {
		e = state_forward_find(a, c->state, str_c(c->argv[0]), f_r);
		if (e == NULL && f_r->n == 0)
			e = err_newf(a, ERR_INVALID,
			    "%s forwards nothing: name a TARGET", c->argv[0]);
		f_r->keep = ctl_given(c, "keep");
		return e;
	}
	f_r->n = c->argc - 1;
	f_r->targets = arena_array(a, f_r->n, sizeof(*f_r->targets));
	for (unsigned i = 0; i < f_r->n; i++)
		f_r->targets[i] = str_c(c->argv[i + 1]);
	f_r->keep = !ctl_given(c, "no-keep");
	return NULL;
}

may_yield static struct err *
account_forward_run(struct task *t, struct ctl *c)
{
	bool keep = ctl_given(c, "keep"), no_keep = ctl_given(c, "no-keep"),
	     none = ctl_given(c, "none");
	struct state_forward f = { .keep = true };
	struct err *e;

	if (keep + no_keep + none > 1 || (none && c->argc > 1))
		return err_new(task_arena(t), ERR_INVALID,
		    "give one of --keep, --no-keep, --none; --none without a "
		    "TARGET",
		    NULL);
	if (c->argc == 1 && !keep && !no_keep && !none)
		return account_forward_show(t, c);
	e = ctl_schema_need(t, c, STATE_CONSOLE_SCHEMA);
	if (e == NULL && !none)
		e = account_forward_new(t, c, &f);
	if (e == NULL)
		e = state_forward_set(t, c->state, ctl_by(t), str_c(c->argv[0]),
		    &f);
	if (e == NULL)
		ctl_say(c, "mail for %s %s", c->argv[0],
		    none     ? "is forwarded no more"
		    : f.keep ? "is kept and forwarded"
			     : "is forwarded, not kept");
	return e;
}

const struct ctl_command cmd_account_forward = {
	.name = "account forward",
	.args = "ADDRESS [TARGET...]",
	.help = "Forward an account's mail, or show whereto it goes",
	.more = "Given TARGETs replace those of before. A TARGET is an address "
		"here or elsewhere; on its way out the sender's address is "
		"rewritten (SRS). A suspended account forwards nothing: its "
		"mail is kept.",
	.min_args = 1,
	.max_args = 1 + STATE_FORWARDS_MAX,
	.need = CTL_NEED_STATE,
	.options = account_forward_options,
	.run = account_forward_run,
};
