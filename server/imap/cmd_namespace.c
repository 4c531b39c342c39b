/* cmd_namespace.c - NAMESPACE (RFC 2342) */
#include "server/imap/imap_commands.h"

static may_yield struct err *
cmd_namespace(struct task *t, struct imap_cmd *cmd)
{
	if (!imap_end(&cmd->in))
		return imap_bad(cmd, NULL);
	/* One's own only: nothing is shared between accounts. */
	conn_puts(t, cmd->s->c, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
	return NULL;
}

const struct imap_command imap_cmd_namespace = {
	.name = "NAMESPACE",
	.states = IMAP_USER | IMAP_SELECTED,
	.run = cmd_namespace,
};
