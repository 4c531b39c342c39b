/* cmd_audit.c - shoalctl audit list: who changed what */
#include "base/unicode.h"
#include "server/ctl/ctl.h"
#include "storage/state_audit.h"

#define AUDITCTL_LIMIT 100
#define AUDITCTL_MAX 1000000

static const struct ctl_option audit_list_options[] = {
	{ "object", CTL_STRING, "TEXT", "a part of what was changed" },
	{ "who", CTL_STRING, "TEXT", "a part of who did it" },
	{ "what", CTL_STRING, "TEXT", "how the change begins: account, queue" },
	{ "domain", CTL_STRING, "DOMAIN", "only of what is in this domain" },
	{ "limit", CTL_NUMBER, "N",
	    "at most so many (default 100, never more than 1000000)" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
audit_list_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "at", "who", "what", "object",
		"detail" };
	struct state_audit_query q = { .object = ctl_text(c, "object"),
		.who = ctl_text(c, "who"),
		.what = ctl_text(c, "what"),
		.max = ctl_limit(c, AUDITCTL_LIMIT, AUDITCTL_MAX) };
	struct arena *a = task_arena(t);
	struct state_audit_row *list;
	struct ctl_out *o;
	struct err *e;
	unsigned n;

	if (q.max == 0)
		return err_new(a, ERR_INVALID, "--limit takes 1 or more", NULL);
	if (ctl_given(c, "domain")) {
		e = unicode_domain_ascii(a, ctl_text(c, "domain"), &q.domain);
		if (e != NULL)
			return e;
	}
	e = state_audit_find(a, c->state, &q, &list, &n);
	if (e != NULL)
		return e;
	o = ctl_out_list(t, c, columns, countof(columns));
	for (unsigned i = 0; i < n; i++) {
		ctl_out_time(o, list[i].at);
		ctl_out_str(o, list[i].who);
		ctl_out_str(o, list[i].what);
		ctl_out_text(o, list[i].object);
		ctl_out_text(o, list[i].detail);
	}
	return ctl_out_end(o);
}

const struct ctl_command cmd_audit_list = {
	.name = "audit list",
	.args = "",
	.help = "List who changed what, newest first",
	.more = "Changes of the state, and orders to the queue and invitations "
		"of nodes, by whatever way: ctl:USER is shoalctl on some "
		"machine, admin:LOGIN the console, token:ID:LOGIN a program. "
		"Rows are kept for the setting audit.keep.",
	.need = CTL_NEED_STATE,
	.options = audit_list_options,
	.run = audit_list_run,
};
