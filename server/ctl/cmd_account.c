/* account remove, restore, suspend, quota, list, show */
#include "server/admin/admin_account.h"
#include "server/ctl/account_util.h"
#include "storage/folder.h"
#include "storage/lastlogin.h"
#include "storage/quota.h"

#define ACCOUNT_PAGE 500

static const char *const account_status_name[] = {
	[STATE_ACCOUNT_ACTIVE] = "active",
	[STATE_ACCOUNT_SUSPENDED] = "suspended",
	[STATE_ACCOUNT_REMOVED] = "removed",
};

static const struct ctl_option account_remove_options[] = {
	{ "purge", CTL_FLAG, NULL,
	    "at once and for ever, without the grace: the mail is gone" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
account_remove_run(struct task *t, struct ctl *c)
{
	struct admin ad = ctl_admin(t, c);
	bool purge = ctl_given(c, "purge");
	struct state_account sa;
	struct err *e =
	    admin_account_remove(t, &ad, str_c(c->argv[0]), purge, &sa);

	if (e == NULL)
		ctl_say(c, "removed account %s%s", c->argv[0],
		    purge ? " and its mail"
			  : "; account restore brings it back");
	return e;
}

const struct ctl_command cmd_account_remove = {
	.name = "account remove",
	.args = "ADDRESS|ID",
	.help = "Remove an account; within the grace it can be restored",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_MAIL,
	.options = account_remove_options,
	.run = account_remove_run,
};

may_yield static struct err *
account_restore_run(struct task *t, struct ctl *c)
{
	struct admin ad = ctl_admin(t, c);
	struct state_account sa;
	struct err *e = admin_account_restore(t, &ad, str_c(c->argv[0]), &sa);

	if (e == NULL)
		ctl_say(c, "restored account " STR_FMT, STR_ARG(sa.address));
	return e;
}

const struct ctl_command cmd_account_restore = {
	.name = "account restore",
	.args = "ADDRESS|ID",
	.help = "Bring back an account that was suspended or removed",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_MAIL,
	.run = account_restore_run,
};

may_yield static struct err *
account_suspend_run(struct task *t, struct ctl *c)
{
	struct err *e = state_account_suspend(t, c->state, ctl_by(t),
	    str_c(c->argv[0]), true);

	if (e == NULL)
		ctl_say(c, "suspended account %s: no logins, mail is accepted",
		    c->argv[0]);
	return e;
}

const struct ctl_command cmd_account_suspend = {
	.name = "account suspend",
	.args = "ADDRESS",
	.help = "Refuse logins; mail is still accepted",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = account_suspend_run,
};

static const struct ctl_option account_quota_options[] = {
	{ "messages", CTL_NUMBER, "N", "no more messages than that (0: any)" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
account_quota_run(struct task *t, struct ctl *c)
{
	const struct ctl_value *messages = ctl_opt(c, "messages");
	struct state_account sa;
	uint64_t bytes;

	if (!ctl_parse_size(c->argv[1], &bytes))
		return err_newf(task_arena(t), ERR_INVALID,
		    "%s is no size: write 500M, 2G, or 0 for unlimited",
		    c->argv[1]);
	struct err *e = ctl_account(t, c, c->argv[0], &sa, NULL);
	if (e == NULL)
		e = state_account_quota(t, c->state, ctl_by(t), sa.address,
		    bytes, messages->given ? messages->n : sa.quota_messages);
	if (e == NULL)
		ctl_say(c, "changed the quota of %s", c->argv[0]);
	return e;
}

const struct ctl_command cmd_account_quota = {
	.name = "account quota",
	.args = "ADDRESS BYTES",
	.help = "Limit what an account may hold (0: unlimited)",
	.min_args = 2,
	.max_args = 2,
	.need = CTL_NEED_STATE,
	.options = account_quota_options,
	.run = account_quota_run,
};

static const struct ctl_option account_list_options[] = {
	{ "domain", CTL_STRING, "DOMAIN", "only those of this domain" },
	{ "search", CTL_STRING, "TEXT", "part of the address or name" },
	{ "removed", CTL_FLAG, NULL, "removed ones, within their grace" },
	{ "max", CTL_NUMBER, "N", "at most so many" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

static void
account_list_row(struct ctl_out *o, const struct state_account *sa)
{
	ctl_out_str(o, sa->address);
	ctl_out_str(o, sa->name);
	ctl_out_str(o, str_c(account_status_name[sa->status]));
	ctl_out_size(o, sa->quota_bytes);
	ctl_out_time(o, sa->created);
	ctl_out_time(o, sa->purge_after);
	ctl_out_str(o, sa->id);
}

may_yield static struct err *
account_list_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "address", "name", "status",
		"quota", "created", "purge_after", "id" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	const struct ctl_value *domain = ctl_opt(c, "domain");
	const struct ctl_value *search = ctl_opt(c, "search");
	const struct ctl_value *max = ctl_opt(c, "max");
	uint64_t left = max->given ? max->n : UINT64_MAX;
	struct state_account_query q = {
		.domain = domain->given ? str_c(domain->s) : STR(""),
		.search = search->given ? str_c(search->s) : STR(""),
		.removed = ctl_given(c, "removed"),
	};
	struct state_account *list;
	unsigned n;

	do {
		q.max = left < ACCOUNT_PAGE ? (unsigned)left : ACCOUNT_PAGE;
		struct err *e =
		    state_account_list(task_arena(t), c->state, &q, &list, &n);
		if (e != NULL)
			return e;
		for (unsigned i = 0; i < n; i++)
			account_list_row(o, &list[i]);
		if (n > 0) {
			q.after = list[n - 1].address;
			q.after_id = list[n - 1].id;
		}
		left -= n;
	} while (n == ACCOUNT_PAGE && left > 0);
	return ctl_out_end(o);
}

const struct ctl_command cmd_account_list = {
	.name = "account list",
	.args = "",
	.help = "List accounts",
	.need = CTL_NEED_STATE,
	.options = account_list_options,
	.run = account_list_run,
};

static const struct ctl_option account_show_options[] = {
	{ "folders", CTL_FLAG, NULL, "the folders instead" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
account_show_folders(struct task *t, struct ctl *c, struct account *acc)
{
	static const char *const columns[] = { "folder", "messages", "unseen",
		"size", "uidvalidity", "uidnext", "highestmodseq",
		"special_use", "subscribed" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));

	for (unsigned i = 0; i < folder_count(acc); i++) {
		const struct folder *f = folder_nth(acc, i);
		ctl_out_str(o, f->name);
		ctl_out_u64(o, f->messages);
		ctl_out_u64(o, f->unseen);
		ctl_out_size(o, f->bytes);
		ctl_out_u64(o, f->uidvalidity);
		ctl_out_u64(o, f->uidnext);
		ctl_out_u64(o, f->highestmodseq);
		ctl_out_str(o, str_c(folder_use_name(f->use)));
		ctl_out_bool(o, f->subscribed);
	}
	return ctl_out_end(o);
}

may_yield static struct err *
account_show_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "address", "name", "id",
		"status", "used", "quota", "messages", "quota_messages",
		"folders", "created", "password_changed", "journal_head",
		"last_login", "last_login_by", "last_login_from" };
	struct lastlogin login = { .at = 0 };
	struct state_account sa;
	struct account *acc;
	struct err *e = ctl_account(t, c, c->argv[0], &sa, &acc);

	if (e != NULL)
		return e;
	if (ctl_given(c, "folders")) {
		e = account_show_folders(t, c, acc);
		account_close(&acc);
		return e;
	}
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	ctl_out_str(o, sa.address);
	ctl_out_str(o, sa.name);
	ctl_out_str(o, sa.id);
	ctl_out_str(o, str_c(account_status_name[sa.status]));
	ctl_out_size(o, account_bytes(acc));
	ctl_out_size(o, sa.quota_bytes);
	ctl_out_u64(o, account_messages(acc));
	ctl_out_u64(o, sa.quota_messages);
	ctl_out_u64(o, folder_count(acc));
	ctl_out_time(o, sa.created);
	ctl_out_time(o, sa.password_changed);
	ctl_out_u64(o, account_head(acc));
	account_close(&acc);
	e = lastlogin_read(t, c->mail, sa.id, &login);
	if (e != NULL && !err_is(e, ERR_NOTFOUND))
		return e;
	ctl_out_time(o, login.at);
	ctl_out_str(o, login.protocol);
	ctl_out_str(o, login.ip);
	return ctl_out_record_end(o);
}

const struct ctl_command cmd_account_show = {
	.name = "account show",
	.args = "ADDRESS",
	.help = "Show one account, or its folders",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_MAIL,
	.options = account_show_options,
	.run = account_show_run,
};
