/* smtp_dialogue.c - what was said in a session, for the trace */
#include "server/smtp/smtp_dialogue.h"

#include <stdlib.h>

#include "server/auth/auth.h"
#include "server/smtp/filter.h"
#include "server/smtp/smtp_commands.h"
#include "server/trace/trace.h"

#define SMTP_DIALOGUE_LINE 500
#define SMTP_DIALOGUE_RCPTS (40U << 10)
#define SMTP_DIALOGUE_MSGID 200

struct smtp_dialogue {
	struct buf said, rcpts, codes; /* lines */
	char *from;
	bool open;	  /* MAIL was accepted */
	bool good;	  /* the command was answered with 2xx */
	unsigned code;	  /* last reply */
	char answer[100]; /* its text */
	unsigned accepted, refused_code;
	uint64_t began_ms, without; /* without: transactions, a message */
	/* of the message */
	uint64_t number, bytes;
	char msgid[SMTP_DIALOGUE_MSGID + 1];
	struct {
		const char *key;
		char *value;
	} notes[SMTP_DIALOGUE_NOTES];
	unsigned notes_n;
};

static struct smtp_dialogue *
smtp_dialogue_of(struct smtp_session *s)
{
	struct smtp_dialogue *d = s->dialogue;

	if (d != NULL || s->w->trace == NULL)
		return d;
	d = s->dialogue = xcalloc(1, sizeof(*d));
	buf_init(&d->said, NULL, TRACE_DIALOGUE_MAX);
	buf_init(&d->rcpts, NULL, SMTP_DIALOGUE_RCPTS);
	buf_init(&d->codes, NULL, SMTP_DIALOGUE_RCPTS);
	return d;
}

/* Everything but the memory for it. */
static void
smtp_dialogue_clear(struct smtp_dialogue *d)
{
	buf_clear(&d->said);
	buf_clear(&d->rcpts);
	buf_clear(&d->codes);
	free(d->from);
	for (unsigned i = 0; i < d->notes_n; i++)
		free(d->notes[i].value);
	d->from = NULL;
	d->open = false;
	d->notes_n = d->accepted = d->refused_code = 0;
	d->number = d->bytes = 0;
	d->msgid[0] = '\0';
}

void
smtp_dialogue_heard(struct smtp_session *s, const struct smtp_cmd *cmd)
{
	struct smtp_dialogue *d = smtp_dialogue_of(s);
	struct str args = str_sub(cmd->args, 0, SMTP_DIALOGUE_LINE);

	if (d == NULL)
		return;
	d->good = false;
	d->code = 0;
	if (cmd->command == NULL) {
		/* it may be anything, a password, too */
		buf_c(&d->said, "> (no command)\n");
		return;
	}
	if (cmd->command->flags & SMTP_SECRET) {
		struct str all = args;

		/* AUTH's mechanism stays, if it is one */
		args = STR_NONE;
		if (!str_split(&all, ' ', &args) || !sasl_is_known(args))
			args = STR_NONE;
	}
	buf_fmt(&d->said, "> %s%s" STR_FMT "\n", cmd->command->name,
	    args.n > 0 ? " " : "", STR_ARG(args));
}

void
smtp_dialogue_said(struct smtp_session *s, const struct smtp_reply *r)
{
	struct smtp_dialogue *d = smtp_dialogue_of(s);

	if (d == NULL)
		return;
	d->code = r->code;
	d->good = d->good || r->code / 100 == 2;
	snprintf(d->answer, sizeof(d->answer), "%s%s%s",
	    r->enhanced != NULL ? r->enhanced : "",
	    r->enhanced != NULL ? " " : "", r->text);
	buf_fmt(&d->said, "< %u %s\n", r->code, d->answer);
}

void
smtp_dialogue_message(struct smtp_session *s)
{
	struct smtp_dialogue *d = s->dialogue;
	const struct filter_note *notes;
	unsigned n;

	if (d == NULL || s->deliver == NULL || !deliver_is_begun(s->deliver))
		return;
	notes = deliver_notes(s->deliver, &n);
	for (unsigned i = 0; i < n; i++)
		smtp_dialogue_note(s, notes[i].key, notes[i].value);
	d->number = s->messages;
	d->bytes = deliver_bytes(s->deliver);
	snprintf(d->msgid, sizeof(d->msgid), STR_FMT,
	    STR_ARG(deliver_message_id(s->deliver)));
	if (deliver_queue_id(s->deliver).n > 0)
		smtp_dialogue_note(s, "queue", deliver_queue_id(s->deliver));
}

void
smtp_dialogue_note(struct smtp_session *s, const char *key, struct str value)
{
	struct smtp_dialogue *d = smtp_dialogue_of(s);
	unsigned i = 0;

	if (d == NULL)
		return;
	while (i < d->notes_n && strcmp(d->notes[i].key, key) != 0)
		i++;
	if (i == SMTP_DIALOGUE_NOTES)
		return;
	if (i == d->notes_n)
		d->notes[d->notes_n++].value = NULL;
	free(d->notes[i].value);
	d->notes[i].key = key;
	d->notes[i].value = xcalloc(1, value.n + 1);
	memcpy(d->notes[i].value, value.p, value.n);
}

/* --- the event --- */

static const char *
smtp_dialogue_verdict(const struct smtp_dialogue *d, bool answered)
{
	unsigned code = d->code;

	if (!answered) {
		code = d->refused_code;
		if (d->accepted > 0 || code == 0)
			return "dropped";
	} else if (d->good)
		return "accepted";
	return code / 100 == 4 ? "deferred" : "refused";
}

static void
smtp_dialogue_peer(struct trace_event *ev, const struct smtp_session *s)
{
	const char *version = conn_tls_version(s->c);
	char text[NET_TEXT_MAX], tls[100];

	trace_str(ev, "ip", str_c(net_addr_text(conn_peer(s->c), text)));
	trace_str(ev, "helo", str_c(s->hello));
	trace_str(ev, "user", str_c(s->address));
	if (version == NULL)
		return;
	snprintf(tls, sizeof(tls), "%s %s", version, conn_tls_cipher(s->c));
	trace_str(ev, "tls", str_c(tls));
}

/* answered: by the reply to the message, or to MAIL. */
static void
smtp_dialogue_tell(struct smtp_session *s, struct smtp_dialogue *d,
    bool answered)
{
	struct arena *a = arena_new(0);
	bool message = d->number > 0;
	const char *id =
	    arena_printf(a, "%s-%s%llu", conn_id(s->c), message ? "" : "r",
		(unsigned long long)(message ? d->number : ++d->without));
	struct trace_event ev;

	trace_begin(&ev, s->w->trace, a, "smtp", str_c(id));
	trace_str(&ev, "verdict", str_c(smtp_dialogue_verdict(d, answered)));
	if (d->code > 0) {
		trace_u64(&ev, "code", d->code);
		trace_str(&ev, "answer", str_c(d->answer));
	}
	trace_str(&ev, "from", str_c(d->from));
	trace_lines(&ev, "rcpt", buf_str(&d->rcpts));
	trace_lines(&ev, "codes", buf_str(&d->codes));
	trace_str(&ev, "msgid", str_c(d->msgid));
	smtp_dialogue_peer(&ev, s);
	if (message)
		trace_u64(&ev, "bytes", d->bytes);
	trace_u64(&ev, "ms", sched_now_ms(s->w->sched) - d->began_ms);
	for (unsigned i = 0; i < d->notes_n; i++)
		trace_str(&ev, d->notes[i].key, str_c(d->notes[i].value));
	trace_lines(&ev, "log", buf_str(&d->said));
	trace_end(&ev);
	arena_free(&a);
	smtp_dialogue_clear(d);
}

/* "FROM:<alice@example.org> SIZE=1": alice@example.org, or what there is. */
static struct str
smtp_dialogue_path(struct str args)
{
	ptrdiff_t from = str_chr(args, '<'), to;

	if (from >= 0)
		args = str_sub(args, (size_t)from + 1, args.n);
	to = str_chr(args, '>');
	if (to >= 0)
		args.n = (size_t)to;
	return str_sub(args, 0, SMTP_DIALOGUE_LINE);
}

static void
smtp_dialogue_mail(struct smtp_session *s, struct smtp_dialogue *d,
    const struct smtp_cmd *cmd)
{
	struct str from = smtp_dialogue_path(cmd->args);

	free(d->from);
	d->from = xcalloc(1, from.n + 1);
	memcpy(d->from, from.p, from.n);
	d->began_ms = sched_now_ms(s->w->sched);
	d->open = s->deliver != NULL;
	if (!d->open)
		smtp_dialogue_tell(s, d, true);
}

static void
smtp_dialogue_rcpt(struct smtp_dialogue *d, const struct smtp_cmd *cmd,
    const struct smtp_reply *r)
{
	struct str to = smtp_dialogue_path(cmd->args);

	buf_fmt(&d->rcpts, STR_FMT "\n", STR_ARG(to));
	buf_fmt(&d->codes, "%u\n", r->code);
	if (r->code / 100 == 2)
		d->accepted++;
	else
		d->refused_code = r->code;
}

void
smtp_dialogue_after(struct smtp_session *s, const struct smtp_cmd *cmd,
    const struct smtp_reply *r)
{
	const struct smtp_command *c = cmd->command;
	struct smtp_dialogue *d = s->dialogue;

	if (d == NULL)
		return;
	if (c == &smtp_cmd_mail && !d->open)
		smtp_dialogue_mail(s, d, cmd);
	else if (c == &smtp_cmd_rcpt && d->open)
		smtp_dialogue_rcpt(d, cmd, r);
	if (d->open && s->deliver == NULL)
		smtp_dialogue_tell(s, d,
		    c == &smtp_cmd_data || c == &smtp_cmd_bdat);
	/* room for the transaction that is to come */
	if (!d->open && d->said.n > TRACE_DIALOGUE_MAX / 2) {
		buf_clear(&d->said);
		buf_c(&d->said, "...\n");
	}
}

void
smtp_dialogue_free(struct smtp_session *s)
{
	struct smtp_dialogue *d = s->dialogue;

	if (d == NULL)
		return;
	if (d->open)
		smtp_dialogue_tell(s, d, false);
	smtp_dialogue_clear(d);
	buf_free(&d->said);
	buf_free(&d->rcpts);
	buf_free(&d->codes);
	free(d);
	s->dialogue = NULL;
}
