/* app-password add, list, remove */
#include "server/admin/admin_account.h"
#include "server/ctl/ctl.h"
#include "storage/state_account.h"

#define APP_PASSWORD_DAYS_MAX 36500
#define APP_PASSWORD_DAY_S 86400

static const struct ctl_option app_password_add_options[] = {
	{ "days", CTL_NUMBER, "N", "it stops working after N days" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
app_password_add_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "id", "password", "expires" };
	const struct ctl_value *days = ctl_opt(c, "days");
	struct admin ad = ctl_admin(t, c);
	struct str clear, id;
	int64_t expires = 0;
	struct ctl_out *o;
	struct err *e;

	if (days->given && (days->n == 0 || days->n > APP_PASSWORD_DAYS_MAX))
		return err_newf(task_arena(t), ERR_INVALID, "--days is 1 to %d",
		    APP_PASSWORD_DAYS_MAX);
	if (days->given)
		expires =
		    task_wall_s(t) + (int64_t)days->n * APP_PASSWORD_DAY_S;
	e = admin_app_password_add(t, &ad, str_c(c->argv[0]), str_c(c->argv[1]),
	    expires, &clear, &id);
	if (e != NULL)
		return e;
	if (!c->json) {
		ctl_note(c, STR_FMT, STR_ARG(clear));
		return NULL;
	}
	o = ctl_out_list(t, c, columns, countof(columns));
	ctl_out_str(o, id);
	ctl_out_str(o, clear);
	ctl_out_time(o, expires);
	return ctl_out_record_end(o);
}

const struct ctl_command cmd_app_password_add = {
	.name = "app-password add",
	.args = "ADDRESS LABEL",
	.help = "Make one more password for an account, and print it",
	.more = "An application password is for one device or program: it can "
		"be taken back alone, and the account's own password is "
		"nowhere but in its owner's head.  It is printed once.",
	.min_args = 2,
	.max_args = 2,
	.need = CTL_NEED_STATE,
	.options = app_password_add_options,
	.run = app_password_add_run,
};

may_yield static struct err *
app_password_list_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "id", "label", "created",
		"expires" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	struct state_app_password *list;
	struct err *e;
	unsigned n;

	e = state_app_password_list(task_arena(t), c->state, str_c(c->argv[0]),
	    &list, &n);
	if (e != NULL)
		return e;
	for (unsigned i = 0; i < n; i++) {
		ctl_out_str(o, list[i].id);
		ctl_out_str(o, list[i].label);
		ctl_out_time(o, list[i].created);
		ctl_out_time(o, list[i].expires);
	}
	return ctl_out_end(o);
}

const struct ctl_command cmd_app_password_list = {
	.name = "app-password list",
	.args = "ADDRESS",
	.help = "List an account's application passwords",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = app_password_list_run,
};

may_yield static struct err *
app_password_remove_run(struct task *t, struct ctl *c)
{
	struct err *e = state_app_password_remove(t, c->state, ctl_by(t),
	    str_c(c->argv[0]), str_c(c->argv[1]));

	if (e == NULL)
		ctl_say(c, "removed %s", c->argv[1]);
	return e;
}

const struct ctl_command cmd_app_password_remove = {
	.name = "app-password remove",
	.args = "ADDRESS ID",
	.help = "Take an application password back",
	.min_args = 2,
	.max_args = 2,
	.need = CTL_NEED_STATE,
	.run = app_password_remove_run,
};
