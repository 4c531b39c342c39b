/* cmd_delete.c - DELETE (RFC 3501, 6.3.4) */
#include "server/imap/imap_commands.h"
#include "server/imap/imap_private.h"

static may_yield struct err *
cmd_delete(struct task *t, struct imap_cmd *cmd)
{
	struct imap_session *s = cmd->s;
	struct account *acc;
	struct str name;
	struct err *e;

	if (!imap_sp(&cmd->in) || !imap_mailbox(&cmd->in, &name) ||
	    !imap_end(&cmd->in))
		return imap_bad(cmd, NULL);
	e = imap_account(t, cmd, true, &acc);
	if (e == NULL)
		e = folder_delete(t, acc, name);
	/* One's own selected mailbox is deselected; other sessions' end. */
	if (e == NULL && s->state == IMAP_SELECTED &&
	    folder_by_id(acc, s->view.folder) == NULL) {
		imap_view_close(s);
		conn_puts(t, s->c, "* OK [CLOSED] The mailbox is deleted\r\n");
	}
	return e;
}

const struct imap_command imap_cmd_delete = {
	.name = "DELETE",
	.states = IMAP_USER | IMAP_SELECTED,
	.run = cmd_delete,
};
