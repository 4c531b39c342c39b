/* imap_run.c - one command: found, run, answered */
#include "base/log.h"
#include "server/imap/imap_private.h"

#define IMAP_CODE_BYTES (2U << 20) /* COPYUID of many ranges */

struct err *
imap_bad(struct imap_cmd *cmd, const char *text)
{
	cmd->bad = true;
	if (text == NULL)
		text = cmd->in.bad != NULL ? cmd->in.bad : "syntax error";
	return err_new(cmd->in.arena, ERR_INVALID, text, NULL);
}

/* Response codes of RFC 5530 (and 9208), by outcome.  text: instead of the
 * error's own, which tells of servers and files what no user needs to know. */
static const struct {
	const char *code, *text;
} imap_outcomes[] = {
	[WORKER_OK] = { "", NULL },
	[WORKER_TEMP] = { "UNAVAILABLE",
	    "The mailbox cannot be reached just now" },
	[WORKER_FULL] = { "UNAVAILABLE",
	    "The mail store is full: only removing works" },
	[WORKER_OVERQUOTA] = { "OVERQUOTA", NULL },
	[WORKER_GONE] = { "EXPIRED", NULL },
	[WORKER_NOTFOUND] = { "NONEXISTENT", NULL },
	[WORKER_EXISTS] = { "ALREADYEXISTS", NULL },
	[WORKER_LIMIT] = { "LIMIT", NULL },
	[WORKER_INVALID] = { "CANNOT", NULL },
	[WORKER_DENIED] = { "NOPERM", NULL },
	[WORKER_DAMAGED] = { "CORRUPTION",
	    "The mailbox is damaged: the administrator has to look" },
	[WORKER_BUG] = { "SERVERBUG", "Internal error" },
};

/* resp-text: 7-bit, no line break; and what begins with '[' is a code. A
 * sentence begins with a capital. */
static void
imap_text_put(struct buf *b, const char *text)
{
	if (*text == '[')
		buf_char(b, ' ');
	else if (*text >= 'a' && *text <= 'z')
		buf_char(b, (char)(*text++ - 'a' + 'A'));
	for (; *text != '\0'; text++)
		buf_char(b, *text < ' ' || *text > '~' ? '?' : *text);
}

static void
imap_answer_log(struct task *t, const char *name, const struct err *e,
    enum worker_outcome outcome)
{
	if (outcome == WORKER_DAMAGED || outcome == WORKER_BUG)
		log_error(t, "imap command failed", LOG_C("command", name),
		    LOG_ERR(e));
	else if (outcome == WORKER_TEMP || outcome == WORKER_FULL)
		log_warn(t, "imap command failed", LOG_C("command", name),
		    LOG_ERR(e));
}

void
imap_answer(struct task *t, struct imap_cmd *cmd, const char *name,
    struct err *e)
{
	const char *text = e != NULL ? e->text : cmd->text;
	struct buf b;

	buf_init(&b, task_arena(t), IMAP_CODE_BYTES + 4096 + cmd->tag.n);
	buf_str_add(&b, cmd->tag);
	if (cmd->bad) {
		buf_c(&b, " BAD ");
	} else if (e != NULL) {
		enum worker_outcome outcome = worker_outcome(e);

		/* A client that is gone is no trouble of ours. */
		if (!conn_is_ending(cmd->s->c))
			imap_answer_log(t, name, e, outcome);
		buf_c(&b, " NO ");
		if (cmd->code.n == 0) {
			buf_c(&cmd->code, imap_outcomes[outcome].code);
			if (imap_outcomes[outcome].text != NULL)
				text = imap_outcomes[outcome].text;
		}
	} else {
		buf_c(&b, " OK ");
		/* a session lasts for days: only errors in a row are a sign */
		if (cmd->s->state != IMAP_STRANGER)
			cmd->s->errors = 0;
	}
	if (cmd->code.n > 0 && buf_ok(&cmd->code))
		buf_fmt(&b, "[" STR_FMT "] ", STR_ARG(buf_str(&cmd->code)));
	if (text != NULL)
		imap_text_put(&b, text);
	else
		buf_fmt(&b, "%s%s completed", cmd->uid ? "UID " : "", name);
	buf_c(&b, "\r\n");
	conn_write(t, cmd->s->c, b.p, b.n);
	if (cmd->bad)
		imap_error_count(t, cmd->s);
	else if (e != NULL && worker_outcome(e) == WORKER_GONE)
		imap_bye(t, cmd->s, "The account is closed");
}

void
imap_error_count(struct task *t, struct imap_session *s)
{
	uint64_t max = IMAP_ERRORS_STRANGER;

	if (s->state != IMAP_STRANGER)
		max = worker_setting(s->w, STATE_IMAP_ERRORS);
	if (++s->errors >= max)
		imap_bye(t, s, "Too many bad commands");
}

/* command = tag SP (name / "UID" SP name) ...; NULL: answered */
static const struct imap_command *
imap_find(struct imap_cmd *cmd, const char **why_r)
{
	const struct imap_command *command;
	struct str name;

	if (!imap_tag(&cmd->in, &cmd->tag)) {
		cmd->tag = STR("*");
		*why_r = "A command begins with a tag";
		return NULL;
	}
	if (!imap_sp(&cmd->in) || !imap_atom(&cmd->in, &name)) {
		*why_r = "A command has a name";
		return NULL;
	}
	if (str_case_eq_c(name, "UID")) {
		cmd->uid = true;
		if (!imap_sp(&cmd->in) || !imap_atom(&cmd->in, &name)) {
			*why_r = "UID what?";
			return NULL;
		}
	}
	command = imap_command_find(name);
	if (command == NULL || (cmd->uid && !(command->flags & IMAP_UID_TOO))) {
		*why_r = "There is no such command";
		return NULL;
	}
	if (command->states & cmd->s->state)
		return command;
	if (cmd->s->state == IMAP_STRANGER)
		*why_r = "Log in first";
	else if (command->states == IMAP_STRANGER)
		*why_r = "You are logged in already";
	else
		*why_r = "Select a mailbox first";
	return NULL;
}

static may_yield void
imap_dispatch(struct task *t, struct imap_cmd *cmd)
{
	struct imap_session *s = cmd->s;
	const char *why = NULL;
	const struct imap_command *command = imap_find(cmd, &why);
	uint64_t began = task_now_ms(t);
	struct err *e;

	if (command == NULL) {
		imap_answer(t, cmd, "", imap_bad(cmd, why));
		return;
	}
	e = command->run(t, cmd);
	if (s->state == IMAP_SELECTED && !cmd->later)
		imap_view_sync(t, s,
		    (command->flags & IMAP_KEEP_NUMBERS) && !cmd->uid);
	s->told = NULL;
	if (!cmd->later)
		imap_answer(t, cmd, command->name, e);
	log_debug(t, "imap", "command", LOG_C("command", command->name),
	    LOG_C("outcome", err_name(err_code(e))),
	    LOG_U64("ms", task_now_ms(t) - began));
}

/* Too long, or no literal where one was announced. */
static may_yield void
imap_refuse(struct task *t, struct imap_cmd *cmd, const struct imap_reader *r,
    bool close)
{
	if (!imap_tag(&cmd->in, &cmd->tag))
		cmd->tag = STR("*");
	if (r->refused_code != NULL)
		buf_c(&cmd->code, r->refused_code);
	imap_answer(t, cmd, "", imap_bad(cmd, r->refused));
	if (close && !conn_is_ending(cmd->s->c))
		imap_bye(t, cmd->s, r->refused);
}

static may_yield void
imap_run_read(struct task *t, struct imap_session *s, struct imap_reader *r)
{
	struct imap_cmd cmd = { .s = s };
	enum imap_read how;

	/* Before login one deadline holds for everything. */
	if (s->state != IMAP_STRANGER)
		conn_set_deadline(s->c,
		    task_now_ms(t) + IMAP_COMMAND_TIMEOUT_MS);
	how = imap_reader_command(t, r);
	if (s->state != IMAP_STRANGER)
		conn_set_deadline(s->c, 0);
	imap_in_init(&cmd.in, task_arena(t), buf_str(&r->text));
	buf_init(&cmd.code, task_arena(t), IMAP_CODE_BYTES);
	switch (how) {
	case IMAP_READ_COMMAND:
		cmd.literal_given = r->streams;
		cmd.literal_sync = r->streams && r->sync;
		cmd.literal = r->streams ? r->literal : 0;
		if (!imap_session_recheck(t, s))
			break;
		imap_dispatch(t, &cmd);
		imap_streamed_discard(t, &cmd);
		break;
	case IMAP_READ_REFUSED:
	case IMAP_READ_CLOSE:
		imap_refuse(t, &cmd, r, how == IMAP_READ_CLOSE);
		break;
	case IMAP_READ_GONE:
		conn_end(s->c);
		break;
	}
}

void
imap_run(struct task *t, struct imap_session *s)
{
	struct arena_mark mark = arena_mark(task_arena(t));
	struct imap_reader r;

	imap_reader_init(&r, s);
	imap_run_read(t, s, &r);
	imap_reader_free(&r);
	arena_rewind(task_arena(t), mark);
}
