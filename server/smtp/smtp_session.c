/* smtp_session.c - lines in, replies out, and when to stop */
#include <stdlib.h>

#include "base/log.h"
#include "server/conf.h"
#include "server/net/counts.h"
#include "server/net/listener.h"
#include "server/smtp/smtp.h"
#include "server/smtp/smtp_door.h"
#include "server/smtp/smtp_dialogue.h"

static const struct smtp_kind smtp_kind_smtp = {
	.name = "ESMTP",
	.protocol = "smtp",
	.hello = "EHLO",
	.dsn = true,
	.wait_ms = 20,
};

static const struct smtp_kind smtp_kind_lmtp = {
	.name = "LMTP",
	.protocol = "lmtp",
	.hello = "LHLO",
	.lmtp = true,
	.apart = true,
	.trusted = true,
};

static const struct smtp_kind smtp_kind_submission = {
	.name = "ESMTP",
	.protocol = "submission",
	.hello = "EHLO",
	.submission = true,
	.dsn = true,
};

/* Whoever says this is lost, or was sent by somebody's browser. */
static const char *const smtp_http_verbs[] = { "GET", "POST", "PUT", "HEAD",
	"OPTIONS", "DELETE", "TRACE", "CONNECT", "PATCH", "PRI" };

/* --- limits --- */

uint32_t
smtp_timeout_ms(const struct smtp_session *s)
{
	static const enum stat_id gauges[] = { STAT_CONN_SMTP, STAT_CONN_LMTP,
		STAT_CONN_IMAP, STAT_CONN_POP3, STAT_CONN_OTHER };
	uint64_t ms = worker_setting(s->w, STATE_SMTP_TIMEOUT) * 1000;
	uint64_t n = 0;

	for (unsigned i = 0; i < countof(gauges); i++)
		n += stat_sum(s->w->counts, gauges[i]);
	if (n >= worker_setting(s->w, STATE_NET_CONNECTIONS) / 10 * 9)
		ms /= 5;
	return (uint32_t)ms;
}

/* What may come as a line: AUTH may be longer than others. */
static size_t
smtp_line_max(const struct smtp_session *s)
{
	size_t max = (size_t)worker_setting(s->w, STATE_SMTP_LINE);

	return s->kind->submission && max < SMTP_AUTH_LINE ? SMTP_AUTH_LINE
							   : max;
}

void
smtp_set_input_max(struct smtp_session *s)
{
	uint64_t line = smtp_line_max(s) + 2;

	conn_set_input_max(s->c,
	    line > CONN_INPUT_BYTES ? line : CONN_INPUT_BYTES);
}

bool
smtp_is_trusted(const struct smtp_session *s)
{
	return s->kind->trusted || s->account != NULL;
}

bool
smtp_bare_lf_is_fine(const struct smtp_session *s)
{
	return s->account != NULL ||
	       str_eq_c(worker_setting_text(s->w, STATE_SMTP_BARE),
		   "normalise");
}

bool
smtp_offers_dsn(const struct smtp_session *s)
{
	return s->kind->dsn && s->w->queue_store != NULL &&
	       (s->kind->submission || net_is_exempt(s->w, conn_peer(s->c)));
}

/* --- the transaction --- */

static void
smtp_reset(struct smtp_session *s)
{
	smtp_allow_drop(s);
	smtp_dialogue_message(s);
	smtp_message_free(&s->message);
	deliver_free(&s->deliver);
	if (s->state & (SMTP_MAIL | SMTP_CHUNKS))
		s->state = SMTP_IDLE;
}

void
smtp_drop(struct task *t, struct smtp_session *s)
{
	if (s->deliver != NULL)
		deliver_abort(t, s->deliver);
	smtp_reset(s);
}

/* --- replies --- */

static const struct smtp_reply smtp_too_many = { 421, "4.7.0",
	"too many errors, closing", SMTP_CLOSE };

static may_yield void
smtp_answer(struct task *t, struct smtp_session *s, const struct smtp_cmd *cmd,
    struct smtp_reply r)
{
	/* not what is no command: it may be anything, a password, too */
	bool known = cmd->command != NULL;
	bool show = known && !(cmd->command->flags & SMTP_SECRET);
	struct str verb = known ? cmd->verb : STR_NONE;
	struct str what = show ? cmd->args : STR_NONE;
	uint64_t max = worker_setting(s->w, STATE_SMTP_ERRORS);
	bool crime = (r.code >= 500 && !(r.flags & SMTP_BLAMELESS)) ||
		     (r.flags & SMTP_CRIME);

	if (crime && ++s->errors >= max && !(r.flags & SMTP_CLOSE))
		r = smtp_too_many;
	else if (crime && s->errors > max / 2)
		task_sleep_ms(t, SMTP_SLOW_MS);
	if (r.text != NULL) {
		if (r.code >= 400)
			smtp_log_refused(t, s, verb, what, &r);
		smtp_put(t, s, &r);
	}
	smtp_dialogue_after(s, cmd, &r);
	if (r.flags & SMTP_CLOSE) {
		s->state = SMTP_ENDED;
		conn_end(s->c);
	}
}

/* What was not asked for. */
static may_yield void
smtp_say(struct task *t, struct smtp_session *s, unsigned code,
    const char *enhanced, const char *text)
{
	struct smtp_cmd none = { .s = s };
	struct smtp_reply r = { code, enhanced,
		arena_printf(task_arena(t), "%s %s", worker_hostname(s->w),
		    text),
		SMTP_CLOSE };

	smtp_answer(t, s, &none, r);
}

static may_yield void
smtp_greet(struct task *t, struct smtp_session *s)
{
	s->state = SMTP_STRANGE;
	s->line_by = task_now_ms(t) + smtp_timeout_ms(s);
	conn_printf(t, s->c, "220 %s %s Shoal\r\n", worker_hostname(s->w),
	    s->kind->name);
}

/* --- commands --- */

static struct smtp_reply
smtp_out_of_order(const struct smtp_session *s)
{
	const char *text = "send MAIL first";

	if (s->state == SMTP_STRANGE)
		text = s->kind->lmtp ? "send LHLO first" : "send EHLO first";
	else if (s->state == SMTP_CHUNKS)
		text = "send BDAT LAST or RSET first";
	else if (s->state == SMTP_MAIL)
		text = "not within a transaction";
	return (struct smtp_reply){ 503, "5.5.1", text, 0 };
}

bool
smtp_has_command(const struct smtp_session *s, const struct smtp_command *c)
{
	unsigned not = s->kind->lmtp ? SMTP_ONLY_SMTP : SMTP_ONLY_LMTP;

	if (!s->kind->submission)
		not |= SMTP_ONLY_SUBMISSION;
	return !(c->flags & not );
}

static const struct smtp_command *
smtp_command_find(const struct smtp_session *s, struct str verb)
{
	for (unsigned i = 0; smtp_commands[i] != NULL; i++)
		if (str_case_eq_c(verb, smtp_commands[i]->name))
			return smtp_has_command(s, smtp_commands[i])
				   ? smtp_commands[i]
				   : NULL;
	return NULL;
}

static struct smtp_reply
smtp_unknown(struct str verb)
{
	for (unsigned i = 0; i < countof(smtp_http_verbs); i++)
		if (str_case_eq_c(verb, smtp_http_verbs[i]))
			return (struct smtp_reply){ 554, "5.5.1",
				"this is a mail server", SMTP_CLOSE };
	return (struct smtp_reply){ 500, "5.5.1", "unknown command", 0 };
}

static may_yield must_check struct smtp_reply
smtp_command_run(struct task *t, struct smtp_cmd *cmd)
{
	struct smtp_session *s = cmd->s;
	const struct smtp_command *c = smtp_command_find(s, cmd->verb);
	struct smtp_reply r;

	cmd->command = c;
	smtp_dialogue_heard(s, cmd);
	if (c == NULL)
		return smtp_unknown(cmd->verb);
	if (!(c->states & s->state))
		return smtp_out_of_order(s);
	if ((c->flags & SMTP_NO_ARGS) && cmd->args.n > 0)
		return (struct smtp_reply){ 501, "5.5.4",
			"this command takes no parameters", 0 };
	r = c->run(t, cmd);
	if ((c->flags & SMTP_JUNK) && !smtp_is_trusted(s) &&
	    ++s->junk > SMTP_JUNK_MAX)
		r.flags |= SMTP_CRIME;
	return r;
}

static may_yield must_check struct smtp_reply
smtp_line_run(struct task *t, struct smtp_session *s, struct smtp_cmd *cmd,
    struct str line, bool bare)
{
	/* the buffer it lies in is not ours for long */
	line = arena_str(task_arena(t), line);
	if (bare && !smtp_bare_lf_is_fine(s))
		return (
		    struct smtp_reply){ 501, "5.5.2", "lines end in CRLF", 0 };
	if (!smtp_parse_command(line, &cmd->verb, &cmd->args))
		return (struct smtp_reply){ 500, "5.5.2",
			"a command was expected", 0 };
	return smtp_command_run(t, cmd);
}

static may_yield void
smtp_line_too_long(struct task *t, struct smtp_session *s)
{
	struct smtp_cmd none = { .s = s };
	struct smtp_reply r = { 500, "5.5.2", "line too long", 0 };

	if (++s->long_lines >= SMTP_LONG_MAX)
		r.flags |= SMTP_CLOSE;
	smtp_answer(t, s, &none, r);
}

/* Only AUTH may be longer than smtp.line_max. */
static bool
smtp_line_is_long(const struct smtp_session *s, struct str line)
{
	return line.n > worker_setting(s->w, STATE_SMTP_LINE) &&
	       !str_case_eq_c(str_sub(line, 0, 5), "AUTH ");
}

/* One line, which is there or (between chunks) is waited for. */
static may_yield void
smtp_one(struct task *t, struct smtp_session *s)
{
	struct arena_mark mark = arena_mark(task_arena(t));
	struct smtp_cmd cmd = { .s = s };
	struct str line;
	bool bare;
	struct err *e;

	conn_set_deadline(s->c, s->line_by);
	e = conn_read_line(t, s->c, smtp_line_max(s), &line, &bare);
	conn_set_deadline(s->c, 0);
	if (err_is(e, ERR_LIMIT) || (e == NULL && smtp_line_is_long(s, line))) {
		smtp_line_too_long(t, s);
	} else if (e != NULL) {
		smtp_drop(t, s);
		if (err_is(e, ERR_TIMEOUT))
			smtp_say(t, s, 421, "4.4.2", "waited too long");
		s->state = SMTP_ENDED;
		conn_end(s->c);
	} else {
		struct smtp_reply r = smtp_line_run(t, s, &cmd, line, bare);

		smtp_answer(t, s, &cmd, r);
	}
	s->line_by = task_now_ms(t) + smtp_timeout_ms(s);
	arena_rewind(task_arena(t), mark);
}

/* A line, or more than any line may have. */
static bool
smtp_has_line(const struct smtp_session *s)
{
	struct str in = conn_buffered(s->c);

	return str_chr(in, '\n') >= 0 || in.n > smtp_line_max(s);
}

/* --- events --- */

static may_yield_unchecked void
smtp_open(struct task *t, struct conn *c, const struct smtp_kind *kind)
{
	struct smtp_session *s = xcalloc(1, sizeof(*s));

	s->c = c;
	s->w = conn_worker(c);
	s->kind = kind;
	s->state = SMTP_NEW;
	conn_set_session(c, s);
	smtp_set_input_max(s);
	if (kind->wait_ms == 0)
		smtp_greet(t, s);
	else if (smtp_door_is_fallback(s) && smtp_door_is_stranger(s))
		conn_set_idle_timeout(c, SMTP_DOOR_WAIT_MS);
	else
		conn_set_idle_timeout(c, kind->wait_ms);
	if (s->state == SMTP_STRANGE)
		conn_set_idle_timeout(c, smtp_timeout_ms(s));
}

/* Who talks before he is greeted does not listen (B21). */
static may_yield void
smtp_first(struct task *t, struct smtp_session *s, unsigned events)
{
	if (conn_buffered(s->c).n > 0)
		smtp_say(t, s, 554, "5.5.1", "you spoke before the greeting");
	else if (events & CONN_EVENT_DRAIN)
		smtp_say(t, s, 421, "4.3.2", "is shutting down");
	else if (events & CONN_EVENT_TIMEOUT)
		smtp_greet(t, s);
}

static may_yield void
smtp_lines(struct task *t, struct smtp_session *s)
{
	/* also what was sent before the client closed its side */
	while (
	    s->state != SMTP_ENDED && (s->message != NULL || smtp_has_line(s)))
		smtp_one(t, s);
	if (s->message != NULL)
		smtp_drop(t, s);
	if (s->draining && s->state & (SMTP_STRANGE | SMTP_IDLE))
		smtp_say(t, s, 421, "4.3.2", "is shutting down");
}

/* What is begun must be complete in time, however slowly it trickles. */
static may_yield void
smtp_rearm(struct task *t, struct smtp_session *s)
{
	uint64_t now = task_now_ms(t);

	if (s->state & (SMTP_NEW | SMTP_ENDED))
		return;
	if (now >= s->line_by)
		smtp_say(t, s, 421, "4.4.2", "waited too long");
	else
		conn_set_idle_timeout(s->c, (uint32_t)(s->line_by - now));
}

static may_yield_unchecked void
smtp_event(struct task *t, struct conn *c, unsigned events)
{
	struct smtp_session *s = conn_session(c);

	if (s->address != NULL)
		task_set_log(t, conn_id(c), s->address);
	if (events & CONN_EVENT_DRAIN)
		s->draining = true;
	if (s->state == SMTP_NEW)
		smtp_first(t, s, events);
	else
		smtp_lines(t, s);
	smtp_rearm(t, s);
}

static void
smtp_close(struct conn *c)
{
	struct smtp_session *s = conn_session(c);

	if (s == NULL)
		return;
	conn_set_session(c, NULL);
	smtp_reset(s);
	smtp_dialogue_free(s);
	free(s->hello);
	free(s->account);
	free(s->address);
	free(s->app);
	free(s);
}

static may_yield_unchecked void
smtp_open_smtp(struct task *t, struct conn *c)
{
	smtp_open(t, c, &smtp_kind_smtp);
}

static may_yield_unchecked void
smtp_open_lmtp(struct task *t, struct conn *c)
{
	smtp_open(t, c, &smtp_kind_lmtp);
}

static may_yield_unchecked void
smtp_open_submission(struct task *t, struct conn *c)
{
	smtp_open(t, c, &smtp_kind_submission);
}

const struct protocol smtp_protocol = {
	.name = "smtp",
	.busy = "421 4.3.2 too many connections, try again later\r\n",
	.denied = "554 5.7.1 this client may not connect here\r\n",
	.start_timeout_ms = 300000,
	.open = smtp_open_smtp,
	.event = smtp_event,
	.close = smtp_close,
};

const struct protocol lmtp_protocol = {
	.name = "lmtp",
	.busy = "421 4.3.2 too many connections, try again later\r\n",
	.denied = "554 5.7.1 this client may not connect here\r\n",
	.start_timeout_ms = 300000,
	.open = smtp_open_lmtp,
	.event = smtp_event,
	.close = smtp_close,
};

const struct protocol submission_protocol = {
	.name = "submission",
	.busy = "421 4.3.2 too many connections, try again later\r\n",
	.denied = "554 5.7.1 this client may not connect here\r\n",
	.start_timeout_ms = 300000,
	.open = smtp_open_submission,
	.event = smtp_event,
	.close = smtp_close,
};

const struct protocol submissions_protocol = {
	.name = "submissions",
	.tls = true,
	.busy = "421 4.3.2 too many connections, try again later\r\n",
	.denied = "554 5.7.1 this client may not connect here\r\n",
	.start_timeout_ms = 300000,
	.open = smtp_open_submission,
	.event = smtp_event,
	.close = smtp_close,
};
