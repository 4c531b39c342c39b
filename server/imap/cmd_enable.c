/* cmd_enable.c - ENABLE (RFC 5161) */
#include "server/imap/imap_commands.h"

/* enable = "ENABLE" 1*(SP capability); unknown ones are nothing */
static may_yield struct err *
cmd_enable(struct task *t, struct imap_cmd *cmd)
{
	bool condstore = false;
	struct str name;

	do {
		if (!imap_sp(&cmd->in) || !imap_atom(&cmd->in, &name))
			return imap_bad(cmd, NULL);
		condstore |= str_case_eq_c(name, "CONDSTORE");
	} while (!imap_at_end(&cmd->in));
	if (condstore && !cmd->s->condstore)
		conn_puts(t, cmd->s->c, "* ENABLED CONDSTORE\r\n");
	else
		conn_puts(t, cmd->s->c, "* ENABLED\r\n");
	if (condstore)
		imap_condstore(t, cmd->s);
	return NULL;
}

const struct imap_command imap_cmd_enable = {
	.name = "ENABLE",
	.states = IMAP_USER | IMAP_SELECTED,
	.run = cmd_enable,
};
