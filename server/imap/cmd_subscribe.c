/* cmd_subscribe.c - SUBSCRIBE and UNSUBSCRIBE (RFC 3501, 6.3.6 and 6.3.7) */
#include "server/imap/imap_commands.h"

/* A name may be subscribed that does not exist. */
static may_yield struct err *
imap_subscribe(struct task *t, struct imap_cmd *cmd, bool on)
{
	struct account *acc;
	struct str name;
	struct err *e;

	if (!imap_sp(&cmd->in) || !imap_mailbox(&cmd->in, &name) ||
	    !imap_end(&cmd->in))
		return imap_bad(cmd, NULL);
	e = imap_account(t, cmd, true, &acc);
	return e != NULL ? e : folder_subscribe(t, acc, name, on);
}

static may_yield struct err *
cmd_subscribe(struct task *t, struct imap_cmd *cmd)
{
	return imap_subscribe(t, cmd, true);
}

static may_yield struct err *
cmd_unsubscribe(struct task *t, struct imap_cmd *cmd)
{
	return imap_subscribe(t, cmd, false);
}

const struct imap_command imap_cmd_subscribe = {
	.name = "SUBSCRIBE",
	.states = IMAP_USER | IMAP_SELECTED,
	.run = cmd_subscribe,
};

const struct imap_command imap_cmd_unsubscribe = {
	.name = "UNSUBSCRIBE",
	.states = IMAP_USER | IMAP_SELECTED,
	.run = cmd_unsubscribe,
};
