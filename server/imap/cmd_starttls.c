/* cmd_starttls.c - STARTTLS (RFC 3501, 6.2.1) */
#include "server/imap/imap_commands.h"
#include "server/imap/imap_private.h"

/*
 * The tagged OK comes before the handshake, so it is written here.  What the
 * client sent behind the command in clear is refused by conn_start_tls (B42).
 */
static may_yield struct err *
cmd_starttls(struct task *t, struct imap_cmd *cmd)
{
	struct imap_session *s = cmd->s;

	if (!imap_end(&cmd->in))
		return imap_bad(cmd, NULL);
	if (conn_is_tls(s->c))
		return imap_bad(cmd, "This connection has TLS already");
	if (!conn_can_tls(s->c))
		return err_new(task_arena(t), ERR_UNAVAIL,
		    "TLS is not possible here", NULL);
	cmd->text = "Begin TLS now";
	imap_answer(t, cmd, "STARTTLS", NULL);
	cmd->later = true;
	if (conn_start_tls(t, s->c) != NULL)
		conn_end(s->c); /* it has said why, in the log */
	else
		s->errors = 0;
	return NULL;
}

const struct imap_command imap_cmd_starttls = {
	.name = "STARTTLS",
	.states = IMAP_STRANGER,
	.run = cmd_starttls,
};
