/* smtp_cmd_starttls.c - STARTTLS (RFC 3207) */
#include <stdlib.h>

#include "base/log.h"
#include "server/smtp/smtp_commands.h"

/* Everything said before counts for nothing (RFC 3207, 4.2). */
static void
smtp_starttls_forget(struct smtp_session *s)
{
	free(s->hello);
	s->hello = NULL;
	s->extended = false;
	s->state = SMTP_STRANGE;
}

static may_yield_unchecked struct smtp_reply
smtp_starttls_run(struct task *t, struct smtp_cmd *cmd)
{
	struct smtp_session *s = cmd->s;
	struct err *e;

	if (conn_is_tls(s->c))
		return (struct smtp_reply){ 503, "5.5.1",
			"TLS is there already", 0 };
	if (!conn_can_tls(s->c))
		return (struct smtp_reply){ 454, "4.7.0",
			"TLS is not available", 0 };
	/* a login in the clear would have to be forgotten (RFC 3207, 4.2) */
	if (s->account != NULL)
		return (struct smtp_reply){ 503, "5.5.1", "not after AUTH", 0 };
	conn_puts(t, s->c, "220 2.0.0 go ahead\r\n");
	e = conn_flush(t, s->c);
	if (e == NULL)
		e = conn_start_tls(t, s->c);
	if (e == NULL) {
		smtp_starttls_forget(s);
		return (struct smtp_reply){ 220, NULL, NULL, 0 };
	}
	/* nobody is left to be told */
	log_info(t, "STARTTLS failed", LOG_ERR(e));
	return (struct smtp_reply){ 454, NULL, NULL, SMTP_CLOSE };
}

const struct smtp_command smtp_cmd_starttls = {
	.name = "STARTTLS",
	.states = SMTP_STRANGE | SMTP_IDLE,
	.flags = SMTP_NO_ARGS,
	.help = "STARTTLS",
	.run = smtp_starttls_run,
};
