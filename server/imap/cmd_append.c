/* cmd_append.c - APPEND */
#include <stdlib.h>

#include "server/imap/imap_commands.h"

#define APPEND_READ_BYTES 16384

/*
 * append = "APPEND" SP mailbox [SP flag-list] [SP date-time] SP literal
 *						RFC 3501, 6.3.11
 *
 * What can be refused is refused before the client is asked for the message.
 * It goes to its file as it comes; nothing is visible before it is whole. Lines
 * that end in a bare LF get their CR, a NUL is refused.
 */
struct append_run {
	struct imap_cmd *cmd;
	struct account *acc;
	struct str mailbox;
	struct imap_flags flags;
	int64_t date;
	uint64_t bytes;
	struct quota_limit limit;
	struct message_writer *w;
	bool cr; /* the byte before was a CR */
};

static bool
append_parse(struct append_run *r)
{
	struct imap_in *in = &r->cmd->in;

	if (!imap_sp(in) || !imap_mailbox(in, &r->mailbox) || !imap_sp(in))
		return false;
	if (imap_is(in, '(') &&
	    (!imap_flags(in, true, &r->flags) || !imap_sp(in)))
		return false;
	if (imap_is(in, '"')) {
		if (!imap_date_time(in, &r->date) || !imap_sp(in))
			return false;
		/* 0 would be now */
		if (r->date == 0)
			r->date = 1;
	}
	return imap_streamed(r->cmd, &r->bytes);
}

static may_yield must_check struct err *
append_target(struct task *t, struct append_run *r)
{
	struct err *e = imap_account(t, r->cmd, false, &r->acc);

	if (e != NULL || folder_by_name(r->acc, r->mailbox) != NULL)
		return e;
	/* another node may just have made it */
	e = account_refresh(t, r->acc);
	if (e != NULL || folder_by_name(r->acc, r->mailbox) != NULL)
		return e;
	buf_c(&r->cmd->code, "TRYCREATE");
	return err_new(task_arena(t), ERR_NOTFOUND, "there is no such mailbox",
	    NULL);
}

static must_check struct err *
append_room(struct task *t, struct append_run *r)
{
	uint64_t max = worker_setting(r->cmd->s->w, STATE_MESSAGE_MAX);

	if (r->bytes > max) {
		buf_c(&r->cmd->code, "TOOBIG");
		return err_newf(task_arena(t), ERR_LIMIT,
		    "a message may have %llu bytes", (unsigned long long)max);
	}
	if (r->bytes == 0)
		return err_new(task_arena(t), ERR_INVALID,
		    "the message is empty", NULL);
	imap_limit(r->cmd->s, &r->limit);
	return quota_check(task_arena(t), r->acc, &r->limit, r->bytes, 1);
}

/* CRLF for every LF that has none. */
static may_yield must_check struct err *
append_add(struct task *t, struct append_run *r, struct str piece)
{
	struct err *e = NULL;
	size_t from = 0;

	if (str_chr(piece, '\0') >= 0)
		return err_new(task_arena(t), ERR_INVALID,
		    "a message holds no NUL", NULL);
	for (size_t i = 0; e == NULL && i < piece.n; i++) {
		const char *lf = memchr(piece.p + i, '\n', piece.n - i);

		if (lf == NULL)
			break;
		i = (size_t)(lf - piece.p);
		if (i > 0 ? piece.p[i - 1] == '\r' : r->cr)
			continue;
		if (i > from)
			e = message_writer_add(t, r->w, piece.p + from,
			    i - from);
		if (e == NULL)
			e = message_writer_add(t, r->w, "\r", 1);
		from = i;
	}
	if (e == NULL)
		e = message_writer_add(t, r->w, piece.p + from, piece.n - from);
	r->cr = piece.p[piece.n - 1] == '\r';
	return e;
}

/* What goes wrong while the client sends is told when it has sent it all: it
 * would not look before. */
static may_yield must_check struct err *
append_read(struct task *t, struct append_run *r)
{
	char *p = xcalloc(1, APPEND_READ_BYTES);
	struct err *e, *refused = NULL;
	size_t got;

	do {
		e = imap_streamed_read(t, r->cmd, p, APPEND_READ_BYTES, &got);
		if (e == NULL && got > 0 && refused == NULL)
			refused = append_add(t, r, str_of(p, got));
	} while (e == NULL && got > 0);
	free(p);
	if (e == NULL)
		e = imap_streamed_end(t, r->cmd);
	return e != NULL ? e : refused;
}

static may_yield must_check struct err *
append_commit(struct task *t, struct append_run *r)
{
	struct message_target tg = {
		.acc = r->acc,
		.folder = r->mailbox,
		.flags = r->flags.flags,
		.keywords = r->flags.keywords,
		.keyword_count = r->flags.n,
		.date = r->date,
		.limit = &r->limit,
	};
	struct err *e = message_writer_commit(t, &r->w, &tg, 1);

	if (e == NULL)
		e = tg.err_r;
	if (err_is(e, ERR_NOTFOUND)) /* the folder went meanwhile */
		buf_c(&r->cmd->code, "TRYCREATE");
	if (e == NULL)
		buf_fmt(&r->cmd->code, "APPENDUID %u %u",
		    tg.place_r.uidvalidity, tg.place_r.uid);
	return e;
}

static may_yield struct err *
cmd_append_run(struct task *t, struct imap_cmd *cmd)
{
	struct append_run r = { .cmd = cmd };
	struct err *e;

	if (!append_parse(&r))
		return imap_bad(cmd, NULL);
	e = append_target(t, &r);
	if (e == NULL)
		e = append_room(t, &r);
	if (e == NULL)
		e = message_writer_begin(t, r.acc, NULL, &r.w);
	if (e != NULL)
		return e;
	e = append_read(t, &r);
	if (e == NULL)
		return append_commit(t, &r);
	message_writer_abort(t, &r.w);
	return e;
}

const struct imap_command cmd_append = {
	.name = "APPEND",
	.states = IMAP_USER | IMAP_SELECTED,
	.flags = IMAP_STREAMS,
	.run = cmd_append_run,
};
