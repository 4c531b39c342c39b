/* dkim_util.c - making a domain's keys, and saying so */
#include "server/ctl/dkim_util.h"

void
ctl_dkim_say(struct task *t, struct ctl *c, const struct state_dkim_key *k)
{
	struct arena *a = task_arena(t);
	struct admin_zone_record r = admin_dkim_zone(a, k);

	ctl_say(c, "added %s key " STR_FMT " of " STR_FMT,
	    state_dkim_stage_name(k->stage), STR_ARG(k->selector),
	    STR_ARG(k->domain));
	ctl_note(c, STR_FMT, STR_ARG(admin_zone_line(a, &r)));
}

struct err *
ctl_dkim_make(struct task *t, struct ctl *c, struct state_dkim_key *k)
{
	struct admin ad = ctl_admin(t, c);
	struct err *e = admin_dkim_make(t, &ad, k);

	if (e == NULL)
		ctl_dkim_say(t, c, k);
	return e;
}
