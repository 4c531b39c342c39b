/* smtp_cmd_auth.c - AUTH (RFC 4954): who it is that submits */
#include <stdlib.h>

#include "base/crypto.h"
#include "server/auth/auth.h"
#include "server/smtp/smtp_commands.h"

static struct smtp_reply
smtp_auth_syntax(const char *enhanced, const char *text)
{
	return (struct smtp_reply){ 501, enhanced, text, 0 };
}

/* initial-response = base64 / "="; none at all has p NULL */
static bool
smtp_auth_token(struct arena *a, struct str text, struct str *token_r)
{
	*token_r = STR_NONE;
	if (text.p == NULL)
		return true;
	if (!str_eq_c(text, "=") && !base64_decode(a, text, token_r))
		return false;
	if (token_r->p == NULL)
		*token_r = STR("");
	return true;
}

/*
 * The client's answer to a challenge; false: *r_r says why there is none.  A
 * line of no bytes is one.
 */
static may_yield bool
smtp_auth_ask(struct task *t, struct smtp_session *s, struct str challenge,
    struct str *token_r, struct smtp_reply *r_r)
{
	struct str line;
	struct err *e;
	bool bare;

	conn_printf(t, s->c, "334 " STR_FMT "\r\n",
	    STR_ARG(base64_encode(task_arena(t), challenge)));
	conn_set_deadline(s->c, task_now_ms(t) + smtp_timeout_ms(s));
	e = conn_read_line(t, s->c, SMTP_AUTH_LINE, &line, &bare);
	conn_set_deadline(s->c, 0);
	*r_r = (struct smtp_reply){ 500, "5.5.6", "line too long", 0 };
	if (err_is(e, ERR_LIMIT))
		return false;
	*r_r =
	    (struct smtp_reply){ 421, "4.4.2", "waited too long", SMTP_CLOSE };
	if (e != NULL)
		return false;
	*r_r = smtp_auth_syntax("5.0.0", "authentication given up");
	if (str_eq_c(line, "*"))
		return false;
	*r_r = smtp_auth_syntax("5.5.2", "this is not base64");
	line = arena_str(task_arena(t), line);
	if (line.n == 0) {
		*token_r = STR("");
		return true;
	}
	return smtp_auth_token(task_arena(t), line, token_r);
}

static struct smtp_reply
smtp_auth_failed(struct smtp_session *s, const struct err *e)
{
	if (err_is(e, ERR_INVALID))
		return smtp_auth_syntax("5.5.2", e->text);
	if (!err_is(e, ERR_DENIED) && !err_is(e, ERR_LIMIT))
		return (struct smtp_reply){ 454, "4.7.0",
			"logins cannot be checked now, try again later", 0 };
	if (++s->login_failures >= SMTP_LOGIN_FAILURES)
		return (struct smtp_reply){ 421, "4.7.0",
			"too many failed logins", SMTP_CLOSE };
	return (struct smtp_reply){ 535, "5.7.8", e->text, 0 };
}

static char *
smtp_auth_keep(struct str s)
{
	char *p = xcalloc(1, s.n + 1);

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return p;
}

static struct smtp_reply
smtp_auth_done(struct task *t, struct smtp_session *s,
    const struct auth_login *l)
{
	s->account = smtp_auth_keep(l->account.id);
	s->address = smtp_auth_keep(l->account.address);
	s->app = smtp_auth_keep(l->app_id);
	s->generation = l->account.generation;
	/* mistakes of before were a stranger's */
	s->errors = s->junk = 0;
	task_set_log(t, conn_id(s->c), s->address);
	return (struct smtp_reply){ 235, "2.7.0", "welcome", 0 };
}

static may_yield must_check struct smtp_reply
smtp_auth_steps(struct task *t, struct smtp_session *s, struct sasl *sasl,
    struct str token)
{
	struct auth_login l;
	struct smtp_reply r;
	struct err *e = NULL;
	struct str out;

	for (;;) {
		enum sasl_step step = sasl_step(t, sasl, token, &out, &l, &e);

		if (token.p != NULL)
			crypto_wipe((void *)(uintptr_t)token.p, token.n);
		if (step == SASL_DONE)
			return smtp_auth_done(t, s, &l);
		if (step == SASL_FAILED)
			return smtp_auth_failed(s, e);
		if (!smtp_auth_ask(t, s, out, &token, &r))
			return r;
	}
}

/* auth-command = "AUTH" SP sasl-mech [SP initial-response]  RFC 4954, 8 */
static may_yield_unchecked struct smtp_reply
smtp_auth_run(struct task *t, struct smtp_cmd *cmd)
{
	struct smtp_session *s = cmd->s;
	struct sasl_channel ch = sasl_channel_of(s->w, s->c);
	struct str rest = cmd->args, name = STR_NONE, token;
	struct sasl *sasl;

	str_split(&rest, ' ', &name);
	if (name.n == 0)
		return smtp_auth_syntax("5.5.4", "syntax: AUTH mechanism");
	if (s->account != NULL)
		return (struct smtp_reply){ 503, "5.5.1",
			"you have logged in already", 0 };
	if (sasl_shows_password(name) && !ch.plain)
		return (struct smtp_reply){ 538, "5.7.11",
			"encrypt the connection first (STARTTLS)", 0 };
	sasl = sasl_new(task_arena(t), s->w->auth, name, s->kind->protocol,
	    conn_peer(s->c), &ch);
	if (sasl == NULL)
		return (struct smtp_reply){ 504, "5.5.4",
			"there is no such mechanism", 0 };
	if (!smtp_auth_token(task_arena(t), rest, &token))
		return smtp_auth_syntax("5.5.2", "this is not base64");
	return smtp_auth_steps(t, s, sasl, token);
}

const struct smtp_command smtp_cmd_auth = {
	.name = "AUTH",
	.states = SMTP_IDLE,
	.flags = SMTP_ONLY_SUBMISSION | SMTP_SECRET,
	.help = "AUTH mechanism [initial-response]",
	.run = smtp_auth_run,
};
