/* admin invite, and lists and withdraws them */
#include <unistd.h>

#include "server/conf.h"
#include "server/ctl/admin_util.h"
#include "server/ctl/nodes_util.h"
#include "storage/state_admin.h"
#include "storage/state_setting.h"

#define ADMIN_INVITE_S (7 * 86400)

static const struct ctl_option admin_invite_options[] = {
	{ "role", CTL_STRING, "ROLE",
	    "system, domain or readonly (default: system, with --domain: "
	    "domain)" },
	{ "domain", CTL_STRING, "DOMAIN", "the only one to see" },
	{ "login", CTL_STRING, "NAME", "not one that the person chooses" },
	{ "expires", CTL_STRING, "TIME",
	    "how long the link is good: 7d, 12h (default: 7d)" },
	{ "url", CTL_STRING, "BASE",
	    "of the console, like https://mail.example.org:8443" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

/* The name that clients know the cluster by, or this node's. */
static struct str
admin_invite_host(struct task *t, const struct ctl *c)
{
	struct arena *a = task_arena(t);
	char host[256] = "";
	bool unset;
	struct str s =
	    state_setting_text(a, c->state, STATE_CLIENT_HOST, &unset);

	if (s.n > 0)
		return s;
	if (c->conf != NULL && c->conf->hostname != NULL)
		return str_c(c->conf->hostname);
	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
		return STR("localhost");
	return str_c(arena_strdup(a, host));
}

/* Without a slash at its end. */
static struct err *
admin_invite_base(struct task *t, const struct ctl *c, struct str *base_r)
{
	struct str url = ctl_text(c, "url");

	if (url.n == 0) {
		*base_r = str_c(arena_printf(task_arena(t), "https://" STR_FMT,
		    STR_ARG(admin_invite_host(t, c))));
		return NULL;
	}
	while (url.n > 0 && url.p[url.n - 1] == '/')
		url.n--;
	*base_r = url;
	if (!str_starts(url, STR("https://")) || url.n == strlen("https://") ||
	    str_chr(url, '#') >= 0 || str_chr(url, '?') >= 0 ||
	    str_chr(url, ' ') >= 0)
		return err_new(task_arena(t), ERR_INVALID,
		    "--url is like https://mail.example.org:8443", NULL);
	return NULL;
}

/* Behind the #, what a browser sends to nobody: it gets into no log. */
static struct err *
admin_invite_print(struct task *t, struct ctl *c,
    const struct state_admin_invite *inv, struct str base, struct str code)
{
	static const char *const columns[] = { "id", "role", "domain", "login",
		"expires", "code", "url" };
	struct str url = str_c(arena_printf(task_arena(t),
	    STR_FMT "/invite#" STR_FMT, STR_ARG(base), STR_ARG(code)));
	struct ctl_out *o;

	if (!c->json) {
		ctl_note(c, STR_FMT, STR_ARG(url));
		return NULL;
	}
	o = ctl_out_list(t, c, columns, countof(columns));
	ctl_out_str(o, inv->id);
	ctl_out_str(o, inv->role);
	ctl_out_text(o, inv->domain);
	ctl_out_text(o, inv->login);
	ctl_out_time(o, inv->expires);
	ctl_out_str(o, code);
	ctl_out_str(o, url);
	return ctl_out_record_end(o);
}

may_yield static struct err *
admin_invite_run(struct task *t, struct ctl *c)
{
	struct state_admin_invite inv = { .login = ctl_text(c, "login"),
		.role = ctl_role(c),
		.domain = ctl_text(c, "domain") };
	struct str base, code;
	struct err *e = ctl_expires(t, c, ADMIN_INVITE_S,
	    STATE_ADMIN_INVITE_MAX_S, &inv.expires);

	if (e == NULL)
		e = admin_invite_base(t, c, &base);
	if (e == NULL)
		e = ctl_schema_need(t, c, STATE_CONSOLE_SCHEMA);
	if (e == NULL)
		e = state_admin_invite(t, c->state, ctl_by(t), &inv, &code);
	return e != NULL ? e : admin_invite_print(t, c, &inv, base, code);
}

const struct ctl_command cmd_admin_invite = {
	.name = "admin invite",
	.args = "",
	.help = "Print a link with which somebody becomes an administrator",
	.more = "Who opens the link first chooses a name and a password; it "
		"works once. The first administrator of a cluster is made so. "
		"Send it by a way you trust: it is as good as the role. The "
		"host in the link is the setting client.host or, without it, "
		"this node's name.",
	.need = CTL_NEED_STATE,
	.options = admin_invite_options,
	.run = admin_invite_run,
};

may_yield static struct err *
admin_invite_list_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "id", "role", "domain", "login",
		"by", "created", "expires" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	struct state_admin_invite *list;
	struct err *e;
	unsigned n;

	e = state_admin_invite_list(task_arena(t), c->state, &list, &n);
	if (e != NULL)
		return e;
	for (unsigned i = 0; i < n; i++) {
		if (list[i].expires <= task_wall_s(t))
			continue;
		ctl_out_str(o, list[i].id);
		ctl_out_str(o, list[i].role);
		ctl_out_text(o, list[i].domain);
		ctl_out_text(o, list[i].login);
		ctl_out_text(o, list[i].inviter);
		ctl_out_time(o, list[i].created);
		ctl_out_time(o, list[i].expires);
	}
	return ctl_out_end(o);
}

const struct ctl_command cmd_admin_invite_list = {
	.name = "admin invite list",
	.args = "",
	.help = "List the links that nobody has used yet",
	.more = "by: the administrator who made it in the console, with whom "
		"it ends.",
	.need = CTL_NEED_STATE,
	.run = admin_invite_list_run,
};

may_yield static struct err *
admin_invite_remove_run(struct task *t, struct ctl *c)
{
	struct err *e = state_admin_invite_remove(t, c->state, ctl_by(t),
	    str_c(c->argv[0]));

	if (e == NULL)
		ctl_say(c, "withdrew %s", c->argv[0]);
	return e;
}

const struct ctl_command cmd_admin_invite_remove = {
	.name = "admin invite remove",
	.args = "ID",
	.help = "Withdraw a link that nobody has used yet",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = admin_invite_remove_run,
};
