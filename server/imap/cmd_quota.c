/* cmd_quota.c - GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208) */
#include "server/imap/imap_commands.h"

/*
 * An account has one quota root, "", for all its mailboxes; administrators set
 * it with shoalctl.  STORAGE is in units of 1024 octets, rounded up.
 */
static void
imap_quota_put(struct buf *b, struct imap_session *s, const struct account *acc)
{
	struct quota_limit l;

	imap_limit(s, &l);
	buf_c(b, "* QUOTA \"\" (");
	if (l.bytes > 0)
		buf_fmt(b, "STORAGE %llu %llu",
		    (unsigned long long)(account_bytes(acc) / 1024 +
					 (account_bytes(acc) % 1024 != 0)),
		    (unsigned long long)(l.bytes / 1024));
	if (l.messages > 0)
		buf_fmt(b, "%sMESSAGE %llu %llu", l.bytes > 0 ? " " : "",
		    (unsigned long long)account_messages(acc),
		    (unsigned long long)l.messages);
	buf_c(b, ")\r\n");
}

/* getquota = "GETQUOTA" SP quota-root-name */
static may_yield struct err *
cmd_getquota(struct task *t, struct imap_cmd *cmd)
{
	struct account *acc;
	struct str root;
	struct buf b;
	struct err *e;

	if (!imap_sp(&cmd->in) || !imap_astring(&cmd->in, &root) ||
	    !imap_end(&cmd->in))
		return imap_bad(cmd, NULL);
	if (root.n > 0)
		return err_new(task_arena(t), ERR_NOTFOUND,
		    "There is no such quota root", NULL);
	e = imap_account(t, cmd, true, &acc);
	if (e != NULL)
		return e;
	buf_init(&b, task_arena(t), 4096);
	imap_quota_put(&b, cmd->s, acc);
	conn_write(t, cmd->s->c, b.p, b.n);
	return NULL;
}

/* getquotaroot = "GETQUOTAROOT" SP mailbox */
static may_yield struct err *
cmd_getquotaroot(struct task *t, struct imap_cmd *cmd)
{
	struct account *acc;
	struct str name;
	struct buf b;
	struct err *e;

	if (!imap_sp(&cmd->in) || !imap_mailbox(&cmd->in, &name) ||
	    !imap_end(&cmd->in))
		return imap_bad(cmd, NULL);
	e = imap_account(t, cmd, true, &acc);
	if (e != NULL)
		return e;
	if (folder_by_name(acc, name) == NULL)
		return err_new(task_arena(t), ERR_NOTFOUND,
		    "There is no such mailbox", NULL);
	buf_init(&b, task_arena(t), 16384);
	buf_c(&b, "* QUOTAROOT ");
	imap_put_mailbox(&b, name);
	buf_c(&b, " \"\"\r\n");
	imap_quota_put(&b, cmd->s, acc);
	conn_write(t, cmd->s->c, b.p, b.n);
	return NULL;
}

/* setquota = "SETQUOTA" SP quota-root-name SP setquota-list */
static may_yield struct err *
cmd_setquota(struct task *t, struct imap_cmd *cmd)
{
	struct str root;

	if (!imap_sp(&cmd->in) || !imap_astring(&cmd->in, &root) ||
	    !imap_sp(&cmd->in) || !imap_char(&cmd->in, '('))
		return imap_bad(cmd, NULL);
	return err_new(task_arena(t), ERR_DENIED,
	    "Only an administrator sets quotas", NULL);
}

const struct imap_command imap_cmd_getquota = {
	.name = "GETQUOTA",
	.states = IMAP_USER | IMAP_SELECTED,
	.run = cmd_getquota,
};

const struct imap_command imap_cmd_getquotaroot = {
	.name = "GETQUOTAROOT",
	.states = IMAP_USER | IMAP_SELECTED,
	.run = cmd_getquotaroot,
};

const struct imap_command imap_cmd_setquota = {
	.name = "SETQUOTA",
	.states = IMAP_USER | IMAP_SELECTED,
	.run = cmd_setquota,
};
