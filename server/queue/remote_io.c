/* remote_io.c - one session: a command out, a reply in, and the transcript */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/queue/remote_private.h"

/* --- the transcript --- */

static void
remote_record(struct remote *r, const char *who, struct str line)
{
	struct buf *b = r->transcript;
	size_t most = b == NULL		 ? 0
		      : b == &r->opening ? REMOTE_OPENING_MAX
					 : REMOTE_TRANSCRIPT_MAX;

	if (b == NULL || r->cut)
		return;
	if (b->n + line.n + 16 > most) {
		r->cut = true;
		buf_c(b, "...\n");
		return;
	}
	buf_c(b, who);
	remote_printable(b, line);
	buf_char(b, '\n');
}

void
remote_note(struct remote *r, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	remote_record(r, "* ", str_c(text));
}

/* --- commands --- */

struct buf *
remote_line(struct remote *r)
{
	buf_clear(&r->line);
	return &r->line;
}

may_yield void
remote_say(struct task *t, struct remote *r, const char *shown)
{
	struct buf *b = &r->line;

	/* Whatever the callers let pass: one command is one line. */
	for (size_t i = 0; i < b->n; i++)
		if ((unsigned char)b->p[i] < ' ' || b->p[i] == 127)
			b->p[i] = '?';
	remote_record(r, "C: ", shown != NULL ? str_c(shown) : buf_str(b));
	buf_c(b, "\r\n");
	if (!buf_ok(b) || r->dial == NULL) {
		r->broken = true;
		return;
	}
	/* What failed is found, and told, where the reply is waited for. */
	err_ignore(dial_write(t, r->dial, b->p, b->n, REMOTE_BLOCK_MS));
}

/* --- replies --- */

void
remote_reply_set(struct arena *a, struct remote_reply *reply, unsigned code,
    const char *enhanced, const char *fmt, ...)
{
	char text[REMOTE_TEXT_MAX];
	struct buf b;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_init(&b, a, sizeof(text));
	remote_printable(&b, str_c(text));
	*reply = (struct remote_reply){ .code = code, .text = buf_str(&b) };
	snprintf(reply->enhanced, sizeof(reply->enhanced), "%s", enhanced);
}

static bool
remote_has_part(struct str line, struct str secret)
{
	size_t n =
	    secret.n < REMOTE_SECRET_PART ? secret.n : REMOTE_SECRET_PART;

	for (size_t at = 0; n > 0 && at + n <= secret.n; at++)
		if (memmem(line.p, line.n, secret.p + at, n) != NULL)
			return true;
	return false;
}

/* Some hosts repeat what they were told: nobody is to read that in a
 * transcript, a log or a bounce. */
static struct str
remote_hide(struct task *t, const struct remote *r, struct str line)
{
	for (unsigned i = 0; i < REMOTE_SECRETS; i++)
		if (remote_has_part(line, r->secrets[i]))
			return str_c(arena_printf(task_arena(t), STR_FMT "***",
			    STR_ARG(str_sub(line, 0, 4))));
	return line;
}

static may_yield struct err *
remote_read_reply(struct task *t, struct remote *r, uint64_t limit_at,
    struct remote_ext *x, struct remote_reply *reply_r)
{
	struct remote_reader reader;
	enum remote_step step;
	struct str line, shown, text;
	struct err *e;

	remote_reader_init(&reader, task_arena(t));
	do {
		e = dial_read_line(t, r->dial, REMOTE_LINE_MAX, limit_at,
		    &line);
		if (e != NULL)
			return e;
		shown = remote_hide(t, r, line);
		remote_record(r, "S: ", shown);
		step = remote_reader_line(&reader, shown, &text);
		if (x != NULL && reader.lines > 1)
			remote_ext_line(x, str_sub(line, 4, line.n));
	} while (step == REMOTE_MORE);
	if (step == REMOTE_MALFORMED)
		return err_new(task_arena(t), ERR_INVALID,
		    "the host's answer cannot be understood", NULL);
	*reply_r = reader.reply;
	return NULL;
}

may_yield void
remote_hear(struct task *t, struct remote *r, uint32_t ms, struct remote_ext *x,
    struct remote_reply *reply_r)
{
	uint64_t limit_at = task_now_ms(t) + ms;
	struct err *lost = NULL, *e;

	if (r->broken || r->dial == NULL) {
		remote_reply_set(task_arena(t), reply_r, 0, "",
		    "the connection was closed");
		return;
	}
	lost = dial_flush(t, r->dial, limit_at);
	/* Who closes on us may have said why. */
	if (lost != NULL && limit_at > task_now_ms(t) + REMOTE_LAST_WORDS_MS)
		limit_at = task_now_ms(t) + REMOTE_LAST_WORDS_MS;
	e = remote_read_reply(t, r, limit_at, x, reply_r);
	if (e == NULL) {
		r->broken = lost != NULL || reply_r->code == 421;
		return;
	}
	r->broken = true;
	if (lost != NULL)
		e = lost;
	remote_reply_set(task_arena(t), reply_r, 0, "", "%s", e->text);
	remote_note(r, "%s", e->text);
}

may_yield void
remote_ask(struct task *t, struct remote *r, const char *shown, uint32_t ms,
    struct remote_reply *reply_r)
{
	remote_say(t, r, shown);
	remote_hear(t, r, ms, NULL, reply_r);
}
