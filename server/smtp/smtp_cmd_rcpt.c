/* smtp_cmd_rcpt.c - RCPT: everything about a recipient is decided here */
#include "base/log.h"
#include "server/smtp/smtp_commands.h"

static may_yield must_check struct smtp_reply
smtp_rcpt_reply(struct task *t, struct smtp_session *s,
    const struct smtp_rcpt *rcpt)
{
	struct smtp_reply r;

	if (rcpt->to.utf8 && !(deliver_is_utf8(s->deliver) && rcpt->to.valid))
		return (struct smtp_reply){ 553, "5.6.7",
			"an address outside ASCII needs SMTPUTF8, and UTF-8",
			0 };
	if (deliver_rcpt_count(s->deliver) >=
	    worker_setting(s->w, STATE_SMTP_RECIPIENTS))
		return smtp_reply_verdict(DELIVER_MANY, true);
	r = smtp_allow_rcpt(t, s);
	if (r.code != 250)
		return r;
	r = smtp_reply_verdict(deliver_rcpt(t, s->deliver, rcpt), true);
	if (r.code == 250)
		smtp_allow_begin(s);
	return r;
}

static may_yield_unchecked struct smtp_reply
smtp_rcpt_run(struct task *t, struct smtp_cmd *cmd)
{
	struct smtp_session *s = cmd->s;
	struct smtp_reply r;
	struct smtp_rcpt rcpt;
	enum smtp_syntax bad = smtp_parse_rcpt(cmd->args, &rcpt);

	if (bad == SMTP_OK && rcpt.dsn && !smtp_offers_dsn(s))
		bad = SMTP_BAD_PARAM;
	if (bad != SMTP_OK)
		return smtp_reply_syntax(bad, true);
	r = smtp_rcpt_reply(t, s, &rcpt);
	/* one who forwards what others were promised guesses nothing */
	if (smtp_is_trusted(s))
		r.flags |= SMTP_BLAMELESS;
	return r;
}

const struct smtp_command smtp_cmd_rcpt = {
	.name = "RCPT",
	.states = SMTP_MAIL,
	.help = "RCPT TO:<address>",
	.run = smtp_rcpt_run,
};
