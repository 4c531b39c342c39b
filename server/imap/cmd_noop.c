/* cmd_noop.c - NOOP and CHECK: what is new (RFC 3501, 6.1.2 and 6.4.1) */
#include "server/imap/imap_commands.h"

/* The look at the journal; the session tells what it found. */
static may_yield struct err *
cmd_noop(struct task *t, struct imap_cmd *cmd)
{
	struct account *acc;

	if (!imap_end(&cmd->in))
		return imap_bad(cmd, NULL);
	if (cmd->s->state != IMAP_SELECTED)
		return NULL;
	return imap_account(t, cmd, true, &acc);
}

const struct imap_command imap_cmd_noop = {
	.name = "NOOP",
	.states = IMAP_STRANGER | IMAP_USER | IMAP_SELECTED,
	.run = cmd_noop,
};

const struct imap_command imap_cmd_check = {
	.name = "CHECK",
	.states = IMAP_SELECTED,
	.run = cmd_noop,
};
