/* cmd_rename.c - RENAME (RFC 3501, 6.3.5) */
#include "server/imap/imap_commands.h"

/* rename = "RENAME" SP mailbox SP mailbox */
static may_yield struct err *
cmd_rename(struct task *t, struct imap_cmd *cmd)
{
	struct imap_in *in = &cmd->in;
	struct account *acc;
	struct str from, to;
	struct err *e;

	if (!imap_sp(in) || !imap_mailbox(in, &from) || !imap_sp(in) ||
	    !imap_mailbox(in, &to) || !imap_end(in))
		return imap_bad(cmd, NULL);
	e = imap_account(t, cmd, true, &acc);
	return e != NULL ? e : folder_rename(t, acc, from, to);
}

const struct imap_command imap_cmd_rename = {
	.name = "RENAME",
	.states = IMAP_USER | IMAP_SELECTED,
	.run = cmd_rename,
};
