/* cmd_noop.c - NOOP and CHECK: what is new (RFC 3501, 6.1.2 and 6.4.1) */
#include "base/log.h"
#include "server/imap/imap_commands.h"

/*
 * The look at the journal; the session tells what it found.  Neither command
 * can fail (RFC 3501 knows no NO for them, and clients take one for the end of
 * the connection): while the share is away nothing is new.
 */
static may_yield struct err *
cmd_noop(struct task *t, struct imap_cmd *cmd)
{
	struct account *acc;
	struct err *e;

	if (!imap_end(&cmd->in))
		return imap_bad(cmd, NULL);
	if (cmd->s->state != IMAP_SELECTED)
		return NULL;
	e = imap_account(t, cmd, true, &acc);
	if (e == NULL || worker_outcome(e) != WORKER_TEMP)
		return e;
	log_debug(t, "imap", "nothing new can be known", LOG_ERR(e));
	cmd->text = "Completed, but the mailbox cannot be looked at now";
	return NULL;
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
