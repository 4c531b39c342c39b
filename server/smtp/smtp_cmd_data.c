/* smtp_cmd_data.c - DATA: the message up to a dot alone on its line */
#include "server/smtp/smtp_commands.h"

static may_yield_unchecked struct smtp_reply
smtp_data_run(struct task *t, struct smtp_cmd *cmd)
{
	struct smtp_session *s = cmd->s;
	struct smtp_reply r;
	struct err *e;

	/* RFC 5321, 3.3; RFC 2033, 4.2 has 503 */
	if (deliver_rcpt_count(s->deliver) == 0)
		return (struct smtp_reply){ s->kind->lmtp ? 503 : 554, "5.5.1",
			"no valid recipients", 0 };
	smtp_message_begin(t, s, true);
	/* nothing a client could do about it is known later than now */
	if (deliver_is_temporary(deliver_state(s->deliver))) {
		r = smtp_reply_verdict(deliver_state(s->deliver), false);
		smtp_drop(t, s);
		return r;
	}
	conn_puts(t, s->c, "354 end with a dot alone on its line\r\n");
	e = smtp_message_read(t, s, UINT64_MAX);
	if (e != NULL)
		return smtp_message_lost(t, s, e);
	r = smtp_message_end(t, s);
	smtp_drop(t, s);
	return r;
}

const struct smtp_command smtp_cmd_data = {
	.name = "DATA",
	.states = SMTP_MAIL,
	.flags = SMTP_NO_ARGS,
	.help = "DATA",
	.run = smtp_data_run,
};
