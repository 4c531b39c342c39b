/* smtp_cmd_bdat.c - BDAT: the message in counted chunks (RFC 3030) */
#include "server/smtp/smtp_commands.h"

/*
 * The bytes of a chunk follow the command at once, whatever the answer: they
 * have to be taken away.  Only if their number makes no sense, or nobody would
 * ever send so many, the connection ends.
 */
static may_yield must_check struct smtp_reply
smtp_bdat_refuse(struct task *t, struct smtp_session *s,
    const struct smtp_bdat *b, struct smtp_reply r)
{
	struct err *e;

	if (b->size > worker_setting(s->w, STATE_MESSAGE_MAX)) {
		r.flags |= SMTP_CLOSE;
		return r;
	}
	e = smtp_message_drain(t, s, b->size);
	return e != NULL ? smtp_message_lost(t, s, e) : r;
}

/* Whether it may come now; else the reply. */
static bool
smtp_bdat_is_due(const struct smtp_session *s, struct smtp_reply *r_r)
{
	if (!(s->state & (SMTP_MAIL | SMTP_CHUNKS)))
		*r_r =
		    (struct smtp_reply){ 503, "5.5.1", "send MAIL first", 0 };
	else if (deliver_rcpt_count(s->deliver) == 0)
		*r_r = (struct smtp_reply){ s->kind->lmtp ? 503 : 554, "5.5.1",
			"no valid recipients", 0 };
	else
		return true;
	return false;
}

/* A chunk that cannot be had ends the transaction: those behind it find none
 * (RFC 3030, 2). */
static may_yield must_check struct smtp_reply
smtp_bdat_chunk(struct task *t, struct smtp_session *s,
    const struct smtp_bdat *b)
{
	struct smtp_reply r;
	struct err *e;

	if (s->message == NULL)
		smtp_message_begin(t, s, false);
	s->state = SMTP_CHUNKS;
	e = smtp_message_read(t, s, b->size);
	if (e != NULL)
		return smtp_message_lost(t, s, e);
	if (b->last) {
		r = smtp_message_end(t, s);
		smtp_drop(t, s);
		return r;
	}
	if (deliver_state(s->deliver) != DELIVER_OK) {
		r = smtp_reply_verdict(deliver_state(s->deliver), false);
		smtp_drop(t, s);
		return r;
	}
	/* chunks of nothing could go on for ever */
	return (struct smtp_reply){ 250, "2.0.0", "chunk taken",
		b->size == 0 ? SMTP_CRIME : 0 };
}

static may_yield_unchecked struct smtp_reply
smtp_bdat_run(struct task *t, struct smtp_cmd *cmd)
{
	struct smtp_session *s = cmd->s;
	struct smtp_bdat b;
	struct smtp_reply r;

	if (smtp_parse_bdat(cmd->args, &b) != SMTP_OK)
		return (struct smtp_reply){ 501, "5.5.4",
			"syntax: BDAT size [LAST]", SMTP_CLOSE };
	if (!smtp_bdat_is_due(s, &r))
		return smtp_bdat_refuse(t, s, &b, r);
	if (b.size > worker_setting(s->w, STATE_MESSAGE_MAX)) {
		smtp_drop(t, s);
		return smtp_bdat_refuse(t, s, &b,
		    smtp_reply_verdict(DELIVER_TOO_BIG, false));
	}
	return smtp_bdat_chunk(t, s, &b);
}

const struct smtp_command smtp_cmd_bdat = {
	.name = "BDAT",
	/* everywhere: see above */
	.states = SMTP_STRANGE | SMTP_IDLE | SMTP_MAIL | SMTP_CHUNKS,
	.help = "BDAT size [LAST]",
	.run = smtp_bdat_run,
};
