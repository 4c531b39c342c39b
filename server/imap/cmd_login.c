/* cmd_login.c - LOGIN and AUTHENTICATE (RFC 3501, 6.2.2 and 6.2.3) */
#include "base/crypto.h"
#include "server/imap/imap_commands.h"
#include "server/imap/imap_private.h"

/* What RFC 4422 leaves open: nothing of ours needs more. */
#define IMAP_SASL_LINE 8192

/*
 * One answer for every reason (auth.h), unless it is not about the password.
 * The counted session may still be refused: LIMIT.
 */
static struct err *
imap_login_end(struct task *t, struct imap_cmd *cmd, struct err *e,
    const struct auth_login *l)
{
	if (e != NULL && worker_outcome(e) != WORKER_TEMP)
		buf_c(&cmd->code, "AUTHENTICATIONFAILED");
	if (e == NULL)
		e = imap_session_login(t, cmd, l);
	if (e != NULL)
		return e;
	buf_c(&cmd->code, "CAPABILITY ");
	imap_capability_put(&cmd->code, cmd->s);
	cmd->text = "Logged in";
	return NULL;
}

static struct err *
imap_login_private(struct task *t, struct imap_cmd *cmd)
{
	buf_c(&cmd->code, "PRIVACYREQUIRED");
	return err_new(task_arena(t), ERR_DENIED,
	    "Passwords are taken over TLS only", NULL);
}

/* login = "LOGIN" SP userid SP password */
static may_yield struct err *
cmd_login(struct task *t, struct imap_cmd *cmd)
{
	struct imap_session *s = cmd->s;
	struct auth_login l = { .protocol = "imap", .peer = conn_peer(s->c) };

	if (!imap_sp(&cmd->in) || !imap_astring(&cmd->in, &l.login) ||
	    !imap_sp(&cmd->in) || !imap_astring(&cmd->in, &l.password) ||
	    !imap_end(&cmd->in))
		return imap_bad(cmd, NULL);
	if (!auth_plaintext_allowed(s->w, s->c))
		return imap_login_private(t, cmd);
	return imap_login_end(t, cmd, auth_login(t, s->w->auth, &l), &l);
}

const struct imap_command imap_cmd_login = {
	.name = "LOGIN",
	.states = IMAP_STRANGER,
	.run = cmd_login,
};

/* The client's next message, decoded; "*" gives up. */
static may_yield struct err *
imap_sasl_read(struct task *t, struct imap_cmd *cmd, struct str challenge,
    struct str *in_r)
{
	struct conn *c = cmd->s->c;
	struct imap_reader r;
	struct str line;
	struct err *e;

	conn_printf(t, c, "+ " STR_FMT "\r\n",
	    STR_ARG(base64_encode(task_arena(t), challenge)));
	imap_reader_init(&r, cmd->s);
	*in_r = STR_NONE;
	e = imap_reader_line(t, &r, IMAP_SASL_LINE, &line);
	if (err_is(e, ERR_LIMIT))
		e = imap_bad(cmd, "The response is too long");
	else if (e == NULL && str_eq_c(line, "*"))
		e = imap_bad(cmd, "Authentication given up");
	else if (e == NULL && !base64_decode(task_arena(t), line, in_r))
		e = imap_bad(cmd, "The response is not base64");
	if (in_r->p == NULL)
		*in_r = STR("");
	imap_reader_free(&r);
	return e;
}

static may_yield struct err *
imap_sasl_run(struct task *t, struct imap_cmd *cmd, struct sasl *sasl,
    struct str in)
{
	struct auth_login l = { .protocol = "imap" };
	struct str out = STR("");
	struct err *e = NULL;

	for (;;) {
		enum sasl_step step = sasl_step(t, sasl, in, &out, &l, &e);

		if (in.p != NULL)
			crypto_wipe((void *)(uintptr_t)in.p, in.n);
		if (step == SASL_FAILED && err_is(e, ERR_INVALID))
			return imap_bad(cmd, e->text);
		if (step != SASL_MORE)
			return imap_login_end(t, cmd,
			    step == SASL_DONE ? NULL : e, &l);
		e = imap_sasl_read(t, cmd, out, &in);
		if (e != NULL)
			return e;
	}
}

/*
 * authenticate = "AUTHENTICATE" SP auth-type [SP (base64 / "=")]
 * *(CRLF base64)	RFC 4959
 */
static may_yield struct err *
cmd_authenticate(struct task *t, struct imap_cmd *cmd)
{
	struct imap_session *s = cmd->s;
	struct sasl_channel ch = sasl_channel_of(s->w, s->c);
	struct str name, first, in = STR_NONE;
	struct sasl *sasl;

	if (!imap_sp(&cmd->in) || !imap_atom(&cmd->in, &name))
		return imap_bad(cmd, NULL);
	if (!imap_at_end(&cmd->in)) {
		if (!imap_sp(&cmd->in) || !imap_astring(&cmd->in, &first) ||
		    !imap_end(&cmd->in))
			return imap_bad(cmd, NULL);
		in = STR("");
		if (!str_eq_c(first, "=") &&
		    !base64_decode(task_arena(t), first, &in))
			return imap_bad(cmd, "The response is not base64");
		if (in.p == NULL)
			in = STR("");
	}
	if (sasl_shows_password(name) && !ch.plain)
		return imap_login_private(t, cmd);
	sasl = sasl_new(task_arena(t), s->w->auth, name, "imap",
	    conn_peer(s->c), &ch);
	if (sasl == NULL) {
		buf_c(&cmd->code, "CANNOT");
		return err_new(task_arena(t), ERR_INVALID,
		    "There is no such mechanism", NULL);
	}
	return imap_sasl_run(t, cmd, sasl, in);
}

const struct imap_command imap_cmd_authenticate = {
	.name = "AUTHENTICATE",
	.states = IMAP_STRANGER,
	.run = cmd_authenticate,
};
