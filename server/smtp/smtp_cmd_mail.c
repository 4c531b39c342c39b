/* smtp_cmd_mail.c - MAIL: a transaction begins */
#include "server/smtp/smtp_commands.h"

/* RFC 6531, 3.5 */
static struct smtp_reply
smtp_mail_not_ascii(void)
{
	return (struct smtp_reply){ 553, "5.6.7",
		"an address outside ASCII needs SMTPUTF8, and UTF-8", 0 };
}

/* Strangers bring so many messages in one session. */
static bool
smtp_mail_is_one_too_many(const struct smtp_session *s)
{
	return !s->kind->trusted &&
	       s->messages >= worker_setting(s->w, STATE_SMTP_MESSAGES) &&
	       !smtp_peer_is_exempt(s);
}

static may_yield_unchecked struct smtp_reply
smtp_mail_run(struct task *t, struct smtp_cmd *cmd)
{
	struct smtp_session *s = cmd->s;
	struct smtp_mail m;
	enum smtp_syntax bad = smtp_parse_mail(cmd->args, &m);

	(void)t;
	if (bad == SMTP_OK && m.from.utf8 && !(m.smtputf8 && m.from.valid))
		return smtp_mail_not_ascii();
	if (bad == SMTP_OK && m.from.mailbox.n > 0 && m.from.domain.n == 0)
		bad = SMTP_BAD_PATH;
	if (bad == SMTP_OK && m.dsn && !s->kind->dsn)
		bad = SMTP_BAD_PARAM;
	if (bad != SMTP_OK)
		return smtp_reply_syntax(bad, false);
	if (smtp_mail_is_one_too_many(s))
		return (struct smtp_reply){ 421, "4.7.0",
			"too many messages in one session", SMTP_CLOSE };
	if (m.has_size && m.size > worker_setting(s->w, STATE_MESSAGE_MAX))
		return smtp_reply_verdict(DELIVER_TOO_BIG, false);
	s->deliver = deliver_new(s->w, &m);
	s->state = SMTP_MAIL;
	return smtp_reply_syntax(SMTP_OK, false);
}

const struct smtp_command smtp_cmd_mail = {
	.name = "MAIL",
	.states = SMTP_IDLE,
	.help = "MAIL FROM:<address> [SIZE=n] [BODY=8BITMIME] [SMTPUTF8]",
	.run = smtp_mail_run,
};
