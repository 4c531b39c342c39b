/* cmd_logout.c - LOGOUT (RFC 3501, 6.1.3) */
#include "server/imap/imap_commands.h"

static may_yield struct err *
cmd_logout(struct task *t, struct imap_cmd *cmd)
{
	if (!imap_end(&cmd->in))
		return imap_bad(cmd, NULL);
	conn_puts(t, cmd->s->c, "* BYE Goodbye\r\n");
	cmd->s->state = IMAP_GONE;
	conn_end(cmd->s->c);
	return NULL;
}

const struct imap_command imap_cmd_logout = {
	.name = "LOGOUT",
	.states = IMAP_STRANGER | IMAP_USER | IMAP_SELECTED,
	.run = cmd_logout,
};
