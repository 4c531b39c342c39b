/* pop3_auth.c - who is it: USER, PASS, AUTH, STLS, CAPA */
#include "base/crypto.h"
#include "base/log.h"
#include "server/pop3/pop3_private.h"

may_yield static bool
pop3_may_login(struct task *t, struct pop3 *s, bool clear)
{
	if (s->draining) {
		pop3_bad(t, s, "SYS/TEMP", "the server is going down");
		return false;
	}
	if (!clear || auth_plaintext_allowed(s->w, s->c))
		return true;
	pop3_bad(t, s, NULL, "encrypt the connection first (STLS)");
	return false;
}

/* Malformed, wrong, or undecided just now. */
may_yield static void
pop3_login_failed(struct task *t, struct pop3 *s, struct err *e)
{
	s->failures++;
	if (err_is(e, ERR_INVALID))
		pop3_bad(t, s, NULL, e->text);
	else if (err_is(e, ERR_DENIED) || err_is(e, ERR_LIMIT))
		pop3_bad(t, s, "AUTH", e->text);
	else
		pop3_bad(t, s, "SYS/TEMP", "logins are not possible just now");
	if (s->failures < POP3_LOGIN_FAILURES)
		return;
	s->state = POP3_ENDED;
	conn_end(s->c);
}

may_yield static void
pop3_logged_in(struct task *t, struct pop3 *s, const struct auth_login *l)
{
	uint64_t bytes = 0;
	struct err *e;

	e = auth_session_begin(task_arena(t), s->w->auth, l->account.id,
	    conn_peer(s->c), &s->auth);
	if (e != NULL) {
		pop3_bad(t, s, err_is(e, ERR_LIMIT) ? "IN-USE" : "SYS/TEMP",
		    e->text);
		return;
	}
	s->counted = true;
	s->address = arena_cstr(s->arena, l->account.address);
	s->who = (struct auth_login){ .account.id =
					  arena_str(s->arena, l->account.id),
		.account.generation = l->account.generation,
		.app_id = arena_str(s->arena, l->app_id) };
	task_set_log(t, conn_id(s->c), s->address);
	e = pop3_snapshot(t, s, l->account.id);
	if (e != NULL) {
		auth_session_end(s->w->auth, &s->auth);
		s->counted = false;
		s->address = NULL;
		task_set_log(t, conn_id(s->c), NULL);
		pop3_fail(t, s, "login", e);
		return;
	}
	s->state = POP3_TRANSACTION;
	conn_set_deadline(s->c, 0);
	conn_set_idle_timeout(s->c,
	    (uint32_t)worker_setting(s->w, STATE_POP3_IDLE_TIMEOUT) * 1000);
	for (unsigned i = 0; i < s->n; i++)
		bytes += s->messages[i].bytes;
	conn_printf(t, s->c, "+OK %u messages (%llu octets)\r\n", s->n,
	    (unsigned long long)bytes);
}

/*
 * What an administrator does holds for sessions that are there already, as in
 * IMAP.  [AUTH] belongs to the commands of a login (RFC 3206, 5): the client
 * gets it if it comes again with what does not hold any more.  It is not the
 * UPDATE state that is entered: nothing is deleted (RFC 1939, 6).
 */
bool
pop3_recheck(struct task *t, struct pop3 *s)
{
	struct state_account now;

	if (s->state != POP3_TRANSACTION)
		return true;
	switch (auth_recheck(task_arena(t), s->w->auth, &s->who, &s->state_seq,
	    task_wall_s(t), &now)) {
	case AUTH_HOLDS:
		return true;
	case AUTH_HOLDS_CLOSED:
		pop3_bad(t, s, "SYS/PERM", "the account is closed");
		break;
	case AUTH_HOLDS_NOT:
		pop3_bad(t, s, "SYS/TEMP", "log in again");
		break;
	}
	conn_end(s->c);
	return false;
}

void
pop3_user(struct task *t, struct pop3 *s, const struct pop3_input *in)
{
	if (!pop3_may_login(t, s, true))
		return;
	if (in->text.n > POP3_USER_MAX) {
		pop3_refuse(t, s, "name too long");
		return;
	}
	memcpy(s->user, in->text.p, in->text.n);
	s->user_n = (uint16_t)in->text.n;
	pop3_ok(t, s, "and the password?");
}

void
pop3_pass(struct task *t, struct pop3 *s, const struct pop3_input *in)
{
	struct auth_login l = { .login = str_of(s->user, s->user_n),
		.password = in->text,
		.protocol = "pop3",
		.peer = conn_peer(s->c) };
	struct err *e;

	if (!pop3_may_login(t, s, true))
		return;
	if (s->user_n == 0) {
		pop3_refuse(t, s, "USER comes first");
		return;
	}
	s->user_n = 0;
	e = auth_login(t, s->w->auth, &l);
	if (e != NULL)
		pop3_login_failed(t, s, e);
	else
		pop3_logged_in(t, s, &l);
}

void
pop3_apop(struct task *t, struct pop3 *s, const struct pop3_input *in)
{
	(void)in;
	pop3_refuse(t, s, "APOP is not offered");
}

/* "=" is an initial response of no bytes; none at all has p NULL. */
static bool
pop3_token(struct arena *a, struct str text, struct str *token_r)
{
	if (text.p == NULL || str_eq_c(text, "=")) {
		*token_r = text.p == NULL ? STR_NONE : STR("");
		return true;
	}
	if (!base64_decode(a, text, token_r))
		return false;
	if (token_r->p == NULL)
		*token_r = STR("");
	return true;
}

/* Ask for the client's next token. False: answered, or the end. */
may_yield static bool
pop3_sasl_ask(struct task *t, struct pop3 *s, struct str challenge,
    struct str *token_r)
{
	struct str line, text = base64_encode(task_arena(t), challenge);
	struct err *e;

	conn_printf(t, s->c, "+ " STR_FMT "\r\n", STR_ARG(text));
	e = conn_read_line(t, s->c, POP3_SASL_LINE_MAX, &line, NULL);
	if (err_is(e, ERR_LIMIT)) {
		pop3_refuse(t, s, "line too long");
		return false;
	}
	if (e != NULL) {
		conn_end(s->c);
		return false;
	}
	if (str_eq_c(line, "*")) {
		pop3_refuse(t, s, "authentication was given up");
		return false;
	}
	line = arena_str(task_arena(t), line);
	if (line.p == NULL)
		line = STR("");
	if (line.n == 0 || pop3_token(task_arena(t), line, token_r)) {
		if (line.n == 0)
			*token_r = STR("");
		return true;
	}
	pop3_refuse(t, s, "that was no base64");
	return false;
}

/* The old way to ask which mechanisms there are. */
may_yield static void
pop3_auth_list(struct task *t, struct pop3 *s)
{
	struct sasl_channel ch = sasl_channel_of(s->w, s->c);
	struct str rest = str_c(sasl_mechanisms(s->w, &ch)), one;

	pop3_ok(t, s, "mechanisms follow");
	while (str_split(&rest, ' ', &one))
		conn_printf(t, s->c, STR_FMT "\r\n", STR_ARG(one));
	conn_puts(t, s->c, ".\r\n");
}

void
pop3_auth(struct task *t, struct pop3 *s, const struct pop3_input *in)
{
	struct sasl_channel ch = sasl_channel_of(s->w, s->c);
	struct str token, out;
	struct auth_login l;
	enum sasl_step step;
	struct sasl *sasl;
	struct err *e = NULL;

	if (in->text.p == NULL) {
		pop3_auth_list(t, s);
		return;
	}
	if (!pop3_may_login(t, s, sasl_shows_password(in->text)))
		return;
	sasl = sasl_new(task_arena(t), s->w->auth, in->text, "pop3",
	    conn_peer(s->c), &ch);
	if (sasl == NULL) {
		pop3_refuse(t, s, "no such mechanism");
		return;
	}
	if (!pop3_token(task_arena(t), in->token, &token)) {
		pop3_refuse(t, s, "that was no base64");
		return;
	}
	while ((step = sasl_step(t, sasl, token, &out, &l, &e)) == SASL_MORE)
		if (!pop3_sasl_ask(t, s, out, &token))
			return;
	if (step == SASL_DONE)
		pop3_logged_in(t, s, &l);
	else
		pop3_login_failed(t, s, e);
}

void
pop3_capa(struct task *t, struct pop3 *s, const struct pop3_input *in)
{
	struct sasl_channel ch = sasl_channel_of(s->w, s->c);
	const char *sasl = sasl_mechanisms(s->w, &ch);

	(void)in;
	pop3_ok(t, s, "what there is");
	conn_puts(t, s->c,
	    "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n");
	if (ch.plain)
		conn_puts(t, s->c, "USER\r\n");
	if (sasl[0] != '\0')
		conn_printf(t, s->c, "SASL %s\r\n", sasl);
	if (s->state == POP3_AUTHORIZATION && !conn_is_tls(s->c) &&
	    conn_can_tls(s->c))
		conn_puts(t, s->c, "STLS\r\n");
	conn_puts(t, s->c, "EXPIRE NEVER\r\nIMPLEMENTATION Shoal\r\n.\r\n");
}

void
pop3_stls(struct task *t, struct pop3 *s, const struct pop3_input *in)
{
	struct err *e;

	(void)in;
	if (conn_is_tls(s->c) || !conn_can_tls(s->c)) {
		pop3_refuse(t, s,
		    conn_is_tls(s->c) ? "encrypted already"
				      : "there is no certificate");
		return;
	}
	pop3_ok(t, s, "begin");
	/* What was said in the clear does not count (RFC 2595, 4). */
	s->user_n = 0;
	e = conn_flush(t, s->c);
	if (e == NULL)
		e = conn_start_tls(t, s->c);
	if (e == NULL)
		return;
	log_info(t, "stls failed", LOG_ERR(e));
	s->state = POP3_ENDED;
	conn_end(s->c);
}
