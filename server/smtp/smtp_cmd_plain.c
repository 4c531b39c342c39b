/* smtp_cmd_plain.c - RSET, NOOP, QUIT, VRFY, EXPN, HELP: a reply and no more */
#include "server/smtp/smtp_commands.h"

#define SMTP_ANY (SMTP_STRANGE | SMTP_IDLE | SMTP_MAIL | SMTP_CHUNKS)

static may_yield_unchecked struct smtp_reply
smtp_rset_run(struct task *t, struct smtp_cmd *cmd)
{
	smtp_drop(t, cmd->s);
	return (struct smtp_reply){ 250, "2.0.0", "ok", 0 };
}

static struct smtp_reply
smtp_noop_run(struct task *t, struct smtp_cmd *cmd)
{
	(void)t;
	(void)cmd;
	return (struct smtp_reply){ 250, "2.0.0", "ok", 0 };
}

static may_yield_unchecked struct smtp_reply
smtp_quit_run(struct task *t, struct smtp_cmd *cmd)
{
	smtp_drop(t, cmd->s);
	return (struct smtp_reply){ 221, "2.0.0", "bye", SMTP_CLOSE };
}

/* Nobody learns here who exists (RFC 5321, 7.3). */
static struct smtp_reply
smtp_vrfy_run(struct task *t, struct smtp_cmd *cmd)
{
	(void)t;
	if (cmd->args.n == 0)
		return (struct smtp_reply){ 501, "5.5.4",
			"syntax: VRFY address", 0 };
	return (struct smtp_reply){ 252, "2.5.0",
		"cannot verify, but send some mail and see", 0 };
}

static struct smtp_reply
smtp_expn_run(struct task *t, struct smtp_cmd *cmd)
{
	(void)t;
	(void)cmd;
	return (struct smtp_reply){ 502, "5.5.1", "lists are not shown", 0 };
}

static may_yield_unchecked struct smtp_reply
smtp_help_run(struct task *t, struct smtp_cmd *cmd)
{
	struct smtp_session *s = cmd->s;

	for (unsigned i = 0; smtp_commands[i] != NULL; i++)
		if (smtp_has_command(s, smtp_commands[i]))
			conn_printf(t, s->c, "214-2.0.0 %s\r\n",
			    smtp_commands[i]->help);
	return (struct smtp_reply){ 214, "2.0.0", "end of help", 0 };
}

const struct smtp_command smtp_cmd_rset = {
	.name = "RSET",
	.states = SMTP_ANY,
	.flags = SMTP_JUNK | SMTP_NO_ARGS,
	.help = "RSET",
	.run = smtp_rset_run,
};

const struct smtp_command smtp_cmd_noop = {
	.name = "NOOP",
	.states = SMTP_ANY,
	.flags = SMTP_JUNK,
	.help = "NOOP",
	.run = smtp_noop_run,
};

const struct smtp_command smtp_cmd_quit = {
	.name = "QUIT",
	.states = SMTP_ANY,
	.flags = SMTP_NO_ARGS,
	.help = "QUIT",
	.run = smtp_quit_run,
};

const struct smtp_command smtp_cmd_vrfy = {
	.name = "VRFY",
	.states = SMTP_ANY,
	.flags = SMTP_JUNK,
	.help = "VRFY address",
	.run = smtp_vrfy_run,
};

const struct smtp_command smtp_cmd_expn = {
	.name = "EXPN",
	.states = SMTP_ANY,
	.flags = SMTP_JUNK,
	.help = "EXPN list",
	.run = smtp_expn_run,
};

const struct smtp_command smtp_cmd_help = {
	.name = "HELP",
	.states = SMTP_ANY,
	.flags = SMTP_JUNK,
	.help = "HELP",
	.run = smtp_help_run,
};
