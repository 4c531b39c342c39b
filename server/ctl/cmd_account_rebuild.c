/* account rebuild */
#include "server/ctl/account_util.h"

static const struct ctl_option account_rebuild_options[] = {
	{ "young", CTL_FLAG, NULL,
	    "take files younger than a day too (no delivery is under way)" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
account_rebuild_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "kept", "recovered", "lost",
		"uidvalidity_changed" };
	struct account_rebuild r = { .young = ctl_given(c, "young") };
	struct state_account sa;
	struct err *e = ctl_account(t, c, c->argv[0], &sa, NULL);

	if (e == NULL)
		e = account_rebuild(t, c->mail, sa.id, &r);
	if (e != NULL)
		return e;
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	ctl_out_u64(o, r.kept_r);
	ctl_out_u64(o, r.recovered_r);
	ctl_out_u64(o, r.lost_r);
	ctl_out_bool(o, r.uidvalidity_changed_r);
	return ctl_out_record_end(o);
}

const struct ctl_command cmd_account_rebuild = {
	.name = "account rebuild",
	.args = "ADDRESS",
	.help = "Make the mailbox again from the plain message files",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_MAIL,
	.options = account_rebuild_options,
	.run = account_rebuild_run,
};
