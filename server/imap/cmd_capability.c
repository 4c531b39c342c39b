/* cmd_capability.c - CAPABILITY (RFC 3501, 6.1.1) */
#include "server/imap/imap_commands.h"
#include "server/imap/imap_private.h"

static may_yield struct err *
cmd_capability(struct task *t, struct imap_cmd *cmd)
{
	struct buf b;

	if (!imap_end(&cmd->in))
		return imap_bad(cmd, NULL);
	buf_init(&b, task_arena(t), 4096);
	buf_c(&b, "* CAPABILITY ");
	imap_capability_put(&b, cmd->s);
	buf_c(&b, "\r\n");
	conn_write(t, cmd->s->c, b.p, b.n);
	return NULL;
}

const struct imap_command imap_cmd_capability = {
	.name = "CAPABILITY",
	.states = IMAP_STRANGER | IMAP_USER | IMAP_SELECTED,
	.run = cmd_capability,
};
