/* smtp_cmd_mail.c - MAIL: a transaction begins */
#include "server/auth/auth.h"
#include "server/net/listener.h"
#include "server/smtp/smtp_commands.h"
#include "server/smtp/smtp_door.h"
#include "storage/state_identity.h"

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
	return !smtp_is_trusted(s) &&
	       s->messages >= worker_setting(s->w, STATE_SMTP_MESSAGES) &&
	       !net_is_exempt(s->w, conn_peer(s->c));
}

/* RFC 6409, 4.3; RFC 4954, 6 */
static struct smtp_reply
smtp_mail_stranger(const struct smtp_session *s)
{
	bool tls = conn_can_tls(s->c) && !auth_plaintext_allowed(s->w, s->c);

	return (struct smtp_reply){ 530, "5.7.0",
		tls ? "encrypt the connection (STARTTLS) and log in first"
		    : "log in first",
		0 };
}

/*
 * What an administrator does holds for sessions that are there already.  Asked
 * each time: what this worker has been told of the state lags behind what it
 * reads there.
 */
static bool
smtp_mail_is_signed_out(struct task *t, struct smtp_session *s)
{
	const struct auth_login was = { .account = { .id = str_c(s->account),
					    .address = str_c(s->address),
					    .generation = s->generation },
		.app_id = str_c(s->app) };

	return s->kind->submission && !auth_still_holds(task_arena(t),
					  s->w->auth, &was, task_wall_s(t));
}

static struct smtp_reply
smtp_mail_sender(struct task *t, const struct smtp_session *s,
    const struct smtp_path *from)
{
	bool yes = true;
	struct err *e = NULL;

	struct str address = from->mailbox;

	/* programs report with the null sender that mail was read (RFC 8098);
	 * who was suspended meanwhile owns nothing any more */
	if (address.n == 0)
		address = str_c(s->address);
	if (s->kind->submission)
		e = state_may_send_as(task_arena(t), s->w->state,
		    str_c(s->account), address, &yes);
	if (e != NULL)
		return smtp_reply_verdict(DELIVER_TEMP, false);
	if (!yes)
		return (struct smtp_reply){ 553, "5.7.1",
			"this is not an address of yours", 0 };
	return smtp_reply_syntax(SMTP_OK, false);
}

/* Whose mail is looked at: not that of our own, nor of those who have done it
 * for us. */
static void
smtp_mail_client(const struct smtp_session *s, struct filter_client *c_r)
{
	*c_r = (struct filter_client){
		.peer = *conn_peer(s->c),
		.hello = str_c(s->hello),
		.account = str_c(s->account),
		.login = str_c(s->address),
		.trusted = !smtp_door_is_stranger(s),
	};
}

static may_yield_unchecked struct smtp_reply
smtp_mail_run(struct task *t, struct smtp_cmd *cmd)
{
	struct smtp_session *s = cmd->s;
	struct filter_client client;
	struct smtp_mail m;
	enum smtp_syntax bad = smtp_parse_mail(cmd->args, &m);
	struct smtp_reply r;

	if (s->kind->submission && s->account == NULL)
		return smtp_mail_stranger(s);
	if (bad == SMTP_OK && m.has_auth && !s->kind->submission)
		bad = SMTP_BAD_PARAM;
	if (bad == SMTP_OK && m.from.utf8 && !(m.smtputf8 && m.from.valid))
		return smtp_mail_not_ascii();
	if (bad == SMTP_OK && m.from.mailbox.n > 0 && m.from.domain.n == 0)
		bad = SMTP_BAD_PATH;
	if (bad == SMTP_OK && m.dsn && !smtp_offers_dsn(s))
		bad = SMTP_BAD_PARAM;
	if (bad != SMTP_OK)
		return smtp_reply_syntax(bad, false);
	r = smtp_mail_sender(t, s, &m.from);
	/* behind it: who was suspended owns no address, but that is not why */
	if (smtp_mail_is_signed_out(t, s))
		return (struct smtp_reply){ 421, "4.7.0",
			"your login has ended, log in again", SMTP_CLOSE };
	if (r.code != 250)
		return r;
	r = smtp_allow_message(t, s);
	if (r.code != 250)
		return r;
	if (smtp_mail_is_one_too_many(s))
		return (struct smtp_reply){ 421, "4.7.0",
			"too many messages in one session", SMTP_CLOSE };
	if (m.has_size && m.size > worker_setting(s->w, STATE_MESSAGE_MAX))
		return smtp_reply_verdict(DELIVER_TOO_BIG, false);
	r = smtp_door_mail(t, s, &m.from);
	if (r.code != 250)
		return r;
	smtp_mail_client(s, &client);
	s->deliver = deliver_new(s->w, &m, &client);
	s->state = SMTP_MAIL;
	return smtp_reply_syntax(SMTP_OK, false);
}

const struct smtp_command smtp_cmd_mail = {
	.name = "MAIL",
	.states = SMTP_IDLE,
	.help = "MAIL FROM:<address> [SIZE=n] [BODY=8BITMIME] [SMTPUTF8]",
	.run = smtp_mail_run,
};
