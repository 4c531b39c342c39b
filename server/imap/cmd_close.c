/* cmd_close.c - CLOSE and UNSELECT (RFC 3501, 6.4.2; RFC 3691) */
#include "server/imap/imap_commands.h"
#include "server/imap/imap_private.h"

/* What has \Deleted goes, without a word.  If it cannot, the mailbox stays
 * selected: the client would think it gone. */
static may_yield struct err *
cmd_close(struct task *t, struct imap_cmd *cmd)
{
	struct imap_session *s = cmd->s;
	const struct folder *f;
	struct uidset uids, gone;
	struct account *acc;
	struct err *e;

	if (!imap_end(&cmd->in))
		return imap_bad(cmd, NULL);
	e = s->view.readonly ? NULL : imap_account(t, cmd, false, &acc);
	if (e == NULL && !s->view.readonly && s->view.n > 0) {
		f = folder_by_id(acc, s->view.folder);
		uidset_init(&uids, task_arena(t));
		/* Only what the client knows of. */
		uidset_add_range(&uids, s->view.uids[0],
		    s->view.uids[s->view.n - 1]);
		if (f != NULL && f->deleted > 0)
			e = message_expunge(t, acc, s->view.folder, &uids, true,
			    &gone);
	}
	if (e == NULL)
		imap_view_close(s);
	return e;
}

static may_yield struct err *
cmd_unselect(struct task *t, struct imap_cmd *cmd)
{
	(void)t;
	if (!imap_end(&cmd->in))
		return imap_bad(cmd, NULL);
	imap_view_close(cmd->s);
	return NULL;
}

const struct imap_command imap_cmd_close = {
	.name = "CLOSE",
	.states = IMAP_SELECTED,
	.run = cmd_close,
};

const struct imap_command imap_cmd_unselect = {
	.name = "UNSELECT",
	.states = IMAP_SELECTED,
	.run = cmd_unselect,
};
