/* fuzz_imap_read.c - commands with their literals, in pieces of any size */
#include <stdlib.h>

#include "base/clock.h"
#include "base/rnd.h"
#include "server/imap/imap_private.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

/*
 * The connection is the input, handed over in pieces; what the reader answers
 * is counted.  The same input in other pieces has to give the same commands.
 */
struct conn {
	struct str in;	 /* not handed over yet */
	struct str have; /* handed over, not consumed */
	size_t piece;
	struct buf seen; /* commands, and what became of them */
};

struct fuzz_run {
	struct conn c;
	struct imap_session s;
	bool done;
};

struct str
conn_buffered(const struct conn *c)
{
	return c->have;
}

void
conn_consume(struct conn *c, size_t n)
{
	invariant(n <= c->have.n);
	c->have = str_sub(c->have, n, c->have.n);
}

struct err *
conn_fill(struct task *t, struct conn *c)
{
	size_t more = c->piece < c->in.n ? c->piece : c->in.n;

	invariant(c->have.n == 0);
	if (more == 0)
		return err_new(task_arena(t), ERR_UNAVAIL, "gone", NULL);
	c->have = str_sub(c->in, 0, more);
	c->in = str_sub(c->in, more, c->in.n);
	return NULL;
}

struct err *
conn_read(struct task *t, struct conn *c, void *p, size_t n, size_t *got_r)
{
	struct err *e = c->have.n == 0 ? conn_fill(t, c) : NULL;

	*got_r = 0;
	if (e != NULL)
		return e;
	*got_r = n < c->have.n ? n : c->have.n;
	memcpy(p, c->have.p, *got_r);
	conn_consume(c, *got_r);
	return NULL;
}

void
conn_puts(struct task *t, struct conn *c, const char *s)
{
	(void)t;
	buf_c(&c->seen, s);
}

void
conn_set_floor(struct conn *c, uint32_t bytes_per_s)
{
	(void)c;
	(void)bytes_per_s;
}

uint64_t
worker_setting(const struct worker *w, enum state_setting id)
{
	(void)w;
	/* small, so that inputs of some hundred bytes pass every limit */
	return id == STATE_IMAP_LITERALS	 ? 3
	       : id == STATE_IMAP_LITERAL	 ? 40
	       : id == STATE_IMAP_LITERALS_TOTAL ? 60
	       : id == STATE_IMAP_LINE_STRANGER	 ? 50
						 : 100;
}

static struct err *
fuzz_append(struct task *t, struct imap_cmd *cmd)
{
	(void)t;
	(void)cmd;
	return NULL;
}

const struct imap_command *
imap_command_find(struct str name)
{
	static const struct imap_command append = { "A", IMAP_USER,
		IMAP_STREAMS, fuzz_append };

	return str_case_eq_c(name, "A") ? &append : NULL;
}

void
imap_bye(struct task *t, struct imap_session *s, const char *text)
{
	(void)t;
	(void)text;
	s->state = IMAP_GONE;
}

struct err *
imap_bad(struct imap_cmd *cmd, const char *text)
{
	cmd->bad = true;
	return err_new(cmd->in.arena, ERR_INVALID, text, NULL);
}

/* Half of the handlers read their literal, the others leave it. */
static may_yield void
fuzz_streamed(struct task *t, struct fuzz_run *r, struct imap_reader *rd)
{
	struct imap_cmd cmd = { .s = &r->s,
		.literal_given = true,
		.literal_sync = rd->sync,
		.literal = rd->literal };
	bool reads = rd->text.n % 2 == 0;
	char piece[7];
	size_t got;

	imap_in_init(&cmd.in, task_arena(t), buf_str(&rd->text));
	do {
		if (!reads || imap_streamed_read(t, &cmd, piece, sizeof(piece),
				  &got) != NULL)
			break;
		buf_add(&r->c.seen, piece, got);
	} while (got > 0);
	if (reads && cmd.literal == 0)
		buf_c(&r->c.seen,
		    imap_streamed_end(t, &cmd) == NULL ? "<end>" : "<more>");
	imap_streamed_discard(t, &cmd);
}

static may_yield void
fuzz_commands(struct task *t, void *arg)
{
	struct fuzz_run *r = arg;
	enum imap_read how = IMAP_READ_COMMAND;

	while (r->s.state != IMAP_GONE && how != IMAP_READ_GONE &&
	       how != IMAP_READ_CLOSE) {
		struct imap_reader rd;

		imap_reader_init(&rd, &r->s);
		how = imap_reader_command(t, &rd);
		invariant(buf_ok(&rd.text));
		invariant(rd.line_bytes <= rd.line_max);
		invariant(rd.literal_bytes <= rd.literals_max);
		invariant((rd.refused != NULL) == (how == IMAP_READ_REFUSED ||
						      how == IMAP_READ_CLOSE) ||
			  how == IMAP_READ_GONE);
		/* What was cut off in the middle depends on the pieces. */
		if (how != IMAP_READ_GONE) {
			buf_fmt(&r->c.seen, "[%d %s ", how,
			    rd.refused != NULL ? rd.refused : "");
			buf_str_add(&r->c.seen, buf_str(&rd.text));
			buf_char(&r->c.seen, ']');
		}
		if (how == IMAP_READ_COMMAND && rd.streams)
			fuzz_streamed(t, r, &rd);
		imap_reader_free(&rd);
	}
	r->done = true;
}

static void
fuzz_run(struct fuzz_run *r, struct str in, size_t piece, bool stranger)
{
	struct sched *sched = sched_new(&clock_system, &rnd_system);

	*r = (struct fuzz_run){ .c = { .in = in, .piece = piece } };
	r->s.c = &r->c;
	r->s.state = stranger ? IMAP_STRANGER : IMAP_USER;
	buf_init(&r->c.seen, NULL, 1 << 20);
	task_start(sched, "fuzz", fuzz_commands, r);
	while (sched_run_one(sched))
		;
	invariant(r->done);
	sched_free(&sched);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct fuzz_run whole, pieces;
	struct str in;
	char *copy;

	if (n < 1)
		return 0;
	copy = xmemdup(data + 1, n - 1);
	in = str_of(copy, n - 1);
	fuzz_run(&whole, in, in.n + 1, data[0] & 1);
	fuzz_run(&pieces, in, 1 + (data[0] >> 1) % 13, data[0] & 1);
	invariant(str_eq(buf_str(&whole.c.seen), buf_str(&pieces.c.seen)));
	buf_free(&whole.c.seen);
	buf_free(&pieces.c.seen);
	free(copy);
	return 0;
}
