/* cmd_expunge.c - EXPUNGE and UID EXPUNGE */
#include "server/imap/imap_commands.h"

/*
 * expunge     = "EXPUNGE"			RFC 3501, 6.4.3
 * uid-expunge = "UID" SP "EXPUNGE" SP sequence-set	RFC 4315, 2.1
 *
 * What has \Deleted goes, of what this session has been told about: a message
 * that it never saw is left to those who saw it.  The session tells the EXPUNGE
 * responses when the command is done.
 */
static may_yield struct err *
cmd_expunge_run(struct task *t, struct imap_cmd *cmd)
{
	struct imap_session *s = cmd->s;
	struct imap_in *in = &cmd->in;
	struct account *acc;
	struct imap_set set;
	struct uidset uids;
	struct err *e;

	if (cmd->uid && (!imap_sp(in) || !imap_set(in, &set)))
		return imap_bad(cmd, NULL);
	if (!imap_end(in))
		return imap_bad(cmd, NULL);
	if (s->view.readonly) {
		buf_c(&cmd->code, "READ-ONLY");
		return err_new(task_arena(t), ERR_DENIED,
		    "the mailbox was opened with EXAMINE", NULL);
	}
	if (s->view.n == 0)
		return NULL;
	if (cmd->uid) {
		e = imap_view_uids(cmd, &set, true, &uids);
		if (e != NULL)
			return e;
	} else {
		uidset_init(&uids, task_arena(t));
		uidset_add_range(&uids, s->view.uids[0],
		    s->view.uids[s->view.n - 1]);
	}
	e = imap_account(t, cmd, false, &acc);
	return e != NULL
		   ? e
		   : message_expunge(t, acc, s->view.folder, &uids, true, NULL);
}

const struct imap_command cmd_expunge = {
	.name = "EXPUNGE",
	.states = IMAP_SELECTED,
	.flags = IMAP_UID_TOO,
	.run = cmd_expunge_run,
};
