/* settings list, settings set */
#include "server/ctl/ctl.h"
#include "storage/state_setting.h"

may_yield static struct err *
settings_list_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "setting", "value", "default",
		"help" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));

	for (unsigned i = 0; i < STATE_SETTINGS; i++) {
		const struct state_setting_desc *d = &state_setting_table[i];
		bool is_default;
		ctl_out_str(o, str_c(d->name));
		ctl_out_str(o, state_setting_text(task_arena(t), c->state,
				   d->id, &is_default));
		ctl_out_str(o, str_c(d->def));
		ctl_out_str(o, str_c(d->help));
	}
	return ctl_out_end(o);
}

const struct ctl_command cmd_settings_list = {
	.name = "settings list",
	.args = "",
	.help = "List the cluster's settings",
	.need = CTL_NEED_STATE,
	.run = settings_list_run,
};

may_yield static struct err *
settings_set_run(struct task *t, struct ctl *c)
{
	struct err *e = state_setting_set(t, c->state, ctl_by(t),
	    str_c(c->argv[0]), c->argc > 1 ? str_c(c->argv[1]) : STR(""));

	if (e == NULL)
		ctl_say(c, "set %s to %s", c->argv[0],
		    c->argc > 1 ? c->argv[1] : "its default");
	return e;
}

const struct ctl_command cmd_settings_set = {
	.name = "settings set",
	.args = "NAME [VALUE]",
	.help = "Change a setting; without a value: back to the default",
	.min_args = 1,
	.max_args = 2,
	.need = CTL_NEED_STATE,
	.run = settings_set_run,
};
