/* pop3.c - the protocol: connections, commands, replies */
#include "server/pop3/pop3.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "base/log.h"
#include "server/pop3/pop3_private.h"

static const struct {
	unsigned states;
	pop3_run run;
} pop3_commands[POP3_VERBS] = {
	[POP3_APOP] = { POP3_AUTHORIZATION, pop3_apop },
	[POP3_AUTH] = { POP3_AUTHORIZATION, pop3_auth },
	[POP3_CAPA] = { POP3_AUTHORIZATION | POP3_TRANSACTION, pop3_capa },
	[POP3_DELE] = { POP3_TRANSACTION, pop3_dele },
	[POP3_LIST] = { POP3_TRANSACTION, pop3_list },
	[POP3_NOOP] = { POP3_TRANSACTION, pop3_noop },
	[POP3_PASS] = { POP3_AUTHORIZATION, pop3_pass },
	[POP3_QUIT] = { POP3_AUTHORIZATION | POP3_TRANSACTION, pop3_quit },
	[POP3_RETR] = { POP3_TRANSACTION, pop3_retr },
	[POP3_RSET] = { POP3_TRANSACTION, pop3_rset },
	[POP3_STAT] = { POP3_TRANSACTION, pop3_stat },
	[POP3_STLS] = { POP3_AUTHORIZATION, pop3_stls },
	[POP3_TOP] = { POP3_TRANSACTION, pop3_top },
	[POP3_UIDL] = { POP3_TRANSACTION, pop3_uidl },
	[POP3_USER] = { POP3_AUTHORIZATION, pop3_user },
};

void
pop3_ok(struct task *t, struct pop3 *s, const char *text)
{
	conn_printf(t, s->c, "+OK %s\r\n", text);
}

void
pop3_bad(struct task *t, struct pop3 *s, const char *code, const char *text)
{
	if (code != NULL)
		conn_printf(t, s->c, "-ERR [%s] %s\r\n", code, text);
	else
		conn_printf(t, s->c, "-ERR %s\r\n", text);
}

void
pop3_refuse(struct task *t, struct pop3 *s, const char *text)
{
	s->errors++;
	if (s->errors < worker_setting(s->w, STATE_POP3_ERRORS)) {
		pop3_bad(t, s, NULL, text);
		return;
	}
	pop3_bad(t, s, NULL, "too many errors");
	s->state = POP3_ENDED;
	conn_end(s->c);
}

/* What a client is told of each outcome. */
static const struct {
	const char *code, *text;
} pop3_outcomes[] = {
	[WORKER_TEMP] = { "SYS/TEMP", "mailbox cannot be reached just now" },
	[WORKER_FULL] = { "SYS/TEMP", "mailbox cannot be changed just now" },
	[WORKER_OVERQUOTA] = { "SYS/TEMP", "over quota" },
	[WORKER_GONE] = { "SYS/PERM", "mailbox is closed" },
	[WORKER_NOTFOUND] = { NULL, "no such message" },
	[WORKER_EXISTS] = { "SYS/TEMP", "try again" },
	[WORKER_LIMIT] = { "SYS/PERM", "over a limit" },
	[WORKER_INVALID] = { "SYS/PERM", "not possible" },
	[WORKER_DENIED] = { "SYS/PERM", "not permitted" },
	[WORKER_DAMAGED] = { "SYS/PERM",
	    "damaged; the administrator must look" },
	[WORKER_BUG] = { "SYS/TEMP", "internal error" },
};

void
pop3_fail(struct task *t, struct pop3 *s, const char *what, struct err *e)
{
	enum worker_outcome o = worker_outcome(e);

	if (o != WORKER_NOTFOUND)
		log_warn(t, "pop3 failed", LOG_C("command", what), LOG_ERR(e));
	pop3_bad(t, s, pop3_outcomes[o].code, pop3_outcomes[o].text);
}

may_yield static void
pop3_open(struct task *t, struct conn *c)
{
	struct pop3 *s = xcalloc(1, sizeof(*s));

	s->c = c;
	s->w = conn_worker(c);
	s->state = POP3_AUTHORIZATION;
	s->arena = arena_new(0);
	conn_set_session(c, s);
	conn_set_input_max(c, POP3_SASL_LINE_MAX + 2);
	conn_set_idle_timeout(c, POP3_LOGIN_TIMEOUT_MS);
	/* Whatever is asked meanwhile: CAPA and USER are answered for ever. */
	conn_set_deadline(c, conn_began_ms(c) + POP3_LOGIN_TIMEOUT_MS);
	conn_printf(t, c, "+OK %s POP3 ready\r\n", worker_hostname(s->w));
}

may_yield static void
pop3_run_command(struct task *t, struct pop3 *s, const struct pop3_input *in,
    const char *why)
{
	if (why != NULL)
		pop3_refuse(t, s, why);
	else
		pop3_commands[in->verb].run(t, s, in);
}

may_yield static void
pop3_command(struct task *t, struct pop3 *s)
{
	struct pop3_input in;
	struct str line;
	const char *why;
	struct err *e = conn_read_line(t, s->c, POP3_LINE_MAX, &line, NULL);

	if (err_is(e, ERR_LIMIT)) {
		pop3_refuse(t, s, "line too long");
		return;
	}
	if (e != NULL) {
		/* Gone, or silent in the middle of a line. */
		conn_end(s->c);
		return;
	}
	/* Commands may read on, and the line lies in the buffer. */
	line = arena_str(task_arena(t), line);
	why = pop3_parse(line, &in);
	if (why == NULL && (pop3_commands[in.verb].states & s->state) == 0)
		why = s->state == POP3_TRANSACTION ? "you are logged in already"
						   : "log in first";
	if (pop3_recheck(t, s))
		pop3_run_command(t, s, &in, why);
	if (in.verb == POP3_PASS)
		crypto_wipe((char *)line.p, line.n);
}

/* The node is going: a session is short; who has not begun one goes now. */
static void
pop3_drain(struct pop3 *s)
{
	s->draining = true;
	conn_set_idle_timeout(s->c, POP3_DRAIN_MS);
	if (s->state == POP3_AUTHORIZATION)
		conn_end(s->c);
}

/* A whole line, or too much for one. Until then no task is needed. */
static bool
pop3_has_line(const struct pop3 *s)
{
	struct str in = conn_buffered(s->c);

	return in.n > POP3_LINE_MAX || str_chr(in, '\n') >= 0;
}

may_yield static void
pop3_event(struct task *t, struct conn *c, unsigned events)
{
	struct arena_mark m = arena_mark(task_arena(t));
	struct pop3 *s = conn_session(c);

	task_set_log(t, conn_id(c), s->address);
	while (
	    pop3_has_line(s) && s->state != POP3_ENDED && !conn_is_ending(c)) {
		pop3_command(t, s);
		arena_rewind(task_arena(t), m);
	}
	if (events & CONN_EVENT_DRAIN)
		pop3_drain(s);
	/* RFC 1939, 3: close, remove nothing, say nothing. */
	if (events & CONN_EVENT_TIMEOUT)
		conn_end(c);
}

static void
pop3_close(struct conn *c)
{
	struct pop3 *s = conn_session(c);

	if (s == NULL)
		return;
	/* After QUIT it was said there. */
	if (s->address != NULL && s->state == POP3_TRANSACTION)
		log_info(NULL, "pop3", LOG_C("session", conn_id(c)),
		    LOG_C("account", s->address),
		    LOG_U64("retrieved", s->retrieved),
		    LOG_U64("bytes", s->bytes_out), LOG_U64("deleted", 0),
		    LOG_C("end", "dropped"));
	if (s->counted)
		auth_session_end(s->w->auth, &s->auth);
	account_close(&s->acc);
	arena_free(&s->arena);
	free(s);
}

const struct protocol pop3_protocol = {
	.name = "pop3",
	.tls = false,
	.busy = "-ERR [SYS/TEMP] too many connections\r\n",
	.start_timeout_ms = POP3_LOGIN_TIMEOUT_MS,
	.open = pop3_open,
	.event = pop3_event,
	.close = pop3_close,
};

const struct protocol pop3s_protocol = {
	.name = "pop3s",
	.tls = true,
	.busy = "-ERR [SYS/TEMP] too many connections\r\n",
	.start_timeout_ms = POP3_LOGIN_TIMEOUT_MS,
	.open = pop3_open,
	.event = pop3_event,
	.close = pop3_close,
};
