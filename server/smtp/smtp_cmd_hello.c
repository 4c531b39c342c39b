/* smtp_cmd_hello.c - EHLO, HELO, LHLO */
#include <stdlib.h>

#include "server/auth/auth.h"
#include "server/smtp/smtp_commands.h"
#include "server/smtp/smtp_door.h"

/*
 * EHLO has to be the last of a group (RFC 2920, 3.1): who sends more behind it
 * cannot know yet whether he may, and does not read what he is told.
 */
static bool
smtp_hello_is_rushed(const struct smtp_session *s)
{
	return s->state == SMTP_STRANGE && !smtp_is_trusted(s) &&
	       conn_buffered(s->c).n > 0;
}

/* RFC 4954, 3: what may be used now, if anything. */
static may_yield void
smtp_hello_auth(struct task *t, struct smtp_session *s)
{
	struct sasl_channel ch = sasl_channel_of(s->w, s->c);
	const char *names;

	if (!s->kind->submission || s->account != NULL)
		return;
	names = sasl_mechanisms(s->w, &ch);
	if (names[0] != '\0')
		conn_printf(t, s->c, "250-AUTH %s\r\n", names);
}

/* RFC 9422 */
static may_yield void
smtp_hello_limits(struct task *t, struct smtp_session *s)
{
	conn_printf(t, s->c, "250-LIMITS RCPTMAX=%llu",
	    (unsigned long long)worker_setting(s->w, STATE_SMTP_RECIPIENTS));
	if (!smtp_is_trusted(s) && !s->kind->submission)
		conn_printf(t, s->c, " MAILMAX=%llu",
		    (unsigned long long)worker_setting(s->w,
			STATE_SMTP_MESSAGES));
	conn_puts(t, s->c, "\r\n");
}

static may_yield void
smtp_hello_extensions(struct task *t, struct smtp_session *s)
{
	bool tls = conn_can_tls(s->c) && !conn_is_tls(s->c);

	conn_printf(t, s->c, "250-%s\r\n", worker_hostname(s->w));
	conn_puts(t, s->c, "250-PIPELINING\r\n");
	conn_printf(t, s->c, "250-SIZE %llu\r\n",
	    (unsigned long long)worker_setting(s->w, STATE_MESSAGE_MAX));
	if (tls)
		conn_puts(t, s->c, "250-STARTTLS\r\n");
	smtp_hello_auth(t, s);
	smtp_hello_limits(t, s);
	if (smtp_offers_dsn(s))
		conn_puts(t, s->c, "250-DSN\r\n");
	conn_puts(t, s->c,
	    "250-ENHANCEDSTATUSCODES\r\n"
	    "250-8BITMIME\r\n"
	    "250-SMTPUTF8\r\n"
	    "250 CHUNKING\r\n");
}

static may_yield struct smtp_reply
smtp_hello(struct task *t, struct smtp_cmd *cmd, bool extended)
{
	struct smtp_session *s = cmd->s;
	struct smtp_reply r;
	struct str name;

	if (!smtp_parse_hello(cmd->args, &name))
		return (struct smtp_reply){ 501, "5.5.4",
			"this is not a host's name or [address]", 0 };
	if (smtp_hello_is_rushed(s))
		return (struct smtp_reply){ 554, "5.5.0", "improper pipelining",
			SMTP_CLOSE };
	r = smtp_door_hello(t, s, name);
	if (r.code != 250)
		return r;
	smtp_drop(t, s);
	free(s->hello);
	s->hello = xmemdup(arena_cstr(task_arena(t), name), name.n + 1);
	s->extended = extended;
	s->state = SMTP_IDLE;
	if (!extended)
		return (struct smtp_reply){ 250, NULL,
			arena_strdup(task_arena(t), worker_hostname(s->w)), 0 };
	smtp_hello_extensions(t, s);
	return (struct smtp_reply){ 250, NULL, NULL, 0 };
}

static may_yield_unchecked struct smtp_reply
smtp_ehlo_run(struct task *t, struct smtp_cmd *cmd)
{
	return smtp_hello(t, cmd, true);
}

static may_yield_unchecked struct smtp_reply
smtp_helo_run(struct task *t, struct smtp_cmd *cmd)
{
	return smtp_hello(t, cmd, false);
}

#define SMTP_HELLO_STATES (SMTP_STRANGE | SMTP_IDLE | SMTP_MAIL | SMTP_CHUNKS)

const struct smtp_command smtp_cmd_ehlo = {
	.name = "EHLO",
	.states = SMTP_HELLO_STATES,
	.flags = SMTP_ONLY_SMTP | SMTP_JUNK,
	.help = "EHLO host",
	.run = smtp_ehlo_run,
};

const struct smtp_command smtp_cmd_helo = {
	.name = "HELO",
	.states = SMTP_HELLO_STATES,
	.flags = SMTP_ONLY_SMTP | SMTP_JUNK,
	.help = "HELO host",
	.run = smtp_helo_run,
};

const struct smtp_command smtp_cmd_lhlo = {
	.name = "LHLO",
	.states = SMTP_HELLO_STATES,
	.flags = SMTP_ONLY_LMTP | SMTP_JUNK,
	.help = "LHLO host",
	.run = smtp_ehlo_run,
};
