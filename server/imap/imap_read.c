/* imap_read.c - assembling a command with its literals */
#include <stdlib.h>

#include "base/crypto.h"
#include "server/imap/imap_private.h"

void
imap_reader_init(struct imap_reader *r, struct imap_session *s)
{
	const struct worker *w = s->w;

	*r = (struct imap_reader){ .s = s };
	r->count_max = (unsigned)worker_setting(w, STATE_IMAP_LITERALS);
	if (s->state == IMAP_STRANGER) {
		r->line_max = worker_setting(w, STATE_IMAP_LINE_STRANGER);
		r->literal_max = r->literals_max = r->line_max;
	} else {
		r->line_max = worker_setting(w, STATE_IMAP_LINE);
		r->literal_max = worker_setting(w, STATE_IMAP_LITERAL);
		r->literals_max = worker_setting(w, STATE_IMAP_LITERALS_TOTAL);
	}
	/* All that can come, with the CRLF of each literal's line; room for a
	 * login from the beginning, so that no copy of it is left behind. */
	buf_init(&r->text, NULL,
	    r->line_max + r->literals_max + r->count_max * 2 + 64);
	(void)buf_space(&r->text,
	    s->state == IMAP_STRANGER ? r->line_max : 500);
	buf_clear(&r->text);
}

void
imap_reader_free(struct imap_reader *r)
{
	if (r->text.p != NULL)
		crypto_wipe(r->text.p, r->text.size);
	buf_free(&r->text);
}

static void
imap_reader_refuse(struct imap_reader *r, const char *code,
    const char *sentence)
{
	if (r->refused != NULL)
		return;
	r->refused = sentence;
	r->refused_code = code;
}

/* Only the end of a dropped line matters: a literal may be announced there. */
static void
imap_reader_tail(struct imap_reader *r, struct str s)
{
	size_t keep;

	if (s.n >= sizeof(r->tail)) {
		memcpy(r->tail, s.p + s.n - sizeof(r->tail), sizeof(r->tail));
		r->tail_n = sizeof(r->tail);
		return;
	}
	keep = sizeof(r->tail) - s.n;
	if (keep > r->tail_n)
		keep = r->tail_n;
	memmove(r->tail, r->tail + r->tail_n - keep, keep);
	memcpy(r->tail + keep, s.p, s.n);
	r->tail_n = keep + s.n;
}

static void
imap_reader_take(struct imap_reader *r, size_t line_from, struct str s)
{
	size_t most = r->line_max - r->line_bytes;

	if (r->s->state == IMAP_STRANGER)
		most -= r->literal_bytes;
	if (r->refused == NULL) {
		/* As much as fits: the answer needs the tag. */
		struct str fits = str_sub(s, 0, most);

		buf_str_add(&r->text, fits);
		r->line_bytes += fits.n;
		if (fits.n == s.n)
			return;
		s = str_sub(s, fits.n, s.n);
		imap_reader_refuse(r, "TOOBIG", "the command is too long");
	}
	if (!r->drop_line) {
		r->drop_line = true;
		r->tail_n = 0;
		imap_reader_tail(r,
		    str_sub(buf_str(&r->text), line_from, r->text.n));
	}
	imap_reader_tail(r, s);
}

/* One line up to its LF, without CRLF (a bare LF ends one too). */
static may_yield struct err *
imap_reader_next(struct task *t, struct imap_reader *r, struct str *line_r)
{
	struct conn *c = r->s->c;
	size_t from = r->text.n;
	const char *lf = NULL;
	struct str line;

	r->drop_line = false;
	while (lf == NULL) {
		struct str in = conn_buffered(c);
		size_t n = in.n;
		struct err *e;

		if (in.n == 0) {
			e = conn_fill(t, c);
			if (e != NULL)
				return e;
			continue;
		}
		lf = memchr(in.p, '\n', in.n);
		if (lf != NULL)
			n = (size_t)(lf - in.p);
		imap_reader_take(r, from, str_of(in.p, n));
		conn_consume(c, lf != NULL ? n + 1 : n);
	}
	line = str_sub(buf_str(&r->text), from, r->text.n);
	if (r->drop_line)
		line = str_of(r->tail, r->tail_n);
	if (str_ends(line, STR("\r"))) {
		line.n--;
		if (!r->drop_line)
			r->text.n--;
	}
	*line_r = line;
	return NULL;
}

struct err *
imap_reader_line(struct task *t, struct imap_reader *r, size_t max,
    struct str *line_r)
{
	struct err *e;

	r->line_max = max;
	r->line_bytes = r->literal_bytes = 0;
	r->refused = NULL;
	buf_clear(&r->text);
	e = imap_reader_next(t, r, line_r);
	if (e == NULL && r->refused != NULL)
		return err_new(task_arena(t), ERR_LIMIT, r->refused, NULL);
	return e;
}

/* Takes n bytes off the input, into b if it is not NULL. */
static may_yield must_check struct err *
imap_read_bytes(struct task *t, struct conn *c, uint64_t n, struct buf *b)
{
	struct err *e;

	while (n > 0) {
		struct str in = conn_buffered(c);

		if (in.n == 0) {
			e = conn_fill(t, c);
			if (e != NULL)
				return e;
			continue;
		}
		if (in.n > n)
			in.n = (size_t)n;
		if (b != NULL)
			buf_str_add(b, in);
		conn_consume(c, in.n);
		n -= in.n;
	}
	return NULL;
}

struct err *
imap_read_drop(struct task *t, struct conn *c, uint64_t n)
{
	return imap_read_bytes(t, c, n, NULL);
}

/*
 * Whether the literal at the end of the text is for the handler: the command
 * streams, and it is not its first argument (the mailbox name).
 */
static bool
imap_reader_streams(struct task *t, struct imap_reader *r)
{
	const struct imap_command *command;
	struct str tag, name;
	struct imap_in in;

	if (r->s->state == IMAP_STRANGER)
		return false;
	imap_in_init(&in, task_arena(t), buf_str(&r->text));
	if (!imap_tag(&in, &tag) || !imap_is(&in, ' '))
		return false;
	in.at++;
	if (!imap_atom(&in, &name) || !imap_is(&in, ' '))
		return false;
	in.at++;
	command = imap_command_find(name);
	if (command == NULL || !(command->flags & IMAP_STREAMS))
		return false;
	return !imap_is(&in, '{') || r->count > 0;
}

/* A literal of n bytes was announced and is not refused yet. */
static void
imap_reader_check(struct imap_reader *r, uint64_t n, bool sync)
{
	if (!sync && n > IMAP_LITERAL_MINUS)
		imap_reader_refuse(r, "TOOBIG",
		    "a literal that does not wait has at most 4096 bytes");
	else if (r->streams)
		return;
	else if (r->count >= r->count_max)
		imap_reader_refuse(r, "TOOBIG", "too many literals");
	else if (n > r->literal_max)
		imap_reader_refuse(r, "TOOBIG", "a literal is too long");
	else if (r->literal_bytes + n > r->literals_max)
		imap_reader_refuse(r, "TOOBIG",
		    "the literals are too long together");
}

static may_yield struct err *
imap_reader_literal(struct task *t, struct imap_reader *r, uint64_t n,
    bool sync)
{
	struct conn *c = r->s->c;

	if (sync)
		conn_puts(t, c, "+ OK\r\n");
	buf_c(&r->text, "\r\n");
	r->count++;
	r->literal_bytes += n;
	return imap_read_bytes(t, c, n, &r->text);
}

/* Before login lines and literals have one limit, and who passes it with a
 * literal is no client (B31). */
static bool
imap_reader_is_flood(struct imap_reader *r, uint64_t n, bool sync)
{
	if (r->s->state == IMAP_STRANGER)
		return r->line_bytes + r->literal_bytes + n > r->line_max;
	return !sync && r->refused != NULL && n > IMAP_DRAIN_MAX;
}

enum imap_read
imap_reader_command(struct task *t, struct imap_reader *r)
{
	struct str line;
	uint64_t n;
	bool sync;

	for (;;) {
		struct err *e = imap_reader_next(t, r, &line);
		int literal;

		if (e != NULL)
			return IMAP_READ_GONE;
		literal = imap_literal_at_end(line, &n, &sync);
		if (literal < 0) {
			imap_reader_refuse(r, NULL,
			    "a literal is announced as {number}");
			/* What does not wait is on its way: nobody can say
			 * where it ends. */
			return str_ends(line, STR("+}")) ? IMAP_READ_CLOSE
							 : IMAP_READ_REFUSED;
		}
		if (literal == 0)
			return r->refused != NULL ? IMAP_READ_REFUSED
						  : IMAP_READ_COMMAND;
		r->streams = r->refused == NULL && imap_reader_streams(t, r);
		if (r->refused == NULL)
			imap_reader_check(r, n, sync);
		if (imap_reader_is_flood(r, n, sync)) {
			imap_reader_refuse(r, "TOOBIG",
			    "a literal is too long");
			return IMAP_READ_CLOSE;
		}
		if (r->refused != NULL && sync)
			return IMAP_READ_REFUSED;
		r->sync = sync;
		r->literal = n;
		if (r->refused == NULL && r->streams)
			return IMAP_READ_COMMAND;
		e = r->refused != NULL ? imap_read_drop(t, r->s->c, n)
				       : imap_reader_literal(t, r, n, sync);
		if (e != NULL)
			return IMAP_READ_GONE;
	}
}

/* --- the literal that a handler reads --- */

bool
imap_streamed(struct imap_cmd *cmd, uint64_t *n_r)
{
	struct str rest = str_sub(cmd->in.all, cmd->in.at, cmd->in.all.n);
	bool sync;

	*n_r = cmd->literal;
	if (!cmd->literal_given || str_chr(rest, '{') != 0 ||
	    imap_literal_at_end(rest, n_r, &sync) != 1)
		return imap_fail(&cmd->in, "a literal expected here");
	cmd->in.at = cmd->in.all.n;
	return true;
}

struct err *
imap_streamed_read(struct task *t, struct imap_cmd *cmd, void *p, size_t n,
    size_t *got_r)
{
	struct conn *c = cmd->s->c;
	struct err *e;

	*got_r = 0;
	if (cmd->literal_sync) {
		cmd->literal_sync = false;
		conn_puts(t, c, "+ OK\r\n");
		conn_set_floor(c, IMAP_FLOOR_BYTES_PER_S);
	}
	if (cmd->literal == 0)
		return NULL;
	if (n > cmd->literal)
		n = (size_t)cmd->literal;
	e = conn_read(t, c, p, n, got_r);
	if (e == NULL)
		cmd->literal -= *got_r;
	return e;
}

/*
 * The line behind a literal, and whatever literals follow it: they belong to no
 * command.  *empty_r whether there was nothing.
 */
static may_yield struct err *
imap_streamed_rest(struct task *t, struct imap_session *s, bool *empty_r)
{
	struct imap_reader r;
	struct str line;
	struct err *e;
	uint64_t n;
	bool sync;

	*empty_r = true;
	imap_reader_init(&r, s);
	for (;;) {
		e = imap_reader_line(t, &r, r.line_max, &line);
		if (e != NULL && !err_is(e, ERR_LIMIT))
			break;
		*empty_r = *empty_r && e == NULL && line.n == 0;
		if (err_is(e, ERR_LIMIT))
			line = str_of(r.tail, r.tail_n);
		e = NULL;
		if (imap_literal_at_end(line, &n, &sync) != 1 || sync)
			break;
		if (n > IMAP_DRAIN_MAX)
			e = err_new(task_arena(t), ERR_LIMIT,
			    "a literal is too long", NULL);
		else
			e = imap_read_drop(t, s->c, n);
		if (e != NULL)
			break;
	}
	imap_reader_free(&r);
	return e;
}

struct err *
imap_streamed_end(struct task *t, struct imap_cmd *cmd)
{
	struct err *e;
	bool empty;

	invariant(cmd->literal == 0);
	if (cmd->literal_sync) /* of no bytes: never asked for */
		conn_puts(t, cmd->s->c, "+ OK\r\n");
	cmd->literal_given = cmd->literal_sync = false;
	conn_set_floor(cmd->s->c, 0);
	e = imap_streamed_rest(t, cmd->s, &empty);
	if (err_is(e, ERR_LIMIT))
		imap_bye(t, cmd->s, "A literal is too long");
	if (e == NULL && !empty)
		e = imap_bad(cmd, "there is more behind the message");
	return e;
}

void
imap_streamed_discard(struct task *t, struct imap_cmd *cmd)
{
	bool empty;

	conn_set_floor(cmd->s->c, 0);
	if (!cmd->literal_given || cmd->literal_sync)
		return; /* read, or never asked for: it does not come */
	cmd->literal_given = false;
	if (cmd->literal > IMAP_DRAIN_MAX) {
		imap_bye(t, cmd->s, "The rest of a literal is too long");
		return;
	}
	if (imap_read_drop(t, cmd->s->c, cmd->literal) != NULL)
		return; /* gone */
	if (err_is(imap_streamed_rest(t, cmd->s, &empty), ERR_LIMIT))
		imap_bye(t, cmd->s, "A literal is too long");
}
