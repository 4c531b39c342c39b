#include "server/ctl/admin_util.h"

#include "storage/state_setting.h"

struct str
ctl_role(const struct ctl *c)
{
	if (ctl_given(c, "role"))
		return ctl_text(c, "role");
	return ctl_given(c, "domain") ? STR("domain") : STR("system");
}

struct err *
ctl_expires(struct task *t, const struct ctl *c, uint64_t def_s, uint64_t max_s,
    int64_t *wall_s_r)
{
	const struct state_setting_desc any = { .name = "--expires",
		.type = STATE_SETTING_SECONDS,
		.min = 1,
		.max = max_s };
	uint64_t s = def_s;
	struct err *e = NULL;

	if (ctl_given(c, "expires"))
		e = state_setting_parse(task_arena(t), &any,
		    ctl_text(c, "expires"), &s);
	*wall_s_r = e == NULL && s > 0 ? task_wall_s(t) + (int64_t)s : 0;
	return e;
}
