/* admin list, add, set, remove, password, sign-out, totp-remove */
#include "server/admin/admin_account.h"
#include "server/ctl/admin_util.h"
#include "server/ctl/nodes_util.h"
#include "storage/state_admin.h"

may_yield static struct err *
admin_list_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "login", "name", "role",
		"domain", "totp", "created" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	struct state_admin *list;
	struct err *e;
	unsigned n;

	e = state_admin_list(task_arena(t), c->state, &list, &n);
	if (e != NULL)
		return e;
	for (unsigned i = 0; i < n; i++) {
		ctl_out_str(o, list[i].login);
		ctl_out_text(o, list[i].name);
		ctl_out_str(o, list[i].role);
		ctl_out_text(o, list[i].domain);
		ctl_out_bool(o, list[i].totp.n > 0);
		ctl_out_time(o, list[i].created);
	}
	return ctl_out_end(o);
}

const struct ctl_command cmd_admin_list = {
	.name = "admin list",
	.args = "",
	.help = "List the administrators",
	.need = CTL_NEED_STATE,
	.run = admin_list_run,
};

/* *p_r is empty without --password-stdin. */
may_yield static struct err *
admin_read_password(struct task *t, struct ctl *c, struct str login,
    struct password *p_r)
{
	struct admin ad = ctl_admin(t, c);
	struct str secret;
	struct err *e;

	*p_r = (struct password){ .has_scram = false };
	if (!ctl_given(c, "password-stdin"))
		return NULL;
	e = ctl_read_secret(t, &secret);
	return e != NULL ? e : admin_password_make(t, &ad, login, secret, p_r);
}

static const struct ctl_option admin_add_options[] = {
	{ "role", CTL_STRING, "ROLE",
	    "system, domain or readonly (default: system, with --domain: "
	    "domain)" },
	{ "domain", CTL_STRING, "DOMAIN", "the only one to see" },
	{ "name", CTL_STRING, "NAME", "of the person" },
	{ "password-stdin", CTL_FLAG, NULL, "read the password from stdin" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
admin_add_run(struct task *t, struct ctl *c)
{
	struct state_admin ad = { .login = str_c(c->argv[0]),
		.role = ctl_role(c),
		.domain = ctl_text(c, "domain"),
		.name = ctl_text(c, "name") };
	bool account = str_chr(ad.login, '@') >= 0;
	struct err *e;

	if (account && ctl_given(c, "password-stdin"))
		return err_new(task_arena(t), ERR_INVALID,
		    "an account signs in with its own password", NULL);
	if (!account && !ctl_given(c, "password-stdin"))
		return err_new(task_arena(t), ERR_INVALID,
		    "give --password-stdin, or let the person choose: "
		    "admin invite",
		    NULL);
	e = admin_read_password(t, c, ad.login, &ad.password);
	ad.salt = ad.password.salt;
	if (e == NULL)
		e = ctl_schema_need(t, c, STATE_CONSOLE_SCHEMA);
	if (e == NULL)
		e = state_admin_add(t, c->state, ctl_by(t), &ad);
	if (e == NULL)
		ctl_say(c, "added administrator %s, role " STR_FMT, c->argv[0],
		    STR_ARG(ad.role));
	return e;
}

const struct ctl_command cmd_admin_add = {
	.name = "admin add",
	.args = "LOGIN",
	.help = "Make somebody an administrator",
	.more =
	    "LOGIN is a name, with a password of its own, or the address of "
	    "an account, which signs in as before. The role system may do "
	    "everything; domain takes care of the accounts, aliases and groups "
	    "of one domain; readonly looks, at everything or at one domain.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.options = admin_add_options,
	.run = admin_add_run,
};

static const struct ctl_option admin_set_options[] = {
	{ "role", CTL_STRING, "ROLE", "system, domain or readonly" },
	{ "domain", CTL_STRING, "DOMAIN", "the only one to see; empty: all" },
	{ "name", CTL_STRING, "NAME", "of the person" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
admin_set_run(struct task *t, struct ctl *c)
{
	struct str role = ctl_text(c, "role"), domain = ctl_text(c, "domain"),
		   name = ctl_text(c, "name");
	bool has_role = ctl_given(c, "role"),
	     has_domain = ctl_given(c, "domain"),
	     has_name = ctl_given(c, "name");
	struct err *e;

	if (!has_role && !has_domain && !has_name)
		return err_new(task_arena(t), ERR_INVALID,
		    "give --role, --domain or --name", NULL);
	e = ctl_schema_need(t, c, STATE_CONSOLE_SCHEMA);
	if (e == NULL)
		e = state_admin_set(t, c->state, ctl_by(t), str_c(c->argv[0]),
		    has_name ? &name : NULL, has_role ? &role : NULL,
		    has_domain ? &domain : NULL);
	if (e == NULL)
		ctl_say(c, "changed administrator %s", c->argv[0]);
	return e;
}

const struct ctl_command cmd_admin_set = {
	.name = "admin set",
	.args = "LOGIN",
	.help = "Change what an administrator may do, or is called",
	.more = "Who gets another role or domain is signed out.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.options = admin_set_options,
	.run = admin_set_run,
};

may_yield static struct err *
admin_remove_run(struct task *t, struct ctl *c)
{
	struct err *e =
	    state_admin_remove(t, c->state, ctl_by(t), str_c(c->argv[0]));

	if (e == NULL)
		ctl_say(c, "%s is no administrator any more", c->argv[0]);
	return e;
}

const struct ctl_command cmd_admin_remove = {
	.name = "admin remove",
	.args = "LOGIN",
	.help = "Remove an administrator, with his tokens",
	.more = "An account stays, and is an account like others. The last "
		"administrator of role system is not removed.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = admin_remove_run,
};

static const struct ctl_option admin_password_options[] = {
	{ "password-stdin", CTL_FLAG, NULL, "read the password from stdin" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
admin_password_run(struct task *t, struct ctl *c)
{
	struct str login = str_c(c->argv[0]);
	struct password p;
	struct err *e;

	if (str_chr(login, '@') >= 0)
		return err_newf(task_arena(t), ERR_INVALID,
		    "it is the account's: account password %s", c->argv[0]);
	if (!ctl_given(c, "password-stdin"))
		return err_new(task_arena(t), ERR_INVALID,
		    "give --password-stdin", NULL);
	e = admin_read_password(t, c, login, &p);
	if (e == NULL)
		e = state_admin_password(t, c->state, ctl_by(t), login, &p,
		    &p.salt);
	if (e == NULL)
		ctl_say(c, "changed the password of %s", c->argv[0]);
	return e;
}

const struct ctl_command cmd_admin_password = {
	.name = "admin password",
	.args = "LOGIN",
	.help = "Set an administrator's password; who used the old one is "
		"signed out",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.options = admin_password_options,
	.run = admin_password_run,
};

may_yield static struct err *
admin_signout_run(struct task *t, struct ctl *c)
{
	struct err *e =
	    state_admin_signout(t, c->state, ctl_by(t), str_c(c->argv[0]));

	if (e == NULL)
		ctl_say(c, "signed %s out everywhere", c->argv[0]);
	return e;
}

const struct ctl_command cmd_admin_signout = {
	.name = "admin sign-out",
	.args = "LOGIN",
	.help = "End all sessions of an administrator",
	.more = "Tokens go on working: token remove.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = admin_signout_run,
};

may_yield static struct err *
admin_totp_remove_run(struct task *t, struct ctl *c)
{
	struct str login = str_c(c->argv[0]), secret;
	uint64_t step;
	struct err *e =
	    state_totp_find(task_arena(t), c->state, login, &secret, &step);

	if (e == NULL && secret.n == 0)
		e = err_newf(task_arena(t), ERR_NOTFOUND,
		    "%s has no second factor", c->argv[0]);
	if (e == NULL)
		e = state_totp_set(t, c->state, ctl_by(t), login, STR_NONE);
	if (e == NULL)
		ctl_say(c, "%s signs in without a code again", c->argv[0]);
	return e;
}

const struct ctl_command cmd_admin_totp_remove = {
	.name = "admin totp-remove",
	.args = "LOGIN",
	.help = "Remove a second factor (TOTP) whose device is lost",
	.more = "LOGIN is an administrator, or any account. The sessions end.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = admin_totp_remove_run,
};
